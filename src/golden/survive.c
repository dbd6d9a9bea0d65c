/*
 * survive.c
 *		survive(): survivorship as an aggregate.
 *
 * One input row is one source record with its values by position, and further
 * attributes as a jsonb object.  The state keeps the rows (survive_state.c); the
 * final function sorts them into the canonical order (trust in the source
 * descending, business date descending with null last, record id) and lets each
 * unit, an attribute alone or the attributes of one group, survive by its rules
 * (survive_plan.c, survive_contest.c).
 *
 * Values whose quality digit is 0 and empty strings count as no value.  All
 * orders are total, so the result does not depend on the order of the rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "golden/survive.h"

PG_FUNCTION_INFO_V1(omnicrm_survive_final);

/* A record with the trust in its source, to be sorted. */
typedef struct SortedRecord
{
	SurviveRecord *record;
	const SurviveSource *source;
	double		trust;
} SortedRecord;

/* The canonical order; the keys after record_id matter only when it repeats. */
static int
compare_records(const void *x, const void *y)
{
	const SortedRecord *sx = x;
	const SortedRecord *sy = y;
	const SurviveRecord *a = sx->record;
	const SurviveRecord *b = sy->record;
	int			order;

	if (sx->trust != sy->trust)
		return sx->trust > sy->trust ? -1 : 1;
	if (a->business_at != b->business_at)
		return a->business_at > b->business_at ? -1 : 1;
	if (a->record_id != b->record_id)
		return a->record_id < b->record_id ? -1 : 1;
	if (a->source_id != b->source_id)
		return a->source_id < b->source_id ? -1 : 1;
	order = a->quality_length - b->quality_length;
	if (order == 0 && a->quality_length > 0)
		order = memcmp(a->quality, b->quality, a->quality_length);
	if (order == 0)
		order = (int) VARSIZE(a->vals) - (int) VARSIZE(b->vals);
	if (order == 0)
		order = memcmp(a->vals, b->vals, VARSIZE(a->vals));
	if (order != 0 || (a->attributes == NULL && b->attributes == NULL))
		return order;
	if (a->attributes == NULL || b->attributes == NULL)
		return a->attributes == NULL ? 1 : -1;
	order = (int) VARSIZE(a->attributes) - (int) VARSIZE(b->attributes);
	return order != 0 ? order : memcmp(a->attributes, b->attributes, VARSIZE(a->attributes));
}

/* Finds the values of a record, which lie in its array, and their quality. */
static void
read_values(const SurviveRecord *record, int columns, Datum *values, uint8 *quality)
{
	char	   *place = ARR_DATA_PTR(record->vals);
	const bits8 *bitmap = ARR_NULLBITMAP(record->vals);

	for (int i = 0; i < columns; i++)
	{
		quality[i] = 0;
		if (bitmap != NULL && (bitmap[i / 8] & (1 << (i % 8))) == 0)
			continue;
		values[i] = PointerGetDatum(place);
		if (value_length(values[i]) > 0)
			quality[i] = i < record->quality_length ? record->quality[i] - '0' : QUALITY_PLAUSIBLE;
		place = att_addlength_pointer(place, -1, place);
		place = (char *) att_align_nominal(place, TYPALIGN_INT);
	}
}

/* Lays the records out in canonical order. */
static void
fill_field(SurviveField *field, const SurviveState *state, const SurviveExtra *extra)
{
	SortedRecord few[2];
	SortedRecord *order = state->count <= lengthof(few) ? few : palloc_array(SortedRecord, state->count);
	Size		cells;

	field->state = state;
	field->plan = state->plan;
	field->count = state->count;
	field->width = state->plan->attributes + extra->count;
	cells = (Size) field->count * field->width;
	field->records = palloc_array(SurviveRecord *, field->count);
	field->sources = palloc_array(const SurviveSource *, field->count);
	field->filled = palloc0_array(int, field->count);
	field->values = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * cells);
	field->quality = MemoryContextAllocHuge(CurrentMemoryContext, cells);
	for (int i = 0; i < field->count; i++)
	{
		order[i].record = state->records[i];
		order[i].source = survive_find_source(state->plan, state->records[i]->source_id);
		order[i].trust = survive_base_trust(order[i].source, order[i].record);
	}
	if (field->count > 1)
		qsort(order, field->count, sizeof(SortedRecord), compare_records);
	for (int i = 0; i < field->count; i++)
	{
		Datum	   *values = field->values + (Size) i * field->width;
		uint8	   *quality = field->quality + (Size) i * field->width;

		CHECK_FOR_INTERRUPTS();
		field->records[i] = order[i].record;
		field->sources[i] = order[i].source;
		read_values(order[i].record, field->plan->columns, values, quality);
		if (field->width > field->plan->columns)
			survive_read_extra(field->plan, order[i].record, extra, values, quality);
		for (int a = 0; a < field->width; a++)
			field->filled[i] += quality[a] > 0;
	}
	if (order != few)
		pfree(order);
}

