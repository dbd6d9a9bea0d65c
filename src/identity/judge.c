/*
 * judge.c
 *		Whether two records are one customer: the rules for a pair.
 *
 * Two records that share a value go through the rule of its kind: their names
 * must be similar enough, their birth dates must not contradict.  A person of
 * whom one word is known is not named: that word can contradict, but it does not
 * tell who it is.
 *
 * Two records that the model finds alike link when their names agree and
 * something beside the name agrees by evidence that the model counts.  Names agree
 * when they are as similar as the rule asks; when e-mail and phone are the same
 * and one name column is equal and the other has one typing error; or when birth
 * date, e-mail and phone are the same, the surname is equal and the given name is
 * similar: a given name that is mistyped into another.  Relatives share names,
 * phone and address, so a pair whose names do not agree is dropped, whatever it
 * weighs; so is one with two tax numbers, and one that has nothing but the name.
 * E-mail, phone, birth date or tax number must agree beside it, or the address
 * with three words of either name: a father and a son of one name live together.
 *
 * What is missing decides nothing, as in SQL: a comparison with it is neither
 * true nor false.
 */
#include "postgres.h"

#include "fmgr.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#include "common/compat.h"
#include "identity/dates.h"
#include "identity/judge.h"

/* one word of a name agrees up to .5: it need not be more, only not contradict */
#define ONE_WORD_SIMILARITY	0.45
/* local part of an e-mail address that is more than a name */
#define LONG_MAILBOX		8

extern Datum omnicrm_name_similarity(PG_FUNCTION_ARGS);
extern Datum omnicrm_names_mistyped(PG_FUNCTION_ARGS);
extern Datum omnicrm_damerau_levenshtein(PG_FUNCTION_ARGS);
extern Datum omnicrm_tax_id_kind(PG_FUNCTION_ARGS);

/* Calls a function of two texts; false when it gives NULL. */
static bool
call_two(PGFunction function, const text *a, const text *b, Datum *result)
{
	LOCAL_FCINFO(call, 2);

	InitFunctionCallInfoData(*call, NULL, 2, InvalidOid, NULL, NULL);
	call->args[0].value = PointerGetDatum(a);
	call->args[0].isnull = false;
	call->args[1].value = PointerGetDatum(b);
	call->args[1].isnull = false;
	*result = (*function) (call);
	return !call->isnull;
}

static bool
same_text(const text *a, const text *b)
{
	return a != NULL && b != NULL && VARSIZE_ANY_EXHDR(a) == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(a)) == 0;
}

/* Number of words of a name key, 3 for more. */
static int
count_words(const text *name_key)
{
	const char *s = VARDATA_ANY(name_key);
	int			words = VARSIZE_ANY_EXHDR(name_key) > 0;

	for (int i = 0; i < VARSIZE_ANY_EXHDR(name_key) && words < 3; i++)
		words += s[i] == ' ';
	return words;
}

/*
 * omni_judge_tax_id_is: whether a tax number is of that kind, person or organisation.
 */
bool
omni_judge_tax_id_is(text *tax_id, const char *wanted)
{
	Datum		kind;

	return call_two(omnicrm_tax_id_kind, tax_id, cstring_to_text("ES"), &kind) &&
		same_text(DatumGetTextPP(kind), cstring_to_text(wanted));
}

/*
 * omni_judged_finish: fills in what follows from the values of a record.
 */
void
omni_judged_finish(JudgedPerson *person)
{
	person->words = person->name_key != NULL ? count_words(person->name_key) : 0;
	person->named = person->words >= 2 || (person->organisation && person->words > 0);
	person->personal = person->tax_id != NULL && omni_judge_tax_id_is(person->tax_id, "person");
}

/*
 * omni_judge_similarity: how similar two names are, 0 to 1; false when one of the
 * two has none.
 */
bool
omni_judge_similarity(const JudgedPerson *a, const JudgedPerson *b, float4 *similarity)
{
	Datum		result;

	*similarity = 1;
	if (same_text(a->name_key, b->name_key))
		return true;
	if (a->full_name == NULL || b->full_name == NULL || !call_two(omnicrm_name_similarity, a->full_name, b->full_name, &result))
		return false;
	*similarity = DatumGetFloat4(result);
	return true;
}

static bool
same_birth(const JudgedPerson *a, const JudgedPerson *b)
{
	return a->is_born && b->is_born && a->born == b->born;
}

static bool
same_contact(const JudgedPerson *a, const JudgedPerson *b)
{
	return same_text(a->email, b->email) && same_text(a->phone, b->phone);
}

/* Plausible birth dates that are more than a typing error apart. */
static bool
births_contradict(const JudgedPerson *a, const JudgedPerson *b)
{
	return a->plausible && b->plausible && a->is_born && b->is_born && omni_date_level(a->born, b->born) > DATE_ONE_DIGIT;
}

/* Whether names that are not similar enough are surely two. */
static bool
surely_two_names(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule)
{
	Datum		mistyped;

	if (!rule->accept_mistyped || !(same_birth(a, b) || same_contact(a, b)))
		return true;
	return call_two(omnicrm_names_mistyped, a->full_name, b->full_name, &mistyped) && !DatumGetBool(mistyped);
}

