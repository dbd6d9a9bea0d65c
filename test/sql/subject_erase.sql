-- The right to erasure: nothing personal is left, what was sold stays sold, and
-- the person does not come back.
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/subject_hub.sql
\i :file
-- What must be the same before and after: money, links between facts, everything
-- of others.
CREATE VIEW books AS
SELECT 'orders' AS what, o.order_id::text AS id, concat_ws(' ', o.record_id, o.kind, o.revenue, o.ordered_at, o.channel_id, o.employee_id, o.duplicate_of) AS content FROM crm.sales_order AS o
UNION ALL SELECT 'lines', l.order_line_id::text, concat_ws(' ', l.order_id, l.product_id, l.revenue) FROM crm.order_line AS l
UNION ALL SELECT 'payments', p.payment_id::text, concat_ws(' ', p.order_id, p.amount, p.paid_on) FROM crm.payment AS p
UNION ALL SELECT 'returns', r.order_id::text, concat_ws(' ', r.original_id, r.revenue) FROM crm.return_original AS r
UNION ALL SELECT 'credits', c.order_id::text, concat_ws(' ', c.touch_id, c.position, c.credit_first, c.credit_linear) FROM crm.attribution_credit AS c
UNION ALL SELECT 'pools', p.pool_id::text, concat_ws(' ', p.order_id, p.original_id, p.amount) FROM crm.commission_pool AS p
UNION ALL SELECT 'entries', e.pool_id::text, concat_ws(' ', e.entry_no, e.employee_id, e.amount, e.evidence) FROM crm.commission_entry AS e
UNION ALL SELECT 'leads won', l.lead_id::text, concat_ws(' ', l.record_id, l.won_at, (SELECT o.order_id FROM crm.sales_order AS o WHERE o.sale_key = l.sale_key AND o.duplicate_of IS NULL)) FROM crm.lead AS l
UNION ALL SELECT 'loads', b.load_id::text, concat_ws(' ', b.rows_in, b.rows_loaded, b.rows_unchanged, b.rows_quarantined) FROM crm.load_batch AS b
UNION ALL SELECT 'customers', o.order_id::text, m.customer_id::text FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id);
CREATE VIEW others AS
SELECT 'records' AS what, to_jsonb(r) AS content FROM crm.source_record AS r WHERE r.record_id NOT IN (1, 4, 6)
UNION ALL SELECT 'customers', to_jsonb(c) FROM crm.customer AS c WHERE c.customer_id <> 1
UNION ALL SELECT 'identifiers', to_jsonb(i) FROM crm.identifier AS i WHERE i.record_id NOT IN (1, 4, 6)
UNION ALL SELECT 'orders', to_jsonb(o) - 'returns_key' FROM crm.sales_order AS o WHERE o.record_id NOT IN (1, 4, 6)
UNION ALL SELECT 'touches', to_jsonb(t) FROM crm.touch AS t WHERE t.record_id NOT IN (1, 4, 6)
UNION ALL SELECT 'cases', to_jsonb(k) FROM crm.service_case AS k WHERE k.record_id NOT IN (1, 4, 6)
UNION ALL SELECT 'consent', to_jsonb(e) FROM crm.consent_event AS e WHERE e.record_id NOT IN (1, 4, 6)
UNION ALL SELECT 'scores', to_jsonb(s) FROM crm.customer_score AS s WHERE s.customer_id <> 1
UNION ALL SELECT 'quarantine', to_jsonb(q) FROM crm.quarantine AS q WHERE q.raw::text !~ 'W-77001|Zubiaurre' AND q.rule <> 'erased_subject'
UNION ALL SELECT 'provenance', to_jsonb(l) FROM crm.customer AS c CROSS JOIN LATERAL crm.lineage(c.customer_id) AS l WHERE c.customer_id <> 1 AND c.state = 'active';
-- Columns of the owner's own.
ALTER TABLE crm.customer ADD COLUMN nickname text, ADD COLUMN married_on date, ADD COLUMN vip boolean NOT NULL DEFAULT false;
ALTER TABLE crm.sales_order ADD COLUMN gift_note text, ADD COLUMN parcels integer;
CREATE TABLE books_before AS TABLE books;
CREATE TABLE others_before AS TABLE others;
UPDATE crm.customer SET nickname = 'Zubi', married_on = '2004-04-04', vip = true WHERE customer_id = 1;
UPDATE crm.sales_order SET gift_note = 'for Zubi', parcels = 2 WHERE record_id = 1;
CREATE TABLE staging.own_note (note_id bigint PRIMARY KEY, customer_id bigint REFERENCES crm.customer, note text);
INSERT INTO staging.own_note VALUES (1, 1, 'likes tea'), (2, 2, 'likes coffee');
SELECT * FROM crm.subject_restrict(1, 'request 16');

