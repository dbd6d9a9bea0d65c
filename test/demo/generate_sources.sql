-- Who is known to which system, and what each system was told, errors included.

CREATE TABLE shop_build.system (code integer, name text, prefix text, weight double precision);
INSERT INTO shop_build.system VALUES
  (1, 'web shop',     'W-',   0.30),
  (2, 'loyalty card', '2400', 0.30),
  (3, 'call centre',  'C-',   0.12),
  (4, 'newsletter',   'N-',   0.16),
  (5, 'app',          'A-',   0.09),
  (6, 'field sales',  'K-',   0.03);

-- One to five systems for each person, more for those who buy more; a few
-- records come twice in one system.
CREATE UNLOGGED TABLE shop_build.presence AS
WITH wanted AS (
  SELECT person_id, kind, joined,
         CASE WHEN us < 0.67 THEN 1 WHEN us < 0.86 THEN 2 WHEN us < 0.95 THEN 3 WHEN us < 0.985 THEN 4 ELSE 5 END AS systems
  FROM (
    SELECT p.person_id, p.kind, p.joined,
           greatest(0, least(0.9999, shop.u(p.person_id, 'systems') + 0.06 * least(1.5, greatest(-1.5, p.appetite)))) AS us
    FROM shop_build.person AS p
  ) AS w
), choice AS (
  SELECT w.person_id, w.kind, w.joined, w.systems, s.code,
         row_number() OVER (PARTITION BY w.person_id
           ORDER BY -ln(1 - shop.u(w.person_id * 8 + s.code, 'system')) /
             CASE WHEN w.kind = 'person' THEN s.weight WHEN s.code = 6 THEN 1000 WHEN s.code IN (1, 3) THEN 1 ELSE 0.000001 END) AS place
  FROM wanted AS w CROSS JOIN shop_build.system AS s
), chosen AS (
  SELECT person_id, kind, joined, code, place FROM choice
  WHERE place <= CASE WHEN kind = 'person' THEN systems ELSE least(systems, 3) END
), copied AS (
  SELECT c.*, copy, c.person_id * 64 + c.code * 8 + copy AS rec
  FROM chosen AS c
  CROSS JOIN generate_series(0, 2) AS copy
  WHERE copy = 0
     OR copy = 1 AND shop.u(c.person_id * 8 + c.code, 'twice') < 0.035
     OR copy = 2 AND shop.u(c.person_id * 8 + c.code, 'twice') < 0.004
), dated AS (
  SELECT rec, person_id, kind, code, copy,
         least(timestamp '2026-06-20',
               joined + CASE WHEN place = 1 THEN 0 ELSE floor((date '2026-06-15' - joined) * shop.u(rec, 'later')) END * interval '1 day'
                      + copy * (30 + shop.k(rec, 'again', 300)) * interval '1 day')
           + (9 * 3600 + shop.k(rec, 'second', 43200)) * interval '1 second' AS at
  FROM copied
)
SELECT d.rec, d.person_id, d.kind, d.code, d.copy, d.at,
       s.prefix || lpad(row_number() OVER (PARTITION BY d.code ORDER BY d.at, d.rec)::text, CASE d.code WHEN 2 THEN 9 ELSE 7 END, '0') AS source_key
FROM dated AS d JOIN shop_build.system AS s USING (code);
ALTER TABLE shop_build.presence ADD PRIMARY KEY (rec);

CREATE TABLE shop.truth AS
SELECT s.name AS source, p.source_key, p.person_id
FROM shop_build.presence AS p JOIN shop_build.system AS s USING (code);

