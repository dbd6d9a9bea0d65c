/*
 * events.c
 *		The events of one journey, as window_funnel and the sequence aggregates
 *		keep them, and the support functions that these aggregates share.
 *
 * A row is its time and one bit per condition, 16 bytes.  Events are sorted by
 * (time, conditions as a number), so that rows of one instant have an order that
 * follows from what they are: two that are equal in both can be exchanged without
 * a difference.  Rows mostly arrive in order, which is remembered and saves the
 * sort.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "attribution/events.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_event_state_combine);
PG_FUNCTION_INFO_V1(omnicrm_event_state_serial);
PG_FUNCTION_INFO_V1(omnicrm_event_state_deserial);

/* per group: 256 MB */
#define MAX_EVENTS 16777216
/* with the header an allocation of 128 bytes; twice this and 2 is the next power of two */
#define FIRST_ROOM 6
#define STATE_VERSION 1
#define EVENT_BYTES (sizeof(int64) + sizeof(uint32))

#define COMES_BEFORE_OR_WITH(a, b) \
	((a)->at < (b)->at || ((a)->at == (b)->at && (a)->conditions <= (b)->conditions))

#define ST_SORT sort_events
#define ST_ELEMENT_TYPE JourneyEvent
#define ST_COMPARE(a, b) \
	((a)->at != (b)->at ? ((a)->at < (b)->at ? -1 : 1) : \
	 (a)->conditions != (b)->conditions ? ((a)->conditions < (b)->conditions ? -1 : 1) : 0)
#define ST_SCOPE static
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

static void
corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of a journey aggregate")));
}

/*
 * event_state_argument: the state that a final function is given, NULL without rows.
 * Error: data_corrupted when bytes from outside made it one of the other kind.
 */
EventState *
event_state_argument(FunctionCallInfo fcinfo, bool is_sequence)
{
	EventState *state;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		return NULL;
	state = (EventState *) PG_GETARG_POINTER(0);
	if ((state->pattern != NULL) != is_sequence)
		corrupt_state();
	return state;
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

/* Makes room for more events; the state may move.  Error: program_limit_exceeded. */
static EventState *
reserve_events(EventState *state, uint32 more)
{
	uint32		needed = state->count + more;

	if (needed <= state->room)
		return state;
	if (needed > MAX_EVENTS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("one group has more than %d events", MAX_EVENTS),
				 errhint("Group by customer or journey, and leave out a collective account that stands for many.")));
	state->room = Min(Max(state->room * 2 + 2, needed), MAX_EVENTS);
	return repalloc(state, offsetof(EventState, events) + (Size) state->room * sizeof(JourneyEvent));
}

/* Adds an event; the state may move.  Error: program_limit_exceeded. */
EventState *
event_state_add(EventState *state, TimestampTz at, uint32 conditions)
{
	JourneyEvent *event;

	if (unlikely(state->count == state->room))
		state = reserve_events(state, 1);
	event = &state->events[state->count];
	event->at = at;
	event->conditions = conditions;
	if (state->sorted && state->count > 0)
		state->sorted = COMES_BEFORE_OR_WITH(event - 1, event);
	state->count++;
	return state;
}

/* Sorts the events in place, which changes nothing that the state stands for. */
void
event_state_sort(EventState *state)
{
	if (!state->sorted)
		sort_events(state->events, state->count);
	state->sorted = true;
}

/* Errors unless both states were made with the same parameters. */
static void
check_same_parameters(const EventState *a, const EventState *b)
{
	if (a->nconditions != b->nconditions)
		journey_refuse_change("number of conditions");
	if (a->window != b->window)
		journey_refuse_change("window");
	if (a->modes != b->modes)
		journey_refuse_change("mode");
	if ((a->pattern == NULL) != (b->pattern == NULL) ||
		(a->pattern != NULL && (VARSIZE(a->pattern) != VARSIZE(b->pattern) ||
								memcmp(a->pattern, b->pattern, VARSIZE(a->pattern)) != 0)))
		journey_refuse_change("pattern");
}

/* A state without events that has the parameters of another, with room for its events. */
static EventState *
make_like(MemoryContext context, const EventState *other)
{
	EventState *state = event_state_make(context, other->nconditions, other->count);

	state->window = other->window;
	state->modes = other->modes;
	if (other->pattern != NULL)
	{
		state->pattern = MemoryContextAlloc(context, VARSIZE(other->pattern));
		memcpy(state->pattern, other->pattern, VARSIZE(other->pattern));
	}
	return state;
}

