-- Journeys of customers: time line, map with red points, conflicts, funnel, cost of winning.
SET client_min_messages = warning;
SET datestyle = 'ISO';
SET timezone = 'UTC';
SET extra_float_digits = 0;
\set SHOW_CONTEXT never
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

-- An empty hub.
SELECT (SELECT count(*) FROM crm_bi.journey_map) AS map, (SELECT count(*) FROM crm_bi.channel_conflict) AS conflicts, (SELECT count(*) FROM crm_bi.channel_conflict_summary) AS pairs,
       (SELECT count(*) FROM crm_bi.journey_funnel) AS funnel, (SELECT count(*) FROM crm_bi.acquisition_cost) AS cost;
SELECT crm.customer_journey(1);
SELECT crm.channel_conflict(NULL);

-- Customers 1 to 6 have a record each, 1 also record 7; record 8 is nobody's.
INSERT INTO crm.source (name, kind, trust) VALUES ('till', 'shop', 70);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) VALUES (1, 'customer', 'x', '{}');
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, kind, full_name, name_key, quality, payload)
SELECT 1, 'k' || n, 1, n, 'person', 'leak', 'x', repeat('9', 15), '{}' FROM generate_series(1, 8) AS n;
INSERT INTO crm.customer (kind, full_name, record_count, source_count) SELECT 'person', 'leak', 1, 1 FROM generate_series(1, 6);
INSERT INTO crm.customer_member (record_id, customer_id) SELECT n, n FROM generate_series(1, 6) AS n UNION ALL SELECT 7, 1;
INSERT INTO crm.customer (kind, full_name, record_count, source_count, state, merged_into) VALUES ('person', NULL, 0, 0, 'merged', 1);
INSERT INTO crm.customer_redirect (old_id, customer_id) VALUES (7, 1);
INSERT INTO crm.channel (name) VALUES ('Store'), ('Web'), ('Phone'), ('Mail');
INSERT INTO crm.employee (employee_key, name, role) VALUES ('e1', 'Ana', 'advised'), ('e2', 'Luis', 'closed'), ('e3', 'Eva', 'advised');
INSERT INTO crm.campaign (name, channel_id, cost) VALUES ('Spring', 4, 100), ('Clearance', 2, 60), ('Nowhere', NULL, 7);
INSERT INTO crm.product (product_key, name) VALUES ('lamp', 'Lamp'), ('rug', 'Rug');
INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, channel_id, employee_id, role, direction, message_type, campaign_id, phase, emotion, cost)
SELECT 1, n::text, 1, n, record, at::timestamptz, channel, employee, role, direction, type, campaign, phase, emotion, cost
FROM (VALUES
  (1,  1, '2025-01-01 10:00', 4, NULL::integer, NULL, 'outbound', 'newsletter', 1,    'pre-sale',  NULL::integer, 0.10),
  (2,  7, '2025-01-03 10:00', 2, NULL, NULL, 'outbound', 'push',       2,    'pre-sale',  1,    0.20),
  (3,  1, '2025-01-04 10:00', 3, 1,    NULL, 'outbound', 'call',       NULL, 'pre-sale',  1,    3.90),
  (4,  1, '2025-01-05 10:00', 3, 3,    NULL, 'outbound', 'call',       NULL, 'pre-sale',  0,    3.90),
  (5,  1, '2025-01-06 12:00', 1, 2,    NULL, 'inbound',  NULL,         NULL, 'sale',      2,    1.80),
  (6,  1, '2025-01-09 09:00', 3, 1,    'supported', 'inbound', 'complaint', NULL, 'post-sale', -2, 3.90),
  (7,  2, '2025-02-01 10:00', 4, NULL, NULL, 'outbound', 'newsletter', 1,    'pre-sale',  NULL, 0.10),
  (8,  2, '2025-02-08 10:00', 2, NULL, NULL, 'outbound', 'push',       2,    'pre-sale',  NULL, 0.20),
  (9,  3, '2025-02-01 10:00', 4, NULL, NULL, 'outbound', 'newsletter', 1,    'pre-sale',  NULL, 0.10),
  (10, 3, '2025-02-08 10:00:01', 2, NULL, NULL, 'outbound', 'push',    2,    'pre-sale',  NULL, 0.20),
  (11, 4, '2025-03-01 10:00', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0),
  (12, 8, '2025-03-02 10:00', 1, NULL, NULL, 'inbound', NULL, NULL, 'sale', 2, 1.80),
  (13, 8, '2025-03-03 10:00', 1, NULL, NULL, 'inbound', NULL, NULL, 'sale', 1, 1.80)
) AS t(n, record, at, channel, employee, role, direction, type, campaign, phase, emotion, cost)
ORDER BY t.n;
INSERT INTO crm.lead (source_id, lead_key, load_id, content_hash, record_id, created_at, origin, channel_id, brought_by, advised_by, closed_by, won_at, lost_at, sale_key)
VALUES (1, 'L1', 1, 1, 1, '2025-01-02 10:00', 'fair', 4, 2, 1, 2, '2025-01-06 12:00', NULL, 'S1'),
       (1, 'L2', 1, 2, 5, '2025-04-01 10:00', 'fair', 4, NULL, 1, NULL, NULL, '2025-04-11 10:00', NULL),
       (1, 'L3', 1, 3, NULL, '2025-04-02 10:00', 'web', NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, channel_id, employee_id, ordered_at, kind, sale_key, duplicate_of, revenue, currency)
