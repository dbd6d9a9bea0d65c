-- Why records match or not: explanations of pairs and clusters, as rows.

CREATE FUNCTION omnicrm.match_explain(model jsonb, a jsonb, b jsonb,
  OUT comparison text, OUT value_a text, OUT value_b text, OUT level text, OUT given text, OUT m double precision, OUT u double precision,
  OUT term_frequency double precision, OUT term_weight double precision, OUT weight double precision, OUT total double precision,
  OUT probability double precision)
RETURNS SETOF record
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10000 ROWS 10
AS 'MODULE_PATHNAME', 'omnicrm_match_explain';

COMMENT ON FUNCTION omnicrm.match_explain(jsonb, jsonb, jsonb) IS
  'Why two records weigh what they weigh: a waterfall. a and b: JSON objects of column and value, as to_jsonb(row), in the order of match_pairs(); other members are left aside, missing ones are missing values. First row: prior (m: probability that two records drawn at random match, u: that they do not). Then a row for each comparison, in the order in which they depend on each other: both values as they are compared (null: missing, a placeholder, or none of its kind), the level of agreement, given (the level of another comparison that m and u are conditional on), m and u (how often this level occurs in records of one entity, and of two), term_frequency (share of the agreed value among all values) and term_weight (bits that it adds or takes), weight in bits: log2(m / u) + term_weight, total: sum of the weights so far, and its probability. A model that knows relatives has a last row, relatives: what is taken off because people of one household have that much in common (m: share of pairs that are of relatives). The last total is the weight that match_pairs() gives. Errors: invalid_parameter_value for a model that is none, for what is no object, and for an object with members none of which is a column of the model.';

CREATE FUNCTION omnicrm.match_how(relation regclass, id_column name, model jsonb, id text, options jsonb DEFAULT '{}',
  OUT step integer, OUT id_a text, OUT id_b text, OUT records_a integer, OUT records_b integer, OUT records integer,
  OUT weight double precision, OUT needed double precision, OUT weakest boolean)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 10
AS 'MODULE_PATHNAME', 'omnicrm_match_how';

COMMENT ON FUNCTION omnicrm.match_how(regclass, name, jsonb, text, jsonb) IS
  'How a cluster came about: the merges that made it, in their order. id: that of one of its records as text, or its cluster_id. Result: the smallest ids of the two parts, the records of each and of both together, the mean weight in bits over the pairs between them (null: somebody decided), the weight that was needed for parts of that size (null likewise), and weakest: true for the merge of the lowest weight. No row for a cluster of one record. options as of match_clusters(), and the same ones must be given. Errors as of match_clusters(), and invalid_parameter_value for an id that is not there.';

CREATE FUNCTION omnicrm.match_quality(relation regclass, id_column name, model jsonb, options jsonb DEFAULT '{}',
  OUT cluster_id bigint, OUT records integer, OUT density double precision, OUT mean double precision, OUT lowest double precision,
  OUT lowest_a text, OUT lowest_b text, OUT weakest double precision)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 100000
AS 'MODULE_PATHNAME', 'omnicrm_match_quality';

COMMENT ON FUNCTION omnicrm.match_quality(regclass, name, jsonb, jsonb) IS
  'How sound the clusters of a table are: one row for each cluster of two and more records, in the order of their smallest ids. density: share of its pairs of records that weigh at least the threshold; mean: mean weight in bits of its pairs; lowest: the least of these weights, and lowest_a, lowest_b: the first such pair; weakest: the mean weight of its weakest merge (null when somebody decided them all). Low density and a low weakest merge tell of two entities in one cluster. All pairs within a cluster are compared: a cluster of n records takes n (n - 1) / 2 comparisons. options and errors as of match_clusters().';

CREATE FUNCTION omnicrm.match_blocking_report(relation regclass, id_column name, model jsonb, options jsonb DEFAULT '{}',
  OUT kind text, OUT keys bigint, OUT records bigint, OUT blocks bigint, OUT dropped bigint, OUT largest bigint, OUT pairs bigint,
  OUT true_pairs bigint, OUT recall double precision)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_match_blocking_report';

COMMENT ON FUNCTION omnicrm.match_blocking_report(regclass, name, jsonb, jsonb) IS
  'What the blocking keys of a table bring together, before anything is scored. model: a model, or fields as of match_train(). One row for each kind of key: keys (different ones), records that have one, blocks (keys of two records and more that are kept), dropped (keys of too many records), largest (records of the most frequent key, kept or dropped), pairs in the kept blocks; the last row, all: the same in sum, but each record and each pair once. "same values in all fields": records that another one stands for, as many are equal; each is one pair. options: max_block and others as of match_clusters(); truth (a relation), truth_id and truth_cluster_id (its columns, id and cluster_id): with it true_pairs, how many pairs of records of one true cluster a kind brings together, and recall, their share of all true pairs (1 when there is none). Records that the truth does not know are in no true pair. Errors as of match_pairs(); undefined_table, undefined_column, null_value_not_allowed and unique_violation (an id twice) of the truth.';

CREATE FUNCTION omnicrm.match_why_not(relation regclass, id_column name, model jsonb, id_a text, id_b text, options jsonb DEFAULT '{}',
  OUT step text, OUT finding text)
RETURNS SETOF record
LANGUAGE c STABLE STRICT PARALLEL RESTRICTED COST 1000000 ROWS 20
AS 'MODULE_PATHNAME', 'omnicrm_match_why_not';

COMMENT ON FUNCTION omnicrm.match_why_not(regclass, name, jsonb, text, text, jsonb) IS
  'Why two records of a table did not become one entity: one row for each finding, in the order of the hurdles. Steps: record (are both there), missing value, key (blocking keys that both have, kept or dropped as too frequent, with the number of records and the limit), weight (of the pair, against threshold and review; match_explain() takes it apart), exclusive value, decision, source (what keeps the records or their clusters apart), cluster (where they ended, the mean weight of the pairs between the two clusters and what was needed), conclusion. An unknown id is a finding, not an error. options as of match_clusters(), and the same ones must be given. Errors as of match_clusters().';
