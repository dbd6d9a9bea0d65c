/*
 * clv_bg.c
 *		Likelihoods of NBD, BG/NBD and MBG/NBD, and of the beta-binomial and BG/BB
 *		models, which have the same parts in discrete time.
 *
 * Nothing overflows: powers and Gamma functions stay logarithms, sums of two
 * powers are log-sum-exp.  Differences of ln Gamma over whole numbers are sums of
 * logarithms, ln Gamma(r+x) - ln Gamma(r) = sum of ln(r+k) for k < x, in a table
 * over x; so are their derivatives, and no digamma is needed.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "common/compat.h"
#include "segment/clv.h"

/* Fills sums[n] = sum of ln(base+k) for k < n, and slopes[n] = sum of 1/(base+k), n up to last. */
static void
rising_table(double base, int last, double *sums, double *slopes)
{
	sums[0] = slopes[0] = 0;
	for (int n = 0; n < last; n++)
	{
		sums[n + 1] = sums[n] + log(base + n);
		slopes[n + 1] = slopes[n] + 1 / (base + n);
	}
}

/* The parts of a likelihood in continuous time that depend on x only, or on a time only. */
typedef struct BgTables
{
	double	   *purchase;		/* ln Gamma(r+x) - ln Gamma(r), and by r */
	double	   *purchase_r;
	double	   *stay;			/* ln Gamma(b+x+m) - ln Gamma(b), and by b */
	double	   *stay_b;
	double	   *any;			/* ln Gamma(a+b+x+m) - ln Gamma(a+b), and by a + b */
	double	   *any_ab;
	double	   *log_time;		/* ln(alpha + time) */
	double	   *inverse;		/* 1 / (alpha + time) */
} BgTables;

static void
place_tables(const ClvData *data, const ClvPattern *pattern, BgTables *tables)
{
	Size		size = pattern->max_x + 2;

	tables->purchase = data->scratch;
	tables->purchase_r = tables->purchase + size;
	tables->stay = tables->purchase_r + size;
	tables->stay_b = tables->stay + size;
	tables->any = tables->stay_b + size;
	tables->any_ab = tables->any + size;
	tables->log_time = tables->any_ab + size;
	tables->inverse = tables->log_time + pattern->ntimes;
}

static void
time_tables(const ClvPattern *pattern, double alpha, BgTables *tables)
{
	for (int i = 0; i < pattern->ntimes; i++)
	{
		tables->log_time[i] = log(alpha + pattern->times[i]);
		tables->inverse[i] = 1 / (alpha + pattern->times[i]);
	}
}

/* NBD: purchases at random for ever.  Parameters r, alpha. */
double
clv_nbd_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient)
{
	double		r = parameter[0];
	double		alpha = parameter[1];
	double		log_alpha = log(alpha);
	double		loglik = 0;
	double		by_r = 0;
	double		by_alpha = 0;
	BgTables	tables;

	place_tables(data, pattern, &tables);
	rising_table(r, pattern->max_x, tables.purchase, tables.purchase_r);
	time_tables(pattern, alpha, &tables);
	for (int i = 0; i < pattern->nrows; i++)
	{
		const ClvRow *row = &pattern->rows[i];
		double		log_time = tables.log_time[row->time];

		loglik += row->count * (tables.purchase[row->x] + r * log_alpha - (r + row->x) * log_time);
		by_r += row->count * (tables.purchase_r[row->x] + log_alpha - log_time);
		by_alpha += row->count * (r / alpha - (r + row->x) * tables.inverse[row->time]);
	}
	gradient[0] = r * by_r;
	gradient[1] = alpha * by_alpha;
	return loglik;
}

/*
 * BG/NBD and MBG/NBD: a customer may leave for ever after each purchase, in the
 * second model also after the first.  Parameters r, alpha, a, b; first is 0 for
 * BG, 1 for MBG.
 */
static double
bg_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient, int first)
{
	double		r = parameter[0];
	double		alpha = parameter[1];
	double		a = parameter[2];
	double		b = parameter[3];
	double		log_alpha = log(alpha);
	double		log_a = log(a);
	double		loglik = 0;
	double		by[4] = {0, 0, 0, 0};
	BgTables	tables;

	place_tables(data, pattern, &tables);
	rising_table(r, pattern->max_x, tables.purchase, tables.purchase_r);
	rising_table(b, pattern->max_x + first, tables.stay, tables.stay_b);
	rising_table(a + b, pattern->max_x + first, tables.any, tables.any_ab);
	time_tables(pattern, alpha, &tables);
	for (int i = 0; i < pattern->nrows; i++)
	{
		const ClvRow *row = &pattern->rows[i];
		int			x = row->x;
		int			n = x + first;
		double		rx = r + x;
		double		log_time = tables.log_time[row->time];
		double		log_time_x = tables.log_time[row->time_x];
		double		part = tables.purchase[x] + r * log_alpha + tables.stay[n] - tables.any[n] - rx * log_time;
		double		gone = 0;	/* probability that the customer has left */

		if (n > 0)
		{
			/* odds of having left after the last purchase */
			double		log_odds = log_a - log(b + n - 1) + rx * (log_time - log_time_x);
			double		rest = exp(-fabs(log_odds));

			part += Max(log_odds, 0) + log(1 + rest);
			gone = (log_odds > 0 ? 1 : rest) / (1 + rest);
			by[2] += row->count * gone / a;
			by[3] -= row->count * gone / (b + n - 1);
		}
		loglik += row->count * part;
		by[0] += row->count * (tables.purchase_r[x] + log_alpha - (1 - gone) * log_time - gone * log_time_x);
		by[1] += row->count * (r / alpha - rx * ((1 - gone) * tables.inverse[row->time] + gone * tables.inverse[row->time_x]));
		by[2] -= row->count * tables.any_ab[n];
		by[3] += row->count * (tables.stay_b[n] - tables.any_ab[n]);
	}
	for (int k = 0; k < 4; k++)
		gradient[k] = parameter[k] * by[k];
	return loglik;
}

