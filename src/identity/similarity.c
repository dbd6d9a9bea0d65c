/*
 * similarity.c
 *		Jaro and Jaro-Winkler similarity, Levenshtein and Damerau-Levenshtein
 *		distance of two words by code point.
 *
 * All are bit-parallel: a machine word holds one bit for each character of the
 * shorter word.  Beyond 64 characters the distances take blocks of 64, with the
 * differences at the last row of a block carried into the next; Jaro then keeps
 * a list of positions for each character, which takes one step for each
 * character of either word.  Short and long forms give the same numbers.
 *
 * The matching characters of Jaro do not depend on which word leads: the first
 * free partner within the window is, for the positions of one character, the
 * merge of two ascending lists.
 *
 * Sources: M. A. Jaro, Advances in record-linkage methodology (1989); W. E.
 * Winkler, String comparator metrics and enhanced decision rules (1990); H.
 * Hyyro, A bit-vector algorithm for computing Levenshtein and Damerau edit
 * distances (2003).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"

#include "common/compat.h"
#include "identity/similarity.h"

#define WORD_BITS 64

/*
 * Positions of the characters below 256 in a word of at most 64 characters; all
 * zero between calls.  Nothing may fail between remember() and forget().
 */
static uint64 latin[256];

static inline void
remember(const codepoint *word, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (word[i] < 256)
			latin[word[i]] |= UINT64CONST(1) << i;
	}
}

static inline void
forget(const codepoint *word, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (word[i] < 256)
			latin[word[i]] = 0;
	}
}

/* Positions of a character in the word that is remembered. */
static inline uint64
positions(const codepoint *word, int length, codepoint c)
{
	uint64		result = 0;

	if (c < 256)
		return latin[c];
	for (int i = 0; i < length; i++)
		result |= (uint64) (word[i] == c) << i;
	return result;
}

/*
 * Numbers the characters of a from 1 on and writes both words in these numbers;
 * 0 is a character that a lacks.  Result: how many there are.
 */
static int
number_characters(const codepoint *a, int na, const codepoint *b, int nb, int *a_numbers, int *b_numbers)
{
	uint32		size = pg_nextpower2_32(2 * na);
	codepoint  *keys = palloc(size * sizeof(codepoint));
	int		   *numbers = palloc0(size * sizeof(int));
	int			count = 0;

	for (int i = 0; i < na + nb; i++)
	{
		codepoint	c = i < na ? a[i] : b[i - na];
		uint32		slot = (c * 2654435769U >> 7) & (size - 1);

		CHECK_FOR_INTERRUPTS();
		while (numbers[slot] != 0 && keys[slot] != c)
			slot = (slot + 1) & (size - 1);
		if (i >= na)
			b_numbers[i - na] = numbers[slot];
		else
		{
			if (numbers[slot] == 0)
			{
				keys[slot] = c;
				numbers[slot] = ++count;
			}
			a_numbers[i] = numbers[slot];
		}
	}
	pfree(keys);
	pfree(numbers);
	return count;
}

/* Matches and half transpositions of Jaro, bit-parallel; na <= 64. */
static void
jaro_counts_short(const codepoint *a, int na, const codepoint *b, int nb, int window,
				  int *matches, int *crossed)
{
	uint64		used = 0;
	codepoint	matched[WORD_BITS];
	int			m = 0;
	int			t = 0;

	remember(a, na);
	for (int j = 0; j < nb && j - window < na; j++)
	{
		int			low = Max(0, j - window);
		int			high = Min(na - 1, j + window);
		uint64		range = (PG_UINT64_MAX >> (WORD_BITS - 1 - (high - low))) << low;
		uint64		hit = positions(a, na, b[j]) & range & ~used;

		if (hit != 0)
		{
			used |= hit & (~hit + 1);
			matched[m++] = b[j];
		}
	}
	forget(a, na);
	for (int k = 0; k < m; k++)
	{
		t += a[pg_rightmost_one_pos64(used)] != matched[k];
		used &= used - 1;
	}
	*matches = m;
	*crossed = t;
}

