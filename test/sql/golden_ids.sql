-- Ids go with the record that they were made for, whatever is merged and split
-- in between, in whatever order.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60);
CREATE SCHEMA t;
CREATE TABLE t.customer (key text, name text, email text);
CREATE FUNCTION t.load() RETURNS void LANGUAGE sql AS $$
  SELECT crm.load('web', 't.customer', '{"key": "key", "full_name": "name", "email": "email"}');
  SELECT crm.resolve();
$$;
CREATE FUNCTION t.decide(a bigint, b bigint, same boolean) RETURNS void LANGUAGE sql AS $$
  SELECT crm.decide_match(a, b, same, 'test');
$$;
CREATE VIEW t.who AS
SELECT m.customer_id, string_agg(m.record_id || coalesce(' (' || m.home_id || ')', ''), ', ' ORDER BY m.record_id) AS "records (id made for them)"
FROM crm.customer_member AS m GROUP BY m.customer_id;
CREATE VIEW t.ids AS
SELECT c.customer_id, c.state, crm.current_id(c.customer_id) AS living, r.customer_id AS redirected FROM crm.customer AS c
LEFT JOIN crm.customer_redirect AS r ON r.old_id = c.customer_id;

-- Records 1 and 2 are one customer, 3 and 4 are one each.
INSERT INTO t.customer VALUES ('1', 'Ana Gil Mora', 'ana@sol-hotel.es'), ('2', 'Ana Gil Mora', 'ana@sol-hotel.es'),
                              ('3', 'Luis Rey Sanz', 'luis@sol-hotel.es'), ('4', 'Eva Paz Toro', 'eva@sol-hotel.es');
SELECT t.load();
SELECT * FROM t.who ORDER BY 1;
-- Record 2, older than 3, gets a younger id than that.
SELECT t.decide(1, 2, false);
SELECT * FROM t.who ORDER BY 1;
-- Together they have the older id; apart each has its own again.
SELECT t.decide(2, 3, true);
SELECT * FROM t.who ORDER BY 1;
SELECT * FROM t.ids ORDER BY 1;
SELECT t.decide(2, 3, NULL);
SELECT * FROM t.who ORDER BY 1;
-- Two merges, taken back in the order in which they were made.
SELECT t.decide(3, 4, true), t.decide(2, 4, true);
SELECT * FROM t.who ORDER BY 1;
SELECT t.decide(3, 4, NULL);
SELECT * FROM t.who ORDER BY 1;
SELECT t.decide(2, 4, NULL), t.decide(1, 2, NULL);
SELECT * FROM t.who ORDER BY 1;
-- The id that the split had needed stays known.
SELECT * FROM t.ids ORDER BY 1;
SELECT * FROM crm.check();

-- The record that an id was made for is deleted: the id stays with the others,
-- as do the ids that point to it.
SELECT t.decide(1, 3, true);
SELECT * FROM t.who ORDER BY 1;
DELETE FROM crm.identifier WHERE record_id IN (1, 2);
DELETE FROM crm.source_record WHERE record_id IN (1, 2);
INSERT INTO crm.resolve_queue (record_id) VALUES (3);
SELECT counts - 'ms' FROM crm.resolve();
SELECT * FROM t.who ORDER BY 1;
SELECT * FROM t.ids ORDER BY 1;
SELECT t.decide(3, 4, true);
SELECT * FROM t.who ORDER BY 1;
SELECT * FROM t.ids ORDER BY 1;
SELECT t.decide(3, 4, NULL);
SELECT * FROM t.ids ORDER BY 1;
SELECT * FROM crm.check();

-- One index probe for any id.
CREATE FUNCTION t.plan() RETURNS SETOF text LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$
BEGIN
  RETURN QUERY EXECUTE (SELECT 'EXPLAIN (COSTS off) ' || replace(p.prosrc, '$1', '2') FROM pg_proc AS p WHERE p.oid = 'crm.current_id(bigint)'::regprocedure);
END $$;
SELECT * FROM t.plan();
SELECT crm.current_id(NULL), crm.current_id(999);

