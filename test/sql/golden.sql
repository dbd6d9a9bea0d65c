-- survive(): which value survives, from which record, by which rule.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE SCHEMA t;
-- A plan of one rule for each value and numbers of groups; 0 is none.
CREATE FUNCTION t.plan(rules text[], groups integer[] DEFAULT NULL) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object('rule', r.rule, 'group', NULLIF(r.number, 0)::text)) ORDER BY r.n)
  FROM unnest(rules, groups) WITH ORDINALITY AS r(rule, number, n)
$$;
CREATE TABLE t.record (id bigint, source bigint, trust double precision, at timestamptz, quality text, vals text[]);
-- One attribute under a rule.
CREATE FUNCTION t.one(rule text, OUT value text, OUT record bigint, OUT by text, OUT candidates integer) LANGUAGE sql AS $$
  SELECT (s).vals[1], (s).record_ids[1], (s).rules[1], (s).candidates[1]
  FROM (SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, jsonb_build_array(rule), NULL) AS s FROM t.record) AS x
$$;
CREATE FUNCTION t.all_rules() RETURNS TABLE (rule text, value text, record bigint, by text, candidates integer) LANGUAGE sql AS $$
  SELECT r.rule, o.* FROM unnest('{trust,recent,oldest,frequent,longest,shortest,valid}'::text[]) WITH ORDINALITY AS r(rule, n)
  CROSS JOIN LATERAL t.one(r.rule) AS o ORDER BY r.n
$$;

-- Nothing, one record, one without a value.
SELECT * FROM t.one('trust');
INSERT INTO t.record VALUES (1, 1, 50, '2020-01-01', '6', '{a}');
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust}'), NULL) FROM t.record;
INSERT INTO t.record VALUES (2, 1, 90, '2024-01-01', '0', '{rejected}'), (3, 2, 95, '2024-01-01', '9', '{NULL}'), (4, 2, 95, '2024-01-01', '9', '{""}');
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust}'), NULL) FROM t.record;

-- Each rule, and its ties: trust, business date (null last), record id.
TRUNCATE t.record;
INSERT INTO t.record VALUES
  (1, 1, 50, '2020-01-01', '6', '{middle}'), (2, 2, 90, '2019-01-01', '6', '{trusted}'), (3, 3, 40, '2024-01-01', '6', '{new}'),
  (4, 4, 30, '2010-01-01', '6', '{old}'), (5, 5, 20, NULL, '6', '{often}'), (6, 6, 20, NULL, '6', '{often}'), (7, 7, 10, NULL, '9', '{valid}'),
  (8, 8, 10, NULL, '6', '{the longest one}'), (9, 9, 10, NULL, '6', '{s}');
SELECT * FROM t.all_rules();
-- Most frequent counts sources before records.
INSERT INTO t.record SELECT g, 5, 5, NULL, '6', '{loud}' FROM generate_series(10, 15) AS g;
SELECT * FROM t.one('frequent');
-- Length is in characters.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 1, NULL, NULL, '{ññññ}'), (2, 1, 2, NULL, NULL, '{abcde}');
SELECT * FROM t.one('longest');
-- Ties.
TRUNCATE t.record;
INSERT INTO t.record VALUES (3, 1, 50, '2020-01-01', '6', '{c}'), (2, 1, 50, '2020-01-01', '6', '{b}'), (1, 1, 50, NULL, '6', '{a}'), (4, 1, 40, '2020-01-01', '6', '{d}');
SELECT * FROM t.all_rules();

-- Plausible before implausible under every rule; nothing survives a 0; an
-- implausible value is better than none.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 10, '2015-01-01', '6', '{1986-05-08}'), (2, 2, 99, '2020-01-01', '3', '{2018-05-08}'), (3, 3, 99, '2024-01-01', '0', '{2030-01-01}');
SELECT * FROM t.all_rules();
DELETE FROM t.record WHERE id = 1;
SELECT * FROM t.one('trust');
INSERT INTO t.record VALUES (5, 1, 1, NULL, '', '{short quality counts as 6}');
SELECT * FROM t.one('trust');

-- A group survives as a unit: no street of one address in the town of another.
TRUNCATE t.record;
INSERT INTO t.record VALUES
  (1, 1, 90, '2020-01-01', '666', '{Calle Mayor 1,28001,Madrid}'),
  (2, 2, 50, '2024-01-01', '666', '{Gran Vía 5,48001,Bilbao}'),
  (3, 3, 99, '2025-01-01', '000', '{x,y,z}');
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{recent,recent,recent}', '{1,1,1}'), NULL) FROM t.record;
-- Newer, but only a town, which the second address contains: the second, whole.
INSERT INTO t.record VALUES (4, 4, 10, '2026-01-01', '666', '{NULL,NULL,Bilbao}');
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{recent,recent,recent}', '{1,1,1}'), NULL) FROM t.record;
-- Newest, and elsewhere: nothing is mixed.
INSERT INTO t.record VALUES (5, 4, 10, '2027-01-01', '666', '{NULL,NULL,Sevilla}');
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{recent,recent,recent}', '{1,1,1}'), NULL) FROM t.record;
-- Without groups each attribute goes its own way.
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust,recent,oldest}', '{0,NULL,0}'), NULL) FROM t.record;
-- One implausible member makes the unit implausible.
UPDATE t.record SET quality = '663' WHERE id = 5;
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{recent,recent,recent}', '{7,7,7}'), NULL) FROM t.record;
-- Equal trust: the fuller name.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 50, '2024-01-01', NULL, '{Ana,NULL}'), (2, 2, 50, '2020-01-01', NULL, '{Ana,Gil}');
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust,trust}', '{1,1}'), NULL) FROM t.record;

