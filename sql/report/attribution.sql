-- Which touch, channel and employee earned which order. Each order shows with
-- the credits of the newest run that covers it, so that overlapping runs never
-- count twice. Built on tables alone, so that a BI role needs no right on the hub.

CREATE OR REPLACE VIEW @bi@.fact_attribution AS
SELECT
  c.order_id,
  c.position,
  o.ordered_at::date AS order_date,
  o.kind::varchar(10) AS kind,
  m.customer_id,
  c.touch_id,
  t.occurred_at::date AS touch_date,
  CASE WHEN c.position > c.touches THEN o.channel_id ELSE t.channel_id END AS channel_id,
  CASE WHEN c.position > c.touches THEN o.employee_id ELSE t.employee_id END AS employee_id,
  coalesce(t.role, e.role)::varchar(50) AS role,
  t.campaign_id,
  t.message_type::varchar(50) AS message_type,
  t.phase::varchar(10) AS phase,
  CASE WHEN o.kind = 'sale' THEN (extract(epoch FROM o.ordered_at - t.occurred_at) / 86400)::double precision END AS days_before_sale,
  c.touches,
  c.credit_first::numeric(18, 2) AS credit_first,
  c.credit_last::numeric(18, 2) AS credit_last,
  c.credit_linear::numeric(18, 2) AS credit_linear,
  c.credit_position::numeric(18, 2) AS credit_position,
  c.attribution_run_id,
  r.ran_at AS updated_at,
  c.credit_last_non::numeric(18, 2) AS credit_last_non,
  c.credit_w_shaped::numeric(18, 2) AS credit_w_shaped,
  c.credit_j_shaped::numeric(18, 2) AS credit_j_shaped,
  c.credit_inverse_j::numeric(18, 2) AS credit_inverse_j,
  c.credit_custom::numeric(18, 2) AS credit_custom,
  c.credit_role::numeric(18, 2) AS credit_role,
  c.credit_time_decay::numeric(18, 2) AS credit_time_decay,
  c.credit_participation::numeric(18, 2) AS credit_participation,
  c.credit_same_touch::numeric(18, 2) AS credit_same_touch,
  c.credit_shapley::numeric(18, 2) AS credit_shapley
FROM @hub@.attribution_credit AS c
  JOIN @hub@.attribution_run AS r ON r.attribution_run_id = c.attribution_run_id
  JOIN @hub@.sales_order AS o ON o.order_id = c.order_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
  LEFT JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
  LEFT JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
WHERE o.duplicate_of IS NULL
  AND NOT EXISTS (
        SELECT 1
        FROM @hub@.attribution_run AS newer
        WHERE o.ordered_at >= newer.ordered_from
          AND o.ordered_at < newer.ordered_to
          AND (newer.ran_at, newer.attribution_run_id) > (r.ran_at, r.attribution_run_id));

