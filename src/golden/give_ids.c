/*
 * give_ids.c
 *		Which id a customer has: see ids.sql.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "common/compat.h"
#include "common/elements.h"

PG_FUNCTION_INFO_V1(omnicrm_give_ids);

/* no id; ids of customers may be negative while nothing is decided */
#define NO_ID	PG_INT64_MIN

typedef struct GivenId
{
	int64		record;
	int64		cluster;		/* its smallest record */
	int64		old;			/* customer of before */
	int64		old_home;
	int64		home;			/* id that was made for this record */
	int64		made;			/* now */
	int64		customer;
} GivenId;

static int
compare_int64(int64 a, int64 b)
{
	return a < b ? -1 : a > b;
}

static int
by_record(const void *x, const void *y)
{
	return compare_int64(((const GivenId *) x)->record, ((const GivenId *) y)->record);
}

static int
by_old(const void *x, const void *y)
{
	int			order = compare_int64(((const GivenId *) x)->old, ((const GivenId *) y)->old);

	return order != 0 ? order : by_record(x, y);
}

static int
by_cluster(const void *x, const void *y)
{
	int			order = compare_int64(((const GivenId *) x)->cluster, ((const GivenId *) y)->cluster);

	return order != 0 ? order : by_record(x, y);
}

static int
by_customer(const void *x, const void *y)
{
	int			order = compare_int64(((const GivenId *) x)->customer, ((const GivenId *) y)->customer);

	return order != 0 ? order : by_record(x, y);
}

/* An array of bigint in which elements may be NULL. */
static void
read_nullable(ArrayType *array, const char *name, int n, int64 *result)
{
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(array, INT8OID, sizeof(int64), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &elements, &nulls, &count);
	if (count != n)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has %d elements for %d records", name, count, n),
				 errhint("The arrays belong together, element by element.")));
	for (int i = 0; i < n; i++)
		result[i] = nulls[i] ? NO_ID : DatumGetInt64(elements[i]);
}

/* Records and customers of before, in the order of records. */
static GivenId *
read_records(FunctionCallInfo fcinfo, int *count)
{
	Datum	   *records;
	int			n = omni_array_elements(PG_GETARG_ARRAYTYPE_P(0), "record_ids", &records);
	int64	   *old = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(int64));
	int64	   *home = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(int64));
	GivenId    *given = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(GivenId));

	read_nullable(PG_GETARG_ARRAYTYPE_P(1), "old_ids", n, old);
	read_nullable(PG_GETARG_ARRAYTYPE_P(2), "home_ids", n, home);
	for (int i = 0; i < n; i++)
	{
		given[i].record = given[i].cluster = DatumGetInt64(records[i]);
		given[i].old = old[i];
		given[i].old_home = given[i].home = home[i];
		given[i].made = given[i].customer = NO_ID;
	}
	pfree(old);
	pfree(home);
	qsort(given, n, sizeof(GivenId), by_record);
	*count = n;
	return given;
}

/* The clusters that links have made; other records are alone. */
static void
read_clusters(FunctionCallInfo fcinfo, GivenId *given, int n)
{
	Datum	   *nodes;
	Datum	   *roots;
	int			nnodes = omni_array_elements(PG_GETARG_ARRAYTYPE_P(3), "nodes", &nodes);
	int			nroots = omni_array_elements(PG_GETARG_ARRAYTYPE_P(4), "roots", &roots);

	if (nnodes != nroots)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%d roots for %d nodes", nroots, nnodes),
				 errhint("The arrays belong together, element by element.")));
	for (int i = 0; i < nnodes; i++)
	{
		GivenId		key = {.record = DatumGetInt64(nodes[i])};
		GivenId    *found = bsearch(&key, given, n, sizeof(GivenId), by_record);

		if (found == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("node " INT64_FORMAT " is none of the records", key.record)));
		found->cluster = Min(found->cluster, DatumGetInt64(roots[i]));
	}
}

/*
 * An id whose record is gone is the id of the oldest record that it leaves behind;
 * one without an id of its own, where there is one.  The number of customers whose
 * records are in several clusters.
 */
