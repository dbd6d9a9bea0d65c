-- match_explain(), match_how(), match_quality(): reasons of pairs and clusters.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;

-- A model by hand, whose weights are whole bits: what training learns must not
-- matter here.
CREATE FUNCTION t.levels(m double precision[], u double precision[]) RETURNS jsonb LANGUAGE sql
AS $$ SELECT jsonb_agg(jsonb_build_object('m', x, 'u', y) ORDER BY o) FROM unnest(m, u) WITH ORDINALITY AS z(x, y, o) $$;
CREATE TABLE t.model AS SELECT jsonb_build_object('omnicrm_model', 1, 'prior', 1.0 / 1025, 'records', 100, 'threshold', 0, 'review', -8, 'unscored', -2, 'max_block', 100,
  'comparisons', jsonb_build_array(
    jsonb_build_object('column', 'city', 'kind', 'city', 'depends_on', 'zip', 'levels', '[
      {"m": 0.5, "u": 0.125, "m_given": [0.5, 0.5, 0.5, 0.5, 0.25], "u_given": [0.5, 0.25, 0.25, 0.25, 0.0625]},
      {"m": 0.125, "u": 0.125, "m_given": [0.125, 0.125, 0.125, 0.125, 0.25], "u_given": [0.125, 0.125, 0.125, 0.125, 0.125]},
      {"m": 0.125, "u": 0.125, "m_given": [0.125, 0.125, 0.125, 0.125, 0.25], "u_given": [0.125, 0.125, 0.125, 0.125, 0.125]},
      {"m": 0.125, "u": 0.5, "m_given": [0.25, 0.25, 0.25, 0.25, 0.25], "u_given": [0.25, 0.25, 0.5, 0.5, 0.5]}]'::jsonb),
    jsonb_build_object('column', 'zip', 'kind', 'postcode', 'levels', t.levels('{0.5,0.25,0.0625,0.0625,0.125}', '{0.125,0.125,0.125,0.125,0.5}')),
    jsonb_build_object('column', 'given', 'kind', 'given_name', 'levels', t.levels('{0.5,0.125,0.125,0.0625,0.0625,0.0625,0.0625}', '{0.03125,0.03125,0.03125,0.03125,0.125,0.125,0.5}'),
      'term_frequency', '{"ana": 0.25, "王": 0.125}'::jsonb, 'rare_frequency', 0.015625),
    jsonb_build_object('column', 'sur', 'kind', 'surname', 'levels', t.levels('{0.5,0.125,0.125,0.125,0.03125,0.03125,0.0625}', '{0.03125,0.03125,0.03125,0.03125,0.125,0.25,0.5}'),
      'term_frequency', '{"garcia": 0.125}'::jsonb, 'rare_frequency', 0.0078125),
    jsonb_build_object('column', 'born', 'kind', 'birth_date', 'levels', t.levels('{0.5,0.25,0.0625,0.0625,0.0625,0.0625}', '{0.00390625,0.015625,0.015625,0.0625,0.125,0.5}')),
    jsonb_build_object('column', 'vat', 'kind', 'tax_id', 'exclusive', true, 'levels', t.levels('{0.5,0.25,0.25}', '{0.0009765625,0.0078125,0.9375}')))) AS model;
CREATE TABLE t.person (id integer, given text, sur text, born date, zip integer, city text, vat text, source text);
INSERT INTO t.person VALUES
  (1, 'Ana', 'García', '1980-01-02', 28001, 'Madrid', '12345678Z', 'shop'),
  (2, 'ANA', 'Garcia', '1980-02-01', 28001, 'madrid', NULL, 'web'),
  (3, 'García', 'Ana', '1980-01-02', 28002, 'Madrid', NULL, 'web'),
  (4, 'Paco', 'Ruiz', '1970-05-06', 8001, 'Barcelona', NULL, 'shop'),
  (5, 'Francisco', 'Ruiz', '1970-05-06', 8001, 'n/a', '00000000T', 'web'),
  (6, 'Francisco', 'Ruis', '1970-05-06', NULL, 'Barcelna', '1R', 'shop'),
  (7, 'Ana', 'García', '1980-01-02', 28001, 'Madrid', '00000001R', 'web'),
  (8, 'Lucía', 'Ortega', '1999-09-09', 41001, 'Sevilla', '99999999R', 'shop');

