-- A small hub for tests of what reads it: 3 sources, 12 customers with one
-- record each, 6 products. Ids are those of the order of insertion.
\set ECHO none
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') \g /dev/null
INSERT INTO crm.source (name, kind, trust) VALUES ('web', 'web', 60), ('store', 'loyalty', 80), ('app', 'app', 50);
INSERT INTO crm.load_batch (source_id, entity, relation, mapping) VALUES (1, 'customer', 'test', '{}');
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, business_at, full_name, email, phone, street, postcode,
                               city, quality, payload)
SELECT 1, 'K' || n, 1, n, timestamptz '2024-01-01 00:00+00' + n * interval '1 day', 'Person ' || n,
       'p' || n || '@example.org', '+3460000' || lpad(n::text, 4, '0'), 'Calle ' || n, '28001', 'Madrid', '6', '{}'
FROM generate_series(1, 12) AS n;
INSERT INTO crm.customer (full_name, email, phone, street, postcode, city, name_tokens, record_count, source_count, first_seen, last_seen)
SELECT r.full_name, r.email, r.phone, r.street, r.postcode, r.city, omnicrm.name_tokens(r.full_name), 1, 1, r.business_at, r.business_at
FROM crm.source_record AS r
ORDER BY r.record_id;
INSERT INTO crm.customer_member (record_id, customer_id, home_id) SELECT n, n, n FROM generate_series(1, 12) AS n;
INSERT INTO crm.product (product_key, name, category, price, cost)
VALUES ('LAMP', 'Lamp', 'light', 50, 30), ('BULB', 'Bulb', 'light', 5, 2), ('DESK', 'Desk', 'furniture', 200, 120),
       ('CHAIR', 'Chair', 'furniture', 80, 50), ('RUG', 'Rug', 'textile', 90, 95), ('VASE', 'Vase', 'deco', 20, NULL);
-- Buys products by key; a negative customer id returns them.
CREATE FUNCTION buy(customer bigint, day date, products text[], key text DEFAULT NULL, line_margin numeric DEFAULT NULL)
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  made bigint;
  way integer := sign(customer);
BEGIN
  INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, revenue, currency)
  SELECT 1, coalesce(key, 'O' || (SELECT count(*) FROM crm.sales_order)), 1, 1, abs(customer), day,
         CASE WHEN way > 0 THEN 'sale' ELSE 'return' END, coalesce(key, 'S' || (SELECT count(*) FROM crm.sales_order)),
         way * coalesce(sum(p.price), 0), 'EUR'
  FROM crm.product AS p
  WHERE p.product_key = ANY (products)
  RETURNING order_id INTO made;
  INSERT INTO crm.order_line (order_id, line_key, load_id, content_hash, product_id, quantity, revenue, gross_margin)
  SELECT made, p.product_key, 1, 1, p.product_id, 1, way * p.price, way * line_margin
  FROM crm.product AS p
  WHERE p.product_key = ANY (products);
  RETURN made;
END
$$;
\set ECHO all
