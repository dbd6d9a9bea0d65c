-- Rows of customers as they are read: omnicrm.read_customer() and omnicrm.customer_identifiers().
SET client_min_messages = warning;
SET timezone = 'America/New_York';
SET datestyle = 'German';
\pset null -

-- The members that are there, of a record.
CREATE FUNCTION pg_temp.told(record jsonb, region text DEFAULT 'ES') RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_strip_nulls(to_jsonb(c)) - 'content_hash' FROM omnicrm.read_customer(record, region, 'f ', '2024-06-30') AS c
$$;
SELECT jsonb_pretty(pg_temp.told('{"key": " 17 ", "given_name": " Ana  María", "surname": "García", "birth_date": "29/02/1980", "gender": "F", "email": "Ana.Garcia+x@GMAIL.com",
  "phone": "600 111 222", "tax_id": "87654321-x", "street": "C/ Mayor 1", "postcode": 8001, "city": "Barcelona", "country": "ES", "loyalty_card": "ab-12.3 4",
  "device": "d1", "username": "ANA", "business_at": "2024-01-02T23:30:00-05:00", "entered_by": "e1", "attributes": {"club": true, "none": null}}'));
-- What is rejected, and why; what is implausible.
SELECT r.says, r.told - 'quality' AS told, r.told ->> 'quality' AS quality
FROM (SELECT says, pg_temp.told(says) AS told FROM unnest(ARRAY[
  '{"key": "1", "full_name": "unknown", "given_name": "x", "email": "none@none.com", "phone": "000000000", "tax_id": "00000000T", "birth_date": "1900-01-01", "postcode": "00000"}',
  '{"key": "2", "full_name": "Ana Gil", "email": "ana", "phone": "1", "tax_id": "12345678A", "birth_date": "31/02/1980", "postcode": "99", "gender": "??", "business_at": "soon"}',
  '{"key": "3", "full_name": "Ana Gil", "birth_date": "2024-06-30"}',
  '{"key": "4", "full_name": "Ana Gil", "birth_date": "2010-07-01"}',
  '{"key": "5", "full_name": "Ana Gil", "birth_date": "2010-06-30"}',
  '{"key": "6", "full_name": "Ana Gil", "birth_date": "1914-06-29"}',
  '{"key": "7", "full_name": "Ana Gil", "birth_date": "1914-06-30"}',
  '{"key": "8", "full_name": "Ana Gil", "birth_date": "2000-01-01", "business_at": "2000-01-01"}',
  '{"key": "9", "full_name": "Ana Gil", "birth_date": "1886-02-28", "business_at": "1996-02-29"}',
  '{"key": "10", "full_name": "Ana Gil", "kind": "robot", "loyalty_card": " -. ", "device": "n/a", "username": "guest"}',
  '{"key": "11", "full_name": "Sol SL", "kind": " Empresa "}',
  '{"key": "12", "full_name": "Sol SL", "tax_id": "B58818501"}',
  '{"key": "13", "surname": "Gil", "attributes": {"none": null}}',
  '{"key": "14", "attributes": 3, "city": "Vigo"}',
  '{"key": " ", "full_name": "Ana Gil"}',
  '{}']::jsonb[]) AS says) AS r;
SELECT c.full_name, c.flags, c.rule, c.detail FROM omnicrm.read_customer(jsonb_build_object('key', repeat('ñ', 501), 'full_name', repeat('x', 1001), 'device', repeat('d', 401)), 'ES', '', '2024-06-30') AS c;
-- The country of the record goes before that of its source.
SELECT region, says ->> 'country' AS country, told ->> 'phone' AS phone, told ->> 'postcode' AS postcode
FROM (SELECT v.*, pg_temp.told(v.says, v.region) AS told
      FROM (VALUES ('{"phone": "600111222", "postcode": "8001"}'::jsonb, 'ES'), ('{"phone": "600111222", "postcode": "8001"}', 'PT'),
                   ('{"phone": "600111222", "postcode": "8001", "country": "Spain"}', 'PT')) AS v(says, region)) AS t;
SELECT omnicrm.read_customer('[]', 'ES', '', '2024-06-30');
SELECT omnicrm.read_customer('{}', 'ES', NULL, '2024-06-30') IS NULL AS strict;

-- Texts and typed dates give the same as an object.
SELECT a = b AS same, b.content_hash = omnicrm.content_hash('f ' || says::text) AS hashed
FROM (SELECT '{"key": "1", "full_name": "Ana Gil", "birth_date": "1980-05-06", "email": "ana@mail.es", "business_at": "2024-01-02"}'::jsonb AS says) AS s
CROSS JOIN LATERAL omnicrm.read_customer(says, 'ES', 'f ', '2024-06-30') AS a
CROSS JOIN LATERAL omnicrm.read_customer('1', NULL, 'Ana Gil', NULL, NULL, '-', NULL, 'ana@mail.es', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '-', NULL,
  '1980-05-06', '2024-01-02 00:00+00', '2024-01-02', NULL, says, 'ES', 'f ', '2024-06-30') AS b;
SELECT c.birth_date, c.flags, c.quality FROM omnicrm.read_customer('1', NULL, 'Ana Gil', NULL, NULL, 'infinity', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
  NULL, 'infinity', NULL, '-infinity', NULL, '{}', NULL, '', '2024-06-30') AS c;

-- Digits stand in the order of the columns that survive.
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT s.attribute, s.position
FROM unnest(crm.survivorship_columns()) WITH ORDINALITY AS s(attribute, position)
CROSS JOIN LATERAL omnicrm.read_customer(jsonb_build_object('key', '1', 'full_name', 'Ana Gil', 'given_name', 'Ana', 'surname', 'Gil', 'birth_date', '1980-05-06', 'gender', 'F', 'email',
  'ana@mail.es', 'phone', '600111222', 'tax_id', '87654321X', 'street', 'Mayor', 'postcode', '08001', 'city', 'Vigo', 'province', 'Vigo', 'country', 'ES', 'loyalty_card', 'l', 'username', 'u')
  - s.attribute, 'ES', '', '2024-06-30') AS c
WHERE strpos(c.quality, '0') <> CASE WHEN s.attribute <> 'full_name' THEN s.position ELSE 0 END;
DROP SCHEMA crm, crm_bi CASCADE;

-- Identifiers: a name needs two words, or three beside a postcode where people bear two surnames.
SELECT v.name, v.born, v.region, string_agg(i.kind || ' ' || i.value, ', ' ORDER BY i.kind) AS identifiers
FROM (VALUES ('ana', date '1980-05-06', 'ES'), ('ana gil', '1980-05-06', 'ES'), ('ana gil mas', '1914-06-30', 'ES'), ('ana gil', '1914-07-01', 'FR'), ('ana gil', NULL, NULL)) AS v(name, born, region)
CROSS JOIN LATERAL omnicrm.customer_identifiers(NULL, NULL, NULL, NULL, NULL, NULL, v.name, v.born, '08001', v.region, '2024-06-30') AS i
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
SELECT array_agg(i.kind ORDER BY i.kind) AS kinds, bool_and(hashtextextended(i.value, 0) > coalesce(i.before, -9223372036854775808)) AS ascending
FROM (SELECT i.*, lag(hashtextextended(i.value, 0)) OVER () AS before
      FROM omnicrm.customer_identifiers('d', 'e', 'l', 'p', 't', 'u', 'ana gil mas', '1980-05-06', '08001', 'ES', '2024-06-30') AS i) AS i;
SELECT count(*) AS none FROM omnicrm.customer_identifiers(repeat('d', 401), NULL, NULL, NULL, NULL, NULL, repeat('n', 395) || ' n', '1980-05-06', '08001', NULL, NULL);

-- Calls that are none.
\set SHOW_CONTEXT never
SELECT omnicrm.require_customers('[]') AS none, omnicrm.require_customers('[{}, {"key": 1, "full_name": null, "attributes": {"a": [1]}}, {"attributes": null, "gender": true}]') AS three;
SELECT omnicrm.require_customers('{}');
SELECT omnicrm.require_customers('"[]"');
SELECT omnicrm.require_customers('[{}, "ñññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññññ"]');
SELECT omnicrm.require_customers('[{"zz": 1, "email": {}, "phones": []}]');
SELECT omnicrm.require_customers('[{"zz": 1, "b''ñ": {}}]');
SELECT omnicrm.require_customers('[{"attributes": "x"}]');
