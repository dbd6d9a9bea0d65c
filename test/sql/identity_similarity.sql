-- Comparing words and names.
\pset null '-'
SET client_min_messages = warning;
SET extra_float_digits = 0;

-- Published examples of Jaro-Winkler; odd transposition counts stay fractions.
SELECT v.a, v.b, round(omnicrm.jaro_winkler(v.a, v.b)::numeric, 6) AS jw, omnicrm.damerau_levenshtein(v.a, v.b) AS distance
FROM (VALUES (1, 'MARTHA', 'MARHTA'), (2, 'DWAYNE', 'DUANE'), (3, 'DIXON', 'DICKSONX'), (4, 'JELLYFISH', 'SMELLYFISH'), (5, 'abcvwxyz', 'cabvwxyz'), (6, '', ''),
             (7, '', 'a'), (8, 'a', 'a'), (9, 'ab', 'ba'), (10, 'ca', 'abc'), (11, 'kitten', 'sitting'), (12, 'García', 'Garcia'), (13, '王小明', '王明'), (14, 'é', 'è'),
             (15, repeat('ab', 60), repeat('ba', 60)), (16, repeat('x', 1000), repeat('x', 999) || 'y'), (17, repeat('x', 1001), 'x')) AS v(n, a, b)
ORDER BY v.n;

-- The bit-parallel form, the table for long words and plain SQL agree: prefixes
-- that keep the distance push the same pair beyond 64 characters.
CREATE FUNCTION pg_temp.random_word(seed integer, length integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce(string_agg(substr('aabcd', 1 + ('x' || substr(md5(seed::text || ':' || i::text), 1, 4))::bit(16)::integer % 5, 1), '' ORDER BY i), '')
  FROM generate_series(1, length) AS i
$$;
CREATE TEMP TABLE pairs AS
SELECT i, pg_temp.random_word(i, i % 13) AS a, pg_temp.random_word(i + 100000, i % 11) AS b
FROM generate_series(1, 3000) AS i;
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE omnicrm.damerau_levenshtein(a, b) <> omnicrm.damerau_levenshtein(b, a)) AS asymmetric,
       count(*) FILTER (WHERE omnicrm.jaro_winkler(a, b) <> omnicrm.jaro_winkler(b, a)) AS jw_asymmetric,
       count(*) FILTER (WHERE omnicrm.jaro_winkler(a, b) NOT BETWEEN 0 AND 1) AS jw_outside,
       count(*) FILTER (WHERE (omnicrm.damerau_levenshtein(a, b) = 0) <> (a = b)) AS zero_differs,
       count(*) FILTER (WHERE omnicrm.damerau_levenshtein(a, b) > greatest(length(a), length(b))
                           OR omnicrm.damerau_levenshtein(a, b) < abs(length(a) - length(b))) AS outside
FROM pairs;
-- 70 marks in front and behind, shifted by one so that neither end is shared.
SELECT count(*) AS pairs,
       count(*) FILTER (WHERE omnicrm.damerau_levenshtein('z' || repeat('q', 70) || a || repeat('q', 70) || 'z', 'y' || repeat('q', 70) || b || repeat('q', 70) || 'y')
                              <> 2 + omnicrm.damerau_levenshtein(a, b)) AS long_differs
FROM pairs;
-- Against the definition, as a table in PL/pgSQL.
CREATE FUNCTION pg_temp.osa(a text, b text) RETURNS integer
LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
  d integer[] := array_fill(0, ARRAY[(length(a) + 1) * (length(b) + 1)]);
  w integer := length(b) + 1;
  best integer;
