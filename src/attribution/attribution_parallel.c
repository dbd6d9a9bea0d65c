/*
 * attribution_parallel.c
 *		The summary of a table's touches, made by several processes.
 *
 * Each process reads a part of the table (1), and tells the others whom it met and
 * between what journeys its rows lie (2).  Where the table is clustered by journey, it
 * has walked its journeys while it read; those that others may have, too, go to the
 * leader.  Else all events go to files by the hash of their journey, and each process
 * walks some of these (3).  The paths that come of it are parted by their hash in the
 * same manner (4), so that each process works through distinct paths of its own and makes
 * a summary of them, which the leader adds up (5).  Everything is a sum of whole numbers:
 * the bytes are those that one process would have made.
 *
 * The processes wait for each other until all have read, before they hear (2); until all
 * have left journeys to others, before they walk these (3); and until all have sent paths,
 * before they receive them (4).  The leader waits for all results (5).  What they tell each
 * other stands in temporary files, which cost less than shared memory that is used once.
 */
#include "postgres.h"

#include <fcntl.h>
#include <unistd.h>

#include "access/parallel.h"
#include "access/table.h"
#include "access/xact.h"
#include "miscadmin.h"
#include "optimizer/cost.h"
#include "optimizer/paths.h"
#include "storage/barrier.h"
#include "storage/bufmgr.h"
#include "storage/sharedfileset.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"
#include "utils/wait_event.h"

#include "attribution/attribution_table.h"
#include "common/compat.h"

#define KEY_SHARED UINT64CONST(0x6f6d6e690011)
#define KEY_SCAN UINT64CONST(0x6f6d6e690012)
#define KEY_OPTIONS UINT64CONST(0x6f6d6e690013)

/* What all processes share. */
typedef struct SharedTable
{
	Oid			relation;
	TouchColumns columns;
	Barrier		barrier;
	int			processes;		/* known once all have read */
	pg_atomic_uint32 found;		/* of the first reading, STREAM_... */
	SharedFileSet files;
} SharedTable;

/* What a process tells of what it has read: stretches and names of actors follow. */
typedef struct ReadHead
{
	int64		rows;
	bool		ordered;		/* its rows are in the order of journeys */
	bool		walked;			/* some of which have been walked */
	int			scale;			/* most decimals of a value */
	uint32		nstretches;
	uint32		names;			/* bytes */
} ReadHead;

/* What a worker hands on in the end: the value follows. */
typedef struct ResultHead
{
	int128		total;			/* sum of the absolute values */
	uint32		size;
} ResultHead;

typedef struct Participant
{
	SharedTable *shared;
	Relation	relation;
	ParallelTableScanDesc parts;
	Jsonb	   *options;
	ParallelContext *context;	/* of the leader */
	EventShare	share;
	MemoryContext reading;		/* of what has been read */
	AttributionState *state;
	JourneyStream stream;
	StretchList stretches;
	int64		rows;			/* this process has read, then all */
	bool		ordered;		/* the rows of all are in the order of journeys */
	bool		walked;			/* some journeys have been */
	uint32	   *nnames;			/* that each process has met */
	JourneyWalker *walker;
	JourneyWalk walk;
} Participant;

extern PGDLLEXPORT void omni_attribution_worker(dsm_segment *segment, shm_toc *toc);

static BufFile *
make_file(Participant *self, const char *what)
{
	char		name[MAXPGPATH];

	snprintf(name, sizeof(name), "%s.%d.%d", what, self->share.round, self->share.self);
	return BufFileCreateFileSet(self->share.set, name);
}

static void
end_file(BufFile *file)
{
	BufFileExportFileSet(file);
	BufFileClose(file);
}

static BufFile *
open_file(Participant *self, const char *what, int process)
{
	char		name[MAXPGPATH];

	snprintf(name, sizeof(name), "%s.%d.%d", what, self->share.round, process);
	return BufFileOpenFileSet(self->share.set, name, O_RDONLY, false);
}

static void
wait_for_all(Participant *self)
{
	(void) BarrierArriveAndWait(&self->shared->barrier, PG_WAIT_EXTENSION);
}

