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

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/compat.h"

#define MAX_SURVIVE_ATTRIBUTES 256
#define MAX_SURVIVE_RECORDS 1000000
#define MAX_SURVIVE_PLANS 64
#define STATE_VERSION 1

typedef enum SurviveRule
{
	RULE_TRUST,
	RULE_RECENT,
	RULE_OLDEST,
	RULE_FREQUENT,
	RULE_LONGEST,
	RULE_SHORTEST,
	RULE_VALID
} SurviveRule;

static const char *const rule_names[] = {
	"trust", "recent", "oldest", "frequent", "longest", "shortest", "valid"
};

/* A unit of attributes that survive from one record. */
typedef struct SurviveUnit
{
	SurviveRule rule;
	int			count;
	int		   *members;		/* attribute positions from 0 */
} SurviveUnit;

/* Rules and groups as parsed; kept for the whole query. */
typedef struct SurvivePlan
{
	struct SurvivePlan *next;
	ArrayType  *rules;
	ArrayType  *groups;			/* NULL: no groups */
	int			attributes;
	int			unit_count;
	SurviveUnit *units;
	Datum	   *rule_texts;		/* by attribute */
} SurvivePlan;

/* What the function call keeps over a query, in fn_extra. */
typedef struct SurviveCache
{
	SurvivePlan *plans;
	int			plan_count;
	TupleDesc	description;
	Datum		only_value;
	Datum		plausible;
} SurviveCache;

typedef struct SurviveRecord
{
	int64		record_id;
	int64		source_id;
	double		trust;
	TimestampTz business_at;	/* DT_NOBEGIN when there is none */
	int			quality_length;
	char	   *quality;
	ArrayType  *vals;
	/* filled by the final function */
	Datum	   *datums;
	bool	   *nulls;
} SurviveRecord;

typedef struct SurviveState
{
	SurvivePlan *plan;
	SurviveRecord *records;
	int			count;
	int			space;
} SurviveState;

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

PG_FUNCTION_INFO_V1(omnicrm_survive_transition);
PG_FUNCTION_INFO_V1(omnicrm_survive_combine);
PG_FUNCTION_INFO_V1(omnicrm_survive_serialize);
PG_FUNCTION_INFO_V1(omnicrm_survive_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_survive_final);

static SurviveCache *
get_cache(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
														  sizeof(SurviveCache));
	return (SurviveCache *) fcinfo->flinfo->fn_extra;
}

static bool
same_array(const ArrayType *a, const ArrayType *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a == b || (VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0);
}

static ArrayType *
copy_array(const ArrayType *array)
{
	ArrayType  *copy = palloc(VARSIZE(array));

	memcpy(copy, array, VARSIZE(array));
	return copy;
}

static SurviveRule
parse_rule(Datum rule)
{
	char	   *name = TextDatumGetCString(rule);
	int			i;

	for (i = 0; i < lengthof(rule_names); i++)
		if (strcmp(name, rule_names[i]) == 0)
			return (SurviveRule) i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown survivorship rule: \"%s\"", name),
			 errhint("Rules are trust, recent, oldest, frequent, longest, shortest and valid.")));
	return RULE_TRUST;			/* not reached */
}

/* Puts each attribute into its unit; the first of a group gives its rule. */
static void
build_units(SurvivePlan *plan, const SurviveRule *rules, const int32 *groups)
{
	int			i,
				u;

	plan->units = palloc0_array(SurviveUnit, plan->attributes);
	for (i = 0; i < plan->attributes; i++)
	{
		SurviveUnit *unit = NULL;

		for (u = 0; groups[i] != 0 && u < plan->unit_count; u++)
			if (groups[plan->units[u].members[0]] == groups[i])
				unit = &plan->units[u];
		if (unit == NULL)
		{
			unit = &plan->units[plan->unit_count++];
			unit->rule = rules[i];
			unit->members = palloc_array(int, plan->attributes);
		}
		else if (unit->rule != rules[i])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("attributes %d and %d of one group have different survivorship rules: %s, %s",
							unit->members[0] + 1, i + 1, rule_names[unit->rule], rule_names[rules[i]]),
					 errhint("A group survives as a unit, by one rule.")));
		unit->members[unit->count++] = i;
	}
}

