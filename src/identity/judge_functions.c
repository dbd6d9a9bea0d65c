/*
 * judge_functions.c
 *		The rules for a pair of records, for SQL: see judge.c.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#include "common/compat.h"
#include "common/elements.h"
#include "identity/judge.h"

PG_FUNCTION_INFO_V1(omnicrm_judge_rule_of);
PG_FUNCTION_INFO_V1(omnicrm_judge_value);
PG_FUNCTION_INFO_V1(omnicrm_judge_weight);
PG_FUNCTION_INFO_V1(omnicrm_judge_contradiction);
PG_FUNCTION_INFO_V1(omnicrm_match_agreement);

/* attributes of judged_person */
#define JUDGED_ATTRIBUTES	8

static text *
text_or_null(Datum value, bool isnull)
{
	return isnull ? NULL : DatumGetTextPP(value);
}

/*
 * omni_judged_read: a judged_person as the rules take it.
 */
void
omni_judged_read(Datum composite, JudgedPerson *person)
{
	Datum		values[JUDGED_ATTRIBUTES];
	bool		nulls[JUDGED_ATTRIBUTES];

	omni_row_attributes(composite, "judged_person", JUDGED_ATTRIBUTES, values, nulls);
	memset(person, 0, sizeof(*person));
	person->organisation = !nulls[0] && VARSIZE_ANY_EXHDR(DatumGetPointer(values[0])) > 0 &&
		VARDATA_ANY(DatumGetPointer(values[0]))[0] == 'o';
	person->full_name = text_or_null(values[1], nulls[1]);
	person->name_key = text_or_null(values[2], nulls[2]);
	person->is_born = !nulls[3];
	person->born = person->is_born ? DatumGetDateADT(values[3]) : 0;
	person->plausible = !nulls[4] && DatumGetBool(values[4]);
	person->email = text_or_null(values[5], nulls[5]);
	person->phone = text_or_null(values[6], nulls[6]);
	person->tax_id = text_or_null(values[7], nulls[7]);
	omni_judged_finish(person);
}

/* The two records of a call, and the rule in the three arguments after some others. */
static void
read_arguments(FunctionCallInfo fcinfo, JudgedPerson *a, JudgedPerson *b, JudgeRule *rule, int rule_at)
{
	omni_judged_read(PG_GETARG_DATUM(0), a);
	omni_judged_read(PG_GETARG_DATUM(1), b);
	rule->min_name_similarity = PG_GETARG_FLOAT4(rule_at);
	rule->birth_date_guard = PG_GETARG_BOOL(rule_at + 1);
	rule->accept_mistyped = PG_GETARG_BOOL(rule_at + 2);
}

/*
 * judge_rule_of(kind text, value text) returns text: the rule that a shared value of
 * that kind goes by.
 */
Datum
omnicrm_judge_rule_of(PG_FUNCTION_ARGS)
{
	const text *kind = PG_GETARG_TEXT_PP(0);
	static const char tax_id[] = "tax_id";

	if (VARSIZE_ANY_EXHDR(kind) == strlen(tax_id) && memcmp(VARDATA_ANY(kind), tax_id, strlen(tax_id)) == 0 &&
		omni_judge_tax_id_is(PG_GETARG_TEXT_PP(1), "organisation"))
		PG_RETURN_TEXT_P(cstring_to_text("company_tax_id"));
	PG_RETURN_DATUM(PG_GETARG_DATUM(0));
}

/*
 * judge_value(a judged_person, b judged_person, min_name_similarity real,
 * birth_date_guard boolean, accept_mistyped boolean) returns judgement.
 */
Datum
omnicrm_judge_value(PG_FUNCTION_ARGS)
{
	JudgedPerson a;
	JudgedPerson b;
	JudgeRule	rule;
	Judgement	judgement;
	Datum		values[3];
	bool		nulls[3] = {false};

	if (fcinfo->flinfo->fn_extra == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(fcinfo->flinfo->fn_mcxt);
		TupleDesc	description;

		if (get_call_result_type(fcinfo, NULL, &description) != TYPEFUNC_COMPOSITE || description->natts != lengthof(values))
			elog(ERROR, "judge_value must return judgement");
		fcinfo->flinfo->fn_extra = BlessTupleDesc(description);
		MemoryContextSwitchTo(old);
	}
	read_arguments(fcinfo, &a, &b, &rule, 2);
	judgement = omni_judge_value(&a, &b, &rule);
	nulls[0] = !judgement.has_similarity;
	values[0] = Float4GetDatum(judgement.similarity);
	values[1] = BoolGetDatum(judgement.attach);
	values[2] = CStringGetTextDatum(omni_judge_decision_text(judgement.decision));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple((TupleDesc) fcinfo->flinfo->fn_extra, values, nulls)));
}

