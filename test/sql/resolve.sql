-- crm.resolve(): who is whom, and what happens to ids when that changes.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60);
SELECT crm.add_source('store', 'loyalty', 80);
SELECT crm.add_source('news', 'newsletter', 30);

-- t.say() loads one record; the same key again changes it.
CREATE SCHEMA t;
CREATE TABLE t.customer (key text, name text, email text, phone text, birth text, nif text, postcode text, kind text, at text);
CREATE FUNCTION t.say(source text, key text, name text DEFAULT NULL, email text DEFAULT NULL, phone text DEFAULT NULL,
                      birth text DEFAULT NULL, nif text DEFAULT NULL, postcode text DEFAULT NULL, kind text DEFAULT NULL,
                      at text DEFAULT '2024-01-01')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE t.customer;
  INSERT INTO t.customer VALUES ($2, $3, $4, $5, $6, $7, $8, $9, $10);
  PERFORM crm.load($1, 't.customer', '{"key": "key", "full_name": "name", "email": "email", "phone": "phone", "birth_date": "birth",
    "tax_id": "nif", "postcode": "postcode", "kind": "kind", "business_at": "at"}');
END $$;
-- Who belongs together: customer, and its records as source:key.
CREATE VIEW t.who AS
SELECT m.customer_id, string_agg(s.name || ':' || r.source_key, ' ' ORDER BY s.name, r.source_key COLLATE "C") AS records, c.full_name
FROM crm.customer_member AS m
JOIN crm.customer AS c USING (customer_id)
JOIN crm.source_record AS r USING (record_id)
JOIN crm.source AS s USING (source_id)
GROUP BY m.customer_id, c.full_name
ORDER BY m.customer_id;
CREATE FUNCTION t.resolve(options jsonb DEFAULT '{}') RETURNS TABLE (records int, created int, changed int, merged int, split int, links int, refused int, overshared int)
LANGUAGE sql AS $$
  SELECT r.* FROM crm.resolve($1) AS l, jsonb_to_record(l.counts) AS r(records int, created int, changed int, merged int, split int, links int, refused int, overshared int)
$$;

-- Nothing to do.
SELECT * FROM t.resolve();
SELECT crm.resolve('{"colour": "red"}');

-- One household, one phone: two people, each known twice, and a record without
-- a name, which joins one of them and bridges nobody.
SELECT t.say('web', 'h1', 'Ana García López', 'ana@hogar.es', '600 111 222');
SELECT t.say('store', 'h2', 'GARCIA LOPEZ, ANA', NULL, '+34600111222');
SELECT t.say('web', 'h3', 'Luis Pérez Ruiz', 'luis@hogar.es', '600111222');
SELECT t.say('store', 'h4', 'Pérez Ruiz Luis', NULL, '0034 600 111 222');
SELECT t.say('news', 'h5', NULL, NULL, '600111222');
SELECT * FROM t.resolve();
SELECT count(*) AS customers, count(*) FILTER (WHERE records ~ 'news') AS with_news, string_agg(full_name, '; ' ORDER BY full_name) FROM t.who;

-- Father and son: same name, same phone and postcode, born 30 years apart. A
-- mistyped date is still one person.
SELECT t.say('web', 'f1', 'Juan Torres Gil', NULL, '600333444', '1950-05-12', NULL, '28001');
SELECT t.say('store', 'f2', 'Juan Torres Gil', NULL, '600333444', '1981-09-23', NULL, '28001');
SELECT t.say('news', 'f3', 'Juan Torres Gil', NULL, '600333444', '1981-09-22', NULL, '28001');
SELECT * FROM t.resolve();
SELECT * FROM t.who WHERE records ~ ':f';
SELECT decision, kind, told_a, told_b, reason FROM crm.explain_match((SELECT customer_id FROM t.who WHERE records ~ ':f1'));

-- Two valid tax numbers are never one person, however the rest agrees, and a
-- record between them joins one side.
SELECT t.say('web', 'n1', 'María Soler Vidal', 'msoler@hotel-sol.es', '600555666', '1970-02-03', '52345678R');
SELECT t.say('store', 'n2', 'María Soler Vidal', 'msoler@hotel-sol.es', '600555666', '1970-02-03', '52345679W');
SELECT t.say('news', 'n3', 'María Soler Vidal', 'msoler@hotel-sol.es', '600555666', '1970-02-03');
SELECT * FROM t.resolve();
SELECT count(*) AS customers FROM t.who WHERE records ~ ':n[12]';
SELECT l.decision, count(*) FROM crm.match_link AS l JOIN crm.source_record AS r ON r.record_id = l.record_b WHERE r.source_key ~ '^n' GROUP BY 1 ORDER BY 1;
-- One tax number is one person, whatever the names.
SELECT t.say('web', 'n4', 'Dolores Vidal', NULL, NULL, NULL, '52345680A');
SELECT t.say('store', 'n5', 'Lola V.', NULL, NULL, NULL, '52345680A');
SELECT * FROM t.resolve();
SELECT records FROM t.who WHERE records ~ ':n[45]';

