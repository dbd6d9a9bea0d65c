-- Journeys of all customers: where they feel worse, who competes for them, how
-- far they come, and what it costs to win them. A record that belongs to no
-- customer yet is a customer of its own. Functions of the toolbox may be called
-- by everybody, so that a BI role needs no right on the hub.

-- Each customer has one vote in a cell, for touches of one customer are no
-- independent observations: down when it fell more often than it rose.
CREATE OR REPLACE VIEW @bi@.journey_map AS
WITH met AS (
  SELECT t.touch_id, m.customer_id, CASE WHEN m.customer_id IS NULL THEN t.record_id END AS lone_record, t.occurred_at, t.channel_id,
         coalesce(t.phase, 'unknown') AS phase, coalesce(t.message_type, 'none given') AS message_type, t.cost, t.emotion
  FROM @hub@.touch AS t
    LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
), gone_on AS (
  SELECT t.phase, t.channel_id, t.message_type, t.customer_id, t.lone_record, t.cost, t.emotion,
         (extract(epoch FROM lead(t.occurred_at) OVER (PARTITION BY t.customer_id, t.lone_record ORDER BY t.occurred_at, t.touch_id) - t.occurred_at) / 3600)::double precision
           AS hours_to_next,
         -- the emotion known last before, by a number of those that are known
         t.emotion - CASE WHEN t.emotion IS NOT NULL
                       THEN lag(t.emotion) OVER (PARTITION BY t.customer_id, t.lone_record, t.emotion IS NULL ORDER BY t.occurred_at, t.touch_id) END AS change
  FROM met AS t
), voted AS (
  SELECT g.phase, g.channel_id, g.message_type, count(*) AS touches, sum(g.cost) AS cost, sum(g.emotion) AS emotion, count(g.emotion) AS emotions,
         count(*) FILTER (WHERE g.change < 0) AS worse, count(*) FILTER (WHERE g.change > 0) AS better
  FROM gone_on AS g
  GROUP BY g.phase, g.channel_id, g.message_type, g.customer_id, g.lone_record
), timed AS (
  SELECT g.phase, g.channel_id, g.message_type, percentile_cont(0.5) WITHIN GROUP (ORDER BY g.hours_to_next) AS median_hours
  FROM gone_on AS g
  GROUP BY g.phase, g.channel_id, g.message_type
), counted AS (
  SELECT v.phase, v.channel_id, v.message_type, sum(v.touches)::bigint AS touches, count(*) AS customers, sum(v.cost) AS cost,
         sum(v.emotion)::numeric / nullif(sum(v.emotions), 0) AS emotion, sum(v.worse)::bigint AS worse, sum(v.better)::bigint AS better,
         count(*) FILTER (WHERE v.worse > v.better) AS customers_worse, count(*) FILTER (WHERE v.worse < v.better) AS customers_better
  FROM voted AS v
  GROUP BY v.phase, v.channel_id, v.message_type
), cased AS (
  -- The touch that a case came of: the last through its channel, at most a day before.
  SELECT DISTINCT ON (k.case_id) k.case_id, k.satisfaction, t.phase, t.channel_id, t.message_type
  FROM @hub@.service_case AS k
    JOIN @hub@.customer_member AS m ON m.record_id = k.record_id
    JOIN met AS t ON t.customer_id = m.customer_id AND t.channel_id = k.channel_id
                 AND t.occurred_at BETWEEN k.opened_at - interval '24 hours' AND k.opened_at
  ORDER BY k.case_id, t.occurred_at DESC, t.touch_id DESC
), satisfied AS (
  SELECT c.phase, c.channel_id, c.message_type, count(*) AS cases, avg(c.satisfaction) AS satisfaction
  FROM cased AS c
  GROUP BY c.phase, c.channel_id, c.message_type
), tested AS (
  SELECT c.*, CASE WHEN c.customers_worse + c.customers_better > 0 THEN omnicrm.sign_test(c.customers_worse, c.customers_better) END AS p_value,
         (row_number() OVER (ORDER BY c.phase, c.channel_id, c.message_type))::integer AS place
  FROM counted AS c
), adjusted AS (
  SELECT omnicrm.holm(array_agg(t.p_value ORDER BY t.place)) AS p FROM tested AS t
)
SELECT
  t.phase::varchar(10) AS phase,
  t.channel_id,
  coalesce(c.name, 'unknown')::varchar(100) AS channel,
  t.message_type::varchar(50) AS message_type,
  (coalesce(c.name, 'unknown') || CASE WHEN t.message_type = 'none given' THEN '' ELSE ', ' || t.message_type END)::varchar(160) AS touchpoint,
  t.touches,
  t.customers,
  t.cost::numeric(18, 2) AS cost,
  t.emotion::numeric(9, 6) AS emotion,
  coalesce(s.cases, 0) AS cases,
  s.satisfaction::numeric(9, 6) AS case_satisfaction,
  h.median_hours AS median_hours_to_next,
  t.worse,
  t.better,
  t.customers_worse,
  t.customers_better,
  t.p_value,
  a.p[t.place] AS p_adjusted,
  coalesce(t.customers_worse > t.customers_better AND a.p[t.place] < 0.05, false) AS is_red_point
