/*
 * allocate.c
 *		Penny-exact split of an amount by weights: the largest remainder method.
 *
 * Every payee gets floor(total * weight / sum of weights) whole units; the
 * units that are left go one each to the largest remainders, ties to the
 * smaller key.  All arithmetic is in 128-bit integers, so the shares always add
 * up to the total, each is less than one unit from its exact value, and the
 * result does not depend on the order of the payees.  A negative total is the
 * mirror image of the positive one: a full refund takes back what was paid.
 *
 * Source of the method: A. Hamilton, 1792; see M. Balinski and H. P. Young,
 * Fair Representation, 1982, also for its Alabama paradox: a larger total may
 * give a payee one unit less.  Who splits a growing pool therefore allocates
 * the whole target anew and posts the difference to what was posted before.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "commission/allocate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_allocate_numeric);
PG_FUNCTION_INFO_V1(omnicrm_allocate_bigint);

/* keeps the sort of remainders well below a second */
#define MAX_PAYEES 1000000

#define UINT128_LIMIT (~(uint128) 0)

/* What decides who gets one of the units that are left. */
typedef struct Remainder
{
	uint128		remainder;
	uint128		weight;
	int64		key;
	int			position;
} Remainder;

/* Larger remainder first; then smaller key, larger weight, earlier position. */
static int
compare_remainders(const void *left, const void *right)
{
	const Remainder *a = left;
	const Remainder *b = right;

	if (a->remainder != b->remainder)
		return a->remainder > b->remainder ? -1 : 1;
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	if (a->weight != b->weight)
		return a->weight > b->weight ? -1 : 1;
	return a->position < b->position ? -1 : 1;
}

static void
overflow_error(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("total and weights are too large to be split exactly"),
			 errhint("The total in its smallest unit times the largest weight as an integer must stay below 2^128 (about 38 digits): use weights with fewer digits.")));
}

static uint128
multiply(uint128 a, uint128 b)
{
	if ((a >> 64) == 0 && (b >> 64) == 0)
		return a * b;
	if (b != 0 && a > UINT128_LIMIT / b)
		overflow_error();
	return a * b;
}

/* One unit more for each of the "left" largest remainders. */
static void
hand_out_rest(Remainder *rest, int count, int left, int128 *shares)
{
	int			i;

	qsort(rest, count, sizeof(Remainder), compare_remainders);
	for (i = 0; i < left; i++)
		shares[rest[i].position] += 1;
}

/*
 * omnicrm_allocate_units splits total units over count payees by their weights
 * into shares[].  keys decide ties, NULL: the position does.  A payee of weight
 * zero gets nothing.  Errors: invalid_parameter_value when the weights sum to
 * zero, numeric_value_out_of_range when 128 bits do not suffice.
 */
void
omnicrm_allocate_units(int128 total, const uint128 *weights, const int64 *keys,
					   int count, int128 *shares)
{
	uint128		amount = total < 0 ? -(uint128) total : (uint128) total;
	uint128		sum = 0;
	uint128		given = 0;
	Remainder  *rest;
	int			i;

	for (i = 0; i < count; i++)
	{
		if (weights[i] > UINT128_LIMIT - sum)
			overflow_error();
		sum += weights[i];
	}
	if (sum == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the weights sum to zero"),
				 errhint("At least one weight must be positive; book the amount as unattributed when nobody has a share.")));
	rest = palloc(sizeof(Remainder) * Max(count, 1));
	for (i = 0; i < count; i++)
	{
		uint128		product = multiply(amount, weights[i]);

		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		shares[i] = (int128) (product / sum);
		given += (uint128) shares[i];
		rest[i].remainder = product % sum;
		rest[i].weight = weights[i];
		rest[i].key = keys ? keys[i] : i;
		rest[i].position = i;
	}
	/* fewer units are left than there are remainders above zero */
	if (given < amount)
		hand_out_rest(rest, count, (int) (amount - given), shares);
	pfree(rest);
	if (total < 0)
		for (i = 0; i < count; i++)
			shares[i] = -shares[i];
}

/* Takes a one-dimensional array without NULLs apart. */
static int
read_array(ArrayType *array, Oid type, int16 width, bool by_value, char align,
		   const char *what, Datum **elements)
{
	bool	   *nulls;
	int			count;
	int			i;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("%s must be a one-dimensional array, not one of %d dimensions",
						what, ARR_NDIM(array))));
	deconstruct_array(array, type, width, by_value, align, elements, &nulls, &count);
	if (count > MAX_PAYEES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("%s has %d elements, at most %d are allowed", what, count, MAX_PAYEES)));
	for (i = 0; i < count; i++)
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not contain NULL (element %d)", what, i + 1)));
	return count;
}

