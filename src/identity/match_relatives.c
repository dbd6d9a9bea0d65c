/*
 * match_relatives.c
 *		People of one household, who are not one person.
 *
 * Two records that do not match are mostly of strangers, who agree by chance.  A few
 * are of relatives: they share surname, address, postcode, city and telephone at
 * once, which strangers never do, so that the sum of what each of these weighs
 * against chance says far too much.  Relatives are a third class beside matches and
 * strangers: with h, how often a level occurs among them, and their share eta of the
 * pairs that do not match, the weight of a pair is
 *
 *		log2 of P(levels | match) / ((1 - eta) P(levels | strangers) + eta P(levels | relatives))
 *
 * which is the weight against strangers less log2(1 - eta + eta * product of h / u),
 * here less max(0, log2 eta + 2 + sum of log2 h / u), a sum of whole units: the greater
 * of two terms is at most one bit away from the logarithm of their sum, and the two
 * bits leave apart in doubt.  What is left is the weight against relatives, to which only
 * that adds by which one of a family is told from the other.
 *
 * h is learnt from the pairs that agree on one field or on two (match_train.c): those
 * by address or surname and phone bring matches and relatives together.  Relatives
 * agree on given names and dates of birth by chance alone; that tells the two
 * classes apart, so without such a field no relatives are looked for.
 */
#include "postgres.h"

#include <math.h>

#include "common/compat.h"
#include "identity/match_draw.h"

/* share of equal values among relatives before anything is learnt */
#define USUAL_SHARED		0.8
/* and how many pairs that is worth */
#define USUAL_RELATIVES		4.0
/* records that need a value of their own person */
#define PERSONAL_PRESENT	0.5
/* a run counts when that share of its pairs are relatives, */
#define RUN_RELATIVES_MIN	0.003
/* weighs by them up to that many, */
#define RUN_RELATIVES_MAX	1000.0
/* and has its full say in eta with so many */
#define RUN_SURE_RELATIVES	20.0
/* fewer pairs of relatives say nothing */
#define RELATIVES_MIN		20.0
/* there are none unless that share of the pairs of some run are */
#define RELATIVES_SHARE_MIN	0.02
/* there are none unless that share have a value in common, which others have less often than that */
#define RELATIVES_SHARED	0.25
#define SELECTIVE			0.1
/* bits: those who may be relatives are left apart in doubt */
#define RELATIVES_DOUBT		2.0
/* levels of whole names that relatives reach by chance only: what differs is no more than a typing error */
#define NAME_SHARED_WORDS	4

/*
 * omni_match_is_personal: whether relatives reach this level of a kind as often as
 * strangers do.
 */
bool
omni_match_is_personal(MatchKind kind, int level)
{
	switch (kind)
	{
		case MATCH_GIVEN_NAME:
		case MATCH_BIRTH_DATE:
		case MATCH_TAX_ID:
			return true;
		case MATCH_NAME:
			return level < NAME_SHARED_WORDS;
		default:
			return false;
	}
}

/* Whether a field tells relatives apart wherever it has a value. */
static bool
tells_relatives(const MatchField *field)
{
	return field->kind == MATCH_NAME || field->kind == MATCH_GIVEN_NAME || field->kind == MATCH_BIRTH_DATE;
}

/* Shares of the levels of a field among relatives before anything is learnt. */
static void
usual_shares(const MatchField *field, double *usual)
{
	double		chance = 0;		/* share of the levels that relatives reach by chance only */
	int			others = 0;		/* of the other ones those that are not equality */

	for (int k = 0; k < field->levels; k++)
	{
		if (omni_match_is_personal(field->kind, k))
			chance += field->u[k];
		else
			others += k > 0;
	}
	for (int k = 0; k < field->levels; k++)
	{
		if (omni_match_is_personal(field->kind, k))
			usual[k] = field->u[k];
		else if (omni_match_is_personal(field->kind, 0))
			usual[k] = (1 - chance) / others;
		else
			usual[k] = k == 0 ? USUAL_SHARED : (1 - USUAL_SHARED) * Max(field->u[k] / (1 - field->u[0]), LEAST_SHARE);
	}
}

