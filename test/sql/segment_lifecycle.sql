-- Stages of the lifecycle: complete, with hysteresis, the same for the same
-- customer. Values are hashes of numbers, so every run sees the same.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE FUNCTION pg_temp.unit(n bigint, salt bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(n, salt) & 1048575) / 1048576.0 $$;

SELECT key, value FROM jsonb_each(omnicrm.lifecycle_thresholds()) ORDER BY key;
SELECT omnicrm.lifecycle_thresholds('{"new_days": 7, "margin": null}') = omnicrm.lifecycle_thresholds() || '{"new_days": 7}' AS merged,
       omnicrm.lifecycle_thresholds(omnicrm.lifecycle_thresholds('{"lost_p_alive": 0.123456789012345}')) ->> 'lost_p_alive' AS all_digits;

-- One of each, and both sides of each limit.
SELECT omnicrm.lifecycle_stage(x, recency, tenure, alive, silent, usual) AS stage, what
FROM (VALUES
  (1, NULL::bigint, NULL::integer, NULL::integer, NULL::float8, NULL::float8, NULL::float8, 'never bought'),
  (2, 0, 0, 0, 0.9, 0.2, NULL, 'bought today'),
  (3, 0, 29, 29, 0.6, 0.9, NULL, 'once, 29 days ago'),
  (4, 0, 30, 30, 0.6, 0.9, NULL, 'once, 30 days ago'),
  (5, 1, 2, 12, 0.9, 0.3, NULL, 'twice in 12 days'),
  (6, 3, 20, 89, 0.9, 0.3, NULL, 'first order 89 days ago'),
  (7, 3, 20, 90, 0.9, 0.3, NULL, 'first order 90 days ago'),
  (8, 20, 10, 400, 0.9, 0.1, 5, 'twice the usual interval, but only 10 days'),
  (9, 20, 14, 400, 0.9, 0.1, 14, 'as long as usual'),
  (10, 20, 15, 400, 0.9, 0.1, 14, 'longer than usual'),
  (11, 20, 28, 400, 0.9, 0.1, 14, 'twice as long, below 30 days'),
  (12, 20, 30, 400, 0.9, 0.1, 14, 'more than twice as long'),
  (13, 20, 29, 400, 0.01, 0.99, 14, 'as good as gone by the model, below 30 days'),
  (14, 2, 60, 200, 0.5, 0.8, NULL, 'alive with one half'),
  (15, 2, 60, 200, 0.4999, 0.8, NULL, 'alive with less'),
  (16, 2, 89, 200, 0.4, 0.96, NULL, 'silent for 89 days'),
  (17, 2, 90, 200, 0.4, 0.96, NULL, 'silent for 90 days'),
  (18, 2, 364, 900, 0.01, 0.999, NULL, 'silent for 364 days'),
  (19, 2, 365, 900, 0.01, 0.5, NULL, 'silent for a year, not alive'),
  (20, 2, 365, 900, 0.9, 0.995, NULL, 'silent for a year, alive and buys every ten years'),
  (21, 2, 365, 900, 0.9, 0.7, 300, 'silent for a year, buys every ten months'),
  (22, 2, 179, 900, NULL, NULL, NULL, 'no model, 179 days'),
  (23, 2, 180, 900, NULL, NULL, NULL, 'no model, 180 days'),
  (24, 2, 365, 900, NULL, NULL, NULL, 'no model, a year'),
  (25, 2, 730, 900, NULL, NULL, NULL, 'no model, two years'),
  (26, 2, 730, 900, 0.9, NULL, NULL, 'two years, P(alive) alone is known')) AS c(n, x, recency, tenure, alive, silent, usual, what)
ORDER BY n;

