/*
 * summary.h
 *		What the journeys of a set amount to: the value of omnicrm.attribution().
 *
 * Everything is a sum over journeys in whole numbers, so that summaries of parts
 * add up to the summary of the whole, bit for bit.  Actors are numbered by the
 * bytes of their names.
 */
#ifndef OMNICRM_ATTRIBUTION_SUMMARY_H
#define OMNICRM_ATTRIBUTION_SUMMARY_H

#include "attribution/actors.h"
#include "attribution/markov.h"
#include "attribution/models.h"
#include "attribution/options.h"
#include "attribution/paths.h"

/* Shares of one conversion are multiples of 2^-56 of it. */
#define SHARE_BITS 56
#define SHARE_ONE (UINT64CONST(1) << SHARE_BITS)

/* The sum of all absolute values in units, so that 2^56 times it fits 128 bits. */
#define SUMMARY_VALUE_LIMIT ((int128) 1 << 70)

/* Values have at most so many decimals; more are rounded. */
#define SUMMARY_MAX_SCALE 12

/* Conversions counted whole, with their values. */
typedef enum CreditCount
{
	COUNT_SINGLE,				/* by the only touch of the path */
	COUNT_FIRST_OF_TWO,
	COUNT_LAST_OF_TWO,
	COUNT_FIRST,				/* of three touches or more */
	COUNT_LAST,
	COUNT_LAST_NON,
	COUNT_PARTICIPATION,
	COUNT_SAME_TOUCH
} CreditCount;

#define CREDIT_COUNTS (COUNT_SAME_TOUCH + 1)

/* Conversions that are shared out. */
typedef enum CreditShare
{
	SHARE_LINEAR,
	SHARE_MIDDLE,				/* linear over those between first and last, of three or more */
	SHARE_SHAPLEY,
	SHARE_TIME_DECAY
} CreditShare;

#define CREDIT_SHARES (SHARE_TIME_DECAY + 1)

typedef struct ActorCredit
{
	int64		touches;		/* in the paths of conversions */
	int64		counts[CREDIT_COUNTS];
	int128		values[CREDIT_COUNTS];	/* units */
	int128		shares[CREDIT_SHARES];	/* times 2^56 */
	int128		share_values[CREDIT_SHARES];	/* units times 2^56 */
} ActorCredit;

/* Paths of one length. */
typedef struct SummaryLength
{
	uint32		length;
	int64		conversions;
	int64		nulls;
	int128		value;
} SummaryLength;

/* Journeys that went from one actor to the next at a step; 1 is the first touch. */
typedef struct SummaryFlow
{
	uint32		step;
	uint32		from;			/* FLOW_END: the start */
	uint32		to;				/* FLOW_END: the end of the path */
	int64		conversions;
	int64		nulls;
} SummaryFlow;

#define FLOW_END PG_UINT32_MAX
#define FLOW_OTHER (PG_UINT32_MAX - 1)	/* an actor beyond the most frequent */
#define FLOW_ACTORS 100

typedef struct SummaryPath
{
	uint32		length;
	uint32	   *actors;
	int64		conversions;
	int64		nulls;
	int128		value;
} SummaryPath;

/* Time from the first touch to the conversion: seconds in buckets of 1/128. */
typedef struct SummaryTime
{
	uint32		bucket;
	int64		conversions;
} SummaryTime;

#define TIME_BITS 7
#define TIME_BUCKETS ((65 - TIME_BITS) << TIME_BITS)

/* Options that are the summary's own. */
typedef struct SummarySettings
{
	int32		markov_order;	/* 0: no Markov counts */
	int32		paths;			/* most paths kept */
	int32		flow_steps;		/* steps of flows */
} SummarySettings;

typedef struct AttributionSummary
{
	bool		timed;			/* from touches with times, not from paths */
	SummarySettings settings;
	AttributionOptions *options;
	int			scale;			/* decimals of values */
	int64		journeys;
	int64		touches;
	int64		conversions;
	int128		value;
	int64		unattributed;	/* conversions without a touch */
	int128		unattributed_value;
	int64		same_touches;	/* conversions whose own event had an actor */
	int128		same_touch_value;
	Actors	   *actors;			/* numbered by name */
	uint32		nactors;
	ActorCredit *credits;
	uint32		nlengths;
	SummaryLength *lengths;		/* ascending */
	int128		time_sum;		/* microseconds */
	uint64		time_least;
	uint64		time_most;
	uint32		ntimes;
	SummaryTime *times;			/* ascending */
	uint32		nflows;
	SummaryFlow *flows;			/* by step, from, to */
	bool		all_paths;		/* no path was left out */
	uint32		npaths;
	SummaryPath *paths;			/* best first */
	struct varlena *markov;		/* NULL without */
} AttributionSummary;

/* summary_options.c */
extern AttributionOptions *summary_read_options(Jsonb *source, SummarySettings *settings);
extern void summary_default_options(AttributionOptions **options, SummarySettings *settings);
extern int64 summary_value_units(Datum value, int *most_scale, int *scale);
extern int32 summary_number_of(void *data, bool is_kind, const char *name, Size length);

/* summary_build.c */
typedef struct SummaryBuilder SummaryBuilder;

/* The least and the most time to a conversion, in microseconds, and how many conversions have it. */
typedef struct SummaryExtremes
{
	uint64		least;
	uint64		most;
	int64		at_least;
	int64		at_most;
} SummaryExtremes;

extern SummaryBuilder *summary_begin(const Actors *actors, AttributionOptions *options,
									 const SummarySettings *settings, int scale, bool timed);
extern AttributionSummary *summary_of_builder(SummaryBuilder *builder);
extern const uint32 *summary_ranks(const SummaryBuilder *builder);
extern void summary_count_time(SummaryBuilder *builder, int sign, uint64 elapsed);
extern void summary_extremes(const SummaryBuilder *builder, SummaryExtremes *extremes);
extern void summary_add_extremes(SummaryBuilder *builder, const SummaryExtremes *extremes);
extern bool summary_knows_extremes(const SummaryBuilder *builder);
extern int64 *summary_times(SummaryBuilder *builder);
extern void summary_take_paths(SummaryBuilder *builder, PathTable *paths, const int64 *uses,
							   const uint32 *ranks, int128 divisor);
extern AttributionSummary *summary_end(SummaryBuilder *builder);
extern int	summary_compare_paths(const void *left, const void *right);
extern uint32 time_bucket(uint64 seconds);
extern uint64 time_bucket_start(uint32 bucket);

/* summary_value.c */
extern bytea *summary_write(const AttributionSummary *summary);
extern AttributionSummary *summary_read_part(bytea *value);
extern AttributionSummary *summary_read(bytea *value);
extern void summary_write_options(StringInfo buffer, const AttributionSummary *summary);

/* summary_shares.c */

/* What the actors of a summary have by one model; the last place is what nobody has. */
typedef struct ModelShares
{
	int128	   *conversions;	/* times 2^56 */
	int128	   *values;			/* units times 2^56 */
	int128		conversion_total;	/* conversions */
	int128		value_total;	/* units */
} ModelShares;

extern void summary_model_shares(const AttributionSummary *summary, AttributionModel model, ModelShares *shares);
extern void summary_allocate(const int128 *shares, uint32 count, int128 total, int scale, int decimals, int128 *units);

/* summary_rollup.c */
extern void summary_add(AttributionSummary **sum, AttributionSummary *other, bool apart);

#endif							/* OMNICRM_ATTRIBUTION_SUMMARY_H */
