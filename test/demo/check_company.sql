-- The demo's company as a test: everything is loaded and accounted for, the
-- golden record is found well enough, and the invariants hold.
\set persons 2000
\ir generate.sql
\ir load.sql
\o
\ir evaluate.sql

CREATE FUNCTION shop.assert(holds boolean, claim text, seen text DEFAULT '') RETURNS void
LANGUAGE plpgsql
AS $$
BEGIN
  IF holds IS NOT TRUE THEN
    RAISE EXCEPTION 'does not hold: % %', claim, seen;
  END IF;
END
$$;
-- Rows of a raw table, for the comparison with what the load counted.
CREATE FUNCTION shop.rows_of(relation text) RETURNS bigint
LANGUAGE plpgsql
AS $$
DECLARE
  n bigint;
BEGIN
  EXECUTE format('SELECT count(*) FROM %s', relation::regclass) INTO n;
  RETURN n;
END
$$;

\o /dev/null
SELECT shop.assert(e.precision >= 0.99, 'precision >= .99', e.precision::text),
       shop.assert(e.recall >= 0.92, 'recall >= .92', e.recall::text),
       shop.assert(e.records = (SELECT count(*) FROM shop.truth), 'every true record has a customer', e.records::text)
FROM shop.evaluation AS e;

-- The figures of evaluate.sql, once more over each pair.
SELECT shop.assert(e.true_pairs = p.true_pairs AND e.found_pairs = p.found_pairs AND e.right_pairs = p.right_pairs, 'pairs counted in groups = pairs counted one by one')
FROM shop.evaluation AS e, (
  SELECT count(*) FILTER (WHERE a.person_id = b.person_id) AS true_pairs, count(*) FILTER (WHERE a.customer_id = b.customer_id) AS found_pairs,
         count(*) FILTER (WHERE a.person_id = b.person_id AND a.customer_id = b.customer_id) AS right_pairs
  FROM shop.judged AS a JOIN shop.judged AS b ON a.record_id < b.record_id AND (a.person_id = b.person_id OR a.customer_id = b.customer_id)
) AS p;

SELECT shop.assert(count(*) = 0, 'crm.check() finds nothing', string_agg(c::text, '; ')) FROM crm.check() AS c;

-- Each load counts the rows of its table, and what it counts adds up.
SELECT shop.assert(b.rows_in = b.rows_loaded + b.rows_unchanged + b.rows_quarantined AND b.rows_in = shop.rows_of(b.relation),
                   'counts add up', b.relation)
FROM crm.load_batch AS b;
SELECT shop.assert(count(*) = (SELECT sum(b.rows_quarantined) FROM crm.load_batch AS b), 'each refused row is in quarantine') FROM crm.quarantine;
SELECT shop.assert(EXISTS (SELECT FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id) WHERE b.relation = t.relation AND q.row_key LIKE t.row_key),
                   'in quarantine', t.row_key)
FROM (VALUES ('shop.web_order', 'WEB-BAD-%'), ('shop.web_order', 'WEB-NUM-%'), ('shop.web_order', 'WEB-ORPHAN-%'), ('shop.web_order', 'WEB-GBP-%'),
             ('shop.store_ticket', 'TKT-BAD-%'), ('shop.store_ticket', 'TKT-NEG-%'), ('shop.store_ticket', 'TKT-NOCARD-%'),
             ('shop.call_log', 'L-BAD-%'), ('shop.call_log', 'L-ORPHAN-%'), ('shop.consent', 'Q-BAD-%'), ('shop.payment', 'P-LOST-%')) AS t(relation, row_key);
SELECT shop.assert(count(*) = 0, 'no good order is in quarantine', min(q.row_key || ' ' || q.rule))
FROM crm.quarantine AS q WHERE q.row_key ~ '^R?(WEB|TKT|FLD|TKC-WEB)-[0-9]{4}-';

-- A sale fetched in a store counts once, whichever system tells it.
SELECT shop.assert(count(*) = (SELECT count(*) FROM shop.store_ticket WHERE recogida IS NOT NULL), 'each sale recorded twice has one duplicate')
FROM crm.sales_order AS o WHERE o.duplicate_of IS NOT NULL;
SELECT shop.assert(t.revenue = s.revenue, 'revenue of the hub = revenue of the systems', t.revenue || ' ' || s.revenue)
FROM (SELECT sum(o.revenue) AS revenue FROM crm.sales_order AS o WHERE o.duplicate_of IS NULL) AS t,
     (SELECT sum(amount) AS revenue FROM (
        SELECT net_amount::numeric AS amount FROM shop.web_order WHERE order_no ~ '^R?WEB-[0-9]{4}-'
        UNION ALL SELECT replace(importe, ',', '.')::numeric FROM shop.store_ticket WHERE ticket ~ '^R?TKT-[0-9]{4}-'
        UNION ALL SELECT amount::numeric FROM shop.field_order) AS raw) AS s;
