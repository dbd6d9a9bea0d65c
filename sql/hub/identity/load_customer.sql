-- Loading customers: the stage (normalised values, flags, quality) and what is
-- stored from it.

-- Select list of attributes kept beside the known ones.
CREATE OR REPLACE FUNCTION @hub@.load_attributes(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE
    WHEN plan #> '{targets,attributes}' IS NULL THEN 'NULL::jsonb'
    -- The members of one object.
    WHEN (plan #>> '{targets,attributes,object}')::boolean THEN
      format('CASE WHEN jsonb_typeof(%1$s) = ''object'' THEN NULLIF(jsonb_strip_nulls(%1$s), ''{}'') END',
             CASE WHEN plan ? 'replay' THEN format('(r -> %L)', plan #>> '{targets,attributes,columns,0,name}')
                  ELSE format('to_jsonb(r.%I)', plan #>> '{targets,attributes,columns,0,name}') END)
    ELSE
      format('NULLIF(jsonb_strip_nulls(jsonb_build_object(%s)), ''{}'')',
             (SELECT string_agg(CASE WHEN plan ? 'replay' THEN format('%1$L, r -> %1$L', x.item ->> 'name')
                                     ELSE format('%1$L, r.%1$I%2$s', x.item ->> 'name', CASE WHEN x.item ->> 'type' IN ('json', 'json[]') THEN '::text' END)
                                END, ', ' ORDER BY x.position)
              FROM jsonb_array_elements(plan #> '{targets,attributes,columns}') WITH ORDINALITY AS x(item, position)))
  END
$$;

COMMENT ON FUNCTION @hub@.load_attributes(jsonb) IS
  'Used by crm.load(): SQL expression for the further attributes of a customer row, as jsonb.';

-- The query that reads customer rows, by omnicrm.read_customer(). Nested selects with
-- OFFSET keep the planner from evaluating a text or a date more than once ('0' and
-- not 0: a constant for the planner, which then may use parallel workers). Levels: a
-- the texts, d the dates that they tell, c the customer. The record that is there is
-- looked up by its index, row by row: a join of unknown sizes could become one of
-- millions by millions.
CREATE OR REPLACE FUNCTION @hub@.customer_stage(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format($sql$
SELECT d.payload, d.quarantine_id, c.key, c.business_at AS at, c.entered_by, c.kind, c.full_name, c.given_name, c.surname,
       c.birth_date, c.gender, c.email, c.phone, c.tax_id, c.street, c.postcode, c.city, c.province, c.country, c.loyalty_card,
       c.device, c.username, c.name_key, c.quality, c.flags, c.attributes, c.content_hash, c.rule, c.detail,
       o.record_id AS old_id, o.content_hash AS old_hash
FROM (
  SELECT a.*, %1$s AS born_on, %2$s AS happened_at
  FROM (
    SELECT %3$s AS payload, %4$s AS quarantine_id, %5$s AS attributes,
  %6$s
    FROM %7$s
    OFFSET '0'
  ) AS a
  OFFSET '0'
) AS d
CROSS JOIN LATERAL omnicrm.read_customer(
  %8$s,
  born_on => d.born_on, happened_at => d.happened_at, happened_on => (d.happened_at AT TIME ZONE %9$L)::date, attributes => d.attributes,
  payload => d.payload, region => %10$L, fingerprint => %11$L, today => %12$s) AS c
LEFT JOIN LATERAL (
  SELECT o.record_id, o.content_hash FROM @hub@.source_record AS o WHERE o.source_id = %13$s AND o.source_key = c.key OFFSET '0'
) AS o ON true$sql$,
    @hub@.load_parsed(plan, 'birth_date', 'date'), @hub@.load_parsed(plan, 'business_at', 'timestamp'), @hub@.load_payload(plan, 'r'),
    CASE WHEN plan ? 'replay' THEN 'q.quarantine_id' ELSE 'NULL::bigint' END, @hub@.load_attributes(plan), @hub@.load_texts(plan, false),
    @hub@.load_from(plan),
    (SELECT string_agg(format('%1$I => d.t_%1$s', t.target), ', ') FROM @hub@.load_target() AS t WHERE t.entity = 'customer' AND t.type <> 'attributes'),
    plan ->> 'zone', plan ->> 'region', @hub@.load_fingerprint(plan), @hub@.load_today(plan), (plan ->> 'source_id')::integer)
$$;

COMMENT ON FUNCTION @hub@.customer_stage(jsonb) IS
  'Used by crm.load(): the query that reads the rows of a plan and normalises, checks and flags them as customers.';

-- Identifiers of the new and changed records (made), in the order of their index,
-- which takes half the time of any other.
CREATE OR REPLACE FUNCTION @hub@.load_identifiers(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format($sql$
    SELECT i.kind, i.value, m.record_id
    FROM made AS m
    CROSS JOIN LATERAL omnicrm.customer_identifiers(m.device, m.email, m.loyalty_card, m.phone, m.tax_id, m.username, m.name_key, m.birth_date,
                                                    m.postcode, %L, %s) AS i
    ORDER BY hashtextextended(i.value, 0)$sql$, plan ->> 'region', @hub@.load_today(plan))
$$;

COMMENT ON FUNCTION @hub@.load_identifiers(jsonb) IS
  'Used by crm.load(): the query for the identifiers of new and changed records (made).';

-- Columns of source_record as omnicrm.read_customer() gives them.
CREATE OR REPLACE FUNCTION @hub@.record_columns(prefix text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(prefix || c.name, ', ' ORDER BY c.position)
  FROM unnest(ARRAY['content_hash', 'entered_by', 'kind', 'full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email',
                    'phone', 'tax_id', 'street', 'postcode', 'city', 'province', 'country', 'loyalty_card', 'device', 'username',
                    'name_key', 'quality', 'flags', 'attributes']) WITH ORDINALITY AS c(name, position)
$$;

COMMENT ON FUNCTION @hub@.record_columns(text) IS
  'Used by crm.load() and crm.ingest(): list of the columns of source_record that have the same name in omnicrm.customer_row, each after the prefix.';

-- The statement that keeps the old version of records that are about to change:
-- their payload, contact points that may go, and takes their identifiers away. The
-- query gives their ids.
CREATE OR REPLACE FUNCTION @hub@.archive_statement(query text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format($sql$
    WITH changed AS MATERIALIZED (
      SELECT o.record_id, o.load_id, o.business_at, o.received_at, o.payload, o.email, o.phone, o.device, o.street, o.postcode, o.city, o.province,
             o.country, num_nonnulls(o.street, o.postcode, o.city, o.province, o.country) > 0 AS has_address
      FROM (%s) AS s(record_id)
      JOIN @hub@.source_record AS o ON o.record_id = s.record_id
    ), gone AS (
      DELETE FROM @hub@.identifier AS i USING changed AS c WHERE i.record_id = c.record_id
    ), seen AS (
      INSERT INTO @hub@.contact_seen AS k (record_id, kind, value, shown, first_seen, last_seen)
      SELECT c.record_id, v.kind, v.value, v.shown, coalesce(c.business_at, c.received_at), coalesce(c.business_at, c.received_at)
      FROM changed AS c
      CROSS JOIN LATERAL (VALUES
        ('email', c.email, c.email), ('phone', c.phone, c.phone), ('device', c.device, c.device),
        ('address', CASE WHEN c.has_address THEN @hub@.address_key(c.street, c.postcode, c.city, c.country) END,
         CASE WHEN c.has_address THEN @hub@.address_shown(c.street, c.postcode, c.city, c.province, c.country) END)) AS v(kind, value, shown)
      WHERE v.value IS NOT NULL
      ON CONFLICT (record_id, kind, value) DO UPDATE
      SET shown = excluded.shown, first_seen = least(k.first_seen, excluded.first_seen), last_seen = greatest(k.last_seen, excluded.last_seen)
    )
    INSERT INTO @hub@.source_record_history (record_id, load_id, business_at, received_at, payload)
    SELECT c.record_id, c.load_id, c.business_at, c.received_at, c.payload FROM changed AS c$sql$, query)
$$;

COMMENT ON FUNCTION @hub@.archive_statement(text) IS
  'Used by crm.load() and crm.ingest(): SQL statement that moves the old version of the records of a query to source_record_history and its contact points to contact_seen, and deletes their identifiers.';

-- Keeps the old version of changed records, updates them, replaces their
-- identifiers. Returns their number.
CREATE OR REPLACE FUNCTION @hub@.store_changed_customers(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  changed bigint;
BEGIN
  EXECUTE @hub@.archive_statement(format('SELECT s.old_id FROM %s AS s WHERE s.rule IS NULL AND s.old_hash <> s.content_hash', stage));
  GET DIAGNOSTICS changed = ROW_COUNT;
  IF changed = 0 THEN
    RETURN 0;
  END IF;
  EXECUTE format($sql$
    WITH made AS (
      UPDATE @hub@.source_record AS o
      SET (load_id, business_at, received_at, payload, %1$s) = ROW (%2$s, s.at, now(), s.payload, %3$s)
      FROM %4$s AS s
      WHERE o.record_id = s.old_id AND s.rule IS NULL AND s.old_hash <> s.content_hash
      RETURNING o.*
    ), queued AS (
      INSERT INTO @hub@.resolve_queue (record_id) SELECT m.record_id FROM made AS m
    )
    INSERT INTO @hub@.identifier (kind, value, record_id) %5$s$sql$,
    @hub@.record_columns(''), (plan ->> 'load_id')::bigint, @hub@.record_columns('s.'), stage, @hub@.load_identifiers(plan));
  RETURN changed;
END
$$;

COMMENT ON FUNCTION @hub@.store_changed_customers(jsonb) IS
  'Used by crm.load(): moves the old version of changed records to source_record_history and its contact points to contact_seen, updates them, replaces their identifiers and queues them. Returns their number.';

-- Inserts the records whose key is new, with identifiers and queue, in the order
-- of their keys: the same rows in any order get the same ids.
CREATE OR REPLACE FUNCTION @hub@.store_new_customers(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  made bigint;
BEGIN
  EXECUTE format($sql$
    WITH made AS (
      INSERT INTO @hub@.source_record AS o (source_id, source_key, load_id, business_at, payload, %1$s)
      SELECT %2$s, s.key, %3$s, s.at, s.payload, %4$s
      FROM %5$s AS s
      WHERE s.rule IS NULL AND s.old_id IS NULL
      ORDER BY s.key COLLATE "C"
      RETURNING o.record_id, o.tax_id, o.email, o.phone, o.loyalty_card, o.device, o.username, o.name_key, o.birth_date, o.postcode
    ), queued AS (
      INSERT INTO @hub@.resolve_queue (record_id) SELECT m.record_id FROM made AS m
    ), identified AS (
      INSERT INTO @hub@.identifier (kind, value, record_id) %6$s
    )
    SELECT count(*) FROM made$sql$,
    @hub@.record_columns(''), (plan ->> 'source_id')::integer, (plan ->> 'load_id')::bigint, @hub@.record_columns('s.'),
    @hub@.stage_name(plan), @hub@.load_identifiers(plan)) INTO made;
  RETURN made;
END
$$;

COMMENT ON FUNCTION @hub@.store_new_customers(jsonb) IS
  'Used by crm.load(): inserts the records whose key is new, with their identifiers, and queues them. Returns their number.';
