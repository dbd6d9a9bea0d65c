-- The star schema for BI tools. Views run with their owner's rights, so that a
-- BI role needs no right on the hub; nothing here names a customer. Types are
-- those that every BI tool reads well: no jsonb, arrays, enums or bare numeric.
-- Days are days of the session's time zone.

CREATE OR REPLACE VIEW @bi@.dim_source AS
SELECT
  s.source_id,
  s.name::varchar(100) AS source,
  s.kind::varchar(20) AS kind,
  s.trust::double precision AS trust
FROM @hub@.source AS s;

COMMENT ON VIEW @bi@.dim_source IS 'One row is one system that delivers rows.';
COMMENT ON COLUMN @bi@.dim_source.source_id IS 'Key.';
COMMENT ON COLUMN @bi@.dim_source.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.dim_source.kind IS 'Kind of system: shop, web, call_centre, newsletter, app, field_sales, loyalty, erp, service, marketing, other.';
COMMENT ON COLUMN @bi@.dim_source.trust IS 'Trust in its values, 0 to 100.';

-- Age in bands and two signs of the postcode: enough to report on, too little
-- to find a person by.
CREATE OR REPLACE VIEW @bi@.dim_customer AS
SELECT
  c.customer_id,
  c.kind::varchar(20) AS kind,
  c.state = 'erased' AS is_erased,
  CASE
    WHEN age.years IS NULL OR age.years NOT BETWEEN 0 AND 120 THEN 'unknown'
    WHEN age.years < 18 THEN 'under 18'
    WHEN age.years < 25 THEN '18-24'
    WHEN age.years < 35 THEN '25-34'
    WHEN age.years < 45 THEN '35-44'
    WHEN age.years < 55 THEN '45-54'
    WHEN age.years < 65 THEN '55-64'
    WHEN age.years < 75 THEN '65-74'
    ELSE '75 and over'
  END::varchar(12) AS age_band,
  coalesce(c.gender, 'unknown')::varchar(10) AS gender,
  c.province::varchar(100) AS province,
  c.country::varchar(100) AS country,
  left(c.postcode, 2)::varchar(2) AS postcode_area,
  c.first_seen::date AS first_seen,
  c.last_seen::date AS last_seen,
  c.source_count AS sources,
  c.record_count AS records,
  c.certainty::double precision AS certainty,
  s.as_of AS segmented_on,
  coalesce(s.segment, 'no purchase')::varchar(50) AS segment,
  s.r AS recency_score,
  s.f AS frequency_score,
  s.m AS monetary_score,
  s.recency_days,
  s.frequency,
  s.monetary::numeric(18, 2) AS monetary,
  s.gross_margin::numeric(18, 2) AS gross_margin,
  s.revenue_class::varchar(1) AS revenue_class,
  s.margin_class::varchar(1) AS margin_class,
  c.updated_at,
  s.stage::varchar(20) AS stage,
  s.strategy::varchar(50) AS strategy,
  s.value_class::varchar(10) AS value_class,
  s.p_alive,
  s.p_no_order_90,
  s.next_order_on,
  s.clv::numeric(18, 2) AS clv,
  s.payment_behaviour::varchar(10) AS payment_behaviour
FROM @hub@.customer AS c
  CROSS JOIN LATERAL (SELECT extract(year FROM age(c.birth_date))::integer AS years) AS age
  LEFT JOIN @hub@.customer_score AS s
    ON s.customer_id = c.customer_id
       AND s.as_of = (SELECT max(newest.as_of) FROM @hub@.customer_score AS newest)
       AND NOT EXISTS (SELECT 1
                       FROM @hub@.restricted_record AS x
                         JOIN @hub@.customer_member AS m ON m.record_id = x.record_id
                       WHERE m.customer_id = c.customer_id)
WHERE c.state IN ('active', 'erased');

