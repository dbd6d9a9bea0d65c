-- Reports on offers and on who may be contacted: products and counts, no
-- customers.

CREATE OR REPLACE VIEW @bi@.offer_affinity AS
SELECT
  n.product_id,
  n.neighbour_id,
  p.name::varchar(300) AS product,
  o.name::varchar(300) AS neighbour,
  p.category::varchar(100) AS category,
  o.category::varchar(100) AS neighbour_category,
  n.both_count,
  n.product_count,
  op.customers AS neighbour_count,
  n.probability,
  n.both_count * op.buyers / nullif(n.product_count::double precision * op.customers, 0) AS lift,
  op.refreshed_at AS updated_at
FROM @hub@.product_neighbour AS n
  JOIN @hub@.product AS p ON p.product_id = n.product_id
  JOIN @hub@.product AS o ON o.product_id = n.neighbour_id
  JOIN @hub@.product_popularity AS op ON op.product_id = n.neighbour_id;

COMMENT ON VIEW @bi@.offer_affinity IS 'One row: of the customers who have the product, so many have the neighbour too.';
COMMENT ON COLUMN @bi@.offer_affinity.product_id IS 'Product that customers have.';
COMMENT ON COLUMN @bi@.offer_affinity.neighbour_id IS 'Product that goes with it.';
COMMENT ON COLUMN @bi@.offer_affinity.product IS 'Name of the product.';
COMMENT ON COLUMN @bi@.offer_affinity.neighbour IS 'Name of the neighbour.';
COMMENT ON COLUMN @bi@.offer_affinity.category IS 'Category of the product.';
COMMENT ON COLUMN @bi@.offer_affinity.neighbour_category IS 'Category of the neighbour.';
COMMENT ON COLUMN @bi@.offer_affinity.both_count IS 'Customers who have both.';
COMMENT ON COLUMN @bi@.offer_affinity.product_count IS 'Customers who have the product.';
COMMENT ON COLUMN @bi@.offer_affinity.neighbour_count IS 'Customers who have the neighbour.';
COMMENT ON COLUMN @bi@.offer_affinity.probability IS 'Damped conditional probability: both_count / (product_count + 10).';
COMMENT ON COLUMN @bi@.offer_affinity.lift IS 'How many times more often than by chance both are bought: both_count * buyers / (product_count * neighbour_count). It explains and does not rank: rare pairs have high values.';
COMMENT ON COLUMN @bi@.offer_affinity.updated_at IS 'When it was counted.';

-- The rules of crm.contactable again, on the tables: that view asks for the
-- rights of the caller, and a BI role has none on the hub. test/sql/report.sql
-- holds the two together.
CREATE OR REPLACE VIEW @bi@.contactable_base AS
SELECT
  answer.channel_kind::varchar(10) AS channel_kind,
  answer.reason = 'given' AS may_contact,
  answer.reason::varchar(20) AS reason,
  count(*) AS customers
