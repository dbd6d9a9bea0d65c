-- Attribution models on PathData (10,000 aggregated journeys of 12 channels) against
-- results computed in exact arithmetic: golden_channelattribution.csv.
-- Needs psql variable data: the folder that holds attribution/.
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
CREATE TEMP TABLE journey AS
SELECT string_to_array(path, ' > ') AS path, conversions, round(value, 12) AS value, nulls FROM path_data;
SELECT pg_temp.expect('journeys read', concat_ws(' ', count(*), sum(conversions), sum(nulls), round(sum(value), 9), sum(cardinality(path)), max(cardinality(path))),
                      '10000 19785 68602 74802.971587211 59454 89')
FROM journey;

-- Results and expected figures side by side: what, channel, result, expected.
CREATE TEMP TABLE compared (what text, channel text, result numeric, expected numeric);

-- 1. Markov chains of order 1 and 2, with and without journeys that do not convert.
CREATE TEMP TABLE chain AS
SELECT k, with_nulls, omnicrm.markov(path, conversions, value, with_nulls * nulls, k) AS m
FROM journey, generate_series(1, 4) AS k, generate_series(0, 1) AS with_nulls
GROUP BY k, with_nulls;
SELECT pg_temp.expect('states and transitions', string_agg(concat_ws('/', states, transitions), ' ' ORDER BY k, with_nulls), '13/123 13/138 118/1025 121/1173')
FROM (SELECT k, with_nulls, (SELECT count(*) FROM omnicrm.markov_states(m)) AS states, (SELECT count(*) FROM omnicrm.markov_transitions(m)) AS transitions
      FROM chain WHERE k <= 2) AS c;
SELECT pg_temp.expect('chance to convert', string_agg(round(omnicrm.markov_p_conversion(m)::numeric, 12)::text, ' ' ORDER BY with_nulls, k),
                      '1.000000000000 1.000000000000 1.000000000000 1.000000000000 0.223845135597 0.223845135597 0.223845135597 0.223845135597')
FROM chain;
INSERT INTO compared
SELECT concat_ws(' ', 'markov', k, with_nulls, e.what), c.channel, e.result, e.expected
FROM chain JOIN LATERAL omnicrm.markov_credit(m) AS c ON true JOIN LATERAL omnicrm.markov_removal(m) AS r USING (channel) JOIN golden AS g USING (channel)
  CROSS JOIN LATERAL (VALUES
    ('conversions', c.conversions, CASE WHEN k = 1 THEN CASE with_nulls WHEN 0 THEN m1_conv ELSE m1null_conv END ELSE CASE with_nulls WHEN 0 THEN m2_conv ELSE m2null_conv END END),
    ('value', c.value, CASE WHEN k = 1 THEN CASE with_nulls WHEN 0 THEN m1_value ELSE m1null_value END ELSE CASE with_nulls WHEN 0 THEN m2_value ELSE m2null_value END END),
    ('removal', r.removal_effect::numeric, CASE WHEN k = 1 THEN CASE with_nulls WHEN 0 THEN m1_re ELSE m1null_re END ELSE CASE with_nulls WHEN 0 THEN m2_re ELSE m2null_re END END)
  ) AS e(what, result, expected)
WHERE k <= 2;
-- Totals tie at every order and scale, whatever the number of states.
SELECT pg_temp.expect('totals of order ' || k, concat_ws(' ', sum(conversions), sum(value)), '19785.00 74802.97') FROM chain, omnicrm.markov_credit(m, 2) GROUP BY k, with_nulls;
-- The same bytes from a hundred parts.
SELECT pg_temp.expect('rollup of order ' || k, omnicrm.markov_rollup(part)::text, (SELECT m::text FROM chain AS c WHERE c.k = parts.k AND c.with_nulls = 1))
FROM (SELECT k, omnicrm.markov(path, conversions, value, nulls, k) AS part FROM (SELECT *, row_number() OVER () % 100 AS part FROM journey) AS j, generate_series(1, 4) AS k
      GROUP BY k, part) AS parts
GROUP BY k;

-- 2. The choice of the order.
SELECT pg_temp.expect('choice of the order', string_agg(round(f.penalised_auc::numeric, 6)::text, ' ' ORDER BY f.path_order) || ' best ' || string_agg(f.path_order::text, '') FILTER (WHERE f.is_best),
                      '0.508603 0.516950 0.525895 0.535678 0.530615 0.487100 0.315393 0.000000 best 4')
FROM (SELECT omnicrm.markov_order_choice(path, conversions, nulls) AS fits FROM journey) AS j, unnest(j.fits) AS f;

-- 3. Shapley values, and the models that plain SQL has: first, last, linear.
INSERT INTO compared
SELECT 'shapley conversions', s.actor, s.value, g.shapley_additive_conv
FROM (SELECT omnicrm.shapley(path, conversions) AS shares FROM journey) AS j, unnest(j.shares) AS s JOIN golden AS g ON g.channel = s.actor
UNION ALL
SELECT 'shapley value', s.actor, s.value, g.shapley_additive_value
FROM (SELECT omnicrm.shapley(path, value) AS shares FROM journey) AS j, unnest(j.shares) AS s JOIN golden AS g ON g.channel = s.actor
UNION ALL
SELECT 'shapley of the game', s.key, s.value::numeric, g.shapley_additive_conv
FROM (SELECT omnicrm.coalition_sum(path, conversions) AS game FROM journey) AS j, omnicrm.shapley_exact((j.game).keys, (j.game).worth) AS s JOIN golden AS g ON g.channel = s.key;
INSERT INTO compared
SELECT e.what, g.channel, e.result, e.expected
FROM golden AS g
  JOIN (SELECT t.channel, sum(conversions) FILTER (WHERE place = 1) AS first_conv, sum(value) FILTER (WHERE place = 1) AS first_value,
               sum(conversions) FILTER (WHERE place = n) AS last_conv, sum(value) FILTER (WHERE place = n) AS last_value,
               sum(conversions::numeric / n) AS linear_conv, sum(value / n) AS linear_value
        FROM (SELECT *, cardinality(path) AS n FROM journey) AS j, unnest(path) WITH ORDINALITY AS t(channel, place)
        GROUP BY t.channel) AS p USING (channel)
  CROSS JOIN LATERAL (VALUES ('first conversions', p.first_conv, g.first_conv), ('first value', p.first_value, g.first_value), ('last conversions', p.last_conv, g.last_conv),
    ('last value', p.last_value, g.last_value), ('linear conversions', p.linear_conv, g.linear_conv), ('linear value', p.linear_value, g.linear_value)) AS e(what, result, expected);

-- What was compared agrees to a billionth.
SELECT pg_temp.expect('figures compared', count(*)::text, '252') FROM compared;
SELECT pg_temp.expect(what || ' ' || channel, result::text, expected::text) FROM compared WHERE abs(result - expected) > 1e-9 * abs(expected) OR result IS NULL;
\o
\echo attribution: 252 figures as computed in exact arithmetic