COMMENT ON VIEW @bi@.dim_customer IS 'One row is one golden customer, without direct identifiers, with the newest segmentation. An erased customer stays as a number, for his or her orders.';
COMMENT ON COLUMN @bi@.dim_customer.customer_id IS 'Key: stays for ever; after a merge the oldest id remains.';
COMMENT ON COLUMN @bi@.dim_customer.kind IS 'person or organisation.';
COMMENT ON COLUMN @bi@.dim_customer.is_erased IS 'True: the personal data were erased; all that is left is a number.';
COMMENT ON COLUMN @bi@.dim_customer.age_band IS 'Age today in bands; unknown without a plausible date of birth.';
COMMENT ON COLUMN @bi@.dim_customer.gender IS 'female, male, other or unknown.';
COMMENT ON COLUMN @bi@.dim_customer.province IS 'Province, state or region of the address.';
COMMENT ON COLUMN @bi@.dim_customer.country IS 'Country of the address.';
COMMENT ON COLUMN @bi@.dim_customer.postcode_area IS 'First two signs of the postal code.';
COMMENT ON COLUMN @bi@.dim_customer.first_seen IS 'Day of the oldest record.';
COMMENT ON COLUMN @bi@.dim_customer.last_seen IS 'Day of the newest record.';
COMMENT ON COLUMN @bi@.dim_customer.sources IS 'Number of sources that know the customer.';
COMMENT ON COLUMN @bi@.dim_customer.records IS 'Number of source records that make up the customer.';
COMMENT ON COLUMN @bi@.dim_customer.certainty IS 'How sure we are that all the records are one customer, 0 to 1.';
COMMENT ON COLUMN @bi@.dim_customer.segmented_on IS 'Day of the newest segmentation; NULL when the customer is not in it.';
COMMENT ON COLUMN @bi@.dim_customer.segment IS 'RFM segment; no purchase when the customer is not in the newest segmentation, or asked for restriction.';
COMMENT ON COLUMN @bi@.dim_customer.recency_score IS 'Recency score, 1 to 5, 5 is best.';
COMMENT ON COLUMN @bi@.dim_customer.frequency_score IS 'Frequency score, 1 to 5, 5 is best.';
COMMENT ON COLUMN @bi@.dim_customer.monetary_score IS 'Monetary score, 1 to 5, 5 is best.';
COMMENT ON COLUMN @bi@.dim_customer.recency_days IS 'Days since the last order on the day of the segmentation.';
COMMENT ON COLUMN @bi@.dim_customer.frequency IS 'Number of orders up to the day of the segmentation.';
COMMENT ON COLUMN @bi@.dim_customer.monetary IS 'Revenue up to the day of the segmentation.';
COMMENT ON COLUMN @bi@.dim_customer.gross_margin IS 'Gross margin up to the day of the segmentation.';
COMMENT ON COLUMN @bi@.dim_customer.revenue_class IS 'Pareto class by revenue: A, B or C.';
COMMENT ON COLUMN @bi@.dim_customer.margin_class IS 'Pareto class by gross margin: A, B or C.';
COMMENT ON COLUMN @bi@.dim_customer.updated_at IS 'When the golden record last changed.';
COMMENT ON COLUMN @bi@.dim_customer.stage IS 'Stage of the lifecycle; this and the following columns are NULL unless refresh_segments() made the newest segmentation.';
COMMENT ON COLUMN @bi@.dim_customer.strategy IS 'Strategy that follows from stage and value: acquire, develop, retain, win back, let go.';
COMMENT ON COLUMN @bi@.dim_customer.value_class IS 'high, medium, low or loss.';
COMMENT ON COLUMN @bi@.dim_customer.p_alive IS 'Probability that the customer has not left for good.';
COMMENT ON COLUMN @bi@.dim_customer.p_no_order_90 IS 'Probability of no order in the next 90 days.';
COMMENT ON COLUMN @bi@.dim_customer.next_order_on IS 'Day by which the next order has come with probability one half; NULL: less likely ever to come.';
COMMENT ON COLUMN @bi@.dim_customer.clv IS 'Customer lifetime value: expected margin, discounted.';
COMMENT ON COLUMN @bi@.dim_customer.payment_behaviour IS 'How the customer pays: prompt, within_30, within_60, within_90 or over_90.';

