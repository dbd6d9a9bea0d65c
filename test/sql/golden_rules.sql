-- Each rule of survivorship by hand: plans, trust by age and validity, groups,
-- ties, periods, attributes as jsonb, decisions of people.
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE SCHEMA t;
CREATE TABLE t.record (id bigint, source bigint, trust double precision, at timestamptz, quality text, vals text[], more jsonb);
-- One attribute under one item of a plan, and members of the plan beside it.
CREATE FUNCTION t.one(item jsonb, plan jsonb DEFAULT '{}', as_of timestamptz DEFAULT '2026-01-01',
                      OUT value text, OUT record bigint, OUT decided text, OUT candidates integer) LANGUAGE sql AS $$
  SELECT (s).vals[1], (s).record_ids[1], (s).rules[1], (s).candidates[1]
  FROM (SELECT omnicrm.survive(id, source, trust, at, quality, vals[1:1], NULL, jsonb_build_object('attributes', jsonb_build_array(item)) || plan, as_of) AS s FROM t.record) AS x
$$;

-- By source, then by what breaks its ties.
INSERT INTO t.record VALUES
  (1, 1, 90, '2020-01-01', '6', '{web old}'), (2, 1, 90, '2024-01-01', '6', '{web new}'), (3, 2, 80, '2022-01-01', '6', '{store}'),
  (4, 3, 10, '2010-01-01', '9', '{news}'), (5, 4, 99, NULL, '6', '{other}');
SELECT * FROM t.one('{"rule": "source", "list": [3, 2, 1]}');
SELECT * FROM t.one('{"rule": "source", "list": [7, 1]}');
SELECT * FROM t.one('{"rules": [{"rule": "source", "list": [1]}, "oldest"]}');
SELECT * FROM t.one('{"rules": [{"rule": "source", "list": [1, 4]}, "shortest", "longest"]}');
SELECT * FROM t.one('{"rule": "source", "list": [8, 9]}');
SELECT * FROM t.one('"first"'), t.one('"last"') AS l;
-- Informatica's order of precedence: trust, last update, higher id; and ours, in
-- which the smaller id wins, so that a new record that says nothing better changes nothing.
INSERT INTO t.record VALUES (8, 4, 99, NULL, '6', '{other too}');
SELECT * FROM t.one('{"rules": ["trust", "recent", "last"]}');
SELECT * FROM t.one('{"rules": ["trust", "recent"]}');

-- Trust by age: from 80 to 20 in 100 days. Against a source of constant trust it
-- wins, ties (and its date is the newer) or loses.
TRUNCATE t.record;
CREATE FUNCTION t.aged(days numeric, curve text, other numeric, minimum numeric DEFAULT 20, quality text DEFAULT '6', downgrade numeric DEFAULT 0, keep boolean DEFAULT false)
RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  won record;
BEGIN
  TRUNCATE t.record;
  INSERT INTO t.record VALUES
    (1, 1, 60, timestamptz '2026-01-01' - days * interval '1 day', quality, '{aged}'), (2, 2, other, '2000-01-01', '6', '{constant}');
  SELECT * INTO won FROM t.one('{"rule": "trust", "implausible": "compete"}', jsonb_build_object('trust', jsonb_build_array(jsonb_build_object(
    'source', 1, 'maximum', 80, 'minimum', minimum, 'decay', 100, 'curve', curve, 'downgrade', downgrade, 'keep_minimum', keep))));
  RETURN format('%s: %s', won.value, won.decided);
END $$;
SELECT c.curve, d.days, o.trust AS other, t.aged(d.days, c.curve, o.trust)
FROM (VALUES ('linear', 50, 50), ('fast first', 50, 35), ('slow first', 50, 65), ('linear', 0, 80), ('linear', 100, 20), ('slow first', 1000, 20),
             ('fast first', -10, 80), ('linear', 25, 65), ('fast first', 25, 53.75), ('slow first', 25, 76.25)) AS e(curve, days, trust),
LATERAL (SELECT e.curve) AS c, LATERAL (SELECT e.days) AS d, LATERAL (VALUES (e.trust - 0.01), (e.trust), (e.trust + 0.01)) AS o(trust)
ORDER BY e.curve, e.days, o.trust;
-- Without a date a value is as old as can be.
SELECT t.aged(NULL, 'slow first', 20), t.aged(NULL, 'slow first', 20.01);
-- Failed validation: 60 and 50 percent are 30, exactly; not below the minimum when it is kept.
SELECT o.trust AS other, t.aged(33 + 1/3::numeric, 'linear', o.trust, 20, '3', 50) AS half_of_60, t.aged(1000, 'linear', o.trust, 20, '3', 50) AS half_of_20,
       t.aged(1000, 'linear', o.trust, 20, '3', 50, true) AS kept, t.aged(0, 'linear', o.trust, 20, '3', 100) AS nothing
