-- The identity toolbox on real names: Contoso Coffee (same people in two files,
-- misspelt and swapped names, phones written in many ways) and the name
-- statistics of Spain (who is mistaken for whom). Run by
-- psql -v data=DIR -v ON_ERROR_STOP=1.
SET client_min_messages = warning;
\o /dev/null

-- Fails unless a value is what it must be.
CREATE FUNCTION pg_temp.expect(what text, got numeric, lowest numeric, highest numeric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF got IS NULL OR got < lowest OR got > highest THEN
    RAISE EXCEPTION '%: found %, expected % to %', what, got, lowest, highest;
  END IF;
END
$$;

CREATE TABLE contact (
  contact_id text, first_name text, last_name text, full_name text, birth_date text, gender text, email text, phone text, postcode text, street text,
  city text, state text, country text, created_on text, tier text, subscriber text, income text, occupation text, satisfaction text);
CREATE TABLE loyalty (
  loyalty_id text, contact_id text, first_name text, last_name text, full_name text, birth_date text, gender text, email text, phone text,
  points text, card text, created_on text);
CREATE TABLE men (name text, bearers bigint, age numeric);
CREATE TABLE women (name text, bearers bigint, age numeric);
\set cmd '\\copy contact FROM ''' :data '/contoso_coffee/Contact.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy loyalty FROM ''' :data '/contoso_coffee/Customer-Loyalty.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy men FROM ''' :data '/identity/es_hombres.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy women FROM ''' :data '/identity/es_mujeres.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd

-- Same person in both files: 5,000, of whom 2,263 + 1,217 have equal words, 1,405
-- one letter wrong and 115 two.
CREATE TABLE same AS
SELECT omnicrm.name_similarity(c.full_name, l.full_name) AS similarity, omnicrm.name_key(c.full_name) = omnicrm.name_key(l.full_name) AS same_key,
       omnicrm.normalize_phone(c.phone, 'US') AS phone_a, omnicrm.normalize_phone(l.phone, 'US') AS phone_b, c.phone AS raw_a, l.phone AS raw_b,
       omnicrm.normalize_email(c.email) = omnicrm.normalize_email(l.email) AS same_email,
       omnicrm.parse_date(c.birth_date, 'MDY') = omnicrm.parse_date(l.birth_date, 'YMD') AS same_birth,
       omnicrm.normalize_postcode(c.postcode, c.country) AS postcode, omnicrm.parse_number(c.income) AS income, omnicrm.normalize_gender(c.gender) AS gender
FROM contact AS c JOIN loyalty AS l USING (contact_id);
SELECT pg_temp.expect('same words', count(*) FILTER (WHERE same_key), 3480, 3480),
       pg_temp.expect('similarity of same words', count(*) FILTER (WHERE same_key AND similarity = 1), 3480, 3480),
       pg_temp.expect('one letter or more', count(*) FILTER (WHERE similarity >= 0.93), 4880, 5000),
       pg_temp.expect('two letters', count(*) FILTER (WHERE similarity >= 0.85), 4978, 5000),
       pg_temp.expect('above the limit of e-mail', count(*) FILTER (WHERE similarity >= 0.72), 4998, 5000),
       pg_temp.expect('e-mails', count(*) FILTER (WHERE same_email), 4999, 4999),
       pg_temp.expect('birth dates', count(*) FILTER (WHERE same_birth), 4997, 4997),
       pg_temp.expect('phones', count(*) FILTER (WHERE phone_a = phone_b), 4998, 4998),
       pg_temp.expect('phones as text', count(*) FILTER (WHERE raw_a = raw_b), 0, 4133),
       pg_temp.expect('postcodes', count(postcode), 5000, 5000), pg_temp.expect('incomes', count(income), 4900, 5000), pg_temp.expect('genders', count(gender), 5000, 5000)
FROM same;

-- Different people: 2 million pairs.
SELECT pg_temp.expect('strangers above the limit of e-mail', count(*) FILTER (WHERE s >= 0.72), 0, 200),
       pg_temp.expect('strangers above the limit of name and birth date', count(*) FILTER (WHERE s >= 0.9), 0, 60)
FROM (SELECT omnicrm.name_similarity(a.full_name, b.full_name) AS s
      FROM (SELECT * FROM contact ORDER BY contact_id LIMIT 2000) AS a JOIN (SELECT * FROM loyalty ORDER BY loyalty_id LIMIT 1000) AS b ON a.contact_id <> b.contact_id) AS p;

-- Sisters and brothers: two of the 500 most frequent names of men and women with
-- the same surnames, weighted by bearers. Names of which one contains the other
-- (Ana, Ana María) or is a form of the other (José, Josep) may be one person.
CREATE TABLE siblings AS
WITH given AS (
  (SELECT name, bearers FROM men ORDER BY bearers DESC, name COLLATE "C" LIMIT 500)
  UNION ALL
  (SELECT name, bearers FROM women ORDER BY bearers DESC, name COLLATE "C" LIMIT 500)
)
SELECT a.name AS a, b.name AS b, a.bearers::numeric * b.bearers AS weight,
       omnicrm.name_similarity(a.name || ' GARCÍA LÓPEZ', b.name || ' GARCÍA LÓPEZ') AS similarity
FROM given AS a JOIN given AS b ON a.name COLLATE "C" < b.name COLLATE "C";
SELECT pg_temp.expect('siblings taken for one, in percent', 100 * sum(weight) FILTER (WHERE similarity >= 0.7) / sum(weight), 0, 1.5),
       pg_temp.expect('siblings with no word in common taken for one, in percent',
                      100 * sum(weight) FILTER (WHERE similarity >= 0.7 AND NOT string_to_array(a, ' ') && string_to_array(b, ' ')) / sum(weight), 0, 0.2),
       pg_temp.expect('siblings of two genders taken for one', count(*) FILTER (WHERE a IN ('JOSE', 'JUAN', 'ANTONIO') AND b IN ('MARIA', 'JUANA', 'JOSEFA') AND similarity >= 0.7), 0, 0)
FROM siblings;
\o
SELECT 'identity_names: ' || round(100 * sum(weight) FILTER (WHERE similarity >= 0.7) / sum(weight), 2) || ' % of siblings above 0.7, '
       || round(100 * sum(weight) FILTER (WHERE similarity >= 0.7 AND NOT string_to_array(a, ' ') && string_to_array(b, ' ')) / sum(weight), 3) || ' % without a word in common' AS result
FROM siblings;
