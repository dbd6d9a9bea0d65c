/*
 * survive_contest.c
 *		How one unit of attributes is decided among the records of a group.
 *
 *	1. A record without a value does not compete, unless the plan says that the
 *	   silence of its source is a value.
 *	2. What failed validation (a quality below 6) comes after what did not,
 *	   competes with it, or never survives.
 *	3. The rules in force at the date, one after the other, until one sees a
 *	   difference.  What is left goes by more filled attributes of the unit,
 *	   trust, newest business date, and the canonical order, which ends in the
 *	   smallest record id.
 *	4. A winner of a group that is contained in a fuller record that competes (same
 *	   values, and more) is replaced by the fullest such record: nothing is lost
 *	   when the newest source tells only the town.
 *
 * Every order is total, so the verdict does not depend on the order of rows.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "common/compat.h"
#include "golden/survive.h"

/* competitors that need no memory of their own */
#define FEW 8

/* A record that competes. */
typedef struct Competitor
{
	int			record;
	int			lowest;			/* lowest quality of its values */
	int			filled;
	int			length;			/* characters */
	int			sources;		/* different sources with the same values */
	int			twins;			/* competitors with the same values, itself included */
	double		trust;
	double		votes;			/* trust in all with the same values */
	bool		comparable;		/* by its number or date */
	Datum		number;
	TimestampTz date;
} Competitor;

/* One unit and who competes in it. */
typedef struct Contest
{
	const SurviveField *field;
	const SurviveUnit *unit;
	const SurviveVerdict *verdicts;
	int			count;
	Competitor *competitors;
	int			step_count;		/* steps in force */
	const SurviveStep *steps[MAX_SURVIVE_STEPS];
} Contest;

static bool
has_rule(const Contest *contest, SurviveRule rule)
{
	for (int i = 0; i < contest->step_count; i++)
		if (contest->steps[i]->rule == rule)
			return true;
	return false;
}

/* Collects the steps in force; without one it goes by trust. */
static void
find_steps(Contest *contest)
{
	const SurviveUnit *unit = contest->unit;
	TimestampTz as_of = contest->field->state->as_of;

	contest->step_count = 0;
	for (int i = 0; i < unit->step_count; i++)
		if (unit->timeless || (unit->steps[i].from <= as_of && as_of < unit->steps[i].until))
			contest->steps[contest->step_count++] = &unit->steps[i];
	if (contest->step_count == 0)
		contest->steps[contest->step_count++] = &contest->field->plan->fallback;
}

/* Compares the values of two records in a unit; no value comes last. */
static int
compare_unit(const SurviveField *field, const SurviveUnit *unit, int a, int b)
{
	for (int i = 0; i < unit->count; i++)
	{
		int			attribute = unit->members[i];
		bool		has_a = field_quality(field, a, attribute) > 0;
		bool		has_b = field_quality(field, b, attribute) > 0;
		int			order;

		if (has_a != has_b)
			return has_a ? -1 : 1;
		if (!has_a)
			continue;
		order = compare_value(field_value(field, a, attribute), field_value(field, b, attribute));
		if (order != 0)
			return order;
	}
	return 0;
}

static bool
same_unit(const SurviveField *field, const SurviveUnit *unit, int a, int b)
{
	for (int i = 0; i < unit->count; i++)
	{
		int			attribute = unit->members[i];
		bool		has = field_quality(field, a, attribute) > 0;

		if (has != (field_quality(field, b, attribute) > 0) ||
			(has && !same_value(field_value(field, a, attribute), field_value(field, b, attribute))))
			return false;
	}
	return true;
}

/* Whether the silence of a record is a value. */
static bool
counts_when_empty(const Contest *contest, int record)
{
	for (int i = 0; i < contest->unit->empty_count; i++)
		if (contest->unit->empty_sources[i] == contest->field->records[record]->source_id)
			return true;
	return false;
}

/* Characters of the values of a record in a unit. */
static int
count_characters(const SurviveField *field, const SurviveUnit *unit, int record)
{
	int			length = 0;

	for (int i = 0; i < unit->count; i++)
		if (field_quality(field, record, unit->members[i]) > 0)
		{
			Datum		value = field_value(field, record, unit->members[i]);

			length += pg_mbstrlen_with_len(VARDATA_ANY(DatumGetPointer(value)), value_length(value));
		}
	return length;
}

