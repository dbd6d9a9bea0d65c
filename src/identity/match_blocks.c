/*
 * match_blocks.c
 *		Blocking: which records are held against each other.
 *
 * Records with a common key are a block.  A block beyond the limit of its kind is
 * dropped, since its records also meet in the blocks of their other keys.  The
 * limits are the model's: training lowers them until the blocks bring as many
 * pairs as its table can afford, so which records meet later is a function of
 * the model and the records.
 *
 * Many records with the same values in all fields would fill their blocks and be
 * dropped with them; the first stands for all.
 *
 * All keys at once would take too much room, so they are spread over files
 * (match_spread.c) and looked at a range of the hash at a time; parallel workers take
 * ranges of their own.  The blocks come out the same, in the order of their keys.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/memory.h"
#include "identity/match_spread.h"

/* pairs that two things in common may bring: for each record, and in a small table in all */
#define WEAK_PAIRS_PER_RECORD	60.0
#define PAIRS_AT_LEAST			5000000.0
/* and those of one value that is no identifier, as a date or a postcode */
#define VALUE_PAIRS_PER_RECORD	30.0
/* blocks up to that size are always kept */
#define SMALLEST_LIMIT		10
/* records from which on training looks at a part of the keys only, and which */
#define SAMPLED_RECORDS		200000
#define SAMPLED_BUCKETS		16
/* ranges of buckets for each participant, at least */
#define RANGES_EACH			8
/* entries up to that many are sorted by insertion */
#define INSERTION_MAX		24

/* Blocks of the keys of one range. */
typedef struct RangeBlocks
{
	uint32		nblocks;
	uint64		nmembers;
	uint32	   *size;
	uint8	   *kind;
	uint32	   *member;
	uint32		capacity;
	uint64		member_capacity;
	MatchKeyCount count[MATCH_KEY_KINDS];
} RangeBlocks;

/* Sorts few entries; equal keys keep their order. */
static void
insertion_sort(MatchKeyEntry *entries, Size n)
{
	for (Size i = 1; i < n; i++)
	{
		MatchKeyEntry entry = entries[i];
		Size		at = i;

		for (; at > 0 && entries[at - 1].key > entry.key; at--)
			entries[at] = entries[at - 1];
		entries[at] = entry;
	}
}

/* One pass of a radix sort, by the bits from shift on. */
static void
radix_pass(const MatchKeyEntry *entries, MatchKeyEntry *sorted, Size n, int shift)
{
	uint32		start[2048] = {0};
	uint32		sum = 0;

	for (Size i = 0; i < n; i++)
		start[entries[i].key >> shift & 2047]++;
	for (int b = 0; b < 2048; b++)
	{
		uint32		count = start[b];

		start[b] = sum;
		sum += count;
	}
	for (Size i = 0; i < n; i++)
		sorted[start[entries[i].key >> shift & 2047]++] = entries[i];
}

/*
 * omni_match_sort_keys: sorts entries by some bits of their keys; those that agree in
 * them keep their order.
 * Arguments: the entries, at most 4,294,967,295; room for as many; their number; the
 * lowest bit and the one after the highest; up to ten more above may count too.
 * Result: where the sorted entries are, one of the two.
 */
MatchKeyEntry *
omni_match_sort_keys(MatchKeyEntry *entries, MatchKeyEntry *room, Size n, int lowest, int end)
{
	for (int shift = lowest; shift < end; shift += 11)
	{
		MatchKeyEntry *swap = entries;

		CHECK_FOR_INTERRUPTS();
		radix_pass(entries, room, n, shift);
		entries = room;
		room = swap;
	}
	return entries;
}

/*
 * Sorts entries of one bucket, whose keys are hashes: of n entries with different
 * keys fewer than n / 8 pairs agree in 2 + log2 n and more of the bits that follow the
 * bucket's; they are put right.
 */
static MatchKeyEntry *
sort_bucket(MatchKeyEntry *entries, MatchKeyEntry *room, Size n)
{
	if (n > INSERTION_MAX)
	{
		int			passes = (pg_leftmost_one_pos64(n) + 1 + 2 + 10) / 11;

		entries = omni_match_sort_keys(entries, room, n, 56 - 11 * passes, 56);
	}
	insertion_sort(entries, n);
	return entries;
}

static void
start_range(RangeBlocks *range)
{
	memset(range, 0, sizeof(*range));
	range->capacity = 1024;
	range->member_capacity = 4096;
	range->size = palloc(range->capacity * sizeof(uint32));
	range->kind = palloc(range->capacity);
	range->member = palloc(range->member_capacity * sizeof(uint32));
}

