/*
 * calibration.c
 *		Recalibration of predicted probabilities by what happened.
 *
 * A model that was fitted up to an earlier day predicted a probability p for each
 * customer, and since then it is known what happened.  The logarithm of the odds
 * of what happened is modelled as a straight line of those of the prediction, and
 * the same line corrects the predictions of today.
 *
 * With one prediction: intercept + slope * ln(p / (1-p)) (Platt 1999, Cox 1958).
 * The intercept is a shift of the one horizon it was learnt on.
 *
 * With two, p and the q of the same model without dropout:
 * slope * ln(p / (1-p)) + other * ln(q / (1-q)) (stacking, Wolpert 1992).  Models
 * with dropout hold for gone whom they have not seen for long, and some of these
 * come back; who bought more often and is looked at for longer does so more
 * likely, which q tells and p does not.  There is no intercept: a correction that
 * grows with the horizon as q does holds for other horizons too.
 *
 * A prior at "no correction" keeps a line finite when all or nothing happened; with
 * two predictions it is tighter, since a model that is right loses most by noise in
 * what is multiplied with the great logits of q.
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
#define BOUND 1000.0

/* What a line is made of, and the normal prior of its two coefficients. */
typedef struct CalibrationPrior
{
	double		mean[2];
	double		deviation[2];
} CalibrationPrior;

static const CalibrationPrior prior_of_one = {{0, 1}, {5, 1}};	/* intercept, slope */
static const CalibrationPrior prior_of_two = {{1, 0}, {0.2, 0.2}};	/* slope, other */

/* One prediction and its outcome: what the two coefficients are multiplied with. */
typedef struct CalibrationRow
{
	float8		term[2];
	bool		happened;
} CalibrationRow;

/* Rows are sorted, so that sums do not depend on the order in which they came. */
typedef struct CalibrationData
{
	int64		count;
	CalibrationRow *rows;
	const CalibrationPrior *prior;
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

static float8
logit(float8 p)
{
	return log(p) - log1p(-p);
}

/*
 * Transition of calibration_fit(p, happened [, without_dropout]); a row with a
 * null adds nothing.  The state holds one or two numbers for each row, the first
 * with the sign of what happened.
 */
Datum
omnicrm_calibration_fit_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	SegmentValues *state = PG_ARGISNULL(0) ? NULL : (SegmentValues *) PG_GETARG_POINTER(0);
	int			predictions = PG_NARGS() - 2;
	float8		p[2] = {0, 0};

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || (predictions == 2 && PG_ARGISNULL(3)))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	p[0] = probability_argument(fcinfo, 1);
	if (predictions == 2)
		p[1] = probability_argument(fcinfo, 3);
	if (state == NULL)
		state = segment_values_make(context, predictions, 0);
	segment_values_add(state, PG_GETARG_BOOL(2) ? p[0] : -p[0]);
	if (predictions == 2)
		segment_values_add(state, p[1]);
	PG_RETURN_POINTER(state);
}

static int
compare_rows(const void *left, const void *right)
{
	const CalibrationRow *a = left;
	const CalibrationRow *b = right;

	for (int i = 0; i < 2; i++)
		if (a->term[i] != b->term[i])
			return a->term[i] < b->term[i] ? -1 : 1;
	return (int) a->happened - (int) b->happened;
}

/* The rows of a state, sorted; the caller frees data->rows. */
static void
calibration_rows(const SegmentValues *state, CalibrationData *data)
{
	int			predictions = state->option;

	data->count = state->count / predictions;
	data->prior = predictions == 2 ? &prior_of_two : &prior_of_one;
	data->rows = MemoryContextAllocHuge(CurrentMemoryContext, data->count * sizeof(CalibrationRow));
	for (int64 i = 0; i < data->count; i++)
	{
		CalibrationRow *row = &data->rows[i];
		float8		p = segment_key_to_float8(state->keys[i * predictions]);

		row->happened = p > 0;
		row->term[0] = predictions == 2 ? logit(fabs(p)) : 1;
		row->term[1] = logit(predictions == 2 ? segment_key_to_float8(state->keys[2 * i + 1]) : fabs(p));
	}
	qsort(data->rows, data->count, sizeof(CalibrationRow), compare_rows);
}

/* The negative mean log-likelihood of the line at, less that of the prior. */
static double
calibration_loss(void *arg, const double *at, double *gradient)
{
	const CalibrationData *data = arg;
	double		loss = 0;

	for (int i = 0; i < 2; i++)
	{
		double		away = (at[i] - data->prior->mean[i]) / data->prior->deviation[i];

		loss += away * away / 2;
		gradient[i] = away / data->prior->deviation[i];
	}
	for (int64 i = 0; i < data->count; i++)
	{
		const CalibrationRow *row = &data->rows[i];
		double		z = at[0] * row->term[0] + at[1] * row->term[1];
		double		rest = exp(-fabs(z));
		double		p = (z > 0 ? 1 : rest) / (1 + rest);

		loss += Max(z, 0) + log(1 + rest) - (row->happened ? z : 0);
		p -= row->happened ? 1 : 0;
		gradient[0] += p * row->term[0];
		gradient[1] += p * row->term[1];
	}
	gradient[0] /= data->count;
	gradient[1] /= data->count;
	return loss / data->count;
}

/* Final function: {intercept, slope} or {0, slope, other}; null without a row. */
Datum
omnicrm_calibration_fit_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	CalibrationData data;
	double		lower[2] = {-BOUND, -BOUND};
	double		upper[2] = {BOUND, BOUND};
	ClvObjective objective = {calibration_loss, &data, 2, lower, upper, 0};
	ClvOptimum	optimum;
	Datum		result[3];
	int			count = 0;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	calibration_rows(state, &data);
	clv_minimize(&objective, data.prior->mean, &optimum);
	pfree(data.rows);
	if (state->option == 2)
		result[count++] = Float8GetDatum(0);
	result[count++] = Float8GetDatum(optimum.at[0]);
	result[count++] = Float8GetDatum(optimum.at[1]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, count, FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* calibrated(p, calibration [, without_dropout]): the corrected probability. */
Datum
omnicrm_calibrated(PG_FUNCTION_ARGS)
{
	int			predictions = PG_NARGS() - 1;
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	const float8 *line = (const float8 *) ARR_DATA_PTR(array);
	int			count = ARR_NDIM(array) == 1 && !array_contains_nulls(array) ? ARR_DIMS(array)[0] : 0;
	float8		z;

	for (int i = 0; i < count; i++)
		if (!isfinite(line[i]))
			count = 0;
	if (count != predictions + 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("calibration must be a list of %d numbers", predictions + 1),
				 errhint(predictions == 1 ? "Give the result of calibration_fit() for one prediction."
						 : "Give the result of calibration_fit() for two predictions.")));
	z = line[0] + line[1] * logit(probability_argument(fcinfo, 0));
	if (predictions == 2)
		z += line[2] * logit(probability_argument(fcinfo, 2));
	PG_RETURN_FLOAT8(1 / (1 + exp(-z)));
}
