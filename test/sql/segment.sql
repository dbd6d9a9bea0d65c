-- Toolbox of the segment domain: RFM, Pareto classes, concentration.
SET client_min_messages = warning;
SET extra_float_digits = 0;

-- Cut points: quantiles of type 7.
SELECT omnicrm.rfm_cuts(v) FROM generate_series(1, 11) AS v;
SELECT omnicrm.rfm_cuts(v, 4) FROM generate_series(1, 10) AS v;
SELECT omnicrm.rfm_cuts(v, 5, 'rfm') FROM generate_series(1, 11) AS v;
SELECT omnicrm.rfm_cuts(v, 2), percentile_cont(0.5) WITHIN GROUP (ORDER BY v) FROM unnest('{3.5,-2,10,0.25}'::float8[]) AS v;
SELECT array_length(omnicrm.rfm_cuts(v, 100), 1) FROM generate_series(1, 7) AS v;
-- Empty input, only nulls, one row, all equal, minus zero, far apart.
SELECT omnicrm.rfm_cuts(v) FROM generate_series(1, 0) AS v;
SELECT omnicrm.rfm_cuts(NULL) FROM generate_series(1, 3);
SELECT omnicrm.rfm_cuts(7.5);
SELECT omnicrm.rfm_cuts(3), omnicrm.rfm_cuts(-3, 3) FROM generate_series(1, 1000);
SELECT omnicrm.rfm_cuts(v, 3) FROM unnest('{-0,0,-0}'::float8[]) AS v;
SELECT omnicrm.rfm_cuts(v, 2) FROM unnest('{-1.7e308,1.7e308}'::float8[]) AS v;
SELECT omnicrm.rfm_cuts(v, 3) FROM (SELECT 1.7e308 * sign(n - 500.5) FROM generate_series(1, 1000) AS n) AS far(v);
-- Numeric and integer input; nulls left out; filters, groups and subtotals.
SELECT omnicrm.rfm_cuts(v::numeric) = omnicrm.rfm_cuts(v::integer) AS same FROM generate_series(1, 30) AS v;
SELECT omnicrm.rfm_cuts(nullif(v, 3)) FROM generate_series(1, 6) AS v;
SELECT n % 2 AS part, omnicrm.rfm_cuts(n, 3), omnicrm.rfm_cuts(n, 3) FILTER (WHERE n > 6)
FROM generate_series(1, 12) AS n
GROUP BY ROLLUP (n % 2)
ORDER BY 1;
-- Growing and moving frames.
SELECT n, omnicrm.rfm_cuts(n, 2) OVER (ORDER BY n) AS growing,
       omnicrm.rfm_cuts(n, 2) OVER (ORDER BY n ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving,
       round(omnicrm.gini(n) OVER (ORDER BY n ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)::numeric, 6) AS gini
FROM generate_series(1, 6) AS n;
-- Bad arguments.
SELECT omnicrm.rfm_cuts('NaN'::float8);
SELECT omnicrm.rfm_cuts('Infinity'::float8);
SELECT omnicrm.rfm_cuts('-Infinity'::numeric);
SELECT omnicrm.rfm_cuts(1, 1);
SELECT omnicrm.rfm_cuts(1, 101);
SELECT omnicrm.rfm_cuts(1, NULL::integer);
SELECT omnicrm.rfm_cuts(n, n) FROM generate_series(2, 3) AS n;
SELECT omnicrm.rfm_cuts(1, 5, 'ntile');
SELECT omnicrm.rfm_cuts(1, 5, NULL);
SELECT omnicrm.rfm_cuts(n, 5, CASE n WHEN 1 THEN 'rfm' ELSE 'quantile' END) FROM generate_series(1, 2) AS n;

-- Scores: equal values have equal scores; a score stays empty where cut points coincide.
SELECT v, omnicrm.rfm_score(v, '{1,1,2,4}') AS score, omnicrm.rfm_score(v, '{1,1,2,4}', true) AS descending,
       omnicrm.rfm_score(v, '{1,1,2,4}', false, 'rfm') AS rfm
FROM unnest('{-Infinity,0,1,1.5,2,3,4,5,Infinity}'::float8[]) AS v;
SELECT omnicrm.rfm_score(1, '{}'), omnicrm.rfm_score(1, '{}', true), omnicrm.rfm_score(NULL, '{1}'), omnicrm.rfm_score(1, NULL);
SELECT pg_typeof(omnicrm.rfm_score(1, '{1}'));
SELECT omnicrm.rfm_score('NaN', '{1}');
SELECT omnicrm.rfm_score(1, '{2,1}');
SELECT omnicrm.rfm_score(1, '{1,NaN}');
SELECT omnicrm.rfm_score(1, '{1,NULL}');
SELECT omnicrm.rfm_score(1, '{{1,2},{3,4}}');
SELECT omnicrm.rfm_score(1, array_fill(1.0::float8, '{100}'));
SELECT omnicrm.rfm_score(1, '{1}', false, 'other');

-- Codes and segments.
SELECT omnicrm.rfm_code(5, 4, 3), omnicrm.rfm_code(NULL, 1, 1);
SELECT omnicrm.rfm_code(10, 1, 1);
SELECT omnicrm.rfm_code(1, 0, 1);
SELECT r, string_agg(omnicrm.rfm_segment(r, f), ', ' ORDER BY f) AS segments
FROM generate_series(1, 5) AS r, generate_series(1, 5) AS f
GROUP BY r
ORDER BY r DESC;
SELECT omnicrm.rfm_segment(5, 5, 5, 'rfm_0_2'), omnicrm.rfm_segment(5, 1, 5, 'rfm_0_2'), omnicrm.rfm_segment(1, 5, 5, 'rfm_0_3'),
       omnicrm.rfm_segment(5, 4, 1, 'rfm_0_3');
SELECT omnicrm.rfm_segment(5, NULL), omnicrm.rfm_segment(5, 5, NULL, 'rfm_0_2'), omnicrm.rfm_segment(NULL, 5, 5);
SELECT omnicrm.rfm_segment(6, 1);
SELECT omnicrm.rfm_segment(1, 0);
SELECT omnicrm.rfm_segment(1, 1, 9);
SELECT omnicrm.rfm_segment(1, 1, 1, 'mine');
SELECT omnicrm.rfm_segment(1, 1, 1, NULL);
SELECT * FROM omnicrm.rfm_map();
SELECT * FROM omnicrm.rfm_map('rfm25');
-- Only rf25 is complete and disjoint.
SELECT map, coalesce(problem, 'none') AS problem, count(*) FILTER (WHERE problem IS NOT NULL) AS cells
FROM unnest('{rf25,rfm_0_2,rfm_0_3}'::text[]) AS map LEFT JOIN LATERAL omnicrm.rfm_map_check(map) ON true
GROUP BY map, problem
ORDER BY map, problem;
SELECT * FROM omnicrm.rfm_map_check('rfm_0_3') WHERE problem <> 'overlap' ORDER BY r, f, m;
SELECT * FROM omnicrm.rfm_map_check('rfm_0_2') WHERE problem = 'unreachable' OR (r, f) = (2, 2) ORDER BY r, f, m;
SELECT * FROM omnicrm.rfm_map_check('x');

-- Pareto classes: the item that crosses a limit has the better class.
SELECT item, value, omnicrm.abc_class(value) OVER () AS class, omnicrm.abc_class(value::float8) OVER () AS class_of_float
FROM (VALUES (1, 50.00), (2, 30.00), (3, 10.00), (4, 5.00), (5, 5.00), (6, 0), (7, -20.00), (8, NULL)) AS i(item, value)
ORDER BY item;
-- Equal values one class, even across a limit; other limits; partitions of different kinds.
SELECT part, value, omnicrm.abc_class(value, '{.5,.75,1}') OVER (PARTITION BY part) AS class
FROM (VALUES ('equal', 10.0), ('equal', 10), ('equal', 10), ('losses', -1), ('losses', -2), ('one', 3), ('zero', 0), ('zero', 0),
             ('none', NULL), ('mixed', 1), ('mixed', 2), ('mixed', 5)) AS i(part, value)
ORDER BY part, value DESC;
-- Order and frame do not matter.
SELECT n, omnicrm.abc_class(n) OVER () AS plain, omnicrm.abc_class(n) OVER (ORDER BY n DESC) AS ordered,
       omnicrm.abc_class(n) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS framed
FROM generate_series(1, 6) AS n
ORDER BY n;
-- Sums that reach a limit exactly: 40.1 + 39.9 are 80 percent, with 14.3 and 0.7 they are 95.
SELECT string_agg(class, '' ORDER BY v DESC) AS classes, string_agg(class_of_float, '' ORDER BY v DESC) AS classes_of_floats
FROM (SELECT v, omnicrm.abc_class(v) OVER () AS class, omnicrm.abc_class(v::float8) OVER () AS class_of_float
      FROM unnest('{40.1,39.9,14.3,0.7,0.6,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.4}'::numeric[]) AS v) AS i;
-- Decimals of different length are brought to one unit.
SELECT v, omnicrm.abc_class(v) OVER () FROM unnest('{1,0.5,0.25,0.125,1e-9,1000}'::numeric[]) AS v;
SELECT count(*) FROM (SELECT omnicrm.abc_class(v::numeric) OVER () FROM generate_series(1, 0) AS v) AS i;
-- Bad arguments.
SELECT omnicrm.abc_class(v) OVER () FROM unnest('{1,NaN}'::float8[]) AS v;
SELECT omnicrm.abc_class(v) OVER () FROM unnest('{1,NaN}'::numeric[]) AS v;
SELECT omnicrm.abc_class(v) OVER () FROM unnest('{1,Infinity}'::numeric[]) AS v;
SELECT omnicrm.abc_class(v) OVER () FROM unnest('{1,-Infinity}'::float8[]) AS v;
SELECT omnicrm.abc_class(v) OVER () FROM unnest('{1,1e30}'::numeric[]) AS v;
SELECT omnicrm.abc_class(v) OVER () FROM unnest('{1000000000,1e-10}'::numeric[]) AS v;
SELECT omnicrm.abc_class(v) OVER () FROM unnest('{1.7e308,1.7e308}'::float8[]) AS v;
SELECT omnicrm.abc_class(1.0, NULL) OVER ();
SELECT omnicrm.abc_class(1.0, '{}') OVER ();
SELECT omnicrm.abc_class(1.0, '{.8,NULL}') OVER ();
SELECT omnicrm.abc_class(1.0, '{.9,.8}') OVER ();
SELECT omnicrm.abc_class(1.0, '{0}') OVER ();
SELECT omnicrm.abc_class(1.0, '{80,95}') OVER ();
SELECT omnicrm.abc_class(1.0, '{NaN}') OVER ();
SELECT omnicrm.abc_class(1.0, '{.1,.2,.3,.4,.5,.6,.7,.8,.9}') OVER ();
SELECT omnicrm.abc_class(1.0);

-- Concentration.
SELECT omnicrm.gini(v), omnicrm.top_share(v, 0.2), omnicrm.share_needed(v, 0.8) FROM unnest('{8,1,1,0,0}'::float8[]) AS v;
SELECT omnicrm.gini(5), omnicrm.top_share(5, 0.25), omnicrm.share_needed(5, 0.5) FROM generate_series(1, 4);
SELECT omnicrm.gini(3), omnicrm.top_share(3, 0.01), omnicrm.share_needed(3, 0.01);
-- No total above zero: no share.
SELECT omnicrm.gini(v), omnicrm.top_share(v, 0.2), omnicrm.share_needed(v, 0.8) FROM unnest('{0,0}'::float8[]) AS v;
SELECT omnicrm.gini(v), omnicrm.top_share(v, 0.2), omnicrm.share_needed(v, 0.8) FROM unnest('{5,-5}'::float8[]) AS v;
SELECT omnicrm.gini(v), omnicrm.top_share(v, 0.2), omnicrm.share_needed(v, 0.8) FROM generate_series(1, 0) AS v;
SELECT omnicrm.gini(NULL), omnicrm.top_share(NULL, 0.2), omnicrm.share_needed(NULL, 0.8);
-- Losses: the top holds more than all.
SELECT omnicrm.gini(v), omnicrm.top_share(v, 0.5), omnicrm.share_needed(v, 1) FROM unnest('{10,2,-2,-6}'::float8[]) AS v;
-- Shares are read as the decimal that was written: 7 percent of 100 are 7.
SELECT omnicrm.top_share(1, 0.07), omnicrm.top_share(1, 0.29), omnicrm.share_needed(0.1, 0.3) FROM generate_series(1, 100);
SELECT omnicrm.top_share(v, 0), omnicrm.top_share(v, 1), omnicrm.share_needed(v, 0), omnicrm.share_needed(v, 1) FROM generate_series(1, 4) AS v;
SELECT omnicrm.gini(v) FROM unnest('{1e300,1e300,1e305}'::float8[]) AS v;
SELECT omnicrm.gini(v) FROM unnest('{1.7e308,1.7e308}'::float8[]) AS v;
SELECT omnicrm.gini('NaN'::float8);
SELECT omnicrm.top_share(1, 1.5);
SELECT omnicrm.top_share(1, 'NaN');
SELECT omnicrm.top_share(1, NULL);
SELECT omnicrm.share_needed(1, -0.1);
SELECT omnicrm.share_needed(n, n / 10.0) FROM generate_series(1, 2) AS n;

-- Scores by the cut points of a window partition: independent, and nested, where ties stay together too.
CREATE TEMP TABLE buyer AS
SELECT n AS id, (n * 7919 % 1000)::float8 AS recency, 1 + (n * 31 % 97) / 40 AS frequency, round((1 + n * 271 % 503) ^ 1.5, 2) AS money
FROM generate_series(1, 1000) AS n;
SELECT count(*) FILTER (WHERE r <> omnicrm.rfm_score(recency, rc, true)) AS recency_differs, count(*) FILTER (WHERE f <> omnicrm.rfm_score(frequency, fc)) AS frequency_differs,
       count(DISTINCT r) AS scores
FROM (SELECT *, omnicrm.rfm_bin(recency, 5, true) OVER () AS r, omnicrm.rfm_bin(frequency) OVER () AS f FROM buyer) AS b,
     (SELECT omnicrm.rfm_cuts(recency) AS rc, omnicrm.rfm_cuts(frequency) AS fc FROM buyer) AS c;
WITH one AS (SELECT *, omnicrm.rfm_bin(recency, 3, true) OVER () AS r FROM buyer),
     two AS (SELECT *, omnicrm.rfm_bin(money, 3) OVER (PARTITION BY r) AS m FROM one)
SELECT r, m, count(*), omnicrm.rfm_cuts(money, 3) IS NOT NULL AS cut FROM two GROUP BY r, m ORDER BY r, m;
SELECT count(*) AS torn FROM (SELECT 1 FROM (SELECT frequency, r, omnicrm.rfm_bin(frequency, 5) OVER (PARTITION BY r) AS f
  FROM (SELECT *, omnicrm.rfm_bin(recency, 5, true) OVER () AS r FROM buyer) AS b) AS n GROUP BY r, frequency HAVING min(f) <> max(f)) AS t;
SELECT v, omnicrm.rfm_bin(v, 2) OVER () AS score, omnicrm.rfm_bin(v, 2, true) OVER (ORDER BY v ROWS 1 PRECEDING) AS reversed FROM unnest('{1,2,2,NULL,9}'::float8[]) AS v ORDER BY v;
SELECT omnicrm.rfm_bin(NULL) OVER ();
SELECT omnicrm.rfm_bin(1, 1) OVER ();
SELECT omnicrm.rfm_bin(1, NULL) OVER ();
SELECT omnicrm.rfm_bin(1, 5, NULL) OVER ();
SELECT omnicrm.rfm_bin(v) OVER () FROM unnest('{1,NaN}'::float8[]) AS v;
SELECT omnicrm.rfm_bin(1);

-- Weights.
SELECT omnicrm.rfm_weighted(5, 4, 3), omnicrm.rfm_weighted(5, 4, 3, '{1,0.5,0.25}'), omnicrm.rfm_weighted(5, NULL, 3);
SELECT omnicrm.rfm_weighted(5, 4, 3, '{1,2}');
SELECT omnicrm.rfm_weighted(5, 4, 3, '{1,NaN,2}');
SELECT omnicrm.rfm_weighted(5, 4, 3, '{1,NULL,2}');

-- A map of one's own: the first rule that matches; checked for gaps and overlaps.
CREATE TEMP TABLE own AS SELECT '{"scores": 3, "others": "rest", "rules": [
  {"segment": "best", "r": 3, "f": [2, 3]}, {"segment": "good", "r": [2, 3], "f": [2, 3]}, {"segment": "rich", "m": 3}, {"segment": "never", "r": 3, "f": 3}]}'::jsonb AS map;
