/*
 * events.h
 *		The events of one journey, as window_funnel and the sequence aggregates keep them.
 */
#ifndef OMNICRM_ATTRIBUTION_EVENTS_H
#define OMNICRM_ATTRIBUTION_EVENTS_H

#include "fmgr.h"
#include "utils/timestamp.h"

/* one bit of a word each */
#define MAX_CONDITIONS 32

/* One row: bit k - 1 is set when condition k holds. */
typedef struct JourneyEvent
{
	TimestampTz at;
	uint32		conditions;
} JourneyEvent;

/*
 * The state, in one piece so that a million groups are a million allocations.
 * What the caller gave once for all rows comes first.
 */
typedef struct EventState
{
	uint64		window;			/* microseconds, of a funnel */
	text	   *pattern;		/* of a sequence; NULL: this is a funnel */
	uint32		count;
	uint32		room;
	uint16		nconditions;
	uint8		modes;			/* bits, of a funnel */
	bool		sorted;
	JourneyEvent events[FLEXIBLE_ARRAY_MEMBER];
} EventState;

/* the modes of a funnel */
#define FUNNEL_DEDUPLICATION 0x01
#define FUNNEL_ORDER 0x02
#define FUNNEL_INCREASE 0x04
#define FUNNEL_ONCE 0x08
#define FUNNEL_ALL_MODES 0x0F

extern uint32 journey_conditions(FunctionCallInfo fcinfo, int argument, int *count);
extern bool journey_time(FunctionCallInfo fcinfo, int argument, TimestampTz *at);
extern void journey_refuse_change(const char *what);
extern EventState *event_state_argument(FunctionCallInfo fcinfo, bool is_sequence);
extern EventState *event_state_make(MemoryContext context, int nconditions, uint32 room);
extern EventState *event_state_add(EventState *state, TimestampTz at, uint32 conditions);
extern void event_state_sort(EventState *state);

#endif							/* OMNICRM_ATTRIBUTION_EVENTS_H */