FROM tested AS t
  CROSS JOIN adjusted AS a
  LEFT JOIN @hub@.channel AS c ON c.channel_id = t.channel_id
  LEFT JOIN timed AS h ON h.phase = t.phase AND h.message_type = t.message_type AND h.channel_id IS NOT DISTINCT FROM t.channel_id
  LEFT JOIN satisfied AS s ON s.phase = t.phase AND s.message_type = t.message_type AND s.channel_id = t.channel_id;

COMMENT ON VIEW @bi@.journey_map IS 'One row is one phase and one touchpoint (channel and type of message): how many touches, what they cost, how customers felt, and whether they feel worse there than at the touch before, tested against chance. Touches of erased customers stay in the counts.';
COMMENT ON COLUMN @bi@.journey_map.phase IS 'pre-sale, sale, post-sale, or unknown.';
COMMENT ON COLUMN @bi@.journey_map.channel_id IS 'Channel, see dim_channel; NULL: none named.';
COMMENT ON COLUMN @bi@.journey_map.channel IS 'Name of the channel, or unknown.';
COMMENT ON COLUMN @bi@.journey_map.message_type IS 'Type of message, or none given.';
COMMENT ON COLUMN @bi@.journey_map.touchpoint IS 'Channel and type of message in one.';
COMMENT ON COLUMN @bi@.journey_map.touches IS 'Touches.';
COMMENT ON COLUMN @bi@.journey_map.customers IS 'Customers who had them.';
COMMENT ON COLUMN @bi@.journey_map.cost IS 'Cost of the touches.';
COMMENT ON COLUMN @bi@.journey_map.emotion IS 'Mean emotion of the touches whose emotion is known, -2 to 2; NULL: none is.';
COMMENT ON COLUMN @bi@.journey_map.cases IS 'Service cases that came of the touches: opened through the same channel, at most 24 hours after the customer''s last touch there.';
COMMENT ON COLUMN @bi@.journey_map.case_satisfaction IS 'Mean satisfaction with these cases, 1 to 5; NULL: nobody answered.';
COMMENT ON COLUMN @bi@.journey_map.median_hours_to_next IS 'Median hours to the next touch of the same customer at any touchpoint; NULL: no touch followed.';
COMMENT ON COLUMN @bi@.journey_map.worse IS 'Touches at which the customer felt worse than at his or her last touch before whose emotion is known.';
COMMENT ON COLUMN @bi@.journey_map.better IS 'Touches at which he or she felt better.';
COMMENT ON COLUMN @bi@.journey_map.customers_worse IS 'Customers who felt worse here more often than better. Each customer has one vote, for the touches of one do not tell independently.';
COMMENT ON COLUMN @bi@.journey_map.customers_better IS 'Customers who felt better here more often than worse.';
COMMENT ON COLUMN @bi@.journey_map.p_value IS 'Chance of votes at least as uneven when both ways are equally likely, see omnicrm.sign_test(); NULL: no votes.';
COMMENT ON COLUMN @bi@.journey_map.p_adjusted IS 'The same, adjusted for the number of rows that are tested, see omnicrm.holm().';
COMMENT ON COLUMN @bi@.journey_map.is_red_point IS 'True: most votes are for worse, and p_adjusted is below 0.05. What follows a very good touch falls easily: look at emotion too.';

