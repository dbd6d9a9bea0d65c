\echo
\echo '══════════════════════════════════════════════════════════════════════════════════════════════════════════════'
\echo ' ALMACENES MARÁN: web shop, app, ten stores, call centre, newsletter and field sales, in one golden record'
\echo '══════════════════════════════════════════════════════════════════════════════════════════════════════════════'
\echo
\echo '── The director ──────────────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'What came in: every delivered row is loaded, was known already, or waits in quarantine with a reason (crm.load_batch).'
SELECT coalesce(s.name, 'all') AS source,
       sum(b.rows_in) FILTER (WHERE b.entity = 'customer') AS "customer rows",
       sum(b.rows_in) FILTER (WHERE b.entity IN ('order', 'order_line', 'payment')) AS "order rows",
       sum(b.rows_in) FILTER (WHERE b.entity = 'touch') AS touches,
       sum(b.rows_in) FILTER (WHERE b.entity NOT IN ('customer', 'order', 'order_line', 'payment', 'touch')) AS "other rows",
       sum(b.rows_loaded) AS loaded, sum(b.rows_quarantined) AS quarantined,
       CASE WHEN bool_and(b.rows_in = b.rows_loaded + b.rows_unchanged + b.rows_quarantined) THEN 'yes' ELSE 'no' END AS "adds up"
FROM crm.load_batch AS b JOIN crm.source AS s USING (source_id)
GROUP BY ROLLUP (s.name)
ORDER BY s.name IS NULL, sum(b.rows_in) DESC, s.name;

\echo 'What came out: the records of six systems are that many customers (crm.customer).'
SELECT sum(c.record_count) AS "source records", count(*) AS "golden customers",
       count(*) FILTER (WHERE c.kind = 'person') AS persons, count(*) FILTER (WHERE c.kind = 'organisation') AS organisations,
       count(*) FILTER (WHERE c.source_count = 1) AS "in one system", count(*) FILTER (WHERE c.source_count = 2) AS "in two",
       count(*) FILTER (WHERE c.source_count > 2) AS "in more", max(c.source_count) AS "at most"
FROM crm.customer AS c WHERE c.state = 'active';

\echo 'What was sold: a sale that two systems recorded (ordered on the web, fetched in a store) counts once.'
SELECT coalesce(extract(year FROM o.ordered_at)::integer::text, 'all') AS year,
       count(*) FILTER (WHERE o.kind = 'sale' AND o.duplicate_of IS NULL) AS sales,
       count(*) FILTER (WHERE o.duplicate_of IS NOT NULL) AS "recorded twice",
       sum(o.revenue) FILTER (WHERE o.kind = 'sale' AND o.duplicate_of IS NULL) AS sold,
       sum(o.revenue) FILTER (WHERE o.kind = 'return' AND o.duplicate_of IS NULL) AS returned,
       sum(o.revenue) FILTER (WHERE o.duplicate_of IS NULL) AS revenue,
       round(100 * sum(o.gross_margin) FILTER (WHERE o.duplicate_of IS NULL) / sum(o.revenue) FILTER (WHERE o.duplicate_of IS NULL), 1) AS "gross margin %",
       round(100 * sum(o.contribution_margin) FILTER (WHERE o.duplicate_of IS NULL) / sum(o.revenue) FILTER (WHERE o.duplicate_of IS NULL), 1) AS "contribution %"
FROM crm.sales_order AS o
GROUP BY ROLLUP (extract(year FROM o.ordered_at))
ORDER BY 1;

\echo 'How few make the most: the number of customers who together bring a share of the revenue (Pareto).'
WITH ranked AS (
  SELECT row_number() OVER (ORDER BY s.monetary DESC, s.customer_id) AS place, count(*) OVER () AS everybody,
         sum(s.monetary) OVER (ORDER BY s.monetary DESC, s.customer_id) / sum(s.monetary) FILTER (WHERE s.monetary > 0) OVER () AS share,
         sum(s.gross_margin) OVER (ORDER BY s.monetary DESC, s.customer_id) / sum(s.gross_margin) OVER () AS margin_share
  FROM crm.customer_score AS s WHERE s.as_of = '2026-06-30'
)
SELECT round(w.share * 100) AS "% of revenue", r.place AS customers, round(100.0 * r.place / r.everybody, 1) AS "% of customers",
       round(100 * r.margin_share, 1) AS "% of gross margin"
FROM unnest(ARRAY[0.20, 0.50, 0.65, 0.80, 0.95]) AS w(share)
CROSS JOIN LATERAL (SELECT * FROM ranked WHERE ranked.share >= w.share ORDER BY place LIMIT 1) AS r
ORDER BY w.share;

\echo 'Who they are: the segments with what each brings (crm_bi.segment_summary).'
SELECT segment, customers, round(100 * customer_share, 1) AS "% of customers", revenue, round(100 * revenue_share, 1) AS "% of revenue",
       revenue_per_customer AS "per customer", mean_frequency AS "buying days", round(mean_recency_days) AS "days since"
FROM crm_bi.segment_summary ORDER BY revenue DESC, segment;

\echo 'Where they stand: stages of the lifecycle, and what a model expects of each in the next year (crm.refresh_segments, crm_bi.value_by_segment).'
SELECT f.segment AS stage, f.customers, round(100 * f.customer_share, 1) AS "% of customers", v.revenue, round(100 * v.mean_p_alive, 1) AS "% alive",
       round(100 * v.mean_p_no_order_90, 1) AS "% no order in 90 days", round(v.expected_orders) AS "orders expected", v.clv AS "lifetime value"
FROM crm_bi.lifecycle_funnel AS f LEFT JOIN crm_bi.value_by_segment AS v USING (axis, segment)
WHERE f.axis = 'stage' ORDER BY f.position;

\echo 'Who moved since the end of the quarter before: customers from each stage to each (crm_bi.segment_movement).'
SELECT coalesce(m.from_segment, 'not known yet') AS "from",
       coalesce(sum(m.customers) FILTER (WHERE m.to_segment = 'prospect'), 0) AS "to prospect",
       coalesce(sum(m.customers) FILTER (WHERE m.to_segment IN ('new', 'onboarding')), 0) AS "to new",
       coalesce(sum(m.customers) FILTER (WHERE m.to_segment = 'active'), 0) AS "to active",
       coalesce(sum(m.customers) FILTER (WHERE m.to_segment = 'slowing'), 0) AS "to slowing",
       coalesce(sum(m.customers) FILTER (WHERE m.to_segment = 'at_risk'), 0) AS "to at risk",
       coalesce(sum(m.customers) FILTER (WHERE m.to_segment = 'dormant'), 0) AS "to dormant",
       coalesce(sum(m.customers) FILTER (WHERE m.to_segment = 'lost'), 0) AS "to lost",
       sum(m.customers) AS "all"
FROM crm_bi.segment_movement AS m WHERE m.axis = 'stage'
GROUP BY m.from_segment
ORDER BY array_position(ARRAY['prospect', 'new', 'onboarding', 'active', 'slowing', 'at_risk', 'dormant', 'lost'], m.from_segment::text) NULLS FIRST;

\echo 'What each channel costs and brings; revenue by where the sale was booked, credit by who had a part in it (crm_bi.channel_balance).'
SELECT channel, touches, cost, orders AS "orders booked", revenue AS "revenue booked", credit_linear AS "revenue credited",
       cost_per_order AS "cost per order", balance
FROM crm_bi.channel_balance ORDER BY credit_linear DESC NULLS LAST, channel;
