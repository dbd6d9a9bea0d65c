/*
 * address_units.c
 *		What stands behind the name of a street: number, km, block, portal,
 *		staircase, floor, door.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "common/compat.h"
#include "identity/address.h"

/* house numbers that a hyphen joins are this close */
#define RANGE_MAX	40

static bool
is_letter(const AddressToken *t)
{
	return t != NULL && !t->number && t->text.length == 1;
}

/* Adds a number without its leading zeros. */
static void
add_number(AddressParser *p, AddressField field, const AddressToken *t)
{
	Chars		text = t->text;

	while (text.length > 1 && text.data[0] == '0')
	{
		text.data++;
		text.length--;
	}
	omni_address_add(p->parts, field, &text);
}

/* Appends behind a mark, without blanks. */
static void
join(AddressParser *p, AddressField field, const char *mark, const Chars *text)
{
	Chars	   *part = &p->parts->field[field];
	codepoint  *data = palloc((part->length + 1 + text->length) * sizeof(codepoint));

	memcpy(data, part->data, part->length * sizeof(codepoint));
	data[part->length] = (unsigned char) *mark;
	memcpy(data + part->length + 1, text->data, text->length * sizeof(codepoint));
	part->data = data;
	part->length += 1 + text->length;
}

/*
 * omni_address_value: a number of up to six digits; -1 for a longer one.
 */
int
omni_address_value(const AddressToken *t)
{
	int			value = 0;

	if (t->text.length > 6)
		return -1;
	for (int i = 0; i < t->text.length; i++)
		value = value * 10 + (t->text.data[i] - '0');
	return value;
}

/* Letters behind a number that make an ordinal of it: 1er, 2do, 3r, 4t. */
static bool
is_ordinal_ending(const AddressToken *t)
{
	static const char *const endings[] = {"r", "er", "ro", "ra", "n", "nd", "do", "da", "t", "to", "ta", "o", "vo", "va",
	"mo", "ma", "st", "rd", "th", "eme"};

	if (t == NULL || t->number || !t->glued || t->hyphen || t->slash || t->comma || t->dot)
		return false;
	for (int i = 0; i < lengthof(endings); i++)
	{
		if (omni_address_is(t, endings[i]))
			return true;
	}
	return false;
}

/*
 * omni_address_without_number: s/n, sn, sin número at a place.
 * Result: the number of tokens, 0 for something else.
 */
int
omni_address_without_number(const AddressParser *p, int i)
{
	const AddressToken *t = address_token(p, i);
	const AddressToken *next = address_token(p, i + 1);

	if (t == NULL)
		return 0;
	if (omni_address_is(t, "sn"))
		return 1;
	if (next != NULL && omni_address_is(t, "s") && omni_address_is(next, "n") && !next->comma)
		return 2;
	if (next != NULL && omni_address_is(t, "sin") && omni_address_kind(next) == WORD_NUMBER)
		return 2;
	return 0;
}

/* Whether a token can be the value behind a word such as portal or piso. */
static bool
is_value(const AddressToken *t, UnitWord for_word)
{
	UnitWord	kind;

	if (t == NULL || t->comma)
		return false;
	kind = omni_address_kind(t);
	if (t->number)
		return t->text.length <= 4;
	if (for_word == WORD_FLOOR && (kind == WORD_FLOOR_VALUE || kind == WORD_ORDINAL))
		return true;
	if ((for_word == WORD_DOOR || for_word == WORD_STAIRCASE || for_word == WORD_PORTAL) &&
		(kind == WORD_SIDE || kind == WORD_ORDINAL))
		return true;
	return is_letter(t) || (for_word != WORD_DOOR_NAMED && (omni_address_is(t, "ii") || omni_address_is(t, "iii") ||
															 omni_address_is(t, "iv") || omni_address_is(t, "vi")));
}

/*
 * omni_address_unit_ahead: whether a word for a unit and its value stand here.
 */