-- Pairs of one customer within seven days. Each earlier event is put into its own
-- week and the next, so that pairs meet by equality and only near ones meet. The
-- weeks come of a function that returns rows, which no plan puts off till later.
CREATE OR REPLACE VIEW @bi@.channel_conflict AS
WITH wooed AS NOT MATERIALIZED (
  SELECT m.customer_id, t.touch_id, t.occurred_at AS at, t.channel_id, t.campaign_id, t.employee_id, coalesce(t.role, e.role, '') AS role,
         floor(extract(epoch FROM t.occurred_at) / 604800)::bigint AS week
  FROM @hub@.customer_member AS m
    JOIN @hub@.touch AS t ON t.record_id = m.record_id
    LEFT JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
  WHERE t.direction = 'outbound'
), priced AS NOT MATERIALIZED (
  SELECT m.customer_id, o.order_id, o.ordered_at AS at, o.channel_id, o.employee_id, l.product_id, round(l.revenue / l.quantity, 2) AS price,
         floor(extract(epoch FROM o.ordered_at) / 604800)::bigint AS week
  FROM @hub@.customer_member AS m
    JOIN @hub@.sales_order AS o ON o.record_id = m.record_id
    JOIN @hub@.order_line AS l ON l.order_id = o.order_id
  WHERE o.kind = 'sale' AND o.duplicate_of IS NULL AND o.channel_id IS NOT NULL AND l.product_id IS NOT NULL AND l.quantity > 0
), wooed_before AS NOT MATERIALIZED (
  SELECT w.*, unnest(ARRAY[w.week, w.week + 1]) AS near_week FROM wooed AS w
), priced_before AS NOT MATERIALIZED (
  SELECT p.*, unnest(ARRAY[p.week, p.week + 1]) AS near_week FROM priced AS p
), found AS (
  SELECT a.customer_id, 'two campaigns' AS kind, a.channel_id AS earlier_channel_id, b.channel_id AS later_channel_id,
         a.campaign_id AS earlier_campaign_id, b.campaign_id AS later_campaign_id, NULL::integer AS earlier_employee_id, NULL::integer AS later_employee_id,
         NULL::bigint AS lead_id, NULL::bigint AS product_id, NULL::numeric AS earlier_price, NULL::numeric AS later_price,
         count(*) AS pairs, min(b.at - a.at) AS apart, min(a.at) AS first_at, max(b.at) AS last_at
  FROM wooed_before AS a
    JOIN wooed AS b ON b.customer_id = a.customer_id AND b.week = a.near_week
  WHERE b.campaign_id <> a.campaign_id
    AND (b.at, b.touch_id) > (a.at, a.touch_id)
    AND b.at <= a.at + interval '168 hours'
  GROUP BY 1, 3, 4, 5, 6
  UNION ALL
  SELECT a.customer_id, 'two employees' AS kind, a.channel_id AS earlier_channel_id, b.channel_id AS later_channel_id,
         NULL::integer AS earlier_campaign_id, NULL::integer AS later_campaign_id, a.employee_id AS earlier_employee_id, b.employee_id AS later_employee_id,
         l.lead_id, NULL::bigint AS product_id, NULL::numeric AS earlier_price, NULL::numeric AS later_price,
         count(*) AS pairs, min(b.at - a.at) AS apart, min(a.at) AS first_at, max(b.at) AS last_at
  FROM wooed_before AS a
    JOIN wooed AS b ON b.customer_id = a.customer_id AND b.week = a.near_week
    JOIN @hub@.customer_member AS k ON k.customer_id = a.customer_id
    JOIN @hub@.lead AS l ON l.record_id = k.record_id
  WHERE b.employee_id <> a.employee_id
    AND b.role = a.role
    AND (b.at, b.touch_id) > (a.at, a.touch_id)
    AND b.at <= a.at + interval '168 hours'
    AND a.at >= l.created_at
    AND b.at <= coalesce(l.won_at, l.lost_at, 'infinity')
  GROUP BY 1, 3, 4, 7, 8, 9
  UNION ALL
  SELECT a.customer_id, 'two prices' AS kind, a.channel_id AS earlier_channel_id, b.channel_id AS later_channel_id,
         NULL::integer AS earlier_campaign_id, NULL::integer AS later_campaign_id, a.employee_id AS earlier_employee_id, b.employee_id AS later_employee_id,
         NULL::bigint AS lead_id, a.product_id, a.price AS earlier_price, b.price AS later_price,
         count(*) AS pairs, min(b.at - a.at) AS apart, min(a.at) AS first_at, max(b.at) AS last_at
  FROM priced_before AS a
    JOIN priced AS b ON b.customer_id = a.customer_id AND b.week = a.near_week AND b.product_id = a.product_id
  WHERE b.channel_id <> a.channel_id
    AND b.price <> a.price
    AND (b.at, b.order_id) > (a.at, a.order_id)
    AND b.at <= a.at + interval '168 hours'
  GROUP BY 1, 3, 4, 7, 8, 10, 11, 12
)
SELECT
  f.customer_id,
  f.kind::varchar(20) AS kind,
  f.earlier_channel_id,
  coalesce(ca.name, 'unknown')::varchar(100) AS earlier_channel,
  f.later_channel_id,
  coalesce(cb.name, 'unknown')::varchar(100) AS later_channel,
  f.earlier_campaign_id,
  ga.name::varchar(200) AS earlier_campaign,
  f.later_campaign_id,
  gb.name::varchar(200) AS later_campaign,
  f.earlier_employee_id,
  ea.name::varchar(200) AS earlier_employee,
  f.later_employee_id,
  eb.name::varchar(200) AS later_employee,
  f.lead_id,
  f.product_id,
  f.earlier_price::numeric(18, 2) AS earlier_price,
  f.later_price::numeric(18, 2) AS later_price,
  f.pairs,
  (extract(epoch FROM f.apart) / 86400)::double precision AS days_apart,
  f.first_at,
  f.last_at
