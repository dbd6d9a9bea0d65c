-- Records as the matching model compares them (match_compared), the keys by which
-- they are found, and what the model says of pairs with a record that changed.
--
-- Which records meet is a function of all records: a key that more of them have
-- than the model allows brings nobody together, and of many records with the same
-- values only the oldest meets others. So a change of one record may change whether
-- two others meet. These go to resolve_queue and are looked at anew by the next
-- crm.resolve(); when the queue is empty all is as a full run would find it.

-- Records with the same values from which on one stands for all, as in
-- omnicrm.match_pairs().
CREATE OR REPLACE FUNCTION @hub@.copies_many()
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 10
$$;

COMMENT ON FUNCTION @hub@.copies_many() IS
  'Number of records with the same values from which on the oldest stands for all of them.';

-- All records, from nothing. An index that is made over all rows is smaller, and
-- made in a quarter of the time; that needs the table alone and is its owner's to
-- do. Nobody waits for somebody who reads the table, such as a dump: it is emptied
-- row by row then.
CREATE OR REPLACE FUNCTION @hub@.compare_all(model_version integer)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owned boolean := (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class AS c WHERE c.oid = '@hub@.match_compared'::regclass);
BEGIN
  BEGIN
    LOCK TABLE @hub@.match_compared, @hub@.match_common_key IN ACCESS EXCLUSIVE MODE NOWAIT;
    TRUNCATE @hub@.match_compared, @hub@.match_common_key;
  EXCEPTION WHEN lock_not_available THEN
    owned := false;
    DELETE FROM @hub@.match_compared;
    DELETE FROM @hub@.match_common_key;
  END;
  IF owned THEN
    DROP INDEX IF EXISTS @hub@.match_compared_keys_idx;
  END IF;
  INSERT INTO @hub@.match_compared (record_id, compared, copy, keys)
  SELECT c.record_id, c.compared, c.copy, omnicrm.match_short_keys(omnicrm.match_compared_keys(c.compared, c.copy))
  FROM (SELECT v.record_id, v.compared,
               octet_length(v.compared) > 0
               AND count(*) OVER (PARTITION BY v.compared) >= @hub@.copies_many()
               AND v.record_id <> min(v.record_id) OVER (PARTITION BY v.compared) AS copy
        FROM (SELECT p.record_id, omnicrm.match_compared_row(m.model, p) AS compared
              FROM @hub@.match_model AS m
              CROSS JOIN @hub@.match_record AS p
              WHERE m.version = model_version
              OFFSET 0) AS v) AS c
  ORDER BY c.record_id;
  IF owned THEN
    CREATE INDEX match_compared_keys_idx ON @hub@.match_compared USING gin (keys) WITH (fastupdate = off);
  END IF;
  INSERT INTO @hub@.match_common_key (key, most)
  SELECT u.key, min(u.most)
  FROM @hub@.match_model AS m
  CROSS JOIN @hub@.match_compared AS c
  CROSS JOIN LATERAL unnest(omnicrm.match_compared_keys(c.compared, false), omnicrm.match_key_limits(m.model, c.compared)) AS u(key, most)
  WHERE m.version = model_version AND NOT c.copy AND u.most IS NOT NULL
  GROUP BY u.key
  HAVING count(*) > min(u.most);
  UPDATE @hub@.match_model AS m SET keys_at = now() WHERE m.version = model_version;
END
$$;

COMMENT ON FUNCTION @hub@.compare_all(integer) IS
  'Used by crm.resolve(): fills match_compared and match_common_key for a model. Returns nothing.';

