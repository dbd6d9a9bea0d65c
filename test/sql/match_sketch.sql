-- The engine judges most pairs by sketches of their values. A sketch must never
-- hide a level that the values reach: here the levels of many near and far values
-- are compared with their definition in SQL.
\pset format unaligned
SET client_min_messages = warning;
CREATE SCHEMA t;

-- A number from 0 to n - 1, the same on every machine.
CREATE FUNCTION t.k(seed text, n integer) RETURNS integer
LANGUAGE sql IMMUTABLE
AS $$ SELECT (('x' || substr(md5(seed), 1, 7))::bit(28)::integer) % n $$;

-- A value with up to four edits: a character replaced, dropped, put in or swapped.
CREATE FUNCTION t.edit(value text, letters text, seed text) RETURNS text
LANGUAGE plpgsql IMMUTABLE
AS $$
DECLARE
  at integer;
BEGIN
  FOR i IN 1 .. t.k(seed || 'times', 5) LOOP
    at := 1 + t.k(seed || i, greatest(length(value), 1));
    value := CASE t.k(seed || 'kind' || i, 4)
               WHEN 0 THEN overlay(value PLACING substr(letters, 1 + t.k(seed || 'letter' || i, length(letters)), 1) FROM at FOR 1)
               WHEN 1 THEN overlay(value PLACING '' FROM at FOR 1)
               WHEN 2 THEN overlay(value PLACING substr(letters, 1 + t.k(seed || 'letter' || i, length(letters)), 1) FROM at FOR 0)
               ELSE overlay(value PLACING reverse(substr(value, at, 2)) FROM at FOR 2)
             END;
  END LOOP;
  RETURN value;
END
$$;

CREATE FUNCTION t.word(seed text, letters text, most integer) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT string_agg(substr(letters, 1 + t.k(seed || i, length(letters)), 1), '' ORDER BY i)
  FROM generate_series(1, 2 + t.k(seed, most - 1)) AS i
$$;

CREATE FUNCTION t.shared_word(a text, b text, shortest integer) RETURNS boolean
LANGUAGE sql IMMUTABLE
AS $$
  SELECT EXISTS (SELECT FROM string_to_table(a, ' ') AS x(w) JOIN string_to_table(b, ' ') AS y(w) ON x.w = y.w WHERE length(x.w) >= shortest)
$$;

-- Near and far values of each kind, as the engine normalises them.
CREATE TABLE t.value AS
SELECT 'code' AS kind, t.word('c' || i, 'abc012', 12) AS a, NULL AS b, i FROM generate_series(1, 600) AS i
UNION ALL SELECT 'phone', t.word('p' || i, '0123456789', 5) || '61234', NULL, i FROM generate_series(1, 600) AS i
UNION ALL SELECT 'city', t.word('d' || i, 'aeiorstln', 14), NULL, i FROM generate_series(1, 900) AS i
UNION ALL SELECT 'text', t.word('t' || i, 'aeorst', 9) || ' ' || t.word('u' || i % 40, 'aeorst', 9), NULL, i FROM generate_series(1, 900) AS i
UNION ALL SELECT 'email', t.word('e' || i, 'aeo12', 9) || '@' || (ARRAY['correo.es', 'mailbox.com', 'posta.org'])[1 + t.k('dom' || i, 3)], NULL, i FROM generate_series(1, 900) AS i
UNION ALL SELECT 'birth_date', to_char(date '1930-01-01' + t.k('b' || i, 30000), 'YYYYMMDD'), NULL, i FROM generate_series(1, 1200) AS i;
UPDATE t.value AS v
SET b = CASE WHEN v.kind = 'birth_date' AND v.i % 4 = 0 THEN left(v.a, 4) || to_char(date '2001-01-01' + t.k('day' || v.i, 365), 'MMDD')
             WHEN v.i % 5 = 0 THEN (SELECT o.a FROM t.value AS o WHERE o.kind = v.kind AND o.i = 1 + v.i / 2)
             ELSE t.edit(v.a, CASE v.kind WHEN 'birth_date' THEN '0123456789' WHEN 'phone' THEN '0123456789' ELSE 'aeorst12' END, v.kind || v.i) END;
-- Dates that are none, phones of another length than the engine keeps, and the like are left out.
DELETE FROM t.value AS v
WHERE v.a = v.b OR v.b = '' OR v.b ~ '^ | $|  ' OR (v.kind = 'email' AND v.b !~ '^[a-z0-9]+@[a-z]+\.[a-z]+$')
   OR (v.kind = 'phone' AND (length(v.a) NOT BETWEEN 5 AND 9 OR length(v.b) NOT BETWEEN 5 AND 9))
   OR (v.kind = 'birth_date' AND (v.b !~ '^(19[3-9]|200)[0-9](0[1-9]|1[0-2])(0[1-9]|1[0-9]|2[0-8])$'));

CREATE TABLE t.nobody (id integer, x text);
CREATE TABLE t.model AS
SELECT k.kind, omnicrm.match_train('t.nobody', 'id', jsonb_build_object('x', k.kind)) AS model
FROM (SELECT DISTINCT v.kind FROM t.value AS v) AS k;

