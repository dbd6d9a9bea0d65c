-- The audit of the data: what crm.audit_sources() found, by date. Counts and names
-- of columns, no values of customers. An audit that nobody needs any more goes with
-- its row of audit_run.

CREATE TABLE @hub@.audit_run (
  audit_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  audited_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  run_id     bigint NOT NULL,
  records    bigint NOT NULL,
  customers  bigint NOT NULL
);
COMMENT ON TABLE @hub@.audit_run IS 'One row is one audit of the data: a call of crm.audit_sources().';
COMMENT ON COLUMN @hub@.audit_run.audit_id IS 'Key; of two audits the greater is the newer.';
COMMENT ON COLUMN @hub@.audit_run.audited_at IS 'When, wall clock.';
COMMENT ON COLUMN @hub@.audit_run.run_id IS 'Row of run_log.';
COMMENT ON COLUMN @hub@.audit_run.records IS 'Source records then, without erased ones.';
COMMENT ON COLUMN @hub@.audit_run.customers IS 'Active customers then.';

CREATE TABLE @hub@.audit_source (
  audit_id             bigint NOT NULL REFERENCES @hub@.audit_run ON DELETE CASCADE,
  source_id            integer NOT NULL REFERENCES @hub@.source,
  records              bigint NOT NULL,
  surviving_values     bigint NOT NULL,
  rows_waiting         bigint NOT NULL,
  newest_business_date date,
  last_loaded_at       timestamptz,
  is_late              boolean NOT NULL,
  PRIMARY KEY (audit_id, source_id)
);
COMMENT ON TABLE @hub@.audit_source IS 'One row is one source in one audit.';
COMMENT ON COLUMN @hub@.audit_source.audit_id IS 'Audit.';
COMMENT ON COLUMN @hub@.audit_source.source_id IS 'Source.';
COMMENT ON COLUMN @hub@.audit_source.records IS 'Its customer records.';
COMMENT ON COLUMN @hub@.audit_source.surviving_values IS 'Golden values that come from it, further attributes included.';
COMMENT ON COLUMN @hub@.audit_source.rows_waiting IS 'Its rows that wait in quarantine.';
COMMENT ON COLUMN @hub@.audit_source.newest_business_date IS 'Newest business date of its customer records.';
COMMENT ON COLUMN @hub@.audit_source.last_loaded_at IS 'End of its last load.';
COMMENT ON COLUMN @hub@.audit_source.is_late IS 'True: its last load was older than source.freshness.';

CREATE TABLE @hub@.audit_attribute (
  audit_id              bigint NOT NULL REFERENCES @hub@.audit_run ON DELETE CASCADE,
  source_id             integer NOT NULL REFERENCES @hub@.source,
  attribute             text NOT NULL,
  records               bigint NOT NULL,
  filled                bigint NOT NULL,
  rejected              bigint NOT NULL,
  implausible           bigint NOT NULL,
  distinct_values       bigint NOT NULL,
  compared_customers    bigint NOT NULL,
  conflicting_customers bigint NOT NULL,
  surviving_values      bigint NOT NULL,
  PRIMARY KEY (audit_id, source_id, attribute)
);
COMMENT ON TABLE @hub@.audit_attribute IS 'One row is one attribute of one source in one audit: crm_bi.data_quality as it was then.';
COMMENT ON COLUMN @hub@.audit_attribute.audit_id IS 'Audit.';
COMMENT ON COLUMN @hub@.audit_attribute.source_id IS 'Source.';
COMMENT ON COLUMN @hub@.audit_attribute.attribute IS 'Attribute, as in survivorship_attribute.';
COMMENT ON COLUMN @hub@.audit_attribute.records IS 'Customer records of the source.';
COMMENT ON COLUMN @hub@.audit_attribute.filled IS 'Records with a value that was not rejected.';
COMMENT ON COLUMN @hub@.audit_attribute.rejected IS 'Records whose value was rejected.';
COMMENT ON COLUMN @hub@.audit_attribute.implausible IS 'Records whose value was kept with less trust.';
COMMENT ON COLUMN @hub@.audit_attribute.distinct_values IS 'Different values.';
COMMENT ON COLUMN @hub@.audit_attribute.compared_customers IS 'Customers for whom this source and another one have a value.';
COMMENT ON COLUMN @hub@.audit_attribute.conflicting_customers IS 'Of these, the customers whose records do not agree.';
COMMENT ON COLUMN @hub@.audit_attribute.surviving_values IS 'Customers whose golden value comes from this source.';

