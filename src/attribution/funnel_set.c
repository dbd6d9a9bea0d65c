/*
 * funnel_set.c
 *		The events of many journeys in any order, for funnels of all journeys at once:
 *		the state of window_funnel_counts and window_funnel_levels.
 *
 * With a GROUP BY of a million journeys most of the time goes into finding the
 * group of each row.  Here rows are only appended, 24 bytes each, and brought
 * together at the end by a radix sort on the journey.  It is stable: within a
 * journey rows stay in the order in which they came, mostly that of their time.
 *
 * When rows and the second array of the sort would take more memory than a hash
 * table may (work_mem times hash_mem_multiplier), the rows are sorted and written
 * to a temporary file as a run; at the end the runs are merged.  A window function
 * has no place to close a file, so that there maintenance_work_mem is the limit.
 */
#include "postgres.h"

#include "executor/nodeHash.h"
#include "lib/binaryheap.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/funnel_set.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_funnel_set_combine);
PG_FUNCTION_INFO_V1(omnicrm_funnel_set_serial);
PG_FUNCTION_INFO_V1(omnicrm_funnel_set_deserial);

#define FIRST_ROOM 512
#define FIRST_RUNS 16
#define STATE_VERSION 2
#define RECORD_BYTES (2 * sizeof(int64) + sizeof(uint32) + 1)
/* records of a run that are read at once */
#define LEAST_READ 64
#define MOST_READ 8192
/* records between two looks for an interruption */
#define PIECE 65536

/* Reads records in their order, of a run or of those in memory. */
typedef struct RunReader
{
	int			number;			/* of readers of one journey the lowest goes first */
	FunnelRun	rest;			/* what is still in the file */
	FunnelRecord *records;
	uint64		room;
	uint64		count;
	uint64		place;
} RunReader;

/* An empty set that holds so many records in memory. */
static FunnelSet *
make_set(MemoryContext context, uint64 window, uint8 modes, int nconditions, uint64 most)
{
	FunnelSet  *set = MemoryContextAllocZero(context, sizeof(FunnelSet));

	set->context = context;
	set->window = window;
	set->modes = modes;
	set->nconditions = nconditions;
	set->grouped = true;
	set->most = Max(most, FIRST_ROOM);
	return set;
}

/* The records that an aggregate may hold in memory; the sort needs a second array. */
static uint64
most_records(FunctionCallInfo fcinfo)
{
	Size		memory = AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_WINDOW ?
		(Size) maintenance_work_mem * 1024 : get_hash_memory_limit();

	return memory / (2 * sizeof(FunnelRecord));
}

/*
 * Brings the records of each journey together: a stable radix sort by the bytes of the
 * journey, least significant first; bytes that are equal in all records cost nothing.
 */
