/*
 * touches_sort.c
 *		The order of events, and room for them.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/touches_sort.h"
#include "common/compat.h"

#define FEW_TOUCHES 16

/* By order where that is known, journey, those without one last, then time, event, actor, value. */
static inline int
compare_conversions(const Conversion *a, const Conversion *b)
{
	touch_compare_field(a, b, order);
	touch_compare_field(a, b, journey);
	touch_compare_field(a, b, alone);
	touch_compare_field(a, b, at);
	touch_compare_field(a, b, event);
	touch_compare_field(a, b, actor);
	touch_compare_field(a, b, scale);
	touch_compare_field(a, b, units);
	return 0;
}

#define ST_SORT sort_touches
#define ST_ELEMENT_TYPE Touch
#define ST_COMPARE(a, b) touch_compare(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_conversions
#define ST_ELEMENT_TYPE Conversion
#define ST_COMPARE(a, b) compare_conversions(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* touches_order: sorts touches; few, as nearly always, by insertion. */
void
touches_order(Touch *touches, uint32 n)
{
	if (n > FEW_TOUCHES)
	{
		sort_touches(touches, n);
		return;
	}
	for (uint32 i = 1; i < n; i++)
	{
		Touch		touch = touches[i];
		uint32		place = i;

		while (place > 0 && touch_compare(&touches[place - 1], &touch) > 0)
		{
			touches[place] = touches[place - 1];
			place--;
		}
		touches[place] = touch;
	}
}

/* conversions_order: sorts conversions. */
void
conversions_order(Conversion *conversions, uint32 n)
{
	if (n > 1)
		sort_conversions(conversions, n);
}

/* event_room_grow: an array with room for so many elements of a width, kept where it is large enough. */
void *
event_room_grow(void *array, uint64 *room, uint64 wanted, Size width)
{
	if (wanted <= *room)
		return array;
	*room = Max(wanted, *room * 2);
	if (array == NULL)
		return MemoryContextAllocHuge(CurrentMemoryContext, *room * width);
	return repalloc_huge(array, *room * width);
}

/* event_room_touches: room for so many touches. */
void
event_room_touches(EventRoom *room, uint64 wanted)
{
	room->touches = event_room_grow(room->touches, &room->touch_room, wanted, sizeof(Touch));
}

/* event_room_conversions: room for so many conversions. */
void
event_room_conversions(EventRoom *room, uint64 wanted)
{
	room->conversions = event_room_grow(room->conversions, &room->conversion_room, wanted, sizeof(Conversion));
}

/* journey_hand_over: hands a journey over; conversions without a journey one by one. */
void
journey_hand_over(const JourneyWalk *walk, int sign, Touch *touches, uint32 ntouches,
				  Conversion *conversions, uint32 nconversions)
{
	uint32		known = nconversions;

	while (known > 0 && conversions[known - 1].alone)
		known--;
	if (ntouches > 0 || known > 0)
		walk->take(walk->taker, sign, touches, ntouches, conversions, known);
	for (uint32 i = known; i < nconversions; i++)
		walk->take(walk->taker, sign, NULL, 0, conversions + i, 1);
}