bool
omni_address_unit_ahead(const AddressParser *p, int i)
{
	const AddressToken *t = address_token(p, i);
	const AddressToken *next = address_token(p, i + 1);
	UnitWord	kind = t != NULL ? omni_address_kind(t) : WORD_NONE;

	switch (kind)
	{
		case WORD_NUMBER:
			return address_continues(next) && next->number && (t->text.length > 1 || t->ordinal || t->dot || next->glued || t->comma);
		case WORD_KM:
			return address_continues(next) && next->number;
		case WORD_BLOCK:
		case WORD_BLOCK_NAMED:
		case WORD_PORTAL:
		case WORD_STAIRCASE:
		case WORD_FLOOR:
		case WORD_DOOR:
		case WORD_DOOR_NAMED:
			/* a letter alone is a name as well: Torre A, Casa B */
			if (!is_value(next, kind))
				return false;
			if (t->comma)
				return true;
			if (i > 0 && omni_address_kind(&p->tokens[i - 1]) == WORD_PARTICLE)
				return false;
			return next->number || kind == WORD_BLOCK || kind == WORD_PORTAL || kind == WORD_STAIRCASE;
		default:
			return false;
	}
}

/* Whether a hyphen or "y" joins another house number to the one before. */
static bool
is_range(const AddressParser *p, const AddressToken *from, int i)
{
	const AddressToken *t = address_token(p, i);
	int			distance;

	if (!address_continues(t) || !t->number || t->ordinal || !(t->hyphen || t->slash) ||
		is_ordinal_ending(address_token(p, i + 1)))
		return false;
	if (from->hash || (p->abroad && t->hyphen && t->glued))
		return true;
	distance = omni_address_value(t) - omni_address_value(from);
	return omni_address_value(t) > 0 && distance > 0 && distance <= RANGE_MAX && distance % 2 == 0;
}

/* 12 A, 12A, 12-A; not 12 E. 3, 12 P 3, 12 n 3, 12 s/n; abroad not 12 N Main St. */
static bool
is_number_letter(const AddressParser *p, const AddressToken *t)
{
	const AddressToken *next = address_token(p, p->at + 1);
	UnitWord	kind;

	if (!address_continues(t) || !is_letter(t) || t->slash || omni_address_without_number(p, p->at) > 0)
		return false;
	if (p->abroad && !t->glued && address_continues(next))
		return false;
	kind = omni_address_kind(t);
	return !((t->dot || kind == WORD_FLOOR || kind == WORD_NUMBER) && is_value(next, WORD_FLOOR));
}

/*
 * omni_address_number: reads the house number that stands here, with bis, letter
 * and range.
 */
void
omni_address_number(AddressParser *p)
{
	const AddressToken *from = address_token(p, p->at++);
	const AddressToken *t;

	if (address_has(p, ADDRESS_NUMBER))
	{
		omni_address_add(p->parts, ADDRESS_EXTRA, &from->text);
		return;
	}
	add_number(p, ADDRESS_NUMBER, from);
	t = address_token(p, p->at);
	if (is_range(p, from, p->at))
	{
		do
			join(p, ADDRESS_NUMBER, "-", &p->tokens[p->at++].text);
		while (p->abroad && is_range(p, from, p->at));
	}
	else if (address_continues(t) && omni_address_is(t, "y") &&
			 address_continues(address_token(p, p->at + 1)) && p->tokens[p->at + 1].number)
	{
		join(p, ADDRESS_NUMBER, "-", &p->tokens[p->at + 1].text);
		p->at += 2;
	}
	t = address_token(p, p->at);
	if (address_continues(t) && omni_address_kind(t) == WORD_SUFFIX)
	{
		omni_address_add_plain(p->parts, ADDRESS_NUMBER, t->word->unit);
		t = address_token(p, ++p->at);
	}
	if (is_number_letter(p, t))
	{
		omni_address_add(p->parts, ADDRESS_NUMBER, &t->text);
		p->at++;
	}
}

/* km 12,5 and km 12+500: the part behind the mark, without zeros at its end. */
static void
read_km(AddressParser *p)
{
	const AddressToken *t = address_token(p, ++p->at);
	const AddressToken *next = address_token(p, p->at + 1);
	Chars		fraction;

	p->at++;
	if (address_has(p, ADDRESS_KM))
		return;
	add_number(p, ADDRESS_KM, t);
	/* no blank between the digits, so the mark is a decimal one */
	if (next == NULL || !next->number || !next->glued || next->hyphen || next->slash || next->hash)
		return;
	p->at++;
	fraction = next->text;
	while (fraction.length > 0 && fraction.data[fraction.length - 1] == '0')
		fraction.length--;
	if (fraction.length > 0)
		join(p, ADDRESS_KM, ".", &fraction);
}

/* Adds the value of a unit. */
static void
add_value(AddressParser *p, AddressField field, const AddressToken *t)
{
	UnitWord	kind = omni_address_kind(t);

	if (t->number)
		add_number(p, field, t);
	else if (kind == WORD_FLOOR_VALUE || kind == WORD_SIDE || kind == WORD_ORDINAL)
		omni_address_add_plain(p->parts, field, t->word->unit);
	else
		omni_address_add(p->parts, field, &t->text);
}

