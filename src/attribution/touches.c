/*
 * touches.c
 *		Touches and conversions in compact chunks.
 *
 * A touch takes 16 bytes: the journey's key less the base of its chunk in 40 bits,
 * the actor's number in 24, and the time.  A journey that does not fit its
 * chunk's base, or an actor above 2^24, goes into a chunk of wide form.  Chunks
 * grow from 1 kB to 64 kB, so that many small groups cost little; those of a large
 * list are whole huge pages, up to 8 MB.  They are never moved: to join two lists
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
#define MOST_PAGES 4			/* 8 MB */
#define FIRST_SLAB (64 * 1024)
#define MOST_SLAB ((Size) 4 * 1024 * 1024)
#define LARGE_LIST (OMNI_HUGE_PAGE / 2)
#define LIST_PARTS 8			/* a large chunk is no more than this part of its list, or a page */

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
	chunk->part = 0;
	if (list->last != NULL)
		list->last->next = chunk;
	else
		list->first = chunk;
	list->last = chunk;
	list->bytes += offsetof(EventChunk, words) + (Size) words * sizeof(uint64);
}

static inline Size
chunk_size(uint32 words)
{
	return offsetof(EventChunk, words) + (Size) words * sizeof(uint64);
}

/* events_new_chunk: an empty chunk of so many words behind the list, for event_chunk_free(). */
EventChunk *
events_new_chunk(MemoryContext context, EventList *list, EventFormat format, uint32 words)
{
	Size		size = chunk_size(words);
	EventChunk *chunk = size < OMNI_HUGE_PAGE ? MemoryContextAlloc(context, size) : omni_lines_alloc(context, size);

	link_chunk(list, chunk, format, words);
	return chunk;
}

/* event_chunk_free: gives a chunk of events_new_chunk() back. */
void
event_chunk_free(EventChunk *chunk)
{
	if (chunk_size(chunk->room) < OMNI_HUGE_PAGE)
		pfree(chunk);
	else
		omni_lines_free(chunk);
}

/* events_free: forgets the events of a list and gives its chunks back. */
void
events_free(EventList *list)
{
	while (list->first != NULL)
	{
		EventChunk *next = list->first->next;

		event_chunk_free(list->first);
		list->first = next;
	}
	events_init(list);
}

/*
 * events_clear: forgets the events of a list, which finds room for the next ones, so
 * many words, in one chunk and, from then on, in the same memory.
 */
void
events_clear(MemoryContext context, EventList *list, uint32 words)
{
	EventChunk *chunk = list->last;

	if (chunk == NULL)
		return;
	if (chunk != list->first || chunk->room < words)
	{
		EventFormat format = chunk->format;
		int64		base = chunk->base;

		events_free(list);
		chunk = events_new_chunk(context, list, format, Max(words, FIRST_WORDS));
		chunk->base = base;
		return;
	}
	chunk->count = 0;
	list->count = 0;
	list->sorted = true;
	list->highest = PG_INT64_MIN;
}

/* Words of the next chunk: twice those of the last, then whole huge pages, a part of the list. */
static uint32
next_room(const EventList *list)
{
	Size		pages;

	if (list->last == NULL)
		return FIRST_WORDS;
	if (list->bytes < LARGE_LIST)
		return Min(list->last->room * 2, MEDIUM_WORDS);
	pages = Min(list->bytes / LIST_PARTS / OMNI_HUGE_PAGE, MOST_PAGES);
	return (uint32) ((Max(pages, 1) * OMNI_HUGE_PAGE - offsetof(EventChunk, words)) / sizeof(uint64));
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

/* event_chunk_renumber: gives the actors of events other numbers, where they stand. */
void
event_chunk_renumber(EventChunk *chunk, const uint32 *numbers)
{
	int			width = event_words(chunk->format);
	uint64	   *words = chunk->words;

	for (uint32 i = 0; i < chunk->count; i++, words += width)
	{
		if (chunk->format == TOUCH_NARROW || chunk->format == TOUCH_NARROW_EVENT)
			words[0] = (words[0] & ~(uint64) (NARROW_ACTORS - 1)) | numbers[words[0] & (NARROW_ACTORS - 1)];
		else if (chunk->format != CONVERSION)
			words[2] = numbers[words[2]];
		else if ((uint32) words[4] != NO_ACTOR)
			words[4] = (words[4] & ~(uint64) PG_UINT32_MAX) | numbers[(uint32) words[4]];
	}
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
