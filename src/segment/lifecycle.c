/*
 * lifecycle.c
 *		Where a customer stands: stages of the lifecycle as a function of what he
 *		or she bought and of what a model of lifetime value says, and the move
 *		from one stage to the next.
 *
 * Growth goes by the clock: new, onboarding, active.  Decline is a ladder of
 * four levels, each with limits on signals: how far the silence exceeds the
 * usual interval of the customer's own, the probability of being alive, and that
 * of no order in the next 90 days.  The highest level with a limit passed is the
 * stage.  Signals of a model move a little each time it is fitted, so a customer
 * changes the level only when a signal passes the limit by a margin: the level is
 * held between the one by limits made harder and the one by limits made easier
 * (a Schmitt trigger on each limit), and for a minimum time.
 *
 * What campaign tools call churn is the probability of no order in 90 days.  The
 * limits here also ask for a silence in days, because of a frequent buyer who stops
 * a model is sure within weeks.
 */
#include "postgres.h"

#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/jsonb.h"

#include "common/compat.h"
#include "golden/survive_json.h"

/* Stages in order; a level of decline is the distance from STAGE_ACTIVE. */
typedef enum Stage
{
	STAGE_PROSPECT,
	STAGE_NEW,
	STAGE_ONBOARDING,
	STAGE_ACTIVE,
	STAGE_SLOWING,
	STAGE_AT_RISK,
	STAGE_DORMANT,
	STAGE_LOST,
	STAGE_COUNT
} Stage;

static const char *const stage_name[STAGE_COUNT] = {
	"prospect", "new", "onboarding", "active", "slowing", "at_risk", "dormant", "lost"
};

#define MAX_DAYS 100000

/* The limits, in the order of limit_name. */
typedef enum Limit
{
	NEW_DAYS,
	ONBOARDING_DAYS,
	SLOWING_DAYS,
	SLOWING_OVERDUE,
	AT_RISK_DAYS,
	AT_RISK_OVERDUE,
	AT_RISK_P_ALIVE,
	AT_RISK_SILENT_DAYS,
	DORMANT_DAYS,
	DORMANT_P_NO_ORDER,
	DORMANT_SILENT_DAYS,
	LOST_DAYS,
	LOST_P_ALIVE,
	LOST_P_NO_ORDER,
	LOST_SILENT_DAYS,
	MARGIN,
	DWELL_DAYS,
	LIMIT_COUNT
} Limit;

static const char *const limit_name[LIMIT_COUNT + 1] = {
	"new_days", "onboarding_days", "slowing_days", "slowing_overdue", "at_risk_days", "at_risk_overdue", "at_risk_p_alive",
	"at_risk_silent_days", "dormant_days", "dormant_p_no_order", "dormant_silent_days", "lost_days", "lost_p_alive",
	"lost_p_no_order", "lost_silent_days", "margin", "dwell_days", NULL
};

static const double default_limit[LIMIT_COUNT] = {
	30, 90, 14, 1, 30, 2, 0.5, 180, 90, 0.95, 365, 365, 0.1, 0.99, 730, 0.1, 14
};

static const double highest_limit[LIMIT_COUNT] = {
	MAX_DAYS, MAX_DAYS, MAX_DAYS, 1000, MAX_DAYS, 1000, 1, MAX_DAYS, MAX_DAYS, 1, MAX_DAYS, MAX_DAYS, 1, 1, MAX_DAYS, 0.5, MAX_DAYS
};

/* Pairs of limits of which the first must not be above the second. */
static const Limit ascending[][2] = {
	{NEW_DAYS, ONBOARDING_DAYS}, {SLOWING_DAYS, AT_RISK_DAYS}, {AT_RISK_DAYS, DORMANT_DAYS}, {DORMANT_DAYS, LOST_DAYS},
	{SLOWING_OVERDUE, AT_RISK_OVERDUE}, {LOST_P_ALIVE, AT_RISK_P_ALIVE}, {DORMANT_P_NO_ORDER, LOST_P_NO_ORDER},
	{AT_RISK_SILENT_DAYS, DORMANT_SILENT_DAYS}, {DORMANT_SILENT_DAYS, LOST_SILENT_DAYS}
};

/* What is known of a customer; NaN stands for what is not. */
typedef struct Signals
{
	int64		x;
	int32		recency;
	int32		tenure;
	double		p_alive;
	double		p_no_order;
	double		usual_days;
} Signals;

/* Thresholds that were read, and the jsonb they came from. */
typedef struct ReadLimits
{
	Jsonb	   *source;
	double		limit[LIMIT_COUNT];
} ReadLimits;

