/*
 * clv_fit.c
 *		Fits a model of lifetime value by maximum likelihood, and says honestly
 *		how that went.
 *
 * The unknowns are the logarithms of the parameters and the coefficients of
 * covariates.  The model without dropout (NBD, beta-binomial) is fitted first:
 * it gives the start, and it is the boundary at which a fit ends when the
 * customers do not leave.  Where the likelihood has no maximum in between, on a
 * ridge or with too few customers, a weak log-normal prior keeps the estimate
 * finite and its errors wide, and the fit is marked as not converged.
 */
#include "postgres.h"

#include <math.h>

#include "utils/memutils.h"

#include "common/compat.h"
#include "segment/clv.h"

#define SMALLEST 1e-6			/* box of the parameters; times in units of the longest */
#define LARGEST 1e6
#define LARGEST_COEFFICIENT 30.0
#define PRIOR_DEVIATION 2.0		/* of the weak prior, in logarithms */
#define WIDEST_ERROR 3.0		/* of a combination of logarithms that the data still determine */
#define NEGLIGIBLE 0.01			/* difference of log-likelihoods that says nothing */
#define CUSTOMERS_PER_UNKNOWN 10
#define MAX_STARTS 6

static const ClvFamily families[] = {
	{"bg_nbd", 4, {"r", "alpha", "a", "b"}, clv_bg_loglik, clv_nbd_loglik,
	{0, -1, 0, 0}, {0, 0, 1, 1}, false, &clv_bg_prediction},
	{"mbg_nbd", 4, {"r", "alpha", "a", "b"}, clv_mbg_loglik, clv_nbd_loglik,
	{0, -1, 0, 0}, {0, 0, 1, 1}, false, &clv_mbg_prediction},
	{"pareto_nbd", 4, {"r", "alpha", "s", "beta"}, clv_pareto_loglik, clv_nbd_loglik,
	{0, -1, 0, 0}, {0, 0, 0, -1}, true, &clv_pareto_prediction},
	{"bg_bb", 4, {"alpha", "beta", "gamma", "delta"}, clv_bgbb_loglik, clv_bb_loglik,
	{0}, {0}, false, &clv_bgbb_prediction},
	{"gamma_gamma", 3, {"p", "q", "v"}, clv_spend_loglik, NULL,
	{0}, {0}, false, NULL},
};

/* What one minimization works on. */
typedef struct ClvTask
{
	const ClvFamily *family;
	ClvLikelihood loglik;
	const ClvData *data;
	int			nparameters;
	bool		dropout;		/* are there coefficients of dropout? */
	double		scale[CLV_MAX_COVARIATES];
	const double *prior;		/* centre of the prior; NULL: none */
} ClvTask;

PG_FUNCTION_INFO_V1(omnicrm_clv_fit_bg_nbd_final);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_mbg_nbd_final);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_pareto_nbd_final);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_bg_bb_final);
PG_FUNCTION_INFO_V1(omnicrm_clv_fit_gamma_gamma_final);

const ClvFamily *
clv_family(ClvKind kind)
{
	return &families[kind];
}

static int
unknowns(const ClvTask *task)
{
	return task->nparameters + task->data->ncovariates * (task->dropout ? 2 : 1);
}

/* Is parameter number a time? */
static bool
is_time(const ClvFamily *family, int number)
{
	return (number == 1 && family->loglik_without_dropout == clv_nbd_loglik) ||
		(number == 3 && family->loglik == clv_pareto_loglik);
}

/* Log-likelihood of a pattern at the unknowns; adds its gradient. */
static double
pattern_loglik(const ClvTask *task, const ClvPattern *pattern, const double *at, double *gradient)
{
	int			ncovariates = task->data->ncovariates;
	const double *purchase = at + task->nparameters;
	const double *dropout = purchase + ncovariates;
	double		parameter[CLV_MAX_PARAMETERS];
	double		slope[CLV_MAX_PARAMETERS];
	double		loglik;

	for (int k = 0; k < task->nparameters; k++)
	{
		double		logarithm = at[k];

		for (int j = 0; j < ncovariates; j++)
		{
			double		z = pattern->covariate[j] / task->scale[j];

			logarithm += z * purchase[j] * task->family->purchase_sign[k];
			if (task->dropout)
				logarithm += z * dropout[j] * task->family->dropout_sign[k];
		}
		parameter[k] = exp(logarithm);
	}
	loglik = task->loglik(task->data, pattern, parameter, slope);
	for (int k = 0; k < task->nparameters; k++)
	{
		gradient[k] += slope[k];
		for (int j = 0; j < ncovariates; j++)
		{
			double		z = pattern->covariate[j] / task->scale[j];

			gradient[task->nparameters + j] += z * slope[k] * task->family->purchase_sign[k];
			if (task->dropout)
				gradient[task->nparameters + ncovariates + j] += z * slope[k] * task->family->dropout_sign[k];
		}
	}
	return loglik;
}

