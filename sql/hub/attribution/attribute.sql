-- Which touches led to which order, and what each earned.

-- The sale that a return takes back, by the key that it names: the order of that
-- key in the same source, else the sale of that sale_key, else the only order of
-- that key in any source; without a key the sale whose sale_key it carries. Of a
-- sale recorded twice it is the row that counts. Subqueries, not joins, and one
-- for each source: they are index lookups even where the tables have just been
-- filled and have no statistics yet.
CREATE OR REPLACE VIEW @hub@.return_original
WITH (security_invoker = true) AS
SELECT
  r.order_id,
  coalesce(
    (SELECT coalesce(o.duplicate_of, o.order_id)
     FROM @hub@.sales_order AS o
     WHERE o.source_id = r.source_id
       AND o.order_key = r.returns_key
       AND o.kind = 'sale'),
    (SELECT s.order_id
     FROM @hub@.sales_order AS s
     WHERE s.sale_key = coalesce(r.returns_key, substr(r.sale_key, length('return:') + 1))
       AND s.duplicate_of IS NULL
       AND s.kind = 'sale'),
    (SELECT CASE WHEN count(DISTINCT y.order_id) = 1 THEN min(y.order_id) END
     FROM @hub@.source AS x
       CROSS JOIN LATERAL (
         SELECT coalesce(o.duplicate_of, o.order_id) AS order_id
         FROM @hub@.sales_order AS o
         WHERE o.source_id = x.source_id
           AND o.order_key = r.returns_key
           AND o.kind = 'sale'
         OFFSET 0) AS y)) AS original_id,
  r.ordered_at,
  r.revenue
FROM @hub@.sales_order AS r
WHERE r.kind = 'return'
  AND r.duplicate_of IS NULL;

COMMENT ON VIEW @hub@.return_original IS 'One row is one return, with the sale that it takes back.';
COMMENT ON COLUMN @hub@.return_original.order_id IS 'The return.';
COMMENT ON COLUMN @hub@.return_original.original_id IS 'The sale; NULL when it is not known.';
COMMENT ON COLUMN @hub@.return_original.ordered_at IS 'When it was returned.';
COMMENT ON COLUMN @hub@.return_original.revenue IS 'What was paid back, negative.';

-- What credits follow from: touches, and orders with their revenue. A return
-- stands at the place of its sale, so that it takes the credits back from the
-- touches that had them. A record that belongs to no customer yet is a group of
-- its own, and so is a return whose sale is not known, which no touch can have
-- led to; the keys of such groups are negative and never those of a customer.
CREATE OR REPLACE VIEW @hub@.attribution_event
WITH (security_invoker = true) AS
SELECT e.customer_key, e.occurred_at, e.counted_at, e.touch_id, e.order_id, e.revenue,
       h.name AS channel, g.name AS campaign, w.employee_key, coalesce(e.role, w.role) AS role, e.message_type
FROM (
  SELECT coalesce(m.customer_id, -t.record_id) AS customer_key, t.occurred_at, t.occurred_at AS counted_at,
         t.touch_id, NULL::bigint AS order_id, NULL::numeric AS revenue, t.channel_id, t.campaign_id, t.employee_id, t.role, t.message_type
  FROM @hub@.touch AS t
    LEFT JOIN @hub@.customer_member AS m ON m.record_id = t.record_id
  UNION ALL
  SELECT coalesce(m.customer_id, -o.record_id), o.ordered_at, o.ordered_at, NULL::bigint AS touch_id, o.order_id, o.revenue,
         o.channel_id, NULL::integer AS campaign_id, o.employee_id, NULL::text AS role, NULL::text AS message_type
  FROM @hub@.sales_order AS o
    LEFT JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
  WHERE o.kind = 'sale'
    AND o.duplicate_of IS NULL
  UNION ALL
  SELECT coalesce(m.customer_id, -s.record_id, -4611686018427387904 - r.order_id), coalesce(s.ordered_at, r.ordered_at), r.ordered_at,
         NULL::bigint AS touch_id, r.order_id, r.revenue, s.channel_id, NULL::integer AS campaign_id, s.employee_id,
         NULL::text AS role, NULL::text AS message_type
  FROM @hub@.return_original AS r
    LEFT JOIN @hub@.sales_order AS s ON s.order_id = r.original_id
    LEFT JOIN @hub@.customer_member AS m ON m.record_id = s.record_id) AS e
  LEFT JOIN @hub@.channel AS h ON h.channel_id = e.channel_id
  LEFT JOIN @hub@.campaign AS g ON g.campaign_id = e.campaign_id
  LEFT JOIN @hub@.employee AS w ON w.employee_id = e.employee_id;

