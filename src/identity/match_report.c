/*
 * match_report.c
 *		What blocking brings together, before anything is scored: for each kind of
 *		key the pairs that it costs and, where the truth is known, those that it
 *		finds.
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_spread.h"

PG_FUNCTION_INFO_V1(omnicrm_match_blocking_report);

/* rows of the truth that are read at a time */
#define TRUTH_ROWS	10000

/* Where the truth stands. */
typedef struct Truth
{
	Oid			relation;		/* InvalidOid: not known */
	char	   *id;
	char	   *cluster;
} Truth;

/* A record of a true cluster. */
typedef struct Member
{
	int64		cluster;
	uint32		record;			/* or the one that stands for it in blocks */
} Member;

/* One kind of key, or all of them. */
typedef struct Line
{
	uint64		keys;
	uint64		records;
	uint64		blocks;
	uint64		dropped;
	uint64		largest;
	uint64		pairs;
	uint64		found;			/* true pairs */
} Line;

typedef struct Report
{
	MatchData  *data;
	const MatchBlocks *blocks;
	Line		line[MATCH_KEY_KINDS];
	Line		total;
	uint64		true_pairs;
} Report;

/* Takes an option of the truth out of the options; its text, or what is meant without it. */
static char *
take_option(Jsonb **options, const char *name, const char *otherwise)
{
	JsonbValue *value;

	if (!JB_ROOT_IS_OBJECT(*options))
		return NULL;
	value = getKeyJsonValueFromContainer(&(*options)->root, name, strlen(name), NULL);
	if (value == NULL || value->type == jbvNull)
		return otherwise != NULL ? pstrdup(otherwise) : NULL;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" must be a string", name)));
	*options = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(*options), CStringGetTextDatum(name)));
	return pnstrdup(value->val.string.val, value->val.string.len);
}

static void
read_truth_options(Jsonb **options, Truth *truth)
{
	char	   *relation = take_option(options, "truth", NULL);

	truth->relation = InvalidOid;
	truth->id = take_option(options, "truth_id", "id");
	truth->cluster = take_option(options, "truth_cluster_id", "cluster_id");
	if (relation == NULL)
		return;
	truth->relation = DatumGetObjectId(DirectFunctionCall1(regclassin, CStringGetDatum(relation)));
	if (get_rel_name(truth->relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation \"%s\" does not exist", relation)));
	if (get_attnum(truth->relation, truth->id) == InvalidAttrNumber ||
		get_attnum(truth->relation, truth->cluster) == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						get_attnum(truth->relation, truth->id) == InvalidAttrNumber ? truth->id : truth->cluster, relation),
				 errhint("The options \"truth_id\" and \"truth_cluster_id\" name the columns of the truth.")));
}

/* The record that has the keys of a record. */
static uint32
original_of(const MatchBlocks *blocks, uint32 record)
{
	return blocks->original == NULL || blocks->original[record] == MATCH_NULL ? record : blocks->original[record];
}

/* Puts down the true clusters of some rows. */
static void
take_truth(const Report *report, const Truth *truth, bool *seen, Member *members, uint64 *n)
{
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *id = SPI_getvalue(row, desc, 1);
		bool		isnull;
		Datum		cluster = SPI_getbinval(row, desc, 2, &isnull);
		uint32		record;

		CHECK_FOR_INTERRUPTS();
		if (id == NULL || isnull)
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a row of the truth has no %s", id == NULL ? truth->id : truth->cluster)));
		record = omni_match_find_record(report->data, id);
		if (record == MATCH_NULL)
			continue;
		if (seen[record])
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("id \"%s\" occurs more than once in the truth", omni_match_id(report->data, record))));
		seen[record] = true;
		members[*n].cluster = DatumGetInt64(cluster);
		members[(*n)++].record = original_of(report->blocks, record);
	}
}

