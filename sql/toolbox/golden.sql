-- Survivorship.

CREATE TYPE omnicrm.survivor AS (
  vals         text[],
  record_ids   bigint[],
  rules        text[],
  candidates   integer[],
  record_count integer,
  source_count integer,
  first_at     timestamptz,
  last_at      timestamptz
);

COMMENT ON TYPE omnicrm.survivor IS
  'Result of omnicrm.survive(), by position of the attribute: vals the surviving values, record_ids the records they come from, rules what decided (only value, plausible, or the rule), candidates how many different values competed; and over all records their number, the number of sources, oldest and newest business date.';
COMMENT ON COLUMN omnicrm.survivor.vals IS 'Surviving values; null where no record has one.';
COMMENT ON COLUMN omnicrm.survivor.record_ids IS 'Record that each surviving value comes from.';
COMMENT ON COLUMN omnicrm.survivor.rules IS 'What decided: only value (all records agree), plausible (the others were implausible), or the rule.';
COMMENT ON COLUMN omnicrm.survivor.candidates IS 'Number of different values that competed.';
COMMENT ON COLUMN omnicrm.survivor.record_count IS 'Number of records.';
COMMENT ON COLUMN omnicrm.survivor.source_count IS 'Number of different sources.';
COMMENT ON COLUMN omnicrm.survivor.first_at IS 'Oldest business date; null when no record has one.';
COMMENT ON COLUMN omnicrm.survivor.last_at IS 'Newest business date.';

CREATE FUNCTION omnicrm.survive_transition(state internal, record_id bigint, source_id bigint, trust double precision, business_at timestamptz,
  quality text, vals text[], rules text[], groups integer[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_survive_transition';

COMMENT ON FUNCTION omnicrm.survive_transition(internal, bigint, bigint, double precision, timestamptz, text, text[], text[], integer[]) IS
  'Transition function of omnicrm.survive().';

CREATE FUNCTION omnicrm.survive_combine(state internal, other internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_survive_combine';

COMMENT ON FUNCTION omnicrm.survive_combine(internal, internal) IS 'Combine function of omnicrm.survive().';

CREATE FUNCTION omnicrm.survive_serialize(state internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_survive_serialize';

COMMENT ON FUNCTION omnicrm.survive_serialize(internal) IS 'Serialisation function of omnicrm.survive().';

CREATE FUNCTION omnicrm.survive_deserialize(state bytea, context internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_survive_deserialize';

COMMENT ON FUNCTION omnicrm.survive_deserialize(bytea, internal) IS 'Deserialisation function of omnicrm.survive().';

CREATE FUNCTION omnicrm.survive_final(state internal)
RETURNS omnicrm.survivor
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_survive_final';

COMMENT ON FUNCTION omnicrm.survive_final(internal) IS 'Final function of omnicrm.survive().';

CREATE AGGREGATE omnicrm.survive(record_id bigint, source_id bigint, trust double precision, business_at timestamptz, quality text,
  vals text[], rules text[], groups integer[]) (
  SFUNC = omnicrm.survive_transition,
  STYPE = internal,
  SSPACE = 1024,
  FINALFUNC = omnicrm.survive_final,
  COMBINEFUNC = omnicrm.survive_combine,
  SERIALFUNC = omnicrm.survive_serialize,
  DESERIALFUNC = omnicrm.survive_deserialize,
  PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.survive(bigint, bigint, double precision, timestamptz, text, text[], text[], integer[]) IS
  'The surviving values of the records of one customer, with their records and the rules that decided; the same for any order of rows. vals, rules and groups go by position; quality has one digit for each (0 no value, below 6 implausible, 6 unchecked, 9 valid; short or null: 6). Rules: trust, recent, oldest (by business_at, null last), frequent (different sources, then records), longest, shortest, valid (highest digit). Plausible values come before implausible ones under every rule. Attributes with the same group number (not 0 or null) survive together from one record, which is completed by a fuller record that contains it. Ties: more filled attributes, trust, newest business_at, smallest record_id. At most 1,000,000 records a group. Errors: null_value_not_allowed, array_subscript_error, invalid_parameter_value, program_limit_exceeded.';
