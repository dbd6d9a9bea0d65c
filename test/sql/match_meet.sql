-- One record against those that an index names: the keys, weights and limits of a
-- run over the whole table.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;

-- 160 people of whom each came one to five times, with errors: a letter wrong, names
-- in each other's column, nicknames, day and month swapped, values missing.
CREATE FUNCTION t.hash(text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5($1), 1, 8))::bit(32)::integer & 2147483647 $$;
CREATE FUNCTION t.wrong(word text, h integer) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT overlay(word PLACING chr(97 + h % 26) FROM 1 + h % length(word) FOR h / 7 % 2)
$$;
CREATE TABLE t.people AS
WITH person AS (
  SELECT p, (ARRAY['Francisco', 'José María', 'María Dolores', 'Concepción', 'Antonio', 'Lucía', 'Elena', 'Íñigo', 'Rosa', 'Pedro'])[1 + t.hash('g' || p) % 10] AS given,
         (ARRAY['Paco', 'Chema', 'Lola', 'Concha', 'Toño', 'Lucía', 'Helena', 'Iñigo', 'Rosita', 'Perico'])[1 + t.hash('g' || p) % 10] AS nick,
         (ARRAY['García', 'López Muñoz', 'Pérez', 'Gómez', 'Ruiz de la Hoz', 'Elena', 'Moya', 'Vila', 'Sánchez', 'Tejedor', 'Ibarra', 'Rosa'])[1 + t.hash('s' || p) % 12] AS surname,
         date '1950-01-01' + t.hash('b' || p) % 18000 AS birth, 'u' || t.hash('e' || p) % 1000000 || '@buzon.es' AS email,
         '6' || lpad((t.hash('t' || p) % 100000000)::text, 8, '0') AS phone, 10000000 + t.hash('n' || p) % 80000000 AS number,
         'C' || t.hash('k' || p) % 100000 AS card, (t.hash('z' || p) % 52000)::text AS postcode,
         (ARRAY['Lugo', 'Soria', 'Teruel', 'Cuenca', 'Huesca', 'Zamora', 'Ávila', 'Jaén'])[1 + t.hash('c' || p) % 8] AS city,
         (ARRAY['Calle Mayor', 'Avenida de la Constitución', 'Plaza Nueva', 'Camino del Molino Viejo y de la Ermita de San Juan'])[1 + t.hash('a' || p) % 4] || ' ' || t.hash('d' || p) % 90 AS address
  FROM generate_series(1, 160) AS p
), copy AS (
  SELECT person.*, c, t.hash(p || 'x' || c) AS h FROM person, generate_series(1, 5) AS c WHERE c <= 1 + t.hash('n' || p) % 5
), told AS (
  SELECT p, c, CASE WHEN h % 29 = 0 THEN surname WHEN h % 5 = 0 THEN nick WHEN h % 7 = 0 THEN t.wrong(given, h) WHEN h % 31 = 1 THEN NULL ELSE given END AS given,
         CASE WHEN h % 29 = 0 THEN given WHEN h % 6 = 1 THEN t.wrong(surname, h / 3) ELSE surname END AS surname,
         CASE WHEN h % 11 = 0 THEN NULL WHEN h % 13 = 0 THEN to_char(birth, 'YYYY-DD-MM') ELSE birth::text END AS birth,
         CASE WHEN h % 3 = 0 THEN email WHEN h % 3 = 1 THEN NULL WHEN h % 12 = 2 THEN 'no address' ELSE t.wrong(email, h / 5) END AS email,
         CASE WHEN h % 4 = 0 THEN NULL WHEN h % 17 = 0 THEN t.wrong(phone, h / 11) ELSE phone END AS phone,
         CASE WHEN h % 4 = 1 THEN number || substr('TRWAGMYFPDXBNJZSQVHLCKE', number % 23 + 1, 1) WHEN h % 4 = 2 THEN number::text END AS tax_id,
         CASE WHEN h % 3 = 0 THEN card END AS card, CASE WHEN h % 9 = 0 THEN NULL ELSE lpad(postcode, 5, '0') END AS postcode,
         CASE WHEN h % 9 = 1 THEN NULL WHEN h % 8 = 1 THEN t.wrong(city, h / 13) ELSE city END AS city,
         CASE WHEN h % 3 = 1 THEN address WHEN h % 3 = 2 THEN replace(address, 'Calle', 'C/') END AS address,
         h % 3000 / 7.0 AS points, (ARRAY['gold', 'silver'])[1 + h % 2] AS tier, h
  FROM copy
)
SELECT (row_number() OVER (ORDER BY md5(p || ' ' || c)))::bigint * 3 AS id, given || ' ' || surname AS full_name, given, surname, birth, email, phone, tax_id, card,
       postcode, city, address, 'Note of ' || given AS note, tier, points
