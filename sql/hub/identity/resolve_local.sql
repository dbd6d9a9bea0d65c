-- Who belongs together, for few records: what crm.ingest(), the acts of stewards
-- and a crm.resolve() of a short queue do.
--
-- A component of records that are linked, or were kept apart, is clustered by
-- itself (see resolve.sql), so it is enough to look at the components that the
-- changed records touch now or touched before. Everything is held in arrays: a
-- temporary table would cost more than the work. The plans are made once per
-- session and reach every row by its key, whatever the planner believes of the
-- tables: the rows of an array of keys by = ANY, one step of the plan for all of them,
-- since starting a plan takes longer than finding some rows; what belongs to one row
-- more by LATERAL with OFFSET 0, and whether there is a row by a scalar subquery, which
-- is no join. Arrays meet arrays by sorting (GROUP BY, omnicrm.distinct_ids()), so
-- that the cost grows with the records touched. The settings for all of this are those
-- of resolve_slice(): to set and reset them in each of its steps would take as long as
-- the shorter ones.

-- Pairs of dirty records with whoever shares a value with them, each with the
-- decision of its best rule: the strongest that accepts it, else the strongest that
-- refuses it.
CREATE OR REPLACE FUNCTION @hub@.judge_pairs(dirty bigint[], shared omnicrm.shared_value[], rules omnicrm.judge_rule[], born_at integer)
RETURNS omnicrm.judged_pair[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known record;
BEGIN
  SELECT array_agg(a.record_id) AS ids, array_agg(a.person) AS persons
  INTO known
  FROM (SELECT k.record_id, ROW (k.kind, k.full_name, k.name_key, k.birth_date, substr(k.quality, born_at, 1) >= '6', k.email, k.phone,
                                 k.tax_id)::omnicrm.judged_person AS person
        FROM @hub@.source_record AS k
        WHERE k.record_id = ANY (ARRAY(SELECT unnest(s.records) FROM unnest(shared) AS s))
        ORDER BY k.record_id) AS a;
  RETURN omnicrm.judge_shared(known.ids, known.persons, rules, shared, dirty);
END
$$;

COMMENT ON FUNCTION @hub@.judge_pairs(bigint[], omnicrm.shared_value[], omnicrm.judge_rule[], integer) IS
  'Used by resolve_local(): the pairs of dirty records with whoever shares a value with them, each with the decision of its best rule. born_at: position of the date of birth in source_record.quality.';

-- Links of the model and decisions of people.
CREATE OR REPLACE FUNCTION @hub@.other_pairs(dirty bigint[], use_model boolean, any_decision boolean)
RETURNS omnicrm.judged_pair[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  pairs omnicrm.judged_pair[] := '{}';
BEGIN
  IF any_decision THEN
    pairs := ARRAY(
      SELECT ROW (d.record_a, d.record_b, 'decision', d.decided_by, 0, NULL, NULL, false,
                  CASE WHEN d.same THEN 'linked' ELSE 'decided apart' END)::omnicrm.judged_pair
      FROM (SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_a = ANY (dirty)
            UNION ALL
            SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_b = ANY (dirty)) AS d
      WHERE (SELECT true FROM @hub@.source_record AS r WHERE r.record_id = d.record_a)
        AND (SELECT true FROM @hub@.source_record AS r WHERE r.record_id = d.record_b));
  END IF;
  IF use_model THEN
    pairs := pairs || ARRAY(
      SELECT ROW (c.record_a, c.record_b, 'model', round(c.weight::numeric, 1) || ' bits',
                  (SELECT r.priority FROM @hub@.match_rule AS r WHERE r.kind = 'model'), c.probability, c.weight, false,
                  'linked')::omnicrm.judged_pair
      FROM (SELECT k.record_a, k.record_b, k.weight, k.probability FROM @hub@.match_candidate AS k WHERE k.record_a = ANY (dirty) AND k.verdict = 'link'
            UNION ALL
            SELECT k.record_a, k.record_b, k.weight, k.probability FROM @hub@.match_candidate AS k WHERE k.record_b = ANY (dirty) AND k.verdict = 'link') AS c);
  END IF;
  RETURN pairs;
END
$$;

COMMENT ON FUNCTION @hub@.other_pairs(bigint[], boolean, boolean) IS
  'Used by resolve_local(): the decisions of people, where there is any, and the links of the model on pairs with a dirty record.';

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
  fresh bigint[] := record_ids;
  members bigint[];
BEGIN
  -- A loop, since the hash tables of a recursive query cost more than all else here.
  WHILE cardinality(fresh) > 0 LOOP
    members := ARRAY(
      SELECT m.record_id
      FROM @hub@.customer_member AS m
      WHERE m.customer_id = ANY (ARRAY(SELECT k.customer_id FROM @hub@.customer_member AS k WHERE k.record_id = ANY (fresh))));
    EXIT WHEN cardinality(members) = 0;
    touched := touched || members;
    fresh := omnicrm.distinct_ids(ARRAY(
      SELECT l.record_b
      FROM @hub@.match_link AS l
      WHERE l.record_a = ANY (members) AND l.decision IN ('tax numbers differ', 'already linked elsewhere', 'groups differ', 'decided apart')
      UNION ALL
      SELECT l.record_a
      FROM @hub@.match_link AS l
      WHERE l.record_b = ANY (members) AND l.decision IN ('tax numbers differ', 'already linked elsewhere', 'groups differ', 'decided apart')), touched);
  END LOOP;
  RETURN omnicrm.distinct_ids(touched);
END
$$;

COMMENT ON FUNCTION @hub@.touched_records(bigint[]) IS
  'Used by resolve_local(): these records and all of the components that they belong to, ascending.';

-- The clusters of the touched records. Ties between equal links go by a hash of
-- (source, source key) of both records, which does not depend on the order of loads.
CREATE OR REPLACE FUNCTION @hub@.solve_touched(
  touched bigint[], clean bigint[], pairs omnicrm.judged_pair[], rules omnicrm.judge_rule[], born_at integer, use_model boolean, any_decision boolean)
RETURNS omnicrm.solved_component
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known record;
  shared omnicrm.shared_value[] := '{}';
  more omnicrm.judged_pair[] := pairs;
BEGIN
  SELECT array_agg(a.record_id) AS ids, array_agg(a.person) AS persons, array_agg(a.tie) AS ties
  INTO known
  FROM (SELECT k.record_id, hashtextextended(k.source_key, k.source_id) AS tie,
               ROW (k.kind, k.full_name, k.name_key, k.birth_date, substr(k.quality, born_at, 1) >= '6', k.email, k.phone,
                    k.tax_id)::omnicrm.judged_person AS person
        FROM @hub@.source_record AS k
        WHERE k.record_id = ANY (touched)
        ORDER BY k.record_id) AS a;
  -- What clean records have in common; the pairs of dirty ones are judged already.
  IF cardinality(clean) > 1 THEN
    shared := ARRAY(
      SELECT ROW (omnicrm.judge_rule_of(v.kind, v.value), v.value, v.records)::omnicrm.shared_value
      FROM (SELECT h.kind, h.value, array_agg(h.record_id) AS records
            FROM @hub@.identifier AS h
            WHERE h.record_id = ANY (clean)
            GROUP BY h.kind, h.value
            HAVING count(*) > 1
            OFFSET 0) AS v
      WHERE (SELECT true FROM @hub@.overshared_value AS k WHERE k.kind = v.kind AND k.value = v.value) IS NULL);
    IF use_model THEN
      more := more || ARRAY(
        SELECT ROW (c.record_a, c.record_b, 'model', round(c.weight::numeric, 1) || ' bits',
                    (SELECT k.priority FROM @hub@.match_rule AS k WHERE k.kind = 'model'), c.probability, c.weight, false,
                    'linked')::omnicrm.judged_pair
        -- By the first of both columns alone: both would make an index look for each two.
        FROM (SELECT k.record_a, k.record_b, k.weight, k.probability FROM @hub@.match_candidate AS k
              WHERE k.record_a = ANY (clean) AND k.verdict = 'link'
              OFFSET 0) AS c
        WHERE c.record_b = ANY (clean));
    END IF;
    IF any_decision THEN
      more := more || ARRAY(
        SELECT ROW (d.record_a, d.record_b, 'decision', d.decided_by, 0, NULL, NULL, false,
                    CASE WHEN d.same THEN 'linked' ELSE 'decided apart' END)::omnicrm.judged_pair
        FROM (SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_a = ANY (clean) OFFSET 0) AS d
        WHERE d.record_b = ANY (clean));
    END IF;
  END IF;
  RETURN omnicrm.solve_component(known.ids, known.persons, known.ties, rules, shared, more);
END
$$;

COMMENT ON FUNCTION @hub@.solve_touched(bigint[], bigint[], omnicrm.judged_pair[], omnicrm.judge_rule[], integer, boolean, boolean) IS
  'Used by resolve_local(): clusters the touched records, of which the clean ones did not change; pairs: what is known of the pairs of the others. Result: as of omnicrm.solve_component().';

-- The values that dirty records share with others. Those that have just become
-- over-shared: whom they linked is left to the next crm.resolve(). Such a value is
-- rare, so it is only looked whether there is one.
CREATE OR REPLACE FUNCTION @hub@.settle_values(dirty bigint[], OUT shared omnicrm.shared_value[], OUT overshared bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kinds text[];
  values_of text[];
  counts integer[];
BEGIN
  SELECT array_agg(ROW (v.rule, v.value, v.records)::omnicrm.shared_value) FILTER (WHERE cardinality(v.records) <= v.max_records),
         count(*) FILTER (WHERE cardinality(v.records) > v.max_records)
  INTO shared, overshared
  FROM (SELECT h.kind, h.value, r.kind AS rule, r.max_records,
               ARRAY(SELECT i.record_id
                     FROM @hub@.identifier AS i
                     WHERE hashtextextended(i.value, 0) = hashtextextended(h.value, 0) AND i.value = h.value AND i.kind = h.kind
                     LIMIT r.max_records + 1) AS records
        FROM (SELECT i.kind, i.value FROM @hub@.identifier AS i WHERE i.record_id = ANY (dirty) OFFSET 0) AS h
        CROSS JOIN LATERAL (SELECT k.kind, k.max_records FROM @hub@.match_rule AS k WHERE k.kind = omnicrm.judge_rule_of(h.kind, h.value) OFFSET 0) AS r
        OFFSET 0) AS v
  WHERE cardinality(v.records) > 1
    AND (SELECT true FROM @hub@.overshared_value AS o WHERE o.kind = v.kind AND o.value = v.value) IS NULL;
  IF overshared = 0 THEN
    RETURN;
  END IF;
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
  overshared := cardinality(kinds);
END
$$;

COMMENT ON FUNCTION @hub@.settle_values(bigint[]) IS
  'Used by resolve_local(): puts values of these records that too many records hold by now on the list, and queues the records that they linked. Returns the values by which these records may link with others, NULL for none, and the number of those that are on the list since now.';

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
AS $$
DECLARE
  this_id CONSTANT bigint := resolve_alone.record_id;
  customer CONSTANT bigint := nextval(pg_get_serial_sequence('@hub@.customer', 'customer_id')::regclass);
  written bigint;
  waiting bigint;
BEGIN
  written := @hub@.store_members(ARRAY[this_id], ARRAY[customer], ARRAY[customer], ARRAY[NULL]::bigint[], false);
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
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  use_model CONSTANT boolean := model_version IS NOT NULL;
  rules omnicrm.judge_rule[];
  born_at integer;
  any_decision boolean;
  pairs omnicrm.judged_pair[] := '{}';
  touched bigint[];
  settled record;
  overshared bigint := 0;
  solved omnicrm.solved_component;
  given record;
  links record;
  written bigint;
  merged bigint := 0;
  waiting bigint;
BEGIN
  SELECT array_agg(ROW (k.kind, k.priority, k.max_records, k.min_name_similarity, k.birth_date_guard, k.accept_mistyped)::omnicrm.judge_rule),
         (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date'),
         EXISTS (SELECT FROM @hub@.match_decision AS d)
  INTO rules, born_at, any_decision
  FROM @hub@.match_rule AS k;
  rules := coalesce(rules, '{}');
  IF cardinality(dirty) > 0 THEN
    settled := @hub@.settle_values(dirty);
    overshared := settled.overshared;
    IF use_model THEN
      FOR place IN 1 .. cardinality(dirty) LOOP
        PERFORM @hub@.compare_record(dirty[place], model_version);
      END LOOP;
    END IF;
    IF settled.shared IS NOT NULL THEN
      pairs := @hub@.judge_pairs(dirty, settled.shared, rules, born_at);
    END IF;
    pairs := pairs || @hub@.other_pairs(dirty, use_model, any_decision);
  END IF;
  IF cardinality(pairs) = 0 AND cardinality(dirty) = 1 AND cardinality(again) = 0 AND NOT provisional
     AND NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.record_id = dirty[1]) THEN
    counts := @hub@.resolve_alone(dirty[1], model_version, overshared);
    record_ids := dirty;
    old_ids := ARRAY[NULL]::bigint[];
    RETURN;
  END IF;
  touched := @hub@.touched_records(dirty || again || omnicrm.linked_records(pairs));
  solved := @hub@.solve_touched(touched, omnicrm.distinct_ids(touched, dirty), pairs, rules, born_at, use_model, any_decision);
  given := @hub@.assign_ids(touched, solved.nodes, solved.roots, provisional);
  links := @hub@.store_links(dirty, touched, solved.pairs);
  written := @hub@.store_members(given.record_ids, given.customer_ids, given.home_ids, given.old_ids, given.moved);
  IF given.moved THEN
    merged := @hub@.store_redirects(given.customer_ids, given.home_ids, given.old_ids);
  END IF;
  IF use_model THEN
    waiting := @hub@.store_review(given.record_ids, given.customer_ids, model_version);
  END IF;
  record_ids := given.record_ids;
  old_ids := given.old_ids;
  counts := jsonb_build_object('touched', cardinality(touched), 'created', given.created, 'split', given.split, 'links', links.linked,
                               'refused', links.refused, 'pairs', solved.judged, 'overshared', overshared, 'changed', written - given.created,
                               'merged', merged)
            || jsonb_strip_nulls(jsonb_build_object('review', waiting));
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
  slice record;
BEGIN
  DELETE FROM @hub@.resolve_queue AS q WHERE q.record_id = ANY (record_ids);
  dirty := ARRAY(SELECT r.record_id
                 FROM (SELECT DISTINCT u.id FROM unnest(record_ids) AS u(id)) AS n
                 JOIN @hub@.source_record AS r ON r.record_id = n.id
                 WHERE r.erased_at IS NULL
                 ORDER BY r.record_id);
  FOR first_one IN 1 .. cardinality(dirty) BY slice_size LOOP
    slice := @hub@.resolve_slice(dirty[first_one:first_one + slice_size - 1], '{}', model_version, false);
    counts := CASE WHEN counts IS NULL THEN slice.counts ELSE @hub@.add_counts(counts, slice.counts) END;
  END LOOP;
  RETURN coalesce(counts, '{"touched": 0, "pairs": 0, "links": 0, "refused": 0, "overshared": 0, "created": 0, "changed": 0, "merged": 0, "split": 0}')
         || jsonb_build_object('records', cardinality(dirty));
END
$$;

COMMENT ON FUNCTION @hub@.resolve_local(bigint[], integer) IS
  'Used by crm.resolve(), crm.resolve_records() and crm.ingest(): resolves these records, slice by slice, with a model that match_compared is filled for (NULL: by rules alone), takes them out of the queue, and may queue others. Returns the counts of a run.';
