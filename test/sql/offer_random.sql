-- The offers of 300 random customers against plain SQL from the order lines.
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/small_hub.sql
\i :file
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, quality, payload)
SELECT 2, 'R' || n, 1, n, '6', '{}' FROM generate_series(1, 288) AS n;
INSERT INTO crm.customer (full_name) SELECT 'Person ' || n FROM generate_series(13, 300) AS n;
-- Every third record belongs to the customer before.
INSERT INTO crm.customer_member (record_id, customer_id, home_id)
SELECT n, n - (n % 3 = 0)::integer, n FROM generate_series(13, 300) AS n;
INSERT INTO crm.product (product_key, name, category, price, cost, repeatable, active)
SELECT 'P' || n, 'Product ' || n, 'category ' || n % 5, 10 + n, n * 0.9 + n % 7, n % 10 = 0, n % 13 <> 0 FROM generate_series(7, 60) AS n;
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, sale_key, revenue, currency, duplicate_of)
SELECT 1, 'O' || n, 1, n, 13 + (hashint8extended(n, 1) & 1048575) % 288, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour',
       CASE WHEN n % 9 = 0 THEN 'return' ELSE 'sale' END, 'S' || n, CASE WHEN n % 9 = 0 THEN -100 ELSE 100 END, 'EUR',
       CASE WHEN n % 50 = 1 AND n > 50 THEN 1 END
FROM generate_series(1, 1500) AS n;
INSERT INTO crm.order_line (order_id, line_key, load_id, content_hash, product_id, quantity, revenue)
SELECT o.order_id, l.n::text, 1, 1,
       1 + floor(60 * power((hashint8extended(o.order_id * 4 + l.n, 2) & 1048575) / 1048576.0, 1.7))::bigint,
       (hashint8extended(o.order_id * 4 + l.n, 3) & 1048575) % 3, CASE o.kind WHEN 'sale' THEN 30 + l.n ELSE -30 END
FROM crm.sales_order AS o
  CROSS JOIN generate_series(1, 3) AS l(n);
-- Returns of what was bought.
INSERT INTO crm.order_line (order_id, line_key, load_id, content_hash, product_id, quantity, revenue)
SELECT r.order_id, 'back', 1, 1, l.product_id, l.quantity, -l.revenue
FROM crm.sales_order AS r
  JOIN crm.sales_order AS o ON o.record_id = r.record_id AND o.order_id < r.order_id AND o.kind = 'sale'
  JOIN crm.order_line AS l ON l.order_id = o.order_id AND l.line_key = '1'
WHERE r.kind = 'return'
ON CONFLICT DO NOTHING;
INSERT INTO crm.offer_exclusion (customer_id, product_id, category, reason)
SELECT CASE WHEN n % 4 > 0 THEN 13 + n * 5 END, CASE WHEN n % 3 > 0 THEN 1 + n END, CASE WHEN n % 3 = 0 AND n % 2 = 0 THEN 'category ' || n % 5 END, 'random'
FROM generate_series(1, 40) AS n
WHERE n % 4 > 0 OR n % 3 > 0;
SELECT (crm.refresh_offers()).counts;

CREATE TABLE has AS
SELECT m.customer_id, l.product_id
FROM crm.customer_member AS m
  JOIN crm.sales_order AS o ON o.record_id = m.record_id AND o.duplicate_of IS NULL
  JOIN crm.order_line AS l ON l.order_id = o.order_id
GROUP BY m.customer_id, l.product_id
HAVING sum(CASE o.kind WHEN 'sale' THEN l.quantity ELSE -l.quantity END) > 0;
CREATE TABLE expected_offer AS
WITH
  n AS (SELECT h.product_id, count(*) AS customers FROM has AS h GROUP BY h.product_id),
  both_have AS (
    SELECT a.product_id, b.product_id AS neighbour_id, count(*) AS customers
    FROM has AS a JOIN has AS b ON b.customer_id = a.customer_id AND b.product_id <> a.product_id
    GROUP BY a.product_id, b.product_id
  ),
  ranked AS (
    SELECT b.*, row_number() OVER (PARTITION BY b.product_id ORDER BY b.customers DESC, b.neighbour_id) AS place FROM both_have AS b
  ),
  margin AS (
    SELECT l.product_id, round(avg(l.revenue - l.quantity * p.cost) , 4) AS value
    FROM crm.order_line AS l
      JOIN crm.sales_order AS o ON o.order_id = l.order_id AND o.kind = 'sale' AND o.duplicate_of IS NULL
      JOIN crm.product AS p ON p.product_id = l.product_id AND p.cost IS NOT NULL
    GROUP BY l.product_id
  )
