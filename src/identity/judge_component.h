/*
 * judge_component.h
 *		Records that a change touches, with what is known of their pairs: what
 *		solve_component() is given (judge_component_read.c) and works on
 *		(judge_component.c).
 */
#ifndef OMNICRM_IDENTITY_JUDGE_COMPONENT_H
#define OMNICRM_IDENTITY_JUDGE_COMPONENT_H

#include "identity/judge.h"

/* attributes of judged_pair */
#define PAIR_ATTRIBUTES		9
/* attributes of shared_value */
#define SHARED_ATTRIBUTES	3

/* Row of match_rule. */
typedef struct NamedRule
{
	const text *kind;
	int32		priority;
	int32		max_records;
	JudgeRule	rule;
} NamedRule;

typedef struct TouchedRecord
{
	int64		id;
	int64		tie;
	JudgedPerson person;
} TouchedRecord;

/* Two records, by their positions, that share a value. */
typedef struct SharedPair
{
	int			a;
	int			b;
	const NamedRule *rule;
	const text *value;
} SharedPair;

/* judged_pair, and what it takes to find its place. */
typedef struct JudgedPair
{
	int64		record_a;
	int64		record_b;
	int			a;				/* positions; -1: not touched */
	int			b;
	const text *kind;
	const text *value;
	int32		priority;
	bool		has_similarity;
	bool		has_strength;
	bool		attach;
	float4		similarity;
	float4		strength;
	JudgeDecision decision;
	int			preference;		/* of the decisions on one pair the first holds */
	Size		order;			/* in which they came */
	bool		left_out;
} JudgedPair;

/* Two touched records by their positions, the smaller one first. */
typedef struct Two
{
	int			a;
	int			b;
} Two;

/* An array that grows. */
typedef struct Growing
{
	void	   *items;
	Size		width;
	Size		used;
	Size		space;
} Growing;

typedef struct Component
{
	int			nrecords;
	TouchedRecord *record;		/* ascending */
	const bool *dirty;			/* of each record: only their pairs are asked for; NULL: all pairs are */
	int			nrules;
	NamedRule  *rule;
	Growing		shared;			/* SharedPair */
	Growing		pairs;			/* JudgedPair; in the end one for each pair, ascending */
	Growing		alike;			/* Two: those that the model links, ascending */
	Growing		apart;			/* Two: those that no link of the model may bring together */
	MemoryContext scratch;		/* for the comparison of two records */
} Component;

#define PAIR(component, i) (&((JudgedPair *) (component)->pairs.items)[i])

/* judge_component.c */
extern void *omni_component_grow(Growing *array);
extern int	omni_component_preference(const JudgedPair *pair);
extern bool omni_component_model_link(const JudgedPair *pair);
extern int	omni_component_compare_positions(const void *a, const void *b);
extern const NamedRule *omni_component_rule(const Component *component, const text *kind);

/* judge_component_read.c */
extern void omni_component_read(FunctionCallInfo fcinfo, Component *component);
extern void omni_component_read_rules(Component *component, ArrayType *rules);
extern void omni_component_read_shared(FunctionCallInfo fcinfo, Component *component);

#endif							/* OMNICRM_IDENTITY_JUDGE_COMPONENT_H */