static int64
inherit_ids(GivenId *given, int n)
{
	int64		torn = 0;

	qsort(given, n, sizeof(GivenId), by_old);
	for (int first = 0, next; first < n; first = next)
	{
		bool		living = false;
		bool		several = false;
		GivenId    *heir = &given[first];

		for (next = first; next < n && given[next].old == given[first].old; next++)
		{
			living |= given[next].old_home == given[next].old;
			several |= given[next].cluster != given[first].cluster;
			if (heir->old_home != NO_ID && given[next].old_home == NO_ID)
				heir = &given[next];
		}
		if (given[first].old == NO_ID)
			continue;
		torn += several;
		if (!living)
			heir->home = heir->old;
	}
	return torn;
}

/* Each cluster has the oldest of its ids, else a new one, made in the order of their first records. */
static int64
give_customers(GivenId *given, int n, bool provisional, Oid sequence)
{
	int64		created = 0;

	qsort(given, n, sizeof(GivenId), by_cluster);
	for (int first = 0, next; first < n; first = next)
	{
		int64		owner = NO_ID;

		CHECK_FOR_INTERRUPTS();
		for (next = first; next < n && given[next].cluster == given[first].cluster; next++)
		{
			if (given[next].home != NO_ID && (owner == NO_ID || given[next].home < owner))
				owner = given[next].home;
		}
		if (owner == NO_ID)
		{
			owner = provisional ? -given[first].cluster :
				DatumGetInt64(DirectFunctionCall1(nextval_oid, ObjectIdGetDatum(sequence)));
			given[first].made = given[first].home = owner;
			created++;
		}
		for (int i = first; i < next; i++)
			given[i].customer = owner;
	}
	return created;
}

/* A column as an array. */
static Datum
make_column(const GivenId *given, int n, Size offset)
{
	Datum	   *items = MemoryContextAllocHuge(CurrentMemoryContext, (n + 1) * sizeof(Datum));
	bool	   *nulls = MemoryContextAllocHuge(CurrentMemoryContext, n + 1);
	int			lower = 1;

	for (int i = 0; i < n; i++)
	{
		int64		id = *(const int64 *) ((const char *) &given[i] + offset);

		items[i] = Int64GetDatum(id);
		nulls[i] = id == NO_ID;
	}
	if (n == 0)
		return PointerGetDatum(construct_empty_array(INT8OID));
	return PointerGetDatum(construct_md_array(items, nulls, 1, &n, &lower, INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
											  TYPALIGN_DOUBLE));
}

/*
 * give_ids(record_ids bigint[], old_ids bigint[], home_ids bigint[], nodes bigint[],
 * roots bigint[], sequence regclass) returns a row: see ids.sql and golden.sql.
 * sequence NULL: new ids are negative.
 * Errors: invalid_parameter_value, null_value_not_allowed.
 */
Datum
omnicrm_give_ids(PG_FUNCTION_ARGS)
{
	TupleDesc	description;
	Datum		values[7];
	bool		nulls[7] = {false};
	GivenId    *given;
	int			n;
	bool		moved = false;

	for (int i = 0; i < 5; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("an array is NULL")));
	}
	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != lengthof(values))
		elog(ERROR, "give_ids must return %d columns", (int) lengthof(values));
	given = read_records(fcinfo, &n);
	read_clusters(fcinfo, given, n);
	values[6] = Int64GetDatum(inherit_ids(given, n));
	values[5] = Int64GetDatum(give_customers(given, n, PG_ARGISNULL(5), PG_ARGISNULL(5) ? InvalidOid : PG_GETARG_OID(5)));
	qsort(given, n, sizeof(GivenId), by_customer);
	for (int i = 0; i < n; i++)
		moved |= given[i].old != NO_ID && (given[i].old != given[i].customer || given[i].home != given[i].old_home);
	values[0] = make_column(given, n, offsetof(GivenId, record));
	values[1] = make_column(given, n, offsetof(GivenId, customer));
	values[2] = make_column(given, n, offsetof(GivenId, home));
	values[3] = make_column(given, n, offsetof(GivenId, old));
	values[4] = BoolGetDatum(moved);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
