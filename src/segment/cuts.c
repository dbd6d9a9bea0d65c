/*
 * cuts.c
 *		Cut points of a distribution, and the score of a value between them.
 *
 * Cut points are quantiles of type 7 (Hyndman and Fan 1996): with h = (n-1)p the
 * value at floor(h) plus the fraction of h of the way to the next.  A score is
 * one plus the number of cut points below the value, so equal values never get
 * different scores, as they do with ntile().  The method rfm does what the R
 * package rfm does: cut points one unit higher, intervals closed below.
 */
#include "postgres.h"

#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/segment.h"
#include "segment/window.h"

#define DEFAULT_BINS 5
#define MAX_BINS 100

/* Low bits of SegmentValues.option hold the bins, the next one the method. */
#define METHOD_RFM 0x100
#define OPTION_BINS(option) ((option) & 0xff)

PG_FUNCTION_INFO_V1(omnicrm_rfm_cuts_accum);
PG_FUNCTION_INFO_V1(omnicrm_rfm_cuts_final);
PG_FUNCTION_INFO_V1(omnicrm_rfm_score);
PG_FUNCTION_INFO_V1(omnicrm_rfm_bin);

/* 0 for quantile, METHOD_RFM for rfm; invalid_parameter_value for another. */
static int32
method_from_text(const text *name)
{
	const char *data = VARDATA_ANY(name);
	int			size = VARSIZE_ANY_EXHDR(name);

	if (size == 8 && memcmp(data, "quantile", 8) == 0)
		return 0;
	if (size == 3 && memcmp(data, "rfm", 3) == 0)
		return METHOD_RFM;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown method of cut points: \"%s\"", text_to_cstring(name)),
			 errhint("Known methods: quantile, rfm.")));
	return 0;
}

static void
refuse_null(const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s must not be null", name)));
}

static void
check_bins(int32 bins)
{
	if (bins < 2 || bins > MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of bins out of range: %d", bins),
				 errhint("Use 2 to %d bins.", MAX_BINS)));
}

/* The parameters of rfm_cuts(value [, bins [, method]]) in this row. */
static int32
cuts_option(FunctionCallInfo fcinfo)
{
	int32		bins = DEFAULT_BINS;
	int32		method = 0;

	if (PG_NARGS() > 2)
	{
		if (PG_ARGISNULL(2))
			refuse_null("bins");
		bins = PG_GETARG_INT32(2);
		check_bins(bins);
	}
	if (PG_NARGS() > 3)
	{
		if (PG_ARGISNULL(3))
			refuse_null("method");
		method = method_from_text(PG_GETARG_TEXT_PP(3));
	}
	return bins | method;
}

/* Transition of rfm_cuts; a row without value adds nothing. */
Datum
omnicrm_rfm_cuts_accum(PG_FUNCTION_ARGS)
{
	MemoryContext context;
	SegmentValues *state = PG_ARGISNULL(0) ? NULL : (SegmentValues *) PG_GETARG_POINTER(0);
	int32		option = cuts_option(fcinfo);

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (PG_ARGISNULL(1))
	{
		if (state == NULL)
			PG_RETURN_NULL();
		PG_RETURN_POINTER(state);
	}
	if (state == NULL)
		state = segment_values_make(context, option, 0);
	if (unlikely(state->option != option))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("bins or method of the aggregate changes from row to row"),
				 errhint("Give the same parameter in every row of a group.")));
	segment_values_add(state, PG_GETARG_FLOAT8(1));
	PG_RETURN_POINTER(state);
}

/* The point at this fraction of the way from low to high, both finite. */
static float8
interpolate(float8 low, float8 high, float8 fraction)
{
	float8		result;

	if (low == high)
		return low;
	if (low < 0 && high > 0)
		result = low * (1 - fraction) + high * fraction;
	else
		result = low + (high - low) * fraction;
	return Min(Max(result, low), high);
}

/*
 * The bins - 1 quantiles that divide the values of these keys, in ascending
 * order.  The positions are found in integers, so that p = 1/5 is exactly one
 * fifth.
 */
static void
find_quantiles(const uint64 *values, int64 count, int bins, float8 *cuts)
{
	int64		ranks[2 * MAX_BINS] = {0};
	uint64		keys[2 * MAX_BINS];
	int			places[MAX_BINS];
	int			nranks = 0;

	for (int i = 1; i < bins; i++)
	{
		int64		low = (count - 1) * i / bins;

		/* ascending ranks, each once */
		if (nranks == 0 || ranks[nranks - 1] < low)
			ranks[nranks++] = low;
		places[i] = ranks[nranks - 1] == low ? nranks - 1 : nranks - 2;
		if (low + 1 < count && ranks[nranks - 1] < low + 1)
			ranks[nranks++] = low + 1;
	}
	segment_select_ranks(values, count, ranks, nranks, keys);
	for (int i = 1; i < bins; i++)
	{
		int64		rest = (count - 1) * i % bins;

		cuts[i - 1] = segment_key_to_float8(keys[places[i]]);
		if (rest != 0)
			cuts[i - 1] = interpolate(cuts[i - 1], segment_key_to_float8(keys[places[i] + 1]), (float8) rest / bins);
	}
}

