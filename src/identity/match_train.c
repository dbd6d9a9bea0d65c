/*
 * match_train.c
 *		Learns a model from a table without labels: Fellegi and Sunter 1969, by EM
 *		on the counts of patterns (Winkler 1988).
 *
 * EM on the pairs that blocking brings together takes whatever those have in
 * common for the matches.  What keeps it on its track:
 * - u is counted, not estimated: equality exactly, from the frequencies of the
 *   values, the other levels from pairs drawn by hash.  The matches among them
 *   are taken out again, which matters in small tables.
 * - m is learnt from pairs that agree exactly on one field or on two, whatever
 *   they are, from the other fields.  Among such pairs non-matches still agree
 *   by chance only.  Conditions that hardly select matches are left out, the
 *   others are averaged.
 * - lambda, the probability that two records drawn at random match, is anchored
 *   by the same runs: the matches that a condition found, over the share of all
 *   matches that fulfil it; the median of the runs.
 * - people of one household would pass for matches among pairs that agree on their
 *   address: they are a class of their own there (match_relatives.c).
 * Sums run over whole counts in the order of the patterns, so the model is the
 * same to the bit for any order of the rows.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "identity/match_draw.h"
#include "identity/match_spread.h"

#define ITERATIONS_MAX	500
#define CONVERGED		1e-7
/* what is usual for a kind counts as many matches */
#define USUAL_MATCHES	4.0
/* pairs that everything is assumed to have, and their share of equal values */
#define USUAL_PAIRS		20.0
#define USUAL_EQUAL		0.01
/* most matches of a record that lambda admits */
#define MATCHES_MAX		20.0
/* a condition counts when that share of its pairs are matches */
#define RUN_LAMBDA_MIN	0.3
/* and weighs by its matches up to that many */
#define RUN_MATCHES_MAX	1000.0
/* a run has its full say in lambda with so many matches, and that share of all */
#define RUN_SURE_MATCHES	20.0
#define RUN_SURE_SHARE	0.1
/* u, m and lambda depend on each other */
#define ROUNDS			3
/* bits from which the agreement of two fields counts as dependent */
#define DEPENDENCE_MIN	0.001
/* shares by the level of another field remember the plain ones as so many pairs */
#define DEPENDENCE_MEMORY	20.0
#define TERMS_MAX		1000
/* records from which a value is listed with its frequency: identifiers, and others */
#define SHARED_BY_MANY	50
#define SHARED_BY_SOME	5

/* Shares of the levels of a field among matches before anything is learnt. */
static void
usual_shares(const MatchField *field, double *m)
{
	int			middle = field->levels - 2;

	m[0] = middle > 0 ? 0.80 : 0.90;
	for (int k = 1; k <= middle; k++)
		m[k] = 0.12 / middle;
	m[field->levels - 1] = middle > 0 ? 0.08 : 0.10;
}

/* Probability that two records drawn at random have the same value. */
static double
share_of_equal(const MatchDictionary *dictionary)
{
	double		equal = 0;
	double		n = dictionary->present;

	for (uint32 i = 0; i < dictionary->count; i++)
		equal += (double) dictionary->values[i].count * (dictionary->values[i].count - 1.0);
	/* a handful of records tells little */
	return (equal / 2 + USUAL_PAIRS * USUAL_EQUAL) / (n * (n - 1) / 2 + USUAL_PAIRS);
}

/* The levels of the fields in a pattern. */
static void
pattern_levels(const MatchModel *model, uint64 pattern, uint8 *level)
{
	for (int f = 0; f < model->nfields; f++)
		level[f] = (pattern >> (MATCH_LEVEL_BITS * f)) & MATCH_NO_EVIDENCE;
}

/* How often each level occurs among random pairs. */
static void
count_random_pairs(MatchWork *work, const MatchData *data, RandomPairs *random)
{
	const MatchModel *model = data->model;
	double		count[MATCH_FIELDS_MAX][MATCH_STATES] = {{0}};

	omni_match_draw_random(work, random);
	for (int i = 0; i < random->npatterns; i++)
	{
		uint8		level[MATCH_FIELDS_MAX];

		pattern_levels(model, random->patterns[i].pattern, level);
		for (int f = 0; f < model->nfields; f++)
			count[f][level[f]] += random->patterns[i].count;
	}
	for (int f = 0; f < model->nfields; f++)
	{
		double		equal = share_of_equal(&data->dictionary[f]);
		double		others = 0;

		for (int k = 1; k < model->field[f].levels; k++)
			others += count[f][k] + 0.5;
		random->share[f][0] = Max(equal, LEAST_SHARE);
		for (int k = 1; k < model->field[f].levels; k++)
			random->share[f][k] = (1 - equal) * (count[f][k] + 0.5) / others;
	}
}

