-- Counting what is bought together.

-- A return without lines that gives back a whole sale takes all lines of it.
CREATE OR REPLACE VIEW @hub@.taken_back WITH (security_invoker = true) AS
SELECT o.order_id
FROM @hub@.sales_order AS back
  JOIN @hub@.sales_order AS o
    ON o.source_id = back.source_id
       AND o.order_key = back.returns_key
       AND o.kind = 'sale'
       AND o.revenue <= -back.revenue
WHERE back.kind = 'return'
  AND NOT EXISTS (SELECT 1 FROM @hub@.order_line AS l WHERE l.order_id = back.order_id);

COMMENT ON VIEW @hub@.taken_back IS 'One row: a sale that a return took back as a whole without naming its lines.';
COMMENT ON COLUMN @hub@.taken_back.order_id IS 'The sale.';

-- What a customer has: quantity sold less quantity returned.
CREATE OR REPLACE VIEW @hub@.customer_product WITH (security_invoker = true) AS
SELECT
  m.customer_id,
  l.product_id,
  sum(CASE o.kind WHEN 'sale' THEN l.quantity ELSE -abs(l.quantity) END) AS quantity,
  count(*) FILTER (WHERE o.kind = 'sale') AS sales,
  max(o.ordered_at) FILTER (WHERE o.kind = 'sale') AS last_bought_at
FROM @hub@.customer_member AS m
  JOIN @hub@.sales_order AS o ON o.record_id = m.record_id
  JOIN @hub@.order_line AS l ON l.order_id = o.order_id
WHERE o.duplicate_of IS NULL
  AND l.product_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM @hub@.taken_back AS t WHERE t.order_id = o.order_id)
GROUP BY m.customer_id, l.product_id;

COMMENT ON VIEW @hub@.customer_product IS 'One row: one customer and one product that he or she bought. quantity > 0: he or she has it.';
COMMENT ON COLUMN @hub@.customer_product.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.customer_product.product_id IS 'Product.';
COMMENT ON COLUMN @hub@.customer_product.quantity IS 'Quantity bought less quantity returned; sales given back as a whole are not counted.';
COMMENT ON COLUMN @hub@.customer_product.sales IS 'Number of sale lines.';
COMMENT ON COLUMN @hub@.customer_product.last_bought_at IS 'Last sale.';

CREATE OR REPLACE FUNCTION @hub@.refresh_offers()
RETURNS @hub@.run_log
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  run bigint;
  counts jsonb;
