/*
 * clv_pareto_predict.c
 *		What Pareto/NBD says of a customer: one who is alive has the rate
 *		Gamma(r + x, alpha + T) and leaves at the rate Gamma(s, beta + T).
 */
#include "postgres.h"

#include <math.h>

#include "segment/clv.h"
#include "segment/special.h"

#define DISCOUNTED_AWAY 45.0	/* exp(-45) of the value is left out */
#define LOG_PER_PANEL 8.0
#define MAX_DOUBLINGS 200
#define BISECTIONS 100

/* ln of the likelihood of being alive at T, and of both, without what they share. */
static double
log_alive(const double *parameter, double x, double t)
{
	return -(parameter[0] + x) * log(parameter[1] + t) - parameter[2] * log(parameter[3] + t);
}

static double
log_either(const double *parameter, double x, double t_x, double t)
{
	double		alive = log_alive(parameter, x, t);
	double		gone = clv_pareto_log_gone(parameter, x, t_x, t);

	return Max(alive, gone) + log1p(exp(-fabs(alive - gone)));
}

static double
p_alive(const double *parameter, double x, double t_x, double t)
{
	return 1 / (1 + exp(clv_pareto_log_gone(parameter, x, t_x, t) - log_alive(parameter, x, t)));
}

static double
alive_orders(const double *parameter, double x, double t, double horizon)
{
	double		beta = parameter[3] + t;

	return (parameter[0] + x) / (parameter[1] + t) * beta *
		special_power_gap(parameter[2] - 1, log1p(horizon / beta));
}

/* What is left of an order at v = ln((beta + T + time) / (beta + T)): k = rate (beta + T). */
typedef struct DiscountedRate
{
	double		s;
	double		k;
} DiscountedRate;

static double
discounted_at(double v, const void *arg)
{
	const DiscountedRate *rate = arg;

	return exp((1 - rate->s) * v - rate->k * expm1(v));
}

/*
 * The integral of exp(-rate time) ((beta + T) / (beta + T + time))^s; up to
 * infinity it is exp(k) E_s(k).
 */
static double
alive_discounted(const double *parameter, double x, double t, double horizon, double rate)
{
	double		beta = parameter[3] + t;
	DiscountedRate discounted = {parameter[2], rate * beta};
	double		last = rate > 0 ? Min(horizon, DISCOUNTED_AWAY / rate) : horizon;
	double		end = log1p(last / beta);

	if (last <= 0)
		return 0;
	return (parameter[0] + x) / (parameter[1] + t) * beta *
		special_integrate(discounted_at, &discounted, 0, end,
						  (int) Max(ceil(end), ceil(rate * last / LOG_PER_PANEL)));
}

/* The likelihood of the same history at T + h as a part of that at T. */
static double
p_no_order(const double *parameter, double x, double t_x, double t, double horizon)
{
	return exp(log_either(parameter, x, t_x, t + horizon) - log_either(parameter, x, t_x, t));
}

/* By bisection: the probability of an order grows with the time, up to that of being alive. */
static double
next_order(const double *parameter, double x, double t_x, double t, double probability)
{
	double		now = log_either(parameter, x, t_x, t);
	double		low = 0;
	double		high = parameter[1] + t;

	if (probability >= p_alive(parameter, x, t_x, t))
		return INFINITY;
	for (int i = 0; 1 - exp(log_either(parameter, x, t_x, t + high) - now) < probability; i++)
	{
		if (i == MAX_DOUBLINGS)
			return INFINITY;
		low = high;
		high *= 2;
	}
	for (int i = 0; i < BISECTIONS && high - low > 1e-15 * high; i++)
	{
		double		middle = (low + high) / 2;

		if (1 - exp(log_either(parameter, x, t_x, t + middle) - now) < probability)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

/* P(N(u) = n) while alive, times the density of leaving at u, over v = ln(beta + u). */
typedef struct OrdersUntil
{
	const double *parameter;
	int			n;
} OrdersUntil;

static double
log_nbd(const double *parameter, int n, double time)
{
	if (time <= 0)
		return n == 0 ? 0 : -INFINITY;
	return lgamma(parameter[0] + n) - lgamma(parameter[0]) - lgamma(n + 1.0) -
		parameter[0] * log1p(time / parameter[1]) - n * log1p(parameter[1] / time);
}

static double
orders_until(double v, const void *arg)
{
	const OrdersUntil *orders = arg;
	const double *parameter = orders->parameter;
	double		time = exp(v) - parameter[3];

	return parameter[2] * exp(log_nbd(parameter, orders->n, time) + parameter[2] * (log(parameter[3]) - v));
}

/* P(X(time) = n): alive at the end with n orders, or left before after n orders. */
static double
p_orders(const double *parameter, int n, double time)
{
	OrdersUntil orders = {parameter, n};
	double		start = log(parameter[3]);
	double		end = log(parameter[3] + time);
	double		result = exp(log_nbd(parameter, n, time) - parameter[2] * (end - start));

	if (parameter[2] > 0 && time > 0)
		result += special_integrate(orders_until, &orders, start, end, (int) Min(8 + ceil((end - start) * 4), 400));
	return result;
}

const ClvPrediction clv_pareto_prediction = {
	p_alive, alive_orders, alive_discounted, p_no_order, next_order, p_orders
};
