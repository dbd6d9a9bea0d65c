-- Dimensions and facts: what is stored, what waits, what changes.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
\set counts 'rows_in, rows_loaded AS loaded, rows_unchanged AS unchanged, rows_quarantined AS quarantined'
SELECT crm.add_source('web', 'web', 60), crm.add_source('shop', 'shop', 80), crm.add_source('erp', 'erp', 90);
CREATE TABLE person (id text, name text);
INSERT INTO person VALUES ('c1', 'Ana Gil Mas'), ('c2', 'Bea Ruiz Paz');
SELECT :counts FROM crm.load('web', 'person', '{"key": "id", "full_name": "name"}');
INSERT INTO person VALUES ('c3', 'Eva Sanz Gil');
SELECT :counts FROM crm.load('shop', 'person', '{"key": "id", "full_name": "name"}');

-- Dimensions: of all sources; columns that a mapping does not name stay.
CREATE TABLE staff (id text, name text, job text, team text, boss text);
INSERT INTO staff VALUES ('e1', 'Sol', 'seller', 'north', 'e9'), ('e2', NULL, NULL, NULL, NULL), ('e1', 'Sol', 'seller', 'north', 'e9'), (NULL, 'x', NULL, NULL, NULL),
  ('e2', 'Max', NULL, NULL, NULL);
