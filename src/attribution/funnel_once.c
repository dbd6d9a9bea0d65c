/*
 * funnel_once.c
 *		window_funnel in the mode strict_once: a row climbs one step of a chain only.
 *
 * It matters within one instant only, where one row may have several steps.  The
 * chains of a level are all that there are, not that with the latest start alone:
 * a level k is reached in an instant when, for some level i < k that was reached
 * before (or none, i = 0), the steps i + 1 to k can be given to as many different
 * rows of the instant.  That is a bipartite matching, found by augmenting paths
 * (Kuhn); of the possible i the smallest counts, since its chain started last.
 * With k the smallest i never falls, so that one matching slides over the steps,
 * which takes a time that is linear in the rows instead of following each chain.
 *
 * A step with as many candidates as there are steps can always be given to one
 * that no other step took: further candidates are not needed.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "attribution/funnel.h"

#define NO_SLOT (-1)
#define MAX_SLOTS (MAX_CONDITIONS * MAX_CONDITIONS)

/* The rows of one instant that may be given to steps, and the present matching. */
typedef struct Matching
{
	int			nslots;
	uint32		row[MAX_SLOTS]; /* of a slot: the event */
	int8		owner[MAX_SLOTS];	/* of a slot: its step; 0: free */
	uint32		visited[MAX_SLOTS]; /* of a slot: number of the search that met it */
	uint32		search;
	int			ncandidates[MAX_CONDITIONS + 1];
	int16		candidates[MAX_CONDITIONS + 1][MAX_CONDITIONS]; /* of a step: slots */
	int16		slot[MAX_CONDITIONS + 1];	/* of a step: its slot */
} Matching;

/* The candidates of all steps in an instant. */
static void
collect_candidates(const EventState *state, const FunnelInstant *instant, Matching *matching)
{
	int			most = state->nconditions;

	matching->nslots = 0;
	matching->search = 0;
	for (int step = 1; step <= most; step++)
	{
		matching->ncandidates[step] = 0;
		matching->slot[step] = NO_SLOT;
	}
	for (uint32 i = instant->first; i < instant->end; i++)
	{
		int			slot = NO_SLOT;

		for (uint32 rest = state->events[i].conditions; rest != 0; rest &= rest - 1)
		{
			int			step = pg_rightmost_one_pos32(rest) + 1;

			if (matching->ncandidates[step] == most)
				continue;
			if (slot == NO_SLOT)
			{
				slot = matching->nslots++;
				matching->row[slot] = i;
				matching->owner[slot] = 0;
				matching->visited[slot] = 0;
			}
			matching->candidates[step][matching->ncandidates[step]++] = slot;
		}
	}
}

/* Gives a step a row, moving other steps to other rows where that helps. */
static bool
augment(Matching *matching, int step)
{
	for (int i = 0; i < matching->ncandidates[step]; i++)
	{
		int			slot = matching->candidates[step][i];

		if (matching->visited[slot] == matching->search)
			continue;
		matching->visited[slot] = matching->search;
		if (matching->owner[slot] == 0 || augment(matching, matching->owner[slot]))
		{
			matching->owner[slot] = step;
			matching->slot[step] = slot;
			return true;
		}
	}
	return false;
}

static bool
match_step(Matching *matching, int step)
{
	matching->search++;
	return augment(matching, step);
}

static void
release_step(Matching *matching, int step)
{
	if (matching->slot[step] != NO_SLOT)
		matching->owner[matching->slot[step]] = 0;
	matching->slot[step] = NO_SLOT;
}

/*
 * Can the steps "from" to "to" be given to different rows when the last row that
 * has step "to" is left out?
 */
static bool
climbs_without_last(const EventState *state, const FunnelInstant *instant, int from, int to)
{
	Matching	matching;
	uint32		last = instant->end - 1;

	collect_candidates(state, instant, &matching);
	while ((state->events[last].conditions & (1U << (to - 1))) == 0)
		last--;
	if (matching.row[matching.candidates[to][matching.ncandidates[to] - 1]] == last)
		matching.ncandidates[to]--;
	for (int step = from; step <= to; step++)
		if (!match_step(&matching, step))
			return false;
	return true;
}

/* What is carried from instant to instant. */
typedef struct OnceWalk
{
	const EventState *state;
	TimestampTz start[MAX_CONDITIONS + 1];	/* of a level: the latest of its chains */
	int			highest;
	int			usable;			/* highest level whose window is still open */
	bool		ended;			/* the walk is over */
} OnceWalk;

/*
 * The smallest level from which the steps up to "step" can be climbed in this
 * instant; "from" is that of the step before, the matching goes with it.
 */
static int
smallest_level(const OnceWalk *walk, Matching *matching, int from, int step)
{
	if ((walk->state->modes & FUNNEL_INCREASE) != 0)
		return step - 1;
	while (!match_step(matching, step))
		release_step(matching, ++from);
	return from;
}

/* Walks one instant; sets walk->ended when nothing after it counts. */
static void
walk_instant(OnceWalk *walk, const FunnelInstant *instant)
{
	const EventState *state = walk->state;
	uint8		modes = state->modes;
	TimestampTz fresh[MAX_CONDITIONS + 1];
	uint32		climbed = 0;
	int			from = 0;
	Matching	matching;

	collect_candidates(state, instant, &matching);
	for (uint32 rest = instant->any; rest != 0; rest &= rest - 1)
	{
		int			step = pg_rightmost_one_pos32(rest) + 1;

		if (step > 1 && funnel_ends(modes, step, walk->highest))
		{
			walk->ended = true;
			return;
		}
		/* no row has the step before: it must have been reached earlier */
		if (step > 1 && (instant->any & (1U << (step - 2))) == 0)
			while (from < step - 1)
				release_step(&matching, ++from);
		from = smallest_level(walk, &matching, from, step);
		if (from > walk->usable)
			continue;
		fresh[step] = from == 0 ? instant->at : walk->start[from];
		climbed |= 1U << (step - 1);
		walk->highest = Max(walk->highest, step);
		if (step == state->nconditions)
		{
			walk->ended = true;
			return;
		}
		/* a further row of this instant with this step, behind one that climbed */
		if (step > 1 && (modes & FUNNEL_DEDUPLICATION) != 0 && (instant->several & (1U << (step - 1))) != 0 &&
			((modes & FUNNEL_INCREASE) != 0 ||
			 climbs_without_last(state, instant, Min(walk->usable, step - 1) + 1, step)))
		{
			walk->ended = true;
			return;
		}
	}
	for (; climbed != 0; climbed &= climbed - 1)
	{
		int			step = pg_rightmost_one_pos32(climbed) + 1;

		walk->start[step] = fresh[step];
	}
}

/*
 * funnel_walk_once: the highest level of a sorted state with strict_once.
 */
int
funnel_walk_once(const EventState *state)
{
	OnceWalk	walk = {0};
	FunnelInstant instant;

	walk.state = state;
	for (uint32 i = 0; i < state->count && !walk.ended; i = instant.end)
	{
		CHECK_FOR_INTERRUPTS();
		if (!funnel_instant(state, i, &instant) && walk.highest > 0)
			break;
		/* a higher level started no later */
		walk.usable = walk.highest;
		while (walk.usable > 0 && !funnel_within(instant.at, walk.start[walk.usable], state->window))
			walk.usable--;
		walk_instant(&walk, &instant);
	}
	return walk.highest;
}
