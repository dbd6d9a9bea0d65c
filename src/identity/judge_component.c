/*
 * judge_component.c
 *		Who belongs together among the records that a change touches.
 *
 * The steps of a run over all records (resolve.sql, match.sql), for few of them and
 * in memory: pairs that share a value are judged by its rule, one decision for each
 * pair is taken out of that of the rules, of the model and of people, records that
 * contradict each other are kept apart, and the links that are left make clusters.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "identity/components.h"
#include "identity/judge_component.h"

PG_FUNCTION_INFO_V1(omnicrm_solve_component);
PG_FUNCTION_INFO_V1(omnicrm_judge_shared);

/* attributes of solved_component */
#define SOLVED_ATTRIBUTES	4

static void
make_growing(Growing *array, Size width)
{
	array->width = width;
	array->used = 0;
	array->space = 64;
	array->items = palloc(width * array->space);
}

/*
 * omni_component_grow: room for one more, filled with zeros.
 */
void *
omni_component_grow(Growing *array)
{
	void	   *item;

	if (array->used == array->space)
	{
		array->space *= 2;
		array->items = repalloc_huge(array->items, array->width * array->space);
	}
	item = (char *) array->items + array->width * array->used++;
	memset(item, 0, array->width);
	return item;
}

static int
compare_texts(const text *a, const text *b)
{
	Size		length_a = VARSIZE_ANY_EXHDR(a);
	Size		length_b = VARSIZE_ANY_EXHDR(b);
	int			order = memcmp(VARDATA_ANY(a), VARDATA_ANY(b), Min(length_a, length_b));

	return order != 0 ? order : length_a < length_b ? -1 : length_a > length_b;
}

/*
 * omni_component_rule: the rule of a kind; NULL for one without a rule.
 */
const NamedRule *
omni_component_rule(const Component *component, const text *kind)
{
	for (int i = 0; i < component->nrules; i++)
	{
		if (compare_texts(component->rule[i].kind, kind) == 0)
			return &component->rule[i];
	}
	return NULL;
}

/*
 * omni_component_compare_positions: the order of two numbers.
 */
