-- Data quality of what the sources deliver: counts and shares, no values of
-- customers. Every view counts the records anew when it is read; what it was
-- before, crm.audit_sources() keeps (audit.sql).

-- Values are compared in the form in which two records agree on them: names and
-- places folded, so that neither case nor accents are a conflict. A digit of
-- quality tells of each attribute whether it is filled and plausible.
CREATE OR REPLACE VIEW @bi@.data_quality AS
WITH stated AS (
  -- Few records differ in their marks: each combination is looked at once.
  SELECT g.source_id, a.attribute, sum(g.records) AS records,
         coalesce(sum(g.records) FILTER (WHERE substr(g.quality, a.position, 1) <> '0'), 0) AS filled,
         coalesce(sum(g.records) FILTER (WHERE substr(g.quality, a.position, 1) = '3'), 0) AS implausible,
         coalesce(sum(g.records) FILTER (WHERE g.flags && ARRAY['placeholder_' || f.name, f.name || '_invalid', f.name || '_impossible']), 0)
           AS rejected
  FROM (SELECT r.source_id, r.quality, r.flags, count(*) AS records
        FROM @hub@.source_record AS r
        WHERE r.erased_at IS NULL
        GROUP BY r.source_id, r.quality, r.flags) AS g
  JOIN @hub@.survivorship_attribute AS a ON a.position > 0
  CROSS JOIN LATERAL (SELECT CASE a.attribute WHEN 'full_name' THEN 'name' ELSE a.attribute END AS name) AS f
  GROUP BY g.source_id, a.attribute
), told AS MATERIALIZED (
  SELECT r.source_id, CASE WHEN c.source_count > 1 THEN c.customer_id END AS shared_by, r.name_key AS full_name,
         omnicrm.normalize_name(r.given_name) AS given_name, omnicrm.normalize_name(r.surname) AS surname, r.birth_date::text AS birth_date,
         r.gender, r.email, r.phone, r.tax_id, omnicrm.normalize_name(r.street) AS street, r.postcode,
         omnicrm.normalize_name(r.city) AS city, omnicrm.normalize_name(r.province) AS province,
         omnicrm.normalize_name(r.country) AS country, r.loyalty_card, r.username
  FROM @hub@.source_record AS r
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = r.record_id
  LEFT JOIN @hub@.customer AS c ON c.customer_id = m.customer_id
  WHERE r.erased_at IS NULL
), different AS (
  SELECT t.source_id, v.attribute, v.distinct_values
  FROM (SELECT t.source_id, ARRAY[
          count(DISTINCT t.full_name COLLATE "C"), count(DISTINCT t.given_name COLLATE "C"), count(DISTINCT t.surname COLLATE "C"),
          count(DISTINCT t.birth_date COLLATE "C"), count(DISTINCT t.gender COLLATE "C"), count(DISTINCT t.email COLLATE "C"),
          count(DISTINCT t.phone COLLATE "C"), count(DISTINCT t.tax_id COLLATE "C"), count(DISTINCT t.street COLLATE "C"),
          count(DISTINCT t.postcode COLLATE "C"), count(DISTINCT t.city COLLATE "C"), count(DISTINCT t.province COLLATE "C"),
          count(DISTINCT t.country COLLATE "C"), count(DISTINCT t.loyalty_card COLLATE "C"), count(DISTINCT t.username COLLATE "C")] AS counts
        FROM told AS t
        GROUP BY t.source_id) AS t
  CROSS JOIN LATERAL unnest(ARRAY['full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street',
                                  'postcode', 'city', 'province', 'country', 'loyalty_card', 'username'], t.counts)
    AS v(attribute, distinct_values)
), compared AS (
  -- Customers that two sources or more know, attribute by attribute.
  SELECT p.source_id, p.attribute, count(*) AS customers, count(*) FILTER (WHERE p.low <> p.high) AS conflicts
  FROM (SELECT g.attribute, g.low, g.high, unnest(g.sources) AS source_id
        FROM (SELECT v.attribute, min(v.value COLLATE "C") AS low, max(v.value COLLATE "C") AS high,
                     array_agg(DISTINCT t.source_id) AS sources
              FROM told AS t
              CROSS JOIN LATERAL (VALUES
                ('full_name', t.full_name), ('given_name', t.given_name), ('surname', t.surname), ('birth_date', t.birth_date),
                ('gender', t.gender), ('email', t.email), ('phone', t.phone), ('tax_id', t.tax_id), ('street', t.street),
                ('postcode', t.postcode), ('city', t.city), ('province', t.province), ('country', t.country),
                ('loyalty_card', t.loyalty_card), ('username', t.username)) AS v(attribute, value)
              WHERE t.shared_by IS NOT NULL AND v.value IS NOT NULL
              GROUP BY t.shared_by, v.attribute) AS g
        WHERE cardinality(g.sources) > 1) AS p
  GROUP BY p.source_id, p.attribute
), newest AS (
  SELECT r.source_id, max(r.business_at)::date AS newest_business_date FROM @hub@.source_record AS r GROUP BY r.source_id
), loaded AS (
  SELECT b.source_id, max(b.finished_at) AS last_loaded_at FROM @hub@.load_batch AS b WHERE NOT b.replay GROUP BY b.source_id
)
SELECT
  s.source_id,
  s.name::varchar(200) AS source,
  a.attribute::varchar(20) AS attribute,
  coalesce(c.records, 0)::bigint AS records,
  coalesce(c.filled, 0)::bigint AS filled,
  coalesce(c.rejected, 0)::bigint AS rejected,
  coalesce(c.implausible, 0)::bigint AS implausible,
  coalesce(d.distinct_values, 0)::bigint AS distinct_values,
  (c.filled::double precision / NULLIF(c.records, 0)) AS completeness,
  ((c.filled - c.implausible)::double precision / NULLIF(c.filled + c.rejected, 0)) AS validity,
  (coalesce(d.distinct_values, 0)::double precision / NULLIF(c.filled, 0)) AS uniqueness,
  coalesce(p.customers, 0)::bigint AS compared_customers,
  coalesce(p.conflicts, 0)::bigint AS conflicting_customers,
  (p.conflicts::double precision / NULLIF(p.customers, 0)) AS conflict_rate,
  n.newest_business_date,
  (current_date - n.newest_business_date) AS business_days_old,
  l.last_loaded_at,
  coalesce(l.last_loaded_at < now() - s.freshness, s.freshness IS NOT NULL) AS is_late
