/*
 * abc.c
 *		abc_class: Pareto classes as a window function.
 *
 * An item's class follows from the share of the total that all larger items
 * hold: below the first limit A, below the second B, and so on; so the item that
 * crosses a limit has the better class, and equal values one class.  The total
 * is the sum of the positive values; negative values are losses, class L.
 *
 * The class is a step function of the value.  One pass over the partition
 * collects the values, a radix sort orders them, and the smallest value of each
 * class is kept; each row then compares its value with these.  The rows need no
 * ORDER BY.  float8 values are added by a compensated sum; numeric values as
 * integers of the smallest unit that occurs, and compared with the limits in
 * integers, so their classes are exact.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "windowapi.h"

#include "common/compat.h"
#include "common/units.h"
#include "segment/segment.h"
#include "segment/window.h"

#define MAX_LIMITS 8
#define LIMIT_UNIT 1000000000	/* limits are read to nine decimals */
#define EQUAL_PART (4 * DBL_EPSILON)

/* What is known of a partition once its first row has been seen. */
typedef struct AbcPartition
{
	bool		ready;
	int			nlimits;
	bool		has_class[MAX_LIMITS];
	float8		smallest[MAX_LIMITS];	/* smallest value of each class */
	Numeric		smallest_numeric[MAX_LIMITS];
	Numeric		zero;
	text	   *names[MAX_LIMITS + 1];
	text	   *loss;
} AbcPartition;

PG_FUNCTION_INFO_V1(omnicrm_abc_class_float8);
PG_FUNCTION_INFO_V1(omnicrm_abc_class_numeric);
PG_FUNCTION_INFO_V1(omnicrm_xyz_class);

/* Reads and checks the limits of the row at hand, which hold for the partition. */
static void
read_limits(WindowObject window, AbcPartition *partition, float8 *limits)
{
	bool		isnull;
	Datum		argument = WinGetFuncArgCurrent(window, 1, &isnull);
	ArrayType  *array;
	const float8 *given;

	if (isnull)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("limits must not be null")));
	array = DatumGetArrayTypeP(argument);
	given = (const float8 *) ARR_DATA_PTR(array);
	partition->nlimits = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (ARR_NDIM(array) != 1 || partition->nlimits > MAX_LIMITS)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limits must be one list of 1 to %d shares", MAX_LIMITS),
				 errhint("For example {.8,.95}: A up to 80 percent, B up to 95, C the rest.")));
	if (array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("limit must not be null")));
	for (int i = 0; i < partition->nlimits; i++)
	{
		if (!(given[i] > (i == 0 ? 0 : given[i - 1]) && given[i] <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("limits must ascend between 0 and 1: limit %d is %g", i + 1, given[i])));
		limits[i] = given[i];
	}
}

/* The names of the classes, in memory that lives as long as the partition. */
static void
make_names(AbcPartition *partition)
{
	char		name[2] = {'A', 0};

	for (int i = 0; i <= partition->nlimits; i++, name[0]++)
		partition->names[i] = cstring_to_text(name);
	partition->loss = cstring_to_text("L");
}

/*
 * The class of positive integers with this sum of larger ones.  A sum stays
 * below 2^27 * 2^63, so the products stay below 2^120.
 */
static int
class_of_integer_sum(const AbcPartition *partition, const float8 *limits, int128 larger, int128 total)
{
	int			class = 0;

	while (class < partition->nlimits &&
		   larger * LIMIT_UNIT >= total * (int128) llround(limits[class] * LIMIT_UNIT))
		class++;
	return class;
}

/* Finds the smallest integer of each class, from the largest value down. */
static void
divide_integers(AbcPartition *partition, const float8 *limits, const PartitionValues *values)
{
	int128		total = 0;
	int128		larger = 0;
	int128		here = 0;
	int			class = 0;

	for (int64 i = 0; i < values->count; i++)
		total += Max(segment_key_to_int64(values->keys[i]), 0);
	for (int64 i = values->count - 1; i >= 0; i--)
	{
		int64		value = segment_key_to_int64(values->keys[i]);

		if (value <= 0)
			break;
		if (i == values->count - 1 || values->keys[i] != values->keys[i + 1])
		{
			larger += here;
			here = 0;
			class = class_of_integer_sum(partition, limits, larger, total);
		}
		here += value;
		if (class == partition->nlimits)
			break;
		partition->has_class[class] = true;
		partition->smallest_numeric[class] = omnicrm_units_to_numeric(value, values->scale);
	}
}

