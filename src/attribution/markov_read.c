/*
 * markov_read.c
 *		What a value of the type omnicrm.markov tells: transitions, states, removal
 *		effects, credit.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "attribution/markov.h"
#include "commission/allocate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_markov_transitions);
PG_FUNCTION_INFO_V1(omnicrm_markov_states);
PG_FUNCTION_INFO_V1(omnicrm_markov_removal);
PG_FUNCTION_INFO_V1(omnicrm_markov_credit);
PG_FUNCTION_INFO_V1(omnicrm_markov_p_conversion);
PG_FUNCTION_INFO_V1(omnicrm_markov_order);
PG_FUNCTION_INFO_V1(omnicrm_markov_conversions);
PG_FUNCTION_INFO_V1(omnicrm_markov_nulls);
PG_FUNCTION_INFO_V1(omnicrm_markov_total_value);

/* bits that the product of a weight and the sum of all weights may have */
#define WEIGHT_BITS 126
/* parts of a total that are larger than this are no sensible ones */
#define MAX_PART 1e36
/* and values larger than this, in units, leave no room to split them */
#define MAX_VALUE 1e37

/* A value and its actors. */
typedef struct MarkovRead
{
	MarkovCounts *counts;
	Actors	   *actors;
} MarkovRead;

static MarkovRead
read_argument(FunctionCallInfo fcinfo)
{
	MarkovRead	read;

	read.counts = omni_markov_read(PG_GETARG_VARLENA_PP(0), CurrentMemoryContext, &read.actors);
	return read;
}

static Datum
actor_datum(const MarkovRead *read, uint32 actor)
{
	int			length;
	const char *name = omni_actor_name(read->actors, actor, &length);

	return PointerGetDatum(cstring_to_text_with_len(name, length));
}