/* Tells what this process has read. */
static void
tell_reading(Participant *self)
{
	ReadHead	head;
	StringInfoData names;
	BufFile    *file = make_file(self, "read");

	initStringInfo(&names);
	omni_actors_send(&names, self->state->actors);
	memset(&head, 0, sizeof(head));
	head.rows = self->rows;
	head.ordered = stream_is_ordered(&self->stream);
	head.walked = self->stream.walked;
	head.scale = self->state->scale;
	head.nstretches = self->stretches.count;
	head.names = (uint32) names.len;
	BufFileWrite(file, &head, sizeof(head));
	BufFileWrite(file, self->stretches.items, head.nstretches * sizeof(Stretch));
	BufFileWrite(file, names.data, names.len);
	end_file(file);
	pfree(names.data);
}

/* Adds the names that a process has met, and notes what numbers they have here. */
static void
add_names(Participant *self, int process, StringInfo names)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "attribution names", ALLOCSET_DEFAULT_SIZES);
	Actors	   *others = omni_actors_receive(names, work);
	uint32		count = omni_actors_count(others);
	uint32	   *numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(uint32));

	self->share.numbers[process] = numbers;
	self->nnames[process] = count;
	for (uint32 i = 0; i < count; i++)
	{
		int			length;
		const char *name = omni_actor_name(others, i, &length);

		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		numbers[i] = omni_actor_number(self->state->actors, name, length);
	}
	MemoryContextDelete(work);
	attribution_check_actors(self->state->actors);
}

/* What a process has read: its stretches behind those of others, its names of actors among all. */
static void
hear_reading(Participant *self, int process, Stretch **stretches, uint32 *count)
{
	BufFile    *file = open_file(self, "read", process);
	ReadHead	head;
	StringInfoData names;

	BufFileReadExact(file, &head, sizeof(head));
	*stretches = *stretches == NULL ? palloc(Max(head.nstretches, 1) * sizeof(Stretch)) :
		repalloc_huge(*stretches, ((Size) *count + Max(head.nstretches, 1)) * sizeof(Stretch));
	BufFileReadExact(file, *stretches + *count, head.nstretches * sizeof(Stretch));
	*count += head.nstretches;
	self->rows += head.rows;
	self->state->scale = Max(self->state->scale, head.scale);
	self->ordered = self->ordered && head.ordered;
	self->walked = self->walked || head.walked;
	initStringInfo(&names);
	enlargeStringInfo(&names, (int) head.names);
	BufFileReadExact(file, names.data, head.names);
	names.len = (int) head.names;
	add_names(self, process, &names);
	pfree(names.data);
	BufFileClose(file);
}

/* Learns what all have read: how the actors are numbered, and who has which journeys. */
static void
hear_all(Participant *self)
{
	Stretch    *stretches = NULL;
	uint32		count = 0;

	self->share.processes = self->shared->processes;
	self->share.numbers = palloc_array(uint32 *, self->share.processes);
	self->nnames = palloc_array(uint32, self->share.processes);
	self->rows = 0;
	self->ordered = true;
	self->walked = false;
	for (int process = 0; process < self->share.processes; process++)
	{
		CHECK_FOR_INTERRUPTS();
		hear_reading(self, process, &stretches, &count);
	}
	self->ordered = self->ordered && stretches_ascend(stretches, count);
	pfree(stretches);
}

/* The actors of all processes are known by their ranks from here on. */
static void
rank_names(Participant *self)
{
	for (int process = 0; process < self->share.processes; process++)
		for (uint32 i = 0; i < self->nnames[process]; i++)
			self->share.numbers[process][i] = self->walk.ranks[self->share.numbers[process][i]];
}

/* Walks what is left; the journeys that others may have, too, go to the leader. */
static void
walk_own(Participant *self)
{
	EventSpill *ends = self->stream.ends;

	stream_end(&self->stream);
	self->walker = self->stream.walker;
	self->walk = self->stream.walk;
	event_spill_run(ends, &self->stream.held);
	event_spill_export(ends);
}

/* Moves all events to files, from which each process takes some journeys. */
static void
give_away(Participant *self)
{
	self->walker = attribution_walker(self->state, &self->walk);
	event_spill_run(self->state->spill, &self->state->runs[0]);
	event_spill_export(self->state->spill);
}

/* Walks the journeys that all have left to this process. */
static void
walk_shared(Participant *self)
{
	uint32		count = omni_actors_count(self->state->actors);
	uint32	   *same = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) count + 1) * sizeof(uint32));
	EventSpill *spill = event_spill_share(CurrentMemoryContext, &self->share, self->ordered ? 1 : SHARED_WAYS);
	JourneyWalk walk = self->walk;

	for (uint32 i = 0; i < count; i++)
		same[i] = i;
	walk.ranks = same;
	journeys_walk(&walk, NULL, 0, spill);
	pfree(same);
}