static SurvivePlan *
make_plan(const ArrayType *rules, const ArrayType *groups)
{
	SurvivePlan *plan = palloc0_object(SurvivePlan);
	SurviveRule *parsed;
	int32	   *group_of;
	Datum	   *datums;
	bool	   *nulls;
	int			n,
				i;

	plan->rules = copy_array(rules);
	plan->groups = groups == NULL ? NULL : copy_array(groups);
	if (ARR_NDIM(rules) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("survivorship rules must be an array of one dimension that is not empty")));
	deconstruct_array(plan->rules, TEXTOID, -1, false, TYPALIGN_INT, &datums, &nulls, &n);
	if (n > MAX_SURVIVE_ATTRIBUTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("survive is limited to %d attributes, got %d", MAX_SURVIVE_ATTRIBUTES, n)));
	plan->attributes = n;
	plan->rule_texts = datums;
	parsed = palloc_array(SurviveRule, n);
	for (i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the survivorship rule of attribute %d is null", i + 1)));
		parsed[i] = parse_rule(datums[i]);
	}
	group_of = palloc0_array(int32, n);
	if (groups != NULL)
	{
		int			group_count;

		deconstruct_array(plan->groups, INT4OID, sizeof(int32), true, TYPALIGN_INT,
						  &datums, &nulls, &group_count);
		if (group_count != n)
			ereport(ERROR,
					(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
					 errmsg("%d survivorship rules, but %d groups", n, group_count)));
		for (i = 0; i < n; i++)
			group_of[i] = nulls[i] ? 0 : DatumGetInt32(datums[i]);
	}
	build_units(plan, parsed, group_of);
	return plan;
}

/* The plan for these rules and groups; a query has one, rarely a few. */
static SurvivePlan *
find_plan(FunctionCallInfo fcinfo, const ArrayType *rules, const ArrayType *groups)
{
	SurviveCache *cache = get_cache(fcinfo);
	SurvivePlan *plan;
	MemoryContext old;

	for (plan = cache->plans; plan != NULL; plan = plan->next)
		if (same_array(plan->rules, rules) && same_array(plan->groups, groups))
			return plan;
	if (cache->plan_count >= MAX_SURVIVE_PLANS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("survive is limited to %d different sets of rules in one query", MAX_SURVIVE_PLANS)));
	old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
	plan = make_plan(rules, groups);
	plan->next = cache->plans;
	cache->plans = plan;
	cache->plan_count++;
	MemoryContextSwitchTo(old);
	return plan;
}

static void
check_values(const SurvivePlan *plan, const ArrayType *vals, const char *quality, int length)
{
	int			n = ArrayGetNItems(ARR_NDIM(vals), ARR_DIMS(vals));
	int			i;

	if (ARR_NDIM(vals) != 1 || n != plan->attributes)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%d survivorship rules, but %d values", plan->attributes, n)));
	for (i = 0; i < length; i++)
		if (quality[i] < '0' || quality[i] > '9')
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the quality of attribute %d is no digit: \"%s\"", i + 1,
							pnstrdup(quality, length)),
					 errhint("Quality has one digit for each attribute: 0 none, 3 implausible, 6 unchecked, 9 valid.")));
}

static SurviveState *
make_state(MemoryContext context, SurvivePlan *plan)
{
	SurviveState *state = MemoryContextAllocZero(context, sizeof(SurviveState));

	state->plan = plan;
	state->space = 2;
	state->records = MemoryContextAlloc(context, sizeof(SurviveRecord) * state->space);
	return state;
}

