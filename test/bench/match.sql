-- The matching engine on generated customers, ten for each customer of the run
-- (1 million by default) and a tenth of them, to see how time grows. The peers
-- are measured in test/bench/peers; plain SQL has nothing of the kind.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS bench_result (work text NOT NULL, ours_ms double precision NOT NULL, plain_ms double precision);
\set all_rows :customers 0
\set rows :customers
\ir match_fixture.sql
\ir match_run.sql
DROP SCHEMA match_bench CASCADE;
\set rows :all_rows
\ir match_fixture.sql
\ir match_run.sql
DROP SCHEMA match_bench CASCADE;
