/*
 * match_scan.c
 *		Holds the records of each block against each other.
 *
 * The rows of a block are copied side by side, so that its pairs, many more than
 * its records, are judged within the cache, several at once (match_lanes.c).  Two
 * records with several common blocks meet in each; many pairs are given up by their
 * rows alone, again and again.  Only a pair that may weigh enough asks whether an
 * earlier block had it, and is weighed in the first; what values it then has to
 * compare are asked for ahead of its turn.  Records and blocks are arranged for that
 * (match_arrange.c), and a record is known by its place.  Blocks are handed out in
 * chunks, to this process alone or to parallel workers too (match_parallel.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/memory.h"
#include "identity/match_arrange.h"
#include "identity/match_job.h"
#include "identity/match_lanes.h"

/* bits of the filter of the blocks of a record */
#define FILTER_BITS		1024
/* members of this block and the next ones that are asked for ahead of their turn: rows, and lists of blocks */
#define PREFETCH_ROWS	32
#define PREFETCH_LISTS	16

/* pairs that wait for their values */
#define WAITING_MAX		16

/* A record of the present block. */
typedef struct Member
{
	uint32		record;
	const uint32 *blocks;		/* its blocks, ascending */
} Member;

/* A pair of the probe that its rows did not settle. */
typedef struct Waiting
{
	uint32		place;			/* of the other record in the block */
	MatchBound	bound;
} Waiting;

typedef struct MatchScan
{
	const MatchData *data;
	const MatchBlocks *blocks;
	int32		floor;
	MatchProbe	probe;
	uint32	   *rows;			/* of the records of the block, side by side */
	MatchColumns columns;		/* the same, word by word */
	Member	   *members;
	Waiting		waiting[WAITING_MAX];
	int			nwaiting;
	uint64		filter[FILTER_BITS / 64];	/* blocks of the probe before the present one */
	MatchEdges *edges;
} MatchScan;

/* A scan of the blocks for pairs of at least that weight. */
static MatchScan *
begin_scan(const MatchData *data, const MatchBlocks *blocks, int32 floor)
{
	MatchScan  *scan = palloc0_object(MatchScan);
	uint64		largest = 1;

	for (uint32 b = 0; b < blocks->nblocks; b++)
		largest = Max(largest, blocks->start[b + 1] - blocks->start[b]);
	scan->data = data;
	scan->blocks = blocks;
	scan->floor = floor;
	scan->probe.data = data;
	scan->members = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(largest, sizeof(Member)));
	scan->rows = omni_lines_alloc(CurrentMemoryContext, mul_size(largest, data->width * sizeof(uint32)));
	omni_match_make_columns(&scan->columns, data, largest);
	scan->edges = omni_match_new_edges();
	return scan;
}

/* Asks for what will be needed of members that come later, in this block or the next ones. */
static inline void
prefetch_members(const MatchScan *scan, uint64 member)
{
	const MatchBlocks *blocks = scan->blocks;

	if (member + PREFETCH_ROWS < blocks->nmembers)
	{
		uint32		record = blocks->member[member + PREFETCH_ROWS];

		__builtin_prefetch(omni_match_row(scan->data, record));
		__builtin_prefetch(&blocks->record_start[record]);
	}
	if (member + PREFETCH_LISTS < blocks->nmembers)
	{
		const uint32 *list = blocks->record_block + blocks->record_start[blocks->member[member + PREFETCH_LISTS]];

		__builtin_prefetch(list);
		/* the next line, too: most lists start within one */
		__builtin_prefetch(list + MATCH_LINE / sizeof(uint32));
	}
}

/* Copies the rows of a block side by side; the number of its records. */
static uint32
gather(MatchScan *scan, uint32 block)
{
	const MatchBlocks *blocks = scan->blocks;
	const uint32 *member = blocks->member + blocks->start[block];
	uint32		n = blocks->start[block + 1] - blocks->start[block];
	Size		width = scan->data->width;

	for (uint32 i = 0; i < n; i++)
	{
		prefetch_members(scan, blocks->start[block] + i);
		scan->members[i].record = member[i];
		scan->members[i].blocks = blocks->record_block + blocks->record_start[member[i]];
		memcpy(scan->rows + i * width, omni_match_row(scan->data, member[i]), width * sizeof(uint32));
		omni_match_put_column(&scan->columns, scan->data, i, scan->rows + i * width);
	}
	return n;
}

/* Fills the filter with the blocks of a record before this one, or empties it. */
static void
set_filter(MatchScan *scan, const Member *member, uint32 block, bool on)
{
	for (const uint32 *b = member->blocks; *b < block; b++)
	{
		uint64		bit = UINT64CONST(1) << (*b % 64);

		if (on)
			scan->filter[*b % FILTER_BITS / 64] |= bit;
		else
			scan->filter[*b % FILTER_BITS / 64] &= ~bit;
	}
}

