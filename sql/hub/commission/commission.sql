-- Who is paid what for which sale. One pool for each sale, split to the cent.

-- Plans ----------------------------------------------------------------------

CREATE OR REPLACE FUNCTION @hub@.check_commission_roles(roles jsonb)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  pair record;
BEGIN
  IF roles IS NULL OR jsonb_typeof(roles) <> 'object' OR roles = '{}' THEN
    RAISE EXCEPTION 'roles must be an object of weights, not %', coalesce(roles::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'For example {"brought": 30, "advised": 30, "closed": 40}.';
  END IF;
  FOR pair IN SELECT r.key, r.value FROM jsonb_each(roles) AS r LOOP
    IF pair.key = '' OR jsonb_typeof(pair.value) <> 'number' OR pair.value::numeric <= 0 OR pair.value::numeric >= 100000
       OR scale(trim_scale(pair.value::numeric)) > 4 THEN
      RAISE EXCEPTION 'role % has no valid weight: %', quote_literal(pair.key), pair.value
        USING ERRCODE = 'invalid_parameter_value',
              HINT = 'A weight is a number above 0 and below 100000 with at most four decimals. Leave a role out instead of giving it 0.';
    END IF;
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.check_commission_roles(jsonb) IS
  'Raises invalid_parameter_value unless the argument is an object of role names and positive weights. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.add_commission_plan(
  name text, base text, rate numeric, roles jsonb, lookback interval DEFAULT interval '90 days',
  valid_from date DEFAULT current_date, valid_to date DEFAULT 'infinity')
