/*
 * judge_candidates.c
 *		Pairs that the model found alike, for the few records that a change touches:
 *		the verdict on each, the links among them, and those that wait for a person.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "common/elements.h"
#include "identity/judge_component.h"

PG_FUNCTION_INFO_V1(omnicrm_judge_partners);
PG_FUNCTION_INFO_V1(omnicrm_model_links);
PG_FUNCTION_INFO_V1(omnicrm_pairs_across);
PG_FUNCTION_INFO_V1(omnicrm_paired_records);

/* attributes of judged_candidate */
#define CANDIDATE_ATTRIBUTES	6

/* A judged_candidate. */
typedef struct Candidate
{
	int64		record_a;
	int64		record_b;
	double		weight;
	double		probability;
	const text *verdict;
} Candidate;

/* An array of as many elements as another one has. */
static Datum *
read_column(ArrayType *array, const char *name, int n)
{
	Datum	   *elements;
	int			count = omni_array_elements(array, name, &elements);

	if (count != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d elements of %s in the place of %d", count, name, n),
				 errhint("The arrays belong together, element by element.")));
	return elements;
}

/* The first argument, an array of judged_candidate; NULL for none. Their number. */
static int
read_candidates(FunctionCallInfo fcinfo, Candidate **candidates)
{
	Datum	   *rows;
	int			n;

	*candidates = NULL;
	if (PG_ARGISNULL(0))
		return 0;
	n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(0), "pairs", &rows);
	*candidates = palloc_array(Candidate, n + 1);
	for (int i = 0; i < n; i++)
	{
		Candidate  *candidate = &(*candidates)[i];
		Datum		values[CANDIDATE_ATTRIBUTES];
		bool		nulls[CANDIDATE_ATTRIBUTES];

		omni_row_attributes(rows[i], "judged_candidate", CANDIDATE_ATTRIBUTES, values, nulls);
		if (nulls[0] || nulls[1] || nulls[2] || nulls[3] || nulls[5])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a pair has no records, weight, probability or verdict")));
		candidate->record_a = DatumGetInt64(values[0]);
		candidate->record_b = DatumGetInt64(values[1]);
		candidate->weight = DatumGetFloat8(values[2]);
		candidate->probability = DatumGetFloat8(values[3]);
		candidate->verdict = DatumGetTextPP(values[5]);
	}
	return n;
}

static int
compare_ids(const void *x, const void *y)
{
	int64		a = DatumGetInt64(*(const Datum *) x);
	int64		b = DatumGetInt64(*(const Datum *) y);

	return a < b ? -1 : a > b;
}

/* Position of an id among ascending ones, or -1. */
static int
find_id(const Datum *ids, int n, int64 id)
{
	Datum		key = Int64GetDatum(id);
	const Datum *found = bsearch(&key, ids, n, sizeof(Datum), compare_ids);

	return found != NULL ? found - ids : -1;
}

