-- Which id a customer has.
--
-- An id is made for one record, the oldest of its customer at that time, and
-- stays with it (customer_member.home_id). A customer has the oldest of the ids of
-- its records; the others point to it. So ids follow from who belongs together
-- and from nothing that happened in between: whoever takes a merge or a split
-- back has the ids back too, in whatever order.

-- An id for each cluster: the oldest that was made for one of its records, else a
-- new one (omnicrm.give_ids()).
CREATE OR REPLACE FUNCTION @hub@.assign_ids(
  touched bigint[], nodes bigint[], roots bigint[], provisional boolean,
  OUT record_ids bigint[], OUT customer_ids bigint[], OUT home_ids bigint[], OUT old_ids bigint[], OUT moved boolean, OUT created bigint, OUT split bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  old record;
  given record;
BEGIN
  SELECT array_agg(t.id) AS ids, array_agg(m.customer_id) AS customer_ids, array_agg(m.home_id) AS home_ids
  INTO old
  FROM unnest(touched) AS t(id)
  LEFT JOIN LATERAL (SELECT k.customer_id, k.home_id FROM @hub@.customer_member AS k WHERE k.record_id = t.id OFFSET 0) AS m ON true;
  given := omnicrm.give_ids(coalesce(old.ids, '{}'), coalesce(old.customer_ids, '{}'), coalesce(old.home_ids, '{}'),
                            coalesce(nodes, '{}'), coalesce(roots, '{}'),
                            CASE WHEN NOT provisional THEN pg_get_serial_sequence('@hub@.customer', 'customer_id')::regclass END);
  record_ids := given.records;
  customer_ids := given.customers;
  home_ids := given.homes;
  old_ids := given.olds;
  moved := given.moved;
  created := given.created;
  split := given.split;
END
$$;

COMMENT ON FUNCTION @hub@.assign_ids(bigint[], bigint[], bigint[], boolean) IS
  'Used by crm.resolve(): the touched records in the order of their customers, with customer, id made for the record, and customer of before; whether any record moved; how many customers are new and how many are split. provisional: new customers get negative ids.';

-- Golden customers, then who belongs to whom.
CREATE OR REPLACE FUNCTION @hub@.store_members(record_ids bigint[], customer_ids bigint[], home_ids bigint[], old_ids bigint[], moved boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  written bigint;
  place integer;
BEGIN
  written := @hub@.write_golden(record_ids, customer_ids);
  IF moved THEN
    UPDATE @hub@.customer_member AS k
    SET customer_id = n.customer_id, home_id = n.home_id, since = CASE WHEN k.customer_id = n.customer_id THEN k.since ELSE now() END
    FROM unnest(record_ids, customer_ids, home_ids) AS n(record_id, customer_id, home_id)
    WHERE k.record_id = n.record_id AND (k.customer_id <> n.customer_id OR k.home_id IS DISTINCT FROM n.home_id);
  END IF;
  place := array_position(old_ids, NULL);
  IF place IS NULL THEN
    RETURN written;
  END IF;
  IF array_position(old_ids, NULL, place + 1) IS NULL THEN
    INSERT INTO @hub@.customer_member (record_id, customer_id, home_id) VALUES (record_ids[place], customer_ids[place], home_ids[place]);
    RETURN written;
  END IF;
  INSERT INTO @hub@.customer_member (record_id, customer_id, home_id)
  SELECT n.record_id, n.customer_id, n.home_id
  FROM unnest(record_ids, customer_ids, home_ids, old_ids) AS n(record_id, customer_id, home_id, old_id)
  WHERE n.old_id IS NULL
  ORDER BY n.record_id;
  RETURN written;
END
$$;

COMMENT ON FUNCTION @hub@.store_members(bigint[], bigint[], bigint[], bigint[], boolean) IS
  'Used by resolve_local(): writes golden customers and their members. Returns the number of customers that are new or changed.';

-- The ids that came back and those that ended. An id points to the customer that
-- has its record; one without a record follows the id that it points to.
CREATE OR REPLACE FUNCTION @hub@.store_redirects(customer_ids bigint[], home_ids bigint[], old_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  moment CONSTANT timestamptz := clock_timestamp();
  ended_ids bigint[];
  other_ids bigint[];
  ended bigint;
BEGIN
  WITH back AS (
    DELETE FROM @hub@.customer_redirect AS r
    USING (SELECT DISTINCT u.id FROM unnest(customer_ids) AS u(id)) AS c
    WHERE r.old_id = c.id
    RETURNING r.old_id
  )
  UPDATE @hub@.customer AS c
  SET merged_into = NULL
  FROM back AS b
  WHERE c.customer_id = b.old_id;

  WITH target AS (
    SELECT DISTINCT ON (t.old_id) t.old_id, t.customer_id
    FROM (SELECT m.home_id AS old_id, m.customer_id, 1 AS preference
          FROM unnest(customer_ids, home_ids) AS m(customer_id, home_id)
          WHERE m.home_id IS NOT NULL
          UNION ALL
          SELECT r.old_id, m.customer_id, 2
          FROM unnest(customer_ids, home_ids, old_ids) AS m(customer_id, home_id, old_customer)
          CROSS JOIN LATERAL (SELECT k.old_id FROM @hub@.customer_redirect AS k WHERE k.customer_id = m.home_id OFFSET 0) AS r
          WHERE m.home_id = m.old_customer) AS t
    ORDER BY t.old_id, t.preference
  ), ended AS (
    INSERT INTO @hub@.customer_redirect AS r (old_id, customer_id)
    SELECT t.old_id, t.customer_id
    FROM target AS t
    WHERE t.old_id <> t.customer_id
    ON CONFLICT (old_id) DO UPDATE
    SET customer_id = excluded.customer_id, since = now()
    WHERE r.customer_id <> excluded.customer_id
    RETURNING r.old_id, r.customer_id
  ), pointed AS (
    UPDATE @hub@.customer AS c
    SET merged_into = e.customer_id
    FROM ended AS e
    JOIN @hub@.customer AS k ON k.customer_id = e.old_id
    WHERE c.customer_id = e.old_id
    RETURNING c.customer_id, e.customer_id AS merged_into, k.merged_into AS merged_before
  ), remembered AS (
    -- Of those that end now, clear_customers() keeps what they were.
    INSERT INTO @hub@.customer_history AS h (customer_id, known_until, before)
    SELECT p.customer_id, moment, jsonb_build_object('merged_into', p.merged_before)
    FROM pointed AS p
    WHERE p.merged_before IS NOT NULL
    ON CONFLICT ON CONSTRAINT customer_history_pkey DO UPDATE SET before = excluded.before || h.before
  )
  SELECT array_agg(p.customer_id ORDER BY p.customer_id), array_agg(p.merged_into ORDER BY p.customer_id)
  INTO ended_ids, other_ids
  FROM pointed AS p;
  ended := @hub@.clear_customers(ended_ids, 'merged');
  PERFORM @hub@.announce('merged', ended_ids, other_ids);

  -- Records that went elsewhere than the id of their customer.
  SELECT array_agg(s.old_id ORDER BY s.old_id, s.customer_id), array_agg(s.customer_id ORDER BY s.old_id, s.customer_id)
  INTO ended_ids, other_ids
  FROM (SELECT DISTINCT m.old_id, m.customer_id FROM unnest(customer_ids, old_ids) AS m(customer_id, old_id) WHERE m.old_id <> m.customer_id) AS s
  WHERE NOT EXISTS (SELECT FROM @hub@.customer_redirect AS r WHERE r.old_id = s.old_id AND r.customer_id = s.customer_id);
  PERFORM @hub@.announce('split', ended_ids, other_ids);
  RETURN ended;
END
$$;

COMMENT ON FUNCTION @hub@.store_redirects(bigint[], bigint[], bigint[]) IS
  'Used by crm.resolve() and resolve_local(): by position the customer of a record, the id that was made for it, and the customer of before. Ends the ids of merged customers, redirects them, and announces merges and splits. Returns the number of ids that ended.';

CREATE OR REPLACE FUNCTION @hub@.current_id(customer_id bigint)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(c.merged_into, c.customer_id) FROM @hub@.customer AS c WHERE c.customer_id = $1
$$;

COMMENT ON FUNCTION @hub@.current_id(bigint) IS
  'The living id of a customer id that was ever given: itself, or the one that it was merged into; NULL for an unknown id. One index probe.';
