-- Credits of a journey by all local models.
\set VERBOSITY terse
SET timezone = 'UTC';

-- Adobe's worked example: $50; display and e-mail on the day, social 6 days before, paid search 9 days before.
CREATE TEMP TABLE adobe AS
SELECT omnicrm.journey(v.ts::timestamptz, v.actor, NULL, v.value, v.id) AS j
FROM (VALUES ('2024-01-10', 'display', NULL::numeric, 4::bigint), ('2024-01-10', 'email', NULL, 3), ('2024-01-04', 'social', NULL, 2),
             ('2024-01-01', 'search', NULL, 1), ('2024-01-10', NULL, 50, 5)) AS v(ts, actor, value, id);
SELECT m.model, array_agg(c.actor || ' ' || c.amount ORDER BY c.position DESC) AS credits, sum(c.amount) AS total
FROM adobe, unnest(ARRAY['time_decay', 'j_shaped', 'inverse_j', 'u_shaped', 'linear', 'first', 'last']) WITH ORDINALITY AS m(model, n),
     omnicrm.journey_credit(j, m.model, NULL, '{"half_life": "7 days"}') AS c
GROUP BY m.model, m.n ORDER BY m.n;
SELECT c.* FROM adobe, omnicrm.journey_credit(j, 'time_decay') AS c;
SELECT c.actor, c.amount FROM adobe, omnicrm.journey_credit(j, 'linear', NULL, '{"lookback": "1 hour"}') AS c;

-- All models of journeys of 1, 2 and 5 touches, of 10.00 and of the weight.
CREATE TEMP TABLE model (name text, n serial);
INSERT INTO model (name)
VALUES ('first'), ('last'), ('last_non'), ('linear'), ('u_shaped'), ('w_shaped'), ('j_shaped'), ('inverse_j'), ('custom'),
       ('role'), ('time_decay'), ('participation'), ('same_touch'), ('shapley');
CREATE TEMP TABLE path AS
SELECT p.path, omnicrm.journey(timestamptz '2024-01-01' + i * interval '1 day', a, k, CASE WHEN a = 'SALE' THEN 10 END, i) AS j
FROM unnest(ARRAY['A', 'AB', 'ADBAD']) AS p(path),
     generate_series(1, length(p.path) + 1) AS i,
     LATERAL (SELECT CASE WHEN i > length(p.path) THEN 'SALE' ELSE substr(p.path, i, 1) END AS a,
                     (ARRAY[NULL, 'lead', 'lead', 'opportunity', NULL])[i] AS k) AS s
GROUP BY p.path;
SELECT m.name, p.path, array_agg(c.position || ': ' || c.amount || ' (' || round(c.weight::numeric, 6) || ')' ORDER BY c.position) AS credits
FROM model AS m, path AS p,
     omnicrm.journey_credit(p.j, m.name, NULL, '{"non": "D", "weights": [0.5, 0.3, 0.2], "roles": {"lead": 0.6, "opportunity": 0.4}, "half_life": "1 day"}') AS c
GROUP BY m.name, m.n, p.path ORDER BY m.n, p.path;
-- The same by all models in one call.
SELECT c.position, c.touches, c.at, c.actor, c.kind, c.event_id, c.amounts
FROM path AS p,
     omnicrm.journey_credits(p.j, (SELECT array_agg(name ORDER BY n) FROM model),
                             '{"non": "D", "weights": [0.5, 0.3, 0.2], "roles": {"lead": 0.6, "opportunity": 0.4}, "half_life": "1 day"}') AS c
WHERE p.path = 'ADBAD';
-- Shapes of the outer and the middle alone; a touch of weight zero has no row.
SELECT p.path, w.weights, array_agg(c.position || ': ' || c.amount ORDER BY c.position)
FROM path AS p, (VALUES ('[1, 0, 1]'), ('[0, 1, 0]'), ('[0, 0, 1]'), ('[0.123456789, 0, 0.2]')) AS w(weights),
     omnicrm.journey_credit(p.j, 'custom', NULL, jsonb_build_object('weights', w.weights::jsonb)) AS c
