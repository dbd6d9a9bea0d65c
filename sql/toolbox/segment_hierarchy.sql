-- Segmentation in the order that management names: columns first (geography,
-- channel), then measures (sales, profitability), which are classed inside each cell.

-- The text of a query that gives each row of source its cell: columns level_1,
-- level_2, ... (text), value, and key when one is named. A class is that of the smallest cell above it
-- with enough rows, so that a small cell is classed by the limits of its parent.
CREATE FUNCTION omnicrm.segment_hierarchy_query(source regclass, levels name[], measures name[], minimum bigint,
                                                limits double precision[], key name)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  depth integer := coalesce(cardinality(levels), 0);
  missing text;
  list text := '';
  told text;
  columns text;
  class text;
BEGIN
  IF source IS NULL OR coalesce(cardinality(measures), 0) = 0 OR depth + cardinality(measures) > 12
     OR array_position(levels, NULL) IS NOT NULL OR array_position(measures, NULL) IS NOT NULL THEN
    RAISE EXCEPTION 'a hierarchy needs a table and 1 to 12 levels, of which the last is a measure'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example segment_hierarchy(''customers'', ''{region,channel}'', ''{revenue,margin}'').';
  END IF;
  IF minimum IS NULL OR minimum < 1 THEN
    RAISE EXCEPTION 'minimum must be a number of customers above zero, not %', coalesce(minimum::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT string_agg(c.name::text, ', ') INTO missing
  FROM unnest(coalesce(levels, '{}') || measures || key) AS c(name)
  WHERE c.name IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped);
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'no such column in %: %', source, missing
      USING ERRCODE = 'undefined_column';
  END IF;
  FOR i IN 1 .. depth LOOP
    list := list || format(', t.%I::text AS level_%s', levels[i], i);
  END LOOP;
  FOR i IN 1 .. cardinality(measures) LOOP
    list := list || format(', t.%I::numeric AS measure_%s', measures[i], i);
  END LOOP;
  IF key IS NOT NULL THEN
    list := list || format(', t.%I::text AS key', key);
  END IF;
  told := format('SELECT t.%I::numeric AS value%s FROM %s AS t', measures[1], list, source);
  FOR i IN 1 .. cardinality(measures) LOOP
    columns := '';
    class := format('omnicrm.abc_class(q.measure_%s, %L) OVER ()', i, limits);
    FOR k IN 1 .. depth LOOP
      columns := columns || CASE WHEN k > 1 THEN ', ' ELSE '' END || format('q.level_%s', k);
      class := format('CASE WHEN count(*) OVER (PARTITION BY %1$s) >= %2$s THEN omnicrm.abc_class(q.measure_%3$s, %4$L) OVER (PARTITION BY %1$s) ELSE %5$s END',
                      columns, minimum, i, limits, class);
    END LOOP;
    depth := depth + 1;
    told := format('SELECT q.*, %s AS level_%s FROM (%s) AS q', class, depth, told);
  END LOOP;
  RETURN told;
END
$$;
COMMENT ON FUNCTION omnicrm.segment_hierarchy_query(regclass, name[], name[], bigint, double precision[], name) IS
  'Support function: the query of segment_hierarchy() and segment_hierarchy_member(), one row with columns level_1, level_2, ..., value and, when it is not null, key for each row of the source. Errors: invalid_parameter_value, undefined_column.';

CREATE FUNCTION omnicrm.segment_hierarchy(source regclass, levels name[], measures name[], minimum bigint DEFAULT 30,
                                          limits double precision[] DEFAULT '{0.8,0.95}',
  OUT level integer, OUT path text[], OUT customers bigint, OUT value numeric, OUT share_of_parent double precision,
  OUT share_of_all double precision, OUT class text, OUT gini double precision, OUT top_share double precision, OUT small boolean)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  depth integer := coalesce(cardinality(levels), 0) + coalesce(cardinality(measures), 0);
  columns text := '';
  sets text := '()';
  paths text := '';
  query text;
