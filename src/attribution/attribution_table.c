/*
 * attribution_table.c
 *		omnicrm.attribution_of_table(): what omnicrm.attribution() makes of a table's rows.
 *
 * An ordinary table whose columns have the types of the aggregate is read directly,
 * once the executor has found that the caller may.  What else can be selected from (a
 * view, a partitioned table, one with policies, other types of columns) goes through the
 * aggregate, by a query; the value is the same.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "nodes/plannodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/plancache.h"
#include "utils/rls.h"

#include "attribution/attribution_table.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_attribution_of_table);

/* arguments of the function: those of the columns stand where the aggregate has them */
#define ARG_RELATION 0
#define ARG_OPTIONS 6

static const char *const argument_names[] = {
	"relation", "journey_column", "ts_column", "actor_column", "value_column", "event_column", "options"
};

/* The name of a column that is given; NULL for no column of ids. */
static const char *
column_name(FunctionCallInfo fcinfo, int arg)
{
	return PG_ARGISNULL(arg) ? NULL : NameStr(*PG_GETARG_NAME(arg));
}

static void
check_arguments(FunctionCallInfo fcinfo)
{
	for (int arg = 0; arg <= ARG_OPTIONS; arg++)
		if (arg != ARG_EVENT && PG_ARGISNULL(arg))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be NULL", argument_names[arg])));
}

/* Is the type of a column one that can be read as this argument? */
static bool
is_readable(Oid type, int arg, TouchColumns *columns)
{
	switch (arg)
	{
		case ARG_JOURNEY:
			columns->journey_is_integer = type == INT4OID;
			return type == INT8OID || type == INT4OID;
		case ARG_AT:
			return type == TIMESTAMPTZOID;
		case ARG_ACTOR:
			columns->actor_is_text = type != INT4OID;
			return type == TEXTOID || type == VARCHAROID || type == INT4OID;
		case ARG_VALUE:
			return type == NUMERICOID;
		default:
			return type == INT8OID;
	}
}

/* Finds the columns; false when one of them cannot be read directly.  Errors: undefined_column. */
static bool
find_columns(FunctionCallInfo fcinfo, Relation relation, TouchColumns *columns)
{
	bool		readable = true;

	memset(columns, 0, sizeof(TouchColumns));
	columns->has_event = !PG_ARGISNULL(ARG_EVENT);
	for (int arg = ARG_JOURNEY; arg <= ARG_EVENT; arg++)
	{
		const char *name = column_name(fcinfo, arg);
		AttrNumber	number;
		Form_pg_attribute column;

		if (name == NULL)
			continue;
		number = get_attnum(RelationGetRelid(relation), name);
		if (number == InvalidAttrNumber)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_COLUMN),
					 errmsg("%s \"%s\" of relation \"%s\" does not exist", argument_names[arg], name,
							RelationGetRelationName(relation)),
					 errhint("Give the column's name as it is stored: without quotes, capital letters as they are.")));
		if (number < 0)
		{
			readable = false;
			continue;
		}
		column = TupleDescAttr(RelationGetDescr(relation), number - 1);
		/* a generated column need not be stored */
		if (!is_readable(getBaseType(column->atttypid), arg, columns) ||
			(column->attgenerated != '\0' && column->attgenerated != ATTRIBUTE_GENERATED_STORED))
			readable = false;
		columns->number[arg] = number;
		columns->last = Max(columns->last, number);
	}
	return readable;
}

/* Is it a table whose rows are all its own, and which everybody who may read it may read wholly? */
static bool
is_plain_table(Relation relation)
{
	Oid			relid = RelationGetRelid(relation);

	if (relation->rd_rel->relkind != RELKIND_RELATION && relation->rd_rel->relkind != RELKIND_MATVIEW)
		return false;
	if (relation->rd_rel->relhassubclass && has_subclass(relid))
		return false;
	return !RELATION_IS_OTHER_TEMP(relation) && RelationIsPopulated(relation) &&
		check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED;
}

