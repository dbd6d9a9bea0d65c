/*
 * keyed_rows.h
 *		Rows of many keys in any order, brought together by key: for aggregates over
 *		all customers or journeys at once, without a GROUP BY.
 */
#ifndef OMNICRM_KEYED_ROWS_H
#define OMNICRM_KEYED_ROWS_H

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "storage/buffile.h"

/* What the members besides the key mean is the business of the aggregate. */
typedef struct KeyedRow
{
	int64		key;
	int64		value;
	uint32		bits;
	uint32		flag;			/* 0 or 1 */
} KeyedRow;

/* bytes of a row in a serialised state */
#define KEYED_ROW_BYTES (2 * sizeof(int64) + sizeof(uint32) + 1)

/* Where sorted rows stand in the temporary file. */
typedef struct KeyedRun
{
	int			segment;
	off_t		offset;
	uint64		count;
} KeyedRun;

typedef struct KeyedRows
{
	MemoryContext context;
	bool		grouped;		/* keys of the rows in memory never went down */
	uint64		count;			/* rows in memory */
	uint64		room;
	uint64		most;
	KeyedRow   *rows;
	BufFile    *file;			/* NULL: all rows are in memory */
	KeyedRun	end;			/* of the file */
	uint32		nruns;
	uint32		runs_room;
	KeyedRun   *runs;
} KeyedRows;

typedef struct KeyedReader KeyedReader;

extern KeyedRows *keyed_rows_make(FunctionCallInfo fcinfo, MemoryContext context);
extern void keyed_rows_reserve(FunctionCallInfo fcinfo, KeyedRows *rows);
extern KeyedReader *keyed_rows_read(FunctionCallInfo fcinfo, KeyedRows *rows);
extern bool keyed_reader_key(KeyedReader *reader, int64 *key);
extern const KeyedRow *keyed_reader_row(KeyedReader *reader);
extern void keyed_rows_append(FunctionCallInfo fcinfo, KeyedRows *into, const KeyedRows *from);
extern void keyed_rows_send(StringInfo buffer, KeyedRows *rows);
extern KeyedRows *keyed_rows_receive(StringInfo buffer);

/* Adds a row.  Error: program_limit_exceeded, for a window function only. */
static inline void
keyed_rows_add(FunctionCallInfo fcinfo, KeyedRows *rows, const KeyedRow *row)
{
	if (unlikely(rows->count == rows->room))
		keyed_rows_reserve(fcinfo, rows);
	if (rows->grouped && rows->count > 0)
		rows->grouped = rows->rows[rows->count - 1].key <= row->key;
	rows->rows[rows->count++] = *row;
}

#endif							/* OMNICRM_KEYED_ROWS_H */
