-- Rules of survivorship in the hub: as tables, by date, overruled by stewards.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60), crm.add_source('store', 'loyalty', 80), crm.add_source('news', 'newsletter', 30);
-- Today is 15 June 2024, until the test says otherwise.
CREATE SCHEMA t;
CREATE FUNCTION t.today(day date) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  EXECUTE format('CREATE OR REPLACE FUNCTION crm.golden_day() RETURNS date LANGUAGE sql STABLE AS %L', format('SELECT date %L', day));
END $$;
SELECT t.today('2024-06-15');
UPDATE crm.golden_state SET as_of = '2024-06-15';
CREATE TABLE t.customer (source text, key text, name text, email text, phone text, street text, city text, made text, points text, tags text, iban text, bic text, stage text, born text);
CREATE FUNCTION t.load() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  s text;
BEGIN
  FOREACH s IN ARRAY '{web,store,news}'::text[] LOOP
    EXECUTE format('CREATE OR REPLACE TEMP VIEW incoming AS SELECT * FROM t.customer WHERE source = %L', s);
    PERFORM crm.load(s, 'pg_temp.incoming', '{"key": "key", "full_name": "name", "email": "email", "phone": "phone", "street": "street", "city": "city",
      "birth_date": "born", "business_at": "made", "attributes": ["points", "tags", "iban", "bic", "stage"]}');
  END LOOP;
  PERFORM crm.resolve();
END $$;
CREATE FUNCTION t.golden(attribute text, customer bigint DEFAULT 1) RETURNS TABLE (value text, source text, rule text, others text[]) LANGUAGE sql AS $$
  SELECT l.value, l.source, l.rule, l.others FROM crm.lineage(customer) AS l WHERE l.attribute = $1
$$;
INSERT INTO t.customer (source, key, name, email, phone, street, city, made, points, tags, iban, bic, stage, born) VALUES
  ('web', '1', 'Ana Gil Mora', 'ana@sol-hotel.es', '600111222', 'Calle Mayor 1', 'Madrid', '2023-05-12', '100', 'vip', 'ES1', 'B1', 'lead', '1980-02-02'),
  ('store', '1', 'Ana Gil Mora', 'ana@sol-hotel.es', '600333444', NULL, 'Bilbao', '2023-11-28', '20.5', 'new', 'ES2', NULL, 'customer', '2020-02-02'),
  ('news', '1', 'Ana Gil Mora', 'ana@sol-hotel.es', NULL, NULL, NULL, '2024-06-05', 'many', NULL, NULL, 'B3', NULL, NULL),
  ('web', '2', 'Luis Rey Sanz', 'luis@sol-hotel.es', '600555666', NULL, NULL, '2023-08-20', NULL, NULL, NULL, NULL, NULL, NULL),
  ('web', '3', 'Eva Paz Toro', 'eva@sol-hotel.es', '600777888', NULL, NULL, '2023-08-20', '7', NULL, NULL, NULL, NULL, NULL);
SELECT t.load();
SELECT attributes FROM crm.customer ORDER BY customer_id;
SELECT crm.rebuild_customers();
SELECT * FROM crm.check();

-- Further attributes with rules of their own.
INSERT INTO crm.survivorship_attribute (attribute, attribute_group, type) VALUES
  ('points', NULL, 'number'), ('tags', NULL, 'text'), ('stage', NULL, 'text'), ('iban', 'account', 'text'), ('bic', 'account', 'text');
INSERT INTO crm.survivorship_rule (unit, step, rule, list) VALUES
  ('points', 1, 'sum', NULL), ('tags', 1, 'union', NULL), ('account', 1, 'complete', NULL), ('stage', 1, 'stage', '{lead,prospect,customer}');
SELECT invariant, key FROM crm.check();
SELECT crm.rebuild_customers();
SELECT attributes FROM crm.customer ORDER BY customer_id;
SELECT attribute, value, source, record_id, rule, candidates, others FROM crm.lineage(1) WHERE attribute IN ('points', 'tags', 'stage', 'iban', 'bic', 'birth_date');
SELECT * FROM crm.check();

