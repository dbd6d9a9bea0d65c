-- Records that come, change and go one by one, in random order and by every way in,
-- lead to what a full run makes of the records that are left: customers, links,
-- candidates of the model, keys and review queue.
\set VERBOSITY terse
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/crowd.sql
\i :file
SELECT counts -> 'model' AS model FROM crm.run_log ORDER BY run_id LIMIT 1;

-- One thing that happens to a record.
CREATE PROCEDURE t.happen(n bigint) LANGUAGE plpgsql AS $$
DECLARE
  source CONSTANT text := (ARRAY['web', 'shop'])[1 + t.pick(n, 20, 2)];
  key CONSTANT text := 'k' || t.pick(n, 21, 150);
BEGIN
  CASE
    WHEN t.pick(n, 22, 12) = 0 THEN
      PERFORM crm.delete_record(source, key);
    WHEN t.pick(n, 22, 12) = 1 THEN
      PERFORM crm.ingest(source, jsonb_build_array(t.said(n) || jsonb_build_object('key', key), t.said(n + 7) || jsonb_build_object('key', 'k' || t.pick(n, 23, 150)),
                                                   t.said(n + 9) || jsonb_build_object('key', key)));
    WHEN t.pick(n, 22, 12) = 2 THEN
      CREATE TABLE t.arrived AS
      SELECT key, s.* FROM jsonb_to_record(t.said(n)) AS s(given_name text, surname text, birth_date date, email text, phone text, postcode text, city text);
      PERFORM crm.load(source, 't.arrived', '{"key": "key", "given_name": "given_name", "surname": "surname", "birth_date": "birth_date", "email": "email",
                                              "phone": "phone", "postcode": "postcode", "city": "city"}');
      DROP TABLE t.arrived;
    WHEN t.pick(n, 22, 12) = 3 AND t.pick(n, 24, 4) = 0 THEN
      PERFORM crm.resolve();
    ELSE
      PERFORM crm.ingest(source, key, t.said(n));
  END CASE;
END $$;
CREATE TABLE t.found (round integer, what text, only_full boolean, items bigint, example jsonb);
CREATE TABLE t.broken (round integer, invariant text, key text);
DO $$
BEGIN
  FOR round IN 1 .. 12 LOOP
    FOR n IN round * 1000 .. round * 1000 + 59 LOOP
      CALL t.happen(n);
    END LOOP;
    INSERT INTO t.broken SELECT round, c.* FROM crm.check() AS c;
    PERFORM crm.resolve();
    INSERT INTO t.broken SELECT round, c.* FROM crm.check() AS c;
    INSERT INTO t.found SELECT round, f.what, f.only_full, f.items, f.example FROM t.full_run() AS f;
  END LOOP;
END $$;
SELECT * FROM t.found ORDER BY round, what, only_full;
SELECT * FROM t.broken ORDER BY round;
-- What is compared is there: nothing is equal for want of it.
SELECT what, count(*) > 5 AS many FROM t.state GROUP BY what ORDER BY what;
SELECT count(*) FILTER (WHERE copy) > 5 AS copies FROM crm.match_compared;
SELECT relation = 'ingest' AS by_ingest, bool_and(rows_in = rows_loaded + rows_unchanged + rows_quarantined) AS ties, sum(rows_in) > 100 AS many
FROM crm.load_batch GROUP BY 1 ORDER BY 1;
SELECT count(*) AS queued FROM crm.resolve_queue;

DROP SCHEMA crm, crm_bi, t CASCADE;
