-- How right clusters or scored pairs are, against a known truth.

CREATE TYPE omnicrm.match_evaluation AS (
  threshold         double precision,
  records           bigint,
  true_pairs        bigint,
  found_pairs       bigint,
  right_pairs       bigint,
  precision         double precision,
  recall            double precision,
  f1                double precision,
  b_cubed_precision double precision,
  b_cubed_recall    double precision,
  b_cubed_f1        double precision,
  exact_clusters    bigint,
  true_clusters     bigint,
  exact_share       double precision
);

COMMENT ON TYPE omnicrm.match_evaluation IS 'One row of omnicrm.match_evaluate(): a partition of records judged by the true one.';
COMMENT ON COLUMN omnicrm.match_evaluation.threshold IS 'Value of the threshold column, null without one.';
COMMENT ON COLUMN omnicrm.match_evaluation.records IS 'Records judged.';
COMMENT ON COLUMN omnicrm.match_evaluation.true_pairs IS 'Pairs of records together in the truth, all of them, whether they were ever compared or not.';
COMMENT ON COLUMN omnicrm.match_evaluation.found_pairs IS 'Pairs of records together in a cluster.';
COMMENT ON COLUMN omnicrm.match_evaluation.right_pairs IS 'Pairs together in both.';
COMMENT ON COLUMN omnicrm.match_evaluation.precision IS 'right_pairs / found_pairs; 1 when no pair was found.';
COMMENT ON COLUMN omnicrm.match_evaluation.recall IS 'right_pairs / true_pairs; 1 when there is no true pair.';
COMMENT ON COLUMN omnicrm.match_evaluation.f1 IS 'Harmonic mean of precision and recall; 0 when both are 0.';
COMMENT ON COLUMN omnicrm.match_evaluation.b_cubed_precision IS 'Mean over records, those alone included, of the share of its cluster that belongs with the record.';
COMMENT ON COLUMN omnicrm.match_evaluation.b_cubed_recall IS 'Mean over records, those alone included, of the share of its true cluster that is in the cluster of the record.';
COMMENT ON COLUMN omnicrm.match_evaluation.b_cubed_f1 IS 'Harmonic mean of b_cubed_precision and b_cubed_recall.';
COMMENT ON COLUMN omnicrm.match_evaluation.exact_clusters IS 'True clusters, those of one record included, that are a cluster with the same records, none more and none less.';
COMMENT ON COLUMN omnicrm.match_evaluation.true_clusters IS 'True clusters, those of one record included.';
COMMENT ON COLUMN omnicrm.match_evaluation.exact_share IS 'exact_clusters / true_clusters.';

CREATE TYPE omnicrm.match_pair_evaluation AS (
  threshold   double precision,
  true_pairs  bigint,
  found_pairs bigint,
  right_pairs bigint,
  precision   double precision,
  recall      double precision,
  f1          double precision
);

COMMENT ON TYPE omnicrm.match_pair_evaluation IS 'One row of omnicrm.match_evaluate_pairs(): the scored pairs from a threshold up, judged by the truth.';
COMMENT ON COLUMN omnicrm.match_pair_evaluation.threshold IS 'Pairs of this weight or more count as found.';
COMMENT ON COLUMN omnicrm.match_pair_evaluation.true_pairs IS 'Pairs of records together in the truth, all of them, scored or not.';
COMMENT ON COLUMN omnicrm.match_pair_evaluation.found_pairs IS 'Scored pairs of this weight or more.';
COMMENT ON COLUMN omnicrm.match_pair_evaluation.right_pairs IS 'Found pairs that are together in the truth.';
COMMENT ON COLUMN omnicrm.match_pair_evaluation.precision IS 'right_pairs / found_pairs; 1 when no pair was found.';
COMMENT ON COLUMN omnicrm.match_pair_evaluation.recall IS 'right_pairs / true_pairs; 1 when there is no true pair.';
COMMENT ON COLUMN omnicrm.match_pair_evaluation.f1 IS 'Harmonic mean of precision and recall; 0 when both are 0.';

