-- crm.ingest(): records one by one or in small batches, resolved in the transaction
-- of the caller.
--
-- A record goes the way of crm.load(): the same checks, rules and normalisers, in
-- the same statement, and comes out with a customer. Its statements are made
-- when this file runs, with parameters in the place of constants, so that a
-- session plans them once and not for each record.

-- The targets of a customer under their own names.
CREATE OR REPLACE FUNCTION @hub@.ingest_mapping()
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_object_agg(t.target, t.target) || '{"attributes": {"object": "attributes"}}'
  FROM @hub@.load_target() AS t
  WHERE t.entity = 'customer' AND t.target <> 'attributes'
$$;

COMMENT ON FUNCTION @hub@.ingest_mapping() IS
  'Used by crm.ingest(): the mapping by which it reads records; kept in load_batch, so that a record in quarantine can be replayed.';

-- Puts one record that broke a rule into quarantine, unless it waits there
-- already. Of an erased person's nothing is kept but that there was one.
CREATE OR REPLACE FUNCTION @hub@.quarantine_record(load_id bigint, rule text, detail text, row_key text, raw jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF rule = 'erased_subject' THEN
    INSERT INTO @hub@.quarantine (load_id, rule, detail, raw, state, dropped_why, closed_at)
    SELECT quarantine_record.load_id, quarantine_record.rule, quarantine_record.detail, '{}', 'dropped', 'erased', now()
    WHERE NOT EXISTS (SELECT
                      FROM @hub@.quarantine AS q
                      WHERE q.load_id = quarantine_record.load_id AND q.rule = 'erased_subject' AND q.detail = quarantine_record.detail);
  ELSE
    INSERT INTO @hub@.quarantine (load_id, rule, detail, row_key, raw)
    SELECT quarantine_record.load_id, quarantine_record.rule, quarantine_record.detail, left(quarantine_record.row_key, 200), quarantine_record.raw
    WHERE NOT EXISTS (SELECT
                      FROM @hub@.quarantine AS q
                      WHERE q.load_id = quarantine_record.load_id AND q.state = 'open' AND q.rule = quarantine_record.rule
                        AND q.raw = quarantine_record.raw);
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.quarantine_record(bigint, text, text, text, jsonb) IS
  'Used by crm.ingest(): puts a record that broke a rule into quarantine. Returns nothing.';

-- store_ingested(), made of the statements of crm.load().
DO $make$
DECLARE
  arguments CONSTANT jsonb := '{"rows": "$1", "source_id": "$2", "region": "$3", "today": "$4", "fingerprint": "$5"}';
  plan jsonb;
  body text := $body$
#variable_conflict use_column
DECLARE
  r record;
  erasure bigint;
  old_hash bigint;
  old_kinds text[];
  old_values text[];
  several CONSTANT boolean := jsonb_array_length(records) > 1;
BEGIN
  FOR r IN
    /* stage */
    ORDER BY 2
  LOOP
    place := r.quarantine_id;
    row_key := r.key;
    id := NULL;
    outcome := r.rule;
    rejected := 0;
    downgraded := 0;
    old_kinds := NULL;
    IF any_erased AND (r.rule IS NOT NULL OR r.old_hash IS DISTINCT FROM r.content_hash) THEN
      erasure := @hub@.erasure_of($2, r.key, r.name_key, r.birth_date, r.email, r.phone, r.tax_id, r.loyalty_card, r.device, r.username);
      outcome := CASE WHEN erasure IS NOT NULL THEN 'erased_subject' ELSE outcome END;
    END IF;
    IF outcome IS NOT NULL THEN
      PERFORM @hub@.quarantine_record(load_id, outcome, CASE WHEN erasure IS NOT NULL THEN 'erasure ' || erasure ELSE r.detail END, r.key, r.payload);
      RETURN NEXT;
      CONTINUE;
    END IF;

    IF several THEN
      -- An earlier one of these may be the same record.
      SELECT o.record_id, o.content_hash INTO id, old_hash FROM @hub@.source_record AS o WHERE o.source_id = $2 AND o.source_key = r.key;
    ELSE
      id := r.old_id;
      old_hash := r.old_hash;
    END IF;
    outcome := CASE WHEN id IS NULL THEN 'new' WHEN old_hash = r.content_hash THEN 'unchanged' ELSE 'changed' END;
    IF outcome = 'new' THEN
      WITH made AS (
        INSERT INTO @hub@.source_record AS o (source_id, source_key, load_id, business_at, /* columns */)
        VALUES ($2, r.key, load_id, r.at, /* values */)
        RETURNING o.record_id, o.tax_id, o.email, o.phone, o.loyalty_card, o.device, o.username, o.name_key, o.birth_date, o.postcode
      ), identified AS (
        INSERT INTO @hub@.identifier (kind, value, record_id) /* identifiers */
      )
      SELECT m.record_id INTO id FROM made AS m;
    ELSIF outcome = 'changed' THEN
      SELECT array_agg(i.kind), array_agg(i.value) INTO old_kinds, old_values
      FROM @hub@.identifier AS i
      JOIN @hub@.overshared_value AS v ON v.kind = i.kind AND v.value = i.value
      WHERE i.record_id = id;
      /* archive */;
      WITH made AS (
        UPDATE @hub@.source_record AS o
        SET (load_id, business_at, received_at, /* columns */) = ROW (load_id, r.at, now(), /* values */)
        WHERE o.record_id = id
        RETURNING o.record_id, o.tax_id, o.email, o.phone, o.loyalty_card, o.device, o.username, o.name_key, o.birth_date, o.postcode
      )
      INSERT INTO @hub@.identifier (kind, value, record_id) /* identifiers */;
    END IF;
    IF outcome <> 'unchanged' THEN
      rejected := coalesce(cardinality(array_remove(r.flags, 'birth_date_implausible')), 0);
      downgraded := coalesce('birth_date_implausible' = ANY (r.flags), false)::integer;
    END IF;
    IF old_kinds IS NOT NULL THEN
      PERFORM @hub@.release_values(old_kinds, old_values);
    END IF;
    RETURN NEXT;
  END LOOP;
END
$body$;
BEGIN
  SELECT jsonb_build_object(
           'entity', 'customer', 'zone', 'UTC', 'replay', true, 'arguments', arguments,
           'targets', jsonb_object_agg(t.target, @hub@.mapped_source(NULL, t.target, t.type, @hub@.ingest_mapping() -> t.target)))
  INTO plan
  FROM @hub@.load_target() AS t
  WHERE t.entity = 'customer';
  body := replace(body, '/* stage */', @hub@.customer_stage(plan));
  body := replace(body, '/* columns */', @hub@.record_columns(''));
  body := replace(body, '/* values */', @hub@.record_columns('r.'));
  body := replace(body, '/* archive */', ltrim(@hub@.archive_statement('SELECT id')));
  body := replace(body, '/* identifiers */', @hub@.load_identifiers(plan));
  EXECUTE format($sql$
    CREATE OR REPLACE FUNCTION @hub@.store_ingested(
      records jsonb, source_id integer, region text, today date, fingerprint text, load_id bigint, any_erased boolean)
    RETURNS TABLE (place bigint, row_key text, id bigint, outcome text, rejected integer, downgraded integer)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    AS %L$sql$, body);
END
$make$;

COMMENT ON FUNCTION @hub@.store_ingested(jsonb, integer, text, date, text, bigint, boolean) IS
  'Used by crm.ingest(): checks, normalises and stores records, in their order, as crm.load() does, without queueing them. records: array of objects. Returns for each its place, key, record, outcome (new, changed, unchanged, or the rule that it broke), and how many values were rejected or downgraded.';

-- The row of load_batch that counts what comes in one by one: one for each source
-- and day.
CREATE OR REPLACE FUNCTION @hub@.ingest_batch(source_id integer)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
  found record;
BEGIN
  SELECT b.load_id, b.started_at INTO found
  FROM @hub@.load_batch AS b
  WHERE b.source_id = ingest_batch.source_id AND b.relation = 'ingest'
  ORDER BY b.load_id DESC
  LIMIT 1;
  IF found.started_at >= date_trunc('day', now(), 'UTC') THEN
    RETURN found.load_id;
  END IF;
  INSERT INTO @hub@.load_batch AS b (source_id, entity, relation, mapping)
  VALUES (ingest_batch.source_id, 'customer', 'ingest', @hub@.ingest_mapping())
  RETURNING b.load_id INTO found;
  RETURN found.load_id;
END
$$;

COMMENT ON FUNCTION @hub@.ingest_batch(integer) IS
  'Used by crm.ingest(): the load_batch of this source and day (UTC), made where there is none yet.';

-- What is wrong with the call, not with the data. The usual record is let through
-- after one look.
CREATE OR REPLACE FUNCTION @hub@.require_records(records jsonb)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  known CONSTANT text[] := ARRAY['key', 'kind', 'full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street',
                                 'postcode', 'city', 'province', 'country', 'loyalty_card', 'device', 'username', 'business_at', 'entered_by',
                                 'attributes'];
  item jsonb;
  member record;
BEGIN
  -- Not by a query, which would cost more than the look.
  FOR place IN 0 .. jsonb_array_length(records) - 1 LOOP
    item := records -> place;
    IF jsonb_typeof(item) <> 'object' THEN
      RAISE EXCEPTION 'a record is a JSON object, not %', left(item::text, 60)
        USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"full_name": "Ana García", "email": "ana@example.com"}.';
    END IF;
    CONTINUE WHEN item - known = '{}' AND NOT jsonb_path_exists(item - 'attributes', 'strict $.* ? (@.type() == "object" || @.type() == "array")')
                  AND coalesce(jsonb_typeof(item -> 'attributes'), 'null') IN ('object', 'null');
    SELECT m.key, jsonb_typeof(m.value) AS type INTO member
    FROM jsonb_each(item) AS m(key, value)
    WHERE m.key <> ALL (known)
       OR CASE WHEN m.key = 'attributes' THEN jsonb_typeof(m.value) NOT IN ('object', 'null') ELSE jsonb_typeof(m.value) IN ('object', 'array') END
    ORDER BY m.key COLLATE "C"
    LIMIT 1;
    IF member.key <> ALL (known) THEN
      RAISE EXCEPTION 'a customer has no attribute %', quote_literal(left(member.key, 60))
        USING ERRCODE = 'invalid_parameter_value',
              HINT = format('Attributes: %s. Others go into "attributes", an object.', array_to_string(known[2:cardinality(known) - 1], ', '));
    END IF;
    RAISE EXCEPTION 'attribute % is of type %', quote_literal(member.key), member.type
      USING ERRCODE = 'invalid_parameter_value',
            HINT = CASE WHEN member.key = 'attributes' THEN 'Give an object, {"shoe_size": 42}.' ELSE 'Give a text, number or boolean, or null.' END;
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.require_records(jsonb) IS
  'Used by crm.ingest(): raises invalid_parameter_value for records that are no objects and for attributes that a customer does not have (those of load_target() are known). Returns nothing.';

