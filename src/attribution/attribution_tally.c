/*
 * attribution_tally.c
 *		What a walker has counted, and how it is added to what another one has.
 *
 * A parallel worker that read ascending journeys, as of a clustered table, walks them
 * itself and hands on what it counted besides the events.  Who brings the processes
 * together adds the counts.  The journeys that several of them met, those at the
 * borders of what each has read, are taken back piece by piece and walked as a whole.
 * Everything is a sum in whole numbers, so what comes out is the same to the bit as
 * without workers.  Where that is not possible all journeys are walked from the
 * events: many journeys in common (parts of a table that are each in order), values
 * out of range, the least or the most time taken back.
 *
 * Within a process what has been counted is moved when new actors come
 * (attribution_stream.c).
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "attribution/attribution.h"
#include "common/compat.h"
#include "common/varint.h"

/* fewer events are walked sooner than a tally is made */
#define LEAST_EVENTS 512

/* a tally with more bytes is given up, one with more actors not begun */
#define MOST_BYTES (MaxAllocSize / 4)
#define MOST_ACTORS 65536

/* about what a path takes in a tally */
#define PATH_BYTES 10

/* journeys in common may have this part of all events */
#define COMMON_PART 4

typedef struct TallyHead
{
	int64		journeys;
	int64		touches;
	int64		conversions;
	int64		unattributed;
	int64		same_touches;
	SummaryExtremes extremes;
	uint64		ntimes;			/* buckets that are not empty */
	uint64		npaths;
	int128		value;
	int128		unattributed_value;
	int128		same_touch_value;
	int128		time_sum;
	int128		total;			/* sum of the absolute values */
} TallyHead;

/* What an actor has, in the order of names; paths tell the rest. */
typedef struct TallyActor
{
	int64		same_touches;
	int128		same_touch_value;
	int128		decay;
	int128		decay_value;
} TallyActor;

typedef struct TallyTime
{
	int64		bucket;
	int64		conversions;
} TallyTime;

typedef struct PathWriter
{
	StringInfo	buffer;
	int			width;			/* bytes of an actor */
	uint64		count;
	bool		full;			/* too many bytes */
} PathWriter;

static void
put_number(StringInfo buffer, uint64 number)
{
	enlargeStringInfo(buffer, VARINT_BYTES);
	buffer->len = (int) (varint_put(buffer->data + buffer->len, number) - buffer->data);
}

static uint64
take_number(StateSource *source)
{
	const uint8 *at = (const uint8 *) source->at;
	uint64		number;

	if (!varint_get(&at, (const uint8 *) source->end, &number))
		attribution_corrupt_state();
	source->at = (const char *) at;
	return number;
}

/* A value, its sign folded: 0, -1, 1, -2, ... */
static void
put_value(StringInfo buffer, int128 value)
{
	uint128		folded = (uint128) value << 1 ^ (uint128) (value >> 127);

	put_number(buffer, (uint64) folded);
	put_number(buffer, (uint64) (folded >> 64));
}

static int128
take_value(StateSource *source)
{
	uint128		folded = take_number(source);

	folded |= (uint128) take_number(source) << 64;
	return (int128) (folded >> 1) ^ -(int128) (folded & 1);
}

/* Writes a distinct path: length, conversions with their value, nulls, actors. */
static void
write_path(void *taker, const uint32 *actors, uint32 length, int64 conversions, int128 value, int64 nulls)
{
	PathWriter *writer = taker;

	writer->full = writer->full || writer->buffer->len > MOST_BYTES || length > MOST_BYTES / sizeof(uint32);
	if (writer->full)
		return;
	writer->count++;
	put_number(writer->buffer, length);
	put_number(writer->buffer, (uint64) conversions);
	if (conversions != 0)
		put_value(writer->buffer, value);
	put_number(writer->buffer, (uint64) nulls);
	if (writer->width > 1)
	{
		appendBinaryStringInfo(writer->buffer, (const char *) actors, (int) (length * sizeof(uint32)));
		return;
	}
	for (uint32 i = 0; i < length; i++)
		appendStringInfoCharMacro(writer->buffer, (char) actors[i]);
}

