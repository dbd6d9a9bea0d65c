-- Commission: plans, pools, splits, returns; the named cases that other systems get wrong.
SET client_min_messages = warning;
SET timezone = 'UTC';
SET intervalstyle = 'postgres';
SET datestyle = 'ISO';
\set VERBOSITY terse
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

INSERT INTO crm.source (name, kind, trust) VALUES ('web', 'web', 60), ('store', 'shop', 80);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) VALUES (1, 'any', 'test', '{}'), (2, 'any', 'test', '{}');
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload)
SELECT 1 + n % 2, 'K' || n, 1 + n % 2, 0, '', '{}' FROM generate_series(1, 6) AS n;
INSERT INTO crm.customer (full_name) SELECT 'Customer ' || n FROM generate_series(1, 6) AS n;
INSERT INTO crm.customer_member (record_id, customer_id) SELECT n, n FROM generate_series(1, 6) AS n;
INSERT INTO crm.employee (employee_key, name, role) VALUES
  ('E1', 'Eva', 'brought'), ('E2', 'Olaf', 'advised'), ('E3', 'Rosa', 'closed'), ('E4', 'Ivo', 'closed'), ('E5', 'Pia', 'boss');
CREATE FUNCTION touch(id text, record bigint, at timestamptz, employee integer, role text DEFAULT NULL) RETURNS void LANGUAGE sql AS $$
  INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, employee_id, role)
  VALUES (1, id, 1, 0, record, at, employee, role)
$$;
CREATE FUNCTION sale(id text, record bigint, at timestamptz, revenue numeric, employee integer DEFAULT NULL, margin numeric DEFAULT NULL,
                     kind text DEFAULT 'sale', returns text DEFAULT NULL, source integer DEFAULT 1) RETURNS void LANGUAGE sql AS $$
  INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, employee_id, ordered_at, kind, sale_key, revenue, gross_margin, currency, returns_key)
  VALUES (source, id, source, 0, record, employee, at, kind, id, revenue, margin, 'EUR', returns)
$$;

-- Plans.
SELECT crm.add_commission_plan('standard', 'revenue', 0.05, '{"brought": 30, "advised": 30, "closed": 40}', '60 days', '2026-01-01', '2026-07-01') AS plan;
SELECT crm.add_commission_plan('second half', 'gross_margin', 0.1, '{"brought": 1, "closed": 2}', '60 days', '2026-07-01') AS plan;
SELECT p.plan_id, p.name, p.base, p.rate, p.lookback, p.valid_from, p.valid_to, jsonb_object_agg(r.role, r.weight) AS roles
FROM crm.commission_plan AS p JOIN crm.commission_role AS r USING (plan_id) GROUP BY p.plan_id ORDER BY p.plan_id;
SELECT crm.add_commission_plan('again', 'revenue', 0.05, '{"closed": 1}', '60 days', '2026-06-30', '2026-07-01');
SELECT crm.add_commission_plan('x', 'turnover', 0.05, '{"closed": 1}');
SELECT crm.add_commission_plan('x', 'revenue', 5, '{"closed": 1}');
SELECT crm.add_commission_plan('x', 'revenue', 0.05, '{}');
SELECT crm.add_commission_plan('x', 'revenue', 0.05, '[1]');
SELECT crm.add_commission_plan('x', 'revenue', 0.05, '{"closed": 0}');
SELECT crm.add_commission_plan('x', 'revenue', 0.05, '{"closed": "1"}');
SELECT crm.add_commission_plan('x', 'revenue', 0.05, '{"closed": 1}', '-1 day');
SELECT crm.set_commission_plan_end(99, '2026-07-01');

-- S1: brought by Eva, advised by Olaf and (later, twice) Eva, closed by Rosa.
SELECT touch('T1', 1, '2026-01-02', 1), touch('T2', 1, '2026-01-05', 2), touch('T3', 1, '2026-01-06', 1, 'advised'),
       touch('T4', 1, '2026-01-07', 1, 'advised'), touch('T5', 1, '2026-01-08', 3), touch('T6', 1, '2026-01-11', 4),
       touch('T7', 1, '2025-06-01', 4), touch('T8', 1, '2026-01-09', 5) \g /dev/null
SELECT sale('S1', 1, '2026-01-10', 100.01, 4) \g /dev/null
-- S2: nobody. S3: only the cashier. S4: a lead names all. S5: no margin, later plan. S6: a loss.
SELECT sale('S2', 2, '2026-01-10', 50), sale('S3', 3, '2026-01-10', 20.30, 3), sale('S4', 4, '2026-01-20', 33.33, 5),
       sale('S5', 5, '2026-07-02', 100, 3), sale('S6', 5, '2026-07-03', 100, 3, -5), sale('S7', 5, '2026-07-04', 100, 3, 40),
       sale('S0', 5, '2025-12-31 23:59:59', 100, 3) \g /dev/null
