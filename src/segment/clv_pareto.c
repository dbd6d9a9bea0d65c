/*
 * clv_pareto.c
 *		Likelihood of Pareto/NBD.
 *
 * The likelihood of having left before T is s times the integral from t_x to T of
 * (alpha+u)^-(r+x) (beta+u)^-(s+1) du.  Its antiderivative is a Gaussian
 * hypergeometric function, which linear arithmetic loses to overflow at a hundred
 * purchases.  Here it is a logarithm: after Euler's transformation the function
 * is a power times a series of positive, falling terms.  It depends on x and one
 * time only, so it is computed once for each such pair that occurs.  Where the
 * series would need thousands of terms (alpha and beta of different orders) the
 * integral itself is computed, by Gauss-Legendre in the logarithm of the time.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "miscadmin.h"

#include "common/compat.h"
#include "segment/clv.h"
#include "segment/special.h"

#define MAX_TERMS 2000
#define EASY_ARGUMENT 0.97		/* up to here the series needs less */
#define LOG_EPSILON 37.0
#define LOG_NEGLIGIBLE 45.0
#define MAX_PANELS 400
#define LOG_PER_PANEL 8.0		/* how much the integrand may fall within a panel */

/* A function of the parameters, and its derivatives. */
typedef struct ParetoPart
{
	double		value;
	double		by[4];			/* r, alpha, s, beta */
} ParetoPart;

/* ln of the product over j < n of (low + j) / (high + j), roughly. */
static double
log_product(double low, double high, double n)
{
	return (low + n) * log(low + n) - low * log(low) - (high + n) * log(high + n) + high * log(high);
}

/* Does the series converge within MAX_TERMS? */
static bool
is_easy(double q, double w, double z)
{
	if (z <= EASY_ARGUMENT)
		return true;
	return log_product(q, w + 1, MAX_TERMS) + MAX_TERMS * log(z) < -LOG_EPSILON;
}

/*
 * ln of the sum over j of z^j times the product over i < j of (q + i) / (w + 1 + i),
 * and its derivatives by q, w and z.
 */
static double
log_series(double q, double w, double z, double *by_q, double *by_w, double *by_z)
{
	double		term = 1;
	double		sum = 1;
	double		sum_q = 0;
	double		sum_w = 0;
	double		sum_z = 0;
	double		harmonic_q = 0;
	double		harmonic_w = 0;

	for (int j = 0; j < 4 * MAX_TERMS; j++)
	{
		double		over_q = 1 / (q + j);
		double		over_w = 1 / (w + 1 + j);

		sum_z += (j + 1) * term * (q + j) * over_w;
		term *= (q + j) * over_w * z;
		harmonic_q += over_q;
		harmonic_w += over_w;
		sum += term;
		sum_q += term * harmonic_q;
		sum_w -= term * harmonic_w;
		if (term * z <= (1 - z) * DBL_EPSILON / 16 * sum)
			break;
	}
	*by_q = sum_q / sum;
	*by_w = sum_w / sum;
	*by_z = sum_z / sum;
	return log(sum);
}

/* The same without derivatives. */
static double
log_series_value(double q, double w, double z)
{
	double		term = 1;
	double		sum = 1;

	for (int j = 0; j < 4 * MAX_TERMS; j++)
	{
		term *= (q + j) / (w + 1 + j) * z;
		sum += term;
		if (term * z <= (1 - z) * DBL_EPSILON / 16 * sum)
			break;
	}
	return log(sum);
}

/*
 * The logarithm A of the antiderivative at a time, less ln(s/w): the integral from
 * one time to another is s/w (exp(A(from)) - exp(A(to))).  False when the series
 * would take too long.
 */
