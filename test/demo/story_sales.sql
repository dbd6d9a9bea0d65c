\echo
\echo '── The salesperson ───────────────────────────────────────────────────────────────────────────────────────────'
\echo
\echo 'Where leads come from and what becomes of them (crm_bi.lead_funnel).'
SELECT origin, leads, won, lost, open, round((100 * win_rate)::numeric, 1) AS "won %", round(median_days_to_win::numeric, 1) AS "days to win", revenue, incomplete
FROM crm_bi.lead_funnel ORDER BY revenue DESC NULLS LAST, origin;

\echo 'The trace of the largest sales won this year: channel, who brought it, who advised, who closed it; a missing link is named (crm_bi.lead_trace).'
SELECT origin, channel, brought_by AS "brought by", advised_by AS "advised by", closed_by AS "closed by", won_date AS won, revenue, missing
FROM crm_bi.lead_trace WHERE state = 'won' AND won_date BETWEEN '2026-01-01' AND '2026-06-30' ORDER BY revenue DESC, lead_id LIMIT 8;

-- The field representative with the most commission in June, of those from whom
-- a return has taken something back.
SELECT employee_key AS seller, employee_name AS seller_name
FROM crm.commission_statement('2026-06-01', '2026-07-01') WHERE employee_key LIKE 'E3%'
GROUP BY employee_key, employee_name ORDER BY bool_or(kind = 'return') DESC, sum(amount) DESC, employee_key LIMIT 1
\gset
\echo 'Commission of' :seller_name 'for June 2026, with running total (crm.commission_statement); a return takes back what its sale paid.'
SELECT s.sale_key AS sale, s.sold_at::date AS day, s.kind, string_agg(s.role, ', ' ORDER BY s.line) AS "because he or she", max(s.base) AS contribution, max(s.pool) AS pool,
       round(100 * sum(s.share), 1) AS "share %", sum(s.amount) AS amount, (array_agg(s.running_total ORDER BY s.line DESC))[1] AS "running total"
FROM crm.commission_statement('2026-06-01', '2026-07-01', :'seller')
  WITH ORDINALITY AS s(employee_key, employee_name, role, sale_key, kind, sold_at, base, pool, share, amount, running_total, reason, line)
GROUP BY s.sale_key, s.sold_at, s.kind ORDER BY min(s.line);

-- A sale of June that up to six shares came out of.
SELECT sale_key AS shared_sale
FROM crm.commission_statement('2026-06-01', '2026-07-01') WHERE kind = 'sale' AND employee_key IS NOT NULL
GROUP BY sale_key HAVING count(*) <= 6 ORDER BY count(*) DESC, max(pool) DESC, sale_key LIMIT 1
\gset
\echo 'One sale, explained to the cent (crm.explain_commission): the exact share, what is paid, and what it rests on.'
SELECT step, e.employee_key AS employee, e.role, round(e.exact, 5) AS exact, e.amount, e.explanation
FROM crm.explain_commission(:'shared_sale') AS e;
