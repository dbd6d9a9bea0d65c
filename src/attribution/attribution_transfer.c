/*
 * attribution_transfer.c
 *		The state of omnicrm.attribution() between processes.
 *
 * Serialised: a mark for version and byte order, the options as given, totals, the
 * names of the actors, then the chunks as they are in memory, and what their journeys
 * amount to (attribution_tally.c).  What comes back is checked: sizes, actors, times.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "attribution/attribution.h"
#include "common/aggregate.h"
#include "common/compat.h"
#include "common/memory.h"

PG_FUNCTION_INFO_V1(omnicrm_attribution_combine);
PG_FUNCTION_INFO_V1(omnicrm_attribution_serial);
PG_FUNCTION_INFO_V1(omnicrm_attribution_deserial);

/* version 2; another byte order reads another number */
#define STATE_MARK 0x41545202

typedef struct StateHead
{
	uint32		mark;
	uint32		source_size;	/* of the options, 0: none */
	uint32		scale;
	uint32		nactors;
	uint32		nlists;
	uint16		has_row;
	uint16		has_events;
} StateHead;

typedef struct ListHead
{
	uint64		count;
	uint32		nchunks;
	uint16		sorted;
	uint16		hashed;
} ListHead;

typedef struct ChunkHead
{
	int64		base;
	uint32		count;
	uint32		format;
} ChunkHead;

static Size
list_size(const EventList *list)
{
	Size		size = sizeof(ListHead);

	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
		size += sizeof(ChunkHead) + (Size) chunk->count * event_words(chunk->format) * sizeof(uint64);
	return size;
}

static void
write_bytes(char **at, const void *bytes, Size size)
{
	memcpy(*at, bytes, size);
	*at += size;
}

static void
write_list(char **at, const EventList *list)
{
	ListHead	head = {list->count, 0, list->sorted, list->hashed};

	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
		head.nchunks++;
	write_bytes(at, &head, sizeof(head));
	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
	{
		ChunkHead	chunk_head = {chunk->base, chunk->count, chunk->format};

		CHECK_FOR_INTERRUPTS();
		write_bytes(at, &chunk_head, sizeof(chunk_head));
		write_bytes(at, chunk->words, (Size) chunk->count * event_words(chunk->format) * sizeof(uint64));
	}
}

/* What stands before a run. */
typedef struct RunHead
{
	Size		tally;			/* bytes, 0: none */
	Size		packed;			/* bytes of the touches, when they are packed */
	bool		is_packed;
} RunHead;

/* Room for a run; pack: touches of ascending journeys take less. */
static Size
run_size(const EventRun *run, bool pack)
{
	return sizeof(RunHead) + (run->tally != NULL ? run->tally->size : 0) + list_size(&run->conversions) +
		(pack && run->touches.sorted ? events_packed_bound(&run->touches) : list_size(&run->touches));
}

static Size
runs_size(const AttributionState *state, bool pack)
{
	Size		size = 0;

	for (int i = 0; i < state->nruns; i++)
		size += run_size(&state->runs[i], pack);
	return size;
}

/* A run: its tally, touches, conversions. */
static void
write_run(char **at, const EventRun *run, bool pack, uint32 nactors, bool has_event)
{
	char	   *start = *at;
	RunHead		head;

	memset(&head, 0, sizeof(head));
	*at += sizeof(head);
	if (run->tally != NULL)
	{
		head.tally = run->tally->size;
		write_bytes(at, run->tally->bytes, head.tally);
	}
	head.is_packed = pack && run->touches.sorted;
	if (head.is_packed)
	{
		head.packed = events_pack(&run->touches, nactors, has_event, *at);
		*at += head.packed;
	}
	else
		write_list(at, &run->touches);
	memcpy(start, &head, sizeof(head));
	write_list(at, &run->conversions);
}

static void
too_large(Size size)
{
	ereport(ERROR,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("the touches that one parallel worker read take more than %zu MB, at most %zu MB can be handed on",
					size >> 20, MaxAllocSize >> 20),
			 errhint("Use more workers, or none: SET max_parallel_workers_per_gather = 0.")));
}

