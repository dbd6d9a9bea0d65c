-- Next best offer: counts, ranking, gates, reasons.
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/small_hub.sql
\i :file
SELECT count(buy(n, '2024-02-01', CASE WHEN n <= 4 THEN '{LAMP,BULB,DESK}' WHEN n <= 6 THEN '{LAMP,BULB}'
                                       WHEN n <= 8 THEN '{DESK,CHAIR,RUG}' ELSE '{VASE,CHAIR}' END::text[])) AS orders
FROM generate_series(1, 10) AS n;
-- Bought and returned; a sale given back as a whole; a sale recorded twice.
SELECT buy(9, '2024-03-01', '{LAMP}') > 0 AND buy(-9, '2024-03-05', '{LAMP}') > 0 AS returned;
SELECT buy(10, '2024-03-01', '{DESK}', 'W1') > 0 AS sold;
INSERT INTO crm.sales_order (source_id, order_key, load_id, content_hash, record_id, ordered_at, kind, returns_key, sale_key, revenue, currency)
VALUES (1, 'R1', 1, 1, 10, '2024-03-09', 'return', 'W1', 'R1', -200, 'EUR');
SELECT buy(11, '2024-03-01', '{BULB}', 'D1') > 0 AS sold;
UPDATE crm.sales_order SET duplicate_of = 1 WHERE order_key = 'D1';
SELECT job, finished_at IS NOT NULL AS finished, counts FROM crm.refresh_offers();
SELECT p.product_key, pp.customers, pp.buyers, round(pp.share::numeric, 4) AS share, pp.margin, pp.margin_basis
FROM crm.product_popularity AS pp
  JOIN crm.product AS p USING (product_id)
ORDER BY p.product_id;
SELECT p.product_key, n.product_key AS neighbour, x.both_count, x.product_count, round(x.probability::numeric, 6) AS probability
FROM crm.product_neighbour AS x
  JOIN crm.product AS p USING (product_id)
  JOIN crm.product AS n ON n.product_id = x.neighbour_id
ORDER BY x.product_id, x.probability DESC, x.neighbour_id;
-- What was counted is what the view says of each customer.
SELECT count(*) AS purchases, count(DISTINCT customer_id) AS customers FROM crm.customer_product WHERE quantity > 0;
SELECT p.product_key, count(*) AS customers
FROM crm.customer_product AS h JOIN crm.product AS p USING (product_id) WHERE h.quantity > 0 GROUP BY p.product_id ORDER BY p.product_id;
-- Twice gives the same.
CREATE TABLE before AS SELECT * FROM crm.product_neighbour;
SELECT (crm.refresh_offers()).counts ->> 'neighbours' AS neighbours;
(TABLE before EXCEPT ALL TABLE crm.product_neighbour) UNION ALL (TABLE crm.product_neighbour EXCEPT ALL TABLE before);

-- Personal offers, then popular ones.
SELECT rank, product_key, name, category, score, round(propensity::numeric, 6) AS propensity, margin, reason, because
FROM crm.next_best_offer(5);
SELECT rank, product_key, score, reason, because FROM crm.next_best_offer(5, 100);
-- One who bought nothing, and one whom nobody knows.
SELECT rank, product_key, score, reason, because FROM crm.next_best_offer(12);
SELECT rank, product_key, score, reason FROM crm.next_best_offer(NULL, 1);
-- What was returned may be offered again.
SELECT rank, product_key FROM crm.next_best_offer(9, 10);
SELECT count(*) AS none FROM crm.next_best_offer(5, 0);
SELECT count(*) AS all_of_them FROM crm.next_best_offer(5, 2147483647);
SELECT crm.next_best_offer(5, -1);
SELECT crm.next_best_offer(5, NULL);
SELECT crm.next_best_offer(99);
-- A product of every month, and one no longer sold.
UPDATE crm.product SET repeatable = true WHERE product_key = 'BULB';
UPDATE crm.product SET active = false WHERE product_key = 'DESK';
SELECT rank, product_key, score, reason FROM crm.next_best_offer(5);
SELECT * FROM crm.why_not_offer(5, 'DESK');
SELECT * FROM crm.why_not_offer(5, 'BULB');
SELECT * FROM crm.why_not_offer(5, 'LAMP');
SELECT * FROM crm.why_not_offer(5, 'RUG');
SELECT * FROM crm.why_not_offer(NULL, 'CHAIR');
SELECT crm.why_not_offer(5, 'NOTHING');
SELECT crm.why_not_offer(99, 'LAMP');
UPDATE crm.product SET active = true;
-- Exclusions: of a customer, of a category for all, of everything for one; over and not yet begun.
SELECT crm.exclude_offer(5, 'DESK', 'has no room') AS id;
SELECT crm.exclude_offer(NULL, NULL, 'out of stock', 'furniture', '2999-01-01') AS id;
SELECT crm.exclude_offer(6, NULL, 'asked for silence', valid_to => 'infinity') AS id;
INSERT INTO crm.offer_exclusion (product_id, reason, valid_from, valid_to) VALUES (2, 'over', '2020-01-01', '2021-01-01'),
                                                                                 (2, 'later', '2990-01-01', 'infinity');
SELECT rank, product_key, reason FROM crm.next_best_offer(5);
SELECT count(*) AS silence FROM crm.next_best_offer(6);
SELECT * FROM crm.why_not_offer(5, 'DESK');
SELECT * FROM crm.why_not_offer(6, 'VASE') WHERE NOT passed;
SELECT crm.end_offer_exclusion(2);
SELECT crm.end_offer_exclusion(2);
SELECT rank, product_key FROM crm.next_best_offer(5);
SELECT crm.exclude_offer(NULL, NULL, 'nothing named');
SELECT crm.exclude_offer(5, 'DESK', 'two', 'light');
SELECT crm.exclude_offer(5, 'DESK', '');
SELECT crm.exclude_offer(5, 'NOTHING', 'x');
SELECT crm.exclude_offer(99, 'DESK', 'x');
SELECT crm.exclude_offer(5, 'DESK', 'x', valid_to => '2020-01-01');
-- After a merge the exclusion of the old id holds for the living customer, who
-- has what both had.
INSERT INTO crm.customer_redirect VALUES (5, 1);
UPDATE crm.customer_member SET customer_id = 1 WHERE record_id = 5;
UPDATE crm.customer SET state = 'merged', merged_into = 1 WHERE customer_id = 5;
DELETE FROM crm.order_line WHERE order_id = 1 AND product_id = 3;
SELECT (crm.refresh_offers()).counts;
SELECT rank, product_key FROM crm.next_best_offer(5, 10);
SELECT gate, detail FROM crm.why_not_offer(5, 'DESK') WHERE NOT passed;
-- No margin known anywhere: offers rank by revenue.
UPDATE crm.product SET cost = NULL;
SELECT (crm.refresh_offers()).counts ->> 'products_sold' AS sold;
SELECT p.product_key, pp.margin, pp.margin_basis FROM crm.product_popularity AS pp JOIN crm.product AS p USING (product_id) ORDER BY 1;
-- Nothing sold at all.
TRUNCATE crm.order_line;
SELECT (crm.refresh_offers()).counts;
SELECT count(*) AS none FROM crm.next_best_offer(1);
SELECT count(*) AS reports FROM crm_bi.offer_affinity;
DROP SCHEMA crm, crm_bi CASCADE;
DROP FUNCTION buy;
DROP TABLE before;
