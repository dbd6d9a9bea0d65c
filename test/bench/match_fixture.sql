-- Customers for matching: one table match_bench.customer of :rows rows (default
-- 1,000,000) that tell of some :rows / 4.6 persons, each up to :largest (35) times.
--
--   psql -v rows=1000000 -v seed=2026 -f match_fixture.sql
--
-- id bigint, person bigint (the truth: not for matching), first_name, surname,
-- birth_date date, email, phone, city, postcode. The view match_bench.truth has
-- id and cluster_id for omnicrm.match_evaluate().
--
-- A person comes k times with a chance proportional to k ^ -zipf (1.5). Persons
-- live in households: brothers and sisters share surnames, city and land line,
-- some sons have their father's name, some couples one e-mail (see
-- test/demo/generate_people.sql). Five kinds of errors, each with a chance of its
-- own in each field of each row: a typing error; misheard or misread letters;
-- fields swapped and digits transposed; missing values and fillers; nicknames
-- and dropped surnames. Beside them old e-mails, phones and addresses, capitals,
-- lost accents and written forms of phones.
--
-- Every value is a hash of its number and the seed: the same variables give the
-- same rows on every machine, in an order that tells nothing of the persons.
-- A million rows take less than a minute.
\if :{?rows}
\else
  \set rows 1000000
\endif
\if :{?seed}
\else
  \set seed 2026
\endif
\if :{?zipf}
\else
  \set zipf 1.5
\endif
\if :{?largest}
\else
  \set largest 35
\endif
SET client_min_messages = warning;
SET client_encoding = 'UTF8';
SET max_parallel_workers_per_gather = 2;

-- A few persons more than the expected size of a cluster asks for.
SELECT ceil(1.03 * :rows * sum(power(k, -:zipf)) / sum(k * power(k, -:zipf)))::bigint + 200 AS persons
FROM generate_series(1, :largest) AS k
\gset

CREATE SCHEMA match_bench;
CREATE SCHEMA shop;
CREATE SCHEMA shop_build;
\ir ../demo/generate_words.sql
\ir ../demo/generate_people.sql

-- Letters that sound or look alike: the first pair, from a place that the error
-- chooses, whose left side is in the word.
CREATE FUNCTION shop.misread(word text, error bigint) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT coalesce(
    (SELECT overlay(word PLACING p.b FROM strpos(word, p.a) FOR length(p.a))
     FROM unnest(ARRAY['v', 'b', 'z', 's', 'll', 'y', 'gi', 'j', 'ce', 'h', 'm', 'rn', 'o', 'l', 'i', 'qu', 'c', 'e', 'u', 'ñ', '0', '1', '5', '8'],
                 ARRAY['b', 'v', 's', 'z', 'y', 'll', 'ji', 'g', 'se', '', 'rn', 'm', '0', '1', 'l', 'k', 'k', 'c', 'v', 'n', '8', '7', '6', '3'])
          WITH ORDINALITY AS p(a, b, place)
     WHERE strpos(word, p.a) > 0
     ORDER BY (p.place + error % 24) % 24
     LIMIT 1),
    word)
$$;

-- Persons as matching sees them. A third of the surnames of households are rare
-- ones, made of syllables, where the word list has but the common ones.
CREATE UNLOGGED TABLE shop_build.known AS
WITH syllables AS (
  SELECT string_to_array('Al Am An Ar As Bal Bar Bel Ber Bur Cal Can Car Cas Cor Dal Es Fer Gal Gar Gol Gu Ira La Le Lor Ma Mal Mar Men Mon Mor Na Ol Or Pal Pe Pra Que Ra Ri Ro Sal San Se Sor Ta To Ur Va Ve Vi Za Zu', ' ') AS a,
         string_to_array('ba be bo ca co da de do ga gue la le li lo ma me mi mo na ne ni ra re ri ta te ti to va vi', ' ') AS b,
         string_to_array('ces cia cos dal des dia dor ga gas garay jas jo lar les llo llos na ndez neda nte ña ño ral res ro rte sal so tegui ves yos zar', ' ') AS c
), keyed AS (
  SELECT p.*, hashtextextended(p.surname1, p.household) AS key1, hashtextextended(p.surname2, p.household) AS key2
  FROM shop_build.person AS p
  WHERE p.kind = 'person'
), named AS (
  SELECT k.*,
         CASE WHEN k.origin = 'es' AND shop.u(k.key1, 'rare') < 0.35
              THEN s.a[1 + floor(54 * power(shop.u(k.key1, 'rare 1'), 1.5))::integer] || s.b[1 + shop.k(k.key1, 'rare 2', 30)] || s.c[1 + shop.k(k.key1, 'rare 3', 32)]
              ELSE k.surname1 END AS one,
         CASE WHEN k.origin = 'es' AND shop.u(k.key2, 'rare') < 0.35
              THEN s.a[1 + floor(54 * power(shop.u(k.key2, 'rare 1'), 1.5))::integer] || s.b[1 + shop.k(k.key2, 'rare 2', 30)] || s.c[1 + shop.k(k.key2, 'rare 3', 32)]
              ELSE k.surname2 END AS two
  FROM keyed AS k CROSS JOIN syllables AS s
)
SELECT n.person_id, n.given, n.one, n.two, n.born, n.mobile, n.old_mobile, n.landline,
       coalesce(head.email, replace(n.email, shop.small(shop.fold(n.surname1)), shop.small(shop.fold(n.one)))) AS email, n.old_email,
       a.city, a.postcode, o.city AS old_city, o.postcode AS old_postcode, n.moved_on IS NOT NULL AS moved, ni.nicks,
       (1 + width_bucket(shop.u(n.person_id, 'times'), z.bounds))::integer AS times
