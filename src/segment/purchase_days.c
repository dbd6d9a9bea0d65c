/*
 * purchase_days.c
 *		The days on which each of many customers bought, from the orders of all customers
 *		at once: the aggregate purchase_days, the type omnicrm.purchase_days, which is its
 *		result, and purchase_intervals(), which reads it.
 *
 * A value is a byte of version and for each customer, by number: how far it is from the
 * one before (the first: from -2^63), how many days, the first day, counted from the
 * first date that there is, and how far each further day is from the one before; all in
 * the form of varint.h.  The same customers and days are the same bytes.
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "libpq/pqformat.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/fmgrprotos.h"
#include "utils/memutils.h"

#include "common/aggregate.h"
#include "common/compat.h"
#include "common/hex.h"
#include "common/keyed_rows.h"
#include "common/varint.h"
#include "segment/intervals.h"

PG_FUNCTION_INFO_V1(omnicrm_purchase_days_trans);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_combine);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_serial);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_deserial);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_final);
PG_FUNCTION_INFO_V1(omnicrm_purchase_intervals);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_in);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_out);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_recv);
PG_FUNCTION_INFO_V1(omnicrm_purchase_days_send);

#define STATE_VERSION 1
#define VALUE_VERSION 1
#define VALUE_HEADER 1
#define FIRST_SIZE 1024
#define FIRST_DAYS 64
#define MOST_DAYS (1 << 27)
#define FIRST_CUSTOMER UINT64CONST(0x8000000000000000)
#define FIRST_DATE (DATETIME_MIN_JULIAN - POSTGRES_EPOCH_JDATE)

/* Days of a customer. */
typedef struct DayList
{
	DateADT    *days;
	int32		count;
	int32		room;
} DayList;

/* A value that is written. */
typedef struct DayWriter
{
	char	   *value;			/* with its varlena header */
	Size		used;
	Size		room;
	uint64		last;			/* customer */
} DayWriter;

/* A value that is read. */
typedef struct DayReader
{
	const uint8 *at;
	const uint8 *end;
	bool		begun;
	uint64		customer;		/* unsigned, since the distance of two may pass 2^63 */
	DayList		list;
} DayReader;

/* Makes room for so many days.  Error: program_limit_exceeded. */
static void
reserve_days(DayList *list, uint64 count)
{
	if (count <= list->room)
		return;
	if (count > MOST_DAYS)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("one customer has more than %d orders", MOST_DAYS)));
	list->room = Max(Max(count, FIRST_DAYS), Min((uint64) list->room * 2, MOST_DAYS));
	if (list->days == NULL)
		list->days = palloc_array(DateADT, list->room);
	else
		list->days = repalloc(list->days, list->room * sizeof(DateADT));
}

/*
 * Transition of purchase_days(customer bigint, ordered_on date).  A row without one of
 * them is passed over.  Errors: datetime_field_overflow for an infinite day.
 */
Datum
omnicrm_purchase_days_trans(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	KeyedRows  *rows = PG_ARGISNULL(0) ? keyed_rows_make(fcinfo, context) : (KeyedRows *) PG_GETARG_POINTER(0);
	KeyedRow	row = {0};

	if (!PG_ARGISNULL(1) && !PG_ARGISNULL(2))
	{
		row.key = PG_GETARG_INT64(1);
		row.value = PG_GETARG_DATEADT(2);
		if (DATE_NOT_FINITE(row.value))
			ereport(ERROR,
					(errcode(ERRCODE_DATETIME_VALUE_OUT_OF_RANGE),
					 errmsg("day of an order is not finite"),
					 errhint("Leave such rows out, for example with FILTER (WHERE isfinite(ordered_at)).")));
		keyed_rows_add(fcinfo, rows, &row);
	}
	PG_RETURN_POINTER(rows);
}

/* Combine function: (internal, internal) returns internal, the first with the rows of the second. */
Datum
omnicrm_purchase_days_combine(PG_FUNCTION_ARGS)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	KeyedRows  *into;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	into = PG_ARGISNULL(0) ? keyed_rows_make(fcinfo, context) : (KeyedRows *) PG_GETARG_POINTER(0);
	keyed_rows_append(fcinfo, into, (KeyedRows *) PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(into);
}

