/*
 * summary_rollup.c
 *		Adding summaries of disjoint sets of journeys, and the aggregate
 *		omnicrm.attribution_rollup().
 *
 * All parts of a summary are sums, so those of shards or days, each with whole
 * journeys, add up to the summary of all.  Two things are cut: paths beyond the
 * best, and actors that flows do not name; where a part has cut, so has the sum.
 */
#include "postgres.h"

#include "common/int.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "attribution/summary.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_attribution_rollup_trans);
PG_FUNCTION_INFO_V1(omnicrm_attribution_rollup_combine);

static void
out_of_range(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("a sum of attribution summaries is out of range")));
}

static inline int64
add_count(int64 a, int64 b)
{
	int64		sum;

	if (pg_add_s64_overflow(a, b, &sum))
		out_of_range();
	return sum;
}

static inline int128
add_value(int128 a, int128 b)
{
	int128		sum;

	if (__builtin_add_overflow(a, b, &sum))
		out_of_range();
	return sum;
}

static inline int128
times(int128 a, int128 factor)
{
	int128		product;

	if (__builtin_mul_overflow(a, factor, &product))
		out_of_range();
	return product;
}

static void *
allocate(Size count, Size width)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, Max(count, 1) * width,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/* Brings all values to another number of decimals. */
static void
rescale(AttributionSummary *summary, int scale)
{
	int128		factor = 1;

	for (int i = summary->scale; i < scale; i++)
		factor *= 10;
	summary->scale = scale;
	summary->value = times(summary->value, factor);
	summary->unattributed_value = times(summary->unattributed_value, factor);
	summary->same_touch_value = times(summary->same_touch_value, factor);
	for (uint32 i = 0; i < summary->nactors; i++)
	{
		for (int c = 0; c < CREDIT_COUNTS; c++)
			summary->credits[i].values[c] = times(summary->credits[i].values[c], factor);
		for (int s = 0; s < CREDIT_SHARES; s++)
			summary->credits[i].share_values[s] = times(summary->credits[i].share_values[s], factor);
	}
	for (uint32 i = 0; i < summary->nlengths; i++)
		summary->lengths[i].value = times(summary->lengths[i].value, factor);
	for (uint32 i = 0; i < summary->npaths; i++)
		summary->paths[i].value = times(summary->paths[i].value, factor);
}

/* For each actor of a summary its number among all. */
static uint32 *
numbers_in(const AttributionSummary *summary, Actors *all)
{
	uint32	   *numbers = allocate(summary->nactors, sizeof(uint32));

	for (uint32 i = 0; i < summary->nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(summary->actors, i, &length);

		numbers[i] = omni_actor_number(all, name, length);
	}
	return numbers;
}

static void
add_credit(ActorCredit *into, const ActorCredit *from)
{
	into->touches = add_count(into->touches, from->touches);
	for (int c = 0; c < CREDIT_COUNTS; c++)
	{
		into->counts[c] = add_count(into->counts[c], from->counts[c]);
		into->values[c] = add_value(into->values[c], from->values[c]);
	}
	for (int s = 0; s < CREDIT_SHARES; s++)
	{
		into->shares[s] = add_value(into->shares[s], from->shares[s]);
		into->share_values[s] = add_value(into->share_values[s], from->share_values[s]);
	}
}

static uint32
renumbered(uint32 node, const uint32 *numbers)
{
	return node >= FLOW_OTHER ? node : numbers[node];
}

