-- Sources, loads, quarantine, source records and their identifiers.

CREATE TABLE @hub@.source (
  source_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name          text NOT NULL UNIQUE CHECK (name <> ''),
  kind          text NOT NULL CHECK (kind IN ('shop', 'web', 'call_centre', 'newsletter', 'app', 'field_sales',
                                              'loyalty', 'erp', 'service', 'marketing', 'other')),
  trust         numeric(5, 2) NOT NULL CHECK (trust BETWEEN 0 AND 100),
  region        text CHECK (region ~ '^[A-Z]{2}$'),
  freshness     interval CHECK (freshness > interval '0'),
  owner         text,
  created_at    timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE @hub@.source IS 'One row is one system that delivers rows: web shop, loyalty card, call centre, ...';
COMMENT ON COLUMN @hub@.source.source_id IS 'Key.';
COMMENT ON COLUMN @hub@.source.name IS 'Name used in crm.load().';
COMMENT ON COLUMN @hub@.source.kind IS 'Kind of system.';
COMMENT ON COLUMN @hub@.source.trust IS 'Trust in its values, 0 to 100: the higher wins where survivorship goes by trust.';
COMMENT ON COLUMN @hub@.source.region IS 'Country (ISO 3166) of phone numbers without prefix; NULL: the hub''s.';
COMMENT ON COLUMN @hub@.source.freshness IS 'A load older than this is reported as late; NULL: never.';
COMMENT ON COLUMN @hub@.source.owner IS 'Who answers for this source.';
COMMENT ON COLUMN @hub@.source.created_at IS 'When the source was added.';

CREATE TABLE @hub@.load_batch (
  load_id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id         integer NOT NULL REFERENCES @hub@.source,
  entity            text NOT NULL,
  relation          text NOT NULL,
  mapping           jsonb NOT NULL,
  replay            boolean NOT NULL DEFAULT false,
  rows_in           bigint NOT NULL DEFAULT 0,
  rows_loaded       bigint NOT NULL DEFAULT 0,
  rows_unchanged    bigint NOT NULL DEFAULT 0,
  rows_quarantined  bigint NOT NULL DEFAULT 0,
  values_rejected   bigint NOT NULL DEFAULT 0,
  values_downgraded bigint NOT NULL DEFAULT 0,
  started_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at       timestamptz,
  CHECK (rows_in = rows_loaded + rows_unchanged + rows_quarantined)
);
CREATE INDEX load_batch_ingest_idx ON @hub@.load_batch (source_id, load_id) WHERE relation = 'ingest';
COMMENT ON TABLE @hub@.load_batch IS 'One row is one call of crm.load() or crm.replay_quarantine(), or what crm.ingest() took in from one source on one day: in = loaded + unchanged + quarantined.';
COMMENT ON COLUMN @hub@.load_batch.load_id IS 'Key.';
COMMENT ON COLUMN @hub@.load_batch.source_id IS 'Source of the rows.';
COMMENT ON COLUMN @hub@.load_batch.entity IS 'What the rows are: customer, order, touch, ...';
COMMENT ON COLUMN @hub@.load_batch.relation IS 'Table or view that was read; ingest: what crm.ingest() took in.';
COMMENT ON COLUMN @hub@.load_batch.mapping IS 'Mapping as given.';
COMMENT ON COLUMN @hub@.load_batch.replay IS 'True when the rows came out of quarantine.';
COMMENT ON COLUMN @hub@.load_batch.rows_in IS 'Rows read.';
COMMENT ON COLUMN @hub@.load_batch.rows_loaded IS 'Rows new or changed.';
COMMENT ON COLUMN @hub@.load_batch.rows_unchanged IS 'Rows already known with the same content, repeated rows of one load included.';
COMMENT ON COLUMN @hub@.load_batch.rows_quarantined IS 'Rows that broke a rule.';
COMMENT ON COLUMN @hub@.load_batch.values_rejected IS 'Impossible or placeholder values left out of the rows that passed.';
COMMENT ON COLUMN @hub@.load_batch.values_downgraded IS 'Implausible values kept with less trust in the rows that passed.';
COMMENT ON COLUMN @hub@.load_batch.started_at IS 'Start, wall clock.';
COMMENT ON COLUMN @hub@.load_batch.finished_at IS 'End, wall clock.';

CREATE TABLE @hub@.contract_rule (
  rule        text PRIMARY KEY,
  entity      text NOT NULL,
  effect      text NOT NULL CHECK (effect IN ('quarantine', 'reject value', 'downgrade value')),
  description text NOT NULL
);
COMMENT ON TABLE @hub@.contract_rule IS 'The rules that crm.load() checks: one row is one rule.';
COMMENT ON COLUMN @hub@.contract_rule.rule IS 'Name of the rule, as in quarantine.rule and source_record.flags.';
COMMENT ON COLUMN @hub@.contract_rule.entity IS 'Entity that it applies to, or any.';
COMMENT ON COLUMN @hub@.contract_rule.effect IS 'quarantine: the row waits in crm.quarantine. reject value: the row loads without the value. downgrade value: the value loses trust.';
COMMENT ON COLUMN @hub@.contract_rule.description IS 'What the rule says.';
INSERT INTO @hub@.contract_rule VALUES
  ('missing_key',              'any',      'quarantine',      'Every row has a key.'),
  ('missing_value',            'any',      'quarantine',      'What the entity requires is there.'),
  ('value_too_long',           'any',      'quarantine',      'Keys and names of channels, employees, campaigns and products have at most 1,000 bytes.'),
  ('duplicate_key',            'any',      'quarantine',      'A key comes once in a load; of several the newest, then the larger as text, is loaded. A replayed row does not overwrite what came meanwhile.'),
  ('invalid_date',             'any',      'quarantine',      'Dates and times can be read in the format of the mapping.'),
  ('invalid_number',           'any',      'quarantine',      'Numbers can be read and fit their column.'),
  ('invalid_value',            'any',      'quarantine',      'Values of a fixed list, such as kind, direction or state, are in that list.'),
  ('unknown_customer',         'any',      'quarantine',      'The customer of a fact was delivered by the source named in the mapping.'),
  ('unknown_order',            'any',      'quarantine',      'The order of a line or payment is there.'),
  ('foreign_currency',         'any',      'quarantine',      'One hub has one currency.'),
  ('return_not_negative',      'order',    'quarantine',      'A return has negative revenue, or none.'),
  ('negative_sale',            'order',    'quarantine',      'Negative revenue is a return, no sale.'),
  ('won_before_created',       'lead',     'quarantine',      'A lead is not won before it was made.'),
  ('lost_before_created',      'lead',     'quarantine',      'A lead is not lost before it was made.'),
  ('won_and_lost',             'lead',     'quarantine',      'A lead is won or lost, not both.'),
  ('closed_before_opened',     'case',     'quarantine',      'A case is not closed before it was opened.'),
  ('ends_before_starts',       'campaign', 'quarantine',      'A campaign does not end before it starts.'),
  ('until_before_since',       'company_contact', 'quarantine', 'A role does not end before it begins.'),
  ('not_a_company',            'company_contact', 'quarantine', 'The company of a contact is an organisation.'),
  ('related_to_itself',        'any',      'quarantine',      'Nobody is his own contact, nor recommends himself.'),
  ('erased_subject',           'any',      'quarantine',      'Nobody comes back who had his data erased: the row is counted and not kept.'),
  ('empty_row',                'customer', 'quarantine',      'A customer has a name or an identifier.'),
  ('birth_date_impossible',    'customer', 'reject value',    'A customer is born before the business date of the row, and not in the future.'),
  ('birth_date_invalid',       'customer', 'reject value',    'The date of birth can be read in the format of the mapping.'),
  ('birth_date_implausible',   'customer', 'downgrade value', 'A customer is between 14 and 110 years old on the business date of the row.'),
  ('business_at_invalid',      'customer', 'reject value',    'The business date can be read in the format of the mapping.'),
  ('email_invalid',            'customer', 'reject value',    'The e-mail address is one.'),
  ('phone_invalid',            'customer', 'reject value',    'The phone number is possible in its country.'),
  ('tax_id_invalid',           'customer', 'reject value',    'The tax number has a valid control character.'),
  ('postcode_invalid',         'customer', 'reject value',    'The postcode has the form of its country.'),
  ('gender_invalid',           'customer', 'reject value',    'The gender is one that is known.'),
  ('kind_invalid',             'customer', 'reject value',    'The kind is person or organisation.'),
  ('text_too_long',            'customer', 'reject value',    'Names and addresses have at most 1,000 bytes, cards, devices and user names 400.'),
  ('placeholder_name',         'customer', 'reject value',    'The name is no filler such as "unknown".'),
  ('placeholder_birth_date',   'customer', 'reject value',    'The date of birth is no filler such as 1900-01-01.'),
  ('placeholder_email',        'customer', 'reject value',    'The e-mail address is no filler such as none@none.com.'),
  ('placeholder_postcode',     'customer', 'reject value',    'The postcode is no filler such as 00000.'),
  ('placeholder_phone',        'customer', 'reject value',    'The phone number is no filler such as 000000000.'),
  ('placeholder_tax_id',       'customer', 'reject value',    'The tax number is no filler such as 00000000T.'),
  ('placeholder_loyalty_card', 'customer', 'reject value',    'The card number is no filler.'),
  ('placeholder_device',       'customer', 'reject value',    'The device is no filler.'),
  ('placeholder_username',     'customer', 'reject value',    'The user name is no filler such as "guest".');

CREATE TABLE @hub@.quarantine (
  quarantine_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  load_id        bigint NOT NULL REFERENCES @hub@.load_batch,
  rule           text NOT NULL REFERENCES @hub@.contract_rule,
  detail         text,
  row_key        text,
  raw            jsonb NOT NULL,
  state          text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'replayed', 'dropped')),
  replay_load_id bigint REFERENCES @hub@.load_batch,
  dropped_why    text,
  created_at     timestamptz NOT NULL DEFAULT now(),
  closed_at      timestamptz
);
CREATE INDEX quarantine_open_idx ON @hub@.quarantine (load_id) WHERE state = 'open';
ALTER TABLE @hub@.quarantine ALTER COLUMN raw SET STATISTICS 0, ALTER COLUMN detail SET STATISTICS 0;
COMMENT ON TABLE @hub@.quarantine IS 'One row is one delivered row that broke a rule, as it came; mend raw and call crm.replay_quarantine().';
COMMENT ON COLUMN @hub@.quarantine.quarantine_id IS 'Key.';
COMMENT ON COLUMN @hub@.quarantine.load_id IS 'Load that brought it; holds source, entity and mapping.';
COMMENT ON COLUMN @hub@.quarantine.rule IS 'First rule that the row broke.';
COMMENT ON COLUMN @hub@.quarantine.detail IS 'The offending value.';
COMMENT ON COLUMN @hub@.quarantine.row_key IS 'Key of the row, where it has one.';
COMMENT ON COLUMN @hub@.quarantine.raw IS 'The row as delivered.';
COMMENT ON COLUMN @hub@.quarantine.state IS 'open, replayed (loaded later) or dropped (given up by a person).';
COMMENT ON COLUMN @hub@.quarantine.replay_load_id IS 'Load that took it in.';
COMMENT ON COLUMN @hub@.quarantine.dropped_why IS 'Why a person gave it up.';
COMMENT ON COLUMN @hub@.quarantine.created_at IS 'When it was put here.';
COMMENT ON COLUMN @hub@.quarantine.closed_at IS 'When it was replayed or dropped.';

