-- Reports on the lifecycle: who moves from where to where, the funnel, what each
-- segment is worth, and what is known of whom.

CREATE OR REPLACE VIEW @bi@.segment_movement AS
WITH look AS (
  SELECT max(m.as_of) FILTER (WHERE m.place = 2) AS from_as_of, max(m.as_of) FILTER (WHERE m.place = 1) AS to_as_of
  FROM (SELECT n.as_of, row_number() OVER (ORDER BY n.as_of DESC) AS place FROM @hub@.segment_model AS n) AS m
)
SELECT
  look.from_as_of,
  look.to_as_of,
  moved.axis::varchar(20) AS axis,
  moved.from_segment::varchar(50) AS from_segment,
  moved.to_segment::varchar(50) AS to_segment,
  count(*) AS customers,
  coalesce(sum(before.monetary), 0)::numeric(18, 2) AS revenue_from,
  coalesce(sum(after.monetary), 0)::numeric(18, 2) AS revenue_to
FROM look
  CROSS JOIN LATERAL (
    SELECT coalesce(o.customer_id, n.customer_id) AS customer_id, coalesce(o.axis, n.axis) AS axis, o.segment AS from_segment, n.segment AS to_segment
    FROM (SELECT p.* FROM @hub@.segment_member AS p WHERE p.valid_from <= look.from_as_of AND (p.valid_to IS NULL OR p.valid_to > look.from_as_of)) AS o
      FULL JOIN (SELECT p.* FROM @hub@.segment_member AS p WHERE p.valid_from <= look.to_as_of AND (p.valid_to IS NULL OR p.valid_to > look.to_as_of)) AS n
        ON n.customer_id = o.customer_id AND n.axis = o.axis
  ) AS moved
  LEFT JOIN @hub@.customer_score AS before ON before.customer_id = moved.customer_id AND before.as_of = look.from_as_of
  LEFT JOIN @hub@.customer_score AS after ON after.customer_id = moved.customer_id AND after.as_of = look.to_as_of
WHERE look.from_as_of IS NOT NULL
GROUP BY look.from_as_of, look.to_as_of, moved.axis, moved.from_segment, moved.to_segment;

COMMENT ON VIEW @bi@.segment_movement IS 'Who moved from which segment to which between the two newest refreshes, on each axis; customers who stayed are rows with two equal segments.';
COMMENT ON COLUMN @bi@.segment_movement.from_as_of IS 'Day of the last refresh but one.';
COMMENT ON COLUMN @bi@.segment_movement.to_as_of IS 'Day of the newest refresh.';
COMMENT ON COLUMN @bi@.segment_movement.axis IS 'rfm, stage, phase, strategy, value, revenue_class, margin_class, payment or linkage.';
COMMENT ON COLUMN @bi@.segment_movement.from_segment IS 'Segment then; NULL: in none yet.';
COMMENT ON COLUMN @bi@.segment_movement.to_segment IS 'Segment now; NULL: in none any more, or merged into another customer.';
COMMENT ON COLUMN @bi@.segment_movement.customers IS 'Number of customers.';
COMMENT ON COLUMN @bi@.segment_movement.revenue_from IS 'Their revenue up to then.';
COMMENT ON COLUMN @bi@.segment_movement.revenue_to IS 'Their revenue up to now.';

CREATE OR REPLACE VIEW @bi@.segment_change AS
SELECT
  coalesce(n.valid_from, o.valid_to) AS moved_on,
  coalesce(n.axis, o.axis)::varchar(20) AS axis,
  o.segment::varchar(50) AS from_segment,
  n.segment::varchar(50) AS to_segment,
  count(*) AS customers
FROM (SELECT p.* FROM @hub@.segment_member AS p WHERE p.valid_to IS NOT NULL) AS o
  FULL JOIN @hub@.segment_member AS n ON n.customer_id = o.customer_id AND n.axis = o.axis AND n.valid_from = o.valid_to
GROUP BY 1, 2, 3, 4;

