-- Companies and their people.

-- Statements on one role of one person at one company, by several records or
-- sources, are one period where they overlap or touch.
CREATE OR REPLACE VIEW @hub@.company_contact WITH (security_invoker = true) AS
SELECT g.company_id, g.person_id, g.role, lower(p.period) AS since, upper(p.period) AS until, p.period @> current_date AS is_current,
       (SELECT array_agg(u.id ORDER BY u.id) FROM unnest(g.ids, g.periods) AS u(id, period) WHERE u.period <@ p.period AND NOT isempty(u.period))
         AS company_role_ids
FROM (SELECT c.customer_id AS company_id, m.customer_id AS person_id, k.role, array_agg(k.company_role_id) AS ids, array_agg(k.period) AS periods,
             range_agg(k.period) AS united
      FROM (SELECT r.record_id, r.company_record_id, r.role, r.company_role_id,
                   CASE WHEN least(r.until, r.ended_on) < r.since THEN 'empty'::daterange ELSE daterange(r.since, least(r.until, r.ended_on)) END AS period
            FROM @hub@.company_role AS r
            WHERE r.removed_at IS NULL) AS k
      JOIN @hub@.customer_member AS m ON m.record_id = k.record_id
      JOIN @hub@.customer_member AS c ON c.record_id = k.company_record_id
      WHERE m.customer_id <> c.customer_id
      GROUP BY c.customer_id, m.customer_id, k.role) AS g
CROSS JOIN LATERAL unnest(g.united) AS p(period);

COMMENT ON VIEW @hub@.company_contact IS 'One row: this customer has, had or will have this role at this company, in one period without gap. It follows merges and splits; what a merge makes a relation of a customer to itself is not shown.';
COMMENT ON COLUMN @hub@.company_contact.company_id IS 'Company.';
COMMENT ON COLUMN @hub@.company_contact.person_id IS 'The person, or a company that acts for it.';
COMMENT ON COLUMN @hub@.company_contact.role IS 'Role.';
COMMENT ON COLUMN @hub@.company_contact.since IS 'First day; NULL: always was.';
COMMENT ON COLUMN @hub@.company_contact.until IS 'First day on which it is over; NULL: it lasts.';
COMMENT ON COLUMN @hub@.company_contact.is_current IS 'True: it holds today.';
COMMENT ON COLUMN @hub@.company_contact.company_role_ids IS 'Rows of company_role that say so.';

