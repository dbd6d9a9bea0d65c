/*
 * sequence.c
 *		sequence_match and sequence_count: does a journey contain a pattern of
 *		events, and how often without overlap.
 *
 * From the last event to the first it is worked out for each event and each
 * element of the pattern whether the rest of the pattern can be matched when this
 * event is this element: with a gap of time, whether the earliest event from which
 * the rest can be matched and that is late enough is early enough.  That takes a
 * time of events times elements for any pattern, where backtracking can take an
 * exponential one.  Matches are then read from the first event on without a wrong
 * turn: the earliest first element, for it the earliest second one, and so on, as
 * ClickHouse's sequenceCount finds them; the next match begins behind the last row
 * of the one before.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "attribution/sequence.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_sequence_trans);
PG_FUNCTION_INFO_V1(omnicrm_sequence_match_final);
PG_FUNCTION_INFO_V1(omnicrm_sequence_count_final);

#define MAX_PATTERN_LENGTH 4096

/* The pattern that was read last by a function of a query. */
typedef struct KnownPattern
{
	SequencePattern pattern;
	int			nconditions;
	int			length;
	char		source[MAX_PATTERN_LENGTH];
} KnownPattern;

/* Where the search for an element stands while it goes from event to event backwards. */
typedef struct Search
{
	uint32		boundary;		/* first event that is late enough */
	uint32		nearest;		/* first one of them from which the rest matches, or the number of events */
} Search;

/* A pattern read, or remembered from the last call. */
static const SequencePattern *
known_pattern(FunctionCallInfo fcinfo, const text *source, int nconditions)
{
	KnownPattern *known = fcinfo->flinfo->fn_extra;
	int			length = VARSIZE_ANY_EXHDR(source);
	SequencePattern pattern;

	if (known != NULL && known->nconditions == nconditions && known->length == length &&
		memcmp(known->source, VARDATA_ANY(source), length) == 0)
		return &known->pattern;
	if (length > MAX_PATTERN_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_REGULAR_EXPRESSION),
				 errmsg("pattern of a sequence has more than %d bytes", MAX_PATTERN_LENGTH)));
	sequence_pattern_parse(VARDATA_ANY(source), length, nconditions, &pattern);
	if (known == NULL)
		known = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, sizeof(KnownPattern));
	known->pattern = pattern;
	known->nconditions = nconditions;
	known->length = length;
	memcpy(known->source, VARDATA_ANY(source), length);
	fcinfo->flinfo->fn_extra = known;
	return &known->pattern;
}

/* A state for a pattern, which is read to see that it is valid. */
static EventStore *
begin_sequence(FunctionCallInfo fcinfo, MemoryContext context, const text *pattern, int nconditions)
{
	EventStore *store;
	Size		length = VARSIZE_ANY_EXHDR(pattern);

	(void) known_pattern(fcinfo, pattern, nconditions);
	store = event_store_make(context, nconditions, 0);
	store->is_sequence = true;
	store->of.pattern = MemoryContextAlloc(context, VARHDRSZ + length);
	SET_VARSIZE(store->of.pattern, VARHDRSZ + length);
	memcpy(VARDATA(store->of.pattern), VARDATA_ANY(pattern), length);
	return store;
}

/*
 * Transition of sequence_match and sequence_count(pattern text, ts timestamptz,
 * VARIADIC conditions boolean[]).  A row without time or without a condition that
 * holds is passed over.  Errors: null_value_not_allowed, invalid_parameter_value,
 * invalid_regular_expression, datetime_field_overflow, program_limit_exceeded.
 */
Datum
omnicrm_sequence_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	EventStore *store = PG_ARGISNULL(0) ? NULL : (EventStore *) PG_GETARG_POINTER(0);
	const text *pattern;
	int			count;
	uint32		conditions;
	TimestampTz at;

	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("pattern of a sequence must not be null")));
	pattern = PG_GETARG_TEXT_PP(1);
	conditions = journey_conditions(fcinfo, 3, &count);
	if (store == NULL)
		store = begin_sequence(fcinfo, context, pattern, count);
	else
	{
		if (VARSIZE_ANY_EXHDR(store->of.pattern) != VARSIZE_ANY_EXHDR(pattern) ||
			memcmp(VARDATA_ANY(store->of.pattern), VARDATA_ANY(pattern), VARSIZE_ANY_EXHDR(pattern)) != 0)
			journey_refuse_change("pattern");
		if (store->nconditions != count)
			journey_refuse_change("number of conditions");
	}
	if (journey_time(fcinfo, 2, &at) && conditions != 0)
		store = event_store_add(store, at, conditions);
	PG_RETURN_POINTER(store);
}