COMMENT ON VIEW @bi@.segment_change IS 'One row: so many customers moved from one segment to another on one day. Add them up over any period.';
COMMENT ON COLUMN @bi@.segment_change.moved_on IS 'Day of the refresh that found it.';
COMMENT ON COLUMN @bi@.segment_change.axis IS 'rfm, stage, phase, strategy, value, revenue_class, margin_class, payment or linkage.';
COMMENT ON COLUMN @bi@.segment_change.from_segment IS 'Segment before; NULL: in none.';
COMMENT ON COLUMN @bi@.segment_change.to_segment IS 'Segment since; NULL: in none any more, or merged into another customer.';
COMMENT ON COLUMN @bi@.segment_change.customers IS 'Number of customers.';

-- Steps of growth come first; the step before in the list is the better one of
-- those in decline.
CREATE OR REPLACE VIEW @bi@.lifecycle_funnel AS
WITH step (axis, position, segment, growing) AS (
  VALUES ('phase', 1, 'detection', true), ('phase', 2, 'qualification', true), ('phase', 3, 'sale', true), ('phase', 4, 'acquisition', true),
         ('phase', 5, 'management', true), ('phase', 6, 'decline', false),
         ('stage', 1, 'prospect', true), ('stage', 2, 'new', true), ('stage', 3, 'onboarding', true), ('stage', 4, 'active', true),
         ('stage', 5, 'slowing', false), ('stage', 6, 'at_risk', false), ('stage', 7, 'dormant', false), ('stage', 8, 'lost', false)
), period AS (
  SELECT m.customer_id, m.axis, m.segment, m.valid_to, m.valid_to - m.valid_from AS days,
         CASE WHEN lead(m.valid_from) OVER w = m.valid_to THEN lead(m.segment) OVER w END AS next_segment
  FROM @hub@.segment_member AS m
  WHERE m.axis IN ('phase', 'stage')
  WINDOW w AS (PARTITION BY m.customer_id, m.axis ORDER BY m.valid_from)
), counted AS (
  SELECT
    step.axis, step.position, step.segment,
    count(p.customer_id) FILTER (WHERE p.valid_to IS NULL) AS customers,
    count(DISTINCT p.customer_id) AS customers_ever,
    count(DISTINCT p.customer_id) FILTER (WHERE next.growing AND (NOT step.growing OR next.position > step.position)
                                             OR NOT next.growing AND NOT step.growing AND next.position < step.position) AS advanced,
    count(DISTINCT p.customer_id) FILTER (WHERE NOT next.growing AND (step.growing OR next.position > step.position)) AS declined,
    percentile_disc(0.5) WITHIN GROUP (ORDER BY p.days) FILTER (WHERE p.valid_to IS NOT NULL) AS median_dwell_days
  FROM step
    LEFT JOIN period AS p ON p.axis = step.axis AND p.segment = step.segment
    LEFT JOIN step AS next ON next.axis = p.axis AND next.segment = p.next_segment
  GROUP BY step.axis, step.position, step.segment
)
SELECT
  (SELECT max(n.as_of) FROM @hub@.segment_model AS n) AS as_of,
  c.axis::varchar(20) AS axis,
  c.position,
  c.segment::varchar(50) AS segment,
  c.customers,
  (c.customers / nullif(sum(c.customers) OVER (PARTITION BY c.axis), 0))::numeric(9, 6) AS customer_share,
  c.customers_ever,
  c.advanced,
  (c.advanced::numeric / nullif(c.customers_ever, 0))::numeric(9, 6) AS conversion,
  c.declined,
  c.median_dwell_days
FROM counted AS c;