SELECT omnicrm.rfm_segment(3, 3, 1, map), omnicrm.rfm_segment(2, 3, 1, map), omnicrm.rfm_segment(1, 1, 3, map), omnicrm.rfm_segment(1, 1, 1, map),
       omnicrm.rfm_segment(3, 3, NULL, map), omnicrm.rfm_segment(1, 1, 1, map - 'others') FROM own;
SELECT (omnicrm.rfm_map(map)).* FROM own;
SELECT problem, count(*), min(concat(c.r, c.f, c.m)) AS first, min(segments::text) AS segments FROM own, omnicrm.rfm_map_check(map) AS c GROUP BY problem ORDER BY problem;
-- The built-in map, written down, is complete.
SELECT count(*) AS rules, (SELECT count(*) FROM omnicrm.rfm_map_check(jsonb_build_object('rules', jsonb_agg(jsonb_build_object('segment', segment, 'r', ARRAY[r_low, r_high], 'f', ARRAY[f_low, f_high]))))) AS of_its_copy
FROM omnicrm.rfm_map('rf25');
SELECT count(*) AS differs FROM generate_series(1, 5) AS r, generate_series(1, 5) AS f,
  (SELECT jsonb_build_object('rules', jsonb_agg(jsonb_build_object('segment', segment, 'r', ARRAY[r_low, r_high], 'f', ARRAY[f_low, f_high]) ORDER BY rule)) AS map FROM omnicrm.rfm_map()) AS c