PG_FUNCTION_INFO_V1(omnicrm_lifecycle_thresholds);
PG_FUNCTION_INFO_V1(omnicrm_lifecycle_stage);
PG_FUNCTION_INFO_V1(omnicrm_lifecycle_next);
PG_FUNCTION_INFO_V1(omnicrm_lifecycle_phase);
PG_FUNCTION_INFO_V1(omnicrm_lifecycle_strategy);
PG_FUNCTION_INFO_V1(omnicrm_value_class);

/* Reads thresholds; those that are not named have their defaults. */
static void
read_limits(Jsonb *source, double *limit)
{
	memcpy(limit, default_limit, sizeof(default_limit));
	if (source == NULL)
		return;
	if (!JB_ROOT_IS_OBJECT(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("thresholds of the lifecycle must be an object"),
				 errhint("For example {\"dormant_days\": 120}; lifecycle_thresholds() lists all of them.")));
	survive_json_members(&source->root, limit_name, "thresholds of the lifecycle");
	for (int i = 0; i < LIMIT_COUNT; i++)
		(void) survive_json_number(&source->root, limit_name[i], 0, highest_limit[i], &limit[i], "thresholds of the lifecycle");
	for (int i = 0; i < lengthof(ascending); i++)
		if (limit[ascending[i][0]] > limit[ascending[i][1]])
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("thresholds of the lifecycle: \"%s\" (%g) is above \"%s\" (%g)",
							limit_name[ascending[i][0]], limit[ascending[i][0]],
							limit_name[ascending[i][1]], limit[ascending[i][1]])));
}

/* The thresholds of argument number, read once for each query. */
static const double *
limits_argument(FunctionCallInfo fcinfo, int number)
{
	ReadLimits *read = fcinfo->flinfo->fn_extra;
	Jsonb	   *source;

	if (PG_ARGISNULL(number))
		return default_limit;
	source = PG_GETARG_JSONB_P(number);
	if (read == NULL || VARSIZE(read->source) != VARSIZE(source) || memcmp(read->source, source, VARSIZE(source)) != 0)
	{
		double		limit[LIMIT_COUNT];
		Jsonb	   *copy;

		read_limits(source, limit);
		copy = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, VARSIZE(source));
		memcpy(copy, source, VARSIZE(source));
		if (read == NULL)
			read = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ReadLimits));
		else
			pfree(read->source);
		read->source = copy;
		memcpy(read->limit, limit, sizeof(limit));
	}
	return read->limit;
}

/* lifecycle_thresholds(thresholds): all of them, those given in the place of their defaults. */
Datum
omnicrm_lifecycle_thresholds(PG_FUNCTION_ARGS)
{
	double		limit[LIMIT_COUNT];
	StringInfoData json;

	read_limits(PG_ARGISNULL(0) ? NULL : PG_GETARG_JSONB_P(0), limit);
	initStringInfo(&json);
	for (int i = 0; i < LIMIT_COUNT; i++)
	{
		char		number[DOUBLE_SHORTEST_DECIMAL_LEN];

		double_to_shortest_decimal_buf(limit[i], number);
		appendStringInfo(&json, "%s\"%s\":%s", i == 0 ? "{" : ",", limit_name[i], number);
	}
	appendStringInfoChar(&json, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data));
}

/* A probability in argument number; NaN when it is null. */
static double
probability_argument(FunctionCallInfo fcinfo, int number, const char *name)
{
	double		p;

	if (PG_ARGISNULL(number))
		return NAN;
	p = PG_GETARG_FLOAT8(number);
	if (!(p >= 0 && p <= 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s out of range: %g", name, p),
				 errhint("A probability is between 0 and 1, or null when it is not known.")));
	return p;
}

/*
 * The customer of the six arguments from number first on: x, recency_days,
 * tenure_days, p_alive, p_no_order, usual_days.  False: never bought.
 */
static bool
read_signals(FunctionCallInfo fcinfo, int first, Signals *signals)
{
	signals->p_alive = probability_argument(fcinfo, first + 3, "p_alive");
	signals->p_no_order = probability_argument(fcinfo, first + 4, "p_no_order");
	signals->usual_days = PG_ARGISNULL(first + 5) ? NAN : PG_GETARG_FLOAT8(first + 5);
	if (!PG_ARGISNULL(first + 5) && !(signals->usual_days > 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("usual_days out of range: %g", signals->usual_days),
				 errhint("Give a number of days above zero, or null when it is not known.")));
	if (PG_ARGISNULL(first))
		return false;
	signals->x = PG_GETARG_INT64(first);
	signals->recency = PG_ARGISNULL(first + 1) ? -1 : PG_GETARG_INT32(first + 1);
	signals->tenure = PG_ARGISNULL(first + 2) ? -1 : PG_GETARG_INT32(first + 2);
	if (signals->x < 0 || signals->recency < 0 || signals->tenure < signals->recency)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no possible customer: x " INT64_FORMAT ", %d days since the last order, %d since the first",
						signals->x, signals->recency, signals->tenure),
				 errhint("x purchases after the first; days since the last order from 0 to those since the first; x is null for who never bought.")));
	return true;
}

