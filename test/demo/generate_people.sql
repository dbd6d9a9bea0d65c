-- The population: persons in households, and organisations. What is here is
-- the truth; generate_sources.sql tells it to each source with errors.

-- Households of one to five: head, mostly a partner, children.
CREATE UNLOGGED TABLE shop_build.home AS
WITH leader AS (
  SELECT i, max(CASE WHEN i = 1 OR shop.u(i, 'leader') < 0.56 THEN i END) OVER (ORDER BY i) AS head
  FROM generate_series(1, :persons::bigint) AS i
), cut AS (
  SELECT i AS person_id, CASE WHEN i - head >= 5 THEN i ELSE head END AS household FROM leader
), sized AS (
  SELECT person_id, household, (row_number() OVER w)::integer AS rank,
         (count(*) OVER (PARTITION BY household))::integer AS size
  FROM cut WINDOW w AS (PARTITION BY household ORDER BY person_id)
)
SELECT person_id, household, rank, size,
       CASE WHEN rank = 1 THEN 'head'
            WHEN rank = 2 AND shop.u(household, 'couple') < 0.85 THEN 'partner'
            ELSE 'child' END AS part,
       CASE WHEN shop.u(household, 'origin') < 0.89 THEN 'es'
            ELSE (ARRAY['la', 'la', 'la', 'la', 'ro', 'ro', 'ma', 'ma', 'en', 'it', 'cn'])[1 + shop.k(household, 'which origin', 11)] END AS origin,
       CASE WHEN rank = 2 AND shop.u(household, 'couple') < 0.85 AND shop.u(household, 'same sex') > 0.03
            THEN CASE WHEN shop.u(household, 'sex') < 0.49 THEN 'F' ELSE 'M' END
            WHEN rank = 1 THEN CASE WHEN shop.u(household, 'sex') < 0.49 THEN 'M' ELSE 'F' END
            ELSE CASE WHEN shop.u(person_id, 'child sex') < 0.51 THEN 'M' ELSE 'F' END END AS sex,
       CASE WHEN size >= 3 THEN 42 + 38 * shop.u(household, 'age') ELSE 19 + 67 * power(shop.u(household, 'age'), 1.3) END AS head_age
FROM sized;

-- Age and names of one's own; children take theirs from the parents below.
CREATE UNLOGGED TABLE shop_build.named AS
SELECT h.*, a.age,
       date '2026-06-30' - (a.age * 365.25)::integer - shop.k(h.person_id, 'birthday', 365) AS born,
       g.names[width_bucket(shop.u(h.person_id, 'given'), g.bounds)] AS given,
       s.names[width_bucket(shop.u(h.person_id, 'surname 1'), s.bounds)] AS surname1,
       CASE WHEN h.origin IN ('es', 'la') THEN s.names[width_bucket(shop.u(h.person_id, 'surname 2'), s.bounds)] END AS surname2
FROM shop_build.home AS h
CROSS JOIN LATERAL (
  SELECT CASE h.part
    WHEN 'head' THEN h.head_age
    WHEN 'partner' THEN greatest(19 + 6 * shop.u(h.person_id, 'young'), h.head_age - 5 + 8 * shop.u(h.person_id, 'age'))
    ELSE greatest(16 + 6 * shop.u(h.person_id, 'young'), h.head_age - 22 - 14 * shop.u(h.person_id, 'age')) END AS age
) AS a
JOIN shop_build.given_pick AS g ON g.origin = h.origin AND g.sex = h.sex
  AND g.cohort = CASE WHEN a.age > 62 THEN 'old' WHEN a.age > 34 THEN 'middle' ELSE 'young' END
JOIN shop_build.surname_pick AS s ON s.origin = h.origin;