FROM told;
-- Copies, and records without a value.
INSERT INTO t.people SELECT id + 1, full_name, given, surname, birth, email, phone, tax_id, card, postcode, city, address, note, tier, points FROM t.people WHERE id % 11 = 0;
INSERT INTO t.people (id, given, tier) VALUES (-1, NULL, ''), (-2, 'xxx', NULL);
SELECT count(*) FROM t.people;
CREATE TABLE t.model AS SELECT omnicrm.match_train('t.people', 'id', '{"full_name": "name", "given": "given_name", "surname": "surname", "birth": "birth_date",
  "email": "email", "phone": "phone", "tax_id": "tax_id", "card": "code", "postcode": "postcode", "city": {"kind": "city", "blocking": false},
  "address": "address", "note": "text", "tier": "category", "points": "number"}') AS model;

-- The keys are those of a run, and one more.
CREATE TABLE t.held AS SELECT p.id, omnicrm.match_compared(m.model, to_jsonb(p)) AS compared FROM t.people AS p, t.model AS m;
-- The same of rows, without the way over jsonb.
CREATE VIEW t.told AS SELECT id, full_name, given, surname::varchar AS surname, omnicrm.parse_date(birth, 'YMD') AS birth, email, phone FROM t.people;
SELECT count(*) AS records, count(*) FILTER (WHERE omnicrm.match_compared_row(m.model, p) IS DISTINCT FROM omnicrm.match_compared(m.model, to_jsonb(p))) AS differences
FROM t.told AS p, t.model AS m;
SELECT omnicrm.match_compared_row(m.model, p) FROM t.people AS p, t.model AS m WHERE p.points IS NOT NULL;
SELECT omnicrm.match_compared_row(m.model, p) FROM (SELECT 1 AS id, text 'Ana' AS name) AS p, t.model AS m;
SELECT omnicrm.match_compared_row('[]', p), omnicrm.match_compared_row(NULL, p) FROM t.told AS p;
CREATE TABLE t.keyed AS SELECT id, compared, omnicrm.match_compared_keys(compared, false) AS keys FROM t.held;
CREATE INDEX ON t.keyed USING gin (keys);
ANALYZE t.keyed;
SELECT count(*) AS records, sum(cardinality(k.keys)) > 15000 AS many_keys, count(*) FILTER (WHERE k.keys = '{}') AS without
FROM t.keyed AS k;
SELECT k.id FROM t.model AS m, t.keyed AS k
FULL JOIN (SELECT r.* FROM t.model AS m, omnicrm.match_keys('t.people', 'id', m.model) AS r) AS r ON r.id::bigint = k.id
WHERE r.keys IS DISTINCT FROM CASE WHEN k.keys = '{}' THEN k.keys ELSE array_remove(k.keys, omnicrm.match_whole_key(k.compared)) END;
SELECT count(*) FILTER (WHERE key & 3 = 3) = count(*) FILTER (WHERE key = omnicrm.match_whole_key(k.compared)) AS whole_key_is_told,
       count(*) FILTER (WHERE key & 3 = 3) AS whole_keys, count(DISTINCT key) FILTER (WHERE key & 3 = 3) AS different
