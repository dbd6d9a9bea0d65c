-- What an act would change is shown before it does, and nothing is written.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60), crm.add_source('store', 'loyalty', 80);
SELECT crm.add_commission_plan('all', 'revenue', 0.10, '{"brought": 1, "closed": 1}', interval '90 days', date '2024-01-01');
CREATE SCHEMA t;
CREATE TABLE t.customer (key text, name text, email text, phone text, born text, town text, at timestamptz);
CREATE TABLE t.orders (no text, who text, at timestamptz, total numeric, clerk text);
CREATE TABLE t.touches (no text, who text, at timestamptz, channel text, clerk text, role text);
CREATE TABLE t.consents (no text, who text, at timestamptz, kind text, state text);
INSERT INTO t.customer VALUES
  ('1', 'Ana Gil Mora', 'ana@sol-hotel.es', '600111001', '1980-02-03', 'Madrid', '2024-01-01'),
  ('2', 'Ana Gil Mora', 'ana@sol-hotel.es', NULL, NULL, NULL, '2024-01-02'),
  ('3', 'Anna Gil', 'anna@mar-hotel.es', '600111003', NULL, 'Getafe', '2024-03-01'),
  ('4', 'Luis Rey Sanz', 'luis@mar-hotel.es', NULL, NULL, NULL, '2024-03-01');
INSERT INTO t.orders VALUES ('o1', '1', '2024-05-01', 100, 'E1'), ('o2', '3', '2024-05-02', 50, NULL), ('o3', '2', '2024-05-03', 30, NULL);
INSERT INTO t.touches VALUES ('t1', '3', '2024-04-20', 'shop', 'E2', 'brought'), ('t2', '1', '2024-04-25', 'mail', NULL, NULL);
INSERT INTO t.consents VALUES ('c1', '1', '2024-04-01', 'email', 'given'), ('c2', '3', '2024-04-02', 'email', 'withdrawn'), ('c3', '3', '2024-04-02', 'phone', 'given'),
                              ('c4', '1', '2024-04-03', 'phone', 'refused');
SELECT rows_loaded FROM crm.load('web', 't.customer', '{"key": "key", "full_name": "name", "email": "email", "phone": "phone", "birth_date": "born", "city": "town", "business_at": "at"}');
SELECT rows_loaded FROM crm.load('web', 't.orders', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "employee": "clerk"}');
SELECT rows_loaded FROM crm.load('web', 't.touches', '{"entity": "touch", "key": "no", "customer": "who", "occurred_at": "at", "channel": "channel", "employee": "clerk", "role": "role"}');
SELECT rows_loaded FROM crm.load('web', 't.consents', '{"entity": "consent", "key": "no", "customer": "who", "stated_at": "at", "channel_kind": "kind", "state": "state"}');
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT customer_id, array_agg(record_id ORDER BY record_id) AS records FROM crm.customer_member GROUP BY 1 ORDER BY 1;
-- All rows of all tables, and all sequences of what an act makes.
CREATE FUNCTION t.everything() RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  name regclass;
  part text;
  whole text := '';
