-- The matching model of the hub, what it finds, and what people decide.

CREATE TABLE @hub@.match_model (
  version    integer PRIMARY KEY,
  active     boolean NOT NULL,
  model      jsonb NOT NULL CHECK (jsonb_typeof(model) = 'object'),
  origin     text NOT NULL CHECK (origin IN ('trained', 'edited')),
  made_at    timestamptz NOT NULL DEFAULT now(),
  made_by    text NOT NULL DEFAULT current_user,
  applied_at timestamptz,
  keys_at    timestamptz
);
CREATE UNIQUE INDEX match_model_active_idx ON @hub@.match_model (active) WHERE active;
COMMENT ON TABLE @hub@.match_model IS 'One row is one matching model: what agreement on each field of crm.match_record says about two records being one person. crm.resolve() uses the active one.';
COMMENT ON COLUMN @hub@.match_model.version IS 'Key, counted up.';
COMMENT ON COLUMN @hub@.match_model.active IS 'True: the one in use. At most one.';
COMMENT ON COLUMN @hub@.match_model.model IS 'As made by omnicrm.match_train(). threshold: bits from which two records link; review: bits from which they wait in crm.review_queue.';
COMMENT ON COLUMN @hub@.match_model.origin IS 'trained on the records of the hub, or edited: given to crm.set_match_model().';
COMMENT ON COLUMN @hub@.match_model.made_at IS 'When it was stored.';
COMMENT ON COLUMN @hub@.match_model.made_by IS 'Who stored it.';
COMMENT ON COLUMN @hub@.match_model.applied_at IS 'When crm.resolve() first looked at every record with it; NULL: the next call does.';
COMMENT ON COLUMN @hub@.match_model.keys_at IS 'When crm.match_compared was filled for it.';

-- No foreign keys in the tables below: crm.resolve() derives them from the
-- records, as it does match_link.
CREATE TABLE @hub@.match_candidate (
  record_a    bigint NOT NULL,
  record_b    bigint NOT NULL,
  weight      double precision NOT NULL,
  probability double precision NOT NULL,
  pattern     text NOT NULL,
  verdict     text NOT NULL,
  PRIMARY KEY (record_a, record_b)
);
CREATE INDEX match_candidate_b_idx ON @hub@.match_candidate (record_b);
COMMENT ON TABLE @hub@.match_candidate IS 'One row is two records that the model finds alike (from its review weight on) and whose names do not contradict.';
COMMENT ON COLUMN @hub@.match_candidate.record_a IS 'Smaller record id.';
COMMENT ON COLUMN @hub@.match_candidate.record_b IS 'Larger record id.';
COMMENT ON COLUMN @hub@.match_candidate.weight IS 'Evidence in bits, prior included.';
COMMENT ON COLUMN @hub@.match_candidate.probability IS 'Probability of one person, 0 to 1.';
COMMENT ON COLUMN @hub@.match_candidate.pattern IS 'Level of agreement of each comparison of the model: 0 the best, - where a value is missing.';
COMMENT ON COLUMN @hub@.match_candidate.verdict IS 'link, or why a person has to look: below the threshold, birth dates differ, name of one word, name and address only.';

-- The keys stand in an index of their own kind: a table with a row for each would
-- take more room than all else of a record.
CREATE TABLE @hub@.match_compared (
  record_id bigint PRIMARY KEY WITH (fillfactor = 100),
  compared  bytea NOT NULL,
  copy      boolean NOT NULL,
  keys      integer[] NOT NULL
);
CREATE INDEX match_compared_keys_idx ON @hub@.match_compared USING gin (keys) WITH (fastupdate = off);
ALTER TABLE @hub@.match_compared ALTER COLUMN compared SET STATISTICS 0, ALTER COLUMN keys SET STATISTICS 0;
COMMENT ON TABLE @hub@.match_compared IS 'One row is one record of a person as the matching model compares it (omnicrm.match_compared()): a change of few records is held against those that share a key with them.';
COMMENT ON COLUMN @hub@.match_compared.record_id IS 'Source record.';
COMMENT ON COLUMN @hub@.match_compared.compared IS 'Its values, as omnicrm.match_compared() packs them.';
COMMENT ON COLUMN @hub@.match_compared.copy IS 'True: ten records and more have these very values, and the oldest stands for them; this one meets nobody else.';
COMMENT ON COLUMN @hub@.match_compared.keys IS 'Lower halves of its blocking keys (omnicrm.match_compared_keys()); of a copy only that of all values together.';

CREATE TABLE @hub@.match_common_key (
  key  bigint PRIMARY KEY,
  most integer NOT NULL
);
COMMENT ON TABLE @hub@.match_common_key IS 'One row is one blocking key that more records have than the model allows: nobody meets by it.';
COMMENT ON COLUMN @hub@.match_common_key.key IS 'Key, as in omnicrm.match_compared_keys().';
COMMENT ON COLUMN @hub@.match_common_key.most IS 'Number of records up to which they would meet.';

CREATE TABLE @hub@.match_decision (
  record_a   bigint NOT NULL,
  record_b   bigint NOT NULL,
  same       boolean NOT NULL,
  event_id   bigint NOT NULL,
  decided_by text NOT NULL,
  PRIMARY KEY (record_a, record_b),
  CHECK (record_a < record_b)
);
CREATE INDEX match_decision_b_idx ON @hub@.match_decision (record_b);
COMMENT ON TABLE @hub@.match_decision IS 'One row is what holds of two records by the decision of a person, the newest live one in crm.steward_decision, from which this table follows; crm.resolve() obeys.';
COMMENT ON COLUMN @hub@.match_decision.record_a IS 'Smaller record id.';
COMMENT ON COLUMN @hub@.match_decision.record_b IS 'Larger record id.';
COMMENT ON COLUMN @hub@.match_decision.same IS 'True: one customer, unless two valid tax numbers differ. False: never one customer.';
COMMENT ON COLUMN @hub@.match_decision.event_id IS 'Event that decided, in crm.steward_event.';
COMMENT ON COLUMN @hub@.match_decision.decided_by IS 'Who decided.';

CREATE TABLE @hub@.review_queue (
  record_a    bigint NOT NULL,
  record_b    bigint NOT NULL,
  weight      double precision NOT NULL,
  probability double precision NOT NULL,
  why         text NOT NULL,
  agreement   jsonb NOT NULL,
  state       text NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'decided')),
  since       timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (record_a, record_b),
  CHECK (record_a < record_b)
);
CREATE INDEX review_queue_b_idx ON @hub@.review_queue (record_b);
COMMENT ON TABLE @hub@.review_queue IS 'One row is two records of two customers that may be one person: a steward decides with crm.decide_match(). Of two customers only the pair of records with most evidence is here.';
COMMENT ON COLUMN @hub@.review_queue.record_a IS 'Smaller record id.';
COMMENT ON COLUMN @hub@.review_queue.record_b IS 'Larger record id.';
COMMENT ON COLUMN @hub@.review_queue.weight IS 'Evidence in bits.';
COMMENT ON COLUMN @hub@.review_queue.probability IS 'Probability of one person, 0 to 1.';
COMMENT ON COLUMN @hub@.review_queue.why IS 'Why they were not linked: below the threshold, birth dates differ, name of one word, name and address only, or the reason of crm.match_link.';
COMMENT ON COLUMN @hub@.review_queue.agreement IS 'Level of agreement in words of each field that both records have.';
COMMENT ON COLUMN @hub@.review_queue.state IS 'open, or decided: crm.match_decision has the answer.';
COMMENT ON COLUMN @hub@.review_queue.since IS 'When the pair came here.';
