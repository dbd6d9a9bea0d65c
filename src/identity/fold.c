/*
 * fold.c
 *		Folding of names: lower case, accents off, other scripts in Latin letters.
 *
 * Latin text (ASCII, Latin-1, Latin Extended-A and -B, Latin Extended
 * Additional, combining marks, general punctuation) takes a table.  Each run of
 * other characters goes through ICU first: compatibility composition (NFKC) for
 * full-width forms and ligatures, then the transliterator "Any-Latin", and its
 * result through the same table.  ICU takes 5 to 200 microseconds for a run, so
 * the runs met last are remembered.  Nothing depends on the locale of the
 * database.
 *
 * Apostrophes and the middle dot vanish (O'Connor = oconnor, Col·lell =
 * collell); hyphens, dots and other punctuation become blanks.  "Mª", the usual
 * abbreviation of María, is spelt out, since its plain fold "ma" is ambiguous.
 */
#include "postgres.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/utrans.h>

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/fold.h"
#include "identity/fold_table.h"

/* runs of other scripts are read in pieces of this many characters */
#define RUN_MAX		64
/* ICU may lengthen a text: a Han character gives up to seven letters and a blank */
#define RUN_GROWTH	16
/* remembered runs: how many, how long before and after */
#define CACHE_SLOTS	512
#define CACHE_IN	12
#define CACHE_OUT	48

typedef struct CacheSlot
{
	uint8		in_length;
	uint8		out_length;
	codepoint	in[CACHE_IN];
	codepoint	out[CACHE_OUT];
} CacheSlot;

static UTransliterator *transliterator = NULL;
static bool transliterator_failed = false;
static CacheSlot cache[CACHE_SLOTS];

