/*
 * judge_links.c
 *		What clusters make of the links that are stored: see resolve_store.sql.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "common/compat.h"
#include "common/elements.h"
#include "identity/judge_component.h"

PG_FUNCTION_INFO_V1(omnicrm_linked_records);
PG_FUNCTION_INFO_V1(omnicrm_apart_records);
PG_FUNCTION_INFO_V1(omnicrm_shared_holders);
PG_FUNCTION_INFO_V1(omnicrm_changed_links);
PG_FUNCTION_INFO_V1(omnicrm_distinct_ids);

/* A judged_pair as far as it is stored in match_link. */
typedef struct StoredLink
{
	int64		record_a;
	int64		record_b;
	const text *kind;
	const text *value;
	bool		has_similarity;
	float4		similarity;
	const text *decision;
	Datum		row;
} StoredLink;

static int
compare_links(const void *x, const void *y)
{
	const StoredLink *p = x;
	const StoredLink *q = y;

	if (p->record_a != q->record_a)
		return p->record_a < q->record_a ? -1 : 1;
	return p->record_b < q->record_b ? -1 : p->record_b > q->record_b;
}

static int
compare_ids(const void *x, const void *y)
{
	int64		a = DatumGetInt64(*(const Datum *) x);
	int64		b = DatumGetInt64(*(const Datum *) y);

	return a < b ? -1 : a > b;
}

/* The elements of an array of judged_pair, in the order of their records. */
static StoredLink *
read_links(ArrayType *array, const char *name, int *count)
{
	Datum	   *rows;
	int			n = omni_array_elements(array, name, &rows);
	StoredLink *links = palloc_array(StoredLink, Max(n, 1));

	for (int i = 0; i < n; i++)
	{
		Datum		values[PAIR_ATTRIBUTES];
		bool		nulls[PAIR_ATTRIBUTES];

		omni_row_attributes(rows[i], "judged_pair", PAIR_ATTRIBUTES, values, nulls);
		if (nulls[0] || nulls[1] || nulls[2] || nulls[3] || nulls[8])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a pair has no records, kind, value or decision")));
		links[i].record_a = DatumGetInt64(values[0]);
		links[i].record_b = DatumGetInt64(values[1]);
		links[i].kind = DatumGetTextPP(values[2]);
		links[i].value = DatumGetTextPP(values[3]);
		links[i].has_similarity = !nulls[5];
		links[i].similarity = nulls[5] ? 0 : DatumGetFloat4(values[5]);
		links[i].decision = DatumGetTextPP(values[8]);
		links[i].row = rows[i];
	}
	qsort(links, n, sizeof(StoredLink), compare_links);
	*count = n;
	return links;
}

static bool
same_text(const text *a, const text *b)
{
	return VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) && memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

static bool
same_link(const StoredLink *a, const StoredLink *b)
{
	return same_text(a->kind, b->kind) && same_text(a->value, b->value) && a->has_similarity == b->has_similarity &&
		a->similarity == b->similarity && same_text(a->decision, b->decision);
}

/* Sorted ids. */
static int
read_ids(ArrayType *array, const char *name, Datum **ids)
{
	int			n = omni_array_elements(array, name, ids);

	qsort(*ids, n, sizeof(Datum), compare_ids);
	return n;
}

static bool
is_among(const Datum *ids, int n, int64 id)
{
	Datum		key = Int64GetDatum(id);

	return bsearch(&key, ids, n, sizeof(Datum), compare_ids) != NULL;
}

/* Leaves each of sorted ids once; their number. */
static int
drop_repeated(Datum *ids, int n)
{
	int			distinct = 0;

	for (int i = 0; i < n; i++)
	{
		if (i == 0 || compare_ids(&ids[i], &ids[distinct - 1]) != 0)
			ids[distinct++] = ids[i];
	}
	return distinct;
}

