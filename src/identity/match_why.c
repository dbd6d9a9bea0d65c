/*
 * match_why.c
 *		Why two records did not become one entity: every hurdle, with what it takes
 *		and what there is.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

PG_FUNCTION_INFO_V1(omnicrm_match_why_not);

/* Records of a cluster, those of the same values that count with one another as one. */
typedef struct Part
{
	uint32		cluster;
	uint32		records;
	uint32		n;
	uint32	   *record;
	uint32	   *count;
} Part;

typedef struct Why
{
	ReturnSetInfo *result;
	const MatchData *data;
	const MatchBlocks *blocks;
	const MatchClusters *clusters;
	MatchProbe *probe;
	uint32		a;
	uint32		b;
	Part		part_a;
	Part		part_b;
	bool		excluded;		/* something forbids that they meet */
} Why;

/* A key that both records have. */
typedef struct SharedKey
{
	uint64		key;
	uint64		records;
	uint8		kind;
} SharedKey;

static void
say(Why *why, const char *step, const char *finding)
{
	Datum		values[2];
	bool		nulls[2] = {false};

	values[0] = CStringGetTextDatum(step);
	values[1] = CStringGetTextDatum(finding);
	tuplestore_putvalues(why->result->setResult, why->result->setDesc, values, nulls);
}

/* Bits for a reader. */
static char *
bits(double weight)
{
	char	   *text = psprintf("%.2f", weight);

	return strcmp(text, "-0.00") == 0 ? pstrdup("0.00") : text;
}

static char *
id_of(const Why *why, uint32 record)
{
	return omni_match_id(why->data, record);
}

/* The record that has the keys of a record. */
static uint32
original_of(const MatchBlocks *blocks, uint32 record)
{
	return blocks->original == NULL || blocks->original[record] == MATCH_NULL ? record : blocks->original[record];
}

static void
say_missing_values(Why *why)
{
	const MatchModel *model = why->data->model;
	const uint32 *a = omni_match_row(why->data, why->a);
	const uint32 *b = omni_match_row(why->data, why->b);

	for (int f = 0; f < model->nfields; f++)
	{
		const char *column = model->field[f].column;

		if (a[f] == MATCH_NULL && b[f] == MATCH_NULL)
			say(why, "missing value", psprintf("%s: missing in both", column));
		else if (a[f] == MATCH_NULL || b[f] == MATCH_NULL)
			say(why, "missing value", psprintf("%s: missing in %s", column, id_of(why, a[f] == MATCH_NULL ? why->a : why->b)));
	}
}

static int
compare_keys(const void *a, const void *b)
{
	uint64		x = ((const SharedKey *) a)->key;
	uint64		y = ((const SharedKey *) b)->key;

	return x < y ? -1 : x > y;
}

/* Values alone first, then by kind and size. */
static int
compare_kinds(const void *a, const void *b)
{
	const SharedKey *x = a;
	const SharedKey *y = b;
	bool		x_alone = x->kind >= MATCH_KEY_VALUE;
	bool		y_alone = y->kind >= MATCH_KEY_VALUE;

	if (x_alone != y_alone)
		return x_alone ? -1 : 1;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	return x->records < y->records ? -1 : x->records > y->records;
}

/* The keys of a record in order, each once; their number. */
static int
sorted_keys(const Why *why, uint32 record, SharedKey *sorted)
{
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	int			n = omni_match_keys(why->data, original_of(why->blocks, record), keys, kinds);
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		sorted[i].key = keys[i];
		sorted[i].kind = kinds[i];
		sorted[i].records = 0;
	}
	qsort(sorted, n, sizeof(SharedKey), compare_keys);
	for (int i = 0; i < n; i++)
	{
		if (i == 0 || sorted[i].key != sorted[kept - 1].key)
			sorted[kept++] = sorted[i];
	}
	return kept;
}

