-- The partition of the records does not depend on the order in which they came:
-- one load of everything against many loads in shuffled order, with records that
-- said something else before they said what they say now.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA t;
CREATE FUNCTION t.u(n bigint, salt integer) RETURNS double precision LANGUAGE sql IMMUTABLE
AS $$ SELECT (hashint8extended(n, salt) & 1048575) / 1048576.0 $$;
CREATE FUNCTION t.pick(list text[], n bigint, salt integer) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT list[1 + floor(t.u(n, salt) * cardinality(list))::integer] $$;
-- A crowded town: few names, shared phones and addresses, people without names,
-- tax numbers that contradict, values that too many share.
CREATE FUNCTION t.town(seed integer, people integer) RETURNS TABLE (source text, key text, name text, email text, phone text, birth text, nif text)
LANGUAGE sql STABLE AS $$
  -- Who has no name has an e-mail address: no row is empty.
  SELECT t.pick('{web,store,news}', n, seed), 'k' || n,
         CASE WHEN t.u(n, seed + 1) < 0.80
              THEN t.pick('{Ana,Luis,Marta,Juan,Carmen,Pablo}', n / 3, seed + 2) || ' ' || t.pick('{García,López,Pérez,Ruiz,Soler}', n / 3, seed + 3)
                   || CASE WHEN t.u(n, seed + 4) < 0.7 THEN ' ' || t.pick('{Gil,Mora,Vega,Sanz}', n / 3, seed + 5) ELSE '' END
              WHEN t.u(n, seed + 1) < 0.88 THEN t.pick('{Ana,Luis,Marta,Juan}', n / 3, seed + 2) END,
         CASE WHEN t.u(n, seed + 6) < 0.6 OR t.u(n, seed + 1) >= 0.88 THEN 'sol' || floor(t.u(n / 2, seed + 7) * people / 3) || '@hotel-sol.es' END,
         CASE WHEN t.u(n, seed + 8) < 0.6 THEN '6' || lpad((1234567 + floor(t.u(n / 4, seed + 9) * t.u(n, seed + 10) * people / 6))::text, 8, '0') END,
         CASE WHEN t.u(n, seed + 11) < 0.4 THEN (date '1950-01-01' + floor(t.u(n / 3, seed + 12) * 4)::integer * 4000)::text END,
         CASE WHEN t.u(n, seed + 13) < 0.3
              THEN (SELECT x.d || substr('TRWAGMYFPDXBNJZSQVHLCKE', 1 + x.d % 23, 1) FROM (SELECT 48000000 + floor(t.u(n / 3, seed + 14) * people / 2)::integer AS d) AS x) END
  FROM generate_series(1, people) AS n
$$;
CREATE TABLE t.customer (source text, key text, name text, email text, phone text, birth text, nif text);
CREATE VIEW t.web AS SELECT * FROM t.customer WHERE source = 'web';
CREATE VIEW t.store AS SELECT * FROM t.customer WHERE source = 'store';
CREATE VIEW t.news AS SELECT * FROM t.customer WHERE source = 'news';
CREATE PROCEDURE t.load(hub text) LANGUAGE plpgsql AS $$
DECLARE
  source text;
BEGIN
  FOREACH source IN ARRAY '{web,store,news}'::text[] LOOP
    EXECUTE format('SELECT %I.load(%L, %L, %L)', hub, source, 't.' || source,
                   '{"key": "key", "full_name": "name", "email": "email", "phone": "phone", "birth_date": "birth", "tax_id": "nif"}');
  END LOOP;
  EXECUTE format('SELECT %I.resolve()', hub);
END $$;
-- Each record with the smallest (source, key) of its customer.
CREATE FUNCTION t.partition(hub text) RETURNS TABLE (source text, key text, leader text) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT s.name, r.source_key, min(s.name || ':' || r.source_key COLLATE "C") OVER (PARTITION BY m.customer_id)
    FROM %1$I.customer_member AS m JOIN %1$I.source_record AS r USING (record_id) JOIN %1$I.source AS s USING (source_id)$q$, hub);
