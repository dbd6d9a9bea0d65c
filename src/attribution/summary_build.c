/*
 * summary_build.c
 *		From distinct paths to a summary.
 *
 * A path with c conversions of value v together adds to each actor, in whole
 * numbers: what the first and the last touch have, 1/n and 1/(n - 2) of it for
 * each touch and each touch between, 1/d for each of d distinct actors.  Shares
 * are multiples of 2^-56; what the division leaves goes to the first of those who
 * share, so that the shares of a conversion add up to one.  The position models
 * (u_shaped, j_shaped, inverse_j, custom) are sums of these parts and are put
 * together when they are read.
 *
 * Kept besides: lengths, flows for the first steps among the 100 actors that are
 * met most, the best paths, and the transitions of the Markov model, for which up
 * to 256 actors have a plain matrix.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "attribution/summary.h"
#include "common/compat.h"

#define MATRIX_ACTORS 256

/* lengths below this are counted in an array */
#define SHORT_LENGTHS 256

/* Paths of one length. */
typedef struct Tally
{
	uint32		length;
	char		status;
	SummaryLength sum;
} Tally;

#define SH_PREFIX tallies
#define SH_ELEMENT_TYPE Tally
#define SH_KEY_TYPE uint32
#define SH_KEY length
#define SH_HASH_KEY(tb, key) hash_bytes_uint32(key)
#define SH_EQUAL(tb, a, b) ((a) == (b))
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

/* Paths that go from one node to another at a step. */
typedef struct Edge
{
	int64		conversions;
	int64		nulls;
} Edge;

struct SummaryBuilder
{
	AttributionSummary *summary;
	MemoryContext context;
	uint32	   *ranks;			/* the caller's number of an actor -> rank */
	const uint32 *table_ranks;	/* the same for the numbers in the path table, or NULL */
	int128		divisor;		/* of the values in the path table */
	uint32	   *seen;			/* for each actor the round in which it was met last */
	uint32		round;
	uint32	   *path;			/* ranks of the path at hand */
	uint32		path_room;
	tallies_hash *lengths;		/* of long paths */
	SummaryLength *short_lengths;
	Edge	   *flows;			/* by step, from, to */
	uint32	   *node_of;		/* actor -> place in nodes[] */
	uint32	   *nodes;			/* actors that flows name, ascending; others; the end */
	uint32		nnodes;
	int64	   *times;
	int64		at_least;		/* conversions after the least time */
	int64		at_most;
	uint64		path_touches;	/* touches in all paths, to see that no sum overflows */
	uint32		candidates;		/* room for paths */
	/* Markov: a matrix for few actors, else a builder */
	int64	   *transitions;
	int64	   *end_conversions;
	int64	   *end_nulls;
	int128	   *end_values;
	MarkovCounts *markov;
};