static void
free_range(RangeBlocks *range)
{
	pfree(range->size);
	pfree(range->kind);
	pfree(range->member);
}

/* Adds the records of one key, each once, when there are several. */
static void
add_block(RangeBlocks *range, const MatchKeyEntry *entries, Size count)
{
	uint64		first = range->nmembers;

	if (range->nblocks == range->capacity)
	{
		range->capacity *= 2;
		range->size = repalloc_huge(range->size, mul_size(range->capacity, sizeof(uint32)));
		range->kind = repalloc_huge(range->kind, range->capacity);
	}
	if (first + count > range->member_capacity)
	{
		range->member_capacity = Max(range->member_capacity * 2, first + count);
		range->member = repalloc_huge(range->member, mul_size(range->member_capacity, sizeof(uint32)));
	}
	/* a record may have a key twice */
	for (Size i = 0; i < count; i++)
	{
		if (i == 0 || entries[i].record != entries[i - 1].record)
			range->member[range->nmembers++] = entries[i].record;
	}
	range->kind[range->nblocks] = entries[0].kind;
	range->size[range->nblocks++] = range->nmembers - first;
}

/* Counts the keys among sorted entries and keeps the blocks within their limits. */
static void
add_blocks(RangeBlocks *range, const int *limit, const MatchKeyEntry *entries, Size n)
{
	for (Size i = 0; i < n;)
	{
		Size		end = i + 1;
		MatchKeyCount *count = &range->count[entries[i].kind];
		Size		records = 1;

		for (; end < n && entries[end].key == entries[i].key; end++)
			records += entries[end].record != entries[end - 1].record;
		count->keys++;
		count->largest = Max(count->largest, records);
		if (records > limit[entries[i].kind])
			count->dropped++;
		else if (records > 1)
			add_block(range, entries + i, end - i);
		i = end;
	}
}

/* What a participant has of making blocks. */
typedef struct BlocksState
{
	MatchKeyPieces *pieces;
	MatchKeyEntry *entries;		/* keys of a range; its room serves the next one */
	Size		capacity;
	MatchKeyEntry *room;		/* for those of a bucket */
	Size		room_capacity;
} BlocksState;

/* Makes room for so many keys, of which none is kept. */
static void
make_room(MatchKeyEntry **entries, Size *capacity, Size wanted)
{
	if (wanted <= *capacity)
		return;
	if (*entries != NULL)
		pfree(*entries);
	*capacity = wanted + wanted / 8;
	*entries = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(*capacity, sizeof(MatchKeyEntry)));
}

/* Blocks of the keys of some buckets: the first one and the one after the last. */
static void
make_range(RangeBlocks *range, const MatchJob *job, BlocksState *state, int first, int end)
{
	const uint64 *per_bucket = job->per_bucket;
	Size		start[MATCH_BUCKETS + 1];
	Size		largest = 0;

	start[first] = 0;
	for (int b = first; b < end; b++)
	{
		start[b + 1] = start[b] + per_bucket[b];
		largest = Max(largest, per_bucket[b]);
	}
	start_range(range);
	make_room(&state->entries, &state->capacity, start[end]);
	make_room(&state->room, &state->room_capacity, largest);
	omni_match_read_keys(state->pieces, first, end, state->entries, start);
	for (int b = first; b < end; b++)
		add_blocks(range, job->limit, sort_bucket(state->entries + start[b], state->room, per_bucket[b]), per_bucket[b]);
}

/*
 * omni_match_blocks_task, omni_match_blocks_end: blocks as a job; tasks are ranges of
 * buckets, each gives its blocks.
 */
void
omni_match_blocks_task(MatchShare *share, uint64 task)
{
	const MatchJob *job = share->job;
	BlocksState *state = share->state;
	RangeBlocks range;

	if (state == NULL)
	{
		share->state = state = palloc0_object(BlocksState);
		state->pieces = omni_match_open_keys(&job->files);
	}
	make_range(&range, job, state, job->first_bucket[task], job->first_bucket[task + 1]);
	omni_match_put(&share->output, &task, sizeof(task));
	omni_match_put(&share->output, &range, sizeof(range));
	omni_match_put(&share->output, range.size, range.nblocks * sizeof(uint32));
	omni_match_put(&share->output, range.kind, range.nblocks);
	omni_match_put(&share->output, range.member, range.nmembers * sizeof(uint32));
	free_range(&range);
}

void
omni_match_blocks_end(MatchShare *share)
{
	BlocksState *state = share->state;

	if (state == NULL)
		return;
	omni_match_close_keys(state->pieces);
	if (state->entries != NULL)
		pfree(state->entries);
	if (state->room != NULL)
		pfree(state->room);
	pfree(state);
}

