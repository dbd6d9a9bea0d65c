/*
 * sequence.h
 *		The pattern of sequence_match and sequence_count.
 */
#ifndef OMNICRM_ATTRIBUTION_SEQUENCE_H
#define OMNICRM_ATTRIBUTION_SEQUENCE_H

#include "attribution/events.h"

/* one bit of a 64-bit word each */
#define MAX_ELEMENTS 64

/* One element: a row with a condition, and how far it may be from the element before it. */
typedef struct SequenceElement
{
	uint32		conditions;		/* one of these must hold */
	bool		adjacent;		/* it must be the very next row */
	uint64		at_least;		/* else: microseconds since the element before */
	uint64		at_most;
} SequenceElement;

typedef struct SequencePattern
{
	int			count;
	SequenceElement elements[MAX_ELEMENTS];
} SequencePattern;

extern void sequence_pattern_parse(const char *pattern, int length, int nconditions, SequencePattern *result);

#endif							/* OMNICRM_ATTRIBUTION_SEQUENCE_H */
