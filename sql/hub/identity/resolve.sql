-- crm.resolve(): which source records are one customer.
--
-- Two records that share a linkable identifier value are a pair; the rule of
-- its kind accepts the pair or says why not. Accepted pairs are edges, and
-- omnicrm.link_components() makes clusters of them. Its answer for one connected
-- component of edges depends on that component alone and on nothing that differs
-- between two histories of loads: ties go by (source, source key). So it is
-- enough to cluster the components that changed records touch now or touched
-- before, and the partition is the one that a full run would give.
--
-- One function is one step; they hand each other temporary tables named
-- omnicrm_resolve_*, which are analysed, since the planner must know whether
-- it works on one record or on all.

-- Waits for another resolve() of this hub; load() does not wait.
CREATE OR REPLACE FUNCTION @hub@.lock_customers()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_advisory_xact_lock(hashtextextended('omnicrm customers', '@hub@.customer'::regclass::oid::bigint))
$$;

COMMENT ON FUNCTION @hub@.lock_customers() IS
  'Makes the functions that move records between customers run one after the other; held until the end of the transaction. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.resolve_drop_tables()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
  DROP TABLE IF EXISTS pg_temp.omnicrm_resolve_record, pg_temp.omnicrm_resolve_value, pg_temp.omnicrm_resolve_pair,
                       pg_temp.omnicrm_resolve_member, pg_temp.omnicrm_resolve_customer, pg_temp.omnicrm_resolve_person,
                       pg_temp.omnicrm_resolve_meeting, pg_temp.omnicrm_resolve_found, pg_temp.omnicrm_resolve_candidate,
                       pg_temp.omnicrm_resolve_link, pg_temp.omnicrm_resolve_group, pg_temp.omnicrm_resolve_apart,
                       pg_temp.omnicrm_resolve_review
$$;