FROM t.keyed AS k, unnest(k.keys) AS key;
SELECT count(*) FROM t.keyed AS k
WHERE omnicrm.match_compared_keys(k.compared, true) IS DISTINCT FROM CASE WHEN k.compared = '' THEN '{}' ELSE ARRAY[omnicrm.match_whole_key(k.compared)] END;
SELECT compared, omnicrm.match_compared_keys(compared, true) AS keys, omnicrm.match_whole_key(compared) AS whole, omnicrm.match_key_limits(model, compared) AS limits
FROM t.model, t.held WHERE id < 0;
-- The same bytes: the same values.
SELECT count(*) AS records, count(DISTINCT h.compared) AS bytes, count(DISTINCT v) AS "values", count(DISTINCT (h.compared, v)) AS both
FROM t.people AS p JOIN t.held AS h USING (id) CROSS JOIN LATERAL (SELECT to_jsonb(p) - 'id' AS v) AS v WHERE p.id > 0;

-- What is kept beside a model: the limit of each key, how many have it.
CREATE FUNCTION t.limits(model jsonb) RETURNS TABLE (id bigint, key bigint, most integer, records bigint) LANGUAGE sql AS $$
  SELECT k.id, u.key, u.most, count(*) OVER (PARTITION BY u.key)
  FROM t.keyed AS k, ROWS FROM (unnest(k.keys), unnest(omnicrm.match_key_limits(model, k.compared))) AS u(key, most)
$$;
-- Every record against those that share a key which is not common, the latest first, and the pairs seen from both sides.
CREATE FUNCTION t.met(model jsonb, common bigint[]) RETURNS TABLE (id bigint, meeting omnicrm.match_meeting) LANGUAGE sql AS $$
  SELECT k.id, omnicrm.match_meet(model, k.id, k.compared, common, coalesce(o.ids, '{}'), coalesce(o.compared, '{}'))
  FROM t.keyed AS k
    CROSS JOIN LATERAL (SELECT array_agg(o.id ORDER BY o.id DESC) AS ids, array_agg(o.compared ORDER BY o.id DESC) AS compared
                        FROM t.keyed AS o
                        WHERE o.id <> k.id AND o.keys && ARRAY(SELECT unnest(k.keys) EXCEPT SELECT unnest(common))) AS o
$$;
-- Their differences from a run over the table.
CREATE FUNCTION t.differences(model jsonb, common bigint[]) RETURNS TABLE (pairs bigint, differences bigint, full_keys bigint, full_differences bigint) LANGUAGE sql AS $$
  WITH met AS MATERIALIZED (SELECT * FROM t.met(model, common)), pair AS (
    SELECT m.id, u.* FROM met AS m, ROWS FROM (unnest((m.meeting).partners), unnest((m.meeting).weights), unnest((m.meeting).probabilities), unnest((m.meeting).patterns))
                                      AS u(partner, weight, probability, pattern)
  ), run AS MATERIALIZED (
    SELECT id_a::bigint AS a, id_b::bigint AS b, weight, probability, pattern FROM omnicrm.match_pairs('t.people', 'id', model)
  ), both_sides AS (
    SELECT a AS id, b AS partner, weight, probability, pattern FROM run UNION ALL SELECT b, a, weight, probability, pattern FROM run
  ), told AS (
    SELECT m.id, u.* FROM met AS m, ROWS FROM (unnest((m.meeting).full_keys), unnest((m.meeting).full_limits), unnest((m.meeting).full_records)) AS u(key, most, records)
  ), kept AS (
    SELECT id, key, most, records::integer FROM t.limits(model) WHERE records > most AND NOT key = ANY (common)
  )
  SELECT (SELECT count(*) FROM pair),
         (SELECT count(*) FROM pair AS p FULL JOIN both_sides AS b USING (id, partner)
          WHERE (p.weight, p.probability, p.pattern) IS DISTINCT FROM (b.weight, b.probability, b.pattern)),
         (SELECT count(*) FROM told),
         (SELECT count(*) FROM told AS t FULL JOIN kept AS k USING (id, key) WHERE (t.most, t.records) IS DISTINCT FROM (k.most, k.records))
