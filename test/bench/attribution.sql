-- Crediting all orders of the fixture by four models into a table:
-- crm.attribute() against the plain way, a join of orders and touches and window
-- functions, whose linear and position shares are rounded each alone. The
-- aggregate itself is measured beside it, without writing. Median of three.
SET client_min_messages = warning;

CREATE TABLE bench.plain_credit (LIKE crm.attribution_credit INCLUDING ALL);

CREATE FUNCTION bench.plain_attribute(ordered_from timestamptz, ordered_to timestamptz)
RETURNS void
LANGUAGE sql
AS $$
  INSERT INTO bench.plain_credit (attribution_run_id, order_id, touch_id, position, touches,
                                  credit_first, credit_last, credit_linear, credit_position)
  SELECT 1, p.order_id, p.touch_id, CASE WHEN p.touches = 0 THEN 0 ELSE p.position END, p.touches,
         CASE WHEN p.position = 1 THEN p.revenue ELSE 0 END,
         CASE WHEN p.position = greatest(p.touches, 1) THEN p.revenue ELSE 0 END,
         round(p.revenue / greatest(p.touches, 1), 2),
         round(p.revenue * CASE WHEN p.touches <= 1 THEN 1
                                WHEN p.touches = 2 THEN 0.5
                                WHEN p.position IN (1, p.touches) THEN 0.4
                                ELSE 0.2 / (p.touches - 2) END, 2)
  FROM (
    SELECT o.order_id, o.revenue, t.touch_id,
           row_number() OVER (PARTITION BY o.order_id ORDER BY t.occurred_at, t.touch_id) AS position,
           count(t.touch_id) OVER (PARTITION BY o.order_id) AS touches
    FROM crm.sales_order AS o
      JOIN crm.customer_member AS m ON m.record_id = o.record_id
      LEFT JOIN (
        SELECT tm.customer_id, t.touch_id, t.occurred_at
        FROM crm.touch AS t
          JOIN crm.customer_member AS tm ON tm.record_id = t.record_id
      ) AS t ON t.customer_id = m.customer_id
            AND t.occurred_at <= o.ordered_at
            AND t.occurred_at >= o.ordered_at - interval '2160 hours'
    WHERE o.kind = 'sale'
      AND o.duplicate_of IS NULL
      AND o.ordered_at >= ordered_from
      AND o.ordered_at < ordered_to
  ) AS p
$$;

CREATE TABLE bench.attribution_time (kind text, ms double precision);

DO $bench$
DECLARE
  started timestamptz;
  credits bigint;
BEGIN
  FOR run IN 1 .. 3 LOOP
    TRUNCATE crm.attribution_credit, crm.attribution_run;
    started := clock_timestamp();
    PERFORM crm.attribute('2024-01-01', '2027-01-01', '90 days');
    INSERT INTO bench.attribution_time VALUES ('ours', 1000 * extract(epoch FROM clock_timestamp() - started));
    started := clock_timestamp();
    PERFORM crm.attribute('2024-01-01', '2027-01-01', '90 days');
    INSERT INTO bench.attribution_time VALUES ('again', 1000 * extract(epoch FROM clock_timestamp() - started));
    started := clock_timestamp();
    PERFORM count(a.credits)
    FROM (
      SELECT omnicrm.sale_credit(e.occurred_at, e.touch_id, e.order_id, e.revenue, '90 days') AS credits
      FROM crm.attribution_event AS e
      GROUP BY e.customer_key) AS a;
    INSERT INTO bench.attribution_time VALUES ('aggregate', 1000 * extract(epoch FROM clock_timestamp() - started));
    TRUNCATE bench.plain_credit;
    started := clock_timestamp();
    PERFORM bench.plain_attribute('2024-01-01', '2027-01-01');
    INSERT INTO bench.attribution_time VALUES ('plain', 1000 * extract(epoch FROM clock_timestamp() - started));
  END LOOP;
  -- Both ways find the same touches for the same sales.
  IF EXISTS (SELECT c.order_id, c.touch_id, c.position, c.touches
             FROM crm.attribution_credit AS c JOIN crm.sales_order AS o USING (order_id)
             WHERE o.kind = 'sale'
             EXCEPT
             SELECT c.order_id, c.touch_id, c.position, c.touches FROM bench.plain_credit AS c) THEN
    RAISE EXCEPTION 'crm.attribute() and plain SQL credit different touches';
  END IF;
END
$bench$;

INSERT INTO bench_result
SELECT format('attribute %s orders to %s touches, 4 models, %s credits written', (SELECT count(*) FROM crm.sales_order),
              (SELECT count(*) FROM crm.touch), (SELECT count(*) FROM crm.attribution_credit)),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) FILTER (WHERE t.kind = 'ours'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) FILTER (WHERE t.kind = 'plain')
FROM bench.attribution_time AS t
UNION ALL
SELECT 'of it the aggregate with its input, nothing written',
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) FILTER (WHERE t.kind = 'aggregate'), NULL
FROM bench.attribution_time AS t
UNION ALL
SELECT 'attribute the same window again (no change)',
       percentile_cont(0.5) WITHIN GROUP (ORDER BY t.ms) FILTER (WHERE t.kind = 'again'), NULL
FROM bench.attribution_time AS t;