END $$;
CREATE FUNCTION t.make(hub text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM omnicrm.deploy(hub);
  EXECUTE format('SELECT %1$I.add_source(''web'', ''web'', 60), %1$I.add_source(''store'', ''loyalty'', 80), %1$I.add_source(''news'', ''newsletter'', 30)', hub);
  -- Low limits, so that values become over-shared and recover.
  EXECUTE format('UPDATE %I.match_rule SET max_records = 6 WHERE kind IN (''phone'', ''email'', ''name_birth'')', hub);
END $$;

CREATE TABLE t.outcome (seed integer, batches integer, records bigint, customers bigint, links bigint, apart bigint,
                        different bigint, moved bigint, broken bigint, lost bigint);
CREATE TABLE t.now (LIKE t.customer);
CREATE TABLE t.past (LIKE t.customer);
-- One town: hub_a in one load, hub_b in batches in an order of its own, where
-- every third record first says something else.
CREATE PROCEDURE t.try(seed integer, people integer, batches integer) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM t.make('hub_a'), t.make('hub_b');
  TRUNCATE t.now, t.past, t.customer;
  INSERT INTO t.now SELECT * FROM t.town(seed, people);
  INSERT INTO t.past SELECT n.source, p.key, p.name, p.email, p.phone, p.birth, p.nif FROM t.town(seed + 50, people) AS p JOIN t.now AS n USING (key);
  INSERT INTO t.customer TABLE t.now;
  CALL t.load('hub_a');
  FOR batch IN 1 .. batches LOOP
    TRUNCATE t.customer;
    INSERT INTO t.customer
    SELECT x.source, x.key, x.name, x.email, x.phone, x.birth, x.nif
    FROM (SELECT n.*, false AS past FROM t.now AS n UNION ALL SELECT p.*, true FROM t.past AS p) AS x
    CROSS JOIN LATERAL (SELECT hashtext(x.key) AS h) AS k
    WHERE CASE WHEN batch = batches AND t.u(k.h, seed + 90) < 0.33 THEN NOT x.past
               ELSE 1 + floor(t.u(k.h, seed + 91) * batches) = batch AND x.past = (t.u(k.h, seed + 90) < 0.33) END
    ORDER BY t.u(k.h, seed + 92), x.key COLLATE "C";
    CALL t.load('hub_b');
  END LOOP;
  INSERT INTO t.outcome
  SELECT seed, batches, (SELECT count(*) FROM hub_a.customer_member), (SELECT count(*) FROM hub_a.customer WHERE state = 'active'),
         (SELECT count(*) FROM hub_a.match_link WHERE decision = 'linked'),
         (SELECT count(*) FROM hub_a.match_link WHERE decision IN ('tax numbers differ', 'already linked elsewhere')),
         (SELECT count(*) FROM (SELECT * FROM t.partition('hub_a') EXCEPT SELECT * FROM t.partition('hub_b')) AS d),
         (SELECT (r.counts ->> 'created')::bigint + (r.counts ->> 'changed')::bigint + (r.counts ->> 'merged')::bigint + (r.counts ->> 'split')::bigint
          FROM hub_b.resolve('{"all": true}') AS r),
         (SELECT count(*) FROM hub_a.check()) + (SELECT count(*) FROM hub_b.check()),
         (SELECT count(*) FROM hub_b.customer AS c
          LEFT JOIN hub_b.customer AS l ON l.customer_id = hub_b.current_id(c.customer_id) AND l.state = 'active'
          WHERE l.customer_id IS NULL);
  DROP SCHEMA hub_a, hub_a_bi, hub_b, hub_b_bi CASCADE;
END $$;
CALL t.try(100, 600, 5);
CALL t.try(200, 600, 2);
CALL t.try(300, 600, 9);
CALL t.try(400, 300, 30);
CALL t.try(500, 1500, 4);
-- Each run has something to tell apart, both hubs agree, and a full run changes
-- nothing afterwards.
SELECT seed, batches, records, customers < records AND links > 50 AS linked, apart > 0 AS kept_apart, different, moved, broken, lost
FROM t.outcome ORDER BY seed;
DROP SCHEMA t CASCADE;
