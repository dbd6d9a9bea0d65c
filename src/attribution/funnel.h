/*
 * funnel.h
 *		What the ways of walking a funnel share.
 */
#ifndef OMNICRM_ATTRIBUTION_FUNNEL_H
#define OMNICRM_ATTRIBUTION_FUNNEL_H

#include "attribution/events.h"

#define MAX_MODE_LENGTH 255

/* The parameters of the last row. */
typedef struct FunnelParameters
{
	Interval	given;
	uint64		window;			/* microseconds */
	int			mode_length;
	char		mode[MAX_MODE_LENGTH];
	uint8		modes;			/* bits */
} FunnelParameters;

/* The events of one instant. */
typedef struct FunnelInstant
{
	TimestampTz at;
	uint32		first;
	uint32		end;			/* first event of the next instant */
	uint32		any;			/* conditions that hold in some row */
	uint32		several;		/* conditions that hold in more than one row */
} FunnelInstant;

extern const FunnelParameters *funnel_parameters(FunctionCallInfo fcinfo, int window_argument, int mode_argument);
extern int	funnel_level(EventState *state);
extern bool funnel_instant(const EventState *state, uint32 first, FunnelInstant *instant);
extern int	funnel_walk_once(const EventState *state);

/* Does a step after the first end the walk, for what was reached before it? */
static inline bool
funnel_ends(uint8 modes, int step, int highest)
{
	if (step <= highest)
		return (modes & FUNNEL_DEDUPLICATION) != 0;
	return step > highest + 1 && highest > 0 && (modes & FUNNEL_ORDER) != 0;
}

/* Does "at" lie in the window that began at "start", which is not later? */
static inline bool
funnel_within(TimestampTz at, TimestampTz start, uint64 window)
{
	/* unsigned, since the distance of two times may pass 2^63 */
	return (uint64) at - (uint64) start <= window;
}

#endif							/* OMNICRM_ATTRIBUTION_FUNNEL_H */
