-- Rows that broke a rule: replay, give up, overview.

-- A row that waited must not overwrite what its own load or a later one brought
-- under the same key, unless its business date is newer.
CREATE OR REPLACE FUNCTION @hub@.mark_stale(plan jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  target record;
  newer text;
BEGIN
  SELECT t.* INTO STRICT target FROM @hub@.load_table() AS t WHERE t.entity = plan ->> 'entity';
  IF target.is_dimension THEN
    -- A dimension's row does not know its load: what is declared stays.
    newer := format('o.%I = s.key AND o.declared', target.key_column);
  ELSE
    newer := format('o.%I = s.old_id AND o.load_id >= %s AND s.old_hash <> s.content_hash', target.id_column, (plan ->> 'replay')::bigint);
    IF target.time_target IS NOT NULL THEN
      newer := newer || format(' AND (s.at > o.%I) IS NOT TRUE', target.time_target);
    END IF;
  END IF;
  EXECUTE format($sql$
    UPDATE %s AS s
    SET rule = 'duplicate_key', detail = 'a row with this key is loaded already: ' || left(s.key, 100)
    FROM @hub@.%I AS o
    WHERE s.rule IS NULL AND %s$sql$, stage, target.table_name, newer);
END
$$;

COMMENT ON FUNCTION @hub@.mark_stale(jsonb) IS
  'Used by crm.replay_quarantine(): a row that waited and whose key was loaded meanwhile with other content stays in quarantine under duplicate_key, unless its business date is newer. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.replay_quarantine(load bigint DEFAULT NULL, rule text DEFAULT NULL)
RETURNS SETOF @hub@.load_batch
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET intervalstyle = 'postgres'
SET timezone = 'UTC'
SET extra_float_digits = 1
SET bytea_output = 'hex'
AS $$
DECLARE
  old record;
  own_source @hub@.source;
  any_erased boolean;
  batch @hub@.load_batch;
  plan jsonb;
BEGIN
  PERFORM @hub@.require_current();
  any_erased := @hub@.hold_off_erasure();
  IF replay_quarantine.load IS NOT NULL
     AND NOT EXISTS (SELECT FROM @hub@.load_batch AS b WHERE b.load_id = replay_quarantine.load) THEN
    RAISE EXCEPTION 'unknown load: %', replay_quarantine.load
      USING ERRCODE = 'undefined_object', HINT = 'See load_id in @hub@.load_batch; NULL replays all loads.';
  END IF;
  IF replay_quarantine.rule IS NOT NULL
     AND NOT EXISTS (SELECT FROM @hub@.contract_rule AS c WHERE c.rule = replay_quarantine.rule) THEN
    RAISE EXCEPTION 'unknown rule: %', quote_literal(left(replay_quarantine.rule, 60))
      USING ERRCODE = 'undefined_object', HINT = 'See @hub@.contract_rule; NULL replays all rules.';
  END IF;
  -- Load by load: orders before the lines that a later load brought for them.
  FOR old IN
    SELECT b.load_id, b.mapping, s.name AS source
    FROM @hub@.load_batch AS b
    JOIN @hub@.source AS s ON s.source_id = b.source_id
    WHERE (replay_quarantine.load IS NULL OR b.load_id = replay_quarantine.load)
      AND EXISTS (SELECT FROM @hub@.quarantine AS q
                  WHERE q.load_id = b.load_id AND q.state = 'open'
                    AND (replay_quarantine.rule IS NULL OR q.rule = replay_quarantine.rule))
    ORDER BY b.load_id
  LOOP
    own_source := @hub@.lock_source(old.source);
    plan := @hub@.load_plan(own_source, NULL, old.mapping);
    INSERT INTO @hub@.load_batch AS b (source_id, entity, relation, mapping, replay)
    VALUES (own_source.source_id, plan ->> 'entity', format('quarantine of load %s', old.load_id), old.mapping, true)
    RETURNING b.* INTO batch;
    plan := plan || jsonb_build_object('load_id', batch.load_id, 'started_at', batch.started_at, 'replay', old.load_id);
    IF any_erased THEN
      plan := plan || '{"erased": true}';
    END IF;
    IF replay_quarantine.rule IS NOT NULL THEN
      plan := plan || jsonb_build_object('rule', replay_quarantine.rule);
    END IF;
    RETURN NEXT @hub@.run_load(plan);
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.replay_quarantine(bigint, text) IS
  'Loads the open rows of quarantine again, with the mapping of their load: all, or those of one load or one rule. Mend quarantine.raw before, or load what was missing. Returns one row of load_batch for each load replayed; rows that pass become replayed, rows that fail stay open with the rule that they break now. Errors: undefined_object.';

CREATE OR REPLACE FUNCTION @hub@.drop_quarantine(quarantine_id bigint, why text)
RETURNS @hub@.quarantine
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  dropped @hub@.quarantine;
BEGIN
  PERFORM @hub@.require_current();
  IF why IS NULL OR btrim(why) = '' THEN
    RAISE EXCEPTION 'giving up a row needs a reason'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Say why, for example ''test order''.';
  END IF;
  UPDATE @hub@.quarantine AS q
  SET state = 'dropped', dropped_why = btrim(why), closed_at = now()
  WHERE q.quarantine_id = drop_quarantine.quarantine_id AND q.state = 'open'
  RETURNING q.* INTO dropped;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no open row % in quarantine', coalesce(drop_quarantine.quarantine_id::text, 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'See @hub@.quarantine, state open.';
  END IF;
  RETURN dropped;
END
$$;

COMMENT ON FUNCTION @hub@.drop_quarantine(bigint, text) IS
  'Gives up one open row of quarantine for the reason given; it stays there with state dropped. Returns the row. Errors: no_data_found, invalid_parameter_value.';

CREATE OR REPLACE VIEW @hub@.quarantine_summary WITH (security_invoker = true) AS
SELECT s.name AS source, b.entity, q.rule, q.state, count(*) AS rows, min(q.created_at) AS oldest, max(q.created_at) AS newest,
       c.description
FROM @hub@.quarantine AS q
JOIN @hub@.load_batch AS b ON b.load_id = q.load_id
JOIN @hub@.source AS s ON s.source_id = b.source_id
JOIN @hub@.contract_rule AS c ON c.rule = q.rule
GROUP BY s.name, b.entity, q.rule, q.state, c.description;

COMMENT ON VIEW @hub@.quarantine_summary IS 'What waits in quarantine and what became of the rest, by source, entity, rule and state.';
COMMENT ON COLUMN @hub@.quarantine_summary.source IS 'Source of the rows.';
COMMENT ON COLUMN @hub@.quarantine_summary.entity IS 'What the rows are: customer, order, touch, ...';
COMMENT ON COLUMN @hub@.quarantine_summary.rule IS 'Rule that they broke.';
COMMENT ON COLUMN @hub@.quarantine_summary.state IS 'open, replayed or dropped.';
COMMENT ON COLUMN @hub@.quarantine_summary.rows IS 'Number of rows.';
COMMENT ON COLUMN @hub@.quarantine_summary.oldest IS 'When the oldest of them was put here.';
COMMENT ON COLUMN @hub@.quarantine_summary.newest IS 'When the newest of them was put here.';
COMMENT ON COLUMN @hub@.quarantine_summary.description IS 'What the rule says.';