FROM @hub@.source AS s
JOIN @hub@.survivorship_attribute AS a ON a.position > 0
LEFT JOIN stated AS c ON c.source_id = s.source_id AND c.attribute = a.attribute
LEFT JOIN different AS d ON d.source_id = s.source_id AND d.attribute = a.attribute
LEFT JOIN compared AS p ON p.source_id = s.source_id AND p.attribute = a.attribute
LEFT JOIN newest AS n ON n.source_id = s.source_id
LEFT JOIN loaded AS l ON l.source_id = s.source_id;

COMMENT ON VIEW @bi@.data_quality IS 'One row is one attribute of the customer records of one source: how complete, valid, unique, contradicted and fresh it is.';
COMMENT ON COLUMN @bi@.data_quality.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.data_quality.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.data_quality.attribute IS 'Attribute of the customer: full_name, email, ...';
COMMENT ON COLUMN @bi@.data_quality.records IS 'Customer records of the source.';
COMMENT ON COLUMN @bi@.data_quality.filled IS 'Records with a value that was not rejected.';
COMMENT ON COLUMN @bi@.data_quality.rejected IS 'Records whose value was rejected: unreadable, impossible or a placeholder.';
COMMENT ON COLUMN @bi@.data_quality.implausible IS 'Records whose value was kept with less trust.';
COMMENT ON COLUMN @bi@.data_quality.distinct_values IS 'Different values; names and places without regard to case and accents.';
COMMENT ON COLUMN @bi@.data_quality.completeness IS 'filled / records, 0 to 1; NULL without records.';
COMMENT ON COLUMN @bi@.data_quality.validity IS 'Plausible values / values delivered (filled + rejected), 0 to 1; NULL without values.';
COMMENT ON COLUMN @bi@.data_quality.uniqueness IS 'Different values / filled, 0 to 1; NULL without values.';
COMMENT ON COLUMN @bi@.data_quality.compared_customers IS 'Customers for whom this source and another one have a value.';
COMMENT ON COLUMN @bi@.data_quality.conflicting_customers IS 'Of these, the customers whose records do not agree.';
COMMENT ON COLUMN @bi@.data_quality.conflict_rate IS 'conflicting / compared customers, 0 to 1; NULL when none was compared.';
COMMENT ON COLUMN @bi@.data_quality.newest_business_date IS 'Newest business date of the source''s customer records.';
COMMENT ON COLUMN @bi@.data_quality.business_days_old IS 'Days since then.';
COMMENT ON COLUMN @bi@.data_quality.last_loaded_at IS 'End of the source''s last load of any entity.';
COMMENT ON COLUMN @bi@.data_quality.is_late IS 'True: the source has a freshness and its last load is older than that, or there was none.';

