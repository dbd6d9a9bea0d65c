/*
 * match_small.h
 *		Constrained average link for a component of few records.
 */
#ifndef OMNICRM_IDENTITY_MATCH_SMALL_H
#define OMNICRM_IDENTITY_MATCH_SMALL_H

#include "identity/match.h"

/* records of a component that is clustered on a matrix; two halves give no more pairs than are always scored */
#define MATCH_SMALL_MAX		128

typedef struct MatchSmall MatchSmall;

extern MatchSmall *omni_match_make_small(const MatchData *data);
extern uint32 omni_match_cluster_small(MatchSmall *small, const MatchEdge *edges, uint64 count, const uint32 *record, uint32 n,
									   MatchMerge *merges);

#endif							/* OMNICRM_IDENTITY_MATCH_SMALL_H */