$$;
CREATE FUNCTION t.common(model jsonb) RETURNS bigint[] LANGUAGE sql AS $$
  SELECT coalesce(array_agg(DISTINCT key), '{}') FROM t.limits(model) WHERE records > most
$$;
SELECT most, count(DISTINCT key) > 0 AS keys FROM t.model AS m, t.limits(m.model) GROUP BY most ORDER BY most;

-- No pair, weight, probability or pattern differs, whether the common keys are known
-- or found; neither where limits are low.
SELECT d.pairs > 200 AS pairs, d.differences, d.full_keys > 0 AS full_keys, d.full_differences FROM t.model AS m, t.differences(m.model, '{}') AS d;
SELECT d.pairs > 200 AS pairs, d.differences, d.full_keys > 0 AS full_keys, d.full_differences FROM t.model AS m, t.differences(m.model, t.common(m.model)) AS d;
CREATE TABLE t.tight AS SELECT model || '{"max_block": 5, "max_weak_block": 4, "max_value_block": 3, "review": -12}' AS model FROM t.model;
SELECT most, count(DISTINCT key) > 0 AS keys FROM t.tight AS m, t.limits(m.model) GROUP BY most ORDER BY most;
SELECT d.pairs > 200 AS pairs, d.differences, d.full_keys > 0 AS full_keys, d.full_differences FROM t.tight AS m, t.differences(m.model, '{}') AS d;
SELECT d.pairs > 200 AS pairs, d.differences, d.full_keys > 0 AS full_keys, d.full_differences FROM t.tight AS m, t.differences(m.model, t.common(m.model)) AS d;
SELECT d.pairs > 200 AS pairs, d.differences, d.full_keys > 0 AS full_keys, d.full_differences
FROM t.tight AS m, t.differences(m.model, (SELECT array_agg(key) FROM unnest(t.common(m.model)) AS key WHERE key % 8 = 0)) AS d;

-- The aggregate gives what the function gives, with keys that are common, and full, and
-- of strangers.
CREATE FUNCTION t.aggregated(model jsonb, common bigint[], strangers boolean) RETURNS TABLE (records bigint, pairs bigint, full_keys bigint, differences bigint) LANGUAGE sql AS $$
  SELECT count(*), sum(cardinality((a.meeting).partners)), sum(cardinality((a.meeting).full_keys)), count(*) FILTER (WHERE a.meeting IS DISTINCT FROM m.meeting)
  FROM t.met(model, common) AS m
    JOIN t.keyed AS k USING (id)
    CROSS JOIN LATERAL (
      SELECT omnicrm.match_meet(model, k.id, k.compared, common, o.id, o.compared, omnicrm.match_short_keys(o.keys)) AS meeting
      FROM t.keyed AS o
      WHERE o.id <> k.id AND (strangers OR o.keys && ARRAY(SELECT unnest(k.keys) EXCEPT SELECT unnest(common)))) AS a
$$;
SELECT a.records > 400 AS records, a.pairs > 200 AS pairs, a.full_keys > 0 AS full_keys, a.differences FROM t.model AS m, t.aggregated(m.model, '{}', false) AS a;
SELECT a.records > 400 AS records, a.pairs > 200 AS pairs, a.full_keys > 0 AS full_keys, a.differences FROM t.tight AS m, t.aggregated(m.model, '{}', false) AS a;
SELECT a.pairs > 200 AS pairs, a.differences
FROM t.tight AS m, t.aggregated(m.model, (SELECT array_agg(key) FROM unnest(t.common(m.model)) AS key WHERE key % 8 = 0), false) AS a;
SELECT a.pairs > 200 AS pairs, a.differences FROM t.tight AS m, t.aggregated(m.model, t.common(m.model), true) AS a;
-- Halves of keys that the other does not have bring nobody together.
SELECT count(*) AS records, sum(cardinality((a.meeting).partners)) > 10 AS pairs, count(*) FILTER (WHERE a.meeting IS DISTINCT FROM m.meeting) AS differences
FROM (SELECT m.model, t.common(m.model) AS common FROM t.tight AS m OFFSET 0) AS g, t.met(g.model, g.common) AS m JOIN t.keyed AS k USING (id)
  CROSS JOIN LATERAL (SELECT omnicrm.match_meet(g.model, k.id, k.compared, g.common, o.id, o.compared,
                                                 omnicrm.match_short_keys(CASE WHEN (o.id + k.id) % 20 = 0 THEN o.keys || k.keys ELSE o.keys END)) AS meeting
                      FROM t.keyed AS o WHERE o.id <> k.id) AS a
