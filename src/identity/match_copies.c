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
#include "identity/match.h"

/* records with the same values from which on one stands for all */
#define COPIES_MANY			10

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
	uint32	   *slots = MemoryContextAllocExtended(CurrentMemoryContext, mul_size(size, sizeof(uint32)),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint8	   *count = MemoryContextAllocExtended(CurrentMemoryContext, Max(n, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	uint32	   *original = MemoryContextAllocHuge(data->context, mul_size(Max(n, 1), sizeof(uint32)));
	bool		many = false;

	for (uint32 r = 0; r < n; r++)
	{
		const uint32 *values = omni_match_row(data, r);
		uint32		at = hash_bytes((const unsigned char *) values, row) & (size - 1);
		uint32		first;

		if ((r & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		while (slots[at] != 0 && memcmp(values, omni_match_row(data, slots[at] - 1), row) != 0)
			at = (at + 1) & (size - 1);
		if (slots[at] == 0)
			slots[at] = r + 1;
		first = slots[at] - 1;
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
	pfree(slots);
	pfree(count);
	if (many)
		return original;
	pfree(original);
	return NULL;
}

/*
 * omni_match_without_copies: the same records, of many with the same values the
 * first only, the values counted accordingly, in a context of their own, which is the
 * caller's to delete; the argument when there are none.
 */
MatchData *
omni_match_without_copies(MatchData *data)
{
	uint32	   *original = omni_match_copies(data);
	int			nfields = data->model->nfields;
	MemoryContext context;
	MatchData  *result;

	if (original == NULL)
		return data;
	context = AllocSetContextCreate(data->context, "omnicrm match without copies", ALLOCSET_DEFAULT_SIZES);
	result = MemoryContextAlloc(context, sizeof(MatchData));
	*result = *data;
	result->context = context;
	result->values = omni_match_alloc_lines(context, mul_size(data->nrecords, data->width * sizeof(uint32)));
	result->nrecords = 0;
	for (int f = 0; f < nfields; f++)
	{
		MatchDictionary *dictionary = &result->dictionary[f];

		dictionary->values = omni_match_alloc_lines(context, mul_size(dictionary->count, sizeof(MatchValue)));
		if (dictionary->count > 0)
			memcpy(dictionary->values, data->dictionary[f].values, dictionary->count * sizeof(MatchValue));
	}
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		const uint32 *values = omni_match_row(data, r);

		if (original[r] == MATCH_NULL)
			memcpy(result->values + (Size) result->nrecords++ * data->width, values, data->width * sizeof(uint32));
		for (int f = 0; f < nfields && original[r] != MATCH_NULL; f++)
		{
			if (values[f] == MATCH_NULL)
				continue;
			result->dictionary[f].values[values[f]].count--;
			result->dictionary[f].present--;
		}
	}
	pfree(original);
	return result;
}
