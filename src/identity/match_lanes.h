/*
 * match_lanes.h
 *		One record held against several at once, by their sketches.
 */
#ifndef OMNICRM_IDENTITY_MATCH_LANES_H
#define OMNICRM_IDENTITY_MATCH_LANES_H

#include "identity/match.h"

/* records that a vector of 32 bytes takes */
#define MATCH_LANES		8

/* The rows of some records, word by word; behind them the surnames of omni_match_other_name(). */
typedef struct MatchColumns
{
	uint32	   *words;
	Size		stride;			/* records that a column has room for, MATCH_LANES more than asked for */
} MatchColumns;

/* What the sketches say of a record and MATCH_LANES others. */
typedef struct MatchLaneBounds
{
	int32		most[MATCH_LANES];	/* that they may weigh */
	uint32		exchanged[MATCH_LANES]; /* not 0: a name may stand in the other's column */
	uint32		possible[MATCH_FIELDS_MAX][MATCH_LANES];	/* levels, as bits; 0 without evidence */
} MatchLaneBounds;

extern void omni_match_make_columns(MatchColumns *columns, const MatchData *data, Size records);
extern void omni_match_put_column(MatchColumns *columns, const MatchData *data, uint32 place, const uint32 *row);
extern void omni_match_bound_lanes(const MatchProbe *probe, const MatchColumns *columns, uint32 first, MatchLaneBounds *bounds);
extern void omni_match_lane_bound(const MatchProbe *probe, const MatchLaneBounds *bounds, int lane, MatchBound *bound);

#endif							/* OMNICRM_IDENTITY_MATCH_LANES_H */