/* Fills a competitor from a record; false when it does not compete. */
static bool
enter(const Contest *contest, Competitor *competitor, int record)
{
	const SurviveField *field = contest->field;
	const SurviveUnit *unit = contest->unit;

	competitor->record = record;
	competitor->lowest = 9;
	competitor->filled = 0;
	for (int i = 0; i < unit->count; i++)
	{
		int			quality = field_quality(field, record, unit->members[i]);
		double		trust;

		if (quality == 0)
			continue;
		competitor->lowest = Min(competitor->lowest, quality);
		trust = survive_trust(field, record, unit->members[i]);
		if (competitor->filled++ == 0 || trust < competitor->trust)
			competitor->trust = trust;
	}
	if (competitor->filled > 0)
		return unit->implausible != IMPLAUSIBLE_NEVER || competitor->lowest >= QUALITY_PLAUSIBLE;
	competitor->lowest = QUALITY_PLAUSIBLE;
	competitor->trust = survive_base_trust(field->sources[record], field->records[record]);
	return unit->empty_count > 0 && counts_when_empty(contest, record);
}

static int
compare_ids(const void *x, const void *y)
{
	int64		a = *(const int64 *) x;
	int64		b = *(const int64 *) y;

	return (a > b) - (a < b);
}

static int
compare_competitors(const void *x, const void *y, void *argument)
{
	const Contest *contest = argument;
	const Competitor *a = *(Competitor *const *) x;
	const Competitor *b = *(Competitor *const *) y;
	int			order = compare_unit(contest->field, contest->unit, a->record, b->record);

	return order != 0 ? order : a->record - b->record;
}

/* Sets what equal competitors have in common. */
static void
count_twins(Contest *contest)
{
	int			count = contest->count;
	Competitor **order = palloc_array(Competitor *, count);
	int64	   *sources = palloc_array(int64, count);
	int			end;

	for (int i = 0; i < count; i++)
		order[i] = &contest->competitors[i];
	qsort_arg(order, count, sizeof(Competitor *), compare_competitors, contest);
	for (int start = 0; start < count; start = end)
	{
		double		votes = 0;
		int			different = 0;

		for (end = start; end < count; end++)
		{
			if (end > start && !same_unit(contest->field, contest->unit, order[start]->record, order[end]->record))
				break;
			votes += order[end]->trust;
			sources[end - start] = contest->field->records[order[end]->record]->source_id;
		}
		qsort(sources, end - start, sizeof(int64), compare_ids);
		for (int i = 0; i < end - start; i++)
			different += i == 0 || sources[i] != sources[i - 1];
		for (int i = start; i < end; i++)
		{
			order[i]->twins = end - start;
			order[i]->sources = different;
			order[i]->votes = votes;
		}
	}
	pfree(order);
	pfree(sources);
}

/* Fills in what the steps in force compare and enter() does not. */
static void
prepare(Contest *contest)
{
	const SurviveField *field = contest->field;
	const SurviveUnit *unit = contest->unit;

	if (has_rule(contest, RULE_FREQUENT) || has_rule(contest, RULE_VOTE))
		count_twins(contest);
	if (has_rule(contest, RULE_LONGEST) || has_rule(contest, RULE_SHORTEST))
		for (int i = 0; i < contest->count; i++)
			contest->competitors[i].length = count_characters(field, unit, contest->competitors[i].record);
	if (unit->type == TYPE_TEXT || !(has_rule(contest, RULE_MIN) || has_rule(contest, RULE_MAX)))
		return;
	for (int i = 0; i < contest->count; i++)
	{
		Competitor *competitor = &contest->competitors[i];
		Datum		value;

		competitor->comparable = false;
		if (competitor->filled == 0)
			continue;
		value = field_value(field, competitor->record, unit->members[0]);
		competitor->comparable = unit->type == TYPE_NUMBER ? survive_number(value, &competitor->number)
			: survive_date(value, &competitor->date);
	}
}

/* The smaller value first; what cannot be compared, last. */
static int
compare_size(const Contest *contest, const Competitor *a, const Competitor *b, bool greatest)
{
	int			order;

	if (contest->unit->type == TYPE_TEXT)
	{
		if (a->filled == 0 || b->filled == 0)
			return b->filled - a->filled;
		order = compare_unit(contest->field, contest->unit, a->record, b->record);
	}
	else
	{
		if (!a->comparable || !b->comparable)
			return b->comparable - a->comparable;
		if (contest->unit->type == TYPE_NUMBER)
			order = DatumGetInt32(DirectFunctionCall2(numeric_cmp, a->number, b->number));
		else
			order = (a->date > b->date) - (a->date < b->date);
	}
	return greatest ? -order : order;
}

