/*
 * touches_pack.c
 *		Touches on their way from one process to another: about half as many bytes.
 *
 * Touches of ascending journeys follow each other in blocks.  A touch is a byte that
 * tells how much its journey is above the one before (0 to 14, 15: eight bytes follow)
 * and how many bytes the difference of the times takes; then its actor, in one byte or
 * four, that difference with its sign folded, and the id of the event where there are
 * such.  A block begins with its journeys, so that whoever looks for a journey takes
 * out only the blocks where it may be.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "attribution/actors.h"
#include "attribution/touches.h"
#include "common/compat.h"
#include "common/memory.h"

#define FAR_JOURNEY 15

/* most bytes of a touch, which are read whatever it takes */
#define MOST_TOUCH 29

/* What stands before the touches of a block. */
typedef struct BlockHead
{
	int64		first;			/* journey */
	int64		last;
	int64		at;				/* of the first touch */
	uint32		count;
	uint32		size;			/* bytes after the head */
} BlockHead;

/* The lowest byte first, whatever the machine's order. */
static inline void
put_word(uint8 *at, uint64 word)
{
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	memcpy(at, &word, sizeof(word));
}

static inline uint64
take_word(const uint8 *at)
{
	uint64		word;

	memcpy(&word, at, sizeof(word));
#ifdef WORDS_BIGENDIAN
	word = pg_bswap64(word);
#endif
	return word;
}

/* Bytes of an actor. */
static inline int
actor_bytes(uint32 nactors)
{
	return nactors <= 256 ? 1 : 4;
}

/* events_packed_bound: more bytes than touches take when they are packed. */
Size
events_packed_bound(const EventList *list)
{
	return list->count * MOST_TOUCH + (list->count / PACKED_BLOCK + 1) * sizeof(BlockHead) + sizeof(uint64);
}

/* Writes a touch behind another one; returns where the next goes. */
static inline uint8 *
put_touch(uint8 *at, const Touch *touch, int64 journey, int64 time, int width, bool has_event)
{
	uint64		above = (uint64) touch->journey - (uint64) journey;
	uint64		later = (uint64) touch->at - (uint64) time;
	uint64		folded = later << 1 ^ (uint64) ((int64) later >> 63);
	int			bytes = pg_leftmost_one_pos64(folded | 1) / 8 + 1;
	uint8	   *control = at++;

	*control = (uint8) (Min(above, FAR_JOURNEY) << 4 | bytes);
	if (unlikely(above >= FAR_JOURNEY))
	{
		put_word(at, above);
		at += sizeof(uint64);
	}
	put_word(at, touch->actor);
	at += width;
	put_word(at, folded);
	at += bytes;
	if (has_event)
	{
		put_word(at, (uint64) touch->event);
		at += sizeof(uint64);
	}
	return at;
}

/*
 * events_pack: writes the touches of a list of ascending journeys to memory of
 * events_packed_bound(); returns how many bytes they take.  Actors: numbers below
 * "nactors".
 */
Size
events_pack(const EventList *list, uint32 nactors, bool has_event, char *memory)
{
	uint8	   *at = (uint8 *) memory;
	uint8	   *block = NULL;
	int			width = actor_bytes(nactors);
	BlockHead	head = {0};
	Touch		before = {0};
	Touch		touch;

	for (const EventChunk *chunk = list->first; chunk != NULL; chunk = chunk->next)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < chunk->count; i++)
		{
			event_touch(chunk, i, &touch);
			if (block == NULL || head.count == PACKED_BLOCK)
			{
				if (block != NULL)
				{
					head.last = before.journey;
					head.size = (uint32) (at - block - sizeof(head));
					memcpy(block, &head, sizeof(head));
				}
				head.first = touch.journey;
				head.at = touch.at;
				head.count = 0;
				before = touch;
				block = at;
				at += sizeof(head);
			}
			at = put_touch(at, &touch, before.journey, before.at, width, has_event);
			head.count++;
			before = touch;
		}
	}
	if (block != NULL)
	{
		head.last = before.journey;
		head.size = (uint32) (at - block - sizeof(head));
		memcpy(block, &head, sizeof(head));
	}
	return (Size) (at - (uint8 *) memory);
}

/*
 * events_packed_read: packed touches of another process, in this context; numbers of
 * actors are as they were there.  NULL when they are not as they must be.
 */
