/*
 * match_spread.c
 *		The keys of all records, spread over buckets.
 *
 * The keys of a table take more room than its records.  So each participant writes
 * the keys of a chunk of records into a file of its own, in the order of their
 * buckets, which are their highest eight bits; the keys of some buckets are read back
 * from the pieces of all chunks.  Within a bucket they are in the order of the
 * records, whoever wrote them.
 */
#include "postgres.h"

#include "access/parallel.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_spread.h"

#define KEY_FILE		"keys"
#define PIECES_FILE		"pieces"
/* records whose values are asked for ahead of their turn */
#define PREFETCH_VALUES	6

/* Where the keys of a chunk of records are. */
typedef struct KeyPiece
{
	uint64		task;
	int64		participant;
	uint64		offset;			/* in the file of the participant */
	uint32		count[MATCH_BUCKETS];
} KeyPiece;

/* What a participant has of spreading keys. */
typedef struct SpreadState
{
	BufFile    *file;
	uint64		offset;
	MatchKeyEntry *entries;		/* of the present chunk */
	MatchKeyEntry *sorted;
	Size		capacity;
} SpreadState;

/* Where all keys are, as one that reads them knows it. */
struct MatchKeyPieces
{
	uint64		npieces;
	KeyPiece   *piece;
	int			nfiles;
	BufFile   **file;			/* of each participant that wrote any */
};

static SpreadState *
begin_spreading(const MatchShare *share)
{
	SpreadState *state = palloc0_object(SpreadState);

	state->file = omni_match_create_file(&share->job->files, KEY_FILE, ParallelWorkerNumber + 1);
	state->capacity = 32 * MATCH_RECORD_CHUNK;
	state->entries = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(state->capacity, sizeof(MatchKeyEntry)));
	state->sorted = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(state->capacity, sizeof(MatchKeyEntry)));
	return state;
}

/* Makes room for the keys of one more record. */
static void
make_room(SpreadState *state, Size used)
{
	if (used + MATCH_KEYS_MAX <= state->capacity)
		return;
	state->capacity *= 2;
	state->entries = repalloc_huge(state->entries, mul_size(state->capacity, sizeof(MatchKeyEntry)));
	state->sorted = repalloc_huge(state->sorted, mul_size(state->capacity, sizeof(MatchKeyEntry)));
}

/* The keys of some records in the wanted buckets; their number, and that in each bucket. */
static Size
collect_keys(const MatchShare *share, SpreadState *state, uint32 first, uint32 end, uint32 *count)
{
	const MatchData *data = share->data;
	uint64		keys[MATCH_KEYS_MAX];
	uint8		kinds[MATCH_KEYS_MAX];
	Size		n = 0;

	for (uint32 r = first; r < end; r++)
	{
		int			nkeys;

		if ((r & 1023) == 0)
			CHECK_FOR_INTERRUPTS();
		if (r + PREFETCH_VALUES < end)
			omni_match_prefetch_values(data, r + PREFETCH_VALUES);
		/* another one stands for it */
		if (share->original != NULL && share->original[r] != MATCH_NULL)
			continue;
		make_room(state, n);
		nkeys = omni_match_keys(data, r, keys, kinds);
		for (int k = 0; k < nkeys; k++)
		{
			int			bucket = MATCH_BUCKET(keys[k]);

			if (bucket >= share->job->buckets)
				continue;
			state->entries[n].key = keys[k];
			state->entries[n].record = r;
			state->entries[n++].kind = kinds[k];
			count[bucket]++;
		}
	}
	return n;
}

/*
 * omni_match_spread_task, omni_match_spread_end: spreading keys as a job; tasks are
 * chunks of records, each gives a piece.
 */
void
omni_match_spread_task(MatchShare *share, uint64 task)
{
	uint32		first = task * MATCH_RECORD_CHUNK;
	SpreadState *state = share->state;
	KeyPiece	piece = {0};
	uint32		next[MATCH_BUCKETS];
	uint32		sum = 0;
	Size		n;

	if (state == NULL)
		share->state = state = begin_spreading(share);
	n = collect_keys(share, state, first, Min(first + MATCH_RECORD_CHUNK, share->data->nrecords), piece.count);
	for (int b = 0; b < MATCH_BUCKETS; b++)
	{
		next[b] = sum;
		sum += piece.count[b];
	}
	for (Size i = 0; i < n; i++)
		state->sorted[next[MATCH_BUCKET(state->entries[i].key)]++] = state->entries[i];
	if (n > 0)
		BufFileWrite(state->file, state->sorted, n * sizeof(MatchKeyEntry));
	piece.task = task;
	piece.participant = ParallelWorkerNumber + 1;
	piece.offset = state->offset;
	state->offset += n * sizeof(MatchKeyEntry);
	omni_match_put(&share->output, &piece, sizeof(piece));
}

void
omni_match_spread_end(MatchShare *share)
{
	SpreadState *state = share->state;

	if (state == NULL)
		return;
	BufFileExportFileSet(state->file);
	BufFileClose(state->file);
	pfree(state->entries);
	pfree(state->sorted);
}