BEGIN
  query := omnicrm.segment_hierarchy_query(source, levels, measures, minimum, limits, NULL);
  FOR i IN 1 .. depth LOOP
    columns := columns || CASE WHEN i > 1 THEN ', ' ELSE '' END || format('c.level_%s', i);
    sets := sets || format(', (%s)', columns);
    paths := paths || CASE WHEN i > 1 THEN ', ' ELSE '' END || format('CASE WHEN grouping(c.level_%1$s) = 0 THEN coalesce(c.level_%1$s, ''(none)'') END', i);
  END LOOP;
  RETURN QUERY EXECUTE format($query$
    WITH cell AS (
      SELECT array_remove(ARRAY[%1$s], NULL) AS path, count(*) AS customers, coalesce(sum(c.value), 0) AS value,
             omnicrm.gini(c.value) AS gini, omnicrm.top_share(c.value, 0.2) AS top_share
      FROM (%2$s) AS c
      GROUP BY GROUPING SETS (%3$s)
    ), node AS (
      SELECT cardinality(c.path) AS level, c.*, c.path[:cardinality(c.path) - 1] AS parent FROM cell AS c
    )
    SELECT n.level, n.path, n.customers, n.value,
           CASE WHEN p.value > 0 THEN (n.value / p.value)::double precision WHEN n.level = 0 AND n.value > 0 THEN 1 END,
           CASE WHEN a.value > 0 THEN (n.value / a.value)::double precision END,
           CASE WHEN n.level > 0 THEN omnicrm.abc_class(n.value, %4$L) OVER (PARTITION BY n.level, n.parent) END,
           n.gini, n.top_share, n.customers < %5$s
    FROM node AS n
      LEFT JOIN node AS p ON p.path = n.parent AND n.level > 0
      CROSS JOIN (SELECT r.value FROM node AS r WHERE r.level = 0) AS a
    ORDER BY n.path COLLATE "C"
    $query$, paths, query, sets, limits, minimum);
END
$$;
COMMENT ON FUNCTION omnicrm.segment_hierarchy(regclass, name[], name[], bigint, double precision[]) IS
  'Segments the rows of a table (customers) in the order of the levels, columns such as region and channel, and then by Pareto classes of the measures, columns such as revenue and margin: the class of the first inside each cell of the levels, the class of the second inside each class of the first, and so on. A cell with fewer rows than minimum is classed by the limits of the smallest cell above it that has enough. One row for each node, the whole (level 0, path {}) first, children after their parent: path (values of the levels, then classes A, B, ..., L; (none) for null), number of rows, sum of the first measure, its share of the parent and of all (null when that is not above zero), class of the node among its siblings by it, Gini coefficient and share of the top 20 percent inside, whether it is smaller than minimum. The source may be a view. Errors: invalid_parameter_value, undefined_column, and those of abc_class.';

CREATE FUNCTION omnicrm.segment_hierarchy_member(source regclass, key name, levels name[], measures name[], minimum bigint DEFAULT 30,
                                                 limits double precision[] DEFAULT '{0.8,0.95}', OUT member text, OUT path text[])
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF key IS NULL THEN
    RAISE EXCEPTION 'key must not be null'
      USING ERRCODE = 'null_value_not_allowed',
            HINT = 'Name the column that tells the rows of the table apart, for example customer_id.';
  END IF;
  RETURN QUERY EXECUTE format('SELECT c.key, ARRAY[%s] FROM (%s) AS c',
    (SELECT string_agg(format('coalesce(c.level_%s, ''(none)'')', i), ', ' ORDER BY i)
     FROM generate_series(1, coalesce(cardinality(levels), 0) + cardinality(measures)) AS i),
    omnicrm.segment_hierarchy_query(source, levels, measures, minimum, limits, key));
END
$$;
COMMENT ON FUNCTION omnicrm.segment_hierarchy_member(regclass, name, name[], name[], bigint, double precision[]) IS
  'The node of segment_hierarchy() with the same arguments to which each row of the source belongs: its key as text, and the path of the node. Errors: as there, and null_value_not_allowed.';
