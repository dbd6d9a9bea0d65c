-- What the orders of a customer amount to: the aggregate, its value, what it tells.
SET client_min_messages = warning;
SET datestyle = 'ISO';

CREATE TEMP TABLE told (customer integer, day date, amount numeric, margin numeric, currency text);
INSERT INTO told VALUES
  (1, '2024-05-02', 10.50, 4.25, 'EUR'), (1, '2024-05-02', 1, 0.5, 'EUR'), (1, '2024-01-31', 5, NULL, 'EUR'),
  (1, '2024-06-01', -10.50, -4.25, NULL), (1, '2024-01-02', -1, -1, 'EUR'), (1, '2024-03-01', 7.25, 2, 'EUR'),
  (2, '2024-02-01', -3, NULL, 'EUR'), (3, NULL, 3, 3, 'EUR'), (4, '2024-02-02', NULL, 3, 'EUR'),
  (5, '2024-03-03', 0, 1, 'USD'), (6, '2024-07-01', 20, 5, 'EUR'), (6, '2030-01-01', 40, 5, 'EUR');
CREATE TEMP TABLE stats AS
SELECT customer, omnicrm.customer_stats(day, amount, margin, currency) AS s FROM told GROUP BY customer;
SELECT customer, s IS NULL AS nothing, omnicrm.stats_first_order(s) AS first, omnicrm.stats_last_order(s) AS last,
       omnicrm.stats_frequency(s) AS frequency, omnicrm.stats_orders(s) AS orders, omnicrm.stats_returns(s) AS returns,
       omnicrm.stats_without_margin(s) AS without_margin, omnicrm.stats_currency(s) AS currency
FROM stats ORDER BY customer;
SELECT customer, omnicrm.stats_monetary(s) AS monetary, omnicrm.stats_sold(s) AS sold, omnicrm.stats_margin(s) AS margin,
       omnicrm.stats_average_ticket(s) AS ticket, omnicrm.clv_spend(s) AS spend, omnicrm.stats_days(s) AS days
FROM stats ORDER BY customer;
-- As of a day: later orders are not seen.
SELECT customer, as_of, omnicrm.stats_recency(s, as_of) AS recency, omnicrm.stats_tenure(s, as_of) AS tenure,
       omnicrm.stats_frequency(s, as_of) AS frequency, omnicrm.stats_last_order(s, as_of) AS last,
       omnicrm.clv_x(s, as_of) AS x, omnicrm.clv_t_x(s, as_of) AS t_x, omnicrm.clv_t(s, as_of) AS t, omnicrm.clv_t(s, as_of, 1) AS t_days
FROM stats CROSS JOIN (VALUES (date '2024-01-30'), ('2024-03-01'), ('2024-12-31')) AS a(as_of)
WHERE customer IN (1, 2, 6)
ORDER BY customer, as_of;
-- Intervals 10, 20, 30 days; all equal; at random.
SELECT name, omnicrm.stats_interval_mean(s) AS mean, omnicrm.stats_interval_sd(s) AS sd, round(omnicrm.stats_interval_cv(s)::numeric, 9) AS cv,
       omnicrm.stats_interval_ratio(s) AS ratio, round(omnicrm.stats_regularity(s, 2)::numeric, 9) AS k, omnicrm.stats_regularity(s) IS NULL AS few
FROM (SELECT name, omnicrm.customer_stats(date '2024-01-01' + d, 1) AS s
      FROM (VALUES ('grows', '{0,10,30,60}'::integer[]), ('once', '{5}'), ('twice', '{1,8}'), ('three', '{0,1,100}')) AS i(name, days), unnest(days) AS d
      GROUP BY name) AS c
ORDER BY name;
SELECT omnicrm.stats_regularity(omnicrm.customer_stats(date '2024-01-01' + 7 * n, 1)) AS every_week FROM generate_series(1, 20) AS n;
SELECT omnicrm.stats_regularity(omnicrm.customer_stats(date '2024-01-01' + n, 1), 1) FROM generate_series(1, 20) AS n;
SELECT round(omnicrm.interval_regularity(r)::numeric, 12) AS k, round(((1 - 4 * avg((r - .5) ^ 2)) / (8 * avg((r - .5) ^ 2)))::numeric, 12) AS plain
FROM unnest('{0.2,0.5,0.9,NULL}'::float8[]) AS r;
SELECT omnicrm.interval_regularity(0.5), omnicrm.interval_regularity(NULL);
SELECT omnicrm.interval_regularity(1.0);

-- Points in time belong to the day of the session's time zone.
SET timezone = 'Europe/Madrid';
SELECT omnicrm.stats_days(omnicrm.customer_stats(at, 1)) FROM (VALUES (timestamptz '2024-03-01 23:30Z'), ('2024-03-02 01:00Z')) AS t(at);
SET timezone = 'UTC';
SELECT omnicrm.stats_days(omnicrm.customer_stats(at, 1)) FROM (VALUES (timestamptz '2024-03-01 23:30Z'), ('2024-03-02 01:00Z')) AS t(at);
SELECT omnicrm.stats_days(omnicrm.customer_stats(timestamp '2024-03-01 23:30', 1.5, NULL, 'EUR'));
-- A sale is what is said to be one.
SELECT omnicrm.stats_frequency(s), omnicrm.stats_orders(s), omnicrm.stats_returns(s), omnicrm.stats_monetary(s), omnicrm.stats_sold(s)
FROM (SELECT omnicrm.customer_stats(date '2024-01-01' + n, amount, NULL, NULL, is_sale) AS s
      FROM (VALUES (1, -5, true), (2, 0, false), (3, 7, NULL), (4, 1, true)) AS v(n, amount, is_sale)) AS x;

