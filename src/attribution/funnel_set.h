/*
 * funnel_set.h
 *		The events of many journeys in any order, for funnels of all journeys at once.
 */
#ifndef OMNICRM_ATTRIBUTION_FUNNEL_SET_H
#define OMNICRM_ATTRIBUTION_FUNNEL_SET_H

#include "attribution/funnel.h"
#include "common/keyed_rows.h"

/*
 * A row is a journey (key), a time (value), conditions (bits), and flag: whether it is
 * an event.  One that is none only says that there is the journey.
 */
typedef struct FunnelSet
{
	uint64		window;			/* microseconds */
	uint8		modes;
	uint16		nconditions;
	KeyedRows  *rows;
} FunnelSet;

/* Takes the level that a journey reached. */
typedef void (*FunnelTaker) (void *taker, int64 journey, int level);

extern FunnelSet *funnel_set_take_row(FunctionCallInfo fcinfo, int mode_argument, int time_argument,
									  bool all_journeys);
extern void funnel_set_walk(FunctionCallInfo fcinfo, FunnelSet *set, FunnelTaker take, void *taker);

#endif							/* OMNICRM_ATTRIBUTION_FUNNEL_SET_H */
