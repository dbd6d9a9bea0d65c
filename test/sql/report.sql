-- The column contract of the reporting views: names and types that dashboards
-- rely on. A change here is a change for every user of a BI tool.
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

\pset format unaligned
SELECT c.relname AS view, a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'crm_bi'::regnamespace
  AND a.attnum > 0
ORDER BY c.relname COLLATE "C", a.attnum;
\pset format aligned

-- Every view answers on an empty hub.
DO $$
DECLARE
  report record;
BEGIN
  FOR report IN
    SELECT c.oid::regclass AS name
    FROM pg_class AS c
    WHERE c.relnamespace = 'crm_bi'::regnamespace AND c.relkind = 'v'
    ORDER BY c.relname
  LOOP
    EXECUTE format('SELECT count(v) FROM %s AS v', report.name);
  END LOOP;
END
$$;

-- The calendar holds whole years.
SELECT count(*) FILTER (WHERE extract(doy FROM day) = 1) = count(DISTINCT year) AS whole_years,
       count(*) = max(day) - min(day) + 1 AS no_gap,
       count(*) = count(DISTINCT day) AS no_double
FROM crm_bi.dim_date;

DROP SCHEMA crm, crm_bi CASCADE;
