-- payment_stats(): how a customer pays, as seen on a day.
SET client_min_messages = warning;
SET datestyle = 'ISO';
\pset null '(null)'

CREATE TEMP TABLE invoice (customer text, due_on date, paid_on date, amount numeric);
INSERT INTO invoice VALUES
  ('early', '2024-01-31', '2024-01-21', 100), ('early', '2024-02-29', '2024-02-28', 300),
  ('mixed', '2024-01-31', '2024-02-10', 100), ('mixed', '2024-02-29', '2024-02-29', 900),
  -- Each bucket at both ends; 2024-06-30 is the day.
  ('ages', '2024-06-29', NULL, 1), ('ages', '2024-05-31', NULL, 2), ('ages', '2024-05-30', NULL, 4), ('ages', '2024-05-01', NULL, 8),
  ('ages', '2024-04-30', NULL, 16), ('ages', '2024-04-01', NULL, 32), ('ages', '2024-03-31', NULL, 64), ('ages', '2000-01-01', NULL, 128),
  ('ages', '2024-06-30', NULL, 256), ('ages', '2024-07-01', NULL, 512),
  -- Paid after the day is open on the day.
  ('later', '2024-06-20', '2024-07-02', 10), ('later', '2024-06-20', '2024-06-30', 10),
  -- One small old invoice spoils a good average.
  ('one old', '2024-01-31', '2024-01-31', 10000), ('one old', '2024-05-20', NULL, 1),
  ('credit', '2024-01-31', NULL, -40), ('credit', '2024-01-31', '2024-03-01', -7), ('credit', '2024-06-01', NULL, 50.25), ('credit', '2024-07-31', NULL, 0),
  ('only credit', '2024-01-31', NULL, -40),
  ('not due', '2024-07-31', NULL, 5), ('not due', '2030-01-01', NULL, 5),
  ('unknown', NULL, '2024-01-31', 5), ('unknown', '2024-01-31', '2024-01-31', NULL);
SELECT customer, (p).payments, (p).paid, (p).open, (p).late, round((p).days_beyond_terms::numeric, 6) AS dbt,
       round((p).weighted_days_beyond_terms::numeric, 6) AS weighted, (p).days_overdue, (p).behaviour
FROM (SELECT customer, omnicrm.payment_stats(due_on, paid_on, amount, '2024-06-30') AS p FROM invoice GROUP BY customer) AS s
ORDER BY customer COLLATE "C";
SELECT customer, (p).open_amount, (p).overdue_amount, (p).overdue_30, (p).overdue_60, (p).overdue_90, (p).overdue_more
FROM (SELECT customer, omnicrm.payment_stats(due_on, paid_on, amount, '2024-06-30') AS p FROM invoice GROUP BY customer) AS s
ORDER BY customer COLLATE "C";
-- Classes at their limits, of days to pay and of days open.
SELECT days, (omnicrm.payment_stats('2024-01-01', date '2024-01-01' + days, 1, '2030-01-01')).behaviour AS paid_late,
       (omnicrm.payment_stats('2024-01-01', NULL, 1, date '2024-01-01' + days)).behaviour AS open
FROM unnest('{-1,0,1,30,31,60,61,90,91}'::integer[]) AS days
GROUP BY days ORDER BY days;
-- Nothing.
SELECT omnicrm.payment_stats(due_on, paid_on, amount, '2024-06-30') IS NULL AS nothing FROM invoice WHERE false;

-- The same in plain SQL, on random invoices.
CREATE TEMP TABLE many AS
SELECT n, n % 97 AS customer, date '2024-01-01' + h % 400 AS due_on,
       CASE WHEN h % 3 > 0 THEN date '2024-01-01' + h % 400 + (h / 1000) % 120 - 30 END AS paid_on, ((h / 7) % 100000 - 5000) / 100.0 AS amount
