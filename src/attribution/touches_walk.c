/*
 * touches_walk.c
 *		From events in any order to journeys, one at a time.
 *
 * Events that came with ascending journeys, as from a clustered table, are
 * merged: one run for each process that read them.  All others are parted by the
 * hash of their journey, first into parts that fit the processor's cache, there
 * into buckets of a journey or two, and each bucket is sorted.  Parallel workers
 * do that with what they read, so that runs in the order of the hash are merged.
 * Which journey comes first is of no matter to what is counted; within a journey
 * touches are in the order of time, event, name of the actor, whatever order the
 * rows had.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "attribution/actors.h"
#include "attribution/touches_sort.h"
#include "common/compat.h"

#define PART_EVENTS 8192		/* 256 kB when taken out */
#define MOST_PARTS 1024
#define BUCKET_EVENTS 2

/*
 * Words of the chunks of parts: with their head 17 and 129 lines of the cache; the
 * ends of chunks whose size is a power of two would all want the same places there.
 */
#define PART_FIRST_WORDS 132
#define PART_WORDS 1028
#define MOST_BUCKETS (1U << 20)

/* Where the next event of a part goes: within the last chunk of its list. */
typedef struct Target
{
	uint64	   *next;
	uint64	   *end;
} Target;

/* Counts what has been put into the last chunk of a part. */
static void
close_target(EventList *part, Target *target)
{
	if (target->next != NULL)
	{
		part->last->count = (uint32) ((target->next - part->last->words) / event_words(part->last->format));
		part->count += part->last->count;
	}
	target->next = target->end = NULL;
}

/* The next chunk of a part, of the form of the one that is read. */
static void
open_target(EventPool *pool, EventList *part, Target *target, const EventChunk *like)
{
	EventChunk *chunk;
	uint32		words = part->last == NULL ? PART_FIRST_WORDS : PART_WORDS;

	close_target(part, target);
	chunk = event_pool_chunk(pool, part, like->format, words);
	chunk->base = like->base;
	target->next = chunk->words;
	target->end = chunk->words + words / event_words(like->format) * event_words(like->format);
}

/* Moves the events of a chunk; width: words of an event, a constant to the compiler. */
static inline void
scatter_chunk(EventPool *pool, const EventChunk *chunk, EventList *parts, Target *targets,
			  int shift, uint32 mask, const int width)
{
	bool		narrow = chunk->format == TOUCH_NARROW || chunk->format == TOUCH_NARROW_EVENT;
	const uint64 *words = chunk->words;

	for (uint32 i = 0; i < chunk->count; i++, words += width)
	{
		int64		journey = (int64) (narrow ? (uint64) chunk->base + (words[0] >> 24) : words[0]);
		uint32		part = (uint32) (journey_hash(journey) >> shift & mask);
		Target	   *target = &targets[part];

		if (unlikely(target->next == target->end))
			open_target(pool, &parts[part], target, chunk);
		for (int w = 0; w < width; w++)
			target->next[w] = words[w];
		target->next += width;
	}
}

/*
 * events_scatter: moves the events of a list into the lists parts[0 .. mask] by
 * the bits of their journeys' hash above "shift", and gives the memory of each
 * chunk back when it has been read; that of the parts is the pool's.
 */
void
events_scatter(EventPool *pool, EventList *from, EventList *parts, int shift, uint32 mask)
{
	EventChunk *chunk = from->first;
	Target	   *targets = palloc0_array(Target, (Size) mask + 1);
	EventFormat format = EVENT_FORMATS;
	int64		base = 0;

	for (uint32 i = 0; i <= mask; i++)
		events_init(&parts[i]);
	while (chunk != NULL)
	{
		EventChunk *next = chunk->next;

		CHECK_FOR_INTERRUPTS();
		if (chunk->format != format || chunk->base != base)
			for (uint32 i = 0; i <= mask; i++)
				close_target(&parts[i], &targets[i]);
		format = chunk->format;
		base = chunk->base;
		switch (event_words(format))
		{
			case 2:
				scatter_chunk(pool, chunk, parts, targets, shift, mask, 2);
				break;
			case 3:
				scatter_chunk(pool, chunk, parts, targets, shift, mask, 3);
				break;
			case 4:
				scatter_chunk(pool, chunk, parts, targets, shift, mask, 4);
				break;
			default:
				scatter_chunk(pool, chunk, parts, targets, shift, mask, 5);
		}
		event_chunk_free(chunk);
		chunk = next;
	}
	for (uint32 i = 0; i <= mask; i++)
	{
		close_target(&parts[i], &targets[i]);
		parts[i].sorted = false;
	}
	pfree(targets);
	events_init(from);
}

