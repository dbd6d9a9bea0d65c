-- The identity toolbox, one function over 200,000 rows at a time, against what
-- is written today with unaccent, fuzzystrmatch and pg_trgm. The plain way does
-- less: it knows no script but Latin, no order of words, no check characters.
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS unaccent;
CREATE EXTENSION IF NOT EXISTS fuzzystrmatch;
CREATE EXTENSION IF NOT EXISTS pg_trgm;

CREATE TABLE bench.identity_given (n integer PRIMARY KEY, name text);
INSERT INTO bench.identity_given
SELECT ordinality - 1, g FROM unnest(ARRAY['María Carmen', 'Antonio', 'José Luis', 'Ana', 'Francisco', 'Laura', 'Íñigo', 'Begoña', 'Xavier', 'Paco',
  'María', 'Juan Carlos', 'Núria', 'Rosa María', 'Ainhoa', 'Álvaro', 'Zoraida', 'Kevin', 'Mireia', 'Joaquín']) WITH ORDINALITY AS t(g, ordinality);
CREATE TABLE bench.identity_value AS
SELECT v.n, v.name, lag(v.name, 1, 'Ana Gil') OVER (ORDER BY v.n) AS other, v.name_again,
       lower(v.surname) AS word, lag(lower(v.surname), 1, 'gil') OVER (ORDER BY v.n) AS other_word,
       v.email, v.phone, v.us_phone, v.nif, v.day, v.moment, v.number
FROM (SELECT i.n, g.name || ' ' || s.surname || ' ' || s.second AS name,
             CASE i.n % 3 WHEN 0 THEN s.surname || ' ' || s.second || ', ' || upper(g.name) WHEN 1 THEN g.name || ' ' || s.surname
                        ELSE overlay(g.name || ' ' || s.surname || ' ' || s.second PLACING 'x' FROM 3 FOR 1) END AS name_again,
             s.surname, 'Person.' || i.n || '@Tienda.es' AS email, '6' || lpad((i.n::bigint * 7919 % 100000000)::text, 8, '0') AS phone,
             '(' || 200 + i.n % 700 || ') ' || 200 + i.n * 7 % 700 || '-' || lpad((i.n % 10000)::text, 4, '0') || 'x' || i.n % 1000 AS us_phone,
             lpad((i.n::bigint * 48271 % 100000000)::text, 8, '0') || substr('TRWAGMYFPDXBNJZSQVHLCKE', (i.n::bigint * 48271 % 100000000 % 23)::integer + 1, 1) AS nif,
             to_char(date '1940-01-01' + i.n % 24000, 'DD/MM/YYYY') AS day, to_char(timestamp '2024-01-01' + i.n * interval '3 minutes', 'YYYY-MM-DD HH24:MI:SS') AS moment,
             to_char(i.n * 1.37, 'FM999999990.00') AS number
      FROM generate_series(1, 200000) AS i(n)
        JOIN bench.identity_given AS g ON g.n = i.n * 7919::bigint % 20
        CROSS JOIN LATERAL (SELECT (ARRAY['Garc', 'Núñ', 'Etxebarr', 'Pujol', 'Fern', 'Vázqu', 'Góm', 'Sanch'])[1 + i.n % 8] || (ARRAY['ía', 'ez', 'ea', 'andez', 'ar', 'ona'])[1 + i.n / 8 % 6] AS surname,
                                   (ARRAY['Lóp', 'Ru', 'Mor', 'Serran', 'Casas', 'Domíngu'])[1 + i.n / 48 % 6] || (ARRAY['ez', 'iz', 'eno', 'o'])[1 + i.n / 288 % 4] AS second) AS s) AS v;
ANALYZE bench.identity_value;

-- Milliseconds of an expression over all rows, less those of the scan: the best of three.
CREATE FUNCTION bench.identity_ms(expression text)
RETURNS double precision
LANGUAGE plpgsql
AS $$
DECLARE
  started timestamptz;
  best double precision := 'Infinity';
  scan double precision := 'Infinity';
BEGIN
  FOR turn IN 1 .. 3 LOOP
    started := clock_timestamp();
    EXECUTE 'SELECT count(name) FROM bench.identity_value';
    scan := least(scan, 1000 * extract(epoch FROM clock_timestamp() - started));
    started := clock_timestamp();
    EXECUTE format('SELECT count(%s) FROM bench.identity_value', expression);
    best := least(best, 1000 * extract(epoch FROM clock_timestamp() - started));
  END LOOP;
  RETURN greatest(best - scan, 0.01);
END
$$;

