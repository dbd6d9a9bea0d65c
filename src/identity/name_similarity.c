/*
 * name_similarity.c
 *		Similarity of two full names of persons.
 *
 * The words of the two names are paired so that the sum of their similarities is
 * greatest.  A pair counts
 *		1.00  equal, or equal initials
 *		0.95  one typing error (insertion, deletion, substitution, swap) in words
 *			  of three or more letters
 *		0.93  forms of one name: nickname, regional form, spelling, diminutive;
 *			  also one word against two, as Juanjo and Juan José
 *		0.88  two errors in words of ten or more letters; or in words of seven or
 *			  more, or three errors in words of ten or more, when Jaro-Winkler is
 *			  0.85 or more
 *		0.85  two errors in other words of six or more letters (0.80 in five, 0.75
 *			  in four), but only when they are plausibly misspelt: one of the two
 *			  is a known name (five letters or more), or both are one error away
 *			  from the same known name, or a known given name agrees beside them
 *			  (five letters or more)
 *		0.85  an initial and a word that starts with it; 0.95 when another given
 *			  name of the two agrees
 * and nothing otherwise; two different words that are both known names are two
 * names, however close (Juan and Juana, Martín and Martínez).
 *
 * When the words of one name all have a partner, the result is the product of
 * the pairs times 0.93 for each further word of the other name (0.88 for a
 * further given name when María is the only one that agrees), 0.96 for each
 * further initial, 0.97 for a further legal form; but at most 0.5 when only one
 * word, or initials alone, agree; at most 0.6 when the given name is among the
 * further words and no given name agrees, or when the first given names differ
 * in gender (María José and José).
 *
 * When words remain on both sides, they are different people until shown
 * otherwise: 0.9 times the sum of the pairs by the number of words of the longer
 * name, at most 0.65.
 */
#include "postgres.h"

#include "common/compat.h"
#include "identity/name.h"
#include "identity/similarity.h"

/* words beyond these are left aside; exact pairing up to so many open words */
#define MAX_WORDS		24
#define EXACT_WORDS		8

#define TYPING_ERROR	0.95
#define NICKNAME		0.93
#define TWO_ERRORS		0.88
#define DOUBTFUL_LONG	0.85
#define DOUBTFUL_MEDIUM	0.80
#define DOUBTFUL_SHORT	0.75
#define INITIAL			0.85
#define INITIAL_BACKED	0.95
#define FURTHER_WORD	0.93
#define BEYOND_MARIA	0.88
#define FURTHER_INITIAL	0.96
#define FURTHER_FORM	0.97
#define ONE_WORD		0.5
#define NO_GIVEN_NAME	0.6
#define DIFFERENT		0.65
#define DIFFERENT_SHARE	0.9

PG_FUNCTION_INFO_V1(omnicrm_name_similarity);

typedef struct Word
{
	NameWord	name;
	const NameEntry *entry;		/* of a known name, else NULL */
	int			partner;		/* in the other name, or -1 */
	double		similarity;		/* with the partner */
	bool		merged;			/* stands for two given names by a nickname */
	bool		doubtful;		/* the pair needs a given name that agrees */
} Word;

typedef struct FullName
{
	Word		words[MAX_WORDS];
	int			count;
} FullName;

static bool
same_text(const NameWord *a, const NameWord *b)
{
	return a->length == b->length && memcmp(a->text, b->text, a->length * sizeof(codepoint)) == 0;
}

/* x and x + ito/ita, with or without the last vowel of x. */
static bool
is_diminutive(const NameWord *word, const NameWord *small)
{
	int			stem = small->length - 3;
	const codepoint *end = small->text + stem;

	if (stem < 3 || end[0] != 'i' || end[1] != 't' || (end[2] != 'o' && end[2] != 'a'))
		return false;
	if (word->length != stem && (word->length != stem + 1 || word->text[stem] != end[2]))
		return false;
	return memcmp(word->text, small->text, stem * sizeof(codepoint)) == 0;
}

/* Two errors in words too short for two: see the top. */
static double
doubtful_similarity(const Word *a, const Word *b, int longer, bool *doubtful)
{
	*doubtful = a->entry == NULL && b->entry == NULL;
	if (longer < 4 || (longer == 4 && !*doubtful))
		return 0;
	return longer >= 6 ? DOUBTFUL_LONG : longer == 5 ? DOUBTFUL_MEDIUM : DOUBTFUL_SHORT;
}