FROM (VALUES (0), (10), (20), (29.99), (30), (30.01)) AS o(trust);
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 60, '2025-01-01', '3', '{failed}'), (2, 2, 30, '2024-01-01', '6', '{other}');
SELECT * FROM t.one('{"rule": "trust", "implausible": "compete"}', '{"trust": [{"source": 1, "downgrade": 50}]}');
SELECT * FROM t.one('{"rule": "trust", "implausible": "compete"}', '{"trust": [{"source": 1, "downgrade": 49.9}]}');
SELECT * FROM t.one('{"rule": "trust", "implausible": "compete"}', '{"trust": [{"source": 1, "downgrade": 50.1}]}');
-- Last, competing, never; and alone.
SELECT i.what, o.* FROM unnest('{last,compete,never}'::text[]) AS i(what) CROSS JOIN LATERAL t.one(jsonb_build_object('rule', 'trust', 'implausible', i.what)) AS o;
DELETE FROM t.record WHERE id = 2;
SELECT i.what, o.* FROM unnest('{last,compete,never}'::text[]) AS i(what) CROSS JOIN LATERAL t.one(jsonb_build_object('rule', 'trust', 'implausible', i.what)) AS o;
-- Trust of a source in the plan goes before the argument; of an attribute before that of all.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 60, '2025-12-31', '66', '{a1,b1}'), (2, 2, 50, '2025-12-31', '66', '{a2,b2}');
SELECT p.plan, omnicrm.survive(id, source, trust, at, quality, vals, NULL, '{"attributes": [{"name": "a"}, {"name": "b", "group": "g"}]}' || p.plan, '2026-01-01')
FROM t.record CROSS JOIN (VALUES ('{}'::jsonb), ('{"sources": {"1": 40}}'), ('{"sources": {"1": 40}, "trust": [{"source": 1, "maximum": 55}]}'),
  ('{"trust": [{"source": 1, "attribute": "a", "maximum": 1}]}'), ('{"trust": [{"source": 1, "attribute": "g", "maximum": 1}]}'),
  ('{"trust": [{"source": 1, "attribute": "b", "maximum": 70}, {"source": 1, "maximum": 2}, {"source": 1, "attribute": "g", "maximum": 3}]}')) AS p(plan)
GROUP BY p.plan ORDER BY p.plan;

-- Vote: the trust of all who say so.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 60, NULL, '6', '{a}'), (2, 2, 35, NULL, '6', '{b}'), (3, 3, 30, NULL, '6', '{b}'), (4, 3, 20, NULL, '6', '{c}');
SELECT * FROM t.one('"vote"'), t.one('"frequent"') AS f, t.one('"trust"') AS t;
UPDATE t.record SET trust = 25 WHERE id = 3;
SELECT * FROM t.one('"vote"');

-- The furthest stage; others come before all.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 10, NULL, '6', '{lead}'), (2, 2, 20, NULL, '6', '{customer}'), (3, 3, 90, NULL, '6', '{prospect}'), (4, 4, 99, NULL, '6', '{unheard of}');
SELECT * FROM t.one('{"rule": "stage", "list": ["lead", "prospect", "customer", "advocate"]}');
SELECT * FROM t.one('{"rule": "stage", "list": ["x"]}');

-- Smallest and largest as texts, numbers and dates; what is none comes last.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 1, NULL, '6', '{10}'), (2, 1, 1, NULL, '6', '{9.5}'), (3, 1, 1, NULL, '6', '{-3}'), (4, 1, 9, NULL, '6', '{none}'), (5, 1, 1, NULL, '6', '{1e2}');
SELECT r.rule, y.type, o.value FROM unnest('{min,max}'::text[]) AS r(rule), unnest('{text,number}'::text[]) AS y(type), t.one(jsonb_build_object('rule', r.rule, 'type', y.type)) AS o ORDER BY 1, 2;
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 1, NULL, '6', '{2020-03-01}'), (2, 1, 1, NULL, '6', '{19991231}'), (3, 1, 1, NULL, '6', '{25/12/2019}'), (4, 1, 9, NULL, '6', '{yesterday}'), (5, 1, 1, NULL, '6', '{2020-03-01 10:00}');
SELECT r.rule, y.type, o.value FROM unnest('{min,max}'::text[]) AS r(rule), unnest('{text,date}'::text[]) AS y(type), t.one(jsonb_build_object('rule', r.rule, 'type', y.type)) AS o ORDER BY 1, 2;

