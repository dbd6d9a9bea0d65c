/*
 * chars.c
 *		Text arguments as code points, and back.
 *
 * A value is decoded whatever the database encoding is: UTF-8 directly, other
 * encodings through the server's conversion, SQL_ASCII as UTF-8 where the bytes
 * are UTF-8 and as Latin-1 where they are not.  A byte that means nothing
 * becomes U+FFFD: the normalisers never fail because of a value.
 */
#include "postgres.h"

#include <unicode/uchar.h>

#include "access/detoast.h"
#include "catalog/namespace.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/chars.h"

#define REPLACEMENT 0xFFFD
/* bytes of the server encoding converted at a time */
#define CONVERT_CHUNK (1 << 20)

/* Decodes one UTF-8 character; returns its length, 0 when it is malformed. */
static inline int
decode_utf8(const unsigned char *s, const unsigned char *end, codepoint *result)
{
	unsigned char c = s[0];

	if (c < 0x80)
	{
		*result = c;
		return 1;
	}
	if (c >= 0xC2 && c < 0xE0)
	{
		if (end - s < 2 || (s[1] & 0xC0) != 0x80)
			return 0;
		*result = (c & 0x1F) << 6 | (s[1] & 0x3F);
		return 2;
	}
	if (c >= 0xE0 && c < 0xF0)
	{
		if (end - s < 3 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
			return 0;
		*result = (c & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F);
		return *result < 0x800 || (*result >= 0xD800 && *result < 0xE000) ? 0 : 3;
	}
	if (c >= 0xF0 && c < 0xF5)
	{
		if (end - s < 4 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80 || (s[3] & 0xC0) != 0x80)
			return 0;
		*result = (codepoint) (c & 0x07) << 18 | (s[1] & 0x3F) << 12 | (s[2] & 0x3F) << 6 | (s[3] & 0x3F);
		return *result < 0x10000 || *result > 0x10FFFF ? 0 : 4;
	}
	return 0;
}

/*
 * Converts a value of another encoding to UTF-8 in chunks that end at a
 * character; a character without an equivalent becomes U+FFFD.
 */
static char *
server_to_utf8(const char *value, int length, int *result_length)
{
	int			encoding = GetDatabaseEncoding();
	Oid			conversion = FindDefaultConversionProc(encoding, PG_UTF8);
	StringInfoData result;
	char	   *buffer;
	int			done = 0;

	initStringInfo(&result);
	if (!OidIsValid(conversion))
	{
		/* no way to know the letters: keep the ASCII part */
		for (; done < length; done++)
			appendStringInfoString(&result, (value[done] & 0x80) ? "\xEF\xBF\xBD" : (char[]) {value[done], '\0'});
		*result_length = result.len;
		return result.data;
	}
	buffer = palloc(CONVERT_CHUNK * MAX_CONVERSION_GROWTH + 1);
	while (done < length)
	{
		int			take = 0;
		int			converted;

		CHECK_FOR_INTERRUPTS();
		while (take < CONVERT_CHUNK - MAX_CONVERSION_GROWTH && done + take < length)
			take += pg_encoding_mblen(encoding, value + done + take);
		take = Min(take, length - done);
		converted = pg_do_encoding_conversion_buf(conversion, encoding, PG_UTF8,
												  (unsigned char *) value + done, take,
												  (unsigned char *) buffer,
												  CONVERT_CHUNK * MAX_CONVERSION_GROWTH, true);
		appendStringInfoString(&result, buffer);
		done += converted;
		if (converted < take)
		{
			appendStringInfoString(&result, "\xEF\xBF\xBD");
			done += Min(pg_encoding_mblen(encoding, value + done), length - done);
		}
	}
	pfree(buffer);
	*result_length = result.len;
	return result.data;
}

/*
 * omni_chars: the code points of a text value.
 * Arguments: the value; the longest length in characters, 0 = any.
 * Result: false when the value is longer than that (it is not even fetched
 * from its TOAST table then).  Never an error for any bytes; memory is 4 bytes
 * for each byte of the value.
 */
bool
omni_chars(Datum value, int max_length, Chars *result)
{
	text	   *detoasted;
	const unsigned char *s;
	const unsigned char *end;
	codepoint  *out;
	int			encoding = GetDatabaseEncoding();
	int			length;

	if (max_length > 0 && toast_raw_datum_size(value) > (Size) max_length * 4 + VARHDRSZ)
		return false;
	detoasted = DatumGetTextPP(value);
	length = VARSIZE_ANY_EXHDR(detoasted);
	s = (const unsigned char *) VARDATA_ANY(detoasted);
	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII)
	{
		bool		plain = true;

		for (int i = 0; i < length && plain; i++)
			plain = s[i] < 0x80;
		if (!plain)
			s = (const unsigned char *) server_to_utf8((const char *) s, length, &length);
	}
	end = s + length;
	out = MemoryContextAllocHuge(CurrentMemoryContext, (Size) Max(length, 1) * sizeof(codepoint));
	result->data = out;
	while (s < end)
	{
		int			taken = decode_utf8(s, end, out);

		if (taken == 0)
		{
			*out = encoding == PG_SQL_ASCII ? *s : REPLACEMENT;
			taken = 1;
		}
		s += taken;
		out++;
	}
	result->length = out - result->data;
	return max_length <= 0 || result->length <= max_length;
}

