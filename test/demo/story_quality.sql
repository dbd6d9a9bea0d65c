\echo
\echo '── How good are the data ─────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'Rows that wait in quarantine, by the rule they broke: nothing is lost silently, nothing broken gets in (crm.quarantine).'
SELECT s.name AS source, b.entity, q.rule, count(*) AS rows, min(q.detail) AS "for example"
FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id) JOIN crm.source AS s USING (source_id)
WHERE q.state = 'open'
GROUP BY s.name, b.entity, q.rule ORDER BY 4 DESC, 1, 2, 3;

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

\echo 'What each system knows of its customers: part of its records with the value, in percent, and how many say the same person twice.'
SELECT s.name AS source, count(*) AS records,
       round(100.0 * count(r.full_name) / count(*)) AS name, round(100.0 * count(r.email) / count(*)) AS "e-mail",
       round(100.0 * count(r.phone) / count(*)) AS phone, round(100.0 * count(r.tax_id) / count(*)) AS "tax id",
       round(100.0 * count(r.birth_date) / count(*)) AS birth, round(100.0 * count(r.postcode) / count(*)) AS postcode,
       round(100.0 * count(r.flags) / count(*), 1) AS "with a wrong value",
       count(*) - count(DISTINCT m.customer_id) AS "same person again",
       max(r.business_at)::date AS "newest record"
FROM crm.source_record AS r JOIN crm.source AS s USING (source_id) LEFT JOIN crm.customer_member AS m USING (record_id)
GROUP BY s.name ORDER BY s.name;

\echo 'Who fills in what: the six employees whose records have the most wrong values (at least 15 records).'
SELECT e.name AS employee, e.team, count(*) AS records, round(100.0 * count(r.flags) / count(*), 1) AS "% with a wrong value",
       round(100.0 * (count(r.email) + count(r.phone) + count(r.tax_id) + count(r.birth_date) + count(r.postcode)) / (5 * count(*)), 1) AS "% filled in"
FROM crm.source_record AS r JOIN crm.employee AS e ON e.employee_key = r.entered_by
GROUP BY e.employee_key, e.name, e.team HAVING count(*) >= 15
ORDER BY 4 DESC, 3 DESC, 1 LIMIT 6;

\echo 'Named by facts and declared by nobody: loaded all the same, and shown here.'
SELECT 'employee' AS dimension, e.employee_key AS name, count(*) AS touches
FROM crm.touch AS t JOIN crm.employee AS e USING (employee_id) WHERE NOT e.declared GROUP BY e.employee_key;

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

\echo 'The hub checks itself: no row means that every invariant holds (crm.check).'
SELECT count(*) AS "broken invariants" FROM crm.check();