-- The current state of each (source, source key). Earlier versions move to
-- source_record_history; nothing here is changed or deleted by matching. Loaded
-- tables have no foreign keys to source and load_batch: crm.load() writes both
-- as constants of rows that it holds, and a check for each row would take a
-- third of the time of a load. Keys that only grow leave no room in the pages of
-- their index, here and in other tables with a row for each record. Columns of
-- fixed width come first, so that no bytes are lost between them. No checks: what
-- kind and gender may be omnicrm.read_customer() knows, and a statement reads the
-- checks of its table anew each time.
CREATE TABLE @hub@.source_record (
  record_id    bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY WITH (fillfactor = 100),
  load_id      bigint NOT NULL,
  content_hash bigint NOT NULL,
  business_at  timestamptz,
  received_at  timestamptz NOT NULL DEFAULT now(),
  erased_at    timestamptz,
  source_id    integer NOT NULL,
  birth_date   date,
  source_key   text COLLATE "C" NOT NULL,
  entered_by   text,
  kind         text NOT NULL DEFAULT 'person',
  full_name    text,
  given_name   text,
  surname      text,
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
  device       text,
  username     text,
  name_key     text,
  quality      text NOT NULL,
  flags        text[],
  attributes   jsonb,
  payload      jsonb NOT NULL,
  UNIQUE (source_id, source_key)
);
-- No plan needs to know what rows were delivered, and planner statistics are values.
ALTER TABLE @hub@.source_record ALTER COLUMN payload SET STATISTICS 0, ALTER COLUMN attributes SET STATISTICS 0;
COMMENT ON TABLE @hub@.source_record IS 'One row is what one source says of one person or organisation now: evidence, never changed by matching.';
COMMENT ON COLUMN @hub@.source_record.record_id IS 'Key; stays the same over all versions of the record.';
COMMENT ON COLUMN @hub@.source_record.source_id IS 'Source.';
COMMENT ON COLUMN @hub@.source_record.source_key IS 'Key of the row in its source.';
COMMENT ON COLUMN @hub@.source_record.load_id IS 'Load that brought this version.';
COMMENT ON COLUMN @hub@.source_record.content_hash IS 'Hash of mapped values and payload: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.source_record.business_at IS 'Date of the content according to the source, not of the load.';
COMMENT ON COLUMN @hub@.source_record.received_at IS 'When this version was loaded.';
COMMENT ON COLUMN @hub@.source_record.erased_at IS 'When crm.subject_erase() emptied it: the row stays for the facts that point to it; NULL: it was not.';
COMMENT ON COLUMN @hub@.source_record.entered_by IS 'Key of the employee who entered it.';
COMMENT ON COLUMN @hub@.source_record.kind IS 'person or organisation.';
COMMENT ON COLUMN @hub@.source_record.full_name IS 'Full name as delivered, blanks tidied.';
COMMENT ON COLUMN @hub@.source_record.given_name IS 'Given names.';
COMMENT ON COLUMN @hub@.source_record.surname IS 'Surname or surnames.';
COMMENT ON COLUMN @hub@.source_record.birth_date IS 'Date of birth; impossible dates are left out, see flags.';
COMMENT ON COLUMN @hub@.source_record.gender IS 'female, male or other.';
COMMENT ON COLUMN @hub@.source_record.email IS 'Normalised e-mail address.';
COMMENT ON COLUMN @hub@.source_record.phone IS 'Phone number in E.164 form.';
COMMENT ON COLUMN @hub@.source_record.tax_id IS 'Tax number with valid control character.';
COMMENT ON COLUMN @hub@.source_record.street IS 'Street, number, floor.';
COMMENT ON COLUMN @hub@.source_record.postcode IS 'Postal code.';
COMMENT ON COLUMN @hub@.source_record.city IS 'City.';
COMMENT ON COLUMN @hub@.source_record.province IS 'Province, state or region.';
COMMENT ON COLUMN @hub@.source_record.country IS 'Country as delivered.';
COMMENT ON COLUMN @hub@.source_record.loyalty_card IS 'Loyalty card number.';
COMMENT ON COLUMN @hub@.source_record.device IS 'Device or cookie identifier.';
COMMENT ON COLUMN @hub@.source_record.username IS 'User name, lower case.';
COMMENT ON COLUMN @hub@.source_record.name_key IS 'Folded name tokens in sorted order: equal for swapped words, accents and case.';
COMMENT ON COLUMN @hub@.source_record.quality IS 'One digit for each column of survivorship_attribute, by position: 0 none or rejected, 3 implausible, 6 unchecked, 9 checked and valid.';
COMMENT ON COLUMN @hub@.source_record.flags IS 'Names of the value rules that this record broke.';
COMMENT ON COLUMN @hub@.source_record.attributes IS 'Further attributes named in the mapping.';
COMMENT ON COLUMN @hub@.source_record.payload IS 'The row as delivered.';

