-- Shapley values: of sums over journeys by any number of actors, of any game of up to 24
-- players by the worth of its coalitions, of rates of conversion by sampling.

CREATE TYPE omnicrm.shapley_share AS (
  actor text,
  value numeric
);
COMMENT ON TYPE omnicrm.shapley_share IS 'Part of an actor in a value, from omnicrm.shapley().';
COMMENT ON COLUMN omnicrm.shapley_share.actor IS 'The actor; null: journeys without one.';
COMMENT ON COLUMN omnicrm.shapley_share.value IS 'Its part of the value, with 12 decimals.';

CREATE FUNCTION omnicrm.shapley_accum(internal, text[], numeric)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_shapley_accum';
COMMENT ON FUNCTION omnicrm.shapley_accum(internal, text[], numeric) IS
  'Support function: transition of shapley.';

CREATE FUNCTION omnicrm.shapley_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_shapley_combine';
COMMENT ON FUNCTION omnicrm.shapley_combine(internal, internal) IS
  'Support function: merges two states of shapley.';

CREATE FUNCTION omnicrm.shapley_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_shapley_serialize';
COMMENT ON FUNCTION omnicrm.shapley_serialize(internal) IS
  'Support function: a state of shapley as bytea.';

CREATE FUNCTION omnicrm.shapley_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_shapley_deserialize';
COMMENT ON FUNCTION omnicrm.shapley_deserialize(bytea, internal) IS
  'Support function: a state of shapley from bytea. Error: data_corrupted.';