/* What is minimized: the negative mean log-likelihood of a customer, less that of the prior. */
static double
mean_loss(void *arg, const double *at, double *gradient)
{
	const ClvTask *task = arg;
	int			n = unknowns(task);
	double		loss = 0;

	memset(gradient, 0, n * sizeof(double));
	for (int p = 0; p < task->data->npatterns; p++)
		loss -= pattern_loglik(task, &task->data->patterns[p], at, gradient);
	for (int i = 0; i < n; i++)
	{
		gradient[i] = -gradient[i];
		if (task->prior != NULL)
		{
			double		distance = (at[i] - task->prior[i]) / PRIOR_DEVIATION;

			loss += distance * distance / 2;
			gradient[i] += distance / PRIOR_DEVIATION;
		}
		gradient[i] /= task->data->customers;
	}
	return loss / task->data->customers;
}

static double
longest_time(const ClvData *data)
{
	return data->longest > 0 ? data->longest : 1;
}

/* The box of the unknowns. */
static void
set_box(const ClvTask *task, double *lower, double *upper)
{
	for (int i = 0; i < unknowns(task); i++)
	{
		double		shift = i < task->nparameters && is_time(task->family, i) ? log(longest_time(task->data)) : 0;
		bool		coefficient = i >= task->nparameters;

		lower[i] = coefficient ? -LARGEST_COEFFICIENT : log(SMALLEST) + shift;
		upper[i] = coefficient ? LARGEST_COEFFICIENT : log(LARGEST) + shift;
	}
}

/* Minimizes from the best of some starts, given as parameters. */
static void
minimize_from(ClvTask *task, double starts[][CLV_MAX_PARAMETERS], int nstarts, double *best, ClvFit *fit,
			  ClvOptimum *optimum)
{
	double		lower[CLV_MAX_UNKNOWNS];
	double		upper[CLV_MAX_UNKNOWNS];
	double		gradient[CLV_MAX_UNKNOWNS];
	double		least = INFINITY;
	ClvObjective objective = {mean_loss, task, unknowns(task), lower, upper, 0};

	set_box(task, lower, upper);
	for (int i = 0; i < nstarts; i++)
	{
		double		at[CLV_MAX_UNKNOWNS] = {0};
		double		loss;

		for (int k = 0; k < task->nparameters; k++)
			at[k] = Min(Max(log(starts[i][k]), lower[k]), upper[k]);
		loss = mean_loss(task, at, gradient);
		objective.evaluations++;
		if (loss < least || i == 0)
		{
			least = loss;
			memcpy(best, at, sizeof(at));
		}
	}
	clv_minimize(&objective, best, optimum);
	fit->iterations += optimum->iterations;
	fit->evaluations += objective.evaluations;
}

/* Do the data determine the unknowns, within the box? */
static bool
is_determined(const ClvTask *task, const ClvOptimum *optimum)
{
	double		lower[CLV_MAX_UNKNOWNS];
	double		upper[CLV_MAX_UNKNOWNS];

	set_box(task, lower, upper);
	for (int i = 0; i < unknowns(task); i++)
		if (optimum->at[i] <= lower[i] || optimum->at[i] >= upper[i])
			return false;
	return optimum->stationary &&
		optimum->curvature * task->data->customers > 1 / (WIDEST_ERROR * WIDEST_ERROR);
}

/* Scales of the covariates, so that coefficients are of the order of one. */
static void
scale_covariates(ClvTask *task)
{
	for (int j = 0; j < task->data->ncovariates; j++)
	{
		double		largest = 0;

		for (int p = 0; p < task->data->npatterns; p++)
			largest = Max(largest, fabs(task->data->patterns[p].covariate[j]));
		task->scale[j] = largest > 0 ? largest : 1;
	}
}

