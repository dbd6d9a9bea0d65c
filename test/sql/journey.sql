-- Journeys as values: the aggregates, the text and binary form, the accessors.
\set VERBOSITY terse
SET timezone = 'UTC';

CREATE TEMP TABLE event (customer integer, ts timestamptz, actor text, kind text, value numeric, event_id bigint);
INSERT INTO event VALUES
  (1, '2024-01-10 12:00', 'display', NULL, NULL, 4),
  (1, '2024-01-10 11:00', 'email', 'lead', NULL, 3),
  (1, '2024-01-12 12:00', NULL, NULL, NULL, NULL),
  (1, '2024-01-04 12:00', 'social', NULL, NULL, 2),
  (1, '2024-01-01 12:00', 'search', NULL, NULL, 1),
  (1, '2024-01-10 12:00', 'shop', 'order', 50, 9),
  (1, '2024-01-13 00:00:00.000001', NULL, NULL, -12.345, NULL);
CREATE TEMP TABLE sample AS
SELECT omnicrm.journey(ts, actor, kind, value, event_id) AS with_ids, omnicrm.journey(ts, actor, kind, value) AS without_ids
FROM event;
\x on
SELECT * FROM sample;
\x off
SELECT j.* FROM sample, omnicrm.journey_touches(with_ids) AS j;
SELECT j.* FROM sample, omnicrm.journey_conversions(with_ids) AS j;
SELECT omnicrm.journey_length(with_ids), omnicrm.journey_conversion_count(with_ids), omnicrm.journey_start(with_ids),
       omnicrm.journey_end(with_ids), omnicrm.journey_path(with_ids)
FROM sample;
-- The eligible path of one conversion.
SELECT c.conversion, l.lookback, omnicrm.journey_path(s.with_ids, jsonb_build_object('lookback', l.lookback), c.conversion)
FROM sample AS s, generate_series(1, 2) AS c(conversion), (VALUES ('0'), ('1 day'), ('6 days'), ('1 year')) AS l(lookback)
ORDER BY c.conversion, l.lookback;

-- Text goes in and out, in any time zone and date style, and says the same as the bytes.
SELECT with_ids::text::omnicrm.journey::bytea = with_ids::bytea AS with_ids,
       without_ids::text::omnicrm.journey::bytea = without_ids::bytea AS without_ids
FROM sample;
CREATE TEMP TABLE as_text AS SELECT with_ids::text AS text FROM sample;
SET timezone = 'America/St_Johns';
SET datestyle = 'SQL, DMY';
SELECT s.with_ids::text = t.text AS same_text, t.text::omnicrm.journey::bytea = s.with_ids::bytea AS same_value
FROM sample AS s, as_text AS t;
RESET datestyle;
SET timezone = 'UTC';
-- Members in any order, events in any order; quotes, line feeds, other scripts and empty names.
SELECT '{"conversions": [], "touches": [{"actor": "b", "at": "2024-01-02"}, {"at": "2024-01-01T01:00:00+01:00", "actor": "a", "event": -5, "kind": null}]}'::omnicrm.journey;
SELECT j, omnicrm.journey_path(j)
FROM (SELECT omnicrm.journey(timestamptz '2024-01-01' + n * interval '1 second', a, upper(a), NULL) AS j
      FROM unnest(ARRAY['"', E'\\', E'x\ny', 'João', '王', '']) WITH ORDINALITY AS u(a, n)) AS x;
SELECT '{}'::omnicrm.journey, omnicrm.journey_length('{}'), omnicrm.journey_start('{}'), omnicrm.journey_end('{}'),
       omnicrm.journey_path('{}'), (SELECT count(*) FROM omnicrm.journey_touches('{}'));
-- The ends of time, and far apart.
SELECT j, omnicrm.journey_path(j, '{"lookback": "0"}'), j::text::omnicrm.journey::bytea = j::bytea AS round_trip
FROM (SELECT omnicrm.journey(t::timestamptz, 'a', NULL, NULL, id) AS j
      FROM (VALUES ('4713-01-01 00:00+00 BC', '-9223372036854775808'::bigint), ('294276-12-31 23:59:59.999999+00', 9223372036854775807),
                   ('2000-01-01 00:00+00', 0)) AS v(t, id)) AS x;
-- Values have the decimals that they need, at least two.
SELECT array_agg(c.value ORDER BY c.conversion)
FROM (SELECT omnicrm.journey(timestamptz '2024-01-01' + n * interval '1 second', NULL, NULL, v) AS j
      FROM unnest(ARRAY[0, -0.5, 1e3, 12.3400, 12.3400000000000001, 0.00000001, 92233720368547758.07, -92233720368547758.07, 10.0 / 3, 1e-18]) WITH ORDINALITY AS u(v, n)) AS x,
     omnicrm.journey_conversions(x.j) AS c;

