/*
 * event_store.c
 *		The events of one journey, as window_funnel and the sequence aggregates keep them
 *		group by group, and the support functions that these aggregates share.
 *
 * With a million groups in random order the time goes into fetching memory, so a
 * state is small and mostly stays where it was made, in the page of the key of its
 * group: 128 bytes, 16 of them what is the same for all events, 14 words for events.
 * An event is a word, its time in microseconds above a bit per condition, as long as
 * that fits: with five conditions times of 9,000 years before and after 2000, with
 * twelve of 71 years.  A state with an event that does not fit is wide: an event is two
 * words, the fields of JourneyEvent.  Words compare as the events that they stand for.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "attribution/events.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_event_state_combine);
PG_FUNCTION_INFO_V1(omnicrm_event_state_serial);
PG_FUNCTION_INFO_V1(omnicrm_event_state_deserial);

/* bytes, which the allocator has without loss */
#define FIRST_SIZE 128
#define STATE_VERSION 1
#define EVENT_BYTES (sizeof(int64) + sizeof(uint32))

StaticAssertDecl(offsetof(EventStore, words) == 2 * sizeof(uint64), "header of a state is two words");
StaticAssertDecl(sizeof(JourneyEvent) == 2 * sizeof(uint64), "an event is two words");

#define ST_SORT sort_words
#define ST_ELEMENT_TYPE uint64
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static void
corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of a journey aggregate")));
}

static inline Size
store_size(int doublings)
{
	return (Size) FIRST_SIZE << doublings;
}

/* Words for events. */
static inline uint32
store_room(const EventStore *store)
{
	return (store_size(store->doublings) - offsetof(EventStore, words)) / sizeof(uint64);
}

/* What makes times that fit positive. */
static inline uint64
time_offset(int nconditions)
{
	return UINT64CONST(1) << (63 - nconditions);
}

/* The word of an event; false when it does not fit. */
static inline bool
pack_event(int nconditions, TimestampTz at, uint32 conditions, uint64 *word)
{
	uint64		since = (uint64) at + time_offset(nconditions);

	*word = since << nconditions | conditions;
	return since >> (64 - nconditions) == 0;
}

/* The event at a place. */
static inline JourneyEvent
store_event(const EventStore *store, uint32 i)
{
	JourneyEvent event;

	if (store->wide)
		return ((const JourneyEvent *) store->words)[i];
	event.at = (TimestampTz) ((store->words[i] >> store->nconditions) - time_offset(store->nconditions));
	event.conditions = store->words[i] & ((UINT64CONST(1) << store->nconditions) - 1);
	return event;
}

/* event_store_make: an empty state with room for so many events that are words. */
EventStore *
event_store_make(MemoryContext context, int nconditions, uint32 count)
{
	EventStore *store;
	int			doublings = 0;

	while (store_size(doublings) < offsetof(EventStore, words) + count * sizeof(uint64))
		doublings++;
	store = MemoryContextAlloc(context, store_size(doublings));
	memset(store, 0, offsetof(EventStore, words));
	store->doublings = doublings;
	store->nconditions = nconditions;
	store->sorted = true;
	return store;
}

/* Makes room for so many words; the state may move. */
static EventStore *
reserve_words(EventStore *store, uint32 needed)
{
	if (needed <= store_room(store))
		return store;
	while (store_room(store) < needed)
		store->doublings++;
	return repalloc(store, store_size(store->doublings));
}

/* Makes a state wide; it may move. */
static EventStore *
widen_store(EventStore *store)
{
	store = reserve_words(store, store->count * 2);
	for (uint32 i = store->count; i-- > 0;)
		((JourneyEvent *) store->words)[i] = store_event(store, i);
	store->wide = true;
	return store;
}

/* Adds an event to a wide state, which may move. */
static EventStore *
add_wide(EventStore *store, TimestampTz at, uint32 conditions)
{
	JourneyEvent *event;

	store = reserve_words(store, (store->count + 1) * 2);
	event = (JourneyEvent *) store->words + store->count;
	event->at = at;
	event->conditions = conditions;
	if (store->sorted && store->count > 0)
		store->sorted = event_not_after(event - 1, event);
	store->count++;
	return store;
}

/* event_store_add: adds an event; the state may move.  Error: program_limit_exceeded. */
EventStore *
event_store_add(EventStore *store, TimestampTz at, uint32 conditions)
{
	uint64		word;

	if (unlikely(store->count >= MAX_EVENTS))
		events_refuse_more();
	if (likely(!store->wide))
	{
		if (likely(pack_event(store->nconditions, at, conditions, &word)))
		{
			store = reserve_words(store, store->count + 1);
			if (store->sorted && store->count > 0)
				store->sorted = store->words[store->count - 1] <= word;
			store->words[store->count++] = word;
			return store;
		}
		store = widen_store(store);
	}
	return add_wide(store, at, conditions);
}

/* Sorts the events in place, which changes nothing that the state stands for. */
static void
sort_store(EventStore *store)
{
	if (store->sorted)
		return;
	if (store->wide)
		events_sort((JourneyEvent *) store->words, store->count);
	else
		sort_words(store->words, store->count);
	store->sorted = true;
}

/*
 * event_store_read: the events of the state that a final function is given, sorted, in
 * current memory; NULL without rows.
 * Error: data_corrupted when bytes from outside made it one of the other kind.
 */
