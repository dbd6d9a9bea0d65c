-- The sign test against exact arithmetic, and Holm's correction against its definition.
SET extra_float_digits = 0;
-- Exact values of rational arithmetic (Python's fractions).
SELECT a, b, p AS told, omnicrm.sign_test(a, b) AS p
FROM (VALUES (0, 0, 1), (1, 0, 1), (1, 1, 1), (3, 1, 0.625), (0, 10, 0.001953125), (560, 441, 0.0001887232370432557), (450, 551, 0.001561138839699202),
             (16, 985, 4.084073826597661e-267), (1, 1000, 9.351301457402253e-299), (0, 1010, 1.8227805048890994e-304), (10000, 10400, 0.005211904014324274),
             (100000, 100001, 1)) AS v(a, b, p)
WHERE abs(omnicrm.sign_test(a, b) / p - 1) > 1e-11 OR omnicrm.sign_test(a, b) <> omnicrm.sign_test(b, a);
-- All splits up to 60 observations, and some up to 1500 (across the bound between
-- the two ways at 1000), against sums of binomial coefficients in numeric.
CREATE FUNCTION pg_temp.exact(n integer)
RETURNS TABLE (k integer, p numeric)
LANGUAGE sql
AS $$
  WITH RECURSIVE c(k, coefficient, sum) AS (
    SELECT 0, 1::numeric, 1::numeric
    UNION ALL
    SELECT c.k + 1, div(c.coefficient * (n - c.k), c.k + 1), c.sum + div(c.coefficient * (n - c.k), c.k + 1) FROM c WHERE c.k < n / 2
  )
  SELECT c.k, least(1, 2 * c.sum / 2::numeric ^ n) FROM c
$$;
SELECT count(*) AS compared, count(*) FILTER (WHERE abs(omnicrm.sign_test(k, n - k) - p::float8) > 1e-12 * p::float8) AS wrong
FROM (SELECT n, (pg_temp.exact(n)).* FROM generate_series(1, 60) AS n UNION ALL SELECT n, (pg_temp.exact(n)).* FROM unnest('{400,999,1000,1001,1002,1500}'::integer[]) AS n) AS x
WHERE p > 1e-250;
-- The normal distribution's tail, to which large ones come.
SELECT round(omnicrm.sign_test(500000000, 500063246)::numeric, 4) AS z_2, round(omnicrm.sign_test(250000000000, 250000000000 - 1000000)::numeric, 4) AS z_1_4142,
       omnicrm.sign_test(1000000000000, 0) AS nothing_left;
-- It falls as the split grows more uneven, over the bound too.
SELECT bool_and(p <= before) AS falls FROM (SELECT omnicrm.sign_test(k, n - k) AS p, lag(omnicrm.sign_test(k, n - k)) OVER (PARTITION BY n ORDER BY k DESC) AS before
                                            FROM unnest('{999,1000,1001,1000001}'::bigint[]) AS n, generate_series(0, 500) AS k) AS x WHERE before IS NOT NULL;
SELECT omnicrm.sign_test(NULL, 1) IS NULL AS null_for_null;
SELECT omnicrm.sign_test(-1, 1);
SELECT omnicrm.sign_test(1, '-9223372036854775808');
SELECT omnicrm.sign_test(9223372036854775807, 9223372036854775807);
SELECT omnicrm.sign_test(1000000000000, 1);

-- Holm.
SELECT omnicrm.holm('{0.01, 0.04, 0.03, 0.005}') AS wikipedia, omnicrm.holm('{0.01, NULL, 0.04, 1, 0.03, NULL}') AS with_nulls, omnicrm.holm('{0.2, 0.2}') AS ties,
       omnicrm.holm('{}') AS empty, omnicrm.holm('{NULL}') AS none, omnicrm.holm('[5:6]={0.5, 0}') AS bounds, omnicrm.holm(NULL) IS NULL AS null_for_null;
-- By its definition, over random values with ties.
WITH v AS (
  SELECT run, array_agg(p ORDER BY n) AS p FROM (
    SELECT run, n, CASE WHEN h % 7 > 0 THEN (h % 50) / 400.0::float8 END AS p
    FROM generate_series(1, 60) AS run, generate_series(1, run) AS n, LATERAL (SELECT abs(hashint4extended(run * 1000 + n, 42)) % 100000 AS h) AS x) AS y
  GROUP BY run
), told AS (
  SELECT v.run, t.n, t.p, x.adjusted, row_number() OVER (PARTITION BY v.run, t.p IS NULL ORDER BY t.p, t.n) AS rank, count(t.p) OVER (PARTITION BY v.run) AS m
  FROM v CROSS JOIN LATERAL unnest(v.p) WITH ORDINALITY AS t(p, n) CROSS JOIN LATERAL (SELECT (omnicrm.holm(v.p))[t.n] AS adjusted) AS x
)
SELECT count(*) AS compared, count(*) FILTER (WHERE abs(adjusted - wanted) > 1e-15 OR (p IS NULL) <> (adjusted IS NULL)) AS wrong
FROM (SELECT t.*, max(least(1, (m - rank + 1) * p)) OVER (PARTITION BY run, p IS NULL ORDER BY rank) AS wanted FROM told AS t) AS x;
SELECT omnicrm.holm('{0.1, NaN}');
SELECT omnicrm.holm('{-0.1}');
SELECT omnicrm.holm('{1.5}');
SELECT omnicrm.holm('{Infinity}');
SELECT omnicrm.holm('{{0.1, 0.2}}');
