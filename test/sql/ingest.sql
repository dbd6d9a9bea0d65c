-- Records one by one and in small batches: crm.ingest(), crm.delete_record().
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60) AS web, crm.add_source('shop', 'shop', 80, region => 'FR') AS shop;
CREATE SCHEMA t;
CREATE VIEW t.who AS
SELECT c.customer_id, c.state, c.full_name, c.email, c.phone, c.attributes, string_agg(s.name || ' ' || r.source_key, ', ' ORDER BY s.name, r.source_key) AS records
FROM crm.customer AS c
LEFT JOIN crm.customer_member AS m USING (customer_id)
LEFT JOIN crm.source_record AS r USING (record_id)
LEFT JOIN crm.source AS s USING (source_id)
GROUP BY c.customer_id
ORDER BY c.customer_id;

-- New, known to be somebody, the same again, changed.
SELECT crm.ingest('web', '1', '{"full_name": "Ana García López", "email": "ana@sol-hotel.es", "phone": "600 111 222", "birth_date": "1980-02-03"}');
SELECT crm.ingest('web', '2', '{"given_name": "ANA", "surname": "GARCIA LOPEZ", "email": "Ana@Sol-Hotel.es", "attributes": {"shoe_size": 38, "club": null}}');
SELECT crm.ingest('shop', '2', '{"full_name": "Luc Petit Durand", "phone": "0698534127"}');
SELECT crm.ingest('web', '1', '{"full_name": "Ana García López", "email": "ana@sol-hotel.es", "phone": "600 111 222", "birth_date": "1980-02-03"}');
SELECT * FROM t.who;
SELECT crm.ingest('web', '2', '{"full_name": "Luc Petit Durand", "phone": "+33 6 98 53 41 27", "attributes": {"shoe_size": 44}}');
SELECT * FROM t.who;
SELECT record_id, payload FROM crm.source_record_history;
SELECT change, customer_id, other_id, attributes FROM crm.outbox ORDER BY seq;
SELECT * FROM crm.check();
-- A third one shows that two customers were one: the older id stays, and comes
-- apart again with the oldest record.
SELECT crm.ingest('web', '3', '{"full_name": "Eva Sanz Rubio", "email": "eva@mar-hotel.es"}') AS one,
       crm.ingest('web', '4', '{"full_name": "Eva Sanz Rubio", "phone": "600999888"}') AS another,
       crm.ingest('web', '5', '{"full_name": "Eva Sanz Rubio", "phone": "600999888", "email": "eva@mar-hotel.es"}') AS both;
SELECT crm.current_id(4), (SELECT records FROM t.who WHERE customer_id = 3);
SELECT crm.ingest('web', '5', '{"full_name": "Eva Sanz Rubio", "phone": "600999888", "email": "otra@mar-hotel.es"}');
SELECT crm.current_id(4), (SELECT records FROM t.who WHERE customer_id = 3) AS three, (SELECT records FROM t.who WHERE customer_id = 4) AS four;
SELECT * FROM crm.check();

-- A batch: outcomes in its order, the last of several with one key counts, what
-- breaks a rule waits, once.
SELECT * FROM crm.ingest('web', '[{"key": "6", "full_name": "Iker Vega Mora", "email": "iker@mar-hotel.es"}, {"key": "7"}, {"full_name": "Nadie"},
  {"key": "6", "full_name": "Iker Vega Mora", "email": "iker2@mar-hotel.es"}, {"key": "8", "email": "iker2@mar-hotel.es", "business_at": "2024-05-01T10:00:00Z"},
  {"key": "1", "full_name": "Ana García López", "email": "ana@sol-hotel.es", "phone": "600 111 222", "birth_date": "1980-02-03"}]');
