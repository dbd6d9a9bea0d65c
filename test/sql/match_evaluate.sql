-- match_evaluate(), match_evaluate_pairs(): clusters and pairs judged by the truth.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;

-- Worked by hand: truth {1 2 3} {4 5} {6}, found {1 2} {3 4 5} {6}.
-- True pairs 4, found 4, right 2 (1-2 and 4-5). B-cubed precision: 1 and 2 are
-- 1, 3 is 1/3, 4 and 5 are 2/3, 6 is 1: (2 + 1/3 + 4/3 + 1) / 6 = 7/9; recall
-- 2/3 2/3 1/3 1 1 1: 7/9. One true cluster of three is found exactly.
CREATE TABLE t.truth (id integer, cluster_id text);
INSERT INTO t.truth VALUES (1, 'a'), (2, 'a'), (3, 'a'), (4, 'b'), (5, 'b'), (6, 'c');
CREATE TABLE t.found (id bigint, cluster_id bigint);
INSERT INTO t.found VALUES (1, 1), (2, 1), (3, 3), (4, 3), (5, 3), (6, 6);
SELECT * FROM omnicrm.match_evaluate('t.found', 't.truth') \gx

-- All right, all apart, all together; pairs that do not exist are all right.
SELECT * FROM omnicrm.match_evaluate('t.truth', 't.truth') \gx
CREATE VIEW t.apart AS SELECT id, id AS cluster_id FROM t.truth;
CREATE VIEW t.together AS SELECT id, 'x'::name AS cluster_id FROM t.truth;
SELECT v.what, e.found_pairs, e.precision, e.recall, e.f1, round(e.b_cubed_precision::numeric, 6) AS bp, round(e.b_cubed_recall::numeric, 6) AS br,
       e.exact_clusters, e.true_clusters
FROM (VALUES ('apart', 't.apart', 't.truth'), ('together', 't.together', 't.truth'), ('apart in truth', 't.apart', 't.apart'),
             ('together by a truth apart', 't.together', 't.apart'), ('apart by a truth together', 't.apart', 't.together')) AS v(what, found, truth)
  CROSS JOIN LATERAL omnicrm.match_evaluate(v.found::regclass, v.truth::regclass) AS e;

-- Other names of columns, quoted ones; ids of other types compared as text;
-- every kind of relation, clusters of any type, also one that cannot be compared.
CREATE TABLE t."The ""Truth""" ("Kunden-Nr." text, "cluster; DROP TABLE t.truth" json) PARTITION BY HASH ("Kunden-Nr.");
CREATE TABLE t.part PARTITION OF t."The ""Truth""" FOR VALUES WITH (MODULUS 1, REMAINDER 0);
INSERT INTO t."The ""Truth""" SELECT id, to_json(cluster_id) FROM t.truth;
SELECT records, f1 FROM omnicrm.match_evaluate('t.found', 't."The ""Truth"""', '{"truth_id": "Kunden-Nr.", "truth_cluster_id": "cluster; DROP TABLE t.truth"}');
CREATE MATERIALIZED VIEW t.matview AS SELECT id::numeric AS n, ARRAY[cluster_id] AS c FROM t.found;
SELECT records, f1 FROM omnicrm.match_evaluate('t.matview', 't.truth', '{"id": "n", "cluster_id": "c"}');
CREATE TEMP TABLE pg_class AS TABLE t.found;
SELECT records, f1 FROM omnicrm.match_evaluate('pg_temp.pg_class', 't.truth');
-- A collation by which A and a are one makes no difference.
CREATE TABLE t.cased (id text, cluster_id text);
INSERT INTO t.cased VALUES ('a', 'x'), ('A', 'X'), ('b', 'x');
SELECT records, found_pairs, right_pairs FROM omnicrm.match_evaluate('t.cased', 't.cased');

-- One row for each threshold, in order, whatever the order of rows.
CREATE TABLE t.levels (id integer, cluster_id integer, threshold numeric(4, 1));
INSERT INTO t.levels
SELECT f.id, CASE l.threshold WHEN -0.5 THEN 0 WHEN 10 THEN f.id ELSE f.cluster_id END, l.threshold
FROM t.found AS f, (VALUES (10), (-0.5), (2)) AS l(threshold) ORDER BY f.id DESC;
SELECT threshold, records, found_pairs, right_pairs, round(f1::numeric, 6) AS f1, round(b_cubed_f1::numeric, 6) AS b_cubed_f1, exact_clusters
FROM omnicrm.match_evaluate('t.levels', 't.truth');
-- The same from a column of another name; or not asked for, when ids come twice.
ALTER TABLE t.levels RENAME threshold TO cut;
SELECT threshold, f1 FROM omnicrm.match_evaluate('t.levels', 't.truth', '{"threshold": "cut"}');
SELECT threshold, f1 FROM omnicrm.match_evaluate('t.levels', 't.truth');
CREATE VIEW t.one_level AS SELECT id, cluster_id, cut AS threshold FROM t.levels WHERE cut = 2;
SELECT threshold, f1 FROM omnicrm.match_evaluate('t.one_level', 't.truth', '{"threshold": null}');

