-- After all functions and views have been made: those of whom access was
-- granted earlier may use the new ones too. Roles that are gone are passed over.
DO $$
DECLARE
  known record;
BEGIN
  FOR known IN
    SELECT r.rolname, g.level
    FROM @hub@.access_grant AS g
      JOIN pg_catalog.pg_roles AS r ON r.rolname = g.role_name
    ORDER BY r.rolname
  LOOP
    PERFORM @hub@.apply_access(known.rolname, known.level);
  END LOOP;
END
$$;