/* Starts of the model without dropout: the mean rate with three shapes. */
static int
starts_without_dropout(const ClvTask *task, double starts[][CLV_MAX_PARAMETERS])
{
	static const double shapes[] = {0.3, 1, 4};
	const ClvData *data = task->data;
	double		rate = (data->purchases + 0.5) / Max(data->exposure + 0.5 * longest_time(data), 1e-300);

	for (int i = 0; i < lengthof(shapes); i++)
	{
		starts[i][0] = shapes[i];
		starts[i][1] = task->family->loglik == clv_bgbb_loglik ?
			shapes[i] * Max(1 - rate, 0.01) / Min(rate, 0.99) : shapes[i] / rate;
	}
	return lengthof(shapes);
}

/* Starts of a model from the one without dropout: fast and slow dropout, at two rates of purchase. */
static int
starts_with_dropout(const ClvTask *task, const double *without, double starts[][CLV_MAX_PARAMETERS])
{
	static const double shapes[][2] = {{0.8, 2}, {0.1, 1}, {2, 2}};
	double		longest = longest_time(task->data);
	int			count = 0;

	for (int i = 0; i < lengthof(shapes); i++)
		for (int faster = 0; faster < 2; faster++)
		{
			double	   *start = starts[count++];

			start[0] = exp(without[0]);
			start[1] = exp(without[1]) / (faster ? 2.5 : 1);
			start[2] = shapes[i][0];
			start[3] = shapes[i][1] * (is_time(task->family, 3) ? longest / 3 : 1);
			if (task->family->loglik == clv_bgbb_loglik)
				start[3] *= 5;
		}
	return count;
}

/* Starts of the model of spending, from the mean of the means. */
static int
starts_of_spending(const ClvTask *task, double starts[][CLV_MAX_PARAMETERS])
{
	static const double shapes[][2] = {{6, 4}, {1, 2}, {3, 10}, {50, 3}};
	double		mean = task->data->exposure / task->data->customers;

	for (int i = 0; i < lengthof(shapes); i++)
	{
		starts[i][0] = shapes[i][0];
		starts[i][1] = shapes[i][1];
		starts[i][2] = mean * (shapes[i][1] - 1) / shapes[i][0];
	}
	return lengthof(shapes);
}

/* Puts the optimum into the fit, in the scale of parameters and covariates. */
static void
take_optimum(const ClvTask *task, const ClvOptimum *optimum, ClvFit *fit)
{
	int			ncovariates = task->data->ncovariates;
	int			nparameters = task->family->nparameters;
	double		gradient[CLV_MAX_UNKNOWNS];
	ClvTask		plain = *task;

	plain.prior = NULL;
	fit->loglik = -mean_loss(&plain, optimum->at, gradient) * task->data->customers;
	fit->gradient = optimum->gradient;
	fit->model.ncovariates = ncovariates;
	for (int k = 0; k < nparameters; k++)
	{
		bool		absent = k >= task->nparameters;

		/* without dropout the third parameter is zero and the fourth has no meaning */
		fit->model.parameter[k] = absent ? (k == 2 ? 0 : 1) : exp(optimum->at[k]);
		fit->error[k] = absent ? NAN :
			fit->model.parameter[k] * sqrt(optimum->variance[k] / task->data->customers);
	}
	for (int j = 0; j < ncovariates; j++)
	{
		int			purchase = task->nparameters + j;
		int			dropout = purchase + ncovariates;

		fit->model.purchase[j] = optimum->at[purchase] / task->scale[j];
		fit->error[nparameters + j] = sqrt(optimum->variance[purchase] / task->data->customers) / task->scale[j];
		fit->model.dropout[j] = task->dropout ? optimum->at[dropout] / task->scale[j] : 0;
		fit->error[nparameters + ncovariates + j] = !task->dropout ? NAN :
			sqrt(optimum->variance[dropout] / task->data->customers) / task->scale[j];
	}
}

/* The estimate with the weak prior around a start, for data that do not determine the model. */
static void
take_with_prior(ClvTask *task, const double *centre, const char *reason, ClvFit *fit)
{
	ClvOptimum	optimum;
	double		start[1][CLV_MAX_PARAMETERS];
	double		best[CLV_MAX_UNKNOWNS];

	task->prior = centre;
	for (int k = 0; k < task->nparameters; k++)
		start[0][k] = exp(centre[k]);
	minimize_from(task, start, 1, best, fit, &optimum);
	take_optimum(task, &optimum, fit);
	fit->converged = false;
	fit->reason = reason;
}

