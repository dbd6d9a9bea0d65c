/*
 * journey_sets.c
 *		Journeys counted by the set of their actors: state of the aggregates
 *		coalition_rate, coalition_sum and shapley_sample.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "fmgr.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "attribution/journey_sets.h"
#include "common/aggregate.h"
#include "common/compat.h"

#define STATE_VERSION 1
#define FIRST_SETS 64
#define FIRST_MEMBERS 256
#define MAX_SETS (1U << 30)

PG_FUNCTION_INFO_V1(omnicrm_journey_sets_accum_counts);
PG_FUNCTION_INFO_V1(omnicrm_journey_sets_accum_value);
PG_FUNCTION_INFO_V1(omnicrm_journey_sets_combine);
PG_FUNCTION_INFO_V1(omnicrm_journey_sets_serialize);
PG_FUNCTION_INFO_V1(omnicrm_journey_sets_deserialize);

static JourneySets *
make_state(MemoryContext context)
{
	JourneySets *journeys = MemoryContextAllocZero(context, sizeof(JourneySets));

	journeys->context = context;
	journeys->actors = omni_actors_make(context);
	journeys->room = FIRST_MEMBERS;
	journeys->members = MemoryContextAlloc(context, FIRST_MEMBERS * sizeof(uint32));
	journeys->set_room = FIRST_SETS;
	journeys->sets = MemoryContextAlloc(context, FIRST_SETS * sizeof(JourneySet));
	journeys->mask = 2 * FIRST_SETS - 1;
	journeys->slots = MemoryContextAllocZero(context, 2 * FIRST_SETS * sizeof(uint32));
	return journeys;
}

static void
refuse_sum(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("sum over the journeys is out of range")));
}

/* Memory is about to double: that must be allowed. */
static void
check_memory(const JourneySets *journeys)
{
	uint64		needed = 2 * (journeys->room * sizeof(uint32) + (uint64) journeys->set_room * (sizeof(JourneySet) + 2 * sizeof(uint32)));

	if (needed / 1024 > (uint64) maintenance_work_mem || journeys->set_room > MAX_SETS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%u different sets of actors need more than maintenance_work_mem allows (%d MB)",
						journeys->count, maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, or give fewer actors.")));
}

static void
double_sets(JourneySets *journeys)
{
	check_memory(journeys);
	journeys->set_room *= 2;
	journeys->sets = repalloc_huge(journeys->sets, (Size) journeys->set_room * sizeof(JourneySet));
	pfree(journeys->slots);
	journeys->mask = 2 * journeys->set_room - 1;
	journeys->slots = MemoryContextAllocHuge(journeys->context, ((Size) journeys->mask + 1) * sizeof(uint32));
	memset(journeys->slots, 0, ((Size) journeys->mask + 1) * sizeof(uint32));
	for (uint32 i = 0; i < journeys->count; i++)
	{
		uint32		at = journeys->sets[i].hash & journeys->mask;

		while (journeys->slots[at] != 0)
			at = (at + 1) & journeys->mask;
		journeys->slots[at] = i + 1;
	}
}

/* The set of these actors, which ascend; a new one when there is none. */
static JourneySet *
set_of(JourneySets *journeys, const uint32 *actors, uint32 size)
{
	uint32		hash = hash_bytes((const unsigned char *) actors, (int) (size * sizeof(uint32)));
	uint32		at = hash & journeys->mask;
	JourneySet *set;

	for (; journeys->slots[at] != 0; at = (at + 1) & journeys->mask)
	{
		set = &journeys->sets[journeys->slots[at] - 1];
		if (set->hash == hash && set->size == size &&
			memcmp(journeys->members + set->first, actors, size * sizeof(uint32)) == 0)
			return set;
	}
	while (journeys->used + size > journeys->room)
	{
		check_memory(journeys);
		journeys->room *= 2;
		journeys->members = repalloc_huge(journeys->members, journeys->room * sizeof(uint32));
	}
	journeys->slots[at] = ++journeys->count;
	set = &journeys->sets[journeys->count - 1];
	memset(set, 0, sizeof(JourneySet));
	set->first = journeys->used;
	set->size = size;
	set->hash = hash;
	memcpy(journeys->members + journeys->used, actors, size * sizeof(uint32));
	journeys->used += size;
	if (journeys->count == journeys->set_room)
		double_sets(journeys);
	return &journeys->sets[journeys->count - 1];
}

static void
add_journeys(JourneySets *journeys, const uint32 *actors, uint32 size, int64 conversions, int64 nulls, int128 value)
{
	JourneySet *set = set_of(journeys, actors, size);

	if (pg_add_s64_overflow(set->conversions, conversions, &set->conversions) ||
		pg_add_s64_overflow(set->nulls, nulls, &set->nulls) ||
		__builtin_add_overflow(set->value, value, &set->value))
		refuse_sum();
}

/* The different actors of argument 1, ascending; none when it is null. */
static uint32 *
actors_argument(FunctionCallInfo fcinfo, JourneySets *journeys, uint32 *size)
{
	uint32	   *actors = NULL;
	int			count = 0;

	if (!PG_ARGISNULL(1))
	{
		actors = omni_actors_of_array(journeys->actors, PG_GETARG_ARRAYTYPE_P(1), &count);
		count = omni_distinct_actors(actors, count);
	}
	*size = count;
	return actors;
}

static int64
count_argument(FunctionCallInfo fcinfo, int number, const char *what)
{
	int64		count = PG_ARGISNULL(number) ? 0 : PG_GETARG_INT64(number);

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative, got %lld", what, (long long) count)));
	return count;
}

/* Reads the options of shapley_sample, which must be the same in every row. */
static void
read_options(FunctionCallInfo fcinfo, JourneySets *journeys)
{
	int64		permutations;

	if (PG_NARGS() <= 4)
		return;
	if (PG_ARGISNULL(4) || PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("permutations and seed of shapley_sample must not be null")));
	permutations = PG_GETARG_INT32(4);
	if (permutations < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("permutations must be at least 1, got %lld", (long long) permutations)));
	if (permutations > MAX_PERMUTATIONS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("permutations must be at most %d, got %lld", MAX_PERMUTATIONS, (long long) permutations),
				 errhint("The error falls with the square root of their number only.")));
	if (!PG_ARGISNULL(0) && (journeys->permutations != permutations || journeys->seed != PG_GETARG_INT64(5)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("permutations and seed of shapley_sample must be the same in every row")));
	journeys->permutations = permutations;
	journeys->seed = PG_GETARG_INT64(5);
}

