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