WHERE omnicrm.rfm_segment(r, f, 1, map) IS DISTINCT FROM omnicrm.rfm_segment(r, f);
SELECT omnicrm.rfm_segment(1, 1, 1, NULL::jsonb);
SELECT omnicrm.rfm_segment(4, 1, 1, map) FROM own;
SELECT omnicrm.rfm_segment(1, 1, 1, '[]'::jsonb);
SELECT omnicrm.rfm_segment(1, 1, 1, '{"rules": []}'::jsonb);
SELECT omnicrm.rfm_segment(1, 1, 1, '{"rules": [{"r": 1}]}'::jsonb);
SELECT omnicrm.rfm_segment(1, 1, 1, '{"rules": [{"segment": "a", "r": 6}]}'::jsonb);
SELECT omnicrm.rfm_segment(1, 1, 1, '{"rules": [{"segment": "a", "f": 1.5}]}'::jsonb);
SELECT omnicrm.rfm_segment(1, 1, 1, '{"rules": [{"segment": "a", "f": [3, 2]}]}'::jsonb);
SELECT omnicrm.rfm_segment(1, 1, 1, '{"rules": [{"segment": "a", "recency": 1}]}'::jsonb);
SELECT omnicrm.rfm_segment(1, 1, 1, '{"rules": [1]}'::jsonb);
SELECT omnicrm.rfm_map_check('{"scores": 12, "rules": [{"segment": "a"}]}'::jsonb);

