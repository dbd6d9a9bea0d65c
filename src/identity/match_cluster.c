/*
 * match_cluster.c
 *		Constrained average link: from scored pairs to entities.
 *
 * Again and again the two clusters are merged whose records weigh most against
 * each other on average over all their pairs, as long as that mean reaches the
 * threshold.  One wrong pair therefore joins nothing, as it would in connected
 * components.  Pairs that no key brought together are scored before two clusters
 * of moderate size merge; until then, and beyond, they count a fixed weight.
 *
 * Weights are whole numbers, so sums are exact and do not depend on the order of
 * work; equal means go by the smallest records.  What happens in one connected
 * component of pairs depends on that component alone, so components are clustered
 * each by itself, with the places of its records in the place of their numbers, by
 * this process or by parallel workers too.  Only where people decided of pairs, or
 * records stand for others, this process takes them all, with the whole table at
 * hand.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/float.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_job.h"
#include "identity/match_queue.h"
#include "identity/match_small.h"

/* clusters whose product of sizes is larger are merged without scoring all pairs */
#define SCORED_PAIRS_MAX	4096
StaticAssertDecl(MATCH_SMALL_MAX / 2 * (MATCH_SMALL_MAX / 2) <= SCORED_PAIRS_MAX, "small components score all pairs");

/* bits that are asked for beyond the threshold each time both clusters double */
#define STRICTNESS		1.5

/* What is known of the pairs of records between two clusters. */
typedef struct Known
{
	int64		sum;
	uint64		scored;			/* pairs in sum; 0: another one has taken it over */
	uint32		proposal;		/* number of the newest proposal to merge the two; older ones are out of date */
} Known;

/* Another cluster, and the number of what is known of both, which both share. */
typedef struct Neighbour
{
	uint32		cluster;		/* as it was then: its root is the cluster now */
	uint32		known;
} Neighbour;

typedef struct Cluster
{
	Neighbour  *neighbours;
	uint32		count;
	uint32		capacity;
	bool		moved;			/* neighbours have room of their own */
	uint32		size;			/* records */
	uint32		label;			/* smallest record */
	uint32		last;			/* last record of the list of its records */
	uint64		sources;		/* bits of the sources of its records, where one admits one record only */
	uint32	   *strangers;		/* records that somebody keeps apart from it */
	uint32		nstrangers;
} Cluster;

/* neighbours of which is asked for what is known ahead of their turn */
#define PREFETCH_NEIGHBOURS	8
/* sizes of clusters for which the mean that is asked for is at hand */
#define LEAST_KNOWN		64

/* Arrays are by record, or by place in the present component. */
typedef struct Clustering
{
	const MatchData *data;
	const uint32 *record;		/* of each place, NULL where places are records */
	uint32		capacity;		/* places that there is room for */
	MatchProbe *probe;
	uint32	   *parent;
	uint32	   *next;			/* next record of the same cluster, MATCH_NULL at the end */
	Cluster    *clusters;
	Known	   *known;			/* of pairs of clusters, by number */
	uint32	   *exclusive[MATCH_FIELDS_MAX];	/* value of each cluster, or NULL */
	uint32	   *copies;			/* records that each one stands for in blocks, itself included, or NULL */
	uint32	   *place;			/* where a cluster stands in the list being merged */
	uint32	   *stamp;
	uint32		round;
	MatchQueue *queue;
	int64		threshold;
	int64		unscored;
	double		least[LEAST_KNOWN + 1]; /* mean that is asked for, by the records of the smaller cluster */
	MatchMerge *merges;
	uint32		nmerges;
	MemoryContext component;	/* what is known of neighbours in the present component */
} Clustering;

/* The record of a place. */
static inline uint32
record_of(const Clustering *c, uint32 place)
{
	return c->record != NULL ? c->record[place] : place;
}

static uint32
find_root(Clustering *c, uint32 record)
{
	while (c->parent[record] != record)
	{
		c->parent[record] = c->parent[c->parent[record]];
		record = c->parent[record];
	}
	return record;
}

/* Whether a value, a source or somebody's decision keeps two clusters apart. */
static bool
exclude_each_other(Clustering *c, uint32 a, uint32 b)
{
	const Cluster *x = &c->clusters[a];
	const Cluster *y = &c->clusters[b];

	if ((x->sources & y->sources) != 0)
		return true;
	for (uint32 i = 0; i < x->nstrangers; i++)
	{
		if (find_root(c, x->strangers[i]) == b)
			return true;
	}
	for (int f = 0; f < c->data->model->nfields; f++)
	{
		const uint32 *value = c->exclusive[f];

		if (value != NULL && value[a] != MATCH_NULL && value[b] != MATCH_NULL && value[a] != value[b])
			return true;
	}
	return false;
}

