/*
 * match_sketch.h
 *		What can be said of two different values without looking at them.
 *
 * Each value has a sketch of 32 bits, which lies in the row of its record beside
 * the number of the value.  Two sketches tell which levels of agreement two
 * different values may reach, never leaving out the one that they do reach.  Most
 * pairs that blocking brings together are given up by their rows alone, one cache
 * line each; only what may still matter is fetched and compared.
 *
 * Sketches of texts hold the length, the first byte, the words as bits of a hash,
 * and the parity of the number of bytes of each class.  One edit changes at most
 * two parities, and a byte without a counterpart in the other text leaves one
 * behind, which bounds edit distances from below and Jaro similarities from above.
 * Where a row has words to spare, a second sketch of some texts holds parities of
 * finer classes.
 *
 * The functions do without branches, so that a loop over the sketches of several
 * records becomes vector instructions (match_lanes.c).
 */
#ifndef OMNICRM_IDENTITY_MATCH_SKETCH_H
#define OMNICRM_IDENTITY_MATCH_SKETCH_H

#include "identity/match.h"

/* lengths from here on are not told apart */
#define SKETCH_LENGTH_MAX	31
/* fields of a sketch of a text, from the highest bit: length, first byte, then by kind */
#define SKETCH_LENGTH(s)	((s) >> 27)
#define SKETCH_FIRST(s)		((s) >> 23 & 15)
#define SKETCH_FIRST_SHIFT	23
/* parities are the lowest bits, words and groups of equivalent names lie above them */
#define SKETCH_NAME_PARITIES	12
#define SKETCH_NAME_GROUPS		4
#define SKETCH_NAME_WORDS		7
#define SKETCH_WORDS_PARITIES	14
#define SKETCH_WORDS_WORDS		9
#define SKETCH_CITY_PARITIES	23
#define SKETCH_EMAIL_PARITIES	15
#define SKETCH_EMAIL_LOCAL		8
#define SKETCH_CODE_PARITIES	27
#define SKETCH_PHONE_DIGITS		7
#define SKETCH_POSTCODE_PARITIES	12
/* of a second sketch: letters fall into classes of their own */
#define SKETCH_MORE_PARITIES	32

#define SKETCH_MASK(bits)	(((uint32) 1 << (bits)) - 1)
#define SKETCH_BITS(s, shift, bits)	((s) >> (shift) & SKETCH_MASK(bits))

/* Sets of levels, as bits. */
#define LEVEL(k)	(1 << (k))

/* A set of levels where a condition holds. */
static pg_attribute_always_inline uint32
sketch_levels(bool condition, uint32 levels)
{
	return condition ? levels : 0;
}

/* Number of bits set, by sums that vector instructions have. */
static pg_attribute_always_inline int
sketch_count(uint32 x)
{
	x -= x >> 1 & 0x55555555;
	x = (x & 0x33333333) + (x >> 2 & 0x33333333);
	x = (x + (x >> 4)) & 0x0f0f0f0f;
	x += x >> 8;
	return (int) ((x + (x >> 16)) & 63);
}

/* The lowest bit of each four-bit digit that is not zero. */
static pg_attribute_always_inline uint32
sketch_digits(uint32 x)
{
	x |= x >> 1;
	x |= x >> 2;
	return x & 0x11111111;
}

/* Number of lowest bits of digits. */
static pg_attribute_always_inline int
sketch_count_digits(uint32 flags)
{
	flags += flags >> 16;
	flags += flags >> 8;
	return (int) ((flags + (flags >> 4)) & 15);
}

/*
 * Whether the Jaro similarity of two texts may reach a value, when that many
 * parities differ.  At most (la + lb - odd) / 2 bytes have a counterpart, and the
 * similarity is at most (m / la + m / lb + 1) / 3.  In thousandths.
 */
static pg_attribute_always_inline bool
sketch_jaro(int la, int lb, int odd, int thousandths)
{
	int			shorter = la < lb ? la : lb;
	int			m = (la + lb - odd) >> 1;

	m = m < shorter ? m : shorter;
	return m * (la + lb) * 1000 >= (3 * thousandths - 1000) * (la * lb);
}