/* u: what is left of the random pairs without the matches and relatives among them. */
static void
take_matches_out(MatchModel *model, const RandomPairs *random)
{
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];
		double		sum = 0;

		for (int k = 0; k < field->levels; k++)
		{
			field->u[k] = Max((random->share[f][k] - model->prior * field->m[k] - model->relatives * field->relatives[k]) /
							  (1 - model->prior - model->relatives),
							  Max(random->share[f][k] * 0.01, LEAST_SHARE));
			sum += field->u[k];
		}
		for (int k = 0; k < field->levels; k++)
			field->u[k] /= sum;
	}
}

/* log(m/u) and log(h/u) of each level, by the level of the parent, as the run sees it. */
typedef struct RunLogs
{
	double		match[MATCH_FIELDS_MAX][MATCH_STATES][MATCH_STATES];
	double		relatives[MATCH_FIELDS_MAX][MATCH_STATES][MATCH_STATES];
	double		match_odds;		/* log of lambda, and of the share of relatives, over the rest */
	double		relatives_odds;
} RunLogs;

static void
run_logs(const MatchModel *model, const Run *run, RunLogs *logs)
{
	double		strangers = 1 - run->lambda - run->relatives;

	memset(logs, 0, sizeof(RunLogs));
	logs->match_odds = log(run->lambda / strangers);
	logs->relatives_odds = run->relatives > 0 ? log(run->relatives / strangers) : 0;
	for (int f = 0; f < model->nfields; f++)
	{
		const MatchField *field = &model->field[f];

		/* the fields of the condition are equal in matches and others */
		if (f == run->first || f == run->second)
			continue;
		for (int state = 0; state < MATCH_STATES; state++)
		{
			bool		given = field->parent >= 0 && state < model->field[field->parent].levels;
			const double *u = given ? field->u_given[state] : field->u;

			for (int k = 0; k < field->levels; k++)
			{
				logs->match[f][state][k] = log((given ? field->m_given[state][k] : run->m[f][k]) / u[k]);
				if (run->relatives > 0 && !omni_match_is_personal(field->kind, k))
					logs->relatives[f][state][k] = log(run->h[f][k] / u[k]);
			}
		}
	}
}

/* The expected matches and relatives among the pairs of a pattern. */
static void
expect(const Run *run, const RunLogs *logs, const MatchModel *model, const uint8 *level, double count,
	   double *matches, double *relatives)
{
	double		x = logs->match_odds;
	double		y = logs->relatives_odds;
	double		most;

	for (int f = 0; f < model->nfields; f++)
	{
		int			state = model->field[f].parent >= 0 ? level[model->field[f].parent] : MATCH_NO_EVIDENCE;

		x += logs->match[f][state][level[f]];
		y += logs->relatives[f][state][level[f]];
	}
	if (run->relatives <= 0)
	{
		*matches = count / (1 + exp(-x));
		*relatives = 0;
		return;
	}
	most = Max(Max(x, y), 0);
	x = exp(x - most);
	y = exp(y - most);
	count /= x + y + exp(-most);
	*matches = count * x;
	*relatives = count * y;
}

