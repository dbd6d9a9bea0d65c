/*
 * sale_credit.c
 *		Aggregate over the unsorted touches and sales of one customer: which
 *		touch earned how much of which sale, by four models at once.
 *
 * The state keeps touches (time, id) and sales (time, id, cents) in two growing
 * arrays; combining two states appends one to the other.  The final function
 * sorts both by (time, id), so that the result does not depend on the order of
 * the rows or on the number of workers, and walks them together: the touches of
 * a sale at time t are those in [t - lookback, t], which both ends of a sliding
 * window find in linear time.  Credits are whole cents:
 *
 *	first, last		all to the first, to the last touch
 *	linear			amount / n each; the cents left over go to the earlier touches
 *	position		40 % first, 40 % last, 20 % over those between; one touch has
 *					all, two have half each; split by the largest remainder
 *
 * which is omnicrm.allocate() with the journey's order as key.  A sale without
 * a touch gives one row without touch, so that the sums of all models equal the
 * sum of the sales.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/aggregate.h"
#include "common/int.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"

#include "attribution/options.h"
#include "common/compat.h"
#include "common/units.h"

PG_FUNCTION_INFO_V1(omnicrm_sale_credit_trans);
PG_FUNCTION_INFO_V1(omnicrm_sale_credit_combine);
PG_FUNCTION_INFO_V1(omnicrm_sale_credit_serial);
PG_FUNCTION_INFO_V1(omnicrm_sale_credit_deserial);
PG_FUNCTION_INFO_V1(omnicrm_sale_credit_final);

/* per group: 256 MB of touches, 384 MB of sales, about 500 MB of result */
#define MAX_EVENTS 16777216
#define MAX_ROWS 5000000

/* 10^16 of the currency: twice this still fits 64 bits */
#define MAX_CENTS INT64CONST(1000000000000000000)

#define STATE_VERSION 1
#define LOOKBACK_NOT_SET (-1)
#define CREDIT_COLUMNS 8

typedef struct Touch
{
	int64		at;
	int64		id;
} Touch;

typedef struct Sale
{
	int64		at;
	int64		id;
	int64		cents;
} Sale;

typedef struct CreditState
{
	int64		lookback;		/* microseconds, LOOKBACK_NOT_SET before the first row */
	Interval	given;			/* as given, to see at once that it is the same */
	Touch	   *touches;
	Sale	   *sales;
	int			ntouches;
	int			nsales;
	int			touch_room;
	int			sale_room;
	bool		touches_sorted;
	bool		sales_sorted;
} CreditState;

/* The few different amounts of one sale, each made a numeric once. */
typedef struct Amount
{
	int64		cents;
	Datum		value;
} Amount;

/* The result array while it grows. */
typedef struct CreditRows
{
	TupleDesc	row;
	char	   *data;
	Size		used;
	Size		room;
	int			count;
	Amount		amounts[CREDIT_COLUMNS];
	int			namounts;
} CreditRows;

#define ST_SORT sort_touches
#define ST_ELEMENT_TYPE Touch
#define ST_COMPARE(a, b) \
	((a)->at != (b)->at ? ((a)->at < (b)->at ? -1 : 1) : \
	 (a)->id != (b)->id ? ((a)->id < (b)->id ? -1 : 1) : 0)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_sales
#define ST_ELEMENT_TYPE Sale
#define ST_COMPARE(a, b) \
	((a)->at != (b)->at ? ((a)->at < (b)->at ? -1 : 1) : \
	 (a)->id != (b)->id ? ((a)->id < (b)->id ? -1 : 1) : 0)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static void
too_many_events(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("one group has more than %d %s", MAX_EVENTS, what),
			 errhint("Group by customer, and leave out a collective account that stands for many.")));
}

/* Room for "more" further elements, doubling. */
static void *
grow(MemoryContext context, void *array, int count, int more, int *room, Size width,
	 const char *what)
{
	int			wanted = Max(*room * 2, 8);

	if (more > MAX_EVENTS - count)
		too_many_events(what);
	if (count + more <= *room)
		return array;
	*room = Min(Max(wanted, count + more), MAX_EVENTS);
	if (array == NULL)
		return MemoryContextAlloc(context, *room * width);
	return repalloc(array, *room * width);
}

static CreditState *
new_state(MemoryContext context)
{
	CreditState *state = MemoryContextAllocZero(context, sizeof(CreditState));

	state->lookback = LOOKBACK_NOT_SET;
	state->touches_sorted = true;
	state->sales_sorted = true;
	return state;
}

