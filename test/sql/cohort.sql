-- Who comes back: the view cohort_retention.
SET client_min_messages = warning;
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT count(*) FROM crm_bi.cohort_retention;
INSERT INTO crm.source (name, kind, trust) VALUES ('till', 'shop', 70);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) SELECT source_id, 'customer', 'x', '{}' FROM crm.source;
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, kind, name_key, quality, payload)
SELECT 1, 'k' || n, 1, n, 'person', 'x', repeat('9', 15), '{}' FROM generate_series(1, 7) AS n;
INSERT INTO crm.customer (kind, full_name, record_count, source_count) SELECT 'person', 'x', 1, 1 FROM generate_series(1, 6);
-- Records 1 and 6 are one customer; record 7 is nobody's.
INSERT INTO crm.customer_member (record_id, customer_id) SELECT n, n FROM generate_series(1, 5) AS n UNION ALL SELECT 6, 1;
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, duplicate_of, revenue, currency)
SELECT 1, n::text, 1, n, record, at, kind, coalesce(twin, n)::text, twin, revenue, 'EUR'
FROM (VALUES (1, 1, timestamptz '2024-11-30 23:30+00', 'sale', NULL::bigint, 100.00), (2, 6, '2024-12-05', 'sale', NULL, 50), (3, 1, '2025-02-10', 'sale', NULL, 25), (4, 1, '2025-02-11', 'sale', NULL, 25),
             (5, 2, '2024-11-02', 'sale', NULL, 10), (6, 2, '2025-01-02', 'return', NULL, -10), (7, 3, '2024-12-31', 'sale', NULL, 70), (8, 3, '2025-02-01', 'sale', NULL, 30),
             (9, 4, '2024-11-01', 'return', NULL, -5), (10, 4, '2025-02-20', 'sale', NULL, 40), (11, 5, '2024-12-01', 'return', NULL, -9), (12, 7, '2024-10-01', 'sale', NULL, 99),
             (13, 3, '2025-01-15', 'sale', 7, 70), (14, 2, '2999-01-01', 'sale', NULL, 1)) AS o(n, record, at, kind, twin, revenue)
ORDER BY o.n;
SELECT * FROM crm_bi.cohort_retention ORDER BY cohort, months_since;
-- In Madrid the first sale of customer 1 was in December.
SET timezone = 'Europe/Madrid';
SELECT cohort, months_since, customers, retained, revenue FROM crm_bi.cohort_retention WHERE months_since = 0 ORDER BY cohort;
SET timezone = 'UTC';
-- Every customer with a sale is in one cohort, and all their revenue in one cell.
SELECT (SELECT sum(customers) FROM crm_bi.cohort_retention WHERE months_since = 0) AS customers, (SELECT sum(revenue) FROM crm_bi.cohort_retention) AS revenue,
       (SELECT sum(o.revenue) FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id)
        WHERE o.duplicate_of IS NULL AND o.ordered_at < '2900-01-01' AND m.customer_id IN (1, 2, 3, 4)) AS told;
SELECT array_agg(m[1]) AS shown
FROM (SELECT omnicrm.svg_cohort_heatmap(jsonb_agg(c)) AS svg FROM crm_bi.cohort_retention AS c) AS p, regexp_matches(svg, '<title>([^<]*)</title>', 'g') AS m;
DROP SCHEMA crm, crm_bi CASCADE;
