/*
 * maps.h
 *		Segment maps: rules that name the segment of recency, frequency and
 *		monetary scores.
 */
#ifndef OMNICRM_SEGMENT_MAPS_H
#define OMNICRM_SEGMENT_MAPS_H

#include "utils/jsonb.h"

typedef struct ScoreRange
{
	uint8		low;
	uint8		high;
} ScoreRange;

typedef struct SegmentRule
{
	const char *segment;
	ScoreRange	r;
	ScoreRange	f;
	ScoreRange	m;
} SegmentRule;

typedef struct SegmentMap
{
	const char *name;
	const char *others;			/* segment where no rule matches; NULL: none */
	int			scores;			/* the highest score */
	bool		monetary;		/* does the monetary score matter? */
	int			nrules;
	const SegmentRule *rules;
} SegmentMap;

/* maps_json.c */
extern SegmentMap *segment_map_read(Jsonb *source);

#endif							/* OMNICRM_SEGMENT_MAPS_H */
