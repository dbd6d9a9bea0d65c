/*
 * funnel_set.h
 *		The events of many journeys in any order, for funnels of all journeys at once.
 */
#ifndef OMNICRM_ATTRIBUTION_FUNNEL_SET_H
#define OMNICRM_ATTRIBUTION_FUNNEL_SET_H

#include "storage/buffile.h"

#include "attribution/funnel.h"

/* A row.  One that is no event only says that there is the journey. */
typedef struct FunnelRecord
{
	int64		journey;
	TimestampTz at;
	uint32		conditions;
	uint32		is_event;
} FunnelRecord;

/* Where sorted records stand in the temporary file. */
typedef struct FunnelRun
{
	int			segment;
	off_t		offset;
	uint64		count;
} FunnelRun;

typedef struct FunnelSet
{
	MemoryContext context;
	uint64		window;			/* microseconds */
	uint8		modes;
	uint16		nconditions;
	bool		grouped;		/* journeys of the records in memory never went down */
	uint64		count;			/* records in memory */
	uint64		room;
	uint64		most;
	FunnelRecord *records;
	BufFile    *file;			/* NULL: all records are in memory */
	FunnelRun	end;			/* of the file */
	uint32		nruns;
	uint32		runs_room;
	FunnelRun  *runs;
} FunnelSet;

/* Takes the level that a journey reached. */
typedef void (*FunnelTaker) (void *taker, int64 journey, int level);

extern FunnelSet *funnel_set_take_row(FunctionCallInfo fcinfo, int mode_argument, int time_argument,
									  bool all_journeys);
extern void funnel_set_walk(FunctionCallInfo fcinfo, FunnelSet *set, FunnelTaker take, void *taker);

#endif							/* OMNICRM_ATTRIBUTION_FUNNEL_SET_H */
