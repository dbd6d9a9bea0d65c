-- crm.resolve(): which source records are one customer.
--
-- Two records that share a linkable identifier value are a pair; the rule of
-- its kind accepts the pair or says why not. Accepted pairs are edges, and
-- omnicrm.link_components() makes clusters of them. Its answer for one connected
-- component of edges depends on that component alone and on nothing that differs
-- between two histories of loads: ties go by (source, source key). So it is
-- enough to cluster the components that changed records touch now or touched
-- before (resolve_local.sql), and the partition is the one that a full run gives.
--
-- This file is the full run: all records from nothing. One function is one step;
-- they hand each other temporary tables named omnicrm_resolve_*, which are
-- analysed.

-- Waits for another resolve() of this hub; load() does not wait. Who has waited must
-- see what the other has done: two that take in one person at the same moment would
-- make two customers otherwise, and nobody would ever know.
CREATE OR REPLACE FUNCTION @hub@.lock_customers()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    RAISE EXCEPTION 'customers cannot be changed in a transaction of isolation level %', current_setting('transaction_isolation')
      USING ERRCODE = 'invalid_transaction_state',
            HINT = 'It does not see what others have just done. Use BEGIN ISOLATION LEVEL READ COMMITTED: calls of the hub wait for each other by themselves.';
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('omnicrm customers', '@hub@.customer'::regclass::oid::bigint));
END
$$;

COMMENT ON FUNCTION @hub@.lock_customers() IS
  'Makes the functions that move records between customers run one after the other; held until the end of the transaction. Returns nothing. Errors: invalid_transaction_state in a transaction that sees only what was there when it began.';

CREATE OR REPLACE FUNCTION @hub@.resolve_drop_tables()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
  DROP TABLE IF EXISTS pg_temp.omnicrm_resolve_value, pg_temp.omnicrm_resolve_pair, pg_temp.omnicrm_resolve_candidate,
                       pg_temp.omnicrm_resolve_link, pg_temp.omnicrm_resolve_group, pg_temp.omnicrm_resolve_apart
$$;

