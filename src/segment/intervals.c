/*
 * intervals.c
 *		How regularly a customer buys: mean and spread of the days between two
 *		purchases, and two estimates of the regularity k.
 *
 * k is the shape of a gamma distribution of the intervals: 1 for purchases at
 * random, 2 and more for regular buyers, infinite for intervals that are all
 * equal.  Of one customer it is the maximum of the likelihood; of a population
 * with few intervals each it follows from the spread of M, the last but one
 * interval as a part of the last two: k = (1 - 4V) / (8V), V the mean of
 * (M - 1/2)^2 (Wheat and Morrison 1990).
 */
#include "postgres.h"

#include <math.h>

#include "libpq/pqformat.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "common/aggregate.h"
#include "common/compat.h"
#include "segment/customer_stats.h"
#include "segment/intervals.h"
#include "segment/special.h"

#define STATE_VERSION 1
#define FIXED_POINT 1152921504606846976.0	/* 2^60 */
#define MAX_STEPS 100

/* Exact in any order: a count and a sum in units of 2^-60. */
typedef struct RatioState
{
	int64		count;
	int128		sum;
} RatioState;

PG_FUNCTION_INFO_V1(omnicrm_stats_interval_mean);
PG_FUNCTION_INFO_V1(omnicrm_stats_interval_sd);
PG_FUNCTION_INFO_V1(omnicrm_stats_interval_cv);
PG_FUNCTION_INFO_V1(omnicrm_stats_interval_quantile);
PG_FUNCTION_INFO_V1(omnicrm_stats_regularity);
PG_FUNCTION_INFO_V1(omnicrm_stats_interval_ratio);
PG_FUNCTION_INFO_V1(omnicrm_interval_regularity_accum);
PG_FUNCTION_INFO_V1(omnicrm_interval_regularity_combine);
PG_FUNCTION_INFO_V1(omnicrm_interval_regularity_serialize);
PG_FUNCTION_INFO_V1(omnicrm_interval_regularity_deserialize);
PG_FUNCTION_INFO_V1(omnicrm_interval_regularity_final);

static CustomerStats *
read_days(FunctionCallInfo fcinfo)
{
	return customer_stats_read(PG_GETARG_BYTEA_PP(0), true);
}

/* intervals_mean: mean interval in days of at least two days. */
double
intervals_mean(const DateADT *days, int32 count)
{
	return (double) (days[count - 1] - days[0]) / (count - 1);
}

/*
 * intervals_deviation: standard deviation, of a sample, of the intervals of at least
 * three days; a sum of squares about the mean.
 */
double
intervals_deviation(const DateADT *days, int32 count)
{
	double		mean = intervals_mean(days, count);
	double		sum = 0;

	for (int32 i = 1; i < count; i++)
	{
		double		distance = days[i] - days[i - 1] - mean;

		sum += distance * distance;
	}
	return sqrt(sum / (count - 2));
}

/* Mean number of days between two purchases; null below two. */
Datum
omnicrm_stats_interval_mean(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_days(fcinfo);

	if (stats->count < 2)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(intervals_mean(stats->days, stats->count));
}

/* Standard deviation of the intervals; null below two of them. */
Datum
omnicrm_stats_interval_sd(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_days(fcinfo);

	if (stats->count < 3)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(intervals_deviation(stats->days, stats->count));
}

/* Coefficient of variation of the intervals; null below two of them. */
Datum
omnicrm_stats_interval_cv(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_days(fcinfo);

	if (stats->count < 3)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(intervals_deviation(stats->days, stats->count) / intervals_mean(stats->days, stats->count));
}

static int
compare_days(const void *a, const void *b)
{
	int32		first = *(const int32 *) a;
	int32		second = *(const int32 *) b;

	return first < second ? -1 : first > second;
}

/*
 * stats_interval_quantile(stats, p, least): quantile of type 7 (Hyndman and Fan
 * 1996) of the intervals; null with fewer of them than least.
 */
Datum
omnicrm_stats_interval_quantile(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_days(fcinfo);
	double		p = PG_GETARG_FLOAT8(1);
	int32		least = PG_GETARG_INT32(2);
	int32		count = stats->count - 1;
	int32	   *interval;
	int32		below;
	double		place;

	if (!(p >= 0 && p <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("quantile out of range: %g", p),
				 errhint("Give a part from 0 to 1: 0.9 for the interval that nine of ten do not exceed.")));
	if (least < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("least number of intervals out of range: %d", least)));
	if (count < least)
		PG_RETURN_NULL();
	interval = palloc_array(int32, count);
	for (int32 i = 0; i < count; i++)
		interval[i] = stats->days[i + 1] - stats->days[i];
	qsort(interval, count, sizeof(int32), compare_days);
	place = (count - 1) * p;
	below = (int32) place;
	PG_RETURN_FLOAT8(interval[below] + (place - below) * (interval[Min(below + 1, count - 1)] - interval[below]));
}

/*
 * The k with ln k - digamma(k) = spread, the logarithm of the mean less the
 * mean of the logarithms: Newton from the approximation of Minka (2002).
 */