-- Sources in an order; several steps; the plan that follows.
DELETE FROM crm.survivorship_rule WHERE unit = 'phone';
INSERT INTO crm.survivorship_rule (unit, step, rule, list) VALUES ('phone', 1, 'source', '{news,web}'), ('phone', 2, 'recent', NULL);
SELECT crm.rebuild_customers();
SELECT * FROM t.golden('phone');
SELECT jsonb_pretty(i.item) FROM crm.golden_state AS s CROSS JOIN LATERAL jsonb_array_elements(s.plan -> 'attributes') AS i(item) WHERE i.item ->> 'name' = 'phone';
DELETE FROM crm.survivorship_rule WHERE unit = 'phone';
INSERT INTO crm.survivorship_rule (unit, rule, follows) VALUES ('phone', 'follow', 'address');
SELECT crm.rebuild_customers();
SELECT * FROM t.golden('phone');

-- Trust by age: the store's phones are worth 80 today and 10 after 400 days.
UPDATE crm.survivorship_rule SET rule = 'trust', follows = NULL WHERE unit = 'phone';
INSERT INTO crm.survivorship_trust (source, attribute, maximum, minimum, decay) VALUES ('store', 'phone', 80, 10, '400 days');
SELECT crm.rebuild_customers();
SELECT * FROM t.golden('phone');
UPDATE crm.survivorship_trust SET curve = 'slow first';
SELECT crm.rebuild_customers();
SELECT * FROM t.golden('phone');
SELECT * FROM crm.check();
-- Time passes: golden customers are of a day, and go with it. 57 days after its
-- date the store's phone was still worth more than 60, now it is not.
UPDATE crm.survivorship_trust SET curve = 'linear';
SELECT t.today('2024-01-24');
UPDATE crm.golden_state SET as_of = crm.golden_day();
SELECT crm.rebuild_customers();
SELECT * FROM t.golden('phone');
SELECT t.today('2024-06-15');
SELECT * FROM crm.check();
SELECT crm.refresh_golden(), crm.refresh_golden() AS once_a_day;
SELECT * FROM t.golden('phone');
SELECT * FROM crm.check();
UPDATE crm.golden_state SET as_of = '2024-01-24';
SELECT crm.rebuild_customers('{1}');
SELECT counts - 'ms' FROM crm.resolve();
SELECT * FROM t.golden('phone');
-- Nothing goes back in time.
SELECT t.today('2024-01-24');
SELECT crm.refresh_golden(), crm.rebuild_customers();
SELECT t.today('2024-06-15');
DELETE FROM crm.survivorship_trust;
-- Failed validation: a child of three with a card, from the more trusted source. Last, or with what trust is left.
SELECT * FROM t.golden('birth_date');
UPDATE crm.survivorship_attribute SET implausible = 'compete' WHERE attribute = 'birth_date';
SELECT crm.rebuild_customers();
SELECT * FROM t.golden('birth_date');
INSERT INTO crm.survivorship_trust (source, downgrade) VALUES ('store', 50);
SELECT crm.rebuild_customers();
SELECT * FROM t.golden('birth_date');
-- Silence as a value.
UPDATE crm.survivorship_rule SET rule = 'recent' WHERE unit = 'phone';
UPDATE crm.survivorship_attribute SET empty_from = '{news}' WHERE attribute = 'phone';
SELECT crm.rebuild_customers();
SELECT value IS NULL AS none, source, rule, others FROM t.golden('phone');
UPDATE crm.survivorship_attribute SET empty_from = NULL WHERE attribute = 'phone';
-- A rule with a period.
UPDATE crm.survivorship_rule SET valid_from = '2024-06-16' WHERE unit = 'phone';
INSERT INTO crm.survivorship_rule (unit, rule, valid_to) VALUES ('phone', 'oldest', '2024-06-16');
SELECT crm.rebuild_customers();
SELECT value, source, rule FROM t.golden('phone');
SELECT t.today('2024-06-16');
SELECT crm.refresh_golden();
SELECT value, source, rule FROM t.golden('phone');
DELETE FROM crm.survivorship_rule WHERE rule = 'oldest';
UPDATE crm.survivorship_rule SET valid_from = NULL;
SELECT crm.rebuild_customers();
SELECT * FROM crm.check();

-- A steward decides. Nothing else is asked until the decision ends.
SELECT crm.override(1, 'phone', '600 999 000', 'Marta', 'told me on the phone'), crm.override(1, 'city', NULL, 'Marta', 'moved, new city unknown'),
       crm.override(1, 'points', '77', 'Marta', 'corrected'), crm.override(1, 'shoe', '38', 'Marta', 'asked');
