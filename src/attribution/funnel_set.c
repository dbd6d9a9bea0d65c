/*
 * funnel_set.c
 *		The events of many journeys in any order, for funnels of all journeys at once:
 *		the state of window_funnel_counts and window_funnel_levels.
 */
#include "postgres.h"

#include "libpq/pqformat.h"
#include "miscadmin.h"

#include "attribution/funnel_set.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_funnel_set_combine);
PG_FUNCTION_INFO_V1(omnicrm_funnel_set_serial);
PG_FUNCTION_INFO_V1(omnicrm_funnel_set_deserial);

#define STATE_VERSION 2

static FunnelSet *
make_set(FunctionCallInfo fcinfo, MemoryContext context, uint64 window, uint8 modes, int nconditions)
{
	FunnelSet  *set = MemoryContextAlloc(context, sizeof(FunnelSet));

	set->window = window;
	set->modes = modes;
	set->nconditions = nconditions;
	set->rows = keyed_rows_make(fcinfo, context);
	return set;
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
	KeyedRow	row = {0};
	const KeyedRows *rows;

	row.bits = journey_conditions(fcinfo, time_argument + 1, &count);
	if (set == NULL)
		set = make_set(fcinfo, context, parameters->window, parameters->modes, count);
	else
		check_same_parameters(set, parameters->window, parameters->modes, count);
	row.flag = journey_time(fcinfo, time_argument, &row.value) && (row.bits != 0 || (set->modes & FUNNEL_ORDER) != 0);
	if (PG_ARGISNULL(1))
		return set;
	row.key = PG_GETARG_INT64(1);
	rows = set->rows;
	/* the row before may tell of the journey already */
	if (row.flag || (all_journeys && (rows->count == 0 || rows->rows[rows->count - 1].key != row.key)))
		keyed_rows_add(fcinfo, set->rows, &row);
	return set;
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
	KeyedReader *reader = keyed_rows_read(fcinfo, set->rows);
	int64		key;

	journey->window = set->window;
	journey->modes = set->modes;
	while (keyed_reader_key(reader, &key))
	{
		const KeyedRow *row;

		journey->count = 0;
		journey->sorted = true;
		while ((row = keyed_reader_row(reader)) != NULL)
			if (row->flag)
				journey = event_state_add(journey, row->value, row->bits);
		take(taker, key, funnel_level(journey));
	}
}

/*
 * Combine function: (internal, internal) returns internal, the first with the rows
 * of the second.  Error: invalid_parameter_value.
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
	into = PG_ARGISNULL(0) ? make_set(fcinfo, context, from->window, from->modes, from->nconditions) :
		(FunnelSet *) PG_GETARG_POINTER(0);
	check_same_parameters(into, from->window, from->modes, from->nconditions);
	keyed_rows_append(fcinfo, into->rows, from->rows);
	PG_RETURN_POINTER(into);
}

/*
 * Serialise: (internal) returns bytea: version, parameters, rows; network byte order.
 * Error: program_limit_exceeded beyond one value.
 */
Datum
omnicrm_funnel_set_serial(PG_FUNCTION_ARGS)
{
	FunnelSet  *set;
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	set = (FunnelSet *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buffer);
	pq_sendbyte(&buffer, STATE_VERSION);
	pq_sendbyte(&buffer, set->nconditions);
	pq_sendbyte(&buffer, set->modes);
	pq_sendint64(&buffer, set->window);
	keyed_rows_send(&buffer, set->rows);
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
	FunnelSet  *set = palloc_object(FunnelSet);
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgbyte(&buffer) != STATE_VERSION)
		corrupt_state();
	set->nconditions = pq_getmsgbyte(&buffer);
	set->modes = pq_getmsgbyte(&buffer);
	set->window = pq_getmsgint64(&buffer);
	set->rows = keyed_rows_receive(&buffer);
	if (set->rows == NULL || set->nconditions < 1 || set->nconditions > MAX_CONDITIONS ||
		(set->modes & ~FUNNEL_ALL_MODES) != 0 || set->window > PG_INT64_MAX)
		corrupt_state();
	for (uint64 i = 0; i < set->rows->count; i++)
		if (TIMESTAMP_NOT_FINITE(set->rows->rows[i].value) ||
			((uint64) set->rows->rows[i].bits >> set->nconditions) != 0)
			corrupt_state();
	PG_RETURN_POINTER(set);
}