EventState *
event_store_read(FunctionCallInfo fcinfo, bool is_sequence)
{
	EventStore *store;
	EventState *state;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		return NULL;
	store = (EventStore *) PG_GETARG_POINTER(0);
	if (store->is_sequence != is_sequence)
		corrupt_state();
	sort_store(store);
	state = event_state_make(CurrentMemoryContext, store->nconditions, store->count);
	if (is_sequence)
		state->pattern = store->of.pattern;
	else
		state->window = store->of.window;
	state->modes = store->modes;
	state->count = store->count;
	for (uint32 i = 0; i < store->count; i++)
		state->events[i] = store_event(store, i);
	return state;
}

/* Errors unless both states were made with the same parameters. */
static void
check_same_parameters(const EventStore *a, const EventStore *b)
{
	if (a->nconditions != b->nconditions)
		journey_refuse_change("number of conditions");
	if (a->modes != b->modes)
		journey_refuse_change("mode");
	if (a->is_sequence != b->is_sequence ||
		(a->is_sequence && (VARSIZE(a->of.pattern) != VARSIZE(b->of.pattern) ||
							memcmp(a->of.pattern, b->of.pattern, VARSIZE(a->of.pattern)) != 0)))
		journey_refuse_change("pattern");
	if (!a->is_sequence && a->of.window != b->of.window)
		journey_refuse_change("window");
}

/* A state without events that has the parameters of another, with room for its events. */
static EventStore *
make_like(MemoryContext context, const EventStore *other)
{
	EventStore *store = event_store_make(context, other->nconditions, other->count);

	store->modes = other->modes;
	store->is_sequence = other->is_sequence;
	store->of = other->of;
	if (other->is_sequence)
	{
		store->of.pattern = MemoryContextAlloc(context, VARSIZE(other->of.pattern));
		memcpy(store->of.pattern, other->of.pattern, VARSIZE(other->of.pattern));
	}
	return store;
}

/*
 * Combine function: (internal, internal) returns internal, the first with the events
 * of the second.  Errors: invalid_parameter_value, program_limit_exceeded.
 */
Datum
omnicrm_event_state_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	EventStore *into;
	EventStore *from;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	from = (EventStore *) PG_GETARG_POINTER(1);
	into = PG_ARGISNULL(0) ? make_like(context, from) : (EventStore *) PG_GETARG_POINTER(0);
	check_same_parameters(into, from);
	for (uint32 i = 0; i < from->count; i++)
	{
		JourneyEvent event = store_event(from, i);

		into = event_store_add(into, event.at, event.conditions);
	}
	PG_RETURN_POINTER(into);
}

/*
 * Serialise: (internal) returns bytea: version, parameters, length of the pattern
 * (-1: none), pattern, number of events, events; network byte order.
 */
Datum
omnicrm_event_state_serial(PG_FUNCTION_ARGS)
{
	EventStore *store;
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	store = (EventStore *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, 64 + store->count * EVENT_BYTES);
	pq_sendbyte(&buffer, STATE_VERSION);
	pq_sendbyte(&buffer, store->nconditions);
	pq_sendbyte(&buffer, store->modes);
	pq_sendint64(&buffer, store->is_sequence ? 0 : store->of.window);
	pq_sendint32(&buffer, store->is_sequence ? VARSIZE_ANY_EXHDR(store->of.pattern) : -1);
	if (store->is_sequence)
		pq_sendbytes(&buffer, VARDATA_ANY(store->of.pattern), VARSIZE_ANY_EXHDR(store->of.pattern));
	pq_sendint32(&buffer, store->count);
	for (uint32 i = 0; i < store->count; i++)
	{
		JourneyEvent event = store_event(store, i);

		pq_sendint64(&buffer, event.at);
		pq_sendint32(&buffer, event.conditions);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Reads the parameters that stand before the events, and checks them. */
static void
read_parameters(StringInfo buffer, EventStore *parameters)
{
	uint64		window;
	int32		length;

	parameters->nconditions = pq_getmsgbyte(buffer);
	parameters->modes = pq_getmsgbyte(buffer);
	window = pq_getmsgint64(buffer);
	length = (int32) pq_getmsgint(buffer, 4);
	if (parameters->nconditions < 1 || parameters->nconditions > MAX_CONDITIONS ||
		(parameters->modes & ~FUNNEL_ALL_MODES) != 0 || window > PG_INT64_MAX ||
		length < -1 || length > buffer->len - buffer->cursor ||
		(length >= 0 && (parameters->modes != 0 || window != 0)))
		corrupt_state();
	parameters->is_sequence = length >= 0;
	if (parameters->is_sequence)
	{
		const char *pattern = pq_getmsgbytes(buffer, length);

		if (!pg_verifymbstr(pattern, length, true))
			corrupt_state();
		parameters->of.pattern = cstring_to_text_with_len(pattern, length);
	}
	else
		parameters->of.window = window;
}

/* Deserialise: (bytea, internal) returns internal.  Error: data_corrupted. */
Datum
omnicrm_event_state_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	EventStore	parameters = {0};
	EventStore *store;
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
	store = make_like(CurrentMemoryContext, &parameters);
	for (uint32 i = 0; i < count; i++)
	{
		TimestampTz at = pq_getmsgint64(&buffer);
		uint32		conditions = pq_getmsgint(&buffer, 4);

		if (TIMESTAMP_NOT_FINITE(at) || ((uint64) conditions >> store->nconditions) != 0)
			corrupt_state();
		store = event_store_add(store, at, conditions);
	}
	PG_RETURN_POINTER(store);
}
