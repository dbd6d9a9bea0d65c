-- Each aggregate of the segment domain in each use: rows in any order, parts of a table merged, workers, little memory, ROLLUP and moving frames
-- give what the same rows give at once, to the bit.
SET client_min_messages = warning;
SET datestyle = 'ISO';
SET timezone = 'UTC';
CREATE FUNCTION pg_temp.unit(n bigint, salt bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT ((hashint8extended(n, salt) & 1048575) + 0.5) / 1048576.0 $$;
CREATE TABLE fact AS
SELECT n AS id, n % 4 AS part, date '2024-01-01' + (300 * pg_temp.unit(n, 1))::integer AS day, round((200 * pg_temp.unit(n, 2) ^ 3 - 5)::numeric, 2) AS amount,
       x, CASE WHEN x = 0 THEN 0 ELSE ceil(40 * pg_temp.unit(n, 3)) END AS t_x, 45 + n % 7 AS t, pg_temp.unit(n, 4) AS p, pg_temp.unit(n, 5) AS q,
       CASE WHEN n % 3 > 0 THEN (60 * pg_temp.unit(n, 6))::integer END AS paid_after,
       omnicrm.customer_stats(date '2024-01-01' + (300 * pg_temp.unit(n, 7))::integer, n % 50, n % 9) AS stats
FROM (SELECT n, floor(6 * pg_temp.unit(n, 8) ^ 2)::bigint AS x FROM generate_series(1, 3000) AS n) AS g
GROUP BY n, x;
CREATE TABLE part (LIKE fact) PARTITION BY LIST (part);
CREATE TABLE part_a PARTITION OF part FOR VALUES IN (2);
CREATE TABLE part_b PARTITION OF part FOR VALUES IN (0, 3);
CREATE TABLE part_c PARTITION OF part FOR VALUES IN (1);
INSERT INTO part TABLE fact;
ANALYZE fact, part;
ALTER TABLE fact SET (parallel_workers = 2);

CREATE TABLE use (aggregate text, call text);
INSERT INTO use VALUES
  ('customer_stats', 'omnicrm.customer_stats(day, amount, -amount)'), ('customer_stats', 'omnicrm.customer_stats(day, amount, NULL, ''EUR'', amount > 3)'), ('customer_stats', 'omnicrm.customer_stats(day::timestamp, amount)'),
  ('stats_rollup', 'omnicrm.stats_rollup(stats)'), ('interval_regularity', 'omnicrm.interval_regularity(p)'),
  ('rfm_cuts', 'omnicrm.rfm_cuts(amount)'), ('rfm_cuts', 'omnicrm.rfm_cuts(x, 7, ''rfm'')'), ('gini', 'omnicrm.gini(amount)'), ('top_share', 'omnicrm.top_share(amount, 0.2)'),
  ('share_needed', 'omnicrm.share_needed(amount, 0.65)'), ('customers_needed', 'omnicrm.customers_needed(amount, 0.65)'),
  ('pareto_curve', 'omnicrm.pareto_curve(amount, 10)'), ('lorenz_curve', 'omnicrm.lorenz_curve(amount, 10)'),
  ('clv_fit_bg_nbd', 'omnicrm.clv_fit_bg_nbd(x, t_x, t)'), ('clv_fit_mbg_nbd', 'omnicrm.clv_fit_mbg_nbd(x, t_x, t, NULL, ARRAY[part])'),
  ('clv_fit_pareto_nbd', 'omnicrm.clv_fit_pareto_nbd(x, t_x, t)'), ('clv_fit_bg_bb', 'omnicrm.clv_fit_bg_bb(x, greatest(x, t_x::bigint), 52)'),
  ('clv_fit_gamma_gamma', 'omnicrm.clv_fit_gamma_gamma(x, amount)'),
  ('calibration_fit', 'omnicrm.calibration_fit(p, x > 1)'), ('calibration_fit', 'omnicrm.calibration_fit(p, x > 1, q)'),
  ('payment_stats', 'omnicrm.payment_stats(day + 30, day + paid_after, amount, ''2024-09-01'')'), ('effective_number', 'omnicrm.effective_number(greatest(amount, 0))');
-- None is left out.
SELECT DISTINCT p.proname AS not_tested
FROM pg_aggregate AS a JOIN pg_proc AS p ON p.oid = a.aggfnoid
WHERE p.pronamespace = 'omnicrm'::regnamespace AND p.proname NOT IN (SELECT aggregate FROM use)
  AND p.proname ~ '^(customer_|stats_|interval_|rfm_|gini|top_share|share_|pareto_|lorenz_|clv_|calibration_|payment_|effective_)';
SELECT DISTINCT p.proname AS not_parallel
FROM pg_aggregate AS a JOIN pg_proc AS p ON p.oid = a.aggfnoid JOIN use AS u ON u.aggregate = p.proname
WHERE p.pronamespace = 'omnicrm'::regnamespace AND (a.aggcombinefn = 0 OR p.proparallel <> 's');

CREATE FUNCTION pg_temp.result(query text, VARIADIC arguments text[])
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format(query, VARIADIC arguments) INTO result;
  RETURN result;
END
$$;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE whole AS SELECT u.*, pg_temp.result('SELECT (%s)::text FROM fact', call) AS result FROM use AS u;
SELECT count(*) AS uses, count(result) AS results, count(DISTINCT result) AS different FROM whole;

-- Order of the rows.
SELECT aggregate AS depends_on_order FROM whole
WHERE result IS DISTINCT FROM pg_temp.result('SELECT (%s)::text FROM (SELECT * FROM fact ORDER BY hashint8extended(id, 9)) AS f', call)
   OR result IS DISTINCT FROM pg_temp.result('SELECT (%s)::text FROM (SELECT * FROM fact ORDER BY id DESC) AS f', call);
-- Parts that are merged.
SET enable_partitionwise_aggregate = on;
SELECT aggregate AS not_planned_in_parts FROM whole WHERE pg_temp.result('EXPLAIN (FORMAT json) SELECT %s FROM part', call) NOT LIKE '%"Partial Mode": "Partial"%';
SELECT aggregate AS depends_on_parts FROM whole WHERE result IS DISTINCT FROM pg_temp.result('SELECT (%s)::text FROM part', call);
RESET enable_partitionwise_aggregate;
-- Workers, and little memory.
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SELECT aggregate AS not_planned_in_parallel FROM whole WHERE pg_temp.result('EXPLAIN (FORMAT json) SELECT %s FROM fact', call) NOT LIKE '%"Partial Mode": "Partial"%';
SELECT aggregate AS depends_on_workers FROM whole WHERE result IS DISTINCT FROM pg_temp.result('SELECT (%s)::text FROM fact', call);
SET max_parallel_workers_per_gather = 1;
SET parallel_leader_participation = off;
SET work_mem = '64kB';
SELECT aggregate AS depends_on_workers FROM whole WHERE result IS DISTINCT FROM pg_temp.result('SELECT (%s)::text FROM fact', call);
RESET parallel_leader_participation;
SET max_parallel_workers_per_gather = 0;
SELECT aggregate AS depends_on_memory FROM whole WHERE result IS DISTINCT FROM pg_temp.result('SELECT (%s)::text FROM fact', call);

-- Groups with their totals, also when the groups do not fit into memory.
SELECT aggregate AS rollup_differs
FROM whole, unnest('{0,1,2,3,NULL}'::integer[]) AS part
WHERE pg_temp.result('SELECT (%s)::text FROM fact WHERE coalesce(part = %L::integer, true)', call, part::text)
      IS DISTINCT FROM pg_temp.result('SELECT r FROM (SELECT part, (%s)::text AS r FROM fact GROUP BY ROLLUP (part)) AS g WHERE part IS NOT DISTINCT FROM %L', call, part::text);
RESET work_mem;
-- Moving frames, with and without a row left out, and growing ones.
SELECT aggregate AS frame_differs
FROM whole, (VALUES ('ROWS BETWEEN 12 PRECEDING AND 5 FOLLOWING', 'id BETWEEN 288 AND 305'),
                    ('ROWS BETWEEN 12 PRECEDING AND 5 FOLLOWING EXCLUDE CURRENT ROW', 'id BETWEEN 288 AND 305 AND id <> 300'),
                    ('ROWS UNBOUNDED PRECEDING', 'id BETWEEN 280 AND 300'), ('RANGE BETWEEN 15 PRECEDING AND CURRENT ROW', 'id BETWEEN 285 AND 300'),
                    ('GROUPS BETWEEN CURRENT ROW AND 10 FOLLOWING', 'id BETWEEN 300 AND 310')) AS w(frame, rows)
WHERE pg_temp.result('SELECT r FROM (SELECT id, (%s OVER (ORDER BY id %s))::text AS r FROM fact WHERE id BETWEEN 280 AND 312) AS f WHERE id = 300', call, frame)
      IS DISTINCT FROM pg_temp.result('SELECT (%s)::text FROM fact WHERE %s', call, rows);
DROP TABLE fact, part, use;