/* The place of a competitor's source in the list of a step; the end when missing. */
static int
find_source(const SurviveStep *step, int64 source_id)
{
	int			i = 0;

	while (i < step->list_count && step->sources[i] != source_id)
		i++;
	return i;
}

/* The place of a competitor's value in the list of a step; -1 when missing. */
static int
find_stage(const Contest *contest, const SurviveStep *step, const Competitor *competitor)
{
	int			i = step->list_count - 1;

	if (competitor->filled == 0)
		return -1;
	while (i >= 0 && !same_value(step->values[i], field_value(contest->field, competitor->record, contest->unit->members[0])))
		i--;
	return i;
}

/* Compares two competitors by one step; below 0 when a comes first. */
static int
compare_step(const Contest *contest, const SurviveStep *step, const Competitor *a, const Competitor *b)
{
	const SurviveRecord *ra = contest->field->records[a->record];
	const SurviveRecord *rb = contest->field->records[b->record];
	TimestampTz ta = ra->business_at;
	TimestampTz tb = rb->business_at;

	switch (step->rule)
	{
		case RULE_TRUST:
			return (a->trust < b->trust) - (a->trust > b->trust);
		case RULE_RECENT:
			return (ta < tb) - (ta > tb);
		case RULE_OLDEST:
			if (ta == DT_NOBEGIN || tb == DT_NOBEGIN)
				return (ta == DT_NOBEGIN) - (tb == DT_NOBEGIN);
			return (ta > tb) - (ta < tb);
		case RULE_FREQUENT:
			return a->sources != b->sources ? b->sources - a->sources : b->twins - a->twins;
		case RULE_LONGEST:
			return b->length - a->length;
		case RULE_SHORTEST:
			return a->length - b->length;
		case RULE_VALID:
			return b->lowest - a->lowest;
		case RULE_SOURCE:
			return find_source(step, ra->source_id) - find_source(step, rb->source_id);
		case RULE_COMPLETE:
			return contest->field->filled[b->record] - contest->field->filled[a->record];
		case RULE_MIN:
		case RULE_MAX:
			return compare_size(contest, a, b, step->rule == RULE_MAX);
		case RULE_VOTE:
			return (a->votes < b->votes) - (a->votes > b->votes);
		case RULE_STAGE:
			return find_stage(contest, step, b) - find_stage(contest, step, a);
		case RULE_FOLLOW:
			return (contest->verdicts[step->followed].record == b->record) -
				(contest->verdicts[step->followed].record == a->record);
		case RULE_FIRST:
			return (ra->record_id > rb->record_id) - (ra->record_id < rb->record_id);
		case RULE_LAST:
			return (ra->record_id < rb->record_id) - (ra->record_id > rb->record_id);
		case RULE_SUM:
		case RULE_UNION:
			break;
	}
	return 0;
}

/*
 * Compares two competitors; below 0 when a comes first.  Returns in step the
 * number of the step that saw the difference, step_count for ties.
 */
static int
compare(const Contest *contest, const Competitor *a, const Competitor *b, int *step)
{
	TimestampTz ta = contest->field->records[a->record]->business_at;
	TimestampTz tb = contest->field->records[b->record]->business_at;
	int			order;

	for (*step = 0; *step < contest->step_count; (*step)++)
		if ((order = compare_step(contest, contest->steps[*step], a, b)) != 0)
			return order;
	if (a->filled != b->filled)
		return b->filled - a->filled;
	if (a->trust != b->trust)
		return a->trust > b->trust ? -1 : 1;
	if (ta != tb)
		return ta > tb ? -1 : 1;
	return a->record - b->record;
}

/* True when each value of a in the unit is also the value of b. */
static bool
contained_in(const SurviveField *field, const SurviveUnit *unit, int a, int b)
{
	for (int i = 0; i < unit->count; i++)
	{
		int			attribute = unit->members[i];

		if (field_quality(field, a, attribute) > 0 &&
			(field_quality(field, b, attribute) == 0 ||
			 !same_value(field_value(field, a, attribute), field_value(field, b, attribute))))
			return false;
	}
	return true;
}

/* The fullest competitor that says what the winner says, and more. */
static const Competitor *
complete_winner(const Contest *contest, const Competitor *winner)
{
	const Competitor *fullest = winner;

	for (int i = 0; i < contest->count; i++)
	{
		const Competitor *other = &contest->competitors[i];
		int			step;

		if (other->filled < fullest->filled || other->filled == winner->filled ||
			!contained_in(contest->field, contest->unit, winner->record, other->record))
			continue;
		if (other->filled > fullest->filled || compare(contest, other, fullest, &step) < 0)
			fullest = other;
	}
	return fullest;
}

