-- Segmentation in the order that management names, over any table.
SET client_min_messages = warning;
\set SHOW_CONTEXT never

CREATE TABLE shop (id integer PRIMARY KEY, "the region" text, channel text, revenue numeric, margin double precision);
INSERT INTO shop
SELECT n, (ARRAY['north', 'south'])[1 + n % 2], CASE WHEN n % 10 = 0 THEN NULL WHEN n <= 8 THEN 'fair' WHEN n % 3 = 0 THEN 'web' ELSE 'shop' END,
       (n * 7919 % 101) ^ 2, (n * 7919 % 101) - 20
FROM generate_series(1, 300) AS n;
INSERT INTO shop VALUES (301, 'south', 'web', NULL, 5), (302, NULL, 'web', 10000, NULL);
SELECT level, path, customers, value, round(share_of_parent::numeric, 4) AS of_parent, round(share_of_all::numeric, 4) AS of_all, class,
       round(gini::numeric, 4) AS gini, round(top_share::numeric, 4) AS top, small
FROM omnicrm.segment_hierarchy('shop', '{"the region",channel}', '{revenue}', 20);
-- Children make up their parent, at each level; parts of a parent are its classes by definition.
CREATE TEMP TABLE node AS SELECT * FROM omnicrm.segment_hierarchy('shop', '{"the region",channel}', '{revenue,margin}', 20);
SELECT p.level, count(DISTINCT p.path) AS parents, bool_and(p.customers = c.customers AND p.value = c.value) AS add_up
FROM node AS p JOIN (SELECT path[:level - 1] AS path, sum(customers) AS customers, sum(value) AS value FROM node WHERE level > 0 GROUP BY 1) AS c USING (path)
GROUP BY p.level ORDER BY p.level;
SELECT level, count(*) AS nodes, sum(customers) AS customers, count(*) FILTER (WHERE small) AS small FROM node GROUP BY level ORDER BY level;
-- Each row is in one node, and the nodes have as many rows as they say.
SELECT count(*) AS nodes, bool_and(n.customers = m.members) AS as_many
FROM (SELECT path, count(*) AS members FROM omnicrm.segment_hierarchy_member('shop', 'id', '{"the region",channel}', '{revenue,margin}', 20) GROUP BY path) AS m
  FULL JOIN (SELECT * FROM node WHERE level = 4) AS n USING (path);
-- A large cell has its own limits; a small one (the fair) those of its region.
SELECT count(*) FILTER (WHERE m.path[3] IS DISTINCT FROM own.class) AS differs_from_own, count(*) FILTER (WHERE m.path[3] IS DISTINCT FROM own.of_region) AS differs_from_region,
       m.path[2] AS channel
FROM omnicrm.segment_hierarchy_member('shop', 'id', '{"the region",channel}', '{revenue}', 20) AS m
  JOIN (SELECT id, coalesce(omnicrm.abc_class(revenue) OVER (PARTITION BY "the region", channel), '(none)') AS class,
               coalesce(omnicrm.abc_class(revenue) OVER (PARTITION BY "the region"), '(none)') AS of_region FROM shop) AS own ON own.id = m.member::integer
WHERE m.path[1] = 'north'
GROUP BY m.path[2] ORDER BY 3;
-- Measures alone, one row, no row, a view, other limits.
SELECT level, path, customers, class FROM omnicrm.segment_hierarchy('shop', '{}', '{margin}', 1, '{.5}');
SELECT level, path, customers, class FROM omnicrm.segment_hierarchy('shop', NULL, '{margin}') WHERE level = 0;
CREATE VIEW one AS SELECT * FROM shop WHERE id = 7;
SELECT level, path, customers, share_of_all, class, small FROM omnicrm.segment_hierarchy('one', '{channel}', '{revenue}');
CREATE VIEW nobody AS SELECT * FROM shop WHERE id < 0;
SELECT * FROM omnicrm.segment_hierarchy('nobody', '{channel}', '{revenue}');
-- Names of columns are names, whatever they look like.
CREATE TABLE odd ("a'b""c; DROP TABLE shop" text, "%1$s" integer);
INSERT INTO odd VALUES ('x''y', 1), ('%I', 3);
SELECT level, path, value FROM omnicrm.segment_hierarchy('odd', ARRAY['a''b"c; DROP TABLE shop']::name[], ARRAY['%1$s']::name[]);
-- Bad arguments.
SELECT * FROM omnicrm.segment_hierarchy('shop', '{region}', '{revenue}');
SELECT * FROM omnicrm.segment_hierarchy('shop', '{channel}', '{}');
SELECT * FROM omnicrm.segment_hierarchy('shop', '{channel}', '{NULL}');
SELECT * FROM omnicrm.segment_hierarchy('shop', '{channel}', '{revenue}', 0);
SELECT * FROM omnicrm.segment_hierarchy('shop', '{channel}', '{revenue}', 30, '{2}');
SELECT * FROM omnicrm.segment_hierarchy('shop', '{channel}', '{channel}');
SELECT * FROM omnicrm.segment_hierarchy_member('shop', NULL, '{channel}', '{revenue}');
SELECT * FROM omnicrm.segment_hierarchy_member('shop', 'nobody', '{channel}', '{revenue}');
DROP VIEW one, nobody;
DROP TABLE shop, odd;
