-- link_components(): constrained clustering; dates_agree(), names_mistyped().
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET datestyle = 'ISO';
CREATE SCHEMA t;
CREATE TABLE t.link (a bigint, b bigint, priority integer, similarity real, tie bigint, attach boolean, a_named boolean, b_named boolean,
                     a_exclusive bigint, b_exclusive bigint);
CREATE VIEW t.found AS
SELECT omnicrm.link_components(a, b, priority, similarity, tie, attach, a_named, b_named, a_exclusive, b_exclusive) AS c FROM t.link;

-- No rows, one node, one link, a link with itself.
SELECT c FROM t.found;
INSERT INTO t.link (a) VALUES (7);
SELECT c FROM t.found;
INSERT INTO t.link (a, b, priority) VALUES (7, 7, NULL), (9, 7, 0);
SELECT c FROM t.found;
-- Chains, a link inside a cluster (not reported), smallest id as root, negative ids.
INSERT INTO t.link (a, b, priority) VALUES (9, -5, 1), (7, -5, 2), (20, 21, 1), (21, 22, 1), (22, 20, 1), (30, NULL, NULL);
SELECT (c).* FROM t.found;

-- Two exclusive values never meet; the better link wins the node between them.
TRUNCATE t.link;
INSERT INTO t.link (a, b, priority, similarity, a_exclusive, b_exclusive) VALUES
  (1, 2, 3, 0.9, 100, NULL), (2, 3, 3, 0.95, NULL, 200), (1, 4, 1, NULL, 100, 100), (3, 5, 2, 1, 200, NULL), (5, 4, 9, 1, NULL, 100);
SELECT (c).* FROM t.found;
-- Priority comes first, then similarity with null last, then tie, then ids.
TRUNCATE t.link;
INSERT INTO t.link (a, b, priority, similarity, tie, a_exclusive, b_exclusive) VALUES
  (1, 2, 2, 1, 0, 1, NULL), (2, 3, 1, NULL, 0, NULL, 2);
SELECT (c).root FROM t.found;
UPDATE t.link SET priority = 1;
SELECT (c).root FROM t.found;
UPDATE t.link SET similarity = NULL, tie = CASE a WHEN 1 THEN 5 ELSE -5 END;
SELECT (c).root FROM t.found;
UPDATE t.link SET tie = NULL;
SELECT (c).root FROM t.found;
UPDATE t.link SET similarity = CASE a WHEN 1 THEN '-0'::real ELSE 0 END;
SELECT (c).root FROM t.found;
UPDATE t.link SET similarity = CASE a WHEN 1 THEN '-infinity'::real ELSE 'infinity' END;
SELECT (c).root FROM t.found;
-- A node without a name joins one named cluster and bridges none; nodes
-- without names join each other.
TRUNCATE t.link;
INSERT INTO t.link (a, b, priority, similarity, attach, a_named, b_named) VALUES
  (1, 2, 5, 1, false, true, true), (9, 1, 1, NULL, true, false, true), (9, 3, 1, NULL, true, false, true),
  (8, 9, 2, NULL, true, false, false), (8, 3, 4, NULL, true, false, true), (7, 6, 1, NULL, true, false, false);
SELECT (c).* FROM t.found;

-- Pairs that stay apart: from the links of their priority on, through any chain;
-- a link that comes earlier joins them all the same.
TRUNCATE t.link;
INSERT INTO t.link (a, b, priority, similarity) VALUES
  (1, 2, 1, 1), (2, 3, 1, 0.9), (3, 4, 2, 1), (4, 5, 2, 0.5), (1, 5, 2, '-infinity'), (1, 3, 2, '-infinity'), (7, 8, 3, NULL), (8, 7, 3, '-infinity'),
  (20, 30, 5, '-infinity');
