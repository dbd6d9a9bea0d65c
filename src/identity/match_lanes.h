/*
 * match_lanes.h
 *		One record held against several at once, by their sketches.
 */
#ifndef OMNICRM_IDENTITY_MATCH_LANES_H
#define OMNICRM_IDENTITY_MATCH_LANES_H

#include "identity/match.h"

/* records that a vector of 64 bytes takes, or two of 32 */
#define MATCH_LANES		16

/* The rows of MATCH_LANES records, word by word. */
typedef struct MatchColumns
{
	uint32		words[2 * MATCH_FIELDS_MAX][MATCH_LANES];
} MatchColumns;

/* What the sketches say of a record and MATCH_LANES others. */
typedef struct MatchLaneBounds
{
	int32		most[MATCH_LANES];	/* that they may weigh */
	uint32		exchanged[MATCH_LANES]; /* not 0: a name may stand in the other's column */
	uint32		possible[MATCH_FIELDS_MAX][MATCH_LANES];	/* levels, as bits; 0 without evidence */
} MatchLaneBounds;

extern uint32 *omni_match_given_names(const MatchData *data);
extern void omni_match_bound_lanes(const MatchProbe *probe, uint32 given_name, const MatchColumns *columns, MatchLaneBounds *bounds);
extern void omni_match_lane_bound(const MatchProbe *probe, const MatchLaneBounds *bounds, int lane, MatchBound *bound);

#endif							/* OMNICRM_IDENTITY_MATCH_LANES_H */
