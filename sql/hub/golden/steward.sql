-- What a steward does: merge, split, say that two are one or two, and take it
-- back. Every act is a row of steward_event.

-- Raises an error unless somebody gives a reason.
CREATE OR REPLACE FUNCTION @hub@.steward_begin(who text, why text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.require_current();
  IF who IS NULL OR btrim(who) = '' OR why IS NULL OR btrim(why) = '' THEN
    RAISE EXCEPTION 'an act of a steward needs who and why'
      USING ERRCODE = 'null_value_not_allowed',
            HINT = 'Say who decided and for what reason: both are shown with the customer from now on.';
  END IF;
  PERFORM @hub@.lock_customers();
END
$$;

COMMENT ON FUNCTION @hub@.steward_begin(text, text) IS
  'Used by the acts of stewards: raises null_value_not_allowed without who and why, and waits for others who move records between customers. Returns nothing.';

-- The record that an id was made for, else the oldest one.
CREATE OR REPLACE FUNCTION @hub@.customer_founder(customer_id bigint)
RETURNS bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(min(m.record_id) FILTER (WHERE m.home_id = m.customer_id), min(m.record_id))
  FROM @hub@.customer_member AS m
  WHERE m.customer_id = $1
$$;

COMMENT ON FUNCTION @hub@.customer_founder(bigint) IS
  'Used by the acts of stewards: the record of a living customer that its id was made for, else its oldest; NULL for none.';

CREATE OR REPLACE FUNCTION @hub@.customer_records(customer_id bigint)
RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(array_agg(m.record_id ORDER BY m.record_id), '{}')
  FROM @hub@.customer_member AS m
  WHERE m.customer_id = @hub@.current_id($1)
$$;

COMMENT ON FUNCTION @hub@.customer_records(bigint) IS 'The source records of a customer, in ascending order. Old ids work; an unknown id has none.';

-- Records with all others of their customers.
CREATE OR REPLACE FUNCTION @hub@.steward_neighbours(record_ids bigint[])
RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET random_page_cost = 1.1
AS $$
  SELECT array_agg(n.record_id)
  FROM (SELECT u.record_id
        FROM unnest(record_ids) AS u(record_id)
        UNION
        SELECT o.record_id
        FROM unnest(record_ids) AS u(record_id)
        JOIN @hub@.customer_member AS m ON m.record_id = u.record_id
        JOIN @hub@.customer_member AS o ON o.customer_id = m.customer_id) AS n
$$;

COMMENT ON FUNCTION @hub@.steward_neighbours(bigint[]) IS
  'Used by the acts of stewards: these records and all that belong to one customer with them, in no order.';

-- What speaks against making one customer of each group, reason by reason.
CREATE OR REPLACE FUNCTION @hub@.steward_conflicts(group_ids bigint[], customer_ids bigint[])
RETURNS TABLE (group_id bigint, conflict text, record_a bigint, record_b bigint, event_id bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET random_page_cost = 1.1
AS $$
  WITH member AS MATERIALIZED (
    SELECT g.group_id, m.record_id, m.customer_id, r.kind,
           CASE WHEN r.tax_id IS NOT NULL AND omnicrm.tax_id_kind(r.tax_id, 'ES') = 'person' THEN r.tax_id COLLATE "C" END AS tax_id
    FROM unnest(group_ids, customer_ids) AS g(group_id, customer_id)
    JOIN @hub@.customer_member AS m ON m.customer_id = g.customer_id
    JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  )
  SELECT t.group_id, 'tax numbers differ',
         least(t.first_record, t.last_record), greatest(t.first_record, t.last_record), NULL::bigint
  FROM (SELECT m.group_id, (array_agg(m.record_id ORDER BY m.tax_id, m.record_id))[1] AS first_record,
               (array_agg(m.record_id ORDER BY m.tax_id DESC, m.record_id))[1] AS last_record
        FROM member AS m
        WHERE m.tax_id IS NOT NULL
        GROUP BY m.group_id
        HAVING min(m.tax_id) <> max(m.tax_id)) AS t
  UNION ALL
  SELECT k.group_id, 'person and organisation', k.person, k.organisation, NULL
  FROM (SELECT m.group_id, min(m.record_id) FILTER (WHERE m.kind = 'person') AS person,
               min(m.record_id) FILTER (WHERE m.kind = 'organisation') AS organisation
        FROM member AS m
        GROUP BY m.group_id) AS k
  WHERE k.person IS NOT NULL AND k.organisation IS NOT NULL
  UNION ALL
  SELECT a.group_id, 'decided apart', d.record_a, d.record_b, d.event_id
  FROM member AS a
  JOIN @hub@.match_decision AS d ON d.record_a = a.record_id AND NOT d.same
  JOIN member AS b ON b.record_id = d.record_b AND b.group_id = a.group_id
$$;

COMMENT ON FUNCTION @hub@.steward_conflicts(bigint[], bigint[]) IS
  'Used by the acts of stewards: what speaks against making one customer of all customer_ids[i] with the same group_ids[i]: two different personal tax numbers, a person and an organisation, or records that were decided apart, with the event.';

-- A conflict in words.
CREATE OR REPLACE FUNCTION @hub@.conflict_words(conflict text, record_a bigint, record_b bigint, event_id bigint)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE conflict
           WHEN 'tax numbers differ' THEN format('records %s and %s carry two different valid tax numbers', record_a, record_b)
           WHEN 'person and organisation' THEN format('record %s is of a person, record %s of an organisation', record_a, record_b)
           ELSE (SELECT format('event %s, by %s, says that records %s and %s are %s: %s', e.event_id, e.who, record_a, record_b,
                               CASE conflict WHEN 'decided apart' THEN 'not one customer' ELSE 'one customer' END, e.why)
                 FROM @hub@.steward_event AS e
                 WHERE e.event_id = $4)
         END
$$;

COMMENT ON FUNCTION @hub@.conflict_words(text, bigint, bigint, bigint) IS
  'A conflict of steward_conflicts() as a sentence; with decided together, that an event made two records one.';

CREATE OR REPLACE FUNCTION @hub@.why_not_merge(a bigint, b bigint)
RETURNS TABLE (conflict text, record_a bigint, record_b bigint, event_id bigint, forcible boolean, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c.conflict, c.record_a, c.record_b, c.event_id, c.conflict <> 'tax numbers differ',
         @hub@.conflict_words(c.conflict, c.record_a, c.record_b, c.event_id)
  FROM @hub@.steward_conflicts(ARRAY[1, 1]::bigint[], ARRAY[@hub@.require_customer($1), @hub@.require_customer($2)]) AS c
  ORDER BY c.conflict DESC, c.record_a, c.record_b
$$;

COMMENT ON FUNCTION @hub@.why_not_merge(bigint, bigint) IS
  'What crm.merge() of these two customers would be refused for, one row each; no row: nothing. conflict: tax numbers differ, person and organisation, or decided apart (by event_id); forcible: whether force => true overrules it; reason in words. Old ids work. Errors: no_data_found, null_value_not_allowed.';

-- Raises an error when something forbids the groups to be made one customer. With
-- a pair of records, only what was decided of these two can be overruled.
CREATE OR REPLACE FUNCTION @hub@.steward_refuse_conflicts(
  group_ids bigint[], customer_ids bigint[], force boolean, pair bigint[] DEFAULT NULL)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  refused record;
BEGIN
  SELECT count(*) AS conflicts, bool_or(c.conflict = 'tax numbers differ') AS hard,
         min(c.group_id) AS first_group,
         (array_agg(@hub@.conflict_words(c.conflict, c.record_a, c.record_b, c.event_id)
                    ORDER BY c.group_id, c.conflict DESC, c.record_a, c.record_b))[1:10] AS reasons
  INTO refused
  FROM @hub@.steward_conflicts(group_ids, customer_ids) AS c
  WHERE NOT force
     OR c.conflict = 'tax numbers differ'
     OR c.conflict = 'decided apart' AND ARRAY[c.record_a, c.record_b] <> pair;
  IF refused.conflicts = 0 THEN
    RETURN;
  END IF;
  RAISE EXCEPTION 'customers % cannot be one: %',
    (SELECT string_agg(u.customer_id::text, ' and ' ORDER BY u.customer_id)
     FROM unnest(group_ids, customer_ids) AS u(group_id, customer_id)
     WHERE u.group_id = refused.first_group),
    refused.reasons[1] || CASE WHEN refused.conflicts > 1 THEN format(' (and %s more)', refused.conflicts - 1) ELSE '' END
    USING ERRCODE = 'integrity_constraint_violation',
          DETAIL = array_to_string(refused.reasons, E'\n'),
          HINT = CASE WHEN refused.hard THEN 'Correct the number at its source, or split off the record that carries it; this cannot be forced.'
                      ELSE 'Undo the event that says so, or force a merge (force => true): the new decision then holds, and the earlier one comes back when it is undone.' END;
END
$$;

COMMENT ON FUNCTION @hub@.steward_refuse_conflicts(bigint[], bigint[], boolean, bigint[]) IS
  'Used by the acts of stewards: raises integrity_constraint_violation when something forbids to make one customer of each group. force: earlier decisions do not, with a pair of records those on that pair; two tax numbers always do. Returns nothing.';

-- The living customer of an id, with its records as they are now.
CREATE OR REPLACE FUNCTION @hub@.steward_customer(customer_id bigint)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  living bigint := @hub@.require_customer($1);
BEGIN
  IF @hub@.steward_catch_up(@hub@.customer_records(living)) THEN
    living := @hub@.require_customer($1);
  END IF;
  IF (SELECT c.state FROM @hub@.customer AS c WHERE c.customer_id = living) = 'erased' THEN
    RAISE EXCEPTION 'customer % is erased', living
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'There is nothing left to decide on.';
  END IF;
  IF NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = living) THEN
    RAISE EXCEPTION 'customer % has no records', living
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Its records were deleted: there is nothing left to decide on.';
  END IF;
  RETURN living;
END
$$;

COMMENT ON FUNCTION @hub@.steward_customer(bigint) IS
  'Used by the acts of stewards: the living customer of an id, once those of its records that wait in resolve_queue are resolved. Errors: no_data_found, null_value_not_allowed, object_not_in_prerequisite_state for a customer without records or one that is erased.';

-- Pairs of ids as pairs of living customers.
CREATE OR REPLACE FUNCTION @hub@.steward_pairs(INOUT a bigint[], INOUT b bigint[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET random_page_cost = 1.1
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  -- The ids as given.
  given_a CONSTANT bigint[] := a;
  given_b CONSTANT bigint[] := b;
  joined record;
BEGIN
  IF cardinality(a) = cardinality(b) AND cardinality(a) > 0 AND array_position(a || b, NULL) IS NULL THEN
    -- Each id once, so that the first that is unknown is told.
    PERFORM @hub@.require_customer(u.id)
    FROM (SELECT DISTINCT n.id FROM unnest(a || b) AS n(id)) AS u
    WHERE NOT EXISTS (SELECT FROM @hub@.customer AS c WHERE c.customer_id = u.id);
  ELSE
    RAISE EXCEPTION 'no pairs of customers: % and % ids were given', coalesce(cardinality(a), 0), coalesce(cardinality(b), 0)
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give two arrays of the same length without nulls: a[i] and b[i] become one customer.';
  END IF;
  PERFORM @hub@.steward_catch_up(ARRAY(SELECT m.record_id
                                       FROM (SELECT DISTINCT n.id FROM unnest(a || b) AS n(id)) AS u
                                       JOIN @hub@.customer AS c ON c.customer_id = u.id
                                       JOIN @hub@.customer_member AS m ON m.customer_id = coalesce(c.merged_into, c.customer_id)));
  SELECT array_agg(coalesce(x.merged_into, x.customer_id) ORDER BY p.position),
         array_agg(coalesce(y.merged_into, y.customer_id) ORDER BY p.position) INTO a, b
  FROM unnest(given_a, given_b) WITH ORDINALITY AS p(a, b, position)
  JOIN @hub@.customer AS x ON x.customer_id = p.a
  JOIN @hub@.customer AS y ON y.customer_id = p.b;
  SELECT u.a, u.b, u.living INTO joined
  FROM unnest(given_a, given_b, a, b) WITH ORDINALITY AS u(a, b, living, other, position)
  WHERE u.living = u.other
  ORDER BY u.position
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'customers % and % are one already: customer %', joined.a, joined.b, joined.living
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'To hold two ids together whatever the rules say later, call @hub@.assert_same(). From a list, leave such pairs out: WHERE @hub@.current_id(a) <> @hub@.current_id(b).';
  END IF;
  PERFORM @hub@.steward_customer(u.id)
  FROM (SELECT DISTINCT n.id FROM unnest(a || b) AS n(id)) AS u
  WHERE NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = u.id)
     OR EXISTS (SELECT FROM @hub@.customer AS c WHERE c.customer_id = u.id AND c.state = 'erased');
END
$$;

COMMENT ON FUNCTION @hub@.steward_pairs(bigint[], bigint[]) IS
  'Used by crm.merge_many(): pairs of customer ids as pairs of living customers, once those of their records that wait in resolve_queue are resolved. Errors: invalid_parameter_value, no_data_found, object_not_in_prerequisite_state for a pair that is one customer and for a customer without records or one that is erased.';

-- Prepares one event for each group of customers: the records that their ids were
-- made for are one, and where forced, those that were decided apart.
CREATE OR REPLACE FUNCTION @hub@.steward_prepare_merge(
  kind text, group_ids bigint[], customer_ids bigint[], force boolean, provisional boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
#variable_conflict use_column
BEGIN
  PERFORM @hub@.steward_refuse_conflicts(group_ids, customer_ids, force);
  PERFORM @hub@.steward_make_tables();
  WITH event AS MATERIALIZED (
    SELECT g.group_id, @hub@.steward_event_id(provisional, g.group_id) AS event_id
    FROM (SELECT DISTINCT u.group_id FROM unnest(group_ids) AS u(group_id) ORDER BY u.group_id) AS g
  ), known AS (
    INSERT INTO pg_temp.omnicrm_steward_event (event_id, kind)
    SELECT e.event_id, steward_prepare_merge.kind
    FROM event AS e
  ), member AS (
    SELECT e.event_id, m.record_id, m.customer_id = e.group_id AS surviving, (m.home_id = m.customer_id) IS TRUE AS home
    FROM unnest(group_ids, customer_ids) AS u(group_id, customer_id)
    JOIN event AS e ON e.group_id = u.group_id
    JOIN @hub@.customer_member AS m ON m.customer_id = u.customer_id
  )
  INSERT INTO pg_temp.omnicrm_steward_part (event_id, part, record_id, center)
  SELECT m.event_id, 1, m.record_id,
         first_value(m.record_id) OVER (PARTITION BY m.event_id ORDER BY m.surviving DESC, m.home DESC, m.record_id)
  FROM member AS m;

  ANALYZE pg_temp.omnicrm_steward_event, pg_temp.omnicrm_steward_part;
  INSERT INTO pg_temp.omnicrm_steward_decision (event_id, record_a, record_b, same, claim)
  SELECT f.event_id, least(f.center, f.record_id), greatest(f.center, f.record_id), true, true
  FROM (SELECT DISTINCT ON (p.event_id, m.customer_id) p.event_id, p.center, p.record_id
        FROM pg_temp.omnicrm_steward_part AS p
        JOIN @hub@.customer_member AS m ON m.record_id = p.record_id
        ORDER BY p.event_id, m.customer_id, (m.home_id = m.customer_id) IS TRUE DESC, p.record_id) AS f
  WHERE f.record_id <> f.center;
  IF force THEN
    INSERT INTO pg_temp.omnicrm_steward_decision (event_id, record_a, record_b, same, claim)
    SELECT a.event_id, d.record_a, d.record_b, true, true
    FROM pg_temp.omnicrm_steward_part AS a
    JOIN @hub@.match_decision AS d ON d.record_a = a.record_id AND NOT d.same
    JOIN pg_temp.omnicrm_steward_part AS b ON b.record_id = d.record_b AND b.event_id = a.event_id
    ON CONFLICT DO NOTHING;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.steward_prepare_merge(text, bigint[], bigint[], boolean, boolean) IS
  'Used by the acts of stewards: prepares one event of this kind for each group of living customers that is to become one. Returns nothing. Error: integrity_constraint_violation.';

CREATE OR REPLACE FUNCTION @hub@.merge_many(a bigint[], b bigint[], who text, why text, force boolean DEFAULT false)
RETURNS SETOF @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
SET enable_mergejoin = on
SET random_page_cost = 1.1
AS $$
DECLARE
  found omnicrm.linked_components;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  PERFORM @hub@.steward_prefer_keys(cardinality(a));
  SELECT p.a, p.b INTO a, b FROM @hub@.steward_pairs(a, b) AS p;
  SELECT (k.components).* INTO found
  FROM (SELECT omnicrm.link_components(u.a, u.b, 0, NULL, NULL, false, true, true, NULL, NULL) AS components
        FROM unnest(a, b) AS u(a, b)
        OFFSET 0) AS k;
  PERFORM @hub@.steward_prepare_merge('merge', found.root, found.node, coalesce(force, false), false);
  RETURN QUERY SELECT e.* FROM @hub@.steward_carry_out(who, why, coalesce(force, false), false) AS e;
END
$$;

COMMENT ON FUNCTION @hub@.merge_many(bigint[], bigint[], text, text, boolean) IS
  'Makes a[i] and b[i] one customer for all i, connected pairs together, in one pass: for lists, SELECT * FROM crm.merge_many(array_agg(a), array_agg(b), ...) with the pairs of a table. One event for each group that becomes one customer, each of which can be undone by itself. All or nothing. who, why, force: as in crm.merge(). Returns the events. Errors: as crm.merge().';

CREATE OR REPLACE FUNCTION @hub@.merge(a bigint, b bigint, who text, why text, force boolean DEFAULT false)
RETURNS @hub@.steward_event
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.* FROM @hub@.merge_many(ARRAY[a], ARRAY[b], who, why, force) AS e
$$;

COMMENT ON FUNCTION @hub@.merge(bigint, bigint, text, text, boolean) IS
  'Makes one customer of two; the oldest id stays, the other leads to it, facts follow. who: who decided; why: reason in words. force: overrules earlier decisions that keep them apart (which come back when this merge is undone), and that one is a person and one an organisation; never two different personal tax numbers. Ids of merged customers are followed: they name the same person. Returns the row of steward_event; crm.undo(event_id) takes it back, crm.preview_merge() shows what would change, crm.why_not_merge() what forbids it. Errors: integrity_constraint_violation (tax numbers, earlier decisions), object_not_in_prerequisite_state (one customer already), no_data_found, null_value_not_allowed, invalid_parameter_value.';

CREATE OR REPLACE FUNCTION @hub@.assert_same(a bigint, b bigint, who text, why text, force boolean DEFAULT false)
RETURNS @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
SET enable_mergejoin = on
SET random_page_cost = 1.1
AS $$
DECLARE
  living_a bigint;
  living_b bigint;
  homes bigint[];
  event @hub@.steward_event;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  PERFORM @hub@.steward_prefer_keys(1);
  living_a := @hub@.steward_customer(a);
  living_b := @hub@.steward_customer(b);
  living_a := @hub@.current_id(living_a);
  IF living_a <> living_b THEN
    PERFORM @hub@.steward_prepare_merge('same', ARRAY[least(living_a, living_b), least(living_a, living_b)],
                                        ARRAY[living_a, living_b], coalesce(force, false), false);
    SELECT e.* INTO event FROM @hub@.steward_carry_out(who, why, coalesce(force, false), false) AS e;
    RETURN event;
  END IF;
  homes := ARRAY(SELECT m.record_id
                 FROM @hub@.customer_member AS m
                 WHERE m.customer_id = living_a AND m.home_id IN (a, b)
                 ORDER BY m.record_id);
  IF cardinality(homes) <> 2 THEN
    RAISE EXCEPTION 'customers % and % are one, and nothing tells them apart', a, b
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name two ids that were made for different records, or the records: @hub@.assert_same_records(record_a, record_b, who, why).';
  END IF;
  RETURN @hub@.assert_same_records(homes[1], homes[2], who, why, force);
END
$$;

COMMENT ON FUNCTION @hub@.assert_same(bigint, bigint, text, text, boolean) IS
  'Says that two customers are one person: like crm.merge(), and where the rules have made them one already (a or b is a former id), holds the records that the two ids were made for together whatever the rules say later. Returns the event. Errors: as crm.merge(); invalid_parameter_value when both ids are the same.';

-- Two living customers whose records must never meet.
CREATE OR REPLACE FUNCTION @hub@.assert_different(a bigint, b bigint, who text, why text, force boolean DEFAULT false)
RETURNS @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
SET enable_mergejoin = on
SET random_page_cost = 1.1
AS $$
DECLARE
  most CONSTANT bigint := 1000000;
  living_a bigint;
  living_b bigint;
  event @hub@.steward_event;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  PERFORM @hub@.steward_prefer_keys(1);
  living_a := @hub@.steward_customer(a);
  living_b := @hub@.steward_customer(b);
  living_a := @hub@.current_id(living_a);
  IF living_a = living_b THEN
    RAISE EXCEPTION 'customers % and % are one: customer %', a, b, living_a
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Say which records are somebody else: @hub@.split(customer_id, record_ids, who, why); or undo the event that made them one.';
  END IF;
  IF cardinality(@hub@.customer_records(living_a))::bigint * cardinality(@hub@.customer_records(living_b)) > most THEN
    RAISE EXCEPTION 'customers % and % have too many records: more than % pairs', living_a, living_b, most
      USING ERRCODE = 'program_limit_exceeded',
            HINT = 'Name the records that must not meet: @hub@.assert_different_records(record_a, record_b, who, why).';
  END IF;
  PERFORM @hub@.steward_make_tables();
  INSERT INTO pg_temp.omnicrm_steward_event (event_id, kind) VALUES (@hub@.steward_event_id(false, 1), 'different');
  INSERT INTO pg_temp.omnicrm_steward_decision (event_id, record_a, record_b, same, claim)
  SELECT e.event_id, least(x.record_id, y.record_id), greatest(x.record_id, y.record_id), false, true
  FROM pg_temp.omnicrm_steward_event AS e
  CROSS JOIN unnest(@hub@.customer_records(living_a)) AS x(record_id)
  CROSS JOIN unnest(@hub@.customer_records(living_b)) AS y(record_id);
  PERFORM @hub@.steward_refuse_contradiction(coalesce(force, false));
  SELECT e.* INTO event FROM @hub@.steward_carry_out(who, why, coalesce(force, false), false) AS e;
  RETURN event;
END
$$;

COMMENT ON FUNCTION @hub@.assert_different(bigint, bigint, text, text, boolean) IS
  'Says that two customers are two people: no record of the one will ever be one customer with a record of the other, whatever the rules say later. force: overrules an earlier decision that they are one. Returns the event. Errors: object_not_in_prerequisite_state when they are one customer (use crm.split()), integrity_constraint_violation for a contradicting decision, program_limit_exceeded above a million pairs of records, no_data_found, null_value_not_allowed.';

-- Raises an error when a live event claims the opposite of what is prepared.
CREATE OR REPLACE FUNCTION @hub@.steward_refuse_contradiction(force boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  refused record;
BEGIN
  IF force THEN
    RETURN;
  END IF;
  SELECT count(*) AS conflicts,
         (array_agg(@hub@.conflict_words(CASE WHEN c.same THEN 'decided together' ELSE 'decided apart' END, c.record_a, c.record_b, c.event_id)
                    ORDER BY c.event_id DESC, c.record_a, c.record_b))[1:10] AS reasons
  INTO refused
  FROM (SELECT DISTINCT ON (d.record_a, d.record_b) d.record_a, d.record_b, d.same, d.event_id
        FROM pg_temp.omnicrm_steward_decision AS n
        JOIN @hub@.match_decision AS m ON m.record_a = n.record_a AND m.record_b = n.record_b AND m.same <> n.same
        JOIN @hub@.steward_decision AS d ON d.record_a = n.record_a AND d.record_b = n.record_b AND d.same = m.same AND d.claim
        JOIN @hub@.steward_event AS e ON e.event_id = d.event_id AND e.undone_at IS NULL
        ORDER BY d.record_a, d.record_b, d.event_id DESC) AS c;
  IF refused.conflicts = 0 THEN
    RETURN;
  END IF;
  RAISE EXCEPTION 'an earlier decision says the opposite: %', refused.reasons[1]
    || CASE WHEN refused.conflicts > 1 THEN format(' (and %s more)', refused.conflicts - 1) ELSE '' END
    USING ERRCODE = 'integrity_constraint_violation',
          DETAIL = array_to_string(refused.reasons, E'\n'),
          HINT = 'Undo that event, or pass force => true: what is decided now then holds, and the earlier decision comes back when it is undone.';
END
$$;

COMMENT ON FUNCTION @hub@.steward_refuse_contradiction(boolean) IS
  'Used by the acts of stewards: unless forced, raises integrity_constraint_violation when a live event claims the opposite of a prepared decision. Returns nothing.';

-- One decision on two records, as an event.
CREATE OR REPLACE FUNCTION @hub@.steward_decide_records(
  record_a bigint, record_b bigint, same boolean, who text, why text, force boolean)
RETURNS @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
SET enable_mergejoin = on
SET random_page_cost = 1.1
AS $$
#variable_conflict use_variable
DECLARE
  event @hub@.steward_event;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  PERFORM @hub@.steward_prefer_keys(1);
  IF record_a = record_b
     OR (SELECT count(*) FROM @hub@.source_record AS r WHERE r.record_id IN (record_a, record_b) AND r.erased_at IS NULL) <> 2 THEN
    RAISE EXCEPTION 'no two records: % and %', coalesce(record_a::text, 'NULL'), coalesce(record_b::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give two different values of source_record.record_id, as in review_queue.';
  END IF;
  PERFORM @hub@.steward_catch_up(@hub@.steward_neighbours(ARRAY[record_a, record_b]));
  IF same THEN
    PERFORM @hub@.steward_refuse_conflicts(
      ARRAY[1, 1], ARRAY(SELECT m.customer_id FROM @hub@.customer_member AS m WHERE m.record_id IN (record_a, record_b)),
      coalesce(force, false), ARRAY[least(record_a, record_b), greatest(record_a, record_b)]);
  END IF;
  PERFORM @hub@.steward_make_tables();
  INSERT INTO pg_temp.omnicrm_steward_event (event_id, kind)
  VALUES (@hub@.steward_event_id(false, 1), CASE WHEN same THEN 'same' ELSE 'different' END);
  INSERT INTO pg_temp.omnicrm_steward_decision (event_id, record_a, record_b, same, claim)
  SELECT e.event_id, least(record_a, record_b), greatest(record_a, record_b), same, true
  FROM pg_temp.omnicrm_steward_event AS e;
  PERFORM @hub@.steward_refuse_contradiction(coalesce(force, false));
  SELECT e.* INTO event FROM @hub@.steward_carry_out(who, why, coalesce(force, false), false) AS e;
  RETURN event;
END
$$;

COMMENT ON FUNCTION @hub@.steward_decide_records(bigint, bigint, boolean, text, text, boolean) IS
  'Used by crm.assert_same_records(), crm.assert_different_records() and crm.decide_match(); call those. Returns the event.';

CREATE OR REPLACE FUNCTION @hub@.assert_same_records(record_a bigint, record_b bigint, who text, why text, force boolean DEFAULT false)
RETURNS @hub@.steward_event
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.* FROM @hub@.steward_decide_records(record_a, record_b, true, who, why, force) AS e
$$;

COMMENT ON FUNCTION @hub@.assert_same_records(bigint, bigint, text, text, boolean) IS
  'Says that two source records are of one person. They become one customer, with the records that the rules link to them. force: overrules an earlier decision on these two. Returns the event. Errors: invalid_parameter_value unless two records are named, integrity_constraint_violation (two personal tax numbers, earlier decisions), null_value_not_allowed.';

CREATE OR REPLACE FUNCTION @hub@.assert_different_records(record_a bigint, record_b bigint, who text, why text, force boolean DEFAULT false)
RETURNS @hub@.steward_event
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.* FROM @hub@.steward_decide_records(record_a, record_b, false, who, why, force) AS e
$$;

COMMENT ON FUNCTION @hub@.assert_different_records(bigint, bigint, text, text, boolean) IS
  'Says that two source records are of two people: they are never one customer. Where they are now, the other records go where their stronger links lead; to say yourself who goes where, use crm.split(). force: overrules an earlier decision on these two. Returns the event. Errors: as crm.assert_same_records().';

-- The records that a split names, checked.
CREATE OR REPLACE FUNCTION @hub@.steward_split_records(living bigint, record_ids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  named CONSTANT bigint[] := ARRAY(SELECT DISTINCT u.record_id FROM unnest(record_ids) AS u(record_id) ORDER BY 1);
  held CONSTANT bigint[] := @hub@.customer_records(living);
  strange bigint[];
BEGIN
  IF cardinality(named) = 0 OR array_position(named, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'a split needs the records that become a customer of their own'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Choose from SELECT * FROM @hub@.explain_match(%s).', living);
  END IF;
  strange := ARRAY(SELECT u.record_id FROM unnest(named) AS u(record_id) WHERE u.record_id <> ALL (held) ORDER BY 1);
  IF cardinality(strange) > 0 THEN
    RAISE EXCEPTION 'customer % does not hold record %', living, array_to_string(strange[1:10], ', ')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Its records are %s. One that is missing may have moved meanwhile.', array_to_string(held[1:50], ', '));
  END IF;
  IF named = held THEN
    RAISE EXCEPTION 'a split must leave customer % a record', living
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('It holds no others than %s.', array_to_string(held[1:50], ', '));
  END IF;
  RETURN named;
END
$$;

COMMENT ON FUNCTION @hub@.steward_split_records(bigint, bigint[]) IS
  'Used by crm.split(): the records in ascending order, once each. Error: invalid_parameter_value unless they are some, and not all, of the customer''s.';

-- Prepares a split: the first of the records that leave is one with the others
-- of them and differs from all that stay; what was decided across is overruled.
CREATE OR REPLACE FUNCTION @hub@.steward_prepare_split(living bigint, record_ids bigint[], force boolean, provisional boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  first_one CONSTANT bigint := (SELECT min(u.record_id) FROM unnest(record_ids) AS u(record_id));
BEGIN
  PERFORM @hub@.steward_make_tables();
  INSERT INTO pg_temp.omnicrm_steward_event (event_id, kind) VALUES (@hub@.steward_event_id(provisional, 1), 'split');
  INSERT INTO pg_temp.omnicrm_steward_part (event_id, part, record_id, center)
  SELECT e.event_id, s.part, s.record_id,
         first_value(s.record_id) OVER (PARTITION BY s.part ORDER BY (s.part = 2 AND s.home) DESC, s.record_id)
  FROM pg_temp.omnicrm_steward_event AS e
  CROSS JOIN (SELECT m.record_id, CASE WHEN m.record_id = ANY (record_ids) THEN 1 ELSE 2 END AS part,
                     (m.home_id = m.customer_id) IS TRUE AS home
              FROM @hub@.customer_member AS m
              WHERE m.customer_id = living) AS s;
  INSERT INTO pg_temp.omnicrm_steward_decision (event_id, record_a, record_b, same, claim)
  SELECT p.event_id, least(first_one, p.record_id), greatest(first_one, p.record_id), p.part = 1, true
  FROM pg_temp.omnicrm_steward_part AS p
  WHERE p.record_id <> first_one;
  INSERT INTO pg_temp.omnicrm_steward_decision (event_id, record_a, record_b, same, claim)
  SELECT a.event_id, d.record_a, d.record_b, false, true
  FROM pg_temp.omnicrm_steward_part AS a
  JOIN @hub@.match_decision AS d ON d.record_a = a.record_id AND d.same
  JOIN pg_temp.omnicrm_steward_part AS b ON b.record_id = d.record_b AND b.part <> a.part
  ON CONFLICT DO NOTHING;
  PERFORM @hub@.steward_refuse_contradiction(force);
END
$$;

COMMENT ON FUNCTION @hub@.steward_prepare_split(bigint, bigint[], boolean, boolean) IS
  'Used by crm.split() and its preview: prepares the event. Returns nothing. Error: integrity_constraint_violation.';

CREATE OR REPLACE FUNCTION @hub@.split(customer_id bigint, record_ids bigint[], who text, why text, force boolean DEFAULT false)
RETURNS @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
SET enable_mergejoin = on
SET random_page_cost = 1.1
AS $$
DECLARE
  living bigint;
  event @hub@.steward_event;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  PERFORM @hub@.steward_prefer_keys(1);
  living := @hub@.steward_customer($1);
  PERFORM @hub@.steward_prepare_split(living, @hub@.steward_split_records(living, record_ids), coalesce(force, false), false);
  SELECT e.* INTO event FROM @hub@.steward_carry_out(who, why, coalesce(force, false), false) AS e;
  RETURN event;
END
$$;

COMMENT ON FUNCTION @hub@.split(bigint, bigint[], text, text, boolean) IS
  'Takes these records out of a customer: they stay together, and are never one customer with those that are left. They are a customer of their own unless the rules find them to be one with another. The part with the record that the id was made for keeps the id, the other gets its former id back or a new one. Facts go with their records. who, why: as in crm.merge(); force: overrules earlier decisions that records of both parts are one. Returns the event; crm.undo(event_id) takes it back, crm.preview_split() shows what would change. Errors: invalid_parameter_value unless some, and not all, of its records are named, integrity_constraint_violation for a contradicting decision, no_data_found, null_value_not_allowed, object_not_in_prerequisite_state.';

-- Taking back ------------------------------------------------------------------

-- Marks events as undone and clusters their records again.
CREATE OR REPLACE FUNCTION @hub@.steward_withdraw(event_ids bigint[], who text, why text, provisional boolean)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  missing bigint;
  earlier @hub@.steward_event;
  record_ids bigint[];
BEGIN
  SELECT min(u.event_id) INTO missing
  FROM unnest(event_ids) AS u(event_id)
  WHERE NOT EXISTS (SELECT FROM @hub@.steward_event AS e WHERE e.event_id = u.event_id);
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'event % does not exist', missing
      USING ERRCODE = 'no_data_found',
            HINT = 'Look for it in @hub@.steward_event, or in @hub@.steward_history(customer_id).';
  END IF;
  SELECT e.* INTO earlier
  FROM @hub@.steward_event AS e
  WHERE e.event_id = ANY (event_ids) AND e.undone_at IS NOT NULL
  ORDER BY e.event_id
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'event % was undone already, by %: %', earlier.event_id, earlier.undone_by, earlier.undone_why
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Nothing is left to undo. To do it again, call the function that made it.';
  END IF;
  record_ids := ARRAY(SELECT d.record_a FROM @hub@.steward_decision AS d WHERE d.event_id = ANY (event_ids)
                      UNION
                      SELECT d.record_b FROM @hub@.steward_decision AS d WHERE d.event_id = ANY (event_ids));
  PERFORM @hub@.steward_catch_up(@hub@.steward_neighbours(record_ids));
  UPDATE @hub@.steward_event AS e
  SET undone_at = clock_timestamp(), undone_by = steward_withdraw.who, undone_why = steward_withdraw.why
  WHERE e.event_id = ANY (event_ids);
  PERFORM @hub@.steward_make_tables();
  PERFORM @hub@.steward_weigh(event_ids);
  PERFORM @hub@.resolve_again(record_ids, provisional);
  RETURN cardinality(@hub@.steward_moved()) > 0;
END
$$;

COMMENT ON FUNCTION @hub@.steward_withdraw(bigint[], text, text, boolean) IS
  'Used by crm.undo() and its like: takes events back. Returns whether a record went to another customer. Errors: no_data_found, object_not_in_prerequisite_state for an event that was undone already.';

CREATE OR REPLACE FUNCTION @hub@.undo_many(event_ids bigint[], who text DEFAULT current_user, why text DEFAULT 'taken back')
RETURNS SETOF @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
SET enable_mergejoin = on
SET random_page_cost = 1.1
AS $$
#variable_conflict use_variable
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  PERFORM @hub@.steward_prefer_keys(cardinality(event_ids));
  IF cardinality(event_ids) > 0 AND array_position(event_ids, NULL) IS NULL THEN
    event_ids := ARRAY(SELECT DISTINCT u.event_id FROM unnest(event_ids) AS u(event_id) ORDER BY u.event_id);
  ELSE
    RAISE EXCEPTION 'no events to undo: %', coalesce(event_ids::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give their ids, as in @hub@.steward_event.event_id, without nulls.';
  END IF;
  IF NOT @hub@.steward_withdraw(event_ids, who, why, false) THEN
    RAISE NOTICE 'no record goes to another customer: rules, or other decisions, still say the same'
      USING HINT = 'Use @hub@.split() to part what the rules hold together, @hub@.merge() to join what they keep apart.';
  END IF;
  RETURN QUERY SELECT e.* FROM @hub@.steward_event AS e WHERE e.event_id = ANY (event_ids) ORDER BY e.event_id;
END
$$;

COMMENT ON FUNCTION @hub@.undo_many(bigint[], text, text) IS
  'Takes several events back in one pass; all or nothing. Returns them. Errors: as crm.undo().';

CREATE OR REPLACE FUNCTION @hub@.undo(event_id bigint, who text DEFAULT current_user, why text DEFAULT 'taken back')
RETURNS @hub@.steward_event
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.* FROM @hub@.undo_many(ARRAY[event_id], who, why) AS e
$$;

COMMENT ON FUNCTION @hub@.undo(bigint, text, text) IS
  'Takes back one act of a steward: withdraws exactly its decisions, whatever was decided since, and lets records, rules and all other decisions say who belongs together. Events may be undone in any order; when all are, everything is as if none had been, ids included. A notice tells when no record moves. Returns the event. Errors: object_not_in_prerequisite_state when it was undone already, no_data_found, invalid_parameter_value, null_value_not_allowed.';

CREATE OR REPLACE FUNCTION @hub@.unmerge(event_id bigint, who text DEFAULT current_user, why text DEFAULT 'taken back')
RETURNS @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  other_kind text;
  event @hub@.steward_event;
BEGIN
  SELECT e.kind INTO other_kind FROM @hub@.steward_event AS e WHERE e.event_id = unmerge.event_id AND e.kind NOT IN ('merge', 'same');
  IF FOUND THEN
    RAISE EXCEPTION 'event % is no merge: %', event_id, other_kind
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('To take it back, call @hub@.undo(%s).', event_id);
  END IF;
  SELECT e.* INTO event FROM @hub@.undo(event_id, who, why) AS e;
  RETURN event;
END
$$;

COMMENT ON FUNCTION @hub@.unmerge(bigint, text, text) IS
  'Takes back a merge (crm.merge(), crm.merge_many(), crm.assert_same()): crm.undo() that refuses other events. Returns the event. Errors: invalid_parameter_value for an event that is no merge; else as crm.undo().';

CREATE OR REPLACE FUNCTION @hub@.decide_match(record_a bigint, record_b bigint, same boolean, why text DEFAULT NULL,
                                              who text DEFAULT current_user)
RETURNS @hub@.steward_event
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  last_event bigint;
  event @hub@.steward_event;
BEGIN
  IF same IS NOT NULL THEN
    RETURN @hub@.steward_decide_records(record_a, record_b, same, who, coalesce(why, 'decided in the review queue'), true);
  END IF;
  SELECT m.event_id INTO last_event
  FROM @hub@.match_decision AS m
  WHERE m.record_a = least(decide_match.record_a, decide_match.record_b) AND m.record_b = greatest(decide_match.record_a, decide_match.record_b);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'nothing is decided of records % and %', coalesce(record_a::text, 'NULL'), coalesce(record_b::text, 'NULL')
      USING ERRCODE = 'no_data_found',
            HINT = 'What is decided stands in @hub@.match_decision.';
  END IF;
  IF (SELECT count(*) FROM @hub@.steward_decision AS d WHERE d.event_id = last_event) > 1 THEN
    RAISE EXCEPTION 'event % decided more than records % and %', last_event, record_a, record_b
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('See @hub@.preview_undo(%s), and take it back with @hub@.undo(%s).', last_event, last_event);
  END IF;
  SELECT e.* INTO event FROM @hub@.undo(last_event, who, coalesce(why, 'taken back')) AS e;
  RETURN event;
END
$$;

COMMENT ON FUNCTION @hub@.decide_match(bigint, bigint, boolean, text, text) IS
  'Decides a pair of review_queue, or any two records, at once: same true makes them one customer, false keeps them apart, and a later decision replaces an earlier one; null takes the decision back. Returns the event. Errors: invalid_parameter_value unless two records are named, integrity_constraint_violation (two personal tax numbers, decisions on other records), for null no_data_found when nothing is decided, object_not_in_prerequisite_state when the event decided more than this pair.';

CREATE OR REPLACE FUNCTION @hub@.steward_history(customer_id bigint)
RETURNS TABLE (event_id bigint, kind text, customers_before bigint[], customers_after bigint[], who text, why text, at timestamptz,
               undone_at timestamptz, undone_by text, undone_why text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT e.event_id, e.kind, e.customers_before, e.customers_after, e.who, e.why, e.at, e.undone_at, e.undone_by, e.undone_why
  FROM (SELECT d.event_id
        FROM @hub@.customer_member AS m
        JOIN @hub@.steward_decision AS d ON d.record_a = m.record_id
        WHERE m.customer_id = @hub@.require_customer($1)
        UNION
        SELECT d.event_id
        FROM @hub@.customer_member AS m
        JOIN @hub@.steward_decision AS d ON d.record_b = m.record_id
        WHERE m.customer_id = @hub@.require_customer($1)) AS n
  JOIN @hub@.steward_event AS e ON e.event_id = n.event_id
  ORDER BY e.event_id DESC
$$;

COMMENT ON FUNCTION @hub@.steward_history(bigint) IS
  'Every act of a steward that speaks of a record of this customer, the newest first, with those that were undone. Old ids work. Errors: no_data_found, null_value_not_allowed.';
