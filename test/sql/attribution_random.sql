-- Whole-set attribution on random touches: against plain SQL, in any order, with
-- workers, without memory, in parts.
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.unit(n bigint, salt integer) RETURNS double precision LANGUAGE sql IMMUTABLE
AS $$ SELECT (hashint8extended(n, salt) & 9007199254740991) / 9007199254740992.0 $$;

-- Few journeys with many events, many with few; times that often coincide; values of all signs and decimals.
CREATE TABLE random_event AS
SELECT n, CASE WHEN u.a < 0.02 THEN NULL ELSE floor(400 * u.a * u.a)::bigint * CASE WHEN n % 2 = 0 THEN 1 ELSE 1000003 END END AS journey,
       timestamptz '2026-01-01Z' + floor(600 * u.b) * interval '1 hour' AS ts,
       CASE WHEN u.c < 0.03 THEN NULL ELSE 'actor ' || floor(9 * u.c * u.c) END AS actor,
       CASE WHEN u.d < 0.15 THEN round((200 * u.e - 20)::numeric, (n % 4)::integer) END AS value,
       n / 2 AS event_id
FROM generate_series(1, 8000) AS n
  CROSS JOIN LATERAL (SELECT pg_temp.unit(n, 1) AS a, pg_temp.unit(n, 2) AS b, pg_temp.unit(n, 3) AS c, pg_temp.unit(n, 4) AS d, pg_temp.unit(n, 5) AS e) AS u;
ALTER TABLE random_event SET (parallel_workers = 3);
ANALYZE random_event;

CREATE TABLE random_options (o jsonb);
INSERT INTO random_options VALUES ('{}'), ('{"lookback": "3 days", "half_life": "12 hours"}'), ('{"lookback": "0"}'),
  ('{"exclude": ["actor 1", "actor 0"], "max_touches": 4, "non": "actor 2"}'), ('{"only_if_alone": "actor 0", "collapse": true, "weights": [1, 0, 7]}'),
  ('{"transform": "first", "markov_order": 2}'), ('{"lookback": "100 years", "half_life": "1 second", "markov_order": 4}');

-- Plain SQL for the models that need nothing but an order.
CREATE TEMP TABLE plain AS
WITH conversion AS (
  SELECT n, journey, ts, value FROM random_event WHERE value IS NOT NULL
), touched AS (
  SELECT c.n, c.value, t.actor, t.ts,
         row_number() OVER (PARTITION BY c.n ORDER BY t.ts, t.actor COLLATE "C") AS place,
         count(t.actor) OVER (PARTITION BY c.n) AS touches
  FROM conversion AS c LEFT JOIN (SELECT journey, ts, coalesce(actor, 'unknown') AS actor, value FROM random_event) AS t ON t.journey = c.journey AND t.ts <= c.ts AND t.value IS NULL
)
SELECT actor, count(actor) AS touches, sum(value) FILTER (WHERE place = 1) AS first, sum(value) FILTER (WHERE place = greatest(touches, 1)) AS last,
       sum(value / greatest(touches, 1)) AS linear,
       sum(value * CASE WHEN touches <= 1 THEN 1 WHEN touches = 2 THEN 0.5 WHEN place IN (1, touches) THEN 0.4 ELSE 0.2 / (touches - 2) END) AS u_shaped,
       sum(value) FILTER (WHERE NOT repeated) AS participation, sum(value / greatest(distinct_actors, 1)) FILTER (WHERE NOT repeated) AS shapley
FROM (SELECT t.*, row_number() OVER (PARTITION BY n, actor ORDER BY place) > 1 AS repeated,
             (SELECT count(DISTINCT o.actor) FROM touched AS o WHERE o.n = t.n) AS distinct_actors
      FROM touched AS t) AS d
GROUP BY actor;
SELECT count(*) AS actors, count(*) FILTER (WHERE p.touches IS DISTINCT FROM c.touches OR coalesce(p.first, 0) <> c.first OR coalesce(p.last, 0) <> c.last
    OR abs(p.linear - c.linear) > 1e-9 OR abs(p.u_shaped - c.u_shaped) > 1e-9 OR p.participation <> c.participation OR abs(p.shapley - c.shapley) > 1e-9) AS differ
