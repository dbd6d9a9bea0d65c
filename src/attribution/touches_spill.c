/*
 * touches_spill.c
 *		Touches and conversions in temporary files, when memory does not hold them.
 *
 * The events of a journey share a hash, whose top bits say in which of 64 files
 * they lie, so each file can be read and worked through by itself.  A file that
 * is still too large is parted again by the next bits.  Files hold chunks as
 * they are in memory.  Where several processes share a spill there are fewer files, by
 * the lower ones of the same bits: each process writes files of its own, and way w is
 * read, from the files of all, by process w modulo their number; the chunks of such a
 * file are parted further, so that its events need not be parted in memory.
 */
#include "postgres.h"

#include <fcntl.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/actors.h"
#include "attribution/touches.h"
#include "common/compat.h"

#define SPILL_BITS 6

/* words of the events of a part that are written together: with the chunk's head 4 kB */
#define WAITING_WORDS 508

/* What stands before the words of a chunk in a file. */
typedef struct ChunkHead
{
	int64		base;
	uint32		count;
	uint16		format;
	uint16		part;
} ChunkHead;

/* event_spill_make: no files yet.  Level 0 is parted by the top bits of the hash. */
EventSpill *
event_spill_make(MemoryContext context, int level)
{
	EventSpill *spill = MemoryContextAllocZero(context, sizeof(EventSpill));

	spill->context = context;
	spill->level = level;
	spill->ways = SPILL_WAYS;
	spill->parts = 1;
	return spill;
}

/*
 * event_spill_share: files that other processes read, or that they have written: one
 * is for writing or for reading.  ways: SHARED_WAYS, or 1 for what one process shall read.
 */
EventSpill *
event_spill_share(MemoryContext context, const EventShare *share, int ways)
{
	EventSpill *spill = event_spill_make(context, 0);

	spill->share = share;
	spill->ways = ways;
	spill->parts = ways > 1 ? SHARED_PARTS : 1;
	return spill;
}

/* The name of a process's file; a process may have both kinds of spills. */
static void
shared_name(char name[MAXPGPATH], const EventSpill *spill, int process, int way)
{
	snprintf(name, MAXPGPATH, "%s.%d.%d.%d", spill->ways > 1 ? "events" : "ends", spill->share->round, process, way);
}

/* Makes the file of a way unless there is one. */
static void
make_file(EventSpill *spill, int way)
{
	MemoryContext caller;
	char		name[MAXPGPATH];

	if (spill->files[way] != NULL)
		return;
	caller = MemoryContextSwitchTo(spill->context);
	if (spill->share == NULL)
		spill->files[way] = BufFileCreateTemp(false);
	else
	{
		shared_name(name, spill, spill->share->self, way);
		spill->files[way] = BufFileCreateFileSet(spill->share->set, name);
	}
	MemoryContextSwitchTo(caller);
}

/* Closes the file of a way, which removes it unless it is shared. */
static void
close_file(EventSpill *spill, int way)
{
	if (spill->files[way] != NULL)
		BufFileClose(spill->files[way]);
	spill->files[way] = NULL;
}

static void
write_chunk(BufFile *file, const EventChunk *chunk)
{
	ChunkHead	head = {chunk->base, chunk->count, (uint16) chunk->format, (uint16) chunk->part};

	BufFileWrite(file, &head, sizeof(head));
	BufFileWrite(file, unconstify(EventChunk *, chunk)->words,
				 (Size) chunk->count * event_words(chunk->format) * sizeof(uint64));
}

/* Appends the chunks of a list, which is empty then, to the file of a way. */
static void
write_list(EventSpill *spill, int way, EventList *list)
{
	if (list->first == NULL)
		return;
	make_file(spill, way);
	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		write_chunk(spill->files[way], chunk);
	}
	events_init(list);
}

/* Writes the events of a chunk that waits. */
static void
write_waiting(EventSpill *spill, int way, EventChunk *chunk)
{
	if (chunk->count == 0)
		return;
	make_file(spill, way);
	write_chunk(spill->files[way], chunk);
	chunk->count = 0;
}

