/*
 * markov_solve.c
 *		Removal effects of a Markov chain of journeys, in closed form.
 *
 * With Q the chances to go from one state to another, r those to convert next and
 * N = (I - Q)^-1, the chance to convert from each state is b = N r.  Taking an actor
 * away loses what converts after the first visit to any of the states S that have
 * it: the first of them that is visited is distributed as
 *		f = N[start, S] N[S, S]^-1,
 * so f b[S] is lost; as a part of b[start] that is the removal effect of E. Anderl, I.
 * Becker, F. v. Wangenheim and J. H. Schumann, "Mapping the customer journey", Int. J.
 * of Research in Marketing 33 (2016), without simulation.  The values take the way
 * of the conversions: in place of r, the mean value of ending next.
 *
 * N[start, j], the mean visits of a state, need no solving: as many journeys leave
 * a state as enter it, so they are what was counted.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/markov.h"
#include "common/compat.h"

/* up to so many states the matrix is inverted, above by steps (markov_sparse.c) */
#define MAX_INVERTED 2000

static void *
allocate(Size count, Size width)
{
	return MemoryContextAllocHuge(CurrentMemoryContext, (count + 1) * width);
}

static void *
allocate_zero(Size count, Size width)
{
	void	   *result = allocate(count, width);

	memset(result, 0, (count + 1) * width);
	return result;
}

/* How many journeys leave each state; the start is number 0. */
static int64 *
count_leaving(const MarkovCounts *markov)
{
	int64	   *leaving = allocate(markov->nstates, sizeof(int64));

	for (uint32 i = 0; i < markov->nstates; i++)
		leaving[i] = markov->states[i].conversions + markov->states[i].nulls;
	for (uint32 i = 0; i < markov->ntransitions; i++)
		leaving[markov->transitions[i].from] += markov->transitions[i].count;
	return leaving;
}

/* The transitions by the state that they lead to. */
static void
turn_round(const MarkovCounts *markov, const int64 *leaving, MarkovChain *chain)
{
	uint32	   *next = allocate_zero(chain->size, sizeof(uint32));

	chain->into_start = allocate_zero(chain->size, sizeof(uint32));
	chain->from = allocate(markov->ntransitions, sizeof(uint32));
	chain->chance = allocate(markov->ntransitions, sizeof(double));
	chain->enters = allocate_zero(chain->size, sizeof(double));
	for (uint32 i = 0; i < markov->ntransitions; i++)
		if (markov->transitions[i].from != MARKOV_START)
			chain->into_start[markov->transitions[i].to]++;
	for (uint32 i = 0; i < chain->size; i++)
	{
		chain->into_start[i + 1] += chain->into_start[i];
		next[i] = chain->into_start[i];
	}
	for (uint32 i = 0; i < markov->ntransitions; i++)
	{
		const MarkovTransition *transition = &markov->transitions[i];
		double		chance = (double) transition->count / (double) leaving[transition->from];
		uint32		to = transition->to - 1;

		if (transition->from == MARKOV_START)
			chain->enters[to] = chance;
		else
		{
			chain->from[next[to]] = transition->from - 1;
			chain->chance[next[to]++] = chance;
		}
	}
	pfree(next);
}

/* Is this place of the state the first that has its actor? */
static bool
is_first(const MarkovState *state, int at)
{
	for (int before = 0; before < at; before++)
		if (state->tuple[before] == state->tuple[at])
			return false;
	return true;
}

/* The states of each actor. */
static void
list_states(const MarkovCounts *markov, MarkovChain *chain)
{
	uint32	   *next = allocate_zero(chain->nactors, sizeof(uint32));
	bool		filling = false;

	chain->actor_start = allocate_zero(chain->nactors, sizeof(uint32));
	for (;;)
	{
		for (uint32 i = 1; i < markov->nstates; i++)
		{
			const MarkovState *state = &markov->states[i];

			for (int at = 0; at < markov->order && state->tuple[at] != NO_ACTOR; at++)
				if (!is_first(state, at))
					continue;
				else if (filling)
					chain->actor_states[next[state->tuple[at]]++] = i - 1;
				else
					chain->actor_start[state->tuple[at] + 1]++;
		}
		if (filling)
			break;
		for (uint32 i = 0; i < chain->nactors; i++)
		{
			chain->actor_start[i + 1] += chain->actor_start[i];
			next[i] = chain->actor_start[i];
		}
		chain->actor_states = allocate(chain->actor_start[chain->nactors], sizeof(uint32));
		filling = true;
	}
	pfree(next);
}

