/*
 * match_scan.c
 *		Goes through all pairs that share a block, each once.
 *
 * A record is held against all later records of its blocks; a stamp for each
 * record tells those that were met already.  Records are handed out in chunks, to
 * this process alone or to parallel workers too (match_parallel.c); the pairs come
 * out in the order of the first record either way.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

/* pairs below which workers are not worth their start */
#define PARALLEL_PAIRS	1000000.0

/* how many pairs before their turn rows and values are asked for */
#define PREFETCH_ROW	12
#define PREFETCH_VALUES	4

struct MatchScan
{
	const MatchData *data;
	const MatchBlocks *blocks;
	int32		floor;
	MatchProbe	probe;
	uint32	   *stamp;			/* last record + 1 that met this one */
	uint32	   *met;			/* records that the present one meets */
	uint32		capacity;
};

/*
 * omni_match_begin_scan: a scan of the blocks for pairs of at least that weight.
 */
MatchScan *
omni_match_begin_scan(const MatchData *data, const MatchBlocks *blocks, int32 floor)
{
	MatchScan  *scan = palloc0_object(MatchScan);

	scan->data = data;
	scan->blocks = blocks;
	scan->floor = floor;
	scan->probe.data = data;
	scan->capacity = 1024;
	scan->met = palloc(scan->capacity * sizeof(uint32));
	scan->stamp = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(Max(data->nrecords, 1), sizeof(uint32)),
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	return scan;
}

/*
 * omni_match_end_scan: frees what a scan holds.
 */
void
omni_match_end_scan(MatchScan *scan)
{
	pfree(scan->met);
	pfree(scan->stamp);
	pfree(scan);
}

/* The records after this one that share a block with it; their number. */
static uint32
meet(MatchScan *scan, uint32 record)
{
	const MatchBlocks *blocks = scan->blocks;
	uint32		n = 0;

	for (uint64 k = blocks->record_start[record]; k < blocks->record_start[record + 1]; k++)
	{
		uint32		block = blocks->record_block[k];

		/* from the end, where the later records are */
		for (uint64 i = blocks->start[block + 1]; i-- > blocks->start[block];)
		{
			uint32		other = blocks->member[i];

			if (other <= record)
				break;
			if (scan->stamp[other] == record + 1 ||
				(scan->data->across && scan->data->source[other] == scan->data->source[record]))
				continue;
			scan->stamp[other] = record + 1;
			if (n == scan->capacity)
			{
				scan->capacity *= 2;
				scan->met = repalloc_huge(scan->met, mul_size(scan->capacity, sizeof(uint32)));
			}
			scan->met[n++] = other;
		}
	}
	return n;
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
 * omni_match_scan_records: the pairs of some records with later ones.
 * Arguments: the scan; the first record and the one after the last; where pairs
 * go.
 */
void
omni_match_scan_records(MatchScan *scan, uint32 first, uint32 end, MatchEdges *edges)
{
	for (uint32 r = first; r < end; r++)
	{
		uint32		n = meet(scan, r);

		CHECK_FOR_INTERRUPTS();
		if (n == 0)
			continue;
		omni_match_probe(&scan->probe, r);
		for (uint32 i = 0; i < n; i++)
		{
			int32		weight;

			if (i + PREFETCH_ROW < n)
				omni_match_prefetch_row(&scan->probe, scan->met[i + PREFETCH_ROW]);
			if (i + PREFETCH_VALUES < n)
				omni_match_prefetch_values(&scan->probe, scan->met[i + PREFETCH_VALUES]);
			weight = omni_match_score(&scan->probe, scan->met[i], scan->floor);

			if (weight >= scan->floor)
				omni_match_add_edge(edges, r, scan->met[i], weight);
		}
		edges->scored += n;
	}
}

/* Most pairs that the blocks may give. */
static double
block_pairs(const MatchBlocks *blocks)
{
	double		pairs = 0;

	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		double		n = blocks->start[b + 1] - blocks->start[b];

		pairs += n * (n - 1) / 2;
	}
	return pairs;
}

/*
 * omni_match_scan: all pairs of records with a common block that weigh at least
 * the floor, in the order of the first record.
 */
MatchEdges *
omni_match_scan(const MatchData *data, const MatchBlocks *blocks, int32 floor)
{
	MemoryContext old = MemoryContextSwitchTo(data->context);
	MatchEdges *edges = omni_match_new_edges();
	MatchScan  *scan;

	MemoryContextSwitchTo(old);
	if (block_pairs(blocks) >= PARALLEL_PAIRS && omni_match_parallel_scan(data, blocks, floor, edges))
		return edges;
	scan = omni_match_begin_scan(data, blocks, floor);
	omni_match_scan_records(scan, 0, data->nrecords, edges);
	omni_match_end_scan(scan);
	return edges;
}