/*
 * omni_judge_read_pattern: a pattern of agreement as match_pairs() gives it.
 * Errors: invalid_parameter_value for one that is not of the model.
 */
uint64
omni_judge_read_pattern(const text *pattern, const MatchModel *model)
{
	const char *digits = VARDATA_ANY(pattern);
	uint64		result = 0;

	if (VARSIZE_ANY_EXHDR(pattern) != model->nfields)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("pattern \"%s\" is not of this model", text_to_cstring(pattern)),
				 errhint("It has one character for each of the %d comparisons.", model->nfields)));
	for (int f = 0; f < model->nfields; f++)
	{
		int			level = digits[f] >= '0' && digits[f] < '0' + MATCH_LEVELS_MAX ? digits[f] - '0' : MATCH_NO_EVIDENCE;

		result |= (uint64) level << (MATCH_LEVEL_BITS * f);
	}
	return result;
}

/*
 * judge_weight(a judged_person, b judged_person, weight double precision, pattern
 * text, model jsonb, min_name_similarity real, birth_date_guard boolean,
 * accept_mistyped boolean) returns text: the verdict, NULL for none.
 */
Datum
omnicrm_judge_weight(PG_FUNCTION_ARGS)
{
	const JudgeModel *model = omni_judge_query_model(fcinfo, 4)->model;
	JudgedPerson a;
	JudgedPerson b;
	JudgeRule	rule;
	const char *verdict;

	read_arguments(fcinfo, &a, &b, &rule, 5);
	verdict = omni_judge_verdict_text(omni_judge_weight(&a, &b, &rule, model, PG_GETARG_FLOAT8(2),
														omni_judge_read_pattern(PG_GETARG_TEXT_PP(3), &model->model)));
	if (verdict == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(verdict));
}

/*
 * judge_contradiction(a judged_person, b judged_person, min_name_similarity real,
 * birth_date_guard boolean, accept_mistyped boolean) returns text: birth dates,
 * names, or NULL.
 */
Datum
omnicrm_judge_contradiction(PG_FUNCTION_ARGS)
{
	JudgedPerson a;
	JudgedPerson b;
	JudgeRule	rule;

	read_arguments(fcinfo, &a, &b, &rule, 2);
	switch (omni_judge_contradiction(&a, &b, &rule))
	{
		case CONTRADICT_BIRTHS:
			PG_RETURN_TEXT_P(cstring_to_text("birth dates"));
		case CONTRADICT_NAMES:
			PG_RETURN_TEXT_P(cstring_to_text("names"));
		default:
			PG_RETURN_NULL();
	}
}

static void
push_text(JsonbParseState **state, JsonbIteratorToken token, const char *string)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, string);
	value.val.string.len = strlen(string);
	(void) pushJsonbValue(state, token, &value);
}

/*
 * match_agreement(model jsonb, pattern text) returns jsonb: the level in words of
 * each comparison that says something, by column.
 */
Datum
omnicrm_match_agreement(PG_FUNCTION_ARGS)
{
	const MatchModel *model = &omni_judge_query_model(fcinfo, 0)->model->model;
	uint64		pattern = omni_judge_read_pattern(PG_GETARG_TEXT_PP(1), model);
	JsonbParseState *state = NULL;

	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int f = 0; f < model->nfields; f++)
	{
		const MatchField *field = &model->field[f];
		int			level = (pattern >> (MATCH_LEVEL_BITS * f)) & MATCH_NO_EVIDENCE;

		if (level >= field->levels)
			continue;
		push_text(&state, WJB_KEY, field->column);
		push_text(&state, WJB_VALUE, omni_match_kind(field->kind)->levels[level]);
	}
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
