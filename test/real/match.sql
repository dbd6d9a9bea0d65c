-- The matching engine on real data with known entities, by its defaults: nothing
-- but the kinds of the columns is told. The columns of the truth are no fields.
-- Run by psql -v data=DIR -v ON_ERROR_STOP=1.
SET client_min_messages = warning;
\o /dev/null

-- Fails unless a value is what it must be.
CREATE FUNCTION pg_temp.expect(what text, got numeric, lowest numeric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF got IS NULL OR got < lowest THEN
    RAISE EXCEPTION '%: found %, expected at least %', what, round(got, 4), lowest;
  END IF;
END
$$;

CREATE TABLE historical (
  unique_id text, cluster text, full_name text, first_and_surname text, first_name text, surname text, dob text, birth_place text,
  postcode_fake text, gender text, occupation text);
CREATE TABLE febrl (
  rec_id text, given_name text, surname text, street_number text, address_1 text, address_2 text, suburb text, postcode text, state text,
  date_of_birth text, soc_sec_id text);
CREATE TABLE fake (unique_id integer, first_name text, surname text, dob text, city text, email text, cluster integer);
\set cmd '\\copy historical FROM ''' :data '/identity/historical_figures_with_errors_50k.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy febrl FROM ''' :data '/identity/febrl_dataset3.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy fake FROM ''' :data '/identity/fake_1000.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd

-- Records of one entity follow each other and tell it in their ids (rec-552-dup-3):
-- other ids, in another order, tell nothing.
ALTER TABLE historical ADD id text GENERATED ALWAYS AS (md5(unique_id)) STORED;
ALTER TABLE febrl ADD id text GENERATED ALWAYS AS (md5(rec_id)) STORED;
ALTER TABLE fake ADD id text GENERATED ALWAYS AS (md5(unique_id::text)) STORED;
CREATE TABLE truth AS
SELECT 'historical' AS name, id, cluster AS cluster_id FROM historical
UNION ALL
SELECT 'febrl', id, split_part(rec_id, '-', 2) FROM febrl
UNION ALL
SELECT 'fake', id, cluster::text FROM fake;

CREATE TABLE found (name text, id text, cluster_id bigint);
INSERT INTO found
SELECT 'historical', *
FROM omnicrm.resolve_entities('historical', 'id',
  '{"first_name": "given_name", "surname": "surname", "dob": "birth_date", "birth_place": "city", "postcode_fake": "postcode",
    "gender": "category", "occupation": "text"}');
INSERT INTO found
SELECT 'febrl', *
FROM omnicrm.resolve_entities('febrl', 'id',
  '{"given_name": "given_name", "surname": "surname", "street_number": "text", "address_1": "address", "address_2": "text",
    "suburb": "city", "postcode": "postcode", "state": "category", "date_of_birth": "birth_date", "soc_sec_id": "code"}');
INSERT INTO found
SELECT 'fake', *
FROM omnicrm.resolve_entities('fake', 'id',
  '{"first_name": "given_name", "surname": "surname", "dob": "birth_date", "city": "city", "email": "email"}');

CREATE TABLE result (name text, evaluation omnicrm.match_evaluation);
CREATE VIEW one_found AS SELECT id, cluster_id FROM found WHERE name = current_setting('test.name');
CREATE VIEW one_truth AS SELECT id, cluster_id FROM truth WHERE name = current_setting('test.name');
SET test.name = 'historical';
INSERT INTO result SELECT current_setting('test.name'), e FROM omnicrm.match_evaluate('one_found', 'one_truth') AS e;
SET test.name = 'febrl';
INSERT INTO result SELECT current_setting('test.name'), e FROM omnicrm.match_evaluate('one_found', 'one_truth') AS e;
SET test.name = 'fake';
INSERT INTO result SELECT current_setting('test.name'), e FROM omnicrm.match_evaluate('one_found', 'one_truth') AS e;

SELECT pg_temp.expect(name || ', records', (evaluation).records::numeric, CASE name WHEN 'historical' THEN 50578 WHEN 'febrl' THEN 5000 ELSE 1000 END),
       pg_temp.expect(name || ', F1', (evaluation).f1::numeric, CASE name WHEN 'historical' THEN 0.93 WHEN 'febrl' THEN 0.996 ELSE 0.87 END),
       pg_temp.expect(name || ', B-cubed', (evaluation).b_cubed_f1::numeric, CASE name WHEN 'historical' THEN 0.94 WHEN 'febrl' THEN 0.996 ELSE 0.87 END)
FROM result;
\o
SELECT 'match: ' || string_agg(format('%s F1 %s, B3 %s', name, round((evaluation).f1::numeric, 4), round((evaluation).b_cubed_f1::numeric, 4)), '; ' ORDER BY name DESC)
FROM result;