INSERT INTO crm.lead (source_id, lead_key, load_id, content_hash, record_id, created_at, brought_by, advised_by, closed_by, won_at, sale_key)
VALUES (1, 'L1', 1, 0, 4, '2026-01-15', 1, 2, 3, '2026-01-20', 'S4');

SELECT * FROM crm.run_commission('2026-01-01', '2026-02-01');
SELECT employee_key, employee_name, role, sale_key, sold_at, base, pool, share, amount, running_total, reason
FROM crm.commission_statement('2026-01-01', '2026-02-01');
SELECT role, sale_key, amount, running_total FROM crm.commission_statement('2026-01-01', '2026-02-01', 'E1');
SELECT step, employee_key, role, exact, amount, explanation FROM crm.explain_commission('S1');
-- Margins: not known, a loss, 40.
SELECT * FROM crm.run_commission('2026-07-01', '2026-08-01');
SELECT sale_key, base, amount, reason FROM crm.commission_pool WHERE plan_id = 2 ORDER BY sale_key;
-- No plan on that day.
SELECT * FROM crm.run_commission('2025-12-01', '2026-01-01');

-- OCA/commission #110: settled again and again. Recomputing changes no row.
CREATE TEMP TABLE before AS SELECT e.ctid::text AS place, e.xmin::text AS writer, p.sale_key, p.sold_at, e.* FROM crm.commission_entry AS e JOIN crm.commission_pool AS p USING (pool_id);
SELECT changed, removed, pool FROM crm.run_commission('2026-01-01', '2026-08-01');
SELECT count(*) AS rewritten
FROM (SELECT e.ctid::text, e.xmin::text, p.sale_key, p.sold_at, e.* FROM crm.commission_entry AS e JOIN crm.commission_pool AS p USING (pool_id) EXCEPT TABLE before) AS d;

-- OCA/commission #555: a credit note is negative, invoice and credit note net to 0.00;
-- #309, #310: cancelled after settlement: the delta lands in the later period, old rows stay.
-- Refund in three parts; after the last one everybody has given back what he or she got.
SELECT sale('R1', 1, '2026-02-02', -33.33, NULL, NULL, 'return', 'S1'), sale('R2', 1, '2026-02-03', -0.01, NULL, NULL, 'return', 'S1'),
       sale('R3', 1, '2026-02-04', -66.67, NULL, NULL, 'return', 'S1') \g /dev/null
SELECT * FROM crm.run_commission('2026-02-01', '2026-03-01');
SELECT sale_key, kind, base, amount, reason FROM crm.commission_pool WHERE 1 IN (order_id, original_id) ORDER BY sold_at;
SELECT e.employee_id, e.role, array_agg(e.amount ORDER BY p.sold_at) AS amounts, sum(e.amount) AS net
FROM crm.commission_entry AS e JOIN crm.commission_pool AS p USING (pool_id)
WHERE 1 IN (p.order_id, p.original_id) GROUP BY e.employee_id, e.role ORDER BY e.employee_id, e.role;
SELECT pool_key, step, employee_key, role, exact, amount, explanation FROM crm.explain_commission('R2');
SELECT employee_key, role, kind, sale_key, amount, running_total, reason FROM crm.commission_statement('2026-02-01', '2026-03-01', 'E1');

-- More is returned than was sold: no more is taken back than was paid. A return
-- of an unknown sale stays with the house. A return of an unpaid sale pays its
-- sale first.
SELECT sale('R4', 1, '2026-02-05', -500, NULL, NULL, 'return', 'S1'), sale('R5', 1, '2026-02-05', -10, NULL, NULL, 'return', 'no such sale'),
       sale('S8', 2, '2026-03-30', 80, 3), sale('R8', 2, '2026-04-02', -80, NULL, NULL, 'return', 'S8') \g /dev/null
SELECT * FROM crm.run_commission('2026-02-01', '2026-03-01');
SELECT sale_key, amount, reason FROM crm.commission_pool WHERE sale_key IN ('R4', 'R5') ORDER BY sale_key;
SELECT * FROM crm.run_commission('2026-04-01', '2026-05-01');
SELECT p.sale_key, p.amount, e.employee_id, e.amount AS share FROM crm.commission_pool AS p JOIN crm.commission_entry AS e USING (pool_id)
WHERE p.sale_key LIKE '_8' ORDER BY p.sold_at;