-- One journey has one value: rows in any order, any number of parts, with and without ids.
CREATE TABLE many AS
SELECT i, abs(hashint4extended(i, 1)) % 300 AS customer,
       timestamptz '2024-01-01' + make_interval(hours => (abs(hashint4extended(i, 2)) % 200)::integer) AS ts,
       (ARRAY['email', 'shop', 'ads', 'phone', 'é', NULL])[1 + abs(hashint4extended(i, 3)) % 6] AS actor,
       (ARRAY['lead', 'service', NULL])[1 + abs(hashint4extended(i, 4)) % 3] AS kind,
       CASE WHEN abs(hashint4extended(i, 5)) % 4 = 0 THEN hashint4extended(i, 6) % 10000 / 100.0 END AS value,
       CASE WHEN abs(hashint4extended(i, 7)) % 10 > 0 THEN i END AS event_id
FROM generate_series(1, 12000) AS i;
CREATE TEMP TABLE whole AS
SELECT customer, omnicrm.journey(ts, actor, kind, value, event_id) AS j, omnicrm.journey(ts, actor, kind, value) AS k
FROM many GROUP BY customer;
SELECT count(*) AS customers, sum(omnicrm.journey_length(j)) AS touches, sum(omnicrm.journey_conversion_count(j)) AS conversions,
       count(*) FILTER (WHERE j::text::omnicrm.journey::bytea IS DISTINCT FROM j::bytea) AS not_round
FROM whole;
SELECT (SELECT count(*) FROM many WHERE value IS NULL) = (SELECT sum(omnicrm.journey_length(j)) FROM whole) AS touches_kept,
       (SELECT sum(value) FROM many) = (SELECT sum(c.value) FROM whole AS w, omnicrm.journey_conversions(w.j) AS c) AS value_kept;
SELECT count(*) AS order_matters
FROM whole AS w
  JOIN (SELECT customer, omnicrm.journey(ts, actor, kind, value, event_id) AS j, omnicrm.journey(ts, actor, kind, value) AS k
        FROM (SELECT * FROM many ORDER BY hashint4(i)) AS m GROUP BY customer) AS o USING (customer)
WHERE w.j::bytea <> o.j::bytea OR w.k::bytea <> o.k::bytea;
SELECT count(*) AS touches_differ
FROM ((SELECT w.customer, t.at, t.actor, t.kind, t.event_id FROM whole AS w, omnicrm.journey_touches(w.j) AS t
       EXCEPT ALL SELECT customer, ts, coalesce(actor, 'unknown'), kind, event_id FROM many WHERE value IS NULL)
      UNION ALL
      (SELECT customer, ts, coalesce(actor, 'unknown'), kind, event_id FROM many WHERE value IS NULL
       EXCEPT ALL SELECT w.customer, t.at, t.actor, t.kind, t.event_id FROM whole AS w, omnicrm.journey_touches(w.j) AS t)) AS d;
-- Touches stand by time, then event id, then actor and kind.
SELECT count(*) AS out_of_order
FROM (SELECT t.position, row_number() OVER (PARTITION BY w.customer ORDER BY t.at, t.event_id NULLS LAST, t.actor COLLATE "C", t.kind COLLATE "C" NULLS FIRST) AS expected
      FROM whole AS w, omnicrm.journey_touches(w.j) AS t) AS x
WHERE position <> expected;
-- Journeys of days roll up to the whole; parts that overlap count once where events have ids.
SELECT count(*) AS roll_up_differs
FROM whole AS w
  JOIN (SELECT customer, omnicrm.journey_rollup(j) AS j, omnicrm.journey_rollup(k) AS k
        FROM (SELECT customer, omnicrm.journey(ts, actor, kind, value, event_id) AS j, omnicrm.journey(ts, actor, kind, value) AS k
              FROM many GROUP BY customer, ts::date) AS d
        GROUP BY customer) AS r USING (customer)
WHERE w.j::bytea <> r.j::bytea OR w.k::bytea <> r.k::bytea;
SELECT count(*) AS overlap_differs
FROM (SELECT customer, omnicrm.journey(ts, actor, kind, value, event_id) AS j FROM many WHERE event_id IS NOT NULL GROUP BY customer) AS w
  JOIN (SELECT customer, omnicrm.journey_rollup(j) AS j
        FROM (SELECT customer, omnicrm.journey(ts, actor, kind, value, event_id) AS j
              FROM many, generate_series(0, 1) AS g WHERE event_id IS NOT NULL AND event_id % 3 <> g GROUP BY customer, g) AS d
        GROUP BY customer) AS r USING (customer)
WHERE w.j::bytea <> r.j::bytea;
SELECT omnicrm.journey_rollup(NULL) IS NULL AS nothing, omnicrm.journey_rollup(v::omnicrm.journey) IS NULL AS empty FROM (VALUES ('{}'), (NULL)) AS x(v);

-- Any number of workers gives the same.
ALTER TABLE many SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_sort = off;
EXPLAIN (COSTS OFF)
SELECT customer, omnicrm.journey(ts, actor, kind, value, event_id) FROM many GROUP BY customer;
SELECT count(*) AS workers_matter
FROM whole AS w
  JOIN (SELECT customer, omnicrm.journey(ts, actor, kind, value, event_id) AS j, omnicrm.journey(ts, actor, kind, value) AS k
        FROM many GROUP BY customer) AS p USING (customer)