int
omni_component_compare_positions(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

static bool
is_kind(const text *kind, const char *name)
{
	return VARSIZE_ANY_EXHDR(kind) == strlen(name) && memcmp(VARDATA_ANY(kind), name, strlen(name)) == 0;
}

/*
 * omni_component_preference: of the decisions on one pair the smallest holds: that of a
 * person goes before all, then come links of rules, then those of the model.
 */
int
omni_component_preference(const JudgedPair *pair)
{
	if (is_kind(pair->kind, "decision"))
		return 1;
	if (is_kind(pair->kind, "model"))
		return 3;
	return pair->decision == JUDGE_LINKED ? 2 : 4;
}

/*
 * omni_component_model_link: whether a pair is a link of the model.
 */
bool
omni_component_model_link(const JudgedPair *pair)
{
	return pair->decision == JUDGE_LINKED && is_kind(pair->kind, "model");
}

static int
compare_shared(const void *x, const void *y)
{
	const SharedPair *p = x;
	const SharedPair *q = y;

	return p->a != q->a ? p->a - q->a : p->b - q->b;
}

/* Whether one judgement of a pair goes before another one. */
static bool
goes_before(const Judgement *judgement, const SharedPair *shared, const JudgedPair *best)
{
	bool		linked = judgement->decision == JUDGE_LINKED;
	int			order;

	if (linked != (best->decision == JUDGE_LINKED))
		return linked;
	if (judgement->attach != best->attach)
		return best->attach;
	if (shared->rule->priority != best->priority)
		return shared->rule->priority < best->priority;
	order = compare_texts(shared->value, best->value);
	return order != 0 ? order < 0 : compare_texts(shared->rule->kind, best->kind) < 0;
}

/* One pair by its best rule: the strongest that accepts it, else the strongest that refuses it. */
static void
judge_pair(Component *component, const SharedPair *shared, int nshared)
{
	const TouchedRecord *a = &component->record[shared->a];
	const TouchedRecord *b = &component->record[shared->b];
	JudgedPair *best = omni_component_grow(&component->pairs);
	MemoryContext caller = MemoryContextSwitchTo(component->scratch);

	best->record_a = a->id;
	best->record_b = b->id;
	best->a = shared->a;
	best->b = shared->b;
	best->has_similarity = omni_judge_similarity(&a->person, &b->person, &best->similarity);
	for (int i = 0; i < nshared; i++)
	{
		Judgement	judgement = omni_judge_similar(&a->person, &b->person, &shared[i].rule->rule, best->has_similarity,
												   best->similarity);

		if (i > 0 && !goes_before(&judgement, &shared[i], best))
			continue;
		best->kind = shared[i].rule->kind;
		best->value = shared[i].value;
		best->priority = shared[i].rule->priority;
		best->attach = judgement.attach;
		best->decision = judgement.decision;
	}
	best->preference = omni_component_preference(best);
	best->order = component->pairs.used;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(component->scratch);
}

static void
judge_shared(Component *component)
{
	SharedPair *shared = component->shared.items;
	Size		n = component->shared.used;

	qsort(shared, n, sizeof(SharedPair), compare_shared);
	for (Size first = 0, next; first < n; first = next)
	{
		CHECK_FOR_INTERRUPTS();
		for (next = first + 1; next < n && compare_shared(&shared[first], &shared[next]) == 0;)
			next++;
		judge_pair(component, &shared[first], next - first);
	}
}

static int
compare_records(const JudgedPair *p, const JudgedPair *q)
{
	if (p->record_a != q->record_a)
		return p->record_a < q->record_a ? -1 : 1;
	return p->record_b < q->record_b ? -1 : p->record_b > q->record_b;
}

static int
compare_pairs(const void *x, const void *y)
{
	const JudgedPair *p = x;
	const JudgedPair *q = y;
	int			order = compare_records(p, q);

	if (order != 0)
		return order;
	if (p->preference != q->preference)
		return p->preference - q->preference;
	return p->order < q->order ? -1 : p->order > q->order;
}

/* Leaves one decision for each pair: the preferred one. */
static void
join_pairs(Component *component)
{
	Size		kept = 0;

	qsort(component->pairs.items, component->pairs.used, sizeof(JudgedPair), compare_pairs);
	for (Size i = 0; i < component->pairs.used; i++)
	{
		if (kept == 0 || compare_records(PAIR(component, kept - 1), PAIR(component, i)) != 0)
			*PAIR(component, kept++) = *PAIR(component, i);
	}
	component->pairs.used = kept;
}

static int
compare_twos(const void *x, const void *y)
{
	const Two  *p = x;
	const Two  *q = y;

	return p->a != q->a ? p->a - q->a : p->b - q->b;
}

/*
 * Which records of one group, all linked, must not meet by links of the model:
 * those that contradict each other. Names give way to a link of the model between the
 * two.
 */
static void
part_group(Component *component, const NamedRule *rule, const int *members, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(component->scratch);

	for (int i = 0; i < n; i++)
	{
		for (int k = i + 1; k < n; k++)
		{
			Two			two = {members[i], members[k]};
			JudgeContradiction contradiction;

			CHECK_FOR_INTERRUPTS();
			contradiction = omni_judge_contradiction(&component->record[two.a].person, &component->record[two.b].person, &rule->rule);
			if (contradiction == CONTRADICT_BIRTHS ||
				(contradiction == CONTRADICT_NAMES &&
				 bsearch(&two, component->alike.items, component->alike.used, sizeof(Two), compare_twos) == NULL))
				*(Two *) omni_component_grow(&component->apart) = two;
			MemoryContextReset(component->scratch);
		}
	}
	MemoryContextSwitchTo(caller);
}

/* The links of the model among these records hold no more: the group is too large. */
static void
refuse_model(Component *component, const int *members, int n)
{
	for (Size i = 0; i < component->pairs.used; i++)
	{
		JudgedPair *pair = PAIR(component, i);

		if (omni_component_model_link(pair) && bsearch(&pair->a, members, n, sizeof(int), omni_component_compare_positions) != NULL)
			pair->decision = JUDGE_GROUPS_DIFFER;
	}
}

/* The records that links connect, whatever they are by: the root of each, by position. */
static int *
find_groups(const Component *component)
{
	ComponentState *state = omni_components_make(CurrentMemoryContext);
	int		   *root = palloc_array(int, Max(component->nrecords, 1));
	SolvedComponents solved;

	for (Size i = 0; i < component->pairs.used; i++)
	{
		const JudgedPair *pair = PAIR(component, i);

		if (pair->decision == JUDGE_LINKED)
			omni_components_link(state, omni_components_node(state, pair->a, true, false, 0),
								 omni_components_node(state, pair->b, true, false, 0), 0, false, 0, 0, false);
	}
	omni_components_solve(state, &solved);
	for (int i = 0; i < component->nrecords; i++)
		root[i] = i;
	for (uint32 i = 0; i < solved.node_count; i++)
		root[solved.nodes[i].id] = solved.nodes[solved.parent[i]].id;
	return root;
}

/* Groups with a link of the model: which of their records must not meet. */
static void
part_groups(Component *component)
{
	const NamedRule *rule = omni_component_rule(component, cstring_to_text("model"));
	bool	   *modelled = palloc0_array(bool, Max(component->nrecords, 1));
	int		   *members = palloc_array(int, Max(component->nrecords, 1));
	bool		any = false;
	int		   *root;

	for (Size i = 0; i < component->pairs.used; i++)
		any |= omni_component_model_link(PAIR(component, i));
	if (!any)
		return;
	if (rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no rule of kind \"model\""),
				 errhint("Links of the model need its rule.")));
	qsort(component->alike.items, component->alike.used, sizeof(Two), compare_twos);
	root = find_groups(component);
	for (Size i = 0; i < component->pairs.used; i++)
	{
		if (omni_component_model_link(PAIR(component, i)))
			modelled[root[PAIR(component, i)->a]] = true;
	}
	for (int first = 0; first < component->nrecords; first++)
	{
		int			n = 0;

		/* a root is the smallest of its group */
		if (!modelled[first])
			continue;
		for (int i = first; i < component->nrecords; i++)
		{
			if (root[i] == first)
				members[n++] = i;
		}
		if (n > rule->max_records)
			refuse_model(component, members, n);
		else
			part_group(component, rule, members, n);
	}
}