PackedTouches *
events_packed_read(MemoryContext context, const char *bytes, Size size, uint32 nactors, bool has_event)
{
	PackedTouches *packed = MemoryContextAllocZero(context, sizeof(PackedTouches));
	const char *at;
	uint32		room = 64;

	packed->bytes = MemoryContextAllocHuge(context, size + MOST_TOUCH);
	omni_wish_huge_pages(packed->bytes, size);
	memcpy(packed->bytes, bytes, size);
	packed->size = size;
	packed->has_event = has_event;
	packed->nactors = nactors;
	packed->numbers = MemoryContextAllocHuge(context, ((Size) nactors + 1) * sizeof(uint32));
	for (uint32 i = 0; i < nactors; i++)
		packed->numbers[i] = i;
	packed->blocks = MemoryContextAlloc(context, room * sizeof(PackedBlock));
	for (at = packed->bytes; (Size) (packed->bytes + size - at) >= sizeof(BlockHead);)
	{
		PackedBlock *block;
		BlockHead	head;

		memcpy(&head, at, sizeof(head));
		if (head.count == 0 || head.count > PACKED_BLOCK || head.last < head.first ||
			head.size > (Size) (packed->bytes + size - at) - sizeof(head) ||
			(packed->nblocks > 0 && head.first < packed->blocks[packed->nblocks - 1].last))
			return NULL;
		if (packed->nblocks == room)
		{
			room *= 2;
			packed->blocks = repalloc_huge(packed->blocks, (Size) room * sizeof(PackedBlock));
		}
		block = &packed->blocks[packed->nblocks++];
		block->first = head.first;
		block->last = head.last;
		block->head = at;
		packed->count += head.count;
		at += sizeof(head) + head.size;
	}
	return at == packed->bytes + size ? packed : NULL;
}

/*
 * events_unpack_block: the touches of a block, in touches[PACKED_BLOCK], with the
 * numbers that their actors have now; how many there are.
 * Errors: data_corrupted.
 */
uint32
events_unpack_block(const PackedTouches *packed, uint32 place, Touch *touches)
{
	int			width = actor_bytes(packed->nactors);
	const uint8 *at = (const uint8 *) packed->blocks[place].head;
	const uint8 *end;
	uint64		journey;
	uint64		time;
	BlockHead	head;

	memcpy(&head, at, sizeof(head));
	at += sizeof(head);
	end = at + head.size;
	journey = (uint64) head.first;
	time = (uint64) head.at;
	for (uint32 i = 0; i < head.count; i++)
	{
		Touch	   *touch = &touches[i];
		int			control;
		int			bytes;
		uint64		above;
		uint64		folded;
		uint64		actor;

		if (unlikely(at >= end))
			omni_refuse_attribution_state();
		control = *at++;
		bytes = control & 15;
		above = (uint64) control >> 4;
		if (unlikely(above == FAR_JOURNEY))
		{
			above = take_word(at);
			at += sizeof(uint64);
		}
		actor = width == 1 ? *at : take_word(at) & PG_UINT32_MAX;
		at += width;
		if (unlikely(actor >= packed->nactors || bytes < 1 || bytes > 8))
			omni_refuse_attribution_state();
		folded = take_word(at) & (UINT64_MAX >> (64 - 8 * bytes));
		at += bytes;
		journey += above;
		time += folded >> 1 ^ -(folded & 1);
		touch->journey = (int64) journey;
		touch->at = (int64) time;
		touch->actor = packed->numbers[actor];
		touch->order = 0;
		touch->event = 0;
		if (packed->has_event)
		{
			touch->event = (int64) take_word(at);
			at += sizeof(uint64);
		}
		if (unlikely(TIMESTAMP_NOT_FINITE(touch->at)))
			omni_refuse_attribution_state();
	}
	if (at != end || (int64) journey != head.last)
		omni_refuse_attribution_state();
	return head.count;
}

/* events_unpack: adds packed touches to a list. */
void
events_unpack(MemoryContext context, const PackedTouches *packed, EventList *list)
{
	Touch	   *touches = palloc_array(Touch, PACKED_BLOCK);

	for (uint32 block = 0; block < packed->nblocks; block++)
	{
		uint32		count = events_unpack_block(packed, block, touches);

		CHECK_FOR_INTERRUPTS();
		for (uint32 i = 0; i < count; i++)
			events_put_touch(context, list, &touches[i], packed->has_event);
	}
	pfree(touches);
}

/* event_run_unpack: takes the packed touches of a run out. */
void
event_run_unpack(MemoryContext context, EventRun *run)
{
	PackedTouches *packed = run->packed;

	if (packed == NULL)
		return;
	events_unpack(context, packed, &run->touches);
	pfree(packed->bytes);
	pfree(packed->numbers);
	pfree(packed->blocks);
	pfree(packed);
	run->packed = NULL;
}