/*
 * Transition of coalition_rate(actors text[], conversions bigint, nulls bigint) and
 * shapley_sample(the same, permutations integer, seed bigint).
 * Errors: invalid_parameter_value, null_value_not_allowed, array_subscript_error,
 * numeric_value_out_of_range, program_limit_exceeded.
 */
Datum
omnicrm_journey_sets_accum_counts(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	JourneySets *journeys = PG_ARGISNULL(0) ? make_state(context) : (JourneySets *) PG_GETARG_POINTER(0);
	int64		conversions = count_argument(fcinfo, 2, "conversions");
	int64		nulls = count_argument(fcinfo, 3, "nulls");
	uint32	   *actors;
	uint32		size;

	read_options(fcinfo, journeys);
	if (conversions == 0 && nulls == 0)
		PG_RETURN_POINTER(journeys);
	actors = actors_argument(fcinfo, journeys, &size);
	add_journeys(journeys, actors, size, conversions, nulls, 0);
	PG_RETURN_POINTER(journeys);
}

/*
 * Transition of coalition_sum(actors text[], value numeric).  A null value adds nothing.
 * Errors: as above.
 */
Datum
omnicrm_journey_sets_accum_value(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	JourneySets *journeys = PG_ARGISNULL(0) ? make_state(context) : (JourneySets *) PG_GETARG_POINTER(0);
	uint32	   *actors;
	uint32		size;

	if (PG_ARGISNULL(2))
		PG_RETURN_POINTER(journeys);
	actors = actors_argument(fcinfo, journeys, &size);
	add_journeys(journeys, actors, size, 0, 0, omnicrm_datum_to_units(PG_GETARG_DATUM(2), JOURNEY_VALUE_SCALE, "value"));
	PG_RETURN_POINTER(journeys);
}