/* keys[], or NULL when the argument is NULL. */
static int64 *
read_keys(FunctionCallInfo fcinfo, int argument, int expected)
{
	Datum	   *elements;
	int64	   *keys;
	int			count;
	int			i;

	if (PG_ARGISNULL(argument))
		return NULL;
	count = read_array(PG_GETARG_ARRAYTYPE_P(argument), INT8OID, sizeof(int64),
					   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, "keys", &elements);
	if (count != expected)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("there are %d weights but %d keys", expected, count),
				 errhint("Give one key for each weight, in the same order.")));
	keys = palloc(sizeof(int64) * Max(count, 1));
	for (i = 0; i < count; i++)
		keys[i] = DatumGetInt64(elements[i]);
	return keys;
}

static void
require_arguments(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be NULL", PG_ARGISNULL(0) ? "total" : "weights")));
}

static void
negative_weight(int position)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("weights must not be negative (element %d)", position),
			 errhint("A deduction is a split of its own, with a negative total.")));
}

/* Brings decimal weights to integers of one common scale. */
static uint128 *
scale_weights(Datum *elements, int count)
{
	ExactDecimal *decimals = palloc(sizeof(ExactDecimal) * Max(count, 1));
	uint128    *weights = palloc(sizeof(uint128) * Max(count, 1));
	int			scale = 0;
	int			i;

	for (i = 0; i < count; i++)
	{
		if ((i & 0xffff) == 0)
			CHECK_FOR_INTERRUPTS();
		omnicrm_decimal(DatumGetNumeric(elements[i]), "weight", &decimals[i]);
		if (decimals[i].negative && decimals[i].magnitude != 0)
			negative_weight(i + 1);
		scale = Max(scale, decimals[i].scale);
	}
	for (i = 0; i < count; i++)
		if (!omnicrm_scale_up(decimals[i].magnitude, scale - decimals[i].scale, &weights[i]))
			overflow_error();
	pfree(decimals);
	return weights;
}

/*
 * allocate(total numeric, weights numeric[], keys bigint[], scale int) returns
 * numeric[]: one share for each weight, in units of 10^-scale, that add up to
 * the total exactly.  keys may be NULL.  Errors: null_value_not_allowed,
 * invalid_parameter_value, array_subscript_error, numeric_value_out_of_range,
 * program_limit_exceeded.  Method: largest remainder, see above.
 */
Datum
omnicrm_allocate_numeric(PG_FUNCTION_ARGS)
{
	Datum	   *elements;
	Datum	   *result;
	uint128    *weights;
	int64	   *keys;
	int128	   *shares;
	int128		total;
	int			scale;
	int			count;
	int			i;

	require_arguments(fcinfo);
	scale = PG_ARGISNULL(3) ? 2 : PG_GETARG_INT32(3);
	if (scale < 0 || scale > OMNICRM_MAX_UNIT_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale must be between 0 and %d, not %d", OMNICRM_MAX_UNIT_SCALE, scale)));
	total = omnicrm_numeric_to_units(PG_GETARG_NUMERIC(0), scale, "total");
	count = read_array(PG_GETARG_ARRAYTYPE_P(1), NUMERICOID, -1, false, TYPALIGN_INT,
					   "weights", &elements);
	keys = read_keys(fcinfo, 2, count);
	weights = scale_weights(elements, count);
	shares = palloc(sizeof(int128) * Max(count, 1));
	omnicrm_allocate_units(total, weights, keys, count, shares);
	result = palloc(sizeof(Datum) * Max(count, 1));
	for (i = 0; i < count; i++)
		result[i] = NumericGetDatum(omnicrm_units_to_numeric(shares[i], scale));
	PG_RETURN_ARRAYTYPE_P(construct_array(result, count, NUMERICOID, -1, false, TYPALIGN_INT));
}

/*
 * allocate(total bigint, weights bigint[], keys bigint[]) returns bigint[]: the
 * same split of whole units.  keys may be NULL.  Errors as above.
 */
Datum
omnicrm_allocate_bigint(PG_FUNCTION_ARGS)
{
	Datum	   *elements;
	uint128    *weights;
	int64	   *keys;
	int128	   *shares;
	int			count;
	int			i;

	require_arguments(fcinfo);
	count = read_array(PG_GETARG_ARRAYTYPE_P(1), INT8OID, sizeof(int64), FLOAT8PASSBYVAL,
					   TYPALIGN_DOUBLE, "weights", &elements);
	keys = read_keys(fcinfo, 2, count);
	weights = palloc(sizeof(uint128) * Max(count, 1));
	for (i = 0; i < count; i++)
	{
		if (DatumGetInt64(elements[i]) < 0)
			negative_weight(i + 1);
		weights[i] = (uint128) DatumGetInt64(elements[i]);
	}
	shares = palloc(sizeof(int128) * Max(count, 1));
	omnicrm_allocate_units(PG_GETARG_INT64(0), weights, keys, count, shares);
	for (i = 0; i < count; i++)
		elements[i] = Int64GetDatum((int64) shares[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, count, INT8OID, sizeof(int64),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
