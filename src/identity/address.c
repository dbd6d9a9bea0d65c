/*
 * address.c
 *		normalize_address(): a postal address in its parts.
 *
 * Spain and Spanish America: type of street, name, number, then what is behind:
 * block, portal, staircase, floor, door, by their words or, without words, by
 * their order.  The postcode and the town are taken from the end first.  What is
 * not understood is kept in the part "extra".
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "funcapi.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/address.h"
#include "identity/country.h"

PG_FUNCTION_INFO_V1(omnicrm_normalize_address);

/*
 * omni_address_skip_particles: steps over de, de la, del where a name follows.
 * Result: whether there was one.
 */
bool
omni_address_skip_particles(AddressParser *p)
{
	int			start = p->at;

	while (p->at + 1 < p->count && omni_address_kind(&p->tokens[p->at]) == WORD_PARTICLE &&
		   !p->tokens[p->at + 1].comma && !p->tokens[p->at + 1].number)
		p->at++;
	return p->at > start;
}

/* The type of street at a place: its canonical word, and where the name goes on. */
static const char *
street_type(const AddressParser *p, int i, StreetPlace *place, int *next)
{
	const AddressToken *t = address_token(p, i);
	const AddressToken *behind = address_token(p, i + 1);

	if (t == NULL || t->word == NULL || t->word->street == NULL || behind == NULL)
		return NULL;
	/* one letter: only as C/ or C. or before a word; R/ is rúa */
	if (t->text.length == 1 && !t->dot && !behind->slash &&
		(behind->number || behind->text.length < 2 || omni_address_is(t, "r")))
		return NULL;
	if (behind->comma && t->word->place != STREET_AREA)
		return NULL;
	*place = t->word->place;
	*next = i + 1;
	if (omni_address_is(t, "pg") && t->dot)
	{
		/* Pg. is passeig, PG is polígono */
		*place = STREET_FRONT;
		return "paseo";
	}
	if (strncmp(t->word->street, "poligono", 8) == 0 &&
		(omni_address_is(behind, "ind") || omni_address_is(behind, "industrial")) && i + 2 < p->count)
		*next = i + 2;
	return t->word->street;
}

/* The first street behind a comma or with C/, where the address starts with an area. */
static int
find_street(const AddressParser *p, int from)
{
	StreetPlace place;
	int			next;

	for (int i = from; i < p->count && !p->tokens[i].number; i++)
	{
		const AddressToken *t = address_token(p, i);
		int			name = i + 1;

		if (!(t->comma || (omni_address_is(t, "c") && name < p->count && p->tokens[name].slash)) ||
			street_type(p, i, &place, &next) == NULL || place == STREET_AREA || omni_address_kind(t) != WORD_NONE)
			continue;
		/* "Alcalá, calle de" has its name before the comma */
		while (name < p->count && !p->tokens[name].comma && omni_address_kind(&p->tokens[name]) == WORD_PARTICLE)
			name++;
		if (name < p->count && !p->tokens[name].comma)
			return i;
	}
	return -1;
}

/* The type of street at the start, and the area before it. */
static void
read_type(AddressParser *p)
{
	StreetPlace place = STREET_NONE;
	int			next;
	const char *type = street_type(p, p->at, &place, &next);
	int			street = -1;

	if (type == NULL || place == STREET_AREA)
		street = find_street(p, type == NULL ? p->at + 1 : next);
	if (type == NULL && street < 0)
		return;
	if (street > 0)
	{
		if (type != NULL)
			omni_address_add_plain(p->parts, ADDRESS_EXTRA, type);
		for (int i = type != NULL ? next : p->at; i < street; i++)
			omni_address_add_name(p, ADDRESS_EXTRA, &p->tokens[i], false);
		p->at = street;
		type = street_type(p, p->at, &place, &next);
	}
	omni_address_add_plain(p->parts, ADDRESS_TYPE, type);
	p->at = next;
	omni_address_skip_particles(p);
}