/* Tells how often each actor was met, which decides whom flows name. */
static void
tell_uses(Participant *self)
{
	BufFile    *file;

	if (self->walker->uses == NULL)
		return;
	file = make_file(self, "uses");
	BufFileWrite(file, self->walker->uses, (Size) self->walker->summary->nactors * sizeof(int64));
	end_file(file);
}

/* How often each actor was met by all. */
static void
hear_uses(Participant *self)
{
	int64	   *uses = self->walker->uses;
	uint32		count = self->walker->summary->nactors;
	int64	   *others;

	if (uses == NULL)
		return;
	others = MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * sizeof(int64));
	for (int process = 0; process < self->share.processes; process++)
	{
		BufFile    *file;

		CHECK_FOR_INTERRUPTS();
		if (process == self->share.self)
			continue;
		file = open_file(self, "uses", process);
		BufFileReadExact(file, others, (Size) count * sizeof(int64));
		BufFileClose(file);
		for (uint32 i = 0; i < count; i++)
			uses[i] += others[i];
	}
	pfree(others);
}

/* Begins to read, in memory of its own. */
static void
begin_reading(Participant *self, const TouchColumns *columns)
{
	self->reading = AllocSetContextCreate(CurrentMemoryContext, "attribution reading", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(self->reading);
	self->state = attribution_make(self->reading);
	self->state->has_events = columns->has_event;
	attribution_take_options(self->state, self->options);
}

/* Forgets what has been read. */
static void
discard_reading(Participant *self)
{
	MemoryContextSwitchTo(MemoryContextGetParent(self->reading));
	stream_discard(&self->stream);
	if (self->state->spill != NULL)
		event_spill_discard(self->state->spill);
	MemoryContextDelete(self->reading);
}

/* Reads a part of the table. */
static void
read_part(Participant *self)
{
	const TouchColumns *columns = &self->shared->columns;
	TableScanDesc scan = table_beginscan_parallel(self->relation, self->parts);

	begin_reading(self, columns);
	self->state->spill = event_spill_share(self->reading, &self->share, SHARED_WAYS);
	stretches_init(&self->stretches);
	stream_begin(&self->stream, self->state, &self->stretches,
				 event_spill_share(self->reading, &self->share, 1));
	if (self->share.round == 0)
		self->stream.found = &self->shared->found;
	else
	{
		self->stream.scatter = true;
		self->state->in_order = false;
	}
	self->rows = attribution_scan(self->state, self->relation, scan, columns, &self->stretches, &self->stream);
	table_endscan(scan);
}

/* Reads a part of the table, and learns what the others have read. */
static void
read_together(Participant *self)
{
	read_part(self);
	tell_reading(self);
	/* one that could not start would be waited for in vain */
	if (self->context != NULL)
		WaitForParallelWorkersToAttach(self->context);
	wait_for_all(self);
	hear_all(self);
}

/* What every process does, from its first row to the summary of its paths; NULL: no rows. */
static AttributionSummary *
take_part(Participant *self)
{
	JourneyWalker *walker;

	self->share.set = &self->shared->files.fs;
	read_together(self);
	/* journeys have been walked that are not complete */
	if (!self->ordered && self->walked)
	{
		discard_reading(self);
		if (self->context != NULL)
			table_parallelscan_reinitialize(self->relation, self->parts);
		wait_for_all(self);
		self->share.round++;
		read_together(self);
		self->ordered = false;
	}
	if (self->rows == 0)
		return NULL;
	if (self->ordered)
		walk_own(self);
	else
		give_away(self);
	rank_names(self);
	wait_for_all(self);
	walk_shared(self);
	walker = self->walker;
	paths_send(walker->paths, self->share.set, self->share.self, self->share.processes);
	tell_uses(self);
	wait_for_all(self);
	paths_receive(walker->paths, self->share.set);
	hear_uses(self);
	summary_take_paths(walker->builder, walker->paths, walker->uses, NULL, 1);
	return summary_end(walker->builder);
}

/* Hands the summary of a worker on. */
static void
tell_result(Participant *self, const AttributionSummary *summary)
{
	bytea	   *value = summary_write(summary);
	BufFile    *file = make_file(self, "result");
	ResultHead	head;

	memset(&head, 0, sizeof(head));
	head.total = self->walker->total;
	head.size = VARSIZE(value);
	BufFileWrite(file, &head, sizeof(head));
	BufFileWrite(file, value, VARSIZE(value));
	end_file(file);
}

/* The summary of a worker. */
static AttributionSummary *
hear_result(Participant *self, int process)
{
	BufFile    *file = open_file(self, "result", process);
	AttributionSummary *summary;
	ResultHead	head;
	bytea	   *value;

	BufFileReadExact(file, &head, sizeof(head));
	attribution_add_total(self->walker, head.total);
	value = MemoryContextAllocHuge(CurrentMemoryContext, head.size);
	BufFileReadExact(file, value, head.size);
	BufFileClose(file);
	summary = summary_read_part(value);
	pfree(value);
	return summary;
}

/*
 * The value of the sum of the leader's summary and those of the workers.  Each has all
 * names of actors, so no more than two are there at a time.
 */
static bytea *
add_results(Participant *self, AttributionSummary *sum)
{
	bytea	   *value = NULL;

	for (int process = 1; process < self->share.processes; process++)
	{
		MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "attribution sum", ALLOCSET_DEFAULT_SIZES);
		MemoryContext caller = MemoryContextSwitchTo(work);

		if (value != NULL)
		{
			sum = summary_read_part(value);
			pfree(value);
		}
		summary_add(&sum, hear_result(self, process), true);
		MemoryContextSwitchTo(caller);
		value = summary_write(sum);
		MemoryContextDelete(work);
	}
	return value;
}