-- Sons named like their father, families where mother and father share a
-- surname (so that father and son have the very same name), twins, couples with
-- one e-mail address: the traps of matching.
CREATE UNLOGGED TABLE shop_build.person_name AS
SELECT n.person_id, n.household, n.rank, n.size, n.part, n.origin, n.sex, n.age,
       CASE WHEN n.part = 'child' AND n.rank = 4 AND shop.u(n.household, 'twins') < 0.08 THEN sibling.born ELSE n.born END AS born,
       CASE WHEN n.part = 'child' AND shop.u(n.person_id, 'named after') < 0.2
            THEN CASE WHEN father.sex = n.sex THEN father.given WHEN mother.sex = n.sex THEN mother.given ELSE n.given END
            ELSE n.given END AS given,
       CASE WHEN n.part = 'child' THEN father.surname1
            WHEN n.part = 'partner' AND shop.u(n.household, 'cousins') < 0.03 THEN coalesce(head.surname2, n.surname1)
            ELSE n.surname1 END AS surname1,
       CASE WHEN n.part = 'child' AND n.origin IN ('es', 'la')
            THEN CASE WHEN mother.person_id IS NULL THEN n.surname2
                      WHEN shop.u(n.household, 'cousins') < 0.03 THEN coalesce(father.surname2, mother.surname1)
                      ELSE mother.surname1 END
            ELSE n.surname2 END AS surname2
FROM shop_build.named AS n
LEFT JOIN shop_build.named AS head ON head.household = n.household AND head.rank = 1 AND n.rank > 1
LEFT JOIN shop_build.named AS partner ON partner.household = n.household AND partner.part = 'partner' AND n.part = 'child'
LEFT JOIN shop_build.named AS sibling ON sibling.household = n.household AND sibling.rank = 3 AND n.rank = 4
LEFT JOIN LATERAL (SELECT (p).* FROM (SELECT CASE WHEN partner.sex = 'M' AND head.sex = 'F' THEN partner ELSE head END AS p) AS f) AS father ON true
LEFT JOIN LATERAL (SELECT (p).* FROM (SELECT CASE WHEN partner.sex = 'M' AND head.sex = 'F' THEN head ELSE partner END AS p) AS m) AS mother ON true;

-- Addresses: one for each household now and before its last move, and one for
-- grown children who left.
CREATE UNLOGGED TABLE shop_build.address AS
SELECT a.address_id,
       st.names[1 + shop.k(a.address_id, 'street', cardinality(st.names))] AS street,
       (1 + floor(120 * power(shop.u(a.address_id, 'number'), 2)))::integer AS house_no,
       CASE WHEN shop.u(a.address_id, 'flat') < 0.8
            THEN (1 + shop.k(a.address_id, 'floor', 8)) || 'º ' || substr('ABCDE', 1 + shop.k(a.address_id, 'door', 5), 1) END AS flat,
       c.code || lpad((1 + shop.k(a.address_id, 'postcode', c.postcodes))::text, 3, '0') AS postcode,
       c.name AS city, c.province, c.prefix
FROM (
  SELECT DISTINCT household * 4 + v AS address_id, household AS place FROM shop_build.home, generate_series(0, 1) AS v
  UNION ALL
  SELECT person_id * 4 + 2, person_id FROM shop_build.home WHERE part = 'child'
  UNION ALL
  SELECT (:persons + o) * 4, :persons + o FROM generate_series(1, :persons::bigint / 40 + 1) AS o
) AS a
CROSS JOIN shop_build.street AS st
CROSS JOIN shop_build.city_pick AS p
JOIN shop_build.city AS c ON c.id = p.ids[width_bucket(
  CASE WHEN shop.u(a.address_id, 'stays in town') < 0.85 THEN shop.u(a.place, 'city') ELSE shop.u(a.address_id, 'city') END, p.bounds)];