/*
 * omni_match_merge_threshold: the mean weight in units at which two clusters of so
 * many records merge.  Two clusters of several records each have had more chances
 * to look alike than one more record of a cluster: the more records both have, the
 * more is asked for.
 */
double
omni_match_merge_threshold(int64 threshold, uint32 size_a, uint32 size_b)
{
	return threshold + STRICTNESS * MATCH_UNIT * log2(Min(size_a, size_b));
}

/* Proposes to merge two clusters of which something is known, if they may. */
static void
propose(Clustering *c, uint32 a, uint32 b, uint32 number)
{
	const Cluster *x = &c->clusters[a];
	const Cluster *y = &c->clusters[b];
	Known	   *known = &c->known[number];
	uint64		pairs = (uint64) x->size * y->size;
	uint32		smaller = Min(x->size, y->size);
	double		least = smaller <= LEAST_KNOWN ? c->least[smaller] : omni_match_merge_threshold(c->threshold, smaller, smaller);
	MatchCandidate candidate;

	known->proposal++;
	candidate.mean = ((double) known->sum + (double) (pairs - known->scored) * c->unscored) / pairs;
	if (candidate.mean < least || exclude_each_other(c, a, b))
		return;
	candidate.label_a = Min(x->label, y->label);
	candidate.label_b = Max(x->label, y->label);
	candidate.known = number;
	candidate.proposal = known->proposal;
	omni_match_queue_put(c->queue, &candidate);
}

/* Makes room for more neighbours of a cluster. */
static void
make_room_for_neighbours(Clustering *c, Cluster *cluster, uint32 count)
{
	Size		capacity;
	Neighbour  *neighbours;

	if (count <= cluster->capacity)
		return;
	capacity = Max((Size) count, (Size) cluster->capacity * 2);
	neighbours = MemoryContextAllocHuge(c->component, mul_size(capacity, sizeof(Neighbour)));
	memcpy(neighbours, cluster->neighbours, cluster->count * sizeof(Neighbour));
	/* the first room of all clusters is one piece */
	if (cluster->moved)
		pfree(cluster->neighbours);
	cluster->neighbours = neighbours;
	cluster->capacity = capacity;
	cluster->moved = true;
}

/*
 * Leaves one neighbour of a cluster for each other cluster: what is known of the same two
 * is added up, and neighbours that have become part of the cluster, or of which another
 * entry knows, go.
 */
static void
join_neighbours(Clustering *c, uint32 a)
{
	Cluster    *x = &c->clusters[a];
	uint32		kept = 0;

	c->round++;
	for (uint32 i = 0; i < x->count; i++)
	{
		Neighbour	entry = x->neighbours[i];
		Known	   *known = &c->known[entry.known];
		uint32		root;

		if (i + PREFETCH_NEIGHBOURS < x->count)
		{
			__builtin_prefetch(&c->known[x->neighbours[i + PREFETCH_NEIGHBOURS].known], 1);
			__builtin_prefetch(&c->parent[x->neighbours[i + PREFETCH_NEIGHBOURS].cluster]);
		}
		if (known->scored == 0)
			continue;
		root = find_root(c, entry.cluster);
		if (root == a)
			continue;
		if (c->stamp[root] == c->round)
		{
			Known	   *first = &c->known[x->neighbours[c->place[root]].known];

			first->sum += known->sum;
			first->scored += known->scored;
			known->scored = 0;
			known->proposal++;
			continue;
		}
		c->stamp[root] = c->round;
		c->place[root] = kept;
		entry.cluster = root;
		x->neighbours[kept++] = entry;
	}
	x->count = kept;
}

/* Scores every pair between two clusters. */
static int64
score_all_pairs(Clustering *c, uint32 a, uint32 b)
{
	int64		sum = 0;

	for (uint32 r = c->clusters[a].label; r != MATCH_NULL; r = c->next[r])
	{
		omni_match_probe(c->probe, record_of(c, r));
		for (uint32 s = c->clusters[b].label; s != MATCH_NULL; s = c->next[s])
			sum += omni_match_score(c->probe, record_of(c, s), PG_INT32_MIN);
		CHECK_FOR_INTERRUPTS();
	}
	return sum;
}

