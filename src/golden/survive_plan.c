/*
 * survive_plan.c
 *		The plan of survive(), jsonb, parsed into units.  A session keeps its
 *		first plans, since whoever recomputes one customer at a time would
 *		otherwise spend most of it on parsing.
 *
 * Either an array with one item for each value, or an object:
 *
 *	attributes	items, by position of the values
 *	extra		items of the members of the attributes, by name
 *	others		item of members that are not listed; trust when it is missing
 *	trust		how trust depends on source, attribute and age (survive_trust.c)
 *	sources		trust by source id, in place of the argument
 *
 * An item is the name of a rule, or an object: name, group, type (text, number,
 * date), implausible (last, compete, never), empty_from (ids of sources), and
 * either one rule, told by rule, list, of, from and until, or rules, an array.
 * A rule in it is its name, or an object with these five.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "golden/survive.h"
#include "golden/survive_json.h"
#include "identity/datetime.h"

static const char *const rule_names[] = {
	"trust", "recent", "oldest", "frequent", "longest", "shortest", "valid", "source", "complete",
	"min", "max", "vote", "stage", "follow", "first", "last", "sum", "union"
};
#define RULE_HINT "Rules are trust, recent, oldest, frequent, longest, shortest, valid, source, complete, min, max, vote, stage, follow, first, last, sum and union."

/* plans that a session keeps, and the largest that it keeps */
#define SESSION_PLANS 16
#define SESSION_PLAN_SIZE 65536

static SurvivePlan *session_plans[SESSION_PLANS];
static int	session_plan_count = 0;

static const char *const type_names[] = {"text", "number", "date"};
static const char *const implausible_names[] = {"last", "compete", "never"};

/* What this call of the function keeps over the query, made on first use. */
SurviveCache *
survive_get_cache(FunctionCallInfo fcinfo)
{
	if (fcinfo->flinfo->fn_extra == NULL)
		fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt,
														  sizeof(SurviveCache));
	return (SurviveCache *) fcinfo->flinfo->fn_extra;
}

/* One of a list of names; what and hint make the error. */
static int
read_name(const char *name, const char *const *names, int count, const char *what, const char *hint)
{
	int			i;

	for (i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown %s: \"%s\"", what, name),
			 errhint("%s", hint)));
	return 0;					/* not reached */
}

/* A day as its first moment in UTC. */
static TimestampTz
read_day(JsonbContainer *object, const char *key, TimestampTz missing, const char *where)
{
	char	   *text = survive_json_text(object, key, where);
	const char *rest = text;
	struct pg_tm tm = {0};

	if (text == NULL)
		return missing;
	if (!omni_scan_date(&rest, "YMD", &tm) || *rest != '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" is no day: \"%s\"", where, key, text),
				 errhint("Write it as 2026-12-31.")));
	return ((TimestampTz) date2j(tm.tm_year, tm.tm_mon, tm.tm_mday) - POSTGRES_EPOCH_JDATE) * USECS_PER_DAY;
}

/* The list of a step: ids of sources, or values in their order. */
static void
read_list(JsonbContainer *object, SurviveStep *step, const char *where)
{
	JsonbContainer *list = survive_json_array(object, "list", where);
	int			i;

	if (step->rule != RULE_SOURCE && step->rule != RULE_STAGE)
	{
		if (list != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: the rule \"%s\" takes no list", where, rule_names[step->rule]),
					 errhint("source takes one of sources, the best first, and stage one of values, the furthest last.")));
		return;
	}
	step->list_count = list == NULL ? 0 : JsonContainerSize(list);
	if (step->list_count == 0 || step->list_count > MAX_SURVIVE_LIST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: the rule \"%s\" needs a list of 1 to %d, not of %d", where,
						rule_names[step->rule], MAX_SURVIVE_LIST, step->list_count),
				 errhint("source takes one of sources, the best first, and stage one of values, the furthest last.")));
	if (step->rule == RULE_SOURCE)
		step->sources = survive_json_ids(list, where);
	else
	{
		step->values = palloc_array(Datum, step->list_count);
		for (i = 0; i < step->list_count; i++)
			step->values[i] = CStringGetTextDatum(survive_json_element(list, i, where));
	}
}

