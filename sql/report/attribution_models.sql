-- What all journeys together tell: models side by side with how sure each figure
-- is, the ways of the customers, and how long they take. Built on tables alone,
-- so that a BI role needs no right on the hub.

CREATE OR REPLACE VIEW @bi@.attribution_comparison AS
WITH newest AS (
  SELECT r.attribution_run_id, r.ordered_from, r.ordered_to, r.options
  FROM @hub@.attribution_run AS r
  WHERE EXISTS (SELECT FROM @hub@.attribution_actor_credit AS c WHERE c.attribution_run_id = r.attribution_run_id)
  ORDER BY r.ran_at DESC, r.attribution_run_id DESC
  LIMIT 1
)
SELECT
  n.attribution_run_id,
  n.ordered_from::date AS from_date,
  n.ordered_to::date AS to_date,
  c.model::varchar(20) AS model,
  (n.options ->> 'actor')::varchar(20) AS actor_kind,
  c.actor::varchar(100) AS actor,
  c.conversions::numeric(18, 6) AS sales,
  c.revenue::numeric(18, 2) AS revenue,
  (c.revenue / nullif(sum(c.revenue) OVER (PARTITION BY c.model), 0))::double precision AS revenue_share,
  c.standard_error::numeric(18, 2) AS standard_error,
  -- Student's t of 19 degrees of freedom: there are 20 groups
  (c.revenue - 2.093 * c.standard_error)::numeric(18, 2) AS revenue_low,
  (c.revenue + 2.093 * c.standard_error)::numeric(18, 2) AS revenue_high
FROM newest AS n
  JOIN @hub@.attribution_actor_credit AS c ON c.attribution_run_id = n.attribution_run_id;

COMMENT ON VIEW @bi@.attribution_comparison IS 'One row is one channel (or actor of the run) by one model in the newest crm.attribute() run: what it earned of all sales of the run, returns left out, and how sure that is. Each model adds up to the same revenue, but participation. Credit says who was there, not what would have happened without.';
COMMENT ON COLUMN @bi@.attribution_comparison.attribution_run_id IS 'Run.';
COMMENT ON COLUMN @bi@.attribution_comparison.from_date IS 'Orders from this day on.';
COMMENT ON COLUMN @bi@.attribution_comparison.to_date IS 'Orders before this day.';
COMMENT ON COLUMN @bi@.attribution_comparison.model IS 'Model: first, last, linear, u_shaped, time_decay, shapley, ..., and markov.';
COMMENT ON COLUMN @bi@.attribution_comparison.actor_kind IS 'What earns: channel, campaign, employee or message_type.';
COMMENT ON COLUMN @bi@.attribution_comparison.actor IS 'Its name (employees: key); unknown: touches that name none; (unattributed): sales that no touch led to.';
COMMENT ON COLUMN @bi@.attribution_comparison.sales IS 'Sales credited.';
COMMENT ON COLUMN @bi@.attribution_comparison.revenue IS 'Revenue credited.';
COMMENT ON COLUMN @bi@.attribution_comparison.revenue_share IS 'Part of all revenue of the model, 0 to 1.';
COMMENT ON COLUMN @bi@.attribution_comparison.standard_error IS 'Standard error of the revenue by the jackknife over 20 groups of customers; NULL: too few customers.';
COMMENT ON COLUMN @bi@.attribution_comparison.revenue_low IS 'Lower end of the 95 % interval: with other customers of the same kind.';
COMMENT ON COLUMN @bi@.attribution_comparison.revenue_high IS 'Upper end.';

CREATE OR REPLACE VIEW @bi@.journey_flow AS
SELECT
  f.attribution_run_id,
  f.step,
  f.from_actor::varchar(100) AS source,
  f.to_actor::varchar(100) AS target,
  f.conversions + f.nulls AS journeys,
  f.conversions AS journeys_with_sale
FROM @hub@.attribution_flow AS f
WHERE f.attribution_run_id = (
  SELECT r.attribution_run_id
  FROM @hub@.attribution_run AS r
  WHERE EXISTS (SELECT FROM @hub@.attribution_flow AS g WHERE g.attribution_run_id = r.attribution_run_id)
  ORDER BY r.ran_at DESC, r.attribution_run_id DESC
  LIMIT 1);