-- ABC-XYZ: value and regularity of what is sold each month.
SELECT item, omnicrm.abc_class(sum(value)) OVER () || omnicrm.xyz_class(stddev_pop(value) / avg(value)) AS class
FROM (VALUES ('steady', '{100,100,110}'::float8[]), ('seasonal', '{10,20,90}'), ('once', '{0,0,0,60}'), ('small', '{1,1,1}')) AS i(item, months), unnest(months) AS value
GROUP BY item ORDER BY item;
SELECT omnicrm.xyz_class(0.5), omnicrm.xyz_class(1), omnicrm.xyz_class('Infinity'), omnicrm.xyz_class(NULL), omnicrm.xyz_class(0.2, '{0.1,0.25}');
SELECT omnicrm.xyz_class(-0.1);
SELECT omnicrm.xyz_class('NaN');
SELECT omnicrm.xyz_class(1, '{1,1}');
SELECT omnicrm.xyz_class(1, '{1}');

-- Curves as rows, and how many customers make 65 percent of the business.
SELECT c.* FROM (SELECT omnicrm.pareto_curve(v, 5) AS curve FROM unnest('{50,30,10,6,4,NULL}'::float8[]) AS v) AS p, unnest(curve) AS c;
SELECT c.* FROM (SELECT omnicrm.lorenz_curve(v, 4) AS curve FROM unnest('{-20,10,30,80}'::float8[]) AS v) AS p, unnest(curve) AS c;
-- More points than customers, no total, nobody.
SELECT c.customers, c.share FROM (SELECT omnicrm.pareto_curve(v, 4) AS curve FROM unnest('{3,1}'::float8[]) AS v) AS p, unnest(curve) AS c;
SELECT c.customers, c.total, c.share FROM (SELECT omnicrm.pareto_curve(v, 2) AS curve FROM unnest('{5,-5}'::float8[]) AS v) AS p, unnest(curve) AS c;
SELECT omnicrm.pareto_curve(NULL, 3), omnicrm.lorenz_curve(v, 3) FROM generate_series(1, 0) AS v;
SELECT part, omnicrm.customers_needed(money::float8, 0.65), round(omnicrm.share_needed(money::float8, 0.65)::numeric, 4) AS share, count(*)
FROM (SELECT id % 2 AS part, money FROM buyer) AS b GROUP BY ROLLUP (part) ORDER BY part;
SELECT bool_and(c.share BETWEEN omnicrm_top - 1e-12 AND omnicrm_top + 1e-12) AS as_top_share
FROM (SELECT omnicrm.pareto_curve(money::float8, 10) AS curve, omnicrm.top_share(money::float8, 0.1) AS t1, omnicrm.top_share(money::float8, 0.7) AS t7 FROM buyer) AS p,
     LATERAL (VALUES (curve[1].share, t1), (curve[7].share, t7)) AS c(share, omnicrm_top);
SELECT omnicrm.pareto_curve(1, 0);
SELECT omnicrm.pareto_curve(1, NULL);
SELECT omnicrm.pareto_curve(n, n::integer) FROM generate_series(1, 2) AS n;
SELECT omnicrm.customers_needed(1, 2);
