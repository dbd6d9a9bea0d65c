-- Facts: channels, employees, products, orders, payments, touches, leads, cases.
-- A fact points to the source record that it was told of; the customer follows
-- from crm.customer_member, so facts follow merges without being changed.

CREATE TABLE @hub@.channel (
  channel_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name       text COLLATE "C" NOT NULL UNIQUE,
  kind       text NOT NULL DEFAULT 'other',
  declared   boolean NOT NULL DEFAULT true
);
CREATE TABLE @hub@.employee (
  employee_id  integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  employee_key text COLLATE "C" NOT NULL UNIQUE,
  name         text NOT NULL,
  role         text,
  team         text,
  manager_key  text,
  declared     boolean NOT NULL DEFAULT true
);
CREATE TABLE @hub@.campaign (
  campaign_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name        text COLLATE "C" NOT NULL UNIQUE,
  channel_id  integer REFERENCES @hub@.channel,
  starts_on   date,
  ends_on     date,
  cost        numeric(18, 2),
  declared    boolean NOT NULL DEFAULT true
);
CREATE TABLE @hub@.product (
  product_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  product_key text COLLATE "C" NOT NULL UNIQUE,
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
  source_id           integer NOT NULL,
  order_key           text COLLATE "C" NOT NULL,
  load_id             bigint NOT NULL,
  content_hash        bigint NOT NULL,
  record_id           bigint NOT NULL REFERENCES @hub@.source_record,
  channel_id          integer REFERENCES @hub@.channel,
  employee_id         integer REFERENCES @hub@.employee,
  ordered_at          timestamptz NOT NULL,
  kind                text NOT NULL DEFAULT 'sale' CHECK (kind IN ('sale', 'return')),
  returns_key         text COLLATE "C",
  sale_key            text COLLATE "C" NOT NULL,
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
  line_key            text COLLATE "C" NOT NULL,
  load_id             bigint NOT NULL,
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
  source_id    integer NOT NULL,
  payment_key  text COLLATE "C" NOT NULL,
  load_id      bigint NOT NULL,
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
  source_id    integer NOT NULL,
  event_key    text COLLATE "C" NOT NULL,
  load_id      bigint NOT NULL,
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
  source_id    integer NOT NULL,
  lead_key     text COLLATE "C" NOT NULL,
  load_id      bigint NOT NULL,
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
  sale_key     text COLLATE "C",
  UNIQUE (source_id, lead_key),
  CHECK (won_at IS NULL OR lost_at IS NULL)
);
CREATE INDEX lead_record_idx ON @hub@.lead (record_id);
CREATE INDEX lead_sale_key_idx ON @hub@.lead (sale_key);
CREATE TABLE @hub@.service_case (
  case_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id    integer NOT NULL,
  case_key     text COLLATE "C" NOT NULL,
  load_id      bigint NOT NULL,
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
COMMENT ON TABLE @hub@.service_case IS 'One row is one case of customer service: question, complaint, repair, ...';
COMMENT ON COLUMN @hub@.service_case.case_id IS 'Key.';
COMMENT ON COLUMN @hub@.service_case.source_id IS 'Source that delivered it.';
COMMENT ON COLUMN @hub@.service_case.case_key IS 'Key of the case in its source.';
COMMENT ON COLUMN @hub@.service_case.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.service_case.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.service_case.record_id IS 'Source record of the customer that it was told of; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.service_case.channel_id IS 'Channel.';
COMMENT ON COLUMN @hub@.service_case.employee_id IS 'Employee who looks after it.';
COMMENT ON COLUMN @hub@.service_case.opened_at IS 'When it was opened.';
COMMENT ON COLUMN @hub@.service_case.closed_at IS 'When it was closed; NULL: open.';
COMMENT ON COLUMN @hub@.service_case.subject IS 'What it is about.';
COMMENT ON COLUMN @hub@.service_case.priority IS 'Priority, as delivered; normal when nobody said.';
COMMENT ON COLUMN @hub@.service_case.satisfaction IS 'How satisfied the customer was, 1 to 5.';

COMMENT ON TABLE @hub@.lead IS 'One row is one lead: somebody may buy, won or lost some day.';
COMMENT ON COLUMN @hub@.lead.lead_id IS 'Key.';
COMMENT ON COLUMN @hub@.lead.source_id IS 'Source that delivered it.';
COMMENT ON COLUMN @hub@.lead.lead_key IS 'Key of the lead in its source.';
COMMENT ON COLUMN @hub@.lead.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.lead.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.lead.record_id IS 'Source record of the customer; NULL while nobody knows who it is.';
COMMENT ON COLUMN @hub@.lead.created_at IS 'When it was made.';
COMMENT ON COLUMN @hub@.lead.origin IS 'Origin as the source calls it.';
COMMENT ON COLUMN @hub@.lead.channel_id IS 'Channel that it came by.';
COMMENT ON COLUMN @hub@.lead.campaign_id IS 'Campaign that it came by.';
COMMENT ON COLUMN @hub@.lead.brought_by IS 'Employee who brought it.';
COMMENT ON COLUMN @hub@.lead.advised_by IS 'Employee who advised.';
COMMENT ON COLUMN @hub@.lead.closed_by IS 'Employee who closed the sale.';
COMMENT ON COLUMN @hub@.lead.won_at IS 'When it was won; NULL: not.';
COMMENT ON COLUMN @hub@.lead.lost_at IS 'When it was lost; NULL: not.';
COMMENT ON COLUMN @hub@.lead.lost_reason IS 'Why it was lost.';
COMMENT ON COLUMN @hub@.lead.value IS 'Value of the sale, expected or made.';
COMMENT ON COLUMN @hub@.lead.sale_key IS 'sale_key of the order that came of it.';

COMMENT ON TABLE @hub@.touch IS 'One row is one contact between the company and a customer, before, during or after a sale.';
COMMENT ON COLUMN @hub@.touch.touch_id IS 'Key.';
COMMENT ON COLUMN @hub@.touch.source_id IS 'Source that delivered it.';
COMMENT ON COLUMN @hub@.touch.event_key IS 'Key of the contact in its source.';
COMMENT ON COLUMN @hub@.touch.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.touch.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.touch.record_id IS 'Source record of the customer that it was told of; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.touch.occurred_at IS 'When it was.';
COMMENT ON COLUMN @hub@.touch.channel_id IS 'Channel.';
COMMENT ON COLUMN @hub@.touch.employee_id IS 'Employee who took part.';
COMMENT ON COLUMN @hub@.touch.role IS 'Role of the employee in this contact.';
COMMENT ON COLUMN @hub@.touch.direction IS 'inbound: the customer came; outbound: the company did.';
COMMENT ON COLUMN @hub@.touch.message_type IS 'Type of message, as delivered: newsletter, quote, complaint, ...';
COMMENT ON COLUMN @hub@.touch.campaign_id IS 'Campaign.';
COMMENT ON COLUMN @hub@.touch.phase IS 'pre-sale, sale or post-sale.';
COMMENT ON COLUMN @hub@.touch.emotion IS 'Emotion of the customer, -2 very bad to 2 very good; NULL: unknown.';
COMMENT ON COLUMN @hub@.touch.cost IS 'Cost of this contact.';

COMMENT ON TABLE @hub@.payment IS 'One row is one payment that an order asks for, paid or not.';
COMMENT ON COLUMN @hub@.payment.payment_id IS 'Key.';
COMMENT ON COLUMN @hub@.payment.source_id IS 'Source that delivered it.';
COMMENT ON COLUMN @hub@.payment.payment_key IS 'Key of the payment in its source.';
COMMENT ON COLUMN @hub@.payment.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.payment.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.payment.order_id IS 'Order.';
COMMENT ON COLUMN @hub@.payment.terms_days IS 'Days that the customer has to pay.';
COMMENT ON COLUMN @hub@.payment.due_on IS 'Day by which it is due; order date plus terms when nobody gave one.';
COMMENT ON COLUMN @hub@.payment.paid_on IS 'Day on which it was paid; NULL: not paid.';
COMMENT ON COLUMN @hub@.payment.amount IS 'Amount; negative when money goes back.';
COMMENT ON COLUMN @hub@.payment.method IS 'Means of payment, as delivered.';

COMMENT ON TABLE @hub@.order_line IS 'One row is one line of an order.';
COMMENT ON COLUMN @hub@.order_line.order_line_id IS 'Key.';
COMMENT ON COLUMN @hub@.order_line.order_id IS 'Order.';
COMMENT ON COLUMN @hub@.order_line.line_key IS 'Key of the line within its order.';
COMMENT ON COLUMN @hub@.order_line.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.order_line.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.order_line.product_id IS 'Product.';
COMMENT ON COLUMN @hub@.order_line.quantity IS 'Quantity.';
COMMENT ON COLUMN @hub@.order_line.revenue IS 'Net revenue of the line; negative for a return.';
COMMENT ON COLUMN @hub@.order_line.gross_margin IS 'Revenue minus cost of goods.';
COMMENT ON COLUMN @hub@.order_line.contribution_margin IS 'Gross margin minus what the sale of the line itself cost.';

COMMENT ON TABLE @hub@.sales_order IS 'One row is one order, ticket or invoice that one source recorded: a sale, or a return with negative money.';
COMMENT ON COLUMN @hub@.sales_order.order_id IS 'Key.';
COMMENT ON COLUMN @hub@.sales_order.source_id IS 'Source that delivered it.';
COMMENT ON COLUMN @hub@.sales_order.order_key IS 'Key of the order in its source.';
COMMENT ON COLUMN @hub@.sales_order.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.sales_order.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.sales_order.record_id IS 'Source record of the customer that it was told of; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.sales_order.channel_id IS 'Channel of the sale.';
COMMENT ON COLUMN @hub@.sales_order.employee_id IS 'Employee who made the sale.';
COMMENT ON COLUMN @hub@.sales_order.ordered_at IS 'When it was ordered.';
COMMENT ON COLUMN @hub@.sales_order.kind IS 'sale or return.';
COMMENT ON COLUMN @hub@.sales_order.returns_key IS 'order_key of the sale that a return takes back.';
COMMENT ON COLUMN @hub@.sales_order.sale_key IS 'The sale behind the order: orders of several sources with one sale_key are one sale. Source and key when nobody gave one; of a return after "return:".';
COMMENT ON COLUMN @hub@.sales_order.duplicate_of IS 'The order that stands for the sale; NULL: this one does. Orders with a value here count nowhere.';
COMMENT ON COLUMN @hub@.sales_order.revenue IS 'Net revenue; negative for a return.';
COMMENT ON COLUMN @hub@.sales_order.gross_margin IS 'Revenue minus cost of goods.';
COMMENT ON COLUMN @hub@.sales_order.contribution_margin IS 'Gross margin minus what the sale itself cost.';
COMMENT ON COLUMN @hub@.sales_order.currency IS 'Currency: the hubs.';

COMMENT ON TABLE @hub@.product IS 'One row is one product or service.';
COMMENT ON COLUMN @hub@.product.product_id IS 'Key.';
COMMENT ON COLUMN @hub@.product.product_key IS 'Key of the product in the companys systems.';
COMMENT ON COLUMN @hub@.product.name IS 'Name; the key when nobody gave one.';
COMMENT ON COLUMN @hub@.product.category IS 'Category, as delivered.';
COMMENT ON COLUMN @hub@.product.price IS 'List price.';
COMMENT ON COLUMN @hub@.product.cost IS 'Cost of one.';
COMMENT ON COLUMN @hub@.product.repeatable IS 'True: bought again and again, so it may be offered to who has it.';
COMMENT ON COLUMN @hub@.product.active IS 'False: not sold any more.';
COMMENT ON COLUMN @hub@.product.declared IS 'True: delivered as such; false: only named by a fact, and shown in crm_bi.undeclared_dimension.';

COMMENT ON TABLE @hub@.campaign IS 'One row is one campaign.';
COMMENT ON COLUMN @hub@.campaign.campaign_id IS 'Key.';
COMMENT ON COLUMN @hub@.campaign.name IS 'Name: the value by which facts name it.';
COMMENT ON COLUMN @hub@.campaign.channel_id IS 'Channel that it runs in.';
COMMENT ON COLUMN @hub@.campaign.starts_on IS 'First day.';
COMMENT ON COLUMN @hub@.campaign.ends_on IS 'Last day.';
COMMENT ON COLUMN @hub@.campaign.cost IS 'Cost of the whole campaign.';
COMMENT ON COLUMN @hub@.campaign.declared IS 'True: delivered as such; false: only named by a fact, and shown in crm_bi.undeclared_dimension.';

COMMENT ON TABLE @hub@.employee IS 'One row is one employee, or agent, who meets customers.';
COMMENT ON COLUMN @hub@.employee.employee_id IS 'Key.';
COMMENT ON COLUMN @hub@.employee.employee_key IS 'Key of the employee in the companys systems.';
COMMENT ON COLUMN @hub@.employee.name IS 'Name; the key when nobody gave one.';
COMMENT ON COLUMN @hub@.employee.role IS 'Role, as delivered.';
COMMENT ON COLUMN @hub@.employee.team IS 'Team, as delivered.';
COMMENT ON COLUMN @hub@.employee.manager_key IS 'employee_key of the manager.';
COMMENT ON COLUMN @hub@.employee.declared IS 'True: delivered as such; false: only named by a fact, and shown in crm_bi.undeclared_dimension.';

COMMENT ON TABLE @hub@.channel IS 'One row is one channel: web shop, store, call centre, ...';
COMMENT ON COLUMN @hub@.channel.channel_id IS 'Key.';
COMMENT ON COLUMN @hub@.channel.name IS 'Name: the value by which facts name it.';
COMMENT ON COLUMN @hub@.channel.kind IS 'Kind of channel, as delivered; other when nobody said.';
COMMENT ON COLUMN @hub@.channel.declared IS 'True: delivered as such; false: only named by a fact, and shown in crm_bi.undeclared_dimension.';
