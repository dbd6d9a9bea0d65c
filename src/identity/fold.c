/*
 * fold.c
 *		Folding of names: lower case, accents off, other scripts in Latin letters.
 *
 * Latin text (ASCII, Latin-1, Latin Extended-A and -B, Latin Extended
 * Additional, combining marks, general punctuation) takes a table.  Everything
 * else goes through ICU's transliterator "Any-Latin; Latin-ASCII; Lower" first,
 * opened once for each backend, and then through the same table.  Neither
 * depends on the locale of the database.
 *
 * Apostrophes and the middle dot vanish (O'Connor = oconnor, Col·lell =
 * collell); hyphens, dots and other punctuation become blanks.  "Mª", the usual
 * abbreviation of María, is spelt out, since its plain fold "ma" is ambiguous.
 */
#include "postgres.h"

#include <unicode/uchar.h>
#include <unicode/utrans.h>

#include "miscadmin.h"

#include "common/compat.h"
#include "identity/fold.h"
#include "identity/fold_table.h"

/* ICU may lengthen a text: one Han character gives up to six letters */
#define ICU_GROWTH	12

static UTransliterator *transliterator = NULL;
static bool transliterator_failed = false;

/* Opens the transliterator once; NULL where ICU has no data for it. */
static UTransliterator *
get_transliterator(void)
{
	static const UChar id[] = u"Any-Latin; Latin-ASCII; Lower";

	if (transliterator == NULL && !transliterator_failed)
	{
		UErrorCode	status = U_ZERO_ERROR;

		transliterator = utrans_openU(id, lengthof(id) - 1, UTRANS_FORWARD, NULL, 0, NULL, &status);
		if (U_FAILURE(status))
		{
			transliterator = NULL;
			transliterator_failed = true;
		}
	}
	return transliterator;
}

/* Whether the table knows the character. */
static inline bool
is_latin(codepoint c)
{
	return c < 0x250 || (c >= 0x1E00 && c < 0x1F00) || (c >= 0x300 && c < 0x370) ||
		(c >= 0x2000 && c < 0x2070) || c == 0x2BC || c == 0xFFFD;
}

/* Puts other scripts into Latin letters; the input itself when ICU cannot. */
static Chars
transliterate(const Chars *input)
{
	UTransliterator *icu = get_transliterator();
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		capacity = input->length * ICU_GROWTH + 64;
	int32_t		length = 0;
	int32_t		limit;
	UChar	   *buffer;
	Chars		result = *input;

	if (icu == NULL)
		return result;
	buffer = palloc(capacity * sizeof(UChar));
	for (int i = 0; i < input->length; i++)
		U16_APPEND_UNSAFE(buffer, length, input->data[i]);
	limit = length;
	utrans_transUChars(icu, buffer, &length, capacity, 0, &limit, &status);
	if (U_FAILURE(status) || length > capacity)
	{
		pfree(buffer);
		return result;
	}
	result.data = palloc(Max(length, 1) * sizeof(codepoint));
	result.length = 0;
	for (int32_t i = 0; i < length;)
	{
		UChar32		c;

		U16_NEXT(buffer, i, length, c);
		result.data[result.length++] = U_IS_SURROGATE(c) ? 0xFFFD : c;
	}
	pfree(buffer);
	return result;
}

/* Apostrophes, the middle dot and marks that print nothing. */
static inline bool
vanishes(codepoint c)
{
	return c == '\'' || c == '`' || c == 0xB4 || c == 0xB7 || c == 0x2BC || c == 0x2018 || c == 0x2019 ||
		c == 0x201B || c == 0x2032 || (c >= 0x300 && c < 0x370) || c == 0x200C || c == 0x200D ||
		omni_is_invisible(c);
}

/* State of the output: single blanks, none at the ends. */
typedef struct FoldOutput
{
	codepoint  *data;
	int			length;
	bool		pending;
} FoldOutput;

static inline void
put(FoldOutput *out, codepoint c)
{
	if (out->pending && out->length > 0)
		out->data[out->length++] = ' ';
	out->pending = false;
	out->data[out->length++] = c;
}

