-- Segmentation results, and the names of the segments.

CREATE TABLE @hub@.segment_rule (
  r       smallint NOT NULL CHECK (r BETWEEN 1 AND 5),
  f       smallint NOT NULL CHECK (f BETWEEN 1 AND 5),
  segment text NOT NULL CHECK (segment <> '' AND length(segment) <= 50),
  PRIMARY KEY (r, f)
);
COMMENT ON TABLE @hub@.segment_rule IS 'Name of the segment of each pair of scores: 25 rows, so the map is complete and disjoint. Names may be changed; the next segment_customers() uses them.';
COMMENT ON COLUMN @hub@.segment_rule.r IS 'Recency score, 5 is the most recent.';
COMMENT ON COLUMN @hub@.segment_rule.f IS 'Frequency score, 5 is the most frequent.';
COMMENT ON COLUMN @hub@.segment_rule.segment IS 'Segment of these scores; at first the map rf25 of omnicrm.rfm_segment().';
INSERT INTO @hub@.segment_rule (r, f, segment)
SELECT r, f, omnicrm.rfm_segment(r, f)
FROM generate_series(1, 5) AS r, generate_series(1, 5) AS f;

CREATE TABLE @hub@.rfm_cut (
  as_of          date PRIMARY KEY,
  cuts_from      date NOT NULL,
  time_zone      text NOT NULL,
  abc_limits     double precision[] NOT NULL,
  recency_cuts   double precision[] NOT NULL,
  frequency_cuts double precision[] NOT NULL,
  monetary_cuts  double precision[] NOT NULL,
  made_at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE @hub@.rfm_cut IS 'One row is one segmentation: the cut points by which its customers were scored. A score is 1 + number of cut points below the value (recency: 6 - that).';
COMMENT ON COLUMN @hub@.rfm_cut.as_of IS 'Day on which the customers were looked at.';
COMMENT ON COLUMN @hub@.rfm_cut.cuts_from IS 'Segmentation whose customers gave the cut points: its own, or an earlier one whose cut points were kept.';
COMMENT ON COLUMN @hub@.rfm_cut.time_zone IS 'Time zone that decided to which day an order belongs.';
COMMENT ON COLUMN @hub@.rfm_cut.abc_limits IS 'Shares that divide the classes A, B, C, ...';
COMMENT ON COLUMN @hub@.rfm_cut.recency_cuts IS 'Cut points of the days since the last sale.';
COMMENT ON COLUMN @hub@.rfm_cut.frequency_cuts IS 'Cut points of the number of days with a sale.';
COMMENT ON COLUMN @hub@.rfm_cut.monetary_cuts IS 'Cut points of the revenue net of returns.';
COMMENT ON COLUMN @hub@.rfm_cut.made_at IS 'When it was computed.';

-- customer_id is not declared as a foreign key: it comes from customer_member,
-- whose is, and the check of each row would cost as much as all the rest. A
-- customer row is never deleted, so a score always has its customer.
CREATE TABLE @hub@.customer_score (
  as_of          date NOT NULL,
  customer_id    bigint NOT NULL,
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
  PRIMARY KEY (customer_id, as_of)
);
CREATE INDEX customer_score_as_of_idx ON @hub@.customer_score (as_of);
COMMENT ON TABLE @hub@.customer_score IS 'One row is one customer with at least one sale, as segment_customers() saw him or her on one day.';
COMMENT ON COLUMN @hub@.customer_score.as_of IS 'Day of the segmentation.';
COMMENT ON COLUMN @hub@.customer_score.customer_id IS 'Customer, by the id of that time; current_id() tells today''s.';
COMMENT ON COLUMN @hub@.customer_score.recency_days IS 'Days from the last sale to as_of.';
COMMENT ON COLUMN @hub@.customer_score.frequency IS 'Number of days with a sale.';
COMMENT ON COLUMN @hub@.customer_score.monetary IS 'Revenue net of returns.';
COMMENT ON COLUMN @hub@.customer_score.gross_margin IS 'Gross margin net of returns; orders without a known margin add nothing.';
COMMENT ON COLUMN @hub@.customer_score.r IS 'Recency score, 1 to 5, 5 is the most recent.';
COMMENT ON COLUMN @hub@.customer_score.f IS 'Frequency score, 1 to 5, 5 is the most frequent.';
COMMENT ON COLUMN @hub@.customer_score.m IS 'Monetary score, 1 to 5, 5 is the highest.';
COMMENT ON COLUMN @hub@.customer_score.segment IS 'Segment of r and f by segment_rule.';
COMMENT ON COLUMN @hub@.customer_score.revenue_class IS 'Pareto class of monetary: A, B, C, or L for a negative sum.';
COMMENT ON COLUMN @hub@.customer_score.margin_class IS 'Pareto class of gross_margin: A, B, C, or L for a loss.';
COMMENT ON COLUMN @hub@.customer_score.revenue_share IS 'monetary as a part of the sum of all positive ones.';
