/*
 * attribute.c
 *		Postcodes, gender, display text, and the hash of a content.
 */
#include "postgres.h"

#include <unicode/uchar.h>
#include <unicode/unorm2.h>

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/chars.h"
#include "identity/country.h"
#include "identity/fold.h"

#define POSTCODE_MAX	12
/* a longer text is no value for display: 16 million characters */
#define TEXT_MAX		(16 * 1024 * 1024)
/* a longer run of combining marks is left as it is: composing is quadratic in it */
#define MARKS_MAX		256
/* no character becomes more than this many (Unicode: 3 in NFC) */
#define NFC_GROWTH		3
#define DIGITS			"0123456789"

PG_FUNCTION_INFO_V1(omnicrm_normalize_postcode);
PG_FUNCTION_INFO_V1(omnicrm_normalize_gender);
PG_FUNCTION_INFO_V1(omnicrm_normalize_text);
PG_FUNCTION_INFO_V1(omnicrm_content_hash);

/* Countries whose codes are digits only: how many, and how few may arrive when zeros were lost. */
static const struct
{
	char		country[3];
	int			digits;
	int			at_least;
}			numeric_postcodes[] = {
	{"AR", 4, 4}, {"AT", 4, 4}, {"AU", 4, 3}, {"BE", 4, 4}, {"BG", 4, 4}, {"CH", 4, 4}, {"DE", 5, 4},
	{"DK", 4, 4}, {"EE", 5, 5}, {"ES", 5, 4}, {"FI", 5, 3}, {"FR", 5, 4}, {"HR", 5, 5}, {"HU", 4, 4},
	{"IT", 5, 3}, {"LU", 4, 4}, {"MX", 5, 4}, {"MA", 5, 5}, {"NO", 4, 3}, {"RO", 6, 5}, {"SI", 4, 4},
	{"US", 5, 3},
};

/* Whether a Spanish code lies in one of the 52 provinces. */
static bool
is_spanish(const char *code)
{
	int			province = (code[0] - '0') * 10 + (code[1] - '0');

	return province >= 1 && province <= 52;
}

/* Digits-only code with the zeros that a numeric column lost; NULL when it is none. */
static const char *
numeric_postcode(const char *country, const char *code, int n, char *buffer)
{
	for (int i = 0; i < lengthof(numeric_postcodes); i++)
	{
		int			digits = numeric_postcodes[i].digits;

		if (strcmp(numeric_postcodes[i].country, country) != 0)
			continue;
		if (n == 9 && strcmp(country, "US") == 0 && strspn(code, DIGITS) == 9)
		{
			snprintf(buffer, POSTCODE_MAX + 4, "%.5s-%s", code, code + 5);
			return buffer;
		}
		if ((int) strspn(code, DIGITS) != n || n > digits || n < numeric_postcodes[i].at_least)
			return NULL;
		memset(buffer, '0', digits);
		memcpy(buffer + digits - n, code, n + 1);
		return strcmp(country, "ES") != 0 || is_spanish(buffer) ? buffer : NULL;
	}
	return code;
}

/* Forms with a separator in a fixed place, where the country has one. */
static const char *
spaced_postcode(const char *country, const char *code, int n, char *buffer)
{
	int			digits = strspn(code, DIGITS);

	if (strcmp(country, "PT") == 0)
	{
		if (digits != n || (n != 4 && n != 7))
			return NULL;
		snprintf(buffer, POSTCODE_MAX + 4, n == 7 ? "%.4s-%s" : "%.4s", code, code + 4);
	}
	else if (strcmp(country, "NL") == 0)
	{
		if (n != 6 || digits != 4)
			return NULL;
		snprintf(buffer, POSTCODE_MAX + 4, "%.4s %s", code, code + 4);
	}
	else if (strcmp(country, "GB") == 0)
	{
		if (n < 5 || n > 7 || code[0] < 'A' || code[n - 3] > '9' || code[n - 2] < 'A' || code[n - 1] < 'A')
			return NULL;
		snprintf(buffer, POSTCODE_MAX + 4, "%.*s %s", n - 3, code, code + n - 3);
	}
	else if (strcmp(country, "CA") == 0)
	{
		if (n != 6 || code[0] < 'A')
			return NULL;
		snprintf(buffer, POSTCODE_MAX + 4, "%.3s %s", code, code + 3);
	}
	else if (strcmp(country, "SE") == 0 || strcmp(country, "GR") == 0 ||
			 strcmp(country, "CZ") == 0 || strcmp(country, "SK") == 0)
	{
		if (n != 5 || digits != 5)
			return NULL;
		snprintf(buffer, POSTCODE_MAX + 4, "%.3s %s", code, code + 3);
	}
	else if (strcmp(country, "PL") == 0)
	{
		if (n != 5 || digits != 5)
			return NULL;
		snprintf(buffer, POSTCODE_MAX + 4, "%.2s-%s", code, code + 2);
	}
	else
		return code;
	return buffer;
}

