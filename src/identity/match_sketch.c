/*
 * match_sketch.c
 *		Sketches of values: see match_sketch.h.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_sketch.h"

/* Parities of the number of bytes of each class; inline, so that classes is a constant and no byte costs a division. */
static pg_attribute_always_inline uint32
parities(const unsigned char *text, int length, int classes)
{
	uint32		odd = 0;

	/* letters and digits that follow each other are of different classes */
	for (int i = 0; i < length; i++)
		odd ^= (uint32) 1 << ((text[i] & 63) % classes);
	return odd;
}

/* One bit for each word of at least that many bytes. */
static uint32
word_bits(const unsigned char *text, int length, int shortest, int nbits)
{
	uint32		bits = 0;

	for (int i = 0; i < length;)
	{
		int			start = i;

		while (i < length && text[i] != ' ')
			i++;
		if (i > start && i - start >= shortest)
			bits |= (uint32) 1 << (hash_bytes(text + start, i - start) % nbits);
		i++;
	}
	return bits;
}

static uint32
group_bits(const MatchValue *value)
{
	uint32		bits = 0;

	for (int i = 0; i < MATCH_GROUPS_MAX && value->groups[i] != 0; i++)
		bits |= (uint32) 1 << (value->groups[i] % SKETCH_NAME_GROUPS);
	return bits;
}

/* Length and first byte of a text. */
static uint32
beginning(const unsigned char *text, int length)
{
	return (uint32) Min(length, SKETCH_LENGTH_MAX) << 27 | (uint32) (text[0] & 15) << SKETCH_FIRST_SHIFT;
}

static uint32
sketch_of_name(const MatchValue *value, const unsigned char *text)
{
	return beginning(text, value->length) |
		word_bits(text, value->length, 2, SKETCH_NAME_WORDS) << (SKETCH_NAME_PARITIES + SKETCH_NAME_GROUPS) |
		group_bits(value) << SKETCH_NAME_PARITIES |
		parities(text, value->length, SKETCH_NAME_PARITIES);
}

static uint32
sketch_of_words(const unsigned char *text, int length, int shortest)
{
	return beginning(text, length) |
		word_bits(text, length, shortest, SKETCH_WORDS_WORDS) << SKETCH_WORDS_PARITIES |
		parities(text, length, SKETCH_WORDS_PARITIES);
}

/* Length and the last digits, of four bits each; what is shorter is filled up. */
static uint32
sketch_of_phone(const unsigned char *text, int length)
{
	uint32		digits = 0;

	for (int i = length - SKETCH_PHONE_DIGITS; i < length; i++)
		digits = digits << 4 | (i < 0 ? 15 : text[i] & 15);
	return (uint32) Min(length, 15) << 28 | digits;
}

static uint32
sketch_of_postcode(const unsigned char *text, int length)
{
	uint32		two = (uint32) text[0] << 8 | (length > 1 ? text[1] : 0);

	return two << SKETCH_POSTCODE_PARITIES | parities(text, length, SKETCH_POSTCODE_PARITIES);
}

static uint32
sketch_of_date(const unsigned char *text)
{
	uint32		digits = 0;

	for (int i = 0; i < 8; i++)
		digits = digits << 4 | (text[i] & 15);
	return digits;
}

/* The sketch of a value. */
static uint32
sketch_of(const MatchField *field, const MatchValue *value, const unsigned char *text)
{
	switch (field->kind)
	{
		case MATCH_NAME:
		case MATCH_GIVEN_NAME:
			return sketch_of_name(value, text);
		case MATCH_SURNAME:
		case MATCH_TEXT:
			return sketch_of_words(text, value->length, 3);
		case MATCH_ADDRESS:
			return sketch_of_words(text, value->length, 1);
		case MATCH_CITY:
			return beginning(text, value->length) | parities(text, value->length, SKETCH_CITY_PARITIES);
		case MATCH_BIRTH_DATE:
			return sketch_of_date(text);
		case MATCH_EMAIL:
			return beginning(text, value->length) |
				(hash_bytes(text, value->local) & SKETCH_MASK(SKETCH_EMAIL_LOCAL)) << SKETCH_EMAIL_PARITIES |
				parities(text, value->length, SKETCH_EMAIL_PARITIES);
		case MATCH_PHONE:
			return sketch_of_phone(text, value->length);
		case MATCH_TAX_ID:
		case MATCH_CODE:
			return parities(text, value->length, SKETCH_CODE_PARITIES);
		case MATCH_POSTCODE:
			return sketch_of_postcode(text, value->length);
		case MATCH_CATEGORY:
		case MATCH_NUMBER:
			return 0;
	}
	return 0;
}

