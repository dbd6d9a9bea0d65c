-- The schema of the toolbox. No IF NOT EXISTS: a schema planted earlier by
-- another role must stop the installation instead of being adopted.
CREATE SCHEMA omnicrm;

COMMENT ON SCHEMA omnicrm IS
  'omnicrm toolbox: functions and aggregates that work on any table or query. Members of the extension.';

GRANT USAGE ON SCHEMA omnicrm TO PUBLIC;

CREATE FUNCTION omnicrm.version()
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_version';

COMMENT ON FUNCTION omnicrm.version() IS
  'Version of the loaded omnicrm library, e.g. 1.0.0. It differs from pg_extension.extversion when ALTER EXTENSION omnicrm UPDATE has not been run, or when the session still holds an older library.';