-- Placeholders link nobody.
SELECT t.say('web', 'p1', 'Rosa Mora Sanz', 'test@test.com', '000000000');
SELECT t.say('store', 'p2', 'Rosa Mora Sanz', 'test@test.com', '000000000');
SELECT * FROM t.resolve();
SELECT records FROM t.who WHERE records ~ ':p';

-- A person and an organisation are two; people who give their company's number
-- stay themselves.
SELECT t.say('web', 'o1', 'Talleres Mendoza SL', 'info@mendoza.es', '910000001', NULL, 'B12345674', NULL, 'organisation');
SELECT t.say('store', 'o2', 'TALLERES MENDOZA, S.L.', NULL, NULL, NULL, 'B12345674', NULL, 'organisation');
SELECT t.say('store', 'o3', 'Pablo Mendoza Ríos', 'info@mendoza.es', '910000001', NULL, 'B12345674', NULL, 'person');
SELECT t.say('web', 'o4', 'Elena Castro Vega', 'info@mendoza.es', '910000001', NULL, 'B12345674', NULL, 'person');
SELECT * FROM t.resolve();
SELECT records, full_name FROM t.who WHERE records ~ ':o';

-- Names that differ by typing errors link when two things agree.
SELECT t.say('web', 'e1', 'Pdul Dacruz', 'bb@mail.es', NULL, '1976-11-13');
SELECT t.say('store', 'e2', 'Pacl Dacruz', 'bb@mail.es', NULL, '1976-11-13');
SELECT t.say('web', 'e3', 'Pdul Molero', 'other@mail.es', NULL, '1976-11-13');
SELECT t.say('store', 'e4', 'Pacl Molero', 'other@mail.es', NULL, '1999-01-01');
SELECT * FROM t.resolve();
SELECT records FROM t.who WHERE records ~ ':e';
SELECT similarity, decision, reason FROM crm.explain_match((SELECT customer_id FROM t.who WHERE records ~ ':e2'));

-- A later record merges two customers: the oldest id stays, the other resolves.
SELECT t.say('web', 'm1', 'Carmen Ortega Nieto', 'carmen@uno.es');
SELECT * FROM t.resolve();
SELECT t.say('store', 'm2', 'Carmen Ortega Nieto', NULL, '600777888');
SELECT * FROM t.resolve();
SELECT customer_id AS old_one FROM t.who WHERE records ~ ':m1' \gset
SELECT customer_id AS new_one FROM t.who WHERE records ~ ':m2' \gset
SELECT :old_one < :new_one AS in_order;
SELECT t.say('news', 'm3', 'Carmen Ortega Nieto', 'carmen@uno.es', '600777888');
SELECT * FROM t.resolve();
SELECT records, customer_id = :old_one AS oldest_id FROM t.who WHERE records ~ ':m';
SELECT crm.current_id(:new_one) = :old_one AS redirected, crm.current_id(:old_one) = :old_one AS itself, crm.current_id(-1) AS unknown;
SELECT state, full_name, record_count FROM crm.customer WHERE customer_id = :new_one;
SELECT count(*) FROM crm.explain_match(:new_one);
-- A third joins: redirects are no chain.
SELECT t.say('store', 'm0', 'Carmen Ortega Nieto', 'carmen@dos.es');
SELECT * FROM t.resolve();
SELECT customer_id AS third FROM t.who WHERE records ~ ':m0' \gset
SELECT t.say('news', 'm4', 'Carmen Ortega Nieto', 'carmen@dos.es', '600777888');
SELECT * FROM t.resolve();
SELECT crm.current_id(:third) = :old_one AS redirected;
-- The bridges change: everyone has the id of before again.
SELECT t.say('news', 'm3', 'Carmen Ortega Nieto', 'carmen@uno.es');
SELECT t.say('news', 'm4', 'Carmen Ortega Nieto', 'carmen@dos.es');
SELECT * FROM t.resolve();
SELECT records, CASE customer_id WHEN :old_one THEN 'first' WHEN :new_one THEN 'second' WHEN :third THEN 'third' END AS id
FROM t.who WHERE records ~ ':m' ORDER BY customer_id;
SELECT count(*) AS redirects FROM crm.customer_redirect;
SELECT * FROM crm.check();

