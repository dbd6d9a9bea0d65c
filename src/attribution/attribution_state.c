/*
 * attribution_state.c
 *		The aggregate omnicrm.attribution(): rows in, a summary out.
 *
 * A row with a value is a conversion, one without is a touch.  Rows are only
 * stored (touches.c) and looked at when all are there, so that their order and
 * the number of processes make no difference.  Above the memory that a hash
 * table may use (work_mem times hash_mem_multiplier) they go to temporary files.
 */
#include "postgres.h"

#include "executor/nodeHash.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "attribution/attribution.h"
#include "attribution/journey.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_attribution_text);
PG_FUNCTION_INFO_V1(omnicrm_attribution_text_event);
PG_FUNCTION_INFO_V1(omnicrm_attribution_integer);
PG_FUNCTION_INFO_V1(omnicrm_attribution_integer_event);
PG_FUNCTION_INFO_V1(omnicrm_attribution_final);

/* attribution_make: a state without rows in a context that lasts as long as it. */
AttributionState *
attribution_make(MemoryContext context)
{
	AttributionState *state = MemoryContextAllocZero(context, sizeof(AttributionState));
	Size		allowed = get_hash_memory_limit();

	state->context = context;
	state->actors = omni_actors_make(context);
	state->recent = MemoryContextAllocZero(context, RECENT_ACTORS * sizeof(RecentActor));
	state->runs = MemoryContextAlloc(context, sizeof(EventRun));
	state->nruns = 1;
	event_run_init(&state->runs[0]);
	state->path_limit = allowed / 4;
	state->limit = allowed - state->path_limit;
	return state;
}

/*
 * attribution_take_options: the options of a row, NULL for a form without; they
 * must be the same in all rows.
 * Errors: invalid_parameter_value.
 */
void
attribution_take_options(AttributionState *state, Jsonb *source)
{
	MemoryContext caller;

	if (state->has_row)
	{
		if ((source == NULL) != (state->source == NULL) ||
			(source != NULL && (VARSIZE(source) != VARSIZE(state->source) ||
								memcmp(source, state->source, VARSIZE(source)) != 0)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("options must be the same in all rows of a group")));
		return;
	}
	caller = MemoryContextSwitchTo(state->context);
	if (source != NULL)
	{
		state->source = palloc(VARSIZE(source));
		memcpy(state->source, source, VARSIZE(source));
		state->options = summary_read_options(state->source, &state->settings);
	}
	else
		summary_default_options(&state->options, &state->settings);
	MemoryContextSwitchTo(caller);
	state->has_row = true;
}

/* Looks at the options of a row, which nearly always are the very same constant. */
static void
check_options(AttributionState *state, FunctionCallInfo fcinfo, int arg)
{
	if (PG_NARGS() <= arg)
	{
		if (!state->has_row)
			attribution_take_options(state, NULL);
		return;
	}
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("options must not be NULL"),
				 errhint("Give '{}' for the defaults.")));
	if (state->given == DatumGetPointer(PG_GETARG_DATUM(arg)))
		return;
	if (get_fn_expr_arg_stable(fcinfo->flinfo, arg))
		state->given = DatumGetPointer(PG_GETARG_DATUM(arg));
	attribution_take_options(state, PG_GETARG_JSONB_P(arg));
}

/* attribution_make_room: moves events to files when they take more memory than allowed. */
void
attribution_make_room(AttributionState *state)
{
	if (state->runs[0].touches.bytes + state->runs[0].conversions.bytes + state->bytes <= state->limit)
		return;
	if (state->spill == NULL)
		state->spill = event_spill_make(state->context, 0);
	for (int i = 0; i < state->nruns; i++)
	{
		event_run_unpack(state->context, &state->runs[i]);
		event_spill_run(state->spill, &state->runs[i]);
		if (state->runs[i].tally != NULL)
			pfree(state->runs[i].tally->bytes);
		event_run_init(&state->runs[i]);
	}
	state->nruns = 1;
	state->bytes = 0;
}

/* attribution_add_run: the events of another state as one more run. */
void
attribution_add_run(AttributionState *state, EventRun *run)
{
	state->runs = repalloc(state->runs, (state->nruns + 1) * sizeof(EventRun));
	state->runs[state->nruns++] = *run;
	state->bytes += event_run_bytes(run);
	if (run->tally != NULL)
		state->bytes += run->tally->size;
}

