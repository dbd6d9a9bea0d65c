-- Credit of each sale for the touches that led to it.

CREATE TABLE @hub@.attribution_run (
  attribution_run_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  ran_at             timestamptz NOT NULL DEFAULT now(),
  ordered_from       timestamptz NOT NULL,
  ordered_to         timestamptz NOT NULL,
  lookback           interval NOT NULL,
  orders             bigint NOT NULL DEFAULT 0,
  revenue            numeric(18, 2) NOT NULL DEFAULT 0,
  unattributed       numeric(18, 2) NOT NULL DEFAULT 0,
  UNIQUE (ordered_from, ordered_to, lookback)
);
CREATE TABLE @hub@.attribution_credit (
  attribution_run_id bigint NOT NULL REFERENCES @hub@.attribution_run ON DELETE CASCADE,
  order_id           bigint NOT NULL REFERENCES @hub@.sales_order,
  position           integer NOT NULL,
  touch_id           bigint REFERENCES @hub@.touch,
  touches            integer NOT NULL,
  credit_first       numeric(18, 2) NOT NULL,
  credit_last        numeric(18, 2) NOT NULL,
  credit_linear      numeric(18, 2) NOT NULL,
  credit_position    numeric(18, 2) NOT NULL,
  PRIMARY KEY (attribution_run_id, order_id, position)
);
CREATE INDEX attribution_credit_order_idx ON @hub@.attribution_credit (order_id);
CREATE INDEX attribution_credit_touch_idx ON @hub@.attribution_credit (touch_id);