/* Puts the columns into a query. */
static void
put_columns(StringInfo query, FunctionCallInfo fcinfo)
{
	const char *comma = "";

	for (int arg = ARG_JOURNEY; arg <= ARG_EVENT; arg++)
		if (column_name(fcinfo, arg) != NULL)
		{
			appendStringInfo(query, "%st.%s", comma, quote_identifier(column_name(fcinfo, arg)));
			comma = ", ";
		}
}

/* Puts the relation into a query. */
static void
put_relation(StringInfo query, Oid relation)
{
	appendStringInfo(query, " FROM %s AS t",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation)));
}

/* Does an extension read the table in a way of its own (Citus has the rows elsewhere)? */
static bool
has_custom_scan(SPIPlanPtr plan)
{
	CachedPlan *cached = SPI_plan_get_cached_plan(plan);
	bool		found = false;

	for (const Plan *node = linitial_node(PlannedStmt, cached->stmt_list)->planTree; node != NULL; node = node->lefttree)
		found = found || IsA(node, CustomScan);
	ReleaseCachedPlan(cached, NULL);
	return found;
}

/*
 * May the table be read without an executor?  A query of no rows is planned and begun,
 * so that whatever checks a query has its say: the rights to the schema, the table and
 * the columns, and what other extensions check or note.
 * Error: insufficient_privilege.
 */
static bool
is_read_directly(FunctionCallInfo fcinfo, Oid relation)
{
	StringInfoData query;
	SPIPlanPtr	plan;
	bool		directly;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT ");
	put_columns(&query, fcinfo);
	put_relation(&query, relation);
	appendStringInfoString(&query, " LIMIT 0");
	SPI_connect();
	plan = SPI_prepare(query.data, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "the columns of a relation cannot be read: %s", SPI_result_code_string(SPI_result));
	directly = !has_custom_scan(plan);
	if (directly && SPI_execute_plan(plan, NULL, NULL, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "the columns of a relation cannot be read");
	SPI_finish();
	return directly;
}

/* What the aggregate makes of a relation, by a query; NULL without rows. */
static Datum
attribution_by_query(FunctionCallInfo fcinfo, Oid relation, bool *is_null)
{
	MemoryContext caller = CurrentMemoryContext;
	StringInfoData query;
	Oid			types[] = {JSONBOID};
	Datum		values[] = {PG_GETARG_DATUM(ARG_OPTIONS)};
	Datum		value;

	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT omnicrm.attribution(");
	put_columns(&query, fcinfo);
	appendStringInfoString(&query, ", $1)");
	put_relation(&query, relation);
	SPI_connect();
	if (SPI_execute_with_args(query.data, 1, types, values, NULL, true, 0) != SPI_OK_SELECT || SPI_processed != 1)
		elog(ERROR, "the attribution of a relation gave no row");
	value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, is_null);
	if (!*is_null)
	{
		MemoryContext work = MemoryContextSwitchTo(caller);

		value = PointerGetDatum(PG_DETOAST_DATUM_COPY(value));
		MemoryContextSwitchTo(work);
	}
	SPI_finish();
	return value;
}

/*
 * attribution_of_table(relation regclass, journey_column name, ts_column name, actor_column
 * name, value_column name, event_column name, options jsonb): what the aggregate
 * attribution() makes of the rows of a relation, NULL without rows.
 * Errors: those of the aggregate, undefined_column, undefined_table,
 * insufficient_privilege, null_value_not_allowed.
 */
Datum
omnicrm_attribution_of_table(PG_FUNCTION_ARGS)
{
	Oid			relid;
	Relation	relation;
	TouchColumns columns;
	Datum		result;
	bool		is_null;

	check_arguments(fcinfo);
	relid = PG_GETARG_OID(ARG_RELATION);
	relation = try_relation_open(relid, AccessShareLock);
	if (relation == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relid)));
	if (find_columns(fcinfo, relation, &columns) && is_plain_table(relation) && is_read_directly(fcinfo, relid))
	{
		result = PointerGetDatum(attribution_of_relation(relation, &columns, PG_GETARG_JSONB_P(ARG_OPTIONS)));
		is_null = DatumGetPointer(result) == NULL;
	}
	else
		result = attribution_by_query(fcinfo, relid, &is_null);
	/* the lock lasts as long as that of a query */
	relation_close(relation, NoLock);
	if (is_null)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(result);
}
