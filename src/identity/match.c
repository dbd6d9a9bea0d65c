/*
 * match.c
 *		The matching engine's functions in SQL.
 */
#include "postgres.h"

#include <math.h>

#include "common/hashfn.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"

#include "common/compat.h"
#include "identity/match.h"

PG_FUNCTION_INFO_V1(omnicrm_match_train);
PG_FUNCTION_INFO_V1(omnicrm_match_pairs);
PG_FUNCTION_INFO_V1(omnicrm_match_pairs_between);
PG_FUNCTION_INFO_V1(omnicrm_match_clusters);
PG_FUNCTION_INFO_V1(omnicrm_resolve_entities);

/*
 * omni_match_pattern_text: a pattern as a reader sees it: one digit for each
 * comparison, 0 for the best level, - without evidence.
 */
char *
omni_match_pattern_text(const MatchModel *model, uint64 pattern)
{
	char	   *text = palloc(MATCH_FIELDS_MAX + 1);

	for (int f = 0; f < model->nfields; f++)
	{
		int			level = (pattern >> (MATCH_LEVEL_BITS * f)) & MATCH_NO_EVIDENCE;

		text[f] = level == MATCH_NO_EVIDENCE ? '-' : '0' + level;
	}
	text[model->nfields] = '\0';
	return text;
}

/*
 * omni_match_probability: probability of a match of so many bits.
 */
double
omni_match_probability(double weight)
{
	return 1 / (1 + exp2(-weight));
}

/*
 * omni_match_cluster_id: the id of a cluster in SQL: its smallest id where ids are
 * integers, else a hash of it.
 */
int64
omni_match_cluster_id(const MatchData *data, uint32 record)
{
	const char *id;

	if (data->integer_ids)
		return data->numbers[record];
	id = data->texts[record];
	return (int64) (hash_bytes_extended((const unsigned char *) id, strlen(id), 0) & PG_INT64_MAX);
}

/*
 * match_train(relation regclass, id_column name, fields jsonb, options jsonb)
 * returns jsonb: a model learnt from the relation.
 */
Datum
omnicrm_match_train(PG_FUNCTION_ARGS)
{
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	input = {PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))};
	MatchRunOptions options = {0};
	MatchData  *data;

	omni_match_fields(PG_GETARG_JSONB_P(2), PG_GETARG_JSONB_P(3), model);
	data = omni_match_read(&input, 1, &options, model);
	omni_match_train(model, data);
	MemoryContextDelete(data->context);
	PG_RETURN_JSONB_P(omni_match_model_json(model));
}

/* Rows of id_a, id_b, weight, probability, pattern of the pairs worth a look. */
static void
return_pairs(FunctionCallInfo fcinfo, MatchData *data)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	const MatchModel *model = data->model;
	MatchBlocks *blocks = omni_match_blocks(data);
	int32		floor = omni_match_units(model->review);
	MatchEdges *edges = omni_match_scan(data, blocks, floor);
	MatchProbe *probe = palloc0_object(MatchProbe);
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "omnicrm pairs", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(row);

	omni_match_sort_edges(data, edges);
	probe->data = data;
	for (uint32 r = 0; blocks->original != NULL && r < data->nrecords; r++)
	{
		uint32		first = blocks->original[r];
		int32		weight;

		CHECK_FOR_INTERRUPTS();
		if (first == MATCH_NULL)
			continue;
		omni_match_probe(probe, first);
		weight = omni_match_score(probe, r, PG_INT32_MIN);
		if (weight >= floor)
			omni_match_add_edge(edges, first, r, weight);
	}
	for (uint64 i = 0; i < edges->count; i++)
	{
		const MatchEdge *edge = &edges->edge[i];
		/* of two relations the first comes first */
		bool		swap = data->across && data->source[edge->a] > data->source[edge->b];
		Datum		values[5];
		bool		nulls[5] = {false};
		double		weight = (double) edge->weight / MATCH_UNIT;

		CHECK_FOR_INTERRUPTS();
		omni_match_probe(probe, edge->a);
		values[0] = CStringGetTextDatum(omni_match_id(data, swap ? edge->b : edge->a));
		values[1] = CStringGetTextDatum(omni_match_id(data, swap ? edge->a : edge->b));
		values[2] = Float8GetDatum(weight);
		values[3] = Float8GetDatum(omni_match_probability(weight));
		values[4] = CStringGetTextDatum(omni_match_pattern_text(model, omni_match_compare(probe, edge->b)));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(row);
	MemoryContextDelete(data->context);
}

/*
 * match_pairs(relation regclass, id_column name, model jsonb, options jsonb)
 * returns rows of id_a, id_b, weight, probability, pattern.
 */
Datum
omnicrm_match_pairs(PG_FUNCTION_ARGS)
{
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	input = {PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))};
	MatchRunOptions options;

	InitMaterializedSRF(fcinfo, 0);
	omni_match_model(PG_GETARG_JSONB_P(2), model);
	omni_match_run_options(PG_GETARG_JSONB_P(3), model, &options);
	return_pairs(fcinfo, omni_match_read(&input, 1, &options, model));
	return (Datum) 0;
}

