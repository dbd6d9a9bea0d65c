-- Segmentation results.

CREATE TABLE @hub@.rfm_cut (
  as_of          date PRIMARY KEY,
  recency_cuts   double precision[] NOT NULL,
  frequency_cuts double precision[] NOT NULL,
  monetary_cuts  double precision[] NOT NULL,
  made_at        timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE @hub@.customer_score (
  as_of          date NOT NULL,
  customer_id    bigint NOT NULL REFERENCES @hub@.customer,
  recency_days   integer NOT NULL,
  frequency      integer NOT NULL,
  monetary       numeric(18, 2) NOT NULL,
  gross_margin   numeric(18, 2) NOT NULL,
  r              smallint NOT NULL,
  f              smallint NOT NULL,
  m              smallint NOT NULL,
  segment        text NOT NULL,
  revenue_class  text NOT NULL,
  margin_class   text NOT NULL,
  revenue_share  double precision NOT NULL,
  PRIMARY KEY (as_of, customer_id)
);
CREATE INDEX customer_score_customer_idx ON @hub@.customer_score (customer_id, as_of DESC);
