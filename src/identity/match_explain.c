/*
 * match_explain.c
 *		Why two records weigh what they weigh, how a cluster came about, and how
 *		sound the clusters are.
 *
 * The levels and weights are those of the engine itself: two records given as
 * JSON are read into the same form as a table and held against each other.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "common/json.h"
#include "identity/match.h"

PG_FUNCTION_INFO_V1(omnicrm_match_explain);
PG_FUNCTION_INFO_V1(omnicrm_match_how);
PG_FUNCTION_INFO_V1(omnicrm_match_quality);

/*
 * omni_match_shown: a value as it is compared, as text for a reader: letters that
 * the engine knows by a number only, and halves of letters, are question marks.
 */
char *
omni_match_shown(const MatchData *data, int f, uint32 value)
{
	const MatchDictionary *dictionary = &data->dictionary[f];
	const MatchValue *known = &dictionary->values[value];
	char	   *shown = pnstrdup((const char *) omni_match_text(dictionary, known), known->length);

	if (pg_verify_mbstr(GetDatabaseEncoding(), shown, known->length, true))
		return shown;
	for (char *s = shown; *s; s++)
	{
		if (IS_HIGHBIT_SET(*s))
			*s = '?';
	}
	return shown;
}

/*
 * omni_match_record: the values of a record that is a JSON object, as texts.
 * Arguments: the object; what it is called in errors; the model; room for a value
 * of each field, NULL where there is none.
 * Errors: invalid_parameter_value for what is no object, and for members none of
 * which is a column of the model.
 */
void
omni_match_record(Jsonb *record, const char *name, const MatchModel *model, text **values)
{
	bool		known = false;

	if (!JB_ROOT_IS_OBJECT(record))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must be a JSON object", name),
				 errhint("For example to_jsonb(t) of a row t of the table.")));
	for (int f = 0; f < model->nfields; f++)
	{
		const char *column = model->field[f].column;
		JsonbValue *value = getKeyJsonValueFromContainer(&record->root, column, strlen(column), NULL);

		values[f] = NULL;
		if (value == NULL)
			continue;
		known = true;
		values[f] = omni_json_text(value);
	}
	if (!known && JB_ROOT_COUNT(record) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s has none of the columns of the model", name),
				 errhint("The first one is \"%s\".", model->field[0].column)));
}

/* Share of all values that the weight of an agreed value goes by, or 0. */
static double
share_of_value(const MatchData *data, int f, uint32 value)
{
	const MatchField *field = &data->model->field[f];
	const MatchDictionary *dictionary = &data->dictionary[f];
	const MatchValue *known = &dictionary->values[value];

	return field->term_frequency ? omni_match_term_share(field, omni_match_text(dictionary, known), known->length) : 0;
}