/* Microseconds from event a to event b, which is not earlier. */
static inline uint64
distance(const EventState *state, uint32 a, uint32 b)
{
	/* unsigned, since the distance of two times may pass 2^63 */
	return (uint64) state->events[b].at - (uint64) state->events[a].at;
}

/* Can an element follow behind event i, and the rest behind it? */
static inline bool
can_follow(const EventState *state, const uint64 *matches, uint32 i, const SequenceElement *element,
		   uint64 bit, Search *search)
{
	if (element->adjacent)
		return i + 1 < state->count && (matches[i + 1] & bit) != 0;
	while (search->boundary > i + 1 && distance(state, i, search->boundary - 1) >= element->at_least)
	{
		search->boundary--;
		if ((matches[search->boundary] & bit) != 0)
			search->nearest = search->boundary;
	}
	return search->nearest < state->count && distance(state, i, search->nearest) <= element->at_most;
}

/*
 * For each event a word, whose bit j is set when the elements from j on can be
 * matched with this event as element j.
 */
static uint64 *
match_backwards(const EventState *state, const SequencePattern *pattern)
{
	uint64	   *matches = palloc(Max(state->count, 1) * sizeof(uint64));
	Search		searches[MAX_ELEMENTS];

	for (int j = 0; j < pattern->count; j++)
		searches[j].boundary = searches[j].nearest = state->count;
	for (uint32 i = state->count; i-- > 0;)
	{
		uint32		conditions = state->events[i].conditions;
		uint64		word = 0;

		CHECK_FOR_INTERRUPTS();
		for (int j = 0; j < pattern->count; j++)
			if ((conditions & pattern->elements[j].conditions) != 0 &&
				(j + 1 == pattern->count ||
				 can_follow(state, matches, i, &pattern->elements[j + 1], UINT64CONST(1) << (j + 1), &searches[j + 1])))
				word |= UINT64CONST(1) << j;
		matches[i] = word;
	}
	return matches;
}

/* The last event of the match that begins with event i. */
static uint32
end_of_match(const EventState *state, const SequencePattern *pattern, const uint64 *matches, uint32 i)
{
	for (int j = 1; j < pattern->count; j++)
	{
		uint32		before = i++;

		/* there is such an event: see can_follow() */
		if (!pattern->elements[j].adjacent)
			while ((matches[i] & (UINT64CONST(1) << j)) == 0 ||
				   distance(state, before, i) < pattern->elements[j].at_least)
				i++;
	}
	return i;
}

/* Number of matches that do not overlap, up to a maximum. */
static int64
count_matches(FunctionCallInfo fcinfo, int64 most)
{
	EventState *state = event_store_read(fcinfo, true);
	const SequencePattern *pattern;
	uint64	   *matches;
	int64		count = 0;

	if (state == NULL)
		return 0;
	pattern = known_pattern(fcinfo, state->pattern, state->nconditions);
	matches = match_backwards(state, pattern);
	for (uint32 i = 0; i < state->count && count < most; i++)
		if ((matches[i] & 1) != 0)
		{
			i = end_of_match(state, pattern, matches, i);
			count++;
		}
	pfree(matches);
	return count;
}

/*
 * Final function of sequence_match: (internal) returns boolean; false without rows.
 */
Datum
omnicrm_sequence_match_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(count_matches(fcinfo, 1) > 0);
}

/*
 * Final function of sequence_count: (internal) returns bigint, the number of matches
 * that do not overlap; 0 without rows.
 */
Datum
omnicrm_sequence_count_final(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT64(count_matches(fcinfo, PG_INT64_MAX));
}
