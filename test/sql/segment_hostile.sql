-- Segmentation of hubs with few, odd and impossible orders: a right result or a clear error.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET datestyle = 'ISO';
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60) \g /dev/null
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) VALUES (1, 'order', 'test', '{}');
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload)
SELECT 1, n, 1, n, '000000000000000', '{}' FROM generate_series(1, 200) AS n ORDER BY n;
INSERT INTO crm.customer (full_name) SELECT 'Customer ' || n FROM generate_series(1, 200) AS n ORDER BY n;
INSERT INTO crm.customer_member (record_id, customer_id, home_id) SELECT n, n, n FROM generate_series(1, 200) AS n;

-- The orders of a case, as (customer, day, amount); a negative amount is a return.
CREATE FUNCTION public.orders(query text, currency text DEFAULT 'EUR')
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  TRUNCATE crm.sales_order, crm.customer_score, crm.segment_member, crm.segment_model, crm.rfm_cut CASCADE;
  EXECUTE format('INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, revenue, gross_margin, currency)
                  SELECT 1, row_number() OVER (), 1, 1, customer, day::timestamptz, CASE WHEN amount < 0 THEN ''return'' ELSE ''sale'' END, row_number() OVER (), amount, amount::numeric / 4, %L
                  FROM (%s) AS o(customer, day, amount)', currency, query);
END
$$;
-- What a refresh found, and what breaks a rule: numbers that are none, scores off the scale, sums that do not meet, periods that are not those of the scores.
CREATE FUNCTION public.refreshed(as_of date, options jsonb DEFAULT '{}')
RETURNS TABLE (customers bigint, reason text, spend_reason text, stages text, broken bigint)
LANGUAGE plpgsql
AS $$
DECLARE
  counts jsonb;
BEGIN
  counts := (SELECT r.counts FROM crm.refresh_segments(as_of, options) AS r);
  RETURN QUERY
  SELECT (counts ->> 'customers')::bigint, counts ->> 'reason', counts ->> 'spend_reason',
         (SELECT string_agg(concat(s.stage, ' ', s.n), ', ' ORDER BY s.stage) FROM (SELECT c.stage, count(*) AS n FROM crm.customer_score AS c WHERE c.as_of = refreshed.as_of GROUP BY c.stage) AS s),
         (SELECT count(*) FROM crm.customer_score AS s
          WHERE s.as_of = refreshed.as_of AND NOT (s.r BETWEEN 1 AND 5 AND s.f BETWEEN 1 AND 5 AND s.m BETWEEN 1 AND 5 AND s.recency_days BETWEEN 0 AND s.tenure_days
                     AND coalesce(s.p_alive BETWEEN 0 AND 1 AND s.p_no_order_90 BETWEEN 0 AND 1 AND s.expected_orders BETWEEN 0 AND 1e6, s.p_alive IS NULL)
                     AND coalesce(s.clv BETWEEN 0 AND 1e15, true) AND s.revenue_share BETWEEN 0 AND 1 AND s.stage IS NOT NULL AND s.strategy IS NOT NULL))
         + (SELECT count(*) FROM (SELECT sum(s.revenue_share) AS share, max(s.monetary) AS best FROM crm.customer_score AS s WHERE s.as_of = refreshed.as_of) AS t WHERE t.best > 0 AND abs(t.share - 1) > 1e-9 AND
            NOT EXISTS (SELECT FROM crm.customer_score AS l WHERE l.as_of = refreshed.as_of AND l.monetary < 0))
         + abs((counts ->> 'revenue')::numeric - (counts ->> 'revenue_of_returns_only')::numeric - (SELECT coalesce(sum(s.monetary), 0) FROM crm.customer_score AS s WHERE s.as_of = refreshed.as_of))::bigint
         + (SELECT count(*) FROM crm.segment_member AS m LEFT JOIN crm.customer_score AS s ON s.customer_id = m.customer_id AND s.as_of = refreshed.as_of
            WHERE m.valid_to IS NULL AND m.axis = 'stage' AND m.segment <> coalesce(s.stage, 'prospect'));
END
$$;
CREATE FUNCTION public.score(customer bigint)
RETURNS TABLE (recency_days integer, frequency integer, monetary numeric, scores text, revenue_class text, value_class text, stage text, alive boolean, clv boolean)
LANGUAGE sql
AS $$ SELECT s.recency_days, s.frequency, s.monetary, concat(s.r, s.f, s.m), s.revenue_class, s.value_class, s.stage, s.p_alive IS NOT NULL, s.clv IS NOT NULL FROM crm.customer_score AS s WHERE s.customer_id = customer ORDER BY s.as_of $$;

-- Nobody, one customer with one order, three customers.
SELECT public.orders('SELECT 1, date ''2024-01-01'', 1 WHERE false');
SELECT * FROM public.refreshed('2024-06-30');
SELECT public.orders('VALUES (1, date ''2024-01-01'', 10)');
SELECT * FROM public.refreshed('2024-06-30');
SELECT * FROM public.score(1);
SELECT public.orders('SELECT c, date ''2024-01-01'' + c * n, 10 * c FROM generate_series(1, 3) AS c, generate_series(1, 9) AS n');
SELECT * FROM public.refreshed('2024-06-30');
SELECT * FROM public.score(3);
SELECT * FROM public.refreshed('2024-07-30', '{"model": "pareto_nbd"}');
-- All equal.
SELECT public.orders('SELECT c, date ''2024-01-01'' + 30 * n, 20 FROM generate_series(1, 150) AS c, generate_series(0, 4) AS n');
SELECT * FROM public.refreshed('2024-06-30');
SELECT counts -> 'empty_scores' AS empty_scores FROM crm.run_log ORDER BY run_id DESC LIMIT 1;
SELECT DISTINCT s.* FROM crm.customer_score AS c, public.score(c.customer_id) AS s;
-- One order each; all on the day itself (T = 0) and on the day before (T = 1 day).
SELECT public.orders('SELECT c, date ''2024-06-30'' - c, c FROM generate_series(1, 150) AS c');
SELECT * FROM public.refreshed('2024-06-30');
SELECT public.orders('SELECT c, date ''2024-06-30'', c FROM generate_series(1, 150) AS c, generate_series(1, 2)');
SELECT * FROM public.refreshed('2024-06-30');
SELECT * FROM public.score(150);
SELECT * FROM public.refreshed('2024-07-01');
-- Two visits on one day are one: x is 0 and so is t_x. Thousands of days with an order.
SELECT public.orders('SELECT c, timestamp ''2024-01-01 08:00'' + n * interval ''5 hours'', 10 FROM generate_series(1, 100) AS c, generate_series(0, 3 + c % 2 * 30) AS n');
SELECT * FROM public.refreshed('2024-06-30');
SELECT * FROM public.score(2);
SELECT public.orders('SELECT 1, date ''2010-01-01'' + n, 5 FROM generate_series(0, 4999) AS n
                      UNION ALL SELECT c, date ''2020-01-01'' + n * c, 7 FROM generate_series(2, 150) AS c, generate_series(0, c % 9) AS n');
SELECT * FROM public.refreshed('2024-06-30');
SELECT * FROM public.score(1);
-- Returns before any sale, more returned than bought, nothing but returns, orders of nothing.
SELECT public.orders('VALUES (1, date ''2024-01-01'', -50), (1, ''2024-02-01'', 30), (2, ''2024-02-01'', 30), (2, ''2024-02-02'', -90), (3, ''2024-03-01'', -5), (4, ''2024-03-01'', 0)');
SELECT * FROM public.refreshed('2024-06-30');
SELECT c AS customer, s.* FROM generate_series(1, 4) AS c, public.score(c) AS s;
SELECT counts -> 'customers_with_returns_only' AS customers, counts -> 'revenue_of_returns_only' AS revenue FROM crm.run_log ORDER BY run_id DESC LIMIT 1;
-- Nothing but losses: no total, no share.
SELECT public.orders('SELECT c, date ''2024-01-01'' + n, 1 - 3 * n FROM generate_series(1, 20) AS c, generate_series(0, 1) AS n');
SELECT * FROM public.refreshed('2024-06-30');
SELECT DISTINCT revenue_class, margin_class, value_class, revenue_share FROM crm.customer_score;
-- Orders dated in the future and at the ends of time.
SELECT public.orders('SELECT c, day, 10 FROM generate_series(1, 5) AS c, unnest(''{2024-01-01,2024-06-30 23:59:59,2024-07-01 00:00,2999-12-31,infinity,-infinity}''::timestamptz[]) AS day');
SELECT * FROM public.refreshed('2024-06-30');
SELECT * FROM public.score(1);
-- The greatest amounts.
SELECT public.orders('SELECT c, date ''2024-01-01'' + n, 9999999999999999.99 / (1 + c % 2) FROM generate_series(1, 60) AS c, generate_series(0, c % 5) AS n');
SELECT crm.refresh_segments('2024-06-30');
SELECT public.orders('SELECT c, date ''2024-01-01'' + n, 1999999999999999.99 / (1 + c % 2) FROM generate_series(1, 60) AS c, generate_series(0, c % 5) AS n');
SELECT * FROM public.refreshed('2024-06-30');
-- Payments without a day, and with days at the ends of time.
SELECT public.orders('SELECT c, date ''2024-01-01'', 10 FROM generate_series(1, 6) AS c');
INSERT INTO crm.payment (source_id, payment_key, load_id, content_hash, order_id, due_on, paid_on, amount)
SELECT 1, row_number() OVER (), 1, 1, o.order_id, p.due_on, p.paid_on, 10
FROM (SELECT order_id, record_id FROM crm.sales_order) AS o
  JOIN (VALUES (1, NULL::date, NULL::date), (2, 'infinity', NULL), (3, '2024-02-01', 'infinity'), (4, '2024-02-01', '-infinity'), (5, '2024-02-01', NULL), (6, '2024-02-01', '2024-01-15')) AS p(n, due_on, paid_on)
    ON p.n = o.record_id;
SELECT * FROM public.refreshed('2024-06-30');
SELECT customer_id, payment_behaviour, days_beyond_terms, overdue_amount FROM crm.customer_score ORDER BY customer_id;
-- Currencies: of one customer, and of two.
SELECT public.orders('SELECT c, date ''2024-01-01'' + n, 10 FROM generate_series(1, 5) AS c, generate_series(0, 1) AS n');
UPDATE crm.sales_order SET currency = 'USD' WHERE record_id = 3 AND ordered_at > '2024-01-01 12:00';
SELECT crm.refresh_segments('2024-06-30');
UPDATE crm.sales_order SET currency = 'USD' WHERE record_id = 3;
SELECT crm.segment_customers('2024-06-30');
UPDATE crm.sales_order SET currency = 'USD';
SELECT * FROM public.refreshed('2024-06-30');
-- Little memory: the same to the bit.
SELECT public.orders('SELECT c, date ''2023-01-01'' + (c * n * n) % 540, 1 + c % 7 FROM generate_series(1, 190) AS c, generate_series(1, 1 + c % 11) AS n');
SELECT * FROM public.refreshed('2024-06-30');
CREATE TEMP TABLE before AS TABLE crm.customer_score;
SET work_mem = '64kB';
SELECT customers, broken FROM public.refreshed('2024-06-30');
RESET work_mem;
SELECT count(*) AS differ FROM (TABLE before EXCEPT TABLE crm.customer_score) AS d;
-- Scores of the last refresh that somebody deleted: the periods stay right.
DELETE FROM crm.customer_score WHERE customer_id % 2 = 0;
SELECT customers, broken FROM public.refreshed('2024-07-31');
SELECT count(*) AS overlapping FROM crm.segment_member AS a JOIN crm.segment_member AS b USING (customer_id, axis)
WHERE a.valid_from < b.valid_from AND (a.valid_to IS NULL OR a.valid_to > b.valid_from) OR a.valid_to = b.valid_from AND a.segment = b.segment;
DROP SCHEMA crm, crm_bi CASCADE;
DROP FUNCTION public.orders(text, text), public.refreshed(date, jsonb), public.score(bigint);
