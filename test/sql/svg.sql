-- Pictures of segments, journeys and attribution: SVG as text.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE SCHEMA t;
-- A picture without its colours, which are the same in all.
CREATE FUNCTION t.shown(svg text) RETURNS text LANGUAGE sql
AS $$ SELECT regexp_replace(svg, '<style>.*</style>', '<style/>') $$;
-- Every tag is closed, no bare ampersand, nothing that is no number as a place, both themes, told to screen readers.
CREATE FUNCTION t.sound(svg text) RETURNS boolean LANGUAGE sql
AS $$
  SELECT (SELECT count(*) FROM regexp_matches(svg, '<[a-z]', 'g'))
           = (SELECT count(*) FROM regexp_matches(svg, '</[a-z0-9]+>|/>', 'g'))
     AND regexp_replace(svg, '<style>.*</style>', '') !~ '&(?!(amp|lt|gt|quot|#[0-9]+);)'
     AND svg !~ '[\x01-\x08\x0b-\x1f]|NaN|Infinity|##|=""'
     AND svg !~ ' (x|y|x1|x2|y1|y2|cx|cy|r|width|height)="(?!-?[0-9]+(\.[0-9])?")'
     AND svg !~ ' (width|height|r)="-'
     AND svg ~ '^<svg xmlns="http://www.w3.org/2000/svg" .*</svg>$'
     AND svg ~ 'prefers-color-scheme: dark' AND svg ~ '<title id="title">' AND svg ~ '<desc id="description">'
     AND svg ~ '^[\x01-\x7f]*$'
$$;
CREATE FUNCTION t.texts(svg text) RETURNS text LANGUAGE sql
AS $$ SELECT string_agg(regexp_replace(m[1], '<[^>]*>', '', 'g'), ' | ') FROM regexp_matches(svg, '<text[^>]*?>(.*?)</text>', 'g') AS m WHERE m[1] <> '' $$;

