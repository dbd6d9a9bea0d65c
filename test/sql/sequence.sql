-- sequence_match and sequence_count.
SET client_min_messages = warning;
SET timezone = 'UTC';
\set VERBOSITY terse

-- The examples of ClickHouse's documentation.
CREATE TEMP TABLE three AS SELECT to_timestamp(time) AS at, number FROM (VALUES (1, 1), (2, 3), (3, 2)) AS v(time, number);
SELECT omnicrm.sequence_match('(?1)(?2)', at, number = 1, number = 2) AS skips_what_is_no_condition,
       omnicrm.sequence_match('(?1)(?2)', at, number = 1, number = 2, number = 3) AS three_between,
       omnicrm.sequence_match('(?1)(?2)', at, number = 1, number = 2, number = 4) AS four_never
FROM three;
SELECT omnicrm.sequence_count('(?1).*(?2)', to_timestamp(time), number = 1, number = 2) AS two,
       omnicrm.sequence_count('(?1).*(?2)', to_timestamp(time), number = 1, number = 2, number = 3) AS two_again,
       omnicrm.sequence_count('(?1)(?2)', to_timestamp(time), number = 1, number = 2, number = 3) AS none
FROM (VALUES (1, 1), (2, 3), (3, 2), (4, 1), (5, 3), (6, 2)) AS v(time, number);

-- Paths of letters, one row a second; condition 1 is a, 2 is b and so on.
CREATE FUNCTION pg_temp.matches(path text, pattern text) RETURNS text LANGUAGE sql AS $$
  SELECT omnicrm.sequence_match(pattern, to_timestamp(r.n), r.letter = 'a', r.letter = 'b', r.letter = 'c', r.letter = 'd') || ' ' ||
         omnicrm.sequence_count(pattern, to_timestamp(r.n), r.letter = 'a', r.letter = 'b', r.letter = 'c', r.letter = 'd')
  FROM regexp_split_to_table(path, '') WITH ORDINALITY AS r(letter, n)
$$;
SELECT pattern, pg_temp.matches('abcabdcab-aab', pattern) AS abcabdcab_aab, pg_temp.matches('dcba', pattern) AS dcba, pg_temp.matches('----', pattern) AS nothing
FROM unnest('{(?1),.,..,(?1)(?2),(?2)(?1),(?1).(?3),(?1).*(?3),.*(?1).*(?3).*,(?1).*.*(?3),(?3).*(?2),(?1).(?3)(?1),(?4)...}'::text[]) AS pattern;
-- Times: from the element before, in whole seconds, rows between do not matter.
SELECT pattern, pg_temp.matches('a--b-b---bc', pattern) AS found
FROM unnest('{(?1)(?t<=2)(?2),(?1)(?t<=3)(?2),(?1)(?t<3)(?2),(?1)(?t<4)(?2),(?1)(?t>3)(?2),(?1)(?t>8)(?2),(?1)(?t>=9)(?2),(?1)(?t>9)(?2),(?1)(?t==5)(?2),(?1)(?t==4)(?2),(?1)(?t>=4)(?t<=6)(?2),(?1)(?t>=6)(?t<=8)(?2),(?1)(?t>=5)(?2)(?3),(?1)(?t<=3)(?2)(?t>=5)(?3),(?1)(?t<=5)(?2)(?t<=5)(?3),(?1)(?t<=1).(?t<=4).}'::text[]) AS pattern;
-- A choice that leads nowhere is taken back: the first b is too far from c, the second is not; the first a is too far from b, the second is not.
SELECT pg_temp.matches('ab---bc', '(?1)(?t<=9)(?2)(?t<=2)(?3)') AS second_b, pg_temp.matches('a---ab', '(?1)(?t<=2)(?2)') AS second_a;
-- Without overlap: of each match the first row, then the earliest that leads to an end; the next one begins behind it.
SELECT pg_temp.matches('aabb', '(?1).*(?2)') AS one, pg_temp.matches('abab', '(?1).*(?2)') AS two, pg_temp.matches('aaaa', '(?1)(?1)') AS pairs,
       pg_temp.matches('aaaaa', '(?1)(?1)') AS pairs_of_five, pg_temp.matches('aaabbb', '(?1)(?t<=3)(?2)') AS in_time;
-- Fractions of a second count.
SELECT omnicrm.sequence_match('(?1)(?t<=1)(?2)', to_timestamp(n * 1.000001), n = 0, n = 1) AS late,
       omnicrm.sequence_match('(?1)(?t>1)(?2)', to_timestamp(n * 1.000001), n = 0, n = 1) AS later,
       omnicrm.sequence_match('(?1)(?t==1)(?2)', to_timestamp(n * 1.000001), n = 0, n = 1) AS not_equal