/* Brings what is in files back: a state goes to another process as a whole. */
static void
unspill(AttributionState *state)
{
	if (state->spill == NULL)
		return;
	for (int way = 0; way < SPILL_WAYS; way++)
		if (event_spill_read(state->spill, way, &state->runs[0], MaxAllocSize))
			too_large(state->runs[0].touches.bytes + state->runs[0].conversions.bytes);
	state->spill = NULL;
}

/* Gives the actors of all events the numbers of another state, where they stand. */
static void
renumber_list(EventList *list, const uint32 *numbers)
{
	for (EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		event_chunk_renumber(chunk, numbers);
	}
}

/* Numbers the actors by name, so that processes that have met the same ones agree. */
static void
number_by_name(AttributionState *state)
{
	uint32	   *by_name = omni_actors_by_name(state->actors);
	uint32	   *ranks = omni_actors_ranks(state->actors);
	uint32		count = omni_actors_count(state->actors);
	Actors	   *actors = omni_actors_make(state->context);

	for (uint32 i = 0; i < count; i++)
	{
		int			length;
		const char *name = omni_actor_name(state->actors, by_name[i], &length);

		(void) omni_actor_number(actors, name, length);
	}
	for (int i = 0; i < state->nruns; i++)
	{
		renumber_list(&state->runs[i].touches, ranks);
		renumber_list(&state->runs[i].conversions, ranks);
	}
	state->actors = actors;
	memset(state->recent, 0, RECENT_ACTORS * sizeof(RecentActor));
	pfree(by_name);
	pfree(ranks);
}

/*
 * Serialise function.  Errors: program_limit_exceeded above 1 GB.
 */
Datum
omnicrm_attribution_serial(PG_FUNCTION_ARGS)
{
	AttributionState *state;
	StateHead	head = {0};
	Size		size = VARHDRSZ + sizeof(StateHead);
	bool		pack = true;
	bytea	   *result;
	char	   *at;

	(void) omni_aggregate_context(fcinfo);
	state = (AttributionState *) PG_GETARG_POINTER(0);
	unspill(state);
	/* the one who brings the states together need not sort then */
	for (int i = 0; i < state->nruns; i++)
		if (!state->runs[i].touches.sorted || !state->runs[i].conversions.sorted)
			events_hash_sort(state->context, &state->runs[i]);
	number_by_name(state);
	attribution_tally(state);
	head.mark = STATE_MARK;
	head.source_size = state->source != NULL ? VARSIZE(state->source) : 0;
	head.scale = (uint32) state->scale;
	head.nactors = omni_actors_count(state->actors);
	head.nlists = (uint32) state->nruns * 2;
	head.has_row = state->has_row;
	head.has_events = state->has_events;
	size += head.source_size;
	for (uint32 i = 0; i < head.nactors; i++)
	{
		int			length;

		(void) omni_actor_name(state->actors, i, &length);
		size += sizeof(uint32) + length;
	}
	/* packed touches may take more; tallies can be done without */
	if (size + runs_size(state, true) > MaxAllocSize)
	{
		pack = false;
		for (int i = 0; i < state->nruns; i++)
			state->runs[i].tally = NULL;
	}
	size += runs_size(state, pack);
	if (size > MaxAllocSize)
		too_large(size);
	result = palloc(size);
	omni_wish_huge_pages(result, size);
	SET_VARSIZE(result, size);
	at = VARDATA(result);
	write_bytes(&at, &head, sizeof(head));
	if (head.source_size > 0)
		write_bytes(&at, state->source, head.source_size);
	for (uint32 i = 0; i < head.nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(state->actors, i, &length);

		write_bytes(&at, &length, sizeof(uint32));
		write_bytes(&at, name, length);
	}
	for (int i = 0; i < state->nruns; i++)
		write_run(&at, &state->runs[i], pack, head.nactors, state->has_events);
	Assert(at <= (char *) result + size);
	SET_VARSIZE(result, at - (char *) result);
	PG_RETURN_BYTEA_P(result);
}

