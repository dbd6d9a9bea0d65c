-- What the matching engine promises of any table: the same for any order of rows,
-- any memory, any number of workers; what a cluster may and may not hold.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;

-- 1,000 people of whom each came one to five times, with errors: a letter wrong,
-- names in each other's column, day and month swapped, values missing.
CREATE FUNCTION t.hash(text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5($1), 1, 8))::bit(32)::integer & 2147483647 $$;
CREATE FUNCTION t.name(h integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT initcap(g[1 + h % 20] || g[1 + h / 20 % 20] || g[1 + h / 400 % 20] || g[1 + h / 8000 % (h % 5 + 1)])
  FROM (SELECT ARRAY['an', 'ber', 'ca', 'do', 'el', 'fri', 'ga', 'ho', 'is', 'ju', 'ka', 'lo', 'mar', 'ne', 'ol', 'per', 'qui', 'ros', 'sa', 'tu']) AS a(g)
$$;
CREATE FUNCTION t.wrong(word text, h integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT overlay(word PLACING chr(97 + h % 26) FROM 1 + h % length(word) FOR h / 7 % 2)
$$;
CREATE TABLE t.people AS
WITH person AS (
  SELECT p, t.name(t.hash('g' || p % 150)) AS given, t.name(t.hash('s' || p % 400)) AS surname, date '1930-01-01' + t.hash('b' || p) % 27000 AS birth,
         'u' || t.hash('e' || p) % 10000000 || '@buzon.es' AS email, '6' || lpad((t.hash('t' || p) % 100000000)::text, 8, '0') AS phone,
         (ARRAY['Lugo', 'Soria', 'Teruel', 'Cuenca', 'Huesca', 'Zamora', 'Ávila', 'Jaén'])[1 + t.hash('c' || p) % 8] AS city
  FROM generate_series(1, 1000) AS p
), copy AS (
  SELECT person.*, c, t.hash(p || 'x' || c) AS h
  FROM person, generate_series(1, 5) AS c WHERE c <= 1 + t.hash('n' || p) % 5
)
SELECT (row_number() OVER (ORDER BY md5(p || ' ' || c)))::integer AS id, p AS person,
       CASE WHEN h % 29 = 0 THEN surname WHEN h % 7 = 0 THEN t.wrong(given, h) WHEN h % 31 = 1 THEN NULL ELSE given END AS given,
       CASE WHEN h % 29 = 0 THEN given WHEN h % 6 = 1 THEN t.wrong(surname, h / 3) ELSE surname END AS surname,
       CASE WHEN h % 11 = 0 THEN NULL WHEN h % 13 = 0 THEN to_char(birth, 'YYYY-DD-MM') ELSE birth::text END AS birth,
       CASE WHEN h % 3 = 0 THEN email WHEN h % 3 = 1 THEN NULL ELSE t.wrong(email, h / 5) END AS email,
       CASE WHEN h % 4 = 0 THEN NULL WHEN h % 17 = 0 THEN t.wrong(phone, h / 11) ELSE phone END AS phone,
       CASE WHEN h % 9 = 0 THEN NULL ELSE city END AS city,
       (ARRAY['web', 'shop', 'app'])[1 + h % 3] AS source
FROM copy;
SELECT count(*), count(DISTINCT person) FROM t.people;
\set fields '{"given": "given_name", "surname": "surname", "birth": "birth_date", "email": "email", "phone": "phone", "city": "city"}'

-- The model and the clusters of the table as it lies.
CREATE TABLE t.model AS SELECT omnicrm.match_train('t.people', 'id', :'fields') AS model;
CREATE TABLE t.found AS SELECT c.* FROM t.model AS m, omnicrm.match_clusters('t.people', 'id', m.model) AS c;
CREATE TABLE t.pairs AS SELECT p.* FROM t.model AS m, omnicrm.match_pairs('t.people', 'id', m.model) AS p;
CREATE VIEW t.truth AS SELECT id, person AS cluster_id FROM t.people;
-- It is a task that can be solved, and is.
SELECT e.f1 > 0.97 AS f1, e.b_cubed_f1 > 0.97 AS b_cubed FROM omnicrm.match_evaluate('t.found', 't.truth') AS e;

-- Differences of a run on another relation, with another setting.
CREATE FUNCTION t.differences(relation regclass, fields jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT concat_ws(' ',
    CASE WHEN t.model IS DISTINCT FROM m.model THEN 'model' END,
    CASE WHEN EXISTS (SELECT FROM t.found AS f FULL JOIN omnicrm.match_clusters(relation, 'id', t.model) AS c USING (id)
                      WHERE (f.cluster_id, f.records, f.weakest) IS DISTINCT FROM (c.cluster_id, c.records, c.weakest)) THEN 'clusters' END)
  FROM t.model AS m, omnicrm.match_train(relation, 'id', fields) AS t(model)
$$;
CREATE FUNCTION t.pair_differences(relation regclass) RETURNS bigint LANGUAGE sql AS $$
  SELECT count(*) FROM t.pairs AS f FULL JOIN (SELECT p.* FROM t.model AS m, omnicrm.match_pairs(relation, 'id', m.model) AS p) AS p USING (id_a, id_b)
  WHERE (f.weight, f.probability, f.pattern) IS DISTINCT FROM (p.weight, p.probability, p.pattern)
$$;

-- 20 orders of rows.
CREATE TABLE t.shuffled (LIKE t.people);
CREATE FUNCTION t.shuffle(seed integer, fields jsonb) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE t.shuffled;
  INSERT INTO t.shuffled SELECT * FROM t.people ORDER BY md5(seed || ' ' || id);
  RETURN t.differences('t.shuffled', fields);
END
$$;
SELECT count(*) AS orders, string_agg(d, ' ') AS differences FROM (SELECT t.shuffle(seed, :'fields') AS d FROM generate_series(1, 20) AS seed) AS s WHERE d = '';
SELECT t.pair_differences('t.shuffled');
-- One call gives the same as two.
SELECT count(*) AS differences FROM t.found AS f FULL JOIN omnicrm.resolve_entities('t.shuffled', 'id', :'fields') AS c USING (id) WHERE f.cluster_id IS DISTINCT FROM c.cluster_id;

-- Memory: from the least, where keys are made in many goes.
SET maintenance_work_mem = '1MB';
SELECT t.differences('t.people', :'fields'), t.pair_differences('t.people');
SET maintenance_work_mem = '2MB';
SELECT t.differences('t.people', :'fields'), t.pair_differences('t.people');
SET maintenance_work_mem = '64MB';
SET work_mem = '64kB';
SELECT t.differences('t.people', :'fields'), t.pair_differences('t.people');
RESET maintenance_work_mem;
RESET work_mem;

-- Workers: none, one, two, on a table of so few names that millions of pairs are
-- compared; also when the table itself is read by workers.
CREATE TABLE t.dense AS
SELECT n AS id, (ARRAY['Ana', 'Bruno', 'Celia', 'Diego', 'Elena', 'Félix', 'Gema', 'Hugo'])[1 + t.hash('g' || n / 2) % 8] AS given,
       (ARRAY['García', 'López', 'Pérez', 'Gómez', 'Ruiz', 'Sanz', 'Moya', 'Vila'])[1 + t.hash('s' || n / 2) % 8] AS surname,
       (date '1930-01-01' + t.hash('b' || n / 2) % 4000)::text AS birth, NULL::text AS email, NULL::text AS phone, 'Lugo'::text AS city
FROM generate_series(1, 3000) AS n;
CREATE FUNCTION t.dense_result(model jsonb) RETURNS text LANGUAGE sql AS $$
  SELECT (SELECT md5(string_agg(p::text, ' ')) FROM omnicrm.match_pairs('t.dense', 'id', model, '{"max_block": 4000}') AS p) || ' ' ||
         (SELECT md5(string_agg(c::text, ' ')) FROM omnicrm.match_clusters('t.dense', 'id', model, '{"max_block": 4000}') AS c) || ' ' ||
         (SELECT md5(omnicrm.match_train('t.people', 'id', fields)::text)
          FROM (SELECT jsonb_object_agg(c ->> 'column', c ->> 'kind') AS fields FROM jsonb_array_elements(model -> 'comparisons') AS c) AS f)
$$;
SET max_parallel_workers_per_gather = 0;
SELECT t.dense_result(model) AS alone FROM t.model \gset
SET max_parallel_workers_per_gather = 1;
SELECT t.dense_result(model) = :'alone' AS same FROM t.model;
SET max_parallel_workers_per_gather = 2;
SELECT t.dense_result(model) = :'alone' AS same FROM t.model;
SET max_parallel_workers_per_gather = 64;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT t.dense_result(model) = :'alone' AS same FROM t.model;
SET max_parallel_workers = 0;
SELECT t.dense_result(model) = :'alone' AS same FROM t.model;
RESET max_parallel_workers;
RESET max_parallel_workers_per_gather;
RESET parallel_setup_cost;
RESET parallel_tuple_cost;
RESET min_parallel_table_scan_size;

-- Ids of other types in the same order: the same model and the same partition,
-- cluster ids that are never alike by chance.
CREATE TABLE t.typed AS SELECT *, lpad(id::text, 9, '0') AS word, id * 4294967296 - 9000000000000000000 AS big, lpad(to_hex(id), 32, '0')::uuid AS uuid FROM t.people;
CREATE FUNCTION t.typed_differences(id_column name, fields jsonb) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format($x$
    SELECT concat_ws(' ', CASE WHEN t.model IS DISTINCT FROM m.model THEN 'model' END,
      (SELECT 'partition' FROM (SELECT count(DISTINCT f.cluster_id) AS ours, count(DISTINCT c.cluster_id) AS theirs, count(DISTINCT (f.cluster_id, c.cluster_id)) AS together, count(*) AS n
                                FROM t.found AS f JOIN t.typed AS y ON f.id = y.id::text
                                  JOIN omnicrm.match_clusters('t.typed', %1$L, t.model) AS c ON c.id = y.%1$I::text) AS x
       WHERE NOT (ours = theirs AND ours = together AND n = (SELECT count(*) FROM t.people))))
    FROM t.model AS m, omnicrm.match_train('t.typed', %1$L, $1) AS t(model)$x$, id_column) INTO result USING fields;
  RETURN result;
END
$$;
SELECT t.typed_differences('word', :'fields'), t.typed_differences('big', :'fields'), t.typed_differences('uuid', :'fields');

-- A cluster: every id once, in order; records is how many; its name the smallest id;
-- the weakest merge is above the threshold, and nobody alone has one.
SELECT count(*) = (SELECT count(*) FROM t.people) AS every_id, count(DISTINCT id) = count(*) AS once FROM t.found;
SELECT bool_and(n = id::integer) AS in_order FROM (SELECT id, row_number() OVER () AS n FROM omnicrm.resolve_entities('t.people', 'id', :'fields')) AS x;
SELECT bool_and(records = n) AS records, bool_and(cluster_id = least) AS named_by_least, bool_and((weakest IS NULL) = (n = 1)) AS alone, bool_and(weakest >= -2) AS above, bool_and(one) AS one
FROM (SELECT cluster_id, records, weakest, count(*) OVER w AS n, min(id::integer) OVER w AS least, min(weakest) OVER w IS NOT DISTINCT FROM max(weakest) OVER w AS one
      FROM t.found WINDOW w AS (PARTITION BY cluster_id)) AS x;
-- A pair: the smaller id first, once, above the review; the probability is that of the weight.
SELECT bool_and(id_a::integer < id_b::integer) AS ordered, count(DISTINCT (id_a, id_b)) = count(*) AS once, bool_and(weight >= -6) AS above,
       bool_and(abs(probability - 1 / (1 + 2 ^ -weight)) < 1e-12) AS probability, bool_and(pattern ~ '^[0-6-]{6}$') AS pattern FROM t.pairs;

-- Decisions: 200 pairs that are together kept apart, 200 that are not joined.
CREATE TABLE t.decision AS
(SELECT a.id::integer AS id_a, b.id::integer AS id_b, false AS same FROM t.found AS a JOIN t.found AS b ON b.cluster_id = a.cluster_id AND b.id::integer > a.id::integer
 ORDER BY md5(a.id || ' ' || b.id) LIMIT 200)
UNION ALL
(SELECT n, 2900 - n * 7, true FROM generate_series(1, 200) AS n);
CREATE TABLE t.decided AS SELECT c.* FROM t.model AS m, omnicrm.match_clusters('t.people', 'id', m.model, '{"decisions": "t.decision"}') AS c;
SELECT d.same, count(*) FILTER (WHERE a.cluster_id = b.cluster_id) > 190 AS together, count(*) FILTER (WHERE a.cluster_id = b.cluster_id) = 0 AS apart
FROM t.decision AS d JOIN t.decided AS a ON a.id = d.id_a::text JOIN t.decided AS b ON b.id = d.id_b::text GROUP BY d.same ORDER BY d.same;
-- Those joined are together unless somebody keeps a part of them apart.
SELECT count(*) AS not_joined
FROM (SELECT n AS id_a, 2900 - n * 7 AS id_b FROM generate_series(1, 200) AS n) AS d JOIN t.decided AS a ON a.id = d.id_a::text JOIN t.decided AS b ON b.id = d.id_b::text
WHERE a.cluster_id <> b.cluster_id
  AND NOT EXISTS (SELECT FROM t.decision AS x JOIN t.decided AS p ON p.id = x.id_a::text JOIN t.decided AS q ON q.id = x.id_b::text
                  WHERE NOT x.same AND (p.cluster_id, q.cluster_id) IN ((a.cluster_id, b.cluster_id), (b.cluster_id, a.cluster_id)));
-- In whatever order they stand, and which way round.
CREATE TABLE t.decision_again AS SELECT id_b AS id_a, id_a AS id_b, same FROM t.decision ORDER BY md5(id_a::text);
INSERT INTO t.decision_again SELECT * FROM t.decision;
SELECT count(*) AS differences
FROM t.decided AS f FULL JOIN (SELECT c.* FROM t.model AS m, omnicrm.match_clusters('t.shuffled', 'id', m.model, '{"decisions": "t.decision_again"}') AS c) AS c USING (id)
WHERE (f.cluster_id, f.records, f.weakest) IS DISTINCT FROM (c.cluster_id, c.records, c.weakest);

-- One record of a source in an entity; a value that excludes, excludes.
SELECT max(n) AS records_of_a_source, count(*) FILTER (WHERE entity > 1) > 500 AS some_together
FROM (SELECT count(*) AS n, sum(count(*)) OVER (PARTITION BY c.cluster_id) AS entity
      FROM t.model AS m, omnicrm.match_clusters('t.people', 'id', m.model, '{"source": "source", "one_per_source": true}') AS c JOIN t.people AS p ON p.id::text = c.id
      GROUP BY c.cluster_id, p.source) AS x;
SELECT max(n) AS phones_of_an_entity
FROM (SELECT count(DISTINCT p.phone) FILTER (WHERE p.phone ~ '^\d{9}$') AS n
      FROM omnicrm.resolve_entities('t.people', 'id', jsonb_set(:'fields', '{phone}', '{"kind": "phone", "exclusive": true}')) AS c
        JOIN t.people AS p ON p.id::text = c.id
      GROUP BY c.cluster_id) AS x;

-- A record that has nothing to do with the others changes none of their clusters.
CREATE TABLE t.more AS SELECT * FROM t.people;
INSERT INTO t.more VALUES (100000, 0, 'Zbigniew', 'Wyszyński', '1901-11-30', 'zbyszek@poczta.pl', '999888777', 'Łódź', 'web'), (-5, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT count(*) AS differences
FROM t.found AS f FULL JOIN (SELECT c.* FROM t.model AS m, omnicrm.match_clusters('t.more', 'id', m.model) AS c) AS c USING (id)
WHERE (f.cluster_id, f.records, f.weakest) IS DISTINCT FROM (c.cluster_id, c.records, c.weakest) AND id NOT IN ('100000', '-5');
-- Nor does the loss of an entity.
CREATE TABLE t.less AS SELECT p.* FROM t.people AS p JOIN t.found AS f ON f.id = p.id::text WHERE f.cluster_id % 3 <> 0;
SELECT count(*) AS differences
FROM (SELECT c.* FROM t.model AS m, omnicrm.match_clusters('t.less', 'id', m.model) AS c) AS c JOIN t.found AS f USING (id)
WHERE (f.cluster_id, f.records) IS DISTINCT FROM (c.cluster_id, c.records);

-- Two tables: the same pairs whichever comes first, with ids of their own, alike or not.
CREATE TABLE t.left AS SELECT * FROM t.people WHERE t.hash('l' || id) % 2 = 0;
CREATE TABLE t.right AS SELECT * FROM t.people WHERE t.hash('l' || id) % 2 = 1;
CREATE TABLE t.right_own AS SELECT id % 1500 * 2 + id / 1500 AS id, given, surname, birth, email, phone, city FROM t.right;
SELECT count(*) > 500 AS pairs, count(*) FILTER (WHERE (a.weight, a.probability, a.pattern) IS DISTINCT FROM (b.weight, b.probability, b.pattern)) AS differences
FROM (SELECT p.* FROM t.model AS m, omnicrm.match_pairs('t.left', 'id', 't.right', 'id', m.model) AS p) AS a
  FULL JOIN (SELECT p.* FROM t.model AS m, omnicrm.match_pairs('t.right', 'id', 't.left', 'id', m.model) AS p) AS b ON a.id_a = b.id_b AND a.id_b = b.id_a;
SELECT count(*) > 500 AS pairs, count(*) FILTER (WHERE (a.weight, a.probability, a.pattern) IS DISTINCT FROM (b.weight, b.probability, b.pattern)) AS differences
FROM (SELECT p.* FROM t.model AS m, omnicrm.match_pairs('t.left', 'id', 't.right_own', 'id', m.model) AS p) AS a
  FULL JOIN (SELECT p.* FROM t.model AS m, omnicrm.match_pairs('t.right_own', 'id', 't.left', 'id', m.model) AS p) AS b ON a.id_a = b.id_b AND a.id_b = b.id_a;
-- They are the pairs across of the one table.
SELECT count(*) AS differences
FROM (SELECT p.* FROM t.model AS m, omnicrm.match_pairs('t.left', 'id', 't.right', 'id', m.model) AS p) AS a
  FULL JOIN (SELECT p.* FROM t.pairs AS p WHERE (t.hash('l' || id_a) % 2) <> (t.hash('l' || id_b) % 2)) AS b
    ON least(a.id_a::integer, a.id_b::integer)::text = b.id_a AND greatest(a.id_a::integer, a.id_b::integer)::text = b.id_b
WHERE a.weight IS DISTINCT FROM b.weight;

DROP SCHEMA t CASCADE;