SELECT phone, city, street, attributes FROM crm.customer WHERE customer_id = 1;
SELECT attribute, value, source, source_key, record_id, rule, candidates, others FROM crm.lineage(1) WHERE rule = 'steward';
SELECT crm.rebuild_customers();
UPDATE t.customer SET phone = '600123456', made = '2024-06-15' WHERE key = '1' AND source = 'web';
SELECT t.load();
SELECT crm.resolve('{"all": true}') IS NOT NULL AS resolved;
SELECT phone FROM crm.customer WHERE customer_id = 1;
SELECT * FROM crm.check();
-- A newer one takes its place; it is withdrawn, once.
SELECT crm.override(1, 'phone', '+34600999001', 'Luis', 'told me later');
SELECT phone FROM crm.customer WHERE customer_id = 1;
SELECT override_id, value, who, withdrawn_by, withdrawn_why FROM crm.customer_override ORDER BY 1;
SELECT crm.withdraw_override(5, 'Luis', 'mistake'), phone FROM crm.customer WHERE customer_id = 1;
SELECT crm.withdraw_override(5, 'Luis', 'mistake');
SELECT phone FROM crm.customer WHERE customer_id = 1;
SELECT crm.withdraw_override(2, 'Luis', 'known again'), crm.withdraw_override(3, 'Luis', 'x'), crm.withdraw_override(4, 'Luis', 'x');
SELECT city, attributes FROM crm.customer WHERE customer_id = 1;
-- Normalised as at loading; a name is found by what was decided.
SELECT crm.override(2, 'email', ' Luis@MAR-hotel.es', 'M', 'w'), crm.override(2, 'gender', 'H', 'M', 'w'), crm.override(2, 'birth_date', '1990-5-6', 'M', 'w'),
       crm.override(2, 'loyalty_card', 'c-1 2', 'M', 'w'), crm.override(2, 'username', 'LuisR', 'M', 'w'), crm.override(2, 'tax_id', '1234567-L', 'M', 'w'),
       crm.override(2, 'postcode', '8001', 'M', 'w'), crm.override(2, 'full_name', 'Luis Quintanilla Rey', 'M', 'w');
SELECT email, gender, birth_date, loyalty_card, username, tax_id, postcode, full_name, name_tokens FROM crm.customer WHERE customer_id = 2;
SELECT customer_id, full_name FROM crm.find_customer('quintanilla');
SELECT * FROM crm.check();
-- It ends by itself on its day.
SELECT crm.override(3, 'phone', '600000001', 'M', 'w', '2024-06-18');
SELECT phone FROM crm.customer WHERE customer_id = 3;
SELECT t.today('2024-06-17');
SELECT crm.refresh_golden();
SELECT t.today('2024-06-20');
SELECT * FROM crm.check();
SELECT counts - 'ms' FROM crm.resolve();
SELECT phone FROM crm.customer WHERE customer_id = 3;
SELECT * FROM crm.check();

-- Over merges and unmerges, in any order: it stays with the customer that it was
-- made for; of two the newer wins while they are one.
SELECT crm.override(3, 'username', 'eva', 'M', 'first'), crm.override(2, 'phone', '600222000', 'M', 'second'), crm.override(3, 'phone', '600333000', 'M', 'third');
CREATE TABLE t.before AS SELECT customer_id, phone, username, email, full_name, record_count FROM crm.customer;
CREATE FUNCTION t.decide(a bigint, b bigint, same boolean) RETURNS void LANGUAGE sql AS $$
  SELECT crm.decide_match(a, b, same, 'test');
  SELECT crm.resolve();