SELECT * FROM crm.ingest('web', '[{"key": "7"}, {"key": "9", "full_name": "Unai Gil Paz", "birth_date": "31/31/1990", "email": "x", "tax_id": "12345678Z"}]');
SELECT rule, row_key, raw, state FROM crm.quarantine ORDER BY quarantine_id;
SELECT b.relation, s.name, b.rows_in, b.rows_loaded, b.rows_unchanged, b.rows_quarantined, b.values_rejected, b.values_downgraded, b.finished_at IS NOT NULL AS finished
FROM crm.load_batch AS b JOIN crm.source AS s USING (source_id) ORDER BY b.load_id;
SELECT flags FROM crm.source_record WHERE source_key = '9';
-- Mended, it is replayed as a load's row would be.
UPDATE crm.quarantine SET raw = raw || '{"full_name": "Sara Ruiz Cano", "attributes": {"vip": true}}' WHERE rule = 'empty_row';
SELECT rows_in, rows_loaded, rows_quarantined FROM crm.replay_quarantine(rule => 'empty_row');
SELECT counts -> 'records' AS records FROM crm.resolve();
SELECT full_name, attributes, records FROM t.who WHERE full_name LIKE 'Sara%';
SELECT * FROM crm.ingest('web', '[]');
SELECT * FROM crm.check();

-- What crm.load() brought and nobody resolved yet gets its customer, too.
CREATE TABLE t.row AS SELECT '10' AS key, 'Olga Pons Mir' AS full_name, 'olga@mar-hotel.es' AS email;
SELECT rows_loaded FROM crm.load('web', 't.row', '{"key": "key", "full_name": "full_name", "email": "email"}');
SELECT crm.ingest('web', '11', '{"full_name": "Olga Pons Mir", "email": "olga@mar-hotel.es"}');
SELECT records FROM t.who WHERE full_name LIKE 'Olga%';
SELECT counts -> 'records' AS records, counts -> 'merged' AS merged FROM crm.resolve();
SELECT records FROM t.who WHERE full_name LIKE 'Olga%';

-- Members of a jsonb column as further attributes, in crm.load() too.
CREATE TABLE t.detailed AS SELECT '12' AS key, 'Rita Sol Mas' AS name, '{"club": "gold", "none": null}'::jsonb AS details;
SELECT rows_loaded FROM crm.load('web', 't.detailed', '{"key": "key", "full_name": "name", "attributes": {"object": "details"}}');
SELECT attributes FROM crm.source_record WHERE source_key = '12';
SELECT crm.load('web', 't.detailed', '{"key": "key", "full_name": "name", "attributes": {"objekt": "details"}}');
SELECT crm.load('web', 't.detailed', '{"key": "key", "full_name": "name", "attributes": {"object": "detail"}}');
SELECT crm.resolve() IS NOT NULL AS resolved;

-- Deleted at its source: what it held together comes apart; the last record
-- leaves an empty customer, whose id resolves still; facts hold it.
SELECT crm.ingest('web', '5', '{"full_name": "Eva Sanz Rubio", "phone": "600999888", "email": "eva@mar-hotel.es"}');
SELECT crm.delete_record('web', '5');
SELECT customer_id, state, records FROM t.who WHERE customer_id IN (3, 4);
SELECT crm.delete_record('web', '4');
SELECT customer_id, state, records FROM t.who WHERE customer_id IN (3, 4);
SELECT crm.delete_record('web', '4') IS NULL AS gone;
SELECT crm.ingest('web', '4', '{"full_name": "Eva Sanz Rubio", "phone": "600999888"}') AS again;
CREATE TABLE t.sale AS SELECT 'o1' AS key, '3' AS who, timestamptz '2024-01-01 10:00+00' AS at, 20.0 AS total;
SELECT rows_loaded FROM crm.load('web', 't.sale', '{"entity": "order", "key": "key", "customer": "who", "ordered_at": "at", "revenue": "total"}');
SELECT crm.delete_record('web', '3');
-- The oldest record goes, its customer's id stays with what is left.
SELECT crm.ingest('web', '20', '{"full_name": "Paz Rey Oro", "email": "paz@mar-hotel.es"}') AS first, crm.ingest('web', '21', '{"full_name": "Paz Rey Oro", "email": "paz@mar-hotel.es"}') AS second;
SELECT crm.delete_record('web', '20') = crm.ingest('web', '21', '{"full_name": "Paz Rey Oro", "email": "paz@mar-hotel.es"}') AS same_id;
SELECT * FROM crm.check();

