/*
 * payment.c
 *		The aggregate payment_stats: how a customer pays, as seen on one day.
 *
 * Days beyond terms are the mean of paid - due, plain and weighted by amount;
 * what is open and overdue counts as of the day.  Sums are exact: whole days,
 * amounts in hundredths, their products in 128 bits.  So the result is the same
 * for any order of the rows and any number of workers.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/builtins.h"
#include "utils/date.h"

#include "common/aggregate.h"
#include "common/compat.h"
#include "common/units.h"

#define STATE_VERSION 1
#define STATE_SIZE (4 + 4 + 4 + 4 * 8 + (4 + AGE_BUCKETS) * 16)
#define MONEY_SCALE 2
#define AGE_BUCKETS 4			/* 1-30, 31-60, 61-90 and more days */
#define BUCKET_DAYS 30
#define RESULT_COLUMNS 14

typedef struct PaymentState
{
	DateADT		as_of;
	int32		oldest;			/* most days that an open invoice is overdue; 0: none */
	int64		paid;
	int64		open;
	int64		late;			/* paid after due, or open and overdue */
	int64		timed;			/* paid, or open and overdue: those with days */
	int128		days;			/* of the timed ones, after due */
	int128		weight;			/* amount of the timed ones */
	int128		weighted_days;	/* amount times days of the timed ones */
	int128		open_amount;	/* net of open credit notes */
	int128		overdue[AGE_BUCKETS];
} PaymentState;

PG_FUNCTION_INFO_V1(omnicrm_payment_accum);
PG_FUNCTION_INFO_V1(omnicrm_payment_combine);
PG_FUNCTION_INFO_V1(omnicrm_payment_serialize);
PG_FUNCTION_INFO_V1(omnicrm_payment_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_payment_final);

static void
add_exactly(int128 *sum, int128 more)
{
	if (__builtin_add_overflow(*sum, more, sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the payments is out of range")));
}

/* Adds an invoice that is paid or overdue, so many days after it was due. */
static void
add_days(PaymentState *state, int32 days, int128 amount)
{
	int128		product;

	if (__builtin_mul_overflow(amount, (int128) days, &product))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("amount of a payment is out of range")));
	state->timed++;
	if (days > 0)
		state->late++;
	add_exactly(&state->days, days);
	add_exactly(&state->weight, amount);
	add_exactly(&state->weighted_days, product);
}

/* Adds what is owed: an invoice (amount above zero) or a credit note (below). */
static void
add_payment(PaymentState *state, DateADT due, bool is_paid, DateADT paid, int128 amount)
{
	bool		is_open = !is_paid || paid > state->as_of;
	int32		overdue;

	if (is_open)
		add_exactly(&state->open_amount, amount);
	if (amount <= 0)
		return;
	if (!is_open)
	{
		state->paid++;
		add_days(state, paid - due, amount);
		return;
	}
	state->open++;
	overdue = state->as_of - due;
	if (overdue <= 0)
		return;
	add_days(state, overdue, amount);
	add_exactly(&state->overdue[Min((overdue - 1) / BUCKET_DAYS, AGE_BUCKETS - 1)], amount);
	state->oldest = Max(state->oldest, overdue);
}

static void
require_finite(DateADT day, const char *what)
{
	if (DATE_NOT_FINITE(day))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
				 errmsg("%s is not finite", what),
				 errhint("Give null for a day that is not known.")));
}

static void
require_same_day(const PaymentState *state, DateADT as_of)
{
	if (state->as_of != as_of)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of changes from row to row"),
				 errhint("Give the same day in every row of a group.")));
}

/*
 * Transition of payment_stats(due_on, paid_on, amount, as_of).  A row without
 * due day or amount adds nothing.  Errors: null_value_not_allowed for as_of,
 * datetime_value_out_of_range, invalid_parameter_value,
 * numeric_value_out_of_range.
 */
Datum
omnicrm_payment_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	PaymentState *state = PG_ARGISNULL(0) ? NULL : (PaymentState *) PG_GETARG_POINTER(0);
	DateADT		paid = 0;

	if (PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("as_of must not be null"),
				 errhint("Give the day as of which payments are looked at, for example current_date.")));
	require_finite(PG_GETARG_DATEADT(4), "as_of");
	if (state != NULL)
		require_same_day(state, PG_GETARG_DATEADT(4));
	if (PG_ARGISNULL(1) || PG_ARGISNULL(3))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	require_finite(PG_GETARG_DATEADT(1), "due_on");
	if (!PG_ARGISNULL(2))
	{
		paid = PG_GETARG_DATEADT(2);
		require_finite(paid, "paid_on");
	}
	if (state == NULL)
	{
		state = MemoryContextAllocZero(context, sizeof(PaymentState));
		state->as_of = PG_GETARG_DATEADT(4);
	}
	add_payment(state, PG_GETARG_DATEADT(1), !PG_ARGISNULL(2), paid,
				omnicrm_datum_to_units(PG_GETARG_DATUM(3), MONEY_SCALE, "amount"));
	PG_RETURN_POINTER(state);
}

