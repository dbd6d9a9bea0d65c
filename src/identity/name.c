/*
 * name.c
 *		Names of persons: folding, words, keys.
 *
 * A name is read as words.  Titles carry no identity and go; particles (de la,
 * van) count for nothing in comparison; one letter is an initial; the legal form
 * at the end of a company's name is told apart.  Abbreviations that are never
 * names themselves are spelt out (Fdez. = fernandez).
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/fold.h"
#include "identity/name.h"

PG_FUNCTION_INFO_V1(omnicrm_normalize_name);
PG_FUNCTION_INFO_V1(omnicrm_name_tokens);
PG_FUNCTION_INFO_V1(omnicrm_name_key);

/* Code points of an ASCII name. */
static void
set_word(NameWord *word, const char *name, int length)
{
	codepoint  *text = palloc(length * sizeof(codepoint));

	for (int i = 0; i < length; i++)
		text[i] = (unsigned char) name[i];
	word->text = text;
	word->length = length;
	word->entry = omni_name_entry(text, length);
}

/* Single letters at the end that spell a legal form become one word: "S. L." = sl. */
static int
join_company_form(NameWord *words, int count)
{
	int			singles = 0;

	while (singles < count && singles < 5 && words[count - 1 - singles].length == 1)
		singles++;
	for (int n = Min(singles, count - 1); n >= 2; n--)
	{
		codepoint	letters[5];
		NameWord   *first = &words[count - n];
		const NameEntry *entry;

		if (words[count - n - 1].length == 1)
			continue;
		for (int i = 0; i < n; i++)
			letters[i] = first[i].text[0];
		entry = omni_name_entry(letters, n);
		if (entry != NULL && entry->company)
		{
			set_word(first, entry->word, entry->length);
			first->kind = NAME_COMPANY;
			return count - n + 1;
		}
	}
	if (count > 1 && words[count - 1].entry != NULL && words[count - 1].entry->company)
		words[count - 1].kind = NAME_COMPANY;
	return count;
}

/* "García López, Ana": what follows the only comma goes to the front. */
static void
given_name_first(NameWord *words, int count, int comma)
{
	NameWord   *copy = palloc(count * sizeof(NameWord));

	memcpy(copy, words + comma, (count - comma) * sizeof(NameWord));
	memcpy(copy + count - comma, words, comma * sizeof(NameWord));
	memcpy(words, copy, count * sizeof(NameWord));
	pfree(copy);
}

/* Kind of each word; a lone y, i or e between two words joins surnames. */
static void
classify(NameWord *words, int count)
{
	bool		any = false;
	bool		initial = false;

	for (int i = 0; i < count; i++)
	{
		NameWord   *word = &words[i];
		const NameEntry *next = i + 1 < count ? words[i + 1].entry : NULL;

		if (word->kind == NAME_COMPANY)
			continue;
		if (word->length == 1)
		{
			word->kind = NAME_INITIAL;
			if (word->text[0] == 'd' && word->dotted && (i == 0 || words[i - 1].kind == NAME_TITLE) &&
				next != NULL && next->given && count - i > 2)
				word->kind = NAME_TITLE;	/* D. Juan Pérez */
			if ((word->text[0] == 'y' || word->text[0] == 'i' || word->text[0] == 'e') && !word->dotted &&
				i > 0 && i + 1 < count && words[i - 1].length > 1 && words[i + 1].length > 1)
				word->kind = NAME_PARTICLE;
		}
		else if (word->length == 2 && word->text[0] == 'm' && word->text[1] == 'a' && word->dotted && i + 1 < count)
			set_word(word, "maria", 5); /* Ma. Carmen */
		else if (word->entry != NULL && word->entry->title)
			word->kind = NAME_TITLE;
		else if (word->entry != NULL && word->entry->particle)
			word->kind = NAME_PARTICLE;
	}
	for (int i = 0; i < count; i++)
		any |= words[i].kind != NAME_TITLE && words[i].kind != NAME_PARTICLE;
	/* a name of such words alone, as "La Don", is a name after all, its initials first */
	for (int i = 0; i < count && !any; i++)
	{
		if (words[i].length == 1)
		{
			words[i].kind = NAME_INITIAL;
			initial = true;
		}
	}
	for (int i = 0; i < count && !any && !initial; i++)
		words[i].kind = NAME_WORD;
}