/* The names of both, in order, and what their actors have; numbers in flows and paths follow. */
static void
add_actors(AttributionSummary *sum, AttributionSummary *parts[2])
{
	Actors	   *all = omni_actors_make(CurrentMemoryContext);
	uint32	   *numbers[2];
	uint32	   *by_name;
	uint32	   *ranks;

	for (int p = 0; p < 2; p++)
		numbers[p] = numbers_in(parts[p], all);
	by_name = omni_actors_by_name(all);
	ranks = omni_actors_ranks(all);
	sum->nactors = omni_actors_count(all);
	sum->actors = omni_actors_make(CurrentMemoryContext);
	for (uint32 i = 0; i < sum->nactors; i++)
	{
		int			length;
		const char *name = omni_actor_name(all, by_name[i], &length);

		(void) omni_actor_number(sum->actors, name, length);
	}
	sum->credits = allocate(sum->nactors, sizeof(ActorCredit));
	for (int p = 0; p < 2; p++)
	{
		for (uint32 i = 0; i < parts[p]->nactors; i++)
		{
			numbers[p][i] = ranks[numbers[p][i]];
			add_credit(&sum->credits[numbers[p][i]], &parts[p]->credits[i]);
		}
		for (uint32 i = 0; i < parts[p]->nflows; i++)
		{
			parts[p]->flows[i].from = renumbered(parts[p]->flows[i].from, numbers[p]);
			parts[p]->flows[i].to = renumbered(parts[p]->flows[i].to, numbers[p]);
		}
		for (uint32 i = 0; i < parts[p]->npaths; i++)
			for (uint32 a = 0; a < parts[p]->paths[i].length; a++)
				parts[p]->paths[i].actors[a] = numbers[p][parts[p]->paths[i].actors[a]];
	}
}

static void
add_totals(AttributionSummary *sum, AttributionSummary *parts[2])
{
	const AttributionSummary *a = parts[0];
	const AttributionSummary *b = parts[1];

	sum->journeys = add_count(a->journeys, b->journeys);
	sum->touches = add_count(a->touches, b->touches);
	sum->conversions = add_count(a->conversions, b->conversions);
	sum->value = add_value(a->value, b->value);
	sum->unattributed = add_count(a->unattributed, b->unattributed);
	sum->unattributed_value = add_value(a->unattributed_value, b->unattributed_value);
	sum->same_touches = add_count(a->same_touches, b->same_touches);
	sum->same_touch_value = add_value(a->same_touch_value, b->same_touch_value);
	if (sum->value >= SUMMARY_VALUE_LIMIT || sum->value <= -SUMMARY_VALUE_LIMIT)
		out_of_range();
}

static void
add_lengths(AttributionSummary *sum, AttributionSummary *parts[2])
{
	uint32		at[2] = {0, 0};

	sum->lengths = allocate((Size) parts[0]->nlengths + parts[1]->nlengths, sizeof(SummaryLength));
	while (at[0] < parts[0]->nlengths || at[1] < parts[1]->nlengths)
	{
		SummaryLength *length = &sum->lengths[sum->nlengths++];

		length->length = PG_UINT32_MAX;
		for (int p = 0; p < 2; p++)
			if (at[p] < parts[p]->nlengths)
				length->length = Min(length->length, parts[p]->lengths[at[p]].length);
		for (int p = 0; p < 2; p++)
			if (at[p] < parts[p]->nlengths && parts[p]->lengths[at[p]].length == length->length)
			{
				const SummaryLength *from = &parts[p]->lengths[at[p]++];

				length->conversions = add_count(length->conversions, from->conversions);
				length->nulls = add_count(length->nulls, from->nulls);
				length->value = add_value(length->value, from->value);
			}
	}
}

static void
add_times(AttributionSummary *sum, AttributionSummary *parts[2])
{
	uint32		at[2] = {0, 0};

	sum->times = allocate((Size) parts[0]->ntimes + parts[1]->ntimes, sizeof(SummaryTime));
	while (at[0] < parts[0]->ntimes || at[1] < parts[1]->ntimes)
	{
		SummaryTime *time = &sum->times[sum->ntimes++];

		time->bucket = PG_UINT32_MAX;
		for (int p = 0; p < 2; p++)
			if (at[p] < parts[p]->ntimes)
				time->bucket = Min(time->bucket, parts[p]->times[at[p]].bucket);
		for (int p = 0; p < 2; p++)
			if (at[p] < parts[p]->ntimes && parts[p]->times[at[p]].bucket == time->bucket)
				time->conversions = add_count(time->conversions, parts[p]->times[at[p]++].conversions);
	}
	sum->time_sum = add_value(parts[0]->time_sum, parts[1]->time_sum);
	sum->time_most = Max(parts[0]->time_most, parts[1]->time_most);
	if (parts[0]->ntimes > 0 && parts[1]->ntimes > 0)
		sum->time_least = Min(parts[0]->time_least, parts[1]->time_least);
	else
		sum->time_least = parts[parts[0]->ntimes > 0 ? 0 : 1]->time_least;
}

