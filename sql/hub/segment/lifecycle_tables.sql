-- Lifecycle, lifetime value and membership of segments: what came after the first
-- tables of this domain. Run by deploy() and by each upgrade(), so every step
-- leaves alone what is there already.

-- Its successor is customer_purchases().
DROP FUNCTION IF EXISTS @hub@.customer_totals(date);

ALTER TABLE @hub@.customer_score
  ADD COLUMN IF NOT EXISTS tenure_days integer,
  ADD COLUMN IF NOT EXISTS usual_days double precision,
  ADD COLUMN IF NOT EXISTS p_alive double precision,
  ADD COLUMN IF NOT EXISTS p_no_order_90 double precision,
  ADD COLUMN IF NOT EXISTS expected_orders double precision,
  ADD COLUMN IF NOT EXISTS next_order_on date,
  ADD COLUMN IF NOT EXISTS clv numeric(18, 2),
  ADD COLUMN IF NOT EXISTS clv_class text,
  ADD COLUMN IF NOT EXISTS value_class text,
  ADD COLUMN IF NOT EXISTS stage text,
  ADD COLUMN IF NOT EXISTS strategy text,
  ADD COLUMN IF NOT EXISTS payment_behaviour text,
  ADD COLUMN IF NOT EXISTS days_beyond_terms double precision,
  ADD COLUMN IF NOT EXISTS weighted_days_beyond_terms double precision,
  ADD COLUMN IF NOT EXISTS overdue_amount numeric(18, 2),
  ADD COLUMN IF NOT EXISTS linkage_score double precision,
  ADD COLUMN IF NOT EXISTS linkage_class text;
COMMENT ON COLUMN @hub@.customer_score.tenure_days IS 'Days from the first sale to as_of. This and the following columns: NULL in a segmentation by segment_customers() alone.';
COMMENT ON COLUMN @hub@.customer_score.usual_days IS 'Days between two days with a sale that nine of ten of the customer''s own intervals do not exceed; NULL below three intervals.';
COMMENT ON COLUMN @hub@.customer_score.p_alive IS 'Probability that the customer has not left for good, by the model of segment_model; NULL (as all that follows from the model) when that did not converge.';
COMMENT ON COLUMN @hub@.customer_score.p_no_order_90 IS 'Probability of no order in the next 90 days.';
COMMENT ON COLUMN @hub@.customer_score.expected_orders IS 'Expected number of days with a sale in the next 52 weeks.';
COMMENT ON COLUMN @hub@.customer_score.next_order_on IS 'Day by which the next order has come with probability one half; NULL: it is less likely ever to come.';
COMMENT ON COLUMN @hub@.customer_score.clv IS 'Customer lifetime value: expected margin of the orders in the horizon of segment_model, discounted.';
COMMENT ON COLUMN @hub@.customer_score.clv_class IS 'Pareto class of clv: A, B, C.';
COMMENT ON COLUMN @hub@.customer_score.value_class IS 'high, medium or low by the better of revenue_class and clv_class; loss where margin_class is L.';
COMMENT ON COLUMN @hub@.customer_score.stage IS 'Stage of the lifecycle: new, onboarding, active, slowing, at_risk, dormant or lost.';
COMMENT ON COLUMN @hub@.customer_score.strategy IS 'Strategy of stage and value_class by strategy_rule.';
COMMENT ON COLUMN @hub@.customer_score.payment_behaviour IS 'How the customer pays: prompt, within_30, within_60, within_90, over_90; NULL: nothing paid or overdue yet.';
COMMENT ON COLUMN @hub@.customer_score.days_beyond_terms IS 'Mean number of days from due to paid; negative when early.';
COMMENT ON COLUMN @hub@.customer_score.weighted_days_beyond_terms IS 'The same, each payment weighted by its amount.';
COMMENT ON COLUMN @hub@.customer_score.overdue_amount IS 'Amount that is overdue on the day as_of.';
COMMENT ON COLUMN @hub@.customer_score.linkage_score IS 'How strongly the customer is tied to the company, 0 to 100, by omnicrm.linkage_score(); NULL without the option linkage.';
COMMENT ON COLUMN @hub@.customer_score.linkage_class IS 'low, medium or high.';