/* Makes a chunk for each way and part. */
static EventChunk **
make_waiting(EventSpill *spill)
{
	int			count = spill->ways * spill->parts;
	EventChunk **waiting = MemoryContextAlloc(spill->context, count * sizeof(EventChunk *));

	for (int i = 0; i < count; i++)
	{
		EventList	list;

		events_init(&list);
		waiting[i] = events_new_chunk(spill->context, &list, CONVERSION, WAITING_WORDS);
		waiting[i]->part = (uint32) (i % spill->parts);
	}
	return waiting;
}

/* Lets all wait for events of the form of a chunk. */
static void
begin_waiting(EventSpill *spill, EventChunk **waiting, const EventChunk *like)
{
	if (waiting[0]->format == like->format && waiting[0]->base == like->base)
		return;
	for (int i = 0; i < spill->ways * spill->parts; i++)
	{
		write_waiting(spill, i / spill->parts, waiting[i]);
		waiting[i]->format = like->format;
		waiting[i]->base = like->base;
	}
}

/* Moves the events of a chunk; width: words of an event, a constant to the compiler. */
static inline void
scatter_chunk(EventSpill *spill, EventChunk **waiting, const EventChunk *chunk, const int width)
{
	bool		narrow = chunk->format == TOUCH_NARROW || chunk->format == TOUCH_NARROW_EVENT;
	int			shift = 64 - SPILL_BITS * (spill->level + 1);
	uint32		ways = (uint32) spill->ways;
	uint32		parts = (uint32) spill->parts;
	const uint64 *words = chunk->words;

	for (uint32 i = 0; i < chunk->count; i++, words += width)
	{
		int64		journey = (int64) (narrow ? (uint64) chunk->base + (words[0] >> 24) : words[0]);
		uint64		hash = journey_hash(journey);
		uint32		way = (uint32) (hash >> shift) & (ways - 1);
		uint32		part = (uint32) (hash >> PART_SHIFT) & (parts - 1);
		EventChunk *target = waiting[way * parts + part];

		for (int w = 0; w < width; w++)
			target->words[target->count * width + w] = words[w];
		target->count++;
		if (unlikely(!event_has_room(target, width)))
			write_waiting(spill, (int) way, target);
	}
}

/*
 * event_spill_scatter: copies the events of a small run to the files, by way of a little
 * memory that the processor's cache holds.
 */
void
event_spill_scatter(EventSpill *spill, const EventRun *run)
{
	spill->used = true;
	for (int kind = 0; kind < 2; kind++)
	{
		const EventList *list = kind == 0 ? &run->touches : &run->conversions;
		EventChunk **waiting;

		if (list->count == 0)
			continue;
		if (spill->waiting[kind] == NULL)
			spill->waiting[kind] = make_waiting(spill);
		waiting = spill->waiting[kind];
		for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
		{
			CHECK_FOR_INTERRUPTS();
			begin_waiting(spill, waiting, chunk);
			switch (event_words(chunk->format))
			{
				case 2:
					scatter_chunk(spill, waiting, chunk, 2);
					break;
				case 3:
					scatter_chunk(spill, waiting, chunk, 3);
					break;
				case 4:
					scatter_chunk(spill, waiting, chunk, 4);
					break;
				default:
					scatter_chunk(spill, waiting, chunk, 5);
			}
		}
	}
}

/* event_spill_run: moves all events of a run into the files; their memory is given back. */
void
event_spill_run(EventSpill *spill, EventRun *run)
{
	int			shift = 64 - SPILL_BITS * (spill->level + 1);
	EventList	parts[SPILL_WAYS];
	MemoryContext work;
	EventPool	pool;

	if (spill->share != NULL)
	{
		event_spill_scatter(spill, run);
		events_free(&run->touches);
		events_free(&run->conversions);
		return;
	}
	spill->used = true;
	work = AllocSetContextCreate(CurrentMemoryContext, "attribution parts", ALLOCSET_SMALL_SIZES);
	event_pool_init(&pool, work);
	for (int kind = 0; kind < 2; kind++)
	{
		events_scatter(&pool, kind == 0 ? &run->touches : &run->conversions,
					   parts, shift, spill->ways - 1);
		for (int way = 0; way < spill->ways; way++)
			write_list(spill, way, &parts[way]);
	}
	MemoryContextDelete(work);
}

