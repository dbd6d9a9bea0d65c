/*
 * display.c
 *		Text in columns: how wide a text is on a terminal, and a text cut or
 *		padded to a width.  Wide characters of East Asia take two columns,
 *		combining marks none.  Control characters never reach the terminal: they
 *		are shown as one middle dot, in both functions alike.
 */
#include "postgres.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "common/compat.h"

#define MAX_WIDTH 10000
#define MAX_BYTES 16

PG_FUNCTION_INFO_V1(omnicrm_display_width);
PG_FUNCTION_INFO_V1(omnicrm_fit);

/*
 * Columns of the character at p, which is `bytes` long; -1: control character.
 * Escapes of the second control block (U+0080 to U+009F) are two bytes in
 * UTF-8 and known by their value, as are line and paragraph separators and
 * the marks that turn the direction of writing.
 */
static int
character_width(const char *p, int bytes)
{
	if (GetDatabaseEncoding() == PG_UTF8 && bytes > 1)
	{
		pg_wchar	c = utf8_to_unicode((const unsigned char *) p);

		if (c < 0xA0 || (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069) ||
			c == 0x200E || c == 0x200F || c == 0x061C)
			return -1;
	}
	return pg_dsplen(p);
}

/* The stand-in of control characters, one column wide. */
static const char *
stand_in(void)
{
	return GetDatabaseEncoding() == PG_UTF8 ? "\xC2\xB7" : ".";
}

/*
 * display_width(text) returns integer: columns that a text takes on a terminal.
 */
Datum
omnicrm_display_width(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	const char *p = VARDATA_ANY(value);
	const char *end = p + VARSIZE_ANY_EXHDR(value);
	int32		width = 0;

	while (p < end)
	{
		int			bytes = pg_mblen(p);
		int			columns;

		CHECK_FOR_INTERRUPTS();
		bytes = Min(bytes, end - p);
		columns = character_width(p, bytes);
		width += columns < 0 ? 1 : columns;
		p += bytes;
	}
	PG_RETURN_INT32(width);
}

/*
 * Appends as much of p .. end as fits into `room` columns, and, since marks
 * without width could be piled up for ever, into MAX_BYTES bytes per column;
 * returns the columns used.  *rest is where it stopped.
 */
static int
append_fitting(StringInfo out, const char *p, const char *end, int room, const char **rest)
{
	int			used = 0;

	while (p < end)
	{
		int			bytes = Min(pg_mblen(p), end - p);
		int			columns = character_width(p, bytes);

		if (used + (columns < 0 ? 1 : columns) > room ||
			out->len + bytes > (room + 1) * MAX_BYTES)
			break;
		if (columns < 0)
			appendStringInfoString(out, stand_in());
		else
			appendBinaryStringInfo(out, p, bytes);
		used += columns < 0 ? 1 : columns;
		p += bytes;
	}
	*rest = p;
	return used;
}

/*
 * fit(value text, width integer, align text) returns text: the value in exactly
 * `width` columns, padded with blanks or cut with an ellipsis at its end; align is
 * left, right or center.  Error: invalid_parameter_value for a width outside 0
 * to 10000 or another align.
 */
Datum
omnicrm_fit(PG_FUNCTION_ARGS)
{
	text	   *value = PG_GETARG_TEXT_PP(0);
	int32		width = PG_GETARG_INT32(1);
	char	   *align = text_to_cstring(PG_GETARG_TEXT_PP(2));
	const char *start = VARDATA_ANY(value);
	const char *end = start + VARSIZE_ANY_EXHDR(value);
	const char *ellipsis = GetDatabaseEncoding() == PG_UTF8 ? "\xE2\x80\xA6" : "~";
	const char *rest;
	StringInfoData cut;
	StringInfoData out;
	int			used;
	int			before;

	if (width < 0 || width > MAX_WIDTH)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("width must be between 0 and %d, got %d", MAX_WIDTH, width)));
	if (strcmp(align, "left") != 0 && strcmp(align, "right") != 0 && strcmp(align, "center") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("align must be left, right or center, got \"%.50s\"", align)));
	initStringInfo(&cut);
	used = append_fitting(&cut, start, end, width, &rest);
	if (rest < end && width > 0)
	{
		resetStringInfo(&cut);
		used = append_fitting(&cut, start, end, width - 1, &rest);
		appendStringInfoString(&cut, ellipsis);
		used++;
	}
	before = align[0] == 'l' ? 0 : align[0] == 'r' ? width - used : (width - used) / 2;
	initStringInfo(&out);
	appendStringInfoSpaces(&out, before);
	appendBinaryStringInfo(&out, cut.data, cut.len);
	appendStringInfoSpaces(&out, width - used - before);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}
