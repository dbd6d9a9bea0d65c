-- Golden customers, their members, redirects and survivorship.

CREATE TABLE @hub@.customer (
  customer_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind         text NOT NULL DEFAULT 'person' CHECK (kind IN ('person', 'organisation')),
  state        text NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'merged', 'empty')),
  full_name    text,
  given_name   text,
  surname      text,
  birth_date   date,
  gender       text,
  email        text,
  phone        text,
  tax_id       text,
  street       text,
  postcode     text,
  city         text,
  province     text,
  country      text,
  loyalty_card text,
  username     text,
  attributes   jsonb,
  name_tokens  text[],
  certainty    real NOT NULL DEFAULT 1,
  record_count integer NOT NULL DEFAULT 0,
  source_count integer NOT NULL DEFAULT 0,
  first_seen   timestamptz,
  last_seen    timestamptz,
  created_at   timestamptz NOT NULL DEFAULT now(),
  updated_at   timestamptz NOT NULL DEFAULT now(),
  merged_into  bigint
);
CREATE INDEX customer_name_tokens_idx ON @hub@.customer USING gin (name_tokens) WITH (fastupdate = off);
COMMENT ON TABLE @hub@.customer IS 'One row is one golden customer: the surviving values of all its source records.';
COMMENT ON COLUMN @hub@.customer.customer_id IS 'Key: stays for ever; the oldest survives a merge.';
COMMENT ON COLUMN @hub@.customer.kind IS 'person or organisation.';
COMMENT ON COLUMN @hub@.customer.state IS 'active; merged: see customer_redirect; empty: its records moved to customers of their own.';
COMMENT ON COLUMN @hub@.customer.full_name IS 'Surviving full name.';
COMMENT ON COLUMN @hub@.customer.given_name IS 'Surviving given names.';
COMMENT ON COLUMN @hub@.customer.surname IS 'Surviving surname or surnames.';
COMMENT ON COLUMN @hub@.customer.birth_date IS 'Surviving date of birth.';
COMMENT ON COLUMN @hub@.customer.gender IS 'Surviving gender.';
COMMENT ON COLUMN @hub@.customer.email IS 'Surviving e-mail address.';
COMMENT ON COLUMN @hub@.customer.phone IS 'Surviving phone, E.164.';
COMMENT ON COLUMN @hub@.customer.tax_id IS 'Surviving tax number.';
COMMENT ON COLUMN @hub@.customer.street IS 'Surviving street; the address survives as a unit.';
COMMENT ON COLUMN @hub@.customer.postcode IS 'Postal code of the surviving address.';
COMMENT ON COLUMN @hub@.customer.city IS 'City of the surviving address.';
COMMENT ON COLUMN @hub@.customer.province IS 'Province of the surviving address.';
COMMENT ON COLUMN @hub@.customer.country IS 'Country of the surviving address.';
COMMENT ON COLUMN @hub@.customer.loyalty_card IS 'Surviving loyalty card.';
COMMENT ON COLUMN @hub@.customer.username IS 'Surviving user name.';
COMMENT ON COLUMN @hub@.customer.attributes IS 'Further attributes, key by key from the most trusted record.';
COMMENT ON COLUMN @hub@.customer.name_tokens IS 'Folded words of all names of all its records, for the search by name.';
COMMENT ON COLUMN @hub@.customer.certainty IS 'How sure we are that all its records are one customer, 0 to 1: the weakest link; 1 with one record.';
COMMENT ON COLUMN @hub@.customer.record_count IS 'Number of source records.';
COMMENT ON COLUMN @hub@.customer.source_count IS 'Number of sources.';
COMMENT ON COLUMN @hub@.customer.first_seen IS 'Oldest business date of its records.';
COMMENT ON COLUMN @hub@.customer.last_seen IS 'Newest business date of its records.';
COMMENT ON COLUMN @hub@.customer.created_at IS 'When this id was given.';
COMMENT ON COLUMN @hub@.customer.updated_at IS 'When the row last changed.';
COMMENT ON COLUMN @hub@.customer.merged_into IS 'Of a merged customer the living id that it goes by now, as in customer_redirect; else NULL.';