static void
add_stranger(Cluster *cluster, uint32 record)
{
	/* room grows by powers of two */
	if ((cluster->nstrangers & (cluster->nstrangers - 1)) == 0)
	{
		Size		room = Max(cluster->nstrangers * 2, 1) * sizeof(uint32);

		cluster->strangers = cluster->strangers == NULL ? palloc(room) : repalloc_huge(cluster->strangers, room);
	}
	cluster->strangers[cluster->nstrangers++] = record;
}

/* Writes down a merge. */
static void
log_merge(Clustering *c, uint32 a, uint32 b, double weight)
{
	MatchMerge *merge = &c->merges[c->nmerges++];

	merge->a = record_of(c, Min(c->clusters[a].label, c->clusters[b].label));
	merge->b = record_of(c, Max(c->clusters[a].label, c->clusters[b].label));
	merge->records = c->clusters[a].size + c->clusters[b].size;
	merge->weight = weight;
}

/* Merges two clusters and proposes anew what that makes possible. */
static void
merge(Clustering *c, uint32 a, uint32 b, double weight)
{
	Cluster    *x;
	Cluster    *y;

	log_merge(c, a, b, weight);

	if (c->clusters[a].count < c->clusters[b].count)
	{
		uint32		swap = a;

		a = b;
		b = swap;
	}
	x = &c->clusters[a];
	y = &c->clusters[b];
	c->parent[b] = a;
	/* the list of records starts with the smallest */
	if (x->label < y->label)
	{
		c->next[x->last] = y->label;
		x->last = y->last;
	}
	else
	{
		c->next[y->last] = x->label;
		x->label = y->label;
	}
	x->size += y->size;
	x->sources |= y->sources;
	for (uint32 i = 0; i < y->nstrangers; i++)
		add_stranger(x, y->strangers[i]);
	for (int f = 0; f < c->data->model->nfields; f++)
	{
		if (c->exclusive[f] != NULL && c->exclusive[f][a] == MATCH_NULL)
			c->exclusive[f][a] = c->exclusive[f][b];
	}
	make_room_for_neighbours(c, x, x->count + y->count);
	if (y->count > 0)
		memcpy(x->neighbours + x->count, y->neighbours, y->count * sizeof(Neighbour));
	x->count += y->count;
	if (y->moved)
		pfree(y->neighbours);
	y->neighbours = NULL;
	y->count = y->capacity = 0;
	y->moved = false;
	join_neighbours(c, a);
	for (uint32 i = 0; i < x->count; i++)
	{
		if (i + PREFETCH_NEIGHBOURS < x->count)
			__builtin_prefetch(&c->clusters[x->neighbours[i + PREFETCH_NEIGHBOURS].cluster]);
		propose(c, a, x->neighbours[i].cluster, x->neighbours[i].known);
	}
}

/* Merges the best candidate, or scores its missing pairs first. */
static void
try_candidate(Clustering *c, const MatchCandidate *candidate)
{
	Known	   *known = &c->known[candidate->known];
	uint32		a;
	uint32		b;
	uint64		pairs;

	if (known->proposal != candidate->proposal)
		return;
	a = find_root(c, candidate->label_a);
	b = find_root(c, candidate->label_b);
	pairs = (uint64) c->clusters[a].size * c->clusters[b].size;
	if (pairs > 1 && pairs <= SCORED_PAIRS_MAX && known->scored < pairs)
	{
		known->sum = score_all_pairs(c, a, b);
		known->scored = pairs;
		propose(c, a, b, candidate->known);
		return;
	}
	/* what is known of both is of no use any longer */
	known->proposal++;
	merge(c, a, b, candidate->mean / MATCH_UNIT);
}

/*
 * omni_match_exclusive: the value of an exclusive field by which a record keeps
 * away from others, or MATCH_NULL.
 */
uint32
omni_match_exclusive(const MatchData *data, int f, uint32 record)
{
	uint32		value = omni_match_row(data, record)[f];

	/* a tax number whose control character is wrong excludes nothing */
	if (value != MATCH_NULL && data->model->field[f].kind == MATCH_TAX_ID && !data->dictionary[f].values[value].valid)
		value = MATCH_NULL;
	return value;
}