-- What each record says of a person. Half of the card numbers, devices and user
-- names that a person has are quoted in another system too.
CREATE UNLOGGED TABLE shop_build.trace AS
WITH told AS (
  SELECT r.rec, r.person_id, r.kind, r.code, r.copy, r.at, r.source_key, p.household, p.part, p.sex, p.born, p.tax_id, p.mobile, p.old_mobile, p.landline,
         p.email, p.old_email, p.given, p.surname1, p.surname2, p.mail_of, p.lends_phone,
         ni.nicks,
         CASE WHEN p.moved_on > r.at THEN p.old_address_id ELSE p.address_id END AS address_id,
         -- Chance that the system asked for: second surname, birth date, e-mail, phone, tax number, address.
         (ARRAY[0.85, 0.97, 0.88, 0.60, 0.75, 0.93])[r.code] AS asks_surname2,
         (ARRAY[0.60, 0.85, 0.20, 0.25, 0.50, 0.15])[r.code] AS asks_birth,
         (ARRAY[0.98, 0.76, 0.55, 1.00, 0.96, 0.80])[r.code] AS asks_email,
         (ARRAY[0.85, 0.84, 0.98, 0.05, 0.75, 0.95])[r.code] AS asks_phone,
         (ARRAY[0.30, 0.45, 0.12, 0.00, 0.06, 0.60])[r.code] AS asks_tax,
         (ARRAY[0.95, 0.88, 0.65, 0.35, 0.35, 0.88])[r.code] AS asks_address,
         (ARRAY[0.05, 0.02, 0.05, 0.14, 0.14, 0.03])[r.code] AS nicknames,
         hashint8extended(r.rec, 77) & 9223372036854775807 AS error
  FROM shop_build.presence AS r
  JOIN shop_build.person AS p USING (person_id)
  LEFT JOIN shop_build.nickname AS ni ON ni.given = p.given
), said AS (
  SELECT t.*,
         CASE WHEN shop.u(t.rec, 'nickname') < t.nicknames AND t.nicks IS NOT NULL THEN t.nicks[1 + shop.k(t.rec, 'which nick', cardinality(t.nicks))]
              WHEN shop.u(t.rec, 'given') < 0.16 AND t.given LIKE '% %' THEN split_part(t.given, ' ', 1)
              WHEN shop.u(t.rec, 'given') < 0.50 AND t.given LIKE 'María %' AND t.code IN (2, 3) THEN replace(t.given, 'María', CASE WHEN t.code = 2 THEN 'Mª' ELSE 'M.' END)
              WHEN shop.u(t.rec, 'given') < 0.40 AND t.given LIKE 'Francisco%' AND t.code IN (2, 3) THEN replace(t.given, 'Francisco', 'Fco.')
              WHEN shop.u(t.rec, 'given') < 0.012 THEN left(t.given, 1) || '.'
              WHEN shop.u(t.rec, 'given error') < 0.012 THEN shop.typo(t.given, t.error)
              ELSE t.given END AS said_given,
         CASE WHEN shop.u(t.rec, 'surname error') < 0.028 THEN shop.typo(t.surname1, t.error / 5) ELSE t.surname1 END AS said1,
         CASE WHEN shop.u(t.rec, 'asks surname') < t.asks_surname2
              THEN CASE WHEN shop.u(t.rec, 'surname 2 error') < 0.025 THEN shop.typo(t.surname2, t.error / 7) ELSE t.surname2 END END AS said2,
         t.kind = 'person' AND shop.u(t.rec, 'swap') < 0.014 AS swapped
  FROM told AS t
)
SELECT s.rec, s.person_id, s.kind, s.code, s.copy, s.at, s.source_key, s.household, s.sex, s.error,
       s.said_given AS given,
       CASE WHEN s.swapped AND s.said2 IS NOT NULL THEN s.said2 ELSE s.said1 END AS surname1,
       CASE WHEN s.swapped AND s.said2 IS NOT NULL THEN s.said1 ELSE s.said2 END AS surname2,
       CASE WHEN s.kind = 'organisation' OR shop.u(s.rec, 'asks birth') >= s.asks_birth THEN NULL
            WHEN shop.u(s.rec, 'birth error') < 0.014 THEN date '1900-01-01'
            WHEN shop.u(s.rec, 'birth error') < 0.020 THEN date '1970-01-01'
            WHEN shop.u(s.rec, 'birth error') < 0.030 AND extract(day FROM s.born) <= 12
              THEN make_date(extract(year FROM s.born)::integer, extract(day FROM s.born)::integer, extract(month FROM s.born)::integer)
            WHEN shop.u(s.rec, 'birth error') < 0.042 THEN (s.born + (ARRAY[1, -1, 10, 365])[1 + shop.k(s.rec, 'birth slip', 4)])
            ELSE s.born END AS born,
       shop.u(s.rec, 'birth error') > 0.997 AS impossible_birth,
       CASE WHEN shop.u(s.rec, 'asks email') >= s.asks_email THEN NULL
            WHEN s.code <> 4 AND shop.u(s.rec, 'email error') < 0.010 THEN 'noreply@almacenesmaran.es'
            WHEN s.code <> 4 AND shop.u(s.rec, 'email error') < 0.016 THEN 'notiene@notiene.com'
            WHEN shop.u(s.rec, 'email error') < 0.026 THEN replace(s.email, '@', '@' || 'x')
            WHEN shop.u(s.rec, 'email error') < 0.034 THEN shop.typo(split_part(s.email, '@', 1), s.error / 11) || '@' || split_part(s.email, '@', 2)
            WHEN s.kind = 'person' AND s.mail_of IS NOT NULL THEN head.email
            WHEN s.kind = 'person' AND shop.u(s.rec, 'which email') < 0.05 THEN s.old_email
            ELSE s.email END AS email,
       CASE WHEN shop.u(s.rec, 'asks phone') >= s.asks_phone THEN NULL
            WHEN shop.u(s.rec, 'phone error') < 0.010 THEN '000000000'
            WHEN shop.u(s.rec, 'phone error') < 0.015 THEN '600000000'
            WHEN shop.u(s.rec, 'phone error') < 0.018 THEN '999999999'
            WHEN shop.u(s.rec, 'phone error') < 0.026 AND s.code = 2 THEN '912345600'
            WHEN shop.u(s.rec, 'phone error') < 0.036
              THEN overlay(s.mobile PLACING ((substr(s.mobile, 6, 1)::integer + 1 + shop.k(s.rec, 'digit', 8)) % 10)::text FROM 6 FOR 1)
            WHEN s.kind = 'organisation' THEN s.landline
            WHEN s.lends_phone AND shop.u(s.rec, 'which phone') < 0.5 THEN head.mobile
            WHEN shop.u(s.rec, 'which phone') < 0.08 THEN s.landline
            WHEN shop.u(s.rec, 'which phone') < 0.12 THEN s.old_mobile
            ELSE s.mobile END AS phone,
       CASE WHEN shop.u(s.rec, 'asks tax') >= CASE WHEN s.kind = 'person' THEN s.asks_tax ELSE 0.9 END THEN NULL
            WHEN s.kind = 'person' AND shop.u(s.rec, 'tax error') < 0.006 THEN '00000000T'
            WHEN s.kind = 'person' AND shop.u(s.rec, 'tax error') < 0.010 THEN '12345678Z'
            WHEN shop.u(s.rec, 'tax error') < 0.020 THEN left(s.tax_id, 2) || substr(s.tax_id, 4, 1) || substr(s.tax_id, 3, 1) || substr(s.tax_id, 5)
            WHEN shop.u(s.rec, 'tax error') < 0.026 THEN left(s.tax_id, 8) || 'I'
            ELSE s.tax_id END AS tax_id,
       CASE WHEN shop.u(s.rec, 'asks address') < s.asks_address THEN s.address_id END AS address_id
