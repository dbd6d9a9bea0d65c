-- window_funnel, retention, phase_durations and path_edges.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
\set VERBOSITY terse

-- The chain of the example in ClickHouse's documentation: 1003, 1009, 1007, 1010 within any time.
SELECT omnicrm.window_funnel('70 days', at::timestamptz, event = 1003, event = 1009, event = 1007, event = 1010) AS level
FROM (VALUES ('2019-01-29 10:00', 1003), ('2019-01-31 09:00', 1007), ('2019-01-30 08:00', 1009), ('2019-02-01 08:00', 1010)) AS v(at, event);

-- Windows: a step counts until the window's last microsecond.
CREATE TEMP TABLE tick AS SELECT to_timestamp(n) AS at, 1000 + n AS event FROM generate_series(0, 8) AS n;
SELECT omnicrm.window_funnel('10000 s', at, event = 1000) AS one,
       omnicrm.window_funnel('10000 s', at, event = 1000, event = 1001, event = 1002, event = 1008) AS four,
       omnicrm.window_funnel('2 s', at, event = 1003, event = 1004, event = 1005, event = 1006, event = 1007) AS three_of_five,
       omnicrm.window_funnel('3 s', at, event = 1003, event = 1004, event = 1005, event = 1006, event = 1007) AS four_of_five,
       omnicrm.window_funnel('4 s', at, event = 1003, event = 1004, event = 1005, event = 1006, event = 1007) AS five,
       omnicrm.window_funnel('3.999999 s', at, event = 1003, event = 1004, event = 1005, event = 1006, event = 1007) AS not_quite,
       omnicrm.window_funnel('10000 s', at, event = 1008, event = 1001) AS backwards,
       omnicrm.window_funnel('4 s', at, event <= 1007, event >= 1002, event <= 1006, event >= 1004) AS overlapping,
       omnicrm.window_funnel('0', at, event >= 1000, event = 1001) AS same_instant,
       omnicrm.window_funnel('0', at, event = 1000, event = 1001) AS no_time
FROM tick;

-- The cases of the reference, each mode over paths of letters: one row a second; several letters: one row with these steps; "-": a row without a step.
CREATE FUNCTION pg_temp.funnel(path text, steps text, mode text DEFAULT '', win interval DEFAULT '1 day') RETURNS integer LANGUAGE sql AS $$
  SELECT omnicrm.window_funnel(win, mode, to_timestamp(r.n), VARIADIC
           ARRAY(SELECT strpos(r.letters, s.letter) > 0 FROM regexp_split_to_table(steps, '') WITH ORDINALITY AS s(letter, n) ORDER BY s.n))
  FROM regexp_split_to_table(path, ' ') WITH ORDINALITY AS r(letters, n)
$$;
SELECT path, pg_temp.funnel(path, 'abc') AS plain, pg_temp.funnel(path, 'abc', 'strict_order') AS strict_order,
       pg_temp.funnel(path, 'abc', 'strict_deduplication,strict_order') AS both
FROM unnest('{a b c,a b - c,a - b c,a a b b c c,a a a a b b c c,a a b b - c c,c c b b a a,a c b,a b a c,a b a b c,a b c a b c d}'::text[]) AS path;
SELECT pg_temp.funnel('a b c b d', 'abcd', 'strict_deduplication') AS "27469",
       pg_temp.funnel('a b c d e f f g', 'abcdefg', 'strict_deduplication') AS deduplication_6,
       pg_temp.funnel('a b c d e f f g', 'abcdefg') AS plain_7,
       pg_temp.funnel('a b c b a d', 'abcd', 'strict_deduplication') AS "37177",
       pg_temp.funnel('a b a c', 'abc', 'strict_deduplication') AS first_step_again,
       pg_temp.funnel('a b d c', 'abcd', 'strict_order') AS "abdc";
SELECT pg_temp.funnel('ab', 'ab') AS one_row_two_steps, pg_temp.funnel('ab', 'ab', 'strict_once') AS once,
       pg_temp.funnel('ab', 'ab', 'strict_increase') AS increase, pg_temp.funnel('ab b', 'ab', 'strict_once') AS once_later,
       pg_temp.funnel('a b', 'ab', 'strict_increase,strict_once') AS two_rows, pg_temp.funnel('ab ab ab', 'abc', 'strict_once') AS two;
-- Rows of one instant.
SELECT omnicrm.window_funnel('1 h', '', timestamptz 'epoch', e = 1, e = 2, e = 3) AS plain,
       omnicrm.window_funnel('1 h', 'strict_increase', timestamptz 'epoch', e = 1, e = 2, e = 3) AS increase,
       omnicrm.window_funnel('1 h', 'strict_once', timestamptz 'epoch', e >= 1, e >= 1, e >= 1) AS once_three_rows,
       omnicrm.window_funnel('1 h', 'strict_once', timestamptz 'epoch', e = 1, e <= 2, e = 2, e = 3) AS once_matching,
       omnicrm.window_funnel('1 h', 'strict_once', timestamptz 'epoch', e = 1, e = 2, e = 2, e = 3) AS once_too_few