/*
 * Fits a model to data.  The estimate, its standard errors (from the Hessian, by
 * the delta method) and log-likelihood are a function of the cells alone.
 */
void
clv_fit(ClvKind kind, ClvData *data, ClvFit *fit)
{
	const ClvFamily *family = clv_family(kind);
	ClvTask		full = {family, family->loglik, data, family->nparameters, data->ncovariates > 0, {0}, NULL};
	ClvTask		without = {family, family->loglik_without_dropout, data, 2, false, {0}, NULL};
	double		starts[MAX_STARTS][CLV_MAX_PARAMETERS];
	double		start[CLV_MAX_UNKNOWNS];
	double		start_without[CLV_MAX_UNKNOWNS];
	ClvOptimum	optimum;
	ClvOptimum	boundary;
	int			nstarts;
	bool		determined;
	bool		boundary_determined = false;

	memset(fit, 0, sizeof(ClvFit));
	fit->model.kind = kind;
	fit->customers = data->customers;
	fit->cells = data->nrows;
	scale_covariates(&full);
	memcpy(without.scale, full.scale, sizeof(full.scale));
	if (family->loglik_without_dropout == NULL)
		nstarts = starts_of_spending(&full, starts);
	else
	{
		nstarts = starts_without_dropout(&without, starts);
		minimize_from(&without, starts, nstarts, start_without, fit, &boundary);
		boundary_determined = data->purchases > 0 && is_determined(&without, &boundary);
		nstarts = starts_with_dropout(&full, boundary_determined ? boundary.at : start_without, starts);
	}
	minimize_from(&full, starts, nstarts, start, fit, &optimum);
	determined = is_determined(&full, &optimum);
	fit->converged = determined;
	fit->reason = "optimum";
	if (data->purchases == 0)
		take_with_prior(&full, start, "no repeated purchases", fit);
	else if (boundary_determined &&
			 (optimum.value - boundary.value) * data->customers > (determined ? 0 : -NEGLIGIBLE))
	{
		take_optimum(&without, &boundary, fit);
		fit->converged = true;
		fit->reason = "no dropout";
	}
	else if (!determined)
		take_with_prior(&full, start, "ridge", fit);
	else
		take_optimum(&full, &optimum, fit);
	if (fit->converged && data->customers < CUSTOMERS_PER_UNKNOWN * unknowns(&full))
	{
		fit->converged = false;
		fit->reason = "few customers";
	}
	if (fit->converged && kind == CLV_GAMMA_GAMMA && fit->model.parameter[1] <= 1)
		fit->reason = "infinite mean";
}

/* The fitted model of argument 0 as jsonb; null without a customer. */
static Datum
fit_final(FunctionCallInfo fcinfo, ClvKind kind)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "fit of lifetime value", ALLOCSET_DEFAULT_SIZES);
	MemoryContext before = MemoryContextSwitchTo(context);
	ClvData    *data = clv_data(fcinfo, clv_family(kind)->needs_pairs);
	ClvFit		fit;
	Jsonb	   *result = NULL;

	if (data != NULL)
		clv_fit(kind, data, &fit);
	MemoryContextSwitchTo(before);
	MemoryContextDelete(context);
	if (data == NULL)
		PG_RETURN_NULL();
	result = clv_model_write(&fit);
	PG_RETURN_JSONB_P(result);
}

/* Final function of clv_fit_bg_nbd. */
Datum
omnicrm_clv_fit_bg_nbd_final(PG_FUNCTION_ARGS)
{
	return fit_final(fcinfo, CLV_BG_NBD);
}

/* Final function of clv_fit_mbg_nbd. */
Datum
omnicrm_clv_fit_mbg_nbd_final(PG_FUNCTION_ARGS)
{
	return fit_final(fcinfo, CLV_MBG_NBD);
}

/* Final function of clv_fit_pareto_nbd. */
Datum
omnicrm_clv_fit_pareto_nbd_final(PG_FUNCTION_ARGS)
{
	return fit_final(fcinfo, CLV_PARETO_NBD);
}

/* Final function of clv_fit_bg_bb. */
Datum
omnicrm_clv_fit_bg_bb_final(PG_FUNCTION_ARGS)
{
	return fit_final(fcinfo, CLV_BG_BB);
}

/* Final function of clv_fit_gamma_gamma. */
Datum
omnicrm_clv_fit_gamma_gamma_final(PG_FUNCTION_ARGS)
{
	return fit_final(fcinfo, CLV_GAMMA_GAMMA);
}