static void
take_lookback(CreditState *state, FunctionCallInfo fcinfo)
{
	Interval   *lookback;
	int64		microseconds;

	if (PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("lookback must not be NULL"),
				 errhint("For example interval '90 days'.")));
	lookback = PG_GETARG_INTERVAL_P(5);
	if (state->lookback != LOOKBACK_NOT_SET &&
		lookback->time == state->given.time && lookback->day == state->given.day &&
		lookback->month == state->given.month)
		return;
	microseconds = (int64) omnicrm_interval_microseconds(lookback, "lookback");
	if (state->lookback != LOOKBACK_NOT_SET && state->lookback != microseconds)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lookback must be the same in all rows of a group")));
	state->lookback = microseconds;
	state->given = *lookback;
}

static void
add_touch(MemoryContext context, CreditState *state, int64 at, int64 id)
{
	Touch	   *touch;

	if (state->ntouches >= state->touch_room)
		state->touches = grow(context, state->touches, state->ntouches, 1,
							  &state->touch_room, sizeof(Touch), "touches");
	touch = &state->touches[state->ntouches];
	touch->at = at;
	touch->id = id;
	if (state->ntouches > 0 && state->touches_sorted)
		state->touches_sorted = touch[-1].at < at || (touch[-1].at == at && touch[-1].id <= id);
	state->ntouches++;
}

static void
add_sale(MemoryContext context, CreditState *state, int64 at, int64 id, Numeric amount)
{
	int128		cents = omnicrm_numeric_to_units(amount, 2, "amount");
	Sale	   *sale;

	if (cents > MAX_CENTS || cents < -MAX_CENTS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount of sale %lld is out of range", (long long) id),
				 errhint("At most 16 digits before the point are handled.")));
	if (state->nsales >= state->sale_room)
		state->sales = grow(context, state->sales, state->nsales, 1,
							&state->sale_room, sizeof(Sale), "sales");
	sale = &state->sales[state->nsales];
	sale->at = at;
	sale->id = id;
	sale->cents = (int64) cents;
	if (state->nsales > 0 && state->sales_sorted)
		state->sales_sorted = sale[-1].at < at || (sale[-1].at == at && sale[-1].id <= id);
	state->nsales++;
}

/*
 * Transition of sale_credit(occurred_at, touch_id, sale_id, amount, lookback):
 * a row with touch_id is a touch, one with sale_id is a sale, one with neither
 * is passed over.
 */
Datum
omnicrm_sale_credit_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	CreditState *state = PG_ARGISNULL(0) ? new_state(context) : (CreditState *) PG_GETARG_POINTER(0);
	bool		is_touch = !PG_ARGISNULL(2);
	bool		is_sale = !PG_ARGISNULL(3);
	TimestampTz at;

	if (!is_touch && !is_sale)
		PG_RETURN_POINTER(state);
	if (is_touch && is_sale)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a row is either a touch or a sale, not both (touch %lld, sale %lld)",
						(long long) PG_GETARG_INT64(2), (long long) PG_GETARG_INT64(3))));
	if (PG_ARGISNULL(1) || TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(1)))
		ereport(ERROR,
				(errcode(PG_ARGISNULL(1) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("%s %lld has no finite time", is_touch ? "touch" : "sale",
						(long long) PG_GETARG_INT64(is_touch ? 2 : 3)),
				 errhint("Leave out events whose time is not known.")));
	at = PG_GETARG_TIMESTAMPTZ(1);
	take_lookback(state, fcinfo);
	if (is_touch)
		add_touch(context, state, at, PG_GETARG_INT64(2));
	else if (PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("sale %lld has no amount", (long long) PG_GETARG_INT64(3)),
				 errhint("Say what an unknown amount counts, for example coalesce(amount, 0).")));
	else
		add_sale(context, state, at, PG_GETARG_INT64(3), PG_GETARG_NUMERIC(4));
	PG_RETURN_POINTER(state);
}

/* Appends the events of one state to another. */
static void
append_state(MemoryContext context, CreditState *into, const CreditState *from)
{
	if (from->lookback == LOOKBACK_NOT_SET)
		return;
	if (into->lookback != LOOKBACK_NOT_SET && into->lookback != from->lookback)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("lookback must be the same in all rows of a group")));
	into->lookback = from->lookback;
	into->given = from->given;
	if (from->ntouches > 0)
	{
		into->touches = grow(context, into->touches, into->ntouches, from->ntouches,
							 &into->touch_room, sizeof(Touch), "touches");
		memcpy(into->touches + into->ntouches, from->touches, from->ntouches * sizeof(Touch));
		into->touches_sorted = into->ntouches == 0 && from->touches_sorted;
		into->ntouches += from->ntouches;
	}
	if (from->nsales > 0)
	{
		into->sales = grow(context, into->sales, into->nsales, from->nsales,
						   &into->sale_room, sizeof(Sale), "sales");
		memcpy(into->sales + into->nsales, from->sales, from->nsales * sizeof(Sale));
		into->sales_sorted = into->nsales == 0 && from->sales_sorted;
		into->nsales += from->nsales;
	}
}