COMMENT ON VIEW @bi@.lifecycle_funnel IS 'One row is one stage of the lifecycle, or one phase of management: how many customers are there, how many went on, how long they stayed.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.as_of IS 'Day of the newest refresh.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.axis IS 'stage or phase.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.position IS 'Order of the steps.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.segment IS 'Stage or phase.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.customers IS 'Customers in it now.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.customer_share IS 'Part of all customers, prospects included, 0 to 1.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.customers_ever IS 'Customers who are or were in it at some refresh.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.advanced IS 'Of them, those who left it for a later step of growth; from a step of decline, for a better one.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.conversion IS 'advanced as a part of customers_ever, 0 to 1.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.declined IS 'Of them, those who left it for a (further) step of decline.';
COMMENT ON COLUMN @bi@.lifecycle_funnel.median_dwell_days IS 'Median days of the stays that have ended, by the days of the refreshes; NULL: none has.';

CREATE OR REPLACE VIEW @bi@.value_by_segment AS
WITH newest AS (
  SELECT max(m.as_of) AS as_of FROM @hub@.segment_model AS m
), summed AS (
  SELECT
    newest.as_of, m.axis, m.segment, count(*) AS customers, sum(s.monetary) AS revenue, sum(s.gross_margin) AS gross_margin,
    sum(s.revenue_share) AS revenue_share, sum(s.clv) AS clv, avg(s.p_alive) AS p_alive, avg(s.p_no_order_90) AS p_no_order_90,
    sum(s.expected_orders) AS expected_orders, sum(s.overdue_amount) AS overdue_amount
  FROM newest
    JOIN @hub@.segment_member AS m ON m.valid_from <= newest.as_of AND (m.valid_to IS NULL OR m.valid_to > newest.as_of)
    LEFT JOIN @hub@.customer_score AS s ON s.customer_id = m.customer_id AND s.as_of = newest.as_of
  GROUP BY newest.as_of, m.axis, m.segment
)
SELECT
  s.as_of,
  s.axis::varchar(20) AS axis,
  s.segment::varchar(50) AS segment,
  s.customers,
  (s.customers / sum(s.customers) OVER (PARTITION BY s.axis))::numeric(9, 6) AS customer_share,
  coalesce(s.revenue, 0)::numeric(18, 2) AS revenue,
  coalesce(s.revenue_share, 0)::numeric(9, 6) AS revenue_share,
  coalesce(s.gross_margin, 0)::numeric(18, 2) AS gross_margin,
  s.clv::numeric(18, 2) AS clv,
  (s.clv / s.customers)::numeric(18, 2) AS clv_per_customer,
  s.p_alive::numeric(9, 6) AS mean_p_alive,
  s.p_no_order_90::numeric(9, 6) AS mean_p_no_order_90,
  s.expected_orders::numeric(18, 2) AS expected_orders,
  coalesce(s.overdue_amount, 0)::numeric(18, 2) AS overdue_amount
FROM summed AS s;

COMMENT ON VIEW @bi@.value_by_segment IS 'What each segment is worth, on each axis, at the newest refresh; prospects are among the stages, with nothing bought yet.';
COMMENT ON COLUMN @bi@.value_by_segment.as_of IS 'Day of the refresh.';
COMMENT ON COLUMN @bi@.value_by_segment.axis IS 'rfm, stage, phase, strategy, value, revenue_class, margin_class, payment or linkage.';
COMMENT ON COLUMN @bi@.value_by_segment.segment IS 'Segment on this axis.';
COMMENT ON COLUMN @bi@.value_by_segment.customers IS 'Number of customers.';
COMMENT ON COLUMN @bi@.value_by_segment.customer_share IS 'Part of all customers of the axis, 0 to 1.';
COMMENT ON COLUMN @bi@.value_by_segment.revenue IS 'Revenue net of returns.';
COMMENT ON COLUMN @bi@.value_by_segment.revenue_share IS 'Part of the sum of all positive revenues.';
COMMENT ON COLUMN @bi@.value_by_segment.gross_margin IS 'Gross margin net of returns.';
COMMENT ON COLUMN @bi@.value_by_segment.clv IS 'Sum of the customer lifetime values; NULL when the model did not converge.';
COMMENT ON COLUMN @bi@.value_by_segment.clv_per_customer IS 'The same for each customer.';
COMMENT ON COLUMN @bi@.value_by_segment.mean_p_alive IS 'Mean probability of being alive, 0 to 1.';
COMMENT ON COLUMN @bi@.value_by_segment.mean_p_no_order_90 IS 'Mean probability of no order in the next 90 days, 0 to 1.';
COMMENT ON COLUMN @bi@.value_by_segment.expected_orders IS 'Expected days with a sale in the next 52 weeks, all customers together.';
COMMENT ON COLUMN @bi@.value_by_segment.overdue_amount IS 'Amount overdue.';