/* Whether a block before this one has both records; the filter is that of the first. */
static bool
met_before(const MatchScan *scan, const Member *a, const Member *b, uint32 block)
{
	for (const uint32 *x = b->blocks; *x < block; x++)
	{
		if (scan->filter[*x % FILTER_BITS / 64] >> (*x % 64) & 1)
		{
			const uint32 *y = a->blocks;

			while (*y < *x)
				y++;
			if (*y == *x)
				return true;
		}
	}
	return false;
}

/* Weighs the pairs that wait. */
static void
weigh_waiting(MatchScan *scan)
{
	for (int i = 0; i < scan->nwaiting; i++)
	{
		Waiting    *waiting = &scan->waiting[i];
		const uint32 *row = scan->rows + (Size) waiting->place * scan->data->width;
		int32		weight = omni_match_settle(&scan->probe, row, &waiting->bound, scan->floor);

		if (weight >= scan->floor)
			omni_match_add_edge(scan->edges, scan->probe.record, scan->members[waiting->place].record, weight);
	}
	scan->nwaiting = 0;
}

/* Lets a pair of the probe wait for the values that it has to compare. */
static void
let_wait(MatchScan *scan, uint32 place, const MatchLaneBounds *bounds, int lane)
{
	const MatchDictionary *dictionary = scan->data->dictionary;
	const uint32 *row = scan->rows + (Size) place * scan->data->width;
	Waiting    *waiting;

	if (scan->nwaiting == WAITING_MAX)
		weigh_waiting(scan);
	waiting = &scan->waiting[scan->nwaiting++];
	waiting->place = place;
	if (bounds->exchanged[lane] != 0)
		(void) omni_match_bound(&scan->probe, row, &waiting->bound, PG_INT32_MIN);
	else
		omni_match_lane_bound(&scan->probe, bounds, lane, &waiting->bound);
	for (int i = 0; i < waiting->bound.nopen; i++)
	{
		int			f = waiting->bound.open[i];

		__builtin_prefetch(&dictionary[f].values[scan->probe.row[f]]);
		__builtin_prefetch(&dictionary[f].values[row[f]]);
	}
	scan->edges->scored++;
}

/* The pairs of one record of a block with later ones. */
static void
scan_record(MatchScan *scan, uint32 block, uint32 i, uint32 n)
{
	const MatchData *data = scan->data;
	const Member *a = &scan->members[i];
	bool		filtered = false;
	MatchLaneBounds bounds;

	omni_match_probe_row(&scan->probe, a->record, scan->rows + (Size) i * data->width);
	for (uint32 first = i + 1; first < n; first += MATCH_LANES)
	{
		int			lanes = Min(MATCH_LANES, n - first);

		omni_match_bound_lanes(&scan->probe, &scan->columns, first, &bounds);
		for (int lane = 0; lane < lanes; lane++)
		{
			const Member *b = &scan->members[first + lane];

			if (bounds.most[lane] < scan->floor && bounds.exchanged[lane] == 0)
				continue;
			if (data->across && data->source[a->record] == data->source[b->record])
				continue;
			if (!filtered)
				set_filter(scan, a, block, true);
			filtered = true;
			if (!met_before(scan, a, b, block))
				let_wait(scan, first + lane, &bounds, lane);
		}
	}
	weigh_waiting(scan);
	if (filtered)
		set_filter(scan, a, block, false);
}

/* The pairs of one block that no earlier one has. */
static void
scan_block(MatchScan *scan, uint32 block)
{
	uint32		n = gather(scan, block);

	for (uint32 i = 0; i + 1 < n; i++)
		scan_record(scan, block, i, n);
}

/*
 * omni_match_new_edges: room for pairs, in the present context.
 */
MatchEdges *
omni_match_new_edges(void)
{
	MatchEdges *edges = palloc0_object(MatchEdges);

	edges->capacity = 4096;
	edges->edge = palloc(edges->capacity * sizeof(MatchEdge));
	return edges;
}

/*
 * omni_match_add_edge: adds a pair.
 */
void
omni_match_add_edge(MatchEdges *edges, uint32 a, uint32 b, int32 weight)
{
	MatchEdge  *edge;

	if (edges->count == edges->capacity)
	{
		edges->capacity *= 2;
		edges->edge = repalloc_huge(edges->edge, mul_size(edges->capacity, sizeof(MatchEdge)));
	}
	edge = &edges->edge[edges->count++];
	edge->a = a;
	edge->b = b;
	edge->weight = weight;
}

/*
 * omni_match_scan_task, omni_match_scan_end: scanning as a job; tasks are chunks of
 * blocks, a participant gives the number of pairs that it weighed and those that it
 * found, in no particular order.
 */
