-- Segments with history: crm.refresh_segments(). Values are hashes of numbers, so
-- every run sees the same.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
CREATE FUNCTION pg_temp.unit(n bigint, salt bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(n, salt) & 1048575) / 1048576.0 $$;

-- What must hold whenever segments were refreshed: each query counts what breaks a
-- rule.
CREATE VIEW public.broken AS
SELECT 'periods overlap' AS rule, count(*)
FROM crm.segment_member AS a JOIN crm.segment_member AS b USING (customer_id, axis)
WHERE a.valid_from < b.valid_from AND (a.valid_to IS NULL OR a.valid_to > b.valid_from)
UNION ALL
SELECT 'the same segment twice in a row', count(*)
FROM crm.segment_member AS a JOIN crm.segment_member AS b USING (customer_id, axis)
WHERE a.valid_to = b.valid_from AND a.segment = b.segment
UNION ALL
SELECT 'gap', count(*)
FROM (SELECT m.*, lead(valid_from) OVER (PARTITION BY customer_id, axis ORDER BY valid_from) AS next_from FROM crm.segment_member AS m) AS m
WHERE next_from > valid_to AND axis <> 'payment'
UNION ALL
SELECT 'a day that is no refresh', count(*)
FROM crm.segment_member AS m
WHERE NOT EXISTS (SELECT FROM crm.segment_model AS n WHERE n.as_of = m.valid_from)
   OR m.valid_to IS NOT NULL AND NOT EXISTS (SELECT FROM crm.segment_model AS n WHERE n.as_of = m.valid_to)
UNION ALL
SELECT 'customers and stages do not tie', abs((SELECT count(*) FROM crm.customer AS c WHERE c.state = 'active' AND c.customer_id NOT IN (SELECT x FROM crm.customer_not_profiled() AS x))
                                              - (SELECT count(*) FROM crm.segment_member WHERE axis = a.axis AND valid_to IS NULL))
FROM (VALUES ('stage'), ('phase'), ('strategy'), ('value')) AS a(axis)
UNION ALL
SELECT 'scores and open periods differ', count(*)
FROM crm.customer_score AS s
CROSS JOIN LATERAL (VALUES ('rfm', s.segment), ('stage', s.stage), ('strategy', s.strategy), ('value', s.value_class), ('payment', s.payment_behaviour),
                           ('revenue_class', s.revenue_class), ('margin_class', s.margin_class), ('phase', omnicrm.lifecycle_phase(s.stage))) AS a(axis, segment)
LEFT JOIN crm.segment_member AS m ON m.customer_id = s.customer_id AND m.axis = a.axis AND m.valid_to IS NULL
WHERE s.as_of = (SELECT max(as_of) FROM crm.segment_model) AND m.segment IS DISTINCT FROM a.segment
UNION ALL
SELECT 'score without stage or strategy', count(*) FROM crm.customer_score AS s
WHERE s.as_of = (SELECT max(as_of) FROM crm.segment_model) AND (s.stage IS NULL OR s.strategy IS NULL OR s.value_class IS NULL OR s.stage = 'prospect')
UNION ALL
SELECT 'strategy is not that of the rules', count(*) FROM crm.customer_score AS s LEFT JOIN crm.strategy_rule AS r USING (stage, value_class)
WHERE s.as_of = (SELECT max(as_of) FROM crm.segment_model) AND s.strategy IS DISTINCT FROM r.strategy
UNION ALL
SELECT 'revenue of the segments and of the scores', count(*)
FROM crm_bi.value_by_segment AS v
WHERE v.axis IN ('rfm', 'stage', 'strategy', 'value', 'phase')
GROUP BY v.as_of, v.axis
HAVING sum(v.revenue) <> (SELECT coalesce(sum(s.monetary), 0) FROM crm.customer_score AS s WHERE s.as_of = v.as_of)
    OR sum(v.gross_margin) <> (SELECT coalesce(sum(s.gross_margin), 0) FROM crm.customer_score AS s WHERE s.as_of = v.as_of);

-- A hub without a customer.
SELECT counts FROM crm.refresh_segments('2022-01-01');
SELECT as_of, model, fitted, orders_fit, converged, reason, spend_converged, spend_reason, margin FROM crm.segment_model;
SELECT * FROM public.broken WHERE count > 0;
SELECT (SELECT count(*) FROM crm_bi.segment_movement) AS movement, (SELECT count(*) FROM crm_bi.segment_change) AS changes,
       (SELECT count(*) FROM crm_bi.lifecycle_funnel) AS funnel, (SELECT count(*) FROM crm_bi.value_by_segment) AS value,
       (SELECT count(*) FROM crm_bi.customer_information) AS information;

