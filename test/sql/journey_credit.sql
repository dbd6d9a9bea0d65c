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

-- 1,000 random journeys against plain SQL with omnicrm.allocate(), for each model and with options.
CREATE TABLE event AS
SELECT i, (abs(hashint4extended(i, 1)) % 1000)::integer AS customer,
       timestamptz '2024-01-01' + make_interval(hours => (abs(hashint4extended(i, 2)) % 1500)::integer) AS ts,
       (ARRAY['email', 'shop', 'ads', 'phone', 'direct', 'staff', NULL])[1 + abs(hashint4extended(i, 3)) % 7] AS actor,
       (ARRAY['lead', 'opportunity', 'brought', 'closed', NULL])[1 + abs(hashint4extended(i, 4)) % 5] AS kind,
       CASE WHEN i % 4 = 0 THEN hashint4extended(i, 5) % 20000 / 100.0 END AS value
FROM generate_series(1, 20000) AS i;
CREATE FUNCTION pg_temp.options() RETURNS jsonb LANGUAGE sql AS $$
  SELECT '{"lookback": "30 days", "exclude": ["staff"], "only_if_alone": ["direct"], "non": "shop", "weights": [0.5, 0.1, 0.4],
           "roles": {"brought": 0.4, "closed": 0.35, "lead": 0.25}, "half_life": "3 days"}'::jsonb
$$;
CREATE TEMP TABLE got AS
SELECT j.customer, c.*
FROM (SELECT customer, omnicrm.journey(ts, actor, kind, value, i) AS j FROM event GROUP BY customer) AS j,
     omnicrm.journey_credits(j.j, (SELECT array_agg(name ORDER BY n) FROM model), pg_temp.options()) AS c;
CREATE TEMP TABLE eligible AS
SELECT p.sale, p.value, p.touch, p.sold_at, p.ts, p.actor, p.kind, row_number() OVER w AS position, count(*) OVER (PARTITION BY p.sale) AS n,
       row_number() OVER (PARTITION BY p.sale, p.actor ORDER BY p.ts, p.touch) AS of_actor,
       row_number() OVER (PARTITION BY p.sale, p.kind ORDER BY p.ts, p.touch) AS of_kind,
       count(*) OVER (PARTITION BY p.sale, p.kind) AS kinds,
       first_value(p.touch) OVER (PARTITION BY p.sale ORDER BY p.actor = 'shop', p.ts DESC, p.touch DESC) AS last_non,
       max(p.ts) OVER (PARTITION BY p.sale) AS newest
FROM (SELECT s.i AS sale, s.value, s.ts AS sold_at, t.i AS touch, t.ts, coalesce(t.actor, 'unknown') AS actor, t.kind,
             bool_or(coalesce(t.actor, 'unknown') <> 'direct') OVER (PARTITION BY s.i) AS others
      FROM event AS s
        JOIN event AS t ON t.customer = s.customer AND t.value IS NULL AND t.ts <= s.ts AND t.ts >= s.ts - interval '720 hours' AND t.actor IS DISTINCT FROM 'staff'
      WHERE s.value IS NOT NULL) AS p
