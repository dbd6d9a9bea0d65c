-- Loading one raw customer row per person (and a second one for half of them):
-- crm.load() against the plain way: one INSERT .. SELECT that casts, tidies and
-- hashes with built-in functions, then the identifiers.
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm_load') \g /dev/null

CREATE TABLE bench.contact AS
SELECT 'W' || p.person AS contact_id, p.given_name AS first_name, p.surname AS last_name,
       to_char(p.birth_date, 'DD/MM/YYYY') AS born, p.email AS mail, substr(p.phone, 4) AS tel, p.postcode AS cp,
       'Calle Mayor ' || p.person % 200 AS street, 'Ciudad ' || p.person % 50 AS town, '2024-03-01' AS created
FROM bench.person AS p;
CREATE TABLE bench.member AS
SELECT 'M' || p.person AS card, upper(p.surname || ' ' || p.given_name) AS name, p.birth_date::text AS dob,
       CASE WHEN bench.unit(p.person, 30) < 0.6 THEN p.email END AS mail, p.phone AS tel, p.postcode AS cp, '2023-05-01' AS joined
FROM bench.person AS p
WHERE p.in_both;
ANALYZE bench.contact, bench.member;

CREATE TABLE bench.plain_record (
  record_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source text NOT NULL, source_key text NOT NULL, content_hash text NOT NULL, business_at timestamptz, trust integer,
  given_name text, surname text, name_key text, birth_date date, email text, phone text, postcode text, street text, city text,
  payload jsonb NOT NULL,
  UNIQUE (source, source_key)
);
CREATE TABLE bench.plain_identifier (
  kind text NOT NULL, value text NOT NULL, record_id bigint NOT NULL, PRIMARY KEY (kind, value, record_id)
);
CREATE INDEX ON bench.plain_identifier (record_id);

DO $bench$
DECLARE
  started timestamptz;
  ours double precision;
  plain double precision;
BEGIN
  PERFORM crm_load.add_source('web', 'web', 60);
  PERFORM crm_load.add_source('card', 'loyalty', 80);
  started := clock_timestamp();
  PERFORM crm_load.load('web', 'bench.contact', '{"key": "contact_id", "given_name": "first_name", "surname": "last_name",
    "birth_date": {"column": "born", "format": "DMY"}, "email": "mail", "phone": "tel", "postcode": "cp", "street": "street",
    "city": "town", "business_at": "created"}');
  ours := 1000 * extract(epoch FROM clock_timestamp() - started);

  started := clock_timestamp();
  INSERT INTO bench.plain_record (source, source_key, content_hash, business_at, trust, given_name, surname, name_key, birth_date,
                                  email, phone, postcode, street, city, payload)
  SELECT 'web', c.contact_id, md5(c::text), c.created::timestamptz, 60, trim(c.first_name), trim(c.last_name),
         (SELECT string_agg(w, ' ' ORDER BY w)
          FROM regexp_split_to_table(lower(translate(c.first_name || ' ' || c.last_name, 'áéíóúüñÁÉÍÓÚÜÑ', 'aeiouunAEIOUUN')), '[^a-z]+') AS w),
         to_date(c.born, 'DD/MM/YYYY'), lower(trim(c.mail)), '+34' || right(regexp_replace(c.tel, '[^0-9]', '', 'g'), 9),
         lpad(c.cp, 5, '0'), c.street, c.town, to_jsonb(c)
  FROM bench.contact AS c
  ON CONFLICT (source, source_key) DO UPDATE SET payload = excluded.payload
    WHERE bench.plain_record.content_hash <> excluded.content_hash;
  INSERT INTO bench.plain_identifier (kind, value, record_id)
  SELECT i.kind, i.value, r.record_id
  FROM bench.plain_record AS r
  CROSS JOIN LATERAL (VALUES ('email', r.email), ('phone', r.phone), ('name_birth', r.name_key || '|' || r.birth_date),
                             ('name_postcode', r.name_key || '|' || r.postcode)) AS i(kind, value)
  WHERE i.value IS NOT NULL;
  plain := 1000 * extract(epoch FROM clock_timestamp() - started);
  INSERT INTO bench_result VALUES (format('load %s customer rows', (SELECT count(*) FROM bench.contact)), ours, plain);

  started := clock_timestamp();
  PERFORM crm_load.load('web', 'bench.contact', '{"key": "contact_id", "given_name": "first_name", "surname": "last_name",
    "birth_date": {"column": "born", "format": "DMY"}, "email": "mail", "phone": "tel", "postcode": "cp", "street": "street",
    "city": "town", "business_at": "created"}');
  INSERT INTO bench_result VALUES ('load the same rows again (no change)', 1000 * extract(epoch FROM clock_timestamp() - started), NULL);

  -- The second source, for the benchmark of resolve().
  PERFORM crm_load.load('card', 'bench.member', '{"key": "card", "full_name": "name", "birth_date": "dob", "email": "mail",
    "phone": "tel", "postcode": "cp", "loyalty_card": "card", "business_at": "joined"}');
  INSERT INTO bench.plain_record (source, source_key, content_hash, business_at, trust, surname, name_key, birth_date, email, phone,
                                  postcode, payload)
  SELECT 'card', m.card, md5(m::text), m.joined::timestamptz, 80, m.name,
         (SELECT string_agg(w, ' ' ORDER BY w)
          FROM regexp_split_to_table(lower(translate(m.name, 'áéíóúüñÁÉÍÓÚÜÑ', 'aeiouunAEIOUUN')), '[^a-z]+') AS w),
         m.dob::date, lower(trim(m.mail)), '+34' || right(m.tel, 9), lpad(m.cp, 5, '0'), to_jsonb(m)
  FROM bench.member AS m;
  INSERT INTO bench.plain_identifier (kind, value, record_id)
  SELECT i.kind, i.value, r.record_id
  FROM bench.plain_record AS r
  CROSS JOIN LATERAL (VALUES ('email', r.email), ('phone', r.phone), ('name_birth', r.name_key || '|' || r.birth_date),
                             ('name_postcode', r.name_key || '|' || r.postcode)) AS i(kind, value)
  WHERE i.value IS NOT NULL AND r.source = 'card';
END
$bench$;
ANALYZE crm_load.source_record, crm_load.identifier, bench.plain_record, bench.plain_identifier;