/* Adds the second state to the first.  Errors: as the transition. */
Datum
omnicrm_payment_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	PaymentState *first = PG_ARGISNULL(0) ? NULL : (PaymentState *) PG_GETARG_POINTER(0);
	PaymentState *second = PG_ARGISNULL(1) ? NULL : (PaymentState *) PG_GETARG_POINTER(1);

	if (second == NULL)
	{
		if (first == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(first);
	}
	if (first == NULL)
	{
		first = MemoryContextAlloc(context, sizeof(PaymentState));
		*first = *second;
		PG_RETURN_POINTER(first);
	}
	require_same_day(first, second->as_of);
	first->oldest = Max(first->oldest, second->oldest);
	first->paid += second->paid;
	first->open += second->open;
	first->late += second->late;
	first->timed += second->timed;
	add_exactly(&first->days, second->days);
	add_exactly(&first->weight, second->weight);
	add_exactly(&first->weighted_days, second->weighted_days);
	add_exactly(&first->open_amount, second->open_amount);
	for (int i = 0; i < AGE_BUCKETS; i++)
		add_exactly(&first->overdue[i], second->overdue[i]);
	PG_RETURN_POINTER(first);
}

static void
send_int128(StringInfo buffer, int128 value)
{
	pq_sendint64(buffer, (uint64) (value >> 64));
	pq_sendint64(buffer, (uint64) value);
}

static int128
read_int128(StringInfo buffer)
{
	uint64		high = (uint64) pq_getmsgint64(buffer);
	uint64		low = (uint64) pq_getmsgint64(buffer);

	return (int128) (((uint128) high << 64) | low);
}

/* The state as bytea for parallel workers; big-endian, with a version. */
Datum
omnicrm_payment_serialize(PG_FUNCTION_ARGS)
{
	PaymentState *state;
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	state = (PaymentState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, STATE_VERSION);
	pq_sendint32(&buffer, (uint32) state->as_of);
	pq_sendint32(&buffer, (uint32) state->oldest);
	pq_sendint64(&buffer, (uint64) state->paid);
	pq_sendint64(&buffer, (uint64) state->open);
	pq_sendint64(&buffer, (uint64) state->late);
	pq_sendint64(&buffer, (uint64) state->timed);
	send_int128(&buffer, state->days);
	send_int128(&buffer, state->weight);
	send_int128(&buffer, state->weighted_days);
	send_int128(&buffer, state->open_amount);
	for (int i = 0; i < AGE_BUCKETS; i++)
		send_int128(&buffer, state->overdue[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Its inverse.  Errors: invalid_binary_representation. */
Datum
omnicrm_payment_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *source;
	StringInfoData buffer;
	PaymentState *state;
	bool		sound;

	(void) omni_aggregate_context(fcinfo);
	source = PG_GETARG_BYTEA_PP(0);
	buffer.data = VARDATA_ANY(source);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(source);
	buffer.cursor = 0;
	if (buffer.len != STATE_SIZE || pq_getmsgint(&buffer, 4) != STATE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid aggregate state")));
	state = palloc0_object(PaymentState);
	state->as_of = (DateADT) pq_getmsgint(&buffer, 4);
	state->oldest = (int32) pq_getmsgint(&buffer, 4);
	state->paid = pq_getmsgint64(&buffer);
	state->open = pq_getmsgint64(&buffer);
	state->late = pq_getmsgint64(&buffer);
	state->timed = pq_getmsgint64(&buffer);
	state->days = read_int128(&buffer);
	state->weight = read_int128(&buffer);
	state->weighted_days = read_int128(&buffer);
	state->open_amount = read_int128(&buffer);
	sound = !DATE_NOT_FINITE(state->as_of) && state->oldest >= 0 &&
		state->paid >= 0 && state->paid <= PG_INT64_MAX / 4 &&
		state->open >= 0 && state->open <= PG_INT64_MAX / 4 &&
		state->late >= 0 && state->late <= state->timed &&
		state->timed >= state->paid && state->timed <= state->paid + state->open &&
		state->weight >= 0 && (state->weight > 0) == (state->timed > 0);
	for (int i = 0; i < AGE_BUCKETS; i++)
	{
		state->overdue[i] = read_int128(&buffer);
		sound = sound && state->overdue[i] >= 0;
	}
	if (!sound)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid aggregate state")));
	PG_RETURN_POINTER(state);
}

/* The class of so many days after due. */
static const char *
behaviour(double days)
{
	return days <= 0 ? "prompt" : days <= 30 ? "within_30" : days <= 60 ? "within_60" :
		days <= 90 ? "within_90" : "over_90";
}

static Datum
money(int128 amount)
{
	return NumericGetDatum(omnicrm_units_to_numeric(amount, MONEY_SCALE));
}

/* Final function of payment_stats: a row of payment_behaviour; null without a row. */
Datum
omnicrm_payment_final(PG_FUNCTION_ARGS)
{
	PaymentState *state;
	TupleDesc	descriptor;
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS] = {false};
	int128		overdue = 0;
	double		weighted = 0;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		descriptor->natts != RESULT_COLUMNS)
		elog(ERROR, "payment_stats must return payment_behaviour");
	state = (PaymentState *) PG_GETARG_POINTER(0);
	values[0] = Int64GetDatum(state->paid + state->open);
	values[1] = Int64GetDatum(state->paid);
	values[2] = Int64GetDatum(state->open);
	values[3] = Int64GetDatum(state->late);
	nulls[4] = nulls[5] = nulls[13] = (state->timed == 0);
	if (state->timed > 0)
	{
		weighted = (double) state->weighted_days / (double) state->weight;
		values[4] = Float8GetDatum((double) state->days / (double) state->timed);
		values[5] = Float8GetDatum(weighted);
		values[13] = CStringGetTextDatum(behaviour(Max(weighted, (double) state->oldest)));
	}
	values[6] = money(state->open_amount);
	for (int i = 0; i < AGE_BUCKETS; i++)
	{
		add_exactly(&overdue, state->overdue[i]);
		values[8 + i] = money(state->overdue[i]);
	}
	values[7] = money(overdue);
	values[12] = Int32GetDatum(state->oldest);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