FROM found AS f
  JOIN @hub@.customer AS u ON u.customer_id = f.customer_id AND u.state = 'active'
  LEFT JOIN @hub@.channel AS ca ON ca.channel_id = f.earlier_channel_id
  LEFT JOIN @hub@.channel AS cb ON cb.channel_id = f.later_channel_id
  LEFT JOIN @hub@.campaign AS ga ON ga.campaign_id = f.earlier_campaign_id
  LEFT JOIN @hub@.campaign AS gb ON gb.campaign_id = f.later_campaign_id
  LEFT JOIN @hub@.employee AS ea ON ea.employee_id = f.earlier_employee_id
  LEFT JOIN @hub@.employee AS eb ON eb.employee_id = f.later_employee_id
WHERE NOT EXISTS (SELECT
                  FROM @hub@.customer_member AS y
                    JOIN @hub@.restricted_record AS x ON x.record_id = y.record_id
                  WHERE y.customer_id = f.customer_id);

COMMENT ON VIEW @bi@.channel_conflict IS 'One row is one conflict around one customer: two campaigns, two employees or two prices within seven days (168 hours), with the number of such pairs. Customers who were erased or asked for restriction are left out.';
COMMENT ON COLUMN @bi@.channel_conflict.customer_id IS 'Customer, see dim_customer.';
COMMENT ON COLUMN @bi@.channel_conflict.kind IS 'two campaigns: outbound touches of different campaigns. two employees: outbound touches of different employees in the same role, while the lead was open. two prices: one product bought through two channels at different prices a piece.';
COMMENT ON COLUMN @bi@.channel_conflict.earlier_channel_id IS 'Channel of the earlier touch or sale, see dim_channel.';
COMMENT ON COLUMN @bi@.channel_conflict.earlier_channel IS 'Its name, or unknown.';
COMMENT ON COLUMN @bi@.channel_conflict.later_channel_id IS 'Channel of the later touch or sale, see dim_channel.';
COMMENT ON COLUMN @bi@.channel_conflict.later_channel IS 'Its name, or unknown.';
COMMENT ON COLUMN @bi@.channel_conflict.earlier_campaign_id IS 'Campaign of the earlier touch, see dim_campaign; of two campaigns only.';
COMMENT ON COLUMN @bi@.channel_conflict.earlier_campaign IS 'Its name.';
COMMENT ON COLUMN @bi@.channel_conflict.later_campaign_id IS 'Campaign of the later touch, see dim_campaign; of two campaigns only.';
COMMENT ON COLUMN @bi@.channel_conflict.later_campaign IS 'Its name.';
COMMENT ON COLUMN @bi@.channel_conflict.earlier_employee_id IS 'Employee of the earlier touch or sale, see dim_employee; not of two campaigns.';
COMMENT ON COLUMN @bi@.channel_conflict.earlier_employee IS 'Name of the employee.';
COMMENT ON COLUMN @bi@.channel_conflict.later_employee_id IS 'Employee of the later touch or sale, see dim_employee; not of two campaigns.';
COMMENT ON COLUMN @bi@.channel_conflict.later_employee IS 'Name of the employee.';
COMMENT ON COLUMN @bi@.channel_conflict.lead_id IS 'Lead that both worked on, see lead_trace; of two employees only.';
COMMENT ON COLUMN @bi@.channel_conflict.product_id IS 'Product, see dim_product; of two prices only.';
COMMENT ON COLUMN @bi@.channel_conflict.earlier_price IS 'Net revenue of one piece in the earlier sale; of two prices only.';
COMMENT ON COLUMN @bi@.channel_conflict.later_price IS 'Net revenue of one piece in the later sale; of two prices only.';
COMMENT ON COLUMN @bi@.channel_conflict.pairs IS 'How many pairs of touches or sales conflict so.';
COMMENT ON COLUMN @bi@.channel_conflict.days_apart IS 'Days between the two of the nearest pair, 0 to 7.';
COMMENT ON COLUMN @bi@.channel_conflict.first_at IS 'Time of the first touch or sale.';
COMMENT ON COLUMN @bi@.channel_conflict.last_at IS 'Time of the last.';

