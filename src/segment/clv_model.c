/*
 * clv_model.c
 *		A fitted model as jsonb: what a user gives, stores, edits and compares.
 *
 * Numbers are written with all digits that they have, so a model that is read
 * again is the same to the bit.  Only "model", "parameters" and "covariates" are
 * read; the rest says how the fit went.
 */
#include "postgres.h"

#include <float.h>
#include <math.h>

#include "common/shortest_dec.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"

#include "common/compat.h"
#include "golden/survive_json.h"
#include "segment/clv.h"

#define MODEL_VERSION 1

/* A number, null when it is not finite. */
static void
append_number(StringInfo json, double value)
{
	char		text[DOUBLE_SHORTEST_DECIMAL_LEN];

	if (!isfinite(value))
	{
		appendStringInfoString(json, "null");
		return;
	}
	double_to_shortest_decimal_buf(value, text);
	appendStringInfoString(json, text);
}

/* An object of numbers by the names of the parameters. */
static void
append_parameters(StringInfo json, const char *key, const ClvFamily *family, const double *values)
{
	appendStringInfo(json, ",\"%s\":{", key);
	for (int k = 0; k < family->nparameters; k++)
	{
		appendStringInfo(json, "%s\"%s\":", k > 0 ? "," : "", family->parameters[k]);
		append_number(json, values[k]);
	}
	appendStringInfoChar(json, '}');
}

static void
append_list(StringInfo json, const char *before, const double *values, int count)
{
	appendStringInfo(json, "%s[", before);
	for (int i = 0; i < count; i++)
	{
		if (i > 0)
			appendStringInfoChar(json, ',');
		append_number(json, values[i]);
	}
	appendStringInfoChar(json, ']');
}

/* A fitted model as jsonb. */
Jsonb *
clv_model_write(const ClvFit *fit)
{
	const ClvFamily *family = clv_family(fit->model.kind);
	int			ncovariates = fit->model.ncovariates;
	StringInfoData json;

	initStringInfo(&json);
	appendStringInfo(&json, "{\"model\":\"%s\",\"version\":%d", family->name, MODEL_VERSION);
	append_parameters(&json, "parameters", family, fit->model.parameter);
	append_parameters(&json, "standard_errors", family, fit->error);
	if (ncovariates > 0)
	{
		append_list(&json, ",\"covariates\":{\"purchase\":", fit->model.purchase, ncovariates);
		append_list(&json, ",\"dropout\":", fit->model.dropout, ncovariates);
		append_list(&json, "},\"covariate_errors\":{\"purchase\":", fit->error + family->nparameters, ncovariates);
		append_list(&json, ",\"dropout\":", fit->error + family->nparameters + ncovariates, ncovariates);
		appendStringInfoChar(&json, '}');
	}
	appendStringInfoString(&json, ",\"log_likelihood\":");
	append_number(&json, fit->loglik);
	appendStringInfoString(&json, ",\"customers\":");
	append_number(&json, fit->customers);
	appendStringInfo(&json, ",\"cells\":" INT64_FORMAT ",\"iterations\":%d,\"evaluations\":%d,\"gradient\":",
					 fit->cells, fit->iterations, fit->evaluations);
	append_number(&json, fit->gradient);
	appendStringInfo(&json, ",\"converged\":%s,\"reason\":\"%s\"}", fit->converged ? "true" : "false", fit->reason);
	return DatumGetJsonbP(DirectFunctionCall1(jsonb_in, CStringGetDatum(json.data)));
}

/* The kind of model with this name. */
static ClvKind
kind_by_name(const char *name)
{
	if (name != NULL)
		for (int kind = CLV_BG_NBD; kind <= CLV_GAMMA_GAMMA; kind++)
			if (strcmp(clv_family(kind)->name, name) == 0)
				return kind;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("unknown model of lifetime value: \"%s\"", name == NULL ? "" : name),
			 errhint("Known models: bg_nbd, mbg_nbd, pareto_nbd, bg_bb, gamma_gamma.")));
	return CLV_BG_NBD;
}

/* Reads the coefficients of one kind; returns how many there are. */
static int
read_coefficients(JsonbContainer *covariates, const char *key, double *coefficients)
{
	JsonbContainer *array = survive_json_array(covariates, key, "covariates of the model");
	int			count = array == NULL ? 0 : JsonContainerSize(array);

	if (count > CLV_MAX_COVARIATES)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("more than %d covariates in a model", CLV_MAX_COVARIATES)));
	for (int i = 0; i < count; i++)
	{
		JsonbValue *value = getIthJsonbValueFromContainer(array, i);

		if (value->type != jbvNumeric)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("covariates of the model: coefficient %d of \"%s\" must be a number", i + 1, key)));
		coefficients[i] = DatumGetFloat8(DirectFunctionCall1(numeric_float8_no_overflow,
															 NumericGetDatum(value->val.numeric)));
	}
	return count;
}

/*
 * Reads a model.  Errors: invalid_parameter_value for another jsonb, an unknown
 * model, a missing parameter or one that is not above zero (where the model
 * knows no dropout, a, s or gamma is zero).
 */
void
clv_model_read(Jsonb *source, ClvModel *model)
{
	const ClvFamily *family;
	JsonbContainer *parameters = NULL;
	JsonbValue *member;

	memset(model, 0, sizeof(ClvModel));
	if (!JB_ROOT_IS_OBJECT(source))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("model of lifetime value must be an object"),
				 errhint("Give the result of an aggregate clv_fit_...().")));
	model->kind = kind_by_name(survive_json_text(&source->root, "model", "model of lifetime value"));
	family = clv_family(model->kind);
	member = survive_json_member(&source->root, "parameters");
	if (member != NULL)
		parameters = survive_json_object(member, "parameters of the model");
	for (int k = 0; k < family->nparameters; k++)
	{
		bool		may_be_zero = k == 2 && family->loglik_without_dropout != NULL;

		if (!survive_json_number(parameters, family->parameters[k], may_be_zero ? 0 : DBL_MIN, 1e100,
								 &model->parameter[k], "parameters of the model"))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("model %s lacks its parameter \"%s\"", family->name, family->parameters[k])));
	}
	member = survive_json_member(&source->root, "covariates");
	if (member != NULL)
	{
		JsonbContainer *covariates = survive_json_object(member, "covariates of the model");

		model->ncovariates = read_coefficients(covariates, "purchase", model->purchase);
		if (model->ncovariates != read_coefficients(covariates, "dropout", model->dropout))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("covariates of the model: as many coefficients of purchase as of dropout are needed")));
	}
}
