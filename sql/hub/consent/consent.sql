-- May we contact this customer? What was stated, what holds now, and why.

-- The statement that holds for each customer, kind of channel and purpose.
-- Among statements of the same breadth (one channel, or 'any') the latest holds,
-- over all records of the customer; at the same instant the most restrictive.
-- Between the two breadths the later one holds, but a general grant never lifts
-- what was refused for one channel. Grants dated in the future do not count yet.
CREATE OR REPLACE VIEW @hub@.consent_state WITH (security_invoker = true) AS
SELECT DISTINCT ON (latest.customer_id, kinds.channel_kind, latest.purpose)
  latest.customer_id,
  kinds.channel_kind,
  latest.purpose,
  latest.state,
  latest.stated_at,
  latest.channel_kind AS stated_for,
  latest.record_id,
  latest.consent_event_id
FROM (
    SELECT DISTINCT ON (m.customer_id, e.channel_kind, e.purpose)
      m.customer_id,
      e.channel_kind,
      e.purpose,
      e.state,
      e.stated_at,
      e.record_id,
      e.consent_event_id
    FROM @hub@.consent_event AS e
      JOIN @hub@.customer_member AS m ON m.record_id = e.record_id
    WHERE e.state <> 'given' OR e.stated_at <= now()
    ORDER BY m.customer_id, e.channel_kind, e.purpose, e.stated_at DESC,
             CASE e.state WHEN 'withdrawn' THEN 1 WHEN 'refused' THEN 2 ELSE 3 END, e.consent_event_id
  ) AS latest
  JOIN (VALUES ('email'), ('phone'), ('sms'), ('post'), ('app')) AS kinds(channel_kind)
    ON latest.channel_kind IN (kinds.channel_kind, 'any')
ORDER BY latest.customer_id, kinds.channel_kind, latest.purpose,
         latest.channel_kind = 'any' AND latest.state = 'given',
         latest.stated_at DESC,
         CASE latest.state WHEN 'withdrawn' THEN 1 WHEN 'refused' THEN 2 ELSE 3 END;

COMMENT ON VIEW @hub@.consent_state IS 'One row: the statement that holds now for one customer, kind of channel and purpose. No row: never asked.';
COMMENT ON COLUMN @hub@.consent_state.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.consent_state.channel_kind IS 'email, phone, sms, post or app.';
COMMENT ON COLUMN @hub@.consent_state.purpose IS 'Purpose, for example marketing.';
COMMENT ON COLUMN @hub@.consent_state.state IS 'given, refused or withdrawn.';
COMMENT ON COLUMN @hub@.consent_state.stated_at IS 'When it was stated.';
COMMENT ON COLUMN @hub@.consent_state.stated_for IS 'Breadth of the statement: the channel kind itself, or any.';
COMMENT ON COLUMN @hub@.consent_state.record_id IS 'Source record of which it was stated.';
COMMENT ON COLUMN @hub@.consent_state.consent_event_id IS 'The statement.';

-- Hardly any address ever bounced: who has none of these is reached by the golden
-- one, and only for the others all contact points are looked at.
CREATE OR REPLACE VIEW @hub@.reachable WITH (security_invoker = true) AS
SELECT
  k.customer_id,
  k.channel_kind,
  CASE
    WHEN NOT k.is_known OR NOT k.in_doubt THEN k.is_known
    ELSE EXISTS (
      SELECT 1
      FROM @hub@.contact_point AS p
      WHERE p.customer_id = k.customer_id
        AND p.kind = k.kind
        AND p.is_present
        AND p.state IS DISTINCT FROM 'bounced'
        AND p.value NOT LIKE '|%')
  END AS has_address,
  k.is_known
