-- Quarantine: mend, replay, give up.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
\set counts 'load_id, entity, relation, replay, rows_in, rows_loaded AS loaded, rows_unchanged AS unchanged, rows_quarantined AS quarantined'
\set waiting 'quarantine_id AS id, load_id, rule, detail, row_key, state, replay_load_id AS by, dropped_why, closed_at IS NOT NULL AS closed'
SELECT crm.add_source('web', 'web', 60), crm.add_source('shop', 'shop', 60);
CREATE TABLE person (id text, name text, at date);
CREATE TABLE ticket (no text, who text, at date, total text);
CREATE TABLE line (no text, pos integer, total numeric);
INSERT INTO person VALUES ('c1', 'Ana Gil Mas', '2024-01-01'), (NULL, 'No Key Here', NULL), ('c2', NULL, NULL);
INSERT INTO ticket VALUES ('o1', 'c1', '2024-01-12', '10'), ('o2', 'c2', '2024-01-12', '20'), ('o3', 'c3', '2024-01-11', '30'), ('o4', 'c1', '2024-01-11', 'ten');
INSERT INTO line VALUES ('o1', 1, 10), ('o2', 1, 20), ('o4', 1, 10);
SELECT :counts FROM crm.load('web', 'person', '{"key": "id", "full_name": "name", "business_at": {"column": "at", "format": "DMY"}}');
SELECT :counts FROM crm.load('web', 'ticket', '{"entity": "order", "key": "no", "customer": "who", "customer_source": ["web", "shop"], "ordered_at": {"column": "at", "format": "DMY"}, "revenue": "total"}');
SELECT :counts FROM crm.load('web', 'line', '{"entity": "order_line", "order": "no", "key": "pos", "revenue": "total"}');
SELECT :waiting FROM crm.quarantine ORDER BY quarantine_id;
SELECT source, entity, rule, state, rows, description FROM crm.quarantine_summary ORDER BY entity, rule;

-- What may not be asked.
SELECT crm.replay_quarantine(99);
SELECT crm.replay_quarantine(NULL, 'no such rule');
SELECT crm.drop_quarantine(99, 'test');
SELECT crm.drop_quarantine(NULL, 'test');
SELECT crm.drop_quarantine(1, ' ');
SELECT crm.drop_quarantine(1, NULL);
-- A replay without a change: the same rows wait, none twice.
SELECT :counts FROM crm.replay_quarantine();
SELECT count(*), count(*) FILTER (WHERE state = 'open') AS open FROM crm.quarantine;
-- Mended rows, one rule: the order first, then its line.
UPDATE crm.quarantine SET raw = raw || '{"total": 10.5}' WHERE rule = 'invalid_number';
SELECT :counts FROM crm.replay_quarantine(rule => 'invalid_number');
SELECT order_key, ordered_at, revenue FROM crm.sales_order ORDER BY order_key;
-- Customers that came meanwhile, in another source; mended customers; one load.
INSERT INTO person VALUES ('c2', 'Bea Ruiz Paz', NULL);
CREATE VIEW more AS SELECT * FROM person WHERE name LIKE 'Bea%';
SELECT :counts FROM crm.load('shop', 'more', '{"key": "id", "full_name": "name"}');
UPDATE crm.quarantine SET raw = raw || '{"id": "c9"}' WHERE rule = 'missing_key';
SELECT :counts FROM crm.replay_quarantine(1);
SELECT :counts FROM crm.replay_quarantine();
SELECT :waiting FROM crm.quarantine ORDER BY quarantine_id;
SELECT o.order_key, s.name AS source, r.source_key, o.ordered_at, o.revenue, l.revenue AS line
FROM crm.sales_order AS o JOIN crm.source_record AS r USING (record_id) JOIN crm.source AS s ON s.source_id = r.source_id LEFT JOIN crm.order_line AS l USING (order_id) ORDER BY 1;
SELECT source_key, full_name, business_at FROM crm.source_record ORDER BY record_id;
-- Giving up.
SELECT quarantine_id, state, dropped_why FROM crm.drop_quarantine((SELECT quarantine_id FROM crm.quarantine WHERE rule = 'empty_row'), ' nobody knows ');
SELECT crm.drop_quarantine((SELECT quarantine_id FROM crm.quarantine WHERE rule = 'empty_row'), 'again');
-- The same files again: rows that were replayed are unchanged.
SELECT :counts FROM crm.load('web', 'ticket', '{"entity": "order", "key": "no", "customer": "who", "customer_source": ["web", "shop"], "ordered_at": {"column": "at", "format": "DMY"}, "revenue": "total"}');
SELECT :counts FROM crm.load('web', 'line', '{"entity": "order_line", "order": "no", "key": "pos", "revenue": "total"}');
-- A raw row mended into nonsense.
UPDATE crm.quarantine SET raw = '[1, 2]' WHERE state = 'open' AND row_key = 'o3';
UPDATE crm.quarantine SET raw = '"text"' WHERE state = 'open' AND row_key = 'o4';
SELECT :counts FROM crm.replay_quarantine();
SELECT :waiting FROM crm.quarantine WHERE state = 'open' ORDER BY quarantine_id;

