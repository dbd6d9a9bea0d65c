/*
 * attribution_walk.c
 *		From journeys to their paths, and to what depends on time.
 *
 * The path of a conversion at time t are the touches of its journey in
 * [t - lookback, t], after exclusions and transforms.  The touches after the last
 * conversion of a journey, all of them when there is none, are a path without a
 * conversion, after the same exclusions and transforms.  Paths are counted
 * (paths.c); time decay, the time to the conversion and the converting event's own
 * actor are counted here, conversion by conversion.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/attribution.h"
#include "common/compat.h"

/* 2^95 over the sum of the weights leaves 39 bits more than a share has */
#define INVERSE_BITS 39

/* attribution_walker_path_room: room for a path of so many touches. */
void
attribution_walker_path_room(JourneyWalker *walker, uint32 wanted)
{
	MemoryContext context = walker->work->context;

	if (wanted <= walker->room)
		return;
	if (walker->room > 0)
	{
		pfree(walker->eligible);
		pfree(walker->weights);
		pfree(walker->path);
	}
	walker->room = wanted + wanted / 2;
	walker->eligible = MemoryContextAllocHuge(context, (Size) walker->room * sizeof(ModelTouch));
	walker->weights = MemoryContextAllocHuge(context, (Size) walker->room * sizeof(uint64));
	walker->path = MemoryContextAllocHuge(context, (Size) walker->room * sizeof(uint32));
}

/* The touches of a window as the models see them, exclusions and transforms done. */
static uint32
make_eligible(JourneyWalker *walker, const Touch *touches, uint32 n)
{
	ModelTouch *eligible = walker->eligible;

	for (uint32 i = 0; i < n; i++)
	{
		eligible[i].at = touches[i].at;
		eligible[i].actor = (int32) touches[i].actor;
		eligible[i].kind = NO_NUMBER;
		eligible[i].source = (int32) i;
		eligible[i].repeats = 1;
	}
	if (walker->options->nsteps == 0)
		return n;
	return (uint32) omnicrm_path_transform(walker->options, walker->work, eligible, (int) n);
}

/* Writes an actor into the path at hand, and counts that it is met. */
static inline void
put_actor(JourneyWalker *walker, int sign, uint32 place, uint32 actor)
{
	if (walker->uses != NULL)
		walker->uses[actor] += sign;
	paths_put_actor(walker->paths, walker->path, place, actor);
}

/* The newest touch has a weight of 2^32, so the sum is at least that.  count: 1, or -1 to take it back. */
static void
credit_by_time(JourneyWalker *walker, uint32 n, int count, int128 value)
{
	ActorCredit *credits = walker->summary->credits;
	uint64		sum = omnicrm_model_weights(MODEL_TIME_DECAY, walker->options, walker->work,
											walker->eligible, (int) n, walker->weights);
	uint64		inverse = (uint64) (((uint128) 1 << (SHARE_BITS + INVERSE_BITS)) / sum);
	uint64		left = SHARE_ONE;

	for (uint32 i = n; i > 0; i--)
	{
		ActorCredit *credit = &credits[walker->eligible[i - 1].actor];
		uint64		share = (uint64) ((uint128) walker->weights[i - 1] * inverse >> INVERSE_BITS);

		left -= share;
		credit->shares[SHARE_TIME_DECAY] += (int128) share * count;
		credit->share_values[SHARE_TIME_DECAY] += value * share;
	}
	/* what the division leaves goes to the newest */
	credits[walker->eligible[n - 1].actor].shares[SHARE_TIME_DECAY] += (int128) left * count;
	credits[walker->eligible[n - 1].actor].share_values[SHARE_TIME_DECAY] += value * left;
}

pg_noreturn static void
too_much_value(int scale)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the sum of all values is out of range"),
			 errhint("With %d decimals it must stay below 10^%d: round the values.", scale, 21 - scale)));
}

/* The value of a conversion in units, negative when it is taken back. */
static int128
value_of(JourneyWalker *walker, int sign, const Conversion *conversion)
{
	int128		value = conversion->units * walker->power[walker->summary->scale - conversion->scale];

	walker->total += (value < 0 ? -value : value) * sign;
	if (unlikely(walker->total >= SUMMARY_VALUE_LIMIT))
	{
		walker->failed = true;
		if (walker->tentative)
			return 0;
		too_much_value(walker->summary->scale);
	}
	return value * sign;
}