/*
 * judge_partners(record_id bigint, partners bigint[], weights double precision[],
 * probabilities double precision[], patterns text[], ids bigint[], persons
 * judged_person[], rules judge_rule[], model jsonb) returns judged_candidate[]: the
 * pairs of a record with its partners that are worth a look; ids ascend.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
Datum
omnicrm_judge_partners(PG_FUNCTION_ARGS)
{
	const JudgeModel *model = omni_judge_query_model(fcinfo, 8)->model;
	int64		id = PG_GETARG_INT64(0);
	Datum	   *partners;
	int			n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(1), "partners", &partners);
	Datum	   *weights = read_column(PG_GETARG_ARRAYTYPE_P(2), "weights", n);
	Datum	   *probabilities = read_column(PG_GETARG_ARRAYTYPE_P(3), "probabilities", n);
	Datum	   *patterns = read_column(PG_GETARG_ARRAYTYPE_P(4), "patterns", n);
	Datum	   *ids;
	int			nids = omni_array_elements(PG_GETARG_ARRAYTYPE_P(5), "ids", &ids);
	Datum	   *persons = read_column(PG_GETARG_ARRAYTYPE_P(6), "persons", nids);
	int			own = find_id(ids, nids, id);
	Component	component = {0};
	const NamedRule *rule;
	JudgedPerson mine;
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	Datum	   *pairs = palloc_array(Datum, n + 1);
	int			npairs = 0;
	TupleDesc	description;

	if (!OidIsValid(type))
		elog(ERROR, "judge_partners must return judged_candidate[]");
	description = lookup_rowtype_tupdesc(type, -1);
	omni_component_read_rules(&component, PG_GETARG_ARRAYTYPE_P(7));
	rule = omni_component_rule(&component, cstring_to_text("model"));
	if (own >= 0)
		omni_judged_read(persons[own], &mine);
	for (int i = 0; i < n && own >= 0 && rule != NULL; i++)
	{
		int64		partner = DatumGetInt64(partners[i]);
		int			at = find_id(ids, nids, partner);
		JudgedPerson other;
		const char *verdict;
		Datum		values[CANDIDATE_ATTRIBUTES];
		bool		nulls[CANDIDATE_ATTRIBUTES] = {false};

		CHECK_FOR_INTERRUPTS();
		if (at < 0)
			continue;
		omni_judged_read(persons[at], &other);
		verdict = omni_judge_verdict_text(omni_judge_weight(partner < id ? &other : &mine, partner < id ? &mine : &other, &rule->rule, model,
															DatumGetFloat8(weights[i]),
															omni_judge_read_pattern(DatumGetTextPP(patterns[i]), &model->model)));
		if (verdict == NULL)
			continue;
		values[0] = Int64GetDatum(Min(partner, id));
		values[1] = Int64GetDatum(Max(partner, id));
		values[2] = weights[i];
		values[3] = probabilities[i];
		values[4] = patterns[i];
		values[5] = CStringGetTextDatum(verdict);
		pairs[npairs++] = HeapTupleGetDatum(heap_form_tuple(description, values, nulls));
	}
	ReleaseTupleDesc(description);
	PG_RETURN_ARRAYTYPE_P(construct_array(pairs, npairs, type, -1, false, TYPALIGN_DOUBLE));
}

/* The bits of a link as match_link.value tells them: rounded to one decimal. */
static Datum
bits_text(double weight)
{
	Datum		number = DirectFunctionCall1(float8_numeric, Float8GetDatum(weight));
	char	   *digits = DatumGetCString(DirectFunctionCall1(numeric_out, DirectFunctionCall2(numeric_round, number, Int32GetDatum(1))));

	return CStringGetTextDatum(psprintf("%s bits", digits));
}

/* A link of the model as a judged_pair. */
static Datum
make_link(TupleDesc description, const Candidate *pair, int32 priority)
{
	Datum		values[PAIR_ATTRIBUTES];
	bool		nulls[PAIR_ATTRIBUTES] = {false};

	values[0] = Int64GetDatum(pair->record_a);
	values[1] = Int64GetDatum(pair->record_b);
	values[2] = CStringGetTextDatum("model");
	values[3] = bits_text(pair->weight);
	values[4] = Int32GetDatum(priority);
	values[5] = Float4GetDatum((float4) pair->probability);
	values[6] = Float4GetDatum((float4) pair->weight);
	values[7] = BoolGetDatum(false);
	values[8] = CStringGetTextDatum(omni_judge_decision_text(JUDGE_LINKED));
	return HeapTupleGetDatum(heap_form_tuple(description, values, nulls));
}

/*
 * model_links(pairs judged_candidate[], rules judge_rule[], among bigint[]) returns
 * judged_pair[]: the pairs that the model links, of which both records are among
 * these; all of them without the third argument.
 * Errors: invalid_parameter_value without a rule for the model, null_value_not_allowed.
 */
Datum
omnicrm_model_links(PG_FUNCTION_ARGS)
{
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	Candidate  *pairs;
	int			npairs;
	Component	component = {0};
	const NamedRule *rule;
	Datum	   *among = NULL;
	int			namong = 0;
	Datum	   *links;
	int			n = 0;
	TupleDesc	description;
	const char *link = omni_judge_verdict_text(VERDICT_LINK);

	if (!OidIsValid(type))
		elog(ERROR, "model_links must return judged_pair[]");
	if (PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the rules are NULL")));
	npairs = read_candidates(fcinfo, &pairs);
	omni_component_read_rules(&component, PG_GETARG_ARRAYTYPE_P(1));
	rule = omni_component_rule(&component, cstring_to_text("model"));
	if (!PG_ARGISNULL(2))
	{
		namong = omni_array_elements(PG_GETARG_ARRAYTYPE_P(2), "among", &among);
		qsort(among, namong, sizeof(Datum), compare_ids);
	}
	links = palloc_array(Datum, npairs + 1);
	description = lookup_rowtype_tupdesc(type, -1);
	for (int i = 0; i < npairs; i++)
	{
		const text *verdict = pairs[i].verdict;

		if (VARSIZE_ANY_EXHDR(verdict) != strlen(link) || memcmp(VARDATA_ANY(verdict), link, strlen(link)) != 0)
			continue;
		if (!PG_ARGISNULL(2) && (find_id(among, namong, pairs[i].record_a) < 0 || find_id(among, namong, pairs[i].record_b) < 0))
			continue;
		if (rule == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("no rule of kind \"model\""),
					 errhint("Links of the model need its rule.")));
		links[n++] = make_link(description, &pairs[i], rule->priority);
	}
	ReleaseTupleDesc(description);
	PG_RETURN_ARRAYTYPE_P(construct_array(links, n, type, -1, false, TYPALIGN_DOUBLE));
}