/*
 * match_pairs(relation_a regclass, id_column_a name, relation_b regclass,
 * id_column_b name, model jsonb, options jsonb): the same for pairs of a record of
 * one relation and a record of the other.
 */
Datum
omnicrm_match_pairs_between(PG_FUNCTION_ARGS)
{
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	inputs[2] = {{PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))},
		{PG_GETARG_OID(2), NameStr(*PG_GETARG_NAME(3))}};
	MatchRunOptions options;

	InitMaterializedSRF(fcinfo, 0);
	omni_match_model(PG_GETARG_JSONB_P(4), model);
	omni_match_run_options(PG_GETARG_JSONB_P(5), model, &options);
	return_pairs(fcinfo, omni_match_read(inputs, 2, &options, model));
	return (Datum) 0;
}

/*
 * omni_match_entities: the entities of the records, and their blocks where asked for.
 */
MatchClusters *
omni_match_entities(MatchData *data, MatchBlocks **used)
{
	const MatchModel *model = data->model;
	MatchBlocks *blocks = omni_match_blocks(data);
	MatchEdges *edges = omni_match_scan(data, blocks, omni_match_units(Min(model->threshold, model->unscored)));

	ereport(DEBUG1,
			(errmsg_internal("%u records, %u blocks of up to %d, %.0f pairs met, " UINT64_FORMAT " values compared, " UINT64_FORMAT " kept",
							 data->nrecords, blocks->nblocks, omni_match_key_limit(model, MATCH_KEY_TWO_WORDS),
							 omni_match_block_pairs(blocks), edges->scored, edges->count)));
	if (used != NULL)
		*used = blocks;
	return omni_match_cluster(data, blocks, edges);
}

/*
 * match_clusters(relation regclass, id_column name, model jsonb, options jsonb)
 * returns rows of id, cluster_id, records, weakest.
 */
Datum
omnicrm_match_clusters(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	input = {PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))};
	MatchRunOptions options;
	MatchData  *data;
	MatchClusters *clusters;
	uint32	   *records;
	float	   *weakest;

	InitMaterializedSRF(fcinfo, 0);
	omni_match_model(PG_GETARG_JSONB_P(2), model);
	omni_match_run_options(PG_GETARG_JSONB_P(3), model, &options);
	data = omni_match_read(&input, 1, &options, model);
	clusters = omni_match_entities(data, NULL);
	records = MemoryContextAllocExtended(data->context, mul_size(Max(data->nrecords, 1), sizeof(uint32)),
										 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	weakest = MemoryContextAllocHuge(data->context, mul_size(Max(data->nrecords, 1), sizeof(float)));
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		records[clusters->cluster[r]]++;
		weakest[r] = get_float4_infinity();
	}
	for (uint32 i = 0; i < clusters->nmerges; i++)
	{
		float	   *least = &weakest[clusters->cluster[clusters->merges[i].a]];

		/* not a number: decided by somebody */
		if (clusters->merges[i].weight < *least)
			*least = clusters->merges[i].weight;
	}
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint32		cluster = clusters->cluster[r];
		Datum		values[4];
		bool		nulls[4] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(omni_match_id(data, r));
		values[1] = Int64GetDatum(omni_match_cluster_id(data, cluster));
		values[2] = Int32GetDatum(records[cluster]);
		values[3] = Float8GetDatum(weakest[cluster]);
		nulls[3] = isinf(weakest[cluster]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(DatumGetPointer(values[0]));
	}
	MemoryContextDelete(data->context);
	return (Datum) 0;
}

/*
 * resolve_entities(relation regclass, id_column name, fields jsonb, options jsonb)
 * returns rows of id, cluster_id: trains, compares and clusters in one call.
 */
Datum
omnicrm_resolve_entities(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	input = {PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))};
	MatchRunOptions options;
	MatchData  *data;
	MatchClusters *clusters;
	text	   *id = palloc(VARHDRSZ + MAXINT8LEN + 1);

	InitMaterializedSRF(fcinfo, 0);
	omni_match_fields(PG_GETARG_JSONB_P(2), PG_GETARG_JSONB_P(3), model);
	omni_match_run_options(PG_GETARG_JSONB_P(3), model, &options);
	data = omni_match_read(&input, 1, &options, model);
	data->keep_keys = true;
	omni_match_train(model, data);
	/* as read back: what match_clusters() makes of the stored model, to the bit */
	omni_match_model(omni_match_model_json(model), model);
	omni_match_run_options(PG_GETARG_JSONB_P(3), model, &options);
	omni_match_apply_terms(data);
	clusters = omni_match_entities(data, NULL);
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		Datum		values[2];
		bool		nulls[2] = {false};

		CHECK_FOR_INTERRUPTS();
		/* what a million rows need is not allocated a million times */
		if (data->integer_ids)
			SET_VARSIZE(id, VARHDRSZ + pg_lltoa(data->numbers[r], VARDATA(id)));
		values[0] = data->integer_ids ? PointerGetDatum(id) : CStringGetTextDatum(data->texts[r]);
		values[1] = Int64GetDatum(omni_match_cluster_id(data, clusters->cluster[r]));
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		if (!data->integer_ids)
			pfree(DatumGetPointer(values[0]));
	}
	MemoryContextDelete(data->context);
	return (Datum) 0;
}