/* Puts the pieces into the order of their tasks. */
static void
take_pieces(void *target, const char *bytes, Size size)
{
	KeyPiece   *pieces = target;

	for (Size at = 0; at + sizeof(KeyPiece) <= size; at += sizeof(KeyPiece))
	{
		const KeyPiece *piece = (const KeyPiece *) (bytes + at);

		pieces[piece->task] = *piece;
	}
}

StaticAssertDecl(sizeof(KeyPiece) % sizeof(uint64) == 0, "pieces follow each other without a gap");

/*
 * omni_match_spread_keys: spreads the keys of all records.
 * Arguments: the work on the records, which is the caller's to end; the number of
 * buckets that are wanted, from the first on.
 * Result: the keys, in the present context, until omni_match_end_keys().
 */
MatchKeys *
omni_match_spread_keys(MatchWork *work, int buckets)
{
	MatchKeys  *keys = palloc0_object(MatchKeys);
	MatchFiles *files = omni_match_make_files(CurrentMemoryContext);
	uint32		nrecords = omni_match_work_data(work)->nrecords;
	MatchJob	job = {.kind = MATCH_JOB_SPREAD_KEYS};
	BufFile    *file = omni_match_create_file(&files->set, PIECES_FILE, 0);
	uint64		npieces;
	KeyPiece   *pieces;

	job.ntasks = npieces = (nrecords + MATCH_RECORD_CHUNK - 1) / MATCH_RECORD_CHUNK;
	job.files = files->set;
	job.buckets = buckets;
	pieces = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(npieces, 1), sizeof(KeyPiece)));
	omni_match_work(work, &job, take_pieces, pieces);
	keys->work = work;
	keys->files = files;
	keys->buckets = buckets;
	for (uint64 i = 0; i < npieces; i++)
	{
		for (int b = 0; b < MATCH_BUCKETS; b++)
			keys->per_bucket[b] += pieces[i].count[b];
	}
	BufFileWrite(file, &npieces, sizeof(npieces));
	if (npieces > 0)
		BufFileWrite(file, pieces, npieces * sizeof(KeyPiece));
	BufFileExportFileSet(file);
	BufFileClose(file);
	pfree(pieces);
	return keys;
}

/*
 * omni_match_end_keys: deletes the files.
 */
void
omni_match_end_keys(MatchKeys *keys)
{
	omni_match_free_files(keys->files);
	pfree(keys);
}

/*
 * omni_match_open_keys: what reading the keys of some buckets needs, in the present
 * context.
 */
MatchKeyPieces *
omni_match_open_keys(const FileSet *set)
{
	MatchKeyPieces *pieces = palloc0_object(MatchKeyPieces);
	BufFile    *file = omni_match_open_file(set, PIECES_FILE, 0);

	BufFileReadExact(file, &pieces->npieces, sizeof(pieces->npieces));
	pieces->piece = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(pieces->npieces, 1), sizeof(KeyPiece)));
	if (pieces->npieces > 0)
		BufFileReadExact(file, pieces->piece, pieces->npieces * sizeof(KeyPiece));
	BufFileClose(file);
	for (uint64 i = 0; i < pieces->npieces; i++)
		pieces->nfiles = Max(pieces->nfiles, pieces->piece[i].participant + 1);
	pieces->file = palloc0(Max(pieces->nfiles, 1) * sizeof(BufFile *));
	for (uint64 i = 0; i < pieces->npieces; i++)
	{
		int			participant = pieces->piece[i].participant;

		if (pieces->file[participant] == NULL)
			pieces->file[participant] = omni_match_open_file(set, KEY_FILE, participant);
	}
	return pieces;
}

/*
 * omni_match_close_keys: closes the files.
 */
void
omni_match_close_keys(MatchKeyPieces *pieces)
{
	for (int i = 0; i < pieces->nfiles; i++)
	{
		if (pieces->file[i] != NULL)
			BufFileClose(pieces->file[i]);
	}
	pfree(pieces->file);
	pfree(pieces->piece);
	pfree(pieces);
}

/* Reads the keys of some buckets of one piece to where they belong. */
static void
read_piece(MatchKeyPieces *pieces, const KeyPiece *piece, int first, int end, MatchKeyEntry *entries, Size *next)
{
	BufFile    *file = pieces->file[piece->participant];
	uint64		before = 0;

	for (int b = 0; b < first; b++)
		before += piece->count[b];
	if (BufFileSeek(file, 0, piece->offset + before * sizeof(MatchKeyEntry), SEEK_SET) != 0)
		elog(ERROR, "could not find blocking keys in a temporary file");
	for (int b = first; b < end; b++)
	{
		if (piece->count[b] > 0)
			BufFileReadExact(file, entries + next[b], piece->count[b] * sizeof(MatchKeyEntry));
		next[b] += piece->count[b];
	}
}

/*
 * omni_match_read_keys: the keys of some buckets, bucket by bucket.
 * Arguments: the pieces; the first bucket and the one after the last; room for the
 * keys; where those of each bucket start, by its number.
 */
void
omni_match_read_keys(MatchKeyPieces *pieces, int first, int end, MatchKeyEntry *entries, const Size *start)
{
	Size		next[MATCH_BUCKETS];

	memcpy(next + first, start + first, (end - first) * sizeof(Size));
	for (uint64 i = 0; i < pieces->npieces; i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_piece(pieces, &pieces->piece[i], first, end, entries, next);
	}
}