/* The names of the actors of a state, for messages. */
static char *
state_text(const MarkovState *state, const Actors *actors)
{
	char	   *text = "";

	for (int at = 0; at < MARKOV_MAX_ORDER && state->tuple[at] != NO_ACTOR; at++)
	{
		int			length;
		const char *name = omni_actor_name(actors, state->tuple[at], &length);

		text = psprintf("%s%s%.*s", text, at > 0 ? " > " : "", Min(length, 60), name);
	}
	return text;
}

/*
 * Every state must lead to an end.  A counted journey does; a value from outside may
 * have states that lead to each other only.
 */
static void
check_absorption(const MarkovCounts *markov, const Actors *actors, const MarkovChain *chain)
{
	bool	   *ends = allocate(chain->size, sizeof(bool));
	uint32	   *open = allocate(chain->size, sizeof(uint32));
	uint32		nopen = 0;

	for (uint32 i = 0; i < chain->size; i++)
	{
		ends[i] = chain->ends[i] > 0;
		if (ends[i])
			open[nopen++] = i;
	}
	while (nopen > 0)
	{
		uint32		to = open[--nopen];

		for (uint32 i = chain->into_start[to]; i < chain->into_start[to + 1]; i++)
			if (!ends[chain->from[i]])
			{
				ends[chain->from[i]] = true;
				open[nopen++] = chain->from[i];
			}
	}
	for (uint32 i = 0; i < chain->size; i++)
		if (!ends[i])
			ereport(ERROR,
					(errcode(ERRCODE_DATA_EXCEPTION),
					 errmsg("journeys that reach \"%s\" never end", state_text(&markov->states[i + 1], actors)),
					 errhint("Every journey needs its conversions or its nulls.")));
	pfree(ends);
	pfree(open);
}

/* The chain of the counts of a value. */
static MarkovChain *
make_chain(const MarkovCounts *markov, const Actors *actors)
{
	MarkovChain *chain = palloc0_object(MarkovChain);
	int64	   *leaving = count_leaving(markov);

	chain->size = markov->nstates - 1;
	chain->nactors = omni_actors_count(actors);
	chain->journeys = leaving[MARKOV_START];
	chain->visits = allocate(chain->size, sizeof(double));
	chain->converts = allocate(chain->size, sizeof(double));
	chain->ends = allocate(chain->size, sizeof(double));
	chain->value = allocate(chain->size, sizeof(double));
	for (uint32 i = 0; i < chain->size; i++)
	{
		const MarkovState *state = &markov->states[i + 1];
		double		left = (double) leaving[i + 1];

		chain->visits[i] = left / (double) chain->journeys;
		chain->converts[i] = (double) state->conversions / left;
		chain->ends[i] = (double) (state->conversions + state->nulls) / left;
		chain->value[i] = (double) state->value / left;
	}
	turn_round(markov, leaving, chain);
	list_states(markov, chain);
	check_absorption(markov, actors, chain);
	pfree(leaving);
	return chain;
}

/*
 * Solves y M = x for the square matrix M of size n, elimination with partial
 * pivoting on columns; y takes the place of x.  Destroys M.
 */
static void
solve_from_left(double *m, double *x, uint32 n)
{
	for (uint32 step = 0; step < n; step++)
	{
		double	   *row = m + (Size) step * n;
		uint32		pivot = step;

		CHECK_FOR_INTERRUPTS();
		for (uint32 j = step + 1; j < n; j++)
			if (fabs(row[j]) > fabs(row[pivot]))
				pivot = j;
		if (pivot != step)
		{
			double		swap = x[step];

			x[step] = x[pivot];
			x[pivot] = swap;
			for (uint32 i = step; i < n; i++)
			{
				double	   *other = m + (Size) i * n;

				swap = other[step];
				other[step] = other[pivot];
				other[pivot] = swap;
			}
		}
		/* column j less what clears row[j]; factors stay in row[j] */
		for (uint32 j = step + 1; j < n; j++)
		{
			row[j] /= row[step];
			x[j] -= x[step] * row[j];
		}
		for (uint32 i = step + 1; i < n; i++)
		{
			double	   *other = m + (Size) i * n;

			for (uint32 j = step + 1; j < n; j++)
				other[j] -= other[step] * row[j];
		}
	}
	/* M is lower triangular now: last element first */
	for (uint32 step = n; step-- > 0;)
	{
		for (uint32 i = step + 1; i < n; i++)
			x[step] -= x[i] * m[(Size) i * n + step];
		x[step] /= m[(Size) step * n + step];
	}
}