/* The true clusters of the records, as the caller sees them; their number. */
static uint64
read_truth(const Report *report, const Truth *truth, Member **members)
{
	const MatchData *data = report->data;
	Size		size = Max(data->nrecords, 1);
	bool	   *seen = MemoryContextAllocExtended(data->context, size, MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	const char *cluster = quote_identifier(truth->cluster);
	uint64		n = 0;
	SPIPlanPtr	plan;
	Portal		portal;

	*members = MemoryContextAllocHuge(data->context, mul_size(size, sizeof(Member)));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	/* a row without cluster is an error later on; true clusters of any type are told apart by their text */
	plan = SPI_prepare(psprintf("SELECT t.%s::pg_catalog.text, CASE WHEN t.%s IS NOT NULL THEN "
								"pg_catalog.dense_rank() OVER (ORDER BY t.%s::pg_catalog.text COLLATE pg_catalog.\"C\") END FROM %s AS t",
								quote_identifier(truth->id), cluster, cluster,
								quote_qualified_identifier(get_namespace_name(get_rel_namespace(truth->relation)),
														   get_rel_name(truth->relation))), 0, NULL);
	if (plan == NULL)
		elog(ERROR, "could not read the truth");
	portal = SPI_cursor_open(NULL, plan, NULL, NULL, true);
	do
	{
		SPI_cursor_fetch(portal, true, TRUTH_ROWS);
		take_truth(report, truth, seen, *members, &n);
		SPI_freetuptable(SPI_tuptable);
	} while (SPI_processed > 0);
	SPI_cursor_close(portal);
	SPI_finish();
	pfree(seen);
	return n;
}

static int
compare_members(const void *a, const void *b)
{
	const Member *x = a;
	const Member *y = b;

	if (x->cluster != y->cluster)
		return x->cluster < y->cluster ? -1 : 1;
	return x->record < y->record ? -1 : x->record > y->record;
}

/* Counts so many pairs of two records for each kind of key that they share. */
static void
find_pair(Report *report, uint32 a, uint32 b, uint64 pairs)
{
	const MatchBlocks *blocks = report->blocks;
	uint64		i = blocks->record_start[a];
	uint64		k = blocks->record_start[b];
	uint32		found = 0;

	while (i < blocks->record_start[a + 1] && k < blocks->record_start[b + 1])
	{
		uint32		x = blocks->record_block[i];
		uint32		y = blocks->record_block[k];

		if (x == y)
			found |= (uint32) 1 << blocks->kind[x];
		i += x <= y;
		k += y <= x;
	}
	for (int kind = 0; kind < MATCH_KEY_KINDS; kind++)
	{
		if (found & ((uint32) 1 << kind))
			report->line[kind].found += pairs;
	}
	report->total.found += found != 0 ? pairs : 0;
}

/* Which true pairs the keys bring together; members of a cluster that share their keys count once with their number. */
static void
judge(Report *report, Member *members, uint64 n)
{
	qsort(members, n, sizeof(Member), compare_members);
	for (uint64 i = 0; i < n;)
	{
		uint64		equal = 1;	/* members with this one's keys */
		uint64		pairs;

		while (i + equal < n && compare_members(&members[i], &members[i + equal]) == 0)
			equal++;
		pairs = equal * (equal - 1) / 2;
		report->true_pairs += pairs;
		report->line[MATCH_KEY_COPY].found += pairs;
		report->total.found += pairs;
		for (uint64 k = i + equal; k < n && members[k].cluster == members[i].cluster;)
		{
			uint64		others = 1;

			while (k + others < n && compare_members(&members[k], &members[k + others]) == 0)
				others++;
			report->true_pairs += equal * others;
			find_pair(report, members[i].record, members[k].record, equal * others);
			CHECK_FOR_INTERRUPTS();
			k += others;
		}
		i += equal;
	}
}

/* Keys, blocks and pairs of each kind. */
static void
count_kinds(Report *report)
{
	const MatchBlocks *blocks = report->blocks;
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];

	for (uint32 r = 0; r < report->data->nrecords; r++)
	{
		bool		has[MATCH_KEY_KINDS] = {false};
		int			n = 0;

		CHECK_FOR_INTERRUPTS();
		if (original_of(blocks, r) == r)
			n = omni_match_keys(report->data, r, keys, kinds);
		else
			report->line[MATCH_KEY_COPY].records++;
		for (int i = 0; i < n; i++)
			has[kinds[i]] = true;
		for (int kind = 0; kind < MATCH_KEY_KINDS; kind++)
			report->line[kind].records += has[kind];
		report->total.records += n > 0 || original_of(blocks, r) != r;
	}
	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		uint64		size = blocks->start[b + 1] - blocks->start[b];

		report->line[blocks->kind[b]].blocks++;
		report->line[blocks->kind[b]].pairs += size * (size - 1) / 2;
	}
	for (int kind = 0; kind < MATCH_KEY_KINDS; kind++)
	{
		Line	   *line = &report->line[kind];

		line->keys = blocks->count[kind].keys;
		line->dropped = blocks->count[kind].dropped;
		line->largest = blocks->count[kind].largest;
		report->total.keys += line->keys;
		report->total.blocks += line->blocks;
		report->total.dropped += line->dropped;
		report->total.largest = Max(report->total.largest, line->largest);
	}
	/* a copy is held against the record that stands for it */
	report->line[MATCH_KEY_COPY].pairs = report->line[MATCH_KEY_COPY].records;
	report->total.pairs = report->line[MATCH_KEY_COPY].pairs;
}