FROM unnest('{3,1,2}'::integer[]) AS e;
SELECT uid, omnicrm.window_funnel('200 s', 'strict_once,strict_increase', to_timestamp(at), NOT won, NOT won, won) AS increase,
       omnicrm.window_funnel('200 s', 'strict_once', to_timestamp(at), NOT won, NOT won, won) AS once,
       omnicrm.window_funnel('200 s', 'strict_once,strict_deduplication', to_timestamp(at), NOT won, NOT won, won) AS deduplication
FROM (VALUES (100, false, 234), (200, true, 345), (210, false, 345), (230, true, 345), (250, false, 234), (180, false, 123), (220, false, 123), (250, true, 123)) AS v(at, won, uid)
GROUP BY uid ORDER BY uid;

-- NULL conditions do not hold, NULL times are no rows, no rows give 0; 1 and 32 conditions; times far apart.
SELECT omnicrm.window_funnel('1 h', timestamptz 'epoch', NULL, NULL) AS unknown, omnicrm.window_funnel('1 h', NULL::timestamptz, true) AS no_time,
       omnicrm.window_funnel('1 h', 'strict_order', timestamptz 'epoch', NULL, false) AS strict,
       omnicrm.window_funnel('1 h', timestamptz 'epoch', true, NULL, true) AS gap,
       omnicrm.window_funnel('1 h', timestamptz 'epoch', true) FILTER (WHERE false) AS none;
SELECT omnicrm.window_funnel('1 h', at, true) FROM (SELECT now() AS at LIMIT 0) AS t;
SELECT omnicrm.window_funnel('40 s', to_timestamp(n), VARIADIC ARRAY(SELECT k = n FROM generate_series(1, 32) AS k)) AS all_32,
       omnicrm.window_funnel('30 s', to_timestamp(n), VARIADIC ARRAY(SELECT k = n FROM generate_series(1, 32) AS k)) AS only_31
FROM generate_series(1, 32) AS n;
SELECT omnicrm.window_funnel('200000 years', at::timestamptz, at ~ 'BC', at !~ 'BC') AS far, omnicrm.window_funnel('1 h', at::timestamptz, at ~ 'BC', at !~ 'BC') AS near
FROM unnest('{4713-01-01 BC,294276-12-31}'::text[]) AS at;
-- Growing and moving frames.
SELECT event, omnicrm.window_funnel('1 h', at, event = 1001, event = 1003, event = 1004) OVER (ORDER BY at) AS growing,
       omnicrm.window_funnel('1 h', at, event = 1001, event = 1003, event = 1004) OVER (ORDER BY at DESC) AS backwards,
       omnicrm.window_funnel('1 h', at, event = 1001, event = 1003, event = 1004) OVER (ORDER BY at ROWS 2 PRECEDING) AS moving
FROM tick ORDER BY event;

-- Bad input.
SELECT omnicrm.window_funnel('-1 s', now(), true);
SELECT omnicrm.window_funnel(NULL, now(), true);
SELECT omnicrm.window_funnel('1 h', NULL::text, now(), true);
SELECT omnicrm.window_funnel('1 h', 'strict', now(), true);
SELECT omnicrm.window_funnel('1 h', 'strict_order;strict_once', now(), true);
SELECT omnicrm.window_funnel('1 h', repeat('strict_order,', 20), now(), true);
SELECT omnicrm.window_funnel('1 h', 'infinity', true);
SELECT omnicrm.window_funnel('1 h', '-infinity', false);
SELECT omnicrm.window_funnel('1 h', now(), VARIADIC '{}'::boolean[]);
SELECT omnicrm.window_funnel('1 h', now(), VARIADIC NULL::boolean[]);
SELECT omnicrm.window_funnel('1 h', now(), VARIADIC '{{t},{f}}'::boolean[]);
SELECT omnicrm.window_funnel('1 h', now(), VARIADIC array_fill(true, '{33}'));
SELECT omnicrm.window_funnel(make_interval(hours => n), now(), true) FROM generate_series(1, 2) AS n;
SELECT omnicrm.window_funnel('1 h', CASE n WHEN 1 THEN '' ELSE 'strict_once' END, now(), true) FROM generate_series(1, 2) AS n;
SELECT omnicrm.window_funnel('1 h', now(), VARIADIC array_fill(true, ARRAY[n])) FROM generate_series(1, 2) AS n;
-- The same window or mode in other words is the same.
SELECT omnicrm.window_funnel(CASE n WHEN 1 THEN '60 minutes'::interval ELSE '1 hour' END, CASE n WHEN 1 THEN 'strict_once,strict_order' ELSE ' strict_order strict_once ' END,
                             to_timestamp(n), n = 1, n = 2) FROM generate_series(1, 2) AS n;

