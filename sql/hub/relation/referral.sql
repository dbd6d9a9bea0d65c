-- Who recommended whom.

-- Recommendations count in the order in which they were made. One is set aside
-- when its customer had been recommended before, or when it would close a circle
-- with those before it: what would have been refused, had all this been known at
-- the time. Which customers records belong to changes by merges; so does, at the
-- moment of reading, what is set aside, and an undone merge leaves nothing behind.
CREATE OR REPLACE FUNCTION @hub@.judged_referrals(event_ids bigint[])
RETURNS TABLE (referral_event_id bigint, referrer_id bigint, customer_id bigint, referred_at timestamptz, code text, reward numeric(18, 2),
               source_id integer, told_by text, counts boolean, set_aside text, root_id bigint, depth integer, tree_position integer, tree_end integer)
LANGUAGE plpgsql STABLE ROWS 10000
SET search_path = pg_catalog, pg_temp
-- One plan for any number: each row is reached by its key.
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH told AS MATERIALIZED (
    SELECT e.referral_event_id, p.customer_id AS referrer_id, m.customer_id, e.referred_at, e.code, e.reward, e.source_id, e.told_by,
           row_number() OVER (ORDER BY e.referred_at, e.referral_event_id)::integer AS place
    FROM unnest(event_ids) AS u(id)
    JOIN @hub@.referral_event AS e ON e.referral_event_id = u.id
    JOIN @hub@.customer_member AS m ON m.record_id = e.record_id
    JOIN @hub@.customer_member AS p ON p.record_id = e.referrer_record_id
    WHERE e.removed_at IS NULL
  ), grown AS MATERIALIZED (
    SELECT omnicrm.grow_forest(array_agg(t.referrer_id ORDER BY t.place), array_agg(t.customer_id ORDER BY t.place)) AS forest FROM told AS t
  )
  SELECT t.referral_event_id, t.referrer_id, t.customer_id, t.referred_at, t.code, t.reward, t.source_id, t.told_by, o.outcome = 1,
         CASE o.outcome WHEN 2 THEN 'one customer' WHEN 3 THEN 'recommended before' WHEN 4 THEN 'circle' END,
         CASE WHEN o.outcome = 1 THEN (g.forest).root[t.place] END, CASE WHEN o.outcome = 1 THEN (g.forest).depth[t.place] END,
         CASE WHEN o.outcome = 1 THEN (g.forest).position[t.place] END, CASE WHEN o.outcome = 1 THEN (g.forest).last_position[t.place] END
  FROM told AS t
  CROSS JOIN grown AS g
  CROSS JOIN LATERAL (SELECT (g.forest).outcome[t.place] AS outcome) AS o;
END
$$;

COMMENT ON FUNCTION @hub@.judged_referrals(bigint[]) IS
  'Used by crm.referral and crm.referrals_around(): these recommendations as crm.referral shows them, judged among themselves: with each, all others of its customer and of those above must be there.';

CREATE OR REPLACE VIEW @hub@.referral WITH (security_invoker = true) AS
SELECT j.referral_event_id, j.referrer_id, j.customer_id, j.referred_at, j.code, j.reward, j.source_id, j.told_by, j.counts, j.set_aside,
       j.root_id, j.depth, j.tree_position, j.tree_end
FROM (SELECT array_agg(e.referral_event_id) AS ids FROM @hub@.referral_event AS e WHERE e.removed_at IS NULL) AS a
CROSS JOIN LATERAL @hub@.judged_referrals(a.ids) AS j;

