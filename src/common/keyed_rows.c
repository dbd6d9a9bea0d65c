/*
 * keyed_rows.c
 *		Rows of many keys in any order, brought together by key.
 *
 * With a GROUP BY of a million groups most of the time goes into finding the group of
 * each row.  Here rows are only appended, 24 bytes each, and brought together at the
 * end by a radix sort on the key.  It is stable: rows of a key stay in the order in
 * which they came.
 *
 * When rows and the second array of the sort would take more memory than a hash
 * table may (work_mem times hash_mem_multiplier), the rows are sorted and written
 * to a temporary file as a run; at the end the runs are merged.  A window function
 * has no place to close a file, so that there maintenance_work_mem is the limit.
 */
#include "postgres.h"

#include "executor/nodeHash.h"
#include "lib/binaryheap.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/keyed_rows.h"

#define FIRST_ROOM 512
#define FIRST_RUNS 16
/* rows of a run that are read at once */
#define LEAST_READ 64
#define MOST_READ 8192
/* rows between two looks for an interruption */
#define PIECE 65536

/* Reads rows in their order, of a run or of those in memory. */
typedef struct RunReader
{
	int			number;			/* of readers with one key the lowest goes first */
	KeyedRun	rest;			/* what is still in the file */
	KeyedRow   *rows;
	uint64		room;
	uint64		count;
	uint64		place;
} RunReader;

struct KeyedReader
{
	KeyedRows  *rows;
	binaryheap *heap;			/* of run readers, the lowest key first */
	int64		key;
};

static KeyedRows *
make_rows(MemoryContext context, uint64 most)
{
	KeyedRows  *rows = MemoryContextAllocZero(context, sizeof(KeyedRows));

	rows->context = context;
	rows->grouped = true;
	rows->most = Max(most, FIRST_ROOM);
	return rows;
}

/* keyed_rows_make: no rows yet, in the memory of an aggregate. */
KeyedRows *
keyed_rows_make(FunctionCallInfo fcinfo, MemoryContext context)
{
	Size		memory = AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_WINDOW ?
		(Size) maintenance_work_mem * 1024 : get_hash_memory_limit();

	/* the sort needs a second array */
	return make_rows(context, memory / (2 * sizeof(KeyedRow)));
}

/* A byte of a key, such that negative keys come first. */
static inline int
key_byte(int64 key, int byte)
{
	return (((uint64) key ^ (UINT64CONST(1) << 63)) >> (byte * 8)) & 0xFF;
}

/*
 * Brings the rows of each key together: a stable radix sort by the bytes of the
 * key, least significant first; bytes that are equal in all rows cost nothing.
 */
static void
group_rows(KeyedRows *rows)
{
	uint64		histogram[sizeof(int64)][256];
	KeyedRow   *from = rows->rows;
	KeyedRow   *to;

	if (rows->grouped)
		return;
	to = MemoryContextAllocHuge(rows->context, rows->room * sizeof(KeyedRow));
	memset(histogram, 0, sizeof(histogram));
	for (uint64 i = 0; i < rows->count; i++)
		for (int byte = 0; byte < sizeof(int64); byte++)
			histogram[byte][key_byte(from[i].key, byte)]++;
	for (int byte = 0; byte < sizeof(int64); byte++)
	{
		uint64		start = 0;
		KeyedRow   *swap;

		CHECK_FOR_INTERRUPTS();
		if (histogram[byte][key_byte(from[0].key, byte)] == rows->count)
			continue;
		for (int value = 0; value < 256; value++)
		{
			uint64		here = histogram[byte][value];

			histogram[byte][value] = start;
			start += here;
		}
		for (uint64 i = 0; i < rows->count; i++)
			to[histogram[byte][key_byte(from[i].key, byte)]++] = from[i];
		swap = from;
		from = to;
		to = swap;
	}
	pfree(to);
	rows->rows = from;
	rows->grouped = true;
}

/* Goes to a place of the file. */
static void
seek_file(KeyedRows *rows, int segment, off_t offset)
{
	if (BufFileSeek(rows->file, segment, offset, SEEK_SET) != 0)
		ereport(ERROR,
				(errcode_for_file_access(),
				 errmsg("could not seek in temporary file of an aggregate")));
}

/* Closes the file when the aggregate is done. */
static void
close_file(Datum rows)
{
	BufFileClose(((KeyedRows *) DatumGetPointer(rows))->file);
}

/* Makes the file, or room for one run more. */
static void
reserve_run(FunctionCallInfo fcinfo, KeyedRows *rows)
{
	MemoryContext caller = MemoryContextSwitchTo(rows->context);

	if (rows->file == NULL)
	{
		rows->file = BufFileCreateTemp(false);
		AggRegisterCallback(fcinfo, close_file, PointerGetDatum(rows));
		rows->runs_room = FIRST_RUNS;
		rows->runs = palloc_array(KeyedRun, rows->runs_room);
	}
	else if (rows->nruns == rows->runs_room)
	{
		rows->runs_room *= 2;
		rows->runs = repalloc_huge(rows->runs, rows->runs_room * sizeof(KeyedRun));
	}
	MemoryContextSwitchTo(caller);
}

