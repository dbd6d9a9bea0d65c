-- How sure a credit is: what it would be without this or that group of journeys.

-- Student's t for 95 % of n - 1 degrees of freedom, n from 5 on, to .1 percent:
-- the expansion of Cornish and Fisher at z = 1.959964.
CREATE FUNCTION omnicrm.attribution_t95(groups integer)
RETURNS double precision
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN groups >= 5 THEN 1.959964 + 2.372271 / (groups - 1) + 2.822502 / (groups - 1) ^ 2 + 2.555851 / (groups - 1) ^ 3 END
$$;
COMMENT ON FUNCTION omnicrm.attribution_t95(integer) IS
  'Half width of a 95 % interval in standard errors that were estimated from so many groups (Student''s t). NULL below 5 groups. Used by attribution_confidence().';

CREATE FUNCTION omnicrm.attribution_model_credit(summary omnicrm.attribution_summary, model text, scale integer DEFAULT NULL)
RETURNS TABLE (actor text, conversions numeric, value numeric)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  IF model = 'markov' THEN
    RETURN QUERY SELECT c.channel, c.conversions, c.value FROM omnicrm.markov_credit(omnicrm.attribution_markov(summary), coalesce(scale, 12)) AS c;
  ELSE
    RETURN QUERY SELECT c.actor, c.conversions, c.value FROM omnicrm.attribution_credit(summary, model, scale) AS c;
  END IF;
END
$$;
COMMENT ON FUNCTION omnicrm.attribution_model_credit(omnicrm.attribution_summary, text, integer) IS
  'What each actor has by one of the models of attribution_credit(), or by markov: the removal effects of the chain of all paths, see markov_credit(). scale: decimals of the values, which add up exactly. A row with actor NULL is what nobody has. Errors: as attribution_credit() and markov_credit().';

CREATE FUNCTION omnicrm.attribution_confidence(groups omnicrm.attribution_summary[], model text, scale integer DEFAULT NULL)
RETURNS TABLE (actor text, conversions numeric, value numeric, standard_error double precision, low double precision, high double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  n CONSTANT integer := cardinality(array_remove(groups, NULL));
BEGIN
  RETURN QUERY
  WITH part AS MATERIALIZED (
    SELECT u.number, u.summary
    FROM unnest(groups) WITH ORDINALITY AS u(summary, number)
    WHERE u.summary IS NOT NULL
  ), whole AS MATERIALIZED (
    SELECT omnicrm.attribution_rollup(p.summary ORDER BY p.number) AS summary FROM part AS p
  ), credit AS MATERIALIZED (
    SELECT c.actor, c.conversions, c.value FROM whole AS w CROSS JOIN LATERAL omnicrm.attribution_model_credit(w.summary, model, scale) AS c
  ), rest AS (
    SELECT w.number, c.actor, c.value
    FROM part AS w
      CROSS JOIN LATERAL (
        SELECT omnicrm.attribution_rollup(p.summary ORDER BY p.number) AS summary FROM part AS p WHERE p.number <> w.number) AS r
      CROSS JOIN LATERAL omnicrm.attribution_model_credit(r.summary, model) AS c
    WHERE n > 1
  ), spread AS (
    -- A group that takes an actor with it leaves a credit of 0.
    SELECT c.actor, sum((coalesce(r.value, 0) * n / (n - 1) - c.value) ^ 2) * (n - 1) / n AS variance
    FROM credit AS c
      CROSS JOIN part AS p
      LEFT JOIN rest AS r ON r.number = p.number AND r.actor IS NOT DISTINCT FROM c.actor
    WHERE n > 1
    GROUP BY c.actor
  )
  SELECT c.actor, c.conversions, c.value, s.error, c.value - s.error * omnicrm.attribution_t95(n), c.value + s.error * omnicrm.attribution_t95(n)
  FROM credit AS c
    LEFT JOIN (SELECT v.actor, sqrt(v.variance)::double precision AS error FROM spread AS v) AS s ON s.actor IS NOT DISTINCT FROM c.actor
  ORDER BY c.actor COLLATE "C" NULLS LAST;
END
$$;
COMMENT ON FUNCTION omnicrm.attribution_confidence(omnicrm.attribution_summary[], text, integer) IS
  'What each actor has by a model (those of attribution_credit(), or markov), and how sure that is: standard error of the value and its 95 % interval, by the jackknife that leaves out one group of journeys after the other (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 11). groups: summaries of disjoint groups of journeys made by chance, 20 say: array_agg over omnicrm.attribution(...) GROUP BY journey_key % 20. scale: decimals of the values, which add up exactly. It says how much the credit would differ with other customers of the same kind, not whether the model is right. Errors and intervals are NULL for one group, intervals below 5. A row with actor NULL is what nobody has; no rows without a group. Errors: as attribution_rollup(), attribution_credit() and markov_credit().';