BEGIN
  FOR name IN SELECT c.oid FROM pg_class AS c WHERE c.relnamespace = 'crm'::regnamespace AND c.relkind = 'r' ORDER BY c.relname LOOP
    EXECUTE format('SELECT md5(string_agg(md5(x::text), '''' ORDER BY x::text)) FROM %s AS x', name) INTO part;
    whole := whole || name || coalesce(part, '-');
  END LOOP;
  RETURN md5(whole || (SELECT last_value FROM crm.customer_customer_id_seq) || (SELECT last_value FROM crm.steward_event_event_id_seq));
END $$;
CREATE TABLE t.start AS SELECT t.everything();

SELECT * FROM crm.preview_merge(1, 2);
SELECT * FROM crm.preview_split(1, '{2}');
SELECT everything = t.everything() AS untouched FROM t.start;
-- Readers see both side by side.
SELECT * FROM crm.compare_customers(1, 2);
SELECT * FROM crm.compare_customers(3, 3);
SELECT * FROM crm.compare_customers(1, 99);
SELECT count(*) FROM crm.compare_customers(1, NULL);
-- It is what happens.
SELECT event_id AS e FROM crm.merge(1, 2, 'ana', 'same voice') \gset
SELECT full_name, email, phone, city FROM crm.customer WHERE customer_id = 1;
SELECT channel_kind, state FROM crm.consent_state WHERE customer_id = 1 ORDER BY 1;
SELECT * FROM crm.preview_undo(:e);
SELECT * FROM crm.preview_merge(1, 3) WHERE aspect IN ('id', 'records');
SELECT * FROM crm.preview_split(2, '{1,2}') WHERE aspect IN ('id', 'records', 'facts');
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
BEGIN;
SELECT count(*) > 0 AS some FROM crm.preview_undo(:e);
SELECT count(*) AS locks FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid();
SELECT kind FROM crm.undo(:e);
COMMIT;
-- An undo that moves nothing has no rows; what is refused is refused here too.
SELECT event_id AS apart FROM crm.assert_different(1, 2, 'ben', 'sisters') \gset
SELECT * FROM crm.preview_undo(:apart);
SELECT * FROM crm.preview_merge(1, 2);
SELECT count(*) FROM crm.preview_merge(1, 2, force => true);
SELECT * FROM crm.preview_merge(1, 1);
SELECT * FROM crm.preview_merge(1, NULL);
SELECT * FROM crm.preview_split(1, '{1,2}');
SELECT * FROM crm.preview_undo(:e);
SELECT * FROM crm.preview_undo(999);
SELECT kind FROM crm.undo(:apart);
-- What waits in the queue is looked at first.
INSERT INTO t.customer VALUES ('5', 'Ana Gil Mora', 'ana@sol-hotel.es', '600111001', NULL, NULL, '2024-06-01');
UPDATE t.customer SET name = 'Anna Gil Mora', email = 'ana@sol-hotel.es' WHERE key = '2';
SELECT rows_loaded FROM crm.load('web', 't.customer', '{"key": "key", "full_name": "name", "email": "email", "phone": "phone", "birth_date": "born", "city": "town", "business_at": "at"}');
TRUNCATE t.start;
INSERT INTO t.start SELECT t.everything();
SELECT * FROM crm.preview_split(1, '{1}') WHERE aspect IN ('id', 'records');
SELECT everything = t.everything() AS untouched FROM t.start;
SELECT count(*) AS waiting FROM crm.resolve_queue;
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT event_id AS e FROM crm.split(1, '{1}', 'ana', 'x') \gset
SELECT customer_id, array_agg(record_id ORDER BY record_id) AS records FROM crm.customer_member GROUP BY 1 ORDER BY 1;
SELECT * FROM crm.preview_undo(:e) WHERE aspect IN ('id', 'records');
SELECT * FROM crm.check();

-- The queue, with a pair that the model would have put there.
INSERT INTO crm.review_queue (record_a, record_b, weight, probability, why, agreement)
VALUES (3, 4, 3.5, 0.9, 'below the threshold', '{"surname": "one typing error", "city": "equal"}'), (1, 3, 1, 0.6, 'birth dates differ', '{}');
SELECT event_id AS apart FROM crm.assert_different_records(1, 3, 'ben', 'two people') \gset
\x on
SELECT record_a, record_b, customer_a, customer_b, weight, probability, why, evidence, told_a, told_b, name_a, name_b, born_a, born_b, email_a, email_b,
       phone_a, phone_b, address_a, address_b, records_a, records_b, orders_a, orders_b, revenue_a, revenue_b, merge FROM crm.review_case;
\x off
SELECT kind, customers_before, customers_after, why FROM crm.decide_match(3, 4, true, 'same handwriting');
SELECT record_a, record_b, state FROM crm.review_queue ORDER BY 1, 2;
SELECT count(*) FROM crm.review_case;
SELECT kind FROM crm.undo(:apart);
SELECT record_a, record_b, merge FROM crm.review_case;
DROP SCHEMA crm, crm_bi, t CASCADE;