FROM plain AS p
  FULL JOIN omnicrm.attribution_comparison((SELECT omnicrm.attribution(journey, ts, actor, value) FROM random_event)) AS c
    ON coalesce(c.actor, '') = coalesce(p.actor, '');

-- One summary for each of the options, in whatever way it is made.
CREATE TEMP TABLE expected AS
SELECT o, omnicrm.attribution(journey, ts, actor, value, o) AS s, omnicrm.attribution(journey, ts, actor, value, event_id, o) AS by_event
FROM random_event, random_options GROUP BY o;
SELECT count(*) AS options, count(DISTINCT s::text) AS summaries, count(DISTINCT by_event::text) AS by_event, bool_and(s::text <> by_event::text) AS ties_matter FROM expected;

CREATE FUNCTION pg_temp.other_ways(OUT differ bigint, OUT compared bigint) LANGUAGE sql AS $$
  SELECT count(*) FILTER (WHERE e.s::text <> w.s::text OR e.by_event::text <> w.by_event::text), count(*)
  FROM expected AS e
    JOIN (SELECT o, omnicrm.attribution(journey, ts, actor, value, o) AS s, omnicrm.attribution(journey, ts, actor, value, event_id, o) AS by_event
          FROM (SELECT * FROM random_event ORDER BY journey, ts DESC) AS r, random_options GROUP BY o
          UNION ALL
          SELECT o, omnicrm.attribution(journey, ts, actor, value, o), omnicrm.attribution(journey, ts, actor, value, event_id, o)
          FROM (SELECT * FROM random_event ORDER BY hashint8(n)) AS r, random_options GROUP BY o) AS w ON w.o = e.o
$$;
SELECT * FROM pg_temp.other_ways();
SET work_mem = '64kB';
SELECT * FROM pg_temp.other_ways();
RESET work_mem;

