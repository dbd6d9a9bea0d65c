-- The SQL text that crm.load() runs, made from a plan: column names come from
-- the catalog and are quoted with %I, everything else with %L.

-- Blanks that do not belong to a value.
CREATE OR REPLACE FUNCTION @hub@.load_trim(expression text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('NULLIF(btrim(%s, E'' \t\r\n\v\f''), '''')', expression)
$$;

COMMENT ON FUNCTION @hub@.load_trim(text) IS
  'Used by crm.load(): SQL expression that trims a text expression; blank text becomes NULL.';

CREATE OR REPLACE FUNCTION @hub@.load_today(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('date %L', ((plan ->> 'started_at')::timestamptz AT TIME ZONE (plan ->> 'zone'))::date)
$$;

COMMENT ON FUNCTION @hub@.load_today(jsonb) IS
  'Used by crm.load(): SQL expression for the day on which rows come in.';

-- Where the rows come from: alias r is the row; a replay reads jsonb. A sweep looks
-- through all quarantined rows of some loads, or the earlier versions of
-- some records, as a replay would and without storing anything.
CREATE OR REPLACE FUNCTION @hub@.load_from(plan jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  place text;
BEGIN
  IF plan ? 'sweep_loads' THEN
    RETURN format('(SELECT q.quarantine_id, q.raw AS r FROM @hub@.quarantine AS q'
                  || ' WHERE q.load_id = ANY (%L) AND q.rule <> ''erased_subject'') AS q',
                  ARRAY(SELECT l.id::bigint FROM jsonb_array_elements_text(plan -> 'sweep_loads') AS l(id)));
  END IF;
  IF plan ? 'sweep_records' THEN
    RETURN format('(SELECT h.record_id AS quarantine_id, h.payload AS r FROM @hub@.source_record_history AS h'
                  || ' WHERE h.record_id = ANY (%L) AND h.load_id = ANY (%L)) AS q',
                  ARRAY(SELECT l.id::bigint FROM jsonb_array_elements_text(plan -> 'sweep_records') AS l(id)),
                  ARRAY(SELECT l.id::bigint FROM jsonb_array_elements_text(plan -> 'sweep_versions') AS l(id)));
  END IF;
  IF plan ? 'replay' THEN
    RETURN format('(SELECT q.quarantine_id, q.raw AS r FROM @hub@.quarantine AS q'
                  || ' WHERE q.load_id = %L AND q.state = ''open''%s ORDER BY q.quarantine_id FOR UPDATE) AS q',
                  plan ->> 'replay', CASE WHEN plan ? 'rule' THEN format(' AND q.rule = %L', plan ->> 'rule') END);
  END IF;
  SELECT format('%I.%I AS r', n.nspname, c.relname) INTO STRICT place
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.oid = (plan ->> 'relation')::oid;
  RETURN place;
END
$$;

COMMENT ON FUNCTION @hub@.load_from(jsonb) IS
  'Used by crm.load(): FROM item of a plan, with alias r for the row (of a replay: its jsonb).';

-- The row as delivered, as jsonb. Columns of type json go in as text, since
-- jsonb refuses some of what json holds (\u0000, huge numbers).
CREATE OR REPLACE FUNCTION @hub@.load_payload(plan jsonb, row_alias text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN plan ? 'replay' THEN row_alias
    WHEN NOT bool_or(c.type IN ('json', 'json[]')) THEN format('to_jsonb(%s)', row_alias)
    ELSE format('jsonb_build_object(%s)',
                string_agg(format('%L, %s.%I%s', c.name, row_alias, c.name, CASE WHEN c.type IN ('json', 'json[]') THEN '::text' END), ', '
                           ORDER BY c.ordinal))
  END
  FROM @hub@.relation_column((plan ->> 'relation')::oid) AS c
$$;

COMMENT ON FUNCTION @hub@.load_payload(jsonb, text) IS
  'Used by crm.load(): SQL expression for the row as delivered, as jsonb.';

-- What the content of a row depends on beside the row: the same row under
-- another mapping is another content.
CREATE OR REPLACE FUNCTION @hub@.load_fingerprint(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT omnicrm.content_hash(jsonb_build_array(plan -> 'mapping', plan -> 'region', plan -> 'zone')::text)::text || ' '
$$;

COMMENT ON FUNCTION @hub@.load_fingerprint(jsonb) IS
  'Used by crm.load(): hash of the mapping, region and time zone of a plan, which goes into the content hash of customer rows.';

-- The text of one target in row r; trimmed, blank is NULL, unless the normaliser
-- of the target does that anyway. Collation C: whatever the columns have, keys
-- are the same only byte by byte, on every server.
CREATE OR REPLACE FUNCTION @hub@.load_text(plan jsonb, target text, trimmed boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN s.spec IS NULL THEN 'NULL::text'
    WHEN s.spec ? 'value' THEN format('%L::text', NULLIF(btrim(s.spec ->> 'value'), ''))
    WHEN jsonb_array_length(s.spec -> 'columns') = 1 THEN CASE WHEN trimmed THEN @hub@.load_trim(c.list) ELSE c.list END
    ELSE format('NULLIF(concat_ws('' '', %s), '''')', c.list_trimmed)
  END
  FROM (SELECT plan -> 'targets' -> target AS spec) AS s
  CROSS JOIN LATERAL (
    SELECT string_agg(e.expression, ', ' ORDER BY e.position) AS list,
           string_agg(@hub@.load_trim(e.expression), ', ' ORDER BY e.position) AS list_trimmed
    FROM (SELECT x.position,
                 CASE WHEN plan ? 'replay' THEN format('(r ->> %L COLLATE "C")', x.item ->> 'name')
                      ELSE format('(r.%I%s COLLATE "C")', x.item ->> 'name',
                                  CASE WHEN x.item ->> 'type' NOT IN ('text', 'character varying') THEN '::text' END) END AS expression
          FROM jsonb_array_elements(s.spec -> 'columns') WITH ORDINALITY AS x(item, position)) AS e
  ) AS c
$$;

COMMENT ON FUNCTION @hub@.load_text(jsonb, text, boolean) IS
  'Used by crm.load(): SQL expression for the text of one target in row r: columns joined by one blank; trimmed: blanks around it taken off, blank is NULL.';

-- A typed column that needs no parsing: its value, NULL where it is out of
-- range or, in a replay, where it is no JSON number. NULL when the target has no
-- such column.
CREATE OR REPLACE FUNCTION @hub@.load_direct(plan jsonb, target text, type text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  spec CONSTANT jsonb := plan -> 'targets' -> target;
  column_type CONSTANT text := spec #>> '{columns,0,type}';
  place CONSTANT text := 'r.' || quote_ident(spec #>> '{columns,0,name}');
  zone CONSTANT text := quote_literal(plan ->> 'zone');
BEGIN
  IF spec -> 'columns' IS NULL OR jsonb_array_length(spec -> 'columns') <> 1 THEN
    RETURN NULL;
  END IF;
  IF plan ? 'replay' THEN
    -- A JSON number is one, whatever decimal mark texts have.
    RETURN CASE WHEN @hub@.load_is_number(type) THEN
      format('CASE WHEN jsonb_typeof(r -> %1$L) = ''number'' THEN (r ->> %1$L)::numeric END', spec #>> '{columns,0,name}') END;
  END IF;
  IF type IN ('date', 'timestamp') AND column_type IN ('date', 'timestamp without time zone', 'timestamp with time zone') THEN
    RETURN format('CASE WHEN isfinite(%1$s) THEN %2$s END', place,
      CASE
        WHEN type = 'date' AND column_type = 'timestamp with time zone' THEN format('(%s AT TIME ZONE %s)::date', place, zone)
        WHEN type = 'date' THEN format('%s::date', place)
        WHEN column_type = 'timestamp with time zone' THEN place || '::timestamptz'
        ELSE format('%s::timestamp AT TIME ZONE %s', place, zone)
      END);
  END IF;
  IF type IN ('money', 'quantity', 'days', 'emotion', 'rating')
     AND column_type IN ('smallint', 'integer', 'bigint', 'numeric', 'real', 'double precision', 'money') THEN
    RETURN format('CASE WHEN abs(%1$s::numeric) < 1e100 THEN %1$s::numeric END', place);
  END IF;
  RETURN NULL;
END
$$;

COMMENT ON FUNCTION @hub@.load_direct(jsonb, text, text) IS
  'Used by crm.load(): SQL expression for a typed column of row r that needs no parsing, NULL where it is infinite or no number; SQL NULL when the target has no such column.';

-- Select list of the innermost query: t_<target> is the text of each target,
-- x_<target> the value of a typed column. Where the value is there, its text is
-- not needed, only that there is one.
CREATE OR REPLACE FUNCTION @hub@.load_texts(plan jsonb, trimmed boolean)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(
    CASE WHEN d.direct IS NULL THEN format('%s AS t_%s', @hub@.load_text(plan, t.target, trimmed), t.target)
         ELSE format('%1$s AS x_%2$s, CASE WHEN (%1$s) IS NULL THEN %3$s ELSE ''-'' END AS t_%2$s',
                     d.direct, t.target, @hub@.load_text(plan, t.target, trimmed)) END,
    E',\n  ' ORDER BY t.position)
  FROM @hub@.load_target() WITH ORDINALITY AS t(entity, target, type, required, column_name, fallback, position)
  CROSS JOIN LATERAL (SELECT @hub@.load_direct(plan, t.target, t.type) AS direct) AS d
  WHERE t.entity = plan ->> 'entity' AND t.type <> 'attributes'
$$;

COMMENT ON FUNCTION @hub@.load_texts(jsonb, boolean) IS
  'Used by crm.load(): select list with the text (t_) and, for typed columns, the value (x_) of each target of the plan.';

-- The parsed value of one target over the columns of load_texts() (alias a),
-- NULL where there is none or where it is rubbish. Numbers are not yet checked
-- for their range: see load_value().
CREATE OR REPLACE FUNCTION @hub@.load_parsed(plan jsonb, target text, type text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  spec CONSTANT jsonb := plan -> 'targets' -> target;
  given CONSTANT text := 'a.t_' || target;
  form CONSTANT text := quote_literal(coalesce(spec ->> 'format', 'auto'));
BEGIN
  IF spec IS NULL THEN
    RETURN CASE type
      WHEN 'date' THEN 'NULL::date'
      WHEN 'timestamp' THEN 'NULL::timestamptz'
      WHEN 'boolean' THEN 'NULL::boolean'
      ELSE CASE WHEN @hub@.load_is_number(type) THEN 'NULL::numeric' ELSE 'NULL::text' END
    END;
  END IF;
  IF @hub@.load_direct(plan, target, type) IS NOT NULL AND NOT plan ? 'replay' THEN
    RETURN 'a.x_' || target;
  END IF;
  RETURN CASE
    -- Typed columns come out of quarantine in ISO form, whatever the format.
    WHEN type = 'date' AND plan ? 'replay' AND form NOT IN ('''auto''', '''YMD''') THEN
      format('coalesce(omnicrm.parse_date(%1$s, %2$s), omnicrm.parse_date(%1$s, ''YMD''))', given, form)
    WHEN type = 'timestamp' AND plan ? 'replay' AND form NOT IN ('''auto''', '''YMD''') THEN
      format('coalesce(omnicrm.parse_timestamp(%1$s, %2$s, %3$L), omnicrm.parse_timestamp(%1$s, ''YMD'', %3$L))', given, form, plan ->> 'zone')
    WHEN type = 'date' THEN format('omnicrm.parse_date(%s, %s)', given, form)
    WHEN type = 'timestamp' THEN format('omnicrm.parse_timestamp(%s, %s, %L)', given, form, plan ->> 'zone')
    WHEN type = 'boolean' THEN format('omnicrm.parse_boolean(%s)', given)
    WHEN type = 'currency' THEN format('upper(%s)', given)
    WHEN type LIKE 'choice %' THEN format('lower(%s)', given)
    WHEN @hub@.load_is_number(type) THEN
      format(CASE WHEN @hub@.load_direct(plan, target, type) IS NULL THEN 'omnicrm.parse_number(%s, %L)'
                  ELSE 'coalesce(a.x_%3$s, omnicrm.parse_number(%1$s, %2$L))' END, given, coalesce(spec ->> 'decimal', '.'), target)
    ELSE given
  END;
END
$$;

COMMENT ON FUNCTION @hub@.load_parsed(jsonb, text, text) IS
  'Used by crm.load(): SQL expression for the parsed value of one target over load_texts() (alias a), NULL where it is rubbish.';

CREATE OR REPLACE FUNCTION @hub@.load_is_number(type text)
RETURNS boolean
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT type IN ('money', 'quantity', 'days', 'emotion', 'rating')
$$;

COMMENT ON FUNCTION @hub@.load_is_number(text) IS 'Used by crm.load(): true for types of load_target() that hold numbers.';

-- The value as it goes into the table, over the parsed values (alias p); NULL
-- where it does not fit.
CREATE OR REPLACE FUNCTION @hub@.load_value(target text, type text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN type = 'money' THEN format('CASE WHEN p.v_%1$s BETWEEN -1e15 AND 1e15 THEN p.v_%1$s::numeric(18, 2) END', target)
    WHEN type = 'quantity' THEN format('CASE WHEN p.v_%1$s BETWEEN -1e14 AND 1e14 THEN p.v_%1$s::numeric(18, 3) END', target)
    WHEN type = 'days' THEN format('CASE WHEN p.v_%1$s BETWEEN 0 AND 36500 AND p.v_%1$s = trunc(p.v_%1$s) THEN p.v_%1$s::integer END', target)
    WHEN type = 'emotion' THEN format('CASE WHEN p.v_%1$s IN (-2, -1, 0, 1, 2) THEN p.v_%1$s::smallint END', target)
    WHEN type = 'rating' THEN format('CASE WHEN p.v_%1$s IN (1, 2, 3, 4, 5) THEN p.v_%1$s::smallint END', target)
    WHEN type = 'currency' THEN format('CASE WHEN p.v_%1$s ~ ''^[A-Z]{3}$'' THEN p.v_%1$s END', target)
    WHEN type LIKE 'choice %' THEN
      format('CASE WHEN p.v_%1$s = ANY (%2$L) THEN p.v_%1$s END', target, (string_to_array(type, ' '))[2:])
    ELSE 'p.v_' || target
  END
$$;

COMMENT ON FUNCTION @hub@.load_value(text, text) IS
  'Used by crm.load(): SQL expression for the value of one target as it goes into its table, over load_parsed() (alias p), NULL where it does not fit.';
