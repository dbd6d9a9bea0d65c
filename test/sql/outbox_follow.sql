-- Whoever follows the hub by its outbox alone knows which customers there are and by
-- whom each id goes: after each of many random changes, read step by step, in parts,
-- and with what was read pruned away.
\set VERBOSITY terse
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/crowd.sql
\i :file

-- The follower: what he was told of each id. Nothing of the hub but its outbox.
CREATE TABLE t.follower (customer_id bigint PRIMARY KEY, goes_by bigint NOT NULL, active boolean NOT NULL);
CREATE TABLE t.follower_position (seq bigint NOT NULL);
INSERT INTO t.follower_position VALUES (0);
-- He asks again while rows are held back: a transaction of another database that
-- ends just when he asks counts as one that may still write here.
CREATE PROCEDURE t.follow(most integer) LANGUAGE plpgsql AS $$
DECLARE
  o record;
  seen integer;
BEGIN
  FOR attempt IN 1 .. 1000 LOOP
    seen := 0;
    FOR o IN SELECT r.* FROM t.follower_position AS p CROSS JOIN LATERAL crm.read_outbox(p.seq, most) AS r LOOP
      seen := seen + 1;
      CASE
        WHEN o.change = 'created' THEN
          INSERT INTO t.follower VALUES (o.customer_id, o.customer_id, true)
          ON CONFLICT (customer_id) DO UPDATE SET goes_by = excluded.customer_id, active = true;
        WHEN o.change = 'merged' THEN
          UPDATE t.follower AS f SET goes_by = o.other_id, active = false WHERE f.customer_id = o.customer_id;
        WHEN o.change = 'erased' OR o.change = 'changed' AND 'state' = ANY (o.attributes) THEN
          UPDATE t.follower AS f SET active = false WHERE f.customer_id = o.customer_id;
        ELSE NULL;
      END CASE;
      UPDATE t.follower_position SET seq = o.seq;
    END LOOP;
    EXIT WHEN seen < most AND NOT EXISTS (SELECT FROM crm.outbox AS b, t.follower_position AS p WHERE b.seq > p.seq);
  END LOOP;
END $$;
-- Where he is wrong.
CREATE VIEW t.astray AS
SELECT coalesce(c.customer_id, f.customer_id) AS customer_id, c.state, crm.current_id(c.customer_id) AS is_now, f.goes_by, f.active
FROM crm.customer AS c
FULL JOIN t.follower AS f ON f.customer_id = c.customer_id
WHERE f.goes_by IS DISTINCT FROM crm.current_id(c.customer_id) OR f.active IS DISTINCT FROM (c.state = 'active');

-- One act of a steward, refused or not.
CREATE PROCEDURE t.steward(n bigint) LANGUAGE plpgsql AS $$
DECLARE
  ids CONSTANT bigint[] := ARRAY(SELECT c.customer_id FROM crm.customer AS c WHERE c.state = 'active' ORDER BY hashint8extended(c.customer_id, n) LIMIT 6);
  whole CONSTANT bigint := (SELECT m.customer_id FROM crm.customer_member AS m JOIN crm.customer AS c USING (customer_id) WHERE c.state = 'active'
                            GROUP BY m.customer_id ORDER BY count(*) > 1 DESC, hashint8extended(m.customer_id, n) LIMIT 1);
BEGIN
  CASE t.pick(n, 31, 6)
    WHEN 0 THEN PERFORM crm.merge(ids[1], ids[2], 'ana', 'one person', true);
    WHEN 1 THEN PERFORM crm.merge_many(ids[1:3], ids[4:6], 'ana', 'a list', true);
    WHEN 2 THEN PERFORM crm.split(whole, (crm.customer_records(whole))[2:3], 'ana', 'two people', true);
    WHEN 3 THEN PERFORM crm.assert_different(ids[1], ids[2], 'ana', 'know both', true);
    WHEN 4 THEN PERFORM crm.assert_same(ids[1], ids[2], 'ana', 'same phone, same voice', true);
    ELSE PERFORM crm.undo((SELECT e.event_id FROM crm.steward_event AS e WHERE e.undone_at IS NULL ORDER BY hashint8extended(e.event_id, n) LIMIT 1));
  END CASE;
EXCEPTION WHEN object_not_in_prerequisite_state OR integrity_constraint_violation OR no_data_found OR invalid_parameter_value THEN
  NULL;
END $$;
-- One thing that happens.
CREATE PROCEDURE t.happen(n bigint) LANGUAGE plpgsql AS $$
DECLARE
  source CONSTANT text := (ARRAY['web', 'shop'])[1 + t.pick(n, 20, 2)];
  key CONSTANT text := 'k' || t.pick(n, 21, 90);
BEGIN
  CASE
    -- Few: they do not come back.
    WHEN n % 90 = 60 THEN
      PERFORM crm.subject_erase((SELECT c.customer_id FROM crm.customer AS c WHERE c.state = 'active'
                                 ORDER BY c.record_count, hashint8extended(c.customer_id, n) LIMIT 1), 'asked for it');
    WHEN t.pick(n, 22, 10) < 2 THEN PERFORM crm.delete_record(source, key);
    WHEN t.pick(n, 22, 10) = 2 THEN
      PERFORM crm.ingest(source, (SELECT jsonb_agg(t.said(n + m) || jsonb_build_object('key', 'k' || t.pick(n + m, 21, 90))) FROM generate_series(0, 4) AS m));
    WHEN t.pick(n, 22, 10) IN (3, 4, 5) THEN CALL t.steward(n);
    WHEN t.pick(n, 22, 10) = 6 AND t.pick(n, 24, 4) = 0 THEN PERFORM crm.resolve(CASE WHEN t.pick(n, 25, 2) = 0 THEN '{"all": true}' ELSE '{}' END::jsonb);
    ELSE PERFORM crm.ingest(source, key, t.said(n));
  END CASE;
END $$;

CREATE TABLE t.found (n bigint, customer_id bigint, state text, is_now bigint, goes_by bigint, active boolean);
DO $$
DECLARE
  pruned bigint;
BEGIN
  FOR n IN 1 .. 300 LOOP
    CALL t.happen(n);
    COMMIT;
    CALL t.follow(CASE WHEN n % 2 = 0 THEN 3 ELSE 1000 END);
    INSERT INTO t.found SELECT n, a.* FROM t.astray AS a;
    COMMIT;
    IF n % 25 = 0 THEN
      pruned := crm.prune_outbox((SELECT p.seq FROM t.follower_position AS p));
      COMMIT;
    END IF;
  END LOOP;
END $$;
SELECT * FROM t.found ORDER BY n, customer_id LIMIT 10;
SELECT * FROM crm.check();

-- What is followed is there: nothing is right for want of it.
SELECT c.state, count(*) >= 2 AS some FROM crm.customer AS c GROUP BY c.state ORDER BY c.state;
SELECT e.kind, count(*) >= 3 AS done, count(e.undone_at) >= 1 AS undone FROM crm.steward_event AS e GROUP BY e.kind ORDER BY e.kind;
SELECT count(*) < (SELECT p.seq FROM t.follower_position AS p) / 4 AS pruned FROM crm.outbox;

DROP SCHEMA crm, crm_bi, t CASCADE;