/* Puts the sketches of a field, one for each value, into a word of the rows. */
static void
put_sketches(MatchData *data, int f, int word, const uint32 *sketch)
{
	for (uint32 r = 0; r < data->nrecords; r++)
	{
		uint32	   *row = data->values + (Size) r * data->width;

		row[word] = row[f] != MATCH_NULL ? sketch[row[f]] : 0;
	}
}

/*
 * omni_match_add_sketches: puts the sketches of the values into the rows.
 */
void
omni_match_add_sketches(MatchData *data)
{
	int			nfields = data->model->nfields;

	for (int f = 0; f < nfields; f++)
	{
		const MatchDictionary *dictionary = &data->dictionary[f];
		uint32	   *sketch = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(Max(dictionary->count, 1), sizeof(uint32)));

		for (uint32 i = 0; i < dictionary->count; i++)
			sketch[i] = sketch_of(&data->model->field[f], &dictionary->values[i],
								  omni_match_text(dictionary, &dictionary->values[i]));
		put_sketches(data, f, nfields + f, sketch);
		if (data->second[f] != 0)
		{
			for (uint32 i = 0; i < dictionary->count; i++)
				sketch[i] = parities(omni_match_text(dictionary, &dictionary->values[i]), dictionary->values[i].length,
									 SKETCH_MORE_PARITIES);
			put_sketches(data, f, data->second[f], sketch);
		}
		pfree(sketch);
	}
}

/* The levels, as bits, that a packed value may reach which is not that of the probe. */
static uint32
possible_of_packed(const MatchProbe *probe, const MatchPacked *packed)
{
	const MatchData *data = probe->data;
	int			f = packed->field;
	MatchValue	value;
	int			more = 0;

	omni_match_packed_value(packed, &value);
	if (data->second[f] != 0)
		more = sketch_count(probe->row[data->second[f]] ^ parities(packed->text, packed->length, SKETCH_MORE_PARITIES));
	return sketch_possible(data->model->field[f].kind, probe->row[data->model->nfields + f],
						   sketch_of(&data->model->field[f], &value, packed->text), more);
}

/* Whether a value of the probe is this text. */
static bool
is_probe_value(const MatchProbe *probe, int f, const MatchPacked *packed)
{
	const MatchDictionary *dictionary = &probe->data->dictionary[f];
	const MatchValue *mine = &dictionary->values[probe->row[f]];

	return mine->length == packed->length && memcmp(omni_match_text(dictionary, mine), packed->text, packed->length) == 0;
}

/* Whether a name stands in the given name's column of one and in the surname's of the other. */
static bool
exchanged_names(const MatchProbe *probe, const MatchPacked *const *values)
{
	int			given_name = probe->data->model->given_name;
	int			surname = probe->data->model->surname;

	if (given_name < 0 || surname < 0)
		return false;
	return (probe->row[given_name] != MATCH_NULL && values[surname] != NULL && is_probe_value(probe, given_name, values[surname])) ||
		(probe->row[surname] != MATCH_NULL && values[given_name] != NULL && is_probe_value(probe, surname, values[given_name]));
}

/*
 * omni_match_within_reach: whether the weight of the probe and a packed record may
 * reach the floor: omni_match_bound() for one that has no row, of which as few
 * values as possible are looked at.
 * Arguments: the probe; the values of the record; their number; the floor in units.
 */
bool
omni_match_within_reach(const MatchProbe *probe, const MatchPacked *values, int nvalues, int32 floor)
{
	const MatchModel *model = probe->data->model;
	const MatchPacked *value[MATCH_FIELDS_MAX] = {NULL};
	uint8		order[MATCH_FIELDS_MAX];
	int			different = 0;
	int32		most = model->prior_weight;

	for (int i = 0; i < nvalues; i++)
		value[values[i].field] = &values[i];
	if (exchanged_names(probe, value))
		return true;
	for (int i = 0; i < model->nfields; i++)
	{
		int			f = model->doubt_order[i];

		if (probe->row[f] == MATCH_NULL || value[f] == NULL)
			continue;
		if (is_probe_value(probe, f, value[f]))
			most += model->field[f].best[LEVEL(0)] + probe->data->dictionary[f].adjust[probe->row[f]];
		else
		{
			order[different++] = f;
			most += model->field[f].best_different;
		}
	}
	for (int i = 0; i < different && most >= floor; i++)
	{
		const MatchField *field = &model->field[order[i]];

		most += field->best[possible_of_packed(probe, value[order[i]])] - field->best_different;
	}
	return most >= floor;
}
