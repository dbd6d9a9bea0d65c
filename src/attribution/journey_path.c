/*
 * journey_path.c
 *		The eligible touches of a conversion, and the functions that show what a
 *		journey holds.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "attribution/journey.h"
#include "common/compat.h"
#include "common/units.h"

PG_FUNCTION_INFO_V1(omnicrm_journey_length);
PG_FUNCTION_INFO_V1(omnicrm_journey_conversion_count);
PG_FUNCTION_INFO_V1(omnicrm_journey_start);
PG_FUNCTION_INFO_V1(omnicrm_journey_end);
PG_FUNCTION_INFO_V1(omnicrm_journey_touches);
PG_FUNCTION_INFO_V1(omnicrm_journey_conversions);
PG_FUNCTION_INFO_V1(omnicrm_journey_path);

/* The number of a name in a journey, for omnicrm_bind_options(). */
static int32
number_in_journey(void *data, bool is_kind, const char *name, Size length)
{
	const Journey *journey = data;

	return journey_find_name(is_kind ? &journey->kinds : &journey->actors, name, length);
}

/* Reads the options of an argument unless they are those of the call before. */
static void
read_options(JourneyCall *call, FunctionCallInfo fcinfo, int argument)
{
	Jsonb	   *source;
	MemoryContext old;

	if (PG_ARGISNULL(argument))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("options must not be NULL"),
				 errhint("'{}' has all defaults.")));
	source = PG_GETARG_JSONB_P(argument);
	if (call->source != NULL && VARSIZE(source) == VARSIZE(call->source) &&
		memcmp(source, call->source, VARSIZE(source)) == 0)
		return;
	call->source = NULL;
	MemoryContextReset(call->options_context);
	old = MemoryContextSwitchTo(call->options_context);
	call->options = omnicrm_attribution_options(source);
	call->source = palloc(VARSIZE(source));
	memcpy(call->source, source, VARSIZE(source));
	MemoryContextSwitchTo(old);
}

/*
 * journey_call returns what the calls of a function share, with the options in an
 * argument, bound to the names of a journey.  Errors: null_value_not_allowed, and
 * those of omnicrm_attribution_options.
 */
JourneyCall *
journey_call(FunctionCallInfo fcinfo, int argument, const Journey *journey)
{
	JourneyCall *call = fcinfo->flinfo->fn_extra;

	if (call == NULL)
	{
		MemoryContext context = fcinfo->flinfo->fn_mcxt;

		call = MemoryContextAllocZero(context, sizeof(JourneyCall));
		call->context = context;
		call->options_context = AllocSetContextCreate(context, "attribution options", ALLOCSET_SMALL_SIZES);
		call->work = omnicrm_model_workspace(context);
		fcinfo->flinfo->fn_extra = call;
	}
	read_options(call, fcinfo, argument);
	omnicrm_bind_options(call->options, number_in_journey, (void *) journey);
	omnicrm_model_room(call->work, journey->actors.count, 0);
	return call;
}

/*
 * journey_window moves [*from, *upto) to the touches of a conversion at time t, which
 * are those in [t - lookback, t].  Both start at 0 and go on from one conversion to
 * the next.
 */
void
journey_window(const Journey *journey, const JourneyConversion *conversion, uint64 lookback, int32 *from, int32 *upto)
{
	TimestampTz at = conversion->event.at;

	while (*upto < journey->ntouches && journey->touches[*upto].at <= at)
		(*upto)++;
	/* unsigned: two valid times may be further apart than 63 bits */
	while (*from < *upto && (uint64) at - (uint64) journey->touches[*from].at > lookback)
		(*from)++;
}

/*
 * journey_eligible fills call->touches with the touches of a journey in [from, upto)
 * that are left by the steps of the options; returns their number.
 */
int
journey_eligible(JourneyCall *call, const Journey *journey, int32 from, int32 upto)
{
	int32		count = upto - from;
	int32		room;

	if (count > call->room)
	{
		if (call->touches != NULL)
			pfree(call->touches);
		room = Max(count, Min(call->room * 2, JOURNEY_MAX_EVENTS));
		call->touches = NULL;
		call->room = 0;
		call->touches = MemoryContextAllocHuge(call->context, (Size) room * sizeof(ModelTouch));
		call->room = room;
	}
	for (int32 i = 0; i < count; i++)
	{
		const JourneyEvent *event = &journey->touches[from + i];
		ModelTouch *touch = &call->touches[i];

		touch->at = event->at;
		touch->actor = event->actor;
		touch->kind = event->kind;
		touch->source = from + i;
		touch->repeats = 1;
	}
	return omnicrm_path_transform(call->options, call->work, call->touches, count);
}

