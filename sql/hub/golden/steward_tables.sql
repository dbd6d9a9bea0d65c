-- What stewards decide, and that it can be taken back.

CREATE TABLE @hub@.steward_event (
  event_id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  kind             text NOT NULL CHECK (kind IN ('merge', 'split', 'same', 'different')),
  customers_before bigint[] NOT NULL DEFAULT '{}',
  customers_after  bigint[] NOT NULL DEFAULT '{}',
  who              text NOT NULL CHECK (who <> ''),
  why              text NOT NULL CHECK (why <> ''),
  forced           boolean NOT NULL DEFAULT false,
  at               timestamptz NOT NULL DEFAULT clock_timestamp(),
  by_role          text NOT NULL DEFAULT current_user,
  undone_at        timestamptz,
  undone_by        text CHECK (undone_by <> ''),
  undone_why       text CHECK (undone_why <> ''),
  CHECK (num_nonnulls(undone_at, undone_by, undone_why) IN (0, 3))
);
COMMENT ON TABLE @hub@.steward_event IS 'One row is one act of a steward on who belongs together: crm.merge(), crm.split(), crm.assert_same(), crm.assert_different(), crm.decide_match(). crm.undo() takes it back.';
COMMENT ON COLUMN @hub@.steward_event.event_id IS 'Key; of two events the greater is the newer.';
COMMENT ON COLUMN @hub@.steward_event.kind IS 'merge: customers became one. split: records became a customer of their own. same, different: two customers or records were said to be one person, or two.';
COMMENT ON COLUMN @hub@.steward_event.customers_before IS 'Customers, by their ids before, whose records the event was about or moved.';
COMMENT ON COLUMN @hub@.steward_event.customers_after IS 'Customers that held these records right after it.';
COMMENT ON COLUMN @hub@.steward_event.who IS 'Who decided, as given.';
COMMENT ON COLUMN @hub@.steward_event.why IS 'Reason in words.';
COMMENT ON COLUMN @hub@.steward_event.forced IS 'True: it was to overrule earlier decisions.';
COMMENT ON COLUMN @hub@.steward_event.at IS 'When.';
COMMENT ON COLUMN @hub@.steward_event.by_role IS 'Database role that did it.';
COMMENT ON COLUMN @hub@.steward_event.undone_at IS 'When it was taken back; NULL: it is live.';
COMMENT ON COLUMN @hub@.steward_event.undone_by IS 'Who took it back.';
COMMENT ON COLUMN @hub@.steward_event.undone_why IS 'Why.';

-- No foreign key to source_record: a decision on a record that is gone has no
-- effect.
CREATE TABLE @hub@.steward_decision (
  event_id bigint NOT NULL REFERENCES @hub@.steward_event ON DELETE CASCADE,
  record_a bigint NOT NULL,
  record_b bigint NOT NULL,
  same     boolean NOT NULL,
  claim    boolean NOT NULL DEFAULT true,
  PRIMARY KEY (event_id, record_a, record_b),
  CHECK (record_a < record_b)
);
CREATE INDEX steward_decision_pair_idx ON @hub@.steward_decision (record_a, record_b);
CREATE INDEX steward_decision_b_idx ON @hub@.steward_decision (record_b);
COMMENT ON TABLE @hub@.steward_decision IS 'One row is what one event says of two records. Of all live events that speak of a pair the newest holds: crm.match_decision.';
COMMENT ON COLUMN @hub@.steward_decision.event_id IS 'Event.';
COMMENT ON COLUMN @hub@.steward_decision.record_a IS 'Smaller record id.';
COMMENT ON COLUMN @hub@.steward_decision.record_b IS 'Larger record id.';
COMMENT ON COLUMN @hub@.steward_decision.same IS 'True: one customer. False: never one customer.';
COMMENT ON COLUMN @hub@.steward_decision.claim IS 'True: the steward said so. False: added to hold together the records of a customer that was merged or split; a later event overrules it without being forced.';