/*
 * Which of three Jaro-Winkler similarities, .92, .85 and .70, two texts may reach:
 * bits 0, 1 and 2.  Equal beginnings add to a Jaro similarity above .7.
 */
static pg_attribute_always_inline uint32
sketch_alike(uint32 a, uint32 b, int parities, int more)
{
	int			la = SKETCH_LENGTH(a);
	int			lb = SKETCH_LENGTH(b);
	int			first = sketch_count((a ^ b) & SKETCH_MASK(parities));
	int			odd = first > more ? first : more;
	bool		begins = SKETCH_FIRST(a) == SKETCH_FIRST(b);
	uint32		alike;

	/* a little less than it takes, for what the computation rounds */
	alike = sketch_levels(sketch_jaro(la, lb, odd, 699), 4) |
		sketch_levels(sketch_jaro(la, lb, odd, begins ? 749 : 849), 2) |
		sketch_levels(sketch_jaro(la, lb, odd, begins ? 866 : 919), 1);
	return (la == SKETCH_LENGTH_MAX) | (lb == SKETCH_LENGTH_MAX) ? 7 : alike;
}

/*
 * Number of swaps of neighbours that make digits of one date those of the other, no
 * digit in two swaps, the last ones first; for dates that differ in four digits at
 * most, so that at most three swaps follow each other.
 */
static pg_attribute_always_inline int
sketch_swaps(uint32 a, uint32 b)
{
	uint32		differ = sketch_digits(a ^ b);
	/* no flag where a digit of one is its left neighbour in the other */
	uint32		left = sketch_digits(a >> 4 ^ b);
	uint32		right = sketch_digits(b >> 4 ^ a);
	uint32		swaps = differ & ~left & ~right & 0x01111111;
	uint32		first = swaps & ~(swaps << 4);
	uint32		rest = swaps & ~first & ~(first << 4);

	return sketch_count_digits(first) + sketch_count_digits(rest & ~(rest << 4));
}

/* Whether one digit left out and another put in makes one date of the other. */
static pg_attribute_always_inline bool
sketch_shifted(uint32 a, uint32 b)
{
	uint32		up = sketch_digits(a ^ b);
	uint32		down = up;
	uint32		between;

	/* from the last digit that differs on, and from the first one down */
	up |= up << 4;
	up |= up << 8;
	up |= up << 16;
	down |= down >> 4;
	down |= down >> 8;
	down |= down >> 16;
	/* what lies between is one place farther in one of them */
	between = up & down >> 4;
	return ((sketch_digits(a >> 4 ^ b) & between) == 0) | ((sketch_digits(b >> 4 ^ a) & between) == 0);
}

/*
 * The level of two different dates, as eight decimal digits of four bits: that of
 * level_of_date() in match_compare.c.
 */
static pg_attribute_always_inline uint32
sketch_possible_date(uint32 a, uint32 b)
{
	uint32		differ = sketch_digits(a ^ b);
	int			n = sketch_count_digits(differ);
	int			most = sketch_swaps(a, b);
	int			swaps = n <= 4 ? most : 0;
	/* parts by their digits: yyyymmdd */
	int			year = (differ & 0x11110000) == 0 ? 1 : 0;
	int			month = (differ & 0x00001100) == 0 ? 1 : 0;
	int			day = (differ & 0x00000011) == 0 ? 1 : 0;
	int			exchanged = ((a >> 8 ^ b) & 255) == 0 ? year : 0;
	int			shifted = sketch_shifted(a, b) ? 1 : 0;
	uint32		level = year != 0 ? LEVEL(4) : LEVEL(5);

	exchanged = ((b >> 8 ^ a) & 255) == 0 ? exchanged : 0;
	level = n - swaps <= 2 ? LEVEL(3) : level;
	level = shifted != 0 ? LEVEL(3) : level;
	level = year + month + day == 2 ? LEVEL(2) : level;
	level = n - swaps <= 1 ? LEVEL(1) : level;
	return exchanged != 0 ? LEVEL(1) : level;
}

