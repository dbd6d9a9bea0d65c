/*
 * compare_values.c
 *		How much two arrays share, and how near two numbers are.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "common/compat.h"

/* longest arrays that are looked at */
#define ELEMENTS_MAX 100000

PG_FUNCTION_INFO_V1(omnicrm_array_overlap);
PG_FUNCTION_INFO_V1(omnicrm_array_jaccard);
PG_FUNCTION_INFO_V1(omnicrm_number_similarity);

/* How elements are ordered. */
typedef struct Order
{
	TypeCacheEntry *type;
	Oid			collation;
} Order;

static int
compare_elements(const void *a, const void *b, void *context)
{
	const Order *order = context;

	CHECK_FOR_INTERRUPTS();
	return DatumGetInt32(FunctionCall2Coll(&order->type->cmp_proc_finfo, order->collation,
										   *(const Datum *) a, *(const Datum *) b));
}

/* The distinct elements of an array in order, without NULL; -1: too many. */
static int
distinct_elements(ArrayType *array, Order *order, Datum **result)
{
	TypeCacheEntry *type = order->type;
	Datum	   *elements;
	bool	   *nulls;
	int			count;
	int			kept = 0;
	int			distinct = 0;

	if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > ELEMENTS_MAX)
		return -1;
	deconstruct_array(array, type->type_id, type->typlen, type->typbyval, type->typalign,
					  &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			elements[kept++] = elements[i];
	}
	qsort_arg(elements, kept, sizeof(Datum), compare_elements, order);
	for (int i = 0; i < kept; i++)
	{
		if (i == 0 || compare_elements(&elements[distinct - 1], &elements[i], order) != 0)
			elements[distinct++] = elements[i];
	}
	*result = elements;
	return distinct;
}

/*
 * Distinct elements of both arguments and of what they share.
 * Result: false when one has none or too many.  Error: a type without an order.
 */
static bool
count_shared(FunctionCallInfo fcinfo, int *na, int *nb, int *shared)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	Order		order = {fcinfo->flinfo->fn_extra, PG_GET_COLLATION()};
	Datum	   *x;
	Datum	   *y;

	if (order.type == NULL || order.type->type_id != ARR_ELEMTYPE(a))
	{
		order.type = lookup_type_cache(ARR_ELEMTYPE(a), TYPECACHE_CMP_PROC_FINFO);
		if (!OidIsValid(order.type->cmp_proc_finfo.fn_oid))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_FUNCTION),
					 errmsg("could not identify a comparison function for type %s", format_type_be(ARR_ELEMTYPE(a)))));
		fcinfo->flinfo->fn_extra = order.type;
	}
	*shared = 0;
	*na = distinct_elements(a, &order, &x);
	if (*na <= 0)
		return false;
	*nb = distinct_elements(b, &order, &y);
	if (*nb <= 0)
		return false;
	for (int i = 0, j = 0; i < *na && j < *nb;)
	{
		int			c = compare_elements(&x[i], &y[j], &order);

		*shared += c == 0;
		i += c <= 0;
		j += c >= 0;
	}
	return true;
}

/*
 * array_overlap(a, b) returns float8: shared distinct elements over those of the
 * smaller array (the overlap coefficient of Szymkiewicz and Simpson).
 * Result: NULL when an array has no element but NULL, or more than 100,000.
 */
Datum
omnicrm_array_overlap(PG_FUNCTION_ARGS)
{
	int			na;
	int			nb;
	int			shared;

	if (!count_shared(fcinfo, &na, &nb, &shared))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) shared / Min(na, nb));
}

/*
 * array_jaccard(a, b) returns float8: shared distinct elements over those of
 * both arrays together.  NULL as in array_overlap().
 */
Datum
omnicrm_array_jaccard(PG_FUNCTION_ARGS)
{
	int			na;
	int			nb;
	int			shared;

	if (!count_shared(fcinfo, &na, &nb, &shared))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) shared / (na + nb - shared));
}

/*
 * number_similarity(a, b, tolerance) returns float8: 1 - d / tolerance and at
 * least 0, where d is the difference over the greater of both without sign.
 * Result: 1 for equal numbers, infinite ones too; 0 for one infinite number;
 * NULL for NaN.  Error: a tolerance that is negative or no finite number.
 */
Datum
omnicrm_number_similarity(PG_FUNCTION_ARGS)
{
	double		a = PG_GETARG_FLOAT8(0);
	double		b = PG_GETARG_FLOAT8(1);
	double		tolerance = PG_GETARG_FLOAT8(2);
	double		greater = Max(fabs(a), fabs(b));
	double		smaller = Min(fabs(a), fabs(b));
	double		difference;

	if (!isfinite(tolerance) || tolerance < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("tolerance must be a finite number, 0 or more"),
				 errhint("It is the relative difference from which on the similarity is 0: 0.1 for ten per cent.")));
	if (isnan(a) || isnan(b))
		PG_RETURN_NULL();
	if (a == b)
		PG_RETURN_FLOAT8(1.0);
	if (isinf(a) || isinf(b))
		PG_RETURN_FLOAT8(0.0);
	if (signbit(a) == signbit(b))
		difference = (greater - smaller) / greater;
	else
		difference = 1.0 + smaller / greater;
	if (difference >= tolerance)
		PG_RETURN_FLOAT8(0.0);
	PG_RETURN_FLOAT8(1.0 - difference / tolerance);
}
