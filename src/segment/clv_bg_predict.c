/*
 * clv_bg_predict.c
 *		What BG/NBD and MBG/NBD say of a customer.
 *
 * A customer who is alive has the rate Gamma(r + x, alpha + T) and leaves after
 * an order with the probability Beta(a, b'), b' = b + x (MBG: b + x + 1), which
 * is all that his or her future depends on.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "segment/clv.h"
#include "segment/special.h"

#define SERIES_LIMIT 0.95		/* beyond, the series needs too many terms */
#define SERIES_TERMS 2000
#define LARGEST_A 100.0			/* beyond, its terms grow too large */
#define TAIL 1e-18
#define MAX_POINTS 100000
#define DISCOUNTED_AWAY 45.0	/* exp(-45) of the value is left out */

/* The logarithm of the odds of having left after the last purchase; -INFINITY: impossible. */
static double
log_odds_gone(const double *parameter, double x, double t_x, double t, int first)
{
	double		alpha = parameter[1];

	if (x + first == 0 || parameter[2] == 0)
		return -INFINITY;
	return log(parameter[2]) - log(parameter[3] + x + first - 1) +
		(parameter[0] + x) * log((alpha + t) / (alpha + t_x));
}

static double
p_alive(const double *parameter, double x, double t_x, double t, int first)
{
	return 1 / (1 + exp(log_odds_gone(parameter, x, t_x, t, first)));
}

/*
 * Expected orders by a series: with c = a + b' - 1, k = c - (r + x), z = h / (alpha
 * + T + h) they are c (1 - (1-z)^(a-1) 2F1(k, a-1; c; z)) / (a-1), which is the
 * formula of the literature after Euler's transformation; its first term and the
 * others are taken apart, so that nothing is divided by a - 1 or c.
 */
static double
orders_by_series(double rate, double a, double c, double z)
{
	double		k = c - rate;
	double		log_rest = log1p(-z);
	double		term = k * z;
	double		sum = 0;

	for (int j = 1; j <= SERIES_TERMS && term != 0; j++)
	{
		sum += term;
		if (fabs(term) * z <= (1 - z) * DBL_EPSILON / 8 * fabs(sum))
			break;
		term *= (k + j) * (a + j - 1) / ((c + j) * (j + 1)) * z;
	}
	return c * special_power_gap(a - 1, -log_rest) - exp((a - 1) * log_rest) * sum;
}

/*
 * Expected orders by a mean over the probability p of leaving: of (1 - (1 + p
 * w)^-rate) / p, w = h / (alpha + T).  With v = ln(p / (1-p)) the integrand falls
 * off on both sides, where the trapezoidal rule is as good as exact.  When nearly
 * nobody leaves (a small) it falls off slowly; then what is added up is the
 * distance from rate * w, which the mean has when nobody leaves at all.
 */
typedef struct MeanOverP
{
	double		rate;
	double		a;
	double		b;
	double		w;
	double		log_beta;
	bool		distance;
} MeanOverP;

static double
mean_part(const MeanOverP *mean, double v)
{
	double		log_p = v > 0 ? -log1p(exp(-v)) : v - log1p(exp(v));
	double		log_q = v > 0 ? -v - log1p(exp(-v)) : -log1p(exp(v));
	double		p = exp(log_p);
	double		gain = -expm1(-mean->rate * log1p(p * mean->w)) / p;

	if (mean->distance && p * mean->w * (mean->rate + 1) < 1e-6)
		gain = mean->rate * mean->w * (mean->rate + 1) / 2 * p * mean->w;
	else if (mean->distance)
		gain = mean->rate * mean->w - gain;
	return exp(mean->a * log_p + mean->b * log_q - mean->log_beta) * gain;
}

static double
orders_by_mean(double rate, double a, double b, double w)
{
	MeanOverP	mean = {rate, a, b, w, lgamma(a) + lgamma(b) - lgamma(a + b), a < 0.5};
	double		power = mean.distance ? a + 1 : a;
	double		step = Min(Min(0.25, 0.35 * sqrt(1 / power + 1 / b)), 0.7 / sqrt(rate + 1));
	double		centre = log(power / b);
	double		sum = mean_part(&mean, centre);

	for (int side = -1; side <= 1; side += 2)
	{
		double		largest = 0;

		for (int i = 1; i < MAX_POINTS; i++)
		{
			double		part = mean_part(&mean, centre + side * i * step);

			sum += part;
			largest = Max(largest, part);
			if (part <= TAIL * sum && (part < largest || i * step > 50))
				break;
		}
	}
	return mean.distance ? Max(rate * w - sum * step, 0) : sum * step;
}

static double
alive_orders(const double *parameter, double x, double t, double horizon, int first)
{
	double		rate = parameter[0] + x;
	double		alpha = parameter[1] + t;
	double		a = parameter[2];
	double		b = parameter[3] + x + first;
	double		c = a + b - 1;
	double		z = horizon / (alpha + horizon);

	if (a == 0)
		return rate * horizon / alpha;
	if (z <= SERIES_LIMIT && a <= LARGEST_A && rate <= 2 * c + 1)
		return orders_by_series(rate, a, c, z);
	return orders_by_mean(rate, a, b, horizon / alpha);
}

