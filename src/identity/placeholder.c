/*
 * placeholder.c
 *		Values that people enter to get past a required field.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/chars.h"
#include "identity/datetime.h"
#include "identity/fold.h"
#include "identity/iban.h"

#define PLACEHOLDER_MAX 200

PG_FUNCTION_INFO_V1(omnicrm_is_placeholder);

/* Whole values that say "nothing", folded; each between bars. */
static const char nothing[] =
"|n a|na|nd|n d|none|null|nil|nan|nulo|undefined|indefinido|indefinida|unknown|unk|unbekannt|inconnu|desconocido|"
"desconocida|desconegut|sin datos|sin dato|sin informacion|sin especificar|sin definir|sin asignar|no consta|no data|"
"no disponible|no informado|no aplica|no procede|no tiene|no facilitado|not available|not applicable|not provided|"
"not specified|not known|pendiente|por definir|tbd|tba|test|tests|testing|prueba|pruebas|dummy|fake|default|ninguno|"
"ninguna|vacio|empty|blank|asdf|asdfg|asdfgh|qwerty|qwertz|abc|abcd|xyz|lorem ipsum|temp|tmp|borrar|ns nc|nsnc|"
"no name|noname|anonimo|anonima|anonymous|anonym|";

/* Words of a name that names nobody: a name made of these alone is a placeholder. */
static const char nobody[] =
"|sin|no|nombre|nombres|apellido|apellidos|name|names|first|last|given|surname|full|cliente|clientes|clienta|customer|"
"client|contado|varios|consumidor|final|publico|general|guest|invitado|invitada|usuario|usuaria|user|admin|"
"administrador|administrator|anonimo|anonima|anonymous|desconocido|desconocida|unknown|test|tests|tester|testing|"
"prueba|pruebas|dummy|fake|na|n|a|none|null|xxx|xx|xxxx|asdf|qwerty|fulano|mengano|zutano|nn|tal|de|prospecto|lead|"
"generico|generic|default|mostrador|tienda|noname|";

/* Local parts of addresses that nobody reads. */
static const char nobodys_mailbox[] =
"|noreply|no-reply|no.reply|no_reply|donotreply|do-not-reply|do.not.reply|nomail|no-mail|no.mail|noemail|no-email|"
"no.email|nomailaddress|sinemail|sin-email|sin.email|sincorreo|sin.correo|sin-correo|notiene|no-tiene|no.tiene|"
"notienecorreo|notieneemail|noconsta|test|tests|test1|test123|testing|tester|prueba|pruebas|na|n.a|none|null|nil|"
"unknown|desconocido|anonymous|anonimo|asdf|qwerty|dummy|fake|ejemplo|example|email|correo|abc|nobody|nadie|ninguno|";

/* Domains that receive nothing and say so. */
static const char nobodys_domain[] =
"|na.com|none.com|no.com|nomail.com|nomail.es|noemail.com|noemail.es|sinemail.com|sinemail.es|sincorreo.com|"
"sincorreo.es|notiene.com|notiene.es|noreply.com|asdf.com|asdf.es|xxx.com|xxx.es|xx.com|xx.es|aaa.com|aa.aa|a.a|"
"email.es|correo.es|unknown.com|fake.com|dummy.com|";

/*
 * Domains of examples and tests.  Records that were made up give a person an address of
 * his own there, which tells one from the other like any; only what examples
 * themselves are called is nobody's.
 */
static const char example_domain[] =
"|example.com|example.org|example.net|example.es|ejemplo.com|ejemplo.es|test.com|test.es|test.org|test.net|prueba.com|"
"prueba.es|domain.com|dominio.com|mail.test|";
static const char example_mailbox[] =
"|a|aa|aaa|b|x|xx|xxx|y|z|me|yo|you|tu|name|nombre|your.name|yourname|your-name|tu.nombre|tunombre|first.last|"
"firstname.lastname|nombre.apellido|user|username|user1|usuario|usuario1|customer|cliente|client|mail|e-mail|info|"
"admin|contact|contacto|foo|bar|foo.bar|foobar|someone|somebody|alguien|anyone|cualquiera|john.doe|johndoe|jane.doe|"
"janedoe|address|direccion|hello|hola|";

