/*
 * orders.c
 *		order_summary: what the orders of one customer amount to, in one compact
 *		state instead of one for each of six aggregates, so that a hash
 *		aggregate over many customers stays small.
 *
 * The state keeps the days with a sale and exact sums in hundredths, so the
 * result is the same for any order of the rows and any number of workers.
 * order_state gives the state itself, as bytea, and order_rollup sums states up:
 * the orders of each source record first, those of each customer then.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "utils/date.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "common/units.h"
#include "segment/segment.h"

#define MONEY_SCALE 2
#define STATE_VERSION 1
#define STATE_HEADER (4 + 6 * 8 + 4)
#define MAX_ORDERS (PG_INT64_MAX / 4)
#define FIRST_CAPACITY 6
#define MAX_CAPACITY (1 << 27)
#define SUMMARY_COLUMNS 6

/* Days are strictly ascending up to ordered; what follows came later. */
typedef struct OrderState
{
	int128		revenue;
	int128		margin;
	int64		orders;
	int64		without_margin;
	int32		count;
	int32		ordered;
	int32		capacity;
	DateADT		days[FLEXIBLE_ARRAY_MEMBER];
} OrderState;

PG_FUNCTION_INFO_V1(omnicrm_order_summary_accum);
PG_FUNCTION_INFO_V1(omnicrm_order_summary_combine);
PG_FUNCTION_INFO_V1(omnicrm_order_summary_serialize);
PG_FUNCTION_INFO_V1(omnicrm_order_summary_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_order_summary_final);
PG_FUNCTION_INFO_V1(omnicrm_order_state_final);
PG_FUNCTION_INFO_V1(omnicrm_order_rollup_accum);

static int
compare_days(const void *left, const void *right)
{
	DateADT		a = *(const DateADT *) left;
	DateADT		b = *(const DateADT *) right;

	return (a > b) - (a < b);
}

static Size
state_size(int32 capacity)
{
	return offsetof(OrderState, days) + (Size) capacity * sizeof(DateADT);
}

static OrderState *
make_state(MemoryContext context)
{
	OrderState *state = MemoryContextAllocZero(context, state_size(FIRST_CAPACITY));

	state->capacity = FIRST_CAPACITY;
	return state;
}

/* Sorts the days and drops repeated ones. */
static void
order_days(OrderState *state)
{
	int32		kept = state->count > 0 ? 1 : 0;

	if (state->ordered == state->count)
		return;
	qsort(state->days, state->count, sizeof(DateADT), compare_days);
	for (int32 i = 1; i < state->count; i++)
		if (state->days[i] != state->days[kept - 1])
			state->days[kept++] = state->days[i];
	state->count = state->ordered = kept;
}

/* Adds a day; returns the state, which may have moved to a larger place. */
static OrderState *
add_day(OrderState *state, DateADT day)
{
	bool		ascends = state->count == 0 || day > state->days[state->count - 1];

	if (!ascends && day == state->days[state->count - 1])
		return state;
	if (state->count == state->capacity)
	{
		order_days(state);
		ascends = day > state->days[state->count - 1];
		if (state->count > state->capacity / 2)
		{
			if (state->capacity >= MAX_CAPACITY)
				ereport(ERROR,
						(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						 errmsg("more than %d different days in one group", MAX_CAPACITY)));
			state->capacity *= 2;
			state = repalloc(state, state_size(state->capacity));
		}
	}
	if (ascends && state->ordered == state->count)
		state->ordered++;
	state->days[state->count++] = day;
	return state;
}

static void
add_money(int128 *sum, int128 amount)
{
	if (__builtin_add_overflow(*sum, amount, sum))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the orders is out of range")));
}

/*
 * Transition of order_summary(ordered_on, is_sale, revenue, margin).  A row
 * without day or revenue adds nothing; one without margin is counted as such.
 */
Datum
omnicrm_order_summary_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	OrderState *state = PG_ARGISNULL(0) ? NULL : (OrderState *) PG_GETARG_POINTER(0);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(3))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = make_state(context);
	state->orders++;
	add_money(&state->revenue, omnicrm_numeric_to_units(PG_GETARG_NUMERIC(3), MONEY_SCALE, "revenue"));
	if (PG_ARGISNULL(4))
		state->without_margin++;
	else
		add_money(&state->margin, omnicrm_numeric_to_units(PG_GETARG_NUMERIC(4), MONEY_SCALE, "margin"));
	if (!PG_ARGISNULL(2) && PG_GETARG_BOOL(2))
		state = add_day(state, PG_GETARG_DATEADT(1));
	PG_RETURN_POINTER(state);
}

/* Adds the orders of the second state to the first, which may be NULL. */
static OrderState *
merge_states(MemoryContext context, OrderState *first, const OrderState *second)
{
	if (first == NULL)
		first = make_state(context);
	add_money(&first->revenue, second->revenue);
	add_money(&first->margin, second->margin);
	if (first->orders > MAX_ORDERS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("number of orders is out of range")));
	first->orders += second->orders;
	first->without_margin += second->without_margin;
	for (int32 i = 0; i < second->count; i++)
		first = add_day(first, second->days[i]);
	return first;
}