-- Options with their defaults filled in: every key known, every value a string
-- (or null or an array where the default is one).
CREATE FUNCTION omnicrm.match_evaluate_options(options jsonb, defaults jsonb)
RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  item record;
BEGIN
  options := coalesce(options, '{}');
  IF jsonb_typeof(options) <> 'object' THEN
    RAISE EXCEPTION 'options must be a JSON object, not %', left(options::text, 60)
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example {"id": "customer_no", "cluster_id": "person"}.';
  END IF;
  FOR item IN SELECT o.key, o.value, jsonb_typeof(o.value) AS type FROM jsonb_each(options) AS o ORDER BY o.key LOOP
    IF NOT defaults ? item.key THEN
      RAISE EXCEPTION 'unknown option: %', left(item.key, 60)
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'Known options: ' || (SELECT string_agg(d.key, ', ' ORDER BY d.key) FROM jsonb_object_keys(defaults) AS d(key)) || '.';
    END IF;
    IF item.key = 'thresholds' THEN
      IF item.type NOT IN ('array', 'null') THEN
        RAISE EXCEPTION 'invalid option thresholds: %', left(item.value::text, 60)
          USING ERRCODE = 'invalid_parameter_value', HINT = 'Give an array of numbers, for example [-4, 0, 4, 8].';
      END IF;
    ELSIF item.type <> 'string' AND NOT (item.key = 'threshold' AND item.type = 'null') THEN
      RAISE EXCEPTION 'invalid option %: %', item.key, left(item.value::text, 60)
        USING ERRCODE = 'invalid_parameter_value', HINT = 'The value of this option is a string.';
    END IF;
  END LOOP;
  IF coalesce(options ->> 'missing', 'error') NOT IN ('error', 'ignore', 'alone') THEN
    RAISE EXCEPTION 'invalid option missing: %', left(options ->> 'missing', 60)
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Records that only one relation has: error (the default), ignore (leave them out) or alone (each is a cluster of its own where it is missing).';
  END IF;
  RETURN defaults || options;
END
$$;

COMMENT ON FUNCTION omnicrm.match_evaluate_options(jsonb, jsonb) IS
  'Checks the options of omnicrm.match_evaluate() and match_evaluate_pairs() and fills in the defaults. Errors: invalid_parameter_value. Used by those; call them.';

-- A relation and one of its columns, checked in the catalog: the quoted name of
-- the relation and what kind of values the column has.
CREATE FUNCTION omnicrm.match_evaluate_column(relation regclass, column_name text, OUT relation_name text, OUT kind text)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_kind "char";
BEGIN
  IF relation IS NULL THEN
    RAISE EXCEPTION 'the relation must not be null' USING ERRCODE = 'null_value_not_allowed';
  END IF;
  SELECT format('%I.%I', n.nspname, c.relname), c.relkind INTO relation_name, found_kind
  FROM pg_class AS c
    JOIN pg_namespace AS n ON n.oid = c.relnamespace
  WHERE c.oid = relation;
  IF relation_name IS NULL THEN
    RAISE EXCEPTION 'there is no relation with OID %', relation::oid USING ERRCODE = 'undefined_table';
  END IF;
  IF found_kind NOT IN ('r', 'p', 'v', 'm', 'f') THEN
    RAISE EXCEPTION '% is not a table or view', relation_name
      USING ERRCODE = 'wrong_object_type', HINT = 'Tables, partitioned and foreign tables, views and materialized views have rows.';
  END IF;
  SELECT CASE WHEN a.atttypid IN ('bigint'::regtype, 'integer'::regtype, 'smallint'::regtype) THEN 'integer'
              WHEN a.atttypid IN ('numeric'::regtype, 'real'::regtype, 'double precision'::regtype) THEN 'number'
              ELSE 'other' END INTO kind
  FROM pg_attribute AS a
  WHERE a.attrelid = relation
    AND a.attname = column_name
    AND a.attnum > 0
    AND NOT a.attisdropped;
  IF kind IS NULL THEN
    RAISE EXCEPTION '% has no column %', relation_name, quote_ident(left(column_name, 63))
      USING ERRCODE = 'undefined_column',
            HINT = 'Its columns are: ' || (SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum)
                                           FROM (SELECT a.attname, a.attnum
                                                 FROM pg_attribute AS a
                                                 WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
                                                 ORDER BY a.attnum
                                                 LIMIT 30) AS a) || '. Name another one in the options.';
  END IF;
END
$$;

COMMENT ON FUNCTION omnicrm.match_evaluate_column(regclass, text) IS
  'The quoted name of a relation and the kind (integer, number, other) of one of its columns. Errors: null_value_not_allowed, undefined_table, wrong_object_type, undefined_column. Used by omnicrm.match_evaluate() and match_evaluate_pairs().';