-- One customer, who bought once; then who never bought joins.
SELECT crm.add_source('web', 'web', 60), crm.add_source('till', 'shop', 70) \g /dev/null
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) VALUES (1, 'order', 'test', '{}');
CREATE FUNCTION public.add_customers(first bigint, last bigint, seen timestamptz) RETURNS void LANGUAGE sql AS $$
  INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload)
  SELECT 1, n, 1, n, '000000000000000', '{}' FROM generate_series(first, last) AS n ORDER BY n;
  INSERT INTO crm.customer (full_name, first_seen) SELECT 'Customer ' || n, seen FROM generate_series(first, last) AS n ORDER BY n;
  INSERT INTO crm.customer_member (record_id, customer_id, home_id) SELECT n, n, n FROM generate_series(first, last) AS n;
$$;
CREATE FUNCTION public.sell(record bigint, at date, money numeric, margin numeric DEFAULT NULL) RETURNS bigint LANGUAGE sql AS $$
  INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, revenue, gross_margin, currency)
  SELECT 1, 'O' || n, 1, n, record, at + time '10:00', CASE WHEN money < 0 THEN 'return' ELSE 'sale' END, 'O' || n, money, margin, 'EUR'
  FROM (SELECT 1 + coalesce(max(order_id), 0) AS n FROM crm.sales_order) AS c
  RETURNING order_id
$$;
SELECT public.add_customers(1, 1, '2022-01-02');
SELECT public.sell(1, '2022-01-05', 80, 20);
SELECT counts ->> 'reason' AS reason, counts -> 'entered' AS entered FROM crm.refresh_segments('2022-01-10');
SELECT customer_id, frequency, tenure_days, usual_days, p_alive, p_no_order_90, expected_orders, next_order_on, clv, value_class, stage, strategy FROM crm.customer_score;
SELECT axis, segment, valid_from, valid_to FROM crm.segment_member ORDER BY axis;
SELECT public.add_customers(2, 2, '2022-01-15');
SELECT counts -> 'entered' AS entered, counts -> 'moved' AS moved FROM crm.refresh_segments('2022-01-12');
SELECT counts -> 'entered' AS entered, counts -> 'moved' AS moved FROM crm.refresh_segments('2022-02-20');
SELECT customer_id, axis, segment, valid_from, valid_to FROM crm.segment_member WHERE axis IN ('stage', 'phase', 'strategy', 'value') ORDER BY 1, 2, 4;
SELECT * FROM public.broken WHERE count > 0;

-- 600 customers over three years: most buy at random and leave some day, some never buy.
SELECT public.add_customers(3, 600, '2022-03-01');
CREATE TEMP TABLE life AS
SELECT c, date '2022-03-01' + floor(700 * pg_temp.unit(c, 1))::integer AS first_day, 10 + 150 * pg_temp.unit(c, 2) ^ 2 AS gap,
       60 + floor(1200 * pg_temp.unit(c, 3) ^ 2)::integer AS life_days, 10 + 90 * pg_temp.unit(c, 4) ^ 2 AS spend
FROM generate_series(3, 520) AS c;
WITH RECURSIVE visit AS (
  SELECT c, 1 AS n, first_day AS day FROM life
  UNION ALL
  SELECT v.c, v.n + 1, v.day + 1 + floor(-l.gap * ln(1 - pg_temp.unit(1000 * v.c + v.n, 5)))::integer
  FROM visit AS v JOIN life AS l ON l.c = v.c
  WHERE v.day < l.first_day + l.life_days AND v.day < '2025-01-01' AND v.n < 200
)
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, revenue, gross_margin, currency)
SELECT 1, 'V' || v.c || '-' || v.n, 1, v.n, v.c, v.day + time '12:00', 'sale', 'V' || v.c || '-' || v.n, round((l.spend * (0.5 + pg_temp.unit(1000 * v.c + v.n, 6)))::numeric, 2),
       round((l.spend * CASE WHEN v.c % 50 = 0 THEN -0.1 ELSE 0.3 END)::numeric, 2), 'EUR'
FROM visit AS v JOIN life AS l ON l.c = v.c
WHERE v.day < '2025-01-01'
ORDER BY v.c, v.n;
INSERT INTO crm.payment (source_id, payment_key, load_id, content_hash, order_id, terms_days, due_on, paid_on, amount)
SELECT 1, 'P' || o.order_id, 1, o.order_id, o.order_id, 30, o.ordered_at::date + 30,
       CASE WHEN pg_temp.unit(o.order_id, 7) < 0.95 THEN o.ordered_at::date + 20 + floor(100 * pg_temp.unit(o.record_id, 8) ^ 3)::integer END, o.revenue
