-- Pictures of the demo's company, after story.sql: one SVG file each, which a
-- browser opens. The variable pictures names the folder.
SET client_min_messages = warning;
SET timezone = 'Europe/Madrid';
\pset format unaligned
\pset tuples_only on

SELECT omnicrm.svg_rfm_grid(jsonb_agg(g)) FROM crm_bi.rfm_grid AS g
\g :pictures/rfm_grid.svg
SELECT omnicrm.svg_pareto_curve(jsonb_agg(p)) FROM crm_bi.pareto_curve AS p
\g :pictures/pareto_curve.svg
SELECT omnicrm.svg_cohort_heatmap(jsonb_agg(c)) FROM crm_bi.cohort_retention AS c WHERE c.cohort >= '2024-07-01'
\g :pictures/cohort_retention.svg

-- The model of lifetime value, fitted to what is known: weeks from the first order.
WITH s AS (
  SELECT m.customer_id, omnicrm.customer_stats(o.ordered_at, o.revenue) AS s
  FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id)
  WHERE o.duplicate_of IS NULL
  GROUP BY m.customer_id
)
SELECT omnicrm.svg_alive_matrix(omnicrm.clv_fit_mbg_nbd(omnicrm.clv_x(s, '2026-06-30'), omnicrm.clv_t_x(s, '2026-06-30'), omnicrm.clv_t(s, '2026-06-30')), 20, 78)
FROM s
\g :pictures/alive_matrix.svg

SELECT omnicrm.svg_funnel(jsonb_agg(f), 'From a name to a regular customer')
FROM (SELECT n AS step, name, count(*) FILTER (WHERE coalesce(c.frequency, 0) >= least_days) AS customers
      FROM (VALUES (1, 'golden customers', 0), (2, 'bought', 1), (3, 'bought on 2 days', 2), (4, 'bought on 5 days', 5), (5, 'bought on 10 days', 10)) AS s(n, name, least_days)
        CROSS JOIN crm_bi.dim_customer AS c
      GROUP BY n, name) AS f
\g :pictures/funnel.svg

SELECT omnicrm.svg_model_comparison(jsonb_agg(c), 'Revenue by channel, as six models credit it')
FROM (SELECT actor AS channel, model, revenue AS value, array_position('{first,last,linear,time_decay,shapley,markov}', model::text) AS place
      FROM crm_bi.attribution_comparison WHERE model IN ('first', 'last', 'linear', 'time_decay', 'shapley', 'markov')) AS c
\g :pictures/attribution.svg

-- The last three touches before a sale.
SELECT omnicrm.svg_sankey(jsonb_agg(e), 'The last touches before a sale')
FROM (SELECT 3 - (l.touches - l.position) AS step, c.name AS source, coalesce(n.name, 'sale') AS target, count(*) AS value
      FROM (SELECT a.position, a.touches, a.channel_id, lead(a.channel_id) OVER (PARTITION BY a.order_id ORDER BY a.position) AS next_id
            FROM crm_bi.fact_attribution AS a WHERE a.kind = 'sale' AND a.position > 0 AND a.position > a.touches - 3) AS l
        JOIN crm.channel AS c ON c.channel_id = l.channel_id
        LEFT JOIN crm.channel AS n ON n.channel_id = l.next_id
      GROUP BY 1, 2, 3) AS e
\g :pictures/last_touches.svg

SELECT omnicrm.svg_journey_map(jsonb_agg(m), 'Touches: how many, and how customers felt')
FROM (SELECT phase, touchpoint, touches AS volume, emotion AS satisfaction, is_red_point AS red_point FROM crm_bi.journey_map) AS m
\g :pictures/journey_map.svg

SELECT omnicrm.svg_funnel(jsonb_agg(f), 'From a contact to a regular customer, by way of a lead') FROM crm_bi.journey_funnel AS f
\g :pictures/journey_funnel.svg
