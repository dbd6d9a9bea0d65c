-- Scores of one day, in steps over temporary tables: what each customer bought, the
-- cut points, the models, predictions and classes, stages and strategies.

CREATE OR REPLACE FUNCTION @hub@.segment_drop_tables()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
  DROP TABLE IF EXISTS pg_temp.omnicrm_segment_customer, pg_temp.omnicrm_segment_score
$$;

COMMENT ON FUNCTION @hub@.segment_drop_tables() IS 'Used by write_customer_scores(): drops its temporary tables. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.segment_make_tables()
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.segment_drop_tables();
  -- One row for each customer and one without customer_id, for orders of nobody yet;
  -- x is null where there is no score. Times of the models in weeks.
  CREATE TEMPORARY TABLE omnicrm_segment_customer (
    customer_id bigint, barred boolean NOT NULL, orders bigint NOT NULL, without_margin bigint NOT NULL,
    monetary numeric NOT NULL, gross_margin numeric NOT NULL, recency_days integer, tenure_days integer, x bigint,
    t_x double precision, t double precision, repeat_spend double precision, usual_days double precision, interval_cv double precision
  ) ON COMMIT DROP;
  CREATE TEMPORARY TABLE omnicrm_segment_score (
    customer_id bigint NOT NULL, recency_days integer NOT NULL, tenure_days integer NOT NULL, x bigint NOT NULL,
    monetary numeric NOT NULL, gross_margin numeric NOT NULL, usual_days double precision, interval_cv double precision,
    p_alive double precision, p_no_order_90 double precision, expected_orders double precision, next_order_on date, clv numeric(18, 2),
    r smallint NOT NULL, f smallint NOT NULL, m smallint NOT NULL, revenue_class text NOT NULL, margin_class text NOT NULL, clv_class text
  ) ON COMMIT DROP;
END
$$;

COMMENT ON FUNCTION @hub@.segment_make_tables() IS 'Used by write_customer_scores(): makes its temporary tables. Returns nothing.';

