-- Whole-set attribution: the aggregates, their value, what it tells.
SET client_min_messages = warning;
SET datestyle = 'ISO';
SET intervalstyle = 'postgres';

-- The page's example: $50, half-life 7 days, display and e-mail today, social 6 and paid search 9 days before.
CREATE TEMP TABLE adobe (journey bigint, ts timestamptz, actor text, value numeric);
INSERT INTO adobe VALUES
  (1, '2026-03-01 12:00Z', 'paid search', NULL), (1, '2026-03-04 12:00Z', 'social', NULL),
  (1, '2026-03-10 12:00Z', 'e-mail', NULL), (1, '2026-03-10 12:00Z', 'display', NULL), (1, '2026-03-10 12:00Z', NULL, 50);
CREATE TEMP TABLE summary AS
SELECT 'adobe' AS name, omnicrm.attribution(journey, ts, actor, value, '{"half_life": "7 days", "weights": [5, 1, 4]}') AS s FROM adobe;
SELECT actor, round(conversions, 9) AS conversions, value, touches
FROM summary, omnicrm.attribution_credit(s, 'time_decay', 2) WHERE name = 'adobe';
SELECT actor, time_decay, linear, j_shaped, inverse_j, u_shaped, custom, first, last, last_non, shapley, participation, same_touch
FROM summary, omnicrm.attribution_comparison(s, 'value', 2) WHERE name = 'adobe';
SELECT actor, round(time_decay, 9) AS time_decay, linear, j_shaped, participation, same_touch
FROM summary, omnicrm.attribution_comparison(s, 'conversions') WHERE name = 'adobe';
-- Without event ids touches of one instant go by name; with them by event.
SELECT actor, last, j_shaped FROM omnicrm.attribution_comparison(
  (SELECT omnicrm.attribution(journey, ts, actor, value, CASE actor WHEN 'display' THEN 2 ELSE 1 END, '{}') FROM adobe), 'value', 2);

-- Two journeys and more: several conversions, none, no touch, after the sale, ties, NULLs, returns.
CREATE TEMP TABLE event (journey bigint, ts timestamptz, actor text, value numeric, event_id bigint);
INSERT INTO event VALUES
  (1, '2026-01-01 10:00Z', 'ads', NULL, 1), (1, '2026-01-02 10:00Z', 'mail', NULL, 2), (1, '2026-01-02 10:00Z', NULL, 100.10, 3),
  (1, '2026-01-03 10:00Z', 'mail', NULL, 4), (1, '2026-01-05 10:00Z', 'store', 30, 5), (1, '2026-01-06 10:00Z', 'care', NULL, 6),
  (2, '2026-01-01 10:00Z', 'direct', NULL, 7), (2, '2026-01-01 10:00Z', 'ads', NULL, 8), (2, '2026-01-04 10:00Z', 'direct', NULL, 9),
  (3, '2026-01-01 10:00Z', NULL, 20, 10), (3, '2026-01-02 10:00Z', 'ads', NULL, 11),
  (4, '2026-01-01 10:00Z', 'ads', NULL, 12), (4, '2026-01-01 10:00Z', 'ads', -5.5, 13),
  (5, '2026-01-01 10:00Z', 'mail', NULL, 14), (5, '2026-01-01 10:00Z', NULL, 0, 15),
  (NULL, '2026-01-01 10:00Z', 'ads', NULL, 16), (NULL, '2026-01-01 10:00Z', 'store', 7, 17), (NULL, '2026-01-01 10:00Z', NULL, 8, 18),
  (6, '2026-01-01 10:00Z', NULL, NULL, 19);
