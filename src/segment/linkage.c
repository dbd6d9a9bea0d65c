/*
 * linkage.c
 *		How strongly a customer is tied to the company: a score of 0 to 100 from six
 *		parts, each told beside it.
 *
 * A part grows from 0 towards 100 with its figure x as 100 x / (x + half), so that
 * the first steps count most and no figure is too large; half is where it reaches
 * 50.  Regularity is 100 / (1 + cv^2) of the times between purchases: 50 at random.
 * The score is the mean of the parts that are known, by weights.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "golden/survive_json.h"

typedef enum LinkagePart
{
	PART_TENURE,
	PART_FREQUENCY,
	PART_REGULARITY,
	PART_CATEGORIES,
	PART_CHANNELS,
	PART_REFERRALS,
	PARTS
} LinkagePart;

#define WEIGHTS_ARGUMENT PARTS
#define LIMITS_ARGUMENT (PARTS + 1)
#define HIGHEST_WEIGHT 1000000
#define RESULT_COLUMNS (PARTS + 2)

typedef struct LinkageRule
{
	double		weight;			/* unless the caller says another */
	double		first;			/* what everybody has: one category, one channel, one purchase */
	double		half;			/* so much more gives 50 */
} LinkageRule;

static const char *const part_names[] = {"tenure", "frequency", "regularity", "categories", "channels", "referrals", NULL};

static const char *const figure_names[PARTS] = {"tenure_days", "frequency", "interval_cv", "categories", "channels", "referrals"};

static const LinkageRule rules[PARTS] = {
	{20, 0, 365},
	{20, 1, 3},
	{10, 0, 0},
	{25, 1, 2},
	{15, 1, 1},
	{10, 0, 1}
};

PG_FUNCTION_INFO_V1(omnicrm_linkage_score);

static double
part_score(LinkagePart part, double figure)
{
	double		more;

	if (!(figure >= 0) || !isfinite(figure))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a finite number of 0 or more, not %g", figure_names[part], figure),
				 errhint("Give null for what is not known.")));
	if (part == PART_REGULARITY)
		return 100 / (1 + figure * figure);
	more = Max(figure - rules[part].first, 0);
	return 100 * (more / (more + rules[part].half));
}

/* The weights: those of the caller where he names one, else those above. */
static void
read_weights(FunctionCallInfo fcinfo, double *weights)
{
	Jsonb	   *source;

	for (int i = 0; i < PARTS; i++)
		weights[i] = rules[i].weight;
	if (PG_ARGISNULL(WEIGHTS_ARGUMENT))
		return;
	source = PG_GETARG_JSONB_P(WEIGHTS_ARGUMENT);
	if (!JB_ROOT_IS_OBJECT(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights must be an object"),
				 errhint("For example {\"categories\": 40, \"referrals\": 0}.")));
	survive_json_members(&source->root, part_names, "weights");
	for (int i = 0; i < PARTS; i++)
		(void) survive_json_number(&source->root, part_names[i], 0, HIGHEST_WEIGHT, &weights[i], "weights");
}

/* low, medium or high; limits are two ascending scores. */
static const char *
linkage_class(ArrayType *limits, double score)
{
	const float8 *limit;

	if (ARR_NDIM(limits) != 1 || ARR_DIMS(limits)[0] != 2 || ARR_HASNULL(limits))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limits must be two scores"), errhint("For example {30,60}.")));
	limit = (const float8 *) ARR_DATA_PTR(limits);
	if (!(limit[0] >= 0 && limit[0] <= limit[1] && limit[1] <= 100))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limits must ascend between 0 and 100: %g, %g", limit[0], limit[1]),
				 errhint("For example {30,60}.")));
	return score < limit[0] ? "low" : score < limit[1] ? "medium" : "high";
}

/*
 * linkage_score(tenure_days, frequency, interval_cv, categories, channels,
 * referrals, weights, limits): a row of omnicrm.linkage: score, class and the
 * parts.  A figure that is null is not known: its part is null and its weight
 * counts nowhere; no score without a known part that has a weight.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_linkage_score(PG_FUNCTION_ARGS)
{
	TupleDesc	descriptor;
	Datum		values[RESULT_COLUMNS] = {0};
	bool		nulls[RESULT_COLUMNS] = {false};
	double		weights[PARTS];
	double		sum = 0;
	double		weight = 0;
	const char *class;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE ||
		descriptor->natts != RESULT_COLUMNS)
		elog(ERROR, "linkage_score must return linkage");
	if (PG_ARGISNULL(LIMITS_ARGUMENT))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("limits must not be null")));
	read_weights(fcinfo, weights);
	for (int i = 0; i < PARTS; i++)
	{
		double		score;

		nulls[2 + i] = PG_ARGISNULL(i);
		if (nulls[2 + i])
			continue;
		score = part_score(i, PG_GETARG_FLOAT8(i));
		values[2 + i] = Float8GetDatum(score);
		sum += weights[i] * score;
		weight += weights[i];
	}
	class = linkage_class(PG_GETARG_ARRAYTYPE_P(LIMITS_ARGUMENT), weight > 0 ? sum / weight : 0);
	nulls[0] = nulls[1] = !(weight > 0);
	if (weight > 0)
	{
		values[0] = Float8GetDatum(sum / weight);
		values[1] = CStringGetTextDatum(class);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(descriptor), values, nulls)));
}
