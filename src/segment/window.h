/*
 * window.h
 *		The values of a window partition as keys.
 */
#ifndef OMNICRM_SEGMENT_WINDOW_H
#define OMNICRM_SEGMENT_WINDOW_H

#include "windowapi.h"

typedef struct PartitionValues
{
	uint64	   *keys;
	int64		count;
	int			scale;			/* of numeric values: decimals of the unit */
} PartitionValues;

/* window.c */
extern void segment_collect_partition(WindowObject window, PartitionValues *values, bool numeric);

#endif							/* OMNICRM_SEGMENT_WINDOW_H */
