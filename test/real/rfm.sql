-- RFM, Pareto and concentration on published data: the two sets of the R
-- package rfm, with the figures in its tests, and the CDNOW master file.
-- Needs psql variable data: the folder that holds segmentation/.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET datestyle = 'ISO';

-- Compares two results; the message shows what was found.
CREATE FUNCTION pg_temp.expect(what text, result text, expected text)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF result IS DISTINCT FROM expected THEN
    RAISE EXCEPTION '%: found %, expected %', what, result, expected;
  END IF;
END
$$;

-- 1. rfm_data_orders: cut points, scores and segments of the package.
CREATE TEMP TABLE rfm_order (customer_id bigint, order_date date, revenue numeric(18, 2));
SELECT replace(:'data', '''', '''''') || '/segmentation' AS folder \gset
\o /dev/null
\set load '\\copy rfm_order FROM ''' :folder '/rfm_data_orders.csv'' CSV HEADER'
:load

CREATE TEMP TABLE orders_scored AS
WITH customer AS (
  SELECT customer_id, date '2006-12-31' - max(order_date) AS recency, count(*) AS frequency, sum(revenue) AS monetary
  FROM rfm_order
  GROUP BY customer_id
), cut AS (
  SELECT omnicrm.rfm_cuts(recency, 5, 'rfm') AS r, omnicrm.rfm_cuts(frequency, 5, 'rfm') AS f,
         omnicrm.rfm_cuts(monetary, 5, 'rfm') AS m
  FROM customer
)
SELECT c.*, cut.r AS r_cuts, cut.f AS f_cuts, cut.m AS m_cuts,
       omnicrm.rfm_segment(omnicrm.rfm_score(c.recency, cut.r, true, 'rfm'),
                           omnicrm.rfm_score(c.frequency, cut.f, false, 'rfm'),
                           omnicrm.rfm_score(c.monetary::double precision, cut.m, false, 'rfm'), 'rfm_0_2') AS segment
FROM customer AS c, cut;

SELECT pg_temp.expect('orders read', count(*)::text, '4906') FROM rfm_order;
SELECT pg_temp.expect('cut points of rfm_data_orders',
                      (SELECT string_agg(round(x::numeric, 4)::double precision::text, '/' ORDER BY x) FROM unnest(r_cuts) AS x) || ' ' ||
                      (SELECT string_agg(round(x::numeric, 4)::double precision::text, '/' ORDER BY x) FROM unnest(f_cuts) AS x) || ' ' ||
                      (SELECT string_agg(round(x::numeric, 4)::double precision::text, '/' ORDER BY x) FROM unnest(m_cuts) AS x),
                      '115/181/297.4/482 4/5/6/8 255.8/382/506.4/666')
FROM (SELECT * FROM orders_scored LIMIT 1) AS one;
SELECT pg_temp.expect('champions of rfm_data_orders',
                      concat_ws(' ', count(*), sum(frequency), sum(monetary)::bigint), '158 1234 120178')
FROM orders_scored
WHERE segment = 'Champions';
SELECT pg_temp.expect('segments of rfm_data_orders', string_agg(segment || ' ' || customers, ', ' ORDER BY customers DESC, segment),
                      'Loyal Customers 278, Potential Loyalist 229, Champions 158, Lost 111, At Risk 86, About To Sleep 50, Others 48, Need Attention 35')
FROM (SELECT segment, count(*) AS customers FROM orders_scored GROUP BY segment) AS s;

-- 2. rfm_data_customer: the same from ready figures.
CREATE TEMP TABLE rfm_customer (customer_id bigint, revenue numeric, most_recent_visit date, number_of_orders bigint, recency_days bigint);
\set load '\\copy rfm_customer FROM ''' :folder '/rfm_data_customer.csv'' CSV HEADER'
:load
CREATE TEMP TABLE customers_scored AS
WITH cut AS (
  SELECT omnicrm.rfm_cuts(recency_days, 5, 'rfm') AS r, omnicrm.rfm_cuts(number_of_orders, 5, 'rfm') AS f,
         omnicrm.rfm_cuts(revenue, 5, 'rfm') AS m
  FROM rfm_customer
)
SELECT c.*, cut.r AS r_cuts, cut.f AS f_cuts, cut.m AS m_cuts,
       omnicrm.rfm_segment(omnicrm.rfm_score(c.recency_days, cut.r, true, 'rfm'),
                           omnicrm.rfm_score(c.number_of_orders, cut.f, false, 'rfm'),
                           omnicrm.rfm_score(c.revenue::double precision, cut.m, false, 'rfm'), 'rfm_0_2') AS segment
FROM rfm_customer AS c, cut;
SELECT pg_temp.expect('cut points of rfm_data_customer', concat_ws(' ', r_cuts, f_cuts, m_cuts),
                      '{77,126,177,266} {8,10,11,13} {641,827,1003,1226}')
FROM (SELECT * FROM customers_scored LIMIT 1) AS one;
SELECT pg_temp.expect('champions of rfm_data_customer',
                      concat_ws(' ', count(*), sum(number_of_orders), sum(revenue)::bigint), '6477 86809 8644525')
FROM customers_scored
WHERE segment = 'Champions';
SELECT pg_temp.expect('segments of rfm_data_customer', string_agg(segment || ' ' || customers, ', ' ORDER BY customers DESC, segment),
                      'Loyal Customers 10181, Potential Loyalist 9547, Champions 6477, At Risk 4660, Lost 3502, About To Sleep 2171, Others 1755, Need Attention 1706')
FROM (SELECT segment, count(*) AS customers FROM customers_scored GROUP BY segment) AS s;

-- 3. CDNOW master as of 1998-07-01: frequency is the number of order days.
CREATE TEMP TABLE cdnow_line (line text);
\set load '\\copy cdnow_line FROM ''' :folder '/cdnow_master.txt'' WITH (FORMAT csv, HEADER true, DELIMITER E''\\x01'', QUOTE E''\\x02'')'
:load
CREATE TEMP TABLE cdnow AS
SELECT w[1]::bigint AS customer_id, w[2]::date AS ordered_on, w[4]::numeric(18, 2) AS amount
FROM (SELECT regexp_split_to_array(btrim(line), ' +') AS w FROM cdnow_line) AS l;
SELECT pg_temp.expect('lines of CDNOW', count(*)::text, '69659') FROM cdnow;

CREATE TEMP TABLE cdnow_customer AS
SELECT customer_id, omnicrm.stats_recency(s, '1998-07-01') AS recency, omnicrm.stats_frequency(s) AS frequency, omnicrm.stats_monetary(s) AS monetary
FROM (SELECT customer_id, omnicrm.customer_stats(ordered_on, amount) AS s FROM cdnow GROUP BY customer_id) AS c;
CREATE TEMP TABLE cdnow_scored AS
WITH cut AS (
  SELECT omnicrm.rfm_cuts(recency) AS r, omnicrm.rfm_cuts(frequency) AS f, omnicrm.rfm_cuts(monetary) AS m FROM cdnow_customer
)
SELECT c.*, cut.r AS r_cuts, cut.f AS f_cuts, cut.m AS m_cuts,
       omnicrm.rfm_score(recency, cut.r, true) AS r,
       omnicrm.rfm_score(frequency, cut.f) AS f,
       omnicrm.rfm_score(monetary::double precision, cut.m) AS m,
       omnicrm.abc_class(monetary) OVER () AS abc,
       omnicrm.abc_class(monetary, '{.7,.9}') OVER () AS abc_7_9,
       omnicrm.abc_class(monetary::double precision) OVER (ORDER BY customer_id) AS abc_float
FROM cdnow_customer AS c, cut;
SELECT pg_temp.expect('cut points of CDNOW', concat_ws(' ', r_cuts, f_cuts,
                        ARRAY(SELECT round(x::numeric, 6)::double precision FROM unnest(m_cuts) AS x)),
                      '{142,433,486,513} {1,1,2,4} {15.36,31.35,59.924,133.95}')
FROM (SELECT * FROM cdnow_scored LIMIT 1) AS one;
SELECT pg_temp.expect('scores of CDNOW', string_agg(axis || ' ' || scores, '; ' ORDER BY axis),
                      'f 12054 0 4040 3641 3835; m 4817 4615 4710 4715 4713; r 4539 4748 4844 4720 4719')
FROM (
  SELECT axis, string_agg((SELECT count(*) FROM cdnow_scored AS s
                           WHERE n = CASE axis WHEN 'r' THEN s.r WHEN 'f' THEN s.f ELSE s.m END)::text, ' ' ORDER BY n) AS scores
  FROM unnest('{r,f,m}'::text[]) AS axis CROSS JOIN generate_series(1, 5) AS n
  GROUP BY axis
) AS counted;
SELECT pg_temp.expect('map rf25 of CDNOW', string_agg(segment || ' ' || customers, ', ' ORDER BY customers DESC),
                      'hibernating 8537, champions 4134, about_to_sleep 3517, loyal 3246, potential_loyalists 2431, need_attention 955, at_risk 744, cant_lose 6')
FROM (SELECT omnicrm.rfm_segment(r, f) AS segment, count(*) AS customers FROM cdnow_scored GROUP BY 1) AS s;
SELECT pg_temp.expect('classes .8/.95 of CDNOW', string_agg(concat_ws(' ', abc, customers, revenue), ', ' ORDER BY abc),
                      'A 7695 2000265.06, B 8067 375657.87, C 7808 124392.70')
FROM (SELECT abc, count(*) AS customers, sum(monetary) AS revenue FROM cdnow_scored GROUP BY abc) AS s;
SELECT pg_temp.expect('classes .7/.9 of CDNOW', string_agg(concat_ws(' ', abc_7_9, customers, revenue), ', ' ORDER BY abc_7_9),
                      'A 5149 1750316.33, B 6882 500298.11, C 11539 249701.19')
FROM (SELECT abc_7_9, count(*) AS customers, sum(monetary) AS revenue FROM cdnow_scored GROUP BY abc_7_9) AS s;
SELECT pg_temp.expect('classes of float8 and numeric', count(*)::text, '0') FROM cdnow_scored WHERE abc_float <> abc;
SELECT pg_temp.expect('concentration of CDNOW',
                      concat_ws(' ', sum(monetary), round(omnicrm.gini(monetary)::numeric, 9),
                                round(100 * omnicrm.top_share(monetary, 0.1)::numeric, 4),
                                round(100 * omnicrm.top_share(monetary, 0.2)::numeric, 4),
                                round(100 * omnicrm.share_needed(monetary, 0.8)::numeric, 2),
                                count(*) FILTER (WHERE monetary = 0)),
                      '2500315.63 0.634571185 50.9427 67.7774 32.65 68')
FROM cdnow_scored;
-- The same in any order of the rows.
SELECT pg_temp.expect('order of the rows', count(DISTINCT result)::text, '1')
FROM (
  SELECT concat_ws(' ', omnicrm.gini(monetary), omnicrm.top_share(monetary, 0.2), omnicrm.share_needed(monetary, 0.8),
                   omnicrm.rfm_cuts(monetary)) AS result
  FROM (SELECT s.turn, c.monetary FROM cdnow_customer AS c CROSS JOIN generate_series(1, 4) AS s(turn)
        ORDER BY s.turn, hashint8extended(c.customer_id, s.turn)) AS shuffled
  GROUP BY turn
) AS turns;

-- 4. Through the hub: both sets as orders of source records.
SELECT omnicrm.deploy('crm');
INSERT INTO crm.source (name, kind, trust) VALUES ('rfm', 'erp', 50), ('cdnow', 'web', 50);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping)
SELECT source_id, 'order', name, '{}' FROM crm.source ORDER BY source_id;

