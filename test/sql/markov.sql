-- Markov chains of journeys: counting, the stored value, removal effects, credit.
SET client_min_messages = warning;
SET extra_float_digits = 0;

-- The worked example: A>B 2 conversions, 2 nulls; B 1 conversion, 3 nulls.
CREATE TEMP TABLE example (path text[], conversions bigint, value numeric, nulls bigint);
INSERT INTO example VALUES ('{A,B}', 2, 20, 2), ('{B}', 1, 5.50, 3);
CREATE TEMP TABLE chain AS
SELECT omnicrm.markov(path, conversions, value, nulls) AS m, omnicrm.markov(path, conversions, value) AS sold, omnicrm.markov(path, conversions) AS plain
FROM example;
SELECT omnicrm.markov_order(m) AS k, omnicrm.markov_conversions(m) AS conversions, omnicrm.markov_nulls(m) AS nulls, omnicrm.markov_total_value(m) AS value,
       omnicrm.markov_p_conversion(m) AS p, omnicrm.markov_p_conversion(sold) AS p_sold
FROM chain;
SELECT t.* FROM chain, omnicrm.markov_transitions(m) AS t;
SELECT s.* FROM chain, omnicrm.markov_states(m) AS s;
SELECT r.* FROM chain, omnicrm.markov_removal(m) AS r;
SELECT r.* FROM chain, omnicrm.markov_removal(sold) AS r;
SELECT c.* FROM chain, omnicrm.markov_credit(m, 2) AS c;
SELECT c.* FROM chain, omnicrm.markov_credit(sold, 2) AS c;
SELECT c.* FROM chain, omnicrm.markov_credit(plain) AS c;
SELECT m, omnicrm.markov_send(m) = m::bytea AS sent FROM chain;
-- A null more on B changes the credit.
SELECT c.* FROM omnicrm.markov_credit((SELECT omnicrm.markov(path, conversions, value, nulls + (path = '{B}')::integer) FROM example), 4) AS c;
-- Largest remainder: the columns sum up at every scale.
SELECT scale, sum(conversions) AS conversions, sum(value) AS value FROM chain, generate_series(0, 12) AS scale, omnicrm.markov_credit(sold, scale)
GROUP BY scale ORDER BY scale;

-- Paths of every kind: empty, null, with nulls, of one channel, repeated, without any count.
CREATE TEMP TABLE odd AS
SELECT omnicrm.markov(path, conversions, value, nulls) AS m
FROM (VALUES (NULL::text[], 1::bigint, 2.5, 1::bigint), ('{}', 2, 0.5, 0), ('{a,NULL,b}', 1, 7, NULL), ('{NULL}', 1, NULL, NULL),
             ('{a,a,a}', 3, 9, 1), ('{c}', NULL, NULL, 4), ('{d}', 0, 0, 0), ('{"",á}', 1, -3, 0)) AS v(path, conversions, value, nulls);
SELECT t.* FROM odd, omnicrm.markov_transitions(m) AS t;
SELECT c.* FROM odd, omnicrm.markov_credit(m, 4) AS c;
SELECT r.channel, round(removal_effect::numeric, 12) AS removal_effect, round(removal_effect_value::numeric, 12) AS value FROM odd, omnicrm.markov_removal(m) AS r;
SELECT round(omnicrm.markov_p_conversion(m)::numeric, 12) = round(omnicrm.markov_conversions(m) / (omnicrm.markov_conversions(m) + omnicrm.markov_nulls(m))::numeric, 12) AS ties
FROM odd;
-- Nothing at all, and nothing that converts.
SELECT omnicrm.markov(path, conversions) IS NULL AS nothing FROM example WHERE false;
SELECT omnicrm.markov_p_conversion(m) AS p, (SELECT count(*) FROM omnicrm.markov_credit(m)) AS credits, (SELECT count(*) FROM omnicrm.markov_transitions(m)) AS transitions, m
FROM (SELECT omnicrm.markov('{a}', 0) AS m) AS v;
SELECT c.*, r.* FROM (SELECT omnicrm.markov('{a,b}', 0, 0, 5) AS m) AS v, omnicrm.markov_credit(m, 1) AS c, omnicrm.markov_removal(m) AS r WHERE r.channel = c.channel;
SELECT * FROM omnicrm.markov_credit((SELECT omnicrm.markov('{}', 3, 4) FROM generate_series(1, 2)), 2);

