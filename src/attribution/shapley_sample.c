/*
 * shapley_sample.c
 *		Shapley values of the rate of conversion, of any number of actors, by sampling.
 *
 * The Shapley value of an actor is the mean of what it adds to those before it, over
 * all orders of the actors (J. Castro, D. Gomez and J. Tejada, Computers & Operations
 * Research 36, 2009).  Orders are drawn in blocks: a random one, its rotations, in
 * which each actor has each place once (stratified by the size of the coalition), and
 * all of them backwards (antithetic).  Blocks are independent of each other, so their
 * spread gives the error.
 *
 * In one order, a journey counts from the last of its actors on: a pass over all sets
 * of actors, whatever the number of coalitions.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "common/pg_prng.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "attribution/journey_sets.h"
#include "common/compat.h"

#define LEAST_BLOCKS 10
#define MAX_STEPS 1e11			/* of all walks together: some minutes */
#define ESTIMATE_COLUMNS 4

PG_FUNCTION_INFO_V1(omnicrm_shapley_sample_final);

/* The journeys by actor, and where sampling stands. */
typedef struct Sampler
{
	const JourneySets *journeys;
	uint32		actors;
	uint64	   *start;			/* places in sets[]: actors + 1 */
	uint32	   *sets;			/* by actor: the sets that it is in */
	uint32	   *missing;		/* by set: how many of its actors are not there yet */
	double	   *added;			/* by actor: sum of what it added in this block */
	double	   *mean;			/* by actor: over the blocks */
	double	   *squares;		/* by actor: sum of squares of differences from the mean */
} Sampler;

static void *
allocate_zero(Size count, Size width)
{
	void	   *result = MemoryContextAllocHuge(CurrentMemoryContext, (count + 1) * width);

	memset(result, 0, (count + 1) * width);
	return result;
}

static void
prepare(Sampler *sampler, const JourneySets *journeys)
{
	uint32	   *ranked = omni_journey_sets_ranked(journeys);
	uint64	   *next;

	sampler->journeys = journeys;
	sampler->actors = omni_actors_count(journeys->actors);
	sampler->start = allocate_zero(sampler->actors, sizeof(uint64));
	sampler->sets = allocate_zero(journeys->used, sizeof(uint32));
	sampler->missing = allocate_zero(journeys->count, sizeof(uint32));
	sampler->added = allocate_zero(sampler->actors, sizeof(double));
	sampler->mean = allocate_zero(sampler->actors, sizeof(double));
	sampler->squares = allocate_zero(sampler->actors, sizeof(double));
	next = allocate_zero(sampler->actors, sizeof(uint64));
	for (uint64 i = 0; i < journeys->used; i++)
		sampler->start[ranked[i] + 1]++;
	for (uint32 i = 0; i < sampler->actors; i++)
	{
		sampler->start[i + 1] += sampler->start[i];
		next[i] = sampler->start[i];
	}
	for (uint32 set = 0; set < journeys->count; set++)
		for (uint32 i = 0; i < journeys->sets[set].size; i++)
			sampler->sets[next[ranked[journeys->sets[set].first + i]]++] = set;
	pfree(next);
	pfree(ranked);
}

static inline double
rate(int64 conversions, int64 all)
{
	return all > 0 ? (double) conversions / (double) all : 0;
}

/* Adds up what each actor brings in one order: step by step from first, round the end. */
static void
walk(Sampler *sampler, const uint32 *order, uint32 first, bool backwards)
{
	const JourneySet *sets = sampler->journeys->sets;
	uint32		at = first;
	int64		conversions = 0;
	int64		all = 0;
	double		before;

	CHECK_FOR_INTERRUPTS();
	for (uint32 i = 0; i < sampler->journeys->count; i++)
	{
		sampler->missing[i] = sets[i].size;
		if (sets[i].size == 0)
		{
			conversions += sets[i].conversions;
			all += sets[i].conversions + sets[i].nulls;
		}
	}
	before = rate(conversions, all);
	for (uint32 step = 0; step < sampler->actors; step++)
	{
		uint32		actor = order[at];
		double		after;

		for (uint64 i = sampler->start[actor]; i < sampler->start[actor + 1]; i++)
		{
			uint32		set = sampler->sets[i];

			if (--sampler->missing[set] == 0)
			{
				conversions += sets[set].conversions;
				all += sets[set].conversions + sets[set].nulls;
			}
		}
		after = rate(conversions, all);
		sampler->added[actor] += after - before;
		before = after;
		if (backwards)
			at = at == 0 ? sampler->actors - 1 : at - 1;
		else
			at = at == sampler->actors - 1 ? 0 : at + 1;
	}
}

