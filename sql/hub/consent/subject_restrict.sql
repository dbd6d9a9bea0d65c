-- The right to restriction: the data stay, and nothing is done with them but to
-- keep them and to fulfil contracts.

CREATE OR REPLACE VIEW @hub@.restricted_customer WITH (security_invoker = true) AS
SELECT m.customer_id, min(l.done_at) AS since, count(*) AS records
FROM @hub@.restricted_record AS x
JOIN @hub@.customer_member AS m ON m.record_id = x.record_id
JOIN @hub@.subject_log AS l ON l.subject_log_id = x.subject_log_id
GROUP BY m.customer_id;

COMMENT ON VIEW @hub@.restricted_customer IS 'One row is one customer who asked for restriction, by any of his or her records: no marketing contact, no profiling.';
COMMENT ON COLUMN @hub@.restricted_customer.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.restricted_customer.since IS 'When it was asked for.';
COMMENT ON COLUMN @hub@.restricted_customer.records IS 'Records that are restricted.';

-- Why nobody may look at how this customer behaves.
CREATE OR REPLACE FUNCTION @hub@.profiling_bar(living bigint)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN CASE
    WHEN EXISTS (SELECT
                 FROM @hub@.customer_member AS m
                 JOIN @hub@.restricted_record AS x ON x.record_id = m.record_id
                 WHERE m.customer_id = living) THEN 'restricted'
    WHEN (SELECT c.state FROM @hub@.customer AS c WHERE c.customer_id = living) = 'erased' THEN 'erased'
  END;
END
$$;

COMMENT ON FUNCTION @hub@.profiling_bar(bigint) IS
  'Why a living customer must not be contacted by marketing nor profiled: restricted or erased; NULL: nothing forbids it.';

CREATE OR REPLACE FUNCTION @hub@.subject_restrict(customer_id bigint, why text)
RETURNS TABLE (table_name text, what text, rows bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  living bigint;
  logged bigint;
  restricted bigint;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.lock_customers();
  living := @hub@.require_customer(subject_restrict.customer_id);
  PERFORM @hub@.require_nameless(subject_restrict.why, (SELECT k.record_ids FROM @hub@.subject_keys(living) AS k));
  IF (SELECT c.state FROM @hub@.customer AS c WHERE c.customer_id = living) <> 'active' THEN
    RAISE EXCEPTION 'customer % is %', subject_restrict.customer_id, (SELECT c.state FROM @hub@.customer AS c WHERE c.customer_id = living)
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'There is nothing left to restrict.';
  END IF;
  INSERT INTO @hub@.subject_log (action, customer_id, why, touched)
  VALUES ('restrict', living, btrim(subject_restrict.why), '[]')
  RETURNING subject_log_id INTO logged;
  INSERT INTO @hub@.restricted_record (record_id, subject_log_id)
  SELECT m.record_id, logged FROM @hub@.customer_member AS m WHERE m.customer_id = living
  ON CONFLICT DO NOTHING;
  GET DIAGNOSTICS restricted = ROW_COUNT;
  UPDATE @hub@.subject_log AS l
  SET touched = jsonb_build_array(jsonb_build_object('table', 'restricted_record', 'what', 'stored', 'rows', restricted))
  WHERE l.subject_log_id = logged;
  RETURN QUERY SELECT 'restricted_record', 'stored', restricted;
END
$$;

COMMENT ON FUNCTION @hub@.subject_restrict(bigint, text) IS
  'Restricts the use of a customer''s data from now on: may_contact() and contactable answer restricted (purpose service excepted), no offers, no scores in later segmentations, no segment on the card. What was stated on consent stays as it is. The restriction is of the records: it follows merges and splits, and a customer with one restricted record is restricted. why: the reason, kept in subject_log, must not name the person. Returns the rows stored by table. Errors: no_data_found, null_value_not_allowed, invalid_parameter_value, object_not_in_prerequisite_state for an erased customer.';

CREATE OR REPLACE FUNCTION @hub@.subject_unrestrict(customer_id bigint, why text)
RETURNS TABLE (table_name text, what text, rows bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  living bigint;
  freed bigint;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.lock_customers();
  living := @hub@.require_customer(subject_unrestrict.customer_id);
  PERFORM @hub@.require_nameless(subject_unrestrict.why, (SELECT k.record_ids FROM @hub@.subject_keys(living) AS k));
  DELETE FROM @hub@.restricted_record AS x
  USING @hub@.customer_member AS m
  WHERE m.customer_id = living AND x.record_id = m.record_id;
  GET DIAGNOSTICS freed = ROW_COUNT;
  IF freed = 0 THEN
    RAISE EXCEPTION 'customer % is not restricted', subject_unrestrict.customer_id
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'See @hub@.restricted_customer.';
  END IF;
  INSERT INTO @hub@.subject_log (action, customer_id, why, touched)
  VALUES ('lift', living, btrim(subject_unrestrict.why),
          jsonb_build_array(jsonb_build_object('table', 'restricted_record', 'what', 'deleted', 'rows', freed)));
  RETURN QUERY SELECT 'restricted_record', 'deleted', freed;
END
$$;

COMMENT ON FUNCTION @hub@.subject_unrestrict(bigint, text) IS
  'Lifts the restriction of a customer, of all his or her records. Returns the rows deleted by table. Errors: no_data_found, null_value_not_allowed, invalid_parameter_value, object_not_in_prerequisite_state when the customer is not restricted.';
