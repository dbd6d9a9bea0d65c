-- The functions that take values apart, over every one-character input, any
-- characters, right-to-left marks and 10 MB: no error, bounded time, NULL or
-- a result that is sane.
SET client_min_messages = warning;

CREATE FUNCTION pg_temp.dice(seed text, sides integer) RETURNS integer
LANGUAGE sql IMMUTABLE AS $$ SELECT ('x' || substr(md5(seed), 1, 7))::bit(28)::integer % sides $$;

-- Every character of the basic plane and the planes' ends, alone and beside others.
CREATE TEMP TABLE one AS
SELECT chr(c) AS value FROM generate_series(1, 65533) AS c WHERE c NOT BETWEEN 55296 AND 57343
UNION ALL SELECT chr(c) FROM unnest('{65536,119808,128512,131072,173791,917505,983040,1114109}'::integer[]) AS c;
SELECT count(*) AS characters,
       count(*) FILTER (WHERE omnicrm.normalize_iban(o.value) IS NULL) AS no_iban,
       count(*) FILTER (WHERE (omnicrm.name_parts(o.value) IS NULL) <> (omnicrm.name_key(o.value) IS NULL)) AS name_and_key_differ,
       count(*) FILTER (WHERE omnicrm.nickname_key(o.value) IS NULL AND omnicrm.name_key(o.value) IS NOT NULL) AS key_without_nickname,
       count(*) FILTER (WHERE omnicrm.phonetic_es(o.value) IS DISTINCT FROM omnicrm.phonetic_es(omnicrm.normalize_name(o.value))) AS sound_depends_on_form,
       count(*) FILTER (WHERE (omnicrm.normalize_address(o.value)).number IS NOT NULL) AS with_number,
       count(*) FILTER (WHERE omnicrm.normalize_address('Calle ' || o.value || 'Mayor' || o.value || ' 5' || o.value, 'ES') IS NULL) AS lost,
       count(*) FILTER (WHERE omnicrm.normalize_address('12 ' || o.value || ' Street' || o.value, 'GB') IS NULL) AS lost_abroad,
       count(omnicrm.is_placeholder('address', o.value)) + count(omnicrm.is_placeholder('city', o.value)) + count(omnicrm.is_placeholder('iban', o.value))
       + count(omnicrm.is_placeholder('given_name', o.value)) + count(omnicrm.is_placeholder('surname', o.value)) AS verdicts
FROM one AS o;

-- Addresses and names out of parts that meet in real ones, in any order.
CREATE TEMP TABLE mixed AS
SELECT string_agg((ARRAY['Calle', 'C/', 'Mayor', '12', '12', '3º', '2ª', 'B', 'd', 'bajo', 'izda', 's/n', 'km', 'km.', 'nº', '#', '-', ',', ',', '/', 'esc.', 'portal', 'piso', 'pta', 'bis', 'y', 'de', 'la',
                         'kalea', 'Urb.', 'Pol.', 'Ind.', '28013', 'C.P.', 'Madrid', '(', ')', 'local', '00', '99999999999', 'Sta.', 'á', E'\n', U&'\202E', U&'\200F', '王', 'E.', 'e', '1a', '3r', 'García',
                         'García,', 'Ana', 'María', 'J.', 'van', 'y', 'Jr.', 'S.L.', 'D.', 'Street', 'rue', 'Flat', 'P.O.', 'Box'])[1 + pg_temp.dice(n || 'w' || i, 65)],
                  (ARRAY[' ', ' ', ' ', '', ', ', '-'])[1 + pg_temp.dice(n || 's' || i, 6)] ORDER BY i) AS value
FROM generate_series(1, 20000) AS n, LATERAL generate_series(1, 1 + pg_temp.dice(n || 'n', 9)) AS i
GROUP BY n
UNION ALL
SELECT string_agg(chr(CASE pg_temp.dice(n || 'k' || i, 4) WHEN 0 THEN 1 + pg_temp.dice(n || 'c' || i, 55000) WHEN 1 THEN 8192 + pg_temp.dice(n || 'c' || i, 112)
                                                          WHEN 2 THEN 160 + pg_temp.dice(n || 'c' || i, 600) ELSE 1 + pg_temp.dice(n || 'c' || i, 127) END), '' ORDER BY i)