/* Combine function: the second state's events go behind the first's. */
Datum
omnicrm_sale_credit_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	CreditState *into;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	into = PG_ARGISNULL(0) ? new_state(context) : (CreditState *) PG_GETARG_POINTER(0);
	append_state(context, into, (CreditState *) PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(into);
}

/* Serialise: version, lookback, counts, events, all in network byte order. */
Datum
omnicrm_sale_credit_serial(PG_FUNCTION_ARGS)
{
	CreditState *state;
	StringInfoData buffer;
	int			i;

	(void) omni_aggregate_context(fcinfo);
	state = (CreditState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, STATE_VERSION);
	pq_sendint64(&buffer, state->lookback);
	pq_sendint64(&buffer, state->given.time);
	pq_sendint32(&buffer, state->given.day);
	pq_sendint32(&buffer, state->given.month);
	pq_sendint32(&buffer, state->ntouches);
	pq_sendint32(&buffer, state->nsales);
	for (i = 0; i < state->ntouches; i++)
	{
		pq_sendint64(&buffer, state->touches[i].at);
		pq_sendint64(&buffer, state->touches[i].id);
	}
	for (i = 0; i < state->nsales; i++)
	{
		pq_sendint64(&buffer, state->sales[i].at);
		pq_sendint64(&buffer, state->sales[i].id);
		pq_sendint64(&buffer, state->sales[i].cents);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of aggregate sale_credit")));
}

/* Deserialise, checking every length and amount against what is possible. */
Datum
omnicrm_sale_credit_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	CreditState *state;
	StringInfoData buffer;
	int			i;

	(void) omni_aggregate_context(fcinfo);
	state = new_state(CurrentMemoryContext);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgint(&buffer, 4) != STATE_VERSION)
		corrupt_state();
	state->lookback = pq_getmsgint64(&buffer);
	state->given.time = pq_getmsgint64(&buffer);
	state->given.day = (int32) pq_getmsgint(&buffer, 4);
	state->given.month = (int32) pq_getmsgint(&buffer, 4);
	state->ntouches = state->touch_room = (int) pq_getmsgint(&buffer, 4);
	state->nsales = state->sale_room = (int) pq_getmsgint(&buffer, 4);
	if (state->lookback < LOOKBACK_NOT_SET ||
		state->ntouches < 0 || state->ntouches > MAX_EVENTS ||
		state->nsales < 0 || state->nsales > MAX_EVENTS ||
		buffer.len - buffer.cursor != (int64) state->ntouches * 16 + (int64) state->nsales * 24)
		corrupt_state();
	if (state->ntouches > 0)
		state->touches = palloc(state->ntouches * sizeof(Touch));
	if (state->nsales > 0)
		state->sales = palloc(state->nsales * sizeof(Sale));
	for (i = 0; i < state->ntouches; i++)
	{
		state->touches[i].at = pq_getmsgint64(&buffer);
		state->touches[i].id = pq_getmsgint64(&buffer);
	}
	for (i = 0; i < state->nsales; i++)
	{
		state->sales[i].at = pq_getmsgint64(&buffer);
		state->sales[i].id = pq_getmsgint64(&buffer);
		state->sales[i].cents = pq_getmsgint64(&buffer);
		if (state->sales[i].cents > MAX_CENTS || state->sales[i].cents < -MAX_CENTS)
			corrupt_state();
	}
	state->touches_sorted = state->sales_sorted = false;
	PG_RETURN_POINTER(state);
}

/* Sorts both arrays; a touch told twice counts once, a sale told twice is an error. */
static void
sort_events(CreditState *state)
{
	int			kept = 0;
	int			i;

	if (!state->touches_sorted)
		sort_touches(state->touches, state->ntouches);
	if (!state->sales_sorted)
		sort_sales(state->sales, state->nsales);
	state->touches_sorted = state->sales_sorted = true;
	for (i = 0; i < state->ntouches; i++)
	{
		if (kept > 0 && state->touches[kept - 1].at == state->touches[i].at &&
			state->touches[kept - 1].id == state->touches[i].id)
			continue;
		state->touches[kept++] = state->touches[i];
	}
	state->ntouches = kept;
	for (i = 1; i < state->nsales; i++)
		if (state->sales[i - 1].at == state->sales[i].at && state->sales[i - 1].id == state->sales[i].id)
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("sale %lld occurs more than once", (long long) state->sales[i].id),
					 errhint("A join that repeats sales would pay them twice.")));
}

