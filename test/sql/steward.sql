-- What a steward does: merge, split, say that two are one or two, take it back.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60), crm.add_source('store', 'loyalty', 80);
CREATE SCHEMA t;
CREATE TABLE t.customer (key text, kind text, name text, email text, phone text, nif text);
CREATE FUNCTION t.load(source text DEFAULT 'web') RETURNS void LANGUAGE sql AS $$
  SELECT crm.load($1, 't.customer', '{"key": "key", "kind": "kind", "full_name": "name", "email": "email", "phone": "phone", "tax_id": "nif"}');
$$;
-- 1 and 2 are one customer, and so are 3 and 4, 9 to 12 by a chain of phones and mails; the others are alone.
INSERT INTO t.customer VALUES
  ('01', 'person', 'Ana Gil Mora', 'ana@sol-hotel.es', '600111001', NULL),
  ('02', 'person', 'Ana Gil Mora', 'ana@sol-hotel.es', NULL, NULL),
  ('03', 'person', 'Anna Gil', 'anna@mar-hotel.es', '600111003', NULL),
  ('04', 'person', 'Anna Gil', 'anna@mar-hotel.es', NULL, NULL),
  ('05', 'person', 'Luis Rey Sanz', NULL, '600111005', '23456781R'),
  ('06', 'person', 'Luis Rey Sanz', NULL, '600111006', '34567812P'),
  ('07', 'organisation', 'Hotel Sol SL', NULL, '600111007', NULL),
  ('08', 'person', 'Eva Paz Toro', 'eva@sol-hotel.es', NULL, NULL),
  ('09', 'person', 'Rita Vega Cano', 'rita@sol-hotel.es', NULL, NULL),
  ('10', 'person', 'Rita Vega Cano', 'rita@sol-hotel.es', '600111010', NULL),
  ('11', 'person', 'Rita Vega Cano', NULL, '600111010', NULL),
  ('12', 'person', 'Rita Vega Cano', 'rita@mar-hotel.es', '600111010', NULL);
SELECT t.load();
SELECT crm.resolve() IS NOT NULL AS resolved;
CREATE VIEW t.who AS
SELECT m.customer_id, string_agg(r.source_key, ' ' ORDER BY m.record_id) AS records, c.full_name, c.email, c.phone
FROM crm.customer_member AS m JOIN crm.customer AS c ON c.customer_id = m.customer_id JOIN crm.source_record AS r ON r.record_id = m.record_id
GROUP BY m.customer_id, c.full_name, c.email, c.phone;
SELECT * FROM t.who ORDER BY 1;
-- Everything that must come back when all is undone; without times, and without the ids that were given meanwhile.
CREATE TABLE t.given AS SELECT customer_id FROM crm.customer;
CREATE FUNCTION t.state() RETURNS TABLE (what text, hash text) LANGUAGE sql AS $$
  SELECT 'customers', md5(string_agg(md5((to_jsonb(c) - 'updated_at')::text), '' ORDER BY c.customer_id))
  FROM crm.customer AS c WHERE c.customer_id IN (SELECT g.customer_id FROM t.given AS g)
  UNION ALL SELECT 'members', md5(string_agg(m.record_id || ' ' || m.customer_id, ',' ORDER BY m.record_id)) FROM crm.customer_member AS m
  UNION ALL SELECT 'redirects', md5(string_agg(r.old_id || ' ' || r.customer_id, ',' ORDER BY r.old_id)) FROM crm.customer_redirect AS r
  WHERE r.old_id IN (SELECT g.customer_id FROM t.given AS g)
  UNION ALL SELECT 'provenance', md5(string_agg(v::text, ',' ORDER BY c.customer_id, v.attribute)) FROM crm.customer AS c CROSS JOIN LATERAL crm.lineage(c.customer_id) AS v WHERE c.state = 'active'
  UNION ALL SELECT 'links', md5(string_agg(l::text, ',' ORDER BY l.record_a, l.record_b)) FROM crm.match_link AS l
  UNION ALL SELECT 'decisions', md5(string_agg(d::text, ',' ORDER BY d.record_a, d.record_b)) FROM crm.match_decision AS d
