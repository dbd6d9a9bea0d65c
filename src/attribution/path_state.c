/*
 * path_state.c
 *		The aggregate omnicrm.attribution_of_paths(): a summary from paths that are
 *		already counted.
 *
 * A row is a path with its conversions, their value together, and its journeys
 * without a conversion.  Distinct paths are counted with actors of four bytes in
 * the order of their first appearance, and values in units of 10^-12; names and
 * decimals are put in order in the end.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "common/int.h"
#include "executor/nodeHash.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "attribution/summary.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_attribution_of_paths);
PG_FUNCTION_INFO_V1(omnicrm_attribution_of_paths_combine);
PG_FUNCTION_INFO_V1(omnicrm_attribution_of_paths_serial);
PG_FUNCTION_INFO_V1(omnicrm_attribution_of_paths_deserial);
PG_FUNCTION_INFO_V1(omnicrm_attribution_of_paths_final);

#define STATE_MARK 0x41545001

/* so that every actor's number fits the options' 32 bits with sign */
#define PATH_WIDTH 4

/* What all rows have together; as it stands in a serialised state. */
typedef struct PathTotals
{
	uint32		mark;
	int32		scale;			/* most decimals of a value so far */
	int64		journeys;
	int64		touches;
	int64		conversions;
	int64		unattributed;
	int128		value;			/* units of 10^-12 */
	int128		unattributed_value;
	int128		absolute;		/* sum of the absolute values */
} PathTotals;

typedef struct PathState
{
	MemoryContext context;
	Actors	   *actors;
	int64	   *uses;			/* of each actor in all paths */
	uint32		use_room;
	PathTable  *paths;
	PathTotals	totals;
	bool		has_row;
	Jsonb	   *source;			/* options as given; NULL: none */
	AttributionOptions *options;
	SummarySettings settings;
	uint32		bound;			/* actors that the options are bound to */
	ModelWorkspace *work;
} PathState;

static PathState *
make_state(MemoryContext context)
{
	PathState  *state = MemoryContextAllocZero(context, sizeof(PathState));

	state->context = context;
	state->actors = omni_actors_make(context);
	state->paths = paths_make(context, PATH_WIDTH, get_hash_memory_limit());
	state->work = omnicrm_model_workspace(context);
	state->totals.mark = STATE_MARK;
	return state;
}

static void
take_options(PathState *state, Jsonb *source)
{
	MemoryContext caller;

	if (state->has_row)
	{
		if ((source == NULL) != (state->source == NULL) ||
			(source != NULL && (VARSIZE(source) != VARSIZE(state->source) ||
								memcmp(source, state->source, VARSIZE(source)) != 0)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("options must be the same in all rows of a group")));
		return;
	}
	caller = MemoryContextSwitchTo(state->context);
	if (source != NULL)
	{
		state->source = palloc(VARSIZE(source));
		memcpy(state->source, source, VARSIZE(source));
		state->options = summary_read_options(state->source, &state->settings);
	}
	else
		summary_default_options(&state->options, &state->settings);
	MemoryContextSwitchTo(caller);
	state->has_row = true;
}

static void
out_of_range(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the sum of all %s is out of range", what)));
}

static void
add_total(int64 *sum, int64 count, const char *what)
{
	if (pg_add_s64_overflow(*sum, count, sum))
		out_of_range(what);
}

