-- Which touches led to which order, and what each earned.

-- The sale that a return takes back, by the key that it names: the order of that
-- key in the same source, else the sale of that sale_key, else the only order of
-- that key in any source; without a key the sale whose sale_key it carries. Of a
-- sale recorded twice it is the row that counts. Subqueries, not joins, and one
-- for each source: they are index lookups even where the tables have just been
-- filled and have no statistics yet.
CREATE OR REPLACE VIEW @hub@.return_original
WITH (security_invoker = true) AS
SELECT
  r.order_id,
  coalesce(
    (SELECT coalesce(o.duplicate_of, o.order_id)
     FROM @hub@.sales_order AS o
     WHERE o.source_id = r.source_id
       AND o.order_key = r.returns_key
       AND o.kind = 'sale'),
    (SELECT s.order_id
     FROM @hub@.sales_order AS s
     WHERE s.sale_key = coalesce(r.returns_key, substr(r.sale_key, length('return:') + 1))
       AND s.duplicate_of IS NULL
       AND s.kind = 'sale'),
    (SELECT CASE WHEN count(DISTINCT y.order_id) = 1 THEN min(y.order_id) END
     FROM @hub@.source AS x
       CROSS JOIN LATERAL (
         SELECT coalesce(o.duplicate_of, o.order_id) AS order_id
         FROM @hub@.sales_order AS o
         WHERE o.source_id = x.source_id
           AND o.order_key = r.returns_key
           AND o.kind = 'sale'
         OFFSET 0) AS y)) AS original_id,
  r.ordered_at,
  r.revenue
FROM @hub@.sales_order AS r
WHERE r.kind = 'return'
  AND r.duplicate_of IS NULL;

COMMENT ON VIEW @hub@.return_original IS 'One row is one return, with the sale that it takes back.';
COMMENT ON COLUMN @hub@.return_original.order_id IS 'The return.';
COMMENT ON COLUMN @hub@.return_original.original_id IS 'The sale; NULL when it is not known.';
COMMENT ON COLUMN @hub@.return_original.ordered_at IS 'When it was returned.';
COMMENT ON COLUMN @hub@.return_original.revenue IS 'What was paid back, negative.';

-- What credits follow from: touches, and orders with their revenue. A return
-- stands at the place of its sale, so that it takes the credits back from the
-- touches that had them. A record that belongs to no customer yet is a group of
-- its own, and so is a return whose sale is not known, which no touch can have
-- led to; the keys of such groups are negative and never those of a customer.
CREATE OR REPLACE VIEW @hub@.attribution_event
WITH (security_invoker = true) AS
SELECT coalesce(m.customer_id, -t.record_id) AS customer_key, t.occurred_at, t.occurred_at AS counted_at,
       t.touch_id, NULL::bigint AS order_id, NULL::numeric AS revenue
FROM @hub@.touch AS t
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
UNION ALL
SELECT coalesce(m.customer_id, -o.record_id), o.ordered_at, o.ordered_at, NULL, o.order_id, o.revenue
FROM @hub@.sales_order AS o
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
WHERE o.kind = 'sale'
  AND o.duplicate_of IS NULL
UNION ALL
SELECT coalesce(m.customer_id, -s.record_id, -4611686018427387904 - r.order_id), coalesce(s.ordered_at, r.ordered_at), r.ordered_at,
       NULL, r.order_id, r.revenue
FROM @hub@.return_original AS r
  LEFT JOIN @hub@.sales_order AS s ON s.order_id = r.original_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = s.record_id;

COMMENT ON VIEW @hub@.attribution_event IS 'One row is one event that crm.attribute() reads: a touch, a sale, or a return, which stands at the time and customer of the sale that it takes back.';
COMMENT ON COLUMN @hub@.attribution_event.customer_key IS 'Customer; a negative number where none is known.';
COMMENT ON COLUMN @hub@.attribution_event.occurred_at IS 'Place in the journey: time of the touch or sale; of a return the time of its sale.';
COMMENT ON COLUMN @hub@.attribution_event.counted_at IS 'Time of the touch, sale or return itself: decides in which window it counts.';
COMMENT ON COLUMN @hub@.attribution_event.touch_id IS 'Touch; NULL for orders.';
COMMENT ON COLUMN @hub@.attribution_event.order_id IS 'Order; NULL for touches.';
COMMENT ON COLUMN @hub@.attribution_event.revenue IS 'Revenue of the order, negative for a return.';

