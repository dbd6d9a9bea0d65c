-- The quality reports on a small company.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60, freshness => interval '1 day'), crm.add_source('card', 'loyalty', 80), crm.add_source('late', 'erp', 80, freshness => interval '1 hour');
CREATE TABLE contact (id text, name text, born text, mail text, tel text, cp text, clerk text, made date);
INSERT INTO contact VALUES ('1', 'Ana Gil Mas', '1980-01-02', 'ana@mail.es', '600111222', '28001', 'e1', '2024-01-01'),
  ('2', 'Bea Paz Gil', '2015-01-02', 'bea', '600111223', NULL, 'e1', '2024-01-02'),
  ('3', 'Eva Sol Mar', '2024-02-02', 'none@none.com', NULL, NULL, 'e2', '2024-01-03'),
  ('4', 'Ana Gil Mas', NULL, 'ana@mail.es', '1', NULL, NULL, NULL);
CREATE TABLE member (id text, name text, born text, mail text);
INSERT INTO member VALUES ('A', 'GIL MAS, Ana', '1981-01-02', 'ana@mail.es'), ('B', 'Bea Paz Gil', '2015-01-02', 'bea@mail.es');
SELECT rows_loaded FROM crm.load('web', 'contact', '{"key": "id", "full_name": "name", "birth_date": "born", "email": "mail", "phone": "tel", "postcode": "cp", "entered_by": "clerk", "business_at": "made"}');
SELECT rows_loaded FROM crm.load('card', 'member', '{"key": "id", "full_name": "name", "birth_date": "born", "email": "mail"}');
INSERT INTO crm.customer (full_name, source_count) VALUES ('Ana', 2), ('Bea', 2), ('Eva', 1);
INSERT INTO crm.customer_member (record_id, customer_id, home_id)
SELECT r.record_id, c.customer_id, c.customer_id FROM crm.source_record AS r JOIN crm.customer AS c ON c.full_name = initcap(substr(r.full_name, CASE WHEN r.full_name LIKE 'GIL%' THEN 10 ELSE 1 END, 3));
SELECT source, attribute, records, filled, rejected, implausible, distinct_values AS values, round(completeness::numeric, 3) AS complete, round(validity::numeric, 3) AS valid,
  round(uniqueness::numeric, 3) AS unique, compared_customers AS compared, conflicting_customers AS conflicts, conflict_rate AS rate
FROM crm_bi.data_quality WHERE source <> 'late' AND attribute IN ('full_name', 'birth_date', 'email', 'phone', 'postcode', 'tax_id') ORDER BY 1, 2;
SELECT source, count(*) AS attributes, min(newest_business_date) AS newest, bool_and(business_days_old = current_date - newest_business_date) AS days, bool_or(last_loaded_at IS NOT NULL) AS loaded, bool_and(is_late) AS late
FROM crm_bi.data_quality GROUP BY 1 ORDER BY 1;
UPDATE crm.load_batch SET finished_at = finished_at - interval '2 days';
SELECT DISTINCT source, is_late FROM crm_bi.data_quality ORDER BY 1;
INSERT INTO crm.employee (employee_key, name) VALUES ('e1', 'Sol');
SELECT source, employee_id, employee_key, records, attributes, filled_values AS filled, rejected_values AS rejected, implausible_values AS implausible,
  round(completeness::numeric, 3) AS complete, round(validity::numeric, 3) AS valid
FROM crm_bi.data_quality_employee ORDER BY employee_key;
CREATE TABLE event AS SELECT i AS id, '1' AS who, date '2024-01-01' + i AS at, CASE WHEN i < 4 THEN 'web' ELSE 'wbe' END AS channel, 'e' || i AS clerk, 'c' AS campaign FROM generate_series(1, 4) AS i;
INSERT INTO event VALUES (5, 'nobody', '2024-01-01');
INSERT INTO crm.channel (name) VALUES ('web');
SELECT rows_loaded, rows_quarantined FROM crm.load('web', 'event', '{"entity": "touch", "key": "id", "customer": "who", "occurred_at": "at", "channel": "channel", "employee": "clerk", "campaign": "campaign"}');
SELECT dimension, name, uses FROM crm_bi.undeclared_dimension ORDER BY 1, 2;
SELECT load_id, source, entity, is_replay, rows_in, rows_loaded, rows_unchanged, rows_quarantined, values_rejected, values_downgraded, quarantine_rate, rows_waiting FROM crm_bi.load_history ORDER BY load_id;
SELECT source, entity, rule, description, rows_waiting, oldest_at = newest_at AS one_time FROM crm_bi.quarantine_open;
DROP TABLE contact, member, event;
DROP SCHEMA crm, crm_bi CASCADE;