/* The orders up to a time, as a part of an integral over u, time = alpha' (exp(u) - 1). */
typedef struct DiscountedOrders
{
	const double *parameter;
	double		x;
	double		t;
	double		rate;
	int			first;
} DiscountedOrders;

static double
discounted_at(double u, const void *arg)
{
	const DiscountedOrders *orders = arg;
	double		alpha = orders->parameter[1] + orders->t;
	double		time = alpha * expm1(u);

	return exp(u - orders->rate * time) * alpha *
		alive_orders(orders->parameter, orders->x, orders->t, time, orders->first);
}

/* By parts: exp(-d h) E(h) + d times the integral of exp(-d t) E(t) over t up to h. */
static double
alive_discounted(const double *parameter, double x, double t, double horizon, double rate, int first)
{
	DiscountedOrders orders = {parameter, x, t, rate, first};
	double		alpha = parameter[1] + t;
	double		last = rate > 0 ? Min(horizon, DISCOUNTED_AWAY / rate) : horizon;
	double		end = log1p(last / alpha);
	double		sum = 0;

	if (last == horizon)
		sum = exp(-rate * horizon) * alive_orders(parameter, x, t, horizon, first);
	if (rate > 0 && last > 0)
		sum += rate * special_integrate(discounted_at, &orders, 0, end,
										(int) Max(ceil(end), ceil(rate * last / 8)));
	return sum;
}

/* 1 - P(alive) (1 - ((alpha + T) / (alpha + T + h))^(r + x)) */
static double
p_no_order(const double *parameter, double x, double t_x, double t, double horizon, int first)
{
	double		alive = p_alive(parameter, x, t_x, t, first);

	return 1 + alive * expm1(-(parameter[0] + x) * log1p(horizon / (parameter[1] + t)));
}

static double
next_order(const double *parameter, double x, double t_x, double t, double probability, int first)
{
	double		part = probability / p_alive(parameter, x, t_x, t, first);

	if (part >= 1)
		return INFINITY;
	return (parameter[1] + t) * expm1(-log1p(-part) / (parameter[0] + x));
}

/* ln of the rising factorial of base over n steps */
static double
log_rising(double base, int n)
{
	return lgamma(base + n) - lgamma(base);
}

/* ln P(N(time) = n) of the negative binomial distribution. */
static double
log_nbd(double r, double alpha, int n, double time)
{
	if (time == 0)
		return n == 0 ? 0 : -INFINITY;
	return log_rising(r, n) - lgamma(n + 1.0) - r * log1p(time / alpha) - n * log1p(alpha / time);
}

/*
 * P(X(time) = n): alive after n orders, which are all that came; or left after
 * the n-th, if it came in time.
 */
static double
p_orders(const double *parameter, int n, double time, int first)
{
	double		r = parameter[0];
	double		alpha = parameter[1];
	double		a = parameter[2];
	double		b = parameter[3];
	double		stay = log_rising(b, n + first) - log_rising(a + b, n + first);
	double		result = exp(stay + log_nbd(r, alpha, n, time));
	double		fewer = 0;

	if (n + first > 0 && a > 0)
	{
		for (int j = 0; j < n; j++)
			fewer += exp(log_nbd(r, alpha, j, time));
		result += exp(log(a) + log_rising(b, n + first - 1) - log_rising(a + b, n + first)) * Max(1 - fewer, 0);
	}
	return result;
}

#define DEFINE_PREDICTION(name, first) \
static double \
name##_p_alive(const double *parameter, double x, double t_x, double t) \
{ \
	return p_alive(parameter, x, t_x, t, first); \
} \
static double \
name##_alive_orders(const double *parameter, double x, double t, double horizon) \
{ \
	return alive_orders(parameter, x, t, horizon, first); \
} \
static double \
name##_alive_discounted(const double *parameter, double x, double t, double horizon, double rate) \
{ \
	return alive_discounted(parameter, x, t, horizon, rate, first); \
} \
static double \
name##_p_no_order(const double *parameter, double x, double t_x, double t, double horizon) \
{ \
	return p_no_order(parameter, x, t_x, t, horizon, first); \
} \
static double \
name##_next_order(const double *parameter, double x, double t_x, double t, double probability) \
{ \
	return next_order(parameter, x, t_x, t, probability, first); \
} \
static double \
name##_p_orders(const double *parameter, int n, double time) \
{ \
	return p_orders(parameter, n, time, first); \
} \
const ClvPrediction clv_##name##_prediction = { \
	name##_p_alive, name##_alive_orders, name##_alive_discounted, name##_p_no_order, name##_next_order, name##_p_orders \
}

DEFINE_PREDICTION(bg, 0);
DEFINE_PREDICTION(mbg, 1);