/* Serialise: (internal) returns bytea.  Error: program_limit_exceeded beyond one value. */
Datum
omnicrm_purchase_days_serial(PG_FUNCTION_ARGS)
{
	StringInfoData buffer;

	(void) omni_aggregate_context(fcinfo);
	pq_begintypsend(&buffer);
	pq_sendbyte(&buffer, STATE_VERSION);
	keyed_rows_send(&buffer, (KeyedRows *) PG_GETARG_POINTER(0));
	PG_RETURN_BYTEA_P(pq_endtypsend(&buffer));
}

/* Deserialise: (bytea, internal) returns internal.  Error: data_corrupted. */
Datum
omnicrm_purchase_days_deserial(PG_FUNCTION_ARGS)
{
	bytea	   *bytes = PG_GETARG_BYTEA_PP(0);
	KeyedRows  *rows;
	StringInfoData buffer;
	bool		valid;

	(void) omni_aggregate_context(fcinfo);
	buffer.data = VARDATA_ANY(bytes);
	buffer.len = buffer.maxlen = VARSIZE_ANY_EXHDR(bytes);
	buffer.cursor = 0;
	valid = pq_getmsgbyte(&buffer) == STATE_VERSION;
	rows = keyed_rows_receive(&buffer);
	for (uint64 i = 0; valid && rows != NULL && i < rows->count; i++)
		valid = rows->rows[i].value >= FIRST_DATE && rows->rows[i].value < DATE_END_JULIAN - POSTGRES_EPOCH_JDATE;
	if (!valid || rows == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_CORRUPTED),
				 errmsg("invalid state of aggregate purchase_days")));
	PG_RETURN_POINTER(rows);
}

#define ST_SORT sort_days
#define ST_ELEMENT_TYPE DateADT
#define ST_COMPARE(a, b) (*(a) < *(b) ? -1 : *(a) > *(b))
#define ST_SCOPE static
#define ST_CHECK_FOR_INTERRUPTS
#define ST_DEFINE
#include "lib/sort_template.h"

/* Sorts days and drops repeated ones. */
static void
order_days(DayList *list)
{
	int32		kept = 0;

	sort_days(list->days, list->count);
	for (int32 i = 0; i < list->count; i++)
		if (kept == 0 || list->days[i] != list->days[kept - 1])
			list->days[kept++] = list->days[i];
	list->count = kept;
}

/* Writes a customer with days that ascend. */
static void
write_customer(DayWriter *writer, int64 customer, const DayList *list)
{
	Size		needed = writer->used + (Size) (list->count + 2) * VARINT_BYTES;
	char	   *at;

	if (needed > writer->room)
	{
		if (needed > MaxAllocSize)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("the days of all customers take more than the %zu bytes of a value", (Size) MaxAllocSize),
					 errhint("Give the customers in parts, for example with GROUP BY customer %% 8.")));
		writer->room = Min(Max(writer->room * 2, needed), MaxAllocSize);
		writer->value = repalloc(writer->value, writer->room);
	}
	at = varint_put(writer->value + writer->used, (uint64) customer - writer->last);
	at = varint_put(at, list->count);
	at = varint_put(at, (uint64) ((int64) list->days[0] - FIRST_DATE));
	for (int32 i = 1; i < list->count; i++)
		at = varint_put(at, (uint64) ((int64) list->days[i] - list->days[i - 1]));
	writer->used = at - writer->value;
	writer->last = (uint64) customer;
}

/* Final function: (internal) returns omnicrm.purchase_days; null without rows. */
Datum
omnicrm_purchase_days_final(PG_FUNCTION_ARGS)
{
	DayWriter	writer = {0};
	DayList		list = {0};
	KeyedReader *reader;
	int64		customer;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	reader = keyed_rows_read(fcinfo, (KeyedRows *) PG_GETARG_POINTER(0));
	writer.room = FIRST_SIZE;
	writer.value = palloc(writer.room);
	writer.used = VARHDRSZ;
	writer.value[writer.used++] = VALUE_VERSION;
	writer.last = FIRST_CUSTOMER;
	while (keyed_reader_key(reader, &customer))
	{
		const KeyedRow *row;

		list.count = 0;
		while ((row = keyed_reader_row(reader)) != NULL)
		{
			reserve_days(&list, (uint64) list.count + 1);
			list.days[list.count++] = (DateADT) row->value;
		}
		order_days(&list);
		write_customer(&writer, customer, &list);
	}
	SET_VARSIZE(writer.value, writer.used);
	PG_RETURN_BYTEA_P((bytea *) writer.value);
}

pg_noreturn static void
refuse_value(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
			 errmsg("invalid value of purchase_days"),
			 errhint("Give a result of purchase_days().")));
}

