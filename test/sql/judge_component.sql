-- Who belongs together among few records: what solve_component() makes of shared
-- values, links of the model and decisions, against the same steps in SQL.
\set VERBOSITY terse
\set SHOW_CONTEXT never
SET client_min_messages = warning;
CREATE SCHEMA t;
SET search_path = t, public;

CREATE TABLE rule AS
SELECT r::omnicrm.judge_rule AS rule, (r::omnicrm.judge_rule).*
FROM (VALUES ('tax_id', 1, 200, 0.0, false, false), ('email', 5, 50, 0.72, false, true), ('name_birth', 6, 20, 0.9, false, false),
             ('phone', 7, 50, 0.8, true, true), ('model', 10, 4, 0.8, true, true)) AS r(kind, priority, max_records, similarity, guard, mistyped);
CREATE TABLE person (id bigint, kind text DEFAULT 'person', full_name text, born date, email text, phone text, tax_id text);
CREATE VIEW judged AS
SELECT p.id, hashtextextended(p.id::text, 0) AS tie,
       ROW (p.kind, p.full_name, omnicrm.name_key(p.full_name), p.born, true, p.email, p.phone, p.tax_id)::omnicrm.judged_person AS person
FROM person AS p;
CREATE FUNCTION solve(shared omnicrm.shared_value[], pairs omnicrm.judged_pair[]) RETURNS omnicrm.solved_component LANGUAGE sql AS $$
  SELECT omnicrm.solve_component(array_agg(j.id ORDER BY j.id), array_agg(j.person ORDER BY j.id), array_agg(j.tie ORDER BY j.id),
                                 (SELECT array_agg(r.rule) FROM rule AS r), shared, pairs)
  FROM judged AS j
$$;
CREATE FUNCTION show(s omnicrm.solved_component) RETURNS TABLE (a bigint, b bigint, kind text, value text, similarity numeric, attach boolean, decision text)
LANGUAGE sql AS $$
  SELECT p.record_a, p.record_b, p.kind, p.value, round(p.similarity::numeric, 2), p.attach, p.decision FROM unnest(s.pairs) AS p
$$;
CREATE FUNCTION clusters(s omnicrm.solved_component) RETURNS text LANGUAGE sql AS $$
  SELECT string_agg(c.members, ' | ' ORDER BY c.root)
  FROM (SELECT n.root, string_agg(n.node::text, ' ' ORDER BY n.node) AS members FROM unnest(s.nodes, s.roots) AS n(node, root) GROUP BY n.root) AS c
$$;
CREATE FUNCTION model(a bigint, b bigint, bits real) RETURNS omnicrm.judged_pair LANGUAGE sql AS $$
  SELECT ROW (a, b, 'model', bits || ' bits', 10, 0.99, bits, false, 'linked')::omnicrm.judged_pair
$$;
CREATE FUNCTION decided(a bigint, b bigint, same boolean) RETURNS omnicrm.judged_pair LANGUAGE sql AS $$
  SELECT ROW (a, b, 'decision', 'eva', 0, NULL, NULL, NULL, CASE WHEN same THEN 'linked' ELSE 'decided apart' END)::omnicrm.judged_pair
$$;
CREATE FUNCTION shared(kind text, value text, VARIADIC records bigint[]) RETURNS omnicrm.shared_value LANGUAGE sql AS $$
  SELECT ROW (kind, value, records)::omnicrm.shared_value
$$;

INSERT INTO person (id, kind, full_name, born, email, phone, tax_id) VALUES
  (1, 'person', 'Ana García López', '1980-02-03', 'ana@correo.es', NULL, '12345678Z'), (2, 'person', 'Ana Garcia Lopez', NULL, NULL, NULL, NULL),
  (3, 'person', 'Ana', NULL, NULL, NULL, NULL), (4, 'person', 'Luis Soto Gil', NULL, NULL, NULL, NULL),
  (5, 'person', 'Ana García López', '1955-07-30', NULL, NULL, NULL), (6, 'person', 'Ana García López', NULL, NULL, NULL, '00000000T'),
  (7, 'organisation', 'Soto SL', NULL, NULL, NULL, NULL), (8, 'person', NULL, NULL, NULL, NULL, NULL);
