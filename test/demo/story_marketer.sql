\echo
\echo '── The marketer ──────────────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'Recency against frequency: customers in each of the 25 cells, 5 is best; equal customers never get different scores (crm_bi.rfm_grid).'
SELECT recency_score AS "recency",
       max(customers) FILTER (WHERE frequency_score = 1) AS "frequency 1", max(customers) FILTER (WHERE frequency_score = 2) AS "2",
       max(customers) FILTER (WHERE frequency_score = 3) AS "3", max(customers) FILTER (WHERE frequency_score = 4) AS "4",
       max(customers) FILTER (WHERE frequency_score = 5) AS "5",
       sum(revenue) AS revenue
FROM crm_bi.rfm_grid GROUP BY recency_score ORDER BY recency_score DESC;

\echo 'Whom we may contact at all: one channel a row; a refusal anywhere counts everywhere (crm.contactable).'
SELECT channel_kind AS channel, count(*) FILTER (WHERE may_contact) AS "may contact", round(100.0 * count(*) FILTER (WHERE may_contact) / count(*), 1) AS "%",
       count(*) FILTER (WHERE reason = 'refused') AS refused, count(*) FILTER (WHERE reason = 'withdrawn') AS withdrawn,
       count(*) FILTER (WHERE reason = 'never asked') AS "never asked", count(*) FILTER (WHERE reason = 'no address') AS "no address"
FROM crm.contactable GROUP BY channel_kind ORDER BY 2 DESC, 1;
