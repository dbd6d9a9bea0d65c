/*
 * match_draw.h
 *		Pairs that training looks at, and what is counted of them.
 */
#ifndef OMNICRM_IDENTITY_MATCH_DRAW_H
#define OMNICRM_IDENTITY_MATCH_DRAW_H

#include "identity/match_job.h"

/* no level is impossible */
#define LEAST_SHARE		1e-7

/* What random pairs say. */
typedef struct RandomPairs
{
	MatchPatternCount *patterns;
	int			npatterns;
	double		share[MATCH_FIELDS_MAX][MATCH_LEVELS_MAX];	/* of the levels among all pairs */
	/* how often two levels, the later field first, go together among pairs that are neither matches nor relatives */
	double		joint[MATCH_FIELDS_MAX][MATCH_FIELDS_MAX][MATCH_STATES][MATCH_STATES];
} RandomPairs;

/* Pairs that agree exactly on one field or on two, and what EM makes of them. */
typedef struct Run
{
	int			first;
	int			second;			/* -1: one field only */
	double		pairs;			/* of the whole table */
	double		drawn;			/* of them looked at */
	MatchPatternCount *patterns;
	int			npatterns;
	double		lambda;			/* share of matches */
	double		relatives;		/* share of relatives; 0: they are not looked for */
	double		related[MATCH_FIELDS_MAX][MATCH_LEVELS_MAX];	/* expected relatives by level */
	double		h[MATCH_FIELDS_MAX][MATCH_LEVELS_MAX];	/* share of the level among them */
	double		matches[MATCH_FIELDS_MAX];	/* with evidence in a field */
	double		m[MATCH_FIELDS_MAX][MATCH_LEVELS_MAX];
	/* expected matches by level of the parent and own level */
	double		joint[MATCH_FIELDS_MAX][MATCH_STATES][MATCH_LEVELS_MAX];
} Run;

/* What a run says of a share of all pairs. */
typedef struct Estimate
{
	double		value;
	double		weight;
} Estimate;

/* match_draw.c */
extern void omni_match_draw_random(MatchWork *work, RandomPairs *random);
extern int	omni_match_draw_conditions(MatchWork *work, const MatchModel *model, Run *runs);

/* match_relatives.c */
extern void omni_match_usual_relatives(MatchModel *model, const MatchData *data);
extern void omni_match_relatives_shares(const MatchField *field, const double *counts, double *shares);
extern bool omni_match_may_have_relatives(const MatchModel *model, const Run *run);
extern void omni_match_learn_relatives(MatchModel *model, const MatchData *data, const Run *runs, int nruns);
extern void omni_match_settle_relatives(MatchModel *model, const Run *runs, int nruns);

/* match_train.c */
extern double omni_match_weighted_median(Estimate *estimates, int count);

#endif							/* OMNICRM_IDENTITY_MATCH_DRAW_H */