/* Bytes of an actor in a tally. */
static int
tally_width(uint32 nactors)
{
	return nactors <= 256 ? 1 : (int) sizeof(uint32);
}

/* What a walker has counted of all journeys but for times and paths, whose numbers are left at 0. */
static void
take_totals(const JourneyWalker *walker, TallyHead *head)
{
	const AttributionSummary *summary = walker->summary;

	memset(head, 0, sizeof(TallyHead));
	head->journeys = summary->journeys;
	head->touches = summary->touches;
	head->conversions = summary->conversions;
	head->unattributed = summary->unattributed;
	head->same_touches = summary->same_touches;
	summary_extremes(walker->builder, &head->extremes);
	head->value = summary->value;
	head->unattributed_value = summary->unattributed_value;
	head->same_touch_value = summary->same_touch_value;
	head->time_sum = summary->time_sum;
	head->total = walker->total;
}

/* What it has counted of an actor. */
static void
take_actor(const ActorCredit *credit, TallyActor *actor)
{
	memset(actor, 0, sizeof(TallyActor));
	actor->same_touches = credit->counts[COUNT_SAME_TOUCH];
	actor->same_touch_value = credit->values[COUNT_SAME_TOUCH];
	actor->decay = credit->shares[SHARE_TIME_DECAY];
	actor->decay_value = credit->share_values[SHARE_TIME_DECAY];
}

/* What the walker has counted; false when that is too much. */
static bool
write_tally(StringInfo buffer, JourneyWalker *walker)
{
	const AttributionSummary *summary = walker->summary;
	const int64 *times = summary_times(walker->builder);
	PathWriter	writer = {buffer, tally_width(summary->nactors), 0, false};
	TallyHead	head;

	take_totals(walker, &head);
	appendBinaryStringInfo(buffer, (const char *) &head, sizeof(head));
	for (uint32 i = 0; i < summary->nactors; i++)
	{
		TallyActor	actor;

		take_actor(&summary->credits[i], &actor);
		appendBinaryStringInfo(buffer, (const char *) &actor, sizeof(actor));
	}
	for (int64 bucket = 0; bucket < TIME_BUCKETS; bucket++)
		if (times[bucket] != 0)
		{
			TallyTime	time = {bucket, times[bucket]};

			appendBinaryStringInfo(buffer, (const char *) &time, sizeof(time));
			head.ntimes++;
		}
	paths_each(walker->paths, write_path, &writer);
	head.npaths = writer.count;
	memcpy(buffer->data, &head, sizeof(head));
	return !writer.full;
}

/*
 * attribution_tally: walks the journeys of a state whose actors are numbered by name,
 * when they ascend, and keeps what they amount to beside the events.
 * Errors: cardinality_violation, out_of_memory, those of temporary files.
 */