CREATE OR REPLACE VIEW @bi@.dim_channel AS
SELECT
  c.channel_id,
  c.name::varchar(100) AS channel,
  c.kind::varchar(30) AS kind,
  c.declared
FROM @hub@.channel AS c;

COMMENT ON VIEW @bi@.dim_channel IS 'One row is one channel.';
COMMENT ON COLUMN @bi@.dim_channel.channel_id IS 'Key.';
COMMENT ON COLUMN @bi@.dim_channel.channel IS 'Name of the channel.';
COMMENT ON COLUMN @bi@.dim_channel.kind IS 'Kind of channel.';
COMMENT ON COLUMN @bi@.dim_channel.declared IS 'False: a fact named the channel and nobody declared it.';

-- Employees are staff, not customers: commission reports need their names.
CREATE OR REPLACE VIEW @bi@.dim_employee AS
SELECT
  e.employee_id,
  e.employee_key::varchar(100) AS employee_key,
  e.name::varchar(200) AS employee,
  e.role::varchar(50) AS role,
  e.team::varchar(100) AS team,
  m.employee_id AS manager_id,
  e.declared
FROM @hub@.employee AS e
  LEFT JOIN @hub@.employee AS m ON m.employee_key = e.manager_key;

COMMENT ON VIEW @bi@.dim_employee IS 'One row is one employee. Staff are shown by name, since commissions are reported to them; customers never are.';
COMMENT ON COLUMN @bi@.dim_employee.employee_id IS 'Key.';
COMMENT ON COLUMN @bi@.dim_employee.employee_key IS 'Key of the employee in the sources.';
COMMENT ON COLUMN @bi@.dim_employee.employee IS 'Name of the employee.';
COMMENT ON COLUMN @bi@.dim_employee.role IS 'Usual role.';
COMMENT ON COLUMN @bi@.dim_employee.team IS 'Team, store or region.';
COMMENT ON COLUMN @bi@.dim_employee.manager_id IS 'Employee who leads this one.';
COMMENT ON COLUMN @bi@.dim_employee.declared IS 'False: a fact named the employee and nobody declared him or her.';

CREATE OR REPLACE VIEW @bi@.dim_product AS
SELECT
  p.product_id,
  p.product_key::varchar(100) AS product_key,
  p.name::varchar(300) AS product,
  p.category::varchar(100) AS category,
  p.price::numeric(18, 2) AS price,
  p.cost::numeric(18, 2) AS cost,
  p.active,
  p.declared
FROM @hub@.product AS p;

COMMENT ON VIEW @bi@.dim_product IS 'One row is one product.';
COMMENT ON COLUMN @bi@.dim_product.product_id IS 'Key.';
COMMENT ON COLUMN @bi@.dim_product.product_key IS 'Key of the product in the sources.';
COMMENT ON COLUMN @bi@.dim_product.product IS 'Name of the product.';
COMMENT ON COLUMN @bi@.dim_product.category IS 'Category.';
COMMENT ON COLUMN @bi@.dim_product.price IS 'List price.';
COMMENT ON COLUMN @bi@.dim_product.cost IS 'Unit cost.';
COMMENT ON COLUMN @bi@.dim_product.active IS 'False: no longer sold.';
COMMENT ON COLUMN @bi@.dim_product.declared IS 'False: an order named the product and nobody declared it.';

CREATE OR REPLACE VIEW @bi@.dim_campaign AS
SELECT
  c.campaign_id,
  c.name::varchar(200) AS campaign,
  c.channel_id,
  c.starts_on,
  c.ends_on,
  c.cost::numeric(18, 2) AS cost,
  c.declared
FROM @hub@.campaign AS c;

