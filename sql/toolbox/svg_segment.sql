-- Pictures of segments and of lifetime value.

-- A cell of a heat map: its shade, and up to three lines of text in the middle.
CREATE FUNCTION omnicrm.svg_cell(x double precision, y double precision, width double precision, height double precision,
                                 shade double precision, lines text[], classes text[], tip text)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('<g><title>%s</title><rect class="%s" x="%s" y="%s" width="%s" height="%s" rx="2"%s/>', tip,
                CASE WHEN shade IS NULL THEN 'band' ELSE 'heat' END, omnicrm.svg_at(x), omnicrm.svg_at(y), omnicrm.svg_at(width), omnicrm.svg_at(height),
                CASE WHEN shade IS NULL THEN '' ELSE format(' fill-opacity="%s"', round((0.04 + 0.96 * shade)::numeric, 3)) END)
         || coalesce((SELECT string_agg(format('<text class="middle %s" x="%s" y="%s">%s</text>',
                                               concat_ws(' ', classes[i], CASE WHEN shade > 0.6 THEN 'over' END), omnicrm.svg_at(x + width / 2),
                                               omnicrm.svg_at(y + height / 2 + 4.5 + 19 * (i - (cardinality(lines) + 1) / 2.0)), lines[i]), '' ORDER BY i)
                      FROM generate_series(1, cardinality(lines)) AS i WHERE lines[i] <> ''), '')
         || E'</g>\n'
$$;

COMMENT ON FUNCTION omnicrm.svg_cell(double precision, double precision, double precision, double precision, double precision, text[], text[], text) IS
  'A cell of a heat map: place, size, shade from 0 to 1 (null: no value), lines of text with their classes and what is told on pointing at it (already escaped).';

CREATE FUNCTION omnicrm.svg_rfm_grid(cells jsonb, title text DEFAULT 'Customers by recency and frequency')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  box_left CONSTANT integer := 78;
  box_top CONSTANT integer := 88;
  cell_height CONSTANT integer := 78;
  scores integer;
  cell_width double precision;
  all_customers numeric;
  most numeric;
  cell record;
  body text := '';
BEGIN
  SELECT greatest(5, max(greatest(c.r, c.f))), sum(c.customers) INTO scores, all_customers
  FROM (SELECT trunc(omnicrm.svg_value(s.body, 'recency_score', 1)) AS r, trunc(omnicrm.svg_value(s.body, 'frequency_score', 1)) AS f,
               omnicrm.svg_value(s.body, 'customers', 0) AS customers FROM omnicrm.svg_rows(cells, 10000) AS s) AS c;
  IF all_customers IS NULL THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  IF scores > 9 THEN
    RAISE EXCEPTION 'scores of the grid go up to 9, not %', scores USING ERRCODE = 'invalid_parameter_value';
  END IF;
  cell_width := (width - box_left - 24) / scores::double precision;
  SELECT max(c.customers) INTO most
  FROM (SELECT sum((s.body ->> 'customers')::numeric) AS customers FROM omnicrm.svg_rows(cells, 10000) AS s
        GROUP BY trunc((s.body ->> 'recency_score')::numeric), trunc((s.body ->> 'frequency_score')::numeric)) AS c;
  FOR cell IN
    SELECT r.r, f.f, c.*
    FROM generate_series(1, scores) AS r(r) CROSS JOIN generate_series(1, scores) AS f(f)
      LEFT JOIN (SELECT trunc((s.body ->> 'recency_score')::numeric) AS at_r, trunc((s.body ->> 'frequency_score')::numeric) AS at_f,
                        min(s.body ->> 'segment' COLLATE "C") AS segment, sum(omnicrm.svg_value(s.body, 'customers', 0)) AS customers,
                        sum(omnicrm.svg_value(s.body, 'revenue_share', needed => false)) AS revenue_share
                 FROM omnicrm.svg_rows(cells, 10000) AS s GROUP BY 1, 2) AS c ON c.at_r = r.r AND c.at_f = f.f
    ORDER BY f.f DESC, r.r
  LOOP
    body := body || omnicrm.svg_cell(box_left + (cell.r - 1) * cell_width + 1, box_top + (scores - cell.f) * cell_height + 1, cell_width - 2, cell_height - 2,
      CASE WHEN most > 0 AND cell.customers > 0 THEN sqrt((cell.customers / most)::double precision) ELSE NULL END,
      ARRAY[coalesce(omnicrm.svg_text(replace(cell.segment, '_', ' '), greatest(6, floor((cell_width - 8) / 7.4)::integer)), ''),
            omnicrm.svg_short(coalesce(cell.customers, 0)),
            CASE WHEN cell.customers > 0 AND cell_width > 130 THEN omnicrm.svg_short(round(100 * cell.customers / all_customers, 1)) || ' %'
              || coalesce(' &#183; rev. ' || omnicrm.svg_short(round(100 * cell.revenue_share, 1)) || ' %', '') ELSE '' END],
      ARRAY['strong', 'large', ''],
      concat_ws(', ', format('recency %s, frequency %s', cell.r, cell.f), omnicrm.svg_text(replace(cell.segment, '_', ' '), 60),
                trim_scale(coalesce(cell.customers, 0)) || ' customers', omnicrm.svg_percent(cell.revenue_share::double precision) || ' of revenue'));
  END LOOP;
  FOR i IN 1 .. scores LOOP
    body := body || format(E'<text class="small middle" x="%s" y="%s">%s</text>\n<text class="small end" x="%s" y="%s">%s</text>\n',
      omnicrm.svg_at(box_left + (i - 0.5) * cell_width), box_top + scores * cell_height + 18, i,
      box_left - 8, omnicrm.svg_at(box_top + (scores - i + 0.5) * cell_height + 4), i);
  END LOOP;
  RETURN omnicrm.svg_begin(width, box_top + scores * cell_height + 56, title,
           format('%s customers. To the right who bought lately, on top who buys often.', to_char(trunc(all_customers), 'FM9,999,999,999,999,990')))
    || body
    || format(E'<text class="quiet middle" x="%s" y="%s">recency score</text>\n<text class="quiet middle" transform="translate(34 %s) rotate(-90)">frequency score</text>\n</svg>',
              (box_left + width - 24) / 2, box_top + scores * cell_height + 40, omnicrm.svg_at(box_top + scores * cell_height / 2.0));
