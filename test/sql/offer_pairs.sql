-- item_pairs: what is bought together.
SET client_min_messages = notice;
CREATE TABLE basket (basket bigint, item bigint);
INSERT INTO basket VALUES (1, 1), (1, 2), (2, 1), (2, 2), (2, 3), (3, 1), (3, 3), (1, 1), (NULL, 1), (4, NULL), (5, 9);
SELECT p.*
FROM (SELECT omnicrm.item_pairs(b.basket, b.item, 50, 0, 500) AS pairs FROM basket AS b) AS s
  CROSS JOIN LATERAL unnest(s.pairs) AS p;
SELECT p.item, p.neighbour, round(p.probability::numeric, 6) AS probability
FROM (SELECT omnicrm.item_pairs(b.basket, b.item) AS pairs FROM basket AS b) AS s
  CROSS JOIN LATERAL unnest(s.pairs) AS p;
SELECT omnicrm.item_pairs_summary(basket, item) FROM basket;
SELECT omnicrm.item_counts(basket, item) FROM basket;
-- The strongest only; equal strength goes to the smaller id.
SELECT p.item, p.neighbour, p.both_count
FROM (SELECT omnicrm.item_pairs(b.basket, b.item, 1, 0, 500) AS pairs FROM basket AS b) AS s
  CROSS JOIN LATERAL unnest(s.pairs) AS p;
-- Baskets over the cap are left out of all counts, and said to be.
SELECT p.item, p.neighbour, p.both_count, p.item_count
FROM (SELECT omnicrm.item_pairs(b.basket, b.item, 50, 0, 2) AS pairs FROM basket AS b) AS s
  CROSS JOIN LATERAL unnest(s.pairs) AS p;
SELECT omnicrm.item_pairs_summary(basket, item, 50, 0, 2) FROM basket;
SELECT omnicrm.item_counts(basket, item, 50, 0, 2) FROM basket;
-- Nothing, only nulls, the ends of the range of ids.
SELECT omnicrm.item_pairs(basket, item), omnicrm.item_counts(basket, item), omnicrm.item_pairs_summary(basket, item) FROM basket WHERE false;
SELECT omnicrm.item_pairs(basket, NULL), omnicrm.item_pairs_summary(NULL, item) FROM basket;
SELECT omnicrm.item_pairs(b, i, 50, 0, 500)
FROM (VALUES (-9223372036854775808, 9223372036854775807), (-9223372036854775808, -9223372036854775808),
             (0, -1), (0, 9223372036854775807)) AS v(b, i);
-- Bad parameters.
SELECT omnicrm.item_pairs(basket, item, 0, 10, 500) FROM basket;
SELECT omnicrm.item_pairs(basket, item, 10001, 10, 500) FROM basket;
SELECT omnicrm.item_pairs(basket, item, 50, -1, 500) FROM basket;
SELECT omnicrm.item_pairs(basket, item, 50, 'nan', 500) FROM basket;
SELECT omnicrm.item_pairs(basket, item, 50, 'infinity', 500) FROM basket;
SELECT omnicrm.item_pairs(basket, item, 50, 10, 1) FROM basket;
SELECT omnicrm.item_pairs(basket, item, NULL, 10, 500) FROM basket;
SELECT omnicrm.item_pairs(basket, item, item::integer, 10, 500) FROM basket WHERE item < 3;

-- 20,000 rows against plain SQL: every count, the order, ties and the cut at K.
CREATE TABLE many AS
SELECT n AS place,
       (hashint8extended(n, 1) & 2147483647) % 1500 - 700 AS basket,
       ((hashint8extended(n, 2) & 2147483647) % 60) * ((hashint8extended(n, 3) & 2147483647) % 9) - 100 AS item