/* Final function of rfm_cuts: the cut points, some of which may coincide; null without a value. */
Datum
omnicrm_rfm_cuts_final(PG_FUNCTION_ARGS)
{
	SegmentValues *state;
	int			bins;
	float8		cuts[MAX_BINS];
	Datum		result[MAX_BINS];

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	state = (SegmentValues *) PG_GETARG_POINTER(0);
	bins = OPTION_BINS(state->option);
	if (bins < 2 || bins > MAX_BINS)
		elog(ERROR, "invalid number of bins in aggregate state: %d", bins);
	find_quantiles(state->keys, state->count, bins, cuts);
	for (int i = 0; i < bins - 1; i++)
		result[i] = Float8GetDatum(state->option & METHOD_RFM ? cuts[i] + 1 : cuts[i]);
	PG_RETURN_ARRAYTYPE_P(construct_array(result, bins - 1, FLOAT8OID, sizeof(float8),
										  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The cut points of an array after checking them; sets *count. */
static const float8 *
check_cuts(ArrayType *array, int *count)
{
	const float8 *cuts = (const float8 *) ARR_DATA_PTR(array);

	*count = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_NDIM(array) > 1 || *count >= MAX_BINS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("cut points must be one list of at most %d", MAX_BINS - 1)));
	if (ARR_HASNULL(array) && array_contains_nulls(array))
		refuse_null("cut point");
	for (int i = 0; i < *count; i++)
		if (isnan(cuts[i]) || (i > 0 && cuts[i] < cuts[i - 1]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("cut points must ascend: cut point %d is %g", i + 1, cuts[i])));
	return cuts;
}

/*
 * rfm_score(value, cuts, descending, method): 1 + number of cut points below the
 * value (method rfm: at or below); descending counts from the other end, for
 * values where less is better.  Errors: invalid_parameter_value for NaN, cut
 * points that do not ascend, an unknown method; null_value_not_allowed.
 */
Datum
omnicrm_rfm_score(PG_FUNCTION_ARGS)
{
	float8		value = PG_GETARG_FLOAT8(0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	bool		descending = PG_GETARG_BOOL(2);
	bool		closed = method_from_text(PG_GETARG_TEXT_PP(3)) == METHOD_RFM;
	const float8 *cuts;
	int			count;
	int			score = 1;

	if (isnan(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("NaN has no score")));
	cuts = check_cuts(array, &count);
	for (int i = 0; i < count; i++)
		score += closed ? cuts[i] <= value : cuts[i] < value;
	if (descending)
		score = count + 2 - score;
	PG_FREE_IF_COPY(array, 1);
	PG_RETURN_INT16(score);
}

/* The cut points of a partition, once its first row has been seen. */
typedef struct BinPartition
{
	int			bins;			/* 0: not yet */
	float8		cuts[MAX_BINS];
} BinPartition;

/* Finds the cut points of the partition that begins with this row. */
static void
find_bins(WindowObject window, BinPartition *partition)
{
	bool		isnull;
	int32		bins = DatumGetInt32(WinGetFuncArgCurrent(window, 1, &isnull));
	PartitionValues values;

	if (isnull)
		refuse_null("bins");
	check_bins(bins);
	segment_collect_partition(window, &values, false);
	if (values.count > 0)
		find_quantiles(values.keys, values.count, bins, partition->cuts);
	pfree(values.keys);
	partition->bins = bins;
}

/*
 * rfm_bin(value, bins, descending) OVER (...): the score of a value by the cut
 * points of its own partition.  bins is that of the first row.  Errors:
 * invalid_parameter_value for bins out of range and values that are not finite,
 * null_value_not_allowed.
 */
Datum
omnicrm_rfm_bin(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	BinPartition *partition = WinGetPartitionLocalMemory(window, sizeof(BinPartition));
	bool		isnull;
	float8		value;
	bool		descending;
	int			score = 1;

	if (partition->bins == 0)
		find_bins(window, partition);
	descending = DatumGetBool(WinGetFuncArgCurrent(window, 2, &isnull));
	if (isnull)
		refuse_null("descending");
	value = DatumGetFloat8(WinGetFuncArgCurrent(window, 0, &isnull));
	if (isnull)
		PG_RETURN_NULL();
	for (int i = 0; i < partition->bins - 1; i++)
		score += partition->cuts[i] < value;
	PG_RETURN_INT16(descending ? partition->bins + 1 - score : score);
}
