-- Attribution of a whole set of touches in one pass, without GROUP BY journey: 14
-- journeys for each of :customers customers, 4.3 touches each on average, 12 channels,
-- 22 % of the journeys with a conversion; in the order of journeys and in random order.
-- omnicrm.attribution() and attribution_of_table() give twelve models, paths, flows, lengths, times and Markov counts.
-- The plain way gives four models (first, last, linear, u_shaped; window functions), and
-- apart from that the Markov counts (lag()). Median of five.
SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 0;
-- each scan from the first row on: one that joins where another stands is not in the order of the table
SET synchronize_seqscans = off;

CREATE TABLE bench.journey_event AS
SELECT j AS journey_key,
       timestamptz '2025-01-01Z' + (300 * bench.unit(j, 1) + t * bench.unit(j * 64 + t, 2)) * interval '1 day' AS ts,
       'channel ' || 1 + floor(12 * power(bench.unit(j * 64 + t, 3) * 0.4 + bench.unit(j, 4) * 0.6, 2))::integer AS actor,
       NULL::numeric AS value
FROM generate_series(1, 14 * :customers) AS j, generate_series(1, least(60, 1 + floor(ln(1 - bench.unit(j, 5)) / ln(1 - 1 / 4.28)))::integer) AS t
UNION ALL
SELECT j, timestamptz '2025-01-01Z' + (300 * bench.unit(j, 1) + 8 * bench.unit(j, 6)) * interval '1 day', NULL, round((200 * bench.unit(j, 7))::numeric, 2)
FROM generate_series(1, 14 * :customers) AS j
WHERE bench.unit(j, 8) < 0.22;
CREATE TABLE bench.journey_clustered AS SELECT * FROM bench.journey_event ORDER BY journey_key, ts;
CREATE TABLE bench.journey_random AS SELECT * FROM bench.journey_event ORDER BY hashint8extended(journey_key * 1000 + extract(epoch FROM ts)::bigint, 9);
DROP TABLE bench.journey_event;
VACUUM ANALYZE bench.journey_clustered;
VACUUM ANALYZE bench.journey_random;

-- The plain ways, for one of the tables.
CREATE FUNCTION bench.plain_models(source regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format($query$
    SELECT count(*) FROM (
      SELECT actor, sum(value) FILTER (WHERE place = 1), sum(value) FILTER (WHERE place = touches), sum(value / touches),
             sum(value * CASE WHEN touches = 1 THEN 1 WHEN touches = 2 THEN 0.5 WHEN place IN (1, touches) THEN 0.4 ELSE 0.2 / (touches - 2) END)
      FROM (SELECT t.actor, c.value, row_number() OVER (PARTITION BY c.journey_key ORDER BY t.ts, t.actor) AS place, count(*) OVER (PARTITION BY c.journey_key) AS touches
            FROM %1$s AS c JOIN %1$s AS t ON t.journey_key = c.journey_key AND t.ts <= c.ts AND t.value IS NULL
            WHERE c.value IS NOT NULL) AS w
      GROUP BY actor) AS m
  $query$, source);
END
$$;
CREATE FUNCTION bench.plain_transitions(source regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format($query$
    SELECT count(*) FROM (
      SELECT before, actor, count(*)
      FROM (SELECT actor, lag(actor) OVER (PARTITION BY journey_key ORDER BY ts) AS before FROM %s WHERE value IS NULL) AS w
      GROUP BY before, actor) AS m
  $query$, source);
END
$$;
CREATE FUNCTION bench.ours(source regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  EXECUTE format('SELECT omnicrm.attribution(journey_key, ts, actor, value) FROM %s', source);
END
$$;

CREATE FUNCTION bench.ours_of_table(source regclass)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  PERFORM omnicrm.attribution_of_table(source, 'journey_key', 'ts', 'actor', 'value');
END
$$;

CREATE TABLE bench.journey_time (source text, kind text, ms double precision);
DO $bench$
DECLARE
  started timestamptz;
  source text;
  kind text;
BEGIN
  FOR run IN 1 .. 5 LOOP
    FOREACH source IN ARRAY '{bench.journey_clustered,bench.journey_random}'::text[] LOOP
      FOREACH kind IN ARRAY '{ours,workers,table,table_workers,models,transitions,read}'::text[] LOOP
        PERFORM set_config('max_parallel_workers_per_gather', CASE WHEN kind ~ 'workers' THEN '2' ELSE '0' END, true);
        started := clock_timestamp();
        CASE kind
          WHEN 'models' THEN PERFORM bench.plain_models(source);
          WHEN 'transitions' THEN PERFORM bench.plain_transitions(source);
          WHEN 'table', 'table_workers' THEN PERFORM bench.ours_of_table(source);
          WHEN 'read' THEN EXECUTE format('SELECT count(journey_key), count(ts), count(actor), count(value) FROM %s', source);
          ELSE PERFORM bench.ours(source);
        END CASE;
        INSERT INTO bench.journey_time VALUES (source, kind, 1000 * extract(epoch FROM clock_timestamp() - started));
      END LOOP;
    END LOOP;
  END LOOP;
END
$bench$;

WITH t AS (
  SELECT source, kind, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS ms FROM bench.journey_time GROUP BY source, kind
), size AS (
  SELECT count(actor) AS touches, count(DISTINCT journey_key) AS journeys FROM bench.journey_clustered
)
INSERT INTO bench_result
SELECT format(w.work, size.touches, size.journeys, CASE o.source WHEN 'bench.journey_random' THEN 'random order' ELSE 'clustered' END), w.ours_ms, w.plain_ms
FROM size, (VALUES ('bench.journey_clustered'), ('bench.journey_random')) AS o(source)
  CROSS JOIN LATERAL (SELECT max(ms) FILTER (WHERE kind = 'ours') AS ours, max(ms) FILTER (WHERE kind = 'workers') AS workers, max(ms) FILTER (WHERE kind = 'table') AS "table",
                             max(ms) FILTER (WHERE kind = 'table_workers') AS table_workers, max(ms) FILTER (WHERE kind = 'models') AS models,
                             max(ms) FILTER (WHERE kind = 'transitions') AS transitions, max(ms) FILTER (WHERE kind = 'read') AS read
                      FROM t WHERE t.source = o.source) AS k
  CROSS JOIN LATERAL (VALUES
    ('attribution of %s touches of %s journeys, %s, against four models and Markov counts', k.ours, k.models + k.transitions),
    ('the same, %3$s, with two workers', k.workers, NULL),
    ('the same by attribution_of_table, %3$s', k."table", k.models + k.transitions),
    ('the same by attribution_of_table, %3$s, by two processes or, with more than two processors, three', k.table_workers, NULL),
    ('reading the same rows and counting their columns, %3$s', k.read, NULL)) AS w(work, ours_ms, plain_ms);
