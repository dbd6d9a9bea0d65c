/*
 * journey_order.c
 *		Journeys while they grow, and their one order.
 *
 * Events stand in the order of time; in one instant events with an id come first,
 * by id, then by actor, kind and value, byte by byte.  So a journey is a function
 * of the set of its events, in whatever order they came.  An event with an id
 * that is told twice, the same in all its parts, is one event.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "attribution/journey.h"
#include "common/compat.h"
#include "common/units.h"

static int
compare_events(const JourneyEvent *a, const JourneyEvent *b)
{
	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	if (a->has_id != b->has_id)
		return a->has_id ? -1 : 1;
	if (a->id != b->id)
		return a->id < b->id ? -1 : 1;
	if (a->actor != b->actor)
		return a->actor < b->actor ? -1 : 1;
	return (a->kind > b->kind) - (a->kind < b->kind);
}

static int
compare_conversions(const JourneyConversion *a, const JourneyConversion *b)
{
	int			order = compare_events(&a->event, &b->event);

	if (order != 0)
		return order;
	if (a->scale != b->scale)
		return a->scale < b->scale ? -1 : 1;
	return (a->units > b->units) - (a->units < b->units);
}

#define ST_SORT sort_touches
#define ST_ELEMENT_TYPE JourneyEvent
#define ST_COMPARE(a, b) compare_events(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_conversions
#define ST_ELEMENT_TYPE JourneyConversion
#define ST_COMPARE(a, b) compare_conversions(a, b)
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

#define ST_SORT sort_ids
#define ST_ELEMENT_TYPE int64
#define ST_COMPARE(a, b) ((*(a) > *(b)) - (*(a) < *(b)))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* journey_make returns an empty journey in a memory context. */
Journey *
journey_make(MemoryContext context)
{
	Journey    *journey = MemoryContextAllocZero(context, sizeof(Journey));

	journey->context = context;
	return journey;
}

/* Room for "more" further elements, doubling. */
static void *
grow(MemoryContext context, void *array, int32 count, int32 more, int32 *room, Size width, const char *what)
{
	if (more > JOURNEY_MAX_EVENTS - count)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("one journey has more than %d %s", JOURNEY_MAX_EVENTS, what),
				 errhint("Group by customer, and leave out a collective account that stands for many.")));
	if (count + more <= *room)
		return array;
	*room = Min(Max(Max(*room * 2, 8), count + more), JOURNEY_MAX_EVENTS);
	if (array == NULL)
		return MemoryContextAllocHuge(context, *room * width);
	return repalloc_huge(array, *room * width);
}

static void
room_for_touches(Journey *journey, int32 more)
{
	journey->touches = grow(journey->context, journey->touches, journey->ntouches, more,
							&journey->touch_room, sizeof(JourneyEvent), "touches");
}

static void
room_for_conversions(Journey *journey, int32 more)
{
	journey->conversions = grow(journey->context, journey->conversions, journey->nconversions, more,
								&journey->conversion_room, sizeof(JourneyConversion), "conversions");
}

/* journey_add_touch adds a touch.  Errors: program_limit_exceeded. */
void
journey_add_touch(Journey *journey, const JourneyEvent *touch)
{
	room_for_touches(journey, 1);
	journey->touches[journey->ntouches++] = *touch;
}

/* journey_add_conversion adds a conversion.  Errors: program_limit_exceeded. */
void
journey_add_conversion(Journey *journey, const JourneyConversion *conversion)
{
	room_for_conversions(journey, 1);
	journey->conversions[journey->nconversions++] = *conversion;
}

/* The numbers that the names of one table have in another, growing one. */
static int32 *
intern_names(MemoryContext context, NameTable *into, const NameTable *from)
{
	int32	   *numbers = MemoryContextAllocHuge(CurrentMemoryContext, Max(from->count, 1) * sizeof(int32));

	for (int32 i = 0; i < from->count; i++)
		numbers[i] = journey_intern(context, into, from->names[i].text, from->names[i].length);
	return numbers;
}

static inline void
renumber(JourneyEvent *event, const int32 *actors, const int32 *kinds)
{
	if (event->actor != NO_NUMBER)
		event->actor = actors[event->actor];
	if (event->kind != NO_NUMBER)
		event->kind = kinds[event->kind];
}

/*
 * journey_append adds the events of one journey to another, growing one.
 * Errors: program_limit_exceeded.
 */