-- OCA/commission #607: the refund deducts, the invoice issued anew pays.
SELECT sale('S1-new', 1, '2026-02-04 12:00', 66.67, 4) \g /dev/null
SELECT changed, pool FROM crm.run_commission('2026-02-01', '2026-03-01');
SELECT sum(amount) AS net_of_what_remains_sold FROM crm.commission_pool WHERE 1 IN (order_id, original_id) OR sale_key = 'S1-new';

-- Duplicate sale: two sources record it under different keys, both are paid;
-- then it turns out to be one sale, and the second pool goes. With one sale_key
-- the second is never paid.
SELECT sale('D1', 6, '2026-05-01', 200, 3), sale('D2', 6, '2026-05-01', 200, 3, NULL, 'sale', NULL, 2) \g /dev/null
SELECT sales, changed, pool FROM crm.run_commission('2026-05-01', '2026-06-01');
UPDATE crm.sales_order SET sale_key = 'D1', duplicate_of = (SELECT order_id FROM crm.sales_order WHERE order_key = 'D1') WHERE order_key = 'D2';
SELECT sale_key, problem, found FROM crm.check_commission();
SELECT sales, changed, removed, pool FROM crm.run_commission('2026-05-01', '2026-06-01');
SELECT * FROM crm.check_commission();
-- The constraint behind it.
INSERT INTO crm.commission_pool (sale_key, order_id, plan_id, kind, sold_at, base, amount, reason)
SELECT sale_key, order_id, plan_id, kind, sold_at, base, amount, reason FROM crm.commission_pool WHERE sale_key = 'D1';

-- The key of a paid sale changes, and the run of another month meets it; the
-- same when the first of two rows is the one that no longer counts.
UPDATE crm.sales_order SET sale_key = 'S4-new' WHERE order_key = 'S4';
UPDATE crm.lead SET sale_key = 'S4-new' WHERE sale_key = 'S4';
UPDATE crm.sales_order SET sale_key = 'D2', duplicate_of = NULL WHERE order_key = 'D2';
UPDATE crm.sales_order SET sale_key = 'D2', duplicate_of = (SELECT order_id FROM crm.sales_order WHERE order_key = 'D2') WHERE order_key = 'D1';
SELECT changed, removed, pool FROM crm.run_commission('2026-06-01', '2026-07-01');
SELECT p.sale_key, o.order_key, p.amount, count(*) AS shares, sum(e.amount) AS paid
FROM crm.commission_pool AS p JOIN crm.sales_order AS o USING (order_id) JOIN crm.commission_entry AS e USING (pool_id)
WHERE p.sale_key LIKE 'S4%' OR p.sale_key LIKE 'D_' GROUP BY p.pool_id, o.order_key ORDER BY p.sale_key;
UPDATE crm.sales_order SET sale_key = 'S4' WHERE order_key = 'S4';
UPDATE crm.lead SET sale_key = 'S4' WHERE sale_key = 'S4-new';
SELECT changed, removed FROM crm.run_commission('2026-06-01', '2026-07-01');

-- Date moved from January to February (Sales Cookie): paid once.
UPDATE crm.sales_order SET ordered_at = '2026-02-20' WHERE order_key = 'S3';
SELECT sales, changed, pool FROM crm.run_commission('2026-02-01', '2026-03-01');
SELECT sales, changed, pool FROM crm.run_commission('2026-01-01', '2026-02-01');
SELECT sold_at, amount FROM crm.commission_pool WHERE sale_key = 'S3';
-- and out of every plan: taken back.
UPDATE crm.sales_order SET ordered_at = '2025-02-20' WHERE order_key = 'S3';
SELECT sales, changed, removed, pool FROM crm.run_commission('2026-02-01', '2026-03-01');

-- ERPNext #38868: one person in two roles has two entries, together his or her part.
-- ERPNext #49365: the statement of all adds up to the pools.
SELECT (SELECT sum(amount) FROM crm.commission_statement('2026-01-01', '2027-01-01')) = (SELECT sum(amount) FROM crm.commission_pool) AS report_sums_to_the_pools,
       (SELECT sum(amount) FROM crm_bi.fact_commission) = (SELECT sum(amount) FROM crm.commission_pool) AS fact_too;
