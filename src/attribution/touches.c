/*
 * touches.c
 *		Touches and conversions in compact chunks.
 *
 * A touch takes 16 bytes: the journey's key less the base of its chunk in 40 bits,
 * the actor's number in 24, and the time.  A journey that does not fit its
 * chunk's base, or an actor above 2^24, goes into a chunk of wide form.  Chunks
 * grow from 1 kB to 64 kB, so that many small groups cost little, and are never
 * moved: to join two lists is to link them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "attribution/actors.h"
#include "attribution/touches.h"
#include "common/compat.h"

#define FIRST_WORDS 128			/* 1 kB */
#define MOST_WORDS 8192			/* 64 kB */

#define NARROW_JOURNEYS (UINT64CONST(1) << 40)

/* event_words: 8-byte words of an event of this form. */
int
event_words(EventFormat format)
{
	static const int words[EVENT_FORMATS] = {2, 3, 3, 4, 5};

	return words[format];
}

/* events_init: no events. */
void
events_init(EventList *list)
{
	memset(list, 0, sizeof(EventList));
	list->highest = PG_INT64_MIN;
	list->sorted = true;
}

/* events_new_chunk: an empty chunk of so many words behind the list. */
EventChunk *
events_new_chunk(MemoryContext context, EventList *list, EventFormat format, uint32 words)
{
	Size		size = offsetof(EventChunk, words) + (Size) words * sizeof(uint64);
	EventChunk *chunk = MemoryContextAlloc(context, size);

	chunk->next = NULL;
	chunk->base = 0;
	chunk->count = 0;
	chunk->room = words;
	chunk->format = format;
	if (list->last != NULL)
		list->last->next = chunk;
	else
		list->first = chunk;
	list->last = chunk;
	list->bytes += size;
	return chunk;
}

/* Words of the next chunk: twice those of the last. */
static uint32
next_room(const EventList *list)
{
	if (list->last == NULL)
		return FIRST_WORDS;
	return Min(list->last->room * 2, MOST_WORDS);
}

static inline bool
has_room(const EventChunk *chunk, int words)
{
	return (chunk->count + 1) * words <= chunk->room;
}

static inline void
note_journey(EventList *list, int64 journey)
{
	if (journey < list->highest)
		list->sorted = false;
	list->highest = journey;
	list->count++;
}

/* Does a touch fit a narrow chunk? */
static inline bool
fits_narrow(const EventChunk *chunk, const Touch *touch)
{
	return (uint64) touch->journey - (uint64) chunk->base < NARROW_JOURNEYS &&
		touch->journey >= chunk->base && touch->actor < NARROW_ACTORS;
}

/*
 * The chunk for a touch that does not fit the last one: narrow unless the touch
 * is one of those that a narrow chunk, had it just been begun, would not take.
 * Keys that are spread over 64 bits so stay wide.
 */
static EventChunk *
chunk_for(MemoryContext context, EventList *list, const Touch *touch, bool has_event)
{
	EventFormat narrow = has_event ? TOUCH_NARROW_EVENT : TOUCH_NARROW;
	EventFormat wide = has_event ? TOUCH_WIDE_EVENT : TOUCH_WIDE;
	EventChunk *last = list->last;
	EventChunk *chunk;
	bool		misfit = last != NULL && last->format == narrow && !fits_narrow(last, touch);

	if (last != NULL && last->format == wide && has_room(last, event_words(wide)))
		return last;
	if (misfit || touch->actor >= NARROW_ACTORS || (last != NULL && last->format == wide))
		return events_new_chunk(context, list, wide, next_room(list));
	chunk = events_new_chunk(context, list, narrow, next_room(list));
	/* keys usually start near the first, in either direction */
	if (last != NULL)
		chunk->base = last->base;
	else
		chunk->base = touch->journey < PG_INT64_MIN + (int64) (NARROW_JOURNEYS / 2) ?
			PG_INT64_MIN : touch->journey - (int64) (NARROW_JOURNEYS / 2);
	return chunk;
}

/* events_put_touch: one touch more. */
void
events_put_touch(MemoryContext context, EventList *list, const Touch *touch, bool has_event)
{
	EventChunk *chunk = list->last;
	EventFormat narrow = has_event ? TOUCH_NARROW_EVENT : TOUCH_NARROW;
	uint64	   *words;

	if (unlikely(chunk == NULL || chunk->format != narrow || !has_room(chunk, 2 + has_event) ||
				 !fits_narrow(chunk, touch)))
		chunk = chunk_for(context, list, touch, has_event);
	note_journey(list, touch->journey);
	if (likely(chunk->format == narrow))
	{
		words = chunk->words + (Size) chunk->count++ * (2 + has_event);
		words[0] = ((uint64) touch->journey - (uint64) chunk->base) << 24 | touch->actor;
		words[1] = (uint64) touch->at;
		if (has_event)
			words[2] = (uint64) touch->event;
		return;
	}
	words = chunk->words + (Size) chunk->count++ * (3 + has_event);
	words[0] = (uint64) touch->journey;
	words[1] = (uint64) touch->at;
	words[2] = touch->actor;
	if (has_event)
		words[3] = (uint64) touch->event;
}

/* events_put_conversion: one conversion more. */
void
events_put_conversion(MemoryContext context, EventList *list, const Conversion *conversion)
{
	EventChunk *chunk = list->last;
	uint64	   *words;

	if (unlikely(chunk == NULL || !has_room(chunk, 5)))
		chunk = events_new_chunk(context, list, CONVERSION, next_room(list));
	note_journey(list, conversion->journey);
	words = chunk->words + (Size) chunk->count++ * 5;
	words[0] = (uint64) conversion->journey;
	words[1] = (uint64) conversion->at;
	words[2] = (uint64) conversion->event;
	words[3] = (uint64) conversion->units;
	words[4] = conversion->actor | (uint64) conversion->scale << 32 | (uint64) conversion->alone << 40;
}

/* events_append: the chunks of one list behind those of another, which owns them from then on. */
void
events_append(EventList *into, EventList *from)
{
	if (from->first == NULL)
		return;
	if (into->first == NULL)
	{
		*into = *from;
		events_init(from);
		return;
	}
	into->sorted = into->hashed = false;
	into->last->next = from->first;
	into->last = from->last;
	into->count += from->count;
	into->bytes += from->bytes;
	into->highest = from->highest;
	events_init(from);
}

/* events_free: gives the chunks back. */
void
events_free(EventList *list)
{
	EventChunk *chunk = list->first;

	while (chunk != NULL)
	{
		EventChunk *next = chunk->next;

		pfree(chunk);
		chunk = next;
	}
	events_init(list);
}