-- Step 1: what each customer bought.
CREATE OR REPLACE FUNCTION @hub@.segment_collect(as_of date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  WITH barred AS MATERIALIZED (
    SELECT b AS customer_id FROM @hub@.customer_not_profiled() AS b
  )
  INSERT INTO pg_temp.omnicrm_segment_customer
  SELECT p.customer_id, b.customer_id IS NOT NULL, p.orders, p.without_margin, p.revenue, p.margin,
         s.day - p.last_sale, s.day - p.first_sale, CASE WHEN s.day IS NOT NULL THEN p.sale_days - 1 END,
         (p.last_sale - p.first_sale) / 7::double precision, (s.day - p.first_sale) / 7::double precision,
         p.repeat_spend, p.usual_days, p.interval_cv
  FROM @hub@.customer_purchases(segment_collect.as_of) AS p
    LEFT JOIN barred AS b ON b.customer_id = p.customer_id
    CROSS JOIN LATERAL (SELECT CASE WHEN p.customer_id IS NOT NULL AND p.last_sale IS NOT NULL AND b.customer_id IS NULL
                                    THEN segment_collect.as_of END AS day) AS s;
  ANALYZE pg_temp.omnicrm_segment_customer (customer_id, x);
END
$$;

COMMENT ON FUNCTION @hub@.segment_collect(date) IS
  'Step 1 of write_customer_scores(): what each customer bought up to the end of this day, in a temporary table. Returns nothing. Errors: invalid_parameter_value for orders in different currencies.';

-- Step 2: the cut points.
CREATE OR REPLACE FUNCTION @hub@.segment_write_cuts(as_of date, options jsonb, limits double precision[])
RETURNS @hub@.rfm_cut
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept_from date := options ->> 'cuts_from';
  result @hub@.rfm_cut;
BEGIN
  INSERT INTO @hub@.rfm_cut AS n (as_of, cuts_from, time_zone, abc_limits, recency_cuts, frequency_cuts, monetary_cuts)
  SELECT segment_write_cuts.as_of, coalesce(kept_from, segment_write_cuts.as_of), options ->> 'time_zone', limits, c.recency_cuts, c.frequency_cuts, c.monetary_cuts
  FROM (
    SELECT kept.recency_cuts, kept.frequency_cuts, kept.monetary_cuts
    FROM @hub@.rfm_cut AS kept
    WHERE kept.as_of = kept_from
    UNION ALL
    SELECT coalesce(omnicrm.rfm_cuts(v.recency_days), '{}'), coalesce(omnicrm.rfm_cuts(v.x + 1), '{}'), coalesce(omnicrm.rfm_cuts(v.monetary), '{}')
    FROM pg_temp.omnicrm_segment_customer AS v
    WHERE kept_from IS NULL AND v.x IS NOT NULL
    HAVING kept_from IS NULL
  ) AS c
  ON CONFLICT ON CONSTRAINT rfm_cut_pkey DO UPDATE
  SET cuts_from = excluded.cuts_from, time_zone = excluded.time_zone, abc_limits = excluded.abc_limits,
      recency_cuts = excluded.recency_cuts, frequency_cuts = excluded.frequency_cuts,
      monetary_cuts = excluded.monetary_cuts, made_at = excluded.made_at
  RETURNING n.* INTO result;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.segment_write_cuts(date, jsonb, double precision[]) IS
  'Step 2 of write_customer_scores(): computes, or takes from an earlier day, the cut points and writes the row of rfm_cut, which it returns.';

-- The fitted models, or those of an earlier day.
CREATE OR REPLACE FUNCTION @hub@.segment_fit(options jsonb)
RETURNS TABLE (model text, fitted bigint, orders_fit jsonb, spend_fit jsonb)
LANGUAGE plpgsql STABLE ROWS 1
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  kept_from date := options ->> 'model_from';
BEGIN
  IF kept_from IS NOT NULL THEN
    RETURN QUERY
    SELECT kept.model, kept.fitted, kept.orders_fit, kept.spend_fit
    FROM @hub@.segment_model AS kept
    WHERE kept.as_of = kept_from;
  ELSE
    RETURN QUERY
    SELECT options ->> 'model', count(*),
           coalesce(omnicrm.clv_fit_mbg_nbd(v.x, v.t_x, v.t) FILTER (WHERE options ->> 'model' = 'mbg_nbd'),
                    omnicrm.clv_fit_pareto_nbd(v.x, v.t_x, v.t) FILTER (WHERE options ->> 'model' = 'pareto_nbd')),
           omnicrm.clv_fit_gamma_gamma(v.x, v.repeat_spend)
    FROM pg_temp.omnicrm_segment_customer AS v
    WHERE v.x IS NOT NULL;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.segment_fit(jsonb) IS
  'Used by segment_write_model(): the models of orders and of spending of all customers, or with the option model_from those of that day. One row.';

-- Step 3: the models, and the part of revenue that is margin, of customers whose
-- orders all have one.
CREATE OR REPLACE FUNCTION @hub@.segment_write_model(as_of date, options jsonb)
RETURNS @hub@.segment_model
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result @hub@.segment_model;
BEGIN
  INSERT INTO @hub@.segment_model AS n (as_of, model_from, model, fitted, orders_fit, converged, reason, spend_fit, spend_converged, spend_reason,
                                        margin, rate, horizon_weeks, thresholds)
  SELECT segment_write_model.as_of, coalesce((options ->> 'model_from')::date, segment_write_model.as_of), f.model, f.fitted,
         f.orders_fit, coalesce((f.orders_fit ->> 'converged')::boolean, false), coalesce(f.orders_fit ->> 'reason', 'no customers'),
         f.spend_fit, coalesce((f.spend_fit ->> 'converged')::boolean, false), coalesce(f.spend_fit ->> 'reason', 'no repeated purchases'),
         kept.part, (options ->> 'rate')::double precision, (options ->> 'horizon_weeks')::double precision, options -> 'thresholds'
  FROM @hub@.segment_fit(options) AS f
    CROSS JOIN (
      SELECT coalesce((options ->> 'margin')::double precision,
                      CASE WHEN sum(s.monetary) > 0 THEN least(greatest((sum(s.gross_margin) / sum(s.monetary))::double precision, 0), 1) END,
                      1) AS part
      FROM pg_temp.omnicrm_segment_customer AS s
      WHERE s.without_margin = 0
    ) AS kept
  ON CONFLICT ON CONSTRAINT segment_model_pkey DO UPDATE
  SET model_from = excluded.model_from, model = excluded.model, fitted = excluded.fitted, orders_fit = excluded.orders_fit,
      converged = excluded.converged, reason = excluded.reason, spend_fit = excluded.spend_fit, spend_converged = excluded.spend_converged,
      spend_reason = excluded.spend_reason, margin = excluded.margin, rate = excluded.rate, horizon_weeks = excluded.horizon_weeks,
      thresholds = excluded.thresholds, made_at = excluded.made_at
  RETURNING n.* INTO result;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.segment_write_model(date, jsonb) IS
  'Step 3 of write_customer_scores(): fits the models of lifetime value, or takes those of an earlier day, and writes the row of segment_model, which it returns.';

-- Step 4: what the models predict, scores and classes. A model that did not
-- converge predicts nothing; without a model all of it is null.
CREATE OR REPLACE FUNCTION @hub@.segment_predict(as_of date, cuts @hub@.rfm_cut, model @hub@.segment_model)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  orders_fit jsonb := CASE WHEN model.converged THEN model.orders_fit END;
  spend_fit jsonb := CASE WHEN model.spend_converged THEN model.spend_fit END;
  rate double precision := ln(1 + model.rate) / 52;
BEGIN
  INSERT INTO pg_temp.omnicrm_segment_score
  SELECT
    v.customer_id, v.recency_days, v.tenure_days, v.x, v.monetary, v.gross_margin, v.usual_days, v.interval_cv,
    v.p_alive, v.p_no_order_90, v.expected_orders, v.next_order_on, w.clv,
    omnicrm.rfm_score(v.recency_days, cuts.recency_cuts, true),
    omnicrm.rfm_score(v.x + 1, cuts.frequency_cuts),
    omnicrm.rfm_score(v.monetary::double precision, cuts.monetary_cuts),
    omnicrm.abc_class(v.monetary, cuts.abc_limits) OVER (),
    omnicrm.abc_class(v.gross_margin, cuts.abc_limits) OVER (),
    omnicrm.abc_class(w.clv, cuts.abc_limits) OVER ()
  FROM (
    SELECT
      c.*,
      omnicrm.clv_p_alive(orders_fit, c.x, c.t_x, c.t) AS p_alive,
      omnicrm.clv_p_no_order(orders_fit, c.x, c.t_x, c.t, 90 / 7::double precision) AS p_no_order_90,
      omnicrm.clv_expected_orders(orders_fit, c.x, c.t_x, c.t, 52) AS expected_orders,
      omnicrm.clv_next_order_date(orders_fit, c.x, c.t_x, c.t, segment_predict.as_of) AS next_order_on,
      omnicrm.clv_value(orders_fit, c.x, c.t_x, c.t, spend_fit, c.repeat_spend, model.horizon_weeks, model.margin, rate) AS worth
    FROM pg_temp.omnicrm_segment_customer AS c
    WHERE c.x IS NOT NULL
    -- Each of them is computed once, wherever it is used.
    OFFSET 0
  ) AS v
    CROSS JOIN LATERAL (SELECT CASE WHEN v.worth IS NOT NULL THEN least(v.worth, 1e15)::numeric(18, 2) END AS clv) AS w;
  ANALYZE pg_temp.omnicrm_segment_score (customer_id, r, f);
END
$$;

COMMENT ON FUNCTION @hub@.segment_predict(date, @hub@.rfm_cut, @hub@.segment_model) IS
  'Step 4 of write_customer_scores(): predictions, scores and classes of each customer, in a temporary table. Returns nothing.';

-- How strongly each customer is tied; nobody unless asked for.
CREATE OR REPLACE FUNCTION @hub@.segment_linkage(as_of date, wanted boolean)
RETURNS TABLE (customer_id bigint, linkage_score double precision, linkage_class text)
LANGUAGE plpgsql STABLE ROWS 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF wanted THEN
    RETURN QUERY
    SELECT l.customer_id, (l.linkage).score, (l.linkage).class
    FROM (
      SELECT v.customer_id,
             omnicrm.linkage_score(v.tenure_days, v.x + 1, v.interval_cv, nullif(y.categories, 0), nullif(y.channels, 0), y.referrals) AS linkage
      FROM @hub@.customer_ties(segment_linkage.as_of) AS y JOIN pg_temp.omnicrm_segment_score AS v ON v.customer_id = y.customer_id
      OFFSET 0
    ) AS l;
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.segment_linkage(date, boolean) IS
  'Used by segment_write_scores(): linkage of each customer of its temporary table by omnicrm.linkage_score(); no row when it is not wanted.';

-- Step 5: stages by what was before, strategies, payment behaviour; all is written.
CREATE OR REPLACE FUNCTION @hub@.segment_write_scores(as_of date, model @hub@.segment_model, with_ties boolean)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  modelled boolean := model.as_of IS NOT NULL;
  last_look date := (SELECT max(n.as_of) FROM @hub@.segment_model AS n WHERE n.as_of < segment_write_scores.as_of);
  all_revenue double precision := (SELECT nullif(sum(v.monetary) FILTER (WHERE v.monetary > 0), 0) FROM pg_temp.omnicrm_segment_score AS v);
BEGIN
  INSERT INTO @hub@.customer_score (as_of, customer_id, recency_days, frequency, monetary, gross_margin, r, f, m,
                                    segment, revenue_class, margin_class, revenue_share,
                                    tenure_days, usual_days, p_alive, p_no_order_90, expected_orders, next_order_on, clv, clv_class,
                                    value_class, stage, strategy, payment_behaviour, days_beyond_terms, weighted_days_beyond_terms,
                                    overdue_amount, linkage_score, linkage_class)
  SELECT
    segment_write_scores.as_of, s.customer_id, s.recency_days, s.x + 1, s.monetary, s.gross_margin, s.r, s.f, s.m,
    rule.segment, s.revenue_class, s.margin_class, coalesce(s.monetary::double precision / all_revenue, 0),
    CASE WHEN modelled THEN s.tenure_days END, CASE WHEN modelled THEN s.usual_days END,
    s.p_alive, s.p_no_order_90, s.expected_orders, s.next_order_on, s.clv, s.clv_class,
    s.value_class, s.stage, strategy.strategy, p.payment_behaviour, p.days_beyond_terms, p.weighted_days_beyond_terms, p.overdue_amount,
    tied.linkage_score, tied.linkage_class
  FROM (
    SELECT
      v.*,
      CASE WHEN modelled THEN omnicrm.value_class(v.revenue_class, v.margin_class, v.clv_class) END AS value_class,
      CASE WHEN modelled
           THEN omnicrm.lifecycle_next(was.segment, segment_write_scores.as_of - was.valid_from, v.x + 1 > before.frequency,
                                       v.x, v.recency_days, v.tenure_days, v.p_alive, v.p_no_order_90, v.usual_days, model.thresholds) END AS stage
    FROM pg_temp.omnicrm_segment_score AS v
      LEFT JOIN @hub@.segment_member AS was
        ON was.customer_id = v.customer_id AND was.axis = 'stage' AND was.valid_to IS NULL AND modelled
      LEFT JOIN @hub@.customer_score AS before
        ON before.customer_id = v.customer_id AND before.as_of = last_look AND modelled
    OFFSET 0
  ) AS s
    JOIN @hub@.segment_rule AS rule ON rule.r = s.r AND rule.f = s.f
    LEFT JOIN @hub@.strategy_rule AS strategy ON strategy.stage = s.stage AND strategy.value_class = s.value_class
    LEFT JOIN (SELECT y.* FROM @hub@.customer_payments(segment_write_scores.as_of) AS y WHERE modelled) AS p ON p.customer_id = s.customer_id
    LEFT JOIN @hub@.segment_linkage(segment_write_scores.as_of, with_ties) AS tied ON tied.customer_id = s.customer_id
  ORDER BY s.customer_id;
END
$$;

COMMENT ON FUNCTION @hub@.segment_write_scores(date, @hub@.segment_model, boolean) IS
  'Step 5 of write_customer_scores(): writes customer_score, with stages, strategies and payment behaviour where there is a model. Returns nothing.';

-- What was left out, so that the sums meet.
CREATE OR REPLACE FUNCTION @hub@.segment_counts()
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (SELECT jsonb_build_object(
           'customers', count(s.x),
           'orders', coalesce(sum(s.orders), 0),
           'revenue', coalesce(sum(s.monetary), 0),
           'orders_without_margin', coalesce(sum(s.without_margin), 0),
           'customers_with_returns_only', count(s.customer_id) FILTER (WHERE s.x IS NULL AND NOT s.barred),
           'revenue_of_returns_only', coalesce(sum(s.monetary) FILTER (WHERE s.customer_id IS NOT NULL AND s.x IS NULL AND NOT s.barred), 0),
           'customers_not_profiled', count(s.customer_id) FILTER (WHERE s.barred),
           'revenue_not_profiled', coalesce(sum(s.monetary) FILTER (WHERE s.barred), 0),
           'orders_without_customer', coalesce(sum(s.orders) FILTER (WHERE s.customer_id IS NULL), 0),
           'revenue_without_customer', coalesce(sum(s.monetary) FILTER (WHERE s.customer_id IS NULL), 0))
  FROM pg_temp.omnicrm_segment_customer AS s);
END
$$;

COMMENT ON FUNCTION @hub@.segment_counts() IS 'Used by write_customer_scores(): what its step 1 found, and what of it gets no score.';

-- The setting of the time zone makes the one that is chosen inside end with the
-- function; a conversion to date by the setting costs a fraction of AT TIME ZONE.
-- Without an option model no model is fitted and what follows from it stays null.
CREATE OR REPLACE FUNCTION @hub@.write_customer_scores(as_of date, options jsonb)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  limits double precision[] := ARRAY(SELECT e.value::text::double precision
                                     FROM jsonb_array_elements(options -> 'abc_limits') WITH ORDINALITY AS e(value, n)
                                     ORDER BY e.n);
  cuts @hub@.rfm_cut;
  model @hub@.segment_model;
  counts jsonb;
BEGIN
  PERFORM set_config('TimeZone', options ->> 'time_zone', true);
  PERFORM @hub@.segment_make_tables();
  PERFORM @hub@.segment_collect(as_of);
  cuts := @hub@.segment_write_cuts(as_of, options, limits);
  IF options ? 'model' THEN
    model := @hub@.segment_write_model(as_of, options);
  END IF;
  PERFORM @hub@.segment_predict(as_of, cuts, model);
  PERFORM @hub@.segment_write_scores(as_of, model, coalesce((options ->> 'linkage')::boolean, false));
  counts := @hub@.segment_counts();
  PERFORM @hub@.segment_drop_tables();
  RETURN counts;
END
$$;

COMMENT ON FUNCTION @hub@.write_customer_scores(date, jsonb) IS
  'Computes and writes the rows of customer_score, rfm_cut and, with an option model, segment_model of one day, which customer_score must not hold yet, and returns counts. Used by segment_customers() and refresh_segments(); call those.';