-- Decisions of stewards hold.
SELECT kind FROM crm.assert_different((SELECT customer_id FROM t.who WHERE records = 'web 9'), (SELECT customer_id FROM t.who WHERE full_name LIKE 'Sara%'), 'ana', 'know both');
SELECT crm.ingest('web', '9', '{"full_name": "Sara Ruiz Cano", "email": "sara@mar-hotel.es"}') = crm.ingest('web', '7', '{"full_name": "Sara Ruiz Cano", "email": "sara@mar-hotel.es"}') AS joined;
-- An erased person does not come back, in whatever way.
SELECT count(*) > 0 AS erased FROM crm.subject_erase(1, 'asked for it');
SELECT crm.ingest('web', '1', '{"full_name": "Ana García López", "email": "ana@sol-hotel.es"}') IS NULL AS refused,
       crm.ingest('shop', '99', '{"full_name": "Ana García López", "email": "ana@sol-hotel.es"}') IS NULL AS refused_too;
SELECT * FROM crm.ingest('shop', '[{"key": "99", "email": "ana@sol-hotel.es", "full_name": "Ana García López"}, {"key": "98", "full_name": "Ana Otra Distinta", "phone": "612345679"}]');
SELECT rule, raw, state, count(*) FROM crm.quarantine WHERE rule = 'erased_subject' GROUP BY 1, 2, 3;
SELECT * FROM crm.check();

-- Calls that are none.
SELECT crm.ingest('nowhere', '1', '{}');
SELECT crm.ingest('web', '1', '[]');
SELECT crm.ingest('web', '1', NULL);
SELECT crm.ingest('web', NULL, '{"full_name": "Ana Gil Paz"}') IS NULL AS waits;
SELECT crm.ingest('web', '1', '{"e_mail": "ana@sol-hotel.es"}');
SELECT crm.ingest('web', '1', '{"email": ["ana@sol-hotel.es"]}');
SELECT crm.ingest('web', '1', '{"attributes": 7}');
SELECT * FROM crm.ingest('web', '{}'::jsonb);
SELECT * FROM crm.ingest('web', '[7]'::jsonb);
SELECT * FROM crm.ingest('web', NULL::jsonb);
SELECT crm.delete_record('nowhere', '1');
SELECT crm.ingest('web', repeat('k', 1001), '{"full_name": "Ana Gil Paz"}') IS NULL AS waits;
SELECT crm.ingest('web', 'long', jsonb_build_object('full_name', repeat('a', 2000), 'email', repeat('b', 5000) || '@sol-hotel.es', 'phone', '600111333')) IS NOT NULL AS taken;
SELECT rule, left(detail, 30) AS detail FROM crm.quarantine WHERE rule IN ('value_too_long', 'missing_key') ORDER BY quarantine_id;
SELECT * FROM crm.check();

-- Whoever has waited for another must see what he did.
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT crm.ingest('web', '1', '{"full_name": "Ana Gil Paz"}');
ROLLBACK;
BEGIN ISOLATION LEVEL SERIALIZABLE;
SELECT crm.resolve();
ROLLBACK;

-- A steward may, a reader may not; whatever the settings of the session.
CREATE ROLE omnicrm_ingest_steward; CREATE ROLE omnicrm_ingest_reader;
GRANT omnicrm_ingest_steward, omnicrm_ingest_reader TO CURRENT_USER;
SELECT crm.grant_access('omnicrm_ingest_steward', 'steward'), crm.grant_access('omnicrm_ingest_reader', 'reader');
SET ROLE omnicrm_ingest_steward;
SET datestyle = 'SQL, DMY'; SET search_path = pg_temp;
SELECT crm.ingest('web', '30', '{"full_name": "Leo Cid Paz", "birth_date": "1990-12-01", "email": "leo@mar-hotel.es"}') = crm.ingest('shop', '30', '{"full_name": "Leo Cid Paz", "birth_date": "1990-12-01"}') AS one;
SELECT crm.delete_record('shop', '30') IS NOT NULL AS deleted;
SET ROLE omnicrm_ingest_reader;
SELECT crm.ingest('web', '31', '{"full_name": "Leo Cid Paz"}');
RESET ROLE; RESET search_path; RESET datestyle;
SELECT birth_date FROM crm.source_record WHERE source_key = '30';
SELECT crm.revoke_access('omnicrm_ingest_steward'), crm.revoke_access('omnicrm_ingest_reader');
DROP ROLE omnicrm_ingest_steward, omnicrm_ingest_reader;
SELECT * FROM crm.check();

DROP SCHEMA crm, crm_bi, t CASCADE;