-- Mostly there are none. In PL/pgSQL, since a function in SQL would be planned anew
-- at each call.
CREATE OR REPLACE FUNCTION @hub@.queue_records(record_ids bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF cardinality(record_ids) > 0 THEN
    INSERT INTO @hub@.resolve_queue (record_id) SELECT DISTINCT u.id FROM unnest(record_ids) AS u(id) WHERE u.id IS NOT NULL;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.queue_records(bigint[]) IS 'Used by what changes whether records meet: leaves them to the next crm.resolve(). Returns nothing.';

-- The records of one key, and whether two of them still have another key in
-- common by which they may meet.
CREATE OR REPLACE FUNCTION @hub@.close_keys(keys bigint[], limits integer[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
  INSERT INTO @hub@.match_common_key (key, most)
  SELECT k.key, k.most FROM unnest(close_keys.keys, limits) AS k(key, most)
  ON CONFLICT DO NOTHING;
  PERFORM @hub@.queue_records(ARRAY(
    SELECT unnest(ARRAY[p.record_a, p.record_b])
    FROM (SELECT DISTINCT c.record_a, c.record_b, a.compared AS compared_a, b.compared AS compared_b
          FROM @hub@.match_compared AS a
          CROSS JOIN LATERAL (SELECT k.record_a, k.record_b FROM @hub@.match_candidate AS k WHERE k.record_a = a.record_id OFFSET 0) AS c
          CROSS JOIN LATERAL (SELECT k.* FROM @hub@.match_compared AS k WHERE k.record_id = c.record_b OFFSET 0) AS b
          WHERE a.keys && omnicrm.match_short_keys(close_keys.keys) AND NOT a.copy AND NOT b.copy
            AND b.keys && omnicrm.match_short_keys(close_keys.keys)) AS p
    WHERE NOT EXISTS (SELECT
                      FROM unnest(omnicrm.match_compared_keys(p.compared_a, false)) AS k(key)
                      WHERE k.key = ANY (omnicrm.match_compared_keys(p.compared_b, false))
                        AND k.key <> omnicrm.match_whole_key(p.compared_a)
                        AND NOT EXISTS (SELECT FROM @hub@.match_common_key AS n WHERE n.key = k.key))));
END
$$;

COMMENT ON FUNCTION @hub@.close_keys(bigint[], integer[]) IS
  'Used by compare_record(): keys that have just become common. Pairs of the model that met by nothing else are queued. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.open_keys(keys bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  common record;
  holders bigint[];
BEGIN
  FOR common IN SELECT k.key, k.most FROM @hub@.match_common_key AS k WHERE k.key = ANY (open_keys.keys) LOOP
    holders := ARRAY(SELECT c.record_id
                     FROM @hub@.match_compared AS c
                     WHERE c.keys && omnicrm.match_short_keys(ARRAY[common.key])
                       AND common.key = ANY (omnicrm.match_compared_keys(c.compared, c.copy))
                     LIMIT common.most + 1);
    IF cardinality(holders) <= common.most THEN
      DELETE FROM @hub@.match_common_key AS k WHERE k.key = common.key;
      PERFORM @hub@.queue_records(holders);
    END IF;
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.open_keys(bigint[]) IS
  'Used by compare_record(): keys that a record has no more. Those that few enough have now bring records together again, which are queued. Returns nothing.';

-- Records with these very values, and the oldest of them. Those whose part is
-- another one when this record comes or goes, as original or copy, are queued.
CREATE OR REPLACE FUNCTION @hub@.settle_copies(record_id bigint, values_of bytea, comes boolean, OUT original bigint, OUT copies bigint[])
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  others bigint[];
  copying boolean[];
  was_original bigint;
  members bigint[];
BEGIN
  SELECT array_agg(c.record_id) FILTER (WHERE c.record_id <> settle_copies.record_id),
         array_agg(c.copy) FILTER (WHERE c.record_id <> settle_copies.record_id),
         min(c.record_id) FILTER (WHERE NOT c.copy)
  INTO others, copying, was_original
  FROM @hub@.match_compared AS c
  WHERE c.keys && omnicrm.match_short_keys(ARRAY[omnicrm.match_whole_key(values_of)]) AND c.compared = values_of;
  members := CASE WHEN comes THEN others || settle_copies.record_id ELSE others END;
  IF cardinality(members) >= @hub@.copies_many() THEN
    SELECT min(m.id) INTO original FROM unnest(members) AS m(id);
    copies := ARRAY(SELECT m.id FROM unnest(members) AS m(id) WHERE m.id <> original);
  END IF;
  PERFORM @hub@.queue_records(ARRAY(
    SELECT o.id
    FROM unnest(others, copying) AS o(id, copy)
    WHERE o.copy <> (original IS NOT NULL AND o.id <> original)
       OR o.copy AND original IS DISTINCT FROM was_original));
END
$$;

COMMENT ON FUNCTION @hub@.settle_copies(bigint, bytea, boolean) IS
  'Used by compare_record(): of the records with these values, with this one when it comes and without it when it goes, the one that stands for all and the others; NULL while they are few. Queues those whose part has changed.';

-- What the model says of this record and each partner: the rows of match_candidate
-- in place of its old ones, where it may have any.
CREATE OR REPLACE FUNCTION @hub@.store_candidates(
  record_id bigint, model jsonb, rules omnicrm.judge_rule[], meeting omnicrm.match_meeting, known omnicrm.judged_records, any_old boolean)
RETURNS omnicrm.judged_candidate[]
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  this_id CONSTANT bigint := store_candidates.record_id;
  pairs omnicrm.judged_candidate[];
  gone bigint[];
BEGIN
  IF cardinality(meeting.partners) > 0 THEN
    pairs := omnicrm.judge_partners(this_id, meeting.partners, meeting.weights, meeting.probabilities, meeting.patterns, known.ids, known.persons,
                                    rules, model);
  END IF;
  IF any_old THEN
    -- Mostly those of before are found again.
    gone := omnicrm.distinct_ids(
      ARRAY(SELECT k.record_b FROM @hub@.match_candidate AS k WHERE k.record_a = this_id
            UNION ALL
            SELECT k.record_a FROM @hub@.match_candidate AS k WHERE k.record_b = this_id),
      omnicrm.paired_records(pairs));
    IF cardinality(gone) > 0 THEN
      DELETE FROM @hub@.match_candidate AS c
      USING unnest(gone) AS o(id)
      WHERE c.record_a = least(o.id, this_id) AND c.record_b = greatest(o.id, this_id);
    END IF;
  END IF;
  IF cardinality(pairs) > 0 THEN
    INSERT INTO @hub@.match_candidate AS c (record_a, record_b, weight, probability, pattern, verdict)
    SELECT p.* FROM unnest(pairs) AS p
    ON CONFLICT ON CONSTRAINT match_candidate_pkey DO UPDATE
    SET weight = excluded.weight, probability = excluded.probability, pattern = excluded.pattern, verdict = excluded.verdict
    WHERE (c.weight, c.pattern, c.verdict) IS DISTINCT FROM (excluded.weight, excluded.pattern, excluded.verdict);
  END IF;
  RETURN pairs;
END
$$;

COMMENT ON FUNCTION @hub@.store_candidates(bigint, jsonb, omnicrm.judge_rule[], omnicrm.match_meeting, omnicrm.judged_records, boolean) IS
  'Used by resolve_slice(): judges the pairs of a record that the model found alike, as of compare_record(), and stores them in match_candidate, in place of those that it had. known: the record, its partners, and maybe others. Returns the pairs.';

-- A record takes leave of those that had its values.
CREATE OR REPLACE FUNCTION @hub@.leave_copies(record_id bigint, old_values bytea, old_copy boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
BEGIN
  IF old_copy OR EXISTS (SELECT
                         FROM @hub@.match_compared AS c
                         WHERE c.keys && omnicrm.match_short_keys(ARRAY[omnicrm.match_whole_key(old_values)])
                           AND c.compared = old_values AND c.copy) THEN
    PERFORM @hub@.settle_copies(record_id, old_values, false);
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.leave_copies(bigint, bytea, boolean) IS
  'Used by compare_record(): a record whose values are others now may have been one of many with the same. Returns nothing.';

-- A record that has twins. A copy meets the original alone; the original meets
-- its copies beside those that its keys name.
CREATE OR REPLACE FUNCTION @hub@.meet_copies(record_id bigint, new_values bytea, model jsonb, INOUT meeting omnicrm.match_meeting, OUT copy boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  twins record;
  same record;
  partners bigint[];
BEGIN
  SELECT t.original, t.copies INTO twins FROM @hub@.settle_copies(record_id, new_values, true) AS t;
  copy := twins.original IS NOT NULL AND twins.original <> record_id;
  IF twins.original IS NULL THEN
    RETURN;
  END IF;
  SELECT w.weight, w.probability, w.pattern, w.weight >= coalesce((model ->> 'review')::double precision, -6) AS enough
  INTO same
  FROM omnicrm.match_weigh(model, new_values, new_values) AS w;
  partners := CASE WHEN NOT same.enough THEN '{}' WHEN copy THEN ARRAY[twins.original] ELSE twins.copies END;
  IF copy THEN
    -- It has no keys, so it fills none.
    meeting := ROW ('{}', '{}', '{}', '{}', '{}', '{}', '{}', true)::omnicrm.match_meeting;
  END IF;
  SELECT array_agg(p.partner), array_agg(p.weight), array_agg(p.probability), array_agg(p.pattern)
  INTO meeting.partners, meeting.weights, meeting.probabilities, meeting.patterns
  FROM (SELECT u.partner, u.weight, u.probability, u.pattern
        FROM unnest(meeting.partners, meeting.weights, meeting.probabilities, meeting.patterns) AS u(partner, weight, probability, pattern)
        WHERE u.partner <> ALL (twins.copies)
        UNION ALL
        SELECT u.partner, same.weight, same.probability, same.pattern FROM unnest(partners) AS u(partner)) AS p;
END
$$;

COMMENT ON FUNCTION @hub@.meet_copies(bigint, bytea, jsonb, omnicrm.match_meeting) IS
  'Used by compare_record(): whom a record meets that has twins, in place of whom its keys name, and whether it is a copy: of ten and more with the same values not the oldest.';

-- A record that the model does not compare any more.
CREATE OR REPLACE FUNCTION @hub@.forget_record(record_id bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  old record;
BEGIN
  DELETE FROM @hub@.match_candidate AS c WHERE c.record_a = forget_record.record_id;
  DELETE FROM @hub@.match_candidate AS c WHERE c.record_b = forget_record.record_id;
  SELECT c.compared, c.copy INTO old FROM @hub@.match_compared AS c WHERE c.record_id = forget_record.record_id;
  IF octet_length(old.compared) > 0 THEN
    PERFORM @hub@.leave_copies(forget_record.record_id, old.compared, old.copy);
  END IF;
  DELETE FROM @hub@.match_compared AS c WHERE c.record_id = forget_record.record_id;
  IF octet_length(old.compared) > 0 THEN
    PERFORM @hub@.open_keys(omnicrm.match_compared_keys(old.compared, old.copy));
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.forget_record(bigint) IS
  'Used by compare_record(), crm.delete_record() and crm.subject_erase(): takes a record out of what the model compares, and queues others that meet more records by that. Returns nothing.';

-- What is told of records, as far as they are judged by it.
CREATE OR REPLACE FUNCTION @hub@.judged_records(record_ids bigint[], born_at integer)
RETURNS omnicrm.judged_records
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known omnicrm.judged_records;
BEGIN
  SELECT array_agg(a.record_id), array_agg(a.person), array_agg(a.tie)
  INTO known
  FROM (SELECT k.record_id, hashtextextended(k.source_key, k.source_id) AS tie,
               ROW (k.kind, k.full_name, k.name_key, k.birth_date, substr(k.quality, born_at, 1) >= '6', k.email, k.phone,
                    k.tax_id)::omnicrm.judged_person AS person
        FROM @hub@.source_record AS k
        WHERE k.record_id = ANY (record_ids)
        ORDER BY k.record_id) AS a;
  RETURN known;
END
$$;

COMMENT ON FUNCTION @hub@.judged_records(bigint[], integer) IS
  'Used by resolve_local(): these records in ascending order, what is told of them, and a hash of (source, source key), by which ties between equal links go: it does not depend on the order of loads. born_at: position of the date of birth in source_record.quality.';

-- One record: its compared form, its keys, whom it meets.
CREATE OR REPLACE FUNCTION @hub@.compare_record(record_id bigint, model jsonb, OUT meeting omnicrm.match_meeting, OUT any_old boolean)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Keys are found by a bitmap; the other settings are those of resolve_slice().
SET enable_bitmapscan = on
AS $$
DECLARE
  old_values bytea;
  old_copy boolean;
  old_keys bigint[];
  new_values bytea;
  new_keys bigint[];
  common bigint[];
  lost bigint[];
  met record;
BEGIN
  SELECT c.compared, c.copy, omnicrm.match_compared_keys(c.compared, c.copy), c.record_id IS NOT NULL, omnicrm.match_compared_row(model, p)
  INTO old_values, old_copy, old_keys, any_old, new_values
  FROM @hub@.match_record AS p
  LEFT JOIN @hub@.match_compared AS c ON c.record_id = p.record_id
  WHERE p.record_id = compare_record.record_id;
  IF NOT FOUND THEN
    PERFORM @hub@.forget_record(compare_record.record_id);
    RETURN;
  END IF;
  IF old_values <> new_values AND octet_length(old_values) > 0 THEN
    PERFORM @hub@.leave_copies(compare_record.record_id, old_values, old_copy);
  END IF;

  new_keys := omnicrm.match_compared_keys(new_values, false);
  common := ARRAY(SELECT k.key FROM @hub@.match_common_key AS k WHERE k.key = ANY (new_keys || old_keys));
  SELECT omnicrm.match_meet(model, compare_record.record_id, new_values, common, c.record_id, c.compared, c.keys) AS meeting, false AS copy
  INTO met
  FROM @hub@.match_compared AS c
  WHERE c.keys && omnicrm.match_short_keys(omnicrm.distinct_ids(new_keys, common)) AND NOT c.copy AND c.record_id <> compare_record.record_id;
  IF (met.meeting).twin OR old_copy THEN
    met := @hub@.meet_copies(compare_record.record_id, new_values, model, met.meeting);
  END IF;

  IF (old_values = new_values AND old_copy = met.copy) IS NOT TRUE THEN
    new_keys := CASE WHEN met.copy THEN omnicrm.match_compared_keys(new_values, true) ELSE new_keys END;
    IF NOT any_old THEN
      INSERT INTO @hub@.match_compared (record_id, compared, copy, keys)
      VALUES (compare_record.record_id, new_values, met.copy, omnicrm.match_short_keys(new_keys));
    ELSE
      UPDATE @hub@.match_compared AS c
      SET compared = new_values, copy = met.copy, keys = omnicrm.match_short_keys(new_keys)
      WHERE c.record_id = compare_record.record_id;
      -- Of the keys that it has no more those that are common.
      lost := omnicrm.distinct_ids(old_keys, new_keys);
      lost := omnicrm.distinct_ids(lost, omnicrm.distinct_ids(lost, common));
      IF cardinality(lost) > 0 THEN
        PERFORM @hub@.open_keys(lost);
      END IF;
    END IF;
  END IF;
  meeting := met.meeting;
  IF cardinality(meeting.full_keys) > 0 THEN
    PERFORM @hub@.close_keys(meeting.full_keys, meeting.full_limits);
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.compare_record(bigint, jsonb) IS
  'Used by what resolves few records: brings match_compared and match_common_key up to date for one record, new, changed or gone, and queues others that meet more or fewer records by that. Returns whom it meets, for store_candidates(), and whether it may have had pairs before; NULL for one that the model does not compare, which has none left.';
