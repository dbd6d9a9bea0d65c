/*
 * summary_options.c
 *		Options of omnicrm.attribution(): those of the models and three of its own.
 *
 *		{"markov_order": 1, "paths": 10000, "flow_steps": 10}
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "attribution/summary.h"
#include "common/compat.h"
#include "common/units.h"
#include "golden/survive_json.h"

#define WHERE "options"

#define DEFAULT_PATHS 10000
#define MOST_PATHS 1000000
#define DEFAULT_FLOW_STEPS 10
#define MOST_FLOW_STEPS 100

/* Takes one whole number out of the options. */
static int32
take_number(Jsonb **source, const char *key, int most, int otherwise)
{
	double		number;

	if (!survive_json_number(&(*source)->root, key, 0, most, &number, WHERE))
		number = otherwise;
	if (number != (int32) number)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg(WHERE ": \"%s\" must be a whole number, not %g", key, number)));
	*source = DatumGetJsonbP(DirectFunctionCall2(jsonb_delete, JsonbPGetDatum(*source),
												 CStringGetTextDatum(key)));
	return (int32) number;
}

/*
 * summary_read_options: the options of a jsonb in current memory.
 * Errors: invalid_parameter_value with the member that is wrong.
 */
AttributionOptions *
summary_read_options(Jsonb *source, SummarySettings *settings)
{
	if (!JB_ROOT_IS_OBJECT(source))
		return omnicrm_attribution_options(source);
	settings->markov_order = take_number(&source, "markov_order", MARKOV_MAX_ORDER, 1);
	settings->paths = take_number(&source, "paths", MOST_PATHS, DEFAULT_PATHS);
	settings->flow_steps = take_number(&source, "flow_steps", MOST_FLOW_STEPS, DEFAULT_FLOW_STEPS);
	return omnicrm_attribution_options(source);
}

/* summary_default_options: those of an empty object. */
void
summary_default_options(AttributionOptions **options, SummarySettings *settings)
{
	*options = summary_read_options(DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum("{}"))),
									settings);
}

/*
 * summary_value_units: a value as units / 10^scale, with the decimals that it or a
 * value before it needed (*most_scale, which grows), and no more than 12; rounded
 * half away from zero to these.
 * Errors: invalid_parameter_value for NaN and infinity, numeric_value_out_of_range
 * for more than 18 digits.
 */
int64
summary_value_units(Datum value, int *most_scale, int *scale)
{
	int128		units;
	bool		fits;

	*scale = *most_scale;
	fits = omnicrm_datum_to_least_units(value, "value", scale, &units);
	if (unlikely(!fits || *scale > SUMMARY_MAX_SCALE))
	{
		*scale = *most_scale;
		fits = omnicrm_datum_to_least_units(DirectFunctionCall2(numeric_round, value, Int32GetDatum(SUMMARY_MAX_SCALE)),
											"value", scale, &units);
	}
	*most_scale = Max(*most_scale, *scale);
	for (; fits && *scale > 0 && units % 10 == 0 && (units > PG_INT64_MAX || units < -PG_INT64_MAX); (*scale)--)
		units /= 10;
	if (!fits || units > PG_INT64_MAX || units < -PG_INT64_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_NUMERIC_VALUE_OUT_OF_RANGE),
				 errmsg("value %s has too many digits", DatumGetCString(DirectFunctionCall1(numeric_out, value))),
				 errhint("At most 18 digits are handled, those after the point included.")));
	return (int64) units;
}

/* summary_number_of: the number of a name among Actors, for omnicrm_bind_options(); there are no kinds. */
int32
summary_number_of(void *data, bool is_kind, const char *name, Size length)
{
	uint32		number = is_kind ? NO_ACTOR : omni_actor_find((Actors *) data, name, (int) length);

	return number == NO_ACTOR ? NO_NUMBER : (int32) number;
}
