/*
 * touches_merge.c
 *		Journeys from runs that are in one order, merged.
 *
 * Runs of ascending journeys, as parallel workers read them from a clustered table,
 * hardly have a journey in common: those at the borders of what each has read.
 * They are found by leaps, without looking at what lies between.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "attribution/actors.h"
#include "attribution/touches_sort.h"
#include "common/compat.h"

/* Where the merge stands in a list. */
typedef struct Cursor
{
	const EventChunk *chunk;	/* NULL: at the end */
	uint32		place;			/* of the head in the chunk */
	bool		by_hash;
	uint32		order;			/* of the head, 0 unless by hash */
	int64		journey;		/* of the head */
} Cursor;

/* Looks at the head. */
static inline void
read_head(Cursor *cursor)
{
	while (cursor->chunk != NULL && cursor->place >= cursor->chunk->count)
	{
		CHECK_FOR_INTERRUPTS();
		cursor->chunk = cursor->chunk->next;
		cursor->place = 0;
	}
	if (cursor->chunk == NULL)
		return;
	cursor->journey = event_journey(cursor->chunk, cursor->place);
	if (cursor->by_hash)
		cursor->order = journey_order(cursor->journey);
}

/* Is the head of one cursor before that of the other, NULL: none? */
static inline bool
is_before(const Cursor *a, const Cursor *b)
{
	if (b == NULL)
		return true;
	return a->order != b->order ? a->order < b->order : a->journey < b->journey;
}

/* The cursor whose journey comes next; NULL at the end. */
static inline const Cursor *
next_journey(const Cursor *cursors, int count)
{
	const Cursor *next = NULL;

	for (int i = 0; i < count; i++)
		if (cursors[i].chunk != NULL && is_before(&cursors[i], next))
			next = &cursors[i];
	return next;
}

/* All touches of a journey, in order. */
static uint32
gather_touches(const JourneyWalk *walk, Cursor *cursors, int count, int64 journey, EventRoom *room)
{
	uint64		n = 0;
	bool		in_order = true;

	for (int i = 0; i < count; i++)
	{
		Cursor	   *cursor = &cursors[i];

		while (cursor->chunk != NULL && cursor->journey == journey)
		{
			Touch	   *touch;

			if (n == room->touch_room)
				event_room_touches(room, n + 1);
			touch = &room->touches[n++];
			event_touch(cursor->chunk, cursor->place++, touch);
			touch->actor = walk->ranks[touch->actor];
			if (n > 1 && in_order)
				in_order = touch[-1].at < touch->at || touch_compare(touch - 1, touch) <= 0;
			read_head(cursor);
		}
	}
	if (!in_order)
		touches_order(room->touches, (uint32) n);
	return (uint32) n;
}

static uint32
gather_conversions(const JourneyWalk *walk, Cursor *cursors, int count, int64 journey, EventRoom *room)
{
	uint64		n = 0;

	for (int i = 0; i < count; i++)
		while (cursors[i].chunk != NULL && cursors[i].journey == journey)
		{
			Conversion *conversion;

			event_room_conversions(room, n + 1);
			conversion = &room->conversions[n++];
			event_conversion(cursors[i].chunk, cursors[i].place++, conversion);
			if (conversion->actor != NO_ACTOR)
				conversion->actor = walk->ranks[conversion->actor];
			read_head(&cursors[i]);
		}
	conversions_order(room->conversions, (uint32) n);
	return (uint32) n;
}

/*
 * journeys_merge: hands over the journeys of runs of ascending journeys, or of runs
 * that are all in the order of the hash.  No more than MOST_MERGED runs.
 */