-- What is refused: nobody, no reason, a reason that tells who it was.
SELECT crm.subject_erase(99, 'request 17');
SELECT crm.subject_erase(NULL, 'request 17');
SELECT crm.subject_erase(1, NULL);
SELECT crm.subject_erase(1, '  ');
SELECT crm.subject_erase(1, 'letter of Mrs Zubiaurre');
SELECT crm.subject_erase(1, 'mail from MARIA.ZUBI@hotel-sol.es');
SELECT crm.subject_erase(1, 'called from 600 222 333');
SELECT crm.subject_erase(1, 'card card5551');
SELECT crm.subject_erase(1, 'nif 52413687E');
SELECT count(*) AS erased FROM crm.subject_log WHERE action = 'erase';

SELECT * FROM crm.subject_erase(1, 'request 17');
SELECT * FROM crm.check();
SELECT log.action, log.customer_id, log.why, jsonb_array_length(log.touched) AS tables FROM crm.subject_log AS log ORDER BY 1;
-- The books are the same, others are untouched.
SELECT count(*) AS differences FROM ((TABLE books EXCEPT TABLE books_before) UNION ALL (TABLE books_before EXCEPT TABLE books)) AS d;
SELECT count(*) AS differences FROM ((TABLE others EXCEPT TABLE others_before) UNION ALL (TABLE others_before EXCEPT TABLE others)) AS d;
SELECT state, full_name, email, record_count, nickname, married_on, vip FROM crm.customer WHERE customer_id = 1;
SELECT order_id, record_id, order_key, returns_key, sale_key, gift_note, parcels FROM crm.sales_order ORDER BY order_id;
SELECT lead_id, lead_key, lost_reason, sale_key FROM crm.lead ORDER BY 1;
SELECT case_key, subject FROM crm.service_case ORDER BY case_id;
SELECT sale_key, kind, amount FROM crm.commission_pool ORDER BY pool_id;
SELECT rule, detail, row_key, raw, state, dropped_why FROM crm.quarantine ORDER BY quarantine_id;
SELECT count(*) AS hashes, count(*) FILTER (WHERE octet_length(hash) = 32) AS of_32_bytes FROM crm.erased_key;
-- Everything that reads customers bears with one that is erased.
SELECT crm.current_id(1), (crm.customer_card(1) -> 'who') ->> 'state' AS state;
SELECT crm.print_card(1) LIMIT 4;
SELECT * FROM crm.may_contact(1, 'email');
SELECT * FROM crm.may_contact(1, 'email', 'service');
SELECT count(*) AS offers FROM crm.next_best_offer(1);
SELECT gate, passed, detail FROM crm.why_not_offer(1, 'LAMP') WHERE gate = 'profiling';
SELECT count(*) AS points FROM crm.contactable WHERE customer_id = 1;
SELECT count(*) AS lineage FROM crm.lineage(1);
SELECT count(*) AS found FROM crm.find_customer('maria.zubi@hotel-sol.es');
SELECT customer_id, full_name FROM crm.find_customer('1');
SELECT jsonb_object_keys(crm.subject_export(1) -> 'tables') AS still_held ORDER BY 1;
SELECT customer_id, is_erased, gender, segment FROM crm_bi.dim_customer ORDER BY 1;
SELECT f.customer_id, sum(f.revenue) AS revenue FROM crm_bi.fact_order AS f JOIN crm_bi.dim_customer AS d USING (customer_id) GROUP BY 1 ORDER BY 1;
-- So do the long jobs, and their sums are those of before.
SELECT counts -> 'customers' AS customers, counts -> 'revenue' AS revenue, counts -> 'customers_not_profiled' AS not_profiled,
       counts -> 'revenue_not_profiled' AS revenue_not_profiled