static inline bool
is_recent(const RecentActor *recent, uint64 first, uint64 last, uint32 length)
{
	return recent->words[0] == first && recent->words[1] == last && recent->length == length;
}

/* The place of a name; many names differ in their last byte alone. */
static inline RecentActor *
recent_place(AttributionState *state, uint64 first, uint64 last, uint32 length)
{
	uint64		hash = (first ^ length) * UINT64CONST(0x9E3779B97F4A7C15);

	hash = (hash ^ hash >> 32 ^ last) * UINT64CONST(0xD6E8FEB86659FD93);
	return &state->recent[hash >> 56];
}

/* The number of a text actor; the same few names come again and again. */
static inline uint32
actor_of_text(AttributionState *state, Datum datum)
{
	struct varlena *stored = (struct varlena *) DatumGetPointer(datum);
	/* a pointer to a name that is stored apart looks short, too */
	struct varlena *name = VARATT_IS_SHORT(stored) && !VARATT_IS_EXTERNAL(stored) ? stored : pg_detoast_datum_packed(stored);
	const char *bytes = VARDATA_ANY(name);
	uint32		length = VARSIZE_ANY_EXHDR(name);
	uint64		first = 0;
	uint64		last = 0;
	RecentActor *recent;

	if (unlikely(length > 16 || length == 0))
		return omni_actor_number(state->actors, bytes, (int) length);
	if (length >= 8)
	{
		memcpy(&first, bytes, 8);
		memcpy(&last, bytes + length - 8, 8);
	}
	else if (length >= 4)
	{
		uint32		word;

		memcpy(&word, bytes, 4);
		first = word;
		memcpy(&word, bytes + length - 4, 4);
		last = word;
	}
	else
		memcpy(&first, bytes, length);
	recent = recent_place(state, first, last, length);
	if (unlikely(!is_recent(recent, first, last, length)))
	{
		RecentActor *neighbour = &state->recent[(recent - state->recent) ^ 1];

		if (is_recent(neighbour, first, last, length))
			return neighbour->number;
		*neighbour = *recent;
		recent->words[0] = first;
		recent->words[1] = last;
		recent->length = length;
		recent->number = omni_actor_number(state->actors, bytes, (int) length);
	}
	return recent->number;
}

/* The number of an integer actor, whose name is its digits. */
static inline uint32
actor_of_integer(AttributionState *state, int32 actor)
{
	RecentActor *recent = &state->recent[(uint32) actor % RECENT_ACTORS];

	if (unlikely(recent->words[0] != (uint32) actor || recent->length == 0))
	{
		char		digits[16];

		recent->words[0] = (uint32) actor;
		recent->length = (uint32) pg_ltoa(actor, digits);
		recent->number = omni_actor_number(state->actors, digits, (int) recent->length);
	}
	return recent->number;
}

/*
 * Where a conversion without a journey lies: with the last journey, so that those in
 * order stay so, and when there are more of them after it, so that they are spread.
 */
static int64
place_alone(const AttributionState *state)
{
	const EventList *list = &state->runs[0].conversions;
	const EventChunk *chunk = list->last;
	Conversion	last;

	if (state->in_order || list->count == 0)
		return list->highest;
	event_conversion(chunk, chunk->count - 1, &last);
	return last.alone && last.journey < PG_INT64_MAX ? last.journey + 1 : last.journey;
}

static void
put_conversion(AttributionState *state, const NullableDatum *args, int64 at, int64 event, uint32 actor)
{
	Conversion	conversion;
	int			scale;

	conversion.at = at;
	conversion.event = event;
	conversion.actor = actor;
	conversion.alone = args[ARG_JOURNEY].isnull;
	conversion.journey = conversion.alone ? place_alone(state) :
		DatumGetInt64(args[ARG_JOURNEY].value);
	conversion.units = summary_value_units(args[ARG_VALUE].value, &state->scale, &scale);
	conversion.scale = (uint8) scale;
	events_put_conversion(state->context, &state->runs[0].conversions, &conversion);
}

/*
 * Takes a row, args[] as the aggregate has them; what is the actor's type is up to the
 * caller.  A touch without journey, and a row that says nothing, are passed over.
 */
