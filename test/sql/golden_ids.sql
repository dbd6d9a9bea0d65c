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
DROP SCHEMA crm, crm_bi, t CASCADE;
