-- Finding a customer.

-- The living customer behind any id ever given.
CREATE OR REPLACE FUNCTION @hub@.require_customer(customer_id bigint)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  living bigint;
BEGIN
  IF $1 IS NULL THEN
    RAISE EXCEPTION 'customer_id must not be null'
      USING ERRCODE = 'null_value_not_allowed';
  END IF;
  SELECT c.customer_id INTO living
  FROM @hub@.customer AS c
  WHERE c.customer_id = coalesce((SELECT r.customer_id FROM @hub@.customer_redirect AS r WHERE r.old_id = $1), $1);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'customer % does not exist', $1
      USING ERRCODE = 'no_data_found',
            HINT = 'Look for it with @hub@.find_customer(text).';
  END IF;
  RETURN living;
END
$$;

COMMENT ON FUNCTION @hub@.require_customer(bigint) IS
  'Present id of a customer, following merges. Errors: no_data_found when the id was never given, null_value_not_allowed.';