/* Same for float8; amounts that are equal in decimals count as equal. */
static void
divide_floats(AbcPartition *partition, const float8 *limits, const PartitionValues *values)
{
	SegmentSum	total = {0, 0};
	SegmentSum	larger = {0, 0};
	float8		whole;
	float8		before = 0;
	int			class = 0;

	for (int64 i = 0; i < values->count; i++)
		segment_sum_add(&total, Max(segment_key_to_float8(values->keys[i]), 0));
	whole = segment_sum_value(&total);
	if (!isfinite(whole))
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("sum of the values is out of range")));
	for (int64 i = values->count - 1; i >= 0; i--)
	{
		float8		value = segment_key_to_float8(values->keys[i]);

		if (value <= 0)
			break;
		if (i == values->count - 1 || values->keys[i] != values->keys[i + 1])
			before = segment_sum_value(&larger);
		while (class < partition->nlimits && before >= whole * limits[class] * (1 - EQUAL_PART))
			class++;
		if (class == partition->nlimits)
			break;
		segment_sum_add(&larger, value);
		partition->has_class[class] = true;
		partition->smallest[class] = value;
	}
}

/* Works out the classes of the partition that begins with this row. */
static void
prepare(WindowObject window, AbcPartition *partition, bool numeric)
{
	float8		limits[MAX_LIMITS];
	PartitionValues	values;
	MemoryContext before;

	read_limits(window, partition, limits);
	/* what is kept lives beside the partition's own memory */
	before = MemoryContextSwitchTo(GetMemoryChunkContext(partition));
	make_names(partition);
	if (numeric)
		partition->zero = int64_to_numeric(0);
	segment_collect_partition(window, &values, numeric);
	segment_sort_keys(values.keys, values.count);
	if (numeric)
		divide_integers(partition, limits, &values);
	else
		divide_floats(partition, limits, &values);
	pfree(values.keys);
	MemoryContextSwitchTo(before);
	partition->ready = true;
}

/* The classes of the partition of the current row. */
static AbcPartition *
current_partition(WindowObject window, bool numeric)
{
	AbcPartition *partition = WinGetPartitionLocalMemory(window, sizeof(AbcPartition));

	if (!partition->ready)
		prepare(window, partition, numeric);
	return partition;
}

/*
 * abc_class(value float8, limits float8[]) OVER (...): A, B, C, ... or L, null
 * for null.  The limits are those of the first row of the partition.  Errors:
 * invalid_parameter_value for limits that do not ascend from 0 to 1 and for
 * values that are not finite; numeric_value_out_of_range.
 */
Datum
omnicrm_abc_class_float8(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	AbcPartition *partition = current_partition(window, false);
	bool		isnull;
	float8		value = DatumGetFloat8(WinGetFuncArgCurrent(window, 0, &isnull));
	int			class = 0;

	if (isnull)
		PG_RETURN_NULL();
	if (value < 0)
		PG_RETURN_TEXT_P(partition->loss);
	while (class < partition->nlimits &&
		   !(partition->has_class[class] && value >= partition->smallest[class]))
		class++;
	PG_RETURN_TEXT_P(partition->names[class]);
}

/* The same for numeric values, exact. */
Datum
omnicrm_abc_class_numeric(PG_FUNCTION_ARGS)
{
	WindowObject window = PG_WINDOW_OBJECT();
	AbcPartition *partition = current_partition(window, true);
	bool		isnull;
	Datum		value = WinGetFuncArgCurrent(window, 0, &isnull);
	int			class = 0;

	if (isnull)
		PG_RETURN_NULL();
	if (DatumGetBool(DirectFunctionCall2(numeric_lt, value, NumericGetDatum(partition->zero))))
		PG_RETURN_TEXT_P(partition->loss);
	while (class < partition->nlimits &&
		   !(partition->has_class[class] &&
			 DatumGetBool(DirectFunctionCall2(numeric_ge, value,
											  NumericGetDatum(partition->smallest_numeric[class])))))
		class++;
	PG_RETURN_TEXT_P(partition->names[class]);
}

/*
 * xyz_class(variation, limits): X up to the first limit, Y up to the second, Z
 * beyond.  Errors: invalid_parameter_value for a negative variation or NaN and
 * for limits that do not ascend.
 */
Datum
omnicrm_xyz_class(PG_FUNCTION_ARGS)
{
	static const char *const names[] = {"X", "Y", "Z"};
	float8		variation = PG_GETARG_FLOAT8(0);
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(1);
	const float8 *limits = (const float8 *) ARR_DATA_PTR(array);

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != 2 || array_contains_nulls(array) ||
		!(limits[0] > 0 && limits[0] < limits[1]))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("limits must be two ascending numbers above zero"),
				 errhint("For example {0.5,1}: X up to 0.5, Y up to 1, Z beyond.")));
	if (!(variation >= 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("coefficient of variation out of range: %g", variation),
				 errhint("Give the standard deviation as a part of the mean, for example stddev(quantity) / nullif(avg(quantity), 0).")));
	PG_RETURN_TEXT_P(cstring_to_text(names[(variation > limits[0]) + (variation > limits[1])]));
}
