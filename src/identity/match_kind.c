/*
 * match_kind.c
 *		Kinds of fields: how a value is normalised and which levels of
 *		agreement there are.
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/chars.h"
#include "identity/datetime.h"
#include "identity/fold.h"
#include "identity/match.h"
#include "identity/name.h"

extern PGDLLEXPORT Datum omnicrm_is_placeholder(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_email(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_tax_id(PG_FUNCTION_ARGS);

/* The order is that of MatchKind; match_compare.c knows what the levels mean. */
static const MatchKindInfo kinds[] = {
	{"name", "name", true, false,
	{"exact", "same words", "all words of one", "alike", "given name and one more", "one word", "different"}},
	{"given_name", "name", true, false,
	{"exact", "nickname", "one typing error", "similar", "shared word or initial", "loosely similar", "different"}},
	{"surname", "name", true, false,
	{"exact", "one typing error", "similar", "in the other column", "shared word", "loosely similar", "different"}},
	{"birth_date", "birth_date", false, false,
	{"exact", "one digit or swapped", "two parts equal", "two digits", "same year", "different"}},
	{"email", "email", true, false,
	{"exact", "same mailbox name", "typing error", "similar", "different"}},
	{"phone", "phone", true, false,
	{"exact", "one digit", "different"}},
	{"tax_id", "tax_id", true, true,
	{"exact", "typing error", "different"}},
	{"code", NULL, true, false,
	{"exact", "one character", "two characters", "different"}},
	{"postcode", "postcode", true, false,
	{"exact", "one character", "same area", "same region", "different"}},
	{"city", NULL, true, false,
	{"exact", "typing error", "similar", "different"}},
	{"address", NULL, true, false,
	{"exact", "most words", "half the words", "similar", "different"}},
	{"text", NULL, true, false,
	{"exact", "typing error", "similar", "shared word", "different"}},
	{"category", NULL, true, false,
	{"exact", "different"}},
	{"number", NULL, false, false,
	{"exact", "within 1 %", "within 10 %", "different"}},
};

/*
 * omni_match_kind: what a kind brings.
 */
const MatchKindInfo *
omni_match_kind(MatchKind kind)
{
	return &kinds[kind];
}

/*
 * omni_match_kind_by_name: the kind of a name; false when there is none.
 */
bool
omni_match_kind_by_name(const char *name, MatchKind *kind)
{
	for (int i = 0; i < lengthof(kinds); i++)
	{
		if (strcmp(kinds[i].name, name) == 0)
		{
			*kind = (MatchKind) i;
			return true;
		}
	}
	return false;
}

/*
 * omni_match_kind_levels: number of levels of a kind.
 */
int
omni_match_kind_levels(MatchKind kind)
{
	int			n = 0;

	while (kinds[kind].levels[n] != NULL)
		n++;
	return n;
}

/*
 * omni_match_kind_names: all kinds, for a hint.
 */
char *
omni_match_kind_names(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < lengthof(kinds); i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", kinds[i].name);
	return list.data;
}

/*
 * omni_match_is_identifier: whether a value of the kind is given to few, so that it
 * tells people apart by itself.
 */
bool
omni_match_is_identifier(MatchKind kind)
{
	return kind == MATCH_EMAIL || kind == MATCH_PHONE || kind == MATCH_TAX_ID || kind == MATCH_CODE;
}

/* A text to be written: at most MATCH_TEXT_MAX bytes. */
typedef struct Output
{
	char	   *text;
	int			length;
} Output;

static void
put(Output *out, codepoint c)
{
	/* what no script table knows still is a letter: any byte above ASCII */
	if (out->length < MATCH_TEXT_MAX)
		out->text[out->length++] = c < 0x80 ? (char) c : (char) (0x80 | (c & 0x7f));
}

/* Words of a name without titles; the groups of equivalents of its first word. */
static bool
normalise_name(const MatchField *field, Datum raw, MatchValue *value, Output *out)
{
	NameWord   *words;
	int			count;

	if (!omni_name_words(raw, field->kind == MATCH_NAME, &words, &count))
		return false;
	for (int i = 0; i < count; i++)
	{
		if (words[i].kind == NAME_TITLE)
			continue;
		if (out->length == 0 && words[i].entry != NULL && words[i].kind == NAME_WORD)
			memcpy(value->groups, words[i].entry->groups, sizeof(value->groups));
		if (out->length > 0)
			put(out, ' ');
		for (int k = 0; k < words[i].length; k++)
			put(out, words[i].text[k]);
	}
	return out->length > 0;
}

/* Folded text. */
static bool
normalise_text(Datum raw, Output *out)
{
	Chars		chars;
	Chars		folded;

	if (!omni_chars(raw, OMNI_NAME_MAX, &chars))
		return false;
	omni_fold(&chars, false, &folded);
	for (int i = 0; i < folded.length; i++)
		put(out, folded.data[i]);
	return out->length > 0;
}

/* Letters and digits of a code. */
static bool
normalise_code(Datum raw, Output *out)
{
	Chars		chars;
	Chars		folded;

	if (!omni_chars(raw, OMNI_NAME_MAX, &chars))
		return false;
	omni_fold(&chars, false, &folded);
	for (int i = 0; i < folded.length; i++)
	{
		if (folded.data[i] != ' ')
			put(out, folded.data[i]);
	}
	return out->length > 0;
}

/* Calls a normaliser of the toolbox; its text, or NULL. */
static text *
call_normaliser(PGFunction function, Datum value, const char *argument)
{
	LOCAL_FCINFO(call, 2);
	Datum		result;

	InitFunctionCallInfoData(*call, NULL, argument != NULL ? 2 : 1, InvalidOid, NULL, NULL);
	call->args[0].value = value;
	call->args[0].isnull = false;
	if (argument != NULL)
	{
		call->args[1].value = PointerGetDatum(cstring_to_text(argument));
		call->args[1].isnull = false;
	}
	result = (*function) (call);
	return call->isnull ? NULL : DatumGetTextPP(result);
}