COMMENT ON VIEW @bi@.journey_flow IS 'One row is one edge of a Sankey diagram: how many journeys of the newest crm.attribute() run went on from one channel (or actor of the run) to another at one step. What flows into a step flows out of it.';
COMMENT ON COLUMN @bi@.journey_flow.attribution_run_id IS 'Run.';
COMMENT ON COLUMN @bi@.journey_flow.step IS 'Step; 1 leads to the first touch.';
COMMENT ON COLUMN @bi@.journey_flow.source IS 'Where from; (start).';
COMMENT ON COLUMN @bi@.journey_flow.target IS 'Where to; (end): the journey ends.';
COMMENT ON COLUMN @bi@.journey_flow.journeys IS 'Journeys, with a sale or without.';
COMMENT ON COLUMN @bi@.journey_flow.journeys_with_sale IS 'Those with a sale.';

-- Orders and touches are looked up by key: where tables have not been analysed a
-- join would read them once for each sale.
CREATE OR REPLACE VIEW @bi@.time_to_convert AS
WITH sale AS (
  SELECT (extract(epoch FROM o.ordered_at - t.occurred_at) / 86400)::double precision AS days_before_sale, c.touches,
         coalesce((SELECT h.name FROM @hub@.channel AS h WHERE h.channel_id = t.channel_id), 'unknown') AS channel
  FROM @hub@.attribution_credit AS c
    CROSS JOIN LATERAL (
      SELECT s.ordered_at
      FROM @hub@.sales_order AS s
      WHERE s.order_id = c.order_id AND s.kind = 'sale' AND s.duplicate_of IS NULL
      OFFSET 0) AS o
    CROSS JOIN LATERAL (
      SELECT x.occurred_at, x.channel_id
      FROM @hub@.touch AS x
      WHERE x.touch_id = c.touch_id
      OFFSET 0) AS t
  WHERE c.position = 1
    AND c.attribution_run_id = (
          SELECT r.attribution_run_id
          FROM @hub@.attribution_run AS r
          WHERE o.ordered_at >= r.ordered_from AND o.ordered_at < r.ordered_to
          ORDER BY r.ran_at DESC, r.attribution_run_id DESC
          LIMIT 1)
)
SELECT
  CASE WHEN GROUPING(s.channel) = 0 THEN s.channel END::varchar(100) AS first_channel,
  count(*) AS sales,
  avg(s.touches)::numeric(9, 2) AS mean_touches,
  avg(s.days_before_sale)::double precision AS mean_days,
  percentile_cont(0.25) WITHIN GROUP (ORDER BY s.days_before_sale) AS quarter_within_days,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY s.days_before_sale) AS half_within_days,
  percentile_cont(0.75) WITHIN GROUP (ORDER BY s.days_before_sale) AS three_quarters_within_days,
  percentile_cont(0.9) WITHIN GROUP (ORDER BY s.days_before_sale) AS nine_tenths_within_days,
  max(s.days_before_sale) AS longest_days
FROM sale AS s
GROUP BY ROLLUP (s.channel);

COMMENT ON VIEW @bi@.time_to_convert IS 'One row is one channel of first touch: how long its sales took from the first touch within the lookback to the sale, exact quantiles. The row without channel is all sales that a touch led to.';
COMMENT ON COLUMN @bi@.time_to_convert.first_channel IS 'Channel of the first touch; unknown when it names none; NULL: all.';
COMMENT ON COLUMN @bi@.time_to_convert.sales IS 'Sales.';
COMMENT ON COLUMN @bi@.time_to_convert.mean_touches IS 'Mean number of touches that led to the sale.';
COMMENT ON COLUMN @bi@.time_to_convert.mean_days IS 'Mean days.';
COMMENT ON COLUMN @bi@.time_to_convert.quarter_within_days IS 'A quarter of the sales took at most so many days.';
COMMENT ON COLUMN @bi@.time_to_convert.half_within_days IS 'Half of the sales (the median).';
COMMENT ON COLUMN @bi@.time_to_convert.three_quarters_within_days IS 'Three quarters of the sales.';
COMMENT ON COLUMN @bi@.time_to_convert.nine_tenths_within_days IS 'Nine tenths of the sales.';
COMMENT ON COLUMN @bi@.time_to_convert.longest_days IS 'The longest.';
