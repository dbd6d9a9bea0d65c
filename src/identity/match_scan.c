/*
 * match_scan.c
 *		Holds the records of each block against each other.
 *
 * Two records meet in each block that they share, and half of what meets has met
 * before.  So a scan goes from record to record: those that follow it in one of its
 * blocks are collected, each once, and judged by their rows, several at a time
 * (match_lanes.c).  What values a pair then has to compare are asked for ahead of its
 * turn.  Records and blocks are arranged for that (match_arrange.c), and a record is
 * known by its place.  Records are handed out in chunks, to this process alone or to
 * parallel workers too (match_parallel.c).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_arrange.h"
#include "identity/match_job.h"
#include "identity/match_lanes.h"

/* others that are collected before they are judged */
#define PARTNERS_MAX	(16 * MATCH_LANES)
/* records whose blocks are asked for ahead of their turn */
#define PREFETCH_RECORDS	4
/* places whose records are asked for ahead of their turn */
#define PREFETCH_PLACES		16
/* pairs that wait for their values */
#define WAITING_MAX		16

/* A pair of the probe that its rows did not settle. */
typedef struct Waiting
{
	uint32		other;
	MatchBound	bound;
} Waiting;

typedef struct MatchScan
{
	const MatchData *data;
	const MatchMeetings *meetings;
	int32		floor;
	MatchProbe	probe;
	uint32		given_name;		/* that is the surname of the probe, or MATCH_NULL */
	uint32	   *given_names;	/* of all surnames; see omni_match_given_names() */
	uint16	   *met;			/* by record: the last round in which it was met */
	uint16		round;			/* of the probe; 0: of none */
	uint32		partners[PARTNERS_MAX]; /* of the probe, not judged yet */
	int			npartners;
	MatchColumns columns;		/* the rows of some of them */
	Waiting		waiting[WAITING_MAX];
	int			nwaiting;
	MatchEdges *edges;
	/* the present chunk */
	uint32		start[MATCH_SCAN_CHUNK + 1];	/* of the places of each record */
	uint32	   *place;			/* where it has others after it among the members, record by record */
	Size		capacity;
} MatchScan;

/* A scan for pairs of at least that weight. */
static MatchScan *
begin_scan(const MatchData *data, const MatchMeetings *meetings, int32 floor)
{
	MatchScan  *scan = palloc0_object(MatchScan);

	scan->data = data;
	scan->meetings = meetings;
	scan->floor = floor;
	scan->probe.data = data;
	omni_match_remember_levels(&scan->probe);
	scan->given_names = omni_match_given_names(data);
	scan->met = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(Max(data->nrecords, 1), sizeof(uint16)),
										   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	scan->edges = omni_match_new_edges();
	return scan;
}

/* Weighs the pairs that wait. */
static void
weigh_waiting(MatchScan *scan)
{
	for (int i = 0; i < scan->nwaiting; i++)
	{
		Waiting    *waiting = &scan->waiting[i];
		int32		weight = omni_match_settle(&scan->probe, omni_match_row(scan->data, waiting->other), &waiting->bound, scan->floor);

		if (weight >= scan->floor)
			omni_match_add_edge(scan->edges, scan->probe.record, waiting->other, weight);
	}
	scan->nwaiting = 0;
}

/* Lets a pair of the probe wait for the values that it has to compare. */
static void
let_wait(MatchScan *scan, uint32 other, const MatchLaneBounds *bounds, int lane)
{
	const MatchDictionary *dictionary = scan->data->dictionary;
	const uint32 *row = omni_match_row(scan->data, other);
	Waiting    *waiting;

	if (scan->nwaiting == WAITING_MAX)
		weigh_waiting(scan);
	waiting = &scan->waiting[scan->nwaiting++];
	waiting->other = other;
	if (bounds->exchanged[lane] != 0)
		(void) omni_match_bound(&scan->probe, row, &waiting->bound, PG_INT32_MIN);
	else
		omni_match_lane_bound(&scan->probe, bounds, lane, &waiting->bound);
	omni_match_recall(&scan->probe, row, &waiting->bound);
	scan->edges->scored++;
	if (waiting->bound.most < scan->floor)
	{
		scan->nwaiting--;
		return;
	}
	for (int i = 0; i < waiting->bound.nopen; i++)
	{
		int			f = waiting->bound.open[i];

		__builtin_prefetch(&dictionary[f].values[scan->probe.row[f]]);
		__builtin_prefetch(&dictionary[f].values[row[f]]);
	}
}

/* Judges the partners that were collected, and forgets them. */
static void
judge_partners(MatchScan *scan)
{
	const MatchData *data = scan->data;
	MatchLaneBounds bounds;

	for (int first = 0; first < scan->npartners; first += MATCH_LANES)
	{
		int			lanes = Min(MATCH_LANES, scan->npartners - first);

		for (int lane = 0; lane < lanes; lane++)
		{
			const uint32 *row = omni_match_row(data, scan->partners[first + lane]);

			for (int i = 0; i < data->width; i++)
				scan->columns.words[i][lane] = row[i];
		}
		omni_match_bound_lanes(&scan->probe, scan->given_name, &scan->columns, &bounds);
		for (int lane = 0; lane < lanes; lane++)
		{
			if (bounds.most[lane] >= scan->floor || bounds.exchanged[lane] != 0)
				let_wait(scan, scan->partners[first + lane], &bounds, lane);
		}
	}
	scan->npartners = 0;
}

