/*
 * tax_id_abroad.c
 *		Tax numbers of other countries: EU VAT numbers, and the numbers of persons
 *		where they are common.
 *
 * One function for each country reads the national part; rules as published by
 * the tax administrations and the European Commission (VIES).  Numbers without
 * a check digit are checked by their form; the page doc/identity.md lists which.
 */
#include "postgres.h"

#include "common/compat.h"
#include "identity/tax_id.h"

/* Whether the text has exactly this form: 9 a digit, a a letter, * either, others themselves. */
static bool
has_form(const char *s, const char *form)
{
	for (; *form; form++, s++)
	{
		bool		digit = *s >= '0' && *s <= '9';
		bool		letter = *s >= 'A' && *s <= 'Z';

		if (*form == '9' ? !digit : *form == 'a' ? !letter : *form == '*' ? !(digit || letter) : *s != *form)
			return false;
	}
	return *s == '\0';
}

static int
digit(char c)
{
	return c - '0';
}

/* Sum of digits times weights. */
static int
weighted(const char *s, const int *weights, int n)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
		sum += digit(s[i]) * weights[i];
	return sum;
}

/* The first n digits as a number modulo m. */
static int
modulo(const char *s, int n, int m)
{
	int64		value = 0;

	for (int i = 0; i < n; i++)
		value = (value * 10 + digit(s[i])) % m;
	return (int) value;
}

/* Luhn sum over n digits, the last one the check digit. */
static bool
luhn(const char *s, int n)
{
	int			sum = 0;

	for (int i = 0; i < n; i++)
	{
		int			d = digit(s[n - 1 - i]);

		if (i % 2 == 1)
			d = d * 2 > 9 ? d * 2 - 9 : d * 2;
		sum += d;
	}
	return sum % 10 == 0;
}

/* ISO 7064 MOD 11,10 over n digits, the last one the check digit. */
static bool
mod_11_10(const char *s, int n)
{
	int			product = 10;

	for (int i = 0; i < n - 1; i++)
	{
		int			sum = (digit(s[i]) + product) % 10;

		product = (sum == 0 ? 10 : sum) * 2 % 11;
	}
	return (11 - product) % 10 == digit(s[n - 1]);
}

static TaxIdKind
austria(const char *s)
{
	int			sum = 4;

	if (!has_form(s, "U99999999"))
		return TAX_ID_NONE;
	for (int i = 1; i <= 7; i++)
	{
		int			d = digit(s[i]);

		sum += i % 2 == 1 ? d : d * 2 / 10 + d * 2 % 10;
	}
	return (10 - sum % 10) % 10 == digit(s[8]) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
belgium(const char *s)
{
	if (has_form(s, "9999999999") && (s[0] == '0' || s[0] == '1') && s[1] + s[0] > 2 * '0')
		return 97 - modulo(s, 8, 97) == modulo(s + 8, 2, 100) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "99999999999"))
	{
		int			check = modulo(s + 9, 2, 100);

		/* number of the national register; born from 2000 on: a 2 in front */
		if (97 - modulo(s, 9, 97) == check ||
			97 - (modulo(s, 9, 97) + 2000000000 % 97) % 97 == check)
			return TAX_ID_PERSON;
	}
	return TAX_ID_NONE;
}

/* Number of a person: no leading zero, one digit of the ten two or three times. */
static bool
german_person(const char *s)
{
	int			counts[10] = {0};
	int			repeated = 0;

	if (!has_form(s, "99999999999") || s[0] == '0' || !mod_11_10(s, 11))
		return false;
	for (int i = 0; i < 10; i++)
		counts[digit(s[i])]++;
	for (int i = 0; i < 10; i++)
	{
		if (counts[i] > 3)
			return false;
		repeated += counts[i] > 1;
	}
	return repeated == 1;
}

static TaxIdKind
germany(const char *s)
{
	if (has_form(s, "999999999"))
		return s[0] != '0' && mod_11_10(s, 9) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	return german_person(s) ? TAX_ID_PERSON : TAX_ID_NONE;
}