BEGIN
  PERFORM @hub@.require_current();
  run := @hub@.start_run('refresh_offers');
  -- One refresh at a time; offers are made meanwhile from what was counted before.
  LOCK TABLE @hub@.product_neighbour IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM @hub@.product_neighbour;
  DELETE FROM @hub@.product_popularity;
  WITH
    -- Only where something came back, or was sold in a quantity below nothing,
    -- quantities have to be added up to know who still has it.
    doubtful AS MATERIALIZED (
      SELECT DISTINCT m.customer_id, l.product_id
      FROM @hub@.sales_order AS o
        JOIN @hub@.order_line AS l ON l.order_id = o.order_id
        JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
      WHERE (o.kind = 'return' OR l.quantity <= 0)
        AND o.duplicate_of IS NULL
    ),
    given_back AS MATERIALIZED (
      SELECT d.customer_id, d.product_id
      FROM doubtful AS d
        JOIN @hub@.customer_member AS m ON m.customer_id = d.customer_id
        JOIN @hub@.sales_order AS o ON o.record_id = m.record_id
        JOIN @hub@.order_line AS l ON l.order_id = o.order_id AND l.product_id = d.product_id
      WHERE o.duplicate_of IS NULL
        AND NOT EXISTS (SELECT 1 FROM @hub@.taken_back AS t WHERE t.order_id = o.order_id)
      GROUP BY d.customer_id, d.product_id
      HAVING sum(CASE o.kind WHEN 'sale' THEN l.quantity ELSE -abs(l.quantity) END) <= 0
    ),
    counted AS MATERIALIZED (
      SELECT
        omnicrm.item_pairs(m.customer_id, l.product_id) AS pairs,
        omnicrm.item_counts(m.customer_id, l.product_id) AS counts,
        omnicrm.item_pairs_summary(m.customer_id, l.product_id) AS summary
      FROM @hub@.sales_order AS o
        JOIN @hub@.order_line AS l ON l.order_id = o.order_id
        JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
      WHERE o.kind = 'sale'
        AND o.duplicate_of IS NULL
        AND NOT EXISTS (SELECT 1 FROM @hub@.taken_back AS t WHERE t.order_id = o.order_id)
        AND NOT EXISTS (SELECT 1 FROM given_back AS g WHERE g.customer_id = m.customer_id AND g.product_id = l.product_id)
    ),
    neighbour AS (
      INSERT INTO @hub@.product_neighbour (product_id, neighbour_id, both_count, product_count, probability)
      SELECT n.item, n.neighbour, n.both_count, n.item_count, n.probability
      FROM counted AS c
        CROSS JOIN LATERAL unnest(c.pairs) AS n
      RETURNING 1
    ),
    sold AS MATERIALIZED (
      SELECT
        l.product_id,
        count(*) AS sales,
        sum(coalesce(l.gross_margin, l.revenue - l.quantity * p.cost)) AS margin,
        sum(l.revenue) FILTER (WHERE l.gross_margin IS NOT NULL OR p.cost IS NOT NULL) AS revenue_with_margin,
        sum(l.revenue) FILTER (WHERE l.gross_margin IS NULL AND p.cost IS NULL) AS revenue_without_margin
      FROM @hub@.sales_order AS o
        JOIN @hub@.order_line AS l ON l.order_id = o.order_id
        JOIN @hub@.product AS p ON p.product_id = l.product_id
      WHERE o.kind = 'sale'
        AND o.duplicate_of IS NULL
      GROUP BY l.product_id
    ),
    -- Margin rate of all sales whose margin is known.
    rate AS (
      SELECT coalesce(sum(s.margin) / nullif(sum(s.revenue_with_margin), 0), 1) AS value
      FROM sold AS s
    ),
    popularity AS (
      INSERT INTO @hub@.product_popularity (product_id, customers, buyers, share, margin, margin_basis)
      SELECT
        p.product_id,
        coalesce(n.baskets, 0),
        (c.summary).baskets,
        coalesce(n.baskets::double precision / nullif((c.summary).baskets, 0), 0),
        coalesce((coalesce(s.margin, 0) + coalesce(s.revenue_without_margin, 0) * r.value) / s.sales, p.price - p.cost, 0),
        CASE
          WHEN s.margin IS NOT NULL THEN 'sales'
          WHEN s.sales > 0 THEN 'margin rate'
          WHEN p.price - p.cost IS NOT NULL THEN 'list price'
          ELSE 'none'
        END
      FROM @hub@.product AS p
        CROSS JOIN counted AS c
        CROSS JOIN rate AS r
        LEFT JOIN sold AS s ON s.product_id = p.product_id
        LEFT JOIN (SELECT u.item, u.baskets FROM counted AS k CROSS JOIN LATERAL unnest(k.counts) AS u) AS n ON n.item = p.product_id
      RETURNING 1
    )
  SELECT jsonb_build_object(
           'customers', (c.summary).baskets,
           'products', (SELECT count(*) FROM popularity),
           'products_sold', (c.summary).items,
           'purchases', (c.summary).pairs,
           'neighbours', (SELECT count(*) FROM neighbour),
           'customers_left_out', (c.summary).skipped_baskets)
  INTO counts
  FROM counted AS c;
  RETURN @hub@.finish_run(run, counts);
END
$$;

COMMENT ON FUNCTION @hub@.refresh_offers() IS
  'Counts anew, over all customers, how popular each product is, what a sale of it earns, and which products are bought by the same customers; crm.next_best_offer() reads the result. Run it after loads, for example nightly; offers go on meanwhile. Customers with more than 500 different products are left out of the pairs. Returns the run_log row with counts: customers, products, products_sold, purchases, neighbours, customers_left_out. Errors: program_limit_exceeded when maintenance_work_mem is too small (about 16 bytes per customer and product).';
