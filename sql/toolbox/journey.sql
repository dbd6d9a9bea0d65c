-- Journeys: the touches and conversions of one customer as one value, and who
-- earned how much of each conversion by any local model.
CREATE TYPE omnicrm.journey;

CREATE FUNCTION omnicrm.journey_in(cstring)
RETURNS omnicrm.journey
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_in';
COMMENT ON FUNCTION omnicrm.journey_in(cstring) IS
  'Support function: a value from its text form, which is JSON. Errors: invalid_text_representation, invalid_parameter_value, datetime_field_overflow, numeric_value_out_of_range, cardinality_violation.';

CREATE FUNCTION omnicrm.journey_out(omnicrm.journey)
RETURNS cstring
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_out';
COMMENT ON FUNCTION omnicrm.journey_out(omnicrm.journey) IS
  'Support function: the text form of a value.';

CREATE FUNCTION omnicrm.journey_recv(internal)
RETURNS omnicrm.journey
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_recv';
COMMENT ON FUNCTION omnicrm.journey_recv(internal) IS
  'Support function: a value from its binary form. Errors: invalid_binary_representation, cardinality_violation.';

CREATE FUNCTION omnicrm.journey_send(omnicrm.journey)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_send';
COMMENT ON FUNCTION omnicrm.journey_send(omnicrm.journey) IS
  'Support function: the binary form of a value.';

CREATE TYPE omnicrm.journey (
  INPUT = omnicrm.journey_in,
  OUTPUT = omnicrm.journey_out,
  RECEIVE = omnicrm.journey_recv,
  SEND = omnicrm.journey_send,
  INTERNALLENGTH = VARIABLE,
  ALIGNMENT = int4,
  STORAGE = extended
);
COMMENT ON TYPE omnicrm.journey IS
  'The touches and conversions of one customer in the order of time, each with time, actor, kind and event id, a conversion also with its value. Made by journey(), summed up by journey_rollup(), read by the functions journey_.... Written as JSON.';

-- Two values are the same when their bytes are, so values can be compared, grouped and made distinct as bytea.
CREATE CAST (omnicrm.journey AS bytea) WITHOUT FUNCTION AS IMPLICIT;
COMMENT ON CAST (omnicrm.journey AS bytea) IS 'The bytes of a value, which lets values be compared, grouped and made distinct.';

CREATE FUNCTION omnicrm.journey_trans(internal, timestamptz, text, text, numeric)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_trans';
COMMENT ON FUNCTION omnicrm.journey_trans(internal, timestamptz, text, text, numeric) IS
  'Support function: transition of journey.';

CREATE FUNCTION omnicrm.journey_trans(internal, timestamptz, text, text, numeric, bigint)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_trans';
COMMENT ON FUNCTION omnicrm.journey_trans(internal, timestamptz, text, text, numeric, bigint) IS
  'Support function: transition of journey.';

CREATE FUNCTION omnicrm.journey_rollup_trans(internal, omnicrm.journey)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_rollup_trans';
COMMENT ON FUNCTION omnicrm.journey_rollup_trans(internal, omnicrm.journey) IS
  'Support function: transition of journey_rollup. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.journey_combine(internal, internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_combine';
COMMENT ON FUNCTION omnicrm.journey_combine(internal, internal) IS
  'Support function: merges two states of journey or journey_rollup.';

