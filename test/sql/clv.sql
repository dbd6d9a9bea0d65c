-- Models of lifetime value: fits, what they say of a customer, bad input.
SET client_min_messages = warning;
SET datestyle = 'ISO';

CREATE FUNCTION pg_temp.unit(n bigint, salt bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ((hashint8extended(n, salt) & 1048575) + 0.5) / 1048576.0 $$;

-- 6,000 customers who buy every 2 to 20 weeks at random for a while that differs: in days, two groups.
CREATE TABLE customer AS
SELECT n AS id, n % 2 AS part, count(day) AS x, coalesce(max(day), 0) / 7.0 AS t_x, t_days / 7.0 AS t
FROM (SELECT n, 180 + n * 7 % 360 AS t_days, 14 + 126 * pg_temp.unit(n, 1) AS gap, -400 * pg_temp.unit(n, 4) ^ 2 * ln(pg_temp.unit(n, 2)) AS life
      FROM generate_series(1, 6000) AS n) AS c
  LEFT JOIN LATERAL (
    SELECT ceil(sum(-c.gap * ln(pg_temp.unit(c.n * 100 + k, 3))) OVER (ORDER BY k)) AS day
    FROM generate_series(1, 60) AS k) AS p ON day <= least(c.t_days, c.life)
GROUP BY n, t_days;
SELECT count(*), count(DISTINCT (x, t_x, t)) AS cells, sum(x) AS purchases, count(*) FILTER (WHERE x = 0) AS once FROM customer;

CREATE TEMP TABLE model AS
SELECT omnicrm.clv_fit_bg_nbd(x, t_x, t) AS fit FROM customer
UNION ALL SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t) FROM customer
UNION ALL SELECT omnicrm.clv_fit_pareto_nbd(x, t_x, t) FROM customer;
CREATE FUNCTION pg_temp.brief(fit jsonb)
RETURNS text
LANGUAGE sql
AS $$
  SELECT concat_ws(' ', fit ->> 'model', fit ->> 'customers', fit ->> 'cells', fit ->> 'converged', fit ->> 'reason',
                   round((fit ->> 'log_likelihood')::numeric, 3),
                   (SELECT string_agg(concat(key, ' ', to_char(value::numeric, 'FM999999990.0009')), ' ' ORDER BY key) FROM jsonb_each_text(fit -> 'parameters')),
                   (fit ->> 'gradient')::float8 < 1e-6)
$$;
SELECT pg_temp.brief(fit) FROM model ORDER BY 1;
-- Errors are there and of the size of the parameters; the likelihood is the sum over the customers.
SELECT fit ->> 'model' AS model,
       (SELECT bool_and(value::float8 BETWEEN 0.001 AND 10) FROM jsonb_each_text(fit -> 'standard_errors')) AS errors,
       abs((SELECT sum(omnicrm.clv_log_likelihood(fit, x, t_x, t)) FROM customer) - (fit ->> 'log_likelihood')::float8) < 1e-6 AS adds_up
FROM model ORDER BY 1;
-- At the maximum: no other parameters nearby are as likely.
SELECT fit ->> 'model' AS model, key, factor
FROM model, jsonb_each_text(fit -> 'parameters') AS p, unnest('{0.97,1.03}'::float8[]) AS factor
WHERE (SELECT sum(omnicrm.clv_log_likelihood(jsonb_set(fit, ARRAY['parameters', key], to_jsonb(value::float8 * factor)), x, t_x, t)) FROM customer)
      >= (fit ->> 'log_likelihood')::float8;

-- The same to the bit: rows in another order, with weights, in parts, with workers.
SELECT (SELECT count(DISTINCT omnicrm_fit) FROM (
  SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t ORDER BY id)::text AS omnicrm_fit FROM customer
  UNION ALL SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t ORDER BY hashint8(id))::text FROM customer
  UNION ALL SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t, 1 ORDER BY id DESC)::text FROM customer
  UNION ALL SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t, n)::text FROM (SELECT x, t_x, t, count(*) AS n FROM customer GROUP BY x, t_x, t) AS c) AS f) AS results;
