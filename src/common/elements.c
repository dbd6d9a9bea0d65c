/*
 * elements.c
 *		Elements of arrays and attributes of rows that a function is given.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "common/elements.h"

/*
 * omni_array_elements: the elements of an array, none of which may be NULL.
 * Arguments: the array; its name for messages.
 * Result: their number; they point into the array.
 * Errors: null_value_not_allowed.
 */
int
omni_array_elements(ArrayType *array, const char *name, Datum **elements)
{
	int16		length;
	bool		by_value;
	char		align;
	int			n;

	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s has an element that is null", name),
				 errhint("Leave out what is not known.")));
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, elements, NULL, &n);
	return n;
}

/*
 * omni_row_attributes: the attributes of a row of a type of the toolbox, which has
 * so many; they point into the row.
 */
void
omni_row_attributes(Datum row, const char *type, int count, Datum *values, bool *nulls)
{
	HeapTupleHeader header = DatumGetHeapTupleHeader(row);
	TupleDesc	description = lookup_rowtype_tupdesc(HeapTupleHeaderGetTypeId(header), HeapTupleHeaderGetTypMod(header));
	HeapTupleData tuple;

	if (description->natts != count)
		elog(ERROR, "%s has %d attributes", type, description->natts);
	tuple.t_len = HeapTupleHeaderGetDatumLength(header);
	tuple.t_data = header;
	heap_deform_tuple(&tuple, description, values, nulls);
	ReleaseTupleDesc(description);
}