COMMENT ON VIEW @hub@.referral IS 'One row is one recommendation between customers as they are now, and whether it counts. Those that count are a forest: every customer was recommended at most once, and nobody by somebody whom he brought himself.';
COMMENT ON COLUMN @hub@.referral.referral_event_id IS 'The statement.';
COMMENT ON COLUMN @hub@.referral.referrer_id IS 'Customer who recommended.';
COMMENT ON COLUMN @hub@.referral.customer_id IS 'Customer who was recommended to come.';
COMMENT ON COLUMN @hub@.referral.referred_at IS 'When.';
COMMENT ON COLUMN @hub@.referral.code IS 'Code or voucher that was used.';
COMMENT ON COLUMN @hub@.referral.reward IS 'What the recommending customer got for it.';
COMMENT ON COLUMN @hub@.referral.source_id IS 'Source that delivered it; NULL: a steward told it.';
COMMENT ON COLUMN @hub@.referral.told_by IS 'Steward who told it.';
COMMENT ON COLUMN @hub@.referral.counts IS 'False: it is set aside.';
COMMENT ON COLUMN @hub@.referral.set_aside IS 'Why: one customer (the two are one by now), recommended before (an earlier one counts), circle (the earlier ones lead from the one to the other already); NULL: it counts.';
COMMENT ON COLUMN @hub@.referral.root_id IS 'Customer at the head of the tree, whom nobody recommended; NULL: it does not count.';
COMMENT ON COLUMN @hub@.referral.depth IS 'Number of recommendations from the head of the tree to the customer.';
COMMENT ON COLUMN @hub@.referral.tree_position IS 'Place of the customer when all trees are written one after the other, each referrer before those whom he brought.';
COMMENT ON COLUMN @hub@.referral.tree_end IS 'Place of the last whom he brought, directly or not: those at the places between are his tree.';

-- Whether a recommendation counts follows from those of the same customer, and from
-- those of everybody from whom a way leads down to him. So for one customer they
-- are found by index, upwards from the customer and from whom he brought; where
-- these are very many, all are taken.
CREATE OR REPLACE FUNCTION @hub@.referrals_around(customer_id bigint)
RETURNS SETOF @hub@.referral
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
DECLARE
  most CONSTANT integer := 1000;
  known bigint[] := '{}';
  events bigint[] := '{}';
  next_ones bigint[];
  step_events bigint[];
BEGIN
  SELECT array_agg(DISTINCT o.customer_id) INTO next_ones
  FROM @hub@.customer_member AS m
  JOIN @hub@.referral_event AS e ON e.referrer_record_id = m.record_id AND e.removed_at IS NULL
  JOIN @hub@.customer_member AS o ON o.record_id = e.record_id
  WHERE m.customer_id = $1 AND o.customer_id <> $1;
  next_ones := coalesce(next_ones, '{}') || $1;
  WHILE cardinality(next_ones) > 0 LOOP
    known := known || next_ones;
    IF cardinality(known) > most THEN
      RETURN QUERY SELECT r.* FROM @hub@.referral AS r;
      RETURN;
    END IF;
    SELECT array_agg(DISTINCT e.referral_event_id), array_agg(DISTINCT o.customer_id) FILTER (WHERE o.customer_id <> ALL (known))
    INTO step_events, next_ones
    FROM unnest(next_ones) AS n(id)
    JOIN @hub@.customer_member AS m ON m.customer_id = n.id
    JOIN @hub@.referral_event AS e ON e.record_id = m.record_id AND e.removed_at IS NULL
    JOIN @hub@.customer_member AS o ON o.record_id = e.referrer_record_id;
    events := events || step_events;
  END LOOP;
  IF cardinality(events) > 0 THEN
    RETURN QUERY SELECT j.* FROM @hub@.judged_referrals(events) AS j;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.referrals_around(bigint) IS
  'The recommendations of and by a living customer, as crm.referral shows them, with those above that decide which of them count (or all; places in the trees count these alone).';

-- The chain of recommendations from one customer down to another: its ids, or NULL.
-- Who brought somebody are those whose part of the trees his place is in.
CREATE OR REPLACE FUNCTION @hub@.referral_chain(upper_id bigint, lower_id bigint)
RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH counting AS MATERIALIZED (
    SELECT r.referrer_id, r.customer_id, r.depth, r.tree_position, r.tree_end FROM @hub@.referrals_around($2) AS r WHERE r.counts
  ), chain AS (
    SELECT (array_agg(c.referrer_id ORDER BY c.depth))[1] || array_agg(c.customer_id ORDER BY c.depth) AS ids
    FROM counting AS l
    JOIN counting AS c ON l.tree_position BETWEEN c.tree_position AND c.tree_end
    WHERE l.customer_id = $2
  )
  SELECT c.ids[array_position(c.ids, $1):] FROM chain AS c WHERE array_position(c.ids, $1) IS NOT NULL
$$;

COMMENT ON FUNCTION @hub@.referral_chain(bigint, bigint) IS
  'The customers between the first, who brought the second directly or through others, and the second, both included; NULL when he did not. Living ids.';

