-- Comparing texts, dates, numbers and arrays; one text against many.
\pset null '-'
SET client_min_messages = warning;
SET extra_float_digits = 0;

-- Reference values worked out by hand: MARTHA/MARHTA 17/18, DIXON/DICKSONX 23/30; abcvwxyz/cabvwxyz has three
-- characters in another order, a transposition count of 3/2: (1 + 1 + 6.5/8) / 3.
SELECT v.a, v.b, round(omnicrm.jaro(v.a, v.b)::numeric, 6) AS jaro, round(omnicrm.jaro_winkler(v.a, v.b)::numeric, 6) AS jaro_winkler,
       omnicrm.levenshtein(v.a, v.b) AS levenshtein, omnicrm.damerau_levenshtein(v.a, v.b) AS osa
FROM (VALUES (1, 'MARTHA', 'MARHTA'), (2, 'DIXON', 'DICKSONX'), (3, 'DWAYNE', 'DUANE'), (4, 'JONES', 'JOHNSON'), (5, 'CRATE', 'TRACE'),
             (6, 'abcvwxyz', 'cabvwxyz'), (7, 'CA', 'ABC'), (8, 'CA', 'AC'), (9, 'kitten', 'sitting'), (10, 'ab', 'ba'), (11, '', ''), (12, '', 'abc'),
             (13, 'a', 'a'), (14, 'a', 'b'), (15, 'García', 'Garcia'), (16, 'GARCÍA', 'garcía'),
             -- astral characters are one each; a combining mark is one beside its letter
             (20, '😀😃', '😃😀'), (21, 'x😀y', 'xy'), (22, U&'e\0301', 'é'), (23, U&'e\0301', 'e'), (24, '王小明', '王明'), (25, 'ñañañ', 'añaña')) AS v(n, a, b)
ORDER BY v.n;

-- 1,000 characters are compared, 1,001 are not, whatever their bytes.
SELECT v.n, omnicrm.jaro(v.a, v.b) AS jaro, omnicrm.jaro_winkler(v.a, v.b) AS jaro_winkler, omnicrm.levenshtein(v.a, v.b) AS levenshtein,
       omnicrm.damerau_levenshtein(v.a, v.b) AS osa, omnicrm.token_set_similarity(v.a, v.b) AS words
FROM (VALUES (1, repeat('x', 1000), repeat('x', 1000)), (2, repeat('x', 1000), repeat('x', 1001)), (3, repeat('😀', 1000), repeat('😀', 999) || 'y'),
             (4, repeat('😀', 1001), 'y'), (5, 'y', repeat('x', 10000000)), (6, repeat('ab', 500), repeat('ba', 500)),
             (7, repeat('x', 1000), ''), (8, repeat('é', 64), repeat('é', 63)), (9, repeat('é', 65), repeat('é', 64) || 'x')) AS v(n, a, b)
ORDER BY v.n;
SELECT omnicrm.jaro(NULL, 'a') AS jaro, omnicrm.levenshtein('a', NULL) AS levenshtein, omnicrm.token_set_similarity(NULL, 'a') AS words,
       omnicrm.date_level(NULL, '2000-01-01') AS level, omnicrm.number_similarity(1, NULL) AS numbers, omnicrm.array_overlap(ARRAY[1], NULL) AS arrays;

-- Random words of 0 to 80 letters; every second pair is a word and its edited form.
CREATE FUNCTION pg_temp.random_word(seed text, length integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg(substr('aabcd', 1 + ('x' || substr(md5(seed || ':' || i::text), 1, 4))::bit(16)::integer % 5, 1), '' ORDER BY i), '')
  FROM generate_series(1, length) AS i
$$;
CREATE TEMP TABLE pairs AS
SELECT w.i, w.a, CASE WHEN w.i % 2 = 0 THEN pg_temp.random_word('b' || w.i, (ARRAY[0, 1, 2, 3, 5, 7, 9, 12, 31, 63, 64, 65])[1 + w.i / 2 % 12])
                      ELSE overlay(w.a PLACING pg_temp.random_word('c' || w.i, w.i % 4) FROM 1 + w.i % 7 FOR w.i % 3) END AS b
