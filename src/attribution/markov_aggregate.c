/*
 * markov_aggregate.c
 *		The aggregates markov, of journeys, and markov_rollup, of their values.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "attribution/markov.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_markov_accum);
PG_FUNCTION_INFO_V1(omnicrm_markov_combine);
PG_FUNCTION_INFO_V1(omnicrm_markov_serialize);
PG_FUNCTION_INFO_V1(omnicrm_markov_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_markov_final);
PG_FUNCTION_INFO_V1(omnicrm_markov_rollup_accum);

/* State of both aggregates. */
typedef struct MarkovAggregate
{
	Actors	   *actors;
	MarkovCounts *counts;
} MarkovAggregate;

static MarkovAggregate *
make_state(MemoryContext context, int order)
{
	MarkovAggregate *state = MemoryContextAlloc(context, sizeof(MarkovAggregate));

	state->actors = omni_actors_make(context);
	state->counts = omni_markov_begin(context, order);
	return state;
}

/* The order of a row; 1 when there is no such argument. */
static int
order_argument(FunctionCallInfo fcinfo)
{
	int			order;

	if (PG_NARGS() <= 5)
		return 1;
	if (PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("order of markov must not be null")));
	order = PG_GETARG_INT32(5);
	if (order < 1 || order > MARKOV_MAX_ORDER)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("order of markov must be between 1 and %d, not %d", MARKOV_MAX_ORDER, order)));
	return order;
}

static void
check_order(const MarkovCounts *counts, int order)
{
	if (counts->order != order)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("journeys of different orders: %d, %d", Min(counts->order, order), Max(counts->order, order)),
				 errhint("Count all journeys with the same order.")));
}

/* A number of journeys: argument, 0 when it is null or there is none. */
static int64
count_argument(FunctionCallInfo fcinfo, int number, const char *what)
{
	int64		count = PG_NARGS() > number && !PG_ARGISNULL(number) ? PG_GETARG_INT64(number) : 0;

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative, got %lld", what, (long long) count)));
	return count;
}

/*
 * Transition of markov(path text[], conversions bigint [, value numeric [, nulls
 * bigint [, path_order integer]]]).
 * Errors: invalid_parameter_value, null_value_not_allowed, array_subscript_error,
 * numeric_value_out_of_range, program_limit_exceeded.
 */
Datum
omnicrm_markov_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	int			order = order_argument(fcinfo);
	int64		conversions = count_argument(fcinfo, 2, "conversions");
	int64		nulls = count_argument(fcinfo, 4, "nulls");
	int128		value = 0;
	MarkovAggregate *state;
	uint32	   *path = NULL;
	int			length = 0;

	if (PG_ARGISNULL(0))
		state = make_state(context, order);
	else
	{
		state = (MarkovAggregate *) PG_GETARG_POINTER(0);
		check_order(state->counts, order);
	}
	if (PG_NARGS() > 3 && !PG_ARGISNULL(3))
		value = omnicrm_datum_to_units(PG_GETARG_DATUM(3), MARKOV_VALUE_SCALE, "value");
	if (value != 0 && conversions == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a path without conversions has the value %s",
						DatumGetCString(DirectFunctionCall1(numeric_out, PG_GETARG_DATUM(3)))),
				 errhint("Add what was returned to the value of the path that led to its sale.")));
	if (conversions == 0 && nulls == 0)
		PG_RETURN_POINTER(state);
	if (!PG_ARGISNULL(1))
		path = omni_actors_of_array(state->actors, PG_GETARG_ARRAYTYPE_P(1), &length);
	omni_markov_add_path(state->counts, path, length, conversions, value, nulls);
	PG_RETURN_POINTER(state);
}

/* Adds counts to a state, which may be NULL; the state. */
static MarkovAggregate *
merge(MemoryContext context, MarkovAggregate *state, const MarkovCounts *counts, const Actors *actors)
{
	if (state == NULL)
		state = make_state(context, counts->order);
	check_order(state->counts, counts->order);
	omni_markov_merge(state->counts, state->actors, counts, actors);
	return state;
}

/* Combine function of both aggregates. */
Datum
omnicrm_markov_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	MarkovAggregate *state = PG_ARGISNULL(0) ? NULL : (MarkovAggregate *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		MarkovAggregate *other = (MarkovAggregate *) PG_GETARG_POINTER(1);

		state = merge(context, state, other->counts, other->actors);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}

/* Serialisation for parallel workers: the form of the value. */
Datum
omnicrm_markov_serialize(PG_FUNCTION_ARGS)
{
	MarkovAggregate *state = (MarkovAggregate *) PG_GETARG_POINTER(0);

	(void) omni_aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(omni_markov_value(state->counts, state->actors));
}

/* Its inverse.  Errors: invalid_binary_representation. */
Datum
omnicrm_markov_deserialize(PG_FUNCTION_ARGS)
{
	MarkovAggregate *state = palloc_object(MarkovAggregate);

	(void) omni_aggregate_context(fcinfo);
	state->counts = omni_markov_read(PG_GETARG_BYTEA_PP(0), CurrentMemoryContext, &state->actors);
	PG_RETURN_POINTER(state);
}

/* Final function of both aggregates: the value; null without a row. */
Datum
omnicrm_markov_final(PG_FUNCTION_ARGS)
{
	MarkovAggregate *state;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (MarkovAggregate *) PG_GETARG_POINTER(0);
	PG_RETURN_BYTEA_P(omni_markov_value(state->counts, state->actors));
}

/*
 * Transition of markov_rollup(value); a null adds nothing.
 * Errors: invalid_parameter_value for values of different orders, and those of sums.
 */
Datum
omnicrm_markov_rollup_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	MarkovAggregate *state = PG_ARGISNULL(0) ? NULL : (MarkovAggregate *) PG_GETARG_POINTER(0);

	if (!PG_ARGISNULL(1))
	{
		Actors	   *actors;
		MarkovCounts *counts = omni_markov_read(PG_GETARG_VARLENA_PP(1), CurrentMemoryContext, &actors);

		state = merge(context, state, counts, actors);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(state);
}
