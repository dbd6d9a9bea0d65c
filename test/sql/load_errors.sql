-- Hostile and wrong input to crm.load(): a clear error or quarantine, never a
-- crash, never half a load.
\set SHOW_CONTEXT never
\set VERBOSITY default
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60);
SELECT crm.add_source('card', 'loyalty', 80);
\set counts 'rows_in, rows_loaded AS loaded, rows_unchanged AS unchanged, rows_quarantined AS quarantined, values_rejected AS rejected'
CREATE TABLE contact (id integer, name text, mail text);

-- Mappings that are wrong.
SELECT crm.load('web', 'contact', NULL);
SELECT crm.load('web', 'contact', '[]');
SELECT crm.load('web', 'contact', '"key"');
SELECT crm.load('web', 'contact', '{}');
SELECT crm.load('web', 'contact', '{"entity": "martian", "key": "id"}');
SELECT crm.load('web', 'contact', '{"entity": null, "key": "id"}');
SELECT crm.load('web', 'contact', '{"entity": ["order"], "key": "id"}');
SELECT crm.load('web', 'contact', '{"key": "id", "nickname": "name"}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": "nam"}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": "ctid"}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": "name; DROP TABLE contact"}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": 7}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": null}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": []}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": ["name", 7]}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": {}}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": {"column": "name", "value": "x"}}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": {"column": ["name"], "format": "DMY"}}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": {"value": {"a": 1}}}');
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": {"colum": "name"}}');
SELECT crm.load('web', 'contact', '{"key": "id", "birth_date": {"column": "name", "format": "DDMMYY"}}');
SELECT crm.load('web', 'contact', '{"key": "id", "birth_date": {"column": "name", "format": null}}');
SELECT crm.load('web', 'contact', '{"key": "id", "birth_date": {"column": "name", "decimal": ","}}');
SELECT crm.load('web', 'contact', '{"key": "id", "attributes": {"column": "name"}}');
SELECT crm.load('web', 'contact', '{"key": "id", "time_zone": "Mars/Olympus"}');
SELECT crm.load('web', 'contact', '{"key": "id", "region": "Spain"}');
SELECT crm.load('web', 'contact', '{"entity": "order", "key": "id"}');
SELECT crm.load('web', 'contact', '{"entity": "order", "key": "id", "customer": "id", "ordered_at": "name", "revenue": {"column": "name", "decimal": ";"}}');
SELECT crm.load('web', 'contact', '{"entity": "order", "key": "id", "customer": "id", "ordered_at": "name", "revenue": "name", "customer_source": "shop"}');
SELECT crm.load('web', 'contact', '{"entity": "order", "key": "id", "customer": "id", "ordered_at": "name", "revenue": "name", "customer_source": ["web", 7]}');
SELECT crm.load('web', 'contact', '{"entity": "order", "key": "id", "customer": "id", "ordered_at": "name", "revenue": "name", "customer_source": {}}');
-- Sources and relations that are wrong.
SELECT crm.load('shop', 'contact', '{"key": "id"}');
SELECT crm.load(NULL, 'contact', '{"key": "id"}');
SELECT crm.load('web', NULL, '{"key": "id"}');
SELECT crm.load('web', 'nowhere', '{"key": "id"}');
CREATE SEQUENCE counter;
SELECT crm.load('web', 'counter', '{"key": "id"}');
CREATE INDEX contact_idx ON contact (id);
SELECT crm.load('web', 'contact_idx', '{"key": "id"}');
SELECT count(*) AS loads_begun FROM crm.load_batch;
-- A relation that the caller may not read.
CREATE ROLE regress_omnicrm_loader;
GRANT regress_omnicrm_loader TO CURRENT_USER;
SELECT crm.grant_access('regress_omnicrm_loader', 'steward');
SET ROLE regress_omnicrm_loader;
SELECT crm.load('web', 'contact', '{"key": "id", "full_name": "name"}');
RESET ROLE;
GRANT SELECT ON contact TO regress_omnicrm_loader;
SET ROLE regress_omnicrm_loader;
SELECT :counts FROM crm.load('web', 'contact', '{"key": "id", "full_name": "name"}');
RESET ROLE;
SELECT crm.revoke_access('regress_omnicrm_loader');
REVOKE SELECT ON contact FROM regress_omnicrm_loader;
DROP ROLE regress_omnicrm_loader;