/*
 * omni_is_blank: white space and control characters, which separate words.
 */
bool
omni_is_blank(codepoint c)
{
	if (c < 0x80)
		return c <= 0x20 || c == 0x7F;
	if (c < 0x100)
		return c <= 0xA0;
	return (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
		c == 0x205F || c == 0x3000 || c == 0x1680;
}

/*
 * omni_is_invisible: marks that print nothing and come along with copied text:
 * soft hyphen, zero-width blank, direction marks, byte order mark.
 */
bool
omni_is_invisible(codepoint c)
{
	if (c < 0x200B)
		return c == 0xAD || c == 0x180E || c == 0x61C;
	return c == 0x200B || c == 0x200E || c == 0x200F || (c >= 0x202A && c <= 0x202E) ||
		(c >= 0x2060 && c <= 0x2064) || (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

/* The ASCII stand-in of a character for codes, numbers and dates. */
static int
plain_char(codepoint c)
{
	int			digit;

	if (c < 0x80)
		return c < 0x20 || c == 0x7F ? ' ' : (int) c;
	if (omni_is_blank(c))
		return ' ';
	if (omni_is_invisible(c))
		return -1;
	if ((c >= 0x2010 && c <= 0x2015) || c == 0x2212 || c == 0xFE63)
		return '-';
	if (c == 0x2018 || c == 0x2019 || c == 0xB4)
		return '\'';
	if (c == 0x20AC)
		return OMNI_EURO;
	if (c == 0xA3)
		return OMNI_POUND;
	if (c >= 0xFF01 && c <= 0xFF5E)
		return c - 0xFF01 + 0x21;
	digit = u_charDigitValue(c);
	return digit >= 0 ? '0' + digit : OMNI_OTHER;
}

/*
 * omni_plain: a value as ASCII, for codes, numbers and dates: digits of any
 * script become 0-9, blanks and hyphens of any kind ' ' and '-', invisible marks
 * go, euro and pound signs and everything else become the three OMNI_ bytes.
 * Arguments: the value; a buffer and its size.
 * Result: the length (the buffer ends with '\0', blanks at both ends are gone),
 * -1 when the value does not fit.
 */
int
omni_plain(Datum value, char *result, int size)
{
	Chars		chars;
	text	   *packed;
	int			length = 0;
	int			start = 0;

	if (toast_raw_datum_size(value) > (Size) size * 4 + VARHDRSZ)
		return -1;
	packed = DatumGetTextPP(value);
	if (VARSIZE_ANY_EXHDR(packed) < size)
	{
		const unsigned char *s = (const unsigned char *) VARDATA_ANY(packed);
		int			n = VARSIZE_ANY_EXHDR(packed);

		while (length < n && s[length] < 0x80)
		{
			result[length] = s[length] < 0x20 || s[length] == 0x7F ? ' ' : s[length];
			length++;
		}
		if (length < n)
			length = -1;
	}
	else
		length = -1;
	if (length < 0)
	{
		length = 0;
		if (!omni_chars(PointerGetDatum(packed), 0, &chars))
			return -1;
		for (int i = 0; i < chars.length; i++)
		{
			int			c = plain_char(chars.data[i]);

			if (c < 0)
				continue;
			if (length >= size - 1)
				return -1;
			result[length++] = c;
		}
		pfree(chars.data);
	}
	while (length > 0 && result[length - 1] == ' ')
		length--;
	while (start < length && result[start] == ' ')
		start++;
	memmove(result, result + start, length - start);
	result[length - start] = '\0';
	return length - start;
}

/*
 * omni_chars_to_text: code points as a text value in the database encoding.
 * Result: NULL when that encoding lacks one of them.
 */
text *
omni_chars_to_text(const codepoint *data, int length)
{
	int			encoding = GetDatabaseEncoding();
	Size		size = VARHDRSZ;
	text	   *result;
	unsigned char *out;

	for (int i = 0; i < length; i++)
		size += data[i] < 0x80 ? 1 : data[i] < 0x800 ? 2 : data[i] < 0x10000 ? 3 : 4;
	if (size >= MaxAllocSize)
		return NULL;
	result = palloc(size);
	out = (unsigned char *) VARDATA(result);
	for (int i = 0; i < length; i++)
	{
		unicode_to_utf8(data[i], out);
		out += pg_utf_mblen(out);
	}
	SET_VARSIZE(result, size);
	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII && size > (Size) length + VARHDRSZ)
	{
		Oid			conversion = FindDefaultConversionProc(PG_UTF8, encoding);
		Size		growth = (size - VARHDRSZ) * MAX_CONVERSION_GROWTH + 1;
		char	   *converted;

		if (!OidIsValid(conversion) || growth >= MaxAllocSize)
			return NULL;
		converted = palloc(growth);
		if (pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding,
										  (unsigned char *) VARDATA(result), size - VARHDRSZ,
										  (unsigned char *) converted, growth, true) < size - VARHDRSZ)
			return NULL;
		return cstring_to_text(converted);
	}
	return result;
}

/*
 * omni_ascii_to_text: an ASCII buffer as a text value.
 */
text *
omni_ascii_to_text(const char *data, int length)
{
	return cstring_to_text_with_len(data, length);
}
