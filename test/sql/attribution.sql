-- crm.attribute(): credits of the touches that led to each order.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
\set VERBOSITY terse
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

-- Two sources, three persons of whom the first is known to both, channels, staff.
INSERT INTO crm.source (name, kind, trust) VALUES ('web', 'web', 60), ('store', 'shop', 80);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) VALUES (1, 'any', 'test', '{}'), (2, 'any', 'test', '{}');
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload)
VALUES (1, 'W1', 1, 0, '', '{}'), (2, 'S1', 2, 0, '', '{}'), (1, 'W2', 1, 0, '', '{}'), (1, 'W3', 1, 0, '', '{}'), (1, 'W4', 1, 0, '', '{}');
INSERT INTO crm.customer (full_name) VALUES ('Ana'), ('Ana again'), ('Bruno'), ('Clara');
-- Record 5 belongs to nobody yet; records 1 and 2 are not known to be one person.
INSERT INTO crm.customer_member (record_id, customer_id) VALUES (1, 1), (2, 2), (3, 3), (4, 4);
INSERT INTO crm.channel (name, kind) VALUES ('newsletter', 'e-mail'), ('web shop', 'web'), ('store', 'shop'), ('never used', 'other');
INSERT INTO crm.employee (employee_key, name, role) VALUES ('E1', 'Eva', 'brought'), ('E2', 'Olaf', 'closed');
INSERT INTO crm.campaign (name, channel_id, cost) VALUES ('spring', 1, 25.00);
CREATE FUNCTION touch(id text, source integer, record bigint, at timestamptz, channel integer, employee integer, role text DEFAULT NULL,
                      phase text DEFAULT 'pre-sale', campaign integer DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, channel_id, employee_id, role, phase, cost, campaign_id)
  VALUES (source, id, source, 0, record, at, channel, employee, role, phase, 1.50, campaign)
$$;
CREATE FUNCTION sale(id text, source integer, record bigint, at timestamptz, revenue numeric, kind text DEFAULT 'sale',
                     returns text DEFAULT NULL, channel integer DEFAULT 3) RETURNS void LANGUAGE sql AS $$
  INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, channel_id, ordered_at, kind, sale_key, revenue, currency, returns_key)
  VALUES (source, id, source, 0, record, channel, at, kind, id, revenue, 'EUR', returns)
$$;
SELECT touch('T1', 1, 1, '2026-01-01 10:00', 1, NULL, NULL, 'pre-sale', 1),
       touch('T2', 1, 1, '2026-01-10 10:00', 2, NULL),
       touch('T3', 2, 2, '2026-01-20 10:00', 3, 2, NULL),
       touch('T4', 2, 2, '2026-01-22 10:00', 3, 1, 'advised', 'post-sale'),
       touch('T5', 1, 3, '2026-02-01 10:00', NULL, NULL),
       touch('T6', 1, 4, '2025-06-01 10:00', 1, NULL),
       touch('T7', 1, 5, '2026-02-01 10:00', 2, 1) \g /dev/null
SELECT sale('A1', 2, 2, '2026-01-20 10:05', 100.01),          -- store record of Ana
       sale('A2', 2, 2, '2026-01-25 10:00', 40),              -- after the post-sale touch
       sale('B1', 1, 3, '2026-02-01 09:59:59', 10),           -- before the touch: nobody led to it
       sale('B2', 1, 3, '2026-02-03 10:00', 20),              -- touch without channel
       sale('C1', 1, 4, '2026-02-03 10:00', 7.77),            -- touch too old
       sale('N1', 1, 5, '2026-02-04 10:00', 5),               -- record without customer
       sale('R1', 2, 2, '2026-02-10 10:00', -100.01, 'return', 'A1'),
       sale('R2', 1, 3, '2026-02-10 10:00', -3, 'return', 'unknown sale') \g /dev/null
