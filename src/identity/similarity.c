/*
 * similarity.c
 *		Jaro-Winkler similarity and Damerau-Levenshtein distance by code point.
 *
 * Words of at most 64 characters take bit-parallel forms (a machine word holds
 * one bit for each character of the shorter word); longer ones the plain
 * dynamic programme.  Both give the same numbers.
 *
 * Sources: W. E. Winkler, String comparator metrics and enhanced decision rules
 * (1990); H. Hyyro, A bit-vector algorithm for computing Levenshtein and Damerau
 * edit distances (2003).
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/similarity.h"

#define WORD_BITS 64

/* Positions of a character in a word of at most 64 characters. */
static inline uint64
positions(const codepoint *word, int length, codepoint c)
{
	uint64		result = 0;

	for (int i = 0; i < length; i++)
		result |= (uint64) (word[i] == c) << i;
	return result;
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
	for (int i = 0, k = 0; i < na; i++)
	{
		if (used >> i & 1)
			t += a[i] != matched[k++];
	}
	*matches = m;
	*crossed = t;
}

/* The same for words of any length. */
static void
jaro_counts_long(const codepoint *a, int na, const codepoint *b, int nb, int window,
				 int *matches, int *crossed)
{
	bool	   *used = palloc0(na);
	codepoint  *matched = palloc(nb * sizeof(codepoint));
	int			m = 0;
	int			t = 0;

	for (int j = 0; j < nb; j++)
	{
		int			high = Min(na - 1, j + window);

		CHECK_FOR_INTERRUPTS();
		for (int i = Max(0, j - window); i <= high; i++)
		{
			if (!used[i] && a[i] == b[j])
			{
				used[i] = true;
				matched[m++] = b[j];
				break;
			}
		}
	}
	for (int i = 0, k = 0; i < na; i++)
	{
		if (used[i])
			t += a[i] != matched[k++];
	}
	pfree(used);
	pfree(matched);
	*matches = m;
	*crossed = t;
}

/*
 * omni_jaro_winkler: similarity of two words, 0 to 1.
 * Arguments: code points and lengths.
 * Result: (m/|a| + m/|b| + (m - t)/m) / 3, where m counts equal characters not
 * farther apart than half the longer word less one, and t is half the number of
 * them that stand in another order (an exact fraction); where that exceeds 0.7,
 * plus a tenth of the rest for each of up to four equal leading characters.  Two
 * empty words give 1.  Symmetric: the shorter word leads.
 */
double
omni_jaro_winkler(const codepoint *a, int na, const codepoint *b, int nb)
{
	int			window;
	int			m;
	int			t;
	int			prefix = 0;
	double		jaro;

	if (na > nb || (na == nb && memcmp(a, b, na * sizeof(codepoint)) > 0))
	{
		const codepoint *word = a;
		int			length = na;

		a = b;
		na = nb;
		b = word;
		nb = length;
	}
	if (na == 0)
		return nb == 0 ? 1.0 : 0.0;
	window = Max(nb / 2 - 1, 0);
	if (na <= WORD_BITS)
		jaro_counts_short(a, na, b, nb, window, &m, &t);
	else
		jaro_counts_long(a, na, b, nb, window, &m, &t);
	if (m == 0)
		return 0.0;
	jaro = ((double) m / na + (double) m / nb + (m - t / 2.0) / m) / 3.0;
	if (jaro > 0.7)
	{
		while (prefix < 4 && prefix < na && a[prefix] == b[prefix])
			prefix++;
		jaro += prefix * 0.1 * (1.0 - jaro);
	}
	return Min(jaro, 1.0);
}

/* Edit distance, bit-parallel; 1 <= na <= 64. */
static int
edit_distance_short(const codepoint *a, int na, const codepoint *b, int nb)
{
	uint64		vp = PG_UINT64_MAX;
	uint64		vn = 0;
	uint64		d0 = 0;
	uint64		last = UINT64CONST(1) << (na - 1);
	uint64		previous = 0;
	int			distance = na;

	for (int j = 0; j < nb; j++)
	{
		uint64		same = positions(a, na, b[j]);
		uint64		swapped = ((~d0 & same) << 1) & previous;
		uint64		hp;
		uint64		hn;

		d0 = (((same & vp) + vp) ^ vp) | same | vn | swapped;
		hp = vn | ~(d0 | vp);
		hn = d0 & vp;
		distance += (hp & last) != 0;
		distance -= (hn & last) != 0;
		hp = hp << 1 | 1;
		hn <<= 1;
		vp = hn | ~(d0 | hp);
		vn = hp & d0;
		previous = same;
	}
	return distance;
}

/* Edit distance by three rows of the table. */
static int
edit_distance_long(const codepoint *a, int na, const codepoint *b, int nb)
{
	int		   *rows = palloc(sizeof(int) * 3 * (nb + 1));
	int		   *before = rows;
	int		   *above = rows + nb + 1;
	int		   *current = rows + 2 * (nb + 1);
	int			distance;

	for (int j = 0; j <= nb; j++)
		above[j] = j;
	for (int i = 1; i <= na; i++)
	{
		int		   *spare = before;

		CHECK_FOR_INTERRUPTS();
		current[0] = i;
		for (int j = 1; j <= nb; j++)
		{
			int			best = above[j - 1] + (a[i - 1] != b[j - 1]);

			best = Min(best, above[j] + 1);
			best = Min(best, current[j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = Min(best, before[j - 2] + 1);
			current[j] = best;
		}
		before = above;
		above = current;
		current = spare;
	}
	distance = above[nb];
	pfree(rows);
	return distance;
}

/*
 * omni_edit_distance: Damerau-Levenshtein distance of two words in the form of
 * optimal string alignment: insertions, deletions, substitutions and swaps of
 * neighbours, none of them inside another.
 */
int
omni_edit_distance(const codepoint *a, int na, const codepoint *b, int nb)
{
	if (na > nb)
		return omni_edit_distance(b, nb, a, na);
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
		return edit_distance_short(a, na, b, nb);
	return edit_distance_long(a, na, b, nb);
}

PG_FUNCTION_INFO_V1(omnicrm_jaro_winkler);
PG_FUNCTION_INFO_V1(omnicrm_damerau_levenshtein);

/*
 * jaro_winkler(text, text) returns float8: see omni_jaro_winkler(); NULL for a
 * text of more than 1,000 characters.
 */
Datum
omnicrm_jaro_winkler(PG_FUNCTION_ARGS)
{
	Chars		a;
	Chars		b;

	if (!omni_chars(PG_GETARG_DATUM(0), OMNI_NAME_MAX, &a) || !omni_chars(PG_GETARG_DATUM(1), OMNI_NAME_MAX, &b))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(omni_jaro_winkler(a.data, a.length, b.data, b.length));
}

/*
 * damerau_levenshtein(text, text) returns integer: see omni_edit_distance();
 * NULL for a text of more than 1,000 characters.
 */
Datum
omnicrm_damerau_levenshtein(PG_FUNCTION_ARGS)
{
	Chars		a;
	Chars		b;

	if (!omni_chars(PG_GETARG_DATUM(0), OMNI_NAME_MAX, &a) || !omni_chars(PG_GETARG_DATUM(1), OMNI_NAME_MAX, &b))
		PG_RETURN_NULL();
	PG_RETURN_INT32(omni_edit_distance(a.data, a.length, b.data, b.length));
}
