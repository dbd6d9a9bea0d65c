/*
 * address_words.c
 *		Words of an address, and what the tables say of them.
 *
 * The tables of address_table.h go into a fixed hash table on first use in a
 * backend; nothing is allocated.
 */
#include "postgres.h"

#include <unicode/uchar.h>

#include "common/hashfn.h"
#include "miscadmin.h"

#include "common/compat.h"
#include "identity/address.h"
#include "identity/address_table.h"
#include "identity/fold.h"

/* power of two, more than twice the words of the tables */
#define SLOTS			2048
#define LONGEST_WORD	16

#define MASCULINE		0xBA
#define FEMININE		0xAA
#define DEGREE			0xB0

static AddressWord slots[SLOTS];
static bool filled = false;

static AddressWord *
find_slot(const char *word, int length)
{
	uint32		at = hash_bytes((const unsigned char *) word, length) & (SLOTS - 1);

	while (slots[at].word != NULL &&
		   (slots[at].length != length || memcmp(slots[at].word, word, length) != 0))
		at = (at + 1) & (SLOTS - 1);
	return &slots[at];
}

/* The next word of a line, entered; NULL at its end. */
static AddressWord *
enter_next(const char **line)
{
	AddressWord *entry;
	const char *word = *line;
	int			length = strcspn(word, " ");

	if (length == 0)
		return NULL;
	entry = find_slot(word, length);
	if (entry->word == NULL)
	{
		entry->word = word;
		entry->length = length;
	}
	*line = word[length] == ' ' ? word + length + 1 : word + length;
	return entry;
}

static void
fill_streets(const char *const *lines, int count, StreetPlace place)
{
	for (int i = 0; i < count; i++)
	{
		const char *line = lines[i];
		AddressWord *entry;

		while ((entry = enter_next(&line)) != NULL)
		{
			/* calle itself stands before the name only */
			if (place == STREET_EITHER && entry->word == lines[i] && strncmp(lines[i], "plaza", 5) != 0)
				continue;
			entry->street = lines[i];
			entry->place = place;
		}
	}
}

static void
fill(void)
{
	AddressWord *entry;

	fill_streets(street_types, lengthof(street_types), STREET_FRONT);
	fill_streets(area_types, lengthof(area_types), STREET_AREA);
	fill_streets(either_types, lengthof(either_types), STREET_EITHER);
	for (int i = 0; i < lengthof(front_types_abroad); i++)
	{
		const char *line = front_types_abroad[i];

		while ((entry = enter_next(&line)) != NULL)
			entry->front_abroad = front_types_abroad[i];
	}
	for (int i = 0; i < lengthof(back_types_abroad); i++)
	{
		const char *line = back_types_abroad[i];

		while ((entry = enter_next(&line)) != NULL)
			entry->back_abroad = back_types_abroad[i];
	}
	for (int i = 0; i < lengthof(unit_words); i++)
	{
		const char *line = unit_words[i].words;

		while ((entry = enter_next(&line)) != NULL)
		{
			entry->kind = unit_words[i].kind;
			entry->unit = unit_words[i].words;
		}
	}
	for (int i = 0; i < lengthof(name_abbreviations); i++)
	{
		const char *line = name_abbreviations[i];

		while ((entry = enter_next(&line)) != NULL)
			entry->full = name_abbreviations[i];
	}
	filled = true;
}

/* What the tables say of a folded word; NULL when nothing. */
static const AddressWord *
find_word(const Chars *text)
{
	char		plain[LONGEST_WORD];
	const AddressWord *entry;

	if (text->length > LONGEST_WORD)
		return NULL;
	for (int i = 0; i < text->length; i++)
	{
		if (text->data[i] >= 0x80)
			return NULL;
		plain[i] = text->data[i];
	}
	if (!filled)
		fill();
	entry = find_slot(plain, text->length);
	return entry->word != NULL ? entry : NULL;
}

/*
 * omni_address_is: whether a token is this word.
 */
bool
omni_address_is(const AddressToken *token, const char *word)
{
	for (int i = 0; i < token->text.length; i++)
	{
		if (token->text.data[i] != (unsigned char) word[i])
			return false;
	}
	return word[token->text.length] == '\0';
}

/*
 * omni_address_kind: what a token may introduce or say behind the street.
 */
UnitWord
omni_address_kind(const AddressToken *token)
{
	return token->word != NULL ? token->word->kind : WORD_NONE;
}

/*
 * omni_address_add: appends a text to a part, behind a blank.
 */
void
omni_address_add(AddressParts *parts, AddressField field, const Chars *text)
{
	Chars	   *part = &parts->field[field];
	int			length = part->length + text->length + 1;

	if (part->data == NULL)
		part->data = palloc(length * sizeof(codepoint));
	else
		part->data = repalloc(part->data, length * sizeof(codepoint));
	if (part->length > 0 && text->length > 0)
		part->data[part->length++] = ' ';
	memcpy(part->data + part->length, text->data, text->length * sizeof(codepoint));
	part->length += text->length;
}

/*
 * omni_address_add_plain: the same with the first word of a line of the tables.
 */
void
omni_address_add_plain(AddressParts *parts, AddressField field, const char *text)
{
	codepoint	word[LONGEST_WORD * 2];
	Chars		chars = {word, 0};

	while (text[chars.length] != '\0' && text[chars.length] != ' ' && chars.length < lengthof(word))
	{
		word[chars.length] = (unsigned char) text[chars.length];
		chars.length++;
	}
	omni_address_add(parts, field, &chars);
}

