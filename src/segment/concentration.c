/*
 * concentration.c
 *		How unevenly a total is spread: Gini coefficient, share of the top p, and
 *		the smallest part that holds a share.
 *
 * All three read the sorted values and add them with a compensated sum, so the
 * result is the same for any order of the rows and any number of workers.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/segment.h"

/*
 * Room for the rounding of a share such as 0.8 or of amounts such as 0.10 to
 * binary: two figures that are equal in decimals differ by less than this part.
 */
#define EQUAL_PART (4 * DBL_EPSILON)

PG_FUNCTION_INFO_V1(omnicrm_concentration_accum);
PG_FUNCTION_INFO_V1(omnicrm_gini_final);
PG_FUNCTION_INFO_V1(omnicrm_top_share_final);
PG_FUNCTION_INFO_V1(omnicrm_share_needed_final);

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

/*
 * share_needed(value, s): smallest k / n whose k largest values hold at least
 * the share s of the total.  Null without values or with a total that is not
 * above zero.
 */
Datum
omnicrm_share_needed_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	float8		total;
	float8		positive;
	float8		goal;
	SegmentSum	top = {0, 0};
	int64		taken = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	if (!add_up(state, &total, &positive))
		PG_RETURN_NULL();
	goal = total * state->parameter - positive * EQUAL_PART;
	while (taken < state->count && segment_sum_value(&top) < goal)
	{
		taken++;
		segment_sum_add(&top, segment_key_to_float8(state->keys[state->count - taken]));
	}
	PG_RETURN_FLOAT8((float8) taken / state->count);
}
