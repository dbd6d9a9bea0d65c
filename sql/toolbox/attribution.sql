-- Which touch earned how much of which sale.

CREATE TYPE omnicrm.credit_row AS (
  sale_id         bigint,
  position        integer,
  touch_id        bigint,
  touches         integer,
  credit_first    numeric,
  credit_last     numeric,
  credit_linear   numeric,
  credit_position numeric
);

COMMENT ON TYPE omnicrm.credit_row IS
  'What one touch earned of one sale, from omnicrm.sale_credit(). Money with two decimals.';
COMMENT ON COLUMN omnicrm.credit_row.sale_id IS 'The sale.';
COMMENT ON COLUMN omnicrm.credit_row.position IS 'Place of the touch in the journey to this sale, from 1; 0: no touch led to the sale.';
COMMENT ON COLUMN omnicrm.credit_row.touch_id IS 'The touch; NULL: no touch led to the sale, its amount is unattributed.';
COMMENT ON COLUMN omnicrm.credit_row.touches IS 'Number of touches that led to this sale.';
COMMENT ON COLUMN omnicrm.credit_row.credit_first IS 'Credit when the first touch has all.';
COMMENT ON COLUMN omnicrm.credit_row.credit_last IS 'Credit when the last touch has all.';
COMMENT ON COLUMN omnicrm.credit_row.credit_linear IS 'Credit when all touches have the same; cents left over go to the earlier touches.';
COMMENT ON COLUMN omnicrm.credit_row.credit_position IS 'Credit when the first and the last touch have 40 % each and those between share 20 % (one touch: all, two: half each).';

CREATE FUNCTION omnicrm.sale_credit_trans(state internal, occurred_at timestamptz, touch_id bigint, sale_id bigint, amount numeric, lookback interval)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sale_credit_trans';

COMMENT ON FUNCTION omnicrm.sale_credit_trans(internal, timestamptz, bigint, bigint, numeric, interval) IS
  'Support function of the aggregate omnicrm.sale_credit: takes one row in.';

CREATE FUNCTION omnicrm.sale_credit_combine(state internal, other internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sale_credit_combine';

COMMENT ON FUNCTION omnicrm.sale_credit_combine(internal, internal) IS
  'Support function of the aggregate omnicrm.sale_credit: joins two states.';

CREATE FUNCTION omnicrm.sale_credit_serial(state internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sale_credit_serial';

COMMENT ON FUNCTION omnicrm.sale_credit_serial(internal) IS
  'Support function of the aggregate omnicrm.sale_credit: state to bytes, version 1, network byte order.';

CREATE FUNCTION omnicrm.sale_credit_deserial(bytes bytea, state internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sale_credit_deserial';

COMMENT ON FUNCTION omnicrm.sale_credit_deserial(bytea, internal) IS
  'Support function of the aggregate omnicrm.sale_credit: bytes to state. Error: data_corrupted.';

CREATE FUNCTION omnicrm.sale_credit_final(state internal)
RETURNS omnicrm.credit_row[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_sale_credit_final';

COMMENT ON FUNCTION omnicrm.sale_credit_final(internal) IS
  'Support function of the aggregate omnicrm.sale_credit: makes the credits.';

CREATE AGGREGATE omnicrm.sale_credit(occurred_at timestamptz, touch_id bigint, sale_id bigint, amount numeric, lookback interval) (
  SFUNC = omnicrm.sale_credit_trans,
  STYPE = internal,
  SSPACE = 800,
  COMBINEFUNC = omnicrm.sale_credit_combine,
  SERIALFUNC = omnicrm.sale_credit_serial,
  DESERIALFUNC = omnicrm.sale_credit_deserial,
  FINALFUNC = omnicrm.sale_credit_final,
  PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.sale_credit(timestamptz, bigint, bigint, numeric, interval) IS
  'Credits of the touches of one customer for his or her sales by four models at once: GROUP BY customer over rows in any order; a row with touch_id is a touch, a row with sale_id is a sale with its amount (two decimals), a row with neither is passed over. The touches of a sale at time t are those in [t - lookback, t], ordered by time and touch_id; a day of lookback has 24 hours, a month 30 days, a year 365.25. Returns omnicrm.credit_row[] ordered by sale time, sale and position, to be unnested; in every model the credits of a sale add up to its amount to the cent; a sale without touch has one row without touch; a negative amount (return) gives the negated credits; NULL without sales. The same touch twice counts once. Errors: cardinality_violation (a sale twice), null_value_not_allowed (lookback, time, amount), invalid_parameter_value, numeric_value_out_of_range, program_limit_exceeded (over 16,777,216 touches or sales or 5,000,000 credits in one group).';
