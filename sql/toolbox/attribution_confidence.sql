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

-- Of summaries in a row, each with what all others together are: sums from the left
-- and from the right, so that the work grows with their number and not its square.
CREATE FUNCTION omnicrm.attribution_leave_one_out(groups omnicrm.attribution_summary[], OUT whole omnicrm.attribution_summary, OUT rest omnicrm.attribution_summary[])
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  n CONSTANT integer := coalesce(cardinality(groups), 0);
  behind omnicrm.attribution_summary;
BEGIN
  FOR i IN REVERSE n .. 1 LOOP
    rest[i] := behind;
    behind := (SELECT omnicrm.attribution_rollup(v.summary ORDER BY v.place) FROM (VALUES (1, groups[i]), (2, behind)) AS v(place, summary));
  END LOOP;
  FOR i IN 1 .. n LOOP
    rest[i] := (SELECT omnicrm.attribution_rollup(v.summary ORDER BY v.place) FROM (VALUES (1, whole), (2, rest[i])) AS v(place, summary));
    whole := (SELECT omnicrm.attribution_rollup(v.summary ORDER BY v.place) FROM (VALUES (1, whole), (2, groups[i])) AS v(place, summary));
  END LOOP;
END
$$;
COMMENT ON FUNCTION omnicrm.attribution_leave_one_out(omnicrm.attribution_summary[]) IS
  'whole: all summaries of disjoint journeys together; rest[i]: all but the i-th, NULL for one alone. groups has no NULL. Used by attribution_confidence(). Errors: as attribution_rollup().';

CREATE FUNCTION omnicrm.attribution_confidence(groups omnicrm.attribution_summary[], models text[], scale integer DEFAULT NULL)
RETURNS TABLE (model text, actor text, conversions numeric, value numeric, standard_error double precision, low double precision, high double precision)
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  known CONSTANT omnicrm.attribution_summary[] := array_remove(groups, NULL);
  n CONSTANT integer := cardinality(known);
BEGIN
  RETURN QUERY
  WITH parted AS MATERIALIZED (
    SELECT p.whole, p.rest FROM omnicrm.attribution_leave_one_out(known) AS p
  ), wanted AS MATERIALIZED (
    SELECT m.model, min(m.place) AS place FROM unnest(models) WITH ORDINALITY AS m(model, place) WHERE n > 0 GROUP BY m.model
  ), credit AS MATERIALIZED (
    SELECT m.model, m.place, c.actor, c.conversions, c.value
    FROM parted AS p CROSS JOIN wanted AS m CROSS JOIN LATERAL omnicrm.attribution_model_credit(p.whole, m.model, scale) AS c
  ), left_out AS (
    SELECT u.number, m.model, c.actor, c.value
    FROM parted AS p
      CROSS JOIN LATERAL unnest(p.rest) WITH ORDINALITY AS u(summary, number)
      CROSS JOIN wanted AS m
      CROSS JOIN LATERAL omnicrm.attribution_model_credit(u.summary, m.model, scale) AS c
    WHERE n > 1
  ), spread AS (
    -- A group that takes an actor with it leaves a credit of 0.
    SELECT c.model, c.actor, sum((coalesce(r.value, 0) * n / (n - 1) - c.value) ^ 2) * (n - 1) / n AS variance
    FROM credit AS c
      CROSS JOIN generate_series(1, n) AS g(number)
      LEFT JOIN left_out AS r ON r.number = g.number AND r.model = c.model AND r.actor IS NOT DISTINCT FROM c.actor
    WHERE n > 1
    GROUP BY c.model, c.actor
  )
  SELECT c.model, c.actor, c.conversions, c.value, s.error, c.value - s.error * omnicrm.attribution_t95(n), c.value + s.error * omnicrm.attribution_t95(n)
  FROM credit AS c
    LEFT JOIN (SELECT v.model, v.actor, sqrt(v.variance)::double precision AS error FROM spread AS v) AS s
      ON s.model = c.model AND s.actor IS NOT DISTINCT FROM c.actor
  ORDER BY c.place, c.actor COLLATE "C" NULLS LAST;
END
$$;
COMMENT ON FUNCTION omnicrm.attribution_confidence(omnicrm.attribution_summary[], text[], integer) IS
  'What each actor has by some models (those of attribution_credit(), and markov), and how sure that is: standard error of the value and its 95 % interval, by the jackknife that leaves out one group of journeys after the other (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 11). groups: summaries of disjoint groups of journeys made by chance, 20 say: array_agg over omnicrm.attribution(...) GROUP BY journey_key % 20. scale: decimals of the values, which add up exactly. It says how much the credit would differ with other customers of the same kind, not whether the model is right. Errors and intervals are NULL for one group, intervals below 5. A row with actor NULL is what nobody has; no rows without a group or model. Errors: as attribution_rollup(), attribution_credit() and markov_credit().';
