-- Shapley values: of sums over journeys, of any game, by sampling.
SET client_min_messages = warning;
SET extra_float_digits = 0;

-- The worked example: A>B 2 conversions, 2 nulls; B 1 conversion, 3 nulls.
CREATE TEMP TABLE example (path text[], conversions bigint, nulls bigint);
INSERT INTO example VALUES ('{A,B,A}', 2, 2), ('{B}', 1, 3);
SELECT s.* FROM (SELECT omnicrm.shapley(path, conversions) AS shares FROM example) AS e, unnest(e.shares) AS s;
SELECT omnicrm.coalition_rate(path, conversions, nulls) AS game, omnicrm.coalition_sum(path, conversions) AS sums FROM example;
SELECT s.*, 3 * s.value / 0.375 AS conversions
FROM (SELECT omnicrm.coalition_rate(path, conversions, nulls) AS game FROM example) AS e, omnicrm.shapley_exact((e.game).keys, (e.game).worth) AS s;
SELECT h.* FROM (SELECT omnicrm.coalition_rate(path, conversions, nulls) AS game FROM example) AS e, omnicrm.harsanyi((e.game).keys, (e.game).worth) AS h;
SELECT s.* FROM (SELECT omnicrm.shapley_sample(path, conversions, nulls, 100, 1) AS estimates FROM example) AS e, unnest(e.estimates) AS s;

-- Journeys of every kind: empty, null, with nulls, repeated actors, values below zero, thirds.
CREATE TEMP TABLE odd (actors text[], value numeric);
INSERT INTO odd VALUES (NULL, 1.5), ('{}', 2), ('{NULL}', -1), ('{a,NULL,a}', 3), ('{a,b,c}', 1), ('{c,b,d}', -1), ('{e}', 0), ('{f}', NULL), ('{a,b,c,d,e,g,h}', 0.000000000001);
SELECT s.* FROM (SELECT omnicrm.shapley(actors, value) AS shares FROM odd) AS o, unnest(o.shares) AS s;
SELECT sum(s.value) = (SELECT sum(value) FROM odd) AS ties FROM (SELECT omnicrm.shapley(actors, value) AS shares FROM odd) AS o, unnest(o.shares) AS s;
SELECT omnicrm.shapley(actors, value) IS NULL AS nothing FROM odd WHERE false;
SELECT omnicrm.shapley(actors, NULL) AS nobody FROM odd;
SELECT omnicrm.shapley('{{a}}', 1);
SELECT omnicrm.shapley('{a}', 'NaN');
SELECT omnicrm.shapley('{a}', 1e-13);
SELECT omnicrm.shapley('{a}', 1e26) FROM generate_series(1, 2);

-- Random journeys of five actors; the same in every run.
CREATE TEMP TABLE journey AS
SELECT n, ARRAY(SELECT chr(97 + (abs(hashint8extended(n * 100 + i, 5)) % 5)::integer) FROM generate_series(1, n % 6) AS i) AS actors,
       (n * 37 % 101)::bigint AS conversions, (n * 53 % 89)::bigint AS nulls, round(n * 1.37, 2) - 40 AS value
FROM generate_series(1, 200) AS n;
-- Shapley values by their definition, over all orders of the players.
CREATE FUNCTION pg_temp.by_orders(keys text[], worth double precision[])
RETURNS TABLE (key text, value double precision)
LANGUAGE sql
AS $$
  WITH RECURSIVE walk AS (
    SELECT 0 AS place, 0 AS steps, 0 AS player, 0::double precision AS added
    UNION ALL
    SELECT w.place | (1 << (p - 1)), w.steps + 1, p, worth[1 + (w.place | (1 << (p - 1)))] - worth[1 + w.place]
    FROM walk AS w, generate_series(1, cardinality(keys)) AS p
    WHERE w.place & (1 << (p - 1)) = 0
  )
  SELECT keys[player], sum(added * orders_after) / (SELECT exp(sum(ln(i))) FROM generate_series(1, cardinality(keys)) AS i)
  FROM walk CROSS JOIN LATERAL (SELECT coalesce(exp(sum(ln(i))), 1) AS orders_after FROM generate_series(1, cardinality(keys) - steps) AS i) AS o
  WHERE steps > 0
  GROUP BY player