/*
 * normalize_postcode(text, country text) returns text.
 * Result: Spain: five digits with lost leading zeros, province 01 to 52; other
 * countries with a known form: that form; others: capital letters, digits and
 * single blanks or hyphens.  NULL when it is no postcode of the country, or
 * has more than 12 characters.
 */
Datum
omnicrm_normalize_postcode(PG_FUNCTION_ARGS)
{
	char		plain[OMNI_SHORT_MAX + 1];
	char		code[POSTCODE_MAX + 1];
	char		tidy[POSTCODE_MAX + 1];
	char		buffer[POSTCODE_MAX + 4];
	char		country[3];
	const char *result;
	const char *s;
	int			n = 0;
	int			m = 0;

	if (omni_plain(PG_GETARG_DATUM(0), plain, sizeof(plain)) <= 0)
		PG_RETURN_NULL();
	omni_country(PG_GETARG_DATUM(1), country);
	s = plain;
	/* "E-28001", "ES-28001", "D-10115" */
	if (*country && strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") <= 2)
	{
		const char *hyphen = strchr(s, '-');

		if (hyphen != NULL && hyphen - s <= 2 && hyphen > s && pg_toupper(s[0]) == country[0] &&
			(hyphen - s == 1 || pg_toupper(s[1]) == country[1]) && strcmp(country, "GB") != 0)
			s = hyphen + 1;
	}
	for (; *s; s++)
	{
		char		c = pg_ascii_toupper(*s);
		bool		alnum = (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

		if (!alnum && c != ' ' && c != '-' && c != '.')
			PG_RETURN_NULL();
		if (m >= POSTCODE_MAX)
			PG_RETURN_NULL();
		if (alnum)
			code[n++] = tidy[m++] = c;
		else if (m > 0 && tidy[m - 1] != ' ' && tidy[m - 1] != '-')
			tidy[m++] = c == '-' ? '-' : ' ';
	}
	while (m > 0 && (tidy[m - 1] == ' ' || tidy[m - 1] == '-'))
		m--;
	code[n] = tidy[m] = '\0';
	if (n == 0)
		PG_RETURN_NULL();
	result = numeric_postcode(country, code, n, buffer);
	if (result == code)
		result = spaced_postcode(country, code, n, buffer);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result == code ? tidy : result));
}

/*
 * normalize_gender(text) returns text: female, male, other or NULL.
 * M alone is male (in sources that write H and M for hombre and mujer, map the
 * letter before loading); digits have no agreed meaning and give NULL.
 */
Datum
omnicrm_normalize_gender(PG_FUNCTION_ARGS)
{
	static const char female[] = "|f|fem|female|femenino|femenina|feminine|feminino|feminin|femme|femmina|mujer|muj|muller|hembra|woman|w|girl|weiblich|frau|dona|emakumea|mulher|donna|senora|sra|mrs|ms|miss|";
	static const char male[] = "|m|masc|male|masculino|masculine|masculin|masculi|maschio|hombre|hom|h|homme|home|v|varon|man|boy|mannlich|mann|herr|gizonezkoa|gizona|homem|uomo|senor|sr|mr|don|";
	static const char other[] = "|other|o|otro|otra|otros|altre|outro|x|d|divers|diverse|nb|non binary|nonbinary|no binario|no binaria|no binarie|non binaire|intersex|intersexual|";
	char		folded[32];

	folded[0] = '|';
	if (!omni_fold_plain(PG_GETARG_DATUM(0), folded + 1, sizeof(folded) - 2) || folded[1] == '\0')
		PG_RETURN_NULL();
	strlcat(folded, "|", sizeof(folded));
	if (strstr(female, folded) != NULL)
		PG_RETURN_TEXT_P(cstring_to_text("female"));
	if (strstr(male, folded) != NULL)
		PG_RETURN_TEXT_P(cstring_to_text("male"));
	if (strstr(other, folded) != NULL)
		PG_RETURN_TEXT_P(cstring_to_text("other"));
	PG_RETURN_NULL();
}

