-- How strongly a customer is tied to the company, and to what.

CREATE FUNCTION omnicrm.effective_number_final(internal)
RETURNS double precision
LANGUAGE c IMMUTABLE PARALLEL SAFE
AS 'MODULE_PATHNAME', 'omnicrm_effective_number_final';
COMMENT ON FUNCTION omnicrm.effective_number_final(internal) IS 'Support function: result of effective_number.';

CREATE AGGREGATE omnicrm.effective_number(value double precision) (
  SFUNC = omnicrm.concentration_accum,
  STYPE = internal,
  SSPACE = 128,
  FINALFUNC = omnicrm.effective_number_final,
  COMBINEFUNC = omnicrm.values_combine,
  SERIALFUNC = omnicrm.values_serialize,
  DESERIALFUNC = omnicrm.values_deserialize,
  PARALLEL = SAFE
);
COMMENT ON AGGREGATE omnicrm.effective_number(double precision) IS
  'Effective number of categories, channels or brands among which a customer spreads what he or she buys, from one value for each of them: 1 / sum(share^2), the inverse of the Herfindahl index. n when n values are equal, towards 1 when one of them holds nearly all. Values of 0 or less have no share; nulls are left out; null without a value above zero. Same result for any order of the rows. Errors: as gini.';

CREATE TYPE omnicrm.linkage AS (
  score      double precision,
  class      text,
  tenure     double precision,
  frequency  double precision,
  regularity double precision,
  categories double precision,
  channels   double precision,
  referrals  double precision
);
COMMENT ON TYPE omnicrm.linkage IS 'How strongly a customer is tied to the company: result of linkage_score().';
COMMENT ON COLUMN omnicrm.linkage.score IS 'Mean of the parts that are known, by weights: 0 to 100; null when none is known.';
COMMENT ON COLUMN omnicrm.linkage.class IS 'low, medium or high: below the first limit, below the second, from there on.';
COMMENT ON COLUMN omnicrm.linkage.tenure IS 'Part of the time since the first purchase: 50 at 365 days.';
COMMENT ON COLUMN omnicrm.linkage.frequency IS 'Part of the purchases after the first: 50 at 3.';
COMMENT ON COLUMN omnicrm.linkage.regularity IS 'Part of the evenness of the times between purchases: 100 when all are equal, 50 at random.';
COMMENT ON COLUMN omnicrm.linkage.categories IS 'Part of the categories beyond the first: 50 at 2.';
COMMENT ON COLUMN omnicrm.linkage.channels IS 'Part of the channels beyond the first: 50 at 1.';
COMMENT ON COLUMN omnicrm.linkage.referrals IS 'Part of the customers that he or she has brought: 50 at 1.';

CREATE FUNCTION omnicrm.linkage_score(tenure_days double precision, frequency double precision, interval_cv double precision,
                                      categories double precision, channels double precision, referrals double precision DEFAULT NULL,
                                      weights jsonb DEFAULT '{}', limits double precision[] DEFAULT '{30,60}')
RETURNS omnicrm.linkage
LANGUAGE c IMMUTABLE PARALLEL SAFE COST 20
AS 'MODULE_PATHNAME', 'omnicrm_linkage_score';
COMMENT ON FUNCTION omnicrm.linkage_score(double precision, double precision, double precision, double precision, double precision, double precision, jsonb, double precision[]) IS
  'How strongly a customer is tied to the company, as a row: score 0 to 100, class and six parts of 0 to 100. Arguments: days since the first purchase (stats_tenure), purchases (stats_frequency), coefficient of variation of the times between them (stats_interval_cv), number of categories and of channels bought in (counts, or effective_number(), which is smaller when most goes to one), customers brought. A part is 100 x / (x + half): tenure half 365 days; frequency half 3 after the first; categories half 2 and channels half 1 beyond the first; referrals half 1; regularity is 100 / (1 + cv^2). The score is their weighted mean: tenure 20, frequency 20, regularity 10, categories 25, channels 15, referrals 10; weights names those that are to differ: {"categories": 40, "referrals": 0}. A null figure is not known: its part is null and its weight counts nowhere. limits: two scores, low below the first, high from the second on. How long ago the last purchase was plays no part. Read it as (omnicrm.linkage_score(...)).class. Errors: invalid_parameter_value for figures below zero, NaN or infinite, for unknown or negative weights and for limits that do not ascend in 0 to 100; null_value_not_allowed for null limits.';