-- Sum and union are of all, and of no single record.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 50, NULL, '6', '{10.50}'), (2, 2, 60, NULL, '6', '{10.50}'), (3, 3, 70, NULL, '6', '{many}'), (4, 4, 80, NULL, '0', '{1000}');
SELECT * FROM t.one('{"rule": "sum", "type": "number"}');
DELETE FROM t.record WHERE id = 2;
SELECT * FROM t.one('{"rule": "sum", "type": "number"}');
DELETE FROM t.record WHERE id = 1;
SELECT * FROM t.one('{"rule": "sum", "type": "number"}');
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 50, NULL, '6', '{" a; b ;;c"}'), (2, 2, 60, NULL, '6', '{c;d}'), (3, 3, 70, NULL, '3', '{e}'), (4, 4, 80, NULL, '6', '{;}');
SELECT * FROM t.one('"union"'), t.one('{"rule": "union", "implausible": "compete"}') AS c;
DELETE FROM t.record WHERE id <> 1;
SELECT * FROM t.one('"union"');

-- Silence as a value: the CRM knows that there is no phone any more.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 50, '2020-01-01', '6', '{600}'), (2, 2, 60, '2024-01-01', '6', '{NULL}'), (3, 3, 60, '2025-01-01', '6', '{NULL}');
SELECT * FROM t.one('"recent"'), t.one('{"rule": "recent", "empty_from": [2]}') AS e, t.one('{"rule": "oldest", "empty_from": [2]}') AS o;
INSERT INTO t.record VALUES (4, 2, 60, '2026-01-01', '6', '{601}');
SELECT * FROM t.one('{"rule": "recent", "empty_from": [2, 3]}');

-- Periods: a rule from a day on and until another; in between by trust.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 50, '2020-01-01', '6', '{old}'), (2, 2, 60, '2022-01-01', '6', '{trusted}'), (3, 3, 40, '2024-01-01', '6', '{new}');
SELECT d.day, o.* FROM unnest('{2024-12-31,2025-01-01,2025-06-30,2025-07-01,2025-12-31,2026-01-01,2030-01-01}'::date[]) AS d(day)
CROSS JOIN LATERAL t.one('{"rules": [{"rule": "oldest", "from": "2025-01-01", "until": "2025-07-01"}, {"rule": "recent", "from": "2026-01-01"}]}', '{}', d.day) AS o ORDER BY d.day;

-- Follow: where the e-mail comes from, the phone does, when that record has one.
TRUNCATE t.record;
INSERT INTO t.record VALUES (1, 1, 50, '2024-01-01', NULL, '{mail1,phone1,NULL,x}'), (2, 2, 60, '2023-01-01', NULL, '{mail2,phone2,z2,y}'), (3, 3, 70, '2022-01-01', NULL, '{NULL,phone3,z3,y}');
SELECT omnicrm.survive(id, source, trust, at, quality, vals, NULL,
  '[{"name": "mail", "rule": "recent"}, {"name": "phone", "rule": "follow", "of": "mail"}, {"rules": [{"rule": "follow", "of": "phone"}, "oldest"]}, {"group": "last", "rules": [{"rule": "follow", "of": "mail"}]}]', NULL)
FROM t.record;

-- The most complete record, and groups as units: name, address, bank account.
TRUNCATE t.record;
INSERT INTO t.record VALUES
  (1, 1, 50, '2020-01-01', NULL, '{Ana,Gil,Calle 1,28001,Madrid}', '{"iban": "ES1", "bic": "B1", "bank": "One"}'),
  (2, 2, 90, '2024-01-01', NULL, '{ANA,NULL,NULL,48001,Bilbao}', '{"iban": "ES2", "bic": null}'),
  (3, 3, 10, '2022-01-01', NULL, '{A.,Gil,Calle 3,NULL,NULL}', '{"bic": "B3", "bank": "Three"}');
SELECT r.rule, (s).vals, (s).record_ids, (s).rules, (s).attributes, (s).attribute_provenance -> 'iban' AS iban
FROM (SELECT r.rule, omnicrm.survive(id, source, trust, at, quality, vals, more, jsonb_build_object(
        'attributes', (SELECT jsonb_agg(jsonb_build_object('group', g, 'rule', r.rule) ORDER BY n) FROM unnest('{name,name,address,address,address}'::text[]) WITH ORDINALITY AS x(g, n)),
        'extra', (SELECT jsonb_agg(jsonb_build_object('name', e, 'group', 'account', 'rule', r.rule)) FROM unnest('{iban,bic,bank}'::text[]) AS e)), NULL) AS s
      FROM t.record CROSS JOIN unnest('{trust,recent,oldest,complete,frequent,longest,valid,first,last}'::text[]) AS r(rule) GROUP BY r.rule) AS r
