-- crm.resolve() with the matching model: trained on first use, obeyed by every
-- later run, the same for one load and for many, kept off relatives, overruled
-- by people.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
CREATE SCHEMA t;
CREATE FUNCTION t.u(n bigint, salt integer) RETURNS double precision LANGUAGE sql IMMUTABLE
AS $$ SELECT (hashint8extended(n, salt) & 1048575) / 1048576.0 $$;
CREATE FUNCTION t.pick(list text[], n bigint, salt integer) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT list[1 + floor(t.u(n, salt) * cardinality(list))::integer] $$;
-- One letter of a text is another one.
CREATE FUNCTION t.mistype(value text, n bigint, salt integer) RETURNS text LANGUAGE sql IMMUTABLE
AS $$ SELECT overlay(value PLACING chr(98 + floor(t.u(n, salt) * 20)::integer) FROM 3 + floor(t.u(n, salt + 1) * (length(value) - 4))::integer FOR 1) $$;
-- Two records of each person: one of the shop, as it is, and one of the loyalty
-- card, with errors and without half of the fields. Each fourth has a sister or
-- brother at the same address, with the same phone.
CREATE FUNCTION t.people(persons integer)
RETURNS TABLE (source text, key text, given text, surname text, email text, phone text, birth text, street text, postcode text, city text)
LANGUAGE sql STABLE AS $$
  WITH person AS (
    SELECT n,
           (CASE WHEN n % 2 = 0 THEN '{Ana,Luis,Marta,Juan,Carmen,Pablo,Elena,Jorge}' ELSE '{Laura,Diego,Rosa,Andrés,Nuria,Víctor,Irene,Óscar}' END::text[])
             [1 + floor(t.u(n, 1) * 8)::integer] AS given,
           t.pick('{García,López,Pérez,Ruiz,Soler,Navarro,Ibáñez,Quintana,Robledo,Carrasco,Montero,Pineda}', n / 4 * 4 + n % 4 / 2, 2) || ' '
           || t.pick('{Gil,Mora,Vega,Sanz,Herrera,Castaño,Bravo,Rosales,Tejada,Cuevas,Marín,Lozano}', n / 4 * 4 + n % 4 / 2, 3) AS surname,
           'p' || n || substr(md5(n::text), 1, 6) || '@hotel-sol.es' AS email,
           '6' || lpad((10000000 + (n - (n % 4 = 1)::integer) * 7919)::text, 8, '0') AS phone,
           (date '1950-01-01' + floor(t.u(n, 4) * 18000)::integer)::text AS birth,
           'Calle ' || t.pick('{Mayor,Alcalá,Toledo,Sevilla,Aragón,Cervantes}', (n - (n % 4 = 1)::integer), 5) || ' ' || (n - (n % 4 = 1)::integer) % 97 AS street,
           (28000 + (n - (n % 4 = 1)::integer) % 50)::text AS postcode
    FROM generate_series(0, persons - 1) AS n
  )
  SELECT 'web', 'w' || n, given, surname, email, phone, birth, street, postcode, 'Madrid' FROM person
  UNION ALL
  SELECT 'store', 's' || n, CASE WHEN t.u(n, 10) < 0.1 THEN t.mistype(given, n, 11) ELSE upper(given) END,
         CASE WHEN t.u(n, 12) < 0.4 THEN t.mistype(surname, n, 13) ELSE upper(surname) END,
         CASE WHEN t.u(n, 14) < 0.3 THEN email WHEN t.u(n, 14) < 0.5 THEN t.mistype(email, n, 15) END,
         CASE WHEN t.u(n, 16) < 0.3 THEN phone WHEN t.u(n, 16) < 0.5 THEN overlay(phone PLACING '7' FROM 7 FOR 1) END,
         CASE WHEN t.u(n, 17) < 0.5 THEN birth END,
         CASE WHEN t.u(n, 18) < 0.7 THEN upper(street) END, CASE WHEN t.u(n, 18) < 0.7 THEN postcode END, 'Madrid'
  FROM person
$$;
CREATE TABLE t.customer AS SELECT * FROM t.people(0);
CREATE VIEW t.web AS SELECT * FROM t.customer WHERE source = 'web';
CREATE VIEW t.store AS SELECT * FROM t.customer WHERE source = 'store';
CREATE PROCEDURE t.load(hub text) LANGUAGE plpgsql AS $$
DECLARE
  source text;
BEGIN
  FOREACH source IN ARRAY '{web,store}'::text[] LOOP
    EXECUTE format('SELECT %I.load(%L, %L, %L)', hub, source, 't.' || source,
                   '{"key": "key", "given_name": "given", "surname": "surname", "email": "email", "phone": "phone",
                     "birth_date": {"column": "birth", "format": "YMD"}, "street": "street", "postcode": "postcode", "city": "city"}');
  END LOOP;
