/*
 * match_keys.c
 *		Blocking: which records are held against each other.
 *
 * A record gives 10 to 40 keys of 64 bits.  Values that tell people apart by
 * themselves (e-mail, phone, a whole date, a rare name) are keys alone; weaker
 * ones (a word of a name, a city, a year of birth) in pairs.  Records with a
 * common key are a block; a block beyond the limit is dropped, since its records
 * also meet in the blocks of their other keys.  A key that does not occur, as
 * that of a missing value or a placeholder, makes no block.
 *
 * Many records with the same values in all fields would fill their blocks and be
 * dropped with them; the first stands for all.
 *
 * Keys are functions of the record, so a run that may not hold all of them at
 * once computes them several times, a range of the hash at a time; the blocks
 * come out the same.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

#define NAME_WORDS_MAX		6
#define OTHER_TOKENS_MAX	16
/* pairs that blocks may bring: for each record, and in a small table in all */
#define PAIRS_PER_RECORD	60.0
#define PAIRS_AT_LEAST		5000000.0
/* blocks up to that size are always kept */
#define SMALLEST_LIMIT		10
/* the two lowest bits of a key say how much it selects: two things together, */
#define KEY_STRENGTH		UINT64CONST(3)
#define KEY_TWO				UINT64CONST(0)
/* a word of a name alone, which must be a rare one: a third of the limit, */
#define KEY_WORD			UINT64CONST(1)
/* or an e-mail, a phone, a number: no budget drops the records of one person */
#define KEY_STRONG			UINT64CONST(2)

/* What a record has to make keys of. */
typedef struct Tokens
{
	uint64		name[NAME_WORDS_MAX];	/* words of names */
	uint64		prefix[NAME_WORDS_MAX]; /* their first four letters */
	uint64		short_prefix[NAME_WORDS_MAX];	/* their first two */
	int			nnames;
	uint64		year;
	uint64		month_day;
	uint64		year_month;
	uint64		other[OTHER_TOKENS_MAX];	/* places and words of addresses */
	int			nothers;
	uint64		alone[OTHER_TOKENS_MAX];
	uint8		alone_field[OTHER_TOKENS_MAX];
	int			nalone;
} Tokens;

/* Kinds of keys for a reader; those of whole values are named by their column. */
static const char *const key_kinds[MATCH_KEY_VALUE] = {
	[MATCH_KEY_COPY] = "same values in all fields",
	[MATCH_KEY_WORD] = "word of a name alone",
	[MATCH_KEY_TWO_WORDS] = "two words of names",
	[MATCH_KEY_TWO_STARTS] = "first letters of two words of names",
	[MATCH_KEY_TWO_STARTS_YEAR] = "first letters of two words of names, year",
	[MATCH_KEY_WORD_YEAR] = "word of a name, year",
	[MATCH_KEY_WORD_DAY] = "word of a name, day and month",
	[MATCH_KEY_WORD_PLACE] = "word of a name, place",
	[MATCH_KEY_PLACE_MONTH] = "place, year and month",
	[MATCH_KEY_TWO_PLACES] = "two words of places",
};

/*
 * omni_match_key_kind: a kind of key for a reader.
 */
const char *
omni_match_key_kind(const MatchModel *model, int kind)
{
	return kind >= MATCH_KEY_VALUE ? psprintf("%s alone", model->field[kind - MATCH_KEY_VALUE].column) : key_kinds[kind];
}

/*
 * omni_match_key_limit: the largest block that a key of a kind may make, before
 * the budget of pairs.
 */
int
omni_match_key_limit(int kind, int max_block)
{
	return kind == MATCH_KEY_WORD ? Max(2, max_block / 3) : max_block;
}

static uint64
token(const unsigned char *text, int length, uint64 seed)
{
	return hash_bytes_extended(text, length, seed);
}

/* A key of two tokens, the same for both orders; kind tells keys apart. */
static uint64
pair_key(uint64 a, uint64 b, uint64 kind)
{
	return omni_mix(omni_mix(Min(a, b)) * 31 + Max(a, b) + kind * UINT64CONST(0x9e3779b97f4a7c15)) & ~KEY_STRENGTH;
}

