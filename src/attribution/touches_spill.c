/*
 * touches_spill.c
 *		Touches and conversions in temporary files, when memory does not hold them.
 *
 * The events of a journey share a hash, whose top bits say in which of 64 files
 * they lie, so each file can be read and worked through by itself.  A file that
 * is still too large is parted again by the next bits.  Files hold chunks as
 * they are in memory.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/actors.h"
#include "attribution/touches.h"
#include "common/compat.h"

#define SPILL_BITS 6

/* What stands before the words of a chunk in a file. */
typedef struct ChunkHead
{
	int64		base;
	uint32		count;
	uint32		format;
} ChunkHead;

/* event_spill_make: no files yet.  Level 0 is parted by the top bits of the hash. */
EventSpill *
event_spill_make(MemoryContext context, int level)
{
	EventSpill *spill = MemoryContextAllocZero(context, sizeof(EventSpill));

	spill->context = context;
	spill->level = level;
	return spill;
}

/* Appends the chunks of a list, which is empty then, to the file of a way. */
static void
write_list(EventSpill *spill, int way, EventList *list)
{
	if (list->first == NULL)
		return;
	if (spill->files[way] == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(spill->context);

		spill->files[way] = BufFileCreateTemp(false);
		MemoryContextSwitchTo(caller);
	}
	for (EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
	{
		ChunkHead	head = {chunk->base, chunk->count, chunk->format};

		CHECK_FOR_INTERRUPTS();
		BufFileWrite(spill->files[way], &head, sizeof(head));
		BufFileWrite(spill->files[way], chunk->words,
					 (Size) chunk->count * event_words(chunk->format) * sizeof(uint64));
	}
	events_init(list);
}

/* event_spill_run: moves all events of a run into the files. */
void
event_spill_run(EventSpill *spill, EventRun *run)
{
	int			shift = 64 - SPILL_BITS * (spill->level + 1);
	EventList	parts[SPILL_WAYS];
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "attribution parts", ALLOCSET_SMALL_SIZES);
	EventPool	pool;

	event_pool_init(&pool, work);
	for (int kind = 0; kind < 2; kind++)
	{
		events_scatter(&pool, kind == 0 ? &run->touches : &run->conversions,
					   parts, shift, SPILL_WAYS - 1);
		for (int way = 0; way < SPILL_WAYS; way++)
			write_list(spill, way, &parts[way]);
	}
	MemoryContextDelete(work);
}

/*
 * event_spill_read: adds events of a way to a run in current memory until they
 * are more than so many bytes.  Returns false when the file is at its end, and
 * then closes it.
 */
bool
event_spill_read(EventSpill *spill, int way, EventRun *run, Size most)
{
	BufFile    *file = spill->files[way];
	ChunkHead	head;

	if (file == NULL)
		return false;
	if (!spill->reading[way] && BufFileSeek(file, 0, 0, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not rewind temporary file of attribution")));
	spill->reading[way] = true;
	while (run->touches.bytes + run->conversions.bytes <= most)
	{
		size_t		got = BufFileRead(file, &head, sizeof(head));
		EventList  *list;
		EventChunk *chunk;
		uint32		words;

		CHECK_FOR_INTERRUPTS();
		if (got == 0)
		{
			event_spill_close(spill, way);
			return false;
		}
		if (got != sizeof(head))
			ereport(ERROR,
					(errcode_for_file_access(),
					 errmsg("could not read from temporary file of attribution")));
		list = head.format == CONVERSION ? &run->conversions : &run->touches;
		words = head.count * event_words((EventFormat) head.format);
		chunk = events_new_chunk(CurrentMemoryContext, list, (EventFormat) head.format, words);
		chunk->base = head.base;
		BufFileReadExact(file, chunk->words, (Size) words * sizeof(uint64));
		chunk->count = head.count;
		list->count += head.count;
		list->sorted = false;
	}
	return true;
}

/* event_spill_close: closes the file of a way, which removes it. */
void
event_spill_close(EventSpill *spill, int way)
{
	if (spill->files[way] != NULL)
		BufFileClose(spill->files[way]);
	spill->files[way] = NULL;
}