void
journeys_merge(const JourneyWalk *walk, const EventRun *runs, int nruns, bool by_hash)
{
	Cursor		touches[MOST_MERGED] = {0};
	Cursor		conversions[MOST_MERGED] = {0};
	EventRoom		room = {0};

	for (int i = 0; i < nruns; i++)
	{
		touches[i].by_hash = conversions[i].by_hash = by_hash;
		touches[i].chunk = runs[i].touches.first;
		read_head(&touches[i]);
		conversions[i].chunk = runs[i].conversions.first;
		read_head(&conversions[i]);
	}
	for (;;)
	{
		const Cursor *next = next_journey(touches, nruns);
		const Cursor *other = next_journey(conversions, nruns);
		int64		journey;
		uint32		ntouches;
		uint32		nconversions;

		if (other != NULL && is_before(other, next))
			next = other;
		if (next == NULL)
			break;
		journey = next->journey;
		ntouches = gather_touches(walk, touches, nruns, journey, &room);
		nconversions = gather_conversions(walk, conversions, nruns, journey, &room);
		journey_hand_over(walk, 1, room.touches, ntouches, room.conversions, nconversions);
	}
}

/* The packed touches of a run: a cursor in the block that has been taken out. */
typedef struct PackedCursor
{
	const PackedTouches *packed;
	uint32		block;
	Touch	   *touches;		/* of the block */
	uint32		count;
	uint32		place;			/* of the head */
} PackedCursor;

/* The touches and the conversions of a run. */
typedef struct RunCursor
{
	PackedCursor touches;
	Cursor		conversions;
} RunCursor;

static inline bool
has_touch(const PackedCursor *cursor)
{
	return cursor->block < cursor->packed->nblocks;
}

/* Goes to the first touch of the first block from here on whose journeys reach this one. */
static void
find_block(PackedCursor *cursor, int64 journey)
{
	while (has_touch(cursor) && cursor->packed->blocks[cursor->block].last < journey)
		cursor->block++;
	cursor->place = 0;
	if (has_touch(cursor))
		cursor->count = events_unpack_block(cursor->packed, cursor->block, cursor->touches);
}

/* Moves on to the first touch whose journey is not below the one given. */
static void
leap_touches(PackedCursor *cursor, int64 journey)
{
	if (has_touch(cursor) && cursor->packed->blocks[cursor->block].last < journey)
		find_block(cursor, journey);
	if (has_touch(cursor))
		while (cursor->touches[cursor->place].journey < journey)
			cursor->place++;
}

/* The same for conversions. */
static void
leap_conversions(Cursor *cursor, int64 journey)
{
	while (cursor->chunk != NULL && event_journey(cursor->chunk, cursor->chunk->count - 1) < journey)
	{
		cursor->chunk = cursor->chunk->next;
		cursor->place = 0;
	}
	if (cursor->chunk == NULL)
		return;
	while (event_journey(cursor->chunk, cursor->place) < journey)
		cursor->place++;
	read_head(cursor);
}

/* The next journey of a run; false at its end. */
static inline bool
run_journey(const RunCursor *run, int64 *journey)
{
	if (has_touch(&run->touches))
	{
		*journey = run->touches.touches[run->touches.place].journey;
		if (run->conversions.chunk != NULL)
			*journey = Min(*journey, run->conversions.journey);
		return true;
	}
	*journey = run->conversions.journey;
	return run->conversions.chunk != NULL;
}

/* Adds the touches of a journey that a run has; how many there are then. */
static uint32
add_touches(const JourneyWalk *walk, PackedCursor *cursor, int64 journey, EventRoom *room, uint32 n)
{
	while (has_touch(cursor) && cursor->touches[cursor->place].journey == journey)
	{
		event_room_touches(room, (uint64) n + 1);
		room->touches[n] = cursor->touches[cursor->place++];
		room->touches[n].actor = walk->ranks[room->touches[n].actor];
		n++;
		if (cursor->place == cursor->count)
		{
			CHECK_FOR_INTERRUPTS();
			cursor->block++;
			find_block(cursor, journey);
		}
	}
	return n;
}

/* The events of one journey in one run, or in all. */
typedef struct JourneyPiece
{
	EventRoom	room;
	uint32		ntouches;
	uint32		nconversions;
} JourneyPiece;

