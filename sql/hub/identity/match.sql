-- The matching model in crm.resolve(): its making, the pairs that it finds, and
-- what waits for a person.
--
-- The deterministic rules come first and stay as they are. The model adds links
-- of the last priority between persons whose names agree and whose birth dates
-- do not contradict, above its threshold; a link between two groups of records
-- that contradict each other anywhere is refused. Pairs below the threshold, and
-- those that are good but for one thing, wait in review_queue.
--
-- What the model says of two records is a function of the two records and the
-- model. The pairs that it is asked about share a blocking key: a run over all
-- records finds them in memory (this file), one over few by the index of
-- match_compared (compared.sql).

-- The records as the model sees them. Organisations are left to the rules.
CREATE OR REPLACE VIEW @hub@.match_record
WITH (security_invoker = true)
AS
SELECT r.record_id,
       coalesce(r.given_name, NULLIF(array_to_string((p.parts).given_names, ' '), '')) AS given_name,
       coalesce(r.surname, NULLIF(concat_ws(' ', (p.parts).surname_1, (p.parts).surname_2), '')) AS surname,
       CASE WHEN substr(r.quality, (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date'), 1) >= '6'
            THEN r.birth_date END AS birth_date,
       r.email, r.phone, r.tax_id, r.street, r.postcode, r.city
FROM @hub@.source_record AS r
-- Of those alone whose names do not come in parts, and once.
CROSS JOIN LATERAL (SELECT CASE WHEN r.given_name IS NULL OR r.surname IS NULL THEN omnicrm.name_parts(r.full_name) END AS parts OFFSET 0) AS p
WHERE r.kind = 'person' AND r.erased_at IS NULL;

COMMENT ON VIEW @hub@.match_record IS 'The source records of persons as the matching model compares them: full names in their parts, implausible birth dates left out.';
COMMENT ON COLUMN @hub@.match_record.record_id IS 'Source record.';
COMMENT ON COLUMN @hub@.match_record.given_name IS 'Given names, as delivered or taken from the full name.';
COMMENT ON COLUMN @hub@.match_record.surname IS 'Surnames, as delivered or taken from the full name.';
COMMENT ON COLUMN @hub@.match_record.birth_date IS 'Date of birth, when it is plausible.';
COMMENT ON COLUMN @hub@.match_record.email IS 'Normalised e-mail address.';
COMMENT ON COLUMN @hub@.match_record.phone IS 'Phone number in E.164 form.';
COMMENT ON COLUMN @hub@.match_record.tax_id IS 'Tax number.';
COMMENT ON COLUMN @hub@.match_record.street IS 'Street, number, floor.';
COMMENT ON COLUMN @hub@.match_record.postcode IS 'Postal code.';
COMMENT ON COLUMN @hub@.match_record.city IS 'City.';

CREATE OR REPLACE FUNCTION @hub@.store_match_model(model jsonb, origin text)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stored integer;
BEGIN
  PERFORM @hub@.lock_customers();
  UPDATE @hub@.match_model AS m SET active = false WHERE m.active;
  INSERT INTO @hub@.match_model (version, active, model, origin)
  SELECT coalesce(max(m.version), 0) + 1, true, store_match_model.model, store_match_model.origin
  FROM @hub@.match_model AS m
  RETURNING version INTO stored;
  RETURN stored;
END
$$;

COMMENT ON FUNCTION @hub@.store_match_model(jsonb, text) IS
  'Used by crm.train_match_model() and crm.set_match_model(); call those: stores a model and makes it the active one. Returns its version.';

CREATE OR REPLACE FUNCTION @hub@.train_match_model(options jsonb DEFAULT '{}')
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
BEGIN
  PERFORM @hub@.require_current();
  SELECT string_agg(o.key, ', ' ORDER BY o.key) INTO unknown
  FROM jsonb_object_keys(coalesce(options, '{}')) AS o(key)
  WHERE o.key NOT IN ('threshold', 'review', 'max_block', 'fields');
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'unknown option of train_match_model: %', unknown
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known options: threshold (bits from which records link, 10), review (bits from which they are reviewed, 0), max_block (200), fields (columns of match_record with their kinds).';
  END IF;
  RETURN @hub@.store_match_model(
    omnicrm.match_train('@hub@.match_record', 'record_id',
      coalesce(options -> 'fields',
               '{"given_name": "given_name", "surname": "surname", "birth_date": {"kind": "birth_date", "format": "YMD"}, "email": "email",
                 "phone": "phone", "tax_id": "tax_id", "street": "address", "postcode": "postcode", "city": "city"}'),
      '{"threshold": 10, "review": 0}' || coalesce(options, '{}') - 'fields'),
    'trained');
END
$$;

COMMENT ON FUNCTION @hub@.train_match_model(jsonb) IS
  'Trains a matching model on all records of persons and makes it the active one; the next crm.resolve() looks at every record with it. options: threshold (bits from which two records link, 10: a thousand to one), review (bits from which they wait in review_queue, 0: one to one), max_block, fields (columns of match_record with their kinds, as in omnicrm.match_train()). Returns the version. Errors: invalid_parameter_value, undefined_column.';

CREATE OR REPLACE FUNCTION @hub@.set_match_model(model jsonb)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.require_current();
  IF model IS NULL OR jsonb_typeof(model) <> 'object' THEN
    RAISE EXCEPTION 'a model is a JSON object'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Take one from match_model.model, or omnicrm.match_train() of a table with the columns of match_record.';
  END IF;
  -- Reads the model and looks for its columns.
  CREATE TEMPORARY TABLE omnicrm_match_nobody (LIKE @hub@.match_record);
  PERFORM FROM omnicrm.match_keys('pg_temp.omnicrm_match_nobody', 'record_id', model);
  DROP TABLE pg_temp.omnicrm_match_nobody;
  RETURN @hub@.store_match_model(model, 'edited');
END
$$;

COMMENT ON FUNCTION @hub@.set_match_model(jsonb) IS
  'Stores a matching model that somebody edited, took from another hub or trained elsewhere, and makes it the active one; the next crm.resolve() looks at every record with it. Its threshold and review are bits of evidence. Returns the version. Errors: invalid_parameter_value for what is no model, undefined_column for a field that match_record does not have.';

-- The model to use: none where match_rule has no row of it. A hub with enough
-- persons to learn from trains one when it has none.
CREATE OR REPLACE FUNCTION @hub@.resolve_model()
RETURNS @hub@.match_model
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  least_persons CONSTANT bigint := 2000;
  found @hub@.match_model;
BEGIN
  IF NOT EXISTS (SELECT FROM @hub@.match_rule AS r WHERE r.kind = 'model') THEN
    RETURN NULL;
  END IF;
  SELECT m.* INTO found FROM @hub@.match_model AS m WHERE m.active;
  IF found.version IS NULL
     AND (SELECT count(*) FROM (SELECT FROM @hub@.source_record AS r WHERE r.kind = 'person' LIMIT least_persons) AS p) = least_persons THEN
    PERFORM @hub@.train_match_model();
    SELECT m.* INTO STRICT found FROM @hub@.match_model AS m WHERE m.active;
  END IF;
  RETURN found;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_model() IS
  'Used by crm.resolve(): the active matching model, trained now when the hub has none and holds 2,000 persons. Returns the match_model row, or nulls.';

-- What a model said stays no longer than the model.
CREATE OR REPLACE FUNCTION @hub@.resolve_forget_model()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  DELETE FROM @hub@.match_compared;
  DELETE FROM @hub@.match_common_key;
  DELETE FROM @hub@.match_candidate;
  DELETE FROM @hub@.review_queue WHERE state = 'open';
$$;

COMMENT ON FUNCTION @hub@.resolve_forget_model() IS
  'Used by crm.resolve() of every record without a model: empties what only a model fills. Returns nothing.';

-- Step 3: the pairs that the model finds alike, and the verdict on each
-- (omnicrm.judge_weight()).
CREATE OR REPLACE FUNCTION @hub@.resolve_judge(model @hub@.match_model)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  rule @hub@.match_rule;
  birth_position CONSTANT integer := (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date');
  links bigint;
BEGIN
  SELECT r.* INTO STRICT rule FROM @hub@.match_rule AS r WHERE r.kind = 'model';
  INSERT INTO pg_temp.omnicrm_resolve_candidate (record_a, record_b, weight, probability, pattern, verdict)
  SELECT j.record_a, j.record_b, j.weight, j.probability, j.pattern, j.verdict
  FROM (
    SELECT f.record_a, f.record_b, f.weight, f.probability, f.pattern,
           omnicrm.judge_weight(
             ROW (a.kind, a.full_name, a.name_key, a.birth_date, substr(a.quality, birth_position, 1) >= '6', a.email, a.phone,
                  a.tax_id)::omnicrm.judged_person,
             ROW (b.kind, b.full_name, b.name_key, b.birth_date, substr(b.quality, birth_position, 1) >= '6', b.email, b.phone,
                  b.tax_id)::omnicrm.judged_person,
             f.weight, f.pattern, model.model, rule.min_name_similarity, rule.birth_date_guard, rule.accept_mistyped) AS verdict
    FROM (SELECT k.id_a::bigint AS record_a, k.id_b::bigint AS record_b, k.weight, k.probability, k.pattern
          FROM omnicrm.match_pairs('@hub@.match_record', 'record_id', model.model) AS k) AS f
    JOIN @hub@.source_record AS a ON a.record_id = f.record_a
    JOIN @hub@.source_record AS b ON b.record_id = f.record_b
    OFFSET 0
  ) AS j
  WHERE j.verdict IS NOT NULL;
  ANALYZE pg_temp.omnicrm_resolve_candidate (record_a, record_b);

  DELETE FROM @hub@.match_candidate AS c
  WHERE NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_candidate AS n WHERE n.record_a = c.record_a AND n.record_b = c.record_b);
  INSERT INTO @hub@.match_candidate AS c (record_a, record_b, weight, probability, pattern, verdict)
  SELECT n.record_a, n.record_b, n.weight, n.probability, n.pattern, n.verdict
  FROM pg_temp.omnicrm_resolve_candidate AS n
  ON CONFLICT (record_a, record_b) DO UPDATE
  SET weight = excluded.weight, probability = excluded.probability, pattern = excluded.pattern, verdict = excluded.verdict
  WHERE (c.weight, c.pattern, c.verdict) IS DISTINCT FROM (excluded.weight, excluded.pattern, excluded.verdict);
  SELECT count(*) INTO links FROM pg_temp.omnicrm_resolve_candidate AS n WHERE n.verdict = 'link';
  RETURN links;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_judge(@hub@.match_model) IS
  'Used by crm.resolve(): finds the pairs that the model holds for alike and says of each whether it links. Returns the number of pairs that do.';

-- Links of the model and decisions of people. A link of a rule stays what it is; a
-- refusal of a rule gives way to the model, and everything to a person.
CREATE OR REPLACE FUNCTION @hub@.resolve_add_model_pairs(use_model boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  added bigint := 0;
  found bigint;
BEGIN
  IF use_model THEN
    INSERT INTO pg_temp.omnicrm_resolve_link (record_a, record_b, kind, value, priority, similarity, strength)
    SELECT c.record_a, c.record_b, 'model', round(c.weight::numeric, 1) || ' bits', r.priority, c.probability, c.weight
    FROM @hub@.match_candidate AS c
    JOIN @hub@.match_rule AS r ON r.kind = 'model'
    WHERE c.verdict = 'link';
  END IF;
  INSERT INTO pg_temp.omnicrm_resolve_link (record_a, record_b, kind, value, priority, same)
  SELECT d.record_a, d.record_b, 'decision', d.decided_by, 0, d.same
  FROM @hub@.match_decision AS d;
  DELETE FROM pg_temp.omnicrm_resolve_link AS m
  USING pg_temp.omnicrm_resolve_link AS d
  WHERE m.record_a = d.record_a AND m.record_b = d.record_b AND m.kind = 'model' AND d.kind = 'decision';
  ANALYZE pg_temp.omnicrm_resolve_link (record_a, record_b);
  UPDATE pg_temp.omnicrm_resolve_pair AS p
  SET kind = n.kind, value = n.value, priority = n.priority, similarity = n.similarity, strength = n.strength, attach = false,
      decision = CASE WHEN n.same THEN 'linked' ELSE 'decided apart' END
  FROM pg_temp.omnicrm_resolve_link AS n
  WHERE p.record_a = n.record_a AND p.record_b = n.record_b AND (n.kind = 'decision' OR p.decision <> 'linked');
  GET DIAGNOSTICS added = ROW_COUNT;
  INSERT INTO pg_temp.omnicrm_resolve_pair (record_a, record_b, kind, value, priority, similarity, strength, attach, decision)
  SELECT n.record_a, n.record_b, n.kind, n.value, n.priority, n.similarity, n.strength, false,
         CASE WHEN n.same THEN 'linked' ELSE 'decided apart' END
  FROM pg_temp.omnicrm_resolve_link AS n
  JOIN @hub@.source_record AS a ON a.record_id = n.record_a
  JOIN @hub@.source_record AS b ON b.record_id = n.record_b
  WHERE NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_pair AS p WHERE p.record_a = n.record_a AND p.record_b = n.record_b);
  GET DIAGNOSTICS found = ROW_COUNT;
  ANALYZE pg_temp.omnicrm_resolve_pair (record_a, record_b, decision);
  RETURN added + found;
END
$$;

COMMENT ON FUNCTION @hub@.resolve_add_model_pairs(boolean) IS
  'Used by crm.resolve(): adds the links of the model and the decisions of people to its pairs. Returns their number.';

-- Step 4: which records must not meet: what people decided, for every link; and for the
-- links of the model, records of one component that contradict each other. A
-- component of more records than match_rule allows has no link of the model.
CREATE OR REPLACE FUNCTION @hub@.resolve_find_apart()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_custom_plan
AS $$
DECLARE
  birth_position CONSTANT integer := (SELECT s.position FROM @hub@.survivorship_attribute AS s WHERE s.attribute = 'birth_date');
  rule @hub@.match_rule;
  found omnicrm.linked_components;
BEGIN
  INSERT INTO pg_temp.omnicrm_resolve_apart (record_a, record_b, priority)
  SELECT p.record_a, p.record_b, 0
  FROM pg_temp.omnicrm_resolve_pair AS p
  WHERE p.decision = 'decided apart';
  IF NOT EXISTS (SELECT FROM pg_temp.omnicrm_resolve_pair AS p WHERE p.kind = 'model' AND p.decision = 'linked') THEN
    RETURN;
  END IF;
  SELECT r.* INTO STRICT rule FROM @hub@.match_rule AS r WHERE r.kind = 'model';
  SELECT (c.components).* INTO found
  FROM (SELECT omnicrm.link_components(p.record_a, p.record_b, 0, NULL, NULL, false, true, true, NULL, NULL) AS components
        FROM pg_temp.omnicrm_resolve_pair AS p
        WHERE p.decision = 'linked'
        OFFSET 0) AS c;
  -- The records of components with a link of the model.
  INSERT INTO pg_temp.omnicrm_resolve_group (record_id, root, records)
  WITH member AS MATERIALIZED (
    SELECT u.node, u.root FROM unnest(found.node, found.root) AS u(node, root)
  ), modelled AS MATERIALIZED (
    SELECT DISTINCT m.root
    FROM pg_temp.omnicrm_resolve_pair AS p
    JOIN member AS m ON m.node = p.record_a
    WHERE p.kind = 'model' AND p.decision = 'linked'
  )
  SELECT m.node, m.root, count(*) OVER (PARTITION BY m.root)
  FROM modelled AS k
  JOIN member AS m ON m.root = k.root;
  ANALYZE pg_temp.omnicrm_resolve_group;
  UPDATE pg_temp.omnicrm_resolve_pair AS p
  SET decision = 'groups differ'
  FROM pg_temp.omnicrm_resolve_group AS g
  WHERE g.record_id = p.record_a AND g.records > rule.max_records AND p.kind = 'model' AND p.decision = 'linked';
  INSERT INTO pg_temp.omnicrm_resolve_apart (record_a, record_b, priority)
  SELECT c.record_a, c.record_b, rule.priority
  FROM (
    SELECT x.record_id AS record_a, y.record_id AS record_b,
           omnicrm.judge_contradiction(
             ROW (a.kind, a.full_name, a.name_key, a.birth_date, substr(a.quality, birth_position, 1) >= '6', a.email, a.phone,
                  a.tax_id)::omnicrm.judged_person,
             ROW (b.kind, b.full_name, b.name_key, b.birth_date, substr(b.quality, birth_position, 1) >= '6', b.email, b.phone,
                  b.tax_id)::omnicrm.judged_person,
             rule.min_name_similarity, rule.birth_date_guard, rule.accept_mistyped) AS contradiction
    FROM pg_temp.omnicrm_resolve_group AS x
    JOIN pg_temp.omnicrm_resolve_group AS y ON y.root = x.root AND y.record_id > x.record_id
    JOIN @hub@.source_record AS a ON a.record_id = x.record_id
    JOIN @hub@.source_record AS b ON b.record_id = y.record_id
    WHERE x.records <= rule.max_records
    OFFSET 0
  ) AS c
  WHERE c.contradiction = 'birth dates'
     OR c.contradiction = 'names'
        AND NOT EXISTS (SELECT FROM @hub@.match_candidate AS k
                        WHERE k.record_a = c.record_a AND k.record_b = c.record_b AND k.verdict = 'link');
END
$$;

COMMENT ON FUNCTION @hub@.resolve_find_apart() IS
  'Used by crm.resolve(): finds the records that must not meet in one customer. Returns nothing.';