COMMENT ON VIEW @bi@.dim_campaign IS 'One row is one campaign.';
COMMENT ON COLUMN @bi@.dim_campaign.campaign_id IS 'Key.';
COMMENT ON COLUMN @bi@.dim_campaign.campaign IS 'Name of the campaign.';
COMMENT ON COLUMN @bi@.dim_campaign.channel_id IS 'Main channel.';
COMMENT ON COLUMN @bi@.dim_campaign.starts_on IS 'First day.';
COMMENT ON COLUMN @bi@.dim_campaign.ends_on IS 'Last day.';
COMMENT ON COLUMN @bi@.dim_campaign.cost IS 'Total cost.';
COMMENT ON COLUMN @bi@.dim_campaign.declared IS 'False: a touch named the campaign and nobody declared it.';

-- Whole years around everything that happened and today. A mistyped year far
-- away must not make a million rows: from 1970 to ten years ahead at most.
CREATE OR REPLACE VIEW @bi@.dim_date AS
SELECT
  d.day::date AS day,
  extract(year FROM d.day)::smallint AS year,
  extract(quarter FROM d.day)::smallint AS quarter,
  extract(month FROM d.day)::smallint AS month,
  to_char(d.day, 'FMMonth')::varchar(9) AS month_name,
  date_trunc('month', d.day)::date AS month_start,
  extract(isoyear FROM d.day)::smallint AS iso_year,
  extract(week FROM d.day)::smallint AS iso_week,
  date_trunc('week', d.day)::date AS week_start,
  extract(isodow FROM d.day)::smallint AS weekday,
  to_char(d.day, 'FMDay')::varchar(9) AS weekday_name,
  extract(isodow FROM d.day) IN (6, 7) AS is_weekend
FROM (
    SELECT
      greatest(least(o.first_at, t.first_at, now()), '1970-01-01 00:00+00') AS first_at,
      least(greatest(o.last_at, t.last_at, now()), now() + interval '10 years') AS last_at
    FROM (SELECT min(ordered_at) AS first_at, max(ordered_at) AS last_at FROM @hub@.sales_order) AS o
      CROSS JOIN (SELECT min(occurred_at) AS first_at, max(occurred_at) AS last_at FROM @hub@.touch) AS t
  ) AS span
  CROSS JOIN LATERAL generate_series(
    date_trunc('year', span.first_at::timestamp),
    date_trunc('year', span.last_at::timestamp) + interval '1 year -1 day',
    interval '1 day') AS d(day);

COMMENT ON VIEW @bi@.dim_date IS 'One row is one day, whole years from the first order or touch to the last one and today.';
COMMENT ON COLUMN @bi@.dim_date.day IS 'Key: the day.';
COMMENT ON COLUMN @bi@.dim_date.year IS 'Year.';
COMMENT ON COLUMN @bi@.dim_date.quarter IS 'Quarter, 1 to 4.';
COMMENT ON COLUMN @bi@.dim_date.month IS 'Month, 1 to 12.';
COMMENT ON COLUMN @bi@.dim_date.month_name IS 'English name of the month.';
COMMENT ON COLUMN @bi@.dim_date.month_start IS 'First day of the month.';
COMMENT ON COLUMN @bi@.dim_date.iso_year IS 'Year of the ISO week.';
COMMENT ON COLUMN @bi@.dim_date.iso_week IS 'ISO week, 1 to 53.';
COMMENT ON COLUMN @bi@.dim_date.week_start IS 'Monday of the week.';
COMMENT ON COLUMN @bi@.dim_date.weekday IS 'Day of the week, 1 Monday to 7 Sunday.';
COMMENT ON COLUMN @bi@.dim_date.weekday_name IS 'English name of the day of the week.';
COMMENT ON COLUMN @bi@.dim_date.is_weekend IS 'Saturday or Sunday.';

