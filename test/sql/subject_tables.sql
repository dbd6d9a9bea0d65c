-- Every table of the hub says what it holds of a person: crm.subject_table().
-- Each query lists what breaks a rule and must return no row. A new table needs a
-- row there, and each of its columns that can hold words a place in it.
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

CREATE TEMP VIEW hub_table AS
SELECT c.oid, c.relname AS table_name FROM pg_class AS c WHERE c.relnamespace = 'crm'::regnamespace AND c.relkind IN ('r', 'p');
CREATE TEMP VIEW subject_column AS
SELECT s.table_name, s.reach, s.erase, a.attname AS column_name, y.typcategory,
       EXISTS (SELECT FROM unnest(s.emptied) AS e(spec) WHERE split_part(e.spec, ' = ', 1) = a.attname) AS emptied,
       a.attname = ANY (coalesce(s.kept, '{}')) AS kept
FROM crm.subject_table() AS s
JOIN hub_table AS t ON t.table_name = s.table_name
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type AS y ON y.oid = a.atttypid;

SELECT t.table_name AS not_in_subject_table FROM hub_table AS t
WHERE NOT EXISTS (SELECT FROM crm.subject_table() AS s WHERE s.table_name = t.table_name) ORDER BY 1;
SELECT s.table_name AS no_such_table, count(*) FROM crm.subject_table() AS s
GROUP BY s.table_name
HAVING count(*) > 1 OR NOT EXISTS (SELECT FROM hub_table AS t WHERE t.table_name = s.table_name) ORDER BY 1;
SELECT s.table_name, s.erase AS unknown_way FROM crm.subject_table() AS s
WHERE s.erase NOT IN ('delete', 'empty', 'keep', 'apart', 'none') OR s.erase <> 'apart' AND (s.erase IN ('delete', 'empty', 'keep')) <> (s.reach IS NOT NULL) ORDER BY 1;
SELECT s.table_name AS no_reason FROM crm.subject_table() AS s WHERE s.erase <> 'none' AND coalesce(s.why, '') = '' ORDER BY 1;

-- A table with a path to a customer, record or order: by the name of a column or
-- by a foreign key.
SELECT s.table_name, a.attname AS path_without_reach
FROM crm.subject_table() AS s
JOIN hub_table AS t ON t.table_name = s.table_name
JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0
WHERE s.erase = 'none'
  AND (a.attname ~ '(^|_)(customer|record|order|pool|touch|lead|case|member|person|subject)_?(id|ids|a|b|key)?s?$'
       OR EXISTS (SELECT
                  FROM pg_constraint AS k
                  JOIN crm.subject_table() AS o ON o.table_name = (SELECT c.relname FROM pg_class AS c WHERE c.oid = k.confrelid)
                  WHERE k.contype = 'f' AND k.conrelid = t.oid AND a.attnum = ANY (k.conkey) AND o.reach IS NOT NULL))
  -- Counts, and the log that hashes belong to, are no way to anybody.
  AND (s.table_name, a.attname) NOT IN (('attribution_run', 'orders'), ('match_rule', 'max_records'), ('product_popularity', 'customers'),
                                        ('erased_key', 'subject_log_id'), ('audit_run', 'records'), ('audit_run', 'customers'), ('audit_source', 'records'),
                                        ('audit_attribute', 'records'), ('audit_attribute', 'compared_customers'), ('audit_attribute', 'conflicting_customers'),
                                        ('audit_entry', 'records'), ('audit_holding', 'records'))
ORDER BY 1, 2;

-- Each column of a table that is emptied is emptied or kept, none is both; of a
-- table that is kept, or erased by a function of its own, each that can hold words is named.
SELECT c.table_name, c.column_name AS neither_emptied_nor_kept FROM subject_column AS c
WHERE NOT c.emptied AND NOT c.kept
  AND (c.erase = 'empty' OR c.erase IN ('keep', 'apart') AND c.typcategory IN ('S', 'U', 'A', 'I', 'C', 'X', 'Z') AND c.column_name <> 'kind')
ORDER BY 1, 2;
SELECT c.table_name, c.column_name AS both FROM subject_column AS c WHERE c.emptied AND c.kept ORDER BY 1, 2;
SELECT s.table_name, k.name AS no_such_column
FROM crm.subject_table() AS s
CROSS JOIN LATERAL (SELECT split_part(e.spec, ' = ', 1) FROM unnest(s.emptied) AS e(spec) UNION ALL SELECT unnest(s.kept)) AS k(name)
WHERE NOT EXISTS (SELECT FROM subject_column AS c WHERE c.table_name = s.table_name AND c.column_name = k.name)
ORDER BY 1, 2;
-- What can identify a person is never kept; erase_order_keys() replaces these keys.
SELECT c.table_name, c.column_name AS kept FROM subject_column AS c
WHERE c.kept AND c.erase IN ('empty', 'keep')
  AND c.column_name ~ '(name|email|phone|tax_id|street|postcode|city|birth|card|device|payload|raw|attributes|why|note|subject|_key)$'
ORDER BY 1, 2;
-- No column of ours counts as somebody's own.
SELECT s.table_name, crm.own_columns(s.table_name) FROM crm.subject_table() AS s WHERE s.reach IS NOT NULL AND s.erase <> 'delete' ORDER BY 1;

-- A new table, a new column: the rules notice.
CREATE TABLE crm.own_note (customer_id bigint REFERENCES crm.customer, note text);
ALTER TABLE crm.touch ADD COLUMN remark text, ADD COLUMN weight numeric;
ALTER TABLE crm.customer ADD COLUMN loyal_since date;
SELECT t.table_name AS not_in_subject_table FROM hub_table AS t
WHERE NOT EXISTS (SELECT FROM crm.subject_table() AS s WHERE s.table_name = t.table_name) ORDER BY 1;
SELECT c.table_name, c.column_name AS neither_emptied_nor_kept FROM subject_column AS c WHERE NOT c.emptied AND NOT c.kept AND c.erase = 'empty' ORDER BY 1, 2;
SELECT s.table_name, crm.own_columns(s.table_name) FROM crm.subject_table() AS s WHERE s.reach IS NOT NULL AND s.erase <> 'delete' ORDER BY 1;
DROP VIEW subject_column, hub_table;
DROP SCHEMA crm, crm_bi CASCADE;
