/*
 * summary_rows.c
 *		Reading a summary: credits, paths, flows, lengths, times, as rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "attribution/summary.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_attribution_credit);
PG_FUNCTION_INFO_V1(omnicrm_attribution_comparison);
PG_FUNCTION_INFO_V1(omnicrm_attribution_paths);
PG_FUNCTION_INFO_V1(omnicrm_attribution_flows);
PG_FUNCTION_INFO_V1(omnicrm_attribution_lengths);
PG_FUNCTION_INFO_V1(omnicrm_attribution_times);
PG_FUNCTION_INFO_V1(omnicrm_attribution_totals);
PG_FUNCTION_INFO_V1(omnicrm_attribution_markov);

/* decimals of shares when nothing else is asked for */
#define DEFAULT_DECIMALS 12

#define COMPARED_MODELS 12

static const AttributionModel compared[COMPARED_MODELS] = {
	MODEL_FIRST, MODEL_LAST, MODEL_LAST_NON, MODEL_LINEAR, MODEL_U_SHAPED, MODEL_J_SHAPED, MODEL_INVERSE_J,
	MODEL_CUSTOM, MODEL_TIME_DECAY, MODEL_PARTICIPATION, MODEL_SAME_TOUCH, MODEL_SHAPLEY
};

static void
put_row(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

static Datum
actor_text(const AttributionSummary *summary, uint32 actor)
{
	int			length;
	const char *name = omni_actor_name(summary->actors, actor, &length);

	return PointerGetDatum(cstring_to_text_with_len(name, length));
}

/* Units of 10^-decimals as numeric; without zeros at the end when "trimmed". */
static Datum
decimal(int128 units, int decimals, bool trimmed)
{
	Datum		number = NumericGetDatum(omnicrm_units_to_numeric(units, decimals));

	return trimmed ? DirectFunctionCall1(numeric_trim_scale, number) : number;
}

/* The decimals asked for by an argument, DEFAULT_DECIMALS when it is NULL. */
static int
decimals_of(FunctionCallInfo fcinfo, int arg)
{
	int			decimals = PG_ARGISNULL(arg) ? DEFAULT_DECIMALS : PG_GETARG_INT32(arg);

	if (decimals < 0 || decimals > SUMMARY_MAX_SCALE)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("scale must be between 0 and %d, not %d", SUMMARY_MAX_SCALE, decimals)));
	return decimals;
}

/* The shares of all actors and of nobody by a model, rounded. */
static int128 *
rounded(const AttributionSummary *summary, AttributionModel model, bool values, int decimals)
{
	ModelShares shares;
	uint32		count = summary->nactors + 1;
	int128	   *units = MemoryContextAllocHuge(CurrentMemoryContext, (Size) count * sizeof(int128));

	summary_model_shares(summary, model, &shares);
	if (values)
		summary_allocate(shares.values, count, shares.value_total, summary->scale, decimals, units);
	else
		summary_allocate(shares.conversions, count, shares.conversion_total, 0, decimals, units);
	pfree(shares.conversions);
	pfree(shares.values);
	return units;
}

/* Is there anything that nobody has? */
static bool
has_unattributed(const AttributionSummary *summary, AttributionModel model)
{
	if (model == MODEL_SAME_TOUCH)
		return summary->conversions > summary->same_touches;
	return summary->unattributed > 0;
}

/*
 * attribution_credit(summary, model text, scale integer): rows (actor text,
 * conversions numeric, value numeric, touches bigint) by name; one with actor NULL
 * is what nobody has.  Errors: invalid_parameter_value, feature_not_supported.
 */
