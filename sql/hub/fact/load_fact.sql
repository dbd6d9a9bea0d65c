-- Loading facts: orders, lines, payments, touches, leads, cases, consent, and
-- relations, which are facts of two customers. The stage holds parsed values, the record or order that each row refers to, and
-- the first rule that it broke.

-- Joins from a row (alias b) to what it refers to, one for each source whose
-- keys its customer or order column may hold. Lateral, so that each looks up an
-- index, row by row: the sizes are unknown when the load is planned, and a wrong
-- guess could make a join of millions by millions.
CREATE OR REPLACE FUNCTION @hub@.fact_joins(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(
    format('LEFT JOIN LATERAL (SELECT x.%5$I%6$s FROM @hub@.%3$I AS x WHERE x.source_id = %2$s AND x.%4$I = b.t_%7$s OFFSET ''0'') AS %8$s%1$s ON true',
           s.position, s.id::integer, r.table_name, r.key_column, r.id_column, CASE r.target WHEN 'order' THEN ', x.ordered_at' END, r.target,
           r.alias), E'\n' ORDER BY r.target, s.position)
  FROM (VALUES ('customer', 'source_record', 'source_key', 'record_id', 'c'),
               (@hub@.other_target(plan ->> 'entity'), 'source_record', 'source_key', 'record_id', 'k'),
               ('order', 'sales_order', 'order_key', 'order_id', 'o')) AS r(target, table_name, key_column, id_column, alias)
  CROSS JOIN LATERAL jsonb_array_elements_text(plan -> (r.target || '_sources')) WITH ORDINALITY AS s(id, position)
  WHERE plan -> 'targets' ? r.target
$$;

COMMENT ON FUNCTION @hub@.fact_joins(jsonb) IS
  'Used by crm.load(): joins from a fact row to the source records and orders that it may refer to.';

-- The first of the joined columns that is there: c1.record_id before c2.record_id.
CREATE OR REPLACE FUNCTION @hub@.fact_reference(plan jsonb, target text, alias text, column_name text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN plan -> 'targets' -> target IS NULL THEN 'NULL' ELSE
    format('coalesce(%s)', (SELECT string_agg(format('%s%s.%I', alias, s.position, column_name), ', ' ORDER BY s.position)
                            FROM generate_series(1, jsonb_array_length(plan -> (target || '_sources'))) AS s(position))) END
$$;

COMMENT ON FUNCTION @hub@.fact_reference(jsonb, text, text, text) IS
  'Used by crm.load(): SQL expression for the record or order that a fact row refers to: the first source that knows the key wins.';

-- Rules between the values of one row (alias d): rule, condition, detail.
CREATE OR REPLACE FUNCTION @hub@.fact_check(entity text)
RETURNS TABLE (rule text, condition text, detail text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c.rule, c.condition, c.detail
  FROM (VALUES
    ('order', 'return_not_negative', 'd.v_kind = ''return'' AND d.v_revenue > 0', '''revenue: '' || d.v_revenue'),
    ('order', 'negative_sale', 'd.v_kind = ''sale'' AND d.v_revenue < 0', '''revenue: '' || d.v_revenue'),
    ('lead', 'won_before_created', 'd.v_won_at < d.v_created_at', '''created '' || d.v_created_at || '', won '' || d.v_won_at'),
    ('lead', 'lost_before_created', 'd.v_lost_at < d.v_created_at', '''created '' || d.v_created_at || '', lost '' || d.v_lost_at'),
    ('lead', 'won_and_lost', 'd.v_won_at IS NOT NULL AND d.v_lost_at IS NOT NULL', '''won '' || d.v_won_at || '', lost '' || d.v_lost_at'),
    ('case', 'closed_before_opened', 'd.v_closed_at < d.v_opened_at', '''opened '' || d.v_opened_at || '', closed '' || d.v_closed_at'),
    ('campaign', 'ends_before_starts', 'd.v_ends_on < d.v_starts_on', '''starts '' || d.v_starts_on || '', ends '' || d.v_ends_on'),
    ('company_contact', 'until_before_since', 'd.v_until < d.v_since', '''since '' || d.v_since || '', until '' || d.v_until'),
    ('company_contact', 'related_to_itself', 'd.record_id = d.other_record_id', '''company: '' || left(d.t_company, 100)'),
    ('company_contact', 'not_a_company',
     'EXISTS (SELECT FROM @hub@.source_record AS x WHERE x.record_id = d.other_record_id AND x.kind <> ''organisation'')',
     '''company: '' || left(d.t_company, 100)'),
    ('referral', 'related_to_itself', 'd.record_id = d.other_record_id', '''referrer: '' || left(d.t_referrer, 100)')
  ) AS c(entity, rule, condition, detail)
  WHERE c.entity = fact_check.entity
$$;

COMMENT ON FUNCTION @hub@.fact_check(text) IS
  'Used by crm.load(): rules between the values of one row of an entity, as SQL over the stage (alias d).';

-- The first rule that a row (alias d) breaks, as ARRAY[rule, detail].
CREATE OR REPLACE FUNCTION @hub@.fact_problem(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH mapped AS (
    SELECT t.*
    FROM @hub@.load_target() WITH ORDINALITY AS t(entity, target, type, required, column_name, fallback, position)
    WHERE t.entity = plan ->> 'entity' AND plan -> 'targets' -> t.target IS NOT NULL
  ), problem AS (
    SELECT 1 AS step, m.position, format('d.t_%s IS NULL', m.target) AS condition,
           format('ARRAY[%L, %L]', CASE m.type WHEN 'key' THEN 'missing_key' ELSE 'missing_value' END,
                  CASE m.type WHEN 'key' THEN NULL ELSE m.target END) AS result
    FROM mapped AS m
    WHERE m.required
    UNION ALL
    SELECT 2, m.position, format('octet_length(d.t_%s) > 1000', m.target),
           format('ARRAY[''value_too_long'', %L || left(d.t_%s, 100) || ''...'']', m.target || ': ', m.target)
    FROM mapped AS m
    WHERE m.type IN ('key', 'name', 'channel', 'employee', 'campaign', 'product')
    UNION ALL
    SELECT 3, m.position, format('d.t_%1$s IS NOT NULL AND d.v_%1$s IS NULL', m.target),
           format('ARRAY[%L, %L || left(d.t_%s, 100)]',
                  CASE WHEN m.type IN ('date', 'timestamp') THEN 'invalid_date'
                       WHEN m.type IN ('money', 'quantity', 'days') THEN 'invalid_number'
                       ELSE 'invalid_value' END, m.target || ': ', m.target)
    FROM mapped AS m
    WHERE m.type IN ('date', 'timestamp', 'money', 'quantity', 'days', 'emotion', 'rating', 'boolean', 'currency') OR m.type LIKE 'choice %'
    UNION ALL
    SELECT 4, 0, format('d.v_currency <> %L', plan ->> 'currency'), 'ARRAY[''foreign_currency'', ''currency: '' || d.v_currency]'
    FROM mapped AS m
    WHERE m.type = 'currency'
    UNION ALL
    SELECT 5, c.position, c.condition, format('ARRAY[%L, %s]', c.rule, c.detail)
    FROM @hub@.fact_check(plan ->> 'entity') WITH ORDINALITY AS c(rule, condition, detail, position)
    UNION ALL
    SELECT 6, m.position,
           format('d.t_%s IS NOT NULL AND d.%s IS NULL', m.target, CASE m.type WHEN 'other customer' THEN 'other_record_id' ELSE m.column_name END),
           format('ARRAY[%L, %L || left(d.t_%s, 100)]', CASE m.type WHEN 'order' THEN 'unknown_order' ELSE 'unknown_customer' END, m.target || ': ',
                  m.target)
    FROM mapped AS m
    WHERE m.type IN ('customer', 'other customer', 'order')
  )
  SELECT format('CASE %s END', string_agg(format('WHEN %s THEN %s', p.condition, p.result), E'\n' ORDER BY p.step, p.position))
  FROM problem AS p
$$;

COMMENT ON FUNCTION @hub@.fact_problem(jsonb) IS
  'Used by crm.load(): SQL expression for the first rule that a row breaks, as an array of rule and detail, NULL when it breaks none.';

-- The value of one target with its fallback, over the checked values (alias b).
CREATE OR REPLACE FUNCTION @hub@.fact_fallback(plan jsonb, target text, fallback text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN plan ->> 'entity' = 'order' AND target = 'currency' THEN format('CASE WHEN b.t_currency IS NULL THEN %L ELSE b.v_currency END', plan ->> 'currency')
    WHEN plan ->> 'entity' = 'payment' AND target = 'due_on' AND plan #> '{targets,terms_days}' IS NOT NULL THEN
      format('coalesce(b.v_due_on, (%s AT TIME ZONE %L)::date + b.v_terms_days)', @hub@.fact_reference(plan, 'order', 'o', 'ordered_at'),
             plan ->> 'zone')
    WHEN fallback IS NULL THEN 'b.v_' || target
    -- A value that is there and rubbish stays NULL, so that it is noticed.
    ELSE format('CASE WHEN b.t_%1$s IS NULL THEN %2$s ELSE b.v_%1$s END', target, fallback)
  END
$$;

COMMENT ON FUNCTION @hub@.fact_fallback(jsonb, text, text) IS
  'Used by crm.load(): SQL expression for the value of one target, or for what stands for a missing one.';

-- What goes into the table in place of a checked value (alias d).
CREATE OR REPLACE FUNCTION @hub@.fact_final(plan jsonb, target text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  -- A return is told apart from the sale whose key it may carry.
  SELECT CASE WHEN plan ->> 'entity' = 'order' AND target = 'sale_key' THEN
    format('CASE WHEN d.v_sale_key IS NULL THEN %L || d.key WHEN d.v_kind = ''return'' THEN ''return:'' || d.v_sale_key ELSE d.v_sale_key END',
           (plan ->> 'source') || ':')
  ELSE 'd.v_' || target END
$$;

COMMENT ON FUNCTION @hub@.fact_final(jsonb, text) IS
  'Used by crm.load(): SQL expression for the value of one target as it is stored.';

-- The query that reads and checks fact and dimension rows.
CREATE OR REPLACE FUNCTION @hub@.fact_stage(plan jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  given text;
  parsed text;
  checked text;
  filled text;
  final text;
  hashed text;
  target record;
  other CONSTANT text := @hub@.other_target(plan ->> 'entity');
BEGIN
  SELECT t.* INTO STRICT target FROM @hub@.load_table() AS t WHERE t.entity = plan ->> 'entity';
  SELECT string_agg('p.t_' || t.target, ', ' ORDER BY t.position),
         string_agg(format('%s AS v_%s', @hub@.load_parsed(plan, t.target, t.type), t.target), E',\n  ' ORDER BY t.position),
         string_agg(format('%s AS v_%s', @hub@.load_value(t.target, t.type), t.target), E',\n  ' ORDER BY t.position),
         string_agg(format('%s AS v_%s', @hub@.fact_fallback(plan, t.target, t.fallback), t.target), E',\n  ' ORDER BY t.position),
         string_agg(format('%s AS v_%s', @hub@.fact_final(plan, t.target), t.target), E',\n  ' ORDER BY t.position)
           FILTER (WHERE t.type NOT IN ('key', 'customer', 'other customer', 'order')),
         coalesce(min(', e.other_record_id') FILTER (WHERE t.type = 'other customer'), '')
           || string_agg(', e.v_' || t.target, '' ORDER BY t.position) FILTER (WHERE t.type NOT IN ('key', 'customer', 'other customer', 'order'))
    INTO given, parsed, checked, filled, final, hashed
  FROM @hub@.load_target() WITH ORDINALITY AS t(entity, target, type, required, column_name, fallback, position)
  WHERE t.entity = plan ->> 'entity';
  RETURN format($sql$
SELECT e.*, omnicrm.content_hash(ROW(e.record_id, e.order_id%1$s)::text) AS content_hash%17$s
FROM (
  SELECT d.raw, d.quarantine_id, d.key, %2$s AS at, d.record_id, d.order_id,%20$s d.problem[1] AS rule, d.problem[2] AS detail,%19$s
  %3$s
  FROM (
    SELECT d.*, %4$s AS problem
    FROM (
      SELECT b.raw, b.quarantine_id, b.t_key AS key, %5$s,
             %6$s::bigint AS record_id, %7$s::bigint AS order_id,%21$s
  %8$s
      FROM (
        SELECT p.raw, p.quarantine_id, %9$s,
  %10$s
        FROM (
          SELECT a.raw, a.quarantine_id, %11$s,
  %12$s
          FROM (
            SELECT r AS raw, %13$s AS quarantine_id,
  %14$s
            FROM %15$s
            OFFSET '0'
          ) AS a
          OFFSET '0'
        ) AS p
        OFFSET '0'
      ) AS b
      %16$s
      OFFSET '0'
    ) AS d
    OFFSET '0'
  ) AS d
  OFFSET '0'
) AS e
%18$s$sql$,
    hashed, coalesce('d.v_' || target.time_target, 'NULL::timestamptz'), final, @hub@.fact_problem(plan),
    replace(given, 'p.t_', 'b.t_'), @hub@.fact_reference(plan, 'customer', 'c', 'record_id'),
    @hub@.fact_reference(plan, 'order', 'o', 'order_id'), filled, given, checked, replace(given, 'p.t_', 'a.t_'), parsed,
    CASE WHEN plan ? 'replay' THEN 'q.quarantine_id' ELSE 'NULL::bigint' END, @hub@.load_texts(plan, true), @hub@.load_from(plan),
    @hub@.fact_joins(plan),
    CASE WHEN NOT target.is_dimension THEN format(', o.%I AS old_id, o.content_hash AS old_hash', target.id_column) END,
    CASE WHEN NOT target.is_dimension THEN
      format('LEFT JOIN LATERAL (SELECT x.%I, x.content_hash FROM @hub@.%I AS x WHERE %s AND x.%I = e.key OFFSET ''0'') AS o ON true',
             target.id_column, target.table_name,
             CASE WHEN target.own_keys THEN format('x.source_id = %s', (plan ->> 'source_id')::integer) ELSE 'x.order_id = e.order_id' END,
             target.key_column) END,
    -- Whom an erased customer's facts name is asked only where somebody was erased.
    CASE WHEN plan ? 'erased' THEN
      format(' %s AS customer_key, %s AS order_key,', CASE WHEN plan #> '{targets,customer}' IS NULL THEN 'NULL::text' ELSE 'd.t_customer' END,
             CASE WHEN plan #> '{targets,order}' IS NULL THEN 'NULL::text' ELSE 'd.t_order' END) END
      || CASE WHEN plan ? 'erased' AND other IS NOT NULL THEN format(' d.t_%s AS other_key,', other) ELSE '' END,
    CASE WHEN other IS NOT NULL THEN ' d.other_record_id,' END,
    CASE WHEN other IS NOT NULL THEN format(' %s::bigint AS other_record_id,', @hub@.fact_reference(plan, other, 'k', 'record_id')) END);
END
$$;

COMMENT ON FUNCTION @hub@.fact_stage(jsonb) IS
  'Used by crm.load(): the query that reads the rows of a plan, parses and checks them and finds what they refer to.';
