-- Loading customers: the stage (normalised values, flags, quality) and what is
-- stored from it.

-- Select list of attributes kept beside the known ones.
CREATE OR REPLACE FUNCTION @hub@.load_attributes(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN plan #> '{targets,attributes}' IS NULL THEN 'NULL::jsonb' ELSE
    format('NULLIF(jsonb_strip_nulls(jsonb_build_object(%s)), ''{}'')',
           (SELECT string_agg(CASE WHEN plan ? 'replay' THEN format('%1$L, r -> %1$L', x.item ->> 'name')
                                   ELSE format('%1$L, r.%1$I%2$s', x.item ->> 'name', CASE WHEN x.item ->> 'type' = 'json' THEN '::text' END)
                              END, ', ' ORDER BY x.position)
            FROM jsonb_array_elements(plan #> '{targets,attributes,columns}') WITH ORDINALITY AS x(item, position)))
  END
$$;

COMMENT ON FUNCTION @hub@.load_attributes(jsonb) IS
  'Used by crm.load(): SQL expression for the further attributes of a customer row, as jsonb.';

-- The quality digits of a record, one for each attribute of survivorship_rule,
-- as one number that is padded to 15 digits: adding is cheaper than joining.
CREATE OR REPLACE FUNCTION @hub@.load_quality()
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'lpad((' || string_agg(
    CASE r.attribute
      WHEN 'birth_date' THEN format('CASE WHEN d.birth_date IS NULL THEN 0 WHEN d.odd_birth THEN %s ELSE %s END', 3 * w.unit, 6 * w.unit)
      ELSE format('CASE WHEN d.%I IS NULL THEN 0 ELSE %s END', r.attribute,
                  CASE WHEN r.attribute IN ('email', 'phone', 'tax_id', 'postcode') THEN 9 ELSE 6 END * w.unit)
    END, ' + ' ORDER BY r.position) || ')::text, 15, ''0'')'
  FROM @hub@.survivorship_rule AS r
  CROSS JOIN LATERAL (SELECT (10::numeric ^ (15 - r.position))::bigint AS unit) AS w
$$;

COMMENT ON FUNCTION @hub@.load_quality() IS
  'Used by crm.load(): SQL expression for source_record.quality: 0 none or rejected, 3 implausible, 6 unchecked, 9 checked and valid, by position of survivorship_rule.';

-- The query that reads and normalises customer rows. Nested selects with
-- OFFSET 0 keep the planner from evaluating a normaliser more than once.
CREATE OR REPLACE FUNCTION @hub@.customer_stage(plan jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  zone CONSTANT text := plan ->> 'zone';
  started CONSTANT timestamptz := plan ->> 'started_at';
BEGIN
  RETURN format($sql$
SELECT e.payload, e.quarantine_id, e.key, e.business_at AS at, e.entered_by, e.kind, e.full_name, e.given_name, e.surname,
       e.birth_date, e.gender, e.email, e.phone, e.tax_id, e.street, e.postcode, e.city, e.province, e.country, e.loyalty_card,
       e.device, e.username, e.name_key, e.quality, e.flags, e.attributes,
       CASE WHEN e.key IS NULL THEN 'missing_key'
            WHEN octet_length(e.key) > 1000 THEN 'value_too_long'
            WHEN num_nonnulls(e.full_name, e.email, e.phone, e.tax_id, e.loyalty_card, e.device, e.username) = 0 THEN 'empty_row'
       END AS rule,
       CASE WHEN octet_length(e.key) > 1000 THEN 'key: ' || left(e.key, 100) || '...' END AS detail,
       omnicrm.content_hash(e.payload::text || ROW(
         e.business_at, e.entered_by, e.kind, e.full_name, e.given_name, e.surname, e.birth_date, e.gender, e.email, e.phone, e.tax_id,
         e.street, e.postcode, e.city, e.province, e.country, e.loyalty_card, e.device, e.username, e.quality, e.flags,
         e.attributes)::text) AS content_hash
FROM (
  SELECT d.*, %6$s AS quality,
         CASE WHEN d.wrong OR d.odd_birth OR d.bad_birth THEN NULLIF(array_remove(ARRAY[
           CASE WHEN d.fake_email THEN 'placeholder_email' WHEN d.t_email IS NOT NULL AND d.email IS NULL THEN 'email_invalid' END,
           CASE WHEN d.fake_phone THEN 'placeholder_phone' WHEN d.t_phone IS NOT NULL AND d.phone IS NULL THEN 'phone_invalid' END,
           CASE WHEN d.fake_tax_id THEN 'placeholder_tax_id' WHEN d.t_tax_id IS NOT NULL AND d.tax_id IS NULL THEN 'tax_id_invalid' END,
           CASE WHEN d.fake_name THEN 'placeholder_name' END,
           CASE WHEN d.t_birth_date IS NULL THEN NULL
                WHEN d.fake_birth THEN 'placeholder_birth_date'
                WHEN d.bad_birth THEN 'birth_date_impossible'
                WHEN d.odd_birth THEN 'birth_date_implausible'
                WHEN d.birth_date IS NULL THEN 'birth_date_invalid' END,
           CASE WHEN d.t_postcode IS NOT NULL AND d.postcode IS NULL THEN 'postcode_invalid' END,
           CASE WHEN d.t_gender IS NOT NULL AND d.gender IS NULL THEN 'gender_invalid' END,
           CASE WHEN d.t_business_at IS NOT NULL AND d.business_at IS NULL THEN 'business_at_invalid' END,
           CASE WHEN d.fake_card THEN 'placeholder_loyalty_card' END,
           CASE WHEN d.fake_device THEN 'placeholder_device' END,
           CASE WHEN d.fake_username THEN 'placeholder_username' END,
           CASE WHEN d.odd_kind THEN 'kind_invalid' END,
           CASE WHEN d.long_text THEN 'text_too_long' END], NULL), '{}') END AS flags
  FROM (
    SELECT c.payload, c.quarantine_id, c.t_key AS key, c.business_at, c.attributes,
           c.t_email, c.t_phone, c.t_tax_id, c.t_birth_date, c.t_postcode, c.t_gender, c.t_business_at,
           c.fake_email, c.fake_phone, c.fake_tax_id, c.fake_name, c.fake_birth, c.fake_card, c.fake_device, c.fake_username,
           c.odd_kind, c.long_text, c.bad_birth, c.entered_by,
           coalesce(c.known_kind, CASE WHEN c.tax_kind = 'organisation' AND NOT coalesce(c.fake_tax_id, false) THEN 'organisation' END, 'person') AS kind,
           CASE WHEN NOT coalesce(c.fake_name, false) THEN c.full_name END AS full_name,
           CASE WHEN NOT coalesce(c.fake_name, false) THEN c.given_name END AS given_name,
           CASE WHEN NOT coalesce(c.fake_name, false) THEN c.surname END AS surname,
           CASE WHEN NOT (coalesce(c.fake_birth, false) OR c.bad_birth) THEN c.birth_date END AS birth_date,
           c.gender,
           CASE WHEN NOT coalesce(c.fake_email, false) THEN c.email END AS email,
           CASE WHEN NOT coalesce(c.fake_phone, false) THEN c.phone END AS phone,
           CASE WHEN NOT coalesce(c.fake_tax_id, false) THEN c.tax_id END AS tax_id,
           c.street, c.postcode, c.city, c.province, c.country,
           CASE WHEN NOT coalesce(c.fake_card, false) THEN c.loyalty_card END AS loyalty_card,
           CASE WHEN NOT coalesce(c.fake_device, false) THEN c.device END AS device,
           CASE WHEN NOT coalesce(c.fake_username, false) THEN c.username END AS username,
           CASE WHEN NOT coalesce(c.fake_name, false) THEN omnicrm.name_key(c.full_name) END AS name_key,
           NOT c.bad_birth AND NOT coalesce(c.fake_birth, false)
             AND coalesce(c.birth_date > c.known_on - 5115 AND c.birth_date > (c.known_on - interval '14 years')::date
                          OR c.birth_date < c.known_on - 40000 AND c.birth_date < (c.known_on - interval '110 years')::date,
                          false) AS odd_birth,
           coalesce(c.fake_email OR c.fake_phone OR c.fake_tax_id OR c.fake_name OR c.fake_birth OR c.fake_card OR c.fake_device
                    OR c.fake_username, false)
             OR c.odd_kind OR c.long_text
             OR num_nonnulls(c.t_email, c.t_phone, c.t_tax_id, c.t_birth_date, c.t_postcode, c.t_gender, c.t_business_at)
                <> num_nonnulls(c.email, c.phone, c.tax_id, c.birth_date, c.postcode, c.gender, c.business_at) AS wrong
    FROM (
      SELECT b.*,
             coalesce(b.birth_date >= b.known_on, false) AS bad_birth,
             omnicrm.is_placeholder('email', coalesce(b.email, b.t_email)) AS fake_email,
             omnicrm.is_placeholder('phone', coalesce(b.phone, b.t_phone)) AS fake_phone,
             omnicrm.is_placeholder('tax_id', coalesce(b.tax_id, b.t_tax_id)) AS fake_tax_id,
             omnicrm.is_placeholder('name', b.full_name) AS fake_name,
             omnicrm.is_placeholder('birth_date', b.birth_date::text) AS fake_birth,
             omnicrm.is_placeholder('loyalty_card', b.loyalty_card) AS fake_card,
             omnicrm.is_placeholder('device', b.device) AS fake_device,
             omnicrm.is_placeholder('username', b.username) AS fake_username,
             CASE WHEN b.t_kind IS NULL THEN omnicrm.tax_id_kind(b.tax_id, b.place) END AS tax_kind
      FROM (
        SELECT p.payload, p.quarantine_id, p.attributes, p.t_key, p.t_kind, p.t_email, p.t_phone, p.t_tax_id, p.t_birth_date,
               p.t_postcode, p.t_gender, p.t_business_at, p.place, p.business_at, p.birth_date,
               coalesce(p.full_name, NULLIF(concat_ws(' ', p.given_name, p.surname), '')) AS full_name,
               p.given_name, p.surname, p.gender, p.email, p.phone, p.tax_id, p.postcode, p.street, p.city, p.province, p.country,
               p.loyalty_card, p.device, p.username, p.entered_by, p.known_kind, p.odd_kind, p.long_text,
               coalesce(least(%7$s, %4$L::date), %4$L::date) AS known_on
        FROM (
          SELECT a.payload, a.quarantine_id, a.attributes, a.t_key, a.t_kind, a.t_email, a.t_phone, a.t_tax_id, a.t_birth_date,
                 a.t_postcode, a.t_gender, a.t_business_at, coalesce(a.t_country, %3$L) AS place,
                 %8$s AS business_at,
                 %9$s AS birth_date,
                 CASE WHEN octet_length(a.t_full_name) <= 1000 THEN omnicrm.normalize_text(a.t_full_name) END AS full_name,
                 CASE WHEN octet_length(a.t_given_name) <= 1000 THEN omnicrm.normalize_text(a.t_given_name) END AS given_name,
                 CASE WHEN octet_length(a.t_surname) <= 1000 THEN omnicrm.normalize_text(a.t_surname) END AS surname,
                 omnicrm.normalize_gender(a.t_gender) AS gender,
                 omnicrm.normalize_email(a.t_email) AS email,
                 omnicrm.normalize_phone(a.t_phone, coalesce(a.t_country, %3$L)) AS phone,
                 omnicrm.normalize_tax_id(a.t_tax_id, coalesce(a.t_country, %3$L)) AS tax_id,
                 omnicrm.normalize_postcode(a.t_postcode, coalesce(a.t_country, %3$L)) AS postcode,
                 CASE WHEN octet_length(a.t_street) <= 1000 THEN omnicrm.normalize_text(a.t_street) END AS street,
                 CASE WHEN octet_length(a.t_city) <= 1000 THEN omnicrm.normalize_text(a.t_city) END AS city,
                 CASE WHEN octet_length(a.t_province) <= 1000 THEN omnicrm.normalize_text(a.t_province) END AS province,
                 CASE WHEN octet_length(a.t_country) <= 1000 THEN omnicrm.normalize_text(a.t_country) END AS country,
                 CASE WHEN octet_length(a.t_loyalty_card) <= 400 THEN NULLIF(translate(upper(a.t_loyalty_card), ' -.', ''), '') END AS loyalty_card,
                 CASE WHEN octet_length(a.t_device) <= 400 THEN a.t_device END AS device,
                 CASE WHEN octet_length(a.t_username) <= 400 THEN lower(a.t_username) END AS username,
                 CASE WHEN octet_length(a.t_entered_by) <= 1000 THEN omnicrm.normalize_text(a.t_entered_by) END AS entered_by,
                 CASE WHEN a.t_kind IS NULL THEN NULL
                      WHEN lower(a.t_kind) IN ('person', 'persona', 'individual', 'consumer', 'b2c') THEN 'person'
                      WHEN lower(a.t_kind) IN ('organisation', 'organization', 'company', 'empresa', 'business', 'b2b') THEN 'organisation'
                 END AS known_kind,
                 coalesce(lower(a.t_kind) NOT IN ('person', 'persona', 'individual', 'consumer', 'b2c', 'organisation', 'organization',
                                                  'company', 'empresa', 'business', 'b2b'), false) AS odd_kind,
                 coalesce(greatest(octet_length(a.t_full_name), octet_length(a.t_given_name), octet_length(a.t_surname),
                                   octet_length(a.t_street), octet_length(a.t_city), octet_length(a.t_province),
                                   octet_length(a.t_country), octet_length(a.t_entered_by)) > 1000
                          OR greatest(octet_length(a.t_loyalty_card), octet_length(a.t_device), octet_length(a.t_username)) > 400,
                          false) AS long_text
          FROM (
            SELECT %10$s AS payload, %11$s AS quarantine_id, %12$s AS attributes,
  %1$s
            FROM %2$s
            OFFSET 0
          ) AS a
          OFFSET 0
        ) AS p
        OFFSET 0
      ) AS b
      OFFSET 0
    ) AS c
    OFFSET 0
  ) AS d
  OFFSET 0
) AS e$sql$,
    @hub@.load_texts(plan), @hub@.load_from(plan), plan ->> 'region', (started AT TIME ZONE zone)::date, zone,
    @hub@.load_quality(),
    -- The session's time zone is UTC inside crm.load().
    CASE WHEN zone = 'UTC' THEN 'p.business_at::date' ELSE format('(p.business_at AT TIME ZONE %L)::date', zone) END,
    @hub@.load_parsed(plan, 'business_at', 'timestamp'), @hub@.load_parsed(plan, 'birth_date', 'date'),
    @hub@.load_payload(plan, 'r'), CASE WHEN plan ? 'replay' THEN 'q.quarantine_id' ELSE 'NULL::bigint' END,
    @hub@.load_attributes(plan));
END
$$;

COMMENT ON FUNCTION @hub@.customer_stage(jsonb) IS
  'Used by crm.load(): the query that reads the rows of a plan and normalises, checks and flags them as customers.';

-- Identifiers of a record (alias m), as kind and value. A name needs two words
-- to stand with a date of birth or a postcode; where people bear two surnames,
-- a postcode asks for three. Rejected dates are not in the record; a date that
-- makes a child of the customer still tells people apart when two sources agree
-- on it, one of more than 110 years ago is a filler.
CREATE OR REPLACE FUNCTION @hub@.load_identifiers(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format($sql$
    SELECT v.kind, v.value, m.record_id
    FROM made AS m
    CROSS JOIN LATERAL (VALUES
      ('tax_id', m.tax_id), ('email', m.email), ('phone', m.phone), ('loyalty_card', m.loyalty_card), ('device', m.device),
      ('username', m.username),
      ('name_birth', CASE WHEN m.birth_date > %L AND strpos(m.name_key, ' ') > 0 THEN m.name_key || '|' || m.birth_date::text END),
      ('name_postcode', CASE WHEN m.postcode IS NOT NULL AND %s THEN m.name_key || '|' || m.postcode END)
    ) AS v(kind, value)
    WHERE v.value IS NOT NULL AND octet_length(v.value) <= 400$sql$,
    ((plan ->> 'started_at')::timestamptz - interval '110 years')::date,
    CASE WHEN plan ->> 'region' = ANY (ARRAY['ES', 'PT', 'AD', 'AR', 'BO', 'BR', 'CL', 'CO', 'CR', 'CU', 'DO', 'EC', 'GT', 'HN', 'MX', 'NI',
                                             'PA', 'PE', 'PR', 'PY', 'SV', 'UY', 'VE'])
         THEN 'm.name_key LIKE ''% % %''' ELSE 'strpos(m.name_key, '' '') > 0' END)
$$;

COMMENT ON FUNCTION @hub@.load_identifiers(jsonb) IS
  'Used by crm.load(): the query for the identifiers of new and changed records (made).';

-- Columns of source_record that come from the stage.
CREATE OR REPLACE FUNCTION @hub@.record_columns(prefix text)
RETURNS text
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT string_agg(prefix || c.name, ', ' ORDER BY c.position)
  FROM unnest(ARRAY['content_hash', 'entered_by', 'kind', 'full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email',
                    'phone', 'tax_id', 'street', 'postcode', 'city', 'province', 'country', 'loyalty_card', 'device', 'username',
                    'name_key', 'quality', 'flags', 'attributes', 'payload']) WITH ORDINALITY AS c(name, position)
$$;

COMMENT ON FUNCTION @hub@.record_columns(text) IS
  'Used by crm.load(): list of the columns of source_record that a load fills, each after the prefix.';

-- Keeps the old version of changed records, updates them, replaces their
-- identifiers. Returns their number.
CREATE OR REPLACE FUNCTION @hub@.store_changed_customers(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stage CONSTANT text := @hub@.stage_name(plan);
  source_id CONSTANT integer := (plan ->> 'source_id')::integer;
  load_id CONSTANT bigint := (plan ->> 'load_id')::bigint;
  changed bigint;
BEGIN
  EXECUTE format($sql$
    WITH changed AS MATERIALIZED (
      SELECT o.record_id, o.load_id, o.business_at, o.received_at, o.payload
      FROM %s AS s
      JOIN @hub@.source_record AS o ON o.source_id = %s AND o.source_key = s.key
      WHERE s.rule IS NULL AND o.content_hash <> s.content_hash
    ), gone AS (
      DELETE FROM @hub@.identifier AS i USING changed AS c WHERE i.record_id = c.record_id
    )
    INSERT INTO @hub@.source_record_history (record_id, load_id, business_at, received_at, payload)
    SELECT c.record_id, c.load_id, c.business_at, c.received_at, c.payload FROM changed AS c$sql$, stage, source_id);
  GET DIAGNOSTICS changed = ROW_COUNT;
  IF changed = 0 THEN
    RETURN 0;
  END IF;
  EXECUTE format($sql$
    WITH made AS (
      UPDATE @hub@.source_record AS o
      SET (load_id, business_at, received_at, %1$s) = ROW (%2$s, s.at, now(), %3$s)
      FROM %4$s AS s
      WHERE o.source_id = %5$s AND o.source_key = s.key AND s.rule IS NULL AND o.content_hash <> s.content_hash
      RETURNING o.*
    ), queued AS (
      INSERT INTO @hub@.resolve_queue (record_id) SELECT m.record_id FROM made AS m
    )
    INSERT INTO @hub@.identifier (kind, value, record_id) %6$s$sql$,
    @hub@.record_columns(''), load_id, @hub@.record_columns('s.'), stage, source_id, @hub@.load_identifiers(plan));
  RETURN changed;
END
$$;

COMMENT ON FUNCTION @hub@.store_changed_customers(jsonb) IS
  'Used by crm.load(): moves the old version of changed records to source_record_history, updates them, replaces their identifiers and queues them. Returns their number.';

-- Inserts the records whose key is new, with identifiers and queue.
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
      INSERT INTO @hub@.source_record AS o (source_id, source_key, load_id, business_at, %1$s)
      SELECT %2$s, s.key, %3$s, s.at, %4$s
      FROM %5$s AS s
      WHERE s.rule IS NULL
        AND NOT EXISTS (SELECT FROM @hub@.source_record AS o WHERE o.source_id = %2$s AND o.source_key = s.key)
      RETURNING o.record_id, o.tax_id, o.email, o.phone, o.loyalty_card, o.device, o.username, o.name_key, o.birth_date, o.postcode
    ), queued AS (
      INSERT INTO @hub@.resolve_queue (record_id) SELECT m.record_id FROM made AS m
    ), identified AS (
      INSERT INTO @hub@.identifier (kind, value, record_id) %6$s
    )
    SELECT count(*) FROM made$sql$,
    @hub@.record_columns(''), plan ->> 'source_id', plan ->> 'load_id', @hub@.record_columns('s.'), @hub@.stage_name(plan),
    @hub@.load_identifiers(plan)) INTO made;
  RETURN made;
END
$$;

COMMENT ON FUNCTION @hub@.store_new_customers(jsonb) IS
  'Used by crm.load(): inserts the records whose key is new, with their identifiers, and queues them. Returns their number.';

CREATE OR REPLACE FUNCTION @hub@.store_customers(plan jsonb)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  loaded bigint := 0;
BEGIN
  IF EXISTS (SELECT FROM @hub@.source_record AS o WHERE o.source_id = (plan ->> 'source_id')::integer) THEN
    loaded := @hub@.store_changed_customers(plan);
  END IF;
  RETURN loaded + @hub@.store_new_customers(plan);
END
$$;

COMMENT ON FUNCTION @hub@.store_customers(jsonb) IS
  'Used by crm.load(): stores the checked customer rows of the stage. Returns the number of new and changed records.';
