/*
 * survive_overrule.c
 *		overrule(): what a person decided, in place of what the rules found.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "golden/survive.h"

PG_FUNCTION_INFO_V1(omnicrm_overrule);

/* what survivor.rules says of such a value */
#define OVERRULED "steward"

/* The columns of survivor that change, taken apart. */
typedef struct Overruled
{
	Datum	   *vals;
	bool	   *no_vals;
	Datum	   *record_ids;
	bool	   *no_records;
	Datum	   *rules;
	bool	   *no_rules;
	Jsonb	   *provenance;		/* of attributes before; NULL: none */
	JsonbParseState *members;	/* of attributes */
	JsonbParseState *sources;	/* of attribute_provenance */
	int			member_count;
} Overruled;

/* One array of the survivor; it has as many elements as the plan has columns. */
static void
take_array(Datum array, Oid type, int count, Datum **values, bool **nulls)
{
	ArrayType  *elements = DatumGetArrayTypeP(array);
	int			n;

	if (type == TEXTOID)
		deconstruct_array(elements, TEXTOID, -1, false, TYPALIGN_INT, values, nulls, &n);
	else
		deconstruct_array(elements, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, values, nulls, &n);
	if (n != count)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("the survivorship plan has %d attributes, but there are %d values", count, n)));
}

static Datum
make_array(Datum *values, bool *nulls, int count, Oid type)
{
	int			dims[1];
	int			bounds[1] = {1};

	if (count == 0)
		return PointerGetDatum(construct_empty_array(type));
	dims[0] = count;
	if (type == TEXTOID)
		return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, TEXTOID, -1, false, TYPALIGN_INT));
	return PointerGetDatum(construct_md_array(values, nulls, 1, dims, bounds, INT8OID, sizeof(int64),
											  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The position of a column of the plan; -1 when it is none. */
static int
find_column(const SurvivePlan *plan, const JsonbValue *name)
{
	for (int i = 0; i < plan->columns; i++)
		if (plan->attribute[i].name_length == name->val.string.len && name->val.string.len > 0 &&
			memcmp(plan->attribute[i].name, name->val.string.val, name->val.string.len) == 0)
			return i;
	return -1;
}

/* Copies the members that nobody decided. */
static void
copy_members(JsonbParseState **state, Jsonb *object, JsonbContainer *decisions, int *count)
{
	JsonbIterator *iterator;
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	if (object == NULL)
		return;
	iterator = JsonbIteratorInit(&object->root);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		if (getKeyJsonValueFromContainer(decisions, key.val.string.val, key.val.string.len, NULL) != NULL)
			continue;
		pushJsonbValue(state, WJB_KEY, &key);
		pushJsonbValue(state, WJB_VALUE, &value);
		if (count != NULL)
			(*count)++;
	}
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *text)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, text);
	value.val.string.len = strlen(text);
	pushJsonbValue(state, token, &value);
}

/* How many values of a member competed before it was decided. */
static Numeric
find_candidates(Jsonb *provenance, const JsonbValue *name)
{
	JsonbValue *member = provenance == NULL ? NULL
		: getKeyJsonValueFromContainer(&provenance->root, name->val.string.val, name->val.string.len, NULL);
	JsonbValue *candidates = NULL;

	if (member != NULL && member->type == jbvBinary && JsonContainerIsObject(member->val.binary.data))
		candidates = getKeyJsonValueFromContainer(member->val.binary.data, "candidates", strlen("candidates"), NULL);
	return candidates != NULL && candidates->type == jbvNumeric ? candidates->val.numeric : int64_to_numeric(0);
}

/* Takes one decision: a column, or a member of the attributes. */
static void
take_decision(Overruled *result, const SurvivePlan *plan, JsonbValue *name, JsonbValue *value)
{
	int			column = find_column(plan, name);
	JsonbValue	candidates;
	JsonbValue	none;

	if (column >= 0)
	{
		if (value->type != jbvString && value->type != jbvNull)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("the decision on \"%s\" must be a text or null",
							pnstrdup(name->val.string.val, name->val.string.len))));
		result->no_vals[column] = value->type == jbvNull;
		if (value->type == jbvString)
			result->vals[column] = PointerGetDatum(cstring_to_text_with_len(value->val.string.val, value->val.string.len));
		result->no_records[column] = true;
		result->rules[column] = CStringGetTextDatum(OVERRULED);
		result->no_rules[column] = false;
		return;
	}
	none.type = jbvNull;
	if (value->type != jbvNull)
	{
		pushJsonbValue(&result->members, WJB_KEY, name);
		pushJsonbValue(&result->members, WJB_VALUE, value);
		result->member_count++;
	}
	pushJsonbValue(&result->sources, WJB_KEY, name);
	pushJsonbValue(&result->sources, WJB_BEGIN_OBJECT, NULL);
	push_text(&result->sources, WJB_KEY, "record");
	pushJsonbValue(&result->sources, WJB_VALUE, &none);
	push_text(&result->sources, WJB_KEY, "rule");
	push_text(&result->sources, WJB_VALUE, OVERRULED);
	push_text(&result->sources, WJB_KEY, "candidates");
	candidates.type = jbvNumeric;
	candidates.val.numeric = find_candidates(result->provenance, name);
	pushJsonbValue(&result->sources, WJB_VALUE, &candidates);
	pushJsonbValue(&result->sources, WJB_END_OBJECT, NULL);
}

