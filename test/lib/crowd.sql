-- A crowded town for tests of records that come, change and go: 45 people, of whom
-- two sources say things with errors; a model of such records; and all that follows
-- from the records, to be compared with what a full run makes of them. The limits
-- are low, so that values become over-shared and keys common, and few enough again,
-- and of records with the same values one stands for many.
\set ECHO none
SET client_min_messages = warning;
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') \g /dev/null
CREATE SCHEMA t;
SELECT crm.add_source('web', 'web', 60), crm.add_source('shop', 'shop', 80) \g /dev/null

CREATE FUNCTION t.pick(seed bigint, salt integer, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
  SELECT (abs(hashint8extended(seed, salt) % n))::integer
$$;
-- What a source says of somebody, with errors; NULL members are left out.
CREATE FUNCTION t.said(seed bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN t.pick(seed, 1, 12) = 0 THEN '{"given_name": "María", "surname": "García", "city": "Madrid"}'::jsonb ELSE
    jsonb_strip_nulls(jsonb_build_object(
      'given_name', (ARRAY['María', 'Maria', 'Antonio', 'Carmen', 'José', 'Pepe', 'Ana', 'Luis'])[1 + t.pick(p.person, 2, 8)],
      'surname', (ARRAY['García López', 'Garcia Lopes', 'Ruiz Pérez', 'Ruiz', 'Soto Gil', 'Vega Díaz'])[1 + t.pick(p.person, 3, 6)]
                 || CASE WHEN t.pick(seed, 4, 6) = 0 THEN 'z' ELSE '' END,
      'birth_date', CASE WHEN t.pick(seed, 5, 3) > 0 THEN date '1960-01-01' + t.pick(p.person, 6, 9000) + 10 * (t.pick(seed, 7, 9) / 8) END,
      'email', CASE t.pick(seed, 8, 4) WHEN 0 THEN 'p' || p.person || '@correo.es' WHEN 1 THEN 'casa' || p.person / 8 || '@correo.es' END,
      'phone', CASE t.pick(seed, 9, 4) WHEN 0 THEN '6001' || lpad((10007 * p.person)::text, 5, '0') WHEN 1 THEN '91555' || lpad((p.person / 9)::text, 4, '0') END,
      'postcode', CASE WHEN t.pick(seed, 10, 2) = 0 THEN '280' || lpad((p.person % 7)::text, 2, '0') END,
      'city', CASE WHEN t.pick(seed, 11, 2) = 0 THEN (ARRAY['Madrid', 'Getafe', 'Toledo'])[1 + p.person % 3] END)) END
  FROM (SELECT t.pick(seed, 12, 45) AS person) AS p
$$;

CREATE TABLE t.sample AS
SELECT n AS id, s.given_name, s.surname, s.birth_date, s.email, s.phone, NULL::text AS tax_id, NULL::text AS street, s.postcode, s.city
FROM generate_series(1, 900) AS n
CROSS JOIN LATERAL jsonb_to_record(t.said(n)) AS s(given_name text, surname text, birth_date date, email text, phone text, postcode text, city text);
SELECT crm.set_match_model(omnicrm.match_train('t.sample', 'id',
  '{"given_name": "given_name", "surname": "surname", "birth_date": "birth_date", "email": "email", "phone": "phone", "postcode": "postcode", "city": "city"}',
  '{"threshold": 6, "review": -2, "max_block": 9, "max_weak_block": 5, "max_value_block": 6}')) \g /dev/null
UPDATE crm.match_rule SET max_records = 4 WHERE kind IN ('email', 'phone', 'name_birth', 'name_postcode');
SELECT crm.ingest('web', 'first', t.said(0)) \g /dev/null
SELECT crm.resolve() \g /dev/null

\ir full_run.sql
\set ECHO all