-- Hostile input.
SELECT omnicrm.survive(NULL, 1, 1, NULL, NULL, '{a}', NULL, '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, NULL, NULL, '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', NULL, NULL, NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a,b}', NULL, '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{}', NULL, '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{}', NULL, '[]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{{a},{b}}', NULL, '["trust", "trust"]', NULL);
SELECT omnicrm.survive(1, 1, 'NaN', NULL, NULL, '{a}', NULL, '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, '6x', '{a}', NULL, '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', '[1]', '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', '"b"', '["trust"]', NULL);
SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', NULL, to_jsonb(array_fill('trust'::text, ARRAY[300])), NULL);
SELECT omnicrm.survive(g, 1, 1, NULL, NULL, '{a}', NULL, jsonb_build_array(CASE g WHEN 1 THEN 'trust' ELSE 'recent' END), NULL) FROM generate_series(1, 2) AS g;
SELECT omnicrm.survive(g, 1, 1, NULL, NULL, '{a}', NULL, '["trust"]', CASE g WHEN 1 THEN timestamptz '2026-01-01' END) FROM generate_series(1, 2) AS g;
SELECT omnicrm.survive(g, 1, 1, NULL, NULL, ARRAY['a' || g % 100], NULL, jsonb_build_array(jsonb_build_object('name', 'a' || g % 100)), NULL)
FROM generate_series(1, 100) AS g GROUP BY g % 100;
SELECT omnicrm.survive(g, NULL, g * 'infinity'::double precision, CASE WHEN g > 0 THEN timestamptz 'infinity' ELSE '-infinity' END, '6', ARRAY['v' || g], NULL, '["trust"]', NULL)
FROM (VALUES (1), (-1)) AS v(g);

-- Any order of rows, parallel halves, window frames.
TRUNCATE t.record;
INSERT INTO t.record
SELECT g, (g * 31 / 700) % 5, (g * 7919) % 5 * 10, CASE WHEN g % 3 > 0 THEN timestamptz '2020-01-01' + (g * 104729) % 400 * interval '1 day' END,
       translate(((g * 48271::bigint) % 999999999 + 100000000)::text, '12457', '03639'),
       ARRAY['n' || g % 3, NULLIF('g' || g % 5, 'g4'), 's' || g % 2, 'a' || g % 7, 'b' || g % 11, NULLIF('c' || g % 2, 'c1'), 'd' || g % 13, 'e' || (g / 7) % 4, 'f' || g % 6]
FROM generate_series(1, 3000) AS g;
CREATE VIEW t.found AS
SELECT id % 700 AS customer,
       omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust,trust,trust,recent,oldest,frequent,longest,shortest,valid}', '{1,1,1,0,0,2,3,4,0}'), NULL
                       ORDER BY id) AS s
FROM t.record GROUP BY id % 700;
CREATE TABLE t.answer AS SELECT customer, s::text AS answer FROM t.found;
SELECT count(*) AS customers, count(*) FILTER (WHERE b.s::text <> a.answer) AS different
FROM t.answer AS a
JOIN (SELECT id % 700 AS customer,
             omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust,trust,trust,recent,oldest,frequent,longest,shortest,valid}', '{1,1,1,0,0,2,3,4,0}'), NULL
                             ORDER BY hashint8(id)) AS s
      FROM t.record GROUP BY id % 700) AS b USING (customer);
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
SET enable_gathermerge = off; SET enable_sort = off;
ALTER TABLE t.record SET (parallel_workers = 2);
CREATE VIEW t.parallel AS
SELECT id % 700 AS customer,
       omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust,trust,trust,recent,oldest,frequent,longest,shortest,valid}', '{1,1,1,0,0,2,3,4,0}'), NULL) AS s
FROM t.record GROUP BY id % 700;
CREATE VIEW t.whole AS
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL, t.plan('{trust,trust,trust,recent,oldest,frequent,longest,shortest,valid}', '{1,1,1,0,0,2,3,4,0}'), NULL) AS s FROM t.record;
EXPLAIN (COSTS OFF) SELECT s FROM t.whole;
SELECT s AS parallel_answer FROM t.whole \gset
SELECT count(*) FILTER (WHERE p.s::text <> a.answer) AS different FROM t.parallel AS p JOIN t.answer AS a USING (customer);
RESET enable_gathermerge; RESET enable_sort; RESET parallel_setup_cost; RESET parallel_tuple_cost;
SET max_parallel_workers_per_gather = 0;
SELECT s::text = :'parallel_answer' AS same FROM t.whole;
SELECT (omnicrm.survive(g, 1, g % 3, NULL, NULL, ARRAY['v' || g], NULL, '["trust"]', NULL) OVER (ORDER BY g ROWS 1 PRECEDING)).vals FROM generate_series(1, 4) AS g;