FROM generate_series(0, 1) AS n;
-- Rows of one instant are in the order of their conditions, however they come.
SELECT omnicrm.sequence_match('(?1)(?2)', timestamptz 'epoch', n = 1, n = 2) AS in_order, omnicrm.sequence_match('(?2)(?1)', timestamptz 'epoch', n = 1, n = 2) AS reversed
FROM generate_series(1, 2) AS n;
SELECT omnicrm.sequence_match('(?1)(?2)', timestamptz 'epoch', n = 1, n = 2) AS in_order FROM unnest('{2,1}'::integer[]) AS n;
-- One row with two conditions is one row; NULL conditions do not hold, NULL times are no rows, no rows match nothing.
SELECT omnicrm.sequence_match('(?1)(?2)', now(), true, true) AS one_row, omnicrm.sequence_match('(?1)', now(), NULL, true) AS unknown,
       omnicrm.sequence_match('(?1)', NULL, true) AS no_time, omnicrm.sequence_match('.', now(), false) AS no_condition,
       omnicrm.sequence_match('(?1)', now(), true) FILTER (WHERE false) AS no_rows, omnicrm.sequence_count('(?1)', now(), true) FILTER (WHERE false) AS no_count;
SELECT omnicrm.sequence_match('(?32)(?t<=9223372036854)(?1)', at::timestamptz, VARIADIC ARRAY(SELECT (k = 32) = (at ~ 'BC') FROM generate_series(1, 32) AS k)) AS far
FROM unnest('{4713-01-01 BC,200000-12-31}'::text[]) AS at;
SELECT n, omnicrm.sequence_count('(?1)(?2)', to_timestamp(n), n % 2 = 1, n % 2 = 0) OVER (ORDER BY n) AS growing,
       omnicrm.sequence_count('(?1)(?2)', to_timestamp(n), n % 2 = 1, n % 2 = 0) OVER (ORDER BY n DESC ROWS 2 PRECEDING) AS moving
FROM generate_series(1, 5) AS n ORDER BY n;