/* The actors of a state as text[]; the start has none. */
static Datum
state_datum(const MarkovRead *read, uint32 state)
{
	const uint32 *tuple = read->counts->states[state].tuple;
	Datum		names[MARKOV_MAX_ORDER];
	int			count = 0;

	for (; count < MARKOV_MAX_ORDER && tuple[count] != NO_ACTOR; count++)
		names[count] = actor_datum(read, tuple[count]);
	return PointerGetDatum(construct_array(names, count, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Puts a row out; what its columns need is forgotten at once. */
static void
put_row(ReturnSetInfo *result, MemoryContext row, Datum *values, bool *nulls)
{
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	MemoryContextReset(row);
}

static MemoryContext
row_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext, "markov row", ALLOCSET_SMALL_SIZES);
}

/* How many journeys leave a state. */
static int64
count_leaving(const MarkovCounts *counts, uint32 state, uint32 first_transition)
{
	int64		count = counts->states[state].conversions + counts->states[state].nulls;

	for (uint32 i = first_transition; i < counts->ntransitions && counts->transitions[i].from == state; i++)
		count += counts->transitions[i].count;
	return count;
}

/*
 * markov_transitions(markov) returns rows of from_state text[], to_state text[],
 * outcome text, count bigint, probability double precision: by from_state, the start
 * ('{}') first; to_state is null where the journey ends, in a conversion or null.
 */
Datum
omnicrm_markov_transitions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MarkovRead	read = read_argument(fcinfo);
	MemoryContext row;
	MemoryContext caller;
	uint32		at = 0;

	InitMaterializedSRF(fcinfo, 0);
	row = row_context();
	caller = MemoryContextSwitchTo(row);
	for (uint32 state = 0; state < read.counts->nstates; state++)
	{
		int64		leaving = count_leaving(read.counts, state, at);
		const int64 ends[] = {read.counts->states[state].conversions, read.counts->states[state].nulls};
		Datum		values[5];
		bool		nulls[5] = {false};

		CHECK_FOR_INTERRUPTS();
		for (; at < read.counts->ntransitions && read.counts->transitions[at].from == state; at++)
		{
			values[0] = state_datum(&read, state);
			values[1] = state_datum(&read, read.counts->transitions[at].to);
			values[2] = CStringGetTextDatum("touch");
			values[3] = Int64GetDatum(read.counts->transitions[at].count);
			values[4] = Float8GetDatum((double) read.counts->transitions[at].count / (double) leaving);
			put_row(result, row, values, nulls);
		}
		nulls[1] = true;
		for (int end = 0; end < 2; end++)
		{
			if (ends[end] == 0)
				continue;
			values[0] = state_datum(&read, state);
			values[2] = CStringGetTextDatum(end == 0 ? "conversion" : "null");
			values[3] = Int64GetDatum(ends[end]);
			values[4] = Float8GetDatum((double) ends[end] / (double) leaving);
			put_row(result, row, values, nulls);
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row);
	return (Datum) 0;
}

/*
 * markov_states(markov) returns rows of state text[], journeys, conversions, nulls
 * bigint, value numeric, p_conversion double precision; the start ('{}') first.
 * Errors: as omni_markov_solve().
 */
Datum
omnicrm_markov_states(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MarkovRead	read = read_argument(fcinfo);
	MarkovSolution *solution = omni_markov_solve(read.counts, read.actors, false);
	MemoryContext row;
	MemoryContext caller;
	uint32		at = 0;

	InitMaterializedSRF(fcinfo, 0);
	row = row_context();
	caller = MemoryContextSwitchTo(row);
	for (uint32 i = 0; i < read.counts->nstates; i++)
	{
		const MarkovState *state = &read.counts->states[i];
		Datum		values[6];
		bool		nulls[6] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = state_datum(&read, i);
		values[1] = Int64GetDatum(count_leaving(read.counts, i, at));
		while (at < read.counts->ntransitions && read.counts->transitions[at].from == i)
			at++;
		values[2] = Int64GetDatum(state->conversions);
		values[3] = Int64GetDatum(state->nulls);
		values[4] = NumericGetDatum(omnicrm_units_to_numeric(state->value, MARKOV_VALUE_SCALE));
		nulls[5] = solution->journeys == 0;
		values[5] = Float8GetDatum(i == MARKOV_START ? solution->p_conversion : solution->p_state[i - 1]);
		put_row(result, row, values, nulls);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row);
	return (Datum) 0;
}

/*
 * markov_removal(markov) returns rows of channel text, removal_effect,
 * removal_effect_value double precision; null effects when there is nothing to lose.
 * Errors: as omni_markov_solve().
 */
Datum
omnicrm_markov_removal(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MarkovRead	read = read_argument(fcinfo);
	MarkovSolution *solution = omni_markov_solve(read.counts, read.actors, true);
	uint32		nactors = omni_actors_count(read.actors);

	InitMaterializedSRF(fcinfo, 0);
	for (uint32 actor = 0; actor < nactors; actor++)
	{
		Datum		values[3];
		bool		nulls[3] = {false, solution->p_conversion == 0, solution->mean_value == 0};

		values[0] = actor_datum(&read, actor);
		values[1] = Float8GetDatum(nulls[1] ? 0 : solution->lost[actor] / solution->p_conversion);
		values[2] = Float8GetDatum(nulls[2] ? 0 : solution->lost_value[actor] / solution->mean_value);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Adds the shares of a total by whole weights; all weights 0: nothing to share. */
static void
share_out(int128 total, const uint128 *weights, uint128 sum, uint32 count, int128 *shares)
{
	int128		whole;
	int128	   *parts;

	if (sum == 0)
		return;
	/* the same shares as of the total at once, without passing 128 bits */
	whole = total / (int128) sum;
	parts = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(int128));
	omnicrm_allocate_units(total - whole * (int128) sum, weights, NULL, (int) count, parts);
	for (uint32 i = 0; i < count; i++)
		shares[i] += whole * (int128) weights[i] + parts[i];
	pfree(parts);
}

/* What those above zero get of a total when some are below. */
static int128
part_above_zero(int128 total, double above, double below)
{
	double		part = (double) total * (above / (above - below));

	if (isnan(part) || fabs(part) > MAX_PART)
		ereport(ERROR,
				(errcode(ERRCODE_DIVISION_BY_ZERO),
				 errmsg("the value cannot be split: the actors' parts of it cancel out"),
				 errhint("Look at sales and returns apart.")));
	return (int128) rint(part);
}

/*
 * Splits a total in proportion to what is lost without each actor.  Those that lose
 * (lost below zero, by returns) get their part of the total in the same way.
 */
static int128 *
split_total(int128 total, const double *lost, uint32 count)
{
	int128	   *shares = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(int128));
	uint128    *weights[2];
	uint128		sums[2] = {0, 0};
	double		largest = 0;
	int128		first = total;
	int			bits = (WEIGHT_BITS - pg_ceil_log2_32(Max(count, 1))) / 2;

	memset(shares, 0, ((Size) count + 1) * sizeof(int128));
	for (int sign = 0; sign < 2; sign++)
		weights[sign] = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(uint128));
	for (uint32 i = 0; i < count; i++)
		largest = Max(largest, fabs(lost[i]));
	for (uint32 i = 0; i < count; i++)
	{
		double		weight = largest == 0 ? 0 : ldexp(fabs(lost[i]) / largest, bits);

		for (int sign = 0; sign < 2; sign++)
		{
			weights[sign][i] = (lost[i] < 0) == (sign == 1) ? (uint128) weight : 0;
			sums[sign] += weights[sign][i];
		}
	}
	if (total != 0)
	{
		if (sums[1] > 0)
			first = part_above_zero(total, (double) sums[0], (double) sums[1]);
		share_out(first, weights[0], sums[0], count, shares);
		share_out(total - first, weights[1], sums[1], count, shares);
	}
	pfree(weights[0]);
	pfree(weights[1]);
	return shares;
}

