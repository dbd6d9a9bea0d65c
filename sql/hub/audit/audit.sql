-- crm.audit_sources(): one pass over all that the hub holds, kept with its date.

-- Golden values by the source that they come from, slice by slice.
CREATE OR REPLACE FUNCTION @hub@.surviving_counts()
RETURNS TABLE (source_id integer, attribute text, surviving_values bigint)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  slice_size CONSTANT integer := 100000;
  names CONSTANT text[] := @hub@.survivorship_columns();
  slice bigint[];
  records bigint[];
  customers bigint[];
  last_id bigint := -1;
BEGIN
  LOOP
    slice := ARRAY(SELECT c.customer_id
                   FROM @hub@.customer AS c
                   WHERE c.customer_id > last_id AND c.state = 'active'
                   ORDER BY c.customer_id
                   LIMIT slice_size);
    EXIT WHEN cardinality(slice) = 0;
    last_id := slice[cardinality(slice)];
    SELECT array_agg(m.record_id ORDER BY m.customer_id, m.record_id),
           array_agg(m.customer_id ORDER BY m.customer_id, m.record_id) INTO records, customers
    FROM @hub@.customer_member AS m
    WHERE m.customer_id = ANY (slice);
    RETURN QUERY
    WITH won AS MATERIALIZED (
      SELECT g.from_records, g.attribute_provenance FROM @hub@.golden_rows(records, customers) AS g
    )
    SELECT r.source_id, w.attribute, count(*)
    FROM (SELECT names[f.position] AS attribute, f.record_id, f.position
          FROM won AS g
          CROSS JOIN LATERAL unnest(g.from_records) WITH ORDINALITY AS f(record_id, position)
          WHERE f.record_id IS NOT NULL
          UNION ALL
          SELECT e.key, (e.value ->> 'record')::bigint, NULL
          FROM won AS g
          CROSS JOIN LATERAL jsonb_each(g.attribute_provenance) AS e(key, value)
          WHERE e.value ->> 'record' IS NOT NULL) AS w
    JOIN @hub@.source_record AS r ON r.record_id = w.record_id
    WHERE w.position IS NULL OR substr(r.quality, w.position::integer, 1) <> '0'
    GROUP BY r.source_id, w.attribute;
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.surviving_counts() IS
  'Used by crm.audit_sources(): how many golden values of each attribute come from each source, in one row or several of each (sum them up). What a steward decided, and sums and unions of several records, come from none.';

