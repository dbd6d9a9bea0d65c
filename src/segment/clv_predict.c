/*
 * clv_predict.c
 *		SQL functions that read a fitted model: is the customer alive, how many
 *		orders will come, when is the next one, what is the customer worth.
 *
 * The model is read from its jsonb once for each query, and again when another
 * one comes.  What is expected of a customer who is alive depends on x and T
 * only, and many customers share them, so the last results are kept: a table
 * with a place for each hash, where the newer one wins.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/date.h"
#include "utils/jsonb.h"

#include "common/compat.h"
#include "segment/clv.h"

#define MEMORY_SLOTS 4096
#define MAX_COUNT 1000000		/* of orders in clv_p_orders, of opportunities of BG/BB */
#define LEAST_RATE 1e-6			/* that brings a sum for ever to an end */

typedef struct MemorySlot
{
	double		x;				/* -1: empty */
	double		t;
	double		result;
} MemorySlot;

/* A model that was read, the jsonb it came from, and what it said last. */
typedef struct ReadModel
{
	Jsonb	   *source;
	ClvModel	model;
	MemorySlot *memory;
	double		horizon;		/* for which the memory holds */
	double		rate;
} ReadModel;

/* A customer as the arguments tell, and the parameters for his or her covariates. */
typedef struct Customer
{
	double		x;
	double		t_x;
	double		t;
	double		parameter[CLV_MAX_PARAMETERS];
	bool		plain;			/* no covariates */
} Customer;

PG_FUNCTION_INFO_V1(omnicrm_clv_log_likelihood);
PG_FUNCTION_INFO_V1(omnicrm_clv_p_alive);
PG_FUNCTION_INFO_V1(omnicrm_clv_expected_orders);
PG_FUNCTION_INFO_V1(omnicrm_clv_p_no_order);
PG_FUNCTION_INFO_V1(omnicrm_clv_next_order);
PG_FUNCTION_INFO_V1(omnicrm_clv_next_order_date);
PG_FUNCTION_INFO_V1(omnicrm_clv_dert);
PG_FUNCTION_INFO_V1(omnicrm_clv_p_orders);
PG_FUNCTION_INFO_V1(omnicrm_clv_expected_spend);
PG_FUNCTION_INFO_V1(omnicrm_clv_value);

/* The model of argument number; place is that of the model among those of the call. */
static ReadModel *
read_model(FunctionCallInfo fcinfo, int number, int place)
{
	Jsonb	   *source = PG_GETARG_JSONB_P(number);
	ReadModel  *models = fcinfo->flinfo->fn_extra;
	ReadModel  *read;
	MemoryContext context = fcinfo->flinfo->fn_mcxt;

	if (models == NULL)
		models = fcinfo->flinfo->fn_extra = MemoryContextAllocZero(context, 2 * sizeof(ReadModel));
	read = &models[place];
	if (read->source == NULL || VARSIZE(read->source) != VARSIZE(source) ||
		memcmp(read->source, source, VARSIZE(source)) != 0)
	{
		ClvModel	model;
		Jsonb	   *copy;

		clv_model_read(source, &model);
		copy = MemoryContextAlloc(context, VARSIZE(source));
		memcpy(copy, source, VARSIZE(source));
		if (read->source != NULL)
			pfree(read->source);
		read->source = copy;
		read->model = model;
		read->rate = NAN;		/* nothing is remembered of another model */
	}
	return read;
}

/* The model of argument 0, which must tell of orders. */
static ReadModel *
read_order_model(FunctionCallInfo fcinfo)
{
	ReadModel  *read = read_model(fcinfo, 0, 0);

	if (clv_family(read->model.kind)->prediction == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model %s says nothing of orders", clv_family(read->model.kind)->name),
				 errhint("Give a model of clv_fit_mbg_nbd() or another one of orders; that of spending is an argument of its own in clv_value().")));
	return read;
}

static const ClvPrediction *
prediction_of(const ReadModel *read)
{
	return clv_family(read->model.kind)->prediction;
}

