-- Fills a deployed hub `crm` directly, without crm.load(): :customers customers
-- (default 100,000) in two sources, ten orders with two lines and thirty
-- touches each. Every value is a hash of its number, so that each run of the
-- benchmark sees the same rows. With orders_only, no identifiers, lines and touches:
-- that is enough for segment.sql with a million customers.
\if :{?customers}
\else
  \set customers 100000
\endif
SET client_min_messages = warning;
CREATE SCHEMA bench;

-- A number in [0, 1) that depends on nothing but its arguments.
CREATE FUNCTION bench.unit(n bigint, salt integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$ SELECT (hashint8extended(n, salt) & 9007199254740991) / 9007199254740992.0 $$;

INSERT INTO crm.source (name, kind, trust) VALUES ('web', 'web', 60), ('store', 'loyalty', 80);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping)
SELECT s.source_id, 'customer', 'bench', '{}' FROM crm.source AS s;
INSERT INTO crm.channel (name, kind)
SELECT 'channel ' || n, 'other' FROM generate_series(1, 12) AS n;
INSERT INTO crm.employee (employee_key, name)
SELECT 'E' || n, 'Employee ' || n FROM generate_series(1, 200) AS n;
INSERT INTO crm.product (product_key, name, category, price, cost)
SELECT 'P' || n, 'Product ' || n, 'category ' || n % 20, p.price, round(p.price * (0.4 + 0.4 * bench.unit(n, 2))::numeric, 2)
FROM generate_series(1, 2000) AS n
CROSS JOIN LATERAL (SELECT round((5 + 200 * power(bench.unit(n, 1), 3))::numeric, 2) AS price) AS p;

CREATE TABLE bench.person AS
SELECT n AS person,
       (ARRAY['María', 'Antonio', 'Carmen', 'José', 'Ana', 'Manuel', 'Laura', 'Francisco', 'Lucía', 'David',
              'Isabel', 'Javier', 'Marta', 'Daniel', 'Elena', 'Carlos', 'Rosa', 'Alejandro', 'Paula', 'Miguel',
              'Nuria', 'Rafael', 'Silvia', 'Pedro', 'Irene', 'Ángel', 'Pilar', 'Sergio', 'Beatriz', 'Pablo'])
         [1 + floor(30 * power(bench.unit(n, 3), 1.5))::integer] AS given_name,
       'Apellido' || chr(97 + floor(26 * bench.unit(n, 4))::integer) || chr(97 + floor(26 * bench.unit(n, 5))::integer)
         || ' Segundo' || chr(97 + floor(26 * bench.unit(n, 6))::integer) || chr(97 + floor(26 * bench.unit(n, 7))::integer) AS surname,
       date '1940-01-01' + floor(24000 * bench.unit(n, 8))::integer AS birth_date,
       '+346' || lpad(n::text, 8, '0') AS phone,
       'person' || n || '@example.org' AS email,
       lpad((1000 + floor(51000 * bench.unit(n, 9))::integer)::text, 5, '0') AS postcode,
       bench.unit(n, 10) < 0.5 AS in_both
FROM generate_series(1, :customers) AS n;
ANALYZE bench.person;

INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, business_at, full_name, given_name, surname,
                               birth_date, email, phone, postcode, name_key, quality, payload)
SELECT s.source_id, 'K' || p.person, s.source_id, p.person, timestamptz '2023-01-01 00:00+00' + p.person % 900 * interval '1 day',
       p.given_name || ' ' || p.surname, p.given_name, p.surname, p.birth_date, p.email, p.phone, p.postcode,
       omnicrm.name_key(p.given_name || ' ' || p.surname), '666669900600000', '{}'
FROM bench.person AS p
JOIN crm.source AS s ON s.name = 'web' OR p.in_both
ORDER BY p.person, s.source_id;

\if :{?orders_only}
\else
INSERT INTO crm.identifier (kind, value, record_id)
SELECT i.kind, i.value, r.record_id
FROM crm.source_record AS r
CROSS JOIN LATERAL (VALUES ('email', r.email), ('phone', r.phone),
                           ('name_birth', r.name_key || '|' || r.birth_date)) AS i(kind, value)
ORDER BY i.kind, i.value, r.record_id;
\endif

INSERT INTO crm.customer (customer_id, full_name, given_name, surname, birth_date, email, phone, postcode, city, name_tokens,
                          record_count, source_count, first_seen, last_seen)
