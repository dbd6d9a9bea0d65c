/*
 * row_changes.c
 *		row_changes(): what a row was before it changed.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_row_changes);

/* A column that both rows have. */
typedef struct CommonColumn
{
	int			before;			/* positions from 0 */
	int			after;
	char	   *name;
	Oid			collation;
	int16		length;
	bool		by_value;
	Oid			type;
	FmgrInfo   *equal;
	FmgrInfo	to_json;		/* made when it is first asked for: most columns do not change */
} CommonColumn;

/* The two row types of a call, kept while they stay the same. */
typedef struct RowTypes
{
	Oid			before_type;
	int32		before_typmod;
	Oid			after_type;
	int32		after_typmod;
	TupleDesc	before;
	TupleDesc	after;
	int			count;
	CommonColumn *columns;
	MemoryContext context;
} RowTypes;

/* to_jsonb() finds the type of its argument in the expression that it is called by. */
static void
init_to_json(CommonColumn *column, MemoryContext context)
{
	MemoryContext old = MemoryContextSwitchTo(context);
	Node	   *argument = (Node *) makeNullConst(column->type, -1, column->collation);

	fmgr_info_cxt(F_TO_JSONB, &column->to_json, context);
	fmgr_info_set_expr((Node *) makeFuncExpr(F_TO_JSONB, JSONBOID, list_make1(argument), InvalidOid, InvalidOid,
											 COERCE_EXPLICIT_CALL),
					   &column->to_json);
	MemoryContextSwitchTo(old);
}

/* Takes up a column of the first row if the second one has it, with the same type. */
static void
add_column(RowTypes *types, int position)
{
	Form_pg_attribute before = TupleDescAttr(types->before, position);

	for (int i = 0; i < types->after->natts; i++)
	{
		Form_pg_attribute after = TupleDescAttr(types->after, i);
		CommonColumn *column = &types->columns[types->count];
		TypeCacheEntry *entry;

		if (after->attisdropped || after->atttypid != before->atttypid ||
			strcmp(NameStr(after->attname), NameStr(before->attname)) != 0)
			continue;
		entry = lookup_type_cache(before->atttypid, TYPECACHE_EQ_OPR_FINFO);
		if (!OidIsValid(entry->eq_opr_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("column \"%s\" has a type without equality: %s", NameStr(before->attname),
							format_type_be(before->atttypid))));
		column->before = position;
		column->after = i;
		column->name = pstrdup(NameStr(before->attname));
		column->collation = before->attcollation;
		column->length = before->attlen;
		column->by_value = before->attbyval;
		column->type = before->atttypid;
		column->equal = &entry->eq_opr_finfo;
		types->count++;
		return;
	}
}

/* The types of both rows, found anew when they are others than in the last call. */
static RowTypes *
find_types(FunctionCallInfo fcinfo, HeapTupleHeader before, HeapTupleHeader after)
{
	RowTypes   *types = (RowTypes *) fcinfo->flinfo->fn_extra;
	MemoryContext context,
				old;

	if (types != NULL && types->before_type == HeapTupleHeaderGetTypeId(before) &&
		types->before_typmod == HeapTupleHeaderGetTypMod(before) &&
		types->after_type == HeapTupleHeaderGetTypeId(after) &&
		types->after_typmod == HeapTupleHeaderGetTypMod(after))
		return types;
	if (types != NULL)
		MemoryContextDelete(types->context);
	fcinfo->flinfo->fn_extra = NULL;
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "omnicrm row changes", ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);
	types = palloc0_object(RowTypes);
	types->context = context;
	types->before_type = HeapTupleHeaderGetTypeId(before);
	types->before_typmod = HeapTupleHeaderGetTypMod(before);
	types->after_type = HeapTupleHeaderGetTypeId(after);
	types->after_typmod = HeapTupleHeaderGetTypMod(after);
	types->before = lookup_rowtype_tupdesc_copy(types->before_type, types->before_typmod);
	types->after = lookup_rowtype_tupdesc_copy(types->after_type, types->after_typmod);
	types->columns = palloc0_array(CommonColumn, Max(types->before->natts, 1));
	for (int i = 0; i < types->before->natts; i++)
		if (!TupleDescAttr(types->before, i)->attisdropped)
			add_column(types, i);
	MemoryContextSwitchTo(old);
	fcinfo->flinfo->fn_extra = types;
	return types;
}

