-- Credit of each order for the touches that led to it.

CREATE TABLE @hub@.attribution_run (
  attribution_run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ran_at             timestamptz NOT NULL DEFAULT clock_timestamp(),
  ordered_from       timestamptz NOT NULL,
  ordered_to         timestamptz NOT NULL,
  lookback           interval NOT NULL,
  orders             bigint NOT NULL DEFAULT 0,
  returns            bigint NOT NULL DEFAULT 0,
  credits            bigint NOT NULL DEFAULT 0,
  revenue            numeric(18, 2) NOT NULL DEFAULT 0,
  unattributed       numeric(18, 2) NOT NULL DEFAULT 0,
  UNIQUE (ordered_from, ordered_to, lookback),
  CHECK (ordered_from < ordered_to)
);
COMMENT ON TABLE @hub@.attribution_run IS 'One row is one window of orders with one lookback whose credits crm.attribute() keeps; the same window again is the same run.';
COMMENT ON COLUMN @hub@.attribution_run.attribution_run_id IS 'Key.';
COMMENT ON COLUMN @hub@.attribution_run.ran_at IS 'When crm.attribute() last computed or confirmed the credits, wall clock. Reports show each order by the newest run that covers it.';
COMMENT ON COLUMN @hub@.attribution_run.ordered_from IS 'Orders from this instant on.';
COMMENT ON COLUMN @hub@.attribution_run.ordered_to IS 'Orders before this instant.';
COMMENT ON COLUMN @hub@.attribution_run.lookback IS 'How long before a sale a touch may lie, in days of 24 hours.';
COMMENT ON COLUMN @hub@.attribution_run.orders IS 'Sales in the window.';
COMMENT ON COLUMN @hub@.attribution_run.returns IS 'Returns in the window.';
COMMENT ON COLUMN @hub@.attribution_run.credits IS 'Rows in attribution_credit.';
COMMENT ON COLUMN @hub@.attribution_run.revenue IS 'Revenue of sales and returns in the window: equal to the sum of the credits of each model.';
COMMENT ON COLUMN @hub@.attribution_run.unattributed IS 'Part of the revenue that no touch led to.';

-- No foreign keys: the table is computed from orders and touches, is written by
-- millions of rows, and a run makes it anew.
CREATE TABLE @hub@.attribution_credit (
  attribution_run_id bigint NOT NULL,
  order_id           bigint NOT NULL,
  touch_id           bigint,
  position           integer NOT NULL,
  touches            integer NOT NULL,
  credit_first       numeric(18, 2) NOT NULL,
  credit_last        numeric(18, 2) NOT NULL,
  credit_linear      numeric(18, 2) NOT NULL,
  credit_position    numeric(18, 2) NOT NULL,
  PRIMARY KEY (attribution_run_id, order_id, position)
);
COMMENT ON TABLE @hub@.attribution_credit IS 'One row: what one touch earned of one order, by four models; an order without touch has one row without touch. Written by crm.attribute() alone.';
COMMENT ON COLUMN @hub@.attribution_credit.attribution_run_id IS 'Run, see attribution_run.';
COMMENT ON COLUMN @hub@.attribution_credit.order_id IS 'Order, see sales_order.';
COMMENT ON COLUMN @hub@.attribution_credit.touch_id IS 'Touch; NULL: no touch led to the order.';
COMMENT ON COLUMN @hub@.attribution_credit.position IS 'Place of the touch in the journey, from 1; 0: no touch led to the order.';
COMMENT ON COLUMN @hub@.attribution_credit.touches IS 'Number of touches that led to the order.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_first IS 'Revenue credited when the first touch has all.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_last IS 'Revenue credited when the last touch has all.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_linear IS 'Revenue credited when all touches have the same.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_position IS 'Revenue credited when the first and the last touch have 40 % each and those between share 20 %.';
