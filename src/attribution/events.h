/*
 * events.h
 *		The events of one journey, as the functions read them that walk a funnel or look
 *		for a sequence, and as their aggregates keep them.
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

/* The events of a journey to be walked, and what the caller gave for all rows. */
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

/*
 * The state of an aggregate for a group, in one piece: event_store.c.  Words are
 * events, one each, or two each when the state is wide.
 */
typedef struct EventStore
{
	union
	{
		uint64		window;		/* microseconds, of a funnel */
		text	   *pattern;	/* of a sequence */
	}			of;
	uint32		count;			/* events */
	uint8		nconditions;
	uint8		modes;			/* bits, of a funnel */
	uint8		doublings;		/* of the first room */
	bool		is_sequence:1;
	bool		wide:1;
	bool		sorted:1;
	uint64		words[FLEXIBLE_ARRAY_MEMBER];
} EventStore;

/* the modes of a funnel */
#define FUNNEL_DEDUPLICATION 0x01
#define FUNNEL_ORDER 0x02
#define FUNNEL_INCREASE 0x04
#define FUNNEL_ONCE 0x08
#define FUNNEL_ALL_MODES 0x0F

/* events of a group: 256 MB */
#define MAX_EVENTS 16777216

/* events.c */
extern uint32 journey_conditions(FunctionCallInfo fcinfo, int argument, int *count);
extern bool journey_time(FunctionCallInfo fcinfo, int argument, TimestampTz *at);
extern void journey_refuse_change(const char *what);
extern void events_refuse_more(void);
extern void events_sort(JourneyEvent *events, size_t count);
extern EventState *event_state_make(MemoryContext context, int nconditions, uint32 room);
extern EventState *event_state_add(EventState *state, TimestampTz at, uint32 conditions);
extern void event_state_sort(EventState *state);

/* event_store.c */
extern EventStore *event_store_make(MemoryContext context, int nconditions, uint32 count);
extern EventStore *event_store_add(EventStore *store, TimestampTz at, uint32 conditions);
extern EventState *event_store_read(FunctionCallInfo fcinfo, bool is_sequence);

/* May an event stand before another one, or are they equal? */
static inline bool
event_not_after(const JourneyEvent *a, const JourneyEvent *b)
{
	return a->at < b->at || (a->at == b->at && a->conditions <= b->conditions);
}

#endif							/* OMNICRM_ATTRIBUTION_EVENTS_H */