GROUP BY p.path, w.weights ORDER BY p.path, w.weights;

-- Transforms of (D,A,B,B,C,D,C,C).
CREATE TEMP TABLE transformed AS
SELECT omnicrm.journey(timestamptz '2024-01-01' + i * interval '1 day', CASE WHEN i < 9 THEN substr('DABBCDCC', i, 1) END, NULL, CASE WHEN i = 9 THEN 9 END, i) AS j
FROM generate_series(1, 9) AS i;
SELECT t.options, omnicrm.journey_path(j, t.options::jsonb, 1) AS path,
       (SELECT array_agg(c.event_id || ': ' || c.amount ORDER BY c.position) FROM omnicrm.journey_credit(j, 'linear', NULL, t.options::jsonb) AS c) AS linear
FROM transformed,
     (VALUES (1, '{"transform": "unique"}'), (2, '{"transform": "exposure"}'), (3, '{"collapse": true}'), (4, '{"transform": "first"}'),
             (5, '{"transform": "frequency"}'), (6, '{"transform": {"trim_long": 3}}'), (7, '{"max_touches": 3}'),
             (8, '{"transform": {"remove_if_not_all": "C"}}'), (9, '{"transform": {"remove_if_last_and_not_all": "C"}}'),
             (10, '{"transform": {"remove_if_last_and_not_all": ["A", "B", "C", "D"]}}'), (11, '{"only_if_alone": ["A", "B", "C", "D"]}'),
             (12, '{"only_if_alone": ["C", "D"]}'), (13, '{"exclude": ["C", "D"]}'), (14, '{"exclude": ["A", "B", "C", "D"]}'),
             (15, '{"transform": [{"trim_long": 5}, "first"]}'), (16, '{"transform": ["first", {"trim_long": 5}]}'),
             (17, '{"exclude": "A", "only_if_alone": "B", "collapse": true, "transform": "frequency", "max_touches": 1}'),
             (18, '{"exclude": ["nobody"], "lookback": "3 days"}'), (19, '{"transform": ["frequency", "exposure"], "lookback": null}')) AS t(n, options)
ORDER BY t.n;
-- Direct counts when it is alone.
SELECT a.actors, array_agg(c.actor || ' ' || c.amount ORDER BY c.position)
FROM (VALUES (ARRAY['direct', 'email', 'direct']), (ARRAY['direct', 'direct'])) AS a(actors)
  CROSS JOIN LATERAL (SELECT omnicrm.journey(timestamptz '2024-01-01' + n * interval '1 day', x, NULL, NULL) AS touches FROM unnest(a.actors) WITH ORDINALITY AS u(x, n)) AS t
  CROSS JOIN LATERAL (SELECT omnicrm.journey_rollup(p) AS j FROM (VALUES (t.touches), ('{"conversions": [{"at": "2024-02-01", "value": 1}]}'::omnicrm.journey)) AS v(p)) AS r
  CROSS JOIN LATERAL omnicrm.journey_credit(r.j, 'linear', NULL, '{"only_if_alone": ["direct"]}') AS c
GROUP BY a.actors ORDER BY a.actors;

