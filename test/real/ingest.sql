-- Real records, of which several speak of one person, taken in one by one and in
-- batches by crm.ingest(), in random order: customers, links and candidates are
-- those of a full run, and the customers those of one load. Births are moved into
-- the century of the living, since no others are plausible.
-- Run by psql -v data=DIR -v ON_ERROR_STOP=1 [-v orders=20] [-v records=5000].
SET client_min_messages = warning;
\if :{?orders}
\else
  \set orders 2
\endif
\if :{?records}
\else
  \set records 5000
\endif
CREATE SCHEMA t;
CREATE TABLE t.historical (
  unique_id text, cluster text, full_name text, first_and_surname text, first_name text, surname text, dob text, birth_place text,
  postcode_fake text, gender text, occupation text, n bigint GENERATED ALWAYS AS IDENTITY);
\set cmd '\\copy t.historical (unique_id, cluster, full_name, first_and_surname, first_name, surname, dob, birth_place, postcode_fake, gender, occupation) FROM ''' :data '/identity/historical_figures_with_errors_50k.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
CREATE TABLE t.person AS
SELECT 'archive' AS source, 'GB' AS region, md5(h.unique_id) AS key,
       jsonb_strip_nulls(jsonb_build_object('given_name', h.first_name, 'surname', h.surname, 'birth_date', '19' || substr(h.dob, 3), 'city', h.birth_place,
                                            'postcode', h.postcode_fake)) AS attributes
FROM t.historical AS h
WHERE h.n <= :records;

\ir ../lib/one_load.sql
\set order 1
SELECT set_config('t.order', '1', false) \g /dev/null
\ir ../lib/random_order.sql
SELECT format('ingest: %s records in %s orders, %s customers', :records, :orders, (SELECT count(DISTINCT leader) FROM t.partition));
