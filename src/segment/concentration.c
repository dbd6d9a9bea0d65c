/*
 * concentration.c
 *		How unevenly a total is spread: Gini coefficient, share of the top p, the
 *		smallest part that holds a share, effective number, Pareto and Lorenz curves.
 *
 * All read the sorted values and add them with a compensated sum, so the
 * result is the same for any order of the rows and any number of workers.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "access/htup_details.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "segment/segment.h"

/*
 * Room for the rounding of a share such as 0.8 or of amounts such as 0.10 to
 * binary: two figures that are equal in decimals differ by less than this part.
 */
#define EQUAL_PART (4 * DBL_EPSILON)
#define MAX_POINTS 10000

PG_FUNCTION_INFO_V1(omnicrm_concentration_accum);
PG_FUNCTION_INFO_V1(omnicrm_gini_final);
PG_FUNCTION_INFO_V1(omnicrm_top_share_final);
PG_FUNCTION_INFO_V1(omnicrm_share_needed_final);
PG_FUNCTION_INFO_V1(omnicrm_customers_needed_final);
PG_FUNCTION_INFO_V1(omnicrm_effective_number_final);
PG_FUNCTION_INFO_V1(omnicrm_curve_accum);
PG_FUNCTION_INFO_V1(omnicrm_pareto_curve_final);
PG_FUNCTION_INFO_V1(omnicrm_lorenz_curve_final);

/* The second argument of top_share and share_needed: a share from 0 to 1. */
static float8
share_argument(FunctionCallInfo fcinfo)
{
	float8		share;

	if (PG_NARGS() < 3)
		return 0;
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("share must not be null")));
	share = PG_GETARG_FLOAT8(2);
	if (!(share >= 0 && share <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share out of range: %g", share),
				 errhint("Use a share from 0 to 1, for example 0.2 for 20 percent.")));
	return share;
}

/* Transition of gini(value), top_share(value, p) and share_needed(value, s). */
Datum
omnicrm_concentration_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	SegmentValues *state = PG_ARGISNULL(0) ? NULL : (SegmentValues *) PG_GETARG_POINTER(0);
	float8		share = share_argument(fcinfo);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = segment_values_make(context, 0, share);
	if (unlikely(state->parameter != share))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("share changes from row to row: %g, %g", state->parameter, share),
				 errhint("Give the same share in every row of a group.")));
	segment_values_add(state, PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

/*
 * Sorts the state and adds it up; sets *positive to the sum of the values above
 * zero.  False when there is no share of the total: it is not above zero.
 */
static bool
add_up(SegmentValues *state, float8 *total, float8 *positive)
{
	SegmentSum	all = {0, 0};
	SegmentSum	above = {0, 0};

	segment_values_sort(state);
	for (int64 i = 0; i < state->count; i++)
	{
		float8		value = segment_key_to_float8(state->keys[i]);

		if ((i & 0xfffff) == 0)
			CHECK_FOR_INTERRUPTS();
		segment_sum_add(&all, value);
		if (value > 0)
			segment_sum_add(&above, value);
	}
	*total = segment_sum_value(&all);
	*positive = segment_sum_value(&above);
	if (!isfinite(*total) || !isfinite(*positive))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the values is out of range")));
	return *total > EQUAL_PART * *positive;
}

/*
 * gini: 2 * sum(i * v_i) / (n * sum(v)) - (n + 1) / n over ascending values, i
 * from 1.  0 when all are equal, towards 1 when one holds all; above 1 is
 * possible with negative values.  Null without values or with a total that is
 * not above zero.  The weights are centred (2i - n - 1), which is the same and
 * loses no digits.
 */
Datum
omnicrm_gini_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	float8		total;
	float8		positive;
	SegmentSum	weighted = {0, 0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	if (!add_up(state, &total, &positive))
		PG_RETURN_NULL();
	for (int64 i = 0; i < state->count; i++)
	{
		/* as shares, so that no product overflows */
		segment_sum_add(&weighted, segment_key_to_float8(state->keys[i]) / total *
						(float8) (2 * i + 1 - state->count));
	}
	PG_RETURN_FLOAT8(segment_sum_value(&weighted) / state->count);
}

/*
 * top_share(value, p): share of the total in the largest ceil(n * p) values.
 * Null without values or with a total that is not above zero.
 */
Datum
omnicrm_top_share_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	float8		total;
	float8		positive;
	SegmentSum	top = {0, 0};
	int64		taken;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	if (!add_up(state, &total, &positive))
		PG_RETURN_NULL();
	/* 7 percent of 100 is 7, though .07 * 100 is a little more in binary */
	taken = (int64) ceil(state->count * state->parameter * (1 - EQUAL_PART));
	if (taken == state->count)
		PG_RETURN_FLOAT8(1.0);
	for (int64 i = 1; i <= taken; i++)
		segment_sum_add(&top, segment_key_to_float8(state->keys[state->count - i]));
	PG_RETURN_FLOAT8(segment_sum_value(&top) / total);
}

