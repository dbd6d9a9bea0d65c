/*
 * judge_component_read.c
 *		What solve_component() is given: see judge_component.c.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "common/elements.h"
#include "identity/judge_component.h"

/* attributes of judge_rule */
#define RULE_ATTRIBUTES		6

static void
refuse_null(const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s has an attribute that is null", what),
			 errhint("Only the facts of a person and the similarity, strength and attach of a pair may be unknown.")));
}

static int
compare_ids(const void *key, const void *record)
{
	int64		id = *(const int64 *) key;
	int64		other = ((const TouchedRecord *) record)->id;

	return id < other ? -1 : id > other;
}

/* Position of a record, -1 for one that is not touched. */
static int
find_record(const Component *component, int64 id)
{
	const TouchedRecord *found = bsearch(&id, component->record, component->nrecords, sizeof(TouchedRecord), compare_ids);

	return found != NULL ? found - component->record : -1;
}

static int
require_record(const Component *component, int64 id)
{
	int			position = find_record(component, id);

	if (position < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("record " INT64_FORMAT " is not among the ids", id),
				 errhint("Give all records that share a value or are linked.")));
	return position;
}

/* Whether an id is among ascending ones. */
static bool
is_among(const Datum *ids, int n, int64 id)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			middle = low + (high - low) / 2;

		if (DatumGetInt64(ids[middle]) < id)
			low = middle + 1;
		else
			high = middle;
	}
	return low < n && DatumGetInt64(ids[low]) == id;
}

/*
 * ties: NULL where nothing is to be decided by them. touched: the records that are to
 * be looked at of those that are given, ascending; NULL or none: all.
 */
static void
read_records(Component *component, ArrayType *ids, ArrayType *persons, ArrayType *ties, ArrayType *touched)
{
	Datum	   *id;
	Datum	   *person;
	Datum	   *tie = NULL;
	int			n = omni_array_elements(ids, "ids", &id);
	int			npersons = omni_array_elements(persons, "persons", &person);
	int			nties = ties != NULL ? omni_array_elements(ties, "ties", &tie) : n;
	Datum	   *wanted = NULL;
	int			nwanted = touched != NULL ? omni_array_elements(touched, "touched", &wanted) : 0;

	if (npersons != n || nties != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d persons and %d ties for %d ids", npersons, ties != NULL ? nties : 0, n),
				 errhint("The arrays belong together, element by element.")));
	component->record = palloc_array(TouchedRecord, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		TouchedRecord *record = &component->record[component->nrecords];

		if (i > 0 && DatumGetInt64(id[i]) <= DatumGetInt64(id[i - 1]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("id " INT64_FORMAT " comes after " INT64_FORMAT, DatumGetInt64(id[i]), DatumGetInt64(id[i - 1])),
					 errhint("Give the records in ascending order, each once.")));
		if (nwanted > 0 && !is_among(wanted, nwanted, DatumGetInt64(id[i])))
			continue;
		component->nrecords++;
		record->id = DatumGetInt64(id[i]);
		record->tie = ties != NULL ? DatumGetInt64(tie[i]) : 0;
		omni_judged_read(person[i], &record->person);
	}
}

/*
 * omni_component_read_rules: the rules of a component, an array of judge_rule.
 * Errors: null_value_not_allowed.
 */
void
omni_component_read_rules(Component *component, ArrayType *rules)
{
	Datum	   *rows;

	component->nrules = omni_array_elements(rules, "rules", &rows);
	component->rule = palloc_array(NamedRule, Max(component->nrules, 1));
	for (int i = 0; i < component->nrules; i++)
	{
		NamedRule  *rule = &component->rule[i];
		Datum		values[RULE_ATTRIBUTES];
		bool		nulls[RULE_ATTRIBUTES];

		omni_row_attributes(rows[i], "judge_rule", RULE_ATTRIBUTES, values, nulls);
		for (int k = 0; k < RULE_ATTRIBUTES; k++)
		{
			if (nulls[k])
				refuse_null("a rule");
		}
		rule->kind = DatumGetTextPP(values[0]);
		rule->priority = DatumGetInt32(values[1]);
		rule->max_records = DatumGetInt32(values[2]);
		rule->rule.min_name_similarity = DatumGetFloat4(values[3]);
		rule->rule.birth_date_guard = DatumGetBool(values[4]);
		rule->rule.accept_mistyped = DatumGetBool(values[5]);
	}
}

/*
 * The pairs of the records that share a value; one without a rule links nobody. Where
 * the pairs of dirty records are asked for, holders of whom nothing is told are passed
 * over.
 */