/* A step of this rule; object, which tells more of it, may be NULL. */
static void
read_step(char *name, JsonbContainer *object, SurviveStep *step, const char *where)
{
	step->rule = (SurviveRule) read_name(name, rule_names, lengthof(rule_names),
										 psprintf("survivorship rule of %s", where), RULE_HINT);
	step->name = CStringGetTextDatum(name);
	step->tie_name = CStringGetTextDatum(psprintf("%s, tie", name));
	read_list(object, step, where);
	step->from = read_day(object, "from", DT_NOBEGIN, where);
	step->until = read_day(object, "until", DT_NOEND, where);
	if (step->from >= step->until)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: the rule \"%s\" ends before it begins", where, name)));
	step->followed_name = survive_json_text(object, "of", where);
	if ((step->rule == RULE_FOLLOW) != (step->followed_name != NULL))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: the rule \"%s\" %s", where, name,
						step->rule == RULE_FOLLOW ? "does not say whom" : "follows nobody"),
				 errhint("follow, and no other rule, has \"of\": the attribute or group whose record wins here too.")));
}

/* One of several rules: a name, or an object. */
static void
read_listed_step(const JsonbValue *value, SurviveStep *step, const char *where)
{
	static const char *const known[] = {"rule", "list", "of", "from", "until", NULL};
	JsonbContainer *object = NULL;
	char	   *name;

	if (value->type == jbvString)
		name = pnstrdup(value->val.string.val, value->val.string.len);
	else
	{
		object = survive_json_object(value, where);
		survive_json_members(object, known, where);
		name = survive_json_text(object, "rule", where);
		if (name == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s: \"rule\" is missing", where),
					 errhint(RULE_HINT)));
	}
	read_step(name, object, step, where);
}

/* The rules of an item, an object or NULL; only_rule is its rule without an object. */
static void
read_steps(JsonbContainer *object, char *only_rule, SurviveUnit *unit, const char *where)
{
	JsonbContainer *list = survive_json_array(object, "rules", where);

	if (object != NULL)
		only_rule = survive_json_text(object, "rule", where);
	if (list != NULL)
	{
		static const char *const single[] = {"rule", "list", "of", "from", "until"};

		for (int i = 0; i < lengthof(single); i++)
			if (survive_json_member(object, single[i]) != NULL)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("%s has both \"rules\" and \"%s\"", where, single[i])));
	}
	unit->step_count = list == NULL ? 1 : JsonContainerSize(list);
	if (unit->step_count == 0 || unit->step_count > MAX_SURVIVE_STEPS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has %d survivorship rules", where, unit->step_count),
				 errhint("Give 1 to %d: the first decides, each further one breaks the ties that are left.",
						 MAX_SURVIVE_STEPS)));
	unit->steps = palloc0_array(SurviveStep, unit->step_count);
	if (list == NULL)
		read_step(only_rule == NULL ? unconstify(char *, rule_names[RULE_TRUST]) : only_rule, object, &unit->steps[0], where);
	for (int i = 0; list != NULL && i < unit->step_count; i++)
		read_listed_step(getIthJsonbValueFromContainer(list, i), &unit->steps[i],
						 unit->step_count == 1 ? where : psprintf("%s, rule %d", where, i + 1));
	unit->timeless = true;
	for (int i = 0; i < unit->step_count; i++)
		if (unit->steps[i].from != DT_NOBEGIN || unit->steps[i].until != DT_NOEND)
			unit->timeless = false;
}

/* Whether two members of a group ask for the same. */
static bool
same_rules(const SurviveUnit *a, const SurviveUnit *b)
{
	if (a->step_count != b->step_count || a->implausible != b->implausible || a->empty_count != b->empty_count)
		return false;
	for (int i = 0; i < a->empty_count; i++)
		if (a->empty_sources[i] != b->empty_sources[i])
			return false;
	for (int i = 0; i < a->step_count; i++)
	{
		const SurviveStep *x = &a->steps[i];
		const SurviveStep *y = &b->steps[i];

		if (x->rule != y->rule || x->from != y->from || x->until != y->until || x->list_count != y->list_count ||
			(x->followed_name != NULL && strcmp(x->followed_name, y->followed_name) != 0))
			return false;
		for (int k = 0; k < x->list_count; k++)
			if (x->rule == RULE_SOURCE ? x->sources[k] != y->sources[k] : !same_value(x->values[k], y->values[k]))
				return false;
	}
	return true;
}

