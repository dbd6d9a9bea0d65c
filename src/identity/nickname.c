/*
 * nickname.c
 *		nickname_key(): what a given name may stand for.
 *
 * One nickname has several formal names (Chus: Jesús, María Jesús), so the key is
 * an array: two given names are forms of one when their keys overlap.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/name.h"

/* readings of a name of several words, and words that have more than one */
#define READINGS_MAX	64

PG_FUNCTION_INFO_V1(omnicrm_nickname_key);

typedef struct Reading
{
	codepoint  *text;
	int			length;
} Reading;

/* A reading followed by one more name. */
static Reading
extend(const Reading *before, const codepoint *text, const char *plain, int length)
{
	Reading		result;

	result.text = palloc((before->length + 1 + length) * sizeof(codepoint));
	memcpy(result.text, before->text, before->length * sizeof(codepoint));
	result.length = before->length;
	if (result.length > 0)
		result.text[result.length++] = ' ';
	for (int i = 0; i < length; i++)
		result.text[result.length++] = plain != NULL ? (unsigned char) plain[i] : text[i];
	return result;
}

/* All readings times those of one more word; no more than READINGS_MAX. */
static int
multiply(Reading *readings, int count, const NameWord *word, bool alone)
{
	FormalName	names[FORMAL_NAMES_MAX];
	Reading		before[READINGS_MAX];
	int			formal = omni_formal_names(word->text, word->length, names);
	int			n = 0;

	/* Javi alone is Francisco Javier too; behind Francisco it is Javier */
	while (!alone && formal > 1 && memchr(names[formal - 1].text, ' ', names[formal - 1].length) != NULL)
		formal--;
	memcpy(before, readings, count * sizeof(Reading));
	if (formal == 0 || count * formal > READINGS_MAX)
	{
		for (int i = 0; i < count; i++)
		{
			readings[i] = extend(&before[i], word->text, NULL, word->length);
			pfree(before[i].text);
		}
		return count;
	}
	for (int i = 0; i < count; i++)
	{
		for (int j = 0; j < formal; j++)
			readings[n++] = extend(&before[i], NULL, names[j].text, names[j].length);
		pfree(before[i].text);
	}
	return n;
}

static int
compare_readings(const void *a, const void *b)
{
	const Reading *left = a;
	const Reading *right = b;
	int			n = Min(left->length, right->length);

	for (int i = 0; i < n; i++)
	{
		if (left->text[i] != right->text[i])
			return left->text[i] < right->text[i] ? -1 : 1;
	}
	return left->length - right->length;
}

/*
 * nickname_key(text) returns text[]: the canonical given names that a given name
 * may stand for, folded, distinct, in byte order; a name that is not known stands
 * for itself.  Of several words each combination, without titles and particles.
 * Result: NULL without a word, or beyond 1,000 characters.
 */
Datum
omnicrm_nickname_key(PG_FUNCTION_ARGS)
{
	NameWord   *words;
	Reading		readings[READINGS_MAX] = {{NULL, 0}};
	Datum		elements[READINGS_MAX];
	int			word_count;
	int			names = 0;
	int			count = 1;
	int			n = 0;

	if (!omni_name_words(PG_GETARG_DATUM(0), false, &words, &word_count))
		PG_RETURN_NULL();
	readings[0].text = palloc(sizeof(codepoint));
	for (int i = 0; i < word_count; i++)
		names += words[i].kind == NAME_WORD || words[i].kind == NAME_INITIAL;
	for (int i = 0; i < word_count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (words[i].kind == NAME_WORD || words[i].kind == NAME_INITIAL)
			count = multiply(readings, count, &words[i], names == 1);
	}
	if (readings[0].length == 0)
		PG_RETURN_NULL();
	qsort(readings, count, sizeof(Reading), compare_readings);
	for (int i = 0; i < count; i++)
	{
		text	   *element;

		if (i > 0 && compare_readings(&readings[i - 1], &readings[i]) == 0)
			continue;
		element = omni_chars_to_text(readings[i].text, readings[i].length);
		if (element != NULL)
			elements[n++] = PointerGetDatum(element);
	}
	if (n == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}
