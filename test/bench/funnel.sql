-- A funnel of five steps within a day: window_funnel_levels() and window_funnel(), which
-- give the level of each user, and window_funnel_counts() against the two ways that
-- plain SQL has, all with the same counts at the end. Window functions: one sort, then for each step the latest start
-- of a chain of the step before. Self-join: each step joined to the step before it
-- within the window. 100 events per customer of the fixture, ten per user, in the
-- order of time; users at random. One run each, since the plain ways take long.
SET client_min_messages = warning;
SET work_mem = '1GB';
SET maintenance_work_mem = '1GB';
CREATE TABLE IF NOT EXISTS bench_result (work text NOT NULL, ours_ms double precision NOT NULL, plain_ms double precision);
CREATE UNLOGGED TABLE funnel_event AS
SELECT (hashint8extended(e.i, 1) & 9007199254740991) % (10 * :customers) AS user_id,
       timestamptz '2026-01-01' + e.i * (interval '10 days' / (100 * :customers)) AS at,
       CASE WHEN e.h < 40 THEN 'visit' WHEN e.h < 65 THEN 'search' WHEN e.h < 80 THEN 'product' WHEN e.h < 90 THEN 'cart' WHEN e.h < 95 THEN 'order' ELSE 'other' END AS kind
FROM (SELECT n AS i, (hashint8extended(n, 7) & 9007199254740991) % 100 AS h FROM generate_series(1, 100 * :customers) AS n) AS e;
VACUUM ANALYZE funnel_event;

CREATE VIEW funnel_by_user AS
SELECT ARRAY[count(*) FILTER (WHERE level >= 1), count(*) FILTER (WHERE level >= 2), count(*) FILTER (WHERE level >= 3), count(*) FILTER (WHERE level >= 4), count(*) FILTER (WHERE level >= 5)] AS counts
FROM (SELECT user_id, omnicrm.window_funnel('1 day', at, kind = 'visit', kind = 'search', kind = 'product', kind = 'cart', kind = 'order') AS level
      FROM funnel_event GROUP BY user_id) AS u;
CREATE VIEW funnel_levels AS
SELECT ARRAY[count(*) FILTER (WHERE level >= 1), count(*) FILTER (WHERE level >= 2), count(*) FILTER (WHERE level >= 3), count(*) FILTER (WHERE level >= 4), count(*) FILTER (WHERE level >= 5)] AS counts
FROM omnicrm.funnel_levels((SELECT omnicrm.window_funnel_levels(user_id, '1 day', at, kind = 'visit', kind = 'search', kind = 'product', kind = 'cart', kind = 'order')
                            FROM funnel_event));
CREATE VIEW funnel_at_once AS
SELECT omnicrm.window_funnel_counts(user_id, '1 day', at, kind = 'visit', kind = 'search', kind = 'product', kind = 'cart', kind = 'order') AS counts
FROM funnel_event;
CREATE VIEW funnel_by_windows AS
WITH level_2 AS (
  SELECT user_id, at, kind, CASE kind WHEN 'visit' THEN at END AS start_1,
         CASE kind WHEN 'search' THEN max(at) FILTER (WHERE kind = 'visit') OVER w END AS start_2
  FROM funnel_event WINDOW w AS (PARTITION BY user_id ORDER BY at ROWS UNBOUNDED PRECEDING)
), level_3 AS (
  SELECT user_id, at, kind, start_1, CASE WHEN start_2 >= at - interval '24 hours' THEN start_2 END AS start_2,
         CASE kind WHEN 'product' THEN max(start_2) FILTER (WHERE start_2 >= at - interval '24 hours') OVER w END AS start_3
  FROM level_2 WINDOW w AS (PARTITION BY user_id ORDER BY at ROWS UNBOUNDED PRECEDING)
), level_4 AS (
  SELECT user_id, at, kind, start_1, start_2, CASE WHEN start_3 >= at - interval '24 hours' THEN start_3 END AS start_3,
         CASE kind WHEN 'cart' THEN max(start_3) FILTER (WHERE start_3 >= at - interval '24 hours') OVER w END AS start_4
  FROM level_3 WINDOW w AS (PARTITION BY user_id ORDER BY at ROWS UNBOUNDED PRECEDING)
), level_5 AS (
  SELECT user_id, at, start_1, start_2, start_3, CASE WHEN start_4 >= at - interval '24 hours' THEN start_4 END AS start_4,
         CASE kind WHEN 'order' THEN max(start_4) FILTER (WHERE start_4 >= at - interval '24 hours') OVER w END AS start_5
  FROM level_4 WINDOW w AS (PARTITION BY user_id ORDER BY at ROWS UNBOUNDED PRECEDING)
)
SELECT ARRAY[count(*) FILTER (WHERE reached_1), count(*) FILTER (WHERE reached_2), count(*) FILTER (WHERE reached_3), count(*) FILTER (WHERE reached_4), count(*) FILTER (WHERE reached_5)] AS counts
FROM (SELECT user_id, count(start_1) > 0 AS reached_1, count(start_2) > 0 AS reached_2, count(start_3) > 0 AS reached_3, count(start_4) > 0 AS reached_4,
             count(*) FILTER (WHERE start_5 >= at - interval '24 hours') > 0 AS reached_5
      FROM level_5 GROUP BY user_id) AS u;
