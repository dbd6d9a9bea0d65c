/*
 * sign_test.c
 *		sign_test and holm: is a fall more than chance, and how many such questions
 *		were asked.
 *
 * sign_test is the exact two-sided test of a binomial with probability one half
 * (Dixon and Mood 1946).  Small counts: the binomial coefficients are summed up.
 * Large ones: the largest term of the tail by Loader's saddle-point expansion
 * (Loader 2000, Fast and accurate computation of binomial probabilities), which
 * does not lose digits as differences of log-gamma do, times the sum of the ratios
 * of the terms to it.
 * holm is the step-down procedure of Holm (1979).
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/array.h"

#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_sign_test);
PG_FUNCTION_INFO_V1(omnicrm_holm);

/* Up to so many observations the coefficients, and their sum, fit a double. */
#define SUMMED_OBSERVATIONS 1000
/* Above, the tail would take too long: its terms are some five times the square root. */
#define MAX_OBSERVATIONS INT64CONST(1000000000000)

/* log(x!) less Stirling's formula, x >= 1. */
static double
stirling_error(double x)
{
	double		square = x * x;

	if (x <= 15)
		return lgamma(x + 1) - (x + 0.5) * log(x) + x - 0.5 * log(2 * M_PI);
	return (1.0 / 12 - (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - 1.0 / 1188 / square) / square) / square) / square) / x;
}

/* ((1 + d) log(1 + d) + (1 - d) log(1 - d)) / 2, 0 <= d < 1: the distance of (1 + d) / 2 from one half. */
static double
distance_from_half(double d)
{
	double		power = d * d;
	double		sum = 0;

	if (d >= 0.1)
		return ((1 + d) * log1p(d) + (1 - d) * log1p(-d)) / 2;
	/* d^2 / (1 * 2) + d^4 / (3 * 4) + d^6 / (5 * 6) + ... */
	for (int i = 1; i <= 17; i += 2, power *= d * d)
		sum += power / (i * (i + 1.0));
	return sum;
}

/* The probability of exactly `fewer` of n, 0 < fewer <= n / 2. */
static double
half_binomial(int64 fewer, int64 n)
{
	double		k = fewer;
	double		rest = n - fewer;
	double		d = (double) (n - 2 * fewer) / n;

	return exp(stirling_error(n) - stirling_error(k) - stirling_error(rest) - n * distance_from_half(d)) *
		sqrt(n / (2 * M_PI * k * rest));
}

/* The probability of `fewer` of n or less, fewer < (n - 1) / 2. */
static double
half_binomial_tail(int64 fewer, int64 n)
{
	double		term = 1;
	double		sum = 0;

	if (n <= SUMMED_OBSERVATIONS)
	{
		for (int64 i = 0; i <= fewer; i++)
		{
			sum += term;
			term = term * (n - i) / (i + 1);
		}
		return ldexp(sum, -(int) n);
	}
	if (fewer == 0)
		return ldexp(1, -(int) Min(n, 10000));
	for (int64 i = fewer; i >= 0 && term > sum * DBL_EPSILON / 4; i--)
	{
		if (i % 65536 == 0)
			CHECK_FOR_INTERRUPTS();
		sum += term;
		term = term * i / (n - i + 1);
	}
	return half_binomial(fewer, n) * sum;
}

/*
 * omnicrm.sign_test(worse bigint, better bigint) returns double precision; strict.
 * Arguments: how many of the observations went one way and how many the other.
 * Result: the probability of a split at least as uneven when both ways are equally
 * likely; 1 without observations.
 * Errors: invalid_parameter_value (negative count), program_limit_exceeded (more
 * than 10^12 observations).
 */
Datum
omnicrm_sign_test(PG_FUNCTION_ARGS)
{
	int64		worse = PG_GETARG_INT64(0);
	int64		better = PG_GETARG_INT64(1);
	int64		fewer = Min(worse, better);

	if (fewer < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a number of observations must not be negative, got %lld", (long long) fewer)));
	if (worse > MAX_OBSERVATIONS || better > MAX_OBSERVATIONS - worse)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("sign_test takes at most %lld observations, got %lld and %lld",
						(long long) MAX_OBSERVATIONS, (long long) worse, (long long) better)));
	/* The two sides of an even split, or of one that is off by one, make up everything. */
	if (Max(worse, better) - fewer <= 1)
		PG_RETURN_FLOAT8(1);
	PG_RETURN_FLOAT8(Min(1, 2 * half_binomial_tail(fewer, worse + better)));
}

/* A p-value and its place in the array. */
typedef struct PlacedP
{
	double		p;
	int			place;
} PlacedP;

static int
compare_p(const void *a, const void *b)
{
	double		left = ((const PlacedP *) a)->p;
	double		right = ((const PlacedP *) b)->p;

	return (left > right) - (left < right);
}

/*
 * omnicrm.holm(p double precision[]) returns double precision[]; strict.
 * Argument: p-values of tests that are judged together; a NULL is no test.
 * Result: the adjusted p-values in the same places, NULL where there was none.
 * Errors: invalid_parameter_value (not from 0 to 1), array_subscript_error (more
 * than one dimension).
 */
Datum
omnicrm_holm(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	Datum	   *values;
	bool	   *nulls;
	PlacedP    *tests;
	int			length;
	int			count = 0;
	double		adjusted = 0;

	if (ARR_NDIM(array) > 1)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("holm takes an array of one dimension, got %d", ARR_NDIM(array))));
	deconstruct_array(array, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &values, &nulls, &length);
	if (length == 0)
		PG_RETURN_ARRAYTYPE_P(array);
	tests = palloc(length * sizeof(PlacedP));
	for (int i = 0; i < length; i++)
	{
		if (nulls[i])
			continue;
		tests[count].p = DatumGetFloat8(values[i]);
		tests[count].place = i;
		if (!(tests[count].p >= 0 && tests[count].p <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a p-value must be from 0 to 1, got %g", tests[count].p)));
		count++;
	}
	qsort(tests, count, sizeof(PlacedP), compare_p);
	for (int i = 0; i < count; i++)
	{
		adjusted = Max(adjusted, Min(1, (count - i) * tests[i].p));
		values[tests[i].place] = Float8GetDatum(adjusted);
	}
	PG_RETURN_ARRAYTYPE_P(construct_md_array(values, nulls, 1, ARR_DIMS(array), ARR_LBOUND(array),
											 FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}
