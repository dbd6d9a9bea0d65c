/*
 * touches_sort.h
 *		What the ways from events to journeys have in common: the order of events, and
 *		arrays that are used again for each journey.
 */
#ifndef OMNICRM_TOUCHES_SORT_H
#define OMNICRM_TOUCHES_SORT_H

#include "attribution/touches.h"

/* more runs than this are parted instead of merged */
#define MOST_MERGED 8

/* Arrays that grow and are used again for each journey or part. */
typedef struct EventRoom
{
	Touch	   *touches;
	Conversion *conversions;
	uint32	   *starts;
	uint64		touch_room;
	uint64		conversion_room;
	uint64		start_room;
} EventRoom;

#define touch_compare_field(a, b, field) \
	if ((a)->field != (b)->field) return (a)->field < (b)->field ? -1 : 1

/* By order where that is known, journey, time, event, actor. */
static inline int
touch_compare(const Touch *a, const Touch *b)
{
	touch_compare_field(a, b, order);
	touch_compare_field(a, b, journey);
	touch_compare_field(a, b, at);
	touch_compare_field(a, b, event);
	touch_compare_field(a, b, actor);
	return 0;
}

/* touches_sort.c */
extern void touches_order(Touch *touches, uint32 n);
extern void conversions_order(Conversion *conversions, uint32 n);
extern void *event_room_grow(void *array, uint64 *room, uint64 wanted, Size width);
extern void event_room_touches(EventRoom *room, uint64 wanted);
extern void event_room_conversions(EventRoom *room, uint64 wanted);
extern void journey_hand_over(const JourneyWalk *walk, int sign, Touch *touches, uint32 ntouches,
							  Conversion *conversions, uint32 nconversions);

#endif							/* OMNICRM_TOUCHES_SORT_H */
