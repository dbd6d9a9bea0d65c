/*
 * judge.h
 *		Whether two records are one customer: the rules for a pair.
 *
 * One piece of code for a run over all records (judge_functions.c gives it to
 * SQL) and for the records that one change touches (judge_component.c).
 */
#ifndef OMNICRM_IDENTITY_JUDGE_H
#define OMNICRM_IDENTITY_JUDGE_H

#include "access/tupdesc.h"
#include "utils/date.h"

#include "identity/match.h"

/* What is told of a person or organisation, as far as it is judged by; NULL: nothing. */
typedef struct JudgedPerson
{
	bool		organisation;
	text	   *full_name;
	text	   *name_key;
	text	   *email;
	text	   *phone;
	text	   *tax_id;
	bool		is_born;		/* there is a date of birth */
	bool		plausible;		/* and it may tell people apart */
	DateADT		born;
	/* what follows from name and tax number */
	bool		named;			/* tells who it is: two words, or the name of an organisation */
	int			words;			/* of the name key: 0, 1, 2, 3 for three and more */
	bool		personal;		/* the tax number is a person's */
} JudgedPerson;

/* A row of match_rule. */
typedef struct JudgeRule
{
	float4		min_name_similarity;
	bool		birth_date_guard;
	bool		accept_mistyped;
} JudgeRule;

typedef enum JudgeDecision
{
	JUDGE_LINKED,
	JUDGE_KINDS_DIFFER,
	JUDGE_NAMES_DIFFER,
	JUDGE_BIRTHS_DIFFER,
	/* of clusters, not of pairs */
	JUDGE_TAX_IDS_DIFFER,
	JUDGE_LINKED_ELSEWHERE,
	JUDGE_GROUPS_DIFFER,
	JUDGE_DECIDED_APART
} JudgeDecision;

/* What a shared value makes of two records. */
typedef struct Judgement
{
	JudgeDecision decision;
	bool		has_similarity;
	float4		similarity;		/* of the names */
	bool		attach;			/* one of the two is not named */
} Judgement;

/* What evidence of the model makes of two records. */
typedef enum JudgeVerdict
{
	VERDICT_NONE,				/* not worth a look */
	VERDICT_LINK,
	VERDICT_BELOW_THRESHOLD,
	VERDICT_BIRTHS_DIFFER,
	VERDICT_ONE_WORD,
	VERDICT_NAME_AND_ADDRESS
} JudgeVerdict;

/* What contradicts between two records of one group. */
typedef enum JudgeContradiction
{
	CONTRADICT_NOTHING,
	CONTRADICT_NAMES,
	CONTRADICT_BIRTHS
} JudgeContradiction;

/* A model, and where it has the columns that are judged by; -1: nowhere. */
typedef struct JudgeModel
{
	MatchModel	model;
	int			given_name;
	int			surname;
	int			birth_date;
	int			email;
	int			phone;
	int			tax_id;
	int			street;
	int			postcode;
	uint32		speaking[MATCH_FIELDS_MAX]; /* levels that speak for one person by two bits and more */
} JudgeModel;

/* What a function keeps between its calls: see omni_judge_query_model(). */
typedef struct QueryModel
{
	const JudgeModel *model;
	uint64		models_read;
	TupleDesc	result;			/* of a function that returns rows: for its own use, NULL at first */
} QueryModel;

/* judge.c */
extern bool omni_judge_tax_id_is(text *tax_id, const char *wanted);
extern void omni_judged_finish(JudgedPerson *person);
extern bool omni_judge_similarity(const JudgedPerson *a, const JudgedPerson *b, float4 *similarity);
extern Judgement omni_judge_similar(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule,
									bool has_similarity, float4 similarity);
extern Judgement omni_judge_value(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule);
extern bool omni_judge_names_agree(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule,
								   const JudgeModel *model, uint64 pattern);
extern JudgeVerdict omni_judge_weight(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule,
									  const JudgeModel *model, double weight, uint64 pattern);
extern JudgeContradiction omni_judge_contradiction(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule);
extern const char *omni_judge_decision_text(JudgeDecision decision);
extern JudgeDecision omni_judge_decision_of(const text *name);
extern const char *omni_judge_verdict_text(JudgeVerdict verdict);

/* judge_model.c */
extern const JudgeModel *omni_judge_model(Datum json);
extern uint64 omni_judge_models_read(void);
extern QueryModel *omni_judge_query_model(FunctionCallInfo fcinfo, int argument);

/* judge_functions.c */
extern void omni_judged_read(Datum composite, JudgedPerson *person);
extern uint64 omni_judge_read_pattern(const text *pattern, const MatchModel *model);

#endif							/* OMNICRM_IDENTITY_JUDGE_H */