/* Sets the parameters for the covariates of argument number, of which the model knows. */
static void
apply_covariates(FunctionCallInfo fcinfo, int number, const ClvModel *model, Customer *customer)
{
	const ClvFamily *family = clv_family(model->kind);
	ArrayType  *array = PG_ARGISNULL(number) ? NULL : PG_GETARG_ARRAYTYPE_P(number);
	int			count = array == NULL ? 0 : ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const double *covariate = array == NULL ? NULL : (const double *) ARR_DATA_PTR(array);

	customer->plain = count == 0;
	memcpy(customer->parameter, model->parameter, sizeof(customer->parameter));
	if (count != model->ncovariates || (array != NULL && array_contains_nulls(array)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model has %d covariates, %d are given", model->ncovariates, count),
				 errhint("Give the covariates of the customer as to the fit, without nulls.")));
	for (int j = 0; j < count; j++)
	{
		if (!isfinite(covariate[j]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("covariate %d is not finite", j + 1)));
		for (int k = 0; k < family->nparameters; k++)
			customer->parameter[k] *= exp(covariate[j] * (model->purchase[j] * family->purchase_sign[k] +
														  model->dropout[j] * family->dropout_sign[k]));
	}
	for (int k = 0; k < family->nparameters; k++)
		customer->parameter[k] = Min(customer->parameter[k], 1e150);
}

/* The customer of arguments 1 to 3 and of the covariates in argument number; false when one is null. */
static bool
read_customer(FunctionCallInfo fcinfo, int number, const ReadModel *read, Customer *customer)
{
	int64		x;
	bool		discrete = read->model.kind == CLV_BG_BB;

	if (PG_ARGISNULL(1) || PG_ARGISNULL(2) || PG_ARGISNULL(3))
		return false;
	x = PG_GETARG_INT64(1);
	customer->x = x;
	customer->t_x = PG_GETARG_FLOAT8(2) + 0.0;
	customer->t = PG_GETARG_FLOAT8(3) + 0.0;
	if (x < 0 || x > CLV_MAX_X || !(customer->t_x >= 0 && customer->t_x <= customer->t) || !isfinite(customer->t) ||
		(x == 0 && customer->t_x != 0) ||
		(discrete && (customer->t_x != floor(customer->t_x) || customer->t != floor(customer->t) ||
					  customer->t_x < x || customer->t > CLV_MAX_OPPORTUNITIES)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no possible customer: x " INT64_FORMAT ", t_x %g, T %g", x, customer->t_x, customer->t),
				 discrete ?
				 errhint("Of n opportunities x had a purchase, the last of them t_x: x <= t_x <= n, whole numbers up to %d.", CLV_MAX_OPPORTUNITIES) :
				 errhint("x purchases after the first, the last of them at t_x, with 0 <= t_x <= T; without one t_x is 0.")));
	apply_covariates(fcinfo, number, &read->model, customer);
	return true;
}

/* A length of time in argument number; of opportunities, which are counted one by one, not too many. */
static double
horizon_argument(FunctionCallInfo fcinfo, int number, const ReadModel *read)
{
	double		horizon = PG_GETARG_FLOAT8(number);

	if (!(horizon >= 0) || isinf(horizon) || (read->model.kind == CLV_BG_BB && horizon > MAX_COUNT))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("horizon out of range: %g", horizon),
				 errhint("Give a time that is not negative, in the unit of the fit; for bg_bb at most %d.", MAX_COUNT)));
	return horizon;
}

/* A discount rate in argument number. */
static double
rate_argument(FunctionCallInfo fcinfo, int number, bool forever)
{
	double		rate = PG_GETARG_FLOAT8(number);

	if (!(rate >= 0 && rate <= 100) || (forever && rate < LEAST_RATE))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("discount rate out of range: %g", rate),
				 errhint("Give a continuous rate for one unit of time, ln(1 + rate of a year) / units of a year, for example ln(1.15) / 52; without a horizon at least 1e-6.")));
	return rate;
}

static double
probability_argument(FunctionCallInfo fcinfo, int number)
{
	double		probability = PG_GETARG_FLOAT8(number);

	if (!(probability > 0 && probability < 1))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("probability out of range: %g", probability),
				 errhint("Use a number between 0 and 1.")));
	return probability;
}

/* The place in the memory for a customer. */
static MemorySlot *
memory_slot(FunctionCallInfo fcinfo, ReadModel *read, const Customer *customer, double horizon, double rate)
{
	uint64		bits;

	if (read->memory == NULL)
		read->memory = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt, MEMORY_SLOTS * sizeof(MemorySlot));
	if (read->rate != rate || read->horizon != horizon)
	{
		for (int i = 0; i < MEMORY_SLOTS; i++)
			read->memory[i].x = -1;
		read->rate = rate;
		read->horizon = horizon;
	}
	memcpy(&bits, &customer->t, sizeof(bits));
	bits = (bits ^ (uint64) customer->x * UINT64CONST(0x9e3779b97f4a7c15)) * UINT64CONST(0xff51afd7ed558ccd);
	return &read->memory[(bits >> 40) % MEMORY_SLOTS];
}