$$;
CREATE TEMP TABLE game AS
SELECT 'rate' AS kind, omnicrm.coalition_rate(actors, conversions, nulls) AS g FROM journey WHERE n <= 60
UNION ALL SELECT 'sum', omnicrm.coalition_sum(actors, value) FROM journey WHERE n <= 60
UNION ALL SELECT 'random', ROW(ARRAY(SELECT 'p' || i FROM generate_series(1, 5) AS i), ARRAY(SELECT (hashint8extended(i, 3) % 1000)::double precision FROM generate_series(1, 32) AS i))::omnicrm.coalition_worth;
CREATE TEMP TABLE by_order AS SELECT kind, o.* FROM game, pg_temp.by_orders((g).keys, (g).worth) AS o;
SELECT kind, cardinality((g).keys) AS players, max(abs(e.value - o.value)) < 1e-9 AS as_by_orders,
       abs(sum(e.value) - ((g).worth[cardinality((g).worth)] - (g).worth[1])) < 1e-9 AS adds_up
FROM game CROSS JOIN LATERAL omnicrm.shapley_exact((g).keys, (g).worth) AS e JOIN by_order AS o USING (kind, key)
GROUP BY kind, g ORDER BY kind;
-- Worth of coalitions by their definition.
SELECT bool_and(abs(w - coalesce(s, 0)) < 1e-9) AS sums, count(*) AS coalitions
FROM (SELECT g FROM game WHERE kind = 'sum') AS game, unnest((g).worth) WITH ORDINALITY AS u(w, place)
  CROSS JOIN LATERAL (SELECT sum(value) AS s FROM journey WHERE n <= 60 AND actors <@ ARRAY(SELECT (g).keys[i] FROM generate_series(1, 5) AS i WHERE (place - 1)::integer & (1 << (i - 1)) <> 0)) AS j;
SELECT bool_and(abs(w - coalesce(s, 0)) < 1e-12) AS rates, count(*) AS coalitions
FROM (SELECT g FROM game WHERE kind = 'rate') AS game, unnest((g).worth) WITH ORDINALITY AS u(w, place)
  CROSS JOIN LATERAL (SELECT sum(conversions) / nullif(sum(conversions + nulls), 0) AS s FROM journey WHERE n <= 60 AND actors <@ ARRAY(SELECT (g).keys[i] FROM generate_series(1, 5) AS i WHERE (place - 1)::integer & (1 << (i - 1)) <> 0)) AS j;
-- Additive Shapley: by shapley(), by the game of sums, by plain SQL.
SELECT count(*) AS actors, max(abs(s.value - e.value)) < 1e-9 AS as_game, max(abs(s.value - p.value)) < 1e-10 AS as_plain
FROM (SELECT omnicrm.shapley(actors, value) AS shares, omnicrm.coalition_sum(actors, value) AS g FROM journey) AS j
  CROSS JOIN LATERAL unnest(j.shares) AS s JOIN LATERAL omnicrm.shapley_exact((j.g).keys, (j.g).worth) AS e ON e.key = s.actor
  JOIN (SELECT a AS actor, sum(value / d) AS value FROM (SELECT actors, value, (SELECT count(DISTINCT a) FROM unnest(actors) AS a) AS d FROM journey) AS x, LATERAL (SELECT DISTINCT unnest(actors) AS a) AS y GROUP BY a) AS p ON p.actor = s.actor;
-- Dividends: their shares are the Shapley values, in the game of sums they are the values by set.
SELECT kind, max(abs(e.value - d.value)) < 1e-9 AS as_dividends
FROM game, omnicrm.shapley_exact((g).keys, (g).worth) AS e
  JOIN LATERAL (SELECT a AS key, sum(dividend / cardinality(coalition)) AS value FROM omnicrm.harsanyi((g).keys, (g).worth), unnest(coalition) AS a GROUP BY a) AS d USING (key)