/* Counts that actors are met so often. */
static void
count_uses(PathState *state, const uint32 *path, uint32 n, int64 journeys)
{
	uint32		count = omni_actors_count(state->actors);

	if (count > state->use_room)
	{
		uint32		room = Max(count, state->use_room * 2);
		int64	   *uses = MemoryContextAllocExtended(state->context, (Size) room * sizeof(int64),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

		if (state->uses != NULL)
		{
			memcpy(uses, state->uses, (Size) state->use_room * sizeof(int64));
			pfree(state->uses);
		}
		state->uses = uses;
		state->use_room = room;
	}
	for (uint32 i = 0; i < n; i++)
		add_total(&state->uses[path[i]], journeys, "touches");
}

/* Counts a path, its actors as the state numbers them; value in units of 10^-12. */
static void
add_path(PathState *state, const uint32 *path, uint32 n, int64 conversions, int128 value, int64 nulls)
{
	int64		journeys;
	int64		touches;

	if (pg_add_s64_overflow(conversions, nulls, &journeys) || pg_mul_s64_overflow(journeys, n, &touches))
		out_of_range("journeys");
	if (n == 0)
		return;
	add_total(&state->totals.touches, touches, "touches");
	count_uses(state, path, n, journeys);
	paths_add(state->paths, path, n, conversions, value, nulls);
}

/* The actors of a path as numbers, exclusions and transforms done; NULL is nobody. */
static uint32
read_path(PathState *state, ArrayType *array, uint32 **path)
{
	Datum	   *elements;
	bool	   *missing;
	int			count;
	ModelTouch *touches;
	uint32		n = 0;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("path must be a one-dimensional array, not one of %d dimensions", ARR_NDIM(array))));
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &missing, &count);
	*path = palloc_array(uint32, Max(count, PATH_INLINE / PATH_WIDTH));
	for (int i = 0; i < count; i++)
		if (!missing[i])
		{
			text	   *name = DatumGetTextPP(elements[i]);

			(*path)[n++] = omni_actor_number(state->actors, VARDATA_ANY(name), (int) VARSIZE_ANY_EXHDR(name));
		}
	if (state->options->nsteps == 0 || n == 0)
		return n;
	if (state->bound != omni_actors_count(state->actors))
	{
		state->bound = omni_actors_count(state->actors);
		omnicrm_bind_options(state->options, summary_number_of, state->actors);
		omnicrm_model_room(state->work, (int) state->bound * 2, 0);
	}
	touches = palloc0_array(ModelTouch, n);
	for (uint32 i = 0; i < n; i++)
	{
		touches[i].actor = (int32) (*path)[i];
		touches[i].kind = NO_NUMBER;
		touches[i].repeats = 1;
	}
	n = (uint32) omnicrm_path_transform(state->options, state->work, touches, (int) n);
	for (uint32 i = 0; i < n; i++)
		(*path)[i] = (uint32) touches[i].actor;
	return n;
}

static int64
get_count(FunctionCallInfo fcinfo, int arg, const char *what)
{
	int64		count = PG_ARGISNULL(arg) ? 0 : PG_GETARG_INT64(arg);

	if (count < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not be negative: %lld", what, (long long) count)));
	return count;
}

/* The value of a row, in units of 10^-12. */
static int128
get_value(PathState *state, FunctionCallInfo fcinfo, int64 conversions)
{
	int64		units;
	int			scale;
	int128		value;

	if (PG_ARGISNULL(3))
		return 0;
	units = summary_value_units(PG_GETARG_DATUM(3), &state->totals.scale, &scale);
	if (units != 0 && conversions == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a path without a conversion has a value"),
				 errhint("value is what the conversions of the path brought together.")));
	value = units;
	for (; scale < SUMMARY_MAX_SCALE; scale++)
		value *= 10;
	return value;
}

/*
 * Transition of attribution_of_paths(path text[], conversions bigint, value
 * numeric, nulls bigint [, options jsonb]).  NULL counts are 0; a NULL path has no
 * touch.
 * Errors: invalid_parameter_value, array_subscript_error, null_value_not_allowed,
 * numeric_value_out_of_range.
 */