-- Bad patterns.
CREATE FUNCTION pg_temp.refusal(pattern text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  PERFORM omnicrm.sequence_match(pattern, now(), true, false);
  RETURN 'none';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN SQLSTATE || ' ' || left(SQLERRM, 120) || CASE hint WHEN '' THEN '' ELSE ' (hint)' END;
END
$$;
SELECT pg_temp.refusal(pattern)
FROM unnest(ARRAY['', '.*', '(?1', '(?1)(', '(?)', '(?0)', '(?3)', '(?99999999999999999999)', '(?1) (?2)', '(?-1)', '(1)', 'a', '(?1)(?t)(?2)', '(?1)(?t=5)(?2)',
                  '(?1)(?t<=)(?2)', '(?1)(?t<=5(?2)', '(?1)(?t<=9223372036855)(?2)', '(?1)(?t<=1.5)(?2)', '(?t<=5)(?1)', '(?1)(?t<=5)', '(?1)(?t<=5).*', '(?1).*(?t<=5)(?2)',
                  '(?1)(?t<0)(?2)', '(?1)(?t>5)(?t<=5)(?2)', repeat('.', 65), repeat('.*', 2049) || '.', '(?1)é', 'éé(?1)']) AS pattern;
SELECT pg_temp.refusal(repeat('.', 64)) AS elements_64, pg_temp.refusal('(?1)(?t<=9223372036854)(?2)') AS largest, pg_temp.refusal('(?001)') AS zeros;
SELECT omnicrm.sequence_match(NULL, now(), true);
SELECT omnicrm.sequence_match('(?1)', 'infinity', true);
SELECT omnicrm.sequence_count('(?1)', now(), VARIADIC array_fill(true, '{33}'));
SELECT omnicrm.sequence_count('(?1)', now(), VARIADIC NULL::boolean[]);
SELECT omnicrm.sequence_count(CASE n WHEN 1 THEN '(?1)' ELSE '(?1)(?1)' END, now(), true) FROM generate_series(1, 2) AS n;
SELECT omnicrm.sequence_count('(?1)', now(), VARIADIC array_fill(true, ARRAY[n])) FROM generate_series(1, 2) AS n;
-- A pattern per group.
SELECT p, omnicrm.sequence_count(p, to_timestamp(n), n % 3 = 1, n % 3 = 2) FROM generate_series(1, 9) AS n, unnest('{(?1),(?1)(?2),(?2)(?1),(?1)(?t>=4)(?2)}'::text[]) AS p GROUP BY p ORDER BY p COLLATE "C";

-- Hostile patterns on 100,000 events take a time of events times elements.
SET statement_timeout = '300s';
SELECT omnicrm.sequence_match(repeat('.*(?1)', 64), to_timestamp(n), true, false) AS all_match,
       omnicrm.sequence_match(repeat('(?1).*', 63) || '(?2)', to_timestamp(n), true, false) AS never,
       omnicrm.sequence_match(repeat('(?1)(?t<=100000)', 63) || '(?2)', to_timestamp(n), true, false) AS never_in_time,
       omnicrm.sequence_match(repeat('(?1)(?t>=1)', 62) || '(?1)(?t>=200000)(?1)', to_timestamp(n), true, false) AS never_so_late,
       omnicrm.sequence_count(repeat('(?1)(?t<=3)', 63) || '(?1)', to_timestamp(n), true, false) AS many,
       omnicrm.sequence_count(repeat('(?1)(?t>=3)', 63) || '(?1)', to_timestamp(n), true, false) AS fewer,
       omnicrm.sequence_count('(?1)', to_timestamp(n % 10), true, false) AS ties
FROM generate_series(1, 100000) AS n;
RESET statement_timeout;

-- Random journeys and patterns against a search that tries everything.
CREATE FUNCTION pg_temp.end_of_match(times integer[], masks integer[], cond integer[], gap text[], secs integer[], j integer, i integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  d integer;
  found integer;
BEGIN
  IF cond[j] > 0 AND (masks[i] >> (cond[j] - 1)) & 1 = 0 THEN
    RETURN NULL;
  END IF;
  IF j = cardinality(cond) THEN
    RETURN i;
  END IF;
  FOR k IN i + 1 .. cardinality(times) LOOP
    EXIT WHEN gap[j + 1] = '' AND k > i + 1;
    d := times[k] - times[i];
    CONTINUE WHEN NOT CASE gap[j + 1] WHEN '<' THEN d < secs[j + 1] WHEN '<=' THEN d <= secs[j + 1] WHEN '>' THEN d > secs[j + 1]
                                      WHEN '>=' THEN d >= secs[j + 1] WHEN '==' THEN d = secs[j + 1] ELSE true END;
    found := pg_temp.end_of_match(times, masks, cond, gap, secs, j + 1, k);
    IF found IS NOT NULL THEN
      RETURN found;
    END IF;
  END LOOP;
  RETURN NULL;
END
$$;
CREATE FUNCTION pg_temp.plain_count(times integer[], masks integer[], cond integer[], gap text[], secs integer[]) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  matches bigint := 0;
  i integer := 1;
  found integer;
BEGIN
  WHILE i <= cardinality(times) LOOP
    found := pg_temp.end_of_match(times, masks, cond, gap, secs, 1, i);
    matches := matches + (found IS NOT NULL)::integer;
    i := coalesce(found, i) + 1;
  END LOOP;
  RETURN matches;
END
$$;
CREATE TEMP TABLE journey AS
SELECT j, array_agg(at ORDER BY at, mask) AS times, array_agg(mask ORDER BY at, mask) AS masks
FROM (SELECT j, (abs(hashint8extended(j * 100 + r, 31)) % (3 + j % 13))::integer AS at,
             (abs(hashint8extended(j * 100 + r, 32)) % 7 & CASE WHEN j % 2 = 0 THEN 7 ELSE (abs(hashint8extended(j * 100 + r, 33)) % 8)::integer END)::integer AS mask
      FROM generate_series(1, 300) AS j, generate_series(1, 14) AS r) AS e
WHERE mask > 0
GROUP BY j;
CREATE TEMP TABLE pattern AS
SELECT p, array_agg(cond ORDER BY n) AS cond, array_agg(gap ORDER BY n) AS gap, array_agg(secs ORDER BY n) AS secs,
       string_agg(CASE WHEN n = 1 OR gap = '' THEN '' WHEN gap = '.*' THEN '.*' ELSE format('(?t%s%s)', gap, secs) END
                  || CASE cond WHEN 0 THEN '.' ELSE format('(?%s)', cond) END, '' ORDER BY n) AS source
FROM (SELECT p, n, (abs(hashint8extended(p * 10 + n, 41)) % 4)::integer AS cond,
             ('{"",.*,<,<=,>,>=,==,""}'::text[])[1 + abs(hashint8extended(p * 10 + n, 42)) % 8] AS gap, (1 + abs(hashint8extended(p * 10 + n, 43)) % 5)::integer AS secs
      FROM generate_series(1, 60) AS p, generate_series(1, 5) AS n
      WHERE n <= 1 + p % 5) AS e
GROUP BY p;
CREATE TEMP TABLE found AS
SELECT j.*, p.*,
       (SELECT omnicrm.sequence_count(p.source, to_timestamp(r.at), r.mask & 1 = 1, r.mask & 2 = 2, r.mask & 4 = 4) FROM unnest(j.times, j.masks) AS r(at, mask)) AS count,
       (SELECT omnicrm.sequence_match(p.source, to_timestamp(r.at), r.mask & 1 = 1, r.mask & 2 = 2, r.mask & 4 = 4)
        FROM (SELECT * FROM unnest(j.times, j.masks) WITH ORDINALITY AS u(at, mask, n) ORDER BY n DESC) AS r) AS matched
FROM journey AS j, pattern AS p;
SELECT count(*) AS cases, count(*) FILTER (WHERE matched) BETWEEN 3000 AND 15000 AS some_match, max(count) > 5 AS often,
       count(*) FILTER (WHERE matched <> (count > 0)) AS contradictions
FROM found;
SELECT f.* FROM found AS f WHERE f.count <> pg_temp.plain_count(f.times, f.masks, f.cond, f.gap, f.secs) LIMIT 5;
