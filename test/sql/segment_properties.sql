-- What must hold for any data: equality with plain SQL, independence of the
-- order of the rows, merged states equal to one state. Values are hashes of
-- numbers, so every run sees the same.
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.unit(n bigint, salt bigint)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(n, salt) & 1048575) / 1048576.0 $$;

-- 300 samples of 1 to 2,000 values of different kinds: even, with many ties,
-- with a long tail, with losses, all equal.
CREATE TEMP TABLE sample AS
SELECT s.sample, n AS item,
       CASE s.sample % 5
         WHEN 0 THEN round((1000 * pg_temp.unit(n, s.sample))::numeric, 2)
         WHEN 1 THEN floor(6 * power(pg_temp.unit(n, s.sample), 3))::numeric
         WHEN 2 THEN round((5 / (0.0001 + power(pg_temp.unit(n, s.sample), 2)))::numeric, 2)
         WHEN 3 THEN round((300 * pg_temp.unit(n, s.sample) - 60)::numeric, 2)
         ELSE 12.34
       END AS value
FROM generate_series(1, 300) AS s(sample)
  CROSS JOIN LATERAL generate_series(1, 1 + floor(2000 * power(pg_temp.unit(s.sample, 0), 6))::integer) AS n;
SELECT count(DISTINCT sample) AS samples, count(*) > 60000 AS many, max(item) > 1500 AS large FROM sample;

-- Cut points equal percentile_cont.
SELECT count(*) AS cuts_differ
FROM (SELECT sample, bins, omnicrm.rfm_cuts(value, bins) AS ours,
             percentile_cont(ARRAY(SELECT i::float8 / bins FROM generate_series(1, bins - 1) AS i))
               WITHIN GROUP (ORDER BY value::float8) AS plain
      FROM sample CROSS JOIN (VALUES (2), (5), (10)) AS b(bins)
      GROUP BY sample, bins) AS c
  CROSS JOIN LATERAL unnest(c.ours, c.plain) AS u(ours, plain)
WHERE abs(u.ours - u.plain) > 1e-9 * (1 + abs(u.plain)) OR u.ours IS NULL OR u.plain IS NULL;

-- Equal values have equal scores, scores never fall, and stay on the scale.
CREATE TEMP VIEW scored AS
SELECT s.sample, s.value, omnicrm.rfm_score(s.value::float8, c.cuts) AS score,
       omnicrm.rfm_score(s.value::float8, c.cuts, true) AS reversed
FROM sample AS s JOIN (SELECT sample, omnicrm.rfm_cuts(value) AS cuts FROM sample GROUP BY sample) AS c USING (sample);
SELECT count(*) AS torn_ties FROM (SELECT 1 FROM scored GROUP BY sample, value HAVING min(score) <> max(score)) AS t;
SELECT count(*) AS falling
FROM (SELECT score, lag(score) OVER (PARTITION BY sample ORDER BY value, score) AS before FROM scored) AS t
WHERE score < before;
SELECT count(*) AS off_scale FROM scored WHERE score NOT BETWEEN 1 AND 5 OR score + reversed <> 6;

-- Classes equal the plain window query, exactly for numeric.
CREATE TEMP VIEW classed AS
SELECT sample, value,
       omnicrm.abc_class(value) OVER w AS ours,
       omnicrm.abc_class(value::float8) OVER w AS ours_float,
       CASE WHEN value < 0 THEN 'L'
            WHEN larger < 0.8 * total THEN 'A'
            WHEN larger < 0.95 * total THEN 'B'
            ELSE 'C' END AS plain
FROM (SELECT sample, value,
             sum(greatest(value, 0)) OVER (PARTITION BY sample ORDER BY value DESC)
             - greatest(value, 0) * count(*) OVER (PARTITION BY sample, value) AS larger,
             sum(greatest(value, 0)) OVER (PARTITION BY sample) AS total
      FROM sample) AS s
WINDOW w AS (PARTITION BY sample);
SELECT count(*) FILTER (WHERE ours IS DISTINCT FROM plain) AS numeric_differs,
       count(*) FILTER (WHERE ours_float IS DISTINCT FROM plain) AS float8_differs,
       string_agg(DISTINCT ours, '' ORDER BY ours) AS classes
FROM classed;

