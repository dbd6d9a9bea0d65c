/*
 * address.h
 *		Postal addresses taken apart: words in address_words.c, Spain in address.c,
 *		other countries in address_abroad.c, what stands behind the street in
 *		address_units.c.
 */
#ifndef OMNICRM_IDENTITY_ADDRESS_H
#define OMNICRM_IDENTITY_ADDRESS_H

#include "identity/chars.h"

#define OMNI_ADDRESS_MAX	1000

/* in the order of the SQL type parsed_address */
typedef enum AddressField
{
	ADDRESS_TYPE,
	ADDRESS_STREET,
	ADDRESS_NUMBER,
	ADDRESS_KM,
	ADDRESS_BLOCK,
	ADDRESS_PORTAL,
	ADDRESS_STAIRCASE,
	ADDRESS_FLOOR,
	ADDRESS_DOOR,
	ADDRESS_POSTCODE,
	ADDRESS_TOWN,
	ADDRESS_PROVINCE,
	ADDRESS_EXTRA,
	ADDRESS_FIELDS
} AddressField;

/* folded; empty parts have length 0 */
typedef struct AddressParts
{
	Chars		field[ADDRESS_FIELDS];
} AddressParts;

/* what a word may introduce or say behind the name of the street */
typedef enum UnitWord
{
	WORD_NONE,
	WORD_NUMBER,				/* nº */
	WORD_KM,
	WORD_BLOCK,
	WORD_BLOCK_NAMED,			/* torre: the word stays */
	WORD_PORTAL,
	WORD_STAIRCASE,
	WORD_FLOOR,
	WORD_DOOR,
	WORD_DOOR_NAMED,			/* local, nave: the word stays */
	WORD_FLOOR_VALUE,			/* bajo */
	WORD_SIDE,					/* izda */
	WORD_SUFFIX,				/* bis */
	WORD_ORDINAL,				/* primero */
	WORD_PARTICLE,
	WORD_MONTH
} UnitWord;

typedef enum StreetPlace
{
	STREET_NONE,
	STREET_FRONT,
	STREET_AREA,				/* urbanización: a street may follow */
	STREET_EITHER				/* kalea: before or behind the name */
} StreetPlace;

typedef struct AddressWord
{
	const char *word;
	int			length;
	const char *street;			/* canonical type of street, or NULL */
	const char *front_abroad;	/* the same in other countries: rue */
	const char *back_abroad;	/* behind the name: street */
	const char *unit;			/* canonical word */
	const char *full;			/* what an abbreviation in a name stands for */
	StreetPlace place;
	UnitWord	kind;
} AddressWord;

typedef struct AddressToken
{
	Chars		text;			/* folded */
	const AddressWord *word;	/* NULL: not in the tables */
	bool		number;			/* digits only */
	char		ordinal;		/* 'o' or 'a' behind it (3º, 2ª), else 0 */
	bool		dot;			/* a dot behind it */
	bool		comma;			/* before it: comma, line end, parenthesis */
	bool		hyphen;			/* before it */
	bool		slash;			/* before it */
	bool		hash;			/* before it: # */
	bool		glued;			/* no blank before it */
} AddressToken;

typedef struct AddressParser
{
	AddressToken *tokens;
	int			count;
	int			at;
	bool		abroad;			/* not by Spanish rules */
	bool		unlabelled;		/* floor and door came without a word */
	AddressParts *parts;
} AddressParser;

/* The token at a place; NULL beyond the ends. */
static inline const AddressToken *
address_token(const AddressParser *p, int i)
{
	return i >= 0 && i < p->count ? &p->tokens[i] : NULL;
}

/* Whether a token is there and no comma stands before it. */
static inline bool
address_continues(const AddressToken *t)
{
	return t != NULL && !t->comma;
}

static inline bool
address_has(const AddressParser *p, AddressField field)
{
	return p->parts->field[field].length > 0;
}

/* address_words.c */
extern bool omni_address_tokens(Datum value, AddressParser *parser);
extern bool omni_address_is(const AddressToken *token, const char *word);
extern UnitWord omni_address_kind(const AddressToken *token);
extern void omni_address_add(AddressParts *parts, AddressField field, const Chars *text);
extern void omni_address_add_plain(AddressParts *parts, AddressField field, const char *text);

/* address.c */
extern bool omni_address(Datum value, const char *country, AddressParts *parts);
extern bool omni_address_skip_particles(AddressParser *p);

/* address_units.c */
extern int	omni_address_value(const AddressToken *t);
extern int	omni_address_without_number(const AddressParser *p, int i);
extern bool omni_address_unit_ahead(const AddressParser *p, int i);
extern void omni_address_add_name(AddressParser *p, AddressField field, const AddressToken *t, bool last);
extern void omni_address_number(AddressParser *p);
extern void omni_address_tail(AddressParser *p);

/* address_abroad.c */
extern void omni_address_abroad(AddressParser *p, const char *country);

#endif							/* OMNICRM_IDENTITY_ADDRESS_H */