/* The decisions on members, and the members that nobody decided. */
static void
overrule_members(Overruled *result, const SurvivePlan *plan, JsonbContainer *decisions, Datum *columns, bool *nulls)
{
	JsonbIterator *iterator = JsonbIteratorInit(decisions);
	JsonbIteratorToken token;
	JsonbValue	key;
	JsonbValue	value;

	result->provenance = nulls[5] ? NULL : DatumGetJsonbP(columns[5]);
	pushJsonbValue(&result->members, WJB_BEGIN_OBJECT, NULL);
	pushJsonbValue(&result->sources, WJB_BEGIN_OBJECT, NULL);
	copy_members(&result->members, nulls[4] ? NULL : DatumGetJsonbP(columns[4]), decisions, &result->member_count);
	copy_members(&result->sources, result->provenance, decisions, NULL);
	while ((token = JsonbIteratorNext(&iterator, &key, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		JsonbIteratorNext(&iterator, &value, true);
		take_decision(result, plan, &key, &value);
	}
	columns[5] = PointerGetDatum(JsonbValueToJsonb(pushJsonbValue(&result->sources, WJB_END_OBJECT, NULL)));
	nulls[5] = JB_ROOT_COUNT(DatumGetJsonbP(columns[5])) == 0;
	columns[4] = PointerGetDatum(JsonbValueToJsonb(pushJsonbValue(&result->members, WJB_END_OBJECT, NULL)));
	nulls[4] = result->member_count == 0;
}

/*
 * overrule(survivor, decisions jsonb, plan jsonb) returns survivor: the same with
 * each member of decisions in place of the value that survived; null: no value.
 * A member that is no attribute of the plan by name is one of the attributes.
 * Errors: invalid_parameter_value for decisions that are no object, or a bad
 * plan, array_subscript_error for a survivor of another plan.
 */
Datum
omnicrm_overrule(PG_FUNCTION_ARGS)
{
	HeapTupleHeader survivor = PG_GETARG_HEAPTUPLEHEADER(0);
	Jsonb	   *decisions = PG_GETARG_JSONB_P(1);
	SurvivePlan *plan = survive_find_plan(fcinfo, PG_GETARG_JSONB_P(2));
	TupleDesc	description;
	HeapTupleData tuple;
	Datum		columns[SURVIVOR_COLUMNS];
	bool		nulls[SURVIVOR_COLUMNS];
	Overruled	result = {0};

	if (!JB_ROOT_IS_OBJECT(decisions))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("decisions must be a jsonb object: attribute and value")));
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE ||
		description->natts != SURVIVOR_COLUMNS)
		elog(ERROR, "overrule must return survivor");
	description = BlessTupleDesc(description);
	tuple.t_len = HeapTupleHeaderGetDatumLength(survivor);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = survivor;
	heap_deform_tuple(&tuple, description, columns, nulls);
	if (nulls[0] || nulls[1] || nulls[2])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("overrule needs the values, records and rules of the survivor")));
	take_array(columns[0], TEXTOID, plan->columns, &result.vals, &result.no_vals);
	take_array(columns[1], INT8OID, plan->columns, &result.record_ids, &result.no_records);
	take_array(columns[2], TEXTOID, plan->columns, &result.rules, &result.no_rules);
	overrule_members(&result, plan, &decisions->root, columns, nulls);
	columns[0] = make_array(result.vals, result.no_vals, plan->columns, TEXTOID);
	columns[1] = make_array(result.record_ids, result.no_records, plan->columns, INT8OID);
	columns[2] = make_array(result.rules, result.no_rules, plan->columns, TEXTOID);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(description, columns, nulls)));
}