static void
group_records(FunnelSet *set)
{
	uint64		histogram[sizeof(int64)][256];
	FunnelRecord *from = set->records;
	FunnelRecord *to;
	/* so that negative journeys come first */
	const uint64 sign = UINT64CONST(1) << 63;

	if (set->grouped)
		return;
	to = MemoryContextAllocHuge(set->context, set->room * sizeof(FunnelRecord));
	memset(histogram, 0, sizeof(histogram));
	for (uint64 i = 0; i < set->count; i++)
		for (int byte = 0; byte < sizeof(int64); byte++)
			histogram[byte][(((uint64) from[i].journey ^ sign) >> (byte * 8)) & 0xFF]++;
	for (int byte = 0; byte < sizeof(int64); byte++)
	{
		uint64		start = 0;
		FunnelRecord *swap;

		CHECK_FOR_INTERRUPTS();
		if (histogram[byte][(((uint64) from[0].journey ^ sign) >> (byte * 8)) & 0xFF] == set->count)
			continue;
		for (int value = 0; value < 256; value++)
		{
			uint64		here = histogram[byte][value];

			histogram[byte][value] = start;
			start += here;
		}
		for (uint64 i = 0; i < set->count; i++)
			to[histogram[byte][(((uint64) from[i].journey ^ sign) >> (byte * 8)) & 0xFF]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	pfree(to);
	set->records = from;
	set->grouped = true;
}

/* Goes to a place of the file. */
static void
seek_file(FunnelSet *set, int segment, off_t offset)
{
	if (BufFileSeek(set->file, segment, offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in temporary file of a funnel")));
}

/* Closes the file of a set when its aggregate is done. */
static void
close_file(Datum set)
{
	BufFileClose(((FunnelSet *) DatumGetPointer(set))->file);
}

/* Makes the file, or room for one run more. */
static void
reserve_run(FunctionCallInfo fcinfo, FunnelSet *set)
{
	MemoryContext caller = MemoryContextSwitchTo(set->context);

	if (set->file == NULL)
	{
		set->file = BufFileCreateTemp(false);
		AggRegisterCallback(fcinfo, close_file, PointerGetDatum(set));
		set->runs_room = FIRST_RUNS;
		set->runs = palloc_array(FunnelRun, set->runs_room);
	}
	else if (set->nruns == set->runs_room)
	{
		set->runs_room *= 2;
		set->runs = repalloc_huge(set->runs, set->runs_room * sizeof(FunnelRun));
	}
	MemoryContextSwitchTo(caller);
}

/* Moves the records in memory to the end of the file, sorted. */
static void
write_run(FunctionCallInfo fcinfo, FunnelSet *set)
{
	reserve_run(fcinfo, set);
	set->end.count = set->count;
	set->runs[set->nruns++] = set->end;
	group_records(set);
	/* reading may have moved the place */
	seek_file(set, set->end.segment, set->end.offset);
	for (uint64 done = 0; done < set->count; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		BufFileWrite(set->file, set->records + done, Min(set->count - done, PIECE) * sizeof(FunnelRecord));
	}
	BufFileTell(set->file, &set->end.segment, &set->end.offset);
	set->count = 0;
	set->grouped = true;
}

/* Makes room for one record more.  Error: program_limit_exceeded for a window function. */
static void
reserve_record(FunctionCallInfo fcinfo, FunnelSet *set)
{
	if (set->count == set->most)
	{
		if (AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_WINDOW)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a funnel as a window function has more than %llu events, as many as fit into maintenance_work_mem",
							(unsigned long long) set->most),
					 errhint("Raise maintenance_work_mem (48 bytes an event), or leave out OVER: an aggregate uses a temporary file.")));
		write_run(fcinfo, set);
		return;
	}
	set->room = Min(Max(set->room * 2, FIRST_ROOM), set->most);
	if (set->records == NULL)
		set->records = MemoryContextAllocHuge(set->context, set->room * sizeof(FunnelRecord));
	else
		set->records = repalloc_huge(set->records, set->room * sizeof(FunnelRecord));
}

static inline void
add_record(FunctionCallInfo fcinfo, FunnelSet *set, const FunnelRecord *record)
{
	if (unlikely(set->count == set->room))
		reserve_record(fcinfo, set);
	if (set->grouped && set->count > 0)
		set->grouped = set->records[set->count - 1].journey <= record->journey;
	set->records[set->count++] = *record;
}

static void
check_same_parameters(const FunnelSet *set, uint64 window, uint8 modes, int nconditions)
{
	if (set->window != window)
		journey_refuse_change("window");
	if (set->modes != modes)
		journey_refuse_change("mode");
	if (set->nconditions != nconditions)
		journey_refuse_change("number of conditions");
}

/*
 * funnel_set_take_row: the transition for one row with journey, window, mode, time
 * and conditions; mode_argument 0: no mode.  A row without journey is passed over; one that
 * is no event counts with all_journeys only, for its journey.
 * Errors: as those of window_funnel.
 */
FunnelSet *
funnel_set_take_row(FunctionCallInfo fcinfo, int mode_argument, int time_argument, bool all_journeys)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	FunnelSet  *set = PG_ARGISNULL(0) ? NULL : (FunnelSet *) PG_GETARG_POINTER(0);
	const FunnelParameters *parameters = funnel_parameters(fcinfo, 2, mode_argument);
	int			count;
	FunnelRecord record = {0};

	record.conditions = journey_conditions(fcinfo, time_argument + 1, &count);
	if (set == NULL)
		set = make_set(context, parameters->window, parameters->modes, count, most_records(fcinfo));
	else
		check_same_parameters(set, parameters->window, parameters->modes, count);
	record.is_event = journey_time(fcinfo, time_argument, &record.at) &&
		(record.conditions != 0 || (set->modes & FUNNEL_ORDER) != 0);
	if (PG_ARGISNULL(1))
		return set;
	record.journey = PG_GETARG_INT64(1);
	/* the record before may tell of the journey already */
	if (record.is_event ||
		(all_journeys && (set->count == 0 || set->records[set->count - 1].journey != record.journey)))
		add_record(fcinfo, set, &record);
	return set;
}