/* Orders within a horizon, which may be infinite, of the customer if alive; discounted at a rate. */
static double
orders_if_alive(FunctionCallInfo fcinfo, ReadModel *read, const Customer *customer, double horizon, double rate)
{
	const ClvPrediction *prediction = prediction_of(read);
	MemorySlot *slot = customer->plain ? memory_slot(fcinfo, read, customer, horizon, rate) : NULL;
	double		result;

	if (slot != NULL && slot->x == customer->x && slot->t == customer->t)
		return slot->result;
	if (rate > 0)
		result = prediction->alive_discounted(customer->parameter, customer->x, customer->t, horizon, rate);
	else
		result = prediction->alive_orders(customer->parameter, customer->x, customer->t, horizon);
	if (slot != NULL)
	{
		slot->x = customer->x;
		slot->t = customer->t;
		slot->result = result;
	}
	return result;
}

static double
p_alive(const ReadModel *read, const Customer *customer)
{
	return prediction_of(read)->p_alive(customer->parameter, customer->x, customer->t_x, customer->t);
}

/* clv_log_likelihood(model, x, t_x, t, covariates) */
Datum
omnicrm_clv_log_likelihood(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	const ClvFamily *family;
	ClvCell    *cell;
	ClvData    *data;
	ClvLikelihood loglik;
	double		gradient[CLV_MAX_PARAMETERS];
	double		result;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	if (!read_customer(fcinfo, 4, read, &customer))
		PG_RETURN_NULL();
	family = clv_family(read->model.kind);
	cell = palloc_object(ClvCell);
	cell->x = (int32) customer.x;
	cell->t_x = customer.t_x;
	cell->t = customer.t;
	cell->pattern = 0;
	cell->count = 1;
	data = clv_data_make(cell, 1, NULL, 1, 0, family->needs_pairs);
	loglik = customer.parameter[2] == 0 ? family->loglik_without_dropout : family->loglik;
	result = loglik(data, data->patterns, customer.parameter, gradient);
	PG_RETURN_FLOAT8(result);
}

/* clv_p_alive(model, x, t_x, t, covariates) */
Datum
omnicrm_clv_p_alive(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	if (!read_customer(fcinfo, 4, read, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(p_alive(read, &customer));
}

/* clv_expected_orders(model, x, t_x, t, horizon, covariates) */
Datum
omnicrm_clv_expected_orders(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	double		horizon;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(4))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	horizon = horizon_argument(fcinfo, 4, read);
	if (!read_customer(fcinfo, 5, read, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(p_alive(read, &customer) * orders_if_alive(fcinfo, read, &customer, horizon, 0));
}

/* clv_p_no_order(model, x, t_x, t, horizon, covariates) */
Datum
omnicrm_clv_p_no_order(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	double		horizon;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(4))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	horizon = horizon_argument(fcinfo, 4, read);
	if (!read_customer(fcinfo, 5, read, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(prediction_of(read)->p_no_order(customer.parameter, customer.x, customer.t_x, customer.t, horizon));
}

/* clv_next_order(model, x, t_x, t, probability, covariates) */
Datum
omnicrm_clv_next_order(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	double		time;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(4))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	if (!read_customer(fcinfo, 5, read, &customer))
		PG_RETURN_NULL();
	time = prediction_of(read)->next_order(customer.parameter, customer.x, customer.t_x, customer.t,
										   probability_argument(fcinfo, 4));
	if (!isfinite(time))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(time);
}

/* clv_next_order_date(model, x, t_x, t, as_of, unit_days, probability, covariates) */
Datum
omnicrm_clv_next_order_date(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	DateADT		as_of;
	double		unit;
	double		days;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(4) || PG_ARGISNULL(5) || PG_ARGISNULL(6))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	as_of = PG_GETARG_DATEADT(4);
	unit = PG_GETARG_FLOAT8(5);
	if (DATE_NOT_FINITE(as_of) || !(unit > 0) || isinf(unit))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("as_of must be a finite day and unit_days a number above zero")));
	if (!read_customer(fcinfo, 7, read, &customer))
		PG_RETURN_NULL();
	days = ceil(unit * prediction_of(read)->next_order(customer.parameter, customer.x, customer.t_x, customer.t,
													   probability_argument(fcinfo, 6)));
	if (!(days < PG_INT32_MAX / 2) || !IS_VALID_DATE((int64) as_of + (int64) days))
		PG_RETURN_NULL();
	PG_RETURN_DATEADT(as_of + (DateADT) days);
}