GROUP BY kind ORDER BY kind;
SELECT count(*) AS sets, max(abs(h.dividend - s.value)) < 1e-9 AS same
FROM game, omnicrm.harsanyi((g).keys, (g).worth) AS h
  JOIN (SELECT ARRAY(SELECT DISTINCT a FROM unnest(actors) AS a ORDER BY a) AS coalition, sum(value) AS value FROM journey WHERE n <= 60 GROUP BY 1) AS s USING (coalition)
WHERE kind = 'sum';
-- Sampling: the interval holds the exact value for most, the sum is exact, the seed decides.
SELECT count(*) AS estimates, count(*) FILTER (WHERE e.value BETWEEN s.lower AND s.upper) >= 0.9 * count(*) AS hold, max(s.upper - s.lower) < 0.05 AS narrow
FROM (SELECT seed, omnicrm.shapley_sample(actors, conversions, nulls, 2000, seed) AS estimates, omnicrm.coalition_rate(actors, conversions, nulls) AS g
      FROM journey, generate_series(1::bigint, 20) AS seed GROUP BY seed) AS j
  CROSS JOIN LATERAL unnest(j.estimates) AS s JOIN LATERAL omnicrm.shapley_exact((j.g).keys, (j.g).worth) AS e ON e.key = s.actor;
SELECT abs(sum(s.value) - max(p)) < 1e-12 AS adds_up, count(*) AS actors
FROM (SELECT omnicrm.shapley_sample(ARRAY(SELECT a || n % 40 FROM unnest(actors) AS a), conversions, nulls, 1, 7) AS estimates, sum(conversions)::double precision / sum(conversions + nulls)
               - (sum(conversions) FILTER (WHERE actors = '{}'))::double precision / sum(conversions + nulls) FILTER (WHERE actors = '{}') AS p FROM journey) AS j, unnest(j.estimates) AS s;
SELECT count(DISTINCT estimates) AS different
FROM (SELECT seed, turn, omnicrm.shapley_sample(actors, conversions, nulls, 50, seed) AS estimates
      FROM (SELECT j.*, seed, turn FROM journey AS j, generate_series(1::bigint, 2) AS seed, generate_series(1, 3) AS turn ORDER BY hashint8extended(n, turn)) AS shuffled
      GROUP BY seed, turn) AS v;

-- In any order of the rows, in parallel, as a window.
SELECT count(DISTINCT shares) AS shares, count(DISTINCT rates) AS rates, count(DISTINCT sums) AS sums
FROM (SELECT turn, omnicrm.shapley(actors, value) AS shares, omnicrm.coalition_rate(actors, conversions, nulls) AS rates, omnicrm.coalition_sum(actors, value) AS sums
      FROM (SELECT j.*, turn FROM journey AS j, generate_series(1, 3) AS turn ORDER BY hashint8extended(n, turn)) AS shuffled
      GROUP BY turn) AS v;
SELECT count(*) AS windows, bool_and(w = (SELECT omnicrm.shapley(actors, value) FROM journey AS j WHERE j.n <= v.n)) AS same,
       bool_and(r = (SELECT omnicrm.coalition_rate(actors, conversions, nulls) FROM journey AS j WHERE j.n <= v.n)) AS same_rates
FROM (SELECT n, omnicrm.shapley(actors, value) OVER (ORDER BY n) AS w, omnicrm.coalition_rate(actors, conversions, nulls) OVER (ORDER BY n) AS r FROM journey) AS v
WHERE n IN (7, 8, 150);
CREATE TABLE shapley_journey AS SELECT * FROM journey, generate_series(1, 20) AS copy;
ANALYZE shapley_journey;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial AS
SELECT omnicrm.shapley(actors, value) AS shares, omnicrm.coalition_rate(actors, conversions, nulls) AS rates, omnicrm.shapley_sample(actors, conversions, nulls, 10, 3) AS estimates
FROM shapley_journey;
SET max_parallel_workers_per_gather = 2;
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
CREATE FUNCTION pg_temp.is_parallel(query text)
RETURNS boolean
LANGUAGE plpgsql
AS $$
DECLARE
  line text;