-- Against plain SQL, attribute by attribute.
WITH long AS (
  SELECT r.id % 700 AS customer, r.id, r.source, r.trust, r.at, x.n, x.value, substr(r.quality, x.n::integer, 1)::integer AS q
  FROM t.record AS r CROSS JOIN LATERAL unnest(r.vals) WITH ORDINALITY AS x(value, n)
  WHERE x.value IS NOT NULL AND substr(r.quality, x.n::integer, 1) <> '0'),
top AS (SELECT l.*, max((q >= 6)::integer) OVER (PARTITION BY customer, n) AS best FROM long AS l),
counted AS (SELECT t.customer, t.n, t.value, count(DISTINCT t.source) AS sources, count(*) AS records FROM top AS t WHERE (q >= 6)::integer = best GROUP BY 1, 2, 3),
plain AS (
  SELECT DISTINCT ON (t.customer, t.n) t.customer, t.n, t.value, t.id
  FROM top AS t JOIN counted AS c USING (customer, n, value)
  WHERE (q >= 6)::integer = best AND t.n IN (4, 5, 6, 7, 8, 9)
  ORDER BY t.customer, t.n,
           CASE WHEN t.n = 4 THEN t.at END DESC NULLS LAST, CASE WHEN t.n = 5 THEN t.at END NULLS LAST,
           CASE WHEN t.n = 6 THEN c.sources END DESC, CASE WHEN t.n = 6 THEN c.records END DESC,
           CASE WHEN t.n = 7 THEN length(t.value) END DESC, CASE WHEN t.n = 8 THEN length(t.value) END, CASE WHEN t.n = 9 THEN t.q END DESC,
           t.trust DESC, t.at DESC NULLS LAST, t.id)
SELECT count(*) AS compared, count(*) FILTER (WHERE (f.s).vals[p.n] IS DISTINCT FROM p.value OR (f.s).record_ids[p.n] IS DISTINCT FROM p.id) AS different
FROM plain AS p JOIN t.found AS f USING (customer);
-- Members of a group come from one record.
SELECT count(*) AS mixed FROM t.found AS f
WHERE (SELECT count(DISTINCT r) FROM unnest((f.s).record_ids[1:3]) AS r WHERE r IS NOT NULL) > 1;
SELECT sum((s).record_count) AS records, min((s).source_count) AS least, max((s).source_count) AS most FROM t.found;

-- What a row was before it changed: columns of the same name and type, whatever else there is.
CREATE TABLE t.old (id integer, name text, born date, tags text[], more jsonb, amount numeric, gone text, other integer);
CREATE TABLE t.new (amount numeric, more jsonb, tags text[], name text, id integer, born date, other bigint, added text);
INSERT INTO t.old VALUES (1, 'Ana', '1980-02-02', '{a,b}', '{"a": 1}', 1.0, 'x', 1), (2, NULL, NULL, NULL, NULL, NULL, 'x', 2), (3, 'Eva', '1980-02-02', '{}', '[]', 'NaN', NULL, 3), (4, repeat('x', 3000), NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO t.new VALUES (1.00, '{"a": 1.0}', '{a,b}', 'Ana', 1, '1980-02-02', 7, 'y'), (5, '{}', '{}', '', 2, '2000-01-01', NULL, NULL), (NULL, NULL, NULL, NULL, 3, NULL, NULL, NULL), (NULL, NULL, NULL, repeat('x', 2999), 4, NULL, NULL, NULL);
SELECT o.id, left(omnicrm.row_changes(o, n)::text, 120) AS changes FROM t.old AS o JOIN t.new AS n USING (id) ORDER BY 1;
ALTER TABLE t.old DROP COLUMN name, DROP COLUMN born;
ALTER TABLE t.new DROP COLUMN tags;
SELECT o.id, omnicrm.row_changes(o, n) AS changes FROM t.old AS o JOIN t.new AS n USING (id) ORDER BY 1;
SELECT omnicrm.row_changes(o, x) AS with_a_subquery, omnicrm.row_changes(ROW(1, 2), x) AS no_name_in_common, omnicrm.row_changes(NULL, x) AS none
FROM t.old AS o CROSS JOIN (SELECT 9 AS id, 'x'::text AS gone) AS x WHERE o.id = 1;
-- Another type of row in each call.
SELECT r.n, omnicrm.row_changes(r.a, r.b) FROM (SELECT 1 AS n, o AS a, n AS b FROM t.old AS o JOIN t.new AS n USING (id) UNION ALL SELECT 2, NULL, NULL) AS r ORDER BY 1, 2;
CREATE TABLE t.shape (place point);
INSERT INTO t.shape VALUES ('(1,2)');
SELECT omnicrm.row_changes(a, b) FROM t.shape AS a CROSS JOIN t.shape AS b;
DROP SCHEMA t CASCADE;
