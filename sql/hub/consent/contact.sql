-- Contact points: every e-mail, phone, address and device of a customer.

-- Two spellings of one address have one key.
-- In PL/pgSQL, here and below: of one record, a function in SQL would be planned anew.
CREATE OR REPLACE FUNCTION @hub@.address_key(street text, postcode text, city text, country text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  p CONSTANT omnicrm.parsed_address := omnicrm.normalize_address(coalesce(address_key.street, ''), coalesce(address_key.country, 'ES'));
BEGIN
  RETURN concat_ws('|', coalesce(p.street, omnicrm.normalize_name(address_key.street), ''),
                   concat_ws(' ', p.number, p.km, p.block, p.portal, p.staircase, p.floor, p.door, p.extra),
                   coalesce(address_key.postcode, p.postcode, omnicrm.normalize_name(address_key.city), p.town));
END
$$;

COMMENT ON FUNCTION @hub@.address_key(text, text, text, text) IS
  'An address in one spelling: name of the street, number and what is behind it, postcode or else city, separated by |. It begins with | where there is no street.';

CREATE OR REPLACE FUNCTION @hub@.address_shown(street text, postcode text, city text, province text, country text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN NULLIF(concat_ws(', ', street, NULLIF(concat_ws(' ', postcode, city), ''), province, country), '');
END
$$;

COMMENT ON FUNCTION @hub@.address_shown(text, text, text, text, text) IS 'An address on one line; NULL when there is none.';

-- What each record says and said. Record by record, so that those of one
-- customer are found by their key.
CREATE OR REPLACE VIEW @hub@.contact_sighting WITH (security_invoker = true) AS
SELECT r.record_id, r.source_id, v.kind, v.value COLLATE "C" AS value, v.shown, v.first_seen, v.last_seen, v.is_present
FROM @hub@.source_record AS r
CROSS JOIN LATERAL (
  SELECT p.kind, p.value, p.shown, coalesce(r.business_at, r.received_at) AS first_seen, coalesce(r.business_at, r.received_at) AS last_seen,
         true AS is_present
  FROM (VALUES
    ('email', r.email, r.email),
    ('phone', r.phone, r.phone),
    ('device', r.device, r.device),
    ('address', CASE WHEN num_nonnulls(r.street, r.postcode, r.city, r.province, r.country) > 0
                     THEN @hub@.address_key(r.street, r.postcode, r.city, r.country) END,
     @hub@.address_shown(r.street, r.postcode, r.city, r.province, r.country))) AS p(kind, value, shown)
  WHERE p.value IS NOT NULL
  UNION ALL
  SELECT s.kind, s.value, s.shown, s.first_seen, s.last_seen, false
  FROM @hub@.contact_seen AS s
  WHERE s.record_id = r.record_id) AS v;

COMMENT ON VIEW @hub@.contact_sighting IS 'One row is one e-mail, phone, address or device in the present or an earlier version of a source record.';
COMMENT ON COLUMN @hub@.contact_sighting.record_id IS 'Source record.';
COMMENT ON COLUMN @hub@.contact_sighting.source_id IS 'Its source.';
COMMENT ON COLUMN @hub@.contact_sighting.kind IS 'email, phone, address or device.';
COMMENT ON COLUMN @hub@.contact_sighting.value IS 'Normalised value; of an address its key.';
COMMENT ON COLUMN @hub@.contact_sighting.shown IS 'The value as people read it.';
COMMENT ON COLUMN @hub@.contact_sighting.first_seen IS 'First business date with it, else date of load.';
COMMENT ON COLUMN @hub@.contact_sighting.last_seen IS 'Last one.';
COMMENT ON COLUMN @hub@.contact_sighting.is_present IS 'True: the record says so now.';

-- What holds of values, whoever has them.
CREATE OR REPLACE VIEW @hub@.contact_verdict WITH (security_invoker = true) AS
SELECT DISTINCT ON (e.kind, e.value) e.kind, e.value, e.state, e.reported_at
FROM @hub@.contact_event AS e
WHERE e.record_id IS NULL
ORDER BY e.kind, e.value, e.reported_at DESC, e.contact_event_id DESC;

COMMENT ON VIEW @hub@.contact_verdict IS 'One row: whether an e-mail, phone or device works, by the last report on it.';
COMMENT ON COLUMN @hub@.contact_verdict.kind IS 'email, phone or device.';
COMMENT ON COLUMN @hub@.contact_verdict.value IS 'Normalised value.';
COMMENT ON COLUMN @hub@.contact_verdict.state IS 'verified or bounced.';
COMMENT ON COLUMN @hub@.contact_verdict.reported_at IS 'When it was so.';

-- All of a customer is found by the index of customer_member.
CREATE OR REPLACE VIEW @hub@.contact_point WITH (security_invoker = true) AS
SELECT g.customer_id, g.kind, g.value, g.shown, g.is_present, g.is_current, p.value IS NOT NULL AS is_preferred, v.state, v.reported_at AS state_since,
       g.first_seen, g.last_seen, g.sources, g.records,
       row_number() OVER (PARTITION BY g.customer_id, g.kind
                          ORDER BY g.is_present DESC, v.state IS NOT DISTINCT FROM 'bounced', p.value IS NOT NULL DESC, v.state IS NOT NULL DESC,
                                   g.is_current DESC, g.last_seen DESC, g.value)::integer AS rank
FROM (
    SELECT m.customer_id, s.kind, s.value, (array_agg(s.shown ORDER BY s.is_present DESC, s.last_seen DESC, s.shown COLLATE "C"))[1] AS shown,
           bool_or(s.is_present) AS is_present,
           coalesce(bool_or(s.is_present AND s.shown = CASE s.kind WHEN 'email' THEN c.email WHEN 'phone' THEN c.phone
                                                         WHEN 'address' THEN @hub@.address_shown(c.street, c.postcode, c.city, c.province, c.country) END),
                    false) AS is_current,
           min(s.first_seen) AS first_seen, max(s.last_seen) AS last_seen, array_agg(DISTINCT x.name ORDER BY x.name) AS sources,
           count(DISTINCT s.record_id) AS records, array_agg(DISTINCT s.record_id) AS record_ids
    FROM @hub@.customer_member AS m
    JOIN @hub@.customer AS c ON c.customer_id = m.customer_id
    JOIN @hub@.contact_sighting AS s ON s.record_id = m.record_id
    JOIN @hub@.source AS x ON x.source_id = s.source_id
    GROUP BY m.customer_id, s.kind, s.value
  ) AS g
  -- Whether it works: of the value itself; of an address, of the records that give it.
  LEFT JOIN LATERAL (
    SELECT e.state, e.reported_at
    FROM @hub@.contact_event AS e
    WHERE g.kind <> 'address' AND e.kind = g.kind AND e.value = g.value AND e.record_id IS NULL
       OR g.kind = 'address' AND e.record_id = ANY (g.record_ids) AND e.kind = 'address' AND e.value = g.value AND e.state IN ('verified', 'bounced')
    ORDER BY e.reported_at DESC, e.contact_event_id DESC
    LIMIT 1) AS v ON true
  -- The one that was preferred last and is still.
  LEFT JOIN LATERAL (
    SELECT w.value
    FROM (SELECT DISTINCT ON (e.value) e.value, e.state, e.reported_at, e.contact_event_id
          FROM @hub@.customer_member AS m
          JOIN @hub@.contact_event AS e ON e.record_id = m.record_id
          WHERE m.customer_id = g.customer_id AND e.kind = g.kind AND e.state IN ('preferred', 'not preferred')
          ORDER BY e.value, e.reported_at DESC, e.contact_event_id DESC) AS w
    WHERE w.state = 'preferred'
    ORDER BY w.reported_at DESC, w.contact_event_id DESC
    LIMIT 1) AS p ON p.value = g.value;

COMMENT ON VIEW @hub@.contact_point IS 'One row is one e-mail, phone, address or device of one customer, over all records: what they say now and said before, and what is known of it. Follows merges and splits.';
COMMENT ON COLUMN @hub@.contact_point.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.contact_point.kind IS 'email, phone, address or device.';
COMMENT ON COLUMN @hub@.contact_point.value IS 'Normalised value; of an address its key: two spellings are one.';
COMMENT ON COLUMN @hub@.contact_point.shown IS 'The value as people read it, in its newest spelling.';
COMMENT ON COLUMN @hub@.contact_point.is_present IS 'True: a record says so now; false: records said so once.';
COMMENT ON COLUMN @hub@.contact_point.is_current IS 'True: it is that of the golden record.';
COMMENT ON COLUMN @hub@.contact_point.is_preferred IS 'True: the one of its kind that the customer prefers.';
COMMENT ON COLUMN @hub@.contact_point.state IS 'verified or bounced, whatever was reported last; NULL: nothing was reported.';
COMMENT ON COLUMN @hub@.contact_point.state_since IS 'When that was.';
COMMENT ON COLUMN @hub@.contact_point.first_seen IS 'First business date with it, else date of load.';
COMMENT ON COLUMN @hub@.contact_point.last_seen IS 'Last one.';
COMMENT ON COLUMN @hub@.contact_point.sources IS 'Names of the sources that give or gave it.';
COMMENT ON COLUMN @hub@.contact_point.records IS 'Number of records that give or gave it.';
COMMENT ON COLUMN @hub@.contact_point.rank IS 'Place among those of its kind, 1 is the one to use: present before gone, not bounced, preferred, verified, that of the golden record, newest.';

CREATE OR REPLACE FUNCTION @hub@.contact_address(customer_id bigint, channel_kind text)
RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  living CONSTANT bigint := @hub@.require_customer($1);
  wanted CONSTANT text := CASE $2 WHEN 'email' THEN 'email' WHEN 'phone' THEN 'phone' WHEN 'sms' THEN 'phone' WHEN 'post' THEN 'address' WHEN 'app' THEN 'device' END;
BEGIN
  IF wanted IS NULL THEN
    RAISE EXCEPTION 'unknown kind of channel: %', coalesce(quote_literal(left($2, 50)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Kinds: email, phone, sms, post, app.';
  END IF;
  RETURN (SELECT p.shown
          FROM @hub@.contact_point AS p
          WHERE p.customer_id = living AND p.kind = wanted AND p.is_present AND p.state IS DISTINCT FROM 'bounced' AND p.value NOT LIKE '|%'
          ORDER BY p.rank
          LIMIT 1);
END
$$;

COMMENT ON FUNCTION @hub@.contact_address(bigint, text) IS
  'The e-mail, phone, address or device to use for a kind of channel (email, phone, sms, post, app): the preferred one, else a verified one, else that of the golden record, else the newest; never one that bounced; NULL when there is none. Whether it may be used, crm.may_contact() tells. Old ids are followed. Errors: no_data_found, null_value_not_allowed, invalid_parameter_value.';

-- The value as contact points have it.
CREATE OR REPLACE FUNCTION @hub@.normal_contact(kind text, value text)
RETURNS text
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE kind
           WHEN 'email' THEN omnicrm.normalize_email(value)
           WHEN 'phone' THEN omnicrm.normalize_phone(value, (SELECT v.region FROM @hub@.hub_version AS v))
           WHEN 'device' THEN omnicrm.normalize_text(value)
           ELSE omnicrm.normalize_name(value)
         END
$$;

COMMENT ON FUNCTION @hub@.normal_contact(text, text) IS
  'Used by crm.report_contact(): an e-mail, phone or device as loads normalise it; an address folded, to be compared with how it is shown.';

CREATE OR REPLACE FUNCTION @hub@.check_contact_report(kind text, value text, state text, reported_at timestamptz, who text)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF kind IS NULL OR kind NOT IN ('email', 'phone', 'address', 'device') THEN
    RAISE EXCEPTION 'unknown kind of contact point: %', coalesce(quote_literal(left(kind, 50)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Kinds: email, phone, address, device.';
  END IF;
  IF state IS NULL OR state NOT IN ('verified', 'bounced', 'preferred', 'not preferred') THEN
    RAISE EXCEPTION 'unknown state of a contact point: %', coalesce(quote_literal(left(state, 50)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'States: verified, bounced, preferred, not preferred.';
  END IF;
  IF @hub@.normal_contact(kind, value) IS NULL THEN
    RAISE EXCEPTION 'invalid %: %', kind, coalesce(quote_literal(left(value, 100)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give a value of a row of @hub@.contact_point.';
  END IF;
  IF reported_at IS NULL OR reported_at > clock_timestamp() OR NOT isfinite(reported_at) THEN
    RAISE EXCEPTION 'a report cannot be of %', coalesce(reported_at::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value', HINT = 'Give the time when it was found out; the default is now.';
  END IF;
  IF who IS NULL OR btrim(who) = '' THEN
    RAISE EXCEPTION 'who reports must not be empty'
      USING ERRCODE = 'invalid_parameter_value', HINT = 'The default is the database role.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.check_contact_report(text, text, text, timestamptz, text) IS
  'Used by crm.report_contact(): raises invalid_parameter_value for arguments that are none. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.report_contact(
  customer_id bigint, kind text, value text, state text, reported_at timestamptz DEFAULT now(), why text DEFAULT NULL, who text DEFAULT current_user)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_variable
DECLARE
  of_value boolean;
  normal text;
  living bigint;
  records bigint[];
  stored bigint;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.hold_off_erasure();
  PERFORM @hub@.check_contact_report(kind, value, state, reported_at, who);
  of_value := kind <> 'address' AND state IN ('verified', 'bounced');
  normal := @hub@.normal_contact(kind, value);
  IF report_contact.customer_id IS NULL AND NOT of_value THEN
    RAISE EXCEPTION 'customer_id must not be null for an address or a preference'
      USING ERRCODE = 'null_value_not_allowed', HINT = 'Without a customer, whether an e-mail, phone or device works can be reported.';
  END IF;
  IF report_contact.customer_id IS NOT NULL THEN
    living := @hub@.require_customer(report_contact.customer_id);
  END IF;
  IF kind = 'address' THEN
    normal := coalesce((SELECT min(s.value)
                        FROM @hub@.customer_member AS m
                        JOIN @hub@.contact_sighting AS s ON s.record_id = m.record_id
                        WHERE m.customer_id = living AND s.kind = 'address' AND omnicrm.normalize_name(s.shown) = normal), report_contact.value);
  END IF;
  -- The records that give or gave it.
  SELECT array_agg(DISTINCT s.record_id) INTO records
  FROM @hub@.customer_member AS m
  JOIN @hub@.contact_sighting AS s ON s.record_id = m.record_id
  WHERE m.customer_id = living AND s.kind = report_contact.kind AND s.value = normal;
  IF living IS NOT NULL AND records IS NULL
     OR living IS NULL AND NOT EXISTS (SELECT
                                         FROM @hub@.identifier AS i
                                         WHERE hashtextextended(i.value, 0) = hashtextextended(normal, 0) AND i.value = normal
                                           AND i.kind = report_contact.kind) THEN
    RAISE EXCEPTION '% %', CASE WHEN living IS NULL THEN 'nobody has' ELSE format('customer %s has no', living) END,
                           format('%s %L', kind, left(value, 100))
      USING ERRCODE = 'no_data_found', HINT = 'Known ones are in @hub@.contact_point.';
  END IF;
  INSERT INTO @hub@.contact_event (kind, value, record_id, state, reported_at, reported_by, why)
  SELECT report_contact.kind, normal, r.record_id, report_contact.state, report_contact.reported_at, btrim(report_contact.who),
         NULLIF(btrim(report_contact.why), '')
  FROM unnest(CASE WHEN of_value THEN ARRAY[NULL::bigint] ELSE records END) AS r(record_id);
  GET DIAGNOSTICS stored = ROW_COUNT;
  RETURN stored;
END
$$;

COMMENT ON FUNCTION @hub@.report_contact(bigint, text, text, text, timestamptz, text, text) IS
  'Reports what is known of a contact point: report_contact(customer_id, kind, value, state, reported_at, why, who). kind: email, phone, address or device; value: in any spelling that a load takes, an address as contact_point shows it (or its value); state: verified (it works), bounced (it does not), preferred or not preferred. Whether an e-mail, phone or device works holds for everybody who has it, and customer_id may be NULL; the rest holds for the records of the customer, and follows them. The latest report holds. Returns the number of rows stored in contact_event. Errors: no_data_found when the customer, or nobody, has the value, invalid_parameter_value, null_value_not_allowed.';
