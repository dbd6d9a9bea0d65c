-- Households: who lives together, as far as the hub can tell. Reported, never
-- merged.

-- What golden persons may share. Neither of organisations nor of those who asked
-- for restriction.
CREATE OR REPLACE FUNCTION @hub@.household_sign()
RETURNS TABLE (customer_id bigint, address text, surnames text[], phone text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT c.customer_id,
         -- A street without a number is no home; its type (calle, plaza) is often left out.
         CASE WHEN (a.place).street IS NOT NULL AND ((a.place).number <> 's/n' OR (a.place).km IS NOT NULL) AND c.town IS NOT NULL
              THEN concat_ws('|', c.town, (a.place).street, (a.place).number, (a.place).km, 'b' || (a.place).block,
                             'p' || (a.place).portal, 's' || (a.place).staircase, 'f' || (a.place).floor, 'd' || (a.place).door) END,
         array_remove(ARRAY[(n.parts).surname_1, NULLIF((n.parts).surname_2, (n.parts).surname_1)], NULL),
         c.phone
  FROM (SELECT k.customer_id, k.street, k.country, k.phone, coalesce(k.postcode, omnicrm.normalize_name(k.city)) AS town,
               CASE WHEN k.surname IS NOT NULL AND k.given_name IS NOT NULL THEN k.surname || ', ' || k.given_name ELSE k.full_name END AS name
        FROM @hub@.customer AS k
        WHERE k.state = 'active' AND k.kind = 'person' AND (k.street IS NOT NULL OR k.phone IS NOT NULL)
        OFFSET 0) AS c
  CROSS JOIN LATERAL (SELECT omnicrm.normalize_address(c.street, coalesce(c.country, 'ES')) AS place OFFSET 0) AS a
  CROSS JOIN LATERAL (SELECT omnicrm.name_parts(c.name) AS parts OFFSET 0) AS n
  WHERE NOT EXISTS (SELECT
                    FROM @hub@.customer_member AS m
                    JOIN @hub@.restricted_record AS x ON x.record_id = m.record_id
                    WHERE m.customer_id = c.customer_id)
$$;

COMMENT ON FUNCTION @hub@.household_sign() IS
  'Used by crm.refresh_households(): of each active person the address as one text (without the type of street) down to floor and door, the surnames with their particles, and the phone.';

CREATE OR REPLACE FUNCTION @hub@.refresh_households(max_at_address integer DEFAULT 8, max_on_phone integer DEFAULT 8, max_members integer DEFAULT 12)
RETURNS @hub@.run_log
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  run bigint;
  counts jsonb;
BEGIN
  PERFORM @hub@.require_current();
  IF least(max_at_address, max_on_phone, max_members) < 2 OR num_nulls(max_at_address, max_on_phone, max_members) > 0 THEN
    RAISE EXCEPTION 'limits of a household must be 2 or more, not %, % and %', coalesce(max_at_address::text, 'NULL'),
      coalesce(max_on_phone::text, 'NULL'), coalesce(max_members::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'The defaults are 8 persons at an address, 8 on a phone and 12 in a household.';
  END IF;
  LOCK TABLE @hub@.household_member IN SHARE ROW EXCLUSIVE MODE;
  run := @hub@.start_run('refresh_households');
  WITH person AS MATERIALIZED (
    SELECT s.customer_id, s.address, s.surnames, s.phone FROM @hub@.household_sign() AS s
  ), company_phone AS MATERIALIZED (
    SELECT DISTINCT c.phone FROM @hub@.customer AS c WHERE c.state = 'active' AND c.kind = 'organisation' AND c.phone IS NOT NULL
  ), address AS MATERIALIZED (
    SELECT p.address, count(*) <= max_at_address AS is_home FROM person AS p WHERE p.address IS NOT NULL GROUP BY p.address HAVING count(*) > 1
  ), phone AS MATERIALIZED (
    SELECT p.phone, count(*) <= max_on_phone AND NOT EXISTS (SELECT FROM company_phone AS c WHERE c.phone = p.phone) AS is_home
    FROM person AS p
    WHERE p.phone IS NOT NULL
    GROUP BY p.phone
    HAVING count(*) > 1
  ), home AS MATERIALIZED (
    SELECT p.customer_id, a.address, f.phone, p.surnames
    FROM person AS p
    LEFT JOIN address AS a ON a.address = p.address AND a.is_home
    LEFT JOIN phone AS f ON f.phone = p.phone AND f.is_home
    WHERE num_nonnulls(a.address, f.phone) > 0
  ), shared AS MATERIALIZED (
    -- Two signs of three make a link: those who share both are one group.
    SELECT g.kind, g.customer_id, min(g.customer_id) OVER w AS first_id, count(*) OVER w AS persons
    FROM (SELECT 'address and phone' AS kind, h.customer_id, h.address AS one, h.phone AS two
          FROM home AS h
          WHERE h.address IS NOT NULL AND h.phone IS NOT NULL
          UNION ALL
          SELECT 'address and surname', h.customer_id, h.address, s.surname
          FROM home AS h
          CROSS JOIN LATERAL unnest(h.surnames) AS s(surname)
          WHERE h.address IS NOT NULL
          UNION ALL
          SELECT 'phone and surname', h.customer_id, h.phone, s.surname
          FROM home AS h
          CROSS JOIN LATERAL unnest(h.surnames) AS s(surname)
          WHERE h.phone IS NOT NULL) AS g
    WINDOW w AS (PARTITION BY g.kind, g.one, g.two)
  ), clustered AS MATERIALIZED (
    SELECT u.node AS customer_id, u.root AS household_id, count(*) OVER (PARTITION BY u.root) AS members
    FROM (SELECT omnicrm.link_components(s.first_id, s.customer_id, 0, NULL, NULL, false, true, true, NULL, NULL) AS found
          FROM shared AS s
          WHERE s.persons > 1) AS k
    CROSS JOIN LATERAL unnest((k.found).node, (k.found).root) AS u(node, root)
  ), member AS MATERIALIZED (
    SELECT c.customer_id, c.household_id, bool_or(s.kind <> 'phone and surname') AS shares_address,
           bool_or(s.kind <> 'address and phone') AS shares_surname, bool_or(s.kind <> 'address and surname') AS shares_phone
    FROM clustered AS c
    JOIN shared AS s ON s.customer_id = c.customer_id AND s.persons > 1
    WHERE c.members <= max_members
    GROUP BY c.customer_id, c.household_id
  ), founder AS MATERIALIZED (
    SELECT coalesce(min(k.record_id) FILTER (WHERE k.home_id = k.customer_id), min(k.record_id)) AS record_id, m.household_id,
           m.shares_address, m.shares_surname, m.shares_phone
    FROM member AS m
    JOIN @hub@.customer_member AS k ON k.customer_id = m.customer_id
    GROUP BY m.customer_id, m.household_id, m.shares_address, m.shares_surname, m.shares_phone
  ), gone AS (
    DELETE FROM @hub@.household_member AS h
    WHERE NOT EXISTS (SELECT FROM founder AS f WHERE f.record_id = h.record_id)
  ), written AS (
    INSERT INTO @hub@.household_member AS h (record_id, household_id, shares_address, shares_surname, shares_phone, found_on)
    SELECT f.record_id, f.household_id, f.shares_address, f.shares_surname, f.shares_phone, current_date
    FROM founder AS f
    ORDER BY f.record_id
    ON CONFLICT ON CONSTRAINT household_member_pkey DO UPDATE
    SET household_id = excluded.household_id, shares_address = excluded.shares_address, shares_surname = excluded.shares_surname,
        shares_phone = excluded.shares_phone, found_on = excluded.found_on
    WHERE (h.household_id, h.shares_address, h.shares_surname, h.shares_phone)
          <> (excluded.household_id, excluded.shares_address, excluded.shares_surname, excluded.shares_phone)
    RETURNING 1
  )
  SELECT jsonb_build_object(
    'persons', (SELECT count(*) FROM person),
    'households', (SELECT count(DISTINCT m.household_id) FROM member AS m),
    'members', (SELECT count(*) FROM member),
    'changed', (SELECT count(*) FROM written),
    'addresses_of_too_many', (SELECT count(*) FROM address AS a WHERE NOT a.is_home),
    'phones_of_too_many', (SELECT count(*) FROM phone AS f WHERE NOT f.is_home),
    'too_large', (SELECT count(DISTINCT c.household_id) FROM clustered AS c WHERE c.members > max_members)) INTO counts;
  RETURN @hub@.finish_run(run, counts);
END
$$;

COMMENT ON FUNCTION @hub@.refresh_households(integer, integer, integer) IS
  'Finds out anew who lives together: persons who share two of address (street, number, floor and door), a surname, and phone; who is linked to one of a household belongs to it. An address with more than max_at_address persons (a hotel, a company), a phone with more than max_on_phone or of a company counts for nothing, and of more than max_members no household is made. Nobody is merged, and who asked for restriction is left out. Run it after crm.resolve(), for example nightly. Returns the run_log row with counts: persons, households, members, changed, addresses_of_too_many, phones_of_too_many, too_large. Errors: invalid_parameter_value.';

CREATE OR REPLACE FUNCTION @hub@.household_evidence(shares_address boolean, shares_surname boolean, shares_phone boolean)
RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT concat_ws(', ', CASE WHEN shares_address THEN 'address' END, CASE WHEN shares_surname THEN 'surname' END,
                   CASE WHEN shares_phone THEN 'phone' END)
$$;

COMMENT ON FUNCTION @hub@.household_evidence(boolean, boolean, boolean) IS 'What members of a household share, in words: address, surname, phone.';

-- Who was merged since is one member; with members of two households, of both.
CREATE OR REPLACE VIEW @hub@.household WITH (security_invoker = true) AS
SELECT l.household_id, l.customer_id, l.members, l.shares_address, l.shares_surname, l.shares_phone,
       @hub@.household_evidence(l.shares_address, l.shares_surname, l.shares_phone) AS evidence, l.found_on
FROM (SELECT h.household_id, m.customer_id, bool_or(h.shares_address) AS shares_address, bool_or(h.shares_surname) AS shares_surname,
             bool_or(h.shares_phone) AS shares_phone, min(h.found_on) AS found_on, count(*) OVER (PARTITION BY h.household_id) AS members
      FROM @hub@.household_member AS h
      JOIN @hub@.customer_member AS m ON m.record_id = h.record_id
      WHERE NOT EXISTS (SELECT
                        FROM @hub@.customer_member AS k
                        JOIN @hub@.restricted_record AS x ON x.record_id = k.record_id
                        WHERE k.customer_id = m.customer_id)
      GROUP BY h.household_id, m.customer_id) AS l
WHERE l.members > 1;

COMMENT ON VIEW @hub@.household IS 'One row is one customer in a household of two or more, with the evidence. As of the last crm.refresh_households(), for the customers of today: members follow merges and splits.';
COMMENT ON COLUMN @hub@.household.household_id IS 'Household: smallest customer id of it when it was found.';
COMMENT ON COLUMN @hub@.household.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.household.members IS 'Number of customers in the household.';
COMMENT ON COLUMN @hub@.household.shares_address IS 'Another member has the same address.';
COMMENT ON COLUMN @hub@.household.shares_surname IS 'Another member has one of the same surnames.';
COMMENT ON COLUMN @hub@.household.shares_phone IS 'Another member has the same phone.';
COMMENT ON COLUMN @hub@.household.evidence IS 'The three in words: two of address, surname, phone, or all.';
COMMENT ON COLUMN @hub@.household.found_on IS 'Since when it was found so.';
