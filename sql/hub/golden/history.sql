-- What was believed when.

-- The columns of crm.customer whose changes are kept and announced. Search words
-- follow from the names of the records and are not among them.
CREATE OR REPLACE FUNCTION @hub@.golden_columns()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY['kind', 'state', 'full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street', 'postcode',
               'city', 'province', 'country', 'loyalty_card', 'username', 'attributes', 'certainty', 'record_count', 'source_count',
               'first_seen', 'last_seen', 'updated_at', 'merged_into']
$$;

COMMENT ON FUNCTION @hub@.golden_columns() IS 'Names of the columns of crm.customer whose earlier values customer_history keeps.';

-- One customer at one time. Of several changes after that time the first tells
-- what was known.
CREATE OR REPLACE FUNCTION @hub@.customer_known(id bigint, at timestamptz)
RETURNS @hub@.customer
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_populate_record(
    c, (SELECT coalesce(jsonb_object_agg(e.key, e.value ORDER BY h.known_until DESC), '{}') || '{"name_tokens": null}'
        FROM @hub@.customer_history AS h
        CROSS JOIN LATERAL jsonb_each(h.before) AS e(key, value)
        WHERE h.customer_id = c.customer_id AND h.known_until > at))
  FROM @hub@.customer AS c
  WHERE c.customer_id = id AND c.created_at <= at
$$;

COMMENT ON FUNCTION @hub@.customer_known(bigint, timestamptz) IS
  'Used by crm.customer_as_of(): the golden row of this very id as it was known at a time; null before it was made.';

CREATE OR REPLACE FUNCTION @hub@.customer_as_of(customer_id bigint, at timestamptz)
RETURNS SETOF @hub@.customer
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_row @hub@.customer;
  kept_from timestamptz;
BEGIN
  PERFORM @hub@.require_current();
  IF at IS NULL OR customer_as_of.customer_id IS NULL THEN
    RETURN;
  END IF;
  IF NOT EXISTS (SELECT FROM @hub@.customer AS c WHERE c.customer_id = customer_as_of.customer_id) THEN
    RAISE EXCEPTION 'customer % was never given', customer_as_of.customer_id
      USING ERRCODE = 'no_data_found', HINT = 'Look for the customer with @hub@.find_customer(text).';
  END IF;
  SELECT s.history_from INTO kept_from FROM @hub@.golden_state AS s;
  IF at < kept_from THEN
    RAISE EXCEPTION 'what was known on % was removed', at
      USING ERRCODE = 'invalid_parameter_value', HINT = format('The history is kept from %s on.', kept_from);
  END IF;
  found_row := @hub@.customer_known(customer_as_of.customer_id, at);
  IF found_row.state = 'merged' THEN
    found_row := @hub@.customer_known(found_row.merged_into, at);
  END IF;
  IF found_row.customer_id IS NOT NULL THEN
    RETURN NEXT found_row;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.customer_as_of(bigint, timestamptz) IS
  'The golden row of a customer as the hub knew it at a time (system time: when it was written here, not since when it is true); of an id that was merged by then, the row of the customer that it went by. No row before the id was given. name_tokens is null, columns of your own are those of today. Errors: no_data_found for an id that was never given, invalid_parameter_value for a time before what crm.prune_history() left.';

CREATE OR REPLACE FUNCTION @hub@.prune_history(before timestamptz)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  pruned bigint;
BEGIN
  PERFORM @hub@.require_current();
  IF before IS NULL OR before > clock_timestamp() THEN
    RAISE EXCEPTION 'cannot remove the history before %', coalesce(before::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a time in the past.';
  END IF;
  DELETE FROM @hub@.customer_history AS h WHERE h.known_until <= prune_history.before;
  GET DIAGNOSTICS pruned = ROW_COUNT;
  UPDATE @hub@.golden_state AS s SET history_from = prune_history.before WHERE s.history_from < prune_history.before;
  RETURN pruned;
END
$$;

COMMENT ON FUNCTION @hub@.prune_history(timestamptz) IS
  'Forgets what was believed before a time: crm.customer_as_of() answers from that time on only. Returns the number of changes removed. Errors: invalid_parameter_value.';
