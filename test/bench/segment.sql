-- Segmentation of all customers against the way it is written today (one row
-- per customer, three times ntile(5), cumulative shares by window sums, a CASE
-- for the 25 cells), which scores equal customers differently; cut points
-- against percentile_cont; Pareto classes against window sums, which part equal
-- values at a limit.
SET client_min_messages = warning;

-- The table that the plain way fills has the columns and indexes of ours.
CREATE TABLE bench.plain_score (LIKE crm.customer_score INCLUDING ALL);

CREATE FUNCTION bench.plain_segments(day date)
RETURNS void
LANGUAGE sql
AS $$
  DELETE FROM bench.plain_score WHERE as_of = day;
  INSERT INTO bench.plain_score
  WITH customer AS (
    SELECT m.customer_id,
           day - max(o.ordered_at::date) FILTER (WHERE o.kind = 'sale') AS recency_days,
           count(DISTINCT o.ordered_at::date) FILTER (WHERE o.kind = 'sale') AS frequency,
           sum(o.revenue) AS monetary, coalesce(sum(o.gross_margin), 0) AS gross_margin
    FROM crm.sales_order AS o JOIN crm.customer_member AS m ON m.record_id = o.record_id
    WHERE o.duplicate_of IS NULL AND o.ordered_at < day + 1
    GROUP BY m.customer_id
    HAVING count(*) FILTER (WHERE o.kind = 'sale') > 0
  ), scored AS (
    SELECT c.*,
           ntile(5) OVER (ORDER BY recency_days DESC) AS r,
           ntile(5) OVER (ORDER BY frequency) AS f,
           ntile(5) OVER (ORDER BY monetary) AS m,
           sum(greatest(monetary, 0)) OVER (ORDER BY monetary DESC ROWS UNBOUNDED PRECEDING) - greatest(monetary, 0) AS revenue_before,
           sum(greatest(monetary, 0)) OVER () AS revenue,
           sum(greatest(gross_margin, 0)) OVER (ORDER BY gross_margin DESC ROWS UNBOUNDED PRECEDING) - greatest(gross_margin, 0) AS margin_before,
           sum(greatest(gross_margin, 0)) OVER () AS margin
    FROM customer AS c
  )
  SELECT day, customer_id, recency_days, frequency, monetary, gross_margin, r, f, m,
         CASE WHEN r = 5 AND f >= 4 THEN 'champions'
              WHEN r IN (3, 4) AND f >= 4 THEN 'loyal'
              WHEN r >= 4 AND f IN (2, 3) THEN 'potential_loyalists'
              WHEN r = 5 THEN 'new'
              WHEN r = 4 THEN 'promising'
              WHEN r = 3 AND f = 3 THEN 'need_attention'
              WHEN r = 3 THEN 'about_to_sleep'
              WHEN f = 5 THEN 'cant_lose'
              WHEN f >= 3 THEN 'at_risk'
              ELSE 'hibernating' END,
         CASE WHEN monetary < 0 THEN 'L' WHEN revenue_before < 0.8 * revenue THEN 'A'
              WHEN revenue_before < 0.95 * revenue THEN 'B' ELSE 'C' END,
         CASE WHEN gross_margin < 0 THEN 'L' WHEN margin_before < 0.8 * margin THEN 'A'
              WHEN margin_before < 0.95 * margin THEN 'B' ELSE 'C' END,
         monetary / nullif(revenue, 0)
  FROM scored
$$;

-- As many values as there are orders, most of them different.
CREATE TABLE bench.money AS
SELECT round((5 / (0.0001 + power(bench.unit(n, 40), 2)))::numeric, 2) AS cash, (5 / (0.0001 + power(bench.unit(n, 40), 2))) AS value
FROM (SELECT count(*) AS orders FROM crm.sales_order) AS c CROSS JOIN LATERAL generate_series(1, c.orders) AS n;
ANALYZE bench.money;

-- The middle of three runs in milliseconds.
CREATE FUNCTION bench.median_of_three(statement text)
RETURNS double precision
LANGUAGE plpgsql
AS $$
DECLARE
  started timestamptz;
  times double precision[];
