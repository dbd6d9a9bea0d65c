-- crm.ingest() in a hub of ten records for each customer of the run (1 million by
-- default): generated persons of five kinds of errors, each met up to :met (6)
-- times, loaded and resolved with a model. One record in a hundred is held back and
-- then comes in, one transaction each, as a new record or as a change of one that is
-- there; then more in batches of 500. Plain SQL has nothing of the kind.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS bench_result (work text NOT NULL, ours_ms double precision NOT NULL, plain_ms double precision);
\if :{?met}
\else
  \set met 6
\endif
\set rows :customers 0
\set largest :met
\ir match_fixture.sql
SELECT omnicrm.deploy('crm_ingest') IS NOT NULL AS deployed;
SELECT crm_ingest.add_source('bench', 'web', 60);
CREATE VIEW match_bench.first AS SELECT * FROM match_bench.customer WHERE id % 100 <> 7;
DO $$
DECLARE
  started timestamptz := clock_timestamp();
  run crm_ingest.run_log;
BEGIN
  PERFORM crm_ingest.load('bench', 'match_bench.first', '{"key": "id", "given_name": "first_name", "surname": "surname", "birth_date": "birth_date", "email": "email",
                                                          "phone": "phone", "city": "city", "postcode": "postcode"}');
  INSERT INTO bench_result
  SELECT 'load ' || to_char(count(*), 'FM999,999,999') || ' records of persons', 1000 * extract(epoch FROM clock_timestamp() - started) FROM crm_ingest.source_record;
  started := clock_timestamp();
  run := crm_ingest.resolve();
  INSERT INTO bench_result
  SELECT format('resolve them into %s customers, a model trained, keys for crm.ingest() filled (%s s)', to_char((run.counts ->> 'created')::bigint, 'FM999,999,999'),
                round((run.counts #>> '{ms,keys}')::numeric / 1000)), 1000 * extract(epoch FROM clock_timestamp() - started);
END $$;
VACUUM ANALYZE crm_ingest.source_record, crm_ingest.identifier, crm_ingest.customer, crm_ingest.customer_member, crm_ingest.match_link,
  crm_ingest.match_candidate, crm_ingest.match_compared, crm_ingest.match_common_key, crm_ingest.resolve_queue, match_bench.customer;

CREATE TABLE match_bench.taken (ms double precision NOT NULL, what text NOT NULL);
CREATE PROCEDURE match_bench.take_in(what text, first_id bigint, records integer) LANGUAGE plpgsql AS $$
DECLARE
  r record;
  said jsonb;
  started timestamptz;
BEGIN
  -- A change: somebody who is there has a new phone.
  FOR r IN SELECT c.* FROM match_bench.customer AS c WHERE (c.id % 100 = 7) = (what <> 'changed') AND c.id > first_id ORDER BY c.id LIMIT records LOOP
    said := jsonb_strip_nulls(jsonb_build_object('given_name', r.first_name, 'surname', r.surname, 'birth_date', r.birth_date, 'email', r.email,
                                                 'phone', CASE WHEN what = 'changed' THEN '6' || lpad((r.id * 7919 % 100000000)::text, 8, '0') ELSE r.phone END, 'city', r.city,
                                                 'postcode', r.postcode));
    started := clock_timestamp();
    PERFORM crm_ingest.ingest('bench', r.id::text, said);
    COMMIT;
    INSERT INTO match_bench.taken VALUES (1000 * extract(epoch FROM clock_timestamp() - started), what);
  END LOOP;
END $$;
CALL match_bench.take_in('warm', 0, 50);
SELECT max(c.id) / 8 AS from_new, max(c.id) / 2 AS from_changed FROM match_bench.customer AS c
\gset
CALL match_bench.take_in('new', :from_new, 1000);
CALL match_bench.take_in('changed', :from_changed, 500);
INSERT INTO bench_result
SELECT format('crm.ingest, one %s record, its transaction included: %s of %s calls', t.what, p.name, count(*)),
       percentile_disc(p.fraction) WITHIN GROUP (ORDER BY t.ms)
FROM match_bench.taken AS t
CROSS JOIN (VALUES ('median', 0.5), ('99 of 100', 0.99)) AS p(name, fraction)
WHERE t.what <> 'warm'
GROUP BY t.what, p.name, p.fraction
ORDER BY t.what DESC, p.fraction;

DO $$
DECLARE
  started timestamptz;
  took double precision := 0;
  records jsonb;
  many integer := 0;
BEGIN
  FOR batch IN 0 .. 3 LOOP
    SELECT jsonb_agg(jsonb_strip_nulls(jsonb_build_object(
             'key', c.id::text, 'given_name', c.first_name, 'surname', c.surname, 'birth_date', c.birth_date, 'email', c.email, 'phone', c.phone,
             'city', c.city, 'postcode', c.postcode)))
    INTO records
    FROM (SELECT * FROM match_bench.customer AS k
          WHERE k.id % 100 = 7 AND NOT EXISTS (SELECT FROM crm_ingest.source_record AS r WHERE r.source_key = k.id::text)
          ORDER BY k.id DESC
          LIMIT 500) AS c;
    EXIT WHEN records IS NULL;
    started := clock_timestamp();
    PERFORM crm_ingest.ingest('bench', records);
    took := took + 1000 * extract(epoch FROM clock_timestamp() - started);
    many := many + jsonb_array_length(records);
  END LOOP;
  INSERT INTO bench_result VALUES (format('crm.ingest, batches of 500: %s records a second', round((1000 * many / NULLIF(took, 0))::numeric)), took);
  started := clock_timestamp();
  INSERT INTO bench_result
  SELECT format('resolve %s records that meet others by that', r.counts ->> 'records'), 1000 * extract(epoch FROM clock_timestamp() - started) FROM crm_ingest.resolve() AS r;
END $$;
INSERT INTO bench_result
SELECT format('bytes of all tables and indexes for each source record: %s, of them %s', sum(t.bytes), string_agg(t.name || ' ' || t.bytes, ', ' ORDER BY t.bytes DESC)), 0
FROM (SELECT c.relname AS name, round(pg_total_relation_size(c.oid) / (SELECT count(*) FROM crm_ingest.source_record)::numeric) AS bytes
      FROM pg_class AS c
      WHERE c.relnamespace = 'crm_ingest'::regnamespace AND c.relkind = 'r') AS t
WHERE t.bytes > 0;
DROP SCHEMA crm_ingest, crm_ingest_bi CASCADE;
DROP SCHEMA match_bench CASCADE;