static int
compare_flows(const void *left, const void *right)
{
	const SummaryFlow *a = left;
	const SummaryFlow *b = right;

	if (a->step != b->step)
		return a->step < b->step ? -1 : 1;
	if (a->from != b->from)
		return a->from < b->from ? -1 : 1;
	return a->to < b->to ? -1 : a->to > b->to;
}

static void
add_flows(AttributionSummary *sum, AttributionSummary *parts[2])
{
	Size		count = (Size) parts[0]->nflows + parts[1]->nflows;
	SummaryFlow *all = allocate(count, sizeof(SummaryFlow));

	memcpy(all, parts[0]->flows, parts[0]->nflows * sizeof(SummaryFlow));
	memcpy(all + parts[0]->nflows, parts[1]->flows, parts[1]->nflows * sizeof(SummaryFlow));
	qsort(all, count, sizeof(SummaryFlow), compare_flows);
	sum->flows = all;
	for (Size i = 0; i < count; i++)
	{
		SummaryFlow *last = &all[sum->nflows - 1];

		if (sum->nflows > 0 && compare_flows(last, &all[i]) == 0)
		{
			last->conversions = add_count(last->conversions, all[i].conversions);
			last->nulls = add_count(last->nulls, all[i].nulls);
		}
		else
			all[sum->nflows++] = all[i];
	}
}

/* By the path alone. */
static int
compare_actors(const void *left, const void *right)
{
	const SummaryPath *a = left;
	const SummaryPath *b = right;

	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	for (uint32 i = 0; i < a->length; i++)
		if (a->actors[i] != b->actors[i])
			return a->actors[i] < b->actors[i] ? -1 : 1;
	return 0;
}

static void
add_paths(AttributionSummary *sum, AttributionSummary *parts[2])
{
	Size		count = (Size) parts[0]->npaths + parts[1]->npaths;
	SummaryPath *all = allocate(count, sizeof(SummaryPath));

	memcpy(all, parts[0]->paths, parts[0]->npaths * sizeof(SummaryPath));
	memcpy(all + parts[0]->npaths, parts[1]->paths, parts[1]->npaths * sizeof(SummaryPath));
	qsort(all, count, sizeof(SummaryPath), compare_actors);
	CHECK_FOR_INTERRUPTS();
	sum->paths = all;
	for (Size i = 0; i < count; i++)
	{
		SummaryPath *last = &all[sum->npaths - 1];

		if (sum->npaths > 0 && compare_actors(last, &all[i]) == 0)
		{
			last->conversions = add_count(last->conversions, all[i].conversions);
			last->nulls = add_count(last->nulls, all[i].nulls);
			last->value = add_value(last->value, all[i].value);
		}
		else
			all[sum->npaths++] = all[i];
	}
	qsort(all, sum->npaths, sizeof(SummaryPath), summary_compare_paths);
	sum->all_paths = parts[0]->all_paths && parts[1]->all_paths &&
		sum->npaths <= (uint32) sum->settings.paths;
	sum->npaths = Min(sum->npaths, (uint32) sum->settings.paths);
}

/* The same for parts that have no path in common, best first. */
static void
merge_paths(AttributionSummary *sum, AttributionSummary *parts[2])
{
	uint32		most = (uint32) sum->settings.paths;
	uint32		at[2] = {0, 0};

	sum->paths = allocate(Min((Size) parts[0]->npaths + parts[1]->npaths, most), sizeof(SummaryPath));
	while (sum->npaths < most && (at[0] < parts[0]->npaths || at[1] < parts[1]->npaths))
	{
		int			better = at[0] == parts[0]->npaths;

		if (!better && at[1] < parts[1]->npaths)
			better = summary_compare_paths(&parts[1]->paths[at[1]], &parts[0]->paths[at[0]]) < 0;
		sum->paths[sum->npaths++] = parts[better]->paths[at[better]++];
	}
	sum->all_paths = parts[0]->all_paths && parts[1]->all_paths &&
		at[0] == parts[0]->npaths && at[1] == parts[1]->npaths;
}

