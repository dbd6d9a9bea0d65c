/*
 * attribution.h
 *		State of the aggregate omnicrm.attribution().
 */
#ifndef OMNICRM_ATTRIBUTION_H
#define OMNICRM_ATTRIBUTION_H

#include "attribution/summary.h"
#include "attribution/touches.h"

/* Actors that came lately, by a few bits of their hash. */
#define RECENT_ACTORS 256

typedef struct RecentActor
{
	uint64		words[2];		/* the first and the last eight bytes */
	uint32		length;			/* 0: free */
	uint32		number;
} RecentActor;

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
	AttributionOptions *options;
	SummarySettings settings;
	int			scale;			/* most decimals of a value so far */
} AttributionState;

/* attribution_state.c */
extern AttributionState *attribution_make(MemoryContext context);
extern void attribution_take_options(AttributionState *state, Jsonb *source);
extern void attribution_make_room(AttributionState *state);
extern void attribution_add_run(AttributionState *state, EventRun *run);

/* attribution_walk.c */
extern AttributionSummary *attribution_summarise(AttributionState *state);

#endif							/* OMNICRM_ATTRIBUTION_H */