FROM crm.segment_customers('2024-06-02');
SELECT customer_id, monetary FROM crm.customer_score WHERE as_of = '2024-06-02' ORDER BY 1;
SELECT orders, returns, revenue, unattributed FROM crm.attribute('2024-01-01', '2024-06-01', interval '90 days');
SELECT sales, returns, changed, removed, pool FROM crm.run_commission('2024-01-01', '2024-06-01');
SELECT crm.refresh_offers() IS NOT NULL AS refreshed;
SELECT crm.resolve('{"all": true}') IS NOT NULL AS resolved;
SELECT crm.rebuild_customers() AS rebuilt;
SELECT count(*) AS differences FROM ((TABLE books EXCEPT TABLE books_before) UNION ALL (TABLE books_before EXCEPT TABLE books)) AS d;
SELECT * FROM crm.check();

-- She does not come back: by the same files, by a source that knew nothing of
-- her, under her name with her phone; the row is counted and not kept.
SELECT * FROM load_all();
SELECT * FROM load_all();
SELECT crm.add_source('newsletter', 'newsletter', 40) IS NOT NULL AS added;
CREATE TABLE staging.news (id text, name text, mail text, tel text, nif text, card text, born text, login text, token text);
INSERT INTO staging.news (id, name, mail, tel, nif, card, born, login, token) VALUES
  ('1', NULL, 'MARIA.ZUBI@hotel-sol.es', NULL, NULL, NULL, NULL, NULL, NULL),
  ('2', 'Somebody Else', 'old.zubi@hotel-sol.es', NULL, NULL, NULL, NULL, NULL, NULL),
  ('3', 'Zubiaurre Goikoetxea Niguez, Maria', NULL, '+34 600 111 222', NULL, NULL, NULL, NULL, NULL),
  ('4', 'Zubiaurre Goikoetxea Niguez, Maria', NULL, '600222333', NULL, NULL, NULL, NULL, NULL),
  ('5', NULL, NULL, NULL, '52413687e', NULL, NULL, NULL, NULL),
  ('6', 'Other Name', NULL, NULL, NULL, 'card 555-1', NULL, NULL, NULL),
  ('7', 'MARIA ZUBIAURRE GOIKOETXEA ÑIGUEZ', NULL, NULL, NULL, NULL, '1980-02-02', NULL, NULL),
  ('8', NULL, NULL, NULL, NULL, NULL, NULL, 'MZUBI80', NULL),
  ('9', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'device-zz-998877'),
  ('10', NULL, NULL, NULL, NULL, NULL, NULL, 'zubi1980', NULL),
  -- These are others: a shared phone with another name, the name alone or with another birth date, another person.
  ('20', 'Pedro Pérez Goikoetxea', NULL, '600 111 222', NULL, NULL, NULL, NULL, NULL),
  ('21', 'María Zubiaurre Goikoetxea Ñíguez', NULL, '600 777 666', NULL, NULL, '1981-03-03', NULL, NULL),
  ('22', 'Rosa Díaz Vega', 'rosa@hotel-sol.es', '600 222 333', NULL, NULL, NULL, NULL, NULL);
-- Row 2: the address stood in a quarantined row alone, which never became hers.
SELECT rows_in, rows_loaded, rows_unchanged, rows_quarantined FROM crm.load('newsletter', 'staging.news',
  '{"key": "id", "full_name": "name", "email": "mail", "phone": "tel", "tax_id": "nif", "loyalty_card": "card", "birth_date": "born", "username": "login", "device": "token"}');
