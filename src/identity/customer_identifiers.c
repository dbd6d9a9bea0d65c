/*
 * customer_identifiers.c
 *		The identifiers by which a customer record is found: those that it tells, and
 *		its name together with date of birth or postcode.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/customer_row.h"

PG_FUNCTION_INFO_V1(omnicrm_customer_identifiers);

/* a longer value reaches no index */
#define VALUE_BYTES		400
/* a date of birth before is a filler */
#define AGE_MOST		110

/* countries where people bear two surnames */
static const char *const two_surnames[] = {
	"AD", "AR", "BO", "BR", "CL", "CO", "CR", "CU", "DO", "EC", "ES", "GT", "HN", "MX", "NI", "PA", "PE", "PR", "PT", "PY", "SV", "UY", "VE"
};

/* arguments of the function */
typedef enum IdentifierArgument
{
	ARGUMENT_DEVICE,
	ARGUMENT_EMAIL,
	ARGUMENT_LOYALTY_CARD,
	ARGUMENT_PHONE,
	ARGUMENT_TAX_ID,
	ARGUMENT_USERNAME,
	ARGUMENT_NAME_KEY,
	ARGUMENT_BIRTH_DATE,
	ARGUMENT_POSTCODE,
	ARGUMENT_REGION,
	ARGUMENT_TODAY
} IdentifierArgument;

/* those that are identifiers as they are told */
static const char *const told_kinds[] = {"device", "email", "loyalty_card", "phone", "tax_id", "username"};

#define IDENTIFIERS_MOST	(lengthof(told_kinds) + 2)

typedef struct CustomerIdentifier
{
	const char *kind;
	text	   *value;
	int64		hash;
} CustomerIdentifier;

static int
by_hash(const void *x, const void *y)
{
	const CustomerIdentifier *a = x;
	const CustomerIdentifier *b = y;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return strcmp(a->kind, b->kind);
}

static void
add_identifier(CustomerIdentifier *list, int *n, const char *kind, text *value)
{
	int			length = VARSIZE_ANY_EXHDR(value);

	if (length > VALUE_BYTES)
		return;
	list[*n].kind = kind;
	list[*n].value = value;
	list[*n].hash = (int64) hash_bytes_extended((const unsigned char *) VARDATA_ANY(value), length, 0);
	(*n)++;
}

/* A name and what stands beside it. */
static text *
beside_name(text *name, text *other)
{
	StringInfoData value;

	initStringInfo(&value);
	appendBinaryStringInfo(&value, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
	appendStringInfoChar(&value, '|');
	appendBinaryStringInfo(&value, VARDATA_ANY(other), VARSIZE_ANY_EXHDR(other));
	return cstring_to_text_with_len(value.data, value.len);
}

/* Number of blanks in a name key, which is one less than that of its words. */
static int
count_blanks(text *name)
{
	int			n = 0;

	for (int i = 0; i < VARSIZE_ANY_EXHDR(name); i++)
		n += VARDATA_ANY(name)[i] == ' ';
	return n;
}

static bool
has_two_surnames(text *region)
{
	for (int i = 0; region != NULL && i < lengthof(two_surnames); i++)
	{
		if (VARSIZE_ANY_EXHDR(region) == 2 && memcmp(VARDATA_ANY(region), two_surnames[i], 2) == 0)
			return true;
	}
	return false;
}

/* A name needs two words to stand with a date of birth that is no filler. */
static void
add_name_birth(CustomerIdentifier *list, int *n, text *name, DateADT birth, DateADT today)
{
	if (count_blanks(name) < 1 || DATE_NOT_FINITE(birth) || birth <= omni_years_before(today, AGE_MOST))
		return;
	add_identifier(list, n, "name_birth", beside_name(name, omni_iso_date(birth)));
}

/*
 * customer_identifiers(device, email, loyalty_card, phone, tax_id, username, name_key
 * text, birth_date date, postcode, region text, today date) returns setof
 * customer_identifier: the identifiers of a customer record, ascending by
 * hashtextextended(value, 0), the order of their index, which takes half the time of
 * any other.
 * Arguments: normalised values; name_key() of the full name; the country of the source;
 * the day on which the record comes in.
 * A name needs two words to stand with a date of birth or a postcode; where people bear
 * two surnames, a postcode asks for three.  A date that makes a child of the customer
 * still tells people apart when two sources agree on it, one of more than 110 years ago
 * is a filler.
 */
Datum
omnicrm_customer_identifiers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CustomerIdentifier list[IDENTIFIERS_MOST];
	int			n = 0;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < lengthof(told_kinds); i++)
	{
		if (!PG_ARGISNULL(i))
			add_identifier(list, &n, told_kinds[i], PG_GETARG_TEXT_PP(i));
	}
	if (!PG_ARGISNULL(ARGUMENT_NAME_KEY))
	{
		text	   *name = PG_GETARG_TEXT_PP(ARGUMENT_NAME_KEY);

		if (!PG_ARGISNULL(ARGUMENT_BIRTH_DATE) && !PG_ARGISNULL(ARGUMENT_TODAY))
			add_name_birth(list, &n, name, PG_GETARG_DATEADT(ARGUMENT_BIRTH_DATE), PG_GETARG_DATEADT(ARGUMENT_TODAY));
		if (!PG_ARGISNULL(ARGUMENT_POSTCODE))
		{
			text	   *region = PG_ARGISNULL(ARGUMENT_REGION) ? NULL : PG_GETARG_TEXT_PP(ARGUMENT_REGION);

			if (count_blanks(name) >= (has_two_surnames(region) ? 2 : 1))
				add_identifier(list, &n, "name_postcode", beside_name(name, PG_GETARG_TEXT_PP(ARGUMENT_POSTCODE)));
		}
	}
	qsort(list, n, sizeof(CustomerIdentifier), by_hash);
	for (int i = 0; i < n; i++)
	{
		Datum		values[2] = {CStringGetTextDatum(list[i].kind), PointerGetDatum(list[i].value)};
		bool		nulls[2] = {false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
