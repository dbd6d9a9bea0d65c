/*
 * iban.c
 *		Numbers of bank accounts: IBAN, and the Spanish CCC inside it.
 *
 * Check digits: ISO 13616, that is ISO 7064 MOD 97-10.  Lengths and forms of the
 * countries: the registry of IBAN formats.  The CCC is bank (4 digits), office
 * (4), two control digits and account (10); each control digit is a sum of
 * digits weighted with powers of two modulo 11.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/chars.h"
#include "identity/iban.h"

#define CCC_LENGTH 20

PG_FUNCTION_INFO_V1(omnicrm_normalize_iban);

/* What follows the check digits, by country: counts of digits n, letters a, either c. */
static const struct
{
	char		country[3];
	const char *form;
}			iban_forms[] = {
	{"AD", "8n12c"}, {"AE", "19n"}, {"AL", "8n16c"}, {"AT", "16n"}, {"AZ", "4a20c"}, {"BA", "16n"}, {"BE", "12n"},
	{"BG", "4a6n8c"}, {"BH", "4a14c"}, {"BI", "23n"}, {"BR", "23n1a1c"}, {"BY", "4c4n16c"}, {"CH", "5n12c"},
	{"CR", "18n"}, {"CY", "8n16c"}, {"CZ", "20n"}, {"DE", "18n"}, {"DJ", "23n"}, {"DK", "14n"}, {"DO", "4c20n"},
	{"EE", "16n"}, {"EG", "25n"}, {"ES", "20n"}, {"FI", "14n"}, {"FK", "2a12n"}, {"FO", "14n"}, {"FR", "10n11c2n"},
	{"GB", "4a14n"}, {"GE", "2a16n"}, {"GI", "4a15c"}, {"GL", "14n"}, {"GR", "7n16c"}, {"GT", "24c"}, {"HN", "4a20n"},
	{"HR", "17n"}, {"HU", "24n"}, {"IE", "4a14n"}, {"IL", "19n"}, {"IQ", "4a15n"}, {"IS", "22n"}, {"IT", "1a10n12c"},
	{"JO", "4a4n18c"}, {"KW", "4a22c"}, {"KZ", "3n13c"}, {"LB", "4n20c"}, {"LC", "4a24c"}, {"LI", "5n12c"},
	{"LT", "16n"}, {"LU", "3n13c"}, {"LV", "4a13c"}, {"LY", "21n"}, {"MC", "10n11c2n"}, {"MD", "20c"}, {"ME", "18n"},
	{"MK", "3n10c2n"}, {"MN", "16n"}, {"MR", "23n"}, {"MT", "4a5n18c"}, {"MU", "4a19n3a"}, {"NI", "4a20n"},
	{"NL", "4a10n"}, {"NO", "11n"}, {"OM", "3n16c"}, {"PK", "4a16c"}, {"PL", "24n"}, {"PS", "4a21c"}, {"PT", "21n"},
	{"QA", "4a21c"}, {"RO", "4a16c"}, {"RS", "18n"}, {"RU", "14n15c"}, {"SA", "2n18c"}, {"SC", "4a20n3a"},
	{"SD", "14n"}, {"SE", "20n"}, {"SI", "15n"}, {"SK", "20n"}, {"SM", "1a10n12c"}, {"SO", "19n"}, {"ST", "21n"},
	{"SV", "4a20n"}, {"TL", "19n"}, {"TN", "20n"}, {"TR", "6n16c"}, {"UA", "6n19c"}, {"VA", "18n"}, {"VG", "4a16n"},
	{"XK", "16n"}, {"YE", "4a4n18c"},
};

/* Whether capital letters and digits have a form as above. */
static bool
has_form(const char *s, const char *form)
{
	while (*form)
	{
		int			count = 0;

		for (; *form >= '0' && *form <= '9'; form++)
			count = count * 10 + (*form - '0');
		for (; count > 0; count--, s++)
		{
			bool		digit = *s >= '0' && *s <= '9';

			if (*s == '\0' || (*form == 'n' && !digit) || (*form == 'a' && digit))
				return false;
		}
		form++;
	}
	return *s == '\0';
}