void
attribution_tally(AttributionState *state)
{
	EventRun   *run = &state->runs[0];
	MemoryContext work;
	MemoryContext caller;
	JourneyWalker *walker;
	JourneyWalk walk;
	StringInfoData buffer;

	if (state->nruns != 1 || state->spill != NULL || !run->touches.sorted || !run->conversions.sorted ||
		event_run_count(run) < LEAST_EVENTS || omni_actors_count(state->actors) > MOST_ACTORS)
		return;
	work = AllocSetContextCreate(CurrentMemoryContext, "attribution tally", ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(work);
	walker = attribution_walker(state, &walk);
	walker->tentative = true;
	journeys_merge(&walk, run, 1, false);
	MemoryContextSwitchTo(state->context);
	initStringInfo(&buffer);
	MemoryContextSwitchTo(work);
	if (!walker->failed && write_tally(&buffer, walker))
	{
		run->tally = MemoryContextAllocZero(state->context, sizeof(JourneyTally));
		run->tally->bytes = buffer.data;
		run->tally->size = buffer.len;
	}
	paths_free(walker->paths);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* Adds the totals of a tally, but for the sum of absolute values, which has its own bound. */
static void
add_totals(JourneyWalker *walker, const TallyHead *head, int128 factor)
{
	AttributionSummary *summary = walker->summary;

	summary->journeys += head->journeys;
	summary->touches += head->touches;
	summary->conversions += head->conversions;
	summary->unattributed += head->unattributed;
	summary->same_touches += head->same_touches;
	summary->value += head->value * factor;
	summary->unattributed_value += head->unattributed_value * factor;
	summary->same_touch_value += head->same_touch_value * factor;
	summary->time_sum += head->time_sum;
	if (head->extremes.at_least > 0)
		summary_add_extremes(walker->builder, &head->extremes);
}

static void
add_actor(ActorCredit *credit, const TallyActor *actor, int128 factor)
{
	credit->counts[COUNT_SAME_TOUCH] += actor->same_touches;
	credit->values[COUNT_SAME_TOUCH] += actor->same_touch_value * factor;
	credit->shares[SHARE_TIME_DECAY] += actor->decay;
	credit->share_values[SHARE_TIME_DECAY] += actor->decay_value * factor;
}

/* Puts an actor into the path at hand, which so many journeys have. */
static inline void
put_actor(JourneyWalker *walker, uint32 place, uint32 rank, int64 journeys)
{
	if (walker->uses != NULL)
		walker->uses[rank] += journeys;
	paths_put_actor(walker->paths, walker->path, place, rank);
}

/* Adds the next path of a tally; numbers: the ranks of its actors. */
static void
add_path(JourneyWalker *walker, StateSource *source, const uint32 *numbers, uint32 nactors, int128 factor)
{
	int			width = tally_width(nactors);
	uint64		length = take_number(source);
	int64		conversions = (int64) take_number(source);
	int128		value = conversions != 0 ? take_value(source) : 0;
	int64		nulls = (int64) take_number(source);
	const char *actors;

	if (length == 0 || length > PG_UINT32_MAX / sizeof(uint32))
		attribution_corrupt_state();
	actors = attribution_take_bytes(source, length * width);
	attribution_walker_path_room(walker, (uint32) length);
	for (uint32 i = 0; i < length; i++)
	{
		uint32		number = (uint8) actors[i];

		if (width > 1)
			memcpy(&number, actors + (Size) i * sizeof(uint32), sizeof(uint32));
		if (number >= nactors)
			attribution_corrupt_state();
		put_actor(walker, i, numbers[number], conversions + nulls);
	}
	paths_add(walker->paths, walker->path, (uint32) length, conversions, value * factor, nulls);
}

/* Adds what a process has counted; false when a sum may leave its range. */
static bool
add_tally(JourneyWalker *walker, const EventRun *run, const uint32 *ranks)
{
	const JourneyTally *tally = run->tally;
	uint32		nactors = run->packed->nactors;
	StateSource source = {tally->bytes, tally->bytes + tally->size};
	int128		factor = walker->power[walker->summary->scale - tally->scale];
	uint32	   *numbers = MemoryContextAllocHuge(CurrentMemoryContext, ((Size) nactors + 1) * sizeof(uint32));
	TallyHead	head;

	memcpy(&head, attribution_take_bytes(&source, sizeof(head)), sizeof(head));
	if (head.total < 0 || head.total >= SUMMARY_VALUE_LIMIT)
		attribution_corrupt_state();
	if (walker->total + head.total * factor >= SUMMARY_VALUE_LIMIT)
		return false;
	walker->total += head.total * factor;
	add_totals(walker, &head, factor);
	for (uint32 i = 0; i < nactors; i++)
	{
		TallyActor	actor;

		memcpy(&actor, attribution_take_bytes(&source, sizeof(actor)), sizeof(actor));
		numbers[i] = ranks[run->packed->numbers[i]];
		add_actor(&walker->summary->credits[numbers[i]], &actor, factor);
	}
	for (uint64 i = 0; i < head.ntimes; i++)
	{
		TallyTime	time;

		memcpy(&time, attribution_take_bytes(&source, sizeof(time)), sizeof(time));
		if (time.bucket < 0 || time.bucket >= TIME_BUCKETS)
			attribution_corrupt_state();
		summary_times(walker->builder)[time.bucket] += time.conversions;
	}
	for (uint64 i = 0; i < head.npaths; i++)
	{
		if ((i & 0xFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		add_path(walker, &source, numbers, nactors, factor);
	}
	pfree(numbers);
	return true;
}

/* Walks a run that nobody has walked, on its own. */
static void
walk_run(const JourneyWalk *walk, const EventRun *run)
{
	MemoryContext work = AllocSetContextCreate(CurrentMemoryContext, "attribution run", ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(work);
	EventRun	copy = *run;

	events_unpack(work, run->packed, &copy.touches);
	journeys_merge(walk, &copy, 1, false);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(work);
}

/* Are the runs such that their tallies can be joined? */
static bool
can_be_joined(const AttributionState *state, const EventRun *runs, int nruns)
{
	bool		has_tally = false;

	for (int i = 0; i < nruns; i++)
	{
		const EventRun *run = &runs[i];

		if (run->packed == NULL || !run->conversions.sorted || run->packed->has_event != state->has_events ||
			(run->tally == NULL && event_run_count(run) >= LEAST_EVENTS))
			return false;
		has_tally = has_tally || run->tally != NULL;
	}
	return has_tally;
}

/*
 * attribution_join: adds what all processes have counted of their journeys, and
 * counts those right that several of them met.  Returns false when that is not
 * possible; then the walker is of no more use, and the events are as they were.
 * Errors: data_corrupted, cardinality_violation, out_of_memory, those of temporary files.
 */
bool
attribution_join(JourneyWalker *walker, const JourneyWalk *walk, const AttributionState *state)
{
	const EventRun *runs = state->runs;
	int			nruns = state->nruns;
	uint64		events = 0;
	uint64		most_paths = 0;

	if (state->spill != NULL)
		return false;
	/* the first run is of the process itself; a state that was put together has none there */
	if (event_run_count(&runs[0]) == 0)
	{
		runs++;
		nruns--;
	}
	if (!can_be_joined(state, runs, nruns))
		return false;
	for (int i = 0; i < nruns; i++)
	{
		events += event_run_count(&runs[i]);
		if (runs[i].tally != NULL)
			most_paths = Max(most_paths, runs[i].tally->size / PATH_BYTES);
	}
	walker->tentative = true;
	paths_expect(walker->paths, most_paths * 2);
	for (int i = 0; i < nruns; i++)
	{
		if (runs[i].tally == NULL)
			walk_run(walk, &runs[i]);
		else if (!add_tally(walker, &runs[i], walk->ranks))
			return false;
	}
	return journeys_join(walk, runs, nruns, events / COMMON_PART) && !walker->failed &&
		summary_knows_extremes(walker->builder);
}

/* Where paths are moved to. */
typedef struct PathMove
{
	JourneyWalker *into;
	const uint32 *ranks;
	int128		factor;
} PathMove;

static void
move_path(void *taker, const uint32 *actors, uint32 n, int64 conversions, int128 value, int64 nulls)
{
	PathMove   *move = taker;
	JourneyWalker *into = move->into;

	attribution_walker_path_room(into, n);
	for (uint32 i = 0; i < n; i++)
		put_actor(into, i, move->ranks[actors[i]], conversions + nulls);
	paths_add(into->paths, into->path, n, conversions, value * move->factor, nulls);
}

/*
 * attribution_move: adds what a walker has counted to one that knows more actors or
 * decimals.  ranks: of its actors there.  The first is of no more use.
 * Errors: numeric_value_out_of_range, out_of_memory, those of temporary files.
 */
void
attribution_move(JourneyWalker *into, JourneyWalker *from, const uint32 *ranks)
{
	const AttributionSummary *part = from->summary;
	int128		factor = into->power[into->summary->scale - part->scale];
	const int64 *times = summary_times(from->builder);
	PathMove	move = {into, ranks, factor};
	TallyHead	head;

	take_totals(from, &head);
	attribution_add_total(into, head.total * factor);
	add_totals(into, &head, factor);
	for (uint32 i = 0; i < part->nactors; i++)
	{
		TallyActor	actor;

		take_actor(&part->credits[i], &actor);
		add_actor(&into->summary->credits[ranks[i]], &actor, factor);
	}
	for (int i = 0; i < TIME_BUCKETS; i++)
		summary_times(into->builder)[i] += times[i];
	paths_each(from->paths, move_path, &move);
}
