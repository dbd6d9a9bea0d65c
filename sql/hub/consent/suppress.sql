-- What keeps an erased person from coming back: each row that a load brings is
-- looked up by the keyed hashes of its key and identifiers in crm.erased_key.
--
-- A token is kind and value as one text, 'email|ana@example.org'; 'key|3|C-17' is
-- the key C-17 of source 3. Nothing of this is done in a hub where nobody was
-- ever erased.

-- Loads hold erasures off while they run, and an erasure waits for the loads
-- under way: what they bring is there when it begins, and those that come after
-- it know whom it erased. Taken before any other lock.
CREATE OR REPLACE FUNCTION @hub@.hold_off_erasure()
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('omnicrm erasure', '@hub@.erased_key'::regclass::oid::bigint));
  RETURN EXISTS (SELECT FROM @hub@.subject_log AS l WHERE l.action = 'erase');
END
$$;

COMMENT ON FUNCTION @hub@.hold_off_erasure() IS
  'Used by whatever stores rows of customers: lets no crm.subject_erase() begin until the end of the transaction. Returns true when anybody was ever erased, so that rows have to be looked up.';

CREATE OR REPLACE FUNCTION @hub@.lock_erasure()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT pg_advisory_xact_lock(hashtextextended('omnicrm erasure', '@hub@.erased_key'::regclass::oid::bigint))
$$;

COMMENT ON FUNCTION @hub@.lock_erasure() IS
  'Used by crm.subject_erase(): waits for the loads under way and lets none begin until the end of the transaction. Returns nothing.';

-- The two views of the hub that read with the rights of their owner: whoever
-- loads must recognise the erased and may read neither the secret nor the hashes.
-- The tokens come in by a setting, since a view takes no arguments.
CREATE OR REPLACE VIEW @hub@.erased_match WITH (security_barrier = true) AS
SELECT t.token, k.scope, k.subject_log_id
FROM @hub@.erasure_secret AS s
CROSS JOIN LATERAL unnest(current_setting('omnicrm_hub.tokens', true)::text[]) AS t(token)
JOIN @hub@.erased_key AS k ON k.hash = omnicrm.keyed_hash(s.secret, t.token);

COMMENT ON VIEW @hub@.erased_match IS 'Used by erased_among(); call that. Those of the tokens in the setting omnicrm_hub.tokens that belong to an erased person.';
COMMENT ON COLUMN @hub@.erased_match.token IS 'Token, as in the setting.';
COMMENT ON COLUMN @hub@.erased_match.scope IS 'As in erased_key.';
COMMENT ON COLUMN @hub@.erased_match.subject_log_id IS 'The erasure.';

CREATE OR REPLACE VIEW @hub@.erased_tag WITH (security_barrier = true) AS
SELECT k.tag, count(*) AS keys
FROM @hub@.erased_key AS k
GROUP BY k.tag;

COMMENT ON VIEW @hub@.erased_tag IS 'Used by crm.load(): short tags of the keys and identifiers of erased persons. What has none of them is nobody''s who was erased; of what has one, erased_among() tells.';
COMMENT ON COLUMN @hub@.erased_tag.tag IS 'As in erased_key.';
COMMENT ON COLUMN @hub@.erased_tag.keys IS 'Number of keys with this tag.';

