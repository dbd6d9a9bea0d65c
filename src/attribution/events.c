/*
 * events.c
 *		The events of one journey, as the functions read them that walk a funnel or
 *		look for a sequence, and the arguments that their aggregates share.
 *
 * An event is a time and one bit per condition.  Events are sorted by (time,
 * conditions as a number), so that rows of one instant have an order that follows
 * from what they are: two that are equal in both can be exchanged without a
 * difference.  Rows mostly arrive in order, which is remembered and saves the sort.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/array.h"

#include "attribution/events.h"
#include "common/compat.h"

#define FIRST_ROOM 16

#define ST_SORT events_sort
#define ST_ELEMENT_TYPE JourneyEvent
#define ST_COMPARE(a, b) \
	((a)->at != (b)->at ? ((a)->at < (b)->at ? -1 : 1) : \
	 (a)->conditions != (b)->conditions ? ((a)->conditions < (b)->conditions ? -1 : 1) : 0)
#define ST_SCOPE extern
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/*
 * journey_conditions: the bits of an argument boolean[] of 1 to 32 elements; a null
 * is not true.  *count: how many elements.
 * Errors: null_value_not_allowed, array_subscript_error, invalid_parameter_value.
 */
uint32
journey_conditions(FunctionCallInfo fcinfo, int argument, int *count)
{
	ArrayType  *array;
	const bool *values;
	const bits8 *known;
	uint32		result = 0;
	int			at = 0;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the array of conditions must not be null")));
	array = PG_GETARG_ARRAYTYPE_P(argument);
	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("conditions must be an array of one dimension")));
	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (*count < 1 || *count > MAX_CONDITIONS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of conditions must be between 1 and %d, got %d", MAX_CONDITIONS, *count)));
	values = (const bool *) ARR_DATA_PTR(array);
	known = ARR_NULLBITMAP(array);
	for (int i = 0; i < *count; i++)
	{
		if (known != NULL && (known[i / 8] & (1 << (i % 8))) == 0)
			continue;
		result |= (uint32) values[at++] << i;
	}
	return result;
}

/*
 * journey_time: an argument timestamptz; false when it is null: such a row is no
 * event.  Error: datetime_field_overflow for an infinite time.
 */
bool
journey_time(FunctionCallInfo fcinfo, int argument, TimestampTz *at)
{
	if (PG_ARGISNULL(argument))
		return false;
	*at = PG_GETARG_TIMESTAMPTZ(argument);
	if (unlikely(TIMESTAMP_NOT_FINITE(*at)))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("time of an event is not finite: %s", TIMESTAMP_IS_NOBEGIN(*at) ? "-infinity" : "infinity"),
				 errhint("Leave out events whose time is not known, or give them no time (NULL).")));
	return true;
}

/* Raises invalid_parameter_value: a parameter differs between rows of one group. */
void
journey_refuse_change(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be the same in all rows of a group", what),
			 errhint("Group by it, or give a constant.")));
}

/* An empty state with this room, 0: the usual one. */
EventState *
event_state_make(MemoryContext context, int nconditions, uint32 room)
{
	EventState *state;

	room = Max(room, FIRST_ROOM);
	state = MemoryContextAlloc(context, offsetof(EventState, events) + room * sizeof(JourneyEvent));
	memset(state, 0, offsetof(EventState, events));
	state->room = room;
	state->nconditions = nconditions;
	state->sorted = true;
	return state;
}

/* Raises program_limit_exceeded for a journey with too many events. */
void
events_refuse_more(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("one group has more than %d events", MAX_EVENTS),
			 errhint("Group by customer or journey, and leave out a collective account that stands for many.")));
}

/* Adds an event; the state may move.  Error: program_limit_exceeded. */
EventState *
event_state_add(EventState *state, TimestampTz at, uint32 conditions)
{
	JourneyEvent *event;

	if (unlikely(state->count == state->room))
	{
		if (state->count >= MAX_EVENTS)
			events_refuse_more();
		state->room = Min(state->room * 2, MAX_EVENTS);
		state = repalloc(state, offsetof(EventState, events) + (Size) state->room * sizeof(JourneyEvent));
	}
	event = &state->events[state->count];
	event->at = at;
	event->conditions = conditions;
	if (state->sorted && state->count > 0)
		state->sorted = event_not_after(event - 1, event);
	state->count++;
	return state;
}

/* Sorts the events in place, which changes nothing that the state stands for. */
void
event_state_sort(EventState *state)
{
	if (!state->sorted)
		events_sort(state->events, state->count);
	state->sorted = true;
}