static Datum
make_id_array(Datum *ids, int n)
{
	return PointerGetDatum(construct_array(ids, n, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/*
 * linked_records(pairs judged_pair[]) returns bigint[]: the records of the pairs that
 * are linked, each once, ascending.  A decision that keeps two apart goes before all.
 * Errors: null_value_not_allowed.
 */
Datum
omnicrm_linked_records(PG_FUNCTION_ARGS)
{
	int			n;
	StoredLink *links = read_links(PG_GETARG_ARRAYTYPE_P(0), "pairs", &n);
	Datum	   *ids = palloc_array(Datum, 2 * n + 1);
	int			nids = 0;

	for (int first = 0, next; first < n; first = next)
	{
		bool		linked = false;
		bool		apart = false;

		for (next = first; next < n && compare_links(&links[first], &links[next]) == 0; next++)
		{
			JudgeDecision decision = omni_judge_decision_of(links[next].decision);

			linked |= decision == JUDGE_LINKED;
			apart |= decision == JUDGE_DECIDED_APART;
		}
		if (!linked || apart)
			continue;
		ids[nids++] = Int64GetDatum(links[first].record_a);
		ids[nids++] = Int64GetDatum(links[first].record_b);
	}
	qsort(ids, nids, sizeof(Datum), compare_ids);
	PG_RETURN_DATUM(make_id_array(ids, drop_repeated(ids, nids)));
}

/*
 * distinct_ids(ids bigint[], without bigint[]) returns bigint[]: each id once,
 * ascending, without those of the second array.
 * Errors: null_value_not_allowed.
 */
Datum
omnicrm_distinct_ids(PG_FUNCTION_ARGS)
{
	Datum	   *ids;
	Datum	   *without;
	int			nids = read_ids(PG_GETARG_ARRAYTYPE_P(0), "ids", &ids);
	int			nwithout = read_ids(PG_GETARG_ARRAYTYPE_P(1), "without", &without);
	int			kept = 0;

	nids = drop_repeated(ids, nids);
	for (int i = 0; i < nids; i++)
	{
		if (!is_among(without, nwithout, DatumGetInt64(ids[i])))
			ids[kept++] = ids[i];
	}
	PG_RETURN_DATUM(make_id_array(ids, kept));
}

/*
 * apart_records(links judged_pair[], ids bigint[]) returns bigint[]: the records that
 * clustering has kept apart from one of these, each once, ascending.
 * Errors: null_value_not_allowed.
 */
Datum
omnicrm_apart_records(PG_FUNCTION_ARGS)
{
	int			n;
	StoredLink *links = read_links(PG_GETARG_ARRAYTYPE_P(0), "links", &n);
	Datum	   *ids;
	int			nids = read_ids(PG_GETARG_ARRAYTYPE_P(1), "ids", &ids);
	Datum	   *apart = palloc_array(Datum, 2 * n + 1);
	int			napart = 0;

	for (int i = 0; i < n; i++)
	{
		JudgeDecision decision = omni_judge_decision_of(links[i].decision);

		if (decision != JUDGE_TAX_IDS_DIFFER && decision != JUDGE_LINKED_ELSEWHERE && decision != JUDGE_GROUPS_DIFFER &&
			decision != JUDGE_DECIDED_APART)
			continue;
		if (is_among(ids, nids, links[i].record_a))
			apart[napart++] = Int64GetDatum(links[i].record_b);
		if (is_among(ids, nids, links[i].record_b))
			apart[napart++] = Int64GetDatum(links[i].record_a);
	}
	qsort(apart, napart, sizeof(Datum), compare_ids);
	PG_RETURN_DATUM(make_id_array(apart, drop_repeated(apart, napart)));
}

/*
 * shared_holders(shared shared_value[]) returns bigint[]: the records that hold one of
 * these values, each once, ascending.
 * Errors: null_value_not_allowed.
 */
Datum
omnicrm_shared_holders(PG_FUNCTION_ARGS)
{
	Datum	   *rows;
	int			n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(0), "shared", &rows);
	Datum	   *ids = NULL;
	int			nids = 0;

	for (int i = 0; i < n; i++)
	{
		Datum		values[SHARED_ATTRIBUTES];
		bool		nulls[SHARED_ATTRIBUTES];
		Datum	   *holders;
		int			nholders;

		omni_row_attributes(rows[i], "shared_value", SHARED_ATTRIBUTES, values, nulls);
		if (nulls[2])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("the records of a shared value are NULL")));
		nholders = omni_array_elements(DatumGetArrayTypeP(values[2]), "records", &holders);
		ids = ids == NULL ? palloc_array(Datum, nholders + 1) :
			repalloc_huge(ids, mul_size(nids + nholders + 1, sizeof(Datum)));
		memcpy(ids + nids, holders, nholders * sizeof(Datum));
		nids += nholders;
	}
	if (nids == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(INT8OID));
	qsort(ids, nids, sizeof(Datum), compare_ids);
	PG_RETURN_DATUM(make_id_array(ids, drop_repeated(ids, nids)));
}