FROM crm.sales_order AS o WHERE o.record_id % 3 = 0;
INSERT INTO crm.lead (source_id, lead_key, load_id, content_hash, record_id, created_at, origin, value, lost_at)
SELECT 1, 'L' || c, 1, c, c, '2024-01-15', 'fair', CASE WHEN c % 2 = 0 THEN 500 END, CASE WHEN c % 5 = 0 THEN timestamptz '2024-02-15' END
FROM generate_series(560, 600) AS c;

CREATE TEMP TABLE looked (as_of date, customers integer, moved integer, entered integer, gone integer);
INSERT INTO looked
SELECT day, (counts -> 'customers')::integer, (counts -> 'moved')::integer, (counts -> 'entered')::integer, (counts -> 'left')::integer
FROM generate_series(date '2023-06-01', '2024-06-01', interval '1 month') AS d(day) CROSS JOIN LATERAL crm.refresh_segments(d.day::date) AS r;
SELECT count(*) AS looks, min(customers) < 400 AS grew, max(customers) AS most, sum(moved) > 1500 AS moves, sum(gone) AS gone FROM looked;
SELECT * FROM public.broken WHERE count > 0;
SELECT model, fitted, converged, reason, spend_converged, spend_reason, round(margin::numeric, 2) AS margin FROM crm.segment_model WHERE as_of = '2024-06-01';
SELECT segment, count(*) FROM crm.segment_member WHERE axis = 'stage' AND valid_to IS NULL GROUP BY 1
ORDER BY array_position('{prospect,new,onboarding,active,slowing,at_risk,dormant,lost}', segment);
SELECT segment, count(*) FROM crm.segment_member WHERE axis = 'phase' AND valid_to IS NULL GROUP BY 1 ORDER BY 1;
SELECT segment, count(*) FROM crm.segment_member WHERE axis = 'value' AND valid_to IS NULL GROUP BY 1 ORDER BY 1;

-- What the toolbox says, computed from the orders directly, is what was written.
WITH c AS (
  SELECT record_id AS customer_id, omnicrm.customer_stats(ordered_at::date, revenue, gross_margin) AS s FROM crm.sales_order WHERE ordered_at < '2024-06-02' GROUP BY 1
), v AS (
  SELECT customer_id, s, omnicrm.clv_x(s, '2024-06-01') AS x, omnicrm.clv_t_x(s, '2024-06-01') AS t_x, omnicrm.clv_t(s, '2024-06-01') AS t FROM c
), k AS (
  SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t) AS o, omnicrm.clv_fit_gamma_gamma(x, omnicrm.clv_spend(s)) AS g FROM v
), p AS (
  SELECT record_id AS customer_id, omnicrm.payment_stats(due_on, paid_on, amount, '2024-06-01') AS b
  FROM crm.payment JOIN crm.sales_order USING (order_id) WHERE ordered_at < '2024-06-02' GROUP BY 1
)
SELECT count(*) AS customers,
       count(*) FILTER (WHERE r.p_alive IS DISTINCT FROM omnicrm.clv_p_alive(o, x, t_x, t)) AS p_alive,
       count(*) FILTER (WHERE r.p_no_order_90 IS DISTINCT FROM omnicrm.clv_p_no_order(o, x, t_x, t, 90 / 7.0)) AS p_no_order,
       count(*) FILTER (WHERE r.expected_orders IS DISTINCT FROM omnicrm.clv_expected_orders(o, x, t_x, t, 52)) AS expected_orders,
       count(*) FILTER (WHERE r.next_order_on IS DISTINCT FROM omnicrm.clv_next_order_date(o, x, t_x, t, '2024-06-01')) AS next_order,
       count(*) FILTER (WHERE abs(r.clv - omnicrm.clv_value(o, x, t_x, t, g, omnicrm.clv_spend(s), 52, m.margin, ln(1.1) / 52)::numeric) > 0.01 OR r.clv IS NULL) AS clv,
       count(*) FILTER (WHERE r.usual_days IS DISTINCT FROM omnicrm.stats_interval_quantile(s, 0.9)) AS usual_days,
       count(*) FILTER (WHERE (r.payment_behaviour, r.days_beyond_terms, r.weighted_days_beyond_terms, r.overdue_amount)
                              IS DISTINCT FROM ((p.b).behaviour, (p.b).days_beyond_terms, (p.b).weighted_days_beyond_terms, round((p.b).overdue_amount, 2))) AS payment,
       count(*) FILTER (WHERE r.stage <> omnicrm.lifecycle_stage(x, r.recency_days, r.tenure_days, r.p_alive, r.p_no_order_90, r.usual_days)) BETWEEN 1 AND 60 AS some_held
