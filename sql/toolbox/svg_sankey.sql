-- A picture of flows: which way how many go.

-- The layer of each end of the edges: by their step, or without steps by the
-- longest way to it, which takes edges that go in no circle.
CREATE FUNCTION omnicrm.svg_sankey_edges(edges jsonb, OUT source_layer integer, OUT source text, OUT target_layer integer, OUT target text, OUT value numeric)
RETURNS SETOF record
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  most CONSTANT integer := 20;
  names text[];
  layers integer[];
  first_step numeric;
  last_step numeric;
  without bigint;
  moved boolean := true;
  edge record;
BEGIN
  SELECT min(e.step), max(e.step), count(*) FILTER (WHERE e.step IS NULL) INTO first_step, last_step, without
  FROM (SELECT trunc(omnicrm.svg_value(r.body, 'step', needed => false)) AS step FROM omnicrm.svg_rows(edges, 5000) AS r) AS e;
  IF first_step IS NOT NULL AND without > 0 THEN
    RAISE EXCEPTION '% of the edges have no step', without USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a step to all edges or to none.';
  END IF;
  IF last_step - first_step >= most THEN
    RAISE EXCEPTION 'steps from % to % are too many', first_step, last_step USING ERRCODE = 'program_limit_exceeded', HINT = format('Up to %s steps are drawn.', most);
  END IF;
  IF first_step IS NULL THEN
    SELECT array_agg(DISTINCT n.name COLLATE "C" ORDER BY n.name COLLATE "C") INTO names
    FROM omnicrm.svg_rows(edges, 5000) AS r CROSS JOIN LATERAL unnest(ARRAY[omnicrm.svg_label(r.body, 'source'), omnicrm.svg_label(r.body, 'target')]) AS n(name)
    WHERE omnicrm.svg_value(r.body, 'value', 0) > 0;
    layers := array_fill(0, ARRAY[coalesce(cardinality(names), 0)]);
    FOR round IN 0 .. most + 1 LOOP
      EXIT WHEN NOT moved;
      moved := false;
      FOR edge IN
        SELECT array_position(names, omnicrm.svg_label(r.body, 'source')) AS since, array_position(names, omnicrm.svg_label(r.body, 'target')) AS upto
        FROM omnicrm.svg_rows(edges, 5000) AS r WHERE omnicrm.svg_value(r.body, 'value', 0) > 0 ORDER BY 1, 2
      LOOP
        IF layers[edge.upto] <= layers[edge.since] THEN
          IF layers[edge.since] >= most THEN
            RAISE EXCEPTION 'edges go in a circle, or over more than % layers, by way of "%"', most, left(names[edge.upto], 60)
              USING ERRCODE = 'invalid_parameter_value', HINT = 'Number the steps of the journeys in a member step, so that a place may come twice.';
          END IF;
          layers[edge.upto] := layers[edge.since] + 1;
          moved := true;
        END IF;
      END LOOP;
    END LOOP;
  END IF;
  RETURN QUERY
    SELECT s.since, s.source, s.upto, s.target, sum(s.value)
    FROM (SELECT e.*, CASE WHEN first_step IS NULL THEN layers[array_position(names, e.source)] ELSE (e.step - first_step)::integer END AS since,
                 CASE WHEN first_step IS NULL THEN layers[array_position(names, e.target)] ELSE (e.step - first_step)::integer + 1 END AS upto
          FROM (SELECT omnicrm.svg_label(r.body, 'source') AS source, omnicrm.svg_label(r.body, 'target') AS target, omnicrm.svg_value(r.body, 'value', 0) AS value,
                       trunc(omnicrm.svg_value(r.body, 'step', needed => false)) AS step
                FROM omnicrm.svg_rows(edges, 5000) AS r) AS e
          WHERE e.value > 0) AS s
    GROUP BY 1, 2, 3, 4;
END
$$;

COMMENT ON FUNCTION omnicrm.svg_sankey_edges(jsonb) IS
  'The edges of svg_sankey(), summed up, with the layers of their ends from 0. Errors: as there.';