/* The smallest number of values that hold at least the share of the state; -1 when there is no share. */
static int64
count_needed(SegmentValues *state)
{
	float8		total;
	float8		positive;
	float8		goal;
	SegmentSum	top = {0, 0};
	int64		taken = 0;

	if (!add_up(state, &total, &positive))
		return -1;
	goal = total * state->parameter - positive * EQUAL_PART;
	while (taken < state->count && segment_sum_value(&top) < goal)
	{
		taken++;
		segment_sum_add(&top, segment_key_to_float8(state->keys[state->count - taken]));
	}
	return taken;
}

/*
 * share_needed(value, s): smallest k / n whose k largest values hold at least
 * the share s of the total.  Null without values or with a total that is not
 * above zero.
 */
Datum
omnicrm_share_needed_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	int64		needed;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	needed = count_needed(state);
	if (needed < 0)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((float8) needed / state->count);
}

/* customers_needed(value, s): the same k. */
Datum
omnicrm_customers_needed_final(PG_FUNCTION_ARGS)
{
	int64		needed;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	needed = count_needed((SegmentValues *) PG_GETARG_POINTER(0));
	if (needed < 0)
		PG_RETURN_NULL();
	PG_RETURN_INT64(needed);
}

/*
 * effective_number: 1 / sum(p_i^2) of the shares of the values above zero, the
 * inverse of the Herfindahl index (Hill number of order 2): n when n values are
 * equal, towards 1 when one holds all.  Null without a value above zero.
 */
Datum
omnicrm_effective_number_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	float8		total;
	float8		positive;
	SegmentSum	squares = {0, 0};

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	(void) add_up(state, &total, &positive);
	if (!(positive > 0))
		PG_RETURN_NULL();
	for (int64 i = 0; i < state->count; i++)
	{
		float8		value = segment_key_to_float8(state->keys[i]);

		if (value > 0)
			segment_sum_add(&squares, (value / positive) * (value / positive));
	}
	PG_RETURN_FLOAT8(1 / segment_sum_value(&squares));
}

/* Transition of pareto_curve(value, points) and lorenz_curve(value, points). */
Datum
omnicrm_curve_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	SegmentValues *state = PG_ARGISNULL(0) ? NULL : (SegmentValues *) PG_GETARG_POINTER(0);
	int32		points;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(2))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("points must not be null")));
	points = PG_GETARG_INT32(2);
	if (points < 1 || points > MAX_POINTS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of points out of range: %d", points),
				 errhint("Use 1 to %d points; 100 make a row for each percent.", MAX_POINTS)));
	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = segment_values_make(context, points, 0);
	if (unlikely(state->option != points))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of points changes from row to row: %d, %d", state->option, points),
				 errhint("Give the same number in every row of a group.")));
	segment_values_add(state, PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

/* The curve as an array of pareto_point, from the largest value down or from the smallest up. */
static Datum
make_curve(FunctionCallInfo fcinfo, bool from_largest)
{
	SegmentValues *state;
	Oid			element = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	TupleDesc	descriptor;
	Datum	   *points;
	float8		total;
	float8		positive;
	bool		shares;
	SegmentSum	sum = {0, 0};
	int64		taken = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!OidIsValid(element))
		elog(ERROR, "a curve must return an array of pareto_point");
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	shares = add_up(state, &total, &positive);
	descriptor = lookup_rowtype_tupdesc(element, -1);
	points = palloc_array(Datum, state->option);
	for (int32 i = 1; i <= state->option; i++)
	{
		int64		goal = (int64) (((int128) state->count * i + state->option - 1) / state->option);
		float8		value = 0;
		Datum		values[5];
		bool		nulls[5] = {false};

		for (; taken < goal; taken++)
			segment_sum_add(&sum, segment_key_to_float8(state->keys[from_largest ? state->count - 1 - taken : taken]));
		value = segment_key_to_float8(state->keys[from_largest ? state->count - taken : taken - 1]);
		values[0] = Int64GetDatum(taken);
		values[1] = Float8GetDatum((float8) taken / state->count);
		values[2] = Float8GetDatum(segment_sum_value(&sum));
		values[3] = Float8GetDatum(shares ? (taken == state->count ? 1 : segment_sum_value(&sum) / total) : 0);
		values[4] = Float8GetDatum(value);
		nulls[3] = !shares;
		points[i - 1] = heap_copy_tuple_as_datum(heap_form_tuple(descriptor, values, nulls), descriptor);
	}
	ReleaseTupleDesc(descriptor);
	PG_RETURN_ARRAYTYPE_P(construct_array(points, state->option, element, -1, false, TYPALIGN_DOUBLE));
}

/* Final function of pareto_curve. */
Datum
omnicrm_pareto_curve_final(PG_FUNCTION_ARGS)
{
	return make_curve(fcinfo, true);
}

/* Final function of lorenz_curve. */
Datum
omnicrm_lorenz_curve_final(PG_FUNCTION_ARGS)
{
	return make_curve(fcinfo, false);
}