static void
deform(HeapTupleHeader row, TupleDesc description, Datum *values, bool *nulls)
{
	HeapTupleData tuple;

	tuple.t_len = HeapTupleHeaderGetDatumLength(row);
	ItemPointerSetInvalid(&tuple.t_self);
	tuple.t_tableOid = InvalidOid;
	tuple.t_data = row;
	heap_deform_tuple(&tuple, description, values, nulls);
}

/* Whether two values differ; equal bytes spare the question. */
static bool
differs(CommonColumn *column, Datum a, bool no_a, Datum b, bool no_b)
{
	if (no_a || no_b)
		return no_a != no_b;
	if (column->by_value && a == b)
		return false;
	if (column->length == -1 && !VARATT_IS_EXTENDED(DatumGetPointer(a)) && !VARATT_IS_EXTENDED(DatumGetPointer(b)) &&
		VARSIZE(DatumGetPointer(a)) == VARSIZE(DatumGetPointer(b)) &&
		memcmp(DatumGetPointer(a), DatumGetPointer(b), VARSIZE(DatumGetPointer(a))) == 0)
		return false;
	return !DatumGetBool(FunctionCall2Coll(column->equal, column->collation, a, b));
}

/* Adds a column with its value to the object, which is begun when it is the first. */
static void
push_column(JsonbParseState **state, CommonColumn *column, Datum value, bool null, MemoryContext context)
{
	JsonbValue	key;
	JsonbValue	member;

	if (*state == NULL)
		pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
	key.type = jbvString;
	key.val.string.val = column->name;
	key.val.string.len = strlen(column->name);
	pushJsonbValue(state, WJB_KEY, &key);
	if (null)
		member.type = jbvNull;
	else
	{
		Jsonb	   *json;

		if (column->to_json.fn_oid == InvalidOid)
			init_to_json(column, context);
		json = DatumGetJsonbP(FunctionCall1(&column->to_json, value));

		if (!JB_ROOT_IS_SCALAR(json) || !JsonbExtractScalar(&json->root, &member))
		{
			member.type = jbvBinary;
			member.val.binary.data = &json->root;
			member.val.binary.len = VARSIZE(json) - VARHDRSZ;
		}
	}
	pushJsonbValue(state, WJB_VALUE, &member);
}

/*
 * row_changes(before record, after record) returns jsonb: the columns that both
 * rows have, by name and type, and in which they differ, with their values in the
 * first row; null when they differ in none.  Errors: undefined_function for a type
 * without equality.
 */
Datum
omnicrm_row_changes(PG_FUNCTION_ARGS)
{
	HeapTupleHeader before = PG_GETARG_HEAPTUPLEHEADER(0);
	HeapTupleHeader after = PG_GETARG_HEAPTUPLEHEADER(1);
	RowTypes   *types = find_types(fcinfo, before, after);
	JsonbParseState *state = NULL;
	Datum	   *values = palloc_array(Datum, types->before->natts + types->after->natts);
	bool	   *nulls = palloc_array(bool, types->before->natts + types->after->natts);
	Datum	   *new_values = values + types->before->natts;
	bool	   *new_nulls = nulls + types->before->natts;

	deform(before, types->before, values, nulls);
	deform(after, types->after, new_values, new_nulls);
	for (int i = 0; i < types->count; i++)
	{
		CommonColumn *column = &types->columns[i];

		if (differs(column, values[column->before], nulls[column->before],
					new_values[column->after], new_nulls[column->after]))
			push_column(&state, column, values[column->before], nulls[column->before], types->context);
	}
	if (state == NULL)
		PG_RETURN_NULL();
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