-- Locks, in the order in which all take them: erasures held off, loads of this
-- source waited for, then whoever moves records between customers.
CREATE OR REPLACE FUNCTION @hub@.ingest_records(source text, records jsonb)
RETURNS TABLE (place bigint, row_key text, id bigint, outcome text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET timezone = 'UTC'
SET extra_float_digits = 1
SET bytea_output = 'hex'
AS $$
#variable_conflict use_column
DECLARE
  any_erased CONSTANT boolean := @hub@.hold_off_erasure();
  own CONSTANT @hub@.source := @hub@.lock_source(ingest_records.source, shared => true);
  region CONSTANT text := coalesce(own.region, (SELECT v.region FROM @hub@.hub_version AS v));
  batch bigint;
  n record;
  waiting bigint[];
  counts jsonb;
BEGIN
  PERFORM @hub@.lock_customers();
  batch := @hub@.ingest_batch(own.source_id);
  SELECT array_agg(i.place) AS places, array_agg(i.row_key) AS keys, array_agg(i.id) AS ids, array_agg(i.outcome) AS outcomes,
         array_agg(i.id) FILTER (WHERE i.outcome IN ('new', 'changed')) AS waiting, count(*) AS all_rows, count(*) FILTER (WHERE i.outcome IN ('new', 'changed')) AS loaded,
         count(*) FILTER (WHERE i.outcome = 'unchanged') AS unchanged, coalesce(sum(i.rejected), 0) AS rejected,
         coalesce(sum(i.downgraded), 0) AS downgraded
  INTO n
  FROM @hub@.store_ingested(records, own.source_id, region, current_date,
                            omnicrm.content_hash('ingest ' || region)::text || ' ', batch, any_erased) AS i;
  waiting := n.waiting;
  IF n.unchanged > 0 THEN
    -- A record that crm.load() brought before may still wait.
    waiting := waiting || ARRAY(SELECT u.id
                                FROM unnest(n.ids, n.outcomes) AS u(id, outcome)
                                WHERE u.outcome = 'unchanged' AND (SELECT true FROM @hub@.customer_member AS m WHERE m.record_id = u.id) IS NULL);
  END IF;
  IF cardinality(waiting) > 0 THEN
    counts := @hub@.resolve_local(waiting, @hub@.applied_model());
  END IF;
  UPDATE @hub@.load_batch AS b
  SET rows_in = b.rows_in + n.all_rows, rows_loaded = b.rows_loaded + n.loaded, rows_unchanged = b.rows_unchanged + n.unchanged,
      rows_quarantined = b.rows_quarantined + n.all_rows - n.loaded - n.unchanged, values_rejected = b.values_rejected + n.rejected,
      values_downgraded = b.values_downgraded + n.downgraded, finished_at = clock_timestamp()
  WHERE b.load_id = batch;
  RETURN QUERY SELECT * FROM unnest(n.places, n.keys, n.ids, n.outcomes);
END
$$;

COMMENT ON FUNCTION @hub@.ingest_records(text, jsonb) IS
  'Used by crm.ingest(): stores records of a source, resolves them, and counts them in load_batch. Returns for each its place, key, record and outcome. Errors: undefined_object.';

CREATE OR REPLACE FUNCTION @hub@.ingest(source text, key text, attributes jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  record CONSTANT jsonb := jsonb_build_array(attributes || jsonb_build_object('key', ingest.key));
  stored bigint;
  customer bigint;
BEGIN
  PERFORM @hub@.require_current();
  IF jsonb_typeof(attributes) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a record is a JSON object, not %', coalesce(left(attributes::text, 60), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"full_name": "Ana García", "email": "ana@example.com"}.';
  END IF;
  PERFORM @hub@.require_records(record);
  -- Whose it is by now, not when the query began.
  SELECT i.id INTO stored FROM @hub@.ingest_records(ingest.source, record) AS i;
  SELECT m.customer_id INTO customer FROM @hub@.customer_member AS m WHERE m.record_id = stored;
  RETURN customer;
END
$$;

COMMENT ON FUNCTION @hub@.ingest(text, text, jsonb) IS
  'Takes in one record of a source, new or changed, and finds whose it is, in the transaction of the caller: afterwards golden customers, review queue and outbox are what crm.load() and crm.resolve() would have made of it. key: key of the record in its source. attributes: an object with the targets of a customer in crm.load_target() (full_name, given_name, surname, birth_date, email, phone, ...), all of them: what is not there is not known any more; further ones as an object under "attributes". Returns the customer id; NULL when the record broke a rule and waits in crm.quarantine. The same again changes nothing. Other records that meet more or fewer by it (a value that too many have now) wait for the next crm.resolve(). Calls run one after the other until their transactions end: keep these short. Errors: undefined_object (source), invalid_parameter_value.';

CREATE OR REPLACE FUNCTION @hub@.ingest(source text, records jsonb)
RETURNS TABLE (key text, customer_id bigint, outcome text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  n record;
BEGIN
  PERFORM @hub@.require_current();
  IF jsonb_typeof(records) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'records must be a JSON array, not %', coalesce(left(records::text, 60), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For example [{"key": "17", "full_name": "Ana García"}].';
  END IF;
  PERFORM @hub@.require_records(records);
  -- Whose they are by now, not when the query began.
  SELECT array_agg(i.row_key ORDER BY i.place) AS keys, array_agg(i.id ORDER BY i.place) AS ids, array_agg(i.outcome ORDER BY i.place) AS outcomes
  INTO n
  FROM @hub@.ingest_records(ingest.source, records) AS i;
  RETURN QUERY
  SELECT u.key, m.customer_id, u.outcome
  FROM unnest(n.keys, n.ids, n.outcomes) WITH ORDINALITY AS u(key, id, outcome, place)
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = u.id
  ORDER BY u.place;
END
$$;

COMMENT ON FUNCTION @hub@.ingest(text, jsonb) IS
  'Takes in records of a source, an array of objects as for the other crm.ingest(), each with its "key"; of several with one key the last counts. Returns a row for each, in their order: key, customer (NULL when the record waits in crm.quarantine), and outcome: new, changed, unchanged, or the rule that it broke. For large amounts crm.load() and crm.resolve() take less time. Errors: undefined_object (source), invalid_parameter_value.';

-- What points to a record and would be lost with it.
CREATE OR REPLACE FUNCTION @hub@.require_no_facts(record_id bigint)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found text;
BEGIN
  SELECT string_agg(f.rows || ' ' || f.name, ', ' ORDER BY f.name) INTO found
  FROM (SELECT 'orders' AS name, count(*) AS rows FROM @hub@.sales_order AS o WHERE o.record_id = require_no_facts.record_id
        UNION ALL SELECT 'touches', count(*) FROM @hub@.touch AS t WHERE t.record_id = require_no_facts.record_id
        UNION ALL SELECT 'leads', count(*) FROM @hub@.lead AS l WHERE l.record_id = require_no_facts.record_id
        UNION ALL SELECT 'cases', count(*) FROM @hub@.service_case AS s WHERE s.record_id = require_no_facts.record_id
        UNION ALL SELECT 'consents', count(*) FROM @hub@.consent_event AS e WHERE e.record_id = require_no_facts.record_id
        UNION ALL SELECT 'roles at companies', count(*) FROM @hub@.company_role AS e
                  WHERE require_no_facts.record_id IN (e.record_id, e.company_record_id)
        UNION ALL SELECT 'recommendations', count(*) FROM @hub@.referral_event AS e
                  WHERE require_no_facts.record_id IN (e.record_id, e.referrer_record_id)) AS f
  WHERE f.rows > 0;
  IF found IS NOT NULL THEN
    RAISE EXCEPTION 'record % cannot be deleted: it has %', require_no_facts.record_id, found
      USING ERRCODE = 'dependent_objects_still_exist',
            HINT = 'Sums of customers rest on them. Load them for another record first; a person who is to be forgotten: @hub@.subject_erase().';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.require_no_facts(bigint) IS
  'Used by crm.delete_record(): raises dependent_objects_still_exist when orders, touches, leads, cases, consents, roles or recommendations point to the record. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.delete_record(source text, key text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
DECLARE
  own_source @hub@.source;
  model_version integer;
  gone bigint;
  home bigint;
  others bigint[];
  lost record;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.hold_off_erasure();
  own_source := @hub@.lock_source(delete_record.source, shared => true);
  PERFORM @hub@.lock_customers();
  SELECT r.record_id, m.customer_id INTO gone, home
  FROM @hub@.source_record AS r
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = r.record_id
  WHERE r.source_id = own_source.source_id AND r.source_key = delete_record.key AND r.erased_at IS NULL
  -- A load that is just bringing facts of this record is waited for.
  FOR UPDATE OF r;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM @hub@.require_no_facts(gone);
  model_version := @hub@.applied_model();
  others := ARRAY(SELECT t.id FROM unnest(@hub@.touched_records(ARRAY[gone])) AS t(id) WHERE t.id <> gone);
  WITH taken AS (
    DELETE FROM @hub@.identifier AS i WHERE i.record_id = gone RETURNING i.kind, i.value
  )
  SELECT array_agg(t.kind) AS kinds, array_agg(t.value) AS values_of INTO lost FROM taken AS t;
  DELETE FROM @hub@.resolve_queue AS q WHERE q.record_id = gone;
  DELETE FROM @hub@.match_link AS l WHERE l.record_a = gone;
  DELETE FROM @hub@.match_link AS l WHERE l.record_b = gone;
  DELETE FROM @hub@.review_queue AS q WHERE gone IN (q.record_a, q.record_b);
  DELETE FROM @hub@.source_record AS r WHERE r.record_id = gone;
  PERFORM @hub@.release_values(lost.kinds, lost.values_of);
  PERFORM @hub@.forget_record(gone);
  IF cardinality(others) > 0 THEN
    PERFORM @hub@.resolve_slice('{}', others, model_version, false);
  END IF;
  IF home IS NOT NULL AND NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = home)
     AND (SELECT c.state FROM @hub@.customer AS c WHERE c.customer_id = home) = 'active' THEN
    PERFORM @hub@.clear_customers(ARRAY[home], 'empty');
  END IF;
  RETURN home;
END
$$;

COMMENT ON FUNCTION @hub@.delete_record(text, text) IS
  'Deletes a record that its source has deleted, with its history and identifiers, and resolves what it held together, in the transaction of the caller. Returns the customer that it belonged to, who is empty when it was the last one; NULL when there is no such record. A record with orders, touches, leads, cases, consents, roles at companies or recommendations stays. Errors: undefined_object (source), dependent_objects_still_exist.';
