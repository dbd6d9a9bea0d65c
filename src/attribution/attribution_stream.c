/*
 * attribution_stream.c
 *		Journeys that are walked while the rows of a table are still read.
 *
 * As long as journeys never go down, as in a table that is clustered by journey, a
 * journey is complete as soon as a higher one comes.  So rows are kept for a window
 * that the processor's cache holds, and its journeys are walked but for the last one.
 * Journeys at the ends of a stretch (attribution_scan.c) are held back: another process
 * may have rows of theirs.  Actors are numbered by name; when the window has new ones,
 * or values with more decimals, what has been counted is moved to a walker that knows
 * them, and the window grows, so that this happens seldom.
 *
 * A table whose order breaks later has to be read again (lost).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/attribution_table.h"
#include "common/compat.h"

/* 512 kB; less where memory is scarce, in which an event may take so many bytes */
#define FIRST_WINDOW 32768
#define MOST_BYTES 80

/*
 * stream_begin: a stream of the rows that the state will take, in current memory.
 * stretches: as attribution_scan() notes them, ends: for the journeys there; both are NULL
 * when this process reads all rows.
 */
void
stream_begin(JourneyStream *stream, AttributionState *state, const StretchList *stretches, EventSpill *ends)
{
	memset(stream, 0, sizeof(JourneyStream));
	stream->state = state;
	stream->context = CurrentMemoryContext;
	stream->window = stream->first_window = Min(FIRST_WINDOW, state->path_limit / MOST_BYTES);
	stream->stretches = stretches;
	stream->ends = ends;
	state->in_order = true;
	event_run_init(&stream->held);
	event_run_init(&stream->next);
}

/*
 * stream_is_ordered: have all rows so far been in the order of journeys, and are those
 * that have not been walked in memory?
 */
bool
stream_is_ordered(const JourneyStream *stream)
{
	const AttributionState *state = stream->state;
	const EventRun *run = &state->runs[0];

	return !stream->lost && !stream->scatter && run->touches.sorted && run->conversions.sorted &&
		(state->spill == NULL || !state->spill->used) &&
		(stream->stretches == NULL || !stream->stretches->full);
}

/* Makes a walker that knows all actors and decimals so far, with what has been counted. */
static void
renew_walker(JourneyStream *stream)
{
	AttributionState *state = stream->state;
	JourneyWalker *before = stream->walker;
	MemoryContext stage = stream->stage;
	uint32	   *numbers = stream->numbers;
	MemoryContext caller;

	if (before != NULL && before->summary->nactors == omni_actors_count(state->actors) &&
		before->summary->scale == state->scale)
		return;
	/* few events wait at a time: paths may have the memory that all of them would take */
	if (before == NULL)
	{
		Size		limit = state->limit;

		state->limit = state->path_limit;
		state->path_limit = limit;
	}
	stream->stage = AllocSetContextCreate(stream->context, "attribution walker", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(stream->stage);
	stream->walker = attribution_walker(state, &stream->walk);
	stream->numbers = omni_actors_by_name(state->actors);
	if (before != NULL)
	{
		for (uint32 i = 0; i < before->summary->nactors; i++)
			numbers[i] = stream->walk.ranks[numbers[i]];
		attribution_move(stream->walker, before, numbers);
		paths_free(before->paths);
		MemoryContextDelete(stage);
		stream->window *= 2;
	}
	MemoryContextSwitchTo(caller);
}

/* Puts the events of a journey, whose actors are ranks, into a run. */
static void
keep_journey(const JourneyStream *stream, EventRun *run, Touch *touches, uint32 ntouches,
			 Conversion *conversions, uint32 nconversions)
{
	for (uint32 i = 0; i < ntouches; i++)
	{
		touches[i].actor = stream->numbers[touches[i].actor];
		events_put_touch(stream->context, &run->touches, &touches[i], stream->state->has_events);
	}
	for (uint32 i = 0; i < nconversions; i++)
	{
		if (conversions[i].actor != NO_ACTOR)
			conversions[i].actor = stream->numbers[conversions[i].actor];
		events_put_conversion(stream->context, &run->conversions, &conversions[i]);
	}
}

/* Does a stretch begin or end with a journey?  They come in ascending order. */
static bool
is_at_an_end(JourneyStream *stream, int64 journey)
{
	const StretchList *list = stream->stretches;

	if (list == NULL)
		return false;
	while (stream->stretch < list->count && list->items[stream->stretch].highest < journey)
		stream->stretch++;
	return stream->stretch < list->count &&
		(list->items[stream->stretch].lowest == journey || list->items[stream->stretch].highest == journey);
}

/* A journey of the window. */
static void
take_journey(void *taker, int sign, Touch *touches, uint32 ntouches,
			 Conversion *conversions, uint32 nconversions)
{
	JourneyStream *stream = taker;
	int64		journey = ntouches > 0 ? touches[0].journey : conversions[0].journey;
	bool		alone = ntouches == 0 && conversions[0].alone;

	if (!alone && !stream->is_last && journey == stream->highest)
		keep_journey(stream, &stream->next, touches, ntouches, conversions, nconversions);
	else if (!alone && is_at_an_end(stream, journey))
		keep_journey(stream, &stream->held, touches, ntouches, conversions, nconversions);
	else
		stream->walk.take(stream->walk.taker, sign, touches, ntouches, conversions, nconversions);
}

/* Puts the events of one run into another, which has room for them. */
static void
carry_over(const JourneyStream *stream, EventRun *into, const EventRun *from)
{
	for (const EventChunk *chunk = from->touches.first; chunk != NULL; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < chunk->count; i++)
		{
			Touch		touch;

			event_touch(chunk, i, &touch);
			events_put_touch(stream->context, &into->touches, &touch, stream->state->has_events);
		}
	}
	for (const EventChunk *chunk = from->conversions.first; chunk != NULL; chunk = chunk->next)
		for (uint32 i = 0; i < chunk->count; i++)
		{
			Conversion	conversion;

			event_conversion(chunk, i, &conversion);
			events_put_conversion(stream->context, &into->conversions, &conversion);
		}
}