/* Moves both ends of the window [t - lookback, t] on to one sale. */
static void
move_window(const CreditState *state, const Sale *sale, int *from, int *upto)
{
	int64		oldest;

	if (pg_sub_s64_overflow(sale->at, state->lookback, &oldest))
		oldest = PG_INT64_MIN;
	while (*upto < state->ntouches && state->touches[*upto].at <= sale->at)
		(*upto)++;
	while (*from < *upto && state->touches[*from].at < oldest)
		(*from)++;
}

/* Number of result rows, which must be known to be bearable before they are made. */
static void
check_result_size(const CreditState *state)
{
	int64		rows = 0;
	int			from = 0;
	int			upto = 0;
	int			i;

	for (i = 0; i < state->nsales; i++)
	{
		move_window(state, &state->sales[i], &from, &upto);
		rows += Max(upto - from, 1);
	}
	if (rows > MAX_ROWS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("one group gives %lld credits, at most %d are allowed", (long long) rows, MAX_ROWS),
				 errhint("Use a shorter lookback, or leave out a collective account that stands for many.")));
}

/* Cents as numeric(.., 2), remembered within one sale. */
static Datum
amount_datum(CreditRows *rows, int64 cents)
{
	int			i;

	for (i = 0; i < rows->namounts; i++)
		if (rows->amounts[i].cents == cents)
			return rows->amounts[i].value;
	rows->amounts[rows->namounts].cents = cents;
	rows->amounts[rows->namounts].value = NumericGetDatum(int64_div_fast_to_numeric(cents, 2));
	return rows->amounts[rows->namounts++].value;
}

/* Zero stays from sale to sale; the other amounts go. */
static void
forget_amounts(CreditRows *rows)
{
	while (rows->namounts > 1)
		pfree(DatumGetPointer(rows->amounts[--rows->namounts].value));
}

/* Appends one composite value to the array under construction. */
static void
append_row(CreditRows *rows, Datum *values, bool *nulls)
{
	HeapTuple	tuple = heap_form_tuple(rows->row, values, nulls);
	Size		length = MAXALIGN(tuple->t_len);

	if (rows->used + length > rows->room)
	{
		rows->room = rows->room * 2 + length;
		rows->data = repalloc_huge(rows->data, rows->room);
	}
	memcpy(rows->data + rows->used, tuple->t_data, tuple->t_len);
	memset(rows->data + rows->used + tuple->t_len, 0, length - tuple->t_len);
	rows->used += length;
	rows->count++;
	heap_freetuple(tuple);
}

/*
 * 40/20/40 in whole cents by the largest remainder, for a non-negative amount
 * and n >= 3 touches: in units of 1 / 5(n-2) both ends have weight 2(n-2) and
 * each touch between them weight 1.
 */
typedef struct PositionSplit
{
	int64		ends[2];
	int64		between;
	int64		between_extra;	/* this many of the first touches between have one more */
} PositionSplit;

static void
split_by_position(int64 cents, int n, PositionSplit *split)
{
	int64		inner = n - 2;
	int64		end_remainder = inner * ((cents * 2) % 5);
	int64		remainder = cents % (inner * 5);
	int64		left;

	split->ends[0] = split->ends[1] = cents * 2 / 5;
	split->between = cents / (inner * 5);
	left = cents - 2 * split->ends[0] - inner * split->between;
	split->between_extra = 0;
	if (end_remainder > remainder)
	{
		int64		to_ends = Min(left, 2);

		split->ends[0] += to_ends > 0;
		split->ends[1] += to_ends > 1;
		split->between_extra = left - to_ends;
	}
	else if (end_remainder == remainder)
	{
		/* a tie: in the order of the journey */
		split->ends[0] += left > 0;
		split->between_extra = Min(Max(left - 1, 0), inner);
		split->ends[1] += left - 1 - split->between_extra > 0;
	}
	else
	{
		split->between_extra = Min(left, inner);
		split->ends[0] += left - split->between_extra > 0;
		split->ends[1] += left - split->between_extra > 1;
	}
}

