-- The column contract of the reporting views: names and types that dashboards
-- rely on. A change here is a change for every user of a BI tool.
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

\pset format unaligned
SELECT c.relname AS view, a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'crm_bi'::regnamespace
  AND a.attnum > 0
ORDER BY c.relname COLLATE "C", a.attnum;
\pset format aligned

-- Every view answers on an empty hub.
DO $$
DECLARE
  report record;
BEGIN
  FOR report IN
    SELECT c.oid::regclass AS name
    FROM pg_class AS c
    WHERE c.relnamespace = 'crm_bi'::regnamespace AND c.relkind = 'v'
    ORDER BY c.relname
  LOOP
    EXECUTE format('SELECT count(v) FROM %s AS v', report.name);
  END LOOP;
END
$$;

-- A small hub. Everything that could tell a customer's identity carries a mark.
INSERT INTO crm.source (name, kind, trust) VALUES ('till', 'shop', 70), ('web', 'web', 60);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping)
SELECT source_id, 'customer', 'x', '{}' FROM crm.source ORDER BY source_id;
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, kind, full_name, given_name, surname, birth_date,
                               gender, email, phone, tax_id, street, postcode, city, province, country, loyalty_card, device,
                               username, name_key, quality, payload)
SELECT 1 + n % 2, 'leak-key-' || n, 1 + n % 2, n, 'person', 'leak-name', 'leak-given', 'leak-surname', date '1980-02-03',
       'female', 'leak@mail.es', '+34leak' || n, 'leak-tax', 'leak-street', '28leak', 'leak-city', 'Madrid', 'ES', 'leak-card',
       'leak-device', 'leak-user', 'leak-name-key', repeat('9', 15), '{"leak": "leak"}'
FROM generate_series(1, 6) AS n;
INSERT INTO crm.customer (kind, full_name, given_name, surname, birth_date, gender, email, phone, tax_id, street, postcode, city,
                          province, country, loyalty_card, username, attributes, record_count, source_count)
SELECT 'person', 'leak-name', 'leak-given', 'leak-surname', current_date - (n * 10 || ' years')::interval, 'female',
       CASE WHEN n < 4 THEN 'leak@mail.es' END, CASE WHEN n < 3 THEN '+34leak' END, 'leak-tax', 'leak-street', '28leak', 'leak-city',
       'Madrid', 'ES', 'leak-card', 'leak-user', '{"leak": "leak"}', 1, 1
FROM generate_series(1, 5) AS n;
INSERT INTO crm.customer_member (record_id, customer_id) SELECT n, n FROM generate_series(1, 5) AS n;
INSERT INTO crm.channel (name, kind) VALUES ('Store', 'shop');
INSERT INTO crm.employee (employee_key, name, role) VALUES ('e1', 'Ana Boss', 'manager');
INSERT INTO crm.employee (employee_key, name, role, manager_key) VALUES ('e2', 'Luis Clerk', 'clerk', 'e1');

-- Order 1 is told by both sources, order 2 by both with its payments from the
-- second alone, order 3 is returned in part, order 6 is of nobody yet.
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, duplicate_of, revenue, gross_margin, currency)
VALUES (1, 'a', 1, 1, 1, '2025-03-01 10:00+00', 'sale',   'S1', NULL, 100.00, 40.00, 'EUR'),
       (2, 'b', 2, 2, 1, '2025-03-01 10:05+00', 'sale',   'S1', 1,    100.00, 40.00, 'EUR'),
       (1, 'c', 1, 3, 2, '2025-04-01 10:00+00', 'sale',   'S2', NULL, 50.00,  10.00, 'EUR'),
       (2, 'd', 2, 4, 2, '2025-04-01 10:05+00', 'sale',   'S2', 3,    50.00,  10.00, 'EUR'),
       (1, 'e', 1, 5, 3, '2025-05-01 10:00+00', 'return', 'S3', NULL, -20.00, -5.00, 'EUR'),
       (1, 'f', 1, 6, 6, '2025-06-01 10:00+00', 'sale',   'S4', NULL, 10.00,  NULL,  'EUR');
INSERT INTO crm.order_line (order_id, line_key, load_id, content_hash, revenue)
SELECT order_id, '1', load_id, order_id, revenue FROM crm.sales_order;
INSERT INTO crm.payment (source_id, payment_key, load_id, content_hash, order_id, due_on, paid_on, amount)
VALUES (1, 'p1', 1, 1, 1, '2025-03-31', '2025-04-03', 100.00),
       (2, 'p1', 2, 1, 2, '2025-03-31', '2025-04-03', 100.00),
       (2, 'p2', 2, 2, 4, '2025-04-30', '2025-04-20', 50.00),
       (1, 'p3', 1, 3, 6, NULL, NULL, 10.00);
INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, cost)
SELECT 1, 't' || n, 1, n, n, timestamptz '2025-02-01 12:00+00' + n * interval '1 day', 0.5 FROM generate_series(1, 6) AS n;
INSERT INTO crm.service_case (source_id, case_key, load_id, content_hash, record_id, opened_at, closed_at, subject)
VALUES (1, 'k1', 1, 1, 1, '2025-03-05 10:00+00', '2025-03-05 11:30+00', 'leak: my name is ...'),
       (1, 'k2', 1, 2, 2, '2025-03-06 10:00+00', NULL, 'leak');
INSERT INTO crm.consent_event (source_id, event_key, load_id, content_hash, record_id, channel_kind, state, stated_at)
VALUES (1, 'c1', 1, 1, 1, 'any', 'given', '2024-01-01'), (1, 'c2', 1, 2, 1, 'phone', 'refused', '2023-01-01'),
       (1, 'c3', 1, 3, 2, 'email', 'given', '2024-01-01'), (1, 'c4', 1, 4, 2, 'any', 'withdrawn', '2024-02-01'),
       (1, 'c5', 1, 5, 3, 'email', 'withdrawn', '2024-01-01'), (1, 'c6', 1, 6, 3, 'any', 'given', '2024-06-01'),
       (1, 'c7', 1, 7, 4, 'any', 'given', '2024-01-01'), (1, 'c8', 1, 8, 5, 'any', 'given', now() + interval '1 year');

-- Each sale once, from whatever number of sources, with its lines and payments.
SELECT order_id, customer_id, kind, revenue FROM crm_bi.fact_order ORDER BY order_id;
SELECT order_id, customer_id, revenue FROM crm_bi.fact_order_line ORDER BY order_id;
SELECT payment_id, order_id, customer_id, amount, is_paid, days_late FROM crm_bi.fact_payment ORDER BY payment_id;
SELECT case_id, customer_id, is_open, hours_to_close FROM crm_bi.fact_case ORDER BY case_id;
SELECT count(*) AS touches, count(customer_id) AS of_known_customers, sum(cost) AS cost FROM crm_bi.fact_touch;
SELECT customer_id, age_band, gender, postcode_area, segment FROM crm_bi.dim_customer ORDER BY customer_id;
SELECT e.employee, m.employee AS manager
FROM crm_bi.dim_employee AS e
  LEFT JOIN crm_bi.dim_employee AS m ON m.employee_id = e.manager_id
ORDER BY e.employee;
SELECT count(*) AS days_without_calendar
FROM (SELECT order_date FROM crm_bi.fact_order UNION SELECT touch_date FROM crm_bi.fact_touch) AS f(day)
WHERE NOT EXISTS (SELECT 1 FROM crm_bi.dim_date AS d WHERE d.day = f.day);

-- The report on consent tells what crm.contactable tells.
SELECT channel_kind, may_contact, reason, customers FROM crm_bi.contactable_base ORDER BY channel_kind COLLATE "C", reason COLLATE "C";
(SELECT channel_kind, may_contact, reason, count(*) AS customers FROM crm.contactable GROUP BY 1, 2, 3
 EXCEPT SELECT channel_kind, may_contact, reason, customers FROM crm_bi.contactable_base)
UNION ALL
(SELECT channel_kind, may_contact, reason, customers FROM crm_bi.contactable_base
 EXCEPT SELECT channel_kind, may_contact, reason, count(*) FROM crm.contactable GROUP BY 1, 2, 3);

-- No mark of a customer's identity shows in any report.
DO $$
DECLARE
  report record;
  leaks bigint;
BEGIN
  FOR report IN
    SELECT c.oid::regclass AS name
    FROM pg_class AS c
    WHERE c.relnamespace = 'crm_bi'::regnamespace AND c.relkind = 'v'
    ORDER BY c.relname
  LOOP
    EXECUTE format('SELECT count(*) FROM %s AS v WHERE v::text ~* %L', report.name, 'leak|1980-02-03') INTO leaks;
    IF leaks > 0 THEN
      RAISE EXCEPTION '% shows % rows that identify a customer', report.name, leaks;
    END IF;
  END LOOP;
END
$$;

-- The calendar holds whole years.
SELECT count(*) FILTER (WHERE extract(doy FROM day) = 1) = count(DISTINCT year) AS whole_years,
       count(*) = max(day) - min(day) + 1 AS no_gap,
       count(*) = count(DISTINCT day) AS no_double
FROM crm_bi.dim_date;

DROP SCHEMA crm, crm_bi CASCADE;
