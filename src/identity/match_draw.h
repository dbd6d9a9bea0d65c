/*
 * match_draw.h
 *		Pairs that training looks at, and what is counted of them.
 */
#ifndef OMNICRM_IDENTITY_MATCH_DRAW_H
#define OMNICRM_IDENTITY_MATCH_DRAW_H

#include "identity/match_job.h"

/* What random pairs say: how often levels occur, alone and together. */
typedef struct RandomPairs
{
	double		share[MATCH_FIELDS_MAX][MATCH_LEVELS_MAX];
	double		drawn;
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
	double		matches[MATCH_FIELDS_MAX];	/* with evidence in a field */
	double		m[MATCH_FIELDS_MAX][MATCH_LEVELS_MAX];
	/* expected matches by level of the parent and own level */
	double		joint[MATCH_FIELDS_MAX][MATCH_STATES][MATCH_LEVELS_MAX];
} Run;

/* match_draw.c */
extern void omni_match_draw_random(MatchWork *work, RandomPairs *random);
extern int	omni_match_draw_conditions(MatchWork *work, const MatchModel *model, Run *runs);

#endif							/* OMNICRM_IDENTITY_MATCH_DRAW_H */
