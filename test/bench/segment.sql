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
