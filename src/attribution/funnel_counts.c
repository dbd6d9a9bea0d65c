/*
 * funnel_counts.c
 *		window_funnel_counts: how many journeys reach each step of a funnel, from the
 *		events of all journeys at once.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"

#include "attribution/funnel_set.h"
#include "common/aggregate.h"
#include "common/arrays.h"
#include "common/compat.h"

PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_trans);
PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_mode_trans);
PG_FUNCTION_INFO_V1(omnicrm_funnel_counts_final);

/*
 * Transition of window_funnel_counts(journey bigint, window interval, ts timestamptz,
 * VARIADIC conditions boolean[]).  A row without journey or time is passed over.
 * Errors: as window_funnel.
 */
Datum
omnicrm_funnel_counts_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(funnel_set_take_row(fcinfo, 0, 3, false));
}

/* The same with a mode behind the window. */
Datum
omnicrm_funnel_counts_mode_trans(PG_FUNCTION_ARGS)
{
	PG_RETURN_POINTER(funnel_set_take_row(fcinfo, 3, 4, false));
}

static void
count_journey(void *taker, int64 journey, int level)
{
	int64	   *reached = taker;

	for (; level > 0; level--)
		reached[level - 1]++;
}

/*
 * Final function: (internal) returns bigint[]: element k is the number of journeys that
 * reached level k or a higher one; null without rows.
 */
Datum
omnicrm_funnel_counts_final(PG_FUNCTION_ARGS)
{
	FunnelSet  *set;
	ArrayType  *result;
	int64	   *reached;

	(void) omni_aggregate_context(fcinfo);
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	set = (FunnelSet *) PG_GETARG_POINTER(0);
	result = make_fixed_array(INT8OID, sizeof(int64), set->nconditions, (void **) &reached);
	funnel_set_walk(fcinfo, set, count_journey, reached);
	PG_RETURN_ARRAYTYPE_P(result);
}
