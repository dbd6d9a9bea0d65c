/*
 * match_draw.c
 *		Draws the pairs that training looks at: at random, and by conditions.
 *
 * Pairs are drawn by hash, so they are the same for any order of the rows, and
 * what is counted of them is whole numbers, so it does not matter who counted.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_draw.h"

#define RANDOM_PAIRS	2000000
#define RANDOM_OTHERS	16
#define RANDOM_SEED		UINT64CONST(0x72616e646f6d)
/* records drawn in one task */
#define RANDOM_CHUNK	1024
/* pairs compared one after the other, their values fetched together */
#define DRAWN_TOGETHER	32
/* pairs drawn for each condition */
#define CONDITION_PAIRS	50000

/* Whether all pairs of so many records are looked at, none is drawn. */
static bool
is_every_pair(uint64 nrecords)
{
	return nrecords == 0 || nrecords * (nrecords - 1) / 2 <= RANDOM_PAIRS;
}

/* Number of records that are drawn to meet others. */
static uint64
random_records(const MatchData *data)
{
	return is_every_pair(data->nrecords) ? data->nrecords : RANDOM_PAIRS / RANDOM_OTHERS;
}

/* Counts the pairs of one record drawn: with as many others as make up the pairs. */
static void
count_random(const MatchData *data, MatchProbe *probe, MatchPatternTable *table, uint64 i)
{
	uint64		n = data->nrecords;
	uint32		other[RANDOM_OTHERS];

	if (is_every_pair(n))
	{
		omni_match_probe(probe, omni_match_kept(data, i));
		for (uint64 b = i + 1; b < n; b++)
			omni_match_add_pattern(table, omni_match_compare(probe, omni_match_kept(data, b)), 1);
		return;
	}
	omni_match_probe(probe, omni_match_kept(data, omni_mix(RANDOM_SEED + i) % n));
	for (int k = 0; k < RANDOM_OTHERS; k++)
	{
		other[k] = omni_match_kept(data, omni_mix(RANDOM_SEED * 31 + i * RANDOM_OTHERS + k) % n);
		__builtin_prefetch(omni_match_row(data, other[k]));
	}
	for (int k = 0; k < RANDOM_OTHERS; k++)
		omni_match_prefetch_compared(probe, other[k]);
	for (int k = 0; k < RANDOM_OTHERS; k++)
	{
		if (other[k] != probe->record)
			omni_match_add_pattern(table, omni_match_compare(probe, other[k]), 1);
	}
}

/* What a participant has of random pairs. */
typedef struct RandomState
{
	MatchProbe	probe;
	MatchPatternTable *table;
} RandomState;

/*
 * omni_match_random_task, omni_match_random_end: counting random pairs as a job; tasks
 * are chunks of the records drawn, a participant gives its counts.
 */
void
omni_match_random_task(MatchShare *share, uint64 task)
{
	RandomState *state = share->state;
	uint64		end = Min((task + 1) * RANDOM_CHUNK, random_records(share->data));

	if (state == NULL)
	{
		share->state = state = palloc0_object(RandomState);
		state->table = omni_match_pattern_table();
	}
	state->probe.data = share->data;
	for (uint64 i = task * RANDOM_CHUNK; i < end; i++)
	{
		CHECK_FOR_INTERRUPTS();
		count_random(share->data, &state->probe, state->table, i);
	}
}

void
omni_match_random_end(MatchShare *share)
{
	RandomState *state = share->state;
	MatchPatternCount *patterns;
	int			n;

	if (state == NULL)
		return;
	patterns = omni_match_sorted_patterns(state->table, &n);
	omni_match_put(&share->output, patterns, n * sizeof(MatchPatternCount));
}

/* Adds the counts of a participant: whole numbers, in any order. */
static void
take_random(void *target, const char *bytes, Size size)
{
	const MatchPatternCount *patterns = (const MatchPatternCount *) bytes;

	for (Size i = 0; i < size / sizeof(MatchPatternCount); i++)
		omni_match_add_pattern(target, patterns[i].pattern, patterns[i].count);
}

/*
 * omni_match_draw_random: counts the patterns of pairs drawn by hash, or of all where
 * there are few.
 */
