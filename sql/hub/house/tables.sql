-- The house: version of the hub, and the log of its long jobs.

CREATE TABLE @hub@.hub_version (
  single      boolean PRIMARY KEY DEFAULT true CHECK (single),
  version     text NOT NULL,
  region      text NOT NULL,
  currency    text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  deployed_at timestamptz NOT NULL DEFAULT now(),
  upgraded_at timestamptz
);

COMMENT ON SCHEMA @hub@ IS 'omnicrm hub: source records, golden customers, facts and what follows from them. Ordinary objects of their owner.';
COMMENT ON SCHEMA @bi@ IS 'omnicrm reporting: star-schema views for BI tools, without direct identifiers.';
COMMENT ON TABLE @hub@.hub_version IS 'Version and defaults of this hub: one row.';
COMMENT ON COLUMN @hub@.hub_version.single IS 'Always true: keeps the table at one row.';
COMMENT ON COLUMN @hub@.hub_version.version IS 'omnicrm version whose functions and views are deployed here.';
COMMENT ON COLUMN @hub@.hub_version.region IS 'Default country (ISO 3166, two letters) of phone numbers without prefix.';
COMMENT ON COLUMN @hub@.hub_version.currency IS 'Currency (ISO 4217) of all money in this hub.';
COMMENT ON COLUMN @hub@.hub_version.deployed_at IS 'When the hub was made.';
COMMENT ON COLUMN @hub@.hub_version.upgraded_at IS 'When the hub was last brought to a new version.';

CREATE TABLE @hub@.run_log (
  run_id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job         text NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  counts      jsonb NOT NULL DEFAULT '{}'
);

COMMENT ON TABLE @hub@.run_log IS 'One row is one run of a long job (resolve, segment_customers, attribute, ...).';
COMMENT ON COLUMN @hub@.run_log.run_id IS 'Number of the run.';
COMMENT ON COLUMN @hub@.run_log.job IS 'Name of the hub function that ran.';
COMMENT ON COLUMN @hub@.run_log.started_at IS 'Start, wall clock.';
COMMENT ON COLUMN @hub@.run_log.finished_at IS 'End, wall clock.';
COMMENT ON COLUMN @hub@.run_log.counts IS 'What was done: counts by name, and milliseconds by step.';

CREATE TABLE @hub@.access_grant (
  role_name  text PRIMARY KEY,
  level      text NOT NULL CHECK (level IN ('bi', 'reader', 'steward', 'administrator')),
  granted_by text NOT NULL DEFAULT current_user,
  granted_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE @hub@.access_grant IS 'Who may use this hub: one row for each call of crm.grant_access() still in force. omnicrm.upgrade() grants from it again, so that new functions and views are covered.';
COMMENT ON COLUMN @hub@.access_grant.role_name IS 'Database role.';
COMMENT ON COLUMN @hub@.access_grant.level IS 'bi: the reporting views. reader: the whole hub, read only. steward: reader, and the daily work (load, replay, resolve, segment, ...). administrator: steward, and rules, plans and sources.';
COMMENT ON COLUMN @hub@.access_grant.granted_by IS 'Who granted it.';
COMMENT ON COLUMN @hub@.access_grant.granted_at IS 'When.';
