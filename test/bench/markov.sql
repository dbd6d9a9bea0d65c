-- Markov chains solved: 121 and 1,000 states of order 1, made of random journeys, each
-- with its reading from the stored value; and journeys counted. Medians. No plain SQL
-- stands beside them: it has no way to the exact figures.
SET client_min_messages = warning;

CREATE TABLE bench.markov_journey AS
SELECT ARRAY(SELECT 'channel ' || abs(hashint8extended(n * 16 + i, 3)) % 1000 FROM generate_series(1, 1 + n % 12) AS i) AS path,
       (n % 3 = 0)::integer::bigint AS conversions, CASE WHEN n % 3 = 0 THEN 2.5 ELSE 0 END AS value, (n % 3 <> 0)::integer::bigint AS nulls
FROM generate_series(1, 100000::bigint) AS n;
CREATE TABLE bench.markov_chain (states integer, chain omnicrm.markov);
ALTER TABLE bench.markov_chain ALTER chain SET STORAGE EXTERNAL;
INSERT INTO bench.markov_chain
SELECT 1000, omnicrm.markov(path, conversions, value, nulls) FROM bench.markov_journey
UNION ALL
SELECT 121, omnicrm.markov(ARRAY(SELECT 'channel ' || substr(c, 9)::integer % 121 FROM unnest(path) AS c), conversions, value, nulls) FROM bench.markov_journey;

CREATE TABLE bench.markov_time (work text, ms double precision);
DO $bench$
DECLARE
  started timestamptz;
  chain record;
BEGIN
  FOR run IN 1 .. 11 LOOP
    FOR chain IN SELECT c.states, c.chain FROM bench.markov_chain AS c LOOP
      started := clock_timestamp();
      PERFORM omnicrm.markov_order(chain.chain);
      INSERT INTO bench.markov_time VALUES (format('read a Markov chain of %s states', chain.states), 1000 * extract(epoch FROM clock_timestamp() - started));
      started := clock_timestamp();
      PERFORM omnicrm.markov_p_conversion(chain.chain);
      INSERT INTO bench.markov_time VALUES (format('read and solve a Markov chain of %s states', chain.states), 1000 * extract(epoch FROM clock_timestamp() - started));
    END LOOP;
  END LOOP;
  FOR run IN 1 .. 3 LOOP
    started := clock_timestamp();
    PERFORM omnicrm.markov(path, conversions, value, nulls) FROM bench.markov_journey;
    INSERT INTO bench.markov_time VALUES ('count 100,000 journeys of 649,988 touches, 1,000 channels', 1000 * extract(epoch FROM clock_timestamp() - started));
  END LOOP;
END
$bench$;
INSERT INTO bench_result (work, ours_ms)
SELECT work, percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) FROM bench.markov_time GROUP BY work ORDER BY work;