/* Moves the rows in memory to the end of the file, sorted. */
static void
write_run(FunctionCallInfo fcinfo, KeyedRows *rows)
{
	reserve_run(fcinfo, rows);
	rows->end.count = rows->count;
	rows->runs[rows->nruns++] = rows->end;
	group_rows(rows);
	/* reading may have moved the place */
	seek_file(rows, rows->end.segment, rows->end.offset);
	for (uint64 done = 0; done < rows->count; done += PIECE)
	{
		CHECK_FOR_INTERRUPTS();
		BufFileWrite(rows->file, rows->rows + done, Min(rows->count - done, PIECE) * sizeof(KeyedRow));
	}
	BufFileTell(rows->file, &rows->end.segment, &rows->end.offset);
	rows->count = 0;
}

/*
 * keyed_rows_reserve: makes room for one row more.
 * Error: program_limit_exceeded for a window function.
 */
void
keyed_rows_reserve(FunctionCallInfo fcinfo, KeyedRows *rows)
{
	if (rows->count == rows->most)
	{
		if (AggCheckCallContext(fcinfo, NULL) == AGG_CONTEXT_WINDOW)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("a frame has more than %llu rows, as many as fit into maintenance_work_mem",
							(unsigned long long) rows->most),
					 errhint("Raise maintenance_work_mem (48 bytes a row), or leave out OVER: an aggregate uses a temporary file.")));
		write_run(fcinfo, rows);
		return;
	}
	rows->room = Min(Max(rows->room * 2, FIRST_ROOM), rows->most);
	if (rows->rows == NULL)
		rows->rows = MemoryContextAllocHuge(rows->context, rows->room * sizeof(KeyedRow));
	else
		rows->rows = repalloc_huge(rows->rows, rows->room * sizeof(KeyedRow));
}

/* Reads on where the rows in memory are used up; false at the end. */
static bool
fill_reader(KeyedRows *rows, RunReader *run)
{
	uint64		count = Min(run->rest.count, run->room);

	if (count == 0)
		return false;
	CHECK_FOR_INTERRUPTS();
	seek_file(rows, run->rest.segment, run->rest.offset);
	BufFileReadExact(rows->file, run->rows, count * sizeof(KeyedRow));
	BufFileTell(rows->file, &run->rest.segment, &run->rest.offset);
	run->rest.count -= count;
	run->count = count;
	run->place = 0;
	return true;
}

/* A reader of each run, or one of the rows in memory; in current memory. */
static RunReader *
make_readers(KeyedRows *rows, uint32 *count)
{
	RunReader  *readers;

	*count = Max(rows->nruns, 1);
	readers = palloc0_array(RunReader, *count);
	if (rows->nruns == 0)
	{
		readers->rows = rows->rows;
		readers->count = rows->count;
		return readers;
	}
	for (uint32 i = 0; i < *count; i++)
	{
		readers[i].number = i;
		readers[i].rest = rows->runs[i];
		readers[i].room = Min(Max(rows->most / *count, LEAST_READ), MOST_READ);
		readers[i].rows = palloc_array(KeyedRow, readers[i].room);
		fill_reader(rows, &readers[i]);
	}
	return readers;
}

/* The order of a heap whose first is the reader with the lowest key. */
static int
compare_readers(Datum left, Datum right, void *arg)
{
	const RunReader *a = (const RunReader *) DatumGetPointer(left);
	const RunReader *b = (const RunReader *) DatumGetPointer(right);
	int64		first = a->rows[a->place].key;
	int64		second = b->rows[b->place].key;

	if (first != second)
		return first < second ? 1 : -1;
	return b->number - a->number;
}

/*
 * keyed_rows_read: a reader of all rows, key by key, in current memory.  The rows stay,
 * and more can be added when it is not used any longer.
 */
KeyedReader *
keyed_rows_read(FunctionCallInfo fcinfo, KeyedRows *rows)
{
	KeyedReader *reader = palloc_object(KeyedReader);
	RunReader  *runs;
	uint32		nruns;

	if (rows->nruns > 0 && rows->count > 0)
		write_run(fcinfo, rows);
	if (rows->nruns > 0 && rows->rows != NULL)
	{
		/* its memory is needed to read */
		pfree(rows->rows);
		rows->rows = NULL;
		rows->room = 0;
	}
	group_rows(rows);
	runs = make_readers(rows, &nruns);
	reader->rows = rows;
	reader->heap = binaryheap_allocate(nruns, compare_readers, NULL);
	for (uint32 i = 0; i < nruns; i++)
		if (runs[i].count > 0)
			binaryheap_add(reader->heap, PointerGetDatum(&runs[i]));
	return reader;
}