/*
 * omni_match_usual_relatives: what is assumed of relatives before anything is
 * learnt; nothing is where no field tells them apart.
 */
void
omni_match_usual_relatives(MatchModel *model, const MatchData *data)
{
	bool		told = false;

	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];

		told = told || (tells_relatives(field) && data->dictionary[f].present >= PERSONAL_PRESENT * data->nrecords);
		usual_shares(field, field->relatives);
	}
	model->relatives = told ? 1.0 / Max(data->nrecords, 2) : 0;
}

/* Whether a household has one value of such a kind for all, and others hardly ever the same. */
static bool
is_of_household(MatchKind kind)
{
	return kind == MATCH_NAME || kind == MATCH_SURNAME || kind == MATCH_ADDRESS || kind == MATCH_PHONE || kind == MATCH_EMAIL;
}

/*
 * omni_match_may_have_relatives: whether relatives are looked for among the pairs of
 * a run: among those that agree on what a household has for itself, and not on what
 * is one person's.  Those that agree on the place alone are neighbours.
 */
bool
omni_match_may_have_relatives(const MatchModel *model, const Run *run)
{
	MatchKind	first = model->field[run->first].kind;
	MatchKind	second = run->second >= 0 ? model->field[run->second].kind : first;

	return model->relatives > 0 && !omni_match_is_personal(first, 0) && !omni_match_is_personal(second, 0) &&
		(is_of_household(first) || is_of_household(second));
}

/* Expected relatives with evidence in a field that a run tells of; 0: it says nothing. */
static double
seen_relatives(const MatchModel *model, const Run *run, int f)
{
	double		count = 0;

	if (run->first == f || run->second == f || run->relatives < RUN_RELATIVES_MIN)
		return 0;
	for (int k = 0; k < model->field[f].levels; k++)
		count += run->related[f][k];
	return count;
}

/*
 * omni_match_relatives_shares: h of a field from expected relatives by level; what is
 * personal stays as chance has it, the rest is shared out among the other levels.
 */
void
omni_match_relatives_shares(const MatchField *field, const double *counts, double *shares)
{
	double		usual[MATCH_LEVELS_MAX];
	double		chance = 0;
	double		sum = 0;

	usual_shares(field, usual);
	for (int k = 0; k < field->levels; k++)
	{
		shares[k] = counts[k] + USUAL_RELATIVES * usual[k];
		if (omni_match_is_personal(field->kind, k))
			chance += field->u[k];
		else
			sum += shares[k];
	}
	for (int k = 0; k < field->levels; k++)
		shares[k] = omni_match_is_personal(field->kind, k) ? field->u[k] : shares[k] / sum * (1 - chance);
}

/* h of each field: mean over the runs with relatives, each by their number up to a limit. */
static void
average_relatives(MatchModel *model, const Run *runs, int nruns)
{
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];
		double		counts[MATCH_LEVELS_MAX] = {0};

		for (int i = 0; i < nruns; i++)
		{
			double		seen = seen_relatives(model, &runs[i], f);

			for (int k = 0; k < field->levels && seen > 0; k++)
				counts[k] += runs[i].related[f][k] * Min(1, RUN_RELATIVES_MAX / seen);
		}
		omni_match_relatives_shares(field, counts, field->relatives);
	}
}

/* The share of relatives among all pairs: median over the runs, as of lambda. */
static double
anchor_relatives(const MatchModel *model, const MatchData *data, const Run *runs, int nruns)
{
	Estimate   *estimates = palloc(Max(nruns, 1) * sizeof(Estimate));
	double		n = data->nrecords;
	double		share = 0;
	int			count = 0;

	for (int i = 0; i < nruns; i++)
	{
		const Run  *run = &runs[i];
		double		present = data->dictionary[run->first].present / n;
		double		found = model->field[run->first].relatives[0] * present * present;

		if (run->relatives < RUN_RELATIVES_MIN)
			continue;
		if (run->second >= 0)
		{
			present = data->dictionary[run->second].present / n;
			found *= model->field[run->second].relatives[0] * present * present;
		}
		estimates[count].value = run->pairs * run->relatives / found / (n * (n - 1) / 2);
		estimates[count++].weight = Min(run->pairs * run->relatives / RUN_SURE_RELATIVES, 1) * Min(found, 1);
	}
	if (count > 0)
		share = Min(omni_match_weighted_median(estimates, count), 0.5);
	pfree(estimates);
	return share;
}