CREATE TABLE @hub@.audit_entry (
  audit_id     bigint NOT NULL REFERENCES @hub@.audit_run ON DELETE CASCADE,
  source_id    integer NOT NULL REFERENCES @hub@.source,
  employee_key text NOT NULL,
  attribute    text NOT NULL,
  is_asked     boolean NOT NULL,
  records      bigint NOT NULL,
  filled       bigint NOT NULL,
  rejected     bigint NOT NULL,
  implausible  bigint NOT NULL,
  PRIMARY KEY (audit_id, source_id, employee_key, attribute)
);
COMMENT ON TABLE @hub@.audit_entry IS 'One row is one attribute of the records that one employee entered into one source, in one audit: crm_bi.data_quality_entry as it was then.';
COMMENT ON COLUMN @hub@.audit_entry.audit_id IS 'Audit.';
COMMENT ON COLUMN @hub@.audit_entry.source_id IS 'Source.';
COMMENT ON COLUMN @hub@.audit_entry.employee_key IS 'Key of the employee, as the source delivers it.';
COMMENT ON COLUMN @hub@.audit_entry.attribute IS 'Attribute.';
COMMENT ON COLUMN @hub@.audit_entry.is_asked IS 'True: somebody filled it in this source.';
COMMENT ON COLUMN @hub@.audit_entry.records IS 'Customer records that he or she entered.';
COMMENT ON COLUMN @hub@.audit_entry.filled IS 'Records with a value that was not rejected.';
COMMENT ON COLUMN @hub@.audit_entry.rejected IS 'Records whose value was rejected.';
COMMENT ON COLUMN @hub@.audit_entry.implausible IS 'Records whose value was kept with less trust.';

CREATE TABLE @hub@.audit_holding (
  audit_id  bigint NOT NULL REFERENCES @hub@.audit_run ON DELETE CASCADE,
  source_id integer REFERENCES @hub@.source,
  kind      text NOT NULL CHECK (kind IN ('delivered column', 'further attribute', 'fact column')),
  name      text NOT NULL,
  records   bigint NOT NULL,
  filled    bigint NOT NULL,
  used_in   text,
  UNIQUE NULLS NOT DISTINCT (audit_id, source_id, kind, name)
);
COMMENT ON TABLE @hub@.audit_holding IS 'One row is one thing that the hub holds from a source in one audit: a column of its customer rows, a further attribute, or a column of its facts.';
COMMENT ON COLUMN @hub@.audit_holding.audit_id IS 'Audit.';
COMMENT ON COLUMN @hub@.audit_holding.source_id IS 'Source; NULL: a table that all sources share.';
COMMENT ON COLUMN @hub@.audit_holding.kind IS 'delivered column: of the customer rows, as they came. further attribute: member of source_record.attributes. fact column: table.column of facts and dimensions.';
COMMENT ON COLUMN @hub@.audit_holding.name IS 'Its name.';
COMMENT ON COLUMN @hub@.audit_holding.records IS 'Rows that could have it.';
COMMENT ON COLUMN @hub@.audit_holding.filled IS 'Rows that have a value.';
COMMENT ON COLUMN @hub@.audit_holding.used_in IS 'Of a delivered column the targets of the mappings that name it; of a further attribute rule, override and report, as far as it is named there; of a fact column mapping; NULL: nothing uses it.';
