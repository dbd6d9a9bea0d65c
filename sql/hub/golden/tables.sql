-- Golden customers, their members, redirects and survivorship.

-- No checks, for the reason given at match_link: these rows follow from the records,
-- and a statement would read the checks anew for each customer.
CREATE TABLE @hub@.customer (
  customer_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY WITH (fillfactor = 100),
  kind         text NOT NULL DEFAULT 'person',
  state        text NOT NULL DEFAULT 'active',
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
CREATE INDEX customer_erased_idx ON @hub@.customer (customer_id) WHERE state = 'erased';
COMMENT ON TABLE @hub@.customer IS 'One row is one golden customer: the surviving values of all its source records.';
COMMENT ON COLUMN @hub@.customer.customer_id IS 'Key: stays for ever; the oldest survives a merge.';
COMMENT ON COLUMN @hub@.customer.kind IS 'person or organisation.';
COMMENT ON COLUMN @hub@.customer.state IS 'active; merged: see customer_redirect; empty: its records were deleted; erased: see crm.subject_erase().';
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
  record_id   bigint PRIMARY KEY WITH (fillfactor = 100) REFERENCES @hub@.source_record ON DELETE CASCADE,
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
COMMENT ON TABLE @hub@.customer_redirect IS 'One row: this customer id lives on under another one. Never a chain: no old id points to another.';
COMMENT ON COLUMN @hub@.customer_redirect.old_id IS 'Id that was given once.';
COMMENT ON COLUMN @hub@.customer_redirect.customer_id IS 'The living id that it stands for.';
COMMENT ON COLUMN @hub@.customer_redirect.since IS 'When it was redirected.';

-- Which value survives. crm.rebuild_customers() reads these tables, refuses what
-- cannot be, and keeps what follows from them in golden_state; until then golden
-- customers follow the rules of the last time.
CREATE TABLE @hub@.survivorship_attribute (
  attribute       text PRIMARY KEY CHECK (attribute <> ''),
  position        integer UNIQUE,
  attribute_group text CHECK (attribute_group <> ''),
  type            text NOT NULL DEFAULT 'text' CHECK (type IN ('text', 'number', 'date')),
  implausible     text NOT NULL DEFAULT 'last' CHECK (implausible IN ('last', 'compete', 'never')),
  empty_from      text[] CHECK (array_position(empty_from, NULL) IS NULL),
  description     text NOT NULL DEFAULT '',
  CHECK (position IS NOT DISTINCT FROM array_position(ARRAY[
    'full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street', 'postcode', 'city', 'province',
    'country', 'loyalty_card', 'username'], attribute))
);
COMMENT ON TABLE @hub@.survivorship_attribute IS 'One row is one attribute of a customer: a column, or a member of source_record.attributes that has rules of its own.';
COMMENT ON COLUMN @hub@.survivorship_attribute.attribute IS 'Column of crm.customer and crm.source_record, or name of a further attribute.';
COMMENT ON COLUMN @hub@.survivorship_attribute.position IS 'Of a column its position in source_record.quality; of a further attribute NULL.';
COMMENT ON COLUMN @hub@.survivorship_attribute.attribute_group IS 'Attributes of one group survive together, from one record; NULL: alone.';
COMMENT ON COLUMN @hub@.survivorship_attribute.type IS 'text, number or date: how min, max and sum read it.';
COMMENT ON COLUMN @hub@.survivorship_attribute.implausible IS 'What becomes of values that failed validation: last (after all others), compete (like others, with the trust that is left), never.';
COMMENT ON COLUMN @hub@.survivorship_attribute.empty_from IS 'Names of sources whose silence is a value: where they say nothing, that competes. NULL: empty values never do.';
COMMENT ON COLUMN @hub@.survivorship_attribute.description IS 'Remark.';
INSERT INTO @hub@.survivorship_attribute (attribute, position, attribute_group, type) VALUES
  ('full_name', 1, 'name', 'text'), ('given_name', 2, 'name', 'text'), ('surname', 3, 'name', 'text'), ('birth_date', 4, NULL, 'date'),
  ('gender', 5, NULL, 'text'), ('email', 6, NULL, 'text'), ('phone', 7, NULL, 'text'), ('tax_id', 8, NULL, 'text'),
  ('street', 9, 'address', 'text'), ('postcode', 10, 'address', 'text'), ('city', 11, 'address', 'text'),
  ('province', 12, 'address', 'text'), ('country', 13, 'address', 'text'), ('loyalty_card', 14, NULL, 'text'),
  ('username', 15, NULL, 'text');

CREATE TABLE @hub@.survivorship_rule (
  rule_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  unit        text NOT NULL CHECK (unit <> ''),
  step        integer NOT NULL DEFAULT 1 CHECK (step BETWEEN 1 AND 16),
  rule        text NOT NULL CHECK (rule IN ('trust', 'recent', 'oldest', 'frequent', 'longest', 'shortest', 'valid', 'source', 'complete',
                                            'min', 'max', 'vote', 'stage', 'follow', 'first', 'last', 'sum', 'union')),
  list        text[] CHECK (cardinality(list) >= 1 AND cardinality(list) <= 1000 AND array_position(list, NULL) IS NULL AND array_position(list, '') IS NULL),
  follows     text CHECK (follows <> unit),
  valid_from  date,
  valid_to    date,
  description text NOT NULL DEFAULT '',
  CHECK (valid_from < valid_to),
  CHECK ((rule IN ('source', 'stage')) = (list IS NOT NULL)),
  CHECK ((rule = 'follow') = (follows IS NOT NULL)),
  CHECK (step = 1 OR rule NOT IN ('sum', 'union'))
);
CREATE INDEX survivorship_rule_unit_idx ON @hub@.survivorship_rule (unit, step);
COMMENT ON TABLE @hub@.survivorship_rule IS 'Which value survives: one row is one rule of an attribute or group. Change it, then call crm.rebuild_customers().';
COMMENT ON COLUMN @hub@.survivorship_rule.rule_id IS 'Key.';
COMMENT ON COLUMN @hub@.survivorship_rule.unit IS 'Attribute of its own, or group of attributes, as in survivorship_attribute; *: further attributes that are not listed there.';
COMMENT ON COLUMN @hub@.survivorship_rule.step IS 'The rule of step 1 decides; each further step breaks the ties that are left.';
COMMENT ON COLUMN @hub@.survivorship_rule.rule IS 'trust, recent or oldest (business date), frequent (in most sources, then records), longest, shortest, valid (best checked first), source (by list), complete (the record with most attributes), min, max, vote (most trust in all), stage (furthest in list), follow (the record that won follows), first, last (record), sum, union (all of them). Ties at the end go by trust, business date, record id.';
COMMENT ON COLUMN @hub@.survivorship_rule.list IS 'Of source: names of sources, the best first; others come after. Of stage: values, the furthest last; others come before.';
COMMENT ON COLUMN @hub@.survivorship_rule.follows IS 'Of follow: the attribute or group whose record wins here too.';
COMMENT ON COLUMN @hub@.survivorship_rule.valid_from IS 'First day on which the rule is in force; NULL: always was.';
COMMENT ON COLUMN @hub@.survivorship_rule.valid_to IS 'First day on which it is not in force any more; NULL: stays. A unit without a rule in force goes by trust.';
COMMENT ON COLUMN @hub@.survivorship_rule.description IS 'Reason of the rule.';
INSERT INTO @hub@.survivorship_rule (unit, rule, description) VALUES
  ('name',         'trust',    'The name as a unit, from the most trusted source.'),
  ('birth_date',   'trust',    'Plausible before implausible, then the most trusted source.'),
  ('gender',       'trust',    'The most trusted source.'),
  ('email',        'recent',   'People change their address: the newest.'),
  ('phone',        'recent',   'People change their phone: the newest.'),
  ('tax_id',       'valid',    'A checked number first.'),
  ('address',      'recent',   'The newest address as a unit.'),
  ('loyalty_card', 'recent',   'The newest card.'),
  ('username',     'frequent', 'The one used in most places.'),
  ('*',            'trust',    'Further attributes, each from the most trusted source.');

CREATE TABLE @hub@.survivorship_trust (
  trust_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source       text NOT NULL REFERENCES @hub@.source (name) ON UPDATE CASCADE ON DELETE CASCADE,
  attribute    text CHECK (attribute <> ''),
  maximum      numeric(5, 2) CHECK (maximum BETWEEN 0 AND 100),
  minimum      numeric(5, 2) NOT NULL DEFAULT 0 CHECK (minimum BETWEEN 0 AND 100),
  decay        interval CHECK (decay > interval '0' AND decay < interval '1000 years'),
  curve        text NOT NULL DEFAULT 'linear' CHECK (curve IN ('linear', 'fast first', 'slow first')),
  downgrade    numeric(5, 2) NOT NULL DEFAULT 0 CHECK (downgrade BETWEEN 0 AND 100),
  keep_minimum boolean NOT NULL DEFAULT false,
  description  text NOT NULL DEFAULT '',
  UNIQUE NULLS NOT DISTINCT (source, attribute),
  CHECK (minimum <= maximum)
);
COMMENT ON TABLE @hub@.survivorship_trust IS 'How far a source is trusted in an attribute, by the age and validity of the value: one row for a source and attribute, or for a source. Without a row: source.trust, at any age. Change it, then call crm.rebuild_customers().';
COMMENT ON COLUMN @hub@.survivorship_trust.trust_id IS 'Key.';
COMMENT ON COLUMN @hub@.survivorship_trust.source IS 'Name of the source.';
COMMENT ON COLUMN @hub@.survivorship_trust.attribute IS 'Attribute or group; NULL: all that have no row of their own.';
COMMENT ON COLUMN @hub@.survivorship_trust.maximum IS 'Trust in a value of today, 0 to 100; NULL: source.trust.';
COMMENT ON COLUMN @hub@.survivorship_trust.minimum IS 'Trust in a value as old as decay or older.';
COMMENT ON COLUMN @hub@.survivorship_trust.decay IS 'Age by business date at which trust has come down to the minimum; NULL: it does not decay. A value without a date is as old as can be.';
COMMENT ON COLUMN @hub@.survivorship_trust.curve IS 'linear; fast first: down to a quarter of the way at half the age; slow first: at half the age three quarters are left.';
COMMENT ON COLUMN @hub@.survivorship_trust.downgrade IS 'Percent of the trust that a value loses when it failed validation: 60 and 50 percent make 30.';
COMMENT ON COLUMN @hub@.survivorship_trust.keep_minimum IS 'True: but it never falls below the minimum.';
COMMENT ON COLUMN @hub@.survivorship_trust.description IS 'Reason.';

-- What a steward decided stays with the record that the customer's id was made for,
-- so it goes where the id goes when customers are merged and split.
CREATE TABLE @hub@.customer_override (
  override_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  record_id     bigint REFERENCES @hub@.source_record ON DELETE SET NULL,
  customer_id   bigint NOT NULL,
  attribute     text NOT NULL CHECK (attribute <> ''),
  value         jsonb CHECK (jsonb_typeof(value) IN ('string', 'number')),
  until         date,
  who           text NOT NULL CHECK (who <> ''),
  why           text NOT NULL CHECK (why <> ''),
  decided_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  by_role       text NOT NULL DEFAULT current_user,
  withdrawn_at  timestamptz,
  withdrawn_by  text CHECK (withdrawn_by <> ''),
  withdrawn_why text CHECK (withdrawn_why <> ''),
  CHECK (num_nonnulls(withdrawn_at, withdrawn_by, withdrawn_why) IN (0, 3))
);
CREATE INDEX customer_override_record_idx ON @hub@.customer_override (record_id);
CREATE INDEX customer_override_standing_idx ON @hub@.customer_override (record_id) WHERE withdrawn_at IS NULL;
CREATE INDEX customer_override_loose_idx ON @hub@.customer_override (customer_id) WHERE record_id IS NULL AND withdrawn_at IS NULL;
COMMENT ON TABLE @hub@.customer_override IS 'One row is what a steward decided about one attribute of a customer: it beats every rule until it ends. Written by crm.override(). Personal data.';
COMMENT ON COLUMN @hub@.customer_override.override_id IS 'Key; of two the greater is the newer.';
COMMENT ON COLUMN @hub@.customer_override.record_id IS 'Record that it stays with: the one that the id was made for. NULL: that record is gone.';
COMMENT ON COLUMN @hub@.customer_override.customer_id IS 'Id of the customer when it was decided.';
COMMENT ON COLUMN @hub@.customer_override.attribute IS 'Column of crm.customer, or name of a further attribute.';
COMMENT ON COLUMN @hub@.customer_override.value IS 'The value, normalised, as a JSON text or number; NULL: the customer has none.';
COMMENT ON COLUMN @hub@.customer_override.until IS 'First day on which the rules decide again; NULL: until it is withdrawn.';
COMMENT ON COLUMN @hub@.customer_override.who IS 'Who decided.';
COMMENT ON COLUMN @hub@.customer_override.why IS 'Reason in words.';
COMMENT ON COLUMN @hub@.customer_override.decided_at IS 'When.';
COMMENT ON COLUMN @hub@.customer_override.by_role IS 'Database role that did it.';
COMMENT ON COLUMN @hub@.customer_override.withdrawn_at IS 'When it was withdrawn, or replaced by a newer one; NULL: it stands.';
COMMENT ON COLUMN @hub@.customer_override.withdrawn_by IS 'Who withdrew it.';
COMMENT ON COLUMN @hub@.customer_override.withdrawn_why IS 'Why.';

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
  seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY WITH (fillfactor = 100),
  change      text NOT NULL,
  customer_id bigint NOT NULL,
  other_id    bigint,
  attributes  text[],
  at          timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE UNIQUE INDEX outbox_xact_idx ON @hub@.outbox (xact, seq) WITH (fillfactor = 100);
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
  as_of        date NOT NULL,
  plan         jsonb,
  outbox_home  oid NOT NULL,
  history_from timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE @hub@.golden_state IS 'Where the golden record stands: one row.';
COMMENT ON COLUMN @hub@.golden_state.single IS 'Always true: keeps the table at one row.';
COMMENT ON COLUMN @hub@.golden_state.as_of IS 'Day (UTC) of which all golden customers are: decay of trust and periods of rules and overrides go by it. Moved by crm.refresh_golden().';
COMMENT ON COLUMN @hub@.golden_state.plan IS 'What survivorship_attribute, survivorship_rule, survivorship_trust and source said when crm.rebuild_customers() last read them, for omnicrm.survive().';
COMMENT ON COLUMN @hub@.golden_state.outbox_home IS 'Oid of crm.outbox when its transaction numbers were last right: another one after a restore.';
COMMENT ON COLUMN @hub@.golden_state.history_from IS 'What was known before this time was removed by crm.prune_history().';
INSERT INTO @hub@.golden_state (as_of, outbox_home) VALUES ((now() AT TIME ZONE 'UTC')::date, '@hub@.outbox'::regclass);
