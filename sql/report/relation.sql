-- Relations between customers, by their ids: households, companies,
-- recommendations and what they brought.

CREATE OR REPLACE VIEW @bi@.household_value AS
WITH living AS MATERIALIZED (
  SELECT h.household_id, c.customer_id, left(c.postcode, 2) AS postcode_area, bool_or(h.shares_address) AS shares_address,
         bool_or(h.shares_surname) AS shares_surname, bool_or(h.shares_phone) AS shares_phone, min(h.found_on) AS found_on
  FROM @hub@.household_member AS h
  JOIN @hub@.customer_member AS o ON o.record_id = h.record_id
  JOIN @hub@.customer AS c ON c.customer_id = o.customer_id
  WHERE NOT EXISTS (SELECT
                    FROM @hub@.customer_member AS m
                    JOIN @hub@.restricted_record AS x ON x.record_id = m.record_id
                    WHERE m.customer_id = c.customer_id)
  GROUP BY h.household_id, c.customer_id
), bought AS (
  SELECT l.household_id, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(o.revenue) AS revenue, sum(o.gross_margin) AS gross_margin
  FROM living AS l
  JOIN @hub@.customer_member AS m ON m.customer_id = l.customer_id
  JOIN @hub@.sales_order AS o ON o.record_id = m.record_id AND o.duplicate_of IS NULL
  GROUP BY l.household_id
)
SELECT
  l.household_id,
  count(*) AS members,
  bool_or(l.shares_address) AS address_shared,
  bool_or(l.shares_surname) AS surname_shared,
  bool_or(l.shares_phone) AS phone_shared,
  min(l.postcode_area)::varchar(2) AS postcode_area,
  max(l.found_on) AS found_on,
  coalesce(max(b.orders), 0)::bigint AS orders,
  coalesce(max(b.revenue), 0)::numeric(18, 2) AS revenue,
  max(b.gross_margin)::numeric(18, 2) AS gross_margin
FROM living AS l
LEFT JOIN bought AS b ON b.household_id = l.household_id
GROUP BY l.household_id
HAVING count(*) > 1;

COMMENT ON VIEW @bi@.household_value IS 'One row is one household: customers who share two of address, surname and phone. As of the last crm.refresh_households().';
COMMENT ON COLUMN @bi@.household_value.household_id IS 'Key: smallest customer id of it when it was found.';
COMMENT ON COLUMN @bi@.household_value.members IS 'Number of customers.';
COMMENT ON COLUMN @bi@.household_value.address_shared IS 'Some of them share an address.';
COMMENT ON COLUMN @bi@.household_value.surname_shared IS 'Some of them share a surname.';
COMMENT ON COLUMN @bi@.household_value.phone_shared IS 'Some of them share a phone.';
COMMENT ON COLUMN @bi@.household_value.postcode_area IS 'First two signs of the postal code.';
COMMENT ON COLUMN @bi@.household_value.found_on IS 'Since when it was found so.';
COMMENT ON COLUMN @bi@.household_value.orders IS 'Sales to its members.';
COMMENT ON COLUMN @bi@.household_value.revenue IS 'Revenue with them, net of returns.';
COMMENT ON COLUMN @bi@.household_value.gross_margin IS 'Gross margin; NULL: no order has one.';

