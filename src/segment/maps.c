/*
 * maps.c
 *		Segment maps: which name belongs to which recency, frequency and monetary
 *		score, and a check of a map for overlaps and gaps.
 *
 * A map is a list of rules; the first that matches names the segment.  rf25
 * gives each of the 25 cells of recency and frequency exactly one name.  The maps
 * of the R package rfm (https://rfm.rsquaredacademy.com, versions 0.2 and 0.3)
 * are there to reproduce its figures; they overlap and leave gaps.
 */
#include "postgres.h"

#include <math.h>

#include "funcapi.h"
#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/maps.h"

#define SCORES 5

static const SegmentRule rf25_rules[] = {
	{"champions", {5, 5}, {4, 5}, {1, 5}},
	{"loyal", {3, 4}, {4, 5}, {1, 5}},
	{"potential_loyalists", {4, 5}, {2, 3}, {1, 5}},
	{"new", {5, 5}, {1, 1}, {1, 5}},
	{"promising", {4, 4}, {1, 1}, {1, 5}},
	{"need_attention", {3, 3}, {3, 3}, {1, 5}},
	{"about_to_sleep", {3, 3}, {1, 2}, {1, 5}},
	{"cant_lose", {1, 2}, {5, 5}, {1, 5}},
	{"at_risk", {1, 2}, {3, 4}, {1, 5}},
	{"hibernating", {1, 2}, {1, 2}, {1, 5}},
};

static const SegmentRule rfm_0_2_rules[] = {
	{"Champions", {4, 5}, {4, 5}, {4, 5}},
	{"Loyal Customers", {2, 5}, {3, 5}, {3, 5}},
	{"Potential Loyalist", {3, 5}, {1, 3}, {1, 3}},
	{"New Customers", {4, 5}, {1, 1}, {1, 1}},
	{"Promising", {3, 4}, {1, 1}, {1, 1}},
	{"Need Attention", {2, 3}, {2, 3}, {2, 3}},
	{"About To Sleep", {2, 3}, {1, 2}, {1, 2}},
	{"At Risk", {1, 2}, {2, 5}, {2, 5}},
	{"Can't Lose Them", {1, 1}, {4, 5}, {4, 5}},
	{"Lost", {1, 2}, {1, 2}, {1, 2}},
};

static const SegmentRule rfm_0_3_rules[] = {
	{"Champions", {5, 5}, {5, 5}, {5, 5}},
	{"Potential Loyalist", {3, 5}, {3, 5}, {2, 5}},
	{"Loyal Customers", {2, 4}, {2, 4}, {2, 4}},
	{"Promising", {3, 4}, {1, 3}, {3, 5}},
	{"New Customers", {4, 5}, {1, 3}, {1, 5}},
	{"Can't Lose Them", {1, 2}, {3, 4}, {4, 5}},
	{"At Risk", {1, 2}, {2, 5}, {4, 5}},
	{"Need Attention", {1, 3}, {3, 5}, {3, 5}},
	{"About To Sleep", {2, 3}, {1, 3}, {1, 4}},
	{"Lost", {1, 1}, {1, 5}, {1, 5}},
};

static const SegmentMap maps[] = {
	{"rf25", NULL, SCORES, false, lengthof(rf25_rules), rf25_rules},
	{"rfm_0_2", "Others", SCORES, true, lengthof(rfm_0_2_rules), rfm_0_2_rules},
	{"rfm_0_3", "Others", SCORES, true, lengthof(rfm_0_3_rules), rfm_0_3_rules},
};

PG_FUNCTION_INFO_V1(omnicrm_rfm_code);
PG_FUNCTION_INFO_V1(omnicrm_rfm_weighted);
PG_FUNCTION_INFO_V1(omnicrm_rfm_segment);
PG_FUNCTION_INFO_V1(omnicrm_rfm_segment_jsonb);
PG_FUNCTION_INFO_V1(omnicrm_rfm_map);
PG_FUNCTION_INFO_V1(omnicrm_rfm_map_jsonb);
PG_FUNCTION_INFO_V1(omnicrm_rfm_map_check);
PG_FUNCTION_INFO_V1(omnicrm_rfm_map_check_jsonb);

/* A map of the user's and the jsonb that it was read from. */
typedef struct ReadMap
{
	MemoryContext context;		/* of both */
	Jsonb	   *source;
	SegmentMap *map;
} ReadMap;

