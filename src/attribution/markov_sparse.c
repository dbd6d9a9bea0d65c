/*
 * markov_sparse.c
 *		Removal effects of a chain of many states, by steps.
 *
 * The chances to convert solve b = r + Q b, the visits of journeys that end at the
 * first touch by an actor solve x = s + x Q' (Q' without the ways out of the
 * actor's states); both by the method of Gauss and Seidel, which uses each new
 * element at once and converges for every chain in which all journeys end (R. S.
 * Varga, Matrix Iterative Analysis, 1962).  x in the actor's own states is the
 * distribution of the first of them that is visited.  Steps begin at what is known
 * above the visits, those of all journeys, and below b, nothing, and go one way.  All
 * that is added is positive, so the error is bounded element by element.  Several
 * actors go side by side, for one reading of the transitions.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/markov.h"
#include "common/compat.h"

#define ACTORS_AT_ONCE 8
#define MAX_STEPS 100000
#define TOLERANCE 1e-13			/* relative error of an element at the end */
#define ROUNDING 2e-15			/* changes of this size never end */
#define NEGLIGIBLE 1e-200
#define MAX_WORK 1e10			/* channels by states and transitions: some minutes */

/* an element of each of four actors, and its bits; of all */
#define QUADS (ACTORS_AT_ONCE / 4)
typedef double Quad __attribute__((vector_size(4 * sizeof(double))));
typedef int64 QuadBits __attribute__((vector_size(4 * sizeof(int64))));
typedef union Lanes
{
	Quad		quads[QUADS];
	double		of[ACTORS_AT_ONCE];
} Lanes;

static void *
allocate(Size count, Size width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, (count + 1) * width);
}

/* The transitions by the state that they leave. */
typedef struct Leaving
{
	uint32	   *start;
	uint32	   *to;
	double	   *chance;
} Leaving;

static Leaving
turn_back(const MarkovChain *chain)
{
	uint32		count = chain->into_start[chain->size];
	uint32	   *next = allocate(chain->size, sizeof(uint32));
	Leaving		leaving;

	leaving.start = allocate(chain->size, sizeof(uint32));
	leaving.to = allocate(count, sizeof(uint32));
	leaving.chance = allocate(count, sizeof(double));
	memset(leaving.start, 0, ((Size) chain->size + 1) * sizeof(uint32));
	for (uint32 i = 0; i < count; i++)
		leaving.start[chain->from[i] + 1]++;
	for (uint32 i = 0; i < chain->size; i++)
	{
		leaving.start[i + 1] += leaving.start[i];
		next[i] = leaving.start[i];
	}
	for (uint32 to = 0; to < chain->size; to++)
		for (uint32 i = chain->into_start[to]; i < chain->into_start[to + 1]; i++)
		{
			leaving.to[next[chain->from[i]]] = to;
			leaving.chance[next[chain->from[i]]++] = chain->chance[i];
		}
	pfree(next);
	return leaving;
}

/*
 * When steps end: the largest relative change of an element in the last of them says
 * how far off the solution is, by the ratio of two changes that follow each other.
 */
typedef struct Progress
{
	int			steps;
	double		change;			/* in this step */
	double		before;			/* in the one before */
} Progress;

static inline void
note_change(Progress *progress, double old, double new)
{
	double		change = fabs(new - old);

	/* what is next to nothing has no relative error to speak of */
	if (change > progress->change * new && new > NEGLIGIBLE)
		progress->change = change / new;
}

static bool
is_done(Progress *progress)
{
	double		change = progress->change;
	double		ratio = change / progress->before;

	CHECK_FOR_INTERRUPTS();
	if (change <= ROUNDING || (progress->steps > 0 && ratio < 1 && change * ratio <= TOLERANCE * (1 - ratio)))
		return true;
	if (++progress->steps > MAX_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("the chain of the journeys did not converge within %d steps", MAX_STEPS),
				 errhint("Journeys go round for too long: use a lower order, or give fewer actors.")));
	progress->before = change;
	progress->change = 0;
	return false;
}

/* Solves b = ends + Q b, with no element of ends below zero. */
static double *
expected_ends(const MarkovChain *chain, const Leaving *leaving, const double *ends)
{
	double	   *result = allocate(chain->size, sizeof(double));
	Progress	progress = {0, 0, 0};

	memset(result, 0, (Size) chain->size * sizeof(double));
	do
	{
		for (uint32 i = chain->size; i-- > 0;)
		{
			double		sum = ends[i];

			for (uint32 j = leaving->start[i]; j < leaving->start[i + 1]; j++)
				sum += leaving->chance[j] * result[leaving->to[j]];
			note_change(&progress, result[i], sum);
			result[i] = sum;
		}
	} while (!is_done(&progress));
	return result;
}

/* The mean value that ends from each state: what is above zero less what is below. */
static double *
expected_value(const MarkovChain *chain, const Leaving *leaving)
{
	double	   *part = allocate(chain->size, sizeof(double));
	double	   *result;
	double	   *below;

	for (uint32 i = 0; i < chain->size; i++)
		part[i] = Max(chain->value[i], 0);
	result = expected_ends(chain, leaving, part);
	for (uint32 i = 0; i < chain->size; i++)
		part[i] = Max(-chain->value[i], 0);
	below = expected_ends(chain, leaving, part);
	for (uint32 i = 0; i < chain->size; i++)
		result[i] -= below[i];
	pfree(below);
	pfree(part);
	return result;
}

/* Visits of journeys that end at the first touch by one of several actors, for each of them. */
typedef struct Visits
{
	Lanes	   *visits;			/* by state and actor; 0 in the actor's own states */
	uint8	   *own;			/* by state: a bit for each actor that it has */
} Visits;