/* journey_name_texts returns the names of a table as text. */
Datum *
journey_name_texts(const NameTable *table)
{
	Datum	   *texts = palloc_extended(Max(table->count, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);

	for (int32 i = 0; i < table->count; i++)
		texts[i] = PointerGetDatum(cstring_to_text_with_len(table->names[i].text, table->names[i].length));
	return texts;
}

/* journey_length(journey): number of touches. */
Datum
omnicrm_journey_length(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(journey_read(PG_GETARG_BYTEA_PP(0))->ntouches);
}

/* journey_conversion_count(journey): number of conversions. */
Datum
omnicrm_journey_conversion_count(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(journey_read(PG_GETARG_BYTEA_PP(0))->nconversions);
}

/* journey_start(journey): time of the first touch or conversion; NULL without any. */
Datum
omnicrm_journey_start(PG_FUNCTION_ARGS)
{
	Journey    *journey = journey_read(PG_GETARG_BYTEA_PP(0));

	if (journey->ntouches == 0 && journey->nconversions == 0)
		PG_RETURN_NULL();
	if (journey->nconversions == 0 ||
		(journey->ntouches > 0 && journey->touches[0].at <= journey->conversions[0].event.at))
		PG_RETURN_TIMESTAMPTZ(journey->touches[0].at);
	PG_RETURN_TIMESTAMPTZ(journey->conversions[0].event.at);
}

/* journey_end(journey): time of the last touch or conversion; NULL without any. */
Datum
omnicrm_journey_end(PG_FUNCTION_ARGS)
{
	Journey    *journey = journey_read(PG_GETARG_BYTEA_PP(0));
	int32		touch = journey->ntouches - 1;
	int32		conversion = journey->nconversions - 1;

	if (touch < 0 && conversion < 0)
		PG_RETURN_NULL();
	if (conversion < 0 ||
		(touch >= 0 && journey->touches[touch].at >= journey->conversions[conversion].event.at))
		PG_RETURN_TIMESTAMPTZ(journey->touches[touch].at);
	PG_RETURN_TIMESTAMPTZ(journey->conversions[conversion].event.at);
}

/* One row: number, time, actor, kind, event id, and of a conversion its value. */
static void
put_row(ReturnSetInfo *result, int32 number, const JourneyEvent *event, const Datum *actors, const Datum *kinds,
		const Numeric *value)
{
	Datum		values[6] = {Int32GetDatum(number), TimestampTzGetDatum(event->at)};
	bool		nulls[6] = {false};

	CHECK_FOR_INTERRUPTS();
	nulls[2] = event->actor == NO_NUMBER;
	if (!nulls[2])
		values[2] = actors[event->actor];
	nulls[3] = event->kind == NO_NUMBER;
	if (!nulls[3])
		values[3] = kinds[event->kind];
	nulls[4] = !event->has_id;
	values[4] = Int64GetDatum(event->id);
	if (value != NULL)
		values[5] = NumericGetDatum(*value);
	tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

/* journey_touches(journey): the touches in their order. */
Datum
omnicrm_journey_touches(PG_FUNCTION_ARGS)
{
	Journey    *journey = journey_read(PG_GETARG_BYTEA_PP(0));
	Datum	   *actors = journey_name_texts(&journey->actors);
	Datum	   *kinds = journey_name_texts(&journey->kinds);

	InitMaterializedSRF(fcinfo, 0);
	for (int32 i = 0; i < journey->ntouches; i++)
		put_row((ReturnSetInfo *) fcinfo->resultinfo, i + 1, &journey->touches[i], actors, kinds, NULL);
	return (Datum) 0;
}

/* journey_conversions(journey): the conversions in their order. */
Datum
omnicrm_journey_conversions(PG_FUNCTION_ARGS)
{
	Journey    *journey = journey_read(PG_GETARG_BYTEA_PP(0));
	Datum	   *actors = journey_name_texts(&journey->actors);
	Datum	   *kinds = journey_name_texts(&journey->kinds);

	InitMaterializedSRF(fcinfo, 0);
	for (int32 i = 0; i < journey->nconversions; i++)
	{
		const JourneyConversion *conversion = &journey->conversions[i];
		Numeric		value = omnicrm_units_to_numeric(conversion->units, conversion->scale);

		put_row((ReturnSetInfo *) fcinfo->resultinfo, i + 1, &conversion->event, actors, kinds, &value);
		pfree(value);
	}
	return (Datum) 0;
}

/* The window of a conversion, or of the last touch when none is named. */
static void
window_of_argument(FunctionCallInfo fcinfo, const Journey *journey, uint64 lookback, int32 *from, int32 *upto)
{
	JourneyConversion end;
	int32		number;

	*from = *upto = 0;
	if (!PG_ARGISNULL(2))
	{
		number = PG_GETARG_INT32(2);
		if (number < 1 || number > journey->nconversions)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("there is no conversion %d in a journey that has %d", number, journey->nconversions)));
		journey_window(journey, &journey->conversions[number - 1], lookback, from, upto);
	}
	else if (journey->ntouches > 0)
	{
		end.event = journey->touches[journey->ntouches - 1];
		journey_window(journey, &end, lookback, from, upto);
	}
}

/*
 * journey_path(journey, options, conversion): the actors of the eligible touches in
 * their order, of one conversion or of the whole journey; with the transform
 * "frequency" each with its number of touches, as in 'email(3)'.
 */
Datum
omnicrm_journey_path(PG_FUNCTION_ARGS)
{
	Journey    *journey;
	JourneyCall *call;
	Datum	   *actors;
	Datum	   *path;
	bool		counted = false;
	int32		from;
	int32		upto;
	int			n;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	journey = journey_read(PG_GETARG_BYTEA_PP(0));
	call = journey_call(fcinfo, 1, journey);
	window_of_argument(fcinfo, journey, call->options->lookback, &from, &upto);
	n = journey_eligible(call, journey, from, upto);
	for (int s = 0; s < call->options->nsteps; s++)
		counted |= call->options->steps[s].kind == STEP_FREQUENCY;
	actors = journey_name_texts(&journey->actors);
	path = palloc_extended(Max(n, 1) * sizeof(Datum), MCXT_ALLOC_HUGE);
	for (int i = 0; i < n; i++)
	{
		const JourneyName *name = &journey->actors.names[call->touches[i].actor];

		if (counted)
			path[i] = CStringGetTextDatum(psprintf("%.*s(%d)", name->length, name->text, call->touches[i].repeats));
		else
			path[i] = actors[call->touches[i].actor];
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(path, n, TEXTOID, -1, false, TYPALIGN_INT));
}