RETURNS integer
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  new_plan integer;
  other text;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.check_commission_roles(roles);
  IF base IS NULL OR base NOT IN ('revenue', 'gross_margin', 'contribution_margin') THEN
    RAISE EXCEPTION 'unknown base of commission: %', coalesce(quote_literal(base), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Known: revenue, gross_margin, contribution_margin.';
  END IF;
  IF rate IS NULL OR rate NOT BETWEEN 0 AND 1 OR scale(trim_scale(rate)) > 6 THEN
    RAISE EXCEPTION 'invalid rate: %', coalesce(rate::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'The rate is a part of 1 with at most six decimals: 0.05 is five per cent.';
  END IF;
  IF lookback IS NULL OR extract(epoch FROM lookback) NOT BETWEEN 0 AND 3155760000 THEN
    RAISE EXCEPTION 'invalid lookback: %', coalesce(lookback::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give an interval of 0 to 100 years, for example interval ''90 days''.';
  END IF;
  SELECT format('%s (%s to %s)', p.name, p.valid_from, p.valid_to) INTO other
  FROM @hub@.commission_plan AS p
  WHERE p.valid_from < valid_to AND p.valid_to > valid_from
  ORDER BY p.valid_from
  LIMIT 1;
  IF other IS NOT NULL THEN
    RAISE EXCEPTION 'plan % overlaps plan %', quote_literal(name), other
      USING ERRCODE = 'exclusion_violation', HINT = 'End the other plan first: @hub@.set_commission_plan_end(plan_id, day).';
  END IF;
  INSERT INTO @hub@.commission_plan (name, base, rate, lookback, valid_from, valid_to)
  VALUES (name, base, rate, lookback, valid_from, valid_to)
  RETURNING plan_id INTO new_plan;
  INSERT INTO @hub@.commission_role (plan_id, role, weight)
  SELECT new_plan, r.key, r.value::numeric FROM jsonb_each(roles) AS r;
  RETURN new_plan;
END
$$;

COMMENT ON FUNCTION @hub@.add_commission_plan(text, text, numeric, jsonb, interval, date, date) IS
  'Adds a plan version for sales from valid_from up to, not including, valid_to. base: revenue, gross_margin or contribution_margin; rate: part of the base (0.05 is 5 %); roles: weights, for example {"brought": 30, "advised": 30, "closed": 40}; lookback: how long before the sale a touch may lie. Returns its plan_id. Errors: invalid_parameter_value, exclusion_violation (overlaps another version).';

CREATE OR REPLACE FUNCTION @hub@.set_commission_plan_end(plan integer, valid_to date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
BEGIN
  PERFORM @hub@.require_current();
  UPDATE @hub@.commission_plan AS p SET valid_to = set_commission_plan_end.valid_to WHERE p.plan_id = plan;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no commission plan %', coalesce(plan::text, 'NULL') USING ERRCODE = 'no_data_found';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.set_commission_plan_end(integer, date) IS
  'Ends a plan version: it applies to sales before that day. Returns nothing. Error: no_data_found.';

-- Sales ----------------------------------------------------------------------

-- Pools whose order does not count under their key any more: recorded twice, key
-- or kind changed; with the order that counts now.
CREATE OR REPLACE VIEW @hub@.commission_moved
WITH (security_invoker = true) AS
SELECT p.pool_id, coalesce(o.duplicate_of, o.order_id) AS order_id
FROM @hub@.commission_pool AS p
  JOIN @hub@.sales_order AS o ON o.order_id = p.order_id
WHERE o.duplicate_of IS NOT NULL
   OR o.sale_key <> p.sale_key
   OR o.kind <> p.kind;

COMMENT ON VIEW @hub@.commission_moved IS 'One row is one pool whose order does not count under its key any more; the next crm.run_commission() removes it and pays the order that counts.';
COMMENT ON COLUMN @hub@.commission_moved.pool_id IS 'The pool.';
COMMENT ON COLUMN @hub@.commission_moved.order_id IS 'The order that counts now.';

-- The sales to be computed: those of the window, those paid in the window whose
-- date has moved, those whose pool moves, and the unpaid sales behind returns of
-- the window.
CREATE OR REPLACE FUNCTION @hub@.commission_sale_scope(sold_from timestamptz, sold_to timestamptz)
RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(array_agg(x.order_id ORDER BY x.order_id), '{}')
  FROM (
    SELECT o.order_id
    FROM @hub@.sales_order AS o
    WHERE o.ordered_at >= sold_from AND o.ordered_at < sold_to AND o.kind = 'sale' AND o.duplicate_of IS NULL
    UNION
    SELECT p.order_id
    FROM @hub@.commission_pool AS p
    WHERE p.sold_at >= sold_from AND p.sold_at < sold_to AND p.kind = 'sale'
    UNION
    SELECT m.order_id FROM @hub@.commission_moved AS m
    UNION
    SELECT x.original_id
    FROM @hub@.return_original AS x
    WHERE x.ordered_at >= sold_from AND x.ordered_at < sold_to
      AND NOT EXISTS (SELECT 1 FROM @hub@.commission_pool AS p WHERE p.order_id = x.original_id)
  ) AS x
  WHERE x.order_id IS NOT NULL
$$;

COMMENT ON FUNCTION @hub@.commission_sale_scope(timestamptz, timestamptz) IS
  'Sales that a commission run of [sold_from, sold_to) computes. Used by crm.run_commission().';

-- Returns of the window, and those whose sale is computed anew.
CREATE OR REPLACE FUNCTION @hub@.commission_return_scope(sold_from timestamptz, sold_to timestamptz, sales bigint[])
RETURNS bigint[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH affected AS MATERIALIZED (
    SELECT u.order_id FROM unnest(sales) AS u(order_id)
    UNION
    SELECT x.original_id
    FROM @hub@.return_original AS x
    WHERE x.ordered_at >= sold_from AND x.ordered_at < sold_to
    UNION
    SELECT p.original_id
    FROM @hub@.commission_pool AS p
    WHERE p.sold_at >= sold_from AND p.sold_at < sold_to AND p.kind = 'return'
  )
  SELECT coalesce(array_agg(x.order_id ORDER BY x.order_id), '{}')
  FROM (
    SELECT r.order_id
    FROM @hub@.sales_order AS r
    WHERE r.ordered_at >= sold_from AND r.ordered_at < sold_to AND r.kind = 'return' AND r.duplicate_of IS NULL
    UNION
    SELECT m.order_id FROM @hub@.commission_moved AS m
    UNION
    SELECT p.order_id
    FROM @hub@.commission_pool AS p
      LEFT JOIN @hub@.return_original AS x ON x.order_id = p.order_id
    WHERE p.kind = 'return'
      AND (p.sold_at >= sold_from AND p.sold_at < sold_to
           OR p.original_id IN (SELECT a.order_id FROM affected AS a)
           OR x.original_id IN (SELECT a.order_id FROM affected AS a))
  ) AS x
$$;

COMMENT ON FUNCTION @hub@.commission_return_scope(timestamptz, timestamptz, bigint[]) IS
  'Returns that a commission run of [sold_from, sold_to) computes, given the sales that it computed. Used by crm.run_commission().';

-- Who had a part in which sale: touches within the lookback, the lead, and the
-- order itself when nobody else is known to have closed it.
CREATE OR REPLACE FUNCTION @hub@.commission_parties(sales bigint[])
RETURNS TABLE (order_id bigint, role text, employee_id integer, touches bigint, leads bigint, named_by_order boolean, evidence jsonb)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH sale AS MATERIALIZED (
    SELECT o.order_id, o.sale_key, o.ordered_at, o.employee_id, p.plan_id,
           o.ordered_at - make_interval(secs => extract(epoch FROM p.lookback)::double precision) AS touched_from,
           coalesce(m.customer_id, -o.record_id) AS customer_key
    FROM unnest(sales) AS u(order_id)
      JOIN @hub@.sales_order AS o ON o.order_id = u.order_id AND o.duplicate_of IS NULL AND o.kind = 'sale'
      JOIN @hub@.commission_plan AS p ON o.ordered_at::date >= p.valid_from AND o.ordered_at::date < p.valid_to
      LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
  ), near AS MATERIALIZED (
    -- By customer first: joining by role before that would pair every touch with every sale.
    SELECT s.order_id, s.plan_id, k.employee_id, k.touch_id, k.role
    FROM sale AS s
      JOIN (
        SELECT t.touch_id, t.employee_id, t.occurred_at, coalesce(t.role, e.role) AS role,
               coalesce(m.customer_id, -t.record_id) AS customer_key
        FROM @hub@.touch AS t
          JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
          LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
        WHERE t.occurred_at >= (SELECT min(x.touched_from) FROM sale AS x)
          AND t.occurred_at <= (SELECT max(x.ordered_at) FROM sale AS x)
        OFFSET 0
      ) AS k ON k.customer_key = s.customer_key AND k.occurred_at <= s.ordered_at AND k.occurred_at >= s.touched_from
  ), touched AS (
    SELECT n.order_id, r.role, n.employee_id, n.touch_id, NULL::bigint AS lead_id, NULL::bigint AS by_order
    FROM near AS n
      JOIN @hub@.commission_role AS r ON r.plan_id = n.plan_id AND r.role = n.role
  ), led AS (
    SELECT s.order_id, r.role, v.employee_id, NULL::bigint AS touch_id, l.lead_id, NULL::bigint AS by_order
    FROM sale AS s
      JOIN @hub@.lead AS l ON l.sale_key = s.sale_key
      CROSS JOIN LATERAL (VALUES ('brought', l.brought_by), ('advised', l.advised_by), ('closed', l.closed_by)) AS v(role, employee_id)
      JOIN @hub@.commission_role AS r ON r.plan_id = s.plan_id AND r.role = v.role
    WHERE v.employee_id IS NOT NULL
  ), known AS MATERIALIZED (
    SELECT * FROM touched UNION ALL SELECT * FROM led
  ), party AS (
    SELECT * FROM known
    UNION ALL
    SELECT s.order_id, r.role, s.employee_id, NULL, NULL, s.order_id
    FROM sale AS s
      JOIN @hub@.commission_role AS r ON r.plan_id = s.plan_id AND r.role = 'closed'
    WHERE s.employee_id IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM known AS k WHERE k.order_id = s.order_id AND k.role = 'closed')
  )
  SELECT p.order_id, p.role, p.employee_id, count(p.touch_id), count(p.lead_id), count(p.by_order) > 0,
         jsonb_strip_nulls(jsonb_build_object(
           'touches', jsonb_agg(p.touch_id ORDER BY p.touch_id) FILTER (WHERE p.touch_id IS NOT NULL),
           'leads', jsonb_agg(p.lead_id ORDER BY p.lead_id) FILTER (WHERE p.lead_id IS NOT NULL),
           'order', max(p.by_order)))
  FROM party AS p
  GROUP BY p.order_id, p.role, p.employee_id;
END
$$;

COMMENT ON FUNCTION @hub@.commission_parties(bigint[]) IS
  'Who had a part in the given sales: one row for each sale, role of its plan and employee. Sources: touches of the customer in that role (of the touch, else of the employee) in [sale - lookback, sale]; the lead with the sale''s key (brought_by, advised_by, closed_by); the employee of the order as closed when no other closer is known.';

-- Pools of sales as they should be. The parts of a role, such as 30/2 and 40/3,
-- become whole numbers by the least common multiple of the heads, so that the
-- split is exact.
CREATE OR REPLACE FUNCTION @hub@.commission_sale_target(sales bigint[])
RETURNS TABLE (sale_key text, order_id bigint, original_id bigint, plan_id integer, kind text, sold_at timestamptz,
               base numeric, amount numeric, reason text, employee_ids integer[], roles text[], weights numeric[],
               amounts numeric[], reasons text[], evidence jsonb[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH counted AS (
    SELECT p.*, count(*) OVER w AS heads
    FROM @hub@.commission_parties(sales) AS p
    WINDOW w AS (PARTITION BY p.order_id, p.role)
  ), brought_together AS (
    SELECT c.*, omnicrm.common_multiple(c.heads::numeric) OVER (PARTITION BY c.order_id) AS multiple
    FROM counted AS c
  ), sale AS (
    SELECT o.*, p.plan_id, p.rate, p.base AS base_name,
           CASE p.base WHEN 'revenue' THEN o.revenue WHEN 'gross_margin' THEN o.gross_margin ELSE o.contribution_margin END AS paid_on
    FROM unnest(sales) AS u(order_id)
      JOIN @hub@.sales_order AS o ON o.order_id = u.order_id AND o.duplicate_of IS NULL AND o.kind = 'sale'
      JOIN @hub@.commission_plan AS p ON o.ordered_at::date >= p.valid_from AND o.ordered_at::date < p.valid_to
  ), split AS (
    SELECT s.order_id, round(greatest(coalesce(s.paid_on, 0), 0) * s.rate, 2) AS pool,
           array_agg(b.employee_id ORDER BY b.employee_id, b.role) AS employee_ids,
           array_agg(b.role ORDER BY b.employee_id, b.role) AS roles,
           array_agg(coalesce(trim_scale(r.weight) * div(b.multiple, b.heads), 1) ORDER BY b.employee_id, b.role) AS weights,
           array_agg(coalesce(b.employee_id, 0)::bigint ORDER BY b.employee_id, b.role) AS keys,
           array_agg(CASE WHEN b.employee_id IS NULL THEN 'no employee touched this sale'
                          ELSE concat_ws(', ', CASE WHEN b.touches = 1 THEN '1 touch' WHEN b.touches > 1 THEN b.touches || ' touches' END,
                                         CASE WHEN b.leads > 0 THEN 'named by the lead' END,
                                         CASE WHEN b.named_by_order THEN 'named by the order' END,
                                         CASE WHEN b.heads > 1 THEN 'one of ' || b.heads || ' in this role' END)
                     END ORDER BY b.employee_id, b.role) AS reasons,
           array_agg(coalesce(b.evidence, '{}') ORDER BY b.employee_id, b.role) AS evidence
    FROM sale AS s
      LEFT JOIN brought_together AS b ON b.order_id = s.order_id
      LEFT JOIN @hub@.commission_role AS r ON r.plan_id = s.plan_id AND r.role = b.role
    GROUP BY s.order_id, s.paid_on, s.rate
  )
  SELECT s.sale_key, s.order_id, NULL::bigint, s.plan_id, 'sale', s.ordered_at, coalesce(s.paid_on, 0), x.pool,
         CASE WHEN s.paid_on IS NULL THEN replace(s.base_name, '_', ' ') || ' not known'
              WHEN s.paid_on < 0 THEN 'negative ' || replace(s.base_name, '_', ' ')
              ELSE format('%s x %s', replace(s.base_name, '_', ' '), trim_scale(s.rate)) END,
         x.employee_ids, x.roles, x.weights, omnicrm.allocate(x.pool, x.weights, x.keys), x.reasons, x.evidence
  FROM split AS x
    JOIN sale AS s ON s.order_id = x.order_id;
END
$$;

COMMENT ON FUNCTION @hub@.commission_sale_target(bigint[]) IS
  'Pools of the given sales as they should be, with their entries in arrays by employee and role. Sales on a day without a plan are left out. A negative or unknown base pays 0. Used by crm.run_commission().';

-- Returns --------------------------------------------------------------------

-- A return pays the target of what is left of the sale less the target of what
-- was left before it, both split by the stored weights of the sale: a full
-- refund takes back from each exactly what he or she was paid, and no ill
-- effect of rounding can pile up. Never more is taken back than was paid.
CREATE OR REPLACE FUNCTION @hub@.commission_return_target(returns bigint[])
RETURNS TABLE (sale_key text, order_id bigint, original_id bigint, plan_id integer, kind text, sold_at timestamptz,
               base numeric, amount numeric, reason text, employee_ids integer[], roles text[], weights numeric[],
               amounts numeric[], reasons text[], evidence jsonb[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH wanted AS MATERIALIZED (
    SELECT x.order_id, x.original_id
    FROM unnest(returns) AS u(order_id)
      JOIN @hub@.return_original AS x ON x.order_id = u.order_id
  ), returned AS (
    -- every return of each sale, for the earlier ones decide what is left
    SELECT r.order_id, r.sale_key, r.ordered_at, x.original_id, pool.pool_id, pool.plan_id, plan.rate, pool.base AS sold_base,
           pool.amount AS sold_pool,
           coalesce(CASE plan.base WHEN 'revenue' THEN r.revenue WHEN 'gross_margin' THEN r.gross_margin ELSE r.contribution_margin END,
                    round(pool.base * r.revenue / nullif(o.revenue, 0), 2), 0) AS base
    FROM (SELECT DISTINCT w.original_id FROM wanted AS w) AS d
      JOIN @hub@.commission_pool AS pool ON pool.order_id = d.original_id
      JOIN @hub@.commission_plan AS plan ON plan.plan_id = pool.plan_id
      JOIN @hub@.sales_order AS o ON o.order_id = d.original_id
      JOIN @hub@.return_original AS x ON x.original_id = d.original_id
      JOIN @hub@.sales_order AS r ON r.order_id = x.order_id
  ), cumulated AS (
    SELECT r.*, r.sold_base + sum(r.base) OVER w AS left_base
    FROM returned AS r
    WINDOW w AS (PARTITION BY r.original_id ORDER BY r.ordered_at, r.order_id)
  ), targeted AS (
    SELECT c.*, round(greatest(c.left_base, 0) * c.rate, 2) AS target,
           coalesce(lag(round(greatest(c.left_base, 0) * c.rate, 2)) OVER w, c.sold_pool) AS before
    FROM cumulated AS c
    WINDOW w AS (PARTITION BY c.original_id ORDER BY c.ordered_at, c.order_id)
  ), part AS (
    SELECT t.order_id, array_agg(e.employee_id ORDER BY e.entry_no) AS employee_ids, array_agg(e.role ORDER BY e.entry_no) AS roles,
           array_agg(e.weight ORDER BY e.entry_no) AS weights,
           array_agg(coalesce(e.employee_id, 0)::bigint ORDER BY e.entry_no) AS keys,
           array_agg(e.reason ORDER BY e.entry_no) AS reasons, array_agg(e.evidence ORDER BY e.entry_no) AS evidence
    FROM targeted AS t
      JOIN wanted AS w ON w.order_id = t.order_id
      JOIN @hub@.commission_entry AS e ON e.pool_id = t.pool_id
    GROUP BY t.order_id
  )
  SELECT t.sale_key, t.order_id, t.original_id, t.plan_id, 'return', t.ordered_at, t.base, t.target - t.before,
         format('of the sale %s of %s is left, which pays %s instead of %s', greatest(t.left_base, 0), t.sold_base, t.target, t.before),
         p.employee_ids, p.roles, p.weights,
         (SELECT array_agg(a.target - a.before ORDER BY a.n)
          FROM unnest(omnicrm.allocate(t.target, p.weights, p.keys), omnicrm.allocate(t.before, p.weights, p.keys))
            WITH ORDINALITY AS a(target, before, n)),
         p.reasons, p.evidence
  FROM targeted AS t
    JOIN part AS p ON p.order_id = t.order_id
  UNION ALL
  SELECT o.sale_key, o.order_id, NULL::bigint, plan.plan_id, 'return', o.ordered_at, b.base, round(b.base * plan.rate, 2),
         'the sale behind this return is not known', ARRAY[NULL::integer], ARRAY[NULL::text], ARRAY[1::numeric],
         ARRAY[round(b.base * plan.rate, 2)], ARRAY['the sale behind this return is not known'], ARRAY['{}'::jsonb]
  FROM wanted AS w
    JOIN @hub@.sales_order AS o ON o.order_id = w.order_id
    JOIN @hub@.commission_plan AS plan ON o.ordered_at::date >= plan.valid_from AND o.ordered_at::date < plan.valid_to
    CROSS JOIN LATERAL (
      SELECT coalesce(CASE plan.base WHEN 'revenue' THEN o.revenue WHEN 'gross_margin' THEN o.gross_margin
                                     ELSE o.contribution_margin END, 0) AS base) AS b
  WHERE w.original_id IS NULL;
END
$$;

COMMENT ON FUNCTION @hub@.commission_return_target(bigint[]) IS
  'Pools of the given returns as they should be, from the stored pools of their sales: the target of what is left of the sale less the target before, both split by the weights of the sale. A return of a sale that paid no commission is left out; one whose sale is not known stays with the house. Used by crm.run_commission().';

-- The run --------------------------------------------------------------------

-- Writes what differs from what is stored, and nothing else.
CREATE OR REPLACE FUNCTION @hub@.store_commission(scope bigint[], are_returns boolean)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  written bigint;
BEGIN
  WITH target AS MATERIALIZED (
    SELECT * FROM @hub@.commission_sale_target(CASE WHEN are_returns THEN '{}' ELSE scope END)
    UNION ALL
    SELECT * FROM @hub@.commission_return_target(CASE WHEN are_returns THEN scope ELSE '{}' END)
  ), changed AS MATERIALIZED (
    SELECT t.*, p.pool_id AS old_pool
    FROM target AS t
      LEFT JOIN @hub@.commission_pool AS p ON p.sale_key = t.sale_key
      LEFT JOIN LATERAL (
        SELECT array_agg(e.employee_id ORDER BY e.entry_no) AS employee_ids, array_agg(e.role ORDER BY e.entry_no) AS roles,
               array_agg(e.weight ORDER BY e.entry_no) AS weights, array_agg(e.amount ORDER BY e.entry_no) AS amounts,
               array_agg(e.reason ORDER BY e.entry_no) AS reasons, array_agg(e.evidence ORDER BY e.entry_no) AS evidence
        FROM @hub@.commission_entry AS e
        WHERE e.pool_id = p.pool_id) AS e ON true
    WHERE ROW(p.order_id, p.original_id, p.plan_id, p.kind, p.sold_at, p.base, p.amount, p.reason,
              e.employee_ids, e.roles, e.weights, e.amounts, e.reasons, e.evidence)
          IS DISTINCT FROM
          ROW(t.order_id, t.original_id, t.plan_id, t.kind, t.sold_at, t.base, t.amount, t.reason,
              t.employee_ids, t.roles, t.weights, t.amounts, t.reasons, t.evidence)
  ), pool AS (
    INSERT INTO @hub@.commission_pool AS p (sale_key, order_id, original_id, plan_id, kind, sold_at, base, amount, reason)
    SELECT c.sale_key, c.order_id, c.original_id, c.plan_id, c.kind, c.sold_at, c.base, c.amount, c.reason
    FROM changed AS c
    ORDER BY c.sold_at, c.order_id
    ON CONFLICT (sale_key) DO UPDATE
      SET order_id = excluded.order_id, original_id = excluded.original_id, plan_id = excluded.plan_id, kind = excluded.kind,
          sold_at = excluded.sold_at, base = excluded.base, amount = excluded.amount, reason = excluded.reason
    RETURNING p.pool_id, p.sale_key
  ), entry AS (
    INSERT INTO @hub@.commission_entry AS e (pool_id, entry_no, employee_id, role, weight, amount, reason, evidence)
    SELECT p.pool_id, u.entry_no, u.employee_id, u.role, u.weight, u.amount, u.reason, u.evidence
    FROM changed AS c
      JOIN pool AS p ON p.sale_key = c.sale_key
      CROSS JOIN LATERAL unnest(c.employee_ids, c.roles, c.weights, c.amounts, c.reasons, c.evidence)
        WITH ORDINALITY AS u(employee_id, role, weight, amount, reason, evidence, entry_no)
    ON CONFLICT (pool_id, entry_no) DO UPDATE
      SET employee_id = excluded.employee_id, role = excluded.role, weight = excluded.weight, amount = excluded.amount,
          reason = excluded.reason, evidence = excluded.evidence
  ), surplus AS (
    DELETE FROM @hub@.commission_entry AS e
    USING changed AS c
    WHERE e.pool_id = c.old_pool AND e.entry_no > cardinality(c.weights)
  )
  SELECT count(*) INTO written FROM changed;
  RETURN written;
END
$$;

COMMENT ON FUNCTION @hub@.store_commission(bigint[], boolean) IS
  'Writes the pools of the given sales (or returns) that differ from what is stored. Returns their number. Used by crm.run_commission().';

-- Pools whose order no longer counts under their key (recorded twice, key
-- changed, no longer of that kind) or, in scope, has no plan or sale any more.
CREATE OR REPLACE FUNCTION @hub@.remove_stale_commission(scope bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  removed bigint;
BEGIN
  DELETE FROM @hub@.commission_pool AS p
  USING @hub@.sales_order AS o
  WHERE o.order_id = p.order_id
    AND (p.pool_id IN (SELECT m.pool_id FROM @hub@.commission_moved AS m)
         OR (p.order_id = ANY (scope)
             AND NOT EXISTS (
                   SELECT 1 FROM @hub@.commission_plan AS plan
                   WHERE o.ordered_at::date >= plan.valid_from AND o.ordered_at::date < plan.valid_to)
             AND p.kind = 'sale')
         OR (p.kind = 'return' AND p.original_id IS NOT NULL
             AND NOT EXISTS (SELECT 1 FROM @hub@.commission_pool AS sold WHERE sold.order_id = p.original_id)));
  GET DIAGNOSTICS removed = ROW_COUNT;
  RETURN removed;
END
$$;

COMMENT ON FUNCTION @hub@.remove_stale_commission(bigint[]) IS
  'Removes pools whose order does not count any more: recorded by two sources, under another key or kind, or, of the given sales, on a day without plan. Returns their number. Used by crm.run_commission().';

CREATE OR REPLACE FUNCTION @hub@.check_commission(orders bigint[] DEFAULT NULL)
RETURNS TABLE (pool_id bigint, sale_key text, problem text, expected numeric, found numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT p.pool_id, p.sale_key, 'entries do not add up to the pool', p.amount, coalesce(sum(e.amount), 0)
  FROM @hub@.commission_pool AS p
    LEFT JOIN @hub@.commission_entry AS e ON e.pool_id = p.pool_id
  WHERE orders IS NULL OR p.order_id IN (SELECT u.order_id FROM unnest(orders) AS u(order_id))
  GROUP BY p.pool_id
  HAVING p.amount <> coalesce(sum(e.amount), 0)
  UNION ALL
  SELECT p.pool_id, p.sale_key, 'the order does not count under this key', NULL, p.amount
  FROM @hub@.commission_moved AS m
    JOIN @hub@.commission_pool AS p ON p.pool_id = m.pool_id
  WHERE (orders IS NULL OR p.order_id IN (SELECT u.order_id FROM unnest(orders) AS u(order_id)))
  UNION ALL
  SELECT p.pool_id, p.sale_key, 'more was taken back than was paid', 0, p.amount + r.amount
  FROM @hub@.commission_pool AS p
    CROSS JOIN LATERAL (SELECT sum(x.amount) AS amount FROM @hub@.commission_pool AS x WHERE x.original_id = p.order_id) AS r
  WHERE p.kind = 'sale' AND p.amount + r.amount < 0
    AND (orders IS NULL OR p.order_id IN (SELECT u.order_id FROM unnest(orders) AS u(order_id)))
  ORDER BY 2, 3
$$;

COMMENT ON FUNCTION @hub@.check_commission(bigint[]) IS
  'Broken pools: one row for each whose entries do not add up to it, whose order is recorded twice or under another key, or whose returns took back more than was paid. No row: all is well. orders: check the pools of these orders only; NULL: all.';

CREATE OR REPLACE FUNCTION @hub@.run_commission(sold_from timestamptz, sold_to timestamptz)
RETURNS TABLE (sales bigint, returns bigint, changed bigint, removed bigint, without_plan bigint,
               pool numeric, paid numeric, unassigned numeric)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
SET enable_nestloop = off
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
  log_id bigint;
  sale_scope bigint[];
  return_scope bigint[];
  broken record;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.check_attribution_window(sold_from, sold_to, interval '0');
  -- A batch job works within the memory for maintenance. Its joins are hash
  -- joins even where tables have just been filled and have no statistics yet.
  -- Both settings end with the function.
  PERFORM set_config('work_mem', current_setting('maintenance_work_mem'), true);
  -- One run at a time; readers go on.
  LOCK TABLE @hub@.commission_pool IN SHARE ROW EXCLUSIVE MODE;
  log_id := @hub@.start_run('run_commission');
  sale_scope := @hub@.commission_sale_scope(sold_from, sold_to);
  -- Taken first: the pools of these returns may go with the pool of their sale.
  return_scope := @hub@.commission_return_scope(sold_from, sold_to, sale_scope);
  removed := @hub@.remove_stale_commission(sale_scope);
  changed := @hub@.store_commission(sale_scope, false);
  changed := changed + @hub@.store_commission(return_scope, true);
  removed := removed + @hub@.remove_stale_commission('{}');
  SELECT c.* INTO broken FROM @hub@.check_commission(sale_scope || return_scope) AS c LIMIT 1;
  IF broken.problem IS NOT NULL THEN
    RAISE EXCEPTION 'commission of sale %: %, expected %, found %', broken.sale_key, broken.problem, broken.expected, broken.found
      USING ERRCODE = 'data_corrupted';
  END IF;
  SELECT count(*) FILTER (WHERE p.kind = 'sale'), count(*) FILTER (WHERE p.kind = 'return'),
         coalesce(sum(p.amount), 0)::numeric(18, 2), coalesce(sum(e.paid), 0)::numeric(18, 2), coalesce(sum(e.unassigned), 0)::numeric(18, 2)
  INTO sales, returns, pool, paid, unassigned
  FROM @hub@.commission_pool AS p
    CROSS JOIN LATERAL (
      SELECT coalesce(sum(x.amount) FILTER (WHERE x.employee_id IS NOT NULL), 0) AS paid,
             coalesce(sum(x.amount) FILTER (WHERE x.employee_id IS NULL), 0) AS unassigned
      FROM @hub@.commission_entry AS x
      WHERE x.pool_id = p.pool_id) AS e
  WHERE p.sold_at >= sold_from AND p.sold_at < sold_to;
  SELECT count(*) INTO without_plan
  FROM @hub@.sales_order AS o
  WHERE o.ordered_at >= sold_from AND o.ordered_at < sold_to AND o.duplicate_of IS NULL
    AND NOT EXISTS (SELECT 1 FROM @hub@.commission_pool AS p WHERE p.order_id = o.order_id);
  PERFORM @hub@.finish_run(log_id, jsonb_build_object(
    'sold_from', sold_from, 'sold_to', sold_to, 'sales', sales, 'returns', returns, 'changed', changed, 'removed', removed,
    'without_plan', without_plan, 'pool', pool, 'paid', paid, 'unassigned', unassigned));
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION @hub@.run_commission(timestamptz, timestamptz) IS
  'Computes the commission of sales and returns in [sold_from, sold_to): one pool for each sale_key, split to the cent among the employees who had a part in it. Returns one row: sales and returns with a pool, pools changed and removed by this run, orders without one (no plan on that day, or the return of an unpaid sale), the sum of the pools, what of it goes to employees and what to nobody. Repeating it changes nothing when nothing changed; sales whose facts changed get their new target. Errors: invalid_parameter_value, data_corrupted (a pool that does not add up).';

-- Statements -----------------------------------------------------------------

CREATE OR REPLACE FUNCTION @hub@.commission_statement(sold_from date, sold_to date, employee text DEFAULT NULL)
RETURNS TABLE (employee_key text, employee_name text, role text, sale_key text, kind text, sold_at timestamptz, base numeric,
               pool numeric, share numeric, amount numeric, running_total numeric, reason text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  IF employee IS NOT NULL AND NOT EXISTS (SELECT 1 FROM @hub@.employee AS e WHERE e.employee_key = employee) THEN
    RAISE EXCEPTION 'there is no employee %', quote_literal(employee)
      USING ERRCODE = 'no_data_found', HINT = 'Give the employee_key, as in @hub@.employee.';
  END IF;
  RETURN QUERY
  SELECT w.employee_key, coalesce(w.name, 'nobody'), e.role, p.sale_key, p.kind, p.sold_at, p.base, p.amount,
         round(e.weight / t.weight, 6), e.amount,
         sum(e.amount) OVER (PARTITION BY e.employee_id ORDER BY p.sold_at, p.sale_key COLLATE "C", e.entry_no),
         CASE WHEN p.kind = 'return' THEN 'return: ' || e.reason ELSE e.reason END
  FROM @hub@.commission_pool AS p
    JOIN @hub@.commission_entry AS e ON e.pool_id = p.pool_id
    LEFT JOIN @hub@.employee AS w ON w.employee_id = e.employee_id
    CROSS JOIN LATERAL (SELECT sum(x.weight) AS weight FROM @hub@.commission_entry AS x WHERE x.pool_id = p.pool_id) AS t
  WHERE p.sold_at >= sold_from::timestamptz AND p.sold_at < sold_to::timestamptz
    AND (employee IS NULL OR w.employee_key = employee)
  ORDER BY w.employee_key COLLATE "C" NULLS LAST, p.sold_at, p.sale_key COLLATE "C", e.entry_no;
END
$$;

COMMENT ON FUNCTION @hub@.commission_statement(date, date, text) IS
  'What each employee gets for sales and returns from the first day up to, not including, the second (days of the session''s time zone): one row for each share, with the pool it comes from, the part of it, and the employee''s running total. employee: an employee_key; NULL: all, and last what nobody earned (employee_key NULL). Error: no_data_found (no such employee).';

CREATE OR REPLACE FUNCTION @hub@.explain_commission(sale_key text)
RETURNS TABLE (pool_key text, kind text, sold_at timestamptz, step text, employee_key text, role text, exact numeric, amount numeric,
               explanation text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  sale bigint;
BEGIN
  SELECT coalesce(p.original_id, p.order_id) INTO sale
  FROM @hub@.commission_pool AS p
  WHERE p.sale_key = explain_commission.sale_key;
  IF sale IS NULL THEN
    RAISE EXCEPTION 'no commission was computed for sale %', coalesce(quote_literal(explain_commission.sale_key), 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'Run @hub@.run_commission() over its date, and see that a plan covers it.';
  END IF;
  RETURN QUERY
  WITH pool AS MATERIALIZED (
    SELECT p.*, plan.name AS plan_name, plan.rate, t.weight AS all_weights
    FROM @hub@.commission_pool AS p
      JOIN @hub@.commission_plan AS plan ON plan.plan_id = p.plan_id
      CROSS JOIN LATERAL (SELECT sum(x.weight) AS weight FROM @hub@.commission_entry AS x WHERE x.pool_id = p.pool_id) AS t
    WHERE p.order_id = sale OR p.original_id = sale
  ), entry AS (
    SELECT p.*, e.entry_no, e.employee_id, e.role, e.weight, e.amount AS share, e.reason AS why, e.evidence,
           sum(e.amount) OVER w AS share_so_far
    FROM pool AS p
      JOIN @hub@.commission_entry AS e ON e.pool_id = p.pool_id
    WINDOW w AS (PARTITION BY e.entry_no ORDER BY p.kind DESC, p.sold_at, p.order_id)
  )
  SELECT x.sale_key, x.kind, x.sold_at, x.step, x.employee_key, x.role, x.exact, x.amount, x.explanation
  FROM (
    SELECT p.sale_key, p.kind, p.sold_at, p.order_id, 0 AS entry_no, 'pool' AS step, NULL AS employee_key, NULL AS role,
           CASE WHEN p.kind = 'sale' THEN trim_scale(p.base * p.rate) ELSE p.amount END AS exact, p.amount,
           format('plan %s, base %s: %s', p.plan_name, p.base, p.reason) AS explanation
    FROM pool AS p
    UNION ALL
    SELECT e.sale_key, e.kind, e.sold_at, e.order_id, e.entry_no, 'share', w.employee_key, e.role,
           round(e.amount * e.weight / e.all_weights, 6), e.share,
           CASE WHEN e.kind = 'sale'
                THEN format('weight %s of %s; %s%s', trim_scale(e.weight), trim_scale(e.all_weights), e.why,
                            coalesce(' (touches ' || (SELECT string_agg(t.id, ', ' ORDER BY t.id::bigint)
                                                      FROM jsonb_array_elements_text(e.evidence -> 'touches') AS t(id)) || ')', ''))
                ELSE format('%s is due for what is left, %s was paid before', e.share_so_far, e.share_so_far - e.share) END
    FROM entry AS e
      LEFT JOIN @hub@.employee AS w ON w.employee_id = e.employee_id
  ) AS x
  ORDER BY x.kind DESC, x.sold_at, x.order_id, x.entry_no;
END
$$;

COMMENT ON FUNCTION @hub@.explain_commission(text) IS
  'Why each cent of a sale was paid, and what its returns took back: for the sale and each of its returns a row pool (plan, base, rate) and a row share for each employee and role: exact amount, amount in cents (the difference is the largest-remainder rounding), weight, touches and leads it rests on. sale_key: of the sale or one of its returns. Error: no_data_found.';
