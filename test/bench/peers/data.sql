-- Loads one data set for the comparison with peers: -v set=NAME -v data=FOLDER
-- -v rows=N. Leaves the table peer.data with the columns to match, all text, and
-- id, and peer.truth (id, cluster_id). Columns that carry the truth stay out; so
-- do the ids of the sources, some of which name the cluster or number its records
-- one after the other. Records get numbers in an order that tells nothing.
SET client_min_messages = warning;
DROP SCHEMA IF EXISTS peer CASCADE;
CREATE SCHEMA peer;
SELECT :'set' = 'fake_1000' AS fake_1000, :'set' = 'febrl_dataset3' AS febrl_dataset3, :'set' = 'historical_50k' AS historical_50k \gset
\if :fake_1000
  CREATE TABLE peer.raw (unique_id text, first_name text, surname text, dob text, city text, email text, cluster text);
  \set cmd '\\copy peer.raw FROM ''' :data '/identity/fake_1000.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
  :cmd
  CREATE TABLE peer.data AS SELECT r.unique_id AS id, r.first_name, r.surname, r.dob, r.city, r.email FROM peer.raw AS r;
  CREATE TABLE peer.truth AS SELECT r.unique_id AS id, r.cluster AS cluster_id FROM peer.raw AS r;
\elif :febrl_dataset3
  CREATE TABLE peer.raw (rec_id text, given_name text, surname text, street_number text, address_1 text, address_2 text, suburb text, postcode text,
                         state text, date_of_birth text, soc_sec_id text);
  \set cmd '\\copy peer.raw FROM ''' :data '/identity/febrl_dataset3.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
  :cmd
  CREATE TABLE peer.data AS
  SELECT r.rec_id AS id, nullif(trim(r.given_name), '') AS given_name, nullif(trim(r.surname), '') AS surname,
         nullif(trim(r.street_number), '') AS street_number, nullif(trim(r.address_1), '') AS address_1, nullif(trim(r.address_2), '') AS address_2,
         nullif(trim(r.suburb), '') AS suburb, nullif(trim(r.postcode), '') AS postcode, nullif(trim(r.state), '') AS state,
         nullif(trim(r.date_of_birth), '') AS date_of_birth, nullif(trim(r.soc_sec_id), '') AS soc_sec_id
  FROM peer.raw AS r;
  CREATE TABLE peer.truth AS SELECT r.rec_id AS id, split_part(r.rec_id, '-', 2) AS cluster_id FROM peer.raw AS r;
\elif :historical_50k
  CREATE TABLE peer.raw (unique_id text, cluster text, full_name text, first_and_surname text, first_name text, surname text, dob text, birth_place text,
                         postcode_fake text, gender text, occupation text);
  \set cmd '\\copy peer.raw FROM ''' :data '/identity/historical_figures_with_errors_50k.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
  :cmd
  CREATE TABLE peer.data AS
  SELECT r.unique_id AS id, r.first_name, r.surname, r.dob, r.birth_place, r.postcode_fake, r.occupation FROM peer.raw AS r;
  CREATE TABLE peer.truth AS SELECT r.unique_id AS id, r.cluster AS cluster_id FROM peer.raw AS r;
\else
  DROP SCHEMA IF EXISTS match_bench CASCADE;
  \ir ../match_fixture.sql
  SET client_min_messages = warning;
  CREATE TABLE peer.data AS
  SELECT c.id, c.first_name, c.surname, c.birth_date, c.email, c.phone, c.city, c.postcode FROM match_bench.customer AS c ORDER BY c.id;
  CREATE TABLE peer.truth AS SELECT t.id, t.cluster_id FROM match_bench.truth AS t;
  DROP SCHEMA match_bench CASCADE;
\endif
DROP TABLE IF EXISTS peer.raw;
CREATE TABLE peer.number AS SELECT d.id::text AS source_id, row_number() OVER (ORDER BY md5(d.id::text || ' shuffled')) AS id FROM peer.data AS d;
ALTER TABLE peer.data RENAME TO source_data;
ALTER TABLE peer.truth RENAME TO source_truth;
CREATE TABLE peer.truth AS SELECT n.id, t.cluster_id FROM peer.source_truth AS t JOIN peer.number AS n ON n.source_id = t.id::text;
ALTER TABLE peer.source_data ADD COLUMN number bigint;
UPDATE peer.source_data AS d SET number = n.id FROM peer.number AS n WHERE n.source_id = d.id::text;
ALTER TABLE peer.source_data DROP COLUMN id;
ALTER TABLE peer.source_data RENAME COLUMN number TO id;
CREATE TABLE peer.data AS SELECT * FROM peer.source_data AS d ORDER BY d.id;
DROP TABLE peer.source_data, peer.source_truth, peer.number;
ALTER TABLE peer.data ADD PRIMARY KEY (id);
ANALYZE peer.data, peer.truth;