-- What each employee enters, field by field.
CREATE OR REPLACE VIEW @bi@.data_quality_entry AS
WITH counted AS (
  SELECT g.source_id, g.entered_by, a.attribute, sum(g.records) AS records,
         coalesce(sum(g.records) FILTER (WHERE substr(g.quality, a.position, 1) <> '0'), 0) AS filled,
         coalesce(sum(g.records) FILTER (WHERE substr(g.quality, a.position, 1) = '3'), 0) AS implausible,
         coalesce(sum(g.records) FILTER (WHERE g.flags && ARRAY['placeholder_' || f.name, f.name || '_invalid', f.name || '_impossible']), 0)
           AS rejected
  FROM (SELECT r.source_id, r.entered_by, r.quality, r.flags, count(*) AS records
        FROM @hub@.source_record AS r
        WHERE r.erased_at IS NULL
        GROUP BY r.source_id, r.entered_by, r.quality, r.flags) AS g
  JOIN @hub@.survivorship_attribute AS a ON a.position > 0
  CROSS JOIN LATERAL (SELECT CASE a.attribute WHEN 'full_name' THEN 'name' ELSE a.attribute END AS name) AS f
  GROUP BY g.source_id, g.entered_by, a.attribute
), asked AS (
  SELECT c.*, sum(c.filled + c.rejected) OVER (PARTITION BY c.source_id, c.attribute) > 0 AS is_asked FROM counted AS c
)
SELECT
  s.source_id,
  s.name::varchar(200) AS source,
  e.employee_id,
  c.entered_by::varchar(100) AS employee_key,
  c.attribute::varchar(20) AS attribute,
  c.is_asked,
  c.records::bigint AS records,
  c.filled::bigint AS filled,
  c.rejected::bigint AS rejected,
  c.implausible::bigint AS implausible,
  (c.filled::double precision / c.records::double precision) AS completeness,
  ((c.filled - c.implausible)::double precision / NULLIF(c.filled + c.rejected, 0)::double precision) AS validity
FROM asked AS c
JOIN @hub@.source AS s ON s.source_id = c.source_id
LEFT JOIN @hub@.employee AS e ON e.employee_key = c.entered_by
WHERE c.entered_by IS NOT NULL;