/*
 * keyed_reader_key: goes to the next key, ascending, when all rows of the one before
 * were read; false at the end.
 */
bool
keyed_reader_key(KeyedReader *reader, int64 *key)
{
	RunReader  *run;

	CHECK_FOR_INTERRUPTS();
	if (binaryheap_empty(reader->heap))
		return false;
	run = (RunReader *) DatumGetPointer(binaryheap_first(reader->heap));
	*key = reader->key = run->rows[run->place].key;
	return true;
}

/* keyed_reader_row: the next row of the key; NULL when there is none.  It is good until the next call. */
const KeyedRow *
keyed_reader_row(KeyedReader *reader)
{
	while (!binaryheap_empty(reader->heap))
	{
		RunReader  *run = (RunReader *) DatumGetPointer(binaryheap_first(reader->heap));

		if (run->place == run->count && !fill_reader(reader->rows, run))
		{
			binaryheap_remove_first(reader->heap);
			continue;
		}
		if (run->rows[run->place].key == reader->key)
			return &run->rows[run->place++];
		/* in its place now; the next may have rows of the key */
		binaryheap_replace_first(reader->heap, PointerGetDatum(run));
		run = (RunReader *) DatumGetPointer(binaryheap_first(reader->heap));
		if (run->rows[run->place].key != reader->key)
			break;
	}
	return NULL;
}

/* keyed_rows_append: adds rows that were just received, and so are in memory. */
void
keyed_rows_append(FunctionCallInfo fcinfo, KeyedRows *into, const KeyedRows *from)
{
	Assert(from->nruns == 0);
	for (uint64 i = 0; i < from->count; i++)
	{
		if (i % PIECE == 0)
			CHECK_FOR_INTERRUPTS();
		keyed_rows_add(fcinfo, into, &from->rows[i]);
	}
}

static void
send_rows(StringInfo buffer, const KeyedRow *rows, uint64 count)
{
	for (uint64 i = 0; i < count; i++)
	{
		if (i % PIECE == 0)
			CHECK_FOR_INTERRUPTS();
		pq_writeint64(buffer, rows[i].key);
		pq_writeint64(buffer, rows[i].value);
		pq_writeint32(buffer, rows[i].bits);
		pq_writeint8(buffer, rows[i].flag);
	}
}

/*
 * keyed_rows_send: number of rows and rows, behind what the aggregate wrote, in
 * network byte order.  Error: program_limit_exceeded beyond one value.
 */
void
keyed_rows_send(StringInfo buffer, KeyedRows *rows)
{
	RunReader	run = {0};
	uint64		count = rows->count;

	for (uint32 i = 0; i < rows->nruns; i++)
		count += rows->runs[i].count;
	if (count > (MaxAllocSize - 1024) / KEYED_ROW_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("a partial state of an aggregate with %llu rows does not fit into one value",
						(unsigned long long) count),
				 errhint("Run it without parallel workers: SET max_parallel_workers_per_gather = 0.")));
	pq_sendint64(buffer, count);
	enlargeStringInfo(buffer, count * KEYED_ROW_BYTES);
	run.room = Min(rows->most, MOST_READ);
	run.rows = palloc_array(KeyedRow, run.room);
	for (uint32 i = 0; i < rows->nruns; i++)
	{
		run.rest = rows->runs[i];
		while (fill_reader(rows, &run))
			send_rows(buffer, run.rows, run.count);
	}
	send_rows(buffer, rows->rows, rows->count);
	pfree(run.rows);
}

/*
 * keyed_rows_receive: its inverse, in current memory; NULL when the bytes up to the end
 * of the buffer are not so many rows.
 */
KeyedRows *
keyed_rows_receive(StringInfo buffer)
{
	uint64		count = pq_getmsgint64(buffer);
	KeyedRows  *rows;

	if (count > MaxAllocSize / KEYED_ROW_BYTES || buffer->len - buffer->cursor != (int64) (count * KEYED_ROW_BYTES))
		return NULL;
	/* no larger than what it is read from, which is in memory */
	rows = make_rows(CurrentMemoryContext, count);
	for (uint64 i = 0; i < count; i++)
	{
		KeyedRow	row;

		if (i % PIECE == 0)
			CHECK_FOR_INTERRUPTS();
		row.key = pq_getmsgint64(buffer);
		row.value = pq_getmsgint64(buffer);
		row.bits = pq_getmsgint(buffer, 4);
		row.flag = pq_getmsgbyte(buffer);
		if (row.flag > 1)
			return NULL;
		keyed_rows_add(NULL, rows, &row);
	}
	return rows;
}