CREATE TABLE @hub@.source_record_history (
  record_id     bigint NOT NULL REFERENCES @hub@.source_record ON DELETE CASCADE,
  superseded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  load_id       bigint NOT NULL,
  business_at   timestamptz,
  received_at   timestamptz NOT NULL,
  payload       jsonb NOT NULL,
  PRIMARY KEY (record_id, superseded_at)
);
ALTER TABLE @hub@.source_record_history ALTER COLUMN payload SET STATISTICS 0;
COMMENT ON TABLE @hub@.source_record_history IS 'One row is an earlier version of a source record, as it came.';
COMMENT ON COLUMN @hub@.source_record_history.record_id IS 'Source record.';
COMMENT ON COLUMN @hub@.source_record_history.superseded_at IS 'When a newer version replaced it.';
COMMENT ON COLUMN @hub@.source_record_history.load_id IS 'Load that brought it.';
COMMENT ON COLUMN @hub@.source_record_history.business_at IS 'Date according to the source.';
COMMENT ON COLUMN @hub@.source_record_history.received_at IS 'When it was loaded.';
COMMENT ON COLUMN @hub@.source_record_history.payload IS 'The row as delivered.';

-- Records that changed since the last crm.resolve(). Rows are only appended, so
-- that a load never waits for a resolve() under way, and a record that changes
-- again meanwhile stays queued. No foreign key: a row whose record is gone is
-- taken out by the next resolve(). No primary key: nobody asks for a row by its
-- number, and the index of an emptied queue keeps its room.
CREATE TABLE @hub@.resolve_queue (
  queue_id  bigint GENERATED ALWAYS AS IDENTITY,
  record_id bigint NOT NULL
);
CREATE INDEX resolve_queue_record_idx ON @hub@.resolve_queue (record_id);
ALTER TABLE @hub@.resolve_queue REPLICA IDENTITY FULL;
COMMENT ON TABLE @hub@.resolve_queue IS 'Source records that are new or changed since the last crm.resolve(); a record may be here more than once.';
COMMENT ON COLUMN @hub@.resolve_queue.queue_id IS 'Number of the row.';
COMMENT ON COLUMN @hub@.resolve_queue.record_id IS 'Source record.';