VALUES (1, 'o1', 1, 1, 1, 1, 2,    '2025-01-06 12:30', 'sale',   'S1', NULL, 100.00, 'EUR'),
       (1, 'o2', 1, 2, 7, 2, NULL, '2025-01-10 12:00', 'sale',   'S2', NULL, 80.00,  'EUR'),
       (1, 'o3', 1, 3, 1, 2, NULL, '2025-01-11 12:00', 'return', 'R2', NULL, -80.00, 'EUR'),
       (1, 'o4', 1, 4, 7, 1, NULL, '2025-01-06 12:31', 'sale',   'S1', 1,    100.00, 'EUR'),
       (1, 'o5', 1, 5, 2, 1, NULL, '2025-02-08 09:00', 'sale',   'S5', NULL, 30.00,  'EUR'),
       (1, 'o6', 1, 6, 6, 1, NULL, '2025-05-01 09:00', 'sale',   'S6', NULL, 20.00,  'EUR'),
       (1, 'o7', 1, 7, 8, 1, NULL, '2025-05-02 09:00', 'sale',   'S7', NULL, 10.00,  'EUR');
INSERT INTO crm.order_line (order_id, line_key, load_id, content_hash, product_id, quantity, revenue)
VALUES (1, '1', 1, 1, 1, 2, 80), (1, '2', 1, 2, 2, 1, 20), (2, '1', 1, 3, 1, 2, 60), (2, '2', 1, 4, 2, 1, 20);
INSERT INTO crm.service_case (source_id, case_key, load_id, content_hash, record_id, channel_id, employee_id, opened_at, closed_at, subject, satisfaction)
VALUES (1, 'c1', 1, 1, 7, 3, 1, '2025-01-09 09:05', '2025-01-09 11:00', 'leak', 2), (1, 'c2', 1, 2, 1, 3, 1, '2025-01-10 08:00', NULL, 'leak', 4),
       (1, 'c3', 1, 3, 1, 3, 1, '2025-01-10 09:01', NULL, 'leak', 1), (1, 'c4', 1, 4, 2, 3, 1, '2025-02-10 09:01', NULL, 'leak', 5);

-- One time line, by any id.
SELECT journey_position AS n, at, event, channel, employee, role, phase, emotion AS emo, satisfaction AS sat, cost, revenue, round(days_since::numeric, 3) AS days FROM crm.customer_journey(1);
SELECT journey_position AS n, direction, message_type, campaign FROM crm.customer_journey(1) WHERE direction IS NOT NULL;
SELECT (SELECT jsonb_agg(j) FROM crm.customer_journey(7) AS j) = (SELECT jsonb_agg(j) FROM crm.customer_journey(1) AS j) AS same_by_old_id;
SELECT journey_position AS n, at, event, employee, role, days_since AS days FROM crm.customer_journey(5);
SELECT count(*) AS none FROM crm.customer_journey(99);