$$;
SELECT record_id, customer_id, home_id FROM crm.customer_member ORDER BY 1;
SELECT t.decide(2, 3, true);
SELECT customer_id, record_count, phone, username FROM crm.customer WHERE state = 'active' ORDER BY 1;
SELECT attribute, value, source, others FROM crm.lineage(3) WHERE rule = 'steward' AND attribute IN ('phone', 'username');
SELECT t.decide(1, 2, true);
SELECT customer_id, record_count, phone, username FROM crm.customer WHERE state = 'active' ORDER BY 1;
-- While they are one, a decision on the whole; it stays with the oldest.
SELECT crm.override(3, 'phone', '600111000', 'M', 'fourth');
SELECT customer_id, phone FROM crm.customer WHERE state = 'active' ORDER BY 1;
SELECT * FROM crm.check();
SELECT t.decide(2, 3, NULL);
SELECT customer_id, record_count, phone, username FROM crm.customer WHERE state = 'active' ORDER BY 1;
SELECT t.decide(1, 2, NULL);
SELECT crm.withdraw_override(max(override_id), 'M', 'over') FROM crm.customer_override WHERE why = 'fourth';
SELECT count(*) AS different FROM (SELECT customer_id, phone, username, email, full_name, record_count FROM crm.customer EXCEPT TABLE t.before) AS d;
SELECT * FROM crm.check();
-- Its record is deleted: it goes with the id; without any record it waits.
BEGIN;
SELECT crm.override(1, 'phone', '600111001', 'M', 'fifth');
DELETE FROM crm.source_record WHERE record_id = (SELECT o.record_id FROM crm.customer_override AS o WHERE o.why = 'fifth');
SELECT invariant FROM crm.check() WHERE invariant LIKE 'override%';
SELECT crm.rebuild_customers(), phone FROM crm.customer WHERE customer_id = 1;
SELECT phone FROM crm.customer WHERE customer_id = 1;
SELECT invariant FROM crm.check() WHERE invariant LIKE 'override%';
DELETE FROM crm.source_record WHERE source_key = '1';
SELECT crm.rebuild_customers();
SELECT state FROM crm.customer WHERE customer_id = 1;
SELECT invariant FROM crm.check() WHERE invariant LIKE 'override%';
ROLLBACK;

-- Bad calls.
SELECT crm.override(999, 'phone', '600111222', 'M', 'w');
SELECT crm.override(NULL, 'phone', '600111222', 'M', 'w');
SELECT crm.override(1, 'phone', 'none', 'M', 'w');
SELECT crm.override(1, 'email', '', 'M', 'w');
SELECT crm.override(1, 'birth_date', '1990-02-30', 'M', 'w');
SELECT crm.override(1, 'points', 'many', 'M', 'w');
SELECT crm.override(1, 'record_count', '3', 'M', 'w');
SELECT crm.override(1, '', '3', 'M', 'w');
SELECT crm.override(1, NULL, '3', 'M', 'w');
SELECT crm.override(1, 'phone', '600111222', ' ', 'w');
SELECT crm.override(1, 'phone', '600111222', 'M', NULL);
SELECT crm.override(1, 'phone', '600111222', 'M', 'w', '2024-06-20');
SELECT crm.withdraw_override(999, 'M', 'w');
SELECT crm.withdraw_override(NULL, 'M', 'w');
SELECT crm.withdraw_override(1, NULL, 'w');

