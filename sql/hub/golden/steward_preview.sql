-- What an act would change, before it does: the act is carried out and rolled back,
-- and what there is to say of the customers is compared.

-- What there is to say of some customers, item by item.
CREATE OR REPLACE FUNCTION @hub@.steward_picture(customer_ids bigint[])
RETURNS TABLE (customer_id bigint, aspect text, item text, value text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH living AS MATERIALIZED (
    SELECT c.*
    FROM @hub@.customer AS c
    WHERE c.customer_id = ANY (customer_ids) AND c.state = 'active'
  ), member AS MATERIALIZED (
    SELECT m.customer_id, m.record_id
    FROM living AS c
    JOIN @hub@.customer_member AS m ON m.customer_id = c.customer_id
  ), bought AS (
    SELECT m.customer_id, count(*) AS orders, sum(o.revenue) AS revenue
    FROM member AS m
    JOIN @hub@.sales_order AS o ON o.record_id = m.record_id
    WHERE o.duplicate_of IS NULL
    GROUP BY m.customer_id
  )
  SELECT c.customer_id, 'id', 'goes by', coalesce(c.merged_into, c.customer_id)::text
  FROM @hub@.customer AS c
  WHERE c.customer_id = ANY (customer_ids)
  UNION ALL
  SELECT m.customer_id, 'records', '',
         string_agg(s.name || ' ' || r.source_key, ', ' ORDER BY r.record_id)
  FROM member AS m
  JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  JOIN @hub@.source AS s ON s.source_id = r.source_id
  GROUP BY m.customer_id
  UNION ALL
  SELECT c.customer_id, 'value', v.item, v.value
  FROM living AS c
  CROSS JOIN LATERAL (VALUES
    ('kind', c.kind), ('full_name', c.full_name), ('given_name', c.given_name), ('surname', c.surname),
    ('birth_date', to_char(c.birth_date, 'YYYY-MM-DD')), ('gender', c.gender), ('email', c.email), ('phone', c.phone), ('tax_id', c.tax_id),
    ('street', c.street), ('postcode', c.postcode), ('city', c.city), ('province', c.province), ('country', c.country),
    ('loyalty_card', c.loyalty_card), ('username', c.username), ('attributes', c.attributes::text),
    ('certainty', round(c.certainty::numeric, 3)::text)) AS v(item, value)
  WHERE v.value IS NOT NULL
  UNION ALL
  SELECT b.customer_id, 'facts', v.item, v.value
  FROM bought AS b
  CROSS JOIN LATERAL (VALUES ('orders', b.orders::text), ('revenue', b.revenue::text)) AS v(item, value)
  UNION ALL
  SELECT m.customer_id, 'facts', f.item, sum(f.facts)::text
  FROM member AS m
  CROSS JOIN LATERAL (VALUES
    ('touches', (SELECT count(*) FROM @hub@.touch AS t WHERE t.record_id = m.record_id)),
    ('leads', (SELECT count(*) FROM @hub@.lead AS l WHERE l.record_id = m.record_id)),
    ('cases', (SELECT count(*) FROM @hub@.service_case AS k WHERE k.record_id = m.record_id))) AS f(item, facts)
  GROUP BY m.customer_id, f.item
  HAVING sum(f.facts) > 0
  UNION ALL
  SELECT k.customer_id, 'consent', k.channel_kind || ' ' || k.purpose, k.state
  FROM @hub@.consent_state AS k
  WHERE k.customer_id IN (SELECT c.customer_id FROM living AS c)
  UNION ALL
  SELECT c.customer_id, 'relation', r.relation,
         string_agg(concat_ws(' ', r.other_id, '(' || nullif(concat_ws(', ', r.detail, r.note, CASE WHEN NOT r.holds AND r.note IS NULL THEN 'over' END), '') || ')'),
                    ', ' ORDER BY r.other_id, r.since, r.detail)
  FROM living AS c
  CROSS JOIN LATERAL @hub@.customer_relations(c.customer_id) AS r
  GROUP BY c.customer_id, r.relation
$$;

COMMENT ON FUNCTION @hub@.steward_picture(bigint[]) IS
  'Used by previews: what there is to say of these customers now, one row each: the id that each goes by; of the living ones their records, values, counts of facts with the revenue of orders, consent, and relations.';

-- Who earns what of the sales of some customers: sales credit (linear, by the
-- lookback of the newest attribution run) by channel and employee, and commissions.
CREATE OR REPLACE FUNCTION @hub@.steward_earnings(customer_ids bigint[])
RETURNS TABLE (aspect text, item text, value text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH member AS MATERIALIZED (
    SELECT m.customer_id, m.record_id FROM @hub@.customer_member AS m WHERE m.customer_id = ANY (customer_ids)
  ), sale AS MATERIALIZED (
    SELECT m.customer_id, o.order_id, o.ordered_at, o.revenue
    FROM member AS m
    JOIN @hub@.sales_order AS o ON o.record_id = m.record_id
    WHERE o.kind = 'sale' AND o.duplicate_of IS NULL
  ), credit AS MATERIALIZED (
    SELECT c.touch_id, c.credit_linear AS credit
    FROM (SELECT omnicrm.sale_credit(e.happened_at, e.touch_id, e.order_id, e.revenue,
                   coalesce((SELECT r.lookback FROM @hub@.attribution_run AS r ORDER BY r.ran_at DESC, r.attribution_run_id DESC LIMIT 1),
                            interval '90 days')) AS credits
          FROM (SELECT m.customer_id, t.occurred_at AS happened_at, t.touch_id, NULL::bigint AS order_id, NULL::numeric AS revenue
                FROM member AS m
                JOIN @hub@.touch AS t ON t.record_id = m.record_id
                UNION ALL
                SELECT s.customer_id, s.ordered_at, NULL, s.order_id, s.revenue FROM sale AS s) AS e
          GROUP BY e.customer_id) AS a
    CROSS JOIN LATERAL unnest(a.credits) AS c
  ), paid AS (
    SELECT e.employee_id, e.amount
    FROM @hub@.commission_sale_target(ARRAY(SELECT s.order_id FROM sale AS s)) AS p
    CROSS JOIN LATERAL unnest(p.employee_ids, p.amounts) AS e(employee_id, amount)
    WHERE EXISTS (SELECT FROM sale AS s)
  )
  SELECT 'credit by channel', coalesce(h.name, CASE WHEN c.touch_id IS NULL THEN 'unattributed' ELSE 'unknown' END), sum(c.credit)::text
  FROM credit AS c
  LEFT JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
  LEFT JOIN @hub@.channel AS h ON h.channel_id = t.channel_id
  GROUP BY 2
  UNION ALL
  SELECT 'credit by employee', concat_ws(' ', e.employee_key, nullif(e.name, e.employee_key)), sum(c.credit)::text
  FROM credit AS c
  JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
  JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
  GROUP BY e.employee_id, e.name, e.employee_key
  UNION ALL
  SELECT 'commission', CASE WHEN e.employee_id IS NULL THEN 'the house' ELSE concat_ws(' ', e.employee_key, nullif(e.name, e.employee_key)) END, sum(p.amount)::text
  FROM paid AS p
  LEFT JOIN @hub@.employee AS e ON e.employee_id = p.employee_id
  GROUP BY e.employee_id, e.name, e.employee_key
$$;

COMMENT ON FUNCTION @hub@.steward_earnings(bigint[]) IS
  'Used by previews: what channels and employees earn of the sales of these customers, as crm.attribute() (linear, lookback of its newest run, else 90 days) and crm.run_commission() would compute it now; returns left aside.';

-- An act in a transaction of its own: carried out, looked at, rolled back.
CREATE OR REPLACE FUNCTION @hub@.steward_try(
  kind text, a bigint, b bigint, record_ids bigint[], force boolean,
  OUT customer_ids bigint[], OUT picture jsonb, OUT earnings jsonb)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF kind = 'undo' THEN
    PERFORM @hub@.steward_withdraw(ARRAY[a], 'preview', 'preview', true);
  ELSE
    IF kind = 'merge' THEN
      PERFORM @hub@.steward_prepare_merge('merge', ARRAY[least(a, b), least(a, b)], ARRAY[a, b], force, true);
    ELSE
      PERFORM @hub@.steward_prepare_split(a, record_ids, force, true);
    END IF;
    PERFORM @hub@.steward_carry_out('preview', 'preview', force, true);
  END IF;
  customer_ids := @hub@.steward_moved();
  SELECT jsonb_agg(to_jsonb(p)) INTO picture FROM @hub@.steward_picture(customer_ids) AS p;
  SELECT jsonb_agg(to_jsonb(e)) INTO earnings FROM @hub@.steward_earnings(customer_ids) AS e;
  RAISE EXCEPTION USING ERRCODE = 'OMPRE', MESSAGE = 'rolled back';
EXCEPTION WHEN SQLSTATE 'OMPRE' THEN
  NULL;
END
$$;

COMMENT ON FUNCTION @hub@.steward_try(text, bigint, bigint, bigint[], boolean) IS
  'Used by previews: carries out a merge of two living customers, a split or an undo, notes steward_picture() and steward_earnings() of all customers whose records move, and rolls it back. Errors: those of the act.';

-- Before and after side by side. The consent of an id that ends is compared with
-- that of the customer that it goes by then.
CREATE OR REPLACE FUNCTION @hub@.steward_compare(
  customer_ids bigint[], was jsonb, becomes jsonb, earned jsonb, will_earn jsonb)
RETURNS TABLE (aspect text, customer text, item text, before text, after text, note text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH old AS MATERIALIZED (
    SELECT o.* FROM jsonb_to_recordset(coalesce(was, '[]')) AS o(customer_id bigint, aspect text, item text, value text)
  ), new AS MATERIALIZED (
    SELECT n.* FROM jsonb_to_recordset(coalesce(becomes, '[]')) AS n(customer_id bigint, aspect text, item text, value text)
  ), label AS (
    -- New customers have negative ids, of which the reader need not know.
    SELECT c.customer_id,
           CASE WHEN c.customer_id > 0 THEN c.customer_id::text
                WHEN count(*) FILTER (WHERE c.customer_id < 0) OVER () = 1 THEN 'new'
                ELSE 'new ' || row_number() OVER (PARTITION BY c.customer_id < 0 ORDER BY -c.customer_id) END AS customer
    FROM unnest(customer_ids) AS c(customer_id)
  ), going AS (
    SELECT n.customer_id, n.value::bigint AS living FROM new AS n WHERE n.aspect = 'id'
  ), change AS (
    SELECT coalesce(o.aspect, n.aspect) AS aspect, coalesce(o.customer_id, n.customer_id) AS customer_id, coalesce(o.item, n.item) AS item,
           o.value AS before, n.value AS after
    FROM old AS o
    FULL JOIN new AS n ON n.customer_id = o.customer_id AND n.aspect = o.aspect AND n.item = o.item
    WHERE coalesce(o.aspect, n.aspect) <> 'consent'
    UNION ALL
    SELECT 'consent', g.customer_id, k.item, o.value, n.value
    FROM going AS g
    CROSS JOIN LATERAL (SELECT x.item FROM old AS x WHERE x.aspect = 'consent' AND x.customer_id = g.customer_id
                        UNION
                        SELECT y.item FROM new AS y WHERE y.aspect = 'consent' AND y.customer_id = g.living) AS k
    LEFT JOIN old AS o ON o.customer_id = g.customer_id AND o.aspect = 'consent' AND o.item = k.item
    LEFT JOIN new AS n ON n.customer_id = g.living AND n.aspect = 'consent' AND n.item = k.item
    WHERE g.customer_id < 0 OR EXISTS (SELECT FROM old AS x WHERE x.customer_id = g.customer_id AND x.aspect = 'records')
       OR g.living = g.customer_id
  )
  SELECT c.aspect, l.customer, nullif(c.item, ''),
         CASE WHEN c.aspect = 'id' AND c.before::bigint < 0 THEN 'new' ELSE c.before END,
         CASE WHEN c.aspect = 'id' THEN (SELECT k.customer FROM label AS k WHERE k.customer_id = c.after::bigint) ELSE c.after END,
         CASE WHEN c.aspect = 'id' THEN CASE WHEN c.before IS NULL THEN 'new customer'
                                             WHEN c.after::bigint = c.customer_id THEN 'lives again'
                                             WHEN c.before::bigint = c.customer_id THEN 'ends'
                                             ELSE 'follows its record' END
              WHEN c.aspect = 'consent' AND c.before = 'given' AND c.after IS DISTINCT FROM 'given' THEN 'more restrictive'
              WHEN c.aspect = 'consent' AND c.after = 'given' AND c.before IS NOT NULL THEN 'less restrictive'
         END
  FROM change AS c
  LEFT JOIN label AS l ON l.customer_id = c.customer_id
  LEFT JOIN going AS g ON g.customer_id = c.customer_id
  -- Of an id that ends, what it was is with the customer that it goes by.
  WHERE c.before IS DISTINCT FROM c.after AND (c.aspect IN ('id', 'consent') OR g.living = c.customer_id)
  UNION ALL
  SELECT coalesce(o.aspect, n.aspect), NULL, coalesce(o.item, n.item), o.value, n.value, NULL
  FROM jsonb_to_recordset(coalesce(earned, '[]')) AS o(aspect text, item text, value text)
  FULL JOIN jsonb_to_recordset(coalesce(will_earn, '[]')) AS n(aspect text, item text, value text)
    ON n.aspect = o.aspect AND n.item = o.item
  WHERE o.value IS DISTINCT FROM n.value
$$;

COMMENT ON FUNCTION @hub@.steward_compare(bigint[], jsonb, jsonb, jsonb, jsonb) IS
  'Used by previews: the differences between two pictures of the same customers, as crm.preview_merge() returns them.';

-- The act is tried twice rolled back: what must be caught up with first goes too,
-- and the lock is given back.
CREATE OR REPLACE FUNCTION @hub@.steward_preview(kind text, a bigint, b bigint, record_ids bigint[], force boolean)
RETURNS TABLE (aspect text, customer text, item text, before text, after text, note text)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET enable_hashjoin = on
SET enable_mergejoin = on
SET random_page_cost = 1.1
AS $$
#variable_conflict use_column
DECLARE
  tried record;
  was jsonb;
  earned jsonb;
BEGIN
  PERFORM @hub@.steward_begin('preview', 'preview');
  PERFORM @hub@.steward_prefer_keys(1);
  IF kind = 'merge' THEN
    SELECT p.a[1], p.b[1] INTO a, b FROM @hub@.steward_pairs(ARRAY[a], ARRAY[b]) AS p;
  ELSIF kind = 'split' THEN
    a := @hub@.steward_customer(a);
    record_ids := @hub@.steward_split_records(a, record_ids);
  ELSE
    PERFORM @hub@.steward_catch_up(@hub@.steward_neighbours(ARRAY(
      SELECT r.record_id
      FROM @hub@.steward_decision AS d
      CROSS JOIN LATERAL (VALUES (d.record_a), (d.record_b)) AS r(record_id)
      WHERE d.event_id = a)));
  END IF;
  SELECT t.* INTO tried FROM @hub@.steward_try(kind, a, b, record_ids, coalesce(force, false)) AS t;
  SELECT jsonb_agg(to_jsonb(p)) INTO was FROM @hub@.steward_picture(tried.customer_ids) AS p;
  SELECT jsonb_agg(to_jsonb(e)) INTO earned FROM @hub@.steward_earnings(tried.customer_ids) AS e;
  RAISE EXCEPTION USING ERRCODE = 'OMPRE', MESSAGE = 'rolled back';
EXCEPTION WHEN SQLSTATE 'OMPRE' THEN
  RETURN QUERY
  SELECT c.*
  FROM @hub@.steward_compare(tried.customer_ids, was, tried.picture, earned, tried.earnings) AS c
  ORDER BY @hub@.steward_rank(c.aspect, NULL), (c.customer ~ '^new') IS TRUE, CASE WHEN c.customer ~ '^\d+$' THEN c.customer::bigint END,
           c.customer, @hub@.steward_rank(c.aspect, c.item), c.item;
END
$$;

COMMENT ON FUNCTION @hub@.steward_preview(text, bigint, bigint, bigint[], boolean) IS
  'Used by crm.preview_merge(), crm.preview_split() and crm.preview_undo(); call those.';

CREATE OR REPLACE FUNCTION @hub@.preview_merge(a bigint, b bigint, force boolean DEFAULT false)
RETURNS TABLE (aspect text, customer text, item text, before text, after text, note text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT p.* FROM @hub@.steward_preview('merge', a, b, NULL, force) AS p
$$;

COMMENT ON FUNCTION @hub@.preview_merge(bigint, bigint, boolean) IS
  'What crm.merge() of these two would change, one row for each difference; writes nothing, for it is carried out and rolled back. aspect: id (what an id goes by), records (source and key), value (golden attributes), facts (orders, revenue, touches, leads, cases), consent (with the note more restrictive), credit by channel, credit by employee (linear), commission (as the next runs would compute them of the sales of these customers). customer: id, or new. Errors: those of crm.merge(), so that a merge that is forbidden is no surprise. Needs the rights of a steward; readers have crm.compare_customers().';

CREATE OR REPLACE FUNCTION @hub@.preview_split(customer_id bigint, record_ids bigint[], force boolean DEFAULT false)
RETURNS TABLE (aspect text, customer text, item text, before text, after text, note text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT p.* FROM @hub@.steward_preview('split', $1, NULL, record_ids, force) AS p
$$;

COMMENT ON FUNCTION @hub@.preview_split(bigint, bigint[], boolean) IS
  'What crm.split() of these records would change, as crm.preview_merge(). A customer that would be new has no id yet. Errors: those of crm.split().';

CREATE OR REPLACE FUNCTION @hub@.preview_undo(event_id bigint)
RETURNS TABLE (aspect text, customer text, item text, before text, after text, note text)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT p.* FROM @hub@.steward_preview('undo', $1, NULL, NULL, false) AS p
$$;

COMMENT ON FUNCTION @hub@.preview_undo(bigint) IS
  'What crm.undo() of this event would change, as crm.preview_merge(). No row: no record would move. Errors: those of crm.undo().';