/* omni_attribution_worker: what a worker does. */
void
omni_attribution_worker(dsm_segment *segment, shm_toc *toc)
{
	Participant self = {.shared = shm_toc_lookup(toc, KEY_SHARED, false)};
	AttributionSummary *summary;

	SharedFileSetAttach(&self.shared->files, segment);
	self.relation = table_open(self.shared->relation, AccessShareLock);
	self.parts = shm_toc_lookup(toc, KEY_SCAN, false);
	self.options = shm_toc_lookup(toc, KEY_OPTIONS, false);
	self.share.self = ParallelWorkerNumber + 1;
	summary = take_part(&self);
	if (summary != NULL)
		tell_result(&self, summary);
	(void) BarrierArriveAndDetach(&self.shared->barrier);
	table_close(self.relation, AccessShareLock);
}

/* Processors of this machine: processes that wait for each other should have one each. */
static int
processors(void)
{
	long		count = sysconf(_SC_NPROCESSORS_ONLN);

	return count < 1 || count > PG_INT16_MAX ? PG_INT16_MAX : (int) count;
}

/* Number of workers that a table is worth, by the rules for a parallel scan. */
static int
workers_worth(Relation relation)
{
	int			most = Min(max_parallel_workers_per_gather, max_parallel_workers);
	int			wanted = RelationGetParallelWorkers(relation, -1);
	BlockNumber pages = RelationGetNumberOfBlocks(relation);

	if (IsInParallelMode() || IsParallelWorker() || !IsUnderPostmaster || RelationUsesLocalBuffers(relation))
		return 0;
	/* what the table's owner has set counts as it stands */
	if (wanted >= 0)
		return Min(wanted, most);
	wanted = 0;
	for (uint64 threshold = (uint64) Max(min_parallel_table_scan_size, 1); pages >= threshold; threshold *= 3)
		wanted++;
	return Min(wanted, Min(most, processors() - 1));
}

/* Ends what launch_workers() began; workers have done their part. */
static void
end_workers(Participant *self)
{
	WaitForParallelWorkersToFinish(self->context);
	DestroyParallelContext(self->context);
	self->context = NULL;
	ExitParallelMode();
}

/* Lays out what the processes share. */
static void
lay_out(Participant *self, const TouchColumns *columns, Snapshot snapshot, Size scan_size)
{
	ParallelContext *context = self->context;
	SharedTable *shared = shm_toc_allocate(context->toc, sizeof(SharedTable));
	Size		options_size = VARSIZE(self->options);
	char	   *options;

	self->shared = shared;
	shared->relation = RelationGetRelid(self->relation);
	shared->columns = *columns;
	pg_atomic_init_u32(&shared->found, 0);
	/* all have a place from the start, which one that is missing may give up */
	BarrierInit(&shared->barrier, 0);
	for (int process = 0; process <= context->nworkers; process++)
		(void) BarrierAttach(&shared->barrier);
	SharedFileSetInit(&shared->files, context->seg);
	shm_toc_insert(context->toc, KEY_SHARED, shared);
	options = shm_toc_allocate(context->toc, options_size);
	memcpy(options, self->options, options_size);
	shm_toc_insert(context->toc, KEY_OPTIONS, options);
	self->parts = shm_toc_allocate(context->toc, scan_size);
	table_parallelscan_initialize(self->relation, self->parts, snapshot);
	/* from the first block on: what begins in the middle is not in order */
	self->parts->phs_syncscan = false;
	shm_toc_insert(context->toc, KEY_SCAN, self->parts);
}