/* The keys that both records have, with the number of records that have them; their number. */
static int
shared_keys(const Why *why, SharedKey *shared)
{
	SharedKey	a[MATCH_KEYS_MAX];
	SharedKey	b[MATCH_KEYS_MAX];
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	int			na = sorted_keys(why, why->a, a);
	int			nb = sorted_keys(why, why->b, b);
	int			n = 0;

	for (int i = 0, k = 0; i < na && k < nb;)
	{
		int			order = compare_keys(&a[i], &b[k]);

		if (order == 0)
			shared[n++] = a[i];
		i += order <= 0;
		k += order >= 0;
	}
	for (uint32 r = 0; r < why->data->nrecords && n > 0; r++)
	{
		int			nkeys;

		CHECK_FOR_INTERRUPTS();
		if (original_of(why->blocks, r) != r)
			continue;
		nkeys = omni_match_keys(why->data, r, keys, kinds);
		for (int i = 0; i < nkeys; i++)
		{
			SharedKey	wanted;
			SharedKey  *found;

			wanted.key = keys[i];
			found = bsearch(&wanted, shared, n, sizeof(SharedKey), compare_keys);
			if (found != NULL)
				found->records++;
		}
	}
	qsort(shared, n, sizeof(SharedKey), compare_kinds);
	return n;
}

static void
say_keys(Why *why)
{
	const MatchModel *model = why->data->model;
	SharedKey	shared[MATCH_KEYS_MAX];
	int			n;
	int			kept = 0;

	if (original_of(why->blocks, why->a) == original_of(why->blocks, why->b))
	{
		say(why, "key", "the same values in all fields, as many records have: one stands for both");
		return;
	}
	n = shared_keys(why, shared);
	for (int i = 0; i < n; i++)
	{
		int			limit = omni_match_key_limit(model, shared[i].kind);
		const char *kind = omni_match_key_kind(model, shared[i].kind);

		if (shared[i].records > limit)
			say(why, "key", psprintf("%s: dropped, " UINT64_FORMAT " records, at most %d", kind, shared[i].records, limit));
		else
			say(why, "key", psprintf("%s: kept, " UINT64_FORMAT " records", kind, shared[i].records));
		kept += shared[i].records <= limit;
	}
	if (n == 0)
		say(why, "key", "none in common: they are never held against each other by themselves");
	else if (kept == 0)
		say(why, "key", "all that they have in common are dropped: they are never held against each other by themselves");
}

static int32
weight_of(Why *why, uint32 a, uint32 b)
{
	omni_match_probe(why->probe, Min(a, b));
	return omni_match_score(why->probe, Max(a, b), PG_INT32_MIN);
}

static void
say_weight(Why *why)
{
	const MatchModel *model = why->data->model;
	int32		weight = weight_of(why, why->a, why->b);
	const char *finding = "below review";

	if (weight >= omni_match_units(model->threshold))
		finding = "reaches the threshold";
	else if (weight >= omni_match_units(model->review))
		finding = "worth a look, below the threshold";
	say(why, "weight", psprintf("%s bits: %s (threshold %s, review %s)", bits((double) weight / MATCH_UNIT), finding,
								bits(model->threshold), bits(model->review)));
}

/* The records of a cluster. */
static void
find_part(const Why *why, uint32 cluster, Part *part)
{
	const MatchData *data = why->data;
	const uint32 *of = why->clusters->cluster;
	uint32	   *count = MemoryContextAllocExtended(data->context, mul_size(data->nrecords, sizeof(uint32)),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);

	part->cluster = cluster;
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint32		original = original_of(why->blocks, r);

		if (of[r] != cluster)
			continue;
		part->records++;
		original = of[original] == cluster ? original : r;
		part->n += count[original]++ == 0;
	}
	part->record = MemoryContextAllocHuge(data->context, mul_size(part->n, sizeof(uint32)));
	part->count = MemoryContextAllocHuge(data->context, mul_size(part->n, sizeof(uint32)));
	part->n = 0;
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		if (count[r] == 0)
			continue;
		part->record[part->n] = r;
		part->count[part->n++] = count[r];
	}
	pfree(count);
}

/* The value by which a cluster keeps others away, and its record. */
static uint32
exclusive_of(const Why *why, const Part *part, int f, uint32 *record)
{
	uint32		value = MATCH_NULL;

	for (uint32 i = 0; i < part->n && value == MATCH_NULL; i++)
	{
		*record = part->record[i];
		value = omni_match_exclusive(why->data, f, *record);
	}
	return value;
}

