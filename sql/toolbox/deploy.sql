-- Deploying and upgrading a hub: the golden-record tables and functions are
-- ordinary objects owned by the caller, so they dump, restore, take the user's
-- own columns, indexes and policies, and survive DROP EXTENSION.

-- The packed hub: one row for each file of sql/hub and sql/report, filled below
-- in the order of sql/manifest. Its content comes with the extension and is
-- not dumped.
CREATE TABLE omnicrm.hub_source (
  position integer PRIMARY KEY,
  kind     text NOT NULL CHECK (kind IN ('tables', 'changes', 'code', 'report')),
  path     text NOT NULL UNIQUE,
  body     text NOT NULL
);

COMMENT ON TABLE omnicrm.hub_source IS
  'The files of the hub, packed with the extension: one row is one SQL file that omnicrm.deploy() runs.';
COMMENT ON COLUMN omnicrm.hub_source.position IS 'Order in which the files run.';
COMMENT ON COLUMN omnicrm.hub_source.kind IS
  'tables: run once by deploy(). changes: tables and columns that came later, run by deploy() and upgrade(), each step once. code: functions, run by deploy() and upgrade(). report: views, run by deploy() and upgrade().';
COMMENT ON COLUMN omnicrm.hub_source.path IS 'Path of the file in the source tree.';
COMMENT ON COLUMN omnicrm.hub_source.body IS
  'SQL text with the markers @hub@ and @bi@ for the quoted names of the hub and reporting schemas.';

GRANT SELECT ON omnicrm.hub_source TO PUBLIC;

-- A schema name that may be put in place of @hub@ anywhere in the packed files,
-- inside string literals and dollar quotes too.
CREATE FUNCTION omnicrm.check_hub_name(hub name)
RETURNS void
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF hub IS NULL OR hub::text !~ '^[[:alpha:]_][[:alnum:]_ -]*$' OR length(hub::text) > 40
     OR hub::text LIKE '%pg\_%' OR hub::text IN ('omnicrm', 'information_schema', 'public') THEN
    RAISE EXCEPTION 'invalid hub schema name: %', coalesce(quote_literal(hub::text), 'NULL')
      USING ERRCODE = 'invalid_name',
            HINT = 'Use 1 to 40 letters, digits, blanks, hyphens or underscores, without "pg_", for example crm.';
  END IF;
END
$$;

COMMENT ON FUNCTION omnicrm.check_hub_name(name) IS
  'Raises invalid_name unless the argument can name a hub schema: 1 to 40 letters, digits, blanks, hyphens or underscores, not containing pg_ (BI tools hide such schemas). Returns nothing.';

-- Runs the packed files of the given kinds for one hub.
CREATE FUNCTION omnicrm.run_hub_source(hub name, kinds text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
  part record;
BEGIN
  FOR part IN
    SELECT s.path, s.body
    FROM omnicrm.hub_source AS s
    WHERE s.kind = ANY (kinds)
    ORDER BY s.position
  LOOP
    EXECUTE replace(replace(part.body,
                            '@hub@', quote_ident(hub)),
                    '@bi@', quote_ident(hub || '_bi'));
  END LOOP;
END
$$;

COMMENT ON FUNCTION omnicrm.run_hub_source(name, text[]) IS
  'Runs the packed hub files of the given kinds (tables, changes, code, report) for one hub schema. Used by deploy() and upgrade(); call those.';

CREATE FUNCTION omnicrm.deploy(hub name, options jsonb DEFAULT '{}')
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
BEGIN
  PERFORM omnicrm.check_hub_name(hub);
  SELECT string_agg(o.key, ', ' ORDER BY o.key) INTO unknown
  FROM jsonb_object_keys(coalesce(options, '{}')) AS o(key)
  WHERE o.key NOT IN ('region', 'currency');
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'unknown option of omnicrm.deploy: %', unknown
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known options: region (default country of phones, ES), currency (EUR).';
  END IF;
  -- One deployment of this name at a time; the next one sees what this one made.
  PERFORM pg_advisory_xact_lock(hashtext('omnicrm.deploy'), hashtext(hub::text));
  IF to_regnamespace(quote_ident(hub)) IS NOT NULL OR to_regnamespace(quote_ident(hub || '_bi')) IS NOT NULL THEN
    RAISE EXCEPTION 'schema % or % already exists', quote_ident(hub), quote_ident(hub || '_bi')
      USING ERRCODE = 'duplicate_schema',
            HINT = format('Choose another name, or bring a deployed hub to this version with SELECT omnicrm.upgrade(%L).', hub);
  END IF;
  EXECUTE format('CREATE SCHEMA %I', hub);
  EXECUTE format('CREATE SCHEMA %I', hub || '_bi');
  PERFORM omnicrm.run_hub_source(hub, ARRAY['tables', 'changes', 'code', 'report']);
  EXECUTE format('INSERT INTO %I.hub_version (version, region, currency) VALUES ($1, $2, $3)', hub)
    USING omnicrm.version(), coalesce(options ->> 'region', 'ES'), coalesce(options ->> 'currency', 'EUR');
  RETURN format('omnicrm %s deployed in schemas %I and %I', omnicrm.version(), hub, hub || '_bi');
END
$$;

COMMENT ON FUNCTION omnicrm.deploy(name, jsonb) IS
  'Makes a hub: golden-record tables and functions in the named schema, reporting views in <name>_bi, all owned by the caller and no members of the extension. options: region (default country for phone numbers, ES), currency (EUR). Returns a sentence. Errors: invalid_name, duplicate_schema, invalid_parameter_value.';

CREATE FUNCTION omnicrm.upgrade(hub name)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_version text;
BEGIN
  PERFORM omnicrm.check_hub_name(hub);
  IF to_regclass(format('%I.hub_version', hub)) IS NULL THEN
    RAISE EXCEPTION 'schema % holds no omnicrm hub', quote_ident(hub)
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = format('Make one with SELECT omnicrm.deploy(%L).', hub);
  END IF;
  -- One upgrade at a time; the row is locked until commit.
  EXECUTE format('SELECT version FROM %I.hub_version FOR UPDATE', hub) INTO STRICT found_version;
  IF string_to_array(found_version, '.')::integer[] > string_to_array(omnicrm.version(), '.')::integer[] THEN
    RAISE EXCEPTION 'hub % has version %, newer than the installed extension %',
      quote_ident(hub), found_version, omnicrm.version()
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Install the newer omnicrm package and run ALTER EXTENSION omnicrm UPDATE first.';
  END IF;
  PERFORM omnicrm.run_hub_source(hub, ARRAY['changes', 'code', 'report']);
  EXECUTE format('UPDATE %I.hub_version SET version = $1, upgraded_at = now()', hub) USING omnicrm.version();
  RETURN format('hub %I upgraded from %s to %s', hub, found_version, omnicrm.version());
END
$$;

COMMENT ON FUNCTION omnicrm.upgrade(name) IS
  'Brings a deployed hub to the installed version: tables and columns that came with it are added, functions and views are made again, tables keep their rows and the user''s own columns. Repeating it changes nothing. Returns a sentence. Errors: object_not_in_prerequisite_state when the schema holds no hub or a newer one.';