/* Rules that make one value of several, and that compare values. */
static void
check_unit(const SurviveUnit *unit, bool in_group, const char *where)
{
	int			i;

	for (i = 0; i < unit->step_count; i++)
	{
		SurviveRule rule = unit->steps[i].rule;

		if ((rule == RULE_SUM || rule == RULE_UNION) && unit->step_count > 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: the rule \"%s\" takes all values and leaves nothing to other rules", where,
							rule_names[rule]),
					 errhint("Give it alone.")));
		if (in_group && (rule == RULE_SUM || rule == RULE_UNION || rule == RULE_MIN || rule == RULE_MAX ||
						 rule == RULE_STAGE))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: the rule \"%s\" is for an attribute alone, not for a group", where,
							rule_names[rule]),
					 errhint("A group survives as a unit, from one record.")));
		if (rule == RULE_SUM && unit->type != TYPE_NUMBER)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s: only numbers have a sum, not %s", where,
							unit->type == TYPE_DATE ? "dates" : "texts"),
					 errhint("Its type is \"number\".")));
	}
}

/* Reads what an item says of its unit. */
static void
read_unit(JsonbContainer *object, char *rule, SurviveUnit *unit, const char *where)
{
	JsonbContainer *empty = survive_json_array(object, "empty_from", where);
	char	   *name;

	read_steps(object, rule, unit, where);
	if ((name = survive_json_text(object, "type", where)) != NULL)
		unit->type = (SurviveType) read_name(name, type_names, lengthof(type_names),
											 psprintf("type of %s", where), "Types are text, number and date.");
	if ((name = survive_json_text(object, "implausible", where)) != NULL)
		unit->implausible = (SurviveImplausible)
			read_name(name, implausible_names, lengthof(implausible_names),
					  psprintf("treatment of implausible values of %s", where),
					  "They come last, they compete with less trust, or they never survive.");
	if (empty != NULL)
	{
		unit->empty_count = JsonContainerSize(empty);
		unit->empty_sources = survive_json_ids(empty, where);
	}
}

/* Puts an item into its unit; the first of a group gives its rules. */
static void
add_item(SurvivePlan *plan, const JsonbValue *item, int position)
{
	static const char *const known[] = {"name", "group", "rule", "list", "of", "from", "until", "rules", "type", "implausible", "empty_from", NULL};
	SurviveAttribute *attribute = &plan->attribute[position];
	bool		extra = position >= plan->columns;
	char	   *where = psprintf(extra ? "extra attribute %d" : "attribute %d",
								 extra ? position - plan->columns + 1 : position + 1);
	JsonbContainer *object = NULL;
	char	   *rule = NULL;
	SurviveUnit read = {0};
	SurviveUnit *unit = NULL;
	int			u;

	if (item->type == jbvString)
		rule = pnstrdup(item->val.string.val, item->val.string.len);
	else
	{
		object = survive_json_object(item, where);
		attribute->name = survive_json_text(object, "name", where);
		if (attribute->name != NULL)
			where = psprintf("%s (%s)", where, attribute->name);
		survive_json_members(object, known, where);
		attribute->group = survive_json_text(object, "group", where);
	}
	if (extra && attribute->name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s has no name", where),
				 errhint("The name is that of the member of the attributes.")));
	attribute->name_length = attribute->name == NULL ? 0 : strlen(attribute->name);
	for (u = 0; attribute->name != NULL && u < position; u++)
		if (plan->attribute[u].name != NULL && strcmp(plan->attribute[u].name, attribute->name) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("two attributes of the survivorship plan have the name \"%s\"", attribute->name)));

	read_unit(object, rule, &read, where);
	check_unit(&read, attribute->group != NULL, where);
	for (u = 0; attribute->group != NULL && unit == NULL && u < position; u++)
		if (plan->attribute[u].group != NULL && strcmp(plan->attribute[u].group, attribute->group) == 0)
			unit = &plan->units[plan->attribute[u].unit];
	if (unit == NULL)
	{
		unit = &plan->units[plan->unit_count++];
		*unit = read;
		unit->members = palloc_array(int, plan->attributes);
	}
	else if (!same_rules(unit, &read))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attributes %d and %d of the group \"%s\" have different survivorship rules",
						unit->members[0] + 1, position + 1, attribute->group),
				 errhint("A group survives as a unit, by the same rules.")));
	unit->members[unit->count++] = position;
	attribute->unit = unit - plan->units;
}