/* The ranges that came out, by number; they point into the output of their makers. */
typedef struct Ranges
{
	RangeBlocks range[MATCH_BUCKETS];
} Ranges;

/* Takes bytes from an output. */
static const void *
take(const char **at, Size size)
{
	const char *bytes = *at;

	*at += TYPEALIGN(sizeof(uint64), size);
	return bytes;
}

static void
take_ranges(void *target, const char *data, Size size)
{
	Ranges	   *ranges = target;
	const char *at = data;

	while (at < data + size)
	{
		uint64		task = *(const uint64 *) take(&at, sizeof(uint64));
		RangeBlocks *range = &ranges->range[task];

		memcpy(range, take(&at, sizeof(RangeBlocks)), sizeof(RangeBlocks));
		range->size = unconstify(void *, take(&at, range->nblocks * sizeof(uint32)));
		range->kind = unconstify(void *, take(&at, range->nblocks));
		range->member = unconstify(void *, take(&at, range->nmembers * sizeof(uint32)));
	}
}

/* Puts the blocks of all ranges together, in the order of the keys. */
static void
join_ranges(const MatchData *data, MatchBlocks *blocks, const Ranges *ranges, int nranges)
{
	Size		nblocks = 0;

	for (int i = 0; i < nranges; i++)
	{
		nblocks += ranges->range[i].nblocks;
		blocks->nmembers += ranges->range[i].nmembers;
	}
	if (nblocks >= PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %u blocks", PG_UINT32_MAX)));
	blocks->start = MemoryContextAllocHuge(data->context, mul_size(nblocks + 1, sizeof(uint64)));
	blocks->kind = MemoryContextAllocHuge(data->context, Max(nblocks, 1));
	blocks->member = MemoryContextAllocHuge(data->context, mul_size(Max(blocks->nmembers, 1), sizeof(uint32)));
	blocks->start[0] = 0;
	for (int i = 0; i < nranges; i++)
	{
		const RangeBlocks *range = &ranges->range[i];

		memcpy(blocks->member + blocks->start[blocks->nblocks], range->member, range->nmembers * sizeof(uint32));
		memcpy(blocks->kind + blocks->nblocks, range->kind, range->nblocks);
		for (uint32 b = 0; b < range->nblocks; b++)
		{
			blocks->start[blocks->nblocks + 1] = blocks->start[blocks->nblocks] + range->size[b];
			blocks->nblocks++;
		}
		for (int k = 0; k < MATCH_KEY_KINDS; k++)
		{
			blocks->count[k].keys += range->count[k].keys;
			blocks->count[k].dropped += range->count[k].dropped;
			blocks->count[k].largest = Max(blocks->count[k].largest, range->count[k].largest);
		}
	}
}

/*
 * omni_match_list_blocks: finds the blocks of each record, in ascending order.
 */
void
omni_match_list_blocks(const MatchData *data, MatchBlocks *blocks)
{
	uint64	   *next;

	blocks->record_start = MemoryContextAllocExtended(data->context, mul_size((Size) data->nrecords + 1, sizeof(uint64)),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint64 i = 0; i < blocks->nmembers; i++)
		blocks->record_start[blocks->member[i] + 1]++;
	for (uint32 r = 0; r < data->nrecords; r++)
		blocks->record_start[r + 1] += blocks->record_start[r];
	blocks->record_block = omni_lines_alloc(data->context, mul_size(Max(blocks->nmembers, 1), sizeof(uint32)));
	next = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(data->nrecords, 1), sizeof(uint64)));
	memcpy(next, blocks->record_start, data->nrecords * sizeof(uint64));
	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		for (uint64 i = blocks->start[b]; i < blocks->start[b + 1]; i++)
			blocks->record_block[next[blocks->member[i]]++] = b;
	}
	pfree(next);
}

/* Parts the first so many buckets into ranges whose keys fit into the memory of a participant. */
static void
plan_ranges(MatchJob *job, int buckets, int participants)
{
	uint64		total = 0;
	uint64		most;
	int			n = 0;

	for (int b = 0; b < buckets; b++)
		total += job->per_bucket[b];
	most = Max((Size) maintenance_work_mem * 1024 / participants / sizeof(MatchKeyEntry), 65536);
	/* several ranges each: what one takes a cache may hold, and nobody waits for the last one */
	most = Min(most, total / (RANGES_EACH * participants) + 1);
	for (int b = 0; b < buckets;)
	{
		uint64		keys = job->per_bucket[b];

		job->first_bucket[n++] = b++;
		while (b < buckets && keys + job->per_bucket[b] <= most)
			keys += job->per_bucket[b++];
	}
	job->first_bucket[n] = buckets;
	job->ntasks = n;
}

