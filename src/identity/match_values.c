/*
 * match_values.c
 *		The distinct values of each field, and records that are made of values.
 *
 * A run over a table (match_data.c) enters each value once; a few records that no
 * table holds, given as texts or as they were packed (match_compared.c), become
 * records of the same form.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match.h"

/* Kinds whose values have a second sketch where a row has room, those first that gain most. */
static const MatchKind second_kinds[] = {MATCH_SURNAME, MATCH_NAME, MATCH_EMAIL, MATCH_GIVEN_NAME, MATCH_TEXT, MATCH_ADDRESS};

/*
 * omni_match_lay_out_row: what the words of a row hold: a number and a sketch for
 * each field, filled up to a power of two by second sketches.
 */
void
omni_match_lay_out_row(MatchData *data)
{
	const MatchModel *model = data->model;
	int			used = 2 * Max(model->nfields, 1);

	data->width = pg_nextpower2_32(used);
	memset(data->second, 0, sizeof(data->second));
	for (int i = 0; i < lengthof(second_kinds); i++)
	{
		for (int f = 0; f < model->nfields && used < data->width; f++)
		{
			if (model->field[f].kind == second_kinds[i])
				data->second[f] = used++;
		}
	}
}

/*
 * omni_match_add_to_pool: adds a text to a pool of texts, which grows as it must.
 * Arguments: where the pool lives; the pool, NULL at first, its bytes in use and
 * in all; the text.
 * Result: its offset in the pool.
 */
Size
omni_match_add_to_pool(MemoryContext context, char **pool, Size *used, Size *size, const char *text, Size length)
{
	Size		offset = *used;

	if (*used + length > *size)
	{
		Size		wanted = Max(add_size(*used, length), Max(*size * 2, 8192));

		*pool = *pool == NULL ? MemoryContextAllocHuge(context, wanted) : repalloc_huge(*pool, wanted);
		*size = wanted;
	}
	memcpy(*pool + offset, text, length);
	*used += length;
	return offset;
}