COMMENT ON VIEW @bi@.fact_attribution IS 'One row is what one touch earned of one order, by the models of the run side by side (NULL: the run did not compute the model); what nobody earned has a row without touch. Each order shows by the newest crm.attribute() run that covers it; each model but participation adds up to the revenue of the orders. Credit says who was there, not what would have happened without.';
COMMENT ON COLUMN @bi@.fact_attribution.order_id IS 'Order, see fact_order.';
COMMENT ON COLUMN @bi@.fact_attribution.position IS 'Place of the touch in the journey to the order, from 1; 0: what nobody earned; touches + 1: the order itself, of the model same_touch.';
COMMENT ON COLUMN @bi@.fact_attribution.order_date IS 'Day of the order.';
COMMENT ON COLUMN @bi@.fact_attribution.kind IS 'sale or return; a return takes credits back from the touches of its sale.';
COMMENT ON COLUMN @bi@.fact_attribution.customer_id IS 'Customer, see dim_customer.';
COMMENT ON COLUMN @bi@.fact_attribution.touch_id IS 'Touch, see fact_touch; NULL: no touch led to the order.';
COMMENT ON COLUMN @bi@.fact_attribution.touch_date IS 'Day of the touch.';
COMMENT ON COLUMN @bi@.fact_attribution.channel_id IS 'Channel of the touch, see dim_channel.';
COMMENT ON COLUMN @bi@.fact_attribution.employee_id IS 'Employee of the touch, see dim_employee.';
COMMENT ON COLUMN @bi@.fact_attribution.role IS 'Role of the employee in the touch, else the usual role.';
COMMENT ON COLUMN @bi@.fact_attribution.campaign_id IS 'Campaign of the touch, see dim_campaign.';
COMMENT ON COLUMN @bi@.fact_attribution.message_type IS 'Kind of message of the touch.';
COMMENT ON COLUMN @bi@.fact_attribution.phase IS 'Phase of the touch: pre-sale, sale or post-sale (of an earlier sale).';
COMMENT ON COLUMN @bi@.fact_attribution.days_before_sale IS 'Days from the touch to the sale; NULL for returns.';
COMMENT ON COLUMN @bi@.fact_attribution.touches IS 'Number of touches that led to the order.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_first IS 'Revenue credited when the first touch has all.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_last IS 'Revenue credited when the last touch has all.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_linear IS 'Revenue credited when all touches have the same.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_position IS 'Revenue credited when the first and the last touch have 40 % each and those between share 20 %.';
COMMENT ON COLUMN @bi@.fact_attribution.attribution_run_id IS 'Run that computed the credit.';
COMMENT ON COLUMN @bi@.fact_attribution.updated_at IS 'When that run was last computed or confirmed.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_last_non IS 'Revenue credited when the last touch of another channel than direct has all.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_w_shaped IS 'Revenue credited when first touch, lead and opportunity have 30 % each and the others share 10 %.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_j_shaped IS 'Revenue credited when the first touch has 20 %, the last 60 %, and those between share 20 %.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_inverse_j IS 'Revenue credited when the first touch has 60 %, the last 20 %, and those between share 20 %.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_custom IS 'Revenue credited by the weights of the run for first, last and those between.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_role IS 'Revenue credited by the weights of the run for the roles of the employees.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_time_decay IS 'Revenue credited by time: a touch weighs half of one that was a half-life (7 days) later.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_participation IS 'The whole revenue for each channel that had a part, at its first touch: does not add up.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_same_touch IS 'Revenue credited to the channel in which the order itself was recorded.';
COMMENT ON COLUMN @bi@.fact_attribution.credit_shapley IS 'Revenue shared by all different channels alike, at the first touch of each.';

-- What each channel costs, sells and earns. Touches and orders that name no
-- channel are the channel "unknown"; orders that no touch led to are credited
-- to "unattributed", so that every column adds up.
CREATE OR REPLACE VIEW @bi@.channel_balance AS
WITH nameless AS (
  -- where a channel of the name "unknown" was delivered, it is that one
  SELECT coalesce((SELECT c.channel_id FROM @hub@.channel AS c WHERE c.name = 'unknown'), -1) AS sort_id
), label AS (
  SELECT c.channel_id, c.name, c.channel_id AS sort_id FROM @hub@.channel AS c
  UNION ALL
  VALUES (NULL::integer, 'unknown', -1), (NULL::integer, 'unattributed', -2)
), touched AS (
  SELECT coalesce(t.channel_id, (SELECT n.sort_id FROM nameless AS n)) AS sort_id, count(*) AS touches, sum(t.cost) AS cost
  FROM @hub@.touch AS t
  GROUP BY 1
), campaigned AS (
  SELECT coalesce(c.channel_id, (SELECT n.sort_id FROM nameless AS n)) AS sort_id, sum(c.cost) AS cost
  FROM @hub@.campaign AS c
  WHERE c.cost IS NOT NULL
  GROUP BY 1
), sold AS (
  SELECT coalesce(o.channel_id, (SELECT n.sort_id FROM nameless AS n)) AS sort_id, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(o.revenue) AS revenue
  FROM @hub@.sales_order AS o
  WHERE o.duplicate_of IS NULL
  GROUP BY 1
), credited_order AS (
  SELECT CASE WHEN a.touch_id IS NULL THEN -2 ELSE coalesce(a.channel_id, (SELECT n.sort_id FROM nameless AS n)) END AS sort_id, a.order_id, a.kind,
         sum(a.credit_first) AS first, sum(a.credit_last) AS last, sum(a.credit_linear) AS linear, sum(a.credit_position) AS position
  FROM @bi@.fact_attribution AS a
  -- rows that say where an order was recorded earn nothing by these models
  WHERE a.touch_id IS NOT NULL OR a.touches = 0
  GROUP BY 1, a.order_id, a.kind
), credited AS (
  SELECT a.sort_id, count(*) FILTER (WHERE a.kind = 'sale') AS orders,
         sum(a.first) AS first, sum(a.last) AS last, sum(a.linear) AS linear, sum(a.position) AS position
  FROM credited_order AS a
  GROUP BY a.sort_id
)
SELECT
  l.channel_id,
  l.name::varchar(100) AS channel,
  coalesce(t.touches, 0) AS touches,
  coalesce(t.cost, 0)::numeric(18, 2) AS touch_cost,
  coalesce(p.cost, 0)::numeric(18, 2) AS campaign_cost,
  (coalesce(t.cost, 0) + coalesce(p.cost, 0))::numeric(18, 2) AS cost,
  coalesce(s.orders, 0) AS orders,
  coalesce(s.revenue, 0)::numeric(18, 2) AS revenue,
  coalesce(c.orders, 0) AS orders_touched,
  coalesce(c.first, 0)::numeric(18, 2) AS credit_first,
  coalesce(c.last, 0)::numeric(18, 2) AS credit_last,
  coalesce(c.linear, 0)::numeric(18, 2) AS credit_linear,
  coalesce(c.position, 0)::numeric(18, 2) AS credit_position,
  CASE WHEN l.sort_id <> -2 THEN ((coalesce(t.cost, 0) + coalesce(p.cost, 0)) / nullif(c.orders, 0)) END::numeric(18, 2) AS cost_per_order,
  (coalesce(c.linear, 0) - coalesce(t.cost, 0) - coalesce(p.cost, 0))::numeric(18, 2) AS balance
