-- What is kept of the rights of persons over their data: who asked for what, who
-- is restricted, and what keeps the erased from coming back.

-- Nothing here names a person: an erased customer is a number.
CREATE TABLE @hub@.subject_log (
  subject_log_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  action         text NOT NULL CHECK (action IN ('erase', 'readmit', 'restrict', 'lift')),
  customer_id    bigint NOT NULL REFERENCES @hub@.customer,
  why            text NOT NULL,
  done_by        text NOT NULL DEFAULT current_user,
  done_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  touched        jsonb NOT NULL
);
CREATE INDEX subject_log_customer_idx ON @hub@.subject_log (customer_id);
CREATE INDEX subject_log_erase_idx ON @hub@.subject_log (subject_log_id) WHERE action = 'erase';
COMMENT ON TABLE @hub@.subject_log IS 'One row is one erasure or restriction of a person, or its end. Without personal data.';
COMMENT ON COLUMN @hub@.subject_log.subject_log_id IS 'Key.';
COMMENT ON COLUMN @hub@.subject_log.action IS 'erase, readmit (an erased person may come in again), restrict, or lift (of a restriction).';
COMMENT ON COLUMN @hub@.subject_log.customer_id IS 'Customer at that time.';
COMMENT ON COLUMN @hub@.subject_log.why IS 'Reason as given; those of an erased customer''s earlier rows are gone.';
COMMENT ON COLUMN @hub@.subject_log.done_by IS 'Who did it.';
COMMENT ON COLUMN @hub@.subject_log.done_at IS 'When, wall clock.';
COMMENT ON COLUMN @hub@.subject_log.touched IS 'Rows by table: [{"table", "what", "rows"}, ...].';

-- Random bytes that never leave the hub; without them the hashes of erased_key
-- say nothing.
CREATE TABLE @hub@.erasure_secret (
  single  boolean PRIMARY KEY DEFAULT true CHECK (single),
  secret  bytea NOT NULL CHECK (octet_length(secret) >= 32),
  made_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE @hub@.erasure_secret IS 'The secret of this hub''s keyed hashes: one row. Administrators alone read it; a new one would let every erased person in again.';
COMMENT ON COLUMN @hub@.erasure_secret.single IS 'Always true: keeps the table at one row.';
COMMENT ON COLUMN @hub@.erasure_secret.secret IS 'Secret of omnicrm.keyed_hash().';
COMMENT ON COLUMN @hub@.erasure_secret.made_at IS 'When it was drawn.';
INSERT INTO @hub@.erasure_secret (secret)
SELECT sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid()));

CREATE TABLE @hub@.erased_key (
  hash           bytea NOT NULL CHECK (octet_length(hash) = 32),
  tag            integer NOT NULL,
  scope          text NOT NULL CHECK (scope IN ('any', 'same name', 'name')),
  subject_log_id bigint NOT NULL REFERENCES @hub@.subject_log,
  PRIMARY KEY (hash, subject_log_id)
);
CREATE INDEX erased_key_tag_idx ON @hub@.erased_key (tag);
CREATE INDEX erased_key_log_idx ON @hub@.erased_key (subject_log_id);
COMMENT ON TABLE @hub@.erased_key IS 'One row is the keyed hash of one key or identifier of an erased person: crm.load() recognises by it what must not come back. Never used to contact anybody.';
COMMENT ON COLUMN @hub@.erased_key.hash IS 'omnicrm.keyed_hash() of kind and value under erasure_secret.';
COMMENT ON COLUMN @hub@.erased_key.tag IS 'omnicrm.short_tag() of the same: what no tag fits needs no hash.';
COMMENT ON COLUMN @hub@.erased_key.scope IS 'any: whatever row carries it is the person''s. same name: only when the row has no name, or the hash of the value with its name is here too. name: such a hash of value and name.';
COMMENT ON COLUMN @hub@.erased_key.subject_log_id IS 'The erasure.';

-- A restriction is of records, so that it follows every merge and split.
CREATE TABLE @hub@.restricted_record (
  record_id      bigint PRIMARY KEY REFERENCES @hub@.source_record ON DELETE CASCADE,
  subject_log_id bigint NOT NULL REFERENCES @hub@.subject_log
);
CREATE INDEX restricted_record_log_idx ON @hub@.restricted_record (subject_log_id);
COMMENT ON TABLE @hub@.restricted_record IS 'One row: the person of this source record asked for restriction: no marketing contact, no profiling. A customer with one such record is restricted.';
COMMENT ON COLUMN @hub@.restricted_record.record_id IS 'Source record.';
COMMENT ON COLUMN @hub@.restricted_record.subject_log_id IS 'The restriction.';
