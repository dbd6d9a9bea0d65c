/*
 * match_connect.c
 *		Connected components of pairs: what is clustered by itself.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_job.h"

/* The record that stands for the component of a record: the smallest one, in the end. */
static uint32
component_root(uint32 *component, uint32 record)
{
	while (component[record] != record)
	{
		component[record] = component[component[record]];
		record = component[record];
	}
	return record;
}

static void
join_components(uint32 *component, uint32 a, uint32 b)
{
	a = component_root(component, a);
	b = component_root(component, b);
	/* the smallest record stands for all */
	component[Max(a, b)] = Min(a, b);
}

/* The component of each record: connected by a pair, a decision or the same values. */
static uint32 *
connect(const MatchData *data, const MatchBlocks *blocks, const MatchEdges *edges)
{
	uint32		n = data->nrecords;
	uint32	   *component = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(uint32)));

	for (uint32 r = 0; r < n; r++)
		component[r] = r;
	for (uint64 i = 0; i < edges->count; i++)
	{
		if ((i & 65535) == 0)
			CHECK_FOR_INTERRUPTS();
		join_components(component, edges->edge[i].a, edges->edge[i].b);
	}
	for (uint64 i = 0; i < data->ndecisions; i++)
	{
		if (data->decisions[i].same)
			join_components(component, data->decisions[i].a, data->decisions[i].b);
	}
	for (uint32 r = 0; blocks->original != NULL && r < n; r++)
	{
		if (blocks->original[r] != MATCH_NULL)
			join_components(component, blocks->original[r], r);
	}
	/* what a record points to is smaller, and done before it */
	for (uint32 r = 0; r < n; r++)
		component[r] = component[component[r]];
	return component;
}

/* Orders the records by component; the place of each within its own. */
static uint32 *
sort_records(const MatchData *data, const uint32 *component, MatchComponents *result)
{
	uint32		n = data->nrecords;
	uint32	   *place = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(uint32)));

	result->record = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(uint32)));
	result->record_start = MemoryContextAllocExtended(CurrentMemoryContext, mul_size((Size) n + 1, sizeof(uint32)),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 r = 0; r < n; r++)
		place[r] = result->record_start[component[r] + 1]++;
	for (uint32 r = 0; r < n; r++)
		result->record_start[r + 1] += result->record_start[r];
	for (uint32 r = 0; r < n; r++)
		result->record[result->record_start[component[r]] + place[r]] = r;
	return place;
}

/*
 * omni_match_components: the connected components of pairs, in the order of their
 * smallest records.
 * Arguments: the records; their blocks; the scored pairs, each once, in the order of
 * their records, which are used up.
 * Result: in the present context.
 */
MatchComponents *
omni_match_components(const MatchData *data, const MatchBlocks *blocks, MatchEdges *edges)
{
	uint32		n = data->nrecords;
	MatchComponents *result = palloc0_object(MatchComponents);
	uint32	   *component = connect(data, blocks, edges);
	uint32	   *place = sort_records(data, component, result);
	uint64	   *next = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(uint64)));

	result->edge_start = MemoryContextAllocExtended(CurrentMemoryContext, mul_size((Size) n + 1, sizeof(uint64)),
													MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	result->edge = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(edges->count, 1), sizeof(MatchEdge)));
	for (uint64 i = 0; i < edges->count; i++)
		result->edge_start[component[edges->edge[i].a] + 1]++;
	for (uint32 r = 0; r < n; r++)
		result->edge_start[r + 1] += result->edge_start[r];
	memcpy(next, result->edge_start, n * sizeof(uint64));
	for (uint64 i = 0; i < edges->count; i++)
	{
		const MatchEdge *edge = &edges->edge[i];
		MatchEdge  *sorted = &result->edge[next[component[edge->a]]++];

		sorted->a = place[edge->a];
		sorted->b = place[edge->b];
		sorted->weight = edge->weight;
	}
	pfree(next);
	pfree(place);
	pfree(component);
	pfree(edges->edge);
	edges->edge = NULL;
	return result;
}
