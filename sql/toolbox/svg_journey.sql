-- Pictures of journeys and of attribution.

CREATE FUNCTION omnicrm.svg_funnel(steps jsonb, title text DEFAULT 'Funnel')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  bars CONSTANT integer := 208;
  bars_end CONSTANT integer := 640;
  top CONSTANT integer := 96;
  row_height CONSTANT integer := 52;
  first_count numeric;
  before numeric;
  item record;
  bar double precision;
  bar_before double precision;
  body text := '';
  y integer := top;
BEGIN
  FOR item IN
    SELECT s.*, max(s.customers) OVER () AS most
    FROM (SELECT omnicrm.svg_value(r.body, 'step') AS step, min(omnicrm.svg_label(r.body, 'name') COLLATE "C") AS name, sum(omnicrm.svg_value(r.body, 'customers', 0)) AS customers
          FROM omnicrm.svg_rows(steps, 1000) AS r GROUP BY 1) AS s
    ORDER BY s.step
  LOOP
    IF y > top + 39 * row_height THEN
      RAISE EXCEPTION 'a funnel of more than 40 steps cannot be read' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    bar := CASE WHEN item.most > 0 THEN (item.customers / item.most)::double precision * (bars_end - bars) ELSE 0 END;
    -- What was lost on the way from the step before.
    IF before IS NOT NULL THEN
      body := body || format(E'<polygon class="area" points="%s,%s %s,%s %s,%s %s,%s"/>\n', bars, y - 18, omnicrm.svg_at(bars + bar_before), y - 18,
        omnicrm.svg_at(bars + bar), y, bars, y);
      body := body || format(E'<text class="small" x="%s" y="%s">%s</text>\n', bars + 8, y - 4,
        CASE WHEN before > 0 THEN omnicrm.svg_percent((item.customers / before)::double precision) || ' go on' ELSE '' END);
    END IF;
    body := body || format(E'<g><title>%s: %s</title><rect class="for" x="%s" y="%s" width="%s" height="34" rx="2"/></g>\n', omnicrm.svg_text(item.name, 80),
      trim_scale(item.customers), bars, y, omnicrm.svg_at(greatest(bar, 0.5)));
    body := body || format(E'<text class="end" x="%s" y="%s">%s</text>\n<text class="strong" x="%s" y="%s">%s</text>\n', bars - 12, y + 22, omnicrm.svg_text(item.name, 24),
      omnicrm.svg_at(bars + bar + 10), y + 22, omnicrm.svg_short(item.customers));
    first_count := coalesce(first_count, item.customers);
    body := body || format(E'<text class="end quiet" x="%s" y="%s">%s</text>\n', width - 24, y + 22,
      CASE WHEN first_count > 0 THEN omnicrm.svg_percent((item.customers / first_count)::double precision) ELSE '' END);
    before := item.customers;
    bar_before := bar;
    y := y + row_height;
  END LOOP;
  IF y = top THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  RETURN omnicrm.svg_begin(width, y + 6, title, 'How many reach each step; at the right, of the first step.') || body || '</svg>';
END
$$;

COMMENT ON FUNCTION omnicrm.svg_funnel(jsonb, text) IS
  'An SVG picture of a funnel: SELECT omnicrm.svg_funnel(jsonb_agg(f)) FROM (SELECT step, name, customers ...) AS f. Rows: step (a number that orders), name, customers (0 or more); rows of one step are summed up. Between two steps, how many percent go on. For light and dark backgrounds. Null or no rows: a picture that says so. Errors: invalid_parameter_value, program_limit_exceeded above 40 steps.';

CREATE FUNCTION omnicrm.svg_model_comparison(rows jsonb, title text DEFAULT 'Channels by attribution model')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  bars CONSTANT integer := 190;
  bars_end CONSTANT integer := 770;
  bar_height CONSTANT integer := 13;
  models text[];
  channels integer;
  lowest double precision;
  highest double precision;
  step double precision;
  scale double precision;
  zero double precision;
  length_of_bar double precision;
  mark double precision;
  item record;
  channel text;
  top integer := 96;
  legend text := '';
  x double precision := 24;
  y integer;
  marks text := '';
  body text := '';