CREATE FUNCTION pg_temp.fits()
RETURNS text
LANGUAGE sql
AS $$
  SELECT concat(omnicrm.clv_fit_bg_nbd(x, t_x, t), omnicrm.clv_fit_pareto_nbd(x, t_x, t, NULL, ARRAY[part]),
                omnicrm.clv_fit_bg_bb(least(x, 5), CASE WHEN x > 0 THEN least(x, 5) + part ELSE 0 END, 8),
                omnicrm.clv_fit_gamma_gamma(x, 10 + t_x), omnicrm.interval_regularity(t_x / (t + 1) + 0.001))
  FROM customer
$$;
ALTER TABLE customer SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT pg_temp.fits() AS result;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t), omnicrm.clv_fit_gamma_gamma(x, t_x) FROM customer;
SELECT pg_temp.fits() = result AS same FROM serial;
SET max_parallel_workers_per_gather = 1;
SELECT pg_temp.fits() = result AS same FROM serial;
SET parallel_leader_participation = off;
SET work_mem = '64kB';
SELECT pg_temp.fits() = result AS same FROM serial;
RESET parallel_leader_participation;
RESET work_mem;
RESET max_parallel_workers_per_gather;
-- In groups, with their totals, and as a window function over a moving frame.
SELECT part, pg_temp.brief(omnicrm.clv_fit_mbg_nbd(x, t_x, t)) FROM customer GROUP BY ROLLUP (part) ORDER BY part;
SELECT id, pg_temp.brief(fit) AS fit
FROM (SELECT id, omnicrm.clv_fit_mbg_nbd(x, t_x, t) OVER (ORDER BY id ROWS 299 PRECEDING) AS fit FROM customer WHERE id <= 302) AS w
WHERE id >= 300 ORDER BY id;
SELECT pg_temp.brief(omnicrm.clv_fit_mbg_nbd(x, t_x, t)) FROM customer WHERE id BETWEEN 3 AND 302;

