-- Where a customer stands: stages of the lifecycle with hysteresis, the phases of
-- management, the strategy that follows.

CREATE FUNCTION omnicrm.lifecycle_thresholds(thresholds jsonb DEFAULT NULL)
RETURNS jsonb
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_lifecycle_thresholds';
COMMENT ON FUNCTION omnicrm.lifecycle_thresholds(jsonb) IS
  'All thresholds of lifecycle_stage() and lifecycle_next(), those given in the place of their defaults. new_days, onboarding_days: growth by the days since the first order. Of each stage of decline <stage>_days, the least days since the last order, and limits of which one must be passed: _overdue (days since the last order as a multiple of usual_days), _p_alive (below), _p_no_order (above), _silent_days (days since the last order, in the place of the probabilities where both are null). margin: part of a limit by which a signal must pass it, either way, before a customer moves; dwell_days: days that a customer stays in a stage at least. Errors: invalid_parameter_value for an unknown member, a number out of range, limits of a later stage that are easier to pass than those of an earlier one.';

CREATE FUNCTION omnicrm.lifecycle_stage(x bigint, recency_days integer, tenure_days integer, p_alive double precision, p_no_order double precision, usual_days double precision DEFAULT NULL, thresholds jsonb DEFAULT NULL)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_lifecycle_stage';
COMMENT ON FUNCTION omnicrm.lifecycle_stage(bigint, integer, integer, double precision, double precision, double precision, jsonb) IS
  'Stage of the lifecycle of a customer: prospect (x is null: no purchase), new, onboarding, active, and in decline slowing, at_risk, dormant, lost. x: purchases after the first; recency_days, tenure_days: days since the last and since the first purchase; p_alive: clv_p_alive(); p_no_order: clv_p_no_order() of the next 90 days; usual_days: usual interval of the customer''s own, stats_interval_quantile(stats, 0.9). What is null passes no limit. The stage of decline is the furthest one with a limit passed; without any, new is who bought once within new_days, onboarding who bought first within onboarding_days, active everybody else. Exactly one stage for any customer. thresholds: see lifecycle_thresholds(). Errors: invalid_parameter_value for an impossible customer, a probability or usual_days out of range, wrong thresholds.';

CREATE FUNCTION omnicrm.lifecycle_next(previous text, days_in_stage integer, ordered boolean, x bigint, recency_days integer, tenure_days integer, p_alive double precision, p_no_order double precision, usual_days double precision DEFAULT NULL, thresholds jsonb DEFAULT NULL)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_lifecycle_next';
COMMENT ON FUNCTION omnicrm.lifecycle_next(text, integer, boolean, bigint, integer, integer, double precision, double precision, double precision, jsonb) IS
  'Stage of a customer who was in stage previous (null: none yet) for days_in_stage days when he or she is looked at again; the other arguments are those of lifecycle_stage(). With hysteresis: a customer moves down only when a signal passes the limit by the margin and up only when it falls short by it, and not before dwell_days (days_in_stage null: at once). ordered, an order came in since the last look: the stage follows at once from the limits themselves, and within slowing_days of an order it is new, onboarding or active. new, onboarding and active follow each other by the clock. Errors: invalid_parameter_value as in lifecycle_stage(), for an unknown stage and negative days.';

CREATE FUNCTION omnicrm.lifecycle_phase(stage text, has_lead boolean DEFAULT NULL, has_opportunity boolean DEFAULT NULL)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_lifecycle_phase';
COMMENT ON FUNCTION omnicrm.lifecycle_phase(text, boolean, boolean) IS
  'Phase in which management sees a customer of this stage: detection (a prospect of whom no more is known), qualification (a prospect with an open lead), sale (a prospect with an opportunity or quote), acquisition (new, onboarding), management (active), decline (slowing, at_risk, dormant, lost). Null counts as false; null for a stage that is null. Errors: invalid_parameter_value for an unknown stage.';

CREATE FUNCTION omnicrm.value_class(revenue_class text, margin_class text DEFAULT NULL, future_class text DEFAULT NULL)
RETURNS text
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_value_class';
COMMENT ON FUNCTION omnicrm.value_class(text, text, text) IS
  'How much a customer is worth: high, medium or low by the better of two Pareto classes of abc_class(), that of the revenue so far and that of the expected value (A: high, B: medium, others: low); loss when margin_class is L; unknown when nothing is known. Errors: invalid_parameter_value for another class.';

CREATE FUNCTION omnicrm.lifecycle_strategy(stage text, value_class text)
RETURNS text
LANGUAGE c IMMUTABLE STRICT PARALLEL SAFE COST 10
AS 'MODULE_PATHNAME', 'omnicrm_lifecycle_strategy';
COMMENT ON FUNCTION omnicrm.lifecycle_strategy(text, text) IS
  'Strategy for a customer by stage (lifecycle_stage()) and value (value_class()): acquire, develop, retain, win back or let go. Errors: invalid_parameter_value for an unknown stage or class.';