static void
grow_slots(MatchData *data, MatchDictionary *dictionary)
{
	dictionary->nslots = Max(dictionary->nslots * 2, data->first_values * 2);
	if (dictionary->slots != NULL)
		pfree(dictionary->slots);
	dictionary->slots = MemoryContextAllocExtended(data->context, mul_size(dictionary->nslots, sizeof(uint32)),
												   MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	for (uint32 i = 0; i < dictionary->count; i++)
	{
		const MatchValue *value = &dictionary->values[i];
		uint32		at = hash_bytes(omni_match_text(dictionary, value), value->length) & (dictionary->nslots - 1);

		while (dictionary->slots[at] != 0)
			at = (at + 1) & (dictionary->nslots - 1);
		dictionary->slots[at] = i + 1;
	}
}

/* The number of a normalised value, entered where it is new. */
static uint32
enter_value(MatchData *data, MatchDictionary *dictionary, MatchValue *value, const char *text)
{
	uint32		at;

	if (dictionary->count * 2 >= dictionary->nslots)
		grow_slots(data, dictionary);
	at = hash_bytes((const unsigned char *) text, value->length) & (dictionary->nslots - 1);
	while (dictionary->slots[at] != 0)
	{
		const MatchValue *known = &dictionary->values[dictionary->slots[at] - 1];

		if (known->length == value->length && memcmp(omni_match_text(dictionary, known), text, value->length) == 0)
			return dictionary->slots[at] - 1;
		at = (at + 1) & (dictionary->nslots - 1);
	}
	if (dictionary->count == dictionary->capacity)
	{
		dictionary->capacity = Max(dictionary->capacity * 2, data->first_values);
		dictionary->values = dictionary->values == NULL
			? MemoryContextAllocHuge(data->context, mul_size(dictionary->capacity, sizeof(MatchValue)))
			: repalloc_huge(dictionary->values, mul_size(dictionary->capacity, sizeof(MatchValue)));
	}
	if (value->length <= MATCH_INLINE_MAX)
		memcpy(value->text, text, value->length);
	else
	{
		Size		offset = omni_match_add_to_pool(data->context, &dictionary->pool, &dictionary->pool_used,
													&dictionary->pool_size, text, value->length);

		if (offset > PG_UINT32_MAX)
			ereport(ERROR,
					(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
					 errmsg("values of one column exceed 4 GB")));
		value->more = offset;
	}
	dictionary->values[dictionary->count] = *value;
	dictionary->slots[at] = ++dictionary->count;
	return dictionary->count - 1;
}

/*
 * omni_match_enter: the number of a raw value of a field; MATCH_NULL when it is none.
 */
uint32
omni_match_enter(MatchData *data, int f, Datum raw)
{
	MatchValue	value;
	char		text[MATCH_TEXT_MAX];

	memset(&value, 0, sizeof(value));
	if (!omni_match_normalise(&data->model->field[f], raw, &value, text))
		return MATCH_NULL;
	return enter_value(data, &data->dictionary[f], &value, text);
}

/*
 * omni_match_find_value: the value of a text, or NULL.
 */
MatchValue *
omni_match_find_value(const MatchDictionary *dictionary, const char *text, int length)
{
	uint32		at;

	if (dictionary->nslots == 0 || length > MATCH_TEXT_MAX)
		return NULL;
	at = hash_bytes((const unsigned char *) text, length) & (dictionary->nslots - 1);
	while (dictionary->slots[at] != 0)
	{
		MatchValue *value = &dictionary->values[dictionary->slots[at] - 1];

		if (value->length == length && memcmp(omni_match_text(dictionary, value), text, length) == 0)
			return value;
		at = (at + 1) & (dictionary->nslots - 1);
	}
	return NULL;
}

/*
 * omni_match_link_name_columns: finds out which given names also occur as surnames.
 */
void
omni_match_link_name_columns(MatchData *data)
{
	MatchDictionary *given;
	MatchDictionary *surname;

	if (data->model->given_name < 0 || data->model->surname < 0)
		return;
	given = &data->dictionary[data->model->given_name];
	surname = &data->dictionary[data->model->surname];
	given->other_column = MemoryContextAllocHuge(data->context, mul_size(Max(given->count, 1), sizeof(uint32)));
	for (uint32 i = 0; i < given->count; i++)
	{
		const MatchValue *value = omni_match_find_value(surname, (const char *) omni_match_text(given, &given->values[i]),
														given->values[i].length);

		given->other_column[i] = value != NULL ? value - surname->values : MATCH_NULL;
	}
}

/* Room for some few records, numbered from 0, of no source. */
static MatchData *
few_records(const MatchModel *model, int nrecords)
{
	MatchData  *data = palloc0_object(MatchData);
	int			room = Max(nrecords, 1);

	data->context = AllocSetContextCreate(CurrentMemoryContext, "omnicrm match", ALLOCSET_DEFAULT_SIZES);
	data->model = model;
	omni_match_lay_out_row(data);
	data->first_values = pg_nextpower2_32(room);
	data->integer_ids = true;
	data->nrecords = data->capacity = nrecords;
	data->values = MemoryContextAllocHuge(data->context, mul_size(room, data->width * sizeof(uint32)));
	data->numbers = MemoryContextAllocHuge(data->context, mul_size(room, sizeof(int64)));
	data->source = MemoryContextAllocHuge(data->context, room);
	for (int r = 0; r < nrecords; r++)
		data->numbers[r] = r;
	memset(data->source, MATCH_SOURCES_MAX, nrecords);
	return data;
}

/* What follows from the values of some few records. */
static MatchData *
finish_records(MatchData *data)
{
	omni_match_add_sketches(data);
	omni_match_link_name_columns(data);
	omni_match_apply_terms(data);
	return data;
}

/*
 * omni_match_of_values: records that no relation holds, numbered from 0.
 * Arguments: the model; their number, some few; their values, row by row, NULL
 * where there is none.
 */
MatchData *
omni_match_of_values(const MatchModel *model, int nrecords, text *const *values)
{
	MatchData  *data = few_records(model, nrecords);
	int			nfields = model->nfields;

	for (int r = 0; r < nrecords; r++)
	{
		for (int f = 0; f < nfields; f++)
		{
			text	   *raw = values[r * nfields + f];
			bool		usable = raw != NULL && VARSIZE_ANY_EXHDR(raw) <= MATCH_RAW_MAX;

			data->values[(Size) r * data->width + f] = usable ? omni_match_enter(data, f, PointerGetDatum(raw)) : MATCH_NULL;
		}
	}
	return finish_records(data);
}

/*
 * omni_match_packed_value: a value as it was packed, but for its text.
 */
void
omni_match_packed_value(const MatchPacked *packed, MatchValue *value)
{
	memset(value, 0, sizeof(*value));
	for (int i = 0; i < packed->ngroups; i++)
		value->groups[i] = (uint16) packed->groups[2 * i] << 8 | packed->groups[2 * i + 1];
	value->length = packed->length;
	value->local = packed->local;
	if (packed->kind == MATCH_NUMBER)
		value->number = omni_match_number(packed->text, packed->length);
}

/* The number of a value as it was packed. */
static uint32
enter_packed(MatchData *data, const MatchPacked *packed)
{
	MatchValue	value;

	omni_match_packed_value(packed, &value);
	return enter_value(data, &data->dictionary[packed->field], &value, (const char *) packed->text);
}

/*
 * omni_match_of_packed: records as they were packed, numbered from 0.
 * Arguments: the model; their number, some few; their bytes.
 * Errors: those of omni_match_unpack().
 */
MatchData *
omni_match_of_packed(const MatchModel *model, int nrecords, const bytea *const *packed)
{
	MatchData  *data = few_records(model, nrecords);
	MatchPacked values[MATCH_FIELDS_MAX];

	for (int r = 0; r < nrecords; r++)
	{
		uint32	   *row = data->values + (Size) r * data->width;
		int			n = omni_match_unpack(packed[r], model, values);

		CHECK_FOR_INTERRUPTS();
		memset(row, 0xff, model->nfields * sizeof(uint32));
		for (int i = 0; i < n; i++)
			row[values[i].field] = enter_packed(data, &values[i]);
	}
	return finish_records(data);
}