FROM (
    SELECT
      c.customer_id,
      kinds.channel_kind,
      kinds.kind,
      CASE kinds.kind
        WHEN 'email' THEN c.email IS NOT NULL
        WHEN 'phone' THEN c.phone IS NOT NULL
        WHEN 'address' THEN c.street IS NOT NULL AND (c.postcode IS NOT NULL OR c.city IS NOT NULL)
        ELSE EXISTS (
          SELECT 1
          FROM @hub@.customer_member AS m
            JOIN @hub@.source_record AS r ON r.record_id = m.record_id
            JOIN @hub@.source AS s ON s.source_id = r.source_id
          WHERE m.customer_id = c.customer_id
            AND (r.device IS NOT NULL OR s.kind = 'app'))
      END AS is_known,
      CASE kinds.kind
        WHEN 'email' THEN EXISTS (
          SELECT 1 FROM @hub@.contact_event AS e
          WHERE e.kind = 'email' AND e.value = c.email AND e.record_id IS NULL AND e.state = 'bounced')
        WHEN 'phone' THEN EXISTS (
          SELECT 1 FROM @hub@.contact_event AS e
          WHERE e.kind = 'phone' AND e.value = c.phone AND e.record_id IS NULL AND e.state = 'bounced')
        WHEN 'address' THEN EXISTS (
          SELECT 1
          FROM @hub@.customer_member AS m
            JOIN @hub@.contact_event AS e ON e.record_id = m.record_id
          WHERE m.customer_id = c.customer_id AND e.kind = 'address' AND e.state = 'bounced')
        -- Who has an app account is reached there, whatever became of a device.
        ELSE EXISTS (
          SELECT 1
          FROM @hub@.customer_member AS m
            JOIN @hub@.source_record AS r ON r.record_id = m.record_id
            JOIN @hub@.contact_event AS e ON e.kind = 'device' AND e.value = r.device AND e.record_id IS NULL AND e.state = 'bounced'
          WHERE m.customer_id = c.customer_id)
          AND NOT EXISTS (
            SELECT 1
            FROM @hub@.customer_member AS m
              JOIN @hub@.source_record AS r ON r.record_id = m.record_id
              JOIN @hub@.source AS s ON s.source_id = r.source_id
            WHERE m.customer_id = c.customer_id AND s.kind = 'app')
      END AS in_doubt
    FROM @hub@.customer AS c
      CROSS JOIN (VALUES ('email', 'email'), ('phone', 'phone'), ('sms', 'phone'), ('post', 'address'), ('app', 'device'))
        AS kinds(channel_kind, kind)
    WHERE c.state = 'active'
  ) AS k;

COMMENT ON VIEW @hub@.reachable IS 'One row: one active customer and one kind of channel, and whether an address for it is known that works.';
COMMENT ON COLUMN @hub@.reachable.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.reachable.channel_kind IS 'email, phone, sms, post or app.';
COMMENT ON COLUMN @hub@.reachable.has_address IS 'True with an e-mail address; a phone number (phone and sms); street with postcode or city; a device or an app record; that did not bounce.';
COMMENT ON COLUMN @hub@.reachable.is_known IS 'The same, bounced or not.';

CREATE OR REPLACE VIEW @hub@.contactable WITH (security_invoker = true) AS
SELECT
  r.customer_id,
  r.channel_kind,
  x.customer_id IS NULL AND r.has_address AND coalesce(s.state = 'given', false) AS may_contact,
  CASE
    WHEN x.customer_id IS NOT NULL THEN 'restricted'
    WHEN s.state <> 'given' THEN s.state
    WHEN NOT r.is_known THEN 'no address'
    WHEN NOT r.has_address THEN 'bounced'
    ELSE coalesce(s.state, 'never asked')
  END AS reason,
  s.stated_at
FROM @hub@.reachable AS r
  LEFT JOIN @hub@.consent_state AS s
    ON s.customer_id = r.customer_id
       AND s.channel_kind = r.channel_kind
       AND s.purpose = 'marketing'
  LEFT JOIN (SELECT DISTINCT m.customer_id
             FROM @hub@.restricted_record AS k
               JOIN @hub@.customer_member AS m ON m.record_id = k.record_id) AS x
    ON x.customer_id = r.customer_id;