/*
 * Similarity of two words, see the top; 0 = no pair.  *doubtful says that the
 * pair holds only under the conditions of settle_doubtful().
 */
static double
word_similarity(const Word *a, const Word *b, bool *doubtful)
{
	const NameWord *x = &a->name;
	const NameWord *y = &b->name;
	int			longer = Max(x->length, y->length);
	int			distance;

	*doubtful = false;
	if (same_text(x, y))
		return a->merged || b->merged ? NICKNAME : 1.0;
	if (x->kind == NAME_COMPANY || y->kind == NAME_COMPANY)
		return 0;
	if (x->kind == NAME_INITIAL || y->kind == NAME_INITIAL)
		return x->text[0] == y->text[0] ? INITIAL : 0;
	if (a->entry != NULL && b->entry != NULL)
		return omni_same_group(a->entry, b->entry) ? NICKNAME : 0;
	if (is_diminutive(x, y) || is_diminutive(y, x))
		return NICKNAME;
	if (longer < 3 || abs(x->length - y->length) > 3)
		return 0;
	distance = omni_edit_distance(x->text, x->length, y->text, y->length);
	if (distance == 1)
		return TYPING_ERROR;
	if (distance == 2 && longer >= 10)
		return TWO_ERRORS;
	if ((distance == 2 && longer >= 7) || (distance == 3 && longer >= 10))
	{
		if (omni_jaro_winkler(x->text, x->length, y->text, y->length) >= 0.85)
			return TWO_ERRORS;
	}
	return distance == 2 ? doubtful_similarity(a, b, longer, doubtful) : 0;
}

/* The words of a name without titles; false when there is none or it is too long. */
static bool
read_name(Datum value, FullName *result)
{
	NameWord   *words;
	int			count;

	result->count = 0;
	if (!omni_name_words(value, true, &words, &count))
		return false;
	for (int i = 0; i < count && result->count < MAX_WORDS; i++)
	{
		if (words[i].kind == NAME_TITLE)
			continue;
		result->words[result->count++] = (Word) {.name = words[i], .partner = -1};
	}
	return result->count > 0;
}

/* Replaces words from .. from + n - 1 by one. */
static void
merge_words(FullName *name, int from, int n, const NameWord *merged, bool nickname)
{
	name->words[from].name = *merged;
	name->words[from].merged = nickname;
	memmove(&name->words[from + 1], &name->words[from + n], (name->count - from - n) * sizeof(Word));
	name->count -= n - 1;
}

/* Whether n words written together give the word. */
static bool
is_joined(const NameWord *word, const Word *parts, int n)
{
	int			at = 0;

	for (int i = 0; i < n; i++)
	{
		int			length = parts[i].name.length;

		if (at + length > word->length ||
			memcmp(word->text + at, parts[i].name.text, length * sizeof(codepoint)) != 0)
			return false;
		at += length;
	}
	return at == word->length;
}

/* Words of b that a writes as one (Maricarmen, Delafuente, Juanjo) become one. */
static void
merge_against(const FullName *a, FullName *b)
{
	for (int i = 0; i < a->count; i++)
	{
		const NameWord *word = &a->words[i].name;

		if (word->kind != NAME_WORD || word->length < 4 || a->words[i].merged)
			continue;
		for (int j = 0; j + 1 < b->count; j++)
		{
			int			n;
			int			second = j + 1;

			for (n = 2; n <= 4 && j + n <= b->count; n++)
			{
				if (is_joined(word, &b->words[j], n))
				{
					merge_words(b, j, n, word, false);
					break;
				}
			}
			while (second < b->count && b->words[second].name.kind == NAME_PARTICLE)
				second++;
			if (second < b->count && omni_compound_nickname(word, &b->words[j].name, &b->words[second].name))
				merge_words(b, j, second - j + 1, word, true);
		}
	}
}

/* Drops particles and looks the rest up. */
static void
finish_name(FullName *name)
{
	int			n = 0;

	for (int i = 0; i < name->count; i++)
	{
		Word	   *word = &name->words[i];

		if (word->name.kind == NAME_PARTICLE)
			continue;
		word->entry = omni_is_name(word->name.entry) ? word->name.entry : NULL;
		name->words[n++] = *word;
	}
	name->count = n;
}