-- Amounts of every form are exact.
SELECT count(*) FILTER (WHERE omnicrm.stats_monetary(s) IS DISTINCT FROM round(v, 2)) AS differ, count(*)
FROM (SELECT v, omnicrm.customer_stats(date '2024-01-01', v) AS s FROM (
  SELECT n * 10.0 ^ e AS v FROM unnest('{0,1,-1,12.34,-12.34,9999.99,10000,0.01,-0.1,99999999,123456789012345678}'::numeric[]) AS n, generate_series(0, 12) AS e
  UNION SELECT v::numeric(30, 12) FROM unnest('{1.5,100000000.25,-3}'::numeric[]) AS v) AS a GROUP BY v) AS m;
SELECT omnicrm.stats_monetary(omnicrm.customer_stats('2024-01-01', 9999999999999999.99)) FROM generate_series(1, 2000);

-- Sums of values: of parts, in any order, of none.
SELECT omnicrm.stats_rollup(s)::text = (SELECT omnicrm.customer_stats(day, amount, margin)::text FROM told WHERE currency = 'EUR' OR currency IS NULL) AS same
FROM (SELECT omnicrm.customer_stats(day, amount, margin) AS s FROM told WHERE currency = 'EUR' OR currency IS NULL GROUP BY customer, day) AS p;
SELECT omnicrm.stats_rollup(NULL) IS NULL AS nothing, omnicrm.stats_rollup(s) IS NULL AS of_nulls FROM stats WHERE s IS NULL;
SELECT currency, omnicrm.stats_frequency(s), omnicrm.stats_sold(s)
FROM (SELECT currency, omnicrm.customer_stats(day, amount) AS s FROM told GROUP BY ROLLUP (currency)) AS r
ORDER BY currency;
-- Over a moving frame and over a growing one.
SELECT day, omnicrm.stats_frequency(moving) AS moving, omnicrm.stats_sold(moving) AS sold,
       omnicrm.stats_frequency(growing) AS growing, omnicrm.stats_interval_mean(growing) AS mean
FROM (SELECT day, omnicrm.customer_stats(day, amount) OVER (ORDER BY day RANGE BETWEEN '60 days' PRECEDING AND CURRENT ROW) AS moving,
             omnicrm.customer_stats(day, amount) OVER (ORDER BY day DESC) AS growing
      FROM told WHERE customer IN (1, 6)) AS w
ORDER BY day;

-- Stored, written and read again.
SELECT count(*) AS changed FROM stats WHERE s::text::omnicrm.customer_stats::text IS DISTINCT FROM s::text;
SELECT s FROM stats WHERE customer = 5;
SELECT count(*) AS values, count(DISTINCT s) AS different, count(*) FILTER (WHERE s = s::text::omnicrm.customer_stats) AS equal
FROM (SELECT s FROM stats UNION ALL SELECT s FROM stats) AS twice;
-- Bad arguments.
SELECT omnicrm.customer_stats(current_date, 1.005);
SELECT omnicrm.customer_stats(current_date, 'NaN');
SELECT omnicrm.customer_stats(current_date, 1, 'Infinity');
SELECT omnicrm.customer_stats(date 'infinity', 1);
SELECT omnicrm.customer_stats(timestamptz '-infinity', 1);
SELECT omnicrm.customer_stats(day, amount, margin, currency) FROM told;
SELECT omnicrm.stats_rollup(s) FROM stats;
SELECT omnicrm.customer_stats(current_date, 1, 1, 'Euro');
SELECT omnicrm.stats_recency(s, 'infinity') FROM stats WHERE customer = 1;
SELECT omnicrm.clv_t(s, '2024-06-01', 0) FROM stats WHERE customer = 1;
SELECT omnicrm.clv_t(s, '2024-06-01', 'NaN') FROM stats WHERE customer = 1;
SELECT ''::omnicrm.customer_stats;
SELECT '\x00'::omnicrm.customer_stats;
SELECT 'days'::omnicrm.customer_stats;
CREATE FUNCTION pg_temp.try(value text)
RETURNS text
LANGUAGE plpgsql
AS $$
BEGIN
  RETURN (value::omnicrm.customer_stats)::text = value;
EXCEPTION WHEN invalid_binary_representation OR invalid_parameter_value THEN
  RETURN SQLERRM;
END
$$;
-- A value with any byte cut off, added or changed is refused or another valid one, never a crash.
SELECT pg_temp.try(left(s::text, -2)) AS shorter, pg_temp.try(s::text || '00') AS longer, pg_temp.try(s::text || '00000000') AS one_day_more,
       pg_temp.try(overlay(s::text PLACING '02' FROM 9 FOR 2)) AS other_version
FROM stats WHERE customer = 1;
SELECT result, count(*) > 0 AS seen
FROM stats, generate_series(1, (length(s::text) - 2) / 2) AS byte, unnest('{00,01,7f,80,ff}'::text[]) AS other,
     LATERAL (SELECT pg_temp.try(overlay(s::text PLACING other FROM 1 + 2 * byte FOR 2))) AS t(result)
WHERE customer = 1
GROUP BY result ORDER BY result;