/* Launches workers; false where there are none to be had. */
static bool
launch_workers(Participant *self, const TouchColumns *columns)
{
	int			workers = workers_worth(self->relation);
	Snapshot	snapshot = GetActiveSnapshot();
	Size		scan_size = table_parallelscan_estimate(self->relation, snapshot);
	ParallelContext *context;

	if (workers == 0)
		return false;
	EnterParallelMode();
	self->context = context = CreateParallelContext("omnicrm", "omni_attribution_worker", workers);
	shm_toc_estimate_chunk(&context->estimator, sizeof(SharedTable));
	shm_toc_estimate_chunk(&context->estimator, VARSIZE(self->options));
	shm_toc_estimate_chunk(&context->estimator, scan_size);
	shm_toc_estimate_keys(&context->estimator, 3);
	InitializeParallelDSM(context);
	if (context->seg != NULL)
	{
		lay_out(self, columns, snapshot, scan_size);
		LaunchParallelWorkers(context);
	}
	if (context->nworkers_launched == 0)
	{
		end_workers(self);
		return false;
	}
	self->shared->processes = context->nworkers_launched + 1;
	for (int missing = context->nworkers_launched; missing < context->nworkers; missing++)
		(void) BarrierArriveAndDetach(&self->shared->barrier);
	return true;
}

/* The value of the table that this process and workers read; NULL: no rows. */
static bytea *
value_together(Participant *self)
{
	AttributionSummary *summary = take_part(self);
	bytea	   *value = NULL;

	wait_for_all(self);
	if (summary != NULL)
		value = add_results(self, summary);
	end_workers(self);
	return value;
}

/* The table read by this process alone; stream: whether journeys may be walked on the way. */
static int64
read_alone(Participant *self, const TouchColumns *columns, bool stream)
{
	TableScanDesc scan = table_beginscan_strat(self->relation, GetActiveSnapshot(), 0, NULL, true, false);
	int64		rows;

	begin_reading(self, columns);
	stream_begin(&self->stream, self->state, NULL, NULL);
	self->state->in_order = stream;
	rows = attribution_scan(self->state, self->relation, scan, columns, NULL, stream ? &self->stream : NULL);
	table_endscan(scan);
	return rows;
}

/* The value of what this process reads alone; NULL: no rows. */
static bytea *
value_alone(Participant *self, const TouchColumns *columns)
{
	int64		rows = read_alone(self, columns, true);

	if (rows > 0 && self->stream.walked && stream_is_ordered(&self->stream))
	{
		JourneyWalker *walker;

		stream_end(&self->stream);
		walker = self->stream.walker;
		summary_take_paths(walker->builder, walker->paths, walker->uses, NULL, 1);
		return summary_write(summary_end(walker->builder));
	}
	if (self->stream.walked)
	{
		discard_reading(self);
		rows = read_alone(self, columns, false);
	}
	return rows > 0 ? summary_write(attribution_summarise(self->state)) : NULL;
}

/*
 * attribution_of_relation: the summary of the rows of a table, in current memory; NULL
 * without rows.
 * Errors: those of the aggregate.
 */
bytea *
attribution_of_relation(Relation relation, const TouchColumns *columns, Jsonb *options)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work = AllocSetContextCreate(caller, "attribution", ALLOCSET_DEFAULT_SIZES);
	Participant self = {.relation = relation, .options = options};
	bytea	   *value;
	bytea	   *result = NULL;

	MemoryContextSwitchTo(work);
	if (launch_workers(&self, columns))
		value = value_together(&self);
	else
		value = value_alone(&self, columns);
	if (value != NULL)
	{
		result = MemoryContextAlloc(caller, VARSIZE(value));
		memcpy(result, value, VARSIZE(value));
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	return result;
}