/* The same for words of any length, by a list of positions for each character. */
static void
jaro_counts_long(const codepoint *a, int na, const codepoint *b, int nb, int window,
				 int *matches, int *crossed)
{
	int		   *a_numbers = palloc(na * sizeof(int));
	int		   *b_numbers = palloc(nb * sizeof(int));
	int			count = number_characters(a, na, b, nb, a_numbers, b_numbers);
	int		   *first = palloc((count + 1) * sizeof(int));
	int		   *next = palloc(na * sizeof(int));
	bool	   *used = palloc0(na * sizeof(bool));
	int		   *matched = palloc(nb * sizeof(int));
	int			m = 0;
	int			t = 0;

	for (int c = 0; c <= count; c++)
		first[c] = na;
	for (int i = na - 1; i >= 0; i--)
	{
		next[i] = first[a_numbers[i]];
		first[a_numbers[i]] = i;
	}
	for (int j = 0; j < nb; j++)
	{
		int		   *at = &first[b_numbers[j]];

		while (*at < j - window && *at < na)
			*at = next[*at];
		if (*at < na && *at <= j + window)
		{
			used[*at] = true;
			matched[m++] = b_numbers[j];
			*at = next[*at];
		}
	}
	for (int i = 0, k = 0; i < na; i++)
	{
		if (used[i])
			t += a_numbers[i] != matched[k++];
	}
	pfree(a_numbers);
	pfree(b_numbers);
	pfree(first);
	pfree(next);
	pfree(used);
	pfree(matched);
	*matches = m;
	*crossed = t;
}

/*
 * omni_jaro: similarity of two words, 0 to 1.
 * Arguments: code points and lengths.
 * Result: (m/|a| + m/|b| + (m - t)/m) / 3, where m counts equal characters not
 * farther apart than half the longer word less one, and t is half the number of
 * them that stand in another order (an exact fraction).  Two empty words give
 * 1.  Symmetric.
 */
double
omni_jaro(const codepoint *a, int na, const codepoint *b, int nb)
{
	int			window;
	int			m;
	int			t;

	if (na > nb)
		return omni_jaro(b, nb, a, na);
	if (na == 0)
		return nb == 0 ? 1.0 : 0.0;
	window = Max(nb / 2 - 1, 0);
	if (na <= WORD_BITS)
		jaro_counts_short(a, na, b, nb, window, &m, &t);
	else
		jaro_counts_long(a, na, b, nb, window, &m, &t);
	if (m == 0)
		return 0.0;
	return ((double) m / na + (double) m / nb + (m - t / 2.0) / m) / 3.0;
}

/*
 * omni_jaro_winkler: Jaro similarity and, where that exceeds 0.7, a tenth of the
 * rest for each of up to four equal leading characters.
 */
double
omni_jaro_winkler(const codepoint *a, int na, const codepoint *b, int nb)
{
	double		jaro = omni_jaro(a, na, b, nb);

	if (jaro > 0.7)
	{
		int			most = Min(4, Min(na, nb));
		int			prefix = 0;

		while (prefix < most && a[prefix] == b[prefix])
			prefix++;
		jaro += prefix * 0.1 * (1.0 - jaro);
	}
	return Min(jaro, 1.0);
}

/* Edit distance with or without swaps of neighbours; 1 <= na <= 64. */
static pg_attribute_always_inline int
edit_distance_short(const codepoint *a, int na, const codepoint *b, int nb, bool swaps)
{
	uint64		vp = PG_UINT64_MAX;
	uint64		vn = 0;
	uint64		d0 = 0;
	uint64		previous = 0;
	int			last = na - 1;
	int			distance = na;

	remember(a, na);
	for (int j = 0; j < nb; j++)
	{
		uint64		same = positions(a, na, b[j]);
		uint64		swapped = swaps ? ((~d0 & same) << 1) & previous : 0;
		uint64		hp;
		uint64		hn;

		d0 = (((same & vp) + vp) ^ vp) | same | vn | swapped;
		hp = vn | ~(d0 | vp);
		hn = d0 & vp;
		distance += (int) (hp >> last & 1) - (int) (hn >> last & 1);
		hp = hp << 1 | 1;
		hn <<= 1;
		vp = hn | ~(d0 | hp);
		vn = hp & d0;
		previous = same;
	}
	forget(a, na);
	return distance;
}