-- Covariates: those of the second group buy half as often.
CREATE TEMP TABLE covaried AS
SELECT omnicrm.clv_fit_pareto_nbd(x, t_x, t, 1, ARRAY[slow]) AS pareto, omnicrm.clv_fit_mbg_nbd(x, t_x, t, 1, ARRAY[slow]) AS mbg
FROM (SELECT x, t_x, t, 0 AS slow FROM customer UNION ALL SELECT x, 2 * t_x, 2 * t, 1 FROM customer) AS c;
SELECT f ->> 'model' AS model, f ->> 'converged' AS converged, round((f #>> '{covariates,purchase,0}')::numeric, 3) AS purchase,
       round((f #>> '{covariates,dropout,0}')::numeric, 3) AS dropout,
       (f #>> '{covariate_errors,purchase,0}')::numeric BETWEEN 0.01 AND 0.1 AS error,
       abs(omnicrm.clv_p_alive(f, 5, 20, 30, '{0}') - omnicrm.clv_p_alive(f, 5, 40, 60, '{1}')) < 0.001 AS same_alive,
       abs(omnicrm.clv_expected_orders(f, 5, 20, 30, 10, '{0}') - omnicrm.clv_expected_orders(f, 5, 40, 60, 20, '{1}')) < 0.01 AS same_orders
FROM covaried, LATERAL (VALUES (pareto), (mbg)) AS v(f) ORDER BY 1;
SELECT omnicrm.clv_p_alive(pareto, 5, 20, 30) FROM covaried;
SELECT omnicrm.clv_p_alive(fit, 5, 20, 30, '{1}') FROM model LIMIT 1;
SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t, 1, CASE WHEN id = 7 THEN '{1,2}'::float8[] ELSE '{1}' END) FROM customer;
SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t, 1, '{NULL}') FROM customer;
SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t, 1, '{Infinity}') FROM customer;

-- Figures from the literature, with the parameters given there.
CREATE TEMP TABLE published (name text PRIMARY KEY, model jsonb);
INSERT INTO published VALUES
  ('bg', '{"model": "bg_nbd", "parameters": {"r": 0.2425967, "alpha": 4.413659, "a": 0.7929869, "b": 2.426164}}'),
  ('mbg', '{"model": "mbg_nbd", "parameters": {"r": 0.524843, "alpha": 6.183084, "a": 0.891360, "b": 1.614003}}'),
  ('pareto', '{"model": "pareto_nbd", "parameters": {"r": 0.5533971, "alpha": 10.5801985, "s": 0.6060625, "beta": 11.6562237}}'),
  ('bgbb', '{"model": "bg_bb", "parameters": {"alpha": 1.203522, "beta": 0.749716, "gamma": 0.656718, "delta": 2.783442}}'),
  ('gg', '{"model": "gamma_gamma", "parameters": {"p": 6.24957, "q": 3.74423, "v": 15.44352}}');
SELECT name, round(omnicrm.clv_p_alive(model, 26, 30.857143, 31)::numeric, 6) AS alive,
       round(omnicrm.clv_expected_orders(model, 26, 30.857143, 31, 52)::numeric, 5) AS next_year,
       round(omnicrm.clv_expected_orders(model, 0, 0, 0, 52)::numeric, 6) AS new_customer,
       round(omnicrm.clv_p_no_order(model, 26, 30.857143, 31, 2)::numeric, 6) AS two_weeks_silent,
       round(omnicrm.clv_next_order(model, 26, 30.857143, 31)::numeric, 6) AS next_order,
       omnicrm.clv_next_order_date(model, 26, 30.857143, 31, '1997-09-30') AS next_date
FROM published WHERE name IN ('bg', 'mbg', 'pareto') ORDER BY name;
SELECT name, x, round(omnicrm.clv_expected_orders(model, x, 20, 39, 52)::numeric, 8) AS more_orders_less_alive
FROM published, unnest('{10,15,20,25}'::integer[]) AS x WHERE name IN ('bg', 'pareto') ORDER BY name, x;
SELECT x, t_x, round(omnicrm.clv_expected_orders(model, x, t_x, 6, 5)::numeric, 4) AS next_five, round(omnicrm.clv_p_alive(model, x, t_x, 6)::numeric, 4) AS alive,
       omnicrm.clv_next_order(model, x, t_x, 6) AS next_order, round(omnicrm.clv_dert(model, x, t_x, 6, 0.1)::numeric, 4) AS dert
FROM published, (VALUES (0, 0), (1, 1), (1, 6), (3, 5), (6, 6)) AS c(x, t_x) WHERE name = 'bgbb' ORDER BY x, t_x;
SELECT round(omnicrm.clv_expected_spend(model, 2, 22.35)::numeric, 4) AS spend, round(omnicrm.clv_expected_spend(model, 0, NULL)::numeric, 4) AS of_a_new_one,
       omnicrm.clv_expected_spend('{"model": "gamma_gamma", "parameters": {"p": 1, "q": 0.5, "v": 1}}', 0, 0) AS infinite
FROM published WHERE name = 'gg';
SELECT o.name, round(omnicrm.clv_value(o.model, 26, 30.857143, 31, gg.model, 22.35, 52, 0.3, 0.0027)::numeric, 3) AS year,
       round(omnicrm.clv_value(o.model, 26, 30.857143, 31, gg.model, 22.35, NULL, 0.3, 0.0027)::numeric, 2) AS for_ever,
       round(omnicrm.clv_value(o.model, 26, 30.857143, 31, gg.model, 22.35, 52)::numeric, 3) AS undiscounted,
       round(omnicrm.clv_dert(o.model, 26, 30.857143, 31, 0.0027)::numeric, 5) AS dert
FROM published AS o, published AS gg WHERE gg.name = 'gg' AND o.name IN ('bg', 'mbg', 'pareto') ORDER BY o.name;

-- What must hold: of 4 models and many customers, no NaN and no infinity, probabilities within 0 and 1, more time more orders.
CREATE TEMP VIEW seen AS
SELECT name, model, x, t_x, t, h, omnicrm.clv_p_alive(model, x, t_x, t) AS alive, omnicrm.clv_expected_orders(model, x, t_x, t, h) AS orders,
       omnicrm.clv_p_no_order(model, x, t_x, t, h) AS silent, omnicrm.clv_dert(model, x, t_x, t, 0.001, h) AS discounted
FROM (SELECT name, model FROM published WHERE name IN ('bg', 'mbg', 'pareto')
      UNION ALL VALUES
        ('slow', '{"model": "pareto_nbd", "parameters": {"r": 0.25, "alpha": 30, "s": 0.4, "beta": 30000}}'::jsonb),
        ('fast', '{"model": "pareto_nbd", "parameters": {"r": 0.25, "alpha": 3000, "s": 2, "beta": 0.3}}'),
        ('alike', '{"model": "mbg_nbd", "parameters": {"r": 500, "alpha": 2000, "a": 300, "b": 3000}}'),
        ('faithful', '{"model": "bg_nbd", "parameters": {"r": 2, "alpha": 10, "a": 0, "b": 1}}'),
        ('one', '{"model": "bg_nbd", "parameters": {"r": 0.3, "alpha": 10, "a": 1, "b": 0.2}}')) AS m
  CROSS JOIN (VALUES (0, 0, 0), (0, 0, 1), (0, 0, 500), (1, 0, 1), (1, 0, 0), (3, 20, 20), (40, 30, 52), (400, 5, 6), (500, 1, 37), (500, 499, 500), (5000, 100, 101), (5000, 1, 600)) AS c(x, t_x, t)
  CROSS JOIN unnest('{0,0.001,1,13,52,1000,1e6}'::float8[]) AS h;
SELECT count(*), count(*) FILTER (WHERE NOT (alive BETWEEN 0 AND 1 AND silent BETWEEN 0 AND 1 AND orders >= 0 AND orders < 'Infinity' AND discounted <= orders * (1 + 1e-12) AND discounted >= orders * exp(-0.001 * least(h, 2000)) * (h < 2000)::integer * (1 - 1e-12))) AS wrong,
       count(*) FILTER (WHERE h = 0 AND (orders <> 0 OR abs(silent - 1) > 1e-12)) AS wrong_at_once,
       count(*) FILTER (WHERE silent < 1 - alive - 1e-12 OR 1 - silent > orders * (1 + 1e-9) + 1e-13) AS contradictory
FROM seen;
SELECT count(*) AS shrinking
FROM (SELECT orders, silent, lag(orders) OVER w AS orders_before, lag(silent) OVER w AS silent_before FROM seen WINDOW w AS (PARTITION BY name, x, t_x, t ORDER BY h)) AS s
WHERE orders < orders_before * (1 - 1e-12) OR silent > silent_before + 1e-12;
-- Two ways of computing meet where one takes over from the other.
SELECT count(*) AS jumps
FROM (SELECT omnicrm.clv_expected_orders(m, 3, 20, 30, h * (1 - 1e-10)) AS below, omnicrm.clv_expected_orders(m, 3, 20, 30, h * (1 + 1e-10)) AS above
      FROM (SELECT jsonb_build_object('model', kind, 'parameters', jsonb_build_object('r', 0.5, 'alpha', 6, 'a', a, 'b', b)) AS m, 19 * 36::float8 AS h
            FROM unnest('{bg_nbd,mbg_nbd}'::text[]) AS kind, unnest('{0.01,0.5,0.999999999,1,1.000001,2.5,40}'::float8[]) AS a, unnest('{0.3,2,50}'::float8[]) AS b) AS g) AS j
WHERE abs(below / above - 1) > 1e-8;
-- The next order comes with its probability, a density adds up to one and has the mean that is expected.
SELECT count(*) AS off FROM seen, unnest('{0.1,0.5,0.9}'::float8[]) AS p, omnicrm.clv_next_order(model, x, t_x, t, p) AS n
WHERE h = 1 AND CASE WHEN n IS NULL THEN 1 - omnicrm.clv_p_no_order(model, x, t_x, t, 1e9) > p ELSE abs(1 - omnicrm.clv_p_no_order(model, x, t_x, t, n) - p) > 1e-8 END;
SELECT name, abs(sum(p) - 1) < 1e-9 AS adds_up, abs(sum(n * p) / max(omnicrm.clv_expected_orders(model, 0, 0, 0, 26)) - 1) < 1e-7 AS has_the_mean
FROM published, generate_series(0, 400) AS n, omnicrm.clv_p_orders(model, n, 26) AS p WHERE name <> 'gg' GROUP BY name ORDER BY name;

-- Samples that have no answer, or hardly one: said, finite, with wide errors.
CREATE TEMP TABLE hostile AS
SELECT 'all equal' AS sample, 3::bigint AS x, 20::float8 AS t_x, 30::float8 AS t FROM generate_series(1, 500)
UNION ALL SELECT 'nobody came back', 0, 0, n % 52 FROM generate_series(1, 500) AS n
UNION ALL SELECT 'no time', 0, 0, 0 FROM generate_series(1, 500)
UNION ALL SELECT 'time 1', n % 2, n % 2, 1 FROM generate_series(1, 500) AS n
UNION ALL SELECT 'three', 2 * n, 5 * n, 30 FROM generate_series(1, 3) AS n
UNION ALL SELECT 'one', 1, 5, 30
UNION ALL SELECT 'at once', n % 3, 0, 30 FROM generate_series(1, 500) AS n
UNION ALL SELECT 'thousands', 5000 - 37 * (n % 100), 490 + n % 10, 500 FROM generate_series(1, 500) AS n
UNION ALL SELECT 'tiny', n % 4, (n % 4) * 1e-9, 1e-8 FROM generate_series(1, 500) AS n
UNION ALL SELECT 'huge', n % 4, (n % 4) * 1e9, 1e10 FROM generate_series(1, 500) AS n
UNION ALL SELECT 'nobody leaves', x, CASE WHEN x = 0 THEN 0 ELSE 52 * pow(pg_temp.unit(n, 9), 1.0 / x) END, 52
FROM (SELECT n, floor(-5 * ln(pg_temp.unit(n, 8)))::integer AS x FROM generate_series(1, 1500) AS n) AS s;
CREATE TEMP VIEW hostile_fit AS
SELECT sample, omnicrm.clv_fit_bg_nbd(x, t_x, t) AS fit FROM hostile GROUP BY sample
UNION ALL SELECT sample, omnicrm.clv_fit_mbg_nbd(x, t_x, t) FROM hostile GROUP BY sample
UNION ALL SELECT sample, omnicrm.clv_fit_pareto_nbd(x, t_x, t) FROM hostile GROUP BY sample;
SELECT sample, fit ->> 'model' AS model, fit ->> 'converged' AS converged, fit ->> 'reason' AS reason, (fit ->> 'gradient')::float8 < 1e-6 AS still,
       fit #>> '{standard_errors,r}' IS NOT NULL AS error,
       (fit #>> '{standard_errors,r}')::float8 > 0.4 * (fit #>> '{parameters,r}')::float8 AS wide
FROM hostile_fit ORDER BY sample, model;
SELECT count(*) AS not_finite FROM hostile_fit, hostile
WHERE hostile.sample = hostile_fit.sample AND NOT (omnicrm.clv_expected_orders(fit, x, t_x, t, 10) < 'Infinity' AND omnicrm.clv_p_alive(fit, x, t_x, t) BETWEEN 0 AND 1);
-- Where nobody leaves the likelihood is that of purchases at random.
SELECT fit ->> 'model' AS model, fit #>> '{parameters,r}' = max(fit #>> '{parameters,r}') OVER () AS same, omnicrm.clv_p_alive(fit, 5, 20, 52) AS alive,
       round(omnicrm.clv_expected_orders(fit, 5, 20, 52, 52)::numeric, 4) AS orders
FROM hostile_fit WHERE sample = 'nobody leaves' ORDER BY 1;
SELECT pg_temp.brief(omnicrm.clv_fit_bg_bb(x, x, 5)) FROM generate_series(0, 3) AS x;
SELECT pg_temp.brief(omnicrm.clv_fit_gamma_gamma(2, 10)) FROM generate_series(1, 500) AS n;
SELECT pg_temp.brief(omnicrm.clv_fit_gamma_gamma(1, exp(20 * pg_temp.unit(n, 4)))) FROM generate_series(1, 500) AS n;
-- Nobody, nulls, amounts that are none.
SELECT omnicrm.clv_fit_mbg_nbd(NULL, 1, 2) AS nulls, omnicrm.clv_fit_mbg_nbd(1, 1, 2, 0) AS no_weight,
       omnicrm.clv_fit_gamma_gamma(n, 0) AS no_amount, omnicrm.clv_fit_gamma_gamma(0, 10) AS no_purchase, omnicrm.clv_fit_bg_bb(NULL, 0, 0)
FROM generate_series(1, 3) AS n;
SELECT omnicrm.clv_fit_mbg_nbd(x, t_x, t) FROM customer WHERE false;
SELECT omnicrm.clv_p_alive(NULL, 1, 1, 1), omnicrm.clv_p_alive(model, NULL, 1, 1), omnicrm.clv_expected_orders(model, 1, 1, 1, NULL), omnicrm.clv_next_order(model, 0, 0, 500)
FROM published WHERE name = 'mbg';

-- Recalibration: predictions that were half as likely as said, on the scale of odds; all or nothing; none.
SELECT round(c[1]::numeric, 2) AS intercept, round(c[2]::numeric, 2) AS slope, round(omnicrm.calibrated(0.6, c)::numeric, 2) AS instead_of_60_percent
FROM (SELECT omnicrm.calibration_fit(p, pg_temp.unit(n, 6) < 0.5 * p / (1 - 0.5 * p)) AS c
      FROM (SELECT n, pg_temp.unit(n, 5) AS p FROM generate_series(1, 100000) AS n) AS s) AS f;
SELECT count(DISTINCT c) AS results FROM (SELECT omnicrm.calibration_fit(t / 100, x > 2 ORDER BY hashint8extended(id, turn)) AS c FROM customer, generate_series(1, 3) AS turn GROUP BY turn) AS f;
SELECT c[1] > 0 AS up, omnicrm.calibrated(0.5, c) > 0.9 AS likely, omnicrm.calibrated(0, c) < 0.1 AS never FROM (SELECT omnicrm.calibration_fit(0.5, true) AS c FROM generate_series(1, 100)) AS f;
SELECT omnicrm.calibration_fit(NULL, true) AS nothing, round(omnicrm.calibrated(0.3, '{0,1}')::numeric, 9) AS the_same, omnicrm.calibrated(NULL, '{0,1}') AS unknown;
-- By two predictions: some of those whom a model holds for gone come back, so the truth lies between the model and the one without dropout. Learnt
-- for one horizon it holds for another; where the model is right it changes little.
SELECT name, kind, omnicrm.clv_without_dropout(model) -> 'parameters' AS parameters, omnicrm.clv_p_alive(omnicrm.clv_without_dropout(model), 2, 3, 9) AS alive
FROM published, LATERAL (SELECT model ->> 'model' AS kind) AS k WHERE name <> 'gg' ORDER BY name;
SELECT omnicrm.clv_without_dropout(model) = model AS as_it_is, omnicrm.clv_without_dropout(NULL) AS nothing, omnicrm.clv_without_dropout('[]') AS empty FROM published WHERE name = 'gg';
CREATE TEMP TABLE foreseen AS
SELECT h, returns, n, p, q, happens, pg_temp.unit(n, 7) < happens AS happened
FROM (SELECT n, h, returns, p, q, 1 / (1 + exp(-((1 - returns) * ln(p / (1 - p)) + returns * ln(q / (1 - q))))) AS happens
      FROM (SELECT c.id + 10000 * turn AS n, h, omnicrm.clv_p_no_order(fit, x, t_x, t, h) AS p, omnicrm.clv_p_no_order(omnicrm.clv_without_dropout(fit), x, t_x, t, h) AS q
            FROM customer AS c, model, generate_series(1, 5) AS turn, unnest('{10,40}'::float8[]) AS h WHERE fit ->> 'model' = 'mbg_nbd') AS f,
           unnest('{0,0.3}'::float8[]) AS returns) AS g;
CREATE TEMP TABLE learnt AS SELECT returns, omnicrm.calibration_fit(p, happened, q) AS two, omnicrm.calibration_fit(p, happened) AS one FROM foreseen WHERE h = 10 GROUP BY returns;
SELECT returns, two[1] AS intercept, round(two[2]::numeric, 1) AS slope, round(two[3]::numeric, 1) AS other FROM learnt ORDER BY returns;
SELECT returns, h, round(100 * avg(abs(p - happens))::numeric) AS bare, round(100 * avg(abs(omnicrm.calibrated(p, one) - happens))::numeric) AS by_one,
       round(100 * avg(abs(omnicrm.calibrated(p, two, q) - happens))::numeric) AS by_two
FROM foreseen JOIN learnt USING (returns) GROUP BY returns, h ORDER BY returns, h;
SELECT count(DISTINCT c) AS results
FROM (SELECT omnicrm.calibration_fit(p, happened, q ORDER BY hashint8extended(n, turn)) AS c FROM foreseen, generate_series(1, 3) AS turn WHERE h = 10 AND returns = 0.3 GROUP BY turn) AS f;
SELECT omnicrm.calibration_fit(0.5, true, q) AS nothing, omnicrm.calibration_fit(0.5, b, 0.5) AS of_nothing, round(omnicrm.calibrated(0.3, '{0,1,0}', 0.9)::numeric, 9) AS the_same,
       omnicrm.calibrated(0.3, '{0,1,0}', NULL) AS unknown FROM (VALUES (NULL::float8, NULL::boolean)) AS v(q, b);
SELECT c[3] > 0 AS up, omnicrm.calibrated(1, c, 0) BETWEEN 0 AND 1 AS bounded FROM (SELECT omnicrm.calibration_fit(0, true, 1) AS c FROM generate_series(1, 100)) AS f;
SELECT omnicrm.calibration_fit(0.5, true, -0.1);
SELECT omnicrm.calibrated(0.5, '{0,1}', 0.5);
SELECT omnicrm.calibrated(0.5, '{0,1,0}');
SELECT omnicrm.calibrated(0.5, '{0,1,NaN}', 0.5);
SELECT omnicrm.calibrated(0.5, '{0,1,0}', 2);
SELECT omnicrm.calibration_fit(1.5, true);
SELECT omnicrm.calibrated('NaN', '{0,1}');
SELECT omnicrm.calibrated(0.5, '{0,1,2}');
SELECT omnicrm.calibrated(0.5, '{0,Infinity}');

-- Bad arguments.
SELECT omnicrm.clv_fit_mbg_nbd(-1, 0, 1);
SELECT omnicrm.clv_fit_mbg_nbd(1, 2, 1);
SELECT omnicrm.clv_fit_mbg_nbd(1, 'NaN', 1);
SELECT omnicrm.clv_fit_mbg_nbd(1, 1, 'Infinity');
SELECT omnicrm.clv_fit_mbg_nbd(0, 1, 2);
SELECT omnicrm.clv_fit_mbg_nbd(1000001, 1, 2);
SELECT omnicrm.clv_fit_mbg_nbd(1, 1, 2, -1);
SELECT omnicrm.clv_fit_bg_bb(3, 2, 5);
SELECT omnicrm.clv_fit_bg_bb(1, 1, 10001);
SELECT omnicrm.clv_fit_gamma_gamma(1, 'NaN');
SELECT omnicrm.clv_fit_gamma_gamma(-1, 1);
SELECT omnicrm.clv_p_alive('[]', 1, 1, 1);
SELECT omnicrm.clv_p_alive('{"model": "pareto"}', 1, 1, 1);
SELECT omnicrm.clv_p_alive('{"model": "bg_nbd", "parameters": {"r": 1}}', 1, 1, 1);
SELECT omnicrm.clv_p_alive('{"model": "bg_nbd", "parameters": {"r": -1, "alpha": 1, "a": 1, "b": 1}}', 1, 1, 1);
SELECT omnicrm.clv_p_alive('{"model": "bg_nbd", "parameters": {"r": "x", "alpha": 1, "a": 1, "b": 1}}', 1, 1, 1);
SELECT omnicrm.clv_p_alive(model, 1, 1, 1) FROM published WHERE name = 'gg';
SELECT omnicrm.clv_p_alive(model, 1, 2, 1) FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_p_alive(model, 1, 1.5, 2) FROM published WHERE name = 'bgbb';
SELECT omnicrm.clv_expected_orders(model, 1, 1, 1, -1) FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_expected_orders(model, 1, 1, 1, 'Infinity') FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_p_no_order(model, 1, 1, 1, 1e300) FROM published WHERE name = 'bgbb';
SELECT omnicrm.clv_dert(model, 1, 1, 1, 1e-7) FROM published WHERE name = 'bgbb';
SELECT omnicrm.clv_next_order(model, 1, 1, 1, 1) FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_next_order_date(model, 1, 1, 1, 'infinity') FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_dert(model, 1, 1, 1, 0) FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_dert(model, 1, 1, 1, -0.1, 5) FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_p_orders(model, -1, 1) FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_expected_spend(model, 1, 1) FROM published WHERE name = 'mbg';
SELECT omnicrm.clv_expected_spend(model, 1, 'NaN') FROM published WHERE name = 'gg';
SELECT omnicrm.clv_value(model, 1, 1, 1, model, 1, 1) FROM published WHERE name = 'mbg';
DROP TABLE customer;
