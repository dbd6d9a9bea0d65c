-- Properties over generated values: what is normal stays as it is, similarity is
-- symmetric, nothing fails, whatever the bytes.
SET client_min_messages = warning;

-- Deterministic random integers, the same in every release.
CREATE FUNCTION pg_temp.dice(seed text, sides integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5(seed), 1, 7))::bit(28)::integer % sides $$;

-- Names out of parts that meet in real ones, with noise.
CREATE FUNCTION pg_temp.random_name(seed integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(
    (ARRAY['María', 'José', 'Carmen', 'Juan', 'Paco', 'Francisco', 'Ana', 'A.', 'M', 'Mª', 'García', 'López', 'Fdez.', 'de', 'la', 'del', 'y', 'e', 'i',
           'Núñez', 'Núnez', 'MARTÍNEZ', 'Martín', 'Sr.', 'D.', 'Dr.', 'O''Neill', 'Juanjo', 'Mari', 'Maricarmen', 'Etxebarria', 'Müller', '王', '小明', 'Ελένη',
           'Иван', 'S.', 'L.', 'SL', 'Ma.', 'x', '7', 'Smith-Jones', 'Garcai', 'Jsoé', ',', 'Lee', 'Li', 'van', 'Gil'])[1 + pg_temp.dice(seed || 'w' || i, 50)],
    (ARRAY[' ', ' ', ' ', '  ', '-', ', ', '.'])[1 + pg_temp.dice(seed || 's' || i, 7)] ORDER BY i)
  FROM generate_series(1, 1 + pg_temp.dice(seed || 'n', 6)) AS i
$$;
-- Any characters: the planes' ends, marks, controls, letters of many scripts.
CREATE FUNCTION pg_temp.random_text(seed integer) RETURNS text
LANGUAGE sql IMMUTABLE AS $$
  SELECT string_agg(chr(CASE pg_temp.dice(seed || 'k' || i, 10)
                          WHEN 0 THEN 1 + pg_temp.dice(seed || 'c' || i, 55000)
                          WHEN 1 THEN 57344 + pg_temp.dice(seed || 'c' || i, 1056768)
                          WHEN 2 THEN 768 + pg_temp.dice(seed || 'c' || i, 112)
                          WHEN 3 THEN 8192 + pg_temp.dice(seed || 'c' || i, 112)
                          WHEN 4 THEN 160 + pg_temp.dice(seed || 'c' || i, 600)
                          ELSE 1 + pg_temp.dice(seed || 'c' || i, 127) END), '' ORDER BY i)
  FROM generate_series(1, pg_temp.dice(seed || 'n', 40)) AS i
$$;
CREATE TEMP TABLE names AS
SELECT i, pg_temp.random_name(i) AS name FROM generate_series(1, 3000) AS i;
CREATE TEMP TABLE texts AS
SELECT i, coalesce(pg_temp.random_text(i), '') AS value FROM generate_series(1, 3000) AS i
UNION ALL SELECT 10000 + i, name FROM names;

-- normalise(normalise(x)) = normalise(x).
CREATE FUNCTION pg_temp.unstable(call text) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
  result bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM (SELECT %s AS once FROM texts AS t(i, x)) AS o, LATERAL (SELECT %s AS twice FROM (VALUES (o.once)) AS t(x)) AS p '
                 'WHERE o.once IS NOT NULL AND o.once IS DISTINCT FROM p.twice', call, call) INTO result;
  RETURN result;
END
$$;
SELECT c.call, pg_temp.unstable(c.call) AS unstable
FROM (VALUES (1, 'omnicrm.normalize_name(t.x)'), (2, 'omnicrm.name_key(t.x)'), (3, 'omnicrm.normalize_text(t.x)'), (4, 'omnicrm.normalize_email(t.x)'),
             (5, 'omnicrm.normalize_gender(t.x)'), (6, 'omnicrm.normalize_postcode(t.x, ''ZZ'')')) AS c(n, call)