CREATE UNLOGGED TABLE shop_build.person AS
WITH contact AS (
  SELECT n.*,
         shop.small(replace(shop.fold(split_part(n.given, ' ', 1)), ' ', '')) AS g,
         shop.small(replace(shop.fold(n.surname1), ' ', '')) AS s1,
         shop.small(replace(shop.fold(coalesce(n.surname2, '')), ' ', '')) AS s2,
         (ARRAY['gmail.com', 'gmail.com', 'gmail.com', 'gmail.com', 'hotmail.com', 'hotmail.com', 'yahoo.es', 'outlook.es', 'hotmail.es', 'icloud.com', 'telefonica.net'])[1 + shop.k(n.person_id, 'mail domain', 11)] AS domain
  FROM shop_build.person_name AS n
), mail AS (
  SELECT c.*,
         CASE shop.k(c.person_id, 'mail pattern', 7)
           WHEN 0 THEN c.g || '.' || c.s1 || to_char(c.born, 'YY')
           WHEN 1 THEN left(c.g, 1) || c.s1 || c.s2
           WHEN 2 THEN c.g || '_' || c.s1 || to_char(c.born, 'YYYY')
           WHEN 3 THEN c.g || c.s1 || left(c.s2, 1) || shop.k(c.person_id, 'mail number', 90)
           WHEN 4 THEN c.s1 || '.' || c.g
           WHEN 5 THEN c.g || '.' || c.s1 || '.' || c.s2
           ELSE c.g || c.s1 || shop.k(c.person_id, 'mail number', 1000) END AS local
  FROM contact AS c
), numbered AS (
  SELECT m.*, row_number() OVER (PARTITION BY m.local, m.domain ORDER BY m.person_id) AS taken FROM mail AS m
)
SELECT n.person_id, 'person'::text AS kind, n.household, n.rank, n.part, n.origin, n.sex, n.born, n.given, n.surname1, n.surname2,
       rtrim(n.local, '.') || CASE WHEN n.taken > 1 THEN (n.person_id % 9973)::text ELSE '' END || '@' || n.domain AS email,
       n.s1 || left(n.g, 3) || (n.person_id * 7 + 113) || '@' || CASE WHEN shop.u(n.person_id, 'old mail') < 0.6 THEN 'hotmail.com' ELSE 'terra.es' END AS old_email,
       '6' || lpad(((n.person_id * 15485863 + shop.k(0, 'mobiles', 99999989)) % 99999989)::text, 8, '0') AS mobile,
       '6' || lpad((((n.person_id + 40000000) * 15485863 + shop.k(0, 'mobiles', 99999989)) % 99999989)::text, 8, '0') AS old_mobile,
       a.prefix || lpad(((n.household * 32452843 + shop.k(0, 'lines', 999983)) % CASE WHEN length(a.prefix) = 2 THEN 9999991 ELSE 999983 END)::text, 9 - length(a.prefix), '0') AS landline,
       CASE WHEN n.origin = 'es' OR shop.u(n.person_id, 'naturalised') < 0.1
            THEN d.dni || shop.nif_letter(d.dni::bigint)
            ELSE substr('XYZ', 1 + d.letter, 1) || d.nie || shop.nif_letter((d.letter || d.nie)::bigint) END AS tax_id,
       CASE WHEN n.part = 'child' AND n.age > 26 AND shop.u(n.person_id, 'left home') < 0.6 THEN n.person_id * 4 + 2 ELSE n.household * 4 END AS address_id,
       n.household * 4 + 1 AS old_address_id,
       CASE WHEN shop.u(n.household, 'moved') < 0.3
            THEN date '2022-01-01' + shop.k(n.household, 'moved on', 1500) END AS moved_on,
       date '2021-01-01' + floor(1950 * power(shop.u(n.person_id, 'joined'), 0.75))::integer AS joined,
       -- Two standard normals by Box and Muller: how often one buys, and how dear.
       sqrt(-2 * ln(1 - shop.u(n.person_id, 'z1'))) * cos(2 * pi() * shop.u(n.person_id, 'z2')) AS appetite,
       sqrt(-2 * ln(1 - shop.u(n.person_id, 'z1'))) * sin(2 * pi() * shop.u(n.person_id, 'z2')) AS wealth,
       CASE WHEN shop.u(n.household, 'couple mail') < 0.04 AND n.part = 'partner' THEN n.household END AS mail_of,
       n.rank > 1 AND shop.u(n.person_id, 'lends phone') < 0.25 AS lends_phone
