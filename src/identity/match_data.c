/*
 * match_data.c
 *		Reads the records of a run: by SQL, as the caller, one row at a time.
 *
 * Each distinct raw value is normalised once; the records are then put into the
 * order of their ids, so that nothing later depends on the order of the rows.
 *
 * Most of the time of reading goes into looking values up, in tables that no cache
 * holds.  So rows are looked up in batches: the places of all values of a batch are
 * asked for before the first one is needed.
 */
#include "postgres.h"

#include <math.h>
#include <sys/mman.h>

#include "access/detoast.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "common/compat.h"
#include "identity/match.h"

#define FIRST_VALUES	1024
/* usual size of a huge page; where it is another one, less memory lies in such */
#define HUGE_PAGE		(2 * 1024 * 1024)
/* raw texts above this many bytes are not remembered */
#define RAW_CACHED_MAX	200

/* rows that are looked up together, and room for their texts */
#define BATCH_ROWS		32
#define BATCH_BYTES		(BATCH_ROWS * 1024 + MATCH_FIELDS_MAX * (MATCH_RAW_MAX + VARHDRSZ))

/* A raw value that was met, and the number of its normalised value. */
typedef struct RawEntry
{
	uint64		hash;
	uint32		value;			/* MATCH_NULL: no value */
	uint32		length;
	Size		offset;
} RawEntry;

/* Raw values of one field. */
typedef struct RawCache
{
	RawEntry   *entries;		/* open addressing; length 0 and hash 0 = free */
	uint32		size;
	uint32		used;
	char	   *pool;
	Size		pool_used;
	Size		pool_size;
} RawCache;

/* A raw value of a row of the batch. */
typedef struct RawValue
{
	struct varlena *text;		/* NULL: no value */
	uint64		hash;
	uint32		length;
} RawValue;

typedef struct Reader
{
	DestReceiver pub;
	MatchData  *data;
	bool		has_source;		/* the last column names the source */
	int			input;			/* number of the relation */
	char	   *source_names[MATCH_SOURCES_MAX];
	MemoryContext row_context;
	MemoryContext cache_context;
	RawCache	cache[MATCH_FIELDS_MAX];
	/* the last rows, whose values are not looked up yet */
	int			nbatch;
	RawValue	batch[BATCH_ROWS][MATCH_FIELDS_MAX];
	char	   *texts;
	Size		texts_used;
} Reader;

static void
grow_cache(Reader *reader, RawCache *cache)
{
	RawEntry   *old = cache->entries;
	uint32		old_size = cache->size;

	cache->size = Max(old_size * 2, FIRST_VALUES);
	cache->entries = MemoryContextAllocExtended(reader->cache_context, mul_size(cache->size, sizeof(RawEntry)),
												MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < old_size; i++)
	{
		if (old[i].length > 0)
		{
			uint32		at = old[i].hash & (cache->size - 1);

			while (cache->entries[at].length > 0)
				at = (at + 1) & (cache->size - 1);
			cache->entries[at] = old[i];
		}
	}
	if (old != NULL)
		pfree(old);
}

/* Puts a raw value into the batch and asks for its place in the cache. */
static void
put_into_batch(Reader *reader, int f, Datum datum, RawValue *raw)
{
	const RawCache *cache = &reader->cache[f];
	struct varlena *value;

	raw->text = NULL;
	if (toast_raw_datum_size(datum) - VARHDRSZ > MATCH_RAW_MAX)
		return;
	value = PG_DETOAST_DATUM_PACKED(datum);
	raw->length = VARSIZE_ANY_EXHDR(value);
	if (raw->length == 0)
		return;
	raw->text = (struct varlena *) (reader->texts + reader->texts_used);
	memcpy(raw->text, value, VARSIZE_ANY(value));
	reader->texts_used += INTALIGN(VARSIZE_ANY(value));
	raw->hash = hash_bytes_extended((const unsigned char *) VARDATA_ANY(value), raw->length, 0);
	if (cache->size > 0)
		__builtin_prefetch(&cache->entries[raw->hash & (cache->size - 1)]);
}