CREATE OR REPLACE VIEW @bi@.channel_conflict_summary AS
SELECT
  least(x.earlier_channel, x.later_channel) AS channel_a,
  greatest(x.earlier_channel, x.later_channel) AS channel_b,
  x.kind,
  count(DISTINCT x.customer_id) AS customers,
  sum(x.pairs)::bigint AS pairs,
  count(DISTINCT x.customer_id) FILTER (WHERE x.last_at > now() - interval '90 days') AS customers_lately,
  min(x.days_apart) AS least_days_apart,
  max(x.last_at) AS last_at
FROM @bi@.channel_conflict AS x
GROUP BY 1, 2, 3;

COMMENT ON VIEW @bi@.channel_conflict_summary IS 'One row is one pair of channels (or one channel with itself) and one kind of conflict: how many customers met it.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.channel_a IS 'Name of one channel.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.channel_b IS 'Name of the other, not before the first in the alphabet.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.kind IS 'two campaigns, two employees or two prices, see channel_conflict.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.customers IS 'Customers.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.pairs IS 'Pairs of touches or sales.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.customers_lately IS 'Customers who met it in the last 90 days.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.least_days_apart IS 'Days between the two of the nearest pair.';
COMMENT ON COLUMN @bi@.channel_conflict_summary.last_at IS 'Time of the last.';

