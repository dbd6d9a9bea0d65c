-- Penny-exact splits and tiers.

CREATE FUNCTION omnicrm.allocate(total numeric, weights numeric[], keys bigint[] DEFAULT NULL, scale integer DEFAULT 2)
RETURNS numeric[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_allocate_numeric';

COMMENT ON FUNCTION omnicrm.allocate(numeric, numeric[], bigint[], integer) IS
  'Splits an amount by weights so that the shares add up to it exactly: one share for each weight, in units of 10^-scale (2: cents). Largest remainder (Hamilton) in 128-bit integers; units left over go to the largest remainders, ties to the smaller key (without keys: the earlier position). A negative total is the mirror image of the positive one; weight 0 gets 0. Errors: null_value_not_allowed (NULL total, weights or element), invalid_parameter_value (NaN, infinity, negative weight, weights that sum to zero, total with more decimals than scale), array_subscript_error (lengths differ, not one-dimensional), numeric_value_out_of_range, program_limit_exceeded (over 1,000,000 weights).';

CREATE FUNCTION omnicrm.allocate(total bigint, weights bigint[], keys bigint[])
RETURNS bigint[]
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 30
AS 'MODULE_PATHNAME', 'omnicrm_allocate_bigint';

COMMENT ON FUNCTION omnicrm.allocate(bigint, bigint[], bigint[]) IS
  'Splits whole units (cents, pieces, seats) by whole weights so that the shares add up to the total exactly: largest remainder, ties to the smaller key (keys NULL: the earlier position). Same rules and errors as omnicrm.allocate(numeric, numeric[], bigint[], integer).';

-- Plain integers in a call mean money like plain decimals do; without this
-- variant the call would fit both others equally well.
CREATE FUNCTION omnicrm.allocate(total integer, weights integer[], keys bigint[] DEFAULT NULL, scale integer DEFAULT 2)
RETURNS numeric[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN omnicrm.allocate(total::numeric, weights::numeric[], keys, scale);

COMMENT ON FUNCTION omnicrm.allocate(integer, integer[], bigint[], integer) IS
  'omnicrm.allocate(numeric, numeric[], bigint[], integer) for plain integers: allocate(100, ARRAY[1, 1, 1]) splits 100.00 into 33.34, 33.33, 33.33.';

CREATE FUNCTION omnicrm.tier_pay(amount numeric, cumulative_before numeric, bounds numeric[], rates numeric[], mode text DEFAULT 'marginal')
RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_tier_pay';

COMMENT ON FUNCTION omnicrm.tier_pay(numeric, numeric, numeric[], numeric[], text) IS
  'What an amount pays when the period has sold cumulative_before already: exact, not rounded. bounds: ascending points where the rate changes; rates: one more than bounds; tiers are half open, [0, bounds[1]) pays rates[1], [bounds[1], bounds[2]) pays rates[2], and so on. mode marginal: each part at the rate of its tier; whole: all of the amount at the rate that the sum reaches; retro: as whole, and earlier amounts are topped up to the new rate. A negative amount takes back. Errors: invalid_parameter_value (unknown mode, NaN or infinity, bounds not positive and ascending), array_subscript_error (number of rates), null_value_not_allowed, program_limit_exceeded (over 1,000 tiers).';

-- Brings parts such as 1/2 and 1/3 of a role to whole numbers.
CREATE AGGREGATE omnicrm.common_multiple(numeric) (
  SFUNC = pg_catalog.lcm,
  STYPE = numeric,
  INITCOND = '1',
  COMBINEFUNC = pg_catalog.lcm,
  PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.common_multiple(numeric) IS
  'Least common multiple of whole numbers: 1 for none, 0 when one of them is 0. With it fractions become whole weights for omnicrm.allocate().';
