-- Credits of random journeys, held against plain SQL and sale_credit().
\set VERBOSITY terse
SET timezone = 'UTC';
CREATE TEMP TABLE model (name text, n serial);
INSERT INTO model (name)
VALUES ('first'), ('last'), ('last_non'), ('linear'), ('u_shaped'), ('w_shaped'), ('j_shaped'), ('inverse_j'), ('custom'),
       ('role'), ('time_decay'), ('participation'), ('same_touch'), ('shapley');
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
