-- Which id a customer has.
--
-- An id is made for one record, the oldest of its customer at that time, and
-- stays with it (customer_member.home_id). A customer has the oldest of the ids of
-- its records; the others point to it. So ids follow from who belongs together
-- and from nothing that happened in between: whoever takes a merge or a split
-- back has the ids back too, in whatever order.

-- Step 8 of crm.resolve(): an id for each cluster, the oldest that was made for
-- one of its records, else a new one. An id whose record is gone is the id of the
-- oldest record that it leaves behind.
CREATE OR REPLACE FUNCTION @hub@.resolve_assign_ids(provisional boolean DEFAULT false)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ids CONSTANT regclass := pg_get_serial_sequence('@hub@.customer', 'customer_id');
BEGIN
  UPDATE pg_temp.omnicrm_resolve_member AS m
  SET home_id = o.old_customer
  FROM (SELECT k.old_customer, coalesce(min(k.record_id) FILTER (WHERE k.home_id IS NULL), min(k.record_id)) AS record_id
        FROM pg_temp.omnicrm_resolve_member AS k
        WHERE k.old_customer IS NOT NULL
        GROUP BY k.old_customer
        HAVING bool_and(k.home_id IS DISTINCT FROM k.old_customer)) AS o
  WHERE m.record_id = o.record_id;

  INSERT INTO pg_temp.omnicrm_resolve_customer (cluster, customer_id, made)
  SELECT m.cluster, min(m.home_id), false
  FROM pg_temp.omnicrm_resolve_member AS m
  WHERE m.home_id IS NOT NULL
  GROUP BY m.cluster;
  INSERT INTO pg_temp.omnicrm_resolve_customer (cluster, customer_id, made)
  SELECT f.cluster, CASE WHEN provisional THEN -f.cluster ELSE nextval(ids) END, true
  FROM (SELECT DISTINCT m.cluster
        FROM pg_temp.omnicrm_resolve_member AS m
        WHERE NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_customer AS k WHERE k.cluster = m.cluster)
        ORDER BY m.cluster) AS f;
  -- The cluster is the smallest record_id of its records.
  UPDATE pg_temp.omnicrm_resolve_member AS m
  SET home_id = c.customer_id
  FROM pg_temp.omnicrm_resolve_customer AS c
  WHERE c.made AND m.record_id = c.cluster;
  ANALYZE pg_temp.omnicrm_resolve_customer (cluster);
END
$$;

COMMENT ON FUNCTION @hub@.resolve_assign_ids(boolean) IS
  'Used by crm.resolve(): gives each cluster its customer id. provisional: new customers get negative ids, in place of ones from the sequence, for a transaction that will be rolled back. Returns nothing.';

-- Step 10: golden customers, then who belongs to whom.
CREATE OR REPLACE FUNCTION @hub@.resolve_write_customers()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  written bigint;
BEGIN
  SELECT @hub@.write_golden(array_agg(m.record_id ORDER BY c.customer_id, m.record_id),
                            array_agg(c.customer_id ORDER BY c.customer_id, m.record_id)) INTO written
  FROM pg_temp.omnicrm_resolve_member AS m
  JOIN pg_temp.omnicrm_resolve_customer AS c ON c.cluster = m.cluster;

  UPDATE @hub@.customer_member AS k
  SET customer_id = c.customer_id, home_id = m.home_id,
      since = CASE WHEN k.customer_id = c.customer_id THEN k.since ELSE now() END
  FROM pg_temp.omnicrm_resolve_member AS m
  JOIN pg_temp.omnicrm_resolve_customer AS c ON c.cluster = m.cluster
  WHERE k.record_id = m.record_id AND m.old_customer IS NOT NULL
    AND (k.customer_id <> c.customer_id OR k.home_id IS DISTINCT FROM m.home_id);
  INSERT INTO @hub@.customer_member (record_id, customer_id, home_id)
  SELECT m.record_id, c.customer_id, m.home_id
  FROM pg_temp.omnicrm_resolve_member AS m
  JOIN pg_temp.omnicrm_resolve_customer AS c ON c.cluster = m.cluster
  WHERE m.old_customer IS NULL
  ORDER BY m.record_id;
  RETURN written - (SELECT count(*) FROM pg_temp.omnicrm_resolve_customer AS c WHERE c.made);
END
$$;

COMMENT ON FUNCTION @hub@.resolve_write_customers() IS
  'Used by crm.resolve(): writes golden customers and their members. Returns the number of customers that were there before and changed.';

-- Then the ids that came back and those that ended. An id points to the customer
-- that has its record; one without a record follows the id that it points to.
CREATE OR REPLACE FUNCTION @hub@.resolve_write_redirects()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  moment CONSTANT timestamptz := clock_timestamp();
  ended_ids bigint[];
  other_ids bigint[];
  ended bigint;
BEGIN
  WITH back AS (
    DELETE FROM @hub@.customer_redirect AS r
    USING pg_temp.omnicrm_resolve_customer AS c
    WHERE r.old_id = c.customer_id
    RETURNING r.old_id
  )
  UPDATE @hub@.customer AS c
  SET merged_into = NULL
  FROM back AS b
  WHERE c.customer_id = b.old_id;

  WITH target AS (
    SELECT DISTINCT ON (t.old_id) t.old_id, t.customer_id
    FROM (SELECT m.home_id AS old_id, c.customer_id, 1 AS preference
          FROM pg_temp.omnicrm_resolve_member AS m
          JOIN pg_temp.omnicrm_resolve_customer AS c ON c.cluster = m.cluster
          WHERE m.home_id IS NOT NULL
          UNION ALL
          SELECT r.old_id, c.customer_id, 2
          FROM pg_temp.omnicrm_resolve_member AS m
          JOIN pg_temp.omnicrm_resolve_customer AS c ON c.cluster = m.cluster
          JOIN @hub@.customer_redirect AS r ON r.customer_id = m.home_id
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
  SELECT array_agg(s.old_customer ORDER BY s.old_customer, s.customer_id), array_agg(s.customer_id ORDER BY s.old_customer, s.customer_id)
  INTO ended_ids, other_ids
  FROM (SELECT DISTINCT m.old_customer, c.customer_id
        FROM pg_temp.omnicrm_resolve_member AS m
        JOIN pg_temp.omnicrm_resolve_customer AS c ON c.cluster = m.cluster
        WHERE m.old_customer <> c.customer_id) AS s
  WHERE NOT EXISTS (SELECT FROM @hub@.customer_redirect AS r WHERE r.old_id = s.old_customer AND r.customer_id = s.customer_id);
  PERFORM @hub@.announce('split', ended_ids, other_ids);
  RETURN ended;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_write_redirects() IS
  'Used by crm.resolve(): ends the ids of merged customers, redirects them, and announces merges and splits. Returns the number of ids that ended.';

CREATE OR REPLACE FUNCTION @hub@.current_id(customer_id bigint)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(c.merged_into, c.customer_id) FROM @hub@.customer AS c WHERE c.customer_id = $1
$$;

COMMENT ON FUNCTION @hub@.current_id(bigint) IS
  'The living id of a customer id that was ever given: itself, or the one that it was merged into; NULL for an unknown id. One index probe.';