-- Parts put under each other and added up, so that no plan can join them row by row.
CREATE OR REPLACE VIEW @bi@.company_value AS
WITH told AS MATERIALIZED (
  SELECT c.customer_id AS company_id, m.customer_id AS person_id, k.role,
         coalesce(k.since <= current_date, true) AND coalesce(least(k.until, k.ended_on) > current_date, true) AS is_current
  FROM @hub@.company_role AS k
  JOIN @hub@.customer_member AS m ON m.record_id = k.record_id
  JOIN @hub@.customer_member AS c ON c.record_id = k.company_record_id
  WHERE k.removed_at IS NULL AND m.customer_id <> c.customer_id
), part AS (
  SELECT c.customer_id, true AS is_company, c.province, 0::bigint AS contacts, 0::bigint AS roles, 0::bigint AS ever, 0::bigint AS orders,
         0::numeric AS revenue, NULL::numeric AS gross_margin, 0::numeric AS contacts_revenue
  FROM @hub@.customer AS c
  WHERE c.state = 'active' AND c.kind = 'organisation'
  UNION ALL
  SELECT t.company_id AS customer_id, false AS is_company, NULL::text AS province, count(DISTINCT t.person_id) FILTER (WHERE t.is_current) AS contacts,
         count(DISTINCT t.role) FILTER (WHERE t.is_current) AS roles, count(DISTINCT t.person_id) AS ever, 0::bigint AS orders,
         0::numeric AS revenue, NULL::numeric AS gross_margin, 0::numeric AS contacts_revenue
  FROM told AS t
  GROUP BY t.company_id
  UNION ALL
  SELECT c.customer_id, false AS is_company, NULL::text AS province, 0::bigint AS contacts, 0::bigint AS roles, 0::bigint AS ever,
         count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(o.revenue) AS revenue, sum(o.gross_margin) AS gross_margin,
         0::numeric AS contacts_revenue
  FROM @hub@.customer AS c
  JOIN @hub@.customer_member AS m ON m.customer_id = c.customer_id
  JOIN @hub@.sales_order AS o ON o.record_id = m.record_id AND o.duplicate_of IS NULL
  WHERE c.state = 'active' AND c.kind = 'organisation'
  GROUP BY c.customer_id
  UNION ALL
  SELECT t.company_id AS customer_id, false AS is_company, NULL::text AS province, 0::bigint AS contacts, 0::bigint AS roles, 0::bigint AS ever,
         0::bigint AS orders, 0::numeric AS revenue, NULL::numeric AS gross_margin, sum(o.revenue) AS contacts_revenue
  FROM (SELECT DISTINCT t.company_id, t.person_id FROM told AS t WHERE t.is_current) AS t
  JOIN @hub@.customer_member AS m ON m.customer_id = t.person_id
  JOIN @hub@.sales_order AS o ON o.record_id = m.record_id AND o.duplicate_of IS NULL
  GROUP BY t.company_id
)
SELECT
  p.customer_id,
  max(p.province)::varchar(100) AS province,
  sum(p.contacts)::bigint AS contacts,
  sum(p.roles)::bigint AS roles,
  sum(p.ever - p.contacts)::bigint AS other_contacts,
  sum(p.orders)::bigint AS orders,
  sum(p.revenue)::numeric(18, 2) AS revenue,
  sum(p.gross_margin)::numeric(18, 2) AS gross_margin,
  sum(p.contacts_revenue)::numeric(18, 2) AS contacts_revenue
FROM part AS p
GROUP BY p.customer_id
HAVING bool_or(p.is_company);

COMMENT ON VIEW @bi@.company_value IS 'One row is one company among the customers, with the number of its contacts and its business.';
COMMENT ON COLUMN @bi@.company_value.customer_id IS 'Key, see dim_customer.';
COMMENT ON COLUMN @bi@.company_value.province IS 'Province, state or region of its address.';
COMMENT ON COLUMN @bi@.company_value.contacts IS 'Persons with a role there today. None: nobody to talk to.';
COMMENT ON COLUMN @bi@.company_value.roles IS 'Different roles that they have.';
COMMENT ON COLUMN @bi@.company_value.other_contacts IS 'Persons who had one, or will have one.';
COMMENT ON COLUMN @bi@.company_value.orders IS 'Sales to the company itself.';
COMMENT ON COLUMN @bi@.company_value.revenue IS 'Revenue with the company itself, net of returns.';
COMMENT ON COLUMN @bi@.company_value.gross_margin IS 'Gross margin; NULL: no order has one.';
COMMENT ON COLUMN @bi@.company_value.contacts_revenue IS 'Revenue with its contacts of today as customers of their own. Who is a contact of two companies is in both.';