BEGIN
  -- Models in the order in which they come first, so that the caller decides.
  SELECT array_agg(m.model ORDER BY m.n, m.model COLLATE "C") INTO models
  FROM (SELECT omnicrm.svg_label(r.body, 'model') AS model, min(omnicrm.svg_value(r.body, 'place', needed => false)) AS n FROM omnicrm.svg_rows(rows, 10000) AS r GROUP BY 1) AS m;
  IF models IS NULL THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  SELECT count(DISTINCT c.channel), least(0, min(c.value)), greatest(0, max(c.value)) INTO channels, lowest, highest
  FROM (SELECT omnicrm.svg_label(r.body, 'channel') AS channel, sum(omnicrm.svg_value(r.body, 'value')) AS value FROM omnicrm.svg_rows(rows, 10000) AS r
        GROUP BY omnicrm.svg_label(r.body, 'channel'), omnicrm.svg_label(r.body, 'model')) AS c;
  IF cardinality(models) > 8 OR channels > 60 THEN
    RAISE EXCEPTION 'a comparison of % models and % channels cannot be read', cardinality(models), channels
      USING ERRCODE = 'program_limit_exceeded', HINT = 'Up to 8 models and 60 channels are drawn.';
  END IF;
  IF lowest = highest THEN
    highest := 1;
  END IF;
  FOR i IN 1 .. cardinality(models) LOOP
    IF i > 1 AND x + 24 + 8 * least(length(models[i]), 24) > width - 24 THEN
      x := 24;
      top := top + 22;
    END IF;
    legend := legend || format(E'<rect class="s%s" x="%s" y="%s" width="13" height="13" rx="2"/>\n<text x="%s" y="%s">%s</text>\n', i, omnicrm.svg_at(x), top - 11,
      omnicrm.svg_at(x + 19), top, omnicrm.svg_text(replace(models[i], '_', ' '), 24));
    x := x + 44 + 7.5 * least(length(models[i]), 24);
  END LOOP;
  top := top + 40;
  scale := (bars_end - bars) / (highest - lowest);
  zero := bars - lowest * scale;
  y := top;
  FOR item IN
    SELECT c.*, dense_rank() OVER (ORDER BY c.size DESC, c.channel COLLATE "C") AS place
    FROM (SELECT g.channel, g.model, g.value, max(g.value) OVER (PARTITION BY g.channel) AS size
          FROM (SELECT omnicrm.svg_label(r.body, 'channel') AS channel, omnicrm.svg_label(r.body, 'model') AS model, sum(omnicrm.svg_value(r.body, 'value')) AS value
                FROM omnicrm.svg_rows(rows, 10000) AS r GROUP BY 1, 2) AS g) AS c
    ORDER BY place, array_position(models, c.model)
  LOOP
    IF channel IS DISTINCT FROM item.channel THEN
      y := top + (item.place - 1)::integer * (cardinality(models) * (bar_height + 2) + 18);
      body := body || format(E'<text class="end strong" x="%s" y="%s">%s</text>\n', bars - 14, omnicrm.svg_at(y + cardinality(models) * (bar_height + 2) / 2.0 + 4),
        omnicrm.svg_text(item.channel, 22));
      channel := item.channel;
    END IF;
    length_of_bar := abs(item.value::double precision) * scale;
    body := body || format(E'<g><title>%s, %s: %s</title><rect class="s%s" x="%s" y="%s" width="%s" height="%s" rx="2"/></g>\n',
      omnicrm.svg_text(item.channel, 60), omnicrm.svg_text(item.model, 40), trim_scale(item.value), array_position(models, item.model),
      omnicrm.svg_at(CASE WHEN item.value < 0 THEN zero - length_of_bar ELSE zero END),
      y + (array_position(models, item.model) - 1) * (bar_height + 2), omnicrm.svg_at(greatest(length_of_bar, 0.5)), bar_height);
    body := body || format(E'<text class="small halo" x="%s" y="%s">%s</text>\n', omnicrm.svg_at(zero + CASE WHEN item.value < 0 THEN 0 ELSE length_of_bar END + 6),
      y + (array_position(models, item.model) - 1) * (bar_height + 2) + 11, omnicrm.svg_short(item.value));
  END LOOP;
  y := top + channels * (cardinality(models) * (bar_height + 2) + 18) - 12;
  step := omnicrm.svg_step(highest - lowest, 8);
  FOR mark IN SELECT i * step FROM generate_series(ceil((lowest / step)::numeric), floor((highest / step)::numeric)) AS i LOOP
    marks := marks || format(E'<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s"/>\n<text class="small middle" x="%s" y="%s">%s</text>\n',
      CASE WHEN mark = 0 THEN 'zero' ELSE 'grid' END, omnicrm.svg_at(zero + mark * scale), top - 10, omnicrm.svg_at(zero + mark * scale), y,
      omnicrm.svg_at(zero + mark * scale), y + 18, omnicrm.svg_short(mark::numeric));
  END LOOP;
  RETURN omnicrm.svg_begin(width, y + 36, title, 'What each model credits to each channel.') || legend || marks || body || '</svg>';
