-- Reports on the newest segmentation. Shares of revenue are parts of the sum of
-- all positive revenues, so that customers with more returns than sales lower
-- a cumulative share and never lift another one above 1.

CREATE OR REPLACE VIEW @bi@.rfm_grid AS
WITH newest AS (
  SELECT max(c.as_of) AS as_of FROM @hub@.rfm_cut AS c
), cell AS (
  SELECT s.r, s.f, count(*) AS customers, sum(s.monetary) AS revenue, sum(s.gross_margin) AS gross_margin,
         sum(s.revenue_share) AS revenue_share
  FROM @hub@.customer_score AS s JOIN newest ON s.as_of = newest.as_of
  GROUP BY s.r, s.f
)
SELECT
  newest.as_of,
  rule.r AS recency_score,
  rule.f AS frequency_score,
  rule.segment::varchar(50) AS segment,
  coalesce(cell.customers, 0) AS customers,
  (coalesce(cell.customers, 0) / nullif(sum(cell.customers) OVER (), 0))::numeric(9, 6) AS customer_share,
  coalesce(cell.revenue, 0)::numeric(18, 2) AS revenue,
  coalesce(cell.revenue_share, 0)::numeric(9, 6) AS revenue_share,
  coalesce(cell.gross_margin, 0)::numeric(18, 2) AS gross_margin
FROM newest
  CROSS JOIN @hub@.segment_rule AS rule
  LEFT JOIN cell ON cell.r = rule.r AND cell.f = rule.f
WHERE newest.as_of IS NOT NULL;

COMMENT ON VIEW @bi@.rfm_grid IS 'The 25 cells of recency and frequency scores in the newest segmentation, empty ones too.';
COMMENT ON COLUMN @bi@.rfm_grid.as_of IS 'Day of the segmentation.';
COMMENT ON COLUMN @bi@.rfm_grid.recency_score IS 'Recency score, 1 to 5, 5 is the most recent.';
COMMENT ON COLUMN @bi@.rfm_grid.frequency_score IS 'Frequency score, 1 to 5, 5 is the most frequent.';
COMMENT ON COLUMN @bi@.rfm_grid.segment IS 'Segment of this cell.';
COMMENT ON COLUMN @bi@.rfm_grid.customers IS 'Number of customers.';
COMMENT ON COLUMN @bi@.rfm_grid.customer_share IS 'Part of all customers with a sale, 0 to 1.';
COMMENT ON COLUMN @bi@.rfm_grid.revenue IS 'Revenue net of returns.';
COMMENT ON COLUMN @bi@.rfm_grid.revenue_share IS 'Part of the sum of all positive revenues.';
COMMENT ON COLUMN @bi@.rfm_grid.gross_margin IS 'Gross margin net of returns.';

CREATE OR REPLACE VIEW @bi@.pareto_curve AS
WITH ranked AS (
  SELECT
    s.as_of,
    s.revenue_class,
    row_number() OVER (ORDER BY s.monetary DESC, s.customer_id) AS customers,
    sum(s.monetary) OVER (ORDER BY s.monetary DESC, s.customer_id ROWS UNBOUNDED PRECEDING) AS revenue,
    count(*) OVER () AS all_customers,
    sum(s.monetary) FILTER (WHERE s.monetary > 0) OVER () AS all_revenue
  FROM @hub@.customer_score AS s
  WHERE s.as_of = (SELECT max(c.as_of) FROM @hub@.rfm_cut AS c)
)
SELECT
  r.as_of,
  p.percentile,
  r.customers,
  r.revenue::numeric(18, 2) AS cumulative_revenue,
  coalesce(r.revenue / r.all_revenue, 0)::numeric(9, 6) AS cumulative_revenue_share,
  r.revenue_class::varchar(1) AS revenue_class
FROM ranked AS r
  JOIN generate_series(1, 100) AS p(percentile)
    ON r.customers = (r.all_customers * p.percentile + 99) / 100;

COMMENT ON VIEW @bi@.pareto_curve IS 'How much of the revenue the best 1, 2, ... 100 percent of the customers bring, in the newest segmentation: one row for each percent.';
COMMENT ON COLUMN @bi@.pareto_curve.as_of IS 'Day of the segmentation.';
COMMENT ON COLUMN @bi@.pareto_curve.percentile IS 'Percent of the customers with a sale, the best first.';
COMMENT ON COLUMN @bi@.pareto_curve.customers IS 'That many customers, rounded up.';
COMMENT ON COLUMN @bi@.pareto_curve.cumulative_revenue IS 'Their revenue net of returns.';
COMMENT ON COLUMN @bi@.pareto_curve.cumulative_revenue_share IS 'It as a part of the sum of all positive revenues; the curve falls at its end where customers returned more than they bought.';
COMMENT ON COLUMN @bi@.pareto_curve.revenue_class IS 'Pareto class of the last of these customers: A, B, C, or L for a negative revenue.';

CREATE OR REPLACE VIEW @bi@.segment_summary AS
WITH summed AS (
  SELECT
    s.as_of, s.segment, count(*) AS customers, sum(s.monetary) AS revenue, sum(s.revenue_share) AS revenue_share,
    sum(s.gross_margin) AS gross_margin, avg(s.recency_days) AS recency_days, avg(s.frequency) AS frequency
  FROM @hub@.customer_score AS s
  WHERE s.as_of = (SELECT max(c.as_of) FROM @hub@.rfm_cut AS c)
  GROUP BY s.as_of, s.segment
)
SELECT
  s.as_of,
  s.segment::varchar(50) AS segment,
  s.customers,
  (s.customers / sum(s.customers) OVER ())::numeric(9, 6) AS customer_share,
  s.revenue::numeric(18, 2) AS revenue,
  s.revenue_share::numeric(9, 6) AS revenue_share,
  s.gross_margin::numeric(18, 2) AS gross_margin,
  (s.revenue / s.customers)::numeric(18, 2) AS revenue_per_customer,
  s.recency_days::numeric(9, 1) AS mean_recency_days,
  s.frequency::numeric(9, 2) AS mean_frequency
FROM summed AS s;

COMMENT ON VIEW @bi@.segment_summary IS 'One row is one segment of the newest segmentation.';
COMMENT ON COLUMN @bi@.segment_summary.as_of IS 'Day of the segmentation.';
COMMENT ON COLUMN @bi@.segment_summary.segment IS 'Segment.';
COMMENT ON COLUMN @bi@.segment_summary.customers IS 'Number of customers.';
COMMENT ON COLUMN @bi@.segment_summary.customer_share IS 'Part of all customers with a sale, 0 to 1.';
COMMENT ON COLUMN @bi@.segment_summary.revenue IS 'Revenue net of returns.';
COMMENT ON COLUMN @bi@.segment_summary.revenue_share IS 'Part of the sum of all positive revenues.';
COMMENT ON COLUMN @bi@.segment_summary.gross_margin IS 'Gross margin net of returns.';
COMMENT ON COLUMN @bi@.segment_summary.revenue_per_customer IS 'Mean revenue of a customer.';
COMMENT ON COLUMN @bi@.segment_summary.mean_recency_days IS 'Mean number of days since the last sale.';
COMMENT ON COLUMN @bi@.segment_summary.mean_frequency IS 'Mean number of days with a sale.';