COMMENT ON VIEW @hub@.attribution_event IS 'One row is one event that crm.attribute() reads: a touch, a sale, or a return, which stands at the time and customer of the sale that it takes back.';
COMMENT ON COLUMN @hub@.attribution_event.customer_key IS 'Customer; a negative number where none is known.';
COMMENT ON COLUMN @hub@.attribution_event.occurred_at IS 'Place in the journey: time of the touch or sale; of a return the time of its sale.';
COMMENT ON COLUMN @hub@.attribution_event.counted_at IS 'Time of the touch, sale or return itself: decides in which window it counts.';
COMMENT ON COLUMN @hub@.attribution_event.touch_id IS 'Touch; NULL for orders.';
COMMENT ON COLUMN @hub@.attribution_event.order_id IS 'Order; NULL for touches.';
COMMENT ON COLUMN @hub@.attribution_event.revenue IS 'Revenue of the order, negative for a return.';
COMMENT ON COLUMN @hub@.attribution_event.channel IS 'Channel of the touch or sale.';
COMMENT ON COLUMN @hub@.attribution_event.campaign IS 'Campaign of the touch.';
COMMENT ON COLUMN @hub@.attribution_event.employee_key IS 'Employee of the touch or sale.';
COMMENT ON COLUMN @hub@.attribution_event.role IS 'Role of the employee in the touch, else the usual role.';
COMMENT ON COLUMN @hub@.attribution_event.message_type IS 'Type of message of the touch.';

-- The oldest instant at which a touch can matter: from the oldest sale behind
-- an order of the window; a generous day more, for the aggregate decides exactly.
CREATE OR REPLACE FUNCTION @hub@.attribution_touched_from(ordered_from timestamptz, ordered_to timestamptz, lookback interval)
RETURNS timestamptz
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT least(ordered_from, min(s.ordered_at)) - make_interval(secs => extract(epoch FROM lookback)::double precision) - interval '1 day'
  FROM @hub@.return_original AS r
    JOIN @hub@.sales_order AS s ON s.order_id = r.original_id
  WHERE r.ordered_at >= ordered_from
    AND r.ordered_at < ordered_to
$$;

COMMENT ON FUNCTION @hub@.attribution_touched_from(timestamptz, timestamptz, interval) IS
  'The oldest instant at which a touch can have led to an order of the window, or to the sale behind a return of it. Used by crm.attribute().';

