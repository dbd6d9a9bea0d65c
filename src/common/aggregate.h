/*
 * aggregate.h
 *		What the support functions of aggregates have in common.
 */
#ifndef OMNICRM_COMMON_AGGREGATE_H
#define OMNICRM_COMMON_AGGREGATE_H

#include "fmgr.h"

extern MemoryContext omni_aggregate_context(FunctionCallInfo fcinfo);

#endif							/* OMNICRM_COMMON_AGGREGATE_H */