INSERT INTO summary SELECT 'event', omnicrm.attribution(journey, ts, actor, value) FROM event;
SELECT (omnicrm.attribution_totals(s)).* FROM summary WHERE name = 'event';
SELECT * FROM omnicrm.attribution_paths((SELECT s FROM summary WHERE name = 'event'));
SELECT * FROM omnicrm.attribution_paths((SELECT s FROM summary WHERE name = 'event'), 2);
SELECT * FROM omnicrm.attribution_lengths((SELECT s FROM summary WHERE name = 'event'));
SELECT * FROM omnicrm.attribution_flows((SELECT s FROM summary WHERE name = 'event'));
SELECT * FROM omnicrm.attribution_times((SELECT s FROM summary WHERE name = 'event'));
SELECT * FROM omnicrm.attribution_comparison((SELECT s FROM summary WHERE name = 'event'), 'value', 2);
SELECT * FROM omnicrm.attribution_comparison((SELECT s FROM summary WHERE name = 'event'), 'conversions', 3);
-- Every model's rows add up to all conversions and all value, at any scale.
SELECT model, scale, sum(conversions) AS conversions, sum(value) AS value
FROM unnest('{first,last,last_non,linear,u_shaped,j_shaped,inverse_j,custom,time_decay,same_touch,shapley}'::text[]) AS model,
  unnest('{0,1,2,6,NULL}'::integer[]) AS scale,
  omnicrm.attribution_credit((SELECT s FROM summary WHERE name = 'event'), model, scale)
GROUP BY 1, 2 HAVING sum(conversions) <> 7 OR sum(value) <> round(159.60, coalesce(scale, 2));
SELECT actor, conversions, value FROM omnicrm.attribution_credit((SELECT s FROM summary WHERE name = 'event'), 'participation');

-- Options: lookback of zero keeps the same instant only; exclusions; transforms; other actors to look past.
SELECT o, t.path, t.conversions, t.nulls
FROM unnest(ARRAY['{"lookback": "0"}', '{"lookback": "1 day"}', '{"exclude": ["ads"]}', '{"only_if_alone": "direct"}', '{"collapse": true}',
                  '{"max_touches": 1}', '{"transform": "first"}', '{"paths": 1}']::jsonb[]) WITH ORDINALITY AS options(o, n),
  omnicrm.attribution_paths((SELECT omnicrm.attribution(journey, ts, actor, value, o) FROM event)) AS t
ORDER BY n, t.place;
SELECT actor, last_non, last FROM omnicrm.attribution_comparison(
  (SELECT omnicrm.attribution(journey, ts, actor, value, '{"non": "mail"}') FROM event), 'conversions');
SELECT (omnicrm.attribution_totals(omnicrm.attribution(journey, ts, actor, value, '{"lookback": "0", "markov_order": 0, "flow_steps": 0, "paths": 0}'))).*
FROM event;
-- The same bytes in any order of rows, with integer actors of the same digits, and without touches that count for nothing.
SELECT count(DISTINCT s::text) FROM (
  SELECT omnicrm.attribution(journey, ts, actor, value) AS s FROM (SELECT * FROM event ORDER BY event_id) AS e
  UNION ALL SELECT omnicrm.attribution(journey, ts, actor, value) FROM (SELECT * FROM event ORDER BY event_id DESC) AS e
  UNION ALL SELECT omnicrm.attribution(journey, ts, actor, value) FROM (SELECT * FROM event ORDER BY actor, value, event_id % 3) AS e
  UNION ALL SELECT omnicrm.attribution(journey, ts, actor, value, '{}') FROM event
  UNION ALL SELECT omnicrm.attribution(journey - 9223372036854775800, ts, actor, value) FROM event
  UNION ALL SELECT omnicrm.attribution(journey * 1000000000000000000, ts, actor, value) FROM event) AS all_ways;
SELECT omnicrm.attribution(n % 7, ts, a, v)::text = omnicrm.attribution(n % 7, ts, a::text, v)::text AS same
FROM (SELECT n, timestamptz '2026-01-01Z' + n * interval '1 hour' AS ts, n % 5 - 2 AS a, CASE WHEN n % 4 = 0 THEN n END AS v
      FROM generate_series(1, 200) AS n) AS e;
SELECT omnicrm.attribution(journey, ts, actor, value) IS NULL AS nothing FROM event WHERE false;
-- An event with an id that is told twice counts once; without an id it is another event.
SELECT omnicrm.attribution(journey, ts, actor, value, event_id, '{}')::text = (SELECT omnicrm.attribution(journey, ts, actor, value, event_id, '{}')::text FROM event WHERE journey > 0) AS same
FROM event, generate_series(1, 2) WHERE journey > 0;
SELECT t.touches, t.conversions FROM omnicrm.attribution_totals((SELECT omnicrm.attribution(journey, ts, actor, value, NULL, '{}') FROM event, generate_series(1, 2) WHERE journey > 0)) AS t;
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', n, 7, '{}') FROM generate_series(1, 2) AS n;
SELECT omnicrm.attribution(1, '2026-01-01Z'::timestamptz + n * interval '1 day', 'a', 1, 7, '{}') FROM generate_series(1, 2) AS n;

