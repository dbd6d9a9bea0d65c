-- Segmentation of the customers of a hub.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

-- A hub without orders.
SELECT counts FROM crm.segment_customers('2024-01-01');
SELECT as_of, cuts_from, time_zone, abc_limits, recency_cuts, frequency_cuts, monetary_cuts FROM crm.rfm_cut;
SELECT count(*) FROM crm_bi.rfm_grid;
SELECT count(*) FROM crm_bi.pareto_curve;
SELECT count(*) FROM crm_bi.segment_summary;
DELETE FROM crm.rfm_cut;
SELECT count(*) FROM crm_bi.rfm_grid;

-- Twelve records: 1 to 10 are a customer each, 11 belongs to customer 10, and
-- 12 has not been resolved yet.
INSERT INTO crm.source (name, kind, trust) VALUES ('shop', 'shop', 50), ('web', 'web', 50);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) VALUES (1, 'order', 'test', '{}');
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload)
SELECT 1, n, 1, n, '000000000000000', '{}' FROM generate_series(1, 12) AS n;
INSERT INTO crm.customer (full_name) SELECT 'Customer ' || n FROM generate_series(1, 10) AS n;
INSERT INTO crm.customer_member (record_id, customer_id, home_id) SELECT n, least(n, 10), least(n, 10) FROM generate_series(1, 11) AS n;
CREATE FUNCTION pg_temp.sell(record bigint, at text, money numeric, margin numeric DEFAULT 0, sold text DEFAULT 'sale', duplicate bigint DEFAULT NULL)
RETURNS bigint
LANGUAGE sql
AS $$
  INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, duplicate_of,
                               revenue, gross_margin, currency)
  SELECT 1, 'O' || n, 1, n, record, at::timestamptz, sold, coalesce('O' || duplicate, 'O' || n), duplicate, money, margin, 'EUR'
  FROM (SELECT 1 + count(*) AS n FROM crm.sales_order) AS c
  RETURNING order_id
$$;
SELECT count(pg_temp.sell(r, at, money, margin)) AS orders
FROM (VALUES
  (1, '2024-06-28 10:00+00', 100.10, 40.00), (1, '2024-06-01 10:00+00', 50.00, 20.00), (1, '2024-06-01 18:00+00', 20.00, NULL),
  (1, '2024-05-01 10:00+00', 30.00, 12.00), (1, '2024-03-01 10:00+00', 30.00, 12.00),
  (2, '2024-06-20 10:00+00', 45.00, 9.00), (2, '2024-02-10 10:00+00', 45.00, 9.00),
  (3, '2024-06-30 22:30+00', 80.00, 30.00),
  (4, '2024-01-15 10:00+00', 15.00, -5.00), (4, '2024-01-16 10:00+00', 15.00, -5.00), (4, '2024-01-17 10:00+00', 15.00, -5.00),
  (5, '2023-11-11 10:00+00', 12.00, 2.00),
  (6, '2023-11-11 10:00+00', 12.00, 2.00),
  (7, '2023-12-24 10:00+00', 60.00, 10.00),
  (10, '2024-04-01 10:00+00', 25.00, 5.00), (11, '2024-05-01 10:00+00', 25.00, 5.00),
  (12, '2024-05-05 10:00+00', 999.00, 1.00),
  (8, '2024-07-01 00:00+00', 500.00, 100.00), (8, 'infinity', 1.00, 0.00), (8, '-infinity', 1.00, 0.00)) AS o(r, at, money, margin);
-- Returns: of customer 7 more than was bought, of customer 9 without a sale.
SELECT pg_temp.sell(7, '2024-01-02 10:00+00', -70.00, -12.00, 'return');
SELECT pg_temp.sell(9, '2024-01-02 10:00+00', -5.00, -1.00, 'return');
-- The same sale told by the other source counts nowhere.
SELECT pg_temp.sell(2, '2024-06-20 11:00+00', 45.00, 9.00, 'sale', 6);

SELECT job, finished_at >= started_at AS finished, jsonb_pretty(counts) AS counts FROM crm.segment_customers('2024-06-30');
SELECT as_of, cuts_from, time_zone, abc_limits, recency_cuts, frequency_cuts, monetary_cuts FROM crm.rfm_cut;
SELECT customer_id, recency_days, frequency, monetary, gross_margin, r, f, m, segment, revenue_class AS rc, margin_class AS mc,
       round(revenue_share::numeric, 6) AS share
FROM crm.customer_score
ORDER BY customer_id;
-- What was left out is told: the sums meet.
SELECT (counts ->> 'revenue')::numeric
       - (counts ->> 'revenue_of_returns_only')::numeric
       - (counts ->> 'revenue_without_customer')::numeric
       - (SELECT sum(monetary) FROM crm.customer_score) AS missing_from_scores,
       (counts ->> 'revenue')::numeric
       - (SELECT sum(revenue) FROM crm.sales_order WHERE duplicate_of IS NULL AND ordered_at < '2024-07-01' AND isfinite(ordered_at)) AS missing_from_orders
FROM crm.run_log ORDER BY run_id DESC LIMIT 1;

-- Repeated, with other settings of the session and other order of the rows: the same.
CREATE TEMP TABLE before AS TABLE crm.customer_score;
UPDATE crm.sales_order SET load_id = load_id WHERE order_id % 2 = 0;
SET work_mem = '64kB';
SELECT counts ->> 'customers' AS customers FROM crm.segment_customers('2024-06-30', '{}');
RESET work_mem;
SELECT count(*) AS differences
FROM (TABLE before EXCEPT TABLE crm.customer_score) AS d;
SELECT count(*) FROM crm.customer_score;
SELECT current_setting('timezone') AS time_zone_stays;