OVERRIDING SYSTEM VALUE
SELECT p.person, p.given_name || ' ' || p.surname, p.given_name, p.surname, p.birth_date, p.email, p.phone, p.postcode, 'Ciudad',
       omnicrm.name_tokens(p.given_name || ' ' || p.surname), 1 + p.in_both::integer, 1 + p.in_both::integer,
       timestamptz '2023-01-01 00:00+00', timestamptz '2023-01-01 00:00+00'
FROM bench.person AS p;
SELECT setval(pg_get_serial_sequence('crm.customer', 'customer_id'), :customers) \g /dev/null

INSERT INTO crm.customer_member (record_id, customer_id)
SELECT r.record_id, substr(r.source_key, 2)::bigint FROM crm.source_record AS r;
ANALYZE crm.source_record, crm.customer, crm.customer_member, crm.identifier;

-- Which record tells a fact: the web record, or the store record of those who have one.
CREATE TABLE bench.record AS
SELECT m.customer_id, min(m.record_id) AS web_record, max(m.record_id) AS store_record
FROM crm.customer_member AS m
GROUP BY m.customer_id;
CREATE UNIQUE INDEX ON bench.record (customer_id);
ANALYZE bench.record;

-- Ten orders per customer on average, with a long tail.
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, channel_id, employee_id, ordered_at, kind,
                             sale_key, revenue, gross_margin, contribution_margin, currency)
SELECT CASE WHEN o.u2 < 0.5 THEN 1 ELSE 2 END, 'O' || o.n, CASE WHEN o.u2 < 0.5 THEN 1 ELSE 2 END, o.n,
       CASE WHEN o.u2 < 0.5 THEN r.web_record ELSE r.store_record END,
       1 + o.n % 12, CASE WHEN o.u2 >= 0.5 THEN 1 + o.n % 200 END,
       timestamptz '2024-01-01 00:00+00' + o.u3 * interval '900 days',
       CASE WHEN o.n % 25 = 0 THEN 'return' ELSE 'sale' END, 'S' || o.n,
       o.amount, round(o.amount * 0.45, 2), round(o.amount * 0.3, 2), 'EUR'
FROM (
  SELECT n, bench.unit(n, 12) AS u2, bench.unit(n, 13) AS u3,
         1 + floor(:customers * power(bench.unit(n, 11), 1.6))::bigint AS customer_id,
         CASE WHEN n % 25 = 0 THEN -1 ELSE 1 END * round((4 + 300 * power(bench.unit(n, 14), 3))::numeric, 2) AS amount
  FROM generate_series(1, 10 * :customers) AS n
) AS o
JOIN bench.record AS r ON r.customer_id = o.customer_id
ORDER BY o.n;
ANALYZE crm.sales_order;

\if :{?orders_only}
\else
INSERT INTO crm.order_line (order_id, line_key, load_id, content_hash, product_id, quantity, revenue, gross_margin, contribution_margin)
SELECT o.order_id, l.line::text, o.load_id, o.order_id,
       -- Both lines of an order lie near each other, so that there is something to find.
       1 + (floor(2000 * power(bench.unit(o.order_id, 15), 2))::bigint + l.line * (1 + floor(5 * bench.unit(o.order_id, 16))::bigint)) % 2000,
       1, l.revenue, round(l.revenue * 0.45, 2), round(l.revenue * 0.3, 2)
FROM crm.sales_order AS o
CROSS JOIN LATERAL (VALUES (0, round(o.revenue / 2, 2)), (1, o.revenue - round(o.revenue / 2, 2))) AS l(line, revenue)
ORDER BY o.order_id, l.line;
ANALYZE crm.order_line;

INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, channel_id, employee_id, role, direction,
                       message_type, phase, cost)
SELECT 1, 'T' || t.n, 1, t.n, r.web_record, timestamptz '2023-12-01 00:00+00' + bench.unit(t.n, 18) * interval '930 days',
       1 + floor(12 * power(bench.unit(t.n, 19), 1.5))::integer,
       CASE WHEN t.n % 3 = 0 THEN 1 + t.n % 200 END,
       CASE WHEN t.n % 3 = 0 THEN (ARRAY['brought', 'advised', 'closed'])[1 + t.n / 3 % 3] END,
       CASE WHEN t.n % 2 = 0 THEN 'inbound' ELSE 'outbound' END, 'commercial', 'pre-sale', round((bench.unit(t.n, 20) * 2)::numeric, 2)
FROM (
  SELECT n, 1 + floor(:customers * power(bench.unit(n, 17), 1.6))::bigint AS customer_id
  FROM generate_series(1, 30 * :customers) AS n
) AS t
JOIN bench.record AS r ON r.customer_id = t.customer_id
ORDER BY t.n;
ANALYZE crm.touch;
\endif