$$;
CREATE TABLE t.start AS SELECT * FROM t.state();
CREATE VIEW t.changed AS SELECT s.what FROM t.start AS s JOIN t.state() AS n USING (what) WHERE s.hash IS DISTINCT FROM n.hash;
CREATE VIEW t.event AS
SELECT event_id AS id, kind, customers_before AS before, customers_after AS after, who, why, forced, by_role = current_user AS by_me, undone_by, undone_why FROM crm.steward_event;
CREATE VIEW t.decision AS
SELECT event_id AS id, record_a, record_b, same, claim FROM crm.steward_decision;

-- A merge, and back.
SELECT kind, customers_before, customers_after, who, why, undone_at FROM crm.merge(1, 2, 'ana', 'same signature');
SELECT * FROM t.who WHERE customer_id <= 2 ORDER BY 1;
SELECT * FROM t.decision;
SELECT decision, kind, value, told_a, told_b, reason FROM crm.explain_match(2) WHERE kind = 'decision';
SELECT crm.current_id(2), state, full_name FROM crm.customer WHERE customer_id = 2;
SELECT * FROM t.changed ORDER BY 1;
SELECT * FROM crm.check();
SELECT event_id, kind, undone_by, undone_why, undone_at IS NOT NULL AS undone FROM crm.unmerge(1, 'ben', 'not the same hand');
SELECT * FROM t.changed;
SELECT * FROM crm.check();
SELECT * FROM t.event;

-- What is refused, with its reason.
CREATE FUNCTION t.try(call text, OUT code text, OUT message text, OUT hint text) LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE 'SELECT crm.' || call;
  code := 'none';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS code = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
END $$;
\pset format unaligned
\pset fieldsep '\n  '
\pset tuples_only on
SELECT c.call, e.code || ' ' || e.message, e.hint FROM (VALUES
  (1, $$undo(1, 'ben', 'again')$$),
  (2, $$undo(99)$$),
  (3, $$undo(NULL)$$),
  (4, $$merge(1, 1, 'ana', 'x')$$),
  (5, $$merge(1, 99, 'ana', 'x')$$),
  (6, $$merge(1, NULL, 'ana', 'x')$$),
  (7, $$merge(1, 2, NULL, 'x')$$),
  (8, $$merge(1, 2, 'ana', ' ')$$),
  (9, $$merge(3, 4, 'ana', 'x')$$),
  (10, $$merge(3, 4, 'ana', 'x', force => true)$$),
  (11, $$merge(3, 5, 'ana', 'x')$$),
  (12, $$assert_different(1, 1, 'ana', 'x')$$),
  (13, $$split(1, '{3}', 'ana', 'x')$$),
  (14, $$split(1, '{1,2,2}', 'ana', 'x')$$),
  (15, $$split(1, '{}', 'ana', 'x')$$),
  (16, $$split(1, '{1,NULL}', 'ana', 'x')$$),
  (17, $$split(NULL, '{1}', 'ana', 'x')$$),
  (18, $$assert_same(1, 1, 'ana', 'x')$$),
  (19, $$assert_same_records(1, 1, 'ana', 'x')$$),
  (20, $$assert_different_records(1, 999, 'ana', 'x')$$),
  (21, $$merge_many('{1,2}', '{3}', 'ana', 'x')$$),
  (22, $$merge_many('{}', '{}', 'ana', 'x')$$),
  (23, $$undo_many('{}')$$),
  (24, $$decide_match(1, 2, NULL)$$)) AS c(n, call) CROSS JOIN LATERAL t.try(c.call) AS e ORDER BY c.n;
\pset format aligned
\pset fieldsep '|'
\pset tuples_only off
SELECT * FROM crm.why_not_merge(3, 4);
SELECT * FROM crm.why_not_merge(3, 5);
SELECT * FROM t.changed;