/* Asks for what a raw value will be compared with and counted in, if it is known. */
static void
prefetch_known(const Reader *reader, int f, const RawValue *raw)
{
	const RawCache *cache = &reader->cache[f];
	const RawEntry *entry;

	if (raw->text == NULL || cache->size == 0)
		return;
	entry = &cache->entries[raw->hash & (cache->size - 1)];
	if (entry->length == 0 || entry->hash != raw->hash)
		return;
	__builtin_prefetch(cache->pool + entry->offset);
	if (entry->value != MATCH_NULL)
		__builtin_prefetch(&reader->data->dictionary[f].values[entry->value], 1);
}

/* The number of a raw value; each distinct one is normalised once. */
static uint32
value_number(Reader *reader, int f, const RawValue *raw)
{
	RawCache   *cache = &reader->cache[f];
	uint32		at;
	uint32		number;

	if (raw->text == NULL)
		return MATCH_NULL;
	if (raw->length > RAW_CACHED_MAX)
		return omni_match_enter(reader->data, f, PointerGetDatum(raw->text));
	if (cache->used * 2 >= cache->size)
		grow_cache(reader, cache);
	at = raw->hash & (cache->size - 1);
	while (cache->entries[at].length > 0)
	{
		const RawEntry *entry = &cache->entries[at];

		if (entry->hash == raw->hash && entry->length == raw->length &&
			memcmp(cache->pool + entry->offset, VARDATA_ANY(raw->text), raw->length) == 0)
			return entry->value;
		at = (at + 1) & (cache->size - 1);
	}
	number = omni_match_enter(reader->data, f, PointerGetDatum(raw->text));
	cache->entries[at].hash = raw->hash;
	cache->entries[at].length = raw->length;
	cache->entries[at].value = number;
	cache->entries[at].offset = omni_match_add_to_pool(reader->cache_context, &cache->pool, &cache->pool_used,
													   &cache->pool_size, VARDATA_ANY(raw->text), raw->length);
	cache->used++;
	return number;
}

/* Looks up the values of the rows of the batch. */
static void
look_up_batch(Reader *reader)
{
	MatchData  *data = reader->data;
	int			nfields = data->model->nfields;
	MemoryContext old = MemoryContextSwitchTo(reader->row_context);

	for (int i = 0; i < reader->nbatch; i++)
	{
		for (int f = 0; f < nfields; f++)
			prefetch_known(reader, f, &reader->batch[i][f]);
	}
	for (int i = 0; i < reader->nbatch; i++)
	{
		uint32	   *row = data->values + (Size) (data->nrecords - reader->nbatch + i) * data->width;

		for (int f = 0; f < nfields; f++)
		{
			uint32		value = value_number(reader, f, &reader->batch[i][f]);

			row[f] = value;
			if (value != MATCH_NULL)
			{
				data->dictionary[f].values[value].count++;
				data->dictionary[f].present++;
			}
		}
		MemoryContextReset(reader->row_context);
	}
	MemoryContextSwitchTo(old);
	reader->nbatch = 0;
	reader->texts_used = 0;
}

/*
 * omni_match_alloc_lines: memory that starts with a line of the cache and, where the
 * system has them, lies in huge pages, for what is read here and there; it goes with
 * its context, pfree() does not know it.
 */
void *
omni_match_alloc_lines(MemoryContext context, Size size)
{
	char	   *lines = (char *) TYPEALIGN(MATCH_LINE, MemoryContextAllocHuge(context, add_size(size, MATCH_LINE)));

#ifdef MADV_HUGEPAGE
	char	   *first = (char *) TYPEALIGN(HUGE_PAGE, lines);
	char	   *end = (char *) TYPEALIGN_DOWN(HUGE_PAGE, lines + size);

	/* a wish: nothing depends on its success */
	if (first < end)
		(void) madvise(first, end - first, MADV_HUGEPAGE);
#endif
	return lines;
}