-- 40,000 customers: each has exactly one stage, the one that the rules written as
-- a query give, every stage occurs, and no more silence makes it better.
CREATE TEMP TABLE somebody AS
SELECT n, CASE WHEN pg_temp.unit(n, 1) < 0.9 THEN floor(pg_temp.unit(n, 2) ^ 3 * 40)::bigint END AS x,
       floor(tenure * pg_temp.unit(n, 3) ^ 2)::integer AS recency, tenure,
       CASE WHEN pg_temp.unit(n, 4) < 0.9 THEN pg_temp.unit(n, 5) ^ 2 END AS alive,
       CASE WHEN pg_temp.unit(n, 4) < 0.8 THEN 1 - pg_temp.unit(n, 6) ^ 4 END AS silent,
       CASE WHEN pg_temp.unit(n, 7) < 0.7 THEN 1 + floor(pg_temp.unit(n, 8) ^ 2 * 300) END AS usual
FROM (SELECT n, floor(1500 * pg_temp.unit(n, 0) ^ 2)::integer AS tenure FROM generate_series(1, 40000) AS n) AS t;
CREATE TEMP TABLE staged AS
SELECT *, omnicrm.lifecycle_stage(x, recency, tenure, alive, silent, usual) AS stage FROM somebody;
SELECT stage, count(*) > 100 AS many FROM staged GROUP BY stage ORDER BY min(array_position('{prospect,new,onboarding,active,slowing,at_risk,dormant,lost}', stage));
SELECT count(*) AS differences
FROM (SELECT stage, CASE
               WHEN x IS NULL THEN 'prospect'
               WHEN recency >= 365 AND (alive < 0.1 OR silent > 0.99 OR alive IS NULL AND silent IS NULL AND recency >= 730) THEN 'lost'
               WHEN recency >= 90 AND (silent > 0.95 OR alive IS NULL AND silent IS NULL AND recency >= 365) THEN 'dormant'
               WHEN recency >= 30 AND (alive < 0.5 OR recency > 2 * usual OR alive IS NULL AND silent IS NULL AND recency >= 180) THEN 'at_risk'
               WHEN recency >= 14 AND recency > usual THEN 'slowing'
               WHEN x = 0 AND tenure < 30 THEN 'new'
               WHEN tenure < 90 THEN 'onboarding'
               ELSE 'active' END AS plain
      FROM staged) AS s
WHERE stage IS DISTINCT FROM plain;
CREATE FUNCTION pg_temp.place(stage text) RETURNS integer LANGUAGE sql IMMUTABLE
AS $$ SELECT greatest(array_position('{active,slowing,at_risk,dormant,lost}', stage), 1) $$;
SELECT count(*) AS better_by_silence
FROM staged AS s
WHERE x IS NOT NULL
  AND pg_temp.place(omnicrm.lifecycle_stage(x, recency + 40, tenure + 40, alive * 0.8, 1 - (1 - silent) * 0.8, usual)) < pg_temp.place(stage);
-- Thresholds of one's own, and given whole.
SELECT count(*) FILTER (WHERE stage <> own) AS moved, count(*) FILTER (WHERE stage <> same) AS differences
FROM (SELECT stage, omnicrm.lifecycle_stage(x, recency, tenure, alive, silent, usual, '{"dormant_days": 60}') AS own,
             omnicrm.lifecycle_stage(x, recency, tenure, alive, silent, usual, omnicrm.lifecycle_thresholds()) AS same FROM staged) AS s;
-- Other thresholds for each row of one query.
SELECT omnicrm.lifecycle_stage(2, 40, 200, 0.9, 0.5, 15, t::jsonb) AS stage
FROM (VALUES ('{"at_risk_overdue": 3}'), ('{"at_risk_days": 20}'), ('{"slowing_overdue": 4, "at_risk_overdue": 5}'), (NULL), ('{}')) AS v(t);

-- Who was in a stage: the first look gives the stage itself, and so do an order and
-- a look that finds the same.
SELECT count(*) FILTER (WHERE first_look <> stage) AS first_look, count(*) FILTER (WHERE after_prospect <> stage) AS after_prospect,
       count(*) FILTER (WHERE after_order <> stage) AS after_order, count(*) FILTER (WHERE stays <> stage) AS stays
