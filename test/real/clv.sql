-- Lifetime value on the sample of CDNOW (2,357 customers, amounts to the cent): published fits and
-- predictions, and the hold-out of 39 weeks. Needs psql variable data: the folder that holds segmentation/.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SET datestyle = 'ISO';

-- Compares numbers; the message shows what was found.
CREATE FUNCTION pg_temp.near(what text, result double precision, expected double precision, tolerance double precision)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF result IS NULL OR NOT (abs(result - expected) <= tolerance) THEN
    RAISE EXCEPTION '%: found %, expected % +- %', what, result, expected, tolerance;
  END IF;
END
$$;

SELECT replace(:'data', '''', '''''') || '/segmentation' AS folder \gset
\o /dev/null
CREATE TEMP TABLE line (line text);
\set load '\\copy line FROM ''' :folder '/cdnow_sample.txt'' WITH (FORMAT csv, DELIMITER E''\\x01'', QUOTE E''\\x02'')'
:load
CREATE TEMP TABLE cdnow AS
SELECT w[2]::integer AS customer_id, w[3]::date AS day, w[5]::numeric(18, 2) AS amount
FROM (SELECT regexp_split_to_array(btrim(line), ' +') AS w FROM line) AS l;
CREATE TEMP TABLE stats AS SELECT customer_id, omnicrm.customer_stats(day, amount) AS s FROM cdnow GROUP BY customer_id;

-- 1. Statistics of the customers.
SELECT pg_temp.near('customers', count(*), 2357, 0), pg_temp.near('customer-days', sum(omnicrm.stats_frequency(s)), 6696, 0),
       pg_temp.near('regularity of 736', omnicrm.interval_regularity(omnicrm.stats_interval_ratio(s)), 0.985053, 1e-6),
       pg_temp.near('customers with 10 intervals', count(omnicrm.stats_regularity(s)), 88, 0),
       pg_temp.near('median regularity', percentile_cont(0.5) WITHIN GROUP (ORDER BY omnicrm.stats_regularity(s)), 1.138297, 1e-6)
FROM stats;
CREATE TEMP TABLE cbs AS
SELECT customer_id, omnicrm.clv_x(s, cut) AS x, omnicrm.clv_t_x(s, cut) AS t_x, omnicrm.clv_t(s, cut) AS t,
       omnicrm.clv_spend(early) AS spend, omnicrm.stats_frequency(s) - 1 - omnicrm.clv_x(s, cut) AS later,
       omnicrm.stats_frequency(s, cut + 90) - 1 - omnicrm.clv_x(s, cut) AS later_90
FROM (SELECT s.customer_id, s.s, omnicrm.customer_stats(c.day, c.amount) AS early, date '1997-09-30' AS cut
      FROM stats AS s JOIN cdnow AS c ON c.customer_id = s.customer_id AND c.day <= '1997-09-30'
      GROUP BY s.customer_id, s.s) AS e;
SELECT pg_temp.near('repeats', sum(x), 2457, 0), pg_temp.near('once only', count(*) FILTER (WHERE x = 0), 1411, 0),
       pg_temp.near('cells', count(DISTINCT (x, t_x, t)), 1016, 0), pg_temp.near('orders of the hold-out', sum(later), 1882, 0),
       pg_temp.near('orders of 90 days', sum(later_90), 718, 0), pg_temp.near('silent for 90 days', count(*) FILTER (WHERE later_90 = 0), 1959, 0)
FROM cbs;

-- 2. Fits: log-likelihood within .001, parameters within .1 percent.
CREATE TEMP TABLE model AS
SELECT omnicrm.clv_fit_bg_nbd(x, t_x, t) AS fit FROM cbs
UNION ALL SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t) FROM cbs
UNION ALL SELECT omnicrm.clv_fit_pareto_nbd(x, t_x, t) FROM cbs
UNION ALL SELECT omnicrm.clv_fit_gamma_gamma(x, spend) FROM cbs;
SELECT pg_temp.near('log-likelihood of ' || name, (fit ->> 'log_likelihood')::float8, loglik, 0.001)
FROM model JOIN (VALUES ('bg_nbd', -9582.4292), ('mbg_nbd', -9582.1357), ('pareto_nbd', -9594.9762), ('gamma_gamma', -4055.9177)) AS r(name, loglik)
  ON fit ->> 'model' = name;
