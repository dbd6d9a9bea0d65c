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

#define SKETCH_MASK(bits)	(((uint32) 1 << (bits)) - 1)
#define SKETCH_BITS(s, shift, bits)	((s) >> (shift) & SKETCH_MASK(bits))

/* Sets of levels, as bits. */
#define LEVEL(k)	(1 << (k))

/* Number of bits set, in line: one instruction where the processor has it. */
static inline int
sketch_count(uint32 x)
{
	return __builtin_popcount(x);
}

/* Number of four-bit digits that are not zero. */
static inline int
sketch_digits(uint32 x)
{
	x |= x >> 1;
	x |= x >> 2;
	return sketch_count(x & 0x11111111);
}

/*
 * Whether the Jaro similarity of two texts may reach a value, when that many
 * parities differ.  At most (la + lb - odd) / 2 bytes have a counterpart, and the
 * similarity is at most (m / la + m / lb + 1) / 3.  In thousandths.
 */
static inline bool
sketch_jaro(uint32 la, uint32 lb, int odd, int thousandths)
{
	int			m = Min(((int) (la + lb) - odd) / 2, (int) Min(la, lb));

	return m * (int) (la + lb) * 1000 >= (3 * thousandths - 1000) * (int) (la * lb);
}

/*
 * Which of three Jaro-Winkler similarities, .92, .85 and .70, two texts may reach:
 * bits 0, 1 and 2.  Equal beginnings add to a Jaro similarity above .7.
 */
static inline int
sketch_alike(uint32 a, uint32 b, int parities)
{
	uint32		la = SKETCH_LENGTH(a);
	uint32		lb = SKETCH_LENGTH(b);
	int			odd = sketch_count((a ^ b) & SKETCH_MASK(parities));
	bool		begins = SKETCH_FIRST(a) == SKETCH_FIRST(b);

	if (la == SKETCH_LENGTH_MAX || lb == SKETCH_LENGTH_MAX)
		return 7;
	/* a little less than it takes, for what the computation rounds */
	if (!sketch_jaro(la, lb, odd, 699))
		return 0;
	return 4 | (sketch_jaro(la, lb, odd, begins ? 749 : 849) ? 2 : 0) | (sketch_jaro(la, lb, odd, begins ? 866 : 919) ? 1 : 0);
}

/*
 * Swaps of neighbours that make the digits of one date those of the other: the
 * lowest bit of the right one of each two, no digit in two swaps.
 */
static inline uint32
sketch_swaps(uint32 a, uint32 b)
{
	uint32		x = a ^ b;
	uint32		left = a >> 4 ^ b;	/* zero where a digit of b is its left neighbour in a */
	uint32		right = b >> 4 ^ a;
	uint32		swaps = 0;

	for (int shift = 0; shift < 28; shift += 4)
	{
		if ((x >> shift & 15) != 0 && (left >> shift & 15) == 0 && (right >> shift & 15) == 0)
		{
			swaps |= (uint32) 1 << shift;
			shift += 4;
		}
	}
	return swaps;
}

/* Whether one digit left out and another put in makes one date of the other. */
static inline bool
sketch_shifted(uint32 a, uint32 b)
{
	uint32		x = a ^ b;
	int			first = 7;
	int			last = 0;
	uint32		between;

	while ((x >> 4 * first & 15) == 0)
		first--;
	while ((x >> 4 * last & 15) == 0)
		last++;
	/* what lies between is one place farther in one of them */
	between = SKETCH_MASK(4 * (first - last));
	return ((a >> 4 * (last + 1) ^ b >> 4 * last) & between) == 0 ||
		((b >> 4 * (last + 1) ^ a >> 4 * last) & between) == 0;
}

/*
 * The level of two different dates, as eight decimal digits of four bits: that of
 * level_of_date() in match_compare.c.
 */
static inline int
sketch_date_level(uint32 a, uint32 b)
{
	int			n = sketch_digits(a ^ b);
	bool		year = (a ^ b) >> 16 == 0;
	bool		month = ((a ^ b) >> 8 & 255) == 0;
	bool		day = ((a ^ b) & 255) == 0;
	int			swaps = n <= 4 ? sketch_count(sketch_swaps(a, b)) : 0;

	if (n == 1 || (n == 2 && swaps == 1) ||
		(year && (a >> 8 & 255) == (b & 255) && (a & 255) == (b >> 8 & 255)))
		return 1;
	if (year + month + day == 2)
		return 2;
	if (n - swaps <= 2 || sketch_shifted(a, b))
		return 3;
	return year ? 4 : 5;
}

static inline uint32
sketch_possible_given_name(uint32 a, uint32 b)
{
	uint32		both = a & b;
	int			alike = sketch_alike(a, b, SKETCH_NAME_PARITIES);
	uint32		levels = LEVEL(6);

	if (SKETCH_BITS(both, SKETCH_NAME_PARITIES, SKETCH_NAME_GROUPS) != 0)
		levels |= LEVEL(1);
	if (alike & 1)
		levels |= LEVEL(2);
	if (alike & 2)
		levels |= LEVEL(3);
	if (SKETCH_FIRST(a) == SKETCH_FIRST(b) ||
		SKETCH_BITS(both, SKETCH_NAME_PARITIES + SKETCH_NAME_GROUPS, SKETCH_NAME_WORDS) != 0)
		levels |= LEVEL(4);
	if (alike & 4)
		levels |= LEVEL(5);
	return levels;
}