FROM numbered AS n
JOIN shop_build.address AS a ON a.address_id = n.household * 4
CROSS JOIN LATERAL (
  SELECT (10000000 + (n.person_id * 32452843 + shop.k(0, 'dni', 89999999)) % 89999999)::text AS dni,
         lpad(((n.person_id * 49979687 + shop.k(0, 'nie', 9999991)) % 9999991)::text, 7, '0') AS nie,
         CASE WHEN shop.u(n.person_id, 'nie letter') < 0.35 THEN 0 WHEN shop.u(n.person_id, 'nie letter') < 0.9 THEN 1 ELSE 2 END AS letter
) AS d;

-- Organisations: customers of the field sales force.
INSERT INTO shop_build.person
SELECT o.id, 'organisation', o.id, 1, 'head', 'es', NULL, NULL, NULL, o.name, f.form,
       'administracion@' || replace(shop.small(shop.fold(o.name)), ' ', '') || o.n || '.es', NULL,
       a.prefix || lpad(((o.id * 15485863 + 424242) % CASE WHEN length(a.prefix) = 2 THEN 9999991 ELSE 999983 END)::text, 9 - length(a.prefix), '0'), NULL,
       a.prefix || lpad(((o.id * 15485863 + 424242) % CASE WHEN length(a.prefix) = 2 THEN 9999991 ELSE 999983 END)::text, 9 - length(a.prefix), '0'),
       shop.cif(CASE f.form WHEN 'S.A.' THEN 'A' WHEN 'S. Coop.' THEN 'F' ELSE 'B' END, (1000000 + (o.id * 1299709) % 8999993)::integer),
       o.id * 4, o.id * 4, NULL,
       date '2021-01-01' + floor(1800 * power(shop.u(o.id, 'joined'), 1.2))::integer,
       sqrt(-2 * ln(1 - shop.u(o.id, 'z1'))) * cos(2 * pi() * shop.u(o.id, 'z2')),
       sqrt(-2 * ln(1 - shop.u(o.id, 'z1'))) * sin(2 * pi() * shop.u(o.id, 'z2')), NULL, false
FROM (
  SELECT n, :persons + n AS id,
         (ARRAY['Construcciones', 'Talleres', 'Hotel', 'Clínica Dental', 'Asesoría', 'Academia', 'Restaurante', 'Transportes', 'Farmacia', 'Instalaciones', 'Gestoría', 'Imprenta', 'Inmobiliaria', 'Ferretería', 'Bodegas'])[1 + shop.k(:persons + n, 'trade', 15)]
           || ' ' || s.names[width_bucket(shop.u(:persons + n, 'firm name'), s.bounds)]
           || CASE WHEN shop.u(:persons + n, 'firm second') < 0.55 THEN ' ' || s.names[width_bucket(shop.u(:persons + n, 'firm name 2'), s.bounds)] ELSE '' END AS name
  FROM generate_series(1, :persons::bigint / 40 + 1) AS n, shop_build.surname_pick AS s
  WHERE s.origin = 'es'
) AS o
JOIN shop_build.address AS a ON a.address_id = o.id * 4
CROSS JOIN LATERAL (SELECT (ARRAY['S.L.', 'S.L.', 'S.L.', 'S.L.U.', 'S.A.', 'S. Coop.'])[1 + shop.k(o.id, 'form', 6)] AS form) AS f;

ALTER TABLE shop_build.person ADD PRIMARY KEY (person_id);
CREATE UNIQUE INDEX ON shop_build.address (address_id);
ANALYZE shop_build.person, shop_build.address;
