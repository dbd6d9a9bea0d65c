-- What was believed when, and what is told to whoever follows the hub.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60);
CREATE SCHEMA t;
CREATE TABLE t.customer (key text, name text, email text, phone text, made text);
CREATE FUNCTION t.load() RETURNS void LANGUAGE sql AS $$
  SELECT crm.load('web', 't.customer', '{"key": "key", "full_name": "name", "email": "email", "phone": "phone", "business_at": "made"}');
  SELECT crm.resolve();
$$;
CREATE FUNCTION t.decide(a bigint, b bigint, same boolean) RETURNS void LANGUAGE sql AS $$
  SELECT crm.decide_match(a, b, same, 'test');
  SELECT crm.resolve();
$$;
-- Moments by name, each between two transactions.
CREATE TABLE t.moment (name text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());
CREATE FUNCTION t.then(name text) RETURNS timestamptz LANGUAGE sql STABLE AS $$ SELECT m.at FROM t.moment AS m WHERE m.name = $1 $$;
-- Rows of the outbox since the last call.
CREATE TABLE t.position (seq bigint NOT NULL);
INSERT INTO t.position VALUES (0);
CREATE FUNCTION t.told() RETURNS TABLE (change text, customer_id bigint, other_id bigint, attributes text[]) LANGUAGE plpgsql AS $$
BEGIN
  -- Rows wait for a transaction that is just ending, such as autovacuum's.
  WHILE crm.outbox_limit() <= (SELECT max(o.xact) FROM crm.outbox AS o WHERE o.xact IS DISTINCT FROM pg_current_xact_id_if_assigned()::text::bigint) LOOP
    PERFORM pg_sleep(0.01);
  END LOOP;
  CREATE TEMP TABLE told AS SELECT o.*, row_number() OVER () AS n FROM crm.read_outbox((SELECT p.seq FROM t.position AS p)) AS o;
  UPDATE t.position SET seq = coalesce((SELECT o.seq FROM told AS o ORDER BY o.n DESC LIMIT 1), seq);
  RETURN QUERY SELECT o.change, o.customer_id, o.other_id, o.attributes FROM told AS o ORDER BY o.n;
  DROP TABLE told;
END $$;

INSERT INTO t.moment VALUES ('before all');
INSERT INTO t.customer VALUES ('1', 'Ana Gil Mora', 'ana@sol-hotel.es', NULL, '2020-01-01'), ('2', 'Luis Rey Sanz', 'luis@sol-hotel.es', '600111222', '2020-01-01'),
                              ('3', 'Eva Paz Toro', 'eva@sol-hotel.es', NULL, NULL);
SELECT t.load();
SELECT * FROM t.told();
-- Nothing is kept of customers that were only made.
SELECT count(*) FROM crm.customer_history;
INSERT INTO t.moment VALUES ('made');

-- The same file again: nothing is told, nothing kept.
SELECT t.load();
SELECT crm.rebuild_customers();
SELECT * FROM t.told();
SELECT count(*) FROM crm.customer_history;

-- A change, and another one.
UPDATE t.customer SET email = 'ana@nuevo-hotel.es', phone = '600333444', made = '2021-01-01' WHERE key = '1';
SELECT t.load();
SELECT * FROM t.told();
INSERT INTO t.moment VALUES ('moved');
UPDATE t.customer SET email = 'ana@mar-hotel.es', phone = NULL, made = '2022-01-01' WHERE key = '1';
SELECT t.load();
SELECT * FROM t.told();
INSERT INTO t.moment VALUES ('moved again');
SELECT m.name, c.email, c.phone, c.last_seen::date, c.name_tokens FROM t.moment AS m LEFT JOIN crm.customer_as_of(1, m.at) AS c ON true ORDER BY m.at;
SELECT (c.before - 'updated_at') AS before FROM crm.customer_history AS c ORDER BY c.known_until;
-- Versions follow each other without a gap.
SELECT count(*) AS gaps
FROM crm.customer_history AS h
CROSS JOIN LATERAL crm.customer_as_of(h.customer_id, h.known_until) AS n
CROSS JOIN LATERAL crm.customer_as_of(h.customer_id, h.known_until - interval '1 microsecond') AS o
WHERE n.updated_at <> h.known_until OR o.updated_at >= h.known_until;

-- Merged, and merged again: what each id meant at each time.
SELECT t.decide(2, 3, true);
INSERT INTO t.moment VALUES ('2 has 3');
SELECT t.decide(1, 2, true);
INSERT INTO t.moment VALUES ('1 has all');
SELECT t.decide(2, 3, NULL);
INSERT INTO t.moment VALUES ('3 is back');
SELECT t.decide(1, 2, NULL);
INSERT INTO t.moment VALUES ('as before');
SELECT m.name, string_agg(i || ' = ' || c.customer_id || ' ' || c.email || ' (' || c.record_count || ')', ', ' ORDER BY i) AS ids
FROM t.moment AS m CROSS JOIN generate_series(1, 3) AS i LEFT JOIN crm.customer_as_of(i, m.at) AS c ON true GROUP BY m.name, m.at ORDER BY m.at;
SELECT * FROM t.told() WHERE change IN ('created', 'changed');
SELECT to_jsonb(c) - 'updated_at' - 'name_tokens' = to_jsonb(k) - 'updated_at' - 'name_tokens' AS as_before
FROM generate_series(1, 3) AS i CROSS JOIN LATERAL crm.customer_as_of(i, t.then('moved again')) AS c JOIN crm.customer AS k ON k.customer_id = i;