/* One row of an explanation: what a field says. */
static void
put_part(ReturnSetInfo *result, const MatchData *data, int f, const MatchPart *part, int32 total)
{
	const MatchModel *model = data->model;
	const MatchField *field = &model->field[f];
	const MatchField *parent = field->parent >= 0 ? &model->field[field->parent] : NULL;
	bool		known = parent != NULL && part->given < parent->levels;
	uint32		a = omni_match_row(data, 0)[f];
	uint32		b = omni_match_row(data, 1)[f];
	Datum		values[12];
	bool		nulls[12] = {false};
	double		share = 0;

	values[0] = CStringGetTextDatum(field->column);
	nulls[1] = a == MATCH_NULL;
	values[1] = nulls[1] ? (Datum) 0 : CStringGetTextDatum(omni_match_shown(data, f, a));
	nulls[2] = b == MATCH_NULL;
	values[2] = nulls[2] ? (Datum) 0 : CStringGetTextDatum(omni_match_shown(data, f, b));
	nulls[4] = !known || part->level == MATCH_NO_EVIDENCE;
	if (part->level == MATCH_NO_EVIDENCE)
	{
		values[3] = CStringGetTextDatum(nulls[1] || nulls[2] ? "missing" : "no evidence");
		nulls[5] = nulls[6] = true;
	}
	else
	{
		values[3] = CStringGetTextDatum(omni_match_kind(field->kind)->levels[part->level]);
		if (known)
			values[4] = CStringGetTextDatum(psprintf("%s: %s", parent->column,
													 omni_match_kind(parent->kind)->levels[part->given]));
		values[5] = Float8GetDatum(known ? field->m_given[part->given][part->level] : field->m[part->level]);
		values[6] = Float8GetDatum(known ? field->u_given[part->given][part->level] : field->u[part->level]);
	}
	if (part->agreed != MATCH_NULL)
		share = share_of_value(data, f, part->agreed);
	nulls[7] = nulls[8] = share <= 0;
	values[7] = Float8GetDatum(share);
	values[8] = Float8GetDatum(share <= 0 ? 0 : (double) data->dictionary[f].adjust[part->agreed] / MATCH_UNIT);
	values[9] = Float8GetDatum((double) part->weight / MATCH_UNIT);
	values[10] = Float8GetDatum((double) total / MATCH_UNIT);
	values[11] = Float8GetDatum(omni_match_probability((double) total / MATCH_UNIT));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* A row of no field: what a share of all pairs weighs. */
static void
put_whole(ReturnSetInfo *result, const char *name, double share, int32 weight, int32 total)
{
	Datum		values[12] = {0};
	bool		nulls[12];

	memset(nulls, true, sizeof(nulls));
	nulls[0] = nulls[5] = nulls[6] = nulls[9] = nulls[10] = nulls[11] = false;
	values[0] = CStringGetTextDatum(name);
	values[5] = Float8GetDatum(share);
	values[6] = Float8GetDatum(1 - share);
	values[9] = Float8GetDatum((double) weight / MATCH_UNIT);
	values[10] = Float8GetDatum((double) total / MATCH_UNIT);
	values[11] = Float8GetDatum(omni_match_probability((double) total / MATCH_UNIT));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/*
 * match_explain(model jsonb, a jsonb, b jsonb) returns rows of comparison, value_a,
 * value_b, level, given, m, u, term_frequency, term_weight, weight, total,
 * probability: a prior and what each field adds.
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_match_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MatchModel *model = palloc0_object(MatchModel);
	MatchProbe *probe = palloc0_object(MatchProbe);
	text	   *raw[2 * MATCH_FIELDS_MAX];
	MatchPart	parts[MATCH_FIELDS_MAX];
	MatchData  *data;
	int32		total;
	int32		weight;
	int32		relatives;

	InitMaterializedSRF(fcinfo, 0);
	omni_match_model(PG_GETARG_JSONB_P(0), model);
	omni_match_record(PG_GETARG_JSONB_P(1), "record a", model, raw);
	omni_match_record(PG_GETARG_JSONB_P(2), "record b", model, raw + model->nfields);
	data = omni_match_of_values(model, 2, raw);
	probe->data = data;
	omni_match_probe(probe, 0);
	weight = omni_match_parts(probe, 1, parts, &relatives);
	if (weight != omni_match_score(probe, 1, PG_INT32_MIN))
		elog(ERROR, "parts of a weight do not sum to it");

	total = model->prior_weight;
	put_whole(result, "prior", model->prior, total, total);
	for (int i = 0; i < model->nfields; i++)
	{
		int			f = model->order[i];

		total += parts[f].weight;
		put_part(result, data, f, &parts[f], total);
	}
	if (model->relatives > 0)
		put_whole(result, "relatives", model->relatives, relatives, total + relatives);
	MemoryContextDelete(data->context);
	return (Datum) 0;
}

/*
 * omni_match_run: reads a relation and finds its entities.
 * Arguments: the call, whose first three arguments are relation, id column and
 * model; the number of its options; where the clusters, and the blocks if they are
 * asked for, are put.
 */
MatchData *
omni_match_run(FunctionCallInfo fcinfo, int options_argument, MatchRunOptions *options, MatchClusters **clusters,
			   MatchBlocks **blocks)
{
	MatchModel *model = palloc0_object(MatchModel);
	MatchInput	input = {PG_GETARG_OID(0), NameStr(*PG_GETARG_NAME(1))};
	MatchData  *data;

	omni_match_model(PG_GETARG_JSONB_P(2), model);
	omni_match_run_options(PG_GETARG_JSONB_P(options_argument), model, options);
	data = omni_match_read(&input, 1, options, model);
	*clusters = omni_match_entities(data, blocks);
	return data;
}

/* The cluster of a record, or of a cluster id where ids are texts. */
static uint32
find_cluster(const MatchData *data, const MatchClusters *clusters, const char *id)
{
	uint32		record = omni_match_find_record(data, id);

	if (record == MATCH_NULL && !data->integer_ids)
	{
		char	   *end;
		int64		number = strtoll(id, &end, 10);

		for (uint32 r = 0; r < data->nrecords && *id != '\0' && *end == '\0'; r++)
		{
			if (clusters->cluster[r] == r && omni_match_cluster_id(data, r) == number)
				return r;
		}
	}
	if (record == MATCH_NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no record or cluster \"%s\"", pnstrdup(id, pg_mbcliplen(id, strlen(id), 60))),
				 errhint("Give the id of a record that the caller may see, or a cluster_id of match_clusters() with the same options.")));
	return clusters->cluster[record];
}

