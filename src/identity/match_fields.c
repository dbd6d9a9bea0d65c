/*
 * match_fields.c
 *		Turns the raw values of a run into numbers of distinct values, field by field.
 *
 * Each distinct raw value is normalised once.  Most of the time goes into looking
 * values up, in tables that no cache holds, so they are looked up in batches: the
 * places of all values of a batch are asked for before the first one is needed.
 * Fields have nothing to do with each other, so parallel workers take them one by one.
 * Values are numbered by their first record, so that numbers do not depend on the
 * order of the rows.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/memory.h"
#include "identity/match_job.h"

#define FIRST_VALUES	1024
/* raw texts above this many bytes are not remembered */
#define RAW_CACHED_MAX	200
/* values that are looked up together, and room for each */
#define BATCH_VALUES	128
#define BATCH_ROOM		INTALIGN(VARHDRSZ + MATCH_RAW_MAX)
/* bytes of a file that are read together */
#define READ_TOGETHER	(64 * 1024)

/* A raw value that was met, and the number of its normalised value. */
typedef struct RawEntry
{
	uint32		hash;
	uint32		value;			/* MATCH_NULL: no value */
	uint64		length:8;		/* 0: free */
	uint64		offset:56;
} RawEntry;

StaticAssertDecl(RAW_CACHED_MAX < 1 << 8, "the length of a remembered text fits into eight bits");

/* A raw value of the batch. */
typedef struct RawValue
{
	struct varlena *text;		/* NULL: no value */
	uint32		hash;
	uint32		length;
} RawValue;

/* The values of one field, as they are read. */
typedef struct FieldReader
{
	MatchData  *data;			/* holds nothing but the dictionary */
	int			f;
	BufFile    *file;
	char	   *bytes;			/* read, but not yet taken */
	Size		taken;
	Size		read;
	MemoryContext value_context;
	/* raw values by hash, open addressing */
	RawEntry   *entries;
	uint32		size;
	uint32		used;
	char	   *pool;
	Size		pool_used;
	Size		pool_size;
	RawValue	batch[BATCH_VALUES];
	char	   *texts;
} FieldReader;

/* What comes before the output of a field: its values, their texts, hash slots and numbers by record. */
typedef struct FieldHead
{
	uint64		field;
	int64		present;
	uint64		count;
	uint64		pool_used;
	uint64		nslots;
} FieldHead;

/* The output of a field; it points into the output of its maker. */
typedef struct FieldOutput
{
	FieldHead	head;
	const char *values;
	const char *pool;
	const char *slots;
	const uint32 *number;
} FieldOutput;

static void
grow_cache(FieldReader *reader)
{
	RawEntry   *old = reader->entries;
	uint32		old_size = reader->size;

	reader->size = Max(old_size * 2, FIRST_VALUES);
	reader->entries = omni_lines_alloc(CurrentMemoryContext, mul_size(reader->size, sizeof(RawEntry)));
	memset(reader->entries, 0, mul_size(reader->size, sizeof(RawEntry)));
	for (uint32 i = 0; i < old_size; i++)
	{
		if (old[i].length > 0)
		{
			uint32		at = old[i].hash & (reader->size - 1);

			while (reader->entries[at].length > 0)
				at = (at + 1) & (reader->size - 1);
			reader->entries[at] = old[i];
		}
	}
	if (old != NULL)
		omni_lines_free(old);
}

/* Makes so many bytes of the file be at hand. */
static void
fill(FieldReader *reader, Size wanted)
{
	if (reader->read - reader->taken >= wanted)
		return;
	memmove(reader->bytes, reader->bytes + reader->taken, reader->read - reader->taken);
	reader->read -= reader->taken;
	reader->taken = 0;
	reader->read += BufFileRead(reader->file, reader->bytes + reader->read, READ_TOGETHER - reader->read);
	if (reader->read < wanted)
		elog(ERROR, "raw values of field %d end early", reader->f);
}