-- Records that only one side has: an error, left out, or alone where missing.
-- Left out: truth {1 2} {4 5}, found {1 2} {4 5}. Alone: truth {1 2 3} {4 5}
-- {6} {7} {8}, found {1 2} {4 5 7 8} {3} {6}: right 1-2 and 4-5.
CREATE TABLE t.other (id integer, cluster_id integer);
INSERT INTO t.other VALUES (1, 1), (2, 1), (4, 4), (5, 4), (7, 4), (8, 4);
SELECT * FROM omnicrm.match_evaluate('t.other', 't.truth');
SELECT * FROM omnicrm.match_evaluate('t.other', 't.truth', '{"missing": "ignore"}') \gx
SELECT * FROM omnicrm.match_evaluate('t.other', 't.truth', '{"missing": "alone"}') \gx
-- The same for each of two thresholds, of which one lacks a record more.
CREATE TABLE t.other_levels AS SELECT o.*, l AS threshold FROM t.other AS o, generate_series(1, 2) AS l WHERE o.id <> 8 OR l = 2;
SELECT * FROM omnicrm.match_evaluate('t.other_levels', 't.truth');
SELECT threshold, records, true_pairs, found_pairs, right_pairs, true_clusters, exact_clusters
FROM omnicrm.match_evaluate('t.other_levels', 't.truth', '{"missing": "alone"}');
SELECT threshold, records, true_pairs, found_pairs, right_pairs, true_clusters, exact_clusters
FROM omnicrm.match_evaluate('t.other_levels', 't.truth', '{"missing": "ignore"}');
CREATE VIEW t.stranger AS SELECT id + 100 AS id, cluster_id FROM t.truth;
SELECT * FROM omnicrm.match_evaluate('t.stranger', 't.truth', '{"missing": "ignore"}');

-- Against the definitions, pair by pair and record by record, on random partitions.
CREATE VIEW t.random_found AS
SELECT g AS id, hashint8extended(g, 1) & 1023 AS cluster_id FROM generate_series(1, 2000) AS g WHERE g % 10 <> 3;
CREATE VIEW t.random_truth AS
SELECT g AS id, CASE WHEN g % 3 = 0 THEN hashint8extended(g, 2) & 255 ELSE hashint8extended(g, 1) & 1023 END AS cluster_id
FROM generate_series(1, 2000) AS g WHERE g % 7 <> 2;
WITH judged AS (
  SELECT coalesce(f.id, t.id) AS id, coalesce(f.cluster_id::text, 'found ' || t.id) AS c, coalesce(t.cluster_id::text, 'true ' || f.id) AS t
  FROM t.random_found AS f FULL JOIN t.random_truth AS t ON t.id = f.id
), pair AS (
  SELECT count(*) FILTER (WHERE a.t = b.t) AS true_pairs, count(*) FILTER (WHERE a.c = b.c) AS found_pairs,
         count(*) FILTER (WHERE a.t = b.t AND a.c = b.c) AS right_pairs
  FROM judged AS a JOIN judged AS b ON b.id > a.id
), record AS (
  SELECT a.id, (count(*) FILTER (WHERE a.c = b.c AND a.t = b.t))::numeric / count(*) FILTER (WHERE a.c = b.c) AS p,
         (count(*) FILTER (WHERE a.c = b.c AND a.t = b.t))::numeric / count(*) FILTER (WHERE a.t = b.t) AS r
  FROM judged AS a CROSS JOIN judged AS b GROUP BY a.id
), rated AS (
  SELECT count(*) AS records, avg(p)::double precision AS bp, avg(r)::double precision AS br FROM record
), exact AS (
  SELECT count(*) AS true_clusters, count(*) FILTER (WHERE members IN (SELECT array_agg(id ORDER BY id) FROM judged GROUP BY c)) AS exact_clusters
  FROM (SELECT t, array_agg(id ORDER BY id) AS members FROM judged GROUP BY t) AS x
)
SELECT e.records, e.right_pairs, e.exact_clusters,
       (e.records, e.true_pairs, e.found_pairs, e.right_pairs, e.exact_clusters, e.true_clusters)
         = (rated.records, pair.true_pairs, pair.found_pairs, pair.right_pairs, exact.exact_clusters, exact.true_clusters) AS counts_agree,
       greatest(abs(e.b_cubed_precision - rated.bp), abs(e.b_cubed_recall - rated.br)) < 1e-12 AS b_cubed_agrees