-- Closed twice: two closers share the part of their role to the cent, tie to the smaller id.
SELECT touch('T20', 3, '2026-06-01', 4), touch('T21', 3, '2026-06-01', 3), sale('S20', 3, '2026-06-02', 0.20, 5), sale('S21', 3, '2026-06-02', 0.60, 5) \g /dev/null
SELECT sales, pool FROM crm.run_commission('2026-06-01', '2026-07-01');
SELECT employee_key, sale_key, pool, share, amount, reason FROM crm.commission_statement('2026-06-01', '2026-07-01');
-- Identity joined late: the sale of record 2 gets the touches of record 1.
UPDATE crm.customer_member SET customer_id = 1 WHERE record_id = 2;
SELECT sales, changed, unassigned FROM crm.run_commission('2026-01-01', '2026-02-01');
SELECT employee_key, role, share, amount FROM crm.commission_statement('2026-01-01', '2026-02-01') WHERE sale_key = 'S2';
-- Its return follows when the sale changes.
SELECT sale('R20', 2, '2026-02-10', -50, NULL, NULL, 'return', 'S2') \g /dev/null
SELECT changed FROM crm.run_commission('2026-02-01', '2026-03-01');
UPDATE crm.customer_member SET customer_id = 2 WHERE record_id = 2;
SELECT changed FROM crm.run_commission('2026-01-01', '2026-02-01');
SELECT p.sale_key, e.employee_id, e.role, e.amount FROM crm.commission_pool AS p JOIN crm.commission_entry AS e USING (pool_id)
WHERE p.sale_key IN ('S2', 'R20') ORDER BY p.sold_at, e.entry_no;

SELECT * FROM crm.check_commission();
UPDATE crm.commission_entry SET amount = amount + 0.01 WHERE pool_id = (SELECT pool_id FROM crm.commission_pool WHERE sale_key = 'S4') AND entry_no = 1;
SELECT sale_key, problem, expected, found FROM crm.check_commission();
SELECT changed FROM crm.run_commission('2026-01-01', '2026-02-01');

-- 1,000 random sales and returns: every pool adds up, a full refund nets to 0.00 per person.
INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, employee_id, role)
SELECT 1, 'X' || n, 1, 0, 1 + abs(hashint4extended(n, 1)) % 6, timestamptz '2027-01-01' + make_interval(hours => n), 1 + abs(hashint4extended(n, 2)) % 5,
       (ARRAY['brought', 'advised', 'closed'])[1 + abs(hashint4extended(n, 3)) % 3]
FROM generate_series(1, 400) AS n;
SELECT crm.set_commission_plan_end(2, '2027-01-01');
SELECT crm.add_commission_plan('random', 'revenue', 0.033, '{"brought": 33.3, "advised": 7, "closed": 40}', '20 days', '2027-01-01') AS plan;
SELECT sale('Y' || n, 1 + abs(hashint4extended(n, 4)) % 6, timestamptz '2027-01-02' + make_interval(hours => n), (abs(hashint4extended(n, 5)) % 100000) / 100.0, 1) FROM generate_series(1, 500) AS n \g /dev/null
SELECT sale('Z' || o.order_key || k, o.record_id, o.ordered_at + k * interval '5 days',
            CASE k WHEN 2 THEN -o.revenue + round(o.revenue / 3, 2) ELSE -round(o.revenue / 3, 2) END, NULL, NULL, 'return', o.order_key)
FROM crm.sales_order AS o, generate_series(1, 2) AS k WHERE o.order_key LIKE 'Y%' AND hashtext(o.order_key) % 2 = 0 \g /dev/null
-- by months, the later first
SELECT sum(r.sales) AS sales, sum(r.returns) > 400 AS many_returns
FROM generate_series(3, 1, -1) AS month, crm.run_commission(make_timestamptz(2027, month, 1, 0, 0, 0), make_timestamptz(2027, month + 1, 1, 0, 0, 0)) AS r;
SELECT sum(r.changed) AS changed_again
FROM generate_series(1, 3) AS month, crm.run_commission(make_timestamptz(2027, month, 1, 0, 0, 0), make_timestamptz(2027, month + 1, 1, 0, 0, 0)) AS r;
SELECT * FROM crm.check_commission();
SELECT count(*) > 500 AS many, count(*) FILTER (WHERE net <> 0) AS not_zero
FROM (SELECT p.original_id, e.employee_id, e.role, sum(e.amount) + (SELECT x.amount FROM crm.commission_entry AS x JOIN crm.commission_pool AS s ON s.pool_id = x.pool_id
                                                              WHERE s.order_id = p.original_id AND x.employee_id = e.employee_id AND x.role = e.role) AS net
      FROM crm.commission_pool AS p JOIN crm.commission_entry AS e USING (pool_id)
      WHERE p.sale_key LIKE 'Z%' GROUP BY p.original_id, e.employee_id, e.role) AS n;

-- Bad input.
SELECT * FROM crm.run_commission('2026-02-01', '2026-01-01');
SELECT * FROM crm.commission_statement('2026-01-01', '2026-02-01', 'nobody');
SELECT * FROM crm.explain_commission('no such sale');
DROP FUNCTION touch, sale;
DROP SCHEMA crm, crm_bi CASCADE;