CREATE TABLE IF NOT EXISTS bench_result (work text NOT NULL, ours_ms double precision NOT NULL, plain_ms double precision);
INSERT INTO bench_result
SELECT '200,000 x ' || w.work, bench.identity_ms(w.ours), CASE WHEN w.plain IS NOT NULL THEN bench.identity_ms(w.plain) END
FROM (VALUES
  (1, 'normalize_name', 'omnicrm.normalize_name(name)', $$trim(regexp_replace(lower(unaccent(name)), '[^a-z0-9]+', ' ', 'g'))$$),
  (2, 'name_key', 'omnicrm.name_key(name)', $$(SELECT string_agg(w, ' ' ORDER BY w) FROM regexp_split_to_table(lower(unaccent(name)), '[^a-z0-9]+') AS w)$$),
  (3, 'name_similarity, other person (levenshtein)', 'omnicrm.name_similarity(name, other)', 'levenshtein(lower(unaccent(name)), lower(unaccent(other)))'),
  (4, 'name_similarity, same person (pg_trgm)', 'omnicrm.name_similarity(name, name_again)', 'similarity(unaccent(name), unaccent(name_again))'),
  (5, 'damerau_levenshtein of words', 'omnicrm.damerau_levenshtein(word, other_word)', 'levenshtein(word, other_word)'),
  (6, 'damerau_levenshtein of names', 'omnicrm.damerau_levenshtein(name, other)', 'levenshtein(name, other)'),
  (7, 'jaro_winkler of words', 'omnicrm.jaro_winkler(word, other_word)', NULL),
  (8, 'normalize_email', 'omnicrm.normalize_email(email)', $$CASE WHEN email ~ '^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}$' THEN lower(email) END$$),
  (9, 'normalize_phone, Spain', $$omnicrm.normalize_phone(phone, 'ES')$$, $$'+34' || regexp_replace(phone, '[^0-9]', '', 'g')$$),
  (10, 'normalize_phone, US', $$omnicrm.normalize_phone(us_phone, 'US')$$, $$'+1' || regexp_replace(regexp_replace(us_phone, 'x.*', ''), '[^0-9]', '', 'g')$$),
  (11, 'normalize_tax_id', 'omnicrm.normalize_tax_id(nif)',
       $$CASE WHEN nif ~ '^[0-9]{8}[A-Z]$' AND substr('TRWAGMYFPDXBNJZSQVHLCKE', left(nif, 8)::integer % 23 + 1, 1) = right(nif, 1) THEN nif END$$),
  (12, 'parse_date', $$omnicrm.parse_date(day, 'DMY')$$, $$to_date(day, 'DD/MM/YYYY')$$),
  (13, 'parse_timestamp', $$omnicrm.parse_timestamp(moment, 'auto', 'Europe/Madrid')$$, $$moment::timestamp AT TIME ZONE 'Europe/Madrid'$$),
  (14, 'parse_number', 'omnicrm.parse_number(number)', 'number::numeric'),
  (15, 'normalize_text', 'omnicrm.normalize_text(name)', $$trim(regexp_replace(normalize(name), '\s+', ' ', 'g'))$$),
  (16, 'is_placeholder', $$omnicrm.is_placeholder('name', name)$$, $$lower(name) IN ('n/a', 'unknown', 'desconocido', 'sin nombre', 'test')$$),
  (17, 'content_hash', 'omnicrm.content_hash(name)', 'md5(name)'),
  (30, 'jaro of words', 'omnicrm.jaro(word, other_word)', NULL),
  (31, 'levenshtein of words', 'omnicrm.levenshtein(word, other_word)', 'levenshtein(word, other_word)'),
  (32, 'levenshtein of names', 'omnicrm.levenshtein(name, other)', 'levenshtein(name, other)'),
  (33, 'levenshtein of 200 characters', 'omnicrm.levenshtein(repeat(name, 10)::varchar(200), repeat(other, 10)::varchar(200))',
       'levenshtein(repeat(name, 10)::varchar(200), repeat(other, 10)::varchar(200))'),
  (34, 'token_set_similarity of names (pg_trgm)', 'omnicrm.token_set_similarity(name, name_again)', 'similarity(unaccent(name), unaccent(name_again))'),
  (35, 'best_match of 40 words', '(omnicrm.best_match(word, (SELECT array_agg(g.name ORDER BY g.n) || array_agg(lower(g.name) ORDER BY g.n) FROM bench.identity_given AS g))).similarity',
       '(SELECT min(levenshtein(word, g.x)) FROM unnest((SELECT array_agg(g.name ORDER BY g.n) || array_agg(lower(g.name) ORDER BY g.n) FROM bench.identity_given AS g)) AS g(x))'),
  (36, 'date_similarity', $$omnicrm.date_similarity(date '1950-01-01' + n % 20000, date '1950-01-01' + n % 19997)$$, NULL),
  (37, 'number_similarity', 'omnicrm.number_similarity(n, n + 7)', 'greatest(0, 1 - abs(n - (n + 7))::float8 / greatest(abs(n), abs(n + 7)))'),
  (38, 'array_overlap of 3 words', 'omnicrm.array_overlap(ARRAY[word, email, nif], ARRAY[phone, nif, other_word])',
       '(SELECT count(*) FROM (SELECT unnest(ARRAY[word, email, nif]) INTERSECT SELECT unnest(ARRAY[phone, nif, other_word])) AS i) / 3.0')) AS w(n, work, ours, plain)
ORDER BY w.n;