FROM label AS l
  LEFT JOIN touched AS t ON t.sort_id = l.sort_id
  LEFT JOIN campaigned AS p ON p.sort_id = l.sort_id
  LEFT JOIN sold AS s ON s.sort_id = l.sort_id
  LEFT JOIN credited AS c ON c.sort_id = l.sort_id
WHERE l.sort_id > 0 OR t.touches > 0 OR p.cost <> 0 OR s.orders > 0 OR s.revenue <> 0 OR c.orders > 0 OR c.linear <> 0;

COMMENT ON VIEW @bi@.channel_balance IS 'One row is one channel: what its touches and campaigns cost, what was sold in it, and what it is credited with by each model. unknown: touches, campaigns and orders that name no channel. unattributed: revenue of orders that no touch led to. Credits need a crm.attribute() run.';
COMMENT ON COLUMN @bi@.channel_balance.channel_id IS 'Channel, see dim_channel; NULL for unknown and unattributed.';
COMMENT ON COLUMN @bi@.channel_balance.channel IS 'Name of the channel, unknown or unattributed.';
COMMENT ON COLUMN @bi@.channel_balance.touches IS 'Touches through the channel.';
COMMENT ON COLUMN @bi@.channel_balance.touch_cost IS 'Cost of these touches.';
COMMENT ON COLUMN @bi@.channel_balance.campaign_cost IS 'Cost of the campaigns of the channel.';
COMMENT ON COLUMN @bi@.channel_balance.cost IS 'Both together.';
COMMENT ON COLUMN @bi@.channel_balance.orders IS 'Sales recorded in the channel.';
COMMENT ON COLUMN @bi@.channel_balance.revenue IS 'Revenue recorded in the channel, returns taken off.';
COMMENT ON COLUMN @bi@.channel_balance.orders_touched IS 'Sales that a touch through the channel led to; for unattributed, those that no touch led to.';
COMMENT ON COLUMN @bi@.channel_balance.credit_first IS 'Revenue credited when the first touch has all: who brings customers.';
COMMENT ON COLUMN @bi@.channel_balance.credit_last IS 'Revenue credited when the last touch has all: who closes.';
COMMENT ON COLUMN @bi@.channel_balance.credit_linear IS 'Revenue credited when all touches have the same.';
COMMENT ON COLUMN @bi@.channel_balance.credit_position IS 'Revenue credited when the first and the last touch have 40 % each and those between share 20 %.';
COMMENT ON COLUMN @bi@.channel_balance.cost_per_order IS 'Cost for each sale that the channel had a touch in; NULL when there is none.';
COMMENT ON COLUMN @bi@.channel_balance.balance IS 'Revenue credited by the linear model less cost.';