WHERE k.id % 30 = 0;
SELECT (omnicrm.match_meet(m.model, 1, '', '{}', 2::bigint, ''::bytea, '{}')).* FROM t.model AS m WHERE false;
-- The verdicts on all pairs of a record at once are those on each of them alone.
CREATE TABLE t.judged AS
SELECT p.id, ROW ('person', p.full_name, omnicrm.name_key(p.full_name), omnicrm.parse_date(p.birth, 'YMD'), true, p.email, p.phone, p.tax_id)::omnicrm.judged_person AS person
FROM t.people AS p;
CREATE FUNCTION t.partners(meeting omnicrm.match_meeting, id bigint, model jsonb, rules omnicrm.judge_rule[]) RETURNS omnicrm.judged_candidate[] LANGUAGE sql AS $$
  SELECT omnicrm.judge_partners($2, meeting.partners, meeting.weights, meeting.probabilities, meeting.patterns, array_agg(j.id ORDER BY j.id),
                                array_agg(j.person ORDER BY j.id), rules, model)
  FROM t.judged AS j WHERE j.id <> 6
$$;
CREATE TABLE t.verdict AS
SELECT m.id, t.partners(m.meeting, m.id, g.model, ARRAY[ROW ('email', 5, 50, 0.72, false, true)::omnicrm.judge_rule, ROW ('model', 10, 4, 0.8, true, true)::omnicrm.judge_rule]) AS pairs,
       ARRAY(SELECT ROW (least(u.partner, m.id), greatest(u.partner, m.id), u.weight, u.probability, u.pattern, v.verdict)::text
             FROM ROWS FROM (unnest((m.meeting).partners), unnest((m.meeting).weights), unnest((m.meeting).probabilities), unnest((m.meeting).patterns))
                    AS u(partner, weight, probability, pattern)
             JOIN t.judged AS a ON a.id = least(u.partner, m.id)
             JOIN t.judged AS b ON b.id = greatest(u.partner, m.id)
             CROSS JOIN LATERAL omnicrm.judge_weight(a.person, b.person, u.weight, u.pattern, g.model, 0.8, true, true) AS v(verdict)
             WHERE v.verdict IS NOT NULL AND 6 NOT IN (m.id, u.partner)
             ORDER BY u.partner) AS alone
FROM t.tight AS g, t.met(g.model, '{}') AS m;
SELECT count(*) > 400 AS records, sum(cardinality(v.pairs)) > 200 AS pairs,
       count(*) FILTER (WHERE v.alone IS DISTINCT FROM ARRAY(SELECT ROW (u.*)::text FROM unnest(v.pairs) AS u)) AS differences
FROM t.verdict AS v;
SELECT u.verdict, count(*) > 1 AS often FROM t.verdict AS v, unnest(v.pairs) AS u GROUP BY u.verdict ORDER BY u.verdict COLLATE "C";
-- Its links as a run writes them.
SELECT count(*) > 50 AS links, count(*) FILTER (WHERE l.kind <> 'model' OR l.value <> round(u.weight::numeric, 1) || ' bits' OR l.priority <> 10 OR l.similarity <> u.probability::real
                                                      OR l.strength <> u.weight::real OR l.attach OR l.decision <> 'linked') AS differences