/* Combine function of order_summary, order_state and order_rollup. */
Datum
omnicrm_order_summary_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	OrderState *first = PG_ARGISNULL(0) ? NULL : (OrderState *) PG_GETARG_POINTER(0);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (!PG_ARGISNULL(1))
		first = merge_states(context, first, (OrderState *) PG_GETARG_POINTER(1));
	if (first == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(first);
}

/* The state as bytea: version, sums, counts, days; big-endian. */
static bytea *
write_state(OrderState *state)
{
	StringInfoData buffer;

	order_days(state);
	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, STATE_HEADER + state->count * (int) sizeof(DateADT));
	pq_writeint32(&buffer, STATE_VERSION);
	pq_writeint64(&buffer, (uint64) (state->revenue >> 64));
	pq_writeint64(&buffer, (uint64) state->revenue);
	pq_writeint64(&buffer, (uint64) (state->margin >> 64));
	pq_writeint64(&buffer, (uint64) state->margin);
	pq_writeint64(&buffer, state->orders);
	pq_writeint64(&buffer, state->without_margin);
	pq_writeint32(&buffer, state->count);
	for (int32 i = 0; i < state->count; i++)
		pq_writeint32(&buffer, (uint32) state->days[i]);
	return pq_endtypsend(&buffer);
}

static int128
read_int128(StringInfo buffer)
{
	uint128		high = (uint64) pq_getmsgint64(buffer);

	return (int128) (high << 64 | (uint64) pq_getmsgint64(buffer));
}

/* The state from bytea; invalid_binary_representation unless it is well formed. */
static OrderState *
read_state(bytea *source)
{
	StringInfoData buffer;
	OrderState *state;
	int32		count = -1;

	buffer.data = VARDATA_ANY(source);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(source);
	buffer.cursor = 0;
	state = make_state(CurrentMemoryContext);
	if (buffer.len >= STATE_HEADER && pq_getmsgint(&buffer, 4) == STATE_VERSION)
	{
		state->revenue = read_int128(&buffer);
		state->margin = read_int128(&buffer);
		state->orders = pq_getmsgint64(&buffer);
		state->without_margin = pq_getmsgint64(&buffer);
		count = (int32) pq_getmsgint(&buffer, 4);
	}
	if (count < 0 || buffer.len - buffer.cursor != count * (int64) sizeof(DateADT) ||
		state->without_margin < 0 || state->orders < state->without_margin ||
		state->orders > MAX_ORDERS || count > state->orders)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("invalid state of orders"),
				 errhint("Give the result of order_state().")));
	for (int32 i = 0; i < count; i++)
		state = add_day(state, (DateADT) pq_getmsgint(&buffer, 4));
	return state;
}

/* Serialisation for parallel workers. */
Datum
omnicrm_order_summary_serialize(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	PG_RETURN_BYTEA_P(write_state((OrderState *) PG_GETARG_POINTER(0)));
}

/* Its inverse.  Errors: invalid_binary_representation. */
Datum
omnicrm_order_summary_deserialize(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	PG_RETURN_POINTER(read_state(PG_GETARG_BYTEA_PP(0)));
}

/* Final function of order_state; null without an order. */
Datum
omnicrm_order_state_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(write_state((OrderState *) PG_GETARG_POINTER(0)));
}

/* Transition of order_rollup(state); a null adds nothing.  Errors: invalid_binary_representation. */
Datum
omnicrm_order_rollup_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	OrderState *state = PG_ARGISNULL(0) ? NULL : (OrderState *) PG_GETARG_POINTER(0);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (!PG_ARGISNULL(1))
		state = merge_states(context, state, read_state(PG_GETARG_BYTEA_PP(1)));
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* The descriptor of the result, looked up once for each query. */
static TupleDesc
summary_descriptor(FunctionCallInfo fcinfo)
{
	TupleDesc	descriptor = fcinfo->flinfo->fn_extra;

	if (descriptor == NULL)
	{
		MemoryContext before = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
			descriptor->natts != SUMMARY_COLUMNS)
			elog(ERROR, "order_summary must return its own composite type");
		descriptor = BlessTupleDesc(CreateTupleDescCopy(descriptor));
		fcinfo->flinfo->fn_extra = descriptor;
		MemoryContextSwitchTo(before);
	}
	return descriptor;
}

/* The summary as a row; null without an order. */
Datum
omnicrm_order_summary_final(PG_FUNCTION_ARGS)
{
	OrderState *state;
	Datum		values[SUMMARY_COLUMNS];
	bool		nulls[SUMMARY_COLUMNS] = {false};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (OrderState *) PG_GETARG_POINTER(0);
	order_days(state);
	nulls[0] = state->count == 0;
	values[0] = nulls[0] ? (Datum) 0 : DateADTGetDatum(state->days[state->count - 1]);
	values[1] = Int64GetDatum(state->count);
	values[2] = NumericGetDatum(omnicrm_units_to_numeric(state->revenue, MONEY_SCALE));
	values[3] = NumericGetDatum(omnicrm_units_to_numeric(state->margin, MONEY_SCALE));
	values[4] = Int64GetDatum(state->orders);
	values[5] = Int64GetDatum(state->without_margin);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(summary_descriptor(fcinfo), values, nulls)));
}