-- A row that waited does not overwrite what came later, unless it is newer.
CREATE TABLE twice (id text, name text, at date);
INSERT INTO twice VALUES ('t1', 'Eva Old Name', '2024-01-01'), ('t1', 'Eva New Name', '2024-01-02'), ('t2', 'Eva Sanz Gil', '2024-01-01');
SELECT :counts FROM crm.load('shop', 'twice', '{"key": "id", "full_name": "name", "business_at": "at"}');
SELECT :counts FROM crm.replay_quarantine(rule => 'duplicate_key');
SELECT full_name FROM crm.source_record WHERE source_key = 't1';
SELECT rule, detail, state FROM crm.quarantine WHERE row_key = 't1';
UPDATE crm.quarantine SET raw = raw || '{"at": "2024-01-03"}' WHERE row_key = 't1';
SELECT :counts FROM crm.replay_quarantine(rule => 'duplicate_key');
SELECT full_name FROM crm.source_record WHERE source_key = 't1';
UPDATE crm.quarantine SET state = 'open', raw = '{"id": "t2", "name": "Eva Sanz Gil", "at": "2024-01-01"}' WHERE row_key = 't1';
SELECT :counts FROM crm.replay_quarantine(rule => 'duplicate_key');
-- Dimensions: what is declared stays.
CREATE TABLE staff (id text, name text);
INSERT INTO staff VALUES ('e1', 'Sol'), ('e1', 'Max'), (NULL, 'Pau');
SELECT :counts FROM crm.load('shop', 'staff', '{"entity": "employee", "key": "id", "name": "name"}');
UPDATE crm.quarantine SET raw = raw || '{"id": "e2"}' WHERE raw ->> 'name' = 'Pau';
SELECT :counts FROM crm.replay_quarantine((SELECT max(load_id) FROM crm.load_batch));
SELECT employee_key, name FROM crm.employee ORDER BY 1;
-- Typed values come back as they were: numbers are no texts with a decimal comma, dates no texts with another order.
CREATE TABLE typed (no integer, who text, at date, total numeric, qty text);
INSERT INTO typed VALUES (1, 'later', '2024-02-03', 1.25, '1.234,5'), (2, 'later', '2024-02-03', 1234.5, '7');
SELECT :counts FROM crm.load('shop', 'typed', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": {"column": "at", "format": "DMY"}, "revenue": {"column": "total", "decimal": ","}, "gross_margin": {"column": "qty", "decimal": ","}}');
CREATE TABLE somebody AS SELECT 'later' AS id, 'Pau Sol Mar' AS name;
SELECT :counts FROM crm.load('shop', 'somebody', '{"key": "id", "full_name": "name"}');
SELECT :counts FROM crm.replay_quarantine(rule => 'unknown_customer');
SELECT order_key, ordered_at, revenue, gross_margin FROM crm.sales_order WHERE order_key IN ('1', '2') ORDER BY 1;
SELECT :counts FROM crm.load('shop', 'typed', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": {"column": "at", "format": "DMY"}, "revenue": {"column": "total", "decimal": ","}, "gross_margin": {"column": "qty", "decimal": ","}}');
DROP TABLE typed, somebody;
SELECT count(*) AS loads_that_do_not_add_up FROM crm.load_batch WHERE rows_in <> rows_loaded + rows_unchanged + rows_quarantined OR finished_at IS NULL;
DROP TABLE person, ticket, line, twice, staff CASCADE;
DROP SCHEMA crm, crm_bi CASCADE;