-- A sale recorded by two sources counts once: its second order points to the
-- first by duplicate_of and is left out.
CREATE OR REPLACE VIEW @bi@.fact_order AS
SELECT
  o.order_id,
  o.ordered_at::date AS order_date,
  o.ordered_at,
  m.customer_id,
  o.source_id,
  o.channel_id,
  o.employee_id,
  o.kind::varchar(10) AS kind,
  o.revenue::numeric(18, 2) AS revenue,
  o.gross_margin::numeric(18, 2) AS gross_margin,
  o.contribution_margin::numeric(18, 2) AS contribution_margin,
  o.currency::varchar(3) AS currency,
  b.started_at AS updated_at
FROM @hub@.sales_order AS o
  JOIN @hub@.load_batch AS b ON b.load_id = o.load_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
WHERE o.duplicate_of IS NULL;

COMMENT ON VIEW @bi@.fact_order IS 'One row is one order or return, each sale once however many sources recorded it.';
COMMENT ON COLUMN @bi@.fact_order.order_id IS 'Key.';
COMMENT ON COLUMN @bi@.fact_order.order_date IS 'Day of the order.';
COMMENT ON COLUMN @bi@.fact_order.ordered_at IS 'Time of the order.';
COMMENT ON COLUMN @bi@.fact_order.customer_id IS 'Customer; NULL until the next crm.resolve().';
COMMENT ON COLUMN @bi@.fact_order.source_id IS 'Source that recorded it.';
COMMENT ON COLUMN @bi@.fact_order.channel_id IS 'Channel of the sale.';
COMMENT ON COLUMN @bi@.fact_order.employee_id IS 'Employee who recorded the sale.';
COMMENT ON COLUMN @bi@.fact_order.kind IS 'sale or return.';
COMMENT ON COLUMN @bi@.fact_order.revenue IS 'Net revenue; negative for a return.';
COMMENT ON COLUMN @bi@.fact_order.gross_margin IS 'Gross margin; negative for a return.';
COMMENT ON COLUMN @bi@.fact_order.contribution_margin IS 'Contribution margin; negative for a return.';
COMMENT ON COLUMN @bi@.fact_order.currency IS 'Currency (ISO 4217), the same in the whole hub.';
COMMENT ON COLUMN @bi@.fact_order.updated_at IS 'Start of the load that brought it.';

CREATE OR REPLACE VIEW @bi@.fact_order_line AS
SELECT
  l.order_line_id,
  l.order_id,
  o.ordered_at::date AS order_date,
  m.customer_id,
  o.channel_id,
  l.product_id,
  o.kind::varchar(10) AS kind,
  l.quantity::numeric(18, 3) AS quantity,
  l.revenue::numeric(18, 2) AS revenue,
  l.gross_margin::numeric(18, 2) AS gross_margin,
  l.contribution_margin::numeric(18, 2) AS contribution_margin,
  b.started_at AS updated_at
FROM @hub@.order_line AS l
  JOIN @hub@.sales_order AS o ON o.order_id = l.order_id
  JOIN @hub@.load_batch AS b ON b.load_id = l.load_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
WHERE o.duplicate_of IS NULL;

COMMENT ON VIEW @bi@.fact_order_line IS 'One row is one line of an order or return, each sale once however many sources recorded it.';
COMMENT ON COLUMN @bi@.fact_order_line.order_line_id IS 'Key.';
COMMENT ON COLUMN @bi@.fact_order_line.order_id IS 'Order.';
COMMENT ON COLUMN @bi@.fact_order_line.order_date IS 'Day of the order.';
COMMENT ON COLUMN @bi@.fact_order_line.customer_id IS 'Customer; NULL until the next crm.resolve().';
COMMENT ON COLUMN @bi@.fact_order_line.channel_id IS 'Channel of the sale.';
COMMENT ON COLUMN @bi@.fact_order_line.product_id IS 'Product.';
COMMENT ON COLUMN @bi@.fact_order_line.kind IS 'sale or return, as the order.';
COMMENT ON COLUMN @bi@.fact_order_line.quantity IS 'Quantity.';
COMMENT ON COLUMN @bi@.fact_order_line.revenue IS 'Net revenue of the line.';
COMMENT ON COLUMN @bi@.fact_order_line.gross_margin IS 'Gross margin of the line.';
COMMENT ON COLUMN @bi@.fact_order_line.contribution_margin IS 'Contribution margin of the line.';
COMMENT ON COLUMN @bi@.fact_order_line.updated_at IS 'Start of the load that brought it.';