static pg_attribute_always_inline uint32
sketch_possible_given_name(uint32 a, uint32 b, int more)
{
	uint32		both = a & b;
	uint32		alike = sketch_alike(a, b, SKETCH_NAME_PARITIES, more);
	bool		group = SKETCH_BITS(both, SKETCH_NAME_PARITIES, SKETCH_NAME_GROUPS) != 0;
	bool		begins = SKETCH_FIRST(a) == SKETCH_FIRST(b);
	bool		word = SKETCH_BITS(both, SKETCH_NAME_PARITIES + SKETCH_NAME_GROUPS, SKETCH_NAME_WORDS) != 0;

	return sketch_levels(group, LEVEL(1)) | sketch_levels(alike & 1, LEVEL(2)) | sketch_levels(alike & 2, LEVEL(3)) |
		sketch_levels(begins | word, LEVEL(4)) | sketch_levels(alike & 4, LEVEL(5)) | LEVEL(6);
}

static pg_attribute_always_inline uint32
sketch_possible_name(uint32 a, uint32 b, int more)
{
	uint32		alike = sketch_alike(a, b, SKETCH_NAME_PARITIES, more);
	bool		word = SKETCH_BITS(a & b, SKETCH_NAME_PARITIES + SKETCH_NAME_GROUPS, SKETCH_NAME_WORDS) != 0;

	return sketch_levels(word, LEVEL(1) | LEVEL(2) | LEVEL(3) | LEVEL(4) | LEVEL(5)) |
		sketch_levels(alike & 1, LEVEL(3)) | sketch_levels(alike & 2, LEVEL(5)) | LEVEL(6);
}

/* Whether two texts of words may share one. */
static pg_attribute_always_inline bool
sketch_shared_word(uint32 a, uint32 b)
{
	return SKETCH_BITS(a & b, SKETCH_WORDS_PARITIES, SKETCH_WORDS_WORDS) != 0;
}

static pg_attribute_always_inline uint32
sketch_possible_surname(uint32 a, uint32 b, int more)
{
	uint32		alike = sketch_alike(a, b, SKETCH_WORDS_PARITIES, more);

	return sketch_levels(alike & 1, LEVEL(1)) | sketch_levels(alike & 2, LEVEL(2)) |
		sketch_levels(sketch_shared_word(a, b), LEVEL(4)) | sketch_levels(alike & 4, LEVEL(5)) | LEVEL(6);
}

static pg_attribute_always_inline uint32
sketch_possible_text(uint32 a, uint32 b, int more)
{
	uint32		alike = sketch_alike(a, b, SKETCH_WORDS_PARITIES, more);

	return sketch_levels(alike & 1, LEVEL(1)) | sketch_levels(alike & 2, LEVEL(2)) |
		sketch_levels(sketch_shared_word(a, b), LEVEL(3)) | LEVEL(4);
}

static pg_attribute_always_inline uint32
sketch_possible_address(uint32 a, uint32 b, int more)
{
	uint32		alike = sketch_alike(a, b, SKETCH_WORDS_PARITIES, more);

	return sketch_levels(alike & 1, LEVEL(1)) | sketch_levels(sketch_shared_word(a, b), LEVEL(1) | LEVEL(2)) |
		sketch_levels(alike & 2, LEVEL(3)) | LEVEL(4);
}

static pg_attribute_always_inline uint32
sketch_possible_city(uint32 a, uint32 b, int more)
{
	uint32		alike = sketch_alike(a, b, SKETCH_CITY_PARITIES, more);

	/* similar from .80 on: what may reach .70 may reach that, with equal beginnings */
	return sketch_levels(alike & 1, LEVEL(1)) | sketch_levels(alike & 4, LEVEL(2)) | LEVEL(3);
}