SELECT source_key, full_name FROM crm.source_record WHERE source_id = 4 ORDER BY source_key;
SELECT rule, detail, count(*) FROM crm.quarantine WHERE load_id = (SELECT max(load_id) FROM crm.load_batch) GROUP BY 1, 2;
-- One row by itself is judged alike.
SELECT n.id, crm.erasure_of(4, n.id, omnicrm.name_key(n.name), n.born::date, omnicrm.normalize_email(n.mail), omnicrm.normalize_phone(n.tel, 'ES'),
                            omnicrm.normalize_tax_id(n.nif, 'ES'), translate(upper(n.card), ' -.', ''), n.token, lower(n.login)) AS erasure
FROM staging.news AS n ORDER BY n.id::integer;
-- A key that looks like that of an erased record or order, facts that name one.
INSERT INTO staging.web (id, given, sur) VALUES (' erased 1', 'Mala', 'Persona Rara');
INSERT INTO staging.ticket VALUES ('T-9100', ' erased 1', '2024-05-01', '1.00', NULL, NULL, 'web shop', 'e7'), (' erased 2', 'W-77002', '2024-05-02', '2.00', ' erased 2', NULL, 'web shop', 'e7'),
  ('T-9001', 'W-77002', '2024-05-03', '100.00', NULL, NULL, 'web shop', 'e7'), ('T-9101', 'W-77002', '2024-05-04', '3.00', 'SALE-Z1', NULL, 'web shop', 'e7');
SELECT * FROM load_all() WHERE relation IN ('staging.web', 'staging.ticket');
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT state, full_name FROM crm.customer WHERE customer_id = 1;
SELECT order_key, sale_key, revenue FROM crm.sales_order WHERE order_id > 8 ORDER BY 1;
SELECT * FROM crm.check();

-- Stewards find nothing to decide on, and nothing to take back that would part her.
SELECT crm.merge(1, 2, 'ana', 'test');
SELECT crm.assert_same_records(1, 2, 'ana', 'test');
SELECT crm.split(1, '{1}', 'ana', 'test');
SELECT event_id, kind, why FROM crm.undo(1);
SELECT change, customer_id FROM crm.outbox WHERE change = 'erased';
SELECT state, full_name, email FROM crm.customer_as_of(1, now());
SELECT count(*) AS broken FROM crm.check();

-- Twice; and she may come in again when she wants to.
SELECT * FROM crm.subject_erase(1, 'request 18');
SELECT * FROM crm.subject_restrict(1, 'request 18');
SELECT crm.subject_readmit(99, 'came back');
SELECT crm.subject_readmit(2, NULL);
SELECT crm.subject_readmit(1, 'of a restriction');
SELECT crm.subject_readmit(subject_log_id, 'a new contract') > 10 AS readmitted FROM crm.subject_log WHERE action = 'erase';
SELECT relation, loaded, quarantined FROM load_all() WHERE relation IN ('staging.web', 'staging.member');
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT customer_id, state, full_name FROM crm.customer WHERE full_name ILIKE '%zubiaurre%' OR customer_id = 1 ORDER BY 1;
SELECT * FROM crm.check();

-- Of a merged customer the whole person goes, whichever id is named; what is not
-- resolved yet goes with it.
SELECT (crm.decide_match(2, 3, false, 'test')).kind AS decided;
INSERT INTO staging.device VALUES ('A-9', 'device-juan-1', 'juan.perez@hotel-sol.es', '2024-02-09');
SELECT (crm.decide_match(2, 5, true, 'one person')).kind AS decided;
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT relation, loaded FROM load_all() WHERE loaded > 0;
SELECT crm.current_id(4) AS lives_on_as;
SELECT table_name, what, rows FROM crm.subject_erase(4, 'request 19') WHERE table_name IN ('source_record', 'customer', 'customer_redirect', 'customer_member');
SELECT customer_id, state FROM crm.customer WHERE customer_id IN (2, 4) ORDER BY 1;
SELECT crm.current_id(2), crm.current_id(4);
SELECT count(*) AS left_of_juan FROM crm.source_record WHERE full_name ILIKE '%juan%' OR email ILIKE 'juan%';
SELECT * FROM crm.check();
DROP VIEW books, others;
DROP TABLE books_before, others_before;
DROP SCHEMA staging CASCADE;
DROP SCHEMA crm, crm_bi CASCADE;
DROP FUNCTION load_all();