/*
 * The highest level of decline, 0 to 4, with a limit passed, each made harder to
 * pass by a margin (a part of the limit), or easier when it is negative.  What is
 * not known passes no limit; days of silence stand in for a model.
 */
static int
decline_level(const Signals *signals, const double *limit, double margin)
{
	double		order = 1 - signals->p_no_order;
	bool		no_model = isnan(signals->p_alive) && isnan(signals->p_no_order);
	int			days = signals->recency;

	if (days >= limit[LOST_DAYS] &&
		(signals->p_alive < limit[LOST_P_ALIVE] * (1 - margin) ||
		 order < (1 - limit[LOST_P_NO_ORDER]) * (1 - margin) ||
		 (no_model && days >= limit[LOST_SILENT_DAYS])))
		return STAGE_LOST - STAGE_ACTIVE;
	if (days >= limit[DORMANT_DAYS] &&
		(order < (1 - limit[DORMANT_P_NO_ORDER]) * (1 - margin) ||
		 (no_model && days >= limit[DORMANT_SILENT_DAYS])))
		return STAGE_DORMANT - STAGE_ACTIVE;
	if (days >= limit[AT_RISK_DAYS] &&
		(signals->p_alive < limit[AT_RISK_P_ALIVE] * (1 - margin) ||
		 days > signals->usual_days * limit[AT_RISK_OVERDUE] * (1 + margin) ||
		 (no_model && days >= limit[AT_RISK_SILENT_DAYS])))
		return STAGE_AT_RISK - STAGE_ACTIVE;
	if (days >= limit[SLOWING_DAYS] && days > signals->usual_days * limit[SLOWING_OVERDUE] * (1 + margin))
		return STAGE_SLOWING - STAGE_ACTIVE;
	return 0;
}

/* The stage of a level of decline; growth goes by the days since the first order. */
static Stage
stage_of_level(int level, const Signals *signals, const double *limit)
{
	if (level > 0)
		return STAGE_ACTIVE + level;
	if (signals->x == 0 && signals->tenure < limit[NEW_DAYS])
		return STAGE_NEW;
	if (signals->tenure < limit[ONBOARDING_DAYS])
		return STAGE_ONBOARDING;
	return STAGE_ACTIVE;
}

/* The stage that argument number names. */
static Stage
stage_argument(FunctionCallInfo fcinfo, int number)
{
	text	   *given = PG_GETARG_TEXT_PP(number);

	for (int stage = 0; stage < STAGE_COUNT; stage++)
		if (VARSIZE_ANY_EXHDR(given) == strlen(stage_name[stage]) &&
			memcmp(VARDATA_ANY(given), stage_name[stage], strlen(stage_name[stage])) == 0)
			return (Stage) stage;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown stage of the lifecycle: \"%s\"", text_to_cstring(given)),
			 errhint("Known stages: prospect, new, onboarding, active, slowing, at_risk, dormant, lost.")));
	return STAGE_PROSPECT;
}

static Datum
return_name(const char *name)
{
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/*
 * lifecycle_stage(x, recency_days, tenure_days, p_alive, p_no_order, usual_days,
 * thresholds): the stage by the limits themselves.  Errors:
 * invalid_parameter_value.
 */
Datum
omnicrm_lifecycle_stage(PG_FUNCTION_ARGS)
{
	const double *limit = limits_argument(fcinfo, 6);
	Signals		signals;

	if (!read_signals(fcinfo, 0, &signals))
		return return_name(stage_name[STAGE_PROSPECT]);
	return return_name(stage_name[stage_of_level(decline_level(&signals, limit, 0), &signals, limit)]);
}

/*
 * lifecycle_next(previous, days_in_stage, ordered, x, ..., thresholds): the stage
 * of a customer who was in another one.  Errors: invalid_parameter_value.
 */
Datum
omnicrm_lifecycle_next(PG_FUNCTION_ARGS)
{
	const double *limit = limits_argument(fcinfo, 9);
	Stage		previous = PG_ARGISNULL(0) ? STAGE_PROSPECT : stage_argument(fcinfo, 0);
	bool		ordered = !PG_ARGISNULL(2) && PG_GETARG_BOOL(2);
	Signals		signals;
	int			before = Max((int) previous - (int) STAGE_ACTIVE, 0);
	int			level;

	if (!PG_ARGISNULL(1) && PG_GETARG_INT32(1) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("days_in_stage must not be negative: %d", PG_GETARG_INT32(1))));
	if (!read_signals(fcinfo, 3, &signals))
		return return_name(stage_name[STAGE_PROSPECT]);
	if (previous == STAGE_PROSPECT || ordered)
		level = decline_level(&signals, limit, 0);
	else
	{
		level = Max(before, decline_level(&signals, limit, limit[MARGIN]));
		level = Min(level, decline_level(&signals, limit, -limit[MARGIN]));
		if (level != before && !PG_ARGISNULL(1) && PG_GETARG_INT32(1) < limit[DWELL_DAYS])
			level = before;
	}
	return return_name(stage_name[stage_of_level(level, &signals, limit)]);
}