static void
add_markov(AttributionSummary *sum, AttributionSummary *parts[2])
{
	Actors	   *actors = omni_actors_make(CurrentMemoryContext);
	MarkovCounts *all;

	if (sum->settings.markov_order == 0)
		return;
	all = omni_markov_begin(CurrentMemoryContext, sum->settings.markov_order);
	for (int p = 0; p < 2; p++)
	{
		Actors	   *others;
		MarkovCounts *other = omni_markov_read(parts[p]->markov, CurrentMemoryContext, &others);

		omni_markov_merge(all, actors, other, others);
	}
	sum->markov = omni_markov_value(all, actors);
}

static void
check_same_options(const AttributionSummary *a, const AttributionSummary *b)
{
	StringInfoData first;
	StringInfoData second;

	initStringInfo(&first);
	initStringInfo(&second);
	summary_write_options(&first, a);
	summary_write_options(&second, b);
	if (first.len != second.len || memcmp(first.data, second.data, first.len) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attribution summaries with different options cannot be added"),
				 errhint("Make them with the same options, and all of touches or all of paths.")));
}

/*
 * summary_add: *sum becomes the sum of itself and another, which both are used up.
 * apart: no path is in both.
 * Errors: invalid_parameter_value when their options differ,
 * numeric_value_out_of_range.
 */
void
summary_add(AttributionSummary **sum, AttributionSummary *other, bool apart)
{
	AttributionSummary *parts[2] = {*sum, other};
	AttributionSummary *result = palloc0_object(AttributionSummary);

	check_same_options(parts[0], parts[1]);
	result->timed = parts[0]->timed;
	result->settings = parts[0]->settings;
	result->options = parts[0]->options;
	result->scale = Max(parts[0]->scale, parts[1]->scale);
	for (int p = 0; p < 2; p++)
		if (parts[p]->scale < result->scale)
			rescale(parts[p], result->scale);
	add_totals(result, parts);
	add_actors(result, parts);
	add_lengths(result, parts);
	add_times(result, parts);
	add_flows(result, parts);
	if (apart)
		merge_paths(result, parts);
	else
		add_paths(result, parts);
	add_markov(result, parts);
	*sum = result;
}

/* The sum of two values. */
static Datum
add_values(FunctionCallInfo fcinfo)
{
	MemoryContext work;
	MemoryContext caller;
	AttributionSummary *sum;
	bytea	   *value;
	bytea	   *result;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_DATUM(PG_GETARG_DATUM(0));
	}
	work = AllocSetContextCreate(CurrentMemoryContext, "attribution_rollup", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	sum = summary_read(PG_GETARG_BYTEA_PP(PG_ARGISNULL(0) ? 1 : 0));
	if (!PG_ARGISNULL(0))
		summary_add(&sum, summary_read(PG_GETARG_BYTEA_PP(1)), false);
	value = summary_write(sum);
	MemoryContextSwitchTo(caller);
	result = palloc(VARSIZE(value));
	memcpy(result, value, VARSIZE(value));
	MemoryContextDelete(work);
	PG_RETURN_POINTER(result);
}

/*
 * Transition of attribution_rollup(summary).  NULL is passed over.
 * Errors: invalid_parameter_value, numeric_value_out_of_range.
 */
Datum
omnicrm_attribution_rollup_trans(PG_FUNCTION_ARGS)
{
	return add_values(fcinfo);
}

/* Combine function of attribution_rollup: the same. */
Datum
omnicrm_attribution_rollup_combine(PG_FUNCTION_ARGS)
{
	return add_values(fcinfo);
}