/* Combine function. */
Datum
omnicrm_journey_sets_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	JourneySets *journeys = PG_ARGISNULL(0) ? make_state(context) : (JourneySets *) PG_GETARG_POINTER(0);
	JourneySets *other;
	uint32	   *numbers;
	uint32	   *actors;
	uint32		count;

	if (PG_ARGISNULL(1))
		PG_RETURN_POINTER(journeys);
	other = (JourneySets *) PG_GETARG_POINTER(1);
	if (PG_ARGISNULL(0))
	{
		journeys->permutations = other->permutations;
		journeys->seed = other->seed;
	}
	else if (journeys->permutations != other->permutations || journeys->seed != other->seed)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("permutations and seed of shapley_sample must be the same in every row")));
	count = omni_actors_count(other->actors);
	numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(uint32));
	actors = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(uint32));
	for (uint32 i = 0; i < count; i++)
	{
		int			length;
		const char *name = omni_actor_name(other->actors, i, &length);

		numbers[i] = omni_actor_number(journeys->actors, name, length);
	}
	for (uint32 i = 0; i < other->count; i++)
	{
		const JourneySet *set = &other->sets[i];

		CHECK_FOR_INTERRUPTS();
		for (uint32 j = 0; j < set->size; j++)
			actors[j] = numbers[other->members[set->first + j]];
		(void) omni_distinct_actors(actors, set->size);
		add_journeys(journeys, actors, set->size, set->conversions, set->nulls, set->value);
	}
	pfree(numbers);
	pfree(actors);
	PG_RETURN_POINTER(journeys);
}

/* Serialisation for parallel workers: version, options, names, sets. */
Datum
omnicrm_journey_sets_serialize(PG_FUNCTION_ARGS)
{
	JourneySets *journeys = (JourneySets *) PG_GETARG_POINTER(0);
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, STATE_VERSION);
	pq_sendint64(&buffer, journeys->permutations);
	pq_sendint64(&buffer, journeys->seed);
	omni_actors_send(&buffer, journeys->actors);
	pq_sendint32(&buffer, journeys->count);
	for (uint32 i = 0; i < journeys->count; i++)
	{
		const JourneySet *set = &journeys->sets[i];

		pq_sendint32(&buffer, set->size);
		for (uint32 j = 0; j < set->size; j++)
			pq_sendint32(&buffer, journeys->members[set->first + j]);
		pq_sendint64(&buffer, set->conversions);
		pq_sendint64(&buffer, set->nulls);
		pq_sendint64(&buffer, (int64) (set->value >> 64));
		pq_sendint64(&buffer, (int64) set->value);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Reads one set into a state. */
static void
receive_set(StringInfo buffer, JourneySets *journeys)
{
	uint32		size = pq_getmsgint(buffer, 4);
	uint32	   *actors;
	int64		conversions;
	int64		nulls;
	uint128		high;

	if (size > omni_actors_count(journeys->actors))
		omni_refuse_attribution_state();
	actors = palloc_array(uint32, size + 1);
	for (uint32 i = 0; i < size; i++)
	{
		actors[i] = pq_getmsgint(buffer, 4);
		if (actors[i] >= omni_actors_count(journeys->actors) || (i > 0 && actors[i] <= actors[i - 1]))
			omni_refuse_attribution_state();
	}
	conversions = pq_getmsgint64(buffer);
	nulls = pq_getmsgint64(buffer);
	if (conversions < 0 || nulls < 0)
		omni_refuse_attribution_state();
	high = (uint64) pq_getmsgint64(buffer);
	add_journeys(journeys, actors, size, conversions, nulls, (int128) (high << 64 | (uint64) pq_getmsgint64(buffer)));
	pfree(actors);
}

/* Its inverse.  Errors: data_corrupted. */
Datum
omnicrm_journey_sets_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	JourneySets *journeys = make_state(CurrentMemoryContext);
	StringInfoData buffer;
	uint32		count;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgint(&buffer, 4) != STATE_VERSION)
		omni_refuse_attribution_state();
	journeys->permutations = pq_getmsgint64(&buffer);
	if (journeys->permutations < 0 || journeys->permutations > MAX_PERMUTATIONS)
		omni_refuse_attribution_state();
	journeys->seed = pq_getmsgint64(&buffer);
	journeys->actors = omni_actors_receive(&buffer, CurrentMemoryContext);
	count = pq_getmsgint(&buffer, 4);
	for (uint32 i = 0; i < count; i++)
		receive_set(&buffer, journeys);
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(journeys);
}

/*
 * omni_journey_sets_ranked: the actors of all sets as in members[], by the rank of
 * their names in place of their numbers, in current memory.
 */
uint32 *
omni_journey_sets_ranked(const JourneySets *journeys)
{
	uint32	   *ranks = omni_actors_ranks(journeys->actors);
	uint32	   *ranked = MemoryContextAllocHuge(CurrentMemoryContext, (journeys->used + 1) * sizeof(uint32));

	for (uint64 i = 0; i < journeys->used; i++)
		ranked[i] = ranks[journeys->members[i]];
	pfree(ranks);
	return ranked;
}