static void *
zeroed(Size count, Size width)
{
	return MemoryContextAllocExtended(CurrentMemoryContext, Max(count, 1) * width,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

/*
 * summary_begin: an empty summary of these actors, in current memory, numbered by
 * name.  The options are bound to the new numbers.
 */
SummaryBuilder *
summary_begin(const Actors *actors, AttributionOptions *options,
			  const SummarySettings *settings, int scale, bool timed)
{
	SummaryBuilder *builder = palloc0_object(SummaryBuilder);
	AttributionSummary *summary = palloc0_object(AttributionSummary);
	uint32	   *by_name = omni_actors_by_name(actors);

	builder->summary = summary;
	builder->context = CurrentMemoryContext;
	summary->timed = timed;
	summary->settings = *settings;
	summary->options = options;
	summary->scale = scale;
	summary->all_paths = true;
	summary->nactors = omni_actors_count(actors);
	summary->actors = omni_actors_make(CurrentMemoryContext);
	builder->ranks = zeroed(summary->nactors, sizeof(uint32));
	for (uint32 rank = 0; rank < summary->nactors; rank++)
	{
		int			length;
		const char *name = omni_actor_name(actors, by_name[rank], &length);

		(void) omni_actor_number(summary->actors, name, length);
		builder->ranks[by_name[rank]] = rank;
	}
	pfree(by_name);
	omnicrm_bind_options(options, summary_number_of, summary->actors);
	summary->credits = zeroed(summary->nactors, sizeof(ActorCredit));
	builder->seen = zeroed(summary->nactors, sizeof(uint32));
	builder->times = timed ? zeroed(TIME_BUCKETS, sizeof(int64)) : NULL;
	return builder;
}

/* summary_of_builder: the summary while it is built, for what is counted by journey. */
AttributionSummary *
summary_of_builder(SummaryBuilder *builder)
{
	return builder->summary;
}

/* summary_ranks: for each number of an actor its place among all names. */
const uint32 *
summary_ranks(const SummaryBuilder *builder)
{
	return builder->ranks;
}

/* time_bucket: exact below 256 seconds, above that 128 buckets for each doubling. */
uint32
time_bucket(uint64 seconds)
{
	int			shift;

	if (seconds < (UINT64CONST(2) << TIME_BITS))
		return (uint32) seconds;
	shift = pg_leftmost_one_pos64(seconds) - TIME_BITS;
	return ((uint32) shift << TIME_BITS) + (uint32) (seconds >> shift);
}

/* time_bucket_start: the first second of a bucket. */
uint64
time_bucket_start(uint32 bucket)
{
	uint32		shift;

	if (bucket < (2U << TIME_BITS))
		return bucket;
	shift = (bucket >> TIME_BITS) - 1;
	return (uint64) (bucket - (shift << TIME_BITS)) << shift;
}

/* Notes that conversions came after the least or the most time so far; count < 0 takes them back. */
static inline void
note_extremes(SummaryBuilder *builder, int64 count, uint64 least, int64 at_least, uint64 most, int64 at_most)
{
	AttributionSummary *summary = builder->summary;
	bool		first = summary->ntimes == 0;

	if (count > 0 && (first || least < summary->time_least))
	{
		summary->time_least = least;
		builder->at_least = 0;
	}
	if (least == summary->time_least)
		builder->at_least += at_least;
	if (count > 0 && (first || most > summary->time_most))
	{
		summary->time_most = most;
		builder->at_most = 0;
	}
	if (most == summary->time_most)
		builder->at_most += at_most;
	summary->ntimes = 1;		/* at least; counted in the end */
}

/*
 * summary_count_time: one conversion so many microseconds after its first touch; sign
 * -1 takes it back.
 */
void
summary_count_time(SummaryBuilder *builder, int sign, uint64 elapsed)
{
	builder->times[time_bucket(elapsed / USECS_PER_SEC)] += sign;
	builder->summary->time_sum += (int128) elapsed * sign;
	note_extremes(builder, sign, elapsed, sign, elapsed, sign);
}

/* summary_extremes: the least and the most time, and how many conversions came after just that. */
void
summary_extremes(const SummaryBuilder *builder, SummaryExtremes *extremes)
{
	extremes->least = builder->summary->time_least;
	extremes->at_least = builder->at_least;
	extremes->most = builder->summary->time_most;
	extremes->at_most = builder->at_most;
}

/* summary_add_extremes: those of others, whose conversions are added to summary_times(). */
void
summary_add_extremes(SummaryBuilder *builder, const SummaryExtremes *extremes)
{
	note_extremes(builder, 1, extremes->least, extremes->at_least, extremes->most, extremes->at_most);
}

/* summary_knows_extremes: false when all conversions after the least or the most time were taken back. */
bool
summary_knows_extremes(const SummaryBuilder *builder)
{
	return builder->summary->ntimes == 0 || (builder->at_least > 0 && builder->at_most > 0);
}

/* summary_times: conversions by time_bucket(), TIME_BUCKETS of them. */
int64 *
summary_times(SummaryBuilder *builder)
{
	return builder->times;
}

/* Counts a path's length: nearly all are short. */
static inline void
count_length(SummaryBuilder *builder, uint32 n, int64 conversions, int128 value, int64 nulls)
{
	SummaryLength *length;

	if (n < SHORT_LENGTHS)
		length = &builder->short_lengths[n];
	else
	{
		bool		found;
		Tally	   *tally = tallies_insert(builder->lengths, n, &found);

		length = &tally->sum;
		if (!found)
			memset(length, 0, sizeof(SummaryLength));
	}
	length->length = n;
	length->conversions += conversions;
	length->nulls += nulls;
	length->value += value;
}

/* Shares conversions out evenly over the touches [from, to) of a path. */
static inline void
share_evenly(ActorCredit *credits, CreditShare share, const uint32 *path, uint32 from, uint32 to,
			 int64 conversions, int128 value)
{
	uint64		part = SHARE_ONE / (to - from);
	uint64		rest = SHARE_ONE - part * (to - from);
	int128		count_part = (int128) conversions * part;
	int128		value_part = value * part;

	for (uint32 i = from; i < to; i++)
	{
		credits[path[i]].shares[share] += count_part;
		credits[path[i]].share_values[share] += value_part;
	}
	credits[path[from]].shares[share] += (int128) conversions * rest;
	credits[path[from]].share_values[share] += value * rest;
}

static inline void
count_whole(ActorCredit *credit, CreditCount count, int64 conversions, int128 value)
{
	credit->counts[count] += conversions;
	credit->values[count] += value;
}

/* Place of the last touch of an actor other than the one left out, else of the last. */
static inline uint32
last_other(const AttributionOptions *options, const uint32 *path, uint32 n)
{
	for (uint32 i = n; i > 0; i--)
		if (!omnicrm_in_names(&options->non, (int32) path[i - 1]))
			return i - 1;
	return n - 1;
}

/* What the first touch of each actor has: participation and Shapley. */
static void
credit_distinct(SummaryBuilder *builder, const uint32 *path, uint32 n, int64 conversions, int128 value)
{
	ActorCredit *credits = builder->summary->credits;
	uint32		distinct = 0;
	uint64		part;
	uint64		rest;

	/* a path of 2^32 rounds would be needed for this to go wrong */
	builder->round++;
	for (uint32 i = 0; i < n; i++)
		if (builder->seen[path[i]] != builder->round)
		{
			builder->seen[path[i]] = builder->round;
			count_whole(&credits[path[i]], COUNT_PARTICIPATION, conversions, value);
			distinct++;
		}
	part = SHARE_ONE / distinct;
	rest = SHARE_ONE - part * distinct;
	builder->round++;
	for (uint32 i = 0; i < n; i++)
		if (builder->seen[path[i]] != builder->round)
		{
			ActorCredit *credit = &credits[path[i]];
			uint64		share = i == 0 ? part + rest : part;

			builder->seen[path[i]] = builder->round;
			credit->shares[SHARE_SHAPLEY] += (int128) conversions * share;
			credit->share_values[SHARE_SHAPLEY] += value * share;
		}
}

/* All models that look at the path alone. */
static void
credit_path(SummaryBuilder *builder, const uint32 *path, uint32 n, int64 conversions, int128 value)
{
	AttributionSummary *summary = builder->summary;
	ActorCredit *credits = summary->credits;

	if (builder->round > PG_UINT32_MAX - 4)
	{
		memset(builder->seen, 0, (Size) summary->nactors * sizeof(uint32));
		builder->round = 0;
	}
	for (uint32 i = 0; i < n; i++)
		credits[path[i]].touches += conversions;
	if (n == 1)
		count_whole(&credits[path[0]], COUNT_SINGLE, conversions, value);
	else
	{
		count_whole(&credits[path[0]], n == 2 ? COUNT_FIRST_OF_TWO : COUNT_FIRST, conversions, value);
		count_whole(&credits[path[n - 1]], n == 2 ? COUNT_LAST_OF_TWO : COUNT_LAST, conversions, value);
	}
	if (n > 2)
		share_evenly(credits, SHARE_MIDDLE, path, 1, n - 1, conversions, value);
	share_evenly(credits, SHARE_LINEAR, path, 0, n, conversions, value);
	count_whole(&credits[path[last_other(summary->options, path, n)]], COUNT_LAST_NON, conversions, value);
	credit_distinct(builder, path, n, conversions, value);
}

/* The flow between two places of nodes[] at a step. */
static inline Edge *
edge_of(const SummaryBuilder *builder, uint32 step, uint32 from, uint32 to)
{
	return &builder->flows[((Size) step * builder->nnodes + from) * builder->nnodes + to];
}

static void
count_flows(SummaryBuilder *builder, const uint32 *path, uint32 n, int64 conversions, int64 nulls)
{
	uint32		steps = Min(n + 1, (uint32) builder->summary->settings.flow_steps);
	uint32		end = builder->nnodes - 1;
	uint32		from = end;

	for (uint32 step = 0; step < steps; step++)
	{
		uint32		to = step < n ? builder->node_of[path[step]] : end;
		Edge	   *edge = edge_of(builder, step, from, to);

		edge->conversions += conversions;
		edge->nulls += nulls;
		from = to;
	}
}

static void
count_transitions(SummaryBuilder *builder, const uint32 *path, uint32 n,
				  int64 conversions, int128 value, int64 nulls)
{
	uint32		nactors = builder->summary->nactors;
	uint32		from = 0;

	if (builder->transitions == NULL)
	{
		if (builder->markov != NULL)
			omni_markov_add_path(builder->markov, path, (int) n, conversions, value, nulls);
		return;
	}
	for (uint32 i = 0; i < n; i++)
	{
		builder->transitions[from * nactors + path[i]] += conversions + nulls;
		from = path[i] + 1;
	}
	builder->end_conversions[from] += conversions;
	builder->end_nulls[from] += nulls;
	builder->end_values[from] += value;
}

/*
 * summary_compare_paths: more conversions first, then more value, fewer nulls,
 * fewer touches, smaller names.
 */
int
summary_compare_paths(const void *left, const void *right)
{
	const SummaryPath *a = left;
	const SummaryPath *b = right;

	if (a->conversions != b->conversions)
		return a->conversions > b->conversions ? -1 : 1;
	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	if (a->nulls != b->nulls)
		return a->conversions > 0 ? (a->nulls < b->nulls ? -1 : 1) : (a->nulls > b->nulls ? -1 : 1);
	if (a->length != b->length)
		return a->length < b->length ? -1 : 1;
	for (uint32 i = 0; i < a->length; i++)
		if (a->actors[i] != b->actors[i])
			return a->actors[i] < b->actors[i] ? -1 : 1;
	return 0;
}

static inline void
swap_paths(SummaryPath *a, SummaryPath *b)
{
	SummaryPath other = *a;

	*a = *b;
	*b = other;
}

/* Puts better paths than the one at the last place, which is a middling one then, before it; its place. */
static uint32
part_paths(SummaryPath *paths, uint32 count)
{
	SummaryPath *last = &paths[count - 1];
	SummaryPath *middle = &paths[count / 2];
	uint32		place = 0;

	/* the middle one of three */
	if (summary_compare_paths(middle, &paths[0]) < 0)
		swap_paths(middle, &paths[0]);
	if (summary_compare_paths(last, middle) < 0)
		swap_paths(last, middle);
	if (summary_compare_paths(middle, &paths[0]) > 0)
		swap_paths(middle, last);
	else
		swap_paths(&paths[0], last);
	for (uint32 i = 0; i < count - 1; i++)
		if (summary_compare_paths(&paths[i], last) < 0)
			swap_paths(&paths[i], &paths[place++]);
	swap_paths(&paths[place], last);
	return place;
}

/* Brings the best "most" of the paths, of which there are more, to the front, the worst of them last (quickselect). */
static void
select_paths(SummaryPath *paths, uint32 count, uint32 most)
{
	while (count > 1)
	{
		uint32		place = part_paths(paths, count);

		if (place == most - 1)
			return;
		if (place >= most)
			count = place;
		else
		{
			paths += place + 1;
			count -= place + 1;
			most -= place + 1;
		}
	}
}

/* Leaves the best paths only, in no order but that the worst is the last. */
static void
keep_best_paths(AttributionSummary *summary)
{
	uint32		most = (uint32) summary->settings.paths;

	CHECK_FOR_INTERRUPTS();
	if (summary->npaths <= most)
		return;
	select_paths(summary->paths, summary->npaths, most);
	for (uint32 i = most; i < summary->npaths; i++)
		pfree(summary->paths[i].actors);
	summary->npaths = most;
	summary->all_paths = false;
}

/* The best paths in order. */
static void
end_paths(AttributionSummary *summary)
{
	if (summary->settings.paths > 0)
		keep_best_paths(summary);
	qsort(summary->paths, summary->npaths, sizeof(SummaryPath), summary_compare_paths);
}

static void
keep_path(SummaryBuilder *builder, const uint32 *path, uint32 n, int64 conversions, int128 value, int64 nulls)
{
	AttributionSummary *summary = builder->summary;
	uint32		most = (uint32) summary->settings.paths;
	SummaryPath *kept;
	SummaryPath candidate = {n, unconstify(uint32 *, path), conversions, nulls, value};

	/* once the worst of the best is known, few paths are better */
	if (most == 0 || (!summary->all_paths && summary_compare_paths(&candidate, &summary->paths[most - 1]) > 0))
	{
		summary->all_paths = false;
		return;
	}
	if (summary->npaths == builder->candidates)
	{
		if (builder->candidates >= 2 * most)
			keep_best_paths(summary);
		else
		{
			builder->candidates = Min(Max(builder->candidates * 2, 64), 2 * most);
			if (summary->paths == NULL)
				summary->paths = palloc(builder->candidates * sizeof(SummaryPath));
			else
				summary->paths = repalloc_huge(summary->paths, (Size) builder->candidates * sizeof(SummaryPath));
		}
	}
	kept = &summary->paths[summary->npaths++];
	*kept = candidate;
	kept->actors = MemoryContextAllocHuge(builder->context, (Size) n * sizeof(uint32));
	memcpy(kept->actors, path, (Size) n * sizeof(uint32));
}

static void
too_many_touches(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
			 errmsg("the number of touches in all paths is out of range")));
}

