-- Rows that no system should deliver and every system does: impossible dates,
-- broken numbers, orphans, missing keys. They grow with the size of the company.
-- None of them is in shop.truth, since none of them should load.
CREATE TABLE shop_build.fault AS
SELECT n FROM generate_series(1, greatest(10, :persons / 200)) AS n;
CREATE TABLE shop_build.sample AS
SELECT code, source_key, row_number() OVER (PARTITION BY code ORDER BY rec) AS n FROM shop_build.known;

INSERT INTO shop.web_customer (customer_no, first_name, last_name, account_type, email, updated_at)
SELECT NULL, 'Test', 'Test', 'person', 'test@test.com', '2025-01-01T00:00:00Z' FROM shop_build.fault WHERE n <= 4;
INSERT INTO shop.loyalty_member (num_tarjeta, nombre, apellido1, fecha_alta)
SELECT '', 'SIN NOMBRE', 'SIN APELLIDO', '01/01/2025' FROM shop_build.fault WHERE n <= 3;

-- An order on a day that does not exist, with an amount that is no number, of a
-- customer whom nobody delivered, in a currency that this house does not keep.
INSERT INTO shop.web_order (order_no, account, sold_through, ordered_at, type, net_amount, gross_margin, contribution_margin, currency)
SELECT 'WEB-BAD-' || n, b.source_key, 'Web shop', '2025-02-30T10:00:00Z', 'sale', '49.90', '10.00', '5.00', 'EUR'
FROM shop_build.fault JOIN shop_build.sample AS b USING (n) WHERE b.code = 1 AND n % 4 = 0
UNION ALL
SELECT 'WEB-NUM-' || n, b.source_key, 'Web shop', '2025-03-0' || (1 + n % 9) || 'T10:00:00Z', 'sale', '12,5O', '3.00', '1.00', 'EUR'
FROM shop_build.fault JOIN shop_build.sample AS b USING (n) WHERE b.code = 1 AND n % 4 = 1
UNION ALL
SELECT 'WEB-ORPHAN-' || n, 'W-9' || lpad(n::text, 6, '0'), 'Web shop', '2025-04-0' || (1 + n % 9) || 'T10:00:00Z', 'sale', '80.00', '20.00', '12.00', 'EUR'
FROM shop_build.fault
UNION ALL
SELECT 'WEB-GBP-' || n, b.source_key, 'Web shop', '2025-05-0' || (1 + n % 9) || 'T10:00:00Z', 'sale', '60.00', '15.00', '9.00', 'GBP'
FROM shop_build.fault JOIN shop_build.sample AS b USING (n) WHERE b.code = 1 AND n % 4 = 2;

-- Tills: day and month beyond the calendar, a return of nothing, no card.
INSERT INTO shop.store_ticket (ticket, num_tarjeta, cajero, fecha, tipo, importe, margen)
SELECT 'TKT-BAD-' || n, b.source_key, 'E100', '31/04/2025 12:00', 'sale', '25,00', '8,00'
FROM shop_build.fault JOIN shop_build.sample AS b USING (n) WHERE b.code = 2 AND n % 3 = 0
UNION ALL
SELECT 'TKT-NEG-' || n, b.source_key, 'E100', '03/04/2025 12:00', 'return', '25,00', '8,00'
FROM shop_build.fault JOIN shop_build.sample AS b USING (n) WHERE b.code = 2 AND n % 3 = 1
UNION ALL
SELECT 'TKT-NOCARD-' || n, NULL, 'E100', '03/05/2025 12:00', 'sale', '25,00', '8,00' FROM shop_build.fault WHERE n % 3 = 2;

INSERT INTO shop.web_order_line SELECT 'WEB-LOST-' || n, '1', 'COF-103', '1', '31.90', '8.00' FROM shop_build.fault WHERE n % 2 = 0;
INSERT INTO shop.call_log (call_id, contact_id, started, agent, direction, phase, cost)
SELECT 'L-BAD-' || n, b.source_key, '32.13.2025 25:61', 'E201', 'inbound', 'pre-sale', '3.90'
FROM shop_build.fault JOIN shop_build.sample AS b USING (n) WHERE b.code = 3 AND n % 2 = 1
UNION ALL
SELECT 'L-ORPHAN-' || n, 'C-9' || lpad(n::text, 6, '0'), '04.05.2025 11:00', 'E202', 'inbound', 'pre-sale', '3.90' FROM shop_build.fault WHERE n % 2 = 0;
INSERT INTO shop.consent (consent_id, customer_ref, channel, state, stated)
SELECT 'Q-BAD-' || n, b.source_key, 'email', 'perhaps', '2025-04-01 10:00'
FROM shop_build.fault JOIN shop_build.sample AS b USING (n) WHERE b.code = 4 AND n % 5 = 0;
INSERT INTO shop.payment (receipt, order_no, sold_by, amount, terms_days, due_on, paid_on, method)
SELECT 'P-LOST-' || n, 'WEB-LOST-' || n, 'web', '31,90', '0', '20250401', '20250401', 'card' FROM shop_build.fault WHERE n % 3 = 0;
-- A file that comes late: half of the customers whose orders had to wait.
CREATE TABLE shop.web_customer_late AS
SELECT 'W-9' || lpad(n::text, 6, '0') AS customer_no, (ARRAY['Lorena', 'Hugo', 'Nerea', 'Bruno', 'Carla'])[1 + n % 5] AS first_name,
       'Tardío Postigo' AS last_name, 'lateshopper' || n || '@example.org' AS email, '2025-04-0' || (1 + n % 9) || 'T09:00:00Z' AS updated_at
FROM shop_build.fault WHERE n % 2 = 0;
-- A seller whom the personnel list does not know: loads, and is reported.
UPDATE shop.field_visit SET rep = 'E399' WHERE shop.u(hashtextextended(visit_no, 0), 'unknown rep') < 0.01;
