/*
 * kernel.c
 *		Comparison of one value of at most 64 bytes with many others.
 *
 * The pattern keeps the positions of each byte as the bits of one machine word,
 * so that a comparison takes a fixed number of operations for each byte of the
 * other value.  Bytes count as characters: the numbers equal those of
 * similarity.c where both values are ASCII, or of a single-byte encoding.  No
 * function allocates or fails.
 *
 * Sources: H. Hyyro, A bit-vector algorithm for computing Levenshtein and
 * Damerau edit distances (2003); M. A. Jaro, Advances in record-linkage
 * methodology (1989); W. E. Winkler, String comparator metrics and enhanced
 * decision rules (1990).
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "identity/kernel.h"

/*
 * omni_pattern_set: makes a text of at most 64 bytes the value to compare with.
 * Clears what the previous value set, so the cost is that of the two lengths.
 */
void
omni_pattern_set(OmniPattern *p, const unsigned char *text, int length)
{
	Assert(length >= 0 && length <= OMNI_PATTERN_MAX);
	for (int i = 0; i < p->length; i++)
		p->mask[p->text[i]] = 0;
	for (int i = 0; i < length; i++)
		p->mask[text[i]] |= UINT64CONST(1) << i;
	if (length > 0)
		memmove(p->text, text, length);
	p->length = length;
}

/* Edit distance with or without swaps of neighbours. */
static pg_attribute_always_inline int
distance(const OmniPattern *p, const unsigned char *text, int length, bool swaps)
{
	uint64		vp = PG_UINT64_MAX;
	uint64		vn = 0;
	uint64		d0 = 0;
	uint64		previous = 0;
	int			last = p->length - 1;
	int			result = p->length;

	if (p->length == 0)
		return length;
	for (int j = 0; j < length; j++)
	{
		uint64		same = p->mask[text[j]];
		uint64		swapped = swaps ? ((~d0 & same) << 1) & previous : 0;
		uint64		hp;
		uint64		hn;

		d0 = (((same & vp) + vp) ^ vp) | same | vn | swapped;
		hp = vn | ~(d0 | vp);
		hn = d0 & vp;
		result += (int) (hp >> last & 1) - (int) (hn >> last & 1);
		hp = hp << 1 | 1;
		hn <<= 1;
		vp = hn | ~(d0 | hp);
		vn = hp & d0;
		previous = same;
	}
	return result;
}

/*
 * omni_pattern_distance: insertions, deletions, substitutions and swaps of
 * neighbours, none inside another (optimal string alignment), between the
 * pattern and another text.
 */
int
omni_pattern_distance(const OmniPattern *p, const unsigned char *text, int length)
{
	return distance(p, text, length, true);
}

/*
 * omni_pattern_levenshtein: the same without swaps.
 */
int
omni_pattern_levenshtein(const OmniPattern *p, const unsigned char *text, int length)
{
	return distance(p, text, length, false);
}

/*
 * omni_pattern_jaro: Jaro similarity of the pattern and a text of at most 64
 * bytes, with half transpositions as an exact fraction; 1 for two empty ones.
 *
 * Each byte of the text takes the first free equal position within the window.
 * The assignment is the same whichever of the two leads, so this is symmetric.
 */
double
omni_pattern_jaro(const OmniPattern *p, const unsigned char *text, int length)
{
	int			window = Max(Max(p->length, length) / 2 - 1, 0);
	int			end;
	uint64		range;
	uint64		unused = PG_UINT64_MAX;
	uint64		used;
	unsigned char matched[OMNI_PATTERN_MAX];
	int			m = 0;
	int			t = 0;

	Assert(length >= 0 && length <= OMNI_PATTERN_MAX);
	if (p->length == 0 || length == 0)
		return p->length == length ? 1.0 : 0.0;

	/* bytes farther from the pattern's end than the window match nothing */
	end = Min(length, p->length + window);
	range = (UINT64CONST(2) << window) - 1;
	for (int j = 0; j < end; j++)
	{
		uint64		hit = p->mask[text[j]] & range & unused;

		hit &= ~hit + 1;
		unused ^= hit;
		matched[m] = text[j];
		m += hit != 0;
		range = range << 1 | (j < window);
	}
	if (m == 0)
		return 0.0;
	used = ~unused;
	for (int k = 0; k < m; k++)
	{
		t += p->text[pg_rightmost_one_pos64(used)] != matched[k];
		used &= used - 1;
	}
	return ((double) m / p->length + (double) m / length + (m - t / 2.0) / m) / 3.0;
}

/*
 * omni_pattern_jaro_winkler: Jaro similarity and, where that exceeds 0.7, a
 * tenth of the rest for each of up to four equal leading bytes.
 */
double
omni_pattern_jaro_winkler(const OmniPattern *p, const unsigned char *text, int length)
{
	double		jaro = omni_pattern_jaro(p, text, length);

	if (jaro > 0.7)
	{
		int			most = Min(4, Min(p->length, length));
		int			prefix = 0;

		while (prefix < most && p->text[prefix] == text[prefix])
			prefix++;
		jaro += prefix * 0.1 * (1.0 - jaro);
	}
	return Min(jaro, 1.0);
}