static void
begin_reading(DayReader *reader, const bytea *value)
{
	memset(reader, 0, sizeof(DayReader));
	reader->at = (const uint8 *) VARDATA_ANY(value);
	reader->end = reader->at + VARSIZE_ANY_EXHDR(value);
	if (reader->end - reader->at < VALUE_HEADER || reader->at[0] != VALUE_VERSION)
		refuse_value();
	reader->at += VALUE_HEADER;
	reader->customer = FIRST_CUSTOMER;
}

/* The next number of a value, at most so large. */
static uint64
read_number(DayReader *reader, uint64 most)
{
	uint64		value;

	if (!varint_get(&reader->at, reader->end, &value) || value > most)
		refuse_value();
	return value;
}

/* The next customer and his days; false at the end.  Errors: invalid_binary_representation. */
static bool
read_customer(DayReader *reader)
{
	const int64 after_last = DATE_END_JULIAN - POSTGRES_EPOCH_JDATE;
	uint64		distance;
	uint64		count;
	int64		day = FIRST_DATE;

	if (reader->at == reader->end)
		return false;
	/* seen from -2^63 on, customers ascend */
	distance = read_number(reader, PG_UINT64_MAX - (reader->customer - FIRST_CUSTOMER));
	if (reader->begun && distance == 0)
		refuse_value();
	reader->customer += distance;
	reader->begun = true;
	/* a day takes a byte at least */
	count = read_number(reader, Min(reader->end - reader->at, MOST_DAYS));
	if (count == 0)
		refuse_value();
	reserve_days(&reader->list, count);
	reader->list.count = count;
	for (uint64 i = 0; i < count; i++)
	{
		distance = read_number(reader, after_last - 1 - day);
		if (i > 0 && distance == 0)
			refuse_value();
		day += distance;
		reader->list.days[i] = (DateADT) day;
	}
	return true;
}

/*
 * purchase_intervals(omnicrm.purchase_days, least_intervals integer): rows (customer bigint,
 * days integer, first_day date, last_day date, interval_mean, interval_sd, regularity
 * double precision) by customer.  Errors: invalid_parameter_value.
 */
Datum
omnicrm_purchase_intervals(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	int32		least = PG_GETARG_INT32(1);
	DayReader	reader;

	InitMaterializedSRF(fcinfo, 0);
	intervals_check_least(least);
	begin_reading(&reader, PG_GETARG_BYTEA_PP(0));
	while (read_customer(&reader))
	{
		const DateADT *days = reader.list.days;
		int32		count = reader.list.count;
		bool		nulls[7] = {false, false, false, false, count < 2, count < 3, count - 1 < least};
		Datum		values[7] = {
			Int64GetDatum((int64) reader.customer), Int32GetDatum(count), DateADTGetDatum(days[0]), DateADTGetDatum(days[count - 1]),
			nulls[4] ? (Datum) 0 : Float8GetDatum(intervals_mean(days, count)),
			nulls[5] ? (Datum) 0 : Float8GetDatum(intervals_deviation(days, count)),
			nulls[6] ? (Datum) 0 : Float8GetDatum(intervals_regularity(days, count))
		};

		CHECK_FOR_INTERRUPTS();
		tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* Raises invalid_binary_representation unless a value from outside is well formed. */
static bytea *
checked_value(bytea *value)
{
	DayReader	reader;

	begin_reading(&reader, value);
	while (read_customer(&reader))
		CHECK_FOR_INTERRUPTS();
	return value;
}

/* Input: hexadecimal, as bytea.  Errors: invalid_binary_representation and those of bytea. */
Datum
omnicrm_purchase_days_in(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(checked_value(DatumGetByteaPP(DirectFunctionCall1(byteain, PG_GETARG_DATUM(0)))));
}

/* Output: \x and the bytes in hexadecimal, whatever bytea_output says. */
Datum
omnicrm_purchase_days_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(omni_hex_text(PG_GETARG_BYTEA_PP(0)));
}

/* Receive.  Errors: invalid_binary_representation. */
Datum
omnicrm_purchase_days_recv(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(checked_value(DatumGetByteaPP(DirectFunctionCall1(bytearecv, PG_GETARG_DATUM(0)))));
}

/* Send: the bytes. */
Datum
omnicrm_purchase_days_send(PG_FUNCTION_ARGS)
{
	PG_RETURN_BYTEA_P(PG_GETARG_BYTEA_P_COPY(0));
}