/* A record as a node of the clustering. */
static uint32
add_node(ComponentState *state, const TouchedRecord *record)
{
	int64		exclusive = 0;

	if (record->person.personal)
		exclusive = DatumGetInt64(DirectFunctionCall2Coll(hashtextextended, C_COLLATION_OID, PointerGetDatum(record->person.tax_id),
														  Int64GetDatum(0)));
	return omni_components_node(state, record->id, record->person.named, record->person.personal, exclusive);
}

static void
add_link(const Component *component, ComponentState *state, int a, int b, int32 priority, bool has_similarity, float4 similarity,
		 bool attach)
{
	const TouchedRecord *record_a = &component->record[a];
	const TouchedRecord *record_b = &component->record[b];

	omni_components_link(state, add_node(state, record_a), add_node(state, record_b), priority, has_similarity, similarity,
						 record_a->tie ^ record_b->tie, attach);
}

/* Links, and pairs that must not meet: links of similarity minus infinity. */
static void
add_links(const Component *component, ComponentState *state)
{
	const Two  *apart = component->apart.items;
	const NamedRule *model = omni_component_rule(component, cstring_to_text("model"));

	for (Size i = 0; i < component->pairs.used; i++)
	{
		const JudgedPair *pair = PAIR(component, i);

		if (pair->decision == JUDGE_LINKED)
			add_link(component, state, pair->a, pair->b, pair->priority, pair->has_strength || pair->has_similarity,
					 pair->has_strength ? pair->strength : pair->similarity, pair->attach);
		else if (pair->decision == JUDGE_DECIDED_APART && pair->a >= 0 && pair->b >= 0)
			add_link(component, state, pair->a, pair->b, 0, true, -get_float4_infinity(), false);
	}
	for (Size i = 0; i < component->apart.used; i++)
		add_link(component, state, apart[i].a, apart[i].b, model->priority, true, -get_float4_infinity(), false);
}

/* What became of the links; those that joined nothing are left out. */
static void
take_outcomes(Component *component, const SolvedComponents *solved)
{
	for (Size i = 0; i < component->pairs.used; i++)
		PAIR(component, i)->left_out = PAIR(component, i)->decision == JUDGE_LINKED;
	for (uint32 i = 0; i < solved->link_count; i++)
	{
		JudgedPair	key = {0};
		JudgedPair *pair;
		Size		low = 0;
		Size		high = component->pairs.used;

		if (solved->outcome[i] == 0)
			continue;
		key.record_a = solved->nodes[solved->links[i].a].id;
		key.record_b = solved->nodes[solved->links[i].b].id;
		while (low < high)
		{
			Size		middle = low + (high - low) / 2;

			if (compare_records(PAIR(component, middle), &key) < 0)
				low = middle + 1;
			else
				high = middle;
		}
		pair = PAIR(component, low);
		pair->left_out = false;
		if (solved->outcome[i] == OUTCOME_EXCLUSIVE)
			pair->decision = JUDGE_TAX_IDS_DIFFER;
		else if (solved->outcome[i] == OUTCOME_ATTACHED_ELSEWHERE)
			pair->decision = JUDGE_LINKED_ELSEWHERE;
		else if (solved->outcome[i] == OUTCOME_APART)
			pair->decision = is_kind(pair->kind, "model") ? JUDGE_GROUPS_DIFFER : JUDGE_DECIDED_APART;
	}
}