-- No rows; nothing but NULL.
SELECT :counts FROM crm.load('web', 'contact', '{"key": "id", "full_name": "name", "email": "mail"}');
INSERT INTO contact VALUES (NULL, NULL, NULL), (NULL, NULL, NULL), (1, NULL, NULL);
SELECT :counts FROM crm.load('web', 'contact', '{"key": "id", "full_name": "name", "email": "mail"}');
SELECT source, entity, rule, state, rows FROM crm.quarantine_summary ORDER BY rule;
-- Hostile names of relation, schema and columns, hostile keys and values.
CREATE SCHEMA "s ""; DROP SCHEMA crm --";
CREATE TABLE "s ""; DROP SCHEMA crm --"."""; DROP TABLE x --" (
  "id'; --" text, "a ""b"" %I $1 \" text, "{}" text, "select" text, "r" text, "q.raw" text, " " text);
INSERT INTO "s ""; DROP SCHEMA crm --"."""; DROP TABLE x --" VALUES
  ('''; DROP TABLE crm.source --', 'Ana ''Gil''', '{"x": 1}', 'a@mail.es', '%s %I %L', '$1', 'e'),
  (E'k\\''"%\n2', E'Bea\tGil', '{}', 'b@mail.es', '\', '', 'f');
SELECT :counts FROM crm.load('web', '"s ""; DROP SCHEMA crm --"."""; DROP TABLE x --"', '{"key": "id''; --", "full_name": ["a \"b\" %I $1 \\", " "],
  "email": "select", "city": "r", "street": "q.raw", "attributes": ["{}", "a \"b\" %I $1 \\"], "province": {"value": "'' || %L"}}');
SELECT source_key, full_name, email, street, city, province, attributes FROM crm.source_record ORDER BY record_id;
SELECT :counts FROM crm.load('web', '"s ""; DROP SCHEMA crm --"."""; DROP TABLE x --"', '{"entity": "order", "key": "r", "customer": "id''; --", "ordered_at": {"value": "2024-01-01"},
  "revenue": {"value": 1}, "channel": "a \"b\" %I $1 \\", "employee": "select", "sale_key": "{}"}');
SELECT order_key, sale_key, c.name AS channel, e.employee_key FROM crm.sales_order JOIN crm.channel AS c USING (channel_id) JOIN crm.employee AS e USING (employee_id) ORDER BY 1;
DROP SCHEMA "s ""; DROP SCHEMA crm --" CASCADE;
SELECT relation FROM crm.load_batch ORDER BY load_id DESC LIMIT 1;

-- Values of 10 MB: no index breaks, what is too long is left out or waits.
CREATE TABLE huge (id text, name text, mail text, tel text, nif text, street text, born text, card text, login text, made text, cp text, sex text);
INSERT INTO huge SELECT 'h1', b, b, s, s, s, s, s, s, s, s, s FROM repeat('9 Ñ@a.es ', 1000000) AS b, repeat('9 Ñ@a.es ', 10000) AS s;
INSERT INTO huge SELECT 'h2', 'Ana Gil', b, s, s, s, s, s, s, s, s, s
FROM (SELECT string_agg(md5(i::text), ''), left(string_agg(md5(i::text), ''), 10000) FROM generate_series(1, 40000) AS i) AS x(b, s);
INSERT INTO huge SELECT repeat('k', 10000000), 'Ana Gil';
INSERT INTO huge SELECT 'h4', string_agg(md5(i::text), ' ') FROM generate_series(1, 30) AS i;
SELECT :counts FROM crm.load('card', 'huge', '{"key": "id", "full_name": "name", "email": "mail", "phone": "tel", "tax_id": "nif", "street": "street",
  "birth_date": "born", "loyalty_card": "card", "username": "login", "business_at": "made", "postcode": "cp", "gender": "sex", "entered_by": "name"}');
SELECT source_key, left(full_name, 20) AS full_name, flags, octet_length(payload ->> 'mail') AS kept FROM crm.source_record WHERE source_id = 2 ORDER BY 1;
SELECT rule, left(detail, 20) AS detail, length(row_key) AS row_key, octet_length(raw ->> 'id') AS kept FROM crm.quarantine WHERE rule IN ('value_too_long', 'empty_row') ORDER BY 1, 3;
SELECT i.kind, octet_length(i.value) AS bytes FROM crm.identifier AS i JOIN crm.source_record USING (record_id) WHERE source_id = 2 ORDER BY 1, 2;
-- As facts.
SELECT :counts FROM crm.load('card', 'huge', '{"entity": "touch", "key": "id", "customer": "name", "occurred_at": "made", "channel": "name", "employee": "mail", "role": "tel", "emotion": "cp"}');
SELECT :counts FROM crm.load('card', 'huge', '{"entity": "product", "key": "name", "name": "mail", "price": "tel", "active": "cp"}');
SELECT :counts FROM crm.load('card', 'huge', '{"entity": "case", "key": {"value": "c"}, "customer": {"value": "h2"}, "opened_at": {"value": "2024-01-01"}, "subject": "street"}');
SELECT octet_length(subject) AS bytes FROM crm.service_case;

-- 100,000 rows with one e-mail address, and one key 10,000 times.
CREATE TABLE many AS SELECT i AS id, 'Ana Gil' AS name, 'same@mail.es' AS mail FROM generate_series(1, 100000) AS i;
SELECT :counts FROM crm.load('card', 'many', '{"key": "id", "full_name": "name", "email": "mail"}');
SELECT count(*) FROM crm.identifier WHERE kind = 'email' AND value = 'same@mail.es';
CREATE VIEW few AS SELECT * FROM many WHERE id <= 10000;
SELECT :counts FROM crm.load('web', 'few', '{"key": "mail", "full_name": "name"}');
SELECT :counts FROM crm.load('web', 'few', '{"key": "mail", "full_name": ["name", "id"]}');
SELECT full_name FROM crm.source_record WHERE source_id = 1 AND source_key = 'same@mail.es';
SELECT count(*) FROM crm.quarantine WHERE rule = 'duplicate_key';
-- A view that fails leaves nothing behind.
CREATE VIEW broken AS SELECT id, name, 1 / (id - 500) AS x FROM many;
SELECT crm.load('card', 'broken', '{"key": "id", "full_name": "name", "phone": "x"}');
SELECT count(*) AS records, max(load_id) = (SELECT max(load_id) FROM crm.load_batch) AS last FROM crm.load_batch WHERE finished_at IS NULL;
DROP TABLE contact, huge, many CASCADE;
DROP SEQUENCE counter;
DROP SCHEMA crm, crm_bi CASCADE;