/* One distinct path with all its journeys. */
static void
take_path(void *taker, const uint32 *actors, uint32 n, int64 conversions, int128 value, int64 nulls)
{
	SummaryBuilder *builder = taker;
	const uint32 *path = actors;
	uint128		touches = ((uint128) conversions + (uint128) nulls) * n;

	/* all its journeys have been taken back */
	if (builder->summary->timed && conversions == 0 && nulls == 0)
		return;
	if (touches > (uint128) PG_INT64_MAX || builder->path_touches + (uint64) touches > PG_INT64_MAX)
		too_many_touches();
	builder->path_touches += (uint64) touches;
	value /= builder->divisor;
	if (builder->table_ranks != NULL)
	{
		if (n > builder->path_room)
		{
			builder->path_room = n * 2;
			builder->path = MemoryContextAllocHuge(builder->context, (Size) builder->path_room * sizeof(uint32));
		}
		for (uint32 i = 0; i < n; i++)
			builder->path[i] = builder->table_ranks[actors[i]];
		path = builder->path;
	}
	if (conversions > 0)
		credit_path(builder, path, n, conversions, value);
	count_length(builder, n, conversions, value, nulls);
	count_flows(builder, path, n, conversions, nulls);
	count_transitions(builder, path, n, conversions, value, nulls);
	keep_path(builder, path, n, conversions, value, nulls);
}

