-- A hub for tests of the rights of persons: María with three records in three
-- sources and a row of every kind, her husband who shares phone and address, and
-- a namesake. Everything comes in by crm.load(), so that it can come in again:
-- load_all() loads all again and returns the counts.
\set ECHO none
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') \g /dev/null
SELECT crm.add_source('web', 'web', 60), crm.add_source('loyalty', 'loyalty', 80), crm.add_source('app', 'app', 50) \g /dev/null
CREATE SCHEMA staging;
CREATE TABLE staging.web (id text, given text, sur text, mail text, tel text, nif text, born text, street text, zip text, city text, login text, note text, clerk text, at text);
INSERT INTO staging.web VALUES
  ('W-77001', 'María Zubiaurre', 'Goikoetxea Ñíguez', ' Maria.Zubi+shop@Hotel-Sol.ES', '600 111 222', '52413687-E', '02/02/1980', 'C/ de la Luna 17', '28004', 'Madrid', 'MZubi80', 'gift for Zoraida', 'e7', '2024-01-01'),
  ('W-77002', 'Juan', 'Pérez Gil', 'juan.perez@hotel-sol.es', '600111222', '47829163L', '05/05/1979', 'C/ de la Luna 17', '28004', 'Madrid', 'juanp', 'none', 'e7', '2024-01-02'),
  ('W-77003', 'María', 'Goikoetxea Ruiz', 'maria.ruiz@hotel-sol.es', '600 999 888', '61820457E', '02/02/1980', 'C/ del Sol 3', '28004', 'Madrid', 'mruiz', 'none', 'e8', '2024-01-03'),
  ('W-77001', 'María Zubiaurre', 'Goikoetxea Ñíguez', 'old.zubi@hotel-sol.es', '600 111 222', '52413687-E', '02/02/1980', 'C/ de la Luna 17', '28004', 'Madrid', 'MZubi80', 'an older row', 'e7', '2023-01-01'),
  (NULL, 'María Zubiaurre', 'Goikoetxea Ñíguez', 'maria.zubi@hotel-sol.es', NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'without key', 'e7', '2024-01-01');
CREATE TABLE staging.member (card text, name text, mail text, mobile text, born text, joined text);
INSERT INTO staging.member VALUES
  ('CARD-555-1', 'GOIKOETXEA NIGUEZ, MARIA ZUBIAURRE', NULL, '+34 600 111 222', '1980-02-02', '2022-06-01'),
  ('CARD-555-2', 'Eva Mora Sanz', 'eva@hotel-sol.es', '600333444', '1990-01-01', '2022-06-02');
CREATE TABLE staging.device (id text, token text, mail text, at text);
INSERT INTO staging.device VALUES ('A-1', 'device-zz-998877', 'maria.zubi@hotel-sol.es', '2024-02-02'), ('A-2', 'device-yy-112233', 'eva@hotel-sol.es', '2024-02-03');
CREATE TABLE staging.ticket (no text, who text, at text, total text, sale text, back text, shop text, clerk text);
INSERT INTO staging.ticket VALUES
  ('T-9001', 'W-77001', '2024-03-01', '100.00', 'SALE-Z1', NULL, 'web shop', 'e7'),
  ('T-9002', 'W-77002', '2024-03-02', '50.00', 'SALE-J1', NULL, 'web shop', 'e8'),
  ('T-9003', 'W-77001', '2024-03-05', '-40.00', NULL, 'T-9001', 'web shop', 'e7'),
  ('T-9004', 'W-77002', '2024-03-06', '-5.00', NULL, 'T-9001', 'web shop', 'e7'),
  ('T-9005', 'W-77001', 'no day', '7.00', NULL, NULL, 'web shop', 'e7');
CREATE TABLE staging.till (no text, who text, at text, total text, sale text);
INSERT INTO staging.till VALUES ('L-1', 'CARD-555-1', '2024-03-01', '100.00', 'SALE-Z1'), ('L-2', 'CARD-555-1', '2024-03-02', '50.00', 'SALE-J1'),
  ('L-3', 'CARD-555-2', '2024-03-09', '20.00', NULL);
CREATE TABLE staging.line (ticket text, pos text, sku text, total text);
INSERT INTO staging.line VALUES ('T-9001', 'POS-1', 'LAMP', '60.00'), ('T-9001', 'POS-2', 'DESK', '40.00'), ('T-9002', 'POS-1', 'LAMP', '50.00'),
  ('T-9099', 'POS-1', 'LAMP', '1.00');