-- An id is passed on from one customer to another one.
SELECT t.decide(1, 2, true), t.decide(1, 3, true);
INSERT INTO t.moment VALUES ('all are 1');
SELECT t.decide(1, 3, NULL), t.decide(1, 2, NULL), t.decide(2, 3, true);
INSERT INTO t.moment VALUES ('3 is 2');
SELECT m.name, (SELECT c.customer_id FROM crm.customer_as_of(3, m.at) AS c) AS id FROM t.moment AS m ORDER BY m.at;

-- A customer without records is known as it was.
DELETE FROM crm.source_record WHERE source_key = '1';
SELECT crm.rebuild_customers();
SELECT * FROM t.told() WHERE customer_id = 1 AND change = 'changed' AND 'state' = ANY (attributes);
SELECT m.name, c.state, c.email FROM (SELECT * FROM t.moment UNION ALL VALUES ('now', clock_timestamp())) AS m CROSS JOIN LATERAL crm.customer_as_of(1, m.at) AS c
WHERE m.name IN ('3 is 2', 'now') ORDER BY m.at;
-- Several changes in one transaction, and a change taken back with it.
BEGIN;
UPDATE t.customer SET phone = '600555666', made = '2024-01-01' WHERE key = '2';
SELECT t.load();
UPDATE t.customer SET phone = '600777888', made = '2024-02-01' WHERE key = '2';
SELECT t.load();
COMMIT;
SELECT c.phone FROM t.moment AS m CROSS JOIN LATERAL crm.customer_as_of(2, m.at) AS c WHERE m.name = '3 is 2';
SELECT * FROM t.told();
BEGIN;
UPDATE t.customer SET phone = NULL, made = '2024-03-01' WHERE key = '2';
SELECT t.load();
ROLLBACK;
SELECT * FROM t.told();

-- A column of one's own is that of today.
ALTER TABLE crm.customer ADD COLUMN nickname text;
UPDATE crm.customer SET nickname = 'Lu' WHERE customer_id = 2;
SELECT c.nickname, c.phone FROM crm.customer_as_of(2, t.then('made')) AS c;

-- Bad calls.
SELECT * FROM crm.customer_as_of(999, now());
SELECT count(*) FROM crm.customer_as_of(NULL, now());
SELECT count(*) FROM crm.customer_as_of(2, NULL);
SELECT count(*) FROM crm.customer_as_of(2, 'infinity');
SELECT count(*) FROM crm.customer_as_of(2, '-infinity');
SELECT * FROM crm.read_outbox(-1);
SELECT * FROM crm.read_outbox(NULL);
SELECT * FROM crm.read_outbox(0, 0);
SELECT * FROM crm.read_outbox(0, NULL);
SELECT * FROM crm.read_outbox(999999);
SELECT crm.prune_outbox(999999);
SELECT crm.prune_outbox(NULL);
SELECT crm.prune_history(NULL);
SELECT crm.prune_history('infinity');

-- Rows by portions, in one order; a row that was pruned is missed, not passed over.
SELECT count(*) = count(DISTINCT o.seq) AS each_once, count(*) > 20 AS many FROM crm.read_outbox() AS o;
CREATE FUNCTION t.portions(size integer) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  rows_read bigint[] := '{}';
  portion bigint[];
BEGIN
  LOOP
    portion := ARRAY(SELECT o.seq FROM crm.read_outbox(coalesce(rows_read[cardinality(rows_read)], 0), size) AS o);
    EXIT WHEN portion = '{}';
    rows_read := rows_read || portion;
  END LOOP;
  RETURN rows_read;
END $$;
SELECT t.portions(1) = t.portions(1000) AS same, t.portions(7) = t.portions(1000) AS same_too;
SELECT count(*) AS rows, min(xact) < max(xact) AS of_several FROM crm.outbox;
SELECT crm.prune_outbox(p.seq) > 0 AS pruned FROM t.position AS p;
SELECT count(*) FROM crm.outbox;
SELECT count(*) FROM crm.read_outbox((SELECT p.seq FROM t.position AS p));
SELECT * FROM crm.read_outbox(1);

-- Restored into another server, where transactions are counted anew: what came
-- with it stays in its order, before what is to come.
BEGIN;
UPDATE t.customer SET phone = '600999000', made = '2025-01-01' WHERE key = '2';
SELECT t.load();
UPDATE t.customer SET phone = '600999001', made = '2025-02-01' WHERE key = '2';
SELECT t.load();
UPDATE crm.outbox SET xact = 1000000000 - seq;
UPDATE crm.golden_state SET outbox_home = 1;
COMMIT;
-- In the order of a xact that runs against seq; all are there to read.
CREATE TABLE t.restored AS SELECT row_number() OVER () AS n, o.seq, o.change FROM crm.read_outbox() AS o;
SELECT count(*) AS rows, bool_and(a.seq > b.seq) AS against_seq FROM t.restored AS a JOIN t.restored AS b ON b.n = a.n + 1;
UPDATE t.customer SET phone = '600999002', made = '2025-03-01' WHERE key = '2';
SELECT t.load();
SELECT count(*) AS rows, sum((r.seq = o.seq)::integer) AS in_place, min(xact) < 0 AS old_ones, max(xact) > 0 AS new_ones
FROM (SELECT row_number() OVER () AS n, x.seq, x.xact FROM crm.read_outbox() AS x) AS o LEFT JOIN t.restored AS r USING (n);

-- What was known long ago is forgotten, and is not answered wrongly.
SELECT crm.prune_history(t.then('3 is 2'));
SELECT c.email FROM crm.customer_as_of(2, t.then('3 is 2')) AS c;
\set VERBOSITY sqlstate
SELECT c.email FROM crm.customer_as_of(2, t.then('made')) AS c;
SELECT * FROM crm.check();
DROP SCHEMA crm, crm_bi, t CASCADE;