/*
 * omni_judge_similar: what a value that two records share makes of them, whose
 * names are known to be that similar (has_similarity false: one has none).
 * Arguments: the records; the rule of the kind of value.
 * Result: linked, or why not; the similarity of the names; whether one of the two
 * is not named, so that the link may only attach it.
 */
Judgement
omni_judge_similar(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule, bool has_similarity, float4 similarity)
{
	Judgement	result = {JUDGE_LINKED};
	bool		named = a->named && b->named;

	result.has_similarity = has_similarity;
	result.similarity = similarity;
	result.attach = rule->min_name_similarity > 0 && !named;
	if (a->organisation != b->organisation)
		result.decision = JUDGE_KINDS_DIFFER;
	else if (has_similarity &&
			 similarity < (named ? rule->min_name_similarity : Min(rule->min_name_similarity, (float4) ONE_WORD_SIMILARITY)) &&
			 surely_two_names(a, b, rule))
		result.decision = JUDGE_NAMES_DIFFER;
	else if ((rule->birth_date_guard || result.attach) && births_contradict(a, b))
		result.decision = JUDGE_BIRTHS_DIFFER;
	return result;
}

/*
 * omni_judge_value: the same, with the similarity of the names found out.
 */
Judgement
omni_judge_value(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule)
{
	float4		similarity;
	bool		has_similarity = omni_judge_similarity(a, b, &similarity);

	return omni_judge_similar(a, b, rule, has_similarity, similarity);
}

/* Level of a field in a pattern of agreement. */
static inline int
level_of(uint64 pattern, int field)
{
	return field < 0 ? MATCH_NO_EVIDENCE : (pattern >> (MATCH_LEVEL_BITS * field)) & MATCH_NO_EVIDENCE;
}

/* Whether the agreement of a field speaks for one person. */
static inline bool
speaks(const JudgeModel *model, uint64 pattern, int field)
{
	int			level = level_of(pattern, field);

	return level != MATCH_NO_EVIDENCE && (model->speaking[field] & (1 << level)) != 0;
}

/*
 * omni_judge_names_agree: whether the names of two records agree well enough for a
 * link of the model.  Without a model: whether they may, for some pattern.
 */
bool
omni_judge_names_agree(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule, const JudgeModel *model, uint64 pattern)
{
	float4		similarity;
	int			surname;
	int			given_name;

	if (!omni_judge_similarity(a, b, &similarity))
		return false;
	if (a->words < 2 || b->words < 2)
		return similarity >= ONE_WORD_SIMILARITY;
	if (similarity >= rule->min_name_similarity)
		return true;
	if (!rule->accept_mistyped || !same_contact(a, b))
		return false;
	if (model == NULL)
		return true;
	given_name = level_of(pattern, model->given_name);
	surname = level_of(pattern, model->surname);
	if (given_name == 0)
		return surname <= 1;
	return surname == 0 && given_name <= 3 && same_birth(a, b);
}

/* The part of an e-mail address before or after @; the whole without one, or nothing. */
static text *
mail_part(const text *email, bool domain)
{
	const char *start = VARDATA_ANY(email);
	int			length = VARSIZE_ANY_EXHDR(email);
	const char *at = memchr(start, '@', length);

	if (at == NULL)
		return cstring_to_text_with_len(start, domain ? 0 : length);
	if (!domain)
		return cstring_to_text_with_len(start, at - start);
	at++;
	length -= at - start;
	start = memchr(at, '@', length);
	return cstring_to_text_with_len(at, start != NULL ? start - at : length);
}

/* Whether two addresses have the same digits in the same order. */
static bool
same_digits(const text *a, const text *b)
{
	const char *x = VARDATA_ANY(a);
	const char *y = VARDATA_ANY(b);
	const char *end_x = x + VARSIZE_ANY_EXHDR(a);
	const char *end_y = y + VARSIZE_ANY_EXHDR(b);

	for (;;)
	{
		while (x < end_x && !(*x >= '0' && *x <= '9'))
			x++;
		while (y < end_y && !(*y >= '0' && *y <= '9'))
			y++;
		if (x == end_x || y == end_y)
			return x == end_x && y == end_y;
		if (*x++ != *y++)
			return false;
	}
}

/* Whether one mailbox name at two providers is more than the name of a person. */
static bool
telling_mailbox(const text *a, const text *b)
{
	const text *local = mail_part(a, false);
	bool		digit = false;
	Datum		distance;

	if (pg_mbstrlen_with_len(VARDATA_ANY(local), VARSIZE_ANY_EXHDR(local)) < LONG_MAILBOX)
		return false;
	for (int i = 0; i < VARSIZE_ANY_EXHDR(local); i++)
		digit |= VARDATA_ANY(local)[i] >= '0' && VARDATA_ANY(local)[i] <= '9';
	return digit || (call_two(omnicrm_damerau_levenshtein, mail_part(a, true), mail_part(b, true), &distance) &&
					 DatumGetInt32(distance) <= 1);
}

