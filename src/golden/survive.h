/*
 * survive.h
 *		What the parts of survivorship share: the plan as parsed
 *		(survive_plan.c), the trust in values (survive_trust.c), the records of
 *		one group (survive_state.c), how one unit is decided (survive_contest.c),
 *		values made of several (survive_combine.c), and attributes that come as
 *		jsonb (survive_extra.c).
 */
#ifndef OMNICRM_SURVIVE_H
#define OMNICRM_SURVIVE_H

#include "fmgr.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/jsonb.h"
#include "utils/timestamp.h"

#define MAX_SURVIVE_ATTRIBUTES 256
#define MAX_SURVIVE_STEPS 16
#define MAX_SURVIVE_LIST 1000
#define MAX_SURVIVE_RECORDS 1000000
#define MAX_SURVIVE_PLANS 64
#define MAX_SURVIVE_PLAN_SIZE 1000000

/* columns of the type survivor */
#define SURVIVOR_COLUMNS 10

/* the quality digit from which on a value is plausible, and that of one unchecked */
#define QUALITY_PLAUSIBLE 6

typedef enum SurviveRule
{
	RULE_TRUST,
	RULE_RECENT,
	RULE_OLDEST,
	RULE_FREQUENT,
	RULE_LONGEST,
	RULE_SHORTEST,
	RULE_VALID,
	RULE_SOURCE,
	RULE_COMPLETE,
	RULE_MIN,
	RULE_MAX,
	RULE_VOTE,
	RULE_STAGE,
	RULE_FOLLOW,
	RULE_FIRST,
	RULE_LAST,
	RULE_SUM,
	RULE_UNION
} SurviveRule;

typedef enum SurviveType
{
	TYPE_TEXT,
	TYPE_NUMBER,
	TYPE_DATE
} SurviveType;

/* What becomes of a value that failed validation. */
typedef enum SurviveImplausible
{
	IMPLAUSIBLE_LAST,			/* after all plausible ones */
	IMPLAUSIBLE_COMPETE,		/* like any other, with less trust */
	IMPLAUSIBLE_NEVER
} SurviveImplausible;

/* One rule of a unit; the next one decides where this one sees a tie. */
typedef struct SurviveStep
{
	SurviveRule rule;
	TimestampTz from;			/* in force from <= as_of < until */
	TimestampTz until;
	int			list_count;
	int64	   *sources;		/* of source, the best first */
	Datum	   *values;			/* of stage, the furthest last */
	char	   *followed_name;
	int			followed;		/* of follow: number of the unit */
	Datum		name;			/* what survivor.rules says */
	Datum		tie_name;		/* the same where ties were broken after it */
} SurviveStep;

/* Attributes that survive from one record, or one attribute. */
typedef struct SurviveUnit
{
	int			count;
	int		   *members;		/* attribute positions from 0 */
	int			step_count;
	SurviveStep *steps;
	SurviveType type;
	SurviveImplausible implausible;
	bool		timeless;		/* no step has a period */
	int			empty_count;
	int64	   *empty_sources;	/* sources whose silence is a value */
} SurviveUnit;

typedef struct SurviveAttribute
{
	char	   *name;			/* NULL: none */
	int			name_length;
	char	   *group;			/* NULL: alone */
	int			unit;
} SurviveAttribute;

typedef enum SurviveCurve
{
	CURVE_LINEAR,
	CURVE_FAST_FIRST,
	CURVE_SLOW_FIRST
} SurviveCurve;

/* Trust in what one source says of an attribute, or of all. */
typedef struct SurviveTrust
{
	int64		source_id;
	char	   *attribute;		/* attribute or group; NULL: all */
	bool		has_maximum;
	double		maximum;
	double		minimum;
	double		decay;			/* microseconds; 0: none */
	SurviveCurve curve;
	double		downgrade;		/* percent */
	bool		keep_minimum;
} SurviveTrust;

typedef struct SurviveSource
{
	int64		source_id;
	bool		has_trust;
	double		trust;
	SurviveTrust **trusts;		/* by attribute; NULL: all constant */
	SurviveTrust *other_trust;	/* of attributes that the plan does not list */
} SurviveSource;

/* The plan as parsed. */
typedef struct SurvivePlan
{
	Jsonb	   *json;
	char	   *text;			/* as sent between processes; NULL until then */
	int			text_length;
	int			columns;		/* attributes that come as values */
	int			attributes;		/* columns, and then those that come as jsonb */
	SurviveAttribute *attribute;
	int			unit_count;
	SurviveUnit *units;
	int		   *order;			/* units, each after the one that it follows */
	SurviveUnit other;			/* of jsonb attributes that are not listed */
	SurviveStep fallback;		/* trust: of units without a rule in force */
	int			source_count;
	SurviveSource *sources;		/* by source_id */
	bool		dated;			/* a result depends on as_of */
} SurvivePlan;