void
journey_append(Journey *into, const Journey *from)
{
	int32	   *actors = intern_names(into->context, &into->actors, &from->actors);
	int32	   *kinds = intern_names(into->context, &into->kinds, &from->kinds);

	if (from->ntouches > 0)
		room_for_touches(into, from->ntouches);
	for (int32 i = 0; i < from->ntouches; i++)
	{
		into->touches[into->ntouches] = from->touches[i];
		renumber(&into->touches[into->ntouches++], actors, kinds);
	}
	if (from->nconversions > 0)
		room_for_conversions(into, from->nconversions);
	for (int32 i = 0; i < from->nconversions; i++)
	{
		into->conversions[into->nconversions] = from->conversions[i];
		renumber(&into->conversions[into->nconversions++].event, actors, kinds);
	}
	pfree(actors);
	pfree(kinds);
}

/* Drops touches with an id that are told again. */
static void
drop_repeated_touches(Journey *journey)
{
	int32		kept = 0;

	for (int32 i = 0; i < journey->ntouches; i++)
		if (kept == 0 || !journey->touches[i].has_id ||
			compare_events(&journey->touches[i], &journey->touches[kept - 1]) != 0)
			journey->touches[kept++] = journey->touches[i];
	journey->ntouches = kept;
}

static void
drop_repeated_conversions(Journey *journey)
{
	int32		kept = 0;

	for (int32 i = 0; i < journey->nconversions; i++)
		if (kept == 0 || !journey->conversions[i].event.has_id ||
			compare_conversions(&journey->conversions[i], &journey->conversions[kept - 1]) != 0)
			journey->conversions[kept++] = journey->conversions[i];
	journey->nconversions = kept;
}

/* Two different conversions of one id would be paid twice. */
static void
check_conversion_ids(const Journey *journey)
{
	int64	   *ids = MemoryContextAllocHuge(CurrentMemoryContext, Max(journey->nconversions, 1) * sizeof(int64));
	int32		count = 0;

	for (int32 i = 0; i < journey->nconversions; i++)
		if (journey->conversions[i].event.has_id)
			ids[count++] = journey->conversions[i].event.id;
	sort_ids(ids, count);
	for (int32 i = 1; i < count; i++)
		if (ids[i] == ids[i - 1])
			ereport(ERROR,
					(errcode(ERRCODE_CARDINALITY_VIOLATION),
					 errmsg("conversion %lld is told twice, with different values", (long long) ids[i]),
					 errhint("A conversion has one time, one actor, one kind and one value.")));
	pfree(ids);
}

/*
 * journey_ordered returns a copy of a journey in its one order; its names stay
 * where they are.  Errors: cardinality_violation for two conversions of one id.
 */
Journey *
journey_ordered(const Journey *journey)
{
	Journey    *ordered = journey_make(CurrentMemoryContext);
	int32	   *actors = journey_order_names(&journey->actors, &ordered->actors);
	int32	   *kinds = journey_order_names(&journey->kinds, &ordered->kinds);

	ordered->ntouches = ordered->touch_room = journey->ntouches;
	ordered->nconversions = ordered->conversion_room = journey->nconversions;
	ordered->touches = MemoryContextAllocHuge(CurrentMemoryContext, Max(journey->ntouches, 1) * sizeof(JourneyEvent));
	ordered->conversions = MemoryContextAllocHuge(CurrentMemoryContext,
												  Max(journey->nconversions, 1) * sizeof(JourneyConversion));
	for (int32 i = 0; i < journey->ntouches; i++)
	{
		ordered->touches[i] = journey->touches[i];
		renumber(&ordered->touches[i], actors, kinds);
	}
	for (int32 i = 0; i < journey->nconversions; i++)
	{
		ordered->conversions[i] = journey->conversions[i];
		renumber(&ordered->conversions[i].event, actors, kinds);
	}
	sort_touches(ordered->touches, ordered->ntouches);
	drop_repeated_touches(ordered);
	sort_conversions(ordered->conversions, ordered->nconversions);
	drop_repeated_conversions(ordered);
	check_conversion_ids(ordered);
	pfree(actors);
	pfree(kinds);
	return ordered;
}

/*
 * journey_set_value sets the value of a conversion from a numeric: whole units with
 * the decimals that it needs, at least those of money.  "what" names it in
 * messages.  Errors: invalid_parameter_value (NaN, infinity),
 * numeric_value_out_of_range when the units do not fit 64 bits.
 */
void
journey_set_value(JourneyConversion *conversion, Datum value, const char *what)
{
	int128		units;

	conversion->scale = JOURNEY_LEAST_SCALE;
	if (!omnicrm_datum_to_least_units(value, what, &conversion->scale, &units) ||
		units > PG_INT64_MAX || units < -PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("%s is out of range: %.60s", what,
						DatumGetCString(DirectFunctionCall1(numeric_out, value))),
				 errhint("Its digits, with those after the point, must stay below 9.2 * 10^18 without the point: round it to the decimals of the currency.")));
	conversion->units = (int64) units;
}
