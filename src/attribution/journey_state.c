/*
 * journey_state.c
 *		The aggregates journey() and journey_rollup().
 *
 * The state is a journey that grows; joining two states appends one to the other.
 * It is handed between processes, and returned, in the order of journey_order.c,
 * so that the result does not depend on the order of the rows or on the number of
 * workers.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "attribution/journey.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_journey_trans);
PG_FUNCTION_INFO_V1(omnicrm_journey_rollup_trans);
PG_FUNCTION_INFO_V1(omnicrm_journey_combine);
PG_FUNCTION_INFO_V1(omnicrm_journey_serial);
PG_FUNCTION_INFO_V1(omnicrm_journey_deserial);
PG_FUNCTION_INFO_V1(omnicrm_journey_final);

static Journey *
state_of(FunctionCallInfo fcinfo)
{
	MemoryContext context = omni_aggregate_context(fcinfo);

	return PG_ARGISNULL(0) ? journey_make(context) : (Journey *) PG_GETARG_POINTER(0);
}

/* Does a row say nothing, as those of an outer join without a partner do? */
static bool
is_empty_row(FunctionCallInfo fcinfo)
{
	for (int i = 1; i < PG_NARGS(); i++)
		if (!PG_ARGISNULL(i))
			return false;
	return true;
}

/* The number of the name in an argument; NO_NUMBER when it is NULL. */
static int32
name_of_argument(FunctionCallInfo fcinfo, int argument, Journey *journey, NameTable *table)
{
	text	   *name;

	if (PG_ARGISNULL(argument))
		return NO_NUMBER;
	name = PG_GETARG_TEXT_PP(argument);
	return journey_intern(journey->context, table, VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name));
}

static void
take_event(FunctionCallInfo fcinfo, Journey *journey, JourneyEvent *event)
{
	if (PG_ARGISNULL(1) || TIMESTAMP_NOT_FINITE(PG_GETARG_TIMESTAMPTZ(1)))
		ereport(ERROR,
				(errcode(PG_ARGISNULL(1) ? ERRCODE_NULL_VALUE_NOT_ALLOWED : ERRCODE_DATETIME_FIELD_OVERFLOW),
				 errmsg("%s has no finite time", PG_ARGISNULL(4) ? "a touch" : "a conversion"),
				 errhint("Leave out events whose time is not known.")));
	event->at = PG_GETARG_TIMESTAMPTZ(1);
	event->has_id = PG_NARGS() > 5 && !PG_ARGISNULL(5);
	event->id = event->has_id ? PG_GETARG_INT64(5) : 0;
	event->actor = name_of_argument(fcinfo, 2, journey, &journey->actors);
	event->kind = name_of_argument(fcinfo, 3, journey, &journey->kinds);
}

/*
 * Transition of journey(ts, actor, kind, value [, event_id]): a row with a value is
 * a conversion, one without is a touch, one of NULLs alone is passed over.
 */
Datum
omnicrm_journey_trans(PG_FUNCTION_ARGS)
{
	Journey    *journey = state_of(fcinfo);
	JourneyConversion conversion;

	if (is_empty_row(fcinfo))
		PG_RETURN_POINTER(journey);
	take_event(fcinfo, journey, &conversion.event);
	if (!PG_ARGISNULL(4))
	{
		journey_set_value(&conversion, PG_GETARG_DATUM(4), "value");
		journey_add_conversion(journey, &conversion);
		PG_RETURN_POINTER(journey);
	}
	if (conversion.event.actor == NO_NUMBER)
		conversion.event.actor = journey_intern(journey->context, &journey->actors,
												JOURNEY_NO_ACTOR, strlen(JOURNEY_NO_ACTOR));
	journey_add_touch(journey, &conversion.event);
	PG_RETURN_POINTER(journey);
}

/* Transition of journey_rollup(journey): NULL is passed over. */
Datum
omnicrm_journey_rollup_trans(PG_FUNCTION_ARGS)
{
	Journey    *journey = state_of(fcinfo);

	if (!PG_ARGISNULL(1))
		journey_append(journey, journey_read(PG_GETARG_BYTEA_PP(1)));
	PG_RETURN_POINTER(journey);
}

/* Combine function: the second state's events go behind the first's. */
Datum
omnicrm_journey_combine(PG_FUNCTION_ARGS)
{
	Journey    *into;

	if (PG_ARGISNULL(1))
	{
		if (PG_ARGISNULL(0))
			PG_RETURN_NULL();
		PG_RETURN_POINTER(PG_GETARG_POINTER(0));
	}
	into = state_of(fcinfo);
	journey_append(into, (Journey *) PG_GETARG_POINTER(1));
	PG_RETURN_POINTER(into);
}

/* Serialise: the value of the journey so far.  Errors: cardinality_violation. */
Datum
omnicrm_journey_serial(PG_FUNCTION_ARGS)
{
	(void) omni_aggregate_context(fcinfo);
	PG_RETURN_BYTEA_P(journey_write(journey_ordered((Journey *) PG_GETARG_POINTER(0))));
}

/* Deserialise.  Errors: invalid_binary_representation. */
Datum
omnicrm_journey_deserial(PG_FUNCTION_ARGS)
{
	(void) omni_aggregate_context(fcinfo);
	PG_RETURN_POINTER(journey_read(PG_GETARG_BYTEA_PP(0)));
}

/*
 * The value of a journey; NULL without any event.  Leaves the state as it is.
 * Errors: cardinality_violation for two different conversions of one id.
 */
Datum
omnicrm_journey_final(PG_FUNCTION_ARGS)
{
	Journey    *journey;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	journey = (Journey *) PG_GETARG_POINTER(0);
	if (journey->ntouches == 0 && journey->nconversions == 0)
		PG_RETURN_NULL();
	PG_RETURN_BYTEA_P(journey_write(journey_ordered(journey)));
}