Datum
omnicrm_attribution_credit(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary;
	AttributionModel model;
	text	   *name;
	int			decimals;
	int128	   *conversions;
	int128	   *values;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	name = PG_GETARG_TEXT_PP(1);
	model = omnicrm_attribution_model(VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	decimals = decimals_of(fcinfo, 2);
	summary = summary_read(PG_GETARG_BYTEA_PP(0));
	conversions = rounded(summary, model, false, DEFAULT_DECIMALS);
	values = rounded(summary, model, true, decimals);
	for (uint32 i = 0; i <= summary->nactors; i++)
	{
		bool		nobody = i == summary->nactors;
		Datum		row[4];
		bool		nulls[4] = {nobody, false, false, false};

		if (nobody && !has_unattributed(summary, model))
			break;
		row[0] = nobody ? (Datum) 0 : actor_text(summary, i);
		row[1] = decimal(conversions[i], DEFAULT_DECIMALS, true);
		row[2] = decimal(values[i], decimals, PG_ARGISNULL(2));
		row[3] = Int64GetDatum(nobody ? 0 : summary->credits[i].touches);
		put_row(fcinfo, row, nulls);
	}
	return (Datum) 0;
}

/*
 * attribution_comparison(summary, measure text, scale integer): for each actor
 * its touches and what it has by each model: conversions or value.  Models that
 * need what the summary has not are NULL.  Errors: invalid_parameter_value.
 */
Datum
omnicrm_attribution_comparison(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary;
	char	   *measure;
	bool		values;
	int			decimals;
	int128	   *units[COMPARED_MODELS];

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	measure = text_to_cstring(PG_GETARG_TEXT_PP(1));
	values = strcmp(measure, "value") == 0;
	if (!values && strcmp(measure, "conversions") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown measure \"%s\"", measure),
				 errhint("Known: conversions, value.")));
	decimals = decimals_of(fcinfo, 2);
	summary = summary_read(PG_GETARG_BYTEA_PP(0));
	for (int m = 0; m < COMPARED_MODELS; m++)
	{
		bool		known = summary->timed || (compared[m] != MODEL_TIME_DECAY && compared[m] != MODEL_SAME_TOUCH);

		units[m] = known ? rounded(summary, compared[m], values, decimals) : NULL;
	}
	for (uint32 i = 0; i <= summary->nactors; i++)
	{
		bool		nobody = i == summary->nactors;
		Datum		row[COMPARED_MODELS + 2] = {0};
		bool		nulls[COMPARED_MODELS + 2] = {nobody};

		if (nobody && !has_unattributed(summary, MODEL_FIRST) &&
			!(summary->timed && has_unattributed(summary, MODEL_SAME_TOUCH)))
			break;
		if (!nobody)
			row[0] = actor_text(summary, i);
		row[1] = Int64GetDatum(nobody ? 0 : summary->credits[i].touches);
		for (int m = 0; m < COMPARED_MODELS; m++)
		{
			nulls[m + 2] = units[m] == NULL;
			if (units[m] != NULL)
				row[m + 2] = decimal(units[m][i], decimals, PG_ARGISNULL(2));
		}
		put_row(fcinfo, row, nulls);
	}
	return (Datum) 0;
}

/*
 * attribution_paths(summary, most integer): the best paths: (place, path text[],
 * conversions, value, nulls).  Errors: invalid_parameter_value.
 */
