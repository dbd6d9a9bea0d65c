/*
 * match_data.c
 *		Reads the records of a run: by SQL, as the caller, one row at a time.
 *
 * The raw values of each field go into a temporary file of its own, from which they
 * are looked up field by field, by this process and parallel workers (match_fields.c).
 * The records are put into the order of their ids, so that nothing later depends on
 * the order of the rows.
 */
#include "postgres.h"

#include <math.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/buffile.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "common/compat.h"
#include "identity/match_job.h"

#define FIRST_RECORDS	1024
/* room for values that are written together */
#define WRITTEN_TOGETHER	(32 * 1024)

/* Raw values on their way into the file of their field. */
typedef struct RawFile
{
	BufFile    *file;
	char	   *buffer;
	Size		used;
	uint64		bytes;			/* written in all */
} RawFile;

typedef struct Reader
{
	DestReceiver pub;
	MatchData  *data;
	bool		has_source;		/* the last column names the source */
	int			input;			/* number of the relation */
	char	   *source_names[MATCH_SOURCES_MAX];
	MemoryContext row_context;
	RawFile		raw[MATCH_FIELDS_MAX];
	uint64		bytes[MATCH_FIELDS_MAX];	/* of each file */
} Reader;

static void
flush_raw(RawFile *raw)
{
	if (raw->used > 0)
		BufFileWrite(raw->file, raw->buffer, raw->used);
	raw->bytes += raw->used;
	raw->used = 0;
}

/* Writes a raw value down: its length, 0 for no value, and its bytes. */
static void
put_raw(RawFile *raw, const char *bytes, uint16 length)
{
	if (raw->used + sizeof(length) + length > WRITTEN_TOGETHER)
		flush_raw(raw);
	memcpy(raw->buffer + raw->used, &length, sizeof(length));
	if (length > 0)
		memcpy(raw->buffer + raw->used + sizeof(length), bytes, length);
	raw->used += sizeof(length) + length;
}

/* Writes a value of a row down; one that is too long is none. */
static void
put_value(RawFile *raw, Datum datum)
{
	struct varlena *value;

	if (toast_raw_datum_size(datum) - VARHDRSZ > MATCH_RAW_MAX)
	{
		put_raw(raw, NULL, 0);
		return;
	}
	value = PG_DETOAST_DATUM_PACKED(datum);
	put_raw(raw, VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value));
}

/* Room for one more record. */
static void
grow_records(MatchData *data)
{
	Size		capacity = Max((Size) data->capacity * 2, FIRST_RECORDS);

	if (data->nrecords >= MATCH_RECORDS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d records", MATCH_RECORDS_MAX)));
	if (data->capacity == 0)
	{
		if (data->integer_ids)
			data->numbers = MemoryContextAllocHuge(data->context, mul_size(capacity, sizeof(int64)));
		else
			data->texts = MemoryContextAllocHuge(data->context, mul_size(capacity, sizeof(char *)));
		data->source = MemoryContextAllocHuge(data->context, capacity);
	}
	else
	{
		if (data->integer_ids)
			data->numbers = repalloc_huge(data->numbers, mul_size(capacity, sizeof(int64)));
		else
			data->texts = repalloc_huge(data->texts, mul_size(capacity, sizeof(char *)));
		data->source = repalloc_huge(data->source, capacity);
	}
	data->capacity = capacity;
}

/* The number of a source. */
static int
source_number(Reader *reader, Datum value)
{
	MatchData  *data = reader->data;
	char	   *name = TextDatumGetCString(value);

	for (int i = 0; i < data->nsources; i++)
	{
		if (strcmp(reader->source_names[i], name) == 0)
			return i;
	}
	if (data->nsources == MATCH_SOURCES_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d sources", MATCH_SOURCES_MAX),
				 errhint("The source column should name the few systems that the records come from.")));
	reader->source_names[data->nsources] = MemoryContextStrdup(data->context, name);
	return data->nsources++;
}