/* event_spill_export: writes what waits, and lets the other processes read the files. */
void
event_spill_export(EventSpill *spill)
{
	for (int kind = 0; kind < 2; kind++)
		for (int i = 0; spill->waiting[kind] != NULL && i < spill->ways * spill->parts; i++)
			write_waiting(spill, i / spill->parts, spill->waiting[kind][i]);
	for (int way = 0; way < spill->ways; way++)
		if (spill->files[way] != NULL)
		{
			BufFileExportFileSet(spill->files[way]);
			close_file(spill, way);
		}
}

/* Opens the next file of a way that there is; false when all have been read. */
static bool
open_next(EventSpill *spill, int way)
{
	const EventShare *share = spill->share;
	MemoryContext caller;

	if (share == NULL || way % share->processes != share->self)
		return false;
	caller = MemoryContextSwitchTo(spill->context);
	while (spill->files[way] == NULL && spill->source[way] < share->processes)
	{
		char		name[MAXPGPATH];

		shared_name(name, spill, spill->source[way]++, way);
		spill->files[way] = BufFileOpenFileSet(share->set, name, O_RDONLY, true);
	}
	MemoryContextSwitchTo(caller);
	return spill->files[way] != NULL;
}

/* Reads a chunk behind its head. */
static void
read_chunk(const EventSpill *spill, int way, EventRun *run, const ChunkHead *head)
{
	EventFormat format = (EventFormat) head->format;
	EventList  *list = format == CONVERSION ? &run->conversions : &run->touches;
	uint32		words = head->count * event_words(format);
	EventChunk *chunk = events_new_chunk(CurrentMemoryContext, list, format, words);

	chunk->base = head->base;
	chunk->part = head->part;
	BufFileReadExact(spill->files[way], chunk->words, (Size) words * sizeof(uint64));
	chunk->count = head->count;
	list->count += head->count;
	list->sorted = false;
	if (spill->share != NULL)
		event_chunk_renumber(chunk, spill->share->numbers[spill->source[way] - 1]);
}

/*
 * event_spill_read: adds events of a way to a run in current memory until they
 * are more than so many bytes.  Returns false when the files of the way are at their
 * end, and then has closed them.
 */
bool
event_spill_read(EventSpill *spill, int way, EventRun *run, Size most)
{
	ChunkHead	head;

	if (spill->files[way] == NULL && !open_next(spill, way))
		return false;
	if (spill->share == NULL && !spill->reading[way] && BufFileSeek(spill->files[way], 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind temporary file of attribution")));
	spill->reading[way] = true;
	while (run->touches.bytes + run->conversions.bytes <= most)
	{
		size_t		got = BufFileRead(spill->files[way], &head, sizeof(head));

		CHECK_FOR_INTERRUPTS();
		if (got == 0)
		{
			close_file(spill, way);
			if (!open_next(spill, way))
				return false;
			continue;
		}
		if (got != sizeof(head))
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from temporary file of attribution")));
		read_chunk(spill, way, run, &head);
	}
	return true;
}

/* event_spill_discard: removes the files that this process has written; nobody has read them. */
void
event_spill_discard(EventSpill *spill)
{
	for (int way = 0; way < spill->ways; way++)
	{
		char		name[MAXPGPATH];

		if (spill->files[way] == NULL)
			continue;
		close_file(spill, way);
		if (spill->share == NULL)
			continue;
		shared_name(name, spill, spill->share->self, way);
		BufFileDeleteFileSet(spill->share->set, name, false);
	}
}