/*
 * The records of old links that are to go: of a dirty record, or between two touched
 * ones, and not among the new ones as they are. Their number.
 */
static int
find_gone(FunctionCallInfo fcinfo, const StoredLink *old, int nold, const StoredLink *new, int nnew, Datum *gone_a, Datum *gone_b)
{
	Datum	   *dirty;
	Datum	   *touched;
	int			ndirty = read_ids(PG_GETARG_ARRAYTYPE_P(0), "dirty", &dirty);
	int			ntouched = read_ids(PG_GETARG_ARRAYTYPE_P(1), "touched", &touched);
	int			n = 0;

	for (int i = 0; i < nold; i++)
	{
		const StoredLink *kept = bsearch(&old[i], new, nnew, sizeof(StoredLink), compare_links);
		bool		ours = is_among(dirty, ndirty, old[i].record_a) || is_among(dirty, ndirty, old[i].record_b) ||
			(is_among(touched, ntouched, old[i].record_a) && is_among(touched, ntouched, old[i].record_b));

		/* a link may come twice, by either end */
		if (!ours || (kept != NULL && same_link(&old[i], kept)) || (i > 0 && compare_links(&old[i], &old[i - 1]) == 0))
			continue;
		gone_a[n] = Int64GetDatum(old[i].record_a);
		gone_b[n++] = Int64GetDatum(old[i].record_b);
	}
	return n;
}

/* The new links that are not there as they are; their number. */
static int
find_made(const StoredLink *old, int nold, const StoredLink *new, int nnew, Datum *made)
{
	int			n = 0;

	for (int i = 0; i < nnew; i++)
	{
		const StoredLink *kept = bsearch(&new[i], old, nold, sizeof(StoredLink), compare_links);

		if (kept == NULL || !same_link(&new[i], kept))
			made[n++] = new[i].row;
	}
	return n;
}

/*
 * changed_links(dirty bigint[], touched bigint[], old judged_pair[], pairs
 * judged_pair[], OUT gone_a bigint[], OUT gone_b bigint[], OUT made judged_pair[], OUT
 * linked bigint, OUT refused bigint): what is to be deleted and stored so that the
 * links of dirty records, and those between two touched ones, are these pairs; how
 * many of these link and how many do not.
 * Errors: null_value_not_allowed.
 */
Datum
omnicrm_changed_links(PG_FUNCTION_ARGS)
{
	int			nold;
	int			nnew;
	StoredLink *old = read_links(PG_GETARG_ARRAYTYPE_P(2), "old", &nold);
	StoredLink *new = read_links(PG_GETARG_ARRAYTYPE_P(3), "pairs", &nnew);
	Datum	   *gone_a = palloc_array(Datum, nold + 1);
	Datum	   *gone_b = palloc_array(Datum, nold + 1);
	Datum	   *made = palloc_array(Datum, nnew + 1);
	int			ngone = find_gone(fcinfo, old, nold, new, nnew, gone_a, gone_b);
	int			linked = 0;
	TupleDesc	description;
	Oid			type;
	int16		length;
	bool		by_value;
	char		align;
	Datum		values[5];
	bool		nulls[5] = {false};

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != lengthof(values))
		elog(ERROR, "changed_links must return %d columns", (int) lengthof(values));
	for (int i = 0; i < nnew; i++)
		linked += omni_judge_decision_of(new[i].decision) == JUDGE_LINKED;
	type = get_element_type(TupleDescAttr(description, 2)->atttypid);
	get_typlenbyvalalign(type, &length, &by_value, &align);
	values[0] = make_id_array(gone_a, ngone);
	values[1] = make_id_array(gone_b, ngone);
	values[2] = PointerGetDatum(construct_array(made, find_made(old, nold, new, nnew, made), type, length, by_value, align));
	values[3] = Int64GetDatum(linked);
	values[4] = Int64GetDatum(nnew - linked);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