COMMENT ON FUNCTION @hub@.resolve_drop_tables() IS 'Used by crm.resolve(): drops its temporary tables. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.resolve_make_tables()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.resolve_drop_tables();
  -- Records at hand. dirty: their pairs are evaluated anew; the others belong
  -- to the components that these touch. round: when they came in.
  CREATE TEMPORARY TABLE omnicrm_resolve_record (
    record_id bigint PRIMARY KEY, dirty boolean NOT NULL, round integer NOT NULL
  ) ON COMMIT DROP;
  -- Values with their holders: the first `lead` of them are to be paired with
  -- each other and with the rest, the rest not with each other.
  CREATE TEMPORARY TABLE omnicrm_resolve_value (
    kind text NOT NULL, value text NOT NULL, rule text NOT NULL, records bigint[] NOT NULL, lead integer NOT NULL
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_pair (
    record_a bigint NOT NULL, record_b bigint NOT NULL, kind text NOT NULL, value text NOT NULL, priority integer NOT NULL,
    similarity real, attach boolean NOT NULL, decision text NOT NULL, strength real
  ) ON COMMIT DROP;
  -- cluster: the smallest record_id of the cluster.
  CREATE TEMPORARY TABLE omnicrm_resolve_member (
    record_id bigint NOT NULL, cluster bigint NOT NULL, old_customer bigint, home_id bigint
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_customer (
    cluster bigint PRIMARY KEY, customer_id bigint NOT NULL, made boolean NOT NULL
  ) ON COMMIT DROP;
  -- Links of the model and of people, and pairs that must not meet, by links of
  -- that priority or a later one.
  CREATE TEMPORARY TABLE omnicrm_resolve_link (
    record_a bigint NOT NULL, record_b bigint NOT NULL, kind text NOT NULL, value text NOT NULL, priority integer NOT NULL,
    similarity real, strength real, same boolean NOT NULL DEFAULT true, PRIMARY KEY (record_a, record_b, kind)
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_apart (
    record_a bigint NOT NULL, record_b bigint NOT NULL, priority integer NOT NULL
  ) ON COMMIT DROP;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_make_tables() IS 'Used by crm.resolve(): makes its temporary tables. Returns nothing.';

-- Those that only a run with a model needs.
CREATE OR REPLACE FUNCTION @hub@.resolve_make_model_tables()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Records to be compared, dirty ones and those that share a key with them.
  CREATE TEMPORARY TABLE omnicrm_resolve_person (LIKE @hub@.match_record) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_meeting (
    record_a bigint NOT NULL, record_b bigint NOT NULL, PRIMARY KEY (record_a, record_b)
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_found (
    record_a bigint NOT NULL, record_b bigint NOT NULL, weight double precision NOT NULL, probability double precision NOT NULL,
    pattern text NOT NULL
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_candidate (LIKE @hub@.match_candidate INCLUDING INDEXES) ON COMMIT DROP;
  -- Components with a link of the model.
  CREATE TEMPORARY TABLE omnicrm_resolve_group (
    record_id bigint NOT NULL, root bigint NOT NULL, records bigint NOT NULL, PRIMARY KEY (root, record_id)
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_review (
    record_a bigint NOT NULL, record_b bigint NOT NULL, weight double precision NOT NULL, probability double precision NOT NULL,
    why text NOT NULL, agreement jsonb NOT NULL, PRIMARY KEY (record_a, record_b)
  ) ON COMMIT DROP;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_make_model_tables() IS
  'Used by crm.resolve(): makes the temporary tables of a run with a model. Returns nothing.';

-- Step 1: the records to look at. The queue is emptied of what this statement
-- sees: a record that changes meanwhile has another row there.
CREATE OR REPLACE FUNCTION @hub@.resolve_take_queue(every_record boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  taken bigint;
BEGIN
  WITH queued AS (
    DELETE FROM @hub@.resolve_queue RETURNING record_id
  )
  INSERT INTO pg_temp.omnicrm_resolve_record (record_id, dirty, round)
  SELECT r.record_id, true, 0
  FROM @hub@.source_record AS r
  WHERE r.record_id IN (SELECT q.record_id FROM queued AS q) AND r.erased_at IS NULL;
  GET DIAGNOSTICS taken = ROW_COUNT;
  IF every_record THEN
    INSERT INTO pg_temp.omnicrm_resolve_record (record_id, dirty, round)
    SELECT r.record_id, true, 0
    FROM @hub@.source_record AS r
    WHERE r.erased_at IS NULL
      AND NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_record AS d WHERE d.record_id = r.record_id);
    SELECT count(*) INTO taken FROM pg_temp.omnicrm_resolve_record;
  END IF;
  ANALYZE pg_temp.omnicrm_resolve_record;
  RETURN taken;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_take_queue(boolean) IS
  'Used by crm.resolve(): moves the queue, or every record, to its working table. Returns the number of records.';

-- The same for these records alone; others stay queued.
CREATE OR REPLACE FUNCTION @hub@.resolve_take_records(record_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  taken bigint;
BEGIN
  DELETE FROM @hub@.resolve_queue AS q WHERE q.record_id = ANY (record_ids);
  INSERT INTO pg_temp.omnicrm_resolve_record (record_id, dirty, round)
  SELECT r.record_id, true, 0
  FROM @hub@.source_record AS r
  WHERE r.record_id = ANY (record_ids) AND r.erased_at IS NULL;
  GET DIAGNOSTICS taken = ROW_COUNT;
  ANALYZE pg_temp.omnicrm_resolve_record;
  RETURN taken;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_take_records(bigint[]) IS
  'Used by crm.resolve_records(): moves these records to the working table of resolve(). Returns the number of records that are there.';

-- Step 2: values that were over-shared and are so no more, because a record
-- that held them has changed: their holders are looked at again.
CREATE OR REPLACE FUNCTION @hub@.resolve_release_values()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF NOT EXISTS (SELECT FROM @hub@.overshared_value)
     OR NOT EXISTS (SELECT
                    FROM pg_temp.omnicrm_resolve_record AS d
                    JOIN @hub@.customer_member AS m ON m.record_id = d.record_id) THEN
    RETURN;
  END IF;
  WITH released AS (
    DELETE FROM @hub@.overshared_value AS o
    USING @hub@.match_rule AS r
    WHERE r.kind = CASE WHEN o.kind = 'tax_id' AND omnicrm.tax_id_kind(o.value, 'ES') = 'organisation'
                        THEN 'company_tax_id' ELSE o.kind END
      AND (SELECT count(*)
           FROM (SELECT
                 FROM @hub@.identifier AS i
                 WHERE i.kind = o.kind AND i.value = o.value
                 LIMIT r.max_records + 1) AS held) <= r.max_records
    RETURNING o.kind, o.value
  )
  INSERT INTO pg_temp.omnicrm_resolve_record (record_id, dirty, round)
  SELECT DISTINCT i.record_id, true, 0
  FROM released AS e
  JOIN @hub@.identifier AS i ON i.kind = e.kind AND i.value = e.value
  ON CONFLICT DO NOTHING;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_release_values() IS
  'Used by crm.resolve(): takes values that are over-shared no more off the list and adds their holders. Returns nothing.';

-- A small run must not scan a table, whatever the statistics say: they may be
-- missing or old. The settings hold until resolve() sets them back.
CREATE OR REPLACE FUNCTION @hub@.resolve_prefer_keys()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT set_config(s.name, 'off', true)
  FROM unnest(ARRAY['enable_hashjoin', 'enable_mergejoin']) AS s(name)
$$;

COMMENT ON FUNCTION @hub@.resolve_prefer_keys() IS
  'Used by crm.resolve() for small runs: makes the planner reach every row by its key. Returns nothing.';

-- Statistics that were taken while a transaction was still writing count its
-- pages and not its rows; a planner that believes in an empty table walks a full
-- one once for each row. Fewer rows than pages gives them away.
CREATE OR REPLACE FUNCTION @hub@.resolve_refresh_statistics()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  misjudged regclass;
BEGIN
  FOR misjudged IN
    SELECT c.oid
    FROM pg_class AS c
    WHERE c.oid IN ('@hub@.source_record'::regclass, '@hub@.identifier'::regclass, '@hub@.customer'::regclass,
                    '@hub@.customer_member'::regclass, '@hub@.match_link'::regclass)
      AND c.reltuples >= 0
      AND c.reltuples < pg_relation_size(c.oid) / current_setting('block_size')::bigint
      AND pg_has_role(c.relowner, 'USAGE')
  LOOP
    EXECUTE format('ANALYZE %s', misjudged);
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_refresh_statistics() IS
  'Used by crm.resolve(): analyses tables whose statistics were taken before their rows could be counted. Returns nothing.';

-- All values and their holders, when every record is dirty: the primary key of
-- identifier has them in order, and no sort or hash table of 100 bytes for each
-- identifier is needed.
CREATE OR REPLACE FUNCTION @hub@.resolve_collect_all_values()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashagg = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $$
BEGIN
  INSERT INTO pg_temp.omnicrm_resolve_value (kind, value, rule, records, lead)
  SELECT h.kind, h.value,
         CASE WHEN h.kind = 'tax_id' AND omnicrm.tax_id_kind(h.value, 'ES') = 'organisation' THEN 'company_tax_id' ELSE h.kind END,
         h.records, cardinality(h.records)
  FROM (SELECT i.kind, i.value, array_agg(i.record_id) AS records
        FROM @hub@.identifier AS i
        GROUP BY i.kind, i.value
        HAVING count(*) > 1) AS h
  WHERE NOT EXISTS (SELECT FROM @hub@.overshared_value AS o WHERE o.kind = h.kind AND o.value = h.value);
END
$$;

COMMENT ON FUNCTION @hub@.resolve_collect_all_values() IS
  'Used by crm.resolve(): collects all values with all their holders. Returns nothing.';

-- The values of the records that came in this round. Values known as
-- over-shared are left alone.
CREATE OR REPLACE FUNCTION @hub@.resolve_collect_values(this_round integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO pg_temp.omnicrm_resolve_value (kind, value, rule, records, lead)
  SELECT h.kind, h.value,
         CASE WHEN h.kind = 'tax_id' AND omnicrm.tax_id_kind(h.value, 'ES') = 'organisation' THEN 'company_tax_id' ELSE h.kind END,
         h.leading || h.others, cardinality(h.leading)
  FROM (
    SELECT i.kind, i.value,
           coalesce(array_agg(i.record_id) FILTER (WHERE d.record_id IS NOT NULL), '{}') AS leading,
           coalesce(array_agg(i.record_id) FILTER (WHERE d.record_id IS NULL), '{}') AS others
    FROM (SELECT DISTINCT v.kind, v.value
          FROM pg_temp.omnicrm_resolve_record AS f
          JOIN @hub@.identifier AS v ON v.record_id = f.record_id
          WHERE f.round = this_round
            AND NOT EXISTS (SELECT FROM @hub@.overshared_value AS o WHERE o.kind = v.kind AND o.value = v.value)
            AND NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_value AS k WHERE k.kind = v.kind AND k.value = v.value)) AS n
    JOIN @hub@.identifier AS i ON i.kind = n.kind AND i.value = n.value
    LEFT JOIN pg_temp.omnicrm_resolve_record AS d ON d.record_id = i.record_id
    GROUP BY i.kind, i.value
    HAVING count(*) > 1
  ) AS h;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_collect_values(integer) IS
  'Used by crm.resolve(): collects the values of the records of one round with all their holders. Returns nothing.';

-- Step 3: the values of dirty records and who holds them. One that has just
-- become over-shared brings its holders in: they lose the links that it made.
CREATE OR REPLACE FUNCTION @hub@.resolve_find_values()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  this_round integer := 0;
  added bigint;
  overshared bigint := 0;
BEGIN
  LOOP
    IF this_round = 0
       AND NOT EXISTS (SELECT
                       FROM @hub@.source_record AS r
                       WHERE r.erased_at IS NULL
                         AND NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_record AS d WHERE d.record_id = r.record_id)) THEN
      PERFORM @hub@.resolve_collect_all_values();
    ELSE
      PERFORM @hub@.resolve_collect_values(this_round);
    END IF;

    INSERT INTO @hub@.overshared_value (kind, value, records)
    SELECT v.kind, v.value, cardinality(v.records)
    FROM pg_temp.omnicrm_resolve_value AS v
    JOIN @hub@.match_rule AS r ON r.kind = v.rule
    WHERE cardinality(v.records) > r.max_records
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    overshared := overshared + added;
    EXIT WHEN added = 0;

    this_round := this_round + 1;
    INSERT INTO pg_temp.omnicrm_resolve_record (record_id, dirty, round)
    SELECT DISTINCT h.record_id, true, this_round
    FROM pg_temp.omnicrm_resolve_value AS v
    JOIN @hub@.overshared_value AS o ON o.kind = v.kind AND o.value = v.value
    CROSS JOIN LATERAL unnest(v.records[v.lead + 1:]) AS h(record_id)
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    DELETE FROM pg_temp.omnicrm_resolve_value AS v
    USING @hub@.overshared_value AS o
    WHERE o.kind = v.kind AND o.value = v.value;
    EXIT WHEN added = 0;
    -- Values met before now have more dirty holders; they are told apart anew.
    UPDATE pg_temp.omnicrm_resolve_value AS v
    SET (records, lead) = (SELECT array_agg(h.record_id ORDER BY (d.record_id IS NULL), h.record_id), count(d.record_id)
                           FROM unnest(v.records) AS h(record_id)
                           LEFT JOIN pg_temp.omnicrm_resolve_record AS d ON d.record_id = h.record_id)
    WHERE EXISTS (SELECT
                  FROM unnest(v.records[v.lead + 1:]) AS h(record_id)
                  JOIN pg_temp.omnicrm_resolve_record AS d ON d.record_id = h.record_id);
  END LOOP;
  ANALYZE pg_temp.omnicrm_resolve_value (lead);
  IF this_round > 0 THEN
    ANALYZE pg_temp.omnicrm_resolve_record;
  END IF;
  RETURN overshared;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_find_values() IS
  'Used by crm.resolve(): collects the values of dirty records with all their holders. Returns the number of values that have become over-shared.';

-- Step 4: pairs of the collected values, each with the decision of its best
-- rule: the strongest that accepts it, else the strongest that refuses it. A pair
-- with a record that is not named, such as the given name in a newsletter, may only
-- attach, except by a rule that does not ask for names. Empties the collection of
-- values; returns the number of pairs.
CREATE OR REPLACE FUNCTION @hub@.resolve_add_pairs()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  birth_position CONSTANT integer := (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date');
  pairs bigint;
BEGIN
  INSERT INTO pg_temp.omnicrm_resolve_pair (record_a, record_b, kind, value, priority, similarity, attach, decision)
  SELECT DISTINCT ON (e.record_a, e.record_b)
         e.record_a, e.record_b, e.rule, e.value, e.priority, (e.judgement).similarity, (e.judgement).attach, (e.judgement).decision
  FROM (
    SELECT p.record_a, p.record_b, p.rule, p.value, r.priority,
           omnicrm.judge_value(
             ROW (a.kind, a.full_name, a.name_key, a.birth_date, substr(a.quality, birth_position, 1) >= '6', a.email, a.phone,
                  a.tax_id)::omnicrm.judged_person,
             ROW (b.kind, b.full_name, b.name_key, b.birth_date, substr(b.quality, birth_position, 1) >= '6', b.email, b.phone,
                  b.tax_id)::omnicrm.judged_person,
             r.min_name_similarity, r.birth_date_guard, r.accept_mistyped) AS judgement
    FROM (
      SELECT least(v.records[1], v.records[2]) AS record_a, greatest(v.records[1], v.records[2]) AS record_b, v.rule, v.value
      FROM pg_temp.omnicrm_resolve_value AS v
      WHERE cardinality(v.records) = 2
      UNION ALL
      SELECT least(l.record_id, o.record_id), greatest(l.record_id, o.record_id), v.rule, v.value
      FROM pg_temp.omnicrm_resolve_value AS v
      CROSS JOIN LATERAL unnest(v.records[:v.lead]) WITH ORDINALITY AS l(record_id, position)
      CROSS JOIN LATERAL unnest(v.records[l.position + 1:]) AS o(record_id)
      WHERE cardinality(v.records) > 2
    ) AS p
    JOIN @hub@.match_rule AS r ON r.kind = p.rule
    JOIN @hub@.source_record AS a ON a.record_id = p.record_a
    JOIN @hub@.source_record AS b ON b.record_id = p.record_b
    -- Keeps the planner from judging at each place of use.
    OFFSET 0
  ) AS e
  ORDER BY e.record_a, e.record_b, (e.judgement).decision = 'linked' DESC, (e.judgement).attach, e.priority, e.value COLLATE "C";
  GET DIAGNOSTICS pairs = ROW_COUNT;
  TRUNCATE pg_temp.omnicrm_resolve_value;
  ANALYZE pg_temp.omnicrm_resolve_pair (record_a, record_b, decision);
  RETURN pairs;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_add_pairs() IS
  'Used by crm.resolve(): compares the records that share a value. Returns the number of pairs.';

-- Step 5: the components that changed records touch. Members of one customer
-- are connected, and so are customers that clustering has kept apart; other
-- accepted pairs of records that did not change are inside these.
CREATE OR REPLACE FUNCTION @hub@.resolve_find_touched()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- Earlier rounds are dirty records; all of them start the search.
  first_round CONSTANT integer := (SELECT max(t.round) + 1 FROM pg_temp.omnicrm_resolve_record AS t);
  this_round integer := first_round;
  clean bigint := 0;
  added bigint;
BEGIN
  INSERT INTO pg_temp.omnicrm_resolve_record (record_id, dirty, round)
  SELECT DISTINCT e.record_id, false, this_round
  FROM pg_temp.omnicrm_resolve_pair AS p
  CROSS JOIN LATERAL (VALUES (p.record_a), (p.record_b)) AS e(record_id)
  WHERE p.decision = 'linked'
    AND NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_record AS t WHERE t.record_id = e.record_id);
  GET DIAGNOSTICS added = ROW_COUNT;
  LOOP
    clean := clean + added;
    IF added > 0 THEN
      ANALYZE pg_temp.omnicrm_resolve_record;
    END IF;
    INSERT INTO pg_temp.omnicrm_resolve_record (record_id, dirty, round)
    SELECT DISTINCT n.record_id, false, this_round + 1
    FROM (
      SELECT o.record_id
      FROM pg_temp.omnicrm_resolve_record AS t
      JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
      JOIN @hub@.customer_member AS o ON o.customer_id = m.customer_id
      WHERE t.round = this_round OR this_round = first_round
      UNION ALL
      SELECT l.record_b
      FROM pg_temp.omnicrm_resolve_record AS t
      JOIN @hub@.match_link AS l ON l.record_a = t.record_id
      WHERE (t.round = this_round OR this_round = first_round)
        AND l.decision IN ('tax numbers differ', 'already linked elsewhere', 'groups differ', 'decided apart')
      UNION ALL
      SELECT l.record_a
      FROM pg_temp.omnicrm_resolve_record AS t
      JOIN @hub@.match_link AS l ON l.record_b = t.record_id
      WHERE (t.round = this_round OR this_round = first_round)
        AND l.decision IN ('tax numbers differ', 'already linked elsewhere', 'groups differ', 'decided apart')
    ) AS n
    JOIN @hub@.source_record AS r ON r.record_id = n.record_id
    WHERE NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_record AS k WHERE k.record_id = n.record_id);
    GET DIAGNOSTICS added = ROW_COUNT;
    EXIT WHEN added = 0;
    this_round := this_round + 1;
  END LOOP;
  RETURN clean;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_find_touched() IS
  'Used by crm.resolve(): adds the records that did not change but belong to components to be clustered. Returns their number.';

-- Step 6: the edges among touched records that did not change themselves.
CREATE OR REPLACE FUNCTION @hub@.resolve_add_clean_pairs()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  INSERT INTO pg_temp.omnicrm_resolve_value (kind, value, rule, records, lead)
  SELECT h.kind, h.value,
         CASE WHEN h.kind = 'tax_id' AND omnicrm.tax_id_kind(h.value, 'ES') = 'organisation' THEN 'company_tax_id' ELSE h.kind END,
         h.records, cardinality(h.records)
  FROM (SELECT i.kind, i.value, array_agg(i.record_id) AS records
        FROM pg_temp.omnicrm_resolve_record AS t
        JOIN @hub@.identifier AS i ON i.record_id = t.record_id
        WHERE NOT t.dirty
        GROUP BY i.kind, i.value
        HAVING count(*) > 1) AS h
  WHERE NOT EXISTS (SELECT FROM @hub@.overshared_value AS o WHERE o.kind = h.kind AND o.value = h.value);
  ANALYZE pg_temp.omnicrm_resolve_value (lead);
  RETURN @hub@.resolve_add_pairs();
END
$$;

COMMENT ON FUNCTION @hub@.resolve_add_clean_pairs() IS
  'Used by crm.resolve(): compares the touched records that did not change with each other. Returns the number of pairs.';

-- Step 7: clusters. Ties between equal links go by a hash of (source, source
-- key) of both records, which does not depend on the order of loads. Pairs
-- inside a cluster that was joined already are dropped; refused ones get their
-- reason.
CREATE OR REPLACE FUNCTION @hub@.resolve_cluster()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- The size of the arrays decides the plan.
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  found omnicrm.linked_components;
BEGIN
  -- Pairs that must not meet are links of similarity minus infinity.
  SELECT (c.components).* INTO found
  FROM (SELECT omnicrm.link_components(
                 p.record_a, p.record_b, p.priority, p.similarity,
                 hashtextextended(a.source_key, a.source_id) # hashtextextended(b.source_key, b.source_id),
                 p.attach,
                 (a.name_key LIKE '% %' OR a.kind = 'organisation' AND a.name_key <> '') IS TRUE,
                 (b.name_key LIKE '% %' OR b.kind = 'organisation' AND b.name_key <> '') IS TRUE,
                 CASE WHEN a.tax_id IS NOT NULL AND omnicrm.tax_id_kind(a.tax_id, 'ES') = 'person'
                      THEN hashtextextended(a.tax_id, 0) END,
                 CASE WHEN b.tax_id IS NOT NULL AND omnicrm.tax_id_kind(b.tax_id, 'ES') = 'person'
                      THEN hashtextextended(b.tax_id, 0) END) AS components
        FROM (SELECT l.record_a, l.record_b, l.priority, coalesce(l.strength, l.similarity) AS similarity, l.attach
              FROM pg_temp.omnicrm_resolve_pair AS l
              WHERE l.decision = 'linked'
              UNION ALL
              SELECT f.record_a, f.record_b, f.priority, '-Infinity', false
              FROM pg_temp.omnicrm_resolve_apart AS f) AS p
        JOIN @hub@.source_record AS a ON a.record_id = p.record_a
        JOIN @hub@.source_record AS b ON b.record_id = p.record_b
        OFFSET 0) AS c;

  INSERT INTO pg_temp.omnicrm_resolve_member (record_id, cluster, old_customer, home_id)
  SELECT t.record_id, coalesce(c.root, t.record_id), m.customer_id, m.home_id
  FROM pg_temp.omnicrm_resolve_record AS t
  LEFT JOIN unnest(found.node, found.root) AS c(node, root) ON c.node = t.record_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id;
  ANALYZE pg_temp.omnicrm_resolve_member;

  UPDATE pg_temp.omnicrm_resolve_pair AS p
  SET decision = CASE WHEN o.outcome = 2 THEN 'tax numbers differ'
                      WHEN o.outcome = 3 THEN 'already linked elsewhere'
                      WHEN p.kind = 'model' THEN 'groups differ'
                      ELSE 'decided apart' END
  FROM unnest(found.link_a, found.link_b, found.outcome) AS o(a, b, outcome)
  WHERE o.a = p.record_a AND o.b = p.record_b AND o.outcome > 1;
  DELETE FROM pg_temp.omnicrm_resolve_pair AS p
  WHERE p.decision = 'linked'
    AND NOT EXISTS (SELECT
                    FROM unnest(found.link_a, found.link_b) AS o(a, b)
                    WHERE o.a = p.record_a AND o.b = p.record_b);
END
$$;

COMMENT ON FUNCTION @hub@.resolve_cluster() IS
  'Used by crm.resolve(): makes clusters of the records at hand. Returns nothing.';

-- Step 8, a customer id for each cluster, and step 10 are in golden/ids.sql.

-- Step 9: the decisions, in place of those that they replace: all of changed
-- records, and those between two touched ones. What stays is not written again.
CREATE OR REPLACE FUNCTION @hub@.resolve_write_links()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM @hub@.match_link AS l
  USING pg_temp.omnicrm_resolve_record AS t
  WHERE l.record_a = t.record_id
    AND (t.dirty OR EXISTS (SELECT FROM pg_temp.omnicrm_resolve_record AS o WHERE o.record_id = l.record_b))
    AND NOT EXISTS (SELECT
                    FROM pg_temp.omnicrm_resolve_pair AS p
                    WHERE p.record_a = l.record_a AND p.record_b = l.record_b AND p.kind = l.kind AND p.value = l.value
                      AND p.decision = l.decision AND p.similarity IS NOT DISTINCT FROM l.similarity);
  DELETE FROM @hub@.match_link AS l
  USING pg_temp.omnicrm_resolve_record AS t
  WHERE l.record_b = t.record_id
    AND t.dirty
    AND NOT EXISTS (SELECT
                    FROM pg_temp.omnicrm_resolve_pair AS p
                    WHERE p.record_a = l.record_a AND p.record_b = l.record_b AND p.kind = l.kind AND p.value = l.value
                      AND p.decision = l.decision AND p.similarity IS NOT DISTINCT FROM l.similarity);
  INSERT INTO @hub@.match_link (record_a, record_b, kind, value, similarity, decision)
  SELECT p.record_a, p.record_b, p.kind, p.value, p.similarity, p.decision
  FROM pg_temp.omnicrm_resolve_pair AS p
  WHERE NOT EXISTS (SELECT FROM @hub@.match_link AS l WHERE l.record_a = p.record_a AND l.record_b = p.record_b);
END
$$;

COMMENT ON FUNCTION @hub@.resolve_write_links() IS
  'Used by crm.resolve(): stores links and refusals. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.resolve_counts()
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN jsonb_build_object(
    'touched', (SELECT count(*) FROM pg_temp.omnicrm_resolve_record),
    'created', (SELECT count(*) FROM pg_temp.omnicrm_resolve_customer AS c WHERE c.made),
    'split', (SELECT count(*)
              FROM (SELECT FROM pg_temp.omnicrm_resolve_member AS m
                    WHERE m.old_customer IS NOT NULL
                    GROUP BY m.old_customer
                    HAVING min(m.cluster) <> max(m.cluster)) AS s),
    'links', (SELECT count(*) FROM pg_temp.omnicrm_resolve_pair AS p WHERE p.decision = 'linked'),
    'refused', (SELECT count(*) FROM pg_temp.omnicrm_resolve_pair AS p WHERE p.decision <> 'linked'));
END
$$;

COMMENT ON FUNCTION @hub@.resolve_counts() IS 'Used by crm.resolve(): the counts of a run, from its temporary tables.';

-- What follows once the records are taken; gives the counts of the run.
CREATE OR REPLACE FUNCTION @hub@.resolve_taken(model @hub@.match_model, every_record boolean, records bigint, step_ms jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  small_run CONSTANT bigint := 1000;
  -- What resolve_prefer_keys() changes; restored at the end.
  settings CONSTANT text[] := ARRAY[current_setting('enable_hashjoin'), current_setting('enable_mergejoin')];
  started timestamptz := clock_timestamp();
  pairs bigint := 0;
  overshared bigint := 0;
  changed bigint := 0;
  merged bigint := 0;
  waiting bigint;
  counts jsonb;
BEGIN
  IF records <= small_run THEN
    PERFORM @hub@.resolve_prefer_keys();
  END IF;
  IF records > 0 THEN
    PERFORM @hub@.resolve_release_values();
    overshared := @hub@.resolve_find_values();
    step_ms := step_ms || jsonb_build_object('values', @hub@.elapsed_ms(started));
    started := clock_timestamp();
    pairs := @hub@.resolve_add_pairs();
    step_ms := step_ms || jsonb_build_object('pairs', @hub@.elapsed_ms(started));
    started := clock_timestamp();
    IF model.version IS NOT NULL THEN
      PERFORM @hub@.resolve_make_model_tables();
      PERFORM @hub@.resolve_score(model, every_record);
      PERFORM @hub@.resolve_judge(model);
    ELSIF every_record THEN
      PERFORM @hub@.resolve_forget_model();
    END IF;
    pairs := pairs + @hub@.resolve_add_model_pairs(true, model.version IS NOT NULL);
    step_ms := step_ms || jsonb_build_object('scores', @hub@.elapsed_ms(started));
    started := clock_timestamp();
    IF @hub@.resolve_find_touched() > 0 THEN
      pairs := pairs + @hub@.resolve_add_clean_pairs();
      pairs := pairs + @hub@.resolve_add_model_pairs(false, model.version IS NOT NULL);
    END IF;
    PERFORM @hub@.resolve_find_apart();
    step_ms := step_ms || jsonb_build_object('components', @hub@.elapsed_ms(started));
    started := clock_timestamp();
    PERFORM @hub@.resolve_cluster();
    PERFORM @hub@.resolve_assign_ids();
    step_ms := step_ms || jsonb_build_object('clusters', @hub@.elapsed_ms(started));
    started := clock_timestamp();
    PERFORM @hub@.resolve_write_links();
    step_ms := step_ms || jsonb_build_object('links', @hub@.elapsed_ms(started));
    started := clock_timestamp();
    changed := @hub@.resolve_write_customers();
    merged := @hub@.resolve_write_redirects();
    step_ms := step_ms || jsonb_build_object('golden', @hub@.elapsed_ms(started));
    IF model.version IS NOT NULL THEN
      started := clock_timestamp();
      waiting := @hub@.resolve_write_review(model);
      step_ms := step_ms || jsonb_build_object('review', @hub@.elapsed_ms(started));
    END IF;
  END IF;
  counts := @hub@.resolve_counts()
         || jsonb_build_object('records', records, 'pairs', pairs, 'overshared', overshared, 'changed', changed,
                               'merged', merged, 'ms', step_ms)
         || jsonb_strip_nulls(jsonb_build_object('model', model.version, 'review', waiting));
  PERFORM @hub@.resolve_drop_tables();
  PERFORM set_config('enable_hashjoin', settings[1], true), set_config('enable_mergejoin', settings[2], true);
  RETURN counts;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_taken(@hub@.match_model, boolean, bigint, jsonb) IS
  'Used by crm.resolve() and crm.resolve_records(): all steps after the records were taken. step_ms: milliseconds of earlier steps. Returns the counts of the run.';

CREATE OR REPLACE FUNCTION @hub@.resolve(options jsonb DEFAULT '{}')
RETURNS @hub@.run_log
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
  run bigint;
  counts jsonb;
  step_ms jsonb := '{}';
  every_record boolean := coalesce((options ->> 'all')::boolean, false);
  model @hub@.match_model;
  started CONSTANT timestamptz := clock_timestamp();
BEGIN
  PERFORM @hub@.require_current();
  SELECT string_agg(o.key, ', ' ORDER BY o.key) INTO unknown
  FROM jsonb_object_keys(coalesce(options, '{}')) AS o(key)
  WHERE o.key <> 'all';
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'unknown option of resolve: %', unknown
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known option: all (true: every record, for example after a change of match_rule).';
  END IF;
  PERFORM @hub@.lock_customers();
  PERFORM @hub@.refresh_golden();
  run := @hub@.start_run('resolve');
  model := @hub@.resolve_model();
  -- A model that is new looks at every record.
  IF model.version IS NOT NULL AND model.applied_at IS NULL THEN
    every_record := true;
    step_ms := jsonb_build_object('model', @hub@.elapsed_ms(started));
  END IF;
  -- The usual call finds nothing to do.
  IF NOT every_record AND NOT EXISTS (SELECT FROM @hub@.resolve_queue) THEN
    RETURN @hub@.finish_run(run, '{"records": 0, "touched": 0, "pairs": 0, "links": 0, "refused": 0, "overshared": 0, "created": 0, "changed": 0, "merged": 0, "split": 0, "ms": {}}');
  END IF;
  PERFORM @hub@.resolve_refresh_statistics();
  PERFORM @hub@.resolve_make_tables();
  counts := @hub@.resolve_taken(model, every_record, @hub@.resolve_take_queue(every_record), step_ms);
  UPDATE @hub@.match_model AS m SET applied_at = now() WHERE m.version = model.version AND m.applied_at IS NULL;
  RETURN @hub@.finish_run(run, counts);
END
$$;

COMMENT ON FUNCTION @hub@.resolve(jsonb) IS
  'Finds which source records are one customer, for the records that are new or changed since the last call, and brings the golden customers up to date; in one transaction, one call at a time. options: all (true: every record, after a change of match_rule). Returns the run_log row; counts: records looked at, touched records clustered again, pairs compared, links, refused, overshared values met for the first time, customers created, changed, merged and split, ms by step; with a matching model its version, and the pairs of the touched records that wait in review_queue. The first call in a hub of 2,000 persons or more trains a model. Errors: invalid_parameter_value, object_not_in_prerequisite_state.';

-- A model that crm.resolve() has not met yet is left to it: it looks at every
-- record then.
CREATE OR REPLACE FUNCTION @hub@.resolve_records(record_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  model @hub@.match_model;
  counts jsonb;
BEGIN
  PERFORM @hub@.require_current();
  IF cardinality(record_ids) > 0 IS NOT TRUE THEN
    RETURN 0;
  END IF;
  PERFORM @hub@.lock_customers();
  SELECT m.* INTO model
  FROM @hub@.match_model AS m
  WHERE m.applied_at IS NOT NULL AND EXISTS (SELECT FROM @hub@.match_rule AS r WHERE r.kind = 'model')
  ORDER BY m.version DESC
  LIMIT 1;
  PERFORM @hub@.resolve_make_tables();
  counts := @hub@.resolve_taken(model, false, @hub@.resolve_take_records(record_ids), '{}');
  RETURN (counts ->> 'touched')::bigint;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_records(bigint[]) IS
  'Finds anew whose these source records are, with all records of their components, and brings the golden customers up to date, in the transaction of the caller: what crm.resolve() does for its queue. Ids of no record are passed over. Returns the number of records that were clustered again.';

CREATE OR REPLACE FUNCTION @hub@.elapsed_ms(since timestamptz)
RETURNS integer
LANGUAGE sql VOLATILE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT round(1000 * extract(epoch FROM clock_timestamp() - since))::integer
$$;

COMMENT ON FUNCTION @hub@.elapsed_ms(timestamptz) IS 'Milliseconds between a time and now, wall clock.';
