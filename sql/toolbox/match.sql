-- Record matching on any table: train a model, score pairs, find entities.

CREATE FUNCTION omnicrm.match_train(relation regclass, id_column name, fields jsonb, options jsonb DEFAULT '{}')
RETURNS jsonb
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000
AS 'MODULE_PATHNAME', 'omnicrm_match_train';

COMMENT ON FUNCTION omnicrm.match_train(regclass, name, jsonb, jsonb) IS
  'Learns from a table, without labels, how much agreement on each field says about two records being one (Fellegi-Sunter with EM). fields: {"column": "kind"} or {"column": {"kind": ..., "term_frequency": boolean, "exclusive": boolean, "blocking": boolean, "country": "ES", "format": "DMY"}}; kinds: name, given_name, surname, birth_date, email, phone, tax_id, code, postcode, city, address, text, category, number; at most 16 fields. options: threshold (bits at which clusters merge, -2), review (least bits of a pair worth a look, -6), unscored (bits of a pair that no key brings together, -2), max_block (records with one key, 200), max_weak_block and max_value_block (the same for two weak things in common, and for one value that is no identifier: training lowers them until the blocks bring 60 and 30 pairs a record, in small tables 5 million). Result: a model, to be stored, edited and compared; the same to the bit for any order of rows. Values that are none of their kind, placeholders and values above 4,000 bytes count as missing. Reads the table as the caller. Errors: undefined_column, invalid_parameter_value, null_value_not_allowed (a null id), unique_violation (an id twice), program_limit_exceeded (200 million records).';

CREATE FUNCTION omnicrm.match_pairs(relation regclass, id_column name, model jsonb, options jsonb DEFAULT '{}',
  OUT id_a text, OUT id_b text, OUT weight double precision, OUT probability double precision, OUT pattern text)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'omnicrm_match_pairs';

COMMENT ON FUNCTION omnicrm.match_pairs(regclass, name, jsonb, jsonb) IS
  'Pairs of records of a table that may be one: their ids (the smaller first), the weight in bits with the prior, its probability, and the pattern of agreement (one digit for each comparison, 0 the best level, - where a value is missing). Only pairs of at least "review" bits that share a blocking key. options: threshold, review, unscored, max_block, max_weak_block, max_value_block (in place of those of the model). Errors as of match_train(), and invalid_parameter_value for a model that is none.';

CREATE FUNCTION omnicrm.match_pairs(relation_a regclass, id_column_a name, relation_b regclass, id_column_b name, model jsonb,
  options jsonb DEFAULT '{}',
  OUT id_a text, OUT id_b text, OUT weight double precision, OUT probability double precision, OUT pattern text)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'omnicrm_match_pairs_between';

COMMENT ON FUNCTION omnicrm.match_pairs(regclass, name, regclass, name, jsonb, jsonb) IS
  'Links two tables: pairs of a record of the first and a record of the second that may be one, otherwise as match_pairs() of one table. Both tables have the columns of the model.';

CREATE FUNCTION omnicrm.match_keys(relation regclass, id_column name, model jsonb,
  OUT id text, OUT keys bigint[])
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'omnicrm_match_keys';

COMMENT ON FUNCTION omnicrm.match_keys(regclass, name, jsonb) IS
  'The blocking keys of the records of a table, to be kept in an index of one''s own: two records that share a key are a pair that match_pairs() of this model scores, unless the key is held by more records than the model allows: max_block for an e-mail, phone or number, max_value_block for another value alone, max_weak_block for two things together, and at most a third of max_block where the key is odd (a word of a name alone). Each key is a 64-bit hash; a record without values has none. Errors as of match_pairs().';

CREATE FUNCTION omnicrm.match_clusters(relation regclass, id_column name, model jsonb, options jsonb DEFAULT '{}',
  OUT id text, OUT cluster_id bigint, OUT records integer, OUT weakest double precision)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'omnicrm_match_clusters';

COMMENT ON FUNCTION omnicrm.match_clusters(regclass, name, jsonb, jsonb) IS
  'The entities of a table: one row for each record, in the order of the ids, with the cluster that it belongs to, how many records that has, and the mean weight in bits of its weakest merge (null for a single record). cluster_id is the smallest id of the cluster where ids are integers, else a hash of it. Constrained average link: two clusters merge while the mean weight over all their pairs reaches the threshold (1.5 bits more each time both double); records with different valid values of an exclusive field (tax_id) never meet. options: threshold, review, unscored, max_block, max_weak_block, max_value_block; source (column that names the source of a record) and, with it, one_per_source (true: an entity has at most one record of a source); decisions (a relation with id_a, id_b, same: pairs that somebody keeps apart or joins; apart wins). Errors as of match_pairs().';

CREATE FUNCTION omnicrm.resolve_entities(relation regclass, id_column name, fields jsonb, options jsonb DEFAULT '{}',
  OUT id text, OUT cluster_id bigint)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'omnicrm_resolve_entities';

COMMENT ON FUNCTION omnicrm.resolve_entities(regclass, name, jsonb, jsonb) IS
  'Who is who, in one call: match_train() and match_clusters() of a table. fields and options as there. Result: the id of each record as text and the cluster that it belongs to.';
