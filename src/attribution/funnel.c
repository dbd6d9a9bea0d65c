/*
 * funnel.c
 *		window_funnel: how many steps of a funnel a journey climbs within a window.
 *
 * The semantics are those of windowFunnel of ClickHouse (documentation of its
 * parametric aggregate functions), with an order of rows of one instant that does
 * not depend on the order of arrival.  Events are walked in the order of (time,
 * condition), one entry per condition that holds.  A level k is a chain of the
 * steps 1 to k; of the chains of a level only that with the latest start counts:
 *
 *	step 1		starts a chain anew: level 1 is (now, now)
 *	step k		climbs when there is a chain of level k - 1 that started no longer
 *				ago than the window; level k takes over its start
 *
 * The levels that were reached are always 1 to the highest.  The modes:
 *
 *	strict_deduplication	a step k > 1 that was reached before ends the walk
 *	strict_order			after step 1, a row without a step, and a step whose
 *							predecessor was not reached, end the walk
 *	strict_increase			a step must be later than the step before it
 *	strict_once				a row climbs one step of a chain only: funnel_once.c
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/pg_bitutils.h"
#include "utils/builtins.h"

#include "attribution/funnel.h"
#include "attribution/options.h"
#include "common/aggregate.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_window_funnel_trans);
PG_FUNCTION_INFO_V1(omnicrm_window_funnel_mode_trans);
PG_FUNCTION_INFO_V1(omnicrm_window_funnel_final);

typedef struct ModeName
{
	const char *name;
	uint8		bit;
} ModeName;

static const ModeName mode_names[] = {
	{"strict_deduplication", FUNNEL_DEDUPLICATION},
	{"strict_order", FUNNEL_ORDER},
	{"strict_increase", FUNNEL_INCREASE},
	{"strict_once", FUNNEL_ONCE}
};

/* The bit of one name of a mode. */
static uint8
mode_bit(const char *name, int length)
{
	for (int i = 0; i < lengthof(mode_names); i++)
		if (strlen(mode_names[i].name) == length && memcmp(mode_names[i].name, name, length) == 0)
			return mode_names[i].bit;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown mode of window_funnel: \"%s\"", pnstrdup(name, length)),
			 errhint("Modes, separated by commas: strict_deduplication, strict_order, strict_increase, strict_once.")));
}

/* The bits of a list of modes, separated by commas or blanks. */
static uint8
read_modes(const char *mode, int length)
{
	uint8		modes = 0;
	int			start = 0;

	while (start < length)
	{
		int			end = start;

		while (end < length && mode[end] != ',' && mode[end] != ' ')
			end++;
		if (end > start)
			modes |= mode_bit(mode + start, end - start);
		start = end + 1;
	}
	return modes;
}

/*
 * funnel_parameters: window and mode of this row, read again only when they differ from
 * those of the row before; mode_argument 0: no mode.
 * Errors: null_value_not_allowed, invalid_parameter_value.
 */
const FunnelParameters *
funnel_parameters(FunctionCallInfo fcinfo, int window_argument, int mode_argument)
{
	FunnelParameters *known = fcinfo->flinfo->fn_extra;
	const Interval *window;

	if (PG_ARGISNULL(window_argument) || (mode_argument > 0 && PG_ARGISNULL(mode_argument)))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("window and mode of window_funnel must not be null"),
				 errhint("The mode that is not strict in any way is ''.")));
	window = PG_GETARG_INTERVAL_P(window_argument);
	if (known == NULL || memcmp(window, &known->given, sizeof(Interval)) != 0)
	{
		uint64		microseconds = omnicrm_interval_microseconds(window, "window");

		if (known == NULL)
			known = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(FunnelParameters));
		known->given = *window;
		known->window = microseconds;
		fcinfo->flinfo->fn_extra = known;
	}
	if (mode_argument > 0)
	{
		const text *mode = PG_GETARG_TEXT_PP(mode_argument);
		int			length = VARSIZE_ANY_EXHDR(mode);

		if (length != known->mode_length || memcmp(VARDATA_ANY(mode), known->mode, length) != 0)
		{
			if (length > MAX_MODE_LENGTH)
				ereport(ERROR,
						(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						 errmsg("mode of window_funnel has more than %d bytes", MAX_MODE_LENGTH)));
			known->modes = read_modes(VARDATA_ANY(mode), length);
			known->mode_length = length;
			memcpy(known->mode, VARDATA_ANY(mode), length);
		}
	}
	return known;
}