static void
read_shared_value(Component *component, Datum row)
{
	Datum		values[SHARED_ATTRIBUTES];
	bool		nulls[SHARED_ATTRIBUTES];
	const NamedRule *rule;
	Datum	   *ids;
	int		   *at;
	int			nat = 0;
	int			n;

	omni_row_attributes(row, "shared_value", SHARED_ATTRIBUTES, values, nulls);
	if (nulls[0] || nulls[1] || nulls[2])
		refuse_null("a shared value");
	rule = omni_component_rule(component, DatumGetTextPP(values[0]));
	n = omni_array_elements(DatumGetArrayTypeP(values[2]), "records", &ids);
	at = palloc_array(int, Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		int64		id = DatumGetInt64(ids[i]);
		int			position = component->dirty != NULL ? find_record(component, id) : require_record(component, id);

		if (position >= 0)
			at[nat++] = position;
	}
	if (rule == NULL)
		return;
	qsort(at, nat, sizeof(int), omni_component_compare_positions);
	for (int i = 0; i < nat; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (int k = i + 1; k < nat; k++)
		{
			SharedPair *pair;

			if (at[i] == at[k] || (component->dirty != NULL && !component->dirty[at[i]] && !component->dirty[at[k]]))
				continue;
			pair = omni_component_grow(&component->shared);
			pair->a = at[i];
			pair->b = at[k];
			pair->rule = rule;
			pair->value = DatumGetTextPP(values[1]);
		}
	}
}

/* A judged_pair; links of the model are kept in mind, too. */
static void
read_pair(Component *component, Datum row)
{
	JudgedPair *pair = omni_component_grow(&component->pairs);
	Datum		values[PAIR_ATTRIBUTES];
	bool		nulls[PAIR_ATTRIBUTES];

	omni_row_attributes(row, "judged_pair", PAIR_ATTRIBUTES, values, nulls);
	if (nulls[0] || nulls[1] || nulls[2] || nulls[3] || nulls[4] || nulls[8])
		refuse_null("a pair");
	pair->record_a = DatumGetInt64(values[0]);
	pair->record_b = DatumGetInt64(values[1]);
	if (pair->record_a >= pair->record_b)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(INT64_FORMAT " and " INT64_FORMAT " are no pair of records", pair->record_a, pair->record_b),
				 errhint("The smaller id comes first.")));
	pair->kind = DatumGetTextPP(values[2]);
	pair->value = DatumGetTextPP(values[3]);
	pair->priority = DatumGetInt32(values[4]);
	pair->has_similarity = !nulls[5];
	pair->similarity = nulls[5] ? 0 : DatumGetFloat4(values[5]);
	pair->has_strength = !nulls[6];
	pair->strength = nulls[6] ? 0 : DatumGetFloat4(values[6]);
	pair->attach = !nulls[7] && DatumGetBool(values[7]);
	pair->decision = omni_judge_decision_of(DatumGetTextPP(values[8]));
	if (pair->decision == JUDGE_LINKED)
	{
		pair->a = require_record(component, pair->record_a);
		pair->b = require_record(component, pair->record_b);
	}
	else
	{
		pair->a = find_record(component, pair->record_a);
		pair->b = find_record(component, pair->record_b);
	}
	pair->preference = omni_component_preference(pair);
	pair->order = component->pairs.used;
	if (omni_component_model_link(pair))
	{
		Two		   *two = omni_component_grow(&component->alike);

		two->a = pair->a;
		two->b = pair->b;
	}
}

/*
 * omni_component_read: the arguments of solve_component(); the component has its
 * arrays, without an item.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
void
omni_component_read(FunctionCallInfo fcinfo, Component *component)
{
	Datum	   *rows;
	int			n;

	read_records(component, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), PG_GETARG_ARRAYTYPE_P(2), PG_GETARG_ARRAYTYPE_P(6));
	omni_component_read_rules(component, PG_GETARG_ARRAYTYPE_P(3));
	n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(4), "shared", &rows);
	for (int i = 0; i < n; i++)
		read_shared_value(component, rows[i]);
	n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(5), "pairs", &rows);
	for (int i = 0; i < n; i++)
		read_pair(component, rows[i]);
}

/*
 * omni_component_read_shared: the arguments of judge_shared(); the component has its
 * arrays, without an item.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
void
omni_component_read_shared(FunctionCallInfo fcinfo, Component *component)
{
	Datum	   *rows;
	Datum	   *ids;
	bool	   *dirty;
	int			n;

	read_records(component, PG_GETARG_ARRAYTYPE_P(0), PG_GETARG_ARRAYTYPE_P(1), NULL, NULL);
	omni_component_read_rules(component, PG_GETARG_ARRAYTYPE_P(2));
	dirty = palloc0_array(bool, Max(component->nrecords, 1));
	n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(4), "dirty", &ids);
	for (int i = 0; i < n; i++)
	{
		int			position = find_record(component, DatumGetInt64(ids[i]));

		if (position >= 0)
			dirty[position] = true;
	}
	component->dirty = dirty;
	n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(3), "shared", &rows);
	for (int i = 0; i < n; i++)
		read_shared_value(component, rows[i]);
}
