/*
 * names_mistyped.c
 *		names_mistyped(): may two full names be one, mistyped?
 *
 * Weaker than name_similarity(): it lets one word differ by more errors, and is
 * meant for pairs of records that agree on two further things, such as e-mail
 * address and date of birth.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/name.h"
#include "identity/similarity.h"

#define MAX_OPEN_WORDS 2

PG_FUNCTION_INFO_V1(omnicrm_names_mistyped);

/*
 * Typing errors between two words, or -1 when they are two words: both known
 * names, or more than two errors (three in words of seven letters or more) in
 * words of four letters or more.
 */
static int
typing_errors(const NameWord *a, const NameWord *b)
{
	int			longer = Max(a->length, b->length);
	int			errors;

	if (a->kind != NAME_WORD || b->kind != NAME_WORD)
		return -1;
	if (Min(a->length, b->length) < 4 || longer - Min(a->length, b->length) > 2)
		return -1;
	if (omni_name_entry(a->text, a->length) != NULL && omni_name_entry(b->text, b->length) != NULL)
		return -1;
	errors = omni_edit_distance(a->text, a->length, b->text, b->length);
	return errors <= (longer >= 7 ? 3 : 2) ? errors : -1;
}

/* The words of a name without titles and particles; false when there is none. */
static bool
identity_words(Datum name, NameWord **words, int *count)
{
	int			n = 0;

	if (!omni_name_words(name, true, words, count))
		return false;
	for (int i = 0; i < *count; i++)
	{
		if ((*words)[i].kind != NAME_TITLE && (*words)[i].kind != NAME_PARTICLE)
			(*words)[n++] = (*words)[i];
	}
	*count = n;
	return n > 0;
}

/* Words of a that b does not have, as positions; stops beyond the limit. */
static int
open_words(const NameWord *a, int na, const NameWord *b, int nb, bool *used, int open[MAX_OPEN_WORDS])
{
	int			n = 0;

	for (int i = 0; i < na; i++)
	{
		int			j;

		for (j = 0; j < nb; j++)
		{
			if (!used[j] && a[i].length == b[j].length &&
				memcmp(a[i].text, b[j].text, a[i].length * sizeof(codepoint)) == 0)
				break;
		}
		if (j < nb)
			used[j] = true;
		else if (n == MAX_OPEN_WORDS)
			return n + 1;
		else
			open[n++] = i;
	}
	return n;
}

/* Errors of two pairs when one of them is a single error, else -1. */
static int
two_pairs(int first, int second)
{
	return first >= 0 && second >= 0 && Min(first, second) <= 1 ? first + second : -1;
}

/*
 * names_mistyped(a text, b text) returns boolean: true when the names have the
 * same number of words, in any order, and all agree but one or two, which may
 * be the same words mistyped: at most one of them with more than one typing
 * error.  A name of one word needs a single error at most.  Two different known
 * names are never one mistyped.  NULL when one has no word.
 */
Datum
omnicrm_names_mistyped(PG_FUNCTION_ARGS)
{
	NameWord   *a;
	NameWord   *b;
	int			na;
	int			nb;
	bool	   *used;
	int			open_a[MAX_OPEN_WORDS];
	int			open_b[MAX_OPEN_WORDS];
	int			open;
	int			n = 0;
	int			errors = -1;

	if (!identity_words(PG_GETARG_DATUM(0), &a, &na) || !identity_words(PG_GETARG_DATUM(1), &b, &nb))
		PG_RETURN_NULL();
	if (na != nb)
		PG_RETURN_BOOL(false);
	used = palloc0(nb * sizeof(bool));
	open = open_words(a, na, b, nb, used, open_a);
	if (open == 0)
		PG_RETURN_BOOL(true);
	if (open > MAX_OPEN_WORDS)
		PG_RETURN_BOOL(false);
	for (int j = 0; j < nb; j++)
	{
		if (!used[j])
			open_b[n++] = j;
	}
	if (open == 1)
		errors = typing_errors(&a[open_a[0]], &b[open_b[0]]);
	else
	{
		errors = two_pairs(typing_errors(&a[open_a[0]], &b[open_b[0]]),
						   typing_errors(&a[open_a[1]], &b[open_b[1]]));
		if (errors < 0)
			errors = two_pairs(typing_errors(&a[open_a[0]], &b[open_b[1]]),
							   typing_errors(&a[open_a[1]], &b[open_b[0]]));
	}
	if (na == 1)
		PG_RETURN_BOOL(errors == 1);
	PG_RETURN_BOOL(errors > 0);
}
