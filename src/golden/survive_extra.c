/*
 * survive_extra.c
 *		Attributes that come as members of a jsonb object, each by its own rule:
 *		those that the plan lists as extra, and all others by "others".
 *
 * Values are compared as texts: a text by its characters, a number by its digits,
 * anything else by its JSON.  What survives is the value itself.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "common/json.h"
#include "golden/survive.h"

/* The order in which jsonb keeps the members of an object. */
static int
compare_keys(const void *x, const void *y)
{
	const JsonbValue *a = x;
	const JsonbValue *b = y;

	if (a->val.string.len != b->val.string.len)
		return a->val.string.len - b->val.string.len;
	return memcmp(a->val.string.val, b->val.string.val, a->val.string.len);
}

static bool
is_listed(const SurvivePlan *plan, const JsonbValue *key)
{
	for (int i = plan->columns; i < plan->attributes; i++)
		if (plan->attribute[i].name_length == key->val.string.len &&
			memcmp(plan->attribute[i].name, key->val.string.val, key->val.string.len) == 0)
			return true;
	return false;
}

/* Finds the names of all members that the plan does not list. */
void
survive_find_extra(const SurviveState *state, SurviveExtra *extra)
{
	int			kept = 0;

	memset(extra, 0, sizeof(SurviveExtra));
	for (int i = 0; i < state->count; i++)
	{
		JsonbIterator *iterator;
		JsonbIteratorToken token;
		JsonbValue	value;

		CHECK_FOR_INTERRUPTS();
		if (state->records[i]->attributes == NULL)
			continue;
		iterator = JsonbIteratorInit(&state->records[i]->attributes->root);
		while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		{
			if (token != WJB_KEY || is_listed(state->plan, &value))
				continue;
			if (extra->count == extra->space)
			{
				extra->space = Max(extra->space * 2, 16);
				extra->keys = extra->keys == NULL ? palloc_array(JsonbValue, extra->space)
					: repalloc_huge(extra->keys, sizeof(JsonbValue) * extra->space);
			}
			extra->keys[extra->count++] = value;
		}
		/* few names, many records */
		if (extra->count > 1)
		{
			qsort(extra->keys, extra->count, sizeof(JsonbValue), compare_keys);
			kept = 1;
			for (int k = 1; k < extra->count; k++)
				if (compare_keys(&extra->keys[kept - 1], &extra->keys[k]) != 0)
					extra->keys[kept++] = extra->keys[k];
			extra->count = kept;
		}
	}
}

/* A member of a record; NULL when it has none or null. */
static JsonbValue *
find_member(const SurviveRecord *record, const char *name, int length)
{
	JsonbValue *value;

	if (record->attributes == NULL)
		return NULL;
	value = getKeyJsonValueFromContainer(&record->attributes->root, name, length, NULL);
	return value != NULL && value->type == jbvNull ? NULL : value;
}

/* A value as text, by which it is compared. */
static Datum
member_text(JsonbValue *value)
{
	text	   *told = omni_json_text(value);

	if (told == NULL)
		elog(ERROR, "unexpected type of jsonb value: %d", value->type);
	return PointerGetDatum(told);
}

/* The name of an attribute that comes as a member. */
static const char *
member_name(const SurvivePlan *plan, const SurviveExtra *extra, int attribute, int *length)
{
	if (attribute < plan->attributes)
	{
		*length = plan->attribute[attribute].name_length;
		return plan->attribute[attribute].name;
	}
	*length = extra->keys[attribute - plan->attributes].val.string.len;
	return extra->keys[attribute - plan->attributes].val.string.val;
}

/* Fills in the values of a record from the listed members on. */
void
survive_read_extra(const SurvivePlan *plan, const SurviveRecord *record, const SurviveExtra *extra,
				   Datum *values, uint8 *quality)
{
	for (int i = plan->columns; i < plan->attributes + extra->count; i++)
	{
		int			length;
		const char *name = member_name(plan, extra, i, &length);
		JsonbValue *value = find_member(record, name, length);

		quality[i] = 0;
		if (value == NULL)
			continue;
		values[i] = member_text(value);
		quality[i] = value_length(values[i]) > 0 ? QUALITY_PLAUSIBLE : 0;
	}
}

/* An element of a union with the text by which it is compared. */
typedef struct UnionElement
{
	JsonbValue	value;
	Datum		text;
	int			place;
} UnionElement;

static int
compare_elements(const void *x, const void *y)
{
	const UnionElement *a = x;
	const UnionElement *b = y;
	int			order = compare_value(a->text, b->text);

	return order != 0 ? order : a->place - b->place;
}

static int
compare_places(const void *x, const void *y)
{
	return ((const UnionElement *) x)->place - ((const UnionElement *) y)->place;
}