Datum
omnicrm_attribution_of_paths(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	PathState  *state = PG_ARGISNULL(0) ? make_state(context) : (PathState *) PG_GETARG_POINTER(0);
	int64		conversions = get_count(fcinfo, 2, "conversions");
	int64		nulls = get_count(fcinfo, 4, "nulls");
	int128		value;
	uint32	   *path = NULL;
	uint32		n = 0;

	if (PG_NARGS() > 5 && PG_ARGISNULL(5))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("options must not be NULL"),
				 errhint("Give '{}' for the defaults.")));
	take_options(state, PG_NARGS() > 5 ? PG_GETARG_JSONB_P(5) : NULL);
	value = get_value(state, fcinfo, conversions);
	if (!PG_ARGISNULL(1))
		n = read_path(state, PG_GETARG_ARRAYTYPE_P(1), &path);
	if (n == 0)
		nulls = 0;				/* neither touch nor conversion: nothing to count */
	add_total(&state->totals.journeys, conversions, "journeys");
	add_total(&state->totals.journeys, nulls, "journeys");
	add_total(&state->totals.conversions, conversions, "conversions");
	state->totals.value += value;
	state->totals.absolute += value < 0 ? -value : value;
	/* what fits 2^70 units of any scale fits 2^110 of 10^-12 */
	if (state->totals.absolute >= SUMMARY_VALUE_LIMIT << 40)
		out_of_range("values");
	if (n == 0)
	{
		state->totals.unattributed += conversions;
		state->totals.unattributed_value += value;
	}
	else if (conversions > 0 || nulls > 0)
		add_path(state, path, n, conversions, value, nulls);
	if (path != NULL)
		pfree(path);
	PG_RETURN_POINTER(state);
}

/* One distinct path behind the others. */
static void
write_path(void *taker, const uint32 *actors, uint32 length, int64 conversions, int128 value, int64 nulls)
{
	StringInfo	buffer = taker;

	appendBinaryStringInfo(buffer, (char *) &length, sizeof(length));
	appendBinaryStringInfo(buffer, (char *) &conversions, sizeof(conversions));
	appendBinaryStringInfo(buffer, (char *) &nulls, sizeof(nulls));
	appendBinaryStringInfo(buffer, (char *) &value, sizeof(value));
	appendBinaryStringInfo(buffer, (const char *) actors, (int) (length * sizeof(uint32)));
}

/*
 * Serialise function: totals, options, names, paths, in the byte order of the
 * machine.  Errors: program_limit_exceeded above 1 GB.
 */
Datum
omnicrm_attribution_of_paths_serial(PG_FUNCTION_ARGS)
{
	PathState  *state;
	StringInfoData buffer;
	uint32		size;
	uint32		nactors;

	(void) omni_aggregate_context(fcinfo);
	state = (PathState *) PG_GETARG_POINTER(0);
	initStringInfo(&buffer);
	appendStringInfoSpaces(&buffer, VARHDRSZ);
	appendBinaryStringInfo(&buffer, (char *) &state->totals, sizeof(PathTotals));
	size = state->source != NULL ? VARSIZE(state->source) : 0;
	appendBinaryStringInfo(&buffer, (char *) &size, sizeof(size));
	if (size > 0)
		appendBinaryStringInfo(&buffer, (char *) state->source, (int) size);
	nactors = omni_actors_count(state->actors);
	appendBinaryStringInfo(&buffer, (char *) &nactors, sizeof(nactors));
	for (uint32 i = 0; i < nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(state->actors, i, &length);

		appendBinaryStringInfo(&buffer, (char *) &length, sizeof(length));
		appendBinaryStringInfo(&buffer, name, length);
	}
	paths_each(state->paths, write_path, &buffer);
	SET_VARSIZE(buffer.data, buffer.len);
	PG_RETURN_BYTEA_P((bytea *) buffer.data);
}

static void
corrupt_state(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_DATA_CORRUPTED),
			 errmsg("invalid state of aggregate attribution_of_paths")));
}

static void
take_bytes(StringInfo source, void *target, Size size)
{
	if ((Size) (source->len - source->cursor) < size)
		corrupt_state();
	memcpy(target, source->data + source->cursor, size);
	source->cursor += (int) size;
}

