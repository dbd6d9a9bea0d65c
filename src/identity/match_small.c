/*
 * match_small.c
 *		Constrained average link for a component of few records.
 *
 * What match_cluster.c does with lists and a heap is done here on a matrix of all
 * pairs of clusters, with the best later partner of each cluster at hand: nearly all
 * components are small, and most pairs of their records are scored anyway.  A cluster
 * stands in the place of its smallest record, so the order of the matrix is that in
 * which equal means go.  The merges are the same to the bit, and in the same order.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/float.h"

#include "common/compat.h"
#include "identity/match_small.h"

/* no partner */
#define NOBODY		MATCH_NULL

/* What is known of the pairs of records between two clusters. */
typedef struct SmallPair
{
	int64		sum;
	double		mean;			/* minus infinity where the two may not merge */
	uint32		scored;			/* pairs in sum */
} SmallPair;

struct MatchSmall
{
	const MatchData *data;
	MatchProbe	probe;
	int64		unscored;
	double		least[MATCH_SMALL_MAX + 1]; /* mean that is asked for, by the records of the smaller cluster */
	const uint32 *record;		/* of each place */
	uint32		n;
	SmallPair  *pairs;			/* n rows of n; those above the diagonal count */
	uint32		size[MATCH_SMALL_MAX];	/* of the cluster of that smallest record; 0: there is none */
	uint32		best[MATCH_SMALL_MAX];	/* later cluster with the greatest mean, or NOBODY */
	uint32		next[MATCH_SMALL_MAX];	/* next record of the same cluster, or NOBODY */
	uint32		last[MATCH_SMALL_MAX];
	uint64		sources[MATCH_SMALL_MAX];
	uint32		exclusive[MATCH_FIELDS_MAX][MATCH_SMALL_MAX];
};

/*
 * omni_match_make_small: what clustering small components of these records needs, in
 * the present context.
 */
MatchSmall *
omni_match_make_small(const MatchData *data)
{
	MatchSmall *small = palloc0_object(MatchSmall);

	small->data = data;
	small->probe.data = data;
	omni_match_remember_levels(&small->probe);
	small->unscored = (int64) (data->model->unscored * MATCH_UNIT);
	small->pairs = palloc(MATCH_SMALL_MAX * MATCH_SMALL_MAX * sizeof(SmallPair));
	for (uint32 size = 1; size <= MATCH_SMALL_MAX; size++)
		small->least[size] = omni_match_merge_threshold((int64) (data->model->threshold * MATCH_UNIT), size, size);
	return small;
}

/* What is known of two clusters, by their smallest records. */
static inline SmallPair *
pair_of(const MatchSmall *small, uint32 a, uint32 b)
{
	return &small->pairs[(Size) Min(a, b) * small->n + Max(a, b)];
}

/* Whether a value or a source keeps two clusters apart. */
static bool
exclude_each_other(const MatchSmall *small, uint32 a, uint32 b)
{
	if ((small->sources[a] & small->sources[b]) != 0)
		return true;
	for (int f = 0; f < small->data->model->nfields; f++)
	{
		const uint32 *value = small->exclusive[f];

		if (small->data->model->field[f].exclusive && value[a] != MATCH_NULL && value[b] != MATCH_NULL && value[a] != value[b])
			return true;
	}
	return false;
}

/* Finds the mean over all pairs of two clusters, if they may merge. */
static inline void
weigh(MatchSmall *small, SmallPair *pair, uint32 a, uint32 b)
{
	uint64		pairs = (uint64) small->size[a] * small->size[b];
	double		mean = ((double) pair->sum + (double) (pairs - pair->scored) * small->unscored) / pairs;

	if (mean < small->least[Min(small->size[a], small->size[b])] || exclude_each_other(small, a, b))
		mean = -get_float8_infinity();
	pair->mean = mean;
}

/* Finds the best later partner of a cluster; of equal ones the first. */
static void
find_best(MatchSmall *small, uint32 a)
{
	const SmallPair *row = small->pairs + (Size) a * small->n;
	double		most = -get_float8_infinity();

	small->best[a] = NOBODY;
	for (uint32 b = a + 1; b < small->n; b++)
	{
		if (row[b].mean > most)
		{
			most = row[b].mean;
			small->best[a] = b;
		}
	}
}

