-- Commission plans, pools and entries.

CREATE TABLE @hub@.commission_plan (
  plan_id      integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name         text NOT NULL,
  base         text NOT NULL CHECK (base IN ('revenue', 'gross_margin', 'contribution_margin')),
  rate         numeric(9, 6) NOT NULL CHECK (rate >= 0 AND rate <= 1),
  lookback     interval NOT NULL DEFAULT interval '90 days',
  valid_from   date NOT NULL,
  valid_to     date NOT NULL DEFAULT 'infinity',
  EXCLUDE USING gist (daterange(valid_from, valid_to, '[)') WITH &&),
  CHECK (valid_from < valid_to)
);
CREATE TABLE @hub@.commission_role (
  plan_id integer NOT NULL REFERENCES @hub@.commission_plan ON DELETE CASCADE,
  role    text NOT NULL,
  weight  numeric(9, 4) NOT NULL CHECK (weight > 0),
  PRIMARY KEY (plan_id, role)
);
CREATE TABLE @hub@.commission_pool (
  pool_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  sale_key text NOT NULL UNIQUE,
  order_id bigint NOT NULL REFERENCES @hub@.sales_order,
  plan_id  integer NOT NULL REFERENCES @hub@.commission_plan,
  sold_at  timestamptz NOT NULL,
  base     numeric(18, 2) NOT NULL,
  amount   numeric(18, 2) NOT NULL
);
CREATE TABLE @hub@.commission_entry (
  pool_id     bigint NOT NULL REFERENCES @hub@.commission_pool ON DELETE CASCADE,
  entry_no    integer NOT NULL,
  employee_id integer REFERENCES @hub@.employee,
  role        text,
  weight      numeric(18, 6) NOT NULL,
  amount      numeric(18, 2) NOT NULL,
  reason      text NOT NULL,
  PRIMARY KEY (pool_id, entry_no)
);
CREATE INDEX commission_entry_employee_idx ON @hub@.commission_entry (employee_id);
