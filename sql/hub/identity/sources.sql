-- Sources: the systems that deliver rows.

CREATE OR REPLACE FUNCTION @hub@.add_source(
  name text, kind text, trust numeric, region text DEFAULT NULL, freshness interval DEFAULT NULL, owner text DEFAULT NULL
)
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kinds CONSTANT text[] := ARRAY['shop', 'web', 'call_centre', 'newsletter', 'app', 'field_sales', 'loyalty', 'erp', 'service',
                                 'marketing', 'other'];
  code CONSTANT text := upper(add_source.region);
  id integer;
BEGIN
  PERFORM @hub@.require_current();
  IF add_source.name IS NULL OR btrim(add_source.name) = '' OR octet_length(add_source.name) > 200 THEN
    RAISE EXCEPTION 'invalid source name: %', coalesce(quote_literal(left(add_source.name, 60)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use a text of 1 to 200 bytes, for example ''web shop''.';
  END IF;
  IF add_source.kind IS NULL OR add_source.kind <> ALL (kinds) THEN
    RAISE EXCEPTION 'unknown kind of source: %', coalesce(quote_literal(left(add_source.kind, 60)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = format('Kinds: %s.', array_to_string(kinds, ', '));
  END IF;
  IF add_source.trust IS NULL OR NOT add_source.trust BETWEEN 0 AND 100 THEN
    RAISE EXCEPTION 'trust of a source must be between 0 and 100, not %', coalesce(add_source.trust::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'The higher trust wins where survivorship goes by trust.';
  END IF;
  IF code !~ '^[A-Z]{2}$' THEN
    RAISE EXCEPTION 'invalid region: %', quote_literal(left(add_source.region, 60))
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Use two letters of ISO 3166, for example ES; NULL is the hub''s region.';
  END IF;
  IF add_source.freshness <= interval '0' THEN
    RAISE EXCEPTION 'freshness of a source must be longer than zero, not %', add_source.freshness
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For example interval ''1 day''; NULL: never late.';
  END IF;

  -- Updating first leaves no gaps in the ids of sources.
  UPDATE @hub@.source AS s
  SET kind = add_source.kind, trust = add_source.trust, region = code, freshness = add_source.freshness, owner = add_source.owner
  WHERE s.name = add_source.name
  RETURNING s.source_id INTO id;
  IF id IS NULL THEN
    INSERT INTO @hub@.source AS s (name, kind, trust, region, freshness, owner)
    VALUES (add_source.name, add_source.kind, add_source.trust, code, add_source.freshness, add_source.owner)
    ON CONFLICT ON CONSTRAINT source_name_key DO UPDATE
      SET kind = excluded.kind, trust = excluded.trust, region = excluded.region, freshness = excluded.freshness,
          owner = excluded.owner
    RETURNING s.source_id INTO id;
  END IF;
  RETURN id;
END
$$;

COMMENT ON FUNCTION @hub@.add_source(text, text, numeric, text, interval, text) IS
  'Adds a source, or gives the source of this name new settings; returns its source_id. kind: shop, web, call_centre, newsletter, app, field_sales, loyalty, erp, service, marketing, other. trust: 0 to 100, the higher wins where survivorship goes by trust. region: two-letter country of phones, postcodes and tax numbers without one (NULL: the hub''s). freshness: the source is late when its newest row is older (NULL: never). owner: who answers for it. Errors: invalid_parameter_value.';

-- The source of this name, locked until the end of the transaction, so that two
-- loads of one source run one after the other. What takes in or deletes single
-- records shares the lock: begin_records().
-- An advisory lock, since a lock on the row would ask a steward for the right to
-- change sources.
CREATE OR REPLACE FUNCTION @hub@.lock_source(source_name text)
RETURNS @hub@.source
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_source @hub@.source;
BEGIN
  SELECT s.* INTO found_source FROM @hub@.source AS s WHERE s.name = source_name;
  IF NOT FOUND THEN
    PERFORM @hub@.raise_unknown_source(source_name);
  END IF;
  PERFORM pg_advisory_xact_lock(hashtextextended('omnicrm source ' || found_source.source_id, '@hub@.source'::regclass::oid::bigint));
  RETURN found_source;
END
$$;

COMMENT ON FUNCTION @hub@.lock_source(text) IS
  'Used by crm.load(): returns the source of this name and makes its loads run one after the other, and none beside crm.ingest() and crm.delete_record() of it, until the end of the transaction. Errors: undefined_object.';

CREATE OR REPLACE FUNCTION @hub@.raise_unknown_source(source_name text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'unknown source: %', coalesce(quote_literal(left(source_name, 60)), 'NULL')
    USING ERRCODE = 'undefined_object',
          HINT = coalesce('Known sources: ' || (SELECT string_agg(k.name, ', ' ORDER BY k.name COLLATE "C")
                                                FROM (SELECT s.name FROM @hub@.source AS s ORDER BY s.source_id LIMIT 30) AS k)
                          || '. ', '') || 'Add it with @hub@.add_source(name, kind, trust).';
END
$$;

COMMENT ON FUNCTION @hub@.raise_unknown_source(text) IS
  'Used by crm.load(): raises undefined_object with the list of known sources. Returns nothing.';
