-- What is bought together, and what may not be offered.

CREATE TABLE @hub@.product_neighbour (
  product_id   bigint NOT NULL REFERENCES @hub@.product,
  neighbour_id bigint NOT NULL REFERENCES @hub@.product,
  both_count   bigint NOT NULL,
  probability  double precision NOT NULL,
  PRIMARY KEY (product_id, neighbour_id)
);
CREATE TABLE @hub@.product_popularity (
  product_id bigint PRIMARY KEY REFERENCES @hub@.product,
  customers  bigint NOT NULL,
  share      double precision NOT NULL,
  margin     numeric(18, 4) NOT NULL,
  refreshed_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX product_popularity_value_idx ON @hub@.product_popularity ((share * margin::double precision) DESC, product_id);
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
