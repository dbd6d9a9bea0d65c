-- The paths of PathData in one value each: first, last, linear, u_shaped, additive Shapley and
-- Markov against results computed in exact arithmetic; then the same journeys as single touches
-- in random order. Needs psql variable data: the folder that holds attribution/.
\set ON_ERROR_STOP on
SET client_min_messages = warning;

-- Compares two results; the message shows what was found.
CREATE FUNCTION pg_temp.expect(what text, result text, expected text)
RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF result IS DISTINCT FROM expected THEN
    RAISE EXCEPTION '%: found %, expected %', what, result, expected;
  END IF;
END
$$;

CREATE TEMP TABLE path_data (path text, conversions bigint, value numeric, nulls bigint);
CREATE TEMP TABLE golden (channel text, first_conv numeric, first_value numeric, last_conv numeric, last_value numeric, linear_conv numeric, linear_value numeric,
  pos402040_conv numeric, pos402040_value numeric, shapley_additive_conv numeric, shapley_additive_value numeric,
  m1_re numeric, m1_conv numeric, m1_value numeric, m1null_re numeric, m1null_conv numeric, m1null_value numeric,
  m2_re numeric, m2_conv numeric, m2_value numeric, m2null_re numeric, m2null_conv numeric, m2null_value numeric);
SELECT replace(:'data', '''', '''''') || '/attribution' AS folder \gset
\o /dev/null
\set load '\\copy path_data FROM ''' :folder '/pathdata.csv'' CSV HEADER DELIMITER '';'''
:load
\set load '\\copy golden FROM ''' :folder '/golden_channelattribution.csv'' CSV HEADER'
:load

-- 1. From counted paths: one value holds all.
CREATE TEMP TABLE compared (what text, channel text, result numeric, expected numeric);
CREATE TEMP TABLE summary AS
SELECT k, omnicrm.attribution_of_paths(string_to_array(path, ' > '), conversions, value, nulls, jsonb_build_object('markov_order', k)) AS s
FROM path_data, generate_series(1, 2) AS k
GROUP BY k;
SELECT pg_temp.expect('totals', concat_ws(' ', t.journeys, t.touches > 59454, t.actors, t.conversions, round(t.value, 9), t.nulls, t.unattributed, t.all_paths),
                      '88387 t 12 19785 74802.971587211 68602 0 t')
FROM summary, omnicrm.attribution_totals(s) AS t;
SELECT pg_temp.expect('distinct paths and longest', concat_ws(' ', (SELECT count(*) FROM omnicrm.attribution_paths(s, 10000)), (SELECT max(touches) FROM omnicrm.attribution_lengths(s))), '5408 89')
FROM summary;
INSERT INTO compared
SELECT e.what, actor, e.result, e.expected
FROM summary JOIN LATERAL omnicrm.attribution_comparison(s, 'conversions') AS c ON true
  JOIN LATERAL omnicrm.attribution_comparison(s, 'value') AS v USING (actor)
  JOIN golden AS g ON g.channel = actor
  CROSS JOIN LATERAL (VALUES
    ('first conversions', c.first, first_conv), ('first value', v.first, first_value), ('last conversions', c.last, last_conv), ('last value', v.last, last_value),
    ('linear conversions', c.linear, linear_conv), ('linear value', v.linear, linear_value),
    ('u_shaped conversions', c.u_shaped, pos402040_conv), ('u_shaped value', v.u_shaped, pos402040_value),
    ('shapley conversions', c.shapley, shapley_additive_conv), ('shapley value', v.shapley, shapley_additive_value)) AS e(what, result, expected)
WHERE k = 1;
INSERT INTO compared
SELECT concat_ws(' ', 'markov', k, e.what), channel, e.result, e.expected
FROM summary CROSS JOIN LATERAL omnicrm.markov_credit(omnicrm.attribution_markov(s)) AS c JOIN golden AS g USING (channel)
  CROSS JOIN LATERAL (VALUES
    ('conversions', c.conversions, CASE k WHEN 1 THEN m1null_conv ELSE m2null_conv END),
    ('value', c.value, CASE k WHEN 1 THEN m1null_value ELSE m2null_value END)) AS e(what, result, expected);

-- 2. As touches of single journeys: each converting journey buys for 1 at its last touch.
CREATE TEMP TABLE touch AS
WITH journey AS (
  SELECT row_number() OVER () AS journey, p.path, n <= p.conversions AS converts
  FROM (SELECT string_to_array(path, ' > ') AS path, conversions, nulls FROM path_data) AS p, generate_series(1, p.conversions + p.nulls) AS n
)
SELECT journey, timestamptz '2026-01-01Z' + place * interval '1 minute' AS ts, actor, NULL::numeric AS value
FROM journey, unnest(path) WITH ORDINALITY AS t(actor, place)
UNION ALL
SELECT journey, timestamptz '2026-01-01Z' + cardinality(path) * interval '1 minute', NULL, 1 FROM journey WHERE converts;
CREATE TEMP TABLE touched AS
SELECT omnicrm.attribution(journey, ts, actor, value) AS s FROM (SELECT * FROM touch ORDER BY hashint8(journey), hashtext(ts::text)) AS t;
INSERT INTO compared
SELECT 'touches: ' || e.what, actor, e.result, e.expected
FROM touched JOIN LATERAL omnicrm.attribution_comparison(s, 'conversions') AS c ON true JOIN golden AS g ON g.channel = actor
  CROSS JOIN LATERAL (VALUES ('first', c.first, first_conv), ('last', c.last, last_conv), ('linear', c.linear, linear_conv),
                             ('u_shaped', c.u_shaped, pos402040_conv), ('shapley', c.shapley, shapley_additive_conv)) AS e(what, result, expected);
INSERT INTO compared
SELECT 'touches: markov', channel, c.conversions, m1null_conv
FROM touched CROSS JOIN LATERAL omnicrm.markov_credit(omnicrm.attribution_markov(s)) AS c JOIN golden AS g USING (channel);
-- The same bytes without memory, clustered, and from a hundred parts.
SET work_mem = '64kB';
SELECT pg_temp.expect('without memory', omnicrm.attribution(journey, ts, actor, value)::text, (SELECT s::text FROM touched)) FROM touch;
RESET work_mem;
SELECT pg_temp.expect('clustered', omnicrm.attribution(journey, ts, actor, value)::text, (SELECT s::text FROM touched)) FROM (SELECT * FROM touch ORDER BY journey, ts) AS t;
SELECT pg_temp.expect('rollup', omnicrm.attribution_rollup(s)::text, (SELECT s::text FROM touched))
FROM (SELECT omnicrm.attribution(journey, ts, actor, value) AS s FROM touch GROUP BY journey % 100) AS p;
-- And as tables, read by one process and by several.
CREATE TABLE path_data_touch WITH (parallel_workers = 3) AS SELECT * FROM touch ORDER BY journey, ts;
CREATE TABLE path_data_random WITH (parallel_workers = 3) AS SELECT * FROM touch ORDER BY hashint8(journey), hashtext(ts::text);
SELECT pg_temp.expect('table ' || workers || ' ' || source, omnicrm.attribution_of_table(source::regclass, 'journey', 'ts', 'actor', 'value')::text, (SELECT s::text FROM touched))
FROM unnest('{path_data_touch,path_data_random}'::text[]) AS source,
  unnest('{0,1,3}'::text[]) AS workers, LATERAL (SELECT set_config('max_parallel_workers_per_gather', workers, false)) AS w;
RESET max_parallel_workers_per_gather;
DROP TABLE path_data_touch, path_data_random;

-- What was compared agrees to a billionth, and every model adds up.
SELECT pg_temp.expect('figures compared', count(*)::text, '240') FROM compared;
SELECT pg_temp.expect(what || ' ' || channel, result::text, expected::text) FROM compared WHERE abs(result - expected) > 1e-9 * abs(expected) OR result IS NULL;
SELECT pg_temp.expect('sum by ' || model, concat_ws(' ', sum(c.conversions) = 19785, sum(c.value)), 't 74802.97')
FROM summary, unnest('{first,last,linear,u_shaped,j_shaped,inverse_j,shapley}'::text[]) AS model, omnicrm.attribution_credit(s, model, 2) AS c
GROUP BY k, model;
\o
\echo attribution_summary: 240 figures as computed in exact arithmetic