-- The waterfall: dates swapped, a city that depends on the postcode, names that are frequent.
SELECT x.comparison, x.value_a, x.value_b, x.level, x.given, x.m, x.u, x.term_frequency AS tf, x.term_weight AS tw, x.weight, x.total, round(x.probability::numeric, 6) AS p
FROM t.model, t.person AS a, t.person AS b, omnicrm.match_explain(model, to_jsonb(a), to_jsonb(b)) AS x WHERE (a.id, b.id) = (1, 2);
-- Given name and surname exchanged: what stands in the given names says nothing then.
SELECT x.comparison, x.value_a, x.value_b, x.level, x.given, x.term_frequency AS tf, x.term_weight AS tw, x.weight, x.total
FROM t.model, t.person AS a, t.person AS b, omnicrm.match_explain(model, to_jsonb(a), to_jsonb(b)) AS x WHERE (a.id, b.id) = (1, 3);
-- A nickname, a placeholder, a tax number; then nothing that is known of both.
SELECT x.comparison, x.value_a, x.value_b, x.level, x.given, x.term_frequency AS tf, x.term_weight AS tw, x.weight, x.total
FROM t.model, t.person AS a, t.person AS b, omnicrm.match_explain(model, to_jsonb(a), to_jsonb(b)) AS x WHERE (a.id, b.id) = (4, 5);
SELECT x.comparison, x.level, x.weight, x.total FROM t.model, omnicrm.match_explain(model, '{}', '{"city": null, "more": [1]}') AS x;
-- In each explanation the weight is log2(m / u) with the frequency, and the total their sum.
SELECT count(*), count(*) FILTER (WHERE abs(x.weight - log(2, (x.m / x.u)::numeric) - coalesce(x.term_weight, 0)) > 0.0001) AS other_weights
FROM t.model, t.person AS a JOIN t.person AS b ON b.id > a.id, omnicrm.match_explain(model, to_jsonb(a), to_jsonb(b)) AS x;
-- The last total is the weight of match_pairs(), to the unit.
CREATE FUNCTION t.unlike(relation regclass, model jsonb) RETURNS TABLE (pairs bigint, unlike bigint) LANGUAGE plpgsql
AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    WITH pair AS MATERIALIZED (
      SELECT p.weight, to_jsonb(a) AS a, to_jsonb(b) AS b
      FROM omnicrm.match_pairs(%L, 'id', $1, '{"review": -90}') AS p JOIN %s AS a ON a.id::text = p.id_a JOIN %s AS b ON b.id::text = p.id_b)
    SELECT count(*), count(*) FILTER (WHERE (SELECT sum(x.weight) FROM omnicrm.match_explain($1, a, b) AS x) IS DISTINCT FROM weight)
    FROM pair$q$, relation, relation, relation) USING model;
END
$$;
SELECT u.* FROM t.model, t.unlike('t.person', model) AS u;
-- Also of a trained model, on records with every kind of error; ids are texts.
CREATE TABLE t.many AS
SELECT 'r' || g AS id,
       CASE WHEN g % 7 = 0 THEN n.sur ELSE n.given END AS given, CASE WHEN g % 7 = 0 THEN n.given WHEN g % 5 = 0 THEN overlay(n.sur placing 'x' from 3 for 1) ELSE n.sur END AS sur,
       CASE WHEN g % 3 <> 0 THEN date '1960-01-01' + (p * 37) END AS born, p % 50 + 28000 AS zip, CASE WHEN g % 4 = 0 THEN 'unknown' ELSE 'city ' || p % 50 END AS city,
       p % 9 + 0.50 AS size, p % 2 = 0 AS member
FROM generate_series(1, 400) AS g, LATERAL (SELECT g % 150 AS p) AS q,
     LATERAL (SELECT (ARRAY['Ana', 'José María', 'Francisco', 'Paco', 'Zoë', '小明', 'J.', 'Μαρία'])[1 + p % 8] AS given,
                     (ARRAY['García López', 'Ruiz', 'Müller', 'O''Neill', 'de la Fuente', '王', 'Ana'])[1 + p % 7] AS sur) AS n;
SELECT u.pairs > 500 AS many, u.unlike
FROM omnicrm.match_train('t.many', 'id', '{"given": "given_name", "sur": "surname", "born": "birth_date", "zip": "postcode", "city": "city", "size": "number", "member": "category"}') AS m,
     t.unlike('t.many', m) AS u;
-- Two records weigh the same either way.
SELECT count(*) AS pairs, count(*) FILTER (WHERE one.weight <> other.weight) AS unlike
FROM omnicrm.match_train('t.many', 'id', '{"given": "given_name", "sur": "surname", "born": "birth_date", "zip": "postcode", "city": "city", "size": "number"}') AS m,
     t.many AS a JOIN t.many AS b ON b.id > a.id AND hashtext(a.id || b.id) % 40 = 0,
     LATERAL (SELECT sum(weight) AS weight FROM omnicrm.match_explain(m, to_jsonb(a), to_jsonb(b))) AS one,
     LATERAL (SELECT sum(weight) AS weight FROM omnicrm.match_explain(m, to_jsonb(b), to_jsonb(a))) AS other;