-- The map: every touch once, its cost, who felt worse or better, the next touch, cases.
SELECT phase, touchpoint, touches AS n, customers AS cust, cost, emotion, cases, case_satisfaction AS sat, median_hours_to_next AS hours, worse, better, customers_worse AS cw, customers_better AS cb,
       p_value AS p, p_adjusted AS adjusted, is_red_point AS red
FROM crm_bi.journey_map ORDER BY phase, touchpoint;
SELECT (SELECT sum(touches) FROM crm_bi.journey_map) = (SELECT count(*) FROM crm.touch) AS touches_tie, (SELECT sum(cost) FROM crm_bi.journey_map) = (SELECT sum(cost) FROM crm.touch) AS costs_tie;

-- Conflicts: seven days to the second; roles and prices that differ.
SELECT * FROM crm_bi.channel_conflict ORDER BY customer_id, kind, first_at, product_id;
SELECT * FROM crm_bi.channel_conflict_summary ORDER BY channel_a, channel_b, kind;
SELECT * FROM crm.channel_conflict(7);
SELECT count(*) AS none FROM crm.channel_conflict(3);

-- The funnel.
SELECT * FROM crm_bi.journey_funnel ORDER BY step;

-- What winning a customer costs; it ties with channel_balance.
SELECT * FROM crm_bi.acquisition_cost ORDER BY channel, campaign;
SELECT coalesce(b.channel, a.channel) AS channel_that_differs, b.cost, a.cost
FROM (SELECT channel, sum(touches) AS touches, sum(touch_cost) AS touch_cost, sum(campaign_cost) AS campaign_cost, sum(cost) AS cost FROM crm_bi.acquisition_cost GROUP BY 1) AS a
  FULL JOIN crm_bi.channel_balance AS b ON b.channel = a.channel
WHERE (coalesce(a.touches, 0), coalesce(a.touch_cost, 0), coalesce(a.campaign_cost, 0), coalesce(a.cost, 0))
      IS DISTINCT FROM (coalesce(b.touches, 0), coalesce(b.touch_cost, 0), coalesce(b.campaign_cost, 0), coalesce(b.cost, 0));

-- A role with nothing but the reports reads all of it, and no name of a customer.
CREATE ROLE regress_omnicrm_journey;
GRANT regress_omnicrm_journey TO CURRENT_USER;
SELECT crm.grant_access('regress_omnicrm_journey', 'bi');
SET ROLE regress_omnicrm_journey;
SELECT (SELECT count(*) FROM crm_bi.journey_map AS v WHERE v::text NOT LIKE '%leak%') AS map, (SELECT count(*) FROM crm_bi.channel_conflict AS v WHERE v::text NOT LIKE '%leak%') AS conflicts,
       (SELECT count(*) FROM crm_bi.channel_conflict_summary) AS pairs, (SELECT count(*) FROM crm_bi.journey_funnel) AS funnel, (SELECT count(*) FROM crm_bi.acquisition_cost) AS cost;
SELECT count(*) FROM crm.customer_journey(1);
RESET ROLE;
SELECT crm.revoke_access('regress_omnicrm_journey');
DROP ROLE regress_omnicrm_journey;

-- Restricted: no profile, so no conflict; the time line is there for who serves the customer. Erased: nothing of both, and sums stay.
CREATE TABLE map_before AS TABLE crm_bi.journey_map;
SELECT * FROM crm.subject_restrict(2, 'request 1');
SELECT count(*) AS conflicts, (SELECT count(*) FROM crm.channel_conflict(2)) AS by_key, (SELECT count(*) FROM crm.customer_journey(2)) AS events FROM crm_bi.channel_conflict WHERE customer_id = 2;
SELECT count(*) > 0 AS erased FROM crm.subject_erase(1, 'request 2');
SELECT count(*) AS conflicts, (SELECT count(*) FROM crm.channel_conflict(1)) AS by_key, (SELECT count(*) FROM crm.customer_journey(7)) AS events FROM crm_bi.channel_conflict WHERE customer_id = 1;
SELECT count(*) AS changed FROM (TABLE crm_bi.journey_map EXCEPT TABLE map_before) AS d;
DROP TABLE map_before;