FROM v JOIN crm.customer_score AS r ON r.customer_id = v.customer_id AND r.as_of = '2024-06-01' LEFT JOIN p ON p.customer_id = v.customer_id
CROSS JOIN k CROSS JOIN crm.segment_model AS m WHERE m.as_of = '2024-06-01' AND m.orders_fit = k.o AND m.spend_fit = k.g;

-- The same day again, with other settings and other order of the rows: the same to the bit.
CREATE TEMP TABLE score_before AS SELECT s.* FROM crm.customer_score AS s;
CREATE TEMP TABLE member_before AS SELECT m.* FROM crm.segment_member AS m;
UPDATE crm.sales_order SET load_id = load_id WHERE order_id % 2 = 0;
UPDATE crm.customer_member SET since = since WHERE record_id % 3 = 0;
SET work_mem = '64kB';
SELECT counts -> 'customers' AS customers FROM crm.refresh_segments('2024-06-01');
RESET work_mem;
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
SELECT counts -> 'customers' AS customers FROM crm.refresh_segments('2024-06-01');
RESET max_parallel_workers_per_gather; RESET parallel_setup_cost; RESET parallel_tuple_cost; RESET min_parallel_table_scan_size;
SELECT (SELECT count(*) FROM (TABLE score_before EXCEPT TABLE crm.customer_score) AS d) AS scores_differ,
       (SELECT count(*) FROM (TABLE crm.customer_score EXCEPT TABLE score_before) AS d) AS scores_new,
       (SELECT count(*) FROM (TABLE member_before EXCEPT TABLE crm.segment_member) AS d) AS members_differ,
       (SELECT count(*) FROM (TABLE crm.segment_member EXCEPT TABLE member_before) AS d) AS members_new;

-- Hysteresis over time: an order takes a customer out of decline at once; without
-- one fewer go back and forth than by the limits alone.
WITH look AS (
  SELECT s.customer_id, s.as_of, s.frequency, s.recency_days, s.stage,
         omnicrm.lifecycle_stage(s.frequency - 1, s.recency_days, s.tenure_days, s.p_alive, s.p_no_order_90, s.usual_days) AS bare
  FROM crm.customer_score AS s JOIN crm.segment_model USING (as_of)
), step AS (
  SELECT l.*, lag(stage) OVER w AS before, lag(bare) OVER w AS bare_before, lag(frequency) OVER w AS frequency_before
  FROM look AS l WINDOW w AS (PARTITION BY customer_id ORDER BY as_of)
)
SELECT count(*) FILTER (WHERE frequency > frequency_before AND recency_days < 14 AND stage NOT IN ('onboarding', 'active')) AS not_at_once,
       count(*) FILTER (WHERE frequency > frequency_before AND before IN ('at_risk', 'dormant', 'lost') AND stage = 'active') > 20 AS won_back,
       count(*) FILTER (WHERE frequency = frequency_before AND before IN ('at_risk', 'dormant', 'lost') AND stage IN ('active', 'slowing'))
       < count(*) FILTER (WHERE frequency = frequency_before AND bare_before IN ('at_risk', 'dormant', 'lost') AND bare IN ('active', 'slowing')) AS fewer_without_order
FROM step;

-- An earlier day is refused, by segment_customers() the day itself; earlier ones are not.
SELECT crm.refresh_segments('2024-05-31');
SELECT crm.segment_customers('2024-06-01');
SELECT counts -> 'customers' AS customers FROM crm.segment_customers('2024-05-15');
SELECT count(*) AS rows, count(stage) AS stages, count(clv) AS values FROM crm.customer_score WHERE as_of = '2024-05-15';