static void
put_text(Output *out, const text *value)
{
	const char *data = VARDATA_ANY(value);

	for (int i = 0; i < VARSIZE_ANY_EXHDR(value); i++)
	{
		if ((unsigned char) data[i] > ' ')
			put(out, pg_tolower((unsigned char) data[i]));
	}
}

/* An address that is none is still compared, as it is. */
static bool
normalise_email(Datum raw, MatchValue *value, Output *out)
{
	text	   *address = call_normaliser(omnicrm_normalize_email, raw, NULL);

	value->valid = address != NULL;
	put_text(out, address != NULL ? address : DatumGetTextPP(raw));
	while (value->local < out->length && out->text[value->local] != '@')
		value->local++;
	return out->length > 0;
}

/* The last nine digits, which leave country and trunk prefixes behind. */
static bool
normalise_phone(Datum raw, Output *out)
{
	char		plain[MATCH_TEXT_MAX];
	char		digits[MATCH_TEXT_MAX];
	int			n = 0;

	if (omni_plain(raw, plain, sizeof(plain)) < 0)
		return false;
	for (const char *s = plain; *s; s++)
	{
		/* an extension follows */
		if (n > 0 && isalpha((unsigned char) *s))
			break;
		if (isdigit((unsigned char) *s))
			digits[n++] = *s;
	}
	if (n < 5)
		return false;
	for (int i = Max(0, n - 9); i < n; i++)
		put(out, digits[i]);
	return true;
}

static bool
normalise_tax_id(const MatchField *field, Datum raw, MatchValue *value, Output *out)
{
	text	   *number = call_normaliser(omnicrm_normalize_tax_id, raw, field->country ? field->country : "ES");

	value->valid = number != NULL;
	if (number == NULL)
		return normalise_code(raw, out);
	put_text(out, number);
	return true;
}

/* yyyymmdd */
static bool
normalise_date(const MatchField *field, Datum raw, Output *out)
{
	char		plain[MATCH_TEXT_MAX];
	const char *s = plain;
	struct pg_tm tm;
	char		digits[32];

	if (omni_plain(raw, plain, sizeof(plain)) < 0)
		return false;
	while (*s == ' ')
		s++;
	if (!omni_scan_date(&s, field->format ? field->format : "auto", &tm))
		return false;
	snprintf(digits, sizeof(digits), "%04d%02d%02d", tm.tm_year, tm.tm_mon, tm.tm_mday);
	for (int i = 0; i < 8; i++)
		put(out, digits[i]);
	return true;
}

/*
 * omni_match_number: the number that the text of a value stands for.
 */
double
omni_match_number(const unsigned char *text, int length)
{
	char		digits[MATCH_TEXT_MAX + 1];

	memcpy(digits, text, length);
	digits[length] = '\0';
	return strtod(digits, NULL);
}

static bool
normalise_number(Datum raw, MatchValue *value, Output *out)
{
	char		plain[MATCH_TEXT_MAX];
	char		digits[32];
	char	   *end;

	if (omni_plain(raw, plain, sizeof(plain)) < 0)
		return false;
	value->number = strtod(plain, &end);
	while (*end == ' ')
		end++;
	if (end == plain || *end != '\0' || !isfinite(value->number))
		return false;
	snprintf(digits, sizeof(digits), "%.15g", value->number + 0.0);
	for (const char *s = digits; *s; s++)
		put(out, *s);
	/* of one text there is one number */
	value->number = omni_match_number((const unsigned char *) out->text, out->length);
	return true;
}

static bool
is_placeholder(const MatchKindInfo *kind, Datum raw)
{
	return DatumGetBool(DirectFunctionCall2(omnicrm_is_placeholder,
											PointerGetDatum(cstring_to_text(kind->placeholder ? kind->placeholder : "text")),
											raw));
}

/*
 * omni_match_normalise: the form in which a value is compared.
 * Arguments: the field; the value as text, not null; the value to fill in, all
 * zero; MATCH_TEXT_MAX bytes for its text.
 * Result: false when it is no value of its kind, or a placeholder.
 */
bool
omni_match_normalise(const MatchField *field, Datum raw, MatchValue *value, char *rest)
{
	Output		out = {rest, 0};
	bool		found = false;

	if (VARSIZE_ANY_EXHDR(DatumGetPointer(raw)) == 0 || is_placeholder(&kinds[field->kind], raw))
		return false;
	switch (field->kind)
	{
		case MATCH_NAME:
		case MATCH_GIVEN_NAME:
		case MATCH_SURNAME:
			found = normalise_name(field, raw, value, &out);
			break;
		case MATCH_BIRTH_DATE:
			found = normalise_date(field, raw, &out);
			break;
		case MATCH_EMAIL:
			found = normalise_email(raw, value, &out);
			break;
		case MATCH_PHONE:
			found = normalise_phone(raw, &out);
			break;
		case MATCH_TAX_ID:
			found = normalise_tax_id(field, raw, value, &out);
			break;
		case MATCH_CODE:
		case MATCH_POSTCODE:
			found = normalise_code(raw, &out);
			break;
		case MATCH_CITY:
		case MATCH_ADDRESS:
		case MATCH_TEXT:
		case MATCH_CATEGORY:
			found = normalise_text(raw, &out);
			break;
		case MATCH_NUMBER:
			found = normalise_number(raw, value, &out);
			break;
	}
	while (out.length > 0 && out.text[out.length - 1] == ' ')
		out.length--;
	value->length = out.length;
	return found && out.length > 0;
}