SELECT :counts FROM crm.load('erp', 'staff', '{"entity": "employee", "key": "id", "name": "name", "role": "job", "team": "team", "manager": "boss"}');
SELECT :counts FROM crm.load('web', 'staff', '{"entity": "employee", "key": "id", "role": {"value": "clerk"}}');
SELECT employee_key, name, role, team, manager_key, declared FROM crm.employee ORDER BY 1;
CREATE TABLE article (sku text, title text, kind text, price text, cost text, again text, live text);
INSERT INTO article VALUES ('p1', 'Pen', 'office', '1.234,50', '0,7', 'sí', 'yes'), ('p2', 'Ink', 'office', 'cheap', NULL, 'no', 'no'), ('p3', 'Pad', NULL, NULL, NULL, NULL, 'perhaps'),
  ('p4', 'Map', NULL, '99999999999999999', NULL, NULL, NULL), ('p5', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT :counts FROM crm.load('erp', 'article', '{"entity": "product", "key": "sku", "name": "title", "category": "kind", "price": {"column": "price", "decimal": ","},
  "cost": {"column": "cost", "decimal": ","}, "repeatable": "again", "active": "live"}');
SELECT product_key, name, category, price, cost, repeatable, active, declared FROM crm.product ORDER BY 1;
CREATE TABLE action (name text, channel text, a date, z date, cost numeric);
INSERT INTO action VALUES ('spring', 'mail', '2024-03-01', '2024-04-01', 10.005), ('autumn', 'web', '2024-03-01', '2024-02-01', 1), ('endless', NULL, '2024-03-01', 'infinity', 'NaN');
SELECT :counts FROM crm.load('erp', 'action', '{"entity": "campaign", "key": "name", "channel": "channel", "starts_on": "a", "ends_on": "z", "cost": "cost"}');
SELECT a.name, c.name AS channel, c.declared AS channel_declared, starts_on, ends_on, cost FROM crm.campaign AS a LEFT JOIN crm.channel AS c USING (channel_id);
SELECT rule, detail, row_key FROM crm.quarantine ORDER BY quarantine_id;
-- What a fact named first is declared later, and not the other way round.
CREATE TABLE way (name text, kind text);
INSERT INTO way VALUES ('mail', 'e-mail'), ('web', 'online');
SELECT :counts FROM crm.load('erp', 'way', '{"entity": "channel", "key": "name", "kind": "kind"}');
SELECT :counts FROM crm.load('shop', 'way', '{"entity": "channel", "key": "name", "kind": "kind"}');
SELECT name, kind, declared FROM crm.channel ORDER BY 1;

-- Orders.
CREATE TABLE ticket (no text, who text, at text, total text, channel text, clerk text, kind text, back text, sale text, gm text, money text);
INSERT INTO ticket VALUES
  ('o1', 'c1', '05/01/2024 10:00', '100', 'web', 'e1', NULL, NULL, NULL, '40', 'eur'),
  ('o2', 'c2', '06/01/2024', '20.5', 'kiosk', 'e7', 'SALE', NULL, 'S7', NULL, NULL),
  ('o3', 'c1', '07/01/2024', '-30', NULL, NULL, NULL, 'o1', NULL, '-12', NULL),
  ('o4', 'c9', '07/01/2024', '1', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('o5', 'c1', '31/02/2024', '1', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('o6', 'c1', '07/01/2024', 'much', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('o7', 'c1', '07/01/2024', '1', NULL, NULL, NULL, NULL, NULL, NULL, 'USD'),
  ('o8', 'c1', '07/01/2024', '1', NULL, NULL, NULL, NULL, NULL, NULL, 'dollars'),
  ('o9', 'c1', '07/01/2024', '10', NULL, NULL, 'return', NULL, NULL, NULL, NULL),
  ('o10', 'c1', '07/01/2024', '-10', NULL, NULL, 'sale', NULL, NULL, NULL, NULL),
  ('o11', 'c1', '07/01/2024', '10', NULL, NULL, 'gift', NULL, NULL, NULL, NULL),
  ('o12', NULL, '07/01/2024', '10', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('o13', 'c1', NULL, '10', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('o14', 'c1', '07/01/2024', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  (NULL, 'c1', '07/01/2024', '1', NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('o15', 'c3', '08/01/2024', '15', repeat('x', 1001), NULL, NULL, NULL, NULL, NULL, NULL),
  ('o16', 'c3', '08/01/2024', '15', NULL, NULL, NULL, NULL, repeat('x', 1001), NULL, NULL),
  ('o17', 'c1', '08/01/2024', '0', NULL, NULL, 'Return', 'o2', 'S7', NULL, NULL);
CREATE TABLE plan (name text PRIMARY KEY, mapping jsonb);
INSERT INTO plan VALUES ('order', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": {"column": "at", "format": "DMY"}, "revenue": "total", "channel": "channel",
  "employee": "clerk", "kind": "kind", "returns": "back", "sale_key": "sale", "gross_margin": "gm", "currency": "money", "time_zone": "Europe/Madrid"}');
SELECT :counts FROM crm.load('web', 'ticket', (SELECT mapping FROM plan));
SELECT order_key, r.source_key AS customer, c.name AS channel, e.employee_key AS employee, ordered_at, o.kind, returns_key, sale_key, duplicate_of, revenue, gross_margin, currency
FROM crm.sales_order AS o JOIN crm.source_record AS r USING (record_id) LEFT JOIN crm.channel AS c USING (channel_id) LEFT JOIN crm.employee AS e USING (employee_id)
ORDER BY order_id;
SELECT q.rule, left(q.detail, 40) AS detail, q.row_key FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id) WHERE b.entity = 'order' ORDER BY quarantine_id;
SELECT name, declared FROM crm.channel UNION ALL SELECT employee_key, declared FROM crm.employee ORDER BY 1;
SELECT :counts FROM crm.load('web', 'ticket', (SELECT mapping FROM plan));
SELECT count(*) FROM crm.quarantine WHERE state = 'open';

-- One sale in two sources: the first loaded is the sale; in one load the first by time and key.
CREATE TABLE till (no text, who text, at date, total numeric(18, 4), sale text);
INSERT INTO till VALUES ('t1', 'c2', '2024-01-06', 20.5, 'S7'), ('t3', 'c2', '2024-01-02', 5, 'S8'), ('t2', 'c2', '2024-01-01', 5, 'S8'), ('t4', 'c1', '2024-01-01', 5, 'S8'),
  ('t5', 'c3', '2024-01-05', 100, 'web:o1'), ('t6', 'c3', '2024-01-05', 1.005, NULL);
SELECT :counts FROM crm.load('shop', 'till', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "sale_key": "sale"}');
CREATE VIEW sale AS
SELECT o.sale_key, o.order_key, p.order_key AS stands_for, o.revenue FROM crm.sales_order AS o LEFT JOIN crm.sales_order AS p ON p.order_id = o.duplicate_of
ORDER BY o.sale_key COLLATE "C", p.order_key NULLS FIRST, o.order_key;
SELECT * FROM sale;
-- Orders move to other sales: each sale keeps exactly one that stands for it.
UPDATE till SET sale = 'S9' WHERE no IN ('t1', 't2');
UPDATE till SET sale = NULL WHERE no = 't5';
SELECT :counts FROM crm.load('shop', 'till', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "sale_key": "sale"}');
SELECT * FROM sale;
UPDATE ticket SET sale = 'S8' WHERE no = 'o2';
SELECT :counts FROM crm.load('web', 'ticket', (SELECT mapping FROM plan));
SELECT * FROM sale;
-- The default key of a later order may be taken already.
CREATE TABLE early AS SELECT 'x1' AS no, 'c1' AS who, date '2024-02-01' AS at, 1 AS total, 'erp:y1' AS sale;
SELECT :counts FROM crm.load('shop', 'early', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "sale_key": "sale"}');
CREATE TABLE late AS SELECT 'y1' AS no, 'c1' AS who, date '2024-01-01' AS at, 1 AS total;
SELECT :counts FROM crm.load('erp', 'late', '{"entity": "order", "key": "no", "customer": "who", "customer_source": ["erp", "shop"], "ordered_at": "at", "revenue": "total"}');
SELECT * FROM sale WHERE sale_key = 'erp:y1';
-- Every sale has one order that stands for it, whatever is loaded in whatever order.
CREATE TABLE lot (no integer, sale text, at date, step integer);
SELECT setseed(0.5);
INSERT INTO lot SELECT i % 120, 'Z' || (random() * 30)::integer, date '2024-01-01' + (random() * 9)::integer, i / 120 FROM generate_series(0, 1199) AS i;
CREATE VIEW lot_now AS SELECT l.no, 'c1' AS who, l.at, 1 AS total, l.sale FROM lot AS l WHERE l.step = current_setting('test.step')::integer;
DO $$
DECLARE
  wrong bigint;
BEGIN
  FOR step IN 0 .. 9 LOOP
    PERFORM set_config('test.step', step::text, false);
    PERFORM crm.load(CASE WHEN step % 2 = 0 THEN 'web' ELSE 'shop' END, 'public.lot_now',
      '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "sale_key": "sale"}');
    SELECT count(*) INTO wrong
    FROM (SELECT o.sale_key FROM crm.sales_order AS o GROUP BY o.sale_key HAVING count(*) FILTER (WHERE o.duplicate_of IS NULL) <> 1
          UNION ALL
          SELECT o.sale_key FROM crm.sales_order AS o JOIN crm.sales_order AS p ON p.order_id = o.duplicate_of
          WHERE p.sale_key <> o.sale_key OR p.duplicate_of IS NOT NULL) AS x;
    IF wrong > 0 THEN
      RAISE EXCEPTION 'step %: % wrong sales', step, wrong;
    END IF;
  END LOOP;
END
$$;
SELECT count(*) AS orders, count(*) FILTER (WHERE duplicate_of IS NULL) AS sales FROM crm.sales_order WHERE sale_key LIKE 'Z%';

-- Lines and payments.
CREATE TABLE line (no text, pos integer, sku text, qty text, total real, gm double precision, cm text);
INSERT INTO line VALUES ('o1', 1, 'p1', '2', 60, 'NaN', NULL), ('o1', 2, 'p9', '1,5', 40.25, 1e3, '5'), ('o2', 1, 'p1', NULL, 20.5, NULL, NULL), ('o4', 1, 'p1', '1', 1, NULL, NULL),
  ('o1', 2, 'p9', '1,5', 40.25, 1e3, '5'), ('o2', 2, NULL, 'x', 1, NULL, NULL), ('o2', 3, NULL, '1', 'infinity', NULL, NULL);
SELECT :counts FROM crm.load('web', 'line', '{"entity": "order_line", "order": "no", "key": "pos", "product": "sku", "quantity": {"column": "qty", "decimal": ","}, "revenue": "total",
  "gross_margin": "gm", "contribution_margin": "cm"}');
UPDATE line SET gm = 20 WHERE pos = 1;
SELECT :counts FROM crm.load('web', 'line', '{"entity": "order_line", "order": "no", "key": "pos", "product": "sku", "quantity": {"column": "qty", "decimal": ","}, "revenue": "total",
  "gross_margin": "gm", "contribution_margin": "cm"}');
SELECT o.order_key, line_key, p.product_key, p.declared, quantity, l.revenue, l.gross_margin, l.contribution_margin
FROM crm.order_line AS l JOIN crm.sales_order AS o USING (order_id) JOIN crm.product AS p USING (product_id) ORDER BY 1, 2;
CREATE TABLE pay (id integer, no text, amount money, terms integer, due date, paid timestamptz, how text);
INSERT INTO pay VALUES (1, 'o1', '100', 30, NULL, '2024-02-01 00:30+02', 'card'), (2, 'o2', '20.5', NULL, NULL, NULL, NULL), (3, 'o1', '1', -1, NULL, NULL, NULL), (4, 'zz', '1', 1, NULL, NULL, NULL),
  (5, 'o2', '-1', 10, '2024-05-01', NULL, NULL);
SELECT :counts FROM crm.load('erp', 'pay', '{"entity": "payment", "key": "id", "order": "no", "order_source": ["web", "shop"], "amount": "amount", "terms_days": "terms", "due_on": "due", "paid_on": "paid",
  "method": "how", "time_zone": "Europe/Madrid"}');
SELECT payment_key, order_key, terms_days, due_on, paid_on, amount, method FROM crm.payment JOIN crm.sales_order USING (order_id) ORDER BY 1;

-- Touches, leads, cases, consent.
CREATE TABLE event (id integer, who text, at timestamp, channel text, e text, role text, dir text, msg text, campaign text, phase text, mood text, cost text);
INSERT INTO event VALUES (1, 'c1', '2024-01-01 10:00', 'mail', 'e1', 'advisor', 'Outbound', 'newsletter', 'spring', 'pre-sale', '2', '0.05'),
  (2, 'c3', '2024-07-01 10:00', 'phone', NULL, NULL, 'inbound', NULL, 'unheard', 'post-sale', '-2', NULL), (3, 'c1', '2024-01-01', NULL, NULL, NULL, 'sideways', NULL, NULL, NULL, NULL, NULL),
  (4, 'c1', '2024-01-01', NULL, NULL, NULL, NULL, NULL, NULL, 'during', NULL, NULL), (5, 'c1', '2024-01-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '3', NULL),
  (6, 'c1', '2024-01-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '0.5', NULL), (7, 'c1', 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL), (8, 'c4', '2024-01-01', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
SELECT :counts FROM crm.load('web', 'event', '{"entity": "touch", "key": "id", "customer": "who", "customer_source": ["web", "shop"], "occurred_at": "at", "channel": "channel", "employee": "e", "role": "role",
  "direction": "dir", "message_type": "msg", "campaign": "campaign", "phase": "phase", "emotion": "mood", "cost": "cost", "time_zone": "Europe/Madrid"}');
SELECT event_key, s.name AS source, r.source_key, occurred_at, direction, phase, emotion, t.cost, a.name AS campaign, a.declared
FROM crm.touch AS t JOIN crm.source_record AS r USING (record_id) JOIN crm.source AS s ON s.source_id = r.source_id JOIN crm.campaign AS a USING (campaign_id) ORDER BY 1;
SELECT q.rule, q.detail FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id) WHERE b.entity = 'touch' ORDER BY 1, 2;
CREATE TABLE chance (id integer, who text, made date, won date, lost date, by1 text, by2 text, by3 text, sale text);
INSERT INTO chance VALUES (1, NULL, '2024-01-01', '2024-01-05', NULL, 'e1', 'e2', 'e3', 'S8'), (2, 'c1', '2024-01-01', NULL, '2024-01-05', NULL, NULL, NULL, NULL), (3, 'c1', '2024-01-02', '2024-01-01', NULL, NULL, NULL, NULL, NULL),
  (4, 'c1', '2024-01-02', NULL, '2024-01-01', NULL, NULL, NULL, NULL), (5, 'c1', '2024-01-01', '2024-01-02', '2024-01-02', NULL, NULL, NULL, NULL), (6, 'cx', '2024-01-01', NULL, NULL, NULL, NULL, NULL, NULL);
SELECT :counts FROM crm.load('web', 'chance', '{"entity": "lead", "key": "id", "customer": "who", "created_at": "made", "won_at": "won", "lost_at": "lost", "brought_by": "by1", "advised_by": "by2", "closed_by": "by3", "sale_key": "sale"}');
SELECT lead_key, record_id IS NULL AS unknown, won_at, lost_at, brought_by <> closed_by AS two_people, sale_key FROM crm.lead ORDER BY 1;
SELECT q.rule, q.detail FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id) WHERE b.entity = 'lead' ORDER BY 1, 2;
CREATE TABLE issue (id integer, who text, o date, c date, what text, stars text);
INSERT INTO issue VALUES (1, 'c1', '2024-01-01', '2024-01-02', 'late', '5'), (2, 'c1', '2024-01-02', '2024-01-01', 'late', '5'), (3, 'c1', '2024-01-02', NULL, ' ', '5'), (4, 'c1', '2024-01-02', NULL, 'late', '6');
SELECT :counts FROM crm.load('web', 'issue', '{"entity": "case", "key": "id", "customer": "who", "opened_at": "o", "closed_at": "c", "subject": "what", "satisfaction": "stars"}');
SELECT case_key, opened_at, closed_at, subject, priority, satisfaction FROM crm.service_case;
CREATE TABLE wish (id integer, who text, kind text, state text, at text);
INSERT INTO wish VALUES (1, 'c1', 'Email', 'GIVEN', '2024-01-01T10:00:00Z'), (2, 'c1', 'fax', 'given', '2024-01-01'), (3, 'c1', 'sms', 'maybe', '2024-01-01'), (4, 'c1', 'sms', 'refused', NULL);
SELECT :counts FROM crm.load('web', 'wish', '{"entity": "consent", "key": "id", "customer": "who", "channel_kind": "kind", "state": "state", "stated_at": "at"}');
SELECT event_key, channel_kind, purpose, state, stated_at FROM crm.consent_event;
SELECT q.rule, q.detail FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id) WHERE b.entity IN ('case', 'consent') ORDER BY 1, 2;
-- One key twice in a load of facts: the newest wins.
CREATE TABLE event_twice (id integer, who text, at timestamptz, role text);
INSERT INTO event_twice VALUES (1, 'c1', '2024-01-02', 'a'), (1, 'c1', '2024-01-03', 'b'), (1, 'c1', '2024-01-03', 'b'), (1, 'c1', '2024-01-03', 'a');
SELECT :counts FROM crm.load('shop', 'event_twice', '{"entity": "touch", "key": "id", "customer": "who", "occurred_at": "at", "role": "role"}');
SELECT event_key, occurred_at, role FROM crm.touch AS t JOIN crm.source AS s USING (source_id) WHERE s.name = 'shop';
SELECT count(*) AS loads_that_do_not_add_up FROM crm.load_batch WHERE rows_in <> rows_loaded + rows_unchanged + rows_quarantined OR finished_at IS NULL;
DROP TABLE person, staff, article, action, way, ticket, plan, till, early, late, lot, line, pay, event, chance, issue, wish, event_twice CASCADE;
DROP SCHEMA crm, crm_bi CASCADE;
