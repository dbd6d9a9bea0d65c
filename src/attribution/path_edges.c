/*
 * path_edges.c
 *		path_edges: from which step to which one a journey goes, for a flow (Sankey)
 *		diagram: unnest, group and count.
 *
 * The state is the steps of one journey with their times and one piece of memory
 * with their names.  Steps are sorted by (time, name byte by byte), so that the
 * result does not depend on the order of the rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "attribution/events.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_path_edges_trans);
PG_FUNCTION_INFO_V1(omnicrm_path_edges_combine);
PG_FUNCTION_INFO_V1(omnicrm_path_edges_serial);
PG_FUNCTION_INFO_V1(omnicrm_path_edges_deserial);
PG_FUNCTION_INFO_V1(omnicrm_path_edges_final);

/* per group: 64 MB of steps, 256 MB of names */
#define MAX_STEPS 4194304
#define MAX_NAME_BYTES 268435456
#define FIRST_STEPS 8
#define FIRST_NAME_BYTES 128
#define STATE_VERSION 1
#define EDGE_COLUMNS 3

typedef struct PathStep
{
	TimestampTz at;
	uint32		start;			/* its name, in the names of the state */
	uint32		length;
} PathStep;

typedef struct PathState
{
	int32		max_steps;		/* steps of a journey that count; PG_INT32_MAX: all */
	bool		collapse;		/* equal neighbours count once */
	bool		sorted;
	uint32		count;
	uint32		room;
	uint32		name_bytes;
	uint32		name_room;
	PathStep   *steps;
	char	   *names;
} PathState;

static inline int
compare_steps(const PathStep *a, const PathStep *b, const char *names)
{
	int			order;

	if (a->at != b->at)
		return a->at < b->at ? -1 : 1;
	order = memcmp(names + a->start, names + b->start, Min(a->length, b->length));
	if (order != 0)
		return order;
	return a->length < b->length ? -1 : a->length > b->length;
}

#define ST_SORT sort_steps
#define ST_ELEMENT_TYPE PathStep
#define ST_COMPARE(a, b, names) compare_steps(a, b, names)
#define ST_COMPARE_ARG_TYPE const char
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

static PathState *
make_state(MemoryContext context, int32 max_steps, bool collapse)
{
	PathState  *state = MemoryContextAllocZero(context, sizeof(PathState));

	state->max_steps = max_steps;
	state->collapse = collapse;
	state->sorted = true;
	state->room = FIRST_STEPS;
	state->name_room = FIRST_NAME_BYTES;
	state->steps = MemoryContextAlloc(context, FIRST_STEPS * sizeof(PathStep));
	state->names = MemoryContextAlloc(context, FIRST_NAME_BYTES);
	return state;
}

/* Makes room for more steps and bytes of names.  Error: program_limit_exceeded. */
static void
reserve(PathState *state, uint32 steps, uint32 bytes)
{
	if (steps > MAX_STEPS - state->count || bytes > MAX_NAME_BYTES - state->name_bytes)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("one group has more than %d steps or %d bytes of their names", MAX_STEPS, MAX_NAME_BYTES),
				 errhint("Group by customer or journey, and leave out a collective account that stands for many.")));
	if (state->count + steps > state->room)
	{
		state->room = Max(state->room * 2, state->count + steps);
		state->steps = repalloc(state->steps, state->room * sizeof(PathStep));
	}
	if (state->name_bytes + bytes > state->name_room)
	{
		state->name_room = Max(state->name_room * 2, state->name_bytes + bytes);
		state->names = repalloc(state->names, state->name_room);
	}
}

static void
add_step(PathState *state, TimestampTz at, const char *name, uint32 length)
{
	PathStep   *step;

	reserve(state, 1, length);
	step = &state->steps[state->count];
	step->at = at;
	step->start = state->name_bytes;
	step->length = length;
	memcpy(state->names + state->name_bytes, name, length);
	if (state->sorted && state->count > 0)
		state->sorted = compare_steps(step - 1, step, state->names) <= 0;
	state->name_bytes += length;
	state->count++;
}