/* Units of 10^-12 rounded to so many decimals, half away from zero. */
static int128
round_units(int128 units, int scale)
{
	int128		factor = 1;

	for (int i = scale; i < MARKOV_VALUE_SCALE; i++)
		factor *= 10;
	return (units + (units < 0 ? -factor / 2 : factor / 2)) / factor;
}

/* A value must leave room for the products that split it. */
static void
check_value(int128 units)
{
	if (fabs((double) units) > MAX_VALUE)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value of the journeys is too large to be split: %s",
						DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(omnicrm_units_to_numeric(units, MARKOV_VALUE_SCALE)))))));
}

static int128
conversions_in_units(int64 conversions, int scale)
{
	int128		units = conversions;

	for (int i = 0; i < scale; i++)
		units *= 10;
	return units;
}

static void
put_credit(ReturnSetInfo *result, Datum channel, int128 conversions, int128 value, int scale)
{
	Datum		values[3];
	bool		nulls[3] = {channel == (Datum) 0, false, false};

	values[0] = channel;
	values[1] = NumericGetDatum(omnicrm_units_to_numeric(conversions, scale));
	values[2] = NumericGetDatum(omnicrm_units_to_numeric(value, scale));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * markov_credit(markov, scale integer) returns rows of channel text, conversions,
 * value numeric: the totals in proportion to the removal effects, with so many
 * decimals, by largest remainder, ties to the channel that comes first by name.  What
 * converted without a touch is a row of channel null.  Columns sum up to the totals.
 * Errors: invalid_parameter_value for a scale outside 0 to 12, division_by_zero when
 * values above and below zero cancel out, numeric_value_out_of_range for values above
 * 10^25, and those of omni_markov_solve().
 */
Datum
omnicrm_markov_credit(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MarkovRead	read = read_argument(fcinfo);
	int			scale = PG_GETARG_INT32(1);
	const MarkovState *start = &read.counts->states[MARKOV_START];
	uint32		nactors = omni_actors_count(read.actors);
	MarkovSolution *solution;
	int64		conversions;
	int64		nulls;
	int128		value;
	int128		no_touch;
	int128	   *shares[2];

	if (scale < 0 || scale > MARKOV_VALUE_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale must be between 0 and %d, not %d", MARKOV_VALUE_SCALE, scale)));
	InitMaterializedSRF(fcinfo, 0);
	solution = omni_markov_solve(read.counts, read.actors, true);
	omni_markov_total(read.counts, &conversions, &nulls, &value);
	check_value(value);
	check_value(start->value);
	no_touch = round_units(start->value, scale);
	shares[0] = split_total(conversions_in_units(conversions - start->conversions, scale), solution->lost, nactors);
	shares[1] = split_total(round_units(value, scale) - no_touch, solution->lost_value, nactors);
	for (uint32 actor = 0; actor < nactors; actor++)
		put_credit(result, actor_datum(&read, actor), shares[0][actor], shares[1][actor], scale);
	if (start->conversions > 0)
		put_credit(result, (Datum) 0, conversions_in_units(start->conversions, scale), no_touch, scale);
	return (Datum) 0;
}

/*
 * markov_p_conversion(markov) returns double precision: the chance that a journey
 * converts, from the chain; null without journeys.
 * Errors: as omni_markov_solve().
 */
Datum
omnicrm_markov_p_conversion(PG_FUNCTION_ARGS)
{
	MarkovRead	read = read_argument(fcinfo);
	MarkovSolution *solution = omni_markov_solve(read.counts, read.actors, false);

	if (solution->journeys == 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(solution->p_conversion);
}

/* markov_order(markov) returns integer: how many touches a state has. */
Datum
omnicrm_markov_order(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(read_argument(fcinfo).counts->order);
}

/* markov_conversions(markov) returns bigint: journeys that converted. */
Datum
omnicrm_markov_conversions(PG_FUNCTION_ARGS)
{
	int64		conversions;
	int64		nulls;
	int128		value;

	omni_markov_total(read_argument(fcinfo).counts, &conversions, &nulls, &value);
	PG_RETURN_INT64(conversions);
}

/* markov_nulls(markov) returns bigint: journeys that did not convert. */
Datum
omnicrm_markov_nulls(PG_FUNCTION_ARGS)
{
	int64		conversions;
	int64		nulls;
	int128		value;

	omni_markov_total(read_argument(fcinfo).counts, &conversions, &nulls, &value);
	PG_RETURN_INT64(nulls);
}

/* markov_total_value(markov) returns numeric: value of all conversions. */
Datum
omnicrm_markov_total_value(PG_FUNCTION_ARGS)
{
	int64		conversions;
	int64		nulls;
	int128		value;

	omni_markov_total(read_argument(fcinfo).counts, &conversions, &nulls, &value);
	PG_RETURN_NUMERIC(omnicrm_units_to_numeric(value, MARKOV_VALUE_SCALE));
}
