/*
 * token_set.c
 *		token_set_similarity(): two texts as sets of words, typing errors allowed.
 *
 * Both texts are folded as names are, and their distinct words paired one to
 * one: equal words first, then the most similar (Jaro-Winkler) from 0.9 on.  A
 * word with a digit pairs with its equal only: A40 is not A41.  The result is
 * the generalised form of Dice's coefficient, twice the sum of the pairs'
 * similarities over the number of words of both.
 *
 * Sources: L. R. Dice, Measures of the amount of ecologic association between
 * species (1945); the pairs and their limit after W. Cohen, P. Ravikumar, S.
 * Fienberg, A comparison of string distance metrics for name-matching tasks
 * (2003).
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/fold.h"
#include "identity/similarity.h"

#define SIMILAR 0.9

PG_FUNCTION_INFO_V1(omnicrm_token_set_similarity);

typedef struct Token
{
	const codepoint *text;
	int			length;
	bool		digit;			/* has a digit */
	bool		paired;
} Token;

typedef struct Pair
{
	double		similarity;
	Token	   *first;			/* the one that is first in order */
	Token	   *second;
} Pair;

/* Order by code point. */
static int
compare_tokens(const void *a, const void *b)
{
	const Token *x = a;
	const Token *y = b;
	int			n = Min(x->length, y->length);

	for (int i = 0; i < n; i++)
	{
		if (x->text[i] != y->text[i])
			return x->text[i] < y->text[i] ? -1 : 1;
	}
	return x->length - y->length;
}

/* The most similar first; no two pairs are equal. */
static int
compare_pairs(const void *a, const void *b)
{
	const Pair *x = a;
	const Pair *y = b;
	int			order;

	if (x->similarity != y->similarity)
		return x->similarity > y->similarity ? -1 : 1;
	order = compare_tokens(x->first, y->first);
	return order != 0 ? order : compare_tokens(x->second, y->second);
}

/* The distinct words of a text in order; 0 when it has none or is too long. */
static int
tokens_of(Datum value, Token **result)
{
	Chars		chars;
	Chars		folded;
	Token	   *tokens;
	int			count = 0;
	int			distinct = 0;

	if (!omni_chars(value, OMNI_NAME_MAX, &chars))
		return 0;
	omni_fold(&chars, false, &folded);
	pfree(chars.data);
	if (folded.length > OMNI_NAME_MAX)
		return 0;
	tokens = palloc((folded.length / 2 + 1) * sizeof(Token));
	for (int i = 0; i < folded.length; i++)
	{
		int			start = i;
		bool		digit = false;

		for (; i < folded.length && folded.data[i] != ' '; i++)
			digit |= folded.data[i] >= '0' && folded.data[i] <= '9';
		tokens[count++] = (Token) {.text = folded.data + start, .length = i - start, .digit = digit};
	}
	qsort(tokens, count, sizeof(Token), compare_tokens);
	for (int i = 0; i < count; i++)
	{
		if (i == 0 || compare_tokens(&tokens[distinct - 1], &tokens[i]) != 0)
			tokens[distinct++] = tokens[i];
	}
	*result = tokens;
	return distinct;
}

/* Marks words that both have; both are in order.  Result: their number. */
static int
pair_equal(Token *a, int na, Token *b, int nb)
{
	int			shared = 0;

	for (int i = 0, j = 0; i < na && j < nb;)
	{
		int			order = compare_tokens(&a[i], &b[j]);

		if (order == 0)
		{
			a[i].paired = b[j].paired = true;
			shared++;
		}
		i += order <= 0;
		j += order >= 0;
	}
	return shared;
}

/* Pairs the words that are left, the most similar first.  Result: the sum. */
static double
pair_similar(Token *a, int na, Token *b, int nb)
{
	Pair	   *pairs;
	int			capacity = 64;
	int			count = 0;
	double		sum = 0;

	pairs = palloc(capacity * sizeof(Pair));
	for (int i = 0; i < na; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (a[i].paired || a[i].digit)
			continue;
		for (int j = 0; j < nb; j++)
		{
			bool		a_first;
			double		similarity;

			/* a word twice as long cannot reach the limit */
			if (b[j].paired || b[j].digit || a[i].length > 2 * b[j].length || b[j].length > 2 * a[i].length)
				continue;
			similarity = omni_jaro_winkler(a[i].text, a[i].length, b[j].text, b[j].length);
			if (similarity < SIMILAR)
				continue;
			if (count == capacity)
			{
				capacity *= 2;
				pairs = repalloc(pairs, capacity * sizeof(Pair));
			}
			a_first = compare_tokens(&a[i], &b[j]) < 0;
			pairs[count++] = (Pair) {
				.similarity = similarity,
				.first = a_first ? &a[i] : &b[j],
				.second = a_first ? &b[j] : &a[i]
			};
		}
	}
	qsort(pairs, count, sizeof(Pair), compare_pairs);
	for (int k = 0; k < count; k++)
	{
		if (pairs[k].first->paired || pairs[k].second->paired)
			continue;
		pairs[k].first->paired = pairs[k].second->paired = true;
		sum += pairs[k].similarity;
	}
	pfree(pairs);
	return sum;
}

/*
 * token_set_similarity(text, text) returns float8: see the top; symmetric, 1 for
 * the same words in any order and number.  NULL when a text has no word or more
 * than 1,000 characters, folded or not.
 */
Datum
omnicrm_token_set_similarity(PG_FUNCTION_ARGS)
{
	Token	   *a;
	Token	   *b;
	int			na = tokens_of(PG_GETARG_DATUM(0), &a);
	int			nb = tokens_of(PG_GETARG_DATUM(1), &b);
	int			shared;
	double		sum;

	if (na == 0 || nb == 0)
		PG_RETURN_NULL();
	shared = pair_equal(a, na, b, nb);
	sum = shared;
	if (shared < Min(na, nb))
		sum += pair_similar(a, na, b, nb);
	PG_RETURN_FLOAT8(2.0 * sum / (na + nb));
}
