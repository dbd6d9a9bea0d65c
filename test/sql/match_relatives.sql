-- People of one household share surname, address, postcode, city and telephone, and
-- are not one person: the engine learns of such relatives and takes off what they
-- have in common; companies of one office building likewise.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;
CREATE FUNCTION t.hash(text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5($1), 1, 8))::bit(32)::integer & 2147483647 $$;
CREATE FUNCTION t.name(h integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT initcap(g[1 + h % 20] || g[1 + h / 20 % 20] || g[1 + h / 400 % 20])
  FROM (SELECT ARRAY['an', 'ber', 'ca', 'do', 'el', 'fri', 'ga', 'ho', 'is', 'ju', 'ka', 'lo', 'mar', 'ne', 'ol', 'per', 'qui', 'ros', 'sa', 'tu']) AS a(g)
$$;
CREATE FUNCTION t.wrong(word text, h integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT overlay(word PLACING chr(97 + h % 26) FROM 1 + h % length(word) FOR h / 7 % 2)
$$;

-- 500 households of one to four people, each person in one to three records.
CREATE TABLE t.people AS
WITH person AS (
  SELECT h * 10 + m AS p, t.name(t.hash('g' || h || '-' || m)) AS given, t.name(t.hash('s' || h)) AS surname,
         (date '1940-01-01' + t.hash('b' || h || '-' || m) % 27000)::text AS born, 'u' || h || m || '@buzon.es' AS email,
         '9' || lpad((t.hash('t' || h || CASE WHEN m % 2 = 0 THEN '' ELSE '-' || m END) % 100000000)::text, 8, '0') AS phone,
         'Calle ' || t.name(t.hash('c' || h)) || ' ' || 1 + h % 90 AS street, lpad((1000 + t.hash('z' || h) % 50000)::text, 5, '0') AS postcode,
         t.name(t.hash('y' || h) % 100) AS city
  FROM generate_series(1, 500) AS h, generate_series(1, 4) AS m WHERE m <= 1 + t.hash('n' || h) % 4
), copy AS (
  SELECT person.*, c, t.hash(p || 'x' || c) AS r FROM person, generate_series(1, 3) AS c WHERE c <= 1 + t.hash('k' || p) % 3
)
SELECT (row_number() OVER (ORDER BY md5(p || ' ' || c)))::integer AS id, p AS person,
       CASE WHEN r % 9 = 0 THEN t.wrong(given, r) WHEN r % 31 = 1 THEN NULL ELSE given END AS given,
       CASE WHEN r % 8 = 1 THEN t.wrong(surname, r / 3) ELSE surname END AS surname, CASE WHEN r % 7 = 0 THEN NULL ELSE born END AS born,
       CASE WHEN r % 3 = 0 THEN email END AS email, CASE WHEN r % 4 = 0 THEN NULL ELSE phone END AS phone,
       CASE WHEN r % 10 = 2 THEN t.wrong(street, r / 5) ELSE street END AS street, postcode, CASE WHEN r % 11 = 3 THEN NULL ELSE city END AS city
FROM copy;
CREATE VIEW t.truth AS SELECT id, person AS cluster_id FROM t.people;
CREATE FUNCTION t.judge(fields jsonb) RETURNS TABLE (precise boolean, complete boolean) LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMPORARY TABLE found AS SELECT * FROM omnicrm.resolve_entities('t.people', 'id', fields);
  RETURN QUERY SELECT e.precision > 0.97, e.recall > 0.93 FROM omnicrm.match_evaluate('pg_temp.found', 't.truth') AS e;
  DROP TABLE pg_temp.found;
END $$;
\set fields '{"given": "given_name", "surname": "surname", "born": "birth_date", "email": "email", "phone": "phone", "street": "address", "postcode": "postcode", "city": "city"}'
SELECT * FROM t.judge(:'fields');
SELECT * FROM t.judge(:'fields'::jsonb - 'born');

-- What it learnt: relatives share the house and not the birthday; the shares of each
-- comparison sum to one.
CREATE TABLE t.model AS SELECT omnicrm.match_train('t.people', 'id', :'fields') AS model;
SELECT (model ->> 'relatives')::numeric BETWEEN 0.0001 AND 0.01 AS some FROM t.model;
SELECT c ->> 'column' AS "column", (c #>> '{levels,0,relatives}')::numeric > 0.5 AS shared,
       abs((SELECT sum((l ->> 'relatives')::numeric) FROM jsonb_array_elements(c -> 'levels') AS l) - 1) < 0.000001 AS whole
FROM t.model, jsonb_array_elements(model -> 'comparisons') WITH ORDINALITY AS c(c, n) ORDER BY n;

-- The last row of an explanation says what is taken off, and ends at the weight of
-- the pair: sisters, and one person twice.
CREATE FUNCTION t.explain(a jsonb, b jsonb) RETURNS TABLE (off boolean, sum_is_total boolean, alike boolean) LANGUAGE sql AS $$
  SELECT (array_agg(e.weight))[count(*)] < 0, abs(sum(e.weight) - (array_agg(e.total))[count(*)]) < 0.0001, (array_agg(e.total))[count(*)] > 0
  FROM t.model AS m, omnicrm.match_explain(m.model, a, b) AS e
$$;
\set one '{"given": "Marga", "surname": "Belinda", "born": "1980-03-04", "phone": "911223344", "street": "Calle Torneo 7", "postcode": "28004", "city": "Saper"}'
SELECT 'sisters' AS pair, x.* FROM t.explain(:'one', :'one'::jsonb || '{"given": "Elisa", "born": "1983-11-21"}') AS x
UNION ALL SELECT 'one', x.* FROM t.explain(:'one', :'one'::jsonb || '{"street": "Calle Tornoe 7"}') AS x
UNION ALL SELECT 'strangers', x.* FROM t.explain(:'one', '{"given": "Otto", "surname": "Quirino", "born": "1950-01-02"}') AS x;
SELECT count(*) AS differ
FROM t.model AS m CROSS JOIN LATERAL (SELECT * FROM omnicrm.match_pairs('t.people', 'id', m.model) AS p ORDER BY md5(p.id_a || p.id_b) LIMIT 60) AS p
JOIN t.people AS a ON a.id::text = p.id_a JOIN t.people AS b ON b.id::text = p.id_b
CROSS JOIN LATERAL (SELECT (array_agg(e.total))[count(*)] AS total FROM omnicrm.match_explain(m.model, to_jsonb(a), to_jsonb(b)) AS e) AS e
WHERE p.weight <> e.total;

-- The same for any order of rows, any number of workers.
CREATE TABLE t.turned AS SELECT * FROM t.people ORDER BY md5(id::text);
SET parallel_setup_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT count(DISTINCT model) AS models
FROM (SELECT model FROM t.model UNION ALL SELECT omnicrm.match_train('t.turned', 'id', :'fields')
      UNION ALL SELECT omnicrm.match_train('t.people', 'id', :'fields', jsonb_build_object('review', -6))) AS m;

-- Without households there are none, nor without anything that tells a family apart.
CREATE TABLE t.single AS SELECT DISTINCT ON (person / 10, person % 10 = 1) * FROM t.people WHERE person % 10 = 1 ORDER BY person / 10, person % 10 = 1, id;
INSERT INTO t.single SELECT id + 100000, person, t.wrong(given, id), surname, born, email, phone, street, postcode, city FROM t.single WHERE given IS NOT NULL;
SELECT omnicrm.match_train('t.single', 'id', :'fields') ? 'relatives' AS of_singles,
       omnicrm.match_train('t.people', 'id', :'fields'::jsonb - 'given' - 'born') ? 'relatives' AS untold;

-- Edited: without them, with half of them, with nonsense.
SELECT count(*) > 0 AS works FROM t.model AS m, omnicrm.match_pairs('t.people', 'id', m.model - 'relatives');
SELECT count(*) FROM t.model AS m, omnicrm.match_pairs('t.people', 'id', m.model #- '{comparisons,0,levels,0,relatives}');
SELECT count(*) FROM t.model AS m, omnicrm.match_pairs('t.people', 'id', jsonb_set(m.model, '{relatives}', '2'));
DROP SCHEMA t CASCADE;
