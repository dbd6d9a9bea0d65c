-- May we contact: which statement holds, for one customer and for all.
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/small_hub.sql
\i :file
CREATE FUNCTION state(record bigint, channel text, answer text, at timestamptz, purpose text DEFAULT 'marketing')
RETURNS void LANGUAGE sql AS $$
  INSERT INTO crm.consent_event (source_id, event_key, load_id, content_hash, record_id, channel_kind, purpose, state, stated_at)
  SELECT 1, 'E' || (SELECT count(*) FROM crm.consent_event), 1, 1, record, channel, purpose, answer, at
$$;
-- Never asked; given; given and withdrawn; withdrawn and given again.
SELECT state(2, 'email', 'given', '2024-01-01');
SELECT state(3, 'email', 'given', '2024-01-01'), state(3, 'email', 'withdrawn', '2024-02-01');
SELECT state(4, 'email', 'withdrawn', '2024-01-01'), state(4, 'email', 'given', '2024-02-01');
-- The same instant: the most restrictive.
SELECT state(5, 'email', 'given', '2024-01-01'), state(5, 'email', 'refused', '2024-01-01'), state(5, 'email', 'withdrawn', '2024-01-01');
-- An objection to everything beats older grants, not newer ones.
SELECT state(6, 'email', 'given', '2024-01-01'), state(6, 'any', 'withdrawn', '2024-02-01'), state(6, 'post', 'given', '2024-03-01');
-- A general grant does not lift the refusal of one channel, and covers the rest.
SELECT state(7, 'phone', 'refused', '2024-01-01'), state(7, 'any', 'given', '2024-02-01');
-- A general objection taken back by a general grant.
SELECT state(8, 'email', 'given', '2024-01-01'), state(8, 'any', 'withdrawn', '2024-02-01'), state(8, 'any', 'given', '2024-03-01');
-- A grant from the future does not count yet, a refusal does.
SELECT state(9, 'email', 'given', 'infinity'), state(9, 'post', 'refused', '2999-01-01');
SELECT n.customer_id, a.channel_kind, m.may_contact, m.reason
FROM generate_series(1, 9) AS n(customer_id)
  CROSS JOIN (VALUES ('email'), ('phone'), ('sms'), ('post'), ('app')) AS a(channel_kind)
  CROSS JOIN LATERAL crm.may_contact(n.customer_id, a.channel_kind) AS m
WHERE m.reason NOT IN ('never asked', 'no address')
ORDER BY 1, 2;
-- One answer for one and for all.
SELECT count(*) AS differences
FROM crm.contactable AS c
  CROSS JOIN LATERAL crm.may_contact(c.customer_id, c.channel_kind) AS m
WHERE (c.may_contact, c.reason) IS DISTINCT FROM (m.may_contact, m.reason);
SELECT channel_kind, may_contact, reason, customers FROM crm_bi.contactable_base ORDER BY 1, 2, 3;
SELECT channel_kind, state, stated_for FROM crm.consent_state WHERE customer_id = 7 ORDER BY 1;

-- Records of one customer disagree: the latest statement of the person holds,
-- whichever record it was told of, and old ids lead to it.
INSERT INTO crm.customer_redirect VALUES (3, 2);
UPDATE crm.customer_member SET customer_id = 2 WHERE record_id = 3;
UPDATE crm.customer SET state = 'merged', merged_into = 2 WHERE customer_id = 3;
SELECT * FROM crm.may_contact(2, 'email');
SELECT * FROM crm.may_contact(3, 'email');
SELECT * FROM crm.consent_history(3);
-- After the split each has his own again.
DELETE FROM crm.customer_redirect;
UPDATE crm.customer_member SET customer_id = 3 WHERE record_id = 3;
UPDATE crm.customer SET state = 'active', merged_into = NULL WHERE customer_id = 3;
SELECT * FROM crm.may_contact(2, 'email');
-- Other purposes; service messages need no consent, but a refusal holds.
SELECT * FROM crm.may_contact(2, 'email', 'profiling');
SELECT * FROM crm.may_contact(1, 'email', 'service');
SELECT * FROM crm.may_contact(1, 'app', 'service');
SELECT state(1, 'email', 'refused', '2024-01-01', 'service');
SELECT * FROM crm.may_contact(1, 'email', 'service');
SELECT * FROM crm.may_contact(1, 'email');
-- Consent without an address.
UPDATE crm.customer SET email = NULL, street = NULL WHERE customer_id = 4;
SELECT * FROM crm.may_contact(4, 'email');
-- A record of an app is an address of the app.
UPDATE crm.source_record SET source_id = 3 WHERE record_id = 10;
SELECT * FROM crm.may_contact(10, 'app');
-- Nobody may ask like this.
SELECT crm.may_contact(NULL, 'email');
SELECT crm.may_contact(99, 'email');
SELECT crm.may_contact(1, 'fax');
SELECT crm.may_contact(1, NULL);
SELECT crm.may_contact(1, 'email', NULL);
SELECT crm.consent_history(99);

-- Random statements against a plain reading of the rule, statement by statement.
TRUNCATE crm.consent_event;
INSERT INTO crm.consent_event (source_id, event_key, load_id, content_hash, record_id, channel_kind, state, stated_at)
SELECT 1, 'R' || n, 1, 1, 1 + (hashint8extended(n, 1) & 1023) % 12,
       (ARRAY['email', 'phone', 'sms', 'post', 'app', 'any', 'any'])[1 + (hashint8extended(n, 2) & 1023) % 7],
       (ARRAY['given', 'refused', 'withdrawn', 'given'])[1 + (hashint8extended(n, 3) & 1023) % 4],
       timestamptz '2024-01-01 00:00+00' + (hashint8extended(n, 4) & 1023) % 40 * interval '1 day'
FROM generate_series(1, 150) AS n;
CREATE FUNCTION plain_state(customer bigint, channel text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  own record;
  general record;
BEGIN
  SELECT e.state, e.stated_at INTO own FROM crm.consent_event AS e
  WHERE e.record_id = customer AND e.channel_kind = channel
  ORDER BY e.stated_at DESC, e.state DESC LIMIT 1;
  SELECT e.state, e.stated_at INTO general FROM crm.consent_event AS e
  WHERE e.record_id = customer AND e.channel_kind = 'any'
  ORDER BY e.stated_at DESC, e.state DESC LIMIT 1;
  IF own.state IS NULL OR general.state IS NULL THEN
    RETURN coalesce(own.state, general.state);
  ELSIF general.state = 'given' OR general.stated_at < own.stated_at THEN
    RETURN own.state;
  END IF;
  RETURN CASE WHEN general.stated_at = own.stated_at THEN greatest(general.state, own.state) ELSE general.state END;
END
$$;
SELECT count(*) AS cases, count(*) FILTER (WHERE s.state IS DISTINCT FROM plain_state(c.n, k.kind)) AS differences
FROM generate_series(1, 12) AS c(n)
  CROSS JOIN (VALUES ('email'), ('phone'), ('sms'), ('post'), ('app')) AS k(kind)
  LEFT JOIN crm.consent_state AS s ON s.customer_id = c.n AND s.channel_kind = k.kind;
DROP SCHEMA crm, crm_bi CASCADE;
DROP FUNCTION buy, state, plain_state;