-- The columns that a mapping of customers names, with the targets.
CREATE OR REPLACE FUNCTION @hub@.mapping_columns(mapping jsonb)
RETURNS TABLE (column_name text, target text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT DISTINCT c.name #>> '{}', e.key
  FROM jsonb_each(mapping) AS e(key, value)
  JOIN @hub@.load_target() AS t ON t.entity = coalesce(mapping ->> 'entity', 'customer') AND t.target = e.key
  CROSS JOIN LATERAL (
    SELECT jsonb_path_query(e.value, 'lax $[*] ? (@.type() == "string")')
    UNION ALL
    SELECT jsonb_path_query(e.value, 'lax $.column[*]')
    UNION ALL
    SELECT jsonb_path_query(e.value, 'lax $.columns[*]')) AS c(name)
$$;

COMMENT ON FUNCTION @hub@.mapping_columns(jsonb) IS
  'Used by crm.audit_sources(): the columns that a mapping names, each with the targets that it fills.';

-- Columns of the customer rows as they came, and which mapping of the loads that
-- brought them names them.
CREATE OR REPLACE FUNCTION @hub@.audit_delivered()
RETURNS TABLE (source_id integer, name text, records bigint, filled bigint, used_in text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH present AS MATERIALIZED (
    SELECT r.source_id, r.load_id, count(*) AS records
    FROM @hub@.source_record AS r
    WHERE r.erased_at IS NULL
    GROUP BY r.source_id, r.load_id
  ), delivered AS (
    SELECT r.source_id, k.key AS name, count(*) FILTER (WHERE btrim(k.value) <> '') AS filled
    FROM @hub@.source_record AS r
    CROSS JOIN LATERAL jsonb_each_text(r.payload) AS k(key, value)
    WHERE r.erased_at IS NULL
    GROUP BY r.source_id, k.key
  ), mapped AS (
    SELECT m.source_id, c.column_name, string_agg(DISTINCT c.target, ', ' ORDER BY c.target) AS targets
    FROM (SELECT DISTINCT p.source_id, b.mapping FROM present AS p JOIN @hub@.load_batch AS b ON b.load_id = p.load_id) AS m
    CROSS JOIN LATERAL @hub@.mapping_columns(m.mapping) AS c
    GROUP BY m.source_id, c.column_name
  )
  SELECT d.source_id, d.name, p.records, d.filled, m.targets
  FROM delivered AS d
  JOIN (SELECT x.source_id, sum(x.records)::bigint AS records FROM present AS x GROUP BY x.source_id) AS p ON p.source_id = d.source_id
  LEFT JOIN mapped AS m ON m.source_id = d.source_id AND m.column_name = d.name
$$;

COMMENT ON FUNCTION @hub@.audit_delivered() IS
  'Used by crm.audit_sources(): each column of the customer rows of each source, how often it is filled, and the targets that it is mapped to.';

-- Further attributes, and what names them: rules, decisions of stewards, and views
-- of yours that read customers or records.
CREATE OR REPLACE FUNCTION @hub@.audit_further()
RETURNS TABLE (source_id integer, name text, records bigint, filled bigint, used_in text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH held AS MATERIALIZED (
    SELECT r.source_id, k.key AS name, count(*) FILTER (WHERE btrim(k.value) <> '') AS filled
    FROM @hub@.source_record AS r
    CROSS JOIN LATERAL jsonb_each_text(CASE WHEN jsonb_typeof(r.attributes) = 'object' THEN r.attributes END) AS k(key, value)
    GROUP BY r.source_id, k.key
  ), present AS (
    SELECT r.source_id, count(*) AS records FROM @hub@.source_record AS r WHERE r.erased_at IS NULL GROUP BY r.source_id
  ), report AS MATERIALIZED (
    SELECT pg_get_viewdef(v.oid) AS definition
    FROM (SELECT DISTINCT w.ev_class AS oid
          FROM pg_depend AS d
          JOIN pg_rewrite AS w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
          WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid IN ('@hub@.customer'::regclass, '@hub@.source_record'::regclass)) AS v
    JOIN pg_class AS c ON c.oid = v.oid AND c.relkind IN ('v', 'm')
  )
  SELECT h.source_id, h.name, p.records, h.filled,
         NULLIF(concat_ws(', ',
           CASE WHEN EXISTS (SELECT FROM @hub@.survivorship_attribute AS a WHERE a.attribute = h.name)
                  OR EXISTS (SELECT FROM @hub@.survivorship_rule AS u WHERE h.name IN (u.unit, u.follows)) THEN 'rule' END,
           CASE WHEN EXISTS (SELECT FROM @hub@.customer_override AS o WHERE o.attribute = h.name AND o.withdrawn_at IS NULL) THEN 'override' END,
           CASE WHEN EXISTS (SELECT FROM report AS v WHERE strpos(v.definition, quote_literal(h.name)) > 0) THEN 'report' END), '')
  FROM held AS h
  JOIN present AS p ON p.source_id = h.source_id
$$;

COMMENT ON FUNCTION @hub@.audit_further() IS
  'Used by crm.audit_sources(): each further attribute of each source, how often it is filled, and whether a rule of survivorship, an override or a view over customer or source_record names it.';

-- Columns of facts and dimensions, one scan for each table.
CREATE OR REPLACE FUNCTION @hub@.audit_facts()
RETURNS TABLE (source_id integer, name text, records bigint, filled bigint, used_in text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  part record;
BEGIN
  FOR part IN
    SELECT t.entity, t.table_name, t.own_keys, array_agg(DISTINCT g.column_name) AS columns,
           string_agg(DISTINCT format('count(x.%I)', g.column_name), ', ' ORDER BY format('count(x.%I)', g.column_name)) AS counts
    FROM @hub@.load_table() AS t
    JOIN @hub@.load_target() AS g ON g.entity = t.entity AND g.column_name IS NOT NULL AND NOT g.required
    WHERE t.entity <> 'customer'
    GROUP BY t.entity, t.table_name, t.own_keys
    ORDER BY t.table_name
  LOOP
    RETURN QUERY EXECUTE format($sql$
      SELECT s.source_id, %1$L || '.' || u.column_name, s.records, u.filled,
             CASE WHEN EXISTS (SELECT
                               FROM @hub@.load_batch AS b
                               JOIN @hub@.load_target() AS g ON g.entity = b.entity AND g.column_name = u.column_name AND b.mapping ? g.target
                               WHERE b.entity = %2$L AND (s.source_id IS NULL OR b.source_id = s.source_id)) THEN 'mapping' END
      FROM (SELECT %3$s AS source_id, count(*) AS records, ARRAY[%4$s] AS filled FROM @hub@.%1$I AS x WHERE %6$s GROUP BY 1 HAVING count(*) > 0) AS s
      CROSS JOIN LATERAL unnest(%5$L::text[], s.filled) AS u(column_name, filled)$sql$,
      part.table_name, part.entity, CASE WHEN part.own_keys THEN 'x.source_id' ELSE 'NULL::integer' END, part.counts,
      ARRAY(SELECT c.name FROM unnest(part.columns) AS c(name) ORDER BY format('count(x.%I)', c.name)),
      -- What stewards told comes from no source.
      CASE WHEN part.own_keys THEN 'x.source_id IS NOT NULL' ELSE 'true' END);
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.audit_facts() IS
  'Used by crm.audit_sources(): each column of facts (by source) and dimensions that a mapping may fill, in how many rows it is filled, and whether a mapping ever named it. Empty tables are left out.';

CREATE OR REPLACE FUNCTION @hub@.audit_sources()
RETURNS @hub@.run_log
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET timezone = 'UTC'
AS $$
DECLARE
  run bigint;
  audit bigint;
  counts jsonb;
  moment timestamptz := clock_timestamp();
  quality_ms bigint;
BEGIN
  PERFORM @hub@.require_current();
  run := @hub@.start_run('audit_sources');
  INSERT INTO @hub@.audit_run AS a (run_id, records, customers)
  VALUES (run, 0, (SELECT count(*) FROM @hub@.customer AS c WHERE c.state = 'active'))
  RETURNING a.audit_id INTO audit;

  -- In one statement, so that loads meanwhile do not make the parts differ.
  WITH won AS MATERIALIZED (
    SELECT w.source_id, w.attribute, sum(w.surviving_values)::bigint AS surviving_values
    FROM @hub@.surviving_counts() AS w
    GROUP BY w.source_id, w.attribute
  ), quality AS MATERIALIZED (
    SELECT q.* FROM @bi@.data_quality AS q
  ), attribute AS (
    INSERT INTO @hub@.audit_attribute (audit_id, source_id, attribute, records, filled, rejected, implausible, distinct_values,
                                       compared_customers, conflicting_customers, surviving_values)
    SELECT audit, q.source_id, q.attribute, q.records, q.filled, q.rejected, q.implausible, q.distinct_values, q.compared_customers,
           q.conflicting_customers, coalesce(w.surviving_values, 0)
    FROM quality AS q
    LEFT JOIN won AS w ON w.source_id = q.source_id AND w.attribute = q.attribute
  ), entry AS (
    INSERT INTO @hub@.audit_entry (audit_id, source_id, employee_key, attribute, is_asked, records, filled, rejected, implausible)
    SELECT audit, e.source_id, e.employee_key, e.attribute, e.is_asked, e.records, e.filled, e.rejected, e.implausible
    FROM @bi@.data_quality_entry AS e
  )
  INSERT INTO @hub@.audit_source (audit_id, source_id, records, surviving_values, rows_waiting, newest_business_date, last_loaded_at, is_late)
  SELECT audit, q.source_id, max(q.records), coalesce((SELECT sum(w.surviving_values) FROM won AS w WHERE w.source_id = q.source_id), 0),
         (SELECT count(*)
          FROM @hub@.load_batch AS b
          JOIN @hub@.quarantine AS k ON k.load_id = b.load_id AND k.state = 'open'
          WHERE b.source_id = q.source_id),
         max(q.newest_business_date), max(q.last_loaded_at), bool_or(q.is_late)
  FROM quality AS q
  GROUP BY q.source_id;

  quality_ms := (extract(epoch FROM clock_timestamp() - moment) * 1000);
  moment := clock_timestamp();
  UPDATE @hub@.audit_run AS a
  SET records = (SELECT coalesce(sum(s.records), 0) FROM @hub@.audit_source AS s WHERE s.audit_id = audit)
  WHERE a.audit_id = audit;

  INSERT INTO @hub@.audit_holding (audit_id, source_id, kind, name, records, filled, used_in)
  SELECT audit, h.source_id, h.kind, h.name, h.records, h.filled, h.used_in
  FROM (SELECT 'delivered column' AS kind, d.* FROM @hub@.audit_delivered() AS d
        UNION ALL
        SELECT 'further attribute', f.* FROM @hub@.audit_further() AS f
        UNION ALL
        SELECT 'fact column', c.* FROM @hub@.audit_facts() AS c) AS h;

  SELECT jsonb_build_object('audit', audit, 'records', a.records, 'customers', a.customers,
                            'sources', (SELECT count(*) FROM @hub@.audit_source AS s WHERE s.audit_id = audit),
                            'employees', (SELECT count(DISTINCT e.employee_key) FROM @hub@.audit_entry AS e WHERE e.audit_id = audit),
                            'unused', (SELECT count(*) FROM @bi@.unused_data),
                            'ms', jsonb_build_object('quality', quality_ms, 'holding', (extract(epoch FROM clock_timestamp() - moment) * 1000)::bigint))
  INTO counts
  FROM @hub@.audit_run AS a
  WHERE a.audit_id = audit;
  RETURN @hub@.finish_run(run, counts);
END
$$;

COMMENT ON FUNCTION @hub@.audit_sources() IS
  'Audits the data of all sources and keeps the result with its date: completeness, validity, uniqueness, conflicts and freshness by source, attribute and employee, which source golden values come from, and what is held and not used. Read it in crm_bi.data_quality_trend, data_quality_source_trend, data_quality_employee_trend and unused_data, which compare with the audit before. Changes nothing else. Returns the run_log row with counts: audit, records, customers, sources, employees, unused (findings), ms (milliseconds by step). Some seconds for 150,000 records; run it after loads, for example weekly.';

-- What was kept must tie with itself.
CREATE OR REPLACE FUNCTION @hub@.check_audits()
RETURNS TABLE (invariant text, key text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'audit that does not add up', format('audit %s, source %s, %s', a.audit_id, a.source_id, a.attribute)
  FROM @hub@.audit_attribute AS a
  JOIN @hub@.audit_source AS s ON s.audit_id = a.audit_id AND s.source_id = a.source_id
  WHERE a.records <> s.records OR greatest(a.filled, a.rejected) > a.records OR a.implausible > a.filled OR a.distinct_values > a.filled
     OR a.conflicting_customers > a.compared_customers OR a.surviving_values > a.filled
  UNION ALL
  SELECT 'audit whose sources do not add up', 'audit ' || r.audit_id
  FROM @hub@.audit_run AS r
  WHERE r.records <> (SELECT coalesce(sum(s.records), 0) FROM @hub@.audit_source AS s WHERE s.audit_id = r.audit_id)
  UNION ALL
  SELECT 'audit of more entries than records', format('audit %s, source %s, %s', e.audit_id, e.source_id, e.attribute)
  FROM @hub@.audit_entry AS e
  JOIN @hub@.audit_attribute AS a ON a.audit_id = e.audit_id AND a.source_id = e.source_id AND a.attribute = e.attribute
  GROUP BY e.audit_id, e.source_id, e.attribute, a.records, a.filled, a.rejected, a.implausible
  HAVING sum(e.records) > a.records OR sum(e.filled) > a.filled OR sum(e.rejected) > a.rejected OR sum(e.implausible) > a.implausible
$$;

COMMENT ON FUNCTION @hub@.check_audits() IS
  'Used by crm.check(): stored audits whose counts do not tie, one row each.';