-- How far customers come. `customers` climbed every step before; the steps of a
-- sale may be climbed without a lead, which `reached` tells.
CREATE OR REPLACE VIEW @bi@.journey_funnel AS
WITH told AS (
  SELECT t.record_id, NULL::bigint AS lone_lead, t.occurred_at AS contacted_at, NULL::timestamptz AS led_at,
         CASE WHEN coalesce(t.role, e.role) IN ('qualified', 'advised') THEN t.occurred_at END AS advised_at, NULL::timestamptz AS won_at,
         NULL::timestamptz AS ordered_at, false AS is_advised
  FROM @hub@.touch AS t
    LEFT JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
  UNION ALL
  -- Somebody was advised of a lead that was won, whether or not anybody wrote it down.
  SELECT l.record_id, CASE WHEN l.record_id IS NULL THEN l.lead_id END AS lone_lead, l.created_at AS contacted_at, l.created_at AS led_at,
         NULL::timestamptz AS advised_at, l.won_at, NULL::timestamptz AS ordered_at, l.advised_by IS NOT NULL OR l.won_at IS NOT NULL AS is_advised
  FROM @hub@.lead AS l
  UNION ALL
  SELECT o.record_id, NULL::bigint AS lone_lead, NULL::timestamptz AS contacted_at, NULL::timestamptz AS led_at, NULL::timestamptz AS advised_at,
         NULL::timestamptz AS won_at, o.ordered_at, false AS is_advised
  FROM @hub@.sales_order AS o
  WHERE o.kind = 'sale' AND o.duplicate_of IS NULL
), owned AS (
  SELECT m.customer_id, CASE WHEN m.customer_id IS NULL THEN t.record_id END AS lone_record, t.*
  FROM told AS t
    LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
), begun AS (
  SELECT o.*, min(o.led_at) OVER (PARTITION BY o.customer_id, o.lone_record, o.lone_lead) AS first_led_at
  FROM owned AS o
), climbed AS (
  SELECT min(b.contacted_at) AS contacted_at, min(b.led_at) AS led_at, min(b.advised_at) FILTER (WHERE b.advised_at >= b.first_led_at) AS advised_at,
         bool_or(b.is_advised OR b.advised_at >= b.first_led_at) IS TRUE AS is_advised, bool_or(b.advised_at IS NOT NULL OR b.is_advised) AS was_advised,
         min(b.won_at) AS won_at, count(b.ordered_at) AS orders,
         (array_agg(b.ordered_at ORDER BY b.ordered_at) FILTER (WHERE b.ordered_at >= b.first_led_at))[1:2] AS ordered_at
  FROM begun AS b
  GROUP BY b.customer_id, b.lone_record, b.lone_lead
), step AS (
  SELECT s.step, s.name, s.is_reached, s.is_climbed,
         CASE WHEN s.is_climbed THEN (extract(epoch FROM s.at - s.before) / 86400)::double precision END AS days
  FROM climbed AS c
    CROSS JOIN LATERAL (VALUES
      (1, 'contacted', c.contacted_at IS NOT NULL, c.contacted_at IS NOT NULL, NULL, NULL),
      (2, 'lead', c.led_at IS NOT NULL, c.led_at IS NOT NULL, c.led_at, c.contacted_at),
      (3, 'advised', c.was_advised, c.is_advised, c.advised_at, c.led_at),
      (4, 'won', c.won_at IS NOT NULL, c.won_at IS NOT NULL, c.won_at, coalesce(c.advised_at, c.led_at)),
      (5, 'ordered', c.orders > 0, c.won_at IS NOT NULL AND c.ordered_at[1] IS NOT NULL, c.ordered_at[1], c.won_at),
      (6, 'ordered again', c.orders > 1, c.won_at IS NOT NULL AND c.ordered_at[2] IS NOT NULL, c.ordered_at[2], c.ordered_at[1])
    ) AS s(step, name, is_reached, is_climbed, at, before)
), counted AS (
  SELECT s.step, s.name, count(*) FILTER (WHERE s.is_climbed) AS customers, count(*) FILTER (WHERE s.is_reached) AS reached,
         percentile_cont(0.5) WITHIN GROUP (ORDER BY s.days) AS median_days
  FROM step AS s
  GROUP BY s.step, s.name
)
SELECT
  c.step,
  c.name::varchar(20) AS name,
  c.customers,
  (c.customers::numeric / nullif(lag(c.customers) OVER steps, 0))::numeric(9, 6) AS rate_to_step_before,
  (c.customers::numeric / nullif(first_value(c.customers) OVER steps, 0))::numeric(9, 6) AS rate_to_first_step,
  c.median_days AS median_days_from_step_before,
  c.reached
