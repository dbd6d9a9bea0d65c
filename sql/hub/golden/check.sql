-- Whether everything still agrees: crm.check().

-- Golden customers against what their records say now, slice by slice.
-- Customers with a record in the queue are left out: resolve() owes them an
-- answer.
CREATE OR REPLACE FUNCTION @hub@.check_golden()
RETURNS TABLE (invariant text, key text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  slice_size CONSTANT integer := 100000;
  slice bigint[];
  records bigint[];
  customers bigint[];
  last_id bigint := -1;
BEGIN
  LOOP
    slice := ARRAY(SELECT c.customer_id
                   FROM @hub@.customer AS c
                   WHERE c.customer_id > last_id AND c.state = 'active'
                   ORDER BY c.customer_id
                   LIMIT slice_size);
    EXIT WHEN cardinality(slice) = 0;
    last_id := slice[cardinality(slice)];
    SELECT array_agg(m.record_id ORDER BY m.customer_id, m.record_id),
           array_agg(m.customer_id ORDER BY m.customer_id, m.record_id) INTO records, customers
    FROM @hub@.customer_member AS m
    WHERE m.customer_id = ANY (slice);
    RETURN QUERY
    SELECT 'golden record differs from its records', 'customer ' || g.customer_id
    FROM @hub@.golden_rows(records, customers) AS g
    JOIN @hub@.customer AS c ON c.customer_id = g.customer_id
    WHERE omnicrm.row_changes(c, g) IS NOT NULL
      AND NOT EXISTS (SELECT
                      FROM @hub@.customer_member AS m
                      JOIN @hub@.resolve_queue AS q ON q.record_id = m.record_id
                      WHERE m.customer_id = g.customer_id);
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.check_golden() IS
  'Used by crm.check(): golden customers that differ from their recomputation, one row each.';

-- Decisions of stewards: what holds follows from the live events, and customers
-- obey it, but where the tax numbers forbid to.
CREATE OR REPLACE FUNCTION @hub@.check_decisions()
RETURNS TABLE (invariant text, key text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'event without decisions', 'event ' || e.event_id
  FROM @hub@.steward_event AS e
  WHERE NOT EXISTS (SELECT FROM @hub@.steward_decision AS d WHERE d.event_id = e.event_id)
    -- crm.subject_erase() takes the decisions on an erased person.
    AND e.why <> 'erased'
  UNION ALL
  SELECT 'decision that does not follow from the events', format('records %s and %s', coalesce(m.record_a, n.record_a), coalesce(m.record_b, n.record_b))
  FROM @hub@.match_decision AS m
  FULL JOIN (SELECT DISTINCT ON (d.record_a, d.record_b) d.record_a, d.record_b, d.same, d.event_id, e.who
             FROM @hub@.steward_decision AS d
             JOIN @hub@.steward_event AS e ON e.event_id = d.event_id
             WHERE e.undone_at IS NULL
             ORDER BY d.record_a, d.record_b, d.event_id DESC) AS n ON n.record_a = m.record_a AND n.record_b = m.record_b
  WHERE (m.same, m.event_id, m.decided_by) IS DISTINCT FROM (n.same, n.event_id, n.who)
  UNION ALL
  SELECT 'customers do not obey a decision', format('records %s and %s', m.record_a, m.record_b)
  FROM @hub@.match_decision AS m
  JOIN @hub@.customer_member AS a ON a.record_id = m.record_a
  JOIN @hub@.customer_member AS b ON b.record_id = m.record_b
  WHERE m.same <> (a.customer_id = b.customer_id)
    AND NOT EXISTS (SELECT
                    FROM @hub@.match_link AS l
                    WHERE l.record_a = m.record_a AND l.record_b = m.record_b AND l.kind = 'decision' AND m.same AND l.decision <> 'linked')
    AND NOT EXISTS (SELECT FROM @hub@.resolve_queue AS q WHERE q.record_id IN (m.record_a, m.record_b))
$$;

COMMENT ON FUNCTION @hub@.check_decisions() IS
  'Used by crm.check(): events and decisions of stewards that do not tie, and decisions that customers do not obey, one row each.';

-- Facts: each has a customer, or its record waits to be resolved; money adds up.
CREATE OR REPLACE FUNCTION @hub@.check_facts()
RETURNS TABLE (invariant text, key text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'fact without a customer', format('%s %s', f.kind, f.id)
  FROM (SELECT 'order' AS kind, o.order_id AS id, o.record_id FROM @hub@.sales_order AS o
        UNION ALL SELECT 'touch', t.touch_id, t.record_id FROM @hub@.touch AS t
        UNION ALL SELECT 'lead', l.lead_id, l.record_id FROM @hub@.lead AS l WHERE l.record_id IS NOT NULL
        UNION ALL SELECT 'case', s.case_id, s.record_id FROM @hub@.service_case AS s
        UNION ALL SELECT 'consent', e.consent_event_id, e.record_id FROM @hub@.consent_event AS e
        UNION ALL SELECT 'contact', k.company_role_id, unnest(ARRAY[k.record_id, k.company_record_id]) FROM @hub@.company_role AS k
        UNION ALL SELECT 'recommendation', e.referral_event_id, unnest(ARRAY[e.record_id, e.referrer_record_id]) FROM @hub@.referral_event AS e) AS f
  WHERE NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.record_id = f.record_id)
    AND NOT EXISTS (SELECT FROM @hub@.resolve_queue AS q WHERE q.record_id = f.record_id)
  UNION ALL
  SELECT 'orders of customers do not add up to all orders', format('%s of customers, %s waiting, %s in all', s.known, s.waiting, s.total)
  FROM (SELECT coalesce(sum(o.revenue), 0) AS total,
               coalesce(sum(o.revenue) FILTER (WHERE c.customer_id IS NOT NULL), 0) AS known,
               coalesce(sum(o.revenue) FILTER (WHERE m.record_id IS NULL
                                                 AND EXISTS (SELECT FROM @hub@.resolve_queue AS q WHERE q.record_id = o.record_id)), 0) AS waiting
        FROM @hub@.sales_order AS o
        LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
        LEFT JOIN @hub@.customer AS c ON c.customer_id = m.customer_id AND c.state IN ('active', 'erased')
        WHERE o.duplicate_of IS NULL) AS s
  WHERE s.known + s.waiting <> s.total
$$;

COMMENT ON FUNCTION @hub@.check_facts() IS
  'Used by crm.check(): facts without a customer, and the sums of orders where those of all customers are not those of all orders, one row each.';

CREATE OR REPLACE FUNCTION @hub@.check()
RETURNS TABLE (invariant text, key text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM @hub@.require_current();
  RETURN QUERY
  SELECT 'record without a customer', 'record ' || r.record_id
  FROM @hub@.source_record AS r
  WHERE NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.record_id = r.record_id)
    AND NOT EXISTS (SELECT FROM @hub@.resolve_queue AS q WHERE q.record_id = r.record_id);
  RETURN QUERY
  SELECT 'record of a customer that is not active', 'record ' || m.record_id
  FROM @hub@.customer_member AS m
  JOIN @hub@.customer AS c ON c.customer_id = m.customer_id
  WHERE c.state NOT IN ('active', 'erased');
  RETURN QUERY
  SELECT 'active customer without records', 'customer ' || c.customer_id
  FROM @hub@.customer AS c
  WHERE c.state = 'active' AND NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = c.customer_id);
  RETURN QUERY
  SELECT 'redirect to a merged customer', 'customer ' || r.old_id
  FROM @hub@.customer_redirect AS r
  JOIN @hub@.customer AS c ON c.customer_id = r.customer_id
  WHERE c.state = 'merged';
  RETURN QUERY
  SELECT 'redirect and state of a customer disagree', 'customer ' || c.customer_id
  FROM @hub@.customer AS c
  LEFT JOIN @hub@.customer_redirect AS r ON r.old_id = c.customer_id
  WHERE (c.state = 'merged') <> (r.old_id IS NOT NULL) OR c.merged_into IS DISTINCT FROM r.customer_id;
  RETURN QUERY
  SELECT 'id made for a record of another customer', 'customer ' || m.home_id
  FROM @hub@.customer_member AS m
  WHERE m.home_id IS NOT NULL AND m.home_id <> m.customer_id
    AND NOT EXISTS (SELECT FROM @hub@.customer_redirect AS r WHERE r.old_id = m.home_id AND r.customer_id = m.customer_id);
  RETURN QUERY
  SELECT 'id made for two records', 'customer ' || m.home_id
  FROM @hub@.customer_member AS m
  WHERE m.home_id IS NOT NULL
  GROUP BY m.home_id
  HAVING count(*) > 1;
  RETURN QUERY
  SELECT 'linked records of different customers', format('records %s and %s', l.record_a, l.record_b)
  FROM @hub@.match_link AS l
  JOIN @hub@.customer_member AS a ON a.record_id = l.record_a
  JOIN @hub@.customer_member AS b ON b.record_id = l.record_b
  WHERE l.decision = 'linked' AND a.customer_id <> b.customer_id;
  RETURN QUERY
  SELECT 'two tax numbers in one customer', 'customer ' || m.customer_id
  FROM @hub@.customer_member AS m
  JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  WHERE r.tax_id IS NOT NULL AND omnicrm.tax_id_kind(r.tax_id, 'ES') = 'person'
    AND NOT EXISTS (SELECT FROM @hub@.resolve_queue AS q WHERE q.record_id = r.record_id)
  GROUP BY m.customer_id
  HAVING min(r.tax_id COLLATE "C") <> max(r.tax_id COLLATE "C");
  RETURN QUERY SELECT d.invariant, d.key FROM @hub@.check_decisions() AS d;
  RETURN QUERY SELECT f.invariant, f.key FROM @hub@.check_facts() AS f;
  RETURN QUERY SELECT r.invariant, r.key FROM @hub@.check_relations() AS r;
  RETURN QUERY SELECT r.invariant, r.key FROM @hub@.check_rules() AS r;
  RETURN QUERY SELECT a.invariant, a.key FROM @hub@.check_audits() AS a;
  RETURN QUERY SELECT d.invariant, d.key FROM @hub@.check_erased() AS d;
  RETURN QUERY SELECT d.invariant, d.key FROM @hub@.check_golden() AS d;
END
$$;

COMMENT ON FUNCTION @hub@.check() IS
  'Broken invariants of the golden record, one row each; no row when all hold: every resolved record has one active or erased customer, redirects are no chains, ids go with the records that they were made for, links join one customer, no customer has two personal tax numbers, decisions of stewards follow from their live events and are obeyed, every fact has a customer, the orders of all customers add up to all orders, recommendations that count are a forest and the others are set aside with reason, audits tie with themselves, nothing is left of the erased, golden customers follow the rules of survivorship and equal their recomputation.';