SELECT h.customer_id, r.neighbour_id AS product_id, max(r.customers / (n.customers + 10)::double precision) AS propensity
FROM has AS h
  JOIN ranked AS r ON r.product_id = h.product_id AND r.place <= 50
  JOIN n ON n.product_id = h.product_id
  JOIN crm.product AS p ON p.product_id = r.neighbour_id
  JOIN margin AS g ON g.product_id = p.product_id
WHERE p.active
  AND g.value > 0
  AND (p.repeatable OR NOT EXISTS (SELECT 1 FROM has AS o WHERE o.customer_id = h.customer_id AND o.product_id = p.product_id))
  AND NOT EXISTS (SELECT 1 FROM crm.offer_exclusion AS x
                  WHERE (x.customer_id IS NULL OR x.customer_id = h.customer_id)
                    AND (x.product_id IS NULL OR x.product_id = p.product_id)
                    AND (x.category IS NULL OR x.category = p.category))
GROUP BY h.customer_id, r.neighbour_id;
CREATE TABLE offered AS
SELECT c.customer_id, o.*
FROM crm.customer AS c
  CROSS JOIN LATERAL crm.next_best_offer(c.customer_id, 1000) AS o;
-- The same personal offers with the same propensity, and no other (the vase has no cost).
SELECT count(*) > 3000 AS many, count(*) FILTER (WHERE e.propensity IS DISTINCT FROM o.propensity) AS differences
FROM expected_offer AS e
  FULL JOIN (SELECT * FROM offered WHERE reason LIKE '%also bought it' AND product_key <> 'VASE') AS o USING (customer_id, product_id);
-- Whatever is offered, personal or popular: best first, nothing twice, nothing
-- had, barred, inactive or without margin; and the first three are the first three.
SELECT count(*) AS broken
FROM (
    SELECT o.*, lag(o.score) OVER w AS before, lag(o.reason LIKE 'popular%') OVER w AS was_popular
    FROM offered AS o
    WINDOW w AS (PARTITION BY o.customer_id ORDER BY o.rank)
  ) AS o
  JOIN crm.product AS p ON p.product_id = o.product_id
WHERE NOT p.active OR o.margin <= 0
   OR o.score > o.before AND o.was_popular = (o.reason LIKE 'popular%')
   OR o.was_popular AND o.reason NOT LIKE 'popular%'
   OR EXISTS (SELECT 1 FROM has AS h WHERE h.customer_id = o.customer_id AND h.product_id = o.product_id AND NOT p.repeatable)
   OR EXISTS (SELECT 1 FROM crm.offer_exclusion AS x
              WHERE coalesce(x.customer_id = o.customer_id, true) AND coalesce(x.product_id = o.product_id, true)
                AND (x.category IS NULL OR x.category = p.category));
SELECT count(*) - count(DISTINCT (customer_id, product_id)) AS twice FROM offered;
SELECT count(*) AS differences
FROM crm.customer AS c
  CROSS JOIN LATERAL crm.next_best_offer(c.customer_id) AS o
  FULL JOIN (SELECT * FROM offered WHERE rank <= 3) AS f ON f.customer_id = c.customer_id AND f.rank = o.rank
WHERE (o.product_id, o.score, o.reason, o.because) IS DISTINCT FROM (f.product_id, f.score, f.reason, f.because);
-- Every reason counts what it says.
SELECT count(*) AS wrong
FROM offered AS o
  JOIN crm.product AS b ON b.name = o.because[1]
WHERE o.reason LIKE '%also bought it'
  AND o.reason <> format('%s of %s customers who bought %s also bought it',
        (SELECT count(*) FROM has AS x JOIN has AS y USING (customer_id) WHERE x.product_id = b.product_id AND y.product_id = o.product_id),
        (SELECT count(*) FROM has AS x WHERE x.product_id = b.product_id), b.name)
  AND o.customer_id < 60;
DROP SCHEMA crm, crm_bi CASCADE;
DROP TABLE has, expected_offer, offered;
DROP FUNCTION buy;