-- Random journeys with many ties against a literal reading of the rules, entry by
-- entry; with strict_once all chains are followed, each with the rows it used.
CREATE TEMP TABLE journey AS
SELECT j, (1 + abs(hashint8extended(j, 11)) % 4)::integer AS steps, (abs(hashint8extended(j, 12)) % 6)::integer AS win,
       array_agg(CASE j % 5 WHEN 4 THEN r / 2 ELSE abs(hashint8extended(j * 100 + r, 13)) % (1 + j % 9) END::integer ORDER BY r) AS times,
       array_agg(CASE WHEN j % 5 = 4 AND (j + r) % 7 < 6 THEN 1 << (r - 1) / (1 + j % 2)
                      ELSE abs(hashint8extended(j * 100 + r, 14)) % 16 & CASE j % 3 WHEN 0 THEN 15 ELSE abs(hashint8extended(j * 100 + r, 15)) % 16 END
                 END::integer ORDER BY r) AS masks
FROM generate_series(1, 900) AS j, generate_series(1, 8) AS r
WHERE r <= 1 + abs(hashint8extended(j, 16)) % 8
GROUP BY j;
CREATE FUNCTION pg_temp.level_by_rules(times integer[], masks integer[], steps integer, win integer, mode text) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  once CONSTANT boolean := mode ~ 'once';
  levels jsonb[] := array_fill('[]'::jsonb, ARRAY[steps]);
  entry record;
  chain jsonb;
  grown jsonb;
BEGIN
  FOR entry IN
    SELECT r.at, s.step, r.n
    FROM (SELECT u.at, u.mask & ((1 << steps) - 1) AS mask, u.n FROM unnest(times, masks) WITH ORDINALITY AS u(at, mask, n)) AS r
      CROSS JOIN LATERAL generate_series(0, steps) AS s(step)
    WHERE CASE s.step WHEN 0 THEN r.mask = 0 AND mode ~ 'order' ELSE (r.mask >> (s.step - 1)) & 1 = 1 END
    ORDER BY r.at, s.step, r.mask, r.n
  LOOP
    IF entry.step = 0 THEN
      EXIT WHEN levels[1] <> '[]';
      CONTINUE;
    END IF;
    IF entry.step = 1 THEN
      grown := jsonb_build_array(jsonb_build_object('start', entry.at, 'last', entry.at, 'rows', jsonb_build_array(entry.n)));
      levels[1] := CASE WHEN once THEN levels[1] || grown ELSE grown END;
      CONTINUE;
    END IF;
    EXIT WHEN mode ~ 'dedup' AND levels[entry.step] <> '[]';
    IF levels[entry.step - 1] = '[]' THEN
      EXIT WHEN mode ~ 'order' AND levels[1] <> '[]';
      CONTINUE;
    END IF;
    FOR chain IN SELECT jsonb_array_elements(levels[entry.step - 1]) LOOP
      CONTINUE WHEN entry.at > (chain ->> 'start')::integer + win
        OR mode ~ 'increase' AND (chain ->> 'last')::integer >= entry.at
        OR once AND chain -> 'rows' @> to_jsonb(entry.n);
      grown := jsonb_build_array(jsonb_build_object('start', chain -> 'start', 'last', entry.at, 'rows', chain -> 'rows' || to_jsonb(entry.n)));
      levels[entry.step] := CASE WHEN once THEN levels[entry.step] || grown ELSE grown END;
    END LOOP;
  END LOOP;
  RETURN (SELECT count(*) FROM unnest(levels) AS l WHERE l <> '[]');
END
$$;
CREATE TEMP TABLE mode AS
SELECT concat_ws(',', o.m, d.m, i.m, n.m) AS mode
FROM (VALUES (NULL), ('strict_order')) AS o(m), (VALUES (NULL), ('strict_deduplication')) AS d(m),
     (VALUES (NULL), ('strict_increase')) AS i(m), (VALUES (NULL), ('strict_once')) AS n(m);
CREATE TEMP TABLE found AS
SELECT m.mode, j.j, j.times, j.masks, j.steps, j.win,
       (SELECT omnicrm.window_funnel(make_interval(secs => j.win), m.mode, to_timestamp(r.at), VARIADIC
                                     ARRAY(SELECT (r.mask >> (k - 1)) & 1 = 1 FROM generate_series(1, j.steps) AS k))
        FROM unnest(j.times, j.masks) AS r(at, mask)) AS level
FROM journey AS j, mode AS m;
SELECT f.* FROM found AS f WHERE f.level <> pg_temp.level_by_rules(f.times, f.masks, f.steps, f.win, f.mode) LIMIT 5;
SELECT count(*) AS cases, count(DISTINCT mode) AS modes, count(DISTINCT level) AS levels FROM found;
-- The modes differ, so that the test above tests each.
SELECT count(*) AS modes_without_effect
FROM mode AS a
  JOIN mode AS b ON b.mode > a.mode
