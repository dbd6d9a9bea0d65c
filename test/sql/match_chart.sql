-- match_model_chart(), match_threshold_chart(): SVG pictures.
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
SET client_min_messages = warning;
CREATE SCHEMA t;
-- A picture without its colours, which are the same in all.
CREATE FUNCTION t.shown(svg text) RETURNS text LANGUAGE sql
AS $$ SELECT regexp_replace(svg, '<style>.*</style>', '<style/>') $$;
-- Every tag is closed, no bare ampersand, nothing that is no number as a place.
CREATE FUNCTION t.sound(svg text) RETURNS boolean LANGUAGE sql
AS $$
  SELECT (SELECT count(*) FROM regexp_matches(svg, '<[a-z]', 'g'))
           = (SELECT count(*) FROM regexp_matches(svg, '</[a-z0-9]+>|/>', 'g'))
     AND regexp_replace(svg, '<style>.*</style>', '') !~ '&(?!(amp|lt|gt|quot|#[0-9]+);)'
     AND svg !~ '[\x01-\x08\x0b-\x1f]|NaN|Infinity'
     AND svg ~ '^<svg xmlns="http://www.w3.org/2000/svg" .*</svg>$'
$$;

SELECT t.shown(omnicrm.match_model_chart('{"omnicrm_model": 1, "prior": 0.001, "records": 50578, "threshold": 0, "review": -4.25, "comparisons": [
  {"column": "first_name", "kind": "given_name", "levels": [{"level": "exact", "m": 0.5, "u": 0.125}, {"level": "one_typing_error", "m": 0.25, "u": 0.0009765625},
   {"level": "different", "m": 0.25, "u": 0.8740234375}], "term_frequency": {"ana": 0.03, "eva": 0.01}},
  {"column": "email", "levels": [{"level": "exact", "m": 0.75, "u": 0.00000001}, {"level": "same", "m": 0.1, "u": 0.1}, {"level": "different", "m": 0.15, "u": 1}], "extra": 1}],
  "more": true}'));