-- Merged customers: the id that lived closes its periods, the history is one.
SELECT m.customer_id AS one, n.customer_id AS other
FROM crm.segment_member AS m CROSS JOIN crm.segment_member AS n
WHERE m.axis = 'stage' AND n.axis = 'stage' AND m.valid_to IS NULL AND n.valid_to IS NULL AND m.segment = 'active' AND n.segment = 'dormant' AND m.customer_id < n.customer_id
ORDER BY 1, 2 LIMIT 1
\gset
SELECT sum(monetary) AS both_spent FROM crm.customer_score WHERE customer_id IN (:one, :other) AND as_of = '2024-06-01'
\gset
UPDATE crm.customer SET state = 'merged', merged_into = :one WHERE customer_id = :other;
UPDATE crm.customer_member SET customer_id = :one WHERE customer_id = :other;
INSERT INTO crm.customer_redirect (old_id, customer_id) VALUES (:other, :one);
SELECT counts -> 'left' AS periods_closed FROM crm.refresh_segments('2024-06-15');
SELECT * FROM public.broken WHERE count > 0;
SELECT count(*) FILTER (WHERE valid_to IS NULL) AS open, max(valid_to) AS closed FROM crm.segment_member WHERE customer_id = :other;
SELECT monetary = :both_spent AS one_now FROM crm.customer_score WHERE customer_id = :one AND as_of = '2024-06-15';
SELECT segmented_id = :one AS of_the_living, segment, valid_from, valid_to, days FROM crm.segment_periods(:other) WHERE axis = 'stage' AND (valid_to IS NULL OR valid_to > '2024-05-31') ORDER BY valid_from, segmented_id;
SELECT count(*) = (SELECT count(*) FROM crm.segment_member WHERE customer_id IN (:one, :other)) AS all_periods FROM crm.segment_periods(:one);
-- Parted again: the id is in its segments again, after a gap.
UPDATE crm.customer SET state = 'active', merged_into = NULL WHERE customer_id = :other;
DELETE FROM crm.customer_redirect WHERE old_id = :other;
UPDATE crm.customer_member SET customer_id = :other WHERE record_id = :other;
SELECT counts -> 'left' AS periods_closed FROM crm.refresh_segments('2024-07-01');
SELECT rule, count > 0 AS found FROM public.broken WHERE count > 0;
SELECT count(*) FILTER (WHERE valid_to IS NULL AND valid_from = '2024-07-01') > 5 AS open_again FROM crm.segment_member WHERE customer_id = :other;

-- Moves between two days: everybody counts once.
SELECT count(*) > 10 AS kinds, sum(customers) AS customers, sum(revenue_to) = (SELECT sum(monetary) FROM crm.customer_score WHERE as_of = '2024-07-01') AS all_revenue
FROM crm.segment_moves('stage', '2023-06-10', '2024-07-10');
SELECT from_segment, to_segment, customers FROM crm.segment_moves('stage', '2024-06-15', '2024-07-01') WHERE from_segment = 'prospect' OR to_segment = 'new' ORDER BY 1, 2;
SELECT count(*) FROM crm.segment_moves('colour', '2024-06-15', '2024-07-01');
-- On the axis rfm it is segment_migration() between days of refreshes, merged customers too.
SELECT count(*) AS moves, count(*) FILTER (WHERE m.from_segment IS NULL OR m.to_segment IS NULL) > 0 AS come_or_gone,
       bool_and((m.customers, m.revenue_from, m.revenue_to) IS NOT DISTINCT FROM (g.customers, coalesce(g.revenue_from, 0), coalesce(g.revenue_to, 0))) AS as_migration
FROM crm.segment_moves('rfm', '2023-06-01', '2024-07-01') AS m
  FULL JOIN crm.segment_migration('2023-06-01', '2024-07-01') AS g
    ON coalesce(m.from_segment, '') = coalesce(g.from_segment, '') AND coalesce(m.to_segment, '') = coalesce(g.to_segment, '');
SELECT * FROM crm.segment_moves('stage', '2024-07-01', '2024-06-01');
SELECT * FROM crm.segment_moves('stage', '2021-07-01', '2024-06-01');
SELECT * FROM crm.segment_moves('stage', NULL, '2024-06-01');

-- Reports: they tie with each other.
SELECT sum(v.customers) = (SELECT count(*) FROM crm.segment_member WHERE axis = 'stage' AND valid_to IS NULL) AS everybody, sum(v.customer_share) AS share,
       bool_and(f.customers = v.customers) AS funnel_ties
FROM crm_bi.value_by_segment AS v JOIN crm_bi.lifecycle_funnel AS f USING (axis, segment) WHERE axis = 'stage';
SELECT axis, position, segment, customers, customers_ever, advanced, conversion BETWEEN 0 AND 1 AS rate, declined, median_dwell_days FROM crm_bi.lifecycle_funnel ORDER BY axis, position;
SELECT bool_and(m.customers = c.customers) AS movement_is_change, count(*) > 5 AS rows
FROM crm_bi.segment_movement AS m JOIN crm_bi.segment_change AS c
  ON c.moved_on = m.to_as_of AND c.axis = m.axis AND c.from_segment IS NOT DISTINCT FROM m.from_segment AND c.to_segment IS NOT DISTINCT FROM m.to_segment
WHERE m.from_segment IS DISTINCT FROM m.to_segment;
SELECT axis, sum(customers) FILTER (WHERE from_segment IS NOT NULL) AS before, sum(customers) FILTER (WHERE to_segment IS NOT NULL) AS after
FROM crm_bi.segment_movement WHERE axis IN ('stage', 'strategy', 'phase') GROUP BY axis ORDER BY axis;
SELECT segment, customers, revenue, clv > 0 AS worth, mean_p_alive BETWEEN 0 AND 1 AS alive FROM crm_bi.value_by_segment WHERE axis = 'strategy' ORDER BY segment;