static bool
antiderivative(const double *parameter, double x, double time, bool with_slopes, ParetoPart *part)
{
	double		r = parameter[0];
	double		s = parameter[2];
	double		w = r + s + x;
	double		alpha = parameter[1] + time;
	double		beta = parameter[3] + time;
	double		log_alpha = log(alpha);
	double		log_beta = log(beta);
	bool		slow = alpha < beta;
	double		q = slow ? s + 1 : r + x;
	double		z = slow ? (beta - alpha) / beta : (alpha - beta) / alpha;
	double		by_q = 0;
	double		by_w = 0;
	double		by_z = 0;

	if (!is_easy(q, w, z))
		return false;
	part->value = with_slopes ? log_series(q, w, z, &by_q, &by_w, &by_z) : log_series_value(q, w, z);
	if (slow)
	{
		part->value += (1 - r - x) * log_alpha - (s + 1) * log_beta;
		part->by[0] = by_w - log_alpha;
		part->by[1] = (1 - r - x) / alpha - by_z / beta;
		part->by[2] = by_q + by_w - log_beta;
		part->by[3] = -(s + 1) / beta + by_z * alpha / (beta * beta);
	}
	else
	{
		part->value -= (r + x) * log_alpha + s * log_beta;
		part->by[0] = by_q + by_w - log_alpha;
		part->by[1] = -(r + x) / alpha + by_z * beta / (alpha * alpha);
		part->by[2] = by_w - log_beta;
		part->by[3] = -s / beta - by_z / alpha;
	}
	return true;
}

/* The integral from its antiderivative at both ends. */
static void
gone_by_series(const double *parameter, double x, const ParetoPart *from, const ParetoPart *to, ParetoPart *gone)
{
	double		s = parameter[2];
	double		w = parameter[0] + s + x;
	double		ratio = exp(to->value - from->value);
	double		rest = -expm1(to->value - from->value);

	gone->value = log(s / w) + from->value + log(rest);
	for (int k = 0; k < 4; k++)
		gone->by[k] = from->by[k] + ratio / rest * (from->by[k] - to->by[k]);
	gone->by[0] -= 1 / w;
	gone->by[2] += 1 / s - 1 / w;
}

/*
 * The integral itself, over v = ln(m + u), m the smaller of alpha and beta: the
 * logarithm of the integrand is nearly linear in v.
 */
static void
gone_by_integral(const double *parameter, double x, double from, double to, ParetoPart *gone)
{
	double		rx = parameter[0] + x;
	double		s = parameter[2];
	double		smaller = Min(parameter[1], parameter[3]);
	double		larger = Max(parameter[1], parameter[3]);
	double		fixed = parameter[1] <= parameter[3] ? rx - 1 : s;
	double		varying = parameter[1] <= parameter[3] ? s + 1 : rx;
	double		start = log(smaller + from);
	double		end = log(smaller + to);
	double		fall = fixed + varying * (smaller + from) / (larger + from);	/* at least so fast */
	int			panels;
	double		half;
	double		top;
	double		sum = 0;
	double		by[4] = {0, 0, 0, 0};

	if (fall > 0)
		end = Min(end, start + LOG_NEGLIGIBLE / fall);
	/* and at most so fast, at the end */
	fall = fabs(fixed) + varying / (1 + (larger - smaller) * exp(-end));
	panels = (int) Min(ceil((end - start) * Max(1, fall / LOG_PER_PANEL)), MAX_PANELS);
	panels = Max(panels, 1);
	half = (end - start) / (2 * panels);
	top = start - rx * log(parameter[1] + from) - (s + 1) * log(parameter[3] + from);
	for (int i = 0; i < panels * 2 * SPECIAL_GAUSS_POINTS; i++)
	{
		const double *rule = special_gauss[i / 2 % SPECIAL_GAUSS_POINTS];
		double		v = start + (2 * (i / (2 * SPECIAL_GAUSS_POINTS)) + 1 + (i % 2 ? rule[0] : -rule[0])) * half;
		double		u = exp(v) - smaller;
		double		log_alpha = log(parameter[1] + u);
		double		log_beta = log(parameter[3] + u);
		double		part = rule[1] * exp(v - rx * log_alpha - (s + 1) * log_beta - top);

		sum += part;
		by[0] -= part * log_alpha;
		by[1] -= part * rx / (parameter[1] + u);
		by[2] -= part * log_beta;
		by[3] -= part * (s + 1) / (parameter[3] + u);
	}
	gone->value = log(s) + top + log(sum * half);
	for (int k = 0; k < 4; k++)
		gone->by[k] = by[k] / sum;
	gone->by[2] += 1 / s;
}

/*
 * ln of the likelihood of having left between two times after the last purchase,
 * -INFINITY when that is impossible.
 */
