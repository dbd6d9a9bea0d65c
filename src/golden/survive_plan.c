/*
 * survive_plan.c
 *		Rules and groups of survive(), parsed once per query into units.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "golden/survive.h"

static const char *const rule_names[] = {
	"trust", "recent", "oldest", "frequent", "longest", "shortest", "valid"
};

/* What this call of the function keeps over the query, made on first use. */
SurviveCache *
survive_get_cache(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
														  sizeof(SurviveCache));
	return (SurviveCache *) fcinfo->flinfo->fn_extra;
}

/* Same bytes, or both absent. */
bool
survive_same_array(const ArrayType *a, const ArrayType *b)
{
	if (a == NULL || b == NULL)
		return a == b;
	return a == b || (VARSIZE(a) == VARSIZE(b) && memcmp(a, b, VARSIZE(a)) == 0);
}

/* A copy in the current memory context. */
ArrayType *
survive_copy_array(const ArrayType *array)
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

	plan->rules = survive_copy_array(rules);
	plan->groups = groups == NULL ? NULL : survive_copy_array(groups);
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
SurvivePlan *
survive_find_plan(FunctionCallInfo fcinfo, const ArrayType *rules, const ArrayType *groups)
{
	SurviveCache *cache = survive_get_cache(fcinfo);
	SurvivePlan *plan;
	MemoryContext old;

	for (plan = cache->plans; plan != NULL; plan = plan->next)
		if (survive_same_array(plan->rules, rules) && survive_same_array(plan->groups, groups))
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
