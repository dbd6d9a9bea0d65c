-- Trains and clusters match_bench.customer alone and with two workers.
DO $bench$
DECLARE
  fields CONSTANT jsonb := '{"first_name": "given_name", "surname": "surname", "birth_date": "birth_date", "email": "email",
                             "phone": "phone", "city": "city", "postcode": "postcode"}';
  rows text := to_char((SELECT count(*) FROM match_bench.customer), 'FM999,999,999');
  started timestamptz := clock_timestamp();
  model jsonb;
  quality record;
BEGIN
  model := omnicrm.match_train('match_bench.customer', 'id', fields);
  INSERT INTO bench_result VALUES (format('match_train, %s records', rows), 1000 * extract(epoch FROM clock_timestamp() - started), NULL);
  FOR workers IN 0 .. 1 LOOP
    PERFORM set_config('max_parallel_workers_per_gather', workers::text, true);
    started := clock_timestamp();
    CREATE TEMP TABLE found ON COMMIT DROP AS
    SELECT c.id, c.cluster_id FROM omnicrm.match_clusters('match_bench.customer', 'id', model) AS c;
    INSERT INTO bench_result
    VALUES (format('match_clusters, %s records, %s workers', rows, workers), 1000 * extract(epoch FROM clock_timestamp() - started), NULL);
    IF workers = 0 THEN
      SELECT e.* INTO quality FROM omnicrm.match_evaluate('found', 'match_bench.truth') AS e;
      UPDATE bench_result
      SET work = work || format(', F1 %s, B-cubed %s', round(quality.f1::numeric, 4), round(quality.b_cubed_f1::numeric, 4))
      WHERE work LIKE format('match_clusters, %s records, 0 workers', rows);
    END IF;
    DROP TABLE found;
  END LOOP;
END
$bench$;