/* Words that are surnames of real people as well. */
static const char real_surnames[] = "|guest|tester|lead|tal|general|client|user|last|first|";

/* Words of an address that leads nowhere. */
static const char nowhere[] =
"|sin|s|n|sn|numero|num|no|tiene|consta|facilita|direccion|domicilio|calle|c|cl|avenida|avda|av|plaza|address|street|"
"home|same|idem|misma|mismo|igual|none|na|a|unknown|desconocida|desconocido|desconegut|test|prueba|pruebas|xxx|xx|x|"
"tienda|store|recogida|recoger|en|local|nombre|pendiente|null|nd|0|00|000|0000|00000|";

/* Whole addresses that stand for any. */
static const char any_address[] =
"|calle falsa 123|calle falsa|c falsa 123|falsa 123|fake street 123|123 fake street|123 fake st|123 main street|123 main st|"
"evergreen terrace 742|742 evergreen terrace|calle de ejemplo|calle ejemplo|calle ejemplo 123|";

/* Words of a town that is none. */
static const char no_town[] =
"|sin|no|tiene|consta|ciudad|poblacion|localidad|municipio|provincia|pueblo|city|town|village|state|province|country|"
"pais|otra|otro|otros|otras|other|others|varias|varios|none|na|n|a|nd|unknown|desconocida|desconocido|test|prueba|null|"
"nombre|name|extranjero|seleccione|select|elegir|choose|0|00|000|0000|00000|";

/* Accounts of manuals and forms. */
static const char sample_ibans[] =
"|ES9121000418450200051332|ES7921000813610123456789|ES6621000418401234567891|ES6000491500051234567892|"
"DE89370400440532013000|GB82WEST12345698765432|GB29NWBK60161331926819|GB33BUKB20201555555555|"
"FR1420041010050500013M02606|FR7630006000011234567890189|IT60X0542811101000000123456|NL91ABNA0417164300|"
"BE68539007547034|PT50000201231234567890154|CH9300762011623852957|AT611904300234573201|";

/* Whether a word is in a list of the form above. */
static bool
in_list(const char *list, const char *word, int length)
{
	char		key[PLACEHOLDER_MAX + 3];

	if (length <= 0 || length > PLACEHOLDER_MAX)
		return false;
	key[0] = '|';
	memcpy(key + 1, word, length);
	key[length + 1] = '|';
	key[length + 2] = '\0';
	return strstr(list, key) != NULL;
}

/* One character over and over, at least n times, blanks aside; '?' is any letter that does not fold. */
static bool
is_repeated(const char *s, int at_least)
{
	int			n = 0;
	char		first = *s;

	for (; *s; s++)
	{
		if (*s == ' ')
			continue;
		if (*s != first || first == '?')
			return false;
		n++;
	}
	return n >= at_least;
}

/* Rules for values of every kind. */
static bool
is_nothing(const char *folded)
{
	return folded[0] == '\0' || is_repeated(folded, 3) || in_list(nothing, folded, strlen(folded));
}

/* Whether every word is in a list, or a number, or one character over and over. */
static bool
all_in_list(const char *list, const char *folded, bool numbers)
{
	const char *word = folded;

	while (*word)
	{
		int			n = strcspn(word, " ");

		if (!in_list(list, word, n) && !(numbers && strspn(word, "0123456789") >= n))
		{
			char		single[PLACEHOLDER_MAX + 1];

			memcpy(single, word, n);
			single[n] = '\0';
			if (!is_repeated(single, 3))
				return false;
		}
		word += n;
		word += strspn(word, " ");
	}
	return true;
}