/* Adds the elements of one value: of an array each, else the value. */
static void
add_elements(JsonbValue *value, UnionElement **elements, int *count, int *space)
{
	bool		is_array = value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data);
	int			n = is_array ? JsonContainerSize(value->val.binary.data) : 1;

	for (int i = 0; i < n; i++)
	{
		JsonbValue *element = is_array ? getIthJsonbValueFromContainer(value->val.binary.data, i) : value;

		if (element->type == jbvNull)
			continue;
		if (*count == *space)
		{
			*space = Max(*space * 2, 8);
			*elements = *elements == NULL ? palloc_array(UnionElement, *space)
				: repalloc_huge(*elements, sizeof(UnionElement) * *space);
		}
		(*elements)[*count].value = *element;
		(*elements)[*count].text = member_text(element);
		(*elements)[*count].place = *count;
		(*count)++;
	}
}

/* All elements of a member, each once, the most trusted record's first. */
static void
push_union(JsonbParseState **state, const SurviveField *field, const char *name, int length)
{
	UnionElement *elements = NULL;
	int			count = 0,
				space = 0,
				kept = 0;

	for (int i = 0; i < field->count; i++)
	{
		JsonbValue *value = find_member(field->records[i], name, length);

		CHECK_FOR_INTERRUPTS();
		if (value != NULL)
			add_elements(value, &elements, &count, &space);
	}
	if (count > 0)
		qsort(elements, count, sizeof(UnionElement), compare_elements);
	for (int i = 0; i < count; i++)
		if (kept == 0 || !same_value(elements[kept - 1].text, elements[i].text))
			elements[kept++] = elements[i];
	if (kept > 0)
		qsort(elements, kept, sizeof(UnionElement), compare_places);
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	for (int i = 0; i < kept; i++)
		pushJsonbValue(state, WJB_ELEM, &elements[i].value);
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text, int length)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = length;
	pushJsonbValue(state, token, &value);
}

static void
push_number(JsonbParseState **state, int64 number)
{
	JsonbValue	value;

	value.type = jbvNumeric;
	value.val.numeric = int64_to_numeric(number);
	pushJsonbValue(state, WJB_VALUE, &value);
}

/* Where one member comes from. */
static void
push_provenance(JsonbParseState **state, const SurviveField *field, const SurviveVerdict *verdict, Datum rule,
				int candidates)
{
	JsonbValue	none;

	none.type = jbvNull;
	pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	push_text(state, WJB_KEY, "record", strlen("record"));
	if (verdict->record >= 0)
		push_number(state, field->records[verdict->record]->record_id);
	else
		pushJsonbValue(state, WJB_VALUE, &none);
	push_text(state, WJB_KEY, "rule", strlen("rule"));
	push_text(state, WJB_VALUE, VARDATA_ANY(DatumGetPointer(rule)), value_length(rule));
	push_text(state, WJB_KEY, "candidates", strlen("candidates"));
	push_number(state, candidates);
	pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

/*
 * The surviving members as an object, NULL when there is none, and where each
 * comes from.
 */
Datum
survive_extra_json(const SurviveField *field, const SurviveExtra *extra, const SurviveVerdict *verdicts,
				   const SurviveVerdict *other_verdicts, const SurviveCache *cache, Datum *provenance)
{
	const SurvivePlan *plan = field->plan;
	JsonbParseState *members = NULL;
	JsonbParseState *sources = NULL;
	int			found = 0;

	pushJsonbValue(&members, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&sources, WJB_BEGIN_OBJECT, NULL);
	for (int i = plan->columns; i < field->width; i++)
	{
		const SurviveUnit *unit = i < plan->attributes ? &plan->units[plan->attribute[i].unit] : &plan->other;
		const SurviveVerdict *verdict = i < plan->attributes ? &verdicts[plan->attribute[i].unit]
			: &other_verdicts[i - plan->attributes];
		int			length;
		const char *name = member_name(plan, extra, i, &length);
		JsonbValue *value = NULL;
		JsonbValue	sum;
		int			candidates;

		if (verdict->rule == (Datum) 0)
			continue;
		if (unit->steps[0].rule == RULE_SUM)
		{
			sum.type = jbvNumeric;
			sum.val.numeric = DatumGetNumeric(DirectFunctionCall3(numeric_in,
																  CStringGetDatum(TextDatumGetCString(verdict->combined)),
																  ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
			value = &sum;
		}
		else if (unit->steps[0].rule != RULE_UNION &&
				 (field_quality(field, verdict->record, i) == 0 ||
				  (value = find_member(field->records[verdict->record], name, length)) == NULL))
			continue;
		push_text(&members, WJB_KEY, name, length);
		if (value != NULL)
			pushJsonbValue(&members, WJB_VALUE, value);
		else
			push_union(&members, field, name, length);
		candidates = survive_candidates(field, i);
		push_text(&sources, WJB_KEY, name, length);
		push_provenance(&sources, field, verdict, survive_rule_text(verdict, candidates, cache), candidates);
		found++;
	}
	if (found == 0)
		return (Datum) 0;
	*provenance = PointerGetDatum(JsonbValueToJsonb(pushJsonbValue(&sources, WJB_END_OBJECT, NULL)));
	return PointerGetDatum(JsonbValueToJsonb(pushJsonbValue(&members, WJB_END_OBJECT, NULL)));
}