/* One step of EM on a run; the greatest change of a share. */
static double
em_step(const MatchModel *model, Run *run, RunLogs *logs)
{
	double		matches[MATCH_FIELDS_MAX][MATCH_LEVELS_MAX] = {{0}};
	double		all = 0;
	double		related = 0;
	double		change = 0;

	run_logs(model, run, logs);
	memset(run->joint, 0, sizeof(run->joint));
	memset(run->related, 0, sizeof(run->related));
	for (int i = 0; i < run->npatterns; i++)
	{
		uint8		level[MATCH_FIELDS_MAX];
		double		expected;
		double		relatives;

		pattern_levels(model, run->patterns[i].pattern, level);
		expect(run, logs, model, level, run->patterns[i].count, &expected, &relatives);
		all += expected;
		related += relatives;
		for (int f = 0; f < model->nfields; f++)
		{
			if (level[f] == MATCH_NO_EVIDENCE)
				continue;
			matches[f][level[f]] += expected;
			run->related[f][level[f]] += relatives;
			if (model->field[f].parent >= 0)
				run->joint[f][level[model->field[f].parent]][level[f]] += expected;
		}
	}
	for (int f = 0; f < model->nfields; f++)
	{
		const MatchField *field = &model->field[f];
		double		usual[MATCH_LEVELS_MAX];
		double		sum = USUAL_MATCHES;

		usual_shares(field, usual);
		for (int k = 0; k < field->levels; k++)
			sum += matches[f][k];
		run->matches[f] = sum - USUAL_MATCHES;
		for (int k = 0; k < field->levels; k++)
		{
			double		m = (matches[f][k] + USUAL_MATCHES * usual[k]) / sum;

			change = Max(change, fabs(m - run->m[f][k]));
			run->m[f][k] = m;
		}
		if (run->relatives > 0)
			omni_match_relatives_shares(field, run->related[f], run->h[f]);
	}
	if (run->relatives > 0)
		run->relatives = Max(Min(related / run->drawn, 0.999), 1e-9);
	run->lambda = Max(Min(all / run->drawn, 1 - 1e-6 - run->relatives), 1e-9);
	return change;
}

static void
run_em(const MatchModel *model, Run *run, RunLogs *logs)
{
	run->lambda = 0.5;
	run->relatives = omni_match_may_have_relatives(model, run) ? 0.25 : 0;
	for (int f = 0; f < model->nfields; f++)
	{
		memcpy(run->m[f], model->field[f].m, sizeof(run->m[f]));
		memcpy(run->h[f], model->field[f].relatives, sizeof(run->h[f]));
	}
	for (int i = 0; i < ITERATIONS_MAX; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (em_step(model, run, logs) < CONVERGED)
			break;
	}
}

static int
compare_estimates(const void *a, const void *b)
{
	const Estimate *x = a;
	const Estimate *y = b;

	if (x->value != y->value)
		return x->value < y->value ? -1 : 1;
	return x->weight < y->weight ? -1 : x->weight > y->weight;
}

/*
 * omni_match_weighted_median: the value up to which half the weight lies; sorts the
 * estimates, of which there is one at least.
 */
double
omni_match_weighted_median(Estimate *estimates, int count)
{
	double		half = 0;
	double		sum = 0;
	int			i;

	qsort(estimates, count, sizeof(Estimate), compare_estimates);
	for (i = 0; i < count; i++)
		half += estimates[i].weight / 2;
	for (i = 0; i < count - 1 && sum + estimates[i].weight <= half; i++)
		sum += estimates[i].weight;
	return estimates[i].value;
}

/* m of each field: mean over the runs that select matches, each by its number up to a limit. */
static void
average_runs(MatchModel *model, const Run *runs, int nruns)
{
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];
		double		usual[MATCH_LEVELS_MAX];
		double		m[MATCH_LEVELS_MAX] = {0};
		double		sum = 0;

		for (int i = 0; i < nruns; i++)
		{
			double		weight = Min(runs[i].matches[f], RUN_MATCHES_MAX);

			if (runs[i].first == f || runs[i].second == f || runs[i].lambda < RUN_LAMBDA_MIN)
				continue;
			for (int k = 0; k < field->levels; k++)
				m[k] += weight * runs[i].m[f][k];
			sum += weight;
		}
		usual_shares(field, usual);
		for (int k = 0; k < field->levels; k++)
			field->m[k] = (m[k] + USUAL_MATCHES * usual[k]) / (sum + USUAL_MATCHES);
	}
}

/*
 * lambda: median over the runs of the matches found over the share that a run
 * finds.  A run that found few matches, or finds a small share, weighs less: one
 * match by a value that few records have says little of the others.
 */
