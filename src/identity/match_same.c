/*
 * match_same.c
 *		Records that say the same in every field.
 *
 * A table may hold any number of equal records, whose keys are then all too
 * frequent to be of use.  Where equality in what they say is enough for a match,
 * one record stands for all of them; where it is not, as for records that know a
 * first name only, each stays for itself.  Few equal records are left alone: they
 * find each other, and each has its say in what a cluster is.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

/* equal records from which one stands for all */
#define MANY_EQUAL		50

static bool
same_values(const MatchData *data, uint32 a, uint32 b)
{
	int			nfields = data->model->nfields;

	return memcmp(data->values + (Size) a * nfields, data->values + (Size) b * nfields, nfields * sizeof(uint32)) == 0;
}

/* Lets the records of one hash that are equal be represented by the first of them. */
static void
represent(MatchData *data, MatchProbe *probe, const MatchKeyEntry *entries, Size count, int32 floor)
{
	for (Size i = 1; i < count; i++)
	{
		uint32		record = entries[i].record;

		CHECK_FOR_INTERRUPTS();
		/* equal hashes of different records are rare: the first equal one is near */
		for (Size k = 0; k < i; k++)
		{
			uint32		first = entries[k].record;

			if (data->same_as[first] != first || !same_values(data, first, record))
				continue;
			omni_match_probe(probe, first);
			if (omni_match_score(probe, record, PG_INT32_MIN) >= floor)
				data->same_as[record] = first;
			break;
		}
	}
}

/*
 * omni_match_collapse: finds records that one other record can stand for.
 * Arguments: the records; the weight from which equality is a match.
 */
void
omni_match_collapse(MatchData *data, int32 floor)
{
	uint32		n = data->nrecords;
	int			nfields = data->model->nfields;
	MatchKeyEntry *room;
	MatchKeyEntry *entries;
	MatchProbe *probe;

	/* who limits records by source or decided about some looks at each of them */
	if (n < 2 || data->across || data->one_per_source || data->ndecisions > 0)
		return;
	data->same_as = MemoryContextAllocHuge(data->context, mul_size(n, sizeof(uint32)));
	room = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, 2 * sizeof(MatchKeyEntry)));
	probe = palloc0_object(MatchProbe);
	probe->data = data;
	for (uint32 r = 0; r < n; r++)
	{
		data->same_as[r] = r;
		room[r].record = r;
		room[r].key = hash_bytes_extended((const unsigned char *) (data->values + (Size) r * nfields),
										  nfields * sizeof(uint32), 0);
	}
	entries = omni_match_sort_keys(room, room + n, n);
	for (Size i = 0; i < n;)
	{
		Size		end = i + 1;

		while (end < n && entries[end].key == entries[i].key)
			end++;
		if (end - i >= MANY_EQUAL)
			represent(data, probe, entries + i, end - i, floor);
		i = end;
	}
	pfree(probe);
	pfree(room);
}
