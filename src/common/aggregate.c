/*
 * aggregate.c
 *		What the support functions of aggregates have in common.
 */
#include "postgres.h"

#include "common/aggregate.h"

/*
 * omni_aggregate_context: the memory that lasts as long as the state of the
 * aggregate whose support function is called.
 * Errors: internal_error when it is called otherwise, which SQL cannot do: states are
 * of type internal.
 */
MemoryContext
omni_aggregate_context(FunctionCallInfo fcinfo)
{
	MemoryContext context;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	return context;
}
