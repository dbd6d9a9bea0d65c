/*
 * customer_json.c
 *		A customer as one JSON object whose members are the targets of crm.load():
 *		what crm.ingest() takes in.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "common/compat.h"
#include "common/json.h"
#include "identity/customer_row.h"

extern PGDLLEXPORT Datum omnicrm_parse_date(PG_FUNCTION_ARGS);
extern PGDLLEXPORT Datum omnicrm_parse_timestamp(PG_FUNCTION_ARGS);

PG_FUNCTION_INFO_V1(omnicrm_require_customers);
PG_FUNCTION_INFO_V1(omnicrm_read_customer_json);

#define ATTRIBUTES	"attributes"
/* characters of a wrong value that a message shows */
#define SHOWN			60

/* by CustomerTarget */
static const char *const target_name[CUSTOMER_TARGETS] = {
	"key", "kind", "full_name", "given_name", "surname", "birth_date", "gender", "email", "phone", "tax_id", "street", "postcode",
	"city", "province", "country", "loyalty_card", "device", "username", "business_at", "entered_by"
};

/* The start of a value, for a message. */
static char *
shown(const char *data, int length)
{
	return pnstrdup(data, pg_mbcharcliplen(data, length, SHOWN));
}

/* Whether a member is one that a customer may have; *type_fits: and of this type. */
static bool
known_member(const JsonbValue *name, const JsonbValue *value, bool *type_fits)
{
	const char *data = name->val.string.val;
	int			length = name->val.string.len;
	bool		nested = value->type == jbvBinary;

	if (length == strlen(ATTRIBUTES) && memcmp(data, ATTRIBUTES, length) == 0)
	{
		*type_fits = value->type == jbvNull || (nested && JsonContainerIsObject(value->val.binary.data));
		return true;
	}
	*type_fits = !nested;
	for (int i = 0; i < CUSTOMER_TARGETS; i++)
	{
		if (length == strlen(target_name[i]) && memcmp(data, target_name[i], length) == 0)
			return true;
	}
	return false;
}

/* Refuses a member that a customer does not have, or not of this type. */
static void
refuse_member(const char *name, const char *type)
{
	StringInfoData known;
	bool		is_attributes = strcmp(name, ATTRIBUTES) == 0;

	if (type != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("attribute %s is of type %s", quote_literal_cstr(name), type),
				 is_attributes ? errhint("Give an object, {\"shoe_size\": 42}.") : errhint("Give a text, number or boolean, or null.")));
	initStringInfo(&known);
	for (int i = TARGET_KEY + 1; i < CUSTOMER_TARGETS; i++)
		appendStringInfo(&known, "%s%s", known.len > 0 ? ", " : "", target_name[i]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a customer has no attribute %s", quote_literal_cstr(shown(name, strlen(name)))),
			 errhint("Attributes: %s. Others go into \"attributes\", an object.", known.data)));
}

/* Refuses what is no object. */
static void
refuse_record(JsonbContainer *record)
{
	char	   *text_of = JsonbToCString(NULL, record, 0);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("a record is a JSON object, not %s", shown(text_of, strlen(text_of))),
			 errhint("For example {\"full_name\": \"Ana Gil\", \"email\": \"ana@example.com\"}.")));
}

/* Refuses what is no customer: of several wrong members the first by name. */
static void
require_customer(JsonbContainer *record)
{
	JsonbIterator *iterator;
	JsonbValue	name;
	JsonbValue	value;
	char	   *wrong = NULL;
	const char *wrong_type = NULL;

	if (!JsonContainerIsObject(record))
		refuse_record(record);
	iterator = JsonbIteratorInit(record);
	(void) JsonbIteratorNext(&iterator, &name, true);
	while (JsonbIteratorNext(&iterator, &name, true) == WJB_KEY)
	{
		bool		type_fits;
		bool		known;

		(void) JsonbIteratorNext(&iterator, &value, true);
		known = known_member(&name, &value, &type_fits);
		if (!known || !type_fits)
		{
			char	   *this_one = pnstrdup(name.val.string.val, name.val.string.len);

			if (wrong == NULL || strcmp(this_one, wrong) < 0)
			{
				wrong = this_one;
				wrong_type = known ? JsonbTypeName(&value) : NULL;
			}
		}
	}
	if (wrong != NULL)
		refuse_member(wrong, wrong_type);
}

/*
 * require_customers(records jsonb) returns integer: the number of records, objects
 * whose members are the targets of a customer in crm.load_target().
 * Errors: invalid_parameter_value when records is no array, a record no object, or a
 * member one that a customer does not have or of another type.
 */
