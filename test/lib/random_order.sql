-- Takes in the records of t.person (source, key, attributes), all of one hub, by
-- crm.ingest() in batches and in random order, with the model of t.model: the
-- customers must be those of t.partition (source, key, leader), and a full run must
-- change nothing. Then the next order, as many as psql variable orders says.
--   \set order 1
--   \ir ../lib/random_order.sql
SELECT omnicrm.deploy('crm') \g /dev/null
SELECT crm.add_source(d.source, 'other', 50, region => d.region) FROM (SELECT DISTINCT source, region FROM t.person) AS d ORDER BY d.source \g /dev/null
SELECT crm.set_match_model(m.model) FROM t.model AS m \g /dev/null
\ir full_run.sql

-- The first record comes in by itself, so that the model is applied.
CREATE TABLE t.batch AS
SELECT b.source, b.batch, jsonb_agg(b.attributes || jsonb_build_object('key', b.key) ORDER BY b.n) AS records
FROM (SELECT p.source, p.key, p.attributes, r.n, CASE WHEN r.n = 1 THEN 0 ELSE 1 + r.n / (ARRAY[1, 40, 7, 200, 100])[1 + :order % 5] END AS batch
      FROM t.person AS p
      JOIN (SELECT source, key, row_number() OVER (ORDER BY hashtextextended(source || ' ' || key, :order)) AS n FROM t.person) AS r USING (source, key)) AS b
GROUP BY b.source, b.batch;
SELECT crm.ingest(b.source, b.records) FROM t.batch AS b WHERE b.batch = 0 \g /dev/null
SELECT crm.resolve() \g /dev/null
DO $$
DECLARE
  b record;
BEGIN
  FOR b IN SELECT * FROM t.batch WHERE batch > 0 ORDER BY batch, source LOOP
    PERFORM crm.ingest(b.source, b.records);
  END LOOP;
END $$;
SELECT crm.resolve() \g /dev/null
CREATE TEMP TABLE broken AS
SELECT 'check: ' || c.invariant AS what, c.key AS example FROM crm.check() AS c
UNION ALL
SELECT format('a full run finds %s %s rows of %s', f.items, CASE WHEN f.only_full THEN 'other' ELSE 'not those' END, f.what), f.example::text FROM t.full_run() AS f
UNION ALL
SELECT format('%s records belong to another customer than by one load', count(*)), min(p.source || ' ' || p.key)
FROM t.partition AS p
FULL JOIN (SELECT s.name AS source, r.source_key AS key,
                  min(s.name || ' ' || r.source_key COLLATE "C") OVER (PARTITION BY m.customer_id) AS leader
           FROM crm.customer_member AS m JOIN crm.source_record AS r USING (record_id) JOIN crm.source AS s USING (source_id)) AS n USING (source, key)
WHERE p.leader IS DISTINCT FROM n.leader
HAVING count(*) > 0
UNION ALL
SELECT 'no links and candidates', NULL
WHERE NOT EXISTS (SELECT FROM crm.match_link) OR NOT EXISTS (SELECT FROM crm.match_candidate);
DO $$
BEGIN
  IF EXISTS (SELECT FROM broken) THEN
    RAISE EXCEPTION 'order %: %', current_setting('t.order'), (SELECT string_agg(b.what || ' (' || coalesce(b.example, '') || ')', '; ') FROM broken AS b);
  END IF;
END $$;
DROP TABLE broken, t.batch;
DROP VIEW t.state;
DROP FUNCTION t.full_run();
SET client_min_messages = error;
DROP SCHEMA crm, crm_bi CASCADE;
SET client_min_messages = warning;
SELECT :order + 1 AS order, :order < :orders AS more \gset
\if :more
SELECT set_config('t.order', :'order', false) \g /dev/null
\ir random_order.sql
\endif