/* Adds the events of a piece to those of the whole. */
static void
add_piece(JourneyPiece *whole, const JourneyPiece *piece)
{
	event_room_touches(&whole->room, (uint64) whole->ntouches + piece->ntouches);
	event_room_conversions(&whole->room, (uint64) whole->nconversions + piece->nconversions);
	if (piece->ntouches > 0)
		memcpy(whole->room.touches + whole->ntouches, piece->room.touches, piece->ntouches * sizeof(Touch));
	if (piece->nconversions > 0)
		memcpy(whole->room.conversions + whole->nconversions, piece->room.conversions,
			   piece->nconversions * sizeof(Conversion));
	whole->ntouches += piece->ntouches;
	whole->nconversions += piece->nconversions;
}

/* Puts the events in order and hands them over. */
static void
hand_over(const JourneyWalk *walk, int sign, JourneyPiece *piece)
{
	touches_order(piece->room.touches, piece->ntouches);
	conversions_order(piece->room.conversions, piece->nconversions);
	journey_hand_over(walk, sign, piece->room.touches, piece->ntouches,
					  piece->room.conversions, piece->nconversions);
}

/* Takes back what each run has of a journey, and hands the whole over; its events. */
static uint64
join_journey(const JourneyWalk *walk, RunCursor *runs, int nruns, int64 journey,
			 JourneyPiece *piece, JourneyPiece *whole)
{
	whole->ntouches = whole->nconversions = 0;
	for (int i = 0; i < nruns; i++)
	{
		piece->ntouches = add_touches(walk, &runs[i].touches, journey, &piece->room, 0);
		piece->nconversions = gather_conversions(walk, &runs[i].conversions, 1, journey, &piece->room);
		if (piece->ntouches + piece->nconversions == 0)
			continue;
		add_piece(whole, piece);
		hand_over(walk, -1, piece);
	}
	hand_over(walk, 1, whole);
	return (uint64) whole->ntouches + whole->nconversions;
}

/* The runs with the lowest and the next journey; the second is -1 when only one is left. */
static void
lowest_journeys(const RunCursor *runs, int nruns, int order[2], int64 journeys[2])
{
	int64		journey;

	order[0] = order[1] = -1;
	for (int i = 0; i < nruns; i++)
	{
		if (!run_journey(&runs[i], &journey))
			continue;
		if (order[0] < 0 || journey < journeys[0])
		{
			order[1] = order[0];
			journeys[1] = journeys[0];
			order[0] = i;
			journeys[0] = journey;
		}
		else if (order[1] < 0 || journey < journeys[1])
		{
			order[1] = i;
			journeys[1] = journey;
		}
	}
}

/*
 * journeys_join: the journeys of runs of ascending journeys with packed touches, each
 * of which has been handed over by itself, that lie in more than one run: takes back
 * what each run has of such a journey, and hands it over as a whole.  Returns false,
 * and stops in the middle, when they have more than "most" events.
 * Errors: data_corrupted, out_of_memory.
 */
bool
journeys_join(const JourneyWalk *walk, const EventRun *runs, int nruns, uint64 most)
{
	RunCursor  *cursors = palloc0_array(RunCursor, nruns);
	JourneyPiece piece = {0};
	JourneyPiece whole = {0};
	uint64		events = 0;
	int			order[2];
	int64		journeys[2];

	for (int i = 0; i < nruns; i++)
	{
		cursors[i].touches.packed = runs[i].packed;
		cursors[i].touches.touches = palloc_array(Touch, PACKED_BLOCK);
		find_block(&cursors[i].touches, PG_INT64_MIN);
		cursors[i].conversions.chunk = runs[i].conversions.first;
		read_head(&cursors[i].conversions);
	}
	while (events <= most)
	{
		CHECK_FOR_INTERRUPTS();
		lowest_journeys(cursors, nruns, order, journeys);
		if (order[1] < 0)
			return true;
		if (journeys[0] == journeys[1])
			events += join_journey(walk, cursors, nruns, journeys[0], &piece, &whole);
		else
		{
			leap_touches(&cursors[order[0]].touches, journeys[1]);
			leap_conversions(&cursors[order[0]].conversions, journeys[1]);
		}
	}
	return false;
}