/* The blocks of the keys in the first so many buckets, range by range; they last as long as the work. */
static Ranges *
make_ranges(const MatchKeys *keys, const MatchModel *model, int buckets, uint64 *nranges)
{
	MatchJob	job = {.kind = MATCH_JOB_BLOCKS};
	Ranges	   *ranges = palloc0_object(Ranges);

	memcpy(job.per_bucket, keys->per_bucket, buckets * sizeof(uint64));
	for (int k = 0; k < MATCH_KEY_VALUE + model->nfields; k++)
		job.limit[k] = omni_match_key_limit(model, k);
	job.files = keys->files->set;
	plan_ranges(&job, buckets, omni_match_participants(keys->work));
	omni_match_work(keys->work, &job, take_ranges, ranges);
	*nranges = job.ntasks;
	return ranges;
}

/*
 * omni_match_blocks: the blocks of all records; uses up the keys that training left.
 * Memory: the keys of a range of the hash fit into maintenance_work_mem; the
 * blocks take some 100 bytes a record beside it.
 */
MatchBlocks *
omni_match_blocks(MatchData *data)
{
	MatchBlocks *blocks = MemoryContextAllocZero(data->context, sizeof(MatchBlocks));
	MatchKeys  *keys = data->keys;
	Ranges	   *ranges;
	uint64		nranges;
	MatchWork  *work;

	/* of two relations, and where sources exclude each other, each record counts for itself */
	if (!data->across && !data->one_per_source)
		blocks->original = data->copies_known ? data->original : omni_match_copies(data);
	if (keys == NULL)
		keys = omni_match_spread_keys(omni_match_begin_work(data, blocks->original, NULL, NULL), MATCH_BUCKETS);
	work = keys->work;
	data->keys = NULL;
	ranges = make_ranges(keys, data->model, MATCH_BUCKETS, &nranges);
	omni_match_end_keys(keys);
	join_ranges(data, blocks, ranges, nranges);
	omni_match_end_work(work);
	pfree(ranges);
	return blocks;
}

/* The largest block that a budget of pairs admits: from the smallest on, which bring the best pairs. */
static int
affordable(const double *pairs, int largest, double budget)
{
	int			size;

	for (size = 2; size <= largest && pairs[size] <= budget; size++)
		budget -= pairs[size];
	return size > largest ? 0 : Max(size - 1, SMALLEST_LIMIT);
}

/*
 * omni_match_afford_buckets: how many buckets of the keys of so many records
 * omni_match_afford() looks at.
 */
int
omni_match_afford_buckets(uint32 nrecords)
{
	return nrecords >= SAMPLED_RECORDS ? SAMPLED_BUCKETS : MATCH_BUCKETS;
}

/*
 * omni_match_afford: lowers the limits of a model until the blocks of these records
 * bring no more pairs than budgeted.
 * Arguments: the model, whose limits for weak keys and values are not set yet; the
 * keys of the records; their number, without those for which others stand.
 */
void
omni_match_afford(MatchModel *model, MatchKeys *keys, uint32 nrecords)
{
	int			buckets = omni_match_afford_buckets(nrecords);
	double	   *weak = palloc0((model->max_block + 1) * sizeof(double));
	double	   *value = palloc0((model->max_block + 1) * sizeof(double));
	uint64		nranges;
	Ranges	   *ranges = make_ranges(keys, model, buckets, &nranges);

	for (uint64 i = 0; i < nranges; i++)
	{
		const RangeBlocks *range = &ranges->range[i];

		for (uint32 b = 0; b < range->nblocks; b++)
		{
			double		pairs = (double) MATCH_BUCKETS / buckets * range->size[b] * (range->size[b] - 1.0) / 2;

			if (range->kind[b] < MATCH_KEY_VALUE)
				weak[range->size[b]] += pairs;
			else if (!omni_match_is_identifier(model->field[range->kind[b] - MATCH_KEY_VALUE].kind))
				value[range->size[b]] += pairs;
		}
	}
	model->max_weak_block = affordable(weak, model->max_block, Max(nrecords * WEAK_PAIRS_PER_RECORD, PAIRS_AT_LEAST));
	model->max_value_block = affordable(value, model->max_block, Max(nrecords * VALUE_PAIRS_PER_RECORD, PAIRS_AT_LEAST));
	pfree(ranges);
	pfree(weak);
	pfree(value);
}