/* The unit of an attribute or group; -1 when there is none. */
static int
find_unit(const SurvivePlan *plan, const char *name)
{
	int			i;

	for (i = 0; i < plan->attributes; i++)
		if ((plan->attribute[i].name != NULL && strcmp(plan->attribute[i].name, name) == 0) ||
			(plan->attribute[i].group != NULL && strcmp(plan->attribute[i].group, name) == 0))
			return plan->attribute[i].unit;
	return -1;
}

static void
find_followed(SurvivePlan *plan, SurviveUnit *unit)
{
	int			i;

	for (i = 0; i < unit->step_count; i++)
	{
		SurviveStep *step = &unit->steps[i];

		if (step->rule != RULE_FOLLOW)
			continue;
		step->followed = find_unit(plan, step->followed_name);
		if (step->followed < 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a survivorship rule follows an attribute that is not there: \"%s\"", step->followed_name)));
	}
}

/* Puts the units into an order in which each comes after those that it follows. */
static void
order_units(SurvivePlan *plan)
{
	bool	   *placed = palloc0_array(bool, plan->unit_count);
	int			n = 0;

	plan->order = palloc_array(int, plan->unit_count);
	for (int u = 0; u < plan->unit_count; u++)
		find_followed(plan, &plan->units[u]);
	find_followed(plan, &plan->other);
	while (n < plan->unit_count)
	{
		int			before = n;

		for (int u = 0; u < plan->unit_count; u++)
		{
			bool		ready = !placed[u];

			for (int i = 0; ready && i < plan->units[u].step_count; i++)
				if (plan->units[u].steps[i].rule == RULE_FOLLOW && !placed[plan->units[u].steps[i].followed])
					ready = false;
			if (ready)
			{
				placed[u] = true;
				plan->order[n++] = u;
			}
		}
		if (n > before)
			continue;
		for (int u = 0; u < plan->unit_count; u++)
			for (int i = 0; !placed[u] && i < plan->units[u].step_count; i++)
				if (plan->units[u].steps[i].rule == RULE_FOLLOW)
					ereport(ERROR,
							(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
							 errmsg("survivorship rules follow each other in a circle, one of them \"%s\"",
									plan->units[u].steps[i].followed_name)));
	}
	pfree(placed);
}

/* Whether results depend on the date. */
static bool
depends_on_date(const SurvivePlan *plan)
{
	bool		dated = !plan->other.timeless;

	for (int u = 0; u < plan->unit_count; u++)
		dated |= !plan->units[u].timeless;
	return dated;
}

/* Items of one list, to be placed from a position on. */
static void
add_items(SurvivePlan *plan, JsonbContainer *list, int first, int count)
{
	for (int i = 0; i < count; i++)
		add_item(plan, getIthJsonbValueFromContainer(list, i), first + i);
}

/* What the plan says of members that it does not list; by trust without it. */
static void
read_others(SurvivePlan *plan, const JsonbValue *others)
{
	static const char *const known[] = {"rule", "list", "of", "from", "until", "rules", "type", "implausible", NULL};
	JsonbContainer *object = NULL;
	char	   *rule = NULL;

	if (others != NULL && others->type == jbvString)
		rule = pnstrdup(others->val.string.val, others->val.string.len);
	else if (others != NULL)
	{
		object = survive_json_object(others, "others");
		survive_json_members(object, known, "others");
	}
	read_unit(object, rule, &plan->other, "others");
}