ORDER BY c.n;
-- Values that are nearly right, for the codes.
CREATE TEMP TABLE codes AS
SELECT i,
       (ARRAY['+34', '0034', '34', '', '+1', '001', '+44', '0', '+39', '+49', '(', '+'])[1 + pg_temp.dice(i || 'p', 12)]
       || translate(left(md5(i::text), 6 + pg_temp.dice(i || 'l', 8)), 'abcdef', '6789-.') AS phone,
       (ARRAY['ES', 'US', 'GB', 'IT', 'DE', 'FR', 'BR', 'ZZ'])[1 + pg_temp.dice(i || 'r', 8)] AS region,
       (ARRAY['', 'ES', 'X', 'B', 'Y', 'Q', 'DE', 'PT'])[1 + pg_temp.dice(i || 't', 8)]
       || lpad((i::bigint * 7919 * 104729 % 100000000)::text, 5 + pg_temp.dice(i || 'm', 5), '0')
       || substr('TRWAGMYFPDXBNJZSQVHLCKE0123456789', 1 + pg_temp.dice(i || 'q', 33), 1) AS tax_id,
       (pg_temp.dice(i || 'z', 110000))::text AS postcode
FROM generate_series(1, 8000) AS i;
SELECT count(*) FILTER (WHERE once.phone IS NOT NULL AND omnicrm.normalize_phone(once.phone, c.region) IS DISTINCT FROM once.phone) AS phones_unstable,
       count(*) FILTER (WHERE once.tax_id IS NOT NULL AND omnicrm.normalize_tax_id(once.tax_id) IS DISTINCT FROM once.tax_id) AS tax_ids_unstable,
       count(*) FILTER (WHERE once.postcode IS NOT NULL AND omnicrm.normalize_postcode(once.postcode, c.region) IS DISTINCT FROM once.postcode) AS postcodes_unstable,
       count(*) FILTER (WHERE once.phone !~ '^\+[1-9][0-9]{4,16}$') AS phones_misshapen,
       count(once.phone) > 2000 AND count(once.tax_id) > 100 AND count(once.postcode) > 4000 AS enough
FROM codes AS c,
     LATERAL (SELECT omnicrm.normalize_phone(c.phone, c.region) AS phone, omnicrm.normalize_tax_id(c.tax_id) AS tax_id,
                     omnicrm.normalize_postcode(c.postcode, c.region) AS postcode) AS once;
SELECT count(*) FILTER (WHERE e.once IS NOT NULL AND omnicrm.normalize_email(e.once) IS DISTINCT FROM e.once) AS emails_unstable, count(e.once) > 3000 AS enough
FROM (SELECT omnicrm.normalize_email(translate(left(md5(i::text), 3 + pg_temp.dice(i || 'l', 9)), '01234', '.+-_A') || '@'
             || (ARRAY['gmail.com', 'GoogleMail.com', 'tienda.es', 'España.es', 'b.co'])[1 + pg_temp.dice(i || 'd', 5)]) AS once
      FROM generate_series(1, 6000) AS i) AS e;

-- The key does not see order, case, accents; names are like themselves.
SELECT count(*) FILTER (WHERE omnicrm.name_key(upper(name)) IS DISTINCT FROM omnicrm.name_key(name)) AS upper_differs,
       count(*) FILTER (WHERE omnicrm.name_similarity(name, name) <> 1) AS self_differs,
       count(*) FILTER (WHERE omnicrm.name_similarity(name, upper(name)) <> 1) AS upper_self_differs,
       count(*) FILTER (WHERE omnicrm.name_tokens(name) IS DISTINCT FROM
                              (SELECT array_agg(DISTINCT t.token COLLATE "C" ORDER BY t.token COLLATE "C") FROM unnest(omnicrm.name_tokens(name)) AS t(token))) AS tokens_unsorted
FROM names;
-- Symmetric, between 0 and 1, on pairs near and far.
SELECT count(*) AS pairs, count(*) FILTER (WHERE s.ab IS DISTINCT FROM s.ba) AS asymmetric,
       count(*) FILTER (WHERE s.ab NOT BETWEEN 0 AND 1) AS outside,
       count(*) FILTER (WHERE s.ab > 0.7) > 100 AS enough_near