END
$$;

COMMENT ON FUNCTION omnicrm.svg_rfm_grid(jsonb, text) IS
  'An SVG picture of the cells of recency and frequency scores: SELECT omnicrm.svg_rfm_grid(jsonb_agg(g)) FROM crm_bi.rfm_grid AS g. Rows: recency_score, frequency_score (1 to 9), customers (0 or more), and if known segment and revenue_share (part of 1); rows of one cell are summed up. The darker the more customers, by square root. For light and dark backgrounds. Null or no rows: a picture that says so. Errors: invalid_parameter_value, program_limit_exceeded.';

CREATE FUNCTION omnicrm.svg_pareto_curve(points jsonb, title text DEFAULT 'How few bring the most')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  box_left CONSTANT integer := 70;
  box_right CONSTANT integer := 836;
  box_top CONSTANT integer := 92;
  box_bottom CONSTANT integer := 430;
  parts double precision[];
  shares double precision[];
  classes text[];
  lowest double precision;
  highest double precision;
  down double precision;
  step double precision;
  curve text;
  grid text := '';
  strip text := '';
  marks text := '';
  note text := '';
  mark double precision;
  band record;
  found integer;
  last_found integer := 0;
  x double precision;
  y double precision;
BEGIN
  SELECT array_agg(p.part::double precision ORDER BY p.part, p.share, p.class), array_agg(p.share::double precision ORDER BY p.part, p.share, p.class),
         array_agg(p.class ORDER BY p.part, p.share, p.class)
    INTO parts, shares, classes
  FROM (SELECT coalesce(omnicrm.svg_value(r.body, 'part', 0, false), omnicrm.svg_value(r.body, 'percentile', 0) / 100) AS part,
               coalesce(omnicrm.svg_value(r.body, 'share', needed => false), omnicrm.svg_value(r.body, 'cumulative_revenue_share')) AS share,
               r.body ->> 'revenue_class' COLLATE "C" AS class
        FROM omnicrm.svg_rows(points, 10000) AS r) AS p;
  IF parts IS NULL THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  IF parts[cardinality(parts)] > 1 THEN
    RAISE EXCEPTION 'a part of the customers is more than all: %', parts[cardinality(parts)]
      USING ERRCODE = 'invalid_parameter_value', HINT = 'part goes from 0 to 1, percentile from 0 to 100.';
  END IF;
  SELECT least(0, min(s)), greatest(1, max(s)) INTO lowest, highest FROM unnest(shares) AS s;
  down := (box_bottom - box_top) / (highest - lowest);
  step := omnicrm.svg_step(highest - lowest, 6);
  FOR mark IN SELECT i * step FROM generate_series(ceil((lowest / step)::numeric), floor((highest / step)::numeric)) AS i LOOP
    y := box_bottom - (mark - lowest) * down;
    grid := grid || format(E'<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>\n<text class="small end" x="%s" y="%s">%s %%</text>\n',
      CASE WHEN mark = 0 THEN 'zero' ELSE 'grid' END, box_left, omnicrm.svg_at(y), box_right, omnicrm.svg_at(y), box_left - 8, omnicrm.svg_at(y + 4),
      omnicrm.svg_short((mark * 100)::numeric));
  END LOOP;
  -- Classes as a strip below the curve.
  FOR band IN
    SELECT c.class, min(c.since) AS since, max(c.part) AS upto, row_number() OVER (ORDER BY min(c.since), c.class) AS n
    FROM (SELECT classes[i] AS class, parts[i] AS part, CASE WHEN i > 1 THEN parts[i - 1] ELSE 0 END AS since FROM generate_subscripts(parts, 1) AS i) AS c
    WHERE c.class IS NOT NULL
    GROUP BY c.class
    ORDER BY 2, 1
    LIMIT 8
  LOOP
    x := (band.upto - band.since) * (box_right - box_left);
    strip := strip || format(E'<rect class="s%s" x="%s" y="%s" width="%s" height="18" rx="2"><title>class %s</title></rect>\n', band.n,
      omnicrm.svg_at(box_left + band.since * (box_right - box_left) + 0.5), box_bottom + 6, omnicrm.svg_at(greatest(x - 1, 0.5)), omnicrm.svg_text(band.class, 40));
    IF x > 7 * least(length(band.class), 12) + 6 THEN
      strip := strip || format(E'<text class="middle over strong" x="%s" y="%s">%s</text>\n', omnicrm.svg_at(box_left + (band.since + band.upto) / 2 * (box_right - box_left)),
        box_bottom + 20, omnicrm.svg_text(band.class, 12));
    END IF;
  END LOOP;
  FOR i IN 0 .. 5 LOOP
    x := box_left + i / 5.0 * (box_right - box_left);
    grid := grid || format(E'<line class="grid" x1="%s" y1="%s" x2="%s" y2="%s"/>\n<text class="small middle" x="%s" y="%s">%s %%</text>\n',
      omnicrm.svg_at(x), box_top, omnicrm.svg_at(x), box_bottom, omnicrm.svg_at(x), box_bottom + CASE WHEN strip = '' THEN 20 ELSE 42 END, i * 20);
  END LOOP;
  SELECT string_agg(omnicrm.svg_at(box_left + parts[i] * (box_right - box_left)) || ',' || omnicrm.svg_at(box_bottom - (shares[i] - lowest) * down), ' ' ORDER BY i)
    INTO curve FROM generate_subscripts(parts, 1) AS i;
  -- Where the curve reaches a share; on concave curves the room is to the right and below.
  FOREACH mark IN ARRAY ARRAY[0.5, 0.8, 0.95] LOOP
    SELECT min(i) INTO found FROM generate_subscripts(parts, 1) AS i WHERE shares[i] >= mark;
    CONTINUE WHEN found IS NULL OR found = last_found;
    last_found := found;
    x := box_left + parts[found] * (box_right - box_left);
    y := box_bottom - (shares[found] - lowest) * down;
    marks := marks || format(E'<circle class="dot precision" cx="%s" cy="%s" r="5"/>\n<text class="halo%s" x="%s" y="%s">%s %% of the customers bring %s %%</text>\n',
      omnicrm.svg_at(x), omnicrm.svg_at(y), CASE WHEN x > 540 THEN ' end' ELSE '' END, omnicrm.svg_at(x + CASE WHEN x > 540 THEN -10 ELSE 11 END),
      omnicrm.svg_at(y + CASE WHEN x > 540 THEN -7 ELSE 17 END), omnicrm.svg_short(round((parts[found] * 100)::numeric, 1)), omnicrm.svg_short(round((shares[found] * 100)::numeric, 1)));
  END LOOP;
  SELECT min(i) INTO found FROM generate_subscripts(parts, 1) AS i WHERE parts[i] >= 0.2;
  IF parts[found] <= 0.21 THEN
    note := format('The best %s %% of the customers bring %s %%.', omnicrm.svg_short(round((parts[found] * 100)::numeric, 1)), omnicrm.svg_short(round((shares[found] * 100)::numeric, 1)));
  END IF;
  RETURN omnicrm.svg_begin(width, box_bottom + CASE WHEN strip = '' THEN 58 ELSE 80 END, title, concat_ws(' ', nullif(note, ''), 'The dashed line: all bring the same.'))
    || grid || strip
    || format(E'<line class="even" x1="%s" y1="%s" x2="%s" y2="%s"/>\n', box_left, omnicrm.svg_at(box_bottom + lowest * down), box_right, omnicrm.svg_at(box_bottom - (1 - lowest) * down))
    || format(E'<polygon class="area" points="%s,%s %s %s,%s"/>\n<polyline class="line precision" points="%s,%s %s"/>\n',
              box_left, omnicrm.svg_at(box_bottom + lowest * down), curve, omnicrm.svg_at(box_left + parts[cardinality(parts)] * (box_right - box_left)),
              omnicrm.svg_at(box_bottom + lowest * down), box_left, omnicrm.svg_at(box_bottom + lowest * down), curve)
    || marks
    || format(E'<text class="quiet middle" x="%s" y="%s">customers, the best first</text>\n</svg>', (box_left + box_right) / 2, box_bottom + CASE WHEN strip = '' THEN 44 ELSE 66 END);
