/*
 * markov_counts.c
 *		Counting the transitions of journeys.
 *
 * Counts are whole numbers and values whole units, so that sums are the same in
 * any order.  States and transitions are arrays in the order of their first
 * appearance with an index beside each; what leaves the state is sorted
 * (markov_value.c).  The journeys that enter a state are as many as those that
 * leave it; reading a value relies on that.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "common/int.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/markov.h"
#include "common/compat.h"

#define FIRST_STATES 16
#define FIRST_TRANSITIONS 64
#define MAX_PLACES (1U << 30)

/* Errors of sums that leave their range. */
static void
refuse_sum(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("sum of the %s of journeys is out of range", what)));
}

static inline void
add_count(int64 *sum, int64 count)
{
	if (unlikely(pg_add_s64_overflow(*sum, count, sum)))
		refuse_sum("counts");
}

static inline void
add_value(int128 *sum, int128 value)
{
	if (unlikely(__builtin_add_overflow(*sum, value, sum)))
		refuse_sum("values");
}

/* omni_markov_bytes: the memory that the counts take. */
Size
omni_markov_bytes(const MarkovCounts *markov)
{
	return sizeof(MarkovCounts) + (Size) markov->state_room * sizeof(MarkovState) +
		(Size) markov->transition_room * sizeof(MarkovTransition) +
		((Size) markov->state_mask + 1 + markov->transition_mask + 1) * sizeof(uint32);
}