-- What must be known of whom, and whether it is. Who asked for restriction has no
-- phase. Consent counts when it was given for a channel after it was last refused or
-- withdrawn for that channel or for all.
-- What lies in facts is looked up for each customer by key, so that the planner
-- cannot compute it for all customers once for each.
CREATE OR REPLACE VIEW @bi@.customer_information AS
WITH step (phase, position) AS (
  VALUES ('detection', 1), ('qualification', 2), ('sale', 3), ('acquisition', 4), ('management', 5), ('decline', 6)
)
SELECT
  c.customer_id,
  m.segment::varchar(20) AS phase,
  r.requirement::varchar(40) AS requirement,
  r.phase::varchar(20) AS needed_from,
  coalesce(CASE r.requirement
    WHEN 'full_name' THEN c.full_name <> ''
    WHEN 'given_name' THEN c.given_name <> ''
    WHEN 'surname' THEN c.surname <> ''
    WHEN 'birth_date' THEN c.birth_date IS NOT NULL
    WHEN 'gender' THEN c.gender <> ''
    WHEN 'email' THEN c.email <> ''
    WHEN 'phone' THEN c.phone <> ''
    WHEN 'tax_id' THEN c.tax_id <> ''
    WHEN 'postcode' THEN c.postcode <> ''
    WHEN 'city' THEN c.city <> ''
    WHEN 'province' THEN c.province <> ''
    WHEN 'country' THEN c.country <> ''
    WHEN 'loyalty_card' THEN c.loyalty_card <> ''
    WHEN 'username' THEN c.username <> ''
    WHEN 'address' THEN c.street <> '' AND coalesce(c.postcode, c.city) <> ''
    WHEN 'contact_point' THEN coalesce(c.email, c.phone, c.street) <> ''
    WHEN 'segment' THEN (SELECT true FROM @hub@.segment_member AS g WHERE g.customer_id = c.customer_id AND g.axis = 'rfm' AND g.valid_to IS NULL)
    WHEN 'order' THEN (
      SELECT true
      FROM @hub@.customer_member AS k
        CROSS JOIN LATERAL (SELECT FROM @hub@.sales_order AS o WHERE o.record_id = k.record_id AND o.kind = 'sale' LIMIT 1) AS sold
      WHERE k.customer_id = c.customer_id
      LIMIT 1)
    WHEN 'payment_due' THEN (
      SELECT true
      FROM @hub@.customer_member AS k
        CROSS JOIN LATERAL (SELECT o.order_id FROM @hub@.sales_order AS o WHERE o.record_id = k.record_id OFFSET 0) AS o
        CROSS JOIN LATERAL (SELECT FROM @hub@.payment AS p WHERE p.order_id = o.order_id AND p.due_on IS NOT NULL LIMIT 1) AS due
      WHERE k.customer_id = c.customer_id
      LIMIT 1)
    WHEN 'origin' THEN (
      SELECT true
      FROM @hub@.customer_member AS k
        CROSS JOIN LATERAL (
          (SELECT FROM @hub@.lead AS l WHERE l.record_id = k.record_id AND num_nonnulls(l.origin, l.channel_id, l.campaign_id) > 0 LIMIT 1)
          UNION ALL
          (SELECT FROM @hub@.touch AS t WHERE t.record_id = k.record_id AND num_nonnulls(t.channel_id, t.campaign_id) > 0 LIMIT 1)
          UNION ALL
          (SELECT FROM @hub@.sales_order AS o WHERE o.record_id = k.record_id AND o.kind = 'sale' AND o.channel_id IS NOT NULL LIMIT 1)
          LIMIT 1) AS known
      WHERE k.customer_id = c.customer_id
      LIMIT 1)
    WHEN 'contact_permission' THEN (
      -- by kind of channel: given, and not taken back since, there or for any
      SELECT bool_or(e.given_at > coalesce(greatest(e.barred_at, e.all_barred_at), '-infinity'))
      FROM (
        SELECT max(s.stated_at) FILTER (WHERE s.state = 'given') AS given_at,
               max(s.stated_at) FILTER (WHERE s.state <> 'given') AS barred_at,
               max(max(s.stated_at) FILTER (WHERE s.state <> 'given' AND s.channel_kind = 'any')) OVER () AS all_barred_at
        FROM @hub@.customer_member AS k
          CROSS JOIN LATERAL (
            SELECT v.channel_kind, v.state, v.stated_at
            FROM @hub@.consent_event AS v
            WHERE v.record_id = k.record_id AND v.purpose = 'marketing' AND v.stated_at <= now()
            OFFSET 0) AS s
        WHERE k.customer_id = c.customer_id
        GROUP BY s.channel_kind) AS e)
  END, false) AS is_known