/* Whether a number is part of the name: 2 de Mayo, N-340, Calle 14. */
static bool
number_in_name(const AddressParser *p, int words)
{
	const AddressToken *t = address_token(p, p->at);
	const AddressToken *next = address_token(p, p->at + 1);
	const AddressToken *after = address_token(p, p->at + 2);
	const AddressToken *before = address_token(p, p->at - 1);

	if (address_continues(next) && omni_address_kind(next) == WORD_PARTICLE &&
		address_continues(after) && omni_address_kind(after) == WORD_MONTH)
		return true;
	if (words == 0)
		return address_has(p, ADDRESS_TYPE);
	return (t->hyphen || t->glued) && !t->comma && words == 1 && before != NULL && !before->number &&
		before->text.length <= 3 && address_has(p, ADDRESS_TYPE);
}

/* Whether the name of the street ends before the token. */
static bool
name_ends(const AddressParser *p, int words)
{
	const AddressToken *t = address_token(p, p->at);
	UnitWord	kind = omni_address_kind(t);

	if (t->hash)
		return true;
	if (t->number)
		return !number_in_name(p, words);
	if (words == 0)
		return omni_address_without_number(p, p->at) > 0 && (t->text.length > 1 || p->tokens[p->at + 1].slash);
	return t->comma || omni_address_without_number(p, p->at) > 0 || omni_address_unit_ahead(p, p->at) ||
		(kind == WORD_KM && address_token(p, p->at + 1) != NULL);
}

/* "Alcalá, calle de": a type that stands alone behind a comma. */
static void
read_type_behind(AddressParser *p)
{
	const AddressToken *t = address_token(p, p->at);
	int			next = p->at + 1;

	if (address_has(p, ADDRESS_TYPE) || t == NULL || !t->comma || t->word == NULL || t->word->street == NULL)
		return;
	while (next < p->count && !p->tokens[next].comma && omni_address_kind(&p->tokens[next]) == WORD_PARTICLE)
		next++;
	if (next < p->count && !p->tokens[next].comma && !p->tokens[next].number && !p->tokens[next].hash)
		return;
	omni_address_add_plain(p->parts, ADDRESS_TYPE, t->word->street);
	p->at = next;
}

static void
read_name(AddressParser *p)
{
	int			words = 0;
	int			start = p->at;

	while (p->at < p->count && !name_ends(p, words))
	{
		p->at++;
		words++;
	}
	/* Autonomia kalea: the type behind the name */
	if (!address_has(p, ADDRESS_TYPE) && words > 1)
	{
		const AddressToken *t = &p->tokens[p->at - 1];

		if (t->word != NULL && t->word->place == STREET_EITHER)
		{
			omni_address_add_plain(p->parts, ADDRESS_TYPE, t->word->street);
			words--;
		}
	}
	for (int i = start; i < start + words; i++)
		omni_address_add_name(p, ADDRESS_STREET, &p->tokens[i], i + 1 == start + words);
	read_type_behind(p);
}

/* Whether a token can be a Spanish postcode. */
static bool
is_postcode(const AddressParser *p, int i)
{
	const AddressToken *t = address_token(p, i);
	const AddressToken *next = address_token(p, i + 1);
	const AddressToken *before = address_token(p, i - 1);
	int			value;

	if (!t->number || t->text.length != 5 || t->ordinal || t->hash || before == NULL || (next != NULL && next->number))
		return false;
	value = omni_address_value(t);
	return value >= 1000 && value <= 52999 &&
		omni_address_kind(before) != WORD_KM && omni_address_kind(before) != WORD_NUMBER;
}

/* Adds the words from .. to - 1 to a part; Spain is no news. */
static void
add_words(AddressParser *p, AddressField field, int from, int to)
{
	while (to > from && (omni_address_is(&p->tokens[to - 1], "espana") || omni_address_is(&p->tokens[to - 1], "spain")))
		to--;
	for (int i = from; i < to; i++)
		omni_address_add(p->parts, field, &p->tokens[i].text);
}