-- A return to the other source than that of the sale, by the sale's key or by its order's.
SELECT sale('B3', 2, 3, '2025-12-01', 9), sale('R3', 1, 3, '2026-02-11', -2, 'return', 'B3'), sale('return:B3', 1, 3, '2026-02-12', -1, 'return') \g /dev/null
UPDATE crm.sales_order SET sale_key = 'store:B3' WHERE order_key = 'B3';
SELECT o.order_key, s.order_key AS takes_back
FROM crm.return_original AS x JOIN crm.sales_order AS o USING (order_id) LEFT JOIN crm.sales_order AS s ON s.order_id = x.original_id
ORDER BY o.order_key COLLATE "C";
UPDATE crm.sales_order SET sale_key = 'B3' WHERE order_key = 'B3';
SELECT o.order_key, s.order_key AS takes_back
FROM crm.return_original AS x JOIN crm.sales_order AS o USING (order_id) LEFT JOIN crm.sales_order AS s ON s.order_id = x.original_id
ORDER BY o.order_key COLLATE "C";
DELETE FROM crm.sales_order WHERE 'B3' IN (order_key, returns_key) OR order_key = 'return:B3';
-- The same sale told by a second source counts once.
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, channel_id, ordered_at, sale_key, duplicate_of, revenue, currency)
VALUES (1, 'A1-web', 1, 0, 1, 2, '2026-01-20 10:05', 'A1', 1, 100.01, 'EUR');

CREATE VIEW credits AS
SELECT o.order_key, c.position, t.event_key, c.touches, c.credit_first, c.credit_last, c.credit_linear, c.credit_position
FROM crm.attribution_credit AS c
  JOIN crm.sales_order AS o USING (order_id)
  LEFT JOIN crm.touch AS t ON t.touch_id = c.touch_id
WHERE c.attribution_run_id = crm.attribution_run_or_newest(NULL)
ORDER BY o.order_key COLLATE "C", c.position;

SELECT attribution_run_id, ordered_from, ordered_to, lookback, orders, returns, credits, revenue, unattributed
FROM crm.attribute('2026-01-01', '2026-03-01');
SELECT * FROM credits;
SELECT sum(credit_first) AS first, sum(credit_last) AS last, sum(credit_linear) AS linear, sum(credit_position) AS position FROM credits;
SELECT * FROM crm.attribution_by_channel();
SELECT * FROM crm.attribution_by_employee();

-- The same again: the same run, no row touched.
CREATE TEMP TABLE before AS SELECT c.ctid::text AS place, c.xmin::text AS writer, c.* FROM crm.attribution_credit AS c;
SELECT attribution_run_id, credits FROM crm.attribute('2026-01-01', '2026-03-01', '90 days');
SELECT attribution_run_id, credits FROM crm.attribute('2026-01-01', '2026-03-01', '3 months');
SELECT count(*) AS rewritten FROM (SELECT c.ctid::text AS place, c.xmin::text AS writer, c.* FROM crm.attribution_credit AS c EXCEPT TABLE before) AS d;
-- What somebody changed by hand comes right again.
UPDATE crm.attribution_credit SET credit_linear = credit_linear + 1 WHERE position = 1;
SELECT attribution_run_id, credits FROM crm.attribute('2026-01-01', '2026-03-01');
SELECT count(*) AS differences
FROM (SELECT order_id, touch_id, position, touches, credit_first, credit_last, credit_linear, credit_position FROM crm.attribution_credit
      EXCEPT SELECT order_id, touch_id, position, touches, credit_first, credit_last, credit_linear, credit_position FROM before) AS d;

-- Identity joined late: the two Anas are one, and the newsletter gets its part.
UPDATE crm.customer_member SET customer_id = 1 WHERE customer_id = 2;
SELECT attribution_run_id, credits, revenue, unattributed FROM crm.attribute('2026-01-01', '2026-03-01');
SELECT * FROM credits WHERE order_key IN ('A1', 'A2', 'R1');

-- A return whose sale lies before the window.
SELECT orders, returns, credits, revenue, unattributed FROM crm.attribute('2026-02-05', '2026-03-01');
SELECT * FROM credits;
-- Another lookback is another run; lookback 0 credits touches of the same instant only.
SELECT orders, credits, revenue, unattributed, lookback FROM crm.attribute('2026-01-01', '2026-03-01', '0');
SELECT orders, credits, revenue, unattributed, lookback FROM crm.attribute('2026-01-01', '2026-03-01', '1 year 36 hours');
SELECT orders, credits, revenue, unattributed FROM crm.attribute('2020-01-01', '2020-03-01');
SELECT count(*) AS runs FROM crm.attribution_run;
SELECT crm.drop_attribution(attribution_run_id) FROM crm.attribution_run WHERE lookback = '0';
SELECT crm.drop_attribution(99999);

