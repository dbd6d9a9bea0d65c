/*
 * customer_row.c
 *		A row that a source delivers of a customer: normalised, checked and
 *		flagged.  crm.load(), which reads tables, and crm.ingest(), which reads
 *		single records, both go this way.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"

#include "common/compat.h"
#include "identity/customer_row.h"

extern PGDLLEXPORT Datum omnicrm_is_placeholder(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_name_key(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_email(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_gender(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_phone(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_postcode(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_tax_id(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_normalize_text(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_tax_id_kind(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(omnicrm_read_customer);

#define BLANKS			" \t\r\n\v\f"
#define KEY_BYTES		1000
#define TEXT_BYTES		1000
#define IDENTIFIER_BYTES	400
/* of a customer of usual age */
#define AGE_LEAST		14
#define AGE_MOST		110
#define FLAGS_MOST		16

/* what is known of an attribute, a digit of source_record.quality */
#define QUALITY_NONE		'0'
#define QUALITY_IMPLAUSIBLE	'3'
#define QUALITY_UNCHECKED	'6'
#define QUALITY_VALID		'9'

/* columns of omnicrm.customer_row */
typedef enum RowColumn
{
	ROW_KEY,
	ROW_BUSINESS_AT,
	ROW_ENTERED_BY,
	ROW_KIND,
	ROW_FULL_NAME,
	ROW_GIVEN_NAME,
	ROW_SURNAME,
	ROW_BIRTH_DATE,
	ROW_GENDER,
	ROW_EMAIL,
	ROW_PHONE,
	ROW_TAX_ID,
	ROW_STREET,
	ROW_POSTCODE,
	ROW_CITY,
	ROW_PROVINCE,
	ROW_COUNTRY,
	ROW_LOYALTY_CARD,
	ROW_DEVICE,
	ROW_USERNAME,
	ROW_NAME_KEY,
	ROW_QUALITY,
	ROW_FLAGS,
	ROW_ATTRIBUTES,
	ROW_CONTENT_HASH,
	ROW_RULE,
	ROW_DETAIL,
	ROW_COLUMNS
} RowColumn;

/* the order of crm.survivorship_columns() */
static const struct
{
	RowColumn	column;
	char		good;
}			quality_of[] = {
	{ROW_FULL_NAME, QUALITY_UNCHECKED}, {ROW_GIVEN_NAME, QUALITY_UNCHECKED}, {ROW_SURNAME, QUALITY_UNCHECKED},
	{ROW_BIRTH_DATE, QUALITY_UNCHECKED}, {ROW_GENDER, QUALITY_UNCHECKED}, {ROW_EMAIL, QUALITY_VALID},
	{ROW_PHONE, QUALITY_VALID}, {ROW_TAX_ID, QUALITY_VALID}, {ROW_STREET, QUALITY_UNCHECKED},
	{ROW_POSTCODE, QUALITY_VALID}, {ROW_CITY, QUALITY_UNCHECKED}, {ROW_PROVINCE, QUALITY_UNCHECKED},
	{ROW_COUNTRY, QUALITY_UNCHECKED}, {ROW_LOYALTY_CARD, QUALITY_UNCHECKED}, {ROW_USERNAME, QUALITY_UNCHECKED},
};

/* Values that are looked at for placeholders, in the order of their flags. */
typedef enum Checked
{
	CHECKED_EMAIL,
	CHECKED_PHONE,
	CHECKED_TAX_ID,
	CHECKED_NAME,
	CHECKED_BIRTH_DATE,
	CHECKED_POSTCODE,
	CHECKED_GENDER,
	CHECKED_BUSINESS_AT,
	CHECKED_LOYALTY_CARD,
	CHECKED_DEVICE,
	CHECKED_USERNAME,
	CHECKED_VALUES
} Checked;

