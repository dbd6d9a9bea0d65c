-- The audit of the data: what it finds by source, attribute and employee, what
-- changed since the audit before, and what is held and not used.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
-- An empty hub has nothing to tell, and says so.
SELECT counts - 'ms' AS counts FROM crm.audit_sources();
SELECT count(*) FROM crm_bi.data_quality_trend;
SELECT count(*) FROM crm.check();

-- A web shop that two clerks feed, a loyalty card, and a bought list that only
-- repeats what the others know, with older dates.
SELECT crm.add_source('web', 'web', 60), crm.add_source('loyalty', 'loyalty', 80), crm.add_source('list', 'other', 10, freshness => '1 hour');
CREATE SCHEMA t;
CREATE TABLE t.web (id text, first text, last text, mail text, tel text, born text, street text, zip text, note text, shoe text, fax text, blank text, clerk text, at text);
INSERT INTO t.web VALUES
  ('w1', 'Ana', 'Gil Mora', 'ana@hotel-sol.es', '600 000 001', '1980-01-01', NULL, '41001', 'tall', '38', '955', '', 'e1', '2024-01-01'),
  ('w2', 'Luis', 'Rey Sanz', 'luis@hotel-sol.es', '600 000 002', '1900-01-01', NULL, '41001', NULL, '43', NULL, ' ', 'e1', '2024-01-02'),
  ('w3', 'Eva', 'Rey Gil', 'none@none.com', '12', '1990-01-01', NULL, NULL, NULL, NULL, NULL, NULL, 'e2', '2024-01-03'),
  ('w4', 'Juan', 'Cano Ruiz', NULL, NULL, NULL, NULL, NULL, NULL, NULL, '944', NULL, 'e2', '2024-01-04');
CREATE TABLE t.card (card text, name text, mail text, zip text, at text);
INSERT INTO t.card VALUES ('c1', 'Ana Gil Mora', 'ana@hotel-sol.es', '41002', '2023-01-01'), ('c2', 'Luis Rey Sanz', 'luis@hotel-sol.es', '41001', '2023-01-01');
CREATE TABLE t.list (no text, name text, mail text, grade text, at text);
INSERT INTO t.list VALUES ('l1', 'Ana Gil Mora', 'ana@hotel-sol.es', 'A', '2020-01-01'), ('l2', 'Luis Rey Sanz', 'luis@hotel-sol.es', 'B', '2020-01-01');
CREATE FUNCTION t.load() RETURNS SETOF text LANGUAGE sql AS $$
  SELECT p.source || ': ' || b.rows_loaded || ' loaded, ' || b.rows_quarantined || ' quarantined'
  FROM (VALUES (1, 'web', 't.web', '{"key": "id", "given_name": "first", "surname": ["last"], "email": "mail", "phone": {"column": "tel"}, "birth_date": {"columns": ["born"], "format": "YMD"},
                  "street": "street", "postcode": "zip", "attributes": ["note", "shoe"], "entered_by": "clerk", "business_at": "at"}'),
               (2, 'loyalty', 't.card', '{"key": "card", "full_name": "name", "email": "mail", "postcode": "zip", "loyalty_card": "card", "business_at": "at"}'),
               (3, 'list', 't.list', '{"key": "no", "full_name": "name", "email": "mail", "business_at": "at"}')) AS p(place, source, relation, mapping)
  CROSS JOIN LATERAL crm.load(p.source, p.relation::regclass, p.mapping::jsonb) AS b ORDER BY p.place $$;