COMMENT ON FUNCTION @hub@.resolve_drop_tables() IS 'Used by crm.resolve(): drops its temporary tables. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.resolve_make_tables()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.resolve_drop_tables();
  CREATE TEMPORARY TABLE omnicrm_resolve_value (
    value text NOT NULL, rule text NOT NULL, records bigint[] NOT NULL
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_resolve_pair (
    record_a bigint NOT NULL, record_b bigint NOT NULL, kind text NOT NULL, value text NOT NULL, priority integer NOT NULL,
    similarity real, attach boolean NOT NULL, decision text NOT NULL, strength real
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
  CREATE TEMPORARY TABLE omnicrm_resolve_candidate (LIKE @hub@.match_candidate INCLUDING INDEXES) ON COMMIT DROP;
  -- Components with a link of the model.
  CREATE TEMPORARY TABLE omnicrm_resolve_group (
    record_id bigint NOT NULL, root bigint NOT NULL, records bigint NOT NULL, PRIMARY KEY (root, record_id)
  ) ON COMMIT DROP;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_make_tables() IS 'Used by crm.resolve(): makes the temporary tables of a full run. Returns nothing.';

-- Values that were over-shared and are so no more: their holders are looked at
-- again.
CREATE OR REPLACE FUNCTION @hub@.release_all_values()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- Only a record that was there before can have lost a value.
  IF EXISTS (SELECT FROM @hub@.overshared_value)
     AND EXISTS (SELECT
                 FROM @hub@.resolve_queue AS q
                 JOIN @hub@.customer_member AS m ON m.record_id = q.record_id) THEN
    PERFORM @hub@.release_values(array_agg(o.kind), array_agg(o.value)) FROM @hub@.overshared_value AS o;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.release_all_values() IS
  'Used by crm.resolve(): takes values that are over-shared no more off the list and queues their holders. Returns nothing.';

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

-- Step 1: all values and their holders, in the order of their hashes, which the
-- index of identifier has and which is quick to sort by; a hash table would take 100
-- bytes for each identifier. A value that too many records hold links nobody.
CREATE OR REPLACE FUNCTION @hub@.resolve_find_values()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashagg = off
AS $$
DECLARE
  overshared bigint;
BEGIN
  WITH shared AS MATERIALIZED (
    SELECT h.kind, h.value, h.records, r.kind AS rule, cardinality(h.records) > r.max_records AS too_many
    FROM (SELECT i.kind, i.value, array_agg(i.record_id) AS records
          FROM @hub@.identifier AS i
          GROUP BY hashtextextended(i.value, 0), i.kind, i.value
          HAVING count(*) > 1) AS h
    JOIN @hub@.match_rule AS r ON r.kind = omnicrm.judge_rule_of(h.kind, h.value)
  ), listed AS (
    INSERT INTO @hub@.overshared_value (kind, value, records)
    SELECT s.kind, s.value, cardinality(s.records) FROM shared AS s WHERE s.too_many
    ON CONFLICT DO NOTHING
    RETURNING kind
  ), kept AS (
    INSERT INTO pg_temp.omnicrm_resolve_value (value, rule, records)
    SELECT s.value, s.rule, s.records FROM shared AS s WHERE NOT s.too_many
  )
  SELECT count(*) INTO overshared FROM listed;
  ANALYZE pg_temp.omnicrm_resolve_value (rule);
  RETURN overshared;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_find_values() IS
  'Used by crm.resolve(): collects the values that records share. Returns the number of values that have become over-shared.';

-- Step 2: pairs of the collected values, each with the decision of its best
-- rule: the strongest that accepts it, else the strongest that refuses it. A pair
-- with a record that is not named, such as the given name in a newsletter, may only
-- attach, except by a rule that does not ask for names. Returns the number of pairs.
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
      CROSS JOIN LATERAL unnest(v.records) WITH ORDINALITY AS l(record_id, position)
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
  ANALYZE pg_temp.omnicrm_resolve_pair (record_a, record_b, decision);
  RETURN pairs;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_add_pairs() IS
  'Used by crm.resolve(): compares the records that share a value. Returns the number of pairs.';

-- Step 5: clusters. Ties between equal links go by a hash of (source, source
-- key) of both records, which does not depend on the order of loads. Pairs
-- inside a cluster that was joined already are dropped; refused ones get their
-- reason.
CREATE OR REPLACE FUNCTION @hub@.resolve_cluster(OUT nodes bigint[], OUT roots bigint[])
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

  nodes := found.node;
  roots := found.root;
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
  'Used by crm.resolve(): makes clusters of all records. Result: each record that has a link, and the smallest record of its cluster.';

-- Step 6: the decisions, in place of those that they replace. What stays is not
-- written again.
CREATE OR REPLACE FUNCTION @hub@.resolve_write_links()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  DELETE FROM @hub@.match_link AS l
  WHERE NOT EXISTS (SELECT
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

-- All records; gives the counts of the run.
CREATE OR REPLACE FUNCTION @hub@.resolve_all(model @hub@.match_model, step_ms jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  started timestamptz := clock_timestamp();
  touched bigint[];
  use_model CONSTANT boolean := model.version IS NOT NULL;
  pairs bigint;
  overshared bigint;
  solved record;
  given record;
  written bigint;
  merged bigint := 0;
  waiting bigint;
  counts jsonb;
BEGIN
  PERFORM @hub@.release_values(array_agg(o.kind), array_agg(o.value)) FROM @hub@.overshared_value AS o;
  -- In this order: what crm.load() commits in between stays in the queue.
  DELETE FROM @hub@.resolve_queue;
  touched := ARRAY(SELECT r.record_id FROM @hub@.source_record AS r WHERE r.erased_at IS NULL ORDER BY r.record_id);
  PERFORM @hub@.resolve_refresh_statistics();
  PERFORM @hub@.resolve_make_tables();
  overshared := @hub@.resolve_find_values();
  step_ms := step_ms || jsonb_build_object('values', @hub@.elapsed_ms(started));
  started := clock_timestamp();
  pairs := @hub@.resolve_add_pairs();
  step_ms := step_ms || jsonb_build_object('pairs', @hub@.elapsed_ms(started));
  started := clock_timestamp();
  IF use_model THEN
    -- Before the pairs are judged: what a load changes in between waits in the queue
    -- and is then compared with what was true before it.
    PERFORM @hub@.compare_all(model.version);
    step_ms := step_ms || jsonb_build_object('keys', @hub@.elapsed_ms(started));
    started := clock_timestamp();
    PERFORM @hub@.resolve_judge(model);
  ELSE
    PERFORM @hub@.resolve_forget_model();
  END IF;
  pairs := pairs + @hub@.resolve_add_model_pairs(use_model);
  step_ms := step_ms || jsonb_build_object('scores', @hub@.elapsed_ms(started));
  started := clock_timestamp();
  PERFORM @hub@.resolve_find_apart();
  SELECT c.nodes, c.roots INTO solved FROM @hub@.resolve_cluster() AS c;
  SELECT a.* INTO given FROM @hub@.assign_ids(touched, solved.nodes, solved.roots, false) AS a;
  step_ms := step_ms || jsonb_build_object('clusters', @hub@.elapsed_ms(started));
  started := clock_timestamp();
  PERFORM @hub@.resolve_write_links();
  step_ms := step_ms || jsonb_build_object('links', @hub@.elapsed_ms(started));
  started := clock_timestamp();
  written := @hub@.store_members(given.record_ids, given.customer_ids, given.home_ids, given.old_ids, given.moved);
  IF given.moved THEN
    merged := @hub@.store_redirects(given.customer_ids, given.home_ids, given.old_ids);
  END IF;
  step_ms := step_ms || jsonb_build_object('golden', @hub@.elapsed_ms(started));
  IF use_model THEN
    started := clock_timestamp();
    waiting := @hub@.store_review(given.record_ids, @hub@.review_pairs(given.record_ids, given.customer_ids), model.version);
    step_ms := step_ms || jsonb_build_object('review', @hub@.elapsed_ms(started));
  END IF;
  SELECT jsonb_build_object(
           'records', cardinality(touched), 'touched', cardinality(touched), 'created', given.created, 'split', given.split,
           'links', count(*) FILTER (WHERE p.decision = 'linked'), 'refused', count(*) FILTER (WHERE p.decision <> 'linked'),
           'pairs', pairs, 'overshared', overshared, 'changed', written - given.created, 'merged', merged, 'ms', step_ms)
         || jsonb_strip_nulls(jsonb_build_object('review', waiting))
  INTO counts
  FROM pg_temp.omnicrm_resolve_pair AS p;
  PERFORM @hub@.resolve_drop_tables();
  RETURN counts;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_all(@hub@.match_model, jsonb) IS
  'Used by crm.resolve(): resolves all records from nothing. step_ms: milliseconds of earlier steps. Returns the counts of the run.';

-- The queue as it is, and what it leads to: a record may bring others into it.
CREATE OR REPLACE FUNCTION @hub@.resolve_queued(model @hub@.match_model)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  started CONSTANT timestamptz := clock_timestamp();
  -- Rounds in which records bring others in; what is left then waits for the next call.
  most_rounds CONSTANT integer := 100;
  counts bigint[] := '{0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, 0}';
  waiting bigint[];
BEGIN
  IF model.version IS NOT NULL AND model.keys_at IS NULL THEN
    PERFORM @hub@.compare_all(model.version);
  END IF;
  FOR round IN 1 .. most_rounds LOOP
    waiting := ARRAY(SELECT DISTINCT q.record_id FROM @hub@.resolve_queue AS q);
    EXIT WHEN cardinality(waiting) = 0;
    counts := @hub@.add_counts(counts, @hub@.resolve_local(waiting, model.version));
  END LOOP;
  RETURN @hub@.counts_object(counts) || jsonb_build_object('ms', jsonb_build_object('local', @hub@.elapsed_ms(started)));
END
$$;

COMMENT ON FUNCTION @hub@.resolve_queued(@hub@.match_model) IS
  'Used by crm.resolve(): resolves what is in resolve_queue, record by record with its component, until the queue is empty. Returns the counts of the run.';

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
  queued bigint;
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
  PERFORM @hub@.release_all_values();
  -- Where a good part of the records has changed, all of them take less time.
  SELECT count(DISTINCT q.record_id) INTO queued FROM @hub@.resolve_queue AS q;
  IF every_record OR queued > greatest(100, (SELECT count(*) FROM @hub@.source_record) / 20) THEN
    counts := @hub@.resolve_all(model, step_ms);
    UPDATE @hub@.match_model AS m SET applied_at = now() WHERE m.version = model.version AND m.applied_at IS NULL;
  ELSE
    counts := @hub@.resolve_queued(model);
  END IF;
  RETURN @hub@.finish_run(run, counts || jsonb_strip_nulls(jsonb_build_object('model', model.version)));
END
$$;

COMMENT ON FUNCTION @hub@.resolve(jsonb) IS
  'Finds which source records are one customer, for the records that are new or changed since the last call, and brings the golden customers up to date; in one transaction, one call at a time. options: all (true: every record, after a change of match_rule). Returns the run_log row; counts: records looked at, touched records clustered again, pairs compared, links, refused, overshared values met for the first time, customers created, changed, merged and split, ms by step; with a matching model its version, and the pairs of the touched records that wait in review_queue. The first call in a hub of 2,000 persons or more trains a model. Errors: invalid_parameter_value, object_not_in_prerequisite_state.';

-- The model by which records are looked at one by one: one that crm.resolve() has
-- not met yet is left to it, since it looks at every record then.
CREATE OR REPLACE FUNCTION @hub@.applied_model()
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found record;
BEGIN
  SELECT m.version, m.keys_at INTO found
  FROM @hub@.match_model AS m
  WHERE m.applied_at IS NOT NULL AND EXISTS (SELECT FROM @hub@.match_rule AS r WHERE r.kind = 'model')
  ORDER BY m.version DESC
  LIMIT 1;
  IF found.version IS NOT NULL AND found.keys_at IS NULL THEN
    PERFORM @hub@.compare_all(found.version);
  END IF;
  RETURN found.version;
END
$$;

COMMENT ON FUNCTION @hub@.applied_model() IS
  'Used by what resolves few records: version of the model that crm.resolve() applied last, with match_compared filled for it; NULL: none.';

CREATE OR REPLACE FUNCTION @hub@.resolve_records(record_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.require_current();
  IF cardinality(record_ids) > 0 IS NOT TRUE THEN
    RETURN 0;
  END IF;
  PERFORM @hub@.lock_customers();
  RETURN (@hub@.resolve_local(record_ids, @hub@.applied_model()))[1];
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