/* attribution_corrupt_state: a serialised state is not as it must be (data_corrupted). */
void
attribution_corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of aggregate attribution")));
}

/* attribution_take_bytes: the next so many bytes of a state.  Errors: data_corrupted when there are fewer. */
const char *
attribution_take_bytes(StateSource *source, Size size)
{
	const char *bytes = source->at;

	if ((Size) (source->end - source->at) < size)
		attribution_corrupt_state();
	source->at += size;
	return bytes;
}

/* Are the events of a chunk what they may be? */
static void
check_chunk(const EventChunk *chunk, uint32 nactors, uint32 scale)
{
	for (uint32 i = 0; i < chunk->count; i++)
	{
		if (chunk->format == CONVERSION)
		{
			Conversion	conversion;

			event_conversion(chunk, i, &conversion);
			if ((conversion.actor >= nactors && conversion.actor != NO_ACTOR) || conversion.scale > scale ||
				TIMESTAMP_NOT_FINITE(conversion.at))
				attribution_corrupt_state();
		}
		else
		{
			Touch		touch;

			event_touch(chunk, i, &touch);
			if (touch.actor >= nactors || TIMESTAMP_NOT_FINITE(touch.at))
				attribution_corrupt_state();
		}
	}
}

static void
read_list(MemoryContext context, StateSource *source, EventList *list, bool conversions, uint32 nactors, uint32 scale)
{
	ListHead	head;

	events_init(list);
	memcpy(&head, attribution_take_bytes(source, sizeof(head)), sizeof(head));
	for (uint32 i = 0; i < head.nchunks; i++)
	{
		ChunkHead	chunk_head;
		EventChunk *chunk;
		uint64		words;

		CHECK_FOR_INTERRUPTS();
		memcpy(&chunk_head, attribution_take_bytes(source, sizeof(chunk_head)), sizeof(chunk_head));
		if (chunk_head.format >= EVENT_FORMATS || (chunk_head.format == CONVERSION) != conversions)
			attribution_corrupt_state();
		words = (uint64) chunk_head.count * event_words((EventFormat) chunk_head.format);
		if (words > MaxAllocSize / sizeof(uint64) - sizeof(EventChunk))
			attribution_corrupt_state();
		chunk = events_new_chunk(context, list, (EventFormat) chunk_head.format, (uint32) words);
		chunk->base = chunk_head.base;
		memcpy(chunk->words, attribution_take_bytes(source, words * sizeof(uint64)), words * sizeof(uint64));
		chunk->count = chunk_head.count;
		list->count += chunk->count;
		check_chunk(chunk, nactors, scale);
	}
	if (list->count != head.count)
		attribution_corrupt_state();
	list->sorted = head.sorted != 0;
	list->hashed = head.hashed != 0;
}

/* What write_run() has written. */
static void
read_run(MemoryContext context, StateSource *source, const StateHead *head, EventRun *run)
{
	RunHead		run_head;

	event_run_init(run);
	memcpy(&run_head, attribution_take_bytes(source, sizeof(run_head)), sizeof(run_head));
	if (run_head.tally > 0)
	{
		run->tally = MemoryContextAlloc(context, sizeof(JourneyTally));
		run->tally->size = run_head.tally;
		run->tally->bytes = MemoryContextAlloc(context, run_head.tally);
		memcpy(run->tally->bytes, attribution_take_bytes(source, run_head.tally), run_head.tally);
		run->tally->scale = (int) head->scale;
	}
	if (run_head.is_packed)
	{
		run->packed = events_packed_read(context, attribution_take_bytes(source, run_head.packed), run_head.packed,
										 head->nactors, head->has_events != 0);
		if (run->packed == NULL)
			attribution_corrupt_state();
	}
	else
		read_list(context, source, &run->touches, false, head->nactors, head->scale);
	read_list(context, source, &run->conversions, true, head->nactors, head->scale);
}