FROM @hub@.customer AS c
  JOIN @hub@.segment_member AS m ON m.customer_id = c.customer_id AND m.axis = 'phase' AND m.valid_to IS NULL
  JOIN step AS own ON own.phase = m.segment
  JOIN @hub@.stage_requirement AS r ON r.kind IS NULL OR r.kind = c.kind
  JOIN step AS needed ON needed.phase = r.phase AND needed.position <= own.position
WHERE c.state = 'active'
  AND NOT EXISTS (SELECT
                  FROM @hub@.restricted_record AS x JOIN @hub@.customer_member AS k ON k.record_id = x.record_id
                  WHERE k.customer_id = c.customer_id);

COMMENT ON VIEW @bi@.customer_information IS 'Key information: one row for each customer and each thing that must be known of him or her in the present phase (table stage_requirement), and whether it is. What is missing: WHERE NOT is_known.';
COMMENT ON COLUMN @bi@.customer_information.customer_id IS 'Customer.';
COMMENT ON COLUMN @bi@.customer_information.phase IS 'Phase at the newest refresh.';
COMMENT ON COLUMN @bi@.customer_information.requirement IS 'What must be known.';
COMMENT ON COLUMN @bi@.customer_information.needed_from IS 'First phase in which it is needed.';
COMMENT ON COLUMN @bi@.customer_information.is_known IS 'True: the hub knows it now.';

CREATE OR REPLACE VIEW @bi@.stage_fill_rate AS
SELECT
  i.phase,
  i.requirement,
  i.needed_from,
  count(*) AS customers,
  count(*) FILTER (WHERE i.is_known) AS known,
  (count(*) FILTER (WHERE i.is_known) / count(*)::numeric)::numeric(9, 6) AS fill_rate
FROM @bi@.customer_information AS i
GROUP BY i.phase, i.requirement, i.needed_from;

COMMENT ON VIEW @bi@.stage_fill_rate IS 'Key information by phase: of how many customers each thing that must be known is.';
COMMENT ON COLUMN @bi@.stage_fill_rate.phase IS 'Phase at the newest refresh.';
COMMENT ON COLUMN @bi@.stage_fill_rate.requirement IS 'What must be known.';
COMMENT ON COLUMN @bi@.stage_fill_rate.needed_from IS 'First phase in which it is needed.';
COMMENT ON COLUMN @bi@.stage_fill_rate.customers IS 'Customers of this phase who need it.';
COMMENT ON COLUMN @bi@.stage_fill_rate.known IS 'Of them, those of whom it is known.';
COMMENT ON COLUMN @bi@.stage_fill_rate.fill_rate IS 'known as a part of customers, 0 to 1.';