CREATE TABLE IF NOT EXISTS @hub@.segment_model (
  as_of           date PRIMARY KEY,
  model_from      date NOT NULL,
  model           text NOT NULL CHECK (model IN ('mbg_nbd', 'pareto_nbd')),
  fitted          bigint NOT NULL,
  orders_fit      jsonb,
  converged       boolean NOT NULL,
  reason          text NOT NULL,
  spend_fit       jsonb,
  spend_converged boolean NOT NULL,
  spend_reason    text NOT NULL,
  margin          double precision NOT NULL,
  rate            double precision NOT NULL,
  horizon_weeks   double precision NOT NULL,
  thresholds      jsonb NOT NULL,
  made_at         timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE @hub@.segment_model IS 'One row is one call of refresh_segments(): the models of lifetime value that it used, and the thresholds of the lifecycle.';
COMMENT ON COLUMN @hub@.segment_model.as_of IS 'Day on which the customers were looked at.';
COMMENT ON COLUMN @hub@.segment_model.model_from IS 'Day whose customers the models were fitted to: its own, or an earlier one whose models were kept.';
COMMENT ON COLUMN @hub@.segment_model.model IS 'Model of orders: mbg_nbd or pareto_nbd. Unit of time: weeks.';
COMMENT ON COLUMN @hub@.segment_model.fitted IS 'Number of customers that the model of orders was fitted to.';
COMMENT ON COLUMN @hub@.segment_model.orders_fit IS 'Fitted model of orders, as omnicrm.clv_p_alive() takes it; NULL: there was no customer.';
COMMENT ON COLUMN @hub@.segment_model.converged IS 'False: the data do not determine the model, and nothing was predicted by it.';
COMMENT ON COLUMN @hub@.segment_model.reason IS 'How the fit ended: optimum, no dropout, ridge, no repeated purchases, few customers, or no customers.';
COMMENT ON COLUMN @hub@.segment_model.spend_fit IS 'Fitted gamma-gamma model of the amount of an order; NULL: nobody bought twice.';
COMMENT ON COLUMN @hub@.segment_model.spend_converged IS 'False: no lifetime value was computed.';
COMMENT ON COLUMN @hub@.segment_model.spend_reason IS 'How that fit ended.';
COMMENT ON COLUMN @hub@.segment_model.margin IS 'Part of the revenue that is margin, for lifetime value; 1 where no margin is known.';
COMMENT ON COLUMN @hub@.segment_model.rate IS 'Discount rate of a year.';
COMMENT ON COLUMN @hub@.segment_model.horizon_weeks IS 'Weeks that lifetime value looks ahead.';
COMMENT ON COLUMN @hub@.segment_model.thresholds IS 'Thresholds of the lifecycle, all of them; see omnicrm.lifecycle_thresholds().';
COMMENT ON COLUMN @hub@.segment_model.made_at IS 'When it was computed.';

-- customer_id is no foreign key for the same reason as in customer_score.
CREATE TABLE IF NOT EXISTS @hub@.segment_member (
  customer_id bigint NOT NULL,
  axis        text COLLATE "C" NOT NULL,
  segment     text COLLATE "C" NOT NULL,
  valid_from  date NOT NULL,
  valid_to    date,
  PRIMARY KEY (customer_id, axis, valid_from),
  CHECK (valid_from < valid_to)
);
-- Who is in it now, without the history: what each refresh begins with.
CREATE INDEX IF NOT EXISTS segment_member_stage_idx ON @hub@.segment_member (customer_id) INCLUDE (segment, valid_from)
  WHERE axis = 'stage' AND valid_to IS NULL;
COMMENT ON TABLE @hub@.segment_member IS 'One row: this customer was in this segment of an axis from one day to another. Written by refresh_segments(); the periods of a customer on an axis never overlap.';
COMMENT ON COLUMN @hub@.segment_member.customer_id IS 'Customer, by the id of that time; segment_periods() follows merges.';
COMMENT ON COLUMN @hub@.segment_member.axis IS 'rfm, stage, phase, strategy, value, revenue_class, margin_class, payment or linkage.';
COMMENT ON COLUMN @hub@.segment_member.segment IS 'Segment on this axis.';
COMMENT ON COLUMN @hub@.segment_member.valid_from IS 'First day in it: that of the refresh that found it.';
COMMENT ON COLUMN @hub@.segment_member.valid_to IS 'First day not in it any more; NULL: still in it.';

CREATE TABLE IF NOT EXISTS @hub@.strategy_rule (
  stage       text NOT NULL CHECK (stage IN ('prospect', 'new', 'onboarding', 'active', 'slowing', 'at_risk', 'dormant', 'lost')),
  value_class text NOT NULL CHECK (value_class IN ('high', 'medium', 'low', 'loss', 'unknown')),
  strategy    text NOT NULL CHECK (strategy <> '' AND length(strategy) <= 50),
  PRIMARY KEY (stage, value_class),
  CHECK ((stage = 'prospect') = (value_class = 'unknown'))
);
COMMENT ON TABLE @hub@.strategy_rule IS 'What to do with a customer, by stage and value: 29 rows, so every customer has one strategy. Strategies may be changed; the next refresh_segments() uses them.';
COMMENT ON COLUMN @hub@.strategy_rule.stage IS 'Stage of the lifecycle.';
COMMENT ON COLUMN @hub@.strategy_rule.value_class IS 'high, medium, low or loss; unknown of prospects.';
COMMENT ON COLUMN @hub@.strategy_rule.strategy IS 'Strategy; at first that of omnicrm.lifecycle_strategy().';

-- Rows are given once, when the table is made: users take out what they do not need.
DO $seed$
BEGIN
  IF NOT EXISTS (SELECT FROM @hub@.strategy_rule) THEN
    INSERT INTO @hub@.strategy_rule (stage, value_class, strategy)
    SELECT s, v, omnicrm.lifecycle_strategy(s, v)
    FROM unnest('{prospect,new,onboarding,active,slowing,at_risk,dormant,lost}'::text[]) AS s, unnest('{high,medium,low,loss,unknown}'::text[]) AS v
    WHERE (s = 'prospect') = (v = 'unknown');
  END IF;
  IF to_regclass('@hub@.stage_requirement') IS NULL THEN
    CREATE TABLE @hub@.stage_requirement (
      requirement text PRIMARY KEY
                  CHECK (requirement IN ('contact_point', 'contact_permission', 'origin', 'address', 'order', 'payment_due', 'segment', 'full_name',
                                         'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'postcode', 'city', 'province',
                                         'country', 'loyalty_card', 'username')),
      phase       text NOT NULL CHECK (phase IN ('detection', 'qualification', 'sale', 'acquisition', 'management')),
      kind        text CHECK (kind IN ('person', 'organisation')),
      description text NOT NULL DEFAULT ''
    );
    INSERT INTO @hub@.stage_requirement (requirement, phase, kind, description) VALUES
      ('contact_point', 'detection', NULL, 'Somebody whom nobody can reach is no prospect.'),
      ('full_name', 'qualification', NULL, 'Whom to ask for.'),
      ('contact_permission', 'qualification', NULL, 'Consent given for at least one channel.'),
      ('origin', 'qualification', NULL, 'Where the customer comes from: what it costs to find more like this.'),
      ('address', 'sale', NULL, 'Delivery and invoice.'),
      ('tax_id', 'sale', 'organisation', 'Invoice.'),
      ('order', 'acquisition', NULL, 'What was bought first.'),
      ('birth_date', 'management', 'person', 'Age, and the day to congratulate.'),
      ('segment', 'management', NULL, 'How to treat the customer.');
  END IF;
END
$seed$;
COMMENT ON TABLE @hub@.stage_requirement IS 'Key information: what must be known of a customer from which phase on. Rows may be changed, added and deleted; view customer_information of the reports shows what is known.';
COMMENT ON COLUMN @hub@.stage_requirement.requirement IS 'An attribute of the golden record, or contact_point (e-mail, phone or address), contact_permission (consent given for a channel and not taken back), origin (of a lead, or channel or campaign of a touch or order), address (street and postcode or city), order, payment_due (a payment with a due day), segment (of the newest segmentation).';
COMMENT ON COLUMN @hub@.stage_requirement.phase IS 'First phase in which it is needed: detection, qualification, sale, acquisition or management. Later phases need it too; decline needs what management does.';
COMMENT ON COLUMN @hub@.stage_requirement.kind IS 'person or organisation; NULL: both need it.';
COMMENT ON COLUMN @hub@.stage_requirement.description IS 'Reason.';