/* One block: a random order, turned round and backwards, and the mean after it. */
static void
sample_block(Sampler *sampler, uint32 *order, pg_prng_state *random, int64 block)
{
	for (uint32 i = sampler->actors; i-- > 1;)
	{
		uint32		other = (uint32) pg_prng_uint64_range(random, 0, i);
		uint32		swap = order[i];

		order[i] = order[other];
		order[other] = swap;
	}
	for (uint32 first = 0; first < sampler->actors; first++)
	{
		walk(sampler, order, first, false);
		walk(sampler, order, first, true);
	}
	for (uint32 i = 0; i < sampler->actors; i++)
	{
		double		value = sampler->added[i] / (2.0 * sampler->actors);
		double		difference = value - sampler->mean[i];

		sampler->mean[i] += difference / (double) block;
		sampler->squares[i] += difference * (value - sampler->mean[i]);
		sampler->added[i] = 0;
	}
}

/*
 * The factor of the standard error for 95 of 100 intervals: quantile .975 of Student's
 * distribution by its expansion about the normal one, good to three digits from 9
 * degrees of freedom on.
 */
static double
student_factor(double freedom)
{
	const double z = 1.959963984540054;
	double		z3 = z * z * z;
	double		z5 = z3 * z * z;

	return z + (z3 + z) / (4 * freedom) + (5 * z5 + 16 * z3 + 3 * z) / (96 * freedom * freedom);
}

/* All journeys must fit the sums of a walk. */
static void
check_total(const JourneySets *journeys)
{
	int128		total = 0;

	for (uint32 i = 0; i < journeys->count; i++)
		total += (int128) journeys->sets[i].conversions + journeys->sets[i].nulls;
	if (total > PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum over the journeys is out of range")));
}

/* How many blocks there are to sample; all their walks must end within minutes. */
static int64
count_blocks(const Sampler *sampler)
{
	const JourneySets *journeys = sampler->journeys;
	int64		orders = 2 * (int64) sampler->actors;	/* in a block */
	int64		blocks;

	if (sampler->actors == 0)
		return 0;
	blocks = Max(LEAST_BLOCKS, (journeys->permutations - 1) / orders + 1);
	if ((double) blocks * (double) orders * ((double) sampler->actors + (double) journeys->count + (double) journeys->used) > MAX_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%lld orders of %u actors in %u sets are too many to sample", (long long) (blocks * orders), sampler->actors, journeys->count),
				 errdetail("Orders times actors, sets and members of sets must be at most %g.", MAX_STEPS),
				 errhint("Give fewer permutations, or put rare actors together.")));
	return blocks;
}

/*
 * Final function of shapley_sample: shapley_estimate[] (actor, value, lower, upper) by
 * actor; null without a row.
 * Errors: numeric_value_out_of_range, program_limit_exceeded.
 */
Datum
omnicrm_shapley_sample_final(PG_FUNCTION_ARGS)
{
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	const JourneySets *journeys;
	ArrayBuildState *rows = NULL;
	TupleDesc	desc;
	Sampler		sampler;
	pg_prng_state random;
	uint32	   *order;
	uint32	   *by_name;
	int64		blocks;
	double		factor;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	journeys = (const JourneySets *) PG_GETARG_POINTER(0);
	desc = lookup_rowtype_tupdesc_copy(element, -1);
	if (desc->natts != ESTIMATE_COLUMNS)
		elog(ERROR, "unexpected row type of shapley_sample");
	BlessTupleDesc(desc);
	check_total(journeys);
	prepare(&sampler, journeys);
	order = allocate_zero(sampler.actors, sizeof(uint32));
	for (uint32 i = 0; i < sampler.actors; i++)
		order[i] = i;
	pg_prng_seed(&random, (uint64) journeys->seed);
	blocks = count_blocks(&sampler);
	for (int64 block = 1; block <= blocks; block++)
		sample_block(&sampler, order, &random, block);
	by_name = omni_actors_by_name(journeys->actors);
	factor = student_factor((double) blocks - 1) / sqrt((double) blocks * ((double) blocks - 1));
	for (uint32 i = 0; i < sampler.actors; i++)
	{
		double		error = factor * sqrt(sampler.squares[i]);
		Datum		values[ESTIMATE_COLUMNS];
		bool		nulls[ESTIMATE_COLUMNS] = {false};
		int			length;
		const char *name = omni_actor_name(journeys->actors, by_name[i], &length);

		values[0] = PointerGetDatum(cstring_to_text_with_len(name, length));
		values[1] = Float8GetDatum(sampler.mean[i]);
		values[2] = Float8GetDatum(sampler.mean[i] - error);
		values[3] = Float8GetDatum(sampler.mean[i] + error);
		rows = accumArrayResult(rows, HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)), false, element, CurrentMemoryContext);
	}
	if (rows == NULL)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(element));
	PG_RETURN_DATUM(makeArrayResult(rows, CurrentMemoryContext));
}