-- Options of a run: models, what they credit, and the options of the toolbox,
-- which knows them itself and is asked by a journey of one sale.
CREATE OR REPLACE FUNCTION @hub@.attribution_options(options jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  given jsonb := coalesce(options, '{}');
  wanted text[];
BEGIN
  IF jsonb_typeof(given) <> 'object' THEN
    RAISE EXCEPTION 'options of attribute must be a JSON object, not %', given
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example {"models": ["first", "last", "time_decay"], "half_life": "14 days"}.';
  END IF;
  IF given ? 'lookback' THEN
    RAISE EXCEPTION 'lookback is an argument of attribute, not an option'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example crm.attribute(''2026-01-01'', ''2026-02-01'', ''30 days'').';
  END IF;
  given := '{"models": ["first", "last", "linear", "u_shaped", "time_decay", "shapley"], "actor": "channel", "kind": "role", "markov_order": 1}'::jsonb
           || jsonb_strip_nulls(given);
  IF jsonb_typeof(given -> 'models') <> 'array' OR jsonb_array_length(given -> 'models') NOT BETWEEN 1 AND 14
     OR jsonb_path_exists(given, '$.models[*] ? (@.type() != "string")') THEN
    RAISE EXCEPTION 'option models must be an array of 1 to 14 names, not %', given -> 'models'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Models: first, last, last_non, linear, u_shaped, w_shaped, j_shaped, inverse_j, custom, role, time_decay, participation, same_touch, shapley.';
  END IF;
  IF given ->> 'actor' NOT IN ('channel', 'campaign', 'employee', 'message_type') OR given ->> 'kind' NOT IN ('role', 'message_type') THEN
    RAISE EXCEPTION 'unknown actor % or kind %', given -> 'actor', given -> 'kind'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'actor: channel, campaign, employee or message_type; kind: role or message_type.';
  END IF;
  IF jsonb_typeof(given -> 'markov_order') <> 'number' OR given ->> 'markov_order' NOT IN ('0', '1', '2', '3', '4') THEN
    RAISE EXCEPTION 'option markov_order must be 0 to 4, not %', given -> 'markov_order'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = '0 leaves the Markov chain out.';
  END IF;
  -- The order of the names plays no part. By linear each touch has a part, and so
  -- a row.
  wanted := ARRAY(SELECT m.name COLLATE "C" FROM jsonb_array_elements_text(given -> 'models') AS m(name) UNION SELECT 'linear' ORDER BY 1);
  PERFORM c.position
  FROM (SELECT omnicrm.journey('2026-01-01'::timestamptz, 'any', NULL, 1) AS journey) AS j
    CROSS JOIN LATERAL omnicrm.journey_credits(j.journey, wanted, given - '{models,actor,kind,markov_order}'::text[]) AS c;
  RETURN given || jsonb_build_object('models', to_jsonb(wanted));
END
$$;

COMMENT ON FUNCTION @hub@.attribution_options(jsonb) IS
  'Options of attribute() with their defaults, models sorted. Used by crm.attribute(). Errors: invalid_parameter_value, invalid_datetime_format.';

-- The options of a run as the toolbox takes them.
CREATE OR REPLACE FUNCTION @hub@.attribution_toolbox_options(lookback interval, options jsonb)
RETURNS jsonb
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (options - '{actor,kind,markov_order}'::text[]) || jsonb_build_object('lookback', lookback)
$$;

COMMENT ON FUNCTION @hub@.attribution_toolbox_options(interval, jsonb) IS
  'Options for omnicrm.journey_credits() and omnicrm.attribution() from those of a run. Used by crm.attribute().';

-- The credits of a window, a column for each model. RETURN QUERY may use parallel
-- workers, which a statement that writes may not.
CREATE OR REPLACE FUNCTION @hub@.attribution_credits(
  ordered_from timestamptz, ordered_to timestamptz, lookback interval, models text[], options jsonb)
RETURNS TABLE (
  order_id bigint, touch_id bigint, "position" integer, touches integer, credit_first numeric, credit_last numeric,
  credit_linear numeric, credit_position numeric, credit_last_non numeric, credit_w_shaped numeric, credit_j_shaped numeric,
  credit_inverse_j numeric, credit_custom numeric, credit_role numeric, credit_time_decay numeric, credit_participation numeric,
  credit_same_touch numeric, credit_shapley numeric)
LANGUAGE plpgsql STABLE ROWS 1000000
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  -- where the amount of each column stands; NULL: the run does not have the model
  place CONSTANT integer[] := ARRAY(
    SELECT array_position(models, m.name)
    FROM unnest('{first,last,linear,u_shaped,last_non,w_shaped,j_shaped,inverse_j,custom,role,time_decay,participation,same_touch,shapley}'::text[])
      WITH ORDINALITY AS m(name, n)
    ORDER BY m.n);
  of_toolbox CONSTANT jsonb := @hub@.attribution_toolbox_options(lookback, options);
  touched_from CONSTANT timestamptz := @hub@.attribution_touched_from(ordered_from, ordered_to, lookback);
  by_actor CONSTANT text := options ->> 'actor';
  by_kind CONSTANT text := options ->> 'kind';
BEGIN
  RETURN QUERY
  SELECT c.conversion_event, CASE WHEN c."position" BETWEEN 1 AND c.touches THEN c.event_id END, c."position", c.touches,
         c.amounts[place[1]], c.amounts[place[2]], c.amounts[place[3]], c.amounts[place[4]], c.amounts[place[5]], c.amounts[place[6]],
         c.amounts[place[7]], c.amounts[place[8]], c.amounts[place[9]], c.amounts[place[10]], c.amounts[place[11]], c.amounts[place[12]],
         c.amounts[place[13]], c.amounts[place[14]]
  FROM (
    SELECT omnicrm.journey(
             e.occurred_at,
             CASE by_actor WHEN 'channel' THEN e.channel WHEN 'campaign' THEN e.campaign WHEN 'employee' THEN e.employee_key ELSE e.message_type END,
             CASE by_kind WHEN 'role' THEN e.role ELSE e.message_type END,
             e.revenue, coalesce(e.touch_id, e.order_id)) AS journey
    FROM @hub@.attribution_event AS e
    WHERE e.counted_at >= CASE WHEN e.touch_id IS NULL THEN ordered_from ELSE touched_from END
      AND e.counted_at < ordered_to
    GROUP BY e.customer_key) AS a
    CROSS JOIN LATERAL omnicrm.journey_credits(a.journey, models, of_toolbox) AS c;
END
$$;

COMMENT ON FUNCTION @hub@.attribution_credits(timestamptz, timestamptz, interval, text[], jsonb) IS
  'Computes the credits of the orders of a window by some models: rows as in attribution_credit, columns of other models NULL. options: from attribution_options(). Writes nothing. Used by crm.attribute().';

-- True when computing the credits of a run anew gives what is stored: one number
-- for a set of credits, whatever their order; equal sets have equal numbers.
CREATE OR REPLACE FUNCTION @hub@.attribution_unchanged(
  run bigint, ordered_from timestamptz, ordered_to timestamptz, lookback interval, models text[], options jsonb)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT ROW(count(*), coalesce(bit_xor(hash_record_extended(c, 0)), 0))
    FROM @hub@.attribution_credits(ordered_from, ordered_to, lookback, models, options) AS c
  ) = (
    SELECT ROW(count(*), coalesce(bit_xor(hash_record_extended(ROW(
             c.order_id, c.touch_id, c.position, c.touches, c.credit_first, c.credit_last, c.credit_linear, c.credit_position,
             c.credit_last_non, c.credit_w_shaped, c.credit_j_shaped, c.credit_inverse_j, c.credit_custom, c.credit_role,
             c.credit_time_decay, c.credit_participation, c.credit_same_touch, c.credit_shapley), 0)), 0))
    FROM @hub@.attribution_credit AS c
    WHERE c.attribution_run_id = run
  );
