/*
 * days.c
 *		Number of different days: count(DISTINCT day) that merges, runs in
 *		parallel and in a hash aggregate, and sorts nothing when days ascend.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "utils/date.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/segment.h"

#define FIRST_CAPACITY 8
#define STATE_VERSION 1

typedef struct DayState
{
	int32		count;
	int32		capacity;
	bool		ordered;		/* strictly ascending */
	DateADT    *days;
} DayState;

PG_FUNCTION_INFO_V1(omnicrm_distinct_days_accum);
PG_FUNCTION_INFO_V1(omnicrm_distinct_days_combine);
PG_FUNCTION_INFO_V1(omnicrm_distinct_days_serialize);
PG_FUNCTION_INFO_V1(omnicrm_distinct_days_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_distinct_days_final);

static int
compare_days(const void *left, const void *right)
{
	DateADT		a = *(const DateADT *) left;
	DateADT		b = *(const DateADT *) right;

	return (a > b) - (a < b);
}

static DayState *
make_days(MemoryContext context)
{
	DayState   *state = MemoryContextAlloc(context, sizeof(DayState));

	state->count = 0;
	state->capacity = FIRST_CAPACITY;
	state->ordered = true;
	state->days = MemoryContextAlloc(context, FIRST_CAPACITY * sizeof(DateADT));
	return state;
}

/* Sorts the days and drops repeated ones. */
static void
order_days(DayState *state)
{
	int32		kept = 0;

	if (state->ordered)
		return;
	qsort(state->days, state->count, sizeof(DateADT), compare_days);
	for (int32 i = 0; i < state->count; i++)
		if (i == 0 || state->days[i] != state->days[kept - 1])
			state->days[kept++] = state->days[i];
	state->count = kept;
	state->ordered = true;
}

/* Makes room for one more day, by dropping repeated ones where that is enough. */
static void
make_room(DayState *state)
{
	order_days(state);
	if (state->count <= state->capacity / 2)
		return;
	if (state->capacity >= SEGMENT_MAX_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d different days in one group", SEGMENT_MAX_VALUES)));
	state->capacity *= 2;
	state->days = repalloc(state->days, state->capacity * sizeof(DateADT));
}

static void
add_day(DayState *state, DateADT day)
{
	if (state->count > 0)
	{
		DateADT		last = state->days[state->count - 1];

		if (day == last)
			return;
		if (state->count == state->capacity)
		{
			make_room(state);
			last = state->days[state->count - 1];
		}
		if (day <= last)
			state->ordered = false;
	}
	state->days[state->count++] = day;
}

/* Transition: adds a day; a null adds nothing. */
Datum
omnicrm_distinct_days_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	DayState   *state = PG_ARGISNULL(0) ? NULL : (DayState *) PG_GETARG_POINTER(0);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (!PG_ARGISNULL(1))
	{
		if (state == NULL)
			state = make_days(context);
		add_day(state, PG_GETARG_DATEADT(1));
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* Adds the days of the second state to the first. */
Datum
omnicrm_distinct_days_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	DayState   *first = PG_ARGISNULL(0) ? NULL : (DayState *) PG_GETARG_POINTER(0);
	DayState   *second = PG_ARGISNULL(1) ? NULL : (DayState *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (second != NULL)
	{
		if (first == NULL)
			first = make_days(context);
		for (int32 i = 0; i < second->count; i++)
			add_day(first, second->days[i]);
	}
	if (first == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(first);
}

/* The state as bytea: version, count, days; big-endian. */
Datum
omnicrm_distinct_days_serialize(PG_FUNCTION_ARGS)
{
	DayState   *state;
	StringInfoData buffer;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	state = (DayState *) PG_GETARG_POINTER(0);
	order_days(state);
	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, 8 + state->count * sizeof(DateADT));
	pq_sendint32(&buffer, STATE_VERSION);
	pq_sendint32(&buffer, state->count);
	for (int32 i = 0; i < state->count; i++)
		pq_writeint32(&buffer, (uint32) state->days[i]);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* The state from bytea; data_corrupted (XX001) unless it is well formed. */
Datum
omnicrm_distinct_days_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *source;
	StringInfoData buffer;
	DayState   *state;
	int32		count;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	source = PG_GETARG_BYTEA_PP(0);
	buffer.data = VARDATA_ANY(source);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(source);
	buffer.cursor = 0;
	if (buffer.len < 8 || pq_getmsgint(&buffer, 4) != STATE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid aggregate state")));
	count = (int32) pq_getmsgint(&buffer, 4);
	if (count < 0 || count > SEGMENT_MAX_VALUES || buffer.len - buffer.cursor != count * (int64) sizeof(DateADT))
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED), errmsg("invalid aggregate state")));
	state = make_days(CurrentMemoryContext);
	for (int32 i = 0; i < count; i++)
		add_day(state, (DateADT) pq_getmsgint(&buffer, 4));
	PG_RETURN_POINTER(state);
}

/* The number of different days. */
Datum
omnicrm_distinct_days_final(PG_FUNCTION_ARGS)
{
	DayState   *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_INT64(0);
	state = (DayState *) PG_GETARG_POINTER(0);
	order_days(state);
	PG_RETURN_INT64(state->count);
}