/* One block of 64 rows of the table, one column of it at a time. */
typedef struct Block
{
	uint64		vp;
	uint64		vn;
	uint64		d0;
} Block;

/* The same for words of any length. */
static int
edit_distance_long(const codepoint *a, int na, const codepoint *b, int nb, bool swaps)
{
	int			blocks = (na + WORD_BITS - 1) / WORD_BITS;
	int			last = (na - 1) % WORD_BITS;
	int		   *a_numbers = palloc(na * sizeof(int));
	int		   *b_numbers = palloc(nb * sizeof(int));
	int			count = number_characters(a, na, b, nb, a_numbers, b_numbers);
	uint64	   *masks = palloc0((Size) (count + 1) * blocks * sizeof(uint64));
	Block	   *block = palloc(blocks * sizeof(Block));
	const uint64 *previous = masks; /* the row of number 0 is empty */
	int			distance = na;

	for (int i = 0; i < na; i++)
		masks[(Size) a_numbers[i] * blocks + i / WORD_BITS] |= UINT64CONST(1) << i % WORD_BITS;
	for (int w = 0; w < blocks; w++)
		block[w] = (Block) {.vp = PG_UINT64_MAX};
	for (int j = 0; j < nb; j++)
	{
		const uint64 *same = masks + (Size) b_numbers[j] * blocks;
		uint64		hp_carry = 1;
		uint64		hn_carry = 0;
		uint64		swap_carry = 0;

		CHECK_FOR_INTERRUPTS();
		for (int w = 0; w < blocks; w++)
		{
			uint64		vp = block[w].vp;
			uint64		vn = block[w].vn;
			uint64		candidates = ~block[w].d0 & same[w];
			uint64		swapped = swaps ? (candidates << 1 | swap_carry) & previous[w] : 0;
			uint64		x = same[w] | hn_carry;
			uint64		d0 = (((x & vp) + vp) ^ vp) | x | vn | swapped;
			uint64		hp = vn | ~(d0 | vp);
			uint64		hn = d0 & vp;

			if (w == blocks - 1)
				distance += (int) (hp >> last & 1) - (int) (hn >> last & 1);
			block[w].vp = (hn << 1 | hn_carry) | ~(d0 | (hp << 1 | hp_carry));
			block[w].vn = (hp << 1 | hp_carry) & d0;
			block[w].d0 = d0;
			swap_carry = candidates >> (WORD_BITS - 1);
			hp_carry = hp >> (WORD_BITS - 1);
			hn_carry = hn >> (WORD_BITS - 1);
		}
		previous = same;
	}
	pfree(a_numbers);
	pfree(b_numbers);
	pfree(masks);
	pfree(block);
	return distance;
}

/* Cuts what both words share at their ends, then takes the form for the rest. */
static pg_attribute_always_inline int
edit_distance(const codepoint *a, int na, const codepoint *b, int nb, bool swaps)
{
	if (na > nb)
	{
		const codepoint *word = a;
		int			length = na;

		a = b;
		na = nb;
		b = word;
		nb = length;
	}
	while (na > 0 && a[0] == b[0])
	{
		a++;
		b++;
		na--;
		nb--;
	}
	while (na > 0 && a[na - 1] == b[nb - 1])
	{
		na--;
		nb--;
	}
	if (na == 0)
		return nb;
	if (na <= WORD_BITS)
		return edit_distance_short(a, na, b, nb, swaps);
	return edit_distance_long(a, na, b, nb, swaps);
}

/*
 * omni_levenshtein: the smallest number of insertions, deletions and
 * substitutions that turn one word into the other.
 */
int
omni_levenshtein(const codepoint *a, int na, const codepoint *b, int nb)
{
	return edit_distance(a, na, b, nb, false);
}

/*
 * omni_edit_distance: Damerau-Levenshtein distance of two words in the form of
 * optimal string alignment: insertions, deletions, substitutions and swaps of
 * neighbours, none of them inside another.
 */
int
omni_edit_distance(const codepoint *a, int na, const codepoint *b, int nb)
{
	return edit_distance(a, na, b, nb, true);
}