/* One row of how a cluster came about. */
typedef struct Step
{
	int			number;
	uint32		a;				/* smallest records of the two parts */
	uint32		b;
	uint32		records_a;
	uint32		records_b;
	double		weight;			/* in bits; not a number: decided by somebody */
	double		needed;
	bool		weakest;
} Step;

static void
put_step(ReturnSetInfo *result, const MatchData *data, const Step *step)
{
	Datum		values[9];
	bool		nulls[9] = {false};

	CHECK_FOR_INTERRUPTS();
	values[0] = Int32GetDatum(step->number);
	values[1] = CStringGetTextDatum(omni_match_id(data, step->a));
	values[2] = CStringGetTextDatum(omni_match_id(data, step->b));
	values[3] = Int32GetDatum(step->records_a);
	values[4] = Int32GetDatum(step->records_b);
	values[5] = Int32GetDatum(step->records_a + step->records_b);
	nulls[6] = nulls[7] = isnan(step->weight);
	values[6] = Float8GetDatum(step->weight);
	values[7] = Float8GetDatum(step->needed);
	values[8] = BoolGetDatum(step->weakest);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	pfree(DatumGetPointer(values[1]));
	pfree(DatumGetPointer(values[2]));
}

/*
 * match_how(relation regclass, id_column name, model jsonb, id text, options jsonb)
 * returns rows of step, id_a, id_b, records_a, records_b, records, weight, needed,
 * weakest: the merges that made a cluster.
 * Errors: those of match_clusters(); invalid_parameter_value for an unknown id.
 */
Datum
omnicrm_match_how(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MatchRunOptions options;
	MatchClusters *clusters;
	MatchData  *data;
	uint32		cluster;
	uint32	   *records;		/* of the part whose smallest one is this */
	uint32		weakest = MATCH_NULL;
	int			steps = 0;

	InitMaterializedSRF(fcinfo, 0);
	data = omni_match_run(fcinfo, 4, &options, &clusters, NULL);
	cluster = find_cluster(data, clusters, text_to_cstring(PG_GETARG_TEXT_PP(3)));
	records = MemoryContextAllocHuge(data->context, mul_size(data->nrecords, sizeof(uint32)));
	for (uint32 r = 0; r < data->nrecords; r++)
		records[r] = 1;
	for (uint32 i = 0; i < clusters->nmerges; i++)
	{
		const MatchMerge *merge = &clusters->merges[i];

		if (clusters->cluster[merge->a] == cluster && !isnan(merge->weight) &&
			(weakest == MATCH_NULL || merge->weight < clusters->merges[weakest].weight))
			weakest = i;
	}
	for (uint32 i = 0; i < clusters->nmerges; i++)
	{
		const MatchMerge *merge = &clusters->merges[i];
		Step		step = {0};

		if (clusters->cluster[merge->a] != cluster)
			continue;
		step.number = ++steps;
		step.a = merge->a;
		step.b = merge->b;
		step.records_a = records[merge->a];
		step.records_b = records[merge->b];
		step.weight = merge->weight;
		step.needed = omni_match_merge_threshold((int64) (data->model->threshold * MATCH_UNIT),
												 step.records_a, step.records_b) / MATCH_UNIT;
		step.weakest = i == weakest;
		put_step(result, data, &step);
		records[merge->a] = merge->records;
	}
	MemoryContextDelete(data->context);
	return (Datum) 0;
}

/* The records by cluster, each cluster ascending; where that of each smallest record starts, and ends with the next. */
static uint32 *
members_of_clusters(const MatchData *data, const MatchClusters *clusters, uint32 **start)
{
	uint32		n = data->nrecords;
	uint32	   *member = MemoryContextAllocHuge(data->context, mul_size(Max(n, 1), sizeof(uint32)));
	uint32	   *next = MemoryContextAllocHuge(data->context, mul_size(Max(n, 1), sizeof(uint32)));

	*start = MemoryContextAllocExtended(data->context, mul_size((Size) n + 1, sizeof(uint32)),
										MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 r = 0; r < n; r++)
		(*start)[clusters->cluster[r] + 1]++;
	for (uint32 r = 0; r < n; r++)
	{
		(*start)[r + 1] += (*start)[r];
		next[r] = (*start)[r];
	}
	for (uint32 r = 0; r < n; r++)
		member[next[clusters->cluster[r]]++] = r;
	pfree(next);
	return member;
}