/* Puts the next raw value into the batch and asks for its place among those that were met. */
static void
put_into_batch(FieldReader *reader, int i)
{
	RawValue   *raw = &reader->batch[i];
	uint16		length;

	fill(reader, sizeof(length));
	memcpy(&length, reader->bytes + reader->taken, sizeof(length));
	reader->taken += sizeof(length);
	raw->text = NULL;
	if (length == 0)
		return;
	fill(reader, length);
	raw->text = (struct varlena *) (reader->texts + (Size) i * BATCH_ROOM);
	raw->length = length;
	SET_VARSIZE(raw->text, VARHDRSZ + length);
	memcpy(VARDATA(raw->text), reader->bytes + reader->taken, length);
	reader->taken += length;
	raw->hash = hash_bytes((const unsigned char *) VARDATA(raw->text), length);
	if (reader->size > 0)
		__builtin_prefetch(&reader->entries[raw->hash & (reader->size - 1)]);
}

/* Asks for what a raw value will be compared with and counted in, if it is known. */
static void
prefetch_known(const FieldReader *reader, const RawValue *raw)
{
	const RawEntry *entry;

	if (raw->text == NULL || reader->size == 0)
		return;
	entry = &reader->entries[raw->hash & (reader->size - 1)];
	if (entry->length == 0 || entry->hash != raw->hash)
		return;
	__builtin_prefetch(reader->pool + entry->offset);
	if (entry->value != MATCH_NULL)
		__builtin_prefetch(&reader->data->dictionary[reader->f].values[entry->value], 1);
}

/* Normalises a raw value; the number of what it is. */
static uint32
enter(FieldReader *reader, const RawValue *raw)
{
	MemoryContext old = MemoryContextSwitchTo(reader->value_context);
	uint32		number = omni_match_enter(reader->data, reader->f, PointerGetDatum(raw->text));

	MemoryContextSwitchTo(old);
	MemoryContextReset(reader->value_context);
	return number;
}

/* The number of a raw value; each distinct one is normalised once. */
static uint32
value_number(FieldReader *reader, const RawValue *raw)
{
	RawEntry   *entry;
	uint32		at;

	if (raw->text == NULL)
		return MATCH_NULL;
	if (raw->length > RAW_CACHED_MAX)
		return enter(reader, raw);
	if (reader->used * 2 >= reader->size)
		grow_cache(reader);
	at = raw->hash & (reader->size - 1);
	while ((entry = &reader->entries[at])->length > 0)
	{
		if (entry->hash == raw->hash && entry->length == raw->length &&
			memcmp(reader->pool + entry->offset, VARDATA(raw->text), raw->length) == 0)
			return entry->value;
		at = (at + 1) & (reader->size - 1);
	}
	entry->value = enter(reader, raw);
	entry->hash = raw->hash;
	entry->length = raw->length;
	entry->offset = omni_match_add_to_pool(CurrentMemoryContext, &reader->pool, &reader->pool_used, &reader->pool_size,
										   VARDATA(raw->text), raw->length);
	reader->used++;
	return entry->value;
}

/* Numbers of the values of all rows, in their order. */
static uint32 *
look_up_values(FieldReader *reader, uint32 nrows)
{
	MatchDictionary *dictionary = &reader->data->dictionary[reader->f];
	uint32	   *number = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nrows, 1), sizeof(uint32)));

	reader->bytes = palloc(READ_TOGETHER);
	reader->texts = palloc(BATCH_VALUES * BATCH_ROOM);
	for (uint32 first = 0; first < nrows; first += BATCH_VALUES)
	{
		int			n = Min(BATCH_VALUES, nrows - first);

		CHECK_FOR_INTERRUPTS();
		for (int i = 0; i < n; i++)
			put_into_batch(reader, i);
		for (int i = 0; i < n; i++)
			prefetch_known(reader, &reader->batch[i]);
		for (int i = 0; i < n; i++)
		{
			uint32		value = value_number(reader, &reader->batch[i]);

			number[first + i] = value;
			if (value == MATCH_NULL)
				continue;
			dictionary->values[value].count++;
			dictionary->present++;
		}
	}
	pfree(reader->bytes);
	pfree(reader->texts);
	if (reader->entries != NULL)
		omni_lines_free(reader->entries);
	if (reader->pool != NULL)
		pfree(reader->pool);
	return number;
}