static void
pair(FullName *a, int i, FullName *b, int j)
{
	bool		doubtful;
	double		similarity = word_similarity(&a->words[i], &b->words[j], &doubtful);

	a->words[i].partner = j;
	a->words[i].similarity = similarity;
	a->words[i].doubtful = doubtful;
	b->words[j].partner = i;
	b->words[j].similarity = similarity;
	b->words[j].doubtful = doubtful;
}

/* Pairs the open words one after the other, the most similar first. */
static void
pair_greedily(FullName *a, FullName *b)
{
	for (;;)
	{
		double		best = 0;
		int			best_i = 0;
		int			best_j = 0;

		for (int i = 0; i < a->count; i++)
		{
			for (int j = 0; j < b->count; j++)
			{
				if (a->words[i].partner < 0 && b->words[j].partner < 0)
				{
					bool		doubtful;
					double		similarity = word_similarity(&a->words[i], &b->words[j], &doubtful);

					if (similarity > best)
					{
						best = similarity;
						best_i = i;
						best_j = j;
					}
				}
			}
		}
		if (best == 0)
			return;
		pair(a, best_i, b, best_j);
	}
}

/*
 * Pairs the open words so that the sum is greatest: dynamic programme over the
 * words of b and the sets of open words of a.
 */
static void
pair_exactly(FullName *a, const int *open_a, int na, FullName *b, const int *open_b, int nb)
{
	double		best[1 << EXACT_WORDS];
	int8		choice[MAX_WORDS][1 << EXACT_WORDS];
	double		similarity[MAX_WORDS][EXACT_WORDS];
	int			sets = 1 << na;
	int			set = 0;
	bool		doubtful;

	for (int j = 0; j < nb; j++)
	{
		for (int i = 0; i < na; i++)
			similarity[j][i] = word_similarity(&a->words[open_a[i]], &b->words[open_b[j]], &doubtful);
	}
	for (int s = 0; s < sets; s++)
		best[s] = s == 0 ? 0 : -1;
	for (int j = 0; j < nb; j++)
	{
		/* larger sets first: each word of b is used once */
		for (int s = sets - 1; s >= 0; s--)
		{
			choice[j][s] = -1;
			for (int i = 0; i < na; i++)
			{
				double		sum;

				if (!(s >> i & 1) || similarity[j][i] == 0 || best[s ^ (1 << i)] < 0)
					continue;
				sum = best[s ^ (1 << i)] + similarity[j][i];
				if (sum > best[s])
				{
					best[s] = sum;
					choice[j][s] = i;
				}
			}
		}
	}
	for (int s = 1; s < sets; s++)
	{
		if (best[s] > best[set])
			set = s;
	}
	for (int j = nb - 1; j >= 0; j--)
	{
		int			i = choice[j][set];

		if (i < 0)
			continue;
		pair(a, open_a[i], b, open_b[j]);
		set ^= 1 << i;
	}
}

/* Equal words first, then the best pairing of what is open. a has no more words than b. */
static void
pair_words(FullName *a, FullName *b)
{
	int			open_a[MAX_WORDS];
	int			open_b[MAX_WORDS];
	int			na = 0;
	int			nb = 0;

	for (int i = 0; i < a->count; i++)
	{
		for (int j = 0; j < b->count; j++)
		{
			if (b->words[j].partner < 0 && same_text(&a->words[i].name, &b->words[j].name))
			{
				pair(a, i, b, j);
				break;
			}
		}
		if (a->words[i].partner < 0)
			open_a[na++] = i;
	}
	for (int j = 0; j < b->count; j++)
	{
		if (b->words[j].partner < 0)
			open_b[nb++] = j;
	}
	if (na == 0 || nb == 0)
		return;
	if (na <= EXACT_WORDS)
		pair_exactly(a, open_a, na, b, open_b, nb);
	else
		pair_greedily(a, b);
}

/* Whether a word is a given name and no surname. */
static bool
is_given(const Word *word)
{
	return word->entry != NULL && word->entry->given && !word->entry->surname;
}

/* María says little: a third of all Spanish women bear it beside another name. */
static bool
is_maria(const Word *word)
{
	static const codepoint maria[] = {'m', 'a', 'r', 'i', 'a'};

	return word->name.length == lengthof(maria) && memcmp(word->name.text, maria, sizeof(maria)) == 0;
}