BEGIN
  FOR line IN EXECUTE 'EXPLAIN ' || query LOOP
    IF line LIKE '%Partial Aggregate%' THEN
      RETURN true;
    END IF;
  END LOOP;
  RETURN false;
END
$$;
SELECT pg_temp.is_parallel('SELECT omnicrm.shapley(actors, value), omnicrm.coalition_rate(actors, conversions, nulls), omnicrm.shapley_sample(actors, conversions, nulls, 10, 3) FROM shapley_journey') AS parallel;
SELECT omnicrm.shapley(actors, value) = (SELECT shares FROM serial) AS shares, omnicrm.coalition_rate(actors, conversions, nulls) = (SELECT rates FROM serial) AS rates,
       omnicrm.shapley_sample(actors, conversions, nulls, 10, 3) = (SELECT estimates FROM serial) AS estimates
FROM shapley_journey;
RESET max_parallel_workers_per_gather;
DROP TABLE shapley_journey;

-- Input that is refused, and the least there is.
SELECT * FROM omnicrm.shapley_exact('{}', '{5}');
SELECT * FROM omnicrm.shapley_exact('{a}', '{2,5}');
SELECT * FROM omnicrm.harsanyi('{a,b}', '{0,1,2,3}');
SELECT * FROM omnicrm.shapley_exact('{a,b}', '{0,1,2}');
SELECT * FROM omnicrm.shapley_exact('{a}', '{0,NULL}');
SELECT * FROM omnicrm.shapley_exact('{NULL}', '{0,1}');
SELECT * FROM omnicrm.shapley_exact('{a}', '{0,NaN}');
SELECT * FROM omnicrm.harsanyi('{a}', '{0,-Infinity}');
SELECT * FROM omnicrm.shapley_exact(array_fill('a'::text, ARRAY[25]), '{0}');
SELECT * FROM omnicrm.shapley_exact(NULL, '{0}');
SELECT round(sum(value)::numeric, 9) AS sum, count(*) FROM omnicrm.shapley_exact(ARRAY(SELECT 'p' || i FROM generate_series(1, 16) AS i), ARRAY(SELECT sqrt(i) FROM generate_series(0, 65535) AS i));
SELECT omnicrm.coalition_rate(ARRAY['a' || n], 1, 1) FROM generate_series(1, 25) AS n;
SELECT omnicrm.coalition_sum(ARRAY['a' || n], 1) FROM generate_series(1, 25) AS n;
SELECT omnicrm.coalition_rate('{a}', -1, 1);
SELECT omnicrm.coalition_rate('{a}', 1, -1);
SELECT omnicrm.coalition_rate('{a}', 9223372036854775807, 1) FROM generate_series(1, 2);
SELECT omnicrm.coalition_rate('{a}', NULL, NULL), omnicrm.coalition_rate(NULL, 1, 1), omnicrm.coalition_sum('{a}', NULL);
SELECT omnicrm.shapley_sample('{a}', 1, 1, 0, 1);
SELECT omnicrm.shapley_sample('{a}', 1, 1, 1, NULL);
SELECT omnicrm.shapley_sample('{a}', 1, 1, 10000001, 1);
SELECT omnicrm.shapley_sample(ARRAY['a' || n], 1, 1, 1, 1) FROM generate_series(1, 50000) AS n;
SELECT omnicrm.shapley_sample('{a}', 1, 1, n, 1) FROM generate_series(1, 2) AS n;
SELECT omnicrm.shapley_sample('{}', 1, 1, 5, 1), omnicrm.shapley_sample('{a}', 1, 1, 5, 1);
SELECT omnicrm.shapley_sample('{a}', 9223372036854775807, 1, 1, 1);
SET maintenance_work_mem = '1MB';
\set VERBOSITY sqlstate
SELECT omnicrm.shapley(ARRAY['a' || n], 1) FROM generate_series(1, 100000) AS n;
SELECT omnicrm.shapley_sample(ARRAY['a' || n], 1, 1, 1, 1) FROM generate_series(1, 100000) AS n;
SELECT omnicrm.markov_order_choice(ARRAY['a' || n], 1, 1) FROM generate_series(1, 100000) AS n;
\set VERBOSITY default
RESET maintenance_work_mem;