END
$$;

COMMENT ON FUNCTION omnicrm.svg_model_comparison(jsonb, text) IS
  'An SVG picture of what several attribution models credit to each channel: SELECT omnicrm.svg_model_comparison(jsonb_agg(c)) FROM (SELECT channel, model, value ...) AS c. Rows: channel, model, value (may be negative), and place, a number that orders the models, else by name; rows of one channel and model are summed up; channels by their largest bar. For light and dark backgrounds. Null or no rows: a picture that says so. Errors: invalid_parameter_value, program_limit_exceeded above 8 models or 60 channels.';

CREATE FUNCTION omnicrm.svg_journey_map(rows jsonb, title text DEFAULT 'Journey map', worst double precision DEFAULT -2, best double precision DEFAULT 2)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width integer := 860;
  box_left CONSTANT integer := 190;
  box_top CONSTANT integer := 126;
  row_height CONSTANT integer := 68;
  phases text[];
  touchpoints text[];
  column_width double precision;
  radius double precision;
  mood double precision;
  reds boolean := false;
  item record;
  x double precision;
  y double precision;
  body text := '';
BEGIN
  IF worst IS NULL OR best IS NULL OR NOT (worst < best AND worst > -1e15 AND best < 1e15) THEN
    RAISE EXCEPTION 'worst and best satisfaction must ascend: %, %', worst, best USING ERRCODE = 'invalid_parameter_value';
  END IF;
  -- Phases as they are numbered, then as journeys go, then by name; touchpoints by volume.
  SELECT array_agg(p.phase ORDER BY p.n, array_position(ARRAY['pre-sale', 'sale', 'post-sale'], p.phase), p.phase COLLATE "C") INTO phases
  FROM (SELECT omnicrm.svg_label(r.body, 'phase') AS phase, min(omnicrm.svg_value(r.body, 'place', needed => false)) AS n FROM omnicrm.svg_rows(rows, 10000) AS r GROUP BY 1) AS p;
  IF phases IS NULL THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  SELECT array_agg(t.touchpoint ORDER BY t.volume DESC, t.touchpoint COLLATE "C") INTO touchpoints
  FROM (SELECT omnicrm.svg_label(r.body, 'touchpoint') AS touchpoint, sum(omnicrm.svg_value(r.body, 'volume', 0)) AS volume FROM omnicrm.svg_rows(rows, 10000) AS r GROUP BY 1) AS t;
  IF cardinality(phases) > 10 OR cardinality(touchpoints) > 60 THEN
    RAISE EXCEPTION 'a map of % phases and % touchpoints cannot be read', cardinality(phases), cardinality(touchpoints)
      USING ERRCODE = 'program_limit_exceeded', HINT = 'Up to 10 phases and 60 touchpoints are drawn.';
  END IF;
  width := greatest(width, box_left + 128 * cardinality(phases) + 24);
  column_width := (width - box_left - 24) / cardinality(phases)::double precision;
  FOR i IN 1 .. cardinality(touchpoints) LOOP
    body := body || format(E'<line class="grid" x1="24" y1="%s" x2="%s" y2="%s"/>\n<text class="end" x="%s" y="%s">%s</text>\n', box_top + i * row_height, width - 24, box_top + i * row_height,
      box_left - 12, box_top + (i - 1) * row_height + row_height / 2 + 4, omnicrm.svg_text(touchpoints[i], 22));
  END LOOP;
  FOR i IN 1 .. cardinality(phases) LOOP
    body := body || format(E'<text class="middle strong" x="%s" y="%s">%s</text>\n', omnicrm.svg_at(box_left + (i - 0.5) * column_width), box_top - 10,
      omnicrm.svg_text(replace(phases[i], '_', ' '), floor(column_width / 8)::integer));
  END LOOP;
  FOR item IN
    SELECT c.*, max(c.volume) OVER () AS most
    FROM (SELECT omnicrm.svg_label(r.body, 'phase') AS phase, omnicrm.svg_label(r.body, 'touchpoint') AS touchpoint, sum(omnicrm.svg_value(r.body, 'volume', 0)) AS volume,
                 (sum(omnicrm.svg_value(r.body, 'volume', 0) * omnicrm.svg_value(r.body, 'satisfaction', needed => false))
                  / nullif(sum(omnicrm.svg_value(r.body, 'volume', 0)) FILTER (WHERE omnicrm.svg_value(r.body, 'satisfaction', needed => false) IS NOT NULL), 0))::double precision AS satisfaction,
                 coalesce(bool_or(r.body -> 'red_point' = 'true'), false) AS red_point
          FROM omnicrm.svg_rows(rows, 10000) AS r GROUP BY 1, 2) AS c
    WHERE c.volume > 0
    ORDER BY array_position(touchpoints, c.touchpoint), array_position(phases, c.phase)
  LOOP
    x := box_left + (array_position(phases, item.phase) - 0.5) * column_width - least(30, column_width / 6);
    y := box_top + (array_position(touchpoints, item.touchpoint) - 0.5) * row_height;
    radius := 3 + 23 * sqrt((item.volume / item.most)::double precision);
    -- From orange at the worst over grey to blue at the best.
    mood := CASE WHEN item.satisfaction IS NOT NULL THEN least(1, greatest(-1, (2 * item.satisfaction - worst - best) / (best - worst))) END;
    body := body || format('<g><title>%s, %s: %s touches%s%s</title>', omnicrm.svg_text(item.phase, 40), omnicrm.svg_text(item.touchpoint, 60), trim_scale(item.volume),
      coalesce(', satisfaction ' || omnicrm.svg_number(item.satisfaction, 'FM999999990.00'), ''), CASE WHEN item.red_point THEN ', red point' ELSE '' END);
    body := body || format('<circle class="start" cx="%s" cy="%s" r="%s" fill-opacity="%s"/>', omnicrm.svg_at(x), omnicrm.svg_at(y), omnicrm.svg_at(radius),
      round((CASE WHEN mood IS NULL THEN 0.35 ELSE 0.5 * (1 - abs(mood)) END)::numeric, 3));
    IF mood <> 0 THEN
      body := body || format('<circle class="%s" cx="%s" cy="%s" r="%s" fill-opacity="%s"/>', CASE WHEN mood < 0 THEN 'against' ELSE 'for' END, omnicrm.svg_at(x), omnicrm.svg_at(y),
        omnicrm.svg_at(radius), round((0.2 + 0.8 * abs(mood))::numeric, 3));
    END IF;
    IF item.red_point THEN
      reds := true;
      body := body || format('<circle class="alarm" cx="%s" cy="%s" r="%s"/>', omnicrm.svg_at(x), omnicrm.svg_at(y), omnicrm.svg_at(radius + 4));
    END IF;
    body := body || format(E'<text class="%s" x="%s" y="%s">%s</text><text class="small" x="%s" y="%s">%s</text></g>\n',
      CASE WHEN item.red_point THEN 'alarmed' ELSE 'strong' END, omnicrm.svg_at(x + 36), omnicrm.svg_at(y - 1),
      CASE WHEN item.satisfaction > 0 AND worst < 0 THEN '+' ELSE '' END || coalesce(omnicrm.svg_number(item.satisfaction, 'FM999999990.00'), '&#8211;'),
      omnicrm.svg_at(x + 36), omnicrm.svg_at(y + 15), omnicrm.svg_short(item.volume));
  END LOOP;
  y := box_top + cardinality(touchpoints) * row_height;
  RETURN omnicrm.svg_begin(width, y::integer + 16, title, format('Size: number of touches. Colour: satisfaction from %s (orange) to %s (blue).%s',
           omnicrm.svg_number(worst, 'FM999999990.99'), omnicrm.svg_number(best, 'FM999999990.99'), CASE WHEN reds THEN ' Red ring: a red point.' ELSE '' END))
    || format(E'<line class="zero" x1="24" y1="%s" x2="%s" y2="%s"/>\n', box_top, width - 24, box_top) || body || '</svg>';
END
$$;

COMMENT ON FUNCTION omnicrm.svg_journey_map(jsonb, text, double precision, double precision) IS
  'An SVG picture of a journey map: SELECT omnicrm.svg_journey_map(jsonb_agg(m)) FROM (SELECT phase, touchpoint, volume, satisfaction, red_point ...) AS m. Rows: phase, touchpoint, volume (0 or more), and if known satisfaction (from worst to best; -2 to 2 is that of crm.touch.emotion), red_point (boolean), and place, a number that orders the phases (else pre-sale, sale, post-sale, then by name); rows of one phase and touchpoint are summed up, satisfaction weighted by volume; touchpoints by volume. For light and dark backgrounds. Null or no rows: a picture that says so. Errors: invalid_parameter_value, program_limit_exceeded above 10 phases or 60 touchpoints.';