/* Room for so many places, in the present context, which is the clustering's own. */
static void
make_room(Clustering *c, Size n)
{
	const MatchModel *model = c->data->model;

	c->capacity = n;
	c->parent = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(uint32)));
	c->next = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(uint32)));
	c->place = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(uint32)));
	c->stamp = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(uint32)));
	c->clusters = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(Cluster)));
	c->merges = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(MatchMerge)));
	c->queue = omni_match_make_queue(c->threshold);
	for (int f = 0; f < model->nfields; f++)
	{
		if (model->field[f].exclusive)
			c->exclusive[f] = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(uint32)));
	}
}

/* Makes each of so many places a cluster of its own. */
static void
begin(Clustering *c, const uint32 *record, uint32 n)
{
	const MatchData *data = c->data;

	c->record = record;
	c->nmerges = 0;
	c->round = 0;
	memset(c->clusters, 0, n * sizeof(Cluster));
	memset(c->stamp, 0, n * sizeof(uint32));
	for (uint32 i = 0; i < n; i++)
	{
		uint32		r = record_of(c, i);

		c->parent[i] = i;
		c->next[i] = MATCH_NULL;
		c->clusters[i].size = 1;
		c->clusters[i].label = i;
		c->clusters[i].last = i;
		if (data->one_per_source && data->source[r] < MATCH_SOURCES_MAX)
			c->clusters[i].sources = UINT64CONST(1) << data->source[r];
	}
	for (int f = 0; f < data->model->nfields; f++)
	{
		for (uint32 i = 0; c->exclusive[f] != NULL && i < n; i++)
			c->exclusive[f][i] = omni_match_exclusive(data, f, record_of(c, i));
	}
}

/* A clustering of some records. */
static Clustering *
make_clustering(const MatchData *data)
{
	Clustering *c = palloc0_object(Clustering);
	const MatchModel *model = data->model;

	c->data = data;
	c->probe = palloc0_object(MatchProbe);
	c->probe->data = data;
	omni_match_remember_levels(c->probe);
	c->threshold = (int64) (model->threshold * MATCH_UNIT);
	c->unscored = (int64) (model->unscored * MATCH_UNIT);
	for (uint32 size = 1; size <= LEAST_KNOWN; size++)
		c->least[size] = omni_match_merge_threshold(c->threshold, size, size);
	c->component = AllocSetContextCreate(CurrentMemoryContext, "omnicrm component", ALLOCSET_DEFAULT_SIZES);
	return c;
}

static int
compare_decisions(const void *a, const void *b)
{
	const MatchDecision *x = a;
	const MatchDecision *y = b;

	if (x->same != y->same)
		return x->same ? 1 : -1;
	if (x->a != y->a)
		return x->a < y->a ? -1 : 1;
	return x->b < y->b ? -1 : x->b > y->b;
}

/* What people decided to keep apart. */
static void
keep_strangers_apart(Clustering *c, const uint32 *place)
{
	const MatchData *data = c->data;

	qsort(data->decisions, data->ndecisions, sizeof(MatchDecision), compare_decisions);
	for (uint64 i = 0; i < data->ndecisions && !data->decisions[i].same; i++)
	{
		uint32		a = place[data->decisions[i].a];
		uint32		b = place[data->decisions[i].b];

		add_stranger(&c->clusters[a], b);
		add_stranger(&c->clusters[b], a);
	}
}

/*
 * Merges records of the same values of which only the first has keys.  Each of
 * them weighs the same against any other record, so their order is of no
 * importance.
 */
static void
merge_copies(Clustering *c, const MatchBlocks *blocks, const uint32 *place, uint32 n)
{
	if (blocks->original == NULL)
		return;
	c->copies = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(uint32)));
	for (uint32 i = 0; i < n; i++)
		c->copies[i] = 1;
	for (uint32 i = 0; i < n; i++)
	{
		uint32		first = blocks->original[record_of(c, i)];
		uint32		root;
		int32		weight;

		CHECK_FOR_INTERRUPTS();
		if (first == MATCH_NULL)
			continue;
		root = find_root(c, place[first]);
		omni_match_probe(c->probe, first);
		weight = omni_match_score(c->probe, record_of(c, i), PG_INT32_MIN);
		if (weight < c->threshold || exclude_each_other(c, root, i))
			continue;
		merge(c, root, i, (double) weight / MATCH_UNIT);
		c->copies[place[first]]++;
	}
}

/* What people decided to join. */
static void
join_by_decision(Clustering *c, const uint32 *place)
{
	const MatchData *data = c->data;

	for (uint64 i = 0; i < data->ndecisions; i++)
	{
		const MatchDecision *decision = &data->decisions[i];
		uint32		a = find_root(c, place[decision->a]);
		uint32		b = find_root(c, place[decision->b]);

		/* of two decisions that contradict each other the one that keeps apart holds */
		if (decision->same && a != b && !exclude_each_other(c, a, b))
			merge(c, a, b, get_float8_nan());
	}
}