-- Values that too many hold link nobody: 51 records of one name share a phone.
INSERT INTO t.customer SELECT 'x' || g, 'Sonia Blanco Rey', NULL, '600999000' FROM generate_series(1, 50) AS g;
DELETE FROM t.customer WHERE key NOT LIKE 'x%';
SELECT rows_loaded FROM crm.load('web', 't.customer', '{"key": "key", "full_name": "name", "phone": "phone"}');
SELECT * FROM t.resolve();
SELECT count(*) AS customers, min(c.record_count), max(c.record_count) FROM crm.customer AS c WHERE c.full_name = 'Sonia Blanco Rey' AND c.state = 'active';
SELECT t.say('store', 'x51', 'Sonia Blanco Rey', NULL, '600999000');
SELECT * FROM t.resolve();
SELECT kind, value, records FROM crm.overshared_value;
SELECT count(*) AS customers FROM crm.customer AS c WHERE c.full_name = 'Sonia Blanco Rey' AND c.state = 'active';
SELECT t.say('store', 'x52', 'Sonia Blanco Rey', NULL, '600999000');
SELECT * FROM t.resolve();
-- Two of them change their phone: the rest are one again, under the first id.
SELECT t.say('store', 'x51', 'Sonia Blanco Rey', NULL, '600999001');
SELECT t.say('store', 'x52', 'Sonia Blanco Rey', NULL, '600999002');
SELECT * FROM t.resolve();
SELECT count(*) AS customers, max(c.record_count) FROM crm.customer AS c WHERE c.full_name = 'Sonia Blanco Rey' AND c.state = 'active';
SELECT count(*) AS overshared FROM crm.overshared_value;
SELECT * FROM crm.check();

-- Again, and everything again: nothing changes.
SELECT * FROM t.resolve();
CREATE TABLE t.before AS SELECT c.*, ARRAY(SELECT l::text FROM crm.lineage(c.customer_id) AS l) AS lineage FROM crm.customer AS c WHERE c.state = 'active';
CREATE TABLE t.before_links AS SELECT * FROM crm.match_link;
SELECT created, changed, merged, split FROM t.resolve('{"all": true}');
SELECT count(*) AS different FROM (SELECT c.*, ARRAY(SELECT l::text FROM crm.lineage(c.customer_id) AS l) FROM crm.customer AS c WHERE c.state = 'active'
                                   EXCEPT SELECT * FROM t.before) AS d;
SELECT count(*) AS different FROM (TABLE crm.match_link EXCEPT TABLE t.before_links) AS d;
-- A changed rule: with a stricter limit the household's phone links nobody.
UPDATE crm.match_rule SET max_records = 4 WHERE kind = 'phone';
SELECT created > 0 AS created, merged, split > 0 AS split FROM t.resolve('{"all": true}');
SELECT records FROM t.who WHERE records ~ ':h' ORDER BY 1;
UPDATE crm.match_rule SET max_records = 50 WHERE kind = 'phone';
SELECT created, merged > 0 AS merged, split FROM t.resolve('{"all": true}');
-- All as before, ids included.
SELECT count(*) AS different
FROM (SELECT customer_id, record_id FROM crm.customer_member EXCEPT
      SELECT b.customer_id, m.record_id FROM t.before AS b JOIN crm.customer_member AS m USING (customer_id)) AS d;
SELECT count(*) AS different FROM (SELECT customer_id, full_name, record_count, lineage FROM t.before
  EXCEPT SELECT c.customer_id, c.full_name, c.record_count, ARRAY(SELECT l::text FROM crm.lineage(c.customer_id) AS l) FROM crm.customer AS c WHERE c.state = 'active') AS d;
SELECT * FROM crm.check();

-- Some records now, in this transaction; others wait on. Ids of no record, and
-- none at all.
SELECT t.say('web', 'r1', 'Rosa Campos Vidal', 'rosa@campos-vidal.es');
SELECT t.say('store', 'r2', 'Campos Vidal, Rosa', 'rosa@campos-vidal.es');
SELECT t.say('store', 'r3', 'Otro Nombre Aparte', 'otro@campos-vidal.es');
SELECT crm.resolve_records(ARRAY(SELECT record_id FROM crm.source_record WHERE source_key IN ('r1', 'r2')) || 999999999);
SELECT records, full_name FROM t.who WHERE records ~ ':r[0-9]';
SELECT r.source_key FROM crm.resolve_queue JOIN crm.source_record AS r USING (record_id);
SELECT crm.resolve_records('{}'), crm.resolve_records(NULL), crm.resolve_records('{-1}');
SELECT created FROM t.resolve();
SELECT * FROM crm.check();

-- 100,000 records with one e-mail address, one of them already known: quick,
-- and nobody is linked by it; nor by the model that such records teach, which
-- looks at every record.
SELECT t.say('web', 'z0', 'Nombre Cero Cero', 'todos@igual.es');
SELECT created FROM t.resolve();
TRUNCATE t.customer;
INSERT INTO t.customer (key, name, email)
SELECT 'z' || g, 'Nombre' || chr(97 + g / 676 % 26) || chr(97 + g / 26 % 26) || chr(97 + g % 26) || ' Uno' || chr(97 + g / 17576 % 26) || 'x', 'todos@igual.es'
FROM generate_series(1, 100000) AS g;
SELECT rows_loaded FROM crm.load('web', 't.customer', '{"key": "key", "full_name": "name", "email": "email"}');
SELECT records, created, merged, split, links, refused, overshared FROM t.resolve();
SELECT records FROM crm.overshared_value;
SELECT t.say('store', 'z0', 'Nombre Cero Cero', 'todos@igual.es');
SELECT records, created, links FROM t.resolve();
SELECT count(*) FROM crm.check();
DROP SCHEMA crm, crm_bi, t CASCADE;