void
omni_match_draw_random(MatchWork *work, RandomPairs *random)
{
	MatchJob	job = {.kind = MATCH_JOB_RANDOM_PAIRS};
	MatchPatternTable *table = omni_match_pattern_table();

	job.ntasks = (random_records(omni_match_work_data(work)) + RANDOM_CHUNK - 1) / RANDOM_CHUNK;
	omni_match_work(work, &job, take_random, table);
	random->patterns = omni_match_sorted_patterns(table, &random->npatterns);
}

/* The k-th pair of the first n numbers, in the order (0,1) (0,2) (1,2) (0,3) ... */
static void
pair_number(uint64 k, uint64 *low, uint64 *high)
{
	uint64		h = (uint64) ((1 + sqrt(1 + 8.0 * (double) k)) / 2);

	while (h * (h - 1) / 2 > k)
		h--;
	while ((h + 1) * h / 2 <= k)
		h++;
	*high = h;
	*low = k - h * (h - 1) / 2;
}

/* Bits that hold the number of any value of a field. */
static int
value_bits(const MatchData *data, int f)
{
	return pg_leftmost_one_pos32(data->dictionary[f].count | 1) + 1;
}

/* The records that have the values of a condition, by those, the value of its first field highest; their number. */
static MatchKeyEntry *
sort_holders(const MatchData *data, const Run *run, MatchKeyEntry *holders, uint32 *count)
{
	int			low_bits = run->second >= 0 ? value_bits(data, run->second) : 0;
	uint32		n = 0;

	for (uint32 i = 0; i < data->nrecords; i++)
	{
		uint32		r = omni_match_kept(data, i);
		const uint32 *row = omni_match_row(data, r);

		if (row[run->first] == MATCH_NULL || (run->second >= 0 && row[run->second] == MATCH_NULL))
			continue;
		holders[n].key = (uint64) row[run->first] << low_bits | (run->second >= 0 ? row[run->second] : 0);
		holders[n++].record = r;
	}
	*count = n;
	return omni_match_sort_keys(holders, holders + data->nrecords, n, 0, value_bits(data, run->first) + low_bits);
}

/* Records by the values of a condition, and the groups of those that share them. */
typedef struct Groups
{
	const MatchKeyEntry *holders;
	uint32	   *start;			/* first holder of each group */
	uint64	   *cumulative;		/* pairs up to the end of each group */
	uint32		count;
	uint64		pairs;			/* of all groups */
} Groups;

/* The holders of a pair of the groups, by its number; they are asked for. */
static void
find_holders(const Groups *groups, uint64 number, uint32 *pair)
{
	uint32		low = 0;
	uint32		high = groups->count - 1;
	uint64		a;
	uint64		b;

	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;

		if (groups->cumulative[middle] > number)
			high = middle;
		else
			low = middle + 1;
	}
	pair_number(number - (low > 0 ? groups->cumulative[low - 1] : 0), &a, &b);
	pair[0] = groups->start[low] + a;
	pair[1] = groups->start[low] + b;
	__builtin_prefetch(&groups->holders[pair[0]]);
	__builtin_prefetch(&groups->holders[pair[1]]);
}

/* Counts the patterns of some pairs of holders; what they are compared by is asked for ahead. */
static void
count_patterns(MatchProbe *probe, const Groups *groups, uint32 (*pairs)[2], int npairs, MatchPatternTable *table)
{
	for (int i = 0; i < npairs; i++)
	{
		pairs[i][0] = groups->holders[pairs[i][0]].record;
		pairs[i][1] = groups->holders[pairs[i][1]].record;
		__builtin_prefetch(omni_match_row(probe->data, pairs[i][0]));
		__builtin_prefetch(omni_match_row(probe->data, pairs[i][1]));
	}
	for (int i = 0; i < npairs; i++)
	{
		omni_match_probe(probe, pairs[i][0]);
		omni_match_prefetch_compared(probe, pairs[i][1]);
	}
	for (int i = 0; i < npairs; i++)
	{
		omni_match_probe(probe, pairs[i][0]);
		omni_match_add_pattern(table, omni_match_compare(probe, pairs[i][1]), 1);
	}
}