SELECT (c).* FROM t.found;
UPDATE t.link SET priority = 0 WHERE similarity = '-infinity';
SELECT (c).* FROM t.found;
-- Whatever the order, no such pair is together, and each refusal has a reason.
TRUNCATE t.link;
INSERT INTO t.link (a, b, priority, similarity)
SELECT x.a, x.b, 1 + (hashint8extended(x.n, 3) & 3), CASE WHEN hashint8extended(x.n, 4) & 3 = 0 THEN '-infinity'::real ELSE x.n END
FROM (SELECT n, 1 + (hashint8extended(n, 1) & 127) AS a, 1 + (hashint8extended(n, 2) & 127) AS b FROM generate_series(1, 400) AS n) AS x WHERE x.a <> x.b;
UPDATE t.link SET priority = 0 WHERE similarity = '-infinity';
WITH root AS (SELECT r.* FROM t.found CROSS JOIN LATERAL unnest((c).node, (c).root) AS r(node, root))
SELECT count(*) > 50 AS some_pairs, count(*) FILTER (WHERE x.root = y.root) AS together
FROM t.link AS l JOIN root AS x ON x.node = l.a JOIN root AS y ON y.node = l.b WHERE l.similarity = '-infinity';
WITH root AS (SELECT r.* FROM t.found CROSS JOIN LATERAL unnest((c).node, (c).root) AS r(node, root)),
     refused AS (SELECT u.* FROM t.found CROSS JOIN LATERAL unnest((c).link_a, (c).link_b, (c).outcome) AS u(a, b, outcome) WHERE u.outcome = 4)
SELECT count(*) > 20 AS some_refused,
       count(*) FILTER (WHERE NOT EXISTS (SELECT FROM t.link AS l JOIN root AS p ON p.node = l.a JOIN root AS q ON q.node = l.b
                                          WHERE l.similarity = '-infinity' AND (p.root, q.root) IN ((x.root, y.root), (y.root, x.root)))) AS without_reason
FROM refused AS r JOIN root AS x ON x.node = r.a JOIN root AS y ON y.node = r.b;

-- Hostile input.
SELECT omnicrm.link_components(NULL, 1, 1, 1, 0, false, true, true, NULL, NULL);
SELECT omnicrm.link_components(1, 2, NULL, 1, 0, false, true, true, NULL, NULL);
SELECT omnicrm.link_components(1, 2, -1, 1, 0, false, true, true, NULL, NULL);
SELECT omnicrm.link_components(1, 2, 1, 'NaN', 0, false, true, true, NULL, NULL);
SELECT omnicrm.link_components(1, g, 1, 1, 0, false, true, true, g, NULL) FROM generate_series(2, 3) AS g;
SELECT omnicrm.link_components(1, g, 1, 1, 0, false, g = 2, true, NULL, NULL) FROM generate_series(2, 3) AS g;
SELECT (omnicrm.link_components(g, 9223372036854775807, 2147483647, 1e38, 9223372036854775807, NULL, NULL, NULL, NULL, NULL)).*
FROM (VALUES ('-9223372036854775808'::bigint), (0)) AS v(g);

-- Any order of rows, two parallel halves, groups and window frames: one answer.
TRUNCATE t.link;
INSERT INTO t.link
SELECT x.a, x.b, x.p, (x.p % 7) / 7.0, NULL, NOT (x.a % 5 > 0 AND x.b % 5 > 0), x.a % 5 > 0, x.b % 5 > 0,
       CASE WHEN x.a % 11 = 0 THEN x.a / 110 END, CASE WHEN x.b % 11 = 0 THEN x.b / 110 END
FROM (SELECT (g * 7919) % 3001 AS a, (g * 104729) % 2999 AS b, g % 9 AS p FROM generate_series(1, 4000) AS g) AS x;
CREATE TABLE t.answer AS SELECT md5(c::text) AS answer FROM t.found;
SELECT count(DISTINCT m.answer) AS answers, bool_and(m.answer = a.answer) AS same
FROM t.answer AS a
CROSS JOIN LATERAL (
  SELECT md5(omnicrm.link_components(l.a, l.b, l.priority, l.similarity, l.tie, l.attach, l.a_named, l.b_named, l.a_exclusive, l.b_exclusive
                                     ORDER BY hashint8extended(l.a * 4000 + l.b, s))::text) AS answer
  FROM generate_series(1, 20) AS s CROSS JOIN t.link AS l GROUP BY s) AS m;