/* Deserialise function.  Errors: data_corrupted. */
Datum
omnicrm_attribution_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	StateSource source = {VARDATA_ANY(bytes), VARDATA_ANY(bytes) + VARSIZE_ANY_EXHDR(bytes)};
	AttributionState *state;
	StateHead	head;

	/* lasts until the combine function takes it over, which comes next */
	state = attribution_make(omni_aggregate_context(fcinfo));
	memcpy(&head, attribution_take_bytes(&source, sizeof(head)), sizeof(head));
	if (head.mark != STATE_MARK || head.scale > SUMMARY_MAX_SCALE ||
		head.nlists % 2 != 0 || (head.source_size != 0 && head.source_size <= VARHDRSZ))
		attribution_corrupt_state();
	if (head.has_row)
	{
		Jsonb	   *options = NULL;

		if (head.source_size > 0)
		{
			options = palloc(head.source_size);
			memcpy(options, attribution_take_bytes(&source, head.source_size), head.source_size);
			if (VARSIZE(options) != head.source_size)
				attribution_corrupt_state();
		}
		attribution_take_options(state, options);
	}
	state->scale = (int) head.scale;
	state->has_events = head.has_events != 0;
	for (uint32 i = 0; i < head.nactors; i++)
	{
		uint32		length;

		memcpy(&length, attribution_take_bytes(&source, sizeof(length)), sizeof(length));
		if (omni_actor_number(state->actors, attribution_take_bytes(&source, length), (int) length) != i)
			attribution_corrupt_state();
	}
	for (uint32 i = 0; i < head.nlists / 2; i++)
	{
		EventRun	run;

		read_run(state->context, &source, &head, &run);
		attribution_add_run(state, &run);
	}
	if (source.at != source.end)
		attribution_corrupt_state();
	PG_RETURN_POINTER(state);
}

/* attribution_check_actors: no more actors than events of several processes have bits for (program_limit_exceeded). */
void
attribution_check_actors(const Actors *actors)
{
	if (omni_actors_count(actors) > NARROW_ACTORS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %u different actors", NARROW_ACTORS),
				 errhint("Without parallel workers there may be more: SET max_parallel_workers_per_gather = 0.")));
}

/*
 * Combine function: takes the chunks of the second state over, which is used up.
 * Errors: invalid_parameter_value when the options differ, program_limit_exceeded
 * for more than 2^24 actors.
 */
Datum
omnicrm_attribution_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	AttributionState *into = PG_ARGISNULL(0) ? NULL : (AttributionState *) PG_GETARG_POINTER(0);
	AttributionState *from = PG_ARGISNULL(1) ? NULL : (AttributionState *) PG_GETARG_POINTER(1);
	uint32	   *numbers;
	uint32		nactors;
	bool		same_numbers = true;

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		into = attribution_make(context);
	if (from->has_row)
		attribution_take_options(into, from->source);
	nactors = omni_actors_count(from->actors);
	numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) nactors + 1) * sizeof(uint32));
	for (uint32 i = 0; i < nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(from->actors, i, &length);

		numbers[i] = omni_actor_number(into->actors, name, length);
		same_numbers = same_numbers && numbers[i] == i;
	}
	attribution_check_actors(into->actors);
	into->scale = Max(into->scale, from->scale);
	into->has_events = into->has_events || from->has_events;
	for (int i = 0; i < from->nruns; i++)
	{
		EventRun   *run = &from->runs[i];

		if (event_run_count(run) == 0)
			continue;
		if (!same_numbers)
		{
			renumber_list(&run->touches, numbers);
			renumber_list(&run->conversions, numbers);
			for (uint32 p = 0; run->packed != NULL && p < run->packed->nactors; p++)
				run->packed->numbers[p] = numbers[run->packed->numbers[p]];
		}
		attribution_add_run(into, run);
		attribution_make_room(into);
	}
	pfree(numbers);
	PG_RETURN_POINTER(into);
}
