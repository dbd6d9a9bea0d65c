/*
 * phone.c
 *		Phone numbers in E.164 form.
 *
 * Spanish numbers, plain or with +34, 0034 or 34 in front, take a path of their
 * own that agrees with libphonenumber; everything else goes to libphonenumber
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

/*
 * Spanish subscriber number from digits, blanks and separators.
 * Result: the nine digits, or NULL when the value is anything else.
 */
static const char *
spanish_number(const char *number, bool spain, char digits[PHONE_BUFFER])
{
	int			n = 0;
	bool		international = false;
	const char *s = number;

	if (*s == '+')
	{
		international = true;
		s++;
	}
	for (; *s; s++)
	{
		if (*s >= '0' && *s <= '9')
			digits[n++] = *s;
		else if (*s != ' ' && *s != '.' && *s != '-' && *s != '(' && *s != ')')
			return NULL;
	}
	digits[n] = '\0';
	if (!international && n > 4 && memcmp(digits, "0034", 4) == 0)
	{
		international = true;
		digits += 2;
		n -= 2;
	}
	if (international || (spain && n == 11))
	{
		if (n != 11 || digits[0] != '3' || digits[1] != '4')
			return NULL;
		digits += 2;
		n -= 2;
	}
	else if (!spain)
		return NULL;
	return n == 9 && digits[0] >= '6' ? digits : NULL;
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

/* Whether there are enough digits to ask the library, which is slow to say no. */
static bool
has_digits(const char *number)
{
	int			n = 0;

	for (const char *s = number; *s && n < 4; s++)
		n += *s >= '0' && *s <= '9';
	return n >= 4;
}

/*
 * North American numbers always have ten digits; eight or nine alone have lost
 * leading zeros in a numeric column.  Returns the new length.
 */
static int
restore_zeros(const char *region, char number[PHONE_BUFFER], int length)
{
	if ((strcmp(region, "US") != 0 && strcmp(region, "CA") != 0) || length < 8 || length > 9 ||
		strspn(number, "0123456789") != length)
		return length;
	memmove(number + 10 - length, number, length + 1);
	memset(number, '0', 10 - length);
	return 10;
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
	char		digits[PHONE_BUFFER];
	char		result[PHONE_BUFFER];
	char		region[3] = "";
	const char *subscriber;
	int			length;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	if (!PG_ARGISNULL(1))
		omni_country(PG_GETARG_DATUM(1), region);
	length = omni_plain(PG_GETARG_DATUM(0), number, sizeof(number));
	if (length < 4 || !has_digits(number))
		PG_RETURN_NULL();
	subscriber = spanish_number(number, strcmp(region, "ES") == 0, digits);
	if (subscriber != NULL)
	{
		memcpy(result, "+34", 3);
		memcpy(result + 3, subscriber, 10);
		PG_RETURN_TEXT_P(omni_ascii_to_text(result, 12));
	}
	length = restore_zeros(region, number, length);
	if (!any_number(number, length, region, result, sizeof(result)))
	{
		int			first = strcspn(number, "/;,|");

		if (first == length || !any_number(number, first, region, result, sizeof(result)))
			PG_RETURN_NULL();
	}
	PG_RETURN_TEXT_P(cstring_to_text(result));
}