/* Whether the e-mail addresses speak for one person: ana47@ and ana27@ are two. */
static bool
email_speaks(const JudgedPerson *a, const JudgedPerson *b, const JudgeModel *model, uint64 pattern)
{
	if (!speaks(model, pattern, model->email))
		return false;
	if (a->email == NULL || b->email == NULL)
		return level_of(pattern, model->email) != 1 && level_of(pattern, model->email) != 2;
	switch (level_of(pattern, model->email))
	{
		case 1:
			return telling_mailbox(a->email, b->email);
		case 2:
			return same_digits(a->email, b->email);
		default:
			return true;
	}
}

/*
 * omni_judge_weight: what the evidence of the model makes of two records.
 * Arguments: the records; the rule of the model; the model; what the pair weighs
 * in bits, and its pattern of agreement.
 */
JudgeVerdict
omni_judge_weight(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule, const JudgeModel *model,
				  double weight, uint64 pattern)
{
	bool		births_differ;
	bool		strong;
	bool		address;

	if (weight < model->model.review || (a->personal && b->personal && !same_text(a->tax_id, b->tax_id)))
		return VERDICT_NONE;
	strong = speaks(model, pattern, model->phone) || speaks(model, pattern, model->birth_date) ||
		speaks(model, pattern, model->tax_id) || email_speaks(a, b, model, pattern);
	address = speaks(model, pattern, model->street);
	if (!strong && !address && !speaks(model, pattern, model->postcode))
		return VERDICT_NONE;
	births_differ = rule->birth_date_guard && births_contradict(a, b);
	if (weight < model->model.threshold && births_differ)
		return VERDICT_NONE;
	if (!omni_judge_names_agree(a, b, rule, model, pattern))
		return VERDICT_NONE;
	if (weight < model->model.threshold)
		return VERDICT_BELOW_THRESHOLD;
	if (births_differ)
		return VERDICT_BIRTHS_DIFFER;
	if (a->words < 2 || b->words < 2)
		return VERDICT_ONE_WORD;
	if (!strong && !(address && a->words >= 3 && b->words >= 3))
		return VERDICT_NAME_AND_ADDRESS;
	return VERDICT_LINK;
}

/*
 * omni_judge_contradiction: whether two records of one group contradict each
 * other, so that no link of the model may bring them together; names give way to a
 * link of the model between the two.
 */
JudgeContradiction
omni_judge_contradiction(const JudgedPerson *a, const JudgedPerson *b, const JudgeRule *rule)
{
	float4		similarity;

	if (rule->birth_date_guard && births_contradict(a, b))
		return CONTRADICT_BIRTHS;
	if (a->words >= 2 && b->words >= 2 && omni_judge_similarity(a, b, &similarity) && similarity < rule->min_name_similarity)
		return CONTRADICT_NAMES;
	return CONTRADICT_NOTHING;
}

/*
 * omni_judge_decision_text: a decision as match_link has it.
 */
const char *
omni_judge_decision_text(JudgeDecision decision)
{
	switch (decision)
	{
		case JUDGE_LINKED:
			return "linked";
		case JUDGE_KINDS_DIFFER:
			return "person and organisation";
		case JUDGE_NAMES_DIFFER:
			return "names differ";
		case JUDGE_BIRTHS_DIFFER:
			return "birth dates differ";
		case JUDGE_TAX_IDS_DIFFER:
			return "tax numbers differ";
		case JUDGE_LINKED_ELSEWHERE:
			return "already linked elsewhere";
		case JUDGE_GROUPS_DIFFER:
			return "groups differ";
		case JUDGE_DECIDED_APART:
			return "decided apart";
	}
	return NULL;
}

/*
 * omni_judge_decision_of: the decision of such a text.
 * Errors: invalid_parameter_value.
 */
JudgeDecision
omni_judge_decision_of(const text *name)
{
	for (int decision = JUDGE_LINKED; decision <= JUDGE_DECIDED_APART; decision++)
	{
		const char *known = omni_judge_decision_text(decision);

		if (VARSIZE_ANY_EXHDR(name) == strlen(known) && memcmp(VARDATA_ANY(name), known, strlen(known)) == 0)
			return decision;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("no decision on two records: \"%s\"", text_to_cstring(name)),
			 errhint("Decisions are those of match_link.")));
}

/*
 * omni_judge_verdict_text: a verdict as match_candidate has it; NULL for none.
 */
const char *
omni_judge_verdict_text(JudgeVerdict verdict)
{
	switch (verdict)
	{
		case VERDICT_NONE:
			return NULL;
		case VERDICT_LINK:
			return "link";
		case VERDICT_BELOW_THRESHOLD:
			return "below the threshold";
		case VERDICT_BIRTHS_DIFFER:
			return "birth dates differ";
		case VERDICT_ONE_WORD:
			return "name of one word";
		case VERDICT_NAME_AND_ADDRESS:
			return "name and address only";
	}
	return NULL;
}