static inline bool
is_apostrophe(codepoint c)
{
	return c == '\'' || c == 0xB4 || c == 0x2018 || c == 0x2019;
}

/* Whether a character is part of a word, given that a letter stands before it. */
static bool
continues_word(const Chars *chars, int i)
{
	codepoint	c = chars->data[i];

	if (c < 0x80)
		return (c | 0x20) >= 'a' ? (c | 0x20) <= 'z' :
			c == '\'' && i + 1 < chars->length && u_isalpha(chars->data[i + 1]);
	if (c == MASCULINE || c == FEMININE)
		return false;
	return u_isalpha(c) || (U_GET_GC_MASK(c) & U_GC_M_MASK) != 0 || omni_is_invisible(c) || c == 0xB7 ||
		(is_apostrophe(c) && i + 1 < chars->length && u_isalpha(chars->data[i + 1]));
}

static int
digit_of(codepoint c)
{
	return c < 0x80 ? (c >= '0' && c <= '9' ? (int) (c - '0') : -1) : u_charDigitValue(c);
}

/* Digits from a place on as a token without leading zeros; their number. */
static int
read_number(const Chars *chars, int from, AddressToken *token)
{
	int			i = from;
	int			n = 0;

	while (i < chars->length && digit_of(chars->data[i]) >= 0)
		i++;
	token->number = true;
	token->text.data = palloc((i - from) * sizeof(codepoint));
	for (int j = from; j < i; j++)
		token->text.data[n++] = '0' + digit_of(chars->data[j]);
	token->text.length = n;
	return i - from;
}

/* A word from a place on as a token; its length, the token may be empty. */
static int
read_word(const Chars *chars, int from, AddressToken *token)
{
	Chars		piece;
	int			i = from + 1;

	while (i < chars->length && continues_word(chars, i))
		i++;
	piece.data = chars->data + from;
	piece.length = i - from;
	omni_fold(&piece, false, &token->text);
	return i - from;
}

/* 3º, 3.º, nº, Mª: the mark behind a token; how many characters it takes. */
static int
read_ordinal(const Chars *chars, int i, AddressToken *token)
{
	int			at = i;

	if (at < chars->length && chars->data[at] == '.')
		at++;
	if (at >= chars->length ||
		(chars->data[at] != MASCULINE && chars->data[at] != FEMININE && chars->data[at] != DEGREE))
		return 0;
	token->ordinal = chars->data[at] == FEMININE ? 'a' : 'o';
	return at - i + 1;
}

/* Abbreviations that only their mark tells: Pº, Bº, Mª. */
static void
spell_out(AddressToken *token)
{
	static codepoint paseo[] = {'p', 'a', 's', 'e', 'o'};
	static codepoint barrio[] = {'b', 'a', 'r', 'r', 'i', 'o'};
	static codepoint maria[] = {'m', 'a', 'r', 'i', 'a'};

	if (token->ordinal == 0 || token->text.length != 1)
		return;
	if (token->text.data[0] == 'p' && token->ordinal == 'o')
		token->text = (Chars) {paseo, lengthof(paseo)};
	else if (token->text.data[0] == 'b' && token->ordinal == 'o')
		token->text = (Chars) {barrio, lengthof(barrio)};
	else if (token->text.data[0] == 'm' && token->ordinal == 'a')
		token->text = (Chars) {maria, lengthof(maria)};
}

/* What a character between two tokens says of the next one. */
static void
note_separator(codepoint c, AddressToken *next, AddressToken *last)
{
	if (c == '.')
	{
		if (last != NULL && next->glued)
			last->dot = true;
	}
	else if (c == ',' || c == ';' || c == '\n' || c == '\r' || c == '(' || c == ')' || c == '[' || c == ']' || c == '|')
		next->comma = true;
	else if (c == '-' || (c >= 0x2010 && c <= 0x2015))
		next->hyphen = true;
	else if (c == '/' || c == '\\')
		next->slash = true;
	else if (c == '#')
		next->hash = true;
	if (omni_is_blank(c) || c == ':')
		next->glued = false;
}

/*
 * omni_address_tokens: reads the tokens of an address.
 * Result: false when it is too long.
 */
bool
omni_address_tokens(Datum value, AddressParser *parser)
{
	Chars		chars;
	AddressToken next = {.glued = true};

	parser->count = 0;
	if (!omni_chars(value, OMNI_ADDRESS_MAX, &chars))
		return false;
	parser->tokens = palloc((chars.length + 1) * sizeof(AddressToken));
	for (int i = 0; i < chars.length;)
	{
		AddressToken *last = parser->count > 0 ? &parser->tokens[parser->count - 1] : NULL;
		codepoint	c = chars.data[i];
		int			taken;

		CHECK_FOR_INTERRUPTS();
		if (digit_of(c) >= 0)
			taken = read_number(&chars, i, &next);
		else if (c != MASCULINE && c != FEMININE && u_isalpha(c))
			taken = read_word(&chars, i, &next);
		else
		{
			note_separator(c, &next, last);
			i++;
			continue;
		}
		i += taken;
		i += read_ordinal(&chars, i, &next);
		if (next.text.length == 0)
			continue;
		spell_out(&next);
		next.word = next.number ? NULL : find_word(&next.text);
		parser->tokens[parser->count++] = next;
		next = (AddressToken) {.glued = true};
	}
	return true;
}