END
$$;

COMMENT ON FUNCTION @hub@.attribution_unchanged(bigint, timestamptz, timestamptz, interval, text[], jsonb) IS
  'True when computing the credits of a run anew gives what is stored. Used by crm.attribute().';

CREATE OR REPLACE FUNCTION @hub@.check_attribution_window(ordered_from timestamptz, ordered_to timestamptz, lookback interval)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF ordered_from IS NULL OR ordered_to IS NULL OR NOT isfinite(ordered_from) OR NOT isfinite(ordered_to) OR ordered_from >= ordered_to THEN
    RAISE EXCEPTION 'invalid window of orders: from % to %', coalesce(ordered_from::text, 'NULL'), coalesce(ordered_to::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give two instants; orders from the first up to, not including, the second are taken.';
  END IF;
  IF lookback IS NULL OR extract(epoch FROM lookback) NOT BETWEEN 0 AND 3155760000 THEN
    RAISE EXCEPTION 'invalid lookback: %', coalesce(lookback::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give an interval of 0 to 100 years, for example interval ''90 days''.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.check_attribution_window(timestamptz, timestamptz, interval) IS
  'Raises invalid_parameter_value unless the arguments make a window for crm.attribute(). Returns nothing.';

-- Writes what all journeys of a window together tell: credits of actors with
-- standard errors, and the ways of the journeys. Twenty groups of customers by
-- hash give the errors; returns are left out, for a chain knows no sale taken back.
-- Only what differs is written. Journeys without a sale count here, so this may
-- change where no credit of an order does.
CREATE OR REPLACE FUNCTION @hub@.write_attribution_actors(
  run bigint, ordered_from timestamptz, ordered_to timestamptz, lookback interval, models text[], options jsonb)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  markov_order CONSTANT integer := (options ->> 'markov_order')::integer;
  of_toolbox CONSTANT jsonb := @hub@.attribution_toolbox_options(lookback, options) || jsonb_build_object('markov_order', markov_order, 'paths', 1);
  touched_from CONSTANT timestamptz := @hub@.attribution_touched_from(ordered_from, ordered_to, lookback);
  by_actor CONSTANT text := options ->> 'actor';
  groups omnicrm.attribution_summary[];
BEGIN
  SELECT array_agg(g.summary ORDER BY g.number) INTO groups
  FROM (
    SELECT (hashint8extended(e.customer_key, 0) & 1048575) % 20 AS number,
           omnicrm.attribution(
             e.customer_key, e.occurred_at,
             CASE by_actor WHEN 'channel' THEN e.channel WHEN 'campaign' THEN e.campaign WHEN 'employee' THEN e.employee_key ELSE e.message_type END,
             e.revenue, coalesce(e.touch_id, e.order_id), of_toolbox) AS summary
    FROM @hub@.attribution_event AS e
    WHERE e.counted_at >= CASE WHEN e.touch_id IS NULL THEN ordered_from ELSE touched_from END
      AND e.counted_at < ordered_to
      AND (e.revenue IS NULL OR e.counted_at = e.occurred_at AND e.revenue >= 0)
    GROUP BY 1) AS g;
  WITH told AS MATERIALIZED (
    SELECT c.model, coalesce(c.actor, '(unattributed)') AS actor, c.conversions, c.value, c.standard_error
    FROM omnicrm.attribution_confidence(
           groups,
           -- those two need the kinds of touches
           array_remove(array_remove(models, 'w_shaped'), 'role') || CASE WHEN markov_order > 0 THEN '{markov}'::text[] ELSE '{}' END, 2) AS c
  ), gone AS (
    DELETE FROM @hub@.attribution_actor_credit AS d
    WHERE d.attribution_run_id = run
      AND NOT EXISTS (SELECT FROM told AS t WHERE t.model = d.model AND t.actor = d.actor)
  )
  INSERT INTO @hub@.attribution_actor_credit AS k (attribution_run_id, model, actor, conversions, revenue, standard_error)
  SELECT run, t.model, t.actor, t.conversions, t.value, t.standard_error
  FROM told AS t
  ON CONFLICT ON CONSTRAINT attribution_actor_credit_pkey DO UPDATE
  SET conversions = excluded.conversions, revenue = excluded.revenue, standard_error = excluded.standard_error
  WHERE (k.conversions, k.revenue, k.standard_error) IS DISTINCT FROM (excluded.conversions, excluded.revenue, excluded.standard_error);
  WITH told AS MATERIALIZED (
    SELECT f.step, coalesce(f.from_actor, '(start)') AS from_actor, coalesce(f.to_actor, '(end)') AS to_actor, f.conversions, f.nulls
    FROM (SELECT omnicrm.attribution_rollup(u.summary ORDER BY u.number) AS summary
          FROM unnest(groups) WITH ORDINALITY AS u(summary, number)) AS w
      CROSS JOIN LATERAL omnicrm.attribution_flows(w.summary) AS f
  ), gone AS (
    DELETE FROM @hub@.attribution_flow AS d
    WHERE d.attribution_run_id = run
      AND NOT EXISTS (SELECT FROM told AS t WHERE t.step = d.step AND t.from_actor = d.from_actor AND t.to_actor = d.to_actor)
  )
  INSERT INTO @hub@.attribution_flow AS k (attribution_run_id, step, from_actor, to_actor, conversions, nulls)
  SELECT run, t.step, t.from_actor, t.to_actor, t.conversions, t.nulls
  FROM told AS t
  ON CONFLICT ON CONSTRAINT attribution_flow_pkey DO UPDATE
  SET conversions = excluded.conversions, nulls = excluded.nulls
  WHERE (k.conversions, k.nulls) IS DISTINCT FROM (excluded.conversions, excluded.nulls);
END
$$;

COMMENT ON FUNCTION @hub@.write_attribution_actors(bigint, timestamptz, timestamptz, interval, text[], jsonb) IS
  'Brings attribution_actor_credit and attribution_flow of a run to what its journeys tell now, writing what differs. Used by crm.attribute(). Returns nothing.';

-- Counts and sums of a run; the sums of all models must equal the revenue, but
-- participation, which counts a sale for each that had a part.
CREATE OR REPLACE FUNCTION @hub@.close_attribution_run(run bigint)
RETURNS @hub@.attribution_run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  booked record;
  credited record;
  off text;
  result @hub@.attribution_run;
BEGIN
  SELECT count(*) FILTER (WHERE o.kind = 'sale') AS orders, count(*) FILTER (WHERE o.kind = 'return') AS returns,
         coalesce(sum(o.revenue), 0) AS revenue
  INTO booked
  FROM @hub@.attribution_run AS r
    JOIN @hub@.sales_order AS o ON o.ordered_at >= r.ordered_from AND o.ordered_at < r.ordered_to AND o.duplicate_of IS NULL
  WHERE r.attribution_run_id = run;
  SELECT count(*) AS credits,
         coalesce(sum(coalesce(c.credit_first, c.credit_last, c.credit_linear, c.credit_position, c.credit_last_non, c.credit_w_shaped,
                               c.credit_j_shaped, c.credit_inverse_j, c.credit_custom, c.credit_role, c.credit_time_decay,
                               c.credit_participation, c.credit_same_touch, c.credit_shapley))
                    FILTER (WHERE c.position = 0 AND c.touches = 0), 0) AS unattributed,
         ARRAY[sum(c.credit_first), sum(c.credit_last), sum(c.credit_linear), sum(c.credit_position), sum(c.credit_last_non),
               sum(c.credit_w_shaped), sum(c.credit_j_shaped), sum(c.credit_inverse_j), sum(c.credit_custom), sum(c.credit_role),
               sum(c.credit_time_decay), sum(c.credit_same_touch), sum(c.credit_shapley)] AS sums
  INTO credited
  FROM @hub@.attribution_credit AS c
  WHERE c.attribution_run_id = run;
  SELECT string_agg(DISTINCT s.sum::text, ', ') INTO off
  FROM unnest(credited.sums) AS s(sum)
  WHERE s.sum <> booked.revenue;
  IF off IS NOT NULL OR credited.credits = 0 AND booked.orders + booked.returns > 0 THEN
    RAISE EXCEPTION 'credits of run % do not add up to the revenue %: %', run, booked.revenue, coalesce(off, '0')
      USING ERRCODE = 'data_corrupted',
            HINT = 'Orders changed while the run read them: run it again.';
  END IF;
  UPDATE @hub@.attribution_run AS r
  SET ran_at = clock_timestamp(), orders = booked.orders, returns = booked.returns, credits = credited.credits,
      revenue = booked.revenue, unattributed = credited.unattributed
  WHERE r.attribution_run_id = run
  RETURNING r.* INTO result;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.close_attribution_run(bigint) IS
  'Counts a run, checks that the credits of every model add up to the revenue, and returns its row. Used by crm.attribute(). Error: data_corrupted.';

-- The run of a window, made when it is new, locked until commit: two sessions
-- that attribute the same window do it one after the other.
CREATE OR REPLACE FUNCTION @hub@.open_attribution_run(
  ordered_from timestamptz, ordered_to timestamptz, lookback interval, models text[], options jsonb, OUT run bigint, OUT is_new boolean)
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  INSERT INTO @hub@.attribution_run AS r (ordered_from, ordered_to, lookback, models, options)
  VALUES (ordered_from, ordered_to, lookback, models, options)
  ON CONFLICT ON CONSTRAINT attribution_run_input_key DO UPDATE SET ran_at = r.ran_at
  RETURNING r.attribution_run_id, r.xmax = 0
$$;

COMMENT ON FUNCTION @hub@.open_attribution_run(timestamptz, timestamptz, interval, text[], jsonb) IS
  'Finds or makes the run of a window, lookback, models and options and locks it until commit. Used by crm.attribute(). Returns its id and whether it is new.';

CREATE OR REPLACE FUNCTION @hub@.attribute(
  ordered_from timestamptz, ordered_to timestamptz, lookback interval DEFAULT interval '90 days', options jsonb DEFAULT '{}')
RETURNS @hub@.attribution_run
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET work_mem = '64MB'
SET jit = off
AS $$
#variable_conflict use_variable
DECLARE
  log_id bigint;
  opened record;
  span interval;
  checked jsonb;
  models text[];
  result @hub@.attribution_run;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.check_attribution_window(ordered_from, ordered_to, lookback);
  checked := @hub@.attribution_options(options);
  models := ARRAY(SELECT m.name FROM jsonb_array_elements_text(checked -> 'models') WITH ORDINALITY AS m(name, n) ORDER BY m.n);
  checked := checked - 'models';
  -- A batch job works within the memory for maintenance; the setting ends with
  -- the function.
  PERFORM set_config('work_mem', current_setting('maintenance_work_mem'), true);
  log_id := @hub@.start_run('attribute');
  span := make_interval(days => div(extract(epoch FROM lookback), 86400)::integer,
                        secs => mod(extract(epoch FROM lookback), 86400)::double precision);
  SELECT o.run, o.is_new INTO opened
  FROM @hub@.open_attribution_run(ordered_from, ordered_to, span, models, checked) AS o;
  IF opened.is_new OR NOT @hub@.attribution_unchanged(opened.run, ordered_from, ordered_to, span, models, checked) THEN
    DELETE FROM @hub@.attribution_credit AS c WHERE c.attribution_run_id = opened.run;
    INSERT INTO @hub@.attribution_credit (
      attribution_run_id, order_id, touch_id, position, touches, credit_first, credit_last, credit_linear, credit_position,
      credit_last_non, credit_w_shaped, credit_j_shaped, credit_inverse_j, credit_custom, credit_role, credit_time_decay,
      credit_participation, credit_same_touch, credit_shapley)
    SELECT opened.run, c.*
    FROM @hub@.attribution_credits(ordered_from, ordered_to, span, models, checked) AS c
    -- in the order of the key, which fills the index from left to right
    ORDER BY c.order_id, c.position;
  END IF;
  PERFORM @hub@.write_attribution_actors(opened.run, ordered_from, ordered_to, span, models, checked);
  result := @hub@.close_attribution_run(opened.run);
  PERFORM @hub@.finish_run(log_id, jsonb_build_object(
    'attribution_run_id', result.attribution_run_id, 'orders', result.orders, 'returns', result.returns,
    'credits', result.credits, 'revenue', result.revenue, 'unattributed', result.unattributed));
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.attribute(timestamptz, timestamptz, interval, jsonb) IS
  'Credits the touches that led to each order of [ordered_from, ordered_to) by several models, to the cent, into attribution_credit; all journeys together, with the Markov chain, standard errors and ways, into attribution_actor_credit and attribution_flow. Touches are those of all records of the customer in [sale - lookback, sale], in any phase, ordered by time and touch_id. A return takes its credits back from the touches of its sale; what nobody earned has one row without touch. options: models (names of omnicrm.journey_credit(), linear is always among them; first, last, linear, u_shaped, time_decay, shapley), actor (channel, campaign, employee or message_type: whom shapley, last_non, only_if_alone and the chain tell apart), kind (role or message_type, of the models role and w_shaped), markov_order (1; 0: no chain), and the options of omnicrm.journey_credit() (half_life, non, weights, roles, exclude, only_if_alone, collapse, ...). Returns the row of attribution_run; the same arguments again are the same run, and change nothing when nothing changed. Errors: invalid_parameter_value, invalid_datetime_format, data_corrupted.';

-- The run that a report shows when none is named.
CREATE OR REPLACE FUNCTION @hub@.attribution_run_or_newest(run bigint)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result bigint;
BEGIN
  SELECT r.attribution_run_id INTO result
  FROM @hub@.attribution_run AS r
  WHERE run IS NULL OR r.attribution_run_id = run
  ORDER BY r.ran_at DESC, r.attribution_run_id DESC
  LIMIT 1;
  IF result IS NULL THEN
    RAISE EXCEPTION 'there is no attribution run%', coalesce(' ' || run, '')
      USING ERRCODE = 'no_data_found',
            HINT = 'Make one: SELECT * FROM @hub@.attribute(''2026-01-01'', ''2026-02-01'');';
  END IF;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.attribution_run_or_newest(bigint) IS
  'The given run if it exists, the newest for NULL. Error: no_data_found.';

CREATE OR REPLACE FUNCTION @hub@.attribution_by_channel(run bigint DEFAULT NULL)
RETURNS TABLE (channel text, touches bigint, orders bigint, credit_first numeric, credit_last numeric,
               credit_linear numeric, credit_position numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  -- counted in two steps, for counting distinct touches and orders in one would
  -- sort all credits once for each
  WITH credit AS NOT MATERIALIZED (
    SELECT c.*, CASE WHEN c.touch_id IS NULL THEN -2
                     ELSE coalesce(t.channel_id, (SELECT u.channel_id FROM @hub@.channel AS u WHERE u.name = 'unknown'), -1) END AS channel_id
    FROM @hub@.attribution_credit AS c
      LEFT JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
    WHERE c.attribution_run_id = (SELECT @hub@.attribution_run_or_newest(run))
      -- rows that say where an order was recorded earn nothing by these models
      AND (c.touch_id IS NOT NULL OR c.touches = 0)
  ), by_touch AS (
    SELECT x.channel_id, count(*) AS touches
    FROM (SELECT DISTINCT c.channel_id, c.touch_id FROM credit AS c WHERE c.touch_id IS NOT NULL) AS x
    GROUP BY x.channel_id
  ), by_order AS (
    SELECT c.channel_id, c.order_id, sum(c.credit_first) AS first, sum(c.credit_last) AS last,
           sum(c.credit_linear) AS linear, sum(c.credit_position) AS position
    FROM credit AS c
    GROUP BY c.channel_id, c.order_id
  ), by_channel AS (
    SELECT b.channel_id, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(b.first) AS first, sum(b.last) AS last,
           sum(b.linear) AS linear, sum(b.position) AS position
    FROM by_order AS b
      JOIN @hub@.sales_order AS o ON o.order_id = b.order_id
    GROUP BY b.channel_id
  )
  SELECT CASE x.channel_id WHEN -2 THEN 'unattributed' WHEN -1 THEN 'unknown' ELSE ch.name END AS label,
         coalesce(t.touches, 0), x.orders, x.first, x.last, x.linear, x.position
  FROM by_channel AS x
    LEFT JOIN by_touch AS t ON t.channel_id = x.channel_id
    LEFT JOIN @hub@.channel AS ch ON ch.channel_id = x.channel_id
  ORDER BY x.linear DESC, label
$$;

COMMENT ON FUNCTION @hub@.attribution_by_channel(bigint) IS
  'Four models side by side (others: attribution_report()): one row for each channel with its touches that led to an order, the sales that they led to, and the revenue credited by each model, NULL when the run does not have it; a row unattributed for orders without touch, unknown for touches without channel. run: NULL for the newest. Each model adds up to the revenue of the run. Error: no_data_found.';

CREATE OR REPLACE FUNCTION @hub@.attribution_by_employee(run bigint DEFAULT NULL)
RETURNS TABLE (employee_key text, employee text, role text, touches bigint, orders bigint, credit_first numeric, credit_last numeric,
               credit_linear numeric, credit_position numeric)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH credit AS NOT MATERIALIZED (
    SELECT c.*, coalesce(t.employee_id, CASE WHEN c.touch_id IS NULL THEN -2 ELSE -1 END) AS employee_id, coalesce(t.role, e.role) AS role
    FROM @hub@.attribution_credit AS c
      LEFT JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
      LEFT JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
    WHERE c.attribution_run_id = (SELECT @hub@.attribution_run_or_newest(run))
      -- rows that say where an order was recorded earn nothing by these models
      AND (c.touch_id IS NOT NULL OR c.touches = 0)
  ), by_touch AS (
    SELECT x.employee_id, x.role, count(*) AS touches
    FROM (SELECT DISTINCT c.employee_id, c.role, c.touch_id FROM credit AS c WHERE c.touch_id IS NOT NULL) AS x
    GROUP BY x.employee_id, x.role
  ), by_order AS (
    SELECT c.employee_id, c.role, c.order_id, sum(c.credit_first) AS first, sum(c.credit_last) AS last,
           sum(c.credit_linear) AS linear, sum(c.credit_position) AS position
    FROM credit AS c
    GROUP BY c.employee_id, c.role, c.order_id
  ), by_employee AS (
    SELECT b.employee_id, b.role, count(*) FILTER (WHERE o.kind = 'sale') AS orders, sum(b.first) AS first, sum(b.last) AS last,
           sum(b.linear) AS linear, sum(b.position) AS position
    FROM by_order AS b
      JOIN @hub@.sales_order AS o ON o.order_id = b.order_id
    GROUP BY b.employee_id, b.role
  )
  SELECT e.employee_key, CASE x.employee_id WHEN -2 THEN 'unattributed' WHEN -1 THEN 'no employee' ELSE e.name END AS label,
         x.role, coalesce(t.touches, 0), x.orders, x.first, x.last, x.linear, x.position
  FROM by_employee AS x
    LEFT JOIN by_touch AS t ON t.employee_id = x.employee_id AND coalesce(t.role, '') = coalesce(x.role, '')
    LEFT JOIN @hub@.employee AS e ON e.employee_id = x.employee_id
  ORDER BY x.linear DESC, label, e.employee_key, x.role
$$;

COMMENT ON FUNCTION @hub@.attribution_by_employee(bigint) IS
  'Four models side by side (others: attribution_report()): one row for each employee and role with the touches that led to an order, the sales that they led to, and the revenue credited by each model, NULL when the run does not have it; a row unattributed for orders without touch, no employee for touches that no person made. run: NULL for the newest. Each model adds up to the revenue of the run. Error: no_data_found.';

-- What each channel, campaign, employee, role, type of message or phase earned,
-- by each model of a run.
CREATE OR REPLACE FUNCTION @hub@.attribution_report(by_what text DEFAULT 'channel', run bigint DEFAULT NULL)
RETURNS TABLE (name text, model text, touches bigint, orders bigint, credit numeric, share double precision)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  wanted CONSTANT bigint := @hub@.attribution_run_or_newest(run);
BEGIN
  IF by_what IS NULL OR by_what NOT IN ('channel', 'campaign', 'employee', 'role', 'message_type', 'phase') THEN
    RAISE EXCEPTION 'no report by %', coalesce(by_what, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'By channel, campaign, employee, role, message_type or phase.';
  END IF;
  RETURN QUERY
  WITH credit AS MATERIALIZED (
    -- first by what is reported and order: a name is looked up once for each
    SELECT CASE WHEN c.position = 0 THEN 'unattributed'
                ELSE coalesce(CASE by_what WHEN 'channel' THEN h.name WHEN 'campaign' THEN g.name WHEN 'employee' THEN e.employee_key
                                           WHEN 'role' THEN coalesce(t.role, e.role) WHEN 'message_type' THEN t.message_type ELSE t.phase END,
                              'unknown') END AS name,
           c.order_id, count(c.touch_id) AS touches, bool_or(o.kind = 'sale' AND (c.touch_id IS NOT NULL OR c.touches = 0)) AS counts,
           ARRAY[sum(c.credit_first), sum(c.credit_last), sum(c.credit_last_non), sum(c.credit_linear), sum(c.credit_position),
                 sum(c.credit_w_shaped), sum(c.credit_j_shaped), sum(c.credit_inverse_j), sum(c.credit_custom), sum(c.credit_role),
                 sum(c.credit_time_decay), sum(c.credit_participation), sum(c.credit_same_touch), sum(c.credit_shapley)] AS credits
    FROM @hub@.attribution_credit AS c
      JOIN @hub@.sales_order AS o ON o.order_id = c.order_id
      LEFT JOIN @hub@.touch AS t ON t.touch_id = c.touch_id
      LEFT JOIN @hub@.channel AS h ON h.channel_id = CASE WHEN c.position > c.touches THEN o.channel_id ELSE t.channel_id END
      LEFT JOIN @hub@.employee AS e ON e.employee_id = CASE WHEN c.position > c.touches THEN o.employee_id ELSE t.employee_id END
      LEFT JOIN @hub@.campaign AS g ON g.campaign_id = t.campaign_id
    WHERE c.attribution_run_id = wanted
    GROUP BY 1, c.order_id
  ), summed AS (
    SELECT c.name, m.model, m.place, sum(c.touches)::bigint AS touches, count(*) FILTER (WHERE c.counts) AS orders, sum(c.credits[m.place]) AS credit
    FROM credit AS c
      CROSS JOIN unnest('{first,last,last_non,linear,u_shaped,w_shaped,j_shaped,inverse_j,custom,role,time_decay,participation,same_touch,shapley}'::text[])
        WITH ORDINALITY AS m(model, place)
    WHERE c.credits[m.place] IS NOT NULL
    GROUP BY c.name, m.model, m.place
  )
  SELECT s.name, s.model, s.touches, s.orders, s.credit, (s.credit / nullif(sum(s.credit) OVER (PARTITION BY s.model), 0))::double precision
  FROM summed AS s
  ORDER BY s.place, s.credit DESC, s.name COLLATE "C";
END
$$;

COMMENT ON FUNCTION @hub@.attribution_report(text, bigint) IS
  'What a run credits by each of its models to each channel, campaign, employee (key), role, message_type or phase: touches that earned, sales that they led to, credit, and its part of all credit of the model. unknown: touches that name none; unattributed: what nobody earned. Each model but participation adds up to the revenue of the run. run: NULL for the newest. Errors: invalid_parameter_value, no_data_found.';

CREATE OR REPLACE FUNCTION @hub@.drop_attribution(run bigint)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  removed bigint;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM 1 FROM @hub@.attribution_run AS r WHERE r.attribution_run_id = run FOR UPDATE;
  DELETE FROM @hub@.attribution_credit AS c WHERE c.attribution_run_id = run;
  GET DIAGNOSTICS removed = ROW_COUNT;
  DELETE FROM @hub@.attribution_actor_credit AS c WHERE c.attribution_run_id = run;
  DELETE FROM @hub@.attribution_flow AS f WHERE f.attribution_run_id = run;
  DELETE FROM @hub@.attribution_run AS r WHERE r.attribution_run_id = run;
  RETURN removed;
END
$$;

COMMENT ON FUNCTION @hub@.drop_attribution(bigint) IS
  'Removes a run with its credits, for example a trial with another lookback. Returns the number of credits removed; 0 when there is no such run.';
