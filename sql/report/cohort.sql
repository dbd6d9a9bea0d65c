-- Who comes back: customers by the month of their first sale, and what they
-- buy in the months after it. Days and months are those of the session's time zone.

CREATE OR REPLACE VIEW @bi@.cohort_retention AS
WITH bought AS (
  SELECT m.customer_id, date_trunc('month', o.ordered_at)::date AS month, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(o.revenue) AS revenue
  FROM @hub@.sales_order AS o
    JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
  WHERE o.duplicate_of IS NULL
    AND o.ordered_at <= now()
  GROUP BY 1, 2
), begun AS (
  SELECT b.customer_id, min(b.month) AS cohort FROM bought AS b WHERE b.orders > 0 GROUP BY 1
), sized AS (
  SELECT f.cohort, count(*) AS customers, (SELECT max(b.month) FROM bought AS b) AS last_month FROM begun AS f GROUP BY 1
), cell AS (
  -- What was returned before the first sale counts in its month.
  SELECT f.cohort, greatest(b.month, f.cohort) AS month, count(*) FILTER (WHERE b.orders > 0) AS retained, sum(b.orders) AS orders, sum(b.revenue) AS revenue
  FROM bought AS b
    JOIN begun AS f ON f.customer_id = b.customer_id
  GROUP BY 1, 2
)
SELECT
  s.cohort,
  n.months_since,
  k.month,
  s.customers,
  coalesce(c.retained, 0) AS retained,
  (coalesce(c.retained, 0)::numeric / s.customers)::numeric(9, 6) AS retention,
  coalesce(c.orders, 0)::bigint AS orders,
  coalesce(c.revenue, 0)::numeric(18, 2) AS revenue,
  (sum(coalesce(c.revenue, 0)) OVER (PARTITION BY s.cohort ORDER BY n.months_since) / s.customers)::numeric(18, 2) AS revenue_per_customer_so_far
FROM sized AS s
  CROSS JOIN LATERAL generate_series(0, ((extract(year FROM s.last_month) - extract(year FROM s.cohort)) * 12
                                         + extract(month FROM s.last_month) - extract(month FROM s.cohort))::integer) AS n(months_since)
  CROSS JOIN LATERAL (SELECT (s.cohort + make_interval(months => n.months_since))::date AS month) AS k
  LEFT JOIN cell AS c ON c.cohort = s.cohort AND c.month = k.month;

COMMENT ON VIEW @bi@.cohort_retention IS 'One row is one month in the life of the customers who had their first sale in the same month (the cohort), from that month to the last with any order; months without a sale of theirs too. The last month may not be over. Orders dated in the future are left out. Shown by omnicrm.svg_cohort_heatmap().';
COMMENT ON COLUMN @bi@.cohort_retention.cohort IS 'First day of the month of the first sale.';
COMMENT ON COLUMN @bi@.cohort_retention.months_since IS 'Months since then: 0 is the month of the first sale.';
COMMENT ON COLUMN @bi@.cohort_retention.month IS 'First day of the month that this row tells of.';
COMMENT ON COLUMN @bi@.cohort_retention.customers IS 'Customers of the cohort.';
COMMENT ON COLUMN @bi@.cohort_retention.retained IS 'Of them, with a sale in the month.';
COMMENT ON COLUMN @bi@.cohort_retention.retention IS 'The same as a part of the cohort, 0 to 1.';
COMMENT ON COLUMN @bi@.cohort_retention.orders IS 'Their sales in the month.';
COMMENT ON COLUMN @bi@.cohort_retention.revenue IS 'Their revenue in the month, net of returns.';
COMMENT ON COLUMN @bi@.cohort_retention.revenue_per_customer_so_far IS 'Revenue net of returns up to the end of the month, for each customer of the cohort.';
