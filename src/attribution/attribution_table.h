/*
 * attribution_table.h
 *		Touches and conversions read from a table, by one process or by several.
 */
#ifndef OMNICRM_ATTRIBUTION_TABLE_H
#define OMNICRM_ATTRIBUTION_TABLE_H

#include "access/tableam.h"
#include "port/atomics.h"
#include "utils/rel.h"

#include "attribution/attribution.h"

/* The columns that stand for the arguments of the aggregate. */
typedef struct TouchColumns
{
	AttrNumber	number[ATTRIBUTION_ARGS];	/* of each argument's column, 0: none */
	AttrNumber	last;			/* the highest */
	bool		journey_is_integer; /* of four bytes */
	bool		actor_is_text;	/* else an integer of four bytes */
	bool		has_event;
} TouchColumns;

/* Rows that lie one behind the other in the table: between what journeys theirs are. */
typedef struct Stretch
{
	int64		lowest;
	int64		highest;
} Stretch;

typedef struct StretchList
{
	Stretch    *items;
	uint32		count;
	uint32		room;
	BlockNumber block;			/* of the row before */
	bool		full;			/* too many: the rows lie anyhow */
} StretchList;

/* What one process finds and all should know soon: rows are not in order; a stream is lost. */
#define STREAM_DISORDER 1
#define STREAM_LOST 2

/* Journeys that are walked while rows are still read (attribution_stream.c). */
typedef struct JourneyStream
{
	AttributionState *state;
	MemoryContext context;
	uint64		window;			/* events at which journeys are walked the next time; UINT64_MAX: no more */
	uint32		first_window;	/* and as many find room at once from then on */
	bool		scatter;		/* nor are events kept, they go to the state's files */
	bool		walked;			/* some journeys have been */
	bool		lost;			/* and one of them had more rows: to be read again */
	const StretchList *stretches;	/* NULL: all rows are read by this process */
	pg_atomic_uint32 *found;	/* what any process has found, STREAM_..., or NULL */
	EventRun	held;			/* journeys at the ends of stretches, which others may have, too */
	EventSpill *ends;			/* where they go when there are many; NULL: there are none */
	MemoryContext stage;		/* of the walker */
	JourneyWalker *walker;		/* knows the actors so far; NULL: none yet */
	JourneyWalk walk;
	uint32	   *numbers;		/* rank -> number of an actor */
	/* while a window is walked */
	bool		is_last;		/* of all */
	int64		highest;		/* journey, which may go on in the next window */
	uint32		stretch;		/* the first one that may reach the journey */
	EventRun	next;			/* of the next window */
} JourneyStream;

/* attribution_scan.c */
extern void stretches_init(StretchList *list);
extern int64 attribution_scan(AttributionState *state, Relation relation, TableScanDesc scan,
							  const TouchColumns *columns, StretchList *stretches, JourneyStream *stream);
extern bool stretches_ascend(Stretch *stretches, uint32 count);

/* attribution_stream.c */
extern void stream_begin(JourneyStream *stream, AttributionState *state, const StretchList *stretches,
						 EventSpill *ends);
extern void stream_window(JourneyStream *stream);
extern bool stream_is_ordered(const JourneyStream *stream);
extern void stream_discard(JourneyStream *stream);
extern void stream_end(JourneyStream *stream);

/* attribution_parallel.c */
extern bytea *attribution_of_relation(Relation relation, const TouchColumns *columns, Jsonb *options);

#endif							/* OMNICRM_ATTRIBUTION_TABLE_H */