BEGIN
  FOR i IN 0..length(a) LOOP
    FOR j IN 0..length(b) LOOP
      IF i = 0 OR j = 0 THEN
        best := i + j;
      ELSE
        best := least(d[(i - 1) * w + j + 1] + 1, d[i * w + j] + 1,
                      d[(i - 1) * w + j] + (substr(a, i, 1) <> substr(b, j, 1))::integer);
        IF i > 1 AND j > 1 AND substr(a, i, 1) = substr(b, j - 1, 1) AND substr(a, i - 1, 1) = substr(b, j, 1) THEN
          best := least(best, d[(i - 2) * w + j - 1] + 1);
        END IF;
      END IF;
      d[i * w + j + 1] := best;
    END LOOP;
  END LOOP;
  RETURN best;
END
$$;
SELECT count(*) AS pairs, count(*) FILTER (WHERE omnicrm.damerau_levenshtein(a, b) <> pg_temp.osa(a, b)) AS differ
FROM pairs
WHERE i <= 1000;

-- Names: what is one person, what is not.
SELECT v.a, v.b, omnicrm.name_similarity(v.a, v.b) AS similarity
FROM (VALUES
  (1, 'María García López', 'GARCIA LOPEZ, MARIA'), (2, 'María García López', 'García López María'), (3, 'Abbie Moss', 'Moss Abbie'),
  (4, 'Anthony Koteles', 'Acthony Koteles'), (5, 'Kenneth Beraun', 'Beruan Kenneth'), (6, 'Ana García', 'Ana García López'),
  (7, 'Mª del Carmen García López', 'María del Carmen García López'), (8, 'M Carmen Garcia', 'María del Carmen García López'), (9, 'Carmen García', 'María del Carmen García López'),
  (10, 'Paco Ruiz', 'Francisco Ruiz'), (11, 'Pepe Gil Sanz', 'José Gil Sanz'), (12, 'Lola Ortiz', 'María Dolores Ortiz'), (13, 'Mamen Ruiz', 'María del Carmen Ruiz'),
  (14, 'Juanjo Gil', 'Juan José Gil'), (15, 'Maricarmen Ruiz', 'Mari Carmen Ruiz'), (16, 'Bill Gates', 'William Gates'), (17, 'Jordi Pujol', 'Jorge Pujol'),
  (18, 'Iñaki Etxebarria', 'Ignacio Echevarría'), (19, 'A García López', 'Ana García López'), (20, 'Delafuente Ana', 'Ana de la Fuente'), (21, 'Juanito Pérez', 'Juan Pérez'),
  (22, 'Ana Fdez. Gil', 'Ana Fernández Gil'), (23, 'D. Juan Pérez', 'Juan Pérez'), (24, 'Mfrgaret Tichacek', 'Maegaret Tichacek'), (25, 'John Jiménez', 'John Gimenez'),
  (30, 'María García López', 'José García López'), (31, 'Juan Pérez Gil', 'Juana Pérez Gil'), (32, 'Marta Ruiz Gil', 'María Ruiz Gil'), (33, 'Ana García', 'Juan García'),
  (34, 'María José Gil Ros', 'José María Gil Ros'), (35, 'María José Gil', 'José Gil'), (36, 'García López', 'Ana García López'), (37, 'Ana', 'Ana García'),
  (38, 'Naroa Ruiz Gil', 'Nahia Ruiz Gil'), (39, 'Iker Sanz', 'Asier Sanz'), (40, 'María Carmen Gil Ros', 'María Pilar Gil Ros'), (41, 'María Gil Ros', 'María Pilar Gil Ros'),
  (42, 'Ana Martín Gil', 'Ana Martínez Gil'), (43, 'Ana Hernández', 'Ana Fernández'), (44, 'Ana García', 'Luis Pérez'), (45, 'Ana M. Gil', 'Ana P. Gil'), (46, 'J. P.', 'Juan Pérez'),
  (50, 'Acme S.L.', 'ACME SL'), (51, 'Acme SL', 'Acme'), (52, 'Acme SL', 'Acme SA'), (53, '王小明', '小明 王'), (54, 'García', 'García'), (55, '', 'Ana'), (56, '...', '...'),
  (57, '123', '123'), (58, 'de la', 'de la'), (59, 'Sr. Don', 'Ana')) AS v(n, a, b)
ORDER BY v.n;