-- Reports show each order by the newest run that covers it, and tie to the revenue.
SELECT crm.attribute('2026-01-01', '2026-03-01') IS NOT NULL AS again;
SELECT count(*) AS rows, sum(credit_first) AS first, sum(credit_last) AS last, sum(credit_linear) AS linear, sum(credit_position) AS position
FROM crm_bi.fact_attribution;
SELECT order_id, customer_id, kind, order_date, touch_id, touch_date, channel_id, employee_id, role, campaign_id, phase, round(days_before_sale::numeric, 3) AS days_before_sale, position, touches, credit_linear
FROM crm_bi.fact_attribution ORDER BY order_id, position;
SELECT channel_id, channel, touches, touch_cost, campaign_cost, cost, orders, revenue, orders_touched, credit_first, credit_last, credit_linear, credit_position,
       cost_per_order, balance
FROM crm_bi.channel_balance ORDER BY channel COLLATE "C";
SELECT (SELECT sum(credit_linear) FROM crm_bi.channel_balance) = (SELECT revenue FROM crm.attribution_run ORDER BY ran_at DESC LIMIT 1) AS balance_ties,
       (SELECT sum(revenue) FROM crm_bi.channel_balance) = (SELECT sum(revenue) FROM crm_bi.fact_order) AS revenue_ties;

-- All models that touches can be credited by, each to the cent; the order of their
-- names plays no part, and other options are another run beside the first.
SELECT attribution_run_id AS every, models, options, credits, revenue, unattributed
FROM crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"models": ["shapley", "first", "last", "last_non", "u_shaped", "w_shaped", "j_shaped", "inverse_j",
  "custom", "role", "time_decay", "participation", "same_touch", "linear"], "non": "newsletter", "weights": [5, 3, 2], "roles": {"brought": 2, "advised": 1}}') \gset
SELECT :'models' AS models, :'options' AS options;
SELECT attribution_run_id = :every AS same_run
FROM crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"weights": [5, 3, 2], "roles": {"advised": 1, "brought": 2}, "non": "newsletter", "models": ["time_decay",
  "participation", "same_touch", "linear", "shapley", "first", "last", "last_non", "u_shaped", "w_shaped", "j_shaped", "inverse_j", "custom", "role"]}');
SELECT o.order_key, c.position, t.event_key, c.touches, c.credit_last_non, c.credit_w_shaped, c.credit_j_shaped, c.credit_inverse_j, c.credit_custom, c.credit_role,
       c.credit_time_decay, c.credit_participation, c.credit_same_touch, c.credit_shapley
FROM crm.attribution_credit AS c JOIN crm.sales_order AS o USING (order_id) LEFT JOIN crm.touch AS t ON t.touch_id = c.touch_id
WHERE c.attribution_run_id = :every ORDER BY o.order_key COLLATE "C", c.position;
SELECT by_what, model, sum(credit) = :revenue AS ties, count(*) AS rows
FROM unnest(ARRAY['channel', 'campaign', 'employee', 'role', 'message_type', 'phase']) AS b(by_what) CROSS JOIN LATERAL crm.attribution_report(by_what, :every)
WHERE model <> 'participation'
GROUP BY by_what, model HAVING sum(credit) <> :revenue OR by_what = 'channel' ORDER BY by_what, model COLLATE "C";
SELECT * FROM crm.attribution_report('channel', :every) WHERE model IN ('same_touch', 'shapley', 'participation');
SELECT * FROM crm.attribution_by_channel(:every) ORDER BY channel COLLATE "C";
SELECT channel, orders_touched, credit_first, credit_last, credit_linear, credit_position FROM crm_bi.channel_balance ORDER BY channel COLLATE "C";
-- All journeys together: sales without returns; every model adds up to the same.
SELECT model, round(sum(sales), 3) AS sales, sum(revenue) AS revenue, count(*) AS actors FROM crm_bi.attribution_comparison GROUP BY model ORDER BY model COLLATE "C";
SELECT actor, round(sales, 3) AS sales, revenue, round(revenue_share::numeric, 4) AS share, standard_error IS NOT NULL AS has_error, revenue_low <= revenue AND revenue <= revenue_high AS inside
FROM crm_bi.attribution_comparison WHERE model = 'markov' ORDER BY actor COLLATE "C";
SELECT step, source, target, journeys, journeys_with_sale FROM crm_bi.journey_flow ORDER BY step, source COLLATE "C", target COLLATE "C";
SELECT first_channel, sales, mean_touches, round(mean_days::numeric, 3) AS mean_days, round(half_within_days::numeric, 3) AS median, round(longest_days::numeric, 3) AS longest
FROM crm_bi.time_to_convert ORDER BY first_channel COLLATE "C";
SELECT left(omnicrm.svg_model_comparison((SELECT jsonb_agg(jsonb_build_object('channel', actor, 'model', model, 'value', revenue)) FROM crm_bi.attribution_comparison WHERE model IN ('first', 'last', 'markov'))), 4) AS picture,
       left(omnicrm.svg_sankey((SELECT jsonb_agg(jsonb_build_object('step', step, 'source', source, 'target', target, 'value', journeys)) FROM crm_bi.journey_flow)), 4) AS ways;
