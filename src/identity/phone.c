/*
 * phone.c
 *		Phone numbers in E.164 form.
 *
 * Spanish and North American numbers of the usual lengths take paths of their
 * own that agree with libphonenumber; everything else goes to libphonenumber
 * through src/shim/phone.cpp.  A number counts when it is possible: when its
 * length fits its country.  Whether its range is in use is not asked: numbering
 * plans change faster than libraries, and a wrong number that two sources share
 * is still evidence.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/country.h"
#include "identity/chars.h"
#include "shim/phone.h"

#define PHONE_BUFFER (OMNI_SHORT_MAX + 1)

PG_FUNCTION_INFO_V1(omnicrm_normalize_phone);

/* A number that consists of digits and separators, perhaps with an extension behind. */
typedef struct PlainNumber
{
	char		digits[PHONE_BUFFER + 1];	/* with '+' in front when there was one */
	int			length;
	bool		international;	/* '+' */
} PlainNumber;

/* Whether the rest of a number is an extension: x123, ext. 123, #123. */
static bool
is_extension(const char *s)
{
	int			digits;

	if (pg_strncasecmp(s, "extension", 9) == 0)
		s += 9;
	else if (pg_strncasecmp(s, "ext", 3) == 0)
		s += 3;
	else if (*s == 'x' || *s == 'X' || *s == '#')
		s++;
	else
		return false;
	while (*s == '.' || *s == ':' || *s == ' ')
		s++;
	digits = strspn(s, "0123456789");
	return digits >= 1 && digits <= 7 && s[digits] == '\0';
}

/* Reads a plain number; false when it is anything else, as 1-800-FLOWERS is. */
static bool
read_plain(const char *number, PlainNumber *result)
{
	const char *s = number;
	int			n = 0;

	result->international = *s == '+';
	if (result->international)
		result->digits[n++] = *s++;
	for (; *s; s++)
	{
		if (*s >= '0' && *s <= '9')
			result->digits[n++] = *s;
		else if (*s != ' ' && *s != '.' && *s != '-' && *s != '(' && *s != ')')
		{
			if (n >= 7 && is_extension(s))
				break;
			return false;
		}
	}
	result->digits[n] = '\0';
	result->length = n;
	return n > 0;
}

/*
 * Subscriber number of Spain in a plain number: nine digits that start with 6
 * to 9, plain where the region is Spain, or behind +34, 0034 or 34.
 * Result: the nine digits, or NULL when the number is anything else.
 */
static const char *
spanish_number(const PlainNumber *number, bool spain)
{
	const char *digits = number->digits;
	int			n = number->length;

	if (number->international && strncmp(digits, "+34", 3) == 0)
	{
		digits += 3;
		n -= 3;
	}
	else if (strncmp(digits, "0034", 4) == 0)
	{
		digits += 4;
		n -= 4;
	}
	else if (spain && n == 11 && strncmp(digits, "34", 2) == 0)
	{
		digits += 2;
		n -= 2;
	}
	else if (!spain)
		return NULL;
	return n == 9 && *digits >= '6' ? digits : NULL;
}

/*
 * Subscriber number of North America in a plain number: ten digits, or eight or
 * nine that lost their zeros in a numeric column, plain or behind +1 or 1.
 * buffer: room for the completed number.  Result: ten digits, or NULL.
 */
static const char *
american_number(const PlainNumber *number, bool america, char buffer[11])
{
	const char *digits = number->digits;
	int			n = number->length;

	if (number->international && digits[1] == '1' && n == 12)
		return digits + 2;
	if (!america || number->international)
		return NULL;
	if (n == 11 && *digits == '1')
		return digits + 1;
	if (n == 10)
		return digits;
	if (n != 8 && n != 9)
		return NULL;
	memset(buffer, '0', 10 - n);
	memcpy(buffer + 10 - n, digits, n + 1);
	return buffer;
}

/* Whether there are enough digits to ask the library, which is slow to say no. */
static bool
has_digits(const char *number)
{
	int			n = 0;

	for (const char *s = number; *s && n < 4; s++)
		n += *s >= '0' && *s <= '9';
	return n >= 4;
}

/* Asks the library; "00" in front stands for "+" where the country knows no other use. */
static bool
any_number(const char *number, int length, const char *region, char *result, int size)
{
	char		international[PHONE_BUFFER + 1];
	int			n = 0;

	if (omni_phone_e164(number, length, region, result, size) == OMNI_PHONE_POSSIBLE)
		return true;
	while (n < length && (number[n] == '(' || number[n] == ' '))
		n++;
	if (length - n < 4 || number[n] != '0' || number[n + 1] != '0')
		return false;
	international[0] = '+';
	memcpy(international + 1, number + n + 2, length - n - 2);
	return omni_phone_e164(international, length - n - 1, "", result, size) == OMNI_PHONE_POSSIBLE;
}

/*
 * normalize_phone(text, region text) returns text: E.164 form, e.g. +34600111222.
 * Arguments: the number as written; the country whose numbers come without a
 * prefix, by code or name; NULL or unknown = none, only numbers with + or 00.
 * Result: NULL when the number is not possible or has more than 64 characters.
 * Of several numbers in one field, the first.
 */
Datum
omnicrm_normalize_phone(PG_FUNCTION_ARGS)
{
	char		number[PHONE_BUFFER];
	char		result[PHONE_BUFFER];
	char		completed[11];
	char		region[3] = "";
	PlainNumber plain;
	int			length;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		omni_country(PG_GETARG_DATUM(1), region);
	length = omni_plain(PG_GETARG_DATUM(0), number, sizeof(number));
	if (length < 4 || !has_digits(number))
		PG_RETURN_NULL();
	if (read_plain(number, &plain))
	{
		const char *spanish = spanish_number(&plain, strcmp(region, "ES") == 0);
		const char *american = american_number(&plain, strcmp(region, "US") == 0 || strcmp(region, "CA") == 0, completed);

		if (spanish != NULL || american != NULL)
		{
			snprintf(result, sizeof(result), "%s%s", spanish ? "+34" : "+1", spanish ? spanish : american);
			PG_RETURN_TEXT_P(cstring_to_text(result));
		}
		/* the library has less to read without separators */
		memcpy(number, plain.digits, plain.length + 1);
		length = plain.length;
	}
	if (!any_number(number, length, region, result, sizeof(result)))
	{
		int			first = strcspn(number, "/;,|");

		if (first == length || !any_number(number, first, region, result, sizeof(result)))
			PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(cstring_to_text(result));
}