FROM counted AS c
WINDOW steps AS (ORDER BY c.step);

COMMENT ON VIEW @bi@.journey_funnel IS 'One row is one step of the way from a contact to a second order. Drawn by omnicrm.svg_funnel(). Erased customers stay in the counts.';
COMMENT ON COLUMN @bi@.journey_funnel.step IS 'Number of the step, from 1.';
COMMENT ON COLUMN @bi@.journey_funnel.name IS 'contacted: any touch or lead. lead: a lead. advised: a touch in the role qualified or advised since the first lead, or a lead with an advisor, or one that was won. won: a lead won. ordered: a sale since the first lead. ordered again: another one.';
COMMENT ON COLUMN @bi@.journey_funnel.customers IS 'Customers who reached the step and all steps before.';
COMMENT ON COLUMN @bi@.journey_funnel.rate_to_step_before IS 'The same as a part of the step before, 0 to 1; NULL of the first.';
COMMENT ON COLUMN @bi@.journey_funnel.rate_to_first_step IS 'The same as a part of the first step, 0 to 1.';
COMMENT ON COLUMN @bi@.journey_funnel.median_days_from_step_before IS 'Median days from the last step before whose time is known, for those customers whose time is known; NULL of the first, and of advised where no touch tells when.';
COMMENT ON COLUMN @bi@.journey_funnel.reached IS 'Customers who reached the step by any way, without the steps before too: those who order without a lead count here.';

-- What it costs to win a customer. A customer is won once, with the first sale;
-- costs are those of channel_balance, parted by campaign.
CREATE OR REPLACE VIEW @bi@.acquisition_cost AS
WITH sold AS (
  SELECT m.customer_id, CASE WHEN m.customer_id IS NULL THEN o.record_id END AS lone_record, min(o.ordered_at) AS ordered_at
  FROM @hub@.sales_order AS o
    LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
  WHERE o.kind = 'sale' AND o.duplicate_of IS NULL
  GROUP BY 1, 2
), met AS (
  SELECT m.customer_id, CASE WHEN m.customer_id IS NULL THEN t.record_id END AS lone_record, t.touch_id, t.occurred_at, t.channel_id, t.campaign_id
  FROM @hub@.touch AS t
    LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
), led AS (
  SELECT s.customer_id, s.lone_record, t.touch_id, t.channel_id, t.campaign_id,
         row_number() OVER (PARTITION BY s.customer_id, s.lone_record ORDER BY t.occurred_at, t.touch_id) AS from_first,
         row_number() OVER (PARTITION BY s.customer_id, s.lone_record ORDER BY t.occurred_at DESC, t.touch_id DESC) AS from_last
  FROM sold AS s
    LEFT JOIN met AS t ON coalesce(t.customer_id, -t.lone_record) = coalesce(s.customer_id, -s.lone_record) AND t.occurred_at <= s.ordered_at
), entry AS (
  -- sort_id as in channel_balance: -1 is the channel unknown, -2 unattributed
  SELECT t.channel_id, t.campaign_id, -1 AS sort_id, count(*) AS touches, sum(t.cost) AS touch_cost, 0::numeric AS campaign_cost, 0::bigint AS by_first, 0::bigint AS by_last
  FROM @hub@.touch AS t
  GROUP BY 1, 2
  UNION ALL
  SELECT g.channel_id, g.campaign_id, -1 AS sort_id, 0::bigint AS touches, 0::numeric AS touch_cost, g.cost AS campaign_cost, 0::bigint AS by_first, 0::bigint AS by_last
  FROM @hub@.campaign AS g
  WHERE g.cost IS NOT NULL
  UNION ALL
  SELECT l.channel_id, l.campaign_id, CASE WHEN l.touch_id IS NULL THEN -2 ELSE -1 END AS sort_id, 0::bigint AS touches, 0::numeric AS touch_cost,
         0::numeric AS campaign_cost, count(*) FILTER (WHERE l.from_first = 1) AS by_first, count(*) FILTER (WHERE l.from_last = 1) AS by_last
  FROM led AS l
  WHERE 1 IN (l.from_first, l.from_last)
  GROUP BY 1, 2, 3
), nameless AS (
  SELECT (SELECT c.channel_id FROM @hub@.channel AS c WHERE c.name = 'unknown') AS channel_id
), summed AS (
  SELECT coalesce(e.channel_id, CASE e.sort_id WHEN -1 THEN n.channel_id END) AS channel_id, CASE e.sort_id WHEN -2 THEN 'unattributed' ELSE 'unknown' END AS label,
         e.campaign_id, sum(e.touches) AS touches, sum(e.touch_cost) AS touch_cost, sum(e.campaign_cost) AS campaign_cost, sum(e.by_first) AS by_first,
         sum(e.by_last) AS by_last
  FROM entry AS e
    CROSS JOIN nameless AS n
  GROUP BY 1, 2, 3
)
SELECT
  s.channel_id,
  coalesce(c.name, s.label)::varchar(100) AS channel,
  s.campaign_id,
  g.name::varchar(200) AS campaign,
  s.touches::bigint AS touches,
  s.touch_cost::numeric(18, 2) AS touch_cost,
  s.campaign_cost::numeric(18, 2) AS campaign_cost,
  (s.touch_cost + s.campaign_cost)::numeric(18, 2) AS cost,
  s.by_first::bigint AS acquired_by_first,
  s.by_last::bigint AS acquired_by_last,
  CASE WHEN s.label <> 'unattributed' THEN (s.touch_cost + s.campaign_cost) / nullif(s.by_first, 0) END::numeric(18, 2) AS cost_per_acquisition_first,
  CASE WHEN s.label <> 'unattributed' THEN (s.touch_cost + s.campaign_cost) / nullif(s.by_last, 0) END::numeric(18, 2) AS cost_per_acquisition_last