/* Leaves one of equal touches that have an id; returns how many are left. */
static uint32
distinct_touches(Touch *touches, uint32 n)
{
	uint32		kept = 0;

	for (uint32 i = 0; i < n; i++)
		if (kept == 0 || touches[i].event == NO_EVENT || touches[i].event != touches[kept - 1].event ||
			touches[i].at != touches[kept - 1].at || touches[i].actor != touches[kept - 1].actor)
			touches[kept++] = touches[i];
	return kept;
}

static int
compare_by_event(const void *left, const void *right)
{
	int64		a = ((const Conversion *) left)->event;
	int64		b = ((const Conversion *) right)->event;

	return a < b ? -1 : a > b;
}

/* The same for conversions; the order of those without an id is lost where it makes no difference. */
static uint32
distinct_conversions(const JourneyWalker *walker, Conversion *conversions, uint32 n)
{
	const int128 *power = walker->power + walker->summary->scale;
	uint32		kept = 0;

	qsort(conversions, n, sizeof(Conversion), compare_by_event);
	for (uint32 i = 0; i < n; i++)
	{
		const Conversion *one = &conversions[i];
		const Conversion *before = &conversions[kept - 1];

		if (kept == 0 || one->event == NO_EVENT || one->event != before->event)
			conversions[kept++] = *one;
		else if (one->at != before->at || one->actor != before->actor ||
				 one->units * power[-one->scale] != before->units * power[-before->scale])
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("conversion %lld of journey %lld is told twice, differently",
							(long long) one->event, (long long) one->journey),
					 errhint("Give each conversion an event_id of its own.")));
	}
	return kept;
}

static int
compare_by_time(const void *left, const void *right)
{
	int64		a = ((const Conversion *) left)->at;
	int64		b = ((const Conversion *) right)->at;

	return a < b ? -1 : a > b;
}

/* May the converting event itself be credited: has it an actor that is not excluded? */
static inline bool
is_self_eligible(JourneyWalker *walker, const Conversion *conversion)
{
	ModelTouch	self = {conversion->at, (int32) conversion->actor, NO_NUMBER, 0, 1};

	if (conversion->actor == NO_ACTOR)
		return false;
	return walker->options->nsteps == 0 ||
		omnicrm_path_transform(walker->options, walker->work, &self, 1) == 1;
}

/* One conversion with the touches of its window. */
static void
take_conversion(JourneyWalker *walker, int sign, const Conversion *conversion, const Touch *touches, uint32 n)
{
	AttributionSummary *summary = walker->summary;
	int128		value = value_of(walker, sign, conversion);

	summary->conversions += sign;
	summary->value += value;
	if (is_self_eligible(walker, conversion))
	{
		summary->same_touches += sign;
		summary->same_touch_value += value;
		summary->credits[conversion->actor].counts[COUNT_SAME_TOUCH] += sign;
		summary->credits[conversion->actor].values[COUNT_SAME_TOUCH] += value;
	}
	n = make_eligible(walker, touches, n);
	if (n == 0)
	{
		summary->unattributed += sign;
		summary->unattributed_value += value;
		return;
	}
	for (uint32 i = 0; i < n; i++)
		put_actor(walker, sign, i, (uint32) walker->eligible[i].actor);
	paths_add(walker->paths, walker->path, n, sign, value, 0);
	summary_count_time(walker->builder, sign, (uint64) conversion->at - (uint64) walker->eligible[0].at);
	credit_by_time(walker, n, sign, value);
}

/* Touches that no conversion of the journey follows. */
static void
take_null_path(JourneyWalker *walker, int sign, const Touch *touches, uint32 n)
{
	if (walker->options->nsteps > 0)
	{
		n = make_eligible(walker, touches, n);
		for (uint32 i = 0; i < n; i++)
			put_actor(walker, sign, i, (uint32) walker->eligible[i].actor);
	}
	else
		for (uint32 i = 0; i < n; i++)
			put_actor(walker, sign, i, touches[i].actor);
	if (n > 0)
		paths_add(walker->paths, walker->path, n, 0, 0, sign);
}