CREATE FUNCTION omnicrm.affinity(source regclass, customer_column name, category_column name, value_column name DEFAULT NULL,
                                 damping double precision DEFAULT 5,
  OUT customer text, OUT category text, OUT value numeric, OUT share double precision, OUT base_share double precision,
  OUT lift double precision, OUT place integer)
RETURNS SETOF record
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  missing text;
BEGIN
  IF source IS NULL OR customer_column IS NULL OR category_column IS NULL THEN
    RAISE EXCEPTION 'affinity needs a table, its column of customers and its column of categories'
      USING ERRCODE = 'null_value_not_allowed',
            HINT = 'For example affinity(''order_lines'', ''customer_id'', ''category'').';
  END IF;
  IF damping IS NULL OR NOT (damping >= 0 AND damping < 1e15) THEN
    RAISE EXCEPTION 'damping must be a number of 0 or more, not %', coalesce(damping::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT string_agg(c.name::text, ', ') INTO missing
  FROM unnest(ARRAY[customer_column, category_column, value_column]) AS c(name)
  WHERE c.name IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = source AND a.attname = c.name AND a.attnum > 0 AND NOT a.attisdropped);
  IF missing IS NOT NULL THEN
    RAISE EXCEPTION 'no such column in %: %', source, missing
      USING ERRCODE = 'undefined_column';
  END IF;
  RETURN QUERY EXECUTE format($query$
    WITH own AS (
      SELECT t.%1$I::text AS customer, t.%2$I::text AS category, %3$s AS value
      FROM %4$s AS t
      WHERE t.%1$I IS NOT NULL AND t.%2$I IS NOT NULL
      GROUP BY 1, 2
    ), summed AS (
      SELECT o.*, sum(o.value) OVER (PARTITION BY o.customer) AS of_customer, sum(o.value) OVER (PARTITION BY o.category) AS of_category,
             sum(o.value) OVER () AS of_all
      FROM own AS o
      WHERE o.value > 0 AND o.value < 'Infinity'
    ), lifted AS (
      SELECT s.*, s.of_category::double precision / s.of_all::double precision AS base,
             (s.value::double precision + %5$L * (s.of_category::double precision / s.of_all::double precision))
               / (s.of_customer::double precision + %5$L) / (s.of_category::double precision / s.of_all::double precision) AS lift
      FROM summed AS s
    )
    SELECT l.customer, l.category, l.value, l.value::double precision / l.of_customer::double precision, l.base, l.lift,
           (row_number() OVER (PARTITION BY l.customer ORDER BY l.lift DESC, l.category COLLATE "C"))::integer
    FROM lifted AS l
    ORDER BY l.customer COLLATE "C", 7
    $query$, customer_column, category_column,
    CASE WHEN value_column IS NULL THEN 'count(*)::numeric' ELSE format('sum(t.%I::numeric)', value_column) END, source, damping);
END
$$;
COMMENT ON FUNCTION omnicrm.affinity(regclass, name, name, name, double precision) IS
  'What each customer is drawn to, from a table or view of purchases with a column of customers and one of categories (or channels, brands, stores): customer, category, value (rows, or the sum of value_column), share (part of what the customer buys), base_share (part of what all buy), lift, place (1: highest lift; ties by name). lift = (value + damping base_share) / (value of the customer + damping) / base_share: 1 as everybody, 2 twice as much. The damping, in the unit of the value, pulls customers of whom little is known to 1: with 5, one purchase weighs a sixth. Rows without customer or category and sums that are 0, less or not finite are left out. Which items go together is told by item_pairs(). Errors: null_value_not_allowed, invalid_parameter_value for the damping, undefined_column, and those of a value_column that is no number.';
