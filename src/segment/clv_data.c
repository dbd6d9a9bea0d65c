/*
 * clv_data.c
 *		Puts the cells of a fit in order and lists what its likelihood needs once:
 *		the times that occur, and the pairs of x and a time.
 *
 * A million customers with times in days have a few hundred different times, so
 * a likelihood computes a few hundred logarithms and not two for each cell.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/clv.h"
#include "segment/segment.h"

/* Numbers of scratch for each x, time and pair; the likelihoods say what for. */
#define SCRATCH_PER_X 8
#define SCRATCH_PER_TIME 4
#define SCRATCH_PER_PAIR 6

/* A pattern on its way to its place in the order of the covariates. */
typedef struct PatternOrder
{
	const double *covariate;
	int			ncovariates;
	int			number;
} PatternOrder;

static int
compare_patterns(const void *left, const void *right)
{
	const PatternOrder *a = left;
	const PatternOrder *b = right;

	for (int i = 0; i < a->ncovariates; i++)
		if (a->covariate[i] != b->covariate[i])
			return a->covariate[i] < b->covariate[i] ? -1 : 1;
	return 0;
}

static int
compare_cells(const void *left, const void *right)
{
	const ClvCell *a = left;
	const ClvCell *b = right;

	if (a->pattern != b->pattern)
		return a->pattern < b->pattern ? -1 : 1;
	if (a->x != b->x)
		return a->x < b->x ? -1 : 1;
	if (a->t != b->t)
		return a->t < b->t ? -1 : 1;
	return (a->t_x > b->t_x) - (a->t_x < b->t_x);
}

/* Sorts count keys and drops repeated ones; returns how many are left. */
static int64
sort_distinct(uint64 *keys, int64 count)
{
	int64		kept = 1;

	segment_sort_keys(keys, count);
	for (int64 i = 1; i < count; i++)
		if (keys[i] != keys[kept - 1])
			keys[kept++] = keys[i];
	return kept;
}

/* The place of a key that is in the list. */
static int32
find_key(const uint64 *keys, int64 count, uint64 key)
{
	int64		low = 0;

	while (count > 1)
	{
		int64		half = count / 2;

		low = keys[low + half] <= key ? low + half : low;
		count -= half;
	}
	return (int32) low;
}

/* Numbers the patterns in the order of their covariates, which are given in that order too. */
static const double *
order_patterns(ClvCell *cells, int64 ncells, const double *covariates, int npatterns, int ncovariates)
{
	PatternOrder *order = MemoryContextAllocHuge(CurrentMemoryContext, npatterns * sizeof(PatternOrder));
	int32	   *number = MemoryContextAllocHuge(CurrentMemoryContext, npatterns * sizeof(int32));
	double	   *ordered = MemoryContextAllocHuge(CurrentMemoryContext,
												 (Size) npatterns * ncovariates * sizeof(double));

	for (int i = 0; i < npatterns; i++)
	{
		order[i].covariate = covariates + (Size) i * ncovariates;
		order[i].ncovariates = ncovariates;
		order[i].number = i;
	}
	qsort(order, npatterns, sizeof(PatternOrder), compare_patterns);
	for (int i = 0; i < npatterns; i++)
	{
		number[order[i].number] = i;
		memcpy(ordered + (Size) i * ncovariates, order[i].covariate, ncovariates * sizeof(double));
	}
	for (int64 i = 0; i < ncells; i++)
		cells[i].pattern = number[cells[i].pattern];
	pfree(order);
	pfree(number);
	return ordered;
}

/* Lists the times of the cells of a pattern, and points its rows to them. */
static void
list_times(ClvPattern *pattern, ClvRow *rows, const ClvCell *cells)
{
	int64		n = pattern->nrows;
	uint64	   *keys = MemoryContextAllocHuge(CurrentMemoryContext, 2 * n * sizeof(uint64));
	double	   *times;

	for (int64 i = 0; i < n; i++)
	{
		keys[2 * i] = segment_key_from_float8(cells[i].t_x);
		keys[2 * i + 1] = segment_key_from_float8(cells[i].t);
	}
	pattern->ntimes = (int) sort_distinct(keys, 2 * n);
	for (int64 i = 0; i < n; i++)
	{
		rows[i].time_x = find_key(keys, pattern->ntimes, segment_key_from_float8(cells[i].t_x));
		rows[i].time = find_key(keys, pattern->ntimes, segment_key_from_float8(cells[i].t));
	}
	times = MemoryContextAllocHuge(CurrentMemoryContext, pattern->ntimes * sizeof(double));
	for (int i = 0; i < pattern->ntimes; i++)
		times[i] = segment_key_to_float8(keys[i]);
	pattern->times = times;
	pfree(keys);
}

