-- Who is paid what for which sale.

CREATE OR REPLACE VIEW @bi@.fact_commission AS
SELECT
  p.pool_id,
  e.entry_no,
  p.order_id,
  p.original_id AS original_order_id,
  p.kind::varchar(10) AS kind,
  p.sold_at::date AS sold_date,
  p.sold_at,
  m.customer_id,
  plan.name::varchar(100) AS plan,
  plan.base::varchar(20) AS base_kind,
  p.base::numeric(18, 2) AS base,
  p.amount::numeric(18, 2) AS pool,
  e.employee_id,
  e.role::varchar(50) AS role,
  (e.weight / sum(e.weight) OVER (PARTITION BY e.pool_id))::numeric(9, 6) AS share,
  e.amount::numeric(18, 2) AS amount,
  e.reason::varchar(200) AS reason
FROM @hub@.commission_entry AS e
  JOIN @hub@.commission_pool AS p ON p.pool_id = e.pool_id
  JOIN @hub@.commission_plan AS plan ON plan.plan_id = p.plan_id
  JOIN @hub@.sales_order AS o ON o.order_id = p.order_id
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id;

COMMENT ON VIEW @bi@.fact_commission IS 'One row is what one employee gets of the commission of one sale in one role, or gives back for a return; the amounts of a pool add up to it. Needs crm.run_commission().';
COMMENT ON COLUMN @bi@.fact_commission.pool_id IS 'Commission of one sale or return.';
COMMENT ON COLUMN @bi@.fact_commission.entry_no IS 'Number of the share in its pool.';
COMMENT ON COLUMN @bi@.fact_commission.order_id IS 'Sale or return, see fact_order.';
COMMENT ON COLUMN @bi@.fact_commission.original_order_id IS 'Of a return: the sale that it takes back.';
COMMENT ON COLUMN @bi@.fact_commission.kind IS 'sale or return.';
COMMENT ON COLUMN @bi@.fact_commission.sold_date IS 'Day of the sale or return.';
COMMENT ON COLUMN @bi@.fact_commission.sold_at IS 'Time of the sale or return.';
COMMENT ON COLUMN @bi@.fact_commission.customer_id IS 'Customer, see dim_customer.';
COMMENT ON COLUMN @bi@.fact_commission.plan IS 'Plan that applied on the day of the sale.';
COMMENT ON COLUMN @bi@.fact_commission.base_kind IS 'What the rate applies to: revenue, gross_margin or contribution_margin.';
COMMENT ON COLUMN @bi@.fact_commission.base IS 'That amount; the same in all rows of a pool.';
COMMENT ON COLUMN @bi@.fact_commission.pool IS 'Commission of the whole sale; the same in all rows of a pool, so sum amount instead.';
COMMENT ON COLUMN @bi@.fact_commission.employee_id IS 'Employee, see dim_employee; NULL: nobody had a part in the sale.';
COMMENT ON COLUMN @bi@.fact_commission.role IS 'Role in which the share was earned.';
COMMENT ON COLUMN @bi@.fact_commission.share IS 'Part of the pool, 0 to 1.';
COMMENT ON COLUMN @bi@.fact_commission.amount IS 'Amount of the share.';
COMMENT ON COLUMN @bi@.fact_commission.reason IS 'Why this employee has it.';