END
$$;

COMMENT ON FUNCTION omnicrm.svg_pareto_curve(jsonb, text) IS
  'An SVG picture of a Pareto curve: SELECT omnicrm.svg_pareto_curve(jsonb_agg(p)) FROM crm_bi.pareto_curve AS p, or of any numbers: svg_pareto_curve(to_jsonb(omnicrm.pareto_curve(revenue, 100))). Rows: part (0 to 1) or percentile (0 to 100) of the customers, share or cumulative_revenue_share (1 for all; below 0 and above 1 where there are losses), and if known revenue_class, shown as a strip. Marks where 50, 80 and 95 percent are reached. For light and dark backgrounds. Null or no rows: a picture that says so. Errors: invalid_parameter_value, program_limit_exceeded above 10,000 rows.';

-- The cells of a cohort heat map, and those of all cohorts that have the month (cohort null).
CREATE FUNCTION omnicrm.svg_cohort_cells(rows jsonb, OUT cohort text, OUT months_since integer, OUT customers numeric, OUT retained numeric, OUT rate double precision)
RETURNS SETOF record
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH cell AS (
    SELECT omnicrm.svg_label(r.body, 'cohort') COLLATE "C" AS cohort, trunc(omnicrm.svg_value(r.body, 'months_since', 0))::integer AS months_since,
           max(omnicrm.svg_value(r.body, 'customers', 0)) AS customers, sum(omnicrm.svg_value(r.body, 'retained', 0)) AS retained
    FROM omnicrm.svg_rows(rows, 20000) AS r
    GROUP BY 1, 2
  ), sized AS (
    SELECT c.cohort, max(c.customers) AS customers FROM cell AS c GROUP BY c.cohort
  ), known AS (
    SELECT c.cohort, c.months_since, s.customers, c.retained FROM cell AS c JOIN sized AS s USING (cohort) WHERE c.months_since > 0
    UNION ALL
    SELECT s.cohort, 0, s.customers, s.customers FROM sized AS s
  )
  SELECT k.cohort, k.months_since, sum(k.customers), sum(k.retained), coalesce(sum(k.retained) / nullif(sum(k.customers), 0), 0)::double precision
  FROM known AS k
  GROUP BY GROUPING SETS ((k.cohort, k.months_since), (k.months_since))
