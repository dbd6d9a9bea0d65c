-- Where golden values come from, what holds a customer together, and whether
-- everything still agrees.

CREATE OR REPLACE FUNCTION @hub@.current_id(customer_id bigint)
RETURNS bigint
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT CASE WHEN c.state = 'merged'
              THEN (SELECT r.customer_id FROM @hub@.customer_redirect AS r WHERE r.old_id = c.customer_id)
              ELSE c.customer_id END
  FROM @hub@.customer AS c
  WHERE c.customer_id = $1
$$;

COMMENT ON FUNCTION @hub@.current_id(bigint) IS
  'The living id of a customer id that was ever given: itself, or the one that it was merged into; NULL for an unknown id. One index probe for a living id, two for a merged one.';

CREATE OR REPLACE FUNCTION @hub@.lineage(customer_id bigint)
RETURNS TABLE (attribute text, value text, source text, source_key text, record_id bigint, rule text, candidates integer,
               others text[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH told AS MATERIALIZED (
    SELECT r.record_id, s.name AS source, s.trust, r.source_key, r.business_at, a.position, a.attribute,
           a.value
    FROM @hub@.customer_member AS m
    JOIN @hub@.source_record AS r ON r.record_id = m.record_id
    JOIN @hub@.source AS s ON s.source_id = r.source_id
    CROSS JOIN LATERAL (VALUES
      (1, 'full_name', r.full_name), (2, 'given_name', r.given_name), (3, 'surname', r.surname),
      (4, 'birth_date', r.birth_date::text), (5, 'gender', r.gender), (6, 'email', r.email), (7, 'phone', r.phone),
      (8, 'tax_id', r.tax_id), (9, 'street', r.street), (10, 'postcode', r.postcode), (11, 'city', r.city),
      (12, 'province', r.province), (13, 'country', r.country), (14, 'loyalty_card', r.loyalty_card), (15, 'username', r.username)
    ) AS a(position, attribute, value)
    WHERE m.customer_id = @hub@.current_id($1) AND a.value <> ''
  )
  SELECT t.attribute, t.value, t.source, t.source_key, t.record_id, u.rule, u.candidates,
         (SELECT array_agg(format('%s (%s %s)', o.value, o.source, o.source_key)
                           ORDER BY o.trust DESC, o.business_at DESC NULLS LAST, o.record_id)
          FROM told AS o
          WHERE o.position = t.position AND o.value <> t.value)
  FROM @hub@.customer_provenance AS v
  CROSS JOIN LATERAL unnest(v.record_ids, v.rules, v.candidates) WITH ORDINALITY AS u(record_id, rule, candidates, position)
  JOIN told AS t ON t.position = u.position AND t.record_id = u.record_id
  WHERE v.customer_id = @hub@.current_id($1)
  ORDER BY t.position
$$;

COMMENT ON FUNCTION @hub@.lineage(bigint) IS
  'Where each surviving value of a customer comes from: attribute, value, source, source_key and record_id; rule that decided (only value, plausible, or the rule of survivorship_rule); candidates, how many different values competed; others, the values that lost with their source and key. Old ids work.';

CREATE OR REPLACE FUNCTION @hub@.explain_match(customer_id bigint)
RETURNS TABLE (decision text, kind text, value text, similarity real, certainty real, record_a bigint, told_a text,
               record_b bigint, told_b text, other_customer bigint, reason text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH member AS MATERIALIZED (
    SELECT m.record_id, m.customer_id FROM @hub@.customer_member AS m WHERE m.customer_id = @hub@.current_id($1)
  ), link AS (
    SELECT l.record_a, l.record_b, l.kind, l.value, l.similarity, l.decision
    FROM member AS m
    JOIN @hub@.match_link AS l ON l.record_a = m.record_id
    UNION
    SELECT l.record_a, l.record_b, l.kind, l.value, l.similarity, l.decision
    FROM member AS m
    JOIN @hub@.match_link AS l ON l.record_b = m.record_id
  )
  SELECT l.decision, l.kind, l.value, l.similarity, CASE WHEN l.decision = 'linked' THEN k.certainty END,
         l.record_a, format('%s %s: %s', sa.name, a.source_key, coalesce(a.full_name, 'no name')),
         l.record_b, format('%s %s: %s', sb.name, b.source_key, coalesce(b.full_name, 'no name')),
         NULLIF(CASE WHEN ma.customer_id = @hub@.current_id($1) THEN mb.customer_id ELSE ma.customer_id END, @hub@.current_id($1)),
         CASE l.decision
           WHEN 'linked' THEN CASE WHEN l.kind = 'decision' THEN format('%s decided that they are one customer.', l.value)
                                   WHEN l.similarity < k.min_name_similarity AND '' IN (split_part(a.name_key, ' ', 2), split_part(b.name_key, ' ', 2))
                                   THEN 'Of one record a single word of the name is known; it agrees, and the record belongs to nobody else.'
                                   WHEN l.similarity < k.min_name_similarity
                                   THEN 'The names differ by typing errors; the birth date, or e-mail and phone, are the same.'
                                   ELSE k.description END
           WHEN 'names differ' THEN format('The names agree to %s; this rule asks for %s.', round(l.similarity::numeric, 2),
                                           round(k.min_name_similarity::numeric, 2))
           WHEN 'birth dates differ' THEN format('Born %s and %s: more than a typing error.', to_char(a.birth_date, 'YYYY-MM-DD'),
                                               to_char(b.birth_date, 'YYYY-MM-DD'))
           WHEN 'person and organisation' THEN 'A person and an organisation are never one customer.'
           WHEN 'tax numbers differ' THEN 'Their groups of records carry two different valid tax numbers.'
           WHEN 'groups differ' THEN 'These two agree, but records of their groups contradict each other in name or birth date.'
           WHEN 'decided apart' THEN 'Somebody decided that they, or records of their groups, are not one customer.'
           ELSE 'The record without a full name belongs to one customer at most and has joined another.'
         END
  FROM link AS l
  JOIN @hub@.source_record AS a ON a.record_id = l.record_a
  JOIN @hub@.source_record AS b ON b.record_id = l.record_b
  JOIN @hub@.source AS sa ON sa.source_id = a.source_id
  JOIN @hub@.source AS sb ON sb.source_id = b.source_id
  LEFT JOIN @hub@.match_rule AS k ON k.kind = l.kind
  LEFT JOIN @hub@.customer_member AS ma ON ma.record_id = l.record_a
  LEFT JOIN @hub@.customer_member AS mb ON mb.record_id = l.record_b
  ORDER BY l.decision <> 'linked', k.priority, l.record_a, l.record_b
$$;

COMMENT ON FUNCTION @hub@.explain_match(bigint) IS
  'Why the records of a customer are one customer, and why their neighbours are not: one row for each link and each refusal, with the shared value, the similarity of the names (0 to 1), the certainty of the rule, both records (source, key, name), for refusals the other customer, and the reason in words. Old ids work.';

-- Golden customers against what their records say now, slice by slice.
-- Customers with a record in the queue are left out: resolve() owes them an
-- answer.
CREATE OR REPLACE FUNCTION @hub@.check_golden()
RETURNS TABLE (invariant text, key text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  slice_size CONSTANT integer := 100000;
  slice bigint[];
  records bigint[];
  customers bigint[];
  last_id bigint := -1;
BEGIN
  LOOP
    slice := ARRAY(SELECT c.customer_id
                   FROM @hub@.customer AS c
                   WHERE c.customer_id > last_id AND c.state = 'active'
                   ORDER BY c.customer_id
                   LIMIT slice_size);
    EXIT WHEN cardinality(slice) = 0;
    last_id := slice[cardinality(slice)];
    SELECT array_agg(m.record_id ORDER BY m.customer_id, m.record_id),
           array_agg(m.customer_id ORDER BY m.customer_id, m.record_id) INTO records, customers
    FROM @hub@.customer_member AS m
    WHERE m.customer_id = ANY (slice);
    RETURN QUERY
    SELECT 'golden record differs from its records', 'customer ' || g.customer_id
    FROM @hub@.golden_rows(records, customers) AS g
    JOIN @hub@.customer AS c ON c.customer_id = g.customer_id
    LEFT JOIN @hub@.customer_provenance AS v ON v.customer_id = g.customer_id
    WHERE ((c.kind, c.full_name, c.given_name, c.surname, c.birth_date, c.gender, c.email, c.phone, c.tax_id,
            c.street, c.postcode, c.city, c.province, c.country, c.loyalty_card, c.username, c.attributes,
            c.name_tokens, c.certainty, c.record_count, c.source_count, c.first_seen, c.last_seen)
           IS DISTINCT FROM
           (g.kind, g.full_name, g.given_name, g.surname, g.birth_date, g.gender, g.email, g.phone, g.tax_id,
            g.street, g.postcode, g.city, g.province, g.country, g.loyalty_card, g.username, g.attributes,
            g.name_tokens, g.certainty, g.record_count, g.source_count, g.first_seen, g.last_seen)
           OR (v.record_ids, v.rules, v.candidates) IS DISTINCT FROM (g.from_records, g.from_rules, g.candidates))
      AND NOT EXISTS (SELECT
                      FROM @hub@.customer_member AS m
                      JOIN @hub@.resolve_queue AS q ON q.record_id = m.record_id
                      WHERE m.customer_id = g.customer_id);
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.check_golden() IS
  'Used by crm.check(): golden customers and provenance that differ from their recomputation, one row each.';

CREATE OR REPLACE FUNCTION @hub@.check()
RETURNS TABLE (invariant text, key text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  PERFORM @hub@.require_current();
  RETURN QUERY
  SELECT 'record without a customer', 'record ' || r.record_id
  FROM @hub@.source_record AS r
  WHERE NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.record_id = r.record_id)
    AND NOT EXISTS (SELECT FROM @hub@.resolve_queue AS q WHERE q.record_id = r.record_id);
  RETURN QUERY
  SELECT 'record of a customer that is not active', 'record ' || m.record_id
  FROM @hub@.customer_member AS m
  JOIN @hub@.customer AS c ON c.customer_id = m.customer_id
  WHERE c.state <> 'active';
  RETURN QUERY
  SELECT 'active customer without records', 'customer ' || c.customer_id
  FROM @hub@.customer AS c
  WHERE c.state = 'active' AND NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = c.customer_id);
  RETURN QUERY
  SELECT 'redirect to a customer that is not active', 'customer ' || r.old_id
  FROM @hub@.customer_redirect AS r
  JOIN @hub@.customer AS c ON c.customer_id = r.customer_id
  WHERE c.state <> 'active';
  RETURN QUERY
  SELECT 'redirect and state of a customer disagree', 'customer ' || c.customer_id
  FROM @hub@.customer AS c
  LEFT JOIN @hub@.customer_redirect AS r ON r.old_id = c.customer_id
  WHERE (c.state = 'merged') <> (r.old_id IS NOT NULL);
  RETURN QUERY
  SELECT 'linked records of different customers', format('records %s and %s', l.record_a, l.record_b)
  FROM @hub@.match_link AS l
  JOIN @hub@.customer_member AS a ON a.record_id = l.record_a
  JOIN @hub@.customer_member AS b ON b.record_id = l.record_b
  WHERE l.decision = 'linked' AND a.customer_id <> b.customer_id;
  RETURN QUERY
  SELECT 'two tax numbers in one customer', 'customer ' || m.customer_id
  FROM @hub@.customer_member AS m
  JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  WHERE r.tax_id IS NOT NULL AND omnicrm.tax_id_kind(r.tax_id, 'ES') = 'person'
    AND NOT EXISTS (SELECT FROM @hub@.resolve_queue AS q WHERE q.record_id = r.record_id)
  GROUP BY m.customer_id
  HAVING min(r.tax_id COLLATE "C") <> max(r.tax_id COLLATE "C");
  RETURN QUERY SELECT d.invariant, d.key FROM @hub@.check_golden() AS d;
END
$$;

COMMENT ON FUNCTION @hub@.check() IS
  'Broken invariants of the golden record, one row each; no row when all hold: every resolved record has one active customer, redirects are no chains, links join one customer, no customer has two personal tax numbers, golden customers and provenance equal their recomputation.';