-- Of several values the strongest that links, or else that refuses; a name of one word attaches.
SELECT * FROM show(solve(ARRAY[shared('phone', '2', 1, 2), shared('email', 'x', 2, 1), shared('email', 'B', 1, 2), shared('email', 'b', 1, 2)], '{}'));
SELECT * FROM show(solve(ARRAY[shared('phone', '2', 1, 5), shared('email', 'x', 1, 5), shared('email', 'x', 4, 5, 1), shared('tax_id', 'y', 4, 1)], '{}'));
SELECT * FROM show(solve(ARRAY[shared('email', 'x', 3, 4, 1, 2, 8)], '{}'));
SELECT clusters(solve(ARRAY[shared('email', 'x', 3, 4, 1, 2, 8)], '{}')), clusters(solve(ARRAY[shared('device', 'no rule', 1, 2), shared('email', 'x', 1, 1), shared('email', 'y', 1)], '{}'));
SELECT * FROM show(solve(ARRAY[shared('email', 'x', 4, 7), shared('tax_id', 'x', 1, 6)], '{}'));
-- A decision before all, also of records that were not given; then a link by a value, then the model.
SELECT * FROM show(solve(ARRAY[shared('email', 'x', 1, 2, 4)], ARRAY[decided(1, 2, false), decided(1, 4, true), decided(4, 99, false), model(1, 2, 14), model(2, 4, 12)]));
SELECT * FROM show(solve(ARRAY[shared('email', 'x', 1, 2)], ARRAY[model(1, 2, 14), ROW (2, 77, 'phone', '6', 7, 0.1, NULL, false, 'names differ')::omnicrm.judged_pair]));
SELECT (solve(ARRAY[shared('email', 'x', 1, 2, 4)], ARRAY[decided(1, 2, false), model(1, 2, 14), model(2, 6, 12)])).judged;
-- Records that contradict each other do not meet by the model: 1 and 5 by birth, 1 and 4 by name unless it links them.
SELECT * FROM show(solve('{}', ARRAY[model(1, 2, 20), model(2, 5, 15)]));
SELECT clusters(solve('{}', ARRAY[model(1, 2, 20), model(2, 4, 15)])), clusters(solve('{}', ARRAY[model(1, 2, 20), model(2, 4, 15), model(1, 4, 14)]));
-- Four records at most in a group with links of the model; the other links stay.
SELECT * FROM show(solve(ARRAY[shared('email', 'x', 1, 2, 3, 8)], ARRAY[model(2, 6, 11)]));
SELECT solve('{}', '{}'), omnicrm.solve_component('{}', '{}', '{}', '{}', '{}', '{}'), omnicrm.solve_component('{}', '{}', '{}', NULL, '{}', '{}') IS NULL AS strict;