FROM (SELECT i, pg_temp.random_word('a' || i, (ARRAY[0, 1, 2, 3, 4, 6, 7, 8, 11, 32, 63, 64, 65, 80])[1 + i % 14]) AS a FROM generate_series(1, 2100) AS i) AS w;

-- Bytes, Latin-1 letters and letters beyond take forms of their own: the same numbers. An array gives them too.
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE omnicrm.jaro(p.a, p.b) <> omnicrm.jaro(o.a, o.b)) AS jaro_differs,
       count(*) FILTER (WHERE omnicrm.jaro_winkler(p.a, p.b) <> omnicrm.jaro_winkler(o.a, o.b)) AS jaro_winkler_differs,
       count(*) FILTER (WHERE omnicrm.levenshtein(p.a, p.b) <> omnicrm.levenshtein(o.a, o.b)) AS levenshtein_differs,
       count(*) FILTER (WHERE omnicrm.damerau_levenshtein(p.a, p.b) <> omnicrm.damerau_levenshtein(o.a, o.b)) AS osa_differs,
       count(*) FILTER (WHERE omnicrm.jaro_winkler_many(o.a, ARRAY[p.a, NULL, o.b]) IS DISTINCT FROM ARRAY[omnicrm.jaro_winkler(o.a, p.a), NULL, omnicrm.jaro_winkler(p.a, p.b)]) AS many_differs,
       count(*) FILTER (WHERE omnicrm.damerau_levenshtein_many(o.a, ARRAY[p.a, NULL, o.b]) IS DISTINCT FROM
                              ARRAY[omnicrm.damerau_levenshtein(o.a, p.a), NULL, omnicrm.damerau_levenshtein(p.a, p.b)]) AS many_osa_differs,
       count(*) FILTER (WHERE (omnicrm.best_match(p.a, ARRAY[p.b])).similarity <> omnicrm.jaro_winkler(o.a, o.b)) AS best_differs
FROM pairs AS p,
     LATERAL (SELECT translate(p.a, 'abcd', l.letters) AS a, translate(p.b, 'abcd', l.letters) AS b FROM (VALUES ('áéíó'), ('αβ😀δ')) AS l(letters)) AS o;

-- Symmetric, within bounds, zero or one for equal texts only.
SELECT count(*) FILTER (WHERE omnicrm.jaro(a, b) <> omnicrm.jaro(b, a) OR omnicrm.jaro_winkler(a, b) <> omnicrm.jaro_winkler(b, a)) AS jaro_asymmetric,
       count(*) FILTER (WHERE omnicrm.levenshtein(a, b) <> omnicrm.levenshtein(b, a) OR omnicrm.damerau_levenshtein(a, b) <> omnicrm.damerau_levenshtein(b, a)) AS distance_asymmetric,
       count(*) FILTER (WHERE omnicrm.jaro(a, b) NOT BETWEEN 0 AND omnicrm.jaro_winkler(a, b) OR omnicrm.jaro_winkler(a, b) > 1) AS jaro_outside,
       count(*) FILTER (WHERE omnicrm.damerau_levenshtein(a, b) NOT BETWEEN abs(length(a) - length(b)) AND omnicrm.levenshtein(a, b)
                           OR omnicrm.levenshtein(a, b) > greatest(length(a), length(b))) AS distance_outside,
       count(*) FILTER (WHERE (omnicrm.jaro(a, b) = 1) <> (a = b) OR (omnicrm.levenshtein(a, b) = 0) <> (a = b)) AS equal_differs
FROM pairs;
-- Levenshtein obeys the triangle; optimal string alignment does not: CA, AC, ABC.
SELECT count(*) AS triples, count(*) FILTER (WHERE omnicrm.levenshtein(p.a, q.b) > omnicrm.levenshtein(p.a, p.b) + omnicrm.levenshtein(p.b, q.b)) AS broken
FROM pairs AS p JOIN pairs AS q ON q.i BETWEEN p.i + 1 AND p.i + 5;
SELECT omnicrm.damerau_levenshtein('CA', 'ABC') AS direct, omnicrm.damerau_levenshtein('CA', 'AC') + omnicrm.damerau_levenshtein('AC', 'ABC') AS by_way_of_ac;

