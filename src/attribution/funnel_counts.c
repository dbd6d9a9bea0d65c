/*
 * funnel_counts.c
 *		window_funnel_counts: how many journeys reach each step of a funnel, from the
 *		events of all journeys at once.
 *
 * With a GROUP BY of a million journeys most of the time goes into finding the
 * group of each row.  Here rows are only appended, 24 bytes each, and brought
 * together at the end by a radix sort on the journey.  It is stable: within a
 * journey rows stay in the order in which they came, mostly that of their time.
 * Memory is limited by maintenance_work_mem.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "attribution/funnel.h"
#include "common/aggregate.h"
#include "common/arrays.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_trans);
PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_mode_trans);
PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_combine);
PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_serial);
PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_deserial);
PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_final);

#define FIRST_ROOM 512
#define STATE_VERSION 1
#define RECORD_BYTES (2 * sizeof(int64) + sizeof(uint32))

typedef struct FunnelRecord
{
	int64		journey;
	TimestampTz at;
	uint32		conditions;
} FunnelRecord;

typedef struct FunnelSet
{
	MemoryContext context;
	uint64		window;
	uint8		modes;
	uint16		nconditions;
	bool		grouped;		/* rows of a journey stand together, journeys in order */
	uint64		count;
	uint64		room;
	FunnelRecord *records;
} FunnelSet;

static FunnelSet *
make_set(MemoryContext context, uint64 window, uint8 modes, int nconditions)
{
	FunnelSet  *set = MemoryContextAllocZero(context, sizeof(FunnelSet));

	set->context = context;
	set->window = window;
	set->modes = modes;
	set->nconditions = nconditions;
	set->grouped = true;
	return set;
}

/* Makes room for more records.  Error: program_limit_exceeded. */
static void
reserve_records(FunnelSet *set, uint64 more)
{
	uint64		needed = set->count + more;
	/* the sort needs a second array */
	uint64		most = (uint64) maintenance_work_mem * 1024 / (2 * sizeof(FunnelRecord));

	if (needed <= set->room)
		return;
	if (needed > most)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("window_funnel_counts has more than %llu events, as many as fit into maintenance_work_mem",
						(unsigned long long) most),
				 errhint("Raise maintenance_work_mem (48 bytes an event), or count the results of window_funnel() with GROUP BY.")));
	set->room = Min(Max(Max(set->room * 2, needed), FIRST_ROOM), most);
	if (set->records == NULL)
		set->records = MemoryContextAllocHuge(set->context, set->room * sizeof(FunnelRecord));
	else
		set->records = repalloc_huge(set->records, set->room * sizeof(FunnelRecord));
}

static inline void
add_record(FunnelSet *set, int64 journey, TimestampTz at, uint32 conditions)
{
	FunnelRecord *record;

	if (unlikely(set->count == set->room))
		reserve_records(set, 1);
	record = &set->records[set->count];
	record->journey = journey;
	record->at = at;
	record->conditions = conditions;
	if (set->grouped && set->count > 0)
		set->grouped = record[-1].journey <= journey;
	set->count++;
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

/* Takes in one row: journey, window [, mode], time, conditions. */
static FunnelSet *
take_row(FunctionCallInfo fcinfo, int mode_argument, int time_argument)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	FunnelSet  *set = PG_ARGISNULL(0) ? NULL : (FunnelSet *) PG_GETARG_POINTER(0);
	const FunnelParameters *parameters = funnel_parameters(fcinfo, 2, mode_argument);
	int			count;
	uint32		conditions = journey_conditions(fcinfo, time_argument + 1, &count);
	TimestampTz at;

	if (set == NULL)
		set = make_set(context, parameters->window, parameters->modes, count);
	else
		check_same_parameters(set, parameters->window, parameters->modes, count);
	if (journey_time(fcinfo, time_argument, &at) && !PG_ARGISNULL(1) &&
		(conditions != 0 || (set->modes & FUNNEL_ORDER) != 0))
		add_record(set, PG_GETARG_INT64(1), at, conditions);
	return set;
}

/*
 * Transition of window_funnel_counts(journey bigint, window interval, ts timestamptz,
 * VARIADIC conditions boolean[]).  A row without journey or time is passed over.
 * Errors: as window_funnel.
 */
Datum
omnicrm_funnel_counts_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(take_row(fcinfo, 0, 3));
}

/* The same with a mode behind the window. */
Datum
omnicrm_funnel_counts_mode_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(take_row(fcinfo, 3, 4));
}

/*
 * Combine function: (internal, internal) returns internal, the first with the records
 * of the second.  Errors: invalid_parameter_value, program_limit_exceeded.
 */
