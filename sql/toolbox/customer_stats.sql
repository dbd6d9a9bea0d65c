-- What the orders of one customer amount to: a value that can be stored, read and
-- summed up, and the aggregates that make it.
CREATE TYPE omnicrm.customer_stats;

CREATE FUNCTION omnicrm.customer_stats_in(cstring)
RETURNS omnicrm.customer_stats
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_in';
COMMENT ON FUNCTION omnicrm.customer_stats_in(cstring) IS
  'Support function: a value from its text form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.customer_stats_out(omnicrm.customer_stats)
RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_out';
COMMENT ON FUNCTION omnicrm.customer_stats_out(omnicrm.customer_stats) IS
  'Support function: the text form of a value.';

CREATE FUNCTION omnicrm.customer_stats_recv(internal)
RETURNS omnicrm.customer_stats
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_recv';
COMMENT ON FUNCTION omnicrm.customer_stats_recv(internal) IS
  'Support function: a value from its binary form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.customer_stats_send(omnicrm.customer_stats)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_send';
COMMENT ON FUNCTION omnicrm.customer_stats_send(omnicrm.customer_stats) IS
  'Support function: the binary form of a value.';

CREATE TYPE omnicrm.customer_stats (
  INPUT = omnicrm.customer_stats_in,
  OUTPUT = omnicrm.customer_stats_out,
  RECEIVE = omnicrm.customer_stats_recv,
  SEND = omnicrm.customer_stats_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE omnicrm.customer_stats IS
  'What the orders of one customer amount to: exact sums of money, numbers of orders and returns, the days with a sale. Made by customer_stats(), summed up by stats_rollup(), read by the functions stats_... and clv_x, clv_t_x, clv_t, clv_spend. Written as hexadecimal.';

-- Two values are the same when their bytes are, so values can be compared, grouped and made distinct as bytea.
CREATE CAST (omnicrm.customer_stats AS bytea) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (omnicrm.customer_stats AS bytea) IS 'The bytes of a value, which lets values be compared, grouped and made distinct.';

CREATE FUNCTION omnicrm.customer_stats_accum(internal, date, numeric)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_accum_date';
COMMENT ON FUNCTION omnicrm.customer_stats_accum(internal, date, numeric) IS
  'Support function: transition of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_accum(internal, date, numeric, numeric)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_accum_date';
COMMENT ON FUNCTION omnicrm.customer_stats_accum(internal, date, numeric, numeric) IS
  'Support function: transition of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_accum(internal, date, numeric, numeric, text)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_accum_date';
COMMENT ON FUNCTION omnicrm.customer_stats_accum(internal, date, numeric, numeric, text) IS
  'Support function: transition of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_accum(internal, date, numeric, numeric, text, boolean)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_accum_date';
COMMENT ON FUNCTION omnicrm.customer_stats_accum(internal, date, numeric, numeric, text, boolean) IS
  'Support function: transition of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_accum(internal, timestamp with time zone, numeric)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_accum_timestamptz';
COMMENT ON FUNCTION omnicrm.customer_stats_accum(internal, timestamp with time zone, numeric) IS
  'Support function: transition of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_accum(internal, timestamp with time zone, numeric, numeric)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_accum_timestamptz';
COMMENT ON FUNCTION omnicrm.customer_stats_accum(internal, timestamp with time zone, numeric, numeric) IS
  'Support function: transition of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_accum(internal, timestamp with time zone, numeric, numeric, text)
RETURNS internal
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_accum_timestamptz';
COMMENT ON FUNCTION omnicrm.customer_stats_accum(internal, timestamp with time zone, numeric, numeric, text) IS
  'Support function: transition of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_combine';
COMMENT ON FUNCTION omnicrm.customer_stats_combine(internal, internal) IS
  'Support function: merges two states of customer_stats.';

CREATE FUNCTION omnicrm.customer_stats_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_serialize';
COMMENT ON FUNCTION omnicrm.customer_stats_serialize(internal) IS
  'Support function: a state of customer_stats as bytea.';

CREATE FUNCTION omnicrm.customer_stats_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_deserialize';
COMMENT ON FUNCTION omnicrm.customer_stats_deserialize(bytea, internal) IS
  'Support function: a state of customer_stats from bytea. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.customer_stats_final(internal)
RETURNS omnicrm.customer_stats
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_customer_stats_final';
COMMENT ON FUNCTION omnicrm.customer_stats_final(internal) IS
  'Support function: result of customer_stats and stats_rollup.';

CREATE FUNCTION omnicrm.stats_rollup_accum(internal, omnicrm.customer_stats)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_stats_rollup_accum';
COMMENT ON FUNCTION omnicrm.stats_rollup_accum(internal, omnicrm.customer_stats) IS
  'Support function: transition of stats_rollup.';

CREATE AGGREGATE omnicrm.customer_stats(ordered_on date, amount numeric) (
  SFUNC = omnicrm.customer_stats_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customer_stats(date, numeric) IS
  'What the orders of a group (a customer) amount to, as a value to be read by the functions stats_... and clv_..., stored, and summed up by stats_rollup(). A row is a sale, or a return when its amount is negative: returns lower the sums of money and make no day with a sale. Rows without day or amount are left out; null without a row. Same result for any order of the rows. Errors: invalid_parameter_value for an amount with more than two decimals, NaN or infinity; datetime_value_out_of_range for an infinite day; numeric_value_out_of_range.';

CREATE AGGREGATE omnicrm.customer_stats(ordered_on date, amount numeric, margin numeric) (
  SFUNC = omnicrm.customer_stats_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customer_stats(date, numeric, numeric) IS
  'As customer_stats(ordered_on, amount), with the sum of the margins; orders without a margin are counted.';

CREATE AGGREGATE omnicrm.customer_stats(ordered_on date, amount numeric, margin numeric, currency text) (
  SFUNC = omnicrm.customer_stats_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customer_stats(date, numeric, numeric, text) IS
  'As customer_stats(ordered_on, amount, margin), with the currency of each order by its three letters: orders in different currencies are refused (invalid_parameter_value). Null: not told.';

CREATE AGGREGATE omnicrm.customer_stats(ordered_on date, amount numeric, margin numeric, currency text, is_sale boolean) (
  SFUNC = omnicrm.customer_stats_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customer_stats(date, numeric, numeric, text, boolean) IS
  'As customer_stats(ordered_on, amount, margin, currency), where is_sale says which rows are sales, whatever the sign of the amount; null counts as no sale.';

CREATE AGGREGATE omnicrm.customer_stats(ordered_at timestamp with time zone, amount numeric) (
  SFUNC = omnicrm.customer_stats_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customer_stats(timestamp with time zone, numeric) IS
  'As the same aggregate of days; the day of an order is that of the time zone of the session.';

CREATE AGGREGATE omnicrm.customer_stats(ordered_at timestamp with time zone, amount numeric, margin numeric) (
  SFUNC = omnicrm.customer_stats_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customer_stats(timestamp with time zone, numeric, numeric) IS
  'As the same aggregate of days; the day of an order is that of the time zone of the session.';

CREATE AGGREGATE omnicrm.customer_stats(ordered_at timestamp with time zone, amount numeric, margin numeric, currency text) (
  SFUNC = omnicrm.customer_stats_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.customer_stats(timestamp with time zone, numeric, numeric, text) IS
  'As the same aggregate of days; the day of an order is that of the time zone of the session.';

CREATE AGGREGATE omnicrm.stats_rollup(stats omnicrm.customer_stats) (
  SFUNC = omnicrm.stats_rollup_accum,
  STYPE = internal,
  SSPACE = 160,
  FINALFUNC = omnicrm.customer_stats_final,
  COMBINEFUNC = omnicrm.customer_stats_combine,
  SERIALFUNC = omnicrm.customer_stats_serialize,
  DESERIALFUNC = omnicrm.customer_stats_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.stats_rollup(omnicrm.customer_stats) IS
  'Sums values of customer_stats() up, of parts of a customer, of months or of stores: the same value as customer_stats() over all their orders. Nulls are left out; null without a value. Errors: invalid_parameter_value for values in different currencies, numeric_value_out_of_range.';

CREATE FUNCTION omnicrm.stats_first_order(stats omnicrm.customer_stats)
RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_first_order';
COMMENT ON FUNCTION omnicrm.stats_first_order(omnicrm.customer_stats) IS
  'First day with a sale; null without one.';

CREATE FUNCTION omnicrm.stats_last_order(stats omnicrm.customer_stats)
RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_last_order';
COMMENT ON FUNCTION omnicrm.stats_last_order(omnicrm.customer_stats) IS
  'Last day with a sale; null without one.';

CREATE FUNCTION omnicrm.stats_last_order(stats omnicrm.customer_stats, as_of date)
RETURNS date
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_last_order';
COMMENT ON FUNCTION omnicrm.stats_last_order(omnicrm.customer_stats, date) IS
  'Last day with a sale up to as_of; null without one.';

CREATE FUNCTION omnicrm.stats_recency(stats omnicrm.customer_stats, as_of date)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_recency';
COMMENT ON FUNCTION omnicrm.stats_recency(omnicrm.customer_stats, date) IS
  'Days from the last sale up to as_of; null without one. Errors: invalid_parameter_value for an infinite day.';

CREATE FUNCTION omnicrm.stats_tenure(stats omnicrm.customer_stats, as_of date)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_tenure';
COMMENT ON FUNCTION omnicrm.stats_tenure(omnicrm.customer_stats, date) IS
  'Days from the first sale to as_of; null when there is none by then. Errors: invalid_parameter_value for an infinite day.';

CREATE FUNCTION omnicrm.stats_frequency(stats omnicrm.customer_stats)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_frequency';
COMMENT ON FUNCTION omnicrm.stats_frequency(omnicrm.customer_stats) IS
  'Number of days with a sale: two orders on one day are one visit.';

CREATE FUNCTION omnicrm.stats_frequency(stats omnicrm.customer_stats, as_of date)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_frequency';
COMMENT ON FUNCTION omnicrm.stats_frequency(omnicrm.customer_stats, date) IS
  'Number of days with a sale up to as_of. Errors: invalid_parameter_value for an infinite day.';

CREATE FUNCTION omnicrm.stats_days(stats omnicrm.customer_stats)
RETURNS date[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_days';
COMMENT ON FUNCTION omnicrm.stats_days(omnicrm.customer_stats) IS
  'The days with a sale, ascending.';

CREATE FUNCTION omnicrm.stats_orders(stats omnicrm.customer_stats)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_orders';
COMMENT ON FUNCTION omnicrm.stats_orders(omnicrm.customer_stats) IS
  'Number of sales.';

CREATE FUNCTION omnicrm.stats_returns(stats omnicrm.customer_stats)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_returns';
COMMENT ON FUNCTION omnicrm.stats_returns(omnicrm.customer_stats) IS
  'Number of returns.';

CREATE FUNCTION omnicrm.stats_without_margin(stats omnicrm.customer_stats)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_without_margin';
COMMENT ON FUNCTION omnicrm.stats_without_margin(omnicrm.customer_stats) IS
  'Number of sales and returns without a known margin.';

CREATE FUNCTION omnicrm.stats_monetary(stats omnicrm.customer_stats)
RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_monetary';
COMMENT ON FUNCTION omnicrm.stats_monetary(omnicrm.customer_stats) IS
  'Sum of all amounts, net of returns, with two decimals.';

CREATE FUNCTION omnicrm.stats_sold(stats omnicrm.customer_stats)
RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_sold';
COMMENT ON FUNCTION omnicrm.stats_sold(omnicrm.customer_stats) IS
  'Sum of the amounts of sales; returns are left out.';

CREATE FUNCTION omnicrm.stats_margin(stats omnicrm.customer_stats)
RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_margin';
COMMENT ON FUNCTION omnicrm.stats_margin(omnicrm.customer_stats) IS
  'Sum of the margins that are known, net of returns.';

CREATE FUNCTION omnicrm.stats_currency(stats omnicrm.customer_stats)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_currency';
COMMENT ON FUNCTION omnicrm.stats_currency(omnicrm.customer_stats) IS
  'Currency of the amounts; null when none was told.';

CREATE FUNCTION omnicrm.stats_average_ticket(stats omnicrm.customer_stats)
RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_average_ticket';
COMMENT ON FUNCTION omnicrm.stats_average_ticket(omnicrm.customer_stats) IS
  'Amount for each sale, rounded to two decimals; null without a sale.';

CREATE FUNCTION omnicrm.stats_interval_mean(stats omnicrm.customer_stats)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_interval_mean';
COMMENT ON FUNCTION omnicrm.stats_interval_mean(omnicrm.customer_stats) IS
  'Mean number of days from one day with a sale to the next; null below two of them.';

CREATE FUNCTION omnicrm.stats_interval_sd(stats omnicrm.customer_stats)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_interval_sd';
COMMENT ON FUNCTION omnicrm.stats_interval_sd(omnicrm.customer_stats) IS
  'Standard deviation (of a sample) of the days from one day with a sale to the next; null below two intervals.';

CREATE FUNCTION omnicrm.stats_interval_cv(stats omnicrm.customer_stats)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_interval_cv';
COMMENT ON FUNCTION omnicrm.stats_interval_cv(omnicrm.customer_stats) IS
  'Coefficient of variation of the intervals: standard deviation as a part of the mean. 1 for purchases at random, below for regular ones; null below two intervals.';

CREATE FUNCTION omnicrm.stats_interval_quantile(stats omnicrm.customer_stats, p double precision, least_intervals integer DEFAULT 3)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_interval_quantile';
COMMENT ON FUNCTION omnicrm.stats_interval_quantile(omnicrm.customer_stats, double precision, integer) IS
  'Days from one day with a sale to the next that a part p (0 to 1) of the intervals does not exceed: quantile of type 7 (Hyndman and Fan 1996). With p 0.9 the usual interval of lifecycle_stage(). Null with fewer intervals than least_intervals. Errors: invalid_parameter_value for p out of range or least_intervals below 1.';

CREATE FUNCTION omnicrm.stats_regularity(stats omnicrm.customer_stats, least_intervals integer DEFAULT 10)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_regularity';
COMMENT ON FUNCTION omnicrm.stats_regularity(omnicrm.customer_stats, integer) IS
  'Regularity k of the purchases: shape of the gamma distribution of the intervals, by maximum likelihood. 1: at random, 2 and more: regular, Infinity: all intervals equal. Null with fewer intervals than least_intervals. Errors: invalid_parameter_value for least_intervals below 2.';

CREATE FUNCTION omnicrm.stats_interval_ratio(stats omnicrm.customer_stats)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_stats_interval_ratio';
COMMENT ON FUNCTION omnicrm.stats_interval_ratio(omnicrm.customer_stats) IS
  'The last but one interval as a part of the last two, for interval_regularity(); null below two intervals.';

CREATE FUNCTION omnicrm.clv_x(stats omnicrm.customer_stats, as_of date)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_clv_x';
COMMENT ON FUNCTION omnicrm.clv_x(omnicrm.customer_stats, date) IS
  'x of the models of lifetime value: days with a sale after the first, up to as_of. Null without a sale by then.';

CREATE FUNCTION omnicrm.clv_t_x(stats omnicrm.customer_stats, as_of date, unit_days double precision DEFAULT 7)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_clv_t_x';
COMMENT ON FUNCTION omnicrm.clv_t_x(omnicrm.customer_stats, date, double precision) IS
  't_x of the models of lifetime value: time from the first to the last sale up to as_of, in units of so many days (weeks). Null without a sale by then. Errors: invalid_parameter_value for a unit that is not above zero.';

CREATE FUNCTION omnicrm.clv_t(stats omnicrm.customer_stats, as_of date, unit_days double precision DEFAULT 7)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_clv_t';
COMMENT ON FUNCTION omnicrm.clv_t(omnicrm.customer_stats, date, double precision) IS
  'T of the models of lifetime value: time from the first sale to as_of, in units of so many days (weeks). Null without a sale by then. Errors: invalid_parameter_value for a unit that is not above zero.';

CREATE FUNCTION omnicrm.clv_spend(stats omnicrm.customer_stats)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_clv_spend';
COMMENT ON FUNCTION omnicrm.clv_spend(omnicrm.customer_stats) IS
  'Mean amount of the days with a sale after the first, as the model of spending (clv_fit_gamma_gamma) takes it; returns are left out. Null without such a day.';

CREATE FUNCTION omnicrm.interval_regularity_accum(internal, double precision)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_interval_regularity_accum';
COMMENT ON FUNCTION omnicrm.interval_regularity_accum(internal, double precision) IS
  'Support function: transition of interval_regularity.';

CREATE FUNCTION omnicrm.interval_regularity_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_interval_regularity_combine';
COMMENT ON FUNCTION omnicrm.interval_regularity_combine(internal, internal) IS
  'Support function: merges two states of interval_regularity.';

CREATE FUNCTION omnicrm.interval_regularity_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_interval_regularity_serialize';
COMMENT ON FUNCTION omnicrm.interval_regularity_serialize(internal) IS
  'Support function: a state of interval_regularity as bytea.';

CREATE FUNCTION omnicrm.interval_regularity_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_interval_regularity_deserialize';
COMMENT ON FUNCTION omnicrm.interval_regularity_deserialize(bytea, internal) IS
  'Support function: a state of interval_regularity from bytea. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.interval_regularity_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_interval_regularity_final';
COMMENT ON FUNCTION omnicrm.interval_regularity_final(internal) IS
  'Support function: result of interval_regularity.';

CREATE AGGREGATE omnicrm.interval_regularity(interval_ratio double precision) (
  SFUNC = omnicrm.interval_regularity_accum,
  STYPE = internal,
  SSPACE = 48,
  FINALFUNC = omnicrm.interval_regularity_final,
  COMBINEFUNC = omnicrm.interval_regularity_combine,
  SERIALFUNC = omnicrm.interval_regularity_serialize,
  DESERIALFUNC = omnicrm.interval_regularity_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.interval_regularity(double precision) IS
  'Regularity k of the purchases of many customers, from stats_interval_ratio() of each: (1 - 4 V) / (8 V), V the mean of (ratio - 1/2)^2 (Wheat and Morrison 1990). 1: at random, 2 and more: regular buyers. Nulls are left out; null without a ratio. Errors: invalid_parameter_value for a ratio outside 0 to 1.';
