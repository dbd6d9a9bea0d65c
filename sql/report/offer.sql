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

CREATE OR REPLACE VIEW @bi@.contactable_base AS
SELECT
  c.channel_kind::varchar(10) AS channel_kind,
  c.may_contact,
  c.reason::varchar(20) AS reason,
  count(*) AS customers
FROM @hub@.contactable AS c
GROUP BY c.channel_kind, c.may_contact, c.reason;

COMMENT ON VIEW @bi@.contactable_base IS 'One row: how many active customers marketing may, or may not, contact through one kind of channel, and why.';
COMMENT ON COLUMN @bi@.contactable_base.channel_kind IS 'email, phone, sms, post or app.';
COMMENT ON COLUMN @bi@.contactable_base.may_contact IS 'True when consent is given and an address is known.';
COMMENT ON COLUMN @bi@.contactable_base.reason IS 'given, refused, withdrawn, never asked, or no address.';
COMMENT ON COLUMN @bi@.contactable_base.customers IS 'Number of customers.';