/* Takes down what the pairs of a component tell of its clusters. */
static void
take_pairs(Clustering *c, const MatchEdge *edges, uint64 count, const uint32 *places)
{
	Neighbour  *neighbours = MemoryContextAllocHuge(c->component, mul_size(Max(count, 1), 2 * sizeof(Neighbour)));

	if (count > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %u pairs in one component", PG_UINT32_MAX),
				 errhint("Raise the option threshold of the model.")));
	c->known = MemoryContextAllocHuge(c->component, mul_size(Max(count, 1), sizeof(Known)));
	for (uint64 i = 0; i < count; i++)
	{
		uint32		x = places != NULL ? places[edges[i].a] : edges[i].a;
		uint32		y = places != NULL ? places[edges[i].b] : edges[i].b;
		uint32		a = find_root(c, x);
		uint32		b = find_root(c, y);

		c->known[i].scored = 0;
		c->known[i].proposal = 0;
		/* somebody joined them already */
		if (a == b)
			continue;
		/* a record that stands for others weighs for them */
		c->known[i].scored = c->copies != NULL ? (uint64) c->copies[x] * c->copies[y] : 1;
		c->known[i].sum = (int64) c->known[i].scored * edges[i].weight;
		c->clusters[a].capacity++;
		c->clusters[b].capacity++;
	}
	for (uint64 i = 0; i < count; i++)
	{
		uint32		side[2];

		if (c->known[i].scored == 0)
			continue;
		side[0] = find_root(c, places != NULL ? places[edges[i].a] : edges[i].a);
		side[1] = find_root(c, places != NULL ? places[edges[i].b] : edges[i].b);
		for (int k = 0; k < 2; k++)
		{
			Cluster    *cluster = &c->clusters[side[k]];

			if (cluster->neighbours == NULL)
			{
				cluster->neighbours = neighbours;
				neighbours += cluster->capacity;
			}
			cluster->neighbours[cluster->count].cluster = side[1 - k];
			cluster->neighbours[cluster->count++].known = i;
		}
	}
}

/*
 * Merges what belongs together in one component, whose n places are given where pairs
 * have others.
 */
static void
cluster_component(Clustering *c, const MatchEdge *edges, uint64 count, const uint32 *places, uint32 n)
{
	MatchCandidate candidate;

	take_pairs(c, edges, count, places);
	/* what somebody joined already may have several pairs with the same cluster */
	for (uint32 i = 0; places != NULL && i < n; i++)
	{
		if (c->parent[places[i]] == places[i] && c->clusters[places[i]].size > 1)
			join_neighbours(c, places[i]);
	}
	for (uint64 i = 0; i < count; i++)
	{
		if (c->known[i].scored > 0)
			propose(c, find_root(c, places != NULL ? places[edges[i].a] : edges[i].a),
					find_root(c, places != NULL ? places[edges[i].b] : edges[i].b), i);
	}
	while (omni_match_queue_take(c->queue, &candidate))
	{
		const MatchCandidate *next = omni_match_queue_next(c->queue);

		if (next != NULL)
			__builtin_prefetch(&c->known[next->known]);
		CHECK_FOR_INTERRUPTS();
		try_candidate(c, &candidate);
	}
	/* what is known of neighbours is of no use beyond the component */
	MemoryContextReset(c->component);
}

/* What a participant has of clustering. */
typedef struct ClusterState
{
	Clustering *clustering;
	MemoryContext room;			/* for the places of a component */
	MatchSmall *small;
	MatchMerge	merges[MATCH_SMALL_MAX];
} ClusterState;

/* Clusters one component by itself, with lists and a heap. */
static void
cluster_large(ClusterState *state, const MatchComponents *components, uint32 root)
{
	Clustering *c = state->clustering;
	uint32		first = components->record_start[root];
	uint32		n = components->record_start[root + 1] - first;
	uint64		edge = components->edge_start[root];

	if (n > c->capacity)
	{
		MemoryContext old;

		MemoryContextReset(state->room);
		old = MemoryContextSwitchTo(state->room);
		make_room(c, Max(n, 1024));
		MemoryContextSwitchTo(old);
	}
	begin(c, components->record + first, n);
	cluster_component(c, components->edge + edge, components->edge_start[root + 1] - edge, NULL, n);
}