double
clv_bg_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient)
{
	return bg_loglik(data, pattern, parameter, gradient, 0);
}

double
clv_mbg_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient)
{
	return bg_loglik(data, pattern, parameter, gradient, 1);
}

/* The parts of a likelihood in discrete time, tables over a number of opportunities. */
typedef struct BbTables
{
	double	   *sum[5];			/* ln Gamma(base+n) - ln Gamma(base) */
	double	   *slope[5];		/* and by the base */
} BbTables;

/* Bases alpha, beta, alpha+beta, delta, gamma+delta; the memory is that of the caller's context. */
static int
bb_tables(const ClvPattern *pattern, const double *parameter, bool dropout, BbTables *tables)
{
	int			last = (int) pattern->times[pattern->ntimes - 1] + 1;
	double		base[5] = {parameter[0], parameter[1], parameter[0] + parameter[1], 0, 0};
	double	   *memory = palloc_array(double, 10 * (Size) (last + 1));

	if (dropout)
	{
		base[3] = parameter[3];
		base[4] = parameter[2] + parameter[3];
	}
	for (int i = 0; i < (dropout ? 5 : 3); i++)
	{
		tables->sum[i] = memory + (Size) (2 * i) * (last + 1);
		tables->slope[i] = tables->sum[i] + last + 1;
		rising_table(base[i], last, tables->sum[i], tables->slope[i]);
	}
	return last;
}

/* Beta-binomial: a purchase at each opportunity at random for ever.  Parameters alpha, beta. */
double
clv_bb_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient)
{
	BbTables	tables;
	double		loglik = 0;
	double		by[2] = {0, 0};

	(void) bb_tables(pattern, parameter, false, &tables);
	for (int i = 0; i < pattern->nrows; i++)
	{
		const ClvRow *row = &pattern->rows[i];
		int			n = (int) pattern->times[row->time];

		loglik += row->count * (tables.sum[0][row->x] + tables.sum[1][n - row->x] - tables.sum[2][n]);
		by[0] += row->count * (tables.slope[0][row->x] - tables.slope[2][n]);
		by[1] += row->count * (tables.slope[1][n - row->x] - tables.slope[2][n]);
	}
	pfree(tables.sum[0]);
	gradient[0] = parameter[0] * by[0];
	gradient[1] = parameter[1] * by[1];
	return loglik;
}

/*
 * Logarithm of the likelihood of one customer of BG/BB who is seen alive for the
 * last time at opportunity m of n, or (m = n) is alive at the end.
 */
static double
bgbb_term(const BbTables *tables, double log_gamma, int x, int m, int n)
{
	double		purchases = tables->sum[0][x] + tables->sum[1][m - x] - tables->sum[2][m];

	if (m == n)
		return purchases + tables->sum[3][n] - tables->sum[4][n];
	return purchases + log_gamma + tables->sum[3][m] - tables->sum[4][m + 1];
}

/* Adds the derivatives of such a term, with a weight. */
static void
bgbb_slopes(const BbTables *tables, double gamma, int x, int m, int n, double weight, double *by)
{
	double		dropout = tables->slope[4][m == n ? n : m + 1];

	by[0] += weight * (tables->slope[0][x] - tables->slope[2][m]);
	by[1] += weight * (tables->slope[1][m - x] - tables->slope[2][m]);
	by[2] += weight * ((m == n ? 0 : 1 / gamma) - dropout);
	by[3] += weight * (tables->slope[3][m] - dropout);
}

/*
 * BG/BB: a customer may leave for ever before each opportunity.  The likelihood
 * sums over the opportunity, from the last purchase on, after which he or she has
 * left.  Parameters alpha, beta (purchase), gamma, delta (dropout).
 */
double
clv_bgbb_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient)
{
	BbTables	tables;
	double		log_gamma = log(parameter[2]);
	double		loglik = 0;
	double		by[4] = {0, 0, 0, 0};
	int			last = bb_tables(pattern, parameter, true, &tables);
	double	   *terms = palloc_array(double, last + 1);

	for (int i = 0; i < pattern->nrows; i++)
	{
		const ClvRow *row = &pattern->rows[i];
		int			from = (int) pattern->times[row->time_x];
		int			n = (int) pattern->times[row->time];
		double		largest = -INFINITY;
		double		sum = 0;

		if ((i & 0xff) == 0)
			CHECK_FOR_INTERRUPTS();
		for (int m = from; m <= n; m++)
		{
			terms[m] = bgbb_term(&tables, log_gamma, row->x, m, n);
			largest = Max(largest, terms[m]);
		}
		for (int m = from; m <= n; m++)
		{
			terms[m] = exp(terms[m] - largest);
			sum += terms[m];
		}
		for (int m = from; m <= n; m++)
			bgbb_slopes(&tables, parameter[2], row->x, m, n, row->count * terms[m] / sum, by);
		loglik += row->count * (largest + log(sum));
	}
	pfree(terms);
	pfree(tables.sum[0]);
	for (int k = 0; k < 4; k++)
		gradient[k] = parameter[k] * by[k];
	return loglik;
}
