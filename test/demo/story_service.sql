\echo
\echo '── The service agent ─────────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'The phone rings:' :star_phone 'calls, who is it? (crm.find_customer takes phone, e-mail, tax number, card or name)'
SELECT customer_id::text AS customer, full_name AS name, city, matched_by AS "found by", matched AS value, score
FROM crm.find_customer(:'star_phone', 5);

\echo 'Everything known on one screen (crm.print_card; the age and how long a case is open are as of today):'
\t on
\pset format unaligned
SELECT * FROM crm.print_card(:star);
\pset format aligned
\t off
\echo
\echo 'Where its values come from, and what lost against them (crm.lineage).'
SELECT attribute, value, source, rule, candidates, left(array_to_string(others, '; '), 50) AS "what lost"
FROM crm.lineage(:star) WHERE candidates > 1 OR attribute = 'tax_id';

\echo 'Why these records are one person (crm.explain_match).'
SELECT kind, value, round(similarity::numeric, 2) AS names, round(certainty::numeric, 2) AS certainty, left(told_a, 45) AS "one record", left(told_b, 45) AS "the other"
FROM crm.explain_match(:star) WHERE decision = 'linked';

-- The number that most customers have given: a family's.
SELECT i.value AS family_phone
FROM crm.identifier AS i JOIN crm.customer_member AS m USING (record_id)
WHERE i.kind = 'phone' GROUP BY i.value ORDER BY (count(DISTINCT m.customer_id) BETWEEN 3 AND 5) DESC, count(DISTINCT m.customer_id) DESC, i.value LIMIT 1
\gset
\echo 'Another call, from' :family_phone '- a household shares its phone and stays several people.'
SELECT customer_id::text AS customer, full_name AS name, city, email, matched_by AS "found by" FROM crm.find_customer(:'family_phone', 6);

\echo
\echo 'Where customers feel worse than before, and not by chance (crm_bi.journey_map: red points, sign test, Holm''s correction).'
SELECT phase, touchpoint, touches, round(emotion, 2) AS emotion, customers_worse AS "customers worse", customers_better AS better, to_char(p_adjusted, '0.9EEEE') AS p,
       round(case_satisfaction, 2) AS "satisfaction with cases", round(median_hours_to_next::numeric / 24, 1) AS "days to next touch"
FROM crm_bi.journey_map WHERE is_red_point ORDER BY p_adjusted, phase, touchpoint;
\echo 'The story of' :star_name 'so far, the last events (crm.customer_journey).'
SELECT * FROM (SELECT journey_position AS n, to_char(at, 'YYYY-MM-DD HH24:MI') AS at, event, channel, employee, role, phase, coalesce(campaign, message_type) AS "what", emotion, satisfaction, revenue,
                      round(days_since::numeric, 1) AS "days since"
               FROM crm.customer_journey(:star) ORDER BY 1 DESC LIMIT 12) AS j ORDER BY n;