/*
 * Touches of a part by bucket: the bits of the hash above "shift" say which.
 * Bucket i is [starts[i], starts[i + 1]).  ranks: NULL leaves the actors' numbers
 * and notes the order.
 */
static void
bucket_touches(const uint32 *ranks, const EventList *list, EventRoom *room, uint32 *starts, uint32 buckets, int shift)
{
	uint32		sum = 0;
	Touch		touch;

	memset(starts, 0, ((Size) buckets + 1) * sizeof(uint32));
	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
		for (uint32 i = 0; i < chunk->count; i++)
		{
			event_touch(chunk, i, &touch);
			starts[journey_hash(touch.journey) >> shift & (buckets - 1)]++;
		}
	for (uint32 i = 0; i < buckets; i++)
	{
		sum += starts[i];
		starts[i] = sum;
	}
	starts[buckets] = sum;
	event_room_touches(room, sum);
	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < chunk->count; i++)
		{
			event_touch(chunk, i, &touch);
			if (ranks != NULL)
				touch.actor = ranks[touch.actor];
			else
				touch.order = journey_order(touch.journey);
			room->touches[--starts[journey_hash(touch.journey) >> shift & (buckets - 1)]] = touch;
		}
	}
}

/* The same for conversions. */
static void
bucket_conversions(const uint32 *ranks, const EventList *list, EventRoom *room, uint32 *starts, uint32 buckets, int shift)
{
	uint32		sum = 0;
	Conversion	conversion;

	memset(starts, 0, ((Size) buckets + 1) * sizeof(uint32));
	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
		for (uint32 i = 0; i < chunk->count; i++)
		{
			event_conversion(chunk, i, &conversion);
			starts[journey_hash(conversion.journey) >> shift & (buckets - 1)]++;
		}
	for (uint32 i = 0; i < buckets; i++)
	{
		sum += starts[i];
		starts[i] = sum;
	}
	starts[buckets] = sum;
	event_room_conversions(room, sum);
	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < chunk->count; i++)
		{
			event_conversion(chunk, i, &conversion);
			if (ranks == NULL)
				conversion.order = journey_order(conversion.journey);
			else if (conversion.actor != NO_ACTOR)
				conversion.actor = ranks[conversion.actor];
			room->conversions[--starts[journey_hash(conversion.journey) >> shift & (buckets - 1)]] = conversion;
		}
	}
}

/* The journeys of one sorted bucket. */
static void
walk_bucket(const JourneyWalk *walk, Touch *touch, const Touch *touch_end,
			Conversion *conversion, const Conversion *conversion_end)
{
	while (touch < touch_end || conversion < conversion_end)
	{
		Touch	   *first_touch = touch;
		Conversion *first_conversion = conversion;
		int64		journey;

		if (touch == touch_end || (conversion < conversion_end && conversion->journey < touch->journey))
			journey = conversion->journey;
		else
			journey = touch->journey;
		while (touch < touch_end && touch->journey == journey)
			touch++;
		while (conversion < conversion_end && conversion->journey == journey)
			conversion++;
		journey_hand_over(walk, 1, first_touch, (uint32) (touch - first_touch),
					 first_conversion, (uint32) (conversion - first_conversion));
	}
}

/* Buckets of about two events, no more than "most". */
static uint32
bucket_count(uint64 events, uint32 most)
{
	uint32		buckets = 1;

	if (events > PG_INT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d events share one part of the journeys", PG_INT32_MAX),
				 errhint("Leave out a collective journey that stands for many.")));
	while (buckets < most && (uint64) buckets * BUCKET_EVENTS < events)
		buckets *= 2;
	return buckets;
}