CREATE FUNCTION omnicrm.journey_serial(internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_serial';
COMMENT ON FUNCTION omnicrm.journey_serial(internal) IS
  'Support function: a state of journey as bytea, version 1.';

CREATE FUNCTION omnicrm.journey_deserial(bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_deserial';
COMMENT ON FUNCTION omnicrm.journey_deserial(bytea, internal) IS
  'Support function: a state of journey from bytea. Errors: invalid_binary_representation.';

CREATE FUNCTION omnicrm.journey_final(internal)
RETURNS omnicrm.journey
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_final';
COMMENT ON FUNCTION omnicrm.journey_final(internal) IS
  'Support function: the value of a state.';

CREATE AGGREGATE omnicrm.journey(ts timestamptz, actor text, kind text, value numeric) (
  SFUNC = omnicrm.journey_trans,
  STYPE = internal,
  SSPACE = 800,
  COMBINEFUNC = omnicrm.journey_combine,
  SERIALFUNC = omnicrm.journey_serial,
  DESERIALFUNC = omnicrm.journey_deserial,
  FINALFUNC = omnicrm.journey_final,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.journey(timestamptz, text, text, numeric) IS
  'The journey of one customer: GROUP BY customer over rows in any order. A row with a value is a conversion, whose actor may be NULL; a row without is a touch, of the actor ''unknown'' when it is NULL; a row of NULLs alone is passed over. The kind is a phase, message type or role, for the models w_shaped and role. Events of one instant are ordered by actor, kind and value, byte by byte; equal rows are several events. NULL without events. Errors: null_value_not_allowed and datetime_field_overflow (no finite time), invalid_parameter_value (NaN, infinity), numeric_value_out_of_range, cardinality_violation, program_limit_exceeded (over 16,000,000 touches or conversions, a name over 65,535 bytes).';

CREATE AGGREGATE omnicrm.journey(ts timestamptz, actor text, kind text, value numeric, event_id bigint) (
  SFUNC = omnicrm.journey_trans,
  STYPE = internal,
  SSPACE = 800,
  COMBINEFUNC = omnicrm.journey_combine,
  SERIALFUNC = omnicrm.journey_serial,
  DESERIALFUNC = omnicrm.journey_deserial,
  FINALFUNC = omnicrm.journey_final,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.journey(timestamptz, text, text, numeric, bigint) IS
  'The same with an id for each event, which orders the events of one instant; those without one come last. An event with an id that is told twice with all the same parts counts once; two different conversions of one id are an error (cardinality_violation). Errors: null_value_not_allowed and datetime_field_overflow (no finite time), invalid_parameter_value (NaN, infinity), numeric_value_out_of_range, cardinality_violation, program_limit_exceeded (over 16,000,000 touches or conversions, a name over 65,535 bytes).';

CREATE AGGREGATE omnicrm.journey_rollup(part omnicrm.journey) (
  SFUNC = omnicrm.journey_rollup_trans,
  STYPE = internal,
  SSPACE = 800,
  COMBINEFUNC = omnicrm.journey_combine,
  SERIALFUNC = omnicrm.journey_serial,
  DESERIALFUNC = omnicrm.journey_deserial,
  FINALFUNC = omnicrm.journey_final,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.journey_rollup(omnicrm.journey) IS
  'Journeys joined into one, for example those of several days, or of two records that turn out to be one person: the same value as journey() over all their rows. Events with an id that several parts hold count once. NULL without events. Errors: cardinality_violation, program_limit_exceeded.';

CREATE FUNCTION omnicrm.journey_length(journey omnicrm.journey)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_length';
COMMENT ON FUNCTION omnicrm.journey_length(omnicrm.journey) IS
  'Number of touches of a journey.';

CREATE FUNCTION omnicrm.journey_conversion_count(journey omnicrm.journey)
RETURNS integer
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_conversion_count';
COMMENT ON FUNCTION omnicrm.journey_conversion_count(omnicrm.journey) IS
  'Number of conversions of a journey.';

CREATE FUNCTION omnicrm.journey_start(journey omnicrm.journey)
RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_start';
COMMENT ON FUNCTION omnicrm.journey_start(omnicrm.journey) IS
  'Time of the first touch or conversion of a journey; NULL without any.';

CREATE FUNCTION omnicrm.journey_end(journey omnicrm.journey)
RETURNS timestamptz
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_end';
COMMENT ON FUNCTION omnicrm.journey_end(omnicrm.journey) IS
  'Time of the last touch or conversion of a journey; NULL without any.';

CREATE FUNCTION omnicrm.journey_touches(journey omnicrm.journey)
RETURNS TABLE (
  "position" integer,
  at         timestamptz,
  actor      text,
  kind       text,
  event_id   bigint
)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_touches';
COMMENT ON FUNCTION omnicrm.journey_touches(omnicrm.journey) IS
  'The touches of a journey in their order, numbered from 1.';

CREATE FUNCTION omnicrm.journey_conversions(journey omnicrm.journey)
RETURNS TABLE (
  conversion integer,
  at         timestamptz,
  actor      text,
  kind       text,
  event_id   bigint,
  value      numeric
)
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_conversions';
COMMENT ON FUNCTION omnicrm.journey_conversions(omnicrm.journey) IS
  'The conversions of a journey in their order, numbered from 1. Values have the decimals that they need, at least two.';

CREATE FUNCTION omnicrm.journey_path(journey omnicrm.journey, options jsonb DEFAULT '{}', conversion integer DEFAULT NULL)
RETURNS text[]
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_path';
COMMENT ON FUNCTION omnicrm.journey_path(omnicrm.journey, jsonb, integer) IS
  'The actors of the touches that count for one conversion, in their order; without a conversion those of the whole journey, the lookback counted from its last touch. Options: lookback (interval; unlimited by default), exclude (actors left out), only_if_alone (actors that count only when nobody else touched), collapse (of consecutive touches of one actor only the first counts), transform ("exposure", "first", "frequency", {"trim_long": n}, {"remove_if_not_all": actor}, {"remove_if_last_and_not_all": actor}, or an array of them), max_touches (only the last n count), taken in this order. After "frequency" each actor has its number of touches, as in email(3). Names of transforms: google/fractribution. Errors: null_value_not_allowed, invalid_parameter_value, invalid_datetime_format.';

CREATE FUNCTION omnicrm.journey_credit(journey omnicrm.journey, model text, amount numeric DEFAULT NULL, options jsonb DEFAULT '{}')
RETURNS TABLE (
  conversion       integer,
  converted_at     timestamptz,
  conversion_event bigint,
  "position"       integer,
  touches          integer,
  at               timestamptz,
  actor            text,
  kind             text,
  event_id         bigint,
  weight           double precision,
  amount           numeric
)
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_credit';
COMMENT ON FUNCTION omnicrm.journey_credit(omnicrm.journey, text, numeric, jsonb) IS
  'Who earned how much of each conversion of a journey by one model: one row for each touch that earned a part, in the order of the journey. Models: first, last, last_non, linear, u_shaped (40/20/40), w_shaped, j_shaped (20/20/60), inverse_j (60/20/20), custom, role, time_decay, participation, same_touch, shapley. The amount is that of each conversion, its own value when NULL; it is split in the decimals that it has (at least two) by the largest remainder, ties to the earlier touch, so the rows of a conversion add up to it exactly; a negative amount is the mirror image. Only participation gives each actor the whole amount. The touches of a conversion at t are those in [t - lookback, t]; a day has 24 hours, a month 30 days, a year 365.25. What nobody earned is in one row with position 0 and without actor; the converting event itself (same_touch) stands at position touches + 1. Options: lookback (interval; unlimited by default), exclude (actors left out), only_if_alone (actors that count only when nobody else touched), collapse (of consecutive touches of one actor only the first counts), transform ("exposure", "first", "frequency", {"trim_long": n}, {"remove_if_not_all": actor}, {"remove_if_last_and_not_all": actor}, or an array of them), max_touches (only the last n count); half_life (interval, 7 days; time_decay), non (actor, direct; last_non), weights ([first, between, last]; custom), milestones (kinds, lead and opportunity; w_shaped), roles ({kind: weight}; role). Errors: null_value_not_allowed, invalid_parameter_value, invalid_datetime_format, numeric_value_out_of_range, program_limit_exceeded (over 67,108,864 credits of one conversion).';

CREATE FUNCTION omnicrm.journey_credits(journey omnicrm.journey, models text[], options jsonb DEFAULT '{}')
RETURNS TABLE (
  conversion       integer,
  converted_at     timestamptz,
  conversion_event bigint,
  "position"       integer,
  touches          integer,
  at               timestamptz,
  actor            text,
  kind             text,
  event_id         bigint,
  amounts          numeric[]
)
LANGUAGE c STABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_journey_credits';
COMMENT ON FUNCTION omnicrm.journey_credits(omnicrm.journey, text[], jsonb) IS
  'The same by several models at once: one row for each touch that earned a part by any of them, with the amounts in the order of the models; each model adds up to the value of the conversion, but participation. What nobody earned is in one row with position 0 and without actor; the converting event itself (same_touch) stands at position touches + 1. Models and options as journey_credit. Errors: null_value_not_allowed, invalid_parameter_value, invalid_datetime_format, numeric_value_out_of_range, program_limit_exceeded (over 67,108,864 credits of one conversion).';
