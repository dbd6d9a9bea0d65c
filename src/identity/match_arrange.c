/*
 * match_arrange.c
 *		Puts records and blocks into an order in which a scan finds what it needs close
 *		by.
 *
 * A block is a handful of records from anywhere in the table, so a scan of the blocks
 * in the order of their keys waits for memory most of the time.  Most records of a
 * block have similar names.  So the rows are laid out by name, and the blocks by the
 * place of their first record: what one block needs, the last ones had.  The records
 * of a block stay in their order, so the pairs and their weights are the same.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/memory.h"
#include "identity/match_arrange.h"

/* the bytes of a text by which records are laid out, five bits of each: of the first field and of the second */
#define FIRST_LETTERS	7
#define SECOND_LETTERS	1
#define LETTER_BITS		5

/* Kinds of the first field, those that most blocks go by before others. */
static const MatchKind first_kinds[] = {MATCH_SURNAME, MATCH_NAME, MATCH_GIVEN_NAME, MATCH_TEXT, MATCH_ADDRESS, MATCH_EMAIL};

/* The first field that makes keys and is of a kind, or -1. */
static int
field_of_kind(const MatchModel *model, MatchKind kind)
{
	for (int f = 0; f < model->nfields; f++)
	{
		if (model->field[f].kind == kind && model->field[f].blocking)
			return f;
	}
	return -1;
}

/* The first letters of each value of a field, as a number of their order; NULL without a field. */
static uint64 *
first_letters(const MatchData *data, int f, int nletters)
{
	const MatchDictionary *dictionary;
	uint64	   *letters;

	if (f < 0)
		return NULL;
	dictionary = &data->dictionary[f];
	letters = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(dictionary->count, 1), sizeof(uint64)));
	for (uint32 i = 0; i < dictionary->count; i++)
	{
		const MatchValue *value = &dictionary->values[i];
		const unsigned char *text = omni_match_text(dictionary, value);

		letters[i] = 0;
		for (int k = 0; k < nletters; k++)
			letters[i] = letters[i] << LETTER_BITS | (k < value->length ? text[k] & ((1 << LETTER_BITS) - 1) : 0);
	}
	return letters;
}

/* The records by their names: the record of each place. */
static uint32 *
order_by_name(const MatchData *data)
{
	const MatchModel *model = data->model;
	uint32		n = data->nrecords;
	MatchKeyEntry *entries = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(MatchKeyEntry)));
	MatchKeyEntry *room = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(MatchKeyEntry)));
	uint32	   *record = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(uint32)));
	const MatchKeyEntry *sorted;
	uint64	   *one;
	uint64	   *two;
	int			first = -1;
	int			second;

	for (int i = 0; first < 0 && i < lengthof(first_kinds); i++)
		first = field_of_kind(model, first_kinds[i]);
	second = field_of_kind(model, MATCH_GIVEN_NAME);
	one = first_letters(data, first, FIRST_LETTERS);
	two = first_letters(data, second != first ? second : -1, SECOND_LETTERS);
	for (uint32 r = 0; r < n; r++)
	{
		const uint32 *row = omni_match_row(data, r);

		entries[r].record = r;
		entries[r].key = one != NULL && row[first] != MATCH_NULL ? one[row[first]] << (SECOND_LETTERS * LETTER_BITS) : 0;
		entries[r].key |= two != NULL && row[second] != MATCH_NULL ? two[row[second]] : 0;
	}
	sorted = omni_match_sort_keys(entries, room, n, 0, (FIRST_LETTERS + SECOND_LETTERS) * LETTER_BITS);
	for (uint32 i = 0; i < n; i++)
		record[i] = sorted[i].record;
	pfree(entries);
	pfree(room);
	if (one != NULL)
		pfree(one);
	if (two != NULL)
		pfree(two);
	return record;
}