/* kind as of omnicrm.is_placeholder(), NULL: there are none of it */
static const struct
{
	const char *kind;
	RowColumn	column;
	CustomerTarget target;
	bool		rejected;		/* it may be unreadable */
	const char *placeholder;
	const char *invalid;
}			checked[CHECKED_VALUES] = {
	{"email", ROW_EMAIL, TARGET_EMAIL, true, "placeholder_email", "email_invalid"},
	{"phone", ROW_PHONE, TARGET_PHONE, true, "placeholder_phone", "phone_invalid"},
	{"tax_id", ROW_TAX_ID, TARGET_TAX_ID, true, "placeholder_tax_id", "tax_id_invalid"},
	{"name", ROW_FULL_NAME, TARGET_FULL_NAME, false, "placeholder_name", NULL},
	{"birth_date", ROW_BIRTH_DATE, TARGET_BIRTH_DATE, true, "placeholder_birth_date", "birth_date_invalid"},
	{"postcode", ROW_POSTCODE, TARGET_POSTCODE, true, "placeholder_postcode", "postcode_invalid"},
	{NULL, ROW_GENDER, TARGET_GENDER, true, NULL, "gender_invalid"},
	{NULL, ROW_BUSINESS_AT, TARGET_BUSINESS_AT, true, NULL, "business_at_invalid"},
	{"loyalty_card", ROW_LOYALTY_CARD, TARGET_LOYALTY_CARD, false, "placeholder_loyalty_card", NULL},
	{"device", ROW_DEVICE, TARGET_DEVICE, false, "placeholder_device", NULL},
	{"username", ROW_USERNAME, TARGET_USERNAME, false, "placeholder_username", NULL},
};

/* what sources write for the two kinds */
static const char *const person_words[] = {"person", "persona", "individual", "consumer", "b2c"};
static const char *const organisation_words[] = {"organisation", "organization", "company", "empresa", "business", "b2b"};

/* A row while it is read: values as they go into the hub. */
typedef struct CustomerRow
{
	Datum		values[ROW_COLUMNS];
	bool		nulls[ROW_COLUMNS];
	bool		fake[CHECKED_VALUES];
	bool		unreadable[CHECKED_VALUES];
	bool		odd_kind;
	bool		long_text;
	bool		impossible_birth;
	bool		implausible_birth;
} CustomerRow;

/*
 * The result of a function of the toolbox for a text and, where the function takes two
 * arguments, a second one (context, NULL: null); *isnull: there is none.
 */
static Datum
call_text(PGFunction function, text *value, text *context, bool *isnull)
{
	LOCAL_FCINFO(call, 2);
	Datum		result;

	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(value);
	call->args[0].isnull = false;
	call->args[1].value = PointerGetDatum(context);
	call->args[1].isnull = context == NULL;
	result = function(call);
	*isnull = call->isnull;
	return result;
}