BEGIN
  FOR turn IN 1 .. 3 LOOP
    started := clock_timestamp();
    EXECUTE statement;
    times[turn] := 1000 * extract(epoch FROM clock_timestamp() - started);
  END LOOP;
  RETURN (SELECT t FROM unnest(times) AS t ORDER BY t OFFSET 1 LIMIT 1);
END
$$;

CREATE TABLE IF NOT EXISTS bench_result (work text NOT NULL, ours_ms double precision NOT NULL, plain_ms double precision);
INSERT INTO bench_result
SELECT format('segment %s customers by %s orders', (SELECT count(*) FROM crm.customer), (SELECT count(*) FROM crm.sales_order)),
       bench.median_of_three($$SELECT crm.segment_customers('2026-06-30')$$),
       bench.median_of_three($$SELECT bench.plain_segments('2026-06-30')$$);

-- Models, stages and history: the first refresh writes eight periods for each customer, the next day those of who moved.
-- Beside it the writes alone: the same rows copied into tables with the same indexes.
CREATE TABLE bench.written_score (LIKE crm.customer_score INCLUDING ALL);
CREATE TABLE bench.written_member (LIKE crm.segment_member INCLUDING ALL);
CREATE FUNCTION bench.once(statement text)
RETURNS double precision
LANGUAGE plpgsql
AS $$
DECLARE
  started timestamptz := clock_timestamp();
BEGIN
  EXECUTE statement;
  RETURN 1000 * extract(epoch FROM clock_timestamp() - started);
END
$$;
DO $$
DECLARE
  ours double precision;
  scores CONSTANT text := 'INSERT INTO bench.written_score SELECT * FROM crm.customer_score WHERE as_of = %L ORDER BY customer_id';
  members CONSTANT text := 'INSERT INTO bench.written_member SELECT * FROM crm.segment_member WHERE valid_from = %L ORDER BY customer_id, axis';
BEGIN
  ours := bench.once($r$SELECT crm.refresh_segments('2026-07-01')$r$);
  INSERT INTO bench_result
  SELECT format('refresh_segments, first: %s customers, %s periods (plain: the writes alone)',
                (SELECT count(*) FROM crm.customer), (SELECT count(*) FROM crm.segment_member)),
         ours, bench.once(format(scores, '2026-07-01')) + bench.once(format(members, '2026-07-01'));
  ANALYZE crm.segment_member, crm.customer_score;
  ours := bench.once($r$SELECT crm.refresh_segments('2026-08-01')$r$);
  INSERT INTO bench_result
  SELECT format('refresh_segments, a month later: %s periods begin (plain: the writes alone)', (SELECT count(*) FROM crm.segment_member WHERE valid_from = '2026-08-01')),
         ours, bench.once(format(scores, '2026-08-01')) + bench.once(format(members, '2026-08-01'));
END
$$;
INSERT INTO bench_result
SELECT format('cut points of %s values', (SELECT count(*) FROM bench.money)),
       bench.median_of_three('SELECT omnicrm.rfm_cuts(value) FROM bench.money'),
       bench.median_of_three('SELECT percentile_cont(ARRAY[0.2, 0.4, 0.6, 0.8]) WITHIN GROUP (ORDER BY value) FROM bench.money');