$$;

COMMENT ON FUNCTION omnicrm.svg_cohort_cells(jsonb) IS
  'The cells of svg_cohort_heatmap(): cohort (null: all that have the month), months since the first order, customers, retained and their share. Errors: as there.';

CREATE FUNCTION omnicrm.svg_cohort_heatmap(rows jsonb, title text DEFAULT 'Customers who buy again, by month of their first order')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  box_left CONSTANT integer := 168;
  box_top CONSTANT integer := 112;
  cohorts text[];
  months integer;
  cell_width double precision;
  cell_height integer;
  every integer;
  cell record;
  body text[] := '{}';
  bottom integer;
BEGIN
  SELECT array_agg(DISTINCT omnicrm.svg_label(r.body, 'cohort') COLLATE "C" ORDER BY omnicrm.svg_label(r.body, 'cohort') COLLATE "C"), max(omnicrm.svg_value(r.body, 'months_since', 0))
    INTO cohorts, months FROM omnicrm.svg_rows(rows, 20000) AS r;
  IF cohorts IS NULL THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  IF cardinality(cohorts) > 150 OR months > 150 THEN
    RAISE EXCEPTION 'a heat map of % cohorts and % months cannot be read', cardinality(cohorts), months
      USING ERRCODE = 'program_limit_exceeded', HINT = 'Up to 150 of each are drawn: leave the oldest out, or take quarters.';
  END IF;
  cell_width := (width - box_left - 24) / greatest(months, 6)::double precision;
  cell_height := CASE WHEN cardinality(cohorts) > 60 THEN 12 WHEN cardinality(cohorts) > 30 THEN 18 ELSE 26 END;
  every := ceil(13 / cell_height::numeric);
  bottom := box_top + cardinality(cohorts) * cell_height;
  FOR cell IN SELECT c.*, max(c.rate) FILTER (WHERE c.months_since > 0) OVER () AS best FROM omnicrm.svg_cohort_cells(rows) AS c ORDER BY c.cohort COLLATE "C" NULLS LAST, c.months_since LOOP
    IF cell.months_since = 0 THEN
      -- How many there are, in place of the hundred percent of the first month.
      CONTINUE WHEN cell.cohort IS NULL;
      IF (array_position(cohorts, cell.cohort) - 1) % every = 0 THEN
        body := body || format(E'<text class="end" x="%s" y="%s">%s</text>\n<text class="end quiet" x="%s" y="%s">%s</text>\n',
          92, omnicrm.svg_at(box_top + (array_position(cohorts, cell.cohort) - 0.5) * cell_height + 4.5),
          omnicrm.svg_text(CASE WHEN cell.cohort ~ '^\d{4}-\d\d-01' THEN left(cell.cohort, 7) ELSE cell.cohort END, 10),
          box_left - 12, omnicrm.svg_at(box_top + (array_position(cohorts, cell.cohort) - 0.5) * cell_height + 4.5), omnicrm.svg_short(cell.customers));
      END IF;
    ELSE
      body := body || omnicrm.svg_cell(box_left + (cell.months_since - 1) * cell_width + 0.5,
        CASE WHEN cell.cohort IS NULL THEN bottom + 8 ELSE box_top + (array_position(cohorts, cell.cohort) - 1) * cell_height END + 0.5,
        cell_width - 1, CASE WHEN cell.cohort IS NULL THEN 26 ELSE cell_height END - 1,
        CASE WHEN cell.rate > 0 THEN cell.rate / cell.best ELSE 0 END,
        CASE WHEN cell_width >= 23 AND (cell_height >= 18 OR cell.cohort IS NULL) THEN ARRAY[round((100 * cell.rate)::numeric)::text] ELSE '{}' END, ARRAY['small ink'],
        format('%s, month %s: %s of %s, %s', coalesce(omnicrm.svg_text(cell.cohort, 40), 'all'), cell.months_since, trim_scale(cell.retained), trim_scale(cell.customers),
               omnicrm.svg_percent(cell.rate)));
    END IF;
  END LOOP;
  FOR i IN 1 .. months LOOP
    IF cell_width >= 18 OR i % 5 = 0 THEN
      body := body || format(E'<text class="small middle" x="%s" y="%s">%s</text>\n', omnicrm.svg_at(box_left + (i - 0.5) * cell_width), box_top - 8, i);
    END IF;
  END LOOP;
  RETURN omnicrm.svg_begin(width, bottom + 56, title, 'Percent of the customers of a row who bought in that month after their first; below, of all.')
    || array_to_string(body, '')
    || format(E'<text class="small end" x="92" y="%s">cohort</text>\n<text class="small end" x="%s" y="%s">customers</text>\n', box_top - 8, box_left - 12, box_top - 8)
    || format(E'<text class="end strong" x="92" y="%s">all</text>\n<text class="small" x="%s" y="%s">months since the first order</text>\n</svg>', bottom + 26, box_left, box_top - 26);
