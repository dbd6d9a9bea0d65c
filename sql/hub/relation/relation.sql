-- All relations of one customer, and whether they are in order.

CREATE OR REPLACE FUNCTION @hub@.customer_relations(customer_id bigint)
RETURNS TABLE (relation text, other_id bigint, other_name text, detail text, since date, until date, holds boolean, note text)
LANGUAGE plpgsql STABLE ROWS 10
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  living CONSTANT bigint := @hub@.require_customer($1);
BEGIN
  RETURN QUERY
  SELECT f.relation, f.other_id, c.full_name, f.detail, f.since, f.until, f.holds, f.note
  FROM (
    SELECT 1 AS place, 'contact of' AS relation, k.company_id AS other_id, k.role AS detail, k.since, k.until, k.is_current AS holds, NULL AS note
    FROM @hub@.company_contact AS k
    WHERE k.person_id = living
    UNION ALL
    SELECT 2, 'has contact', k.person_id, k.role, k.since, k.until, k.is_current, NULL
    FROM @hub@.company_contact AS k
    WHERE k.company_id = living
    UNION ALL
    SELECT CASE r.customer_id WHEN living THEN 3 ELSE 4 END, CASE r.customer_id WHEN living THEN 'recommended by' ELSE 'recommended' END,
           CASE r.customer_id WHEN living THEN r.referrer_id ELSE r.customer_id END, r.code, (r.referred_at AT TIME ZONE 'UTC')::date, NULL,
           r.counts, r.set_aside
    FROM @hub@.referrals_around(living) AS r
    WHERE living IN (r.customer_id, r.referrer_id)
    UNION ALL
    -- As crm.household, from the customer on, by index.
    SELECT 5, 'lives with', k.customer_id,
           @hub@.household_evidence(bool_or(o.shares_address), bool_or(o.shares_surname), bool_or(o.shares_phone)), min(o.found_on), NULL, true, NULL
    FROM @hub@.customer_member AS m
    JOIN @hub@.household_member AS h ON h.record_id = m.record_id
    JOIN @hub@.household_member AS o ON o.household_id = h.household_id
    JOIN @hub@.customer_member AS k ON k.record_id = o.record_id
    WHERE m.customer_id = living AND k.customer_id <> living
      AND NOT EXISTS (SELECT
                      FROM @hub@.customer_member AS y
                      JOIN @hub@.restricted_record AS x ON x.record_id = y.record_id
                      WHERE y.customer_id IN (living, k.customer_id))
    GROUP BY k.customer_id
  ) AS f
  JOIN @hub@.customer AS c ON c.customer_id = f.other_id
  ORDER BY f.place, f.holds DESC, f.since NULLS FIRST, f.other_id, f.detail;
END
$$;

COMMENT ON FUNCTION @hub@.customer_relations(bigint) IS
  'Everything that the hub knows of a customer and others: relation (contact of a company, has contact, recommended by, recommended, lives with), the other customer by id and name, detail (role, code, or the evidence of the household), since, until (first day on which it is over), holds (false: it is over, not begun, or set aside), note (why a recommendation is set aside). Old ids are followed. Errors: no_data_found, null_value_not_allowed.';

-- Each step down a tree adds one to the depth: where that holds of all
-- recommendations, none leads back.
CREATE OR REPLACE FUNCTION @hub@.check_relations()
RETURNS TABLE (invariant text, key text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
-- Nothing is known of the sizes here.
SET enable_nestloop = off
AS $$
  WITH referral AS MATERIALIZED (
    SELECT r.referral_event_id, r.referrer_id, r.customer_id, r.counts, r.set_aside, r.referred_at, r.depth FROM @hub@.referral AS r
  ), counting AS MATERIALIZED (
    SELECT r.* FROM referral AS r WHERE r.counts
  )
  SELECT 'recommendations in a circle', 'recommendation ' || c.referral_event_id
  FROM counting AS c
  LEFT JOIN counting AS p ON p.customer_id = c.referrer_id
  WHERE c.depth IS DISTINCT FROM coalesce(p.depth, 0) + 1
  UNION ALL
  SELECT 'two recommendations of one customer count', 'customer ' || c.customer_id
  FROM counting AS c
  GROUP BY c.customer_id
  HAVING count(*) > 1
  UNION ALL
  SELECT 'recommendation set aside without an earlier one', 'recommendation ' || r.referral_event_id
  FROM referral AS r
  WHERE r.set_aside = 'recommended before'
    AND NOT EXISTS (SELECT
                    FROM counting AS c
                    WHERE c.customer_id = r.customer_id
                      AND (c.referred_at, c.referral_event_id) < (r.referred_at, r.referral_event_id))
  UNION ALL
  SELECT 'recommendation of oneself that counts, or of another that does not', 'recommendation ' || r.referral_event_id
  FROM referral AS r
  WHERE (r.referrer_id = r.customer_id) <> coalesce(r.set_aside = 'one customer', false)
  UNION ALL
  SELECT 'household of an erased customer, or of nobody', 'record ' || h.record_id
  FROM @hub@.household_member AS h
  LEFT JOIN @hub@.customer_member AS m ON m.record_id = h.record_id
  LEFT JOIN @hub@.customer AS c ON c.customer_id = m.customer_id
  WHERE c.state IS DISTINCT FROM 'active'
$$;

COMMENT ON FUNCTION @hub@.check_relations() IS
  'Used by crm.check(): recommendations that count and are no forest, those that are set aside without need, and households of erased customers, one row each.';
