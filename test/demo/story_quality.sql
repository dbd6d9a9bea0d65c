\echo
\echo '── How good are the data ─────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'Rows that wait in quarantine, by the rule they broke: nothing is lost silently, nothing broken gets in (crm.quarantine_summary).'
SELECT source, entity, rule, rows, description FROM crm.quarantine_summary WHERE state = 'open' ORDER BY rows DESC, source, entity, rule;

\echo 'Values left out or trusted less, in rows that were loaded: placeholders identify nobody (crm.source_record.flags).'
SELECT f.flag AS rule, count(*) AS records, c.effect, c.description
FROM crm.source_record AS r CROSS JOIN LATERAL unnest(r.flags) AS f(flag)
LEFT JOIN crm.contract_rule AS c ON c.rule = f.flag
GROUP BY f.flag, c.effect, c.description ORDER BY 2 DESC, 1;

\echo 'Mended and replayed: the letter O in an amount becomes a zero, a late file brings customers whose orders waited (crm.replay_quarantine).'
UPDATE crm.quarantine AS q SET raw = jsonb_set(q.raw, '{net_amount}', '"12.50"')
WHERE q.rule = 'invalid_number' AND q.raw ->> 'net_amount' = '12,5O';
\o /dev/null
SELECT crm.load('web shop', 'shop.web_customer_late',
  '{"key": "customer_no", "given_name": "first_name", "surname": "last_name", "full_name": ["first_name", "last_name"], "email": "email",
    "business_at": "updated_at"}');
\o
SELECT s.name AS source, b.entity, b.rows_in AS "rows tried", b.rows_loaded AS loaded, b.rows_quarantined AS "still waiting"
FROM crm.replay_quarantine() AS b JOIN crm.source AS s USING (source_id) ORDER BY 1, 2, b.load_id;
\o /dev/null
SELECT crm.resolve();
\o

\echo 'What each system knows of its customers: part of its records with a valid value, in percent (crm_bi.data_quality).'
SELECT source, max(records) AS records,
       round(100 * max(completeness) FILTER (WHERE attribute = 'full_name')) AS name, round(100 * max(completeness) FILTER (WHERE attribute = 'email')) AS "e-mail",
       round(100 * max(completeness) FILTER (WHERE attribute = 'phone')) AS phone, round(100 * max(completeness) FILTER (WHERE attribute = 'tax_id')) AS "tax id",
       round(100 * max(completeness) FILTER (WHERE attribute = 'birth_date')) AS birth, round(100 * max(completeness) FILTER (WHERE attribute = 'postcode')) AS postcode,
       sum(rejected) AS "values rejected", sum(implausible) AS implausible, max(newest_business_date) AS "newest record"
FROM crm_bi.data_quality WHERE records > 0 GROUP BY source ORDER BY 2 DESC, 1;

\echo 'Where systems contradict each other about the same customer (crm_bi.data_quality).'
SELECT attribute, sum(compared_customers) AS compared, sum(conflicting_customers) AS "not the same",
       round(100.0 * sum(conflicting_customers) / sum(compared_customers), 1) AS "%",
       max(source) FILTER (WHERE worst = 1) AS "most often in", round((100 * max(conflict_rate) FILTER (WHERE worst = 1))::numeric, 1) AS "% there"
FROM (SELECT q.*, row_number() OVER (PARTITION BY attribute ORDER BY conflict_rate DESC NULLS LAST, source) AS worst
      FROM crm_bi.data_quality AS q WHERE compared_customers >= 30) AS ranked
WHERE attribute IN ('full_name', 'birth_date', 'email', 'phone', 'tax_id', 'postcode')
GROUP BY attribute ORDER BY 4 DESC, 1;

\echo 'Who fills in what: the employees with the most rejected values, of those who entered 15 records or more (crm_bi.data_quality_employee).'
SELECT e.employee, e.team, q.source, q.records, q.rejected_values AS "values rejected", round((100 * q.completeness)::numeric, 1) AS "% filled in", round((100 * q.validity)::numeric, 1) AS "% valid"
FROM crm_bi.data_quality_employee AS q JOIN crm_bi.dim_employee AS e USING (employee_id)
WHERE q.records >= 15 ORDER BY q.validity, q.records DESC, e.employee_key LIMIT 6;

\echo 'Named by facts and declared by nobody: loaded all the same, and reported (crm_bi.undeclared_dimension).'
SELECT dimension, name, uses FROM crm_bi.undeclared_dimension ORDER BY uses DESC, 1, 2;