END $$;
CREATE FUNCTION t.make(hub text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM omnicrm.deploy(hub);
  EXECUTE format('SELECT %1$I.add_source(''web'', ''web'', 60), %1$I.add_source(''store'', ''loyalty'', 80)', hub);
END $$;
CREATE FUNCTION t.partition(hub text) RETURNS TABLE (key text, leader text) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT r.source_key::text, (min(r.source_key) OVER (PARTITION BY m.customer_id))::text
    FROM %1$I.customer_member AS m JOIN %1$I.source_record AS r USING (record_id)$q$, hub);
END $$;
CREATE FUNCTION t.waiting(hub text) RETURNS TABLE (keys text[], weight numeric, why text, agreement jsonb) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY EXECUTE format($q$
    SELECT ARRAY[least(a.source_key, b.source_key), greatest(a.source_key, b.source_key)]::text[], round(q.weight::numeric, 3), q.why, q.agreement
    FROM %1$I.review_queue AS q JOIN %1$I.source_record AS a ON a.record_id = q.record_a JOIN %1$I.source_record AS b ON b.record_id = q.record_b
    WHERE q.state = 'open'$q$, hub);
END $$;

-- Too few persons to learn from: no model.
SELECT t.make('hub_a');
INSERT INTO t.customer SELECT * FROM t.people(900);
CALL t.load('hub_a');
SELECT r.counts ? 'model' AS modelled FROM hub_a.resolve() AS r;
SELECT count(*) AS models FROM hub_a.match_model;
-- Enough: trained, every record is looked at again, and the model finds more.
CREATE TABLE t.before AS SELECT count(*) AS customers FROM hub_a.customer WHERE state = 'active';
INSERT INTO t.customer SELECT p.* FROM t.people(1200) AS p WHERE substr(p.key, 2)::integer >= 900;
CALL t.load('hub_a');
SELECT r.counts ->> 'records' AS records, r.counts ->> 'model' AS model, (r.counts ->> 'review')::integer > 0 AS some_wait FROM hub_a.resolve() AS r;
SELECT version, active, origin, made_by = current_user AS by_me, applied_at IS NOT NULL AS applied, keys_at IS NULL AS no_keys,
       model ->> 'threshold' AS threshold, model ->> 'review' AS review FROM hub_a.match_model;
CREATE VIEW t.judged AS
SELECT m.customer_id, substr(r.source_key, 2)::integer AS person FROM hub_a.customer_member AS m JOIN hub_a.source_record AS r USING (record_id);
SELECT count(*) > 40 AS model_links, count(*) FILTER (WHERE l.similarity < 0.999) AS unsure,
       count(*) FILTER (WHERE substr(a.source_key, 2) <> substr(b.source_key, 2)) AS wrong
FROM hub_a.match_link AS l JOIN hub_a.source_record AS a ON a.record_id = l.record_a JOIN hub_a.source_record AS b ON b.record_id = l.record_b
WHERE l.kind = 'model' AND l.decision = 'linked';
SELECT round(1 - (count(DISTINCT customer_id) - 1200) / 1200.0, 2) >= 0.9 AS found FROM t.judged;
SELECT * FROM hub_a.check();
SELECT why, count(*) > 0 AS some, bool_and(weight >= 0) AS above, bool_and(agreement ? 'given_name') AS told FROM t.waiting('hub_a') GROUP BY why ORDER BY why;
-- Once more, and from scratch: nothing moves.
SELECT r.counts ->> 'records' AS records FROM hub_a.resolve() AS r;
CREATE TABLE t.queue AS SELECT * FROM hub_a.review_queue;
SELECT r.counts ->> 'created' AS created, r.counts ->> 'changed' AS changed, r.counts ->> 'merged' AS merged, r.counts ->> 'split' AS split
FROM hub_a.resolve('{"all": true}') AS r;
SELECT count(*) AS queue_differs FROM (TABLE hub_a.review_queue EXCEPT TABLE t.queue) AS d;

