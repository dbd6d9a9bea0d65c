-- What is bought together, and what may not be offered.

-- Made as a whole by crm.refresh_offers() from order lines, whose foreign keys
-- vouch for the products; keys of their own would only be checked once more.
CREATE TABLE @hub@.product_neighbour (
  product_id    bigint NOT NULL,
  neighbour_id  bigint NOT NULL,
  both_count    bigint NOT NULL,
  product_count bigint NOT NULL,
  probability   double precision NOT NULL,
  PRIMARY KEY (product_id, neighbour_id)
);
COMMENT ON TABLE @hub@.product_neighbour IS 'One row: of the customers who have this product, so many have the neighbour too. The 50 strongest neighbours of each product, made by crm.refresh_offers().';
COMMENT ON COLUMN @hub@.product_neighbour.product_id IS 'Product that a customer has.';
COMMENT ON COLUMN @hub@.product_neighbour.neighbour_id IS 'Product that goes with it.';
COMMENT ON COLUMN @hub@.product_neighbour.both_count IS 'Customers who have both.';
COMMENT ON COLUMN @hub@.product_neighbour.product_count IS 'Customers who have the product.';
COMMENT ON COLUMN @hub@.product_neighbour.probability IS 'Damped conditional probability: both_count / (product_count + 10).';

CREATE TABLE @hub@.product_popularity (
  product_id   bigint PRIMARY KEY,
  customers    bigint NOT NULL,
  buyers       bigint NOT NULL,
  share        double precision NOT NULL,
  margin       numeric(18, 4) NOT NULL,
  margin_basis text NOT NULL CHECK (margin_basis IN ('sales', 'list price', 'margin rate', 'none')),
  refreshed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX product_popularity_value_idx ON @hub@.product_popularity ((share * margin::double precision) DESC, product_id);
COMMENT ON TABLE @hub@.product_popularity IS 'One row is one product: how many have it and what a sale of it earns. Made by crm.refresh_offers().';
COMMENT ON COLUMN @hub@.product_popularity.product_id IS 'Product.';
COMMENT ON COLUMN @hub@.product_popularity.customers IS 'Customers who have it: bought and not returned.';
COMMENT ON COLUMN @hub@.product_popularity.buyers IS 'Customers who have any product; the same in every row.';
COMMENT ON COLUMN @hub@.product_popularity.share IS 'customers / buyers, 0 to 1.';
COMMENT ON COLUMN @hub@.product_popularity.margin IS 'Gross margin of one sale (order line), in the currency of the hub.';
COMMENT ON COLUMN @hub@.product_popularity.margin_basis IS 'sales: average of its sales, whose margin is delivered or follows from the cost. list price: price less cost, no sale yet. margin rate: no margin known; its revenue times the margin rate of all sales (1 when none is known). none: nothing known, 0.';
COMMENT ON COLUMN @hub@.product_popularity.refreshed_at IS 'When it was counted.';

CREATE TABLE @hub@.offer_exclusion (
  offer_exclusion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  customer_id        bigint REFERENCES @hub@.customer,
  product_id         bigint REFERENCES @hub@.product,
  category           text,
  reason             text NOT NULL,
  valid_from         timestamptz NOT NULL DEFAULT now(),
  valid_to           timestamptz NOT NULL DEFAULT 'infinity',
  CHECK (num_nonnulls(product_id, category) <= 1),
  CHECK (num_nonnulls(customer_id, product_id, category) >= 1)
);
CREATE INDEX offer_exclusion_customer_idx ON @hub@.offer_exclusion (customer_id);
CREATE INDEX offer_exclusion_product_idx ON @hub@.offer_exclusion (product_id);
COMMENT ON TABLE @hub@.offer_exclusion IS 'One row: what may not be offered, to one customer or to anybody, for a time.';
COMMENT ON COLUMN @hub@.offer_exclusion.offer_exclusion_id IS 'Key.';
COMMENT ON COLUMN @hub@.offer_exclusion.customer_id IS 'Customer, by any id he or she ever had; NULL: everybody.';
COMMENT ON COLUMN @hub@.offer_exclusion.product_id IS 'Product; NULL with a category: all of it; NULL without: everything.';
COMMENT ON COLUMN @hub@.offer_exclusion.category IS 'Product category.';
COMMENT ON COLUMN @hub@.offer_exclusion.reason IS 'Why: shown by crm.why_not_offer().';
COMMENT ON COLUMN @hub@.offer_exclusion.valid_from IS 'From this instant.';
COMMENT ON COLUMN @hub@.offer_exclusion.valid_to IS 'Until before this instant.';