/* Makes each record a cluster of its own. */
static void
begin(MatchSmall *small, const MatchEdge *edges, uint64 count, const uint32 *record, uint32 n)
{
	const MatchData *data = small->data;

	small->record = record;
	small->n = n;
	for (uint32 i = 0; i < n; i++)
	{
		small->size[i] = 1;
		small->next[i] = NOBODY;
		small->last[i] = i;
		small->sources[i] = 0;
		if (data->one_per_source && data->source[record[i]] < MATCH_SOURCES_MAX)
			small->sources[i] = UINT64CONST(1) << data->source[record[i]];
	}
	for (int f = 0; f < data->model->nfields; f++)
	{
		for (uint32 i = 0; data->model->field[f].exclusive && i < n; i++)
			small->exclusive[f][i] = omni_match_exclusive(data, f, record[i]);
	}
	for (Size i = 0; i < (Size) n * n; i++)
	{
		small->pairs[i].sum = 0;
		small->pairs[i].mean = -get_float8_infinity();
		small->pairs[i].scored = 0;
	}
	for (uint64 i = 0; i < count; i++)
	{
		SmallPair  *pair = pair_of(small, edges[i].a, edges[i].b);

		pair->sum = edges[i].weight;
		pair->scored = 1;
		weigh(small, pair, edges[i].a, edges[i].b);
	}
	for (uint32 i = 0; i < n; i++)
		find_best(small, i);
}

/* Scores every pair between two clusters; the records of the first are held against the others. */
static void
score_all_pairs(MatchSmall *small, SmallPair *pair, uint32 a, uint32 b)
{
	pair->sum = 0;
	for (uint32 r = a; r != NOBODY; r = small->next[r])
	{
		omni_match_probe(&small->probe, small->record[r]);
		for (uint32 s = b; s != NOBODY; s = small->next[s])
			pair->sum += omni_match_score(&small->probe, small->record[s], PG_INT32_MIN);
		CHECK_FOR_INTERRUPTS();
	}
	pair->scored = small->size[a] * small->size[b];
	weigh(small, pair, a, b);
	find_best(small, a);
}

/* The second of two clusters becomes part of the first. */
static void
join(MatchSmall *small, uint32 a, uint32 b)
{
	small->next[small->last[a]] = b;
	small->last[a] = small->last[b];
	small->size[a] += small->size[b];
	small->size[b] = 0;
	small->sources[a] |= small->sources[b];
	for (int f = 0; f < small->data->model->nfields; f++)
	{
		if (small->data->model->field[f].exclusive && small->exclusive[f][a] == MATCH_NULL)
			small->exclusive[f][a] = small->exclusive[f][b];
	}
}

/* Merges two clusters, a before b, and weighs anew what that changes. */
static void
merge(MatchSmall *small, uint32 a, uint32 b)
{
	join(small, a, b);
	for (uint32 k = 0; k < small->n; k++)
	{
		SmallPair  *with_a = pair_of(small, a, k);
		SmallPair  *with_b = pair_of(small, b, k);

		if (k == a || small->size[k] == 0)
			continue;
		if (with_b->scored > 0)
		{
			with_a->sum += with_b->sum;
			with_a->scored += with_b->scored;
			with_b->mean = -get_float8_infinity();
		}
		if (with_a->scored > 0)
			weigh(small, with_a, a, k);
		/* the best later partner of an earlier cluster */
		if (k < b && (small->best[k] == b || (k < a && small->best[k] == a)))
			find_best(small, k);
		else if (k < a && with_a->mean > -get_float8_infinity() &&
				 (small->best[k] == NOBODY || with_a->mean > pair_of(small, k, small->best[k])->mean ||
				  (with_a->mean == pair_of(small, k, small->best[k])->mean && a < small->best[k])))
			small->best[k] = a;
	}
	pair_of(small, a, b)->mean = -get_float8_infinity();
	find_best(small, a);
}

/* The first cluster of the pair with the greatest mean, or NOBODY. */
static uint32
best_pair(const MatchSmall *small)
{
	uint32		found = NOBODY;
	double		most = -get_float8_infinity();

	for (uint32 a = 0; a < small->n; a++)
	{
		if (small->size[a] > 0 && small->best[a] != NOBODY && pair_of(small, a, small->best[a])->mean > most)
		{
			most = pair_of(small, a, small->best[a])->mean;
			found = a;
		}
	}
	return found;
}

/*
 * omni_match_cluster_small: clusters one component.
 * Arguments: what omni_match_make_small() made; the pairs, each once, of places in
 * the component; the record of each place, ascending; their number, MATCH_SMALL_MAX
 * at most; room for as many merges.
 * Result: the number of merges.
 */
uint32
omni_match_cluster_small(MatchSmall *small, const MatchEdge *edges, uint64 count, const uint32 *record, uint32 n,
						 MatchMerge *merges)
{
	uint32		nmerges = 0;
	uint32		a;

	begin(small, edges, count, record, n);
	while ((a = best_pair(small)) != NOBODY)
	{
		uint32		b = small->best[a];
		SmallPair  *pair = pair_of(small, a, b);

		CHECK_FOR_INTERRUPTS();
		/* pairs that no key brought together are scored before two clusters merge */
		if (pair->scored < small->size[a] * small->size[b])
		{
			score_all_pairs(small, pair, a, b);
			continue;
		}
		merges[nmerges].a = record[a];
		merges[nmerges].b = record[b];
		merges[nmerges].records = small->size[a] + small->size[b];
		merges[nmerges++].weight = pair->mean / MATCH_UNIT;
		merge(small, a, b);
	}
	return nmerges;
}
