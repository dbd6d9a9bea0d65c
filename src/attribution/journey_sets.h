/*
 * journey_sets.h
 *		Journeys counted by the set of their actors: state of the aggregates
 *		coalition_rate, coalition_sum and shapley_sample.
 */
#ifndef OMNICRM_JOURNEY_SETS_H
#define OMNICRM_JOURNEY_SETS_H

#include "attribution/actors.h"
#include "common/units.h"

#define JOURNEY_VALUE_SCALE 12	/* values are kept in units of 10^-12 */
#define MAX_PERMUTATIONS 10000000	/* of shapley_sample */

/* Journeys with exactly these actors. */
typedef struct JourneySet
{
	uint64		first;			/* place of its actors in members[] */
	uint32		size;
	uint32		hash;
	int64		conversions;
	int64		nulls;
	int128		value;
} JourneySet;

typedef struct JourneySets
{
	MemoryContext context;
	Actors	   *actors;
	int64		permutations;	/* options of shapley_sample */
	int64		seed;
	uint32	   *members;		/* actors of all sets, ascending within each */
	uint64		used;
	uint64		room;
	JourneySet *sets;
	uint32		count;
	uint32		set_room;
	uint32	   *slots;			/* open addressing: place in sets[], plus one; 0: free */
	uint32		mask;
} JourneySets;

extern uint32 *omni_journey_sets_ranked(const JourneySets *journeys);

#endif							/* OMNICRM_JOURNEY_SETS_H */
