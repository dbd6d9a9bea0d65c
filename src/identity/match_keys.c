/*
 * match_keys.c
 *		Blocking keys: by what a record is found.
 *
 * A record gives 10 to 40 keys of 64 bits.  Values that tell people apart by
 * themselves (e-mail, phone, a whole date, a rare name) are keys alone; weaker
 * ones (a word of a name, a city, a year of birth) in pairs.  A missing value or
 * a placeholder makes no key.
 */
#include "postgres.h"

#include "common/hashfn.h"

#include "common/compat.h"
#include "identity/match.h"

#define NAME_WORDS_MAX		6
#define OTHER_TOKENS_MAX	16
/* the two lowest bits of a key say how much it selects: two things together, */
#define KEY_STRENGTH		UINT64CONST(3)
#define KEY_TWO				UINT64CONST(0)
/* a word of a name alone, which must be a rare one: a third of the limit, */
#define KEY_WORD			UINT64CONST(1)
/* or an e-mail, a phone, a number: no budget drops the records of one person */
#define KEY_STRONG			UINT64CONST(2)
/* or all values at once, by which records with the same ones find each other */
#define KEY_WHOLE			UINT64CONST(3)

/* What a record has to make keys of. */
typedef struct Tokens
{
	uint64		name[NAME_WORDS_MAX];	/* words of names */
	uint64		prefix[NAME_WORDS_MAX]; /* their first four letters */
	uint64		short_prefix[NAME_WORDS_MAX];	/* their first two */
	int			nnames;
	uint64		year;
	uint64		month_day;
	uint64		year_month;
	uint64		other[OTHER_TOKENS_MAX];	/* places and words of addresses */
	int			nothers;
	uint64		alone[OTHER_TOKENS_MAX];
	uint8		alone_field[OTHER_TOKENS_MAX];
	int			nalone;
} Tokens;

/* Kinds of keys for a reader; those of whole values are named by their column. */
static const char *const key_kinds[MATCH_KEY_VALUE] = {
	[MATCH_KEY_COPY] = "same values in all fields",
	[MATCH_KEY_WORD] = "word of a name alone",
	[MATCH_KEY_TWO_WORDS] = "two words of names",
	[MATCH_KEY_TWO_STARTS] = "first letters of two words of names",
	[MATCH_KEY_TWO_STARTS_YEAR] = "first letters of two words of names, year",
	[MATCH_KEY_WORD_YEAR] = "word of a name, year",
	[MATCH_KEY_WORD_DAY] = "word of a name, day and month",
	[MATCH_KEY_WORD_PLACE] = "word of a name, place",
	[MATCH_KEY_PLACE_MONTH] = "place, year and month",
	[MATCH_KEY_TWO_PLACES] = "two words of places",
};

/*
 * omni_match_key_kind: a kind of key for a reader.
 */
const char *
omni_match_key_kind(const MatchModel *model, int kind)
{
	return kind >= MATCH_KEY_VALUE ? psprintf("%s alone", model->field[kind - MATCH_KEY_VALUE].column) : key_kinds[kind];
}

/*
 * omni_match_key_limit: the largest block that a key of a kind may make.
 */
int
omni_match_key_limit(const MatchModel *model, int kind)
{
	int			most = model->max_block;

	if (kind == MATCH_KEY_WORD)
		most = Max(2, most / 3);
	if (kind < MATCH_KEY_VALUE && model->max_weak_block > 0)
		most = Min(most, model->max_weak_block);
	if (kind >= MATCH_KEY_VALUE && model->max_value_block > 0 &&
		!omni_match_is_identifier(model->field[kind - MATCH_KEY_VALUE].kind))
		most = Min(most, model->max_value_block);
	return most;
}

static uint64
token(const unsigned char *text, int length, uint64 seed)
{
	return hash_bytes_extended(text, length, seed);
}

/* A key of two tokens, the same for both orders; kind tells keys apart. */
static uint64
pair_key(uint64 a, uint64 b, uint64 kind)
{
	return omni_mix(omni_mix(Min(a, b)) * 31 + Max(a, b) + kind * UINT64CONST(0x9e3779b97f4a7c15)) & ~KEY_STRENGTH;
}