-- Puts orders into the hub, one record and customer for each key.
CREATE FUNCTION pg_temp.into_hub(source_name text, orders regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
DECLARE
  source integer := (SELECT s.source_id FROM crm.source AS s WHERE s.name = source_name);
  first_id bigint := (SELECT coalesce(max(c.customer_id), 0) FROM crm.customer AS c);
BEGIN
  CREATE TEMP TABLE fact (n bigint, key bigint, day date, amount numeric(18, 2));
  EXECUTE format('INSERT INTO fact SELECT row_number() OVER (ORDER BY o), o.* FROM %s AS o', orders);
  INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload)
  SELECT source, key, source, key, '000000000000000', '{}' FROM (SELECT DISTINCT key FROM fact) AS k ORDER BY key;
  INSERT INTO crm.customer (customer_id) OVERRIDING SYSTEM VALUE
  SELECT first_id + row_number() OVER (ORDER BY r.record_id) FROM crm.source_record AS r WHERE r.source_id = source;
  INSERT INTO crm.customer_member (record_id, customer_id, home_id)
  SELECT r.record_id, first_id + row_number() OVER (ORDER BY r.record_id), first_id + row_number() OVER (ORDER BY r.record_id)
  FROM crm.source_record AS r
  WHERE r.source_id = source;
  ANALYZE fact, crm.source_record;
  INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, sale_key, revenue,
                               gross_margin, currency)
  SELECT source, f.n, source, f.n, r.record_id, f.day, source || '/' || f.n, f.amount, round(f.amount / 4, 2), 'EUR'
  FROM fact AS f JOIN crm.source_record AS r ON r.source_id = source AND r.source_key = f.key::text;
  DROP TABLE fact;