static SurvivePlan *
make_plan(Jsonb *json)
{
	static const char *const known[] = {"attributes", "extra", "others", "trust", "sources", NULL};
	SurvivePlan *plan = palloc0_object(SurvivePlan);
	JsonbContainer *root;
	JsonbContainer *columns;
	JsonbContainer *extra = NULL;
	JsonbValue *others = NULL;

	plan->json = palloc(VARSIZE(json));
	memcpy(plan->json, json, VARSIZE(json));
	root = &plan->json->root;
	if (JsonContainerIsArray(root) && !JsonContainerIsScalar(root))
		columns = root;
	else
	{
		if (!JsonContainerIsObject(root))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a survivorship plan must be a jsonb array or object"),
					 errhint("For example [\"trust\", \"recent\"]: one rule for each value.")));
		survive_json_members(root, known, "the survivorship plan");
		columns = survive_json_array(root, "attributes", "the survivorship plan");
		extra = survive_json_array(root, "extra", "the survivorship plan");
		others = survive_json_member(root, "others");
	}
	plan->columns = columns == NULL ? 0 : JsonContainerSize(columns);
	plan->attributes = plan->columns + (extra == NULL ? 0 : JsonContainerSize(extra));
	if (plan->attributes > MAX_SURVIVE_ATTRIBUTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("survive is limited to %d attributes, got %d", MAX_SURVIVE_ATTRIBUTES, plan->attributes)));
	plan->attribute = palloc0_array(SurviveAttribute, plan->attributes);
	plan->units = palloc0_array(SurviveUnit, plan->attributes);
	add_items(plan, columns, 0, plan->columns);
	add_items(plan, extra, plan->columns, plan->attributes - plan->columns);
	read_others(plan, others);
	check_unit(&plan->other, false, "others");
	plan->fallback.rule = RULE_TRUST;
	plan->fallback.name = CStringGetTextDatum(rule_names[RULE_TRUST]);
	plan->fallback.tie_name = CStringGetTextDatum(psprintf("%s, tie", rule_names[RULE_TRUST]));
	order_units(plan);
	plan->dated = depends_on_date(plan);
	survive_read_trust(plan, root == columns ? NULL : root);
	return plan;
}

static bool
is_plan_of(const SurvivePlan *plan, const Jsonb *json)
{
	return VARSIZE(plan->json) == VARSIZE(json) && memcmp(plan->json, json, VARSIZE(json)) == 0;
}

/* A new plan in a memory context of its own, which the session keeps or the query. */
static SurvivePlan *
parse_plan(FunctionCallInfo fcinfo, Jsonb *json)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm survivorship plan",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	SurvivePlan *plan = make_plan(json);

	MemoryContextSwitchTo(old);
	if (session_plan_count < SESSION_PLANS && VARSIZE(json) <= SESSION_PLAN_SIZE)
	{
		MemoryContextSetParent(context, CacheMemoryContext);
		session_plans[session_plan_count++] = plan;
	}
	else
		MemoryContextSetParent(context, fcinfo->flinfo->fn_mcxt);
	return plan;
}

/* The plan of this jsonb; a query has one, rarely a few. */
SurvivePlan *
survive_find_plan(FunctionCallInfo fcinfo, Jsonb *json)
{
	SurviveCache *cache = survive_get_cache(fcinfo);
	SurvivePlan *plan = NULL;

	for (int i = 0; i < cache->plan_count; i++)
		if (is_plan_of(cache->plans[i], json))
			return cache->plans[i];
	if (cache->plan_count >= MAX_SURVIVE_PLANS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("survive is limited to %d different plans in one query", MAX_SURVIVE_PLANS)));
	if (VARSIZE(json) > MAX_SURVIVE_PLAN_SIZE)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a survivorship plan is limited to %d bytes, got %d", MAX_SURVIVE_PLAN_SIZE, (int) VARSIZE(json))));
	for (int i = 0; i < session_plan_count && plan == NULL; i++)
		if (is_plan_of(session_plans[i], json))
			plan = session_plans[i];
	if (plan == NULL)
		plan = parse_plan(fcinfo, json);
	cache->plans[cache->plan_count++] = plan;
	return plan;
}

/* Fills in the text of a plan, by which it travels to other processes. */
void
survive_plan_text(SurvivePlan *plan)
{
	MemoryContext old;

	if (plan->text != NULL)
		return;
	old = MemoryContextSwitchTo(GetMemoryChunkContext(plan));
	plan->text = JsonbToCString(NULL, &plan->json->root, VARSIZE(plan->json));
	plan->text_length = strlen(plan->text);
	MemoryContextSwitchTo(old);
}

/* The plan of a text as sent.  Errors: those of jsonb input and of a bad plan. */
SurvivePlan *
survive_find_plan_text(FunctionCallInfo fcinfo, const char *text, int length)
{
	SurviveCache *cache = survive_get_cache(fcinfo);
	SurvivePlan *plan;

	for (int i = 0; i < cache->plan_count; i++)
	{
		plan = cache->plans[i];
		if (plan->text != NULL && plan->text_length == length && memcmp(plan->text, text, length) == 0)
			return plan;
	}
	plan = survive_find_plan(fcinfo, DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(pnstrdup(text, length)))));
	survive_plan_text(plan);
	return plan;
}

/* Plans of two caches may be the same. */
bool
survive_same_plan(SurvivePlan *a, SurvivePlan *b)
{
	return a == b || is_plan_of(a, b->json);
}