CREATE OR REPLACE FUNCTION @hub@.add_company_contact(
  company_id bigint, person_id bigint, role text, who text, why text, since date DEFAULT NULL, until date DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  company bigint;
  person bigint;
  made bigint;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  company := @hub@.steward_customer(add_company_contact.company_id);
  person := @hub@.steward_customer(add_company_contact.person_id);
  company := @hub@.current_id(company);
  IF (SELECT c.kind FROM @hub@.customer AS c WHERE c.customer_id = company) <> 'organisation' THEN
    RAISE EXCEPTION 'customer % is no company', add_company_contact.company_id
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'The company comes first, then the person. A company is a customer whose records have kind organisation.';
  END IF;
  IF company = person THEN
    RAISE EXCEPTION 'customers % and % are one: customer %', add_company_contact.company_id, add_company_contact.person_id, company
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Nobody is his own contact.';
  END IF;
  IF add_company_contact.role IS NULL OR btrim(add_company_contact.role) = '' THEN
    RAISE EXCEPTION 'a contact needs a role'
      USING ERRCODE = 'null_value_not_allowed', HINT = 'For example owner, buyer, accountant, or contact.';
  END IF;
  IF add_company_contact.until < add_company_contact.since THEN
    RAISE EXCEPTION 'the role ends before it begins: since %, until %', add_company_contact.since, add_company_contact.until
      USING ERRCODE = 'invalid_parameter_value', HINT = 'until is the first day on which it is over; NULL: it lasts.';
  END IF;
  INSERT INTO @hub@.company_role AS k (record_id, company_record_id, role, since, until, told_by, why)
  VALUES (@hub@.customer_founder(person), @hub@.customer_founder(company), btrim(add_company_contact.role), add_company_contact.since,
          add_company_contact.until, btrim(add_company_contact.who), btrim(add_company_contact.why))
  RETURNING k.company_role_id INTO made;
  RETURN made;
END
$$;

COMMENT ON FUNCTION @hub@.add_company_contact(bigint, bigint, text, text, text, date, date) IS
  'Says that a customer has a role at a company: company, person, role (owner, buyer, ...), who says so and why, since (NULL: always was), until (first day on which it is over; NULL: it lasts). It stays with the records that the two ids were made for, so it is where it was when a merge is undone. Old ids are followed. Returns the company_role_id, for end_company_contact() and remove_company_contact(). Errors: no_data_found, null_value_not_allowed, invalid_parameter_value (no company, one customer, until before since), object_not_in_prerequisite_state for an erased customer.';

-- A row of company_role that stands, locked.
CREATE OR REPLACE FUNCTION @hub@.standing_company_role(company_role_id bigint)
RETURNS @hub@.company_role
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_role @hub@.company_role;
BEGIN
  SELECT k.* INTO found_role FROM @hub@.company_role AS k WHERE k.company_role_id = $1 FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'role % does not exist', coalesce($1::text, 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'Look for it in @hub@.company_contact.company_role_ids.';
  END IF;
  IF found_role.removed_at IS NOT NULL THEN
    RAISE EXCEPTION 'role % was removed already, by %: %', $1, found_role.removed_by, found_role.removed_why
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'To have it again, call @hub@.add_company_contact().';
  END IF;
  RETURN found_role;
END
$$;

COMMENT ON FUNCTION @hub@.standing_company_role(bigint) IS
  'Used by end_company_contact() and remove_company_contact(): the role, locked. Errors: no_data_found, object_not_in_prerequisite_state when it was removed.';

CREATE OR REPLACE FUNCTION @hub@.end_company_contact(company_role_id bigint, ended_on date, who text, why text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  standing @hub@.company_role;
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  standing := @hub@.standing_company_role($1);
  IF ended_on IS NULL OR ended_on < standing.since THEN
    RAISE EXCEPTION 'role % cannot end on %', $1, coalesce(ended_on::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Give the first day on which it is over%s; what never was so, @hub@.remove_company_contact() takes away.',
                          ', not before ' || standing.since);
  END IF;
  UPDATE @hub@.company_role AS k
  SET ended_on = end_company_contact.ended_on, ended_by = btrim($3), ended_why = btrim($4)
  WHERE k.company_role_id = $1;
END
$$;

COMMENT ON FUNCTION @hub@.end_company_contact(bigint, date, text, text) IS
  'Ends a role at a company: company_role_id, first day on which it is over, who says so and why. Holds whatever the source goes on saying; a second call moves the day. The history stays with the company. Returns nothing. Errors: no_data_found, invalid_parameter_value, null_value_not_allowed, object_not_in_prerequisite_state when it was removed.';

CREATE OR REPLACE FUNCTION @hub@.remove_company_contact(company_role_id bigint, who text, why text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.steward_begin(who, why);
  PERFORM @hub@.standing_company_role($1);
  UPDATE @hub@.company_role AS k
  SET removed_at = clock_timestamp(), removed_by = btrim($2), removed_why = btrim($3)
  WHERE k.company_role_id = $1;
END
$$;

COMMENT ON FUNCTION @hub@.remove_company_contact(bigint, text, text) IS
  'Takes back a role that never was so: company_role_id, who says so and why. The row stays, removed, and a load of it does not bring it back. Returns nothing. Errors: no_data_found, null_value_not_allowed, object_not_in_prerequisite_state when it was removed already.';
