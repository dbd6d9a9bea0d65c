-- One changed record against the records that an index names, with the keys and
-- weights of a run over all of them (src/identity/match_compared.c, match_meet.c).

CREATE FUNCTION omnicrm.match_compared(model jsonb, record jsonb)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'omnicrm_match_compared';

COMMENT ON FUNCTION omnicrm.match_compared(jsonb, jsonb) IS
  'The values of a record in the form in which a matching model compares them, packed, to be kept beside the record. record: a JSON object of column and value, as to_jsonb(row); other members are left aside. Equal results: the same values in all fields. No byte for a record without values. What is none of its kind, a placeholder or above 4,000 bytes counts as missing. Errors: invalid_parameter_value for a model that is none, for what is no object, and for an object with members none of which is a column of the model.';

CREATE FUNCTION omnicrm.match_compared_row(model jsonb, record record)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'omnicrm_match_compared_row';

COMMENT ON FUNCTION omnicrm.match_compared_row(jsonb, record) IS
  'omnicrm.match_compared() of a row whose columns are of type text, varchar or date, without the way over jsonb. Errors: invalid_parameter_value for a model that is none, for a row without a column of it and for a column of another type.';

CREATE FUNCTION omnicrm.match_compared_keys(compared bytea, copy boolean)
RETURNS bigint[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_match_compared_keys';

COMMENT ON FUNCTION omnicrm.match_compared_keys(bytea, boolean) IS
  'The blocking keys of a record given by omnicrm.match_compared(), for a GIN index: those of omnicrm.match_keys(), and omnicrm.match_whole_key(), by which records with the same values find each other; each once, ascending as numbers without sign. copy: true for a record that another one with the same values stands for: the whole key only. Empty for a record without values. Errors: invalid_parameter_value for bytes that are no record.';

CREATE FUNCTION omnicrm.match_short_keys(keys bigint[])
RETURNS integer[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_match_short_keys';

COMMENT ON FUNCTION omnicrm.match_short_keys(bigint[]) IS
  'The lower 32 bits of keys, each once, ascending: what an index needs to name the records that may share one of them, in half the room. omnicrm.match_meet() passes over those that share none. Errors: null_value_not_allowed.';

CREATE FUNCTION omnicrm.match_whole_key(compared bytea)
RETURNS bigint
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_match_whole_key';

COMMENT ON FUNCTION omnicrm.match_whole_key(bytea) IS
  'The key of all values of a record given by omnicrm.match_compared() at once: a hash that no other kind of key is equal to. NULL for a record without values. Errors: invalid_parameter_value for bytes that are no record.';

CREATE FUNCTION omnicrm.match_key_limits(model jsonb, compared bytea)
RETURNS integer[]
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 50
AS 'MODULE_PATHNAME', 'omnicrm_match_key_limits';

COMMENT ON FUNCTION omnicrm.match_key_limits(jsonb, bytea) IS
  'How many records each key of omnicrm.match_compared_keys(compared, false) may have, in the same order: a key of more brings no records together. NULL for the whole key, which has no limit. Errors: invalid_parameter_value for a model that is none and for bytes that are no record of it.';

CREATE TYPE omnicrm.match_meeting AS (
  full_keys     bigint[],
  full_limits   integer[],
  full_records  integer[],
  partners      bigint[],
  weights       double precision[],
  probabilities double precision[],
  patterns      text[],
  twin          boolean
);

COMMENT ON TYPE omnicrm.match_meeting IS 'Result of omnicrm.match_meet(): the first three columns belong together element by element, and the next four.';
COMMENT ON COLUMN omnicrm.match_meeting.full_keys IS 'Keys of the record that more records have than may, ascending as numbers without sign.';
COMMENT ON COLUMN omnicrm.match_meeting.full_limits IS 'How many records may have each of them.';
COMMENT ON COLUMN omnicrm.match_meeting.full_records IS 'How many have it.';
COMMENT ON COLUMN omnicrm.match_meeting.partners IS 'Ids of the records that make a pair worth a look with it, ascending.';
COMMENT ON COLUMN omnicrm.match_meeting.weights IS 'Weight of each pair in bits, with the prior.';
COMMENT ON COLUMN omnicrm.match_meeting.probabilities IS 'Probability of that weight.';
COMMENT ON COLUMN omnicrm.match_meeting.patterns IS 'Pattern of agreement, as of omnicrm.match_pairs().';
COMMENT ON COLUMN omnicrm.match_meeting.twin IS 'True: one of the others has the same values, and there are some.';

CREATE FUNCTION omnicrm.match_meet(model jsonb, id bigint, probe bytea, common_keys bigint[], ids bigint[], others bytea[])
RETURNS omnicrm.match_meeting
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 2000
AS 'MODULE_PATHNAME', 'omnicrm_match_meet';

COMMENT ON FUNCTION omnicrm.match_meet(jsonb, bigint, bytea, bigint[], bigint[], bytea[]) IS
  'The pairs of one record with the records that share a key with it, as omnicrm.match_pairs() gives them. probe: the record, by omnicrm.match_compared(), and id: its id. common_keys: keys known to be those of too many records, which bring nobody together. ids, others: all other records that have one of its other keys, element by element. A key that the record and others have more often than the model allows is full; it is told and brings nobody together either. Pairs: those of at least "review" bits that share a key which is neither common nor full; the order of the two, and of others, makes no difference. Errors: invalid_parameter_value for a model that is none, for bytes that are no record of it, for arrays of different length and for an id that comes twice; null_value_not_allowed for an element that is null.';

CREATE FUNCTION omnicrm.match_meet_transition(
  state internal, model jsonb, id bigint, probe bytea, common_keys bigint[], other_id bigint, other bytea, other_keys integer[])
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_match_meet_transition';

COMMENT ON FUNCTION omnicrm.match_meet_transition(internal, jsonb, bigint, bytea, bigint[], bigint, bytea, integer[]) IS
  'Part of the aggregate omnicrm.match_meet(): notes a record that an index named.';

CREATE FUNCTION omnicrm.match_meet_final(state internal)
RETURNS omnicrm.match_meeting
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 2000
AS 'MODULE_PATHNAME', 'omnicrm_match_meet_final';

COMMENT ON FUNCTION omnicrm.match_meet_final(internal) IS
  'Part of the aggregate omnicrm.match_meet(): the meeting with the records that were noted.';

CREATE FUNCTION omnicrm.match_meet_combine(a internal, b internal)
RETURNS internal
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_match_meet_combine';

COMMENT ON FUNCTION omnicrm.match_meet_combine(internal, internal) IS
  'Part of the aggregate omnicrm.match_meet(): notes the records of both states.';

CREATE FUNCTION omnicrm.match_meet_serial(state internal)
RETURNS bytea
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_match_meet_serial';

COMMENT ON FUNCTION omnicrm.match_meet_serial(internal) IS
  'Part of the aggregate omnicrm.match_meet(): the state for another process.';

CREATE FUNCTION omnicrm.match_meet_deserial(state bytea, internal)
RETURNS internal
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_match_meet_deserial';

COMMENT ON FUNCTION omnicrm.match_meet_deserial(bytea, internal) IS
  'Part of the aggregate omnicrm.match_meet(): the state from another process.';

CREATE AGGREGATE omnicrm.match_meet(model jsonb, id bigint, probe bytea, common_keys bigint[], other_id bigint, other bytea, other_keys integer[]) (
  SFUNC = omnicrm.match_meet_transition, STYPE = internal, SSPACE = 65536, FINALFUNC = omnicrm.match_meet_final,
  COMBINEFUNC = omnicrm.match_meet_combine, SERIALFUNC = omnicrm.match_meet_serial, DESERIALFUNC = omnicrm.match_meet_deserial, PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.match_meet(jsonb, bigint, bytea, bigint[], bigint, bytea, integer[]) IS
  'What the function of this name gives, of one other record in each row: its id, the record and omnicrm.match_short_keys() of its keys, which save making the keys of those that are not worth a look. The first four arguments are the same in all rows. Without a row a meeting with nobody. Errors: as of the function; null_value_not_allowed for an argument that is NULL.';

CREATE FUNCTION omnicrm.match_weigh(model jsonb, a bytea, b bytea,
  OUT weight double precision, OUT probability double precision, OUT pattern text)
RETURNS record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 200
AS 'MODULE_PATHNAME', 'omnicrm_match_weigh';

COMMENT ON FUNCTION omnicrm.match_weigh(jsonb, bytea, bytea) IS
  'What two records given by omnicrm.match_compared() weigh, whatever keys they have: weight in bits with the prior, probability and pattern as of omnicrm.match_pairs(); the record of the smaller id first. Errors: invalid_parameter_value for a model that is none and for bytes that are no record of it.';
