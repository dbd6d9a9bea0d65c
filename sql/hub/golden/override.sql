-- What a steward decides about single values of a customer.

-- The value of an override as golden customers have it: the same form as after a
-- load.
CREATE OR REPLACE FUNCTION @hub@.override_value(attribute text, value text, region text)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  plain CONSTANT text := NULLIF(omnicrm.normalize_text(value), '');
  found_type text;
  result jsonb;
BEGIN
  IF value IS NULL THEN
    RETURN NULL;
  END IF;
  SELECT a.type INTO found_type FROM @hub@.survivorship_attribute AS a WHERE a.attribute = override_value.attribute;
  result := CASE override_value.attribute
              WHEN 'email' THEN to_jsonb(omnicrm.normalize_email(plain))
              WHEN 'phone' THEN to_jsonb(omnicrm.normalize_phone(plain, region))
              WHEN 'tax_id' THEN to_jsonb(omnicrm.normalize_tax_id(plain, region))
              WHEN 'postcode' THEN to_jsonb(omnicrm.normalize_postcode(plain, region))
              WHEN 'gender' THEN to_jsonb(omnicrm.normalize_gender(plain))
              WHEN 'birth_date' THEN to_jsonb(to_char(omnicrm.parse_date(plain, 'YMD'), 'YYYY-MM-DD'))
              WHEN 'loyalty_card' THEN to_jsonb(NULLIF(translate(upper(plain), ' -.', ''), ''))
              WHEN 'username' THEN to_jsonb(lower(plain))
              ELSE CASE WHEN found_type = 'number' THEN to_jsonb(omnicrm.parse_number(plain, '.')) ELSE to_jsonb(plain) END
            END;
  IF result IS NULL THEN
    RAISE EXCEPTION 'invalid value of %: %', override_value.attribute, quote_literal(left(value, 60))
      USING ERRCODE = 'invalid_parameter_value',
            HINT = CASE override_value.attribute
                     WHEN 'birth_date' THEN 'Write it as 1980-12-31.'
                     WHEN 'gender' THEN 'female, male or other.'
                     ELSE 'Give a value that a load would take, or NULL: the customer has none.' END;
  END IF;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.override_value(text, text, text) IS
  'Used by crm.override(): the value as JSON text or number, normalised as at loading; region: country of phones, tax numbers and postcodes. NULL stays NULL. Errors: invalid_parameter_value.';

