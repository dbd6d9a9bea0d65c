/*
 * match_connect.c
 *		Connected components of pairs, each of which is clustered by itself.
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

/* Which components are clustered together, by their smallest records; NULL: none. */
static bool *
find_together(const MatchData *data, const MatchBlocks *blocks, const uint32 *component)
{
	Size		n = Max(data->nrecords, 1);
	bool	   *together;

	if (data->ndecisions == 0 && blocks->original == NULL)
		return NULL;
	together = MemoryContextAllocExtended(CurrentMemoryContext, n, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < data->ndecisions; i++)
		together[component[data->decisions[i].a]] = together[component[data->decisions[i].b]] = true;
	for (uint32 r = 0; blocks->original != NULL && r < data->nrecords; r++)
	{
		if (blocks->original[r] != MATCH_NULL)
			together[component[r]] = true;
	}
	return together;
}

/*
 * The connected components of pairs, in the order of their smallest records; the
 * pairs, of which each comes once, are used up.
 */
static MatchComponents *
make_components(const MatchData *data, const MatchBlocks *blocks, MatchEdges *edges)
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
	result->together = find_together(data, blocks, component);
	pfree(next);
	pfree(place);
	pfree(component);
	pfree(edges->edge);
	edges->edge = NULL;
	return result;
}

StaticAssertDecl(sizeof(MatchMerge) % sizeof(uint64) == 0, "merges follow each other without a gap");

/* The merges of each task; they point into the output of their makers. */
typedef struct TaskMerges
{
	const char *bytes;
	Size		size;
} TaskMerges;

static void
take_merges(void *target, const char *bytes, Size size)
{
	TaskMerges *tasks = target;

	for (const char *end = bytes + size; bytes < end;)
	{
		const uint64 *head = (const uint64 *) bytes;

		bytes += 2 * sizeof(uint64);
		tasks[head[0]].bytes = bytes;
		tasks[head[0]].size = head[1];
		bytes += head[1];
	}
}

/* What clustering is about. */
typedef struct ClusterWork
{
	const MatchData *data;
	const MatchBlocks *blocks;
	const MatchComponents *components;
	MatchClusters *result;
} ClusterWork;

/* What this process does while others have begun with the components that are clustered each by itself. */
static void
cluster_together(void *argument)
{
	ClusterWork *what = argument;

	if (what->components->together != NULL)
		omni_match_cluster_together(what->data, what->blocks, what->components, what->result);
}

/* Clusters all components. */
static void
cluster_components(const MatchData *data, const MatchBlocks *blocks, const MatchComponents *components, MatchClusters *result)
{
	MatchJob	job = {.kind = MATCH_JOB_CLUSTER};
	MatchWork  *work = omni_match_begin_work(data, NULL, NULL, components);
	ClusterWork what = {data, blocks, components, result};
	TaskMerges *tasks;

	job.ntasks = (data->nrecords + MATCH_RECORD_CHUNK - 1) / MATCH_RECORD_CHUNK;
	tasks = palloc0(Max(job.ntasks, 1) * sizeof(TaskMerges));
	omni_match_work_beside(work, cluster_together, &what);
	omni_match_work(work, &job, take_merges, tasks);
	for (uint64 i = 0; i < job.ntasks; i++)
	{
		if (tasks[i].size > 0)
			memcpy(result->merges + result->nmerges, tasks[i].bytes, tasks[i].size);
		result->nmerges += tasks[i].size / sizeof(MatchMerge);
	}
	omni_match_end_work(work);
	pfree(tasks);
}

/*
 * omni_match_cluster: the entities of a table.
 * Arguments: the records; their blocks; the scored pairs, each once, which are
 * used up.
 */
MatchClusters *
omni_match_cluster(const MatchData *data, const MatchBlocks *blocks, MatchEdges *edges)
{
	MemoryContext old = MemoryContextSwitchTo(data->context);
	MemoryContext work = AllocSetContextCreate(data->context, "omnicrm clusters", ALLOCSET_DEFAULT_SIZES);
	MatchClusters *result = palloc0_object(MatchClusters);
	MatchComponents *components;

	result->cluster = MemoryContextAllocHuge(data->context, mul_size(Max(data->nrecords, 1), sizeof(uint32)));
	result->merges = MemoryContextAllocHuge(data->context, mul_size(Max(data->nrecords, 1), sizeof(MatchMerge)));
	MemoryContextSwitchTo(work);
	components = make_components(data, blocks, edges);
	cluster_components(data, blocks, components, result);
	/* each cluster has the number of its smallest record, which comes first */
	for (uint32 r = 0; r < data->nrecords; r++)
		result->cluster[r] = r;
	for (uint32 i = 0; i < result->nmerges; i++)
		result->cluster[result->merges[i].b] = result->merges[i].a;
	for (uint32 r = 0; r < data->nrecords; r++)
		result->cluster[r] = result->cluster[result->cluster[r]];
	MemoryContextSwitchTo(old);
	MemoryContextDelete(work);
	return result;
}
