/*
 * match_queue.c
 *		Merges that may be made, best first.
 *
 * Of the merges that are proposed in a large component nearly all are out of date
 * before their turn, and a heap of them all is larger than any cache: it waits for
 * memory at each step.  So they lie in buckets by their means, in no order, and only
 * the best bucket that has any is made a heap.  What is proposed later and belongs into
 * it or above goes into that heap, so they come out in one order: greatest mean first,
 * equal means by the smallest records, whatever the buckets.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"
#include "identity/match_queue.h"

/* units of weight that share a bucket, and buckets; the last one takes all above */
#define BUCKET_UNITS	64
#define BUCKETS			(1 << 17)
/* children of an entry of the heap */
#define HEAP_CHILDREN	4
/* candidates of a bucket that lie together */
#define CHUNK			10
/* no chunk */
#define NOTHING			PG_UINT32_MAX

/* Some candidates of a bucket: four cache lines. */
typedef struct Chunk
{
	uint32		next;			/* of the same bucket, or free, or NOTHING */
	uint32		n;
	MatchCandidate candidate[CHUNK];
} Chunk;

struct MatchQueue
{
	MemoryContext context;
	double		least;			/* mean of any candidate */
	int			open;			/* candidates of this bucket and those above are in the heap */
	int			highest;		/* no bucket above it has a candidate */
	MatchCandidate *heap;
	Size		nheap;
	Size		heap_capacity;
	uint32		first[BUCKETS]; /* chunk of each bucket, or NOTHING */
	Chunk	   *chunks;
	uint32		nchunks;
	uint32		capacity;
	uint32		free;			/* first one, or NOTHING */
};

/*
 * omni_match_make_queue: an empty queue, in the present context, for candidates of at
 * least that mean.
 */
MatchQueue *
omni_match_make_queue(double least)
{
	MatchQueue *queue = palloc_object(MatchQueue);

	memset(queue, 0, offsetof(MatchQueue, first));
	memset(queue->first, 0xff, sizeof(queue->first));
	queue->context = CurrentMemoryContext;
	queue->least = least;
	queue->open = BUCKETS;
	queue->highest = -1;
	queue->heap_capacity = 1024;
	queue->heap = MemoryContextAllocHuge(queue->context, queue->heap_capacity * sizeof(MatchCandidate));
	queue->capacity = 1024;
	queue->chunks = MemoryContextAllocHuge(queue->context, queue->capacity * sizeof(Chunk));
	queue->nchunks = 0;
	queue->free = NOTHING;
	return queue;
}

/* Whether candidate x comes before y. */
static inline bool
comes_before(const MatchCandidate *x, const MatchCandidate *y)
{
	if (x->mean != y->mean)
		return x->mean > y->mean;
	if (x->label_a != y->label_a)
		return x->label_a < y->label_a;
	return x->label_b < y->label_b;
}

/* Moves a candidate down from a free place of the heap to where it belongs. */
static void
sink(MatchQueue *queue, Size at, const MatchCandidate *candidate)
{
	MatchCandidate *heap = queue->heap;
	Size		first;

	while ((first = at * HEAP_CHILDREN + 1) < queue->nheap)
	{
		Size		end = Min(first + HEAP_CHILDREN, queue->nheap);
		Size		best = first;

		for (Size child = first + 1; child < end; child++)
		{
			if (comes_before(&heap[child], &heap[best]))
				best = child;
		}
		if (!comes_before(&heap[best], candidate))
			break;
		heap[at] = heap[best];
		at = best;
	}
	heap[at] = *candidate;
}

/* Room for one more in the heap, at its end. */
static void
grow_heap(MatchQueue *queue)
{
	if (queue->nheap == queue->heap_capacity)
	{
		queue->heap_capacity *= 2;
		queue->heap = repalloc_huge(queue->heap, mul_size(queue->heap_capacity, sizeof(MatchCandidate)));
	}
	queue->nheap++;
}