FROM (SELECT stage,
             omnicrm.lifecycle_next(NULL, NULL, NULL, x, recency, tenure, alive, silent, usual) AS first_look,
             omnicrm.lifecycle_next('prospect', 0, false, x, recency, tenure, alive, silent, usual) AS after_prospect,
             omnicrm.lifecycle_next((ARRAY['active', 'slowing', 'lost', 'new'])[1 + n % 4], 3, true, x, recency, tenure, alive, silent, usual) AS after_order,
             omnicrm.lifecycle_next(stage, 100, false, x, recency, tenure, alive, silent, usual) AS stays
      FROM staged) AS s;
-- An order of the last days: new, onboarding or active, whatever was before.
SELECT DISTINCT omnicrm.lifecycle_next(previous, 0, true, x, 13, greatest(tenure, 13), 0, 1, usual) AS after_recent_order
FROM staged CROSS JOIN unnest('{new,onboarding,active,slowing,at_risk,dormant,lost}'::text[]) AS previous
WHERE x IS NOT NULL ORDER BY 1;
-- Dwell: no move of level before 14 days; growth goes by the clock.
SELECT count(*) AS moved_too_early
FROM (SELECT s.*, previous, days, omnicrm.lifecycle_next(previous, days, false, x, recency, tenure, alive, silent, usual) AS next
      FROM staged AS s CROSS JOIN unnest('{active,slowing,at_risk,dormant,lost}'::text[]) AS previous CROSS JOIN unnest('{0,13}'::integer[]) AS days
      WHERE x IS NOT NULL) AS s
WHERE next <> previous AND NOT (previous = 'active' AND next IN ('new', 'onboarding'));
SELECT days, omnicrm.lifecycle_next('active', days, false, 9, 200, 700, 0.01, 0.999, 10) AS "from active",
       omnicrm.lifecycle_next('lost', days, false, 9, 200, 700, 0.9, 0.1, 300) AS "from lost",
       omnicrm.lifecycle_next('new', days, false, 1, 9, 20, 0.9, 0.1) AS "second order",
       omnicrm.lifecycle_next('active', days, false, 9, 200, 700, 0.01, 0.999, 10, '{"dwell_days": 0}') AS "no dwell"
FROM unnest('{0,13,14,NULL}'::integer[]) AS days;
-- A limit is passed by the margin, either way.
SELECT alive, omnicrm.lifecycle_next('active', 50, false, 3, 60, 300, alive, 0.5) AS down, omnicrm.lifecycle_next('at_risk', 50, false, 3, 60, 300, alive, 0.5) AS up
FROM unnest('{0.56,0.55,0.549,0.5,0.451,0.45,0.449}'::float8[]) AS alive;
SELECT recency, omnicrm.lifecycle_next('active', 50, false, 3, recency, 300, 0.9, 0.5, 20) AS down,
       omnicrm.lifecycle_next('slowing', 50, false, 3, recency, 300, 0.9, 0.5, 20) AS up
FROM unnest('{17,18,19,20,22,23}'::integer[]) AS recency;
SELECT silent, omnicrm.lifecycle_next('active', 50, false, 3, 100, 300, 0.9, silent) AS down, omnicrm.lifecycle_next('dormant', 50, false, 3, 100, 300, 0.9, silent) AS up
FROM unnest('{0.944,0.946,0.95,0.954,0.956}'::float8[]) AS silent;

-- 300 customers near the limits, looked at 40 times while their signals oscillate
-- by less than the margin: without hysteresis they flip all the time, with it they
-- change their level at most once, and never back.
CREATE FUNCTION pg_temp.look(hysteresis boolean)
RETURNS TABLE (changes bigint, most bigint, returns bigint)
LANGUAGE plpgsql
AS $$
DECLARE
  stage text;
  found text;
  seen text[];
  changed bigint;
  d double precision;