-- States of two to four touches; equal neighbours are one, a short path is its own state.
SELECT k, t.from_state, t.to_state, t.outcome, t.count
FROM generate_series(2, 4) AS k, omnicrm.markov_transitions((SELECT omnicrm.markov(path, 1, 0, 0, k) FROM (VALUES ('{a,a,a,b,a}'::text[]), ('{a}'), ('{a,b,c}')) AS v(path))) AS t;

-- Values below zero: returns as journeys of their own.
SELECT c.* FROM omnicrm.markov_credit((SELECT omnicrm.markov(path, 1, value) FROM (VALUES ('{a}'::text[], 100), ('{b}', -30), ('{a,b}', 10), ('{c}', 0)) AS v(path, value)), 2) AS c;
SELECT c.* FROM omnicrm.markov_credit((SELECT omnicrm.markov(path, 1, value) FROM (VALUES ('{a}'::text[], -100), ('{b}', -30)) AS v(path, value)), 2) AS c;
SELECT c.* FROM omnicrm.markov_credit((SELECT omnicrm.markov(path, 1, value) FROM (VALUES ('{a}'::text[], 5), ('{b}', -5)) AS v(path, value)), 2) AS c;
SELECT c.* FROM omnicrm.markov_credit((SELECT omnicrm.markov(path, 1, value) FROM (VALUES ('{a}'::text[], 5), ('{b}', -5), ('{}', 1)) AS v(path, value)), 2) AS c;

-- Input that is refused.
SELECT omnicrm.markov('{a}', -1);
SELECT omnicrm.markov('{a}', 1, 1, -1);
SELECT omnicrm.markov('{a}', 0, 1, 1);
SELECT omnicrm.markov('{a}', 1, 'NaN');
SELECT omnicrm.markov('{a}', 1, 'Infinity');
SELECT omnicrm.markov('{a}', 1, 0.0000000000001);
SELECT omnicrm.markov('{a}', 1, 1e30);
SELECT omnicrm.markov('{{a},{b}}', 1);
SELECT omnicrm.markov('{a}', 1, 1, 1, NULL);
SELECT omnicrm.markov('{a}', 1, 1, 1, 0);
SELECT omnicrm.markov('{a}', 1, 1, 1, 5);
SELECT omnicrm.markov('{a}', 1, 1, 1, k) FROM generate_series(1, 2) AS k;
SELECT omnicrm.markov('{a}', 9223372036854775807, 1, 1);
SELECT omnicrm.markov('{a}', 9223372036854775807) FROM generate_series(1, 2);
SELECT omnicrm.markov('{a}', 1, 1e26) FROM generate_series(1, 2);
SELECT omnicrm.markov_rollup(m) FROM (SELECT omnicrm.markov('{a}', 1, 1, 1, k) AS m FROM generate_series(1, 2) AS k GROUP BY k) AS v;
SELECT * FROM chain, omnicrm.markov_credit(m, 13);
SELECT * FROM chain, omnicrm.markov_credit(m, -1);

SELECT * FROM omnicrm.markov_credit((SELECT omnicrm.markov('{a}', 1, 1e26)));

-- Random journeys with loops, the same in every run.
CREATE TEMP TABLE journey AS
SELECT n, g, path, ((n * 7 + g) % 5 <> 0)::integer * (n % 4)::bigint AS conversions,
       CASE WHEN ((n * 7 + g) % 5 <> 0)::integer * (n % 4) > 0 THEN (n * 1.37)::numeric ELSE 0 END AS value, (n % 3)::bigint AS nulls
FROM (SELECT n, g, ARRAY(SELECT chr(97 + (abs(hashint8extended(n * 100 + i, g)) % 5)::integer) FROM generate_series(1, n % 9) AS i) AS path
      FROM generate_series(1, 120) AS n, generate_series(1, 6) AS g) AS v;

-- The chance to convert when every touch by a channel ends the journey, by elimination in SQL.
CREATE FUNCTION pg_temp.p_without(chain omnicrm.markov, channel text)
RETURNS double precision
LANGUAGE plpgsql
AS $$
DECLARE
  states text[] := ARRAY(SELECT state::text FROM omnicrm.markov_states(chain));
  n integer := cardinality(states);
  a double precision[] := array_fill(0::double precision, ARRAY[n, n + 1]);
  factor double precision;
  t record;