-- From where a lead came to who closed the sale. The advisor is shown where
-- there was one; a trace is complete without.
CREATE OR REPLACE VIEW @bi@.lead_trace AS
SELECT
  l.lead_id,
  s.name::varchar(100) AS source,
  l.origin::varchar(100) AS origin,
  l.channel_id,
  coalesce(c.name, 'unknown')::varchar(100) AS channel,
  l.campaign_id,
  m.customer_id,
  l.created_at::date AS created_date,
  CASE WHEN l.won_at IS NOT NULL THEN 'won' WHEN l.lost_at IS NOT NULL THEN 'lost' ELSE 'open' END::varchar(4) AS state,
  l.brought_by AS brought_by_id,
  b.name::varchar(200) AS brought_by,
  l.advised_by AS advised_by_id,
  a.name::varchar(200) AS advised_by,
  l.closed_by AS closed_by_id,
  e.name::varchar(200) AS closed_by,
  l.won_at::date AS won_date,
  (extract(epoch FROM l.won_at - l.created_at) / 86400)::double precision AS days_to_win,
  o.order_id,
  o.revenue::numeric(18, 2) AS revenue,
  missing.links IS NULL AS is_complete,
  missing.links::varchar(100) AS missing,
  k.started_at AS updated_at
FROM @hub@.lead AS l
  JOIN @hub@.source AS s ON s.source_id = l.source_id
  JOIN @hub@.load_batch AS k ON k.load_id = l.load_id
  LEFT JOIN @hub@.channel AS c ON c.channel_id = l.channel_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = l.record_id
  LEFT JOIN @hub@.employee AS b ON b.employee_id = l.brought_by
  LEFT JOIN @hub@.employee AS a ON a.employee_id = l.advised_by
  LEFT JOIN @hub@.employee AS e ON e.employee_id = l.closed_by
  LEFT JOIN @hub@.sales_order AS o ON o.sale_key = l.sale_key AND o.duplicate_of IS NULL AND o.kind = 'sale'
  CROSS JOIN LATERAL (
    SELECT nullif(concat_ws(', ',
      CASE WHEN c.name IS NULL OR lower(c.name) = 'unknown' THEN 'channel unknown' END,
      CASE WHEN l.brought_by IS NULL THEN 'brought by nobody' END,
      CASE WHEN l.won_at IS NOT NULL AND l.closed_by IS NULL THEN 'closed by nobody' END,
      CASE WHEN l.won_at IS NOT NULL AND o.order_id IS NULL THEN 'no sale recorded' END), '') AS links) AS missing;

COMMENT ON VIEW @bi@.lead_trace IS 'One row is one lead: source, origin, channel, who brought it, who advised, who closed it, and the sale; complete, or with the missing links by name.';
COMMENT ON COLUMN @bi@.lead_trace.lead_id IS 'Key.';
COMMENT ON COLUMN @bi@.lead_trace.source IS 'System that delivered the lead.';
COMMENT ON COLUMN @bi@.lead_trace.origin IS 'Origin as delivered; NULL: none was given.';
COMMENT ON COLUMN @bi@.lead_trace.channel_id IS 'Channel, see dim_channel.';
COMMENT ON COLUMN @bi@.lead_trace.channel IS 'Name of the channel; unknown when none is known.';
COMMENT ON COLUMN @bi@.lead_trace.campaign_id IS 'Campaign, see dim_campaign.';
COMMENT ON COLUMN @bi@.lead_trace.customer_id IS 'Customer, see dim_customer.';
COMMENT ON COLUMN @bi@.lead_trace.created_date IS 'Day of the lead.';
COMMENT ON COLUMN @bi@.lead_trace.state IS 'open, won or lost.';
COMMENT ON COLUMN @bi@.lead_trace.brought_by_id IS 'Employee who brought it, see dim_employee.';
COMMENT ON COLUMN @bi@.lead_trace.brought_by IS 'Name of the employee who brought it.';
COMMENT ON COLUMN @bi@.lead_trace.advised_by_id IS 'Employee who advised, see dim_employee.';
COMMENT ON COLUMN @bi@.lead_trace.advised_by IS 'Name of the employee who advised.';
COMMENT ON COLUMN @bi@.lead_trace.closed_by_id IS 'Employee who closed it, see dim_employee.';
COMMENT ON COLUMN @bi@.lead_trace.closed_by IS 'Name of the employee who closed it.';
COMMENT ON COLUMN @bi@.lead_trace.won_date IS 'Day on which it was won.';
COMMENT ON COLUMN @bi@.lead_trace.days_to_win IS 'Days from the lead to the sale.';
COMMENT ON COLUMN @bi@.lead_trace.order_id IS 'Sale, see fact_order.';
COMMENT ON COLUMN @bi@.lead_trace.revenue IS 'Revenue of the sale.';
COMMENT ON COLUMN @bi@.lead_trace.is_complete IS 'True when no link is missing that a lead of this state must have.';
COMMENT ON COLUMN @bi@.lead_trace.missing IS 'Missing links: channel unknown, brought by nobody, closed by nobody, no sale recorded.';
COMMENT ON COLUMN @bi@.lead_trace.updated_at IS 'When the lead was last loaded.';