static void
anchor_prior(MatchModel *model, const MatchData *data, const Run *runs, int nruns)
{
	Estimate   *estimates = palloc(Max(nruns, 1) * sizeof(Estimate));
	double		n = data->nrecords;
	double		all = n * (n - 1) / 2;
	double		most = Min(MATCHES_MAX / n, 0.5);
	int			count = 0;

	for (int i = 0; i < nruns; i++)
	{
		const MatchField *first = &model->field[runs[i].first];
		const MatchField *second = runs[i].second >= 0 ? &model->field[runs[i].second] : NULL;
		double		present = data->dictionary[runs[i].first].present / n;
		double		found = first->m[0] * present * present;

		if (runs[i].lambda < RUN_LAMBDA_MIN)
			continue;
		if (second != NULL)
		{
			present = data->dictionary[runs[i].second].present / n;
			found *= second->m[0] * present * present;
		}
		estimates[count].value = runs[i].pairs * runs[i].lambda / found / all;
		estimates[count++].weight = Min(runs[i].pairs * runs[i].lambda / RUN_SURE_MATCHES, 1) * Min(found / RUN_SURE_SHARE, 1);
	}
	if (count > 0)
		model->prior = omni_match_weighted_median(estimates, count);
	else
	{
		/* nothing looks like matches: no more than what agrees on anything */
		model->prior = 0.5 / n;
		for (int f = 0; f < model->nfields; f++)
			model->prior = Min(model->prior, 0.5 * share_of_equal(&data->dictionary[f]) / model->field[f].m[0]);
	}
	model->prior = Max(Min(model->prior, most), 0.01 / all);
	pfree(estimates);
}

/*
 * Counts how levels go together among random pairs, each by the probability that it
 * is neither of a match nor of relatives as far as the fields tell without dependence:
 * in small tables these would be most of what agrees.
 */
static void
count_joint(const MatchModel *model, RandomPairs *random, RunLogs *logs)
{
	Run			all = {.first = -1, .second = -1, .lambda = model->prior, .relatives = model->relatives};

	for (int f = 0; f < model->nfields; f++)
	{
		memcpy(all.m[f], model->field[f].m, sizeof(all.m[f]));
		memcpy(all.h[f], model->field[f].relatives, sizeof(all.h[f]));
	}
	run_logs(model, &all, logs);
	memset(random->joint, 0, sizeof(random->joint));
	for (int i = 0; i < random->npatterns; i++)
	{
		uint8		level[MATCH_FIELDS_MAX];
		double		matches;
		double		relatives;
		double		others;

		pattern_levels(model, random->patterns[i].pattern, level);
		expect(&all, logs, model, level, random->patterns[i].count, &matches, &relatives);
		others = random->patterns[i].count - matches - relatives;
		for (int f = 0; f < model->nfields; f++)
		{
			for (int g = 0; g < f; g++)
				random->joint[f][g][level[f]][level[g]] += others;
		}
	}
}

/* How often two levels go together among random pairs; what may be chance is no dependence. */
static double
joint_count(const RandomPairs *random, int f, int g, int level_f, int level_g)
{
	double		count = f >= g ? random->joint[f][g][level_f][level_g] : random->joint[g][f][level_g][level_f];

	return Max(count - 2 * sqrt(Max(count, 0)), 0);
}

/* Mutual information of two fields among random pairs, in bits; 0 when they are independent. */
static double
mutual_information(const MatchModel *model, const RandomPairs *random, int f, int g)
{
	double		joint[MATCH_LEVELS_MAX][MATCH_LEVELS_MAX];
	double		row[MATCH_LEVELS_MAX] = {0};
	double		column[MATCH_LEVELS_MAX] = {0};
	double		sum = 0;
	double		information = 0;

	for (int k = 0; k < model->field[f].levels; k++)
	{
		for (int l = 0; l < model->field[g].levels; l++)
		{
			joint[k][l] = joint_count(random, f, g, k, l);
			row[k] += joint[k][l];
			column[l] += joint[k][l];
			sum += joint[k][l];
		}
	}
	for (int k = 0; k < model->field[f].levels && sum > 0; k++)
	{
		for (int l = 0; l < model->field[g].levels; l++)
		{
			if (joint[k][l] > 0)
				information += joint[k][l] / sum * log2(joint[k][l] * sum / (row[k] * column[l]));
		}
	}
	return information;
}

/*
 * Which field depends on which among records that do not match: the spanning
 * tree of greatest mutual information (Chow and Liu 1968), without weak edges.
 */