COMMENT ON VIEW @hub@.contactable IS 'One row: one active customer and one kind of channel, and whether marketing may use it. Without a grant nobody is contacted.';
COMMENT ON COLUMN @hub@.contactable.customer_id IS 'Customer.';
COMMENT ON COLUMN @hub@.contactable.channel_kind IS 'email, phone, sms, post or app.';
COMMENT ON COLUMN @hub@.contactable.may_contact IS 'True when consent is given, an address is known and the customer did not ask for restriction.';
COMMENT ON COLUMN @hub@.contactable.reason IS 'restricted (see crm.subject_restrict()), given, refused, withdrawn, never asked, no address, or bounced: no address that works.';
COMMENT ON COLUMN @hub@.contactable.stated_at IS 'When the consent or refusal was stated; NULL: never asked.';

CREATE OR REPLACE FUNCTION @hub@.may_contact(
  customer_id bigint, channel_kind text, purpose text DEFAULT 'marketing',
  OUT may_contact boolean, OUT reason text)
RETURNS record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  living bigint := @hub@.require_customer($1);
  has_address boolean;
  is_known boolean;
  stated text;
  bar text;
BEGIN
  IF $2 IS NULL OR $2 NOT IN ('email', 'phone', 'sms', 'post', 'app') THEN
    RAISE EXCEPTION 'unknown kind of channel: %', coalesce(quote_literal(left($2, 50)), 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Kinds: email, phone, sms, post, app.';
  END IF;
  IF $3 IS NULL THEN
    RAISE EXCEPTION 'purpose must not be null'
      USING ERRCODE = 'null_value_not_allowed',
            HINT = 'Name what the contact is for: marketing, service, or a purpose of your own.';
  END IF;
  bar := @hub@.profiling_bar(living);
  SELECT r.has_address, r.is_known INTO has_address, is_known
  FROM @hub@.reachable AS r
  WHERE r.customer_id = living AND r.channel_kind = $2;
  SELECT s.state INTO stated
  FROM @hub@.consent_state AS s
  WHERE s.customer_id = living AND s.channel_kind = $2 AND s.purpose = $3;
  reason := CASE
    WHEN bar = 'erased' OR bar = 'restricted' AND $3 <> 'service' THEN bar
    WHEN stated <> 'given' THEN stated
    WHEN is_known IS NOT TRUE THEN 'no address'
    WHEN NOT has_address THEN 'bounced'
    WHEN stated = 'given' THEN 'given'
    WHEN $3 = 'service' THEN 'service needs no consent'
    ELSE 'never asked'
  END;
  may_contact := reason IN ('given', 'service needs no consent');
END
$$;

COMMENT ON FUNCTION @hub@.may_contact(bigint, text, text) IS
  'May this customer be contacted now? channel_kind: email, phone, sms, post or app. purpose: marketing, service (messages that a contract needs: no consent, but a refusal holds) or any purpose used in consent statements. Returns one row: may_contact and reason (erased, restricted, given, refused, withdrawn, never asked, no address, bounced, service needs no consent). Old ids of merged customers are followed. Errors: no_data_found for an unknown customer, null_value_not_allowed, invalid_parameter_value.';

CREATE OR REPLACE FUNCTION @hub@.consent_history(customer_id bigint)
RETURNS TABLE (stated_at timestamptz, channel_kind text, purpose text, state text, source text, source_key text, holds boolean)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  living bigint := @hub@.require_customer($1);
BEGIN
  RETURN QUERY
  SELECT
    e.stated_at,
    e.channel_kind,
    e.purpose,
    e.state,
    s.name,
    r.source_key,
    EXISTS (SELECT 1
            FROM @hub@.consent_state AS now_holds
            WHERE now_holds.customer_id = living AND now_holds.consent_event_id = e.consent_event_id)
  FROM @hub@.customer_member AS m
    JOIN @hub@.consent_event AS e ON e.record_id = m.record_id
    JOIN @hub@.source_record AS r ON r.record_id = m.record_id
    JOIN @hub@.source AS s ON s.source_id = e.source_id
  WHERE m.customer_id = living
  ORDER BY e.stated_at DESC, e.channel_kind, e.purpose, e.state, s.name, e.event_key;
END
$$;

COMMENT ON FUNCTION @hub@.consent_history(bigint) IS
  'Everything a customer ever stated on contact, newest first: the reasons behind may_contact(). holds: this statement decides for at least one channel kind now. Old ids are followed. Errors: no_data_found, null_value_not_allowed.';