static void
say_exclusive_values(Why *why)
{
	const MatchModel *model = why->data->model;

	for (int f = 0; f < model->nfields; f++)
	{
		uint32		a = why->a;
		uint32		b = why->b;
		uint32		x;
		uint32		y;

		if (!model->field[f].exclusive)
			continue;
		x = omni_match_exclusive(why->data, f, a);
		y = omni_match_exclusive(why->data, f, b);
		if (x == MATCH_NULL || y == MATCH_NULL || x == y)
		{
			x = exclusive_of(why, &why->part_a, f, &a);
			y = exclusive_of(why, &why->part_b, f, &b);
		}
		if (x == MATCH_NULL || y == MATCH_NULL || x == y)
			continue;
		why->excluded = true;
		say(why, "exclusive value", psprintf("%s: %s of %s and %s of %s differ%s", model->field[f].column,
											 omni_match_shown(why->data, f, x), id_of(why, a),
											 omni_match_shown(why->data, f, y), id_of(why, b),
											 a == why->a && b == why->b ? "" : ", which are in their clusters"));
	}
}

static void
say_decisions(Why *why)
{
	const uint32 *of = why->clusters->cluster;

	for (uint64 i = 0; i < why->data->ndecisions; i++)
	{
		const MatchDecision *decision = &why->data->decisions[i];
		bool		direct = decision->a == Min(why->a, why->b) && decision->b == Max(why->a, why->b);
		uint32		x = of[decision->a];
		uint32		y = of[decision->b];

		CHECK_FOR_INTERRUPTS();
		if (!direct && (decision->same || why->part_a.cluster == why->part_b.cluster ||
						!((x == why->part_a.cluster && y == why->part_b.cluster) ||
						  (x == why->part_b.cluster && y == why->part_a.cluster))))
			continue;
		why->excluded |= !decision->same;
		say(why, "decision", direct ? (decision->same ? "somebody joined them" : "somebody keeps them apart")
			: psprintf("somebody keeps %s and %s apart, which are in their clusters",
					   id_of(why, decision->a), id_of(why, decision->b)));
	}
}

static void
say_source(Why *why)
{
	const uint8 *source = why->data->source;

	if (!why->data->one_per_source)
		return;
	if (source[why->a] < MATCH_SOURCES_MAX && source[why->a] == source[why->b])
	{
		say(why, "source", "both come from one source, of which an entity has at most one record");
		why->excluded = true;
		return;
	}
	for (uint32 i = 0; i < why->part_a.n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint32 k = 0; k < why->part_b.n; k++)
		{
			uint32		a = why->part_a.record[i];
			uint32		b = why->part_b.record[k];

			if (source[a] == MATCH_SOURCES_MAX || source[a] != source[b])
				continue;
			say(why, "source", psprintf("%s and %s, which are in their clusters, come from one source", id_of(why, a), id_of(why, b)));
			why->excluded = true;
			return;
		}
	}
}

/* Whether two records share a block. */
static bool
meet_by_themselves(const Why *why, uint32 a, uint32 b)
{
	const MatchBlocks *blocks = why->blocks;
	uint64		i;
	uint64		k;

	a = original_of(blocks, a);
	b = original_of(blocks, b);
	i = blocks->record_start[a];
	k = blocks->record_start[b];
	while (i < blocks->record_start[a + 1] && k < blocks->record_start[b + 1])
	{
		uint32		x = blocks->record_block[i];
		uint32		y = blocks->record_block[k];

		if (x == y)
			return true;
		i += x < y;
		k += y < x;
	}
	return false;
}