/* Whether a mark ends a word. */
static inline bool
ends_word(codepoint c)
{
	return c == ' ' || c == FOLD_DOT || c == FOLD_HYPHEN;
}

/*
 * omni_name_read: reads a name as words.
 * Arguments: the value; whether "surname, given name" is turned round; the words
 * and their number; where the surnames start in what was turned round, else 0.
 * Result: false when the name is too long, folded or not.
 */
bool
omni_name_read(Datum value, bool given_first, NameWord **words, int *count, int *surname_at)
{
	Chars		chars;
	Chars		folded;
	int			comma = 0;
	int			commas = 0;
	int			n = 0;

	*count = 0;
	*surname_at = 0;
	if (!omni_chars(value, OMNI_NAME_MAX, &chars))
		return false;
	omni_fold(&chars, true, &folded);
	pfree(chars.data);
	if (folded.length > OMNI_NAME_MAX)
		return false;
	*words = palloc0((folded.length / 2 + 2) * sizeof(NameWord));
	for (int i = 0; i < folded.length;)
	{
		int			start = i;

		while (i < folded.length && !ends_word(folded.data[i]))
			i++;
		if (i - start == 1 && folded.data[start] == FOLD_COMMA)
		{
			comma = n;
			commas++;
		}
		else if (i > start)
		{
			NameWord   *word = &(*words)[n];

			word->text = folded.data + start;
			word->length = i - start;
			word->entry = omni_name_entry(word->text, word->length);
			if (word->entry != NULL && word->entry->full != NULL)
				set_word(word, word->entry->full, strlen(word->entry->full));
			word->dotted = i < folded.length && folded.data[i] == FOLD_DOT;
			word->hyphen = i < folded.length && folded.data[i] == FOLD_HYPHEN;
			n++;
		}
		while (i < folded.length && ends_word(folded.data[i]))
			i++;
	}
	n = join_company_form(*words, n);
	if (given_first && commas == 1 && n > 0 && (*words)[n - 1].kind != NAME_COMPANY && comma > 0 && comma < n)
	{
		given_name_first(*words, n, comma);
		*surname_at = n - comma;
	}
	classify(*words, n);
	*count = n;
	return true;
}

/*
 * omni_name_words: omni_name_read() for those who need no border.
 */
bool
omni_name_words(Datum value, bool given_first, NameWord **words, int *count)
{
	int			surname_at;

	return omni_name_read(value, given_first, words, count, &surname_at);
}

/*
 * omni_compare_words: order of words in a key: initials first, then by code
 * point, which is the order of their UTF-8 bytes.
 */
int
omni_compare_words(const NameWord *a, const NameWord *b)
{
	int			n = Min(a->length, b->length);

	if ((a->length == 1) != (b->length == 1))
		return a->length == 1 ? -1 : 1;
	for (int i = 0; i < n; i++)
	{
		if (a->text[i] != b->text[i])
			return a->text[i] < b->text[i] ? -1 : 1;
	}
	return a->length - b->length;
}

static int
compare_words_qsort(const void *a, const void *b)
{
	return omni_compare_words(a, b);
}

/* Plain order by code point, for token arrays. */
static int
compare_tokens_qsort(const void *a, const void *b)
{
	const NameWord *left = a;
	const NameWord *right = b;
	int			n = Min(left->length, right->length);

	for (int i = 0; i < n; i++)
	{
		if (left->text[i] != right->text[i])
			return left->text[i] < right->text[i] ? -1 : 1;
	}
	return left->length - right->length;
}

/*
 * normalize_name(text) returns text: the name folded: lower case, no accents,
 * other scripts in Latin letters, punctuation to single blanks.
 * Result: NULL when nothing is left, or more than 1,000 characters.
 */
