/*
 * phonetic.c
 *		phonetic_es(): one key for names that sound alike in Spanish.
 *
 * Works on the folded word, so that lost accents, tildes and diaereses make no
 * difference (MUÑOZ and MUNOZ, AGÜERO and AGUERO).  Rules, from left to right:
 *		B V W					B
 *		C before E or I, Z, TZ	S
 *		C else, K, Q, QU before E or I	K
 *		CH						CH, K at the end of a word (Domènech, Bosch)
 *		TX						CH (Etxebarria)
 *		G before E or I, J		J
 *		G else, GH				G
 *		H						silent; PH is F
 *		LL, Y and I before a vowel	Y; none after N: Ñ, NI, NY and N are one
 *		Y else					I
 *		X						S at the start and before a consonant, else KS
 *		N before B, V, P		M
 * and equal neighbours in the result become one.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/fold.h"
#include "identity/phonetic.h"

PG_FUNCTION_INFO_V1(omnicrm_phonetic_es);

/* The letter at a place, 0 beyond the ends; H counts as not there. */
typedef struct Sound
{
	const codepoint *word;
	int			length;
	codepoint  *result;
	int			count;
} Sound;

static inline codepoint
letter(const Sound *sound, int i)
{
	return i >= 0 && i < sound->length ? sound->word[i] : 0;
}

/* The first letter from a place on that is no silent h. */
static inline codepoint
sounding(const Sound *sound, int i)
{
	while (letter(sound, i) == 'h')
		i++;
	return letter(sound, i);
}

static inline bool
is_vowel(codepoint c)
{
	return c == 'a' || c == 'e' || c == 'i' || c == 'o' || c == 'u';
}

static inline bool
is_front(codepoint c)
{
	return c == 'e' || c == 'i' || c == 'y';
}

static inline void
put(Sound *sound, codepoint c)
{
	if (sound->count == 0 || sound->result[sound->count - 1] != c)
		sound->result[sound->count++] = c;
}

/* Y, LL and I before a vowel; silent after N, which then sounds like Ñ. */
static void
put_glide(Sound *sound)
{
	if (sound->count == 0 || sound->result[sound->count - 1] != 'N')
		put(sound, 'Y');
}

/* C, Q and K; returns the letters read. */
static int
put_c(Sound *sound, int i)
{
	codepoint	c = letter(sound, i);
	codepoint	next = letter(sound, i + 1);

	if (c == 'q' && next == 'u' && is_front(sounding(sound, i + 2)))
	{
		put(sound, 'K');
		return 2;
	}
	if (c == 'c' && next == 'h')
	{
		if (i + 2 == sound->length)
			put(sound, 'K');
		else
		{
			put(sound, 'C');
			put(sound, 'H');
		}
		return 2;
	}
	put(sound, c == 'c' && is_front(next) ? 'S' : 'K');
	return 1;
}

/* T with what makes another sound of it; returns the letters read. */
static int
put_t(Sound *sound, int i)
{
	codepoint	next = letter(sound, i + 1);

	if (next == 'x')
	{
		put(sound, 'C');
		put(sound, 'H');
		return 2;
	}
	if (next == 'z')
	{
		put(sound, 'S');
		return 2;
	}
	put(sound, 'T');
	return 1;
}

/* Any other letter; returns the letters read. */
static int
put_letter(Sound *sound, int i)
{
	codepoint	c = letter(sound, i);
	codepoint	next = letter(sound, i + 1);

	switch (c)
	{
		case 'h':
			return 1;
		case 'b':
		case 'v':
		case 'w':
			put(sound, 'B');
			return 1;
		case 'z':
			put(sound, 'S');
			return 1;
		case 'g':
			put(sound, is_front(next) ? 'J' : 'G');
			return 1;
		case 'p':
			put(sound, next == 'h' ? 'F' : 'P');
			return 1;
		case 'n':
			next = sounding(sound, i + 1);
			put(sound, next == 'b' || next == 'v' || next == 'p' ? 'M' : 'N');
			return 1;
		case 'l':
			if (next == 'l' && (is_vowel(letter(sound, i + 2)) || letter(sound, i + 2) == 'y'))
			{
				put(sound, 'Y');
				return 2;
			}
			put(sound, 'L');
			return 1;
		case 'i':
		case 'y':
			if (is_vowel(sounding(sound, i + 1)))
				put_glide(sound);
			else
				put(sound, 'I');
			return 1;
		case 'x':
			if (i > 0 && (is_vowel(sounding(sound, i + 1)) || sounding(sound, i + 1) == 0))
				put(sound, 'K');
			put(sound, 'S');
			return 1;
		default:
			put(sound, c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
			return 1;
	}
}

/*
 * omni_phonetic_es: the sound of one folded word.
 * Arguments: the word; room for twice its letters.
 * Result: the letters of the sound, capital; 0 for a word of silent letters only.
 */
int
omni_phonetic_es(const codepoint *word, int length, codepoint *result)
{
	Sound		sound = {word, length, result, 0};

	for (int i = 0; i < length;)
	{
		codepoint	c = word[i];

		if (c == 'c' || c == 'k' || c == 'q')
			i += put_c(&sound, i);
		else if (c == 't')
			i += put_t(&sound, i);
		else
			i += put_letter(&sound, i);
	}
	return sound.count;
}

/* Whether a character stands where a tilde N was lost on the way. */
static bool
is_lost_letter(codepoint c)
{
	return c == '?' || c == '#' || c == 0xA5 || c == 0xFFFD;
}

/* Whether a letter is a vowel once its accent is off. */
static bool
folds_to_vowel(codepoint c)
{
	Chars		one = {&c, 1};
	Chars		folded;
	bool		result;

	if (c < 0x80)
		return is_vowel(c | 0x20);
	omni_fold(&one, false, &folded);
	result = folded.length > 0 && is_vowel(folded.data[0]);
	pfree(folded.data);
	return result;
}

/*
 * phonetic_es(text) returns text: the words of a text as they sound in Spanish,
 * in capital letters, joined by blanks.  MU?OZ is read as MUÑOZ.
 * Result: NULL when nothing is left, or beyond 1,000 characters.
 */
Datum
omnicrm_phonetic_es(PG_FUNCTION_ARGS)
{
	Chars		chars;
	Chars		folded;
	codepoint  *key;
	text	   *result;
	int			length = 0;

	if (!omni_chars(PG_GETARG_DATUM(0), OMNI_NAME_MAX, &chars))
		PG_RETURN_NULL();
	for (int i = 1; i + 1 < chars.length; i++)
	{
		if (is_lost_letter(chars.data[i]) && folds_to_vowel(chars.data[i - 1]) && folds_to_vowel(chars.data[i + 1]))
			chars.data[i] = 'n';
	}
	omni_fold(&chars, false, &folded);
	if (folded.length > OMNI_NAME_MAX)
		PG_RETURN_NULL();
	key = palloc((folded.length * 2 + 1) * sizeof(codepoint));
	for (int i = 0; i < folded.length;)
	{
		int			start = i;
		int			n;

		while (i < folded.length && folded.data[i] != ' ')
			i++;
		n = omni_phonetic_es(folded.data + start, i - start, key + length + (length > 0));
		if (n > 0)
		{
			if (length > 0)
				key[length++] = ' ';
			length += n;
		}
		i++;
	}
	if (length == 0)
		PG_RETURN_NULL();
	result = omni_chars_to_text(key, length);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}
