/*
 * match_scan.c
 *		Goes through all pairs that share a block, each once.
 *
 * A record is held against all later records of its blocks; a stamp for each
 * record tells those that were met already.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

typedef struct Scan
{
	const MatchData *data;
	const MatchBlocks *blocks;
	uint32	   *stamp;			/* last record + 1 that met this one */
	uint32	   *met;			/* records that the present one meets */
	uint32		capacity;
} Scan;

static void
begin_scan(Scan *scan, const MatchData *data, const MatchBlocks *blocks)
{
	scan->data = data;
	scan->blocks = blocks;
	scan->capacity = 1024;
	scan->met = palloc(scan->capacity * sizeof(uint32));
	scan->stamp = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(Max(data->nrecords, 1), sizeof(uint32)),
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
end_scan(Scan *scan)
{
	pfree(scan->met);
	pfree(scan->stamp);
}

/* The records after this one that share a block with it; their number. */
static uint32
meet(Scan *scan, uint32 record)
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

static void
add_edge(MatchEdges *edges, uint32 a, uint32 b, int32 weight)
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
 * omni_match_scan: all pairs of records with a common block that weigh at least
 * the floor, in the order of the first record.
 */
MatchEdges *
omni_match_scan(const MatchData *data, const MatchBlocks *blocks, int32 floor)
{
	MatchEdges *edges = MemoryContextAllocZero(data->context, sizeof(MatchEdges));
	MatchProbe *probe = palloc0_object(MatchProbe);
	Scan		scan;

	edges->capacity = 4096;
	edges->edge = MemoryContextAllocHuge(data->context, edges->capacity * sizeof(MatchEdge));
	probe->data = data;
	begin_scan(&scan, data, blocks);
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint32		n = meet(&scan, r);

		CHECK_FOR_INTERRUPTS();
		if (n == 0)
			continue;
		omni_match_probe(probe, r);
		for (uint32 i = 0; i < n; i++)
		{
			int32		weight = omni_match_score(probe, scan.met[i], floor);

			if (weight >= floor)
				add_edge(edges, r, scan.met[i], weight);
		}
		edges->scored += n;
	}
	end_scan(&scan);
	pfree(probe);
	return edges;
}