/* Twice the memory of the counts must be allowed before they double. */
static void
check_memory(const MarkovCounts *markov)
{
	Size		needed = omni_markov_bytes(markov) * 2;

	if (needed / 1024 > (Size) maintenance_work_mem || markov->state_room > MAX_PLACES || markov->transition_room > MAX_PLACES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the transitions of the journeys need more than %zu MB, maintenance_work_mem allows %d MB",
						needed >> 20, maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, use a lower order, or give fewer actors.")));
}

static uint32 *
make_slots(MemoryContext context, uint32 count)
{
	uint32	   *slots = MemoryContextAllocHuge(context, (Size) count * sizeof(uint32));

	memset(slots, 0, (Size) count * sizeof(uint32));
	return slots;
}

/*
 * omni_markov_begin: no journeys yet, of this order (1 to 4, checked by the
 * caller); all memory is of the context.
 */
MarkovCounts *
omni_markov_begin(MemoryContext context, int order)
{
	MarkovCounts *markov = MemoryContextAllocZero(context, sizeof(MarkovCounts));

	Assert(order >= 1 && order <= MARKOV_MAX_ORDER);
	markov->context = context;
	markov->order = order;
	markov->state_room = FIRST_STATES;
	markov->states = MemoryContextAllocZero(context, FIRST_STATES * sizeof(MarkovState));
	memset(markov->states[MARKOV_START].tuple, 0xFF, sizeof(markov->states[MARKOV_START].tuple));
	markov->nstates = 1;
	markov->state_mask = 2 * FIRST_STATES - 1;
	markov->state_slots = make_slots(context, 2 * FIRST_STATES);
	markov->transition_room = FIRST_TRANSITIONS;
	markov->transitions = MemoryContextAlloc(context, FIRST_TRANSITIONS * sizeof(MarkovTransition));
	markov->transition_mask = 2 * FIRST_TRANSITIONS - 1;
	markov->transition_slots = make_slots(context, 2 * FIRST_TRANSITIONS);
	return markov;
}

static inline uint32
hash_tuple(const uint32 *tuple)
{
	uint64		low;
	uint64		high;

	memcpy(&low, tuple, 8);
	memcpy(&high, tuple + 2, 8);
	return (uint32) ((low * UINT64CONST(0x9E3779B97F4A7C15) + high) * UINT64CONST(0xD6E8FEB86659FD93) >> 32);
}

static inline uint32
hash_transition(uint32 from, uint32 to)
{
	return (uint32) (((uint64) from << 32 | to) * UINT64CONST(0x9E3779B97F4A7C15) >> 32);
}

/* Room for more states, and an index that is at most half full. */
static void
double_states(MarkovCounts *markov)
{
	check_memory(markov);
	markov->state_room *= 2;
	markov->states = repalloc_huge(markov->states, (Size) markov->state_room * sizeof(MarkovState));
	pfree(markov->state_slots);
	markov->state_mask = 2 * markov->state_room - 1;
	markov->state_slots = make_slots(markov->context, markov->state_mask + 1);
	for (uint32 state = 1; state < markov->nstates; state++)
	{
		uint32		at = hash_tuple(markov->states[state].tuple) & markov->state_mask;

		while (markov->state_slots[at] != 0)
			at = (at + 1) & markov->state_mask;
		markov->state_slots[at] = state + 1;
	}
}

/* The place of the state of these actors, a new one when there is none. */
static uint32
state_of(MarkovCounts *markov, const uint32 *tuple)
{
	uint32		at = hash_tuple(tuple) & markov->state_mask;
	MarkovState *state;

	for (; markov->state_slots[at] != 0; at = (at + 1) & markov->state_mask)
		if (memcmp(markov->states[markov->state_slots[at] - 1].tuple, tuple, sizeof(state->tuple)) == 0)
			return markov->state_slots[at] - 1;
	markov->state_slots[at] = markov->nstates + 1;
	state = &markov->states[markov->nstates++];
	memset(state, 0, sizeof(MarkovState));
	memcpy(state->tuple, tuple, sizeof(state->tuple));
	if (markov->nstates == markov->state_room)
		double_states(markov);
	return markov->nstates - 1;
}

/* Room for more transitions, and an index that is at most half full. */
static void
double_transitions(MarkovCounts *markov)
{
	check_memory(markov);
	markov->transition_room *= 2;
	markov->transitions = repalloc_huge(markov->transitions, (Size) markov->transition_room * sizeof(MarkovTransition));
	pfree(markov->transition_slots);
	markov->transition_mask = 2 * markov->transition_room - 1;
	markov->transition_slots = make_slots(markov->context, markov->transition_mask + 1);
	for (uint32 i = 0; i < markov->ntransitions; i++)
	{
		uint32		at = hash_transition(markov->transitions[i].from, markov->transitions[i].to) & markov->transition_mask;

		while (markov->transition_slots[at] != 0)
			at = (at + 1) & markov->transition_mask;
		markov->transition_slots[at] = i + 1;
	}
}

static void
add_transition(MarkovCounts *markov, uint32 from, uint32 to, int64 count)
{
	uint32		at = hash_transition(from, to) & markov->transition_mask;
	MarkovTransition *transition;

	for (; markov->transition_slots[at] != 0; at = (at + 1) & markov->transition_mask)
	{
		transition = &markov->transitions[markov->transition_slots[at] - 1];
		if (transition->from == from && transition->to == to)
		{
			add_count(&transition->count, count);
			return;
		}
	}
	transition = &markov->transitions[markov->ntransitions++];
	transition->from = from;
	transition->to = to;
	transition->count = count;
	markov->transition_slots[at] = markov->ntransitions;
	if (markov->ntransitions == markov->transition_room)
		double_transitions(markov);
}

static void
add_end(MarkovCounts *markov, uint32 state, int64 conversions, int128 value, int64 nulls)
{
	add_count(&markov->states[state].conversions, conversions);
	add_count(&markov->states[state].nulls, nulls);
	add_value(&markov->states[state].value, value);
}

/*
 * omni_markov_add_path: so many journeys through these actors, in this order, with
 * a conversion (value: the sum of theirs, in units of 10^-12, 0 without a
 * conversion) and without one.  A path of length 0 converts without a touch.  The
 * counts must not be negative.
 * Errors: numeric_value_out_of_range, program_limit_exceeded at maintenance_work_mem.
 */
void
omni_markov_add_path(MarkovCounts *markov, const uint32 *actors, int length,
					 int64 conversions, int128 value, int64 nulls)
{
	int			size = Min(length, markov->order);
	int64		count = conversions;
	uint32		tuple[MARKOV_MAX_ORDER] = {NO_ACTOR, NO_ACTOR, NO_ACTOR, NO_ACTOR};
	uint32		before = MARKOV_START;

	add_count(&count, nulls);
	if (count == 0)
		return;
	for (int at = 0; length > 0 && at <= length - size; at++)
	{
		uint32		state;

		if ((at & 0xFFFF) == 0xFFFF)
			CHECK_FOR_INTERRUPTS();
		memcpy(tuple, actors + at, size * sizeof(uint32));
		if (before != MARKOV_START && memcmp(markov->states[before].tuple, tuple, sizeof(tuple)) == 0)
			continue;
		state = state_of(markov, tuple);
		add_transition(markov, before, state, count);
		before = state;
	}
	add_end(markov, before, conversions, value, nulls);
}

/*
 * omni_markov_add_counts: finished counts of order 1 of actors 0 to actors - 1.
 * transitions[(actors + 1) * actors]: row 0 from the start, row a + 1 from actor
 * a, columns to actors; what goes from an actor to itself is left out.
 * conversions, values, nulls[actors + 1]: the ends after no touch, and after each
 * actor.  As many must enter an actor as leave it.
 * Errors: numeric_value_out_of_range, program_limit_exceeded.
 */
void
omni_markov_add_counts(MarkovCounts *markov, uint32 actors, const int64 *transitions,
					   const int64 *conversions, const int128 *values, const int64 *nulls)
{
	uint32	   *states = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) actors + 1) * sizeof(uint32));

	Assert(markov->order == 1);
	states[0] = MARKOV_START;
	for (uint32 actor = 0; actor < actors; actor++)
		states[actor + 1] = NO_ACTOR;
	for (uint32 from = 0; from <= actors; from++)
	{
		const int64 *row = transitions + (Size) from * actors;

		CHECK_FOR_INTERRUPTS();
		for (uint32 to = 0; to < actors; to++)
		{
			if (row[to] == 0 || from == to + 1)
				continue;
			for (int end = 0; end < 2; end++)
			{
				uint32		place = end == 0 ? from : to + 1;
				uint32		tuple[MARKOV_MAX_ORDER] = {place - 1, NO_ACTOR, NO_ACTOR, NO_ACTOR};

				if (states[place] == NO_ACTOR)
					states[place] = state_of(markov, tuple);
			}
			add_transition(markov, states[from], states[to + 1], row[to]);
		}
	}
	for (uint32 place = 0; place <= actors; place++)
		if (states[place] != NO_ACTOR)
			add_end(markov, states[place], conversions[place], values[place], nulls[place]);
	pfree(states);
}