-- With workers.
CREATE FUNCTION pg_temp.uses_workers(query text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    IF line LIKE '%Partial Aggregate%' THEN RETURN true; END IF;
  END LOOP;
  RETURN false;
END
$$;
SET max_parallel_workers_per_gather = 3;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.uses_workers('SELECT omnicrm.attribution(journey, ts, actor, value) FROM random_event') AS workers;
CREATE FUNCTION pg_temp.with_workers(OUT differ bigint, OUT compared bigint) LANGUAGE plpgsql AS $$
DECLARE
  e record;
  s text;
  by_event text;
BEGIN
  differ := 0;
  compared := 0;
  FOR e IN SELECT * FROM expected LOOP
    EXECUTE format('SELECT omnicrm.attribution(journey, ts, actor, value, %L), omnicrm.attribution(journey, ts, actor, value, event_id, %1$L) FROM random_event', e.o)
      INTO s, by_event;
    compared := compared + 1;
    differ := differ + (s <> e.s::text OR by_event <> e.by_event::text)::integer;
  END LOOP;
END
$$;
SELECT * FROM pg_temp.with_workers();
SET work_mem = '64kB';
SELECT * FROM pg_temp.with_workers();
RESET work_mem;

-- Rows in the order of journeys, which each worker walks by itself: journeys that go on in the block of another, ties of one
-- instant, events that are told twice, names and decimals that only some workers meet, conversions without a journey;
-- the same with one journey behind, and in two partitions, each in order.
CREATE TABLE ordered_event AS
SELECT g, CASE WHEN n % 50 <> 7 THEN u.journey * CASE WHEN u.journey % 7 = 0 THEN 1000003 ELSE 1 END END AS journey,
       timestamptz '2026-01-01Z' + floor(40 * u.b * u.b) * interval '1 hour' AS ts,
       CASE WHEN u.c < 0.03 THEN NULL WHEN u.journey BETWEEN 3000 AND 3002 THEN 'alone ' || n ELSE 'actor ' || floor(9 * u.c * u.c) END AS actor,
       CASE WHEN u.d < 0.3 THEN round((200 * u.e - 20)::numeric, CASE WHEN u.journey > 3900 THEN 4 ELSE (n % 3)::integer END) END AS value,
       CASE WHEN n % 5 > 0 THEN 100000 - n END AS event_id
FROM generate_series(1, 16000) AS g
  CROSS JOIN LATERAL (SELECT CASE WHEN g % 10 = 3 THEN g - 1 ELSE g END AS n) AS d
  CROSS JOIN LATERAL (SELECT floor(4000 * pg_temp.unit(n, 11))::bigint AS journey, pg_temp.unit(n, 12) AS b, pg_temp.unit(n, 13) AS c, pg_temp.unit(n, 14) AS d, pg_temp.unit(n, 15) AS e) AS u
ORDER BY 2, hashint8(g);
CREATE TABLE behind_event AS SELECT * FROM ordered_event ORDER BY journey, g;
INSERT INTO behind_event SELECT g, -1, ts, actor, value, event_id FROM ordered_event WHERE g < 20;
CREATE TABLE parted_event (LIKE ordered_event, half boolean) PARTITION BY LIST (half);
CREATE TABLE parted_event_1 PARTITION OF parted_event FOR VALUES IN (true) WITH (parallel_workers = 1);
CREATE TABLE parted_event_2 PARTITION OF parted_event FOR VALUES IN (false) WITH (parallel_workers = 1);
INSERT INTO parted_event SELECT o.*, g % 2 = 0 FROM ordered_event AS o ORDER BY journey, hashint8(g);
ALTER TABLE ordered_event SET (parallel_workers = 3);
ALTER TABLE behind_event SET (parallel_workers = 3);
ANALYZE ordered_event, behind_event, parted_event;

CREATE FUNCTION pg_temp.ordered_ways(source regclass, memory text, OUT differ bigint, OUT compared bigint) LANGUAGE plpgsql AS $$
DECLARE
  o jsonb;
  query text;
  workers text[];
  alone text[];
BEGIN
  differ := 0;
  compared := 0;
  FOR o IN SELECT r.o FROM random_options AS r LOOP
    query := format('SELECT ARRAY[omnicrm.attribution(journey, ts, actor, value, %1$L)::text, omnicrm.attribution(journey, ts, actor, value, event_id, %1$L)::text, '
                    'omnicrm.attribution(journey %% 300, ts, actor, value, %1$L)::text, '
                    'omnicrm.attribution(journey, ts, coalesce(length(actor), 3), value, %1$L)::text] FROM %2$s', o, source);
    -- so slow that all workers have something to read
    PERFORM set_config('max_parallel_workers_per_gather', '3', true), set_config('work_mem', memory, true);
    EXECUTE query || ' WHERE g % 100 <> 0 OR pg_sleep(0.001)::text IS NOT NULL' INTO workers;
    PERFORM set_config('max_parallel_workers_per_gather', '0', true), set_config('work_mem', '64MB', true);
    EXECUTE query INTO alone;
    compared := compared + 4;
    differ := differ + (SELECT count(*) FROM unnest(workers, alone) AS u(w, a) WHERE w IS DISTINCT FROM a);
  END LOOP;
  PERFORM set_config('max_parallel_workers_per_gather', '3', true);
END
$$;
SELECT pg_temp.uses_workers(format('SELECT omnicrm.attribution(journey, ts, actor, value) FROM %s', t)) AS workers, t AS source, memory, w.*
FROM unnest('{ordered_event,behind_event,parted_event}'::regclass[]) AS t, unnest('{64MB,256kB,64kB}'::text[]) AS memory, pg_temp.ordered_ways(t, memory) AS w;
-- an error is the same
SELECT omnicrm.attribution(journey, ts, actor, CASE WHEN g % 8 < 2 THEN 999999999999999 WHEN value IS NOT NULL THEN 0.000001 END) FROM ordered_event;
SET max_parallel_workers_per_gather = 0;
SELECT omnicrm.attribution(journey, ts, actor, CASE WHEN g % 8 < 2 THEN 999999999999999 WHEN value IS NOT NULL THEN 0.000001 END) FROM ordered_event;
SET max_parallel_workers_per_gather = 3;

-- Counted paths, with and without workers and memory.
CREATE TABLE random_path AS
SELECT (SELECT array_agg(actor ORDER BY ts, n) FROM random_event AS e WHERE e.journey = j.journey) AS path, j.*
FROM (SELECT journey, count(value) AS conversions, sum(value) AS value, count(*) FILTER (WHERE value IS NULL) AS nulls FROM random_event GROUP BY journey) AS j;
ALTER TABLE random_path SET (parallel_workers = 3);
ANALYZE random_path;
SELECT pg_temp.uses_workers('SELECT omnicrm.attribution_of_paths(path, conversions, value, nulls) FROM random_path') AS workers;
CREATE TEMP TABLE of_paths AS SELECT omnicrm.attribution_of_paths(path, conversions, value, nulls, '{"collapse": true}')::text AS s FROM random_path;
SET work_mem = '64kB';
INSERT INTO of_paths SELECT omnicrm.attribution_of_paths(path, conversions, value, nulls, '{"collapse": true}')::text FROM random_path;
SET max_parallel_workers_per_gather = 0;
INSERT INTO of_paths SELECT omnicrm.attribution_of_paths(path, conversions, value, nulls, '{"collapse": true}')::text FROM random_path;
RESET work_mem;
INSERT INTO of_paths SELECT omnicrm.attribution_of_paths(path, conversions, value, nulls, '{"collapse": true}')::text FROM (SELECT * FROM random_path ORDER BY journey DESC) AS p;
SELECT count(*), count(DISTINCT s) FROM of_paths;

SELECT k, omnicrm.attribution_markov(omnicrm.attribution_of_paths(path, conversions, value, nulls, jsonb_build_object('markov_order', k)))::text =
       omnicrm.markov(path, conversions, value, CASE WHEN array_remove(path, NULL) <> '{}' THEN nulls END, k)::text AS same
FROM random_path, generate_series(1, 4) AS k GROUP BY k ORDER BY k;

-- The same as journey by journey: conversions by journeys that are worth 10^12 each, values in millionths of a cent.
CREATE TEMP TABLE by_journey AS
SELECT o, model, c.actor, sum(c.amount) AS amount
FROM (SELECT omnicrm.journey(ts, actor, NULL, value, event_id) AS j FROM random_event WHERE journey IS NOT NULL GROUP BY journey) AS journeys, random_options,
  unnest('{first,last,last_non,linear,u_shaped,j_shaped,inverse_j,custom,time_decay,participation,same_touch,shapley}'::text[]) AS model,
  omnicrm.journey_credit(j, model, 1000000000000, o - 'markov_order') AS c
GROUP BY o, model, c.actor;
CREATE TEMP TABLE by_value AS
SELECT o, model, c.actor, sum(c.amount) AS amount
FROM (SELECT omnicrm.journey(ts, actor, NULL, value * 1000000, event_id) AS j FROM random_event WHERE journey IS NOT NULL GROUP BY journey) AS journeys, random_options,
  unnest('{first,last,last_non,linear,u_shaped,j_shaped,inverse_j,custom,time_decay,participation,same_touch,shapley}'::text[]) AS model,
  omnicrm.journey_credit(j, model, NULL, o - 'markov_order') AS c
GROUP BY o, model, c.actor;
CREATE TEMP TABLE in_one AS
SELECT o, model, c.actor, c.conversions, c.value
FROM (SELECT o, omnicrm.attribution(journey, ts, actor, value, event_id, o) AS s FROM random_event, random_options WHERE journey IS NOT NULL GROUP BY o) AS s,
  unnest('{first,last,last_non,linear,u_shaped,j_shaped,inverse_j,custom,time_decay,participation,same_touch,shapley}'::text[]) AS model,
  omnicrm.attribution_credit(s, model) AS c;
SELECT i.model, count(*) > 60 AS compared, count(*) FILTER (WHERE abs(i.conversions - coalesce(j.amount, 0) / 1000000000000) > 1e-9) AS conversions_differ,
       count(*) FILTER (WHERE abs(i.value - coalesce(v.amount, 0) / 1000000) > 1e-5) AS values_differ
FROM in_one AS i
  FULL JOIN by_journey AS j ON j.o = i.o AND j.model = i.model AND coalesce(j.actor, '') = coalesce(i.actor, '')
  FULL JOIN by_value AS v ON v.o = i.o AND v.model = i.model AND coalesce(v.actor, '') = coalesce(i.actor, '')
GROUP BY i.model ORDER BY i.model;

-- In parts: summaries of disjoint journeys add up to the whole, whatever the parts.
SELECT o, parts, omnicrm.attribution_rollup(s)::text = (SELECT e.s::text FROM expected AS e WHERE e.o = p.o) AS same
FROM (SELECT o, parts, omnicrm.attribution(journey, ts, actor, value, o) AS s
      FROM random_event, random_options, unnest('{2,7,100}'::integer[]) AS parts
      GROUP BY o, parts, coalesce(journey, 0) % parts) AS p
GROUP BY o, parts ORDER BY o, parts;
-- A negated set of values is the mirror image.
SELECT count(*) AS differ FROM (
  SELECT actor, first, linear, u_shaped, time_decay, shapley FROM omnicrm.attribution_comparison((SELECT omnicrm.attribution(journey, ts, actor, value) FROM random_event), 'value', 2)
  EXCEPT ALL
  SELECT actor, -first, -linear, -u_shaped, -time_decay, -shapley FROM omnicrm.attribution_comparison((SELECT omnicrm.attribution(journey, ts, actor, -value) FROM random_event), 'value', 2)) AS d;
-- Every model adds up to all conversions and all value.
SELECT count(*) AS sums, count(*) FILTER (WHERE conversions <> (SELECT count(value) FROM random_event) OR s.value <> (SELECT sum(value) FROM random_event)) AS differ
FROM (SELECT o, model, sum(c.conversions) AS conversions, sum(c.value) AS value
      FROM expected, unnest('{first,last,last_non,linear,u_shaped,j_shaped,inverse_j,custom,time_decay,same_touch,shapley}'::text[]) AS model,
        omnicrm.attribution_credit(s, model, 3) AS c
      GROUP BY o, model) AS s;

-- A journey of 100,000 touches with 30 conversions; 50,000 actors; both without memory too.
CREATE TEMP TABLE large AS
SELECT 1::bigint AS journey, timestamptz '2026-01-01Z' + n * interval '1 second' AS ts, 'actor ' || n % 13 AS actor, CASE WHEN n % 3400 = 0 THEN 1.5 END AS value
FROM generate_series(1, 100000) AS n
UNION ALL
SELECT n % 20000 + 2, timestamptz '2026-01-01Z' + n * interval '1 second', 'employee ' || n % 50000, CASE WHEN n > 90000 THEN 1 END
FROM generate_series(1, 100000) AS n;
CREATE TEMP TABLE large_summary AS SELECT omnicrm.attribution(journey, ts, actor, value)::text AS s FROM large;
SET work_mem = '64kB';
INSERT INTO large_summary SELECT omnicrm.attribution(journey, ts, actor, value)::text FROM large;
RESET work_mem;
SELECT count(*), count(DISTINCT s) FROM large_summary;
SELECT t.journeys, t.touches, t.actors, t.conversions, t.value, t.nulls, t.unattributed
FROM (SELECT s::omnicrm.attribution_summary AS s FROM large_summary LIMIT 1) AS l, omnicrm.attribution_totals(s) AS t;
SELECT touches, conversions, nulls FROM (SELECT s::omnicrm.attribution_summary AS s FROM large_summary LIMIT 1) AS l, omnicrm.attribution_lengths(s) AS t
ORDER BY touches DESC LIMIT 2;
SELECT count(*) FILTER (WHERE from_actor = '(other)') > 0 AS others, count(DISTINCT from_actor) AS nodes
FROM (SELECT s::omnicrm.attribution_summary AS s FROM large_summary LIMIT 1) AS l, omnicrm.attribution_flows(s) AS t;

DROP TABLE random_event, random_options, random_path;