Datum
omnicrm_funnel_counts_combine(PG_FUNCTION_ARGS)
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
	into = PG_ARGISNULL(0) ? make_set(context, from->window, from->modes, from->nconditions) :
		(FunnelSet *) PG_GETARG_POINTER(0);
	check_same_parameters(into, from->window, from->modes, from->nconditions);
	if (from->count == 0)
		PG_RETURN_POINTER(into);
	reserve_records(into, from->count);
	memcpy(into->records + into->count, from->records, from->count * sizeof(FunnelRecord));
	into->grouped = into->grouped && from->grouped &&
		(into->count == 0 || into->records[into->count - 1].journey <= from->records[0].journey);
	into->count += from->count;
	PG_RETURN_POINTER(into);
}

/*
 * Serialise: (internal) returns bytea: version, parameters, number of records, records;
 * network byte order.  Error: program_limit_exceeded beyond one value.
 */
Datum
omnicrm_funnel_counts_serial(PG_FUNCTION_ARGS)
{
	FunnelSet  *set;
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	set = (FunnelSet *) PG_GETARG_POINTER(0);
	if (set->count > (MaxAllocSize - 64) / RECORD_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a partial state of window_funnel_counts with %llu events does not fit into one value",
						(unsigned long long) set->count),
				 errhint("Run it without parallel workers: SET max_parallel_workers_per_gather = 0.")));
	pq_begintypsend(&buffer);
	enlargeStringInfo(&buffer, 64 + set->count * RECORD_BYTES);
	pq_sendbyte(&buffer, STATE_VERSION);
	pq_sendbyte(&buffer, set->nconditions);
	pq_sendbyte(&buffer, set->modes);
	pq_sendint64(&buffer, set->window);
	pq_sendint64(&buffer, set->count);
	for (uint64 i = 0; i < set->count; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		pq_writeint64(&buffer, set->records[i].journey);
		pq_writeint64(&buffer, set->records[i].at);
		pq_writeint32(&buffer, set->records[i].conditions);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of aggregate window_funnel_counts")));
}

/* Deserialise: (bytea, internal) returns internal.  Error: data_corrupted. */
Datum
omnicrm_funnel_counts_deserial(PG_FUNCTION_ARGS)
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
	set = make_set(CurrentMemoryContext, window, modes, nconditions);
	reserve_records(set, count);
	for (uint64 i = 0; i < count; i++)
	{
		int64		journey = pq_getmsgint64(&buffer);
		TimestampTz at = pq_getmsgint64(&buffer);
		uint32		conditions = pq_getmsgint(&buffer, 4);

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (TIMESTAMP_NOT_FINITE(at) || ((uint64) conditions >> nconditions) != 0)
			corrupt_state();
		add_record(set, journey, at, conditions);
	}
	PG_RETURN_POINTER(set);
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

	if (set->grouped)
		return;
	to = MemoryContextAllocHuge(set->context, set->room * sizeof(FunnelRecord));
	memset(histogram, 0, sizeof(histogram));
	for (uint64 i = 0; i < set->count; i++)
		for (int byte = 0; byte < sizeof(int64); byte++)
			histogram[byte][((uint64) from[i].journey >> (byte * 8)) & 0xFF]++;
	for (int byte = 0; byte < sizeof(int64); byte++)
	{
		uint64		start = 0;
		FunnelRecord *swap;

		CHECK_FOR_INTERRUPTS();
		if (histogram[byte][((uint64) from[0].journey >> (byte * 8)) & 0xFF] == set->count)
			continue;
		for (int value = 0; value < 256; value++)
		{
			uint64		here = histogram[byte][value];

			histogram[byte][value] = start;
			start += here;
		}
		for (uint64 i = 0; i < set->count; i++)
			to[histogram[byte][((uint64) from[i].journey >> (byte * 8)) & 0xFF]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	pfree(to);
	set->records = from;
}

/*
 * Final function: (internal) returns bigint[]: element k is the number of journeys that
 * reached level k or a higher one; null without rows.
 */
Datum
omnicrm_funnel_counts_final(PG_FUNCTION_ARGS)
{
	FunnelSet  *set;
	EventState *journey;
	ArrayType  *result;
	int64	   *reached;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	set = (FunnelSet *) PG_GETARG_POINTER(0);
	group_records(set);
	result = make_fixed_array(INT8OID, sizeof(int64), set->nconditions, (void **) &reached);
	journey = event_state_make(CurrentMemoryContext, set->nconditions, 0);
	journey->window = set->window;
	journey->modes = set->modes;
	for (uint64 i = 0; i < set->count;)
	{
		int64		key = set->records[i].journey;

		journey->count = 0;
		journey->sorted = true;
		for (; i < set->count && set->records[i].journey == key; i++)
			journey = event_state_add(journey, set->records[i].at, set->records[i].conditions);
		for (int level = funnel_level(journey); level > 0; level--)
			reached[level - 1]++;
		CHECK_FOR_INTERRUPTS();
	}
	PG_RETURN_ARRAYTYPE_P(result);
}