static void
check_totals(const PathTotals *totals)
{
	if (totals->mark != STATE_MARK || totals->scale < 0 || totals->scale > SUMMARY_MAX_SCALE ||
		totals->journeys < totals->conversions || totals->conversions < totals->unattributed ||
		totals->unattributed < 0 || totals->absolute < 0 || totals->absolute >= SUMMARY_VALUE_LIMIT << 40 ||
		totals->value > totals->absolute || totals->value < -totals->absolute ||
		totals->unattributed_value > totals->absolute || totals->unattributed_value < -totals->absolute)
		corrupt_state();
}

static void
read_paths(PathState *state, StringInfo source, uint32 nactors)
{
	while (source->cursor < source->len)
	{
		uint32		length;
		int64		conversions;
		int64		nulls;
		int128		value;
		uint32	   *path;

		CHECK_FOR_INTERRUPTS();
		take_bytes(source, &length, sizeof(length));
		take_bytes(source, &conversions, sizeof(conversions));
		take_bytes(source, &nulls, sizeof(nulls));
		take_bytes(source, &value, sizeof(value));
		if (length == 0 || (Size) length * sizeof(uint32) > (Size) (source->len - source->cursor) ||
			conversions < 0 || nulls < 0 || value > state->totals.absolute || value < -state->totals.absolute)
			corrupt_state();
		path = palloc_array(uint32, Max(length, PATH_INLINE / PATH_WIDTH));
		take_bytes(source, path, length * sizeof(uint32));
		for (uint32 i = 0; i < length; i++)
			if (path[i] >= nactors)
				corrupt_state();
		add_path(state, path, length, conversions, value, nulls);
		pfree(path);
	}
}

/* Deserialise function.  Errors: data_corrupted. */
Datum
omnicrm_attribution_of_paths_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	PathState  *state;
	PathTotals	totals;
	StringInfoData source;
	uint32		size;
	uint32		nactors;

	(void) omni_aggregate_context(fcinfo);
	source.data = VARDATA_ANY(bytes);
	source.len = source.maxlen = VARSIZE_ANY_EXHDR(bytes);
	source.cursor = 0;
	state = make_state(CurrentMemoryContext);
	take_bytes(&source, &totals, sizeof(totals));
	check_totals(&totals);
	take_bytes(&source, &size, sizeof(size));
	if (size > 0)
	{
		Jsonb	   *options;

		if (size <= VARHDRSZ || size > (uint32) (source.len - source.cursor))
			corrupt_state();
		options = palloc(size);
		take_bytes(&source, options, size);
		if (VARSIZE(options) != size)
			corrupt_state();
		take_options(state, options);
	}
	else
		take_options(state, NULL);
	take_bytes(&source, &nactors, sizeof(nactors));
	for (uint32 i = 0; i < nactors; i++)
	{
		int			length;

		take_bytes(&source, &length, sizeof(length));
		if (length < 0 || length > source.len - source.cursor ||
			omni_actor_number(state->actors, source.data + source.cursor, length) != i)
			corrupt_state();
		source.cursor += length;
	}
	state->totals = totals;
	/* counted anew with the paths */
	state->totals.touches = 0;
	read_paths(state, &source, nactors);
	PG_RETURN_POINTER(state);
}

/* Where the paths of another state go. */
typedef struct Transfer
{
	PathState  *into;
	const uint32 *numbers;
	uint32	   *path;
	uint32		room;
} Transfer;

static void
transfer_path(void *taker, const uint32 *actors, uint32 length, int64 conversions, int128 value, int64 nulls)
{
	Transfer   *transfer = taker;

	if (length > transfer->room)
	{
		transfer->room = Max(length * 2, PATH_INLINE / PATH_WIDTH);
		transfer->path = MemoryContextAllocHuge(CurrentMemoryContext, (Size) transfer->room * sizeof(uint32));
	}
	for (uint32 i = 0; i < length; i++)
		transfer->path[i] = transfer->numbers[actors[i]];
	add_path(transfer->into, transfer->path, length, conversions, value, nulls);
}