/* Lists the pairs of x and a time, and points the rows of the pattern to them. */
static void
list_pairs(ClvPattern *pattern, ClvRow *rows)
{
	int64		n = pattern->nrows;
	uint64	   *keys = MemoryContextAllocHuge(CurrentMemoryContext, 2 * n * sizeof(uint64));
	ClvPair    *pairs;

	for (int64 i = 0; i < n; i++)
	{
		keys[2 * i] = (uint64) rows[i].x << 32 | (uint32) rows[i].time_x;
		keys[2 * i + 1] = (uint64) rows[i].x << 32 | (uint32) rows[i].time;
	}
	pattern->npairs = (int) sort_distinct(keys, 2 * n);
	for (int64 i = 0; i < n; i++)
	{
		rows[i].pair_x = find_key(keys, pattern->npairs, (uint64) rows[i].x << 32 | (uint32) rows[i].time_x);
		rows[i].pair = find_key(keys, pattern->npairs, (uint64) rows[i].x << 32 | (uint32) rows[i].time);
	}
	pairs = MemoryContextAllocHuge(CurrentMemoryContext, pattern->npairs * sizeof(ClvPair));
	for (int i = 0; i < pattern->npairs; i++)
	{
		pairs[i].x = (int32) (keys[i] >> 32);
		pairs[i].time = (int32) (uint32) keys[i];
	}
	pattern->pairs = pairs;
	pfree(keys);
}

/* Describes the pattern of the cells first to first + n - 1. */
static void
make_pattern(ClvData *data, ClvPattern *pattern, ClvRow *rows, const ClvCell *cells, int64 n, bool with_pairs)
{
	Size		scratch;

	pattern->rows = rows;
	pattern->nrows = (int) n;
	pattern->max_x = cells[n - 1].x;
	for (int64 i = 0; i < n; i++)
	{
		rows[i].x = cells[i].x;
		rows[i].count = (double) cells[i].count;
		data->customers += rows[i].count;
		data->purchases += rows[i].count * cells[i].x;
		data->exposure += rows[i].count * cells[i].t;
		data->longest = Max(data->longest, cells[i].t);
	}
	list_times(pattern, rows, cells);
	if (with_pairs)
		list_pairs(pattern, rows);
	scratch = (Size) SCRATCH_PER_X * (pattern->max_x + 2) + (Size) SCRATCH_PER_TIME * pattern->ntimes +
		(Size) SCRATCH_PER_PAIR * pattern->npairs;
	data->scratch_size = Max(data->scratch_size, scratch);
}

/*
 * The data of a fit from its cells, which it sorts and renumbers.  Everything
 * stays in the current memory context.
 */
ClvData *
clv_data_make(ClvCell *cells, int64 ncells, const double *covariates, int npatterns, int ncovariates, bool with_pairs)
{
	ClvData    *data = palloc0_object(ClvData);
	ClvRow	   *rows = MemoryContextAllocHuge(CurrentMemoryContext, ncells * sizeof(ClvRow));
	int64		first = 0;

	if (ncovariates > 0)
		covariates = order_patterns(cells, ncells, covariates, npatterns, ncovariates);
	qsort(cells, ncells, sizeof(ClvCell), compare_cells);
	CHECK_FOR_INTERRUPTS();
	data->ncovariates = ncovariates;
	data->nrows = ncells;
	data->patterns = MemoryContextAllocExtended(CurrentMemoryContext, npatterns * sizeof(ClvPattern),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	while (first < ncells)
	{
		ClvPattern *pattern = &data->patterns[data->npatterns++];
		int64		last = first + 1;

		while (last < ncells && cells[last].pattern == cells[first].pattern)
			last++;
		if (ncovariates > 0)
			pattern->covariate = covariates + (Size) cells[first].pattern * ncovariates;
		make_pattern(data, pattern, rows + first, cells + first, last - first, with_pairs);
		first = last;
	}
	data->scratch = MemoryContextAllocHuge(CurrentMemoryContext, data->scratch_size * sizeof(double));
	pfree(cells);
	return data;
}