typedef struct ActorUse
{
	int64		uses;
	uint32		actor;
} ActorUse;

static int
compare_uses(const void *left, const void *right)
{
	const ActorUse *a = left;
	const ActorUse *b = right;

	if (a->uses != b->uses)
		return a->uses > b->uses ? -1 : 1;
	return a->actor < b->actor ? -1 : 1;
}

/* The actors that flows name: the most used, ties by name. */
static void
choose_nodes(SummaryBuilder *builder, const int64 *uses)
{
	uint32		count = builder->summary->nactors;
	uint32		named = Min(count, FLOW_ACTORS);
	ActorUse   *order = zeroed(count, sizeof(ActorUse));

	for (uint32 i = 0; i < count; i++)
	{
		order[i].actor = i;
		order[i].uses = count > FLOW_ACTORS ? uses[i] : 0;
	}
	qsort(order, count, sizeof(ActorUse), compare_uses);
	builder->node_of = zeroed(count, sizeof(uint32));
	for (uint32 i = 0; i < named; i++)
		builder->node_of[order[i].actor] = 1;
	pfree(order);
	builder->nodes = zeroed(named + 2, sizeof(uint32));
	for (uint32 i = 0; i < count; i++)
		if (builder->node_of[i] == 1)
		{
			builder->nodes[builder->nnodes] = i;
			builder->node_of[i] = builder->nnodes++;
		}
		else
			builder->node_of[i] = named;
	builder->nodes[builder->nnodes++] = FLOW_OTHER;
	builder->nodes[builder->nnodes++] = FLOW_END;
	builder->flows = zeroed((Size) builder->summary->settings.flow_steps * builder->nnodes * builder->nnodes, sizeof(Edge));
}

