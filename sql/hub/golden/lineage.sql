-- Where golden values come from, and what holds a customer together.

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
