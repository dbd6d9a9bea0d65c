-- Where golden values come from, and what holds a customer together.

-- What each record of a customer says of each attribute, in the canonical order
-- of survivorship. number: of the column, NULL for further
-- attributes.
CREATE OR REPLACE FUNCTION @hub@.told_values(customer_id bigint)
RETURNS TABLE (attribute text, number integer, value text, record_id bigint, source text, source_key text, place bigint)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO'
AS $$
  SELECT a.attribute, a.number, a.value, r.record_id, s.name, r.source_key,
         row_number() OVER (ORDER BY s.trust DESC, r.business_at DESC NULLS LAST, r.record_id)
  FROM @hub@.customer_member AS m
  JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  JOIN @hub@.source AS s ON s.source_id = r.source_id
  CROSS JOIN LATERAL (
    SELECT c.attribute, c.number::integer, c.value
    FROM unnest(@hub@.survivorship_columns(),
                ARRAY[r.full_name, r.given_name, r.surname, r.birth_date::text, r.gender, r.email, r.phone, r.tax_id, r.street, r.postcode,
                      r.city, r.province, r.country, r.loyalty_card, r.username]) WITH ORDINALITY AS c(attribute, value, number)
    UNION ALL
    SELECT e.key, NULL, e.value
    FROM jsonb_each_text(CASE WHEN jsonb_typeof(r.attributes) = 'object' THEN r.attributes END) AS e(key, value)
  ) AS a
  WHERE m.customer_id = $1 AND a.value <> ''
$$;

COMMENT ON FUNCTION @hub@.told_values(bigint) IS
  'Used by crm.lineage(): what the records of a customer (living id) say, one row for each value; place: the order of the records, the most trusted first.';

-- Each surviving value with the record that it comes from.
CREATE OR REPLACE FUNCTION @hub@.surviving_values(customer_id bigint)
RETURNS TABLE (attribute text, number integer, value text, record_id bigint, rule text, candidates integer)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO'
AS $$
  WITH golden AS MATERIALIZED (
    SELECT g.*
    FROM (SELECT array_agg(m.record_id ORDER BY m.record_id) AS records, array_agg(m.customer_id) AS customers
          FROM @hub@.customer_member AS m
          WHERE m.customer_id = $1) AS m
    CROSS JOIN LATERAL @hub@.golden_rows(m.records, m.customers) AS g
  )
  SELECT c.attribute, c.number::integer, c.value, c.record_id, c.rule, c.candidates
  FROM golden AS g
  CROSS JOIN LATERAL unnest(
    @hub@.survivorship_columns(),
    ARRAY[g.full_name, g.given_name, g.surname, g.birth_date::text, g.gender, g.email, g.phone, g.tax_id, g.street, g.postcode, g.city,
          g.province, g.country, g.loyalty_card, g.username],
    g.from_records, g.from_rules, g.candidates) WITH ORDINALITY AS c(attribute, value, record_id, rule, candidates, number)
  UNION ALL
  SELECT e.key, NULL, g.attributes ->> e.key, (e.value ->> 'record')::bigint, e.value ->> 'rule', (e.value ->> 'candidates')::integer
  FROM golden AS g
  CROSS JOIN LATERAL jsonb_each(g.attribute_provenance) AS e(key, value)
$$;

COMMENT ON FUNCTION @hub@.surviving_values(bigint) IS
  'Used by crm.lineage(): the golden values of a customer (living id), one row for each attribute that has a value or was decided.';

CREATE OR REPLACE FUNCTION @hub@.lineage(customer_id bigint)
RETURNS TABLE (attribute text, value text, source text, source_key text, record_id bigint, rule text, candidates integer,
               others text[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH told AS MATERIALIZED (
    SELECT t.* FROM @hub@.told_values(@hub@.current_id($1)) AS t
  )
  SELECT v.attribute, v.value, CASE WHEN v.rule = 'steward' THEN o.who ELSE s.source END, s.source_key, v.record_id, v.rule,
         coalesce(v.candidates, 0),
         (SELECT array_agg(format('%s (%s %s)', t.value, t.source, t.source_key) ORDER BY t.place)
          FROM told AS t
          WHERE t.attribute = v.attribute AND t.value IS DISTINCT FROM v.value)
  FROM @hub@.surviving_values(@hub@.current_id($1)) AS v
  LEFT JOIN LATERAL (
    SELECT n.name AS source, r.source_key
    FROM @hub@.source_record AS r
    JOIN @hub@.source AS n ON n.source_id = r.source_id
    WHERE r.record_id = v.record_id
  ) AS s ON true
  LEFT JOIN LATERAL (
    SELECT k.who
    FROM @hub@.customer_member AS m
    JOIN @hub@.customer_override AS k ON k.record_id = m.record_id
    WHERE v.rule = 'steward' AND m.customer_id = @hub@.current_id($1) AND k.attribute = v.attribute AND k.withdrawn_at IS NULL
      AND (k.until IS NULL OR k.until > (SELECT g.as_of FROM @hub@.golden_state AS g))
    ORDER BY k.override_id DESC
    LIMIT 1
  ) AS o ON true
  WHERE v.rule IS NOT NULL
  ORDER BY v.number, v.attribute COLLATE "C"
$$;

COMMENT ON FUNCTION @hub@.lineage(bigint) IS
  'Where each surviving value of a customer comes from: attribute, value, source, source_key and record_id; rule that decided (only value, plausible, the last rule of survivorship_rule that was needed, "tie" where it left several, or steward); candidates, how many different values competed; others, the values that lost with their source and key. sum and union have no record, what a steward decided has no record either: source is who. Old ids work.';

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