static uint64
single_key(uint64 a, uint64 strength)
{
	return (omni_mix(a + strength * UINT64CONST(0x9e3779b97f4a7c15)) & ~KEY_STRENGTH) | strength;
}

static void
add_other(Tokens *t, uint64 hash)
{
	if (t->nothers < OTHER_TOKENS_MAX)
		t->other[t->nothers++] = hash;
}

static void
add_alone(Tokens *t, uint64 hash)
{
	if (t->nalone < OTHER_TOKENS_MAX)
		t->alone[t->nalone++] = hash;
}

static void
add_name_words(Tokens *t, const unsigned char *text, int length)
{
	for (int i = 0; i < length && t->nnames < NAME_WORDS_MAX;)
	{
		int			start = i;
		uint64		hash;
		bool		known = false;

		while (i < length && text[i] != ' ')
			i++;
		if (i - start > 1)
		{
			hash = token(text + start, i - start, 1);
			for (int k = 0; k < t->nnames; k++)
				known |= t->name[k] == hash;
			if (!known)
			{
				t->name[t->nnames] = hash;
				t->prefix[t->nnames] = token(text + start, Min(i - start, 4), 2);
				t->short_prefix[t->nnames] = token(text + start, 2, 3);
				t->nnames++;
			}
		}
		i++;
	}
}

/* Words of three letters and more of an address, without its numbers. */
static void
add_words(Tokens *t, const unsigned char *text, int length)
{
	for (int i = 0; i < length;)
	{
		int			start = i;

		while (i < length && text[i] != ' ')
			i++;
		if (i - start > 3 && t->nothers < OTHER_TOKENS_MAX / 2)
			add_other(t, token(text + start, i - start, 6));
		i++;
	}
}

/* Length of the part of a postcode that names the area, not the street. */
static int
area_length(const unsigned char *text, int length)
{
	bool		letters = false;

	for (int i = 0; i < length; i++)
		letters |= !(text[i] >= '0' && text[i] <= '9');
	return letters ? Max(2, length - 3) : Max(2, length - 2);
}

static void
add_date(Tokens *t, const unsigned char *text)
{
	unsigned char day[4];

	/* day and month in one order, so that swapping them makes no difference */
	memcpy(day, memcmp(text + 4, text + 6, 2) <= 0 ? text + 4 : text + 6, 2);
	memcpy(day + 2, memcmp(text + 4, text + 6, 2) <= 0 ? text + 6 : text + 4, 2);
	t->year = token(text, 4, 7);
	t->month_day = token(day, 4, 8);
	t->year_month = token(text, 6, 9);
	add_alone(t, t->year + omni_mix(t->month_day));
}

static void
add_field(Tokens *t, const MatchField *field, const MatchDictionary *dictionary, const MatchValue *value, int f)
{
	const unsigned char *text = omni_match_text(dictionary, value);
	int			length = value->length;

	switch (field->kind)
	{
		case MATCH_NAME:
		case MATCH_GIVEN_NAME:
		case MATCH_SURNAME:
			add_name_words(t, text, length);
			break;
		case MATCH_BIRTH_DATE:
			add_date(t, text);
			break;
		case MATCH_EMAIL:
			add_alone(t, token(text, length, 10));
			if (value->local >= 4)
				add_alone(t, token(text, value->local, 11));
			break;
		case MATCH_PHONE:
		case MATCH_TAX_ID:
		case MATCH_CODE:
			add_alone(t, token(text, length, 12 + f));
			break;
		case MATCH_POSTCODE:
			add_alone(t, token(text, length, 4));
			add_other(t, token(text, area_length(text, length), 5));
			break;
		case MATCH_CITY:
			add_other(t, token(text, length, 6));
			break;
		case MATCH_ADDRESS:
			add_alone(t, token(text, length, 6));
			add_words(t, text, length);
			break;
		case MATCH_TEXT:
			add_alone(t, token(text, length, 6));
			add_other(t, token(text, length, 6));
			break;
		case MATCH_CATEGORY:
		case MATCH_NUMBER:
			break;
	}
}