/* Composes one run of characters that may interact and appends it. */
static int
compose_run(const UNormalizer2 *nfc, const codepoint *run, int length, codepoint *out)
{
	UChar		source[MARKS_MAX * 2];
	UChar		target[MARKS_MAX * 2 * NFC_GROWTH];
	UErrorCode	status = U_ZERO_ERROR;
	int32_t		n = 0;
	int32_t		m = 0;
	int			written = 0;

	if (length <= MARKS_MAX)
	{
		for (int i = 0; i < length; i++)
			U16_APPEND_UNSAFE(source, n, run[i]);
		m = unorm2_normalize(nfc, source, n, target, lengthof(target), &status);
	}
	if (length > MARKS_MAX || U_FAILURE(status))
	{
		memcpy(out, run, length * sizeof(codepoint));
		return length;
	}
	for (int32_t i = 0; i < m;)
	{
		UChar32		c;

		U16_NEXT(target, i, m, c);
		out[written++] = c;
	}
	return written;
}

/* Unicode form NFC, run by run; the text itself where ICU has no data. */
static int
compose(codepoint **data, int length)
{
	UErrorCode	status = U_ZERO_ERROR;
	const UNormalizer2 *nfc = unorm2_getNFCInstance(&status);
	const codepoint *in = *data;
	codepoint  *out;
	Size		capacity = (Size) length + NFC_GROWTH * MARKS_MAX;
	int			n = 0;
	int			start = 0;

	if (U_FAILURE(status))
		return length;
	out = MemoryContextAllocHuge(CurrentMemoryContext, capacity * sizeof(codepoint));
	for (int i = 1; i <= length; i++)
	{
		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (i < length && in[i] >= 0x300 && !unorm2_hasBoundaryBefore(nfc, in[i]))
			continue;
		/* room for this run grown, and for the rest as it is */
		if (n + (Size) (i - start) * NFC_GROWTH + (length - i) > capacity)
		{
			capacity += capacity / 2 + (Size) (i - start) * NFC_GROWTH;
			out = repalloc_huge(out, capacity * sizeof(codepoint));
		}
		if (i - start == 1 && in[start] < 0x300)
			out[n++] = in[start];
		else
			n += compose_run(nfc, in + start, i - start, out + n);
		start = i;
	}
	*data = out;
	return n;
}

/*
 * normalize_text(text) returns text: for display: Unicode form NFC, control
 * characters and white space to single blanks, invisible marks gone, trimmed.
 * Result: NULL when nothing is left, or beyond 16 million characters.
 */
Datum
omnicrm_normalize_text(PG_FUNCTION_ARGS)
{
	Chars		in;
	codepoint  *out;
	int			n = 0;
	bool		marks = false;
	text	   *result;

	if (!omni_chars(PG_GETARG_DATUM(0), TEXT_MAX, &in))
		PG_RETURN_NULL();
	out = in.data;
	for (int i = 0; i < in.length; i++)
	{
		codepoint	c = in.data[i];

		if ((i & 0xFFFF) == 0)
			CHECK_FOR_INTERRUPTS();
		if (omni_is_blank(c))
		{
			if (n > 0 && out[n - 1] != ' ')
				out[n++] = ' ';
		}
		else if (!omni_is_invisible(c))
		{
			marks |= c >= 0x300;
			out[n++] = c;
		}
	}
	if (n > 0 && out[n - 1] == ' ')
		n--;
	if (n == 0)
		PG_RETURN_NULL();
	if (marks)
		n = compose(&out, n);
	result = omni_chars_to_text(out, n);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/*
 * content_hash(text) returns bigint: 64-bit hash of the bytes, the server's
 * hash_bytes_extended() with seed 0: the same on every platform of one byte
 * order and in every release that keeps that function.
 */
Datum
omnicrm_content_hash(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);

	PG_RETURN_INT64((int64) hash_bytes_extended((const unsigned char *) VARDATA_ANY(value),
												VARSIZE_ANY_EXHDR(value), 0));
}
