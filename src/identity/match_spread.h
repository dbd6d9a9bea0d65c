/*
 * match_spread.h
 *		The keys of all records, spread over buckets.
 */
#ifndef OMNICRM_IDENTITY_MATCH_SPREAD_H
#define OMNICRM_IDENTITY_MATCH_SPREAD_H

#include "identity/match_job.h"

/* the bucket of a key: its highest bits */
#define MATCH_BUCKET_BITS	8
#define MATCH_BUCKET(key)	((int) ((key) >> (64 - MATCH_BUCKET_BITS)))

typedef struct MatchKeyPieces MatchKeyPieces;

/* Keys that were spread, and the work on the records that have them. */
struct MatchKeys
{
	MatchWork  *work;
	MatchFiles *files;
	int			buckets;		/* from the first on */
	uint64		per_bucket[MATCH_BUCKETS];	/* number of keys */
};

extern MatchKeys *omni_match_spread_keys(MatchWork *work, int buckets);
extern void omni_match_end_keys(MatchKeys *keys);
extern MatchKeyPieces *omni_match_open_keys(const FileSet *set);
extern void omni_match_read_keys(MatchKeyPieces *pieces, int first, int end, MatchKeyEntry *entries, const Size *start);
extern void omni_match_close_keys(MatchKeyPieces *pieces);

#endif							/* OMNICRM_IDENTITY_MATCH_SPREAD_H */
