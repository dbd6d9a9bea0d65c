/*
 * calibration.c
 *		Recalibration of predicted probabilities by what happened.
 *
 * A model that was fitted up to an earlier day predicted a probability p for each
 * customer, and since then it is known what happened.  The logarithm of the odds
 * of what happened is modelled as intercept + slope * ln(p / (1-p)) (Platt 1999,
 * Cox 1958); the same line corrects the predictions of today.  A weak prior at
 * "no correction" keeps it finite when all or nothing happened.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/memutils.h"

#include "common/aggregate.h"
#include "common/compat.h"
#include "segment/clv.h"
#include "segment/segment.h"

#define SMALLEST 1e-12			/* probabilities are kept so far from 0 and 1 */
#define INTERCEPT_DEVIATION 5.0 /* of the prior */
#define SLOPE_DEVIATION 1.0
#define BOUND 1000.0

/* The logits, and what happened, as the sign: sorted, so that sums do not depend on the order of rows. */
typedef struct CalibrationData
{
	int64		count;
	const float8 *logit;
	const bool *happened;
} CalibrationData;

PG_FUNCTION_INFO_V1(omnicrm_calibration_fit_accum);
PG_FUNCTION_INFO_V1(omnicrm_calibration_fit_final);
PG_FUNCTION_INFO_V1(omnicrm_calibrated);

static float8
probability_argument(FunctionCallInfo fcinfo, int number)
{
	float8		p = PG_GETARG_FLOAT8(number);

	if (!(p >= 0 && p <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probability out of range: %g", p),
				 errhint("Use a number from 0 to 1.")));
	return Min(Max(p, SMALLEST), 1 - SMALLEST);
}

/* Transition of calibration_fit(p, happened); a row with a null adds nothing. */
Datum
omnicrm_calibration_fit_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	SegmentValues *state = PG_ARGISNULL(0) ? NULL : (SegmentValues *) PG_GETARG_POINTER(0);
	float8		p;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	p = probability_argument(fcinfo, 1);
	if (state == NULL)
		state = segment_values_make(context, 0, 0);
	segment_values_add(state, PG_GETARG_BOOL(2) ? p : -p);
	PG_RETURN_POINTER(state);
}

/* The negative mean log-likelihood of the line at[0] + at[1] * logit, less that of the prior. */
static double
calibration_loss(void *arg, const double *at, double *gradient)
{
	const CalibrationData *data = arg;
	double		intercept = at[0] / INTERCEPT_DEVIATION;
	double		slope = (at[1] - 1) / SLOPE_DEVIATION;
	double		loss = (intercept * intercept + slope * slope) / 2;

	gradient[0] = intercept / INTERCEPT_DEVIATION;
	gradient[1] = slope / SLOPE_DEVIATION;
	for (int64 i = 0; i < data->count; i++)
	{
		double		z = at[0] + at[1] * data->logit[i];
		double		rest = exp(-fabs(z));
		double		p = (z > 0 ? 1 : rest) / (1 + rest);

		loss += Max(z, 0) + log(1 + rest) - (data->happened[i] ? z : 0);
		p -= data->happened[i] ? 1 : 0;
		gradient[0] += p;
		gradient[1] += p * data->logit[i];
	}
	gradient[0] /= data->count;
	gradient[1] /= data->count;
	return loss / data->count;
}

/* Final function: {intercept, slope}; null without a row. */
Datum
omnicrm_calibration_fit_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	CalibrationData data;
	float8	   *logit;
	bool	   *happened;
	double		lower[2] = {-BOUND, -BOUND};
	double		upper[2] = {BOUND, BOUND};
	double		start[2] = {0, 1};
	ClvObjective objective = {calibration_loss, &data, 2, lower, upper, 0};
	ClvOptimum	optimum;
	Datum		result[2];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	segment_values_sort(state);
	logit = MemoryContextAllocHuge(CurrentMemoryContext, state->count * sizeof(float8));
	happened = MemoryContextAllocHuge(CurrentMemoryContext, state->count * sizeof(bool));
	for (int64 i = 0; i < state->count; i++)
	{
		float8		p = segment_key_to_float8(state->keys[i]);

		happened[i] = p > 0;
		logit[i] = log(fabs(p)) - log1p(-fabs(p));
	}
	data.count = state->count;
	data.logit = logit;
	data.happened = happened;
	clv_minimize(&objective, start, &optimum);
	pfree(logit);
	pfree(happened);
	result[0] = Float8GetDatum(optimum.at[0]);
	result[1] = Float8GetDatum(optimum.at[1]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, 2, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* calibrated(p, calibration): the corrected probability. */
Datum
omnicrm_calibrated(PG_FUNCTION_ARGS)
{
	float8		p = probability_argument(fcinfo, 0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	const float8 *line = (const float8 *) ARR_DATA_PTR(array);

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != 2 || array_contains_nulls(array) ||
		!isfinite(line[0]) || !isfinite(line[1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("calibration must be a list of two numbers"),
				 errhint("Give the result of calibration_fit().")));
	PG_RETURN_FLOAT8(1 / (1 + exp(-line[0] - line[1] * (log(p) - log1p(-p)))));
}