/* What survivor.rules says of a value. */
Datum
survive_rule_text(const SurviveVerdict *verdict, int candidates, const SurviveCache *cache)
{
	if (candidates == 1 && verdict->record >= 0)
		return cache->only_value;
	return verdict->only_plausible ? cache->plausible : verdict->rule;
}

/* What becomes of the attributes by position. */
typedef struct Survivor
{
	Datum	   *vals;
	bool	   *no_vals;
	int64	   *record_ids;
	bool	   *no_records;
	Datum	   *rules;
	bool	   *no_rules;
	int32	   *candidates;
} Survivor;

static void
make_survivor(Survivor *survivor, int count)
{
	survivor->vals = palloc_array(Datum, count);
	survivor->record_ids = palloc0_array(int64, count);
	survivor->rules = palloc_array(Datum, count);
	survivor->candidates = palloc_array(int32, count);
	survivor->no_vals = palloc_array(bool, count * 3);
	survivor->no_records = survivor->no_vals + count;
	survivor->no_rules = survivor->no_records + count;
	memset(survivor->no_vals, true, count * 3);
}

/* Takes the attributes from the verdicts on their units. */
static void
fill_survivor(Survivor *survivor, const SurviveField *field, const SurviveVerdict *verdicts, const SurviveCache *cache)
{
	for (int i = 0; i < field->plan->columns; i++)
	{
		const SurviveVerdict *verdict = &verdicts[field->plan->attribute[i].unit];
		bool		filled = verdict->record >= 0 && field_quality(field, verdict->record, i) > 0;

		survivor->candidates[i] = survive_candidates(field, i);
		if (verdict->rule == (Datum) 0)
			continue;
		/* in a group the winner may lack what others have */
		if (!filled && verdict->combined == (Datum) 0 &&
			field->plan->units[field->plan->attribute[i].unit].empty_count == 0)
			continue;
		survivor->no_rules[i] = false;
		survivor->rules[i] = filled || verdict->combined != (Datum) 0
			? survive_rule_text(verdict, survivor->candidates[i], cache) : verdict->rule;
		if (verdict->record >= 0)
		{
			survivor->no_records[i] = false;
			survivor->record_ids[i] = field->records[verdict->record]->record_id;
		}
		if (verdict->combined != (Datum) 0 || filled)
		{
			survivor->no_vals[i] = false;
			survivor->vals[i] = verdict->combined != (Datum) 0 ? verdict->combined
				: field_value(field, verdict->record, i);
		}
	}
}

static SurviveCache *
get_final_cache(FunctionCallInfo fcinfo)
{
	SurviveCache *cache = survive_get_cache(fcinfo);
	TupleDesc	description;
	MemoryContext old;

	if (cache->description != NULL)
		return cache;
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE ||
		description->natts != SURVIVOR_COLUMNS)
		elog(ERROR, "survive must return survivor");
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache->description = BlessTupleDesc(CreateTupleDescCopy(description));
	cache->only_value = PointerGetDatum(cstring_to_text("only value"));
	cache->plausible = PointerGetDatum(cstring_to_text("plausible"));
	MemoryContextSwitchTo(old);
	return cache;
}

/* An array of one dimension, of a size in bytes, with room for its nulls. */
static ArrayType *
start_array(int count, Oid type, Size data, const bool *nulls, char **place)
{
	bool		has_nulls = nulls != NULL && memchr(nulls, true, count) != NULL;
	Size		overhead = has_nulls ? ARR_OVERHEAD_WITHNULLS(1, count) : ARR_OVERHEAD_NONULLS(1);
	ArrayType  *array;

	if (count == 0)
		return construct_empty_array(type);
	array = palloc0(overhead + data);
	SET_VARSIZE(array, overhead + data);
	array->ndim = 1;
	array->dataoffset = has_nulls ? overhead : 0;
	array->elemtype = type;
	ARR_DIMS(array)[0] = count;
	ARR_LBOUND(array)[0] = 1;
	for (int i = 0; has_nulls && i < count; i++)
		if (!nulls[i])
			ARR_NULLBITMAP(array)[i / 8] |= 1 << (i % 8);
	*place = ARR_DATA_PTR(array);
	return array;
}

/* text[]; quicker than construct_md_array(), which knows every type. */
static Datum
text_array(const Datum *values, const bool *nulls, int count)
{
	ArrayType  *array;
	char	   *place;
	Size		size = 0;

	for (int i = 0; i < count; i++)
		if (!nulls[i])
			size += INTALIGN(VARHDRSZ + value_length(values[i]));
	if (size > MaxAllocSize / 2)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("the surviving values are limited to %zu bytes, got %zu", MaxAllocSize / 2, size)));
	array = start_array(count, TEXTOID, size, nulls, &place);
	for (int i = 0; i < count; i++)
	{
		int			length;

		if (nulls[i])
			continue;
		length = value_length(values[i]);
		SET_VARSIZE(place, VARHDRSZ + length);
		memcpy(VARDATA(place), VARDATA_ANY(DatumGetPointer(values[i])), length);
		place += INTALIGN(VARHDRSZ + length);
	}
	return PointerGetDatum(array);
}