Datum
omnicrm_normalize_name(PG_FUNCTION_ARGS)
{
	Chars		chars;
	Chars		folded;
	text	   *result;

	if (!omni_chars(PG_GETARG_DATUM(0), OMNI_NAME_MAX, &chars))
		PG_RETURN_NULL();
	omni_fold(&chars, false, &folded);
	if (folded.length == 0 || folded.length > OMNI_NAME_MAX)
		PG_RETURN_NULL();
	result = omni_chars_to_text(folded.data, folded.length);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/* Adds the words of one name, without titles, to an array that grows. */
static void
add_tokens(Datum name, NameWord **tokens, int *count, int *room)
{
	NameWord   *words;
	int			n;

	if (!omni_name_words(name, false, &words, &n))
		return;
	if (*tokens == NULL || *count + n > *room)
	{
		*room = Max(*count + n, *room * 2);
		*tokens = *tokens == NULL ? palloc_array(NameWord, Max(*room, 1)) : repalloc(*tokens, *room * sizeof(NameWord));
	}
	for (int i = 0; i < n; i++)
	{
		if (words[i].kind != NAME_TITLE)
			(*tokens)[(*count)++] = words[i];
	}
	pfree(words);
}

/*
 * name_tokens(text) returns text[]: the distinct words of the folded name
 * without titles, in byte order, for an index.  Each line is a name of its own,
 * so that several names have the same words in whatever order they come.
 * Result: NULL when there is none.
 */
Datum
omnicrm_name_tokens(PG_FUNCTION_ARGS)
{
	text	   *names = PG_GETARG_TEXT_PP(0);
	const char *start = VARDATA_ANY(names);
	const char *end = start + VARSIZE_ANY_EXHDR(names);
	NameWord   *tokens = NULL;
	Datum	   *elements;
	int			count = 0;
	int			room = 0;
	int			n = 0;

	while (start < end)
	{
		const char *stop = memchr(start, '\n', end - start);

		CHECK_FOR_INTERRUPTS();
		if (stop == NULL)
			stop = end;
		/* what is too long for a name is not even copied */
		if (stop - start <= OMNI_NAME_MAX * 4)
			add_tokens(PointerGetDatum(cstring_to_text_with_len(start, stop - start)), &tokens, &count, &room);
		start = stop + 1;
	}
	if (count == 0)
		PG_RETURN_NULL();
	qsort(tokens, count, sizeof(NameWord), compare_tokens_qsort);
	elements = palloc_array(Datum, count);
	for (int i = 0; i < count; i++)
	{
		text	   *element;

		if (i > 0 && compare_tokens_qsort(&tokens[i - 1], &tokens[i]) == 0)
			continue;
		element = omni_chars_to_text(tokens[i].text, tokens[i].length);
		if (element != NULL)
			elements[n++] = PointerGetDatum(element);
	}
	if (n == 0)
		PG_RETURN_NULL();
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/*
 * name_key(text) returns text: the words of the folded name without titles and
 * particles, initials first, in byte order, joined by blanks.
 * Result: equal for swapped words, accents, case and punctuation; NULL when no
 * letter is left.
 */
Datum
omnicrm_name_key(PG_FUNCTION_ARGS)
{
	NameWord   *words;
	codepoint  *key;
	text	   *result;
	int			count;
	int			length = 0;
	bool		letter = false;

	if (!omni_name_words(PG_GETARG_DATUM(0), false, &words, &count) || count == 0)
		PG_RETURN_NULL();
	qsort(words, count, sizeof(NameWord), compare_words_qsort);
	for (int i = 0; i < count; i++)
		length += words[i].length + 1;
	key = palloc(length * sizeof(codepoint));
	length = 0;
	for (int i = 0; i < count; i++)
	{
		if (words[i].kind == NAME_TITLE || words[i].kind == NAME_PARTICLE)
			continue;
		if (length > 0)
			key[length++] = ' ';
		memcpy(key + length, words[i].text, words[i].length * sizeof(codepoint));
		length += words[i].length;
	}
	for (int i = 0; i < length && !letter; i++)
		letter = key[i] >= 'a';
	if (!letter || length > OMNI_NAME_MAX)
		PG_RETURN_NULL();
	result = omni_chars_to_text(key, length);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}