-- What is no record, no model, or no value; nothing fails because of a value.
SELECT * FROM t.model, omnicrm.match_explain(model, '[1]', '{}');
SELECT * FROM t.model, omnicrm.match_explain(model, '{}', '"x"');
SELECT * FROM t.model, omnicrm.match_explain(model, '{}', '{"Given": "Ana"}');
SELECT * FROM omnicrm.match_explain('{}', '{}', '{}');
SELECT count(*) FROM t.model, omnicrm.match_explain(model, NULL, '{}');
SELECT count(*), count(value_a) AS a, count(value_b) AS b
FROM t.model, omnicrm.match_explain(model, jsonb_build_object('given', repeat('x', 1000000), 'sur', '{"a": [1, {"b": "\\u0001"}]}'::jsonb, 'born', true, 'zip', 1e300, 'vat', '‮​', 'city', repeat(' ', 3000)),
  jsonb_build_object('given', repeat('ż', 1000), 'sur', repeat('😀', 100), 'born', '0000-00-00', 'zip', -0.0, 'vat', 'ß', 'city', '𝕏'));

-- How a cluster came about: by one of its ids, by its cluster id.
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '5') AS h;
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '3') AS h;
SELECT count(*) FROM t.model, omnicrm.match_how('t.person', 'id', model, '8');
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '99') AS h;
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '1; DROP TABLE t.person') AS h;
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '') AS h;
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '1', '{"wrong": 1}') AS h;
-- Decisions of people have no weight.
CREATE TABLE t.decision (id_a integer, id_b integer, same boolean);
INSERT INTO t.decision VALUES (4, 8, true), (1, 2, false);
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '8', '{"decisions": "t.decision"}') AS h;
-- Text ids: the id of a record, or the number of the cluster.
CREATE TABLE t.named AS SELECT 'p' || id AS id, given, sur, born, zip, city, vat FROM t.person;
SELECT h.* FROM t.model, omnicrm.match_how('t.named', 'id', model, 'p6') AS h;
SELECT count(*) FROM t.model, omnicrm.match_clusters('t.named', 'id', model) AS c, omnicrm.match_how('t.named', 'id', model, c.cluster_id::text) AS h WHERE c.id = 'p6';
-- Every cluster: one merge less than records, the last merge has them all, the weakest is that of match_clusters().
SELECT bool_and(h.steps = c.records - 1 AND h.records = c.records AND h.weakest = c.weakest AND h.marked = 1)
FROM t.model, omnicrm.match_clusters('t.person', 'id', model) AS c,
     LATERAL (SELECT count(*) AS steps, max(records) AS records, min(weight) AS weakest, count(*) FILTER (WHERE weakest) AS marked
              FROM omnicrm.match_how('t.person', 'id', model, c.id)) AS h WHERE c.records > 1;

-- How sound clusters are, and the same from all pairs of match_explain().
SELECT q.cluster_id, q.records, q.density, round(q.mean::numeric, 4) AS mean, q.lowest, q.lowest_a, q.lowest_b, round(q.weakest::numeric, 4) AS weakest
FROM t.model, omnicrm.match_quality('t.person', 'id', model) AS q;
WITH member AS (
  SELECT c.cluster_id, p.id, to_jsonb(p) AS r FROM t.model, omnicrm.match_clusters('t.person', 'id', model) AS c JOIN t.person AS p ON p.id::text = c.id
), pair AS (
  SELECT a.cluster_id, (SELECT sum(x.weight) FROM omnicrm.match_explain(model, a.r, b.r) AS x) AS weight
  FROM t.model, member AS a JOIN member AS b ON b.cluster_id = a.cluster_id AND b.id > a.id
)
SELECT cluster_id, count(*) AS pairs, avg((weight >= 0)::integer) AS density, round(avg(weight)::numeric, 4) AS mean, min(weight) AS lowest FROM pair GROUP BY cluster_id ORDER BY cluster_id;
SELECT q.cluster_id, q.records, q.weakest FROM t.model, omnicrm.match_quality('t.person', 'id', model, '{"decisions": "t.decision", "threshold": 60}') AS q;