-- Counted paths: the micro example of Markov and Shapley, and what has no times.
CREATE TEMP TABLE path (path text[], conversions bigint, value numeric, nulls bigint);
INSERT INTO path VALUES ('{A,B}', 2, 2, 2), ('{B}', 1, 1, 3);
INSERT INTO summary SELECT 'path', omnicrm.attribution_of_paths(path, conversions, value, nulls) FROM path;
SELECT * FROM omnicrm.attribution_comparison((SELECT s FROM summary WHERE name = 'path'), 'conversions');
SELECT * FROM omnicrm.attribution_paths((SELECT s FROM summary WHERE name = 'path'));
SELECT (omnicrm.attribution_totals(s)).* FROM summary WHERE name = 'path';
SELECT * FROM omnicrm.attribution_times((SELECT s FROM summary WHERE name = 'path'));
SELECT omnicrm.attribution_credit(s, 'time_decay') FROM summary WHERE name = 'path';
SELECT omnicrm.attribution_credit(s, 'same_touch') FROM summary WHERE name = 'path';
-- NULL and empty paths, NULLs within, NULL counts, options.
SELECT t.* FROM (
  SELECT omnicrm.attribution_of_paths(p, c, v, n, '{"collapse": true, "exclude": "x"}') AS s
  FROM (VALUES (NULL::text[], 1::bigint, 10.5, NULL::bigint), ('{}', 2, -1, 5), ('{a,NULL,a,b}', 1, 1.25, 1), ('{a,b}', NULL, NULL, 1), ('{x}', 1, 3, 1), ('{x,a,x,b}', 1, 0, 0)) AS v(p, c, v, n)) AS q,
  omnicrm.attribution_paths(s) AS t;
-- From touches and from their paths: the same credits.
SELECT count(*) AS differ FROM (
  SELECT actor, touches, first, last, linear, u_shaped, j_shaped, inverse_j, participation, shapley
  FROM omnicrm.attribution_comparison((SELECT s FROM summary WHERE name = 'event')) WHERE touches > 0 OR actor IS NULL
  EXCEPT SELECT actor, touches, first, last, linear, u_shaped, j_shaped, inverse_j, participation, shapley
  FROM omnicrm.attribution_comparison((
    SELECT omnicrm.attribution_of_paths(p.path, p.conversions, p.value, p.nulls)
    FROM (SELECT path, conversions, value, nulls FROM omnicrm.attribution_paths((SELECT s FROM summary WHERE name = 'event'), 100)
          UNION ALL SELECT '{}', conversions, value, nulls FROM omnicrm.attribution_lengths((SELECT s FROM summary WHERE name = 'event')) WHERE touches = 0) AS p))) AS d;

-- Markov counts are those of the paths, of any order.
SELECT c.* FROM summary, omnicrm.markov_credit(omnicrm.attribution_markov(s), 4) AS c WHERE name = 'path';
SELECT c.* FROM summary, omnicrm.markov_credit(omnicrm.attribution_markov(s), 4) AS c WHERE name = 'event';
SELECT k, omnicrm.attribution_markov(omnicrm.attribution_of_paths(path, conversions, value, nulls, jsonb_build_object('markov_order', k)))::text =
       omnicrm.markov(path, conversions, value, nulls, k)::text AS same
FROM path, generate_series(1, 4) AS k GROUP BY k ORDER BY k;
SELECT omnicrm.attribution_markov(omnicrm.attribution_of_paths(path, conversions, value, nulls, '{"markov_order": 0}')) IS NULL AS nothing FROM path;