/* Asks for the blocks of the n-th record of the chunk. */
static inline void
prefetch_blocks(const MatchScan *scan, uint32 n)
{
	for (uint32 i = scan->start[n]; i < scan->start[n + 1]; i++)
		__builtin_prefetch(&scan->meetings->member[scan->place[i]]);
}

/* Orders the places of a chunk by their records. */
static void
sort_places(MatchScan *scan, uint64 chunk)
{
	const uint32 *member = scan->meetings->member;
	const uint32 *place = scan->meetings->place + scan->meetings->start[chunk];
	Size		n = scan->meetings->start[chunk + 1] - scan->meetings->start[chunk];
	uint32		sum = 0;

	if (n > scan->capacity)
	{
		if (scan->place != NULL)
			pfree(scan->place);
		scan->capacity = n + n / 4;
		scan->place = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(scan->capacity, sizeof(uint32)));
	}
	memset(scan->start, 0, sizeof(scan->start));
	for (Size i = 0; i < n; i++)
	{
		if (i + PREFETCH_PLACES < n)
			__builtin_prefetch(&member[place[i + PREFETCH_PLACES]]);
		scan->start[member[place[i]] % MATCH_SCAN_CHUNK]++;
	}
	for (int r = 0; r <= MATCH_SCAN_CHUNK; r++)
		scan->start[r] = sum += scan->start[r];
	/* from the last one on, so that each start ends up where it belongs */
	for (Size i = n; i-- > 0;)
		scan->place[--scan->start[member[place[i]] % MATCH_SCAN_CHUNK]] = place[i];
}

/*
 * Collects who follows the probe in one of its blocks, from its place there on, and was
 * not met yet.  Half were, in no order: so there is no branch that depends on it.
 */
static void
collect_partners(MatchScan *scan, const uint32 *member)
{
	const MatchData *data = scan->data;
	const uint8 *source = data->across ? data->source : NULL;
	uint32		next;

	do
	{
		uint32		other;
		bool		fresh;

		next = *++member;
		other = next & ~MATCH_LAST_MEMBER;
		if (scan->npartners == PARTNERS_MAX)
			judge_partners(scan);
		__builtin_prefetch(omni_match_row(data, other));
		fresh = scan->met[other] != scan->round;
		scan->met[other] = scan->round;
		if (source != NULL)
			fresh &= source[scan->probe.record] != source[other];
		scan->partners[scan->npartners] = other;
		scan->npartners += fresh;
	} while ((next & MATCH_LAST_MEMBER) == 0);
}

/* The pairs of the n-th record of the chunk with those that follow it in its blocks. */
static void
scan_record(MatchScan *scan, uint32 record, uint32 n)
{
	const MatchModel *model = scan->data->model;

	omni_match_probe(&scan->probe, record);
	if (++scan->round == 0)
	{
		/* the numbers of the rounds start again */
		memset(scan->met, 0, scan->data->nrecords * sizeof(uint16));
		scan->round = 1;
	}
	scan->given_name = MATCH_NULL;
	if (scan->given_names != NULL && scan->probe.row[model->surname] != MATCH_NULL)
		scan->given_name = scan->given_names[scan->probe.row[model->surname]];
	for (uint32 i = scan->start[n]; i < scan->start[n + 1]; i++)
		collect_partners(scan, scan->meetings->member + scan->place[i]);
	judge_partners(scan);
	weigh_waiting(scan);
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
 * records, a participant gives the number of pairs that it weighed and those that it
 * found, in no particular order.
 */
void
omni_match_scan_task(MatchShare *share, uint64 task)
{
	uint32		first = task * MATCH_SCAN_CHUNK;
	uint32		n = Min(MATCH_SCAN_CHUNK, share->data->nrecords - first);

	if (share->state == NULL)
		share->state = begin_scan(share->data, share->meetings, share->job->floor);
	sort_places(share->state, task);
	for (uint32 i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (i + PREFETCH_RECORDS < n)
			prefetch_blocks(share->state, i + PREFETCH_RECORDS);
		scan_record(share->state, first + i, i);
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
	MatchWork  *work = omni_match_begin_work(&arranged->data, NULL, &arranged->meetings, NULL);
	MatchJob	job = {.kind = MATCH_JOB_SCAN};
	const MatchShare *share = omni_match_work_share(work);

	if (!omni_match_use_image(work))
		omni_match_alloc_arranged(arranged);
	omni_match_put_rows(arranged, data, unconstify(MatchData *, share->data));
	omni_match_put_members(arranged, blocks, unconstify(MatchMeetings *, share->meetings));
	MemoryContextSwitchTo(old);
	job.floor = floor;
	job.ntasks = omni_match_scan_chunks(data->nrecords);
	omni_match_work(work, &job, take_edges, edges);
	omni_match_end_work(work);
	for (uint64 i = 0; i < edges->count; i++)
	{
		edges->edge[i].a = record[edges->edge[i].a];
		edges->edge[i].b = record[edges->edge[i].b];
	}
	pfree(record);
	MemoryContextDelete(arranged->data.context);
	return edges;
}
