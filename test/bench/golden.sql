-- Survivorship of 12.5 source records for each customer of the run (1,250,000 by
-- default) with 10 attributes into five persons (500,000): omnicrm.survive(), which
-- gives each value with its record and rule, against two plain ways. array_agg
-- sorts for each attribute and tells no provenance; DISTINCT ON over one row for
-- each value tells the record. Both know one rule, source order and then the
-- newest, and no groups. Then what a hub does with it.
SET client_min_messages = warning;
CREATE TABLE bench.golden AS
SELECT row_number() OVER (ORDER BY s, p) AS record_id, p AS person, s AS source_id, (ARRAY[60, 80, 30])[s]::double precision AS trust,
       CASE WHEN bench.unit(p, s) < 0.9 THEN timestamptz '2015-01-01 00:00+00' + floor(3650 * bench.unit(p, 10 + s)) * interval '1 day' END AS business_at,
       '6666699969' AS quality,
       'Nombre' || p % 5000 || CASE WHEN bench.unit(p, 20 + s) < 0.2 THEN ' ' || s ELSE '' END AS given_name,
       'Apellido' || p % 20000 || ' Segundo' || p % 313 AS surname,
       CASE WHEN bench.unit(p, 30 + s) < 0.67 THEN date '1940-01-01' + (p * 31 % 25000)::integer END AS birth_date,
       CASE WHEN bench.unit(p, 40 + s) < 0.75 THEN (ARRAY['female', 'male'])[1 + p % 2] END AS gender,
       CASE WHEN bench.unit(p, 50 + s) < 0.8 THEN 'p' || p || CASE WHEN bench.unit(p, 60 + s) < 0.3 THEN '.' || s ELSE '' END || '@sol-hotel.es' END AS email,
       CASE WHEN bench.unit(p, 70 + s) < 0.7 THEN '+346' || lpad((p::bigint * 7919 * s % 100000000)::text, 8, '0') END AS phone,
       CASE WHEN bench.unit(p, 80 + s) < 0.2 THEN lpad((p % 90000000)::text, 8, '0') || 'X' END AS tax_id,
       CASE WHEN bench.unit(p, 90 + s) < 0.67 THEN 'Calle Mayor ' || p * s % 1000 END AS street,
       CASE WHEN bench.unit(p, 90 + s) < 0.67 THEN lpad((1000 + p * s % 51000)::text, 5, '0') END AS postcode,
       CASE WHEN bench.unit(p, 90 + s) < 0.67 THEN 'Ciudad ' || p * s % 400 END AS city
FROM generate_series(1, 3) AS s
CROSS JOIN generate_series(1, 5 * :customers) AS p
WHERE s = 1 OR s = 2 AND p % 5 > 0 OR s = 3 AND p % 10 < 7;
CREATE INDEX ON bench.golden (person);
VACUUM ANALYZE bench.golden;

-- Milliseconds of a query whose rows are counted, the best of three runs.
CREATE FUNCTION pg_temp.best(query text)
RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  started timestamptz;
  best double precision := 'infinity';
BEGIN
  FOR round IN 1 .. 3 LOOP
    started := clock_timestamp();
    EXECUTE 'SELECT count(q) FROM (' || query || ' OFFSET 0) AS q';
    best := least(best, 1000 * extract(epoch FROM clock_timestamp() - started));
  END LOOP;
  RETURN best;
END
$$;

-- A query on all persons, or on some.
CREATE FUNCTION pg_temp.ours(condition text, plan jsonb)
RETURNS text LANGUAGE sql AS $$
  SELECT format($q$
    SELECT g.person, omnicrm.survive(g.record_id, g.source_id, g.trust, g.business_at, g.quality,
             ARRAY[g.given_name, g.surname, g.birth_date::text, g.gender, g.email, g.phone, g.tax_id, g.street, g.postcode, g.city], NULL, %L,
             timestamptz '2025-01-01 00:00+00') AS s
    FROM bench.golden AS g %s GROUP BY g.person$q$, plan, condition)
$$;
CREATE FUNCTION pg_temp.sorted(condition text)
RETURNS text LANGUAGE sql AS $$
  SELECT format('SELECT g.person, %s FROM bench.golden AS g %s GROUP BY g.person',
                string_agg(format('(array_agg(g.%1$I ORDER BY g.trust DESC, g.business_at DESC NULLS LAST) FILTER (WHERE g.%1$I IS NOT NULL))[1] AS %1$I', a.name), ', '), condition)
  FROM unnest(ARRAY['given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street', 'postcode', 'city']) AS a(name)
$$;
CREATE FUNCTION pg_temp.told(condition text)
RETURNS text LANGUAGE sql AS $$
  SELECT format($q$
    SELECT DISTINCT ON (g.person, a.n) g.person, a.n, a.value, g.record_id
    FROM bench.golden AS g
    CROSS JOIN LATERAL (VALUES (1, g.given_name), (2, g.surname), (3, g.birth_date::text), (4, g.gender), (5, g.email), (6, g.phone), (7, g.tax_id),
                               (8, g.street), (9, g.postcode), (10, g.city)) AS a(n, value)
    %s %s a.value IS NOT NULL
    ORDER BY g.person, a.n, g.trust DESC, g.business_at DESC NULLS LAST, g.record_id$q$,
    condition, CASE WHEN condition = '' THEN 'WHERE' ELSE 'AND' END)