-- A person and an organisation by force only.
SELECT event_id AS e, kind, customers_before, customers_after, forced FROM crm.merge(3, 5, 'ana', 'sole trader', force => true) \gset
\echo :kind :customers_before :customers_after :forced
SELECT * FROM t.who WHERE customer_id = 3;
SELECT kind FROM crm.undo(:e);
SELECT * FROM t.changed;

-- Different, then the same by force; taken back in either order.
SELECT event_id AS apart, kind, customers_before, customers_after FROM crm.assert_different(1, 2, 'ben', 'sisters') \gset
\echo :kind :customers_before :customers_after
SELECT record_a, record_b, same, claim FROM t.decision WHERE id = :apart;
SELECT message FROM t.try($$merge(1, 2, 'ana', 'same signature')$$);
SELECT conflict, record_a, record_b, forcible FROM crm.why_not_merge(2, 1) ORDER BY record_a, record_b;
SELECT event_id AS together FROM crm.merge(1, 2, 'ana', 'same signature', force => true) \gset
SELECT record_a, record_b, same, claim FROM t.decision WHERE id = :together;
SELECT * FROM t.who WHERE customer_id <= 2;
SELECT code, message FROM t.try('unmerge(' || :apart || ')');
SELECT kind FROM crm.undo(:apart);
SELECT * FROM t.who WHERE customer_id <= 2;
SELECT kind FROM crm.undo(:together);
SELECT * FROM t.changed;
SELECT event_id AS apart FROM crm.assert_different(1, 2, 'ben', 'sisters') \gset
SELECT event_id AS together FROM crm.merge(2, 1, 'ana', 'same signature', force => true) \gset
SELECT kind FROM crm.undo(:together);
SELECT count(*) FILTER (WHERE NOT same) AS apart, count(*) FILTER (WHERE same) AS together FROM crm.match_decision;
SELECT kind FROM crm.undo(:apart);
SELECT * FROM t.changed;
-- Two events that say the same: each alone holds.
SELECT event_id AS first FROM crm.merge(1, 2, 'ana', 'same signature') \gset
SELECT event_id AS second, kind, customers_before FROM crm.assert_same(2, 1, 'ben', 'same photo') \gset
\echo :kind :customers_before
SELECT kind FROM crm.undo(:first);
SELECT * FROM t.who WHERE customer_id <= 2;
SELECT kind FROM crm.undo(:second);
SELECT * FROM t.changed;
-- Two customers that the same as each other, of two events.
SELECT customers_after FROM crm.merge(1, 6, 'ana', 'x');
SELECT customers_before, customers_after FROM crm.assert_same(2, 6, 'ana', 'by her former id');
SELECT * FROM t.who WHERE customer_id <= 2;
SELECT kind, customers_before, customers_after FROM crm.undo_many(ARRAY(SELECT event_id FROM crm.steward_event WHERE undone_at IS NULL));
SELECT * FROM t.changed;

-- A split of what the rules hold together. The rest, which held together by the
-- record that left, stays one.
SELECT event_id AS one, kind, customers_before, customers_after FROM crm.split(7, '{10,11}', 'ana', 'two people') \gset
\echo :kind :customers_before :customers_after
SELECT * FROM t.who WHERE customer_id >= 7 ORDER BY 1;
SELECT record_a, record_b, same, claim FROM t.decision WHERE id = :one;
SELECT * FROM crm.check();
-- Another one from the rest: what merely held it together gives way.
SELECT event_id AS two, customers_before, customers_after FROM crm.split(7, '{12}', 'ana', 'a third one') \gset
\echo :customers_before :customers_after
SELECT * FROM t.who WHERE customer_id >= 7 ORDER BY 1;
-- What the steward said does not. The record that leaves goes where the rules see it.
SELECT code, message FROM t.try($$split(8, '{11}', 'ben', 'no, four')$$);
SELECT event_id AS three, customers_before, customers_after FROM crm.split(8, '{11}', 'ben', 'no, four', force => true) \gset
\echo :customers_before :customers_after
SELECT * FROM t.who WHERE customer_id >= 7 ORDER BY 1;
SELECT * FROM crm.check();
SELECT kind, who, why, undone_at IS NOT NULL AS undone FROM crm.steward_history(8);
SELECT kind FROM crm.undo(:one);
SELECT * FROM t.who WHERE customer_id >= 7 ORDER BY 1;
SELECT kind FROM crm.undo(:three);
SELECT * FROM t.who WHERE customer_id >= 7 ORDER BY 1;
SELECT kind FROM crm.undo(:two);
SELECT * FROM t.changed;
-- The ids that the splits needed are known for good, and the same split again has
-- the same id.
SELECT c.customer_id, c.state, crm.current_id(c.customer_id) FROM crm.customer AS c WHERE c.customer_id > 6 ORDER BY 1;
SELECT event_id AS one, customers_after FROM crm.split(7, '{10,11}', 'ana', 'two people') \gset
\echo :customers_after
SELECT kind FROM crm.undo(:one);
SELECT * FROM t.changed;

