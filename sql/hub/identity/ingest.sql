-- crm.ingest(): records one by one or in small batches, resolved in the transaction
-- of the caller.
--
-- A record goes the way of crm.load(): the same checks, rules and normalisers, in one
-- function (omnicrm.read_customer()), and comes out with a customer.

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

-- store_ingested(), made of the column list and the statement by which crm.load() keeps
-- old versions.
DO $make$
DECLARE
  body text := $body$
DECLARE
  fingerprint CONSTANT text := omnicrm.content_hash('ingest ' || region)::text || ' ';
  today CONSTANT date := (now() AT TIME ZONE 'UTC')::date;
  r omnicrm.customer_row;
  payload jsonb;
  id bigint;
  old_hash bigint;
  outcome text;
  erasure bigint;
  old_kinds text[];
  old_values text[];
BEGIN
  FOR place IN 0 .. jsonb_array_length(records) - 1 LOOP
    payload := records -> place;
    r := omnicrm.read_customer(payload, region, fingerprint, today);
    outcome := r.rule;
    SELECT o.record_id, o.content_hash INTO id, old_hash
    FROM @hub@.source_record AS o
    WHERE o.source_id = store_ingested.source_id AND o.source_key = r.key;
    IF any_erased AND (outcome IS NOT NULL OR old_hash IS DISTINCT FROM r.content_hash) THEN
      erasure := @hub@.erasure_of(source_id, r.key, r.name_key, r.birth_date, r.email, r.phone, r.tax_id, r.loyalty_card, r.device, r.username);
      outcome := CASE WHEN erasure IS NOT NULL THEN 'erased_subject' ELSE outcome END;
    END IF;
    IF outcome IS NOT NULL THEN
      PERFORM @hub@.quarantine_record(load_id, outcome, CASE WHEN outcome = 'erased_subject' THEN 'erasure ' || erasure ELSE r.detail END, r.key, payload);
      id := NULL;
    ELSIF id IS NULL THEN
      outcome := 'new';
      INSERT INTO @hub@.source_record AS o (source_id, source_key, load_id, business_at, payload, /* columns */)
      VALUES (store_ingested.source_id, r.key, store_ingested.load_id, r.business_at, payload, /* values */)
      RETURNING o.record_id INTO id;
    ELSIF old_hash = r.content_hash THEN
      outcome := 'unchanged';
    ELSE
      outcome := 'changed';
      SELECT array_agg(i.kind), array_agg(i.value) INTO old_kinds, old_values
      FROM @hub@.identifier AS i
      JOIN @hub@.overshared_value AS v ON v.kind = i.kind AND v.value = i.value
      WHERE i.record_id = id;
      /* archive */;
      UPDATE @hub@.source_record AS o
      SET (load_id, business_at, received_at, payload, /* columns */) = ROW (store_ingested.load_id, r.business_at, now(), payload, /* values */)
      WHERE o.record_id = id;
    END IF;
    IF outcome IN ('new', 'changed') THEN
      INSERT INTO @hub@.identifier (kind, value, record_id)
      SELECT i.kind, i.value, id
      FROM omnicrm.customer_identifiers(r.device, r.email, r.loyalty_card, r.phone, r.tax_id, r.username, r.name_key, r.birth_date, r.postcode, region,
                                        today) AS i;
      IF outcome = 'changed' AND old_kinds IS NOT NULL THEN
        PERFORM @hub@.release_values(old_kinds, old_values);
      END IF;
      written := array_append(written, id);
      IF r.flags IS NOT NULL THEN
        rejected := coalesce(rejected, 0) + cardinality(array_remove(r.flags, 'birth_date_implausible'));
        downgraded := coalesce(downgraded, 0) + ('birth_date_implausible' = ANY (r.flags))::integer;
      END IF;
    END IF;
    keys := array_append(keys, r.key);
    ids := array_append(ids, id);
    outcomes := array_append(outcomes, outcome);
  END LOOP;