BEGIN
  FOR t IN SELECT array_position(states, from_state::text) AS i, array_position(states, to_state::text) AS j, channel = ANY (from_state) AS gone, outcome, probability
           FROM omnicrm.markov_transitions(chain) LOOP
    a[t.i][t.i] := 1;
    IF t.gone IS TRUE THEN
      CONTINUE;
    ELSIF t.outcome = 'touch' THEN
      a[t.i][t.j] := a[t.i][t.j] - t.probability;
    ELSIF t.outcome = 'conversion' THEN
      a[t.i][n + 1] := t.probability;
    END IF;
  END LOOP;
  FOR i IN REVERSE n .. 2 LOOP
    FOR j IN 1 .. i - 1 LOOP
      factor := a[j][i] / a[i][i];
      CONTINUE WHEN factor = 0;
      FOR k IN 1 .. i LOOP
        a[j][k] := a[j][k] - factor * a[i][k];
      END LOOP;
      a[j][n + 1] := a[j][n + 1] - factor * a[i][n + 1];
    END LOOP;
  END LOOP;
  RETURN a[1][n + 1] / a[1][1];
END
$$;
CREATE TEMP TABLE random_chain AS
SELECT g, k, omnicrm.markov(path, conversions, value, nulls, k) AS m
FROM journey, generate_series(1, 4) AS k
WHERE n <= CASE WHEN k <= 2 THEN 120 ELSE 24 END
GROUP BY g, k;
SELECT k, count(*) AS effects,
       max(abs(removal_effect - (1 - pg_temp.p_without(m, channel) / omnicrm.markov_p_conversion(m)))) < 1e-12 AS as_by_removal,
       bool_and(removal_effect BETWEEN 0 AND 1) AS parts
FROM random_chain, omnicrm.markov_removal(m)
WHERE g <= CASE WHEN k = 1 THEN 6 ELSE 2 END
GROUP BY k ORDER BY k;
SELECT k, max(abs(omnicrm.markov_p_conversion(m) - omnicrm.markov_conversions(m)::double precision / (omnicrm.markov_conversions(m) + omnicrm.markov_nulls(m)))) < 1e-14 AS p_ties,
       bool_and((SELECT sum(conversions) = omnicrm.markov_conversions(m) AND sum(value) = omnicrm.markov_total_value(m) FROM omnicrm.markov_credit(m))) AS credit_ties,
       bool_and((SELECT sum(count) FILTER (WHERE outcome = 'conversion') = omnicrm.markov_conversions(m) AND sum(count) FILTER (WHERE outcome = 'null') = omnicrm.markov_nulls(m)
                 FROM omnicrm.markov_transitions(m))) AS counts_tie,
       bool_and((SELECT bool_and(abs(p - 1) < 1e-12) FROM (SELECT sum(probability) AS p FROM omnicrm.markov_transitions(m) GROUP BY from_state) AS s)) AS sums_of_one
FROM random_chain GROUP BY k ORDER BY k;

-- The same bytes: in any order of the rows, from parts, in parallel, as a window, through text and binary form.
SELECT k, count(DISTINCT m::bytea) AS different
FROM (SELECT k, turn, omnicrm.markov(path, conversions, value, nulls, k) AS m
      FROM (SELECT j.*, k, turn FROM journey AS j, generate_series(1, 4) AS k, generate_series(1, 3) AS turn
            ORDER BY hashint8extended(n * 10 + g, turn)) AS shuffled
      GROUP BY k, turn) AS v
GROUP BY k ORDER BY k;
SELECT k, omnicrm.markov_rollup(part)::bytea = (SELECT omnicrm.markov(path, conversions, value, nulls, k)::bytea FROM journey) AS same
FROM (SELECT k, n % 7 AS shard, omnicrm.markov(path, conversions, value, nulls, k) AS part FROM journey, generate_series(1, 4) AS k GROUP BY k, n % 7) AS v
GROUP BY k ORDER BY k;
SELECT omnicrm.markov_rollup(NULL) IS NULL AS nothing;
SELECT count(*) AS windows, bool_and(w::bytea = (SELECT omnicrm.markov(path, conversions, value, nulls)::bytea FROM journey AS j WHERE j.g = v.g AND j.n <= v.n)) AS same
FROM (SELECT n, g, omnicrm.markov(path, conversions, value, nulls) OVER (PARTITION BY g ORDER BY n) AS w FROM journey) AS v
WHERE n IN (5, 6, 60);
SELECT bool_and((m::text)::omnicrm.markov::bytea = m::bytea) AS text_form FROM random_chain;
CREATE TEMP TABLE stored AS SELECT * FROM random_chain;
SELECT count(*) AS differ FROM stored AS s JOIN random_chain AS r USING (g, k) WHERE s.m::bytea <> r.m::bytea;