FROM t.verdict AS v
CROSS JOIN LATERAL unnest(omnicrm.model_links(v.pairs, ARRAY[ROW ('model', 10, 4, 0.8, true, true)::omnicrm.judge_rule])) AS l
CROSS JOIN LATERAL unnest(v.pairs) AS u
WHERE u.record_a = l.record_a AND u.record_b = l.record_b AND u.verdict = 'link';
SELECT t.partners(ROW ('{}', '{}', '{}', '{9}', '{20}', '{1}', ARRAY['-------------'], false)::omnicrm.match_meeting, 3, m.model, '{}') FROM t.model AS m;
SELECT t.partners(ROW ('{}', '{}', '{}', '{9}', '{20,1}', '{1}', ARRAY['-------------'], false)::omnicrm.match_meeting, 3, m.model, '{}') FROM t.model AS m;
SELECT t.partners(ROW ('{}', '{}', '{}', '{9}', '{20}', '{1}', '{2}', false)::omnicrm.match_meeting, 3, m.model, ARRAY[ROW ('model', 10, 4, 0.8, true, true)::omnicrm.judge_rule]) FROM t.model AS m;
-- In parallel workers.
CREATE FUNCTION t.in_parallel(q text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
  found boolean := false;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS off) ' || q LOOP
    found := found OR line LIKE '%Partial Aggregate%';
  END LOOP;
  RETURN found;
END
$$;
SELECT format('SELECT omnicrm.match_meet((SELECT model FROM t.tight), %s, %L, %L, o.id, o.compared, omnicrm.match_short_keys(o.keys)) AS meeting FROM t.keyed AS o WHERE o.id <> %1$s',
              k.id, k.compared, '{}') AS query
FROM t.keyed AS k WHERE k.id = 30
\gset
CREATE TABLE t.one AS :query;
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
ALTER TABLE t.keyed SET (parallel_workers = 2);
SELECT t.in_parallel(:'query') AS in_parallel;
SELECT p.meeting = o.meeting AS same, cardinality((p.meeting).partners) > 0 AS pairs FROM (:query) AS p, t.one AS o;
ROLLBACK;
SELECT omnicrm.match_meet(m.model, 1, '', '{}', n.id, ''::bytea, '{}') FROM t.model AS m, (VALUES (2::bigint), (2)) AS n(id);
SELECT omnicrm.match_meet(m.model, 1, '', '{}', 1::bigint, ''::bytea, '{}') FROM t.model AS m;
SELECT omnicrm.match_meet(m.model, 1, '', '{}', 2::bigint, ''::bytea, '{NULL}') FROM t.model AS m;
SELECT omnicrm.match_meet(m.model, 1, '', '{}', 2::bigint, ''::bytea, NULL) FROM t.model AS m;
SELECT omnicrm.match_meet(NULL, 1, '', '{}', 2::bigint, ''::bytea, '{}');
SELECT omnicrm.match_meet('[]', 1, '', '{}', 2::bigint, ''::bytea, '{}');

-- Two records whatever their keys: what match_explain() sums up.
SELECT count(*) AS pairs, count(*) FILTER (WHERE w.weight IS DISTINCT FROM e.total OR w.probability IS DISTINCT FROM e.probability) AS differences,
       count(*) FILTER (WHERE w IS DISTINCT FROM r) AS of_the_other_order
FROM t.model AS m, t.people AS a JOIN t.people AS b ON b.id > a.id AND (a.id * 7 + b.id) % 97 = 0 JOIN t.held AS x ON x.id = a.id JOIN t.held AS y ON y.id = b.id
  CROSS JOIN LATERAL omnicrm.match_weigh(m.model, x.compared, y.compared) AS w
  CROSS JOIN LATERAL omnicrm.match_weigh(m.model, y.compared, x.compared) AS r
  CROSS JOIN LATERAL (SELECT (array_agg(e.total))[count(*)] AS total, (array_agg(e.probability))[count(*)] AS probability FROM omnicrm.match_explain(m.model, to_jsonb(a), to_jsonb(b)) AS e) AS e;
