/*
 * clv_bgbb_predict.c
 *		What BG/BB says of a customer, x purchases at n opportunities, the last of
 *		them at t_x.  Times are whole numbers of opportunities.  "Alive" is alive
 *		at the next opportunity.
 */
#include "postgres.h"

#include <math.h>

#include "miscadmin.h"

#include "common/compat.h"
#include "segment/clv.h"

#define FARTHEST 1000000		/* opportunities that are looked ahead at most */
#define NEGLIGIBLE 1e-17

static double
log_beta_ratio(double a, double b, double more_a, double more_b)
{
	return lgamma(a + more_a) - lgamma(a) + lgamma(b + more_b) - lgamma(b) -
		lgamma(a + b + more_a + more_b) + lgamma(a + b);
}

/* The likelihood of a history as a part of that of purchases alone up to t_x. */
static double
history(const double *parameter, double x, double t_x, double n)
{
	double		alpha = parameter[0];
	double		beta = parameter[1];
	double		gamma = parameter[2];
	double		delta = parameter[3];
	double		purchases = 1;	/* of no purchase since t_x */
	double		alive = 1;		/* at opportunity m, as a part of t_x */
	double		sum = 0;

	for (double m = t_x; m < n; m++)
	{
		sum += purchases * alive * gamma / (gamma + delta + m);
		purchases *= (beta + m - x) / (alpha + beta + m);
		alive *= (delta + m) / (gamma + delta + m);
		if (purchases * alive < NEGLIGIBLE * sum)
			break;
	}
	return sum + purchases * alive;
}

static double
p_alive(const double *parameter, double x, double t_x, double n)
{
	double		stay = 1;

	for (double m = t_x; m < n; m++)
		stay *= (parameter[1] + m - x) / (parameter[0] + parameter[1] + m) *
			(parameter[3] + m) / (parameter[2] + parameter[3] + m);
	return stay * (parameter[3] + n) / (parameter[2] + parameter[3] + n) / history(parameter, x, t_x, n);
}

/* Orders at the next opportunities, each with a weight that falls by a factor. */
static double
weighted_orders(const double *parameter, double x, double n, double horizon, double factor)
{
	double		purchase = (parameter[0] + x) / (parameter[0] + parameter[1] + n);
	double		alive = 1;
	double		weight = factor;
	double		sum = 0;

	for (double j = 1; j <= horizon; j++)
	{
		sum += alive * weight;
		alive *= (parameter[3] + n + j) / (parameter[2] + parameter[3] + n + j);
		weight *= factor;
		if (alive * weight < NEGLIGIBLE * (1 - factor) * sum)
			break;
		if (fmod(j, 65536) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return purchase * sum;
}

static double
alive_orders(const double *parameter, double x, double n, double horizon)
{
	return weighted_orders(parameter, x, n, floor(horizon), 1);
}

/* An order at the next opportunity is discounted once, by exp(-rate). */
static double
alive_discounted(const double *parameter, double x, double n, double horizon, double rate)
{
	return weighted_orders(parameter, x, n, floor(horizon), exp(-rate));
}

static double
p_no_order(const double *parameter, double x, double t_x, double n, double horizon)
{
	return history(parameter, x, t_x, n + floor(horizon)) / history(parameter, x, t_x, n);
}

/* The first opportunity by which an order has come with the probability. */
static double
next_order(const double *parameter, double x, double t_x, double n, double probability)
{
	double		now = history(parameter, x, t_x, n);
	double		silent = p_alive(parameter, x, t_x, n) * now;	/* alive at the next one and nothing bought */
	double		ordered = 0;

	if (probability >= silent / now)
		return INFINITY;
	for (double m = n; m < n + FARTHEST; m++)
	{
		double		buys = (parameter[0] + x) / (parameter[0] + parameter[1] + m);

		ordered += silent * buys;
		if (ordered >= probability * now)
			return m - n + 1;
		silent *= (parameter[1] + m - x) / (parameter[0] + parameter[1] + m) *
			(parameter[3] + m + 1) / (parameter[2] + parameter[3] + m + 1);
		if (fmod(m, 65536) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	return INFINITY;
}

/* ln of the number of ways to choose k of n. */
static double
log_choose(double n, double k)
{
	return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1);
}

/* P(X(n) = k) of a new customer: alive after all n opportunities, or gone after i of them. */
static double
p_orders(const double *parameter, int k, double time)
{
	double		n = floor(time);
	double		log_gamma = log(parameter[2]);
	double		result;

	if (k > n)
		return 0;
	result = exp(log_choose(n, k) + log_beta_ratio(parameter[0], parameter[1], k, n - k) +
				 log_beta_ratio(parameter[3], parameter[2], n, 0));
	if (parameter[2] > 0)
		for (double i = k; i < n; i++)
			result += exp(log_choose(i, k) + log_beta_ratio(parameter[0], parameter[1], k, i - k) +
						  log_gamma + lgamma(parameter[3] + i) - lgamma(parameter[3]) +
						  lgamma(parameter[2] + parameter[3]) - lgamma(parameter[2] + parameter[3] + i + 1));
	return result;
}

const ClvPrediction clv_bgbb_prediction = {
	p_alive, alive_orders, alive_discounted, p_no_order, next_order, p_orders
};