/* The options of a row; their defaults where the aggregate has no such argument. */
static void
read_options(FunctionCallInfo fcinfo, int32 *max_steps, bool *collapse)
{
	*max_steps = PG_INT32_MAX;
	*collapse = false;
	if (PG_NARGS() > 3 && !PG_ARGISNULL(3))
		*max_steps = PG_GETARG_INT32(3);
	if (*max_steps < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("max_steps must be at least 1, got %d", *max_steps),
				 errhint("NULL counts all steps.")));
	if (PG_NARGS() > 4)
	{
		if (PG_ARGISNULL(4))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("collapse must not be null")));
		*collapse = PG_GETARG_BOOL(4);
	}
}

static void
check_same_options(const PathState *state, int32 max_steps, bool collapse)
{
	if (state->max_steps != max_steps)
		journey_refuse_change("max_steps");
	if (state->collapse != collapse)
		journey_refuse_change("collapse");
}

/*
 * Transition of path_edges(ts timestamptz, step text [, max_steps integer [, collapse
 * boolean]]).  A row without time or step is passed over.  Errors:
 * null_value_not_allowed, invalid_parameter_value, datetime_field_overflow,
 * program_limit_exceeded.
 */
Datum
omnicrm_path_edges_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	PathState  *state;
	int32		max_steps;
	bool		collapse;
	TimestampTz at;

	read_options(fcinfo, &max_steps, &collapse);
	if (PG_ARGISNULL(0))
		state = make_state(context, max_steps, collapse);
	else
	{
		state = (PathState *) PG_GETARG_POINTER(0);
		check_same_options(state, max_steps, collapse);
	}
	if (journey_time(fcinfo, 1, &at) && !PG_ARGISNULL(2))
	{
		const text *step = PG_GETARG_TEXT_PP(2);

		add_step(state, at, VARDATA_ANY(step), VARSIZE_ANY_EXHDR(step));
	}
	PG_RETURN_POINTER(state);
}

/*
 * Combine function: (internal, internal) returns internal, the first with the steps
 * of the second.  Errors: invalid_parameter_value, program_limit_exceeded.
 */
Datum
omnicrm_path_edges_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	PathState  *into;
	PathState  *from;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	from = (PathState *) PG_GETARG_POINTER(1);
	into = PG_ARGISNULL(0) ? make_state(context, from->max_steps, from->collapse) :
		(PathState *) PG_GETARG_POINTER(0);
	check_same_options(into, from->max_steps, from->collapse);
	reserve(into, from->count, from->name_bytes);
	for (uint32 i = 0; i < from->count; i++)
		add_step(into, from->steps[i].at, from->names + from->steps[i].start, from->steps[i].length);
	PG_RETURN_POINTER(into);
}

/*
 * Serialise: (internal) returns bytea: version, options, number of steps, steps as
 * time, length and name; network byte order.
 */
