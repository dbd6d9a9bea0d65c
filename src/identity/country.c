/*
 * country.c
 *		Countries as people write them: ISO codes and common names.
 */
#include "postgres.h"

#include "access/detoast.h"

#include "common/compat.h"
#include "identity/country.h"
#include "identity/fold.h"

#define COUNTRY_MAX 48

/* Folded names and three-letter codes of the countries with rules of their own. */
static const struct
{
	char		code[3];
	const char *names;			/* separated and surrounded by '|' */
}			country_names[] = {
	{"AD", "|and|andorra|"},
	{"AR", "|arg|argentina|"},
	{"AT", "|aut|austria|osterreich|"},
	{"AU", "|aus|australia|"},
	{"BE", "|bel|belgium|belgica|belgique|belgie|"},
	{"BG", "|bgr|bulgaria|"},
	{"BR", "|bra|brazil|brasil|"},
	{"CA", "|can|canada|"},
	{"CH", "|che|switzerland|suiza|schweiz|suisse|svizzera|"},
	{"CL", "|chl|chile|"},
	{"CN", "|chn|china|"},
	{"CO", "|col|colombia|"},
	{"CY", "|cyp|cyprus|chipre|"},
	{"CZ", "|cze|czechia|czech republic|chequia|republica checa|"},
	{"DE", "|deu|ger|germany|alemania|deutschland|allemagne|"},
	{"DK", "|dnk|denmark|dinamarca|danmark|"},
	{"EE", "|est|estonia|"},
	{"ES", "|esp|spain|espana|espanya|espainia|espagne|spanien|reino de espana|"},
	{"FI", "|fin|finland|finlandia|suomi|"},
	{"FR", "|fra|france|francia|frankreich|"},
	{"GB", "|gbr|uk|united kingdom|great britain|reino unido|gran bretana|england|inglaterra|scotland|wales|"},
	{"GR", "|grc|el|greece|grecia|"},
	{"HR", "|hrv|croatia|croacia|"},
	{"HU", "|hun|hungary|hungria|"},
	{"IE", "|irl|ireland|irlanda|"},
	{"IN", "|ind|india|"},
	{"IT", "|ita|italy|italia|italien|italie|"},
	{"JP", "|jpn|japan|japon|"},
	{"LT", "|ltu|lithuania|lituania|"},
	{"LU", "|lux|luxembourg|luxemburgo|"},
	{"LV", "|lva|latvia|letonia|"},
	{"MA", "|mar|morocco|marruecos|maroc|"},
	{"MT", "|mlt|malta|"},
	{"MX", "|mex|mexico|mejico|"},
	{"NL", "|nld|netherlands|the netherlands|holland|paises bajos|holanda|nederland|"},
	{"NO", "|nor|norway|noruega|norge|"},
	{"PE", "|per|peru|"},
	{"PL", "|pol|poland|polonia|polska|"},
	{"PT", "|prt|portugal|"},
	{"RO", "|rou|romania|rumania|"},
	{"SE", "|swe|sweden|suecia|sverige|"},
	{"SI", "|svn|slovenia|eslovenia|"},
	{"SK", "|svk|slovakia|eslovaquia|"},
	{"US", "|usa|united states|united states of america|estados unidos|eeuu|ee uu|"},
	{"UY", "|ury|uruguay|"},
	{"VE", "|ven|venezuela|"},
};

/*
 * omni_country: ISO 3166 code of a country.
 * Arguments: a two-letter code, or a three-letter code or name of a country in
 * the list; the result, two capital letters.
 * Result: false (and an empty string) when it is none of these.  Two letters are
 * taken as a code without further check; UK is GB and EL is GR.
 */
bool
omni_country(Datum value, char result[3])
{
	char		folded[COUNTRY_MAX + 2];
	text	   *packed;
	const unsigned char *letters;

	result[0] = '\0';
	if (toast_raw_datum_size(value) > COUNTRY_MAX * 4 + VARHDRSZ)
		return false;
	packed = DatumGetTextPP(value);
	letters = (const unsigned char *) VARDATA_ANY(packed);
	/* nearly always a code */
	if (VARSIZE_ANY_EXHDR(packed) == 2 && letters[0] < 0x80 && letters[1] < 0x80)
	{
		result[0] = pg_ascii_toupper(letters[0]);
		result[1] = pg_ascii_toupper(letters[1]);
		result[2] = '\0';
		if (strcmp(result, "UK") == 0)
			strlcpy(result, "GB", 3);
		else if (strcmp(result, "EL") == 0)
			strlcpy(result, "GR", 3);
		else if (result[0] < 'A' || result[0] > 'Z' || result[1] < 'A' || result[1] > 'Z')
			result[0] = '\0';
		return result[0] != '\0';
	}
	folded[0] = '|';
	if (!omni_fold_plain(PointerGetDatum(packed), folded + 1, COUNTRY_MAX) || strlen(folded) < 3)
		return false;
	strlcat(folded, "|", sizeof(folded));
	for (int i = 0; i < lengthof(country_names); i++)
	{
		if (strstr(country_names[i].names, folded) != NULL)
		{
			strlcpy(result, country_names[i].code, 3);
			return true;
		}
	}
	/* a code with blanks or dots about it */
	if (strlen(folded) != 4 || folded[1] < 'a' || folded[1] > 'z' || folded[2] < 'a' || folded[2] > 'z')
		return false;
	result[0] = folded[1] - 'a' + 'A';
	result[1] = folded[2] - 'a' + 'A';
	result[2] = '\0';
	return true;
}