-- Markup in names is text; long names are cut.
CREATE TABLE t.picture AS
SELECT omnicrm.match_model_chart(jsonb_build_object('omnicrm_model', 1, 'comparisons', jsonb_build_array(jsonb_build_object(
  'column', '</text><script>alert("x")</script>', 'kind', 'a & b' || chr(1) || chr(31), 'levels', jsonb_build_array(
    jsonb_build_object('level', '<' || repeat('''"&', 400000), 'm', 1, 'u', 1))))), '<b>' || repeat('t', 1000000)) AS svg;
SELECT t.sound(svg), svg ~ '<script|<b>', length(svg) < 6000 FROM t.picture;
SELECT regexp_matches(svg, '<text class="group".*?</text>') FROM t.picture;

-- Impossible and certain: probabilities of 0, as good as 0, priors 0 and 1.
SELECT p.prior, t.sound(svg), (SELECT string_agg(b[1], ' ') FROM regexp_matches(svg, '<title>[^<]*: ([^<]*) bits', 'g') AS b)
FROM (VALUES ('0'), ('1'), ('null'), ('1e-400'), ('0.5')) AS p(prior),
     omnicrm.match_model_chart(('{"omnicrm_model": 1, "prior": ' || p.prior || ', "records": 1e15, "comparisons": [{"column": "", "levels": [
       {"level": "", "m": 0, "u": 0}, {"level": "", "m": 0, "u": 1}, {"level": "", "m": 1, "u": 0}, {"level": "", "m": 1e-400, "u": 1e-5},
       {"level": "", "m": 1e-299, "u": 0.5}, {"level": "", "m": 1, "u": 1e-299}]}]}')::jsonb, NULL) AS svg;
-- The largest model that is drawn.
SELECT t.sound(svg), length(svg) < 10000000
FROM (SELECT jsonb_agg(jsonb_build_object('level', 'level ' || l, 'm', l / 100.0, 'u', (100 - l) / 100.0)) AS levels FROM generate_series(1, 100) AS l) AS l,
     LATERAL (SELECT omnicrm.match_model_chart(jsonb_build_object('omnicrm_model', 1, 'comparisons',
       (SELECT jsonb_agg(jsonb_build_object('column', c, 'levels', levels)) FROM generate_series(101, 200) AS c0, LATERAL (SELECT c0::text AS c) AS c))) AS svg) AS p;

-- Broken models.
SELECT omnicrm.match_model_chart(NULL);
SELECT omnicrm.match_model_chart('[]');
SELECT omnicrm.match_model_chart('{}');
SELECT omnicrm.match_model_chart('{"omnicrm_model": 2, "comparisons": []}');
SELECT omnicrm.match_model_chart('{"omnicrm_model": 1}');
CREATE FUNCTION t.complaint(comparisons text, more text DEFAULT '') RETURNS text LANGUAGE plpgsql
AS $$
BEGIN
  RETURN left(omnicrm.match_model_chart(('{"omnicrm_model": 1, "comparisons": ' || comparisons || more || '}')::jsonb), 4);
EXCEPTION WHEN invalid_parameter_value THEN
  RETURN SQLERRM;
END
$$;
SELECT t.complaint(c) FROM unnest(ARRAY['3', '[]', '[3]', '[{}]', '[{"column": 7}]', '[{"column": "a"}]', '[{"column": "a", "levels": []}]', '[{"column": "a", "levels": [1]}]',
  '[{"column": "a", "levels": [{"m": 1, "u": 1}]}]', '[{"column": "a", "levels": [{"level": "x", "m": 1}]}]', '[{"column": "a", "levels": [{"level": "x", "m": "1", "u": 1}]}]',
  '[{"column": "a", "levels": [{"level": "x", "m": -0.1, "u": 1}]}]', '[{"column": "a", "levels": [{"level": "x", "m": 1, "u": 1e999}]}]',
  '[{"column": "a", "kind": 1, "levels": [{"level": "x", "m": 1, "u": 1}]}]', '[{"column": "a", "term_frequency": [], "levels": [{"level": "x", "m": 1, "u": 1}]}]',
  '[{"column": "a", "levels": [{"level": "x", "m": 1, "u": 1}]}]']) AS c;
SELECT t.complaint('[{"column": "a", "levels": [{"level": "x", "m": 1, "u": 1}]}]', m)
FROM unnest(ARRAY[', "prior": 2', ', "prior": "x"', ', "records": -1', ', "threshold": 1e400', ', "review": []', ', "review": null']) AS m;

-- The threshold curve, for any order of rows and from rows of both evaluations.
CREATE TABLE t.curve (threshold double precision, precision double precision, recall double precision);
INSERT INTO t.curve VALUES (10, 1, 0.25), (-5, 0.5, 1), (0, 0.75, 0.75);
SELECT t.shown(omnicrm.match_threshold_chart(threshold, precision, recall)) FROM t.curve;
SELECT count(DISTINCT svg)
FROM generate_series(1, 6) AS g,
     LATERAL (SELECT omnicrm.match_threshold_chart(threshold, precision, recall ORDER BY hashfloat8(threshold + g)) AS svg FROM t.curve) AS p;
-- One point, equal ones, tiny and huge ranges, nothing found, many points.
SELECT n, t.sound(omnicrm.match_threshold_chart(t, p, r)), count(*)
FROM (VALUES ('one', 7, 1, 1), ('equal', 0, 0, 0), ('equal', 0, 0, 0), ('tiny', 0, 0.1, 0.2), ('tiny', 1e-12, 0.2, 0.1), ('close', 1e14, 1, 0), ('close', 1e14 + 1, 0, 1),
             ('huge', -9e14, 0, 1), ('huge', 9e14, 1, 0), ('share', 0.99990, 0.9, 0.8), ('share', 0.99999, 0.95, 0.7)) AS v(n, t, p, r)
GROUP BY n ORDER BY n;
SELECT t.sound(omnicrm.match_threshold_chart(g / 100.0, 0.5 + g / 20000.0, 1 - g / 10000.0)) FROM generate_series(1, 10000) AS g;
SELECT omnicrm.match_threshold_chart(threshold, precision, recall) IS NULL FROM t.curve WHERE false;
-- Two halves, as parallel workers make them.
SELECT omnicrm.match_threshold_chart_final(omnicrm.match_threshold_chart_combine(a.s, b.s)) = (SELECT omnicrm.match_threshold_chart(threshold, precision, recall) FROM t.curve)
FROM omnicrm.match_threshold_chart_add(NULL, 10, 1, 0.25) AS a(s),
     LATERAL (SELECT omnicrm.match_threshold_chart_add(omnicrm.match_threshold_chart_add(NULL, 0, 0.75, 0.75), -5, 0.5, 1) AS s) AS b;
SELECT omnicrm.match_threshold_chart_combine(NULL, ARRAY[1, 1, 1]::double precision[]), omnicrm.match_threshold_chart_combine(ARRAY[1, 1, 1]::double precision[], NULL);
-- Bad points.
SELECT omnicrm.match_threshold_chart(NULL, 1, 1);
SELECT omnicrm.match_threshold_chart(1, 1.5, 1);
SELECT omnicrm.match_threshold_chart(1, 1, 'NaN');
SELECT omnicrm.match_threshold_chart('infinity', 1, 1);
SELECT omnicrm.match_threshold_chart('NaN', 1, 1);
SELECT omnicrm.match_threshold_chart(g, 1, 1) FROM generate_series(1, 10001) AS g;

DROP SCHEMA t CASCADE;