-- Employees as actors, no chain.
SELECT models FROM crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"models": ["shapley"], "actor": "employee", "markov_order": 0}');
SELECT model, actor_kind, actor, round(sales, 3) AS sales, revenue FROM crm_bi.attribution_comparison ORDER BY model COLLATE "C", actor COLLATE "C";
SELECT * FROM crm.attribution_by_channel() ORDER BY channel COLLATE "C";
SELECT crm.drop_attribution(attribution_run_id) > 0 AS dropped FROM crm.attribution_run WHERE options ->> 'actor' = 'employee';
SELECT count(*) FROM crm.attribution_actor_credit AS c WHERE NOT EXISTS (SELECT FROM crm.attribution_run AS r WHERE r.attribution_run_id = c.attribution_run_id);

-- A customer who did not buy changes no credit of an order, but the ways of all
-- and what the chain counts; without a change no row of them is written.
SELECT attribution_run_id AS again FROM crm.attribute('2026-01-01', '2026-03-01') \gset
CREATE TEMP TABLE told AS SELECT c.ctid::text AS place, c.xmin::text AS writer, c.* FROM crm.attribution_actor_credit AS c WHERE attribution_run_id = :again;
CREATE TEMP TABLE ways AS SELECT f.ctid::text AS place, f.xmin::text AS writer, f.* FROM crm.attribution_flow AS f WHERE attribution_run_id = :again;
SELECT attribution_run_id = :again AS same_run FROM crm.attribute('2026-01-01', '2026-03-01');
SELECT (SELECT count(*) FROM (SELECT c.ctid::text, c.xmin::text, c.* FROM crm.attribution_actor_credit AS c WHERE attribution_run_id = :again EXCEPT TABLE told) AS d) AS credits_written,
       (SELECT count(*) FROM (SELECT f.ctid::text, f.xmin::text, f.* FROM crm.attribution_flow AS f WHERE attribution_run_id = :again EXCEPT TABLE ways) AS d) AS ways_written;
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload) VALUES (1, 'W5', 1, 0, '', '{}');
SELECT touch('T8', 1, 6, '2026-02-20 10:00', 1, NULL) \g /dev/null
SELECT attribution_run_id = :again AS same_run FROM crm.attribute('2026-01-01', '2026-03-01');
SELECT step, from_actor, to_actor, conversions, nulls
FROM (SELECT step, from_actor, to_actor, conversions, nulls FROM crm.attribution_flow WHERE attribution_run_id = :again
      EXCEPT SELECT step, from_actor, to_actor, conversions, nulls FROM ways) AS f ORDER BY step, from_actor, to_actor;
DELETE FROM crm.touch WHERE event_key = 'T8';
SELECT attribution_run_id = :again AS same_run FROM crm.attribute('2026-01-01', '2026-03-01');
SELECT count(*) AS differences
FROM (SELECT step, from_actor, to_actor, conversions, nulls FROM crm.attribution_flow WHERE attribution_run_id = :again
      EXCEPT SELECT step, from_actor, to_actor, conversions, nulls FROM ways) AS f;

-- Bad input.
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '[]');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"models": "first"}');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"models": []}');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"models": ["best"]}');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"half-life": "1 day"}');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"half_life": "soon"}');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"lookback": "1 day"}');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"actor": "customer"}');
SELECT crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"markov_order": 5}');
SELECT models FROM crm.attribute('2026-01-01', '2026-03-01', '90 days', '{"models": ["custom"]}');
SELECT crm.attribution_report('customer');
SELECT crm.attribute('2026-03-01', '2026-01-01');
SELECT crm.attribute('2026-03-01', NULL);
SELECT crm.attribute('-infinity', '2026-01-01');
SELECT crm.attribute('2026-01-01', '2026-03-01', NULL);
SELECT crm.attribute('2026-01-01', '2026-03-01', '-1 day');
SELECT * FROM crm.attribution_by_channel(4711);
DROP FUNCTION touch, sale;
DROP VIEW credits;
DROP SCHEMA crm, crm_bi CASCADE;