/* Draws pairs that fulfil a condition and counts their patterns. */
static void
draw_pairs(const MatchData *data, Run *run)
{
	MatchKeyEntry *room = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(data->nrecords, 1), 2 * sizeof(MatchKeyEntry)));
	const MatchKeyEntry *holders;	/* records by the values of the condition */
	Groups		groups = {0};
	uint32		n = 0;
	uint64		draws;
	uint32		pairs[DRAWN_TOGETHER][2];
	int			npairs = 0;
	MatchProbe *probe = palloc0_object(MatchProbe);
	MatchPatternTable *table = omni_match_pattern_table();

	groups.holders = holders = sort_holders(data, run, room, &n);
	groups.start = MemoryContextAllocHuge(CurrentMemoryContext, mul_size((Size) n + 1, sizeof(uint32)));
	groups.cumulative = MemoryContextAllocHuge(CurrentMemoryContext, mul_size((Size) n + 1, sizeof(uint64)));
	for (uint32 i = 0; i < n;)
	{
		uint64		size = 1;

		while (i + size < n && holders[i].key == holders[i + size].key)
			size++;
		/* who is alone makes no pair */
		if (size > 1)
		{
			groups.start[groups.count] = i;
			groups.pairs += size * (size - 1) / 2;
			groups.cumulative[groups.count++] = groups.pairs;
		}
		i += size;
	}
	run->pairs = groups.pairs;
	draws = Min(groups.pairs, CONDITION_PAIRS);
	probe->data = data;
	for (uint64 d = 0; d < draws; d++)
	{
		find_holders(&groups, groups.pairs <= CONDITION_PAIRS ? d : omni_mix(RANDOM_SEED * 7 + d) % groups.pairs, pairs[npairs++]);
		if (npairs < DRAWN_TOGETHER && d + 1 < draws)
			continue;
		CHECK_FOR_INTERRUPTS();
		count_patterns(probe, &groups, pairs, npairs, table);
		npairs = 0;
	}
	run->drawn = draws;
	run->patterns = omni_match_sorted_patterns(table, &run->npatterns);
	pfree(probe);
	pfree(groups.cumulative);
	pfree(groups.start);
	pfree(room);
}

/* The condition of a task: each field, alone and with each later one. */
static void
nth_condition(const MatchModel *model, uint64 task, Run *run)
{
	for (int f = 0; f < model->nfields; f++)
	{
		int			here = model->nfields - f;

		if (task < here)
		{
			run->first = f;
			run->second = task > 0 ? f + task : -1;
			return;
		}
		task -= here;
	}
}

/*
 * omni_match_condition_task: drawing pairs as a job; tasks are conditions, each gives
 * its run with its patterns.
 */
void
omni_match_condition_task(MatchShare *share, uint64 task)
{
	Run		   *run = palloc0_object(Run);

	nth_condition(share->data->model, task, run);
	draw_pairs(share->data, run);
	omni_match_put(&share->output, &task, sizeof(task));
	omni_match_put(&share->output, run, sizeof(Run));
	omni_match_put(&share->output, run->patterns, run->npatterns * sizeof(MatchPatternCount));
	pfree(run->patterns);
	pfree(run);
}

static void
take_conditions(void *target, const char *bytes, Size size)
{
	Run		   *runs = target;

	for (const char *end = bytes + size; bytes < end;)
	{
		Run		   *run = &runs[*(const uint64 *) bytes];

		bytes += sizeof(uint64);
		memcpy(run, bytes, sizeof(Run));
		bytes += TYPEALIGN(sizeof(uint64), sizeof(Run));
		/* the work's memory: lasts as long as the work */
		run->patterns = (MatchPatternCount *) bytes;
		bytes += run->npatterns * sizeof(MatchPatternCount);
	}
}

/*
 * omni_match_draw_conditions: draws pairs of all conditions that have any.
 * Arguments: the work, which holds the patterns as long as it lasts; the model; room
 * for the runs of all conditions.
 * Result: their number.
 */
int
omni_match_draw_conditions(MatchWork *work, const MatchModel *model, Run *runs)
{
	MatchJob	job = {.kind = MATCH_JOB_CONDITIONS};
	int			nruns = 0;

	job.ntasks = model->nfields * (model->nfields + 1) / 2;
	omni_match_work(work, &job, take_conditions, runs);
	for (int i = 0; i < job.ntasks; i++)
	{
		if (runs[i].drawn > 0)
			runs[nruns++] = runs[i];
	}
	return nruns;
}
