/*
 * match_queue.h
 *		Merges that may be made, best first.
 */
#ifndef OMNICRM_IDENTITY_MATCH_QUEUE_H
#define OMNICRM_IDENTITY_MATCH_QUEUE_H

/* A merge that may be made. */
typedef struct MatchCandidate
{
	double		mean;			/* weight over all pairs of records of the two clusters, in units */
	uint32		label_a;		/* smallest records of the two, a < b */
	uint32		label_b;
	uint32		known;			/* the caller's: number of what is known of both, */
	uint32		proposal;		/* and of the proposal */
} MatchCandidate;

typedef struct MatchQueue MatchQueue;

extern MatchQueue *omni_match_make_queue(double least);
extern void omni_match_queue_put(MatchQueue *queue, const MatchCandidate *candidate);
extern bool omni_match_queue_take(MatchQueue *queue, MatchCandidate *candidate);
extern const MatchCandidate *omni_match_queue_next(const MatchQueue *queue);

#endif							/* OMNICRM_IDENTITY_MATCH_QUEUE_H */
