-- The audit of the data over time: what crm.audit_sources() found, beside what the
-- audit before it had found; and what is held and not used.

CREATE OR REPLACE VIEW @bi@.data_quality_trend AS
WITH rated AS (
  SELECT a.*, r.audited_at, r.audit_id = max(r.audit_id) OVER () AS is_latest,
         a.filled::double precision / NULLIF(a.records, 0) AS completeness,
         (a.filled - a.implausible)::double precision / NULLIF(a.filled + a.rejected, 0) AS validity,
         a.distinct_values::double precision / NULLIF(a.filled, 0) AS uniqueness,
         a.conflicting_customers::double precision / NULLIF(a.compared_customers, 0) AS conflict_rate,
         a.surviving_values::double precision / NULLIF(a.filled, 0) AS surviving_rate
  FROM @hub@.audit_attribute AS a
  JOIN @hub@.audit_run AS r ON r.audit_id = a.audit_id
)
SELECT
  r.audit_id,
  r.audited_at,
  r.is_latest,
  lag(r.audited_at) OVER w AS previous_audited_at,
  r.source_id,
  s.name::varchar(200) AS source,
  r.attribute::varchar(20) AS attribute,
  r.records,
  r.filled,
  r.completeness,
  r.validity,
  r.uniqueness,
  r.conflict_rate,
  r.surviving_rate,
  r.records - lag(r.records) OVER w AS records_change,
  r.completeness - lag(r.completeness) OVER w AS completeness_change,
  r.validity - lag(r.validity) OVER w AS validity_change,
  r.uniqueness - lag(r.uniqueness) OVER w AS uniqueness_change,
  r.conflict_rate - lag(r.conflict_rate) OVER w AS conflict_rate_change,
  r.surviving_rate - lag(r.surviving_rate) OVER w AS surviving_rate_change
FROM rated AS r
JOIN @hub@.source AS s ON s.source_id = r.source_id
WINDOW w AS (PARTITION BY r.source_id, r.attribute ORDER BY r.audit_id);

COMMENT ON VIEW @bi@.data_quality_trend IS 'One row is one attribute of the customer records of one source in one audit, with the change since the audit before. Needs crm.audit_sources().';
COMMENT ON COLUMN @bi@.data_quality_trend.audit_id IS 'Audit.';
COMMENT ON COLUMN @bi@.data_quality_trend.audited_at IS 'When.';
COMMENT ON COLUMN @bi@.data_quality_trend.is_latest IS 'True: of the newest audit.';
COMMENT ON COLUMN @bi@.data_quality_trend.previous_audited_at IS 'When the audit before was; NULL: this is the first of the source.';
COMMENT ON COLUMN @bi@.data_quality_trend.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.data_quality_trend.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.data_quality_trend.attribute IS 'Attribute of the customer: full_name, email, ...';
COMMENT ON COLUMN @bi@.data_quality_trend.records IS 'Customer records of the source.';
COMMENT ON COLUMN @bi@.data_quality_trend.filled IS 'Records with a value that was not rejected.';
COMMENT ON COLUMN @bi@.data_quality_trend.completeness IS 'filled / records, 0 to 1: the fill rate.';
COMMENT ON COLUMN @bi@.data_quality_trend.validity IS 'Plausible values / values delivered, 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_trend.uniqueness IS 'Different values / filled, 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_trend.conflict_rate IS 'Of the customers for whom this source and another one have a value, the part whose records do not agree, 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_trend.surviving_rate IS 'Of the filled records, the part whose value is the golden one, 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_trend.records_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_trend.completeness_change IS 'Change since the audit before: 0.01 is one percent point.';
COMMENT ON COLUMN @bi@.data_quality_trend.validity_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_trend.uniqueness_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_trend.conflict_rate_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_trend.surviving_rate_change IS 'Change since the audit before.';