\echo
\echo '── How well was it done ──────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'Against the truth that the generator hid: of the pairs put together, how many are one person; of those that are, how many were found.'
SELECT e.records, e.people, e.customers, e.true_pairs AS "true pairs", e.found_pairs AS "pairs found", e.right_pairs AS "of them right",
       e.precision, e.recall, e.f1 FROM shop.evaluation AS e;
\echo 'The same by B-cubed, the mean over records instead of pairs.'
SELECT e.bcubed_precision AS precision, e.bcubed_recall AS recall, e.bcubed_f1 AS f1 FROM shop.evaluation AS e;

\echo 'People by the number of their records: found as one customer, in parts, or with somebody else.'
WITH judged AS MATERIALIZED (
  SELECT j.person_id, j.customer_id, min(j.person_id) OVER w <> max(j.person_id) OVER w AS mixed
  FROM shop.judged AS j WINDOW w AS (PARTITION BY j.customer_id)
), person AS (
  SELECT j.person_id, count(*) AS records, count(DISTINCT j.customer_id) AS parts, bool_or(j.mixed) AS mixed
  FROM judged AS j GROUP BY j.person_id
)
SELECT CASE WHEN records >= 5 THEN '5 and more' ELSE records::text END AS "records", count(*) AS people,
       count(*) FILTER (WHERE parts = 1 AND NOT mixed) AS "one customer", count(*) FILTER (WHERE parts = 2 AND NOT mixed) AS "in two parts",
       count(*) FILTER (WHERE parts > 2 AND NOT mixed) AS "in more parts", count(*) FILTER (WHERE mixed) AS "with somebody else"
FROM person GROUP BY 1 ORDER BY 1;

\echo 'Traps: different people who share a value, and how many of these pairs stayed apart.'
WITH judged AS MATERIALIZED (
  SELECT j.record_id, j.person_id, j.customer_id FROM shop.judged AS j
), pair AS (
  SELECT DISTINCT i.kind, a.person_id, b.person_id AS other, a.customer_id = b.customer_id AS merged
  FROM crm.identifier AS i
  JOIN crm.identifier AS k ON k.kind = i.kind AND k.value = i.value AND k.record_id > i.record_id
  JOIN judged AS a ON a.record_id = i.record_id
  JOIN judged AS b ON b.record_id = k.record_id
  WHERE a.person_id <> b.person_id
), once AS (
  SELECT kind, least(person_id, other) AS one, greatest(person_id, other) AS two, bool_or(merged) AS merged FROM pair GROUP BY 1, 2, 3
)
SELECT kind AS "they share", count(*) AS "pairs of people", count(*) FILTER (WHERE NOT merged) AS "kept apart", count(*) FILTER (WHERE merged) AS merged
FROM once GROUP BY kind ORDER BY 2 DESC, 1;

\echo 'Why the pairs that were missed were missed, and what each wrong pair rested on.'
WITH judged AS MATERIALIZED (
  SELECT j.record_id, j.person_id, j.customer_id FROM shop.judged AS j
), missed AS MATERIALIZED (
  SELECT a.record_id AS record_a, b.record_id AS record_b
  FROM judged AS a JOIN judged AS b ON b.person_id = a.person_id AND b.record_id > a.record_id
  WHERE a.customer_id <> b.customer_id
), wrong AS MATERIALIZED (
  SELECT a.record_id AS record_a, b.record_id AS record_b
  FROM judged AS a JOIN judged AS b ON b.customer_id = a.customer_id AND b.record_id > a.record_id
  WHERE a.person_id <> b.person_id
)
SELECT 'missed' AS pair, coalesce(l.decision || ' (' || l.kind || ')', 'the two share no value, other records might join them') AS why, count(*) AS pairs
FROM missed AS m LEFT JOIN crm.match_link AS l ON l.record_a = m.record_a AND l.record_b = m.record_b
GROUP BY 1, 2
UNION ALL
SELECT 'wrong', coalesce('the same ' || l.kind, 'through another record'), count(*)
FROM wrong AS w LEFT JOIN crm.match_link AS l ON l.record_a = w.record_a AND l.record_b = w.record_b AND l.decision = 'linked'
GROUP BY 1, 2
ORDER BY 1, 3 DESC, 2;

\echo 'The hub checks itself: no row means that every invariant holds (crm.check).'
SELECT count(*) AS "broken invariants" FROM crm.check();
