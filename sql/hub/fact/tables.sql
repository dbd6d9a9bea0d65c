-- Facts: channels, employees, products, orders, payments, touches, leads, cases.
-- A fact points to the source record that it was told of; the customer follows
-- from crm.customer_member, so facts follow merges without being changed.

CREATE TABLE @hub@.channel (
  channel_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text NOT NULL UNIQUE,
  kind       text NOT NULL DEFAULT 'other',
  declared   boolean NOT NULL DEFAULT true
);
CREATE TABLE @hub@.employee (
  employee_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  employee_key text NOT NULL UNIQUE,
  name         text NOT NULL,
  role         text,
  team         text,
  manager_key  text,
  declared     boolean NOT NULL DEFAULT true
);
CREATE TABLE @hub@.campaign (
  campaign_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text NOT NULL UNIQUE,
  channel_id  integer REFERENCES @hub@.channel,
  starts_on   date,
  ends_on     date,
  cost        numeric(18, 2),
  declared    boolean NOT NULL DEFAULT true
);
CREATE TABLE @hub@.product (
  product_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_key text NOT NULL UNIQUE,
  name        text NOT NULL,
  category    text,
  price       numeric(18, 2),
  cost        numeric(18, 2),
  repeatable  boolean NOT NULL DEFAULT false,
  active      boolean NOT NULL DEFAULT true,
  declared    boolean NOT NULL DEFAULT true
);
CREATE TABLE @hub@.sales_order (
  order_id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id           integer NOT NULL REFERENCES @hub@.source,
  order_key           text NOT NULL,
  load_id             bigint NOT NULL REFERENCES @hub@.load_batch,
  content_hash        bigint NOT NULL,
  record_id           bigint NOT NULL REFERENCES @hub@.source_record,
  channel_id          integer REFERENCES @hub@.channel,
  employee_id         integer REFERENCES @hub@.employee,
  ordered_at          timestamptz NOT NULL,
  kind                text NOT NULL DEFAULT 'sale' CHECK (kind IN ('sale', 'return')),
  returns_key         text,
  sale_key            text NOT NULL,
  duplicate_of        bigint REFERENCES @hub@.sales_order,
  revenue             numeric(18, 2) NOT NULL,
  gross_margin        numeric(18, 2),
  contribution_margin numeric(18, 2),
  currency            text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  UNIQUE (source_id, order_key),
  CHECK (kind = 'sale' OR revenue <= 0)
);
CREATE INDEX sales_order_record_idx ON @hub@.sales_order (record_id);
CREATE UNIQUE INDEX sales_order_sale_key_idx ON @hub@.sales_order (sale_key) WHERE duplicate_of IS NULL;
CREATE INDEX sales_order_returns_idx ON @hub@.sales_order (source_id, returns_key) WHERE kind = 'return';
CREATE INDEX sales_order_duplicate_idx ON @hub@.sales_order (duplicate_of) WHERE duplicate_of IS NOT NULL;
CREATE TABLE @hub@.order_line (
  order_line_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  order_id            bigint NOT NULL REFERENCES @hub@.sales_order,
  line_key            text NOT NULL,
  load_id             bigint NOT NULL REFERENCES @hub@.load_batch,
  content_hash        bigint NOT NULL,
  product_id          bigint REFERENCES @hub@.product,
  quantity            numeric(18, 3) NOT NULL DEFAULT 1,
  revenue             numeric(18, 2) NOT NULL,
  gross_margin        numeric(18, 2),
  contribution_margin numeric(18, 2),
  UNIQUE (order_id, line_key)
);
CREATE INDEX order_line_product_idx ON @hub@.order_line (product_id);
CREATE TABLE @hub@.payment (
  payment_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id    integer NOT NULL REFERENCES @hub@.source,
  payment_key  text NOT NULL,
  load_id      bigint NOT NULL REFERENCES @hub@.load_batch,
  content_hash bigint NOT NULL,
  order_id     bigint NOT NULL REFERENCES @hub@.sales_order,
  terms_days   integer NOT NULL DEFAULT 0 CHECK (terms_days >= 0),
  due_on       date,
  paid_on      date,
  amount       numeric(18, 2) NOT NULL,
  method       text,
  UNIQUE (source_id, payment_key)
);
CREATE INDEX payment_order_idx ON @hub@.payment (order_id);
CREATE TABLE @hub@.touch (
  touch_id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id    integer NOT NULL REFERENCES @hub@.source,
  event_key    text NOT NULL,
  load_id      bigint NOT NULL REFERENCES @hub@.load_batch,
  content_hash bigint NOT NULL,
  record_id    bigint NOT NULL REFERENCES @hub@.source_record,
  occurred_at  timestamptz NOT NULL,
  channel_id   integer REFERENCES @hub@.channel,
  employee_id  integer REFERENCES @hub@.employee,
  role         text,
  direction    text CHECK (direction IN ('inbound', 'outbound')),
  message_type text,
  campaign_id  integer REFERENCES @hub@.campaign,
  phase        text CHECK (phase IN ('pre-sale', 'sale', 'post-sale')),
  emotion      smallint CHECK (emotion BETWEEN -2 AND 2),
  cost         numeric(18, 2) NOT NULL DEFAULT 0,
  UNIQUE (source_id, event_key)
);
CREATE INDEX touch_record_idx ON @hub@.touch (record_id);
CREATE TABLE @hub@.lead (
  lead_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id    integer NOT NULL REFERENCES @hub@.source,
  lead_key     text NOT NULL,
  load_id      bigint NOT NULL REFERENCES @hub@.load_batch,
  content_hash bigint NOT NULL,
  record_id    bigint REFERENCES @hub@.source_record,
  created_at   timestamptz NOT NULL,
  origin       text,
  channel_id   integer REFERENCES @hub@.channel,
  campaign_id  integer REFERENCES @hub@.campaign,
  brought_by   integer REFERENCES @hub@.employee,
  advised_by   integer REFERENCES @hub@.employee,
  closed_by    integer REFERENCES @hub@.employee,
  won_at       timestamptz,
  lost_at      timestamptz,
  lost_reason  text,
  value        numeric(18, 2),
  sale_key     text,
  UNIQUE (source_id, lead_key),
  CHECK (won_at IS NULL OR lost_at IS NULL)
);
CREATE INDEX lead_record_idx ON @hub@.lead (record_id);
CREATE INDEX lead_sale_key_idx ON @hub@.lead (sale_key);
CREATE TABLE @hub@.service_case (
  case_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id    integer NOT NULL REFERENCES @hub@.source,
  case_key     text NOT NULL,
  load_id      bigint NOT NULL REFERENCES @hub@.load_batch,
  content_hash bigint NOT NULL,
  record_id    bigint NOT NULL REFERENCES @hub@.source_record,
  channel_id   integer REFERENCES @hub@.channel,
  employee_id  integer REFERENCES @hub@.employee,
  opened_at    timestamptz NOT NULL,
  closed_at    timestamptz,
  subject      text NOT NULL,
  priority     text NOT NULL DEFAULT 'normal',
  satisfaction smallint CHECK (satisfaction BETWEEN 1 AND 5),
  UNIQUE (source_id, case_key),
  CHECK (closed_at IS NULL OR closed_at >= opened_at)
);
CREATE INDEX service_case_record_idx ON @hub@.service_case (record_id);