/* Opens the transliterator once; NULL where ICU has no data for it. */
static UTransliterator *
get_transliterator(void)
{
	if (transliterator == NULL && !transliterator_failed)
	{
		UErrorCode	status = U_ZERO_ERROR;

		transliterator = utrans_openU(u"Any-Latin", -1, UTRANS_FORWARD, NULL, 0, NULL, &status);
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
	return c < 0x370 ? c < 0x250 || c >= 0x2B0 :
		(c >= 0x1E00 && c < 0x1F00) || (c >= 0x2000 && c < 0x2070) || c == 0xFFFD;
}

/* Apostrophes, the middle dot, modifiers, marks, and what prints nothing. */
static inline bool
vanishes(codepoint c)
{
	if (c < 0xA0)
		return c == '\'' || c == '`';
	return c == 0xB4 || c == 0xB7 || (c >= 0x2B0 && c < 0x370) || c == 0x2018 || c == 0x2019 ||
		c == 0x201B || c == 0x2032 || c == 0x200C || c == 0x200D || omni_is_invisible(c);
}

/* The output: single blanks, none at the ends. */
typedef struct FoldOutput
{
	codepoint  *data;
	int			length;
	int			capacity;
	bool		pending;
} FoldOutput;

static inline void
put(FoldOutput *out, codepoint c)
{
	if (c == ' ')
	{
		out->pending = true;
		return;
	}
	if (out->length + 2 > out->capacity)
	{
		out->capacity *= 2;
		out->data = repalloc(out->data, out->capacity * sizeof(codepoint));
	}
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
	for (; *folded; folded++)
		put(out, (unsigned char) *folded);
}

/* Folds one character of any kind as it stands. */
static void
put_any(FoldOutput *out, codepoint c)
{
	if (vanishes(c))
		return;
	if (is_latin(c))
		put_latin(out, c);
	else if (u_charDigitValue(c) >= 0)
		put(out, '0' + u_charDigitValue(c));
	else if (u_isalpha(c))
		put(out, u_tolower(c));
	else if ((U_GET_GC_MASK(c) & (U_GC_M_MASK | U_GC_CF_MASK)) == 0)
		out->pending = true;
}

/* A run through NFKC and, where other scripts remain, the transliterator. */
static void
put_transliterated(FoldOutput *out, const codepoint *run, int length)
{
	UErrorCode	status = U_ZERO_ERROR;
	const UNormalizer2 *nfkc = unorm2_getNFKCInstance(&status);
	UTransliterator *icu = get_transliterator();
	UChar		source[RUN_MAX * 2];
	UChar		target[RUN_MAX * 2 * RUN_GROWTH];
	UChar		composed[RUN_MAX * 2 * RUN_GROWTH];
	const UChar *final = target;
	int32_t		n = 0;
	int32_t		m;
	int32_t		limit;
	bool		latin = true;

	/* in lower case, since ICU transliterates some scripts in that case only */
	for (int i = 0; i < length; i++)
		U16_APPEND_UNSAFE(source, n, u_tolower(run[i]));
	if (U_SUCCESS(status))
		n = unorm2_normalize(nfkc, source, n, target, lengthof(target), &status);
	if (U_FAILURE(status))
	{
		/* a single character may become 18: too many of those for the buffer */
		for (int i = 0; i < length; i++)
			put_any(out, run[i]);
		return;
	}
	for (int32_t i = 0; i < n;)
	{
		UChar32		c;

		U16_NEXT(target, i, n, c);
		latin &= is_latin(c);
	}
	limit = n;
	if (!latin && icu != NULL)
		utrans_transUChars(icu, target, &n, lengthof(target), 0, &limit, &status);
	n = Min(n, (int32_t) lengthof(target));
	if (!latin && U_SUCCESS(status))
	{
		/* its result may hold superscript letters */
		m = unorm2_normalize(nfkc, target, n, composed, lengthof(composed), &status);
		if (U_SUCCESS(status))
		{
			final = composed;
			n = m;
		}
	}
	for (int32_t i = 0; i < n;)
	{
		UChar32		c;

		U16_NEXT(final, i, n, c);
		put_any(out, U_IS_SURROGATE(c) ? 0xFFFD : c);
	}
}

/* A run of characters beyond the table, by memory or by ICU. */
static void
put_run(FoldOutput *out, const codepoint *run, int length)
{
	CacheSlot  *slot = NULL;
	FoldOutput	folded = {NULL, 0, RUN_MAX, false};

	if (length <= CACHE_IN)
	{
		slot = &cache[hash_bytes((const unsigned char *) run, length * sizeof(codepoint)) % CACHE_SLOTS];
		if (slot->in_length == length && memcmp(slot->in, run, length * sizeof(codepoint)) == 0)
		{
			for (int i = 0; i < slot->out_length; i++)
				put(out, slot->out[i]);
			return;
		}
	}
	/* a letter in front, taken away again: blanks at both ends of the run count */
	folded.data = palloc(RUN_MAX * sizeof(codepoint));
	put(&folded, 'x');
	put_transliterated(&folded, run, length);
	if (folded.pending)
	{
		put(&folded, 'x');
		folded.length--;
	}
	for (int i = 1; i < folded.length; i++)
		put(out, folded.data[i]);
	if (slot != NULL && folded.length - 1 <= CACHE_OUT)
	{
		slot->in_length = length;
		slot->out_length = folded.length - 1;
		memcpy(slot->in, run, length * sizeof(codepoint));
		memcpy(slot->out, folded.data + 1, (folded.length - 1) * sizeof(codepoint));
	}
	pfree(folded.data);
}

/* "Mª", "M.ª" at the start of a word: the abbreviation of María. */
static bool
is_abbreviated_maria(const Chars *in, int i, int *taken)
{
	int			next = i + 1;

	if ((in->data[i] | 0x20) != 'm')
		return false;
	if (i > 0 && u_isalnum(in->data[i - 1]))
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
 * Arguments: the code points; whether a dot after a letter, a comma and a hyphen
 * between two words stay as FOLD_DOT, FOLD_COMMA (a word of its own) and
 * FOLD_HYPHEN (before the blank), for those who read "M. Carmen", "García, Ana"
 * or "García-Margallo".
 * Result: [a-z0-9] words separated by single blanks; letters of a script that
 * ICU cannot write in Latin stay as they are, in lower case.
 */
void
omni_fold(const Chars *input, bool keep_marks, Chars *result)
{
	FoldOutput	out = {NULL, 0, input->length + 16, false};

	out.data = palloc(out.capacity * sizeof(codepoint));
	for (int i = 0; i < input->length; i++)
	{
		codepoint	c = input->data[i];
		int			taken;

		if (is_abbreviated_maria(input, i, &taken))
		{
			for (const char *s = "maria "; *s; s++)
				put(&out, *s);
			i += taken - 1;
		}
		else if (!is_latin(c) && !omni_is_blank(c))
		{
			codepoint	run[RUN_MAX];
			int			length = 0;

			/* marks belong to the letter before them */
			for (taken = 0; length < RUN_MAX && i + taken < input->length; taken++)
			{
				c = input->data[i + taken];
				if (omni_is_blank(c) || (is_latin(c) && !vanishes(c)))
					break;
				if (!vanishes(c) || (c >= 0x300 && c < 0x370))
					run[length++] = c;
			}
			put_run(&out, run, length);
			i += taken - 1;
		}
		else if (keep_marks && c == '.' && out.length > 0 && !out.pending)
		{
			put(&out, FOLD_DOT);
			out.pending = true;
		}
		else if (keep_marks && c == ',')
		{
			out.pending = true;
			put(&out, FOLD_COMMA);
			out.pending = true;
		}
		else if (keep_marks && (c == '-' || c == 0x2010 || c == 0x2011) && out.length > 0 && !out.pending &&
				 i + 1 < input->length && !omni_is_blank(input->data[i + 1]))
		{
			put(&out, FOLD_HYPHEN);
			out.pending = true;
		}
		else if (!vanishes(c))
			put_latin(&out, c);
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