static void
begin_markov(SummaryBuilder *builder)
{
	AttributionSummary *summary = builder->summary;
	uint32		n = summary->nactors;

	if (summary->settings.markov_order == 0)
		return;
	builder->markov = omni_markov_begin(builder->context, summary->settings.markov_order);
	if (summary->settings.markov_order > 1 || n > MATRIX_ACTORS)
		return;
	builder->transitions = zeroed((Size) (n + 1) * n, sizeof(int64));
	builder->end_conversions = zeroed(n + 1, sizeof(int64));
	builder->end_nulls = zeroed(n + 1, sizeof(int64));
	builder->end_values = zeroed(n + 1, sizeof(int128));
}

/*
 * summary_take_paths: works through all distinct paths.  uses[]: how often each
 * rank is met in them, looked at for more than FLOW_ACTORS actors; ranks: of the numbers in the table, NULL when they are
 * ranks; the values in the table are "divisor" times those of the summary.
 */
void
summary_take_paths(SummaryBuilder *builder, PathTable *paths, const int64 *uses,
				   const uint32 *ranks, int128 divisor)
{
	builder->table_ranks = ranks;
	builder->divisor = divisor;
	builder->lengths = tallies_create(builder->context, 64, NULL);
	builder->short_lengths = zeroed(SHORT_LENGTHS, sizeof(SummaryLength));
	choose_nodes(builder, uses);
	begin_markov(builder);
	paths_each(paths, take_path, builder);
}