CREATE TABLE markov_journey AS SELECT * FROM journey, generate_series(1, 20) AS copy;
ANALYZE markov_journey;
SET max_parallel_workers_per_gather = 0;
CREATE TEMP TABLE serial_fit AS SELECT omnicrm.markov_order_choice(path, conversions, nulls) AS fits FROM markov_journey;
CREATE TEMP TABLE serial AS SELECT omnicrm.markov(path, conversions, value, nulls, 2) AS m FROM markov_journey;
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
SELECT pg_temp.is_parallel('SELECT omnicrm.markov(path, conversions, value, nulls, 2) FROM markov_journey') AS parallel;
SELECT omnicrm.markov(path, conversions, value, nulls, 2)::bytea = (SELECT m::bytea FROM serial) AS same FROM markov_journey;
SELECT omnicrm.markov_order_choice(path, conversions, nulls) = (SELECT fits FROM serial_fit) AS same FROM markov_journey;
RESET max_parallel_workers_per_gather;
DROP TABLE markov_journey;

-- The choice of the order: by an area under a curve, the same in any order of the rows, serial and parallel.
SELECT f.path_order AS k, f.parameters, round(f.auc::numeric, 6) AS auc, round(f.penalised_auc::numeric, 6) AS penalised, f.is_best
FROM (SELECT omnicrm.markov_order_choice(path, conversions, nulls) AS fits FROM journey) AS j, unnest(j.fits) AS f;
SELECT f.path_order AS k, f.auc, f.penalised_auc, f.is_best
FROM (SELECT omnicrm.markov_order_choice(path, conversions, nulls) AS fits FROM example) AS j, unnest(j.fits) AS f WHERE f.path_order <= 3;
SELECT count(*) AS orders, count(f.auc) AS areas, count(f.is_best) AS best
FROM (SELECT omnicrm.markov_order_choice(path, conversions, 0) AS fits FROM example) AS j, unnest(j.fits) AS f;
SELECT (omnicrm.markov_order_choice(path, 0, 0))[1], omnicrm.markov_order_choice(path, 0, 0) FILTER (WHERE false) IS NULL AS nothing FROM example;
SELECT omnicrm.markov_order_choice('{a}', -1, 0);
SELECT omnicrm.markov_order_choice('{{a}}', 1, 0);
SELECT count(DISTINCT fits) AS different
FROM (SELECT turn, omnicrm.markov_order_choice(path, conversions, nulls) AS fits
      FROM (SELECT j.*, turn FROM journey AS j, generate_series(1, 3) AS turn ORDER BY hashint8extended(n * 10 + g, turn)) AS shuffled
      GROUP BY turn) AS v;

-- More than 2,000 states: solved by steps. Channels that never convert change nobody's credit.
CREATE TEMP TABLE many AS
SELECT k, omnicrm.markov(path, conversions, value, nulls, k) AS m
FROM (SELECT path, conversions, value, nulls FROM journey
      UNION ALL SELECT ARRAY['x' || i], 0, 0, 1 FROM generate_series(1, 2100) AS i) AS j, generate_series(1, 4) AS k
GROUP BY k;
SELECT k, count(*) AS channels, max(abs(o.conversions - f.conversions) / f.conversions) < 1e-11 AS conversions, max(abs(o.value - f.value) / f.value) < 1e-11 AS value,
       max(abs(omnicrm.markov_p_conversion(many.m) * (omnicrm.markov_conversions(many.m) + omnicrm.markov_nulls(many.m)) / omnicrm.markov_conversions(many.m) - 1)) < 1e-13 AS p_ties
FROM many JOIN (SELECT k, omnicrm.markov(path, conversions, value, nulls, k) AS m FROM journey, generate_series(1, 4) AS k GROUP BY k) AS few USING (k)
  CROSS JOIN LATERAL omnicrm.markov_credit(few.m) AS f
  JOIN LATERAL omnicrm.markov_credit(many.m) AS o ON o.channel = f.channel