CREATE OR REPLACE VIEW @bi@.data_quality_source_trend AS
WITH summed AS (
  SELECT a.audit_id, a.source_id, sum(a.filled) AS filled, sum(a.records) AS possible, sum(a.rejected) AS rejected,
         sum(a.implausible) AS implausible, sum(a.compared_customers) AS compared, sum(a.conflicting_customers) AS conflicting
  FROM @hub@.audit_attribute AS a
  GROUP BY a.audit_id, a.source_id
), rated AS (
  SELECT s.*, r.audited_at, r.audit_id = max(r.audit_id) OVER () AS is_latest, (r.audited_at::date - s.newest_business_date) AS business_days_old,
         m.filled::double precision / NULLIF(m.possible, 0)::double precision AS completeness,
         (m.filled - m.implausible)::double precision / NULLIF(m.filled + m.rejected, 0)::double precision AS validity,
         m.conflicting::double precision / NULLIF(m.compared, 0)::double precision AS conflict_rate
  FROM @hub@.audit_source AS s
  JOIN @hub@.audit_run AS r ON r.audit_id = s.audit_id
  JOIN summed AS m ON m.audit_id = s.audit_id AND m.source_id = s.source_id
)
SELECT
  r.audit_id,
  r.audited_at,
  r.is_latest,
  lag(r.audited_at) OVER w AS previous_audited_at,
  r.source_id,
  s.name::varchar(200) AS source,
  r.records,
  r.surviving_values,
  r.rows_waiting,
  r.newest_business_date,
  r.business_days_old,
  r.last_loaded_at,
  r.is_late,
  r.completeness,
  r.validity,
  r.conflict_rate,
  r.records - lag(r.records) OVER w AS records_change,
  r.surviving_values - lag(r.surviving_values) OVER w AS surviving_values_change,
  r.rows_waiting - lag(r.rows_waiting) OVER w AS rows_waiting_change,
  r.completeness - lag(r.completeness) OVER w AS completeness_change,
  r.validity - lag(r.validity) OVER w AS validity_change,
  r.conflict_rate - lag(r.conflict_rate) OVER w AS conflict_rate_change
FROM rated AS r
JOIN @hub@.source AS s ON s.source_id = r.source_id
WINDOW w AS (PARTITION BY r.source_id ORDER BY r.audit_id);

COMMENT ON VIEW @bi@.data_quality_source_trend IS 'One row is one source in one audit, over all its attributes, with the change since the audit before. Needs crm.audit_sources().';
COMMENT ON COLUMN @bi@.data_quality_source_trend.audit_id IS 'Audit.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.audited_at IS 'When.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.is_latest IS 'True: of the newest audit.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.previous_audited_at IS 'When the audit before was; NULL: this is the first of the source.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.records IS 'Customer records.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.surviving_values IS 'Golden values that come from the source. None: nobody would miss it.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.rows_waiting IS 'Rows that waited in quarantine.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.newest_business_date IS 'Newest business date of its customer records.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.business_days_old IS 'Days from there to the audit.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.last_loaded_at IS 'End of its last load.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.is_late IS 'True: that was longer ago than the freshness of the source.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.completeness IS 'Filled values / (records x attributes), 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.validity IS 'Plausible values / values delivered, 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.conflict_rate IS 'Conflicting / compared values of customers, 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.records_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.surviving_values_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.rows_waiting_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.completeness_change IS 'Change since the audit before: 0.01 is one percent point.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.validity_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_source_trend.conflict_rate_change IS 'Change since the audit before.';

CREATE OR REPLACE VIEW @bi@.data_quality_employee_trend AS
WITH rated AS (
  SELECT e.audit_id, e.source_id, e.employee_key, max(e.records) AS records, sum(e.filled)::bigint AS filled_values,
         sum(e.rejected)::bigint AS rejected_values, sum(e.filled)::double precision / sum(e.records)::double precision AS completeness,
         sum(e.filled - e.implausible)::double precision / NULLIF(sum(e.filled + e.rejected), 0)::double precision AS validity
  FROM @hub@.audit_entry AS e
  WHERE e.is_asked
  GROUP BY e.audit_id, e.source_id, e.employee_key
)
SELECT
  r.audit_id,
  a.audited_at,
  a.audit_id = (SELECT max(n.audit_id) FROM @hub@.audit_run AS n) AS is_latest,
  lag(a.audited_at) OVER w AS previous_audited_at,
  r.source_id,
  s.name::varchar(200) AS source,
  e.employee_id,
  r.employee_key::varchar(100) AS employee_key,
  r.records,
  r.filled_values,
  r.rejected_values,
  r.completeness,
  r.validity,
  r.records - lag(r.records) OVER w AS records_change,
  r.completeness - lag(r.completeness) OVER w AS completeness_change,
  r.validity - lag(r.validity) OVER w AS validity_change
FROM rated AS r
JOIN @hub@.audit_run AS a ON a.audit_id = r.audit_id
JOIN @hub@.source AS s ON s.source_id = r.source_id
LEFT JOIN @hub@.employee AS e ON e.employee_key = r.employee_key
WINDOW w AS (PARTITION BY r.source_id, r.employee_key ORDER BY r.audit_id);