FROM said AS s
JOIN shop_build.person AS head ON head.person_id = s.household;
ALTER TABLE shop_build.trace ADD PRIMARY KEY (rec);
ANALYZE shop_build.presence, shop_build.trace;

-- Keys of one system quoted in another: the person's card, device and user name.
CREATE UNLOGGED TABLE shop_build.owned AS
SELECT p.person_id, card.source_key AS card,
       CASE WHEN app.rec IS NOT NULL THEN 'dev-' || substr(md5(CASE WHEN p.rank > 1 AND shop.u(p.person_id, 'tablet') < 0.08 THEN p.household ELSE p.person_id END || 'device'), 1, 12) END AS device,
       shop.small(left(shop.fold(p.given), 3) || replace(shop.fold(p.surname1), ' ', '')) || (p.person_id % 8999 + 11) AS username
FROM shop_build.person AS p
LEFT JOIN shop_build.presence AS card ON card.rec = p.person_id * 64 + 2 * 8
LEFT JOIN shop_build.presence AS app ON app.rec = p.person_id * 64 + 5 * 8
WHERE p.kind = 'person';
ALTER TABLE shop_build.owned ADD PRIMARY KEY (person_id);

-- How forms and clerks write.
CREATE FUNCTION shop.write_phone(phone text, style integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE style
    WHEN 0 THEN '+34 ' || substr(phone, 1, 3) || ' ' || substr(phone, 4, 3) || ' ' || substr(phone, 7)
    WHEN 1 THEN '+34' || phone
    WHEN 2 THEN '0034' || phone
    WHEN 3 THEN substr(phone, 1, 3) || ' ' || substr(phone, 4, 2) || ' ' || substr(phone, 6, 2) || ' ' || substr(phone, 8)
    WHEN 4 THEN substr(phone, 1, 3) || '-' || substr(phone, 4, 3) || '-' || substr(phone, 7)
    ELSE phone END
$$;
CREATE FUNCTION shop.write_tax(tax text, style integer) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
  SELECT CASE style WHEN 0 THEN shop.small(tax) WHEN 1 THEN left(tax, 8) || '-' || substr(tax, 9) WHEN 2 THEN 'ES' || tax ELSE tax END
$$;

CREATE UNLOGGED TABLE shop.web_customer AS
SELECT t.source_key AS customer_no,
       CASE WHEN t.kind = 'person' THEN CASE WHEN shop.u(t.rec, 'upper') < 0.06 THEN shop.capitals(t.given) WHEN shop.u(t.rec, 'lower') < 0.08 THEN shop.small(t.given) ELSE t.given END END AS first_name,
       CASE WHEN shop.u(t.rec, 'upper') < 0.06 THEN shop.capitals(n.surnames) WHEN shop.u(t.rec, 'lower') < 0.08 THEN shop.small(n.surnames)
            WHEN shop.u(t.rec, 'accents') < 0.4 THEN shop.fold(n.surnames) ELSE n.surnames END AS last_name,
       t.kind AS account_type,
       CASE WHEN t.impossible_birth AND t.born IS NOT NULL THEN '31/02/1985' ELSE to_char(t.born, 'DD/MM/YYYY') END AS birth_date,
       CASE WHEN shop.u(t.rec, 'mail case') < 0.06 THEN shop.capitals(t.email) ELSE t.email END AS email,
       shop.write_phone(t.phone, shop.k(t.rec, 'phone style', 9)) AS mobile,
       shop.write_tax(t.tax_id, shop.k(t.rec, 'tax style', 9)) AS tax_no,
       a.street || ', ' || a.house_no || coalesce(', ' || a.flat, '') AS street,
       a.postcode AS zip, a.city AS town, a.province, CASE WHEN a.postcode IS NOT NULL THEN 'ES' END AS country,
       CASE WHEN shop.u(t.rec, 'quotes card') < 0.25 THEN o.card END AS loyalty_no,
       CASE WHEN shop.u(t.rec, 'quotes device') < 0.3 THEN o.device END AS cookie,
       o.username || CASE t.copy WHEN 0 THEN '' ELSE '_' || t.copy END AS username,
       to_char(t.at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS updated_at
FROM shop_build.trace AS t
CROSS JOIN LATERAL (SELECT t.surname1 || coalesce(' ' || t.surname2, '') AS surnames) AS n
LEFT JOIN shop_build.address AS a USING (address_id)
LEFT JOIN shop_build.owned AS o USING (person_id)
WHERE t.code = 1;

CREATE UNLOGGED TABLE shop.loyalty_member AS
SELECT t.source_key AS num_tarjeta,
       shop.capitals(shop.fold(t.given)) AS nombre, shop.capitals(shop.fold(t.surname1)) AS apellido1, shop.capitals(shop.fold(t.surname2)) AS apellido2,
       CASE WHEN t.impossible_birth AND t.born IS NOT NULL THEN '19790230' ELSE to_char(t.born, 'YYYYMMDD') END AS fecha_nacimiento,
       CASE WHEN shop.u(t.rec, 'sex') < 0.9 THEN CASE t.sex WHEN 'M' THEN 'HOMBRE' ELSE 'MUJER' END END AS sexo,
       shop.write_phone(t.phone, shop.k(t.rec, 'phone style', 20)) AS telefono,
       t.email AS correo,
       shop.write_tax(t.tax_id, shop.k(t.rec, 'tax style', 12)) AS dni,
       shop.capitals(shop.fold(replace(replace(a.street, 'Calle ', 'C/ '), 'Avenida ', 'Avda. '))) || ' ' || a.house_no || coalesce(' ' || a.flat, '') AS direccion,
       CASE WHEN shop.u(t.rec, 'zero lost') < 0.3 THEN ltrim(a.postcode, '0') ELSE a.postcode END AS cp,
       shop.capitals(shop.fold(a.city)) AS poblacion, shop.capitals(shop.fold(a.province)) AS provincia,
       to_char(t.at, 'DD/MM/YYYY') AS fecha_alta,
       'E1' || shop.k(t.household, 'store', 10) || shop.k(t.rec, 'clerk', 6) AS empleado_alta
FROM shop_build.trace AS t
LEFT JOIN shop_build.address AS a USING (address_id)
WHERE t.code = 2;

CREATE UNLOGGED TABLE shop.call_contact AS
SELECT t.source_key AS contact_id,
       CASE WHEN t.kind = 'organisation' THEN shop.capitals(t.surname1 || coalesce(' ' || replace(t.surname2, '.', ''), ''))
            WHEN shop.u(t.rec, 'comma') < 0.7 THEN shop.capitals(shop.fold(t.surname1 || coalesce(' ' || t.surname2, '') || ', ' || t.given))
            ELSE shop.capitals(shop.fold(t.given || ' ' || t.surname1 || coalesce(' ' || t.surname2, ''))) END AS full_name,
       t.kind AS contact_type,
       shop.write_phone(t.phone, 9) AS phone_number, shop.small(t.email) AS email, t.tax_id AS doc_id,
       to_char(t.born, 'DD.MM.YYYY') AS birthday, a.postcode, a.city,
       to_char(t.at, 'DD.MM.YYYY HH24:MI') AS created,
       'E2' || lpad(shop.k(t.rec, 'agent', 12)::text, 2, '0') AS agent
FROM shop_build.trace AS t
LEFT JOIN shop_build.address AS a USING (address_id)
WHERE t.code = 3;

CREATE UNLOGGED TABLE shop.newsletter_subscriber AS
SELECT t.source_key AS subscriber_id, t.email,
       CASE WHEN shop.u(t.rec, 'gives name') < 0.85
            THEN t.given || CASE WHEN shop.u(t.rec, 'gives surname') < 0.65 THEN ' ' || t.surname1 || coalesce(' ' || t.surname2, '') ELSE '' END END AS name,
       a.postcode AS zip, to_char(t.born, 'YYYY-MM-DD') AS birthday,
       (ARRAY['web form', 'store tablet', 'prize draw', 'friend'])[1 + shop.k(t.rec, 'origin', 4)] AS origin,
       to_char(t.at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS subscribed_at
FROM shop_build.trace AS t
LEFT JOIN shop_build.address AS a USING (address_id)
WHERE t.code = 4;

CREATE UNLOGGED TABLE shop.app_user AS
SELECT t.source_key AS user_id,
       t.given || ' ' || t.surname1 || coalesce(' ' || t.surname2, '') AS display_name,
       t.email, shop.write_phone(t.phone, 1) AS phone, to_char(t.born, 'YYYY-MM-DD') AS birth_date, o.device AS device_id,
       CASE WHEN shop.u(t.rec, 'quotes card') < 0.4 THEN o.card END AS card_no,
       CASE WHEN shop.u(t.rec, 'quotes user name') < 0.5 THEN o.username END AS login,
       a.postcode AS zip,
       to_char(t.at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"') AS last_login
FROM shop_build.trace AS t
LEFT JOIN shop_build.address AS a USING (address_id)
LEFT JOIN shop_build.owned AS o USING (person_id)
WHERE t.code = 5;

CREATE UNLOGGED TABLE shop.crm_contact AS
SELECT t.source_key AS contact_no, t.kind AS contact_type,
       CASE WHEN t.kind = 'organisation'
            THEN t.surname1 || CASE shop.k(t.rec, 'form', 4) WHEN 0 THEN '' WHEN 1 THEN coalesce(' ' || replace(t.surname2, '.', ''), '') ELSE coalesce(', ' || t.surname2, '') END
            ELSE t.given || ' ' || t.surname1 || coalesce(' ' || t.surname2, '') END AS name,
       t.tax_id AS cif_nif, shop.write_phone(t.phone, shop.k(t.rec, 'phone style', 5)) AS phone, t.email,
       a.street || ' ' || a.house_no AS street, a.postcode AS zip, a.city, a.province,
       to_char(t.born, 'YYYY-MM-DD') AS birthday,
       'E3' || lpad(shop.k(t.household, 'rep', 8)::text, 2, '0') AS rep,
       to_char(t.at, 'YYYY-MM-DD') AS updated_on
FROM shop_build.trace AS t
LEFT JOIN shop_build.address AS a USING (address_id)
WHERE t.code = 6;
