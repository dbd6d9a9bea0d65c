/*
 * journey_text.c
 *		The text form of a journey, which is JSON:
 *
 *		{"touches": [{"at": "2024-01-31T10:00:00+00:00", "actor": "email", "kind": "lead", "event": 7}],
 *		 "conversions": [{"at": "2024-02-01T09:30:00+00:00", "actor": "shop", "event": 8, "value": 12.50}]}
 *
 * Times are written in UTC, so that the text does not depend on settings.  Members
 * that are missing are NULL.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/numeric.h"

#include "attribution/journey.h"
#include "common/compat.h"
#include "common/units.h"
#include "golden/survive_json.h"

static const char *const journey_members[] = {"touches", "conversions", NULL};
static const char *const touch_members[] = {"at", "actor", "kind", "event", NULL};
static const char *const conversion_members[] = {"at", "actor", "kind", "event", "value", NULL};

/* The names of a table as JSON strings. */
static char **
quote_names(const NameTable *table)
{
	char	  **quoted = palloc_array(char *, Max(table->count, 1));

	for (int32 i = 0; i < table->count; i++)
	{
		StringInfoData out;
		char	   *name = pnstrdup(table->names[i].text, table->names[i].length);

		initStringInfo(&out);
		escape_json(&out, name);
		quoted[i] = out.data;
		pfree(name);
	}
	return quoted;
}

static void
put_event(StringInfo out, const JourneyEvent *event, char **actors, char **kinds)
{
	char		at[MAXDATELEN + 1];
	const int	utc = 0;

	CHECK_FOR_INTERRUPTS();
	JsonEncodeDateTime(at, TimestampTzGetDatum(event->at), TIMESTAMPTZOID, &utc);
	appendStringInfo(out, "{\"at\": \"%s\"", at);
	if (event->actor != NO_NUMBER)
		appendStringInfo(out, ", \"actor\": %s", actors[event->actor]);
	if (event->kind != NO_NUMBER)
		appendStringInfo(out, ", \"kind\": %s", kinds[event->kind]);
	if (event->has_id)
		appendStringInfo(out, ", \"event\": %lld", (long long) event->id);
}

/* journey_to_text returns the text form of a journey. */
char *
journey_to_text(const Journey *journey)
{
	char	  **actors = quote_names(&journey->actors);
	char	  **kinds = quote_names(&journey->kinds);
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfoString(&out, "{\"touches\": [");
	for (int32 i = 0; i < journey->ntouches; i++)
	{
		if (i > 0)
			appendStringInfoString(&out, ", ");
		put_event(&out, &journey->touches[i], actors, kinds);
		appendStringInfoChar(&out, '}');
	}
	appendStringInfoString(&out, "], \"conversions\": [");
	for (int32 i = 0; i < journey->nconversions; i++)
	{
		const JourneyConversion *conversion = &journey->conversions[i];
		Datum		value = NumericGetDatum(omnicrm_units_to_numeric(conversion->units, conversion->scale));

		if (i > 0)
			appendStringInfoString(&out, ", ");
		put_event(&out, &conversion->event, actors, kinds);
		appendStringInfo(&out, ", \"value\": %s}", DatumGetCString(DirectFunctionCall1(numeric_out, value)));
	}
	appendStringInfoString(&out, "]}");
	return out.data;
}

static void
missing_member(const char *where, const char *key)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has no \"%s\"", where, key)));
}

/* A member that is a number; NULL when it is missing. */
static Numeric
read_number(JsonbContainer *object, const char *key, const char *where)
{
	JsonbValue *value = survive_json_member(object, key);

	if (value == NULL)
		return NULL;
	if (value->type != jbvNumeric)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must be a number", where, key)));
	return value->val.numeric;
}

/* The number of a name that a member says, or NO_NUMBER; a name may be empty. */
static int32
read_name(MemoryContext context, NameTable *table, JsonbContainer *object, const char *key, const char *where)
{
	JsonbValue *value = survive_json_member(object, key);

	if (value == NULL)
		return NO_NUMBER;
	if (value->type != jbvString)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s: \"%s\" must be a text", where, key)));
	return journey_intern(context, table, value->val.string.val, value->val.string.len);
}

static void
read_event(Journey *journey, JsonbContainer *object, JourneyEvent *event, const char *where)
{
	char	   *at = survive_json_text(object, "at", where);
	Numeric		id = read_number(object, "event", where);

	if (at == NULL)
		missing_member(where, "at");
	event->at = DatumGetTimestampTz(DirectFunctionCall3(timestamptz_in, CStringGetDatum(at),
														ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
	if (TIMESTAMP_NOT_FINITE(event->at))
		ereport(ERROR,
				(errcode(ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("%s has no finite time", where)));
	event->actor = read_name(journey->context, &journey->actors, object, "actor", where);
	event->kind = read_name(journey->context, &journey->kinds, object, "kind", where);
	event->has_id = id != NULL;
	event->id = id == NULL ? 0 : DatumGetInt64(DirectFunctionCall1(numeric_int8, NumericGetDatum(id)));
}

static void
read_touch(Journey *journey, const JsonbValue *value, int number)
{
	char		where[40];
	JsonbContainer *object;
	JourneyEvent touch;

	snprintf(where, sizeof(where), "touch %d of the journey", number);
	object = survive_json_object(value, where);
	survive_json_members(object, touch_members, where);
	read_event(journey, object, &touch, where);
	if (touch.actor == NO_NUMBER)
		touch.actor = journey_intern(journey->context, &journey->actors, JOURNEY_NO_ACTOR, strlen(JOURNEY_NO_ACTOR));
	journey_add_touch(journey, &touch);
}

static void
read_conversion(Journey *journey, const JsonbValue *value, int number)
{
	char		where[40];
	JsonbContainer *object;
	JourneyConversion conversion;
	Numeric		amount;

	snprintf(where, sizeof(where), "conversion %d of the journey", number);
	object = survive_json_object(value, where);
	survive_json_members(object, conversion_members, where);
	read_event(journey, object, &conversion.event, where);
	amount = read_number(object, "value", where);
	if (amount == NULL)
		missing_member(where, "value");
	journey_set_value(&conversion, NumericGetDatum(amount), "value");
	journey_add_conversion(journey, &conversion);
}

/*
 * journey_from_text returns the journey that a text says, in the order in which it
 * says it.  Errors: those of jsonb and timestamptz, invalid_parameter_value with
 * the event that is wrong, numeric_value_out_of_range, datetime_field_overflow.
 */
Journey *
journey_from_text(char *text)
{
	Jsonb	   *source = DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(text)));
	Journey    *journey = journey_make(CurrentMemoryContext);
	JsonbContainer *list;

	if (!JB_ROOT_IS_OBJECT(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a journey must be an object"),
				 errhint("For example {\"touches\": [{\"at\": \"2024-01-31T10:00:00+00:00\", \"actor\": \"email\"}], \"conversions\": [{\"at\": \"2024-02-01T09:30:00+00:00\", \"value\": 12.50}]}.")));
	survive_json_members(&source->root, journey_members, "journey");
	list = survive_json_array(&source->root, "touches", "journey");
	for (int i = 0; list != NULL && i < JsonContainerSize(list); i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_touch(journey, getIthJsonbValueFromContainer(list, i), i + 1);
	}
	list = survive_json_array(&source->root, "conversions", "journey");
	for (int i = 0; list != NULL && i < JsonContainerSize(list); i++)
	{
		CHECK_FOR_INTERRUPTS();
		read_conversion(journey, getIthJsonbValueFromContainer(list, i), i + 1);
	}
	return journey;
}
