-- Sources and customers: what is stored, flagged, changed, left alone.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
\set counts 'rows_in, rows_loaded AS loaded, rows_unchanged AS unchanged, rows_quarantined AS quarantined, values_rejected AS rejected, values_downgraded AS downgraded'

-- Sources: added, given new settings, refused.
SELECT crm.add_source('web', 'web', 60);
SELECT crm.add_source('card', 'loyalty', 80, 'es', interval '1 day', 'Ana');
SELECT crm.add_source('web', 'web', 65, freshness => interval '7 days');
SELECT source_id, name, kind, trust, region, freshness, owner FROM crm.source ORDER BY source_id;
SELECT crm.add_source('', 'web', 60);
SELECT crm.add_source(NULL, 'web', 60);
SELECT crm.add_source(repeat('x', 201), 'web', 60);
SELECT crm.add_source('x', 'kiosk', 60);
SELECT crm.add_source('x', NULL, 60);
SELECT crm.add_source('x', 'web', 101);
SELECT crm.add_source('x', 'web', 'NaN');
SELECT crm.add_source('x', 'web', NULL);
SELECT crm.add_source('x', 'web', 60, 'Spain');
SELECT crm.add_source('x', 'web', 60, freshness => interval '-1 day');

CREATE TABLE contact (
  id text, name1 text, name2 text, name3 text, born text, sex text, mail text, tel text, nif text, street text, cp text, town text,
  prov text, country text, card text, cookie text, login text, clerk text, made text, colour text, points text);