-- Records: one pair, and what follows for the others.
SELECT event_id AS one, kind, customers_before, customers_after FROM crm.assert_same_records(8, 4, 'ana', 'same card') \gset
\echo :kind :customers_before :customers_after
SELECT message FROM t.try($$assert_different_records(4, 8, 'ben', 'x')$$);
SELECT event_id AS two FROM crm.assert_different_records(4, 8, 'ben', 'x', force => true) \gset
SELECT count(*) FROM t.who WHERE customer_id IN (2, 6);
SELECT message FROM t.try($$assert_same_records(5, 6, 'ben', 'x', force => true)$$);
-- Of others than the two nothing is overruled.
SELECT event_id AS three FROM crm.assert_different_records(3, 8, 'ben', 'x') \gset
SELECT message FROM t.try($$assert_same_records(4, 8, 'ben', 'x', force => true)$$);
SELECT kind FROM crm.undo_many(ARRAY[:three, :one, :two, :one], 'ana', 'all of it');
SELECT * FROM t.changed;
SELECT event_id AS one, customers_after FROM crm.assert_different_records(1, 2, 'ana', 'x') \gset
\echo :customers_after
SELECT kind FROM crm.undo(:one);
SELECT * FROM t.changed;

-- decide_match() is the same for the queue: a later decision replaces an earlier one.
SELECT kind, who = current_user AS by_me, why FROM crm.decide_match(4, 8, true);
SELECT kind, who, why FROM crm.decide_match(8, 4, false, 'sisters', 'ben');
SELECT count(*) FROM t.who WHERE customer_id IN (2, 6);
SELECT kind, undone_why FROM crm.decide_match(8, 4, NULL);
SELECT count(*) FROM t.who WHERE customer_id IN (2, 6);
SELECT kind, undone_why FROM crm.decide_match(8, 4, NULL, 'ask again');
SELECT * FROM t.changed;
SELECT event_id AS one FROM crm.assert_different(1, 2, 'ana', 'x') \gset
SELECT code, regexp_replace(message, '\d+', 'N') AS message FROM t.try('decide_match(1, 3, NULL)');
SELECT kind FROM crm.undo(:one);

-- Decisions outlive the rules: what links customers 1 and 6 by rule then joins
-- customer 2 as well, and nothing joins 1 and 6 once they are apart.
SELECT event_id AS one FROM crm.merge(1, 2, 'ana', 'x') \gset
SELECT event_id AS two FROM crm.assert_different(1, 6, 'ana', 'x') \gset
TRUNCATE t.customer;
INSERT INTO t.customer VALUES ('08', 'person', 'Ana Gil Mora', 'ana@sol-hotel.es', '600111001', NULL);
SELECT t.load();
SELECT counts - 'ms' FROM crm.resolve();
SELECT records, full_name FROM t.who WHERE customer_id IN (1, 2, 6) ORDER BY customer_id;
SELECT counts ->> 'changed' AS changed, counts ->> 'merged' AS merged, counts ->> 'split' AS split FROM crm.resolve('{"all": true}');
-- Taken back, the rules have it.
SELECT customers_before, customers_after FROM crm.undo(:two);
SELECT records, full_name FROM t.who WHERE customer_id IN (1, 2, 6) ORDER BY customer_id;
-- A merge that the rules make by now: taking it back moves nothing, and says so.
INSERT INTO t.customer VALUES ('03', 'person', 'Ana Gil Mora', 'ana@sol-hotel.es', '600111001', NULL), ('04', 'person', 'Ana Gil Mora', 'ana@sol-hotel.es', '600111001', NULL);
SELECT t.load();
SET client_min_messages = notice;
SELECT kind FROM crm.undo(:one);
SET client_min_messages = warning;
SELECT count(*) AS waiting FROM crm.resolve_queue;
SELECT records, full_name FROM t.who WHERE customer_id IN (1, 2, 6) ORDER BY customer_id;
SELECT * FROM crm.check();

