-- Days of purchases and intervals of all customers at once, against customer_stats() by customer.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET extra_float_digits = 0;
\set VERBOSITY terse

CREATE TEMP TABLE purchase AS
SELECT CASE c % 3 WHEN 0 THEN -c ELSE c END * (1 + c % 2 * 1000003::bigint) AS customer,
       date '2023-01-01' + (abs(hashint8extended(c * 1000 + n, 1)) % CASE c % 4 WHEN 0 THEN 12 ELSE 900 END)::integer AS day
FROM generate_series(1, 2000) AS c, generate_series(0, 40) AS n
WHERE n <= abs(hashint8extended(c, 2)) % 8 OR c % 50 = 0
UNION ALL SELECT customer, date '4713-01-01 BC' + n * step FROM (VALUES (9223372036854775807, 1), (-9223372036854775808, 1000000)) AS v(customer, step), generate_series(0, 3) AS n
UNION ALL SELECT 7777777, date '5874897-12-31'
UNION ALL SELECT 7777777, date '4713-01-01 BC';
CREATE TEMP VIEW by_customer AS
SELECT customer, omnicrm.stats_frequency(s) AS days, omnicrm.stats_first_order(s) AS first_day, omnicrm.stats_last_order(s) AS last_day,
       omnicrm.stats_interval_mean(s) AS interval_mean, omnicrm.stats_interval_sd(s) AS interval_sd, omnicrm.stats_regularity(s, 3) AS regularity
FROM (SELECT customer, omnicrm.customer_stats(day, 1) AS s FROM purchase GROUP BY customer) AS c;
-- Row for row and bit for bit the same.
SELECT count(*) AS customers, count(DISTINCT days) AS different_days, count(interval_sd) AS deviations, count(regularity) AS regularities FROM by_customer;
CREATE FUNCTION pg_temp.differences() RETURNS bigint LANGUAGE sql AS $$
  WITH at_once AS (SELECT i.* FROM omnicrm.purchase_intervals((SELECT omnicrm.purchase_days(customer, day) FROM purchase), 3) AS i)
  SELECT count(*) FROM ((TABLE at_once EXCEPT ALL TABLE by_customer) UNION ALL (TABLE by_customer EXCEPT ALL TABLE at_once)) AS d
$$;
SELECT pg_temp.differences() AS differences;
SELECT count(*) AS customers, count(*) FILTER (WHERE customer <= before) AS not_ascending
FROM (SELECT customer, lag(customer) OVER () AS before FROM omnicrm.purchase_intervals((SELECT omnicrm.purchase_days(customer, day) FROM purchase))) AS i;
SELECT * FROM omnicrm.purchase_intervals((SELECT omnicrm.purchase_days(c, d::date) FROM (VALUES
  (1, '2024-01-01'), (1, '2024-01-11'), (1, '2024-01-01'), (1, '2024-01-21'), (1, '2024-01-31'), (2, '2024-02-29'), (-3, '2024-03-02'), (-3, '2024-03-01'), (NULL, '2024-01-01'), (4, NULL)) AS v(c, d)), 2);
-- The default of least_intervals is that of stats_regularity().
SELECT count(*) AS customers, count(*) FILTER (WHERE i.regularity IS NOT DISTINCT FROM c.regularity) AS same, count(i.regularity) > 30 AS some
FROM omnicrm.purchase_intervals((SELECT omnicrm.purchase_days(customer, day) FROM purchase)) AS i
  JOIN (SELECT customer, omnicrm.stats_regularity(omnicrm.customer_stats(day, 1)) AS regularity FROM purchase GROUP BY customer) AS c USING (customer);

-- No rows, no values.
SELECT omnicrm.purchase_days(c, '2024-01-01') AS none FROM generate_series(1, 0) AS c;
SELECT omnicrm.purchase_days(NULL, '2024-01-01') AS no_customer, omnicrm.purchase_days(1, NULL) AS no_day, omnicrm.purchase_days(1, '2024-01-01') FILTER (WHERE false) AS none;
SELECT count(*) AS none FROM omnicrm.purchase_intervals(NULL);
SELECT n, omnicrm.purchase_days(n % 2, date '2024-01-01' + n) OVER (ORDER BY n) AS growing FROM generate_series(1, 4) AS n ORDER BY n;
-- Bad input.
SELECT omnicrm.purchase_days(1, 'infinity');
SELECT omnicrm.purchase_days(1, '-infinity');
SELECT * FROM omnicrm.purchase_intervals((SELECT omnicrm.purchase_days(1, '2024-01-01')), 1);
-- A value that is stored, read and compared; such that are no value.
CREATE TEMP TABLE stored AS SELECT omnicrm.purchase_days(customer, day) AS purchases FROM purchase;
SELECT purchases::text::omnicrm.purchase_days::bytea = purchases::bytea AS same FROM stored;
SELECT customer, days, first_day, last_day FROM omnicrm.purchase_intervals('\x01ffffffffffffffffff010200e48494e007');
CREATE FUNCTION pg_temp.sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;
SELECT bytes, pg_temp.sqlstate_of(format('SELECT %L::omnicrm.purchase_days', bytes)) AS error
FROM unnest('{"\\x","\\x01","\\x02","\\x0105","\\x010500","\\x01050005","\\x01050105","\\x01058005","\\x0105020500","\\x0105020501","\\x01050205","\\x010503050101","\\x010501ffffffff0f","\\x010501050001050005","\\x0105010500","\\x01ffffffffffffffffff010105010105"}'::text[]) AS bytes;

-- Workers, other orders of the rows, temporary files: the same bytes.
CREATE TABLE purchase_days_order AS SELECT customer, day FROM purchase, generate_series(1, 3);
ANALYZE purchase_days_order;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
INSERT INTO stored SELECT omnicrm.purchase_days(customer, day) FROM purchase_days_order;
CREATE FUNCTION pg_temp.plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF strpos(line, node) > 0 THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
SELECT pg_temp.plan_has('SELECT omnicrm.purchase_days(customer, day) FROM purchase_days_order', 'Partial') AS parallel;
SET work_mem = '64kB';
INSERT INTO stored SELECT omnicrm.purchase_days(customer, day) FROM purchase_days_order;
SET max_parallel_workers_per_gather = 0;
INSERT INTO stored SELECT omnicrm.purchase_days(customer, day) FROM purchase_days_order;
INSERT INTO stored SELECT omnicrm.purchase_days(customer, day) FROM (SELECT customer, day FROM purchase_days_order ORDER BY day DESC, customer) AS o;
SELECT count(*) AS values, count(DISTINCT purchases::bytea) AS different FROM stored;
-- A file is closed when the aggregate is left before its end or begun again.
SELECT count(*) AS groups FROM (SELECT customer % 3, omnicrm.purchase_days(customer, day) FROM purchase_days_order GROUP BY 1 LIMIT 1) AS g;
SELECT n, (SELECT count(*) FROM omnicrm.purchase_intervals((SELECT omnicrm.purchase_days(customer % 1000 + n, day) FROM purchase_days_order))) AS customers FROM generate_series(0, 1) AS n ORDER BY n;
RESET work_mem;
DROP TABLE purchase_days_order;