/* The pairs that are not left out, as an array of judged_pair. */
static Datum
make_pairs(const Component *component, Oid type)
{
	TupleDesc	description = lookup_rowtype_tupdesc(type, -1);
	Datum	   *rows = MemoryContextAllocHuge(CurrentMemoryContext, sizeof(Datum) * (component->pairs.used + 1));
	int			n = 0;
	int16		length;
	bool		by_value;
	char		align;

	for (Size i = 0; i < component->pairs.used; i++)
	{
		const JudgedPair *pair = PAIR(component, i);
		Datum		values[PAIR_ATTRIBUTES];
		bool		nulls[PAIR_ATTRIBUTES] = {false};

		if (pair->left_out)
			continue;
		values[0] = Int64GetDatum(pair->record_a);
		values[1] = Int64GetDatum(pair->record_b);
		values[2] = PointerGetDatum(pair->kind);
		values[3] = PointerGetDatum(pair->value);
		values[4] = Int32GetDatum(pair->priority);
		values[5] = Float4GetDatum(pair->similarity);
		nulls[5] = !pair->has_similarity;
		values[6] = Float4GetDatum(pair->strength);
		nulls[6] = !pair->has_strength;
		values[7] = BoolGetDatum(pair->attach);
		values[8] = CStringGetTextDatum(omni_judge_decision_text(pair->decision));
		rows[n++] = HeapTupleGetDatum(heap_form_tuple(description, values, nulls));
	}
	ReleaseTupleDesc(description);
	get_typlenbyvalalign(type, &length, &by_value, &align);
	return PointerGetDatum(construct_array(rows, n, type, length, by_value, align));
}

static Datum
make_ids(const Datum *ids, int n)
{
	return PointerGetDatum(construct_array((Datum *) ids, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The solved_component. */
static Datum
make_result(FunctionCallInfo fcinfo, const Component *component, const SolvedComponents *solved, MemoryContext caller)
{
	Datum	   *nodes = palloc_array(Datum, solved->node_count + 1);
	Datum	   *roots = palloc_array(Datum, solved->node_count + 1);
	Datum		values[SOLVED_ATTRIBUTES];
	bool		nulls[SOLVED_ATTRIBUTES] = {false};
	TupleDesc	description;
	MemoryContext work;
	Datum		row;

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != SOLVED_ATTRIBUTES)
		elog(ERROR, "solve_component must return solved_component");
	for (uint32 i = 0; i < solved->node_count; i++)
	{
		nodes[i] = Int64GetDatum(solved->nodes[i].id);
		roots[i] = Int64GetDatum(solved->nodes[solved->parent[i]].id);
	}
	values[0] = make_pairs(component, get_element_type(TupleDescAttr(description, 0)->atttypid));
	values[1] = make_ids(nodes, solved->node_count);
	values[2] = make_ids(roots, solved->node_count);
	values[3] = Int64GetDatum(component->pairs.used);
	work = MemoryContextSwitchTo(caller);
	row = HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls));
	MemoryContextSwitchTo(work);
	return row;
}

/* A component without an item. */
static void
make_component(Component *component)
{
	component->scratch = AllocSetContextCreate(CurrentMemoryContext, "omnicrm comparison", ALLOCSET_DEFAULT_SIZES);
	make_growing(&component->shared, sizeof(SharedPair));
	make_growing(&component->pairs, sizeof(JudgedPair));
	make_growing(&component->alike, sizeof(Two));
	make_growing(&component->apart, sizeof(Two));
}

/*
 * judge_shared(ids bigint[], persons judged_person[], rules judge_rule[], shared
 * shared_value[], dirty bigint[]) returns judged_pair[]: the pairs with a dirty
 * record, each by its best rule.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
Datum
omnicrm_judge_shared(PG_FUNCTION_ARGS)
{
	Component	component = {0};
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));

	if (!OidIsValid(type))
		elog(ERROR, "judge_shared must return judged_pair[]");
	make_component(&component);
	omni_component_read_shared(fcinfo, &component);
	judge_shared(&component);
	PG_RETURN_DATUM(make_pairs(&component, type));
}

/*
 * solve_component(ids bigint[], persons judged_person[], ties bigint[], rules
 * judge_rule[], shared shared_value[], pairs judged_pair[], touched bigint[]) returns
 * solved_component: see judge.sql.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
Datum
omnicrm_solve_component(PG_FUNCTION_ARGS)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "omnicrm component", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	Component	component = {0};
	ComponentState *state;
	SolvedComponents solved;
	Datum		result;

	state = omni_components_make(work);
	make_component(&component);
	omni_component_read(fcinfo, &component);
	judge_shared(&component);
	join_pairs(&component);
	part_groups(&component);
	add_links(&component, state);
	omni_components_solve(state, &solved);
	take_outcomes(&component, &solved);
	result = make_result(fcinfo, &component, &solved, caller);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
	PG_RETURN_DATUM(result);
}
