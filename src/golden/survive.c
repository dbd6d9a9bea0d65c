/*
 * survive.c
 *		survive(): survivorship as an aggregate.
 *
 * One input row is one source record with its values by position.  The state
 * keeps the rows; the final function sorts them into the canonical order
 * (trust descending, business date descending with null last, record id) and
 * lets each unit, an attribute alone or the attributes of one group, survive:
 *
 *	1. Records with no value in the unit do not compete.
 *	2. Plausible records (every digit of quality in the unit 6 or more) come
 *	   before implausible ones, whatever the rule says.
 *	3. The rule chooses: trust, recent, oldest, frequent, longest, shortest or
 *	   valid.  Ties: more filled attributes of the unit, then canonical order.
 *	4. A winner of a group that is contained in a fuller record of the same
 *	   plausibility (same values, and more) is replaced by the fullest such
 *	   record: nothing is lost when the newest source tells only the town.
 *
 * Values whose quality digit is 0 and empty strings count as no value.  All
 * orders are total, so the result does not depend on the order of the rows.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "golden/survive.h"

/* A record that competes in one unit. */
typedef struct Competitor
{
	const SurviveRecord *record;
	int			lowest;			/* lowest quality digit of its values */
	int			filled;
	int			length;			/* characters, for longest and shortest */
	int			sources;		/* different sources with the same values */
	int			twins;			/* competitors with the same values, itself included */
} Competitor;

PG_FUNCTION_INFO_V1(omnicrm_survive_final);

/* The quality digit of a value: 0 when there is none. */
static inline int
value_quality(const SurviveRecord *record, int attribute)
{
	if (record->nulls[attribute] || VARSIZE_ANY_EXHDR(DatumGetPointer(record->datums[attribute])) == 0)
		return 0;
	return attribute < record->quality_length ? record->quality[attribute] - '0' : 6;
}

static int
compare_text(Datum a, Datum b)
{
	int			la = VARSIZE_ANY_EXHDR(DatumGetPointer(a));
	int			lb = VARSIZE_ANY_EXHDR(DatumGetPointer(b));
	int			order = memcmp(VARDATA_ANY(DatumGetPointer(a)), VARDATA_ANY(DatumGetPointer(b)), Min(la, lb));

	return order != 0 ? order : la - lb;
}

/* The canonical order; the keys after record_id matter only when it repeats. */
static int
compare_records(const void *x, const void *y)
{
	const SurviveRecord *a = x;
	const SurviveRecord *b = y;
	int			order;

	if (a->trust != b->trust)
		return a->trust > b->trust ? -1 : 1;
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
	return order != 0 ? order : memcmp(a->vals, b->vals, VARSIZE(a->vals));
}

/* Compares the values of two records in a unit; no value comes last. */
static int
compare_unit(const SurviveRecord *a, const SurviveRecord *b, const SurviveUnit *unit)
{
	int			i;

	for (i = 0; i < unit->count; i++)
	{
		int			attribute = unit->members[i];
		bool		has_a = value_quality(a, attribute) > 0;
		bool		has_b = value_quality(b, attribute) > 0;
		int			order;

		if (has_a != has_b)
			return has_a ? -1 : 1;
		if (!has_a)
			continue;
		order = compare_text(a->datums[attribute], b->datums[attribute]);
		if (order != 0)
			return order;
	}
	return 0;
}

static int
compare_competitors(const void *x, const void *y, void *unit)
{
	return compare_unit((*(Competitor *const *) x)->record, (*(Competitor *const *) y)->record, unit);
}

static int
compare_ids(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return (a > b) - (a < b);
}

/* Sorts ids and returns how many are different. */
static int
count_different(int64 *ids, int count)
{
	int			different = Min(count, 1);
	int			i;

	if (count > 1)
		qsort(ids, count, sizeof(int64), compare_ids);
	for (i = 1; i < count; i++)
		different += ids[i] != ids[i - 1];
	return different;
}

/* Sets twins and sources of each competitor; returns how many are different. */
static int
count_twins(Competitor *competitors, int count, SurviveUnit *unit)
{
	Competitor **order = palloc_array(Competitor *, count);
	int64	   *sources = palloc_array(int64, count);
	int			i,
				start,
				end,
				found,
				different = 0;

	for (i = 0; i < count; i++)
		order[i] = &competitors[i];
	if (count > 1)
		qsort_arg(order, count, sizeof(Competitor *), compare_competitors, unit);
	for (start = 0; start < count; start = end)
	{
		for (end = start + 1; end < count; end++)
			if (compare_unit(order[start]->record, order[end]->record, unit) != 0)
				break;
		for (i = start; i < end; i++)
			sources[i - start] = order[i]->record->source_id;
		found = count_different(sources, end - start);
		for (i = start; i < end; i++)
		{
			order[i]->twins = end - start;
			order[i]->sources = found;
		}
		different++;
	}
	pfree(order);
	pfree(sources);
	return different;
}