static void
put_into_heap(MatchQueue *queue, const MatchCandidate *candidate)
{
	Size		at = queue->nheap;

	grow_heap(queue);
	while (at > 0 && comes_before(candidate, &queue->heap[(at - 1) / HEAP_CHILDREN]))
	{
		queue->heap[at] = queue->heap[(at - 1) / HEAP_CHILDREN];
		at = (at - 1) / HEAP_CHILDREN;
	}
	queue->heap[at] = *candidate;
}

/* The number of an empty chunk. */
static uint32
free_chunk(MatchQueue *queue)
{
	uint32		chunk = queue->free;

	if (chunk != NOTHING)
	{
		queue->free = queue->chunks[chunk].next;
		return chunk;
	}
	if (queue->nchunks == queue->capacity)
	{
		if (queue->capacity > PG_UINT32_MAX / 2)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("too many merges are possible in one component of pairs"),
					 errhint("Raise the option threshold of the model.")));
		queue->capacity *= 2;
		queue->chunks = repalloc_huge(queue->chunks, mul_size(queue->capacity, sizeof(Chunk)));
	}
	return queue->nchunks++;
}

/*
 * omni_match_queue_put: adds a candidate.
 */
void
omni_match_queue_put(MatchQueue *queue, const MatchCandidate *candidate)
{
	int			bucket = (int) Min((candidate->mean - queue->least) / BUCKET_UNITS, BUCKETS - 1);
	uint32	   *first = &queue->first[bucket];
	Chunk	   *chunk;

	if (bucket >= queue->open)
	{
		put_into_heap(queue, candidate);
		return;
	}
	if (*first == NOTHING || queue->chunks[*first].n == CHUNK)
	{
		uint32		fresh = free_chunk(queue);

		queue->chunks[fresh].next = *first;
		queue->chunks[fresh].n = 0;
		*first = fresh;
	}
	chunk = &queue->chunks[*first];
	chunk->candidate[chunk->n++] = *candidate;
	queue->highest = Max(queue->highest, bucket);
}

/* Makes a heap of the best bucket that has candidates; whether there is one. */
static bool
open_bucket(MatchQueue *queue)
{
	while (queue->highest >= 0 && queue->first[queue->highest] == NOTHING)
		queue->highest--;
	if (queue->highest < 0)
	{
		queue->open = BUCKETS;
		queue->nchunks = 0;
		queue->free = NOTHING;
		return false;
	}
	queue->open = queue->highest;
	for (uint32 number = queue->first[queue->open]; number != NOTHING;)
	{
		Chunk	   *chunk = &queue->chunks[number];
		uint32		next = chunk->next;

		for (uint32 i = 0; i < chunk->n; i++)
		{
			grow_heap(queue);
			queue->heap[queue->nheap - 1] = chunk->candidate[i];
		}
		chunk->next = queue->free;
		queue->free = number;
		number = next;
	}
	queue->first[queue->open] = NOTHING;
	for (Size at = (queue->nheap + HEAP_CHILDREN - 2) / HEAP_CHILDREN; at-- > 0;)
	{
		MatchCandidate candidate = queue->heap[at];

		sink(queue, at, &candidate);
	}
	return true;
}

/*
 * omni_match_queue_take: takes the best candidate out; false when there is none.
 */
bool
omni_match_queue_take(MatchQueue *queue, MatchCandidate *candidate)
{
	if (queue->nheap == 0 && !open_bucket(queue))
		return false;
	*candidate = queue->heap[0];
	if (--queue->nheap > 0)
	{
		MatchCandidate last = queue->heap[queue->nheap];

		sink(queue, 0, &last);
	}
	return true;
}

/*
 * omni_match_queue_next: the candidate that is the best one for the time being, or NULL
 * where that is not known yet.
 */
const MatchCandidate *
omni_match_queue_next(const MatchQueue *queue)
{
	return queue->nheap > 0 ? &queue->heap[0] : NULL;
}