static int64
position_credit(const PositionSplit *split, int64 cents, int n, int i)
{
	if (n == 1)
		return cents;
	if (n == 2)
		return cents / 2 + (i == 0 ? cents % 2 : 0);
	if (i == 0 || i == n - 1)
		return split->ends[i == 0 ? 0 : 1];
	return split->between + (i - 1 < split->between_extra ? 1 : 0);
}

/* The row of a sale that no touch led to. */
static void
append_unattributed(CreditRows *rows, const Sale *sale)
{
	Datum		amount = amount_datum(rows, sale->cents);
	Datum		values[CREDIT_COLUMNS] = {Int64GetDatum(sale->id), Int32GetDatum(0), (Datum) 0,
	Int32GetDatum(0), amount, amount, amount, amount};
	bool		nulls[CREDIT_COLUMNS] = {false, false, true};

	append_row(rows, values, nulls);
}

/* The rows of a sale, one for each of its n touches. */
static void
append_credits(CreditRows *rows, const Sale *sale, const Touch *touches, int n)
{
	int64		sign = sale->cents < 0 ? -1 : 1;
	int64		cents = sale->cents * sign;
	PositionSplit split = {{0, 0}, 0, 0};
	bool		nulls[CREDIT_COLUMNS] = {false};
	int			i;

	if (n > 2)
		split_by_position(cents, n, &split);
	for (i = 0; i < n; i++)
	{
		Datum		values[CREDIT_COLUMNS];

		values[0] = Int64GetDatum(sale->id);
		values[1] = Int32GetDatum(i + 1);
		values[2] = Int64GetDatum(touches[i].id);
		values[3] = Int32GetDatum(n);
		values[4] = amount_datum(rows, i == 0 ? sale->cents : 0);
		values[5] = amount_datum(rows, i == n - 1 ? sale->cents : 0);
		values[6] = amount_datum(rows, sign * (cents / n + (i < cents % n ? 1 : 0)));
		values[7] = amount_datum(rows, sign * position_credit(&split, cents, n, i));
		append_row(rows, values, nulls);
	}
}

/* Row type of the result's elements, looked up once per query. */
static TupleDesc
credit_row_type(FunctionCallInfo fcinfo)
{
	TupleDesc	row = fcinfo->flinfo->fn_extra;
	MemoryContext old;
	Oid			type;

	if (row != NULL)
		return row;
	type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	row = lookup_rowtype_tupdesc_copy(type, -1);
	MemoryContextSwitchTo(old);
	if (row->natts != CREDIT_COLUMNS)
		elog(ERROR, "sale_credit: row type has %d columns, not %d", row->natts, CREDIT_COLUMNS);
	fcinfo->flinfo->fn_extra = row;
	return row;
}

static ArrayType *
finish_array(CreditRows *rows)
{
	Size		header = ARR_OVERHEAD_NONULLS(1);
	ArrayType  *result;

	if (rows->used + header > MaxAllocSize)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the credits of one group take %zu bytes, at most %zu are allowed",
						rows->used + header, (Size) MaxAllocSize)));
	result = (ArrayType *) rows->data;
	memset(result, 0, header);
	SET_VARSIZE(result, rows->used);
	result->ndim = 1;
	result->dataoffset = 0;
	result->elemtype = rows->row->tdtypeid;
	ARR_DIMS(result)[0] = rows->count;
	ARR_LBOUND(result)[0] = 1;
	return result;
}

/*
 * sale_credit(...) returns credit_row[]: ordered by sale time, sale id and
 * position; NULL without any sale.  Errors: cardinality_violation for a sale
 * told twice, program_limit_exceeded.
 */
Datum
omnicrm_sale_credit_final(PG_FUNCTION_ARGS)
{
	CreditState *state;
	CreditRows	rows;
	int			from = 0;
	int			upto = 0;
	int			i;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (CreditState *) PG_GETARG_POINTER(0);
	if (state->nsales == 0)
		PG_RETURN_NULL();
	sort_events(state);
	check_result_size(state);
	memset(&rows, 0, sizeof(rows));
	rows.row = credit_row_type(fcinfo);
	rows.room = 1024;
	rows.used = ARR_OVERHEAD_NONULLS(1);
	rows.data = palloc(rows.room);
	(void) amount_datum(&rows, 0);
	for (i = 0; i < state->nsales; i++)
	{
		const Sale *sale = &state->sales[i];

		CHECK_FOR_INTERRUPTS();
		move_window(state, sale, &from, &upto);
		if (from == upto)
			append_unattributed(&rows, sale);
		else
			append_credits(&rows, sale, state->touches + from, upto - from);
		forget_amounts(&rows);
	}
	PG_RETURN_ARRAYTYPE_P(finish_array(&rows));
}