INSERT INTO contact (id, name1, name2, name3, born, sex, mail, tel, nif, street, cp, town, prov, country, card, cookie, login, clerk, made, colour, points) VALUES
  ('1', ' María  José ', 'García', 'López', '08/05/1986', 'Mujer', 'Maria@Mail.es', '600 111 222', '48573921-z', 'Calle  Mayor 1', '1001',
   'Vitoria', 'Álava', 'España', 'lc-001.2', 'ck1', 'Maria', 'E1', '01/02/2020 10:30', 'red', '12'),
  ('2', 'Luis', 'Pérez', NULL, '31/02/1980', '?', 'no address', '12', '48573921A', NULL, '60001', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'soon', NULL, NULL),
  ('3', 'Ana', 'Ruiz', 'Gil', '01/02/2020', 'H', 'noreply@mail.es', '600000000', '00000000T', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '01/02/2020', NULL, NULL),
  ('4', 'Eva', 'Sanz', 'Mora', '01/02/2012', 'F', NULL, NULL, NULL, NULL, '28001', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '01/02/2020', NULL, NULL),
  ('5', 'Old', 'Man', NULL, '01/02/1905', 'M', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '01/02/2020', NULL, NULL),
  ('6', 'Sin', 'nombre', NULL, '01/01/1900', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'ada', NULL, '01/02/2020', NULL, NULL),
  ('7', 'Taller Pepe', 'SL', NULL, NULL, NULL, NULL, NULL, 'B58818501', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('8', NULL, NULL, NULL, NULL, NULL, 'x@', NULL, NULL, 'Calle 8', '28001', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('9', 'Hans', 'Meyer', NULL, '29/02/2004', NULL, NULL, '030 123456', NULL, NULL, '10115', NULL, NULL, 'Germany', NULL, NULL, NULL, NULL, '28/02/2018', NULL, NULL),
  (NULL, 'No', 'Key', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL),
  ('  ', 'Blank', 'Key', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
CREATE TABLE plan (name text PRIMARY KEY, mapping jsonb);
INSERT INTO plan VALUES ('full', '{"key": "id", "given_name": "name1", "surname": ["name2", "name3"], "birth_date": {"column": "born", "format": "DMY"},
  "gender": "sex", "email": "mail", "phone": "tel", "tax_id": "nif", "street": "street", "postcode": "cp", "city": "town", "province": "prov",
  "country": "country", "loyalty_card": "card", "device": "cookie", "username": "login", "entered_by": "clerk",
  "business_at": {"column": "made", "format": "DMY"}, "attributes": ["colour", "points"], "time_zone": "Europe/Madrid"}');
SELECT :counts FROM crm.load('web', 'contact', (SELECT mapping FROM plan));

\x on
SELECT full_name, given_name, surname, birth_date, gender, email, phone, tax_id, street, postcode, city, province, country,
  loyalty_card, device, username, name_key, kind, quality, flags, attributes, entered_by, business_at, payload
FROM crm.source_record WHERE source_key = '1';
\x off
SELECT record_id AS first_id FROM crm.source_record WHERE source_key = '1' \gset
SELECT source_key AS key, kind, full_name, birth_date, email, phone, tax_id, postcode, username, quality, flags
FROM crm.source_record WHERE source_key <> '1' ORDER BY record_id;
SELECT r.source_key AS key, i.kind, i.value FROM crm.identifier AS i JOIN crm.source_record AS r USING (record_id) ORDER BY 1, 2, 3;
SELECT rule, detail, row_key, raw ->> 'name1' AS name1, state FROM crm.quarantine ORDER BY quarantine_id;
SELECT count(*) AS queued, count(DISTINCT record_id) AS records FROM crm.resolve_queue;

-- The same rows again, in another order: nothing happens, nothing waits twice.
CREATE TABLE shuffled AS SELECT * FROM contact ORDER BY name1, id;
SELECT :counts FROM crm.load('web', 'shuffled', (SELECT mapping FROM plan));
SELECT count(*) AS queued FROM crm.resolve_queue;
SELECT count(*) AS waiting FROM crm.quarantine;
-- A change: the version before moves to the history, identifiers are replaced, the id stays.
UPDATE contact SET mail = 'new@mail.es', card = NULL WHERE id = '1';
SELECT :counts FROM crm.load('web', 'contact', (SELECT mapping FROM plan));
SELECT r.source_key, r.email, h.payload ->> 'mail' AS was, h.load_id, r.load_id AS now, r.record_id = :first_id AS same_id
FROM crm.source_record_history AS h JOIN crm.source_record AS r USING (record_id);
SELECT kind, value FROM crm.identifier WHERE record_id = :first_id ORDER BY 1, 2;
SELECT count(*) AS queued FROM crm.resolve_queue;
-- Another mapping of the same rows is another content.
SELECT :counts FROM crm.load('web', 'contact', (SELECT mapping - 'points' || '{"full_name": "name1"}' FROM plan));
SELECT full_name FROM crm.source_record WHERE source_key = '1';

-- One key several times in one load: the newest wins, twins are unchanged, others wait.
CREATE TABLE twice (id integer, name text, at timestamptz);
INSERT INTO twice VALUES (1, 'Ana Gil', '2024-01-01'), (1, 'Ana Gil Mas', '2024-01-02'), (1, 'Ana Gil Mas', '2024-01-02'), (1, 'Ana', '2024-01-02'), (1, 'Ana', '2024-01-02'),
  (2, 'Bea', NULL), (2, 'Bea Ruiz', NULL), (2, 'Bea', '2020-01-01'), (3, 'Cris Paz', '2020-01-01');
SELECT :counts FROM crm.load('card', 'twice', '{"key": "id", "full_name": "name", "business_at": "at"}');
SELECT source_key, full_name, business_at FROM crm.source_record AS r JOIN crm.source AS s USING (source_id) WHERE s.name = 'card' ORDER BY 1;
SELECT q.rule, q.detail, q.raw ->> 'name' AS name FROM crm.quarantine AS q WHERE q.rule = 'duplicate_key' ORDER BY 2, 3;
-- Backwards gives the same.
CREATE TABLE backwards AS SELECT * FROM twice ORDER BY id DESC, name DESC;
SELECT :counts FROM crm.load('card', 'backwards', '{"key": "id", "full_name": "name", "business_at": "at"}');
SELECT count(*) AS waiting FROM crm.quarantine WHERE rule = 'duplicate_key';

-- Typed columns, views, partitions, and the same rows give the same ids in any order.
CREATE TABLE typed (id bigint, born date, made timestamp, numbers integer[], doc jsonb, old json, at timestamptz) PARTITION BY RANGE (id);
CREATE TABLE typed_1 PARTITION OF typed FOR VALUES FROM (0) TO (100);
CREATE TABLE typed_2 PARTITION OF typed FOR VALUES FROM (100) TO (200);
INSERT INTO typed VALUES (1, '1980-02-03', '2020-01-01 10:00', '{1,2}', '{"a": [1]}', '{"z": "\u0000"}', 'infinity'),
  (150, 'infinity', '2020-07-01 10:00', NULL, NULL, NULL, '-infinity'), (60, '0044-03-15 BC', NULL, '{}', '7', '[]', NULL);
CREATE VIEW typed_view AS SELECT t.*, 'Vera Gil ' || id AS name FROM typed AS t;
SELECT crm.add_source('typed', 'erp', 50);
SELECT :counts FROM crm.load('typed', 'typed_view', '{"key": "id", "full_name": "name", "birth_date": {"column": "born", "format": "DMY"},
  "business_at": "made", "time_zone": "America/New_York", "attributes": ["numbers", "doc", "old"]}');
SELECT source_key, full_name, birth_date, business_at, attributes, flags FROM crm.source_record WHERE source_id = 3 ORDER BY record_id;
SELECT payload ->> 'old' AS json_as_text FROM crm.source_record WHERE source_id = 3 AND source_key = '1';
SELECT :counts FROM crm.load('typed', 'typed_view', '{"key": "id", "full_name": ["name", "numbers", "doc"], "birth_date": "made", "business_at": "at", "kind": {"value": "Empresa"}}');
SELECT source_key, kind, full_name, birth_date, business_at, flags FROM crm.source_record WHERE source_id = 3 ORDER BY record_id;
-- Session settings do not matter.
SET datestyle = 'German'; SET timezone = 'Asia/Tokyo'; SET extra_float_digits = -15; SET bytea_output = 'escape'; SET intervalstyle = 'iso_8601';
SELECT :counts FROM crm.load('typed', 'typed_view', '{"key": "id", "full_name": ["name", "numbers", "doc"], "birth_date": "made", "business_at": "at", "kind": {"value": "Empresa"}}');
SET datestyle = 'ISO'; SET timezone = 'UTC'; RESET extra_float_digits; RESET bytea_output; RESET intervalstyle;
-- A column with a collation of its own.
CREATE COLLATION loose (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE collated (id text COLLATE loose, name text COLLATE "C", mail text COLLATE loose);
INSERT INTO collated VALUES ('a', 'Ana Gil', 'a@mail.es'), ('A', 'Bea Gil', 'b@mail.es');
SELECT crm.add_source('collated', 'erp', 50);
SELECT :counts FROM crm.load('collated', 'collated', '{"key": "id", "full_name": ["name", "id"], "email": "mail", "username": "id"}');
SELECT :counts FROM crm.load('collated', 'collated', '{"key": "id", "full_name": ["name", "id"], "email": "mail", "username": "id"}');
SELECT load_id, entity, relation, replay, finished_at IS NOT NULL AS finished, rows_in = rows_loaded + rows_unchanged + rows_quarantined AS adds_up
FROM crm.load_batch ORDER BY load_id;
DROP TABLE contact, shuffled, plan, twice, backwards, typed, collated CASCADE;
DROP COLLATION loose;
DROP SCHEMA crm, crm_bi CASCADE;