CREATE OR REPLACE FUNCTION @hub@.add_referral(
  referrer_id bigint, customer_id bigint, who text, why text, referred_at timestamptz DEFAULT now(), code text DEFAULT NULL,
  reward numeric DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  referrer bigint;
  referred bigint;
  chain bigint[];
  earlier record;
  made bigint;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  referrer := @hub@.steward_customer(add_referral.referrer_id);
  referred := @hub@.steward_customer(add_referral.customer_id);
  referrer := @hub@.current_id(referrer);
  IF referrer = referred THEN
    RAISE EXCEPTION 'customers % and % are one: customer %', add_referral.referrer_id, add_referral.customer_id, referred
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Nobody recommends himself.';
  END IF;
  IF add_referral.referred_at IS NULL OR NOT isfinite(add_referral.referred_at) THEN
    RAISE EXCEPTION 'a recommendation needs a time, not %', coalesce(add_referral.referred_at::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Leave it out for now().';
  END IF;
  chain := @hub@.referral_chain(referred, referrer);
  IF chain IS NOT NULL THEN
    RAISE EXCEPTION 'customer % cannot have recommended customer %: that would close a circle', add_referral.referrer_id, add_referral.customer_id
      USING ERRCODE = 'integrity_constraint_violation',
            DETAIL = format('Who brought whom until now: %s.',
                            CASE WHEN cardinality(chain) <= 20 THEN array_to_string(chain, ' -> ')
                                 ELSE array_to_string(chain[:10], ' -> ') || ' -> ... -> ' || array_to_string(chain[cardinality(chain) - 9:], ' -> ') END),
            HINT = 'One of these recommendations is wrong: see @hub@.referral, and take it away with @hub@.remove_referral(referral_event_id, who, why).';
  END IF;
  SELECT r.referral_event_id, r.referrer_id INTO earlier FROM @hub@.referrals_around(referred) AS r WHERE r.customer_id = referred AND r.counts;
  IF FOUND THEN
    RAISE EXCEPTION 'customer % was recommended by customer % already', add_referral.customer_id, earlier.referrer_id
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('If that is wrong, call @hub@.remove_referral(%s, who, why) first.', earlier.referral_event_id);
  END IF;
  INSERT INTO @hub@.referral_event AS e (record_id, referrer_record_id, referred_at, code, reward, told_by, why)
  VALUES (@hub@.customer_founder(referred), @hub@.customer_founder(referrer), add_referral.referred_at, NULLIF(btrim(add_referral.code), ''),
          add_referral.reward, btrim(add_referral.who), btrim(add_referral.why))
  RETURNING e.referral_event_id INTO made;
  RETURN made;
END
$$;

COMMENT ON FUNCTION @hub@.add_referral(bigint, bigint, text, text, timestamptz, text, numeric) IS
  'Says that a customer was recommended to come by another: referrer, customer, who says so and why, when (now), code, reward. It stays with the records that the two ids were made for. Old ids are followed. Returns the referral_event_id, for remove_referral(). Errors: integrity_constraint_violation when it would close a circle (with the chain as detail), object_not_in_prerequisite_state when the customer was recommended by somebody else already or is erased, no_data_found, null_value_not_allowed, invalid_parameter_value, numeric_value_out_of_range.';

CREATE OR REPLACE FUNCTION @hub@.remove_referral(referral_event_id bigint, who text, why text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  standing @hub@.referral_event;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  SELECT e.* INTO standing FROM @hub@.referral_event AS e WHERE e.referral_event_id = $1 FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'recommendation % does not exist', coalesce($1::text, 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'Look for it in @hub@.referral.';
  END IF;
  IF standing.removed_at IS NOT NULL THEN
    RAISE EXCEPTION 'recommendation % was removed already, by %: %', $1, standing.removed_by, standing.removed_why
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'To have it again, call @hub@.add_referral().';
  END IF;
  UPDATE @hub@.referral_event AS e
  SET removed_at = clock_timestamp(), removed_by = btrim($2), removed_why = btrim($3)
  WHERE e.referral_event_id = $1;
END
$$;

COMMENT ON FUNCTION @hub@.remove_referral(bigint, text, text) IS
  'Takes back a recommendation that never was so: referral_event_id, who says so and why. The row stays, removed, and a load of it does not bring it back; one that was set aside for its sake counts then. Returns nothing. Errors: no_data_found, null_value_not_allowed, object_not_in_prerequisite_state when it was removed already.';