/* Clusters one component by itself and puts its merges down. */
static void
cluster_alone(ClusterState *state, const MatchComponents *components, uint32 root, MatchOutput *merges)
{
	uint32		first = components->record_start[root];
	uint32		n = components->record_start[root + 1] - first;
	uint64		edge = components->edge_start[root];

	/* a merge takes a multiple of eight bytes */
	if (n <= MATCH_SMALL_MAX)
	{
		uint32		nmerges = omni_match_cluster_small(state->small, components->edge + edge, components->edge_start[root + 1] - edge,
													   components->record + first, n, state->merges);

		omni_match_put(merges, state->merges, nmerges * sizeof(MatchMerge));
		return;
	}
	cluster_large(state, components, root);
	omni_match_put(merges, state->clustering->merges, state->clustering->nmerges * sizeof(MatchMerge));
}

/*
 * omni_match_cluster_task: clustering as a job; tasks are chunks of the records that
 * stand for components, each gives the merges of its components in their order.
 */
void
omni_match_cluster_task(MatchShare *share, uint64 task)
{
	const MatchComponents *components = share->components;
	uint32		first = task * MATCH_RECORD_CHUNK;
	uint32		end = Min(first + MATCH_RECORD_CHUNK, share->data->nrecords);
	ClusterState *state = share->state;
	MatchOutput merges = {0};
	uint64		head[2] = {task};

	if (state == NULL)
	{
		share->state = state = palloc0_object(ClusterState);
		state->clustering = make_clustering(share->data);
		state->small = omni_match_make_small(share->data);
		state->room = AllocSetContextCreate(CurrentMemoryContext, "omnicrm clusters", ALLOCSET_DEFAULT_SIZES);
	}
	for (uint32 r = first; r < end; r++)
	{
		if (components->edge_start[r + 1] == components->edge_start[r] ||
			(components->together != NULL && components->together[r]))
			continue;
		cluster_alone(state, components, r, &merges);
	}
	head[1] = merges.size;
	omni_match_put(&share->output, head, sizeof(head));
	omni_match_put(&share->output, merges.bytes, merges.size);
	if (merges.bytes != NULL)
		pfree(merges.bytes);
}

/*
 * The records of the components that are clustered together, ascending, and the place
 * of each of them by its number; their number.
 */
static uint32
find_places(const MatchData *data, const MatchComponents *components, uint32 **record, uint32 **place)
{
	Size		room = mul_size(Max(data->nrecords, 1), sizeof(uint32));
	uint32		n = 0;

	*place = MemoryContextAllocHuge(CurrentMemoryContext, room);
	*record = MemoryContextAllocHuge(CurrentMemoryContext, room);
	memset(*place, 0xff, room);
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		for (uint32 i = components->record_start[r]; components->together[r] && i < components->record_start[r + 1]; i++)
			(*place)[components->record[i]] = 0;
	}
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		if ((*place)[r] == MATCH_NULL)
			continue;
		(*place)[r] = n;
		(*record)[n++] = r;
	}
	return n;
}

/*
 * omni_match_cluster_together: clusters the components that people decided of, or
 * in which records stand for others, all of them at once.
 * Arguments: the records; their blocks; the components; what takes the merges.
 */
void
omni_match_cluster_together(const MatchData *data, const MatchBlocks *blocks, const MatchComponents *components,
							MatchClusters *result)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm clusters", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	Clustering *c = make_clustering(data);
	uint32	   *record;
	uint32	   *place;
	uint32	   *component;
	uint32		n = find_places(data, components, &record, &place);

	make_room(c, Max(n, 1));
	begin(c, record, n);
	keep_strangers_apart(c, place);
	merge_copies(c, blocks, place, n);
	join_by_decision(c, place);
	component = MemoryContextAllocHuge(context, mul_size(Max(n, 1), sizeof(uint32)));
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint64		edge = components->edge_start[r];
		uint32		first = components->record_start[r];

		if (!components->together[r] || components->edge_start[r + 1] == edge)
			continue;
		for (uint32 i = first; i < components->record_start[r + 1]; i++)
			component[i - first] = place[components->record[i]];
		cluster_component(c, components->edge + edge, components->edge_start[r + 1] - edge, component,
						  components->record_start[r + 1] - first);
	}
	memcpy(result->merges + result->nmerges, c->merges, c->nmerges * sizeof(MatchMerge));
	result->nmerges += c->nmerges;
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}
