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
extern void omni_match_alloc_arranged(MatchArranged *arranged);
extern void omni_match_put_rows(const MatchArranged *arranged, const MatchData *data, MatchData *target);
extern void omni_match_put_members(const MatchArranged *arranged, const MatchBlocks *blocks, MatchMeetings *target);

#endif							/* OMNICRM_IDENTITY_MATCH_ARRANGE_H */