/*
 * Numbers the values by their first record.
 * Arguments: the dictionary; the number of each row, which is used up; the row of each
 * record; their number.
 * Result: the new number of each record.
 */
static uint32 *
renumber_values(MatchDictionary *dictionary, uint32 *number, const uint32 *order, uint32 nrecords)
{
	uint32	   *renumbered = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(nrecords, 1), sizeof(uint32)));
	uint32	   *fresh = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(dictionary->count, 1), sizeof(uint32)));
	MatchValue *values = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(dictionary->count, 1), sizeof(MatchValue)));
	uint32		n = 0;

	memset(fresh, 0xff, dictionary->count * sizeof(uint32));
	for (uint32 r = 0; r < nrecords; r++)
	{
		uint32		value = number[order[r]];

		if (value != MATCH_NULL && fresh[value] == MATCH_NULL)
		{
			fresh[value] = n;
			values[n++] = dictionary->values[value];
		}
		renumbered[r] = value != MATCH_NULL ? fresh[value] : MATCH_NULL;
	}
	for (uint32 i = 0; i < dictionary->nslots; i++)
	{
		if (dictionary->slots[i] != 0)
			dictionary->slots[i] = fresh[dictionary->slots[i] - 1] + 1;
	}
	pfree(fresh);
	pfree(number);
	if (dictionary->values != NULL)
		pfree(dictionary->values);
	dictionary->values = values;
	return renumbered;
}

/* Puts what was found out of a field into the output. */
static void
put_field(MatchOutput *output, int f, const MatchDictionary *dictionary, const uint32 *number, uint32 nrecords)
{
	FieldHead	head;

	head.field = f;
	head.present = dictionary->present;
	head.count = dictionary->count;
	head.pool_used = dictionary->pool_used;
	head.nslots = dictionary->nslots;
	omni_match_put(output, &head, sizeof(head));
	omni_match_put(output, dictionary->values, dictionary->count * sizeof(MatchValue));
	omni_match_put(output, dictionary->pool, dictionary->pool_used);
	omni_match_put(output, dictionary->slots, dictionary->nslots * sizeof(uint32));
	omni_match_put(output, number, nrecords * sizeof(uint32));
}

/*
 * omni_match_field_task: reading values as a job; tasks are fields.
 */
void
omni_match_field_task(MatchShare *share, uint64 task)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm match field", ALLOCSET_DEFAULT_SIZES);
	MemoryContext old = MemoryContextSwitchTo(context);
	FieldReader *reader = palloc0_object(FieldReader);
	uint32	   *number;

	reader->f = share->job->field[task];
	reader->data = palloc0_object(MatchData);
	reader->data->context = context;
	reader->data->model = share->data->model;
	reader->data->first_values = FIRST_VALUES;
	reader->value_context = AllocSetContextCreate(context, "omnicrm match value", ALLOCSET_DEFAULT_SIZES);
	reader->file = omni_match_open_file(&share->job->files, MATCH_RAW_FILE, reader->f);
	number = look_up_values(reader, share->data->nrecords);
	BufFileClose(reader->file);
	number = renumber_values(&reader->data->dictionary[reader->f], number, share->data->order, share->data->nrecords);
	MemoryContextSwitchTo(old);
	put_field(&share->output, reader->f, &reader->data->dictionary[reader->f], number, share->data->nrecords);
	MemoryContextDelete(context);
}