/* Leaves the plausible competitors, when there are any; true when some go. */
static bool
keep_plausible(Contest *contest)
{
	int			kept = 0;
	int			count = contest->count;

	for (int i = 0; i < count; i++)
		if (contest->competitors[i].lowest >= QUALITY_PLAUSIBLE)
			contest->competitors[kept++] = contest->competitors[i];
	if (kept == 0 || kept == count)
		return false;
	contest->count = kept;
	return true;
}

/* What decided: the last rule that was needed against other values. */
static Datum
find_rule(const Contest *contest, const Competitor *winner)
{
	int			decided = 0;
	const SurviveStep *step;

	for (int i = 0; i < contest->count; i++)
	{
		int			at;

		if (&contest->competitors[i] == winner)
			continue;
		compare(contest, winner, &contest->competitors[i], &at);
		if (at > decided && !same_unit(contest->field, contest->unit, winner->record, contest->competitors[i].record))
			decided = at;
	}
	step = contest->steps[Min(decided, contest->step_count - 1)];
	return decided < contest->step_count ? step->name : step->tie_name;
}

/* Sum and union take all that competes. */
static void
combine(const Contest *contest, SurviveVerdict *verdict)
{
	bool	   *competes = palloc0_array(bool, contest->field->count);

	for (int i = 0; i < contest->count; i++)
		competes[contest->competitors[i].record] = true;
	verdict->only_plausible = false;
	verdict->rule = contest->steps[0]->name;
	survive_combine_values(contest->field, contest->unit, competes, verdict);
	pfree(competes);
}

/*
 * Decides one unit.  verdicts are those of the units that it follows.
 */
void
survive_contest(const SurviveField *field, const SurviveUnit *unit, const SurviveVerdict *verdicts,
				SurviveVerdict *verdict)
{
	Contest		contest;
	Competitor	few[FEW];
	const Competitor *winner;
	const Competitor *fullest;
	int			step;

	memset(verdict, 0, sizeof(SurviveVerdict));
	verdict->record = -1;
	contest.field = field;
	contest.unit = unit;
	contest.verdicts = verdicts;
	contest.count = 0;
	contest.competitors = field->count <= FEW ? few : palloc_array(Competitor, field->count);
	for (int i = 0; i < field->count; i++)
		contest.count += enter(&contest, &contest.competitors[contest.count], i);
	if (contest.count == 0)
		return;
	find_steps(&contest);
	if (unit->implausible == IMPLAUSIBLE_LAST)
		verdict->only_plausible = keep_plausible(&contest);
	if (contest.steps[0]->rule == RULE_SUM || contest.steps[0]->rule == RULE_UNION)
	{
		combine(&contest, verdict);
		return;
	}
	winner = &contest.competitors[0];
	if (contest.count > 1)
	{
		prepare(&contest);
		for (int i = 1; i < contest.count; i++)
		{
			CHECK_FOR_INTERRUPTS();
			if (compare(&contest, &contest.competitors[i], winner, &step) < 0)
				winner = &contest.competitors[i];
		}
	}
	verdict->rule = find_rule(&contest, winner);
	for (int i = 0; verdict->only_plausible && i < contest.count; i++)
		verdict->only_plausible = same_unit(field, unit, winner->record, contest.competitors[i].record);
	fullest = unit->count > 1 ? complete_winner(&contest, winner) : winner;
	verdict->record = fullest->record;
	if (contest.competitors != few)
		pfree(contest.competitors);
}

static int
compare_value_pointers(const void *x, const void *y)
{
	return compare_value(*(const Datum *) x, *(const Datum *) y);
}

/* Number of different values of one attribute over all records. */
int
survive_candidates(const SurviveField *field, int attribute)
{
	Datum	   *found;
	int			n = 0,
				different;

	if (field->count == 1)
		return field_quality(field, 0, attribute) > 0;
	if (field->count == 2)
	{
		bool		first = field_quality(field, 0, attribute) > 0;
		bool		second = field_quality(field, 1, attribute) > 0;

		return first + second - (first && second &&
								 same_value(field_value(field, 0, attribute), field_value(field, 1, attribute)));
	}
	found = palloc_array(Datum, field->count);
	for (int i = 0; i < field->count; i++)
		if (field_quality(field, i, attribute) > 0)
			found[n++] = field_value(field, i, attribute);
	if (n > 1)
		qsort(found, n, sizeof(Datum), compare_value_pointers);
	different = Min(n, 1);
	for (int i = 1; i < n; i++)
		different += !same_value(found[i - 1], found[i]);
	pfree(found);
	return different;
}
