-- The time line of one customer, and where channels competed for him or her.

CREATE OR REPLACE FUNCTION @hub@.customer_journey(customer_id bigint)
RETURNS TABLE (journey_position bigint, at timestamptz, event text, channel text, employee text, role text, direction text, message_type text,
               phase text, campaign text, emotion smallint, satisfaction smallint, cost numeric, revenue numeric, days_since double precision)
LANGUAGE plpgsql STABLE ROWS 50
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  living CONSTANT bigint := @hub@.require_customer($1);
BEGIN
  -- What is left of the erased is for sums, not a story of somebody.
  IF @hub@.profiling_bar(living) = 'erased' THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT row_number() OVER told, e.at, e.event, c.name, w.name, coalesce(e.role, w.role), e.direction, e.message_type, e.phase, g.name, e.emotion,
         e.satisfaction, e.cost, e.revenue, (extract(epoch FROM e.at - lag(e.at) OVER told) / 86400)::double precision
  FROM @hub@.customer_member AS m
  -- By the index of each table, whatever the statistics: nothing of this is joined before the records are known.
  CROSS JOIN LATERAL (
    (SELECT t.occurred_at AS at, 1 AS place, 'touch' AS event, t.touch_id AS id, t.channel_id, t.employee_id, t.role, t.direction, t.message_type,
            t.phase, t.campaign_id, t.emotion, NULL::smallint AS satisfaction, t.cost, NULL::numeric AS revenue
     FROM @hub@.touch AS t
     WHERE t.record_id = m.record_id
     OFFSET 0)
    UNION ALL
    (SELECT x.at, x.place, x.event, l.lead_id, l.channel_id, x.employee_id, CASE WHEN x.employee_id IS NOT NULL THEN x.role END, NULL, NULL, x.phase, l.campaign_id, NULL, NULL, NULL, NULL
     FROM @hub@.lead AS l
     CROSS JOIN LATERAL (VALUES (l.created_at, 2, 'lead', l.brought_by, 'brought', 'pre-sale'), (l.won_at, 3, 'lead won', l.closed_by, 'closed', 'sale'),
                                (l.lost_at, 6, 'lead lost', l.advised_by, 'advised', 'pre-sale')) AS x(at, place, event, employee_id, role, phase)
     WHERE l.record_id = m.record_id AND x.at IS NOT NULL
     OFFSET 0)
    UNION ALL
    (SELECT o.ordered_at, CASE o.kind WHEN 'sale' THEN 4 ELSE 5 END, CASE o.kind WHEN 'sale' THEN 'order' ELSE 'return' END, o.order_id, o.channel_id,
            o.employee_id, CASE WHEN o.kind = 'sale' AND o.employee_id IS NOT NULL THEN 'closed' END, NULL, NULL, CASE o.kind WHEN 'sale' THEN 'sale' ELSE 'post-sale' END, NULL, NULL, NULL, NULL,
            o.revenue
     FROM @hub@.sales_order AS o
     WHERE o.record_id = m.record_id AND o.duplicate_of IS NULL
     OFFSET 0)
    UNION ALL
    (SELECT x.at, x.place, x.event, k.case_id, k.channel_id, k.employee_id, CASE WHEN k.employee_id IS NOT NULL THEN 'supported' END, NULL, NULL, 'post-sale', NULL, NULL, x.satisfaction, NULL, NULL
     FROM @hub@.service_case AS k
     -- The answer comes when the case is closed; where it is open still, it is told with the case.
     CROSS JOIN LATERAL (VALUES (k.opened_at, 7, 'case', CASE WHEN k.closed_at IS NULL THEN k.satisfaction END),
                                (k.closed_at, 8, 'case closed', k.satisfaction)) AS x(at, place, event, satisfaction)
     WHERE k.record_id = m.record_id AND x.at IS NOT NULL
     OFFSET 0)) AS e
  LEFT JOIN LATERAL (SELECT y.name FROM @hub@.channel AS y WHERE y.channel_id = e.channel_id OFFSET 0) AS c ON true
  LEFT JOIN LATERAL (SELECT y.name, y.role FROM @hub@.employee AS y WHERE y.employee_id = e.employee_id OFFSET 0) AS w ON true
  LEFT JOIN LATERAL (SELECT y.name FROM @hub@.campaign AS y WHERE y.campaign_id = e.campaign_id OFFSET 0) AS g ON true
  WHERE m.customer_id = living
  WINDOW told AS (ORDER BY e.at, e.place, e.id)
  ORDER BY 1;
END
$$;

COMMENT ON FUNCTION @hub@.customer_journey(bigint) IS
  'The time line of one customer, of all his or her records, before, at and after every sale: one row for each event in the order of time. journey_position: from 1. event: touch, lead, lead won, lead lost, order, return, case, case closed. channel, employee, campaign: names. role: in the touch, else the usual role of the employee; brought, advised, closed of a lead; closed of an order; supported of a case. phase: of a touch as delivered; else pre-sale of a lead, sale of an order or a lead won, post-sale of a return or case. emotion: -2 to 2; satisfaction: 1 to 5; cost of touches; revenue of orders, negative of returns. days_since: days since the event before; NULL of the first. Ids of merged customers lead to the living one. An erased customer has no rows. Errors: no_data_found for an id that was never given, null_value_not_allowed.';

CREATE OR REPLACE FUNCTION @hub@.channel_conflict(customer_id bigint)
RETURNS TABLE (kind text, earlier_channel text, later_channel text, earlier_campaign text, later_campaign text, earlier_employee text, later_employee text,
               lead_key text, product text, earlier_price numeric, later_price numeric, pairs bigint, days_apart double precision,
               first_at timestamptz, last_at timestamptz)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
-- One customer is looked up by key; the pairs of a customer with very many touches are found by merging.
SET enable_hashjoin = off
SET enable_seqscan = off
SET jit = off
AS $$
#variable_conflict use_column
DECLARE
  living CONSTANT bigint := @hub@.require_customer($1);
BEGIN
  RETURN QUERY
  SELECT x.kind::text, x.earlier_channel::text, x.later_channel::text, x.earlier_campaign::text, x.later_campaign::text, x.earlier_employee::text,
         x.later_employee::text, l.lead_key, p.name, x.earlier_price, x.later_price, x.pairs, x.days_apart, x.first_at, x.last_at
  FROM @bi@.channel_conflict AS x
    LEFT JOIN @hub@.lead AS l ON l.lead_id = x.lead_id
    LEFT JOIN @hub@.product AS p ON p.product_id = x.product_id
  WHERE x.customer_id = living
  ORDER BY x.last_at DESC, x.kind, x.earlier_channel_id, x.later_channel_id, x.earlier_campaign_id, x.later_campaign_id, x.earlier_employee_id,
           x.later_employee_id, x.lead_id, x.product_id, x.earlier_price, x.later_price;
END
$$;

COMMENT ON FUNCTION @hub@.channel_conflict(bigint) IS
  'Where channels, campaigns and employees competed for one customer, newest first: the rows of the reporting view channel_conflict, with names. Ids of merged customers lead to the living one. An erased or restricted customer has no rows. Errors: no_data_found for an id that was never given, null_value_not_allowed.';