/* Distribution of the first state of an actor that is visited, in the order of its states. */
static double *
first_visits(const MarkovChain *chain, const double *inverse, const uint32 *states, uint32 count)
{
	double	   *first = allocate(count, sizeof(double));
	double	   *part = allocate((Size) count * count, sizeof(double));

	for (uint32 i = 0; i < count; i++)
	{
		first[i] = chain->visits[states[i]];
		for (uint32 j = 0; j < count; j++)
			part[(Size) i * count + j] = inverse[(Size) states[i] * chain->size + states[j]];
	}
	solve_from_left(part, first, count);
	pfree(part);
	return first;
}

/* The matrix of chances inverted. */
static double *
invert_chain(const MarkovChain *chain)
{
	Size		elements = (Size) chain->size * chain->size;
	double	   *inverse = allocate_zero(elements, sizeof(double));

	for (uint32 to = 0; to < chain->size; to++)
		for (uint32 i = chain->into_start[to]; i < chain->into_start[to + 1]; i++)
			inverse[(Size) chain->from[i] * chain->size + to] = chain->chance[i];
	omni_markov_inverse(inverse, chain->size, chain->ends);
	return inverse;
}

/* Solves a chain of not too many states by the inverse. */
static void
solve_dense(const MarkovChain *chain, bool removal, MarkovSolution *solution)
{
	double	   *inverse = invert_chain(chain);
	double	   *value = allocate_zero(chain->size, sizeof(double));

	for (uint32 i = 0; i < chain->size; i++)
	{
		const double *visits = inverse + (Size) i * chain->size;
		double		p_sum = 0;
		double		value_sum = 0;

		for (uint32 j = 0; j < chain->size; j++)
		{
			p_sum += visits[j] * chain->converts[j];
			value_sum += visits[j] * chain->value[j];
		}
		solution->p_state[i] = p_sum;
		value[i] = value_sum;
	}
	for (uint32 i = 0; i < chain->size; i++)
	{
		solution->p_conversion += chain->enters[i] * solution->p_state[i];
		solution->mean_value += chain->enters[i] * value[i];
	}
	for (uint32 actor = 0; removal && actor < chain->nactors; actor++)
	{
		const uint32 *states = chain->actor_states + chain->actor_start[actor];
		uint32		count = chain->actor_start[actor + 1] - chain->actor_start[actor];
		double	   *first = first_visits(chain, inverse, states, count);

		for (uint32 i = 0; i < count; i++)
		{
			solution->lost[actor] += first[i] * solution->p_state[states[i]];
			solution->lost_value[actor] += first[i] * value[states[i]];
		}
		pfree(first);
	}
	pfree(value);
	pfree(inverse);
}

/* The memory of the inverse must be allowed. */
static void
check_memory(uint32 size)
{
	Size		needed = ((Size) size * size + omni_markov_inverse_room(size)) * sizeof(double);

	if (needed / 1024 > (Size) maintenance_work_mem)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("solving a chain of %u states needs %zu MB, maintenance_work_mem allows %d MB",
						size, (needed >> 20) + 1, maintenance_work_mem / 1024),
				 errhint("Raise maintenance_work_mem, use a lower order, or give fewer actors.")));
}

/*
 * omni_markov_solve: what follows from the counts of a value (omni_markov_read), in
 * current memory; what is lost without each actor when it is asked for (removal).
 * Values are in units of 10^-12.  The relative error of lost[] is some 10^-13 with up
 * to 2,000 states, below 10^-11 above.
 * Errors: data_exception for journeys that never end, program_limit_exceeded at
 * maintenance_work_mem or for removal of too many actors, numeric_value_out_of_range when steps do not converge.
 */
MarkovSolution *
omni_markov_solve(const MarkovCounts *markov, const Actors *actors, bool removal)
{
	MarkovSolution *solution = palloc0_object(MarkovSolution);
	MarkovChain *chain = make_chain(markov, actors);

	solution->journeys = chain->journeys;
	solution->p_state = allocate_zero(chain->size, sizeof(double));
	solution->lost = allocate_zero(chain->nactors, sizeof(double));
	solution->lost_value = allocate_zero(chain->nactors, sizeof(double));
	if (chain->journeys == 0)
		return solution;
	solution->p_conversion = (double) markov->states[MARKOV_START].conversions / (double) chain->journeys;
	solution->mean_value = (double) markov->states[MARKOV_START].value / (double) chain->journeys;
	if (chain->size <= MAX_INVERTED)
	{
		check_memory(chain->size);
		solve_dense(chain, removal, solution);
	}
	else
		omni_markov_solve_sparse(chain, removal, solution);
	return solution;
}