WHERE p.actor <> 'direct' OR NOT p.others
WINDOW w AS (PARTITION BY p.sale ORDER BY p.ts, p.touch);
CREATE TEMP TABLE weighted AS
SELECT e.sale, e.value, e.touch, e.position, m.name, m.n AS model,
       CASE m.name
         WHEN 'first' THEN (e.position = 1)::integer
         WHEN 'last' THEN (e.position = e.n)::integer
         WHEN 'last_non' THEN (e.touch = e.last_non)::integer
         WHEN 'linear' THEN 1
         WHEN 'u_shaped' THEN CASE WHEN e.n <= 2 THEN 1 WHEN e.position IN (1, e.n) THEN 0.4 * (e.n - 2) ELSE 0.2 END
         WHEN 'j_shaped' THEN CASE WHEN e.n = 1 THEN 1 WHEN e.position = 1 THEN 0.2 * greatest(e.n - 2, 1) WHEN e.position = e.n THEN 0.6 * greatest(e.n - 2, 1) ELSE 0.2 END
         WHEN 'inverse_j' THEN CASE WHEN e.n = 1 THEN 1 WHEN e.position = 1 THEN 0.6 * greatest(e.n - 2, 1) WHEN e.position = e.n THEN 0.2 * greatest(e.n - 2, 1) ELSE 0.2 END
         WHEN 'custom' THEN CASE WHEN e.n = 1 THEN 1 WHEN e.position = 1 THEN 0.5 * greatest(e.n - 2, 1) WHEN e.position = e.n THEN 0.4 * greatest(e.n - 2, 1) ELSE 0.1 END
         WHEN 'w_shaped' THEN CASE WHEN a.awards = 0 THEN 0.1 ELSE 0.3 * a.awards * greatest(count(*) FILTER (WHERE a.awards = 0) OVER (PARTITION BY e.sale, m.name), 1) END
         WHEN 'role' THEN CASE e.kind WHEN 'brought' THEN 0.4 WHEN 'closed' THEN 0.35 WHEN 'lead' THEN 0.25 ELSE 0 END * l.common / e.kinds
         WHEN 'time_decay' THEN round(4294967296 * power(2::numeric, - extract(epoch FROM e.newest - e.ts) / 259200))
         WHEN 'participation' THEN (e.of_actor = 1)::integer
         WHEN 'shapley' THEN (e.of_actor = 1)::integer
         ELSE 0 END AS weight
FROM eligible AS e
  CROSS JOIN model AS m
  CROSS JOIN LATERAL (SELECT (e.position = 1)::integer + (e.kind IN ('lead', 'opportunity') AND e.of_kind = 1)::integer AS awards_or_null) AS x
  CROSS JOIN LATERAL (SELECT coalesce(x.awards_or_null, (e.position = 1)::integer) AS awards) AS a
  CROSS JOIN LATERAL (SELECT 5354228880 AS common) AS l;    -- divided by 1 .. 24
CREATE TEMP TABLE plain AS
SELECT w.sale, u.position, u.touch, w.model, CASE WHEN w.name = 'participation' THEN CASE WHEN u.weight > 0 THEN w.value ELSE 0 END ELSE u.amount END AS amount
FROM (SELECT sale, value, name, model, array_agg(touch ORDER BY position) AS touches, array_agg(position ORDER BY position) AS positions,
             array_agg(weight ORDER BY position) AS weights, omnicrm.allocate(value, array_agg(weight ORDER BY position)) AS amounts
      FROM weighted GROUP BY sale, value, name, model HAVING sum(weight) > 0) AS w,
     unnest(w.touches, w.positions, w.weights, w.amounts) AS u(touch, position, weight, amount)
WHERE u.weight > 0;
ANALYZE event, eligible, plain, model, got;
INSERT INTO plain
SELECT s.i, 0, NULL, m.n, s.value
FROM (SELECT s.i, m.n FROM event AS s, model AS m WHERE s.value IS NOT NULL AND m.name <> 'same_touch'
      EXCEPT SELECT sale, model FROM plain) AS m(sale, n)
  JOIN event AS s ON s.i = m.sale;
INSERT INTO plain
SELECT s.i, CASE WHEN s.actor <> 'staff' THEN coalesce(e.n, 0) + 1 ELSE 0 END, CASE WHEN s.actor <> 'staff' THEN s.i END, m.n, s.value
FROM event AS s
  LEFT JOIN (SELECT sale, count(*) AS n FROM eligible GROUP BY sale) AS e ON e.sale = s.i
  CROSS JOIN model AS m
WHERE s.value IS NOT NULL AND m.name = 'same_touch';
SELECT count(DISTINCT conversion_event) AS sales, count(*) > 15000 AS many, max(touches) > 10 AS long_journeys, count(*) FILTER (WHERE position = 0) > 100 AS some_unattributed FROM got;
SELECT m.name, count(*) > 4000 AS many, count(*) FILTER (WHERE g.amount IS DISTINCT FROM p.amount) AS wrong
FROM model AS m
  JOIN plain AS p ON p.model = m.n
  LEFT JOIN (SELECT g.conversion_event AS sale, g.position, g.event_id AS touch, a.model, a.amount FROM got AS g, unnest(g.amounts) WITH ORDINALITY AS a(amount, model)) AS g
    ON g.sale = p.sale AND g.model = p.model AND g.position = p.position AND g.touch IS NOT DISTINCT FROM p.touch