CREATE OR REPLACE VIEW @bi@.fact_touch AS
SELECT
  t.touch_id,
  t.occurred_at::date AS touch_date,
  t.occurred_at,
  m.customer_id,
  t.source_id,
  t.channel_id,
  t.employee_id,
  t.campaign_id,
  t.role::varchar(50) AS role,
  t.direction::varchar(10) AS direction,
  t.message_type::varchar(50) AS message_type,
  t.phase::varchar(10) AS phase,
  t.emotion,
  t.cost::numeric(18, 2) AS cost,
  b.started_at AS updated_at
FROM @hub@.touch AS t
  JOIN @hub@.load_batch AS b ON b.load_id = t.load_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id;

COMMENT ON VIEW @bi@.fact_touch IS 'One row is one contact with a customer: a visit, call, message, click.';
COMMENT ON COLUMN @bi@.fact_touch.touch_id IS 'Key.';
COMMENT ON COLUMN @bi@.fact_touch.touch_date IS 'Day of the contact.';
COMMENT ON COLUMN @bi@.fact_touch.occurred_at IS 'Time of the contact.';
COMMENT ON COLUMN @bi@.fact_touch.customer_id IS 'Customer; NULL until the next crm.resolve().';
COMMENT ON COLUMN @bi@.fact_touch.source_id IS 'Source that recorded it.';
COMMENT ON COLUMN @bi@.fact_touch.channel_id IS 'Channel.';
COMMENT ON COLUMN @bi@.fact_touch.employee_id IS 'Employee; NULL when no person was involved.';
COMMENT ON COLUMN @bi@.fact_touch.campaign_id IS 'Campaign.';
COMMENT ON COLUMN @bi@.fact_touch.role IS 'Role in which the employee acted.';
COMMENT ON COLUMN @bi@.fact_touch.direction IS 'inbound: the customer came to us; outbound: we went to the customer.';
COMMENT ON COLUMN @bi@.fact_touch.message_type IS 'Kind of message.';
COMMENT ON COLUMN @bi@.fact_touch.phase IS 'pre-sale, sale or post-sale.';
COMMENT ON COLUMN @bi@.fact_touch.emotion IS 'Mood of the customer, -2 very bad to 2 very good; NULL unknown.';
COMMENT ON COLUMN @bi@.fact_touch.cost IS 'Cost of the contact.';
COMMENT ON COLUMN @bi@.fact_touch.updated_at IS 'Start of the load that brought it.';

-- Payments hang on the order that counts. When two sources recorded the sale
-- and both delivered its payments, only those of the counting order are shown.
CREATE OR REPLACE VIEW @bi@.fact_payment AS
SELECT
  p.payment_id,
  coalesce(o.duplicate_of, o.order_id) AS order_id,
  m.customer_id,
  p.source_id,
  p.terms_days,
  p.due_on,
  p.paid_on,
  p.paid_on IS NOT NULL AS is_paid,
  CASE WHEN p.due_on IS NOT NULL THEN greatest(coalesce(p.paid_on, current_date) - p.due_on, 0) END AS days_late,
  p.amount::numeric(18, 2) AS amount,
  p.method::varchar(50) AS method,
  b.started_at AS updated_at
FROM @hub@.payment AS p
  JOIN @hub@.sales_order AS o ON o.order_id = p.order_id
  JOIN @hub@.load_batch AS b ON b.load_id = p.load_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
