-- Two customers side by side, and the pairs that wait for a decision.

-- Order of the items of a picture.
CREATE OR REPLACE FUNCTION @hub@.steward_rank(aspect text, item text)
RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 100 * coalesce(array_position(ARRAY['id', 'records', 'value', 'facts', 'consent', 'credit by channel', 'credit by employee', 'commission'],
                                       aspect), 9)
         + coalesce(array_position(ARRAY['kind', 'full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street',
                                         'postcode', 'city', 'province', 'country', 'loyalty_card', 'username', 'attributes', 'certainty',
                                         'orders', 'revenue', 'touches', 'leads', 'cases'], item), 99)
$$;

COMMENT ON FUNCTION @hub@.steward_rank(text, text) IS 'Used by previews and crm.compare_customers(): place of an item in their output.';

-- The values that would survive if these records were one customer.
CREATE OR REPLACE FUNCTION @hub@.steward_survivors(record_ids bigint[])
RETURNS TABLE (item text, value text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT v.item, v.value
  FROM @hub@.golden_rows(record_ids, array_fill(0::bigint, ARRAY[cardinality(record_ids)])) AS g
  CROSS JOIN LATERAL (VALUES
    ('kind', g.kind), ('full_name', g.full_name), ('given_name', g.given_name), ('surname', g.surname),
    ('birth_date', to_char(g.birth_date, 'YYYY-MM-DD')), ('gender', g.gender), ('email', g.email), ('phone', g.phone), ('tax_id', g.tax_id),
    ('street', g.street), ('postcode', g.postcode), ('city', g.city), ('province', g.province), ('country', g.country),
    ('loyalty_card', g.loyalty_card), ('username', g.username), ('attributes', g.attributes::text)) AS v(item, value)
$$;

COMMENT ON FUNCTION @hub@.steward_survivors(bigint[]) IS
  'Used by crm.compare_customers(): the golden values that would survive if these records were one customer.';

CREATE OR REPLACE FUNCTION @hub@.compare_customers(a bigint, b bigint)
RETURNS TABLE (item text, value_a text, value_b text, agreement text, merged text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  living_a CONSTANT bigint := @hub@.require_customer(a);
  living_b CONSTANT bigint := @hub@.require_customer(b);
BEGIN
  RETURN QUERY
  WITH said AS MATERIALIZED (
    SELECT p.customer_id, p.aspect, p.item, p.value
    FROM @hub@.steward_picture(ARRAY[living_a, living_b]) AS p
  ), survivor AS (
    SELECT s.item, s.value
    FROM @hub@.steward_survivors(@hub@.customer_records(living_a)
                                 || CASE WHEN living_a = living_b THEN '{}' ELSE @hub@.customer_records(living_b) END) AS s
  )
  SELECT CASE k.aspect WHEN 'id' THEN 'customer' WHEN 'records' THEN 'records' ELSE k.item END, x.value, y.value,
         CASE WHEN k.aspect <> 'value' OR k.item IN ('kind', 'attributes', 'certainty') OR x.value IS NULL OR y.value IS NULL THEN NULL
              WHEN x.value = y.value THEN 'same'
              WHEN k.item IN ('full_name', 'given_name', 'surname', 'street', 'city', 'province') AND omnicrm.name_key(x.value) = omnicrm.name_key(y.value)
              THEN 'same words'
              WHEN k.item = 'full_name' THEN format('similar to %s', round(omnicrm.name_similarity(x.value, y.value)::numeric, 2))
              WHEN k.item = 'birth_date' AND omnicrm.dates_agree(x.value::date, y.value::date) THEN 'a typing error apart'
              ELSE 'different' END,
         CASE k.aspect WHEN 'id' THEN least(living_a, living_b)::text
                       WHEN 'records' THEN concat_ws(', ', x.value, CASE WHEN living_a <> living_b THEN y.value END)
                       WHEN 'value' THEN v.value
                       WHEN 'facts' THEN (coalesce(x.value, '0')::numeric + CASE WHEN living_a <> living_b THEN coalesce(y.value, '0')::numeric ELSE 0 END)::text
         END
  FROM (SELECT DISTINCT p.aspect, p.item FROM said AS p) AS k
  LEFT JOIN said AS x ON x.customer_id = living_a AND x.aspect = k.aspect AND x.item = k.item
  LEFT JOIN said AS y ON y.customer_id = living_b AND y.aspect = k.aspect AND y.item = k.item
  LEFT JOIN survivor AS v ON k.aspect = 'value' AND v.item = k.item
  ORDER BY @hub@.steward_rank(k.aspect, k.item), k.item;
END
$$;

COMMENT ON FUNCTION @hub@.compare_customers(bigint, bigint) IS
  'Two customers side by side, item by item: living id, records, golden values, counts of facts with the revenue of orders, consent. agreement of the values: same, same words (in other letters or order), a typing error apart, how similar the names are (0 to 1), or different. merged: what one customer of both would have, by survivorship alone (NULL for consent and certainty): crm.preview_merge() tells all that would change. Old ids work. Reads only. Errors: no_data_found, null_value_not_allowed.';

-- What waits, with all that is needed to decide. Laterals, so that the first rows
-- cost no more than themselves.
CREATE OR REPLACE VIEW @hub@.review_case
WITH (security_invoker = true) AS
SELECT q.record_a, q.record_b, x.customer_id AS customer_a, y.customer_id AS customer_b,
       round(q.weight::numeric, 1) AS weight, round(q.probability::numeric, 6) AS probability, q.why,
       (SELECT string_agg(format('%s: %s', e.key, e.value), ', ' ORDER BY e.key) FROM jsonb_each_text(q.agreement) AS e(key, value)) AS evidence,
       format('%s %s', sa.name, a.source_key) AS told_a, format('%s %s', sb.name, b.source_key) AS told_b,
       x.full_name AS name_a, y.full_name AS name_b, x.birth_date AS born_a, y.birth_date AS born_b,
       x.email AS email_a, y.email AS email_b, x.phone AS phone_a, y.phone AS phone_b, x.tax_id AS tax_id_a, y.tax_id AS tax_id_b,
       nullif(concat_ws(', ', x.street, nullif(concat_ws(' ', x.postcode, x.city), '')), '') AS address_a,
       nullif(concat_ws(', ', y.street, nullif(concat_ws(' ', y.postcode, y.city), '')), '') AS address_b,
       x.record_count AS records_a, y.record_count AS records_b, oa.orders AS orders_a, ob.orders AS orders_b,
       oa.revenue AS revenue_a, ob.revenue AS revenue_b,
       coalesce('refused: ' || c.reason,
                format('customer %s goes by %s: %s records, %s orders, %s revenue', greatest(x.customer_id, y.customer_id),
                       least(x.customer_id, y.customer_id), x.record_count + y.record_count, oa.orders + ob.orders, oa.revenue + ob.revenue)) AS merge,
       q.since
FROM @hub@.review_queue AS q
JOIN @hub@.source_record AS a ON a.record_id = q.record_a
JOIN @hub@.source_record AS b ON b.record_id = q.record_b
JOIN @hub@.source AS sa ON sa.source_id = a.source_id
JOIN @hub@.source AS sb ON sb.source_id = b.source_id
JOIN @hub@.customer_member AS ma ON ma.record_id = q.record_a
JOIN @hub@.customer_member AS mb ON mb.record_id = q.record_b
JOIN @hub@.customer AS x ON x.customer_id = ma.customer_id
JOIN @hub@.customer AS y ON y.customer_id = mb.customer_id
CROSS JOIN LATERAL (SELECT count(*) AS orders, coalesce(sum(o.revenue), 0)::numeric(18, 2) AS revenue
                    FROM @hub@.customer_member AS m
                    JOIN @hub@.sales_order AS o ON o.record_id = m.record_id AND o.duplicate_of IS NULL
                    WHERE m.customer_id = x.customer_id) AS oa
CROSS JOIN LATERAL (SELECT count(*) AS orders, coalesce(sum(o.revenue), 0)::numeric(18, 2) AS revenue
                    FROM @hub@.customer_member AS m
                    JOIN @hub@.sales_order AS o ON o.record_id = m.record_id AND o.duplicate_of IS NULL
                    WHERE m.customer_id = y.customer_id) AS ob
LEFT JOIN LATERAL (SELECT w.reason
                   FROM @hub@.why_not_merge(x.customer_id, y.customer_id) AS w
                   ORDER BY w.forcible, w.record_a, w.record_b
                   LIMIT 1) AS c ON true
WHERE q.state = 'open';

COMMENT ON VIEW @hub@.review_case IS 'One row is one open pair of review_queue with both customers side by side, the evidence, and what a merge would do. Decide with crm.decide_match(record_a, record_b, same, why).';
COMMENT ON COLUMN @hub@.review_case.record_a IS 'Smaller record id of the pair.';
COMMENT ON COLUMN @hub@.review_case.record_b IS 'Larger record id of the pair.';
COMMENT ON COLUMN @hub@.review_case.customer_a IS 'Customer of record_a.';
COMMENT ON COLUMN @hub@.review_case.customer_b IS 'Customer of record_b.';
COMMENT ON COLUMN @hub@.review_case.weight IS 'Evidence in bits that both are one person.';
COMMENT ON COLUMN @hub@.review_case.probability IS 'Probability of one person, 0 to 1.';
COMMENT ON COLUMN @hub@.review_case.why IS 'Why they were not linked.';
COMMENT ON COLUMN @hub@.review_case.evidence IS 'How the fields of the two records agree, in words.';
COMMENT ON COLUMN @hub@.review_case.told_a IS 'Source and key of record_a.';
COMMENT ON COLUMN @hub@.review_case.told_b IS 'Source and key of record_b.';
COMMENT ON COLUMN @hub@.review_case.name_a IS 'Surviving name of customer_a.';
COMMENT ON COLUMN @hub@.review_case.name_b IS 'Surviving name of customer_b.';
COMMENT ON COLUMN @hub@.review_case.born_a IS 'Surviving birth date of customer_a.';
COMMENT ON COLUMN @hub@.review_case.born_b IS 'Surviving birth date of customer_b.';
COMMENT ON COLUMN @hub@.review_case.email_a IS 'Surviving e-mail address of customer_a.';
COMMENT ON COLUMN @hub@.review_case.email_b IS 'Surviving e-mail address of customer_b.';
COMMENT ON COLUMN @hub@.review_case.phone_a IS 'Surviving phone of customer_a.';
COMMENT ON COLUMN @hub@.review_case.phone_b IS 'Surviving phone of customer_b.';
COMMENT ON COLUMN @hub@.review_case.tax_id_a IS 'Surviving tax number of customer_a.';
COMMENT ON COLUMN @hub@.review_case.tax_id_b IS 'Surviving tax number of customer_b.';
COMMENT ON COLUMN @hub@.review_case.address_a IS 'Surviving address of customer_a.';
COMMENT ON COLUMN @hub@.review_case.address_b IS 'Surviving address of customer_b.';
COMMENT ON COLUMN @hub@.review_case.records_a IS 'Number of records of customer_a.';
COMMENT ON COLUMN @hub@.review_case.records_b IS 'Number of records of customer_b.';
COMMENT ON COLUMN @hub@.review_case.orders_a IS 'Number of orders of customer_a.';
COMMENT ON COLUMN @hub@.review_case.orders_b IS 'Number of orders of customer_b.';
COMMENT ON COLUMN @hub@.review_case.revenue_a IS 'Revenue of customer_a, net of returns.';
COMMENT ON COLUMN @hub@.review_case.revenue_b IS 'Revenue of customer_b, net of returns.';
COMMENT ON COLUMN @hub@.review_case.merge IS 'What a merge would do, or why it would be refused; crm.preview_merge(customer_a, customer_b) tells more.';
COMMENT ON COLUMN @hub@.review_case.since IS 'When the pair came into the queue.';
