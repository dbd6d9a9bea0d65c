-- How a customer pays: days beyond terms, ageing of what is open, a class.

CREATE TYPE omnicrm.payment_behaviour AS (
  payments                   bigint,
  paid                       bigint,
  open                       bigint,
  late                       bigint,
  days_beyond_terms          double precision,
  weighted_days_beyond_terms double precision,
  open_amount                numeric,
  overdue_amount             numeric,
  overdue_30                 numeric,
  overdue_60                 numeric,
  overdue_90                 numeric,
  overdue_more               numeric,
  days_overdue               integer,
  behaviour                  text
);
COMMENT ON TYPE omnicrm.payment_behaviour IS 'How a customer pays, as seen on one day: result of payment_stats().';
COMMENT ON COLUMN omnicrm.payment_behaviour.payments IS 'Invoices: rows with a due day and an amount above zero.';
COMMENT ON COLUMN omnicrm.payment_behaviour.paid IS 'Of them, paid up to the day.';
COMMENT ON COLUMN omnicrm.payment_behaviour.open IS 'Of them, not paid on the day; paid + open = payments.';
COMMENT ON COLUMN omnicrm.payment_behaviour.late IS 'Of them, paid after the due day, or open and overdue.';
COMMENT ON COLUMN omnicrm.payment_behaviour.days_beyond_terms IS 'Mean number of days from due to paid, negative when early; what is open and overdue counts its days up to now; null when nothing is paid or overdue.';
COMMENT ON COLUMN omnicrm.payment_behaviour.weighted_days_beyond_terms IS 'The same mean, each invoice weighted by its amount.';
COMMENT ON COLUMN omnicrm.payment_behaviour.open_amount IS 'Amount not paid on the day, less open credit notes.';
COMMENT ON COLUMN omnicrm.payment_behaviour.overdue_amount IS 'Amount of open invoices that are overdue: sum of the next four; credit notes do not lower it.';
COMMENT ON COLUMN omnicrm.payment_behaviour.overdue_30 IS 'Of it, 1 to 30 days overdue.';
COMMENT ON COLUMN omnicrm.payment_behaviour.overdue_60 IS 'Of it, 31 to 60 days overdue.';
COMMENT ON COLUMN omnicrm.payment_behaviour.overdue_90 IS 'Of it, 61 to 90 days overdue.';
COMMENT ON COLUMN omnicrm.payment_behaviour.overdue_more IS 'Of it, more than 90 days overdue.';
COMMENT ON COLUMN omnicrm.payment_behaviour.days_overdue IS 'Days that the oldest open invoice is overdue; 0: none is.';
COMMENT ON COLUMN omnicrm.payment_behaviour.behaviour IS 'Class of the greater of weighted_days_beyond_terms and days_overdue: prompt (0 or less), within_30, within_60, within_90, over_90; null when nothing is paid or overdue.';

CREATE FUNCTION omnicrm.payment_accum(internal, date, date, numeric, date)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_payment_accum';
COMMENT ON FUNCTION omnicrm.payment_accum(internal, date, date, numeric, date) IS 'Support function: transition of payment_stats.';

CREATE FUNCTION omnicrm.payment_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_payment_combine';
COMMENT ON FUNCTION omnicrm.payment_combine(internal, internal) IS 'Support function: combine function of payment_stats.';

CREATE FUNCTION omnicrm.payment_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_payment_serialize';
COMMENT ON FUNCTION omnicrm.payment_serialize(internal) IS 'Support function: state of payment_stats for parallel workers.';

CREATE FUNCTION omnicrm.payment_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_payment_deserialize';
COMMENT ON FUNCTION omnicrm.payment_deserialize(bytea, internal) IS
  'Support function: state of payment_stats from bytea. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.payment_final(internal)
RETURNS omnicrm.payment_behaviour
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_payment_final';
COMMENT ON FUNCTION omnicrm.payment_final(internal) IS 'Support function: result of payment_stats.';

CREATE AGGREGATE omnicrm.payment_stats(due_on date, paid_on date, amount numeric, as_of date) (
  SFUNC = omnicrm.payment_accum,
  STYPE = internal,
  SSPACE = 208,
  FINALFUNC = omnicrm.payment_final,
  COMBINEFUNC = omnicrm.payment_combine,
  SERIALFUNC = omnicrm.payment_serialize,
  DESERIALFUNC = omnicrm.payment_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.payment_stats(date, date, numeric, date) IS
  'How a customer pays, from invoices: due day, day of full payment (null: not paid), amount in one currency with at most two decimals, and the day as of which to look, the same in each row. Returns a row: (omnicrm.payment_stats(...)).behaviour, or p.* of (SELECT omnicrm.payment_stats(...) AS p). What was paid after as_of is open as of that day. An open invoice that is overdue counts the days up to as_of; one not yet due has no days and counts as open only. Amounts below zero are credit notes: they lower open_amount while open and change nothing else; amounts of zero are left out. Rows without due day or amount add nothing; null without any other. Sums are exact, so the result is the same for any order of the rows and number of workers. Errors: null_value_not_allowed for a null as_of, invalid_parameter_value for more than two decimals, NaN or an as_of that changes, datetime_value_out_of_range for infinite days, numeric_value_out_of_range.';
