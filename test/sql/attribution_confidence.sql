-- How sure a credit is: the jackknife over groups of journeys.
SET client_min_messages = warning;
\set VERBOSITY terse

-- 2,000 journeys of one to four touches, every third with a sale.
CREATE TABLE event AS
SELECT j AS journey, timestamptz '2026-01-01 00:00 UTC' + make_interval(hours => t) AS at,
       CASE WHEN t <= 1 + j % 4 THEN (ARRAY['mail', 'search', 'shop', 'radio'])[1 + abs(hashint8(j * 10 + t)) % 4] END AS channel,
       CASE WHEN t > 1 + j % 4 THEN 10 + abs(hashint8(j)) % 90 END AS value
FROM generate_series(1, 2000) AS j
  CROSS JOIN LATERAL generate_series(1, 1 + j % 4 + CASE WHEN j % 3 = 0 THEN 1 ELSE 0 END) AS t;
CREATE VIEW groups AS
SELECT array_agg(g.summary ORDER BY g.number) AS summaries
FROM (SELECT journey % 20 AS number, omnicrm.attribution(journey, at, channel, value) AS summary FROM event GROUP BY 1) AS g;

-- Credits are those of all journeys at once, for every model, and add up.
SELECT c.model, count(*) AS actors, sum(c.value) = (SELECT sum(value) FROM event) AS ties,
       bool_and(c.low < c.value AND c.value < c.high AND c.standard_error > 0) AS intervals
FROM groups
  CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries, '{first,last,linear,u_shaped,time_decay,shapley,markov,first}', 2) AS c
GROUP BY c.model ORDER BY c.model COLLATE "C";
SELECT count(*) AS differences
FROM (SELECT omnicrm.attribution(journey, at, channel, value) AS summary FROM event) AS w
  CROSS JOIN LATERAL omnicrm.attribution_credit(w.summary, 'linear', 2) AS c
  FULL JOIN (SELECT c.* FROM groups CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries, '{linear}', 2) AS c) AS g ON g.actor = c.actor
WHERE c.value IS DISTINCT FROM g.value;

-- For a model that credits each sale by itself the jackknife is the formula for a
-- sum of independent groups: n / (n - 1) times the squared distances from the mean.
WITH part AS (
  SELECT n.number, a.actor, coalesce(c.value, 0) AS value
  FROM groups CROSS JOIN LATERAL unnest(summaries) WITH ORDINALITY AS n(summary, number)
    CROSS JOIN unnest(ARRAY['mail', 'search', 'shop', 'radio']) AS a(actor)
    LEFT JOIN LATERAL omnicrm.attribution_credit(n.summary, 'linear') AS c ON c.actor = a.actor
), formula AS (
  SELECT actor, sqrt(20.0 / 19 * sum((value - mean) ^ 2)) AS error
  FROM (SELECT p.*, avg(value) OVER (PARTITION BY actor) AS mean FROM part AS p) AS x GROUP BY actor
)
SELECT c.actor, abs(c.standard_error / f.error - 1) < 1e-9 AS as_formula, abs((c.high - c.value) / c.standard_error - 2.093) < 0.002 AS student
FROM groups CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries, '{linear}') AS c JOIN formula AS f USING (actor) ORDER BY c.actor COLLATE "C";

-- The interval holds what the whole population has, in about 95 of 100 samples: a
-- tenth of the journeys, scaled up.
WITH truth AS (
  SELECT c.actor, c.value FROM (SELECT omnicrm.attribution(journey, at, channel, value) AS s FROM event) AS w, omnicrm.attribution_credit(w.s, 'linear') AS c
), sample AS (
  SELECT s.sample, array_agg(s.summary) AS summaries
  FROM (SELECT journey % 10 AS sample, journey / 10 % 20 AS number, omnicrm.attribution(journey, at, channel, value) AS summary FROM event GROUP BY 1, 2) AS s
  GROUP BY s.sample
)
SELECT count(*) AS intervals, count(*) FILTER (WHERE t.value / 10 BETWEEN c.low AND c.high) BETWEEN 35 AND 40 AS hold
FROM sample CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries, '{linear}') AS c JOIN truth AS t USING (actor);

-- Few groups: no error for one, no interval below five; nothing without any.
SELECT n, count(*) AS rows, count(c.standard_error) AS errors, count(c.low) AS intervals
FROM groups CROSS JOIN unnest(ARRAY[1, 2, 4, 5]) AS n CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries[1:n], '{first}') AS c
GROUP BY n ORDER BY n;
SELECT count(*) FROM omnicrm.attribution_confidence('{}', '{first}');
SELECT count(*) FROM omnicrm.attribution_confidence(NULL, '{first}');
SELECT count(*) FROM omnicrm.attribution_confidence('{NULL}', '{first}');
SELECT count(*) FROM groups CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries, '{}');
SELECT round(omnicrm.attribution_t95(5)::numeric, 2) AS t5, round(omnicrm.attribution_t95(20)::numeric, 3) AS t20, omnicrm.attribution_t95(4) AS t4;
SELECT c.* FROM groups CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries, '{best}') AS c;
SELECT c.* FROM groups CROSS JOIN LATERAL omnicrm.attribution_confidence(summaries, '{first}', 13) AS c;
DROP VIEW groups;
DROP TABLE event;