-- A red point: of 40 customers who left the store happy, 33 are less so after a call and 7 more; what falls by chance is none.
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, kind, name_key, quality, payload)
SELECT 1, 'r' || n, 1, n, 'person', 'x', repeat('9', 15), '{}' FROM generate_series(1, 40) AS n;
INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, channel_id, message_type, phase, emotion)
SELECT 1, concat('r', r.record_id, '-', x.n), 1, x.n, r.record_id, timestamptz '2025-06-01' + x.n * interval '6 hours', x.channel, x.type, 'sale', x.emotion
FROM crm.source_record AS r
CROSS JOIN LATERAL (SELECT substr(r.source_key, 2)::integer AS i) AS k
CROSS JOIN LATERAL (VALUES (1, 1, 'visit', 1), (2, 3, 'call', CASE WHEN i <= 33 THEN 0 ELSE 2 END),
                           (3, 2, 'chat', CASE WHEN i <= 33 THEN 0 ELSE 2 END + CASE WHEN i % 2 = 0 AND i <= 33 THEN 1 ELSE -1 END)) AS x(n, channel, type, emotion)
WHERE r.source_key LIKE 'r%';
SELECT touchpoint, touches, emotion, worse, better, customers_worse AS cw, customers_better AS cb, p_value, p_adjusted, is_red_point AS red, median_hours_to_next AS hours
FROM crm_bi.journey_map WHERE phase = 'sale' AND message_type <> 'none given' ORDER BY touchpoint;
SELECT omnicrm.sign_test(33, 7) AS p;

-- Pictures.
SELECT omnicrm.svg_journey_map(jsonb_agg(m)) LIKE '<svg%Red ring: a red point%' AS map FROM (SELECT phase, touchpoint, touches AS volume, emotion AS satisfaction, is_red_point AS red_point FROM crm_bi.journey_map) AS m;
SELECT omnicrm.svg_funnel(jsonb_agg(f)) LIKE '<svg%ordered again%' AS funnel FROM crm_bi.journey_funnel AS f;

-- Random touches of ten customers with four records each: conflicts and changes of mood as plain SQL finds them.
INSERT INTO crm.customer (kind, record_count, source_count) SELECT 'person', 4, 1 FROM generate_series(1, 10);
INSERT INTO crm.customer_member (record_id, customer_id)
SELECT r.record_id, (SELECT max(c.customer_id) FROM crm.customer AS c) - r.record_id % 10 FROM crm.source_record AS r WHERE r.source_key LIKE 'r%';
INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, channel_id, campaign_id, employee_id, direction, phase, emotion)
SELECT 1, 'x' || n, 1, n, (SELECT max(r.record_id) FROM crm.source_record AS r) - h % 40, timestamptz '2025-07-01' + (h / 41 % 1500) * interval '2 hours',
       nullif(h / 7 % 5, 0), nullif(h / 11 % 4, 0), nullif(h / 13 % 4, 0), CASE WHEN h / 17 % 3 > 0 THEN 'outbound' END, CASE WHEN h / 19 % 2 = 0 THEN 'pre-sale' END,
       CASE WHEN h / 23 % 3 > 0 THEN h / 29 % 5 - 2 END