/* The visits of one state, from those of the states that lead to it. */
static pg_attribute_always_inline void
visits_of(const MarkovChain *chain, const Visits *all, uint32 state, Quad *result)
{
	Quad		sums[QUADS];

	UNROLLED
	for (int quad = 0; quad < QUADS; quad++)
		sums[quad] = (Quad) {0} + chain->enters[state];
	for (uint32 j = chain->into_start[state]; j < chain->into_start[state + 1]; j++)
	{
		const Lanes *from = &all->visits[chain->from[j]];

		UNROLLED
		for (int quad = 0; quad < QUADS; quad++)
			sums[quad] += chain->chance[j] * from->quads[quad];
	}
	UNROLLED
	for (int quad = 0; quad < QUADS; quad++)
		result[quad] = sums[quad];
}

/* Is a change larger than this part of the new element? */
static pg_attribute_always_inline bool
any_larger(const Quad *old, const Quad *new, double part)
{
	QuadBits	signs = {0};

	/* one of the two is below zero where the change is larger */
	UNROLLED
	for (int quad = 0; quad < QUADS; quad++)
	{
		Quad		change = new[quad] - old[quad];
		Quad		bound = new[quad] * part;

		signs |= (QuadBits) (bound - change) | (QuadBits) (bound + change);
	}
	return (signs[0] | signs[1] | signs[2] | signs[3]) < 0;
}

/* One step: each state in turn. */
WIDE_CLONES static void
step(const MarkovChain *chain, Visits *all, Progress *progress)
{
	for (uint32 i = 0; i < chain->size; i++)
	{
		Lanes	   *visits = &all->visits[i];
		Lanes		new;

		visits_of(chain, all, i, new.quads);
		if (all->own[i] != 0)
			for (int actor = 0; actor < ACTORS_AT_ONCE; actor++)
				if (all->own[i] & 1 << actor)
					new.of[actor] = 0;
		if (any_larger(visits->quads, new.quads, progress->change))
			for (int actor = 0; actor < ACTORS_AT_ONCE; actor++)
				note_change(progress, visits->of[actor], new.of[actor]);
		UNROLLED
		for (int quad = 0; quad < QUADS; quad++)
			visits->quads[quad] = new.quads[quad];
	}
}

static void
find_visits(const MarkovChain *chain, Visits *all, uint32 first_actor, int actors)
{
	Progress	progress = {0, 0, 0};

	/* places without an actor have no visits anywhere */
	memset(all->own, 0xFF << actors, chain->size);
	for (int actor = 0; actor < actors; actor++)
		for (uint32 i = chain->actor_start[first_actor + actor]; i < chain->actor_start[first_actor + actor + 1]; i++)
			all->own[chain->actor_states[i]] |= 1 << actor;
	for (uint32 i = 0; i < chain->size; i++)
		for (int actor = 0; actor < ACTORS_AT_ONCE; actor++)
			all->visits[i].of[actor] = all->own[i] & 1 << actor ? 0 : chain->visits[i];
	do
		step(chain, all, &progress);
	while (!is_done(&progress));
}

/* The time grows as channels by transitions, and must not be hours. */
static void
check_work(const MarkovChain *chain)
{
	double		work = (double) chain->nactors * ((double) chain->size + (double) chain->into_start[chain->size]);

	if (work > MAX_WORK)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a chain of %u channels, %u states and %u transitions between them is too large to solve",
						chain->nactors, chain->size, chain->into_start[chain->size]),
				 errdetail("Channels times states and transitions must be at most %g.", MAX_WORK),
				 errhint("Put rare channels together, or use a lower order.")));
}

/* What is lost without each actor, from the value that ends from each state. */
static void
find_lost(const MarkovChain *chain, const double *value, MarkovSolution *solution)
{
	/* a state in one line of the cache */
	double	   *room = allocate(((Size) chain->size + 2) * ACTORS_AT_ONCE, sizeof(double));
	Visits		all;

	all.visits = (Lanes *) TYPEALIGN(PG_CACHE_LINE_SIZE, room);
	all.own = allocate(chain->size, sizeof(uint8));
	for (uint32 first = 0; first < chain->nactors; first += ACTORS_AT_ONCE)
	{
		int			actors = Min(ACTORS_AT_ONCE, chain->nactors - first);

		find_visits(chain, &all, first, actors);
		for (int actor = 0; actor < actors; actor++)
			for (uint32 i = chain->actor_start[first + actor]; i < chain->actor_start[first + actor + 1]; i++)
			{
				uint32		state = chain->actor_states[i];
				Lanes		sums;

				visits_of(chain, &all, state, sums.quads);
				solution->lost[first + actor] += sums.of[actor] * solution->p_state[state];
				solution->lost_value[first + actor] += sums.of[actor] * value[state];
			}
	}
	pfree(room);
	pfree(all.own);
}

/*
 * omni_markov_solve_sparse: fills in a solution, which has only what ends before the
 * first touch; what is lost without each actor when it is asked for (removal).
 * Errors: numeric_value_out_of_range when steps do not converge, program_limit_exceeded
 * when removal is more than MAX_WORK, out_of_memory.
 */
void
omni_markov_solve_sparse(const MarkovChain *chain, bool removal, MarkovSolution *solution)
{
	Leaving		leaving = turn_back(chain);
	double	   *value;

	if (removal)
		check_work(chain);
	value = expected_value(chain, &leaving);
	solution->p_state = expected_ends(chain, &leaving, chain->converts);
	for (uint32 i = 0; i < chain->size; i++)
	{
		solution->p_conversion += chain->enters[i] * solution->p_state[i];
		solution->mean_value += chain->enters[i] * value[i];
	}
	if (removal)
		find_lost(chain, value, solution);
	pfree(value);
}