CREATE OR REPLACE VIEW @bi@.lead_funnel AS
SELECT
  coalesce(l.origin, 'none given')::varchar(100) AS origin,
  count(*) AS leads,
  count(*) FILTER (WHERE l.state = 'won') AS won,
  count(*) FILTER (WHERE l.state = 'lost') AS lost,
  count(*) FILTER (WHERE l.state = 'open') AS open,
  (count(*) FILTER (WHERE l.state = 'won'))::double precision / count(*) AS win_rate,
  percentile_cont(0.5) WITHIN GROUP (ORDER BY l.days_to_win) AS median_days_to_win,
  coalesce(sum(l.revenue), 0)::numeric(18, 2) AS revenue,
  count(*) FILTER (WHERE NOT l.is_complete) AS incomplete
FROM @bi@.lead_trace AS l
GROUP BY coalesce(l.origin, 'none given');

COMMENT ON VIEW @bi@.lead_funnel IS 'One row is one origin of leads: how many came, how many were won, how fast, for how much.';
COMMENT ON COLUMN @bi@.lead_funnel.origin IS 'Origin as delivered, or none given.';
COMMENT ON COLUMN @bi@.lead_funnel.leads IS 'Leads.';
COMMENT ON COLUMN @bi@.lead_funnel.won IS 'Leads won.';
COMMENT ON COLUMN @bi@.lead_funnel.lost IS 'Leads lost.';
COMMENT ON COLUMN @bi@.lead_funnel.open IS 'Leads neither won nor lost.';
COMMENT ON COLUMN @bi@.lead_funnel.win_rate IS 'Leads won over all leads, 0 to 1.';
COMMENT ON COLUMN @bi@.lead_funnel.median_days_to_win IS 'Median days from lead to sale.';
COMMENT ON COLUMN @bi@.lead_funnel.revenue IS 'Revenue of the sales.';
COMMENT ON COLUMN @bi@.lead_funnel.incomplete IS 'Leads whose trace misses a link.';

-- The same trace for every sale, with a lead or without: what the lead says
-- comes first, then what the touches of the journey say, then the order.
CREATE OR REPLACE VIEW @bi@.sale_trace AS
WITH journey AS (
  SELECT a.order_id, max(a.touches) AS touches,
         (array_agg(a.channel_id ORDER BY a.position))[1] AS first_channel,
         (array_agg(a.channel_id ORDER BY a.position DESC))[1] AS last_channel,
         (array_agg(a.employee_id ORDER BY a.position) FILTER (WHERE a.role = 'brought' AND a.employee_id IS NOT NULL))[1] AS brought_by,
         (array_agg(a.employee_id ORDER BY a.position DESC) FILTER (WHERE a.role = 'advised' AND a.employee_id IS NOT NULL))[1] AS advised_by,
         (array_agg(a.employee_id ORDER BY a.position DESC) FILTER (WHERE a.role = 'closed' AND a.employee_id IS NOT NULL))[1] AS closed_by
  FROM @bi@.fact_attribution AS a
  WHERE a.kind = 'sale'
  GROUP BY a.order_id
), led AS (
  SELECT DISTINCT ON (l.sale_key) l.*
  FROM @hub@.lead AS l
  WHERE l.sale_key IS NOT NULL
  ORDER BY l.sale_key, l.created_at, l.lead_id
), traced AS (
  SELECT o.order_id, o.ordered_at, o.record_id, o.source_id, o.revenue, o.channel_id AS sold_in, l.lead_id, l.origin,
         coalesce(l.channel_id, j.first_channel) AS came_by, j.last_channel, coalesce(j.touches, 0) AS touches,
         coalesce(l.brought_by, j.brought_by) AS brought_by, coalesce(l.advised_by, j.advised_by) AS advised_by,
         coalesce(l.closed_by, j.closed_by, o.employee_id) AS closed_by
  FROM @hub@.sales_order AS o
    LEFT JOIN led AS l ON l.sale_key = o.sale_key
    LEFT JOIN journey AS j ON j.order_id = o.order_id
  WHERE o.kind = 'sale'
    AND o.duplicate_of IS NULL
)
SELECT
  t.order_id,
  t.ordered_at::date AS order_date,
  s.name::varchar(100) AS source,
  m.customer_id,
  t.lead_id,
  t.origin::varchar(100) AS origin,
  t.came_by AS came_by_id,
  coalesce(f.name, 'unknown')::varchar(100) AS came_by,
  t.touches,
  t.last_channel AS last_channel_id,
  t.sold_in AS sold_in_id,
  coalesce(c.name, 'unknown')::varchar(100) AS sold_in,
  t.brought_by AS brought_by_id,
  b.name::varchar(200) AS brought_by,
  t.advised_by AS advised_by_id,
  a.name::varchar(200) AS advised_by,
  t.closed_by AS closed_by_id,
  e.name::varchar(200) AS closed_by,
  t.revenue::numeric(18, 2) AS revenue,
  missing.links IS NULL AS is_complete,
  missing.links::varchar(100) AS missing