-- Key information: what must be known, by phase, and what is missing.
UPDATE crm.customer SET email = 'x@sol-hotel.es' WHERE customer_id % 2 = 0;
UPDATE crm.customer SET kind = 'organisation', tax_id = CASE WHEN customer_id % 4 = 0 THEN 'B1' END WHERE customer_id % 10 = 0;
UPDATE crm.customer SET birth_date = '1980-01-01' WHERE customer_id % 3 = 0;
INSERT INTO crm.consent_event (source_id, event_key, load_id, content_hash, record_id, channel_kind, state, stated_at)
VALUES (1, 'c1', 1, 1, 561, 'email', 'given', '2024-01-01'), (1, 'c2', 1, 2, 562, 'email', 'given', '2024-01-01'), (1, 'c3', 1, 3, 562, 'any', 'withdrawn', '2024-02-01'),
       (1, 'c4', 1, 4, 563, 'email', 'withdrawn', '2024-01-01'), (1, 'c5', 1, 5, 563, 'phone', 'given', '2023-01-01'), (1, 'c6', 1, 6, 564, 'phone', 'refused', '2024-01-01');
SELECT phase, requirement, needed_from, customers, known FROM crm_bi.stage_fill_rate ORDER BY phase, requirement;
SELECT customer_id, phase, string_agg(requirement, ' ' ORDER BY requirement) FILTER (WHERE NOT is_known) AS missing FROM crm_bi.customer_information
WHERE customer_id BETWEEN 559 AND 565 GROUP BY 1, 2 ORDER BY 1;
INSERT INTO crm.stage_requirement (requirement, phase) VALUES ('shoe_size', 'sale');
INSERT INTO crm.stage_requirement (requirement, phase) VALUES ('email', 'decline');
INSERT INTO crm.stage_requirement (requirement, phase) VALUES ('email', 'detection'), ('payment_due', 'acquisition');
DELETE FROM crm.stage_requirement WHERE requirement = 'origin';
SELECT string_agg(DISTINCT requirement, ' ' ORDER BY requirement) AS needed FROM crm_bi.stage_fill_rate;

-- Who asked for restriction, or is erased, is in no segment from then on.
SELECT customer_id AS restricted FROM crm.segment_member WHERE axis = 'stage' AND valid_to IS NULL AND segment = 'active' ORDER BY 1 LIMIT 1
\gset
SELECT customer_id AS erased FROM crm.segment_member WHERE axis = 'stage' AND valid_to IS NULL AND segment = 'active' ORDER BY 1 OFFSET 1 LIMIT 1
\gset
SELECT count(*) AS rows FROM crm.subject_restrict(:restricted, 'letter');
SELECT count(*) AS information FROM crm_bi.customer_information WHERE customer_id = :restricted;
SELECT crm.subject_export(:erased) -> 'tables' -> 'segment_member' -> 0 ?& ARRAY['axis', 'segment', 'valid_from'] AS exported;
SELECT sum(rows) > 0 AS erased FROM crm.subject_erase(:erased, 'letter') WHERE table_name = 'segment_member';
SELECT count(*) AS left_over FROM crm.segment_member WHERE customer_id = :erased;
SELECT counts -> 'customers_not_profiled' AS not_profiled FROM crm.refresh_segments('2024-07-15');
SELECT count(*) FILTER (WHERE valid_to IS NULL) AS open, max(valid_to) AS closed FROM crm.segment_member WHERE customer_id = :restricted;
SELECT count(*) AS scored FROM crm.customer_score WHERE as_of = '2024-07-15' AND customer_id IN (:restricted, :erased);
SELECT rule FROM public.broken WHERE count > 0 AND rule <> 'gap';
SELECT * FROM crm.check_erased();
SELECT count(*) AS rows FROM crm.subject_unrestrict(:restricted, 'letter');
SELECT count(*) FROM crm.refresh_segments('2024-07-15');
SELECT count(*) FILTER (WHERE valid_to IS NULL) > 5 AS open_again FROM crm.segment_member WHERE customer_id = :restricted;
SELECT rule FROM public.broken WHERE count > 0 AND rule <> 'gap';