static void
set_value(CustomerRow *row, RowColumn column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
set_text(CustomerRow *row, RowColumn column, const char *value)
{
	set_value(row, column, CStringGetTextDatum(value));
}

/* The value of a column as text; NULL: none. */
static text *
text_of(const CustomerRow *row, RowColumn column)
{
	return row->nulls[column] ? NULL : (text *) DatumGetPointer(row->values[column]);
}

/* Without blanks around it; NULL when nothing is left. */
static text *
trimmed(text *value)
{
	const char *data;
	int			n;
	int			skip = 0;

	if (value == NULL)
		return NULL;
	data = VARDATA_ANY(value);
	n = VARSIZE_ANY_EXHDR(value);
	while (n > 0 && data[n - 1] != '\0' && strchr(BLANKS, data[n - 1]) != NULL)
		n--;
	while (skip < n && data[skip] != '\0' && strchr(BLANKS, data[skip]) != NULL)
		skip++;
	return n > skip ? cstring_to_text_with_len(data + skip, n - skip) : NULL;
}

/* One value by a normaliser; no value when the text has more bytes than that. */
static void
normalise(CustomerRow *row, RowColumn column, PGFunction function, text *value, int most)
{
	if (value == NULL)
		return;
	if (VARSIZE_ANY_EXHDR(value) > most)
	{
		row->long_text = true;
		return;
	}
	row->values[column] = call_text(function, value, NULL, &row->nulls[column]);
}

/* The same by a function that asks for the country, and gives null without one. */
static void
normalise_abroad(CustomerRow *row, RowColumn column, PGFunction function, text *value, text *country)
{
	if (value != NULL && (country != NULL || function == omnicrm_normalize_phone))
		row->values[column] = call_text(function, value, country, &row->nulls[column]);
}

/* A value that was made by a normaliser, changed in place: byte by byte, as everywhere for keys. */
static void
change_letters(CustomerRow *row, RowColumn column, bool upper, const char *dropped)
{
	text	   *value = text_of(row, column);
	char	   *data;
	int			n = 0;

	if (value == NULL)
		return;
	data = VARDATA_ANY(value);
	for (int i = 0; i < VARSIZE_ANY_EXHDR(value); i++)
	{
		if (strchr(dropped, data[i]) == NULL)
			data[n++] = upper ? pg_ascii_toupper(data[i]) : pg_ascii_tolower(data[i]);
	}
	row->nulls[column] = n == 0;
	SET_VARSIZE(value, n + VARHDRSZ);
}

/* What a word says of the kind: person, organisation, or NULL. */
static const char *
known_kind(text *word, bool *odd)
{
	char		plain[16];
	text	   *value = trimmed(word);

	*odd = false;
	if (value == NULL)
		return NULL;
	*odd = true;
	if (VARSIZE_ANY_EXHDR(value) >= sizeof(plain))
		return NULL;
	text_to_cstring_buffer(value, plain, sizeof(plain));
	for (char *s = plain; *s; s++)
		*s = pg_ascii_tolower(*s);
	*odd = false;
	for (int i = 0; i < lengthof(person_words); i++)
	{
		if (strcmp(plain, person_words[i]) == 0)
			return "person";
	}
	for (int i = 0; i < lengthof(organisation_words); i++)
	{
		if (strcmp(plain, organisation_words[i]) == 0)
			return "organisation";
	}
	*odd = true;
	return NULL;
}

/* The full name where only its parts are told. */
static void
join_names(CustomerRow *row)
{
	text	   *given = text_of(row, ROW_GIVEN_NAME);
	text	   *surname = text_of(row, ROW_SURNAME);

	if (!row->nulls[ROW_FULL_NAME] || (given == NULL && surname == NULL))
		return;
	if (given == NULL || surname == NULL)
		set_value(row, ROW_FULL_NAME, PointerGetDatum(given == NULL ? surname : given));
	else
	{
		StringInfoData name;

		initStringInfo(&name);
		appendBinaryStringInfo(&name, VARDATA_ANY(given), VARSIZE_ANY_EXHDR(given));
		appendStringInfoChar(&name, ' ');
		appendBinaryStringInfo(&name, VARDATA_ANY(surname), VARSIZE_ANY_EXHDR(surname));
		set_value(row, ROW_FULL_NAME, PointerGetDatum(cstring_to_text_with_len(name.data, name.len)));
	}
}

/* Values as their normalisers make them. */
static void
normalise_values(const DeliveredCustomer *from, CustomerRow *row)
{
	text	   *const *texts = from->texts;
	text	   *country = texts[TARGET_COUNTRY] != NULL ? texts[TARGET_COUNTRY] : from->region;
	text	   *key = trimmed(texts[TARGET_KEY]);

	if (key != NULL)
		set_value(row, ROW_KEY, PointerGetDatum(key));
	normalise(row, ROW_FULL_NAME, omnicrm_normalize_text, texts[TARGET_FULL_NAME], TEXT_BYTES);
	normalise(row, ROW_GIVEN_NAME, omnicrm_normalize_text, texts[TARGET_GIVEN_NAME], TEXT_BYTES);
	normalise(row, ROW_SURNAME, omnicrm_normalize_text, texts[TARGET_SURNAME], TEXT_BYTES);
	normalise(row, ROW_STREET, omnicrm_normalize_text, texts[TARGET_STREET], TEXT_BYTES);
	normalise(row, ROW_CITY, omnicrm_normalize_text, texts[TARGET_CITY], TEXT_BYTES);
	normalise(row, ROW_PROVINCE, omnicrm_normalize_text, texts[TARGET_PROVINCE], TEXT_BYTES);
	normalise(row, ROW_COUNTRY, omnicrm_normalize_text, texts[TARGET_COUNTRY], TEXT_BYTES);
	normalise(row, ROW_ENTERED_BY, omnicrm_normalize_text, texts[TARGET_ENTERED_BY], TEXT_BYTES);
	normalise(row, ROW_LOYALTY_CARD, omnicrm_normalize_text, texts[TARGET_LOYALTY_CARD], IDENTIFIER_BYTES);
	normalise(row, ROW_DEVICE, omnicrm_normalize_text, texts[TARGET_DEVICE], IDENTIFIER_BYTES);
	normalise(row, ROW_USERNAME, omnicrm_normalize_text, texts[TARGET_USERNAME], IDENTIFIER_BYTES);
	change_letters(row, ROW_LOYALTY_CARD, true, " -.");
	change_letters(row, ROW_USERNAME, false, "");
	normalise(row, ROW_GENDER, omnicrm_normalize_gender, texts[TARGET_GENDER], PG_INT32_MAX);
	normalise(row, ROW_EMAIL, omnicrm_normalize_email, texts[TARGET_EMAIL], PG_INT32_MAX);
	normalise_abroad(row, ROW_PHONE, omnicrm_normalize_phone, texts[TARGET_PHONE], country);
	normalise_abroad(row, ROW_TAX_ID, omnicrm_normalize_tax_id, texts[TARGET_TAX_ID], country);
	normalise_abroad(row, ROW_POSTCODE, omnicrm_normalize_postcode, texts[TARGET_POSTCODE], country);
	row->values[ROW_BIRTH_DATE] = from->birth_date.value;
	row->nulls[ROW_BIRTH_DATE] = from->birth_date.isnull;
	row->values[ROW_BUSINESS_AT] = from->business_at.value;
	row->nulls[ROW_BUSINESS_AT] = from->business_at.isnull;
	join_names(row);
}

/*
 * omni_iso_date: a date in ISO form, whatever the setting DateStyle is.
 */
text *
omni_iso_date(DateADT date)
{
	struct pg_tm tm;
	char		buffer[MAXDATELEN + 1];

	j2date(date + POSTGRES_EPOCH_JDATE, &tm.tm_year, &tm.tm_mon, &tm.tm_mday);
	EncodeDateOnly(&tm, USE_ISO_DATES, buffer);
	return cstring_to_text(buffer);
}

/* What is no value, or says "nothing". */
static void
check_values(const DeliveredCustomer *from, CustomerRow *row)
{
	for (int i = 0; i < CHECKED_VALUES; i++)
	{
		text	   *value = NULL;
		bool		isnull;

		if (!row->nulls[checked[i].column])
			value = i == CHECKED_BIRTH_DATE ? omni_iso_date(DatumGetDateADT(row->values[ROW_BIRTH_DATE])) :
				i == CHECKED_BUSINESS_AT ? NULL : text_of(row, checked[i].column);
		else if (checked[i].rejected)
		{
			value = trimmed(from->texts[checked[i].target]);
			row->unreadable[i] = value != NULL;
		}
		if (value != NULL && checked[i].kind != NULL)
			row->fake[i] = DatumGetBool(call_text(omnicrm_is_placeholder, cstring_to_text(checked[i].kind), value, &isnull));
	}
}

/*
 * omni_years_before: the same day some years before; of the 29th of February the 28th.
 */
DateADT
omni_years_before(DateADT date, int years)
{
	int			year;
	int			month;
	int			day;

	j2date(date + POSTGRES_EPOCH_JDATE, &year, &month, &day);
	year -= years;
	day = Min(day, day_tab[isleap(year)][month - 1]);
	return date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
}

/* Whether the date of birth is possible and plausible, by what the source knew and today. */
static void
check_birth(const DeliveredCustomer *from, CustomerRow *row)
{
	DateADT		known_on = from->today;
	DateADT		birth;

	if (row->nulls[ROW_BIRTH_DATE])
		return;
	birth = DatumGetDateADT(row->values[ROW_BIRTH_DATE]);
	if (!from->business_on.isnull)
		known_on = Min(known_on, DatumGetDateADT(from->business_on.value));
	row->impossible_birth = birth >= known_on;
	row->implausible_birth = !row->impossible_birth && !row->fake[CHECKED_BIRTH_DATE] &&
		(birth > omni_years_before(known_on, AGE_LEAST) || birth < omni_years_before(known_on, AGE_MOST));
}

/* What stays of the values. */
static void
keep_values(const DeliveredCustomer *from, CustomerRow *row)
{
	text	   *country = from->texts[TARGET_COUNTRY] != NULL ? from->texts[TARGET_COUNTRY] : from->region;
	const char *kind = known_kind(from->texts[TARGET_KIND], &row->odd_kind);

	for (int i = 0; i < CHECKED_VALUES; i++)
	{
		if (row->fake[i])
			row->nulls[checked[i].column] = true;
	}
	if (row->fake[CHECKED_NAME])
		row->nulls[ROW_GIVEN_NAME] = row->nulls[ROW_SURNAME] = true;
	if (row->impossible_birth)
		row->nulls[ROW_BIRTH_DATE] = true;
	if (!row->nulls[ROW_FULL_NAME])
		row->values[ROW_NAME_KEY] = call_text(omnicrm_name_key, text_of(row, ROW_FULL_NAME), NULL, &row->nulls[ROW_NAME_KEY]);
	if (kind == NULL && !row->nulls[ROW_TAX_ID] && country != NULL)
		row->values[ROW_KIND] = call_text(omnicrm_tax_id_kind, text_of(row, ROW_TAX_ID), country, &row->nulls[ROW_KIND]);
	if (row->nulls[ROW_KIND])
		set_text(row, ROW_KIND, kind != NULL ? kind : "person");
}

/* Names of the value rules that the row broke. */
static void
set_flags(CustomerRow *row)
{
	Datum		flags[FLAGS_MOST];
	int			n = 0;

	for (int i = 0; i < CHECKED_VALUES; i++)
	{
		const char *flag = row->fake[i] ? checked[i].placeholder : row->unreadable[i] ? checked[i].invalid : NULL;

		if (i == CHECKED_BIRTH_DATE && !row->fake[i])
			flag = row->impossible_birth ? "birth_date_impossible" : row->implausible_birth ? "birth_date_implausible" : flag;
		if (flag != NULL)
			flags[n++] = CStringGetTextDatum(flag);
	}
	if (row->odd_kind)
		flags[n++] = CStringGetTextDatum("kind_invalid");
	if (row->long_text)
		flags[n++] = CStringGetTextDatum("text_too_long");
	if (n > 0)
		set_value(row, ROW_FLAGS, PointerGetDatum(construct_array(flags, n, TEXTOID, -1, false, TYPALIGN_INT)));
}

/* One digit for each column that survives by rule. */
static void
set_quality(CustomerRow *row)
{
	char		digits[lengthof(quality_of)];

	for (int i = 0; i < lengthof(quality_of); i++)
	{
		RowColumn	column = quality_of[i].column;

		digits[i] = row->nulls[column] ? QUALITY_NONE :
			column == ROW_BIRTH_DATE && row->implausible_birth ? QUALITY_IMPLAUSIBLE : quality_of[i].good;
	}
	set_value(row, ROW_QUALITY, PointerGetDatum(cstring_to_text_with_len(digits, lengthof(digits))));
}

/* The hash of the content: the row as delivered, and how it was read. */
static void
set_content_hash(const DeliveredCustomer *from, CustomerRow *row)
{
	StringInfoData content;

	initStringInfo(&content);
	appendBinaryStringInfo(&content, VARDATA_ANY(from->fingerprint), VARSIZE_ANY_EXHDR(from->fingerprint));
	(void) JsonbToCString(&content, &from->payload->root, VARSIZE(from->payload));
	set_value(row, ROW_CONTENT_HASH,
			  Int64GetDatum((int64) hash_bytes_extended((const unsigned char *) content.data, content.len, 0)));
}

/* The rule by which the whole row waits in quarantine, if any. */
static void
set_rule(CustomerRow *row)
{
	text	   *key = text_of(row, ROW_KEY);

	if (key == NULL)
		set_text(row, ROW_RULE, "missing_key");
	else if (VARSIZE_ANY_EXHDR(key) > KEY_BYTES)
	{
		char	   *start = TextDatumGetCString(DirectFunctionCall2(text_left, PointerGetDatum(key), Int32GetDatum(100)));

		set_text(row, ROW_RULE, "value_too_long");
		set_text(row, ROW_DETAIL, psprintf("key: %s...", start));
	}
	else if (row->nulls[ROW_FULL_NAME] && row->nulls[ROW_EMAIL] && row->nulls[ROW_PHONE] && row->nulls[ROW_TAX_ID] &&
			 row->nulls[ROW_LOYALTY_CARD] && row->nulls[ROW_DEVICE] && row->nulls[ROW_USERNAME])
		set_text(row, ROW_RULE, "empty_row");
}

/*
 * omni_read_customer: an omnicrm.customer_row of what was delivered, for the call of
 * a function that returns one.
 */
Datum
omni_read_customer(FunctionCallInfo fcinfo, const DeliveredCustomer *from)
{
	TupleDesc	columns = (TupleDesc) fcinfo->flinfo->fn_extra;
	CustomerRow row;

	if (columns == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);

		if (get_call_result_type(fcinfo, NULL, &columns) != TYPEFUNC_COMPOSITE || columns->natts != ROW_COLUMNS)
			elog(ERROR, "unexpected result type");
		fcinfo->flinfo->fn_extra = columns = BlessTupleDesc(columns);
		MemoryContextSwitchTo(caller);
	}
	memset(&row, 0, sizeof(row));
	memset(row.nulls, true, sizeof(row.nulls));
	normalise_values(from, &row);
	check_values(from, &row);
	check_birth(from, &row);
	keep_values(from, &row);
	set_flags(&row);
	set_quality(&row);
	set_content_hash(from, &row);
	set_rule(&row);
	if (from->attributes != NULL)
		set_value(&row, ROW_ATTRIBUTES, JsonbPGetDatum(from->attributes));
	return HeapTupleGetDatum(heap_form_tuple(columns, row.values, row.nulls));
}