-- Tables edited into nonsense: an error that names the row; the rules of before
-- stay in force, and nothing stops.
\set VERBOSITY terse
INSERT INTO crm.survivorship_attribute (attribute, position) VALUES ('shoe', 1);
UPDATE crm.survivorship_attribute SET position = NULL WHERE attribute = 'email';
INSERT INTO crm.survivorship_rule (unit, rule) VALUES ('gender', 'best');
INSERT INTO crm.survivorship_rule (unit, rule) VALUES ('gender', 'source');
INSERT INTO crm.survivorship_rule (unit, rule, list) VALUES ('gender', 'trust', '{web}');
INSERT INTO crm.survivorship_rule (unit, rule, list) VALUES ('gender', 'source', '{web,NULL}');
INSERT INTO crm.survivorship_rule (unit, rule, list) VALUES ('gender', 'source', '{}');
INSERT INTO crm.survivorship_rule (unit, rule, follows) VALUES ('gender', 'follow', 'gender');
INSERT INTO crm.survivorship_rule (unit, step, rule) VALUES ('points', 2, 'sum');
INSERT INTO crm.survivorship_rule (unit, rule, valid_from, valid_to) VALUES ('gender', 'trust', '2026-01-02', '2026-01-02');
INSERT INTO crm.survivorship_trust (source, maximum, minimum) VALUES ('web', 10, 20);
INSERT INTO crm.survivorship_trust (source) VALUES ('store');
INSERT INTO crm.survivorship_trust (source) VALUES ('nobody');
INSERT INTO crm.survivorship_trust (source, decay) VALUES ('web', '-1 day');
\set VERBOSITY default
CREATE FUNCTION t.told_of(change text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  message text;
  hint text;
BEGIN
  EXECUTE change;
  PERFORM crm.rebuild_customers();
  RETURN 'accepted';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RETURN regexp_replace(regexp_replace(message, '(rule|trust) \d+', '\1 N', 'g') || E'\n  ' || hint, 'VALUES \(''(.*)\)', 'VALUES (...)');
END $$;
CREATE TABLE t.nonsense (n integer GENERATED ALWAYS AS IDENTITY, change text);
INSERT INTO t.nonsense (change) VALUES
  ('DELETE FROM crm.survivorship_attribute WHERE attribute = ''gender'''),
  ('UPDATE crm.survivorship_attribute SET attribute_group = ''email'' WHERE attribute = ''gender'''),
  ('UPDATE crm.survivorship_attribute SET attribute_group = ''*'' WHERE attribute = ''gender'''),
  ('UPDATE crm.survivorship_attribute SET implausible = ''never'' WHERE attribute = ''city'''),
  ('UPDATE crm.survivorship_attribute SET empty_from = ''{web}'' WHERE attribute = ''city'''),
  ('UPDATE crm.survivorship_attribute SET empty_from = ''{wbe}'' WHERE attribute = ''gender'''),
  ('INSERT INTO crm.survivorship_trust (source, attribute) VALUES (''web'', ''emial'')'),
  ('INSERT INTO crm.survivorship_trust (source, minimum) VALUES (''web'', 70)'),
  ('INSERT INTO crm.survivorship_rule (unit, rule) VALUES (''emial'', ''trust'')'),
  ('INSERT INTO crm.survivorship_rule (unit, rule) VALUES (''city'', ''trust'')'),
  ('UPDATE crm.survivorship_rule SET rule = ''max'' WHERE unit = ''address'''),
  ('UPDATE crm.survivorship_rule SET rule = ''union'' WHERE unit = ''email'''),
  ('UPDATE crm.survivorship_rule SET rule = ''sum'' WHERE unit = ''*'''),
  ('UPDATE crm.survivorship_attribute SET type = ''text'' WHERE attribute = ''points'''),
  ('INSERT INTO crm.survivorship_rule (unit, step, rule) VALUES (''points'', 2, ''recent'')'),
  ('INSERT INTO crm.survivorship_rule (unit, rule) VALUES (''email'', ''trust'')'),
  ('INSERT INTO crm.survivorship_rule (unit, step, rule, list) VALUES (''email'', 2, ''source'', ''{web,stor}'')'),
  ('INSERT INTO crm.survivorship_rule (unit, step, rule, follows) VALUES (''email'', 2, ''follow'', ''fone'')'),
  ('INSERT INTO crm.survivorship_rule (unit, step, rule, follows) VALUES (''address'', 2, ''follow'', ''city'')'),
  ('INSERT INTO crm.survivorship_rule (unit, step, rule, follows) VALUES (''email'', 2, ''follow'', ''phone''), (''phone'', 2, ''follow'', ''street''), (''address'', 2, ''follow'', ''email'')'),
  ('UPDATE crm.source SET name = ''web shop'' WHERE name = ''web''; INSERT INTO crm.survivorship_rule (unit, step, rule, list) VALUES (''email'', 2, ''source'', ''{web}'')');
\pset format unaligned
SELECT t.told_of(n.change) FROM t.nonsense AS n ORDER BY n.n;
\pset format aligned
INSERT INTO crm.survivorship_rule (unit, step, rule) VALUES ('emial', 1, 'trust'), ('city', 1, 'trust');
SELECT regexp_replace(place, ' \d+ ', ' N ') AS place, problem, hint FROM crm.check_survivorship();
\set VERBOSITY sqlstate
SELECT crm.rebuild_customers();
\set VERBOSITY default
SELECT invariant, regexp_replace(key, ' \d+ ', ' N ') AS key FROM crm.check();
INSERT INTO t.customer (source, key, name, email, made) VALUES ('web', '9', 'Sara Gil Gil', 'sara@sol-hotel.es', '2024-01-01');
SELECT t.load();
SELECT full_name FROM crm.customer WHERE email = 'sara@sol-hotel.es';
DELETE FROM crm.survivorship_rule WHERE unit IN ('emial', 'city');
SELECT * FROM crm.check();
-- A source that is gone takes its trust with it.
SELECT crm.add_source('old', 'other', 10);
INSERT INTO crm.survivorship_trust (source, decay) VALUES ('old', '1 year');
UPDATE crm.source SET name = 'older' WHERE name = 'old';
SELECT source FROM crm.survivorship_trust ORDER BY 1;
DELETE FROM crm.source WHERE name = 'older';
SELECT crm.rebuild_customers();
SELECT * FROM crm.check();
DROP SCHEMA crm, crm_bi, t CASCADE;
