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

-- The quality digits of a record, one for each column that survives, as one
-- number that is padded to 15 digits: adding is cheaper than joining.
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
  FROM unnest(@hub@.survivorship_columns()) WITH ORDINALITY AS r(attribute, position)
  CROSS JOIN LATERAL (SELECT (10::numeric ^ (15 - r.position))::bigint AS unit) AS w
$$;

COMMENT ON FUNCTION @hub@.load_quality() IS
  'Used by crm.load(): SQL expression for source_record.quality: 0 none or rejected, 3 implausible, 6 unchecked, 9 checked and valid, by position of survivorship_columns().';

-- Text of one attribute as it is delivered, to be normalised: NULL beyond a
-- number of bytes, so that hostile values reach no index.
CREATE OR REPLACE FUNCTION @hub@.load_short(plan jsonb, target text, bytes integer)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN plan -> 'targets' -> target IS NULL THEN 'NULL::text'
              ELSE format('CASE WHEN octet_length(a.t_%1$s) <= %2$s THEN a.t_%1$s END', target, bytes) END
$$;

COMMENT ON FUNCTION @hub@.load_short(jsonb, text, integer) IS
  'Used by crm.load(): SQL expression for the text of a target when it is not longer than this many bytes.';

-- Whether one of the texts of a row is too long.
CREATE OR REPLACE FUNCTION @hub@.load_too_long(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce('coalesce(' || string_agg(
    format('octet_length(a.t_%s) > %s', t.target, CASE WHEN t.target IN ('loyalty_card', 'device', 'username') THEN 400 ELSE 1000 END),
    ' OR ' ORDER BY t.target) || ', false)', 'false')
  FROM @hub@.load_target() AS t
  WHERE t.entity = 'customer' AND plan -> 'targets' -> t.target IS NOT NULL
    AND t.target IN ('full_name', 'given_name', 'surname', 'street', 'city', 'province', 'country', 'entered_by', 'loyalty_card',
                     'device', 'username')
$$;

COMMENT ON FUNCTION @hub@.load_too_long(jsonb) IS
  'Used by crm.load(): SQL condition that one of the texts of a customer row is too long.';

-- What was delivered for a checked attribute and rejected by its normaliser
-- (alias p); trimmed only here, since few values are rejected.
CREATE OR REPLACE FUNCTION @hub@.load_rejected(plan jsonb, target text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN plan -> 'targets' -> target IS NULL THEN 'NULL::text'
              ELSE format('CASE WHEN p.%1$s IS NULL THEN %2$s END', target, @hub@.load_trim('p.t_' || target)) END
$$;

COMMENT ON FUNCTION @hub@.load_rejected(jsonb, text) IS
  'Used by crm.load(): SQL expression for the text of a target that its normaliser rejected.';

-- The query that reads and normalises customer rows. Nested selects with
-- OFFSET keep the planner from evaluating a normaliser more than once ('0' and
-- not 0: a constant for the planner, which then may use parallel workers). Levels:
-- a the texts, p the normalised values, b the rejected texts and the date by
-- which a birth must have been, c placeholders, d what stays, e quality and
-- flags. The record that is there is looked up by its index, row by row: a join
-- of unknown sizes could become one of millions by millions.
CREATE OR REPLACE FUNCTION @hub@.customer_stage(plan jsonb)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  zone CONSTANT text := plan ->> 'zone';
  kind_text CONSTANT text := CASE WHEN plan #> '{targets,kind}' IS NULL THEN 'NULL::text' ELSE format('lower(%s)', @hub@.load_trim('a.t_kind')) END;
BEGIN
  RETURN format($sql$
SELECT e.payload, e.quarantine_id, e.key, e.business_at AS at, e.entered_by, e.kind, e.full_name, e.given_name, e.surname,
       e.birth_date, e.gender, e.email, e.phone, e.tax_id, e.street, e.postcode, e.city, e.province, e.country, e.loyalty_card,
       e.device, e.username, e.name_key, e.quality, e.flags, e.attributes, e.content_hash,
       CASE WHEN e.key IS NULL THEN 'missing_key'
            WHEN octet_length(e.key) > 1000 THEN 'value_too_long'
            WHEN num_nonnulls(e.full_name, e.email, e.phone, e.tax_id, e.loyalty_card, e.device, e.username) = 0 THEN 'empty_row'
       END AS rule,
       CASE WHEN octet_length(e.key) > 1000 THEN 'key: ' || left(e.key, 100) || '...' END AS detail,
       o.record_id AS old_id, o.content_hash AS old_hash
FROM (
  SELECT d.*, %3$s AS quality,
         omnicrm.content_hash(%4$s || d.payload::text) AS content_hash,
         CASE WHEN d.flagged OR d.odd_birth THEN array_remove(ARRAY[
           CASE WHEN d.fake_email THEN 'placeholder_email' WHEN d.r_email IS NOT NULL THEN 'email_invalid' END,
           CASE WHEN d.fake_phone THEN 'placeholder_phone' WHEN d.r_phone IS NOT NULL THEN 'phone_invalid' END,
           CASE WHEN d.fake_tax_id THEN 'placeholder_tax_id' WHEN d.r_tax_id IS NOT NULL THEN 'tax_id_invalid' END,
           CASE WHEN d.fake_name THEN 'placeholder_name' END,
           CASE WHEN d.fake_birth THEN 'placeholder_birth_date'
                WHEN d.bad_birth THEN 'birth_date_impossible'
                WHEN d.odd_birth THEN 'birth_date_implausible'
                WHEN d.r_birth_date IS NOT NULL THEN 'birth_date_invalid' END,
           CASE WHEN d.fake_postcode THEN 'placeholder_postcode' WHEN d.r_postcode IS NOT NULL THEN 'postcode_invalid' END,
           CASE WHEN d.r_gender IS NOT NULL THEN 'gender_invalid' END,
           CASE WHEN d.r_business_at IS NOT NULL THEN 'business_at_invalid' END,
           CASE WHEN d.fake_card THEN 'placeholder_loyalty_card' END,
           CASE WHEN d.fake_device THEN 'placeholder_device' END,
           CASE WHEN d.fake_username THEN 'placeholder_username' END,
           CASE WHEN d.odd_kind THEN 'kind_invalid' END,
           CASE WHEN d.long_text THEN 'text_too_long' END], NULL) END AS flags
  FROM (
    SELECT c.payload, c.quarantine_id, c.attributes, c.key, c.business_at, c.entered_by,
           c.r_email, c.r_phone, c.r_tax_id, c.r_birth_date, c.r_postcode, c.r_gender, c.r_business_at,
           c.fake_email, c.fake_phone, c.fake_tax_id, c.fake_name, c.fake_birth, c.fake_postcode, c.fake_card, c.fake_device,
           c.fake_username, c.odd_kind, c.long_text, c.bad_birth,
           coalesce(c.known_kind, CASE WHEN NOT c.fake_tax_id THEN omnicrm.tax_id_kind(c.tax_id, c.place) END, 'person') AS kind,
           CASE WHEN c.fake_name IS NOT TRUE THEN c.full_name END AS full_name,
           CASE WHEN c.fake_name IS NOT TRUE THEN c.given_name END AS given_name,
           CASE WHEN c.fake_name IS NOT TRUE THEN c.surname END AS surname,
           CASE WHEN c.fake_name IS NOT TRUE THEN omnicrm.name_key(c.full_name) END AS name_key,
           CASE WHEN c.fake_birth IS NOT TRUE AND NOT c.bad_birth THEN c.birth_date END AS birth_date,
           c.gender,
           CASE WHEN c.fake_email IS NOT TRUE THEN c.email END AS email,
           CASE WHEN c.fake_phone IS NOT TRUE THEN c.phone END AS phone,
           CASE WHEN c.fake_tax_id IS NOT TRUE THEN c.tax_id END AS tax_id,
           c.street, CASE WHEN c.fake_postcode IS NOT TRUE THEN c.postcode END AS postcode, c.city, c.province, c.country,
           CASE WHEN c.fake_card IS NOT TRUE THEN c.loyalty_card END AS loyalty_card,
           CASE WHEN c.fake_device IS NOT TRUE THEN c.device END AS device,
           CASE WHEN c.fake_username IS NOT TRUE THEN c.username END AS username,
           coalesce(NOT c.bad_birth AND NOT c.fake_birth
                    AND (c.birth_date > c.known_on - 5115 AND c.birth_date > (c.known_on - interval '14 years')::date
                         OR c.birth_date < c.known_on - 40000 AND c.birth_date < (c.known_on - interval '110 years')::date),
                    false) AS odd_birth,
           coalesce(c.fake_email, false) OR coalesce(c.fake_phone, false) OR coalesce(c.fake_tax_id, false)
             OR coalesce(c.fake_name, false) OR coalesce(c.fake_birth, false) OR coalesce(c.fake_postcode, false)
             OR coalesce(c.fake_card, false) OR coalesce(c.fake_device, false) OR coalesce(c.fake_username, false)
             OR c.bad_birth OR c.odd_kind OR c.long_text
             OR num_nonnulls(c.r_email, c.r_phone, c.r_tax_id, c.r_birth_date, c.r_postcode, c.r_gender, c.r_business_at) > 0 AS flagged
    FROM (
      SELECT b.*,
             coalesce(b.birth_date >= b.known_on, false) AS bad_birth,
             omnicrm.is_placeholder('email', coalesce(b.email, b.r_email)) AS fake_email,
             omnicrm.is_placeholder('phone', coalesce(b.phone, b.r_phone)) AS fake_phone,
             omnicrm.is_placeholder('tax_id', coalesce(b.tax_id, b.r_tax_id)) AS fake_tax_id,
             omnicrm.is_placeholder('name', b.full_name) AS fake_name,
             omnicrm.is_placeholder('birth_date', coalesce(b.birth_date::text, b.r_birth_date)) AS fake_birth,
             omnicrm.is_placeholder('postcode', coalesce(b.postcode, b.r_postcode)) AS fake_postcode,
             omnicrm.is_placeholder('loyalty_card', b.loyalty_card) AS fake_card,
             omnicrm.is_placeholder('device', b.device) AS fake_device,
             omnicrm.is_placeholder('username', b.username) AS fake_username
      FROM (
        SELECT p.payload, p.quarantine_id, p.attributes, p.key, p.place, p.business_at, p.birth_date, p.entered_by, p.gender,
               coalesce(p.full_name, NULLIF(concat_ws(' ', p.given_name, p.surname), '')) AS full_name,
               p.given_name, p.surname, p.email, p.phone, p.tax_id, p.postcode, p.street, p.city, p.province, p.country,
               p.loyalty_card, p.device, p.username, p.long_text,
               CASE WHEN p.kind_text IN ('person', 'persona', 'individual', 'consumer', 'b2c') THEN 'person'
                    WHEN p.kind_text IN ('organisation', 'organization', 'company', 'empresa', 'business', 'b2b') THEN 'organisation'
               END AS known_kind,
               coalesce(p.kind_text NOT IN ('person', 'persona', 'individual', 'consumer', 'b2c', 'organisation', 'organization',
                                            'company', 'empresa', 'business', 'b2b'), false) AS odd_kind,
               %5$s AS r_email, %6$s AS r_phone, %7$s AS r_tax_id, %8$s AS r_birth_date, %9$s AS r_postcode, %10$s AS r_gender,
               %11$s AS r_business_at,
               coalesce(least(%12$s, %13$s), %13$s) AS known_on
        FROM (
          SELECT a.payload, a.quarantine_id, a.attributes, %14$s AS key, %15$s AS kind_text, a.t_email, a.t_phone, a.t_tax_id,
                 a.t_birth_date, a.t_postcode, a.t_gender, a.t_business_at, coalesce(a.t_country, %16$s) AS place,
                 %17$s AS business_at,
                 %18$s AS birth_date,
                 omnicrm.normalize_text(%19$s) AS full_name,
                 omnicrm.normalize_text(%20$s) AS given_name,
                 omnicrm.normalize_text(%21$s) AS surname,
                 omnicrm.normalize_gender(a.t_gender) AS gender,
                 omnicrm.normalize_email(a.t_email) AS email,
                 omnicrm.normalize_phone(a.t_phone, coalesce(a.t_country, %16$s)) AS phone,
                 omnicrm.normalize_tax_id(a.t_tax_id, coalesce(a.t_country, %16$s)) AS tax_id,
                 omnicrm.normalize_postcode(a.t_postcode, coalesce(a.t_country, %16$s)) AS postcode,
                 omnicrm.normalize_text(%22$s) AS street,
                 omnicrm.normalize_text(%23$s) AS city,
                 omnicrm.normalize_text(%24$s) AS province,
                 omnicrm.normalize_text(%25$s) AS country,
                 NULLIF(translate(upper(omnicrm.normalize_text(%26$s)), ' -.', ''), '') AS loyalty_card,
                 omnicrm.normalize_text(%27$s) AS device,
                 lower(omnicrm.normalize_text(%28$s)) AS username,
                 omnicrm.normalize_text(%29$s) AS entered_by,
                 %30$s AS long_text
          FROM (
            SELECT %31$s AS payload, %32$s AS quarantine_id, %33$s AS attributes,
  %1$s
            FROM %2$s
            OFFSET '0'
          ) AS a
          OFFSET '0'
        ) AS p
        OFFSET '0'
      ) AS b
      OFFSET '0'
    ) AS c
    OFFSET '0'
  ) AS d
  OFFSET '0'
) AS e
LEFT JOIN LATERAL (
  SELECT o.record_id, o.content_hash FROM @hub@.source_record AS o WHERE o.source_id = %34$s AND o.source_key = e.key OFFSET '0'
) AS o ON true$sql$,
    @hub@.load_texts(plan, false), @hub@.load_from(plan), @hub@.load_quality(), @hub@.load_argument(plan, 'fingerprint', quote_literal(@hub@.load_fingerprint(plan))),
    @hub@.load_rejected(plan, 'email'), @hub@.load_rejected(plan, 'phone'), @hub@.load_rejected(plan, 'tax_id'),
    @hub@.load_rejected(plan, 'birth_date'), @hub@.load_rejected(plan, 'postcode'), @hub@.load_rejected(plan, 'gender'),
    @hub@.load_rejected(plan, 'business_at'),
    -- The session's time zone is UTC inside crm.load().
    CASE WHEN zone = 'UTC' THEN 'p.business_at::date' ELSE format('(p.business_at AT TIME ZONE %L)::date', zone) END,
    @hub@.load_today(plan), @hub@.load_trim('a.t_key'), kind_text, @hub@.load_argument(plan, 'region', quote_literal(plan ->> 'region')),
    @hub@.load_parsed(plan, 'business_at', 'timestamp'), @hub@.load_parsed(plan, 'birth_date', 'date'),
    @hub@.load_short(plan, 'full_name', 1000), @hub@.load_short(plan, 'given_name', 1000), @hub@.load_short(plan, 'surname', 1000),
    @hub@.load_short(plan, 'street', 1000), @hub@.load_short(plan, 'city', 1000), @hub@.load_short(plan, 'province', 1000),
    @hub@.load_short(plan, 'country', 1000), @hub@.load_short(plan, 'loyalty_card', 400), @hub@.load_short(plan, 'device', 400),
    @hub@.load_short(plan, 'username', 400), @hub@.load_short(plan, 'entered_by', 1000), @hub@.load_too_long(plan),
    @hub@.load_payload(plan, 'r'), CASE WHEN plan ? 'replay' THEN 'q.quarantine_id' ELSE 'NULL::bigint' END,
    @hub@.load_attributes(plan), @hub@.load_argument(plan, 'source_id', ((plan ->> 'source_id')::integer)::text));
END
$$;

COMMENT ON FUNCTION @hub@.customer_stage(jsonb) IS
  'Used by crm.load(): the query that reads the rows of a plan and normalises, checks and flags them as customers.';

-- Identifiers of the new and changed records (made), in the order of their index,
-- which takes half the time of any other. A name needs two words
-- to stand with a date of birth or a postcode; where people bear two surnames,
-- a postcode asks for three. Rejected dates are not in the record; a date that
-- makes a child of the customer still tells people apart when two sources agree
-- on it, one of more than 110 years ago is a filler.
CREATE OR REPLACE FUNCTION @hub@.load_identifiers(plan jsonb)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH two_surnames AS (
    SELECT format('%s IN (''ES'', ''PT'', ''AD'', ''AR'', ''BO'', ''BR'', ''CL'', ''CO'', ''CR'', ''CU'', ''DO'', ''EC'', ''GT'', ''HN'', ''MX'', ''NI'','
                  || ' ''PA'', ''PE'', ''PR'', ''PY'', ''SV'', ''UY'', ''VE'')', @hub@.load_argument(plan, 'region', quote_literal(plan ->> 'region'))) AS usual
  ), kind AS (
    SELECT k.kind, k.needs, k.value, k.condition
    FROM two_surnames AS t
    CROSS JOIN LATERAL (VALUES
      ('device', 'device', 'm.device', 'true'),
      ('email', 'email', 'm.email', 'true'),
      ('loyalty_card', 'loyalty_card', 'm.loyalty_card', 'true'),
      ('name_birth', 'birth_date', 'm.name_key || ''|'' || m.birth_date::text',
       format('strpos(m.name_key, '' '') > 0 AND m.birth_date > (%s - interval ''110 years'')::date', @hub@.load_today(plan))),
      ('name_postcode', 'postcode', 'm.name_key || ''|'' || m.postcode',
       format('m.name_key LIKE CASE WHEN %s THEN ''%% %% %%'' ELSE ''%% %%'' END', t.usual)),
      ('phone', 'phone', 'm.phone', 'true'),
      ('tax_id', 'tax_id', 'm.tax_id', 'true'),
      ('username', 'username', 'm.username', 'true')) AS k(kind, needs, value, condition)
    WHERE plan -> 'targets' ? k.needs
  )
  SELECT CASE WHEN count(*) > 0
              THEN format(E'\n    SELECT n.kind, n.value, n.record_id'
                          || E'\n    FROM (SELECT unnest(ARRAY[%s]) AS kind, unnest(ARRAY[%s]) AS value, m.record_id FROM made AS m) AS n'
                          || E'\n    WHERE octet_length(n.value) <= 400'
                          || E'\n    ORDER BY hashtextextended(n.value, 0)',
                          string_agg(quote_literal(k.kind), ', ' ORDER BY k.kind COLLATE "C"),
                          string_agg(CASE WHEN k.condition = 'true' THEN k.value ELSE format('CASE WHEN %s THEN %s END', k.condition, k.value) END, ', '
                                     ORDER BY k.kind COLLATE "C"))
              ELSE 'SELECT NULL::text, NULL::text, NULL::bigint WHERE false' END
  FROM kind AS k
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
             o.country
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
        ('address', CASE WHEN num_nonnulls(c.street, c.postcode, c.city, c.province, c.country) > 0
                         THEN @hub@.address_key(c.street, c.postcode, c.city, c.country) END,
         @hub@.address_shown(c.street, c.postcode, c.city, c.province, c.country))) AS v(kind, value, shown)
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
      SET (load_id, business_at, received_at, %1$s) = ROW (%2$s, s.at, now(), %3$s)
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
      INSERT INTO @hub@.source_record AS o (source_id, source_key, load_id, business_at, %1$s)
      SELECT %2$s, s.key, %3$s, s.at, %4$s
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