/* The part that a word for a unit introduces. */
static AddressField
field_of(UnitWord kind)
{
	switch (kind)
	{
		case WORD_BLOCK:
		case WORD_BLOCK_NAMED:
			return ADDRESS_BLOCK;
		case WORD_PORTAL:
			return ADDRESS_PORTAL;
		case WORD_STAIRCASE:
			return ADDRESS_STAIRCASE;
		case WORD_FLOOR:
			return ADDRESS_FLOOR;
		default:
			return ADDRESS_DOOR;
	}
}

/* A word for a unit and its value; false when no value follows. */
static bool
read_unit(AddressParser *p)
{
	const AddressToken *t = address_token(p, p->at);
	const AddressToken *next = address_token(p, p->at + 1);
	UnitWord	kind = omni_address_kind(t);
	AddressField field = field_of(kind);

	/* E. 3: the staircase */
	if (omni_address_is(t, "e") && t->dot && is_value(next, WORD_STAIRCASE))
	{
		kind = WORD_STAIRCASE;
		field = ADDRESS_STAIRCASE;
	}
	else if (kind < WORD_BLOCK || kind > WORD_DOOR_NAMED || !is_value(next, kind))
		return false;
	if (address_has(p, field) && kind != WORD_DOOR_NAMED)
		field = ADDRESS_EXTRA;
	if (kind == WORD_DOOR_NAMED || kind == WORD_BLOCK_NAMED || field == ADDRESS_EXTRA)
		omni_address_add_plain(p->parts, field, t->word != NULL ? t->word->unit : "escalera");
	add_value(p, field, next);
	p->at += 2;
	if (next->number && is_ordinal_ending(address_token(p, p->at)))
		p->at++;
	/* bloque 3A, portal 2B */
	if (field != ADDRESS_FLOOR && next->number && is_letter(address_token(p, p->at)) && p->tokens[p->at].glued &&
		address_continues(address_token(p, p->at)) && !p->tokens[p->at].hyphen)
		omni_address_add(p->parts, field, &p->tokens[p->at++].text);
	return true;
}

/* 5a planta, 2e etage: a letter that only the word behind it makes an ordinal. */
static bool
is_feminine_ending(const AddressParser *p, int i)
{
	const AddressToken *t = address_token(p, i);
	UnitWord	kind;

	if (t == NULL || !t->glued || t->comma || t->hyphen || t->slash || !address_continues(address_token(p, i + 1)) ||
		!(omni_address_is(t, "a") || omni_address_is(t, "e")))
		return false;
	kind = omni_address_kind(&p->tokens[i + 1]);
	return kind >= WORD_BLOCK && kind <= WORD_DOOR && !is_value(address_token(p, i + 2), kind);
}

/* Whether neither number nor unit has been read. */
static bool
nothing_before(const AddressParser *p)
{
	for (AddressField field = ADDRESS_NUMBER; field <= ADDRESS_DOOR; field++)
	{
		if (address_has(p, field))
			return false;
	}
	return true;
}

/* A number without a word before it. */
static void
read_plain_number(AddressParser *p)
{
	const AddressToken *t = address_token(p, p->at);
	const AddressToken *next = address_token(p, p->at + 1);
	bool		ending = is_ordinal_ending(next) || is_feminine_ending(p, p->at + 1);
	const AddressToken *behind = address_token(p, p->at + 1 + ending);
	UnitWord	kind = address_continues(behind) ? omni_address_kind(behind) : WORD_NONE;
	bool		ordinal = t->ordinal || ending;

	if (t->text.length > 4)
	{
		omni_address_add(p->parts, ADDRESS_EXTRA, &t->text);
		p->at++;
		return;
	}
	/* 3º piso, 2ª puerta, 3 planta */
	if ((kind == WORD_FLOOR || (ordinal && kind >= WORD_BLOCK && kind <= WORD_DOOR)) && !address_has(p, field_of(kind)) &&
		!is_value(address_token(p, p->at + 2 + ending), kind))
	{
		add_number(p, field_of(kind), t);
		p->at += 2 + ending;
		return;
	}
	if (!ordinal && nothing_before(p))
	{
		omni_address_number(p);
		return;
	}
	p->at += 1 + ending;
	if (!address_has(p, ADDRESS_FLOOR))
	{
		add_number(p, ADDRESS_FLOOR, t);
		p->unlabelled = true;
	}
	else if (!address_has(p, ADDRESS_DOOR))
	{
		add_number(p, ADDRESS_DOOR, t);
		/* 2a: the second door */
		if (!ending && next != NULL && omni_address_is(next, "a") && next->glued && !next->comma)
			p->at++;
	}
	else if (p->unlabelled && !address_has(p, ADDRESS_STAIRCASE))
	{
		/* staircase, floor, door */
		p->parts->field[ADDRESS_STAIRCASE] = p->parts->field[ADDRESS_FLOOR];
		p->parts->field[ADDRESS_FLOOR] = p->parts->field[ADDRESS_DOOR];
		p->parts->field[ADDRESS_DOOR] = (Chars) {NULL, 0};
		add_number(p, ADDRESS_DOOR, t);
	}
	else
		omni_address_add(p->parts, ADDRESS_EXTRA, &t->text);
}