-- Against the definitions, written as tables in PL/pgSQL; with 70 or 140 marks around that neither end shares, blocks are crossed.
CREATE FUNCTION pg_temp.levenshtein(a text, b text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  above integer[] := ARRAY(SELECT generate_series(0, length(b)));
  line integer[];
BEGIN
  FOR i IN 1..length(a) LOOP
    line := ARRAY[i];
    FOR j IN 1..length(b) LOOP
      line[j + 1] := least(above[j + 1] + 1, line[j] + 1, above[j] + (substr(a, i, 1) <> substr(b, j, 1))::integer);
    END LOOP;
    above := line;
  END LOOP;
  RETURN above[length(b) + 1];
END
$$;
CREATE FUNCTION pg_temp.jaro(a text, b text) RETURNS double precision
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  span integer := greatest(greatest(length(a), length(b)) / 2 - 1, 0);
  used boolean[] := array_fill(false, ARRAY[greatest(length(b), 1)]);
  of_a text[] := '{}';
  of_b text[];
  m double precision;
BEGIN
  FOR i IN 1..length(a) LOOP
    FOR j IN greatest(1, i - span)..least(length(b), i + span) LOOP
      IF NOT used[j] AND substr(a, i, 1) = substr(b, j, 1) THEN
        used[j] := true;
        of_a := of_a || substr(a, i, 1);
        EXIT;
      END IF;
    END LOOP;
  END LOOP;
  m := cardinality(of_a);
  IF m = 0 THEN
    RETURN (a = b)::integer;
  END IF;
  of_b := ARRAY(SELECT substr(b, j, 1) FROM generate_series(1, length(b)) AS j WHERE used[j] ORDER BY j);
  RETURN (m / length(a) + m / length(b) + (m - (SELECT count(*) FROM unnest(of_a, of_b) AS u(x, y) WHERE x <> y) / 2.0) / m) / 3;
END
$$;
SELECT count(*) AS pairs, count(*) FILTER (WHERE omnicrm.levenshtein(a, b) <> pg_temp.levenshtein(a, b)) AS levenshtein_differs,
       count(*) FILTER (WHERE abs(omnicrm.jaro(a, b) - pg_temp.jaro(a, b)) > 1e-12) AS jaro_differs
FROM pairs
WHERE i % 10 < 3 AND length(a) * length(b) < 5000;
SELECT count(*) AS pairs, count(*) FILTER (WHERE omnicrm.jaro(p.a || l.x, l.x || p.b) <> omnicrm.jaro(translate(p.a || l.x, 'abcdq', 'αβéóq'), translate(l.x || p.b, 'abcdq', 'αβéóq'))) AS letters_differ,
       count(*) FILTER (WHERE abs(omnicrm.jaro(p.a || l.x, l.x || p.b) - pg_temp.jaro(p.a || l.x, l.x || p.b)) > 1e-12) AS jaro_differs,
       count(*) FILTER (WHERE omnicrm.levenshtein('z' || l.x || p.a || l.x || 'z', 'y' || l.x || p.b || l.x || 'y') <> 2 + omnicrm.levenshtein(p.a, p.b)) AS levenshtein_differs,
       count(*) FILTER (WHERE omnicrm.damerau_levenshtein('z' || l.x || p.a || l.x || 'z', 'y' || l.x || p.b || l.x || 'y') <> 2 + omnicrm.damerau_levenshtein(p.a, p.b)) AS osa_differs
FROM (SELECT * FROM pairs WHERE i % 30 = 1) AS p, (VALUES (repeat('q', 70)), (repeat('qp', 70))) AS l(x);

-- One against many.
SELECT v.n, m."position", round(m.similarity::numeric, 4) AS similarity
FROM (VALUES (1, 'garcia', ARRAY['perez', 'garzia', 'garcia', 'garcia'], 0.0), (2, 'garcia', ARRAY['garzia', 'perez'], 0.95), (3, 'garcia', '{}'::text[], 0),
             (4, 'garcia', ARRAY[NULL, repeat('g', 1001), 'x'], 0), (5, 'garcia', ARRAY[NULL, repeat('g', 1001), 'x'], 0.1), (6, '', ARRAY['a', ''], 0),
             (7, 'García', ARRAY[['GARCIA', 'Garcia'], ['Garcés', 'garcía']], 0), (8, repeat('x', 1001), ARRAY['x'], 0), (9, repeat('é', 1000), ARRAY['é', repeat('é', 999)], 0),
             (10, 'a', ARRAY['a'], 1.5), (11, 'ab', ARRAY['xy', 'uv'], -1)) AS v(n, value, candidates, at_least),
     LATERAL omnicrm.best_match(v.value, v.candidates, v.at_least) AS m
ORDER BY v.n;
SELECT omnicrm.best_match('a', ARRAY['a'], 'NaN');
SELECT omnicrm.best_match('garcia', ARRAY['ruiz', 'garcía']) AS default_limit, omnicrm.best_match(NULL, ARRAY['a']) AS null_text, omnicrm.jaro_winkler_many('a', '{}') AS none,
       omnicrm.damerau_levenshtein_many(repeat('é', 1001), '{a}') AS too_long, omnicrm.damerau_levenshtein_many('abc', ARRAY[['', 'acb'], ['abc', NULL]]) AS flat;
SELECT m."position", m.similarity FROM omnicrm.best_match('w99999', ARRAY(SELECT 'w' || i FROM generate_series(1, 100000) AS i)) AS m;

-- Words in any order: 2 x sum of pairs / words of both. martha/marhta .9611: (1 + .9611) x 2 / 4; cafe/cafes, 4 of 5: .96.
SELECT v.a, v.b, round(omnicrm.token_set_similarity(v.a, v.b)::numeric, 4) AS words, omnicrm.token_set_similarity(v.a, v.b) = omnicrm.token_set_similarity(v.b, v.a) AS symmetric
FROM (VALUES (1, 'Calle de Alcalá, 40', '40 ALCALA calle de'), (2, 'Acme Coffee', 'Coffee Acme Coffee'), (3, 'Martha Gil', 'gil marhta'), (4, 'Acme Coffee Roasters', 'Acme'),
             (5, 'iPhone 14', 'iPhone 15'), (6, 'modelo a4000x', 'modelo a4000y'), (7, 'cafe ana', 'cafes ana'), (8, 'uno dos', 'tres cuatro'), (9, '王小明', '王小明'),
             (10, 'martha marhta', 'martha'), (11, 'marta martha', 'marhta marthas'), (12, '', ''), (13, '---', 'a'), (14, 'a', 'A'), (15, 'Straße', 'strasse')) AS v(n, a, b)
ORDER BY v.n;
SELECT count(*) AS pairs, count(*) FILTER (WHERE s.ab IS DISTINCT FROM s.ba) AS asymmetric, count(*) FILTER (WHERE s.ab NOT BETWEEN 0 AND 1) AS outside,
       count(*) FILTER (WHERE s.same <> 1) AS order_matters
FROM (SELECT omnicrm.token_set_similarity(w.a, w.b) AS ab, omnicrm.token_set_similarity(w.b, w.a) AS ba, omnicrm.token_set_similarity(w.a, reverse_words) AS same
      FROM (SELECT regexp_replace(p.a || p.b, '(.{4})', '\1 ', 'g') AS a, regexp_replace(q.b || q.a, '(.{4})', '\1 ', 'g') AS b,
                   (SELECT string_agg(x, '  ' ORDER BY n DESC) FROM regexp_split_to_table(trim(regexp_replace(p.a || p.b, '(.{4})', '\1 ', 'g')), ' ') WITH ORDINALITY AS r(x, n)) AS reverse_words
            FROM pairs AS p JOIN pairs AS q ON q.i = p.i + 1) AS w) AS s;

-- Dates.
SELECT v.a, v.b, omnicrm.date_level(v.a, v.b) AS level, omnicrm.date_similarity(v.a, v.b) AS similarity, omnicrm.dates_agree(v.a, v.b) AS agree
FROM (VALUES (1, date '1980-05-12', date '1980-05-12'), (2, '1980-05-12', '1980-12-05'), (3, '1980-01-10', '1980-10-01'), (4, '1980-05-12', '1980-05-21'), (5, '1980-05-12', '1908-05-12'),
             (6, '1980-05-12', '1980-05-13'), (7, '1980-05-12', '1980-06-12'), (8, '1980-05-12', '1970-05-12'), (9, '1980-05-12', '1980-05-30'), (10, '1980-05-12', '1980-11-30'),
             (11, '1980-12-31', '1981-01-01'), (12, '1980-05-12', '1891-04-03'), (13, 'infinity', 'infinity'), (14, 'infinity', '-infinity'), (15, 'infinity', '1980-05-12'),
             (16, '0044-03-15 BC', '0044-03-15 BC'), (17, '0044-03-15 BC', '0044-03-16 BC'), (18, '10000-01-01', '10000-01-02'), (19, '9999-12-31', '0001-01-01')) AS v(n, a, b)
ORDER BY v.n;
SELECT count(*) AS pairs, count(*) FILTER (WHERE omnicrm.date_level(a, b) <> omnicrm.date_level(b, a)) AS asymmetric,
       count(*) FILTER (WHERE omnicrm.dates_agree(a, b) <> (omnicrm.date_similarity(a, b) >= 0.9)) AS disagree
FROM (SELECT date '1979-06-01' + i AS a, date '1979-06-01' + j AS b FROM generate_series(1, 700, 3) AS i, generate_series(1, 700, 7) AS j) AS d;

-- Numbers.
SELECT v.a, v.b, v.t, omnicrm.number_similarity(v.a, v.b, v.t) AS similarity, omnicrm.number_similarity(v.b, v.a, v.t) AS swapped
FROM (VALUES (1, 100::float8, 90::float8, 1::float8), (2, 100, 95, 0.1), (3, 100, 90, 0.1), (4, 100, 100, 0), (5, 100, 100.5, 0), (6, 0, 0, 1), (7, 0, 5, 1), (8, '-0', 5, 2), (9, -5, 5, 1), (10, -5, 5, 4),
             (11, 1e308, -1e308, 4), (12, 5e-324, 1e-323, 1), (13, 'Infinity', 'Infinity', 1), (14, 'Infinity', 1e308, 1), (15, 'Infinity', '-Infinity', 10), (16, 'NaN', 1, 1),
             (17, 1e308, 5e307, 1)) AS v(n, a, b, t)
ORDER BY v.n;
SELECT omnicrm.number_similarity(100, 75) AS default_tolerance, omnicrm.number_similarity(NULL, 75) AS null_number;
SELECT omnicrm.number_similarity(1, 2, -1);
SELECT omnicrm.number_similarity(1, 2, 'NaN');
SELECT omnicrm.number_similarity(1, 2, 'Infinity');

-- Arrays.
SELECT v.a, v.b, omnicrm.array_overlap(v.a, v.b) AS overlap, round(omnicrm.array_jaccard(v.a, v.b)::numeric, 4) AS jaccard, omnicrm.array_overlap(v.a, v.b) = omnicrm.array_overlap(v.b, v.a) AS symmetric
FROM (VALUES (1, '{a,b,c}'::text[], '{b,c,d,e}'::text[]), (2, '{a}', '{a,b,c}'), (3, '{a,a,b}', '{b,b,a}'), (4, '{a}', '{b}'), (5, '{}', '{a}'), (6, '{NULL}', '{a}'), (7, '{NULL,a}', '{NULL,b}'),
             (8, '{{a,b},{c,d}}', '{d,a}'), (9, '{García}', '{garcía}')) AS v(n, a, b)
ORDER BY v.n;
SELECT omnicrm.array_overlap(ARRAY[1, 2, 3], ARRAY[3, 4]::bigint[]) AS mixed, omnicrm.array_jaccard(ARRAY[date '2000-01-01'], ARRAY[date '2000-01-01']) AS dates,
       omnicrm.array_jaccard(ARRAY(SELECT generate_series(1, 100000)), ARRAY(SELECT generate_series(50001, 150000))) AS large,
       omnicrm.array_overlap(ARRAY(SELECT generate_series(1, 100001)), ARRAY[1]) AS too_large;
SELECT omnicrm.array_overlap(ARRAY[point '(1,2)'], ARRAY[point '(1,2)']);
