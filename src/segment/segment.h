/*
 * segment.h
 *		What the functions of the segment domain share: order-preserving integer
 *		keys of numbers, sorting and selection on them, and the aggregate state
 *		that holds the values of one group.
 */
#ifndef OMNICRM_SEGMENT_H
#define OMNICRM_SEGMENT_H

#include "postgres.h"

#include <math.h>

#include "fmgr.h"

/* The most values that one aggregate state or one window partition may hold. */
#define SEGMENT_MAX_VALUES 100000000

/* An unsigned key that sorts like the float8; minus zero is zero. */
static inline uint64
segment_key_from_float8(float8 value)
{
	union
	{
		float8		number;
		uint64		bits;
	}			u;

	u.number = value + 0.0;
	return (u.bits >> 63) ? ~u.bits : (u.bits | UINT64CONST(0x8000000000000000));
}

static inline float8
segment_key_to_float8(uint64 key)
{
	union
	{
		float8		number;
		uint64		bits;
	}			u;

	u.bits = (key >> 63) ? (key & ~UINT64CONST(0x8000000000000000)) : ~key;
	return u.number;
}

/* An unsigned key that sorts like the int64. */
static inline uint64
segment_key_from_int64(int64 value)
{
	return ((uint64) value) ^ UINT64CONST(0x8000000000000000);
}

static inline int64
segment_key_to_int64(uint64 key)
{
	return (int64) (key ^ UINT64CONST(0x8000000000000000));
}

/* keys.c */
extern void segment_sort_keys(uint64 *keys, int64 count);
extern void segment_select_ranks(const uint64 *keys, int64 count,
								 const int64 *ranks, int nranks, uint64 *result);

/* Sum of many numbers with an error that does not grow with their count. */
typedef struct SegmentSum
{
	float8		sum;
	float8		rest;
} SegmentSum;

/* Adds one value (Neumaier's compensated sum). */
static inline void
segment_sum_add(SegmentSum *s, float8 value)
{
	float8		total = s->sum + value;

	if (fabs(s->sum) >= fabs(value))
		s->rest += (s->sum - total) + value;
	else
		s->rest += (value - total) + s->sum;
	s->sum = total;
}

static inline float8
segment_sum_value(const SegmentSum *s)
{
	return s->sum + s->rest;
}

/*
 * The values of one group as keys, and the parameters of the aggregate, which
 * must be the same in each row.
 */
typedef struct SegmentValues
{
	int64		count;
	int64		capacity;
	uint64	   *keys;
	bool		sorted;
	int32		option;
	float8		parameter;
} SegmentValues;

/* values.c */
extern SegmentValues *segment_values_make(MemoryContext context, int32 option, float8 parameter);
extern void segment_values_add(SegmentValues *state, float8 value);
extern void segment_values_sort(SegmentValues *state);

#endif							/* OMNICRM_SEGMENT_H */