static Datum
bigint_array(const int64 *values, const bool *nulls, int count)
{
	char	   *place;
	ArrayType  *array;
	int			filled = 0;

	for (int i = 0; i < count; i++)
		filled += !nulls[i];
	array = start_array(count, INT8OID, filled * sizeof(int64), nulls, &place);
	for (int i = 0; i < count; i++)
	{
		if (nulls[i])
			continue;
		memcpy(place, &values[i], sizeof(int64));
		place += sizeof(int64);
	}
	return PointerGetDatum(array);
}

static Datum
integer_array(const int32 *values, int count)
{
	char	   *place;
	ArrayType  *array = start_array(count, INT4OID, count * sizeof(int32), NULL, &place);

	if (count > 0)
		memcpy(place, values, count * sizeof(int32));
	return PointerGetDatum(array);
}

/* Oldest and newest business date of the records; null without one. */
static void
find_period(const SurviveField *field, Datum *period, bool *nulls)
{
	TimestampTz first = DT_NOEND;
	TimestampTz last = DT_NOBEGIN;

	for (int i = 0; i < field->count; i++)
	{
		TimestampTz at = field->records[i]->business_at;

		if (at == DT_NOBEGIN)
			continue;
		first = Min(first, at);
		last = Max(last, at);
	}
	nulls[0] = nulls[1] = last == DT_NOBEGIN;
	period[0] = TimestampTzGetDatum(first);
	period[1] = TimestampTzGetDatum(last);
}

static int
compare_ids(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return (a > b) - (a < b);
}

static int
count_sources(const SurviveField *field)
{
	int64	   *ids;
	int			different = 1;

	if (field->count == 1)
		return 1;
	ids = palloc_array(int64, field->count);
	for (int i = 0; i < field->count; i++)
		ids[i] = field->records[i]->source_id;
	qsort(ids, field->count, sizeof(int64), compare_ids);
	for (int i = 1; i < field->count; i++)
		different += ids[i] != ids[i - 1];
	pfree(ids);
	return different;
}

/* Attributes that come as jsonb: the object that survives, and its provenance. */
static void
fill_extra(const SurviveField *field, const SurviveExtra *extra, const SurviveVerdict *verdicts,
		   const SurviveCache *cache, Datum *columns, bool *nulls)
{
	SurviveVerdict *others = palloc_array(SurviveVerdict, Max(extra->count, 1));

	for (int i = 0; i < extra->count; i++)
	{
		SurviveUnit unit = field->plan->other;
		int			position = field->plan->attributes + i;

		CHECK_FOR_INTERRUPTS();
		unit.count = 1;
		unit.members = &position;
		survive_contest(field, &unit, verdicts, &others[i]);
	}
	columns[0] = survive_extra_json(field, extra, verdicts, others, cache, &columns[1]);
	nulls[0] = nulls[1] = columns[0] == (Datum) 0;
}

/*
 * survive_final(state internal) returns survivor: by position the surviving
 * values, the records they come from, the rules that decided and the number of
 * different values that competed; the further attributes that survive, and where
 * they come from; then the number of records and of sources and the oldest and
 * newest business date.  Null without input.
 */
Datum
omnicrm_survive_final(PG_FUNCTION_ARGS)
{
	SurviveState *state;
	const SurvivePlan *plan;
	SurviveCache *cache;
	SurviveExtra extra;
	SurviveField field;
	SurviveVerdict *verdicts;
	Survivor	survivor;
	Datum		columns[SURVIVOR_COLUMNS];
	bool		nulls[SURVIVOR_COLUMNS] = {false};

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_final called outside an aggregate");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SurviveState *) PG_GETARG_POINTER(0);
	plan = state->plan;
	cache = get_final_cache(fcinfo);
	survive_find_extra(state, &extra);
	fill_field(&field, state, &extra);
	verdicts = palloc_array(SurviveVerdict, Max(plan->unit_count, 1));
	for (int i = 0; i < plan->unit_count; i++)
	{
		int			unit = plan->order[i];

		CHECK_FOR_INTERRUPTS();
		survive_contest(&field, &plan->units[unit], verdicts, &verdicts[unit]);
	}
	make_survivor(&survivor, plan->columns);
	fill_survivor(&survivor, &field, verdicts, cache);
	columns[0] = text_array(survivor.vals, survivor.no_vals, plan->columns);
	columns[1] = bigint_array(survivor.record_ids, survivor.no_records, plan->columns);
	columns[2] = text_array(survivor.rules, survivor.no_rules, plan->columns);
	columns[3] = integer_array(survivor.candidates, plan->columns);
	nulls[4] = nulls[5] = true;
	if (field.width > plan->columns)
		fill_extra(&field, &extra, verdicts, cache, &columns[4], &nulls[4]);
	columns[6] = Int32GetDatum(field.count);
	columns[7] = Int32GetDatum(count_sources(&field));
	find_period(&field, &columns[8], &nulls[8]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(cache->description, columns, nulls)));
}
