-- Commission plans, pools and entries.

CREATE TABLE @hub@.commission_plan (
  plan_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL CHECK (name <> ''),
  base       text NOT NULL CHECK (base IN ('revenue', 'gross_margin', 'contribution_margin')),
  rate       numeric(9, 6) NOT NULL CHECK (rate >= 0 AND rate <= 1),
  lookback   interval NOT NULL DEFAULT interval '90 days',
  valid_from date NOT NULL,
  valid_to   date NOT NULL DEFAULT 'infinity',
  created_at timestamptz NOT NULL DEFAULT now(),
  EXCLUDE USING gist (daterange(valid_from, valid_to, '[)') WITH &&),
  CHECK (valid_from < valid_to)
);
COMMENT ON TABLE @hub@.commission_plan IS 'One row is one plan version: what a sale of these days pays, and to which roles. Versions do not overlap; the day of the sale decides.';
COMMENT ON COLUMN @hub@.commission_plan.plan_id IS 'Key.';
COMMENT ON COLUMN @hub@.commission_plan.name IS 'Name; versions of a plan may share it.';
COMMENT ON COLUMN @hub@.commission_plan.base IS 'What the rate applies to: revenue, gross_margin or contribution_margin of the order.';
COMMENT ON COLUMN @hub@.commission_plan.rate IS 'Part of the base that is the pool of a sale, 0 to 1.';
COMMENT ON COLUMN @hub@.commission_plan.lookback IS 'How long before a sale a touch may lie to earn a share, in days of 24 hours.';
COMMENT ON COLUMN @hub@.commission_plan.valid_from IS 'First day of sales that it applies to.';
COMMENT ON COLUMN @hub@.commission_plan.valid_to IS 'Day after the last.';
COMMENT ON COLUMN @hub@.commission_plan.created_at IS 'When it was added.';

CREATE TABLE @hub@.commission_role (
  plan_id integer NOT NULL REFERENCES @hub@.commission_plan ON DELETE CASCADE,
  role    text NOT NULL CHECK (role <> ''),
  weight  numeric(9, 4) NOT NULL CHECK (weight > 0),
  PRIMARY KEY (plan_id, role)
);
COMMENT ON TABLE @hub@.commission_role IS 'One row is the weight of one role in one plan. Roles that nobody had in a sale leave their part to the others.';
COMMENT ON COLUMN @hub@.commission_role.plan_id IS 'Plan.';
COMMENT ON COLUMN @hub@.commission_role.role IS 'Role, as in touch.role: brought, advised, closed, ...';
COMMENT ON COLUMN @hub@.commission_role.weight IS 'Weight of the role; weights need not add up to 100.';

CREATE TABLE @hub@.commission_pool (
  pool_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sale_key    text NOT NULL UNIQUE,
  order_id    bigint NOT NULL UNIQUE REFERENCES @hub@.sales_order,
  original_id bigint REFERENCES @hub@.sales_order,
  plan_id     integer NOT NULL REFERENCES @hub@.commission_plan,
  kind        text NOT NULL CHECK (kind IN ('sale', 'return')),
  sold_at     timestamptz NOT NULL,
  base        numeric(18, 2) NOT NULL,
  amount      numeric(18, 2) NOT NULL,
  reason      text NOT NULL,
  CHECK (kind = 'return' OR (original_id IS NULL AND amount >= 0))
);
CREATE INDEX commission_pool_sold_idx ON @hub@.commission_pool (sold_at);
CREATE INDEX commission_pool_original_idx ON @hub@.commission_pool (original_id) WHERE original_id IS NOT NULL;
COMMENT ON TABLE @hub@.commission_pool IS 'One row is the commission of one sale, or what one return takes back of it; sale_key is unique, so that a sale recorded twice is paid once. Its entries add up to its amount.';
COMMENT ON COLUMN @hub@.commission_pool.pool_id IS 'Key.';
COMMENT ON COLUMN @hub@.commission_pool.sale_key IS 'Key of the sale or return over all sources.';
COMMENT ON COLUMN @hub@.commission_pool.order_id IS 'Order that counts for it.';
COMMENT ON COLUMN @hub@.commission_pool.original_id IS 'Of a return: the order that it takes back; NULL when it is not known.';
COMMENT ON COLUMN @hub@.commission_pool.plan_id IS 'Plan; of a return the plan of its sale.';
COMMENT ON COLUMN @hub@.commission_pool.kind IS 'sale or return.';
COMMENT ON COLUMN @hub@.commission_pool.sold_at IS 'When it was sold or returned.';
COMMENT ON COLUMN @hub@.commission_pool.base IS 'Revenue or margin that the rate applies to.';
COMMENT ON COLUMN @hub@.commission_pool.amount IS 'Commission to be split: base times rate, rounded to cents once; negative for a return.';
COMMENT ON COLUMN @hub@.commission_pool.reason IS 'How the amount came about.';

CREATE TABLE @hub@.commission_entry (
  pool_id     bigint NOT NULL REFERENCES @hub@.commission_pool ON DELETE CASCADE,
  entry_no    integer NOT NULL,
  employee_id integer REFERENCES @hub@.employee,
  role        text,
  weight      numeric NOT NULL CHECK (weight > 0),
  amount      numeric(18, 2) NOT NULL,
  reason      text NOT NULL,
  evidence    jsonb NOT NULL DEFAULT '{}',
  PRIMARY KEY (pool_id, entry_no)
);
CREATE INDEX commission_entry_employee_idx ON @hub@.commission_entry (employee_id);
COMMENT ON TABLE @hub@.commission_entry IS 'One row is what one employee gets of one pool in one role.';
COMMENT ON COLUMN @hub@.commission_entry.pool_id IS 'Pool.';
COMMENT ON COLUMN @hub@.commission_entry.entry_no IS 'Number in the pool, by employee and role.';
COMMENT ON COLUMN @hub@.commission_entry.employee_id IS 'Employee; NULL: nobody had a part in the sale, the amount stays with the house.';
COMMENT ON COLUMN @hub@.commission_entry.role IS 'Role in which the share was earned.';
COMMENT ON COLUMN @hub@.commission_entry.weight IS 'Exact weight in the pool: the weight of the role over the number of employees in it, brought to a common denominator.';
COMMENT ON COLUMN @hub@.commission_entry.amount IS 'Share in cents that add up to the pool; negative for a return.';
COMMENT ON COLUMN @hub@.commission_entry.reason IS 'Why this employee has this share.';
COMMENT ON COLUMN @hub@.commission_entry.evidence IS 'What it rests on: {"touches": [touch ids], "leads": [lead ids], "order": order id}.';