/* What the function call keeps over a query, in fn_extra. */
typedef struct SurviveCache
{
	SurvivePlan *plans[MAX_SURVIVE_PLANS];
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
	Jsonb	   *attributes;		/* NULL: none */
} SurviveRecord;

typedef struct SurviveState
{
	SurvivePlan *plan;
	TimestampTz as_of;
	bool		has_as_of;
	int			count;
	int			space;
	SurviveRecord **records;
	SurviveRecord *first_records[2];
} SurviveState;

/* The records of a group laid out for its contests, in canonical order. */
typedef struct SurviveField
{
	const SurviveState *state;
	const SurvivePlan *plan;
	int			count;			/* records */
	int			width;			/* attributes, unlisted ones included */
	SurviveRecord **records;
	const SurviveSource **sources;	/* of each record; NULL: not in the plan */
	Datum	   *values;			/* record * width + attribute */
	uint8	   *quality;		/* the same; 0: no value */
	int		   *filled;			/* attributes with a value, by record */
} SurviveField;

/* How one unit was decided. */
typedef struct SurviveVerdict
{
	int			record;			/* number of the winner; -1: none, or several */
	bool		only_plausible; /* the others were implausible */
	Datum		rule;			/* what decided */
	Datum		combined;		/* of sum and union: the value; 0: none */
} SurviveVerdict;

static inline Datum
field_value(const SurviveField *field, int record, int attribute)
{
	return field->values[record * field->width + attribute];
}

static inline int
field_quality(const SurviveField *field, int record, int attribute)
{
	return field->quality[record * field->width + attribute];
}

/* Bytes of a value. */
static inline int
value_length(Datum value)
{
	return VARSIZE_ANY_EXHDR(DatumGetPointer(value));
}

static inline int
compare_value(Datum a, Datum b)
{
	int			la = value_length(a);
	int			lb = value_length(b);
	int			order = memcmp(VARDATA_ANY(DatumGetPointer(a)), VARDATA_ANY(DatumGetPointer(b)), Min(la, lb));

	return order != 0 ? order : la - lb;
}

static inline bool
same_value(Datum a, Datum b)
{
	int			length = value_length(a);

	return length == value_length(b) &&
		memcmp(VARDATA_ANY(DatumGetPointer(a)), VARDATA_ANY(DatumGetPointer(b)), length) == 0;
}

/* survive_plan.c */
extern SurviveCache *survive_get_cache(FunctionCallInfo fcinfo);
extern SurvivePlan *survive_find_plan(FunctionCallInfo fcinfo, Jsonb *json);
extern SurvivePlan *survive_find_plan_text(FunctionCallInfo fcinfo, const char *text, int length);
extern void survive_plan_text(SurvivePlan *plan);
extern bool survive_same_plan(SurvivePlan *a, SurvivePlan *b);

/* survive_trust.c */
extern void survive_read_trust(SurvivePlan *plan, JsonbContainer *object);
extern const SurviveSource *survive_find_source(const SurvivePlan *plan, int64 source_id);
extern double survive_base_trust(const SurviveSource *source, const SurviveRecord *record);
extern double survive_trust(const SurviveField *field, int record, int attribute);

/* survive_contest.c */
extern void survive_contest(const SurviveField *field, const SurviveUnit *unit, const SurviveVerdict *verdicts,
							SurviveVerdict *verdict);
extern int	survive_candidates(const SurviveField *field, int attribute);

/* survive.c */
extern Datum survive_rule_text(const SurviveVerdict *verdict, int candidates, const SurviveCache *cache);

/* survive_combine.c */
extern bool survive_number(Datum value, Datum *number);
extern bool survive_date(Datum value, TimestampTz *date);
extern void survive_combine_values(const SurviveField *field, const SurviveUnit *unit, const bool *competes,
								   SurviveVerdict *verdict);

/* survive_extra.c */
typedef struct SurviveExtra
{
	int			count;			/* attributes of the records that the plan does not list */
	int			space;
	JsonbValue *keys;			/* sorted */
} SurviveExtra;

extern void survive_find_extra(const SurviveState *state, SurviveExtra *extra);
extern void survive_read_extra(const SurvivePlan *plan, const SurviveRecord *record, const SurviveExtra *extra,
							   Datum *values, uint8 *quality);
extern Datum survive_extra_json(const SurviveField *field, const SurviveExtra *extra, const SurviveVerdict *verdicts,
								const SurviveVerdict *other_verdicts, const SurviveCache *cache,
								Datum *provenance);

#endif							/* OMNICRM_SURVIVE_H */