GROUP BY k ORDER BY k;
SELECT k, omnicrm.markov_conversions(m) = sum AS ties, nothing
FROM many, LATERAL (SELECT sum(conversions), count(*) FILTER (WHERE conversions = 0) AS nothing FROM omnicrm.markov_credit(m)) AS c
ORDER BY k;
-- One journey of 100,000 touches.
SELECT omnicrm.markov_p_conversion(m) AS p, count(*) AS channels, sum(conversions) AS conversions, max(abs(value - 10 / 7.0)) < 0.1 AS alike
FROM (SELECT omnicrm.markov(ARRAY(SELECT chr(97 + (i * (i / 3) % 7)::integer) FROM generate_series(1, 100000::bigint) AS i), 1, 10, 1) AS m) AS v, omnicrm.markov_credit(m, 2) AS c
GROUP BY m::bytea, omnicrm.markov_p_conversion(m);
-- Memory that does not suffice.
SET maintenance_work_mem = '1MB';
SELECT omnicrm.markov(ARRAY['a' || n, 'b' || n % 177], 1) FROM generate_series(1, 30000) AS n;
SELECT omnicrm.markov_p_conversion(omnicrm.markov(ARRAY['a' || n], 1)) FROM generate_series(1, 1000) AS n;
RESET maintenance_work_mem;
-- Too many channels for removal effects, not for the rest.
SET maintenance_work_mem = '256MB';
CREATE TEMP TABLE channels AS SELECT omnicrm.markov(ARRAY['a' || n, 'b' || n % 3], n % 2, 0, 1) AS m FROM generate_series(1, 150000) AS n;
SELECT omnicrm.markov_credit(m) FROM channels;
SELECT omnicrm.markov_removal(m) FROM channels;
SELECT round(omnicrm.markov_p_conversion(m)::numeric, 9) AS p FROM channels;
SELECT count(*) AS states, count(DISTINCT round(p_conversion::numeric, 9)) AS chances FROM channels, omnicrm.markov_states(m);
RESET maintenance_work_mem;

-- Bytes from outside: each byte changed, each length cut. Whatever is taken is as it would be written.
CREATE FUNCTION pg_temp.outcome(bytes bytea)
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  m omnicrm.markov;
BEGIN
  BEGIN
    m := bytes::text::omnicrm.markov;
  EXCEPTION WHEN invalid_binary_representation THEN
    RETURN 'refused';
  END;
  IF m::bytea <> bytes OR omnicrm.markov_rollup(m)::bytea <> bytes THEN
    RETURN 'changed';
  END IF;
  PERFORM count(*), sum(removal_effect) FROM omnicrm.markov_removal(m);
  RETURN 'taken';
END
$$;
SET bytea_output = hex;
WITH source AS (SELECT k, m::bytea AS bytes FROM (SELECT k, omnicrm.markov(path, conversions, value, nulls, k) AS m FROM journey, generate_series(1, 2) AS k WHERE n <= 6 AND g = 1 GROUP BY k) AS v)
SELECT k, bit, outcome, count(*)
FROM (SELECT k, bit, pg_temp.outcome(set_byte(bytes, at, get_byte(bytes, at) # bit)) AS outcome
      FROM source, generate_series(0, length(bytes) - 1) AS at, unnest('{1,128}'::integer[]) AS bit) AS v
GROUP BY k, bit, outcome ORDER BY k, bit, outcome;
SELECT outcome, count(*)
FROM (SELECT pg_temp.outcome(substr(m::bytea, 1, size)) AS outcome FROM chain, generate_series(0, length(m::bytea) - 1) AS size
      UNION ALL SELECT pg_temp.outcome(m::bytea || '\x00') FROM chain) AS v
GROUP BY outcome;
SELECT 'nonsense'::omnicrm.markov;
SELECT ''::omnicrm.markov;
-- Journeys that go from x to y and back for ever: as many enter as leave.
SELECT omnicrm.markov_p_conversion(('\x00000001' || '00000001' || '00000002' || '00000003' || '00000002' || '0000000178' || '0000000179'
  || repeat('00', 32) || '00000000' || repeat('00', 32) || '00000001' || repeat('00', 32)
  || '00000001' || '00000002' || '0000000000000005' || '00000002' || '00000001' || '0000000000000005')::omnicrm.markov);
