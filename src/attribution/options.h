/*
 * options.h
 *		What a caller of the attribution models may choose.
 */
#ifndef OMNICRM_ATTRIBUTION_OPTIONS_H
#define OMNICRM_ATTRIBUTION_OPTIONS_H

#include "datatype/timestamp.h"
#include "utils/jsonb.h"

#define NO_LOOKBACK PG_UINT64_MAX
#define NO_NUMBER (-1)
#define MAX_ROLES 64

/* Names of actors or kinds, and their numbers in the data at hand. */
typedef struct NameList
{
	int			count;
	char	  **names;
	int32	   *numbers;		/* NO_NUMBER: not in the data */
} NameList;

typedef enum PathStepKind
{
	STEP_REMOVE,				/* the actors */
	STEP_REMOVE_IF_NOT_ALL,		/* the actors, unless nobody else is there */
	STEP_REMOVE_IF_LAST_AND_NOT_ALL,	/* the same, at the end of the path only */
	STEP_EXPOSURE,				/* of consecutive touches of one actor all but the first */
	STEP_FIRST,					/* of all touches of one actor all but the first */
	STEP_FREQUENCY,				/* the same; what is left knows how many there were */
	STEP_TRIM_LONG				/* all but the last */
} PathStepKind;

typedef struct PathStep
{
	PathStepKind kind;
	NameList	actors;
	int32		most;			/* touches that STEP_TRIM_LONG leaves */
} PathStep;

typedef struct AttributionOptions
{
	uint64		lookback;		/* microseconds; NO_LOOKBACK: unlimited */
	uint64		half_life;		/* microseconds, of time_decay */
	NameList	non;			/* one actor, of last_non */
	NameList	milestones;		/* kinds, of w_shaped */
	NameList	roles;			/* kinds, of role */
	uint64	   *role_weights;
	uint64		custom[3];		/* first, each between (before its division), last */
	int			nsteps;
	PathStep   *steps;			/* in the order in which they are taken */
} AttributionOptions;

/* The number of an actor, or of a kind, in the data at hand; NO_NUMBER when it is not there. */
typedef int32 (*NumberOfName) (void *data, bool is_kind, const char *name, Size length);

extern uint64 omnicrm_interval_microseconds(const Interval *interval, const char *what);
extern AttributionOptions *omnicrm_attribution_options(Jsonb *source);
extern void omnicrm_bind_options(AttributionOptions *options, NumberOfName number_of, void *data);
extern bool omnicrm_in_names(const NameList *list, int32 number);

#endif							/* OMNICRM_ATTRIBUTION_OPTIONS_H */
