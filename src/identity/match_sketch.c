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

/*
 * omni_match_possible_packed: the levels, as bits, that a packed value may reach which
 * is not that of the probe.
 */
uint32
omni_match_possible_packed(const MatchProbe *probe, const MatchPacked *packed)
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