void
omni_match_scan_task(MatchShare *share, uint64 task)
{
	uint32		first = task * MATCH_BLOCK_CHUNK;
	uint32		end = Min(first + MATCH_BLOCK_CHUNK, share->blocks->nblocks);

	if (share->state == NULL)
		share->state = begin_scan(share->data, share->blocks, share->job->floor);
	for (uint32 b = first; b < end; b++)
	{
		CHECK_FOR_INTERRUPTS();
		scan_block(share->state, b);
	}
}

void
omni_match_scan_end(MatchShare *share)
{
	MatchScan  *scan = share->state;

	if (scan == NULL)
		return;
	omni_match_put(&share->output, &scan->edges->scored, sizeof(uint64));
	omni_match_put(&share->output, scan->edges->edge, scan->edges->count * sizeof(MatchEdge));
	pfree(scan->edges->edge);
}

static void
take_edges(void *target, const char *bytes, Size size)
{
	MatchEdges *edges = target;
	uint64		count;

	if (size == 0)
		return;
	edges->scored += *(const uint64 *) bytes;
	/* what fills the output up is less than a pair */
	count = (size - sizeof(uint64)) / sizeof(MatchEdge);
	if (edges->count + count > edges->capacity)
	{
		edges->capacity = edges->count + count;
		edges->edge = repalloc_huge(edges->edge, mul_size(edges->capacity, sizeof(MatchEdge)));
	}
	memcpy(edges->edge + edges->count, bytes + sizeof(uint64), count * sizeof(MatchEdge));
	edges->count += count;
}

/*
 * omni_match_block_pairs: pairs that the blocks give, those of several blocks
 * counted in each.
 */
double
omni_match_block_pairs(const MatchBlocks *blocks)
{
	double		pairs = 0;

	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		double		n = blocks->start[b + 1] - blocks->start[b];

		pairs += n * (n - 1) / 2;
	}
	return pairs;
}

static int
compare_edges(const void *a, const void *b)
{
	uint32		x = ((const MatchEdge *) a)->b;
	uint32		y = ((const MatchEdge *) b)->b;

	return x < y ? -1 : x > y;
}

/*
 * omni_match_sort_edges: orders pairs by both records.
 */
void
omni_match_sort_edges(const MatchData *data, MatchEdges *edges)
{
	uint64	   *end = MemoryContextAllocExtended(CurrentMemoryContext, mul_size((Size) data->nrecords + 1, sizeof(uint64)),
												 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	MatchEdge  *sorted = MemoryContextAllocHuge(data->context, mul_size(Max(edges->count, 1), sizeof(MatchEdge)));

	for (uint64 i = 0; i < edges->count; i++)
		end[edges->edge[i].a + 1]++;
	for (uint32 r = 0; r < data->nrecords; r++)
		end[r + 1] += end[r];
	for (uint64 i = 0; i < edges->count; i++)
		sorted[end[edges->edge[i].a]++] = edges->edge[i];
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint64		first = r > 0 ? end[r - 1] : 0;

		if (end[r] - first > 1)
			qsort(sorted + first, end[r] - first, sizeof(MatchEdge), compare_edges);
	}
	pfree(end);
	pfree(edges->edge);
	edges->edge = sorted;
	edges->capacity = Max(edges->count, 1);
}

/*
 * omni_match_scan: all pairs of records with a common block that weigh at least
 * the floor, each once, in no particular order.
 */
MatchEdges *
omni_match_scan(const MatchData *data, const MatchBlocks *blocks, int32 floor)
{
	MemoryContext old = MemoryContextSwitchTo(data->context);
	MatchEdges *edges = omni_match_new_edges();
	MatchArranged *arranged = omni_match_arrange(data, blocks);
	uint32	   *record = arranged->record;
	uint64		nblocks = arranged->blocks.nblocks;
	MatchWork  *work = omni_match_begin_work(&arranged->data, NULL, &arranged->blocks, NULL);
	MatchJob	job = {.kind = MATCH_JOB_SCAN};
	bool		shared = omni_match_use_image(work);

	MemoryContextSwitchTo(old);
	if (shared)
		MemoryContextDelete(arranged->data.context);
	job.floor = floor;
	job.ntasks = (nblocks + MATCH_BLOCK_CHUNK - 1) / MATCH_BLOCK_CHUNK;
	omni_match_work(work, &job, take_edges, edges);
	omni_match_end_work(work);
	for (uint64 i = 0; i < edges->count; i++)
	{
		edges->edge[i].a = record[edges->edge[i].a];
		edges->edge[i].b = record[edges->edge[i].b];
	}
	pfree(record);
	if (!shared)
		MemoryContextDelete(arranged->data.context);
	return edges;
}