FROM named AS n
JOIN shop_build.address AS a ON a.address_id = n.address_id
JOIN shop_build.address AS o ON o.address_id = n.old_address_id
LEFT JOIN shop_build.nickname AS ni ON ni.given = n.given
LEFT JOIN shop_build.person AS head ON head.person_id = n.mail_of
CROSS JOIN (
  SELECT array_agg(c.bound ORDER BY c.bound) AS bounds
  FROM (SELECT sum(power(k, -:zipf)) OVER (ORDER BY k) / sum(power(k, -:zipf)) OVER () AS bound, k FROM generate_series(1, :largest) AS k) AS c
  WHERE c.k < :largest
) AS z;

-- What each row says. One hash of a row and a name for each decision.
CREATE TABLE match_bench.customer AS
WITH told AS (
  SELECT k.*, k.person_id * 64 + copy AS rec, hashint8extended(k.person_id * 64 + copy, :seed) & 9223372036854775807 AS error
  FROM shop_build.known AS k
  CROSS JOIN LATERAL generate_series(1, k.times) AS copy
  ORDER BY k.person_id, copy
  LIMIT :rows
), said AS (
  SELECT t.*, shop.k(t.rec, 'style', 8) AS style, shop.u(t.rec, 'swap') AS swap, shop.u(t.rec, 'moved') < 0.25 AND t.moved AS from_before,
         CASE WHEN g.u < 0.080 AND t.nicks IS NOT NULL THEN t.nicks[1 + shop.k(t.rec, 'which nick', cardinality(t.nicks))]
              WHEN g.u < 0.160 THEN split_part(t.given, ' ', 1)
              WHEN g.u < 0.175 THEN left(t.given, 1) || '.'
              WHEN g.u < 0.205 THEN shop.typo(t.given, t.error)
              WHEN g.u < 0.235 THEN shop.misread(t.given, t.error)
              WHEN g.u < 0.240 THEN NULL
              ELSE t.given END AS said_given,
         CASE WHEN s.u < 0.035 THEN shop.typo(t.one, t.error / 3)
              WHEN s.u < 0.065 THEN shop.misread(t.one, t.error / 3)
              ELSE t.one END AS said_one,
         CASE WHEN d.u < 0.150 THEN NULL
              WHEN d.u < 0.180 THEN shop.typo(t.two, t.error / 5)
              WHEN d.u < 0.210 THEN shop.misread(t.two, t.error / 5)
              ELSE t.two END AS said_two,
         CASE WHEN b.u < 0.200 THEN NULL
              WHEN b.u < 0.205 THEN date '1900-01-01'
              WHEN b.u < 0.220 AND extract(day FROM t.born) <= 12
                THEN make_date(extract(year FROM t.born)::integer, extract(day FROM t.born)::integer, extract(month FROM t.born)::integer)
              WHEN b.u < 0.245 THEN (t.born + (ARRAY[interval '1 day', '-1 day', '10 days', '1 month', '-1 year', '10 years'])[1 + shop.k(t.rec, 'slip', 6)])::date
              ELSE t.born END AS birth_date,
         CASE WHEN e.u < 0.250 THEN NULL
              WHEN e.u < 0.254 THEN 'noreply@example.com'
              WHEN e.u < 0.284 THEN shop.typo(split_part(t.email, '@', 1), t.error / 7) || '@' || split_part(t.email, '@', 2)
              WHEN e.u < 0.300 THEN shop.misread(split_part(t.email, '@', 1), t.error / 7) || '@' || split_part(t.email, '@', 2)
              WHEN e.u < 0.400 THEN t.old_email
              ELSE t.email END AS said_email,
         CASE WHEN p.u < 0.200 THEN NULL
              WHEN p.u < 0.204 THEN '000000000'
              WHEN p.u < 0.224 THEN overlay(t.mobile PLACING ((substr(t.mobile, 6, 1)::integer + 1 + shop.k(t.rec, 'digit', 8)) % 10)::text FROM 6 FOR 1)
              WHEN p.u < 0.239 THEN overlay(t.mobile PLACING substr(t.mobile, 8, 1) || substr(t.mobile, 7, 1) FROM 7 FOR 2)
              WHEN p.u < 0.339 THEN t.landline
              WHEN p.u < 0.419 THEN t.old_mobile
              ELSE t.mobile END AS said_phone
  FROM told AS t
  CROSS JOIN LATERAL (SELECT shop.u(t.rec, 'given') AS u) AS g
  CROSS JOIN LATERAL (SELECT shop.u(t.rec, 'surname') AS u) AS s
  CROSS JOIN LATERAL (SELECT shop.u(t.rec, 'second surname') AS u) AS d
  CROSS JOIN LATERAL (SELECT shop.u(t.rec, 'birth') AS u) AS b
  CROSS JOIN LATERAL (SELECT shop.u(t.rec, 'email') AS u) AS e
  CROSS JOIN LATERAL (SELECT shop.u(t.rec, 'phone') AS u) AS p
), joined AS (
  SELECT s.*,
         CASE WHEN n.u < 0.010 THEN NULL
              WHEN s.said_two IS NULL THEN s.said_one
              WHEN n.u < 0.020 THEN s.said_two || ' ' || s.said_one
              ELSE s.said_one || ' ' || s.said_two END AS said_surname,
         CASE WHEN s.from_before THEN s.old_city ELSE s.city END AS true_city,
         CASE WHEN s.from_before THEN s.old_postcode ELSE s.postcode END AS true_postcode
  FROM said AS s
  CROSS JOIN LATERAL (SELECT shop.u(s.rec, 'surnames') AS u) AS n
), styled AS (
  SELECT j.*,
         CASE WHEN j.swap < 0.015 THEN j.said_surname ELSE j.said_given END AS first_name,
         CASE WHEN j.swap < 0.015 THEN j.said_given ELSE j.said_surname END AS surname,
         CASE WHEN c.u < 0.100 THEN NULL
              WHEN c.u < 0.120 THEN shop.typo(j.true_city, j.error / 11)
              WHEN c.u < 0.130 THEN shop.misread(j.true_city, j.error / 11)
              ELSE j.true_city END AS said_city,
         CASE WHEN o.u < 0.120 THEN NULL
              WHEN o.u < 0.135 THEN overlay(j.true_postcode PLACING shop.k(j.rec, 'post digit', 10)::text FROM 3 + shop.k(j.rec, 'post place', 3) FOR 1)
              WHEN o.u < 0.145 THEN overlay(j.true_postcode PLACING substr(j.true_postcode, 5, 1) || substr(j.true_postcode, 4, 1) FROM 4 FOR 2)
              ELSE j.true_postcode END AS said_postcode
  FROM joined AS j
  CROSS JOIN LATERAL (SELECT shop.u(j.rec, 'city') AS u) AS c
  CROSS JOIN LATERAL (SELECT shop.u(j.rec, 'postcode') AS u) AS o
)
SELECT row_number() OVER (ORDER BY hashint8extended(s.rec, 7), s.rec) AS id, s.person_id AS person,
       CASE s.style WHEN 0 THEN shop.capitals(s.first_name) WHEN 1 THEN shop.capitals(shop.fold(s.first_name)) WHEN 2 THEN shop.fold(s.first_name) ELSE s.first_name END AS first_name,
       CASE s.style WHEN 0 THEN shop.capitals(s.surname) WHEN 1 THEN shop.capitals(shop.fold(s.surname)) WHEN 2 THEN shop.fold(s.surname) ELSE s.surname END AS surname,
       s.birth_date,
       s.said_email AS email,
       CASE s.style WHEN 1 THEN '+34' || s.said_phone WHEN 3 THEN substr(s.said_phone, 1, 3) || ' ' || substr(s.said_phone, 4, 3) || ' ' || substr(s.said_phone, 7) ELSE s.said_phone END AS phone,
       CASE s.style WHEN 0 THEN shop.capitals(s.said_city) WHEN 1 THEN shop.capitals(shop.fold(s.said_city)) ELSE s.said_city END AS city,
       s.said_postcode AS postcode
FROM styled AS s;

ALTER TABLE match_bench.customer ADD PRIMARY KEY (id);
CREATE VIEW match_bench.truth AS SELECT c.id, c.person AS cluster_id FROM match_bench.customer AS c;
ANALYZE match_bench.customer;
DROP SCHEMA shop, shop_build CASCADE;
RESET max_parallel_workers_per_gather;
RESET client_min_messages;
