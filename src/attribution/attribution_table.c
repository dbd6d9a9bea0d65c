/*
 * attribution_table.c
 *		omnicrm.attribution_of_table(): what omnicrm.attribution() makes of a table's rows.
 *
 * An ordinary table whose columns have the types of the aggregate is read directly.
 * What else can be selected from (a view, a partitioned table, one with policies, other
 * types of columns) goes through the aggregate, by a query; the value is the same.
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

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
							RelationGetRelationName(relation))));
		if (number < 0)
		{
			readable = false;
			continue;
		}
		column = TupleDescAttr(RelationGetDescr(relation), number - 1);
		/* a generated column need not be stored */
		if (!is_readable(getBaseType(column->atttypid), arg, columns) ||
			(column->attgenerated != '\0' && column->attgenerated != 's'))
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

/* May the caller read the columns?  Error: insufficient_privilege. */
static void
check_privileges(Relation relation, const TouchColumns *columns)
{
	Oid			relid = RelationGetRelid(relation);

	if (pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK)
		return;
	for (int arg = ARG_JOURNEY; arg <= ARG_EVENT; arg++)
		if (columns->number[arg] != 0 &&
			pg_attribute_aclcheck(relid, columns->number[arg], GetUserId(), ACL_SELECT) != ACLCHECK_OK)
			aclcheck_error(ACLCHECK_NO_PRIV, get_relkind_objtype(relation->rd_rel->relkind),
						   RelationGetRelationName(relation));
}

/* The same by a query.  The result is NULL without rows. */
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
	for (int arg = ARG_JOURNEY; arg <= ARG_EVENT; arg++)
		if (column_name(fcinfo, arg) != NULL)
			appendStringInfo(&query, "t.%s, ", quote_identifier(column_name(fcinfo, arg)));
	appendStringInfo(&query, "$1) FROM %s AS t",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation)));
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
	Relation	relation;
	TouchColumns columns;
	bytea	   *result;

	check_arguments(fcinfo);
	relation = relation_open(PG_GETARG_OID(ARG_RELATION), AccessShareLock);
	if (!find_columns(fcinfo, relation, &columns) || !is_plain_table(relation))
	{
		bool		is_null;
		Datum		value = attribution_by_query(fcinfo, RelationGetRelid(relation), &is_null);

		relation_close(relation, AccessShareLock);
		if (is_null)
			PG_RETURN_NULL();
		PG_RETURN_DATUM(value);
	}
	check_privileges(relation, &columns);
	result = attribution_of_relation(relation, &columns, PG_GETARG_JSONB_P(ARG_OPTIONS));
	relation_close(relation, AccessShareLock);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(result);
}