-- Follows from source_record; made by crm.load() alone and, for the sake of its
-- speed, without a foreign key: who deletes a record deletes its identifiers. A
-- value is found by its hash, once for all of its holders: a primary key of all
-- columns would take more than three times the room.
CREATE TABLE @hub@.identifier (
  kind      text COLLATE "C" NOT NULL,
  value     text COLLATE "C" NOT NULL,
  record_id bigint NOT NULL
);
CREATE INDEX identifier_value_idx ON @hub@.identifier (hashtextextended(value, 0));
CREATE INDEX identifier_record_idx ON @hub@.identifier (record_id);
ALTER TABLE @hub@.identifier REPLICA IDENTITY FULL;
COMMENT ON TABLE @hub@.identifier IS 'One row: this source record carries this normalised identifier. Placeholder values are not here.';
COMMENT ON COLUMN @hub@.identifier.kind IS 'tax_id, email, phone, loyalty_card, device, username, name_birth or name_postcode.';
COMMENT ON COLUMN @hub@.identifier.value IS 'Normalised value. To find it by the index, ask for hashtextextended(value, 0) too.';
COMMENT ON COLUMN @hub@.identifier.record_id IS 'Source record.';

CREATE TABLE @hub@.match_rule (
  kind                text PRIMARY KEY,
  priority            integer NOT NULL UNIQUE,
  max_records         integer NOT NULL CHECK (max_records >= 2),
  min_name_similarity real NOT NULL CHECK (min_name_similarity BETWEEN 0 AND 1),
  birth_date_guard    boolean NOT NULL,
  accept_mistyped     boolean NOT NULL,
  certainty           real NOT NULL CHECK (certainty > 0 AND certainty <= 1),
  description         text NOT NULL
);
COMMENT ON TABLE @hub@.match_rule IS 'How records that share an identifier are linked: one row for each kind of identifier.';
COMMENT ON COLUMN @hub@.match_rule.kind IS 'Kind of identifier, as in identifier.kind; company_tax_id applies to tax_id values that are a company''s. model: the matching model; without this row there is none.';
COMMENT ON COLUMN @hub@.match_rule.priority IS 'Stronger evidence first: 1 is tried first.';
COMMENT ON COLUMN @hub@.match_rule.max_records IS 'A value held by more records than this links nobody. model: nor do links of the model inside a larger group.';
COMMENT ON COLUMN @hub@.match_rule.min_name_similarity IS 'Two named records link only when omnicrm.name_similarity() of their names reaches this.';
COMMENT ON COLUMN @hub@.match_rule.birth_date_guard IS 'True: two plausible birth dates that differ by more than a typing error forbid the link.';
COMMENT ON COLUMN @hub@.match_rule.accept_mistyped IS 'True: names below the limit link too when they may be one, mistyped (omnicrm.names_mistyped()), and the birth date, or e-mail and phone, are the same.';
COMMENT ON COLUMN @hub@.match_rule.certainty IS 'How sure a link by this rule is, 0 to 1; shown on the customer card.';
COMMENT ON COLUMN @hub@.match_rule.description IS 'Reason of the rule.';
INSERT INTO @hub@.match_rule VALUES
  ('tax_id',         1, 200, 0.00, false, false, 0.999, 'A valid personal tax number belongs to one person.'),
  ('company_tax_id', 2, 200, 0.60, false, false, 0.99,  'A company''s number is given by many of its people: the names decide.'),
  ('loyalty_card',   3,  50, 0.60, true,  false, 0.99,  'A card is one person''s, or a family''s: the names decide.'),
  ('username',       4,  50, 0.60, true,  false, 0.99,  'An account is one person''s; the names must not contradict.'),
  ('email',          5,  50, 0.72, false, true,  0.98,  'An address is mostly one person''s; families share some, so the names must agree.'),
  ('name_birth',     6,  20, 0.90, false, false, 0.97,  'Same name and same plausible birth date.'),
  ('phone',          7,  50, 0.80, true,  true,  0.95,  'A household shares its phone: names must agree, birth dates must not contradict.'),
  ('device',         8,  20, 0.80, true,  false, 0.90,  'A shared device has several users: names must agree.'),
  ('name_postcode',  9,  10, 0.90, true,  false, 0.90,  'Same name, at least two words, in the same postcode.'),
  ('model',         10, 200, 0.80, true,  true,  0.95,  'All fields together: their agreement is a thousand times more likely for one person than for two.');