FROM (SELECT omnicrm.name_similarity(a.name, b.name) AS ab, omnicrm.name_similarity(b.name, a.name) AS ba
      FROM (SELECT n.*, n.i + k.step AS other FROM names AS n, generate_series(1, 6) AS k(step)) AS a JOIN names AS b ON b.i = a.other) AS s;

-- No value is an error: every function over every text.
SELECT count(*) AS texts,
       count(omnicrm.name_tokens(t.value)) >= 0 AND count(omnicrm.name_similarity(t.value, reverse(t.value))) >= 0
       AND count(omnicrm.jaro_winkler(t.value, reverse(t.value))) = count(*) AND count(omnicrm.damerau_levenshtein(t.value, reverse(t.value))) = count(*)
       AND count(omnicrm.normalize_phone(t.value, t.value)) >= 0 AND count(omnicrm.normalize_tax_id(t.value, t.value)) >= 0 AND count(omnicrm.tax_id_kind(t.value)) >= 0
       AND count(omnicrm.normalize_postcode(t.value, t.value)) >= 0 AND count(omnicrm.is_placeholder(t.value, t.value)) = count(*)
       AND count(omnicrm.is_placeholder('name', t.value)) = count(*) AND count(omnicrm.is_placeholder('email', t.value)) = count(*)
       AND count(omnicrm.is_placeholder('phone', t.value)) = count(*) AND count(omnicrm.is_placeholder('birth_date', t.value)) = count(*)
       AND count(omnicrm.parse_date(t.value)) >= 0 AND count(omnicrm.parse_timestamp(t.value)) >= 0 AND count(omnicrm.parse_number(t.value)) >= 0
       AND count(omnicrm.parse_boolean(t.value)) >= 0 AND count(omnicrm.content_hash(t.value)) = count(*) AS no_error
FROM texts AS t;
-- 10 MB in every function: bounded time, no value.
SET statement_timeout = '20s';
CREATE TEMP TABLE huge AS
SELECT v.n, v.value
FROM (VALUES (1, repeat('a', 10000000)), (2, repeat('é ', 3500000)), (3, repeat(U&'\0301', 5000000)), (4, repeat('1', 10000000)),
             (5, repeat(' ', 10000000)), (6, repeat('@.', 5000000)), (7, repeat('王', 3500000))) AS v(n, value);
SELECT h.n,
       num_nonnulls(omnicrm.normalize_name(h.value), omnicrm.name_tokens(h.value), omnicrm.name_key(h.value), omnicrm.name_similarity(h.value, h.value),
                    omnicrm.jaro_winkler(h.value, h.value), omnicrm.damerau_levenshtein(h.value, h.value), omnicrm.normalize_email(h.value),
                    omnicrm.normalize_phone(h.value, h.value), omnicrm.normalize_tax_id(h.value, h.value), omnicrm.tax_id_kind(h.value), omnicrm.normalize_postcode(h.value, h.value),
                    omnicrm.normalize_gender(h.value), omnicrm.parse_date(h.value), omnicrm.parse_timestamp(h.value), omnicrm.parse_number(h.value),
                    omnicrm.parse_boolean(h.value)) AS values_found,
       omnicrm.is_placeholder('name', h.value) AS placeholder,
       length(omnicrm.normalize_text(h.value)) AS tidy_length,
       omnicrm.content_hash(h.value) IS NOT NULL AS hashed
FROM huge AS h
ORDER BY h.n;
-- As long as allowed: still quick.
SELECT length(omnicrm.normalize_name(repeat('ab ', 333))) AS folded, omnicrm.name_similarity(repeat('ab ', 333), repeat('ba ', 333)) IS NOT NULL AS compared,
       omnicrm.name_similarity(repeat('a b c d ', 100), repeat('e f g h ', 100)) AS letters,
       omnicrm.damerau_levenshtein(repeat('ab', 500), repeat('ba', 500)) AS distance;