/* An empty record at the end of a state, in the current memory context. */
static SurviveRecord *
add_record(SurviveState *state, const SurvivePlan *plan)
{
	SurviveRecord *record;

	if (state->plan != plan && !(same_array(state->plan->rules, plan->rules) &&
								 same_array(state->plan->groups, plan->groups)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("survivorship rules or groups differ within one group of rows")));
	if (state->count >= MAX_SURVIVE_RECORDS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("survive is limited to %d records in one group", MAX_SURVIVE_RECORDS)));
	if (state->count == state->space)
	{
		state->space *= 2;
		state->records = repalloc(state->records, sizeof(SurviveRecord) * state->space);
	}
	record = &state->records[state->count++];
	memset(record, 0, sizeof(SurviveRecord));
	return record;
}

static void
refuse_bytes(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid serialised state of survive")));
}

/*
 * survive_transition(state internal, record_id bigint, source_id bigint, trust
 * double precision, business_at timestamptz, quality text, vals text[], rules
 * text[], groups integer[]) returns internal: keeps one record.  Errors:
 * null_value_not_allowed for record_id, vals or rules, array_subscript_error
 * for arrays of different length, invalid_parameter_value for an unknown rule,
 * a quality that is no digit, a trust that is no number or different rules in
 * one group, program_limit_exceeded.
 */
Datum
omnicrm_survive_transition(PG_FUNCTION_ARGS)
{
	MemoryContext context,
				old;
	SurviveState *state;
	SurvivePlan *plan;
	SurviveRecord *record;
	ArrayType  *vals;
	text	   *quality = NULL;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "survive_transition called outside an aggregate");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(6) || PG_ARGISNULL(7))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("survive needs a record id, values and rules")));
	plan = find_plan(fcinfo, PG_GETARG_ARRAYTYPE_P(7),
					 PG_ARGISNULL(8) ? NULL : PG_GETARG_ARRAYTYPE_P(8));
	vals = PG_GETARG_ARRAYTYPE_P(6);
	if (!PG_ARGISNULL(5))
		quality = PG_GETARG_TEXT_PP(5);
	check_values(plan, vals, quality ? VARDATA_ANY(quality) : NULL,
				 quality ? VARSIZE_ANY_EXHDR(quality) : 0);

	if (PG_ARGISNULL(0))
		state = make_state(context, plan);
	else
		state = (SurviveState *) PG_GETARG_POINTER(0);
	old = MemoryContextSwitchTo(context);
	record = add_record(state, plan);
	record->record_id = PG_GETARG_INT64(1);
	record->source_id = PG_ARGISNULL(2) ? 0 : PG_GETARG_INT64(2);
	record->trust = PG_ARGISNULL(3) ? -get_float8_infinity() : PG_GETARG_FLOAT8(3);
	if (isnan(record->trust))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the trust of record " INT64_FORMAT " must be a number, not NaN", record->record_id)));
	record->business_at = PG_ARGISNULL(4) ? DT_NOBEGIN : PG_GETARG_TIMESTAMPTZ(4);
	if (TIMESTAMP_NOT_FINITE(record->business_at))
		record->business_at = DT_NOBEGIN;
	if (quality != NULL)
	{
		record->quality_length = VARSIZE_ANY_EXHDR(quality);
		record->quality = palloc(record->quality_length + 1);
		memcpy(record->quality, VARDATA_ANY(quality), record->quality_length);
	}
	record->vals = copy_array(vals);
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

/*
 * survive_combine(internal, internal) returns internal: adds the records of the
 * second state to the first.
 */
Datum
omnicrm_survive_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context,
				old;
	SurviveState *state;
	SurviveState *other;
	int			i;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "survive_combine called outside an aggregate");
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	other = (SurviveState *) PG_GETARG_POINTER(1);
	if (PG_ARGISNULL(0))
		state = make_state(context, find_plan(fcinfo, other->plan->rules, other->plan->groups));
	else
		state = (SurviveState *) PG_GETARG_POINTER(0);
	old = MemoryContextSwitchTo(context);
	for (i = 0; i < other->count; i++)
	{
		const SurviveRecord *from = &other->records[i];
		SurviveRecord *record = add_record(state, other->plan);

		record->record_id = from->record_id;
		record->source_id = from->source_id;
		record->trust = from->trust;
		record->business_at = from->business_at;
		record->quality_length = from->quality_length;
		record->quality = palloc(from->quality_length + 1);
		memcpy(record->quality, from->quality, from->quality_length);
		record->vals = copy_array(from->vals);
	}
	MemoryContextSwitchTo(old);
	PG_RETURN_POINTER(state);
}

