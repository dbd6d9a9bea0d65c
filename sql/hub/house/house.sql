-- The house: prerequisite check, run log.

-- Every entry function of the hub calls this first.
CREATE OR REPLACE FUNCTION @hub@.require_current()
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  deployed text;
BEGIN
  SELECT v.version INTO deployed FROM @hub@.hub_version AS v;
  IF deployed IS DISTINCT FROM omnicrm.version() THEN
    RAISE EXCEPTION 'hub has version %, the loaded omnicrm library is %', coalesce(deployed, 'none'), omnicrm.version()
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Run ALTER EXTENSION omnicrm UPDATE, then SELECT omnicrm.upgrade(''@hub@''), and reconnect.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.require_current() IS
  'Raises object_not_in_prerequisite_state unless the hub has the version of the loaded library. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.start_run(job text)
RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO @hub@.run_log (job) VALUES (job) RETURNING run_id
$$;

COMMENT ON FUNCTION @hub@.start_run(text) IS 'Opens a run_log row for a long job and returns its run_id.';

CREATE OR REPLACE FUNCTION @hub@.finish_run(run bigint, run_counts jsonb)
RETURNS @hub@.run_log
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  UPDATE @hub@.run_log
  SET finished_at = clock_timestamp(), counts = run_counts
  WHERE run_id = run
  RETURNING *
$$;

COMMENT ON FUNCTION @hub@.finish_run(bigint, jsonb) IS 'Closes a run_log row with its counts and returns it.';