static bool
receive_row(TupleTableSlot *slot, DestReceiver *self)
{
	Reader	   *reader = (Reader *) self;
	MatchData  *data = reader->data;
	int			nfields = data->model->nfields;
	uint32		n = data->nrecords;
	MemoryContext old;

	CHECK_FOR_INTERRUPTS();
	slot_getallattrs(slot);
	if (slot->tts_isnull[0])
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("a record has no id"),
				 errhint("Every row needs a value in the id column.")));
	if (n == data->capacity)
		grow_records(data);
	old = MemoryContextSwitchTo(reader->row_context);
	if (data->integer_ids)
		data->numbers[n] = DatumGetInt64(slot->tts_values[0]);
	else
	{
		char	   *id = TextDatumGetCString(slot->tts_values[0]);

		data->texts[n] = MemoryContextStrdup(data->context, id);
	}
	for (int f = 0; f < nfields; f++)
	{
		if (slot->tts_isnull[f + 1])
			put_raw(&reader->raw[f], NULL, 0);
		else
			put_value(&reader->raw[f], slot->tts_values[f + 1]);
	}
	data->source[n] = reader->input;
	if (reader->has_source)
		data->source[n] = slot->tts_isnull[nfields + 1] ? MATCH_SOURCES_MAX
			: source_number(reader, slot->tts_values[nfields + 1]);
	data->nrecords++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	return true;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
receive_nothing(DestReceiver *self)
{
}

/* Keeps a relation from being dropped or changed until the transaction ends. */
static void
lock_relation(Oid relation)
{
	if (OidIsValid(relation))
		LockRelationOid(relation, AccessShareLock);
	if (get_rel_name(relation) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("relation with OID %u does not exist", relation)));
}

/* A column of the relation, which is locked; its type. */
static Oid
column_type(Oid relation, const char *column)
{
	AttrNumber	attribute = get_attnum(relation, column);

	if (attribute == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist", column, get_rel_name(relation))));
	return get_atttype(relation, attribute);
}

/* SELECT id, columns, source FROM relation */
static char *
build_query(const MatchInput *input, const char *source_column, const MatchModel *model, bool integer_ids)
{
	StringInfoData query;
	Oid			relation = input->relation;

	initStringInfo(&query);
	appendStringInfo(&query, "SELECT t.%s::%s", quote_identifier(input->id_column),
					 integer_ids ? "pg_catalog.int8" : "pg_catalog.text");
	for (int f = 0; f < model->nfields; f++)
	{
		column_type(relation, model->field[f].column);
		appendStringInfo(&query, ", t.%s::pg_catalog.text", quote_identifier(model->field[f].column));
	}
	if (source_column != NULL)
	{
		column_type(relation, source_column);
		appendStringInfo(&query, ", t.%s::pg_catalog.text", quote_identifier(source_column));
	}
	appendStringInfo(&query, " FROM %s AS t",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation)));
	return query.data;
}

typedef struct SortKey
{
	int64		number;
	const char *text;
	uint32		place;
	uint8		input;
} SortKey;

static int
compare_numbers(const void *a, const void *b)
{
	int64		x = ((const SortKey *) a)->number;
	int64		y = ((const SortKey *) b)->number;

	if (x != y)
		return x < y ? -1 : 1;
	return (int) ((const SortKey *) a)->input - (int) ((const SortKey *) b)->input;
}

static int
compare_texts(const void *a, const void *b)
{
	int			order = strcmp(((const SortKey *) a)->text, ((const SortKey *) b)->text);

	return order != 0 ? order : (int) ((const SortKey *) a)->input - (int) ((const SortKey *) b)->input;
}