double
clv_pareto_log_gone(const double *parameter, double x, double from, double to)
{
	ParetoPart	at_from;
	ParetoPart	at_to;
	ParetoPart	gone;

	if (parameter[2] == 0 || from >= to)
		return -INFINITY;
	if (antiderivative(parameter, x, from, false, &at_from) && antiderivative(parameter, x, to, false, &at_to) &&
		at_to.value < at_from.value)
		return log(parameter[2] / (parameter[0] + parameter[2] + x)) + at_from.value +
			log(-expm1(at_to.value - at_from.value));
	gone_by_integral(parameter, x, from, to, &gone);
	return gone.value;
}

/* The antiderivative at each pair of x and a time; by[0] is NaN where the series takes too long. */
static ParetoPart *
tabulate_pairs(const ClvData *data, const ClvPattern *pattern, const double *parameter)
{
	ParetoPart *parts = (ParetoPart *) data->scratch;

	for (int i = 0; i < pattern->npairs; i++)
	{
		if ((i & 0xfff) == 0)
			CHECK_FOR_INTERRUPTS();
		if (!antiderivative(parameter, pattern->pairs[i].x, pattern->times[pattern->pairs[i].time], true, &parts[i]))
			parts[i].by[0] = NAN;
	}
	return parts;
}

/* Adds a row's part to the log-likelihood, which it returns, and to the derivatives. */
static double
add_row(const ClvPattern *pattern, const ClvRow *row, const ParetoPart *parts, const double *parameter, double *by)
{
	const ParetoPart *from = &parts[row->pair_x];
	const ParetoPart *to = &parts[row->pair];
	double		rx = parameter[0] + row->x;
	double		time = pattern->times[row->time];
	double		log_alpha = log(parameter[1] + time);
	double		log_beta = log(parameter[3] + time);
	double		alive = -rx * log_alpha - parameter[2] * log_beta;
	double		odds = 0;		/* of having left, as a part of both */
	double		log_odds;
	ParetoPart	gone = {-INFINITY, {0, 0, 0, 0}};

	if (row->time_x != row->time)
	{
		if (isnan(from->by[0]) || isnan(to->by[0]) || to->value >= from->value)
			gone_by_integral(parameter, row->x, pattern->times[row->time_x], time, &gone);
		else
			gone_by_series(parameter, row->x, from, to, &gone);
		log_odds = gone.value - alive;
		odds = log_odds > 0 ? 1 / (1 + exp(-log_odds)) : exp(log_odds) / (1 + exp(log_odds));
		alive += Max(log_odds, 0) + log1p(exp(-fabs(log_odds)));
	}
	by[0] += row->count * (odds * gone.by[0] - (1 - odds) * log_alpha);
	by[1] += row->count * (odds * gone.by[1] - (1 - odds) * rx / (parameter[1] + time));
	by[2] += row->count * (odds * gone.by[2] - (1 - odds) * log_beta);
	by[3] += row->count * (odds * gone.by[3] - (1 - odds) * parameter[2] / (parameter[3] + time));
	return row->count * alive;
}

/* Parameters r, alpha (purchase), s, beta (dropout). */
double
clv_pareto_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient)
{
	ParetoPart *parts = tabulate_pairs(data, pattern, parameter);
	double		log_alpha = log(parameter[1]);
	double		log_beta = log(parameter[3]);
	double		purchase = 0;
	double		purchase_r = 0;
	int			x = 0;
	double		loglik = 0;
	double		by[4] = {0, 0, 0, 0};

	for (int i = 0; i < pattern->nrows; i++)
	{
		const ClvRow *row = &pattern->rows[i];

		/* rows are in the order of x */
		for (; x < row->x; x++)
		{
			purchase += log(parameter[0] + x);
			purchase_r += 1 / (parameter[0] + x);
		}
		loglik += row->count * (purchase + parameter[0] * log_alpha + parameter[2] * log_beta);
		loglik += add_row(pattern, row, parts, parameter, by);
		by[0] += row->count * (purchase_r + log_alpha);
		by[1] += row->count * parameter[0] / parameter[1];
		by[2] += row->count * log_beta;
		by[3] += row->count * parameter[2] / parameter[3];
	}
	for (int k = 0; k < 4; k++)
		gradient[k] = parameter[k] * by[k];
	return loglik;
}
