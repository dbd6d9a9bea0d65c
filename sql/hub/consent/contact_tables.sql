-- Contact points: what a record said before, and what is known of an address.

-- Of the present version of a record everything follows from source_record; here
-- is what its earlier versions said. No checks: see source_record.
CREATE TABLE @hub@.contact_seen (
  record_id  bigint NOT NULL REFERENCES @hub@.source_record ON DELETE CASCADE,
  kind       text NOT NULL,
  value      text COLLATE "C" NOT NULL,
  shown      text NOT NULL,
  first_seen timestamptz NOT NULL,
  last_seen  timestamptz NOT NULL,
  PRIMARY KEY (record_id, kind, value)
);
-- Only ever read by record: no plan needs to know what the values are.
ALTER TABLE @hub@.contact_seen ALTER COLUMN value SET STATISTICS 0, ALTER COLUMN shown SET STATISTICS 0;
COMMENT ON TABLE @hub@.contact_seen IS 'One row is one e-mail, phone, address or device that an earlier version of a source record gave; read it through crm.contact_point. Personal data.';
COMMENT ON COLUMN @hub@.contact_seen.record_id IS 'Source record.';
COMMENT ON COLUMN @hub@.contact_seen.kind IS 'email, phone, address or device.';
COMMENT ON COLUMN @hub@.contact_seen.value IS 'Normalised value; of an address its parts, see address_key().';
COMMENT ON COLUMN @hub@.contact_seen.shown IS 'The value as people read it.';
COMMENT ON COLUMN @hub@.contact_seen.first_seen IS 'Business date of the first version that gave it; without one when it was loaded.';
COMMENT ON COLUMN @hub@.contact_seen.last_seen IS 'The same of the last one.';

-- That a number is dead is true of the number, whoever has it; that letters come
-- back, and what a person prefers, is true of the person: of the records that
-- gave it, so that it follows merges and splits.
CREATE TABLE @hub@.contact_event (
  contact_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind             text NOT NULL CHECK (kind IN ('email', 'phone', 'address', 'device')),
  value            text COLLATE "C" NOT NULL,
  record_id        bigint REFERENCES @hub@.source_record ON DELETE CASCADE,
  state            text NOT NULL CHECK (state IN ('verified', 'bounced', 'preferred', 'not preferred')),
  reported_at      timestamptz NOT NULL,
  reported_by      text NOT NULL CHECK (reported_by <> ''),
  why              text,
  CHECK ((record_id IS NULL) = (kind <> 'address' AND state IN ('verified', 'bounced')))
);
CREATE INDEX contact_event_record_idx ON @hub@.contact_event (record_id);
CREATE INDEX contact_event_value_idx ON @hub@.contact_event (kind, value) WHERE record_id IS NULL;
COMMENT ON TABLE @hub@.contact_event IS 'One row is one report on a contact point: crm.report_contact() writes it, crm.contact_point shows what holds. Personal data.';
COMMENT ON COLUMN @hub@.contact_event.contact_event_id IS 'Key.';
COMMENT ON COLUMN @hub@.contact_event.kind IS 'email, phone, address or device.';
COMMENT ON COLUMN @hub@.contact_event.value IS 'Normalised value, as in contact_point.';
COMMENT ON COLUMN @hub@.contact_event.record_id IS 'Record that it is about; NULL: whoever has the value.';
COMMENT ON COLUMN @hub@.contact_event.state IS 'verified: it works. bounced: it does not. preferred, not preferred: what the customer wants.';
COMMENT ON COLUMN @hub@.contact_event.reported_at IS 'When it was so.';
COMMENT ON COLUMN @hub@.contact_event.reported_by IS 'Who says so.';
COMMENT ON COLUMN @hub@.contact_event.why IS 'Reason in words.';
