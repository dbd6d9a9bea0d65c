/*
 * clv_spend.c
 *		Likelihood of the gamma-gamma model of spending: the mean amount of x
 *		purchases of a customer varies around his or her own mean, and these
 *		means vary between customers.
 *
 * The time of a row is the mean amount.  Rows are in the order of x, so Gamma
 * functions are computed once for each x.
 */
#include "postgres.h"

#include <math.h>

#include "common/compat.h"
#include "segment/clv.h"
#include "segment/special.h"

/* Parameters p, q, v. */
double
clv_spend_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient)
{
	double		p = parameter[0];
	double		q = parameter[1];
	double		v = parameter[2];
	double		log_v = log(v);
	double		gamma_q = lgamma(q);
	double		digamma_q = special_digamma(q);
	double		loglik = 0;
	double		by[3] = {0, 0, 0};
	double		part = 0;
	double		part_p = 0;
	double		part_q = 0;
	int			x = -1;

	for (int i = 0; i < pattern->nrows; i++)
	{
		const ClvRow *row = &pattern->rows[i];
		double		mean = pattern->times[row->time];
		double		log_mean = log(mean);
		double		total;
		double		log_total;

		if (row->x != x)
		{
			double		both = special_digamma(p * row->x + q);

			x = row->x;
			part = lgamma(p * x + q) - lgamma(p * x) - gamma_q + q * log_v + p * x * log(x);
			part_p = x * (both - special_digamma(p * x) + log(x));
			part_q = both - digamma_q + log_v;
		}
		total = x * mean + v;
		log_total = log(total);
		loglik += row->count * (part + (p * x - 1) * log_mean - (p * x + q) * log_total);
		by[0] += row->count * (part_p + x * (log_mean - log_total));
		by[1] += row->count * (part_q - log_total);
		by[2] += row->count * (q / v - (p * x + q) / total);
	}
	for (int k = 0; k < 3; k++)
		gradient[k] = parameter[k] * by[k];
	return loglik;
}
