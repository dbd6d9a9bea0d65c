-- Segments with history: scores, models of lifetime value, stages of the
-- lifecycle, and who is in which segment from when to when.

-- Raises an error unless every option is known and well formed; returns them
-- with their defaults.
CREATE OR REPLACE FUNCTION @hub@.refresh_options(options jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  own CONSTANT text[] := '{model,model_from,horizon_weeks,rate,margin,thresholds,linkage}';
  given jsonb := coalesce(options, '{}');
  unknown text;
  kept_day date;
BEGIN
  IF jsonb_typeof(given) <> 'object' THEN
    RAISE EXCEPTION 'options of refresh_segments must be a JSON object, not %', given
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example {"model": "pareto_nbd"}.';
  END IF;
  SELECT string_agg(o.key, ', ' ORDER BY o.key) INTO unknown
  FROM jsonb_object_keys(given) AS o(key)
  WHERE o.key <> ALL (own || '{time_zone,cuts_from,abc_limits}'::text[]);
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'unknown option of refresh_segments: %', unknown
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known options: model (mbg_nbd or pareto_nbd), model_from (day of a refresh whose models to keep), horizon_weeks (52), rate (0.1, of a year), margin (that of the orders), thresholds (of the lifecycle), linkage (false); time_zone, cuts_from and abc_limits as of segment_customers.';
  END IF;
  given := '{"model": "mbg_nbd", "horizon_weeks": 52, "rate": 0.1, "linkage": false}'::jsonb || jsonb_strip_nulls(given - 'thresholds')
           || jsonb_build_object('thresholds', omnicrm.lifecycle_thresholds(nullif(given -> 'thresholds', 'null')));
  IF given ->> 'model' NOT IN ('mbg_nbd', 'pareto_nbd') THEN
    RAISE EXCEPTION 'unknown model of orders: %', given -> 'model'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Option model is mbg_nbd or pareto_nbd.';
  END IF;
  IF jsonb_typeof(given -> 'horizon_weeks') <> 'number' OR NOT (given ->> 'horizon_weeks')::numeric BETWEEN 1 AND 5200
     OR jsonb_typeof(given -> 'rate') <> 'number' OR NOT (given ->> 'rate')::numeric BETWEEN 0 AND 10
     OR given ? 'margin' AND (jsonb_typeof(given -> 'margin') <> 'number' OR NOT (given ->> 'margin')::numeric BETWEEN 0 AND 1) THEN
    RAISE EXCEPTION 'options of lifetime value out of range: horizon_weeks %, rate %, margin %',
      given -> 'horizon_weeks', given -> 'rate', coalesce(given -> 'margin', 'null')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'horizon_weeks 1 to 5200, rate of a year 0 to 10, margin 0 to 1.';
  END IF;
  IF jsonb_typeof(given -> 'linkage') <> 'boolean' THEN
    RAISE EXCEPTION 'option linkage must be true or false, not %', given -> 'linkage'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  kept_day := given ->> 'model_from';
  IF kept_day IS NOT NULL AND NOT EXISTS (SELECT FROM @hub@.segment_model AS m WHERE m.as_of = kept_day) THEN
    RAISE EXCEPTION 'no refresh with models as of %', kept_day
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Option model_from takes a day of column as_of of table segment_model.';
  END IF;
  RETURN given || @hub@.segment_options(given - own);
END
$$;

COMMENT ON FUNCTION @hub@.refresh_options(jsonb) IS
  'Options of refresh_segments() with their defaults. Used by refresh_segments(). Errors: invalid_parameter_value.';

-- Customers of a day without a sale, with the phase in which they are. Leads and
-- quotes of the day and before count.
CREATE OR REPLACE FUNCTION @hub@.customer_prospects(as_of date)
RETURNS TABLE (customer_id bigint, phase text)
LANGUAGE plpgsql STABLE ROWS 100000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ends timestamptz := (as_of + 1)::timestamptz;
BEGIN
  RETURN QUERY
  WITH prospect AS MATERIALIZED (
    SELECT c.customer_id
    FROM @hub@.customer AS c
    WHERE c.state = 'active' AND (c.first_seen IS NULL OR c.first_seen < ends)
      AND NOT EXISTS (SELECT FROM @hub@.customer_score AS s WHERE s.customer_id = c.customer_id AND s.as_of = customer_prospects.as_of)
      AND c.customer_id NOT IN (SELECT b FROM @hub@.customer_not_profiled() AS b)
  ), sought AS (
    SELECT p.customer_id,
           bool_or(l.value IS NOT NULL) AS has_opportunity
    FROM prospect AS p
      JOIN @hub@.customer_member AS m ON m.customer_id = p.customer_id
      JOIN @hub@.lead AS l ON l.record_id = m.record_id
    WHERE l.created_at < ends AND (l.won_at IS NULL OR l.won_at >= ends) AND (l.lost_at IS NULL OR l.lost_at >= ends)
    GROUP BY p.customer_id
  ), quoted AS (
    SELECT DISTINCT p.customer_id
    FROM prospect AS p
      JOIN @hub@.customer_member AS m ON m.customer_id = p.customer_id
      JOIN @hub@.touch AS t ON t.record_id = m.record_id
    WHERE t.occurred_at < ends AND (t.phase = 'sale' OR t.message_type = 'quote')
  )
  SELECT p.customer_id, omnicrm.lifecycle_phase('prospect', s.customer_id IS NOT NULL, coalesce(s.has_opportunity, false) OR q.customer_id IS NOT NULL)
  FROM prospect AS p
    LEFT JOIN sought AS s ON s.customer_id = p.customer_id
    LEFT JOIN quoted AS q ON q.customer_id = p.customer_id;
END
$$;

COMMENT ON FUNCTION @hub@.customer_prospects(date) IS
  'Active customers that were known on this day and have no row in customer_score of it, with their phase: detection, qualification (a lead is open), sale (an open lead has a value, or a touch of phase sale or type quote). Those who may not be profiled are left out.';

-- One row for each customer who is in segments on a day by its scores, with the
-- segment on each axis.
CREATE OR REPLACE FUNCTION @hub@.segments_wanted(as_of date)
RETURNS TABLE (customer_id bigint, linkage text, margin_class text, payment text, phase text, revenue_class text, rfm text, stage text,
               strategy text, value text)
LANGUAGE sql STABLE ROWS 1000000
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT s.customer_id, s.linkage_class, s.margin_class, s.payment_behaviour, omnicrm.lifecycle_phase(s.stage), s.revenue_class, s.segment, s.stage,
         s.strategy, s.value_class
  FROM @hub@.customer_score AS s
  WHERE s.as_of = segments_wanted.as_of
  UNION ALL
  SELECT p.customer_id, NULL, NULL, NULL, p.phase, NULL, NULL, 'prospect', rule.strategy, 'unknown'
  FROM @hub@.customer_prospects(segments_wanted.as_of) AS p
    CROSS JOIN (SELECT r.strategy FROM @hub@.strategy_rule AS r WHERE r.stage = 'prospect') AS rule
$$;

COMMENT ON FUNCTION @hub@.segments_wanted(date) IS
  'Used by store_segment_members(): segment on each axis of each customer by customer_score of this day, prospects included. Null: in none.';

-- The same by the periods that are open. The scores of the last refresh tell it
-- for all who had one; the periods themselves are read of prospects, and of those
-- whose scores somebody deleted.
CREATE OR REPLACE FUNCTION @hub@.segments_open(last_look date)
RETURNS TABLE (customer_id bigint, linkage text, margin_class text, payment text, phase text, revenue_class text, rfm text, stage text,
               strategy text, value text)
LANGUAGE sql STABLE ROWS 1000000
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT s.customer_id, s.linkage_class, s.margin_class, s.payment_behaviour, omnicrm.lifecycle_phase(s.stage), s.revenue_class, s.segment, s.stage,
         s.strategy, s.value_class
  FROM @hub@.customer_score AS s
  WHERE s.as_of = last_look
  UNION ALL
  SELECT m.customer_id,
         max(m.segment) FILTER (WHERE m.axis = 'linkage'), max(m.segment) FILTER (WHERE m.axis = 'margin_class'),
         max(m.segment) FILTER (WHERE m.axis = 'payment'), max(m.segment) FILTER (WHERE m.axis = 'phase'),
         max(m.segment) FILTER (WHERE m.axis = 'revenue_class'), max(m.segment) FILTER (WHERE m.axis = 'rfm'),
         max(m.segment) FILTER (WHERE m.axis = 'stage'), max(m.segment) FILTER (WHERE m.axis = 'strategy'),
         max(m.segment) FILTER (WHERE m.axis = 'value')
  FROM @hub@.segment_member AS at_stage
    JOIN @hub@.segment_member AS m ON m.customer_id = at_stage.customer_id AND m.valid_to IS NULL
  WHERE at_stage.axis = 'stage' AND at_stage.valid_to IS NULL
    AND NOT EXISTS (SELECT FROM @hub@.customer_score AS s WHERE s.customer_id = at_stage.customer_id AND s.as_of = last_look)
  GROUP BY m.customer_id
$$;

COMMENT ON FUNCTION @hub@.segments_open(date) IS
  'Used by store_segment_members(): segment on each axis of each customer by the periods that are open after the refresh of this day (null: there was none). Null: in none.';

-- The difference between the scores of a day and the periods that are open, by
-- customer first: most change on no axis. Text is compared byte by byte. A table,
-- so that the planner knows how few they are when it looks for their periods.
CREATE OR REPLACE FUNCTION @hub@.segment_find_moves(as_of date)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
  last_look date := (SELECT max(m.as_of) FROM @hub@.segment_model AS m WHERE m.as_of < segment_find_moves.as_of);
BEGIN
  DROP TABLE IF EXISTS pg_temp.omnicrm_segment_move;
  CREATE TEMPORARY TABLE omnicrm_segment_move (
    customer_id bigint NOT NULL, axis text COLLATE "C" NOT NULL, segment text COLLATE "C", was_in boolean NOT NULL
  ) ON COMMIT DROP;
  INSERT INTO pg_temp.omnicrm_segment_move
  SELECT coalesce(w.customer_id, o.customer_id), a.axis, a.segment, a.before IS NOT NULL
  FROM @hub@.segments_wanted(segment_find_moves.as_of) AS w
    FULL JOIN @hub@.segments_open(last_look) AS o ON o.customer_id = w.customer_id
    CROSS JOIN LATERAL (VALUES
      ('linkage', w.linkage, o.linkage), ('margin_class', w.margin_class, o.margin_class), ('payment', w.payment, o.payment),
      ('phase', w.phase, o.phase), ('revenue_class', w.revenue_class, o.revenue_class), ('rfm', w.rfm, o.rfm), ('stage', w.stage, o.stage),
      ('strategy', w.strategy, o.strategy), ('value', w.value, o.value)
    ) AS a(axis, segment, before)
  WHERE w IS DISTINCT FROM o AND a.segment COLLATE "C" IS DISTINCT FROM a.before COLLATE "C";
  ANALYZE pg_temp.omnicrm_segment_move;
END
$$;

COMMENT ON FUNCTION @hub@.segment_find_moves(date) IS
  'Used by store_segment_members(): fills a temporary table with who is in another segment than by the periods that are open, by axis. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.store_segment_members(as_of date)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET TimeZone = 'UTC'
AS $$
DECLARE
  counts jsonb;
BEGIN
  PERFORM set_config('TimeZone', (SELECT c.time_zone FROM @hub@.rfm_cut AS c WHERE c.as_of = store_segment_members.as_of), true);
  PERFORM @hub@.segment_find_moves(as_of);
  UPDATE @hub@.segment_member AS m
  SET valid_to = store_segment_members.as_of
  FROM pg_temp.omnicrm_segment_move AS d
  WHERE d.was_in AND m.customer_id = d.customer_id AND m.axis = d.axis AND m.valid_to IS NULL;
  INSERT INTO @hub@.segment_member (customer_id, axis, segment, valid_from)
  SELECT d.customer_id, d.axis, d.segment, store_segment_members.as_of
  FROM pg_temp.omnicrm_segment_move AS d
  WHERE d.segment IS NOT NULL;
  counts := (SELECT jsonb_build_object('moved', count(*) FILTER (WHERE d.was_in AND d.segment IS NOT NULL),
                                       'entered', count(*) FILTER (WHERE NOT d.was_in),
                                       'left', count(*) FILTER (WHERE d.segment IS NULL))
             FROM pg_temp.omnicrm_segment_move AS d);
  DROP TABLE pg_temp.omnicrm_segment_move;
  RETURN counts;
END
$$;

COMMENT ON FUNCTION @hub@.store_segment_members(date) IS
  'Brings segment_member to the scores of one day, the newest, of which it must hold no period yet: closes periods of who is in another segment or in none, opens new ones. Returns counts. Used by refresh_segments(); call that.';

CREATE OR REPLACE FUNCTION @hub@.refresh_segments(as_of date DEFAULT current_date, options jsonb DEFAULT '{}')
RETURNS @hub@.run_log
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  run bigint;
  result @hub@.run_log;
  checked jsonb;
  newest date;
  counts jsonb;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.require_segmentable(as_of);
  checked := @hub@.refresh_options(options);
  IF (SELECT count(*) FROM @hub@.strategy_rule) <> 29 THEN
    RAISE EXCEPTION 'table strategy_rule must name all 29 pairs of stage and value, it names %', (SELECT count(*) FROM @hub@.strategy_rule)
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Missing pairs can be taken from omnicrm.lifecycle_strategy(stage, value_class).';
  END IF;
  -- One segmentation at a time; readers see the old rows until commit.
  LOCK TABLE @hub@.rfm_cut IN SHARE ROW EXCLUSIVE MODE;
  newest := (SELECT max(m.as_of) FROM @hub@.segment_model AS m);
  IF as_of < newest THEN
    RAISE EXCEPTION 'segments were refreshed as of %, after %', newest, as_of
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Periods are history and are written in the order of the days; segment_customers() scores an earlier day by recency, frequency and money.';
  END IF;
  run := @hub@.start_run('refresh_segments');
  -- The same day again: as if it had not been looked at.
  IF as_of = newest THEN
    DELETE FROM @hub@.segment_member AS m WHERE m.valid_from = refresh_segments.as_of;
    UPDATE @hub@.segment_member AS m SET valid_to = NULL WHERE m.valid_to = refresh_segments.as_of;
  END IF;
  DELETE FROM @hub@.customer_score AS s WHERE s.as_of = refresh_segments.as_of;
  counts := @hub@.write_customer_scores(as_of, checked);
  counts := jsonb_build_object('as_of', as_of) || counts || @hub@.store_segment_members(as_of)
            || (SELECT jsonb_build_object('model', m.model, 'model_from', m.model_from, 'converged', m.converged, 'reason', m.reason,
                                          'spend_converged', m.spend_converged, 'spend_reason', m.spend_reason)
                FROM @hub@.segment_model AS m WHERE m.as_of = refresh_segments.as_of)
            || jsonb_build_object('empty_scores', @hub@.empty_scores(as_of));
  SELECT * INTO result FROM @hub@.finish_run(run, counts);
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.refresh_segments(date, jsonb) IS
  'Segments all customers as of a day and keeps the history: writes customer_score as segment_customers() does, with lifetime value, probabilities, stage, strategy and payment behaviour; fits the models of lifetime value (segment_model); and brings segment_member, who is in which segment from when to when, to that day, prospects included. The same day again replaces its rows by the same; a day before the newest refresh is refused. Where a model did not converge, what follows from it is null and the reason stands in segment_model; stages then go by days. Customers who asked for restriction or are erased, and ids that were merged, are in no segment from that day on. options: model (mbg_nbd, the default, or pareto_nbd), model_from (day of an earlier refresh whose models to keep), horizon_weeks of lifetime value (52), rate of discount a year (0.1), margin (part of revenue; default: that of the orders), thresholds of the lifecycle (see omnicrm.lifecycle_thresholds()), linkage (true: also how strongly each customer is tied, which counts the lines of all orders; an axis linkage follows); time_zone, cuts_from and abc_limits as of segment_customers(). Returns the run_log row with counts. Errors: invalid_parameter_value, object_not_in_prerequisite_state.';

CREATE OR REPLACE FUNCTION @hub@.segment_periods(customer_id bigint)
RETURNS TABLE (axis text, segment text, valid_from date, valid_to date, days integer, segmented_id bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH living AS (
    SELECT coalesce((SELECT moved.customer_id
                     FROM @hub@.customer_redirect AS moved
                     WHERE moved.old_id = segment_periods.customer_id),
                    segment_periods.customer_id) AS id
  ), every_id AS (
    SELECT living.id FROM living
    UNION
    SELECT moved.old_id FROM @hub@.customer_redirect AS moved JOIN living ON moved.customer_id = living.id
  )
  SELECT m.axis, m.segment, m.valid_from, m.valid_to,
         coalesce(m.valid_to, (SELECT max(n.as_of) FROM @hub@.segment_model AS n)) - m.valid_from, m.customer_id
  FROM every_id JOIN @hub@.segment_member AS m ON m.customer_id = every_id.id
  ORDER BY m.axis, m.valid_from, m.customer_id
$$;

COMMENT ON FUNCTION @hub@.segment_periods(bigint) IS
  'In which segments a customer was from when to when, by axis, oldest first, with those of ids that were merged into the same customer (segmented_id: the id of that time). days: length of the period, of one that is open up to the newest refresh. Any id ever given will do.';

CREATE OR REPLACE FUNCTION @hub@.segment_moves(axis text, from_date date, to_date date)
RETURNS TABLE (from_segment text, to_segment text, customers bigint, revenue_from numeric, revenue_to numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  first_day date := (SELECT max(m.as_of) FROM @hub@.segment_model AS m WHERE m.as_of <= from_date);
  last_day date := (SELECT max(m.as_of) FROM @hub@.segment_model AS m WHERE m.as_of <= to_date);
BEGIN
  PERFORM @hub@.require_days_in_order(from_date, to_date);
  IF first_day IS NULL THEN
    RAISE EXCEPTION 'no refresh as of % or before', from_date
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Days of refreshes are in column as_of of table segment_model; make one with refresh_segments().';
  END IF;
  RETURN QUERY
  SELECT f.from_segment, f.to_segment, f.customers, coalesce(f.revenue_from, 0), coalesce(f.revenue_to, 0)
  FROM @hub@.segment_flow(axis, first_day, last_day) AS f;
END
$$;

COMMENT ON FUNCTION @hub@.segment_moves(text, date, date) IS
  'Who moved from which segment of an axis (rfm, stage, phase, strategy, value, revenue_class, margin_class, payment, linkage) to which between two refreshes, the last ones on or before the two days: number of customers, and their revenue then and later. from_segment is null for customers who came later, to_segment for those who are in no segment of the axis any more. Customers who were merged since count as one, in the segment of the one who bought more. On the axis rfm it is segment_migration() between days of refreshes. Errors: invalid_parameter_value when there is no refresh that early or the days are in the wrong order.';
