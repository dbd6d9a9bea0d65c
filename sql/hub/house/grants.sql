-- Who may do what. Roles are made and named by the DBA; the hub only grants to
-- them. This file comes last among the code files: it covers every function
-- that the files before it made.

-- Tables that say how the hub works: a steward reads them, an administrator
-- changes them.
CREATE OR REPLACE FUNCTION @hub@.configuration_tables()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY['source', 'contract_rule', 'match_rule', 'survivorship_rule', 'survivorship_attribute', 'survivorship_trust',
               'commission_plan', 'commission_role', 'segment_rule', 'strategy_rule', 'stage_requirement', 'erased_key']
$$;

COMMENT ON FUNCTION @hub@.configuration_tables() IS
  'Names of the hub tables that only an administrator may change. A name without a table is allowed.';

-- Tables that nobody but the owner changes.
CREATE OR REPLACE FUNCTION @hub@.owner_tables()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY['hub_version', 'access_grant', 'erasure_secret']
$$;

COMMENT ON FUNCTION @hub@.owner_tables() IS
  'Names of the hub tables that only the owner of the hub may change.';

-- What recognises the erased. Stewards ask through the view, since they load.
CREATE OR REPLACE FUNCTION @hub@.secret_tables(level text)
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE level WHEN 'reader' THEN ARRAY['erasure_secret', 'erased_key', 'erased_match', 'erased_tag']
                    WHEN 'steward' THEN ARRAY['erasure_secret', 'erased_key']
                    ELSE '{}' END
$$;

COMMENT ON FUNCTION @hub@.secret_tables(text) IS
  'Names of the tables and views of the hub that an access level may not read.';

-- The lowest level that may call a function. What writes nothing is declared
-- STABLE or IMMUTABLE, and the server holds it to that; everything else is work
-- of the steward, except what changes rules, plans, sources or access.
CREATE OR REPLACE FUNCTION @hub@.function_level(function_name name, volatility "char")
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN function_name IN ('grant_access', 'revoke_access', 'apply_access', 'apply_table_access') THEN 'owner'
    WHEN function_name ~ '^(add|set|remove|drop|change)_(source|rule|commission|survivorship|match|plan)'
         OR function_name IN ('prune_history', 'prune_outbox') THEN 'administrator'
    -- Nobody undoes an erasure.
    WHEN function_name IN ('subject_erase', 'subject_readmit', 'store_erased_keys') THEN 'administrator'
    WHEN volatility IN ('s', 'i') THEN 'reader'
    ELSE 'steward'
  END
$$;

COMMENT ON FUNCTION @hub@.function_level(name, "char") IS
  'Lowest access level that may call a hub function of this name and volatility (as in pg_proc.provolatile): reader, steward, administrator or owner.';