-- The oldest instant at which a touch can matter: from the oldest sale behind
-- an order of the window; a generous day more, for the aggregate decides exactly.
CREATE OR REPLACE FUNCTION @hub@.attribution_touched_from(ordered_from timestamptz, ordered_to timestamptz, lookback interval)
RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT least(ordered_from, min(s.ordered_at)) - make_interval(secs => extract(epoch FROM lookback)::double precision) - interval '1 day'
  FROM @hub@.return_original AS r
    JOIN @hub@.sales_order AS s ON s.order_id = r.original_id
  WHERE r.ordered_at >= ordered_from
    AND r.ordered_at < ordered_to
$$;

COMMENT ON FUNCTION @hub@.attribution_touched_from(timestamptz, timestamptz, interval) IS
  'The oldest instant at which a touch can have led to an order of the window, or to the sale behind a return of it. Used by crm.attribute().';

-- One number for a set of credits, whatever their order: equal sets have equal
-- numbers.
CREATE OR REPLACE FUNCTION @hub@.attribution_unchanged(
  run bigint, ordered_from timestamptz, ordered_to timestamptz, lookback interval, touched_from timestamptz)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT ROW(count(*), coalesce(bit_xor(hash_record_extended(ROW(
             c.sale_id, c.position, c.touch_id, c.touches, c.credit_first, c.credit_last, c.credit_linear, c.credit_position), 0)), 0))
    FROM (
      SELECT omnicrm.sale_credit(e.occurred_at, e.touch_id, e.order_id, e.revenue, lookback) AS credits
      FROM @hub@.attribution_event AS e
      WHERE e.counted_at >= CASE WHEN e.touch_id IS NULL THEN ordered_from ELSE touched_from END
        AND e.counted_at < ordered_to
      GROUP BY e.customer_key) AS a
      CROSS JOIN LATERAL unnest(a.credits) AS c
  ) = (
    SELECT ROW(count(*), coalesce(bit_xor(hash_record_extended(ROW(
             c.order_id, c.position, c.touch_id, c.touches, c.credit_first, c.credit_last, c.credit_linear, c.credit_position), 0)), 0))
    FROM @hub@.attribution_credit AS c
    WHERE c.attribution_run_id = run
  );
END
$$;

COMMENT ON FUNCTION @hub@.attribution_unchanged(bigint, timestamptz, timestamptz, interval, timestamptz) IS
  'True when computing the credits of a run anew gives what is stored. Used by crm.attribute().';