-- Ends swapped.
SELECT md5(omnicrm.link_components(l.b, l.a, l.priority, l.similarity, l.tie, l.attach, l.b_named, l.a_named, l.b_exclusive, l.a_exclusive)::text) = a.answer AS same
FROM t.link AS l CROSS JOIN t.answer AS a GROUP BY a.answer;
SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0; SET max_parallel_workers_per_gather = 2;
ALTER TABLE t.link SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT c FROM t.found;
SELECT md5(c::text) = answer AS same FROM t.found CROSS JOIN t.answer;
RESET max_parallel_workers_per_gather;
SELECT (omnicrm.link_components(g, g + 1, 1, 1, 0, false, true, true, NULL, NULL) OVER (ORDER BY g ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)).root
FROM generate_series(1, 4) AS g;
-- Invariants: an exclusive value to a cluster; the number of joining links.
SELECT count(*) AS mixed_clusters
FROM (SELECT FROM t.found
      CROSS JOIN LATERAL unnest((c).node, (c).root) AS u(node, root)
      WHERE u.node % 11 = 0 GROUP BY u.root HAVING count(DISTINCT u.node / 110) > 1) AS m;
SELECT cardinality((c).node) - count(DISTINCT u.root) = (SELECT count(*) FROM unnest((c).outcome) AS o WHERE o = 1) AS tree
FROM t.found CROSS JOIN LATERAL unnest((c).root) AS u(root) GROUP BY c;
-- Without constraints: the components that plain SQL finds.
TRUNCATE t.link;
INSERT INTO t.link (a, b, priority) SELECT (g * 7919) % 1501, (g * 104729) % 1499, 1 FROM generate_series(1, 700) AS g;
WITH RECURSIVE edge AS (SELECT a, b FROM t.link UNION SELECT b, a FROM t.link),
  reach AS (SELECT a AS node, a AS other FROM edge UNION SELECT r.node, e.b FROM reach AS r JOIN edge AS e ON e.a = r.other),
  plain AS (SELECT node, min(other) AS root FROM reach GROUP BY node)
SELECT count(*) AS nodes, count(*) FILTER (WHERE p.root <> u.root) AS different, count(DISTINCT p.root) AS clusters
FROM plain AS p JOIN (SELECT x.* FROM t.found CROSS JOIN LATERAL unnest((c).node, (c).root) AS x(node, root)) AS u USING (node);

-- Dates.
SELECT a, b, omnicrm.dates_agree(a, b)
FROM (VALUES ('1980-05-12'::date, '1980-05-12'::date), ('1980-05-12', '1980-05-13'), ('1980-05-12', '1908-05-12'), ('1980-05-12', '1980-12-05'),
             ('1980-05-12', '1981-12-05'), ('1980-05-12', '1980-06-13'), ('1980-05-12', '1990-05-12'), ('1980-05-12', '1890-05-12'),
             ('1980-05-12', 'infinity'), ('infinity', 'infinity'), ('infinity', '-infinity'), ('0044-03-15 BC', '0044-03-16 BC'),
             ('10000-01-01', '10000-01-02'), ('1980-05-12', NULL)) AS v(a, b);
SELECT count(*) AS asymmetric FROM generate_series(0, 3000) AS i CROSS JOIN LATERAL (SELECT date '1970-01-01' + i AS a, date '1970-01-01' + (i * 37) % 20000 AS b) AS d
WHERE omnicrm.dates_agree(d.a, d.b) <> omnicrm.dates_agree(d.b, d.a);

-- Names with typing errors.
SELECT left(a, 20) AS a, b, omnicrm.names_mistyped(a, b), omnicrm.names_mistyped(b, a) = omnicrm.names_mistyped(a, b) AS symmetric
FROM (VALUES ('Wiiliam Davidsen', 'Davidsen Wdlliam'), ('Pdul Dacruz', 'Pacl Dacruz'), ('Pdul Dacruz', 'Pacl Dacrus'), ('Pdul Dacruz', 'Pacl Dakrus'),
             ('Ana García', 'Eva García'), ('Marta Gil', 'María Gil'), ('Juan Pérez', 'Juan Pérez Gil'), ('Juan Pérez', 'Pérez, Juan'),
             ('Wdlliam', 'Wiiliam'), ('Wilxiam', 'William'), ('a b', 'a c'), ('', 'Ana'), (NULL, 'Ana'), (repeat('x', 2000), 'Ana')) AS v(a, b);
DROP SCHEMA t CASCADE;