/* Writes a key down; the number of keys. */
static inline int
put_key(uint64 *keys, uint8 *kinds, int n, uint64 key, MatchKeyKind kind)
{
	keys[n] = key;
	kinds[n] = kind;
	return n + 1;
}

/*
 * omni_match_keys: the keys of a record.
 * Arguments: the records, the number of one, room for MATCH_KEYS_MAX keys and for
 * their kinds.
 * Result: their number.
 */
int
omni_match_keys(const MatchData *data, uint32 record, uint64 *keys, uint8 *kinds)
{
	const MatchModel *model = data->model;
	const uint32 *row = omni_match_row(data, record);
	Tokens		t;
	int			n = 0;

	t.nnames = t.nothers = t.nalone = 0;
	t.year = t.month_day = t.year_month = 0;
	for (int f = 0; f < model->nfields; f++)
	{
		int			known = t.nalone;

		if (row[f] != MATCH_NULL && model->field[f].blocking)
			add_field(&t, &model->field[f], &data->dictionary[f], &data->dictionary[f].values[row[f]], f);
		while (known < t.nalone)
			t.alone_field[known++] = f;
	}
	for (int i = 0; i < t.nalone; i++)
		n = put_key(keys, kinds, n, single_key(t.alone[i], KEY_STRONG), MATCH_KEY_VALUE + t.alone_field[i]);
	for (int i = 0; i < t.nnames; i++)
	{
		n = put_key(keys, kinds, n, single_key(t.name[i], KEY_WORD), MATCH_KEY_WORD);
		for (int k = i + 1; k < t.nnames; k++)
		{
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.name[k], 3), MATCH_KEY_TWO_WORDS);
			n = put_key(keys, kinds, n, pair_key(t.prefix[i], t.prefix[k], 4), MATCH_KEY_TWO_STARTS);
			if (t.year != 0)
				n = put_key(keys, kinds, n, pair_key(pair_key(t.short_prefix[i], t.short_prefix[k], 5), t.year, 5),
							MATCH_KEY_TWO_STARTS_YEAR);
		}
		if (t.year != 0)
		{
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.year, 6), MATCH_KEY_WORD_YEAR);
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.month_day, 7), MATCH_KEY_WORD_DAY);
		}
		for (int k = 0; k < t.nothers; k++)
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.other[k], 8), MATCH_KEY_WORD_PLACE);
	}
	for (int i = 0; i < t.nothers; i++)
	{
		if (t.year_month != 0)
			n = put_key(keys, kinds, n, pair_key(t.other[i], t.year_month, 9), MATCH_KEY_PLACE_MONTH);
		for (int k = i + 1; k < t.nothers; k++)
			n = put_key(keys, kinds, n, pair_key(t.other[i], t.other[k], 10), MATCH_KEY_TWO_PLACES);
	}
	return n;
}

/*
 * omni_match_sort_keys: sorts entries by key, least significant byte first; equal
 * keys keep their order.
 * Arguments: the entries, room for as many, their number.
 * Result: where the sorted entries are, one of the two.
 */
MatchKeyEntry *
omni_match_sort_keys(MatchKeyEntry *entries, MatchKeyEntry *room, Size n)
{
	for (int shift = 0; shift < 64; shift += 8)
	{
		Size		start[256] = {0};
		Size		sum = 0;
		MatchKeyEntry   *swap;

		CHECK_FOR_INTERRUPTS();
		for (Size i = 0; i < n; i++)
			start[(entries[i].key >> shift) & 255]++;
		/* a byte that is the same everywhere sorts nothing */
		if (n > 0 && start[(entries[0].key >> shift) & 255] == n)
			continue;
		for (int b = 0; b < 256; b++)
		{
			Size		count = start[b];

			start[b] = sum;
			sum += count;
		}
		for (Size i = 0; i < n; i++)
			room[start[(entries[i].key >> shift) & 255]++] = entries[i];
		swap = entries;
		entries = room;
		room = swap;
	}
	return entries;
}

typedef struct BlockBuilder
{
	const MatchData *data;
	MatchBlocks *blocks;
	uint64		start_capacity;
	uint64		member_capacity;
} BlockBuilder;