FROM generate_series(1, 20000) AS n;
CREATE VIEW plain AS
WITH
  pair AS (SELECT DISTINCT m.basket, m.item FROM many AS m),
  item AS (SELECT p.item, count(*) AS baskets FROM pair AS p GROUP BY p.item),
  both_in AS (
    SELECT a.item, b.item AS neighbour, count(*) AS both_count
    FROM pair AS a
      JOIN pair AS b ON b.basket = a.basket AND b.item <> a.item
    GROUP BY a.item, b.item
  ),
  ranked AS (
    SELECT x.item, x.neighbour, x.both_count, i.baskets AS item_count, j.baskets AS neighbour_count,
           x.both_count / (i.baskets + 2.5::double precision) AS probability,
           row_number() OVER (PARTITION BY x.item ORDER BY x.both_count DESC, x.neighbour) AS rank
    FROM both_in AS x
      JOIN item AS i ON i.item = x.item
      JOIN item AS j ON j.item = x.neighbour
  )
SELECT array_agg(ROW(r.item, r.neighbour, r.both_count, r.item_count, r.neighbour_count, r.probability)::omnicrm.item_pair
                 ORDER BY r.item, r.rank) AS pairs
FROM ranked AS r
WHERE r.rank <= 20;
SELECT omnicrm.item_pairs(m.basket, m.item, 20, 2.5, 500) = (SELECT p.pairs FROM plain AS p) AS equal_plain,
       cardinality(omnicrm.item_pairs(m.basket, m.item, 20, 2.5, 500)) AS rows
FROM many AS m;
-- Any order of rows gives the same bytes.
SELECT count(DISTINCT r.pairs) AS results
FROM (SELECT omnicrm.item_pairs(m.basket, m.item, 20, 2.5, 500 ORDER BY hashint8extended(m.place, o.seed))::text AS pairs
      FROM many AS m, generate_series(1, 4) AS o(seed)
      GROUP BY o.seed) AS r;
-- So does a parallel plan, with partial states sent between processes.
ALTER TABLE many SET (parallel_workers = 2);
SET parallel_setup_cost = 0;
SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0;
SET max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF)
SELECT omnicrm.item_pairs(m.basket, m.item, 20, 2.5, 500) FROM many AS m;
SELECT omnicrm.item_pairs(m.basket, m.item, 20, 2.5, 500) = (SELECT p.pairs FROM plain AS p) AS equal_plain,
       omnicrm.item_pairs_summary(m.basket, m.item, 20, 2.5, 500)
FROM many AS m;
RESET max_parallel_workers_per_gather;
-- As a window function the state lives on after each result.
SELECT b.place, omnicrm.item_pairs(b.basket, b.item, 50, 0, 500) OVER (ORDER BY b.place) AS pairs
FROM (VALUES (1, 1, 1), (2, 1, 2), (3, 2, 2), (4, 1, 3)) AS b(place, basket, item)
ORDER BY b.place;
-- Memory is bounded, with a clear error.
SET maintenance_work_mem = '1MB';
SELECT cardinality(omnicrm.item_pairs(n % 5000, n)) FROM generate_series(1, 400000) AS n;
RESET maintenance_work_mem;
DROP VIEW plain;
DROP TABLE basket, many;

-- Columns of a terminal.
SELECT value, omnicrm.display_width(value) AS width, '|' || omnicrm.fit(value, 6) || '|' AS fitted
FROM (VALUES ('abc'), ('abcdefgh'), (''), ('漢字漢字'), ('漢字a'), ('é'), (E'e\u0301'), (E'a\tb\nc')) AS v(value);
SELECT '|' || omnicrm.fit('abc', 6, 'right') || '|', '|' || omnicrm.fit('abc', 6, 'center') || '|', '|' || omnicrm.fit('abc', 0) || '|';
-- A terminal escape and a mark that turns the direction of writing never pass.
SELECT omnicrm.fit(E'\u001b[31mred\u009b0m\u202e', 20) AS harmless;
SELECT omnicrm.fit('x', -1);
SELECT omnicrm.fit('x', 10001);
SELECT omnicrm.fit('x', 5, 'middle');
SELECT octet_length(omnicrm.fit('a' || repeat(E'\u0301', 100000), 5)) < 100 AS bounded,
       omnicrm.display_width(repeat('x', 10000000)) AS wide;