/* Takes the postcode, the town and the province from the end. */
static void
read_town(AddressParser *p)
{
	int			code = p->count - 1;
	int			comma;

	while (code > 0 && !is_postcode(p, code))
		code--;
	if (code <= 0)
		return;
	omni_address_add(p->parts, ADDRESS_POSTCODE, &p->tokens[code].text);
	comma = code + 1;
	while (comma < p->count && (comma == code + 1 || !p->tokens[comma].comma))
		comma++;
	add_words(p, ADDRESS_TOWN, code + 1, comma);
	add_words(p, ADDRESS_PROVINCE, comma, p->count);
	p->count = code;
	/* C.P. 28013, E-28013 */
	if (p->count > 1 && omni_address_is(&p->tokens[p->count - 1], "cp"))
		p->count--;
	else if (p->count > 2 && omni_address_is(&p->tokens[p->count - 1], "p") && omni_address_is(&p->tokens[p->count - 2], "c"))
		p->count -= 2;
	else if (p->count > 1 && omni_address_is(&p->tokens[p->count - 1], "e") && p->tokens[code].hyphen)
		p->count--;
	/* Calle Mayor 5, Madrid 28013 */
	comma = p->count - 1;
	while (comma > 0 && !p->tokens[comma].comma && !p->tokens[comma].number && p->tokens[comma].text.length > 1)
		comma--;
	if (!address_has(p, ADDRESS_TOWN) && comma > 0 && p->tokens[comma].comma && !p->tokens[comma].number &&
		omni_address_kind(&p->tokens[comma]) <= WORD_NONE && p->tokens[comma].text.length > 1 && p->tokens[comma].word == NULL)
	{
		add_words(p, ADDRESS_TOWN, comma, p->count);
		p->count = comma;
	}
}

/* Countries whose addresses are written as in Spain. */
static bool
is_spanish(const char *country)
{
	static const char countries[] = "|ES|AD|AR|BO|CL|CO|CR|CU|DO|EC|GQ|GT|HN|MX|NI|PA|PE|PR|PY|SV|UY|VE|";
	char		key[5] = {'|', country[0], country[1], '|', '\0'};

	return country[0] != '\0' && strstr(countries, key) != NULL;
}

/*
 * omni_address: reads an address.
 * Arguments: the value; the ISO code of its country, or an empty string; its
 * parts, folded.
 * Result: false where there is no word to call a street, or beyond 1,000
 * characters.
 */
bool
omni_address(Datum value, const char *country, AddressParts *parts)
{
	AddressParser parser = {.parts = parts};
	StreetPlace place;
	int			next;

	memset(parts, 0, sizeof(AddressParts));
	if (!omni_address_tokens(value, &parser) || parser.count == 0)
		return false;
	if (is_spanish(country))
	{
		if (strcmp(country, "ES") == 0)
			read_town(&parser);
		/* 12, Calle Mayor */
		if (parser.tokens[0].number && street_type(&parser, 1, &place, &next) != NULL)
			omni_address_number(&parser);
		read_type(&parser);
		read_name(&parser);
		omni_address_tail(&parser);
	}
	else
	{
		parser.abroad = true;
		omni_address_abroad(&parser, country);
	}
	if (parts->field[ADDRESS_STREET].length > 0)
		return true;
	for (int i = 0; i < parts->field[ADDRESS_EXTRA].length; i++)
	{
		codepoint	c = parts->field[ADDRESS_EXTRA].data[i];

		if (c != ' ' && (c < '0' || c > '9'))
			return true;
	}
	return false;
}

/*
 * normalize_address(text, country text) returns parsed_address: the parts of an
 * address, folded.
 * Result: NULL without a word to call a street, or beyond 1,000 characters.
 */
Datum
omnicrm_normalize_address(PG_FUNCTION_ARGS)
{
	AddressParts parts;
	TupleDesc	description;
	Datum		values[ADDRESS_FIELDS];
	bool		nulls[ADDRESS_FIELDS];
	char		country[3];

	if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != ADDRESS_FIELDS)
		elog(ERROR, "normalize_address must return parsed_address");
	omni_country(PG_GETARG_DATUM(1), country);
	if (!omni_address(PG_GETARG_DATUM(0), country, &parts))
		PG_RETURN_NULL();
	for (int i = 0; i < ADDRESS_FIELDS; i++)
	{
		text	   *result = NULL;

		if (parts.field[i].length > 0)
			result = omni_chars_to_text(parts.field[i].data, parts.field[i].length);
		nulls[i] = result == NULL;
		values[i] = PointerGetDatum(result);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