-- Summaries of disjoint journeys add up to that of all.
SELECT omnicrm.attribution_rollup(part)::text = (SELECT s::text FROM summary WHERE name = 'event') AS same
FROM (SELECT omnicrm.attribution(journey, ts, actor, value) AS part FROM event GROUP BY coalesce(journey, 0) UNION ALL SELECT NULL) AS p;
SELECT omnicrm.attribution_rollup(s) FROM summary;
SELECT omnicrm.attribution_rollup(s) FROM summary WHERE name IN ('event', 'path');
SELECT omnicrm.attribution_rollup(s) IS NULL FROM summary WHERE false;
-- A value goes out and in again.
SELECT name, s::text::omnicrm.attribution_summary::text = s::text AS same FROM summary ORDER BY name;
SELECT s FROM summary WHERE name = 'path';

-- Bad input.
SELECT omnicrm.attribution(1, NULL, 'a', NULL);
SELECT omnicrm.attribution(1, 'infinity', 'a', NULL);
SELECT omnicrm.attribution(1, '-infinity', NULL, 1);
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 'NaN');
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 'infinity');
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1e19);
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 9e17 + n * 0) FROM generate_series(1, 2000) AS n, generate_series(1, 2);
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 9.123456789012 + n * 100000) FROM generate_series(1, 50000) AS n;
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1, NULL);
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1, '[]');
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1, '{"lookbak": "1 day"}');
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1, '{"markov_order": 5}');
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1, '{"paths": 1.5}');
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1, '{"flow_steps": -1}');
SELECT omnicrm.attribution(1, '2026-01-01Z', 'a', 1, '{"lookback": "-1 day"}');
SELECT omnicrm.attribution(n, '2026-01-01Z', 'a', 1, jsonb_build_object('paths', n)) FROM generate_series(1, 2) AS n;
SELECT omnicrm.attribution(n, '2026-01-01Z', 'a', 1) OVER () FROM generate_series(1, 2) AS n;
SELECT omnicrm.attribution_credit(s, 'best') FROM summary;
SELECT omnicrm.attribution_credit(s, 'w_shaped') FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_credit(s, 'role') FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_credit(s, 'first', 13) FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_credit(s, 'first', -1) FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_comparison(s, 'money') FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_paths(s, -1) FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_times(s, '{0.5,NULL}') FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_times(s, '{1.5}') FROM summary WHERE name = 'event';
SELECT omnicrm.attribution_times(s, '{NaN}') FROM summary WHERE name = 'event';
SELECT count(*) FROM omnicrm.attribution_credit(NULL, 'first');
SELECT omnicrm.attribution_of_paths('{a}', -1, 1, 0);
SELECT omnicrm.attribution_of_paths('{a}', 1, 1, -1);
SELECT omnicrm.attribution_of_paths('{a}', 0, 1, 1);
SELECT omnicrm.attribution_of_paths('{{a}}', 1, 1, 1);
SELECT omnicrm.attribution_of_paths('{a,b}', 9223372036854775807, 1, 1);
SELECT omnicrm.attribution_of_paths('{a,b}', 9223372036854775807, 1, 0);
SELECT omnicrm.attribution_of_paths('{a}', 1, 1, 1, NULL);
SELECT omnicrm.attribution_summary_in('\x');
SELECT '\x01'::omnicrm.attribution_summary;
SELECT '\x02'::omnicrm.attribution_summary;
SELECT 'abc'::omnicrm.attribution_summary;
SELECT (s::text || '00')::omnicrm.attribution_summary FROM summary WHERE name = 'event';

-- No byte of a value can be changed or cut off without notice, except where the changed value is one too.
CREATE FUNCTION pg_temp.outcome(bytes bytea) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE WHEN (bytes::text)::omnicrm.attribution_summary::text = bytes::text THEN 'same' ELSE 'other' END;
EXCEPTION WHEN invalid_binary_representation THEN
  RETURN 'refused';
END
$$;
SELECT pg_temp.outcome(substr(s::bytea, 1, n)) AS cut, count(*)
FROM summary, generate_series(0, length(s::bytea) - 1) AS n WHERE name = 'event' GROUP BY 1;
SELECT count(*) FILTER (WHERE o = 'other') AS others, count(*) FILTER (WHERE o = 'refused') > count(*) * 0.8 AS mostly_refused
FROM (SELECT pg_temp.outcome(set_byte(s::bytea, n, (get_byte(s::bytea, n) + d) % 256)) AS o
      FROM summary, generate_series(0, length(s::bytea) - 1) AS n, unnest('{1,64,128,255}'::integer[]) AS d WHERE name = 'event') AS c;