static void
find_dependence(MatchModel *model, const RandomPairs *random)
{
	bool		placed[MATCH_FIELDS_MAX] = {false};

	for (int n = 0; n < model->nfields; n++)
	{
		int			best = -1;
		double		best_information = Max(DEPENDENCE_MIN, model->prior);

		for (int f = 0; f < model->nfields; f++)
		{
			if (placed[f])
				continue;
			for (int g = 0; g < model->nfields; g++)
			{
				double		information = placed[g] ? mutual_information(model, random, f, g) : 0;

				if (information > best_information)
				{
					best = f;
					best_information = information;
					model->field[f].parent = g;
				}
			}
		}
		/* no edge to what is there: the next field starts a tree of its own */
		for (int f = 0; best < 0 && f < model->nfields; f++)
		{
			if (!placed[f])
			{
				best = f;
				model->field[f].parent = -1;
				best_information = 0;
			}
		}
		placed[best] = true;
	}
}

/* Shares of the levels by the level of the parent. */
static void
learn_dependence(MatchModel *model, const RandomPairs *random, const Run *runs, int nruns)
{
	for (int f = 0; f < model->nfields; f++)
	{
		MatchField *field = &model->field[f];

		if (field->parent < 0)
			continue;
		for (int state = 0; state < model->field[field->parent].levels; state++)
		{
			double		sum_u = DEPENDENCE_MEMORY;
			double		sum_m = DEPENDENCE_MEMORY;
			double		u[MATCH_LEVELS_MAX] = {0};
			double		m[MATCH_LEVELS_MAX] = {0};

			for (int k = 0; k < field->levels; k++)
			{
				u[k] = joint_count(random, f, field->parent, k, state);
				for (int i = 0; i < nruns; i++)
				{
					const Run  *run = &runs[i];

					if (run->lambda < RUN_LAMBDA_MIN || run->matches[f] <= 0 ||
						f == run->first || f == run->second || field->parent == run->first || field->parent == run->second)
						continue;
					m[k] += run->joint[f][state][k] * Min(1, RUN_MATCHES_MAX / run->matches[f]);
				}
				sum_u += u[k];
				sum_m += m[k];
			}
			for (int k = 0; k < field->levels; k++)
			{
				field->u_given[state][k] = (u[k] + DEPENDENCE_MEMORY * field->u[k]) / sum_u;
				field->m_given[state][k] = (m[k] + DEPENDENCE_MEMORY * field->m[k]) / sum_m;
			}
		}
	}
}

typedef struct Term
{
	const MatchValue *value;
	const unsigned char *text;
} Term;

/* Most frequent first, then by text. */
static int
compare_terms(const void *a, const void *b)
{
	const Term *x = a;
	const Term *y = b;
	int			order;

	if (x->value->count != y->value->count)
		return x->value->count > y->value->count ? -1 : 1;
	order = memcmp(x->text, y->text, Min(x->value->length, y->value->length));
	return order != 0 ? order : (int) x->value->length - (int) y->value->length;
}

/* The frequent values of a field, with their shares. */
static void
collect_terms(MatchField *field, const MatchDictionary *dictionary)
{
	Term	   *terms;
	uint32		n = 0;
	double		listed = 0;
	double		present = dictionary->present;
	bool		identifier = field->kind == MATCH_EMAIL || field->kind == MATCH_PHONE || field->kind == MATCH_TAX_ID ||
		field->kind == MATCH_CODE;
	/* what hardly anybody shares has the frequency of rare values; a model names no one's number */
	uint32		least = identifier ? SHARED_BY_MANY : SHARED_BY_SOME;

	field->nterms = 0;
	field->rare_share = 0;
	if (!field->term_frequency || dictionary->count == 0)
		return;
	terms = MemoryContextAllocHuge(CurrentMemoryContext, mul_size(dictionary->count, sizeof(Term)));
	for (uint32 i = 0; i < dictionary->count; i++)
	{
		if (dictionary->values[i].count < least)
			continue;
		terms[n].value = &dictionary->values[i];
		terms[n++].text = omni_match_text(dictionary, &dictionary->values[i]);
	}
	qsort(terms, n, sizeof(Term), compare_terms);
	n = Min(n, TERMS_MAX);
	field->terms = palloc(Max(n, 1) * sizeof(char *));
	field->term_share = palloc(Max(n, 1) * sizeof(double));
	for (uint32 i = 0; i < n; i++)
	{
		field->terms[i] = pnstrdup((const char *) terms[i].text, terms[i].value->length);
		field->term_share[i] = terms[i].value->count / present;
		listed += terms[i].value->count;
	}
	field->nterms = n;
	if (dictionary->count > n)
		field->rare_share = (present - listed) / (dictionary->count - n) / present;
	omni_match_index_terms(field);
	pfree(terms);
}

