/*
 * match_arrange.c
 *		Puts records and blocks into an order in which a scan finds what it needs close
 *		by.
 *
 * A block is a handful of records from anywhere in the table, but most records that
 * meet have similar names.  So the rows are laid out by name: what one record needs, the
 * last ones had.  A scan goes from record to record (match_scan.c), so it has to know
 * where each stands in its blocks.  The records of a block stay in their order, so the
 * pairs and their weights are the same.
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

/*
 * omni_match_arrange: the order in which a scan should have the records and their
 * blocks.
 * Arguments: the records; the blocks.
 * Result: what is known of it, in a context of its own, that of the data, which is the
 * caller's to delete; rows and members are still to be put into their places.
 * Errors: program_limit_exceeded.
 */
MatchArranged *
omni_match_arrange(const MatchData *data, const MatchBlocks *blocks)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm arranged", ALLOCSET_DEFAULT_SIZES);
	MatchArranged *arranged = MemoryContextAllocZero(context, sizeof(MatchArranged));
	MatchMeetings *meetings = &arranged->meetings;

	/* a place among the members takes 32 bits */
	if (blocks->nmembers > PG_UINT32_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("blocks of more than %u records together", PG_UINT32_MAX)));
	arranged->data = *data;
	arranged->data.context = context;
	arranged->data.values = NULL;
	arranged->data.source = NULL;
	arranged->record = order_by_name(data);
	meetings->pairs = omni_match_block_pairs(blocks);
	meetings->nmembers = blocks->nmembers;
	meetings->nplaces = blocks->nmembers - blocks->nblocks;
	return arranged;
}

/*
 * omni_match_alloc_arranged: room for rows and members, where there is no image that
 * has it.
 */
void
omni_match_alloc_arranged(MatchArranged *arranged)
{
	MatchData  *data = &arranged->data;
	MatchMeetings *meetings = &arranged->meetings;
	Size		n = Max(data->nrecords, 1);

	data->values = omni_lines_alloc(data->context, mul_size(n, data->width * sizeof(uint32)));
	data->source = MemoryContextAllocHuge(data->context, n);
	meetings->member = omni_lines_alloc(data->context, mul_size(Max(meetings->nmembers, 1), sizeof(uint32)));
	meetings->start = MemoryContextAllocHuge(data->context, mul_size(omni_match_scan_chunks(n) + 1, sizeof(uint64)));
	meetings->place = omni_lines_alloc(data->context, mul_size(Max(meetings->nplaces, 1), sizeof(uint32)));
}

/*
 * omni_match_put_rows: lays the rows of records out in the order of a scan.
 * Arguments: the order; the records; where there is room.
 */
void
omni_match_put_rows(const MatchArranged *arranged, const MatchData *data, MatchData *target)
{
	for (uint32 i = 0; i < data->nrecords; i++)
	{
		if ((i & 65535) == 0)
			CHECK_FOR_INTERRUPTS();
		memcpy(target->values + (Size) i * data->width, omni_match_row(data, arranged->record[i]), data->width * sizeof(uint32));
		target->source[i] = data->source[arranged->record[i]];
	}
}

/* Puts the members of blocks by their places in the order of a scan, and counts those that others follow, by chunk. */
static void
put_members(const MatchArranged *arranged, const MatchBlocks *blocks, MatchMeetings *target, uint64 *count)
{
	uint32		n = arranged->data.nrecords;
	uint32	   *place = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(n, 1), sizeof(uint32)));

	for (uint32 i = 0; i < n; i++)
		place[arranged->record[i]] = i;
	for (uint32 b = 0; b < blocks->nblocks; b++)
	{
		uint64		last = blocks->start[b + 1] - 1;

		for (uint64 i = blocks->start[b]; i < last; i++)
		{
			target->member[i] = place[blocks->member[i]];
			count[target->member[i] / MATCH_SCAN_CHUNK]++;
		}
		target->member[last] = place[blocks->member[last]] | MATCH_LAST_MEMBER;
	}
	pfree(place);
}

/*
 * omni_match_put_members: puts down who meets whom, for a scan.
 * Arguments: the order; the blocks; where there is room.
 */
void
omni_match_put_members(const MatchArranged *arranged, const MatchBlocks *blocks, MatchMeetings *target)
{
	uint64		nchunks = omni_match_scan_chunks(arranged->data.nrecords);
	uint64	   *next = palloc0((nchunks + 1) * sizeof(uint64));

	put_members(arranged, blocks, target, next + 1);
	CHECK_FOR_INTERRUPTS();
	for (uint64 i = 0; i < nchunks; i++)
		next[i + 1] += next[i];
	memcpy(target->start, next, (nchunks + 1) * sizeof(uint64));
	for (uint64 i = 0; i < blocks->nmembers; i++)
	{
		if ((target->member[i] & MATCH_LAST_MEMBER) == 0)
			target->place[next[target->member[i] / MATCH_SCAN_CHUNK]++] = i;
	}
	pfree(next);
}