static uint64
single_key(uint64 a, uint64 strength)
{
	return (omni_mix(a + strength * UINT64CONST(0x9e3779b97f4a7c15)) & ~KEY_STRENGTH) | strength;
}

static void
add_other(Tokens *t, uint64 hash)
{
	if (t->nothers < OTHER_TOKENS_MAX)
		t->other[t->nothers++] = hash;
}

static void
add_alone(Tokens *t, uint64 hash)
{
	if (t->nalone < OTHER_TOKENS_MAX)
		t->alone[t->nalone++] = hash;
}

static void
add_name_words(Tokens *t, const unsigned char *text, int length)
{
	for (int i = 0; i < length && t->nnames < NAME_WORDS_MAX;)
	{
		int			start = i;
		uint64		hash;
		bool		known = false;

		while (i < length && text[i] != ' ')
			i++;
		if (i - start > 1)
		{
			hash = token(text + start, i - start, 1);
			for (int k = 0; k < t->nnames; k++)
				known |= t->name[k] == hash;
			if (!known)
			{
				t->name[t->nnames] = hash;
				t->prefix[t->nnames] = token(text + start, Min(i - start, 4), 2);
				t->short_prefix[t->nnames] = token(text + start, 2, 3);
				t->nnames++;
			}
		}
		i++;
	}
}

/* Words of three letters and more of an address, without its numbers. */
static void
add_words(Tokens *t, const unsigned char *text, int length)
{
	for (int i = 0; i < length;)
	{
		int			start = i;

		while (i < length && text[i] != ' ')
			i++;
		if (i - start > 3 && t->nothers < OTHER_TOKENS_MAX / 2)
			add_other(t, token(text + start, i - start, 6));
		i++;
	}
}

/* Length of the part of a postcode that names the area, not the street. */
static int
area_length(const unsigned char *text, int length)
{
	bool		letters = false;

	for (int i = 0; i < length; i++)
		letters |= !(text[i] >= '0' && text[i] <= '9');
	return letters ? Max(2, length - 3) : Max(2, length - 2);
}

static void
add_date(Tokens *t, const unsigned char *text)
{
	unsigned char day[4];

	/* day and month in one order, so that swapping them makes no difference */
	memcpy(day, memcmp(text + 4, text + 6, 2) <= 0 ? text + 4 : text + 6, 2);
	memcpy(day + 2, memcmp(text + 4, text + 6, 2) <= 0 ? text + 6 : text + 4, 2);
	t->year = token(text, 4, 7);
	t->month_day = token(day, 4, 8);
	t->year_month = token(text, 6, 9);
	add_alone(t, t->year + omni_mix(t->month_day));
}

static void
add_value(Tokens *t, const MatchPacked *value)
{
	const unsigned char *text = value->text;
	int			length = value->length;

	switch ((MatchKind) value->kind)
	{
		case MATCH_NAME:
		case MATCH_GIVEN_NAME:
		case MATCH_SURNAME:
			add_name_words(t, text, length);
			break;
		case MATCH_BIRTH_DATE:
			add_date(t, text);
			break;
		case MATCH_EMAIL:
			add_alone(t, token(text, length, 10));
			if (value->local >= 4)
				add_alone(t, token(text, value->local, 11));
			break;
		case MATCH_PHONE:
		case MATCH_TAX_ID:
		case MATCH_CODE:
			add_alone(t, token(text, length, 12 + value->field));
			break;
		case MATCH_POSTCODE:
			add_alone(t, token(text, length, 4));
			add_other(t, token(text, area_length(text, length), 5));
			break;
		case MATCH_CITY:
			add_other(t, token(text, length, 6));
			break;
		case MATCH_ADDRESS:
			add_alone(t, token(text, length, 6));
			add_words(t, text, length);
			break;
		case MATCH_TEXT:
			add_alone(t, token(text, length, 6));
			add_other(t, token(text, length, 6));
			break;
		case MATCH_CATEGORY:
		case MATCH_NUMBER:
			break;
	}
}

/* Writes a key down; the number of keys. */
static inline int
put_key(uint64 *keys, uint8 *kinds, int n, uint64 key, MatchKeyKind kind)
{
	keys[n] = key;
	kinds[n] = kind;
	return n + 1;
}

