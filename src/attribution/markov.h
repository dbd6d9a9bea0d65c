/*
 * markov.h
 *		Counts of the transitions of journeys, and what follows from them.
 *
 * A journey of order k goes through states of k actors that follow each other; a
 * shorter one through one state of all it has.  Equal neighbouring states are
 * one.  It starts in state 0 and ends in a conversion or in none (null).
 */
#ifndef OMNICRM_MARKOV_H
#define OMNICRM_MARKOV_H

#include "common/units.h"
#include "attribution/actors.h"

#define MARKOV_MAX_ORDER 4
#define MARKOV_VALUE_SCALE 12	/* values are kept in units of 10^-12 */
#define MARKOV_START 0			/* the state before the first touch */

/*
 * WIDE_CLONES: a function compiled a second time for the wider registers of newer
 * processors; the bits are the same, since no multiplication is fused with an
 * addition.  UNROLLED: a loop of up to 8 rounds written out, without which its array
 * of sums is kept in memory.
 */
#if defined(__GNUC__) && !defined(__clang__) && defined(__x86_64__) && defined(__linux__)
#define WIDE_CLONES __attribute__((target_clones("avx2", "default")))
#else
#define WIDE_CLONES
#endif
#if defined(__GNUC__) && !defined(__clang__)
#define UNROLLED _Pragma("GCC unroll 8")
#else
#define UNROLLED
#endif

/* A state: its actors, and what left the journey from it. */
typedef struct MarkovState
{
	uint32		tuple[MARKOV_MAX_ORDER];	/* NO_ACTOR after the last */
	int64		conversions;
	int64		nulls;
	int128		value;			/* of the conversions */
} MarkovState;

/* So many journeys went from one state to another. */
typedef struct MarkovTransition
{
	uint32		from;
	uint32		to;
	int64		count;
} MarkovTransition;

typedef struct MarkovCounts
{
	MemoryContext context;
	int			order;
	uint32		nstates;		/* with the start */
	uint32		state_room;
	MarkovState *states;
	uint32		ntransitions;
	uint32		transition_room;
	MarkovTransition *transitions;
	/* open addressing: places of states and transitions, plus one; 0: free */
	uint32	   *state_slots;
	uint32		state_mask;
	uint32	   *transition_slots;
	uint32		transition_mask;
} MarkovCounts;

/* markov_counts.c: counting */
extern MarkovCounts *omni_markov_begin(MemoryContext context, int order);
extern void omni_markov_add_path(MarkovCounts *markov, const uint32 *actors, int length,
								 int64 conversions, int128 value, int64 nulls);
extern void omni_markov_add_counts(MarkovCounts *markov, uint32 actors, const int64 *transitions,
								   const int64 *conversions, const int128 *values, const int64 *nulls);
extern void omni_markov_merge(MarkovCounts *markov, Actors *actors,
							  const MarkovCounts *other, const Actors *other_actors);
extern Size omni_markov_bytes(const MarkovCounts *markov);
extern void omni_markov_total(const MarkovCounts *markov, int64 *conversions, int64 *nulls, int128 *value);

/* markov_value.c: the type omnicrm.markov */
extern struct varlena *omni_markov_value(const MarkovCounts *markov, const Actors *actors);
extern MarkovCounts *omni_markov_read(const struct varlena *value, MemoryContext context, Actors **actors);

/* What follows from the counts; vectors of states are without the start. */
typedef struct MarkovSolution
{
	int64		journeys;
	double		p_conversion;	/* chance that a journey converts */
	double		mean_value;		/* mean value of a journey */
	double	   *p_state;		/* chance to convert from each state */
	/* when asked for */
	double	   *lost;			/* of each actor: chance to convert after the first touch by it */
	double	   *lost_value;		/* of each actor: mean value after the first touch by it */
} MarkovSolution;

/* The chain of the counts, ready to be solved: numbers of states are one less than in the counts. */
typedef struct MarkovChain
{
	uint32		size;
	uint32		nactors;
	int64		journeys;
	double	   *visits;			/* mean number of visits in a journey */
	double	   *converts;		/* chance to convert next */
	double	   *ends;			/* chance to end next, with or without a conversion */
	double	   *value;			/* mean value of ending next: sum of values by visits */
	uint32	   *into_start;		/* places in from[] and chance[]: size + 1 */
	uint32	   *from;			/* by state: those that lead to it, */
	double	   *chance;			/* how likely each does, */
	double	   *enters;			/* and how many journeys begin in it, as a part of all */
	uint32	   *actor_start;	/* places in actor_states: nactors + 1 */
	uint32	   *actor_states;	/* by actor: the states that it is in */
} MarkovChain;

/* markov_solve.c, markov_inverse.c, markov_sparse.c: the chain solved */
extern MarkovSolution *omni_markov_solve(const MarkovCounts *markov, const Actors *actors, bool removal);
extern Size omni_markov_inverse_room(uint32 size);
extern void omni_markov_inverse(double *q, uint32 size, const double *exits);
extern void omni_markov_solve_sparse(const MarkovChain *chain, bool removal, MarkovSolution *solution);

#endif							/* OMNICRM_MARKOV_H */
