-- Relations between customers: companies and their people, recommendations,
-- households. Like all facts, the first two point to the source records that they
-- were told of, so they follow merges and splits without being changed.

CREATE TABLE @hub@.company_role (
  company_role_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id         integer,
  role_key          text COLLATE "C",
  load_id           bigint,
  content_hash      bigint,
  record_id         bigint NOT NULL REFERENCES @hub@.source_record,
  company_record_id bigint NOT NULL REFERENCES @hub@.source_record,
  role              text NOT NULL DEFAULT 'contact' CHECK (role <> ''),
  since             date,
  until             date,
  told_by           text CHECK (told_by <> ''),
  why               text CHECK (why <> ''),
  told_at           timestamptz NOT NULL DEFAULT clock_timestamp(),
  ended_on          date,
  ended_by          text CHECK (ended_by <> ''),
  ended_why         text CHECK (ended_why <> ''),
  removed_at        timestamptz,
  removed_by        text CHECK (removed_by <> ''),
  removed_why       text CHECK (removed_why <> ''),
  UNIQUE (source_id, role_key),
  CHECK (record_id <> company_record_id),
  CHECK (until >= since),
  CHECK (num_nonnulls(source_id, role_key, load_id, content_hash) IN (0, 4)),
  CHECK (num_nonnulls(told_by, why) = CASE WHEN source_id IS NULL THEN 2 ELSE 0 END),
  CHECK (num_nonnulls(ended_on, ended_by, ended_why) IN (0, 3)),
  CHECK (num_nonnulls(removed_at, removed_by, removed_why) IN (0, 3))
);
CREATE INDEX company_role_record_idx ON @hub@.company_role (record_id);
CREATE INDEX company_role_company_idx ON @hub@.company_role (company_record_id);
COMMENT ON TABLE @hub@.company_role IS 'One row is one role of a person at a company, as a source or a steward told it; who is whose contact now: crm.company_contact.';
COMMENT ON COLUMN @hub@.company_role.company_role_id IS 'Key.';
COMMENT ON COLUMN @hub@.company_role.source_id IS 'Source that delivered it; NULL: a steward told it.';
COMMENT ON COLUMN @hub@.company_role.role_key IS 'Key of the role in its source.';
COMMENT ON COLUMN @hub@.company_role.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.company_role.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.company_role.record_id IS 'Source record of the person; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.company_role.company_record_id IS 'Source record of the company; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.company_role.role IS 'What he or she is there: owner, buyer, accountant, ...; contact when nobody said.';
COMMENT ON COLUMN @hub@.company_role.since IS 'First day; NULL: always was.';
COMMENT ON COLUMN @hub@.company_role.until IS 'First day on which it is over; NULL: it lasts.';
COMMENT ON COLUMN @hub@.company_role.told_by IS 'Steward who told it.';
COMMENT ON COLUMN @hub@.company_role.why IS 'Reason in words.';
COMMENT ON COLUMN @hub@.company_role.told_at IS 'When it came in first.';
COMMENT ON COLUMN @hub@.company_role.ended_on IS 'First day on which it is over, by word of a steward, whatever the source says; NULL: nobody ended it.';
COMMENT ON COLUMN @hub@.company_role.ended_by IS 'Who ended it.';
COMMENT ON COLUMN @hub@.company_role.ended_why IS 'Why.';
COMMENT ON COLUMN @hub@.company_role.removed_at IS 'When a steward said that it never was so; NULL: it stands.';
COMMENT ON COLUMN @hub@.company_role.removed_by IS 'Who removed it.';
COMMENT ON COLUMN @hub@.company_role.removed_why IS 'Why.';