-- Against the steps one by one, on records, values, links and decisions by chance.
CREATE FUNCTION pick(seed bigint, salt integer, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT (abs(hashint8extended(seed, salt) % n))::integer
$$;
CREATE FUNCTION people(seed bigint, n integer) RETURNS void LANGUAGE sql AS $$
  DELETE FROM person;
  INSERT INTO person
  SELECT 3 * i, CASE WHEN pick(s, 1, 15) = 0 THEN 'organisation' ELSE 'person' END,
         CASE WHEN pick(s, 2, 20) > 0 THEN concat_ws(' ', (ARRAY['María', 'Maria', 'Antonio', 'Antonia', 'José', 'Pepe'])[1 + pick(s, 3, 6)],
                                                 (ARRAY['García López', 'Garcia Lopes', 'García', 'Ruiz Pérez', NULL])[1 + pick(s, 4, 5)]) END,
         CASE WHEN pick(s, 5, 2) = 0 THEN date '1960-01-01' + 4000 * pick(s, 6, 3) + pick(s, 7, 2) END,
         CASE WHEN pick(s, 8, 2) = 0 THEN 'e' || pick(s, 9, 4) END, CASE WHEN pick(s, 10, 2) = 0 THEN 'p' || pick(s, 11, 4) END,
         CASE WHEN pick(s, 12, 6) = 0 THEN (ARRAY['12345678Z', '00000000T', 'B12345674'])[1 + pick(s, 13, 3)] END
  FROM generate_series(1, n) AS i CROSS JOIN LATERAL (SELECT 1000 * seed + i AS s) AS k
$$;
CREATE TABLE chance_value (shared omnicrm.shared_value);
CREATE TABLE chance_pair (pair omnicrm.judged_pair);
CREATE FUNCTION chance(seed bigint) RETURNS void LANGUAGE sql AS $$
  SELECT people(seed, 3 + pick(seed, 30, 20));
  DELETE FROM chance_value;
  DELETE FROM chance_pair;
  INSERT INTO chance_value
  SELECT ROW (v.kind, v.value, array_agg(p.id))::omnicrm.shared_value
  FROM person AS p, generate_series(1, 7 + pick(seed, 31, 3)) AS n,
       LATERAL (SELECT (ARRAY['email', 'phone', 'name_birth', 'tax_id', 'device'])[1 + pick(n + seed, 21, 5)] AS kind, 'v' || pick(n + seed, 22, 5) AS value) AS v
  WHERE pick(p.id + 100 * n + 10000 * seed, 23, 5) = 0
  GROUP BY v.kind, v.value;
  INSERT INTO chance_pair
  SELECT CASE WHEN pick(s, 24, 6) = 0 THEN decided(a.id, b.id, pick(s, 25, 2) = 0) ELSE model(a.id, b.id, (6 + pick(s, 26, 9))::real) END
  FROM person AS a, LATERAL (SELECT b.id, 100 * a.id + b.id + 100000 * seed AS s FROM person AS b WHERE b.id > a.id) AS b
  WHERE pick(s, 27, 9) = 0
  UNION ALL SELECT decided(a.id, 1000 + a.id, false) FROM person AS a WHERE pick(a.id + 100000 * seed, 28, 9) = 0;
$$;
-- What the steps of crm.resolve() make of them.
CREATE FUNCTION stepwise(OUT pairs omnicrm.judged_pair[], OUT nodes bigint[], OUT roots bigint[]) LANGUAGE plpgsql AS $$
DECLARE
  found omnicrm.linked_components;
BEGIN
  CREATE TEMP TABLE joined ON COMMIT DROP AS
  SELECT DISTINCT ON (p.record_a, p.record_b) p.*
  FROM (SELECT (k.pair).* FROM chance_pair AS k
        UNION ALL
        (SELECT DISTINCT ON (e.a, e.b) e.a, e.b, e.kind, e.value, e.priority, (e.judgement).similarity, NULL::real, (e.judgement).attach, (e.judgement).decision
         FROM (SELECT a.id AS a, b.id AS b, r.kind, (v.shared).value, r.priority,
                      omnicrm.judge_value(a.person, b.person, r.min_name_similarity, r.birth_date_guard, r.accept_mistyped) AS judgement
               FROM chance_value AS v
               JOIN rule AS r ON r.kind = (v.shared).kind
               JOIN judged AS a ON a.id = ANY ((v.shared).records)
               JOIN judged AS b ON b.id = ANY ((v.shared).records) AND b.id > a.id) AS e
         ORDER BY e.a, e.b, (e.judgement).decision = 'linked' DESC, (e.judgement).attach, e.priority, e.value COLLATE "C")) AS p
  ORDER BY p.record_a, p.record_b,
           CASE WHEN p.kind = 'decision' THEN 1 WHEN p.kind <> 'model' AND p.decision = 'linked' THEN 2 WHEN p.kind = 'model' THEN 3 ELSE 4 END;
  SELECT (c.components).* INTO found
  FROM (SELECT omnicrm.link_components(p.record_a, p.record_b, 0, NULL, NULL, false, true, true, NULL, NULL) AS components FROM joined AS p WHERE p.decision = 'linked') AS c;
  CREATE TEMP TABLE grouped ON COMMIT DROP AS
  SELECT n.node, n.root, count(*) OVER (PARTITION BY n.root) AS records
  FROM unnest(found.node, found.root) AS n(node, root)
  WHERE n.root IN (SELECT m.root FROM unnest(found.node, found.root) AS m(node, root) JOIN joined AS p ON p.record_a = m.node AND p.kind = 'model' AND p.decision = 'linked');
  UPDATE joined AS p SET decision = 'groups differ' FROM grouped AS g WHERE g.node = p.record_a AND g.records > 4 AND p.kind = 'model' AND p.decision = 'linked';
  SELECT (c.components).* INTO found
  FROM (SELECT omnicrm.link_components(l.a, l.b, l.priority, l.similarity, a.tie # b.tie, l.attach,
                 ((a.person).name_key LIKE '% %' OR (a.person).kind = 'organisation' AND (a.person).name_key <> '') IS TRUE,
                 ((b.person).name_key LIKE '% %' OR (b.person).kind = 'organisation' AND (b.person).name_key <> '') IS TRUE,
                 CASE WHEN omnicrm.tax_id_kind((a.person).tax_id, 'ES') = 'person' THEN hashtextextended((a.person).tax_id, 0) END,
                 CASE WHEN omnicrm.tax_id_kind((b.person).tax_id, 'ES') = 'person' THEN hashtextextended((b.person).tax_id, 0) END) AS components
        FROM (SELECT p.record_a AS a, p.record_b AS b, p.priority, coalesce(p.strength, p.similarity) AS similarity, p.attach FROM joined AS p WHERE p.decision = 'linked'
              UNION ALL SELECT p.record_a, p.record_b, 0, '-Infinity', false FROM joined AS p WHERE p.decision = 'decided apart'
              UNION ALL
              SELECT x.node, y.node, 10, '-Infinity', false
              FROM grouped AS x
              JOIN grouped AS y ON y.root = x.root AND y.node > x.node AND x.records <= 4
              JOIN judged AS a ON a.id = x.node
              JOIN judged AS b ON b.id = y.node
              CROSS JOIN rule AS r
              CROSS JOIN LATERAL omnicrm.judge_contradiction(a.person, b.person, r.min_name_similarity, r.birth_date_guard, r.accept_mistyped) AS c(what)
              WHERE r.kind = 'model'
                AND (c.what = 'birth dates' OR c.what = 'names' AND model(x.node, y.node, 1)::text NOT IN (
                       SELECT model((k.pair).record_a, (k.pair).record_b, 1)::text FROM chance_pair AS k WHERE (k.pair).kind = 'model'))) AS l
        JOIN judged AS a ON a.id = l.a
        JOIN judged AS b ON b.id = l.b) AS c;
  nodes := coalesce(found.node, '{}');
  roots := coalesce(found.root, '{}');
  pairs := ARRAY(
    SELECT ROW (p.record_a, p.record_b, p.kind, p.value, p.priority, p.similarity, p.strength, coalesce(p.attach, false),
                CASE WHEN o.outcome = 2 THEN 'tax numbers differ' WHEN o.outcome = 3 THEN 'already linked elsewhere'
                     WHEN o.outcome = 4 THEN CASE WHEN p.kind = 'model' THEN 'groups differ' ELSE 'decided apart' END ELSE p.decision END)::omnicrm.judged_pair
    FROM joined AS p
    LEFT JOIN unnest(found.link_a, found.link_b, found.outcome) AS o(a, b, outcome) ON o.a = p.record_a AND o.b = p.record_b
    WHERE p.decision <> 'linked' OR o.outcome IS NOT NULL
    ORDER BY p.record_a, p.record_b);
  DROP TABLE joined, grouped;
END
$$;
CREATE TABLE tried (seed bigint, same boolean, turned boolean, solved omnicrm.solved_component);
DO $$
BEGIN
  FOR seed IN 1 .. 300 LOOP
    PERFORM t.chance(seed);
    INSERT INTO t.tried
    SELECT seed, (n.s).pairs IS NOT DISTINCT FROM w.pairs AND (n.s).nodes = w.nodes AND (n.s).roots = w.roots,
           n.s IS NOT DISTINCT FROM t.solve(ARRAY(SELECT v.shared FROM t.chance_value AS v ORDER BY v.shared DESC), ARRAY(SELECT p.pair FROM t.chance_pair AS p ORDER BY p.pair DESC)),
           n.s
    FROM t.solve(ARRAY(SELECT v.shared FROM t.chance_value AS v ORDER BY v.shared), ARRAY(SELECT p.pair FROM t.chance_pair AS p ORDER BY p.pair)) AS s
    CROSS JOIN LATERAL (SELECT s) AS n
    CROSS JOIN t.stepwise() AS w;
  END LOOP;
END $$;
SELECT count(*) AS tried, count(*) FILTER (WHERE same) AS same, count(*) FILTER (WHERE turned) AS same_turned FROM tried;
-- All that can become of a pair came up.
SELECT p.kind, p.decision, count(*) > 4 AS often FROM tried AS t, unnest((t.solved).pairs) AS p GROUP BY p.kind, p.decision ORDER BY p.kind, p.decision;

-- What is none.
DELETE FROM person;
INSERT INTO person (id, full_name) VALUES (1, 'Ana Ruiz'), (2, 'Eva Ruiz');
SELECT omnicrm.solve_component('{2,1}', array_agg(j.person), array_agg(j.tie), '{}', '{}', '{}') FROM judged AS j;
SELECT omnicrm.solve_component('{1,1}', array_agg(j.person), array_agg(j.tie), '{}', '{}', '{}') FROM judged AS j;
SELECT omnicrm.solve_component('{1,2,3}', array_agg(j.person), array_agg(j.tie), '{}', '{}', '{}') FROM judged AS j;
SELECT omnicrm.solve_component('{1,2}', array_agg(j.person), '{7}', '{}', '{}', '{}') FROM judged AS j;
SELECT omnicrm.solve_component('{1,NULL}', array_agg(j.person), array_agg(j.tie), '{}', '{}', '{}') FROM judged AS j;
SELECT omnicrm.solve_component('{1,2}', array_agg(j.person) || NULL::omnicrm.judged_person, array_agg(j.tie), '{}', '{}', '{}') FROM judged AS j;
SELECT omnicrm.solve_component('{1,2}', array_agg(j.person), array_agg(j.tie), ARRAY[ROW ('email', 1, 2, NULL, true, true)::omnicrm.judge_rule], '{}', '{}') FROM judged AS j;
SELECT solve(ARRAY[shared('email', 'x', 1, 3)], '{}');
SELECT solve(ARRAY[shared('email', 'x', 1, NULL)], '{}');
SELECT solve(ARRAY[shared('email', NULL, 1, 2)], '{}');
SELECT solve('{}', ARRAY[model(1, 3, 9)]);
SELECT solve('{}', ARRAY[model(2, 1, 9)]);
SELECT solve('{}', ARRAY[model(1, 1, 9)]);
SELECT solve('{}', ARRAY[model(1, 2, 'NaN')]);
SELECT solve('{}', ARRAY[model(1, NULL, 9)]);
SELECT solve('{}', ARRAY[ROW (1, 2, 'email', 'x', 5, 1, NULL, false, 'perhaps')::omnicrm.judged_pair]);
SELECT solve('{}', ARRAY[ROW (1, 2, 'email', 'x', -5, 1, NULL, false, 'linked')::omnicrm.judged_pair]);
SELECT omnicrm.solve_component('{1,2}', array_agg(j.person), array_agg(j.tie), '{}', '{}', ARRAY[model(1, 2, 9)]) FROM judged AS j;
SELECT clusters(solve('{}', ARRAY[model(1, 2, 'Infinity')])), clusters(solve('{}', ARRAY[model(1, 2, '-Infinity')]));
-- The pairs of dirty records alone: those that solve_component() judges by shared values.
CREATE FUNCTION judge(shared omnicrm.shared_value[], dirty bigint[]) RETURNS TABLE (a bigint, b bigint, kind text, value text, similarity numeric, attach boolean, decision text) LANGUAGE sql AS $$
  SELECT p.record_a, p.record_b, p.kind, p.value, round(p.similarity::numeric, 2), p.attach, p.decision
  FROM (SELECT array_agg(j.id ORDER BY j.id) AS ids, array_agg(j.person ORDER BY j.id) AS persons FROM judged AS j) AS j,
       unnest(omnicrm.judge_shared(j.ids, j.persons, (SELECT array_agg(r.rule) FROM rule AS r), shared, dirty)) AS p
$$;
TRUNCATE person;
INSERT INTO person (id, kind, full_name, born, email, phone, tax_id) VALUES
  (1, 'person', 'Ana García López', '1980-02-03', 'ana@correo.es', NULL, '12345678Z'), (2, 'person', 'Ana Garcia Lopez', NULL, NULL, NULL, NULL),
  (3, 'person', 'Ana', NULL, NULL, NULL, NULL), (4, 'person', 'Luis Soto Gil', NULL, NULL, NULL, NULL);
SELECT * FROM judge(ARRAY[shared('phone', '2', 1, 2, 4), shared('email', 'x', 4, 3, 1), shared('email', 'B', 1, 2), shared('device', 'no rule', 2, 3)], '{1}');
SELECT * FROM judge(ARRAY[shared('phone', '2', 1, 2, 4), shared('email', 'x', 4, 3, 1)], '{2,3,99}');
SELECT count(*) FROM judge(ARRAY[shared('phone', '2', 1, 2, 4)], '{}');
SELECT count(*) FROM judge(ARRAY[shared('phone', '2', 1, 99)], '{1}');
SELECT omnicrm.judge_shared('{1,2}', '{}', '{}', '{}', '{}');

-- What is linked, what changes, what is left.
CREATE FUNCTION pair(a bigint, b bigint, decision text, value text DEFAULT 'x', similarity real DEFAULT NULL) RETURNS omnicrm.judged_pair LANGUAGE sql AS $$
  SELECT ROW (a, b, CASE WHEN decision = 'decided apart' THEN 'decision' ELSE 'email' END, value, 1, similarity, NULL, false, decision)::omnicrm.judged_pair
$$;
SELECT omnicrm.linked_records(ARRAY[pair(7, 9, 'linked'), pair(1, 2, 'linked'), pair(1, 2, 'decided apart'), pair(2, 7, 'linked'), pair(2, 5, 'names differ'), pair(7, 9, 'linked')]),
       omnicrm.linked_records('{}'), omnicrm.linked_records(NULL) IS NULL AS strict;
SELECT omnicrm.linked_records(ARRAY[ROW (1, 2, NULL, 'x', 1, NULL, NULL, false, 'linked')::omnicrm.judged_pair]);
SELECT omnicrm.linked_records(ARRAY[ROW (1, 2, 'email', 'x', 1, NULL, NULL, false, 'liked')::omnicrm.judged_pair]);
SELECT c.gone_a, c.gone_b, (SELECT string_agg(concat_ws(' ', m.record_a, m.record_b, m.value, m.similarity, m.decision), ', ') FROM unnest(c.made) AS m) AS made, c.linked, c.refused
FROM omnicrm.changed_links(
  '{1}', '{1,2,3,4}',
  ARRAY[pair(1, 2, 'linked'), pair(1, 2, 'linked'), pair(1, 9, 'names differ'), pair(2, 3, 'linked'), pair(2, 9, 'linked'), pair(3, 4, 'linked', 'x', 0.5), pair(2, 4, 'names differ'),
        pair(8, 9, 'linked')],
  ARRAY[pair(3, 4, 'linked', 'x', 0.25), pair(1, 2, 'linked'), pair(1, 3, 'linked', 'new'), pair(2, 4, 'linked')]) AS c;
SELECT c.* FROM omnicrm.changed_links('{}', '{}', '{}', '{}') AS c;
SELECT omnicrm.distinct_ids('{3,1,3,-5,2}'), omnicrm.distinct_ids('{3,1,3,-5,2}', '{2,-5,9}'), omnicrm.distinct_ids('{}', '{1}'), omnicrm.distinct_ids(NULL) IS NULL AS strict;
SELECT omnicrm.distinct_ids('{1,NULL}');

-- Who holds a value, and whom clustering has kept apart.
SELECT omnicrm.shared_holders(ARRAY[shared('email', 'x', 9, 3), shared('phone', 'y', 3, -1)]), omnicrm.shared_holders('{}'), omnicrm.shared_holders(NULL) IS NULL AS strict;
SELECT omnicrm.shared_holders(ARRAY[ROW ('email', 'x', NULL)::omnicrm.shared_value]);
SELECT omnicrm.apart_records(ARRAY[pair(1, 2, 'linked'), pair(1, 3, 'names differ'), pair(1, 9, 'tax numbers differ'), pair(2, 8, 'already linked elsewhere'), pair(7, 8, 'groups differ'),
                                   pair(1, 2, 'decided apart'), pair(1, 9, 'tax numbers differ')], '{2,1}'), omnicrm.apart_records('{}', '{1}');
-- The links of the model, all or among some; pairs of two customers, also where one is not known.
CREATE FUNCTION candidates(VARIADIC pairs bigint[]) RETURNS omnicrm.judged_candidate[] LANGUAGE sql AS $$
  SELECT array_agg(ROW (pairs[i], pairs[i + 1], 12.25 + i, 0.75, '1-', CASE WHEN i % 3 = 0 THEN 'below the threshold' ELSE 'link' END)::omnicrm.judged_candidate)
  FROM generate_series(1, cardinality(pairs), 2) AS i
$$;
SELECT l.* FROM unnest(omnicrm.model_links(candidates(1, 2, 3, 4, 2, 9), (SELECT array_agg(r.rule) FROM rule AS r))) AS l;
SELECT l.record_a, l.record_b FROM unnest(omnicrm.model_links(candidates(1, 2, 3, 4, 2, 9, 2, 9), (SELECT array_agg(r.rule) FROM rule AS r), '{9,5,2}')) AS l;
SELECT omnicrm.model_links(NULL, '{}'), omnicrm.model_links('{}', '{}'), omnicrm.model_links(candidates(1, 2), '{}', '{1}');
SELECT omnicrm.model_links(candidates(1, 2), '{}');
SELECT omnicrm.model_links(candidates(1, 2), NULL);
SELECT omnicrm.model_links(ARRAY[ROW (1, NULL, 1, 1, '1', 'link')::omnicrm.judged_candidate], '{}');
SELECT omnicrm.model_links(ARRAY[NULL::omnicrm.judged_candidate], '{}');
SELECT omnicrm.paired_records(candidates(7, 9, 1, 2, 2, 3)), omnicrm.paired_records(NULL), omnicrm.paired_records('{}');
SELECT a.* FROM omnicrm.pairs_across(candidates(7, 9, 1, 2, 2, 3, 7, 9, 1, 8, 10, 11, 1, 3), '{3,2,1,7}', '{5,4,4,6}') AS a;
SELECT a.* FROM omnicrm.pairs_across(candidates(1, 2), '{1,2}', '{4,4}') AS a;
SELECT a.* FROM omnicrm.pairs_across(NULL, '{1,2}', '{4,4}') AS a;
SELECT omnicrm.pairs_across(NULL, '{1,2}', '{4}');
SELECT omnicrm.pairs_across(NULL, '{1,2}', NULL);
-- Some of those that are given: as if the others were not.
SELECT omnicrm.solve_component(g.ids, g.persons, g.ties, g.rules, ARRAY[shared('email', 'x', 1, 2)], ARRAY[decided(2, 4, false)], '{1,2}')
       IS NOT DISTINCT FROM omnicrm.solve_component(g.ids[1:2], g.persons[1:2], g.ties[1:2], g.rules, ARRAY[shared('email', 'x', 1, 2)], ARRAY[decided(2, 4, false)]) AS same
FROM (SELECT array_agg(j.id ORDER BY j.id) AS ids, array_agg(j.person ORDER BY j.id) AS persons, array_agg(j.tie ORDER BY j.id) AS ties,
             (SELECT array_agg(r.rule) FROM rule AS r) AS rules FROM judged AS j) AS g;
SELECT omnicrm.solve_component(array_agg(j.id ORDER BY j.id), array_agg(j.person ORDER BY j.id), array_agg(j.tie ORDER BY j.id), '{}', ARRAY[shared('email', 'x', 1, 4)], '{}', '{1,2}') FROM judged AS j;
DROP SCHEMA t CASCADE;