static int
compare_text_pointers(const void *x, const void *y)
{
	return compare_text(*(const Datum *) x, *(const Datum *) y);
}

/* Number of different values of one attribute over all records. */
static int
count_candidates(const SurviveState *state, int attribute)
{
	Datum	   *found = palloc_array(Datum, state->count);
	int			n = 0,
				different,
				i;

	for (i = 0; i < state->count; i++)
		if (value_quality(&state->records[i], attribute) > 0)
			found[n++] = state->records[i].datums[attribute];
	if (n > 1)
		qsort(found, n, sizeof(Datum), compare_text_pointers);
	different = Min(n, 1);
	for (i = 1; i < n; i++)
		different += compare_text(found[i - 1], found[i]) != 0;
	pfree(found);
	return different;
}

/* Fills a competitor from a record; false when it has no value in the unit. */
static bool
enter_competition(Competitor *competitor, const SurviveRecord *record, const SurviveUnit *unit)
{
	bool		lengths = unit->rule == RULE_LONGEST || unit->rule == RULE_SHORTEST;
	int			i;

	competitor->record = record;
	competitor->lowest = 9;
	competitor->filled = 0;
	competitor->length = 0;
	competitor->sources = 1;
	competitor->twins = 1;
	for (i = 0; i < unit->count; i++)
	{
		int			quality = value_quality(record, unit->members[i]);
		Pointer		value;

		if (quality == 0)
			continue;
		competitor->filled++;
		competitor->lowest = Min(competitor->lowest, quality);
		if (!lengths)
			continue;
		value = DatumGetPointer(record->datums[unit->members[i]]);
		competitor->length += pg_mbstrlen_with_len(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
	}
	return competitor->filled > 0;
}

/*
 * True when a beats b by the rule or by its filled attributes.  Competitors are
 * met in canonical order, so a later one must be better, not equal.
 */
static bool
beats(const Competitor *a, const Competitor *b, SurviveRule rule)
{
	TimestampTz ta = a->record->business_at;
	TimestampTz tb = b->record->business_at;
	int			order = 0;

	switch (rule)
	{
		case RULE_TRUST:
			order = (a->record->trust > b->record->trust) - (a->record->trust < b->record->trust);
			break;
		case RULE_RECENT:
			order = (ta > tb) - (ta < tb);
			break;
		case RULE_OLDEST:
			if (ta == DT_NOBEGIN || tb == DT_NOBEGIN)
				order = (ta != DT_NOBEGIN) - (tb != DT_NOBEGIN);
			else
				order = (ta < tb) - (ta > tb);
			break;
		case RULE_FREQUENT:
			order = a->sources - b->sources;
			if (order == 0)
				order = a->twins - b->twins;
			break;
		case RULE_LONGEST:
			order = a->length - b->length;
			break;
		case RULE_SHORTEST:
			order = b->length - a->length;
			break;
		case RULE_VALID:
			order = a->lowest - b->lowest;
			break;
	}
	if (order == 0)
		order = a->filled - b->filled;
	return order > 0;
}

/* True when each value of a in the unit is also the value of b. */
static bool
contained_in(const SurviveRecord *a, const SurviveRecord *b, const SurviveUnit *unit)
{
	int			i;

	for (i = 0; i < unit->count; i++)
	{
		int			attribute = unit->members[i];

		if (value_quality(a, attribute) == 0)
			continue;
		if (value_quality(b, attribute) == 0 ||
			compare_text(a->datums[attribute], b->datums[attribute]) != 0)
			return false;
	}
	return true;
}

typedef struct Survivor
{
	Datum	   *vals;
	Datum	   *record_ids;
	Datum	   *rules;
	Datum	   *candidates;
	bool	   *nulls;			/* of vals, record_ids and rules */
} Survivor;

/* Lets one unit survive. */
static void
choose_unit(const SurviveState *state, SurviveUnit *unit, Competitor *competitors,
			const SurviveCache *cache, Survivor *result)
{
	const Competitor *winner;
	const SurviveRecord *record;
	bool		only_plausible = false;
	int			count = 0,
				top = 0,
				i;

	for (i = 0; i < state->count; i++)
		count += enter_competition(&competitors[count], &state->records[i], unit);
	if (count == 0)
		return;
	/* plausible before implausible: keep the plausible ones, if any */
	for (i = 0; i < count; i++)
		if (competitors[i].lowest >= 6)
			competitors[top++] = competitors[i];
	if (top == 0)
		top = count;
	else if (top < count)
		only_plausible = true;
	if (only_plausible || unit->rule == RULE_FREQUENT)
		only_plausible &= count_twins(competitors, top, unit) == 1;

	winner = &competitors[0];
	for (i = 1; i < top; i++)
		if (beats(&competitors[i], winner, unit->rule))
			winner = &competitors[i];
	record = winner->record;
	if (unit->count > 1)
	{
		const Competitor *fullest = winner;

		for (i = 0; i < top; i++)
			if (competitors[i].filled > fullest->filled &&
				contained_in(record, competitors[i].record, unit))
				fullest = &competitors[i];
		record = fullest->record;
	}
	for (i = 0; i < unit->count; i++)
	{
		int			attribute = unit->members[i];
		int			candidates = count_candidates(state, attribute);

		result->candidates[attribute] = Int32GetDatum(candidates);
		if (value_quality(record, attribute) == 0)
			continue;
		result->nulls[attribute] = false;
		result->vals[attribute] = record->datums[attribute];
		result->record_ids[attribute] = Int64GetDatum(record->record_id);
		result->rules[attribute] = candidates == 1 ? cache->only_value
			: only_plausible ? cache->plausible
			: state->plan->rule_texts[attribute];
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
		description->natts != 8)
		elog(ERROR, "survive must return survivor");
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	cache->description = BlessTupleDesc(CreateTupleDescCopy(description));
	cache->only_value = PointerGetDatum(cstring_to_text("only value"));
	cache->plausible = PointerGetDatum(cstring_to_text("plausible"));
	MemoryContextSwitchTo(old);
	return cache;
}

static Datum
make_array(Datum *values, bool *nulls, int count, Oid type)
{
	int			dims[1];
	int			bounds[1] = {1};
	bool		by_value = type == INT4OID || FLOAT8PASSBYVAL;

	dims[0] = count;
	if (type == TEXTOID)
		return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, type,
												  -1, false, TYPALIGN_INT));
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, type,
											  type == INT4OID ? 4 : 8, by_value,
											  type == INT4OID ? TYPALIGN_INT : TYPALIGN_DOUBLE));
}