GROUP BY m.name, m.n ORDER BY m.n;
-- Totals tie to the cent, of each conversion in each model; participation gives each actor the whole.
SELECT m.name, count(*) FILTER (WHERE t.total <> t.value) AS not_tied
FROM (SELECT g.conversion_event, a.model, e.value, sum(a.amount) AS total
      FROM got AS g JOIN event AS e ON e.i = g.conversion_event, unnest(g.amounts) WITH ORDINALITY AS a(amount, model)
      GROUP BY g.conversion_event, a.model, e.value) AS t
  JOIN model AS m ON m.n = t.model
WHERE m.name <> 'participation'
GROUP BY m.name, m.n ORDER BY m.n;
-- One model at a time is the same.
SELECT m.name, count(*) FILTER (WHERE g.amounts[m.n] IS DISTINCT FROM c.amount) AS differ, bool_and(c.weight > 0 AND c.weight <= 1) AS weights
FROM model AS m, (SELECT customer, omnicrm.journey(ts, actor, kind, value, i) AS j FROM event GROUP BY customer) AS j,
     omnicrm.journey_credit(j.j, m.name, NULL, pg_temp.options()) AS c
  LEFT JOIN got AS g ON g.conversion_event = c.conversion_event AND g.position = c.position AND g.event_id IS NOT DISTINCT FROM c.event_id
GROUP BY m.name, m.n ORDER BY m.n;

-- The four models of sale_credit().
SELECT count(*) AS rows, count(*) FILTER (WHERE s IS NULL OR c IS NULL OR c.amounts <> ARRAY[s.credit_first, s.credit_last, s.credit_linear, s.credit_position] OR c.touches <> s.touches) AS differ
FROM (SELECT c.*
      FROM (SELECT customer, omnicrm.journey(ts, actor, kind, value, i) AS j FROM event GROUP BY customer) AS j,
           omnicrm.journey_credits(j.j, ARRAY['first', 'last', 'linear', 'u_shaped'], '{"lookback": "20 days"}') AS c) AS c
  FULL JOIN (SELECT c.*
             FROM (SELECT customer, omnicrm.sale_credit(ts, CASE WHEN value IS NULL THEN i END, CASE WHEN value IS NOT NULL THEN i END, value, '20 days') AS credits
                   FROM event GROUP BY customer) AS a, unnest(a.credits) AS c) AS s
    ON s.sale_id = c.conversion_event AND s.position = c.position AND s.touch_id IS NOT DISTINCT FROM c.event_id;

-- Any row order and any number of workers give the same credits.
CREATE TEMP TABLE again AS
SELECT j.customer, c.*
FROM (SELECT customer, omnicrm.journey(ts, actor, kind, value, i) AS j FROM (SELECT * FROM event ORDER BY hashint4(i)) AS e GROUP BY customer) AS j,
     omnicrm.journey_credits(j.j, (SELECT array_agg(name ORDER BY n) FROM model), pg_temp.options()) AS c;
SELECT count(*) AS order_matters FROM (TABLE got EXCEPT ALL TABLE again) AS d;
ALTER TABLE event SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
SET enable_sort = off;
SELECT count(*) AS workers_matter
FROM (SELECT j.customer, c.*
      FROM (SELECT customer, omnicrm.journey(ts, actor, kind, value, i) AS j FROM event GROUP BY customer) AS j,
           omnicrm.journey_credits(j.j, ARRAY['first', 'last', 'last_non', 'linear', 'u_shaped', 'w_shaped', 'j_shaped', 'inverse_j', 'custom', 'role', 'time_decay', 'participation', 'same_touch', 'shapley'],
                                   '{"lookback": "30 days", "exclude": ["staff"], "only_if_alone": ["direct"], "non": "shop", "weights": [0.5, 0.1, 0.4], "roles": {"brought": 0.4, "closed": 0.35, "lead": 0.25}, "half_life": "3 days"}') AS c
      EXCEPT ALL TABLE got) AS d;
DROP TABLE event;