WHERE NOT EXISTS (SELECT 1 FROM found AS x JOIN found AS y USING (j) WHERE x.mode = a.mode AND y.mode = b.mode AND x.level <> y.level);
-- A longer window or fewer modes never give less; strict_increase and strict_once only take away.
SELECT count(*) AS falls
FROM journey AS j
  CROSS JOIN LATERAL (SELECT omnicrm.window_funnel(make_interval(secs => j.win), to_timestamp(r.at), r.mask & 1 = 1, r.mask & 2 = 2, r.mask & 4 = 4, r.mask & 8 = 8) AS short,
                             omnicrm.window_funnel(make_interval(secs => j.win + 2), to_timestamp(r.at), r.mask & 1 = 1, r.mask & 2 = 2, r.mask & 4 = 4, r.mask & 8 = 8) AS long,
                             omnicrm.window_funnel(make_interval(secs => j.win), 'strict_once', to_timestamp(r.at), r.mask & 1 = 1, r.mask & 2 = 2, r.mask & 4 = 4, r.mask & 8 = 8) AS once
                      FROM unnest(j.times, j.masks) AS r(at, mask)) AS f
WHERE f.short > f.long OR f.once > f.short;

CREATE FUNCTION pg_temp.sqlstate_of(statement text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE statement;
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  RETURN SQLSTATE;
END
$$;

-- All journeys at once give the same counts as one by one, in every mode.
SELECT count(*) AS modes, count(DISTINCT at_once) > 8 AS differ, count(*) FILTER (WHERE at_once <> one_by_one) AS differences
FROM (SELECT m.mode, omnicrm.window_funnel_counts(CASE j.j % 2 WHEN 0 THEN -j.j ELSE j.j END * 1000003::bigint, '2 s', m.mode, to_timestamp(r.at), r.mask & 1 = 1, r.mask & 2 = 2, r.mask & 4 = 4, r.mask & 8 = 8) AS at_once
      FROM mode AS m, journey AS j, unnest(j.times, j.masks) AS r(at, mask) GROUP BY m.mode) AS a
  JOIN (SELECT f.mode, ARRAY(SELECT count(*) FILTER (WHERE l.level >= k) FROM unnest(array_agg(f.level)) AS l(level), generate_series(1, 4) AS k GROUP BY k ORDER BY k) AS one_by_one
        FROM (SELECT m.mode, j.j, omnicrm.window_funnel('2 s', m.mode, to_timestamp(r.at), r.mask & 1 = 1, r.mask & 2 = 2, r.mask & 4 = 4, r.mask & 8 = 8) AS level
              FROM mode AS m, journey AS j, unnest(j.times, j.masks) AS r(at, mask) GROUP BY m.mode, j.j) AS f
        GROUP BY f.mode) AS b USING (mode);
SELECT omnicrm.window_funnel_counts(j, '1 h', to_timestamp(n), n = 1, n = 2) AS counts, omnicrm.window_funnel_counts(NULL, '1 h', to_timestamp(n), n = 1, n = 2) AS no_journey,
       omnicrm.window_funnel_counts(j, '1 h', NULL::timestamptz, true, NULL) AS no_time, omnicrm.window_funnel_counts(j, '1 h', to_timestamp(n), true) FILTER (WHERE false) AS none,
       omnicrm.window_funnel_counts(9223372036854775805 + j, '1 h', 'strict_order', to_timestamp(-n), n = 3, j = 1 AND n = 2) AS strict
FROM generate_series(1, 3) AS n, generate_series(-3, 2) AS j;
SELECT n, omnicrm.window_funnel_counts(n % 2, '1 h', to_timestamp(n), n < 3, n > 2) OVER (ORDER BY n) AS growing FROM generate_series(1, 4) AS n ORDER BY n;
SELECT omnicrm.window_funnel_counts(1, '-1 s', now(), true);
SELECT omnicrm.window_funnel_counts(1, '1 h', 'none', now(), true);
SELECT omnicrm.window_funnel_counts(1, '1 h', 'infinity', true);
SELECT omnicrm.window_funnel_counts(1, make_interval(hours => n), now(), true) FROM generate_series(1, 2) AS n;
SELECT omnicrm.window_funnel_counts(1, '1 h', CASE n WHEN 1 THEN 'strict_once' ELSE '' END, now(), true) FROM generate_series(1, 2) AS n;
SELECT omnicrm.window_funnel_counts(1, '1 h', now(), VARIADIC array_fill(true, ARRAY[n])) FROM generate_series(1, 2) AS n;

-- The levels of all journeys at once are those of one by one, row for row, in every mode: journeys with gaps in their numbers, of both signs, without
-- a step, without a time.
CREATE TEMP TABLE step AS
SELECT CASE j.j % 3 WHEN 0 THEN -j.j ELSE j.j END * (1 + j.j % 2 * 1000003::bigint) AS j, to_timestamp(r.at) AS at, r.mask
FROM journey AS j, unnest(j.times, j.masks) AS r(at, mask)
UNION ALL SELECT 77, NULL, 15
UNION ALL SELECT 78, to_timestamp(0), 16
UNION ALL SELECT CASE n % 2 WHEN 0 THEN 9223372036854775807 ELSE -9223372036854775808 END, to_timestamp(n), n FROM generate_series(1, 4) AS n
UNION ALL SELECT NULL, to_timestamp(0), 15;
CREATE FUNCTION pg_temp.level_differences(mode text) RETURNS bigint LANGUAGE sql AS $$
  WITH at_once AS (
    SELECT l.*
    FROM omnicrm.funnel_levels((SELECT omnicrm.window_funnel_levels(s.j, '2 s', mode, s.at, s.mask & 1 = 1, s.mask & 2 = 2, s.mask & 4 = 4, s.mask & 8 = 8) FROM step AS s)) AS l
  ), one_by_one AS (
    SELECT s.j, omnicrm.window_funnel('2 s', mode, s.at, s.mask & 1 = 1, s.mask & 2 = 2, s.mask & 4 = 4, s.mask & 8 = 8)
    FROM step AS s WHERE s.j IS NOT NULL GROUP BY s.j
  )
  SELECT count(*) FROM ((TABLE at_once EXCEPT ALL TABLE one_by_one) UNION ALL (TABLE one_by_one EXCEPT ALL TABLE at_once)) AS d
$$;
SELECT count(*) AS modes, sum(pg_temp.level_differences(mode)) AS differences FROM mode;
SELECT count(*) AS modes FROM mode AS m
WHERE (SELECT array_agg(l) FROM omnicrm.funnel_levels((SELECT omnicrm.window_funnel_levels(s.j, '2 s', s.at, s.mask & 1 = 1, s.mask & 2 = 2, s.mask & 4 = 4, s.mask & 8 = 8) FROM step AS s)) AS l)
    = (SELECT array_agg(l) FROM omnicrm.funnel_levels((SELECT omnicrm.window_funnel_levels(s.j, '2 s', m.mode, s.at, s.mask & 1 = 1, s.mask & 2 = 2, s.mask & 4 = 4, s.mask & 8 = 8) FROM step AS s)) AS l);
SELECT l.journey, l.level, lag(l.journey) OVER () < l.journey AS ascends FROM omnicrm.funnel_levels((SELECT omnicrm.window_funnel_levels(j, '2 s', at, mask & 1 = 1, mask & 2 = 2) FROM step WHERE abs(j % 1000003) IN (77, 78) OR j IN (9223372036854775807, -9223372036854775808))) AS l;
SELECT omnicrm.window_funnel_levels(j, '1 h', to_timestamp(n), n = 1, n = 2) AS levels, omnicrm.window_funnel_levels(NULL, '1 h', to_timestamp(n), n = 1) AS no_journey,
       omnicrm.window_funnel_levels(j, '1 h', NULL::timestamptz, true, NULL) AS no_time, omnicrm.window_funnel_levels(j, '1 h', to_timestamp(n), true) FILTER (WHERE false) AS none
FROM generate_series(1, 3) AS n, unnest('{-9223372036854775808,-1,0,1,128,16511,9223372036854775807}'::bigint[]) AS j;
SELECT count(*) AS none FROM omnicrm.funnel_levels(NULL);
SELECT n, omnicrm.window_funnel_levels(n % 2, '1 h', to_timestamp(n), n < 3, n > 2) OVER (ORDER BY n) AS growing FROM generate_series(1, 4) AS n ORDER BY n;
SELECT omnicrm.window_funnel_levels(1, '1 h', 'none', now(), true);
SELECT omnicrm.window_funnel_levels(1, '1 h', 'infinity', true);
SELECT omnicrm.window_funnel_levels(1, make_interval(hours => n), now(), true) FROM generate_series(1, 2) AS n;
-- A value that is stored, read and compared; such that are no value.
CREATE TEMP TABLE stored AS SELECT omnicrm.window_funnel_levels(j, '2 s', at, mask & 1 = 1, mask & 2 = 2) AS levels FROM step;
SELECT count(*) AS journeys, levels::text::omnicrm.journey_levels::bytea = levels::bytea AS same FROM stored, omnicrm.funnel_levels(levels) GROUP BY levels::text, levels::bytea;
SELECT * FROM omnicrm.funnel_levels('\x0120ffffffffffffffffff0120');
SELECT bytes, pg_temp.sqlstate_of(format('SELECT %L::omnicrm.journey_levels', bytes)) AS error
FROM unnest('{"\\x","\\x01","\\x0201","\\x0100","\\x0121","\\x010105","\\x01010502","\\x010185","\\x0101850001","\\x010105010001","\\x0101ffffffffffffffffff0201","\\x0101ffffffffffffffffffff0101","\\x0101ffffffffffffffffff01010101","0101","\\x010"}'::text[]) AS bytes;

-- Little memory: rows in temporary files, with as little as there can be, read again as the state grows; without a file for a window function.
CREATE TEMP TABLE many AS
SELECT abs(hashint8extended(n, 21)) % 20000 * 7 - 50000 AS j, to_timestamp(n / 3) AS at, (abs(hashint8extended(n, 22)) % 6)::integer AS k FROM generate_series(1, 100000) AS n;
CREATE TEMP TABLE in_memory AS
SELECT omnicrm.window_funnel_levels(j, '4 h', at, k = 0, k = 1, k = 2) AS levels, omnicrm.window_funnel_counts(j, '4 h', at, k = 0, k = 1, k = 2) AS counts FROM many;
SET work_mem = '64kB';
SELECT m.levels::bytea = f.levels::bytea AS levels, m.counts = f.counts AS counts, m.counts[3] > 100 AS climbed
FROM in_memory AS m,
     (SELECT omnicrm.window_funnel_levels(j, '4 h', at, k = 0, k = 1, k = 2) AS levels, omnicrm.window_funnel_counts(j, '4 h', at, k = 0, k = 1, k = 2) AS counts FROM many) AS f;
SELECT count(*) AS groups, sum(counts[1]) = (SELECT counts[1] FROM in_memory) AS same
FROM (SELECT omnicrm.window_funnel_counts(j, '4 h', at, k = 0, k = 1, k = 2) AS counts FROM many GROUP BY j % 5) AS g;
RESET work_mem;
-- Events that fit a word, and from the 37th minute of 2000 on, with 32 conditions, those that do not.
SELECT count(*) AS journeys, count(*) FILTER (WHERE three = thirty_two) AS same, count(DISTINCT three) AS levels
FROM (SELECT omnicrm.window_funnel('2 min', s.at, k = 0, k = 1, k = 2) AS three,
             omnicrm.window_funnel('2 min', s.at, VARIADIC ARRAY[k = 0, k = 1, k = 2] || array_fill(false, '{29}')) AS thirty_two
      FROM many CROSS JOIN LATERAL (SELECT at + (timestamptz '1999-12-31 23:30+00' - 'epoch') AS at) AS s GROUP BY j % 997) AS l;
SET maintenance_work_mem = '1MB';
SELECT max(c[1]) AS journeys FROM (SELECT omnicrm.window_funnel_counts(n, '1 h', now(), true) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS c FROM generate_series(1, 21845) AS n) AS w;
SELECT max(c[1]) AS journeys FROM (SELECT omnicrm.window_funnel_counts(n, '1 h', now(), true) OVER (ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS c FROM generate_series(1, 21846) AS n) AS w;
RESET maintenance_work_mem;

-- Many rows of one instant with many steps.
SELECT m AS mode, omnicrm.window_funnel('1 h', m, to_timestamp(n / 100), VARIADIC ARRAY(SELECT k <> 20 AND (n * k) % 7 < 5 FROM generate_series(1, 32) AS k)) AS level
FROM generate_series(1, 20000) AS n, unnest('{"","strict_once","strict_once,strict_increase","strict_increase"}'::text[]) AS m
GROUP BY m ORDER BY m COLLATE "C";

-- Retention: the example of ClickHouse's documentation.
CREATE TEMP TABLE visit AS
SELECT d.day, u AS uid FROM (VALUES (date '2020-01-01', 4), ('2020-01-02', 9), ('2020-01-03', 14)) AS d(day, last), generate_series(0, d.last) AS u;
SELECT uid, omnicrm.retention(day = '2020-01-01', day = '2020-01-02', day = '2020-01-03') AS r FROM visit WHERE uid IN (0, 4, 5, 14) GROUP BY uid ORDER BY uid;
SELECT count(*) FILTER (WHERE r[1]) AS r1, count(*) FILTER (WHERE r[2]) AS r2, count(*) FILTER (WHERE r[3]) AS r3
FROM (SELECT omnicrm.retention(day = '2020-01-01', day = '2020-01-02', day = '2020-01-03') AS r FROM visit GROUP BY uid) AS v;
SELECT omnicrm.retention(NULL) AS unknown, omnicrm.retention(true, NULL) AS second_unknown, omnicrm.retention(true) FILTER (WHERE false) AS none,
       omnicrm.retention(VARIADIC array_fill(true, '{32}')) = array_fill(true, '{32}') AS all_32;
SELECT omnicrm.retention(VARIADIC '{}'::boolean[]);
SELECT omnicrm.retention(VARIADIC array_fill(true, '{33}'));
SELECT omnicrm.retention(VARIADIC NULL::boolean[]);
SELECT omnicrm.retention(VARIADIC array_fill(true, ARRAY[n])) FROM generate_series(1, 2) AS n;
SELECT omnicrm.retention_final(0);
SELECT omnicrm.retention_final(-1);
SELECT omnicrm.retention_final((2::bigint << 32) | 7);
SELECT omnicrm.retention_final((33::bigint << 32) | 7);
SELECT omnicrm.retention_final((2::bigint << 32) | 3);

-- Time between phases.
SELECT omnicrm.phase_durations(at::timestamptz, phase = 'attract', phase = 'contract', phase = 'deliver', phase = 'care', phase = 'again') AS durations
FROM (VALUES ('2024-01-05', 'contract'), ('2024-01-01', 'attract'), ('2024-01-02', 'attract'), ('2024-01-05 06:00', 'deliver'), ('2024-01-04', 'again'), (NULL, 'care')) AS v(at, phase);
SELECT omnicrm.phase_durations(now(), true, NULL) AS not_entered, omnicrm.phase_durations(NULL, true, true) AS no_time,
       omnicrm.phase_durations(now(), true, true) AS same_row, omnicrm.phase_durations(now(), true, true) FILTER (WHERE false) AS none;
SELECT percentile_cont(ARRAY[0.25, 0.5, 0.9]) WITHIN GROUP (ORDER BY d[1]) AS quantiles, count(d[2]) AS reached
FROM (SELECT omnicrm.phase_durations(to_timestamp(j * 10 + k * k * j), k = 0, k = 1, k = 2 AND j % 3 = 0) AS d
      FROM generate_series(1, 30) AS j, generate_series(0, 2) AS k GROUP BY j) AS t;
SELECT omnicrm.phase_durations(now(), true);
SELECT omnicrm.phase_durations('infinity', true, false);
SELECT omnicrm.phase_durations(now(), VARIADIC array_fill(true, ARRAY[n])) FROM generate_series(2, 3) AS n;
SELECT omnicrm.phase_durations_final('{}');
SELECT omnicrm.phase_durations_final('{2024-01-01}');
SELECT omnicrm.phase_durations_final('{2024-01-01,NULL}');
SELECT omnicrm.phase_durations_final('{{2024-01-01,2024-01-02}}');
SELECT omnicrm.phase_durations_final('{2024-01-01,-infinity}');
SELECT omnicrm.phase_durations_final('{2024-01-01,infinity,2024-01-02}'), omnicrm.phase_durations_final('{2024-01-02,2024-01-01}');

-- Flows.
SELECT p.options, e.*
FROM (SELECT 'all' AS options, omnicrm.path_edges(to_timestamp(n), s) AS edges FROM unnest('{d,a,b,b,c,d,c,c}'::text[]) WITH ORDINALITY AS v(s, n)
      UNION ALL SELECT 'three', omnicrm.path_edges(to_timestamp(n), s, 3) FROM unnest('{d,a,b,b,c,d,c,c}'::text[]) WITH ORDINALITY AS v(s, n)
      UNION ALL SELECT 'collapsed', omnicrm.path_edges(to_timestamp(n), s, NULL, true) FROM unnest('{d,a,b,b,c,d,c,c}'::text[]) WITH ORDINALITY AS v(s, n)
      UNION ALL SELECT 'six collapsed', omnicrm.path_edges(to_timestamp(n), s, 6, true) FROM unnest('{d,a,b,b,c,d,c,c}'::text[]) WITH ORDINALITY AS v(s, n)) AS p,
     unnest(p.edges) AS e
ORDER BY p.options COLLATE "C", e.step;
SELECT omnicrm.path_edges('epoch', s) AS ties, omnicrm.path_edges('epoch', s, 1) AS first, omnicrm.path_edges('epoch', s, 1, true) FILTER (WHERE s = 'B') AS single,
       omnicrm.path_edges(NULL, s) AS no_time, omnicrm.path_edges('epoch', NULL) AS no_step, omnicrm.path_edges('epoch', s) FILTER (WHERE false) AS none
FROM unnest('{b,ab,B,"",a}'::text[]) AS s;
SELECT omnicrm.path_edges('epoch', 'a', 0);
SELECT omnicrm.path_edges('epoch', 'a', NULL, NULL);
SELECT omnicrm.path_edges('infinity', 'a');
SELECT omnicrm.path_edges('epoch', 'a', n) FROM generate_series(1, 2) AS n;
SELECT omnicrm.path_edges('epoch', 'a', 1, n = 1) FROM generate_series(1, 2) AS n;

-- Any row order and any number of workers give the same; flows against window functions.
CREATE TABLE funnel_event AS
SELECT (abs(hashint8extended(i, 21)) % 3000)::integer AS customer, timestamptz '2024-01-01' + (abs(hashint8extended(i, 22)) % 500) * interval '7 min' AS at,
       (abs(hashint8extended(i, 23)) % 6)::integer AS kind
FROM generate_series(1, 30000) AS i;
ALTER TABLE funnel_event SET (parallel_workers = 2);
ANALYZE funnel_event;
CREATE TEMP TABLE edge AS
SELECT x.customer, e.*
FROM (SELECT customer, omnicrm.path_edges(at, 'step ' || kind, 4, true) AS edges FROM funnel_event GROUP BY customer) AS x, unnest(x.edges) AS e;
WITH sorted AS (
  SELECT customer, at, 'step ' || kind AS step, lag('step ' || kind) OVER w AS before
  FROM funnel_event WINDOW w AS (PARTITION BY customer ORDER BY at, kind)
), kept AS (
  SELECT customer, step, row_number() OVER w AS place, lead(step) OVER w AS next
  FROM sorted WHERE before IS DISTINCT FROM step WINDOW w AS (PARTITION BY customer ORDER BY at, step)
), plain AS (
  SELECT customer, place::integer, step, next FROM kept WHERE place < 4 OR place = 4 AND next IS NULL
)
SELECT (SELECT count(*) FROM edge) AS edges,
       (SELECT count(*) FROM (TABLE edge EXCEPT ALL TABLE plain) AS d) AS too_many, (SELECT count(*) FROM (TABLE plain EXCEPT ALL TABLE edge) AS d) AS missing;
-- What flows into a step flows out of it.
SELECT count(*) AS steps_that_do_not_tie
FROM (SELECT step + 1 AS step, to_step AS name, count(*) AS n FROM edge WHERE to_step IS NOT NULL AND step < 3 GROUP BY 1, 2) AS i
  FULL JOIN (SELECT step, from_step AS name, count(*) AS n FROM edge WHERE step BETWEEN 2 AND 3 GROUP BY 1, 2) AS o USING (step, name)
WHERE i.n IS DISTINCT FROM o.n;

CREATE FUNCTION pg_temp.all_results(source text) RETURNS TABLE (customer integer, result text) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE 'SELECT customer, concat_ws(''|'',
      omnicrm.window_funnel(''1 day'', at, kind = 0, kind = 1, kind = 2, kind = 3),
      omnicrm.window_funnel(''2 days'', ''strict_once'', at, kind < 2, kind < 3, kind = 2),
      omnicrm.window_funnel(''2 days'', ''strict_order,strict_deduplication'', at, kind < 2, kind = 2),
      omnicrm.sequence_match(''(?1).*(?2)(?t<=86400)(?3)'', at, kind = 0, kind = 1, kind = 2),
      omnicrm.sequence_count(''(?1)(?2)'', at, kind < 3, kind >= 3),
      omnicrm.retention(kind = 0, kind = 1, kind = 5), omnicrm.phase_durations(at, kind = 0, kind = 1, kind = 5),
      omnicrm.path_edges(at, ''step '' || kind), omnicrm.path_edges(at, kind::text, 3, true))
    FROM ' || source || ' GROUP BY customer';
END
$$;
CREATE FUNCTION pg_temp.plan_has(query text, node text) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN (COSTS OFF) ' || query LOOP
    IF strpos(line, node) > 0 THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
SET max_parallel_workers_per_gather = 0;
CREATE TABLE funnel_serial AS SELECT * FROM pg_temp.all_results('funnel_event');
SELECT count(*) AS customers, count(DISTINCT result) > 1000 AS differ FROM funnel_serial;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SELECT pg_temp.plan_has('SELECT customer, omnicrm.window_funnel(''1 day'', at, kind = 0, kind = 1), omnicrm.sequence_count(''(?1)(?2)'', at, kind = 0, kind = 1),
                                omnicrm.retention(kind = 0, kind = 1), omnicrm.phase_durations(at, kind = 0, kind = 1), omnicrm.path_edges(at, kind::text)
                         FROM funnel_event GROUP BY customer', 'Partial') AS parallel;
SELECT count(*) AS differences FROM (SELECT * FROM pg_temp.all_results('funnel_event') EXCEPT ALL TABLE funnel_serial) AS d;
SELECT pg_temp.plan_has('SELECT omnicrm.window_funnel_counts(customer, ''1 day'', at, kind = 0, kind = 1, kind = 2, kind = 3) FROM funnel_event', 'Partial') AS parallel;
SELECT omnicrm.window_funnel_counts(customer, '1 day', at, kind = 0, kind = 1, kind = 2, kind = 3)
       = (SELECT ARRAY(SELECT count(*) FILTER (WHERE split_part(s.result, '|', 1)::integer >= k) FROM funnel_serial AS s, generate_series(1, 4) AS k GROUP BY k ORDER BY k)) AS same
FROM funnel_event;
SELECT pg_temp.plan_has('SELECT omnicrm.window_funnel_levels(customer, ''1 day'', at, kind = 0, kind = 1, kind = 2, kind = 3) FROM funnel_event', 'Partial') AS parallel;
CREATE TEMP TABLE levels_parallel AS SELECT omnicrm.window_funnel_levels(customer, '1 day', at, kind = 0, kind = 1, kind = 2, kind = 3) AS levels FROM funnel_event;
SET work_mem = '64kB';
INSERT INTO levels_parallel SELECT omnicrm.window_funnel_levels(customer, '1 day', at, kind = 0, kind = 1, kind = 2, kind = 3) FROM funnel_event;
RESET work_mem;
SET max_parallel_workers_per_gather = 0;
INSERT INTO levels_parallel SELECT omnicrm.window_funnel_levels(customer, '1 day', at, kind = 0, kind = 1, kind = 2, kind = 3) FROM (SELECT * FROM funnel_event ORDER BY hashint4(kind), at DESC) AS e;
SELECT count(*) AS values, count(DISTINCT levels::bytea) AS different FROM levels_parallel;
SELECT count(*) AS journeys, count(*) FILTER (WHERE split_part(s.result, '|', 1)::integer = l.level) AS same
FROM (SELECT levels FROM levels_parallel LIMIT 1) AS p, omnicrm.funnel_levels(p.levels) AS l FULL JOIN funnel_serial AS s ON s.customer = l.journey;
SELECT count(*) AS differences
FROM (SELECT * FROM pg_temp.all_results('(SELECT * FROM funnel_event ORDER BY hashint4(kind), at DESC) AS e') EXCEPT ALL TABLE funnel_serial) AS d;
SET enable_hashagg = off;
SELECT count(*) AS differences FROM (SELECT * FROM pg_temp.all_results('funnel_event') EXCEPT ALL TABLE funnel_serial) AS d;
DROP TABLE funnel_event, funnel_serial;
