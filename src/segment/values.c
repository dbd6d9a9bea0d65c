/*
 * values.c
 *		Aggregate state that holds the values of one group.
 *
 * A result that depends on the sorted values only is the same for any order of
 * the rows and any number of workers, so states are merged by putting their
 * values together.  Memory: 8 bytes a value, at most SEGMENT_MAX_VALUES.
 */
#include "postgres.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/segment.h"

#define FIRST_CAPACITY 8
#define STATE_VERSION 1
#define STATE_HEADER (VARHDRSZ + 4 + 4 + 8 + 8)

PG_FUNCTION_INFO_V1(omnicrm_values_combine);
PG_FUNCTION_INFO_V1(omnicrm_values_serialize);
PG_FUNCTION_INFO_V1(omnicrm_values_deserialize);

/* An empty state in the given context. */
SegmentValues *
segment_values_make(MemoryContext context, int32 option, float8 parameter)
{
	SegmentValues *state = MemoryContextAllocZero(context, sizeof(SegmentValues));

	state->option = option;
	state->parameter = parameter;
	state->capacity = FIRST_CAPACITY;
	state->keys = MemoryContextAlloc(context, FIRST_CAPACITY * sizeof(uint64));
	return state;
}

/* Makes room for more values; program_limit_exceeded beyond the limit. */
static void
reserve_values(SegmentValues *state, int64 more)
{
	int64		needed = state->count + more;

	if (needed <= state->capacity)
		return;
	if (needed > SEGMENT_MAX_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d values in one group", SEGMENT_MAX_VALUES),
				 errhint("Aggregate to one row per customer first, or split the groups.")));
	state->capacity = Min(Max(needed, state->capacity * 2), SEGMENT_MAX_VALUES);
	state->keys = repalloc_huge(state->keys, (Size) state->capacity * sizeof(uint64));
}

/* Adds a value; NaN and infinities have no rank or share and are refused. */
void
segment_values_add(SegmentValues *state, float8 value)
{
	if (unlikely(!isfinite(value)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value is not finite: %s",
						isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
				 errhint("Leave such rows out, for example with FILTER (WHERE ...).")));
	if (unlikely(state->count == state->capacity))
		reserve_values(state, 1);
	state->keys[state->count++] = segment_key_from_float8(value);
	state->sorted = false;
}

/* Sorts the values in place, which changes nothing that the state stands for. */
void
segment_values_sort(SegmentValues *state)
{
	if (!state->sorted)
		segment_sort_keys(state->keys, state->count);
	state->sorted = true;
}

/*
 * Puts the values of the second state behind those of the first.  Errors:
 * invalid_parameter_value when the two were made with different parameters.
 */
Datum
omnicrm_values_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	SegmentValues *first = PG_ARGISNULL(0) ? NULL : (SegmentValues *) PG_GETARG_POINTER(0);
	SegmentValues *second = PG_ARGISNULL(1) ? NULL : (SegmentValues *) PG_GETARG_POINTER(1);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (second == NULL)
	{
		if (first == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(first);
	}
	if (first == NULL)
		first = segment_values_make(context, second->option, second->parameter);
	if (first->option != second->option || first->parameter != second->parameter)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter of the aggregate changes from row to row"),
				 errhint("Give the same parameter in every row of a group.")));
	reserve_values(first, second->count);
	memcpy(first->keys + first->count, second->keys, second->count * sizeof(uint64));
	first->count += second->count;
	first->sorted = false;
	PG_RETURN_POINTER(first);
}

/* The state as bytea: version, option, parameter, count, keys; big-endian. */
Datum
omnicrm_values_serialize(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	Size		size;
	bytea	   *result;
	char	   *at;
	uint32		word;
	uint64		value;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	size = STATE_HEADER + (Size) state->count * sizeof(uint64);
	result = (bytea *) palloc(size);
	SET_VARSIZE(result, size);
	at = VARDATA(result);
	word = pg_hton32(STATE_VERSION);
	memcpy(at, &word, 4);
	word = pg_hton32((uint32) state->option);
	memcpy(at + 4, &word, 4);
	memcpy(&value, &state->parameter, 8);
	value = pg_hton64(value);
	memcpy(at + 8, &value, 8);
	value = pg_hton64((uint64) state->count);
	memcpy(at + 16, &value, 8);
	at += 24;
	for (int64 i = 0; i < state->count; i++, at += 8)
	{
		value = pg_hton64(state->keys[i]);
		memcpy(at, &value, 8);
	}
	PG_RETURN_BYTEA_P(result);
}

/* The state from bytea; invalid_binary_representation unless it is well formed. */
Datum
omnicrm_values_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *source;
	StringInfoData buffer;
	SegmentValues *state;
	int32		option;
	float8		parameter;
	int64		count;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	source = PG_GETARG_BYTEA_PP(0);
	buffer.data = VARDATA_ANY(source);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(source);
	buffer.cursor = 0;
	if (buffer.len < STATE_HEADER - VARHDRSZ || pq_getmsgint(&buffer, 4) != STATE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid aggregate state")));
	option = (int32) pq_getmsgint(&buffer, 4);
	parameter = pq_getmsgfloat8(&buffer);
	count = pq_getmsgint64(&buffer);
	if (count < 0 || count > SEGMENT_MAX_VALUES ||
		buffer.len - buffer.cursor != count * (int64) sizeof(uint64))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid aggregate state")));
	state = segment_values_make(CurrentMemoryContext, option, parameter);
	reserve_values(state, count);
	for (int64 i = 0; i < count; i++)
	{
		uint64		key;

		memcpy(&key, buffer.data + buffer.cursor + i * sizeof(uint64), 8);
		key = pg_ntoh64(key);
		if (!isfinite(segment_key_to_float8(key)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid aggregate state")));
		state->keys[i] = key;
	}
	state->count = count;
	PG_RETURN_POINTER(state);
}
