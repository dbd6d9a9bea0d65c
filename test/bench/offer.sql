-- Counting what is bought together, and the next best offer of one customer:
-- crm.refresh_offers() against the plain self-join of purchases, and
-- crm.next_best_offer() against plain SQL that answers the same question from
-- the order lines. Ours is the median of three; the plain self-join runs once.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS bench_result (work text NOT NULL, ours_ms double precision NOT NULL, plain_ms double precision);
DO $bench$
DECLARE
  started timestamptz;
  ours double precision[] := '{}';
  plain double precision;
  purchases text;
BEGIN
  FOR round IN 1 .. 3 LOOP
    started := clock_timestamp();
    PERFORM crm.refresh_offers();
    ours := ours || 1000 * extract(epoch FROM clock_timestamp() - started)::double precision;
  END LOOP;
  SELECT format('refresh_offers: %s purchases of %s customers', l.counts ->> 'purchases', l.counts ->> 'customers') INTO purchases
  FROM crm.run_log AS l
  WHERE l.job = 'refresh_offers'
  ORDER BY l.run_id DESC
  LIMIT 1;

  started := clock_timestamp();
  CREATE TEMP TABLE plain_bought AS
  SELECT m.customer_id, l.product_id, sum(l.gross_margin) AS margin
  FROM crm.customer_member AS m
    JOIN crm.sales_order AS o ON o.record_id = m.record_id
    JOIN crm.order_line AS l ON l.order_id = o.order_id
  WHERE o.duplicate_of IS NULL
  GROUP BY m.customer_id, l.product_id
  HAVING sum(CASE o.kind WHEN 'sale' THEN l.quantity ELSE -l.quantity END) > 0;
  CREATE TEMP TABLE plain_popularity AS
  SELECT b.product_id, count(*) AS customers, avg(b.margin) AS margin FROM plain_bought AS b GROUP BY b.product_id;
  CREATE TEMP TABLE plain_neighbour AS
  SELECT r.product_id, r.neighbour_id, r.both_count, r.both_count / (r.customers + 10.0) AS probability
  FROM (
      SELECT x.product_id, x.neighbour_id, x.both_count, p.customers,
             row_number() OVER (PARTITION BY x.product_id ORDER BY x.both_count DESC, x.neighbour_id) AS place
      FROM (
          SELECT a.product_id, b.product_id AS neighbour_id, count(*) AS both_count
          FROM plain_bought AS a
            JOIN plain_bought AS b ON b.customer_id = a.customer_id AND b.product_id <> a.product_id
          GROUP BY a.product_id, b.product_id
        ) AS x
        JOIN plain_popularity AS p ON p.product_id = x.product_id
    ) AS r
  WHERE r.place <= 50;
  plain := 1000 * extract(epoch FROM clock_timestamp() - started);
  INSERT INTO bench_result
  SELECT purchases, percentile_disc(0.5) WITHIN GROUP (ORDER BY t), plain FROM unnest(ours) AS t;
END
$bench$;
ANALYZE crm.product_neighbour, crm.product_popularity;

DO $bench$
DECLARE
  started timestamptz;
  ours double precision[] := '{}';
  plain double precision;
  one bigint;
  asked bigint[];
BEGIN
  SELECT array_agg(c.customer_id) INTO asked
  FROM (SELECT c.customer_id FROM crm.customer AS c ORDER BY hashint8extended(c.customer_id, 1) LIMIT 200) AS c;
  PERFORM o.rank FROM unnest(asked[1:10]) AS a(id), LATERAL crm.next_best_offer(a.id) AS o;
  FOR round IN 1 .. 3 LOOP
    started := clock_timestamp();
    FOREACH one IN ARRAY asked LOOP
      PERFORM o.rank FROM crm.next_best_offer(one) AS o;
    END LOOP;
    ours := ours || 1000 * extract(epoch FROM clock_timestamp() - started)::double precision / cardinality(asked);
  END LOOP;

  started := clock_timestamp();
  FOREACH one IN ARRAY asked[1:5] LOOP
    PERFORM best.product_id
    FROM (
        WITH
          bought AS NOT MATERIALIZED (
            SELECT m.customer_id, l.product_id
            FROM crm.customer_member AS m
              JOIN crm.sales_order AS o ON o.record_id = m.record_id
              JOIN crm.order_line AS l ON l.order_id = o.order_id
            WHERE o.kind = 'sale' AND o.duplicate_of IS NULL
          ),
          mine AS MATERIALIZED (SELECT DISTINCT b.product_id FROM bought AS b WHERE b.customer_id = one),
          alike AS MATERIALIZED (SELECT DISTINCT b.customer_id, b.product_id FROM bought AS b JOIN mine AS i ON i.product_id = b.product_id),
          theirs AS MATERIALIZED (
            SELECT DISTINCT b.customer_id, b.product_id
            FROM bought AS b
            WHERE b.customer_id IN (SELECT a.customer_id FROM alike AS a)
              AND b.product_id NOT IN (SELECT i.product_id FROM mine AS i)
          ),
          holders AS (SELECT a.product_id, count(*) AS customers FROM alike AS a GROUP BY a.product_id),
          both_count AS (
            SELECT a.product_id AS because_id, t.product_id, count(*) AS customers
            FROM alike AS a
              JOIN theirs AS t ON t.customer_id = a.customer_id
            GROUP BY a.product_id, t.product_id
          ),
          margin AS (SELECT l.product_id, avg(l.gross_margin) AS value FROM crm.order_line AS l GROUP BY l.product_id)
        SELECT c.product_id, max(c.customers / (h.customers + 10.0)) * max(g.value) AS score
        FROM both_count AS c
          JOIN holders AS h ON h.product_id = c.because_id
          JOIN margin AS g ON g.product_id = c.product_id
        GROUP BY c.product_id
        ORDER BY score DESC, c.product_id
        LIMIT 3
      ) AS best;
  END LOOP;
  plain := 1000 * extract(epoch FROM clock_timestamp() - started) / 5;
  INSERT INTO bench_result
  SELECT 'next_best_offer, one customer', percentile_disc(0.5) WITHIN GROUP (ORDER BY t), plain FROM unnest(ours) AS t;
END
$bench$;
