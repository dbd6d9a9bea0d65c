/*
 * window.c
 *		What the window functions of the segment domain share: collecting the values
 *		of a partition as keys that sort like them.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "common/units.h"
#include "segment/segment.h"
#include "segment/window.h"

#define ROWS_PER_RESET 1024

static uint64
key_of_float8(float8 value)
{
	if (!isfinite(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("value is not finite: %s",
						isnan(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity"),
				 errhint("Leave such rows out, or use null.")));
	return segment_key_from_float8(value);
}

/* The key of a numeric; raises the scale of all values before it when needed. */
static uint64
key_of_numeric(PartitionValues *values, Datum value)
{
	ExactDecimal decimal;
	uint128		magnitude;
	uint128		largest = 0;
	int			raise;

	omnicrm_decimal(DatumGetNumeric(value), "value", &decimal);
	raise = decimal.scale - values->scale;
	if (raise > 0)
	{
		for (int64 i = 0; i < values->count; i++)
			largest = Max(largest, (uint128) llabs(segment_key_to_int64(values->keys[i])));
	}
	if (!omnicrm_scale_up(decimal.magnitude, Max(-raise, 0), &magnitude) || magnitude > PG_INT64_MAX ||
		!omnicrm_scale_up(largest, Max(raise, 0), &largest) || largest > PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("values have too many digits for an exact sum: %s",
						DatumGetCString(DirectFunctionCall1(numeric_out, value))),
				 errhint("Round to the smallest unit of the currency, for example round(value, 2), or use double precision.")));
	if (raise > 0)
	{
		uint128		factor = 0;

		(void) omnicrm_scale_up(1, raise, &factor);
		for (int64 i = 0; i < values->count; i++)
			values->keys[i] = segment_key_from_int64(segment_key_to_int64(values->keys[i]) * (int64) factor);
		values->scale = decimal.scale;
	}
	return segment_key_from_int64(decimal.negative ? -(int64) magnitude : (int64) magnitude);
}

/*
 * Collects the values of argument 0 in the partition that are not null, as keys in
 * the current memory context.  Errors: invalid_parameter_value for values that
 * are not finite, numeric_value_out_of_range for numeric values with too many
 * digits, program_limit_exceeded.
 */
void
segment_collect_partition(WindowObject window, PartitionValues *values, bool numeric)
{
	int64		rows = WinGetPartitionRowCount(window);
	MemoryContext scratch;
	MemoryContext before;

	if (rows > SEGMENT_MAX_VALUES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d rows in one partition", SEGMENT_MAX_VALUES)));
	values->keys = MemoryContextAllocHuge(CurrentMemoryContext, (Size) rows * sizeof(uint64));
	values->count = 0;
	values->scale = 0;
	scratch = AllocSetContextCreate(CurrentMemoryContext, "rows of a partition", ALLOCSET_DEFAULT_SIZES);
	before = MemoryContextSwitchTo(scratch);
	for (int64 row = 0; row < rows; row++)
	{
		bool		isnull;
		Datum		value = WinGetFuncArgInPartition(window, 0, (int) row, WINDOW_SEEK_HEAD, false,
													 &isnull, NULL);

		if (!isnull)
		{
			/* the call may change values->keys, so it comes first */
			uint64		key = numeric ? key_of_numeric(values, value) : key_of_float8(DatumGetFloat8(value));

			values->keys[values->count++] = key;
		}
		if (row % ROWS_PER_RESET == 0)
		{
			CHECK_FOR_INTERRUPTS();
			MemoryContextReset(scratch);
		}
	}
	MemoryContextSwitchTo(before);
	MemoryContextDelete(scratch);
}