static void
add_block(BlockBuilder *builder, const MatchKeyEntry *entries, Size count)
{
	MatchBlocks *blocks = builder->blocks;
	uint64		first = blocks->nmembers;

	if (blocks->nblocks + 2 > builder->start_capacity)
	{
		builder->start_capacity *= 2;
		blocks->start = repalloc_huge(blocks->start, mul_size(builder->start_capacity, sizeof(uint64)));
		blocks->kind = repalloc_huge(blocks->kind, builder->start_capacity);
	}
	if (first + count > builder->member_capacity)
	{
		builder->member_capacity = Max(builder->member_capacity * 2, first + count);
		blocks->member = repalloc_huge(blocks->member, mul_size(builder->member_capacity, sizeof(uint32)));
	}
	for (Size i = 0; i < count; i++)
	{
		if (i == 0 || entries[i].record != entries[i - 1].record)
			blocks->member[blocks->nmembers++] = entries[i].record;
	}
	if (blocks->nmembers - first < 2)
	{
		blocks->nmembers = first;
		return;
	}
	for (uint64 i = first; i < blocks->nmembers; i++)
		blocks->record_start[blocks->member[i] + 1]++;
	blocks->kind[blocks->nblocks++] = entries[0].kind;
	blocks->start[blocks->nblocks] = blocks->nmembers;
}

/* Whether a record has no keys, as another one stands for it. */
static inline bool
is_copy(const MatchBlocks *blocks, uint32 record)
{
	return blocks->original != NULL && blocks->original[record] != MATCH_NULL;
}

/* Blocks of the keys whose hash lies in one range. */
static void
add_range(BlockBuilder *builder, MatchKeyEntry *entries, MatchKeyEntry *room, Size capacity, uint64 first, uint64 last)
{
	const MatchData *data = builder->data;
	MatchBlocks *blocks = builder->blocks;
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	Size		n = 0;

	for (uint32 r = 0; r < data->nrecords; r++)
	{
		int			nkeys = is_copy(blocks, r) ? 0 : omni_match_keys(data, r, keys, kinds);

		if ((r & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < nkeys; k++)
		{
			if (keys[k] < first || keys[k] > last)
				continue;
			if (n == capacity)
				elog(ERROR, "more blocking keys than counted");
			entries[n].key = keys[k];
			entries[n].kind = kinds[k];
			entries[n++].record = r;
		}
	}
	entries = omni_match_sort_keys(entries, room, n);
	for (Size i = 0; i < n;)
	{
		Size		end = i + 1;
		MatchKeyCount *count = &blocks->count[entries[i].kind];
		Size		records = 1;

		/* a record may have a key twice */
		for (; end < n && entries[end].key == entries[i].key; end++)
			records += entries[end].record != entries[end - 1].record;
		count->keys++;
		count->largest = Max(count->largest, records);
		if (records > omni_match_key_limit(entries[i].kind, blocks->max_block))
			count->dropped++;
		else if (records > 1)
			add_block(builder, entries + i, end - i);
		i = end;
	}
}

/*
 * The largest block that the budget of pairs admits: blocks are let in from the
 * smallest on, which bring the best pairs.
 */
static int
affordable_block(const MatchData *data, const MatchBlocks *blocks)
{
	double	   *pairs = palloc0((blocks->max_block + 1) * sizeof(double));
	double		budget = Max((double) data->nrecords * PAIRS_PER_RECORD, PAIRS_AT_LEAST);
	int			size;

	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		double		n = blocks->start[b + 1] - blocks->start[b];

		if (blocks->kind[b] < MATCH_KEY_VALUE)
			pairs[(int) n] += n * (n - 1) / 2;
	}
	for (size = 2; size <= blocks->max_block && pairs[size] <= budget; size++)
		budget -= pairs[size];
	pfree(pairs);
	return Max(size - 1, SMALLEST_LIMIT);
}