-- Concentration equals the definition.
SELECT count(*) AS concentration_differs
FROM (
  SELECT sample, omnicrm.gini(value) AS gini, omnicrm.top_share(value, 0.2) AS top_share, omnicrm.share_needed(value, 0.8) AS needed
  FROM sample GROUP BY sample
) AS ours JOIN (
  SELECT sample, count(*) AS n, sum(value) AS total,
         2 * sum(i * value) / (count(*) * nullif(sum(value), 0)) - (count(*) + 1) / count(*)::numeric AS gini,
         sum(value) FILTER (WHERE down <= ceil(0.2 * n)) / nullif(sum(value), 0) AS top_share,
         min(down) FILTER (WHERE larger >= 0.8 * total)::numeric / count(*) AS needed
  FROM (SELECT sample, value, row_number() OVER (PARTITION BY sample ORDER BY value, item) AS i,
               row_number() OVER (PARTITION BY sample ORDER BY value DESC, item DESC) AS down,
               sum(value) OVER (PARTITION BY sample ORDER BY value DESC, item DESC ROWS UNBOUNDED PRECEDING) AS larger,
               sum(value) OVER (PARTITION BY sample) AS total, count(*) OVER (PARTITION BY sample) AS n
        FROM sample) AS ranked
  GROUP BY sample
) AS plain USING (sample)
WHERE CASE WHEN plain.total > 0
           THEN NOT (abs(ours.gini - plain.gini) < 1e-12 AND abs(ours.top_share - plain.top_share) < 1e-12
                     AND abs(ours.needed - plain.needed) < 1e-12)
           ELSE num_nonnulls(ours.gini, ours.top_share, ours.needed) > 0 END;
SELECT count(*) AS gini_out_of_range
FROM (SELECT omnicrm.gini(value) AS gini FROM sample WHERE value >= 0 GROUP BY sample) AS g
WHERE gini NOT BETWEEN 0 AND 1;

-- Bit for bit the same in three orders of the rows.
CREATE TEMP VIEW every_result AS
SELECT sample, turn, omnicrm.rfm_cuts(value) AS cuts, omnicrm.rfm_cuts(value, 7, 'rfm') AS cuts_rfm, omnicrm.gini(value::float8) AS gini,
       omnicrm.top_share(value::float8, 0.1) AS top_share, omnicrm.share_needed(value::float8, 0.65) AS needed,
       omnicrm.customer_stats(date '2024-01-01' + (value / 7)::integer % 400, value, -value)::text AS orders
FROM (SELECT s.sample, t.turn, s.value FROM sample AS s CROSS JOIN generate_series(1, 3) AS t(turn)
      ORDER BY t.turn, hashint8extended(s.item, t.turn)) AS shuffled
GROUP BY sample, turn;
SELECT count(*) AS depends_on_order
FROM (SELECT sample FROM every_result GROUP BY sample HAVING count(DISTINCT every_result.*::text) <> 3
      OR count(DISTINCT (cuts, cuts_rfm, gini, top_share, needed, orders)::text) <> 1) AS d;
SELECT count(*) AS stats_differ
FROM (SELECT sample, orders::omnicrm.customer_stats AS s FROM every_result) AS r
  JOIN (SELECT sample, max(day) FILTER (WHERE value >= 0) AS last_order, array_agg(DISTINCT day ORDER BY day) FILTER (WHERE value >= 0) AS days,
               sum(value) AS monetary, sum(value) FILTER (WHERE value >= 0) AS sold, count(*) FILTER (WHERE value >= 0) AS orders,
               count(*) FILTER (WHERE value < 0) AS returns
        FROM (SELECT *, date '2024-01-01' + (value / 7)::integer % 400 AS day FROM sample) AS d GROUP BY sample) AS p USING (sample)
WHERE (omnicrm.stats_last_order(r.s), omnicrm.stats_days(r.s), omnicrm.stats_monetary(r.s), omnicrm.stats_margin(r.s),
       omnicrm.stats_sold(r.s), omnicrm.stats_orders(r.s), omnicrm.stats_returns(r.s), omnicrm.stats_without_margin(r.s))
      IS DISTINCT FROM (p.last_order, coalesce(p.days, '{}'), p.monetary, -p.monetary, coalesce(p.sold, 0), p.orders, p.returns, 0::bigint);
-- Intervals equal the plain window query.
SELECT count(*) AS intervals_differ
FROM (SELECT sample, orders::omnicrm.customer_stats AS s FROM every_result WHERE turn = 1) AS r
  JOIN (SELECT sample, avg(gap) AS mean, stddev(gap) AS sd, count(gap) AS gaps
        FROM (SELECT sample, day - lag(day) OVER (PARTITION BY sample ORDER BY day) AS gap
              FROM (SELECT DISTINCT sample, date '2024-01-01' + (value / 7)::integer % 400 AS day FROM sample WHERE value >= 0) AS d) AS g
        GROUP BY sample) AS p USING (sample)
WHERE abs(omnicrm.stats_interval_mean(s) - mean) > 1e-9 OR (omnicrm.stats_interval_mean(s) IS NULL) <> (mean IS NULL)
   OR abs(omnicrm.stats_interval_sd(s) - sd) > 1e-9 OR (omnicrm.stats_interval_sd(s) IS NULL) <> (sd IS NULL);