static int
compare_lengths(const void *left, const void *right)
{
	uint32		a = ((const SummaryLength *) left)->length;
	uint32		b = ((const SummaryLength *) right)->length;

	return a < b ? -1 : a > b;
}

static void
end_lengths(SummaryBuilder *builder)
{
	AttributionSummary *summary = builder->summary;
	tallies_iterator iterator;
	Tally	   *tally;

	summary->lengths = zeroed((Size) SHORT_LENGTHS + builder->lengths->members, sizeof(SummaryLength));
	for (uint32 n = 1; n < SHORT_LENGTHS; n++)
		if (builder->short_lengths[n].length > 0)
			summary->lengths[summary->nlengths++] = builder->short_lengths[n];
	tallies_start_iterate(builder->lengths, &iterator);
	while ((tally = tallies_iterate(builder->lengths, &iterator)) != NULL)
		summary->lengths[summary->nlengths++] = tally->sum;
	qsort(summary->lengths, summary->nlengths, sizeof(SummaryLength), compare_lengths);
}

static void
end_flows(SummaryBuilder *builder)
{
	AttributionSummary *summary = builder->summary;
	Size		room = (Size) summary->settings.flow_steps * builder->nnodes * builder->nnodes;
	Size		used = 0;

	for (Size i = 0; i < room; i++)
		used += builder->flows[i].conversions > 0 || builder->flows[i].nulls > 0;
	summary->flows = zeroed(used, sizeof(SummaryFlow));
	for (uint32 step = 0; step < (uint32) summary->settings.flow_steps; step++)
		for (uint32 from = 0; from < builder->nnodes; from++)
			for (uint32 to = 0; to < builder->nnodes; to++)
			{
				const Edge *edge = edge_of(builder, step, from, to);
				SummaryFlow *flow = &summary->flows[summary->nflows];

				if (edge->conversions == 0 && edge->nulls == 0)
					continue;
				flow->step = step + 1;
				flow->from = builder->nodes[from];
				flow->to = builder->nodes[to];
				flow->conversions = edge->conversions;
				flow->nulls = edge->nulls;
				summary->nflows++;
			}
}

static void
end_times(SummaryBuilder *builder)
{
	AttributionSummary *summary = builder->summary;

	summary->ntimes = 0;
	if (builder->times == NULL)
		return;
	summary->times = zeroed(TIME_BUCKETS, sizeof(SummaryTime));
	for (uint32 bucket = 0; bucket < TIME_BUCKETS; bucket++)
		if (builder->times[bucket] > 0)
		{
			summary->times[summary->ntimes].bucket = bucket;
			summary->times[summary->ntimes++].conversions = builder->times[bucket];
		}
}

static void
end_markov(SummaryBuilder *builder)
{
	AttributionSummary *summary = builder->summary;
	int128		factor = 1;

	if (builder->markov == NULL)
		return;
	for (int i = summary->scale; i < MARKOV_VALUE_SCALE; i++)
		factor *= 10;
	if (builder->transitions != NULL)
		omni_markov_add_counts(builder->markov, summary->nactors, builder->transitions,
							   builder->end_conversions, builder->end_values, builder->end_nulls);
	if (summary->unattributed > 0)
		omni_markov_add_path(builder->markov, NULL, 0, summary->unattributed, summary->unattributed_value, 0);
	for (uint32 i = 0; i < builder->markov->nstates; i++)
		builder->markov->states[i].value *= factor;
	summary->markov = omni_markov_value(builder->markov, summary->actors);
}

/* summary_end: the summary, complete. */
AttributionSummary *
summary_end(SummaryBuilder *builder)
{
	end_lengths(builder);
	end_flows(builder);
	end_times(builder);
	end_paths(builder->summary);
	end_markov(builder);
	return builder->summary;
}