END
$$;
SELECT pg_temp.into_hub('rfm', 'rfm_order');
CREATE TEMP TABLE run AS SELECT * FROM crm.segment_customers('2006-12-31');
SELECT pg_temp.expect('run of rfm_data_orders',
                      concat_ws(' ', counts ->> 'customers', counts ->> 'orders', counts ->> 'revenue', counts ->> 'revenue_without_customer'),
                      concat_ws(' ', 995, 4906, (SELECT sum(revenue) FROM rfm_order), 0))
FROM run;
SELECT pg_temp.expect('money of rfm_data_orders', concat_ws(' ', count(*), sum(monetary), sum(frequency)),
                      (SELECT concat_ws(' ', count(DISTINCT customer_id), sum(revenue), count(DISTINCT (customer_id, order_date))) FROM rfm_order))
FROM crm.customer_score;
SELECT pg_temp.expect('each customer of rfm_data_orders', count(*)::text, '995')
FROM crm.customer_score AS s
  JOIN crm.customer_member AS m ON m.customer_id = s.customer_id
  JOIN crm.source_record AS r ON r.record_id = m.record_id
  JOIN orders_scored AS o ON o.customer_id::text = r.source_key
WHERE s.as_of = '2006-12-31' AND s.recency_days = o.recency AND s.monetary = o.monetary
  AND s.gross_margin = (SELECT sum(round(x.revenue / 4, 2)) FROM rfm_order AS x WHERE x.customer_id = o.customer_id);