SELECT t.load();
SELECT counts -> 'created' AS customers FROM crm.resolve();
CREATE TABLE t.sale (no text, who text, at text, total text);
INSERT INTO t.sale VALUES ('1', 'w1', '2024-02-01', '10'), ('2', 'w2', '2024-02-02', '20'), ('3', 'w9', '2024-02-02', '30');
SELECT rows_loaded, rows_quarantined FROM crm.load('web', 't.sale', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total"}');
CREATE VIEW t.shoes AS SELECT customer_id, attributes ->> 'shoe' AS size FROM crm.customer;

SELECT counts - 'ms' AS counts FROM crm.audit_sources();
SELECT source, attribute, records, filled, round(completeness::numeric, 2) AS complete, round(validity::numeric, 2) AS valid, round(uniqueness::numeric, 2) AS uniq,
       round(conflict_rate::numeric, 2) AS conflict, round(surviving_rate::numeric, 2) AS surviving, records_change
FROM crm_bi.data_quality_trend WHERE is_latest AND (filled > 0 OR validity < 1) ORDER BY source_id, attribute;
SELECT source, records, surviving_values, rows_waiting, newest_business_date, is_late, round(completeness::numeric, 3) AS complete, round(validity::numeric, 3) AS valid,
       round(conflict_rate::numeric, 3) AS conflict, records_change
FROM crm_bi.data_quality_source_trend WHERE is_latest ORDER BY source_id;
SELECT source, employee_key, records, filled_values, rejected_values, round(completeness::numeric, 3) AS complete, round(validity::numeric, 3) AS valid, previous_audited_at
FROM crm_bi.data_quality_employee_trend WHERE is_latest ORDER BY employee_key;
SELECT employee_key, attribute, is_asked, filled, rejected, completeness FROM crm_bi.data_quality_entry WHERE attribute IN ('email', 'street', 'tax_id') ORDER BY 1, 2;
-- The fax nobody reads, the blank column, the street that nobody fills, notes that
-- no rule or report knows, and the list that is worth nothing.
SELECT source, kind, name, finding, records, filled, round(fill_rate::numeric, 2) AS rate FROM crm_bi.unused_data WHERE kind <> 'fact column' ORDER BY source_id, kind, name;
SELECT source, name, finding FROM crm_bi.unused_data WHERE kind = 'fact column' ORDER BY name COLLATE "C";
SELECT source_id, kind, name, filled, used_in FROM crm.audit_holding WHERE audit_id = 2 AND used_in IS NOT NULL ORDER BY source_id, kind, name;
-- What is stored is what the reports say now; golden values tie with lineage.
CREATE FUNCTION t.ties() RETURNS TABLE (what text, ties boolean) LANGUAGE sql AS $$
  SELECT 'quality', NOT EXISTS (SELECT q.source_id, q.attribute::text, q.records, q.filled, q.completeness, q.validity, q.uniqueness, q.conflict_rate FROM crm_bi.data_quality AS q
                                EXCEPT SELECT q.source_id, q.attribute::text, q.records, q.filled, q.completeness, q.validity, q.uniqueness, q.conflict_rate FROM crm_bi.data_quality_trend AS q WHERE q.is_latest)
  UNION ALL
  SELECT 'employees', NOT EXISTS (SELECT q.source_id, q.employee_key::text, q.records, q.filled_values, q.completeness, q.validity FROM crm_bi.data_quality_employee AS q
                                  EXCEPT SELECT q.source_id, q.employee_key::text, q.records, q.filled_values, q.completeness, q.validity FROM crm_bi.data_quality_employee_trend AS q WHERE q.is_latest)
  UNION ALL
  SELECT 'golden values', (SELECT sum(s.surviving_values) FROM crm.audit_source AS s WHERE s.audit_id = (SELECT max(audit_id) FROM crm.audit_run))
    = (SELECT count(*) FROM crm.customer AS c CROSS JOIN LATERAL crm.lineage(c.customer_id) AS l WHERE c.state = 'active' AND l.record_id IS NOT NULL AND l.value IS NOT NULL)
  UNION ALL
  SELECT 'golden values by attribute', NOT EXISTS (
    SELECT r.source_id, l.attribute, count(*) FROM crm.customer AS c CROSS JOIN LATERAL crm.lineage(c.customer_id) AS l JOIN crm.source_record AS r ON r.record_id = l.record_id
    WHERE c.state = 'active' AND l.value IS NOT NULL AND l.attribute = ANY (crm.survivorship_columns()) GROUP BY 1, 2
    EXCEPT SELECT a.source_id, a.attribute, a.surviving_values FROM crm.audit_attribute AS a WHERE a.audit_id = (SELECT max(audit_id) FROM crm.audit_run))
$$;
SELECT * FROM t.ties();
SELECT count(*) FROM crm.check();

-- The clerks get better, the fax is mapped, notes get a rule: the next audit shows
-- the difference.
UPDATE t.web SET mail = 'eva@hotel-sol.es', tel = '600 000 003' WHERE id = 'w3';
INSERT INTO t.web VALUES ('w5', 'Rosa', 'Soto Vega', 'rosa@hotel-sol.es', '600 000 005', '1985-05-05', 'Calle Mayor 5', '41003', 'short', '39', NULL, NULL, 'e2', '2024-02-01');
DELETE FROM t.card WHERE card = 'c2';
INSERT INTO t.card VALUES ('c2', 'Luis Rey Sanz', 'luis.rey@hotel-sol.es', '41001', '2024-03-01');
SELECT t.load();
SELECT rows_loaded FROM crm.load('list', 't.list', '{"key": "no", "full_name": "name", "email": "mail", "attributes": ["grade"], "business_at": "at"}');
INSERT INTO crm.survivorship_attribute (attribute) VALUES ('note');
SELECT crm.rebuild_customers() >= 0 AS rebuilt;
SELECT counts -> 'changed' AS changed FROM crm.resolve();
SELECT crm.override(1, 'grade', 'AA', 'ben', 'knows her') AS override;
SELECT counts - 'ms' AS counts FROM crm.audit_sources();
SELECT source, attribute, records_change, round(completeness_change::numeric, 2) AS complete, round(validity_change::numeric, 2) AS valid, round(uniqueness_change::numeric, 2) AS uniq,
       round(conflict_rate_change::numeric, 2) AS conflict, round(surviving_rate_change::numeric, 2) AS surviving
FROM crm_bi.data_quality_trend
WHERE is_latest AND (completeness_change <> 0 OR validity_change <> 0 OR uniqueness_change <> 0 OR conflict_rate_change <> 0 OR surviving_rate_change <> 0) ORDER BY source_id, attribute;
SELECT employee_key, records_change, round(completeness_change::numeric, 3) AS complete, round(validity_change::numeric, 3) AS valid,
       previous_audited_at < audited_at AS later
FROM crm_bi.data_quality_employee_trend WHERE is_latest ORDER BY employee_key;
SELECT source, records_change, surviving_values_change, rows_waiting_change FROM crm_bi.data_quality_source_trend WHERE is_latest ORDER BY source_id;
SELECT source, kind, name, finding FROM crm_bi.unused_data WHERE kind <> 'fact column' ORDER BY source_id, kind, name;
SELECT * FROM t.ties();
SELECT count(*) FROM crm.check();
-- Nothing changed: an audit again differs in nothing.
SELECT counts -> 'unused' AS unused FROM crm.audit_sources();
SELECT count(*) FILTER (WHERE completeness_change = 0 AND records_change = 0) = count(*) FILTER (WHERE completeness IS NOT NULL) AS same FROM crm_bi.data_quality_trend WHERE is_latest;

-- Names of columns are quoted and counted whatever they are; nothing of a value gets in.
CREATE TABLE t.odd ("key" text, "Na;me""' " text, "where" text);
INSERT INTO t.odd VALUES ('o1', 'Rosa Prado Lago', 'SECRET');
SELECT crm.add_source('odd', 'other', 5);
SELECT rows_loaded FROM crm.load('odd', 't.odd', '{"key": "key", "full_name": "Na;me\"'' "}');
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT counts -> 'sources' AS sources FROM crm.audit_sources();
SELECT name, filled, used_in FROM crm.audit_holding WHERE source_id = 4 AND audit_id = 5 ORDER BY name COLLATE "C";
SELECT count(*) FROM crm.audit_holding AS h WHERE h::text LIKE '%SECRET%';
-- Who is erased leaves no hole: counts are of those that are there.
SELECT count(*) > 0 AS erased FROM crm.subject_erase(1, 'request 1');
SELECT counts - '{unused,ms}'::text[] AS counts FROM crm.audit_sources();
SELECT source, records, records_change FROM crm_bi.data_quality_source_trend WHERE is_latest ORDER BY source_id;
SELECT * FROM t.ties();
SELECT count(*) FROM crm.check();
-- check() notices; an audit that nobody needs goes whole.
UPDATE crm.audit_attribute SET filled = records + 1 WHERE audit_id = 2 AND source_id = 1 AND attribute = 'email';
UPDATE crm.audit_run SET records = 99 WHERE audit_id = 3;
SELECT * FROM crm.check() ORDER BY 1;
DELETE FROM crm.audit_run WHERE audit_id < 4;
SELECT count(*) FROM crm.check();
SELECT min(audit_id) FROM crm_bi.data_quality_trend;
DROP SCHEMA t, crm, crm_bi CASCADE;