/* Puts the records into the order of their ids, down to the row of each; refuses an id that comes twice. */
static void
sort_records(MatchData *data)
{
	uint32		n = data->nrecords;
	SortKey    *keys;
	uint8	   *source;

	data->order = MemoryContextAllocHuge(data->context, mul_size(Max(n, 1), sizeof(uint32)));
	if (n == 0)
		return;
	keys = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(n, sizeof(SortKey)));
	for (uint32 i = 0; i < n; i++)
	{
		keys[i].number = data->integer_ids ? data->numbers[i] : 0;
		keys[i].text = data->integer_ids ? NULL : data->texts[i];
		keys[i].place = i;
		/* the same id in two relations is two records */
		keys[i].input = data->across ? data->source[i] : 0;
	}
	qsort(keys, n, sizeof(SortKey), data->integer_ids ? compare_numbers : compare_texts);
	source = MemoryContextAllocHuge(data->context, n);
	for (uint32 i = 0; i < n; i++)
	{
		data->order[i] = keys[i].place;
		source[i] = data->source[keys[i].place];
	}
	for (uint32 i = 0; i < n; i++)
	{
		if (data->integer_ids)
			data->numbers[i] = keys[i].number;
		else
			data->texts[i] = (char *) keys[i].text;
		if (i > 0 && (data->integer_ids ? compare_numbers(&keys[i], &keys[i - 1]) : compare_texts(&keys[i], &keys[i - 1])) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_UNIQUE_VIOLATION),
					 errmsg("id \"%s\" occurs more than once", omni_match_id(data, i)),
					 errhint("The id column must tell the records apart.")));
	}
	pfree(keys);
	pfree(data->source);
	data->source = source;
}

/* Opens a file for the raw values of each field. */
static void
open_raw_files(Reader *reader, const MatchFiles *files)
{
	for (int f = 0; f < reader->data->model->nfields; f++)
	{
		reader->raw[f].file = omni_match_create_file(&files->set, MATCH_RAW_FILE, f);
		reader->raw[f].buffer = palloc(WRITTEN_TOGETHER);
	}
}

static void
close_raw_files(Reader *reader)
{
	for (int f = 0; f < reader->data->model->nfields; f++)
	{
		RawFile    *raw = &reader->raw[f];

		flush_raw(raw);
		BufFileExportFileSet(raw->file);
		BufFileClose(raw->file);
		pfree(raw->buffer);
		reader->bytes[f] = raw->bytes;
	}
}

/* Reads one relation, as the caller. */
static void
read_relation(Reader *reader, const MatchInput *input, const char *source_column)
{
	SPIExecuteOptions options = {0};
	char	   *query = build_query(input, source_column, reader->data->model, reader->data->integer_ids);

	options.read_only = true;
	options.dest = &reader->pub;
	if (SPI_execute_extended(query, &options) != SPI_OK_SELECT)
		elog(ERROR, "could not read records");
}