FROM generate_series(1, 5000) AS n, LATERAL generate_series(1, 1 + pg_temp.dice(n || 'm', 30)) AS i
GROUP BY n;
SELECT count(*) AS texts,
       count(omnicrm.normalize_iban(m.value)) AS ibans,
       -- no part is empty, blank at an end or of doubled blanks
       count(*) FILTER (WHERE a.value ~ '^ | $|  |\| |\|$') AS untidy_address,
       count(*) FILTER (WHERE array_to_string(n.given_names || ARRAY[n.surname_1, n.surname_2, n.title, n.suffix, n.organisation, n.legal_form], '|') ~ '^ | $|  |\| |\|\|') AS untidy_name,
       count(*) FILTER (WHERE n.surname_1 IS NULL AND n.surname_2 IS NOT NULL) AS second_without_first,
       count(*) FILTER (WHERE n.flags IS NOT NULL AND coalesce(n.organisation, n.surname_1, n.given_names[1], n.title) IS NULL) AS nothing_kept,
       count(*) FILTER (WHERE k.key IS NOT NULL AND cardinality(k.key) NOT BETWEEN 1 AND 64) AS too_many_readings
FROM mixed AS m,
     LATERAL (SELECT omnicrm.normalize_address(m.value) AS es, omnicrm.normalize_address(m.value, 'US') AS us) AS p,
     LATERAL (SELECT concat_ws('|', (p.es).street, (p.es).number, (p.es).extra, (p.us).street) AS value) AS a,
     LATERAL omnicrm.name_parts(m.value) AS n, LATERAL (SELECT omnicrm.nickname_key(m.value) AS key) AS k;
-- Marks of direction change nothing.
SELECT count(*) AS texts,
       count(*) FILTER (WHERE omnicrm.normalize_address(U&'\202E' || m.value || U&'\202C') IS DISTINCT FROM omnicrm.normalize_address(m.value)) AS address_differs,
       count(*) FILTER (WHERE omnicrm.name_parts(U&'\200F' || m.value || U&'\200E') IS DISTINCT FROM omnicrm.name_parts(m.value)) AS name_differs
FROM mixed AS m;

-- 10 MB, and as long as allowed.
SET statement_timeout = '20s';
CREATE TEMP TABLE huge AS
SELECT v.n, v.value
FROM (VALUES (1, repeat('a', 10000000)), (2, repeat('é ', 3500000)), (3, repeat(U&'\0301', 5000000)), (4, repeat('1', 10000000)), (5, repeat(' ', 10000000)),
             (6, repeat('C/ ', 3300000)), (7, repeat('王', 3500000)), (8, repeat(U&'\202E', 3300000))) AS v(n, value);
SELECT h.n, num_nonnulls(omnicrm.normalize_iban(h.value), omnicrm.name_parts(h.value), omnicrm.nickname_key(h.value), omnicrm.phonetic_es(h.value), omnicrm.normalize_address(h.value),
                         omnicrm.normalize_address(h.value, 'US')) AS values_found, (omnicrm.normalize_address('Main Street 5', h.value)).street AS unknown_country,
       omnicrm.is_placeholder('address', h.value) OR omnicrm.is_placeholder('iban', h.value) AS placeholder
FROM huge AS h
ORDER BY h.n;
SELECT length((omnicrm.name_parts(repeat('ab ', 333))).surname_2) AS surname, cardinality((omnicrm.name_parts('Gil, ' || repeat('a ', 400))).given_names) AS given,
       length((omnicrm.nickname_key(repeat('pepe ', 200)))[1]) AS nickname, length(omnicrm.phonetic_es(repeat('axa ', 250))) AS sound,
       length((omnicrm.normalize_address('Calle ' || repeat('ab ', 300))).street) AS street, length((omnicrm.normalize_address('Calle Sol 5, ' || repeat('1 ', 400))).extra) AS extra;
