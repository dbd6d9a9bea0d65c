-- Models of attribution that a run may choose, and what follows from all journeys
-- together: what came after the first tables of this domain. Run by deploy() and
-- by each upgrade(), so every step leaves alone what is there already.

-- Their successors have other arguments.
DROP FUNCTION IF EXISTS @hub@.attribute(timestamptz, timestamptz, interval);
DROP FUNCTION IF EXISTS @hub@.attribution_unchanged(bigint, timestamptz, timestamptz, interval, timestamptz);
DROP FUNCTION IF EXISTS @hub@.open_attribution_run(timestamptz, timestamptz, interval);

ALTER TABLE @hub@.attribution_run
  ADD COLUMN IF NOT EXISTS models text[] NOT NULL DEFAULT '{first,last,linear,u_shaped}',
  ADD COLUMN IF NOT EXISTS options jsonb NOT NULL DEFAULT '{}',
  DROP CONSTRAINT IF EXISTS attribution_run_ordered_from_ordered_to_lookback_key,
  DROP CONSTRAINT IF EXISTS attribution_run_input_key,
  ADD CONSTRAINT attribution_run_input_key UNIQUE (ordered_from, ordered_to, lookback, models, options);
COMMENT ON TABLE @hub@.attribution_run IS 'One row is one window of orders with one lookback, set of models and options whose credits crm.attribute() keeps; the same again is the same run.';
COMMENT ON COLUMN @hub@.attribution_run.models IS 'Models by which the touches are credited, see omnicrm.journey_credit(); in attribution_credit the columns of the others are NULL.';
COMMENT ON COLUMN @hub@.attribution_run.options IS 'Options of the models and of the paths, as given to crm.attribute() without models.';

ALTER TABLE @hub@.attribution_credit
  ALTER COLUMN credit_first DROP NOT NULL,
  ALTER COLUMN credit_last DROP NOT NULL,
  ALTER COLUMN credit_linear DROP NOT NULL,
  ALTER COLUMN credit_position DROP NOT NULL,
  ADD COLUMN IF NOT EXISTS credit_last_non numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_w_shaped numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_j_shaped numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_inverse_j numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_custom numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_role numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_time_decay numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_participation numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_same_touch numeric(18, 2),
  ADD COLUMN IF NOT EXISTS credit_shapley numeric(18, 2);
COMMENT ON TABLE @hub@.attribution_credit IS 'One row: what one touch earned of one order, by the models of the run; what nobody earned has a row without touch. NULL: the run did not compute the model. Written by crm.attribute() alone.';
COMMENT ON COLUMN @hub@.attribution_credit.touch_id IS 'Touch; NULL: no touch led to the order (position 0), or the order itself (position touches + 1, of the model same_touch).';
COMMENT ON COLUMN @hub@.attribution_credit.position IS 'Place of the touch in the journey, from 1; 0: what nobody earned.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_position IS 'Revenue credited when the first and the last touch have 40 % each and those between share 20 % (model u_shaped).';
COMMENT ON COLUMN @hub@.attribution_credit.credit_last_non IS 'Revenue credited when the last touch of another actor than direct has all.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_w_shaped IS 'Revenue credited when first touch, lead and opportunity have 30 % each and the others share 10 %.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_j_shaped IS 'Revenue credited when the first touch has 20 %, the last 60 %, and those between share 20 %.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_inverse_j IS 'Revenue credited when the first touch has 60 %, the last 20 %, and those between share 20 %.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_custom IS 'Revenue credited by the weights of the run for first, last and those between.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_role IS 'Revenue credited by the weights of the run for the roles of the employees.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_time_decay IS 'Revenue credited by time: a touch weighs half of one that was a half-life (7 days) later.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_participation IS 'The whole revenue for each channel (or actor of the run) that had a part, at its first touch: does not add up, never to be paid by.';
COMMENT ON COLUMN @hub@.attribution_credit.credit_same_touch IS 'Revenue credited to the order itself, where it names a channel (or actor of the run).';
COMMENT ON COLUMN @hub@.attribution_credit.credit_shapley IS 'Revenue shared by all different channels (or actors of the run) alike, at the first touch of each.';

-- No foreign keys, as attribution_credit.
CREATE TABLE IF NOT EXISTS @hub@.attribution_actor_credit (
  attribution_run_id bigint NOT NULL,
  model              text COLLATE "C" NOT NULL,
  actor              text COLLATE "C" NOT NULL,
  conversions        numeric(24, 12) NOT NULL,
  revenue            numeric(18, 2) NOT NULL,
  standard_error     double precision,
  PRIMARY KEY (attribution_run_id, model, actor)
);
COMMENT ON TABLE @hub@.attribution_actor_credit IS 'One row: what one channel (or actor of the run) earned of all sales of a run by one model, returns left out, and how sure that is. Written by crm.attribute() alone.';
COMMENT ON COLUMN @hub@.attribution_actor_credit.attribution_run_id IS 'Run, see attribution_run.';
COMMENT ON COLUMN @hub@.attribution_actor_credit.model IS 'Model: those that credit touches, and markov, which removes one channel after the other from the chain of all journeys.';
COMMENT ON COLUMN @hub@.attribution_actor_credit.actor IS 'Channel, or what the run took as actor; (unattributed): sales that no touch led to.';
COMMENT ON COLUMN @hub@.attribution_actor_credit.conversions IS 'Sales credited.';
COMMENT ON COLUMN @hub@.attribution_actor_credit.revenue IS 'Revenue credited.';
COMMENT ON COLUMN @hub@.attribution_actor_credit.standard_error IS 'Standard error of the revenue by the jackknife over 20 groups of customers: how much it would differ with other customers of the same kind. NULL with too few customers.';

CREATE TABLE IF NOT EXISTS @hub@.attribution_flow (
  attribution_run_id bigint NOT NULL,
  step               integer NOT NULL,
  from_actor         text COLLATE "C" NOT NULL,
  to_actor           text COLLATE "C" NOT NULL,
  conversions        bigint NOT NULL,
  nulls              bigint NOT NULL,
  PRIMARY KEY (attribution_run_id, step, from_actor, to_actor)
);
COMMENT ON TABLE @hub@.attribution_flow IS 'One row: how many journeys of a run went on from one channel (or actor of the run) to another at one step. Written by crm.attribute() alone.';
COMMENT ON COLUMN @hub@.attribution_flow.attribution_run_id IS 'Run, see attribution_run.';
COMMENT ON COLUMN @hub@.attribution_flow.step IS 'Step: 1 leads to the first touch.';
COMMENT ON COLUMN @hub@.attribution_flow.from_actor IS 'Where from; (start).';
COMMENT ON COLUMN @hub@.attribution_flow.to_actor IS 'Where to; (end): the journey ends.';
COMMENT ON COLUMN @hub@.attribution_flow.conversions IS 'Journeys that led to a sale.';
COMMENT ON COLUMN @hub@.attribution_flow.nulls IS 'Journeys that did not.';