static const SegmentMap *
find_map(const text *name)
{
	for (int i = 0; i < lengthof(maps); i++)
		if (VARSIZE_ANY_EXHDR(name) == strlen(maps[i].name) &&
			memcmp(VARDATA_ANY(name), maps[i].name, strlen(maps[i].name)) == 0)
			return &maps[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown segment map: \"%s\"", text_to_cstring(name)),
			 errhint("Known maps: rf25, rfm_0_2, rfm_0_3; or give your own as jsonb.")));
	return NULL;
}

static bool
in_range(ScoreRange range, int score)
{
	return score >= range.low && score <= range.high;
}

static bool
rule_matches(const SegmentRule *rule, int r, int f, int m)
{
	return in_range(rule->r, r) && in_range(rule->f, f) && in_range(rule->m, m);
}

/* The score of an argument; invalid_parameter_value outside 1 to highest. */
static int
score_argument(FunctionCallInfo fcinfo, int number, const char *name, int highest)
{
	int			score = PG_GETARG_INT32(number);

	if (score < 1 || score > highest)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s score out of range: %d", name, score),
				 errhint("Use scores from 1 to %d.", highest)));
	return score;
}

/* rfm_code(r, f, m): the three scores, 1 to 9 each, as one number of three digits. */
Datum
omnicrm_rfm_code(PG_FUNCTION_ARGS)
{
	int			r = score_argument(fcinfo, 0, "recency", 9);
	int			f = score_argument(fcinfo, 1, "frequency", 9);
	int			m = score_argument(fcinfo, 2, "monetary", 9);

	PG_RETURN_INT32(100 * r + 10 * f + m);
}

/*
 * rfm_weighted(r, f, m, weights): the scores as one figure.  Errors:
 * invalid_parameter_value unless there are three finite weights.
 */
Datum
omnicrm_rfm_weighted(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(3);
	const float8 *weights = (const float8 *) ARR_DATA_PTR(array);
	float8		result = 0;

	if (ARR_NDIM(array) != 1 || ARR_DIMS(array)[0] != 3 || array_contains_nulls(array))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("weights must be a list of three numbers"),
				 errhint("Of recency, frequency and money, for example {100,10,1}.")));
	for (int i = 0; i < 3; i++)
	{
		if (!isfinite(weights[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("weight %d is not finite", i + 1)));
		result += weights[i] * PG_GETARG_INT32(i);
	}
	PG_RETURN_FLOAT8(result);
}

/* The segment of the scores in arguments 0 to 2, as a text; null when a score that the map needs is null. */
static Datum
find_segment(FunctionCallInfo fcinfo, const SegmentMap *map)
{
	int			r;
	int			f;
	int			m = 1;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || (map->monetary && PG_ARGISNULL(2)))
		PG_RETURN_NULL();
	r = score_argument(fcinfo, 0, "recency", map->scores);
	f = score_argument(fcinfo, 1, "frequency", map->scores);
	if (!PG_ARGISNULL(2))
		m = score_argument(fcinfo, 2, "monetary", map->scores);
	for (int i = 0; i < map->nrules; i++)
		if (rule_matches(&map->rules[i], r, f, m))
			PG_RETURN_TEXT_P(cstring_to_text(map->rules[i].segment));
	if (map->others == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(map->others));
}

/*
 * rfm_segment(r, f, m, map): name of the segment of these scores, 1 to 5 each.
 * Errors: invalid_parameter_value for a score out of range or an unknown map.
 */
Datum
omnicrm_rfm_segment(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("map must not be null"),
				 errhint("Known maps: rf25, rfm_0_2, rfm_0_3.")));
	return find_segment(fcinfo, find_map(PG_GETARG_TEXT_PP(3)));
}