/* What the pairs of a cluster weigh. */
typedef struct Soundness
{
	double		pairs;
	double		reached;		/* that weigh at least the threshold */
	double		sum;
	int32		lowest;
	uint32		lowest_a;
	uint32		lowest_b;
} Soundness;

static void
add_pairs(Soundness *s, double pairs, int32 weight, int32 threshold, uint32 a, uint32 b)
{
	if (s->pairs == 0 || weight < s->lowest)
	{
		s->lowest = weight;
		s->lowest_a = a;
		s->lowest_b = b;
	}
	s->pairs += pairs;
	s->reached += weight >= threshold ? pairs : 0;
	s->sum += pairs * weight;
}

/*
 * What the pairs of a cluster weigh.  first: the record of the same values that
 * each one counts with, or itself; equal: how many count with each.
 */
static Soundness
soundness_of(MatchProbe *probe, const uint32 *member, uint32 n, const uint32 *first, const uint32 *equal, int32 threshold)
{
	Soundness	s = {0};

	for (uint32 i = 0; i < n; i++)
	{
		uint32		a = member[i];

		if (first[a] != a)
		{
			/* the next equal one makes a pair with the first of them */
			if (s.lowest_b == MATCH_NULL && s.lowest_a == first[a])
				s.lowest_b = a;
			continue;
		}
		omni_match_probe(probe, a);
		if (equal[a] > 1)
			add_pairs(&s, (double) equal[a] * (equal[a] - 1) / 2, omni_match_score(probe, a, PG_INT32_MIN), threshold,
					  a, MATCH_NULL);
		for (uint32 k = i + 1; k < n; k++)
		{
			uint32		b = member[k];

			if ((k & 1023) == 0)
				CHECK_FOR_INTERRUPTS();
			if (first[b] == b)
				add_pairs(&s, (double) equal[a] * equal[b], omni_match_score(probe, b, PG_INT32_MIN), threshold, a, b);
		}
	}
	return s;
}

/*
 * match_quality(relation regclass, id_column name, model jsonb, options jsonb)
 * returns rows of cluster_id, records, density, mean, lowest, lowest_a, lowest_b,
 * weakest: how sound each cluster of two and more records is.
 * Errors: those of match_clusters().
 */
Datum
omnicrm_match_quality(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	MatchRunOptions options;
	MatchClusters *clusters;
	MatchBlocks *blocks;
	MatchData  *data;
	MatchProbe *probe = palloc0_object(MatchProbe);
	uint32	   *start;
	uint32	   *member;
	uint32	   *first;
	uint32	   *equal;
	float	   *weakest;
	int32		threshold;

	InitMaterializedSRF(fcinfo, 0);
	data = omni_match_run(fcinfo, 3, &options, &clusters, &blocks);
	probe->data = data;
	threshold = omni_match_units(data->model->threshold);
	member = members_of_clusters(data, clusters, &start);
	weakest = MemoryContextAllocHuge(data->context, mul_size(Max(data->nrecords, 1), sizeof(float)));
	first = MemoryContextAllocHuge(data->context, mul_size(Max(data->nrecords, 1), sizeof(uint32)));
	equal = MemoryContextAllocExtended(data->context, mul_size(Max(data->nrecords, 1), sizeof(uint32)),
									   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint32		original = blocks->original != NULL ? blocks->original[r] : MATCH_NULL;

		first[r] = original != MATCH_NULL && clusters->cluster[original] == clusters->cluster[r] ? original : r;
		equal[first[r]]++;
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
		uint32		n = start[r + 1] - start[r];
		Soundness	s;
		Datum		values[8];
		bool		nulls[8] = {false};

		CHECK_FOR_INTERRUPTS();
		if (n < 2)
			continue;
		s = soundness_of(probe, member + start[r], n, first, equal, threshold);
		values[0] = Int64GetDatum(omni_match_cluster_id(data, r));
		values[1] = Int32GetDatum(n);
		values[2] = Float8GetDatum(s.reached / s.pairs);
		values[3] = Float8GetDatum(s.sum / s.pairs / MATCH_UNIT);
		values[4] = Float8GetDatum((double) s.lowest / MATCH_UNIT);
		values[5] = CStringGetTextDatum(omni_match_id(data, s.lowest_a));
		values[6] = CStringGetTextDatum(omni_match_id(data, s.lowest_b));
		values[7] = Float8GetDatum(weakest[r]);
		nulls[7] = isinf(weakest[r]);
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
		pfree(DatumGetPointer(values[5]));
		pfree(DatumGetPointer(values[6]));
	}
	MemoryContextDelete(data->context);
	return (Datum) 0;
}
