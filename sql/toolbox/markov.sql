-- Data-driven attribution by Markov chains: counts of journeys as a value that can be
-- stored and summed up, the aggregates that make it, and what it tells.
CREATE TYPE omnicrm.markov;

CREATE FUNCTION omnicrm.markov_in(cstring)
RETURNS omnicrm.markov
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_in';
COMMENT ON FUNCTION omnicrm.markov_in(cstring) IS
  'Support function: a value from its text form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.markov_out(omnicrm.markov)
RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_out';
COMMENT ON FUNCTION omnicrm.markov_out(omnicrm.markov) IS
  'Support function: the text form of a value.';

CREATE FUNCTION omnicrm.markov_recv(internal)
RETURNS omnicrm.markov
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_recv';
COMMENT ON FUNCTION omnicrm.markov_recv(internal) IS
  'Support function: a value from its binary form. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.markov_send(omnicrm.markov)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_send';
COMMENT ON FUNCTION omnicrm.markov_send(omnicrm.markov) IS
  'Support function: the binary form of a value.';

CREATE TYPE omnicrm.markov (
  INPUT = omnicrm.markov_in,
  OUTPUT = omnicrm.markov_out,
  RECEIVE = omnicrm.markov_recv,
  SEND = omnicrm.markov_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE omnicrm.markov IS
  'Counts of the transitions of journeys between channels, with their conversions and values, of order 1 to 4. Made by markov(), summed up by markov_rollup(), read by the functions markov_.... The same journeys give the same bytes in any order of the rows. Written as hexadecimal.';

-- Two values are the same when their bytes are, so values can be compared, grouped and made distinct as bytea.
CREATE CAST (omnicrm.markov AS bytea) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (omnicrm.markov AS bytea) IS 'The bytes of a value, which lets values be compared, grouped and made distinct.';

CREATE FUNCTION omnicrm.markov_accum(internal, text[], bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_accum';
COMMENT ON FUNCTION omnicrm.markov_accum(internal, text[], bigint) IS
  'Support function: transition of markov.';

CREATE FUNCTION omnicrm.markov_accum(internal, text[], bigint, numeric)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_accum';
COMMENT ON FUNCTION omnicrm.markov_accum(internal, text[], bigint, numeric) IS
  'Support function: transition of markov.';

CREATE FUNCTION omnicrm.markov_accum(internal, text[], bigint, numeric, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_accum';
COMMENT ON FUNCTION omnicrm.markov_accum(internal, text[], bigint, numeric, bigint) IS
  'Support function: transition of markov.';

CREATE FUNCTION omnicrm.markov_accum(internal, text[], bigint, numeric, bigint, integer)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_accum';
COMMENT ON FUNCTION omnicrm.markov_accum(internal, text[], bigint, numeric, bigint, integer) IS
  'Support function: transition of markov.';

CREATE FUNCTION omnicrm.markov_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_combine';
COMMENT ON FUNCTION omnicrm.markov_combine(internal, internal) IS
  'Support function: merges two states of markov.';

CREATE FUNCTION omnicrm.markov_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_serialize';
COMMENT ON FUNCTION omnicrm.markov_serialize(internal) IS
  'Support function: a state of markov as bytea.';

CREATE FUNCTION omnicrm.markov_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_deserialize';
COMMENT ON FUNCTION omnicrm.markov_deserialize(bytea, internal) IS
  'Support function: a state of markov from bytea. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.markov_final(internal)
RETURNS omnicrm.markov
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_final';
COMMENT ON FUNCTION omnicrm.markov_final(internal) IS
  'Support function: result of markov and markov_rollup.';

CREATE FUNCTION omnicrm.markov_rollup_accum(internal, omnicrm.markov)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_rollup_accum';
COMMENT ON FUNCTION omnicrm.markov_rollup_accum(internal, omnicrm.markov) IS
  'Support function: transition of markov_rollup.';

CREATE AGGREGATE omnicrm.markov(path text[], conversions bigint) (
  SFUNC = omnicrm.markov_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.markov_final,
  COMBINEFUNC = omnicrm.markov_combine,
  SERIALFUNC = omnicrm.markov_serialize,
  DESERIALFUNC = omnicrm.markov_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.markov(text[], bigint) IS
  'As markov(path, conversions, value, nulls), of journeys that converted, without values.';

CREATE AGGREGATE omnicrm.markov(path text[], conversions bigint, value numeric) (
  SFUNC = omnicrm.markov_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.markov_final,
  COMBINEFUNC = omnicrm.markov_combine,
  SERIALFUNC = omnicrm.markov_serialize,
  DESERIALFUNC = omnicrm.markov_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.markov(text[], bigint, numeric) IS
  'As markov(path, conversions, value, nulls), of journeys that converted.';

CREATE AGGREGATE omnicrm.markov(path text[], conversions bigint, value numeric, nulls bigint) (
  SFUNC = omnicrm.markov_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.markov_final,
  COMBINEFUNC = omnicrm.markov_combine,
  SERIALFUNC = omnicrm.markov_serialize,
  DESERIALFUNC = omnicrm.markov_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.markov(text[], bigint, numeric, bigint) IS
  'As markov(path, conversions, value, nulls, path_order), of order 1: a state is one channel.';

CREATE AGGREGATE omnicrm.markov(path text[], conversions bigint, value numeric, nulls bigint, path_order integer) (
  SFUNC = omnicrm.markov_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.markov_final,
  COMBINEFUNC = omnicrm.markov_combine,
  SERIALFUNC = omnicrm.markov_serialize,
  DESERIALFUNC = omnicrm.markov_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.markov(text[], bigint, numeric, bigint, integer) IS
  'Counts the transitions of journeys, for the functions markov_... to read, to store, and to sum up by markov_rollup(). A row: the channels touched, in order; so many journeys went this way and converted, with this value in sum; so many went this way and did not (nulls). path_order k: a state is k touches that follow each other, a path of fewer touches is one state; equal states that follow each other are one. A null in a path is left out, a null path is empty, other nulls are 0. What converts on an empty path is unattributed. A path as text: string_to_array(path, '' > ''). Same result for any order of the rows and number of workers; null without a row. Errors: invalid_parameter_value for an order outside 1 to 4 or not the same in every row, counts below zero, a value without conversions, NaN, infinity or more than 12 decimals; null_value_not_allowed for a null order; array_subscript_error for a path of several dimensions; numeric_value_out_of_range; program_limit_exceeded at maintenance_work_mem.';

CREATE AGGREGATE omnicrm.markov_rollup(markov omnicrm.markov) (
  SFUNC = omnicrm.markov_rollup_accum,
  STYPE = internal,
  SSPACE = 8192,
  FINALFUNC = omnicrm.markov_final,
  COMBINEFUNC = omnicrm.markov_combine,
  SERIALFUNC = omnicrm.markov_serialize,
  DESERIALFUNC = omnicrm.markov_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.markov_rollup(omnicrm.markov) IS
  'Sums values of markov() up, of days, regions or shards: the same bytes as markov() over all their journeys. Nulls are left out; null without a value. Errors: invalid_parameter_value for values of different orders, numeric_value_out_of_range, program_limit_exceeded at maintenance_work_mem.';

CREATE FUNCTION omnicrm.markov_transitions(markov omnicrm.markov)
RETURNS TABLE (from_state text[], to_state text[], outcome text, count bigint, probability double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 100 ROWS 200
AS 'MODULE_PATHNAME', 'omnicrm_markov_transitions';
COMMENT ON FUNCTION omnicrm.markov_transitions(omnicrm.markov) IS
  'The transitions: so many journeys (count) went on from from_state to to_state, and which part of those in from_state (probability). from_state is empty where journeys begin; to_state is null where they end. outcome: touch, conversion, null. By from_state, the beginning first, then to_state.';

CREATE FUNCTION omnicrm.markov_states(markov omnicrm.markov)
RETURNS TABLE (state text[], journeys bigint, conversions bigint, nulls bigint, value numeric, p_conversion double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 100
AS 'MODULE_PATHNAME', 'omnicrm_markov_states';
COMMENT ON FUNCTION omnicrm.markov_states(omnicrm.markov) IS
  'The states: visits by journeys, journeys that ended here with a conversion (value: of these) and without one, and the chance that a journey converts from here on. The first row, an empty state, is the beginning. Errors: data_exception for journeys that never end (no result of markov() has them), program_limit_exceeded at maintenance_work_mem, numeric_value_out_of_range when a chain of more than 2,000 states does not converge.';

CREATE FUNCTION omnicrm.markov_removal(markov omnicrm.markov)
RETURNS TABLE (channel text, removal_effect double precision, removal_effect_value double precision)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_markov_removal';
COMMENT ON FUNCTION omnicrm.markov_removal(omnicrm.markov) IS
  'Removal effect of each channel: the part of the conversions (of their value) that would be lost if every journey ended without one at its first touch by the channel (Anderl, Becker, Wangenheim and Schumann 2016), in closed form. By channel; null when there is nothing to lose. Errors: data_exception for journeys that never end (no result of markov() has them), program_limit_exceeded at maintenance_work_mem or, above 2,000 states, when channels x (states + transitions between them) exceeds 10^10 (some minutes), numeric_value_out_of_range when a chain of more than 2,000 states does not converge.';

CREATE FUNCTION omnicrm.markov_credit(markov omnicrm.markov, scale integer DEFAULT 12)
RETURNS TABLE (channel text, conversions numeric, value numeric)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_markov_credit';
COMMENT ON FUNCTION omnicrm.markov_credit(omnicrm.markov, integer) IS
  'Credit of each channel: all conversions and their value in proportion to the removal effects, with so many decimals (scale), by largest remainder. What converted without a touch is a row of channel null. The columns sum up to the totals of the journeys (the value: rounded to scale) exactly. Credit is no effect: it says how the model divides what was sold. Errors: invalid_parameter_value for a scale outside 0 to 12; division_by_zero when values above and below zero cancel out; numeric_value_out_of_range for a value above 10^25; and those of markov_removal().';

CREATE FUNCTION omnicrm.markov_p_conversion(markov omnicrm.markov)
RETURNS double precision
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000
AS 'MODULE_PATHNAME', 'omnicrm_markov_p_conversion';
COMMENT ON FUNCTION omnicrm.markov_p_conversion(omnicrm.markov) IS
  'The chance that a journey converts, as the chain has it: equal to markov_conversions / (markov_conversions + markov_nulls) but for rounding, which checks the solution. Null without journeys. Errors: as markov_states().';

CREATE FUNCTION omnicrm.markov_order(markov omnicrm.markov)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_markov_order';
COMMENT ON FUNCTION omnicrm.markov_order(omnicrm.markov) IS
  'How many touches a state of the chain has.';

CREATE FUNCTION omnicrm.markov_conversions(markov omnicrm.markov)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_markov_conversions';
COMMENT ON FUNCTION omnicrm.markov_conversions(omnicrm.markov) IS
  'Number of journeys that converted.';

CREATE FUNCTION omnicrm.markov_nulls(markov omnicrm.markov)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_markov_nulls';
COMMENT ON FUNCTION omnicrm.markov_nulls(omnicrm.markov) IS
  'Number of journeys that did not convert.';

CREATE FUNCTION omnicrm.markov_total_value(markov omnicrm.markov)
RETURNS numeric
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_markov_total_value';
COMMENT ON FUNCTION omnicrm.markov_total_value(omnicrm.markov) IS
  'Value of all conversions.';

CREATE TYPE omnicrm.markov_order_fit AS (
  path_order    integer,
  parameters    double precision,
  auc           double precision,
  penalised_auc double precision,
  is_best       boolean
);
COMMENT ON TYPE omnicrm.markov_order_fit IS 'How well the last touches tell which journeys convert, from omnicrm.markov_order_choice().';
COMMENT ON COLUMN omnicrm.markov_order_fit.path_order IS 'How many last touches: the order of the chain.';
COMMENT ON COLUMN omnicrm.markov_order_fit.parameters IS 'Number of parameters that the penalty is for: combinations with repetition of so many channels.';
COMMENT ON COLUMN omnicrm.markov_order_fit.auc IS 'Area under the ROC curve of the chance to convert by the last touches, through 100 thresholds: 0.5 tells nothing.';
COMMENT ON COLUMN omnicrm.markov_order_fit.penalised_auc IS 'The area corrected for the number of parameters; 0 when there are more of them than journeys.';
COMMENT ON COLUMN omnicrm.markov_order_fit.is_best IS 'True for the order with the highest corrected area, the lowest of equals.';

CREATE FUNCTION omnicrm.markov_order_choice_accum(internal, text[], bigint, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_order_choice_accum';
COMMENT ON FUNCTION omnicrm.markov_order_choice_accum(internal, text[], bigint, bigint) IS
  'Support function: transition of markov_order_choice.';

CREATE FUNCTION omnicrm.markov_order_choice_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_order_choice_combine';
COMMENT ON FUNCTION omnicrm.markov_order_choice_combine(internal, internal) IS
  'Support function: merges two states of markov_order_choice.';

CREATE FUNCTION omnicrm.markov_order_choice_serialize(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_order_choice_serialize';
COMMENT ON FUNCTION omnicrm.markov_order_choice_serialize(internal) IS
  'Support function: a state of markov_order_choice as bytea.';

CREATE FUNCTION omnicrm.markov_order_choice_deserialize(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_order_choice_deserialize';
COMMENT ON FUNCTION omnicrm.markov_order_choice_deserialize(bytea, internal) IS
  'Support function: a state of markov_order_choice from bytea. Error: data_corrupted.';

CREATE FUNCTION omnicrm.markov_order_choice_final(internal)
RETURNS omnicrm.markov_order_fit[]
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_markov_order_choice_final';
COMMENT ON FUNCTION omnicrm.markov_order_choice_final(internal) IS
  'Support function: result of markov_order_choice.';

CREATE AGGREGATE omnicrm.markov_order_choice(path text[], conversions bigint, nulls bigint) (
  SFUNC = omnicrm.markov_order_choice_accum,
  STYPE = internal,
  SSPACE = 32768,
  FINALFUNC = omnicrm.markov_order_choice_final,
  COMBINEFUNC = omnicrm.markov_order_choice_combine,
  SERIALFUNC = omnicrm.markov_order_choice_serialize,
  DESERIALFUNC = omnicrm.markov_order_choice_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.markov_order_choice(text[], bigint, bigint) IS
  'Which order of a Markov chain the journeys bear: omnicrm.markov_order_fit[] of orders 1 to 8, to be unnested. Arguments as those of markov(); it needs journeys that do not convert. Orders up to 4 can be modelled; a best order above says that longer memory would pay. The area under the ROC curve and its penalty are those of ChannelAttribution''s choice of the order. Null without a row. Errors: as markov().';
