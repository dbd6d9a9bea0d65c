-- What a full run makes of the records of hub crm, compared with what is there.
-- All that follows from the records.
CREATE VIEW t.state AS
SELECT 'member' AS what, to_jsonb(m) - 'since' AS item FROM crm.customer_member AS m
UNION ALL SELECT 'customer', to_jsonb(c) - 'updated_at' FROM crm.customer AS c
UNION ALL SELECT 'redirect', to_jsonb(r) - 'since' FROM crm.customer_redirect AS r
UNION ALL SELECT 'link', to_jsonb(l) FROM crm.match_link AS l
UNION ALL SELECT 'candidate', to_jsonb(k) FROM crm.match_candidate AS k
UNION ALL SELECT 'review', to_jsonb(q) - 'since' FROM crm.review_queue AS q
UNION ALL SELECT 'overshared', to_jsonb(o) - 'since' - 'records' FROM crm.overshared_value AS o
UNION ALL SELECT 'compared', to_jsonb(p) FROM crm.match_compared AS p
UNION ALL SELECT 'common key', to_jsonb(k) FROM crm.match_common_key AS k;
-- Where a full run finds another state than the one that is there, which it leaves
-- behind. Resolve the queue before.
CREATE FUNCTION t.full_run() RETURNS TABLE (what text, only_full boolean, items bigint, example jsonb) LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE stepwise AS SELECT * FROM t.state;
  PERFORM crm.resolve('{"all": true}');
  RETURN QUERY
  SELECT d.what, d.only_full, count(*), min(d.item::text)::jsonb
  FROM ((SELECT *, true AS only_full FROM t.state EXCEPT ALL SELECT *, true FROM stepwise)
        UNION ALL (SELECT *, false FROM stepwise EXCEPT ALL SELECT *, false FROM t.state)) AS d
  GROUP BY d.what, d.only_full
  ORDER BY d.what, d.only_full;
  DROP TABLE stepwise;
END
$$;