-- Causality: no touch after the sale (aiku PR #2540); same instant counts; lookback 0; several sales; returns; zero.
CREATE TEMP TABLE edge AS
SELECT omnicrm.journey(v.ts::timestamptz, v.actor, NULL, v.value, v.id) AS j
FROM (VALUES ('2024-01-01', 'early', 5.00, 1::bigint), ('2024-01-02', 'b', NULL, 3), ('2024-01-02', 'a', NULL, 2), ('2024-01-02', 'shop', 0.01, 4),
             ('2024-01-02 00:00:00.000001', 'late', NULL, 5), ('2024-02-01', NULL, -0.05, 6), ('2024-02-01', NULL, 0.05, 7), ('2024-02-02', NULL, 0, 8)) AS v(ts, actor, value, id);
SELECT c.conversion, c.conversion_event, c.position, c.touches, c.actor, c.amount
FROM edge, omnicrm.journey_credit(j, 'linear') AS c;
SELECT c.conversion, c.position, c.touches, c.actor, c.amounts
FROM edge, omnicrm.journey_credits(j, ARRAY['linear', 'same_touch', 'participation', 'last'], '{"lookback": "0"}') AS c;
SELECT c.conversion, c.position, c.touches, c.actor, c.amounts
FROM edge, omnicrm.journey_credits(j, ARRAY['linear', 'same_touch'], '{"exclude": ["shop", "a", "b", "late"]}') AS c;
-- Another amount than the conversion's own, in its own decimals.
SELECT a.amount, array_agg(c.amount ORDER BY c.position), sum(c.amount)
FROM adobe, (VALUES (0.00), (0.01), (100), (-100.01), (1.00005), (1e-18), (92233720368547758.07)) AS a(amount),
     omnicrm.journey_credit(j, 'u_shaped', a.amount) AS c
GROUP BY a.amount ORDER BY a.amount;
-- A journey without conversion, an empty one, none.
SELECT count(*) FROM omnicrm.journey_credit('{"touches": [{"at": "2024-01-01", "actor": "a"}]}', 'first');
SELECT count(*) FROM omnicrm.journey_credit('{}', 'first');
SELECT count(*) FROM omnicrm.journey_credit(NULL, 'first');
-- A path of one actor only, for every model.
SELECT c.position, c.amounts
FROM omnicrm.journey_credits('{"touches": [{"at": "2024-01-01", "actor": "a"}, {"at": "2024-01-01", "actor": "a"}, {"at": "2024-01-02", "actor": "a"}], "conversions": [{"at": "2024-01-02", "value": 1}]}',
                             (SELECT array_agg(name ORDER BY n) FROM model)) AS c;
-- Time decay: a half-life halves; what is 33 half-lives older than the newest earns nothing; half-lives of a microsecond and of an age.
SELECT h.half_life, array_agg(c.position || ' ' || c.amount ORDER BY c.position)
FROM (VALUES ('1 day'), ('00:00:00.000001'), ('250000 years'), ('12:00')) AS h(half_life),
     omnicrm.journey_credit('{"touches": [{"at": "2024-01-01", "actor": "a"}, {"at": "2024-01-02", "actor": "b"}, {"at": "2024-01-03", "actor": "c"}], "conversions": [{"at": "2024-03-03", "value": 7}]}',
                            'time_decay', NULL, jsonb_build_object('half_life', h.half_life)) AS c
GROUP BY h.half_life ORDER BY h.half_life;
SELECT count(*) AS touches, sum(c.amount), max(c.amount)
FROM (SELECT omnicrm.journey(timestamptz '2024-01-01' + i * interval '1 day', 'a', NULL, CASE WHEN i = 41 THEN 1000000 END) AS j FROM generate_series(1, 41) AS i) AS x,
     omnicrm.journey_credit(j, 'time_decay', NULL, '{"half_life": "1 day"}') AS c;
-- Lookback as EXTRACT(epoch) counts it: a year 365.25 days, a month 30 days.
SELECT l.lookback, cardinality(omnicrm.journey_path(j, jsonb_build_object('lookback', l.lookback), 1)) AS touches
FROM (SELECT omnicrm.journey(timestamptz '2024-01-01' - make_interval(hours => k), 'a', NULL, CASE WHEN k = 0 THEN 1 END) AS j FROM generate_series(0, 24 * 400, 6) AS k) AS x,
     (VALUES ('1 year'), ('1 year 1 month'), ('3 months'), ('90 days'), ('2160:00:00'), ('-1 day 48:00')) AS l(lookback)
ORDER BY l.lookback;
-- 100,000 touches, 100,000 actors, in all models.
SELECT count(*), array_agg(DISTINCT s.total ORDER BY s.total)
FROM (SELECT a.model, sum(a.amount) AS total
      FROM (SELECT omnicrm.journey(timestamptz '2024-01-01' + i * interval '1 second', 'a' || i, CASE i WHEN 7 THEN 'lead' END, CASE WHEN i = 100001 THEN 777.77 END) AS j FROM generate_series(1, 100001) AS i) AS x,
           omnicrm.journey_credits(j, (SELECT array_agg(name ORDER BY n) FROM model WHERE name <> 'participation'), '{"roles": {"lead": 1}}') AS c,
           unnest(c.amounts) WITH ORDINALITY AS a(amount, model)
      GROUP BY a.model) AS s;

-- 500 conversions, each after one touch more.
SELECT count(*) AS rows, count(DISTINCT c.touches) AS lengths, sum(c.amounts[1]) AS linear, sum(c.amounts[2]) AS decay
FROM (SELECT omnicrm.journey(timestamptz '2024-01-01' + i / 2 * interval '1 second', 'a', NULL, CASE WHEN i % 2 = 1 THEN 10 END) AS j FROM generate_series(2, 1001) AS i) AS x,
     omnicrm.journey_credits(j, '{linear,time_decay}') AS c;

-- Bad input.
SELECT * FROM omnicrm.journey_credit('{}', 'linea');
\set VERBOSITY default
SELECT * FROM omnicrm.journey_credit('{}', 'Linear');
SELECT * FROM omnicrm.journey_credit('{}', 'linear', NULL, '{"look_back": "1 day"}');
SELECT * FROM omnicrm.journey_credit('{}', 'linear', NULL, '{"transform": "exposures"}');
\set VERBOSITY terse
SELECT * FROM omnicrm.journey_credit('{}', NULL);
SELECT * FROM omnicrm.journey_credit('{}', 'linear', NULL, NULL);
SELECT * FROM omnicrm.journey_credit('{}', 'linear', 'NaN');
SELECT * FROM omnicrm.journey_credit('{}', 'linear', 'Infinity');
SELECT * FROM omnicrm.journey_credit('{}', 'linear', 1e17);
SELECT * FROM omnicrm.journey_credits('{}', NULL);
SELECT * FROM omnicrm.journey_credits('{}', '{}');
SELECT * FROM omnicrm.journey_credits('{}', '{first,NULL}');
SELECT * FROM omnicrm.journey_credits('{}', array_fill('first'::text, ARRAY[15]));
SELECT * FROM omnicrm.journey_credits('{}', '{first,}');
SELECT o.options, count(c)
FROM (VALUES ('[]')) AS o(options), omnicrm.journey_credit('{}', 'linear', NULL, o.options::jsonb) AS c GROUP BY o.options;
DO $$
DECLARE
  options text;
BEGIN
  FOREACH options IN ARRAY ARRAY[
    '"x"', '{"lookback": 90}', '{"lookback": "-1 day"}', '{"lookback": "170000000 years"}', '{"lookback": "soon"}', '{"lookback": ""}',
    '{"half_life": "0"}', '{"half_life": "-1 day"}', '{"exclude": 5}', '{"exclude": [5]}', '{"exclude": [""]}', '{"exclude": {}}', '{"only_if_alone": true}',
    '{"non": ["direct"]}', '{"collapse": "yes"}', '{"transform": 1}', '{"transform": {}}', '{"transform": {"first": 1}}', '{"transform": {"trim_long": 0}}',
    '{"transform": {"trim_long": 1.5}}', '{"transform": {"trim_long": 2, "remove_if_not_all": "a"}}', '{"transform": [["first"]]}', '{"max_touches": -1}',
    '{"max_touches": 1e300}', '{"weights": [1, 2]}', '{"weights": [1, -2, 1]}', '{"weights": [0, 0, 0]}', '{"weights": [1, "2", 1]}', '{"weights": 1}',
    '{"weights": [1, 0.0000000001, 1]}', '{"weights": [1e10, 1, 1]}', '{"milestones": 5}', '{"roles": ["a"]}', '{"roles": {}}', '{"roles": {"a": "b"}}', '{"roles": {"a": 0}}', '{"roles": {"a": -1}}']
  LOOP
    BEGIN
      PERFORM * FROM omnicrm.journey_credit('{}', 'linear', NULL, options::jsonb);
      RAISE WARNING 'accepted: %', options;
    EXCEPTION WHEN OTHERS THEN
      RAISE NOTICE '% -> % (%)', options, SQLERRM, SQLSTATE;
    END;
  END LOOP;
END $$;