Datum
omnicrm_require_customers(PG_FUNCTION_ARGS)
{
	Jsonb	   *records = PG_GETARG_JSONB_P(0);
	int			n = JB_ROOT_COUNT(records);

	if (!JB_ROOT_IS_ARRAY(records) || JB_ROOT_IS_SCALAR(records))
	{
		char	   *text_of = JsonbToCString(NULL, &records->root, VARSIZE(records));

		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("records must be a JSON array, not %s", shown(text_of, strlen(text_of))),
				 errhint("For example [{\"key\": \"17\", \"full_name\": \"Ana Gil\"}].")));
	}
	for (int i = 0; i < n; i++)
	{
		JsonbValue *record = getIthJsonbValueFromContainer(&records->root, i);

		CHECK_FOR_INTERRUPTS();
		if (record->type == jbvBinary)
			require_customer(record->val.binary.data);
		else
			require_customer(&JsonbValueToJsonb(record)->root);
	}
	PG_RETURN_INT32(n);
}

/* A member as the operator ->> gives it; NULL: it is not there, or null. */
static text *
member_text(Jsonb *record, const char *name)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&record->root, name, strlen(name), &buffer);

	return value != NULL ? omni_json_text(value) : NULL;
}

/* Further attributes without those that are null; NULL when there are none. */
static Jsonb *
further_attributes(Jsonb *record)
{
	JsonbValue	buffer;
	JsonbValue *value = getKeyJsonValueFromContainer(&record->root, ATTRIBUTES, strlen(ATTRIBUTES), &buffer);
	Jsonb	   *result;

	if (value == NULL || value->type != jbvBinary || !JsonContainerIsObject(value->val.binary.data))
		return NULL;
	result = DatumGetJsonbP(DirectFunctionCall2(jsonb_strip_nulls, JsonbPGetDatum(JsonbValueToJsonb(value)), BoolGetDatum(false)));
	return JB_ROOT_COUNT(result) > 0 ? result : NULL;
}

/* What a text says by parse_date() or parse_timestamp(), in ISO form or one that has one reading only. */
static NullableDatum
read_date(PGFunction parser, text *value)
{
	LOCAL_FCINFO(call, 3);
	NullableDatum result = {0, true};

	if (value == NULL)
		return result;
	InitFunctionCallInfoData(*call, NULL, 3, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(value);
	call->args[1].value = CStringGetTextDatum("auto");
	call->args[2].value = CStringGetTextDatum("UTC");
	call->args[0].isnull = call->args[1].isnull = call->args[2].isnull = false;
	result.value = parser(call);
	result.isnull = call->isnull;
	return result;
}

/* Dates that the texts tell. */
static void
read_dates(DeliveredCustomer *from)
{
	from->birth_date = read_date(omnicrm_parse_date, from->texts[TARGET_BIRTH_DATE]);
	from->business_at = read_date(omnicrm_parse_timestamp, from->texts[TARGET_BUSINESS_AT]);
	from->business_on.isnull = true;
	if (!from->business_at.isnull)
	{
		/* a timestamp with time zone is the time in UTC */
		from->business_on.value = DirectFunctionCall1(timestamp_date, from->business_at.value);
		from->business_on.isnull = false;
	}
}

/*
 * read_customer(record jsonb, region text, fingerprint text, today date) returns
 * omnicrm.customer_row: a customer as an object with the targets of crm.load() as
 * members, normalised, checked and flagged.
 * Arguments: the object; the others as those of read_customer() for texts.
 * Errors: invalid_parameter_value when record is no object.
 */
Datum
omnicrm_read_customer_json(PG_FUNCTION_ARGS)
{
	DeliveredCustomer from;

	memset(&from, 0, sizeof(from));
	from.payload = PG_GETARG_JSONB_P(0);
	from.region = PG_GETARG_TEXT_PP(1);
	from.fingerprint = PG_GETARG_TEXT_PP(2);
	from.today = PG_GETARG_DATEADT(3);
	if (!JB_ROOT_IS_OBJECT(from.payload))
		refuse_record(&from.payload->root);
	for (int i = 0; i < CUSTOMER_TARGETS; i++)
		from.texts[i] = member_text(from.payload, target_name[i]);
	read_dates(&from);
	from.attributes = further_attributes(from.payload);
	PG_RETURN_DATUM(omni_read_customer(fcinfo, &from));
}