Datum
omnicrm_path_edges_serial(PG_FUNCTION_ARGS)
{
	PathState  *state;
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	state = (PathState *) PG_GETARG_POINTER(0);
	pq_begintypsend(&buffer);
	pq_sendbyte(&buffer, STATE_VERSION);
	pq_sendint32(&buffer, state->max_steps);
	pq_sendbyte(&buffer, state->collapse);
	pq_sendint32(&buffer, state->count);
	for (uint32 i = 0; i < state->count; i++)
	{
		pq_sendint64(&buffer, state->steps[i].at);
		pq_sendint32(&buffer, state->steps[i].length);
		pq_sendbytes(&buffer, state->names + state->steps[i].start, state->steps[i].length);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

static void
corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of aggregate path_edges")));
}

/* Deserialise: (bytea, internal) returns internal.  Error: data_corrupted. */
Datum
omnicrm_path_edges_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	PathState  *state;
	StringInfoData buffer;
	int32		max_steps;
	int			collapse;
	uint32		count;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	if (pq_getmsgbyte(&buffer) != STATE_VERSION)
		corrupt_state();
	max_steps = (int32) pq_getmsgint(&buffer, 4);
	collapse = pq_getmsgbyte(&buffer);
	count = pq_getmsgint(&buffer, 4);
	if (max_steps < 1 || collapse > 1 || count > MAX_STEPS)
		corrupt_state();
	state = make_state(CurrentMemoryContext, max_steps, collapse != 0);
	for (uint32 i = 0; i < count; i++)
	{
		TimestampTz at = pq_getmsgint64(&buffer);
		uint32		length = pq_getmsgint(&buffer, 4);
		const char *name;

		if (TIMESTAMP_NOT_FINITE(at) || length > buffer.len - buffer.cursor)
			corrupt_state();
		name = pq_getmsgbytes(&buffer, length);
		if (!pg_verifymbstr(name, length, true))
			corrupt_state();
		add_step(state, at, name, length);
	}
	pq_getmsgend(&buffer);
	PG_RETURN_POINTER(state);
}

/* Row type of the result's elements, looked up once per query. */
static TupleDesc
edge_row_type(FunctionCallInfo fcinfo)
{
	TupleDesc	row = fcinfo->flinfo->fn_extra;
	MemoryContext old;

	if (row != NULL)
		return row;
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	row = lookup_rowtype_tupdesc_copy(get_element_type(get_fn_expr_rettype(fcinfo->flinfo)), -1);
	MemoryContextSwitchTo(old);
	if (row->natts != EDGE_COLUMNS)
		elog(ERROR, "path_edge has %d attributes", row->natts);
	fcinfo->flinfo->fn_extra = row;
	return row;
}

static bool
same_name(const PathState *state, const PathStep *a, const PathStep *b)
{
	return a->length == b->length &&
		memcmp(state->names + a->start, state->names + b->start, a->length) == 0;
}

/* The next step that counts behind step i, or the number of steps. */
static uint32
next_step(const PathState *state, uint32 i)
{
	uint32		next = i + 1;

	while (state->collapse && next < state->count && same_name(state, &state->steps[i], &state->steps[next]))
		next++;
	return next;
}

static Datum
step_text(const PathState *state, uint32 i)
{
	return PointerGetDatum(cstring_to_text_with_len(state->names + state->steps[i].start, state->steps[i].length));
}

/*
 * Final function: (internal) returns path_edge[]: one element for each step that
 * counts and the step after it, the last one with null; null without steps.
 */
Datum
omnicrm_path_edges_final(PG_FUNCTION_ARGS)
{
	PathState  *state;
	TupleDesc	row;
	ArrayBuildState *result;
	uint32		next;
	int32		place = 1;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (PathState *) PG_GETARG_POINTER(0);
	if (state->count == 0)
		PG_RETURN_NULL();
	if (!state->sorted)
		sort_steps(state->steps, state->count, state->names);
	state->sorted = true;
	row = edge_row_type(fcinfo);
	result = initArrayResult(row->tdtypeid, CurrentMemoryContext, false);
	for (uint32 i = 0; i < state->count; i = next, place++)
	{
		Datum		values[EDGE_COLUMNS];
		bool		nulls[EDGE_COLUMNS] = {false};

		CHECK_FOR_INTERRUPTS();
		next = next_step(state, i);
		/* what comes behind the last step that counts is not told */
		if (place == state->max_steps && next < state->count)
			break;
		values[0] = Int32GetDatum(place);
		values[1] = step_text(state, i);
		nulls[2] = next == state->count;
		values[2] = nulls[2] ? (Datum) 0 : step_text(state, next);
		result = accumArrayResult(result, HeapTupleGetDatum(heap_form_tuple(row, values, nulls)), false,
								  row->tdtypeid, CurrentMemoryContext);
	}
	PG_RETURN_DATUM(makeArrayResult(result, CurrentMemoryContext));
}