/* A text of letters (A = 10 ... Z = 35) and digits modulo 97, after a remainder. */
static int
modulo_97(int remainder, const char *s, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (s[i] >= '0' && s[i] <= '9')
			remainder = (remainder * 10 + (s[i] - '0')) % 97;
		else
			remainder = (remainder * 100 + (s[i] - 'A' + 10)) % 97;
	}
	return remainder;
}

/* Control digit of up to ten digits of a CCC, as if zeros stood before them. */
static char
ccc_control(const char *digits, int n)
{
	static const int weights[] = {1, 2, 4, 8, 5, 10, 9, 7, 3, 6};
	int			sum = 0;
	int			rest;

	for (int i = 0; i < n; i++)
		sum += (digits[i] - '0') * weights[10 - n + i];
	rest = sum % 11;
	return '0' + (rest < 2 ? rest : 11 - rest);
}

static bool
valid_ccc(const char *digits)
{
	return ccc_control(digits, 8) == digits[8] && ccc_control(digits + 10, 10) == digits[9];
}

/* The value as capital letters and digits; false when anything else is in it. */
static bool
read_number(Datum value, char *number)
{
	char		plain[OMNI_SHORT_MAX + 1];
	const char *s = plain;
	int			n = 0;

	if (omni_plain(value, plain, sizeof(plain)) < 15)
		return false;
	if (pg_strncasecmp(s, "iban", 4) == 0)
	{
		s += 4;
		s += strspn(s, " :.");
	}
	for (; *s; s++)
	{
		char		c = pg_ascii_toupper(*s);

		if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
		{
			if (n == IBAN_SIZE - 1)
				return false;
			number[n++] = c;
		}
		else if (c != ' ' && c != '-' && c != '.' && c != '/' && c != '_')
			return false;
	}
	number[n] = '\0';
	return true;
}

/*
 * omni_iban: reads the number of a bank account.
 * Arguments: the value; the canonical form (IBAN_SIZE bytes).
 * Result: false unless the country, the length and form, and all check digits
 * are right.  20 digits alone are a Spanish CCC, which gets its ES and check
 * digits.
 */
bool
omni_iban(Datum value, char *result)
{
	char		number[IBAN_SIZE];
	int			length;
	int			check;

	if (!read_number(value, number))
		return false;
	length = strlen(number);
	if (length == CCC_LENGTH && strspn(number, "0123456789") == CCC_LENGTH)
	{
		if (!valid_ccc(number))
			return false;
		/* letters after the number: ES = 14 28, two check digits still 0 */
		check = 98 - modulo_97(modulo_97(0, number, CCC_LENGTH), "ES00", 4);
		snprintf(result, IBAN_SIZE, "ES%02d%s", check, number);
		return true;
	}
	if (length < 15 || strspn(number + 2, "0123456789") < 2)
		return false;
	/* 00, 01 and 99 are the same remainder as 97, 98 and 02, and never issued */
	check = (number[2] - '0') * 10 + (number[3] - '0');
	if (check < 2 || check > 98)
		return false;
	for (int i = 0; i < lengthof(iban_forms); i++)
	{
		if (strncmp(iban_forms[i].country, number, 2) != 0)
			continue;
		if (!has_form(number + 4, iban_forms[i].form) ||
			modulo_97(modulo_97(0, number + 4, length - 4), number, 4) != 1 ||
			(strncmp(number, "ES", 2) == 0 && !valid_ccc(number + 4)))
			return false;
		strlcpy(result, number, IBAN_SIZE);
		return true;
	}
	return false;
}

/*
 * normalize_iban(text) returns text: capital letters and digits without blanks.
 * Result: NULL unless every check digit is right.
 */
Datum
omnicrm_normalize_iban(PG_FUNCTION_ARGS)
{
	char		result[IBAN_SIZE];

	if (!omni_iban(PG_GETARG_DATUM(0), result))
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}