CREATE TABLE @hub@.referral_event (
  referral_event_id  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id          integer,
  referral_key       text COLLATE "C",
  load_id            bigint,
  content_hash       bigint,
  record_id          bigint NOT NULL REFERENCES @hub@.source_record,
  referrer_record_id bigint NOT NULL REFERENCES @hub@.source_record,
  referred_at        timestamptz NOT NULL,
  code               text,
  reward             numeric(18, 2),
  told_by            text CHECK (told_by <> ''),
  why                text CHECK (why <> ''),
  told_at            timestamptz NOT NULL DEFAULT clock_timestamp(),
  removed_at         timestamptz,
  removed_by         text CHECK (removed_by <> ''),
  removed_why        text CHECK (removed_why <> ''),
  UNIQUE (source_id, referral_key),
  CHECK (record_id <> referrer_record_id),
  CHECK (num_nonnulls(source_id, referral_key, load_id, content_hash) IN (0, 4)),
  CHECK (num_nonnulls(told_by, why) = CASE WHEN source_id IS NULL THEN 2 ELSE 0 END),
  CHECK (num_nonnulls(removed_at, removed_by, removed_why) IN (0, 3))
);
CREATE INDEX referral_event_record_idx ON @hub@.referral_event (record_id);
CREATE INDEX referral_event_referrer_idx ON @hub@.referral_event (referrer_record_id);
COMMENT ON TABLE @hub@.referral_event IS 'One row: somebody recommended the company to somebody, as a source or a steward told it; which of them count: crm.referral.';
COMMENT ON COLUMN @hub@.referral_event.referral_event_id IS 'Key.';
COMMENT ON COLUMN @hub@.referral_event.source_id IS 'Source that delivered it; NULL: a steward told it.';
COMMENT ON COLUMN @hub@.referral_event.referral_key IS 'Key of the recommendation in its source.';
COMMENT ON COLUMN @hub@.referral_event.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.referral_event.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.referral_event.record_id IS 'Source record of who was recommended to come; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.referral_event.referrer_record_id IS 'Source record of who recommended; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.referral_event.referred_at IS 'When.';
COMMENT ON COLUMN @hub@.referral_event.code IS 'Code or voucher that was used.';
COMMENT ON COLUMN @hub@.referral_event.reward IS 'What the recommending customer got for it.';
COMMENT ON COLUMN @hub@.referral_event.told_by IS 'Steward who told it.';
COMMENT ON COLUMN @hub@.referral_event.why IS 'Reason in words.';
COMMENT ON COLUMN @hub@.referral_event.told_at IS 'When it came in first.';
COMMENT ON COLUMN @hub@.referral_event.removed_at IS 'When a steward said that it never was so; NULL: it stands.';
COMMENT ON COLUMN @hub@.referral_event.removed_by IS 'Who removed it.';
COMMENT ON COLUMN @hub@.referral_event.removed_why IS 'Why.';

-- What crm.refresh_households() found, by the records that the ids of the members
-- were made for.
CREATE TABLE @hub@.household_member (
  record_id      bigint PRIMARY KEY REFERENCES @hub@.source_record ON DELETE CASCADE,
  household_id   bigint NOT NULL,
  shares_address boolean NOT NULL,
  shares_surname boolean NOT NULL,
  shares_phone   boolean NOT NULL,
  found_on       date NOT NULL,
  CHECK (shares_address::integer + shares_surname::integer + shares_phone::integer >= 2)
);
CREATE INDEX household_member_household_idx ON @hub@.household_member (household_id);
COMMENT ON TABLE @hub@.household_member IS 'One row: this customer lived with others when crm.refresh_households() last looked. A report, never a merge; read it through crm.household. Personal data.';
COMMENT ON COLUMN @hub@.household_member.record_id IS 'Record that stands for the customer; he or she follows from customer_member.';
COMMENT ON COLUMN @hub@.household_member.household_id IS 'Smallest customer id of the household, then.';
COMMENT ON COLUMN @hub@.household_member.shares_address IS 'Evidence: another member has the same address.';
COMMENT ON COLUMN @hub@.household_member.shares_surname IS 'Evidence: another member has one of the same surnames.';
COMMENT ON COLUMN @hub@.household_member.shares_phone IS 'Evidence: another member has the same phone.';
COMMENT ON COLUMN @hub@.household_member.found_on IS 'Day on which it was first found with the same household and evidence.';