/* Names: every word names nobody, or there is one letter only. */
static bool
is_nobody(const char *folded)
{
	if (folded[1] == '\0' && folded[0] != '?')
		return true;
	return all_in_list(nobody, folded, true);
}

/* Given names and surnames by themselves: an initial is a value, a surname may be Guest. */
static bool
is_nobodys_part(const char *folded, bool surname)
{
	if (folded[1] == '\0')
		return folded[0] == 'x' || (folded[0] >= '0' && folded[0] <= '9');
	if (surname && in_list(real_surnames, folded, strlen(folded)))
		return false;
	return all_in_list(nobody, folded, true);
}

/* Digits of a text, at most size - 1 of them. */
static int
collect_digits(const char *s, char *digits, int size)
{
	int			n = 0;

	for (; *s && n < size - 1; s++)
	{
		if (*s >= '0' && *s <= '9')
			digits[n++] = *s;
	}
	digits[n] = '\0';
	return n;
}

/* How many digits at the end are the same. */
static int
same_at_end(const char *digits, int n)
{
	int			same = n > 0;

	while (same > 0 && same < n && digits[n - 1 - same] == digits[n - 1])
		same++;
	return same;
}

/* Counting up or down through at least eight digits at the end. */
static bool
counts_at_end(const char *digits, int n)
{
	for (int step = -1; step <= 1; step += 2)
	{
		int			run = 1;

		while (run < n && (digits[n - run] - digits[n - run - 1] + 10) % 10 == (step + 10) % 10)
			run++;
		if (run >= 8)
			return true;
	}
	return false;
}

/* Phones: 600000000, 999999999, 123456789, +1 555 555 5555, 000. */
static bool
is_nobodys_phone(const char *plain)
{
	char		digits[PLACEHOLDER_MAX + 1];
	int			n = collect_digits(plain, digits, sizeof(digits));
	int			same = same_at_end(digits, n);

	return n == 0 || same >= 8 || same == n || (same == 7 && n >= 10 && digits[0] == '1') || counts_at_end(digits, n);
}

/* Accounts: of manuals, or of one digit behind the check digits. */
static bool
is_nobodys_iban(Datum value, const char *plain)
{
	char		iban[IBAN_SIZE];
	char		digits[PLACEHOLDER_MAX + 1];
	int			n;

	if (omni_iban(value, iban))
	{
		n = strlen(iban);
		return in_list(sample_ibans, iban, n) || same_at_end(iban, n) >= n - 6 || same_at_end(iban, n) >= 10 ||
			counts_at_end(iban, n);
	}
	n = collect_digits(plain, digits, sizeof(digits));
	return n == 0 || same_at_end(digits, n) >= n - 2;
}

/* Tax numbers: one digit over and over, or counting from 1. */
static bool
is_nobodys_tax_id(const char *plain)
{
	char		digits[PLACEHOLDER_MAX + 1];
	int			n = collect_digits(plain, digits, sizeof(digits));

	return n == 0 || (n >= 5 && same_at_end(digits, n) == n) || strcmp(digits, "12345678") == 0 ||
		strcmp(digits, "1234567") == 0 || strcmp(digits, "123456789") == 0;
}

/* Dates that programs put where there is none. */
static bool
is_nobodys_birthday(const char *plain)
{
	static const struct
	{
		int			year,
					month,
					day;
	}			dates[] = {{1, 1, 1}, {1582, 10, 15}, {1753, 1, 1}, {1800, 1, 1}, {1899, 12, 30}, {1899, 12, 31},
	{1900, 1, 1}, {1900, 1, 2}, {1901, 1, 1}, {1910, 1, 1}, {1911, 11, 11}, {1970, 1, 1}, {2099, 12, 31}, {9999, 12, 31}};
	struct pg_tm tm;

	if (!omni_scan_date(&plain, "auto", &tm))
		return false;
	for (int i = 0; i < lengthof(dates); i++)
	{
		if (tm.tm_year == dates[i].year && tm.tm_mon == dates[i].month && tm.tm_mday == dates[i].day)
			return true;
	}
	return false;
}