static pg_attribute_always_inline void
take_row(AttributionState *state, const NullableDatum *args, bool is_text, bool has_event)
{
	bool		is_touch = args[ARG_VALUE].isnull;
	uint32		actor = NO_ACTOR;
	int64		event = 0;
	TimestampTz at;
	Touch		touch;

	if (is_touch && (args[ARG_JOURNEY].isnull || (args[ARG_ACTOR].isnull && args[ARG_AT].isnull)))
		return;
	at = DatumGetTimestampTz(args[ARG_AT].value);
	if (unlikely(args[ARG_AT].isnull || TIMESTAMP_NOT_FINITE(at)))
		ereport(ERROR,
				(errcode(args[ARG_AT].isnull ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("a %s has no finite time", is_touch ? "touch" : "conversion"),
				 errhint("Leave out events whose time is not known.")));
	if (has_event)
	{
		event = args[ARG_EVENT].isnull ? NO_EVENT : DatumGetInt64(args[ARG_EVENT].value);
		state->has_events = true;
	}
	if (!args[ARG_ACTOR].isnull)
		actor = is_text ? actor_of_text(state, args[ARG_ACTOR].value) :
			actor_of_integer(state, DatumGetInt32(args[ARG_ACTOR].value));
	else if (is_touch)
		actor = omni_actor_number(state->actors, JOURNEY_NO_ACTOR, (int) strlen(JOURNEY_NO_ACTOR));
	if (is_touch)
	{
		touch.journey = DatumGetInt64(args[ARG_JOURNEY].value);
		touch.at = at;
		touch.event = event;
		touch.actor = actor;
		events_put_touch(state->context, &state->runs[0].touches, &touch, has_event);
	}
	else
		put_conversion(state, args, at, event, actor);
	if (unlikely(state->runs[0].touches.bytes + state->runs[0].conversions.bytes + state->bytes > state->limit))
		attribution_make_room(state);
}

/*
 * attribution_take_row: one row of a table, args[] in the places of the aggregate's
 * arguments; the options have been taken.
 * Errors: null_value_not_allowed, datetime_field_overflow, invalid_parameter_value,
 * numeric_value_out_of_range.
 */
void
attribution_take_row(AttributionState *state, const NullableDatum *args, bool is_text, bool has_event)
{
	if (is_text && !has_event)
		take_row(state, args, true, false);
	else
		take_row(state, args, is_text, has_event);
}

/* One row of the aggregate. */
static pg_attribute_always_inline Datum
accumulate(FunctionCallInfo fcinfo, bool is_text, bool has_event)
{
	AttributionState *state = PG_ARGISNULL(0) ? NULL : (AttributionState *) PG_GETARG_POINTER(0);

	if (unlikely(state == NULL))
		state = attribution_make(omni_aggregate_context(fcinfo));
	check_options(state, fcinfo, has_event ? ARG_EVENT + 1 : ARG_EVENT);
	take_row(state, fcinfo->args, is_text, has_event);
	PG_RETURN_POINTER(state);
}

/*
 * Transition of attribution(journey_key bigint, ts timestamptz, actor text, value
 * numeric [, options jsonb]).
 * Errors: null_value_not_allowed, datetime_field_overflow,
 * invalid_parameter_value, numeric_value_out_of_range.
 */
Datum
omnicrm_attribution_text(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, true, false);
}

/* The same with event_id bigint before the options. */
Datum
omnicrm_attribution_text_event(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, true, true);
}

/* The same as omnicrm_attribution_text with actors that are integers. */
Datum
omnicrm_attribution_integer(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false, false);
}

/* The same with event_id bigint before the options. */
Datum
omnicrm_attribution_integer_event(PG_FUNCTION_ARGS)
{
	return accumulate(fcinfo, false, true);
}

/*
 * Final function of attribution(): the summary; NULL without rows.  The state is
 * used up.  Errors: those of attribution_summarise() and summary_write().
 */
Datum
omnicrm_attribution_final(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	AttributionState *state;
	bytea	   *value;
	bytea	   *result;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (AttributionState *) PG_GETARG_POINTER(0);
	work = AllocSetContextCreate(caller, "attribution", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	value = summary_write(attribution_summarise(state));
	MemoryContextSwitchTo(caller);
	result = palloc(VARSIZE(value));
	memcpy(result, value, VARSIZE(value));
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}
