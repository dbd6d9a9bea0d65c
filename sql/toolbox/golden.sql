-- Survivorship.

CREATE TYPE omnicrm.survivor AS (
  vals                  text[],
  record_ids            bigint[],
  rules                 text[],
  candidates            integer[],
  attributes            jsonb,
  attribute_provenance  jsonb,
  record_count          integer,
  source_count          integer,
  first_at              timestamptz,
  last_at               timestamptz
);

COMMENT ON TYPE omnicrm.survivor IS
  'Result of omnicrm.survive(), by position of the attribute: vals the surviving values, record_ids the records they come from, rules what decided, candidates how many different values competed; the same of attributes given as jsonb; and over all records their number, the number of sources, oldest and newest business date.';
COMMENT ON COLUMN omnicrm.survivor.vals IS 'Surviving values; null where no record has one.';
COMMENT ON COLUMN omnicrm.survivor.record_ids IS 'Record that each surviving value comes from; null where it was made of several (sum, union).';
COMMENT ON COLUMN omnicrm.survivor.rules IS 'What decided: only value (all records agree), plausible (the others were implausible), the last rule that was needed, or that rule and "tie" where it left several.';
COMMENT ON COLUMN omnicrm.survivor.candidates IS 'Number of different values that competed.';
COMMENT ON COLUMN omnicrm.survivor.attributes IS 'Surviving members of the attributes; null where there is none.';
COMMENT ON COLUMN omnicrm.survivor.attribute_provenance IS 'Of each member of attributes the record, the rule and the number of candidates.';
COMMENT ON COLUMN omnicrm.survivor.record_count IS 'Number of records.';
COMMENT ON COLUMN omnicrm.survivor.source_count IS 'Number of different sources.';
COMMENT ON COLUMN omnicrm.survivor.first_at IS 'Oldest business date; null when no record has one.';
COMMENT ON COLUMN omnicrm.survivor.last_at IS 'Newest business date.';

CREATE FUNCTION omnicrm.survive_transition(state internal, record_id bigint, source_id bigint, trust double precision, business_at timestamptz,
  quality text, vals text[], attributes jsonb, plan jsonb, as_of timestamptz)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_survive_transition';

COMMENT ON FUNCTION omnicrm.survive_transition(internal, bigint, bigint, double precision, timestamptz, text, text[], jsonb, jsonb, timestamptz) IS
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
  vals text[], attributes jsonb, plan jsonb, as_of timestamptz) (
  SFUNC = omnicrm.survive_transition,
  STYPE = internal,
  SSPACE = 1024,
  FINALFUNC = omnicrm.survive_final,
  COMBINEFUNC = omnicrm.survive_combine,
  SERIALFUNC = omnicrm.survive_serialize,
  DESERIALFUNC = omnicrm.survive_deserialize,
  PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.survive(bigint, bigint, double precision, timestamptz, text, text[], jsonb, jsonb, timestamptz) IS
  'The surviving values of the records of one customer, with their records and the rules that decided; the same for any order of rows. vals go by position; quality has one digit for each (0 no value, below 6 failed validation, 6 unchecked, 9 valid; short or null: 6); attributes: further values as an object. plan: an array with the rule of each value, or an object with attributes, extra, others, trust and sources, as doc/golden.md says. Rules: trust, recent, oldest, frequent, longest, shortest, valid, source, complete, min, max, vote, stage, follow, first, last, sum, union; of several the next one breaks the ties of the one before. Attributes of one group survive together from one record. as_of: the date of the result, which decay of trust and periods of rules go by; null where there are none. Ties: more filled attributes of the group, trust, newest business_at, smallest record_id. At most 1,000,000 records a group. Errors: null_value_not_allowed, array_subscript_error, invalid_parameter_value, program_limit_exceeded.';

CREATE FUNCTION omnicrm.overrule(survivor omnicrm.survivor, decisions jsonb, plan jsonb)
RETURNS omnicrm.survivor
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_overrule';

COMMENT ON FUNCTION omnicrm.overrule(omnicrm.survivor, jsonb, jsonb) IS
  'What people decided in place of what survived: each member of decisions is an attribute (by its name in the plan, else one of the attributes) with its value; null: no value. Rule steward, no record. plan: that of omnicrm.survive(). Errors: invalid_parameter_value, array_subscript_error for a survivor of another plan, null_value_not_allowed.';

CREATE FUNCTION omnicrm.row_changes(before record, after record)
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_row_changes';

COMMENT ON FUNCTION omnicrm.row_changes(record, record) IS
  'The columns that both rows have, by name and type, and in which they differ, with their values in the first row; null when there is none. Errors: undefined_function for a column whose type has no equality.';

CREATE FUNCTION omnicrm.give_ids(record_ids bigint[], old_ids bigint[], home_ids bigint[], nodes bigint[], roots bigint[], sequence regclass,
  OUT records bigint[], OUT customers bigint[], OUT homes bigint[], OUT olds bigint[], OUT moved boolean, OUT created bigint, OUT split bigint)
RETURNS record
LANGUAGE c VOLATILE
AS 'MODULE_PATHNAME', 'omnicrm_give_ids';

COMMENT ON FUNCTION omnicrm.give_ids(bigint[], bigint[], bigint[], bigint[], bigint[], regclass) IS
  'Which id each customer has. record_ids, old_ids, home_ids: records with their customer of before and the id that was made for them (NULL: none); nodes, roots: the smallest record of the cluster of each record that is linked. A cluster has the oldest of the ids of its records, else a new one of the sequence (NULL: a negative one); an id whose record is gone is that of the oldest record that it leaves behind, one without an id where there is one. Result: the records in the order of their customers, with customer, id made for the record and customer of before; whether any record moved; how many customers are new and how many are split. Errors: invalid_parameter_value, null_value_not_allowed.';