/*
 * omni_markov_merge: adds the counts of another state, whose actors have other
 * numbers.  The orders must be the same, which the caller checks.
 * Errors: numeric_value_out_of_range, program_limit_exceeded.
 */
void
omni_markov_merge(MarkovCounts *markov, Actors *actors,
				  const MarkovCounts *other, const Actors *other_actors)
{
	uint32		nactors = omni_actors_count(other_actors);
	uint32	   *numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) nactors + 1) * sizeof(uint32));
	uint32	   *states = MemoryContextAllocHuge(CurrentMemoryContext, (Size) other->nstates * sizeof(uint32));

	Assert(markov->order == other->order);
	for (uint32 i = 0; i < nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(other_actors, i, &length);

		numbers[i] = omni_actor_number(actors, name, length);
	}
	for (uint32 i = 0; i < other->nstates; i++)
	{
		const MarkovState *state = &other->states[i];
		uint32		tuple[MARKOV_MAX_ORDER];

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		for (int at = 0; at < MARKOV_MAX_ORDER; at++)
			tuple[at] = state->tuple[at] == NO_ACTOR ? NO_ACTOR : numbers[state->tuple[at]];
		states[i] = i == MARKOV_START ? MARKOV_START : state_of(markov, tuple);
		add_end(markov, states[i], state->conversions, state->value, state->nulls);
	}
	for (uint32 i = 0; i < other->ntransitions; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		add_transition(markov, states[other->transitions[i].from], states[other->transitions[i].to],
					   other->transitions[i].count);
	}
	pfree(numbers);
	pfree(states);
}

/* omni_markov_total: the journeys with a conversion, those without one, the value. */
void
omni_markov_total(const MarkovCounts *markov, int64 *conversions, int64 *nulls, int128 *value)
{
	*conversions = 0;
	*nulls = 0;
	*value = 0;
	for (uint32 i = 0; i < markov->nstates; i++)
	{
		add_count(conversions, markov->states[i].conversions);
		add_count(nulls, markov->states[i].nulls);
		add_value(value, markov->states[i].value);
	}
}