END
$body$;
BEGIN
  body := replace(body, '/* columns */', @hub@.record_columns(''));
  body := replace(body, '/* values */', @hub@.record_columns('r.'));
  body := replace(body, '/* archive */', ltrim(@hub@.archive_statement('SELECT id')));
  EXECUTE format($sql$
    CREATE OR REPLACE FUNCTION @hub@.store_ingested(
      records jsonb, source_id integer, region text, load_id bigint, any_erased boolean,
      OUT keys text[], OUT ids bigint[], OUT outcomes text[], OUT written bigint[], OUT rejected bigint, OUT downgraded bigint)
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS %L$sql$, '#variable_conflict use_variable' || body);
END
$make$;

COMMENT ON FUNCTION @hub@.store_ingested(jsonb, integer, text, bigint, boolean) IS
  'Used by crm.ingest(): checks, normalises and stores records, in their order, as crm.load() does, without queueing them. records: array of objects. Returns the key, record and outcome (new, changed, unchanged, or the rule that it broke) of each, the records that are new or changed, and how many values were rejected and downgraded; NULL: none.';

-- What a change of single records begins with. Locks are taken in the order in which
-- all take them: erasures held off, loads of this source waited for, then whoever
-- moves records between customers. Single records share the lock of their source,
-- since the last one orders them: a transaction that changes records of several
-- sources waits for no other of its kind in a circle. Locks are asked for by
-- expressions, since a query takes longer than the lock.
CREATE OR REPLACE FUNCTION @hub@.begin_records(source text, OUT source_id integer, OUT region text, OUT any_erased boolean, OUT load_id bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  locked boolean := pg_advisory_xact_lock_shared(hashtextextended('omnicrm erasure', '@hub@.erased_key'::regclass::oid::bigint)) IS NOT NULL;
  version text;
BEGIN
  SELECT v.version, s.source_id, coalesce(s.region, v.region) INTO version, source_id, region
  FROM @hub@.hub_version AS v
  LEFT JOIN @hub@.source AS s ON s.name = begin_records.source;
  IF version IS DISTINCT FROM omnicrm.version() THEN
    PERFORM @hub@.require_current();
  END IF;
  IF source_id IS NULL THEN
    PERFORM @hub@.raise_unknown_source(begin_records.source);
  END IF;
  locked := pg_advisory_xact_lock_shared(hashtextextended('omnicrm source ' || source_id, '@hub@.source'::regclass::oid::bigint)) IS NOT NULL;
  IF current_setting('transaction_isolation') IN ('repeatable read', 'serializable') THEN
    PERFORM @hub@.lock_customers();
  END IF;
  locked := pg_advisory_xact_lock(hashtextextended('omnicrm customers', '@hub@.customer'::regclass::oid::bigint)) IS NOT NULL;
  SELECT EXISTS (SELECT FROM @hub@.subject_log AS l WHERE l.action = 'erase'),
         (SELECT b.load_id
          FROM @hub@.load_batch AS b
          WHERE b.source_id = begin_records.source_id AND b.relation = 'ingest' AND b.started_at >= date_trunc('day', now(), 'UTC')
          ORDER BY b.load_id DESC
          LIMIT 1)
  INTO any_erased, load_id;
END
$$;

COMMENT ON FUNCTION @hub@.begin_records(text) IS
  'Used by crm.ingest() and crm.delete_record(): checks that the hub is current and takes the locks for a change of records of this source, held until the end of the transaction. Returns the source, the country of what comes without one, whether anybody was ever erased, and the load_batch of what crm.ingest() took in from the source today (UTC), NULL: none yet. Errors: object_not_in_prerequisite_state, undefined_object, invalid_transaction_state.';

CREATE OR REPLACE FUNCTION @hub@.ingest_records(source text, records jsonb)
RETURNS record
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  all_rows CONSTANT integer := omnicrm.require_customers(records);
  own CONSTANT record := @hub@.begin_records(ingest_records.source);
  batch bigint := own.load_id;
  stored record;
  waiting bigint[];
  loaded bigint;
  unchanged bigint;
  counts bigint[];
BEGIN
  IF batch IS NULL THEN
    INSERT INTO @hub@.load_batch AS b (source_id, entity, relation, mapping)
    VALUES (own.source_id, 'customer', 'ingest', @hub@.ingest_mapping())
    RETURNING b.load_id INTO batch;
  END IF;
  stored := @hub@.store_ingested(records, own.source_id, own.region, batch, own.any_erased);
  waiting := stored.written;
  loaded := coalesce(cardinality(waiting), 0);
  unchanged := coalesce(cardinality(array_positions(stored.outcomes, 'unchanged')), 0);
  IF unchanged > 0 THEN
    -- A record that crm.load() brought before may still wait.
    waiting := waiting || ARRAY(SELECT u.id
                                FROM unnest(stored.ids, stored.outcomes) AS u(id, outcome)
                                WHERE u.outcome = 'unchanged' AND (SELECT true FROM @hub@.customer_member AS m WHERE m.record_id = u.id) IS NULL);
  END IF;
  IF cardinality(waiting) > 0 THEN
    counts := @hub@.resolve_local(waiting, @hub@.applied_model());
  END IF;
  UPDATE @hub@.load_batch AS b
  SET rows_in = b.rows_in + all_rows, rows_loaded = b.rows_loaded + loaded, rows_unchanged = b.rows_unchanged + unchanged,
      rows_quarantined = b.rows_quarantined + all_rows - loaded - unchanged, values_rejected = b.values_rejected + coalesce(stored.rejected, 0),
      values_downgraded = b.values_downgraded + coalesce(stored.downgraded, 0), finished_at = clock_timestamp()
  WHERE b.load_id = batch;
  RETURN stored;
END
$$;

COMMENT ON FUNCTION @hub@.ingest_records(text, jsonb) IS
  'Used by crm.ingest(): stores records of a source, resolves them, and counts them in the load_batch of this source and day. Returns what store_ingested() returns. Errors: those of begin_records(), invalid_parameter_value.';

CREATE OR REPLACE FUNCTION @hub@.ingest(source text, key text, attributes jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  record CONSTANT jsonb := jsonb_build_array(attributes || jsonb_build_object('key', ingest.key));
  stored record;
  customer bigint;
BEGIN
  IF jsonb_typeof(attributes) IS DISTINCT FROM 'object' THEN
    RAISE EXCEPTION 'a record is a JSON object, not %', coalesce(left(attributes::text, 60), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"full_name": "Ana García", "email": "ana@example.com"}.';
  END IF;
  -- Whose it is by now, not when the query began.
  stored := @hub@.ingest_records(ingest.source, record);
  SELECT m.customer_id INTO customer FROM @hub@.customer_member AS m WHERE m.record_id = stored.ids[1];
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
  IF jsonb_typeof(records) IS DISTINCT FROM 'array' THEN
    RAISE EXCEPTION 'records must be a JSON array, not %', coalesce(left(records::text, 60), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For example [{"key": "17", "full_name": "Ana García"}].';
  END IF;
  -- Whose they are by now, not when the query began.
  n := @hub@.ingest_records(ingest.source, records);
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
  own CONSTANT record := @hub@.begin_records(delete_record.source);
  model_version integer;
  gone bigint;
  home bigint;
  others bigint[];
  lost record;
BEGIN
  SELECT r.record_id, m.customer_id INTO gone, home
  FROM @hub@.source_record AS r
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = r.record_id
  WHERE r.source_id = own.source_id AND r.source_key = delete_record.key AND r.erased_at IS NULL
  -- A load that is just bringing facts of this record is waited for.
  FOR UPDATE OF r;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  PERFORM @hub@.require_no_facts(gone);
  model_version := @hub@.applied_model();
  others := ARRAY(SELECT t.id FROM unnest((@hub@.touched_records(ARRAY[gone])).touched) AS t(id) WHERE t.id <> gone);
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