static void
combine_totals(PathTotals *into, const PathTotals *from)
{
	into->scale = Max(into->scale, from->scale);
	add_total(&into->journeys, from->journeys, "journeys");
	add_total(&into->conversions, from->conversions, "conversions");
	into->unattributed += from->unattributed;
	into->value += from->value;
	into->unattributed_value += from->unattributed_value;
	into->absolute += from->absolute;
	if (into->absolute >= SUMMARY_VALUE_LIMIT << 40)
		out_of_range("values");
}

/*
 * Combine function.  Errors: invalid_parameter_value when the options differ,
 * numeric_value_out_of_range.
 */
Datum
omnicrm_attribution_of_paths_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	PathState  *into = PG_ARGISNULL(0) ? NULL : (PathState *) PG_GETARG_POINTER(0);
	PathState  *from = PG_ARGISNULL(1) ? NULL : (PathState *) PG_GETARG_POINTER(1);
	Transfer	transfer = {0};
	uint32	   *numbers;
	uint32		nactors;

	if (from == NULL)
	{
		if (into == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(into);
	}
	if (into == NULL)
		into = make_state(context);
	take_options(into, from->source);
	nactors = omni_actors_count(from->actors);
	numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) nactors + 1) * sizeof(uint32));
	for (uint32 i = 0; i < nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(from->actors, i, &length);

		numbers[i] = omni_actor_number(into->actors, name, length);
	}
	combine_totals(&into->totals, &from->totals);
	transfer.into = into;
	transfer.numbers = numbers;
	paths_each(from->paths, transfer_path, &transfer);
	pfree(numbers);
	PG_RETURN_POINTER(into);
}

static AttributionSummary *
summarise(PathState *state)
{
	uint32		nactors = omni_actors_count(state->actors);
	int64	   *uses = MemoryContextAllocExtended(CurrentMemoryContext, ((Size) nactors + 1) * sizeof(int64),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	SummaryBuilder *builder;
	AttributionSummary *summary;
	const uint32 *ranks;
	int128		divisor = 1;

	for (int i = state->totals.scale; i < SUMMARY_MAX_SCALE; i++)
		divisor *= 10;
	if (state->totals.absolute / divisor >= SUMMARY_VALUE_LIMIT)
		out_of_range("values");
	builder = summary_begin(state->actors, state->options, &state->settings, state->totals.scale, false);
	summary = summary_of_builder(builder);
	summary->journeys = state->totals.journeys;
	summary->touches = state->totals.touches;
	summary->conversions = state->totals.conversions;
	summary->value = state->totals.value / divisor;
	summary->unattributed = state->totals.unattributed;
	summary->unattributed_value = state->totals.unattributed_value / divisor;
	ranks = summary_ranks(builder);
	for (uint32 i = 0; i < Min(nactors, state->use_room); i++)
		uses[ranks[i]] = state->uses[i];
	summary_take_paths(builder, state->paths, uses, ranks, divisor);
	return summary_end(builder);
}

/*
 * Final function of attribution_of_paths(): the summary; NULL without rows.  The
 * state is used up.
 */
Datum
omnicrm_attribution_of_paths_final(PG_FUNCTION_ARGS)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext work;
	bytea	   *value;
	bytea	   *result;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	work = AllocSetContextCreate(caller, "attribution_of_paths", ALLOCSET_DEFAULT_SIZES);
	MemoryContextSwitchTo(work);
	value = summary_write(summarise((PathState *) PG_GETARG_POINTER(0)));
	MemoryContextSwitchTo(caller);
	result = palloc(VARSIZE(value));
	memcpy(result, value, VARSIZE(value));
	MemoryContextDelete(work);
	PG_RETURN_BYTEA_P(result);
}
