/*
 * intervals.h
 *		Statistics of the days from one purchase to the next.
 */
#ifndef OMNICRM_INTERVALS_H
#define OMNICRM_INTERVALS_H

#include "utils/date.h"

/* Of days that ascend. */
extern double intervals_mean(const DateADT *days, int32 count);
extern double intervals_deviation(const DateADT *days, int32 count);
extern double intervals_regularity(const DateADT *days, int32 count);
extern void intervals_check_least(int32 least);

#endif							/* OMNICRM_INTERVALS_H */
