/*
 * address_abroad.c
 *		Addresses of other countries: the number before or behind the street, the
 *		type of street before (rue, via) or behind it (street, road).
 */
#include "postgres.h"

#include "miscadmin.h"

#include "common/compat.h"
#include "identity/address.h"

/* 5th, 42nd: a street by its number. */
static bool
is_numbered_street(const AddressParser *p, int i)
{
	const AddressToken *t = address_token(p, i + 1);

	return t != NULL && t->glued && !t->comma && !t->hyphen &&
		(omni_address_is(t, "st") || omni_address_is(t, "nd") || omni_address_is(t, "rd") || omni_address_is(t, "th"));
}

/* North, SW: what may follow the type of a street. */
static bool
is_direction(const AddressToken *t)
{
	static const char *const words[] = {"n", "s", "e", "w", "ne", "nw", "se", "sw", "north", "south", "east", "west"};

	for (int i = 0; i < lengthof(words); i++)
	{
		if (omni_address_is(t, words[i]))
			return true;
	}
	return false;
}

/* P.O. Box 12, Postfach 12: the box is the street. */
static bool
read_box(AddressParser *p)
{
	int			at = p->at;

	if (at + 1 < p->count && omni_address_is(&p->tokens[at], "p") && omni_address_is(&p->tokens[at + 1], "o"))
		at += 2;
	else if (at < p->count && omni_address_is(&p->tokens[at], "po"))
		at++;
	if (at == p->at || at + 1 >= p->count || !omni_address_is(&p->tokens[at], "box"))
		return false;
	omni_address_add_plain(p->parts, ADDRESS_STREET, "po");
	for (; at < p->count && (at == p->at || !p->tokens[at].comma); at++)
		omni_address_add(p->parts, ADDRESS_STREET, &p->tokens[at].text);
	p->at = at;
	return true;
}

/* Flat 3, 12 High Street: a unit before the number. */
static void
read_front_unit(AddressParser *p)
{
	int			count = p->count;

	while (p->at + 2 < count && (p->tokens[p->at + 2].comma || p->tokens[p->at + 2].number) &&
		   omni_address_unit_ahead(p, p->at))
	{
		/* the words that read units see these two tokens only */
		p->count = p->at + 2;
		omni_address_tail(p);
		p->count = count;
	}
}

/* Whether the name of the street ends before the token. */
static bool
name_ends(const AddressParser *p, int words)
{
	const AddressToken *t = address_token(p, p->at);

	if (t->hash)
		return true;
	if (words == 0)
		return false;
	if (t->comma || omni_address_unit_ahead(p, p->at))
		return true;
	return t->number && !is_numbered_street(p, p->at);
}

/* Berliner Str., Hauptstr.: written out. */
static void
add_german(AddressParser *p, const AddressToken *t, const char *ending)
{
	static codepoint letters[] = {'a', 's', 's', 'e', 'a', 'a', 't'};
	Chars		word;

	word.length = t->text.length;
	word.data = palloc((word.length + 4) * sizeof(codepoint));
	memcpy(word.data, t->text.data, word.length * sizeof(codepoint));
	if (word.length >= 3 && word.data[word.length - 3] == 's' && word.data[word.length - 2] == 't' &&
		word.data[word.length - 1] == 'r')
	{
		int			n = ending[1] == 's' ? 4 : 3;

		memcpy(word.data + word.length, n == 4 ? letters : letters + 4, n * sizeof(codepoint));
		word.length += n;
	}
	omni_address_add(p->parts, ADDRESS_STREET, &word);
}

/* The words of the name; the type of street behind it goes to its own part. */
static void
add_name(AddressParser *p, int from, int to, const char *german)
{
	int			type = to - 1;

	if (type > from + 1 && is_direction(&p->tokens[type]))
		type--;
	if (p->parts->field[ADDRESS_TYPE].length > 0 || type <= from || german != NULL ||
		p->tokens[type].word == NULL || p->tokens[type].word->back_abroad == NULL)
		type = -1;
	else
		omni_address_add_plain(p->parts, ADDRESS_TYPE, p->tokens[type].word->back_abroad);
	for (int i = from; i < to; i++)
	{
		if (i == type)
			continue;
		if (german != NULL)
			add_german(p, &p->tokens[i], german);
		else if (p->tokens[i].number && i + 1 < to && is_numbered_street(p, i))
		{
			const Chars *digits = &p->tokens[i].text;
			const Chars *ending = &p->tokens[++i].text;
			Chars		word = {palloc((digits->length + ending->length) * sizeof(codepoint)), 0};

			memcpy(word.data, digits->data, digits->length * sizeof(codepoint));
			memcpy(word.data + digits->length, ending->data, ending->length * sizeof(codepoint));
			word.length = digits->length + ending->length;
			omni_address_add(p->parts, ADDRESS_STREET, &word);
		}
		else
			omni_address_add(p->parts, ADDRESS_STREET, &p->tokens[i].text);
	}
}

/*
 * omni_address_abroad: reads an address of a country that does not write as
 * Spain does.
 */
void
omni_address_abroad(AddressParser *p, const char *country)
{
	const char *german = NULL;
	const AddressToken *t;
	int			start;

	if (strcmp(country, "DE") == 0 || strcmp(country, "AT") == 0 || strcmp(country, "CH") == 0)
		german = "asse";
	else if (strcmp(country, "NL") == 0 || strcmp(country, "BE") == 0)
		german = "aat";
	read_front_unit(p);
	if (read_box(p))
	{
		omni_address_tail(p);
		return;
	}
	t = address_token(p, p->at);
	if (t != NULL && t->number && p->at + 1 < p->count && !t->ordinal && !is_numbered_street(p, p->at))
		omni_address_number(p);
	t = address_token(p, p->at);
	if (t != NULL && t->word != NULL && t->word->front_abroad != NULL && p->at + 1 < p->count &&
		!p->tokens[p->at + 1].comma && (t->text.length > 1 || t->dot || p->tokens[p->at + 1].slash) &&
		!(t->word->back_abroad != NULL && german == NULL && p->tokens[p->at + 1].number))
	{
		omni_address_add_plain(p->parts, ADDRESS_TYPE, t->word->front_abroad);
		p->at++;
		omni_address_skip_particles(p);
	}
	start = p->at;
	while (p->at < p->count && !name_ends(p, p->at - start))
	{
		CHECK_FOR_INTERRUPTS();
		p->at++;
	}
	add_name(p, start, p->at, german);
	omni_address_tail(p);
}