-- Values held by more records than match_rule.max_records. crm.resolve() keeps
-- them, so that it notices when a value enters or leaves this list and
-- re-evaluates its holders: that makes incremental and full runs agree. Compared as in
-- identifier, so that its key serves.
CREATE TABLE @hub@.overshared_value (
  kind    text COLLATE "C" NOT NULL,
  value   text COLLATE "C" NOT NULL,
  records integer NOT NULL,
  since   timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (kind, value)
);
COMMENT ON TABLE @hub@.overshared_value IS 'One row is one identifier value that too many records hold: it links nobody.';
COMMENT ON COLUMN @hub@.overshared_value.kind IS 'Kind of identifier, as in identifier.kind.';
COMMENT ON COLUMN @hub@.overshared_value.value IS 'Normalised value.';
COMMENT ON COLUMN @hub@.overshared_value.records IS 'Number of records that held it when crm.resolve() last met it.';
COMMENT ON COLUMN @hub@.overshared_value.since IS 'When it became over-shared.';

-- No foreign keys: resolve() derives these rows from the records, and checking
-- each of them would take longer than finding them. No checks either, here and in
-- match_candidate and outbox: a statement reads those of its table anew each time,
-- which takes longer than writing the few rows of one record, and each column of
-- theirs is one of the words that the functions know which alone write here.
CREATE TABLE @hub@.match_link (
  record_a   bigint NOT NULL,
  record_b   bigint NOT NULL,
  kind       text NOT NULL,
  value      text NOT NULL,
  similarity real,
  decision   text NOT NULL,
  PRIMARY KEY (record_a, record_b)
);
CREATE INDEX match_link_b_idx ON @hub@.match_link (record_b);
COMMENT ON TABLE @hub@.match_link IS 'One row is one decision on two records that share an identifier or that the model finds alike: the links that hold customers together, and the refusals with their reason.';
COMMENT ON COLUMN @hub@.match_link.record_a IS 'Smaller record id.';
COMMENT ON COLUMN @hub@.match_link.record_b IS 'Larger record id.';
COMMENT ON COLUMN @hub@.match_link.kind IS 'Strongest shared kind of identifier on which the decision rests; model, or decision where a person decided.';
COMMENT ON COLUMN @hub@.match_link.value IS 'The shared value; of the model its evidence in bits, of a decision who decided.';
COMMENT ON COLUMN @hub@.match_link.similarity IS 'Similarity of the two names, 0 to 1; NULL when one has none. Of the model the probability of one person.';
COMMENT ON COLUMN @hub@.match_link.decision IS 'linked, or why not: names differ, birth dates differ, person and organisation, tax numbers differ, already linked elsewhere, groups differ, decided apart.';
