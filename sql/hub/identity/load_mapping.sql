-- What crm.load() can load, and the check of a mapping. The result of the check
-- is a plan (jsonb): only names found in the catalog get into it, and every
-- piece of SQL made from it quotes them again.

-- One row for each target of each entity. column_name: column of the entity's
-- table. fallback: SQL expression for a missing value, over the parsed values.
CREATE OR REPLACE FUNCTION @hub@.load_target()
RETURNS TABLE (entity text, target text, type text, required boolean, column_name text, fallback text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  VALUES
    ('customer', 'key', 'key', true, 'source_key', NULL),
    ('customer', 'kind', 'text', false, 'kind', NULL),
    ('customer', 'full_name', 'text', false, 'full_name', NULL),
    ('customer', 'given_name', 'text', false, 'given_name', NULL),
    ('customer', 'surname', 'text', false, 'surname', NULL),
    ('customer', 'birth_date', 'date', false, 'birth_date', NULL),
    ('customer', 'gender', 'text', false, 'gender', NULL),
    ('customer', 'email', 'text', false, 'email', NULL),
    ('customer', 'phone', 'text', false, 'phone', NULL),
    ('customer', 'tax_id', 'text', false, 'tax_id', NULL),
    ('customer', 'street', 'text', false, 'street', NULL),
    ('customer', 'postcode', 'text', false, 'postcode', NULL),
    ('customer', 'city', 'text', false, 'city', NULL),
    ('customer', 'province', 'text', false, 'province', NULL),
    ('customer', 'country', 'text', false, 'country', NULL),
    ('customer', 'loyalty_card', 'text', false, 'loyalty_card', NULL),
    ('customer', 'device', 'text', false, 'device', NULL),
    ('customer', 'username', 'text', false, 'username', NULL),
    ('customer', 'business_at', 'timestamp', false, 'business_at', NULL),
    ('customer', 'entered_by', 'text', false, 'entered_by', NULL),
    ('customer', 'attributes', 'attributes', false, 'attributes', NULL),
    ('channel', 'key', 'key', true, 'name', NULL),
    ('channel', 'kind', 'text', false, 'kind', '''other'''),
    ('employee', 'key', 'key', true, 'employee_key', NULL),
    ('employee', 'name', 'text', false, 'name', 'b.t_key'),
    ('employee', 'role', 'text', false, 'role', NULL),
    ('employee', 'team', 'text', false, 'team', NULL),
    ('employee', 'manager', 'text', false, 'manager_key', NULL),
    ('campaign', 'key', 'key', true, 'name', NULL),
    ('campaign', 'channel', 'channel', false, 'channel_id', NULL),
    ('campaign', 'starts_on', 'date', false, 'starts_on', NULL),
    ('campaign', 'ends_on', 'date', false, 'ends_on', NULL),
    ('campaign', 'cost', 'money', false, 'cost', NULL),
    ('product', 'key', 'key', true, 'product_key', NULL),
    ('product', 'name', 'text', false, 'name', 'b.t_key'),
    ('product', 'category', 'text', false, 'category', NULL),
    ('product', 'price', 'money', false, 'price', NULL),
    ('product', 'cost', 'money', false, 'cost', NULL),
    ('product', 'repeatable', 'boolean', false, 'repeatable', 'false'),
    ('product', 'active', 'boolean', false, 'active', 'true'),
    ('order', 'key', 'key', true, 'order_key', NULL),
    ('order', 'customer', 'customer', true, 'record_id', NULL),
    ('order', 'ordered_at', 'timestamp', true, 'ordered_at', NULL),
    ('order', 'revenue', 'money', true, 'revenue', NULL),
    ('order', 'channel', 'channel', false, 'channel_id', NULL),
    ('order', 'employee', 'employee', false, 'employee_id', NULL),
    ('order', 'kind', 'choice sale return', false, 'kind', 'CASE WHEN b.v_revenue < 0 OR b.v_returns IS NOT NULL THEN ''return'' ELSE ''sale'' END'),
    ('order', 'returns', 'name', false, 'returns_key', NULL),
    ('order', 'sale_key', 'name', false, 'sale_key', NULL),
    ('order', 'gross_margin', 'money', false, 'gross_margin', NULL),
    ('order', 'contribution_margin', 'money', false, 'contribution_margin', NULL),
    ('order', 'currency', 'currency', false, 'currency', NULL),
    ('order_line', 'order', 'order', true, 'order_id', NULL),
    ('order_line', 'key', 'key', true, 'line_key', NULL),
    ('order_line', 'revenue', 'money', true, 'revenue', NULL),
    ('order_line', 'product', 'product', false, 'product_id', NULL),
    ('order_line', 'quantity', 'quantity', false, 'quantity', '1'),
    ('order_line', 'gross_margin', 'money', false, 'gross_margin', NULL),
    ('order_line', 'contribution_margin', 'money', false, 'contribution_margin', NULL),
    ('order_line', 'currency', 'currency', false, NULL, NULL),
    ('payment', 'key', 'key', true, 'payment_key', NULL),
    ('payment', 'order', 'order', true, 'order_id', NULL),
    ('payment', 'amount', 'money', true, 'amount', NULL),
    ('payment', 'terms_days', 'days', false, 'terms_days', '0'),
    ('payment', 'due_on', 'date', false, 'due_on', NULL),
    ('payment', 'paid_on', 'date', false, 'paid_on', NULL),
    ('payment', 'method', 'text', false, 'method', NULL),
    ('payment', 'currency', 'currency', false, NULL, NULL),
    ('touch', 'key', 'key', true, 'event_key', NULL),
    ('touch', 'customer', 'customer', true, 'record_id', NULL),
    ('touch', 'occurred_at', 'timestamp', true, 'occurred_at', NULL),
    ('touch', 'channel', 'channel', false, 'channel_id', NULL),
    ('touch', 'employee', 'employee', false, 'employee_id', NULL),
    ('touch', 'role', 'text', false, 'role', NULL),
    ('touch', 'direction', 'choice inbound outbound', false, 'direction', NULL),
    ('touch', 'message_type', 'text', false, 'message_type', NULL),
    ('touch', 'campaign', 'campaign', false, 'campaign_id', NULL),
    ('touch', 'phase', 'choice pre-sale sale post-sale', false, 'phase', NULL),
    ('touch', 'emotion', 'emotion', false, 'emotion', NULL),
    ('touch', 'cost', 'money', false, 'cost', '0'),
    ('touch', 'currency', 'currency', false, NULL, NULL),
    ('lead', 'key', 'key', true, 'lead_key', NULL),
    ('lead', 'created_at', 'timestamp', true, 'created_at', NULL),
    ('lead', 'customer', 'customer', false, 'record_id', NULL),
    ('lead', 'origin', 'text', false, 'origin', NULL),
    ('lead', 'channel', 'channel', false, 'channel_id', NULL),
    ('lead', 'campaign', 'campaign', false, 'campaign_id', NULL),
    ('lead', 'brought_by', 'employee', false, 'brought_by', NULL),
    ('lead', 'advised_by', 'employee', false, 'advised_by', NULL),
    ('lead', 'closed_by', 'employee', false, 'closed_by', NULL),
    ('lead', 'won_at', 'timestamp', false, 'won_at', NULL),
    ('lead', 'lost_at', 'timestamp', false, 'lost_at', NULL),
    ('lead', 'lost_reason', 'text', false, 'lost_reason', NULL),
    ('lead', 'value', 'money', false, 'value', NULL),
    ('lead', 'sale_key', 'name', false, 'sale_key', NULL),
    ('lead', 'currency', 'currency', false, NULL, NULL),
    ('case', 'key', 'key', true, 'case_key', NULL),
    ('case', 'customer', 'customer', true, 'record_id', NULL),
    ('case', 'opened_at', 'timestamp', true, 'opened_at', NULL),
    ('case', 'subject', 'text', true, 'subject', NULL),
    ('case', 'channel', 'channel', false, 'channel_id', NULL),
    ('case', 'employee', 'employee', false, 'employee_id', NULL),
    ('case', 'closed_at', 'timestamp', false, 'closed_at', NULL),
    ('case', 'priority', 'text', false, 'priority', '''normal'''),
    ('case', 'satisfaction', 'rating', false, 'satisfaction', NULL),
    ('consent', 'key', 'key', true, 'event_key', NULL),
    ('consent', 'customer', 'customer', true, 'record_id', NULL),
    ('consent', 'channel_kind', 'choice email phone sms post app any', true, 'channel_kind', NULL),
    ('consent', 'state', 'choice given refused withdrawn', true, 'state', NULL),
    ('consent', 'stated_at', 'timestamp', true, 'stated_at', NULL),
    ('consent', 'purpose', 'text', false, 'purpose', '''marketing'''),
    ('company_contact', 'key', 'key', true, 'role_key', NULL),
    ('company_contact', 'customer', 'customer', true, 'record_id', NULL),
    ('company_contact', 'company', 'other customer', true, 'company_record_id', NULL),
    ('company_contact', 'role', 'text', false, 'role', '''contact'''),
    ('company_contact', 'since', 'date', false, 'since', NULL),
    ('company_contact', 'until', 'date', false, 'until', NULL),
    ('referral', 'key', 'key', true, 'referral_key', NULL),
    ('referral', 'customer', 'customer', true, 'record_id', NULL),
    ('referral', 'referrer', 'other customer', true, 'referrer_record_id', NULL),
    ('referral', 'referred_at', 'timestamp', true, 'referred_at', NULL),
    ('referral', 'code', 'text', false, 'code', NULL),
    ('referral', 'reward', 'money', false, 'reward', NULL),
    ('referral', 'currency', 'currency', false, NULL, NULL)
$$;

COMMENT ON FUNCTION @hub@.load_target() IS
  'What crm.load() can load: one row for each target of each entity. type: key, text, name (text in an index), date, timestamp, money, quantity, days, emotion (-2 to 2), rating (1 to 5), boolean, currency, choice (followed by its values), attributes, or a reference: customer, other customer (the second one of a relation), order, channel, employee, campaign, product. required: the mapping must name it. column_name: where it goes; fallback: SQL expression for a missing value.';

-- Table, columns and nature of an entity.
CREATE OR REPLACE FUNCTION @hub@.load_table()
RETURNS TABLE (entity text, table_name text, id_column text, key_column text, time_target text, own_keys boolean, is_dimension boolean)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  VALUES
    ('customer', 'source_record', 'record_id', 'source_key', 'business_at', true, false),
    ('channel', 'channel', 'channel_id', 'name', NULL, false, true),
    ('employee', 'employee', 'employee_id', 'employee_key', NULL, false, true),
    ('campaign', 'campaign', 'campaign_id', 'name', NULL, false, true),
    ('product', 'product', 'product_id', 'product_key', NULL, false, true),
    ('order', 'sales_order', 'order_id', 'order_key', 'ordered_at', true, false),
    ('order_line', 'order_line', 'order_line_id', 'line_key', NULL, false, false),
    ('payment', 'payment', 'payment_id', 'payment_key', NULL, true, false),
    ('touch', 'touch', 'touch_id', 'event_key', 'occurred_at', true, false),
    ('lead', 'lead', 'lead_id', 'lead_key', 'created_at', true, false),
    ('case', 'service_case', 'case_id', 'case_key', 'opened_at', true, false),
    ('consent', 'consent_event', 'consent_event_id', 'event_key', 'stated_at', true, false),
    ('company_contact', 'company_role', 'company_role_id', 'role_key', NULL, true, false),
    ('referral', 'referral_event', 'referral_event_id', 'referral_key', 'referred_at', true, false)
$$;

COMMENT ON FUNCTION @hub@.load_table() IS
  'Where crm.load() puts each entity: table, columns of its id and key, target that dates a row (the newer of two rows with one key wins), whether keys belong to a source, and whether it is a dimension shared by all sources.';

-- Relations are facts of two customers.
CREATE OR REPLACE FUNCTION @hub@.other_target(entity text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT t.target FROM @hub@.load_target() AS t WHERE t.entity = $1 AND t.type = 'other customer'
$$;

COMMENT ON FUNCTION @hub@.other_target(text) IS
  'Used by crm.load(): the target of an entity that names a second customer, such as company or referrer; NULL: it has none.';

-- Columns of a relation that a mapping may name, with the base type of domains.
CREATE OR REPLACE FUNCTION @hub@.relation_column(relation regclass)
RETURNS TABLE (ordinal smallint, name text, type text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH RECURSIVE base AS (
    SELECT a.attnum, a.attname::text AS name, t.oid, t.typtype, t.typbasetype
    FROM pg_attribute AS a
    JOIN pg_type AS t ON t.oid = a.atttypid
    WHERE a.attrelid = relation AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT b.attnum, b.name, t.oid, t.typtype, t.typbasetype
    FROM base AS b
    JOIN pg_type AS t ON t.oid = b.typbasetype
    WHERE b.typtype = 'd'
  )
  SELECT b.attnum, b.name, format_type(b.oid, NULL)
  FROM base AS b
  WHERE b.typtype <> 'd'
  ORDER BY b.attnum
$$;

COMMENT ON FUNCTION @hub@.relation_column(regclass) IS
  'Used by crm.load(): columns of a table or view that a mapping may name, with their types (of a domain, the type below).';

CREATE OR REPLACE FUNCTION @hub@.raise_mapping(message text, hint text)
RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION '%', message USING ERRCODE = 'invalid_parameter_value', HINT = hint;
END
$$;

COMMENT ON FUNCTION @hub@.raise_mapping(text, text) IS
  'Used by crm.load(): raises invalid_parameter_value with this message and hint. Returns nothing.';

-- The columns named in a mapping, each looked up in the catalog. A replay reads
-- jsonb and has no relation any more.
CREATE OR REPLACE FUNCTION @hub@.mapped_columns(relation regclass, target text, names jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  item jsonb;
  column_name text;
  column_type text;
  result jsonb := '[]';
BEGIN
  IF jsonb_typeof(names) = 'string' THEN
    names := jsonb_build_array(names);
  END IF;
  IF jsonb_typeof(names) IS DISTINCT FROM 'array' OR jsonb_array_length(names) NOT BETWEEN 1 AND 100 THEN
    PERFORM @hub@.raise_mapping(
      format('mapping of %s must be a column name or an array of column names, not %s', quote_literal(target), left(names::text, 60)),
      'For example "surname": ["first_surname", "second_surname"].');
  END IF;
  FOR item IN SELECT e.value FROM jsonb_array_elements(names) AS e(value) LOOP
    IF jsonb_typeof(item) <> 'string' THEN
      PERFORM @hub@.raise_mapping(
        format('mapping of %s names a column by %s', quote_literal(target), left(item::text, 60)), 'A column name is a JSON string.');
    END IF;
    column_name := item #>> '{}';
    column_type := NULL;
    IF relation IS NOT NULL THEN
      SELECT c.type INTO column_type FROM @hub@.relation_column(relation) AS c WHERE c.name = column_name;
      IF NOT FOUND THEN
        RAISE EXCEPTION 'column % of relation % does not exist (mapping of %)',
          quote_ident(left(column_name, 80)), relation, quote_literal(target)
          USING ERRCODE = 'undefined_column',
                HINT = format('Columns: %s.', (SELECT left(string_agg(c.name, ', ' ORDER BY c.ordinal), 1000)
                                               FROM @hub@.relation_column(relation) AS c));
      END IF;
    END IF;
    result := result || jsonb_build_object('name', column_name, 'type', column_type);
  END LOOP;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.mapped_columns(regclass, text, jsonb) IS
  'Used by crm.load(): the columns that a mapping names for one target, as [{"name", "type"}, ...], looked up in the catalog. Errors: undefined_column, invalid_parameter_value.';

-- One source of a target in its full form:
-- {"columns": [...], "value": ..., "format": ..., "decimal": ...}.
CREATE OR REPLACE FUNCTION @hub@.mapped_source(relation regclass, target text, type text, source jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  unknown text;
BEGIN
  IF type = 'attributes' AND jsonb_typeof(source) = 'object' THEN
    IF source - 'object' <> '{}' OR jsonb_typeof(source -> 'object') IS DISTINCT FROM 'string' THEN
      PERFORM @hub@.raise_mapping(format('mapping of %s is %s', quote_literal(target), left(source::text, 60)),
        'Name columns, ["shoe_size", "club"], or one column of type jsonb whose members are attributes, {"object": "details"}.');
    END IF;
    RETURN jsonb_build_object('columns', @hub@.mapped_columns(relation, target, source -> 'object'), 'object', true);
  END IF;
  IF type = 'attributes' OR jsonb_typeof(source) <> 'object' THEN
    RETURN jsonb_build_object('columns', @hub@.mapped_columns(relation, target, source));
  END IF;
  SELECT string_agg(quote_literal(k.key), ', ' ORDER BY k.key COLLATE "C") INTO unknown
  FROM jsonb_object_keys(source) AS k(key)
  WHERE k.key NOT IN ('column', 'columns', 'value', 'format', 'decimal');
  IF unknown IS NOT NULL THEN
    PERFORM @hub@.raise_mapping(format('mapping of %s has unknown setting %s', quote_literal(target), left(unknown, 200)),
      'Settings: column or columns or value, format, decimal.');
  END IF;
  IF num_nonnulls(source -> 'column', source -> 'columns', source -> 'value') <> 1 THEN
    PERFORM @hub@.raise_mapping(format('mapping of %s needs one of column, columns and value', quote_literal(target)),
      'For example {"column": "born", "format": "DMY"} or {"value": "web"}.');
  END IF;
  IF source ? 'format' AND (type NOT IN ('date', 'timestamp')
                            OR coalesce(source ->> 'format', '') NOT IN ('YMD', 'DMY', 'MDY', 'yMD', 'DMy', 'MDy', 'auto')) THEN
    PERFORM @hub@.raise_mapping(format('mapping of %s has unknown format %s', quote_literal(target), left((source -> 'format')::text, 60)),
      'Dates and times take YMD, DMY, MDY or auto, with a small y for two-digit years; other targets take no format.');
  END IF;
  IF source ? 'decimal' AND (type NOT IN ('money', 'quantity', 'days', 'emotion', 'rating')
                             OR coalesce(source ->> 'decimal', '') NOT IN ('.', ',')) THEN
    PERFORM @hub@.raise_mapping(format('mapping of %s has unknown decimal mark %s', quote_literal(target), left((source -> 'decimal')::text, 60)),
      'Numbers take "." or ","; other targets take no decimal mark.');
  END IF;
  IF source ? 'value' THEN
    IF jsonb_typeof(source -> 'value') NOT IN ('string', 'number', 'boolean') THEN
      PERFORM @hub@.raise_mapping(
        format('mapping of %s has value %s', quote_literal(target), left((source -> 'value')::text, 60)),
        'A constant value is a JSON string, number or boolean.');
    END IF;
    RETURN source - 'column' - 'columns';
  END IF;
  RETURN (source - 'column')
    || jsonb_build_object('columns', @hub@.mapped_columns(relation, target, coalesce(source -> 'columns', source -> 'column')));
END
$$;

COMMENT ON FUNCTION @hub@.mapped_source(regclass, text, text, jsonb) IS
  'Used by crm.load(): the source of one target of a mapping in its full form. Errors: undefined_column, invalid_parameter_value.';

-- Ids of the sources named by an option such as customer_source, in its order.
CREATE OR REPLACE FUNCTION @hub@.mapped_source_ids(option_name text, names jsonb, own_id integer)
RETURNS integer[]
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  item jsonb;
  id integer;
  ids integer[] := '{}';
BEGIN
  IF names IS NULL THEN
    RETURN ARRAY[own_id];
  END IF;
  IF jsonb_typeof(names) = 'string' THEN
    names := jsonb_build_array(names);
  END IF;
  IF jsonb_typeof(names) <> 'array' OR jsonb_array_length(names) NOT BETWEEN 1 AND 20 THEN
    PERFORM @hub@.raise_mapping(format('%s must be the name of a source or an array of names, not %s', option_name, left(names::text, 60)),
      'For example "customer_source": ["web shop", "loyalty"]; the first source that knows the key wins.');
  END IF;
  FOR item IN SELECT e.value FROM jsonb_array_elements(names) AS e(value) LOOP
    SELECT s.source_id INTO id FROM @hub@.source AS s WHERE jsonb_typeof(item) = 'string' AND s.name = item #>> '{}';
    IF NOT FOUND THEN
      PERFORM @hub@.raise_unknown_source(item #>> '{}');
    END IF;
    IF id <> ALL (ids) THEN
      ids := ids || id;
    END IF;
  END LOOP;
  RETURN ids;
END
$$;

COMMENT ON FUNCTION @hub@.mapped_source_ids(text, jsonb, integer) IS
  'Used by crm.load(): ids of the sources that an option of the mapping names. Errors: undefined_object, invalid_parameter_value.';

-- The entity that a mapping is for; checks the shape and the names of targets.
CREATE OR REPLACE FUNCTION @hub@.mapped_entity(mapping jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  options text[] := ARRAY['entity', 'customer_source', 'order_source', 'time_zone', 'region'];
  found_entity text;
  unknown text;
BEGIN
  IF jsonb_typeof(mapping) IS DISTINCT FROM 'object' THEN
    PERFORM @hub@.raise_mapping(format('mapping must be a JSON object, not %s', coalesce(left(mapping::text, 60), 'NULL')),
      'For example {"key": "id", "full_name": "name", "email": "mail"}.');
  END IF;
  found_entity := CASE WHEN mapping ? 'entity' THEN coalesce(mapping ->> 'entity', 'null') ELSE 'customer' END;
  IF NOT EXISTS (SELECT FROM @hub@.load_table() AS t WHERE t.entity = found_entity) THEN
    PERFORM @hub@.raise_mapping(format('unknown entity %s', quote_literal(left(found_entity, 60))),
      format('Entities: %s.', (SELECT string_agg(t.entity, ', ') FROM @hub@.load_table() AS t)));
  END IF;
  IF @hub@.other_target(found_entity) IS NOT NULL THEN
    options := options || (@hub@.other_target(found_entity) || '_source');
  END IF;
  SELECT string_agg(quote_literal(left(k.key, 60)), ', ' ORDER BY k.key COLLATE "C") INTO unknown
  FROM jsonb_object_keys(mapping) AS k(key)
  WHERE k.key <> ALL (options)
    AND NOT EXISTS (SELECT FROM @hub@.load_target() AS t WHERE t.entity = found_entity AND t.target = k.key);
  IF unknown IS NOT NULL THEN
    PERFORM @hub@.raise_mapping(format('entity %s has no target %s', found_entity, left(unknown, 200)),
      format('Targets: %s. Options: %s.',
             (SELECT string_agg(t.target, ', ') FROM @hub@.load_target() AS t WHERE t.entity = found_entity),
             array_to_string(options, ', ')));
  END IF;
  SELECT string_agg(t.target, ', ') INTO unknown
  FROM @hub@.load_target() AS t
  WHERE t.entity = found_entity AND t.required AND NOT mapping ? t.target;
  IF unknown IS NOT NULL THEN
    PERFORM @hub@.raise_mapping(format('mapping for entity %s lacks %s', found_entity, unknown),
      format('Required targets: %s.', (SELECT string_agg(t.target, ', ') FROM @hub@.load_target() AS t
                                       WHERE t.entity = found_entity AND t.required)));
  END IF;
  RETURN found_entity;
END
$$;

COMMENT ON FUNCTION @hub@.mapped_entity(jsonb) IS
  'Used by crm.load(): the entity that a mapping is for, after a check of its targets and options. Errors: invalid_parameter_value.';

-- The plan of a load. relation NULL: a replay out of quarantine.
CREATE OR REPLACE FUNCTION @hub@.load_plan(source @hub@.source, relation regclass, mapping jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  target_entity CONSTANT text := @hub@.mapped_entity(mapping);
  other CONSTANT text := @hub@.other_target(target_entity);
  zone CONSTANT text := CASE WHEN mapping ? 'time_zone' THEN coalesce(mapping ->> 'time_zone', 'null') ELSE 'UTC' END;
  region text := CASE WHEN mapping ? 'region' THEN upper(coalesce(mapping ->> 'region', 'null')) ELSE source.region END;
  hub @hub@.hub_version;
  targets jsonb;
BEGIN
  SELECT v.* INTO STRICT hub FROM @hub@.hub_version AS v;
  region := coalesce(region, hub.region);
  IF region !~ '^[A-Z]{2}$' THEN
    PERFORM @hub@.raise_mapping(format('invalid region %s', quote_literal(left(region, 60))),
      'Use two letters of ISO 3166, for example ES.');
  END IF;
  BEGIN
    PERFORM now() AT TIME ZONE zone;
  EXCEPTION WHEN invalid_parameter_value THEN
    PERFORM @hub@.raise_mapping(format('unknown time zone %s', quote_literal(left(zone, 60))),
      'See pg_timezone_names, for example Europe/Madrid.');
  END;
  SELECT jsonb_object_agg(t.target, @hub@.mapped_source(relation, t.target, t.type, mapping -> t.target)) INTO targets
  FROM @hub@.load_target() AS t
  WHERE t.entity = target_entity AND mapping ? t.target;
  RETURN jsonb_build_object(
    'source_id', source.source_id, 'source', source.name, 'entity', target_entity, 'relation', relation::oid::bigint,
    'zone', zone, 'region', region, 'currency', hub.currency, 'targets', targets, 'mapping', mapping,
    'customer_sources', @hub@.mapped_source_ids('customer_source', mapping -> 'customer_source', source.source_id),
    'order_sources', @hub@.mapped_source_ids('order_source', mapping -> 'order_source', source.source_id))
    || CASE WHEN other IS NULL THEN '{}'
            ELSE jsonb_build_object(other || '_sources', @hub@.mapped_source_ids(
                   other || '_source', coalesce(mapping -> (other || '_source'), mapping -> 'customer_source'), source.source_id)) END;
END
$$;

COMMENT ON FUNCTION @hub@.load_plan(@hub@.source, regclass, jsonb) IS
  'Used by crm.load(): checks a mapping against the catalog and returns what is to be done as jsonb. Errors: undefined_column, undefined_object, invalid_parameter_value.';