-- What the levels mean.
CREATE FUNCTION t.meaning(kind text, a text, b text) RETURNS text
LANGUAGE sql IMMUTABLE
AS $$
  SELECT CASE kind
    WHEN 'code' THEN (ARRAY['one character', 'two characters', 'different'])[least(omnicrm.damerau_levenshtein(a, b), 3)]
    WHEN 'phone' THEN CASE WHEN omnicrm.damerau_levenshtein(a, b) <= 1 THEN 'one digit' ELSE 'different' END
    WHEN 'city' THEN CASE WHEN omnicrm.jaro_winkler(a, b) >= 0.92 THEN 'typing error' WHEN omnicrm.jaro_winkler(a, b) >= 0.8 THEN 'similar' ELSE 'different' END
    WHEN 'text' THEN CASE WHEN omnicrm.jaro_winkler(a, b) >= 0.92 THEN 'typing error' WHEN omnicrm.jaro_winkler(a, b) >= 0.85 THEN 'similar'
                          WHEN t.shared_word(a, b, 3) THEN 'shared word' ELSE 'different' END
    WHEN 'email' THEN CASE WHEN split_part(a, '@', 1) = split_part(b, '@', 1) THEN 'same mailbox name' WHEN omnicrm.damerau_levenshtein(a, b) <= 2 THEN 'typing error'
                           WHEN omnicrm.jaro_winkler(a, b) >= 0.88 THEN 'similar' ELSE 'different' END
    WHEN 'birth_date' THEN CASE WHEN omnicrm.damerau_levenshtein(a, b) <= 1 OR left(a, 4) = left(b, 4) AND substr(a, 5, 2) = substr(b, 7) AND substr(b, 5, 2) = substr(a, 7)
                                THEN 'one digit or swapped'
                                WHEN (left(a, 4) = left(b, 4))::integer + (substr(a, 5, 2) = substr(b, 5, 2))::integer + (substr(a, 7) = substr(b, 7))::integer = 2
                                THEN 'two parts equal'
                                WHEN omnicrm.damerau_levenshtein(a, b) <= 2 THEN 'two digits'
                                WHEN left(a, 4) = left(b, 4) THEN 'same year' ELSE 'different' END
  END
$$;

-- What the engine says, and what the levels mean.
CREATE TABLE t.judged AS
SELECT v.kind, v.a, v.b,
       (SELECT x.level
        FROM omnicrm.match_explain(m.model, jsonb_build_object('x', v.a), jsonb_build_object('x', v.b)) AS x
        WHERE x.comparison = 'x') AS level,
       t.meaning(v.kind, v.a, v.b) AS meaning
FROM t.value AS v
JOIN t.model AS m ON m.kind = v.kind;

SELECT j.* FROM t.judged AS j WHERE j.level <> 'missing' AND j.level IS DISTINCT FROM j.meaning ORDER BY j.kind, j.a LIMIT 10;
-- Every level was met, by many pairs in all.
SELECT j.kind, string_agg(DISTINCT j.level, ', ' ORDER BY j.level) AS levels, count(*) > 100 AS many
FROM t.judged AS j WHERE j.level <> 'missing' GROUP BY j.kind ORDER BY j.kind;

-- The same of records that meet in blocks of ten, with others of the same code: the
-- scan judges several at a time, and a row of three fields has room for second sketches.
-- No value is frequent in this model, so a pattern has one weight.
CREATE TABLE t.record (id integer, x text, y text, z text);
CREATE FUNCTION t.met(which text) RETURNS TABLE (met bigint, unlike bigint, levels bigint, unequal boolean)
LANGUAGE plpgsql
AS $$
DECLARE
  model jsonb;
BEGIN
  TRUNCATE t.record;
  model := omnicrm.match_train('t.record', 'id', jsonb_build_object('x', which, 'y', 'category', 'z', 'code'));
  INSERT INTO t.record
  SELECT 2 * v.i + side, CASE side WHEN 0 THEN v.a ELSE v.b END, CASE v.i % 3 WHEN 0 THEN 'left' WHEN 1 THEN 'right' END, 'group' || 100 + v.i / 5
  FROM t.value AS v CROSS JOIN generate_series(0, 1) AS side
  WHERE v.kind = which;
  RETURN QUERY
  SELECT count(*), count(*) FILTER (WHERE j.level IS DISTINCT FROM t.meaning(which, j.a, j.b)), count(DISTINCT j.level),
         count(DISTINCT j.pattern) <> count(DISTINCT (j.pattern, j.weight))
  FROM (SELECT p.pattern, p.weight, a.x AS a, b.x AS b, model -> 'comparisons' -> 0 -> 'levels' -> substr(p.pattern, 1, 1)::integer ->> 'level' AS level
        FROM omnicrm.match_pairs('t.record', 'id', model, '{"review": -100, "threshold": 0, "max_block": 1000}') AS p
        JOIN t.record AS a ON a.id = p.id_a::integer
        JOIN t.record AS b ON b.id = p.id_b::integer
        WHERE substr(p.pattern, 1, 1) NOT IN ('-', '0')) AS j;
END
$$;
SELECT k.kind, m.met > 1000 AS many, m.unlike, m.levels, m.unequal FROM t.model AS k, t.met(k.kind) AS m ORDER BY k.kind;
DROP SCHEMA t CASCADE;
