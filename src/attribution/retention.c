/*
 * retention.c
 *		retention and phase_durations: what a journey reached, and when.
 *
 * Both need a few numbers of a journey only, none of its events: the conditions
 * that ever held, and the first time that each held.  So their states are plain
 * values that any server can combine.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "attribution/events.h"
#include "common/arrays.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_retention_trans);
PG_FUNCTION_INFO_V1(omnicrm_retention_combine);
PG_FUNCTION_INFO_V1(omnicrm_retention_final);
PG_FUNCTION_INFO_V1(omnicrm_phase_durations_trans);
PG_FUNCTION_INFO_V1(omnicrm_phase_durations_combine);
PG_FUNCTION_INFO_V1(omnicrm_phase_durations_final);

/* the state of retention: number of conditions in the upper half, those that held in the lower */
#define RETENTION_STATE(count, held) ((int64) (((uint64) (count) << 32) | (held)))
#define RETENTION_COUNT(state) ((int) ((uint64) (state) >> 32))
#define RETENTION_HELD(state) ((uint32) (state))

#define NOT_ENTERED DT_NOEND

static void
corrupt_state(const char *aggregate)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid state of aggregate %s", aggregate)));
}

/* Two sets of conditions that held. */
static int64
join_retention(int64 a, int64 b)
{
	if (RETENTION_COUNT(a) != RETENTION_COUNT(b))
		journey_refuse_change("number of conditions");
	return a | b;
}

/*
 * Transition of retention(VARIADIC conditions boolean[]): (bigint, boolean[]) returns
 * bigint.  Errors: null_value_not_allowed, invalid_parameter_value,
 * array_subscript_error.
 */
Datum
omnicrm_retention_trans(PG_FUNCTION_ARGS)
{
	int			count;
	uint32		held = journey_conditions(fcinfo, 1, &count);
	int64		row = RETENTION_STATE(count, held);

	PG_RETURN_INT64(PG_ARGISNULL(0) ? row : join_retention(PG_GETARG_INT64(0), row));
}

/* Combine function of retention: (bigint, bigint) returns bigint; strict. */
Datum
omnicrm_retention_combine(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(join_retention(PG_GETARG_INT64(0), PG_GETARG_INT64(1)));
}

/*
 * Final function of retention: (bigint) returns boolean[]: element 1 is whether the
 * first condition ever held, element k whether the first and condition k did; strict.
 * Error: invalid_parameter_value.
 */
Datum
omnicrm_retention_final(PG_FUNCTION_ARGS)
{
	int64		state = PG_GETARG_INT64(0);
	int			count = RETENTION_COUNT(state);
	uint32		held = RETENTION_HELD(state);
	ArrayType  *result;
	void	   *data;

	if (count < 1 || count > MAX_CONDITIONS || ((uint64) held >> count) != 0)
		corrupt_state("retention");
	result = make_fixed_array(BOOLOID, sizeof(bool), count, &data);
	for (int i = 0; i < count; i++)
		((bool *) data)[i] = (held & 1) != 0 && (held & (1U << i)) != 0;
	PG_RETURN_ARRAYTYPE_P(result);
}

/* The times of a state of phase_durations, and how many; error: invalid_parameter_value. */
static TimestampTz *
phase_times(ArrayType *state, int *count)
{
	*count = ArrayGetNItems(ARR_NDIM(state), ARR_DIMS(state));
	if (ARR_NDIM(state) != 1 || ARR_HASNULL(state) || *count < 2 || *count > MAX_CONDITIONS)
		corrupt_state("phase_durations");
	return (TimestampTz *) ARR_DATA_PTR(state);
}

/* The state of the first argument, which only an aggregate's own may be changed in place. */
static ArrayType *
own_state(FunctionCallInfo fcinfo)
{
	return AggCheckCallContext(fcinfo, NULL) ? PG_GETARG_ARRAYTYPE_P(0) : PG_GETARG_ARRAYTYPE_P_COPY(0);
}

/*
 * Transition of phase_durations(ts timestamptz, VARIADIC phases boolean[]):
 * (timestamptz[], timestamptz, boolean[]) returns timestamptz[], the first time of each
 * phase, infinity where it was not entered.  A row without time is passed over.  Errors: null_value_not_allowed,
 * invalid_parameter_value, array_subscript_error, datetime_field_overflow.
 */
Datum
omnicrm_phase_durations_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	int			count;
	uint32		phases = journey_conditions(fcinfo, 2, &count);
	ArrayType  *state;
	TimestampTz *first;
	TimestampTz at;
	int			known;

	if (count < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("phase_durations needs at least 2 phases, got %d", count)));
	if (PG_ARGISNULL(0))
	{
		MemoryContext old = CurrentMemoryContext;

		if (AggCheckCallContext(fcinfo, &context))
			MemoryContextSwitchTo(context);
		state = make_fixed_array(TIMESTAMPTZOID, sizeof(TimestampTz), count, (void **) &first);
		MemoryContextSwitchTo(old);
		for (int i = 0; i < count; i++)
			first[i] = NOT_ENTERED;
	}
	else
	{
		state = own_state(fcinfo);
		first = phase_times(state, &known);
		if (known != count)
			journey_refuse_change("number of phases");
	}
	if (journey_time(fcinfo, 1, &at))
		for (int i = 0; i < count; i++)
			if ((phases & (1U << i)) != 0 && at < first[i])
				first[i] = at;
	PG_RETURN_ARRAYTYPE_P(state);
}

/*
 * Combine function of phase_durations: (timestamptz[], timestamptz[]) returns
 * timestamptz[], the earlier times; strict.
 */
Datum
omnicrm_phase_durations_combine(PG_FUNCTION_ARGS)
{
	ArrayType  *into = own_state(fcinfo);
	ArrayType  *from = PG_GETARG_ARRAYTYPE_P(1);
	TimestampTz *first;
	TimestampTz *other;
	int			count;
	int			other_count;

	first = phase_times(into, &count);
	other = phase_times(from, &other_count);
	if (count != other_count)
		journey_refuse_change("number of phases");
	for (int i = 0; i < count; i++)
		first[i] = Min(first[i], other[i]);
	PG_RETURN_ARRAYTYPE_P(into);
}

/*
 * Final function of phase_durations: (timestamptz[]) returns interval[]: element k is
 * the time from the first entry of phase k to that of phase k + 1, null where one of
 * them was not entered, negative where the later phase was entered first; strict.
 * Error: invalid_parameter_value.
 */
Datum
omnicrm_phase_durations_final(PG_FUNCTION_ARGS)
{
	ArrayType  *state = PG_GETARG_ARRAYTYPE_P(0);
	int			count;
	TimestampTz *first = phase_times(state, &count);
	Datum		durations[MAX_CONDITIONS];
	bool		nulls[MAX_CONDITIONS];
	int			dimension = count - 1;
	int			lower = 1;

	for (int i = 0; i < count; i++)
		if (TIMESTAMP_IS_NOBEGIN(first[i]))
			corrupt_state("phase_durations");
	for (int i = 0; i < count - 1; i++)
	{
		nulls[i] = first[i] == NOT_ENTERED || first[i + 1] == NOT_ENTERED;
		durations[i] = nulls[i] ? (Datum) 0 :
			DirectFunctionCall2(timestamp_mi, TimestampTzGetDatum(first[i + 1]), TimestampTzGetDatum(first[i]));
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(durations, nulls, 1, &dimension, &lower,
											 INTERVALOID, sizeof(Interval), false, TYPALIGN_DOUBLE));
}