CREATE VIEW funnel_by_joins AS
SELECT ARRAY[count(*) FILTER (WHERE level >= 1), count(*) FILTER (WHERE level >= 2), count(*) FILTER (WHERE level >= 3), count(*) FILTER (WHERE level >= 4), count(*) FILTER (WHERE level >= 5)] AS counts
FROM (SELECT a.user_id, max(CASE WHEN e.at IS NOT NULL THEN 5 WHEN d.at IS NOT NULL THEN 4 WHEN c.at IS NOT NULL THEN 3 WHEN b.at IS NOT NULL THEN 2 ELSE 1 END) AS level
      FROM funnel_event AS a
        LEFT JOIN funnel_event AS b ON b.kind = 'search' AND b.user_id = a.user_id AND b.at >= a.at AND b.at <= a.at + interval '24 hours'
        LEFT JOIN funnel_event AS c ON c.kind = 'product' AND c.user_id = a.user_id AND c.at >= b.at AND c.at <= a.at + interval '24 hours'
        LEFT JOIN funnel_event AS d ON d.kind = 'cart' AND d.user_id = a.user_id AND d.at >= c.at AND d.at <= a.at + interval '24 hours'
        LEFT JOIN funnel_event AS e ON e.kind = 'order' AND e.user_id = a.user_id AND e.at >= d.at AND e.at <= a.at + interval '24 hours'
      WHERE a.kind = 'visit'
      GROUP BY a.user_id) AS u;

DO $bench$
DECLARE
  way text;
  started timestamptz;
  ms jsonb := '{}';
  counts bigint[];
  expected bigint[];
  size text := (SELECT format('%s events of %s users', to_char(count(*), 'FM999,999,999'), to_char(count(DISTINCT user_id), 'FM999,999,999')) FROM funnel_event);
BEGIN
  FOREACH way IN ARRAY '{funnel_at_once,funnel_levels,funnel_by_user,funnel_by_windows,funnel_by_joins}'::text[] LOOP
    started := clock_timestamp();
    EXECUTE format('SELECT counts FROM %I', way) INTO counts;
    ms := ms || jsonb_build_object(way, 1000 * extract(epoch FROM clock_timestamp() - started));
    expected := coalesce(expected, counts);
    IF counts <> expected THEN
      RAISE EXCEPTION '% gives %, not %', way, counts, expected;
    END IF;
  END LOOP;
  INSERT INTO bench_result VALUES
    ('window_funnel_counts, ' || size || ' (window functions)', (ms ->> 'funnel_at_once')::float8, (ms ->> 'funnel_by_windows')::float8),
    ('window_funnel_counts, the same (self-join)', (ms ->> 'funnel_at_once')::float8, (ms ->> 'funnel_by_joins')::float8),
    ('window_funnel_levels, a row for each user, the same (window functions)', (ms ->> 'funnel_levels')::float8, (ms ->> 'funnel_by_windows')::float8),
    ('window_funnel_levels, the same (self-join)', (ms ->> 'funnel_levels')::float8, (ms ->> 'funnel_by_joins')::float8),
    ('window_funnel by user, the same (window functions)', (ms ->> 'funnel_by_user')::float8, (ms ->> 'funnel_by_windows')::float8),
    ('window_funnel by user, the same (self-join)', (ms ->> 'funnel_by_user')::float8, (ms ->> 'funnel_by_joins')::float8);
END
$bench$;
DROP VIEW funnel_by_user, funnel_levels, funnel_at_once, funnel_by_windows, funnel_by_joins;
DROP TABLE funnel_event;