/* The same by a map of the user's, which is read once for each query. */
Datum
omnicrm_rfm_segment_jsonb(PG_FUNCTION_ARGS)
{
	ReadMap    *read = fcinfo->flinfo->fn_extra;
	Jsonb	   *source;

	if (PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("map must not be null")));
	source = PG_GETARG_JSONB_P(3);
	if (read == NULL)
	{
		read = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ReadMap));
		read->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "segment map", ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = read;
	}
	if (read->source == NULL || VARSIZE(read->source) != VARSIZE(source) ||
		memcmp(read->source, source, VARSIZE(source)) != 0)
	{
		MemoryContext before = MemoryContextSwitchTo(read->context);

		read->source = NULL;
		MemoryContextReset(read->context);
		read->map = segment_map_read(source);
		read->source = (Jsonb *) palloc(VARSIZE(source));
		memcpy(read->source, source, VARSIZE(source));
		MemoryContextSwitchTo(before);
	}
	return find_segment(fcinfo, read->map);
}

/* The rules of a map as rows, in the order in which they are tried. */
static Datum
list_rules(FunctionCallInfo fcinfo, const SegmentMap *map)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < map->nrules; i++)
	{
		const SegmentRule *rule = &map->rules[i];
		bool		nulls[8] = {false};
		Datum		values[8] = {
			Int32GetDatum(i + 1), CStringGetTextDatum(rule->segment),
			Int16GetDatum(rule->r.low), Int16GetDatum(rule->r.high),
			Int16GetDatum(rule->f.low), Int16GetDatum(rule->f.high),
			Int16GetDatum(rule->m.low), Int16GetDatum(rule->m.high)
		};

		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* One row of rfm_map_check; a score of 0 stands for null. */
static void
put_problem(ReturnSetInfo *result, const char *problem, int r, int f, int m,
			Datum *segments, int nsegments)
{
	Datum		values[5];
	bool		nulls[5] = {false, r == 0, f == 0, m == 0, false};

	values[0] = CStringGetTextDatum(problem);
	values[1] = Int16GetDatum(r);
	values[2] = Int16GetDatum(f);
	values[3] = Int16GetDatum(m);
	values[4] = PointerGetDatum(construct_array(segments, nsegments, TEXTOID, -1, false, TYPALIGN_INT));
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* Checks one cell; notes the rule that names it in used. */
static void
check_cell(ReturnSetInfo *result, const SegmentMap *map, bool *used, int r, int f, int m)
{
	Datum	   *matching = palloc_array(Datum, map->nrules);
	int			count = 0;

	for (int i = 0; i < map->nrules; i++)
	{
		if (!rule_matches(&map->rules[i], r, f, m))
			continue;
		if (count == 0)
			used[i] = true;
		matching[count++] = CStringGetTextDatum(map->rules[i].segment);
	}
	if (count != 1)
		put_problem(result, count == 0 ? "gap" : "overlap", r, f, map->monetary ? m : 0, matching, count);
}

/*
 * One row for each cell that no rule (gap) or more than one rule (overlap)
 * matches, and for each segment that no cell ever gets (unreachable).  No row:
 * the map is complete and disjoint.
 */
static Datum
check_map(FunctionCallInfo fcinfo, const SegmentMap *map)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	bool	   *used = palloc0_array(bool, map->nrules);

	InitMaterializedSRF(fcinfo, 0);
	for (int r = 1; r <= map->scores; r++)
		for (int f = 1; f <= map->scores; f++)
			for (int m = 1; m <= (map->monetary ? map->scores : 1); m++)
				check_cell(result, map, used, r, f, m);
	for (int i = 0; i < map->nrules; i++)
	{
		Datum		segment = CStringGetTextDatum(map->rules[i].segment);

		if (!used[i])
			put_problem(result, "unreachable", 0, 0, 0, &segment, 1);
	}
	return (Datum) 0;
}

/* rfm_map(map) and rfm_map_check(map), of a map by its name or of one's own. */
Datum
omnicrm_rfm_map(PG_FUNCTION_ARGS)
{
	return list_rules(fcinfo, find_map(PG_GETARG_TEXT_PP(0)));
}

Datum
omnicrm_rfm_map_jsonb(PG_FUNCTION_ARGS)
{
	return list_rules(fcinfo, segment_map_read(PG_GETARG_JSONB_P(0)));
}

Datum
omnicrm_rfm_map_check(PG_FUNCTION_ARGS)
{
	return check_map(fcinfo, find_map(PG_GETARG_TEXT_PP(0)));
}

Datum
omnicrm_rfm_map_check_jsonb(PG_FUNCTION_ARGS)
{
	return check_map(fcinfo, segment_map_read(PG_GETARG_JSONB_P(0)));
}
