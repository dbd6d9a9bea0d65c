-- crm.load(): one transaction, set by set: plan, stage, duplicates, store,
-- quarantine, counts. A kill or an error leaves nothing behind.

-- The temporary table that holds the rows of one load while it runs.
CREATE OR REPLACE FUNCTION @hub@.stage_name(plan jsonb)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('pg_temp.%I', 'omnicrm_load_' || ((plan ->> 'load_id')::bigint)::text)
$$;

COMMENT ON FUNCTION @hub@.stage_name(jsonb) IS 'Used by crm.load(): name of the temporary table of a load.';

-- Of rows with one key, the newest wins, then the larger row as text, so that
-- their order does not matter. A twin of the winner is marked 'same', others go
-- to quarantine.
CREATE OR REPLACE FUNCTION @hub@.mark_duplicates(plan jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  -- A line's key is unique within its order.
  key_columns CONSTANT text := CASE WHEN plan ->> 'entity' = 'order_line' THEN 's.order_id, s.key' ELSE 's.key' END;
  payload CONSTANT text := @hub@.stage_payload(plan);
  found_any boolean;
BEGIN
  EXECUTE format('SELECT EXISTS (SELECT FROM %s AS s WHERE s.rule IS NULL GROUP BY %s HAVING count(*) > 1)', stage, key_columns)
    INTO found_any;
  IF NOT found_any THEN
    RETURN;
  END IF;
  EXECUTE format($sql$
    WITH ranked AS MATERIALIZED (
      SELECT s.ctid AS place, row_number() OVER w AS position, first_value(s.content_hash) OVER w = s.content_hash AS same
      FROM %1$s AS s
      WHERE s.rule IS NULL
        AND (%2$s) IN (SELECT %2$s FROM %1$s AS s WHERE s.rule IS NULL GROUP BY %2$s HAVING count(*) > 1)
      WINDOW w AS (PARTITION BY %2$s ORDER BY s.at DESC NULLS LAST, (%3$s)::text COLLATE "C" DESC)
    )
    UPDATE %1$s AS s
    SET rule = CASE WHEN r.same THEN 'same' ELSE 'duplicate_key' END,
        detail = CASE WHEN NOT r.same THEN 'key: ' || left(s.key, 100) END
    FROM ranked AS r
    WHERE s.ctid = r.place AND r.position > 1$sql$, stage, key_columns, payload);
END
$$;

COMMENT ON FUNCTION @hub@.mark_duplicates(jsonb) IS
  'Used by crm.load(): of rows with one key in one load marks the twins of the winner as same and the others with rule duplicate_key. Returns nothing.';

-- The delivered row in the stage: customers keep it as jsonb, facts as the row
-- itself, since only those that break a rule need it.
CREATE OR REPLACE FUNCTION @hub@.stage_payload(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN plan ->> 'entity' = 'customer' THEN 's.payload' ELSE @hub@.load_payload(plan, '(s.raw)') END
$$;

COMMENT ON FUNCTION @hub@.stage_payload(jsonb) IS
  'Used by crm.load(): SQL expression for the delivered row in the stage (alias s), as jsonb.';

-- Puts the rows that broke a rule into quarantine. A row that waits there
-- already, from an earlier load of the same rows, does not get a twin. Of an
-- erased person's row nothing is kept but that there was one. Never by nested
-- loops: nothing is known of the sizes here, and rows may be many.
CREATE OR REPLACE FUNCTION @hub@.store_quarantine(plan jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_nestloop = off
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
BEGIN
  IF plan ? 'replay' THEN
    EXECUTE format($sql$
      UPDATE @hub@.quarantine AS q
      SET state = CASE WHEN s.rule IS NULL OR s.rule = 'same' THEN 'replayed' WHEN s.rule = 'erased_subject' THEN 'dropped' ELSE 'open' END,
          replay_load_id = CASE WHEN s.rule IS NULL OR s.rule = 'same' THEN %s END,
          closed_at = CASE WHEN s.rule IS NULL OR s.rule IN ('same', 'erased_subject') THEN now() END,
          rule = CASE WHEN s.rule = 'same' THEN q.rule ELSE coalesce(s.rule, q.rule) END,
          detail = CASE WHEN s.rule IS NULL OR s.rule = 'same' THEN q.detail ELSE s.detail END,
          row_key = CASE WHEN s.rule IS DISTINCT FROM 'erased_subject' THEN left(s.key, 200) END,
          raw = CASE WHEN s.rule = 'erased_subject' THEN '{}' ELSE q.raw END
      FROM %s AS s
      WHERE q.quarantine_id = s.quarantine_id$sql$, plan ->> 'load_id', stage);
    RETURN;
  END IF;
  EXECUTE format($sql$
    WITH waiting AS MATERIALIZED (
      SELECT q.rule, q.raw, CASE WHEN q.rule = 'erased_subject' THEN q.detail ELSE '' END AS erasure, true AS is_there
      FROM @hub@.quarantine AS q
      JOIN @hub@.load_batch AS b ON b.load_id = q.load_id
      JOIN @hub@.load_batch AS own ON own.source_id = b.source_id AND own.mapping = b.mapping
      WHERE own.load_id = %1$s AND b.load_id <> own.load_id AND (q.state = 'open' OR q.rule = 'erased_subject')
      GROUP BY q.rule, q.raw, 3
    )
    INSERT INTO @hub@.quarantine (load_id, rule, detail, row_key, raw, state, dropped_why, closed_at)
    SELECT %1$s, n.rule, n.detail, n.row_key, n.raw, CASE WHEN n.erasure = '' THEN 'open' ELSE 'dropped' END,
           CASE WHEN n.erasure <> '' THEN 'erased' END, CASE WHEN n.erasure <> '' THEN now() END
    FROM (SELECT s.rule, s.detail, left(s.key, 200) AS row_key, %3$s AS raw, '' AS erasure
          FROM %2$s AS s
          WHERE s.rule NOT IN ('same', 'erased_subject')
          UNION ALL
          SELECT s.rule, s.detail, NULL, '{}', s.detail
          FROM %2$s AS s
          WHERE s.rule = 'erased_subject') AS n
    LEFT JOIN waiting AS w ON w.rule = n.rule AND w.raw = n.raw AND w.erasure = n.erasure
    WHERE w.is_there IS NULL
    ORDER BY n.rule, n.row_key COLLATE "C", n.raw::text COLLATE "C"$sql$,
    (plan ->> 'load_id')::bigint, stage, @hub@.stage_payload(plan));
END
$$;

COMMENT ON FUNCTION @hub@.store_quarantine(jsonb) IS
  'Used by crm.load(): puts the rows of the stage that broke a rule into quarantine; of a replay, closes those that passed and notes why the others did not. Returns nothing.';

-- Runs a plan whose load_batch row is there. Returns that row with its counts.
CREATE OR REPLACE FUNCTION @hub@.run_load(plan jsonb)
RETURNS @hub@.load_batch
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  entity CONSTANT text := plan ->> 'entity';
  is_dimension CONSTANT boolean := (SELECT t.is_dimension FROM @hub@.load_table() AS t WHERE t.entity = plan ->> 'entity');
  row_count bigint;
  loaded bigint;
  quarantined bigint;
  rejected bigint := 0;
  downgraded bigint := 0;
  batch @hub@.load_batch;
BEGIN
  EXECUTE format('CREATE TEMPORARY TABLE %s ON COMMIT DROP AS %s', stage,
                 CASE WHEN entity = 'customer' THEN @hub@.customer_stage(plan) ELSE @hub@.fact_stage(plan) END);
  GET DIAGNOSTICS row_count = ROW_COUNT;
  -- So that the planner knows how many rows are new and how many broke a rule.
  EXECUTE format('ANALYZE %s (rule%s)', stage, CASE WHEN NOT is_dimension THEN ', old_id' END);
  IF plan ? 'erased' THEN
    PERFORM @hub@.mark_erased(plan);
  END IF;
  PERFORM @hub@.mark_duplicates(plan);
  IF plan ? 'replay' THEN
    PERFORM @hub@.mark_stale(plan);
  END IF;
  loaded := CASE WHEN entity = 'customer' THEN @hub@.store_changed_customers(plan) + @hub@.store_new_customers(plan)
                 WHEN is_dimension THEN @hub@.store_dimension(plan)
                 ELSE @hub@.store_facts(plan) END;
  EXECUTE format('SELECT count(*) FROM %s AS s WHERE s.rule <> ''same''', stage) INTO quarantined;
  IF quarantined > 0 OR plan ? 'replay' THEN
    PERFORM @hub@.store_quarantine(plan);
  END IF;
  IF entity = 'customer' THEN
    EXECUTE format($sql$
      SELECT coalesce(sum(cardinality(array_remove(s.flags, 'birth_date_implausible'))), 0),
             count(*) FILTER (WHERE 'birth_date_implausible' = ANY (s.flags))
      FROM %s AS s
      WHERE s.flags IS NOT NULL AND s.rule IS NULL$sql$, stage) INTO rejected, downgraded;
  END IF;
  EXECUTE format('DROP TABLE %s', stage);
  UPDATE @hub@.load_batch AS b
  SET rows_in = row_count, rows_loaded = loaded, rows_unchanged = row_count - loaded - quarantined, rows_quarantined = quarantined,
      values_rejected = rejected, values_downgraded = downgraded, finished_at = clock_timestamp()
  WHERE b.load_id = (plan ->> 'load_id')::bigint
  RETURNING b.* INTO batch;
  RETURN batch;
END
$$;

COMMENT ON FUNCTION @hub@.run_load(jsonb) IS
  'Used by crm.load() and crm.replay_quarantine(): runs a plan and returns its row of load_batch with the counts.';

CREATE OR REPLACE FUNCTION @hub@.load(source text, relation regclass, mapping jsonb)
RETURNS @hub@.load_batch
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET timezone = 'UTC'
SET extra_float_digits = 1
SET bytea_output = 'hex'
AS $$
DECLARE
  own_source @hub@.source;
  any_erased boolean;
  plan jsonb;
  batch @hub@.load_batch;
BEGIN
  PERFORM @hub@.require_current();
  any_erased := @hub@.hold_off_erasure();
  own_source := @hub@.lock_source(load.source);
  IF NOT EXISTS (SELECT FROM pg_class AS c WHERE c.oid = load.relation AND c.relkind IN ('r', 'v', 'm', 'f', 'p')) THEN
    RAISE EXCEPTION 'relation % is no table or view', coalesce(load.relation::text, 'NULL')
      USING ERRCODE = 'wrong_object_type', HINT = 'Name a table, view, materialized view, foreign table or partitioned table.';
  END IF;
  plan := @hub@.load_plan(own_source, load.relation, load.mapping);
  INSERT INTO @hub@.load_batch AS b (source_id, entity, relation, mapping)
  VALUES (own_source.source_id, plan ->> 'entity', load.relation::text, load.mapping)
  RETURNING b.* INTO batch;
  IF any_erased THEN
    plan := plan || '{"erased": true}';
  END IF;
  RETURN @hub@.run_load(plan || jsonb_build_object('load_id', batch.load_id, 'started_at', batch.started_at));
END
$$;

COMMENT ON FUNCTION @hub@.load(text, regclass, jsonb) IS
  'Loads the rows of a table or view into the hub and returns the row of load_batch with the counts: in = loaded + unchanged + quarantined. mapping: {"entity": "customer" (default) or channel, employee, campaign, product, order, order_line, payment, touch, lead, case, consent, company_contact, referral; target: source, ...}; a source is a column name, an array of column names (joined by a blank) or {"column"|"columns"|"value", "format": YMD|DMY|MDY|auto, "decimal": "."|","}; targets: see crm.load_target(). Options: customer_source and order_source (whose keys the customer and order columns hold), company_source and referrer_source (the same for the second customer of a relation; customer_source when missing), time_zone (UTC), region. Same rows again change nothing; rows that break a rule go to crm.quarantine. Errors: invalid_parameter_value, undefined_column, undefined_object, wrong_object_type.';