SELECT shop.assert(sum(s.monetary) = (SELECT sum(o.revenue) FROM crm.sales_order AS o WHERE o.duplicate_of IS NULL), 'the segments share out the revenue')
FROM crm.customer_score AS s WHERE s.as_of = '2026-06-30';
SELECT shop.assert((SELECT count(*) FROM crm.segment_member WHERE axis = 'stage' AND valid_to IS NULL) = (SELECT count(*) FROM crm.customer WHERE state = 'active'),
                   'each customer has one stage');
SELECT shop.assert(m.converged AND m.spend_converged, 'the models of lifetime value converge', m.reason || ', ' || m.spend_reason) FROM crm.segment_model AS m;
SELECT shop.assert(sum(v.revenue) = (SELECT sum(s.monetary) FROM crm.customer_score AS s WHERE s.as_of = v.as_of), 'stages share out the revenue')
FROM crm_bi.value_by_segment AS v WHERE v.axis = 'stage' GROUP BY v.as_of;
SELECT shop.assert(count(*) = 0, 'each commission pool is paid out to the cent')
FROM (SELECT p.pool_id FROM crm.commission_pool AS p LEFT JOIN crm.commission_entry AS e USING (pool_id)
      GROUP BY p.pool_id HAVING p.amount <> coalesce(sum(e.amount), 0)) AS wrong;
SELECT shop.assert(count(*) = 0, 'crm.check_commission() finds nothing') FROM crm.check_commission();
SELECT shop.assert(sum(c.credit_first) = r.revenue AND sum(c.credit_last) = r.revenue AND sum(c.credit_linear) = r.revenue AND sum(c.credit_position) = r.revenue,
                   'each attribution model shares out the revenue to the cent')
FROM crm.attribution_run AS r JOIN crm.attribution_credit AS c USING (attribution_run_id) GROUP BY r.attribution_run_id, r.revenue;
SELECT shop.assert(count(*) = 0, 'nobody is offered what he or she has')
FROM (SELECT c.customer_id FROM crm.customer AS c WHERE c.state = 'active' ORDER BY c.customer_id LIMIT 200) AS c
CROSS JOIN LATERAL crm.next_best_offer(c.customer_id, 3) AS o
JOIN crm.product AS p USING (product_id)
JOIN crm.customer_product AS h ON h.customer_id = c.customer_id AND h.product_id = o.product_id
WHERE h.quantity > 0 AND NOT p.repeatable;

-- The same rows again change nothing, and nothing needs to be resolved anew.
SELECT shop.assert(l.rows_loaded = 0 AND l.rows_in = l.rows_unchanged + l.rows_quarantined, 'loading again changes nothing', l::text)
FROM (VALUES ('shop.web_customer'), ('shop.loyalty_member'), ('shop.web_order'), ('shop.store_ticket_line'), ('shop.call_log'), ('shop.consent'), ('shop.product')) AS t(relation)
JOIN crm.load_batch AS b USING (relation) JOIN crm.source AS s USING (source_id)
CROSS JOIN LATERAL crm.load(s.name, t.relation::regclass, b.mapping) AS l;
CREATE TABLE shop.before AS SELECT * FROM crm.customer;
SELECT crm.resolve();
SELECT shop.assert(count(*) = 0, 'resolving again changes nothing')
FROM (SELECT * FROM crm.customer EXCEPT SELECT * FROM shop.before) AS changed;

-- Reports of journeys: the one touchpoint with a problem is found, and sums tie.
SELECT shop.assert(array_agg(concat_ws(', ', phase, touchpoint)) FILTER (WHERE is_red_point) = ARRAY['post-sale, Call centre, call'], 'red point',
                   string_agg(concat_ws(', ', phase, touchpoint, p_adjusted), '; ') FILTER (WHERE is_red_point OR p_adjusted < 0.05)),
       shop.assert(sum(touches) = (SELECT count(*) FROM crm.touch) AND sum(cost) = (SELECT sum(cost) FROM crm.touch), 'each touch is on the map once')
FROM crm_bi.journey_map;
SELECT shop.assert(a.cost = b.cost, 'costs tie', a.channel)
FROM (SELECT channel, sum(cost) AS cost FROM crm_bi.acquisition_cost GROUP BY channel) AS a JOIN crm_bi.channel_balance AS b USING (channel);
SELECT shop.assert(sum(acquired_by_first) = sum(acquired_by_last) AND sum(acquired_by_first) = (SELECT max(reached) FROM crm_bi.journey_funnel WHERE name = 'ordered'), 'each customer is won once')
FROM crm_bi.acquisition_cost;
SELECT shop.assert(bool_or(kind = 'two campaigns') AND bool_or(kind = 'two employees') AND bool_or(kind = 'two prices'), 'conflicts of all kinds') FROM crm_bi.channel_conflict;

-- The pictures are drawn, all of them.
\set pictures `mktemp -d`
\ir pictures.sql
\set drawn `grep -l '^<svg' :'pictures'/*.svg | wc -l`
\set empty `grep -l 'nothing to show' :'pictures'/*.svg | wc -l`
\set gone `rm -r :'pictures'`
\o /dev/null
SELECT shop.assert(:drawn = 9 AND :empty = 0, 'nine pictures are drawn', :'drawn');