static void
send_array(StringInfo out, const ArrayType *array)
{
	pq_sendint32(out, array == NULL ? 0 : VARSIZE(array));
	if (array != NULL)
		pq_sendbytes(out, (char *) array, VARSIZE(array));
}

/*
 * survive_serialize(internal) returns bytea: version, rules, groups and the
 * records.
 */
Datum
omnicrm_survive_serialize(PG_FUNCTION_ARGS)
{
	SurviveState *state = (SurviveState *) PG_GETARG_POINTER(0);
	StringInfoData out;
	int			i;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_serialize called outside an aggregate");
	pq_begintypsend(&out);
	pq_sendint32(&out, STATE_VERSION);
	send_array(&out, state->plan->rules);
	send_array(&out, state->plan->groups);
	pq_sendint32(&out, state->count);
	for (i = 0; i < state->count; i++)
	{
		const SurviveRecord *record = &state->records[i];

		pq_sendint64(&out, record->record_id);
		pq_sendint64(&out, record->source_id);
		pq_sendfloat8(&out, record->trust);
		pq_sendint64(&out, record->business_at);
		pq_sendint32(&out, record->quality_length);
		pq_sendbytes(&out, record->quality, record->quality_length);
		send_array(&out, record->vals);
	}
	PG_RETURN_BYTEA_P(pq_endtypsend(&out));
}

/* An array as sent; NULL for none.  The bytes come from survive_serialize(). */
static ArrayType *
receive_array(StringInfo in, Oid element)
{
	int			size = pq_getmsgint(in, 4);
	ArrayType  *array;

	if (size == 0)
		return NULL;
	if (size < (int) sizeof(ArrayType) || size > in->len - in->cursor)
		refuse_bytes();
	array = palloc(size);
	pq_copymsgbytes(in, (char *) array, size);
	if (VARSIZE(array) != size || ARR_ELEMTYPE(array) != element)
		refuse_bytes();
	return array;
}

/*
 * survive_deserialize(bytea, internal) returns internal: the inverse.  Errors:
 * invalid_binary_representation for bytes that are no such state.
 */
Datum
omnicrm_survive_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	StringInfoData in;
	SurviveState *state;
	SurvivePlan *plan;
	ArrayType  *rules,
			   *groups;
	int			count,
				i;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "survive_deserialize called outside an aggregate");
	initStringInfo(&in);
	appendBinaryStringInfo(&in, VARDATA_ANY(bytes), VARSIZE_ANY_EXHDR(bytes));
	if (pq_getmsgint(&in, 4) != STATE_VERSION)
		refuse_bytes();
	rules = receive_array(&in, TEXTOID);
	groups = receive_array(&in, INT4OID);
	if (rules == NULL)
		refuse_bytes();
	plan = find_plan(fcinfo, rules, groups);
	state = make_state(CurrentMemoryContext, plan);
	count = pq_getmsgint(&in, 4);
	for (i = 0; i < count; i++)
	{
		SurviveRecord *record = add_record(state, plan);

		record->record_id = pq_getmsgint64(&in);
		record->source_id = pq_getmsgint64(&in);
		record->trust = pq_getmsgfloat8(&in);
		record->business_at = pq_getmsgint64(&in);
		record->quality_length = pq_getmsgint(&in, 4);
		if (record->quality_length < 0 || record->quality_length > in.len - in.cursor)
			refuse_bytes();
		record->quality = palloc(record->quality_length + 1);
		pq_copymsgbytes(&in, record->quality, record->quality_length);
		record->vals = receive_array(&in, TEXTOID);
		if (record->vals == NULL)
			refuse_bytes();
		check_values(plan, record->vals, record->quality, record->quality_length);
	}
	pq_getmsgend(&in);
	pfree(in.data);
	PG_RETURN_POINTER(state);
}

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
	SurviveCache *cache = get_cache(fcinfo);
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