/*
 * lifecycle_phase(stage, has_lead, has_opportunity): the phase in which management
 * sees a customer.  Errors: invalid_parameter_value for an unknown stage.
 */
Datum
omnicrm_lifecycle_phase(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	switch (stage_argument(fcinfo, 0))
	{
		case STAGE_PROSPECT:
			if (!PG_ARGISNULL(2) && PG_GETARG_BOOL(2))
				return return_name("sale");
			return return_name(!PG_ARGISNULL(1) && PG_GETARG_BOOL(1) ? "qualification" : "detection");
		case STAGE_NEW:
		case STAGE_ONBOARDING:
			return return_name("acquisition");
		case STAGE_ACTIVE:
			return return_name("management");
		default:
			return return_name("decline");
	}
}

/* How much a customer is worth, in the order of value_name. */
typedef enum ValueClass
{
	VALUE_HIGH,
	VALUE_MEDIUM,
	VALUE_LOW,
	VALUE_LOSS,
	VALUE_UNKNOWN,
	VALUE_COUNT
} ValueClass;

static const char *const value_name[VALUE_COUNT] = {"high", "medium", "low", "loss", "unknown"};

/* What to do, by stage and value. */
static const char *const strategy[STAGE_COUNT][VALUE_COUNT] = {
	{"acquire", "acquire", "acquire", "acquire", "acquire"},
	{"develop", "develop", "develop", "develop", "develop"},
	{"develop", "develop", "develop", "develop", "develop"},
	{"retain", "develop", "develop", "develop", "develop"},
	{"retain", "retain", "develop", "let go", "develop"},
	{"retain", "retain", "win back", "let go", "win back"},
	{"win back", "win back", "let go", "let go", "let go"},
	{"win back", "let go", "let go", "let go", "let go"}
};

/*
 * lifecycle_strategy(stage, value_class): the strategy that follows.  Errors:
 * invalid_parameter_value for an unknown stage or class.
 */
Datum
omnicrm_lifecycle_strategy(PG_FUNCTION_ARGS)
{
	Stage		stage = stage_argument(fcinfo, 0);
	char	   *given = text_to_cstring(PG_GETARG_TEXT_PP(1));

	for (int value = 0; value < VALUE_COUNT; value++)
		if (strcmp(given, value_name[value]) == 0)
			return return_name(strategy[stage][value]);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown class of value: \"%s\"", given),
			 errhint("Known classes: high, medium, low, loss, unknown.")));
	PG_RETURN_NULL();
}

/* The letter of a Pareto class in argument number; 0 when it is null. */
static char
class_argument(FunctionCallInfo fcinfo, int number)
{
	text	   *given;
	char		letter;

	if (PG_ARGISNULL(number))
		return 0;
	given = PG_GETARG_TEXT_PP(number);
	letter = VARSIZE_ANY_EXHDR(given) == 1 ? *VARDATA_ANY(given) : 0;
	if ((letter < 'A' || letter > 'I') && letter != 'L')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("unknown Pareto class: \"%s\"", text_to_cstring(given)),
				 errhint("Classes of abc_class() are A, B, C, ... and L.")));
	return letter;
}

/*
 * value_class(revenue_class, margin_class, future_class): how much a customer is
 * worth, by the better of past and future.  Errors: invalid_parameter_value.
 */
Datum
omnicrm_value_class(PG_FUNCTION_ARGS)
{
	char		past = class_argument(fcinfo, 0);
	char		margin = class_argument(fcinfo, 1);
	char		future = class_argument(fcinfo, 2);
	char		best = past == 0 || (future != 0 && future < past) ? future : past;

	if (margin == 'L')
		return return_name(value_name[VALUE_LOSS]);
	if (best == 0)
		return return_name(value_name[VALUE_UNKNOWN]);
	return return_name(value_name[best == 'A' ? VALUE_HIGH : best == 'B' ? VALUE_MEDIUM : VALUE_LOW]);
}