FROM (
    SELECT
      kinds.channel_kind,
      CASE
        WHEN EXISTS (SELECT 1
                     FROM @hub@.customer_member AS m
                       JOIN @hub@.restricted_record AS x ON x.record_id = m.record_id
                     WHERE m.customer_id = c.customer_id) THEN 'restricted'
        WHEN said.state <> 'given' THEN said.state
        WHEN kinds.is_known IS NOT TRUE THEN 'no address'
        WHEN dead.customer_id IS NOT NULL THEN 'bounced'
        ELSE coalesce(said.state, 'never asked')
      END AS reason
    FROM @hub@.customer AS c
      CROSS JOIN LATERAL (VALUES
        ('email', c.email IS NOT NULL),
        ('phone', c.phone IS NOT NULL),
        ('sms', c.phone IS NOT NULL),
        ('post', c.street IS NOT NULL AND (c.postcode IS NOT NULL OR c.city IS NOT NULL)),
        ('app', EXISTS (
          SELECT 1
          FROM @hub@.customer_member AS m
            JOIN @hub@.source_record AS r ON r.record_id = m.record_id
            JOIN @hub@.source AS s ON s.source_id = r.source_id
          WHERE m.customer_id = c.customer_id
            AND (r.device IS NOT NULL OR s.kind = 'app')))) AS kinds(channel_kind, is_known)
      LEFT JOIN (
        SELECT DISTINCT ON (latest.customer_id, stated.channel_kind)
          latest.customer_id,
          stated.channel_kind,
          latest.state
        FROM (
            SELECT DISTINCT ON (m.customer_id, e.channel_kind)
              m.customer_id,
              e.channel_kind,
              e.state,
              e.stated_at
            FROM @hub@.consent_event AS e
              JOIN @hub@.customer_member AS m ON m.record_id = e.record_id
            WHERE e.purpose = 'marketing'
              AND (e.state <> 'given' OR e.stated_at <= now())
            ORDER BY m.customer_id, e.channel_kind, e.stated_at DESC,
                     CASE e.state WHEN 'withdrawn' THEN 1 WHEN 'refused' THEN 2 ELSE 3 END, e.consent_event_id
          ) AS latest
          JOIN (VALUES ('email'), ('phone'), ('sms'), ('post'), ('app')) AS stated(channel_kind)
            ON latest.channel_kind IN (stated.channel_kind, 'any')
        ORDER BY latest.customer_id, stated.channel_kind,
                 latest.channel_kind = 'any' AND latest.state = 'given',
                 latest.stated_at DESC,
                 CASE latest.state WHEN 'withdrawn' THEN 1 WHEN 'refused' THEN 2 ELSE 3 END
      ) AS said
        ON said.customer_id = c.customer_id
           AND said.channel_kind = kinds.channel_kind
      -- Customers one of whose addresses bounced, none of whose present ones works.
      LEFT JOIN (
        SELECT m.customer_id, v.channel_kind
        FROM (
            SELECT doubt.customer_id
            FROM @hub@.contact_event AS e
              JOIN @hub@.customer_member AS doubt ON doubt.record_id = e.record_id
            WHERE e.state = 'bounced'
            UNION
            SELECT doubt.customer_id
            FROM @hub@.contact_event AS e
              JOIN @hub@.identifier AS i ON hashtextextended(i.value, 0) = hashtextextended(e.value, 0) AND i.value = e.value AND i.kind = e.kind
              JOIN @hub@.customer_member AS doubt ON doubt.record_id = i.record_id
            WHERE e.state = 'bounced'
              AND e.record_id IS NULL
          ) AS d
          JOIN @hub@.customer_member AS m ON m.customer_id = d.customer_id
          JOIN @hub@.source_record AS r ON r.record_id = m.record_id
          JOIN @hub@.source AS s ON s.source_id = r.source_id
          CROSS JOIN LATERAL omnicrm.normalize_address(coalesce(r.street, ''), coalesce(r.country, 'ES')) AS p
          -- As address_key() makes it, which a BI role may not call.
          CROSS JOIN LATERAL (
            SELECT concat_ws('|', coalesce(p.street, omnicrm.normalize_name(r.street), ''),
                             concat_ws(' ', p.number, p.km, p.block, p.portal, p.staircase, p.floor, p.door, p.extra),
                             coalesce(r.postcode, p.postcode, omnicrm.normalize_name(r.city), p.town)) AS key) AS address
          CROSS JOIN LATERAL (VALUES
            ('email', 'email', r.email),
            ('phone', 'phone', r.phone),
            ('sms', 'phone', r.phone),
            ('app', 'device', CASE WHEN s.kind = 'app' THEN 'account' ELSE r.device END),
            ('post', 'address', CASE WHEN r.street IS NOT NULL THEN address.key END)) AS v(channel_kind, kind, value)
          LEFT JOIN LATERAL (
            SELECT e.state
            FROM @hub@.contact_event AS e
            WHERE e.kind = v.kind
              AND e.value = v.value
              AND (e.record_id IS NULL
                   OR e.record_id IN (SELECT o.record_id FROM @hub@.customer_member AS o WHERE o.customer_id = m.customer_id))
              AND e.state IN ('verified', 'bounced')
            ORDER BY e.reported_at DESC, e.contact_event_id DESC
            LIMIT 1) AS verdict ON true
        WHERE v.value IS NOT NULL
        GROUP BY m.customer_id, v.channel_kind
        HAVING bool_and(verdict.state IS NOT DISTINCT FROM 'bounced')
      ) AS dead
        ON dead.customer_id = c.customer_id
           AND dead.channel_kind = kinds.channel_kind
    WHERE c.state = 'active'
  ) AS answer
GROUP BY answer.channel_kind, answer.reason;

COMMENT ON VIEW @bi@.contactable_base IS 'One row: how many active customers marketing may, or may not, contact through one kind of channel, and why.';
COMMENT ON COLUMN @bi@.contactable_base.channel_kind IS 'email, phone, sms, post or app.';
COMMENT ON COLUMN @bi@.contactable_base.may_contact IS 'True when consent is given, an address is known and the customer did not ask for restriction.';
COMMENT ON COLUMN @bi@.contactable_base.reason IS 'restricted, given, refused, withdrawn, never asked, no address, or bounced: no address that works.';
COMMENT ON COLUMN @bi@.contactable_base.customers IS 'Number of customers.';