END
$$;

COMMENT ON FUNCTION omnicrm.svg_cohort_heatmap(jsonb, text) IS
  'An SVG picture of retention by cohort: SELECT omnicrm.svg_cohort_heatmap(jsonb_agg(c)) FROM crm_bi.cohort_retention AS c. Rows, one for each cell: cohort (a date or a name, sorted as text), months_since (0, 1, 2, ...), customers (of the cohort), retained (of them, who bought in that month). Month 0 is told by the number of customers; months without a row are left empty; the last row is the sum of all that have the month. The darker the more, up to the best cell. For light and dark backgrounds. Null or no rows: a picture that says so. Errors: invalid_parameter_value, program_limit_exceeded above 150 cohorts or months.';

CREATE FUNCTION omnicrm.svg_alive_matrix(model jsonb, max_x integer DEFAULT 20, max_t integer DEFAULT 52,
                                         title text DEFAULT 'How likely a customer is still one', unit text DEFAULT 'weeks')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  box_left CONSTANT integer := 72;
  box_top CONSTANT integer := 88;
  bottom integer;
  step integer;
  columns integer;
  cell_width double precision;
  cell_height integer;
  alive double precision;
  body text := '';
BEGIN
  IF model IS NULL THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  IF max_x IS NULL OR max_t IS NULL OR max_x NOT BETWEEN 1 AND 60 OR max_t NOT BETWEEN 1 AND 10000 THEN
    RAISE EXCEPTION 'size of the matrix is out of range: % purchases, % %', coalesce(max_x::text, 'NULL'), coalesce(max_t::text, 'NULL'), unit
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Up to 60 purchases and 10000 units of time.';
  END IF;
  -- Steps of whole units; the first purchase was the last of them ago.
  step := ceil(max_t / 26.0);
  columns := max_t / step;
  IF model ->> 'model' = 'bg_bb' THEN
    -- One purchase at most at each opportunity.
    max_x := least(max_x, columns * step);
  END IF;
  cell_width := (width - box_left - 24) / (columns + 1)::double precision;
  cell_height := CASE WHEN max_x > 30 THEN 14 ELSE 22 END;
  bottom := box_top + (max_x + 1) * cell_height;
  FOR x IN REVERSE max_x .. 0 LOOP
    FOR i IN 0 .. columns LOOP
      -- Without a second purchase the first was the last.
      CONTINUE WHEN x = 0 AND i < columns;
      CONTINUE WHEN model ->> 'model' = 'bg_bb' AND x > columns * step - i * step;
      -- The last column is that of purchases all on the day of the first.
      CONTINUE WHEN x > 0 AND i = columns;
      alive := omnicrm.clv_p_alive(model, x, (columns - i) * step, columns * step);
      body := body || omnicrm.svg_cell(box_left + i * cell_width + 0.5, box_top + (max_x - x) * cell_height + 0.5, cell_width - 1, cell_height - 1, alive,
        CASE WHEN cell_width >= 23 AND cell_height >= 18 THEN ARRAY[round((100 * alive)::numeric)::text] ELSE '{}' END, ARRAY['small ink'],
        format('%s purchases after the first, the last %s %s ago: %s', x, i * step, omnicrm.svg_text(unit, 20), omnicrm.svg_percent(alive)));
    END LOOP;
    IF max_x <= 30 OR x % 5 = 0 THEN
      body := body || format(E'<text class="small end" x="%s" y="%s">%s</text>\n', box_left - 8, omnicrm.svg_at(box_top + (max_x - x + 0.5) * cell_height + 4), x);
    END IF;
  END LOOP;
  FOR i IN 0 .. columns LOOP
    body := body || format(E'<text class="small middle" x="%s" y="%s">%s</text>\n', omnicrm.svg_at(box_left + (i + 0.5) * cell_width), bottom + 18, i * step);
  END LOOP;
  RETURN omnicrm.svg_begin(width, bottom + 56, title,
           format('Percent, of customers whose first purchase was %s %s ago. Who bought often should be back by now.', columns * step, omnicrm.svg_text(unit, 20)))
    || body
    || format(E'<text class="quiet middle" x="%s" y="%s">%s since the last purchase</text>\n<text class="quiet middle" transform="translate(34 %s) rotate(-90)">purchases after the first</text>\n</svg>',
              (box_left + width - 24) / 2, bottom + 40, omnicrm.svg_text(unit, 20), omnicrm.svg_at((box_top + bottom) / 2.0));
END
$$;

COMMENT ON FUNCTION omnicrm.svg_alive_matrix(jsonb, integer, integer, text, text) IS
  'An SVG picture of P(alive) by a fitted model of orders without covariates (clv_fit_mbg_nbd, ...): for customers whose first purchase was max_t units of time ago (or as many whole steps as fit), by the number of purchases after it (0 to max_x, at most 60) and the time since the last (in at most 27 steps of whole units). unit names the unit of time of the fit. For light and dark backgrounds. A null model: a picture that says that there is nothing to show. Errors: invalid_parameter_value for sizes out of range and as clv_p_alive.';
