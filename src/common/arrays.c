/*
 * arrays.c
 *		Arrays that are made at their full size and filled in place.
 */
#include "postgres.h"

#include "common/arrays.h"

/*
 * make_fixed_array(type, width, count, data): an array of count elements of a
 * type of this width in bytes, without nulls; *data is where the caller puts
 * them.  Without elements an empty array.
 */
ArrayType *
make_fixed_array(Oid type, Size width, uint32 count, void **data)
{
	Size		size = (count > 0 ? ARR_OVERHEAD_NONULLS(1) : sizeof(ArrayType)) + width * count;
	ArrayType  *array = palloc0(size);

	SET_VARSIZE(array, size);
	array->elemtype = type;
	array->ndim = count > 0 ? 1 : 0;
	if (count > 0)
	{
		ARR_DIMS(array)[0] = count;
		ARR_LBOUND(array)[0] = 1;
	}
	*data = ARR_DATA_PTR(array);
	return array;
}
