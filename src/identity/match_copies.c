/*
 * match_copies.c
 *		Records with the same values in all fields.
 *
 * Where there are many of them (a file delivered again and again, a form filled in
 * by a machine), the first stands for all: in blocks, which they would fill, and
 * in training, where they would pass for what everybody has.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/memory.h"
#include "identity/match.h"

/* records with the same values from which on one stands for all */
#define COPIES_MANY			10

/* records whose slots are asked for together */
#define SLOTS_TOGETHER		64

/* The first record with some values. */
typedef struct CopySlot
{
	uint32		hash;
	uint32		record;			/* and 1; 0: none */
} CopySlot;

/* Whether a record has no value at all. */
static bool
is_empty(const uint32 *values, int nfields)
{
	for (int f = 0; f < nfields; f++)
	{
		if (values[f] != MATCH_NULL)
			return false;
	}
	return true;
}

/* Hashes the values of some records and asks for their slots. */
static void
hash_rows(const MatchData *data, uint32 first, Size row, const CopySlot *slots, uint32 size, uint32 *hash)
{
	uint32		n = Min(SLOTS_TOGETHER, data->nrecords - first);

	for (uint32 i = 0; i < n; i++)
	{
		hash[i] = hash_bytes((const unsigned char *) omni_match_row(data, first + i), row);
		__builtin_prefetch(&slots[hash[i] & (size - 1)], 1);
	}
}

/*
 * omni_match_copies: for each record whose values many records have the first of
 * them, MATCH_NULL for that itself and for all others; NULL when there is none.
 */
uint32 *
omni_match_copies(const MatchData *data)
{
	Size		row = data->model->nfields * sizeof(uint32);
	uint32		n = data->nrecords;
	uint32		size = pg_nextpower2_32(Max(n, 8) * 2);
	CopySlot   *slots = omni_lines_alloc(CurrentMemoryContext, mul_size(size, sizeof(CopySlot)));
	uint8	   *count = MemoryContextAllocExtended(CurrentMemoryContext, Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32	   *original = MemoryContextAllocHuge(data->context, mul_size(Max(n, 1), sizeof(uint32)));
	bool		many = false;
	uint32		hash[SLOTS_TOGETHER];

	memset(slots, 0, mul_size(size, sizeof(CopySlot)));
	for (uint32 r = 0; r < n; r++)
	{
		const uint32 *values = omni_match_row(data, r);
		uint32		mine;
		uint32		at;
		uint32		first;

		if (r % SLOTS_TOGETHER == 0)
		{
			CHECK_FOR_INTERRUPTS();
			hash_rows(data, r, row, slots, size, hash);
		}
		mine = hash[r % SLOTS_TOGETHER];
		for (at = mine & (size - 1); slots[at].record != 0; at = (at + 1) & (size - 1))
		{
			if (slots[at].hash == mine && memcmp(values, omni_match_row(data, slots[at].record - 1), row) == 0)
				break;
		}
		if (slots[at].record == 0)
		{
			slots[at].hash = mine;
			slots[at].record = r + 1;
		}
		first = slots[at].record - 1;
		original[r] = first;
		/* nothing in common is no agreement */
		if (is_empty(values, data->model->nfields))
			continue;
		count[first] += count[first] < COPIES_MANY;
		many |= count[first] == COPIES_MANY;
	}
	for (uint32 r = 0; r < n && many; r++)
	{
		if (original[r] == r || count[original[r]] < COPIES_MANY)
			original[r] = MATCH_NULL;
	}
	omni_lines_free(slots);
	pfree(count);
	if (many)
		return original;
	pfree(original);
	return NULL;
}

/* Takes the values of records that another one stands for out of the counts, or puts them back. */
static void
count_copies(MatchData *data, const uint32 *original, int times)
{
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		const uint32 *values = omni_match_row(data, r);

		for (int f = 0; original[r] != MATCH_NULL && f < data->model->nfields; f++)
		{
			if (values[f] == MATCH_NULL)
				continue;
			data->dictionary[f].values[values[f]].count += times;
			data->dictionary[f].present += times;
		}
	}
}

/*
 * omni_match_without_copies: the same records, of many with the same values the
 * first only; the argument when there are none.  They are known by their numbers among
 * all.  Until omni_match_with_copies() the values, which both share, are counted
 * accordingly.
 */
MatchData *
omni_match_without_copies(MatchData *data)
{
	MatchData  *result;

	data->original = omni_match_copies(data);
	data->copies_known = true;
	if (data->original == NULL)
		return data;
	count_copies(data, data->original, -1);
	result = MemoryContextAlloc(data->context, sizeof(MatchData));
	*result = *data;
	result->kept = MemoryContextAllocHuge(data->context, mul_size(data->nrecords, sizeof(uint32)));
	result->nrecords = 0;
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		if (data->original[r] == MATCH_NULL)
			result->kept[result->nrecords++] = r;
	}
	return result;
}

/*
 * omni_match_with_copies: counts all records again and frees what was made without some.
 */
void
omni_match_with_copies(MatchData *data, MatchData *without)
{
	if (without == data)
		return;
	count_copies(data, data->original, 1);
	pfree(without->kept);
	pfree(without);
}