/* Reads on where the records in memory are used up; false at the end. */
static bool
fill_reader(FunnelSet *set, RunReader *reader)
{
	uint64		count = Min(reader->rest.count, reader->room);

	if (count == 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	seek_file(set, reader->rest.segment, reader->rest.offset);
	BufFileReadExact(set->file, reader->records, count * sizeof(FunnelRecord));
	BufFileTell(set->file, &reader->rest.segment, &reader->rest.offset);
	reader->rest.count -= count;
	reader->count = count;
	reader->place = 0;
	return true;
}

/* A reader of each run, or one of the records in memory; in current memory. */
static RunReader *
make_readers(FunnelSet *set, uint32 *count)
{
	RunReader  *readers;

	*count = Max(set->nruns, 1);
	readers = palloc0_array(RunReader, *count);
	if (set->nruns == 0)
	{
		readers->records = set->records;
		readers->count = set->count;
		return readers;
	}
	for (uint32 i = 0; i < *count; i++)
	{
		readers[i].number = i;
		readers[i].rest = set->runs[i];
		readers[i].room = Min(Max(set->most / *count, LEAST_READ), MOST_READ);
		readers[i].records = palloc_array(FunnelRecord, readers[i].room);
		fill_reader(set, &readers[i]);
	}
	return readers;
}

/* The order of a heap whose first is the reader with the lowest journey. */
static int
compare_readers(Datum left, Datum right, void *arg)
{
	const RunReader *a = (const RunReader *) DatumGetPointer(left);
	const RunReader *b = (const RunReader *) DatumGetPointer(right);
	int64		first = a->records[a->place].journey;
	int64		second = b->records[b->place].journey;

	if (first != second)
		return first < second ? 1 : -1;
	return b->number - a->number;
}

/* Takes the events of a journey from a reader; false when it has no more records. */
static bool
read_journey(FunnelSet *set, RunReader *reader, int64 key, EventState **journey)
{
	do
	{
		for (; reader->place < reader->count; reader->place++)
		{
			const FunnelRecord *record = &reader->records[reader->place];

			if (record->journey != key)
				return true;
			if (record->is_event)
				*journey = event_state_add(*journey, record->at, record->conditions);
		}
	} while (fill_reader(set, reader));
	return false;
}

/*
 * funnel_set_walk: gives the level that each journey reached to a function, by the
 * number of the journey.  The set stays as it is.
 * Errors: program_limit_exceeded for a journey with too many events.
 */
void
funnel_set_walk(FunctionCallInfo fcinfo, FunnelSet *set, FunnelTaker take, void *taker)
{
	EventState *journey = event_state_make(CurrentMemoryContext, set->nconditions, 0);
	RunReader  *readers;
	uint32		nreaders;
	binaryheap *heap;

	journey->window = set->window;
	journey->modes = set->modes;
	if (set->nruns > 0 && set->count > 0)
		write_run(fcinfo, set);
	if (set->nruns > 0 && set->records != NULL)
	{
		/* its memory is needed to read */
		pfree(set->records);
		set->records = NULL;
		set->room = 0;
	}
	group_records(set);
	readers = make_readers(set, &nreaders);
	heap = binaryheap_allocate(nreaders, compare_readers, NULL);
	for (uint32 i = 0; i < nreaders; i++)
		if (readers[i].count > 0)
			binaryheap_add(heap, PointerGetDatum(&readers[i]));
	while (!binaryheap_empty(heap))
	{
		RunReader  *reader = (RunReader *) DatumGetPointer(binaryheap_first(heap));
		int64		key = reader->records[reader->place].journey;

		CHECK_FOR_INTERRUPTS();
		journey->count = 0;
		journey->sorted = true;
		do
		{
			if (read_journey(set, reader, key, &journey))
				binaryheap_replace_first(heap, PointerGetDatum(reader));
			else
				binaryheap_remove_first(heap);
			if (binaryheap_empty(heap))
				break;
			reader = (RunReader *) DatumGetPointer(binaryheap_first(heap));
		} while (reader->records[reader->place].journey == key);
		take(taker, key, funnel_level(journey));
	}
	binaryheap_free(heap);
}

/* All records, in the file or in memory, a piece at a time: a step of reading them. */
static bool
next_piece(FunnelSet *set, RunReader *reader, uint32 *run)
{
	while (*run < set->nruns)
	{
		if (reader->records == NULL)
		{
			reader->room = Min(set->most, MOST_READ);
			reader->records = palloc_array(FunnelRecord, reader->room);
			reader->rest = set->runs[0];
		}
		if (fill_reader(set, reader))
			return true;
		if (++(*run) < set->nruns)
			reader->rest = set->runs[*run];
	}
	if ((*run)++ > set->nruns)
		return false;
	reader->records = set->records;
	reader->count = set->count;
	return true;
}

/*
 * Combine function: (internal, internal) returns internal, the first with the records
 * of the second, which was just deserialised and so is in memory.
 * Error: invalid_parameter_value.
 */
Datum
omnicrm_funnel_set_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	FunnelSet  *into;
	FunnelSet  *from;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	from = (FunnelSet *) PG_GETARG_POINTER(1);
	Assert(from->nruns == 0);
	into = PG_ARGISNULL(0) ?
		make_set(context, from->window, from->modes, from->nconditions, most_records(fcinfo)) :
		(FunnelSet *) PG_GETARG_POINTER(0);
	check_same_parameters(into, from->window, from->modes, from->nconditions);
	for (uint64 i = 0; i < from->count; i++)
	{
		if (i % PIECE == 0)
			CHECK_FOR_INTERRUPTS();
		add_record(fcinfo, into, &from->records[i]);
	}
	PG_RETURN_POINTER(into);
}