/* What the pairs between the two clusters weigh, and what follows from all that. */
static void
say_clusters(Why *why)
{
	const MatchModel *model = why->data->model;
	const Part *a = &why->part_a;
	const Part *b = &why->part_b;
	int32		threshold = omni_match_units(model->threshold);
	double		pairs = (double) a->records * b->records;
	double		needed = omni_match_merge_threshold((int64) (model->threshold * MATCH_UNIT), a->records, b->records);
	double		sum = 0;
	bool		met = false;

	say(why, "cluster", psprintf("%s is in cluster " INT64_FORMAT ", records: %u; %s in cluster " INT64_FORMAT ", records: %u",
								 id_of(why, why->a), omni_match_cluster_id(why->data, a->cluster), a->records,
								 id_of(why, why->b), omni_match_cluster_id(why->data, b->cluster), b->records));
	for (uint32 i = 0; i < a->n; i++)
	{
		for (uint32 k = 0; k < b->n; k++)
		{
			int32		weight = weight_of(why, a->record[i], b->record[k]);

			CHECK_FOR_INTERRUPTS();
			sum += (double) weight * a->count[i] * b->count[k];
			met = met || (weight >= threshold && meet_by_themselves(why, a->record[i], b->record[k]));
		}
	}
	say(why, "cluster", psprintf("mean weight of the pairs between the two: %s bits, needed: %s", bits(sum / pairs / MATCH_UNIT),
								 bits(needed / MATCH_UNIT)));
	if (why->excluded)
		say(why, "conclusion", psprintf("apart: an exclusive value, a decision or a source keeps them apart%s",
										sum / pairs < needed ? "; the mean weight is too low as well" : ""));
	else if (sum / pairs < needed)
		say(why, "conclusion", "apart: the mean weight between their clusters is too low");
	else if (!met)
		say(why, "conclusion", "apart: no kept key brings together two records of their clusters that reach the threshold");
	else
		say(why, "conclusion", psprintf("apart: pairs that no key brings together count %s bits each at first, "
										"which is too little with the others", bits(model->unscored)));
}

/*
 * match_why_not(relation regclass, id_column name, model jsonb, id_a text, id_b
 * text, options jsonb) returns rows of step, finding: what keeps two records
 * apart.
 * Errors: those of match_clusters().
 */
Datum
omnicrm_match_why_not(PG_FUNCTION_ARGS)
{
	Why		   *why = palloc0_object(Why);
	MatchRunOptions options;
	MatchClusters *clusters;
	MatchBlocks *blocks;
	char	   *ids[2];
	uint32		records[2];
	MatchData  *data;

	InitMaterializedSRF(fcinfo, 0);
	why->result = (ReturnSetInfo *) fcinfo->resultinfo;
	data = omni_match_run(fcinfo, 5, &options, &clusters, &blocks);
	omni_match_list_blocks(data, blocks);
	why->data = data;
	why->clusters = clusters;
	why->blocks = blocks;
	why->probe = palloc0_object(MatchProbe);
	why->probe->data = data;
	for (int i = 0; i < 2; i++)
	{
		ids[i] = text_to_cstring(PG_GETARG_TEXT_PP(3 + i));
		records[i] = omni_match_find_record(data, ids[i]);
		if (records[i] == MATCH_NULL)
			say(why, "record", psprintf("there is no record %s that the caller may see",
										pnstrdup(ids[i], pg_mbcliplen(ids[i], strlen(ids[i]), 60))));
	}
	why->a = records[0];
	why->b = records[1];
	if (why->a == why->b && why->a != MATCH_NULL)
		say(why, "record", "both ids are one record");
	else if (why->a != MATCH_NULL && why->b != MATCH_NULL)
	{
		say(why, "record", "both are there");
		find_part(why, clusters->cluster[why->a], &why->part_a);
		find_part(why, clusters->cluster[why->b], &why->part_b);
		say_missing_values(why);
		say_keys(why);
		say_weight(why);
		if (why->part_a.cluster == why->part_b.cluster)
		{
			say_decisions(why);
			say(why, "conclusion", psprintf("together: both are in cluster " INT64_FORMAT ", records: %u; match_how() tells how",
											omni_match_cluster_id(data, why->part_a.cluster), why->part_a.records));
		}
		else
		{
			say_exclusive_values(why);
			say_decisions(why);
			say_source(why);
			say_clusters(why);
		}
	}
	MemoryContextDelete(data->context);
	return (Datum) 0;
}
