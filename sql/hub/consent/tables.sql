-- Consent as it was given and withdrawn.

CREATE TABLE @hub@.consent_event (
  consent_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id        integer NOT NULL,
  event_key        text COLLATE "C" NOT NULL,
  load_id          bigint NOT NULL,
  content_hash     bigint NOT NULL,
  record_id        bigint NOT NULL REFERENCES @hub@.source_record,
  channel_kind     text NOT NULL CHECK (channel_kind IN ('email', 'phone', 'sms', 'post', 'app', 'any')),
  purpose          text NOT NULL DEFAULT 'marketing',
  state            text NOT NULL CHECK (state IN ('given', 'refused', 'withdrawn')),
  stated_at        timestamptz NOT NULL,
  UNIQUE (source_id, event_key)
);
CREATE INDEX consent_event_record_idx ON @hub@.consent_event (record_id);
COMMENT ON TABLE @hub@.consent_event IS 'One row is one statement of a customer on being contacted: consent given, refused or withdrawn.';
COMMENT ON COLUMN @hub@.consent_event.consent_event_id IS 'Key.';
COMMENT ON COLUMN @hub@.consent_event.source_id IS 'Source that delivered it.';
COMMENT ON COLUMN @hub@.consent_event.event_key IS 'Key of the statement in its source.';
COMMENT ON COLUMN @hub@.consent_event.load_id IS 'Load that brought its present content.';
COMMENT ON COLUMN @hub@.consent_event.content_hash IS 'Hash of its values: the same content again changes nothing.';
COMMENT ON COLUMN @hub@.consent_event.record_id IS 'Source record of the customer that it was told of; the customer follows from customer_member.';
COMMENT ON COLUMN @hub@.consent_event.channel_kind IS 'Kind of channel it is about: email, phone, sms, post, app, or any.';
COMMENT ON COLUMN @hub@.consent_event.purpose IS 'What for: marketing unless the source says otherwise.';
COMMENT ON COLUMN @hub@.consent_event.state IS 'given, refused or withdrawn.';
COMMENT ON COLUMN @hub@.consent_event.stated_at IS 'When the customer said so.';
