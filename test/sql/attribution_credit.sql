-- The aggregate sale_credit: credits of touches for sales by four models.
\set VERBOSITY terse

CREATE TEMP TABLE event (customer bigint, at timestamptz, touch_id bigint, sale_id bigint, amount numeric);

-- One journey: three touches, a sale, a touch after it, an old touch, a second sale.
INSERT INTO event VALUES
  (1, '2024-03-01 10:00', 30, NULL, NULL),
  (1, '2024-02-01 10:00', 10, NULL, NULL),
  (1, '2024-02-15 10:00', 20, NULL, NULL),
  (1, '2023-06-01 10:00', 5, NULL, NULL),
  (1, '2024-03-01 10:00:01', NULL, 1, 100.01),
  (1, '2024-03-02 10:00', 40, NULL, NULL),
  (1, '2024-05-20 10:00', NULL, 2, 0.04);
SELECT c.*
FROM (SELECT omnicrm.sale_credit(at, touch_id, sale_id, amount, '90 days') AS credits FROM event) AS a,
     unnest(a.credits) AS c;
-- Revenue credited to later touches (aiku PR #2540): a touch after the sale earns nothing; one in the same instant does.
SELECT c.sale_id, c.position, c.touch_id, c.credit_linear
FROM (SELECT omnicrm.sale_credit(v.at::timestamptz, v.touch, v.sale, v.amount, '1 day') AS credits
      FROM (VALUES ('2024-01-01 12:00', NULL::bigint, 7::bigint, 9.99),
                   ('2024-01-01 12:00', 1, NULL, NULL),
                   ('2024-01-01 12:00:00.000001', 2, NULL, NULL),
                   ('2023-12-31 12:00', 3, NULL, NULL),
                   ('2023-12-31 11:59:59.999999', 4, NULL, NULL)) AS v(at, touch, sale, amount)) AS a,
     unnest(a.credits) AS c;
-- Tie by id: touches of one instant are in the order of their ids.
SELECT c.position, c.touch_id, c.credit_first, c.credit_last
FROM (SELECT omnicrm.sale_credit('2024-01-01', v.touch, v.sale, 5, '0') AS credits
      FROM (VALUES (9::bigint, NULL::bigint), (3, NULL), (NULL, 1), (6, NULL)) AS v(touch, sale)) AS a,
     unnest(a.credits) AS c;
-- No touch: one unattributed row. A return is the mirror image. Nothing: NULL.
SELECT c.*
FROM (SELECT omnicrm.sale_credit(v.at::timestamptz, v.touch, v.sale, v.amount, '1 day') AS credits
      FROM (VALUES ('2024-01-01', NULL::bigint, 1::bigint, 12.34),
                   ('2024-02-01', NULL, 2, 10.01), ('2024-02-01', NULL, 3, -10.01), ('2024-02-01', NULL, 4, 0),
                   ('2024-02-01', 50, NULL, NULL), ('2024-02-01', 51, NULL, NULL), ('2024-02-01', 52, NULL, NULL),
                   (NULL, NULL, NULL, NULL)) AS v(at, touch, sale, amount)) AS a,
     unnest(a.credits) AS c;
SELECT omnicrm.sale_credit(at, touch_id, NULL, NULL, '90 days') AS without_sales,
       omnicrm.sale_credit(at, touch_id, sale_id, amount, '90 days') FILTER (WHERE false) AS without_rows
FROM event;
-- A touch told twice counts once.
SELECT c.touches, c.credit_linear
FROM (SELECT omnicrm.sale_credit('2024-01-01', v.touch, v.sale, 5, '1 day') AS credits
      FROM (VALUES (9::bigint, NULL::bigint), (9, NULL), (NULL, 1)) AS v(touch, sale)) AS a,
     unnest(a.credits) AS c;
-- Position model for small journeys and sums: 40 / 20 / 40.
SELECT n, amount, array_agg(c.credit_position ORDER BY c.position) AS credit_position
FROM (SELECT n, amount, omnicrm.sale_credit('2024-01-01', NULLIF(k, 0), CASE WHEN k = 0 THEN 1 END, amount, '0') AS credits
      FROM generate_series(1, 5) AS n, (VALUES (50.00), (0.01), (0.02), (-0.03)) AS a(amount), generate_series(0, n) AS k
      GROUP BY n, amount) AS a,
     unnest(a.credits) AS c
GROUP BY n, amount
ORDER BY n, amount;

-- Lookback as EXTRACT(epoch) counts it: a year 365.25 days, a month 30 days.
SELECT l.lookback, max(c.touches) AS touches
FROM (VALUES ('1 year'), ('1 year 1 month'), ('3 months'), ('90 days'), ('2160:00:00'), ('-1 day 48:00')) AS l(lookback)
  CROSS JOIN LATERAL (
    SELECT omnicrm.sale_credit(timestamptz '2024-01-01' - make_interval(hours => k), NULLIF(k, 0),
                               CASE WHEN k = 0 THEN 1 END, 1, l.lookback::interval) AS credits
    FROM generate_series(0, 24 * 400, 6) AS k) AS a
  CROSS JOIN LATERAL unnest(a.credits) AS c
GROUP BY l.lookback
ORDER BY l.lookback;

-- Bad input.
SELECT omnicrm.sale_credit('2024-01-01', 1, 2, 3, '1 day');
SELECT omnicrm.sale_credit(NULL, 1, NULL, NULL, '1 day');
SELECT omnicrm.sale_credit('infinity', NULL, 1, 1, '1 day');
SELECT omnicrm.sale_credit('2024-01-01', NULL, 1, NULL, '1 day');
SELECT omnicrm.sale_credit('2024-01-01', NULL, 1, 1, NULL);
SELECT omnicrm.sale_credit('2024-01-01', NULL, 1, 1, '-1 day');
SELECT omnicrm.sale_credit('2024-01-01', NULL, 1, 1, '170000000 years');
SELECT omnicrm.sale_credit('2024-01-01', NULL, 1, 1.005, '1 day');
SELECT omnicrm.sale_credit('2024-01-01', NULL, 1, 'NaN', '1 day');
SELECT omnicrm.sale_credit('2024-01-01', NULL, 1, 1e17, '1 day');
SELECT omnicrm.sale_credit('2024-01-01', NULL, s, 1, '1 day') FROM (VALUES (1), (2), (1)) AS v(s);
SELECT omnicrm.sale_credit('2024-01-01', NULL, s, 1, make_interval(days => s)) FROM (VALUES (1), (2)) AS v(s);
-- 2,300 sales of one customer after 2,300 touches: refused before memory is taken.
SELECT omnicrm.sale_credit('2024-01-01', CASE WHEN k > 0 THEN k END, CASE WHEN k < 0 THEN k END, 1, '1 day')
FROM generate_series(-2300, 2300) AS k;
-- 100,000 touches in one journey are fine.
SELECT count(*), sum(c.credit_linear) AS linear, sum(c.credit_position) AS position, min(c.credit_linear), max(c.credit_linear)
FROM (SELECT omnicrm.sale_credit('2024-01-01', NULLIF(k, 0), CASE WHEN k = 0 THEN 1 END, 777.77, '1 day') AS credits
      FROM generate_series(0, 100000) AS k) AS a,
     unnest(a.credits) AS c;

-- 2,000 random customers against plain SQL with omnicrm.allocate().
TRUNCATE event;
INSERT INTO event
SELECT abs(hashint4extended(i, 1)) % 2000,
       timestamptz '2024-01-01' + make_interval(hours => (abs(hashint4extended(i, 2)) % 4000)::integer),
       CASE WHEN i % 4 > 0 THEN i END, CASE WHEN i % 4 = 0 THEN i END,
       CASE WHEN i % 4 = 0 THEN hashint4extended(i, 3) % 20000 / 100.0 END
FROM generate_series(1, 40000) AS i;
CREATE TEMP TABLE credit AS
SELECT a.customer, c.*
FROM (SELECT customer, omnicrm.sale_credit(at, touch_id, sale_id, amount, '30 days') AS credits
      FROM event GROUP BY customer) AS a, unnest(a.credits) AS c;
CREATE TEMP TABLE plain AS
WITH pair AS (
  SELECT s.sale_id, s.amount, t.touch_id,
         row_number() OVER w AS position, count(t.touch_id) OVER (PARTITION BY s.sale_id) AS touches
  FROM event AS s
    LEFT JOIN event AS t ON t.customer = s.customer AND t.touch_id IS NOT NULL
                            AND t.at <= s.at AND t.at >= s.at - interval '720 hours'
  WHERE s.sale_id IS NOT NULL
  WINDOW w AS (PARTITION BY s.sale_id ORDER BY t.at, t.touch_id)
), journey AS (
  SELECT sale_id, amount, touches, array_agg(touch_id ORDER BY position) AS touch_ids,
         omnicrm.allocate(amount, array_fill(1::numeric, ARRAY[greatest(touches, 1)::integer])) AS linear,
         omnicrm.allocate(amount, CASE WHEN touches <= 2 THEN array_fill(1::numeric, ARRAY[greatest(touches, 1)::integer])
                                       ELSE (2 * (touches - 2))::numeric || array_fill(1::numeric, ARRAY[touches::integer - 2]) || (2 * (touches - 2))::numeric END) AS position
  FROM pair GROUP BY sale_id, amount, touches
)
SELECT j.sale_id, CASE WHEN j.touches = 0 THEN 0 ELSE u.n END::integer AS position, u.touch_id, j.touches::integer,
       CASE WHEN u.n = 1 THEN j.amount ELSE 0 END AS credit_first,
       CASE WHEN u.n = greatest(j.touches, 1) THEN j.amount ELSE 0 END AS credit_last,
       u.linear AS credit_linear, u.position AS credit_position
FROM journey AS j, unnest(j.touch_ids, j.linear, j.position) WITH ORDINALITY AS u(touch_id, linear, position, n);
SELECT count(*) > 20000 AS many, count(*) FILTER (WHERE touch_id IS NULL) > 100 AS some_unattributed,
       max(touches) > 10 AS long_journeys
FROM credit;
SELECT count(*) AS differences
FROM ((SELECT sale_id, position, touch_id, touches, credit_first, credit_last, credit_linear, credit_position FROM credit
       EXCEPT ALL SELECT * FROM plain)
      UNION ALL
      (SELECT * FROM plain
       EXCEPT ALL SELECT sale_id, position, touch_id, touches, credit_first, credit_last, credit_linear, credit_position FROM credit)) AS d;
-- Totals tie in every model.
SELECT (SELECT sum(amount) FROM event) = sum(credit_first) AS first, (SELECT sum(amount) FROM event) = sum(credit_last) AS last,
       (SELECT sum(amount) FROM event) = sum(credit_linear) AS linear, (SELECT sum(amount) FROM event) = sum(credit_position) AS position
FROM credit;

-- Any row order and any number of workers give the same.
CREATE TEMP TABLE reversed AS
SELECT a.customer, c.*
FROM (SELECT customer, omnicrm.sale_credit(at, touch_id, sale_id, amount, '30 days') AS credits
      FROM (SELECT * FROM event ORDER BY coalesce(touch_id, sale_id) DESC) AS e GROUP BY customer) AS a, unnest(a.credits) AS c;
SELECT count(*) AS order_matters FROM (TABLE credit EXCEPT ALL TABLE reversed) AS d;
CREATE TABLE shared_event AS TABLE event;
ALTER TABLE shared_event SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_sort = off;
EXPLAIN (COSTS OFF)
SELECT customer, omnicrm.sale_credit(at, touch_id, sale_id, amount, '30 days') FROM shared_event GROUP BY customer;
SELECT count(*) AS workers_matter
FROM (SELECT a.customer, c.*
      FROM (SELECT customer, omnicrm.sale_credit(at, touch_id, sale_id, amount, '30 days') AS credits
            FROM shared_event GROUP BY customer) AS a, unnest(a.credits) AS c
      EXCEPT ALL TABLE credit) AS d;
-- Also as a window function, where the state is read while it grows.
SELECT count(*) AS rows, sum(cardinality(credits)) = sum(expected) AS window_agrees
FROM (SELECT omnicrm.sale_credit(at, touch_id, sale_id, amount, '30 days') OVER w AS credits,
             (SELECT sum(c.touches + CASE WHEN c.position = 0 THEN 1 ELSE 0 END)
              FROM credit AS c
                JOIN event AS s ON s.sale_id = c.sale_id
              WHERE c.customer = e.customer AND c.position <= 1 AND (s.at, s.sale_id) <= (e.at, e.sale_id)) AS expected
      FROM event AS e
      WHERE customer < 6
      WINDOW w AS (PARTITION BY customer ORDER BY at, touch_id NULLS LAST, sale_id)) AS x
WHERE expected IS NOT NULL;
DROP TABLE shared_event;