/* Forgets the events of a run, which gets room for so many touches, and a conversion for each eight. */
static void
clear_run(const JourneyStream *stream, EventRun *run, uint32 events)
{
	EventFormat format = stream->state->has_events ? TOUCH_NARROW_EVENT : TOUCH_NARROW;

	events_clear(stream->context, &run->touches, events * event_words(format));
	events_clear(stream->context, &run->conversions, events / 8 * event_words(CONVERSION));
}

/* Walks the window; what is kept of it begins the next one. */
static void
walk_window(JourneyStream *stream)
{
	EventRun   *run = &stream->state->runs[0];
	MemoryContext work = AllocSetContextCreate(stream->context, "attribution window", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	JourneyWalk walk;

	renew_walker(stream);
	clear_run(stream, &stream->next, 0);
	stream->highest = Max(run->touches.highest, run->conversions.highest);
	walk = stream->walk;
	walk.take = take_journey;
	walk.taker = stream;
	journeys_merge(&walk, run, 1, false);
	if (event_run_bytes(&stream->held) > stream->state->limit)
		event_spill_run(stream->ends, &stream->held);
	clear_run(stream, run, stream->first_window);
	carry_over(stream, run, &stream->next);
	/* what comes next must not belong to a journey that has been walked */
	run->touches.highest = run->conversions.highest = stream->highest;
	stream->walked = true;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* Rows are not in order, here or elsewhere. */
static void
end_order(JourneyStream *stream)
{
	AttributionState *state = stream->state;

	state->in_order = false;
	stream->lost = stream->walked;
	stream->scatter = state->spill != NULL;
	if (!stream->scatter)
		stream->window = UINT64_MAX;
	if (stream->found != NULL)
		(void) pg_atomic_fetch_or_u32(stream->found, stream->lost ? STREAM_LOST : STREAM_DISORDER);
}

/*
 * stream_window: walks the journeys that are complete, while rows are in order.  Else
 * rows are kept from now on, or go to the files that processes share; when it is too
 * late for that, the stream is lost, and so are those of all.
 * Errors: numeric_value_out_of_range, out_of_memory, those of temporary files.
 */
void
stream_window(JourneyStream *stream)
{
	AttributionState *state = stream->state;
	uint32		found = stream->found != NULL ? pg_atomic_read_u32(stream->found) : 0;

	if (!stream->scatter && (found != 0 || !stream_is_ordered(stream)))
		end_order(stream);
	/* all is read again */
	if (found & STREAM_LOST)
		stream->lost = true;
	if (stream->lost)
		return;
	if (stream->scatter)
	{
		event_spill_scatter(state->spill, &state->runs[0]);
		clear_run(stream, &state->runs[0], stream->first_window);
		return;
	}
	if (stream->window == UINT64_MAX)
		return;
	walk_window(stream);
	/* a journey that is longer than the window is not to be looked at for each of its rows */
	stream->window = Max(stream->window, event_run_count(&state->runs[0]) * 2);
}

/* stream_discard: gives up what has been walked, and its temporary files. */
void
stream_discard(JourneyStream *stream)
{
	if (stream->walker != NULL)
		paths_free(stream->walker->paths);
	stream->walker = NULL;
	if (stream->ends != NULL)
		event_spill_discard(stream->ends);
}

/*
 * stream_end: walks what is left, but for the journeys that are held back; all actors
 * and decimals are known by now.  The stream must be in order.
 * Errors: as of stream_window().
 */
void
stream_end(JourneyStream *stream)
{
	stream->is_last = true;
	walk_window(stream);
}