CREATE TABLE @hub@.customer_member (
  record_id   bigint PRIMARY KEY REFERENCES @hub@.source_record ON DELETE CASCADE,
  customer_id bigint NOT NULL REFERENCES @hub@.customer,
  home_id     bigint,
  since       timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX customer_member_customer_idx ON @hub@.customer_member (customer_id);
COMMENT ON TABLE @hub@.customer_member IS 'One row: this source record belongs to this customer. Facts reach their customer through it, so they follow every merge and split.';
COMMENT ON COLUMN @hub@.customer_member.record_id IS 'Source record.';
COMMENT ON COLUMN @hub@.customer_member.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.customer_member.home_id IS 'Customer id that was made for this record, the oldest of its customer at that time, and that stays with it through merges and splits; NULL: none. A customer has the oldest home_id of its records.';
COMMENT ON COLUMN @hub@.customer_member.since IS 'When it came to this customer.';

CREATE TABLE @hub@.customer_redirect (
  old_id      bigint PRIMARY KEY REFERENCES @hub@.customer,
  customer_id bigint NOT NULL REFERENCES @hub@.customer,
  since       timestamptz NOT NULL DEFAULT now(),
  CHECK (old_id <> customer_id)
);
CREATE INDEX customer_redirect_customer_idx ON @hub@.customer_redirect (customer_id);
COMMENT ON TABLE @hub@.customer_redirect IS 'One row: this customer id lives on under another one. Never a chain: every old id points to a living customer.';
COMMENT ON COLUMN @hub@.customer_redirect.old_id IS 'Id that was given once.';
COMMENT ON COLUMN @hub@.customer_redirect.customer_id IS 'The living id that it stands for.';
COMMENT ON COLUMN @hub@.customer_redirect.since IS 'When it was redirected.';

CREATE TABLE @hub@.survivorship_rule (
  position        integer PRIMARY KEY CHECK (position BETWEEN 1 AND 15),
  attribute       text NOT NULL UNIQUE,
  attribute_group text,
  rule            text NOT NULL CHECK (rule IN ('trust', 'recent', 'oldest', 'frequent', 'longest', 'shortest', 'valid')),
  description     text NOT NULL
);
COMMENT ON TABLE @hub@.survivorship_rule IS 'Which value survives: one row for each attribute of the customer. Change rule, then call crm.rebuild_customers().';
COMMENT ON COLUMN @hub@.survivorship_rule.position IS 'Position of the attribute in source_record.quality and in the arrays of customer_provenance.';
COMMENT ON COLUMN @hub@.survivorship_rule.attribute IS 'Column of crm.customer and crm.source_record.';
COMMENT ON COLUMN @hub@.survivorship_rule.attribute_group IS 'Attributes of one group survive together, from one record; NULL: alone.';
COMMENT ON COLUMN @hub@.survivorship_rule.rule IS 'trust, recent or oldest (business date), frequent (in most sources, then records), longest, shortest, valid (best checked first). Plausible values come before implausible ones under every rule; ties by trust, business date, record id.';
COMMENT ON COLUMN @hub@.survivorship_rule.description IS 'Reason of the rule.';
INSERT INTO @hub@.survivorship_rule VALUES
  ( 1, 'full_name',    'name',    'trust',    'The name as a unit, from the most trusted source.'),
  ( 2, 'given_name',   'name',    'trust',    'With the full name.'),
  ( 3, 'surname',      'name',    'trust',    'With the full name.'),
  ( 4, 'birth_date',   NULL,      'trust',    'Plausible before implausible, then the most trusted source.'),
  ( 5, 'gender',       NULL,      'trust',    'The most trusted source.'),
  ( 6, 'email',        NULL,      'recent',   'People change their address: the newest.'),
  ( 7, 'phone',        NULL,      'recent',   'People change their phone: the newest.'),
  ( 8, 'tax_id',       NULL,      'valid',    'A checked number first.'),
  ( 9, 'street',       'address', 'recent',   'The newest address as a unit.'),
  (10, 'postcode',     'address', 'recent',   'With the street.'),
  (11, 'city',         'address', 'recent',   'With the street.'),
  (12, 'province',     'address', 'recent',   'With the street.'),
  (13, 'country',      'address', 'recent',   'With the street.'),
  (14, 'loyalty_card', NULL,      'recent',   'The newest card.'),
  (15, 'username',     NULL,      'frequent', 'The one used in most places.');

-- No foreign key, as in match_link: derived with the customer, in one step.
CREATE TABLE @hub@.customer_provenance (
  customer_id bigint PRIMARY KEY,
  record_ids  bigint[] NOT NULL,
  rules       text[] NOT NULL,
  candidates  integer[] NOT NULL
);
COMMENT ON TABLE @hub@.customer_provenance IS 'Where each surviving value of a customer comes from, by position of survivorship_rule; read it through crm.lineage().';
COMMENT ON COLUMN @hub@.customer_provenance.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.customer_provenance.record_ids IS 'Source record of each surviving value; NULL where there is none.';
COMMENT ON COLUMN @hub@.customer_provenance.rules IS 'Rule that decided.';
COMMENT ON COLUMN @hub@.customer_provenance.candidates IS 'Number of different values that competed.';

-- What was believed before. A row is written when a customer changes, none when
-- it is made: a first run leaves the table empty.
CREATE TABLE @hub@.customer_history (
  customer_id bigint NOT NULL,
  known_until timestamptz NOT NULL,
  before      jsonb NOT NULL,
  PRIMARY KEY (customer_id, known_until)
);
COMMENT ON TABLE @hub@.customer_history IS 'One row is one change of a golden customer, with what it replaced; read it through crm.customer_as_of(). Personal data.';
COMMENT ON COLUMN @hub@.customer_history.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.customer_history.known_until IS 'When the values were replaced.';
COMMENT ON COLUMN @hub@.customer_history.before IS 'The columns of crm.customer that changed, with their values until then; null: there was none.';

-- Who reads it remembers the seq of the last row read. Rows are read in the order
-- of (xact, seq), in which nothing comes later before what was read.
CREATE TABLE @hub@.outbox (
  xact        bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
  seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  change      text NOT NULL CHECK (change IN ('created', 'changed', 'merged', 'split', 'erased')),
  customer_id bigint NOT NULL,
  other_id    bigint,
  attributes  text[],
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  CHECK (other_id IS NULL OR change IN ('merged', 'split'))
);
CREATE UNIQUE INDEX outbox_xact_idx ON @hub@.outbox (xact, seq);
COMMENT ON TABLE @hub@.outbox IS 'One row is one change of a customer, for other systems that follow the hub; read it with crm.read_outbox(). Holds no personal values.';
COMMENT ON COLUMN @hub@.outbox.xact IS 'Number of the transaction that wrote it; negative after a restore into another server.';
COMMENT ON COLUMN @hub@.outbox.seq IS 'Key, counted up; with gaps.';
COMMENT ON COLUMN @hub@.outbox.change IS 'created: the id is new, or lives again. changed: values of the customer. merged: customer_id goes by other_id now. split: records of customer_id are other_id now. erased: the person is gone.';
COMMENT ON COLUMN @hub@.outbox.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.outbox.other_id IS 'The other customer of a merge or split.';
COMMENT ON COLUMN @hub@.outbox.attributes IS 'Of changed: the columns of crm.customer whose values changed.';
COMMENT ON COLUMN @hub@.outbox.at IS 'When, wall clock.';

CREATE TABLE @hub@.golden_state (
  single       boolean PRIMARY KEY DEFAULT true CHECK (single),
  outbox_home  oid NOT NULL,
  history_from timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE @hub@.golden_state IS 'Where the golden record stands: one row.';
COMMENT ON COLUMN @hub@.golden_state.single IS 'Always true: keeps the table at one row.';
COMMENT ON COLUMN @hub@.golden_state.outbox_home IS 'Oid of crm.outbox when its transaction numbers were last right: another one after a restore.';
COMMENT ON COLUMN @hub@.golden_state.history_from IS 'What was known before this time was removed by crm.prune_history().';
INSERT INTO @hub@.golden_state (outbox_home) VALUES ('@hub@.outbox'::regclass);
