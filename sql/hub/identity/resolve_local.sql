-- Who belongs together, for few records: what crm.ingest(), the acts of stewards
-- and a crm.resolve() of a short queue do.
--
-- A component of records that are linked, or were kept apart, is clustered by
-- itself (see resolve.sql), so it is enough to look at the components that the
-- changed records touch now or touched before. Everything is held in arrays: a
-- temporary table would cost more than the work. The plans are made once per
-- session and reach every row by its key, whatever the planner believes of the
-- tables: what belongs to an element of an array is looked up by LATERAL with OFFSET
-- 0, and whether there is a row by a scalar subquery, which is no join. Arrays meet
-- arrays by sorting (UNION, EXCEPT, GROUP BY), so that the cost grows with the records
-- touched.

-- Pairs of dirty records with whoever shares a value with them, each with the
-- decision of its best rule: the strongest that accepts it, else the strongest that
-- refuses it.
CREATE OR REPLACE FUNCTION @hub@.judge_pairs(dirty bigint[])
RETURNS omnicrm.judged_pair[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
  RETURN ARRAY(
    SELECT DISTINCT ON (e.record_a, e.record_b)
           ROW (e.record_a, e.record_b, e.rule, e.value, e.priority, (e.judgement).similarity, NULL, (e.judgement).attach,
                (e.judgement).decision)::omnicrm.judged_pair
    FROM (
      SELECT p.record_a, p.record_b, p.rule, p.value, r.priority,
             omnicrm.judge_value(a.person, b.person, r.min_name_similarity, r.birth_date_guard, r.accept_mistyped) AS judgement
      FROM (
        SELECT DISTINCT least(v.record_id, h.record_id) AS record_a, greatest(v.record_id, h.record_id) AS record_b, v.rule, v.value
        FROM (SELECT h.value, h.record_id, r.kind AS rule, r.max_records,
                     ARRAY(SELECT i.record_id
                           FROM @hub@.identifier AS i
                           WHERE hashtextextended(i.value, 0) = hashtextextended(h.value, 0) AND i.value = h.value AND i.kind = h.kind
                           LIMIT r.max_records + 1) AS records
              FROM unnest(dirty) AS d(record_id)
              CROSS JOIN LATERAL (SELECT i.kind, i.value, i.record_id FROM @hub@.identifier AS i WHERE i.record_id = d.record_id OFFSET 0) AS h
              CROSS JOIN LATERAL (SELECT k.kind, k.max_records FROM @hub@.match_rule AS k WHERE k.kind = omnicrm.judge_rule_of(h.kind, h.value) OFFSET 0) AS r
              WHERE (SELECT true FROM @hub@.overshared_value AS o WHERE o.kind = h.kind AND o.value = h.value) IS NULL
              OFFSET 0) AS v
        CROSS JOIN LATERAL unnest(v.records) AS h(record_id)
        WHERE h.record_id <> v.record_id AND cardinality(v.records) <= v.max_records
      ) AS p
      CROSS JOIN LATERAL (SELECT k.priority, k.min_name_similarity, k.birth_date_guard, k.accept_mistyped
                          FROM @hub@.match_rule AS k
                          WHERE k.kind = p.rule
                          OFFSET 0) AS r
      CROSS JOIN (SELECT (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date') AS position) AS s
      CROSS JOIN LATERAL (SELECT ROW (k.kind, k.full_name, k.name_key, k.birth_date, substr(k.quality, s.position, 1) >= '6', k.email, k.phone,
                                      k.tax_id)::omnicrm.judged_person AS person
                          FROM @hub@.source_record AS k
                          WHERE k.record_id = p.record_a
                          OFFSET 0) AS a
      CROSS JOIN LATERAL (SELECT ROW (k.kind, k.full_name, k.name_key, k.birth_date, substr(k.quality, s.position, 1) >= '6', k.email, k.phone,
                                      k.tax_id)::omnicrm.judged_person AS person
                          FROM @hub@.source_record AS k
                          WHERE k.record_id = p.record_b
                          OFFSET 0) AS b
      -- Keeps the planner from judging at each place of use.
      OFFSET 0
    ) AS e
    ORDER BY e.record_a, e.record_b, (e.judgement).decision = 'linked' DESC, (e.judgement).attach, e.priority, e.value COLLATE "C");
END
$$;

COMMENT ON FUNCTION @hub@.judge_pairs(bigint[]) IS
  'Used by resolve_local(): the pairs of dirty records with whoever shares a value with them, each with the decision of its best rule.';

-- Links of the model and decisions of people.
CREATE OR REPLACE FUNCTION @hub@.other_pairs(dirty bigint[], use_model boolean)
RETURNS omnicrm.judged_pair[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
  RETURN ARRAY(
    SELECT ROW (n.record_a, n.record_b, n.kind, n.value, n.priority, n.similarity, n.strength, false, n.decision)::omnicrm.judged_pair
    FROM (
      SELECT d.record_a, d.record_b, 'decision' AS kind, d.decided_by AS value, 0 AS priority, NULL::real AS similarity,
             NULL::real AS strength, CASE WHEN d.same THEN 'linked' ELSE 'decided apart' END AS decision
      FROM unnest(dirty) AS t(record_id)
      CROSS JOIN LATERAL (SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_a = t.record_id
                          UNION ALL
                          SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_b = t.record_id
                          OFFSET 0) AS d
      UNION ALL
      SELECT c.record_a, c.record_b, 'model', round(c.weight::numeric, 1) || ' bits',
             (SELECT r.priority FROM @hub@.match_rule AS r WHERE r.kind = 'model'), c.probability, c.weight, 'linked'
      FROM unnest(dirty) AS t(record_id)
      CROSS JOIN LATERAL (SELECT k.* FROM @hub@.match_candidate AS k WHERE k.record_a = t.record_id
                          UNION ALL
                          SELECT k.* FROM @hub@.match_candidate AS k WHERE k.record_b = t.record_id
                          OFFSET 0) AS c
      WHERE c.verdict = 'link' AND use_model
    ) AS n
    WHERE (SELECT true FROM @hub@.source_record AS r WHERE r.record_id = n.record_a)
      AND (SELECT true FROM @hub@.source_record AS r WHERE r.record_id = n.record_b));
END
$$;

COMMENT ON FUNCTION @hub@.other_pairs(bigint[], boolean) IS
  'Used by resolve_local(): the decisions of people and the links of the model on pairs with a dirty record.';

-- A decision of a person that keeps two apart goes before all.
CREATE OR REPLACE FUNCTION @hub@.linked_records(pairs omnicrm.judged_pair[])
RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(SELECT DISTINCT u.id
               FROM (SELECT p.record_a, p.record_b FROM unnest(pairs) AS p WHERE p.decision = 'linked'
                     EXCEPT
                     SELECT p.record_a, p.record_b FROM unnest(pairs) AS p WHERE p.decision = 'decided apart') AS n
               CROSS JOIN LATERAL unnest(ARRAY[n.record_a, n.record_b]) AS u(id));
END
$$;

COMMENT ON FUNCTION @hub@.linked_records(omnicrm.judged_pair[]) IS 'Used by resolve_local(): the records of the pairs that are linked, each once.';

-- Members of one customer are connected, and so are customers that clustering has
-- kept apart; other accepted pairs of records that did not change are inside these.
CREATE OR REPLACE FUNCTION @hub@.touched_records(record_ids bigint[])
RETURNS bigint[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  touched bigint[] := record_ids;
  customers bigint[] := '{}';
  members bigint[];
  -- Customers met in this round. A loop, since the hash tables of a recursive query cost more than all else here.
  met bigint[] := ARRAY(
    SELECT DISTINCT m.customer_id
    FROM unnest(record_ids) AS t(record_id)
    CROSS JOIN LATERAL (SELECT k.customer_id FROM @hub@.customer_member AS k WHERE k.record_id = t.record_id OFFSET 0) AS m);
BEGIN
  WHILE cardinality(met) > 0 LOOP
    members := ARRAY(
      SELECT m.record_id
      FROM unnest(met) AS t(customer_id)
      CROSS JOIN LATERAL (SELECT k.record_id FROM @hub@.customer_member AS k WHERE k.customer_id = t.customer_id OFFSET 0) AS m);
    touched := touched || members;
    customers := customers || met;
    met := ARRAY(
      SELECT n.customer_id
      FROM unnest(members) AS m(record_id)
      CROSS JOIN LATERAL (
        SELECT l.record_b AS record_id
        FROM @hub@.match_link AS l
        WHERE l.record_a = m.record_id
          AND l.decision IN ('tax numbers differ', 'already linked elsewhere', 'groups differ', 'decided apart')
        UNION ALL
        SELECT l.record_a
        FROM @hub@.match_link AS l
        WHERE l.record_b = m.record_id
          AND l.decision IN ('tax numbers differ', 'already linked elsewhere', 'groups differ', 'decided apart')
        OFFSET 0) AS o
      CROSS JOIN LATERAL (SELECT k.customer_id FROM @hub@.customer_member AS k WHERE k.record_id = o.record_id OFFSET 0) AS n
      EXCEPT
      SELECT c.id FROM unnest(customers) AS c(id));
  END LOOP;
  RETURN ARRAY(SELECT DISTINCT t.id FROM unnest(touched) AS t(id) ORDER BY t.id);
END
$$;

COMMENT ON FUNCTION @hub@.touched_records(bigint[]) IS
  'Used by resolve_local(): these records and all of the components that they belong to, ascending.';

-- The clusters of the touched records. Ties between equal links go by a hash of
-- (source, source key) of both records, which does not depend on the order of loads.
CREATE OR REPLACE FUNCTION @hub@.solve_touched(touched bigint[], clean bigint[], pairs omnicrm.judged_pair[], use_model boolean)
RETURNS omnicrm.solved_component
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
  RETURN (
    SELECT omnicrm.solve_component(
             r.ids, r.persons, r.ties,
             ARRAY(SELECT ROW (k.kind, k.priority, k.max_records, k.min_name_similarity, k.birth_date_guard, k.accept_mistyped)::omnicrm.judge_rule
                   FROM @hub@.match_rule AS k),
             -- What clean records have in common; the pairs of dirty ones are judged already.
             ARRAY(SELECT ROW (omnicrm.judge_rule_of(v.kind, v.value), v.value, v.records)::omnicrm.shared_value
                   FROM (SELECT h.kind, h.value, array_agg(h.record_id) AS records
                         FROM unnest(clean) AS c(record_id)
                         CROSS JOIN LATERAL (SELECT i.kind, i.value, i.record_id FROM @hub@.identifier AS i WHERE i.record_id = c.record_id OFFSET 0) AS h
                         GROUP BY h.kind, h.value
                         HAVING count(*) > 1
                         OFFSET 0) AS v
                   WHERE (SELECT true FROM @hub@.overshared_value AS k WHERE k.kind = v.kind AND k.value = v.value) IS NULL),
             pairs
             || ARRAY(SELECT ROW (d.record_a, d.record_b, 'decision', d.decided_by, 0, NULL, NULL, false,
                                  CASE WHEN d.same THEN 'linked' ELSE 'decided apart' END)::omnicrm.judged_pair
                      FROM unnest(clean) AS t(record_id)
                      CROSS JOIN LATERAL (SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_a = t.record_id OFFSET 0) AS d
                      WHERE d.record_b = ANY (clean))
             || ARRAY(SELECT ROW (c.record_a, c.record_b, 'model', round(c.weight::numeric, 1) || ' bits',
                                  (SELECT k.priority FROM @hub@.match_rule AS k WHERE k.kind = 'model'), c.probability, c.weight, false,
                                  'linked')::omnicrm.judged_pair
                      FROM unnest(touched) AS t(record_id)
                      CROSS JOIN LATERAL (SELECT k.* FROM @hub@.match_candidate AS k WHERE k.record_a = t.record_id OFFSET 0) AS c
                      WHERE c.record_b = ANY (touched) AND c.verdict = 'link' AND use_model))
    FROM (SELECT array_agg(k.record_id) AS ids, array_agg(k.person) AS persons, array_agg(k.tie) AS ties
          FROM (SELECT a.record_id, hashtextextended(a.source_key, a.source_id) AS tie,
                       ROW (a.kind, a.full_name, a.name_key, a.birth_date, substr(a.quality, s.position, 1) >= '6', a.email, a.phone,
                            a.tax_id)::omnicrm.judged_person AS person
                FROM unnest(touched) AS t(record_id)
                CROSS JOIN LATERAL (SELECT k.record_id, k.source_key, k.source_id, k.kind, k.full_name, k.name_key, k.birth_date, k.quality, k.email, k.phone,
                                           k.tax_id
                                    FROM @hub@.source_record AS k
                                    WHERE k.record_id = t.record_id
                                    OFFSET 0) AS a
                CROSS JOIN (SELECT (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date') AS position) AS s
                ORDER BY a.record_id
                OFFSET 0) AS k
          OFFSET 0) AS r);
END
$$;

COMMENT ON FUNCTION @hub@.solve_touched(bigint[], bigint[], omnicrm.judged_pair[], boolean) IS
  'Used by resolve_local(): clusters the touched records, of which the clean ones did not change; pairs: what is known of the pairs of the others. Result: as of omnicrm.solve_component().';

-- Values that have just become over-shared, or are so no more: whom they linked,
-- or may link again, is left to the next crm.resolve(). The first such value of a
-- record is rare, so it is only looked whether there is one.
CREATE OR REPLACE FUNCTION @hub@.settle_values(dirty bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  kinds text[];
  values_of text[];
  counts integer[];
BEGIN
  SELECT array_agg(n.kind), array_agg(n.value), array_agg(n.records) INTO kinds, values_of, counts
  FROM (SELECT DISTINCT h.kind, h.value, k.records
        FROM unnest(dirty) AS d(record_id)
        CROSS JOIN LATERAL (SELECT i.kind, i.value FROM @hub@.identifier AS i WHERE i.record_id = d.record_id OFFSET 0) AS h
        CROSS JOIN LATERAL (SELECT m.max_records FROM @hub@.match_rule AS m WHERE m.kind = omnicrm.judge_rule_of(h.kind, h.value) OFFSET 0) AS r
        CROSS JOIN LATERAL (SELECT count(*)::integer AS records
                            FROM (SELECT
                                  FROM @hub@.identifier AS i
                                  WHERE hashtextextended(i.value, 0) = hashtextextended(h.value, 0) AND i.value = h.value AND i.kind = h.kind
                                  LIMIT r.max_records + 1) AS i
                            OFFSET 0) AS k
        WHERE k.records > r.max_records
          AND (SELECT true FROM @hub@.overshared_value AS o WHERE o.kind = h.kind AND o.value = h.value) IS NULL) AS n;
  IF kinds IS NULL THEN
    RETURN 0;
  END IF;
  INSERT INTO @hub@.overshared_value (kind, value, records)
  SELECT u.kind, u.value, u.records FROM unnest(kinds, values_of, counts) AS u(kind, value, records)
  ON CONFLICT DO NOTHING;
  PERFORM @hub@.queue_records(ARRAY(
    SELECT unnest(ARRAY[l.record_a, l.record_b])
    FROM unnest(kinds, values_of) AS u(kind, value)
    CROSS JOIN LATERAL (SELECT k.record_id
                        FROM @hub@.identifier AS k
                        WHERE hashtextextended(k.value, 0) = hashtextextended(u.value, 0) AND k.value = u.value AND k.kind = u.kind
                        OFFSET 0) AS i
    CROSS JOIN LATERAL (SELECT k.* FROM @hub@.match_link AS k WHERE k.record_a = i.record_id OFFSET 0) AS l
    WHERE l.kind = omnicrm.judge_rule_of(u.kind, u.value) AND l.value = u.value));
  RETURN cardinality(kinds);
END
$$;

COMMENT ON FUNCTION @hub@.settle_values(bigint[]) IS
  'Used by resolve_local(): puts values of these records that too many records hold by now on the list, and queues the records that they linked. Returns the number of such values.';

CREATE OR REPLACE FUNCTION @hub@.release_values(kinds text[], values_of text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
BEGIN
  WITH released AS (
    DELETE FROM @hub@.overshared_value AS o
    USING unnest(kinds, values_of) AS u(kind, value)
    WHERE o.kind = u.kind AND o.value = u.value
      AND (SELECT (SELECT count(*)
                   FROM (SELECT
                         FROM @hub@.identifier AS i
                         WHERE hashtextextended(i.value, 0) = hashtextextended(u.value, 0) AND i.value = u.value AND i.kind = u.kind
                         LIMIT r.max_records + 1) AS held) <= r.max_records
           FROM @hub@.match_rule AS r
           WHERE r.kind = omnicrm.judge_rule_of(u.kind, u.value))
    RETURNING o.kind, o.value
  )
  INSERT INTO @hub@.resolve_queue (record_id)
  SELECT DISTINCT i.record_id
  FROM released AS e
  CROSS JOIN LATERAL (SELECT k.record_id
                      FROM @hub@.identifier AS k
                      WHERE hashtextextended(k.value, 0) = hashtextextended(e.value, 0) AND k.value = e.value AND k.kind = e.kind
                      OFFSET 0) AS i;
END
$$;

COMMENT ON FUNCTION @hub@.release_values(text[], text[]) IS
  'Used by what takes identifiers from records: these values, which a record has no more. Those on the list of over-shared values that few enough hold now come off it, and their holders are queued. Returns nothing.';

-- A new record that no pair speaks of is a customer by itself: what the steps of
-- resolve_slice() would make of it, without them. It has no links and waits in no
-- review yet.
CREATE OR REPLACE FUNCTION @hub@.resolve_alone(record_id bigint, model_version integer, overshared bigint)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  this_id CONSTANT bigint := resolve_alone.record_id;
  customer CONSTANT bigint := nextval(pg_get_serial_sequence('@hub@.customer', 'customer_id')::regclass);
  waiting bigint;
BEGIN
  PERFORM @hub@.store_members(ARRAY[this_id], ARRAY[customer], ARRAY[customer], ARRAY[NULL]::bigint[], false);
  IF model_version IS NOT NULL THEN
    waiting := CASE WHEN EXISTS (SELECT FROM @hub@.match_candidate AS c WHERE c.record_a = this_id)
                         OR EXISTS (SELECT FROM @hub@.match_candidate AS c WHERE c.record_b = this_id)
                    THEN @hub@.store_review(ARRAY[this_id], ARRAY[customer], model_version) ELSE 0 END;
  END IF;
  RETURN jsonb_build_object('touched', 1, 'created', 1, 'split', 0, 'links', 0, 'refused', 0, 'pairs', 0, 'overshared', overshared, 'changed', 0,
                            'merged', 0)
         || jsonb_strip_nulls(jsonb_build_object('review', waiting));
END
$$;

COMMENT ON FUNCTION @hub@.resolve_alone(bigint, integer, bigint) IS
  'Used by resolve_slice(): makes a customer of a new record that shares nothing with any other. overshared: values counted before. Returns the counts of a run.';

-- One slice. again: records that did not change and whose components are to be
-- clustered again.
CREATE OR REPLACE FUNCTION @hub@.resolve_slice(
  dirty bigint[], again bigint[], model_version integer, provisional boolean,
  OUT counts jsonb, OUT record_ids bigint[], OUT old_ids bigint[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  pairs omnicrm.judged_pair[] := '{}';
  touched bigint[];
  overshared bigint := 0;
  solved omnicrm.solved_component;
  given record;
  written bigint;
  merged bigint := 0;
  waiting bigint;
BEGIN
  IF cardinality(dirty) > 0 THEN
    overshared := @hub@.settle_values(dirty);
    IF model_version IS NOT NULL THEN
      FOR place IN 1 .. cardinality(dirty) LOOP
        PERFORM @hub@.compare_record(dirty[place], model_version);
      END LOOP;
    END IF;
    pairs := @hub@.judge_pairs(dirty) || @hub@.other_pairs(dirty, model_version IS NOT NULL);
  END IF;
  IF cardinality(pairs) = 0 AND cardinality(dirty) = 1 AND cardinality(again) = 0 AND NOT provisional
     AND NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.record_id = dirty[1]) THEN
    counts := @hub@.resolve_alone(dirty[1], model_version, overshared);
    record_ids := dirty;
    old_ids := ARRAY[NULL]::bigint[];
    RETURN;
  END IF;
  touched := @hub@.touched_records(dirty || again || CASE WHEN cardinality(pairs) > 0 THEN @hub@.linked_records(pairs) END);
  solved := @hub@.solve_touched(touched, ARRAY(SELECT unnest(touched) EXCEPT SELECT unnest(dirty)), pairs, model_version IS NOT NULL);
  SELECT a.* INTO given FROM @hub@.assign_ids(touched, solved.nodes, solved.roots, provisional) AS a;
  PERFORM @hub@.store_links(dirty, touched, solved.pairs);
  written := @hub@.store_members(given.record_ids, given.customer_ids, given.home_ids, given.old_ids, given.moved);
  IF given.moved THEN
    merged := @hub@.store_redirects(given.customer_ids, given.home_ids, given.old_ids);
  END IF;
  IF model_version IS NOT NULL THEN
    waiting := @hub@.store_review(given.record_ids, given.customer_ids, model_version);
  END IF;
  record_ids := given.record_ids;
  old_ids := given.old_ids;
  SELECT jsonb_build_object(
           'touched', cardinality(touched), 'created', given.created, 'split', given.split,
           'links', count(*) FILTER (WHERE p.decision = 'linked'), 'refused', count(*) FILTER (WHERE p.decision <> 'linked'),
           'pairs', solved.judged, 'overshared', overshared, 'changed', written - given.created, 'merged', merged)
         || jsonb_strip_nulls(jsonb_build_object('review', waiting))
  INTO counts
  FROM unnest(solved.pairs) AS p;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_slice(bigint[], bigint[], integer, boolean) IS
  'Used by resolve_local(): resolves these changed records (dirty), and clusters the components of others (again) anew, in one step. Returns the counts of a run, and the touched records with their customers of before.';

-- Counts of two parts of a run.
CREATE OR REPLACE FUNCTION @hub@.add_counts(counts jsonb, more jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF counts IS NULL THEN
    RETURN more;
  END IF;
  RETURN (SELECT jsonb_object_agg(k.key, coalesce((counts ->> k.key)::bigint, 0) + coalesce((more ->> k.key)::bigint, 0))
          FROM (SELECT jsonb_object_keys(counts) AS key UNION SELECT jsonb_object_keys(more)) AS k);
END
$$;

COMMENT ON FUNCTION @hub@.add_counts(jsonb, jsonb) IS 'Used by crm.resolve(): the sums of two objects of numbers, member by member; the second when the first is NULL.';

-- Slices keep the arrays small, whatever the number of records.
CREATE OR REPLACE FUNCTION @hub@.resolve_local(record_ids bigint[], model_version integer)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  slice_size CONSTANT integer := 200;
  dirty bigint[];
  counts jsonb;
  slice jsonb;
BEGIN
  DELETE FROM @hub@.resolve_queue AS q WHERE q.record_id = ANY (record_ids);
  dirty := ARRAY(SELECT r.record_id
                 FROM (SELECT DISTINCT u.id FROM unnest(record_ids) AS u(id)) AS n
                 JOIN @hub@.source_record AS r ON r.record_id = n.id
                 WHERE r.erased_at IS NULL
                 ORDER BY r.record_id);
  FOR first_one IN 1 .. cardinality(dirty) BY slice_size LOOP
    SELECT s.counts INTO slice FROM @hub@.resolve_slice(dirty[first_one:first_one + slice_size - 1], '{}', model_version, false) AS s;
    counts := @hub@.add_counts(counts, slice);
  END LOOP;
  RETURN coalesce(counts, '{"touched": 0, "pairs": 0, "links": 0, "refused": 0, "overshared": 0, "created": 0, "changed": 0, "merged": 0, "split": 0}')
         || jsonb_build_object('records', cardinality(dirty));
END
$$;

COMMENT ON FUNCTION @hub@.resolve_local(bigint[], integer) IS
  'Used by crm.resolve(), crm.resolve_records() and crm.ingest(): resolves these records, slice by slice, with a model that match_compared is filled for (NULL: by rules alone), takes them out of the queue, and may queue others. Returns the counts of a run.';