/* Two characters before a SIREN: a number by rule, or letters with a rule of their own. */
static bool
french_key(const char *s)
{
	static const char alphabet[] = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ";
	const char *first = strchr(alphabet, s[0]);
	const char *second = strchr(alphabet, s[1]);
	int			check;

	if (s[0] == '\0' || s[1] == '\0' || first == NULL || second == NULL)
		return false;
	if (has_form(s, "99999999999"))
		return (12 + 3 * modulo(s + 2, 9, 97)) % 97 == modulo(s, 2, 100);
	if (first - alphabet < 10)
		check = (first - alphabet) * 24 + (second - alphabet) - 10;
	else
		check = (first - alphabet) * 34 + (second - alphabet) - 100;
	return (modulo(s + 2, 9, 11) + 1 + check / 11) % 11 == check % 11;
}

static TaxIdKind
france(const char *s)
{
	if (has_form(s, "**999999999"))
		return (luhn(s + 2, 9) || strncmp(s + 2, "000", 3) == 0) && french_key(s) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "9999999999999") && s[0] <= '3')
		return modulo(s, 10, 511) == modulo(s + 10, 3, 1000) ? TAX_ID_PERSON : TAX_ID_NONE;
	return TAX_ID_NONE;
}

static TaxIdKind
united_kingdom(const char *s)
{
	static const int weights[] = {8, 7, 6, 5, 4, 3, 2};

	if (has_form(s, "999999999") || has_form(s, "999999999999"))
	{
		int			sum = weighted(s, weights, 7) + modulo(s + 7, 2, 100);

		return sum % 97 == 0 || (sum + 55) % 97 == 0 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	}
	if (has_form(s, "GD999"))
		return modulo(s + 2, 3, 1000) < 500 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "HA999"))
		return modulo(s + 2, 3, 1000) >= 500 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "aa999999a") && strchr("DFIQUV", s[0]) == NULL && strchr("DFIOQUV", s[1]) == NULL && s[8] <= 'D')
		return TAX_ID_PERSON;
	return TAX_ID_NONE;
}

/* Value of a character of the codice fiscale at an odd place (from 1). */
static int
codice_fiscale_odd(char c)
{
	static const int values[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23};

	return values[c >= 'A' ? c - 'A' : c - '0'];
}

static TaxIdKind
italy(const char *s)
{
	if (has_form(s, "99999999999"))
		return luhn(s, 11) && modulo(s, 7, 10000000) > 0 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "aaaaaa**a**a***a"))
	{
		int			sum = 0;

		for (int i = 0; i < 15; i++)
		{
			if (i % 2 == 0)
				sum += codice_fiscale_odd(s[i]);
			else
				sum += s[i] >= 'A' ? s[i] - 'A' : s[i] - '0';
		}
		return s[15] == 'A' + sum % 26 ? TAX_ID_PERSON : TAX_ID_NONE;
	}
	return TAX_ID_NONE;
}

static TaxIdKind
netherlands(const char *s)
{
	static const int weights[] = {9, 8, 7, 6, 5, 4, 3, 2};
	int			check = -1;

	if (strspn(s, "0123456789") >= 9)
		check = weighted(s, weights, 8) % 11;
	if (has_form(s, "999999999B99") && strcmp(s + 10, "00") != 0)
	{
		/* since 2020: mod 97 over "NL" and all, letters as two digits; N = 23, L = 21, B = 11 */
		char		digits[20];
		int			n = 0;

		memcpy(digits, "2321", 4);
		memcpy(digits + 4, s, 9);
		memcpy(digits + 13, "11", 2);
		memcpy(digits + 15, s + 10, 2);
		n = 17;
		return check == digit(s[8]) || modulo(digits, n, 97) == 1 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	}
	if (has_form(s, "999999999") && modulo(s, 9, 1000000000) > 0)
		return check == digit(s[8]) ? TAX_ID_PERSON : TAX_ID_NONE;
	return TAX_ID_NONE;
}

static TaxIdKind
portugal(const char *s)
{
	static const int weights[] = {9, 8, 7, 6, 5, 4, 3, 2};
	int			check;

	if (!has_form(s, "999999999") || s[0] == '0')
		return TAX_ID_NONE;
	check = 11 - weighted(s, weights, 8) % 11;
	if ((check > 9 ? 0 : check) != digit(s[8]))
		return TAX_ID_NONE;
	return s[0] <= '3' || (s[0] == '4' && s[1] == '5') ? TAX_ID_PERSON : TAX_ID_ORGANISATION;
}

