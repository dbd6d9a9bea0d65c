\echo
\echo '── The service agent ─────────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'The phone rings:' :star_phone '- who is it? (crm.find_customer takes phone, e-mail, tax number, card or name)'
SELECT customer_id::text AS customer, full_name AS name, matched_by AS "found by", matched AS value, round(score::numeric, 2) AS score
FROM crm.find_customer(:'star_phone', 5);

\echo 'Everything known on one screen (crm.print_card):'
\t on
\pset border 0
SELECT * FROM crm.print_card(:star);
\pset border 2
\t off

\echo 'Where each value of this card comes from, and what lost against it (crm.lineage).'
SELECT attribute, value, source, rule, candidates, left(others::text, 70) AS "what lost"
FROM crm.lineage(:star) WHERE candidates > 1 OR attribute IN ('full_name', 'tax_id');

\echo 'Why these records are one person (crm.explain_match).'
SELECT * FROM crm.explain_match(:star) LIMIT 8;
