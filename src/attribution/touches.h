/*
 * touches.h
 *		Touches and conversions of many journeys in any order: compact chunks,
 *		partitions in memory and in temporary files, and the walk journey by journey.
 */
#ifndef OMNICRM_TOUCHES_H
#define OMNICRM_TOUCHES_H

#include "storage/buffile.h"
#include "storage/fileset.h"

/* Events without an id come after those with one. */
#define NO_EVENT PG_INT64_MAX

/* A touch as it is put in and taken out.  event decides between touches of one instant. */
typedef struct Touch
{
	int64		journey;
	int64		at;
	int64		event;
	uint32		actor;
	uint32		order;			/* journey_order() while it is needed, else 0 */
} Touch;

/* A conversion.  actor: of the converting event itself, or NO_ACTOR. */
typedef struct Conversion
{
	int64		journey;
	int64		at;
	int64		event;
	int64		units;			/* value = units / 10^scale */
	uint32		actor;
	uint32		order;			/* as in Touch */
	uint8		scale;
	bool		alone;			/* its journey is not known */
} Conversion;

typedef enum EventFormat
{
	TOUCH_NARROW,				/* journey less the chunk's base 40 bits, actor 24 bits; time */
	TOUCH_NARROW_EVENT,			/* the same; event */
	TOUCH_WIDE,					/* journey; time; actor */
	TOUCH_WIDE_EVENT,			/* journey; time; actor; event */
	CONVERSION					/* journey; time; event; units; actor 32 bits, scale 8, alone 1 */
} EventFormat;

#define EVENT_FORMATS (CONVERSION + 1)

/* what a narrow touch has bits for */
#define NARROW_ACTORS (1U << 24)
#define NARROW_JOURNEYS (UINT64CONST(1) << 40)

typedef struct EventChunk
{
	struct EventChunk *next;
	int64		base;			/* smallest journey of a narrow chunk */
	uint32		count;			/* events */
	uint32		room;			/* words */
	EventFormat format;
	uint32		part;			/* of those that a shared file is parted in */
	uint64		words[FLEXIBLE_ARRAY_MEMBER];
} EventChunk;

/* Chunks in the order in which their events came. */
typedef struct EventList
{
	EventChunk *first;
	EventChunk *last;
	uint64		count;			/* events */
	uint64		bytes;
	int64		highest;		/* journey of the last event */
	bool		sorted;			/* journeys never went down */
	bool		hashed;			/* by journey_order(), then journey */
} EventList;

/* most touches of a packed block */
#define PACKED_BLOCK 256

typedef struct PackedBlock
{
	int64		first;			/* journey */
	int64		last;
	const char *head;
} PackedBlock;

/* Touches of ascending journeys as they came from another process (touches_pack.c). */
typedef struct PackedTouches
{
	char	   *bytes;
	Size		size;
	uint64		count;
	bool		has_event;
	uint32		nactors;
	uint32	   *numbers;		/* its numbers of actors, in the order of names -> those of the state */
	uint32		nblocks;
	PackedBlock *blocks;
} PackedTouches;

/* The events of one source: touches and conversions. */
typedef struct EventRun
{
	EventList	touches;
	PackedTouches *packed;		/* in the place of touches, or NULL */
	EventList	conversions;
	struct JourneyTally *tally; /* what its journeys amount to by themselves; NULL: not known */
} EventRun;

/* Where small chunks come from that go together, with the context. */
typedef struct EventPool
{
	MemoryContext context;
	char	   *next;
	Size		left;
	Size		slab;			/* size of the next piece of memory */
} EventPool;

#define SPILL_WAYS 64
#define SPILL_LEVELS 3

/* Files of each process where several share a spill, and the parts that the chunks of a file are of. */
#define SHARED_WAYS 32
#define SHARED_PARTS 8

/* Files that several processes write, each its own, and read. */
typedef struct EventShare
{
	FileSet    *set;
	int			round;			/* of reading: files of another one are of no use */
	int			self;			/* number of this process */
	int			processes;
	uint32	  **numbers;		/* of each process: its number of an actor -> rank */
} EventShare;