COMMENT ON VIEW @bi@.data_quality_entry IS 'One row is one attribute of the customer records that one employee entered into one source.';
COMMENT ON COLUMN @bi@.data_quality_entry.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.data_quality_entry.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.data_quality_entry.employee_id IS 'Employee; NULL when the key is of nobody in dim_employee.';
COMMENT ON COLUMN @bi@.data_quality_entry.employee_key IS 'Key of the employee, as the source delivers it.';
COMMENT ON COLUMN @bi@.data_quality_entry.attribute IS 'Attribute of the customer: full_name, email, ...';
COMMENT ON COLUMN @bi@.data_quality_entry.is_asked IS 'False: nobody ever filled it in this source.';
COMMENT ON COLUMN @bi@.data_quality_entry.records IS 'Customer records that he or she entered.';
COMMENT ON COLUMN @bi@.data_quality_entry.filled IS 'Records with a value that was not rejected.';
COMMENT ON COLUMN @bi@.data_quality_entry.rejected IS 'Records whose value was rejected: unreadable, impossible or a placeholder.';
COMMENT ON COLUMN @bi@.data_quality_entry.implausible IS 'Records whose value was kept with less trust.';
COMMENT ON COLUMN @bi@.data_quality_entry.completeness IS 'filled / records, 0 to 1: the fill rate.';
COMMENT ON COLUMN @bi@.data_quality_entry.validity IS 'Plausible values / values delivered, 0 to 1; NULL without values.';

-- Complete is measured by the attributes that the source fills at all, so that
-- nobody is blamed for a field that is not asked.
CREATE OR REPLACE VIEW @bi@.data_quality_employee AS
SELECT
  c.source_id,
  c.source,
  c.employee_id,
  c.employee_key,
  max(c.records) AS records,
  count(*) AS attributes,
  sum(c.filled)::bigint AS filled_values,
  sum(c.rejected)::bigint AS rejected_values,
  sum(c.implausible)::bigint AS implausible_values,
  (sum(c.filled)::double precision / sum(c.records)::double precision) AS completeness,
  (sum(c.filled - c.implausible)::double precision / NULLIF(sum(c.filled + c.rejected), 0)::double precision) AS validity
FROM @bi@.data_quality_entry AS c
WHERE c.is_asked
GROUP BY c.source_id, c.source, c.employee_id, c.employee_key;

COMMENT ON VIEW @bi@.data_quality_employee IS 'One row is one employee in one source: how complete and valid are the customer records that he or she entered.';
COMMENT ON COLUMN @bi@.data_quality_employee.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.data_quality_employee.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.data_quality_employee.employee_id IS 'Employee; NULL when the key is of nobody in dim_employee.';
COMMENT ON COLUMN @bi@.data_quality_employee.employee_key IS 'Key of the employee, as the source delivers it.';
COMMENT ON COLUMN @bi@.data_quality_employee.records IS 'Customer records entered.';
COMMENT ON COLUMN @bi@.data_quality_employee.attributes IS 'Attributes that the source fills at all.';
COMMENT ON COLUMN @bi@.data_quality_employee.filled_values IS 'Values that were not rejected.';
COMMENT ON COLUMN @bi@.data_quality_employee.rejected_values IS 'Values that were rejected: unreadable, impossible or a placeholder.';
COMMENT ON COLUMN @bi@.data_quality_employee.implausible_values IS 'Values that were kept with less trust.';
COMMENT ON COLUMN @bi@.data_quality_employee.completeness IS 'Filled values / (records x attributes), 0 to 1.';
COMMENT ON COLUMN @bi@.data_quality_employee.validity IS 'Plausible values / values delivered, 0 to 1; NULL without values.';