Datum
omnicrm_attribution_paths(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary;
	int32		most;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	most = PG_GETARG_INT32(1);
	if (most < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the number of paths must not be negative: %d", most)));
	summary = summary_read(PG_GETARG_BYTEA_PP(0));
	for (uint32 i = 0; i < Min(summary->npaths, (uint32) most); i++)
	{
		const SummaryPath *path = &summary->paths[i];
		Datum	   *names = MemoryContextAllocHuge(CurrentMemoryContext, (Size) path->length * sizeof(Datum));
		Datum		row[5];
		bool		nulls[5] = {false};

		CHECK_FOR_INTERRUPTS();
		for (uint32 a = 0; a < path->length; a++)
			names[a] = actor_text(summary, path->actors[a]);
		row[0] = Int32GetDatum((int32) i + 1);
		row[1] = PointerGetDatum(construct_array(names, (int) path->length, TEXTOID, -1, false, TYPALIGN_INT));
		row[2] = Int64GetDatum(path->conversions);
		row[3] = decimal(path->value, summary->scale, false);
		row[4] = Int64GetDatum(path->nulls);
		put_row(fcinfo, row, nulls);
	}
	return (Datum) 0;
}

/* An end of a flow; NULL: start or end of the path. */
static Datum
node_text(const AttributionSummary *summary, uint32 node, bool *is_null)
{
	*is_null = node == FLOW_END;
	if (node == FLOW_END)
		return (Datum) 0;
	if (node == FLOW_OTHER)
		return CStringGetTextDatum("(other)");
	return actor_text(summary, node);
}

/*
 * attribution_flows(summary): rows (step, from_actor, to_actor, conversions,
 * nulls) by step and names; from NULL: the start, to NULL: the end of the path.
 */
Datum
omnicrm_attribution_flows(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	summary = summary_read(PG_GETARG_BYTEA_PP(0));
	for (uint32 i = 0; i < summary->nflows; i++)
	{
		const SummaryFlow *flow = &summary->flows[i];
		Datum		row[5];
		bool		nulls[5] = {false};

		row[0] = Int32GetDatum((int32) flow->step);
		row[1] = node_text(summary, flow->from, &nulls[1]);
		row[2] = node_text(summary, flow->to, &nulls[2]);
		row[3] = Int64GetDatum(flow->conversions);
		row[4] = Int64GetDatum(flow->nulls);
		put_row(fcinfo, row, nulls);
	}
	return (Datum) 0;
}

/*
 * attribution_lengths(summary): rows (touches, conversions, value, nulls) by the
 * number of touches; 0: conversions without a touch.
 */
Datum
omnicrm_attribution_lengths(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	summary = summary_read(PG_GETARG_BYTEA_PP(0));
	for (uint32 i = 0; i <= summary->nlengths; i++)
	{
		SummaryLength length = {0, summary->unattributed, 0, summary->unattributed_value};
		Datum		row[4];
		bool		nulls[4] = {false};

		if (i > 0)
			length = summary->lengths[i - 1];
		else if (length.conversions == 0)
			continue;
		row[0] = Int64GetDatum(length.length);
		row[1] = Int64GetDatum(length.conversions);
		row[2] = decimal(length.value, summary->scale, false);
		row[3] = Int64GetDatum(length.nulls);
		put_row(fcinfo, row, nulls);
	}
	return (Datum) 0;
}

static Datum
interval_of(uint64 microseconds)
{
	Interval   *interval = palloc0_object(Interval);

	interval->day = (int32) (microseconds / USECS_PER_DAY);
	interval->time = (int64) (microseconds % USECS_PER_DAY);
	return IntervalPGetDatum(interval);
}

/* The time that a part of the conversions took at most; the start of its bucket. */
static uint64
quantile(const AttributionSummary *summary, double point, int64 total, int64 *below)
{
	double		wanted = ceil(point * (double) total);
	int64		sum = 0;

	for (uint32 i = 0; i < summary->ntimes; i++)
	{
		sum += summary->times[i].conversions;
		if ((double) sum >= wanted || i + 1 == summary->ntimes)
		{
			uint64		start = time_bucket_start(summary->times[i].bucket) * USECS_PER_SEC;

			*below = sum;
			if (point == 1)
				return summary->time_most;
			return Min(Max(start, summary->time_least), summary->time_most);
		}
	}
	*below = 0;
	return 0;
}

/*
 * attribution_times(summary, points double precision[]): for each part of the
 * conversions (0 to 1) the time from the first touch of the path that they took at
 * most: rows (point, elapsed interval, conversions).
 * Errors: invalid_parameter_value.
 */
Datum
omnicrm_attribution_times(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary;
	Datum	   *points;
	bool	   *missing;
	int			count;
	int64		total = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		return (Datum) 0;
	summary = summary_read(PG_GETARG_BYTEA_PP(0));
	deconstruct_array(PG_GETARG_ARRAYTYPE_P(1), FLOAT8OID, sizeof(float8), FLOAT8PASSBYVAL, TYPALIGN_DOUBLE,
					  &points, &missing, &count);
	for (uint32 i = 0; i < summary->ntimes; i++)
		total += summary->times[i].conversions;
	for (int i = 0; i < count; i++)
	{
		double		point = missing[i] ? -1 : DatumGetFloat8(points[i]);
		Datum		row[3];
		bool		nulls[3] = {false, total == 0, false};
		int64		below;

		if (!(point >= 0 && point <= 1))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("points must be numbers from 0 to 1 (element %d)", i + 1)));
		row[0] = Float8GetDatum(point);
		row[1] = interval_of(quantile(summary, point, total, &below));
		row[2] = Int64GetDatum(below);
		put_row(fcinfo, row, nulls);
	}
	return (Datum) 0;
}

/*
 * attribution_totals(summary): one row (journeys, touches, actors, conversions,
 * value, nulls, unattributed, unattributed_value, mean_time, all_paths).
 */
Datum
omnicrm_attribution_totals(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary;
	Datum		row[10];
	bool		nulls[10] = {false};
	int64		without = 0;
	int64		timed = 0;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	summary = summary_read(PG_GETARG_BYTEA_PP(0));
	for (uint32 i = 0; i < summary->nlengths; i++)
		without += summary->lengths[i].nulls;
	for (uint32 i = 0; i < summary->ntimes; i++)
		timed += summary->times[i].conversions;
	row[0] = Int64GetDatum(summary->journeys);
	row[1] = Int64GetDatum(summary->touches);
	row[2] = Int64GetDatum(summary->nactors);
	row[3] = Int64GetDatum(summary->conversions);
	row[4] = decimal(summary->value, summary->scale, false);
	row[5] = Int64GetDatum(without);
	row[6] = Int64GetDatum(summary->unattributed);
	row[7] = decimal(summary->unattributed_value, summary->scale, false);
	nulls[8] = timed == 0;
	row[8] = nulls[8] ? (Datum) 0 : interval_of((uint64) (summary->time_sum / timed));
	row[9] = BoolGetDatum(summary->all_paths);
	put_row(fcinfo, row, nulls);
	return (Datum) 0;
}

/*
 * attribution_markov(summary): the transitions of all paths as omnicrm.markov; NULL
 * when the option markov_order is 0.
 */
Datum
omnicrm_attribution_markov(PG_FUNCTION_ARGS)
{
	AttributionSummary *summary = summary_read(PG_GETARG_BYTEA_PP(0));

	if (summary->markov == NULL)
		PG_RETURN_NULL();
	PG_RETURN_POINTER(summary->markov);
}