FROM summed AS s
  LEFT JOIN @hub@.channel AS c ON c.channel_id = s.channel_id
  LEFT JOIN @hub@.campaign AS g ON g.campaign_id = s.campaign_id;

COMMENT ON VIEW @bi@.acquisition_cost IS 'One row is one channel and campaign: what they cost, how many customers they won, and the cost of each. A customer is won once, with the first sale, by the first or by the last touch up to it, however long before. unknown: touches and campaigns that name no channel. unattributed: customers won without a touch. Cost adds up to that of channel_balance, acquired to the customers with a sale; erased customers stay in the counts.';
COMMENT ON COLUMN @bi@.acquisition_cost.channel_id IS 'Channel, see dim_channel; NULL for unknown and unattributed.';
COMMENT ON COLUMN @bi@.acquisition_cost.channel IS 'Name of the channel, unknown or unattributed.';
COMMENT ON COLUMN @bi@.acquisition_cost.campaign_id IS 'Campaign, see dim_campaign; NULL: no campaign.';
COMMENT ON COLUMN @bi@.acquisition_cost.campaign IS 'Name of the campaign.';
COMMENT ON COLUMN @bi@.acquisition_cost.touches IS 'Touches, whether or not they won anybody.';
COMMENT ON COLUMN @bi@.acquisition_cost.touch_cost IS 'Cost of these touches.';
COMMENT ON COLUMN @bi@.acquisition_cost.campaign_cost IS 'Cost of the campaign, in the row of the channel that it runs in.';
COMMENT ON COLUMN @bi@.acquisition_cost.cost IS 'Both together.';
COMMENT ON COLUMN @bi@.acquisition_cost.acquired_by_first IS 'Customers whose first touch up to the first sale was here.';
COMMENT ON COLUMN @bi@.acquisition_cost.acquired_by_last IS 'Customers whose last touch up to the first sale was here.';
COMMENT ON COLUMN @bi@.acquisition_cost.cost_per_acquisition_first IS 'Cost for each customer whose first touch was here; NULL when there is none.';
COMMENT ON COLUMN @bi@.acquisition_cost.cost_per_acquisition_last IS 'Cost for each customer whose last touch was here; NULL when there is none.';