-- Another model, models that are kept, thresholds of one's own.
SELECT counts ->> 'model' AS model, counts ->> 'reason' AS reason, counts ->> 'model_from' AS model_from FROM crm.refresh_segments('2024-07-15', '{"model": "pareto_nbd"}');
SELECT counts ->> 'model' AS model, counts ->> 'reason' AS reason, counts ->> 'model_from' AS model_from
FROM crm.refresh_segments('2024-07-20', '{"model_from": "2024-06-01", "margin": 0.5, "rate": 0, "horizon_weeks": 104, "thresholds": {"dormant_days": 60}}');
SELECT n.orders_fit = o.orders_fit AS kept, n.margin, n.rate, n.horizon_weeks, n.thresholds ->> 'dormant_days' AS dormant_days
FROM crm.segment_model AS n JOIN crm.segment_model AS o ON o.as_of = '2024-06-01' WHERE n.as_of = '2024-07-20';
SELECT * FROM public.broken WHERE count > 0 AND rule <> 'gap';

-- How strongly each customer is tied, by what the hub knows of lines, channels and
-- recommendations.
INSERT INTO crm.channel (name) VALUES ('web'), ('shop'), ('fair');
INSERT INTO crm.product (product_key, name, category) SELECT 'p' || n, 'p' || n, CASE WHEN n < 6 THEN 'c' || n END FROM generate_series(1, 7) AS n;
UPDATE crm.sales_order SET channel_id = 1 + floor(3 * pg_temp.unit(order_id, 20) ^ 2)::integer WHERE record_id % 4 > 0;
INSERT INTO crm.order_line (order_id, line_key, load_id, content_hash, product_id, revenue)
SELECT order_id, '1', 1, order_id, 1 + floor(7 * pg_temp.unit(order_id, 21))::integer, revenue FROM crm.sales_order WHERE record_id % 5 > 0;
SELECT count(r) FROM crm.add_referral(20, 21, 'ana', 'told us', '2023-01-01') AS r;
SELECT counts -> 'customers' AS customers FROM crm.refresh_segments('2024-07-20', '{"linkage": true}');
SELECT linkage_class, count(*) > 3 AS some, bool_and(linkage_score BETWEEN 0 AND 100) AS on_scale FROM crm.customer_score WHERE as_of = '2024-07-20' GROUP BY 1 ORDER BY 1;
WITH own AS (
  SELECT m.customer_id, o.order_id, o.ordered_at::date AS day, o.revenue, o.channel_id FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id) WHERE o.ordered_at < '2024-07-21'
), stats AS (
  SELECT customer_id, omnicrm.customer_stats(day, revenue) AS s, nullif(count(DISTINCT channel_id), 0) AS channels FROM own GROUP BY 1
), category AS (
  SELECT o.customer_id, nullif(count(DISTINCT p.category), 0) AS categories FROM own AS o JOIN crm.order_line USING (order_id) JOIN crm.product AS p USING (product_id) GROUP BY 1
)
SELECT count(*) > 400 AS many, count(*) FILTER (WHERE (r.linkage_score, r.linkage_class) IS DISTINCT FROM ((l.t).score, (l.t).class)) AS differ,
       count(*) FILTER (WHERE m.segment IS DISTINCT FROM r.linkage_class) AS axis_differs
FROM crm.customer_score AS r
JOIN (SELECT s.customer_id, omnicrm.linkage_score(omnicrm.stats_tenure(s.s, '2024-07-20'), omnicrm.stats_frequency(s.s), omnicrm.stats_interval_cv(s.s), c.categories, s.channels,
                                                  (s.customer_id = 20)::integer) AS t
      FROM stats AS s LEFT JOIN category AS c USING (customer_id)) AS l USING (customer_id)
LEFT JOIN crm.segment_member AS m ON m.customer_id = r.customer_id AND m.axis = 'linkage' AND m.valid_to IS NULL
WHERE r.as_of = '2024-07-20';
SELECT * FROM public.broken WHERE count > 0 AND rule <> 'gap';

-- A fit that does not converge: probabilities are null with a reason, stages go by days.
DELETE FROM crm.payment;
DELETE FROM crm.order_line;
DELETE FROM crm.sales_order WHERE order_key NOT LIKE 'V%-1';
SELECT counts ->> 'converged' AS converged, counts ->> 'reason' AS reason, counts ->> 'spend_reason' AS spend_reason FROM crm.refresh_segments('2024-08-01', '{"thresholds": {"dwell_days": 0}}');
SELECT count(*) > 400 AS scored, count(p_alive) AS p_alive, count(p_no_order_90) AS p_no_order, count(expected_orders) AS expected, count(next_order_on) AS next_order, count(clv) AS clv,
       count(clv_class) AS clv_class, count(*) FILTER (WHERE stage <> omnicrm.lifecycle_stage(frequency - 1, recency_days, tenure_days, NULL, NULL, NULL)) AS not_by_days
FROM crm.customer_score WHERE as_of = '2024-08-01';
SELECT * FROM public.broken WHERE count > 0 AND rule <> 'gap';

