-- Generates a Spanish omnichannel retailer as its systems would deliver it:
-- raw tables of text in schema shop, plus shop.truth, which says who is who and
-- which only the evaluation may read.
--
--   psql -v persons=3000 -v seed=2026 -v orders_per_person=4
--        -v touches_per_person=12 -f generate.sql
--
-- Every value is a hash of a key and the seed, so the same variables give the
-- same company on every machine; the calendar ends on 2026-06-30. Everything
-- is set-based: 100,000 persons with a million orders take about a minute.

\if :{?persons}
\else
  \set persons 3000
\endif
\if :{?seed}
\else
  \set seed 2026
\endif
\if :{?orders_per_person}
\else
  \set orders_per_person 4
\endif
\if :{?touches_per_person}
\else
  \set touches_per_person 12
\endif

SET client_min_messages = warning;
SET max_parallel_workers_per_gather = 2;
-- String literals with accents are read as they are written, whatever the locale.
SET client_encoding = 'UTF8';
SET timezone = 'UTC';
SET datestyle = 'ISO, YMD';

CREATE SCHEMA shop;
CREATE SCHEMA shop_build;

\ir generate_words.sql
\ir generate_people.sql
\ir generate_sources.sql
\ir generate_sales.sql
\ir generate_touches.sql
\ir generate_faults.sql

DROP SCHEMA shop_build CASCADE;
RESET max_parallel_workers_per_gather;
RESET client_min_messages;