/* clv_dert(model, x, t_x, t, rate, horizon, covariates); a horizon of null is for ever */
Datum
omnicrm_clv_dert(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	double		horizon;
	double		rate;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(4))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	rate = rate_argument(fcinfo, 4, PG_ARGISNULL(5));
	horizon = PG_ARGISNULL(5) ? INFINITY : horizon_argument(fcinfo, 5, read);
	if (!read_customer(fcinfo, 6, read, &customer))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(p_alive(read, &customer) * orders_if_alive(fcinfo, read, &customer, horizon, rate));
}

/* clv_p_orders(model, n, time, covariates) */
Datum
omnicrm_clv_p_orders(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	int64		n;
	double		time;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	n = PG_GETARG_INT64(1);
	time = horizon_argument(fcinfo, 2, read);
	if (n < 0 || n > MAX_COUNT || (read->model.kind == CLV_BG_BB && time > CLV_MAX_OPPORTUNITIES))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("number of orders or time out of range: " INT64_FORMAT ", %g", n, time)));
	apply_covariates(fcinfo, 3, &read->model, &customer);
	PG_RETURN_FLOAT8(prediction_of(read)->p_orders(customer.parameter, (int) n, time));
}

/* Expected mean amount of an order by the gamma-gamma model; NaN where it is infinite. */
static double
expected_spend(const ClvModel *model, double x, double mean)
{
	double		p = model->parameter[0];
	double		q = model->parameter[1];
	double		v = model->parameter[2];

	if (p * x + q <= 1)
		return NAN;
	return p * (v + x * mean) / (p * x + q - 1);
}

/* The model of spending in an argument. */
static const ClvModel *
read_spend_model(FunctionCallInfo fcinfo, int number, int place)
{
	const ClvModel *model = &read_model(fcinfo, number, place)->model;

	if (model->kind != CLV_GAMMA_GAMMA)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model %s says nothing of amounts", clv_family(model->kind)->name),
				 errhint("Give a model of clv_fit_gamma_gamma().")));
	return model;
}

/* x and the mean amount in arguments; without a purchase or an amount above zero nothing is known of it. */
static double
spend_of(FunctionCallInfo fcinfo, const ClvModel *model, int number_x, int number_mean)
{
	int64		x = PG_GETARG_INT64(number_x);
	double		mean = PG_ARGISNULL(number_mean) ? 0 : PG_GETARG_FLOAT8(number_mean);

	if (x < 0 || x > CLV_MAX_X || !isfinite(mean))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("no possible customer: x " INT64_FORMAT ", mean amount %g", x, mean)));
	return mean > 0 ? expected_spend(model, x, mean) : expected_spend(model, 0, 0);
}

/* clv_expected_spend(spend_model, x, mean_amount) */
Datum
omnicrm_clv_expected_spend(PG_FUNCTION_ARGS)
{
	double		spend;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	spend = spend_of(fcinfo, read_spend_model(fcinfo, 0, 0), 1, 2);
	if (isnan(spend))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(spend);
}

/* clv_value(model, x, t_x, t, spend_model, mean_amount, horizon, margin, rate, covariates) */
Datum
omnicrm_clv_value(PG_FUNCTION_ARGS)
{
	ReadModel  *read;
	Customer	customer;
	double		horizon;
	double		rate;
	double		margin;
	double		spend;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(4) || PG_ARGISNULL(7) || PG_ARGISNULL(8))
		PG_RETURN_NULL();
	read = read_order_model(fcinfo);
	rate = rate_argument(fcinfo, 8, PG_ARGISNULL(6));
	horizon = PG_ARGISNULL(6) ? INFINITY : horizon_argument(fcinfo, 6, read);
	margin = PG_GETARG_FLOAT8(7);
	if (!isfinite(margin))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("margin is not finite"),
				 errhint("Give the margin as a part of the amount, for example 0.3.")));
	if (!read_customer(fcinfo, 9, read, &customer))
		PG_RETURN_NULL();
	spend = spend_of(fcinfo, read_spend_model(fcinfo, 4, 1), 1, 5);
	if (isnan(spend))
		PG_RETURN_NULL();
	PG_RETURN_FLOAT8(margin * spend * p_alive(read, &customer) *
					 orders_if_alive(fcinfo, read, &customer, horizon, rate));
}