/*
 * Combine function: (internal, internal) returns internal, the first with the events
 * of the second.  Errors: invalid_parameter_value, program_limit_exceeded.
 */
Datum
omnicrm_event_state_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	EventState *into;
	EventState *from;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	from = (EventState *) PG_GETARG_POINTER(1);
	into = PG_ARGISNULL(0) ? make_like(context, from) : (EventState *) PG_GETARG_POINTER(0);
	check_same_parameters(into, from);
	if (from->count == 0)
		PG_RETURN_POINTER(into);
	into = reserve_events(into, from->count);
	memcpy(into->events + into->count, from->events, from->count * sizeof(JourneyEvent));
	into->sorted = into->sorted && from->sorted &&
		(into->count == 0 || COMES_BEFORE_OR_WITH(&into->events[into->count - 1], &from->events[0]));
	into->count += from->count;
	PG_RETURN_POINTER(into);
}

/*
 * Serialise: (internal) returns bytea: version, parameters, length of the pattern
 * (-1: none), pattern, number of events, events; network byte order.
 */
Datum
omnicrm_event_state_serial(PG_FUNCTION_ARGS)
{
	EventState *state;
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	state = (EventState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, 64 + state->count * EVENT_BYTES);
	pq_sendbyte(&buffer, STATE_VERSION);
	pq_sendbyte(&buffer, state->nconditions);
	pq_sendbyte(&buffer, state->modes);
	pq_sendint64(&buffer, state->window);
	pq_sendint32(&buffer, state->pattern == NULL ? -1 : VARSIZE_ANY_EXHDR(state->pattern));
	if (state->pattern != NULL)
		pq_sendbytes(&buffer, VARDATA_ANY(state->pattern), VARSIZE_ANY_EXHDR(state->pattern));
	pq_sendint32(&buffer, state->count);
	for (uint32 i = 0; i < state->count; i++)
	{
		pq_sendint64(&buffer, state->events[i].at);
		pq_sendint32(&buffer, state->events[i].conditions);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Reads the parameters that stand before the events, and checks them. */
static void
read_parameters(StringInfo buffer, EventState *parameters)
{
	int32		length;

	parameters->nconditions = pq_getmsgbyte(buffer);
	parameters->modes = pq_getmsgbyte(buffer);
	parameters->window = pq_getmsgint64(buffer);
	length = (int32) pq_getmsgint(buffer, 4);
	if (parameters->nconditions < 1 || parameters->nconditions > MAX_CONDITIONS ||
		(parameters->modes & ~FUNNEL_ALL_MODES) != 0 || parameters->window > PG_INT64_MAX ||
		length < -1 || length > buffer->len - buffer->cursor ||
		(length >= 0 && (parameters->modes != 0 || parameters->window != 0)))
		corrupt_state();
	if (length >= 0)
	{
		const char *pattern = pq_getmsgbytes(buffer, length);

		if (!pg_verifymbstr(pattern, length, true))
			corrupt_state();
		parameters->pattern = cstring_to_text_with_len(pattern, length);
	}
}

/* Deserialise: (bytea, internal) returns internal.  Error: data_corrupted. */
Datum
omnicrm_event_state_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	EventState	parameters = {0};
	EventState *state;
	StringInfoData buffer;
	uint32		count;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgbyte(&buffer) != STATE_VERSION)
		corrupt_state();
	read_parameters(&buffer, &parameters);
	count = pq_getmsgint(&buffer, 4);
	if (count > MAX_EVENTS || buffer.len - buffer.cursor != (int64) count * EVENT_BYTES)
		corrupt_state();
	parameters.count = count;
	state = make_like(CurrentMemoryContext, &parameters);
	for (uint32 i = 0; i < count; i++)
	{
		TimestampTz at = pq_getmsgint64(&buffer);
		uint32		conditions = pq_getmsgint(&buffer, 4);

		if (TIMESTAMP_NOT_FINITE(at) || ((uint64) conditions >> state->nconditions) != 0)
			corrupt_state();
		state = event_state_add(state, at, conditions);
	}
	PG_RETURN_POINTER(state);
}