static TaxIdKind
switzerland(const char *s)
{
	static const int weights[] = {5, 4, 3, 2, 7, 6, 5, 4};
	int			check;

	if (*s != 'E' || strspn(s + 1, "0123456789") != 9)
		return TAX_ID_NONE;
	if (s[10] != '\0' && strcmp(s + 10, "MWST") != 0 && strcmp(s + 10, "TVA") != 0 && strcmp(s + 10, "IVA") != 0)
		return TAX_ID_NONE;
	check = 11 - weighted(s + 1, weights, 8) % 11;
	return (check == 11 ? 0 : check) == digit(s[9]) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
ireland(const char *s)
{
	int			sum = 0;

	if (!has_form(s, "9999999a") && !has_form(s, "9999999aa"))
		return TAX_ID_NONE;
	for (int i = 0; i < 7; i++)
		sum += digit(s[i]) * (8 - i);
	if (s[8] != '\0')
	{
		if (strchr("ABCDEFGHIW", s[8]) == NULL)
			return TAX_ID_NONE;
		sum += (s[8] == 'W' ? 0 : s[8] - 'A' + 1) * 9;
	}
	return s[7] == "WABCDEFGHIJKLMNOPQRSTUV"[sum % 23] ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
greece(const char *s)
{
	int			sum = 0;

	if (!has_form(s, "999999999"))
		return TAX_ID_NONE;
	for (int i = 0; i < 8; i++)
		sum += digit(s[i]) << (8 - i);
	return sum > 0 && sum % 11 % 10 == digit(s[8]) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
denmark(const char *s)
{
	static const int weights[] = {2, 7, 6, 5, 4, 3, 2, 1};

	return has_form(s, "99999999") && s[0] != '0' && weighted(s, weights, 8) % 11 == 0 ?
		TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
finland(const char *s)
{
	static const int weights[] = {7, 9, 10, 5, 8, 4, 2, 1};

	return has_form(s, "99999999") && weighted(s, weights, 8) % 11 == 0 && modulo(s, 8, 100000000) > 0 ?
		TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
sweden(const char *s)
{
	return has_form(s, "999999999901") && luhn(s, 10) && modulo(s, 9, 1000000000) > 0 ?
		TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
luxembourg(const char *s)
{
	return has_form(s, "99999999") && modulo(s, 6, 89) == modulo(s + 6, 2, 100) && modulo(s, 6, 1000000) > 0 ?
		TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
poland(const char *s)
{
	static const int weights[] = {6, 5, 7, 2, 3, 4, 5, 6, 7};
	static const int person[] = {1, 3, 7, 9, 1, 3, 7, 9, 1, 3};

	if (has_form(s, "9999999999") && modulo(s, 9, 1000000000) > 0)
		return weighted(s, weights, 9) % 11 == digit(s[9]) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "99999999999") && modulo(s, 6, 1000000) > 0)
		return (10 - weighted(s, person, 10) % 10) % 10 == digit(s[10]) ? TAX_ID_PERSON : TAX_ID_NONE;
	return TAX_ID_NONE;
}

static TaxIdKind
croatia(const char *s)
{
	return has_form(s, "99999999999") && mod_11_10(s, 11) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
hungary(const char *s)
{
	static const int weights[] = {9, 7, 3, 1, 9, 7, 3, 1};

	return has_form(s, "99999999") && modulo(s, 8, 100000000) > 0 && weighted(s, weights, 8) % 10 == 0 ?
		TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
slovenia(const char *s)
{
	static const int weights[] = {8, 7, 6, 5, 4, 3, 2};
	int			check;

	if (!has_form(s, "99999999") || s[0] == '0')
		return TAX_ID_NONE;
	check = 11 - weighted(s, weights, 7) % 11;
	return check != 11 && check % 10 == digit(s[7]) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
slovakia(const char *s)
{
	return has_form(s, "9999999999") && s[0] != '0' && modulo(s, 10, 11) == 0 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
estonia(const char *s)
{
	static const int weights[] = {3, 7, 1, 3, 7, 1, 3, 7, 1};

	return has_form(s, "999999999") && modulo(s, 9, 1000000000) > 0 && weighted(s, weights, 9) % 10 == 0 ?
		TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static TaxIdKind
malta(const char *s)
{
	static const int weights[] = {3, 4, 6, 7, 8, 9};

	return has_form(s, "99999999") && modulo(s, 6, 1000000) > 0 &&
		37 - weighted(s, weights, 6) % 37 == modulo(s + 6, 2, 100) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

/*
 * Check digit modulo 11 with weights 1, 2, 3 ...; where it is 10, with 3, 4, 5 ...
 * Weights start again at 1 behind the wrap.
 */
static bool
two_rows_of_11(const char *s, int n, int wrap)
{
	int			sum = 0;
	int			other = 0;

	for (int i = 0; i < n - 1; i++)
	{
		sum += digit(s[i]) * (i % wrap + 1);
		other += digit(s[i]) * ((i + 2) % wrap + 1);
	}
	return (sum % 11 < 10 ? sum % 11 : other % 11 % 10) == digit(s[n - 1]);
}

/* Organisations 9 digits; persons, foreigners and others 10 by three rules. */
static TaxIdKind
bulgaria(const char *s)
{
	static const int citizen[] = {2, 4, 8, 5, 10, 9, 7, 3, 6};
	static const int foreigner[] = {21, 19, 17, 13, 11, 9, 7, 3, 1};
	static const int other[] = {4, 3, 2, 7, 6, 5, 4, 3, 2};

	if (has_form(s, "999999999"))
		return two_rows_of_11(s, 9, 10) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "9999999999"))
	{
		int			month = modulo(s + 2, 2, 100) % 20;
		int			day = modulo(s + 4, 2, 100);

		if (month >= 1 && month <= 12 && day >= 1 && day <= 31 && weighted(s, citizen, 9) % 11 % 10 == digit(s[9]))
			return TAX_ID_PERSON;
		if (weighted(s, foreigner, 9) % 10 == digit(s[9]))
			return TAX_ID_PERSON;
		if ((11 - weighted(s, other, 9) % 11) % 11 == digit(s[9]))
			return TAX_ID_ORGANISATION;
	}
	return TAX_ID_NONE;
}

/* What is missing to the next multiple of 11, 1 to 11, of seven digits weighted 8 to 2. */
static int
missing_to_11(const char *s)
{
	static const int weights[] = {8, 7, 6, 5, 4, 3, 2};

	return 11 - weighted(s, weights, 7) % 11;
}

/* Number of birth: yymmdd, month + 20, + 50 or + 70, and 3 or 4 digits. */
static bool
czech_person(const char *s)
{
	int			year = modulo(s, 2, 100);
	int			month = modulo(s + 2, 2, 100) % 50;
	int			day = modulo(s + 4, 2, 100);

	if (month > 20)
		month -= 20;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (s[9] == '\0')
		return year <= 53;
	return modulo(s, 10, 11) == 0 || (modulo(s, 9, 11) == 10 && s[9] == '0');
}

static TaxIdKind
czechia(const char *s)
{
	if (has_form(s, "99999999"))
		return s[0] != '9' && missing_to_11(s) % 10 == digit(s[7]) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "699999999") && "88765432109"[missing_to_11(s + 1) % 11] == s[8])
		return TAX_ID_PERSON;
	if (has_form(s, "999999999") || has_form(s, "9999999999"))
		return czech_person(s) ? TAX_ID_PERSON : TAX_ID_NONE;
	return TAX_ID_NONE;
}

static TaxIdKind
cyprus(const char *s)
{
	static const int values[] = {1, 0, 5, 7, 9, 13, 15, 17, 19, 21};
	int			sum = 0;

	if (!has_form(s, "99999999a"))
		return TAX_ID_NONE;
	for (int i = 0; i < 8; i++)
		sum += i % 2 == 0 ? values[digit(s[i])] : digit(s[i]);
	return s[8] == 'A' + sum % 26 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

/* Organisations start with 4 or more; persons ddmmyy, or 32 and no check digit. */
static TaxIdKind
latvia(const char *s)
{
	static const int organisation[] = {9, 1, 4, 8, 3, 10, 2, 5, 7, 6, 1};
	static const int person[] = {10, 5, 8, 4, 2, 1, 6, 3, 7, 9};

	if (!has_form(s, "99999999999"))
		return TAX_ID_NONE;
	if (s[0] >= '4')
		return weighted(s, organisation, 11) % 11 == 3 ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (s[0] == '3' && s[1] >= '2')
		return TAX_ID_PERSON;
	return (weighted(s, person, 10) + 1) % 11 % 10 == digit(s[10]) ? TAX_ID_PERSON : TAX_ID_NONE;
}

static TaxIdKind
lithuania(const char *s)
{
	if (has_form(s, "999999919"))
		return two_rows_of_11(s, 9, 9) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	if (has_form(s, "999999999919"))
		return two_rows_of_11(s, 12, 9) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
	return TAX_ID_NONE;
}

static TaxIdKind
romania(const char *s)
{
	static const int weights[] = {7, 5, 3, 2, 1, 7, 5, 3, 2};
	char		padded[11];
	int			n = strspn(s, "0123456789");

	if (s[n] != '\0' || n < 2 || n > 10 || s[0] == '0')
		return TAX_ID_NONE;
	memset(padded, '0', 10);
	memcpy(padded + 10 - n, s, n);
	return weighted(padded, weights, 9) * 10 % 11 % 10 == digit(padded[9]) ? TAX_ID_ORGANISATION : TAX_ID_NONE;
}

static const struct
{
	char		code[3];
	char		prefix[3];
	TaxIdKind	(*read) (const char *number);
}			countries[] = {
	{"AT", "AT", austria},
	{"BE", "BE", belgium},
	{"BG", "BG", bulgaria},
	{"CH", "CH", switzerland},
	{"CY", "CY", cyprus},
	{"CZ", "CZ", czechia},
	{"DE", "DE", germany},
	{"DK", "DK", denmark},
	{"EE", "EE", estonia},
	{"FI", "FI", finland},
	{"FR", "FR", france},
	{"GB", "GB", united_kingdom},
	{"GR", "EL", greece},
	{"HR", "HR", croatia},
	{"HU", "HU", hungary},
	{"IE", "IE", ireland},
	{"IT", "IT", italy},
	{"LT", "LT", lithuania},
	{"LU", "LU", luxembourg},
	{"LV", "LV", latvia},
	{"MT", "MT", malta},
	{"NL", "NL", netherlands},
	{"PL", "PL", poland},
	{"PT", "PT", portugal},
	{"RO", "RO", romania},
	{"SE", "SE", sweden},
	{"SI", "SI", slovenia},
	{"SK", "SK", slovakia},
};

/*
 * omni_tax_id_country: whether tax numbers of the country can be read.
 */
bool
omni_tax_id_country(const char *country)
{
	for (int i = 0; i < lengthof(countries); i++)
	{
		if (strcmp(countries[i].code, country) == 0)
			return true;
	}
	return false;
}

/* A SIREN or SIRET without its key, a Belgian number without its zero: completed. */
static const char *
complete(const char *country, const char *number, char *buffer)
{
	if (strcmp(country, "FR") == 0 && luhn(number, strlen(number)) &&
		(has_form(number, "999999999") || has_form(number, "99999999999999")))
	{
		int			key = (12 + 3 * modulo(number, 9, 97)) % 97;

		buffer[0] = '0' + key / 10;
		buffer[1] = '0' + key % 10;
		memcpy(buffer + 2, number, 9);
		buffer[11] = '\0';
		return buffer;
	}
	if (strcmp(country, "BE") == 0 && has_form(number, "999999999"))
	{
		buffer[0] = '0';
		memcpy(buffer + 1, number, 10);
		return buffer;
	}
	if (strcmp(country, "CH") == 0 && number[0] == 'E' && strspn(number + 1, "0123456789") == 9)
	{
		memcpy(buffer, number, 10);
		buffer[10] = '\0';
		return buffer;
	}
	return number;
}

/*
 * omni_tax_id_abroad: reads a tax number of a country other than Spain.
 * Arguments: ISO code of the country; capital letters and digits only, with or
 * without the prefix of the country; the canonical form (TAX_ID_SIZE), with the
 * prefix.
 * Result: TAX_ID_NONE when it is invalid or the country is not known here.
 */
TaxIdKind
omni_tax_id_abroad(const char *country, const char *number, char *result)
{
	for (int i = 0; i < lengthof(countries); i++)
	{
		char		buffer[TAX_ID_SIZE];
		TaxIdKind	kind;

		if (strcmp(countries[i].code, country) != 0)
			continue;
		if (strncmp(number, countries[i].prefix, 2) == 0 && strlen(number) > 6)
			number += 2;
		number = complete(country, number, buffer);
		kind = countries[i].read(number);
		if (kind == TAX_ID_NONE)
			return kind;
		snprintf(result, TAX_ID_SIZE, "%s%s", countries[i].prefix, number);
		return kind;
	}
	return TAX_ID_NONE;
}
