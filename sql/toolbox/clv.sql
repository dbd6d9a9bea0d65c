-- Lifetime value: models of who still buys, how often and for how much, fitted by
-- aggregates and read by functions. One unit of time for all of them; weeks are usual.

CREATE FUNCTION omnicrm.clv_fit_accum(internal, bigint, double precision, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_accum';
COMMENT ON FUNCTION omnicrm.clv_fit_accum(internal, bigint, double precision, double precision) IS
  'Support function: transition of clv_fit_bg_nbd, clv_fit_mbg_nbd and clv_fit_pareto_nbd.';

CREATE FUNCTION omnicrm.clv_fit_accum(internal, bigint, double precision, double precision, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_accum';
COMMENT ON FUNCTION omnicrm.clv_fit_accum(internal, bigint, double precision, double precision, bigint) IS
  'Support function: transition of clv_fit_bg_nbd, clv_fit_mbg_nbd and clv_fit_pareto_nbd.';

CREATE FUNCTION omnicrm.clv_fit_accum(internal, bigint, double precision, double precision, bigint, double precision[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_accum';
COMMENT ON FUNCTION omnicrm.clv_fit_accum(internal, bigint, double precision, double precision, bigint, double precision[]) IS
  'Support function: transition of clv_fit_bg_nbd, clv_fit_mbg_nbd and clv_fit_pareto_nbd.';

CREATE FUNCTION omnicrm.clv_fit_bg_bb_accum(internal, bigint, bigint, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_bg_bb_accum';
COMMENT ON FUNCTION omnicrm.clv_fit_bg_bb_accum(internal, bigint, bigint, bigint) IS
  'Support function: transition of clv_fit_bg_bb.';

CREATE FUNCTION omnicrm.clv_fit_bg_bb_accum(internal, bigint, bigint, bigint, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_bg_bb_accum';
COMMENT ON FUNCTION omnicrm.clv_fit_bg_bb_accum(internal, bigint, bigint, bigint, bigint) IS
  'Support function: transition of clv_fit_bg_bb.';

CREATE FUNCTION omnicrm.clv_fit_gamma_gamma_accum(internal, bigint, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_gamma_gamma_accum';
COMMENT ON FUNCTION omnicrm.clv_fit_gamma_gamma_accum(internal, bigint, double precision) IS
  'Support function: transition of clv_fit_gamma_gamma.';

CREATE FUNCTION omnicrm.clv_fit_gamma_gamma_accum(internal, bigint, double precision, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_gamma_gamma_accum';
COMMENT ON FUNCTION omnicrm.clv_fit_gamma_gamma_accum(internal, bigint, double precision, bigint) IS
  'Support function: transition of clv_fit_gamma_gamma.';

CREATE FUNCTION omnicrm.clv_fit_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_combine';
COMMENT ON FUNCTION omnicrm.clv_fit_combine(internal, internal) IS
  'Support function: merges two states of a fit.';

CREATE FUNCTION omnicrm.clv_fit_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_serialize';
COMMENT ON FUNCTION omnicrm.clv_fit_serialize(internal) IS
  'Support function: a state of a fit as bytea.';

CREATE FUNCTION omnicrm.clv_fit_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_deserialize';
COMMENT ON FUNCTION omnicrm.clv_fit_deserialize(bytea, internal) IS
  'Support function: a state of a fit from bytea. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.clv_fit_bg_nbd_final(internal)
RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_bg_nbd_final';
COMMENT ON FUNCTION omnicrm.clv_fit_bg_nbd_final(internal) IS
  'Support function: result of clv_fit_bg_nbd.';

CREATE FUNCTION omnicrm.clv_fit_mbg_nbd_final(internal)
RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_mbg_nbd_final';
COMMENT ON FUNCTION omnicrm.clv_fit_mbg_nbd_final(internal) IS
  'Support function: result of clv_fit_mbg_nbd.';

CREATE FUNCTION omnicrm.clv_fit_pareto_nbd_final(internal)
RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_pareto_nbd_final';
COMMENT ON FUNCTION omnicrm.clv_fit_pareto_nbd_final(internal) IS
  'Support function: result of clv_fit_pareto_nbd.';

CREATE FUNCTION omnicrm.clv_fit_bg_bb_final(internal)
RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_bg_bb_final';
COMMENT ON FUNCTION omnicrm.clv_fit_bg_bb_final(internal) IS
  'Support function: result of clv_fit_bg_bb.';

CREATE FUNCTION omnicrm.clv_fit_gamma_gamma_final(internal)
RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_clv_fit_gamma_gamma_final';
COMMENT ON FUNCTION omnicrm.clv_fit_gamma_gamma_final(internal) IS
  'Support function: result of clv_fit_gamma_gamma.';

CREATE AGGREGATE omnicrm.clv_fit_bg_nbd(x bigint, t_x double precision, t double precision) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_bg_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_bg_nbd(bigint, double precision, double precision) IS
  'Fits the model BG/NBD: customers buy at random and may leave after each repeated purchase (Fader, Hardie and Lee 2005). It holds everybody without a repeated purchase for alive: for churn use clv_fit_mbg_nbd or clv_fit_pareto_nbd. x: purchases after the first; t_x: time from the first to the last purchase; t: time from the first purchase to now; all in one unit. Parameters r, alpha (rate of purchase), a, b (dropout). The result is a model as jsonb: model, parameters, standard_errors (from the Hessian; null where there is none), log_likelihood, customers, cells (of equal customers), iterations, evaluations, gradient (largest derivative of the mean log-likelihood), converged and reason: optimum; no dropout (nobody leaves, the model without dropout is as likely; the dropout parameter is 0); ridge (the data do not determine the model: a weak prior keeps it finite, errors are wide, converged is false); no repeated purchases; few customers (below ten for each parameter). Rows with a null are left out; null without a row. The same to the bit for any order of the rows and any number of workers. Errors: invalid_parameter_value for impossible customers, NaN and infinite values.';

CREATE AGGREGATE omnicrm.clv_fit_bg_nbd(x bigint, t_x double precision, t double precision, weight bigint) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_bg_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_bg_nbd(bigint, double precision, double precision, bigint) IS
  'As clv_fit_bg_nbd(x, t_x, t), for rows that stand for weight customers each; null counts as 1. Errors: as there, and invalid_parameter_value for a negative weight.';

CREATE AGGREGATE omnicrm.clv_fit_bg_nbd(x bigint, t_x double precision, t double precision, weight bigint, covariates double precision[]) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_bg_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_bg_nbd(bigint, double precision, double precision, bigint, double precision[]) IS
  'As clv_fit_bg_nbd(x, t_x, t, weight), with up to 8 covariates of each customer that do not change: alpha is multiplied by exp(-purchase . covariates), a and b are multiplied by exp(dropout . covariates); the coefficients are in the member covariates. Errors: as there, and invalid_parameter_value for lists of different length or with nulls.';

CREATE AGGREGATE omnicrm.clv_fit_mbg_nbd(x bigint, t_x double precision, t double precision) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_mbg_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_mbg_nbd(bigint, double precision, double precision) IS
  'Fits the model MBG/NBD: customers buy at random and may leave after each purchase, the first one too (Batislam, Denizel and Filiztekin 2007). The default for churn. x: purchases after the first; t_x: time from the first to the last purchase; t: time from the first purchase to now; all in one unit. Parameters r, alpha (rate of purchase), a, b (dropout). The result is a model as jsonb: model, parameters, standard_errors (from the Hessian; null where there is none), log_likelihood, customers, cells (of equal customers), iterations, evaluations, gradient (largest derivative of the mean log-likelihood), converged and reason: optimum; no dropout (nobody leaves, the model without dropout is as likely; the dropout parameter is 0); ridge (the data do not determine the model: a weak prior keeps it finite, errors are wide, converged is false); no repeated purchases; few customers (below ten for each parameter). Rows with a null are left out; null without a row. The same to the bit for any order of the rows and any number of workers. Errors: invalid_parameter_value for impossible customers, NaN and infinite values.';

CREATE AGGREGATE omnicrm.clv_fit_mbg_nbd(x bigint, t_x double precision, t double precision, weight bigint) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_mbg_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_mbg_nbd(bigint, double precision, double precision, bigint) IS
  'As clv_fit_mbg_nbd(x, t_x, t), for rows that stand for weight customers each; null counts as 1. Errors: as there, and invalid_parameter_value for a negative weight.';

CREATE AGGREGATE omnicrm.clv_fit_mbg_nbd(x bigint, t_x double precision, t double precision, weight bigint, covariates double precision[]) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_mbg_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_mbg_nbd(bigint, double precision, double precision, bigint, double precision[]) IS
  'As clv_fit_mbg_nbd(x, t_x, t, weight), with up to 8 covariates of each customer that do not change: alpha is multiplied by exp(-purchase . covariates), a and b are multiplied by exp(dropout . covariates); the coefficients are in the member covariates. Errors: as there, and invalid_parameter_value for lists of different length or with nulls.';

CREATE AGGREGATE omnicrm.clv_fit_pareto_nbd(x bigint, t_x double precision, t double precision) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_pareto_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_pareto_nbd(bigint, double precision, double precision) IS
  'Fits the model Pareto/NBD: customers buy at random and may leave at any time (Schmittlein, Morrison and Colombo 1987). x: purchases after the first; t_x: time from the first to the last purchase; t: time from the first purchase to now; all in one unit. Parameters r, alpha (rate of purchase), s, beta (rate of dropout). The result is a model as jsonb: model, parameters, standard_errors (from the Hessian; null where there is none), log_likelihood, customers, cells (of equal customers), iterations, evaluations, gradient (largest derivative of the mean log-likelihood), converged and reason: optimum; no dropout (nobody leaves, the model without dropout is as likely; the dropout parameter is 0); ridge (the data do not determine the model: a weak prior keeps it finite, errors are wide, converged is false); no repeated purchases; few customers (below ten for each parameter). Rows with a null are left out; null without a row. The same to the bit for any order of the rows and any number of workers. Errors: invalid_parameter_value for impossible customers, NaN and infinite values.';

CREATE AGGREGATE omnicrm.clv_fit_pareto_nbd(x bigint, t_x double precision, t double precision, weight bigint) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_pareto_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_pareto_nbd(bigint, double precision, double precision, bigint) IS
  'As clv_fit_pareto_nbd(x, t_x, t), for rows that stand for weight customers each; null counts as 1. Errors: as there, and invalid_parameter_value for a negative weight.';

CREATE AGGREGATE omnicrm.clv_fit_pareto_nbd(x bigint, t_x double precision, t double precision, weight bigint, covariates double precision[]) (
  SFUNC = omnicrm.clv_fit_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_pareto_nbd_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_pareto_nbd(bigint, double precision, double precision, bigint, double precision[]) IS
  'As clv_fit_pareto_nbd(x, t_x, t, weight), with up to 8 covariates of each customer that do not change: alpha is multiplied by exp(-purchase . covariates), beta by exp(-dropout . covariates); the coefficients are in the member covariates. Errors: as there, and invalid_parameter_value for lists of different length or with nulls.';

CREATE AGGREGATE omnicrm.clv_fit_bg_bb(x bigint, t_x bigint, n bigint) (
  SFUNC = omnicrm.clv_fit_bg_bb_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_bg_bb_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_bg_bb(bigint, bigint, bigint) IS
  'Fits the model BG/BB, of purchases at discrete opportunities (events, months, donation drives): customers buy or not at each and may leave before each (Fader, Hardie and Shang 2010). x: number of the n opportunities after the first purchase (at most 10,000) with one; t_x: the last such opportunity. Parameters alpha, beta (purchase), gamma, delta (dropout). The result is a model as jsonb: model, parameters, standard_errors (from the Hessian; null where there is none), log_likelihood, customers, cells (of equal customers), iterations, evaluations, gradient (largest derivative of the mean log-likelihood), converged and reason: optimum; no dropout (nobody leaves, the model without dropout is as likely; the dropout parameter is 0); ridge (the data do not determine the model: a weak prior keeps it finite, errors are wide, converged is false); no repeated purchases; few customers (below ten for each parameter). Rows with a null are left out; null without a row. The same to the bit for any order of the rows and any number of workers. Errors: invalid_parameter_value for impossible customers, NaN and infinite values.';

CREATE AGGREGATE omnicrm.clv_fit_bg_bb(x bigint, t_x bigint, n bigint, weight bigint) (
  SFUNC = omnicrm.clv_fit_bg_bb_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_bg_bb_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_bg_bb(bigint, bigint, bigint, bigint) IS
  'As clv_fit_bg_bb(x, t_x, n), for rows that stand for weight customers each; null counts as 1. Errors: as there, and invalid_parameter_value for a negative weight.';

CREATE AGGREGATE omnicrm.clv_fit_gamma_gamma(x bigint, mean_amount double precision) (
  SFUNC = omnicrm.clv_fit_gamma_gamma_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_gamma_gamma_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_gamma_gamma(bigint, double precision) IS
  'Fits the gamma-gamma model of spending: the amounts of a customer vary around a mean of his or her own (Fader and Hardie 2013). x: number of purchases after the first; mean_amount: their mean amount, clv_spend(). Customers with x = 0 or a mean that is not above zero are left out. Parameters p, q, v. reason infinite mean: q is not above 1, so the mean over all customers is infinite. The result is a model as jsonb: model, parameters, standard_errors (from the Hessian; null where there is none), log_likelihood, customers, cells (of equal customers), iterations, evaluations, gradient (largest derivative of the mean log-likelihood), converged and reason: optimum; no dropout (nobody leaves, the model without dropout is as likely; the dropout parameter is 0); ridge (the data do not determine the model: a weak prior keeps it finite, errors are wide, converged is false); no repeated purchases; few customers (below ten for each parameter). Rows with a null are left out; null without a row. The same to the bit for any order of the rows and any number of workers. Errors: invalid_parameter_value for impossible customers, NaN and infinite values.';

CREATE AGGREGATE omnicrm.clv_fit_gamma_gamma(x bigint, mean_amount double precision, weight bigint) (
  SFUNC = omnicrm.clv_fit_gamma_gamma_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.clv_fit_gamma_gamma_final,
  COMBINEFUNC = omnicrm.clv_fit_combine,
  SERIALFUNC = omnicrm.clv_fit_serialize,
  DESERIALFUNC = omnicrm.clv_fit_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.clv_fit_gamma_gamma(bigint, double precision, bigint) IS
  'As clv_fit_gamma_gamma(x, mean_amount), for rows that stand for weight customers each; null counts as 1. Errors: as there, and invalid_parameter_value for a negative weight.';

-- What a model says of a customer.
CREATE FUNCTION omnicrm.clv_log_likelihood(model jsonb, x bigint, t_x double precision, t double precision, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 100
AS 'MODULE_PATHNAME', 'omnicrm_clv_log_likelihood';
COMMENT ON FUNCTION omnicrm.clv_log_likelihood(jsonb, bigint, double precision, double precision, double precision[]) IS
  'Logarithm of the likelihood of one customer under a model, to compare models on customers that they were not fitted to. BG/BB: without the number of ways in which x purchases can be spread. Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model.';

CREATE FUNCTION omnicrm.clv_p_alive(model jsonb, x bigint, t_x double precision, t double precision, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_p_alive';
COMMENT ON FUNCTION omnicrm.clv_p_alive(jsonb, bigint, double precision, double precision, double precision[]) IS
  'Probability that a customer (x, t_x, t; as in the fit) has not left for good. BG/BB: at the next opportunity. covariates: those of the customer, when the model has some. Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model.';

CREATE FUNCTION omnicrm.clv_expected_orders(model jsonb, x bigint, t_x double precision, t double precision, horizon double precision, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_expected_orders';
COMMENT ON FUNCTION omnicrm.clv_expected_orders(jsonb, bigint, double precision, double precision, double precision, double precision[]) IS
  'Expected number of orders of a customer in the next horizon, in the unit of the fit; of a new customer with x, t_x and t 0. Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model, a negative or infinite horizon.';

CREATE FUNCTION omnicrm.clv_p_no_order(model jsonb, x bigint, t_x double precision, t double precision, horizon double precision, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_p_no_order';
COMMENT ON FUNCTION omnicrm.clv_p_no_order(jsonb, bigint, double precision, double precision, double precision, double precision[]) IS
  'Probability that a customer makes no order in the next horizon, in the unit of the fit. Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model, a negative or infinite horizon.';

CREATE FUNCTION omnicrm.clv_next_order(model jsonb, x bigint, t_x double precision, t double precision, probability double precision DEFAULT 0.5, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_next_order';
COMMENT ON FUNCTION omnicrm.clv_next_order(jsonb, bigint, double precision, double precision, double precision, double precision[]) IS
  'Time, in the unit of the fit, in which the next order comes with this probability; null when it is less likely ever to come. Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model, a probability that is not between 0 and 1.';

CREATE FUNCTION omnicrm.clv_next_order_date(model jsonb, x bigint, t_x double precision, t double precision, as_of date, unit_days double precision DEFAULT 7, probability double precision DEFAULT 0.5, covariates double precision[] DEFAULT NULL)
RETURNS date
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_next_order_date';
COMMENT ON FUNCTION omnicrm.clv_next_order_date(jsonb, bigint, double precision, double precision, date, double precision, double precision, double precision[]) IS
  'Day until which the next order comes with this probability, seen from as_of, the end of t; unit_days: length of the unit of the fit in days. Null when it is less likely ever to come. Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model, a day, unit or probability out of range.';

CREATE FUNCTION omnicrm.clv_dert(model jsonb, x bigint, t_x double precision, t double precision, rate double precision, horizon double precision DEFAULT NULL, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_dert';
COMMENT ON FUNCTION omnicrm.clv_dert(jsonb, bigint, double precision, double precision, double precision, double precision, double precision[]) IS
  'Discounted expected residual transactions: expected orders of a customer, for ever or in the next horizon, each discounted to now. rate: continuous, for one unit of time: ln(1 + rate of a year) / units of a year. BG/BB: an order at the next opportunity is discounted once. Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model, a rate below 0 or above 100, or below 1e-6 without a horizon; BG/BB: a horizon beyond 1,000,000 opportunities.';

CREATE FUNCTION omnicrm.clv_p_orders(model jsonb, n bigint, time_span double precision, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_p_orders';
COMMENT ON FUNCTION omnicrm.clv_p_orders(jsonb, bigint, double precision, double precision[]) IS
  'Probability that a new customer makes exactly n more orders in a time after the first one. Null for null. Errors: invalid_parameter_value for n outside 0 to 1,000,000, a negative or infinite time, another jsonb than a model of orders, covariates that are not those of the model.';

CREATE FUNCTION omnicrm.clv_expected_spend(spend_model jsonb, x bigint, mean_amount double precision)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_expected_spend';
COMMENT ON FUNCTION omnicrm.clv_expected_spend(jsonb, bigint, double precision) IS
  'Expected amount of an order of a customer by a model of clv_fit_gamma_gamma(): between his or her own mean amount and that of all. That of all without a purchase after the first, or with a mean amount that is null or not above zero. Null when it is infinite (q not above 1). Errors: invalid_parameter_value for another jsonb, x out of range, a mean amount that is not finite.';

CREATE FUNCTION omnicrm.clv_value(model jsonb, x bigint, t_x double precision, t double precision, spend_model jsonb, mean_amount double precision, horizon double precision, margin double precision DEFAULT 1, rate double precision DEFAULT 0, covariates double precision[] DEFAULT NULL)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_clv_value';
COMMENT ON FUNCTION omnicrm.clv_value(jsonb, bigint, double precision, double precision, jsonb, double precision, double precision, double precision, double precision, double precision[]) IS
  'Customer lifetime value: margin times clv_expected_spend() times the orders of clv_dert() in the next horizon (null: for ever). margin: part of the amount that is kept, for example 0.3; rate: as in clv_dert(). Null for null. Errors: invalid_parameter_value for an impossible customer, another jsonb than a model of orders, covariates that are not those of the model, a rate or margin out of range.';

-- Recalibration: what was predicted on an earlier day against what happened since.
CREATE FUNCTION omnicrm.calibration_fit_accum(internal, double precision, boolean)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_calibration_fit_accum';
COMMENT ON FUNCTION omnicrm.calibration_fit_accum(internal, double precision, boolean) IS 'Support function: transition of calibration_fit.';

CREATE FUNCTION omnicrm.calibration_fit_accum(internal, double precision, boolean, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_calibration_fit_accum';
COMMENT ON FUNCTION omnicrm.calibration_fit_accum(internal, double precision, boolean, double precision) IS 'Support function: transition of calibration_fit with two predictions.';

CREATE FUNCTION omnicrm.calibration_fit_final(internal)
RETURNS double precision[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_calibration_fit_final';
COMMENT ON FUNCTION omnicrm.calibration_fit_final(internal) IS 'Support function: result of calibration_fit.';

CREATE AGGREGATE omnicrm.calibration_fit(p double precision, happened boolean) (
  SFUNC = omnicrm.calibration_fit_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.calibration_fit_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.calibration_fit(double precision, boolean) IS
  'Intercept and slope of the line that corrects predicted probabilities by what happened: ln(odds) = intercept + slope ln(p / (1 - p)) (Platt 1999), by maximum likelihood with a weak prior at {0,1}, no correction. The horizon must be that of the predictions to correct; of models of lifetime value give a second prediction too. Predict with a model that was fitted up to an earlier day (half of the history is a good choice), give what happened since, and correct the predictions of today by calibrated(). Rows with a null are left out; null without a row. Same result for any order of the rows. Errors: invalid_parameter_value for a probability outside 0 to 1, program_limit_exceeded.';

CREATE AGGREGATE omnicrm.calibration_fit(p double precision, happened boolean, without_dropout double precision) (
  SFUNC = omnicrm.calibration_fit_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.calibration_fit_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.calibration_fit(double precision, boolean, double precision) IS
  'What corrects probabilities of a model with dropout for any horizon: {0, slope, other} of ln(odds) = slope ln(p / (1 - p)) + other ln(q / (1 - q)), q being the same probability by clv_without_dropout(model), by maximum likelihood with a prior at {0,1,0}, no correction (deviation 0.2). Learnt as that of one prediction; calibrated() takes p, this, and q. Rows with a null are left out; null without a row. Same result for any order of the rows. Errors: invalid_parameter_value for a probability outside 0 to 1, program_limit_exceeded.';

CREATE FUNCTION omnicrm.calibrated(p double precision, calibration double precision[])
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_calibrated';
COMMENT ON FUNCTION omnicrm.calibrated(double precision, double precision[]) IS
  'A probability corrected by a calibration of calibration_fit(). Null for null. Errors: invalid_parameter_value for a probability outside 0 to 1 and for another list than two finite numbers.';

CREATE FUNCTION omnicrm.calibrated(p double precision, calibration double precision[], without_dropout double precision)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_calibrated';
COMMENT ON FUNCTION omnicrm.calibrated(double precision, double precision[], double precision) IS
  'A probability corrected by a calibration of calibration_fit() with two predictions: p of the model, without_dropout of clv_without_dropout(model), both of the horizon that is asked for. Null for null. Errors: invalid_parameter_value for a probability outside 0 to 1 and for another list than three finite numbers.';

CREATE FUNCTION omnicrm.clv_without_dropout(model jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_set(model, ARRAY['parameters', CASE model ->> 'model' WHEN 'pareto_nbd' THEN 's' WHEN 'bg_bb' THEN 'gamma' ELSE 'a' END], '0', false)
$$;
COMMENT ON FUNCTION omnicrm.clv_without_dropout(jsonb) IS
  'The model of orders in which nobody ever leaves and customers buy as in the given one: its parameter of dropout (a, s or gamma) is 0. For the second prediction of calibration_fit() and calibrated(). Another jsonb is returned as it is. Null for null.';
