-- The right of access: everything the hub holds of one person.

-- What numbers in a row stand for: SQL expression over a row (alias t) of a
-- table, with a name for each number that has one.
CREATE OR REPLACE FUNCTION @hub@.subject_labels(relation regclass)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('jsonb_strip_nulls(jsonb_build_object(%s))', string_agg(format('%L, (%s)', l.label, l.expression), ', ' ORDER BY l.position))
  FROM (VALUES
    (1, 'source_id', 'source', 'SELECT x.name FROM @hub@.source AS x WHERE x.source_id = t.source_id'),
    (2, 'load_id', 'loaded_from', 'SELECT x.name FROM @hub@.load_batch AS b JOIN @hub@.source AS x ON x.source_id = b.source_id WHERE b.load_id = t.load_id'),
    (3, 'load_id', 'loaded_at', 'SELECT b.started_at FROM @hub@.load_batch AS b WHERE b.load_id = t.load_id'),
    (4, 'channel_id', 'channel', 'SELECT x.name FROM @hub@.channel AS x WHERE x.channel_id = t.channel_id'),
    (5, 'employee_id', 'employee', 'SELECT x.name FROM @hub@.employee AS x WHERE x.employee_id = t.employee_id'),
    (6, 'campaign_id', 'campaign', 'SELECT x.name FROM @hub@.campaign AS x WHERE x.campaign_id = t.campaign_id'),
    (7, 'product_id', 'product', 'SELECT x.name FROM @hub@.product AS x WHERE x.product_id = t.product_id'),
    (8, 'rule', 'rule_says', 'SELECT x.description FROM @hub@.contract_rule AS x WHERE x.rule = t.rule')
  ) AS l(position, column_name, label, expression)
  JOIN pg_attribute AS a ON a.attrelid = relation AND a.attname = l.column_name AND a.attnum > 0 AND NOT a.attisdropped
$$;

COMMENT ON FUNCTION @hub@.subject_labels(regclass) IS
  'Used by crm.subject_export(): SQL expression over a row of a table (alias t) that names what its numbers stand for: source, loaded_at, channel, employee, campaign, product; NULL when there are none.';

-- Tables that omnicrm did not make and that point to a person's rows by a foreign
-- key: they are exported too, and an erasure names them.
CREATE OR REPLACE FUNCTION @hub@.subject_own_tables()
RETURNS TABLE (relation regclass, reach text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT k.conrelid::regclass,
         string_agg(format('(%s) IN (SELECT %s FROM @hub@.%I AS t WHERE %s)', c.pointing, c.pointed, s.table_name, s.reach), ' OR '
                    ORDER BY s.table_name, c.pointing)
  FROM @hub@.subject_table() AS s
  JOIN pg_constraint AS k ON k.contype = 'f' AND k.confrelid = format('@hub@.%I', s.table_name)::regclass
  JOIN pg_class AS o ON o.oid = k.conrelid
  CROSS JOIN LATERAL (
    SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY n.position) AS pointing,
           string_agg(format('t.%I', f.attname), ', ' ORDER BY n.position) AS pointed
    FROM unnest(k.conkey, k.confkey) WITH ORDINALITY AS n(attnum, foreign_attnum, position)
    JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum = n.attnum
    JOIN pg_attribute AS f ON f.attrelid = k.confrelid AND f.attnum = n.foreign_attnum) AS c
  WHERE s.reach IS NOT NULL AND o.relkind IN ('r', 'p') AND NOT o.relispartition
    AND NOT (o.relnamespace = '@hub@'::regnamespace AND EXISTS (SELECT FROM @hub@.subject_table() AS x WHERE x.table_name = o.relname))
  GROUP BY k.conrelid
  ORDER BY k.conrelid::regclass::text
$$;

COMMENT ON FUNCTION @hub@.subject_own_tables() IS
  'Tables that are not omnicrm''s and have a foreign key to a table that holds rows of a person, with the condition for that person''s rows, as in subject_table().';

-- Rows in the order of their primary key.
CREATE OR REPLACE FUNCTION @hub@.subject_rows(relation regclass, reach text, record_ids bigint[], customer_ids bigint[])
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ordering text;
  found jsonb;
BEGIN
  SELECT string_agg(format('t.%I', a.attname), ', ' ORDER BY k.position) INTO ordering
  FROM pg_index AS i
  CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, position)
  JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE i.indrelid = relation AND i.indisprimary;
  EXECUTE format('SELECT jsonb_agg(to_jsonb(t)%s ORDER BY %s) FROM %s AS t WHERE %s',
                 coalesce(' || ' || @hub@.subject_labels(relation), ''), coalesce(ordering, 't::text'), relation, reach)
  INTO found USING record_ids, customer_ids;
  RETURN found;
END
$$;

COMMENT ON FUNCTION @hub@.subject_rows(regclass, text, bigint[], bigint[]) IS
  'Used by crm.subject_export(): the rows of a table that a condition of subject_table() reaches, as a jsonb array in the order of the primary key; NULL when there are none.';

CREATE OR REPLACE FUNCTION @hub@.subject_export(customer_id bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
  living bigint;
  keys record;
  held jsonb := '{}';
  part record;
  rows_found jsonb;
BEGIN
  PERFORM @hub@.require_current();
  living := @hub@.require_customer(subject_export.customer_id);
  PERFORM @hub@.require_whole_tables();
  SELECT k.record_ids, k.customer_ids INTO keys FROM @hub@.subject_keys(living) AS k;
  FOR part IN
    SELECT t.table_name AS name, format('@hub@.%I', t.table_name)::regclass AS relation,
           CASE WHEN t.table_name = 'quarantine' THEN 't.quarantine_id IN (SELECT q.id FROM @hub@.subject_quarantine($1) AS q(id))'
                ELSE t.reach END AS reach
    FROM @hub@.subject_table() AS t
    WHERE t.reach IS NOT NULL OR t.table_name = 'quarantine'
    UNION ALL
    SELECT format('%s.%s', n.nspname, c.relname), o.relation, o.reach
    FROM @hub@.subject_own_tables() AS o
    JOIN pg_class AS c ON c.oid = o.relation
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LOOP
    rows_found := @hub@.subject_rows(part.relation, part.reach, keys.record_ids, keys.customer_ids);
    IF rows_found IS NOT NULL THEN
      held := held || jsonb_build_object(part.name, rows_found);
    END IF;
  END LOOP;
  RETURN jsonb_build_object(
    'customer_id', living,
    'asked_for', subject_export.customer_id,
    'all_ids', to_jsonb(keys.customer_ids),
    'made_at', now(),
    'golden', (SELECT coalesce(jsonb_agg(to_jsonb(l)), '[]') FROM @hub@.lineage(living) AS l),
    'tables', held,
    'meaning', (SELECT jsonb_object_agg(t.table_name, t.why) FROM @hub@.subject_table() AS t WHERE held ? t.table_name));
END
$$;

COMMENT ON FUNCTION @hub@.subject_export(bigint) IS
  'Everything the hub holds of one person, with where it comes from: customer_id, asked_for, all_ids, made_at; golden (each surviving value with source, key, rule and what competed); tables: for each table the rows, complete, with the names of source, load, channel, employee, campaign and product: records as delivered and as normalised, earlier versions, identifiers, links, quarantined rows, orders with lines and payments, touches, leads, cases, consent, credits, commissions, scores, decisions, and tables of your own that point there by a foreign key; meaning: what each table holds. Any id ever given will do; of a merged customer it is all of the person. Errors: no_data_found for an unknown customer, null_value_not_allowed, insufficient_privilege when a row-level policy hides rows from the caller.';