/* Room for one more record. */
static void
grow_records(MatchData *data)
{
	Size		capacity = Max((Size) data->capacity * 2, FIRST_VALUES);
	Size		row = mul_size(data->width, sizeof(uint32));

	if (data->nrecords >= MATCH_RECORDS_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("more than %d records", MATCH_RECORDS_MAX)));
	if (data->capacity == 0)
	{
		data->values = MemoryContextAllocHuge(data->context, mul_size(capacity, row));
		if (data->integer_ids)
			data->numbers = MemoryContextAllocHuge(data->context, mul_size(capacity, sizeof(int64)));
		else
			data->texts = MemoryContextAllocHuge(data->context, mul_size(capacity, sizeof(char *)));
		data->source = MemoryContextAllocHuge(data->context, capacity);
	}
	else
	{
		data->values = repalloc_huge(data->values, mul_size(capacity, row));
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
			reader->batch[reader->nbatch][f].text = NULL;
		else
			put_into_batch(reader, f, slot->tts_values[f + 1], &reader->batch[reader->nbatch][f]);
	}
	data->source[n] = reader->input;
	if (reader->has_source)
		data->source[n] = slot->tts_isnull[nfields + 1] ? MATCH_SOURCES_MAX
			: source_number(reader, slot->tts_values[nfields + 1]);
	data->nrecords++;
	reader->nbatch++;
	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->row_context);
	/* room for the longest values of one more row */
	if (reader->nbatch == BATCH_ROWS || reader->texts_used > BATCH_ROWS * 1024)
		look_up_batch(reader);
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

/* Puts the records into the order of their ids; refuses an id that comes twice. */
static void
sort_records(MatchData *data)
{
	uint32		n = data->nrecords;
	Size		width = data->width;
	SortKey    *keys;
	uint32	   *values;
	uint8	   *source;

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
	values = omni_match_alloc_lines(data->context, mul_size(n, width * sizeof(uint32)));
	source = MemoryContextAllocHuge(data->context, n);
	for (uint32 i = 0; i < n; i++)
	{
		memcpy(values + i * width, data->values + keys[i].place * width, width * sizeof(uint32));
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
	pfree(data->values);
	data->values = values;
	pfree(data->source);
	data->source = source;
}

/*
 * Numbers the values of each field by their first record, so that numbers do not
 * depend on the order of the rows either.
 */
static void
renumber_values(MatchData *data)
{
	int			nfields = data->model->nfields;

	for (int f = 0; f < nfields; f++)
	{
		MatchDictionary *dictionary = &data->dictionary[f];
		uint32	   *number;
		MatchValue *values;
		uint32		n = 0;

		if (dictionary->count == 0)
			continue;
		number = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(dictionary->count, sizeof(uint32)));
		values = omni_match_alloc_lines(data->context, mul_size(dictionary->count, sizeof(MatchValue)));
		memset(number, 0xff, dictionary->count * sizeof(uint32));
		for (uint32 r = 0; r < data->nrecords; r++)
		{
			uint32	   *value = &data->values[(Size) r * data->width + f];

			if (*value == MATCH_NULL)
				continue;
			if (number[*value] == MATCH_NULL)
			{
				number[*value] = n;
				values[n++] = dictionary->values[*value];
			}
			*value = number[*value];
		}
		for (uint32 i = 0; i < dictionary->nslots; i++)
		{
			if (dictionary->slots[i] != 0)
				dictionary->slots[i] = number[dictionary->slots[i] - 1] + 1;
		}
		pfree(number);
		pfree(dictionary->values);
		dictionary->values = values;
		dictionary->capacity = dictionary->count;
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
	look_up_batch(reader);
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
	int			level;

	data->context = AllocSetContextCreate(caller, "omnicrm match", ALLOCSET_DEFAULT_SIZES);
	data->model = model;
	omni_match_lay_out_row(data);
	data->first_values = FIRST_VALUES;
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
	reader->cache_context = AllocSetContextCreate(caller, "omnicrm match raw values", ALLOCSET_DEFAULT_SIZES);
	reader->texts = palloc(BATCH_BYTES);
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
	for (reader->input = 0; reader->input < ninputs; reader->input++)
		read_relation(reader, &inputs[reader->input], data->across ? NULL : options->source);
	MemoryContextDelete(reader->row_context);
	MemoryContextDelete(reader->cache_context);
	sort_records(data);
	renumber_values(data);
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