CREATE OR REPLACE VIEW @bi@.undeclared_dimension AS
WITH named AS (
  SELECT 'channel' AS dimension, u.id::bigint AS id, sum(u.uses) AS uses
  FROM (SELECT o.channel_id AS id, count(*) AS uses FROM @hub@.sales_order AS o GROUP BY o.channel_id
        UNION ALL SELECT t.channel_id, count(*) FROM @hub@.touch AS t GROUP BY t.channel_id
        UNION ALL SELECT l.channel_id, count(*) FROM @hub@.lead AS l GROUP BY l.channel_id
        UNION ALL SELECT k.channel_id, count(*) FROM @hub@.service_case AS k GROUP BY k.channel_id
        UNION ALL SELECT c.channel_id, count(*) FROM @hub@.campaign AS c GROUP BY c.channel_id) AS u
  GROUP BY u.id
  UNION ALL
  SELECT 'employee', u.id, sum(u.uses)
  FROM (SELECT o.employee_id AS id, count(*) AS uses FROM @hub@.sales_order AS o GROUP BY o.employee_id
        UNION ALL SELECT t.employee_id, count(*) FROM @hub@.touch AS t GROUP BY t.employee_id
        UNION ALL SELECT k.employee_id, count(*) FROM @hub@.service_case AS k GROUP BY k.employee_id
        UNION ALL SELECT l.brought_by, count(*) FROM @hub@.lead AS l GROUP BY l.brought_by
        UNION ALL SELECT l.advised_by, count(*) FROM @hub@.lead AS l GROUP BY l.advised_by
        UNION ALL SELECT l.closed_by, count(*) FROM @hub@.lead AS l GROUP BY l.closed_by) AS u
  GROUP BY u.id
  UNION ALL
  SELECT 'campaign', u.id, sum(u.uses)
  FROM (SELECT t.campaign_id AS id, count(*) AS uses FROM @hub@.touch AS t GROUP BY t.campaign_id
        UNION ALL SELECT l.campaign_id, count(*) FROM @hub@.lead AS l GROUP BY l.campaign_id) AS u
  GROUP BY u.id
  UNION ALL
  SELECT 'product', l.product_id, count(*) FROM @hub@.order_line AS l GROUP BY l.product_id
)
SELECT
  d.dimension::varchar(10) AS dimension,
  d.id AS dimension_id,
  d.name::varchar(200) AS name,
  coalesce(n.uses, 0)::bigint AS uses
FROM (SELECT 'channel' AS dimension, c.channel_id::bigint AS id, c.name FROM @hub@.channel AS c WHERE NOT c.declared
      UNION ALL SELECT 'employee', e.employee_id, e.employee_key FROM @hub@.employee AS e WHERE NOT e.declared
      UNION ALL SELECT 'campaign', c.campaign_id, c.name FROM @hub@.campaign AS c WHERE NOT c.declared
      UNION ALL SELECT 'product', p.product_id, p.product_key FROM @hub@.product AS p WHERE NOT p.declared) AS d
LEFT JOIN named AS n ON n.dimension = d.dimension AND n.id = d.id;

COMMENT ON VIEW @bi@.undeclared_dimension IS 'One row is one channel, employee, campaign or product that facts name and nobody declared: mostly a typing error.';
COMMENT ON COLUMN @bi@.undeclared_dimension.dimension IS 'channel, employee, campaign or product.';
COMMENT ON COLUMN @bi@.undeclared_dimension.dimension_id IS 'Key in its dimension.';
COMMENT ON COLUMN @bi@.undeclared_dimension.name IS 'Name or key by which facts name it.';
COMMENT ON COLUMN @bi@.undeclared_dimension.uses IS 'Number of facts that name it.';

CREATE OR REPLACE VIEW @bi@.load_history AS
SELECT
  b.load_id,
  s.source_id,
  s.name::varchar(200) AS source,
  b.entity::varchar(20) AS entity,
  b.replay AS is_replay,
  b.started_at,
  b.finished_at,
  extract(epoch FROM b.finished_at - b.started_at)::double precision AS seconds,
  b.rows_in,
  b.rows_loaded,
  b.rows_unchanged,
  b.rows_quarantined,
  b.values_rejected,
  b.values_downgraded,
  (b.rows_quarantined::double precision / NULLIF(b.rows_in, 0)) AS quarantine_rate,
  coalesce(q.waiting, 0)::bigint AS rows_waiting