-- The same records in another order, in parts, some of which first said something
-- else: the same customers and the same queue, by blocking keys in a table.
SELECT t.make('hub_b');
SELECT hub_b.set_match_model((SELECT model FROM hub_a.match_model));
CREATE TABLE t.final AS SELECT * FROM t.customer;
CREATE PROCEDURE t.in_parts() LANGUAGE plpgsql AS $$
BEGIN
  FOR part IN 0 .. 5 LOOP
    TRUNCATE t.customer;
    INSERT INTO t.customer
    SELECT f.source, f.key, CASE WHEN t.u(hashtext(f.key), 7) < 0.2 AND part < 5 THEN 'Zoe' ELSE f.given END, f.surname,
           CASE WHEN t.u(hashtext(f.key), 8) < 0.2 AND part < 5 THEN NULL ELSE f.email END, f.phone, f.birth, f.street, f.postcode, f.city
    FROM t.final AS f
    WHERE CASE WHEN part = 5 THEN t.u(hashtext(f.key), 7) < 0.2 OR t.u(hashtext(f.key), 8) < 0.2 ELSE floor(t.u(hashtext(f.key), 6) * 5) = part END
    ORDER BY t.u(hashtext(f.key), 9);
    CALL t.load('hub_b');
    PERFORM hub_b.resolve();
  END LOOP;
END $$;
CALL t.in_parts();
SELECT count(*) AS different FROM (SELECT * FROM t.partition('hub_a') EXCEPT SELECT * FROM t.partition('hub_b')) AS d;
SELECT count(*) AS waiting_differs FROM (SELECT * FROM t.waiting('hub_a') EXCEPT SELECT * FROM t.waiting('hub_b')) AS d;
SELECT count(*) AS waiting_differs FROM (SELECT * FROM t.waiting('hub_b') EXCEPT SELECT * FROM t.waiting('hub_a')) AS d;
SELECT keys_at IS NOT NULL AS keys FROM hub_b.match_model;
SELECT count(*) AS stale_keys
FROM (SELECT u.key, k.record_id
      FROM hub_b.match_compared AS k, unnest(omnicrm.match_compared_keys(k.compared, k.copy)) AS u(key)
      WHERE u.key <> omnicrm.match_whole_key(k.compared) AND NOT k.copy
      EXCEPT SELECT u.key, r.id::bigint FROM hub_b.match_model AS m, omnicrm.match_keys('hub_b.match_record', 'record_id', m.model) AS r, unnest(r.keys) AS u(key)) AS d;
CREATE TABLE t.compared AS
SELECT to_jsonb(k) AS item FROM hub_b.match_compared AS k UNION ALL SELECT to_jsonb(k) FROM hub_b.match_common_key AS k UNION ALL SELECT to_jsonb(k) FROM hub_b.match_candidate AS k;
SELECT r.counts ->> 'created' AS created, r.counts ->> 'changed' AS changed, r.counts ->> 'merged' AS merged, r.counts ->> 'split' AS split
FROM hub_b.resolve('{"all": true}') AS r;
SELECT count(*) AS compared_differs
FROM (SELECT to_jsonb(k) FROM hub_b.match_compared AS k UNION ALL SELECT to_jsonb(k) FROM hub_b.match_common_key AS k UNION ALL SELECT to_jsonb(k) FROM hub_b.match_candidate AS k
      EXCEPT SELECT item FROM t.compared) AS d;
SELECT * FROM hub_b.check();

-- Relatives: what two of them share weighs much, and they stay two. A record
-- that fits both does not bridge them.
TRUNCATE t.customer;
INSERT INTO t.customer VALUES
  ('web', 'r1', 'Guillermo', 'Azpeitia Zabaleta', 'casa@azpeitia-zabaleta.es', '655443322', '1961-02-03', 'Calle del Faro 4', '48001', 'Bilbao'),
  ('web', 'r2', 'Guillermina', 'Azpeitia Zabaleta', 'casa@azpeitia-zabaleta.es', '655443322', '1963-09-21', 'Calle del Faro 4', '48001', 'Bilbao'),
  ('web', 'r3', 'Guillermo', 'Azpeitia Ugarte', 'guille@azpeitia-ugarte.es', '655443322', '1990-05-06', 'Calle del Faro 4', '48001', 'Bilbao'),
  ('store', 'r4', 'Guillermo', 'Azpeitia', NULL, NULL, NULL, 'Calle del Faro 4', '48001', 'Bilbao'),
  -- Twins with one birth date, and a given name mistyped into another.
  ('web', 'r5', 'Mario', 'Urquijo Lasarte', NULL, '655998877', '1984-04-04', 'Plaza Nueva 9', '48005', 'Bilbao'),
  ('store', 'r6', 'María', 'Urquijo Lasarte', NULL, '655998877', '1984-04-04', 'Plaza Nueva 9', '48005', 'Bilbao'),
  ('web', 'r7', 'Mary', 'Ottolenghi', 'mary@ottolenghi.es', '655112233', '1979-01-31', 'Gran Vía 1', '48001', 'Bilbao'),
  ('store', 'r8', 'Mara', 'Ottolenghi', 'mary@ottolenghi.es', '655112233', '1979-01-31', NULL, NULL, NULL);