SELECT w.pattern, w.weight = e.total AS prior FROM t.model AS m, omnicrm.match_weigh(m.model, '', '') AS w, omnicrm.match_explain(m.model, '{}', '{}') AS e
WHERE e.comparison = 'prior';

-- A whole key alone is no meeting; nobody to meet is one without pairs.
SELECT (omnicrm.match_meet(m.model, a.id, a.compared, array_remove(a.keys, omnicrm.match_whole_key(a.compared)), ARRAY[b.id], ARRAY[b.compared])).*
FROM t.model AS m, t.keyed AS a JOIN t.keyed AS b ON b.compared = a.compared AND b.id > a.id WHERE a.compared <> '' ORDER BY a.id LIMIT 1;
SELECT (omnicrm.match_meet(m.model, 1, '', '{}', '{}', '{}')).* FROM t.model AS m;
SELECT (omnicrm.match_meet(m.model, 1, '', '{}', '{2}', '{""}')).* FROM t.model AS m;

-- A variable may hold another model at each turn.
CREATE FUNCTION t.turns() RETURNS SETOF bytea LANGUAGE plpgsql AS $$
DECLARE
  m jsonb;
  result bytea;
BEGIN
  FOR m IN SELECT replace(model::text, '"blocking": true', x.blocking)::jsonb FROM t.model, (VALUES (1, '"blocking": true'), (2, '"blocking": false')) AS x(n, blocking) ORDER BY x.n LOOP
    result := omnicrm.match_compared(m, '{"given": "Paco"}');
    RETURN NEXT result;
  END LOOP;
END
$$;
SELECT * FROM t.turns();

-- Records: other members are passed over, values that are none are left out.
SELECT omnicrm.match_compared(model, '{"given": "Paco", "id": 7, "phone": null, "birth": "never", "points": 1e1}') AS compared FROM t.model;
SELECT omnicrm.match_compared(model, '{}'), omnicrm.match_compared(model, jsonb_build_object('note', repeat('x', 5000))),
       omnicrm.match_compared(model, jsonb_build_object('note', repeat('ab', 100))) FROM t.model;
SELECT omnicrm.match_compared(model, '[]') FROM t.model;
SELECT omnicrm.match_compared(model, '"x"') FROM t.model;
SELECT omnicrm.match_compared(model, '{"foreign": 1}') FROM t.model;
SELECT omnicrm.match_compared('{}', '{"given": "Paco"}');
SELECT omnicrm.match_meet('[]', 1, '', '{}', '{}', '{}');
SELECT omnicrm.match_weigh('{"omnicrm_model": 99}', '', '');
SELECT omnicrm.match_key_limits('null', '');

-- Arrays that do not fit.
SELECT omnicrm.match_meet(model, 1, '', '{}', '{2, 3}', '{""}') FROM t.model;
SELECT omnicrm.match_meet(model, 1, '', '{}', '{2, 2}', '{"", ""}') FROM t.model;
SELECT omnicrm.match_meet(model, 1, '', '{}', '{1}', '{""}') FROM t.model;
SELECT omnicrm.match_meet(model, 1, '', '{NULL}', '{}', '{}') FROM t.model;
SELECT omnicrm.match_meet(model, 1, '', '{}', '{NULL}', '{""}') FROM t.model;
SELECT omnicrm.match_meet(model, 1, '', '{}', '{2}', '{NULL}') FROM t.model;
SELECT omnicrm.match_meet(model, 1, '', '{{1, 2}, {3, 4}}', '{{5}, {6}}', '{{""}, {""}}') IS NOT NULL AS flat FROM t.model;
SELECT omnicrm.match_meet(model, 1, NULL, '{}', '{}', '{}') FROM t.model;