static inline uint32
sketch_possible_name(uint32 a, uint32 b)
{
	int			alike = sketch_alike(a, b, SKETCH_NAME_PARITIES);

	if (SKETCH_BITS(a & b, SKETCH_NAME_PARITIES + SKETCH_NAME_GROUPS, SKETCH_NAME_WORDS) != 0)
		return LEVEL(1) | LEVEL(2) | LEVEL(3) | LEVEL(4) | LEVEL(5) | LEVEL(6);
	return (alike & 1 ? LEVEL(3) : 0) | (alike & 2 ? LEVEL(5) : 0) | LEVEL(6);
}

static inline uint32
sketch_possible_surname(uint32 a, uint32 b)
{
	int			alike = sketch_alike(a, b, SKETCH_WORDS_PARITIES);
	bool		word = SKETCH_BITS(a & b, SKETCH_WORDS_PARITIES, SKETCH_WORDS_WORDS) != 0;

	return (alike & 1 ? LEVEL(1) : 0) | (alike & 2 ? LEVEL(2) : 0) | (word ? LEVEL(4) : 0) | (alike & 4 ? LEVEL(5) : 0) | LEVEL(6);
}

static inline uint32
sketch_possible_text(uint32 a, uint32 b)
{
	int			alike = sketch_alike(a, b, SKETCH_WORDS_PARITIES);
	bool		word = SKETCH_BITS(a & b, SKETCH_WORDS_PARITIES, SKETCH_WORDS_WORDS) != 0;

	return (alike & 1 ? LEVEL(1) : 0) | (alike & 2 ? LEVEL(2) : 0) | (word ? LEVEL(3) : 0) | LEVEL(4);
}

static inline uint32
sketch_possible_address(uint32 a, uint32 b)
{
	int			alike = sketch_alike(a, b, SKETCH_WORDS_PARITIES);
	bool		word = SKETCH_BITS(a & b, SKETCH_WORDS_PARITIES, SKETCH_WORDS_WORDS) != 0;

	return (alike & 1 ? LEVEL(1) : 0) | (word ? LEVEL(1) | LEVEL(2) : 0) | (alike & 2 ? LEVEL(3) : 0) | LEVEL(4);
}

static inline uint32
sketch_possible_city(uint32 a, uint32 b)
{
	int			alike = sketch_alike(a, b, SKETCH_CITY_PARITIES);

	/* similar from .80 on: what may reach .70 may reach that, with equal beginnings */
	return (alike & 1 ? LEVEL(1) : 0) | (alike & 4 ? LEVEL(2) : 0) | LEVEL(3);
}

static inline uint32
sketch_possible_email(uint32 a, uint32 b)
{
	uint32		la = SKETCH_LENGTH(a);
	uint32		lb = SKETCH_LENGTH(b);
	int			odd = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_EMAIL_PARITIES));
	bool		begins = SKETCH_FIRST(a) == SKETCH_FIRST(b);
	uint32		levels = LEVEL(4);

	if (SKETCH_BITS(a ^ b, SKETCH_EMAIL_PARITIES, SKETCH_EMAIL_LOCAL) == 0)
		levels |= LEVEL(1);
	if (odd <= 4)
		levels |= LEVEL(2);
	if (la == SKETCH_LENGTH_MAX || lb == SKETCH_LENGTH_MAX || sketch_jaro(la, lb, odd, begins ? 799 : 879))
		levels |= LEVEL(3);
	return levels;
}

static inline uint32
sketch_possible_phone(uint32 a, uint32 b)
{
	int			longer = (int) (a >> 28) - (int) (b >> 28);

	/* of two of one length three digits differ, or one is longer by more than a digit */
	if (longer == 0 ? sketch_digits(a ^ b) > 2 : longer > 1 || longer < -1)
		return LEVEL(2);
	return LEVEL(1) | LEVEL(2);
}

static inline uint32
sketch_possible_postcode(uint32 a, uint32 b)
{
	int			odd = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_POSTCODE_PARITIES));
	bool		begins = SKETCH_BITS(a ^ b, SKETCH_POSTCODE_PARITIES, 16) == 0;

	return (odd <= 2 ? LEVEL(1) : 0) | (begins ? LEVEL(2) | LEVEL(3) : LEVEL(4));
}

/*
 * The levels, as bits, that two different values of a kind may reach.
 * Arguments: the kind and the sketches.
 */
static pg_attribute_always_inline uint32
sketch_possible(MatchKind kind, uint32 a, uint32 b)
{
	int			odd;

	switch (kind)
	{
		case MATCH_NAME:
			return sketch_possible_name(a, b);
		case MATCH_GIVEN_NAME:
			return sketch_possible_given_name(a, b);
		case MATCH_SURNAME:
			return sketch_possible_surname(a, b);
		case MATCH_BIRTH_DATE:
			return LEVEL(sketch_date_level(a, b));
		case MATCH_EMAIL:
			return sketch_possible_email(a, b);
		case MATCH_PHONE:
			return sketch_possible_phone(a, b);
		case MATCH_TAX_ID:
			odd = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_CODE_PARITIES));
			return odd <= 2 ? LEVEL(1) | LEVEL(2) : LEVEL(2);
		case MATCH_CODE:
			odd = sketch_count((a ^ b) & SKETCH_MASK(SKETCH_CODE_PARITIES));
			return (odd <= 2 ? LEVEL(1) : 0) | (odd <= 4 ? LEVEL(2) : 0) | LEVEL(3);
		case MATCH_POSTCODE:
			return sketch_possible_postcode(a, b);
		case MATCH_CITY:
			return sketch_possible_city(a, b);
		case MATCH_ADDRESS:
			return sketch_possible_address(a, b);
		case MATCH_TEXT:
			return sketch_possible_text(a, b);
		case MATCH_CATEGORY:
			return LEVEL(1);
		case MATCH_NUMBER:
			return LEVEL(1) | LEVEL(2) | LEVEL(3);
	}
	return 0;
}

#endif							/* OMNICRM_IDENTITY_MATCH_SKETCH_H */