CREATE FUNCTION omnicrm.shapley_final(internal)
RETURNS omnicrm.shapley_share[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_shapley_final';
COMMENT ON FUNCTION omnicrm.shapley_final(internal) IS
  'Support function: result of shapley.';

CREATE AGGREGATE omnicrm.shapley(actors text[], value numeric) (
  SFUNC = omnicrm.shapley_accum,
  STYPE = internal,
  SSPACE = 4096,
  FINALFUNC = omnicrm.shapley_final,
  COMBINEFUNC = omnicrm.shapley_combine,
  SERIALFUNC = omnicrm.shapley_serialize,
  DESERIALFUNC = omnicrm.shapley_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.shapley(text[], numeric) IS
  'Shapley values of a sum over journeys, for any number of actors: each of the different actors of a journey has an equal part of its value, which is the Shapley value of the game where a coalition is worth the journeys whose actors are all in it. A row is a journey, or many with the same actors and the sum of their values (conversions, money). Returns omnicrm.shapley_share[] by actor, to be unnested, in units of 10^-12 by largest remainder, ties by name; they add up to the sum of the values exactly. The value of journeys without an actor is a row of actor null. A null element is left out, a row with a null value too; null without a row. Same result for any order of the rows and number of workers. Errors: invalid_parameter_value for NaN, infinity or more than 12 decimals; array_subscript_error for an array of several dimensions; numeric_value_out_of_range; program_limit_exceeded at maintenance_work_mem.';

CREATE FUNCTION omnicrm.shapley_exact(keys text[], worth double precision[])
RETURNS TABLE (key text, value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_shapley_exact';
COMMENT ON FUNCTION omnicrm.shapley_exact(text[], double precision[]) IS
  'Shapley values of any game of up to 24 players (keys) by the worth of each coalition: element 1 that of nobody, element 1 + the sum of 2^(i-1) that of the players i, so {}, {1}, {2}, {1,2}, {3}, ... The values add up to the worth of all less that of nobody. In the order of the keys. coalition_rate() and coalition_sum() make such games of journeys. Time grows as n 2^n: 0.3 s for 24. Errors: program_limit_exceeded above 24 players; array_subscript_error when worth has not 2^n elements; null_value_not_allowed; invalid_parameter_value for NaN or infinity.';

CREATE FUNCTION omnicrm.harsanyi(keys text[], worth double precision[])
RETURNS TABLE (coalition text[], dividend double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 100
AS 'MODULE_PATHNAME', 'omnicrm_harsanyi';
COMMENT ON FUNCTION omnicrm.harsanyi(text[], double precision[]) IS
  'Harsanyi dividends of a game as in shapley_exact(): what each coalition of at least one player adds by being together, beyond what its parts add. Coalitions whose dividend is 0 are left out. The Shapley value of a player is the sum of dividend / size over its coalitions. In the order of worth. Errors: as shapley_exact().';

CREATE TYPE omnicrm.coalition_worth AS (
  keys  text[],
  worth double precision[]
);
COMMENT ON TYPE omnicrm.coalition_worth IS 'A game of journeys, from omnicrm.coalition_rate() and omnicrm.coalition_sum().';
COMMENT ON COLUMN omnicrm.coalition_worth.keys IS 'The players, by name.';
COMMENT ON COLUMN omnicrm.coalition_worth.worth IS 'The worth of each coalition, as shapley_exact() takes it.';

CREATE FUNCTION omnicrm.journey_sets_accum(internal, text[], bigint, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_sets_accum_counts';
COMMENT ON FUNCTION omnicrm.journey_sets_accum(internal, text[], bigint, bigint) IS
  'Support function: transition of coalition_rate.';

CREATE FUNCTION omnicrm.journey_sets_accum(internal, text[], bigint, bigint, integer, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_sets_accum_counts';
COMMENT ON FUNCTION omnicrm.journey_sets_accum(internal, text[], bigint, bigint, integer, bigint) IS
  'Support function: transition of shapley_sample.';

CREATE FUNCTION omnicrm.journey_sets_accum(internal, text[], numeric)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_sets_accum_value';
COMMENT ON FUNCTION omnicrm.journey_sets_accum(internal, text[], numeric) IS
  'Support function: transition of coalition_sum.';

CREATE FUNCTION omnicrm.journey_sets_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_sets_combine';
COMMENT ON FUNCTION omnicrm.journey_sets_combine(internal, internal) IS
  'Support function: merges two states of coalition_rate, coalition_sum or shapley_sample.';

CREATE FUNCTION omnicrm.journey_sets_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_sets_serialize';
COMMENT ON FUNCTION omnicrm.journey_sets_serialize(internal) IS
  'Support function: a state of coalition_rate, coalition_sum or shapley_sample as bytea.';

CREATE FUNCTION omnicrm.journey_sets_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_sets_deserialize';
COMMENT ON FUNCTION omnicrm.journey_sets_deserialize(bytea, internal) IS
  'Support function: a state of coalition_rate, coalition_sum or shapley_sample from bytea. Error: data_corrupted.';

CREATE FUNCTION omnicrm.coalition_rate_final(internal)
RETURNS omnicrm.coalition_worth
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_coalition_rate_final';
COMMENT ON FUNCTION omnicrm.coalition_rate_final(internal) IS
  'Support function: result of coalition_rate.';

CREATE FUNCTION omnicrm.coalition_sum_final(internal)
RETURNS omnicrm.coalition_worth
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_coalition_sum_final';
COMMENT ON FUNCTION omnicrm.coalition_sum_final(internal) IS
  'Support function: result of coalition_sum.';

CREATE AGGREGATE omnicrm.coalition_rate(actors text[], conversions bigint, nulls bigint) (
  SFUNC = omnicrm.journey_sets_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.coalition_rate_final,
  COMBINEFUNC = omnicrm.journey_sets_combine,
  SERIALFUNC = omnicrm.journey_sets_serialize,
  DESERIALFUNC = omnicrm.journey_sets_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.coalition_rate(text[], bigint, bigint) IS
  'A game of journeys for shapley_exact(): a coalition is worth conversions / (conversions + nulls) of the journeys whose actors are all in it, 0 without such journeys. A row: actors in any order, repeated or not; so many journeys with them converted, so many did not. A null element is left out, a null array has no actor, a null count is 0; null without a row. Same result for any order of the rows and number of workers. Errors: program_limit_exceeded above 24 actors or at maintenance_work_mem; invalid_parameter_value for a count below zero; array_subscript_error; numeric_value_out_of_range.';

CREATE AGGREGATE omnicrm.coalition_sum(actors text[], value numeric) (
  SFUNC = omnicrm.journey_sets_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.coalition_sum_final,
  COMBINEFUNC = omnicrm.journey_sets_combine,
  SERIALFUNC = omnicrm.journey_sets_serialize,
  DESERIALFUNC = omnicrm.journey_sets_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.coalition_sum(text[], numeric) IS
  'As coalition_rate(), where a coalition is worth the sum of the values of the journeys whose actors are all in it; its Shapley values are those of shapley(), its dividends the values by exact set of actors. A null value adds nothing. Errors: as coalition_rate(), and invalid_parameter_value for NaN, infinity or more than 12 decimals.';

CREATE TYPE omnicrm.shapley_estimate AS (
  actor text,
  value double precision,
  lower double precision,
  upper double precision
);
COMMENT ON TYPE omnicrm.shapley_estimate IS 'An estimated Shapley value, from omnicrm.shapley_sample().';
COMMENT ON COLUMN omnicrm.shapley_estimate.actor IS 'The actor.';
COMMENT ON COLUMN omnicrm.shapley_estimate.value IS 'Estimate of its Shapley value.';
COMMENT ON COLUMN omnicrm.shapley_estimate.lower IS 'Lower bound of the value, with 95 percent confidence.';
COMMENT ON COLUMN omnicrm.shapley_estimate.upper IS 'Upper bound of the value, with 95 percent confidence.';

CREATE FUNCTION omnicrm.shapley_sample_final(internal)
RETURNS omnicrm.shapley_estimate[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_shapley_sample_final';
COMMENT ON FUNCTION omnicrm.shapley_sample_final(internal) IS
  'Support function: result of shapley_sample.';

CREATE AGGREGATE omnicrm.shapley_sample(actors text[], conversions bigint, nulls bigint, permutations integer, seed bigint) (
  SFUNC = omnicrm.journey_sets_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.shapley_sample_final,
  COMBINEFUNC = omnicrm.journey_sets_combine,
  SERIALFUNC = omnicrm.journey_sets_serialize,
  DESERIALFUNC = omnicrm.journey_sets_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.shapley_sample(text[], bigint, bigint, integer, bigint) IS
  'Shapley values of the rate of conversion, as coalition_rate() has it, of any number of actors, by at least so many random orders of them (rounded up to blocks of twice the number of actors, no fewer than ten), in blocks that are stratified by place and antithetic. Returns omnicrm.shapley_estimate[] by actor, to be unnested: estimate and 95 percent confidence interval. The estimates add up to the rate of all journeys less that of those without actors. The same seed gives the same result, for any order of the rows and number of workers. Not for pay: the interval is its meaning. The time grows as orders x (actors + sets of actors + members of the sets). Errors: as coalition_rate() but for the number of actors; program_limit_exceeded above 10,000,000 permutations, or when that product exceeds 10^11 (some minutes); null_value_not_allowed for null permutations or seed; invalid_parameter_value for permutations below 1, or options that are not the same in every row.';