-- Bytes that nobody packed: a version, a field, its kind, groups and length.
SELECT omnicrm.match_compared_keys('\x02', false);
SELECT omnicrm.match_compared_keys('\x01', false);
SELECT omnicrm.match_whole_key('\x0100');
SELECT omnicrm.match_compared_keys('\x01100b0161', true);
SELECT omnicrm.match_compared_keys('\x01008e0161', false);
SELECT omnicrm.match_compared_keys('\x0100d1016100', false);
SELECT omnicrm.match_compared_keys('\x01008100', false);
SELECT omnicrm.match_compared_keys('\x01008241', false);
SELECT omnicrm.match_compared_keys('\x0100830131', false);
SELECT omnicrm.match_compared_keys('\x0100810261', false);
SELECT omnicrm.match_compared_keys('\x01008b016100810161', false);
SELECT omnicrm.match_key_limits(model, '\x01008b0161') FROM t.model;
SELECT omnicrm.match_weigh(model, '\x010e8b0161', '') FROM t.model;
SELECT omnicrm.match_weigh(model, '', '\x0109890161') FROM t.model;

-- Every beginning of a record, every bit of it turned, bytes at random: a result or an error, never a crash.
CREATE FUNCTION t.tried(compared bytea, other bytea) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  m jsonb := (SELECT model FROM t.model);
  result text := '';
BEGIN
  BEGIN
    PERFORM omnicrm.match_compared_keys(compared, false), omnicrm.match_whole_key(compared);
    result := 'keys';
  EXCEPTION WHEN invalid_parameter_value THEN
    result := 'error';
  END;
  BEGIN
    PERFORM omnicrm.match_key_limits(m, compared), omnicrm.match_weigh(m, compared, other), omnicrm.match_weigh(m, other, compared),
            omnicrm.match_weigh(m, compared, compared), omnicrm.match_meet(m, 1, compared, '{}', ARRAY[2, 3], ARRAY[other, compared]),
            omnicrm.match_meet(m, 2, other, '{}', ARRAY[1], ARRAY[compared]);
    RETURN result || ', weights';
  EXCEPTION WHEN invalid_parameter_value THEN
    RETURN result || ', error';
  END;
END
$$;
CREATE TABLE t.sample AS SELECT compared FROM t.held ORDER BY length(compared) DESC, compared LIMIT 2;
SELECT result, count(*) > 0 AS some FROM t.sample AS s, generate_series(0, length(s.compared) - 1) AS n, t.tried(substr(s.compared, 1, n), s.compared) AS result GROUP BY result ORDER BY result;
SELECT result, count(*) > 0 AS some FROM t.sample AS s, generate_series(0, 8 * length(s.compared) - 1) AS n, t.tried(set_bit(s.compared, n, 1 - get_bit(s.compared, n)), s.compared) AS result
GROUP BY result ORDER BY result;
SELECT result, count(*) > 0 AS some
FROM (SELECT decode(string_agg(md5(n || ' ' || i), '' ORDER BY i), 'hex') AS bytes FROM generate_series(1, 500) AS n, generate_series(1, 1 + n % 5) AS i GROUP BY n) AS r,
     (SELECT compared FROM t.sample LIMIT 1) AS s, t.tried('\x01'::bytea || substr(r.bytes, 2), s.compared) AS result GROUP BY result ORDER BY result;

-- The keys in an index.
CREATE INDEX ON t.held USING gin (omnicrm.match_short_keys(omnicrm.match_compared_keys(compared, false)));
SET enable_seqscan = off;
SELECT count(*) = (SELECT count(*) FROM t.keyed AS k WHERE k.keys && (SELECT keys FROM t.keyed WHERE id = 30)) AS found
FROM t.held WHERE omnicrm.match_short_keys(omnicrm.match_compared_keys(compared, false)) && (SELECT omnicrm.match_short_keys(keys) FROM t.keyed WHERE id = 30);
SELECT omnicrm.match_short_keys('{8589934593, 1, -1, 4294967295, 5}'), omnicrm.match_short_keys('{}');
SELECT omnicrm.match_short_keys('{1, NULL}');
DROP SCHEMA t CASCADE;