/*
 * Serialise: (internal) returns bytea: version, parameters, number of records, records;
 * network byte order.  Error: program_limit_exceeded beyond one value.
 */
Datum
omnicrm_funnel_set_serial(PG_FUNCTION_ARGS)
{
	FunnelSet  *set;
	StringInfoData buffer;
	RunReader	reader = {0};
	uint32		run = 0;
	uint64		count;

	(void) omni_aggregate_context(fcinfo);
	set = (FunnelSet *) PG_GETARG_POINTER(0);
	count = set->count;
	for (uint32 i = 0; i < set->nruns; i++)
		count += set->runs[i].count;
	if (count > (MaxAllocSize - 64) / RECORD_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a partial state of window_funnel_counts or window_funnel_levels with %llu events does not fit into one value",
						(unsigned long long) count),
				 errhint("Run it without parallel workers: SET max_parallel_workers_per_gather = 0.")));
	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, 64 + count * RECORD_BYTES);
	pq_sendbyte(&buffer, STATE_VERSION);
	pq_sendbyte(&buffer, set->nconditions);
	pq_sendbyte(&buffer, set->modes);
	pq_sendint64(&buffer, set->window);
	pq_sendint64(&buffer, count);
	while (next_piece(set, &reader, &run))
		for (uint64 i = 0; i < reader.count; i++)
		{
			if (i % PIECE == 0)
				CHECK_FOR_INTERRUPTS();
			pq_writeint64(&buffer, reader.records[i].journey);
			pq_writeint64(&buffer, reader.records[i].at);
			pq_writeint32(&buffer, reader.records[i].conditions);
			pq_writeint8(&buffer, reader.records[i].is_event);
		}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of aggregate window_funnel_counts or window_funnel_levels")));
}

/* Deserialise: (bytea, internal) returns internal.  Error: data_corrupted. */
Datum
omnicrm_funnel_set_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	FunnelSet  *set;
	StringInfoData buffer;
	int			nconditions;
	int			modes;
	uint64		window;
	uint64		count;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgbyte(&buffer) != STATE_VERSION)
		corrupt_state();
	nconditions = pq_getmsgbyte(&buffer);
	modes = pq_getmsgbyte(&buffer);
	window = pq_getmsgint64(&buffer);
	count = pq_getmsgint64(&buffer);
	if (nconditions < 1 || nconditions > MAX_CONDITIONS || (modes & ~FUNNEL_ALL_MODES) != 0 || window > PG_INT64_MAX ||
		count > MaxAllocSize / RECORD_BYTES || buffer.len - buffer.cursor != (int64) (count * RECORD_BYTES))
		corrupt_state();
	/* no larger than what it is read from, which is in memory */
	set = make_set(CurrentMemoryContext, window, modes, nconditions, count);
	for (uint64 i = 0; i < count; i++)
	{
		FunnelRecord record;

		record.journey = pq_getmsgint64(&buffer);
		record.at = pq_getmsgint64(&buffer);
		record.conditions = pq_getmsgint(&buffer, 4);
		record.is_event = pq_getmsgbyte(&buffer);
		if (i % PIECE == 0)
			CHECK_FOR_INTERRUPTS();
		if (TIMESTAMP_NOT_FINITE(record.at) || ((uint64) record.conditions >> nconditions) != 0 || record.is_event > 1)
			corrupt_state();
		add_record(fcinfo, set, &record);
	}
	PG_RETURN_POINTER(set);
}
