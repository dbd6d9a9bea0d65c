\echo
\echo '── The marketer ──────────────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'Recency against frequency: customers in each of the 25 cells, 5 is best; equal customers never get different scores (crm_bi.rfm_grid).'
SELECT recency_score AS "recency",
       max(customers) FILTER (WHERE frequency_score = 1) AS "frequency 1", max(customers) FILTER (WHERE frequency_score = 2) AS "2",
       max(customers) FILTER (WHERE frequency_score = 3) AS "3", max(customers) FILTER (WHERE frequency_score = 4) AS "4",
       max(customers) FILTER (WHERE frequency_score = 5) AS "5", sum(customers) AS "all", sum(revenue) AS revenue
FROM crm_bi.rfm_grid GROUP BY recency_score ORDER BY recency_score DESC;

\echo 'What to do with whom: strategies by stage and value, and whom they are about (crm.strategy_rule, crm_bi.value_by_segment).'
SELECT v.segment AS strategy, v.customers, v.revenue, v.clv_per_customer AS "lifetime value each",
       (SELECT string_agg(DISTINCT r.stage, ', ' ORDER BY r.stage) FROM crm.strategy_rule AS r WHERE r.strategy = v.segment) AS stages
FROM crm_bi.value_by_segment AS v WHERE v.axis = 'strategy' ORDER BY v.revenue DESC, v.segment;

\echo 'What we should know of them and do not: key information by phase (crm_bi.stage_fill_rate), the emptiest first.'
SELECT phase, requirement, customers, known, round(100 * fill_rate, 1) AS "% known"
FROM crm_bi.stage_fill_rate WHERE fill_rate < 1 ORDER BY fill_rate, customers DESC, phase, requirement LIMIT 6;

\echo 'Which channel earned the sale: four models side by side, each adds up to the revenue to the cent (crm.attribution_by_channel).'
SELECT coalesce(channel, 'all') AS channel, sum(touches) AS touches, sum(credit_first) AS "first touch", sum(credit_last) AS "last touch",
       sum(credit_linear) AS linear, sum(credit_position) AS "position 40/20/40"
FROM crm.attribution_by_channel() GROUP BY ROLLUP (channel)
ORDER BY grouping(channel), sum(credit_linear) DESC;

\echo 'Who brings, who closes, what would be missed without it (Markov chain of all journeys), and how sure that is (crm_bi.attribution_comparison).'
SELECT c.actor AS channel, max(c.revenue) FILTER (WHERE c.model = 'first') AS brings, max(c.revenue) FILTER (WHERE c.model = 'last') AS closes,
       max(c.revenue) FILTER (WHERE c.model = 'markov') AS markov, max(c.revenue_low) FILTER (WHERE c.model = 'markov') AS "at least",
       max(c.revenue_high) FILTER (WHERE c.model = 'markov') AS "at most"
FROM crm_bi.attribution_comparison AS c GROUP BY c.actor ORDER BY 4 DESC, 1;

\echo 'How long a sale takes from the first touch, by its channel, in days (crm_bi.time_to_convert).'
SELECT coalesce(first_channel, 'all') AS "first channel", sales, mean_touches AS touches, round(half_within_days::numeric, 1) AS "half within",
       round(nine_tenths_within_days::numeric, 1) AS "nine of ten within"
FROM crm_bi.time_to_convert ORDER BY first_channel IS NULL, sales DESC, 1;

\echo 'What the campaigns of the last full quarter did, by the linear model.'
SELECT c.campaign, sum(f.credit_linear) AS "revenue credited", count(DISTINCT f.order_id) AS "sales touched", max(p.cost) AS cost,
       round(sum(f.credit_linear) / nullif(max(p.cost), 0), 1) AS "revenue per euro"
FROM crm_bi.fact_attribution AS f
JOIN crm_bi.dim_campaign AS c USING (campaign_id)
JOIN crm.campaign AS p USING (campaign_id)
WHERE p.starts_on = '2026-04-01' AND f.kind = 'sale'
GROUP BY c.campaign ORDER BY 2 DESC, 1;

\echo 'What a new customer costs, by channel: won with the first touch or with the last (crm_bi.acquisition_cost).'
SELECT channel, sum(cost) AS cost, sum(acquired_by_first) AS "won, first touch", sum(acquired_by_last) AS "won, last touch",
       round(nullif(sum(cost), 0) / nullif(sum(acquired_by_first), 0), 2) AS "cost of one, first", round(nullif(sum(cost), 0) / nullif(sum(acquired_by_last), 0), 2) AS "cost of one, last"
FROM crm_bi.acquisition_cost GROUP BY channel ORDER BY 3 DESC, channel;

\echo 'Who competes for the same customer within a week (crm_bi.channel_conflict_summary).'
SELECT channel_a AS channel, channel_b AS "against", kind, customers, pairs, round(least_days_apart::numeric, 1) AS "least days apart"
FROM crm_bi.channel_conflict_summary ORDER BY customers DESC, channel_a, channel_b, kind LIMIT 8;

\echo 'Whom we may contact at all: a refusal in any system counts for the whole customer (crm.contactable).'
SELECT channel_kind AS channel, count(*) FILTER (WHERE may_contact) AS "may contact", round(100.0 * count(*) FILTER (WHERE may_contact) / count(*), 1) AS "%",
       count(*) FILTER (WHERE reason = 'refused') AS refused, count(*) FILTER (WHERE reason = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE reason = 'never asked') AS "never asked", count(*) FILTER (WHERE reason = 'no address') AS "no address"
FROM crm.contactable GROUP BY channel_kind ORDER BY 2 DESC, 1;

-- A customer worth showing: in many systems, with an open case, with some orders.
SELECT c.customer_id AS star, c.full_name AS star_name, c.phone AS star_phone
FROM crm.customer AS c JOIN crm.customer_score AS s USING (customer_id)
WHERE c.kind = 'person' AND c.phone IS NOT NULL AND s.as_of = '2026-06-30' AND s.frequency BETWEEN 3 AND 12
ORDER BY c.source_count >= 3 DESC,
         EXISTS (SELECT FROM crm.service_case AS k JOIN crm.customer_member AS m USING (record_id) WHERE m.customer_id = c.customer_id AND k.closed_at IS NULL) DESC,
         c.source_count DESC, s.monetary DESC, c.customer_id LIMIT 1
\gset
\echo 'What to offer next to' :star_name 'and why (crm.next_best_offer): what others bought with what this customer has, times its margin.'
SELECT rank, name AS product, category, round(propensity::numeric, 3) AS propensity, round(margin, 2) AS margin, round(score, 2) AS "expected margin", reason
FROM crm.next_best_offer(:star, 4) ORDER BY rank;

-- The dearest thing that he or she has.
SELECT p.product_key AS owned, p.name AS owned_name
FROM crm.customer_product AS h JOIN crm.product AS p USING (product_id)
WHERE h.customer_id = :star AND h.quantity > 0 ORDER BY p.repeatable, p.price DESC, p.product_key LIMIT 1
\gset
\echo 'And why not' :owned_name '(crm.why_not_offer): each gate with its reason.'
SELECT gate, CASE WHEN passed THEN 'yes' ELSE 'no' END AS passed, detail FROM crm.why_not_offer(:star, :'owned');