/* Addresses: a mailbox nobody reads, a domain that receives nothing, or an example. */
static bool
is_nobodys_email(const char *plain)
{
	char		address[PLACEHOLDER_MAX + 1];
	const char *at;
	const char *top;

	strlcpy(address, plain, sizeof(address));
	for (char *s = address; *s; s++)
		*s = pg_ascii_tolower(*s);
	at = strchr(address, '@');
	if (at == NULL)
		return false;
	if (in_list(nobodys_mailbox, address, at - address) || in_list(nobodys_domain, at + 1, strlen(at + 1)))
		return true;
	top = strrchr(at, '.');
	if (top != NULL && strcmp(top, ".invalid") == 0)
		return true;
	if ((in_list(example_domain, at + 1, strlen(at + 1)) ||
		 (top != NULL && (strcmp(top, ".test") == 0 || strcmp(top, ".example") == 0))) &&
		in_list(example_mailbox, address, at - address))
		return true;
	/* xxx@..., aaa@aaa.com; one or two letters may be a person's */
	address[at - address] = '\0';
	return is_repeated(address, 3);
}

/*
 * is_placeholder(kind text, value text) returns boolean: whether a value says
 * "nothing" instead of what it should say.
 * Arguments: name, given_name, surname, email, phone, tax_id, iban, birth_date,
 * address, postcode, city; any other kind takes the rules that all share; the
 * value as delivered or normalised.
 */
Datum
omnicrm_is_placeholder(PG_FUNCTION_ARGS)
{
	char		kind[16];
	char		plain[PLACEHOLDER_MAX + 1];
	char		folded[PLACEHOLDER_MAX + 1];
	text	   *kind_text = PG_GETARG_TEXT_PP(0);

	text_to_cstring_buffer(kind_text, kind, sizeof(kind));
	/* a longer text is no placeholder */
	if (omni_plain(PG_GETARG_DATUM(1), plain, sizeof(plain)) < 0 ||
		!omni_fold_plain(PG_GETARG_DATUM(1), folded, sizeof(folded)))
		PG_RETURN_BOOL(false);
	if (strcmp(kind, "phone") == 0)
		PG_RETURN_BOOL(is_nobodys_phone(plain));
	if (strcmp(kind, "birth_date") == 0)
		PG_RETURN_BOOL(folded[0] == '\0' || in_list(nothing, folded, strlen(folded)) || is_nobodys_birthday(plain));
	if (strcmp(kind, "postcode") == 0)
		PG_RETURN_BOOL(strspn(folded, "0 ") == strlen(folded) || strcmp(folded, "99999") == 0 ||
					   in_list(nothing, folded, strlen(folded)));
	if (is_nothing(folded))
		PG_RETURN_BOOL(true);
	if (strcmp(kind, "name") == 0 || strcmp(kind, "full_name") == 0)
		PG_RETURN_BOOL(is_nobody(folded));
	if (strcmp(kind, "given_name") == 0 || strcmp(kind, "surname") == 0)
		PG_RETURN_BOOL(is_nobodys_part(folded, kind[0] == 's'));
	if (strcmp(kind, "iban") == 0)
		PG_RETURN_BOOL(is_nobodys_iban(PG_GETARG_DATUM(1), plain));
	if (strcmp(kind, "address") == 0 || strcmp(kind, "street") == 0)
		PG_RETURN_BOOL(all_in_list(nowhere, folded, false) || in_list(any_address, folded, strlen(folded)));
	if (strcmp(kind, "city") == 0 || strcmp(kind, "province") == 0)
		PG_RETURN_BOOL(all_in_list(no_town, folded, false));
	if (strcmp(kind, "email") == 0)
		PG_RETURN_BOOL(is_nobodys_email(plain));
	if (strcmp(kind, "tax_id") == 0)
		PG_RETURN_BOOL(is_nobodys_tax_id(plain));
	PG_RETURN_BOOL(false);
}