FROM (SELECT n, abs(hashint4(n)::bigint) AS h0 FROM generate_series(1, 20000) AS n) AS x, LATERAL (SELECT (h0 % 1000003)::integer AS h) AS y;
CREATE TEMP TABLE told AS SELECT customer, omnicrm.payment_stats(due_on, paid_on, amount, '2024-09-30') AS p FROM many GROUP BY customer;
WITH seen AS (
  SELECT *, paid_on IS NULL OR paid_on > '2024-09-30' AS is_open,
         CASE WHEN paid_on <= '2024-09-30' THEN paid_on - due_on WHEN due_on < '2024-09-30' THEN '2024-09-30' - due_on END AS days
  FROM many
), plain AS (
  SELECT customer, count(*) FILTER (WHERE amount > 0) AS payments, count(*) FILTER (WHERE amount > 0 AND NOT is_open) AS paid,
         count(*) FILTER (WHERE amount > 0 AND is_open) AS open, count(*) FILTER (WHERE amount > 0 AND days > 0) AS late,
         avg(days) FILTER (WHERE amount > 0) AS dbt, sum(days * amount) FILTER (WHERE amount > 0) / sum(amount) FILTER (WHERE amount > 0 AND days IS NOT NULL) AS weighted,
         coalesce(sum(amount) FILTER (WHERE is_open), 0) AS open_amount,
         coalesce(sum(amount) FILTER (WHERE amount > 0 AND is_open AND days > 0), 0) AS overdue_amount,
         coalesce(sum(amount) FILTER (WHERE amount > 0 AND is_open AND days BETWEEN 31 AND 60), 0) AS overdue_60,
         coalesce(sum(amount) FILTER (WHERE amount > 0 AND is_open AND days > 90), 0) AS overdue_more,
         coalesce(max(days) FILTER (WHERE amount > 0 AND is_open), 0) AS days_overdue
  FROM seen GROUP BY customer
)
SELECT count(*) AS customers,
       count(*) FILTER (WHERE ((p).payments, (p).paid, (p).open, (p).late, (p).open_amount, (p).overdue_amount, (p).overdue_60, (p).overdue_more, (p).days_overdue)
                              IS DISTINCT FROM (payments, paid, open, late, open_amount, overdue_amount, overdue_60, overdue_more, days_overdue)) AS differ,
       count(*) FILTER (WHERE NOT abs((p).days_beyond_terms - dbt) < 1e-9 OR NOT abs((p).weighted_days_beyond_terms - weighted) < 1e-9) AS means_differ,
       count(*) FILTER (WHERE (p).paid + (p).open <> (p).payments
                              OR (p).overdue_30 + (p).overdue_60 + (p).overdue_90 + (p).overdue_more <> (p).overdue_amount) AS broken
FROM plain JOIN told USING (customer);

-- In parallel, in any order, rolled up, over a frame.
CREATE TABLE stored_invoice AS SELECT * FROM many;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
CREATE FUNCTION pg_temp.plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql
AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    IF line ~ node THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
SELECT pg_temp.plan_has('SELECT omnicrm.payment_stats(due_on, paid_on, amount, ''2024-09-30'') FROM stored_invoice', 'Partial Aggregate') AS parallel;
SELECT omnicrm.payment_stats(due_on, paid_on, amount, '2024-09-30')::text
       = (SELECT omnicrm.payment_stats(due_on, paid_on, amount, '2024-09-30' ORDER BY hashint4(n + 1))::text FROM many) AS same
FROM stored_invoice;
SELECT (omnicrm.payment_stats(due_on, paid_on, 90000000000000000000000000000.01, '2024-09-30')).weighted_days_beyond_terms FROM stored_invoice;
RESET max_parallel_workers_per_gather;
DROP TABLE stored_invoice;
SELECT customer, (p).payments, (p).overdue_amount
FROM (SELECT customer, omnicrm.payment_stats(due_on, paid_on, amount, '2024-06-30') AS p FROM invoice GROUP BY ROLLUP (customer)) AS s
WHERE customer IS NULL;
SELECT due_on, amount, (omnicrm.payment_stats(due_on, paid_on, amount, '2024-06-30') OVER w).overdue_amount AS growing
FROM invoice WHERE customer = 'ages' AND due_on > '2024-04-15' WINDOW w AS (ORDER BY due_on) ORDER BY due_on;
-- The largest amounts whose products fit, and those beyond.
SELECT (omnicrm.payment_stats('2024-01-01', '2024-01-02', 999999999999999999999999999999999999.99, '2024-06-30')).weighted_days_beyond_terms;
SELECT (omnicrm.payment_stats('2034-01-01', NULL, 999999999999999999999999999999999999.99, '2024-06-30')).open_amount;
SELECT omnicrm.payment_stats('2014-01-01', '2024-01-02', 999999999999999999999999999999999999.99, '2024-06-30');
SELECT omnicrm.payment_stats('2024-01-01', '2024-01-02', 999999999999999999999999999999999999.99, '2024-06-30') FROM generate_series(1, 2);
SELECT (omnicrm.payment_stats('4713-01-01 BC', '5874897-12-31', 1, '5874897-12-31')).days_beyond_terms;

-- Bad arguments.
SELECT omnicrm.payment_stats('2024-01-01', NULL, 1, NULL);
SELECT omnicrm.payment_stats('2024-01-01', NULL, 1, date '2024-06-30' + g) FROM generate_series(1, 2) AS g;
SELECT omnicrm.payment_stats(NULL, NULL, 1, 'infinity');
SELECT omnicrm.payment_stats('infinity', NULL, 1, '2024-06-30');
SELECT omnicrm.payment_stats('2024-01-01', '-infinity', 1, '2024-06-30');
SELECT omnicrm.payment_stats('2024-01-01', NULL, 1.005, '2024-06-30');
SELECT omnicrm.payment_stats('2024-01-01', NULL, 'NaN', '2024-06-30');
SELECT omnicrm.payment_stats('2024-01-01', NULL, '-Infinity', '2024-06-30');