ORDER BY r.rule;

-- Attributes as jsonb: kinds of values, rules of their own, the others by one rule.
TRUNCATE t.record;
INSERT INTO t.record VALUES
  (1, 1, 50, '2020-01-01', NULL, '{}', '{"points": 100, "tags": ["a", "b"], "shoe": "38", "vip": true, "size": 2, "stage": "lead", "nothing": null, "empty": ""}'),
  (2, 2, 90, '2024-01-01', NULL, '{}', '{"points": "50.5", "tags": ["b", {"c": 1}, null], "shoe": 39, "vip": false, "size": 3, "address": {"city": "Bilbao"}}'),
  (3, 3, 10, NULL, NULL, '{}', '{"points": "none", "tags": "z", "shoe": "38", "stage": "customer", "size": "3"}');
SELECT jsonb_pretty((s).attributes) AS attributes, jsonb_pretty((s).attribute_provenance) AS provenance, (s).record_count
FROM (SELECT omnicrm.survive(id, source, trust, at, quality, vals, more, '{"extra": [{"name": "points", "rule": "sum", "type": "number"}, {"name": "tags", "rule": "union"},
  {"name": "size", "rule": "max", "type": "number"}, {"name": "stage", "rule": "stage", "list": ["lead", "customer"]}, {"name": "missing", "rule": "sum", "type": "number"}], "others": {"rules": ["frequent", "oldest"]}}', NULL) AS s FROM t.record) AS x;
SELECT (omnicrm.survive(id, source, trust, at, quality, vals, more, '[]', NULL)).attributes AS by_trust FROM t.record;
SELECT (omnicrm.survive(id, source, trust, at, quality, vals, more, '{"others": "union"}', NULL)).attributes AS all_of_them FROM t.record;
SELECT (omnicrm.survive(id, source, trust, at, quality, vals, '{}', '[]', NULL)).attributes IS NULL AS none FROM t.record;