-- One of each, to the byte.
SELECT t.shown(omnicrm.svg_rfm_grid('[{"recency_score": 5, "frequency_score": 5, "segment": "champions", "customers": 120, "revenue_share": 0.5},
  {"recency_score": 1, "frequency_score": 1, "segment": "hibernating", "customers": 360, "revenue_share": -0.01}, {"recency_score": 3, "frequency_score": 1, "segment": null, "customers": 0}]'));
SELECT t.shown(omnicrm.svg_pareto_curve('[{"percentile": 20, "cumulative_revenue_share": 0.65, "revenue_class": "A"}, {"percentile": 60, "cumulative_revenue_share": 0.96, "revenue_class": "B"},
  {"percentile": 100, "cumulative_revenue_share": 0.98, "revenue_class": "L"}]'));
SELECT t.shown(omnicrm.svg_cohort_heatmap('[{"cohort": "2024-01-01", "months_since": 0, "customers": 200, "retained": 200}, {"cohort": "2024-01-01", "months_since": 1, "customers": 200, "retained": 50},
  {"cohort": "2024-02-01", "months_since": 0, "customers": 100, "retained": 100}, {"cohort": "2024-01-01", "months_since": 2, "customers": 200, "retained": 0}, {"cohort": "2024-02-01", "months_since": 1, "customers": 100, "retained": 10}]'));
SELECT t.shown(omnicrm.svg_alive_matrix('{"model": "mbg_nbd", "version": 1, "parameters": {"r": 0.5, "alpha": 6, "a": 1, "b": 1.5}}', 2, 3));
SELECT t.shown(omnicrm.svg_funnel('[{"step": 2, "name": "basket", "customers": 250}, {"step": 1, "name": "visit", "customers": 1000}, {"step": 3, "name": "order", "customers": 0}]'));
SELECT t.shown(omnicrm.svg_model_comparison('[{"channel": "Email", "model": "last", "value": 120.5, "place": 2}, {"channel": "Email", "model": "first", "value": 80, "place": 1}, {"channel": "Store", "model": "last", "value": -30, "place": 2}]'));
SELECT t.shown(omnicrm.svg_journey_map('[{"phase": "sale", "touchpoint": "Store", "volume": 300, "satisfaction": 1.5}, {"phase": "pre-sale", "touchpoint": "Web", "volume": 1200, "satisfaction": -1.25, "red_point": true},
  {"phase": "post-sale", "touchpoint": "Web", "volume": 20, "red_point": false}]'));
SELECT t.shown(omnicrm.svg_sankey('[{"source": "Email", "target": "Web", "value": 30}, {"source": "Social", "target": "Web", "value": 10}, {"source": "Web", "target": "order", "value": 5}, {"source": "Email", "target": "order", "value": 0}]'));

-- Every picture of the same rows in any order is the same.
CREATE FUNCTION t.rows(kind text, seed integer DEFAULT 0) RETURNS jsonb LANGUAGE sql
AS $$
  SELECT jsonb_agg(b ORDER BY hashtext(b::text || seed))
  FROM (SELECT CASE kind
      WHEN 'rfm' THEN jsonb_build_object('recency_score', 1 + n % 5, 'frequency_score', 1 + n / 5 % 5, 'segment', 's' || n % 7, 'customers', h % 1000 / 3.0, 'revenue_share', h % 100 / 1300.0)
      WHEN 'pareto' THEN jsonb_build_object('part', n / 60.0, 'share', sqrt(n / 60.0))
      WHEN 'cohort' THEN jsonb_build_object('cohort', 'c' || n % 8, 'months_since', n / 8, 'customers', 1000, 'retained', h % 1000)
      WHEN 'funnel' THEN jsonb_build_object('step', n % 6, 'name', 'step' || n % 6, 'customers', h % 1000 / 7.0)
      WHEN 'comparison' THEN jsonb_build_object('channel', 'c' || n % 9, 'model', 'm' || n % 4, 'value', h % 1000 / 7.0 - 20)
      WHEN 'journey' THEN jsonb_build_object('phase', 'p' || n % 3, 'touchpoint', 't' || n % 7, 'volume', h % 1000 / 7.0, 'satisfaction', h % 5 - 2, 'red_point', h % 7 = 0)
      WHEN 'sankey' THEN jsonb_build_object('step', n % 4, 'source', 'n' || n % 6, 'target', 'n' || h % 5, 'value', h % 1000 / 7.0)
      END AS b
    FROM (SELECT n, abs(hashint4(n)::bigint)::integer AS h FROM generate_series(1, 60) AS n) AS x) AS y
$$;
CREATE FUNCTION t.picture(kind text, rows jsonb, title text DEFAULT 'Title') RETURNS text LANGUAGE sql
AS $$
  SELECT CASE kind WHEN 'rfm' THEN omnicrm.svg_rfm_grid(rows, title) WHEN 'pareto' THEN omnicrm.svg_pareto_curve(rows, title) WHEN 'cohort' THEN omnicrm.svg_cohort_heatmap(rows, title)
    WHEN 'funnel' THEN omnicrm.svg_funnel(rows, title) WHEN 'comparison' THEN omnicrm.svg_model_comparison(rows, title) WHEN 'journey' THEN omnicrm.svg_journey_map(rows, title)
    WHEN 'sankey' THEN omnicrm.svg_sankey(rows, title) END
$$;
CREATE VIEW t.kind AS SELECT k FROM unnest('{rfm,pareto,cohort,funnel,comparison,journey,sankey}'::text[]) AS k;
SELECT k, count(DISTINCT t.picture(k, t.rows(k, s))), bool_and(t.sound(t.picture(k, t.rows(k, s)))) FROM t.kind, generate_series(1, 5) AS s GROUP BY k ORDER BY k;
-- Settings of the session play no part.
CREATE TABLE t.before AS SELECT k, t.picture(k, t.rows(k)) AS svg FROM t.kind;
SET extra_float_digits = -15;
SET datestyle = 'German';
SELECT count(*) AS differ FROM t.before WHERE svg IS DISTINCT FROM t.picture(k, t.rows(k));
RESET extra_float_digits;
RESET datestyle;

-- Nothing to show.
SELECT k, t.sound(svg), t.texts(svg) FROM t.kind, LATERAL t.picture(k, '[]') AS svg ORDER BY k;
SELECT count(*) FROM t.kind WHERE t.picture(k, NULL) = t.picture(k, '[]') AND t.picture(k, 'null', NULL) ~ 'nothing to show';
SELECT t.texts(omnicrm.svg_alive_matrix(NULL));
-- Markup, control characters and long names are text.
CREATE FUNCTION t.hostile(kind text, value text) RETURNS jsonb LANGUAGE sql
AS $$
  SELECT jsonb_agg(o) FROM (SELECT (SELECT jsonb_object_agg(e.key, CASE WHEN jsonb_typeof(e.value) = 'string' THEN to_jsonb(value || e.value #>> '{}') ELSE e.value END) FROM jsonb_each(r) AS e) AS o
                            FROM jsonb_array_elements(t.rows(kind)) AS r) AS x
$$;
SELECT k, bool_and(t.sound(svg)), bool_or(svg ~ '<script|<b>|]]>'), max(length(svg)) < 200000
FROM t.kind, unnest(ARRAY['</text><script>alert("x")</script>', ' & '' "', E'\x01\x1f\t\n]]>', '%s %1$s %n \1', repeat('long ', 20000), '']) AS v, LATERAL t.picture(k, t.hostile(k, v), '<b>' || v) AS svg
GROUP BY k ORDER BY k;
SELECT t.sound(omnicrm.svg_alive_matrix('{"model": "mbg_nbd", "version": 1, "parameters": {"r": 0.5, "alpha": 6, "a": 1, "b": 1.5}}', 1, 1, '<b>', '<i>&' || repeat('u', 100000)));
-- Members that are null or missing have a name.
SELECT t.texts(omnicrm.svg_model_comparison('[{"value": 3}, {"channel": null, "model": null, "value": 4}, {"channel": ["x"], "model": 7, "value": 1}]'));

-- One row, zeros, huge, tiny and negative figures.
CREATE FUNCTION t.one(kind text, value numeric) RETURNS jsonb LANGUAGE sql
AS $$
  SELECT jsonb_build_array(CASE kind
      WHEN 'rfm' THEN jsonb_build_object('recency_score', 9, 'frequency_score', 1, 'customers', greatest(value, 0), 'revenue_share', value)
      WHEN 'pareto' THEN jsonb_build_object('part', 1, 'share', value)
      WHEN 'cohort' THEN jsonb_build_object('cohort', 'c', 'months_since', 3, 'customers', greatest(value, 0), 'retained', greatest(value, 0))
      WHEN 'funnel' THEN jsonb_build_object('step', value, 'name', 'n', 'customers', greatest(value, 0))
      WHEN 'comparison' THEN jsonb_build_object('channel', 'c', 'model', 'm', 'value', value)
      WHEN 'journey' THEN jsonb_build_object('phase', 'p', 'touchpoint', 't', 'volume', greatest(value, 0), 'satisfaction', value)
      WHEN 'sankey' THEN jsonb_build_object('source', 'a', 'target', 'b', 'value', greatest(value, 0)) END)
$$;
SELECT k, string_agg(t.sound(svg)::text, ' ' ORDER BY v) AS sound, max(length(svg)) < 20000 AS small
FROM t.kind, unnest('{0,1,-1,1e15,-1e15,1e-12,1e-300,99.999,99999.5,999949999,0.333333333333333333333333333333}'::numeric[]) AS v, LATERAL t.picture(k, t.one(k, v)) AS svg GROUP BY k ORDER BY k;
SELECT k, count(*) FILTER (WHERE t.sound(t.picture(k, r))) FROM t.kind, LATERAL (SELECT t.one(k, 1) || t.one(k, 1e15) || t.one(k, 1e-9) AS r) AS r WHERE k <> 'pareto' GROUP BY k ORDER BY k;
SELECT v, omnicrm.svg_short(v) FROM unnest('{0,1,-1,0.001,-0.001,0.125,12.3,99.99,99.999,100.4,-1234.5,99999.4,99999.5,999949,999950,999949999,999950000,999949999999,999950000000,1e15,-1e15,9.9e23,1e24,-1e40}'::numeric[]) AS v ORDER BY v;
SELECT v, omnicrm.svg_percent(v) FROM unnest('{0,1,-1,0.5,-0.0001,1e-9,-1e-9,12.5,0.0123,1234.5,1e300}'::double precision[]) AS v ORDER BY v;
-- The largest that are drawn, and beyond.
SELECT t.sound(omnicrm.svg_cohort_heatmap(jsonb_agg(jsonb_build_object('cohort', c, 'months_since', m, 'customers', 9, 'retained', (c + m) % 10))))
FROM generate_series(101, 250) AS c, generate_series(0, 149) AS m WHERE c < 107 OR m < 6;
SELECT t.sound(omnicrm.svg_sankey(jsonb_agg(jsonb_build_object('step', s, 'source', 'n' || a, 'target', 'n' || b, 'value', 1 + a * b % 7)))) FROM generate_series(1, 20) AS s, generate_series(1, 19) AS a, generate_series(1, 19) AS b WHERE (a + b + s) % 6 = 0;
SELECT t.sound(omnicrm.svg_alive_matrix('{"model": "mbg_nbd", "version": 1, "parameters": {"r": 0.5, "alpha": 6, "a": 1, "b": 1.5}}', 60, 10000));
SELECT t.sound(omnicrm.svg_alive_matrix('{"model": "bg_bb", "version": 1, "parameters": {"alpha": 1.2, "beta": 0.75, "gamma": 0.66, "delta": 2.78}}', 10, 6, unit => 'years'));
SELECT omnicrm.svg_cohort_heatmap('[{"cohort": 1, "months_since": 151, "customers": 1, "retained": 1}]');
SELECT omnicrm.svg_sankey((SELECT jsonb_agg(jsonb_build_object('source', 'a', 'target', g, 'value', 1)) FROM generate_series(1, 400) AS g));
SELECT omnicrm.svg_sankey((SELECT jsonb_agg(jsonb_build_object('source', 'a', 'target', 'b', 'value', 1)) FROM generate_series(1, 5001) AS g));
SELECT omnicrm.svg_sankey((SELECT jsonb_agg(jsonb_build_object('source', g, 'target', g + 1, 'value', 1)) FROM generate_series(1, 21) AS g));
SELECT omnicrm.svg_sankey('[{"step": 1, "source": "a", "target": "b", "value": 1}, {"step": 21, "source": "a", "target": "b", "value": 1}]');
SELECT omnicrm.svg_funnel((SELECT jsonb_agg(jsonb_build_object('step', g, 'name', 'a', 'customers', 1)) FROM generate_series(1, 41) AS g));
SELECT omnicrm.svg_model_comparison((SELECT jsonb_agg(jsonb_build_object('channel', 'a', 'model', g, 'value', 1)) FROM generate_series(1, 9) AS g));
SELECT omnicrm.svg_journey_map((SELECT jsonb_agg(jsonb_build_object('phase', g, 'touchpoint', 'a', 'volume', 1)) FROM generate_series(1, 11) AS g));
-- Steps of a journey may come back; without steps edges go in no circle.
SELECT t.texts(omnicrm.svg_sankey('[{"step": 3, "source": "a", "target": "b", "value": 1}, {"step": 4, "source": "b", "target": "a", "value": 1}]'));
SELECT omnicrm.svg_sankey('[{"source": "a", "target": "b", "value": 1}, {"source": "b", "target": "a", "value": 1}]');
SELECT omnicrm.svg_sankey('[{"source": "a", "target": "a", "value": 1}]');
SELECT omnicrm.svg_sankey('[{"step": 3, "source": "a", "target": "b", "value": 1}, {"source": "b", "target": "a", "value": 1}]');
-- Bad rows.
SELECT omnicrm.svg_funnel('{"step": 1}');
SELECT omnicrm.svg_funnel('[3]');
SELECT omnicrm.svg_funnel('[{"step": 1, "name": "a"}]');
SELECT omnicrm.svg_funnel('[{"step": 1, "name": "a", "customers": "7"}]');
SELECT omnicrm.svg_funnel('[{"step": 1, "name": "a", "customers": -7}]');
SELECT omnicrm.svg_funnel('[{"step": 1, "name": "a", "customers": 1e400}]');
SELECT omnicrm.svg_rfm_grid('[{"recency_score": 0, "frequency_score": 1, "customers": 1}]');
SELECT omnicrm.svg_rfm_grid('[{"recency_score": 10, "frequency_score": 1, "customers": 1}]');
SELECT omnicrm.svg_pareto_curve('[{"part": 20, "share": 1}]');
SELECT omnicrm.svg_pareto_curve('[{"part": 0.2}]');
SELECT omnicrm.svg_pareto_curve(to_jsonb(omnicrm.pareto_curve(v, 4))) ~ 'best' FROM unnest('{1,2,3,NULL}'::double precision[]) AS v;
SELECT omnicrm.svg_alive_matrix('{}');
SELECT omnicrm.svg_alive_matrix('{"model": "mbg_nbd", "version": 1, "parameters": {"r": 0.5, "alpha": 6, "a": 1, "b": 1.5}}', 0);
SELECT omnicrm.svg_alive_matrix('{"model": "mbg_nbd", "version": 1, "parameters": {"r": 0.5, "alpha": 6, "a": 1, "b": 1.5}}', 5, NULL);
SELECT omnicrm.svg_journey_map('[]', 'x', 2, 2);
SELECT omnicrm.svg_journey_map('[]', 'x', 2, 'NaN');

DROP SCHEMA t CASCADE;
