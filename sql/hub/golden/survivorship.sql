-- The rules of survivorship: what the tables say, whether it can be, and the plan
-- that follows for omnicrm.survive().

-- The columns that survive, in the order of source_record.quality.
CREATE OR REPLACE FUNCTION @hub@.survivorship_columns()
RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY['full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street', 'postcode', 'city', 'province',
               'country', 'loyalty_card', 'username']
$$;

COMMENT ON FUNCTION @hub@.survivorship_columns() IS
  'Names of the columns of crm.customer that survive by rule, in the order of source_record.quality.';

-- What is wrong with single attributes.
CREATE OR REPLACE FUNCTION @hub@.check_survivorship_attributes()
RETURNS TABLE (place text, problem text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT format('survivorship_attribute %s', c.name), 'the column has no row',
         format('INSERT INTO @hub@.survivorship_attribute (attribute, position) VALUES (%L, %s).', c.name, c.position)
  FROM unnest(@hub@.survivorship_columns()) WITH ORDINALITY AS c(name, position)
  WHERE NOT EXISTS (SELECT FROM @hub@.survivorship_attribute AS a WHERE a.attribute = c.name)
  UNION ALL
  SELECT format('survivorship_attribute %s', a.attribute), format('its group %L is the name of an attribute', a.attribute_group),
         'Give the group a name of its own.'
  FROM @hub@.survivorship_attribute AS a
  JOIN @hub@.survivorship_attribute AS o ON o.attribute = a.attribute_group
  UNION ALL
  SELECT format('survivorship_attribute %s', a.attribute), '* stands for all attributes without a row', 'Give the attribute another name.'
  FROM @hub@.survivorship_attribute AS a
  WHERE '*' IN (a.attribute, a.attribute_group)
  UNION ALL
  SELECT format('survivorship_attribute %s', a.attribute),
         format('%s differs from that of %s, which is of the same group', CASE WHEN a.implausible <> o.implausible THEN 'implausible' ELSE 'empty_from' END, o.attribute),
         'A group survives as a unit, by the same rules.'
  FROM @hub@.survivorship_attribute AS a
  JOIN @hub@.survivorship_attribute AS o ON o.attribute_group = a.attribute_group AND o.attribute COLLATE "C" < a.attribute COLLATE "C"
  WHERE a.implausible <> o.implausible OR a.empty_from IS DISTINCT FROM o.empty_from
  UNION ALL
  SELECT format('survivorship_attribute %s', a.attribute), format('unknown source in empty_from: %L', e.name), 'Known sources are in @hub@.source.'
  FROM @hub@.survivorship_attribute AS a
  CROSS JOIN LATERAL unnest(a.empty_from) AS e(name)
  WHERE NOT EXISTS (SELECT FROM @hub@.source AS s WHERE s.name = e.name)
  UNION ALL
  SELECT format('survivorship_trust %s (%s)', t.trust_id, t.source), format('it is about an unknown attribute: %L', t.attribute),
         'Name an attribute or group of @hub@.survivorship_attribute.'
  FROM @hub@.survivorship_trust AS t
  WHERE NOT EXISTS (SELECT FROM @hub@.survivorship_attribute AS a WHERE t.attribute IN (a.attribute, a.attribute_group))
    AND t.attribute IS NOT NULL
  UNION ALL
  SELECT format('survivorship_trust %s (%s)', t.trust_id, t.source), format('minimum %s is above the trust of the source, %s', t.minimum, s.trust),
         'Give a maximum, or a lower minimum.'
  FROM @hub@.survivorship_trust AS t
  JOIN @hub@.source AS s ON s.name = t.source
  WHERE t.maximum IS NULL AND t.minimum > s.trust
$$;

COMMENT ON FUNCTION @hub@.check_survivorship_attributes() IS
  'Used by crm.check_survivorship(): what is wrong in survivorship_attribute and survivorship_trust.';

-- What is wrong with single rules. unit_kind: column, extra (attribute alone),
-- group, member (of a group), others or NULL for what is not there.
CREATE OR REPLACE FUNCTION @hub@.check_survivorship_rules()
RETURNS TABLE (place text, problem text, hint text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH rule AS (
    SELECT r.rule_id, r.unit, r.step, r.rule, r.list, r.follows, daterange(r.valid_from, r.valid_to) AS period, a.type,
           format('survivorship_rule %s (%s, step %s)', r.rule_id, r.unit, r.step) AS place,
           CASE WHEN r.unit = '*' THEN 'others'
                WHEN a.attribute_group IS NOT NULL THEN 'member'
                WHEN a.position IS NOT NULL THEN 'column'
                WHEN a.attribute IS NOT NULL THEN 'extra'
                WHEN EXISTS (SELECT FROM @hub@.survivorship_attribute AS g WHERE g.attribute_group = r.unit) THEN 'group'
           END AS unit_kind
    FROM @hub@.survivorship_rule AS r
    LEFT JOIN @hub@.survivorship_attribute AS a ON a.attribute = r.unit
  )
  SELECT r.place, 'there is no such attribute or group',
         'Known are those of @hub@.survivorship_attribute; add a further attribute there first.'
  FROM rule AS r
  WHERE r.unit_kind IS NULL
  UNION ALL
  SELECT r.place, 'the attribute survives with its group', 'Give the rule for the group.' FROM rule AS r WHERE r.unit_kind = 'member'
  UNION ALL
  SELECT r.place, format('%s is for an attribute alone, not for a group', r.rule), 'A group survives as a unit, from one record.'
  FROM rule AS r
  WHERE r.unit_kind = 'group' AND r.rule IN ('sum', 'union', 'min', 'max', 'stage')
  UNION ALL
  SELECT r.place, format('%s is for further attributes, not for a column', r.rule), 'A column holds one value that a record gives.'
  FROM rule AS r
  WHERE r.unit_kind = 'column' AND r.rule IN ('sum', 'union')
  UNION ALL
  SELECT r.place, 'only numbers have a sum', 'Set type to number in @hub@.survivorship_attribute.'
  FROM rule AS r
  WHERE r.rule = 'sum' AND (r.unit_kind = 'extra' AND r.type <> 'number' OR r.unit_kind = 'others')
  UNION ALL
  SELECT r.place, format('%s takes all values and leaves nothing to rule %s', r.rule, o.rule_id), 'Let their periods not overlap.'
  FROM rule AS r
  JOIN rule AS o ON o.unit = r.unit AND o.step > r.step AND o.period && r.period
  WHERE r.rule IN ('sum', 'union')
  UNION ALL
  SELECT r.place, format('rule %s has the same step at the same time', o.rule_id), 'Give it another step, or let their periods not overlap.'
  FROM rule AS r
  JOIN rule AS o ON o.unit = r.unit AND o.step = r.step AND o.rule_id < r.rule_id AND o.period && r.period
  UNION ALL
  SELECT r.place, format('unknown source: %L', l.name), 'Known sources are in @hub@.source.'
  FROM rule AS r
  CROSS JOIN LATERAL unnest(r.list) AS l(name)
  WHERE r.rule = 'source' AND NOT EXISTS (SELECT FROM @hub@.source AS s WHERE s.name = l.name)
  UNION ALL
  SELECT r.place, format('it follows an attribute that is not there: %L', r.follows), 'Name an attribute or group of @hub@.survivorship_attribute.'
  FROM rule AS r
  WHERE r.rule = 'follow' AND NOT EXISTS (SELECT FROM @hub@.survivorship_attribute AS a WHERE r.follows IN (a.attribute, a.attribute_group))
$$;

COMMENT ON FUNCTION @hub@.check_survivorship_rules() IS
  'Used by crm.check_survivorship(): what is wrong in survivorship_rule, row by row.';

CREATE OR REPLACE FUNCTION @hub@.check_survivorship()
RETURNS TABLE (place text, problem text, hint text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY SELECT c.place, c.problem, c.hint FROM @hub@.check_survivorship_attributes() AS c ORDER BY c.place, c.problem;
  RETURN QUERY SELECT c.place, c.problem, c.hint FROM @hub@.check_survivorship_rules() AS c ORDER BY c.place, c.problem;
  RETURN QUERY
  WITH RECURSIVE follower AS (
    SELECT r.rule_id, r.unit, coalesce(a.attribute_group, r.follows) AS followed
    FROM @hub@.survivorship_rule AS r
    LEFT JOIN @hub@.survivorship_attribute AS a ON a.attribute = r.follows
    WHERE r.rule = 'follow'
  ), chain AS (
    SELECT f.rule_id, f.unit, f.followed FROM follower AS f
    UNION
    SELECT c.rule_id, c.unit, f.followed FROM chain AS c JOIN follower AS f ON f.unit = c.followed
  )
  SELECT format('survivorship_rule %s (%s)', c.rule_id, c.unit), 'it follows itself, directly or over others'::text,
         'Let one of them go by another rule.'::text
  FROM chain AS c
  WHERE c.followed = c.unit
  ORDER BY c.rule_id;
END
$$;

COMMENT ON FUNCTION @hub@.check_survivorship() IS
  'What is wrong with the rules of survivorship, one row for each problem, with the row that has it and what to do; no row when crm.rebuild_customers() can follow them.';

-- The rules of each unit as crm.survive() reads them.
CREATE OR REPLACE FUNCTION @hub@.survivorship_steps(unit text)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_agg(
           jsonb_strip_nulls(jsonb_build_object(
             'rule', r.rule, 'of', r.follows, 'from', to_char(r.valid_from, 'YYYY-MM-DD'), 'until', to_char(r.valid_to, 'YYYY-MM-DD'),
             'list', CASE r.rule
                       WHEN 'source' THEN (SELECT jsonb_agg(s.source_id ORDER BY l.n)
                                           FROM unnest(r.list) WITH ORDINALITY AS l(name, n)
                                           JOIN @hub@.source AS s ON s.name = l.name)
                       WHEN 'stage' THEN to_jsonb(r.list) END))
           ORDER BY r.step, r.valid_from NULLS FIRST)
  FROM @hub@.survivorship_rule AS r
  WHERE r.unit = $1
$$;

COMMENT ON FUNCTION @hub@.survivorship_steps(text) IS
  'Used by survivorship_plan(): the rules of an attribute or group as jsonb; NULL when it has none.';

CREATE OR REPLACE FUNCTION @hub@.survivorship_plan()
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  found_problem record;
BEGIN
  SELECT c.place, c.problem, c.hint INTO found_problem FROM @hub@.check_survivorship() AS c LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION '%: %', found_problem.place, found_problem.problem
      USING ERRCODE = 'invalid_parameter_value', HINT = found_problem.hint,
            DETAIL = 'The rules of before stay in force; @hub@.check_survivorship() lists everything that is wrong.';
  END IF;
  RETURN (
    WITH item AS (
      SELECT a.position, a.attribute,
             jsonb_strip_nulls(jsonb_build_object(
               'name', a.attribute, 'group', a.attribute_group, 'type', NULLIF(a.type, 'text'), 'implausible', NULLIF(a.implausible, 'last'),
               'rules', @hub@.survivorship_steps(coalesce(a.attribute_group, a.attribute)),
               'empty_from', (SELECT jsonb_agg(s.source_id ORDER BY s.source_id) FROM @hub@.source AS s WHERE s.name = ANY (a.empty_from)))) AS item
      FROM @hub@.survivorship_attribute AS a
    )
    SELECT jsonb_strip_nulls(jsonb_build_object(
      'attributes', (SELECT jsonb_agg(i.item ORDER BY i.position) FROM item AS i WHERE i.position IS NOT NULL),
      'extra', (SELECT jsonb_agg(i.item ORDER BY i.attribute COLLATE "C") FROM item AS i WHERE i.position IS NULL),
      'others', (SELECT jsonb_build_object('rules', o.rules) FROM @hub@.survivorship_steps('*') AS o(rules) WHERE o.rules IS NOT NULL),
      'sources', (SELECT jsonb_object_agg(s.source_id, s.trust) FROM @hub@.source AS s),
      'trust', (SELECT jsonb_agg(jsonb_build_object(
                         'source', s.source_id, 'attribute', t.attribute, 'maximum', t.maximum, 'minimum', t.minimum,
                         'decay', extract(epoch FROM t.decay) / 86400, 'curve', t.curve, 'downgrade', t.downgrade,
                         'keep_minimum', t.keep_minimum) ORDER BY t.trust_id)
                FROM @hub@.survivorship_trust AS t
                JOIN @hub@.source AS s ON s.name = t.source))));
END
$$;

COMMENT ON FUNCTION @hub@.survivorship_plan() IS
  'The plan for omnicrm.survive() that follows from survivorship_attribute, survivorship_rule, survivorship_trust and source now. Errors: invalid_parameter_value, with the row, when they cannot be followed.';

CREATE OR REPLACE FUNCTION @hub@.renew_survivorship()
RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $$
  UPDATE @hub@.golden_state AS s
  SET plan = @hub@.survivorship_plan()
  WHERE s.plan IS DISTINCT FROM @hub@.survivorship_plan()
$$;

COMMENT ON FUNCTION @hub@.renew_survivorship() IS
  'Used by crm.rebuild_customers(): makes the rules as they are now the ones that golden customers follow. Returns nothing. Errors: invalid_parameter_value.';

-- Whether golden customers follow the rules as they are now. A source that came
-- later goes by its own trust until then.
CREATE OR REPLACE FUNCTION @hub@.check_rules()
RETURNS TABLE (invariant text, key text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  rules jsonb;
BEGIN
  RETURN QUERY SELECT 'rules of survivorship that cannot be followed', c.place || ': ' || c.problem FROM @hub@.check_survivorship() AS c;
  IF NOT FOUND THEN
    rules := @hub@.survivorship_plan();
    RETURN QUERY
    SELECT 'rules of survivorship changed', 'call rebuild_customers()'
    FROM @hub@.golden_state AS s
    WHERE s.plan - 'sources' IS DISTINCT FROM rules - 'sources'
       OR EXISTS (SELECT
                  FROM jsonb_each(s.plan -> 'sources') AS k(source_id, trust)
                  WHERE rules #> ARRAY['sources', k.source_id] IS DISTINCT FROM k.trust);
  END IF;
  RETURN QUERY
  SELECT 'override without a record', 'override ' || o.override_id
  FROM @hub@.customer_override AS o
  WHERE o.record_id IS NULL AND o.withdrawn_at IS NULL
    AND EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = @hub@.current_id(o.customer_id));
END
$$;

COMMENT ON FUNCTION @hub@.check_rules() IS
  'Used by crm.check(): rules of survivorship that cannot be followed or are not followed yet, and overrides that lost their record.';

-- A new hub has no plan yet.
DO $$
BEGIN
  IF (SELECT s.plan IS NULL FROM @hub@.golden_state AS s) THEN
    PERFORM @hub@.renew_survivorship();
  END IF;
END
$$;