CREATE FUNCTION omnicrm.svg_sankey(edges jsonb, title text DEFAULT 'Ways of the customers')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  width CONSTANT integer := 860;
  box_left CONSTANT integer := 24;
  box_top CONSTANT integer := 92;
  bar CONSTANT integer := 14;
  gap CONSTANT integer := 16;
  -- Edges, and nodes by layer and name; places and heights in the order of nodes.
  since integer[];
  upto integer[];
  amounts double precision[];
  names text[];
  layers integer[];
  sizes double precision[];
  tops double precision[];
  colours integer[];
  last_layer integer;
  height integer;
  scale double precision;
  spacing double precision;
  y double precision;
  node record;
  edge record;
  body text[] := '{}';
  labels text := '';
BEGIN
  WITH edge AS MATERIALIZED (
    SELECT * FROM omnicrm.svg_sankey_edges(edges)
  ), node AS (
    SELECT s.layer, s.name, greatest(sum(s.outward), sum(s.inward)) AS size
    FROM (SELECT e.source_layer AS layer, e.source AS name, e.value AS outward, 0 AS inward FROM edge AS e
          UNION ALL SELECT e.target_layer, e.target, 0, e.value FROM edge AS e) AS s
    GROUP BY 1, 2
  ), numbered AS (
    SELECT n.*, row_number() OVER (ORDER BY n.layer, n.size DESC, n.name COLLATE "C") AS id FROM node AS n
  ), coloured AS (
    SELECT c.name, least(8, row_number() OVER (ORDER BY max(c.size) DESC, c.name COLLATE "C")) AS colour FROM node AS c GROUP BY c.name
  )
  SELECT (SELECT array_agg(n.layer ORDER BY n.id) FROM numbered AS n), (SELECT array_agg(n.name ORDER BY n.id) FROM numbered AS n),
         (SELECT array_agg(n.size::double precision ORDER BY n.id) FROM numbered AS n),
         (SELECT array_agg(c.colour::integer ORDER BY n.id) FROM numbered AS n JOIN coloured AS c USING (name)),
         array_agg(s.id ORDER BY s.id, t.id), array_agg(t.id ORDER BY s.id, t.id), array_agg(e.value::double precision ORDER BY s.id, t.id)
    INTO layers, names, sizes, colours, since, upto, amounts
  FROM edge AS e
    JOIN numbered AS s ON s.layer = e.source_layer AND s.name = e.source
    JOIN numbered AS t ON t.layer = e.target_layer AND t.name = e.target;
  IF names IS NULL THEN
    RETURN omnicrm.svg_nothing(title);
  END IF;
  IF cardinality(names) > 400 THEN
    RAISE EXCEPTION 'a picture of % places cannot be read', cardinality(names)
      USING ERRCODE = 'program_limit_exceeded', HINT = 'Up to 400 are drawn: keep the largest and sum up the others.';
  END IF;
  last_layer := layers[cardinality(layers)];
  spacing := (width - box_left - 24 - 150 - bar) / last_layer::double precision;
  SELECT greatest(340, max(l.n) * 36) INTO height FROM (SELECT count(*) AS n FROM unnest(layers) AS l(layer) GROUP BY l.layer) AS l;
  SELECT min((height - (l.n - 1) * gap) / l.size) INTO scale
  FROM (SELECT count(*) AS n, sum(s.size ORDER BY s.i) AS size FROM unnest(layers, sizes) WITH ORDINALITY AS s(layer, size, i) GROUP BY s.layer) AS l;

  -- Each layer in the middle, its nodes as near as can be to where they come from.
  tops := array_fill(NULL::double precision, ARRAY[cardinality(names)]);
  FOR layer IN 0 .. last_layer LOOP
    y := NULL;
    FOR node IN
      SELECT n.i, sum(n.size * scale + gap) OVER () - gap AS total
      FROM (SELECT i, sizes[i] AS size, (SELECT sum((tops[e.since] + sizes[e.since] * scale / 2) * e.amount ORDER BY e.since) / sum(e.amount ORDER BY e.since)
                                         FROM unnest(since, upto, amounts) AS e(since, upto, amount) WHERE e.upto = i) AS origin
            FROM generate_subscripts(names, 1) AS i WHERE layers[i] = layer) AS n
      ORDER BY round(n.origin::numeric, 3), n.i
    LOOP
      y := coalesce(y, box_top + (height - node.total) / 2);
      tops[node.i] := y;
      y := y + sizes[node.i] * scale + gap;
    END LOOP;
  END LOOP;

  FOR edge IN
    SELECT e.*, tops[e.since] + scale * (sum(e.amount) OVER (PARTITION BY e.since ORDER BY tops[e.upto], e.upto ROWS UNBOUNDED PRECEDING) - e.amount) AS y_since,
           tops[e.upto] + scale * (sum(e.amount) OVER (PARTITION BY e.upto ORDER BY layers[e.since], tops[e.since], e.since ROWS UNBOUNDED PRECEDING) - e.amount) AS y_upto,
           box_left + layers[e.since] * spacing + bar AS x_since, box_left + layers[e.upto] * spacing AS x_upto
    FROM unnest(since, upto, amounts) AS e(since, upto, amount)
    ORDER BY e.since, e.upto
  LOOP
    body := body || format(E'<path class="flow s%s" d="M%s %sC%s %s %s %s %s %sV%sC%s %s %s %s %s %sZ"><title>%s &#8594; %s: %s</title></path>\n', colours[edge.since],
      omnicrm.svg_at(edge.x_since), omnicrm.svg_at(edge.y_since), omnicrm.svg_at((edge.x_since + edge.x_upto) / 2), omnicrm.svg_at(edge.y_since),
      omnicrm.svg_at((edge.x_since + edge.x_upto) / 2), omnicrm.svg_at(edge.y_upto), omnicrm.svg_at(edge.x_upto), omnicrm.svg_at(edge.y_upto),
      omnicrm.svg_at(edge.y_upto + greatest(edge.amount * scale, 0.5)),
      omnicrm.svg_at((edge.x_since + edge.x_upto) / 2), omnicrm.svg_at(edge.y_upto + greatest(edge.amount * scale, 0.5)),
      omnicrm.svg_at((edge.x_since + edge.x_upto) / 2), omnicrm.svg_at(edge.y_since + greatest(edge.amount * scale, 0.5)),
      omnicrm.svg_at(edge.x_since), omnicrm.svg_at(edge.y_since + greatest(edge.amount * scale, 0.5)),
      omnicrm.svg_text(names[edge.since], 60), omnicrm.svg_text(names[edge.upto], 60), omnicrm.svg_short(edge.amount::numeric));
  END LOOP;
  FOR i IN 1 .. cardinality(names) LOOP
    body := body || format(E'<g><title>%s: %s</title><rect class="s%s" x="%s" y="%s" width="%s" height="%s" rx="2"/></g>\n', omnicrm.svg_text(names[i], 80),
      omnicrm.svg_short(sizes[i]::numeric), colours[i], omnicrm.svg_at(box_left + layers[i] * spacing), omnicrm.svg_at(tops[i]), bar, omnicrm.svg_at(greatest(sizes[i] * scale, 1)));
    labels := labels || format(E'<text class="halo" x="%s" y="%s">%s<tspan class="small" dx="6">%s</tspan></text>\n', omnicrm.svg_at(box_left + layers[i] * spacing + bar + 6),
      omnicrm.svg_at(tops[i] + sizes[i] * scale / 2 + 4.5), omnicrm.svg_text(names[i], greatest(5, least(16, floor((spacing - bar - 50) / 7.5)::integer))),
      omnicrm.svg_short(sizes[i]::numeric));
  END LOOP;
  RETURN omnicrm.svg_begin(width, box_top + height + 24, title, 'From left to right; the wider, the more.') || array_to_string(body, '') || labels || '</svg>';
END
$$;

COMMENT ON FUNCTION omnicrm.svg_sankey(jsonb, text) IS
  'An SVG picture of flows (Sankey diagram): SELECT omnicrm.svg_sankey(jsonb_agg(e)) FROM (SELECT step, source, target, value ...) AS e. Rows: source, target, value (0 or more), and step, a whole number, in all rows or in none: with it source stands in that layer and target in the next, so that a place may come again later; without it places stand by the longest way to them, and edges must not go in a circle. Rows of one edge are summed up. A colour for each of the seven largest places, grey for the others. For light and dark backgrounds. Null or no rows: a picture that says so. Errors: invalid_parameter_value (circles, negative values), program_limit_exceeded above 5,000 edges, 400 places or 20 steps.';