-- Records that wait in the queue are looked at first: by what they say now 8 is
-- Eva again.
TRUNCATE t.customer;
INSERT INTO t.customer VALUES ('08', 'person', 'Eva Paz Toro', 'eva@sol-hotel.es', NULL, NULL);
SELECT t.load();
SELECT customers_before, customers_after FROM crm.merge(1, 6, 'ana', 'x');
SELECT count(*) AS waiting FROM crm.resolve_queue;
SELECT * FROM crm.check();

-- Records that are deleted: their decisions have no effect, and may be taken back.
SELECT event_id AS e FROM crm.merge(3, 5, 'ana', 'sole trader', force => true) \gset
SELECT event_id AS f FROM crm.assert_different(3, 4, 'ana', 'two people') \gset
DELETE FROM crm.identifier WHERE record_id IN (5, 6, 7);
DELETE FROM crm.source_record WHERE record_id IN (5, 6, 7);
SELECT count(*) FROM crm.rebuild_customers('{3,4,5}');
SELECT message FROM t.try($$merge(3, 1, 'ana', 'x')$$);
SELECT kind FROM crm.undo(:e);
SELECT kind FROM crm.undo(:f);
SELECT customer_id, state FROM crm.customer WHERE customer_id IN (3, 4, 5) ORDER BY 1;

-- Who follows the outbox knows what every id goes by.
SELECT o.change, o.customer_id, o.other_id, count(*) AS times FROM crm.outbox AS o WHERE o.change IN ('merged', 'split')
GROUP BY o.change, o.customer_id, o.other_id ORDER BY 1, 2, 3;
SELECT count(*) AS wrong
FROM (SELECT DISTINCT ON (o.customer_id) o.customer_id, CASE o.change WHEN 'merged' THEN o.other_id ELSE o.customer_id END AS living
      FROM crm.read_outbox(0, 100000) WITH ORDINALITY AS o WHERE o.change IN ('created', 'merged') ORDER BY o.customer_id, o.ordinality DESC) AS k
WHERE crm.current_id(k.customer_id) <> k.living;

-- What was tampered with is found.
BEGIN;
DELETE FROM crm.match_decision;
SELECT * FROM crm.check();
ROLLBACK;
BEGIN;
UPDATE crm.match_decision SET same = NOT same;
SELECT * FROM crm.check();
ROLLBACK;
BEGIN;
DELETE FROM crm.steward_decision;
SELECT DISTINCT invariant FROM crm.check() ORDER BY 1;
ROLLBACK;
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, sale_key, revenue, currency)
VALUES (1, 'o1', 1, 1, 8, '2024-01-01 00:00+00', 's1', 10, 'EUR');
SELECT * FROM crm.check();
BEGIN;
DELETE FROM crm.customer_member WHERE record_id = 8;
SELECT DISTINCT invariant FROM crm.check() ORDER BY 1;
INSERT INTO crm.resolve_queue (record_id) VALUES (8);
SELECT invariant FROM crm.check() WHERE invariant LIKE '%fact%' OR invariant LIKE 'orders%';
ROLLBACK;
DROP SCHEMA crm, crm_bi, t CASCADE;
