-- The customers of the demo's company, taken in one by one and in batches by
-- crm.ingest(), in random order, with all of their sources: customers, links and
-- candidates are those of a full run, and the customers those of one load.
-- Run by psql -v ON_ERROR_STOP=1 [-v orders=20] [-v persons=300].
\if :{?orders}
\else
  \set orders 2
\endif
\if :{?persons}
\else
  \set persons 300
\endif
\set orders_per_person 1
\set touches_per_person 1
\ir generate.sql
\ir load.sql
\o
SET client_min_messages = warning;
CREATE SCHEMA t;
CREATE TABLE t.person AS
SELECT s.name AS source, s.region, r.source_key AS key,
       jsonb_strip_nulls(jsonb_build_object(
         'full_name', r.full_name, 'given_name', r.given_name, 'surname', r.surname, 'birth_date', r.birth_date, 'email', r.email, 'phone', r.phone,
         'tax_id', r.tax_id, 'street', r.street, 'postcode', r.postcode, 'city', r.city, 'loyalty_card', r.loyalty_card, 'device', r.device,
         'username', r.username)) AS attributes
FROM crm.source_record AS r
JOIN crm.source AS s USING (source_id);
SET client_min_messages = error;
DROP SCHEMA crm, crm_bi CASCADE;
SET client_min_messages = warning;

\ir ../lib/one_load.sql
\set order 1
SELECT set_config('t.order', '1', false) \g /dev/null
\ir ../lib/random_order.sql
SELECT format('ingest: %s records in %s orders, %s customers', (SELECT count(*) FROM t.person), :orders, (SELECT count(DISTINCT leader) FROM t.partition));