/* Events in temporary files, parted by the hash of their journey. */
typedef struct EventSpill
{
	int			level;
	int			ways;			/* files that are used */
	MemoryContext context;		/* lasts as long as the files are needed */
	const EventShare *share;	/* NULL: files of this process alone */
	BufFile    *files[SPILL_WAYS];
	bool		reading[SPILL_WAYS];
	int			source[SPILL_WAYS]; /* of shared files: the process whose file is read next */
	bool		used;			/* it has taken events */
	int			parts;			/* of each file */
	EventChunk **waiting[2];	/* touches and conversions of each way and part that are written together */
} EventSpill;

/* Touches and conversions of one journey, each by time, event, actor; sign -1 takes it back. */
typedef void (*JourneyTaker) (void *taker, int sign, Touch *touches, uint32 ntouches,
							  Conversion *conversions, uint32 nconversions);

/* Where the events of a journey go. */
typedef struct JourneyWalk
{
	const uint32 *ranks;		/* number of an actor in the order of names */
	JourneyTaker take;
	void	   *taker;
	Size		limit;			/* bytes of memory for events */
} JourneyWalk;

/* touches.c */
extern void events_init(EventList *list);
extern void event_run_init(EventRun *run);
extern uint64 event_run_count(const EventRun *run);
extern Size event_run_bytes(const EventRun *run);
extern void events_put_touch_anew(MemoryContext context, EventList *list, const Touch *touch, bool has_event);
extern void events_put_conversion(MemoryContext context, EventList *list, const Conversion *conversion);
extern void events_append(EventList *into, EventList *from);
extern void event_chunk_renumber(EventChunk *chunk, const uint32 *numbers);
extern int	event_words(EventFormat format);
extern EventChunk *events_new_chunk(MemoryContext context, EventList *list, EventFormat format, uint32 words);
extern void event_chunk_free(EventChunk *chunk);
extern void events_free(EventList *list);
extern void events_clear(MemoryContext context, EventList *list, uint32 words);
extern void event_pool_init(EventPool *pool, MemoryContext context);
extern EventChunk *event_pool_chunk(EventPool *pool, EventList *list, EventFormat format, uint32 words);

/* touches_pack.c */
extern Size events_packed_bound(const EventList *list);
extern Size events_pack(const EventList *list, uint32 nactors, bool has_event, char *memory);
extern PackedTouches *events_packed_read(MemoryContext context, const char *bytes, Size size, uint32 nactors, bool has_event);
extern uint32 events_unpack_block(const PackedTouches *packed, uint32 place, Touch *touches);
extern void events_unpack(MemoryContext context, const PackedTouches *packed, EventList *list);
extern void event_run_unpack(MemoryContext context, EventRun *run);

/* touches_spill.c */
extern EventSpill *event_spill_make(MemoryContext context, int level);
extern EventSpill *event_spill_share(MemoryContext context, const EventShare *share, int ways);
extern void event_spill_run(EventSpill *spill, EventRun *run);
extern void event_spill_scatter(EventSpill *spill, const EventRun *run);
extern void event_spill_export(EventSpill *spill);
extern bool event_spill_read(EventSpill *spill, int way, EventRun *run, Size most);
extern void event_spill_discard(EventSpill *spill);

/* touches_merge.c */
extern void journeys_merge(const JourneyWalk *walk, const EventRun *runs, int nruns, bool by_hash);
extern bool journeys_join(const JourneyWalk *walk, const EventRun *runs, int nruns, uint64 most);

/* touches_walk.c */
extern void events_scatter(EventPool *pool, EventList *from, EventList *parts, int shift, uint32 mask);
extern void events_hash_sort(MemoryContext context, EventRun *run);
extern void journeys_walk(const JourneyWalk *walk, EventRun *runs, int nruns, EventSpill *spill);

/* Mixes all bits of a journey's key (the finaliser of MurmurHash3, public domain). */
static inline uint64
journey_hash(int64 journey)
{
	uint64		value = (uint64) journey;

	value ^= value >> 33;
	value *= UINT64CONST(0xFF51AFD7ED558CCD);
	value ^= value >> 33;
	value *= UINT64CONST(0xC4CEB9FE1A85EC53);
	return value ^ (value >> 33);
}

/* The order in which events of random order are put: that of a hash of the journey. */
#define ORDER_BITS 20

/* Events in memory are parted by bits of the hash below those of the files, above those of buckets. */
#define PART_SHIFT 26

static inline uint32
journey_order(int64 journey)
{
	return (uint32) (journey_hash(journey) >> (64 - ORDER_BITS));
}