-- What people decided.
SELECT jsonb_pretty(to_jsonb(omnicrm.overrule(s, d.decisions, p.plan))) AS overruled
FROM (VALUES ('{"attributes": [{"name": "mail"}, {"name": "phone"}, {}]}'::jsonb)) AS p(plan)
CROSS JOIN LATERAL (SELECT omnicrm.survive(id, 1, id, NULL, NULL, ARRAY['m' || id, 'p' || id, 'x'], jsonb_build_object('shoe', id, 'hat', 'h'), p.plan, NULL) AS s FROM generate_series(1, 2) AS id) AS x
CROSS JOIN (VALUES ('{"mail": "said@so", "phone": null, "shoe": "44", "hat": null, "new": 1}'::jsonb)) AS d(decisions);
SELECT omnicrm.overrule(s, '{}', '["trust"]') = s AS as_it_was, omnicrm.overrule(s, NULL, '["trust"]') IS NULL AS null_is_null
FROM (SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', NULL, '["trust"]', NULL) AS s) AS x;
SELECT omnicrm.overrule(s, '{"a": 1}', '[{"name": "a"}]') FROM (SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', NULL, '["trust"]', NULL) AS s) AS x;
SELECT omnicrm.overrule(s, '[]', '["trust"]') FROM (SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', NULL, '["trust"]', NULL) AS s) AS x;
SELECT omnicrm.overrule(s, '{}', '["trust", "trust"]') FROM (SELECT omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', NULL, '["trust"]', NULL) AS s) AS x;
SELECT omnicrm.overrule(ROW(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)::omnicrm.survivor, '{}', '["trust"]');

-- Plans that cannot be.
CREATE FUNCTION t.refused(plan jsonb) RETURNS TABLE (state text, message text, hint text) LANGUAGE plpgsql AS $$
BEGIN
  PERFORM omnicrm.survive(1, 1, 1, NULL, NULL, '{a}', NULL, plan, NULL);
  message := 'accepted';
  RETURN NEXT;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
  RETURN NEXT;
END $$;
\pset format unaligned
SELECT p.plan, r.* FROM unnest(ARRAY['1', '"trust"', 'null', '{"rules": 1}', '["best"]', '[1]', '[null]', '[[]]', '[{"rule": "best"}]', '[{"rule": 1}]', '[{"rule": {}}]', '[{"rules": [{}]}]', '[{"rules": ["trust", {"rule": "stage"}]}]', '[{"rules": ["trust"], "list": [1]}]', '[{"rule": "trust", "rules": ["trust"]}]',
  '[{"rules": []}]', '[{"rules": "trust"}]', '[{"rules": [1]}]', '[{"ruel": "trust"}]', '[{"rule": "trust", "list": [1]}]', '[{"rule": "source"}]', '[{"rule": "source", "list": []}]',
  '[{"rule": "source", "list": ["web"]}]', '[{"rule": "source", "list": [1.5e30]}]', '[{"rule": "stage", "list": [1]}]', '[{"rule": "follow"}]', '[{"rule": "trust", "of": "x"}]',
  '[{"rule": "follow", "of": "x"}]', '[{"name": "a", "rule": "follow", "of": "a"}]', '[{"rule": "trust", "from": "soon"}]', '[{"rule": "trust", "from": "2026-02-30"}]',
  '[{"rule": "trust", "from": "2026-01-02", "until": "2026-01-02"}]', '[{"rule": "sum"}]', '[{"rule": "sum", "type": "date"}]', '[{"rules": ["sum", "trust"], "type": "number"}]', '[{"group": "g", "rule": "union"}]',
  '[{"group": "g", "rule": "max"}]', '[{"type": "float"}]', '[{"implausible": "maybe"}]', '[{"empty_from": ["web"]}]', '[{"name": ""}]', '[{"name": 1}]', '[{"name": "a"}, {"name": "a"}]',
  '[{"group": "g", "rule": "trust"}, {"group": "g", "rule": "recent"}]', '[{"group": "g"}, {"group": "g", "implausible": "never"}]',
  '[{"name": "a", "rule": "follow", "of": "b"}, {"name": "b", "rule": "follow", "of": "a"}]',
  '{"attributes": 1}', '{"extra": [{}]}', '{"extra": ["trust"]}', '{"others": {"name": "x"}}', '{"others": "best"}', '{"others": 1}', '{"others": {"rule": "follow", "of": "x"}}',
  '{"attributes": ["trust"], "trust": {}}', '{"attributes": ["trust"], "trust": [1]}', '{"attributes": ["trust"], "trust": [{}]}', '{"attributes": ["trust"], "trust": [{"source": "web"}]}',
  '{"attributes": ["trust"], "trust": [{"source": 1, "attribute": "x"}]}', '{"attributes": ["trust"], "trust": [{"source": 1}, {"source": 1}]}', '{"attributes": ["trust"], "trust": [{"source": 1, "maximum": -1}]}',
  '{"attributes": ["trust"], "trust": [{"source": 1, "maximum": 10, "minimum": 20}]}', '{"attributes": ["trust"], "trust": [{"source": 1, "decay": 0}]}', '{"attributes": ["trust"], "trust": [{"source": 1, "decay": "1 day"}]}',
  '{"attributes": ["trust"], "trust": [{"source": 1, "curve": "steep"}]}', '{"attributes": ["trust"], "trust": [{"source": 1, "downgrade": 101}]}', '{"attributes": ["trust"], "trust": [{"source": 1, "keep_minimum": 1}]}',
  '{"attributes": ["trust"], "sources": []}', '{"attributes": ["trust"], "sources": {"web": 1}}', '{"attributes": ["trust"], "sources": {"1": "high"}}', '{"attributes": ["trust"], "sources": {"99999999999999999999": 1}}',
  '{"attributes": ["trust"], "trust": [{"source": 1, "decay": 10}]}', '[{"rule": "trust", "until": "2026-01-01"}]']::jsonb[]) WITH ORDINALITY AS p(plan, n)
CROSS JOIN LATERAL t.refused(p.plan) AS r ORDER BY p.n;
SELECT r.* FROM t.refused(jsonb_build_array(jsonb_build_object('rules', to_jsonb(array_fill('trust'::text, ARRAY[17]))))) AS r;
SELECT r.* FROM t.refused(jsonb_build_array(jsonb_build_object('rule', 'source', 'list', (SELECT jsonb_agg(g) FROM generate_series(1, 1001) AS g)))) AS r;
SELECT r.state, r.message LIKE '%limited to 1000000 bytes%' AS told FROM t.refused(jsonb_build_array(jsonb_build_object('name', repeat('x', 1000000)))) AS r;
\pset format aligned
DROP SCHEMA t CASCADE;