/* Reads what people decided of pairs; pairs of records that are not there are left out. */
static void
read_decisions(MatchData *data, Oid relation)
{
	char	   *query;

	lock_relation(relation);
	column_type(relation, "id_a");
	column_type(relation, "id_b");
	column_type(relation, "same");
	query = psprintf("SELECT d.id_a::pg_catalog.text, d.id_b::pg_catalog.text, d.same::pg_catalog.bool FROM %s AS d "
					 "WHERE d.id_a IS NOT NULL AND d.id_b IS NOT NULL AND d.same IS NOT NULL",
					 quote_qualified_identifier(get_namespace_name(get_rel_namespace(relation)), get_rel_name(relation)));
	if (SPI_execute(query, true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read decisions");
	data->decisions = MemoryContextAllocHuge(data->context, mul_size(Max(SPI_processed, 1), sizeof(MatchDecision)));
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		uint32		a = omni_match_find_record(data, SPI_getvalue(row, desc, 1));
		uint32		b = omni_match_find_record(data, SPI_getvalue(row, desc, 2));
		MatchDecision *decision = &data->decisions[data->ndecisions];
		bool		isnull;

		if (a == MATCH_NULL || b == MATCH_NULL || a == b)
			continue;
		decision->a = Min(a, b);
		decision->b = Max(a, b);
		decision->same = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
		data->ndecisions++;
	}
}

/*
 * omni_match_read: the records of one relation or two, in the order of their ids.
 * Arguments: the relations with their id columns; what else the run was told; the
 * model.
 * Errors: undefined_table, undefined_column, null_value_not_allowed,
 * unique_violation, program_limit_exceeded; whatever reading may raise.
 */
MatchData *
omni_match_read(const MatchInput *inputs, int ninputs, const MatchRunOptions *options, const MatchModel *model)
{
	static const char *const settings[][2] = {{"datestyle", "ISO, YMD"}, {"intervalstyle", "postgres"},
	{"extra_float_digits", "1"}, {"bytea_output", "hex"}};
	MatchData  *data = palloc0_object(MatchData);
	Reader	   *reader = palloc0_object(Reader);
	MemoryContext caller = CurrentMemoryContext;
	MatchFiles *files;
	int			level;

	data->context = AllocSetContextCreate(caller, "omnicrm match", ALLOCSET_DEFAULT_SIZES);
	data->model = model;
	omni_match_lay_out_row(data);
	data->across = ninputs > 1;
	data->one_per_source = options->one_per_source;
	data->nsources = data->across ? ninputs : 0;
	data->integer_ids = true;
	for (int i = 0; i < ninputs; i++)
	{
		Oid			type;

		lock_relation(inputs[i].relation);
		type = getBaseType(column_type(inputs[i].relation, inputs[i].id_column));
		data->integer_ids &= type == INT2OID || type == INT4OID || type == INT8OID;
	}
	reader->data = data;
	reader->has_source = !data->across && options->source != NULL;
	reader->row_context = AllocSetContextCreate(caller, "omnicrm match row", ALLOCSET_DEFAULT_SIZES);
	files = omni_match_make_files(caller);
	/* any tag but that of SPI, whose table would then be looked for */
	reader->pub.mydest = DestTuplestore;
	reader->pub.receiveSlot = receive_row;
	reader->pub.rStartup = receive_startup;
	reader->pub.rShutdown = receive_nothing;
	reader->pub.rDestroy = receive_nothing;
	/* dates and numbers as text must not depend on the session */
	level = NewGUCNestLevel();
	for (int i = 0; i < lengthof(settings); i++)
		(void) set_config_option(settings[i][0], settings[i][1], PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	open_raw_files(reader, files);
	for (reader->input = 0; reader->input < ninputs; reader->input++)
		read_relation(reader, &inputs[reader->input], data->across ? NULL : options->source);
	close_raw_files(reader);
	MemoryContextDelete(reader->row_context);
	sort_records(data);
	omni_match_read_fields(data, files, reader->bytes);
	omni_match_free_files(files);
	omni_match_add_sketches(data);
	omni_match_link_name_columns(data);
	omni_match_apply_terms(data);
	if (OidIsValid(options->decisions))
		read_decisions(data, options->decisions);
	SPI_finish();
	AtEOXact_GUC(true, level);
	return data;
}

/*
 * omni_match_find_record: the record of an id, or MATCH_NULL.
 */
uint32
omni_match_find_record(const MatchData *data, const char *id)
{
	uint32		low = 0;
	uint32		high = data->nrecords;
	int64		number = 0;

	if (data->integer_ids)
	{
		char	   *end;

		errno = 0;
		number = strtoll(id, &end, 10);
		if (errno != 0 || end == id || *end != '\0')
			return MATCH_NULL;
	}
	while (low < high)
	{
		uint32		middle = low + (high - low) / 2;
		int			order = data->integer_ids ? (data->numbers[middle] < number ? -1 : data->numbers[middle] > number)
			: strcmp(data->texts[middle], id);

		if (order == 0)
			return middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return MATCH_NULL;
}

/*
 * omni_match_id: the id of a record as text.
 */
char *
omni_match_id(const MatchData *data, uint32 record)
{
	return data->integer_ids ? psprintf(INT64_FORMAT, data->numbers[record]) : data->texts[record];
}