COMMENT ON VIEW @bi@.data_quality_employee_trend IS 'One row is one employee in one source in one audit, with the change since the audit before. Needs crm.audit_sources().';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.audit_id IS 'Audit.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.audited_at IS 'When.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.is_latest IS 'True: of the newest audit.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.previous_audited_at IS 'When the audit before was that knew the employee; NULL: none did.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.employee_id IS 'Employee; NULL when the key is of nobody in dim_employee.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.employee_key IS 'Key of the employee, as the source delivers it.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.records IS 'Customer records entered.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.filled_values IS 'Values that were not rejected.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.rejected_values IS 'Values that were rejected.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.completeness IS 'Filled values / (records x attributes that the source fills at all), 0 to 1: the fill rate.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.validity IS 'Plausible values / values delivered, 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.records_change IS 'Change since the audit before.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.completeness_change IS 'Change since the audit before: 0.01 is one percent point.';
COMMENT ON COLUMN @bi@.data_quality_employee_trend.validity_change IS 'Change since the audit before.';

-- What costs and brings nothing, by the newest audit.
CREATE OR REPLACE VIEW @bi@.unused_data AS
WITH newest AS MATERIALIZED (
  SELECT max(r.audit_id) AS audit_id FROM @hub@.audit_run AS r
), found AS (
  SELECT h.audit_id, h.source_id, h.kind, h.name, h.records, h.filled,
         CASE WHEN h.filled = 0 THEN 'never filled' WHEN h.kind = 'delivered column' THEN 'in no mapping' ELSE 'in no rule or report' END AS finding
  FROM newest AS n
  JOIN @hub@.audit_holding AS h ON h.audit_id = n.audit_id
  WHERE h.filled = 0 OR h.used_in IS NULL AND h.kind <> 'fact column'
  UNION ALL
  SELECT a.audit_id, a.source_id, 'attribute' AS kind, a.attribute AS name, a.records, a.filled, 'wins no golden value' AS finding
  FROM newest AS n
  JOIN @hub@.audit_attribute AS a ON a.audit_id = n.audit_id
  JOIN @hub@.audit_source AS s ON s.audit_id = a.audit_id AND s.source_id = a.source_id
  WHERE a.filled > 0 AND a.surviving_values = 0 AND s.surviving_values > 0
  UNION ALL
  SELECT s.audit_id, s.source_id, 'source' AS kind, NULL AS name, s.records, s.records AS filled, 'wins no golden value' AS finding
  FROM newest AS n
  JOIN @hub@.audit_source AS s ON s.audit_id = n.audit_id
  WHERE s.records > 0 AND s.surviving_values = 0
)
SELECT
  r.audited_at,
  f.source_id,
  s.name::varchar(200) AS source,
  f.kind::varchar(20) AS kind,
  f.name::varchar(200) AS name,
  f.finding::varchar(30) AS finding,
  f.records,
  f.filled,
  (f.filled::double precision / NULLIF(f.records, 0)) AS fill_rate
FROM found AS f
JOIN @hub@.audit_run AS r ON r.audit_id = f.audit_id
LEFT JOIN @hub@.source AS s ON s.source_id = f.source_id;

COMMENT ON VIEW @bi@.unused_data IS 'One row is one thing that the hub holds and nobody uses, by the newest audit. Needs crm.audit_sources().';
COMMENT ON COLUMN @bi@.unused_data.audited_at IS 'When that audit was.';
COMMENT ON COLUMN @bi@.unused_data.source_id IS 'Source; NULL: of all.';
COMMENT ON COLUMN @bi@.unused_data.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.unused_data.kind IS 'source; attribute of the customer; delivered column of customer rows; further attribute; fact column.';
COMMENT ON COLUMN @bi@.unused_data.name IS 'Name of the attribute or column; NULL: the whole source.';
COMMENT ON COLUMN @bi@.unused_data.finding IS 'never filled; in no mapping (delivered and read by nobody); in no rule or report (loaded, and no rule of survivorship, override or view names it); wins no golden value (others always know better).';
COMMENT ON COLUMN @bi@.unused_data.records IS 'Rows that could have it.';
COMMENT ON COLUMN @bi@.unused_data.filled IS 'Rows that have a value.';
COMMENT ON COLUMN @bi@.unused_data.fill_rate IS 'filled / records, 0 to 1.';
