-- How an act of a steward takes effect.
--
-- An act says of pairs of records that they are one customer or two
-- (steward_decision). Of all live acts that speak of a pair the newest holds
-- (match_decision). The components of these records are then clustered again, by
-- the steps of crm.resolve() and in the transaction of the caller. Since who
-- belongs together follows from records, rules and match_decision alone, taking an
-- act back is to take its decisions away and to cluster again.
--
-- An act is prepared in temporary tables named omnicrm_steward_*, one or many
-- events at a time, and carried out by steward_carry_out(). What an act is about is
-- a small part of the hub: the functions that users call ask for rows by their
-- keys (random_page_cost, steward_prefer_keys()), in settings that end with them.

CREATE OR REPLACE FUNCTION @hub@.steward_drop_tables()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
  DROP TABLE IF EXISTS pg_temp.omnicrm_steward_event, pg_temp.omnicrm_steward_decision, pg_temp.omnicrm_steward_part,
                       pg_temp.omnicrm_steward_before
$$;

COMMENT ON FUNCTION @hub@.steward_drop_tables() IS 'Used by the acts of stewards: drops their temporary tables. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.steward_make_tables()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.steward_drop_tables();
  CREATE TEMPORARY TABLE omnicrm_steward_event (
    event_id bigint PRIMARY KEY, kind text NOT NULL
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_steward_decision (
    event_id bigint NOT NULL, record_a bigint NOT NULL, record_b bigint NOT NULL, same boolean NOT NULL, claim boolean NOT NULL,
    PRIMARY KEY (event_id, record_a, record_b)
  ) ON COMMIT DROP;
  -- Records that are to be one customer afterwards. center: the one that the
  -- others are tied to where that is needed.
  CREATE TEMPORARY TABLE omnicrm_steward_part (
    event_id bigint NOT NULL, part integer NOT NULL, record_id bigint NOT NULL, center bigint NOT NULL,
    PRIMARY KEY (event_id, part, record_id)
  ) ON COMMIT DROP;
  -- Whose the records were that the act touched.
  CREATE TEMPORARY TABLE omnicrm_steward_before (
    record_id bigint PRIMARY KEY, customer_id bigint NOT NULL
  ) ON COMMIT DROP;
END
$$;

COMMENT ON FUNCTION @hub@.steward_make_tables() IS 'Used by the acts of stewards: makes their temporary tables. Returns nothing.';

-- The same records clustered again with what match_decision says now. They did
-- not change, so nothing is looked up or scored anew.
CREATE OR REPLACE FUNCTION @hub@.resolve_again(record_ids bigint[], provisional boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  again CONSTANT bigint[] := ARRAY(SELECT r.record_id
                                   FROM (SELECT DISTINCT u.record_id FROM unnest(record_ids) AS u(record_id)) AS n
                                   JOIN @hub@.source_record AS r ON r.record_id = n.record_id
                                   WHERE r.erased_at IS NULL
                                   ORDER BY r.record_id);
BEGIN
  IF cardinality(again) > 0 THEN
    INSERT INTO pg_temp.omnicrm_steward_before (record_id, customer_id)
    SELECT b.record_id, b.old_id
    FROM @hub@.resolve_slice('{}', again, @hub@.applied_model(), provisional) AS s
    CROSS JOIN LATERAL unnest(s.record_ids, s.old_ids) AS b(record_id, old_id)
    WHERE b.old_id IS NOT NULL
    ON CONFLICT DO NOTHING;
    ANALYZE pg_temp.omnicrm_steward_before;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_again(bigint[], boolean) IS
  'Used by the acts of stewards: clusters the components of these records again, whose content did not change, notes whose they were, and brings the golden customers up to date. provisional: as in assign_ids(). Returns nothing.';

-- What is about few records must not scan a table, whatever the statistics say.
CREATE OR REPLACE FUNCTION @hub@.steward_prefer_keys(pairs bigint)
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT set_config(s.name, 'off', true)
  FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin']) AS s(name)
  WHERE pairs <= 100
$$;

COMMENT ON FUNCTION @hub@.steward_prefer_keys(bigint) IS
  'Used by the acts of stewards on few pairs of customers: makes the planner reach every row by its key, until the calling function ends, which sets the same settings. Returns nothing.';

-- An act sees records as they are now: those of them that wait in the queue are
-- resolved first.
CREATE OR REPLACE FUNCTION @hub@.steward_catch_up(record_ids bigint[])
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  waiting bigint[];
BEGIN
  IF NOT EXISTS (SELECT FROM @hub@.resolve_queue) THEN
    RETURN false;
  END IF;
  SELECT array_agg(DISTINCT q.record_id) INTO waiting
  FROM unnest(record_ids) AS u(record_id)
  JOIN @hub@.resolve_queue AS q ON q.record_id = u.record_id;
  RETURN @hub@.resolve_records(waiting) > 0;
END
$$;

COMMENT ON FUNCTION @hub@.steward_catch_up(bigint[]) IS
  'Used by the acts of stewards: resolves those of these records that wait in resolve_queue. Returns whether there were any.';

-- The decisions that hold, for all pairs that these events speak of, and what
-- waits in the review queue for them.
CREATE OR REPLACE FUNCTION @hub@.steward_weigh(event_ids bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
BEGIN
  DELETE FROM @hub@.match_decision AS m
  USING @hub@.steward_decision AS p
  WHERE p.event_id = ANY (event_ids) AND m.record_a = p.record_a AND m.record_b = p.record_b
    AND NOT EXISTS (SELECT
                    FROM @hub@.steward_decision AS d
                    JOIN @hub@.steward_event AS e ON e.event_id = d.event_id
                    WHERE d.record_a = p.record_a AND d.record_b = p.record_b AND e.undone_at IS NULL);
  INSERT INTO @hub@.match_decision AS m (record_a, record_b, same, event_id, decided_by)
  SELECT DISTINCT ON (p.record_a, p.record_b) p.record_a, p.record_b, d.same, d.event_id, e.who
  FROM (SELECT DISTINCT k.record_a, k.record_b FROM @hub@.steward_decision AS k WHERE k.event_id = ANY (event_ids)) AS p
  JOIN @hub@.steward_decision AS d ON d.record_a = p.record_a AND d.record_b = p.record_b
  JOIN @hub@.steward_event AS e ON e.event_id = d.event_id
  WHERE e.undone_at IS NULL
  ORDER BY p.record_a, p.record_b, d.event_id DESC
  ON CONFLICT (record_a, record_b) DO UPDATE
  SET same = excluded.same, event_id = excluded.event_id, decided_by = excluded.decided_by
  WHERE m.event_id <> excluded.event_id;
  UPDATE @hub@.review_queue AS q
  SET state = n.state
  FROM (SELECT DISTINCT k.record_a, k.record_b,
               CASE WHEN EXISTS (SELECT FROM @hub@.match_decision AS m WHERE m.record_a = k.record_a AND m.record_b = k.record_b)
                    THEN 'decided' ELSE 'open' END AS state
        FROM @hub@.steward_decision AS k
        WHERE k.event_id = ANY (event_ids)) AS n
  WHERE q.record_a = n.record_a AND q.record_b = n.record_b AND q.state <> n.state;
END
$$;

COMMENT ON FUNCTION @hub@.steward_weigh(bigint[]) IS
  'Used by the acts of stewards: brings crm.match_decision up to date for the pairs that these events speak of. Returns nothing.';

-- Why two records that were said to be one are not: the first such pair.
CREATE OR REPLACE FUNCTION @hub@.steward_refuse_failed()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  failed record;
BEGIN
  SELECT d.record_a, d.record_b, l.decision,
         (SELECT f.customer_id FROM pg_temp.omnicrm_steward_before AS f WHERE f.record_id = d.record_a) AS customer_a,
         (SELECT f.customer_id FROM pg_temp.omnicrm_steward_before AS f WHERE f.record_id = d.record_b) AS customer_b
  INTO failed
  FROM pg_temp.omnicrm_steward_decision AS d
  JOIN @hub@.customer_member AS a ON a.record_id = d.record_a
  JOIN @hub@.customer_member AS b ON b.record_id = d.record_b
  LEFT JOIN @hub@.match_link AS l ON l.record_a = d.record_a AND l.record_b = d.record_b
  WHERE d.same AND a.customer_id <> b.customer_id
  ORDER BY d.event_id, d.record_a, d.record_b
  LIMIT 1;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  IF failed.decision = 'tax numbers differ' THEN
    RAISE EXCEPTION 'records % and % cannot be one customer: records of their customers carry two different valid tax numbers',
      failed.record_a, failed.record_b
      USING ERRCODE = 'integrity_constraint_violation',
            HINT = 'Correct the number at its source and load the record again.';
  END IF;
  RAISE EXCEPTION 'records % and % cannot be one customer: earlier decisions keep records of their customers apart',
    failed.record_a, failed.record_b
    USING ERRCODE = 'integrity_constraint_violation',
          HINT = format('See SELECT * FROM @hub@.why_not_merge(%s, %s).', failed.customer_a, failed.customer_b);
END
$$;

COMMENT ON FUNCTION @hub@.steward_refuse_failed() IS
  'Used by the acts of stewards: raises integrity_constraint_violation when two records that an act makes one are two after all. Returns nothing.';

-- Customers before and after, of the records that each event is about and of
-- all that came to them.
CREATE OR REPLACE FUNCTION @hub@.steward_note_customers()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  WITH scope AS MATERIALIZED (
    SELECT p.event_id, p.record_id FROM pg_temp.omnicrm_steward_part AS p
    UNION
    SELECT d.event_id, d.record_a FROM pg_temp.omnicrm_steward_decision AS d
    UNION
    SELECT d.event_id, d.record_b FROM pg_temp.omnicrm_steward_decision AS d
  ), after AS MATERIALIZED (
    SELECT DISTINCT s.event_id, m.customer_id
    FROM scope AS s
    JOIN @hub@.customer_member AS m ON m.record_id = s.record_id
  ), before AS (
    SELECT s.event_id, b.customer_id
    FROM scope AS s
    JOIN pg_temp.omnicrm_steward_before AS b ON b.record_id = s.record_id
    UNION
    SELECT a.event_id, b.customer_id
    FROM after AS a
    JOIN @hub@.customer_member AS m ON m.customer_id = a.customer_id
    JOIN pg_temp.omnicrm_steward_before AS b ON b.record_id = m.record_id
  )
  UPDATE @hub@.steward_event AS e
  SET customers_before = coalesce(f.customers, '{}'), customers_after = coalesce(t.customers, '{}')
  FROM (SELECT a.event_id, array_agg(a.customer_id ORDER BY a.customer_id) AS customers FROM after AS a GROUP BY a.event_id) AS t
  FULL JOIN (SELECT b.event_id, array_agg(b.customer_id ORDER BY b.customer_id) AS customers FROM before AS b GROUP BY b.event_id) AS f
    ON f.event_id = t.event_id
  WHERE e.event_id = coalesce(t.event_id, f.event_id);
END
$$;

COMMENT ON FUNCTION @hub@.steward_note_customers() IS
  'Used by the acts of stewards: notes in steward_event which customers there were before and after. Returns nothing.';

-- Parts whose records did not come together are tied to their center.
CREATE OR REPLACE FUNCTION @hub@.steward_tie_parts()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tied bigint;
BEGIN
  INSERT INTO pg_temp.omnicrm_steward_decision (event_id, record_a, record_b, same, claim)
  SELECT p.event_id, least(p.center, p.record_id), greatest(p.center, p.record_id), true, false
  FROM (SELECT k.event_id, k.part
        FROM pg_temp.omnicrm_steward_part AS k
        JOIN @hub@.customer_member AS m ON m.record_id = k.record_id
        GROUP BY k.event_id, k.part
        HAVING min(m.customer_id) <> max(m.customer_id)) AS torn
  JOIN pg_temp.omnicrm_steward_part AS p ON p.event_id = torn.event_id AND p.part = torn.part
  WHERE p.record_id <> p.center
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS tied = ROW_COUNT;
  RETURN tied;
END
$$;

COMMENT ON FUNCTION @hub@.steward_tie_parts() IS
  'Used by the acts of stewards: adds decisions that tie together the records of parts that did not come together by themselves. Returns their number.';

-- Carries out what omnicrm_steward_* holds, all events at once. Where the records
-- of a part do not hold together by themselves, they are tied to its center.
CREATE OR REPLACE FUNCTION @hub@.steward_carry_out(who text, why text, force boolean, provisional boolean)
RETURNS SETOF @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  event_ids CONSTANT bigint[] := ARRAY(SELECT e.event_id FROM pg_temp.omnicrm_steward_event AS e ORDER BY e.event_id);
  record_ids bigint[];
  tied bigint;
BEGIN
  INSERT INTO @hub@.steward_event (event_id, kind, who, why, forced)
  OVERRIDING SYSTEM VALUE
  SELECT e.event_id, e.kind, steward_carry_out.who, steward_carry_out.why, force
  FROM pg_temp.omnicrm_steward_event AS e
  ORDER BY e.event_id;
  LOOP
    INSERT INTO @hub@.steward_decision (event_id, record_a, record_b, same, claim)
    SELECT d.event_id, d.record_a, d.record_b, d.same, d.claim
    FROM pg_temp.omnicrm_steward_decision AS d
    ORDER BY d.event_id, d.record_a, d.record_b
    ON CONFLICT DO NOTHING;
    PERFORM @hub@.steward_weigh(event_ids);
    ANALYZE pg_temp.omnicrm_steward_decision;
    record_ids := ARRAY(SELECT p.record_id FROM pg_temp.omnicrm_steward_part AS p
                        UNION SELECT d.record_a FROM pg_temp.omnicrm_steward_decision AS d
                        UNION SELECT d.record_b FROM pg_temp.omnicrm_steward_decision AS d);
    PERFORM @hub@.resolve_again(record_ids, provisional);
    EXIT WHEN tied IS NOT NULL;

    tied := @hub@.steward_tie_parts();
    EXIT WHEN tied = 0;
  END LOOP;
  PERFORM @hub@.steward_refuse_failed();
  PERFORM @hub@.steward_note_customers();
  RETURN QUERY
  SELECT e.*
  FROM @hub@.steward_event AS e
  WHERE e.event_id = ANY (event_ids)
  ORDER BY e.event_id;
END
$$;

COMMENT ON FUNCTION @hub@.steward_carry_out(text, text, boolean, boolean) IS
  'Used by the acts of stewards: stores the prepared events and decisions, clusters their components again, ties together what is to be one customer, and checks the outcome. Returns the events. Error: integrity_constraint_violation.';

-- Whose records the act moved, and to whom, with the ids that led to them.
CREATE OR REPLACE FUNCTION @hub@.steward_moved()
RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(SELECT DISTINCT i.customer_id
               FROM pg_temp.omnicrm_steward_before AS b
               JOIN @hub@.customer_member AS m ON m.record_id = b.record_id
               CROSS JOIN LATERAL (VALUES (b.customer_id), (m.customer_id), (m.home_id)) AS i(customer_id)
               WHERE m.customer_id <> b.customer_id AND i.customer_id IS NOT NULL
               ORDER BY 1);
END
$$;

COMMENT ON FUNCTION @hub@.steward_moved() IS
  'Used by the acts of stewards: ids of the customers whose records an act moved, of those that have them now, and ids that were made for these records. None: no record moved.';

-- Ids of new events. Those of a preview are greater than all others, so that they
-- are the newest, and none is taken from the sequence.
CREATE OR REPLACE FUNCTION @hub@.steward_event_id(provisional boolean, number bigint)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN provisional THEN 9000000000000000000 + number
              ELSE nextval(pg_get_serial_sequence('@hub@.steward_event', 'event_id')) END
$$;

COMMENT ON FUNCTION @hub@.steward_event_id(boolean, bigint) IS
  'Used by the acts of stewards: an id for a new event; number tells the events of a preview apart.';