-- A subquery (id, cluster) or (threshold, id, cluster) over a relation, after
-- it was read once for what makes it useless.
CREATE FUNCTION omnicrm.match_evaluate_source(relation text, threshold text, id text, cluster text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  source CONSTANT text := format('SELECT %s AS threshold, %s AS id, %s AS cluster FROM %s', threshold, id, cluster, relation);
  row_count bigint;
  no_threshold bigint;
  no_id bigint;
  no_cluster bigint;
  twice text;
BEGIN
  EXECUTE format('SELECT count(*), count(*) - count(s.threshold), count(*) - count(s.id), count(*) - count(s.cluster) FROM (%s) AS s', source)
    INTO row_count, no_threshold, no_id, no_cluster;
  IF row_count = 0 THEN
    RAISE EXCEPTION '% has no row', relation
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Rows hidden by row-level security count as absent.';
  END IF;
  IF no_id > 0 OR no_cluster > 0 OR no_threshold > 0 THEN
    RAISE EXCEPTION '% has % without %', relation,
        CASE greatest(no_id, no_cluster, no_threshold) WHEN 1 THEN 'a row' ELSE greatest(no_id, no_cluster, no_threshold) || ' rows' END,
        CASE WHEN no_id > 0 AND no_id >= no_cluster THEN 'an id' WHEN no_cluster > 0 THEN 'a cluster' ELSE 'a threshold' END
      USING ERRCODE = 'null_value_not_allowed', HINT = 'Leave such rows out by a view, or give them a value: a record that is alone has a cluster of its own.';
  END IF;
  EXECUTE format('SELECT s.id::text FROM (%s) AS s GROUP BY s.threshold, s.id HAVING count(*) > 1 ORDER BY s.id LIMIT 1', source) INTO twice;
  IF twice IS NOT NULL THEN
    RAISE EXCEPTION '% has the id % more than once', relation, quote_literal(left(twice, 60))
      USING ERRCODE = 'data_exception',
            HINT = 'Each record is in one cluster' || CASE WHEN threshold <> '0::double precision' THEN ' for each threshold.' ELSE '.' END;
  END IF;
  RETURN source;
END
$$;

COMMENT ON FUNCTION omnicrm.match_evaluate_source(text, text, text, text) IS
  'The subquery that omnicrm.match_evaluate() reads a relation by, after checking its rows. The arguments are quoted names and expressions made by that function. Errors: invalid_parameter_value (no row), null_value_not_allowed, data_exception (an id twice).';

CREATE FUNCTION omnicrm.match_evaluate(clusters regclass, truth regclass, options jsonb DEFAULT '{}')
RETURNS SETOF omnicrm.match_evaluation
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  wanted jsonb := omnicrm.match_evaluate_options(options, '{"id": "id", "cluster_id": "cluster_id", "threshold": "threshold",
    "truth_id": "id", "truth_cluster_id": "cluster_id", "missing": "error"}');
  missing CONSTANT text := wanted ->> 'missing';
  id record;
  cluster record;
  truth_id record;
  truth_cluster record;
  threshold record;
  by_threshold boolean;
  cast_id text;
  found_source text;
  true_source text;
  judged record;
  verdict omnicrm.match_evaluation;
BEGIN
  id := omnicrm.match_evaluate_column(clusters, wanted ->> 'id');
  cluster := omnicrm.match_evaluate_column(clusters, wanted ->> 'cluster_id');
  truth_id := omnicrm.match_evaluate_column(truth, wanted ->> 'truth_id');
  truth_cluster := omnicrm.match_evaluate_column(truth, wanted ->> 'truth_cluster_id');
  by_threshold := wanted ->> 'threshold' IS NOT NULL
    AND (coalesce(options, '{}') ? 'threshold'
         OR EXISTS (SELECT 1 FROM pg_attribute AS a
                    WHERE a.attrelid = clusters AND a.attname = 'threshold' AND a.attnum > 0 AND NOT a.attisdropped));
  IF by_threshold THEN
    threshold := omnicrm.match_evaluate_column(clusters, wanted ->> 'threshold');
    IF threshold.kind = 'other' THEN
      RAISE EXCEPTION 'column % of % is no number', quote_ident(wanted ->> 'threshold'), id.relation_name
        USING ERRCODE = 'datatype_mismatch', HINT = 'Name the column of thresholds in the options, or say {"threshold": null}.';
    END IF;
  END IF;

  -- Ids are compared as text; integers as such, which is the same and faster.
  cast_id := CASE WHEN id.kind = 'integer' AND truth_id.kind = 'integer' THEN '::bigint' ELSE '::text COLLATE "C"' END;
  found_source := omnicrm.match_evaluate_source(id.relation_name,
    CASE WHEN by_threshold THEN quote_ident(wanted ->> 'threshold') || '::double precision' ELSE '0::double precision' END,
    quote_ident(wanted ->> 'id') || cast_id,
    quote_ident(wanted ->> 'cluster_id') || CASE cluster.kind WHEN 'integer' THEN '::bigint' ELSE '::text COLLATE "C"' END);
  true_source := omnicrm.match_evaluate_source(truth_id.relation_name, '0::double precision',
    quote_ident(wanted ->> 'truth_id') || cast_id,
    quote_ident(wanted ->> 'truth_cluster_id') || CASE truth_cluster.kind WHEN 'integer' THEN '::bigint' ELSE '::text COLLATE "C"' END);
  IF by_threshold THEN
    true_source := format('SELECT level.threshold, t.id, t.cluster FROM (%s) AS t CROSS JOIN (SELECT DISTINCT f.threshold FROM (%s) AS f) AS level',
                          true_source, found_source);
  END IF;

  -- A cell is what a cluster and a true cluster have in common. All figures
  -- follow from the numbers of cells of each size, in clusters of each size,
  -- which are few; so the sums are exact and the order of rows plays no part.
  -- Records that one side lacks are cells of one record.
  FOR judged IN EXECUTE format($query$
    WITH cell AS (
      SELECT threshold, f.cluster, t.cluster AS truth, count(*) AS n
      FROM (%1$s) AS f
        FULL JOIN (%2$s) AS t USING (threshold, id)
      GROUP BY threshold, f.cluster, t.cluster
    ), sized AS (
      SELECT threshold, n, cluster IS NULL AS not_found, truth IS NULL AS not_true,
             sum(n) OVER (PARTITION BY threshold, cluster) AS cluster_size,
             sum(n) OVER (PARTITION BY threshold, truth) AS truth_size
      FROM cell
      %3$s
    ), shape AS (
      SELECT threshold, not_found, not_true,
             CASE WHEN not_found OR not_true THEN 1 ELSE n END AS n,
             CASE WHEN not_found THEN 1 ELSE cluster_size END AS cluster_size,
             CASE WHEN not_true THEN 1 ELSE truth_size END AS truth_size,
             sum(CASE WHEN not_found OR not_true THEN n ELSE 1 END) AS cells
      FROM sized
      GROUP BY 1, 2, 3, 4, 5, 6
    )
    SELECT threshold,
           sum(cells * n) AS records,
           coalesce(sum(cells) FILTER (WHERE not_found), 0) AS not_found,
           coalesce(sum(cells) FILTER (WHERE not_true), 0) AS not_true,
           div(sum(cells * n * (truth_size - 1)), 2) AS true_pairs,
           div(sum(cells * n * (cluster_size - 1)), 2) AS found_pairs,
           div(sum(cells * n * (n - 1)), 2) AS right_pairs,
           sum(cells * n * n / cluster_size) AS b_cubed_precision,
           sum(cells * n * n / truth_size) AS b_cubed_recall,
           coalesce(sum(cells) FILTER (WHERE n = cluster_size AND n = truth_size), 0) AS exact_clusters,
           round(sum(cells * n / truth_size)) AS true_clusters
    FROM shape
    GROUP BY threshold
    ORDER BY threshold
    $query$,
    found_source, true_source,
    CASE missing WHEN 'ignore' THEN 'WHERE cluster IS NOT NULL AND truth IS NOT NULL' ELSE '' END)
  LOOP
    IF missing = 'error' AND judged.not_found + judged.not_true > 0 THEN
      RAISE EXCEPTION '% and % do not have the same records', id.relation_name, truth_id.relation_name
        USING ERRCODE = 'data_exception',
              DETAIL = format('Records only in the first: %s, only in the second: %s%s.', judged.not_true, judged.not_found,
                              CASE WHEN by_threshold THEN format(', at threshold %s', judged.threshold) ELSE '' END),
              HINT = 'The option {"missing": "ignore"} leaves them out, {"missing": "alone"} takes each for a cluster of its own where it is missing.';
    END IF;
    verdict.threshold := CASE WHEN by_threshold THEN judged.threshold END;
    verdict.records := judged.records;
    verdict.true_pairs := judged.true_pairs;
    verdict.found_pairs := judged.found_pairs;
    verdict.right_pairs := judged.right_pairs;
    verdict.precision := CASE WHEN judged.found_pairs = 0 THEN 1 ELSE judged.right_pairs / judged.found_pairs END;
    verdict.recall := CASE WHEN judged.true_pairs = 0 THEN 1 ELSE judged.right_pairs / judged.true_pairs END;
    verdict.f1 := CASE WHEN judged.found_pairs + judged.true_pairs = 0 THEN 1
                       ELSE 2 * judged.right_pairs / (judged.found_pairs + judged.true_pairs) END;
    verdict.b_cubed_precision := judged.b_cubed_precision / judged.records;
    verdict.b_cubed_recall := judged.b_cubed_recall / judged.records;
    verdict.b_cubed_f1 := 2 * verdict.b_cubed_precision * verdict.b_cubed_recall / (verdict.b_cubed_precision + verdict.b_cubed_recall);
    verdict.exact_clusters := judged.exact_clusters;
    verdict.true_clusters := judged.true_clusters;
    verdict.exact_share := judged.exact_clusters / judged.true_clusters;
    RETURN NEXT verdict;
  END LOOP;
  IF NOT FOUND THEN
    RAISE EXCEPTION '% and % have no record in common', id.relation_name, truth_id.relation_name
      USING ERRCODE = 'data_exception', HINT = 'Ids are compared as text.';
  END IF;
END
$$;

COMMENT ON FUNCTION omnicrm.match_evaluate(regclass, regclass, jsonb) IS
  'Judges clusters by the truth: pairwise precision, recall and F1 over all true pairs, B-cubed over all records, and true clusters found exactly. Both relations have one row for each record, with an id (compared as text) and a cluster of any type; when the first has a number column threshold, it is judged for each threshold apart. Options: id, cluster_id, threshold, truth_id, truth_cluster_id (names of columns; "threshold": null takes no heed of such a column), missing (records that only one relation has: "error", the default, "ignore" leaves them out, "alone" takes each for a cluster of its own where it is missing). Runs as the caller: rows hidden by row-level security are absent. f1 is 2 right / (found + true), which is 0 where nothing right was found. Errors: null_value_not_allowed (null ids, clusters, thresholds), data_exception (an id twice, records missing or none in common), invalid_parameter_value (no rows, bad options), undefined_column, datatype_mismatch, wrong_object_type. B-cubed after Bagga and Baldwin, 1998.';

-- Thresholds for a curve: at most 102, at round numbers, from below the
-- smallest to the greatest weight.
CREATE FUNCTION omnicrm.match_evaluate_steps(lowest double precision, highest double precision)
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  low CONSTANT numeric := lowest;
  high CONSTANT numeric := highest;
  rough CONSTANT numeric := (high - low) / 100;
  step numeric;
BEGIN
  IF rough = 0 THEN
    RETURN ARRAY[lowest];
  END IF;
  step := ('1e' || floor(log(rough)))::numeric;
  step := step * CASE WHEN rough <= step THEN 1 WHEN rough <= 2 * step THEN 2 WHEN rough <= 5 * step THEN 5 ELSE 10 END;
  RETURN ARRAY(SELECT (step * i)::double precision FROM generate_series(floor(low / step), floor(high / step)) AS i ORDER BY i);
END
$$;

COMMENT ON FUNCTION omnicrm.match_evaluate_steps(double precision, double precision) IS
  'At most 102 round numbers from at or below the first argument to at or below the second, both finite, in ascending order. Null when one is null.';

CREATE FUNCTION omnicrm.match_evaluate_pairs(pairs regclass, truth regclass, options jsonb DEFAULT '{}')
RETURNS SETOF omnicrm.match_pair_evaluation
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED COST 100000 ROWS 50
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  wanted jsonb := omnicrm.match_evaluate_options(options, '{"id_a": "id_a", "id_b": "id_b", "weight": "weight", "thresholds": null,
    "truth_id": "id", "truth_cluster_id": "cluster_id", "missing": "error"}');
  missing CONSTANT text := wanted ->> 'missing';
  id_a record;
  id_b record;
  weight record;
  truth_id record;
  truth_cluster record;
  cast_id text;
  pair_source text;
  true_source text;
  seen record;
  twice record;
  levels double precision[];
  all_true numeric;
  judged record;
  verdict omnicrm.match_pair_evaluation;
BEGIN
  id_a := omnicrm.match_evaluate_column(pairs, wanted ->> 'id_a');
  id_b := omnicrm.match_evaluate_column(pairs, wanted ->> 'id_b');
  weight := omnicrm.match_evaluate_column(pairs, wanted ->> 'weight');
  IF weight.kind = 'other' THEN
    RAISE EXCEPTION 'column % of % is no number', quote_ident(wanted ->> 'weight'), weight.relation_name
      USING ERRCODE = 'datatype_mismatch', HINT = 'Name the column of weights in the options.';
  END IF;
  truth_id := omnicrm.match_evaluate_column(truth, wanted ->> 'truth_id');
  truth_cluster := omnicrm.match_evaluate_column(truth, wanted ->> 'truth_cluster_id');
  IF jsonb_typeof(wanted -> 'thresholds') = 'array' THEN
    IF jsonb_array_length(wanted -> 'thresholds') NOT BETWEEN 1 AND 1000
       OR EXISTS (SELECT 1 FROM jsonb_array_elements(wanted -> 'thresholds') AS e WHERE jsonb_typeof(e) <> 'number') THEN
      RAISE EXCEPTION 'invalid option thresholds: %', left((wanted -> 'thresholds')::text, 60)
        USING ERRCODE = 'invalid_parameter_value', HINT = 'Give 1 to 1000 numbers, for example [-4, 0, 4, 8].';
    END IF;
    levels := ARRAY(SELECT DISTINCT e::double precision FROM jsonb_array_elements_text(wanted -> 'thresholds') AS e ORDER BY 1);
  END IF;

  cast_id := CASE WHEN id_a.kind = 'integer' AND id_b.kind = 'integer' AND truth_id.kind = 'integer'
                  THEN '::bigint' ELSE '::text COLLATE "C"' END;
  pair_source := format('SELECT %I%s AS id_a, %I%s AS id_b, %I::double precision AS weight FROM %s',
                        wanted ->> 'id_a', cast_id, wanted ->> 'id_b', cast_id, wanted ->> 'weight', id_a.relation_name);
  EXECUTE format($query$
    SELECT count(*) AS pairs,
           count(*) FILTER (WHERE p.id_a IS NULL OR p.id_b IS NULL) AS no_id,
           count(*) FILTER (WHERE p.weight IS NULL OR p.weight = 'NaN') AS no_weight,
           (min(p.id_a) FILTER (WHERE p.id_a = p.id_b))::text AS with_itself,
           min(p.weight) FILTER (WHERE p.weight > '-Infinity' AND p.weight < 'Infinity') AS lowest,
           max(p.weight) FILTER (WHERE p.weight > '-Infinity' AND p.weight < 'Infinity') AS highest
    FROM (%s) AS p
    $query$, pair_source) INTO seen;
  IF seen.pairs = 0 THEN
    RAISE EXCEPTION '% has no row', id_a.relation_name
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Rows hidden by row-level security count as absent.';
  END IF;
  IF seen.no_id > 0 OR seen.no_weight > 0 THEN
    RAISE EXCEPTION '% has % without %', id_a.relation_name,
        CASE greatest(seen.no_id, seen.no_weight) WHEN 1 THEN 'a row' ELSE greatest(seen.no_id, seen.no_weight) || ' rows' END,
        CASE WHEN seen.no_id >= seen.no_weight THEN 'both ids' ELSE 'a weight' END
      USING ERRCODE = 'null_value_not_allowed', HINT = 'Ids must not be null, weights neither null nor NaN.';
  END IF;
  IF seen.with_itself IS NOT NULL THEN
    RAISE EXCEPTION '% pairs the record % with itself', id_a.relation_name, quote_literal(left(seen.with_itself, 60))
      USING ERRCODE = 'data_exception', HINT = 'A pair has two different records.';
  END IF;
  EXECUTE format($query$
    SELECT least(p.id_a, p.id_b)::text AS a, greatest(p.id_a, p.id_b)::text AS b
    FROM (%s) AS p
    GROUP BY least(p.id_a, p.id_b), greatest(p.id_a, p.id_b)
    HAVING count(*) > 1
    ORDER BY least(p.id_a, p.id_b), greatest(p.id_a, p.id_b)
    LIMIT 1
    $query$, pair_source) INTO twice;
  IF twice.a IS NOT NULL THEN
    RAISE EXCEPTION '% has the pair % and % more than once', id_a.relation_name, quote_literal(left(twice.a, 60)), quote_literal(left(twice.b, 60))
      USING ERRCODE = 'data_exception', HINT = 'A pair is one row, whichever record comes first.';
  END IF;
  true_source := omnicrm.match_evaluate_source(truth_id.relation_name, '0::double precision',
    quote_ident(wanted ->> 'truth_id') || cast_id,
    quote_ident(wanted ->> 'truth_cluster_id') || CASE truth_cluster.kind WHEN 'integer' THEN '::bigint' ELSE '::text COLLATE "C"' END);
  EXECUTE format('SELECT sum(c.n * (c.n - 1) / 2) FROM (SELECT count(*) AS n FROM (%s) AS t GROUP BY t.cluster) AS c', true_source)
    INTO all_true;
  levels := coalesce(levels, omnicrm.match_evaluate_steps(seen.lowest, seen.highest), ARRAY[0]);

  FOR judged IN EXECUTE format($query$
    WITH counted AS MATERIALIZED (
      SELECT width_bucket(p.weight, $1) AS level,
             count(*) AS found,
             count(*) FILTER (WHERE a.cluster = b.cluster) AS right_ones,
             count(*) FILTER (WHERE a.id IS NULL OR b.id IS NULL) AS unknown
      FROM (%1$s) AS p
        LEFT JOIN (%2$s) AS a ON a.id = p.id_a
        LEFT JOIN (%2$s) AS b ON b.id = p.id_b
      GROUP BY 1
    )
    SELECT l.threshold, coalesce(sum(c.found), 0) AS found, coalesce(sum(c.right_ones), 0) AS right_ones,
           coalesce(sum(c.unknown), 0) AS unknown, (SELECT sum(unknown) FROM counted) AS all_unknown
    FROM unnest($1) WITH ORDINALITY AS l(threshold, level)
      LEFT JOIN counted AS c ON c.level >= l.level
    GROUP BY l.threshold
    ORDER BY l.threshold
    $query$, pair_source, true_source)
    USING levels
  LOOP
    IF missing = 'error' AND judged.all_unknown > 0 THEN
      RAISE EXCEPTION '% has % with a record that % does not have', id_a.relation_name,
          CASE judged.all_unknown WHEN 1 THEN 'a pair' ELSE judged.all_unknown || ' pairs' END, truth_id.relation_name
        USING ERRCODE = 'data_exception',
              HINT = 'The option {"missing": "ignore"} leaves such pairs out, {"missing": "alone"} takes them for wrong.';
    END IF;
    IF missing = 'ignore' THEN
      judged.found := judged.found - judged.unknown;
    END IF;
    verdict.threshold := judged.threshold;
    verdict.true_pairs := all_true;
    verdict.found_pairs := judged.found;
    verdict.right_pairs := judged.right_ones;
    verdict.precision := CASE WHEN judged.found = 0 THEN 1 ELSE judged.right_ones / judged.found END;
    verdict.recall := CASE WHEN all_true = 0 THEN 1 ELSE judged.right_ones / all_true END;
    verdict.f1 := CASE WHEN judged.found + all_true = 0 THEN 1 ELSE 2 * judged.right_ones / (judged.found + all_true) END;
    RETURN NEXT verdict;
  END LOOP;
END
$$;

COMMENT ON FUNCTION omnicrm.match_evaluate_pairs(regclass, regclass, jsonb) IS
  'Judges scored pairs by the truth, as they are, without clustering: precision, recall and F1 of the pairs of at least each threshold, over all true pairs. The first relation has one row for each pair with two ids (compared as text) and a weight, the second an id and a cluster for each record. Options: id_a, id_b, weight, truth_id, truth_cluster_id (names of columns), thresholds (1 to 1000 numbers; default: up to 102 round numbers over the range of the weights), missing (pairs with a record that the truth does not have: "error", the default, "ignore" leaves them out, "alone" takes them for wrong). Runs as the caller: rows hidden by row-level security are absent. Errors: null_value_not_allowed (null ids, null or NaN weights), data_exception (a pair twice, a record with itself, records missing), invalid_parameter_value (no rows, bad options), undefined_column, datatype_mismatch, wrong_object_type.';