BEGIN
  changes := 0; most := 0; returns := 0;
  FOR c IN 1 .. 300 LOOP
    stage := NULL; seen := '{}'; changed := 0;
    FOR t IN 1 .. 40 LOOP
      d := 1 + 0.06 * (2 * pg_temp.unit(100 * c + t, 9) - 1);
      found := CASE WHEN hysteresis
                    THEN omnicrm.lifecycle_next(stage, 20, false, 5, 400, 900, 0.5 * d, 1 - (0.05 + 0.001 * (c % 7 - 3)) * d, 400 * d)
                    ELSE omnicrm.lifecycle_stage(5, 400, 900, 0.5 * d, 1 - (0.05 + 0.001 * (c % 7 - 3)) * d, 400 * d) END;
      IF found <> stage THEN
        changed := changed + 1;
        returns := returns + (found = ANY (seen))::integer;
      END IF;
      seen := array_append(seen, coalesce(stage, 'none'));
      stage := found;
    END LOOP;
    changes := changes + changed;
    most := greatest(most, changed);
  END LOOP;
  RETURN NEXT;
END
$$;
SELECT changes > 3000 AS many_changes, most > 10 AS often, returns > 1000 AS back_and_forth FROM pg_temp.look(false);
SELECT most <= 1 AS at_most_once, returns FROM pg_temp.look(true);

-- Phases, value, strategy: every combination has one.
SELECT omnicrm.lifecycle_phase(stage) AS phase, omnicrm.lifecycle_phase(stage, true) AS "with a lead", omnicrm.lifecycle_phase(stage, false, true) AS "with an opportunity", stage
FROM unnest('{prospect,new,onboarding,active,slowing,at_risk,dormant,lost,NULL}'::text[]) AS stage;
SELECT omnicrm.value_class(past, margin, future) AS value, count(*), string_agg(concat_ws('/', coalesce(past, '-'), coalesce(margin, '-'), coalesce(future, '-')), ' ' ORDER BY past, margin, future) AS classes
FROM unnest('{A,B,C,L,NULL}'::text[]) AS past, unnest('{A,L,NULL}'::text[]) AS margin, unnest('{A,B,D,NULL}'::text[]) AS future
GROUP BY 1 ORDER BY 1;
SELECT stage, omnicrm.lifecycle_strategy(stage, 'high') AS high, omnicrm.lifecycle_strategy(stage, 'medium') AS medium, omnicrm.lifecycle_strategy(stage, 'low') AS low,
       omnicrm.lifecycle_strategy(stage, 'loss') AS loss, omnicrm.lifecycle_strategy(stage, 'unknown') AS unknown
FROM unnest('{prospect,new,onboarding,active,slowing,at_risk,dormant,lost}'::text[]) AS stage;
SELECT omnicrm.lifecycle_strategy(NULL, 'high') IS NULL AS null_stage, omnicrm.lifecycle_strategy('active', NULL) IS NULL AS null_value;

-- The usual interval: as percentile_cont, null with few intervals.
CREATE TEMP TABLE visit AS
SELECT c, date '2024-01-01' + floor(700 * pg_temp.unit(1000 * c + n, 10) ^ 2)::integer AS day
FROM generate_series(1, 300) AS c CROSS JOIN LATERAL generate_series(1, 1 + c % 40) AS n;
SELECT count(*) AS differences
FROM (SELECT c, omnicrm.customer_stats(day, 1) AS s FROM visit GROUP BY c) AS v
JOIN (SELECT c, count(*) AS intervals, percentile_cont(0.9) WITHIN GROUP (ORDER BY days) AS plain, percentile_cont(0.37) WITHIN GROUP (ORDER BY days) AS other
      FROM (SELECT c, day - lag(day) OVER (PARTITION BY c ORDER BY day) AS days FROM (SELECT DISTINCT c, day FROM visit) AS d) AS i
      WHERE days IS NOT NULL GROUP BY c) AS p USING (c)
