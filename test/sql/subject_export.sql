-- The right of access: all that is held of a person, and of nobody else.
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/subject_hub.sql
\i :file
-- By the id of a customer with three records; which tables, how many rows.
CREATE TABLE export AS SELECT crm.subject_export(1) AS e;
SELECT e -> 'customer_id' AS customer_id, e -> 'asked_for' AS asked_for, e -> 'all_ids' AS all_ids, e ? 'made_at' AS dated,
       (SELECT array_agg(k.key ORDER BY k.key) FROM jsonb_object_keys(e) AS k(key)) AS parts
FROM export;
SELECT t.table_name, t.erase, coalesce(jsonb_array_length(e -> 'tables' -> t.table_name), 0) AS rows
FROM export CROSS JOIN crm.subject_table() WITH ORDINALITY AS t(table_name, reach, erase, emptied, kept, why, position)
WHERE t.reach IS NOT NULL OR e -> 'tables' ? t.table_name
ORDER BY t.position;
-- Complete: each row of a table whose record, customer or order is hers is there.
SELECT count(*) AS missing FROM export CROSS JOIN crm.source_record AS r
WHERE r.record_id IN (1, 4, 6) AND NOT e -> 'tables' -> 'source_record' @> jsonb_build_array(jsonb_build_object('record_id', r.record_id, 'payload', r.payload));
SELECT count(*) AS missing FROM export CROSS JOIN crm.sales_order AS o
WHERE o.record_id IN (1, 4, 6) AND NOT e -> 'tables' -> 'sales_order' @> jsonb_build_array(jsonb_build_object('order_id', o.order_id, 'order_key', o.order_key));
SELECT count(*) AS missing FROM export CROSS JOIN crm.commission_entry AS c JOIN crm.commission_pool AS p USING (pool_id) JOIN crm.sales_order AS o USING (order_id)
WHERE o.record_id IN (1, 4, 6) AND NOT e -> 'tables' -> 'commission_entry' @> jsonb_build_array(to_jsonb(c));
-- With where it comes from.
SELECT g ->> 'attribute' AS attribute, g ->> 'value' AS value, g ->> 'source' AS source, g ->> 'source_key' AS source_key, g ->> 'rule' AS rule
FROM export CROSS JOIN LATERAL jsonb_array_elements(e -> 'golden') AS g;
SELECT r ->> 'source' AS source, r ->> 'source_key' AS source_key, r ? 'loaded_at' AS dated, r -> 'payload' ->> 'mail' AS as_delivered, r ->> 'email' AS normalised
FROM export CROSS JOIN LATERAL jsonb_array_elements(e #> '{tables,source_record}') AS r;
SELECT h -> 'payload' ->> 'tel' AS earlier_phone, h ->> 'loaded_from' AS loaded_from FROM export CROSS JOIN LATERAL jsonb_array_elements(e #> '{tables,source_record_history}') AS h;
SELECT o ->> 'order_key' AS order_key, o ->> 'revenue' AS revenue, o ->> 'source' AS source, o ->> 'channel' AS channel, o ->> 'employee' AS employee
FROM export CROSS JOIN LATERAL jsonb_array_elements(e #> '{tables,sales_order}') AS o;
SELECT q ->> 'rule' AS rule, q ->> 'rule_says' AS rule_says, q ->> 'loaded_from' AS loaded_from, q -> 'raw' ->> 'mail' AS mail
FROM export CROSS JOIN LATERAL jsonb_array_elements(e #> '{tables,quarantine}') AS q;
SELECT e -> 'meaning' ->> 'source_record_history' AS meaning FROM export;
-- Nothing of her husband or of her namesake but the numbers of links to them.
SELECT count(*) AS others FROM export
WHERE e::text ~* 'juan|p[eé]rez|47829163L|mruiz|61820457E|del Sol|600 ?999 ?888|W-77002|W-77003|T-9002|K-2';
-- Again the same, and a reader may.
SELECT crm.subject_export(1) - 'made_at' = e - 'made_at' AS same FROM export;
-- A table of the owner's own that points to a customer, and one that does not.
CREATE TABLE staging.own_note (note_id bigint PRIMARY KEY, customer_id bigint REFERENCES crm.customer, note text);
CREATE TABLE staging.own_line (order_id bigint, line_key text, remark text);
ALTER TABLE staging.own_line ADD FOREIGN KEY (order_id, line_key) REFERENCES crm.order_line (order_id, line_key);
CREATE TABLE staging.own_list (code text);
INSERT INTO staging.own_note VALUES (1, 1, 'likes tea'), (2, 2, 'likes coffee');
INSERT INTO staging.own_line SELECT l.order_id, l.line_key, 'wrapped ' || o.order_key FROM crm.order_line AS l JOIN crm.sales_order AS o USING (order_id);
SELECT crm.subject_export(1) #> '{tables,staging.own_note}' AS notes, crm.subject_export(1) #> '{tables,staging.own_line}' AS lines;
-- After a merge either id gives all of the person.
SELECT (crm.decide_match(2, 5, true, 'test')).kind AS decided;
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT i.id, x.e -> 'customer_id' AS customer_id, x.e -> 'all_ids' AS all_ids, jsonb_array_length(x.e #> '{tables,source_record}') AS records,
       jsonb_array_length(x.e #> '{tables,customer}') AS customers
FROM (VALUES (2), (4)) AS i(id) CROSS JOIN LATERAL (SELECT crm.subject_export(i.id) AS e) AS x;
-- Nobody asks like this.
SELECT crm.subject_export(99);
SELECT crm.subject_export(NULL);
-- A policy that hides rows makes no export of a part.
ALTER TABLE crm.touch ENABLE ROW LEVEL SECURITY;
CREATE ROLE regress_omnicrm_export;
GRANT regress_omnicrm_export TO CURRENT_USER;
SELECT crm.grant_access('regress_omnicrm_export', 'administrator');
GRANT USAGE ON SCHEMA staging TO regress_omnicrm_export;
GRANT SELECT ON ALL TABLES IN SCHEMA staging TO regress_omnicrm_export;
SET ROLE regress_omnicrm_export;
SELECT crm.subject_export(1);
SELECT crm.subject_erase(1, 'request 1');
RESET ROLE;
ALTER TABLE crm.touch DISABLE ROW LEVEL SECURITY;
SET ROLE regress_omnicrm_export;
SELECT crm.subject_export(1) IS NOT NULL AS exported;
RESET ROLE;
SELECT * FROM crm.check();
DROP OWNED BY regress_omnicrm_export;
DROP ROLE regress_omnicrm_export;
DROP SCHEMA staging CASCADE;
DROP SCHEMA crm, crm_bi CASCADE;
DROP TABLE export;
DROP FUNCTION load_all();
