/*
 * tax_id.c
 *		Tax numbers of Spain, and the SQL functions for all countries.
 *
 * Spain: DNI (8 digits and a letter), NIE (X, Y or Z, 7 digits and a letter),
 * K, L, M (7 digits and a letter), and the number of organisations, still called
 * CIF (a letter, 7 digits and a control character that is a digit or a letter).
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/chars.h"
#include "identity/country.h"
#include "identity/tax_id.h"

#define DIGITS "0123456789"

PG_FUNCTION_INFO_V1(omnicrm_normalize_tax_id);
PG_FUNCTION_INFO_V1(omnicrm_tax_id_kind);

/* Control letter of a DNI or NIE. */
static char
control_letter(const char *digits, int n)
{
	int			value = 0;

	for (int i = 0; i < n; i++)
		value = value * 10 + (digits[i] - '0');
	return "TRWAGMYFPDXBNJZSQVHLCKE"[value % 23];
}

/* 5 to 8 digits and their letter; leading zeros completed. */
static TaxIdKind
read_dni(const char *number, int digits, char *result)
{
	if (digits < 5 || digits > 8 || number[digits] == '\0' || number[digits + 1] != '\0')
		return TAX_ID_NONE;
	memset(result, '0', 8);
	memcpy(result + 8 - digits, number, digits);
	result[8] = control_letter(result, 8);
	result[9] = '\0';
	return number[digits] == result[8] ? TAX_ID_PERSON : TAX_ID_NONE;
}

/* X, Y, Z, K, L, M with 7 digits and their letter. */
static TaxIdKind
read_nie(const char *number, char *result)
{
	char		digits[9];
	int			n = strspn(number + 1, DIGITS);
	const char *first = number + 1;

	/* a leading zero more or up to two fewer: columns once kept as numbers */
	if (n == 8 && *first == '0')
	{
		first++;
		n--;
	}
	if (n < 5 || n > 7 || first[n] == '\0' || first[n + 1] != '\0')
		return TAX_ID_NONE;
	result[0] = number[0];
	memset(result + 1, '0', 7);
	memcpy(result + 8 - n, first, n);
	digits[0] = number[0] >= 'X' ? '0' + (number[0] - 'X') : '0';
	memcpy(digits + 1, result + 1, 7);
	result[8] = control_letter(digits, 8);
	result[9] = '\0';
	return first[n] == result[8] ? TAX_ID_PERSON : TAX_ID_NONE;
}

/* Letter, 7 digits, control digit or letter; N P Q R S W keep the letter. */
static TaxIdKind
read_cif(const char *number, char *result)
{
	int			sum = 0;
	int			control;

	if (strlen(number) != 9 || strspn(number + 1, DIGITS) < 7)
		return TAX_ID_NONE;
	for (int i = 1; i <= 7; i++)
	{
		int			digit = number[i] - '0';

		if (i % 2 == 1)
			digit = digit * 2 / 10 + digit * 2 % 10;
		sum += digit;
	}
	control = (10 - sum % 10) % 10;
	if (number[8] != '0' + control && number[8] != "JABCDEFGHI"[control])
		return TAX_ID_NONE;
	memcpy(result, number, 8);
	result[8] = strchr("NPQRSW", number[0]) != NULL ? "JABCDEFGHI"[control] : '0' + control;
	result[9] = '\0';
	return TAX_ID_ORGANISATION;
}

/*
 * omni_tax_id_spain: reads a Spanish tax number.
 * Arguments: capital letters and digits only; the canonical form (TAX_ID_SIZE).
 * Result: TAX_ID_NONE unless the control character is right.
 */
TaxIdKind
omni_tax_id_spain(const char *number, char *result)
{
	if (number[0] == 'E' && number[1] == 'S' && strlen(number) > 7)
		number += 2;
	if (number[0] >= '0' && number[0] <= '9')
		return read_dni(number, strspn(number, DIGITS), result);
	if (number[0] != '\0' && strchr("XYZKLM", number[0]) != NULL)
		return read_nie(number, result);
	if (number[0] != '\0' && strchr("ABCDEFGHJNPQRSUVW", number[0]) != NULL)
		return read_cif(number, result);
	return TAX_ID_NONE;
}

/* Reads the number of a call; the kind and the canonical form. */
static TaxIdKind
read_tax_id(Datum value, Datum country_value, char *result)
{
	char		plain[OMNI_SHORT_MAX + 1];
	char		number[OMNI_SHORT_MAX + 1];
	char		country[3];
	char		prefix[3];
	TaxIdKind	kind;
	int			n = 0;

	if (omni_plain(value, plain, sizeof(plain)) < 5)
		return TAX_ID_NONE;
	omni_country(country_value, country);
	for (char *s = plain; *s; s++)
	{
		char		c = *s;

		if (c >= 'a' && c <= 'z')
			c -= 'a' - 'A';
		if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			number[n++] = c;
		else if (c != ' ' && c != '.' && c != '-' && c != '/' && c != '_')
			return TAX_ID_NONE;
	}
	number[n] = '\0';
	if (strcmp(country, "ES") == 0)
		kind = omni_tax_id_spain(number, result);
	else
		kind = omni_tax_id_abroad(country, number, result);
	if (kind != TAX_ID_NONE || n < 7)
		return kind;
	/* a number that carries the prefix of another country */
	prefix[0] = number[0];
	prefix[1] = number[1];
	prefix[2] = '\0';
	if (strcmp(prefix, "ES") == 0)
		return omni_tax_id_spain(number, result);
	if (strcmp(prefix, "EL") == 0)
		strlcpy(prefix, "GR", sizeof(prefix));
	if (omni_tax_id_country(prefix))
		return omni_tax_id_abroad(prefix, number, result);
	return TAX_ID_NONE;
}

/*
 * normalize_tax_id(text, country text) returns text: the canonical form of a
 * tax number whose check characters are right, without separators; numbers of
 * other countries than Spain with their two-letter prefix.  NULL when invalid.
 */
Datum
omnicrm_normalize_tax_id(PG_FUNCTION_ARGS)
{
	char		result[TAX_ID_SIZE];

	if (read_tax_id(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), result) == TAX_ID_NONE)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/*
 * tax_id_kind(text, country text) returns text: person, organisation, or NULL
 * where normalize_tax_id() gives NULL.
 */
Datum
omnicrm_tax_id_kind(PG_FUNCTION_ARGS)
{
	char		result[TAX_ID_SIZE];

	switch (read_tax_id(PG_GETARG_DATUM(0), PG_GETARG_DATUM(1), result))
	{
		case TAX_ID_PERSON:
			PG_RETURN_TEXT_P(cstring_to_text("person"));
		case TAX_ID_ORGANISATION:
			PG_RETURN_TEXT_P(cstring_to_text("organisation"));
		default:
			PG_RETURN_NULL();
	}
}
