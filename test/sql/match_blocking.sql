-- match_blocking_report(): what keys bring together, before anything is scored.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;
CREATE TABLE t.person AS
SELECT g AS id, n.given, n.sur, CASE WHEN g % 3 <> 0 THEN date '1960-01-01' + (p * 37) END AS born, 28000 + p % 50 AS zip, CASE WHEN g % 4 = 0 THEN 'unknown' ELSE 'kunde' || p || '@gmail.com' END AS mail
FROM generate_series(1, 600) AS g, LATERAL (SELECT g % 250 AS p) AS q,
     LATERAL (SELECT (ARRAY['Ana', 'José María', 'Francisco', 'Paco', 'Zoë', 'Lucía', 'J.', 'Μαρία'])[1 + p % 8] AS given,
                     (ARRAY['García López', 'Ruiz', 'Müller', 'O''Neill', 'de la Fuente', 'Vidal', 'Ana'])[1 + p % 7] AS sur) AS n;
CREATE TABLE t.truth AS SELECT 'x' AS more, id AS number, id % 250 AS person FROM t.person WHERE id % 11 <> 0;
\set fields '{"given": "given_name", "sur": "surname", "born": "birth_date", "zip": "postcode", "mail": "email"}'

-- Fields are enough; a limit drops keys.
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields');
SELECT kind, keys, blocks, dropped, largest, pairs, true_pairs, round(recall::numeric, 4) AS recall
FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"max_block": 20, "truth": "t.truth", "truth_id": "number", "truth_cluster_id": "person"}');

-- The same as from the pairs that are compared in earnest.
CREATE TABLE t.model AS SELECT omnicrm.match_train('t.person', 'id', :'fields', '{"max_block": 20}') AS model;
WITH pair AS (
  SELECT p.id_a, p.id_b, a.person = b.person AS right FROM t.model, omnicrm.match_pairs('t.person', 'id', model, '{"review": -100}') AS p
    LEFT JOIN t.truth AS a ON a.number::text = p.id_a LEFT JOIN t.truth AS b ON b.number::text = p.id_b
), truth AS (
  SELECT count(*) AS pairs FROM t.truth AS a JOIN t.truth AS b ON b.person = a.person AND b.number > a.number
)
SELECT r.pairs = (SELECT count(*) FROM pair) AS pairs, r.true_pairs = (SELECT count(*) FROM pair WHERE "right") AS true_pairs,
       r.recall = r.true_pairs::double precision / truth.pairs AS recall
FROM truth, t.model, omnicrm.match_blocking_report('t.person', 'id', model, '{"truth": "t.truth", "truth_id": "number", "truth_cluster_id": "person"}') AS r
WHERE r.kind = 'all';
-- For any order of rows and any memory.
CREATE TABLE t.turned AS SELECT * FROM t.person ORDER BY md5(id::text);
SET maintenance_work_mem = '1MB';
SELECT r.* FROM t.model, omnicrm.match_blocking_report('t.turned', 'id', model) AS r
EXCEPT ALL SELECT r.* FROM t.model, omnicrm.match_blocking_report('t.person', 'id', model) AS r;
RESET maintenance_work_mem;

-- Many equal records have no keys of their own; the truth may know few of them, or none of the pairs.
CREATE TABLE t.crowd AS SELECT g AS id, 'Ana' AS given, 'Ruiz' AS sur FROM generate_series(1, 30000) AS g UNION ALL SELECT 40001, 'Ana', 'Ruis' UNION ALL SELECT 40002, NULL, NULL;
CREATE TABLE t.crowd_truth AS SELECT id, 1 AS cluster_id FROM t.crowd;
SELECT * FROM omnicrm.match_blocking_report('t.crowd', 'id', '{"given": "given_name", "sur": "surname"}', '{"truth": "t.crowd_truth"}');
SELECT kind, records, pairs, true_pairs, recall FROM omnicrm.match_blocking_report('t.crowd', 'id', '{"given": {"kind": "given_name", "blocking": false}}', '{"truth": "t.truth", "truth_id": "number", "truth_cluster_id": "person"}');
SELECT * FROM omnicrm.match_blocking_report('t.truth', 'number', '{"more": "text"}', '{"truth": "t.truth", "truth_id": "number", "truth_cluster_id": "number"}');
CREATE TABLE t.empty AS SELECT * FROM t.person LIMIT 0;
SELECT r.* FROM t.model, omnicrm.match_blocking_report('t.empty', 'id', model, '{"truth": "t.crowd_truth"}') AS r;

-- Bad input.
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', '[]');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', '{"omnicrm_model": 1}');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'nothing', :'fields');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '3');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truth": 3}');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truth": "t.nowhere"}');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truth": "-"}');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truth": "t.truth"}');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truth": "t.truth", "truth_id": "number; DROP TABLE t.truth"}');
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truths": "t.truth"}');
CREATE VIEW t.twice AS SELECT number AS id, person AS cluster_id FROM t.truth UNION ALL SELECT 7, 7;
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truth": "t.twice"}');
CREATE VIEW t.unknown AS SELECT number AS id, NULLIF(person, 3) AS cluster_id FROM t.truth;
SELECT * FROM omnicrm.match_blocking_report('t.person', 'id', :'fields', '{"truth": "t.unknown"}');

DROP SCHEMA t CASCADE;