FROM omnicrm.match_evaluate('t.random_found', 't.random_truth', '{"missing": "alone"}') AS e, pair, rated, exact;

-- Row-level security: the caller judges what he or she may see.
CREATE ROLE regress_omnicrm_judge;
GRANT regress_omnicrm_judge TO CURRENT_USER;
GRANT USAGE ON SCHEMA t TO regress_omnicrm_judge;
GRANT SELECT ON t.truth, t.found TO regress_omnicrm_judge;
ALTER TABLE t.truth ENABLE ROW LEVEL SECURITY;
CREATE POLICY seen ON t.truth FOR SELECT TO regress_omnicrm_judge USING (id <= 3);
SET ROLE regress_omnicrm_judge;
SELECT records, true_pairs, found_pairs FROM omnicrm.match_evaluate('t.found', 't.truth', '{"missing": "ignore"}');
SELECT * FROM omnicrm.match_evaluate('t.found', 't.other');
RESET ROLE;
ALTER TABLE t.truth DISABLE ROW LEVEL SECURITY;

-- Bad input.
CREATE TABLE t.bad (id integer, cluster_id integer, threshold double precision, word text);
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"threshold": null}');
INSERT INTO t.bad VALUES (NULL, 1, 0, 'x'), (1, NULL, NULL, 'x');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"threshold": null}');
UPDATE t.bad SET id = coalesce(id, 5);
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"threshold": null}');
SELECT * FROM omnicrm.match_evaluate('t.truth', 't.bad');
UPDATE t.bad SET id = 1, cluster_id = 1;
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"threshold": null}');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"threshold": "word"}');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"id": "ctid"}');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"truth_cluster_id": "person"}');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"cluster": "word"}');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"id": 7}');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '{"missing": "drop"}');
SELECT * FROM omnicrm.match_evaluate('t.bad', 't.truth', '[]');
SELECT * FROM omnicrm.match_evaluate(NULL, 't.truth');
SELECT * FROM omnicrm.match_evaluate('t.bad', 4294967295::oid::regclass);
CREATE SEQUENCE t.seq;
SELECT * FROM omnicrm.match_evaluate('t.seq', 't.truth');
SELECT records FROM omnicrm.match_evaluate('t.found', 't.truth', NULL);

-- Scored pairs. True 4: 1-2, 1-3, 2-3, 4-5.
CREATE TABLE t.pair (id_a bigint, id_b bigint, weight real);
INSERT INTO t.pair VALUES (1, 2, 9), (3, 1, 4.5), (3, 4, 4.5), (5, 4, 2), (6, 1, -1.2);
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth', '{"thresholds": [10, 5, 4.5, 2, -2, 2]}');
SELECT threshold, found_pairs, right_pairs FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth')
WHERE threshold = round(threshold);
SELECT count(*), min(threshold), max(threshold) FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth');
INSERT INTO t.pair VALUES (1, 9, 4.5), (2, 6, 'infinity'), (2, 5, '-infinity');
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth');
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth', '{"missing": "ignore", "thresholds": [4, 100]}');
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth', '{"missing": "alone", "thresholds": [4, 100]}');
-- Names of columns, ids as text, one weight only.
CREATE VIEW t.pair_text AS SELECT id_a::text AS "Left", id_b::text AS "Right", 7 AS bits FROM t.pair WHERE id_b <> 9;
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair_text', 't.truth', '{"id_a": "Left", "id_b": "Right", "weight": "bits"}');
-- Bad input.
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair_text', 't.truth');
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair_text', 't.truth', '{"id_a": "Left", "id_b": "Right", "weight": "Left"}');
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth', '{"thresholds": []}');
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth', '{"thresholds": [1, "2"]}');
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth', '{"thresholds": 3}');
DELETE FROM t.pair WHERE id_b = 9;
INSERT INTO t.pair VALUES (2, 1, 3);
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth');
UPDATE t.pair SET id_b = 2 WHERE weight = 3;
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth');
UPDATE t.pair SET weight = 'NaN' WHERE weight = 3;
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth');
UPDATE t.pair SET id_b = NULL WHERE weight = 'NaN';
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth');
TRUNCATE t.pair;
SELECT * FROM omnicrm.match_evaluate_pairs('t.pair', 't.truth');

-- Round numbers over any range.
SELECT v.l::double precision AS low, v.h::double precision AS high, cardinality(s) AS steps, s[1], s[2], s[cardinality(s)]
FROM (VALUES (0.013, 0.99), (-20.3, 31.4), (5, 5), (-1e300, 1e308), (0, 1e-320)) AS v(l, h),
     omnicrm.match_evaluate_steps(l::double precision, h::double precision) AS s;

DROP SCHEMA t CASCADE;
DROP ROLE regress_omnicrm_judge;