/* The part of equality among relatives that is not by chance. */
static double
shared_share(const MatchField *field)
{
	return field->u[0] < 1 ? (field->relatives[0] - field->u[0]) / (1 - field->u[0]) : 0;
}

/* Most relatives that a run saw with evidence in a field. */
static double
most_seen(const MatchModel *model, const Run *runs, int nruns, int f)
{
	double		seen = 0;

	for (int i = 0; i < nruns; i++)
		seen = Max(seen, seen_relatives(model, &runs[i], f));
	return seen;
}

/*
 * Whether relatives are more than a few odd pairs in some run, and have in common
 * what is no condition there and not most people's.
 */
static bool
are_relatives(const MatchModel *model, const Run *runs, int nruns)
{
	bool		share = false;
	bool		many = false;

	for (int f = 0; f < model->nfields; f++)
	{
		const MatchField *field = &model->field[f];

		if (field->u[0] <= SELECTIVE && shared_share(field) >= RELATIVES_SHARED && most_seen(model, runs, nruns, f) >= RELATIVES_MIN)
			share = true;
	}
	for (int i = 0; i < nruns; i++)
	{
		if (runs[i].relatives >= RELATIVES_SHARE_MIN && runs[i].relatives * runs[i].drawn >= RELATIVES_MIN)
			many = true;
	}
	return share && many;
}

/*
 * omni_match_learn_relatives: h and eta from what the runs say of relatives; none
 * where they found hardly any.
 */
void
omni_match_learn_relatives(MatchModel *model, const MatchData *data, const Run *runs, int nruns)
{
	if (model->relatives <= 0)
		return;
	average_relatives(model, runs, nruns);
	model->relatives = are_relatives(model, runs, nruns) ? anchor_relatives(model, data, runs, nruns) : 0;
}

/* Whether relatives were found among pairs that agree on a field: eta then goes by its h, known or assumed. */
static bool
is_anchor(const Run *runs, int nruns, int f)
{
	for (int i = 0; i < nruns; i++)
	{
		if ((runs[i].first == f || runs[i].second == f) && runs[i].relatives >= RUN_RELATIVES_MIN)
			return true;
	}
	return false;
}

/*
 * omni_match_settle_relatives: what no run told of relatives is not assumed any
 * more, now that all is learnt.
 */
void
omni_match_settle_relatives(MatchModel *model, const Run *runs, int nruns)
{
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];

		if (most_seen(model, runs, nruns, f) < RELATIVES_MIN && !is_anchor(runs, nruns, f))
			memcpy(field->relatives, field->u, sizeof(field->relatives));
	}
}

/*
 * omni_match_relatives_weights: what the weight of a pair is lowered by, from eta and h.
 */
void
omni_match_relatives_weights(MatchModel *model)
{
	/* so far below zero that no pair reaches it */
	model->relatives_weight = PG_INT32_MIN / 2;
	if (model->relatives > 0)
		model->relatives_weight = omni_match_units(log2(model->relatives / (1 - model->relatives)) + RELATIVES_DOUBT);
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];

		memset(field->relatives_weight, 0, sizeof(field->relatives_weight));
		for (int state = 0; state < MATCH_STATES && model->relatives > 0; state++)
		{
			bool		known = field->parent >= 0 && state < model->field[field->parent].levels;
			const double *u = known ? field->u_given[state] : field->u;

			for (int k = 0; k < field->levels; k++)
			{
				double		share = k == 0 ? Max(shared_share(field), 1e-9) : field->relatives[k];

				if (!omni_match_is_personal(field->kind, k))
					field->relatives_weight[state][k] = omni_match_units(log2(share / u[k]));
				else if (k == 0)
					field->relatives_weight[state][k] = PG_INT32_MIN / 64;
			}
		}
	}
}