$$;
CREATE TEMP TABLE plan AS
SELECT '["trust", "trust", "trust", "trust", "trust", "trust", "trust", "trust", "trust", "trust"]'::jsonb AS one_rule,
       '{"attributes": [{"group": "name"}, {"group": "name"}, "trust", "vote", "recent", {"rules": ["valid", "recent"]}, "valid",
                        {"group": "address", "rule": "recent"}, {"group": "address", "rule": "recent"}, {"group": "address", "rule": "recent"}],
         "trust": [{"source": 1, "minimum": 20, "decay": 1000}, {"source": 2, "maximum": 90, "minimum": 10, "decay": 2000, "curve": "slow first"}]}'::jsonb AS many_rules,
       'WHERE g.person = ANY (ARRAY(SELECT 1 + n * 37 % (5 * 1000) FROM generate_series(1, 1000) AS n))' AS some;

INSERT INTO bench_result
SELECT format('survive: %s records x 10 attributes into %s persons, with provenance (DISTINCT ON)', to_char(count(*), 'FM9,999,999'), to_char(count(DISTINCT g.person), 'FM9,999,999')),
       pg_temp.best(pg_temp.ours('', max(p.one_rule::text)::jsonb)), pg_temp.best(pg_temp.told(''))
FROM bench.golden AS g CROSS JOIN plan AS p;
INSERT INTO bench_result
SELECT 'the same against array_agg, which tells no provenance', b.ours_ms, pg_temp.best(pg_temp.sorted(''))
FROM bench_result AS b WHERE b.work LIKE 'survive: %';
INSERT INTO bench_result
SELECT 'the same with groups, steps and trust that decays', pg_temp.best(pg_temp.ours('', p.many_rules)), NULL FROM plan AS p;
INSERT INTO bench_result
SELECT 'survive: 1,000 persons by index (array_agg)', pg_temp.best(pg_temp.ours(p.some, p.one_rule)), pg_temp.best(pg_temp.sorted(p.some)) FROM plan AS p;
INSERT INTO bench_result
SELECT 'survive: 1,000 persons by index (DISTINCT ON)', pg_temp.best(pg_temp.ours(p.some, p.one_rule)), pg_temp.best(pg_temp.told(p.some)) FROM plan AS p;

-- The hub: all customers written for the first time, found unchanged, changed by
-- a rule; 1,000 of them; one by one, found unchanged and changed.
DO $bench$
DECLARE
  started timestamptz;
  chosen CONSTANT bigint[] := ARRAY(SELECT c.customer_id FROM crm.customer AS c WHERE c.state = 'active' ORDER BY hashint8(c.customer_id) LIMIT 1000);
  one bigint;
BEGIN
  started := clock_timestamp();
  PERFORM crm.rebuild_customers();
  INSERT INTO bench_result SELECT format('rebuild_customers, %s customers, all changed', (SELECT count(*) FROM crm.customer)),
    1000 * extract(epoch FROM clock_timestamp() - started);
  started := clock_timestamp();
  PERFORM crm.rebuild_customers();
  INSERT INTO bench_result SELECT 'the same, none changed', 1000 * extract(epoch FROM clock_timestamp() - started);
  PERFORM crm.rebuild_customers(chosen);
  started := clock_timestamp();
  PERFORM crm.rebuild_customers(chosen);
  INSERT INTO bench_result SELECT 'rebuild_customers, 1,000 customers, none changed', 1000 * extract(epoch FROM clock_timestamp() - started);
  UPDATE crm.source_record AS r SET street = 'Calle Nueva', quality = overlay(r.quality PLACING '6' FROM 9), business_at = '2026-01-01 00:00+00'
  FROM crm.customer_member AS m WHERE m.record_id = r.record_id AND m.customer_id = ANY (chosen);
  started := clock_timestamp();
  PERFORM crm.rebuild_customers(chosen);
  INSERT INTO bench_result SELECT 'rebuild_customers, 1,000 customers, all changed', 1000 * extract(epoch FROM clock_timestamp() - started);
  started := clock_timestamp();
  FOREACH one IN ARRAY chosen LOOP
    PERFORM crm.rebuild_slice(ARRAY[one]);
  END LOOP;
  INSERT INTO bench_result SELECT 'one customer, unchanged', extract(epoch FROM clock_timestamp() - started);
  UPDATE crm.source_record AS r SET street = 'Calle Vieja' FROM crm.customer_member AS m WHERE m.record_id = r.record_id AND m.customer_id = ANY (chosen);
  started := clock_timestamp();
  FOREACH one IN ARRAY chosen LOOP
    PERFORM crm.rebuild_slice(ARRAY[one]);
  END LOOP;
  INSERT INTO bench_result SELECT 'one customer, changed', extract(epoch FROM clock_timestamp() - started);
  started := clock_timestamp();
  FOREACH one IN ARRAY chosen LOOP
    PERFORM FROM crm.lineage(one);
  END LOOP;
  INSERT INTO bench_result SELECT 'lineage of one customer', extract(epoch FROM clock_timestamp() - started);
  started := clock_timestamp();
  FOREACH one IN ARRAY chosen LOOP
    PERFORM FROM crm.customer_as_of(one, now() - interval '1 minute');
  END LOOP;
  INSERT INTO bench_result SELECT 'customer_as_of, one customer', extract(epoch FROM clock_timestamp() - started);
END
$bench$;