/* What learning goes by. */
typedef struct Learning
{
	MatchModel *model;
	const MatchData *data;
	RandomPairs *random;
	Run		   *runs;
	int			nruns;
} Learning;

/* Learns all but the limits of blocks from the pairs that were drawn. */
static void
learn(void *argument)
{
	Learning   *learning = argument;
	MatchModel *model = learning->model;
	Run		   *runs = learning->runs;
	int			nruns = learning->nruns;
	RunLogs    *logs = palloc_object(RunLogs);

	for (int round = 0; round < 2 * ROUNDS && nruns > 0; round++)
	{
		for (int i = 0; i < nruns; i++)
			run_em(model, &runs[i], logs);
		average_runs(model, runs, nruns);
		anchor_prior(model, learning->data, runs, nruns);
		omni_match_learn_relatives(model, learning->data, runs, nruns);
		take_matches_out(model, learning->random);
		/* only what is known of the matches tells what others have in common */
		if (round == ROUNDS - 1)
		{
			count_joint(model, learning->random, logs);
			find_dependence(model, learning->random);
			learn_dependence(model, learning->random, runs, nruns);
			for (int i = 0; i < nruns; i++)
				em_step(model, &runs[i], logs);
		}
		learn_dependence(model, learning->random, runs, nruns);
	}
	omni_match_settle_relatives(model, runs, nruns);
	pfree(logs);
}

/*
 * Learns, and sets the limits of blocks.  Where blocks of the same records follow, this
 * process learns while workers spread the keys of all records, which stay.
 */
static void
learn_and_afford(Learning *learning, MatchWork *work, MatchData *all)
{
	uint32		nrecords = learning->data->nrecords;
	MatchKeys  *keys;

	if (all->keep_keys && (all->original == NULL || (!all->across && !all->one_per_source)))
	{
		MatchWork  *later = learning->data == all ? work : omni_match_begin_work(all, all->original, NULL, NULL);

		omni_match_work_beside(later, learn, learning);
		all->keys = omni_match_spread_keys(later, MATCH_BUCKETS);
		omni_match_afford(learning->model, all->keys, nrecords);
		return;
	}
	learn(learning);
	keys = omni_match_spread_keys(work, omni_match_afford_buckets(nrecords));
	omni_match_afford(learning->model, keys, nrecords);
	omni_match_end_keys(keys);
}

/*
 * omni_match_train: learns m, u, lambda and term frequencies.
 * Arguments: the model, with its fields; the records, read with it.
 */
void
omni_match_train(MatchModel *model, MatchData *all)
{
	MatchData  *data = omni_match_without_copies(all);
	RandomPairs *random = palloc0_object(RandomPairs);
	Run		   *runs = palloc0(MATCH_FIELDS_MAX * MATCH_FIELDS_MAX * sizeof(Run));
	Learning	learning = {.model = model, .data = data, .random = random, .runs = runs};
	MatchWork  *work;

	model->records = all->nrecords;
	model->max_weak_block = model->max_value_block = 0;
	for (int f = 0; f < model->nfields; f++)
		usual_shares(&model->field[f], model->field[f].m);
	model->prior = data->nrecords > 1 ? Min(1.0 / data->nrecords, 0.25) : 0.25;
	work = omni_match_begin_work(data, NULL, NULL, NULL);
	count_random_pairs(work, data, random);
	take_matches_out(model, random);
	omni_match_usual_relatives(model, data);
	learning.nruns = omni_match_draw_conditions(work, model, runs);
	learn_and_afford(&learning, work, all);
	if (all->keys == NULL || all->keys->work != work)
		omni_match_end_work(work);
	for (int f = 0; f < model->nfields; f++)
		collect_terms(&model->field[f], &data->dictionary[f]);
	omni_match_with_copies(all, data);
	omni_match_weights(model);
	omni_match_apply_terms(all);
}