-- Summed up in two steps, by parts of any size: the same.
SELECT count(*) AS rollup_differs
FROM (SELECT sample, omnicrm.stats_rollup(stats ORDER BY part)::text AS total, omnicrm.stats_rollup(stats ORDER BY part DESC)::text AS backwards
      FROM (SELECT sample, item % (1 + sample % 50) AS part,
                   omnicrm.customer_stats(date '2024-01-01' + (value / 7)::integer % 400, value, -value) AS stats
            FROM sample GROUP BY 1, 2) AS p
      GROUP BY sample) AS s
  JOIN every_result AS r ON r.sample = s.sample AND r.turn = 1
WHERE s.total IS DISTINCT FROM r.orders OR s.backwards IS DISTINCT FROM r.orders;

-- Merged states equal one state: partial aggregates of the parts of a table,
-- merged in one order and in the other.
CREATE TABLE segment_whole (part integer, value numeric);
INSERT INTO segment_whole SELECT 1 + item % 3, value FROM sample WHERE sample % 5 IN (0, 2, 3);
INSERT INTO segment_whole SELECT 4, NULL FROM generate_series(1, 10);
CREATE TABLE segment_part (part integer, value numeric) PARTITION BY LIST (part);
CREATE TABLE segment_part_a PARTITION OF segment_part FOR VALUES IN (1);
CREATE TABLE segment_part_b PARTITION OF segment_part FOR VALUES IN (2, 4);
CREATE TABLE segment_part_c PARTITION OF segment_part FOR VALUES IN (3);
CREATE TABLE segment_trap (part integer, value numeric) PARTITION BY LIST (part);
CREATE TABLE segment_trap_a PARTITION OF segment_trap FOR VALUES IN (4);
CREATE TABLE segment_trap_b PARTITION OF segment_trap FOR VALUES IN (3);
CREATE TABLE segment_trap_c PARTITION OF segment_trap FOR VALUES IN (1, 2);
INSERT INTO segment_part TABLE segment_whole;
INSERT INTO segment_trap TABLE segment_whole;
ANALYZE segment_whole, segment_part, segment_trap;
CREATE FUNCTION pg_temp.results(relation regclass)
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  result text;
BEGIN
  EXECUTE format('SELECT concat_ws('' '', omnicrm.rfm_cuts(value), omnicrm.rfm_cuts(value, 9), omnicrm.rfm_cuts(value, 4, ''rfm''),
                    omnicrm.gini(value), omnicrm.top_share(value, 0.05), omnicrm.share_needed(value, 0.9),
                    omnicrm.customers_needed(value, 0.5), omnicrm.pareto_curve(value, 7), omnicrm.calibration_fit(abs(value) / 100000, value > 50),
                    omnicrm.customer_stats(date ''2020-01-01'' + part * (abs(value) / 10)::integer %% 1000, value, value))
                  FROM %s', relation) INTO result;
  RETURN result;
END
$$;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS SELECT pg_temp.results('segment_whole') AS result;
SET enable_partitionwise_aggregate = on;
EXPLAIN (COSTS OFF) SELECT omnicrm.rfm_cuts(value), omnicrm.gini(value) FROM segment_part;
SELECT relation, pg_temp.results(relation) = serial.result AS same
FROM serial, unnest('{segment_part,segment_trap}'::regclass[]) AS relation;
-- A parameter that changes from part to part is seen in the merge.
SELECT omnicrm.top_share(value, part / 10.0) FROM segment_part WHERE value IS NOT NULL;
SELECT omnicrm.rfm_cuts(value, part + 1) FROM segment_part WHERE value IS NOT NULL;

-- The same with parallel workers, which hand over their states as bytea.
SET enable_partitionwise_aggregate = off;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
ALTER TABLE segment_whole SET (parallel_workers = 2);
EXPLAIN (COSTS OFF) SELECT omnicrm.rfm_cuts(value), omnicrm.gini(value), omnicrm.customer_stats(current_date, value, value) FROM segment_whole;
SELECT pg_temp.results('segment_whole') = serial.result AS same FROM serial;
SET parallel_leader_participation = off;
SELECT pg_temp.results('segment_whole') = serial.result AS same FROM serial;

-- Little memory for the rest of the query changes nothing.
RESET parallel_leader_participation;
SET work_mem = '64kB';
SELECT pg_temp.results('segment_whole') = serial.result AS same FROM serial;
SELECT count(*) FILTER (WHERE ours IS DISTINCT FROM plain) AS numeric_differs FROM classed WHERE sample BETWEEN 100 AND 140;
DROP TABLE segment_whole, segment_part, segment_trap;