-- Who may: a reader reads, a steward refreshes, rules are for administrators.
CREATE ROLE regress_segment_reader;
CREATE ROLE regress_segment_steward;
CREATE ROLE regress_segment_bi;
GRANT regress_segment_reader, regress_segment_steward, regress_segment_bi TO CURRENT_USER;
SELECT crm.grant_access('regress_segment_reader', 'reader'), crm.grant_access('regress_segment_steward', 'steward'), crm.grant_access('regress_segment_bi', 'bi');
SET ROLE regress_segment_bi;
SELECT (SELECT count(*) > 0 FROM crm_bi.segment_movement) AS movement, (SELECT count(*) > 0 FROM crm_bi.lifecycle_funnel) AS funnel,
       (SELECT count(*) > 0 FROM crm_bi.value_by_segment) AS value, (SELECT count(*) > 0 FROM crm_bi.stage_fill_rate) AS fill_rate;
SELECT count(*) FROM crm.segment_member;
SET ROLE regress_segment_reader;
SELECT count(*) > 0 AS reads FROM crm.segment_periods(5);
SELECT count(*) > 0 AS moves FROM crm.segment_moves('stage', '2024-06-15', '2024-07-01');
SELECT crm.refresh_segments('2024-08-02');
SET ROLE regress_segment_steward;
SELECT counts -> 'as_of' AS refreshed FROM crm.refresh_segments('2024-08-02');
UPDATE crm.strategy_rule SET strategy = 'court' WHERE stage = 'new';
RESET ROLE;

-- Strategies of one's own, complete.
UPDATE crm.strategy_rule SET strategy = 'court' WHERE stage = 'lost';
SELECT counts -> 'as_of' AS refreshed FROM crm.refresh_segments('2024-08-02');
SELECT count(*) > 0 AS courted FROM crm.segment_member WHERE axis = 'strategy' AND segment = 'court' AND valid_to IS NULL;
DELETE FROM crm.strategy_rule WHERE stage = 'lost' AND value_class = 'low';
SELECT crm.refresh_segments('2024-08-02');
INSERT INTO crm.strategy_rule VALUES ('lost', 'unknown', 'x');
INSERT INTO crm.strategy_rule VALUES ('prospect', 'low', 'x');
INSERT INTO crm.strategy_rule VALUES ('lost', 'low', '');
INSERT INTO crm.strategy_rule VALUES ('lost', 'low', 'let go');

-- Bad arguments.
SELECT crm.refresh_segments(NULL);
SELECT crm.refresh_segments('-infinity');
SELECT crm.refresh_segments('2024-08-02', '[]');
SELECT crm.refresh_segments('2024-08-02', '{"colour": 1}');
SELECT crm.refresh_segments('2024-08-02', '{"model": "bg_nbd"}');
SELECT crm.refresh_segments('2024-08-02', '{"model": 7}');
SELECT crm.refresh_segments('2024-08-02', '{"model_from": "2020-01-01"}');
SELECT crm.refresh_segments('2024-08-02', '{"horizon_weeks": 0}');
SELECT crm.refresh_segments('2024-08-02', '{"rate": "high"}');
SELECT crm.refresh_segments('2024-08-02', '{"margin": 2}');
SELECT crm.refresh_segments('2024-08-02', '{"linkage": "yes"}');
SELECT crm.refresh_segments('2024-08-02', '{"thresholds": {"new_day": 1}}');
SELECT crm.refresh_segments('2024-08-02', '{"abc_limits": [0.9, 0.8]}');
SELECT crm.refresh_segments('2024-08-02', '{"time_zone": "Mars/Olympus"}');
SELECT counts -> 'as_of' AS nulls_are_defaults FROM crm.refresh_segments('2024-08-02', '{"model": null, "thresholds": null, "rate": null, "margin": null}');
SELECT counts -> 'as_of' AS no_options FROM crm.refresh_segments('2024-08-02', NULL);
UPDATE crm.hub_version SET version = '0.1.0';
SELECT crm.refresh_segments('2024-08-02');
DROP VIEW public.broken;
DROP FUNCTION public.add_customers, public.sell;
DROP SCHEMA crm, crm_bi CASCADE;
DROP ROLE regress_segment_reader;
DROP ROLE regress_segment_steward;
DROP ROLE regress_segment_bi;

-- A hub whose name needs quotes.
SELECT omnicrm.deploy('Shop 2') IS NOT NULL AS deployed;
SELECT counts -> 'customers' AS customers FROM "Shop 2".refresh_segments();
SELECT count(*) FROM "Shop 2_bi".stage_fill_rate;
SELECT omnicrm.upgrade('Shop 2') IS NOT NULL AS upgraded;
DROP SCHEMA "Shop 2", "Shop 2_bi" CASCADE;