/* Takes bytes from an output. */
static const char *
take(const char **at, Size size)
{
	const char *bytes = *at;

	*at += TYPEALIGN(sizeof(uint64), size);
	return bytes;
}

/* What take_fields() takes outputs into. */
typedef struct FieldOutputs
{
	uint32		nrecords;
	FieldOutput field[MATCH_FIELDS_MAX];
} FieldOutputs;

static void
take_fields(void *target, const char *bytes, Size size)
{
	FieldOutputs *outputs = target;
	const char *at = bytes;

	while (at < bytes + size)
	{
		FieldHead	head;
		FieldOutput *output;

		memcpy(&head, take(&at, sizeof(head)), sizeof(head));
		output = &outputs->field[head.field];
		output->head = head;
		output->values = take(&at, head.count * sizeof(MatchValue));
		output->pool = take(&at, head.pool_used);
		output->slots = take(&at, head.nslots * sizeof(uint32));
		output->number = (const uint32 *) take(&at, outputs->nrecords * sizeof(uint32));
	}
}

/* A copy of bytes of an output; NULL of none. */
static void *
keep(MemoryContext context, const char *bytes, Size size)
{
	return size > 0 ? memcpy(MemoryContextAllocHuge(context, size), bytes, size) : NULL;
}

/* Makes the dictionary of a field of its output. */
static void
keep_dictionary(MatchData *data, const FieldOutput *output)
{
	MatchDictionary *dictionary = &data->dictionary[output->head.field];
	Size		size = mul_size(output->head.count, sizeof(MatchValue));

	dictionary->count = dictionary->capacity = output->head.count;
	dictionary->present = output->head.present;
	dictionary->values = omni_lines_alloc(data->context, Max(size, 1));
	memcpy(dictionary->values, output->values, size);
	dictionary->pool_used = dictionary->pool_size = output->head.pool_used;
	dictionary->pool = keep(data->context, output->pool, output->head.pool_used);
	dictionary->nslots = output->head.nslots;
	dictionary->slots = keep(data->context, output->slots, mul_size(output->head.nslots, sizeof(uint32)));
}

/* Tasks are fields, those with most bytes first. */
static void
plan_fields(MatchJob *job, const MatchFiles *files, const uint64 *bytes, int nfields)
{
	for (int n = 0; n < nfields; n++)
	{
		int			at = n;

		for (; at > 0 && bytes[job->field[at - 1]] < bytes[n]; at--)
			job->field[at] = job->field[at - 1];
		job->field[at] = n;
	}
	job->ntasks = nfields;
	job->files = files->set;
}

/*
 * omni_match_read_fields: reads the values of all fields into the rows of the records.
 * Arguments: the records, in the order of their ids, which have no values yet; the
 * files of raw values, and how many bytes each of them has.
 */
void
omni_match_read_fields(MatchData *data, const MatchFiles *files, const uint64 *bytes)
{
	int			nfields = data->model->nfields;
	MatchJob	job = {.kind = MATCH_JOB_FIELDS};
	FieldOutputs *outputs = palloc0_object(FieldOutputs);
	MatchWork  *work;

	/* the empty dictionaries are shared with this work only */
	omni_match_share_values(data);
	work = omni_match_begin_work(data, NULL, NULL, NULL);
	outputs->nrecords = data->nrecords;
	plan_fields(&job, files, bytes, nfields);
	omni_match_work(work, &job, take_fields, outputs);
	data->values = omni_match_alloc_rows(data);
	for (int f = 0; f < nfields; f++)
		keep_dictionary(data, &outputs->field[f]);
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint32	   *row = data->values + (Size) r * data->width;

		for (int f = 0; f < nfields; f++)
			row[f] = outputs->field[f].number[r];
	}
	omni_match_end_work(work);
	omni_match_share_values(data);
	pfree(outputs);
	pfree(data->order);
	data->order = NULL;
}
