/*
 * keys.c
 *		Sorting of 64-bit keys and selection of their order statistics.
 *
 * Both work on the bits of the keys and never compare two of them, so their
 * time is linear whatever the values are and in whatever order they come.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/segment.h"

#define DIGIT_BITS 11
#define DIGIT_COUNT (1 << DIGIT_BITS)
#define DIGIT_PASSES 6			/* 6 * 11 bits cover 64 */
#define SMALL_COUNT 512			/* below, the tables cost more than they save */

static int
compare_keys(const void *left, const void *right)
{
	uint64		a = *(const uint64 *) left;
	uint64		b = *(const uint64 *) right;

	return (a > b) - (a < b);
}

static uint64 *
allocate_keys(int64 count)
{
	return (uint64 *) MemoryContextAllocHuge(CurrentMemoryContext,
											 (Size) count * sizeof(uint64));
}

/* Moves all keys to their place by one digit; counts becomes positions. */
static void
scatter_keys(const uint64 *from, uint64 *to, int64 count, int shift, uint32 *counts)
{
	uint32		position = 0;

	for (int digit = 0; digit < DIGIT_COUNT; digit++)
	{
		uint32		here = counts[digit];

		counts[digit] = position;
		position += here;
	}
	for (int64 i = 0; i < count; i++)
		to[counts[(from[i] >> shift) & (DIGIT_COUNT - 1)]++] = from[i];
}

/*
 * Sorts count keys in ascending order, in place: a radix sort from the lowest
 * digit, which skips the digits that all keys share.  Needs a second array of
 * the same size.
 */
void
segment_sort_keys(uint64 *keys, int64 count)
{
	uint32	   *counts;
	uint64	   *buffer;
	uint64	   *from = keys;
	uint64	   *to;

	if (count < SMALL_COUNT)
	{
		qsort(keys, count, sizeof(uint64), compare_keys);
		return;
	}
	counts = palloc0_array(uint32, DIGIT_PASSES * DIGIT_COUNT);
	buffer = to = allocate_keys(count);
	for (int64 i = 0; i < count; i++)
	{
		uint64		key = keys[i];

		for (int pass = 0; pass < DIGIT_PASSES; pass++)
		{
			counts[pass * DIGIT_COUNT + (key & (DIGIT_COUNT - 1))]++;
			key >>= DIGIT_BITS;
		}
	}
	for (int pass = 0; pass < DIGIT_PASSES; pass++)
	{
		int			shift = pass * DIGIT_BITS;
		uint32	   *pass_counts = counts + pass * DIGIT_COUNT;
		uint64	   *swap;

		CHECK_FOR_INTERRUPTS();
		if (pass_counts[(keys[0] >> shift) & (DIGIT_COUNT - 1)] == count)
			continue;
		scatter_keys(from, to, count, shift, pass_counts);
		swap = from;
		from = to;
		to = swap;
	}
	if (from != keys)
		memcpy(keys, from, (Size) count * sizeof(uint64));
	pfree(buffer);
	pfree(counts);
}

/* Reads the ranks off a sorted copy. */
static void
select_by_sorting(const uint64 *keys, int64 count, const int64 *ranks, int nranks, uint64 *result)
{
	uint64	   *copy = allocate_keys(Max(count, 1));

	memcpy(copy, keys, (Size) count * sizeof(uint64));
	qsort(copy, count, sizeof(uint64), compare_keys);
	for (int i = 0; i < nranks; i++)
		result[i] = copy[ranks[i]];
	pfree(copy);
}

/* The buckets that hold a wanted rank, one after the other in one array. */
typedef struct RankBuckets
{
	int64		starts[DIGIT_COUNT];	/* where a wanted bucket begins */
	int64		fills[DIGIT_COUNT]; /* where its next key goes; -1: not wanted */
	int64		below[DIGIT_COUNT]; /* number of keys in lower buckets */
	int64		counts[DIGIT_COUNT];
} RankBuckets;

/* Counts the keys of each bucket and copies those of the wanted ones. */
static uint64 *
gather_buckets(RankBuckets *b, const uint64 *keys, int64 count, uint64 lowest, int shift,
			   const int64 *ranks, int nranks)
{
	int64		total = 0;
	int64		wanted = 0;
	int			next = 0;
	uint64	   *gathered;

	memset(b->counts, 0, sizeof(b->counts));
	for (int64 i = 0; i < count; i++)
		b->counts[(keys[i] - lowest) >> shift]++;
	for (int bucket = 0; bucket < DIGIT_COUNT; bucket++)
	{
		b->below[bucket] = total;
		total += b->counts[bucket];
		b->fills[bucket] = -1;
		if (next < nranks && ranks[next] < total)
		{
			b->starts[bucket] = b->fills[bucket] = wanted;
			wanted += b->counts[bucket];
			while (next < nranks && ranks[next] < total)
				next++;
		}
	}
	gathered = allocate_keys(wanted);
	for (int64 i = 0; i < count; i++)
	{
		int64	   *fill = &b->fills[(keys[i] - lowest) >> shift];

		if (*fill >= 0)
			gathered[(*fill)++] = keys[i];
	}
	return gathered;
}

/*
 * Finds order statistics: result[i] is the key at position ranks[i] (from 0) of
 * the sorted keys, which stay as they are.  ranks ascend and lie below count.
 * The keys are spread over 2048 buckets between lowest and highest, and only
 * buckets that hold a wanted rank are looked at again.
 */
void
segment_select_ranks(const uint64 *keys, int64 count, const int64 *ranks, int nranks, uint64 *result)
{
	uint64		lowest = PG_UINT64_MAX;
	uint64		highest = 0;
	int			shift;
	int			first = 0;
	RankBuckets *b;
	uint64	   *gathered;
	int64	   *inner;

	check_stack_depth();
	CHECK_FOR_INTERRUPTS();
	if (nranks == 0)
		return;
	if (count < SMALL_COUNT)
	{
		select_by_sorting(keys, count, ranks, nranks, result);
		return;
	}
	for (int64 i = 0; i < count; i++)
	{
		lowest = Min(lowest, keys[i]);
		highest = Max(highest, keys[i]);
	}
	if (lowest == highest)
	{
		for (int i = 0; i < nranks; i++)
			result[i] = lowest;
		return;
	}
	shift = Max(pg_leftmost_one_pos64(highest - lowest) + 1 - DIGIT_BITS, 0);
	b = palloc_object(RankBuckets);
	gathered = gather_buckets(b, keys, count, lowest, shift, ranks, nranks);
	inner = palloc_array(int64, nranks);
	for (int bucket = 0; bucket < DIGIT_COUNT && first < nranks; bucket++)
	{
		int			last = first;

		if (b->fills[bucket] < 0)
			continue;
		while (last < nranks && ranks[last] < b->below[bucket] + b->counts[bucket])
		{
			inner[last] = ranks[last] - b->below[bucket];
			last++;
		}
		segment_select_ranks(gathered + b->starts[bucket], b->counts[bucket],
							 inner + first, last - first, result + first);
		first = last;
	}
	pfree(inner);
	pfree(gathered);
	pfree(b);
}