/*
 * omni_match_keys_of: the keys of the values of a record, of which some may repeat.
 * Arguments: the values in the order of their fields; room for MATCH_KEYS_MAX keys
 * and for their kinds.
 * Result: their number.
 */
int
omni_match_keys_of(const MatchPacked *values, int nvalues, uint64 *keys, uint8 *kinds)
{
	Tokens		t;
	int			n = 0;

	t.nnames = t.nothers = t.nalone = 0;
	t.year = t.month_day = t.year_month = 0;
	for (int i = 0; i < nvalues; i++)
	{
		int			known = t.nalone;

		if (values[i].blocking)
			add_value(&t, &values[i]);
		while (known < t.nalone)
			t.alone_field[known++] = values[i].field;
	}
	for (int i = 0; i < t.nalone; i++)
		n = put_key(keys, kinds, n, single_key(t.alone[i], KEY_STRONG), MATCH_KEY_VALUE + t.alone_field[i]);
	for (int i = 0; i < t.nnames; i++)
	{
		n = put_key(keys, kinds, n, single_key(t.name[i], KEY_WORD), MATCH_KEY_WORD);
		for (int k = i + 1; k < t.nnames; k++)
		{
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.name[k], 3), MATCH_KEY_TWO_WORDS);
			n = put_key(keys, kinds, n, pair_key(t.prefix[i], t.prefix[k], 4), MATCH_KEY_TWO_STARTS);
			if (t.year != 0)
				n = put_key(keys, kinds, n, pair_key(pair_key(t.short_prefix[i], t.short_prefix[k], 5), t.year, 5),
							MATCH_KEY_TWO_STARTS_YEAR);
		}
		if (t.year != 0)
		{
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.year, 6), MATCH_KEY_WORD_YEAR);
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.month_day, 7), MATCH_KEY_WORD_DAY);
		}
		for (int k = 0; k < t.nothers; k++)
			n = put_key(keys, kinds, n, pair_key(t.name[i], t.other[k], 8), MATCH_KEY_WORD_PLACE);
	}
	for (int i = 0; i < t.nothers; i++)
	{
		if (t.year_month != 0)
			n = put_key(keys, kinds, n, pair_key(t.other[i], t.year_month, 9), MATCH_KEY_PLACE_MONTH);
		for (int k = i + 1; k < t.nothers; k++)
			n = put_key(keys, kinds, n, pair_key(t.other[i], t.other[k], 10), MATCH_KEY_TWO_PLACES);
	}
	return n;
}

/*
 * omni_match_keys: the keys of a record, as by omni_match_keys_of().
 */
int
omni_match_keys(const MatchData *data, uint32 record, uint64 *keys, uint8 *kinds)
{
	const MatchModel *model = data->model;
	const uint32 *row = omni_match_row(data, record);
	MatchPacked values[MATCH_FIELDS_MAX];
	int			n = 0;

	for (int f = 0; f < model->nfields; f++)
	{
		const MatchDictionary *dictionary = &data->dictionary[f];
		const MatchValue *value;

		if (row[f] == MATCH_NULL || !model->field[f].blocking)
			continue;
		value = &dictionary->values[row[f]];
		values[n].field = f;
		values[n].kind = model->field[f].kind;
		values[n].blocking = true;
		values[n].length = value->length;
		values[n].local = value->local;
		values[n++].text = omni_match_text(dictionary, value);
	}
	return omni_match_keys_of(values, n, keys, kinds);
}

/*
 * omni_match_whole_key: the key of all values of a record at once; no other key has
 * its two lowest bits.
 */
uint64
omni_match_whole_key(const bytea *packed)
{
	return single_key(token((const unsigned char *) VARDATA_ANY(packed), VARSIZE_ANY_EXHDR(packed), KEY_WHOLE), KEY_WHOLE);
}

/*
 * omni_match_prefetch_values: brings the values of a record into the cache, ahead of
 * omni_match_keys().
 */
void
omni_match_prefetch_values(const MatchData *data, uint32 record)
{
	const uint32 *row = omni_match_row(data, record);

	for (int f = 0; f < data->model->nfields; f++)
	{
		if (row[f] != MATCH_NULL)
			__builtin_prefetch(&data->dictionary[f].values[row[f]]);
	}
}