-- What was tampered with is found.
BEGIN;
UPDATE crm.customer SET merged_into = 4 WHERE customer_id = 2;
SELECT * FROM crm.check();
ROLLBACK;
BEGIN;
UPDATE crm.customer_member SET home_id = 3 WHERE record_id = 3;
SELECT * FROM crm.check();
ROLLBACK;
-- The same in one step, against the definition in SQL, for 300 cases at random: records,
-- customers of before, ids made for them, clusters.
CREATE FUNCTION t.given(records bigint[], olds bigint[], homes bigint[], nodes bigint[], roots bigint[]) RETURNS text LANGUAGE sql AS $$
  WITH clustered AS (
    SELECT r.record_id, r.old_id, r.home_id AS old_home, coalesce(min(n.root), r.record_id) AS cluster
    FROM unnest(records, olds, homes) AS r(record_id, old_id, home_id) LEFT JOIN unnest(nodes, roots) AS n(node, root) ON n.node = r.record_id
    GROUP BY 1, 2, 3
  ), inherited AS (
    SELECT c.*, CASE WHEN c.old_id IS NOT NULL AND NOT coalesce(bool_or(c.old_home = c.old_id) OVER w, false)
                          AND c.record_id = coalesce(min(c.record_id) FILTER (WHERE c.old_home IS NULL) OVER w, min(c.record_id) OVER w)
                     THEN c.old_id ELSE c.old_home END AS home
    FROM clustered AS c WINDOW w AS (PARTITION BY c.old_id)
  ), owned AS (
    SELECT i.*, coalesce(min(i.home) OVER c, -i.cluster) AS customer, min(i.home) OVER c IS NULL AND i.record_id = i.cluster AS is_new
    FROM inherited AS i WINDOW c AS (PARTITION BY i.cluster)
  ), told AS (
    SELECT o.record_id, o.customer, coalesce(o.home, CASE WHEN o.is_new THEN o.customer END) AS home, o.old_id, o.old_home, o.is_new,
           min(o.cluster) OVER (PARTITION BY o.old_id) <> max(o.cluster) OVER (PARTITION BY o.old_id) AS torn
    FROM owned AS o
  )
  SELECT concat_ws(' ', array_agg(t.record_id ORDER BY t.customer, t.record_id), array_agg(t.customer ORDER BY t.customer, t.record_id), array_agg(t.home ORDER BY t.customer, t.record_id),
                   array_agg(t.old_id ORDER BY t.customer, t.record_id),
                   bool_or(t.old_id IS NOT NULL AND (t.old_id <> t.customer OR t.home IS DISTINCT FROM t.old_home)), count(*) FILTER (WHERE t.is_new),
                   count(DISTINCT t.old_id) FILTER (WHERE t.torn))
  FROM told AS t
$$;
WITH drawn AS (
  SELECT c.c, r.r AS record_id, CASE WHEN h.h % 4 > 0 THEN 1 + h.h / 4 % 5 END AS old_id, h.h / 32 % 3 AS own, 1 + h.h / 128 % r.r AS root
  FROM generate_series(1, 300) AS c(c) CROSS JOIN LATERAL generate_series(1, 1 + c.c % 9) AS r(r)
  CROSS JOIN LATERAL (SELECT abs(hashtextextended(c.c || ' ' || r.r, 0)) AS h) AS h
), rooted AS (
  -- A record goes with the root of an earlier one, or is a root.
  SELECT d.*, CASE WHEN d.root = d.record_id OR d.own = 2 THEN d.record_id ELSE 1 END AS cluster,
         -- An id is made for one record.
         CASE WHEN d.own > 0 AND d.old_id IS NOT NULL AND row_number() OVER (PARTITION BY d.c, d.old_id ORDER BY d.own DESC, d.record_id) = 1 THEN d.old_id
              WHEN d.own = 1 AND d.old_id IS NOT NULL THEN 100 + d.record_id END AS home_id
  FROM drawn AS d
), cases AS (
  SELECT r.c, array_agg(r.record_id ORDER BY md5(r.record_id::text)) AS records, array_agg(r.old_id ORDER BY md5(r.record_id::text)) AS olds,
         array_agg(r.home_id ORDER BY md5(r.record_id::text)) AS homes, coalesce(array_agg(r.record_id) FILTER (WHERE r.record_id % 4 > 0), '{}') AS nodes,
         coalesce(array_agg(r.cluster) FILTER (WHERE r.record_id % 4 > 0), '{}') AS roots
  FROM rooted AS r GROUP BY r.c
)
SELECT count(*) AS cases, count(*) FILTER (WHERE g.moved) > 50 AS moved, sum(g.created) > 50 AS created, sum(g.split) > 50 AS split,
       count(*) FILTER (WHERE concat_ws(' ', g.records, g.customers, g.homes, g.olds, g.moved, g.created, g.split)
                              <> t.given(c.records, c.olds, c.homes, c.nodes, c.roots)) AS differences
FROM cases AS c CROSS JOIN LATERAL omnicrm.give_ids(c.records, c.olds, c.homes, c.nodes, c.roots, NULL) AS g;
CREATE SEQUENCE t.made START 50;
SELECT * FROM omnicrm.give_ids('{9,4,7}', '{NULL,NULL,3}', '{NULL,NULL,3}', '{}', '{}', 't.made');
SELECT * FROM omnicrm.give_ids('{}', '{}', '{}', '{}', '{}', 't.made');
\set VERBOSITY terse
SELECT omnicrm.give_ids('{1}', '{}', '{NULL}', '{}', '{}', NULL);
SELECT omnicrm.give_ids('{1}', '{NULL}', '{NULL}', '{1}', '{}', NULL);
SELECT omnicrm.give_ids('{1}', '{NULL}', '{NULL}', '{2}', '{1}', NULL);
SELECT omnicrm.give_ids('{1,NULL}', '{NULL,NULL}', '{NULL,NULL}', '{}', '{}', NULL);
SELECT omnicrm.give_ids(NULL, '{NULL}', '{NULL}', '{2}', '{1}', NULL);
DROP SCHEMA crm, crm_bi, t CASCADE;