/* Takes the events of a part out into buckets, and sorts each; the lists are empty then. */
static void
sort_part(const uint32 *ranks, EventList *touches, EventList *conversions, EventRoom *room, uint32 buckets, int shift)
{
	uint32	   *touch_starts;
	uint32	   *conversion_starts;

	room->starts = event_room_grow(room->starts, &room->start_room, 2 * ((uint64) buckets + 1), sizeof(uint32));
	touch_starts = room->starts;
	conversion_starts = room->starts + buckets + 1;
	bucket_touches(ranks, touches, room, touch_starts, buckets, shift);
	events_init(touches);
	bucket_conversions(ranks, conversions, room, conversion_starts, buckets, shift);
	events_init(conversions);
	for (uint32 i = 0; i < buckets; i++)
	{
		uint32		ntouches = touch_starts[i + 1] - touch_starts[i];
		uint32		nconversions = conversion_starts[i + 1] - conversion_starts[i];

		if (ntouches > 1)
			touches_order(room->touches + touch_starts[i], ntouches);
		if (nconversions > 1)
			conversions_order(room->conversions + conversion_starts[i], nconversions);
	}
}

/* One part, bucket by bucket. */
static void
walk_part(const JourneyWalk *walk, EventList *touches, EventList *conversions, EventRoom *room)
{
	uint32		buckets = bucket_count(Max(touches->count, conversions->count), MOST_BUCKETS);
	uint32	   *touch_starts;
	uint32	   *conversion_starts;

	sort_part(walk->ranks, touches, conversions, room, buckets, 0);
	touch_starts = room->starts;
	conversion_starts = room->starts + buckets + 1;
	for (uint32 i = 0; i < buckets; i++)
		walk_bucket(walk, room->touches + touch_starts[i], room->touches + touch_starts[i + 1],
					room->conversions + conversion_starts[i], room->conversions + conversion_starts[i + 1]);
}

/* So many parts that each fits the processor's cache. */
static uint32
part_count(uint64 events)
{
	uint32		parts = 1;

	while (parts < MOST_PARTS && (uint64) parts * PART_EVENTS < events)
		parts *= 2;
	return parts;
}

/* Is any of the events from chunks with an id? */
static bool
have_events(const EventList *touches)
{
	return touches->first != NULL &&
		(touches->first->format == TOUCH_NARROW_EVENT || touches->first->format == TOUCH_WIDE_EVENT);
}

/*
 * events_hash_sort: puts the events of a run into the order of journey_order(),
 * journey, time, so that runs of several processes can be merged.
 */
void
events_hash_sort(MemoryContext context, EventRun *run)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "attribution order", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	uint32		parts = part_count(run->touches.count + run->conversions.count);
	int			part_bits = pg_leftmost_one_pos32(parts);
	bool		has_event = have_events(&run->touches);
	EventList  *touches = palloc_array(EventList, parts);
	EventList  *conversions = palloc_array(EventList, parts);
	EventRoom	room = {0};
	EventRun	result;
	EventPool	pool;

	event_pool_init(&pool, work);
	event_run_init(&result);
	/* a shift by 64 is none */
	events_scatter(&pool, &run->touches, touches, part_bits == 0 ? 0 : 64 - part_bits, parts - 1);
	events_scatter(&pool, &run->conversions, conversions, part_bits == 0 ? 0 : 64 - part_bits, parts - 1);
	for (uint32 i = 0; i < parts; i++)
	{
		uint64		ntouches = touches[i].count;
		uint64		nconversions = conversions[i].count;
		uint32		buckets = bucket_count(Max(ntouches, nconversions), 1U << (ORDER_BITS - part_bits));

		sort_part(NULL, &touches[i], &conversions[i], &room, buckets,
				  part_bits + pg_leftmost_one_pos32(buckets) == 0 ? 0 : 64 - part_bits - pg_leftmost_one_pos32(buckets));
		for (uint64 t = 0; t < ntouches; t++)
			events_put_touch(context, &result.touches, &room.touches[t], has_event);
		for (uint64 c = 0; c < nconversions; c++)
			events_put_conversion(context, &result.conversions, &room.conversions[c]);
	}
	result.touches.sorted = result.conversions.sorted = false;
	result.touches.hashed = result.conversions.hashed = true;
	*run = result;
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* Runs in any order: parted, then part by part. */
static void
walk_hashed(const JourneyWalk *walk, EventRun *runs, int nruns)
{
	EventRun	all = runs[0];
	EventList  *touches;
	EventList  *conversions;
	EventRoom	room = {0};
	uint32		parts;
	EventPool	pool;

	event_pool_init(&pool, CurrentMemoryContext);
	for (int i = 1; i < nruns; i++)
	{
		events_append(&all.touches, &runs[i].touches);
		events_append(&all.conversions, &runs[i].conversions);
	}
	parts = part_count(all.touches.count + all.conversions.count);
	touches = palloc_array(EventList, parts);
	conversions = palloc_array(EventList, parts);
	events_scatter(&pool, &all.touches, touches, PART_SHIFT, parts - 1);
	events_scatter(&pool, &all.conversions, conversions, PART_SHIFT, parts - 1);
	for (uint32 i = 0; i < parts; i++)
		walk_part(walk, &touches[i], &conversions[i], &room);
}