/* Does a touch fit a narrow chunk? */
static inline bool
event_fits_narrow(const EventChunk *chunk, const Touch *touch)
{
	return (uint64) touch->journey - (uint64) chunk->base < NARROW_JOURNEYS &&
		touch->journey >= chunk->base && touch->actor < NARROW_ACTORS;
}

static inline bool
event_has_room(const EventChunk *chunk, int words)
{
	return (chunk->count + 1) * words <= chunk->room;
}

/* Counts an event that is about to be put behind the others. */
static inline void
event_note_journey(EventList *list, int64 journey)
{
	if (journey < list->highest)
		list->sorted = false;
	list->highest = journey;
	list->count++;
}

/* Puts a touch into a narrow chunk, where it fits. */
static inline void
event_put_narrow(EventChunk *chunk, const Touch *touch, bool has_event)
{
	uint64	   *words = chunk->words + (Size) chunk->count++ * (has_event ? 3 : 2);

	words[0] = ((uint64) touch->journey - (uint64) chunk->base) << 24 | touch->actor;
	words[1] = (uint64) touch->at;
	if (has_event)
		words[2] = (uint64) touch->event;
}

/* One touch more. */
static inline void
events_put_touch(MemoryContext context, EventList *list, const Touch *touch, bool has_event)
{
	EventChunk *chunk = list->last;

	if (likely(chunk != NULL && chunk->format == (has_event ? TOUCH_NARROW_EVENT : TOUCH_NARROW) &&
			   event_has_room(chunk, has_event ? 3 : 2) && event_fits_narrow(chunk, touch)))
	{
		event_note_journey(list, touch->journey);
		event_put_narrow(chunk, touch, has_event);
	}
	else
		events_put_touch_anew(context, list, touch, has_event);
}

/* The journey of the event at a place of a chunk. */
static inline int64
event_journey(const EventChunk *chunk, uint32 place)
{
	switch (chunk->format)
	{
		case TOUCH_NARROW:
			return (int64) ((uint64) chunk->base + (chunk->words[(Size) place * 2] >> 24));
		case TOUCH_NARROW_EVENT:
			return (int64) ((uint64) chunk->base + (chunk->words[(Size) place * 3] >> 24));
		case TOUCH_WIDE:
			return (int64) chunk->words[(Size) place * 3];
		case TOUCH_WIDE_EVENT:
			return (int64) chunk->words[(Size) place * 4];
		case CONVERSION:
			break;
	}
	return (int64) chunk->words[(Size) place * 5];
}

/* The touch at a place of a chunk. */
static inline void
event_touch(const EventChunk *chunk, uint32 place, Touch *touch)
{
	const uint64 *words;

	touch->order = 0;
	if (chunk->format == TOUCH_NARROW)
	{
		words = chunk->words + (Size) place * 2;
		touch->journey = (int64) ((uint64) chunk->base + (words[0] >> 24));
		touch->actor = (uint32) (words[0] & 0xFFFFFF);
		touch->at = (int64) words[1];
		touch->event = 0;
	}
	else if (chunk->format == TOUCH_NARROW_EVENT)
	{
		words = chunk->words + (Size) place * 3;
		touch->journey = (int64) ((uint64) chunk->base + (words[0] >> 24));
		touch->actor = (uint32) (words[0] & 0xFFFFFF);
		touch->at = (int64) words[1];
		touch->event = (int64) words[2];
	}
	else
	{
		words = chunk->words + (Size) place * (chunk->format == TOUCH_WIDE ? 3 : 4);
		touch->journey = (int64) words[0];
		touch->at = (int64) words[1];
		touch->actor = (uint32) words[2];
		touch->event = chunk->format == TOUCH_WIDE ? 0 : (int64) words[3];
	}
}

/* The conversion at a place of a chunk. */
static inline void
event_conversion(const EventChunk *chunk, uint32 place, Conversion *conversion)
{
	const uint64 *words = chunk->words + (Size) place * 5;

	conversion->journey = (int64) words[0];
	conversion->at = (int64) words[1];
	conversion->event = (int64) words[2];
	conversion->units = (int64) words[3];
	conversion->actor = (uint32) words[4];
	conversion->order = 0;
	conversion->scale = (uint8) (words[4] >> 32);
	conversion->alone = (words[4] >> 40 & 1) != 0;
}

#endif							/* OMNICRM_TOUCHES_H */
