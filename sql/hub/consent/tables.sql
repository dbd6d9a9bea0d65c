-- Consent as it was given and withdrawn.

CREATE TABLE @hub@.consent_event (
  consent_event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source_id        integer NOT NULL REFERENCES @hub@.source,
  event_key        text NOT NULL,
  load_id          bigint NOT NULL REFERENCES @hub@.load_batch,
  content_hash     bigint NOT NULL,
  record_id        bigint NOT NULL REFERENCES @hub@.source_record,
  channel_kind     text NOT NULL CHECK (channel_kind IN ('email', 'phone', 'sms', 'post', 'app', 'any')),
  purpose          text NOT NULL DEFAULT 'marketing',
  state            text NOT NULL CHECK (state IN ('given', 'refused', 'withdrawn')),
  stated_at        timestamptz NOT NULL,
  UNIQUE (source_id, event_key)
);
CREATE INDEX consent_event_record_idx ON @hub@.consent_event (record_id);
