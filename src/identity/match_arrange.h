/*
 * match_arrange.h
 *		Records and blocks in the order of a scan.
 */
#ifndef OMNICRM_IDENTITY_MATCH_ARRANGE_H
#define OMNICRM_IDENTITY_MATCH_ARRANGE_H

#include "identity/match_job.h"

/* Records by name; where a record is asked for, its place in that order is meant. */
typedef struct MatchArranged
{
	MatchData	data;
	MatchMeetings meetings;
	uint32	   *record;			/* of each place */
} MatchArranged;

extern MatchArranged *omni_match_arrange(const MatchData *data, const MatchBlocks *blocks);

#endif							/* OMNICRM_IDENTITY_MATCH_ARRANGE_H */