/* Drops blocks of more records than that, but those of strong keys. */
static void
drop_large_blocks(MatchBlocks *blocks, int largest)
{
	uint32		kept = 0;
	uint64		nmembers = 0;

	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		uint64		first = blocks->start[b];
		uint64		size = blocks->start[b + 1] - first;

		if (size > largest && blocks->kind[b] < MATCH_KEY_VALUE)
		{
			for (uint64 i = first; i < first + size; i++)
				blocks->record_start[blocks->member[i] + 1]--;
			blocks->count[blocks->kind[b]].dropped++;
			continue;
		}
		memmove(blocks->member + nmembers, blocks->member + first, size * sizeof(uint32));
		blocks->kind[kept] = blocks->kind[b];
		blocks->start[kept++] = nmembers;
		nmembers += size;
	}
	blocks->start[kept] = nmembers;
	blocks->nblocks = kept;
	blocks->nmembers = nmembers;
	blocks->max_block = Min(blocks->max_block, largest);
}

/* The blocks of each record, in ascending order. */
static void
list_blocks_of_records(const MatchData *data, MatchBlocks *blocks)
{
	uint64	   *next;

	for (uint32 r = 0; r < data->nrecords; r++)
		blocks->record_start[r + 1] += blocks->record_start[r];
	blocks->record_block = MemoryContextAllocHuge(data->context, mul_size(Max(blocks->nmembers, 1), sizeof(uint32)));
	next = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(data->nrecords, 1), sizeof(uint64)));
	memcpy(next, blocks->record_start, data->nrecords * sizeof(uint64));
	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		for (uint64 i = blocks->start[b]; i < blocks->start[b + 1]; i++)
			blocks->record_block[next[blocks->member[i]]++] = b;
	}
	pfree(next);
}

/*
 * omni_match_blocks: the blocks of all records.
 * Arguments: the records; the largest block that is kept.
 * Memory: the keys of a range of the hash fit into maintenance_work_mem; the
 * blocks take some 100 bytes a record beside it.
 */
MatchBlocks *
omni_match_blocks(const MatchData *data, int max_block)
{
	BlockBuilder builder = {0};
	MatchBlocks *blocks = MemoryContextAllocZero(data->context, sizeof(MatchBlocks));
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	uint64		per_range[256] = {0};
	uint64		total = 0;
	Size		capacity;
	MatchKeyEntry   *entries;

	builder.data = data;
	builder.blocks = blocks;
	blocks->max_block = max_block;
	builder.start_capacity = 1024;
	builder.member_capacity = 4096;
	blocks->start = MemoryContextAllocHuge(data->context, builder.start_capacity * sizeof(uint64));
	blocks->start[0] = 0;
	blocks->kind = MemoryContextAllocHuge(data->context, builder.start_capacity);
	blocks->member = MemoryContextAllocHuge(data->context, builder.member_capacity * sizeof(uint32));
	blocks->record_start = MemoryContextAllocExtended(data->context, mul_size((Size) data->nrecords + 1, sizeof(uint64)),
													  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	/* of two relations, and where sources exclude each other, each record counts for itself */
	if (!data->across && !data->one_per_source)
		blocks->original = omni_match_copies(data);
	/* how many keys there are in each 256th of the hash */
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		int			nkeys = is_copy(blocks, r) ? 0 : omni_match_keys(data, r, keys, kinds);

		if ((r & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		for (int k = 0; k < nkeys; k++)
			per_range[keys[k] >> 56]++;
		total += nkeys;
	}
	capacity = Max((Size) maintenance_work_mem * 1024 / (2 * sizeof(MatchKeyEntry)), 65536);
	for (int b = 0; b < 256; b++)
		capacity = Max(capacity, per_range[b]);
	capacity = Min(capacity, Max(total, 1));
	entries = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(capacity, 2 * sizeof(MatchKeyEntry)));
	for (int b = 0; b < 256;)
	{
		int			first = b;
		uint64		n = per_range[b++];

		while (b < 256 && n + per_range[b] <= capacity)
			n += per_range[b++];
		if (n > 0)
			add_range(&builder, entries, entries + capacity, capacity, (uint64) first << 56,
					  ((uint64) (b - 1) << 56) | UINT64CONST(0x00ffffffffffffff));
	}
	pfree(entries);
	drop_large_blocks(blocks, affordable_block(data, blocks));
	list_blocks_of_records(data, blocks);
	return blocks;
}