-- CDNOW beside it: with the other customers gone, the figures above.
TRUNCATE crm.sales_order CASCADE;
CREATE TEMP TABLE cdnow_order AS SELECT customer_id, ordered_on, amount FROM cdnow;
SELECT pg_temp.into_hub('cdnow', 'cdnow_order');
SELECT crm.segment_customers('1998-07-01', '{"time_zone": "Europe/Madrid"}');
SELECT pg_temp.expect('CDNOW through the hub', string_agg(concat_ws(' ', segment, customers, revenue::numeric(18, 2)), ', ' ORDER BY customers DESC),
                      (SELECT string_agg(concat_ws(' ', segment, customers, revenue), ', ' ORDER BY customers DESC)
                       FROM (SELECT omnicrm.rfm_segment(r, f) AS segment, count(*) AS customers, sum(monetary) AS revenue
                             FROM cdnow_scored GROUP BY 1) AS s))
FROM (SELECT segment, count(*) AS customers, sum(monetary) AS revenue FROM crm.customer_score WHERE as_of = '1998-07-01' GROUP BY segment) AS s;
SELECT pg_temp.expect('classes through the hub', string_agg(concat_ws(' ', revenue_class, customers), ', ' ORDER BY revenue_class),
                      'A 7695, B 8067, C 7808')
FROM (SELECT revenue_class, count(*) AS customers FROM crm.customer_score WHERE as_of = '1998-07-01' GROUP BY 1) AS s;
SELECT pg_temp.expect('empty scores', counts ->> 'empty_scores', '{"f": [2], "m": [], "r": []}')
FROM crm.run_log ORDER BY run_id DESC LIMIT 1;
\o
\echo rfm: cut points, segments, classes and concentration as published