CREATE OR REPLACE FUNCTION @hub@.check_attribution_window(ordered_from timestamptz, ordered_to timestamptz, lookback interval)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF ordered_from IS NULL OR ordered_to IS NULL OR NOT isfinite(ordered_from) OR NOT isfinite(ordered_to) OR ordered_from >= ordered_to THEN
    RAISE EXCEPTION 'invalid window of orders: from % to %', coalesce(ordered_from::text, 'NULL'), coalesce(ordered_to::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give two instants; orders from the first up to, not including, the second are taken.';
  END IF;
  IF lookback IS NULL OR extract(epoch FROM lookback) NOT BETWEEN 0 AND 3155760000 THEN
    RAISE EXCEPTION 'invalid lookback: %', coalesce(lookback::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give an interval of 0 to 100 years, for example interval ''90 days''.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.check_attribution_window(timestamptz, timestamptz, interval) IS
  'Raises invalid_parameter_value unless the arguments make a window for crm.attribute(). Returns nothing.';

-- Counts and sums of a run; the sums of all models must equal the revenue.
CREATE OR REPLACE FUNCTION @hub@.close_attribution_run(run bigint)
RETURNS @hub@.attribution_run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  booked record;
  credited record;
  result @hub@.attribution_run;
BEGIN
  SELECT count(*) FILTER (WHERE o.kind = 'sale') AS orders, count(*) FILTER (WHERE o.kind = 'return') AS returns,
         coalesce(sum(o.revenue), 0) AS revenue
  INTO booked
  FROM @hub@.attribution_run AS r
    JOIN @hub@.sales_order AS o ON o.ordered_at >= r.ordered_from AND o.ordered_at < r.ordered_to AND o.duplicate_of IS NULL
  WHERE r.attribution_run_id = run;
  SELECT count(*) AS credits, coalesce(sum(c.credit_first), 0) AS first, coalesce(sum(c.credit_last), 0) AS last,
         coalesce(sum(c.credit_linear), 0) AS linear, coalesce(sum(c.credit_position), 0) AS position,
         coalesce(sum(c.credit_first) FILTER (WHERE c.touch_id IS NULL), 0) AS unattributed
  INTO credited
  FROM @hub@.attribution_credit AS c
  WHERE c.attribution_run_id = run;
  IF ROW(credited.first, credited.last, credited.linear, credited.position)
     IS DISTINCT FROM ROW(booked.revenue, booked.revenue, booked.revenue, booked.revenue) THEN
    RAISE EXCEPTION 'credits of run % do not add up to the revenue: % first, % last, % linear, % position, % revenue',
      run, credited.first, credited.last, credited.linear, credited.position, booked.revenue
      USING ERRCODE = 'data_corrupted',
            HINT = 'Orders changed while the run read them: run it again.';
  END IF;
  UPDATE @hub@.attribution_run AS r
  SET ran_at = clock_timestamp(), orders = booked.orders, returns = booked.returns, credits = credited.credits,
      revenue = booked.revenue, unattributed = credited.unattributed
  WHERE r.attribution_run_id = run
  RETURNING r.* INTO result;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.close_attribution_run(bigint) IS
  'Counts a run, checks that the credits of every model add up to the revenue, and returns its row. Used by crm.attribute(). Error: data_corrupted.';

-- The run of a window, made when it is new, locked until commit: two sessions
-- that attribute the same window do it one after the other.
CREATE OR REPLACE FUNCTION @hub@.open_attribution_run(
  ordered_from timestamptz, ordered_to timestamptz, lookback interval, OUT run bigint, OUT is_new boolean)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO @hub@.attribution_run AS r (ordered_from, ordered_to, lookback)
  VALUES (ordered_from, ordered_to, lookback)
  ON CONFLICT (ordered_from, ordered_to, lookback) DO UPDATE SET ran_at = r.ran_at
  RETURNING r.attribution_run_id, r.xmax = 0
$$;

COMMENT ON FUNCTION @hub@.open_attribution_run(timestamptz, timestamptz, interval) IS
  'Finds or makes the run of a window and locks it until commit. Used by crm.attribute(). Returns its id and whether it is new.';

CREATE OR REPLACE FUNCTION @hub@.attribute(
  ordered_from timestamptz, ordered_to timestamptz, lookback interval DEFAULT interval '90 days')
RETURNS @hub@.attribution_run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
  log_id bigint;
  opened record;
  touched_from timestamptz;
  span interval;
  result @hub@.attribution_run;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.check_attribution_window(ordered_from, ordered_to, lookback);
  -- A batch job works within the memory for maintenance; the setting ends with
  -- the function.
  PERFORM set_config('work_mem', current_setting('maintenance_work_mem'), true);
  log_id := @hub@.start_run('attribute');
  span := make_interval(days => div(extract(epoch FROM lookback), 86400)::integer,
                        secs => mod(extract(epoch FROM lookback), 86400)::double precision);
  touched_from := @hub@.attribution_touched_from(ordered_from, ordered_to, span);
  SELECT o.run, o.is_new INTO opened
  FROM @hub@.open_attribution_run(ordered_from, ordered_to, span) AS o;
  IF opened.is_new OR NOT @hub@.attribution_unchanged(opened.run, ordered_from, ordered_to, span, touched_from) THEN
    DELETE FROM @hub@.attribution_credit AS c WHERE c.attribution_run_id = opened.run;
    INSERT INTO @hub@.attribution_credit (attribution_run_id, order_id, touch_id, position, touches,
                                          credit_first, credit_last, credit_linear, credit_position)
    SELECT opened.run, c.sale_id, c.touch_id, c.position, c.touches,
           c.credit_first, c.credit_last, c.credit_linear, c.credit_position
    FROM (
      SELECT omnicrm.sale_credit(e.occurred_at, e.touch_id, e.order_id, e.revenue, span) AS credits
      FROM @hub@.attribution_event AS e
      WHERE e.counted_at >= CASE WHEN e.touch_id IS NULL THEN ordered_from ELSE touched_from END
        AND e.counted_at < ordered_to
      GROUP BY e.customer_key) AS a
      CROSS JOIN LATERAL unnest(a.credits) AS c
    -- in the order of the key, which fills the index from left to right
    ORDER BY c.sale_id, c.position;
  END IF;
  result := @hub@.close_attribution_run(opened.run);
  PERFORM @hub@.finish_run(log_id, jsonb_build_object(
    'attribution_run_id', result.attribution_run_id, 'orders', result.orders, 'returns', result.returns,
    'credits', result.credits, 'revenue', result.revenue, 'unattributed', result.unattributed));
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.attribute(timestamptz, timestamptz, interval) IS
  'Credits the touches that led to each order of [ordered_from, ordered_to) by four models (first, last, linear, position 40/20/40), to the cent, into attribution_credit. Touches are those of all records of the customer in [sale - lookback, sale], in any phase, ordered by time and touch_id. A return takes its credits back from the touches of its sale; an order without touch has one row without touch. Returns the row of attribution_run; the same window and lookback again is the same run, and changes nothing when nothing changed. Errors: invalid_parameter_value, data_corrupted.';

-- The run that a report shows when none is named.
CREATE OR REPLACE FUNCTION @hub@.attribution_run_or_newest(run bigint)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result bigint;
BEGIN
  SELECT r.attribution_run_id INTO result
  FROM @hub@.attribution_run AS r
  WHERE run IS NULL OR r.attribution_run_id = run
  ORDER BY r.ran_at DESC, r.attribution_run_id DESC
  LIMIT 1;
  IF result IS NULL THEN
    RAISE EXCEPTION 'there is no attribution run%', coalesce(' ' || run, '')
      USING ERRCODE = 'no_data_found',
            HINT = 'Make one: SELECT * FROM @hub@.attribute(''2026-01-01'', ''2026-02-01'');';
  END IF;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.attribution_run_or_newest(bigint) IS
  'The given run if it exists, the newest for NULL. Error: no_data_found.';

CREATE OR REPLACE FUNCTION @hub@.attribution_by_channel(run bigint DEFAULT NULL)
RETURNS TABLE (channel text, touches bigint, orders bigint, credit_first numeric, credit_last numeric,
               credit_linear numeric, credit_position numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  -- counted in two steps, for counting distinct touches and orders in one would
  -- sort all credits once for each
  WITH credit AS NOT MATERIALIZED (
    SELECT c.*, CASE WHEN c.touch_id IS NULL THEN -2
                     ELSE coalesce(t.channel_id, (SELECT u.channel_id FROM @hub@.channel AS u WHERE u.name = 'unknown'), -1) END AS channel_id
    FROM @hub@.attribution_credit AS c
      LEFT JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
    WHERE c.attribution_run_id = (SELECT @hub@.attribution_run_or_newest(run))
  ), by_touch AS (
    SELECT x.channel_id, count(*) AS touches
    FROM (SELECT DISTINCT c.channel_id, c.touch_id FROM credit AS c WHERE c.touch_id IS NOT NULL) AS x
    GROUP BY x.channel_id
  ), by_order AS (
    SELECT c.channel_id, c.order_id, sum(c.credit_first) AS first, sum(c.credit_last) AS last,
           sum(c.credit_linear) AS linear, sum(c.credit_position) AS position
    FROM credit AS c
    GROUP BY c.channel_id, c.order_id
  ), by_channel AS (
    SELECT b.channel_id, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(b.first) AS first, sum(b.last) AS last,
           sum(b.linear) AS linear, sum(b.position) AS position
    FROM by_order AS b
      JOIN @hub@.sales_order AS o ON o.order_id = b.order_id
    GROUP BY b.channel_id
  )
  SELECT CASE x.channel_id WHEN -2 THEN 'unattributed' WHEN -1 THEN 'unknown' ELSE ch.name END AS label,
         coalesce(t.touches, 0), x.orders, x.first, x.last, x.linear, x.position
  FROM by_channel AS x
    LEFT JOIN by_touch AS t ON t.channel_id = x.channel_id
    LEFT JOIN @hub@.channel AS ch ON ch.channel_id = x.channel_id
  ORDER BY x.linear DESC, label
$$;

COMMENT ON FUNCTION @hub@.attribution_by_channel(bigint) IS
  'The four models side by side: one row for each channel with its touches that led to an order, the sales that they led to, and the revenue credited by each model; a row unattributed for orders without touch, unknown for touches without channel. run: NULL for the newest. Each model adds up to the revenue of the run. Error: no_data_found.';

CREATE OR REPLACE FUNCTION @hub@.attribution_by_employee(run bigint DEFAULT NULL)
RETURNS TABLE (employee_key text, employee text, role text, touches bigint, orders bigint, credit_first numeric, credit_last numeric,
               credit_linear numeric, credit_position numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH credit AS NOT MATERIALIZED (
    SELECT c.*, coalesce(t.employee_id, CASE WHEN c.touch_id IS NULL THEN -2 ELSE -1 END) AS employee_id, coalesce(t.role, e.role) AS role
    FROM @hub@.attribution_credit AS c
      LEFT JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
      LEFT JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
    WHERE c.attribution_run_id = (SELECT @hub@.attribution_run_or_newest(run))
  ), by_touch AS (
    SELECT x.employee_id, x.role, count(*) AS touches
    FROM (SELECT DISTINCT c.employee_id, c.role, c.touch_id FROM credit AS c WHERE c.touch_id IS NOT NULL) AS x
    GROUP BY x.employee_id, x.role
  ), by_order AS (
    SELECT c.employee_id, c.role, c.order_id, sum(c.credit_first) AS first, sum(c.credit_last) AS last,
           sum(c.credit_linear) AS linear, sum(c.credit_position) AS position
    FROM credit AS c
    GROUP BY c.employee_id, c.role, c.order_id
  ), by_employee AS (
    SELECT b.employee_id, b.role, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(b.first) AS first, sum(b.last) AS last,
           sum(b.linear) AS linear, sum(b.position) AS position
    FROM by_order AS b
      JOIN @hub@.sales_order AS o ON o.order_id = b.order_id
    GROUP BY b.employee_id, b.role
  )
  SELECT e.employee_key, CASE x.employee_id WHEN -2 THEN 'unattributed' WHEN -1 THEN 'no employee' ELSE e.name END AS label,
         x.role, coalesce(t.touches, 0), x.orders, x.first, x.last, x.linear, x.position
  FROM by_employee AS x
    LEFT JOIN by_touch AS t ON t.employee_id = x.employee_id AND coalesce(t.role, '') = coalesce(x.role, '')
    LEFT JOIN @hub@.employee AS e ON e.employee_id = x.employee_id
  ORDER BY x.linear DESC, label, e.employee_key, x.role
$$;

COMMENT ON FUNCTION @hub@.attribution_by_employee(bigint) IS
  'The four models side by side: one row for each employee and role with the touches that led to an order, the sales that they led to, and the revenue credited by each model; a row unattributed for orders without touch, no employee for touches that no person made. run: NULL for the newest. Each model adds up to the revenue of the run. Error: no_data_found.';

CREATE OR REPLACE FUNCTION @hub@.drop_attribution(run bigint)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  removed bigint;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM 1 FROM @hub@.attribution_run AS r WHERE r.attribution_run_id = run FOR UPDATE;
  DELETE FROM @hub@.attribution_credit AS c WHERE c.attribution_run_id = run;
  GET DIAGNOSTICS removed = ROW_COUNT;
  DELETE FROM @hub@.attribution_run AS r WHERE r.attribution_run_id = run;
  RETURN removed;
END
$$;

COMMENT ON FUNCTION @hub@.drop_attribution(bigint) IS
  'Removes a run with its credits, for example a trial with another lookback. Returns the number of credits removed; 0 when there is no such run.';
