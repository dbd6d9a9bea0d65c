-- Segmentation of the golden customers: recency, frequency, monetary value,
-- Pareto classes; their history.

-- Raises an error unless every option is known and well formed; returns them
-- with their defaults.
CREATE OR REPLACE FUNCTION @hub@.segment_options(options jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  given jsonb := coalesce(options, '{}');
  unknown text;
  kept_day date;
BEGIN
  IF jsonb_typeof(given) <> 'object' THEN
    RAISE EXCEPTION 'options of segment_customers must be a JSON object, not %', given
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example {"abc_limits": [0.7, 0.9]}.';
  END IF;
  SELECT string_agg(o.key, ', ' ORDER BY o.key) INTO unknown
  FROM jsonb_object_keys(given) AS o(key)
  WHERE o.key NOT IN ('time_zone', 'cuts_from', 'abc_limits');
  IF unknown IS NOT NULL THEN
    RAISE EXCEPTION 'unknown option of segment_customers: %', unknown
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Known options: time_zone (that of the session), cuts_from (day of a segmentation whose cut points to keep), abc_limits ([0.8, 0.95]).';
  END IF;
  given := jsonb_build_object('time_zone', current_setting('TimeZone'), 'abc_limits', '[0.8, 0.95]'::jsonb)
           || jsonb_strip_nulls(given);
  IF jsonb_typeof(given -> 'abc_limits') <> 'array'
     OR jsonb_path_exists(given, '$.abc_limits[*] ? (@.type() != "number")')
     OR jsonb_array_length(given -> 'abc_limits') NOT BETWEEN 1 AND 8
     OR EXISTS (SELECT 1
                FROM (SELECT e.value::numeric AS share, lag(e.value::numeric, 1, 0) OVER (ORDER BY e.n) AS before
                      FROM jsonb_array_elements_text(given -> 'abc_limits') WITH ORDINALITY AS e(value, n)) AS l
                WHERE l.share <= l.before OR l.share > 1) THEN
    RAISE EXCEPTION 'option abc_limits must be 1 to 8 ascending shares, not %', given -> 'abc_limits'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'For example [0.8, 0.95].';
  END IF;
  kept_day := given ->> 'cuts_from';
  IF kept_day IS NOT NULL
     AND NOT EXISTS (SELECT 1 FROM @hub@.rfm_cut AS c WHERE c.as_of = kept_day AND cardinality(c.recency_cuts) = 4) THEN
    RAISE EXCEPTION 'no segmentation with cut points as of %', kept_day
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Option cuts_from takes a day of column as_of of table rfm_cut.';
  END IF;
  RETURN given;
END
$$;

COMMENT ON FUNCTION @hub@.segment_options(jsonb) IS
  'Options of segment_customers() with their defaults. Used by segment_customers(). Errors: invalid_parameter_value.';

-- Whom nobody may profile.
CREATE OR REPLACE FUNCTION @hub@.customer_not_profiled()
RETURNS SETOF bigint
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT x.customer_id FROM @hub@.restricted_customer AS x
  UNION
  SELECT c.customer_id FROM @hub@.customer AS c WHERE c.state = 'erased'
$$;

COMMENT ON FUNCTION @hub@.customer_not_profiled() IS
  'Customers who asked for restriction or are erased: no score and no segment for them.';

CREATE OR REPLACE FUNCTION @hub@.refuse_currency(one text, other text)
RETURNS boolean
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RAISE EXCEPTION 'orders in different currencies: %, %', least(one COLLATE "C", other), greatest(one COLLATE "C", other)
    USING ERRCODE = 'invalid_parameter_value',
          HINT = 'Amounts are added up and compared over all customers: convert the orders to the currency of the hub first.';
END
$$;

COMMENT ON FUNCTION @hub@.refuse_currency(text, text) IS 'Used by customer_purchases(): always raises invalid_parameter_value.';

-- What each customer bought. A function of its own, because RETURN QUERY may use
-- parallel workers, which a statement that writes may not.
CREATE OR REPLACE FUNCTION @hub@.customer_purchases(as_of date)
RETURNS TABLE (customer_id bigint, first_sale date, last_sale date, sale_days bigint, revenue numeric, margin numeric, orders bigint,
               without_margin bigint, repeat_spend double precision, usual_days double precision, interval_cv double precision)
LANGUAGE plpgsql STABLE ROWS 100000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ends timestamptz := (as_of + 1)::timestamptz;
  -- In the scan a comparison costs nothing, in the aggregate a look at each group.
  one_currency text := (SELECT o.currency FROM @hub@.sales_order AS o
                        WHERE o.duplicate_of IS NULL AND o.ordered_at < ends AND o.ordered_at > '-infinity' LIMIT 1);
BEGIN
  RETURN QUERY
  SELECT t.customer_id, omnicrm.stats_first_order(t.total), omnicrm.stats_last_order(t.total), omnicrm.stats_frequency(t.total)::bigint,
         omnicrm.stats_monetary(t.total), omnicrm.stats_margin(t.total),
         omnicrm.stats_orders(t.total) + omnicrm.stats_returns(t.total), omnicrm.stats_without_margin(t.total),
         omnicrm.clv_spend(t.total), omnicrm.stats_interval_quantile(t.total, 0.9), omnicrm.stats_interval_cv(t.total)
  FROM (
    -- By record first: a join of all orders to their customers would cost more
    -- than the rest.
    SELECT member.customer_id, omnicrm.stats_rollup(r.stats) AS total
    FROM (
      SELECT o.record_id, omnicrm.customer_stats(o.ordered_at::date, o.revenue, o.gross_margin, NULL, o.kind = 'sale') AS stats
      FROM @hub@.sales_order AS o
      WHERE o.duplicate_of IS NULL
        AND o.ordered_at < ends
        AND o.ordered_at > '-infinity'
        AND (o.currency = one_currency OR @hub@.refuse_currency(one_currency, o.currency))
      GROUP BY o.record_id
    ) AS r
      LEFT JOIN @hub@.customer_member AS member ON member.record_id = r.record_id
    GROUP BY member.customer_id
  ) AS t;
END
$$;

COMMENT ON FUNCTION @hub@.customer_purchases(date) IS
  'Orders of each customer up to the end of this day (in the time zone of the session), each sale once: one row for a customer, one without customer_id for the orders of records that resolve() has not seen yet. repeat_spend: mean amount of the days with a sale after the first; usual_days: what nine of ten intervals between days with a sale do not exceed, of at least three; interval_cv: their coefficient of variation. Errors: invalid_parameter_value for orders in different currencies.';

-- How each customer pays; payments of a sale that two sources recorded count once,
-- as in fact_payment of the reports.
CREATE OR REPLACE FUNCTION @hub@.customer_payments(as_of date)
RETURNS TABLE (customer_id bigint, payment_behaviour text, days_beyond_terms double precision, weighted_days_beyond_terms double precision,
               overdue_amount numeric)
LANGUAGE plpgsql STABLE ROWS 100000
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  SELECT s.customer_id, (s.paid).behaviour, (s.paid).days_beyond_terms, (s.paid).weighted_days_beyond_terms, (s.paid).overdue_amount
  FROM (
    SELECT m.customer_id, omnicrm.payment_stats(p.due_on, p.paid_on, p.amount, customer_payments.as_of) AS paid
    FROM @hub@.payment AS p
      JOIN @hub@.sales_order AS o ON o.order_id = p.order_id
      JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
    WHERE o.ordered_at < (customer_payments.as_of + 1)::timestamptz
      AND p.due_on IS NOT NULL AND isfinite(p.due_on) AND (p.paid_on IS NULL OR isfinite(p.paid_on))
      AND (o.duplicate_of IS NULL
           OR NOT EXISTS (
                SELECT FROM @hub@.payment AS other
                  JOIN @hub@.sales_order AS twin ON twin.order_id = other.order_id
                WHERE (twin.order_id = o.duplicate_of OR twin.duplicate_of = o.duplicate_of)
                  AND (twin.duplicate_of IS NULL OR twin.order_id < o.order_id)))
    GROUP BY m.customer_id
  ) AS s;
END
$$;

COMMENT ON FUNCTION @hub@.customer_payments(date) IS
  'How each customer pays, as seen at the end of this day, by omnicrm.payment_stats(): class, mean days beyond terms (each payment alike, and weighted by amount), amount overdue. One row for each customer with a payment that has a due day.';

-- In how many categories and channels each customer bought, and whom he or she
-- brought. Products without a category are none.
CREATE OR REPLACE FUNCTION @hub@.customer_ties(as_of date)
RETURNS TABLE (customer_id bigint, categories bigint, channels bigint, referrals bigint)
LANGUAGE plpgsql STABLE ROWS 100000
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  ends timestamptz := (as_of + 1)::timestamptz;
BEGIN
  RETURN QUERY
  SELECT t.customer_id, max(t.categories), max(t.channels), coalesce(max(t.referrals), 0)
  FROM (
    SELECT m.customer_id, NULL::bigint AS categories, count(DISTINCT o.channel_id) AS channels, NULL::bigint AS referrals
    FROM @hub@.sales_order AS o JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
    WHERE o.duplicate_of IS NULL AND o.kind = 'sale' AND o.ordered_at < ends
    GROUP BY m.customer_id
    UNION ALL
    SELECT m.customer_id, count(DISTINCT p.category), NULL, NULL
    FROM @hub@.sales_order AS o
      JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
      JOIN @hub@.order_line AS l ON l.order_id = o.order_id
      JOIN @hub@.product AS p ON p.product_id = l.product_id
    WHERE o.duplicate_of IS NULL AND o.kind = 'sale' AND o.ordered_at < ends
    GROUP BY m.customer_id
    UNION ALL
    SELECT f.referrer_id, NULL, NULL, count(*)
    FROM @hub@.referral AS f
    WHERE f.counts AND f.referred_at < ends
    GROUP BY f.referrer_id
  ) AS t
  GROUP BY t.customer_id;
END
$$;

COMMENT ON FUNCTION @hub@.customer_ties(date) IS
  'What ties each customer up to the end of this day, for omnicrm.linkage_score(): categories and channels with a sale (NULL: nothing is known of them), customers whom he or she recommended.';

-- Scores that no customer has, because cut points coincide: {"f": [2]}. The
-- scale stays as it is, so that scores can be compared over time.
CREATE OR REPLACE FUNCTION @hub@.empty_scores(as_of date)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  -- A bit for each score that somebody has.
  SELECT jsonb_object_agg(axis.name, (SELECT coalesce(jsonb_agg(n ORDER BY n), '[]') FROM generate_series(1, 5) AS n WHERE axis.seen & (1 << n) = 0))
  FROM (SELECT coalesce(bit_or(1 << s.r), 0) AS r, coalesce(bit_or(1 << s.f), 0) AS f, coalesce(bit_or(1 << s.m), 0) AS m
        FROM @hub@.customer_score AS s
        WHERE s.as_of = empty_scores.as_of) AS seen
    CROSS JOIN LATERAL (VALUES ('r', seen.r), ('f', seen.f), ('m', seen.m)) AS axis(name, seen)
$$;

COMMENT ON FUNCTION @hub@.empty_scores(date) IS
  'Scores of 1 to 5 that no customer has in the segmentation of this day, by axis, as {"r": [], "f": [2], "m": []}.';

-- What a segmentation needs.
CREATE OR REPLACE FUNCTION @hub@.require_segmentable(as_of date)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF as_of IS NULL OR NOT isfinite(as_of) THEN
    RAISE EXCEPTION 'as_of must be a day, not %', coalesce(as_of::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Orders after this day are left out; the default is today.';
  END IF;
  IF (SELECT count(*) FROM @hub@.segment_rule) <> 25 THEN
    RAISE EXCEPTION 'table segment_rule must name all 25 pairs of scores, it names %', (SELECT count(*) FROM @hub@.segment_rule)
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Missing pairs can be taken from omnicrm.rfm_segment(r, f).';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.require_segmentable(date) IS
  'Raises invalid_parameter_value for a day that is none, object_not_in_prerequisite_state when table segment_rule is not complete. Returns nothing.';

CREATE OR REPLACE FUNCTION @hub@.segment_customers(as_of date DEFAULT current_date, options jsonb DEFAULT '{}')
RETURNS @hub@.run_log
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  run bigint;
  result @hub@.run_log;
  checked jsonb;
  counts jsonb;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.require_segmentable(as_of);
  checked := @hub@.segment_options(options);
  -- One segmentation at a time; readers see the old rows until commit.
  LOCK TABLE @hub@.rfm_cut IN SHARE ROW EXCLUSIVE MODE;
  IF EXISTS (SELECT FROM @hub@.segment_model AS m WHERE m.as_of = segment_customers.as_of) THEN
    RAISE EXCEPTION 'refresh_segments() wrote the scores of %', as_of
      USING ERRCODE = 'object_not_in_prerequisite_state',
            HINT = 'Call refresh_segments() again for this day: stages and lifetime values would be lost.';
  END IF;
  run := @hub@.start_run('segment_customers');
  DELETE FROM @hub@.customer_score AS s WHERE s.as_of = segment_customers.as_of;
  counts := @hub@.write_customer_scores(as_of, checked);
  SELECT * INTO result
  FROM @hub@.finish_run(run, jsonb_build_object('as_of', as_of) || counts
                             || jsonb_build_object('empty_scores', @hub@.empty_scores(as_of)));
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.segment_customers(date, jsonb) IS
  'Segments all customers with a sale up to the end of the day as_of by recency, frequency and money alone (refresh_segments() adds lifetime value, stages and history): writes a row each into customer_score (recency in days, frequency in days with a sale, revenue and gross margin net of returns, scores 1 to 5, segment, Pareto classes) and the cut points into rfm_cut; a repeated call for the same day replaces them. Customers who asked for restriction or are erased get none. Duplicate orders and orders after as_of count nowhere. options: time_zone (default: the session''s), cuts_from (day of an earlier segmentation whose cut points to keep, so that scores stay comparable), abc_limits ([0.8, 0.95]). Returns the run_log row; its counts tell what was left out: revenue = sum(monetary) + revenue_of_returns_only + revenue_not_profiled + revenue_without_customer. Errors: invalid_parameter_value; object_not_in_prerequisite_state, also for a day that refresh_segments() wrote.';

CREATE OR REPLACE FUNCTION @hub@.segment_history(customer_id bigint)
RETURNS TABLE (as_of date, scored_id bigint, segment text, previous_segment text, r smallint, f smallint, m smallint,
               recency_days integer, frequency integer, monetary numeric, gross_margin numeric,
               revenue_class text, margin_class text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH living AS (
    SELECT coalesce((SELECT moved.customer_id
                     FROM @hub@.customer_redirect AS moved
                     WHERE moved.old_id = segment_history.customer_id),
                    segment_history.customer_id) AS id
  ), every_id AS (
    SELECT living.id FROM living
    UNION
    SELECT moved.old_id FROM @hub@.customer_redirect AS moved JOIN living ON moved.customer_id = living.id
  )
  SELECT s.as_of, s.customer_id, s.segment,
         lag(s.segment) OVER (PARTITION BY s.customer_id ORDER BY s.as_of),
         s.r, s.f, s.m, s.recency_days, s.frequency, s.monetary, s.gross_margin, s.revenue_class, s.margin_class
  FROM every_id JOIN @hub@.customer_score AS s ON s.customer_id = every_id.id
  ORDER BY s.as_of, s.customer_id
$$;

COMMENT ON FUNCTION @hub@.segment_history(bigint) IS
  'Segmentations of one customer, oldest first, with those of ids that were merged into the same customer (scored_id: the id of that time). previous_segment is that of the same id before. Any id ever given will do. No row for a customer who never bought.';

CREATE OR REPLACE FUNCTION @hub@.require_days_in_order(from_date date, to_date date)
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF from_date IS NULL OR to_date IS NULL OR from_date > to_date THEN
    RAISE EXCEPTION 'from_date must not be after to_date: %, %', coalesce(from_date::text, 'NULL'), coalesce(to_date::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Give the earlier day first.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.require_days_in_order(date, date) IS
  'Raises invalid_parameter_value when a day is null or the first is after the second. Returns nothing.';

-- The segment of rfm stands in the scores of each segmentation, of days that were
-- not refreshed too; that of the other axes in the periods.
CREATE OR REPLACE FUNCTION @hub@.segment_flow(axis text, first_day date, last_day date)
RETURNS TABLE (from_segment text, to_segment text, customers bigint, revenue_from numeric, revenue_to numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN QUERY
  WITH look AS (
    SELECT first_day AS day UNION SELECT last_day
  ), standing AS (
    SELECT d.day, s.customer_id, s.segment, s.monetary
    FROM look AS d JOIN @hub@.customer_score AS s ON s.as_of = d.day
    WHERE segment_flow.axis = 'rfm'
    UNION ALL
    SELECT d.day, m.customer_id, m.segment, s.monetary
    FROM look AS d
      JOIN @hub@.segment_member AS m ON m.valid_from <= d.day AND (m.valid_to IS NULL OR m.valid_to > d.day)
      LEFT JOIN @hub@.customer_score AS s ON s.customer_id = m.customer_id AND s.as_of = d.day
    WHERE segment_flow.axis <> 'rfm' AND m.axis = segment_flow.axis
  ), living AS (
    -- Two customers of then who are one today count once, in the segment of the
    -- one who bought more; of two who bought nothing that of the id that lives on.
    SELECT DISTINCT ON (s.day, coalesce(moved.customer_id, s.customer_id))
           s.day, coalesce(moved.customer_id, s.customer_id) AS customer_id, s.segment,
           sum(s.monetary) OVER (PARTITION BY s.day, coalesce(moved.customer_id, s.customer_id)) AS monetary
    FROM standing AS s
      LEFT JOIN @hub@.customer_redirect AS moved ON moved.old_id = s.customer_id
    ORDER BY s.day, coalesce(moved.customer_id, s.customer_id), s.monetary DESC NULLS LAST, moved.old_id IS NOT NULL, s.customer_id
  )
  SELECT old.segment, new.segment, count(*), sum(old.monetary), sum(new.monetary)
  FROM (SELECT l.* FROM living AS l WHERE l.day = first_day) AS old
    FULL JOIN (SELECT l.* FROM living AS l WHERE l.day = last_day) AS new ON new.customer_id = old.customer_id
  GROUP BY old.segment, new.segment
  ORDER BY old.segment COLLATE "C" NULLS FIRST, new.segment COLLATE "C" NULLS LAST;
END
$$;

COMMENT ON FUNCTION @hub@.segment_flow(text, date, date) IS
  'Used by segment_migration() and segment_moves(): who moved from which segment of an axis to which between two days with a segmentation (rfm) or a refresh (the other axes). Revenue is null where there is none.';

CREATE OR REPLACE FUNCTION @hub@.segment_migration(from_date date, to_date date)
RETURNS TABLE (from_as_of date, to_as_of date, from_segment text, to_segment text, customers bigint,
               revenue_from numeric, revenue_to numeric)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  first_day date := (SELECT max(c.as_of) FROM @hub@.rfm_cut AS c WHERE c.as_of <= from_date);
  last_day date := (SELECT max(c.as_of) FROM @hub@.rfm_cut AS c WHERE c.as_of <= to_date);
BEGIN
  PERFORM @hub@.require_days_in_order(from_date, to_date);
  IF first_day IS NULL THEN
    RAISE EXCEPTION 'no segmentation as of % or before', from_date
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'Days with a segmentation are in column as_of of table rfm_cut; make one with segment_customers().';
  END IF;
  RETURN QUERY
  SELECT first_day, last_day, f.*
  FROM @hub@.segment_flow('rfm', first_day, last_day) AS f;
END
$$;

COMMENT ON FUNCTION @hub@.segment_migration(date, date) IS
  'Who moved from which segment to which between two segmentations, the last ones on or before the two days: number of customers, and their revenue then and later. from_segment is null for new customers, to_segment for those who are no more in the later one. Customers who were merged since count as one, in the segment of the one who bought more. Errors: invalid_parameter_value when there is no segmentation that early or the days are in the wrong order.';
