/*
 * survive.h
 *		What the parts of survivorship share: rules and units as parsed
 *		(survive_plan.c), the records of one group (survive_state.c).
 */
#ifndef OMNICRM_SURVIVE_H
#define OMNICRM_SURVIVE_H

#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/timestamp.h"

#define MAX_SURVIVE_ATTRIBUTES 256
#define MAX_SURVIVE_RECORDS 1000000
#define MAX_SURVIVE_PLANS 64
#define STATE_VERSION 1

typedef enum SurviveRule
{
	RULE_TRUST,
	RULE_RECENT,
	RULE_OLDEST,
	RULE_FREQUENT,
	RULE_LONGEST,
	RULE_SHORTEST,
	RULE_VALID
} SurviveRule;

/* A unit of attributes that survive from one record. */
typedef struct SurviveUnit
{
	SurviveRule rule;
	int			count;
	int		   *members;		/* attribute positions from 0 */
} SurviveUnit;

/* Rules and groups as parsed; kept for the whole query. */
typedef struct SurvivePlan
{
	struct SurvivePlan *next;
	ArrayType  *rules;
	ArrayType  *groups;			/* NULL: no groups */
	int			attributes;
	int			unit_count;
	SurviveUnit *units;
	Datum	   *rule_texts;		/* by attribute */
} SurvivePlan;

/* What the function call keeps over a query, in fn_extra. */
typedef struct SurviveCache
{
	SurvivePlan *plans;
	int			plan_count;
	TupleDesc	description;
	Datum		only_value;
	Datum		plausible;
} SurviveCache;

typedef struct SurviveRecord
{
	int64		record_id;
	int64		source_id;
	double		trust;
	TimestampTz business_at;	/* DT_NOBEGIN when there is none */
	int			quality_length;
	char	   *quality;
	ArrayType  *vals;
	/* filled by the final function */
	Datum	   *datums;
	bool	   *nulls;
} SurviveRecord;

typedef struct SurviveState
{
	SurvivePlan *plan;
	SurviveRecord *records;
	int			count;
	int			space;
} SurviveState;

extern SurviveCache *survive_get_cache(FunctionCallInfo fcinfo);
extern bool survive_same_array(const ArrayType *a, const ArrayType *b);
extern ArrayType *survive_copy_array(const ArrayType *array);
extern SurvivePlan *survive_find_plan(FunctionCallInfo fcinfo, const ArrayType *rules,
									  const ArrayType *groups);

#endif							/* OMNICRM_SURVIVE_H */