static pg_attribute_always_inline uint32
sketch_possible_email(uint32 a, uint32 b, int more)
{
	int			la = SKETCH_LENGTH(a);
	int			lb = SKETCH_LENGTH(b);
	int			first = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_EMAIL_PARITIES));
	int			odd = first > more ? first : more;
	bool		begins = SKETCH_FIRST(a) == SKETCH_FIRST(b);
	bool		similar = (la == SKETCH_LENGTH_MAX) | (lb == SKETCH_LENGTH_MAX) | sketch_jaro(la, lb, odd, begins ? 799 : 879);

	return sketch_levels(SKETCH_BITS(a ^ b, SKETCH_EMAIL_PARITIES, SKETCH_EMAIL_LOCAL) == 0, LEVEL(1)) |
		sketch_levels(odd <= 4, LEVEL(2)) | sketch_levels(similar, LEVEL(3)) | LEVEL(4);
}

static pg_attribute_always_inline uint32
sketch_possible_phone(uint32 a, uint32 b)
{
	int			longer = (int) (a >> 28) - (int) (b >> 28);
	int			digits = sketch_count_digits(sketch_digits(a ^ b));
	/* of two of one length three digits differ, or one is longer by more than a digit */
	bool		different = ((longer == 0) & (digits > 2)) | (longer > 1) | (longer < -1);

	return LEVEL(2) | sketch_levels(!different, LEVEL(1));
}

static pg_attribute_always_inline uint32
sketch_possible_tax_id(uint32 a, uint32 b)
{
	int			odd = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_CODE_PARITIES));

	return LEVEL(2) | sketch_levels(odd <= 2, LEVEL(1));
}

static pg_attribute_always_inline uint32
sketch_possible_code(uint32 a, uint32 b)
{
	int			odd = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_CODE_PARITIES));

	return sketch_levels(odd <= 2, LEVEL(1)) | sketch_levels(odd <= 4, LEVEL(2)) | LEVEL(3);
}

static pg_attribute_always_inline uint32
sketch_possible_postcode(uint32 a, uint32 b)
{
	int			odd = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_POSTCODE_PARITIES));
	bool		begins = SKETCH_BITS(a ^ b, SKETCH_POSTCODE_PARITIES, 16) == 0;

	return sketch_levels(odd <= 2, LEVEL(1)) | (begins ? LEVEL(2) | LEVEL(3) : LEVEL(4));
}

/*
 * The levels, as bits, that two different values of a kind may reach.
 * Arguments: the kind; the sketches; the number of bits in which their second
 * sketches differ, 0 where there are none.
 */
static pg_attribute_always_inline uint32
sketch_possible(MatchKind kind, uint32 a, uint32 b, int more)
{
	switch (kind)
	{
		case MATCH_NAME:
			return sketch_possible_name(a, b, more);
		case MATCH_GIVEN_NAME:
			return sketch_possible_given_name(a, b, more);
		case MATCH_SURNAME:
			return sketch_possible_surname(a, b, more);
		case MATCH_BIRTH_DATE:
			return sketch_possible_date(a, b);
		case MATCH_EMAIL:
			return sketch_possible_email(a, b, more);
		case MATCH_PHONE:
			return sketch_possible_phone(a, b);
		case MATCH_TAX_ID:
			return sketch_possible_tax_id(a, b);
		case MATCH_CODE:
			return sketch_possible_code(a, b);
		case MATCH_POSTCODE:
			return sketch_possible_postcode(a, b);
		case MATCH_CITY:
			return sketch_possible_city(a, b, more);
		case MATCH_ADDRESS:
			return sketch_possible_address(a, b, more);
		case MATCH_TEXT:
			return sketch_possible_text(a, b, more);
		case MATCH_CATEGORY:
			return LEVEL(1);
		case MATCH_NUMBER:
			return LEVEL(1) | LEVEL(2) | LEVEL(3);
	}
	return 0;
}

#endif							/* OMNICRM_IDENTITY_MATCH_SKETCH_H */
