-- Storing facts from the stage of a load.

-- The dimension behind a type of target: table, key and whether the key is the
-- name too.
CREATE OR REPLACE FUNCTION @hub@.fact_dimension()
RETURNS TABLE (ordinal integer, type text, table_name text, id_column text, key_column text, name_column text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  VALUES (1, 'channel', 'channel', 'channel_id', 'name', NULL),
         (2, 'employee', 'employee', 'employee_id', 'employee_key', 'name'),
         (3, 'campaign', 'campaign', 'campaign_id', 'name', NULL),
         (4, 'product', 'product', 'product_id', 'product_key', 'name')
$$;

COMMENT ON FUNCTION @hub@.fact_dimension() IS
  'Used by crm.load(): the dimensions that facts refer to, in the order in which every load adds to them, so that loads of different sources never wait for each other in a circle.';

-- Adds the channels, employees, campaigns and products that the rows name and
-- nobody declared.
CREATE OR REPLACE FUNCTION @hub@.add_undeclared(plan jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  command text;
BEGIN
  FOR command IN
    SELECT format($sql$
      INSERT INTO @hub@.%1$I (%2$I%3$s, declared)
      SELECT n.name%4$s, false
      FROM (%5$s) AS n(name)
      WHERE n.name IS NOT NULL AND NOT EXISTS (SELECT FROM @hub@.%1$I AS d WHERE d.%2$I = n.name)
      GROUP BY n.name
      ORDER BY n.name COLLATE "C"
      ON CONFLICT DO NOTHING$sql$,
      d.table_name, d.key_column, coalesce(', ' || quote_ident(d.name_column), ''), CASE WHEN d.name_column IS NOT NULL THEN ', n.name' END,
      string_agg(format('SELECT s.v_%s FROM %s AS s WHERE s.rule IS NULL', t.target, @hub@.stage_name(plan)), ' UNION ALL '
                 ORDER BY t.target))
    FROM @hub@.load_target() AS t
    JOIN @hub@.fact_dimension() AS d ON d.type = t.type
    WHERE t.entity = plan ->> 'entity' AND plan -> 'targets' -> t.target IS NOT NULL
    GROUP BY d.ordinal, d.table_name, d.key_column, d.name_column
    ORDER BY d.ordinal
  LOOP
    EXECUTE command;
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.add_undeclared(jsonb) IS
  'Used by crm.load(): adds the channels, employees, campaigns and products that rows of the stage name and nobody declared. Returns nothing.';

-- Columns of an entity's table, the expressions over the stage (alias s) that
-- fill them, and the joins that these need.
CREATE OR REPLACE FUNCTION @hub@.fact_columns(plan jsonb, OUT names text, OUT expressions text, OUT joins text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(quote_ident(t.column_name), ', ' ORDER BY t.position),
         string_agg(CASE WHEN t.type IN ('customer', 'order') THEN 's.' || t.column_name
                         WHEN t.type = 'other customer' THEN 's.other_record_id'
                         WHEN d.type IS NOT NULL AND plan -> 'targets' -> t.target IS NULL THEN 'NULL'
                         WHEN d.type IS NOT NULL THEN format('d_%s.%I', t.target, d.id_column)
                         ELSE 's.v_' || t.target END, ', ' ORDER BY t.position),
         coalesce(string_agg(format('LEFT JOIN @hub@.%1$I AS d_%2$s ON d_%2$s.%3$I = s.v_%2$s', d.table_name, t.target, d.key_column),
                             E'\n' ORDER BY t.position)
                  FILTER (WHERE d.type IS NOT NULL AND plan -> 'targets' -> t.target IS NOT NULL), '')
  FROM @hub@.load_target() WITH ORDINALITY AS t(entity, target, type, required, column_name, fallback, position)
  LEFT JOIN @hub@.fact_dimension() AS d ON d.type = t.type
  WHERE t.entity = plan ->> 'entity' AND t.column_name IS NOT NULL AND t.type <> 'key'
$$;

COMMENT ON FUNCTION @hub@.fact_columns(jsonb) IS
  'Used by crm.load(): columns of an entity''s table, the expressions over the stage that fill them, and the joins for these.';

-- Changes the facts whose content changed. moved: only orders whose sale_key
-- changed (true) or did not (false); NULL: all. An order that moves to another
-- sale points to itself until settle_sales() finds its place.
CREATE OR REPLACE FUNCTION @hub@.update_facts(plan jsonb, moved boolean DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target record;
  part record;
  changed bigint;
BEGIN
  SELECT t.* INTO STRICT target FROM @hub@.load_table() AS t WHERE t.entity = plan ->> 'entity';
  SELECT c.names, c.expressions, c.joins INTO part FROM @hub@.fact_columns(plan) AS c;
  EXECUTE format($sql$
    UPDATE @hub@.%I AS o
    SET %s (load_id, content_hash, %s) = ROW (%s, s.content_hash, %s)
    FROM %s AS s
    %s
    WHERE s.rule IS NULL AND s.old_hash <> s.content_hash AND o.%I = s.old_id AND o.content_hash <> s.content_hash%s$sql$,
    target.table_name, CASE WHEN moved THEN 'duplicate_of = o.order_id,' END, part.names, (plan ->> 'load_id')::bigint,
    part.expressions, @hub@.stage_name(plan), part.joins, target.id_column,
    CASE moved WHEN true THEN ' AND o.sale_key <> s.v_sale_key' WHEN false THEN ' AND o.sale_key = s.v_sale_key' END);
  GET DIAGNOSTICS changed = ROW_COUNT;
  RETURN changed;
END
$$;

COMMENT ON FUNCTION @hub@.update_facts(jsonb, boolean) IS
  'Used by crm.load(): updates the facts of the stage whose content changed; moved narrows orders to those whose sale_key changed (true) or not (false). Returns their number.';

-- Inserts the facts whose key is new, in the order of their keys, so that the
-- same rows in any order get the same ids.
CREATE OR REPLACE FUNCTION @hub@.insert_facts(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target record;
  part record;
  made bigint;
BEGIN
  SELECT t.* INTO STRICT target FROM @hub@.load_table() AS t WHERE t.entity = plan ->> 'entity';
  SELECT c.names, c.expressions, c.joins INTO part FROM @hub@.fact_columns(plan) AS c;
  EXECUTE format($sql$
    INSERT INTO @hub@.%I (%s%I, load_id, content_hash, %s)
    SELECT %s s.key, %s, s.content_hash, %s
    FROM %s AS s
    %s
    WHERE s.rule IS NULL AND s.old_id IS NULL
    ORDER BY s.key COLLATE "C", s.order_id$sql$,
    target.table_name, CASE WHEN target.own_keys THEN 'source_id, ' END, target.key_column, part.names,
    CASE WHEN target.own_keys THEN format('%s,', (plan ->> 'source_id')::integer) END, (plan ->> 'load_id')::bigint, part.expressions,
    @hub@.stage_name(plan), part.joins);
  GET DIAGNOSTICS made = ROW_COUNT;
  RETURN made;
END
$$;

COMMENT ON FUNCTION @hub@.insert_facts(jsonb) IS
  'Used by crm.load(): inserts the facts of the stage whose key is new. Returns their number.';

-- Inserts new orders. Of the rows that claim one sale, the one that is in the
-- hub already is the sale, else the first by time and key; the others point to
-- it. Rows go in by sale_key, so that loads of several sources that claim the
-- same sales wait for each other and never in a circle.
CREATE OR REPLACE FUNCTION @hub@.insert_orders(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  source_id CONSTANT integer := (plan ->> 'source_id')::integer;
  load_id CONSTANT bigint := (plan ->> 'load_id')::bigint;
  part record;
  wanted bigint;
  made bigint;
BEGIN
  SELECT c.names, c.expressions, c.joins INTO part FROM @hub@.fact_columns(plan) AS c;
  EXECUTE format($sql$
    INSERT INTO @hub@.sales_order (source_id, order_key, load_id, content_hash, %s)
    SELECT %s, s.key, %s, s.content_hash, %s
    FROM (SELECT s.*, row_number() OVER (PARTITION BY s.v_sale_key COLLATE "C" ORDER BY s.v_ordered_at, s.key COLLATE "C") AS place
          FROM %s AS s
          WHERE s.rule IS NULL AND s.old_id IS NULL) AS s
    %s
    WHERE s.place = 1
    ORDER BY s.v_sale_key COLLATE "C"
    ON CONFLICT (sale_key) WHERE duplicate_of IS NULL DO NOTHING$sql$,
    part.names, source_id, load_id, part.expressions, stage, part.joins);
  GET DIAGNOSTICS made = ROW_COUNT;
  EXECUTE format('SELECT count(*) FROM %s AS s WHERE s.rule IS NULL AND s.old_id IS NULL', stage) INTO wanted;
  IF made < wanted THEN
    -- What is left claims a sale that is there.
    EXECUTE format($sql$
      WITH rest AS MATERIALIZED (
        SELECT s.*, o.order_id AS made_id
        FROM %1$s AS s
        LEFT JOIN LATERAL (
          SELECT o.order_id FROM @hub@.sales_order AS o WHERE o.source_id = %2$s AND o.order_key = s.key OFFSET '0') AS o ON true
        WHERE s.rule IS NULL AND s.old_id IS NULL
      )
      INSERT INTO @hub@.sales_order (source_id, order_key, load_id, content_hash, %3$s, duplicate_of)
      SELECT %2$s, s.key, %4$s, s.content_hash, %5$s, p.order_id
      FROM rest AS s
      CROSS JOIN LATERAL (
        SELECT p.order_id FROM @hub@.sales_order AS p WHERE p.sale_key = s.v_sale_key AND p.duplicate_of IS NULL OFFSET '0') AS p
      %6$s
      WHERE s.made_id IS NULL
      ORDER BY s.v_sale_key COLLATE "C", s.v_ordered_at, s.key COLLATE "C"$sql$,
      stage, source_id, part.names, load_id, part.expressions, part.joins);
  END IF;
  RETURN wanted;
END
$$;

COMMENT ON FUNCTION @hub@.insert_orders(jsonb) IS
  'Used by crm.load(): inserts the orders of the stage whose key is new; of those that claim one sale, all but the first get duplicate_of. Returns their number.';

-- Gives each of these sales its one primary order after orders moved: the one
-- that is it, else the oldest.
CREATE OR REPLACE FUNCTION @hub@.settle_sales(sale_keys text[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  WITH first AS (
    SELECT DISTINCT ON (o.sale_key) o.sale_key, o.order_id
    FROM @hub@.sales_order AS o
    WHERE o.sale_key = ANY (sale_keys)
    ORDER BY o.sale_key, o.duplicate_of IS NOT NULL, o.order_id
  )
  UPDATE @hub@.sales_order AS o
  SET duplicate_of = f.order_id
  FROM first AS f
  WHERE o.sale_key = f.sale_key AND o.order_id <> f.order_id AND o.duplicate_of IS DISTINCT FROM f.order_id;
  -- The new primaries: nothing else points to nobody under their key by now.
  UPDATE @hub@.sales_order AS o
  SET duplicate_of = NULL
  FROM (SELECT o.sale_key, count(*) FILTER (WHERE o.duplicate_of IS NULL) AS primaries, min(o.order_id) AS order_id
        FROM @hub@.sales_order AS o
        WHERE o.sale_key = ANY (sale_keys)
        GROUP BY o.sale_key) AS f
  WHERE f.primaries = 0 AND o.order_id = f.order_id;
END
$$;

COMMENT ON FUNCTION @hub@.settle_sales(text[]) IS
  'Used by crm.load(): gives each of these sale keys its one primary order after orders moved from one sale to another. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.store_orders(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  moved_keys text[];
  loaded bigint := 0;
BEGIN
  EXECUTE format($sql$
    SELECT array_agg(DISTINCT k.sale_key)
    FROM %s AS s
    JOIN @hub@.sales_order AS o ON o.order_id = s.old_id
    CROSS JOIN LATERAL (VALUES (o.sale_key), (s.v_sale_key)) AS k(sale_key)
    WHERE s.rule IS NULL AND s.old_hash <> s.content_hash AND o.sale_key <> s.v_sale_key$sql$, @hub@.stage_name(plan)) INTO moved_keys;
  IF moved_keys IS NOT NULL THEN
    loaded := @hub@.update_facts(plan, true);
  END IF;
  loaded := loaded + @hub@.update_facts(plan, false) + @hub@.insert_orders(plan);
  IF moved_keys IS NOT NULL THEN
    PERFORM @hub@.settle_sales(moved_keys);
  END IF;
  RETURN loaded;
END
$$;

COMMENT ON FUNCTION @hub@.store_orders(jsonb) IS
  'Used by crm.load(): stores the orders of the stage. Returns the number of new and changed ones.';

CREATE OR REPLACE FUNCTION @hub@.store_facts(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.add_undeclared(plan);
  IF plan ->> 'entity' = 'order' THEN
    RETURN @hub@.store_orders(plan);
  END IF;
  RETURN @hub@.update_facts(plan) + @hub@.insert_facts(plan);
END
$$;

COMMENT ON FUNCTION @hub@.store_facts(jsonb) IS
  'Used by crm.load(): stores the checked facts of the stage. Returns the number of new and changed ones.';

-- Dimensions are shared by all sources; only the columns that the mapping names
-- change. Rows go in and are locked by key, so that two loads never wait for
-- each other in a circle.
CREATE OR REPLACE FUNCTION @hub@.store_dimension(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  target record;
  part record;
  mapped_names text;
  mapped_values text;
  old_values text;
  made bigint;
  changed bigint;
BEGIN
  PERFORM @hub@.add_undeclared(plan);
  SELECT t.* INTO STRICT target FROM @hub@.load_table() AS t WHERE t.entity = plan ->> 'entity';
  SELECT c.names, c.expressions, c.joins INTO part FROM @hub@.fact_columns(plan) AS c;
  EXECUTE format($sql$
    INSERT INTO @hub@.%1$I (%2$I, %3$s, declared)
    SELECT s.key, %4$s, true
    FROM %5$s AS s
    %6$s
    WHERE s.rule IS NULL AND NOT EXISTS (SELECT FROM @hub@.%1$I AS o WHERE o.%2$I = s.key)
    ORDER BY s.key COLLATE "C"
    ON CONFLICT DO NOTHING$sql$,
    target.table_name, target.key_column, part.names, part.expressions, stage, part.joins);
  GET DIAGNOSTICS made = ROW_COUNT;

  SELECT coalesce(string_agg(format(', %I', t.column_name), '' ORDER BY t.position), ''),
         coalesce(string_agg(', ' || CASE WHEN d.type IS NULL THEN 's.v_' || t.target ELSE format('d_%s.%I', t.target, d.id_column) END,
                             '' ORDER BY t.position), ''),
         coalesce(string_agg(format(', o.%I', t.column_name), '' ORDER BY t.position), '')
    INTO mapped_names, mapped_values, old_values
  FROM @hub@.load_target() WITH ORDINALITY AS t(entity, target, type, required, column_name, fallback, position)
  LEFT JOIN @hub@.fact_dimension() AS d ON d.type = t.type
  WHERE t.entity = plan ->> 'entity' AND t.type <> 'key' AND plan -> 'targets' -> t.target IS NOT NULL;
  EXECUTE format('SELECT FROM @hub@.%I AS o JOIN %s AS s ON o.%I = s.key WHERE s.rule IS NULL ORDER BY s.key COLLATE "C" FOR NO KEY UPDATE OF o',
                 target.table_name, stage, target.key_column);
  EXECUTE format($sql$
    UPDATE @hub@.%1$I AS o
    SET (declared%2$s) = ROW (true%3$s)
    FROM %4$s AS s
    %5$s
    WHERE s.rule IS NULL AND o.%6$I = s.key AND ROW (o.declared%7$s) IS DISTINCT FROM ROW (true%3$s)$sql$,
    target.table_name, mapped_names, mapped_values, stage, part.joins, target.key_column, old_values);
  GET DIAGNOSTICS changed = ROW_COUNT;
  RETURN made + changed;
END
$$;

COMMENT ON FUNCTION @hub@.store_dimension(jsonb) IS
  'Used by crm.load(): stores the channels, employees, campaigns or products of the stage; columns that the mapping does not name stay. Returns the number of new and changed ones.';