-- The rule of crm.referral over the tables: reports build on no view of the hub.
CREATE OR REPLACE VIEW @bi@.fact_referral AS
WITH told AS MATERIALIZED (
  SELECT e.referral_event_id, p.customer_id AS referrer_id, m.customer_id, e.referred_at, e.reward, e.source_id,
         row_number() OVER (ORDER BY e.referred_at, e.referral_event_id)::integer AS place
  FROM @hub@.referral_event AS e
  JOIN @hub@.customer_member AS m ON m.record_id = e.record_id
  JOIN @hub@.customer_member AS p ON p.record_id = e.referrer_record_id
  WHERE e.removed_at IS NULL
), grown AS MATERIALIZED (
  SELECT omnicrm.grow_forest(array_agg(t.referrer_id ORDER BY t.place), array_agg(t.customer_id ORDER BY t.place)) AS forest FROM told AS t
), bought AS MATERIALIZED (
  SELECT t.referral_event_id, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(o.revenue) AS revenue,
         sum(o.revenue) FILTER (WHERE o.ordered_at >= t.referred_at) AS revenue_since, sum(o.gross_margin) AS gross_margin
  FROM told AS t
  JOIN @hub@.customer_member AS m ON m.customer_id = t.customer_id
  JOIN @hub@.sales_order AS o ON o.record_id = m.record_id AND o.duplicate_of IS NULL
  GROUP BY t.referral_event_id
)
SELECT
  t.referral_event_id,
  t.referrer_id,
  t.customer_id,
  t.referred_at,
  t.referred_at::date AS referred_date,
  t.source_id,
  (g.forest).outcome[t.place] < 2 AS is_counted,
  CASE (g.forest).outcome[t.place] WHEN 2 THEN 'one customer' WHEN 3 THEN 'recommended before' WHEN 4 THEN 'circle' END::varchar(20) AS set_aside,
  CASE WHEN (g.forest).outcome[t.place] < 2 THEN (g.forest).root[t.place] END AS root_id,
  CASE WHEN (g.forest).outcome[t.place] < 2 THEN (g.forest).depth[t.place] END AS depth,
  CASE WHEN (g.forest).outcome[t.place] < 2 THEN (g.forest).position[t.place] END AS tree_position,
  CASE WHEN (g.forest).outcome[t.place] < 2 THEN (g.forest).last_position[t.place] END AS tree_end,
  t.reward,
  coalesce(b.orders, 0)::bigint AS orders,
  coalesce(b.revenue, 0)::numeric(18, 2) AS revenue,
  coalesce(b.revenue_since, 0)::numeric(18, 2) AS revenue_since,
  b.gross_margin::numeric(18, 2) AS gross_margin
FROM told AS t
CROSS JOIN grown AS g
LEFT JOIN bought AS b ON b.referral_event_id = t.referral_event_id;

COMMENT ON VIEW @bi@.fact_referral IS 'One row is one recommendation, whether it counts, and what the recommended customer bought. Those that count are a forest: ordered by tree_position, indented by depth, it can be printed.';
COMMENT ON COLUMN @bi@.fact_referral.referral_event_id IS 'Key.';
COMMENT ON COLUMN @bi@.fact_referral.referrer_id IS 'Customer who recommended, see dim_customer.';
COMMENT ON COLUMN @bi@.fact_referral.customer_id IS 'Customer who was recommended to come.';
COMMENT ON COLUMN @bi@.fact_referral.referred_at IS 'When.';
COMMENT ON COLUMN @bi@.fact_referral.referred_date IS 'Its day.';
COMMENT ON COLUMN @bi@.fact_referral.source_id IS 'Source that delivered it; NULL: a steward told it.';
COMMENT ON COLUMN @bi@.fact_referral.is_counted IS 'False: it is set aside; sum over those that are counted.';
COMMENT ON COLUMN @bi@.fact_referral.set_aside IS 'Why: one customer, recommended before, or circle; NULL: it counts.';
COMMENT ON COLUMN @bi@.fact_referral.root_id IS 'Customer at the head of the tree.';
COMMENT ON COLUMN @bi@.fact_referral.depth IS 'Number of recommendations from there to the customer.';
COMMENT ON COLUMN @bi@.fact_referral.tree_position IS 'Place of the customer when all trees are written one after the other, each referrer before those whom he brought.';
COMMENT ON COLUMN @bi@.fact_referral.tree_end IS 'Place of the last whom the customer brought, directly or not.';
COMMENT ON COLUMN @bi@.fact_referral.reward IS 'What the recommending customer got for it.';
COMMENT ON COLUMN @bi@.fact_referral.orders IS 'Sales to the recommended customer.';
COMMENT ON COLUMN @bi@.fact_referral.revenue IS 'Revenue with him or her, net of returns: the value brought.';
COMMENT ON COLUMN @bi@.fact_referral.revenue_since IS 'The part of it that came since the recommendation.';
COMMENT ON COLUMN @bi@.fact_referral.gross_margin IS 'Gross margin; NULL: no order has one.';

