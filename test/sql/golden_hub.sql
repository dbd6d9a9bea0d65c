-- Golden customers: surviving values, their lineage, rebuilding, checking.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60);
SELECT crm.add_source('store', 'loyalty', 80);
SELECT crm.add_source('news', 'newsletter', 30);
CREATE SCHEMA t;
CREATE TABLE t.customer (source text, key text, name text, email text, phone text, birth text, gender text, street text, postcode text, city text,
                         card text, made text, shoe text, colour text);
INSERT INTO t.customer VALUES
  ('web', '1', 'Lucía Romero Gil', 'lucia@sol-hotel.es', '600111222', '1986-05-08', 'F', 'Calle Mayor 1', '28001', 'Madrid', NULL, '2020-03-01', '38', 'red'),
  ('store', '1', 'ROMERO GIL LUCIA', 'lucia@sol-hotel.es', NULL, '2018-05-08', 'M', NULL, NULL, NULL, 'C-1', '2019-01-10', '39', NULL),
  ('news', '1', 'Lucía Romero', 'lucia@sol-hotel.es', '600111223', NULL, NULL, NULL, '48001', 'Bilbao', NULL, '2023-06-30', NULL, 'blue'),
  ('web', '2', 'Tomás Ibáñez Rey', 'tomas@sol-hotel.es', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE FUNCTION t.load() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  s text;
BEGIN
  FOREACH s IN ARRAY '{web,store,news}'::text[] LOOP
    EXECUTE format('CREATE OR REPLACE TEMP VIEW incoming AS SELECT * FROM t.customer WHERE source = %L', s);
    PERFORM crm.load(s, 'pg_temp.incoming', '{"key": "key", "full_name": "name", "email": "email", "phone": "phone", "birth_date": "birth",
      "gender": "gender", "street": "street", "postcode": "postcode", "city": "city", "loyalty_card": "card", "business_at": "made",
      "attributes": ["shoe", "colour"]}');
  END LOOP;
  PERFORM crm.resolve();
END $$;
SELECT t.load();

\x on
SELECT customer_id, kind, state, full_name, birth_date, gender, email, phone, street, postcode, city, loyalty_card, attributes, name_tokens,
  certainty, record_count, source_count, first_seen, last_seen FROM crm.customer ORDER BY customer_id;
\x off
SELECT * FROM crm.lineage(1);
SELECT * FROM crm.lineage(999);
SELECT decision, kind, value, similarity, certainty, told_a, told_b, other_customer, reason FROM crm.explain_match(1);
SELECT * FROM crm.explain_match(999);

-- Another rule, another trust: nothing happens until customers are rebuilt, and
-- then only to those that change.
UPDATE crm.survivorship_rule SET rule = 'trust' WHERE unit = 'address';
UPDATE crm.survivorship_rule SET rule = 'oldest' WHERE unit = 'phone';
SELECT street, city, phone FROM crm.customer WHERE customer_id = 1;
SELECT invariant, key FROM crm.check();
UPDATE crm.customer SET updated_at = '2000-01-01';
SELECT crm.rebuild_customers();
SELECT customer_id, street, city, phone, updated_at > '2000-01-01' AS touched FROM crm.customer ORDER BY 1;
SELECT attribute, value, source, rule FROM crm.lineage(1) WHERE attribute IN ('street', 'city', 'phone');
SELECT crm.rebuild_customers(), crm.rebuild_customers('{1,2,NULL,999}'), crm.rebuild_customers('{}');
-- Some customers alone go by the rules in force.
UPDATE crm.source SET trust = 99 WHERE name = 'news';
SELECT crm.rebuild_customers('{1}'), full_name FROM crm.customer WHERE customer_id = 1;
SELECT crm.rebuild_customers();
SELECT full_name, gender, attributes FROM crm.customer WHERE customer_id = 1;
-- An attribute without a rule goes by trust.
UPDATE crm.survivorship_rule SET rule = 'recent' WHERE unit = 'address';
DELETE FROM crm.survivorship_rule WHERE unit = 'gender';
SELECT crm.rebuild_customers();
SELECT gender FROM crm.customer WHERE customer_id = 1;

-- A changed record changes its customer, and updated_at, once.
UPDATE crm.customer SET updated_at = '2000-01-01';
UPDATE t.customer SET email = 'tomas@nuevo-hotel.es', made = '2024-05-05' WHERE key = '2';
SELECT t.load();
SELECT customer_id, email, first_seen, updated_at > '2000-01-01' AS touched FROM crm.customer ORDER BY 1;
SELECT t.load();
SELECT * FROM crm.check();

-- What was tampered with is found, one row each, and mended.
CREATE FUNCTION t.found() RETURNS TABLE (invariant text, n bigint) LANGUAGE sql AS $$
  SELECT c.invariant, count(*) FROM crm.check() AS c GROUP BY 1 ORDER BY 1
$$;
BEGIN;
UPDATE crm.customer SET full_name = 'Somebody Else' WHERE customer_id = 2;
SELECT * FROM crm.check();
SELECT crm.rebuild_customers('{2}');
SELECT * FROM crm.check();
ROLLBACK;
BEGIN;
DELETE FROM crm.customer_member WHERE record_id = (SELECT min(record_id) FROM crm.source_record);
SELECT * FROM t.found();
ROLLBACK;
BEGIN;
DELETE FROM crm.customer_member WHERE customer_id = 2;
SELECT * FROM t.found();
SELECT crm.rebuild_customers();
SELECT state, full_name, email FROM crm.customer WHERE customer_id = 2;
SELECT * FROM t.found();
-- The record comes back, as a customer of its own.
INSERT INTO crm.resolve_queue (record_id) SELECT record_id FROM crm.source_record WHERE source_key = '2';
SELECT counts - 'ms' FROM crm.resolve();
SELECT * FROM t.found();
ROLLBACK;
BEGIN;
UPDATE crm.customer SET state = 'merged' WHERE customer_id = 2;
SELECT * FROM t.found();
INSERT INTO crm.customer_redirect VALUES (2, 1);
UPDATE crm.customer SET merged_into = 1 WHERE customer_id = 2;
UPDATE crm.customer SET state = 'merged' WHERE customer_id = 1;
SELECT * FROM t.found();
ROLLBACK;
BEGIN;
UPDATE crm.customer_member SET customer_id = 2 WHERE record_id = 3;
SELECT * FROM t.found();
SELECT counts - 'ms' FROM crm.resolve('{"all": true}');
SELECT * FROM t.found();
ROLLBACK;

-- A customer of very many records.
INSERT INTO t.customer (source, key, name, email, made)
SELECT 'web', 'm' || g, 'Marta ' || repeat(chr(97 + g % 26), 30) || ' Prieto' , 'persona' || g % 49 || '@sol-hotel.es', '2024-01-01' FROM generate_series(1, 400) AS g;
INSERT INTO t.customer (source, key, name, email, phone) SELECT 'store', 'x' || g, 'Eva Gil', 'eva@sol-hotel.es', '600999' || lpad(g::text, 3, '0') FROM generate_series(1, 50) AS g;
INSERT INTO t.customer (source, key, name, email, phone) SELECT 'news', 'y' || g, 'Eva Gil', NULL, '600999' || lpad(g::text, 3, '0') FROM generate_series(1, 50) AS g;
SELECT t.load();
SELECT record_count, source_count, name_tokens, phone FROM crm.customer WHERE full_name = 'Eva Gil' AND state = 'active';
SELECT max(record_count), max(cardinality(name_tokens)) FROM crm.customer;
SELECT * FROM t.found();
DROP SCHEMA crm, crm_bi, t CASCADE;
