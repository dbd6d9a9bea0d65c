/*
 * attribution.h
 *		State of omnicrm.attribution(), and what walks its journeys.
 */
#ifndef OMNICRM_ATTRIBUTION_H
#define OMNICRM_ATTRIBUTION_H

#include "attribution/summary.h"
#include "attribution/touches.h"

/* Places of the arguments of the aggregate behind the state. */
#define ARG_JOURNEY 1
#define ARG_AT 2
#define ARG_ACTOR 3
#define ARG_VALUE 4
#define ARG_EVENT 5
#define ATTRIBUTION_ARGS (ARG_EVENT + 1)

/* Actors that came lately, by a few bits of their hash. */
#define RECENT_ACTORS 256

typedef struct RecentActor
{
	uint64		words[2];		/* the first and the last eight bytes */
	uint32		length;			/* 0: free */
	uint32		number;
} RecentActor;

/* What the journeys of a run amount to by themselves (attribution_tally.c). */
typedef struct JourneyTally
{
	char	   *bytes;
	Size		size;
	int			scale;			/* decimals of its values */
} JourneyTally;

/* A serialised state as it is read. */
typedef struct StateSource
{
	const char *at;
	const char *end;
} StateSource;

typedef struct AttributionState
{
	MemoryContext context;
	Actors	   *actors;
	RecentActor *recent;
	EventRun   *runs;			/* the first takes the rows; others come from other processes */
	int			nruns;
	EventSpill *spill;			/* NULL: all in memory */
	Size		bytes;			/* of runs[1 ..] */
	Size		limit;			/* bytes of events in memory */
	Size		path_limit;		/* bytes of paths in memory */
	const void *given;			/* the options of all rows, when they are a constant */
	Jsonb	   *source;			/* options as given; NULL: none yet, or none */
	bool		has_row;
	bool		has_events;		/* rows have an id */
	bool		in_order;		/* rows are taken to come in the order of journeys */
	AttributionOptions *options;
	SummarySettings settings;
	int			scale;			/* most decimals of a value so far */
} AttributionState;

/* attribution_state.c */
extern AttributionState *attribution_make(MemoryContext context);
extern void attribution_take_options(AttributionState *state, Jsonb *source);
extern void attribution_make_room(AttributionState *state);
extern void attribution_add_run(AttributionState *state, EventRun *run);
extern void attribution_take_row(AttributionState *state, const NullableDatum *args, bool is_text, bool has_event);

/* From journeys to what they amount to. */
typedef struct JourneyWalker
{
	bool		has_events;		/* an event that is told twice counts once */
	bool		tentative;		/* what goes wrong is noted, and walked again otherwise */
	bool		failed;			/* what has been counted is of no use */
	SummaryBuilder *builder;
	AttributionSummary *summary;
	const AttributionOptions *options;
	PathTable  *paths;
	int64	   *uses;			/* touches of each actor in all paths, NULL: not asked for */
	ModelWorkspace *work;
	ModelTouch *eligible;
	uint64	   *weights;
	void	   *path;			/* as it is counted */
	uint32		room;			/* of the three */
	int128		power[SUMMARY_MAX_SCALE + 1];	/* 10^i */
	int128		total;			/* sum of the absolute values */
} JourneyWalker;

/* attribution_walk.c */
extern JourneyWalker *attribution_walker(AttributionState *state, JourneyWalk *walk);
extern void attribution_walker_path_room(JourneyWalker *walker, uint32 wanted);
extern void attribution_add_total(JourneyWalker *walker, int128 total);
extern AttributionSummary *attribution_summarise(AttributionState *state);

/* attribution_transfer.c */
extern const char *attribution_take_bytes(StateSource *source, Size size);
pg_noreturn extern void attribution_corrupt_state(void);
extern void attribution_check_actors(const Actors *actors);

/* attribution_tally.c */
extern void attribution_tally(AttributionState *state);
extern bool attribution_join(JourneyWalker *walker, const JourneyWalk *walk, const AttributionState *state);
extern void attribution_move(JourneyWalker *into, JourneyWalker *from, const uint32 *ranks);

#endif							/* OMNICRM_ATTRIBUTION_H */