FROM traced AS t
  JOIN @hub@.source AS s ON s.source_id = t.source_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
  LEFT JOIN @hub@.channel AS f ON f.channel_id = t.came_by
  LEFT JOIN @hub@.channel AS c ON c.channel_id = t.sold_in
  LEFT JOIN @hub@.employee AS b ON b.employee_id = t.brought_by
  LEFT JOIN @hub@.employee AS a ON a.employee_id = t.advised_by
  LEFT JOIN @hub@.employee AS e ON e.employee_id = t.closed_by
  CROSS JOIN LATERAL (
    SELECT nullif(concat_ws(', ',
      CASE WHEN f.name IS NULL OR lower(f.name) = 'unknown' THEN 'channel unknown' END,
      CASE WHEN t.brought_by IS NULL THEN 'brought by nobody' END,
      CASE WHEN t.closed_by IS NULL THEN 'closed by nobody' END), '') AS links) AS missing;

COMMENT ON VIEW @bi@.sale_trace IS 'One row is one sale: by which channel the customer came, who brought, advised and closed it, and where it was sold; complete, or with the missing links by name. From the lead where there is one, else from the touches credited by the newest crm.attribute() run.';
COMMENT ON COLUMN @bi@.sale_trace.order_id IS 'Sale, see fact_order.';
COMMENT ON COLUMN @bi@.sale_trace.order_date IS 'Day of the sale.';
COMMENT ON COLUMN @bi@.sale_trace.source IS 'System that recorded the sale.';
COMMENT ON COLUMN @bi@.sale_trace.customer_id IS 'Customer, see dim_customer.';
COMMENT ON COLUMN @bi@.sale_trace.lead_id IS 'Lead behind the sale, see lead_trace; NULL: none.';
COMMENT ON COLUMN @bi@.sale_trace.origin IS 'Origin of the lead as delivered.';
COMMENT ON COLUMN @bi@.sale_trace.came_by_id IS 'Channel by which the customer came: of the lead, else of the first touch.';
COMMENT ON COLUMN @bi@.sale_trace.came_by IS 'Its name, or unknown.';
COMMENT ON COLUMN @bi@.sale_trace.touches IS 'Touches that led to the sale.';
COMMENT ON COLUMN @bi@.sale_trace.last_channel_id IS 'Channel of the last touch before the sale.';
COMMENT ON COLUMN @bi@.sale_trace.sold_in_id IS 'Channel in which it was sold.';
COMMENT ON COLUMN @bi@.sale_trace.sold_in IS 'Its name, or unknown.';
COMMENT ON COLUMN @bi@.sale_trace.brought_by_id IS 'Employee who brought the customer: of the lead, else of the first touch in the role brought.';
COMMENT ON COLUMN @bi@.sale_trace.brought_by IS 'Name of the employee who brought the customer.';
COMMENT ON COLUMN @bi@.sale_trace.advised_by_id IS 'Employee who advised: of the lead, else of the last touch in the role advised.';
COMMENT ON COLUMN @bi@.sale_trace.advised_by IS 'Name of the employee who advised.';
COMMENT ON COLUMN @bi@.sale_trace.closed_by_id IS 'Employee who closed the sale: of the lead, else of the last touch in the role closed, else of the order.';
COMMENT ON COLUMN @bi@.sale_trace.closed_by IS 'Name of the employee who closed the sale.';
COMMENT ON COLUMN @bi@.sale_trace.revenue IS 'Revenue of the sale.';
COMMENT ON COLUMN @bi@.sale_trace.is_complete IS 'True when channel, who brought it and who closed it are known.';
COMMENT ON COLUMN @bi@.sale_trace.missing IS 'Missing links: channel unknown, brought by nobody, closed by nobody.';
