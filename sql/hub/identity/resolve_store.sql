-- What follows from clusters for those who ask why: links and refusals, and what
-- waits for a person.

-- The decisions, in place of those that they replace: all of dirty records, and
-- those between two touched ones. What stays is not written again. old: the links of
-- touched records that are stored.
CREATE OR REPLACE FUNCTION @hub@.store_links(
  dirty bigint[], touched bigint[], old omnicrm.judged_pair[], pairs omnicrm.judged_pair[], OUT linked bigint, OUT refused bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  changes record;
BEGIN
  changes := omnicrm.changed_links(dirty, touched, old, pairs);
  IF cardinality(changes.gone_a) > 0 THEN
    DELETE FROM @hub@.match_link AS l
    USING unnest(changes.gone_a, changes.gone_b) AS o(record_a, record_b)
    WHERE l.record_a = o.record_a AND l.record_b = o.record_b;
  END IF;
  IF cardinality(changes.made) > 0 THEN
    INSERT INTO @hub@.match_link (record_a, record_b, kind, value, similarity, decision)
    SELECT p.record_a, p.record_b, p.kind, p.value, p.similarity, p.decision
    FROM unnest(changes.made) AS p;
  END IF;
  linked := changes.linked;
  refused := changes.refused;
END
$$;

COMMENT ON FUNCTION @hub@.store_links(bigint[], bigint[], omnicrm.judged_pair[], omnicrm.judged_pair[]) IS
  'Used by resolve_local(): stores links and refusals in match_link. Returns the number of each.';

-- Pairs of these records with those of other customers, for many of them.
CREATE OR REPLACE FUNCTION @hub@.review_pairs(record_ids bigint[], customer_ids bigint[])
RETURNS omnicrm.record_pairs
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  across omnicrm.record_pairs;
BEGIN
  SELECT array_agg(n.record_a), array_agg(n.record_b) INTO across
  FROM (SELECT DISTINCT k.record_a, k.record_b
        FROM (SELECT array_agg(u.record_id) AS records
              FROM unnest(record_ids, customer_ids) AS u(record_id, customer_id)
              GROUP BY u.customer_id
              OFFSET 0) AS c
        CROSS JOIN LATERAL unnest(c.records) AS t(record_id)
        CROSS JOIN LATERAL (SELECT k.record_a, k.record_b FROM @hub@.match_candidate AS k WHERE k.record_a = t.record_id AND k.record_b <> ALL (c.records)
                            UNION ALL
                            SELECT k.record_a, k.record_b FROM @hub@.match_candidate AS k WHERE k.record_b = t.record_id AND k.record_a <> ALL (c.records)
                            OFFSET 0) AS k) AS n;
  RETURN across;
END
$$;

COMMENT ON FUNCTION @hub@.review_pairs(bigint[], bigint[]) IS
  'Used by crm.resolve() of all records: the pairs that the model found alike whose records, record_ids[i] of customer_ids[i], belong to two customers; NULL for none. omnicrm.pairs_across() is the same for pairs that are at hand.';

-- What waits for a person: of two customers the pair with most evidence, unless
-- somebody has decided of them already. Most customers have nothing of the kind,
-- so it is looked for that first.
CREATE OR REPLACE FUNCTION @hub@.store_review(record_ids bigint[], across omnicrm.record_pairs, model_version integer)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_bitmapscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
DECLARE
  open_a bigint[];
  open_b bigint[];
  waiting bigint;
BEGIN
  SELECT array_agg(r.record_a), array_agg(r.record_b) INTO open_a, open_b
  FROM (SELECT k.record_a, k.record_b FROM @hub@.review_queue AS k WHERE k.record_a = ANY (record_ids) AND k.state = 'open'
        UNION ALL
        SELECT k.record_a, k.record_b FROM @hub@.review_queue AS k WHERE k.record_b = ANY (record_ids) AND k.state = 'open') AS r;
  IF across.record_a IS NULL AND open_a IS NULL THEN
    RETURN 0;
  END IF;
  WITH wanted AS MATERIALIZED (
    SELECT k.record_a, k.record_b, k.weight, k.probability, k.why,
           omnicrm.match_agreement((SELECT m.model FROM @hub@.match_model AS m WHERE m.version = model_version), k.pattern) AS agreement
    FROM (
      SELECT DISTINCT ON (least(ma.customer_id, mb.customer_id), greatest(ma.customer_id, mb.customer_id))
             c.record_a, c.record_b, c.weight, c.probability, c.pattern, ma.customer_id AS customer_a, mb.customer_id AS customer_b,
             CASE WHEN c.verdict = 'link' THEN coalesce(l.decision, c.verdict) ELSE c.verdict END AS why
      FROM unnest(across.record_a, across.record_b) AS n(record_a, record_b)
      CROSS JOIN LATERAL (SELECT k.customer_id FROM @hub@.customer_member AS k WHERE k.record_id = n.record_a OFFSET 0) AS ma
      CROSS JOIN LATERAL (SELECT k.customer_id FROM @hub@.customer_member AS k WHERE k.record_id = n.record_b AND k.customer_id <> ma.customer_id OFFSET 0) AS mb
      CROSS JOIN LATERAL (SELECT k.* FROM @hub@.match_candidate AS k WHERE k.record_a = n.record_a AND k.record_b = n.record_b OFFSET 0) AS c
      CROSS JOIN LATERAL (SELECT k.source_id, k.source_key FROM @hub@.source_record AS k WHERE k.record_id = n.record_a OFFSET 0) AS a
      CROSS JOIN LATERAL (SELECT k.source_id, k.source_key FROM @hub@.source_record AS k WHERE k.record_id = n.record_b OFFSET 0) AS b
      LEFT JOIN LATERAL (SELECT k.decision FROM @hub@.match_link AS k WHERE k.record_a = n.record_a AND k.record_b = n.record_b OFFSET 0) AS l ON true
      ORDER BY least(ma.customer_id, mb.customer_id), greatest(ma.customer_id, mb.customer_id), c.weight DESC,
               -- Not the ids, which depend on the order of loads.
               hashtextextended(a.source_key, a.source_id) # hashtextextended(b.source_key, b.source_id), c.record_a, c.record_b
    ) AS k
    WHERE (SELECT true
           FROM (VALUES (k.customer_a, k.customer_b), (k.customer_b, k.customer_a)) AS p(one, other)
           CROSS JOIN LATERAL (SELECT m.record_id FROM @hub@.customer_member AS m WHERE m.customer_id = p.one OFFSET 0) AS m
           CROSS JOIN LATERAL (SELECT d.record_b FROM @hub@.match_decision AS d WHERE d.record_a = m.record_id OFFSET 0) AS d
           CROSS JOIN LATERAL (SELECT o.customer_id FROM @hub@.customer_member AS o WHERE o.record_id = d.record_b OFFSET 0) AS o
           WHERE o.customer_id = p.other
           LIMIT 1) IS NULL
  ), gone AS (
    DELETE FROM @hub@.review_queue AS q
    USING (SELECT r.record_a, r.record_b FROM unnest(open_a, open_b) AS r(record_a, record_b)
           EXCEPT
           SELECT w.record_a, w.record_b FROM wanted AS w) AS o
    WHERE q.record_a = o.record_a AND q.record_b = o.record_b
  ), stored AS (
    INSERT INTO @hub@.review_queue AS q (record_a, record_b, weight, probability, why, agreement)
    SELECT w.record_a, w.record_b, w.weight, w.probability, w.why, w.agreement
    FROM wanted AS w
    ORDER BY w.weight DESC, w.record_a, w.record_b
    ON CONFLICT (record_a, record_b) DO UPDATE
    SET weight = excluded.weight, probability = excluded.probability, why = excluded.why, agreement = excluded.agreement
    WHERE q.state = 'open' AND (q.weight, q.why, q.agreement) IS DISTINCT FROM (excluded.weight, excluded.why, excluded.agreement)
  )
  SELECT count(*) INTO waiting FROM wanted AS w;
  RETURN waiting;
END
$$;

COMMENT ON FUNCTION @hub@.store_review(bigint[], omnicrm.record_pairs, integer) IS
  'Used by crm.resolve(): brings crm.review_queue up to date for these records; across: the pairs of them with records of other customers that the model found alike. Returns the number of pairs of theirs that wait.';