/* Lays the rows out in that order. */
static void
arrange_rows(MatchArranged *arranged, const MatchData *data)
{
	Size		row = data->width * sizeof(uint32);
	uint32		n = data->nrecords;

	arranged->data.values = omni_lines_alloc(arranged->data.context, mul_size(Max(n, 1), row));
	arranged->data.source = MemoryContextAllocHuge(arranged->data.context, Max(n, 1));
	for (uint32 i = 0; i < n; i++)
	{
		memcpy(arranged->data.values + (Size) i * data->width, omni_match_row(data, arranged->record[i]), row);
		arranged->data.source[i] = data->source[arranged->record[i]];
	}
}

/* Whether one of the blocks from a number on has the same records as the last one. */
static bool
is_repeated(const MatchBlocks *blocks, uint32 first)
{
	const uint32 *last = blocks->member + blocks->start[blocks->nblocks];
	uint64		n = blocks->nmembers - blocks->start[blocks->nblocks];

	for (uint32 b = first; b < blocks->nblocks; b++)
	{
		if (blocks->start[b + 1] - blocks->start[b] == n &&
			memcmp(blocks->member + blocks->start[b], last, n * sizeof(uint32)) == 0)
			return true;
	}
	return false;
}

/*
 * Orders the blocks by the place of their first record, and puts places for records.
 * Several keys often have the same records: one block of them brings all their pairs.
 */
static void
arrange_blocks(MatchArranged *arranged, const MatchBlocks *blocks)
{
	MemoryContext context = arranged->data.context;
	uint32		n = arranged->data.nrecords;
	uint32	   *place = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(uint32)));
	uint32	   *next = MemoryContextAllocExtended(CurrentMemoryContext, mul_size((Size) n + 1, sizeof(uint32)),
												  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32	   *order = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(blocks->nblocks, 1), sizeof(uint32)));
	MatchBlocks *result = &arranged->blocks;
	uint32		same_first = 0; /* first block with the first record of the present one */

	for (uint32 i = 0; i < n; i++)
		place[arranged->record[i]] = i;
	for (uint32 b = 0; b < blocks->nblocks; b++)
		next[place[blocks->member[blocks->start[b]]] + 1]++;
	for (uint32 i = 0; i < n; i++)
		next[i + 1] += next[i];
	for (uint32 b = 0; b < blocks->nblocks; b++)
		order[next[place[blocks->member[blocks->start[b]]]]++] = b;
	result->start = MemoryContextAllocHuge(context, mul_size((Size) blocks->nblocks + 1, sizeof(uint64)));
	result->member = MemoryContextAllocHuge(context, mul_size(Max(blocks->nmembers, 1), sizeof(uint32)));
	result->start[0] = 0;
	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		uint64		start = result->start[result->nblocks];

		for (uint64 i = blocks->start[order[b]]; i < blocks->start[order[b] + 1]; i++)
			result->member[result->nmembers++] = place[blocks->member[i]];
		if (result->member[start] != result->member[result->start[same_first]])
			same_first = result->nblocks;
		if (is_repeated(result, same_first))
			result->nmembers = start;
		else
			result->start[++result->nblocks] = result->nmembers;
	}
	pfree(place);
	pfree(next);
	pfree(order);
}

/*
 * omni_match_arrange: the records and their blocks as a scan should have them.
 * Arguments: the records; the blocks.
 * Result: copies of what the order changes, in a context of their own, that of the
 * data, which is the caller's to delete; all else is shared with the records.  Which
 * record has which place stands in the present context.
 */
MatchArranged *
omni_match_arrange(const MatchData *data, const MatchBlocks *blocks)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm arranged", ALLOCSET_DEFAULT_SIZES);
	MatchArranged *arranged = MemoryContextAllocZero(context, sizeof(MatchArranged));

	arranged->data = *data;
	arranged->data.context = context;
	arranged->record = order_by_name(&arranged->data);
	CHECK_FOR_INTERRUPTS();
	arrange_rows(arranged, data);
	CHECK_FOR_INTERRUPTS();
	arrange_blocks(arranged, blocks);
	CHECK_FOR_INTERRUPTS();
	omni_match_list_blocks(&arranged->data, &arranged->blocks);
	return arranged;
}