-- The living id of a customer that may be decided about.
CREATE OR REPLACE FUNCTION @hub@.require_living_customer(id bigint)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  living CONSTANT bigint := @hub@.current_id(id);
BEGIN
  IF living IS NULL THEN
    RAISE EXCEPTION 'customer % was never given', coalesce(id::text, 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'Look for the customer with @hub@.find_customer(text).';
  END IF;
  IF (SELECT c.state FROM @hub@.customer AS c WHERE c.customer_id = living) = 'erased' THEN
    RAISE EXCEPTION 'customer % is erased', id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'There is nothing left to decide about.';
  END IF;
  IF NOT EXISTS (SELECT FROM @hub@.customer AS c WHERE c.customer_id = living AND c.state = 'active') THEN
    RAISE EXCEPTION 'customer % has no records, or was erased', id
      USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Only active customers have values to decide about.';
  END IF;
  RETURN living;
END
$$;

COMMENT ON FUNCTION @hub@.require_living_customer(bigint) IS
  'Used by crm.override(): the living id of an active customer. Errors: no_data_found, object_not_in_prerequisite_state.';

CREATE OR REPLACE FUNCTION @hub@.override(customer_id bigint, attribute text, value text, who text, why text, until date DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  living bigint;
  anchor bigint;
  decided jsonb;
  made bigint;
BEGIN
  PERFORM @hub@.require_current();
  IF override.who IS NULL OR btrim(override.who) = '' OR override.why IS NULL OR btrim(override.why) = '' THEN
    RAISE EXCEPTION 'an override needs who decided and why'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Whoever reads it later must understand it.';
  END IF;
  IF override.attribute IS NULL OR override.attribute = ''
     OR override.attribute IN ('customer_id', 'kind', 'state', 'attributes', 'name_tokens', 'certainty', 'record_count', 'source_count',
                               'first_seen', 'last_seen', 'created_at', 'updated_at', 'merged_into') THEN
    RAISE EXCEPTION 'no attribute to decide about: %', coalesce(quote_literal(override.attribute), 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = format('Columns are %s; any other name is a further attribute.', array_to_string(@hub@.survivorship_columns(), ', '));
  END IF;
  IF override.until <= (SELECT s.as_of FROM @hub@.golden_state AS s) OR override.until <= @hub@.golden_day() THEN
    RAISE EXCEPTION 'the override ends before it begins: %', override.until
      USING ERRCODE = 'invalid_parameter_value', HINT = 'until is the first day on which the rules decide again; NULL: until it is withdrawn.';
  END IF;
  PERFORM @hub@.lock_customers();
  living := @hub@.require_living_customer(override.customer_id);
  decided := @hub@.override_value(override.attribute, override.value, (SELECT v.region FROM @hub@.hub_version AS v));
  SELECT coalesce(min(m.record_id) FILTER (WHERE m.home_id = living), min(m.record_id)) INTO anchor
  FROM @hub@.customer_member AS m
  WHERE m.customer_id = living;
  UPDATE @hub@.customer_override AS o
  SET withdrawn_at = clock_timestamp(), withdrawn_by = override.who, withdrawn_why = 'replaced by a newer override'
  WHERE o.record_id = anchor AND o.attribute = override.attribute AND o.withdrawn_at IS NULL;
  INSERT INTO @hub@.customer_override AS o (record_id, customer_id, attribute, value, until, who, why)
  VALUES (anchor, living, override.attribute, decided, override.until, override.who, override.why)
  RETURNING o.override_id INTO made;
  PERFORM @hub@.rebuild_slice(ARRAY[living]);
  RETURN made;
END
$$;

COMMENT ON FUNCTION @hub@.override(bigint, text, text, text, text, date) IS
  'Decides a value of a customer: it beats every rule until it ends. attribute: a column such as email, or a further attribute; value: as a load would take it, NULL: the customer has none; who decided and why; until: first day on which the rules decide again, NULL: until crm.withdraw_override(). It stays with the record that the id was made for, so it is where it was after a merge is undone; of two overrides that a merge brings together the newer wins. Old ids count as the living one. Returns the override_id. Errors: no_data_found, invalid_parameter_value, object_not_in_prerequisite_state.';

CREATE OR REPLACE FUNCTION @hub@.withdraw_override(override_id bigint, who text, why text)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_override @hub@.customer_override;
BEGIN
  PERFORM @hub@.require_current();
  IF withdraw_override.who IS NULL OR btrim(withdraw_override.who) = '' OR withdraw_override.why IS NULL OR btrim(withdraw_override.why) = '' THEN
    RAISE EXCEPTION 'withdrawing an override needs who does it and why'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Whoever reads it later must understand it.';
  END IF;
  PERFORM @hub@.lock_customers();
  SELECT o.* INTO found_override FROM @hub@.customer_override AS o WHERE o.override_id = withdraw_override.override_id;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'there is no override %', coalesce(withdraw_override.override_id::text, 'NULL')
      USING ERRCODE = 'no_data_found', HINT = 'They are listed in @hub@.customer_override.';
  END IF;
  IF found_override.withdrawn_at IS NOT NULL THEN
    RETURN false;
  END IF;
  UPDATE @hub@.customer_override AS o
  SET withdrawn_at = clock_timestamp(), withdrawn_by = withdraw_override.who, withdrawn_why = withdraw_override.why
  WHERE o.override_id = found_override.override_id;
  PERFORM @hub@.rebuild_slice(ARRAY(SELECT m.customer_id FROM @hub@.customer_member AS m WHERE m.record_id = found_override.record_id));
  RETURN true;
END
$$;

COMMENT ON FUNCTION @hub@.withdraw_override(bigint, text, text) IS
  'Takes an override back: the rules decide again. Returns true, or false when it was withdrawn before. Errors: no_data_found, invalid_parameter_value.';