/* Folds one character that the table knows. */
static void
put_latin(FoldOutput *out, codepoint c)
{
	const char *folded;

	if (c < 0x80)
	{
		if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'))
			put(out, c);
		else if (c >= 'A' && c <= 'Z')
			put(out, c | 0x20);
		else
			out->pending = true;
		return;
	}
	if (c >= 0xA0 && c < 0x250)
		folded = fold_latin[c - 0xA0];
	else if (c >= 0x1E00 && c < 0x1F00)
		folded = fold_latin_additional[c - 0x1E00];
	else
		folded = " ";
	if (folded[0] == ' ')
		out->pending = true;
	else
		for (; *folded; folded++)
			put(out, (unsigned char) *folded);
}

/* "Mª", "M.ª", "Mº" at the start of a word: the abbreviation of María. */
static bool
is_abbreviated_maria(const Chars *in, int i, int *taken)
{
	int			next = i + 1;

	if ((in->data[i] | 0x20) != 'm')
		return false;
	if (i > 0 && is_latin(in->data[i - 1]) && u_isalnum(in->data[i - 1]))
		return false;
	if (next < in->length && in->data[next] == '.')
		next++;
	if (next >= in->length || in->data[next] != 0xAA)
		return false;
	*taken = next - i + 1;
	return true;
}

/*
 * omni_fold: folds a name.
 * Arguments: the code points; whether a dot after a letter and a comma stay as
 * FOLD_DOT and FOLD_COMMA (a comma as a word of its own), for those who read
 * "M. Carmen" or "García, Ana".
 * Result: [a-z0-9] words separated by single blanks; letters of a script that
 * ICU cannot write in Latin stay as they are, in lower case.
 */
void
omni_fold(const Chars *input, bool keep_marks, Chars *result)
{
	Chars		in = *input;
	FoldOutput	out = {NULL, 0, false};

	for (int i = 0; i < in.length; i++)
	{
		if (!is_latin(in.data[i]) && !omni_is_blank(in.data[i]))
		{
			in = transliterate(&in);
			break;
		}
	}
	/* no character gives more than five, a blank included */
	out.data = palloc((in.length * 6 + 1) * sizeof(codepoint));
	for (int i = 0; i < in.length; i++)
	{
		codepoint	c = in.data[i];
		int			taken;

		if (is_abbreviated_maria(&in, i, &taken))
		{
			for (const char *s = "maria"; *s; s++)
				put(&out, *s);
			i += taken - 1;
			out.pending = true;
		}
		else if (vanishes(c))
			continue;
		else if (keep_marks && c == '.' && out.length > 0 && !out.pending)
		{
			out.data[out.length++] = FOLD_DOT;
			out.pending = true;
		}
		else if (keep_marks && c == ',')
		{
			out.pending = true;
			put(&out, FOLD_COMMA);
			out.pending = true;
		}
		else if (is_latin(c))
			put_latin(&out, c);
		else if (u_isalpha(c))
			put(&out, u_tolower(c));
		else if (u_charDigitValue(c) >= 0)
			put(&out, '0' + u_charDigitValue(c));
		else if (u_charType(c) != U_NON_SPACING_MARK && u_charType(c) != U_COMBINING_SPACING_MARK &&
				 u_charType(c) != U_ENCLOSING_MARK && u_charType(c) != U_MODIFIER_LETTER)
			out.pending = true;
	}
	result->data = out.data;
	result->length = out.length;
}

/*
 * omni_fold_plain: folds a short value into a C string, for look-ups in word
 * lists.  Result: false when it is longer than the buffer; characters beyond
 * ASCII become '?'.
 */
bool
omni_fold_plain(Datum value, char *result, int size)
{
	Chars		chars;
	Chars		folded;

	if (!omni_chars(value, size - 1, &chars))
		return false;
	omni_fold(&chars, false, &folded);
	pfree(chars.data);
	if (folded.length >= size)
		return false;
	for (int i = 0; i < folded.length; i++)
		result[i] = folded.data[i] < 0x80 ? folded.data[i] : '?';
	result[folded.length] = '\0';
	pfree(folded.data);
	return true;
}