static double
gamma_shape(double spread)
{
	double		k = (3 - spread + sqrt((spread - 3) * (spread - 3) + 24 * spread)) / (12 * spread);

	for (int step = 0; step < MAX_STEPS; step++)
	{
		double		next = k - (log(k) - special_digamma(k) - spread) / (1 / k - special_trigamma(k));

		if (next <= 0)
			next = k / 2;
		if (fabs(next - k) <= 1e-14 * k)
			return next;
		k = next;
	}
	return k;
}

/*
 * intervals_regularity: k by maximum likelihood of the intervals of at least three
 * days; infinite when they are all equal.
 */
double
intervals_regularity(const DateADT *days, int32 count)
{
	double		logs = 0;
	double		spread;

	for (int32 i = 1; i < count; i++)
		logs += log(days[i] - days[i - 1]);
	spread = log(intervals_mean(days, count)) - logs / (count - 1);
	return spread < 1e-12 ? get_float8_infinity() : gamma_shape(spread);
}

/* intervals_check_least: invalid_parameter_value when an estimate of k is asked for too few intervals. */
void
intervals_check_least(int32 least)
{
	if (least < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("least number of intervals out of range: %d", least),
				 errhint("An estimate needs 2; below 10 it says little.")));
}

/* stats_regularity(stats, least): k by maximum likelihood; null with fewer intervals than least. */
Datum
omnicrm_stats_regularity(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_days(fcinfo);
	int32		least = PG_GETARG_INT32(1);

	intervals_check_least(least);
	if (stats->count - 1 < least)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(intervals_regularity(stats->days, stats->count));
}

/* The last but one interval as a part of the last two; null below two intervals. */
Datum
omnicrm_stats_interval_ratio(PG_FUNCTION_ARGS)
{
	CustomerStats *stats = read_days(fcinfo);
	const DateADT *last = stats->days + stats->count - 1;

	if (stats->count < 3)
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8((double) (last[-1] - last[-2]) / (last[0] - last[-2]));
}

static RatioState *
ratio_state(FunctionCallInfo fcinfo, int number)
{
	MemoryContext context = omni_aggregate_context(fcinfo);

	if (PG_ARGISNULL(number))
		return MemoryContextAllocZero(context, sizeof(RatioState));
	return (RatioState *) PG_GETARG_POINTER(number);
}

/* Transition of interval_regularity(ratio); a null adds nothing. */
Datum
omnicrm_interval_regularity_accum(PG_FUNCTION_ARGS)
{
	RatioState *state = ratio_state(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		double		ratio = PG_GETARG_FLOAT8(1);

		if (!(ratio > 0 && ratio < 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("ratio of two intervals out of range: %g", ratio),
					 errhint("Give the result of stats_interval_ratio().")));
		state->count++;
		state->sum += (int128) ((ratio - 0.5) * (ratio - 0.5) * FIXED_POINT);
	}
	PG_RETURN_POINTER(state);
}

/* Merges two states. */
Datum
omnicrm_interval_regularity_combine(PG_FUNCTION_ARGS)
{
	RatioState *first = ratio_state(fcinfo, 0);

	if (!PG_ARGISNULL(1))
	{
		RatioState *second = ratio_state(fcinfo, 1);

		first->count += second->count;
		first->sum += second->sum;
	}
	PG_RETURN_POINTER(first);
}

/* A state as bytea. */
Datum
omnicrm_interval_regularity_serialize(PG_FUNCTION_ARGS)
{
	RatioState *state = ratio_state(fcinfo, 0);
	StringInfoData buffer;

	pq_begintypsend(&buffer);
	pq_sendint32(&buffer, STATE_VERSION);
	pq_sendint64(&buffer, state->count);
	pq_sendint64(&buffer, (uint64) (state->sum >> 64));
	pq_sendint64(&buffer, (uint64) state->sum);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* A state from bytea.  Errors: invalid_binary_representation. */
Datum
omnicrm_interval_regularity_deserialize(PG_FUNCTION_ARGS)
{
	bytea	   *source = PG_GETARG_BYTEA_PP(0);
	RatioState *state = palloc0_object(RatioState);
	StringInfoData buffer;
	uint128		high;

	buffer.data = VARDATA_ANY(source);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(source);
	buffer.cursor = 0;
	if (buffer.len != 28 || pq_getmsgint(&buffer, 4) != STATE_VERSION ||
		(state->count = pq_getmsgint64(&buffer)) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION), errmsg("invalid aggregate state")));
	high = (uint64) pq_getmsgint64(&buffer);
	state->sum = (int128) (high << 64 | (uint64) pq_getmsgint64(&buffer));
	PG_RETURN_POINTER(state);
}

/* k of the population; null without a ratio, infinite when all are one half. */
Datum
omnicrm_interval_regularity_final(PG_FUNCTION_ARGS)
{
	RatioState *state = ratio_state(fcinfo, 0);
	double		variance;

	if (state->count == 0)
		PG_RETURN_NULL();
	variance = (double) state->sum / FIXED_POINT / state->count;
	if (variance == 0)
		PG_RETURN_FLOAT8(get_float8_infinity());
	PG_RETURN_FLOAT8((1 - 4 * variance) / (8 * variance));
}
