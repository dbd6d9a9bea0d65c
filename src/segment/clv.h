/*
 * clv.h
 *		Models of lifetime value: the customers that they are fitted to, their
 *		likelihoods, the fit, the fitted model and what it predicts.
 *
 * A customer is (x, t_x, T): x repeated purchases, the last of them t_x after the
 * first purchase, observed for T, all in one unit of time.  References: BG/NBD
 * Fader, Hardie and Lee (2005); MBG/NBD Batislam, Denizel and Filiztekin (2007);
 * Pareto/NBD Schmittlein, Morrison and Colombo (1987); BG/BB Fader, Hardie and
 * Shang (2010); gamma-gamma Fader and Hardie (2013).
 */
#ifndef OMNICRM_CLV_H
#define OMNICRM_CLV_H

#include "fmgr.h"
#include "utils/jsonb.h"

#define CLV_MAX_PARAMETERS 4
#define CLV_MAX_COVARIATES 8
#define CLV_MAX_UNKNOWNS (CLV_MAX_PARAMETERS + 2 * CLV_MAX_COVARIATES)
#define CLV_MAX_X 1000000
#define CLV_MAX_OPPORTUNITIES 10000

typedef enum ClvKind
{
	CLV_BG_NBD,
	CLV_MBG_NBD,
	CLV_PARETO_NBD,
	CLV_BG_BB,
	CLV_GAMMA_GAMMA
} ClvKind;

/* One fitted model; parameters in the order of clv_family(). */
typedef struct ClvModel
{
	ClvKind		kind;
	double		parameter[CLV_MAX_PARAMETERS];
	int			ncovariates;
	double		purchase[CLV_MAX_COVARIATES];
	double		dropout[CLV_MAX_COVARIATES];
} ClvModel;

/* How a fit went; errors are NaN where the data say nothing of a parameter. */
typedef struct ClvFit
{
	ClvModel	model;
	double		error[CLV_MAX_UNKNOWNS];
	double		loglik;
	double		gradient;
	double		customers;
	int64		cells;
	int			iterations;
	int			evaluations;
	bool		converged;
	const char *reason;
} ClvFit;

/* Customers who are alike. */
typedef struct ClvCell
{
	double		t_x;
	double		t;
	int32		x;
	int32		pattern;		/* of covariates */
	int64		count;
} ClvCell;

/* The state of a fit: cells in any order, and the covariates of the patterns. */
typedef struct ClvState ClvState;

/*
 * Cells in the form that likelihoods work on.  A pattern has its own list of the
 * times that occur in it, and its own list of pairs of x and a time; a row points
 * to its times and pairs by their place in these lists.
 */
typedef struct ClvRow
{
	int32		x;
	int32		time_x;
	int32		time;
	int32		pair_x;
	int32		pair;
	double		count;
} ClvRow;

typedef struct ClvPair
{
	int32		x;
	int32		time;
} ClvPair;

typedef struct ClvPattern
{
	const double *covariate;
	const ClvRow *rows;
	const double *times;
	const ClvPair *pairs;
	int			nrows;
	int			ntimes;
	int			npairs;
	int			max_x;
} ClvPattern;

typedef struct ClvData
{
	int			ncovariates;
	int			npatterns;
	ClvPattern *patterns;
	int64		nrows;
	double		customers;
	double		purchases;		/* sum of x */
	double		exposure;		/* sum of T */
	double		longest;		/* largest T */
	double	   *scratch;		/* scratch_size numbers for a likelihood to work in */
	Size		scratch_size;
} ClvData;

/*
 * Logarithm of the likelihood of one pattern, and its gradient in the logarithms
 * of the parameters, which are given.
 */
typedef double (*ClvLikelihood) (const ClvData *data, const ClvPattern *pattern,
								 const double *parameter, double *gradient);

/*
 * What a model says of a customer (x, t_x, T), by its parameters.  "Alive"
 * functions are of one who is known to be alive, and do not depend on t_x.
 */
typedef struct ClvPrediction
{
	double		(*p_alive) (const double *parameter, double x, double t_x, double t);
	/* expected orders in the next horizon of a customer who is alive */
	double		(*alive_orders) (const double *parameter, double x, double t, double horizon);
	/* the same, each order discounted to now */
	double		(*alive_discounted) (const double *parameter, double x, double t, double horizon, double rate);
	/* probability of no order in the next horizon */
	double		(*p_no_order) (const double *parameter, double x, double t_x, double t, double horizon);
	/* time in which an order comes with a probability; infinite: never */
	double		(*next_order) (const double *parameter, double x, double t_x, double t, double probability);
	/* probability that a new customer makes n more orders in a time */
	double		(*p_orders) (const double *parameter, int n, double time);
} ClvPrediction;

/* A family of models: what its members are called, and the functions that fit and read it. */
typedef struct ClvFamily
{
	const char *name;
	int			nparameters;
	const char *parameters[CLV_MAX_PARAMETERS];
	ClvLikelihood loglik;
	ClvLikelihood loglik_without_dropout;	/* in the first two; NULL: there is none */
	double		purchase_sign[CLV_MAX_PARAMETERS];	/* how covariates move the parameters */
	double		dropout_sign[CLV_MAX_PARAMETERS];
	bool		needs_pairs;
	const ClvPrediction *prediction;	/* NULL: it says nothing of orders */
} ClvFamily;

/* clv_state.c */
extern ClvData *clv_data(FunctionCallInfo fcinfo, bool with_pairs);

/* clv_data.c */
extern ClvData *clv_data_make(ClvCell *cells, int64 ncells, const double *covariates, int npatterns,
							  int ncovariates, bool with_pairs);

/* clv_optimize.c */
typedef struct ClvObjective
{
	double		(*function) (void *arg, const double *at, double *gradient);
	void	   *arg;
	int			n;
	double	   *lower;
	double	   *upper;
	int			evaluations;
} ClvObjective;

typedef struct ClvOptimum
{
	double		at[CLV_MAX_UNKNOWNS];
	double		value;
	double		gradient;		/* largest derivative */
	double		variance[CLV_MAX_UNKNOWNS];	/* diagonal of the inverse Hessian; NaN: none */
	double		curvature;		/* smallest eigenvalue of the Hessian */
	int			iterations;
	bool		stationary;
} ClvOptimum;

extern void clv_minimize(ClvObjective *objective, const double *start, ClvOptimum *optimum);

/* clv_fit.c */
extern const ClvFamily *clv_family(ClvKind kind);
extern void clv_fit(ClvKind kind, ClvData *data, ClvFit *fit);

/* likelihoods: clv_bg.c, clv_pareto.c, clv_bgbb.c, clv_spend.c */
extern double clv_nbd_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient);
extern double clv_bg_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient);
extern double clv_mbg_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient);
extern double clv_pareto_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient);
extern double clv_bb_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient);
extern double clv_bgbb_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient);
extern double clv_spend_loglik(const ClvData *data, const ClvPattern *pattern, const double *parameter, double *gradient);

/* predictions: clv_bg_predict.c, clv_pareto_predict.c, clv_bgbb_predict.c */
extern const ClvPrediction clv_bg_prediction;
extern const ClvPrediction clv_mbg_prediction;
extern const ClvPrediction clv_pareto_prediction;
extern const ClvPrediction clv_bgbb_prediction;

/* clv_pareto.c */
extern double clv_pareto_log_gone(const double *parameter, double x, double from, double to);

/* clv_model.c */
extern Jsonb *clv_model_write(const ClvFit *fit);
extern void clv_model_read(Jsonb *source, ClvModel *model);

#endif							/* OMNICRM_CLV_H */