-- Why not: an exclusive value, of the records and of their clusters.
CREATE TABLE t.why AS SELECT id, given, sur, born, zip, city, CASE id WHEN 1 THEN '87654321X' ELSE vat END AS vat, source FROM t.person;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.why', 'id', model, '7', '1') AS w;
SELECT c.id, c.cluster_id FROM t.model, omnicrm.match_clusters('t.why', 'id', model) AS c WHERE c.cluster_id < 8;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.why', 'id', model, '2', '1') AS w WHERE w.step IN ('exclusive value', 'cluster', 'conclusion');
-- Dropped keys; a decision; a source; together; too little weight; no key; ids that are not there.
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '4', '5', '{"max_block": 2, "threshold": 20}') AS w;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '1', '2', '{"decisions": "t.decision"}') AS w WHERE w.step NOT IN ('key', 'missing value');
INSERT INTO t.decision VALUES (2, 7, false);
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '1', '2', '{"decisions": "t.decision"}') AS w WHERE w.step NOT IN ('key', 'missing value');
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '2', '3', '{"source": "source", "one_per_source": true}') AS w WHERE w.step NOT IN ('key', 'missing value');
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '4', '5') AS w WHERE w.step NOT IN ('key', 'missing value');
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '7', '3', '{"threshold": 2.25}') AS w WHERE w.step NOT IN ('key', 'missing value');
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '1', '8') AS w;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, 'x', '99') AS w;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '3', '3') AS w;
CREATE TABLE t.unmet AS SELECT 1 AS id, 'Ana' AS given, 'Ruiz' AS sur, NULL::date AS born, 1 AS zip, NULL AS city, NULL AS vat
UNION ALL SELECT 2, 'Ana', 'Ruiz', NULL, 2, NULL, NULL UNION ALL SELECT g, 'Ana', 'Ruiz', '1950-01-01'::date + g * 400, g, NULL, NULL FROM generate_series(3, 20) AS g;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.unmet', 'id', model, '1', '2', '{"max_block": 5, "threshold": -7}') AS w;

-- Very many equal records: one stands for all.
CREATE TABLE t.crowd AS SELECT * FROM t.person WHERE id IN (4, 6)
UNION ALL SELECT 100 + g, 'Paco', 'Ruiz', '1970-05-06', 8001, 'Barcelona', NULL, 'web' FROM generate_series(1, 60000) AS g;
SELECT h.* FROM t.model, omnicrm.match_how('t.crowd', 'id', model, '777') AS h WHERE h.step < 3 OR h.records > 60000 ORDER BY h.step;
SELECT q.cluster_id, q.records, round(q.density::numeric, 6) AS density, round(q.mean::numeric, 4) AS mean, q.lowest, q.lowest_a, q.lowest_b, q.weakest
FROM t.model, omnicrm.match_quality('t.crowd', 'id', model) AS q;
SELECT q.cluster_id, q.records, q.density, q.mean, q.lowest, q.lowest_a, q.lowest_b, q.weakest
FROM t.model, omnicrm.match_quality('t.crowd', 'id', model, '{"threshold": 5}') AS q;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.crowd', 'id', model, '5000', '777') AS w;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.crowd', 'id', model, '5000', '6', '{"threshold": 5}') AS w;

-- Nothing, one row, no id, unknown columns.
CREATE TABLE t.empty AS SELECT * FROM t.person LIMIT 0;
SELECT count(*) FROM t.model, omnicrm.match_quality('t.empty', 'id', model);
SELECT * FROM t.model, omnicrm.match_how('t.empty', 'id', model, '1');
SELECT * FROM t.model, omnicrm.match_quality('t.person', 'nothing', model);
SELECT * FROM t.model, omnicrm.match_quality('t.empty', 'id', '{"omnicrm_model": 7}');

-- Row-level security: a caller explains what he or she may see.
CREATE ROLE regress_omnicrm_explainer;
GRANT regress_omnicrm_explainer TO CURRENT_USER;
GRANT USAGE ON SCHEMA t TO regress_omnicrm_explainer;
GRANT SELECT ON t.person, t.model TO regress_omnicrm_explainer;
ALTER TABLE t.person ENABLE ROW LEVEL SECURITY;
CREATE POLICY web ON t.person FOR SELECT TO regress_omnicrm_explainer USING (id <> 4);
SET ROLE regress_omnicrm_explainer;
SELECT h.id_a, h.id_b, h.records FROM t.model, omnicrm.match_how('t.person', 'id', model, '5') AS h;
SELECT h.* FROM t.model, omnicrm.match_how('t.person', 'id', model, '4') AS h;
SELECT w.* FROM t.model, omnicrm.match_why_not('t.person', 'id', model, '4', '5') AS w;
SELECT q.cluster_id, q.records FROM t.model, omnicrm.match_quality('t.person', 'id', model) AS q;
SELECT * FROM t.model, omnicrm.match_quality('t.named', 'id', model);
RESET ROLE;

DROP SCHEMA t CASCADE;
DROP OWNED BY regress_omnicrm_explainer;
DROP ROLE regress_omnicrm_explainer;
