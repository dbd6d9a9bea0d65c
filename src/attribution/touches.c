/*
 * touches.c
 *		Touches and conversions in compact chunks.
 *
 * A touch takes 16 bytes: the journey's key less the base of its chunk in 40 bits,
 * the actor's number in 24, and the time.  A journey that does not fit its
 * chunk's base, or an actor above 2^24, goes into a chunk of wide form.  Chunks
 * grow from 1 kB to 64 kB, so that many small groups cost little, and with the list
 * to 8 MB, so that they lie in huge pages.  They are never moved: to join two lists
 * is to link them.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "attribution/actors.h"
#include "attribution/touches.h"
#include "common/compat.h"
#include "common/memory.h"

#define FIRST_WORDS 128			/* 1 kB */
#define MEDIUM_WORDS 8192		/* 64 kB */
#define MOST_WORDS (1024 * 1024)	/* 8 MB */
#define FIRST_SLAB (64 * 1024)
#define MOST_SLAB ((Size) 4 * 1024 * 1024)
#define LIST_PARTS 8			/* a large chunk is no more than this part of its list */

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

/* event_run_init: no events of either kind. */
void
event_run_init(EventRun *run)
{
	events_init(&run->touches);
	events_init(&run->conversions);
	run->packed = NULL;
	run->tally = NULL;
}

/* event_run_count: how many events there are. */
uint64
event_run_count(const EventRun *run)
{
	return run->touches.count + run->conversions.count + (run->packed != NULL ? run->packed->count : 0);
}

/* event_run_bytes: the memory that the events take. */
Size
event_run_bytes(const EventRun *run)
{
	return run->touches.bytes + run->conversions.bytes + (run->packed != NULL ? run->packed->size : 0);
}

/* Begins a chunk of so many words behind the list. */
static void
link_chunk(EventList *list, EventChunk *chunk, EventFormat format, uint32 words)
{
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
	list->bytes += offsetof(EventChunk, words) + (Size) words * sizeof(uint64);
}

/* events_new_chunk: an empty chunk of so many words behind the list, which pfree() gives back. */
EventChunk *
events_new_chunk(MemoryContext context, EventList *list, EventFormat format, uint32 words)
{
	Size		size = offsetof(EventChunk, words) + (Size) words * sizeof(uint64);
	EventChunk *chunk = MemoryContextAllocHuge(context, size);

	omni_wish_huge_pages(chunk, size);
	link_chunk(list, chunk, format, words);
	return chunk;
}

/* Words of the next chunk: twice those of the last, then a part of the list. */
static uint32
next_room(const EventList *list)
{
	if (list->last == NULL)
		return FIRST_WORDS;
	return Max(Min(list->last->room * 2, MEDIUM_WORDS),
			   Min(list->bytes / (LIST_PARTS * sizeof(uint64)), MOST_WORDS));
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
	bool		misfit = last != NULL && last->format == narrow && !event_fits_narrow(last, touch);

	if (last != NULL && last->format == wide && event_has_room(last, event_words(wide)))
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

/* events_put_touch_anew: one touch more, which does not fit the last chunk as it is. */
void
events_put_touch_anew(MemoryContext context, EventList *list, const Touch *touch, bool has_event)
{
	EventChunk *chunk = chunk_for(context, list, touch, has_event);
	uint64	   *words;

	event_note_journey(list, touch->journey);
	if (chunk->format == (has_event ? TOUCH_NARROW_EVENT : TOUCH_NARROW))
	{
		event_put_narrow(chunk, touch, has_event);
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

	if (unlikely(chunk == NULL || !event_has_room(chunk, 5)))
		chunk = events_new_chunk(context, list, CONVERSION, next_room(list));
	event_note_journey(list, conversion->journey);
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

/* event_pool_init: no memory yet; what comes goes with the context. */
void
event_pool_init(EventPool *pool, MemoryContext context)
{
	pool->context = context;
	pool->next = NULL;
	pool->left = 0;
	pool->slab = FIRST_SLAB;
}

/* event_pool_chunk: an empty chunk of so many words behind a list, never to be freed by itself. */
EventChunk *
event_pool_chunk(EventPool *pool, EventList *list, EventFormat format, uint32 words)
{
	Size		size = TYPEALIGN(OMNI_LINE, offsetof(EventChunk, words) + (Size) words * sizeof(uint64));
	EventChunk *chunk;

	if (size > pool->left)
	{
		pool->left = Max(size, pool->slab);
		pool->next = omni_lines_alloc(pool->context, pool->left);
		pool->slab = Min(pool->slab * 2, MOST_SLAB);
	}
	chunk = (EventChunk *) pool->next;
	pool->next += size;
	pool->left -= size;
	link_chunk(list, chunk, format, words);
	return chunk;
}