WHERE w.j::bytea <> p.j::bytea OR w.k::bytea <> p.k::bytea;
RESET enable_sort;
RESET max_parallel_workers_per_gather;
-- As a window function, where the state is read while it grows.
SELECT count(*) AS rows, count(*) FILTER (WHERE omnicrm.journey_length(j) + omnicrm.journey_conversion_count(j) <> n) AS wrong
FROM (SELECT omnicrm.journey(ts, actor, kind, value, event_id) OVER w AS j, row_number() OVER w AS n
      FROM many WHERE customer < 20 WINDOW w AS (PARTITION BY customer ORDER BY i)) AS x;
DROP TABLE many;

-- A journey of 100,000 touches by 50,000 actors; a touch takes few bytes.
CREATE TEMP TABLE long_journey AS
SELECT omnicrm.journey(timestamptz '2024-01-01' + i * interval '1 minute', 'a' || i % 50000, NULL, CASE WHEN i = 100001 THEN 5 END, i) AS j
FROM generate_series(100001, 1, -1) AS i;
SELECT omnicrm.journey_length(j), (SELECT count(DISTINCT actor) FROM omnicrm.journey_touches(j)) AS actors,
       octet_length(j::bytea) < 1600000 AS compact, j::text::omnicrm.journey::bytea = j::bytea AS round_trip,
       octet_length(omnicrm.journey_rollup(j)::bytea) = octet_length(j::bytea) AS rolled_up
FROM long_journey GROUP BY j::bytea, j::text, omnicrm.journey_length(j), j;

-- Nothing, and rows that say nothing.
SELECT omnicrm.journey(ts, actor, kind, value, event_id) FILTER (WHERE false) AS no_rows,
       omnicrm.journey(NULL, NULL, NULL, NULL) AS null_rows
FROM event;
-- The same event twice is one; without ids it is two.
SELECT omnicrm.journey_length(omnicrm.journey(ts, actor, kind, value, event_id)) AS with_id, omnicrm.journey_length(omnicrm.journey(ts, actor, kind, value)) AS without_id,
       omnicrm.journey_conversion_count(omnicrm.journey(ts, actor, kind, 1, event_id)) AS conversions
FROM (VALUES (timestamptz '2024-01-01', 'a', 'x', NULL::numeric, 1::bigint), ('2024-01-01', 'a', 'x', NULL, 1)) AS v(ts, actor, kind, value, event_id);

-- Bad input.
SELECT omnicrm.journey(NULL, 'a', NULL, NULL);
SELECT omnicrm.journey('infinity', 'a', NULL, NULL);
SELECT omnicrm.journey('-infinity', NULL, NULL, 5);
SELECT omnicrm.journey('2024-01-01', 'a', NULL, 'NaN');
SELECT omnicrm.journey('2024-01-01', 'a', NULL, '-Infinity');
SELECT omnicrm.journey('2024-01-01', 'a', NULL, 1e17);
SELECT omnicrm.journey('2024-01-01', 'a', NULL, 1e-31);
SELECT omnicrm.journey('2024-01-01', 'a', NULL, 1e30 + 0.1);
SELECT omnicrm.journey('2024-01-01', 'a', NULL, v, 7) FROM (VALUES (1), (2)) AS x(v);
SELECT omnicrm.journey('2024-01-01', repeat('x', 70000), NULL, NULL);
SELECT omnicrm.journey_path(with_ids, NULL) FROM sample;
SELECT omnicrm.journey_path(with_ids, '{}', 0) FROM sample;
SELECT omnicrm.journey_path(with_ids, '{}', 3) FROM sample;
SELECT omnicrm.journey_path(NULL), omnicrm.journey_length(NULL);
SELECT ''::omnicrm.journey;
SELECT '[]'::omnicrm.journey;
SELECT '{"touch": []}'::omnicrm.journey;
SELECT '{"touches": {}}'::omnicrm.journey;
SELECT '{"touches": [1]}'::omnicrm.journey;
SELECT '{"touches": [{"actor": "a"}]}'::omnicrm.journey;
SELECT '{"touches": [{"at": "2024-01-01", "actor": 5}]}'::omnicrm.journey;
SELECT '{"touches": [{"at": "2024-01-01", "value": 5}]}'::omnicrm.journey;
SELECT '{"touches": [{"at": "yesterday noon o''clock"}]}'::omnicrm.journey;
SELECT '{"touches": [{"at": "infinity"}]}'::omnicrm.journey;
SELECT '{"touches": [{"at": "2024-01-01", "event": 1.5e30}]}'::omnicrm.journey;
SELECT '{"conversions": [{"at": "2024-01-01"}]}'::omnicrm.journey;
SELECT '{"conversions": [{"at": "2024-01-01", "value": "5"}]}'::omnicrm.journey;
SELECT '{"conversions": [{"at": "2024-01-01", "value": 1e40}]}'::omnicrm.journey;
SELECT '{"conversions": [{"at": "2024-01-01", "value": 1, "event": 1}, {"at": "2024-01-02", "value": 1, "event": 1}]}'::omnicrm.journey;