/* One journey; sign -1 takes it back. */
static void
take_journey(void *taker, int sign, Touch *touches, uint32 ntouches,
			 Conversion *conversions, uint32 nconversions)
{
	JourneyWalker *walker = taker;
	uint64		lookback = walker->options->lookback;
	uint32		from = 0;
	uint32		to = 0;

	if (walker->failed)
		return;
	if (nconversions == 0 || !conversions[0].alone)
		walker->summary->journeys += sign;
	attribution_walker_path_room(walker, ntouches);
	if (walker->has_events)
	{
		ntouches = distinct_touches(touches, ntouches);
		if (nconversions > 1)
		{
			nconversions = distinct_conversions(walker, conversions, nconversions);
			qsort(conversions, nconversions, sizeof(Conversion), compare_by_time);
		}
	}
	walker->summary->touches += (int64) ntouches * sign;
	for (uint32 i = 0; i < nconversions; i++)
	{
		int64		at = conversions[i].at;

		/* a conversion may have a path as long as the journey */
		if (to - from > 1000 || (i & 0xFFF) == 0xFFF)
			CHECK_FOR_INTERRUPTS();
		while (to < ntouches && touches[to].at <= at)
			to++;
		if (lookback != NO_LOOKBACK)
			while (from < to && (uint64) at - (uint64) touches[from].at > lookback)
				from++;
		take_conversion(walker, sign, &conversions[i], touches + from, to - from);
	}
	if (to < ntouches)
		take_null_path(walker, sign, touches + to, ntouches - to);
}

/*
 * attribution_walker: what takes the journeys of a state, and how they are handed
 * over to it; in current memory.  Nothing is counted yet.
 */
JourneyWalker *
attribution_walker(AttributionState *state, JourneyWalk *walk)
{
	uint32		nactors = omni_actors_count(state->actors);
	JourneyWalker *walker = palloc0_object(JourneyWalker);

	walker->builder = summary_begin(state->actors, state->options, &state->settings, state->scale, true);
	walker->summary = summary_of_builder(walker->builder);
	walker->options = state->options;
	walker->has_events = state->has_events;
	walker->paths = paths_make(CurrentMemoryContext, paths_width(nactors), state->path_limit);
	/* flows name the actors that are met most, or all */
	if (nactors > FLOW_ACTORS)
		walker->uses = MemoryContextAllocExtended(CurrentMemoryContext, (Size) nactors * sizeof(int64),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	walker->work = omnicrm_model_workspace(CurrentMemoryContext);
	omnicrm_model_room(walker->work, (int) nactors, 0);
	attribution_walker_path_room(walker, 64);
	walker->power[0] = 1;
	for (int i = 1; i <= SUMMARY_MAX_SCALE; i++)
		walker->power[i] = walker->power[i - 1] * 10;
	walk->ranks = summary_ranks(walker->builder);
	walk->take = take_journey;
	walk->taker = walker;
	walk->limit = state->limit;
	return walker;
}

/*
 * attribution_add_total: adds the sum of the absolute values that another process has
 * taken, in units of the same scale.
 * Errors: numeric_value_out_of_range.
 */
void
attribution_add_total(JourneyWalker *walker, int128 total)
{
	walker->total += total;
	if (walker->total >= SUMMARY_VALUE_LIMIT)
		too_much_value(walker->summary->scale);
}

/*
 * attribution_summarise: the summary of all events of a state, which it uses up;
 * in current memory.
 * Errors: numeric_value_out_of_range, program_limit_exceeded, out_of_memory, those
 * of temporary files.
 */
AttributionSummary *
attribution_summarise(AttributionState *state)
{
	JourneyWalk walk;
	JourneyWalker *walker = attribution_walker(state, &walk);

	if (!attribution_join(walker, &walk, state))
	{
		if (walker->tentative)
		{
			paths_free(walker->paths);
			walker = attribution_walker(state, &walk);
		}
		for (int i = 0; i < state->nruns; i++)
			event_run_unpack(state->context, &state->runs[i]);
		journeys_walk(&walk, state->runs, state->nruns, state->spill);
	}
	summary_take_paths(walker->builder, walker->paths, walker->uses, NULL, 1);
	return summary_end(walker->builder);
}