/* A date among the arguments; one without end is none. */
static NullableDatum
date_argument(FunctionCallInfo fcinfo, int i)
{
	NullableDatum result = fcinfo->args[i];

	result.isnull = result.isnull || DATE_NOT_FINITE(DatumGetDateADT(result.value));
	return result;
}

/*
 * read_customer(key, kind, full_name, ..., entered_by text, born_on date, at
 * timestamptz, business_on date, attributes jsonb, payload jsonb, region text,
 * fingerprint text, today date) returns omnicrm.customer_row: a row that a source
 * delivers of a customer, normalised, checked and flagged.
 * Arguments: the texts of the targets of a customer in the order of CustomerTarget,
 * NULL: none; the date of birth and the business date, read; the day of the latter in
 * the time zone of the source; further attributes; the row as delivered; the country of
 * what comes without one; what the content hash depends on beside the row; the day on
 * which the row comes in.
 * Result: NULL when payload, fingerprint or today is NULL.
 */
Datum
omnicrm_read_customer(PG_FUNCTION_ARGS)
{
	DeliveredCustomer from;
	int			next = CUSTOMER_TARGETS;

	memset(&from, 0, sizeof(from));
	for (int i = 0; i < CUSTOMER_TARGETS; i++)
		from.texts[i] = PG_ARGISNULL(i) ? NULL : PG_GETARG_TEXT_PP(i);
	from.birth_date = date_argument(fcinfo, next++);
	from.business_at = fcinfo->args[next++];
	from.business_on = date_argument(fcinfo, next++);
	from.attributes = PG_ARGISNULL(next) ? NULL : PG_GETARG_JSONB_P(next);
	next++;
	if (PG_ARGISNULL(next) || PG_ARGISNULL(next + 2) || date_argument(fcinfo, next + 3).isnull)
		PG_RETURN_NULL();
	from.payload = PG_GETARG_JSONB_P(next++);
	from.region = PG_ARGISNULL(next) ? NULL : PG_GETARG_TEXT_PP(next);
	from.fingerprint = PG_GETARG_TEXT_PP(next + 1);
	from.today = PG_GETARG_DATEADT(next + 2);
	PG_RETURN_DATUM(omni_read_customer(fcinfo, &from));
}