SELECT pg_temp.near('fits that converged', count(*) FILTER (WHERE (fit ->> 'converged')::boolean AND fit ->> 'reason' = 'optimum'), 4, 0) FROM model;
SELECT pg_temp.near(concat_ws(' ', name, parameter), (fit #>> ARRAY['parameters', parameter])::float8, value, 0.001 * value)
FROM model JOIN (VALUES
  ('bg_nbd', 'r', 0.2425945), ('bg_nbd', 'alpha', 4.4136019), ('bg_nbd', 'a', 0.7929199), ('bg_nbd', 'b', 2.4258881),
  ('mbg_nbd', 'r', 0.524843), ('mbg_nbd', 'alpha', 6.183084), ('mbg_nbd', 'a', 0.891360), ('mbg_nbd', 'b', 1.614003),
  ('pareto_nbd', 'r', 0.553277), ('pareto_nbd', 'alpha', 10.577684), ('pareto_nbd', 's', 0.606240), ('pareto_nbd', 'beta', 11.668749),
  ('gamma_gamma', 'p', 6.24957), ('gamma_gamma', 'q', 3.74423), ('gamma_gamma', 'v', 15.44352)) AS r(name, parameter, value)
  ON fit ->> 'model' = name;
SELECT pg_temp.near('standard error of ' || parameter, (fit #>> ARRAY['standard_errors', parameter])::float8, value, 0.01 * value)
FROM model, (VALUES ('r', 0.0476264), ('alpha', 0.8427222), ('s', 0.1872594), ('beta', 6.2105448)) AS r(parameter, value)
WHERE fit ->> 'model' = 'pareto_nbd';

-- 3. Predictions by published parameters.
CREATE TEMP TABLE published (name text PRIMARY KEY, model jsonb);
INSERT INTO published VALUES
  ('bg', '{"model": "bg_nbd", "parameters": {"r": 0.2425945, "alpha": 4.4136019, "a": 0.7929199, "b": 2.4258881}}'),
  ('bg btyd', '{"model": "bg_nbd", "parameters": {"r": 0.2425967, "alpha": 4.413659, "a": 0.7929869, "b": 2.426164}}'),
  ('bg rounded', '{"model": "bg_nbd", "parameters": {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}}'),
  ('bg at 1', '{"model": "bg_nbd", "parameters": {"r": 0.243, "alpha": 4.414, "a": 1, "b": 2.426}}'),
  ('mbg', '{"model": "mbg_nbd", "parameters": {"r": 0.524843, "alpha": 6.183084, "a": 0.891360, "b": 1.614003}}'),
  ('pareto', '{"model": "pareto_nbd", "parameters": {"r": 0.5532778, "alpha": 10.577688, "s": 0.606233, "beta": 11.668481}}'),
  ('pareto btyd', '{"model": "pareto_nbd", "parameters": {"r": 0.5533971, "alpha": 10.5801985, "s": 0.6060625, "beta": 11.6562237}}');
CREATE FUNCTION pg_temp.published(name text) RETURNS jsonb LANGUAGE sql STABLE AS $$ SELECT p.model FROM published AS p WHERE p.name = published.name $$;
SELECT pg_temp.near('BG, customer of the paper', omnicrm.clv_expected_orders(pg_temp.published('bg'), 2, 30.43, 38.86, 39), 1.22591, 1e-4),
       pg_temp.near('BG, nobody in 39 weeks', omnicrm.clv_p_orders(pg_temp.published('bg rounded'), 0, 39), 0.5737864, 1e-6),
       pg_temp.near('BG, ten in two weeks', omnicrm.clv_p_orders(pg_temp.published('bg rounded'), 10, 2), 1.07869e-07, 1e-11),
       pg_temp.near('MBG, new customer', omnicrm.clv_expected_orders(pg_temp.published('mbg'), 0, 0, 0, 39), 1.182279, 1e-5),
       pg_temp.near('BG, 1516 alive', omnicrm.clv_p_alive(pg_temp.published('bg btyd'), 26, 30.857143, 31), 0.9688523, 1e-6),
       pg_temp.near('BG, 1516 next year', omnicrm.clv_expected_orders(pg_temp.published('bg btyd'), 26, 30.857143, 31, 52), 25.75659, 1e-4),
       pg_temp.near('BG, new customer', omnicrm.clv_expected_orders(pg_temp.published('bg btyd'), 0, 0, 0, 52), 1.444004, 1e-5),
       pg_temp.near('Pareto, 1516 alive', omnicrm.clv_p_alive(pg_temp.published('pareto'), 26, 30.857143, 31), 0.9978734, 1e-6),
       pg_temp.near('Pareto, DERT of 1516', omnicrm.clv_dert(pg_temp.published('pareto'), 26, 30.857143, 31, 0.0027), 86.025014, 1e-4),
       pg_temp.near('Pareto, DERT of one order', omnicrm.clv_dert(pg_temp.published('pareto'), 0, 0, 38.857143, 0.0027), 0.476963, 1e-6),
       pg_temp.near('Pareto, one order alive', omnicrm.clv_p_alive(pg_temp.published('pareto'), 0, 0, 38.857143), 0.295112, 1e-6);
SELECT pg_temp.near('BG, new customer in ' || t, omnicrm.clv_expected_orders(pg_temp.published('bg'), 0, 0, 0, t), value, 1e-6)
FROM (VALUES (0.1429, 0.007816), (1, 0.053184), (3, 0.150631), (31.8571, 1.040488), (32, 1.043731), (78, 1.857956)) AS r(t, value);
-- (The published figures of Pareto/NBD come from parameters that are printed with fewer digits; numerical
-- integration with 30 digits gives .705893226 with the ones used here.)
SELECT pg_temp.near('Pareto, next year', omnicrm.clv_expected_orders(pg_temp.published('pareto'), 10, 20, 39, 52), 0.705893226, 1e-8);
SELECT pg_temp.near('next year of ' || x, omnicrm.clv_expected_orders(pg_temp.published('bg btyd'), x, 20, 39, 52), bg, 1e-6),
       pg_temp.near('next year of ' || x, omnicrm.clv_expected_orders(pg_temp.published('pareto btyd'), x, 20, 39, 52), pareto, 4e-4)
FROM (VALUES (10, 0.3474606, 0.7062289), (15, 0.04283391, 0.1442396), (20, 0.004158973, 0.02250658), (25, 0.0003583685, 0.00309267)) AS r(x, bg, pareto);
SELECT pg_temp.near('DERT of the cohort', sum(omnicrm.clv_dert(pg_temp.published('pareto'), x, t_x, t, 0.0027)), 7186.0312, 0.001),
       pg_temp.near('value of the cohort', sum(omnicrm.clv_value(pg_temp.published('pareto'), x, t_x, t, fit, spend, NULL, 1, 0.0027)), 260823.28, 0.1)
FROM cbs, model WHERE fit ->> 'model' = 'gamma_gamma';
SELECT pg_temp.near('spending of customer ' || customer_id, omnicrm.clv_expected_spend(fit, x, spend),
                    ('{24.65,18.91,35.17,35.17,35.17,71.46,18.91,35.17,27.28,35.17}'::float8[])[customer_id], 0.006)
FROM cbs, model WHERE fit ->> 'model' = 'gamma_gamma' AND customer_id <= 10;
-- Continuous where a passes 1.
SELECT pg_temp.near('BG with a = 1', omnicrm.clv_expected_orders(pg_temp.published('bg at 1'), 2, 30.43, 38.86, 39) /
                    omnicrm.clv_expected_orders(jsonb_set(pg_temp.published('bg at 1'), '{parameters,a}', to_jsonb(1 + sign * 1e-9)), 2, 30.43, 38.86, 39), 1, 1e-8)
FROM unnest('{-1,1}'::float8[]) AS sign;

-- 4. Hold-out.
CREATE TEMP TABLE predicted AS
SELECT fit ->> 'model' AS model, c.*, omnicrm.clv_expected_orders(fit, x, t_x, t, 39) AS orders, omnicrm.clv_p_alive(fit, x, t_x, t) AS alive,
       omnicrm.clv_p_no_order(fit, x, t_x, t, 90 / 7.0) AS silent_90, omnicrm.clv_p_no_order(fit, x, t_x, t, 39) AS silent
FROM cbs AS c, model WHERE fit ->> 'model' <> 'gamma_gamma';
SELECT pg_temp.near('orders by ' || model, sum(orders), max(r.orders_expected), 0.02), pg_temp.near('error by ' || model, avg(abs(orders - later)), max(mae), 5e-4),
       pg_temp.near('squared error by ' || model, sqrt(avg((orders - later) ^ 2)), max(rmse), 5e-4), pg_temp.near('alive by ' || model, avg(alive), max(r.mean_alive), 1e-4),
       pg_temp.near('silent for 90 days by ' || model, sum(silent_90), max(s90), 0.02), pg_temp.near('silent by ' || model, sum(silent), max(s39), 0.02),
       pg_temp.near('Brier score by ' || model, avg((silent_90 - (later_90 = 0)::integer) ^ 2), max(brier), 1e-5)
FROM predicted JOIN (VALUES ('bg_nbd', 1653.41, 0.7855, 1.6080, 0.8134, 1997.07, 1739.97, 0.109588), ('mbg_nbd', 1576.73, 0.7648, 1.6072, 0.4487, 2012.78, 1791.26, 0.109561),
                            ('pareto_nbd', 1665.51, 0.7545, 1.6028, 0.4463, 2015.99, 1833.83, 0.109377))
  AS r(name, orders_expected, mae, rmse, mean_alive, s90, s39, brier) ON model = name
GROUP BY model;

-- 5. Silence by deciles of the predicted probability, bare and recalibrated on history by one prediction (Platt) and by two: the first half
-- of what was known on the day (to 1997-05-15) predicts the second (138 days); the day itself predicts 90 days and 39 weeks.
CREATE TEMP TABLE calibration AS
WITH early AS (
  SELECT customer_id, omnicrm.clv_x(s, cut) AS x, omnicrm.clv_t_x(s, cut) AS t_x, omnicrm.clv_t(s, cut) AS t,
         omnicrm.stats_frequency(s, '1997-09-30') = omnicrm.stats_frequency(s, cut) AS silent
  FROM stats, (VALUES (date '1997-05-15')) AS c(cut)
), fitted AS (
  SELECT omnicrm.clv_fit_bg_nbd(x, t_x, t) AS fit FROM early
  UNION ALL SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t) FROM early
  UNION ALL SELECT omnicrm.clv_fit_pareto_nbd(x, t_x, t) FROM early
), predicted AS (
  SELECT f.fit ->> 'model' AS model, e.silent, omnicrm.clv_p_no_order(f.fit, x, t_x, t, 138 / 7.0) AS p, omnicrm.clv_p_no_order(f.loyal, x, t_x, t, 138 / 7.0) AS q
  FROM early AS e, (SELECT fit, omnicrm.clv_without_dropout(fit) AS loyal FROM fitted) AS f
)
SELECT model, omnicrm.calibration_fit(p, silent) AS one, omnicrm.calibration_fit(p, silent, q) AS two FROM predicted GROUP BY model;
CREATE TEMP TABLE decile AS
SELECT model, days, way, avg(abs(error)) AS mean, max(abs(error)) AS worst
FROM (SELECT model, days, way, 100 * (avg(p) - avg(silent::integer)) AS error
      FROM (SELECT model, days, way, p, silent, ntile(10) OVER (PARTITION BY model, days, way ORDER BY p, customer_id) AS tenth
            FROM (SELECT model, days, way, corrected AS p, silent, customer_id FROM (SELECT c.customer_id, fit ->> 'model' AS model, h.days, CASE h.days WHEN 90 THEN c.later_90 = 0 ELSE c.later = 0 END AS silent,
                         omnicrm.clv_p_no_order(fit, x, t_x, t, h.days / 7.0) AS p, omnicrm.clv_p_no_order(omnicrm.clv_without_dropout(fit), x, t_x, t, h.days / 7.0) AS q
                  FROM cbs AS c, model, (VALUES (90), (273)) AS h(days) WHERE fit ->> 'model' <> 'gamma_gamma') AS s
              JOIN calibration USING (model)
              CROSS JOIN LATERAL (VALUES ('bare', s.p), ('one', omnicrm.calibrated(s.p, one)), ('two', omnicrm.calibrated(s.p, two, s.q))) AS w(way, corrected)) AS u) AS t
      GROUP BY model, days, way, tenth) AS e
GROUP BY model, days, way;
SELECT pg_temp.near(concat_ws(' ', 'mean error in points,', d.model, d.days, d.way), mean, r.about, 0.1),
       pg_temp.near(concat_ws(' ', 'worst error in points,', d.model, d.days, d.way), worst, r.at_most, 0.1)
FROM decile AS d JOIN (VALUES ('bg_nbd', 90, 'bare', 2.54, 4.70), ('mbg_nbd', 90, 'bare', 2.56, 5.43), ('pareto_nbd', 90, 'bare', 2.76, 5.57),
                              ('bg_nbd', 273, 'bare', 5.40, 13.67), ('mbg_nbd', 273, 'bare', 5.41, 13.53), ('pareto_nbd', 273, 'bare', 6.82, 14.52),
                              ('mbg_nbd', 90, 'one', 1.88, 4.07), ('mbg_nbd', 273, 'one', 3.77, 7.02), ('pareto_nbd', 273, 'one', 3.08, 5.40), ('pareto_nbd', 90, 'one', 4.59, 12.85),
                              ('bg_nbd', 90, 'two', 1.29, 2.83), ('mbg_nbd', 90, 'two', 1.21, 2.99), ('pareto_nbd', 90, 'two', 3.09, 5.89),
                              ('bg_nbd', 273, 'two', 2.24, 4.90), ('mbg_nbd', 273, 'two', 1.75, 4.67), ('pareto_nbd', 273, 'two', 2.07, 4.80))
  AS r(model, days, way, about, at_most) USING (model, days, way);
-- The aims: at most 2.5 and 5 points for 90 days by the default model, half of the bare error for 39 weeks by each.
SELECT pg_temp.near('mean error of 90 days, at most 2.5', greatest(mean, 2.5), 2.5, 0), pg_temp.near('worst error of 90 days, at most 5', greatest(worst, 5), 5, 0)
FROM decile WHERE model = 'mbg_nbd' AND days = 90 AND way = 'two';
SELECT pg_temp.near('half of the error of 39 weeks, ' || model, greatest(two.mean / bare.mean, 0.5), 0.5, 0)
FROM decile AS two JOIN decile AS bare USING (model, days) WHERE two.way = 'two' AND bare.way = 'bare' AND days = 273;