/* First given name of a name; a given name that is also a surname counts where there is no other. */
static const Word *
first_given(const FullName *name)
{
	for (int i = 0; i < name->count; i++)
	{
		if (is_given(&name->words[i]))
			return &name->words[i];
	}
	for (int i = 0; i < name->count; i++)
	{
		if (name->words[i].entry != NULL && name->words[i].entry->given)
			return &name->words[i];
	}
	return NULL;
}

/* Whether two words of a name stand side by side. */
static bool
side_by_side(const FullName *name, const Word *x, const Word *y)
{
	return abs((int) (x - name->words) - (int) (y - name->words)) == 1;
}

/* Whether the first given names are of different gender and not paired with each other. */
static bool
genders_differ(const FullName *a, const FullName *b, bool all_paired)
{
	const Word *x = first_given(a);
	const Word *y = first_given(b);

	if (x == NULL || y == NULL || x->entry->gender == 0 || y->entry->gender == 0 ||
		x->entry->gender == y->entry->gender)
		return false;
	if (x->partner >= 0 && &b->words[x->partner] == y)
		return false;
	if (!all_paired)
		return (x->partner < 0 && is_given(x)) || (y->partner < 0 && is_given(y));
	/* the same words in another order: only José María and María José are two people */
	return (is_maria(x) || is_maria(y)) &&
		x->partner >= 0 && y->partner >= 0 && a->count >= 3 && b->count >= 3 &&
		x->similarity == 1 && y->similarity == 1 && is_given(x) && is_given(y) &&
		side_by_side(a, x, &a->words[y->partner]) && side_by_side(b, y, &b->words[x->partner]);
}

/*
 * Parts doubtful pairs unless a given name agrees beside them, or both words are
 * one error away from one known name.
 */
static void
settle_doubtful(FullName *a, FullName *b)
{
	bool		short_names = a->count == 2 && b->count == 2;
	bool		agrees = false;

	for (int i = 0; i < a->count; i++)
	{
		const Word *word = &a->words[i];

		if (word->partner >= 0 && !word->doubtful && word->similarity >= NICKNAME)
			agrees |= is_given(word) || is_given(&b->words[word->partner]) ||
				(short_names && word->entry != NULL && word->entry->given);
	}
	for (int i = 0; i < a->count; i++)
	{
		Word	   *word = &a->words[i];
		Word	   *partner;

		if (word->partner < 0 || !word->doubtful)
			continue;
		partner = &b->words[word->partner];
		if ((agrees && word->similarity > DOUBTFUL_SHORT) || omni_common_neighbour(&word->name, &partner->name))
			continue;
		partner->partner = -1;
		word->partner = -1;
	}
}

/* What the pairs and the rest amount to. */
typedef struct Tally
{
	double		product;
	double		sum;
	int			pairs;			/* of words */
	int			initials;		/* pairs with an initial */
	bool		given;			/* a given name agrees */
	bool		given_sure;		/* one that is no surname */
	bool		given_strong;	/* one that is not María */
} Tally;

static Tally
tally_pairs(const FullName *a, const FullName *b)
{
	Tally		result = {.product = 1.0};

	for (int i = 0; i < a->count; i++)
	{
		const Word *word = &a->words[i];
		const Word *partner;

		if (word->partner < 0)
			continue;
		partner = &b->words[word->partner];
		if (word->name.kind == NAME_COMPANY)
			continue;
		if (word->name.kind == NAME_INITIAL || partner->name.kind == NAME_INITIAL)
		{
			result.initials++;
			continue;
		}
		result.pairs++;
		result.given |= (word->entry != NULL && word->entry->given) || (partner->entry != NULL && partner->entry->given);
		result.given_sure |= is_given(word) || is_given(partner);
		result.given_strong |= (is_given(word) && !is_maria(word)) || (is_given(partner) && !is_maria(partner));
	}
	for (int i = 0; i < a->count; i++)
	{
		double		similarity = a->words[i].similarity;

		if (a->words[i].partner < 0)
			continue;
		if (similarity == INITIAL && result.given_sure &&
			(a->words[i].name.kind == NAME_INITIAL || b->words[a->words[i].partner].name.kind == NAME_INITIAL))
			similarity = INITIAL_BACKED;
		result.product *= similarity;
		result.sum += similarity;
	}
	return result;
}