-- A tree stands at the places from the first child of its head to the last of
-- its descendants: a running sum gives it as one difference.
CREATE OR REPLACE VIEW @bi@.referral_value AS
WITH placed AS MATERIALIZED (
  SELECT r.referrer_id, r.root_id, r.depth, r.tree_position, r.tree_end, r.reward, r.revenue, r.revenue_since,
         sum(r.revenue) OVER w AS revenue_up_to, sum(r.revenue_since) OVER w AS revenue_since_up_to, count(*) OVER w AS customers_up_to
  FROM @bi@.fact_referral AS r
  WHERE r.is_counted
  WINDOW w AS (ORDER BY r.tree_position)
), direct AS (
  SELECT p.referrer_id, p.root_id, count(*) AS customers, count(*) FILTER (WHERE p.revenue > 0) AS buyers, sum(p.reward) AS reward,
         sum(p.revenue) AS revenue, sum(p.revenue_since) AS revenue_since, min(p.depth) - 1 AS depth, min(p.tree_position) AS first_position,
         max(p.tree_end) AS last_position
  FROM placed AS p
  GROUP BY p.referrer_id, p.root_id
)
SELECT
  d.referrer_id AS customer_id,
  d.referrer_id = d.root_id AS is_root,
  d.depth,
  d.customers,
  d.buyers,
  d.revenue::numeric(18, 2) AS revenue,
  d.revenue_since::numeric(18, 2) AS revenue_since,
  (l.customers_up_to - f.customers_up_to + 1)::bigint AS tree_customers,
  (l.revenue_up_to - f.revenue_up_to + f.revenue)::numeric(18, 2) AS tree_revenue,
  (l.revenue_since_up_to - f.revenue_since_up_to + f.revenue_since)::numeric(18, 2) AS tree_revenue_since,
  coalesce(d.reward, 0)::numeric(18, 2) AS reward
FROM direct AS d
JOIN placed AS f ON f.tree_position = d.first_position
JOIN placed AS l ON l.tree_position = d.last_position;

COMMENT ON VIEW @bi@.referral_value IS 'One row is one customer who recommended others, with the value brought. revenue adds up over all rows, and tree_revenue over those with is_root, to the revenue of all customers who were recommended.';
COMMENT ON COLUMN @bi@.referral_value.customer_id IS 'Customer who recommended, see dim_customer.';
COMMENT ON COLUMN @bi@.referral_value.is_root IS 'True: nobody recommended him or her.';
COMMENT ON COLUMN @bi@.referral_value.depth IS 'Number of recommendations from the head of the tree to him or her.';
COMMENT ON COLUMN @bi@.referral_value.customers IS 'Customers whom he or she recommended.';
COMMENT ON COLUMN @bi@.referral_value.buyers IS 'Those of them who bought, net of returns.';
COMMENT ON COLUMN @bi@.referral_value.revenue IS 'Revenue with them, net of returns.';
COMMENT ON COLUMN @bi@.referral_value.revenue_since IS 'The part of it that came since they were recommended.';
COMMENT ON COLUMN @bi@.referral_value.tree_customers IS 'Customers of the whole tree below: those, whom they recommended, and so on.';
COMMENT ON COLUMN @bi@.referral_value.tree_revenue IS 'Revenue with the whole tree.';
COMMENT ON COLUMN @bi@.referral_value.tree_revenue_since IS 'The part of it that came since each of them was recommended.';
COMMENT ON COLUMN @bi@.referral_value.reward IS 'Rewards that he or she got.';