/* A record and the customer that it belongs to. */
typedef struct Member
{
	int64		record;
	int64		customer;
} Member;

static int
compare_members(const void *x, const void *y)
{
	int64		a = ((const Member *) x)->record;
	int64		b = ((const Member *) y)->record;

	return a < b ? -1 : a > b;
}

static const Member *
find_member(const Member *members, int n, int64 record)
{
	Member		key = {record, 0};

	return bsearch(&key, members, n, sizeof(Member), compare_members);
}

/* Two records as a pair, to be sorted. */
typedef struct Pair
{
	int64		a;
	int64		b;
} Pair;

static int
compare_pairs(const void *x, const void *y)
{
	const Pair *p = x;
	const Pair *q = y;

	if (p->a != q->a)
		return p->a < q->a ? -1 : 1;
	return p->b < q->b ? -1 : p->b > q->b;
}

/*
 * pairs_across(pairs judged_candidate[], record_ids bigint[], customer_ids bigint[])
 * returns record_pairs: the pairs with one of these records and another one that does
 * not belong to the same customer, each once, ascending; nulls when there is none.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
Datum
omnicrm_pairs_across(PG_FUNCTION_ARGS)
{
	Candidate  *pairs;
	int			npairs;
	Datum	   *records;
	Datum	   *customers;
	int			n;
	Member	   *members;
	Pair	   *across;
	Datum	   *column[2];
	int			nacross = 0;
	int			distinct = 0;
	TupleDesc	description;
	Datum		values[2];
	bool		nulls[2] = {true, true};

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != lengthof(values))
		elog(ERROR, "pairs_across must return record_pairs");
	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("the records or their customers are NULL")));
	npairs = read_candidates(fcinfo, &pairs);
	n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(1), "record_ids", &records);
	customers = read_column(PG_GETARG_ARRAYTYPE_P(2), "customer_ids", n);
	members = palloc_array(Member, n + 1);
	for (int i = 0; i < n; i++)
	{
		members[i].record = DatumGetInt64(records[i]);
		members[i].customer = DatumGetInt64(customers[i]);
	}
	qsort(members, n, sizeof(Member), compare_members);
	across = palloc_array(Pair, npairs + 1);
	for (int i = 0; i < npairs; i++)
	{
		Pair		pair = {pairs[i].record_a, pairs[i].record_b};
		const Member *a = find_member(members, n, pair.a);
		const Member *b = find_member(members, n, pair.b);

		if ((a != NULL || b != NULL) && (a == NULL || b == NULL || a->customer != b->customer))
			across[nacross++] = pair;
	}
	qsort(across, nacross, sizeof(Pair), compare_pairs);
	column[0] = palloc_array(Datum, nacross + 1);
	column[1] = palloc_array(Datum, nacross + 1);
	for (int i = 0; i < nacross; i++)
	{
		if (i > 0 && compare_pairs(&across[i], &across[i - 1]) == 0)
			continue;
		column[0][distinct] = Int64GetDatum(across[i].a);
		column[1][distinct++] = Int64GetDatum(across[i].b);
	}
	for (int k = 0; k < 2 && distinct > 0; k++)
	{
		nulls[k] = false;
		values[k] = PointerGetDatum(construct_array(column[k], distinct, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}

/*
 * paired_records(pairs judged_candidate[]) returns bigint[]: the records of these
 * pairs, each once, ascending.
 * Errors: null_value_not_allowed.
 */
Datum
omnicrm_paired_records(PG_FUNCTION_ARGS)
{
	Candidate  *pairs;
	int			n = read_candidates(fcinfo, &pairs);
	Datum	   *ids = palloc_array(Datum, 2 * n + 1);
	int			distinct = 0;

	for (int i = 0; i < n; i++)
	{
		ids[2 * i] = Int64GetDatum(pairs[i].record_a);
		ids[2 * i + 1] = Int64GetDatum(pairs[i].record_b);
	}
	qsort(ids, 2 * n, sizeof(Datum), compare_ids);
	for (int i = 0; i < 2 * n; i++)
	{
		if (i == 0 || compare_ids(&ids[i], &ids[distinct - 1]) != 0)
			ids[distinct++] = ids[i];
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(ids, distinct, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