/* Words without a partner: 0 = none, else their number; legal forms apart. */
static int
count_open(const FullName *name, int *initials, int *forms)
{
	int			result = 0;

	*initials = *forms = 0;
	for (int i = 0; i < name->count; i++)
	{
		if (name->words[i].partner >= 0)
			continue;
		if (name->words[i].name.kind == NAME_COMPANY)
			(*forms)++;
		else if (name->words[i].name.kind == NAME_INITIAL)
			(*initials)++;
		else
			result++;
	}
	return result;
}

/* Whether the given name is among the further words of the longer name. */
static bool
lacks_given_name(const FullName *longer, const Tally *tally)
{
	if (tally->given || tally->initials > 0)
		return false;
	for (int i = 0; i < longer->count; i++)
	{
		if (longer->words[i].partner < 0 && is_given(&longer->words[i]))
			return true;
	}
	return longer->words[0].partner < 0;
}

/* The result from the pairs, see the top. */
static double
judge(const FullName *a, const FullName *b)
{
	Tally		tally = tally_pairs(a, b);
	int			initials_a;
	int			initials_b;
	int			forms_a;
	int			forms_b;
	int			words_a = count_open(a, &initials_a, &forms_a);
	int			words_b = count_open(b, &initials_b, &forms_b);
	const FullName *longer;
	double		result;

	if (tally.sum == 0)
		return 0;
	if ((words_a + initials_a > 0 && words_b + initials_b > 0) || (forms_a > 0 && forms_b > 0))
		return Min(DIFFERENT, DIFFERENT_SHARE * tally.sum / Max(a->count, b->count));
	longer = words_a + initials_a > 0 ? a : b;
	result = tally.product;
	for (int i = 0; i < longer->count; i++)
	{
		const Word *word = &longer->words[i];

		if (word->partner < 0 && word->name.kind != NAME_INITIAL && word->name.kind != NAME_COMPANY)
			result *= tally.given_sure && !tally.given_strong && is_given(word) ? BEYOND_MARIA : FURTHER_WORD;
	}
	for (int i = 0; i < initials_a + initials_b; i++)
		result *= FURTHER_INITIAL;
	if (forms_a + forms_b > 0)
		result *= FURTHER_FORM;
	if (tally.pairs == 0 && result < 1.0)
		result = Min(result, ONE_WORD);
	if (words_a + words_b + initials_a + initials_b > 0)
	{
		if (tally.pairs + tally.initials <= 1)
			result = Min(result, ONE_WORD);
		else if (words_a + words_b > 0 && lacks_given_name(longer, &tally))
			result = Min(result, NO_GIVEN_NAME);
	}
	if (genders_differ(a, b, words_a + words_b == 0))
		result = Min(result, NO_GIVEN_NAME);
	return result;
}

/* Order of names, so that the arguments may be swapped. */
static int
compare_names(const FullName *a, const FullName *b)
{
	if (a->count != b->count)
		return a->count - b->count;
	for (int i = 0; i < a->count; i++)
	{
		int			order = omni_compare_words(&a->words[i].name, &b->words[i].name);

		if (order != 0)
			return order;
	}
	return 0;
}

/*
 * name_similarity(text, text) returns real: 0 to 1, defined at the top.
 * Result: the same for swapped arguments; NULL when one of the two has no word,
 * or more than 1,000 characters.
 */
Datum
omnicrm_name_similarity(PG_FUNCTION_ARGS)
{
	FullName	names[2];
	FullName   *a = &names[0];
	FullName   *b = &names[1];

	if (!read_name(PG_GETARG_DATUM(0), a) || !read_name(PG_GETARG_DATUM(1), b))
		PG_RETURN_NULL();
	if (compare_names(a, b) > 0)
	{
		a = &names[1];
		b = &names[0];
	}
	if (compare_names(a, b) == 0)
		PG_RETURN_FLOAT4(1);
	merge_against(a, b);
	merge_against(b, a);
	finish_name(a);
	finish_name(b);
	if (a->count == 0 || b->count == 0)
		PG_RETURN_FLOAT4(0);
	if (compare_names(a, b) > 0)
	{
		FullName   *other = a;

		a = b;
		b = other;
	}
	pair_words(a, b);
	settle_doubtful(a, b);
	PG_RETURN_FLOAT4((float4) judge(a, b));
}