-- Tables and views of one level.
CREATE OR REPLACE FUNCTION @hub@.apply_table_access(role_name name, level text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  written record;
BEGIN
  EXECUTE format('GRANT USAGE ON SCHEMA @bi@ TO %I', role_name);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA @bi@ TO %I', role_name);
  IF level = 'bi' THEN
    RETURN;
  END IF;
  EXECUTE format('GRANT USAGE ON SCHEMA @hub@ TO %I', role_name);
  EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA @hub@ TO %I', role_name);
  FOR written IN
    SELECT format('@hub@.%I', t.name) AS name FROM unnest(@hub@.secret_tables(level)) AS t(name)
  LOOP
    EXECUTE format('REVOKE SELECT ON %s FROM %I', written.name, role_name);
  END LOOP;
  IF level = 'reader' THEN
    RETURN;
  END IF;
  FOR written IN
    SELECT c.oid::regclass AS name
    FROM pg_class AS c
    WHERE c.relnamespace = '@hub@'::regnamespace
      AND c.relkind IN ('r', 'p')
      AND c.relname <> ALL (@hub@.owner_tables())
      AND (level = 'administrator' OR c.relname <> ALL (@hub@.configuration_tables()))
    ORDER BY c.relname
  LOOP
    EXECUTE format('GRANT INSERT, UPDATE, DELETE, TRUNCATE ON %s TO %I', written.name, role_name);
  END LOOP;
  EXECUTE format('GRANT USAGE ON ALL SEQUENCES IN SCHEMA @hub@ TO %I', role_name);
END
$$;

COMMENT ON FUNCTION @hub@.apply_table_access(name, text) IS
  'Grants a role what its access level may do on tables and views. Used by grant_access(); call that. Returns nothing.';

-- Functions of one level.
CREATE OR REPLACE FUNCTION @hub@.apply_access(role_name name, level text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  callable record;
BEGIN
  PERFORM @hub@.apply_table_access(role_name, level);
  IF level = 'bi' THEN
    RETURN;
  END IF;
  FOR callable IN
    SELECT p.oid::regprocedure AS name
    FROM pg_proc AS p
    WHERE p.pronamespace = '@hub@'::regnamespace
      AND (@hub@.function_level(p.proname, p.provolatile) = 'reader'
           OR level IN ('steward', 'administrator') AND @hub@.function_level(p.proname, p.provolatile) = 'steward'
           OR level = 'administrator' AND @hub@.function_level(p.proname, p.provolatile) = 'administrator')
    ORDER BY p.proname, p.oid
  LOOP
    EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', callable.name, role_name);
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.apply_access(name, text) IS
  'Grants a role everything that its access level may do. Used by grant_access() and omnicrm.upgrade(); call grant_access(). Returns nothing.';

-- Raises an error unless the caller may hand out access to this role.
CREATE OR REPLACE FUNCTION @hub@.require_access_owner(role_name name)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  owner name;
BEGIN
  SELECT pg_get_userbyid(n.nspowner) INTO owner
  FROM pg_namespace AS n
  WHERE n.oid = '@hub@'::regnamespace;
  IF NOT pg_has_role(owner, 'USAGE') THEN
    RAISE EXCEPTION 'only the owner of the hub may grant or revoke access'
      USING ERRCODE = 'insufficient_privilege',
            HINT = format('Ask a member of role %I.', owner);
  END IF;
  IF NOT EXISTS (SELECT 1 FROM pg_roles AS r WHERE r.rolname = role_name) THEN
    RAISE EXCEPTION 'role % does not exist', coalesce(quote_literal(role_name), 'NULL')
      USING ERRCODE = 'undefined_object',
            HINT = 'Create it first: the hub makes no roles.';
  END IF;
  IF role_name = owner THEN
    RAISE EXCEPTION 'role % owns the hub and may do everything already', quote_literal(role_name)
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Name another role.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.require_access_owner(name) IS
  'Raises insufficient_privilege unless the caller belongs to the owner of the hub, undefined_object when the role does not exist. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.revoke_access(role_name name)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.require_access_owner(role_name);
  EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA @hub@, @bi@ FROM %I', role_name);
  EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA @hub@, @bi@ FROM %I', role_name);
  EXECUTE format('REVOKE ALL ON ALL ROUTINES IN SCHEMA @hub@, @bi@ FROM %I', role_name);
  EXECUTE format('REVOKE ALL ON SCHEMA @hub@, @bi@ FROM %I', role_name);
  DELETE FROM @hub@.access_grant AS g WHERE g.role_name = revoke_access.role_name::text;
  RETURN format('%I has no access any more', role_name);
END
$$;

COMMENT ON FUNCTION @hub@.revoke_access(name) IS
  'Takes from a role everything it may do in this hub and its reports. Returns a sentence. Errors: insufficient_privilege unless called by the owner of the hub, undefined_object when the role does not exist.';

CREATE OR REPLACE FUNCTION @hub@.grant_access(role_name name, level text)
RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.require_access_owner(role_name);
  IF level IS NULL OR level NOT IN ('bi', 'reader', 'steward', 'administrator') THEN
    RAISE EXCEPTION 'unknown access level: %', coalesce(quote_literal(level), 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Levels: bi, reader, steward, administrator.';
  END IF;
  -- What a higher level had must go first.
  PERFORM @hub@.revoke_access(role_name);
  PERFORM @hub@.apply_access(role_name, level);
  INSERT INTO @hub@.access_grant (role_name, level) VALUES (role_name, level);
  RETURN format('%I has access as %s', role_name, level);
END
$$;

COMMENT ON FUNCTION @hub@.grant_access(name, text) IS
  'Gives a role one level of access and takes any other: bi (reporting views only, no personal data), reader (the hub and its reading functions), steward (reader, and load, replay, resolve, segment and the like), administrator (steward, and sources, rules and plans). Returns a sentence. Errors: insufficient_privilege unless called by the owner of the hub, undefined_object when the role does not exist, invalid_parameter_value for an unknown level.';

-- Functions are executable by everybody when they are made; here only by whom
-- access was granted.
REVOKE ALL ON ALL ROUTINES IN SCHEMA @hub@ FROM PUBLIC;