WHERE omnicrm.stats_interval_quantile(s, 0.9, 1) IS NULL OR abs(omnicrm.stats_interval_quantile(s, 0.9, 1) - plain) > 1e-9
   OR abs(omnicrm.stats_interval_quantile(s, 0.37, 1) - other) > 1e-9
   OR (omnicrm.stats_interval_quantile(s, 0.9) IS NULL) <> (intervals < 3);
SELECT omnicrm.stats_interval_quantile(s, 0, 1) AS least, omnicrm.stats_interval_quantile(s, 1, 1) AS most, omnicrm.stats_interval_quantile(s, 0.5, 3) AS few
FROM (SELECT omnicrm.customer_stats(day, 1) AS s FROM (VALUES (date '2024-01-01'), ('2024-01-03'), ('2024-02-03')) AS v(day)) AS t;
SELECT omnicrm.stats_interval_quantile(omnicrm.customer_stats('2024-01-01'::date, 1), 0.5, 1) AS one_order;
SELECT omnicrm.stats_interval_quantile(omnicrm.customer_stats('2024-01-01'::date, 1), 1.5);
SELECT omnicrm.stats_interval_quantile(omnicrm.customer_stats('2024-01-01'::date, 1), 'NaN');
SELECT omnicrm.stats_interval_quantile(omnicrm.customer_stats('2024-01-01'::date, 1), 0.5, 0);

-- Bad arguments.
SELECT omnicrm.lifecycle_stage(-1, 0, 0, NULL, NULL);
SELECT omnicrm.lifecycle_stage(1, -1, 0, NULL, NULL);
SELECT omnicrm.lifecycle_stage(1, 5, 4, NULL, NULL);
SELECT omnicrm.lifecycle_stage(1, NULL, 4, NULL, NULL);
SELECT omnicrm.lifecycle_stage(1, 1, NULL, NULL, NULL);
SELECT omnicrm.lifecycle_stage(1, 1, 1, 1.5, NULL);
SELECT omnicrm.lifecycle_stage(1, 1, 1, 'NaN', NULL);
SELECT omnicrm.lifecycle_stage(1, 1, 1, NULL, -0.1);
SELECT omnicrm.lifecycle_stage(1, 1, 1, NULL, NULL, 0);
SELECT omnicrm.lifecycle_stage(1, 1, 1, NULL, NULL, 'NaN');
SELECT omnicrm.lifecycle_stage(1, 1, 1, NULL, NULL, 'Infinity') AS endless_interval;
SELECT omnicrm.lifecycle_stage(9223372036854775807, 2147483647, 2147483647, 0, 1, 1e-300) AS far_out;
SELECT omnicrm.lifecycle_next('sleeping', 1, false, 1, 1, 1, NULL, NULL);
SELECT omnicrm.lifecycle_next('active', -1, false, 1, 1, 1, NULL, NULL);
SELECT omnicrm.lifecycle_next('lost', 1, false, NULL, NULL, NULL, NULL, NULL) AS orders_taken_back;
SELECT omnicrm.lifecycle_thresholds('[]');
SELECT omnicrm.lifecycle_thresholds('{"new_day": 3}');
SELECT omnicrm.lifecycle_thresholds('{"new_days": "3"}');
SELECT omnicrm.lifecycle_thresholds('{"margin": 0.6}');
SELECT omnicrm.lifecycle_thresholds('{"dwell_days": -1}');
SELECT omnicrm.lifecycle_thresholds('{"lost_p_alive": 1e400}');
SELECT omnicrm.lifecycle_thresholds('{"dormant_days": 20}');
SELECT omnicrm.lifecycle_stage(1, 1, 1, NULL, NULL, NULL, '{"dormant_days": 20}');
SELECT omnicrm.lifecycle_phase('sleeping');
SELECT omnicrm.value_class('M');
SELECT omnicrm.value_class('AA');
SELECT omnicrm.value_class(NULL, '');
SELECT omnicrm.lifecycle_strategy('active', 'huge');
SELECT omnicrm.lifecycle_strategy('Active', 'high');