CREATE OR REPLACE FUNCTION @hub@.erased_among(tokens text[])
RETURNS TABLE (token text, scope text, subject_log_id bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  IF cardinality(tokens) > 0 IS NOT TRUE THEN
    RETURN;
  END IF;
  PERFORM set_config('omnicrm_hub.tokens', tokens::text, true);
  RETURN QUERY SELECT m.token, m.scope, m.subject_log_id FROM @hub@.erased_match AS m;
  PERFORM set_config('omnicrm_hub.tokens', '{}', true);
END
$$;

COMMENT ON FUNCTION @hub@.erased_among(text[]) IS
  'Those of the tokens (see record_tokens()) that belong to an erased person, with the scope of their hash and the erasure.';

-- SQL expression for the tokens of a customer row: alias of the row, expression
-- for its source. A name needs two words to stand with a date of birth.
CREATE OR REPLACE FUNCTION @hub@.record_tokens(alias text, source_id text, key_column text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format(
    'array_remove(ARRAY[''key|'' || %2$s || ''|'' || %1$s.%3$I, ''tax_id|'' || %1$s.tax_id, ''email|'' || %1$s.email, ''phone|'' || %1$s.phone,'
    || ' ''loyalty_card|'' || %1$s.loyalty_card, ''device|'' || %1$s.device, ''username|'' || %1$s.username,'
    || ' CASE WHEN strpos(%1$s.name_key, '' '') > 0 THEN ''name_birth|'' || %1$s.name_key || ''|'' || to_char(%1$s.birth_date, ''YYYY-MM-DD'') END], NULL)',
    alias, source_id, key_column)
$$;

COMMENT ON FUNCTION @hub@.record_tokens(text, text, text) IS
  'Used by crm.load() and crm.subject_erase(): SQL expression for the tokens of a customer row: key (of its source), tax_id, email, phone, loyalty_card, device, username, name_birth.';

-- The same for rows of facts in the stage of a load: their own key, the sale
-- that an order is of, the customers and the order that they refer to and that
-- are not there.
CREATE OR REPLACE FUNCTION @hub@.fact_tokens(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('array_remove(ARRAY[%s]::text[], NULL)', string_agg(t.token, ', ' ORDER BY t.position))
  FROM (
    SELECT 1 AS position, format('%L || s.key', format('%s|%s|', plan ->> 'entity', (plan ->> 'source_id')::integer)) AS token
    FROM @hub@.load_table() AS f
    WHERE f.entity = plan ->> 'entity' AND f.own_keys
    UNION ALL
    SELECT 2, '''sale|'' || s.v_sale_key' WHERE plan ->> 'entity' = 'order'
    UNION ALL
    SELECT 2 + o.position, format('CASE WHEN s.record_id IS NULL THEN %L || s.customer_key END', format('key|%s|', o.id::integer))
    FROM jsonb_array_elements_text(plan -> 'customer_sources') WITH ORDINALITY AS o(id, position)
    UNION ALL
    SELECT 50 + o.position, format('CASE WHEN s.other_record_id IS NULL THEN %L || s.other_key END', format('key|%s|', o.id::integer))
    FROM jsonb_array_elements_text(plan -> (@hub@.other_target(plan ->> 'entity') || '_sources')) WITH ORDINALITY AS o(id, position)
    UNION ALL
    SELECT 100 + o.position, format('CASE WHEN s.order_id IS NULL THEN %L || s.order_key END', format('order|%s|', o.id::integer))
    FROM jsonb_array_elements_text(plan -> 'order_sources') WITH ORDINALITY AS o(id, position)
  ) AS t
$$;

COMMENT ON FUNCTION @hub@.fact_tokens(jsonb) IS
  'Used by crm.load() and crm.subject_erase(): SQL expression for the tokens of a fact row in the stage (alias s).';

-- Whether a row is of somebody erased. Parameters of the condition: $1 tokens of
-- scope any, $2 of scope same name, $3 of values with names.
CREATE OR REPLACE FUNCTION @hub@.erased_condition(tokens text, name_key text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format(
    'EXISTS (SELECT FROM unnest(%1$s) AS t(token) WHERE t.token = ANY ($1)'
    || ' OR t.token = ANY ($2) AND coalesce((t.token || ''|'' || %2$s) = ANY ($3), true))', tokens, name_key)
$$;

COMMENT ON FUNCTION @hub@.erased_condition(text, text) IS
  'Used by crm.load() and crm.subject_erase(): SQL condition that a row with these tokens and this name key (SQL expressions) is of a person whose tokens are in $1 (scope any), $2 (same name) and $3 (value with name).';

-- Rows of the stage to be looked up: those to be stored, and those that would
-- wait in quarantine. Records and facts that are there are nobody's who was
-- erased; of a fact that is there only the reference may have changed.
CREATE OR REPLACE FUNCTION @hub@.erased_candidates(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN plan ->> 'entity' = 'customer' THEN '(s.rule IS NOT NULL OR s.old_hash IS DISTINCT FROM s.content_hash)'
              ELSE '(s.rule IS NOT NULL OR s.old_id IS NULL)' END
$$;

COMMENT ON FUNCTION @hub@.erased_candidates(jsonb) IS
  'Used by crm.load(): SQL condition for rows of the stage (alias s) that must be looked up among the erased.';

-- Page by page: what is sent to erased_among() stays small whatever the load. Few
-- tokens have the tag of somebody erased, and only these are hashed.
CREATE OR REPLACE FUNCTION @hub@.mark_erased(plan jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  is_customer CONSTANT boolean := plan ->> 'entity' = 'customer';
  tokens CONSTANT text := CASE WHEN is_customer THEN @hub@.record_tokens('s', quote_literal((plan ->> 'source_id')::integer), 'key')
                               ELSE @hub@.fact_tokens(plan) END;
  name_key CONSTANT text := CASE WHEN is_customer THEN 's.name_key' ELSE 'NULL::text' END;
  step CONSTANT bigint := 500;
  pages CONSTANT bigint := pg_relation_size(stage) / current_setting('block_size')::bigint;
  tags CONSTANT integer[] := ARRAY(SELECT k.tag FROM @hub@.erased_tag AS k);
  page bigint := 0;
  chunk text[];
  any_tokens text[] := '{}';
  same_tokens text[] := '{}';
  name_tokens text[] := '{}';
  logs jsonb := '{}';
  found record;
BEGIN
  IF (SELECT t.is_dimension FROM @hub@.load_table() AS t WHERE t.entity = plan ->> 'entity') THEN
    RETURN;
  END IF;
  WHILE page < pages LOOP
    EXECUTE format('SELECT array_agg(t.token) FROM %s AS s CROSS JOIN LATERAL unnest(%s) AS t(token)'
                   || ' WHERE s.ctid >= %L AND s.ctid < %L AND %s AND omnicrm.short_tag(t.token) = ANY ($1)',
                   stage, tokens, format('(%s,0)', page), format('(%s,0)', page + step), @hub@.erased_candidates(plan))
    INTO chunk USING tags;
    SELECT coalesce(array_agg(DISTINCT e.token) FILTER (WHERE e.scope = 'any'), '{}') AS any_tokens,
           coalesce(array_agg(DISTINCT e.token) FILTER (WHERE e.scope = 'same name'), '{}') AS same_tokens,
           coalesce(jsonb_object_agg(e.token, e.subject_log_id ORDER BY e.subject_log_id DESC), '{}') AS logs
    INTO found
    FROM @hub@.erased_among(chunk) AS e;
    any_tokens := any_tokens || found.any_tokens;
    same_tokens := same_tokens || found.same_tokens;
    logs := logs || found.logs;
    page := page + step;
  END LOOP;
  IF cardinality(any_tokens) + cardinality(same_tokens) = 0 THEN
    RETURN;
  END IF;
  EXECUTE format('SELECT array_agg(DISTINCT t.token || ''|'' || %s) FROM %s AS s CROSS JOIN LATERAL unnest(%s) AS t(token) WHERE t.token = ANY ($1)',
                 name_key, stage, tokens) INTO chunk USING same_tokens;
  SELECT coalesce(array_agg(e.token), '{}') INTO name_tokens FROM @hub@.erased_among(chunk) AS e WHERE e.scope = 'name';
  EXECUTE format($sql$
    UPDATE %s AS s
    SET rule = 'erased_subject',
        detail = 'erasure ' || (SELECT min(($4 ->> t.token)::bigint) FROM unnest(%s) AS t(token))
    WHERE %s AND %s$sql$, stage, tokens, @hub@.erased_candidates(plan), @hub@.erased_condition(tokens, name_key))
  USING any_tokens, same_tokens, name_tokens, logs;
END
$$;

COMMENT ON FUNCTION @hub@.mark_erased(jsonb) IS
  'Used by crm.load() when anybody was ever erased: gives rows of the stage that are of an erased person the rule erased_subject, and the erasure as detail. Returns nothing.';

-- For a row by itself, as crm.load() would decide.
CREATE OR REPLACE FUNCTION @hub@.erasure_of(
  source_id integer, source_key text, name_key text, birth_date date, email text, phone text, tax_id text, loyalty_card text,
  device text, username text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  tokens CONSTANT text[] := array_remove(ARRAY[
    'key|' || source_id || '|' || source_key, 'tax_id|' || tax_id, 'email|' || email, 'phone|' || phone, 'loyalty_card|' || loyalty_card,
    'device|' || device, 'username|' || username,
    CASE WHEN strpos(name_key, ' ') > 0 THEN 'name_birth|' || name_key || '|' || to_char(birth_date, 'YYYY-MM-DD') END], NULL);
  same_tokens text[];
  erasure bigint;
BEGIN
  SELECT min(e.subject_log_id) FILTER (WHERE e.scope = 'any' OR e.scope = 'same name' AND erasure_of.name_key IS NULL),
         array_agg(e.token || '|' || erasure_of.name_key) FILTER (WHERE e.scope = 'same name' AND erasure_of.name_key IS NOT NULL)
  INTO erasure, same_tokens
  FROM @hub@.erased_among(ARRAY(SELECT t.token
                                FROM unnest(tokens) AS t(token)
                                WHERE EXISTS (SELECT FROM @hub@.erased_tag AS k WHERE k.tag = omnicrm.short_tag(t.token)))) AS e;
  IF erasure IS NULL AND same_tokens IS NOT NULL THEN
    SELECT min(e.subject_log_id) INTO erasure FROM @hub@.erased_among(same_tokens) AS e WHERE e.scope = 'name';
  END IF;
  RETURN erasure;
END
$$;

COMMENT ON FUNCTION @hub@.erasure_of(integer, text, text, date, text, text, text, text, text, text) IS
  'The erasure (subject_log_id) of the person that a customer row with these normalised values belongs to; NULL: nobody erased. What crm.load() asks of many rows, for one.';