-- In Madrid the last order of customer 3 belongs to the next day.
SELECT counts ->> 'customers' AS customers FROM crm.segment_customers('2024-06-30', '{"time_zone": "Europe/Madrid"}');
SELECT customer_id FROM before EXCEPT SELECT customer_id FROM crm.customer_score;
SELECT as_of, time_zone FROM crm.rfm_cut;

-- Later, with the cut points kept: scores compare with the earlier ones.
SELECT counts ->> 'customers' AS customers FROM crm.segment_customers('2024-06-30', NULL);
SELECT counts -> 'empty_scores' AS empty_scores FROM crm.segment_customers('2024-12-31', '{"cuts_from": "2024-06-30", "abc_limits": [0.5, 0.7, 0.9]}');
SELECT n.as_of, n.cuts_from, n.abc_limits, n.recency_cuts = o.recency_cuts AND n.frequency_cuts = o.frequency_cuts
       AND n.monetary_cuts = o.monetary_cuts AS kept
FROM crm.rfm_cut AS n JOIN crm.rfm_cut AS o ON o.as_of = '2024-06-30'
WHERE n.as_of = '2024-12-31';
SELECT customer_id, recency_days, r, f, m, segment, revenue_class, margin_class FROM crm.customer_score WHERE as_of = '2024-12-31' ORDER BY customer_id;

-- History, also through a merge of customer 2 into customer 1.
SELECT * FROM crm.segment_history(2);
SELECT * FROM crm.segment_migration('2024-06-30', '2024-12-31');
UPDATE crm.customer SET state = 'merged', merged_into = 1 WHERE customer_id = 2;
UPDATE crm.customer_member SET customer_id = 1 WHERE customer_id = 2;
INSERT INTO crm.customer_redirect (old_id, customer_id) VALUES (2, 1);
SELECT counts ->> 'customers' AS customers FROM crm.segment_customers('2024-12-31');
SELECT as_of, scored_id, segment, previous_segment, monetary FROM crm.segment_history(2);
SELECT as_of, scored_id, segment, previous_segment, monetary FROM crm.segment_history(1);
SELECT count(*) FROM crm.segment_history(9);
SELECT count(*) FROM crm.segment_history(NULL);
SELECT * FROM crm.segment_migration('2024-07-15', '2025-01-01');
SELECT sum(customers) AS customers, sum(revenue_to) = (SELECT sum(monetary) FROM crm.customer_score WHERE as_of = '2024-12-31') AS all_revenue
FROM crm.segment_migration('2024-06-30', '2024-12-31');
SELECT * FROM crm.segment_migration('2024-12-31', '2024-06-30');
SELECT * FROM crm.segment_migration('2023-12-31', '2024-06-30');
SELECT * FROM crm.segment_migration(NULL, '2024-06-30');

-- Reports.
SELECT * FROM crm_bi.rfm_grid WHERE customers > 0 ORDER BY recency_score, frequency_score;
SELECT count(*) AS cells, sum(customers) AS customers, sum(revenue) AS revenue, sum(customer_share) AS customer_share FROM crm_bi.rfm_grid;
SELECT * FROM crm_bi.segment_summary ORDER BY segment;
SELECT * FROM crm_bi.pareto_curve WHERE percentile IN (1, 10, 20, 50, 80, 90, 100) ORDER BY percentile;
SELECT count(*) AS points, count(DISTINCT percentile) AS percentiles FROM crm_bi.pareto_curve;

-- Segments of one's own: names may change, but all 25 must be there.
UPDATE crm.segment_rule SET segment = 'campeones' WHERE segment = 'champions';
SELECT counts ->> 'customers' AS customers FROM crm.segment_customers('2024-06-30');
SELECT customer_id, segment FROM crm.customer_score WHERE as_of = '2024-06-30' AND r = 5 ORDER BY customer_id;
DELETE FROM crm.segment_rule WHERE r = 1 AND f = 1;
SELECT crm.segment_customers('2024-06-30');

-- Bad arguments.
INSERT INTO crm.segment_rule VALUES (1, 1, 'hibernating');
SELECT crm.segment_customers(NULL);
SELECT crm.segment_customers('infinity');
SELECT crm.segment_customers('2024-06-30', '[]');
SELECT crm.segment_customers('2024-06-30', '{"colour": 1, "bins": 2}');
SELECT crm.segment_customers('2024-06-30', '{"time_zone": "Mars/Olympus"}');
SELECT crm.segment_customers('2024-06-30', '{"cuts_from": "2020-01-01"}');
SELECT crm.segment_customers('2024-06-30', '{"cuts_from": "yesterday evening"}');
SELECT crm.segment_customers('2024-06-30', '{"abc_limits": "0.8"}');
SELECT crm.segment_customers('2024-06-30', '{"abc_limits": [0.8, "x"]}');
SELECT crm.segment_customers('2024-06-30', '{"abc_limits": [0.9, 0.8]}');
SELECT crm.segment_customers('2024-06-30', '{"abc_limits": [80, 95]}');
SELECT crm.segment_customers('2024-06-30', '{"abc_limits": []}');
SELECT count(*) AS kept FROM crm.customer_score WHERE as_of = '2024-06-30';
UPDATE crm.hub_version SET version = '0.1.0';
SELECT crm.segment_customers('2024-06-30');
DROP SCHEMA crm, crm_bi CASCADE;

-- A hub whose name needs quotes.
SELECT omnicrm.deploy('Shop 2') IS NOT NULL AS deployed;
SELECT counts ->> 'customers' AS customers FROM "Shop 2".segment_customers();
SELECT count(*) FROM "Shop 2".rfm_cut WHERE as_of = current_date;
SELECT count(*) FROM "Shop 2_bi".rfm_grid;
DROP SCHEMA "Shop 2", "Shop 2_bi" CASCADE;
