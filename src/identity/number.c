/*
 * number.c
 *		Numbers and truth values as people and spreadsheets write them.
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "identity/chars.h"
#include "identity/fold.h"

/* most digits of a number, before and after the point together */
#define NUMBER_DIGITS	64
#define NUMBER_BUFFER	129

PG_FUNCTION_INFO_V1(omnicrm_parse_number);
PG_FUNCTION_INFO_V1(omnicrm_parse_boolean);

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Takes one currency sign or code off either end; blanks around it too. */
static void
strip_currency(char **start, char **end)
{
	static const char *const codes[] = {"EUR", "USD", "GBP", "CHF", "EURO", "EUROS"};

	while (**start == ' ')
		(*start)++;
	while (*end > *start && (*end)[-1] == ' ')
		(*end)--;
	if (*start < *end && (**start == '$' || **start == OMNI_EURO || **start == OMNI_POUND))
		(*start)++;
	else if (*start < *end && ((*end)[-1] == '$' || (*end)[-1] == OMNI_EURO || (*end)[-1] == OMNI_POUND))
		(*end)--;
	else
	{
		for (int i = 0; i < lengthof(codes); i++)
		{
			int			n = strlen(codes[i]);

			if (*end - *start <= n)
				continue;
			if (pg_strncasecmp(*start, codes[i], n) == 0 && !is_letter((*start)[n]))
				*start += n;
			else if (pg_strncasecmp(*end - n, codes[i], n) == 0 && !is_letter((*end)[-n - 1]))
				*end -= n;
			else
				continue;
			break;
		}
	}
	while (**start == ' ')
		(*start)++;
	while (*end > *start && (*end)[-1] == ' ')
		(*end)--;
}

/* Sign before or after, or parentheses; returns true for a negative number. */
static bool
strip_sign(char **start, char **end, bool *good)
{
	bool		negative = false;
	bool		signed_already = false;

	if (*end - *start >= 2 && **start == '(' && (*end)[-1] == ')')
	{
		(*start)++;
		(*end)--;
		negative = signed_already = true;
		strip_currency(start, end);
	}
	if (*start < *end && (**start == '-' || **start == '+'))
	{
		*good &= !signed_already;
		negative |= **start == '-';
		signed_already = true;
		(*start)++;
	}
	if (*start < *end && ((*end)[-1] == '-' || (*end)[-1] == '+'))
	{
		*good &= !signed_already;
		negative |= (*end)[-1] == '-';
		(*end)--;
	}
	return negative;
}

/*
 * Digits, thousands separators and the decimal mark from start to end.
 * Writes a number that numeric_in() reads; returns false when it is none.
 */
static bool
read_digits(const char *s, const char *end, char mark, char *out)
{
	char		separator = '\0';
	int			group = 0;
	int			digits = 0;
	bool		fraction = false;

	for (; s < end; s++)
	{
		if (*s >= '0' && *s <= '9')
		{
			if (++digits > NUMBER_DIGITS)
				return false;
			group++;
			*out++ = *s;
		}
		else if (*s == mark)
		{
			if (fraction || (separator && group != 3))
				return false;
			if (digits == 0)
				*out++ = '0';
			fraction = true;
			*out++ = '.';
		}
		else if ((*s == ' ' || *s == '\'' || *s == '.' || *s == ',') && !fraction)
		{
			/* one kind of separator, before each group of three */
			if (separator ? (*s != separator || group != 3) : (group == 0 || group > 3))
				return false;
			separator = *s;
			group = 0;
		}
		else if ((*s == 'e' || *s == 'E') && digits > 0 && !separator)
		{
			/* an exponent as spreadsheets write it; small enough for the bound */
			int			i = 1;
			int			exponent = 0;

			if (s[i] == '+' || s[i] == '-')
				i++;
			if (s + i >= end || end - s - i > 2)
				return false;
			for (const char *e = s + i; e < end; e++)
			{
				if (*e < '0' || *e > '9')
					return false;
				exponent = exponent * 10 + (*e - '0');
			}
			if (exponent + digits > NUMBER_DIGITS)
				return false;
			if (out[-1] == '.')
				*out++ = '0';
			memcpy(out, s, end - s);
			out += end - s;
			*out = '\0';
			return true;
		}
		else
			return false;
	}
	if (digits == 0 || (separator && !fraction && group != 3))
		return false;
	if (out[-1] == '.')
		out--;
	*out = '\0';
	return true;
}

/*
 * parse_number(text, decimal_mark text) returns numeric.
 * Arguments: the number as written; the decimal mark, '.' or ','.
 * Result: sign before or after, parentheses for a negative number, currency
 * signs and codes, groups of three digits with one kind of separator, and a
 * decimal exponent are understood; NULL for anything else and for more than 64
 * digits.  Never NaN or infinity.
 * Errors: invalid_parameter_value for another decimal mark.
 */
Datum
omnicrm_parse_number(PG_FUNCTION_ARGS)
{
	text	   *mark_text = PG_GETARG_TEXT_PP(1);
	char		plain[NUMBER_BUFFER];
	char		clean[NUMBER_BUFFER + 8];
	char	   *start = plain;
	char	   *end;
	char		mark;
	bool		negative;
	bool		good = true;
	int			length;

	if (VARSIZE_ANY_EXHDR(mark_text) != 1 ||
		(*VARDATA_ANY(mark_text) != '.' && *VARDATA_ANY(mark_text) != ','))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid decimal mark: \"%.*s\"", (int) Min(VARSIZE_ANY_EXHDR(mark_text), 20),
						VARDATA_ANY(mark_text)),
				 errhint("Use '.' or ','.")));
	mark = *VARDATA_ANY(mark_text);
	length = omni_plain(PG_GETARG_DATUM(0), plain, sizeof(plain));
	if (length <= 0)
		PG_RETURN_NULL();
	end = plain + length;
	strip_currency(&start, &end);
	negative = strip_sign(&start, &end, &good);
	strip_currency(&start, &end);
	*end = '\0';
	clean[0] = '-';
	if (!good || !read_digits(start, end, mark, clean + 1))
		PG_RETURN_NULL();
	PG_RETURN_DATUM(DirectFunctionCall3(numeric_in,
										CStringGetDatum(negative ? clean : clean + 1),
										ObjectIdGetDatum(InvalidOid),
										Int32GetDatum(-1)));
}

/*
 * parse_boolean(text) returns boolean: yes, no and their kin in several
 * languages; NULL for anything else.
 */
Datum
omnicrm_parse_boolean(PG_FUNCTION_ARGS)
{
	static const char yes[] = "|1|y|yes|s|si|t|true|on|v|verdadero|cierto|verdad|oui|vrai|ja|wahr|sim|vero|bai|x|";
	static const char no[] = "|0|n|no|f|false|off|falso|non|faux|nein|falsch|nao|ez|";
	char		folded[24];

	folded[0] = '|';
	if (!omni_fold_plain(PG_GETARG_DATUM(0), folded + 1, sizeof(folded) - 2) || folded[1] == '\0')
		PG_RETURN_NULL();
	strlcat(folded, "|", sizeof(folded));
	if (strstr(yes, folded) != NULL)
		PG_RETURN_BOOL(true);
	if (strstr(no, folded) != NULL)
		PG_RETURN_BOOL(false);
	PG_RETURN_NULL();
}