/* Takes in one row whose mode, time and conditions are these arguments. */
static EventStore *
take_row(FunctionCallInfo fcinfo, int mode_argument, int time_argument)
{
	MemoryContext context = omni_aggregate_context(fcinfo);
	EventStore *store = PG_ARGISNULL(0) ? NULL : (EventStore *) PG_GETARG_POINTER(0);
	const FunnelParameters *parameters = funnel_parameters(fcinfo, 1, mode_argument);
	int			count;
	uint32		conditions = journey_conditions(fcinfo, time_argument + 1, &count);
	TimestampTz at;

	if (store == NULL)
	{
		store = event_store_make(context, count, 0);
		store->of.window = parameters->window;
		store->modes = parameters->modes;
	}
	else
	{
		if (store->of.window != parameters->window)
			journey_refuse_change("window");
		if (store->modes != parameters->modes)
			journey_refuse_change("mode");
		if (store->nconditions != count)
			journey_refuse_change("number of conditions");
	}
	if (journey_time(fcinfo, time_argument, &at) &&
		(conditions != 0 || (store->modes & FUNNEL_ORDER) != 0))
		store = event_store_add(store, at, conditions);
	return store;
}

/*
 * Transition of window_funnel(window interval, ts timestamptz, VARIADIC conditions
 * boolean[]).  A row without time is passed over.  Errors: null_value_not_allowed,
 * invalid_parameter_value, datetime_field_overflow, program_limit_exceeded.
 */
Datum
omnicrm_window_funnel_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(take_row(fcinfo, 0, 2));
}

/*
 * Transition of window_funnel(window interval, mode text, ts timestamptz, VARIADIC
 * conditions boolean[]), otherwise as above.
 */
Datum
omnicrm_window_funnel_mode_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(take_row(fcinfo, 2, 3));
}

/*
 * funnel_instant: the events of one instant, from "first" on; what they are taken
 * together.  False when one of them is a row without a step.
 */
bool
funnel_instant(const EventState *state, uint32 first, FunnelInstant *instant)
{
	uint32		i = first;

	instant->first = first;
	instant->at = state->events[first].at;
	instant->any = instant->several = 0;
	for (; i < state->count && state->events[i].at == instant->at; i++)
	{
		instant->several |= instant->any & state->events[i].conditions;
		instant->any |= state->events[i].conditions;
	}
	instant->end = i;
	return state->events[first].conditions != 0;
}

/* The highest level without strict_once. */
static int
walk_funnel(const EventState *state)
{
	TimestampTz start[MAX_CONDITIONS + 1];
	TimestampTz last[MAX_CONDITIONS + 1];
	uint8		modes = state->modes;
	int			highest = 0;
	FunnelInstant instant;

	for (uint32 i = 0; i < state->count; i = instant.end)
	{
		CHECK_FOR_INTERRUPTS();
		if (!funnel_instant(state, i, &instant) && highest > 0)
			return highest;
		for (uint32 rest = instant.any; rest != 0; rest &= rest - 1)
		{
			int			step = pg_rightmost_one_pos32(rest) + 1;

			if (step == 1)
			{
				start[1] = last[1] = instant.at;
				highest = Max(highest, 1);
				continue;
			}
			if (funnel_ends(modes, step, highest))
				return highest;
			if (step > highest + 1 || !funnel_within(instant.at, start[step - 1], state->window) ||
				((modes & FUNNEL_INCREASE) != 0 && last[step - 1] >= instant.at))
				continue;
			start[step] = start[step - 1];
			last[step] = instant.at;
			highest = Max(highest, step);
			if (step == state->nconditions)
				return step;
			/* the second row of this instant with this step */
			if ((modes & FUNNEL_DEDUPLICATION) != 0 && (instant.several & (1U << (step - 1))) != 0)
				return highest;
		}
	}
	return highest;
}

/* funnel_level: the highest level that the events of a state reach; sorts them. */
int
funnel_level(EventState *state)
{
	event_state_sort(state);
	return (state->modes & FUNNEL_ONCE) != 0 ? funnel_walk_once(state) : walk_funnel(state);
}

/*
 * Final function: (internal) returns integer, the highest level that was reached;
 * 0 without rows.
 */
Datum
omnicrm_window_funnel_final(PG_FUNCTION_ARGS)
{
	EventState *state = event_store_read(fcinfo, false);

	PG_RETURN_INT32(state == NULL ? 0 : funnel_level(state));
}