/* The chunks of a list by their part. */
static EventList *
list_parts(EventList *list, int nparts)
{
	EventList  *parts = palloc_array(EventList, nparts);
	EventChunk *chunk = list->first;

	for (int i = 0; i < nparts; i++)
		events_init(&parts[i]);
	while (chunk != NULL)
	{
		EventChunk *next = chunk->next;
		EventList  *part = &parts[chunk->part];

		chunk->next = NULL;
		if (part->last != NULL)
			part->last->next = chunk;
		else
			part->first = chunk;
		part->last = chunk;
		part->count += chunk->count;
		chunk = next;
	}
	events_init(list);
	return parts;
}

/* A run whose chunks are of parts already. */
static void
walk_parts(const JourneyWalk *walk, EventRun *run, int nparts)
{
	EventList  *touches = list_parts(&run->touches, nparts);
	EventList  *conversions = list_parts(&run->conversions, nparts);
	EventRoom	room = {0};

	for (int i = 0; i < nparts; i++)
		walk_part(walk, &touches[i], &conversions[i], &room);
}

/* Events in memory; what is allocated on the way is given back. */
static void
walk_memory(const JourneyWalk *walk, EventRun *runs, int nruns)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "attribution journeys", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	bool		sorted = nruns <= MOST_MERGED;
	bool		hashed = false;

	for (int i = 0; i < nruns; i++)
	{
		sorted = sorted && runs[i].touches.sorted && runs[i].conversions.sorted;
		hashed = hashed || runs[i].touches.hashed;
	}
	if (sorted)
		journeys_merge(walk, runs, nruns, false);
	else if (hashed && nruns <= MOST_MERGED)
	{
		for (int i = 0; i < nruns; i++)
			if (!runs[i].touches.hashed)
				events_hash_sort(work, &runs[i]);
		journeys_merge(walk, runs, nruns, true);
	}
	else
		walk_hashed(walk, runs, nruns);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* The files of a spill one after the other; one that is too large is parted again. */
static void
walk_spill(const JourneyWalk *walk, EventSpill *spill)
{
	bool		deepest = spill->level + 1 >= SPILL_LEVELS;

	for (int way = 0; way < spill->ways; way++)
	{
		MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "attribution file", ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(work);
		EventSpill *next = NULL;
		EventRun	run;
		bool		more;

		event_run_init(&run);
		do
		{
			more = event_spill_read(spill, way, &run, deepest ? SIZE_MAX / 2 : walk->limit);
			if (more && next == NULL)
				next = event_spill_make(work, spill->level + 1);
			if (next != NULL)
				event_spill_run(next, &run);
		} while (more);
		if (next != NULL)
			walk_spill(walk, next);
		else if (spill->parts > 1)
			walk_parts(walk, &run, spill->parts);
		else if (run.touches.count + run.conversions.count > 0)
			walk_memory(walk, &run, 1);
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(work);
	}
}

/*
 * journeys_walk: hands over the events of each journey together.  The events may
 * be in several runs and, with "spill", in files; all of them are consumed.
 * Errors: program_limit_exceeded, out_of_memory, those of temporary files.
 */
void
journeys_walk(const JourneyWalk *walk, EventRun *runs, int nruns, EventSpill *spill)
{
	if (spill == NULL)
	{
		if (nruns > 0)
			walk_memory(walk, runs, nruns);
		return;
	}
	for (int i = 0; i < nruns; i++)
		event_spill_run(spill, &runs[i]);
	walk_spill(walk, spill);
}