INSERT INTO bench_result
SELECT format('Pareto classes of %s amounts', (SELECT count(*) FROM bench.money)),
       bench.median_of_three('SELECT class, count(*) FROM (SELECT omnicrm.abc_class(cash) OVER () AS class FROM bench.money) AS c GROUP BY class'),
       bench.median_of_three('SELECT class, count(*)
                              FROM (SELECT CASE WHEN larger < 0.8 * total THEN ''A'' WHEN larger < 0.95 * total THEN ''B'' ELSE ''C'' END AS class
                                    FROM (SELECT sum(cash) OVER (ORDER BY cash DESC ROWS UNBOUNDED PRECEDING) - cash AS larger,
                                                 sum(cash) OVER () AS total
                                          FROM bench.money) AS s) AS c GROUP BY class');

-- Purchases of ten times as many customers, five each, in no order: statistics of each customer against the sums that
-- GROUP BY can give; purchase intervals against lag() and stddev().
CREATE TABLE bench.purchase AS
SELECT (bench.unit(n, 51) * 10 * :customers)::integer AS customer, date '2023-01-01' + (bench.unit(n, 52) * 1095)::integer AS day,
       round((5 / (0.01 + bench.unit(n, 53)))::numeric, 2) AS amount
FROM generate_series(1, 50 * :customers) AS n;
ANALYZE bench.purchase;
INSERT INTO bench_result
SELECT format('customer_stats of %s orders (GROUP BY with max, count, sum)', (SELECT count(*) FROM bench.purchase)),
       bench.median_of_three('SELECT count(s) FROM (SELECT customer, omnicrm.customer_stats(day, amount) AS s FROM bench.purchase GROUP BY customer) AS c'),
       bench.median_of_three('SELECT count(a), sum(b), count(c) FROM (SELECT customer, max(day) AS a, count(*) AS b, sum(amount) AS c FROM bench.purchase GROUP BY customer) AS c');
DO $$
DECLARE
  lag_ms CONSTANT double precision := bench.median_of_three('SELECT count(m), count(s) FROM (SELECT customer, avg(gap) AS m, stddev(gap) AS s
                              FROM (SELECT customer, day - lag(day) OVER (PARTITION BY customer ORDER BY day) AS gap
                                    FROM (SELECT DISTINCT customer, day FROM bench.purchase) AS d) AS g GROUP BY customer) AS c');
BEGIN
  INSERT INTO bench_result VALUES
    ('mean, deviation and regularity of their intervals, all customers at once',
     bench.median_of_three('SELECT count(interval_mean), count(interval_sd), count(regularity)
                            FROM omnicrm.purchase_intervals((SELECT omnicrm.purchase_days(customer, day) FROM bench.purchase), 3)'), lag_ms),
    ('the same out of customer_stats by customer',
     bench.median_of_three('SELECT count(omnicrm.stats_interval_mean(s)), count(omnicrm.stats_interval_sd(s)), count(omnicrm.stats_regularity(s, 3))
                            FROM (SELECT customer, omnicrm.customer_stats(day, amount) AS s FROM bench.purchase GROUP BY customer) AS c'), lag_ms);
END
$$;

-- Scores on three axes, against ntile(), which tears equal customers apart.
CREATE TABLE bench.buyer AS
SELECT customer, omnicrm.stats_recency(s, '2026-01-01')::float8 AS recency, omnicrm.stats_frequency(s)::float8 AS frequency, omnicrm.stats_monetary(s)::float8 AS monetary
FROM (SELECT customer, omnicrm.customer_stats(day, amount) AS s FROM bench.purchase GROUP BY customer) AS c;
ANALYZE bench.buyer;
INSERT INTO bench_result
SELECT format('cut points and scores on 3 axes, %s customers', (SELECT count(*) FROM bench.buyer)),
       bench.median_of_three('WITH k AS MATERIALIZED (SELECT omnicrm.rfm_cuts(recency) AS r, omnicrm.rfm_cuts(frequency) AS f, omnicrm.rfm_cuts(monetary) AS m FROM bench.buyer)
                              SELECT sum(omnicrm.rfm_score(recency, k.r, true) + omnicrm.rfm_score(frequency, k.f) + omnicrm.rfm_score(monetary, k.m)) FROM bench.buyer, k'),
       bench.median_of_three('SELECT sum(r + f + m) FROM (SELECT ntile(5) OVER (ORDER BY recency DESC) AS r, ntile(5) OVER (ORDER BY frequency) AS f,
                              ntile(5) OVER (ORDER BY monetary) AS m FROM bench.buyer) AS s');
INSERT INTO bench_result
SELECT 'the same, nested',
       bench.median_of_three('SELECT sum(r + f + m) FROM (SELECT *, omnicrm.rfm_bin(monetary) OVER (PARTITION BY r, f) AS m
                              FROM (SELECT *, omnicrm.rfm_bin(frequency) OVER (PARTITION BY r) AS f
                                    FROM (SELECT *, omnicrm.rfm_bin(recency, 5, true) OVER () AS r FROM bench.buyer) AS a) AS b) AS c'),
       bench.median_of_three('SELECT sum(r + f + m) FROM (SELECT *, ntile(5) OVER (PARTITION BY r, f ORDER BY monetary) AS m
                              FROM (SELECT *, ntile(5) OVER (PARTITION BY r ORDER BY frequency) AS f
                                    FROM (SELECT *, ntile(5) OVER (ORDER BY recency DESC) AS r FROM bench.buyer) AS a) AS b) AS c');

-- Lifetime value: ten times as many customers, who buy at random at a rate of their own and leave after a time of their
-- own, in days; and customers with hundreds of orders each. Plain SQL has no fit.
CREATE TABLE bench.clv AS
SELECT 'usual' AS sample, x, CASE WHEN x = 0 THEN 0 ELSE ceil(least(t, life) * power(bench.unit(n, 64), 1.0 / x)) / 7 END AS t_x, t / 7.0 AS t, 10 + 90 * bench.unit(n, 65) AS spend
FROM (SELECT n, t, life, floor(ln(bench.unit(n, 61) + 1e-9) / ln((least(t, life) + 1e-9) / (90 + least(t, life))))::integer AS x
      FROM (SELECT n, 189 + n % 84 AS t, -120 * (0.1 + 3 * power(bench.unit(n, 63), 2)) * ln(bench.unit(n, 62) + 1e-9) AS life FROM generate_series(1, 10 * :customers) AS n) AS a) AS b
UNION ALL
SELECT 'hundreds of orders', least(x, 490), CASE WHEN x = 0 THEN 0 ELSE greatest(ceil(least(450, life) * power(bench.unit(n, 74), 1.0 / x)), 1) END, 450, 1
FROM (SELECT n, life, floor(ln(bench.unit(n, 71) + 1e-9) / ln((least(450, life) + 1e-9) / (1.3 + least(450, life))))::integer AS x
      FROM (SELECT n, -900 * ln(bench.unit(n, 72) + 1e-9) AS life FROM generate_series(1, 3 * :customers) AS n) AS a) AS b;
ANALYZE bench.clv;
CREATE TABLE bench.clv_model AS
SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t) AS orders, omnicrm.clv_fit_gamma_gamma(x, round(spend::numeric, 2)::float8) AS spending FROM bench.clv WHERE sample = 'usual';
INSERT INTO bench_result
SELECT format('%s fit of %s customers, %s different, mean x %s: %s', kind, f.customers, f.cells, c.mean, f.reason),
       bench.median_of_three(format('SELECT omnicrm.clv_fit_%s(x, t_x, t) FROM bench.clv WHERE sample = %L', kind, c.sample)), NULL
FROM (SELECT sample, round(avg(x), 1) AS mean FROM bench.clv GROUP BY sample) AS c,
     unnest('{bg_nbd,mbg_nbd,pareto_nbd}'::text[]) AS kind,
     LATERAL (SELECT m ->> 'customers' AS customers, m ->> 'cells' AS cells, m ->> 'reason' AS reason
              FROM (SELECT CASE kind WHEN 'bg_nbd' THEN omnicrm.clv_fit_bg_nbd(x, t_x, t) WHEN 'mbg_nbd' THEN omnicrm.clv_fit_mbg_nbd(x, t_x, t)
                                ELSE omnicrm.clv_fit_pareto_nbd(x, t_x, t) END AS m FROM bench.clv AS v WHERE v.sample = c.sample) AS m) AS f
ORDER BY c.mean, kind;
INSERT INTO bench_result
SELECT format('P(alive), expected orders and value of %s customers, MBG/NBD', (SELECT count(*) FROM bench.clv WHERE sample = 'usual')),
       bench.median_of_three($$SELECT sum(omnicrm.clv_p_alive(orders, x, t_x, t)), sum(omnicrm.clv_expected_orders(orders, x, t_x, t, 52)),
                                      sum(omnicrm.clv_value(orders, x, t_x, t, spending, spend, 52, 0.3, 0.002)) FROM bench.clv, bench.clv_model WHERE sample = 'usual'$$), NULL;