CALL t.load('hub_a');
SELECT r.counts ->> 'records' AS records FROM hub_a.resolve() AS r;
SELECT leader, array_agg(key ORDER BY key) AS records FROM t.partition('hub_a') WHERE key LIKE 'r%' GROUP BY leader ORDER BY leader;

-- What people decide.
CREATE FUNCTION t.record(text) RETURNS bigint LANGUAGE sql AS $$ SELECT r.record_id FROM hub_a.source_record AS r WHERE r.source_key = $1 $$;
SELECT kind, why, who = current_user AS by_me FROM hub_a.decide_match(t.record('r7'), t.record('r8'), false, 'two sisters');
SELECT kind, why FROM hub_a.decide_match(t.record('r6'), t.record('r5'), true);
SELECT leader, array_agg(key ORDER BY key) AS records FROM t.partition('hub_a') WHERE key IN ('r5', 'r6', 'r7', 'r8') GROUP BY leader ORDER BY leader;
SELECT l.decision, l.kind, l.reason FROM hub_a.customer_member AS m CROSS JOIN LATERAL hub_a.explain_match(m.customer_id) AS l
WHERE m.record_id IN (t.record('r5'), t.record('r7')) ORDER BY 1;
SELECT count(*) AS waits FROM t.waiting('hub_a') WHERE keys = '{r7,r8}';
SELECT kind, undone_why FROM hub_a.decide_match(t.record('r7'), t.record('r8'), NULL);
SELECT leader, array_agg(key ORDER BY key) AS records FROM t.partition('hub_a') WHERE key IN ('r7', 'r8') GROUP BY leader ORDER BY leader;
SELECT a.source_key, b.source_key, l.kind, l.similarity > 0.999 AS sure
FROM hub_a.match_link AS l JOIN hub_a.source_record AS a ON a.record_id = l.record_a JOIN hub_a.source_record AS b ON b.record_id = l.record_b
WHERE a.source_key = 'r7' AND l.decision = 'linked';
-- A decision about one pair of the queue ends the matter of two customers.
CREATE TABLE t.first AS SELECT record_a, record_b FROM hub_a.review_queue WHERE state = 'open' ORDER BY weight DESC, record_a LIMIT 1;
SELECT d.kind FROM t.first AS f CROSS JOIN LATERAL hub_a.decide_match(f.record_a, f.record_b, false) AS d;
SELECT q.state FROM hub_a.review_queue AS q JOIN t.first USING (record_a, record_b);
SELECT count(*) AS again
FROM hub_a.review_queue AS q, t.first AS f, hub_a.customer_member AS a, hub_a.customer_member AS b, hub_a.customer_member AS x, hub_a.customer_member AS y
WHERE q.state = 'open' AND a.record_id = q.record_a AND b.record_id = q.record_b AND x.record_id = f.record_a AND y.record_id = f.record_b
  AND (a.customer_id, b.customer_id) IN ((x.customer_id, y.customer_id), (y.customer_id, x.customer_id));
SELECT * FROM hub_a.check();

-- Another model, none, and what is refused.
SELECT hub_a.set_match_model(model || '{"threshold": 60, "review": 5}') FROM hub_a.match_model WHERE active;
SELECT (r.counts ->> 'records')::integer > 2400 AS every_record, r.counts ->> 'model' AS model, (r.counts ->> 'split')::integer > 0 AS splits FROM hub_a.resolve() AS r;
SELECT count(*) AS below FROM hub_a.review_queue WHERE state = 'open' AND weight < 5;
SELECT hub_a.train_match_model('{"threshold": 12}') AS version;
SELECT version, active, model ->> 'threshold' AS threshold FROM hub_a.match_model ORDER BY 1;
DELETE FROM hub_a.match_rule WHERE kind = 'model';
SELECT r.counts ? 'model' AS modelled FROM hub_a.resolve('{"all": true}') AS r;
SELECT (SELECT count(*) FROM hub_a.match_link WHERE kind = 'model') AS model_links, (SELECT count(*) FROM hub_a.match_candidate) AS candidates,
       (SELECT count(*) FROM hub_a.review_queue WHERE state = 'open') AS waiting;
SELECT * FROM hub_a.check();
SELECT hub_a.train_match_model('{"rounds": 3}');
SELECT hub_a.train_match_model('{"fields": {"shoe_size": "number"}}');
SELECT hub_a.train_match_model('{"threshold": "high"}');
SELECT hub_a.set_match_model(NULL);
SELECT hub_a.set_match_model('{}');
SELECT hub_a.set_match_model('[]');
SELECT hub_a.decide_match(1, 1, true);
SELECT hub_a.decide_match(1, NULL, true);
SELECT hub_a.decide_match(1, -5, false);
DROP SCHEMA t, hub_a, hub_a_bi, hub_b, hub_b_bi CASCADE;
