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

-- Decisions of people on pairs with one of these records.
CREATE OR REPLACE FUNCTION @hub@.decided_pairs(record_ids bigint[])
RETURNS omnicrm.judged_pair[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(
    SELECT ROW (d.record_a, d.record_b, 'decision', d.decided_by, 0, NULL, NULL, false,
                CASE WHEN d.same THEN 'linked' ELSE 'decided apart' END)::omnicrm.judged_pair
    FROM (SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_a = ANY (record_ids)
          UNION ALL
          SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_b = ANY (record_ids)) AS d
    WHERE (SELECT true FROM @hub@.source_record AS r WHERE r.record_id = d.record_a)
      AND (SELECT true FROM @hub@.source_record AS r WHERE r.record_id = d.record_b));
END
$$;

COMMENT ON FUNCTION @hub@.decided_pairs(bigint[]) IS
  'Used by resolve_local() where people have decided anything: their decisions on pairs with one of these records.';

-- Pairs of these records that the model found alike; one with two of them comes twice.
CREATE OR REPLACE FUNCTION @hub@.candidates_of(record_ids bigint[])
RETURNS omnicrm.judged_candidate[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(
    SELECT ROW (c.record_a, c.record_b, c.weight, c.probability, c.pattern, c.verdict)::omnicrm.judged_candidate
    FROM (SELECT k.* FROM @hub@.match_candidate AS k WHERE k.record_a = ANY (record_ids)
          UNION ALL
          SELECT k.* FROM @hub@.match_candidate AS k WHERE k.record_b = ANY (record_ids)) AS c);
END
$$;

COMMENT ON FUNCTION @hub@.candidates_of(bigint[]) IS 'Used by resolve_local(): the rows of match_candidate with one of these records.';

-- Members of one customer are connected, and so are customers that clustering has
-- kept apart; other accepted pairs of records that did not change are inside these.
CREATE OR REPLACE FUNCTION @hub@.touched_records(
  record_ids bigint[],
  OUT touched bigint[], OUT records bigint[], OUT customer_ids bigint[], OUT home_ids bigint[], OUT links omnicrm.judged_pair[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  fresh bigint[] := record_ids;
  more record;
  near omnicrm.judged_pair[];
  rest bigint[];
BEGIN
  -- A loop, since the hash tables of a recursive query cost more than all else here.
  WHILE cardinality(fresh) > 0 LOOP
    SELECT array_agg(m.record_id) AS records, array_agg(m.customer_id) AS customer_ids, array_agg(m.home_id) AS home_ids
    INTO more
    FROM @hub@.customer_member AS m
    WHERE m.customer_id = ANY (ARRAY(SELECT k.customer_id FROM @hub@.customer_member AS k WHERE k.record_id = ANY (fresh)));
    near := ARRAY(
      SELECT ROW (l.record_a, l.record_b, l.kind, l.value, 0, l.similarity, NULL, false, l.decision)::omnicrm.judged_pair
      FROM (SELECT k.* FROM @hub@.match_link AS k WHERE k.record_a = ANY (fresh || more.records)
            UNION ALL
            SELECT k.* FROM @hub@.match_link AS k WHERE k.record_b = ANY (fresh || more.records)) AS l);
    touched := touched || fresh;
    links := links || near;
    records := records || more.records;
    customer_ids := customer_ids || more.customer_ids;
    home_ids := home_ids || more.home_ids;
    fresh := omnicrm.distinct_ids(omnicrm.apart_records(near, more.records), touched || records);
  END LOOP;
  touched := omnicrm.distinct_ids(coalesce(touched || records, '{}'));
  rest := omnicrm.distinct_ids(touched, coalesce(records, '{}'));
  IF cardinality(rest) > 0 THEN
    records := records || rest;
    customer_ids := customer_ids || array_fill(NULL::bigint, ARRAY[cardinality(rest)]);
    home_ids := home_ids || array_fill(NULL::bigint, ARRAY[cardinality(rest)]);
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.touched_records(bigint[]) IS
  'Used by resolve_local(): these records and all of the components that they belong to, ascending; the same records once more, with their customer and the id that was made for them (NULL: none yet), element by element; and the links of them that are stored, some of them twice.';

-- The clusters of the touched records.
CREATE OR REPLACE FUNCTION @hub@.solve_touched(
  touched bigint[], clean bigint[], pairs omnicrm.judged_pair[], candidates omnicrm.judged_candidate[], rules omnicrm.judge_rule[],
  known omnicrm.judged_records, any_decision boolean)
RETURNS omnicrm.solved_component
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  shared omnicrm.shared_value[] := '{}';
  more omnicrm.judged_pair[] := pairs;
BEGIN
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
    more := more || omnicrm.model_links(candidates, rules, clean);
    IF any_decision THEN
      more := more || ARRAY(
        SELECT ROW (d.record_a, d.record_b, 'decision', d.decided_by, 0, NULL, NULL, false,
                    CASE WHEN d.same THEN 'linked' ELSE 'decided apart' END)::omnicrm.judged_pair
        FROM (SELECT k.* FROM @hub@.match_decision AS k WHERE k.record_a = ANY (clean) OFFSET 0) AS d
        WHERE d.record_b = ANY (clean));
    END IF;
  END IF;
  RETURN omnicrm.solve_component(known.ids, known.persons, known.ties, rules, shared, more, touched);
END
$$;

COMMENT ON FUNCTION @hub@.solve_touched(bigint[], bigint[], omnicrm.judged_pair[], omnicrm.judged_candidate[], omnicrm.judge_rule[], omnicrm.judged_records, boolean) IS
  'Used by resolve_local(): clusters the touched records, of which the clean ones did not change; pairs: what is known of the pairs of the others; candidates: what the model says of all; known: the records, as of judged_records(), and maybe others. Result: as of omnicrm.solve_component().';

-- The values that dirty records share with others. Those that have just become
-- over-shared: whom they linked is left to the next crm.resolve(). Such a value is
-- rare, so it is only looked whether there is one.
CREATE OR REPLACE FUNCTION @hub@.settle_values(dirty bigint[], rule_kinds text[], rule_limits integer[], OUT shared omnicrm.shared_value[], OUT overshared bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kinds text[];
  values_of text[];
  counts integer[];
BEGIN
  SELECT array_agg(ROW (rule_kinds[v.rule], v.value, v.records)::omnicrm.shared_value) FILTER (WHERE cardinality(v.records) <= rule_limits[v.rule]),
         count(*) FILTER (WHERE cardinality(v.records) > rule_limits[v.rule])
  INTO shared, overshared
  FROM (SELECT h.kind, h.value, h.rule,
               ARRAY(SELECT i.record_id
                     FROM @hub@.identifier AS i
                     WHERE hashtextextended(i.value, 0) = hashtextextended(h.value, 0) AND i.value = h.value AND i.kind = h.kind
                     LIMIT rule_limits[h.rule] + 1) AS records
        FROM (SELECT i.kind, i.value, array_position(rule_kinds, omnicrm.judge_rule_of(i.kind, i.value)) AS rule
              FROM @hub@.identifier AS i
              WHERE i.record_id = ANY (dirty)
              OFFSET 0) AS h
        WHERE h.rule IS NOT NULL
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

COMMENT ON FUNCTION @hub@.settle_values(bigint[], text[], integer[]) IS
  'Used by resolve_local(), with the kinds of match_rule and how many records may share a value of each: puts values of these records that too many records hold by now on the list, and queues the records that they linked. Returns the values by which these records may link with others, NULL for none, and the number of those that are on the list since now.';

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
CREATE OR REPLACE FUNCTION @hub@.resolve_alone(record_id bigint, candidates omnicrm.judged_candidate[], model_version integer, overshared bigint)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  customer CONSTANT bigint := nextval(pg_get_serial_sequence('@hub@.customer', 'customer_id')::regclass);
  waiting bigint;
BEGIN
  PERFORM @hub@.store_members(ARRAY[record_id], ARRAY[customer], ARRAY[customer], ARRAY[NULL]::bigint[], false);
  IF model_version IS NOT NULL THEN
    waiting := CASE WHEN cardinality(candidates) > 0
                    THEN @hub@.store_review(ARRAY[record_id], omnicrm.pairs_across(candidates, ARRAY[record_id], ARRAY[customer]), model_version) ELSE 0 END;
  END IF;
  RETURN ARRAY[1, 1, 0, 0, 0, 0, overshared, 0, 0, waiting];
END
$$;

COMMENT ON FUNCTION @hub@.resolve_alone(bigint, omnicrm.judged_candidate[], integer, bigint) IS
  'Used by resolve_slice(): makes a customer of a new record that shares nothing with any other. candidates: pairs of the record that the model found alike. overshared: values counted before. Returns the counts of a run.';

-- One slice. again: records that did not change and whose components are to be
-- clustered again.
CREATE OR REPLACE FUNCTION @hub@.resolve_slice(
  dirty bigint[], again bigint[], model_version integer, provisional boolean,
  OUT counts bigint[], OUT record_ids bigint[], OUT old_ids bigint[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  -- The usual case; what is fetched for one serves all steps.
  single CONSTANT boolean := cardinality(dirty) = 1;
  rules omnicrm.judge_rule[];
  rule_kinds text[];
  rule_limits integer[];
  model jsonb;
  born_at integer;
  any_decision boolean;
  settled record;
  overshared bigint;
  holders bigint[];
  met record;
  known omnicrm.judged_records;
  candidates omnicrm.judged_candidate[];
  pairs omnicrm.judged_pair[];
  near record;
  solved omnicrm.solved_component;
  given record;
  links record;
  written bigint;
  merged bigint;
  waiting bigint;
BEGIN
  -- Each expression of PL/pgSQL is made ready anew in each transaction, so there are as
  -- few as there may be.
  SELECT coalesce(array_agg(ROW (k.kind, k.priority, k.max_records, k.min_name_similarity, k.birth_date_guard, k.accept_mistyped)::omnicrm.judge_rule), '{}'),
         (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date'),
         EXISTS (SELECT FROM @hub@.match_decision AS d),
         (SELECT m.model FROM @hub@.match_model AS m WHERE m.version = model_version), array_agg(k.kind), array_agg(k.max_records)
  INTO rules, born_at, any_decision, model, rule_kinds, rule_limits
  FROM @hub@.match_rule AS k;
  IF cardinality(dirty) > 0 THEN
    settled := @hub@.settle_values(dirty, rule_kinds, rule_limits);
    overshared := settled.overshared;
    IF single THEN
      holders := omnicrm.shared_holders(settled.shared);
    END IF;
    FOR place IN 1 .. CASE WHEN model IS NULL THEN 0 ELSE cardinality(dirty) END LOOP
      met := @hub@.compare_record(dirty[place], model);
      IF cardinality((met.meeting).partners || holders) > 0 THEN
        known := @hub@.judged_records(dirty[place] || (met.meeting).partners || holders, born_at);
      END IF;
      IF cardinality((met.meeting).partners) > 0 OR met.any_old THEN
        candidates := @hub@.store_candidates(dirty[place], model, rules, met.meeting, known, met.any_old);
      END IF;
    END LOOP;
    IF NOT single OR known.ids IS NULL AND holders IS NOT NULL THEN
      known := @hub@.judged_records(omnicrm.shared_holders(settled.shared), born_at);
      candidates := CASE WHEN single THEN candidates WHEN model IS NOT NULL THEN @hub@.candidates_of(dirty) END;
    END IF;
    pairs := omnicrm.judge_shared(known.ids, known.persons, rules, settled.shared, dirty)
             || CASE WHEN any_decision THEN @hub@.decided_pairs(dirty) END || omnicrm.model_links(candidates, rules);
  END IF;
  IF cardinality(pairs) = 0 AND single AND cardinality(again) = 0 AND NOT provisional THEN
    IF NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.record_id = dirty[1]) THEN
      counts := @hub@.resolve_alone(dirty[1], candidates, model_version, overshared);
      record_ids := dirty;
      old_ids := ARRAY[NULL]::bigint[];
      RETURN;
    END IF;
  END IF;
  near := @hub@.touched_records(dirty || again || omnicrm.linked_records(pairs));
  candidates := CASE WHEN model IS NOT NULL THEN @hub@.candidates_of(near.touched) END;
  IF known.ids IS NULL OR cardinality(omnicrm.distinct_ids(near.touched, known.ids)) > 0 THEN
    known := @hub@.judged_records(near.touched, born_at);
  END IF;
  solved := @hub@.solve_touched(near.touched, omnicrm.distinct_ids(near.touched, dirty), coalesce(pairs, '{}'), candidates, rules, known, any_decision);
  given := omnicrm.give_ids(near.records, near.customer_ids, near.home_ids, solved.nodes, solved.roots,
                            CASE WHEN NOT provisional THEN pg_get_serial_sequence('@hub@.customer', 'customer_id')::regclass END);
  links := @hub@.store_links(dirty, near.touched, near.links, solved.pairs);
  written := @hub@.store_members(given.records, given.customers, given.homes, given.olds, given.moved);
  IF given.moved THEN
    merged := @hub@.store_redirects(given.customers, given.homes, given.olds);
  END IF;
  waiting := CASE WHEN model IS NOT NULL
                  THEN @hub@.store_review(given.records, omnicrm.pairs_across(candidates, given.records, given.customers), model_version) END;
  record_ids := given.records;
  old_ids := given.olds;
  counts := ARRAY[cardinality(near.touched), given.created, given.split, links.linked, links.refused, solved.judged, coalesce(overshared, 0),
                  written - given.created, coalesce(merged, 0), waiting];
END
$$;

COMMENT ON FUNCTION @hub@.resolve_slice(bigint[], bigint[], integer, boolean) IS
  'Used by resolve_local(): resolves these changed records (dirty), and clusters the components of others (again) anew, in one step. Returns the counts of a run, in the order of counts_object(), and the touched records with their customers of before.';

-- Counts of two parts of a run.
CREATE OR REPLACE FUNCTION @hub@.add_counts(counts bigint[], more bigint[])
RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN ARRAY(SELECT CASE WHEN u.a IS NOT NULL OR u.b IS NOT NULL THEN coalesce(u.a, 0) + coalesce(u.b, 0) END
               FROM unnest(counts, more) WITH ORDINALITY AS u(a, b, place)
               ORDER BY u.place);
END
$$;

COMMENT ON FUNCTION @hub@.add_counts(bigint[], bigint[]) IS
  'Used by what resolves few records: the sums of two arrays of counts, element by element; NULL where neither has one.';

-- As an object for those who read it: crm.ingest() does not.
CREATE OR REPLACE FUNCTION @hub@.counts_object(counts bigint[])
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN jsonb_strip_nulls(jsonb_build_object(
    'touched', counts[1], 'created', counts[2], 'split', counts[3], 'links', counts[4], 'refused', counts[5], 'pairs', counts[6],
    'overshared', counts[7], 'changed', counts[8], 'merged', counts[9], 'review', counts[10], 'records', counts[11]));
END
$$;

COMMENT ON FUNCTION @hub@.counts_object(bigint[]) IS
  'Used by crm.resolve(): the counts of resolve_local() as an object: records touched, customers created and split, links, refused ones, pairs, values that have just become over-shared, customers changed and merged, pairs that wait for review (not without a model), records.';

-- Slices keep the arrays small, whatever the number of records.
CREATE OR REPLACE FUNCTION @hub@.resolve_local(record_ids bigint[], model_version integer)
RETURNS bigint[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  dirty bigint[];
  counts bigint[];
  slice record;
BEGIN
  DELETE FROM @hub@.resolve_queue AS q WHERE q.record_id = ANY (record_ids);
  dirty := ARRAY(SELECT r.record_id FROM @hub@.source_record AS r WHERE r.record_id = ANY (record_ids) AND r.erased_at IS NULL ORDER BY r.record_id);
  IF cardinality(dirty) = 1 THEN
    RETURN (@hub@.resolve_slice(dirty, '{}', model_version, false)).counts || 1::bigint;
  END IF;
  FOR first_one IN 1 .. cardinality(dirty) BY 200 LOOP
    slice := @hub@.resolve_slice(dirty[first_one:first_one + 199], '{}', model_version, false);
    counts := @hub@.add_counts(counts, slice.counts);
  END LOOP;
  RETURN coalesce(counts, '{0, 0, 0, 0, 0, 0, 0, 0, 0, NULL}') || cardinality(dirty)::bigint;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_local(bigint[], integer) IS
  'Used by crm.resolve(), crm.resolve_records() and crm.ingest(): resolves these records, slice by slice, with a model that match_compared is filled for (NULL: by rules alone), takes them out of the queue, and may queue others. Returns the counts of a run, in the order of counts_object().';