/* A word or letter that is no word for a unit; false when it says nothing here. */
static bool
read_plain_word(AddressParser *p)
{
	const AddressToken *t = address_token(p, p->at);
	UnitWord	kind = omni_address_kind(t);

	if (is_letter(t) && !address_has(p, ADDRESS_DOOR) && !nothing_before(p))
		omni_address_add(p->parts, ADDRESS_DOOR, &t->text);
	else if (kind == WORD_FLOOR_VALUE && !address_has(p, ADDRESS_FLOOR))
		omni_address_add_plain(p->parts, ADDRESS_FLOOR, t->word->unit);
	else if (kind == WORD_SIDE)
		omni_address_add_plain(p->parts, ADDRESS_DOOR, t->word->unit);
	else if (kind == WORD_ORDINAL && (t->comma || address_has(p, ADDRESS_NUMBER)) && !address_has(p, ADDRESS_FLOOR))
		omni_address_add_plain(p->parts, ADDRESS_FLOOR, t->word->unit);
	else
		return false;
	p->at++;
	return true;
}

/*
 * omni_address_add_name: adds a word of a name, abbreviations spelt out but for
 * the last word.
 */
void
omni_address_add_name(AddressParser *p, AddressField field, const AddressToken *t, bool last)
{
	if (t->word != NULL && t->word->full != NULL && !last)
		omni_address_add_plain(p->parts, field, t->word->full);
	else
		omni_address_add(p->parts, field, &t->text);
}

/* The rest of what stands between two commas. */
static void
read_extra(AddressParser *p)
{
	const AddressToken *t = address_token(p, p->at);

	if (t->word != NULL && t->word->street != NULL && t->text.length > 1)
		omni_address_add_plain(p->parts, ADDRESS_EXTRA, t->word->street);
	else if (omni_address_kind(t) > WORD_NUMBER && omni_address_kind(t) < WORD_ORDINAL)
		omni_address_add_plain(p->parts, ADDRESS_EXTRA, t->word->unit);
	else
		omni_address_add(p->parts, ADDRESS_EXTRA, &t->text);
	for (p->at++; p->at < p->count && !p->tokens[p->at].comma && !omni_address_unit_ahead(p, p->at); p->at++)
		omni_address_add_name(p, ADDRESS_EXTRA, &p->tokens[p->at], false);
}

/*
 * omni_address_tail: reads everything behind the name of the street.
 */
void
omni_address_tail(AddressParser *p)
{
	while (p->at < p->count)
	{
		const AddressToken *t = address_token(p, p->at);
		const AddressToken *next = address_token(p, p->at + 1);
		UnitWord	kind = omni_address_kind(t);
		int			n = omni_address_without_number(p, p->at);

		CHECK_FOR_INTERRUPTS();
		if (n > 0)
		{
			if (!address_has(p, ADDRESS_NUMBER))
				omni_address_add_plain(p->parts, ADDRESS_NUMBER, "s/n");
			p->at += n;
		}
		else if (t->hash && t->number && address_has(p, ADDRESS_NUMBER) && !address_has(p, ADDRESS_DOOR))
		{
			add_number(p, ADDRESS_DOOR, t);
			p->at++;
		}
		else if (kind == WORD_NUMBER && address_continues(next) && next->number)
		{
			p->at++;
			omni_address_number(p);
		}
		else if (kind == WORD_KM && address_continues(next) && next->number)
			read_km(p);
		else if (t->number)
			read_plain_number(p);
		else if (!read_unit(p) && !read_plain_word(p))
			read_extra(p);
	}
}