CREATE TABLE staging.paid (no text, ticket text, total text, due text, paid text);
INSERT INTO staging.paid VALUES ('P-501', 'T-9001', '100.00', '2024-03-31', '2024-04-02'), ('P-502', 'T-9002', '50.00', '2024-03-31', '2024-03-30');
CREATE TABLE staging.touch (no text, who text, at text, chan text, clerk text, part text);
INSERT INTO staging.touch VALUES ('C-31', 'W-77001', '2024-02-20', 'call centre', 'e7', 'seller'), ('C-32', 'W-77002', '2024-02-21', 'call centre', 'e8', 'seller');
CREATE TABLE staging.lead (no text, who text, at text, won text, why text, sale text);
INSERT INTO staging.lead VALUES ('LD-1', 'W-77001', '2024-02-01', '2024-03-01', NULL, 'SALE-Z1'), ('LD-2', 'W-77001', '2024-02-02', NULL, 'Zubi bought elsewhere', NULL);
CREATE TABLE staging.cases (no text, who text, at text, subject text);
INSERT INTO staging.cases VALUES ('K-1', 'W-77001', '2024-04-01', 'Zubiaurre: lamp broken'), ('K-2', 'W-77002', '2024-04-02', 'late');
CREATE TABLE staging.consent (no text, who text, what text, said text, at text);
INSERT INTO staging.consent VALUES ('N-1', 'W-77001', 'email', 'given', '2024-01-05'), ('N-2', 'W-77002', 'any', 'given', '2024-01-06');
CREATE FUNCTION load_all() RETURNS TABLE (relation text, rows_in bigint, loaded bigint, unchanged bigint, quarantined bigint) LANGUAGE sql AS $$
  SELECT b.relation, b.rows_in, b.rows_loaded, b.rows_unchanged, b.rows_quarantined
  FROM (VALUES
    (1, 'web', 'staging.web', '{"key": "id", "given_name": "given", "surname": "sur", "email": "mail", "phone": "tel", "tax_id": "nif", "birth_date": {"column": "born", "format": "DMY"},
      "street": "street", "postcode": "zip", "city": "city", "username": "login", "attributes": ["note"], "entered_by": "clerk", "business_at": "at"}'),
    (2, 'loyalty', 'staging.member', '{"key": "card", "full_name": "name", "email": "mail", "phone": "mobile", "birth_date": "born", "loyalty_card": "card", "business_at": "joined"}'),
    (3, 'app', 'staging.device', '{"key": "id", "device": "token", "email": "mail", "business_at": "at"}'),
    (4, 'web', 'staging.ticket', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "sale_key": "sale", "returns": "back", "channel": "shop", "employee": "clerk"}'),
    (5, 'loyalty', 'staging.till', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "sale_key": "sale"}'),
    (6, 'web', 'staging.line', '{"entity": "order_line", "order": "ticket", "key": "pos", "product": "sku", "revenue": "total"}'),
    (7, 'web', 'staging.paid', '{"entity": "payment", "key": "no", "order": "ticket", "amount": "total", "due_on": "due", "paid_on": "paid"}'),
    (8, 'web', 'staging.touch', '{"entity": "touch", "key": "no", "customer": "who", "occurred_at": "at", "channel": "chan", "employee": "clerk", "role": "part"}'),
    (9, 'web', 'staging.lead', '{"entity": "lead", "key": "no", "customer": "who", "created_at": "at", "won_at": "won", "lost_reason": "why", "sale_key": "sale"}'),
    (10, 'web', 'staging.cases', '{"entity": "case", "key": "no", "customer": "who", "opened_at": "at", "subject": "subject"}'),
    (11, 'web', 'staging.consent', '{"entity": "consent", "key": "no", "customer": "who", "channel_kind": "what", "state": "said", "stated_at": "at"}')
  ) AS p(position, source, relation, mapping)
  CROSS JOIN LATERAL crm.load(p.source, p.relation::regclass, p.mapping::jsonb) AS b
  ORDER BY p.position
$$;
SELECT count(*) FROM load_all() \g /dev/null
SELECT crm.resolve() \g /dev/null
-- An earlier version of a record; what follows from everything.
UPDATE staging.web SET tel = '600 222 333', at = '2024-05-01' WHERE id = 'W-77001' AND note LIKE 'gift%';
SELECT count(*) FROM load_all() \g /dev/null
SELECT crm.resolve() \g /dev/null
SELECT crm.refresh_segments('2024-06-01') \g /dev/null
SELECT crm.attribute('2024-01-01', '2024-06-01', interval '90 days') \g /dev/null
SELECT crm.add_commission_plan('all', 'revenue', 0.05, '{"seller": 1}', interval '90 days', date '2024-01-01') \g /dev/null
SELECT crm.run_commission('2024-01-01', '2024-06-01') \g /dev/null
SELECT crm.refresh_offers() \g /dev/null
SELECT crm.override(1, 'username', 'Zubi1980', 'ana', 'Zubiaurre told us') \g /dev/null
SELECT crm.report_contact(1, 'phone', '600 222 333', 'verified', '2024-05-05', 'Mrs Zubiaurre answered'), crm.report_contact(1, 'email', 'maria.zubi@hotel-sol.es', 'preferred', '2024-05-05') \g /dev/null
SELECT crm.report_contact(2, 'phone', '600 111 222', 'bounced', '2024-05-05') \g /dev/null
SELECT crm.exclude_offer(1, 'DESK', 'Zubiaurre does not like desks') \g /dev/null
SELECT crm.decide_match(1, 2, false, 'Zubiaurre and her husband') \g /dev/null
SELECT crm.resolve() \g /dev/null
\set ECHO all