/* Pairs of records that share any block, each once. */
static uint64
distinct_pairs(const MatchData *data, const MatchBlocks *blocks)
{
	uint32	   *stamp = MemoryContextAllocExtended(data->context, mul_size(Max(data->nrecords, 1), sizeof(uint32)),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint64		pairs = 0;

	for (uint32 r = 0; r < data->nrecords; r++)
	{
		CHECK_FOR_INTERRUPTS();
		for (uint64 k = blocks->record_start[r]; k < blocks->record_start[r + 1]; k++)
		{
			uint32		block = blocks->record_block[k];

			/* from the end, where the later records are */
			for (uint64 i = blocks->start[block + 1]; i-- > blocks->start[block] && blocks->member[i] > r;)
			{
				pairs += stamp[blocks->member[i]] != r + 1;
				stamp[blocks->member[i]] = r + 1;
			}
		}
	}
	pfree(stamp);
	return pairs;
}

static void
put_line(ReturnSetInfo *result, const Report *report, const char *kind, const Line *line, bool judged)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	values[0] = CStringGetTextDatum(kind);
	values[1] = Int64GetDatum(line->keys);
	values[2] = Int64GetDatum(line->records);
	values[3] = Int64GetDatum(line->blocks);
	values[4] = Int64GetDatum(line->dropped);
	values[5] = Int64GetDatum(line->largest);
	values[6] = Int64GetDatum(line->pairs);
	values[7] = Int64GetDatum(line->found);
	values[8] = Float8GetDatum(report->true_pairs == 0 ? 1.0 : (double) line->found / report->true_pairs);
	nulls[7] = nulls[8] = !judged;
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * match_blocking_report(relation regclass, id_column name, model jsonb, options
 * jsonb) returns rows of kind, keys, records, blocks, dropped, largest, pairs,
 * true_pairs, recall: what each kind of key brings together.  The model may be
 * fields alone.
 * Errors: those of match_pairs(); undefined_table, undefined_column,
 * null_value_not_allowed and unique_violation of the truth.
 */
Datum
omnicrm_match_blocking_report(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	input = {PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))};
	Jsonb	   *json = PG_GETARG_JSONB_P(2);
	Jsonb	   *options = PG_GETARG_JSONB_P(3);
	Report	   *report = palloc0_object(Report);
	MatchRunOptions run;
	MatchBlocks *blocks;
	Truth		truth;
	bool		judged;
	bool		trained;

	InitMaterializedSRF(fcinfo, 0);
	read_truth_options(&options, &truth);
	judged = OidIsValid(truth.relation);
	trained = JB_ROOT_IS_OBJECT(json) &&
		getKeyJsonValueFromContainer(&json->root, "omnicrm_model", strlen("omnicrm_model"), NULL) != NULL;
	if (trained)
		omni_match_model(json, model);
	else
		omni_match_fields(json, options, model);
	omni_match_run_options(options, model, &run);
	report->data = omni_match_read(&input, 1, &run, model);
	/* as training would */
	if (!trained)
	{
		MatchWork  *work;
		MatchKeys  *keys;

		model->max_weak_block = model->max_value_block = 0;
		work = omni_match_begin_work(report->data, NULL, NULL, NULL);
		keys = omni_match_spread_keys(work, omni_match_afford_buckets(report->data->nrecords));
		omni_match_afford(model, keys, report->data->nrecords);
		omni_match_end_keys(keys);
		omni_match_end_work(work);
	}
	blocks = omni_match_blocks(report->data);
	omni_match_list_blocks(report->data, blocks);
	report->blocks = blocks;
	count_kinds(report);
	report->total.pairs += distinct_pairs(report->data, report->blocks);
	if (judged)
	{
		Member	   *members;
		uint64		n = read_truth(report, &truth, &members);

		judge(report, members, n);
	}
	for (int i = 0; i < MATCH_KEY_KINDS; i++)
	{
		/* values alone first */
		int			kind = (i + MATCH_KEY_VALUE) % MATCH_KEY_KINDS;

		if (report->line[kind].records > 0)
			put_line(result, report, omni_match_key_kind(model, kind), &report->line[kind], judged);
	}
	put_line(result, report, "all", &report->total, judged);
	MemoryContextDelete(report->data->context);
	return (Datum) 0;
}
