-- Pictures of a model and of a threshold curve.

-- The levels of a model as rows, checked: what a chart can show.
CREATE FUNCTION omnicrm.match_model_levels(model jsonb, OUT ordinal integer, OUT column_name text, OUT kind text,
  OUT frequencies integer, OUT place integer, OUT level text, OUT m double precision, OUT u double precision)
RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  hint CONSTANT text := 'A model is what omnicrm.match_train() gives: {"omnicrm_model": 1, "prior": 0.0001, "comparisons": [{"column": "name", "kind": "name", "levels": [{"level": "exact", "m": 0.9, "u": 0.01}, {"level": "different", "m": 0.1, "u": 0.99}]}]}.';
  broken text;
  comparison record;
  item record;
  share record;
BEGIN
  broken := CASE
    WHEN model IS NULL THEN 'it is null'
    WHEN jsonb_typeof(model) <> 'object' THEN 'it is no JSON object'
    WHEN NOT model ? 'omnicrm_model' THEN 'it has no key omnicrm_model'
    WHEN model -> 'omnicrm_model' <> '1' THEN 'its version is ' || left((model -> 'omnicrm_model')::text, 20) || ', not 1'
    WHEN jsonb_typeof(model -> 'comparisons') IS DISTINCT FROM 'array' THEN 'comparisons is no array'
    WHEN jsonb_array_length(model -> 'comparisons') NOT BETWEEN 1 AND 100 THEN 'it has not 1 to 100 comparisons'
    END;
  IF broken IS NULL THEN
    FOR comparison IN SELECT c.value AS body, c.ordinality AS n FROM jsonb_array_elements(model -> 'comparisons') WITH ORDINALITY AS c LOOP
      broken := 'comparison ' || comparison.n || CASE
        WHEN jsonb_typeof(comparison.body) <> 'object' THEN ' is no object'
        WHEN jsonb_typeof(comparison.body -> 'column') IS DISTINCT FROM 'string' THEN ' names no column'
        WHEN jsonb_typeof(comparison.body -> 'kind') <> 'string' THEN ' has a kind that is no string'
        WHEN jsonb_typeof(comparison.body -> 'term_frequency') NOT IN ('object', 'null') THEN ' has a term_frequency that is no object'
        WHEN jsonb_typeof(comparison.body -> 'levels') IS DISTINCT FROM 'array' THEN ' has no array of levels'
        WHEN jsonb_array_length(comparison.body -> 'levels') NOT BETWEEN 1 AND 100 THEN ' has not 1 to 100 levels'
        END;
      EXIT WHEN broken IS NOT NULL;
      ordinal := comparison.n;
      column_name := comparison.body ->> 'column';
      kind := comparison.body ->> 'kind';
      frequencies := CASE WHEN jsonb_typeof(comparison.body -> 'term_frequency') = 'object'
                          THEN (SELECT count(*) FROM jsonb_object_keys(comparison.body -> 'term_frequency')) ELSE 0 END;
      FOR item IN SELECT l.value AS body, l.ordinality AS n FROM jsonb_array_elements(comparison.body -> 'levels') WITH ORDINALITY AS l LOOP
        broken := 'level ' || item.n || ' of comparison ' || comparison.n || CASE
          WHEN jsonb_typeof(item.body) <> 'object' THEN ' is no object'
          WHEN jsonb_typeof(item.body -> 'level') IS DISTINCT FROM 'string' THEN ' has no name'
          WHEN jsonb_typeof(item.body -> 'm') IS DISTINCT FROM 'number' OR jsonb_typeof(item.body -> 'u') IS DISTINCT FROM 'number'
            THEN ' has no numbers m and u'
          WHEN (item.body ->> 'm')::numeric NOT BETWEEN 0 AND 1 THEN ' has an m that is no probability: ' || left(item.body ->> 'm', 30)
          WHEN (item.body ->> 'u')::numeric NOT BETWEEN 0 AND 1 THEN ' has a u that is no probability: ' || left(item.body ->> 'u', 30)
          END;
        EXIT WHEN broken IS NOT NULL;
        place := item.n;
        level := item.body ->> 'level';
        -- Below what a double precision number can hold.
        m := CASE WHEN (item.body ->> 'm')::numeric < 1e-300 THEN 0 ELSE (item.body ->> 'm')::double precision END;
        u := CASE WHEN (item.body ->> 'u')::numeric < 1e-300 THEN 0 ELSE (item.body ->> 'u')::double precision END;
        RETURN NEXT;
      END LOOP;
      EXIT WHEN broken IS NOT NULL;
    END LOOP;
  END IF;
  IF broken IS NULL THEN
    FOR share IN SELECT s.name, model -> s.name AS value, s.low, s.high
                 FROM (VALUES ('prior', 0, 1), ('relatives', 0, 0.5), ('records', 0, 1e15), ('threshold', -1000, 1000), ('review', -1000, 1000)) AS s(name, low, high)
                 WHERE model ? s.name LOOP
      broken := CASE
        WHEN jsonb_typeof(share.value) = 'null' THEN NULL
        WHEN jsonb_typeof(share.value) <> 'number' THEN share.name || ' is no number'
        WHEN (share.value #>> '{}')::numeric NOT BETWEEN share.low AND share.high THEN share.name || ' is out of range: ' || left(share.value::text, 30)
        END;
      EXIT WHEN broken IS NOT NULL;
    END LOOP;
  END IF;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION 'invalid model: %', broken USING ERRCODE = 'invalid_parameter_value', HINT = hint;
  END IF;
END
$$;

COMMENT ON FUNCTION omnicrm.match_model_levels(jsonb) IS
  'The levels of a matching model as rows: number and column of the comparison, its kind, number of listed term frequencies, place and name of the level, m and u. A broken model: invalid_parameter_value with what is wrong. Probabilities below 1e-300 are 0.';

CREATE FUNCTION omnicrm.match_model_chart(model jsonb, title text DEFAULT 'What each comparison says')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  -- Places from left to right: names end, bars, m, u; and heights.
  name_end CONSTANT integer := 190;
  bars CONSTANT integer := 204;
  bars_end CONSTANT integer := 640;
  m_end CONSTANT integer := 735;
  u_end CONSTANT integer := 825;
  width CONSTANT integer := 860;
  row_height CONSTANT integer := 24;
  top CONSTANT integer := 122;
  -- Weights beyond are drawn as far, and said in figures.
  farthest CONSTANT double precision := 32;
  rows integer;
  groups integer;
  lowest double precision;
  highest double precision;
  step double precision;
  scale double precision;
  zero double precision;
  prior double precision;
  start_weight double precision;
  height integer;
  y integer := top;
  note text;
  body text[] := '{}';
  marks text := '';
  heading text;
  mark double precision;
  item record;
  length_of_bar double precision;
BEGIN
  SELECT count(*), count(DISTINCT l.ordinal),
         min(greatest(w.weight, -farthest)), max(least(w.weight, farthest))
    INTO rows, groups, lowest, highest
  FROM omnicrm.match_model_levels(model) AS l
    CROSS JOIN LATERAL (SELECT CASE WHEN l.m = l.u THEN 0 WHEN l.u = 0 THEN farthest WHEN l.m = 0 THEN -farthest
                                    ELSE (ln(l.m) - ln(l.u)) / ln(2::double precision) END AS weight) AS w;
  prior := CASE WHEN (model ->> 'prior')::numeric < 1e-300 THEN 0 ELSE (model ->> 'prior')::double precision END;
  start_weight := CASE WHEN prior > 0 AND prior < 1 THEN (ln(prior) - ln(1 - prior)) / ln(2::double precision) END;
  lowest := least(lowest, greatest(start_weight, -farthest), -1);
  highest := greatest(highest, least(start_weight, farthest), 1);
  -- Room for the figure at the end of the longest bars.
  scale := (bars_end - bars - 88) / (highest - lowest);
  zero := bars + 44 - lowest * scale;
  step := omnicrm.svg_step(highest - lowest, 8);
  height := top + groups * 34 + rows * row_height + CASE WHEN start_weight IS NULL THEN 0 ELSE 34 + row_height END + 52;

  note := 'A bar to the right speaks for one and the same, to the left against it. One bit doubles the odds.';
  heading := concat_ws(' &#183; ',
    CASE WHEN model ->> 'records' IS NOT NULL THEN ltrim(to_char(round((model ->> 'records')::numeric), 'FM999,999,999,999,999,990')) || ' records' END,
    CASE WHEN start_weight IS NOT NULL THEN 'one pair in ' || omnicrm.svg_text(to_char(least(round(1 / prior::numeric), 1e15), 'FM9,999,999,999,999,990')) || ' is one and the same'
      || CASE WHEN (model ->> 'relatives')::numeric BETWEEN 1e-15 AND 0.5
              THEN ', in ' || omnicrm.svg_text(to_char(round(1 / (model ->> 'relatives')::numeric), 'FM9,999,999,999,999,990')) || ' of relatives' ELSE '' END END,
    CASE WHEN model ->> 'threshold' IS NOT NULL THEN 'joined from ' || omnicrm.svg_number((model ->> 'threshold')::double precision, 'FM9990.99') || ' bits' END,
    CASE WHEN model ->> 'review' IS NOT NULL THEN 'to review from ' || omnicrm.svg_number((model ->> 'review')::double precision, 'FM9990.99') || ' bits' END);

  IF start_weight IS NOT NULL THEN
    body := body || format('<text class="group" x="24" y="%s">start<tspan class="quiet" font-weight="400" dx="8">two records taken at random</tspan></text>', y + 22);
    y := y + 34;
    length_of_bar := abs(greatest(least(start_weight, farthest), -farthest)) * scale;
    body := body || format('<rect class="start" x="%s" y="%s" width="%s" height="14" rx="2"><title>Odds before anything is compared: %s bits</title></rect>',
      round((CASE WHEN start_weight < 0 THEN zero - length_of_bar ELSE zero END)::numeric, 1), y + 5, round(length_of_bar::numeric, 1),
      omnicrm.svg_number(start_weight));
    body := body || format('<text class="end quiet" x="%s" y="%s">prior</text>', name_end, y + 16);
    body := body || format('<text class="small%s" x="%s" y="%s">%s</text>', CASE WHEN start_weight < 0 THEN ' end' ELSE '' END,
      round((zero + sign(start_weight) * (length_of_bar + 6))::numeric, 1), y + 16, omnicrm.svg_number(start_weight));
    body := body || format('<text class="end" x="%s" y="%s">%s</text>', m_end, y + 16, omnicrm.svg_percent(prior));
    y := y + row_height;
  END IF;

  FOR item IN
    SELECT l.*,
           CASE WHEN l.m = l.u THEN 0 WHEN l.u = 0 THEN 'Infinity' WHEN l.m = 0 THEN '-Infinity'
                ELSE (ln(l.m) - ln(l.u)) / ln(2::double precision) END AS weight
    FROM omnicrm.match_model_levels(model) AS l
    ORDER BY l.ordinal, l.place
  LOOP
    IF item.place = 1 THEN
      body := body || format('<text class="group" x="24" y="%s">%s<tspan class="quiet" font-weight="400" dx="8">%s</tspan></text>', y + 22,
        omnicrm.svg_text(item.column_name, 40),
        concat_ws(', ', omnicrm.svg_text(replace(item.kind, '_', ' '), 40),
                  CASE WHEN item.frequencies > 0
                       THEN 'frequencies of ' || to_char(item.frequencies, 'FM999,999,990') || CASE item.frequencies WHEN 1 THEN ' value' ELSE ' values' END END));
      y := y + 34;
    END IF;
    IF item.place % 2 = 1 THEN
      body := body || format('<rect class="band" x="24" y="%s" width="%s" height="%s" rx="3"/>', y, width - 48, row_height);
    END IF;
    length_of_bar := abs(greatest(least(item.weight, farthest), -farthest)) * scale;
    body := body || format('<rect class="%s" x="%s" y="%s" width="%s" height="14" rx="2"><title>%s: %s bits (m %s, u %s)</title></rect>',
      CASE WHEN item.weight < 0 THEN 'against' ELSE 'for' END,
      round((CASE WHEN item.weight < 0 THEN zero - length_of_bar ELSE zero END)::numeric, 1), y + 5, round(length_of_bar::numeric, 1),
      omnicrm.svg_text(item.column_name || ', ' || replace(item.level, '_', ' '), 80), omnicrm.svg_number(item.weight),
      omnicrm.svg_percent(item.m), omnicrm.svg_percent(item.u));
    body := body || format('<text class="end" x="%s" y="%s">%s</text>', name_end, y + 16, omnicrm.svg_text(replace(item.level, '_', ' '), 24));
    body := body || format('<text class="small%s" x="%s" y="%s">%s</text>', CASE WHEN item.weight < 0 THEN ' end' ELSE '' END,
      round((zero + CASE WHEN item.weight < 0 THEN -1 ELSE 1 END * (length_of_bar + 6))::numeric, 1), y + 16,
      CASE WHEN item.weight > 0 THEN '+' ELSE '' END || omnicrm.svg_number(item.weight));
    body := body || format('<text class="end" x="%s" y="%s">%s</text>', m_end, y + 16, omnicrm.svg_percent(item.m));
    body := body || format('<text class="end" x="%s" y="%s">%s</text>', u_end, y + 16, omnicrm.svg_percent(item.u));
    y := y + row_height;
  END LOOP;

  FOR mark IN SELECT i * step FROM generate_series(ceil(lowest / step)::integer, floor(highest / step)::integer) AS i LOOP
    marks := marks || format(E'<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>\n<text class="small middle" x="%s" y="%s">%s</text>\n',
      CASE WHEN mark = 0 THEN 'zero' ELSE 'grid' END, round((zero + mark * scale)::numeric, 1), top - 4, round((zero + mark * scale)::numeric, 1), y + 8,
      round((zero + mark * scale)::numeric, 1), y + 24, omnicrm.svg_number(mark, 'FM9990.99'));
  END LOOP;
  -- Bands lie below the grid, bars and figures above it.
  RETURN omnicrm.svg_open(width, height, omnicrm.svg_text(coalesce(title, '')), note)
    || format(E'<text class="title" x="24" y="40">%s</text>\n<text class="quiet" x="24" y="64">%s</text>\n', omnicrm.svg_text(coalesce(title, ''), 70), note)
    || format(E'<text class="quiet" x="24" y="84">%s</text>\n', heading)
    || format(E'<text class="small middle" x="%s" y="%s">bits: log&#8322;(m / u)</text>\n', (bars + bars_end) / 2, top - 12)
    || format(E'<text class="small end" x="%s" y="%s">m: if the same</text>\n<text class="small end" x="%s" y="%s">u: if not</text>\n', m_end, top - 12, u_end, top - 12)
    || coalesce((SELECT string_agg(b, E'\n' ORDER BY n) FROM unnest(body) WITH ORDINALITY AS p(b, n) WHERE b LIKE '<rect class="band"%') || E'\n', '')
    || marks
    || (SELECT string_agg(b, E'\n' ORDER BY n) FROM unnest(body) WITH ORDINALITY AS p(b, n) WHERE b NOT LIKE '<rect class="band"%')
    || E'\n</svg>';
END
$$;

COMMENT ON FUNCTION omnicrm.match_model_chart(jsonb, text) IS
  'An SVG picture of a matching model: for each comparison its levels as bars of log2(m / u), to the right for a match, to the left against it, with m and u as percentages; the prior on top. For light and dark backgrounds. In psql: \pset format unaligned, \t on, SELECT omnicrm.match_model_chart(...) \g chart.svg. Bars of more than 32 bits are drawn as 32. A broken model or null: invalid_parameter_value. A null title: none.';

CREATE FUNCTION omnicrm.match_threshold_chart_add(points double precision[], threshold double precision, "precision" double precision, recall double precision)
RETURNS double precision[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF threshold IS NULL OR "precision" IS NULL OR recall IS NULL THEN
    RAISE EXCEPTION 'a point of the threshold chart is null'
      USING ERRCODE = 'null_value_not_allowed', HINT = 'Evaluate clusters with a column threshold, or scored pairs, so that there is a curve.';
  END IF;
  IF "precision" NOT BETWEEN 0 AND 1 OR recall NOT BETWEEN 0 AND 1 OR NOT abs(threshold) < 1e15 THEN
    RAISE EXCEPTION 'invalid point of the threshold chart: threshold %, precision %, recall %', threshold, "precision", recall
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Thresholds are finite numbers, precision and recall lie in 0 to 1.';
  END IF;
  IF cardinality(points) >= 30000 THEN
    RAISE EXCEPTION 'the threshold chart is limited to 10000 points'
      USING ERRCODE = 'program_limit_exceeded', HINT = 'Choose fewer thresholds, or several charts (GROUP BY).';
  END IF;
  RETURN points || ARRAY[threshold, "precision", recall];
END
$$;

COMMENT ON FUNCTION omnicrm.match_threshold_chart_add(double precision[], double precision, double precision, double precision) IS
  'Transition function of omnicrm.match_threshold_chart().';

CREATE FUNCTION omnicrm.match_threshold_chart_combine(points double precision[], others double precision[])
RETURNS double precision[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN points OPERATOR(pg_catalog.||) others;

COMMENT ON FUNCTION omnicrm.match_threshold_chart_combine(double precision[], double precision[]) IS
  'Combine function of omnicrm.match_threshold_chart().';

CREATE FUNCTION omnicrm.match_threshold_chart_final(points double precision[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  height CONSTANT integer := 470;
  box_left CONSTANT integer := 70;
  box_right CONSTANT integer := 740;
  box_top CONSTANT integer := 92;
  box_bottom CONSTANT integer := 410;
  lowest double precision;
  highest double precision;
  count_of_points integer;
  step double precision;
  figures text := 'FM999999999999990.99';
  best record;
  curve record;
  mark double precision;
  x double precision;
  label_y double precision := box_top - 40;
  labels_left integer := 3;
  grid text := '';
  lines text := '';
  dots text := '';
  labels text := '';
BEGIN
  SELECT min(points[i]), max(points[i]), count(*) INTO lowest, highest, count_of_points
  FROM generate_series(1, cardinality(points), 3) AS i;
  IF highest - lowest < 1e-9 * greatest(1, abs(lowest)) THEN
    lowest := lowest - 1;
    highest := highest + 1;
  END IF;
  step := omnicrm.svg_step(highest - lowest, 10);
  IF step < 0.01 THEN
    figures := 'FM990.' || repeat('9', least(15, ceil(-log(step))::integer));
  END IF;

  FOR mark IN SELECT i / 5.0 FROM generate_series(0, 5) AS i LOOP
    grid := grid || format(E'<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>\n<text class="small end" x="%s" y="%s">%s</text>\n',
      CASE WHEN mark = 0 THEN 'zero' ELSE 'grid' END, box_left, round((box_bottom - mark * (box_bottom - box_top))::numeric, 1), box_right,
      round((box_bottom - mark * (box_bottom - box_top))::numeric, 1), box_left - 8,
      round((box_bottom - mark * (box_bottom - box_top) + 4)::numeric, 1), to_char(mark, 'FM0.0'));
  END LOOP;
  FOR mark IN SELECT i * step FROM generate_series(ceil((lowest / step)::numeric), floor((highest / step)::numeric)) AS i LOOP
    x := box_left + (mark - lowest) / (highest - lowest) * (box_right - box_left);
    grid := grid || format(E'<line class="grid" x1="%s" y1="%s" x2="%s" y2="%s"/>\n<text class="small middle" x="%s" y="%s">%s</text>\n',
      round(x::numeric, 1), box_top, round(x::numeric, 1), box_bottom, round(x::numeric, 1), box_bottom + 20,
      CASE WHEN mark < 0 THEN '&#8722;' ELSE '' END || rtrim(to_char(abs(mark)::numeric, figures), '.'));
  END LOOP;

  SELECT points[i] AS threshold, CASE WHEN points[i + 1] + points[i + 2] = 0 THEN 0
                                      ELSE 2 * points[i + 1] * points[i + 2] / (points[i + 1] + points[i + 2]) END AS f1 INTO best
  FROM generate_series(1, cardinality(points), 3) AS i
  ORDER BY 2 DESC, 1
  LIMIT 1;
  x := box_left + (best.threshold - lowest) / (highest - lowest) * (box_right - box_left);
  grid := grid || format(E'<line class="best" x1="%s" y1="%s" x2="%s" y2="%s"/>\n', round(x::numeric, 1), box_top, round(x::numeric, 1), box_bottom);

  -- Labels at the right ends of the lines, from the highest down, with distance.
  FOR curve IN
    SELECT c.name, c.label,
           string_agg(round((box_left + (p.threshold - lowest) / (highest - lowest) * (box_right - box_left))::numeric, 1) || ','
                      || round((box_bottom - p.value * (box_bottom - box_top))::numeric, 1), ' ' ORDER BY p.threshold, p.i) AS line,
           string_agg(format('<circle class="dot %s" cx="%s" cy="%s" r="3.5"><title>%s %s at threshold %s</title></circle>', c.name,
                      round((box_left + (p.threshold - lowest) / (highest - lowest) * (box_right - box_left))::numeric, 1),
                      round((box_bottom - p.value * (box_bottom - box_top))::numeric, 1), c.label, to_char(p.value, 'FM0.0000'), p.threshold),
                      E'\n' ORDER BY p.threshold, p.i) AS dots,
           (array_agg(p.value ORDER BY p.threshold DESC, p.i DESC))[1] AS last_value
    FROM (VALUES (1, 'precision', 'precision'), (2, 'recall', 'recall'), (3, 'f1', 'F1')) AS c(n, name, label)
      CROSS JOIN LATERAL (
        SELECT i, points[i] AS threshold,
               CASE c.n WHEN 1 THEN points[i + 1] WHEN 2 THEN points[i + 2]
                        ELSE CASE WHEN points[i + 1] + points[i + 2] = 0 THEN 0 ELSE 2 * points[i + 1] * points[i + 2] / (points[i + 1] + points[i + 2]) END
               END AS value
        FROM generate_series(1, cardinality(points), 3) AS i) AS p
    GROUP BY c.n, c.name, c.label
    ORDER BY last_value DESC, c.n
  LOOP
    lines := lines || format(E'<polyline class="line %s" points="%s"/>\n', curve.name, curve.line);
    IF count_of_points <= 60 THEN
      dots := dots || curve.dots || E'\n';
    END IF;
    labels_left := labels_left - 1;
    label_y := least(greatest(label_y + 18, box_bottom - curve.last_value * (box_bottom - box_top) + 4), box_bottom + 4 - 18 * labels_left);
    labels := labels || format(E'<text class="label %s" x="%s" y="%s">%s</text>\n', curve.name, box_right + 12, round(label_y::numeric, 1), curve.label);
  END LOOP;

  dots := dots || format(E'<circle class="dot f1" cx="%s" cy="%s" r="5.5"><title>best F1 %s at threshold %s</title></circle>\n', round(x::numeric, 1),
    round((box_bottom - best.f1 * (box_bottom - box_top))::numeric, 1), to_char(best.f1, 'FM0.0000'), best.threshold);

  RETURN omnicrm.svg_open(width, height, 'Precision and recall by threshold', format('%s thresholds', count_of_points))
    || E'<text class="title" x="24" y="40">Precision and recall by threshold</text>\n'
    || format(E'<text class="quiet" x="24" y="64">best F1 %s at threshold %s</text>\n', to_char(best.f1, 'FM0.0000'),
              CASE WHEN best.threshold < 0 THEN '&#8722;' ELSE '' END || abs(best.threshold))
    || grid || lines || dots || labels
    || format(E'<text class="small middle" x="%s" y="%s">threshold</text>\n</svg>', (box_left + box_right) / 2, box_bottom + 42);
END
$$;

COMMENT ON FUNCTION omnicrm.match_threshold_chart_final(double precision[]) IS
  'Final function of omnicrm.match_threshold_chart().';

CREATE AGGREGATE omnicrm.match_threshold_chart(threshold double precision, "precision" double precision, recall double precision) (
  SFUNC = omnicrm.match_threshold_chart_add,
  STYPE = double precision[],
  FINALFUNC = omnicrm.match_threshold_chart_final,
  COMBINEFUNC = omnicrm.match_threshold_chart_combine,
  PARALLEL = SAFE
);

COMMENT ON AGGREGATE omnicrm.match_threshold_chart(double precision, double precision, double precision) IS
  'An SVG picture of precision, recall and F1 by threshold, with the best F1, from rows of omnicrm.match_evaluate() or match_evaluate_pairs() in any order: SELECT omnicrm.match_threshold_chart(threshold, precision, recall) FROM omnicrm.match_evaluate_pairs(...). For light and dark backgrounds. Null without rows. Errors: null_value_not_allowed, invalid_parameter_value (precision or recall outside 0 to 1, thresholds that are not finite), program_limit_exceeded above 10,000 points.';