FROM generate_series(1, 900) AS n, LATERAL (SELECT (hashint4extended(n, 7) & 2147483647)::integer AS h) AS x;
CREATE TEMP VIEW outbound AS
SELECT m.customer_id, t.* FROM crm.touch AS t JOIN crm.customer_member AS m USING (record_id) JOIN crm.customer AS c USING (customer_id)
WHERE t.direction = 'outbound' AND c.state = 'active' AND NOT EXISTS (SELECT FROM crm.restricted_customer AS r WHERE r.customer_id = c.customer_id);
CREATE TEMP VIEW told AS SELECT customer_id, earlier_channel_id, later_channel_id, earlier_campaign_id, later_campaign_id, pairs, days_apart, first_at, last_at FROM crm_bi.channel_conflict WHERE kind = 'two campaigns';
CREATE TEMP VIEW plain AS
SELECT a.customer_id, a.channel_id, b.channel_id AS later_channel_id, a.campaign_id, b.campaign_id AS later_campaign_id, count(*) AS pairs, min(extract(epoch FROM b.occurred_at - a.occurred_at) / 86400)::float8 AS days_apart, min(a.occurred_at) AS first_at, max(b.occurred_at) AS last_at
FROM outbound AS a JOIN outbound AS b USING (customer_id)
WHERE a.campaign_id <> b.campaign_id AND b.occurred_at - a.occurred_at <= interval '7 days' AND (a.occurred_at < b.occurred_at OR a.occurred_at = b.occurred_at AND a.touch_id < b.touch_id)
GROUP BY 1, 2, 3, 4, 5;
SELECT (SELECT sum(pairs) > 500 FROM plain) AS enough, count(*) AS differences FROM ((TABLE told EXCEPT ALL TABLE plain) UNION ALL (TABLE plain EXCEPT ALL TABLE told)) AS d;
SELECT count(*) AS differences
FROM (SELECT c.customer_id, count(*) AS n FROM crm_bi.channel_conflict AS c GROUP BY 1) AS v FULL JOIN (SELECT c.customer_id, count(*) AS n FROM crm.customer AS c, LATERAL crm.channel_conflict(c.customer_id) GROUP BY 1) AS f USING (customer_id)
WHERE v.n IS DISTINCT FROM f.n;
WITH felt AS (
  SELECT t.*, coalesce(m.customer_id, -t.record_id) AS who FROM crm.touch AS t LEFT JOIN crm.customer_member AS m USING (record_id)
), changed AS (
  SELECT f.phase, f.channel_id, f.message_type, f.who, sign(f.emotion - (SELECT b.emotion FROM felt AS b WHERE b.who = f.who AND b.emotion IS NOT NULL AND (b.occurred_at, b.touch_id) < (f.occurred_at, f.touch_id)
                                                                  ORDER BY b.occurred_at DESC, b.touch_id DESC LIMIT 1)) AS change
  FROM felt AS f
), by_customer AS (
  SELECT phase, channel_id, message_type, who, count(*) FILTER (WHERE change < 0) AS worse, count(*) FILTER (WHERE change > 0) AS better FROM changed GROUP BY 1, 2, 3, 4
), plain AS (
  SELECT coalesce(phase, 'unknown') AS phase, channel_id, coalesce(message_type, 'none given') AS message_type, sum(worse) AS worse, sum(better) AS better, count(*) FILTER (WHERE worse > better) AS down,
         count(*) FILTER (WHERE worse < better) AS up, count(*) AS customers
  FROM by_customer GROUP BY 1, 2, 3
)
SELECT count(*) > 10 AS enough, count(*) FILTER (WHERE (p.worse, p.better, p.down, p.up, p.customers) IS DISTINCT FROM (m.worse, m.better, m.customers_worse, m.customers_better, m.customers)) AS differences
FROM plain AS p FULL JOIN crm_bi.journey_map AS m ON m.phase = p.phase AND m.message_type = p.message_type AND coalesce(m.channel_id, -1) = coalesce(p.channel_id, -1);

-- The same whatever the plan.
CREATE FUNCTION pg_temp.all_of_it() RETURNS text LANGUAGE sql AS $$
  SELECT md5(concat((SELECT jsonb_agg(m ORDER BY m) FROM crm_bi.journey_map AS m), (SELECT jsonb_agg(m ORDER BY m) FROM crm_bi.channel_conflict AS m), (SELECT jsonb_agg(m ORDER BY m) FROM crm_bi.journey_funnel AS m),
                    (SELECT jsonb_agg(m ORDER BY m) FROM crm_bi.acquisition_cost AS m)))
$$;
SELECT pg_temp.all_of_it() AS before \gset
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET enable_hashagg = off;
SELECT pg_temp.all_of_it() = :'before' AS same;
RESET enable_hashjoin;
RESET enable_mergejoin;
RESET enable_hashagg;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 3;
SELECT pg_temp.all_of_it() = :'before' AS same;

DROP SCHEMA crm, crm_bi CASCADE;