WHERE o.duplicate_of IS NULL
   OR NOT EXISTS (
        SELECT 1
        FROM @hub@.payment AS other
          JOIN @hub@.sales_order AS twin ON twin.order_id = other.order_id
        WHERE (twin.order_id = o.duplicate_of OR twin.duplicate_of = o.duplicate_of)
          AND (twin.duplicate_of IS NULL OR twin.order_id < o.order_id));

COMMENT ON VIEW @bi@.fact_payment IS 'One row is one payment of an order, paid or due; each sale''s payments once.';
COMMENT ON COLUMN @bi@.fact_payment.payment_id IS 'Key.';
COMMENT ON COLUMN @bi@.fact_payment.order_id IS 'Order that it pays.';
COMMENT ON COLUMN @bi@.fact_payment.customer_id IS 'Customer; NULL until the next crm.resolve().';
COMMENT ON COLUMN @bi@.fact_payment.source_id IS 'Source that recorded it.';
COMMENT ON COLUMN @bi@.fact_payment.terms_days IS 'Days of credit agreed.';
COMMENT ON COLUMN @bi@.fact_payment.due_on IS 'Day when it is due.';
COMMENT ON COLUMN @bi@.fact_payment.paid_on IS 'Day when it was paid; NULL: not yet.';
COMMENT ON COLUMN @bi@.fact_payment.is_paid IS 'True when it has been paid.';
COMMENT ON COLUMN @bi@.fact_payment.days_late IS 'Days between due day and payment, or today when unpaid; 0 when in time; NULL without a due day.';
COMMENT ON COLUMN @bi@.fact_payment.amount IS 'Amount.';
COMMENT ON COLUMN @bi@.fact_payment.method IS 'Method of payment.';
COMMENT ON COLUMN @bi@.fact_payment.updated_at IS 'Start of the load that brought it.';

-- The subject of a case is free text in which people name people: it stays in
-- the hub.
CREATE OR REPLACE VIEW @bi@.fact_case AS
SELECT
  s.case_id,
  s.opened_at::date AS opened_date,
  s.opened_at,
  s.closed_at,
  s.closed_at IS NULL AS is_open,
  (extract(epoch FROM s.closed_at - s.opened_at) / 3600)::double precision AS hours_to_close,
  m.customer_id,
  s.source_id,
  s.channel_id,
  s.employee_id,
  s.priority::varchar(20) AS priority,
  s.satisfaction,
  b.started_at AS updated_at
FROM @hub@.service_case AS s
  JOIN @hub@.load_batch AS b ON b.load_id = s.load_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = s.record_id;

COMMENT ON VIEW @bi@.fact_case IS 'One row is one service case: a question, complaint or repair.';
COMMENT ON COLUMN @bi@.fact_case.case_id IS 'Key.';
COMMENT ON COLUMN @bi@.fact_case.opened_date IS 'Day when it was opened.';
COMMENT ON COLUMN @bi@.fact_case.opened_at IS 'Time when it was opened.';
COMMENT ON COLUMN @bi@.fact_case.closed_at IS 'Time when it was closed; NULL: still open.';
COMMENT ON COLUMN @bi@.fact_case.is_open IS 'True while it is open.';
COMMENT ON COLUMN @bi@.fact_case.hours_to_close IS 'Hours from opening to closing; NULL while it is open.';
COMMENT ON COLUMN @bi@.fact_case.customer_id IS 'Customer; NULL until the next crm.resolve().';
COMMENT ON COLUMN @bi@.fact_case.source_id IS 'Source that recorded it.';
COMMENT ON COLUMN @bi@.fact_case.channel_id IS 'Channel by which it came.';
COMMENT ON COLUMN @bi@.fact_case.employee_id IS 'Employee who handles it.';
COMMENT ON COLUMN @bi@.fact_case.priority IS 'Priority.';
COMMENT ON COLUMN @bi@.fact_case.satisfaction IS 'Satisfaction stated afterwards, 1 to 5; NULL unknown.';
COMMENT ON COLUMN @bi@.fact_case.updated_at IS 'Start of the load that brought it.';