/* Oldest and newest business date of the records; null without one. */
static void
find_period(const SurviveState *state, Datum *period, bool *nulls)
{
	TimestampTz first = DT_NOEND;
	TimestampTz last = DT_NOBEGIN;
	int			i;

	for (i = 0; i < state->count; i++)
	{
		TimestampTz at = state->records[i].business_at;

		if (at == DT_NOBEGIN)
			continue;
		first = Min(first, at);
		last = Max(last, at);
	}
	nulls[0] = nulls[1] = last == DT_NOBEGIN;
	period[0] = TimestampTzGetDatum(first);
	period[1] = TimestampTzGetDatum(last);
}

/*
 * survive_final(state internal) returns survivor: by position the surviving
 * values, the records they come from, the rules that decided and the number of
 * different values that competed; then the number of records and of sources and
 * the oldest and newest business date.  Null without input.
 */
Datum
omnicrm_survive_final(PG_FUNCTION_ARGS)
{
	SurviveState *state;
	SurviveCache *cache;
	Competitor *competitors;
	Survivor	result;
	Datum		columns[8];
	bool		column_nulls[8] = {false};
	int64	   *sources;
	int			n,
				i;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_final called outside an aggregate");
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SurviveState *) PG_GETARG_POINTER(0);
	cache = get_final_cache(fcinfo);
	n = state->plan->attributes;
	if (state->count > 1)
		qsort(state->records, state->count, sizeof(SurviveRecord), compare_records);
	for (i = 0; i < state->count; i++)
	{
		int			count;

		deconstruct_array(state->records[i].vals, TEXTOID, -1, false, TYPALIGN_INT,
						  &state->records[i].datums, &state->records[i].nulls, &count);
	}
	result.vals = palloc0_array(Datum, n);
	result.record_ids = palloc0_array(Datum, n);
	result.rules = palloc0_array(Datum, n);
	result.candidates = palloc0_array(Datum, n);
	result.nulls = palloc_array(bool, n);
	memset(result.nulls, true, n);
	competitors = palloc_array(Competitor, state->count);
	for (i = 0; i < state->plan->unit_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		choose_unit(state, &state->plan->units[i], competitors, cache, &result);
	}
	columns[0] = make_array(result.vals, result.nulls, n, TEXTOID);
	columns[1] = make_array(result.record_ids, result.nulls, n, INT8OID);
	columns[2] = make_array(result.rules, result.nulls, n, TEXTOID);
	columns[3] = make_array(result.candidates, NULL, n, INT4OID);
	columns[4] = Int32GetDatum(state->count);
	sources = palloc_array(int64, state->count);
	for (i = 0; i < state->count; i++)
		sources[i] = state->records[i].source_id;
	columns[5] = Int32GetDatum(count_different(sources, state->count));
	find_period(state, &columns[6], &column_nulls[6]);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(cache->description, columns, column_nulls)));
}