FROM @hub@.load_batch AS b
JOIN @hub@.source AS s ON s.source_id = b.source_id
LEFT JOIN (SELECT w.load_id, count(*) AS waiting FROM @hub@.quarantine AS w WHERE w.state = 'open' GROUP BY w.load_id) AS q
  ON q.load_id = b.load_id;

COMMENT ON VIEW @bi@.load_history IS 'One row is one load or replay: what came in and what became of it.';
COMMENT ON COLUMN @bi@.load_history.load_id IS 'Key.';
COMMENT ON COLUMN @bi@.load_history.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.load_history.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.load_history.entity IS 'What the rows are: customer, order, touch, ...';
COMMENT ON COLUMN @bi@.load_history.is_replay IS 'True: the rows came out of quarantine.';
COMMENT ON COLUMN @bi@.load_history.started_at IS 'Start.';
COMMENT ON COLUMN @bi@.load_history.finished_at IS 'End.';
COMMENT ON COLUMN @bi@.load_history.seconds IS 'Duration in seconds.';
COMMENT ON COLUMN @bi@.load_history.rows_in IS 'Rows read: loaded + unchanged + quarantined.';
COMMENT ON COLUMN @bi@.load_history.rows_loaded IS 'Rows new or changed.';
COMMENT ON COLUMN @bi@.load_history.rows_unchanged IS 'Rows already known with the same content.';
COMMENT ON COLUMN @bi@.load_history.rows_quarantined IS 'Rows that broke a rule.';
COMMENT ON COLUMN @bi@.load_history.values_rejected IS 'Values left out of the rows that passed.';
COMMENT ON COLUMN @bi@.load_history.values_downgraded IS 'Values kept with less trust in the rows that passed.';
COMMENT ON COLUMN @bi@.load_history.quarantine_rate IS 'Quarantined / rows in, 0 to 1; NULL without rows.';
COMMENT ON COLUMN @bi@.load_history.rows_waiting IS 'Rows of this load that still wait in quarantine.';

CREATE OR REPLACE VIEW @bi@.quarantine_open AS
SELECT
  s.source_id,
  s.name::varchar(200) AS source,
  b.entity::varchar(20) AS entity,
  q.rule::varchar(40) AS rule,
  c.description::varchar(200) AS description,
  count(*) AS rows_waiting,
  min(q.created_at) AS oldest_at,
  max(q.created_at) AS newest_at
FROM @hub@.quarantine AS q
JOIN @hub@.load_batch AS b ON b.load_id = q.load_id
JOIN @hub@.source AS s ON s.source_id = b.source_id
JOIN @hub@.contract_rule AS c ON c.rule = q.rule
WHERE q.state = 'open'
GROUP BY s.source_id, s.name, b.entity, q.rule, c.description;

COMMENT ON VIEW @bi@.quarantine_open IS 'One row is one rule that rows of one source and entity break and wait for: how many, since when.';
COMMENT ON COLUMN @bi@.quarantine_open.source_id IS 'Source.';
COMMENT ON COLUMN @bi@.quarantine_open.source IS 'Name of the source.';
COMMENT ON COLUMN @bi@.quarantine_open.entity IS 'What the rows are: customer, order, touch, ...';
COMMENT ON COLUMN @bi@.quarantine_open.rule IS 'Rule that they broke.';
COMMENT ON COLUMN @bi@.quarantine_open.description IS 'What the rule says.';
COMMENT ON COLUMN @bi@.quarantine_open.rows_waiting IS 'Rows that wait.';
COMMENT ON COLUMN @bi@.quarantine_open.oldest_at IS 'Since when the oldest waits.';
COMMENT ON COLUMN @bi@.quarantine_open.newest_at IS 'Since when the newest waits.';
