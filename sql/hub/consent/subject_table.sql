-- What each table of the hub holds of a person, how his or her rows are found,
-- and what becomes of them at erasure. Export, erasure and their tests go by this
-- list: a table that is not here makes test/sql/subject_tables.sql fail.

-- reach: condition on a row (alias t); $1 record ids, $2 customer ids, of the
-- person. erase: what becomes of the rows; empty: the columns in `emptied` become
-- NULL, or what stands behind their name. kept: the other columns. Tables are
-- erased in this order, so that those by which rows of others are found come last.
CREATE OR REPLACE FUNCTION @hub@.subject_table()
RETURNS TABLE (table_name text, reach text, erase text, emptied text[], kept text[], why text)
LANGUAGE sql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $$
  VALUES
    -- What was derived from the person's values.
    ('contact_event', 't.record_id = ANY ($1) OR t.record_id IS NULL AND EXISTS (SELECT FROM @hub@.contact_sighting AS s WHERE s.record_id = ANY ($1) AND s.kind = t.kind AND s.value = t.value)',
     'apart', NULL, ARRAY['kind', 'value', 'state', 'reported_by', 'why'], 'What was reported of contact points: erase_shared_values() takes out what nobody else has.'),
    ('contact_seen', 't.record_id = ANY ($1)', 'delete', NULL, NULL, 'Earlier contact points.'),
    ('identifier', 't.record_id = ANY ($1)', 'delete', NULL, NULL, 'Normalised identifiers.'),
    ('match_link', 't.record_a = ANY ($1) OR t.record_b = ANY ($1)', 'delete', NULL, NULL, 'Shared values, and names as similar as they are.'),
    ('match_candidate', 't.record_a = ANY ($1) OR t.record_b = ANY ($1)', 'delete', NULL, NULL, 'What the model found alike.'),
    ('match_compared', 't.record_id = ANY ($1)', 'delete', NULL, NULL, 'Normalised values.'),
    ('match_decision', 't.record_a = ANY ($1) OR t.record_b = ANY ($1)', 'delete', NULL, NULL, 'What somebody decided, in words.'),
    ('steward_event', 't.customers_before && $2 OR t.customers_after && $2 OR t.event_id IN (SELECT d.event_id FROM @hub@.steward_decision AS d WHERE d.record_a = ANY ($1) OR d.record_b = ANY ($1))',
     'empty', ARRAY['why = ''erased''', 'undone_why = CASE WHEN t.undone_why IS NOT NULL THEN ''erased'' END'],
     ARRAY['event_id', 'kind', 'customers_before', 'customers_after', 'who', 'forced', 'at', 'by_role', 'undone_at', 'undone_by'], 'What stewards did, and why.'),
    ('steward_decision', 't.record_a = ANY ($1) OR t.record_b = ANY ($1)', 'delete', NULL, NULL, 'Which records stewards joined or parted.'),
    ('review_queue', 't.record_a = ANY ($1) OR t.record_b = ANY ($1)', 'delete', NULL, NULL, 'Pairs that may be one person.'),
    ('resolve_queue', 't.record_id = ANY ($1)', 'delete', NULL, NULL, 'Work for crm.resolve().'),
    ('customer_history', 't.customer_id = ANY ($2)', 'delete', NULL, NULL, 'Earlier values of the golden record.'),
    ('customer_override', 't.record_id = ANY ($1) OR t.customer_id = ANY ($2)', 'delete', NULL, NULL, 'Values that stewards decided, and why.'),
    ('customer_score', 't.customer_id = ANY ($2)', 'delete', NULL, NULL, 'Profile: scores and segments.'),
    ('segment_member', 't.customer_id = ANY ($2)', 'delete', NULL, NULL, 'Profile: segments from when to when.'),
    ('offer_exclusion', 't.customer_id = ANY ($2)', 'delete', NULL, NULL, 'What may not be offered, and why.'),
    ('company_role', 't.record_id = ANY ($1) OR t.company_record_id = ANY ($1)', 'delete', NULL, NULL, 'Roles at companies, or the contacts of the company.'),
    ('referral_event', 't.record_id = ANY ($1) OR t.referrer_record_id = ANY ($1)', 'delete', NULL, NULL, 'Who recommended whom.'),
    ('household_member', 't.record_id = ANY ($1)', 'delete', NULL, NULL, 'With whom he or she lives, as far as the hub can tell.'),
    ('restricted_record', 't.record_id = ANY ($1)', 'delete', NULL, NULL, 'Restriction: there is nothing left to restrict.'),
    ('source_record_history', 't.record_id = ANY ($1)', 'delete', NULL, NULL, 'Earlier versions of the records.'),
    -- Facts stay, under keys that name nobody: sums go on adding up.
    ('sales_order', 't.record_id = ANY ($1)', 'empty', ARRAY['content_hash = 0'],
     ARRAY['order_id', 'source_id', 'order_key', 'load_id', 'record_id', 'channel_id', 'employee_id', 'ordered_at', 'kind', 'returns_key',
           'sale_key', 'duplicate_of', 'revenue', 'gross_margin', 'contribution_margin', 'currency'], 'Orders, for the books. erase_order_keys() replaces their keys.'),
    ('order_line', 't.order_id IN (SELECT o.order_id FROM @hub@.sales_order AS o WHERE o.record_id = ANY ($1))', 'empty',
     ARRAY['content_hash = 0', 'line_key = '' erased '' || t.order_line_id'],
     ARRAY['order_line_id', 'order_id', 'load_id', 'product_id', 'quantity', 'revenue', 'gross_margin', 'contribution_margin'], 'Lines of the orders.'),
    ('payment', 't.order_id IN (SELECT o.order_id FROM @hub@.sales_order AS o WHERE o.record_id = ANY ($1))', 'empty',
     ARRAY['content_hash = 0', 'payment_key = '' erased '' || t.payment_id'],
     ARRAY['payment_id', 'source_id', 'load_id', 'order_id', 'terms_days', 'due_on', 'paid_on', 'amount', 'method'], 'Payments of the orders.'),
    ('touch', 't.record_id = ANY ($1)', 'empty', ARRAY['content_hash = 0', 'event_key = '' erased '' || t.touch_id'],
     ARRAY['touch_id', 'source_id', 'load_id', 'record_id', 'occurred_at', 'channel_id', 'employee_id', 'role', 'direction', 'message_type',
           'campaign_id', 'phase', 'emotion', 'cost'], 'Contacts: credits and commissions rest on them.'),
    ('lead', 't.record_id = ANY ($1)', 'empty', ARRAY['content_hash = 0', 'lead_key = '' erased '' || t.lead_id', 'lost_reason'],
     ARRAY['lead_id', 'source_id', 'load_id', 'record_id', 'created_at', 'origin', 'channel_id', 'campaign_id', 'brought_by', 'advised_by',
           'closed_by', 'won_at', 'lost_at', 'value', 'sale_key'], 'Leads: commissions rest on them.'),
    ('service_case', 't.record_id = ANY ($1)', 'empty',
     ARRAY['content_hash = 0', 'case_key = '' erased '' || t.case_id', 'subject = ''erased'''],
     ARRAY['case_id', 'source_id', 'load_id', 'record_id', 'channel_id', 'employee_id', 'opened_at', 'closed_at', 'priority', 'satisfaction'],
     'Cases of service, without what they were about.'),
    ('consent_event', 't.record_id = ANY ($1)', 'empty', ARRAY['content_hash = 0', 'event_key = '' erased '' || t.consent_event_id'],
     ARRAY['consent_event_id', 'source_id', 'load_id', 'record_id', 'channel_kind', 'purpose', 'state', 'stated_at'],
     'Proof that contacts were allowed when they were made.'),
    ('attribution_credit', 't.order_id IN (SELECT o.order_id FROM @hub@.sales_order AS o WHERE o.record_id = ANY ($1))', 'keep', NULL, '{}',
     'Credit of the touches for the orders.'),
    ('commission_pool', 't.order_id IN (SELECT o.order_id FROM @hub@.sales_order AS o WHERE o.record_id = ANY ($1))', 'keep', NULL,
     ARRAY['sale_key', 'kind', 'reason'], 'Commission of the orders. erase_order_keys() replaces the keys.'),
    ('commission_entry', 't.pool_id IN (SELECT p.pool_id FROM @hub@.sales_order AS o JOIN @hub@.commission_pool AS p ON p.order_id = o.order_id WHERE o.record_id = ANY ($1))',
     'keep', NULL, ARRAY['role', 'reason', 'evidence'], 'What employees get of it.'),
    -- Who it is.
    ('source_record', 't.record_id = ANY ($1)', 'empty',
     ARRAY['source_key = '' erased '' || t.record_id', 'content_hash = 0', 'business_at', 'erased_at = now()', 'entered_by', 'full_name',
           'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street', 'postcode', 'city', 'province', 'country',
           'loyalty_card', 'device', 'username', 'name_key', 'quality = ''000000000000000''', 'flags', 'attributes', 'payload = ''{}'''],
     ARRAY['record_id', 'source_id', 'load_id', 'received_at', 'kind'], 'Records: a number is left, for the facts that point to it.'),
    ('customer', 't.customer_id = ANY ($2)', 'empty',
     ARRAY['state = CASE t.state WHEN ''merged'' THEN ''merged'' ELSE ''erased'' END', 'full_name', 'given_name', 'surname', 'birth_date', 'gender',
           'email', 'phone', 'tax_id', 'street', 'postcode', 'city', 'province', 'country', 'loyalty_card', 'username', 'attributes',
           'name_tokens', 'certainty = 1', 'first_seen', 'last_seen', 'updated_at = now()'],
     ARRAY['customer_id', 'kind', 'record_count', 'source_count', 'created_at', 'merged_into'], 'The golden record: a number is left.'),
    ('customer_member', 't.record_id = ANY ($1)', 'keep', NULL, '{}', 'Which numbers are one person.'),
    ('customer_redirect', 't.old_id = ANY ($2)', 'keep', NULL, '{}', 'Which numbers are one person.'),
    ('outbox', 't.customer_id = ANY ($2) OR t.other_id = ANY ($2)', 'keep', NULL, ARRAY['change', 'attributes'], 'That something changed, without values.'),
    ('subject_log', 't.customer_id = ANY ($2) AND t.action <> ''erase''', 'empty', ARRAY['why = ''erased'''],
     ARRAY['subject_log_id', 'action', 'customer_id', 'done_by', 'done_at', 'touched'], 'What was done for the rights of the person.'),
    -- Rows of a person found and erased in a way of their own.
    ('quarantine', NULL, 'apart', NULL, ARRAY['quarantine_id', 'load_id', 'rule', 'detail', 'row_key', 'raw', 'state', 'replay_load_id', 'dropped_why', 'created_at', 'closed_at'],
     'Rows that broke a rule: subject_quarantine() tells whose they are.'),
    ('overshared_value', NULL, 'apart', NULL, ARRAY['kind', 'value'], 'Values that too many records hold: erase_shared_values() takes out those that nobody else holds.'),
    ('match_model', NULL, 'apart', NULL, ARRAY['model', 'origin', 'made_by'], 'Frequent values: erase_shared_values() takes out those that nobody else holds.'),
    -- Nothing of customers.
    ('hub_version', NULL, 'none', NULL, NULL, NULL), ('golden_state', NULL, 'none', NULL, NULL, NULL), ('run_log', NULL, 'none', NULL, NULL, 'Counts.'), ('access_grant', NULL, 'none', NULL, NULL, 'Roles.'),
    ('source', NULL, 'none', NULL, NULL, NULL), ('load_batch', NULL, 'none', NULL, NULL, 'Counts and mappings.'), ('contract_rule', NULL, 'none', NULL, NULL, NULL),
    ('match_rule', NULL, 'none', NULL, NULL, NULL), ('match_common_key', NULL, 'none', NULL, NULL, 'Hashes of values that many have.'), ('survivorship_attribute', NULL, 'none', NULL, NULL, NULL),
    ('survivorship_rule', NULL, 'none', NULL, NULL, NULL), ('survivorship_trust', NULL, 'none', NULL, NULL, NULL),
    ('channel', NULL, 'none', NULL, NULL, NULL), ('employee', NULL, 'none', NULL, NULL, 'Staff.'), ('campaign', NULL, 'none', NULL, NULL, NULL),
    ('product', NULL, 'none', NULL, NULL, NULL), ('segment_rule', NULL, 'none', NULL, NULL, NULL), ('rfm_cut', NULL, 'none', NULL, NULL, 'Cut points.'),
    ('segment_model', NULL, 'none', NULL, NULL, 'Parameters of models.'), ('strategy_rule', NULL, 'none', NULL, NULL, NULL), ('stage_requirement', NULL, 'none', NULL, NULL, NULL),
    ('product_neighbour', NULL, 'none', NULL, NULL, 'Counts.'), ('product_popularity', NULL, 'none', NULL, NULL, 'Counts.'),
    ('commission_plan', NULL, 'none', NULL, NULL, NULL), ('commission_role', NULL, 'none', NULL, NULL, NULL),
    ('attribution_run', NULL, 'none', NULL, NULL, 'Sums.'), ('attribution_actor_credit', NULL, 'none', NULL, NULL, 'Sums.'),
    ('attribution_flow', NULL, 'none', NULL, NULL, 'Counts.'), ('erasure_secret', NULL, 'none', NULL, NULL, NULL),
    ('audit_run', NULL, 'none', NULL, NULL, 'Counts.'), ('audit_source', NULL, 'none', NULL, NULL, 'Counts.'), ('audit_attribute', NULL, 'none', NULL, NULL, 'Counts.'),
    ('audit_entry', NULL, 'none', NULL, NULL, 'Counts of what staff entered.'), ('audit_holding', NULL, 'none', NULL, NULL, 'Names of columns, and counts.'),
    ('erased_key', NULL, 'none', NULL, NULL, 'Keyed hashes.')
$$;

COMMENT ON FUNCTION @hub@.subject_table() IS
  'One row for each table of the hub: what it holds of a person. reach: SQL condition for the person''s rows (alias t; $1 record ids, $2 customer ids); NULL: none, or found otherwise. erase: delete, empty (columns in emptied become NULL or the expression given; kept are the others), keep (nothing in it names anybody), apart (a function of its own, which leaves what others have too), none (nothing of customers). why: what is there, in words.';

-- An export or erasure that does not see every row is none.
CREATE OR REPLACE FUNCTION @hub@.require_whole_tables()
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  hidden text;
BEGIN
  SELECT string_agg(c.relname, ', ' ORDER BY c.relname) INTO hidden
  FROM pg_class AS c
  WHERE c.relnamespace = '@hub@'::regnamespace AND c.relkind IN ('r', 'p') AND row_security_active(c.oid);
  IF hidden IS NOT NULL THEN
    RAISE EXCEPTION 'row-level security hides rows of % from %', hidden, quote_ident(current_user)
      USING ERRCODE = 'insufficient_privilege',
            HINT = 'Export and erasure must see all rows: call them as the owner of the hub or a role with BYPASSRLS.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.require_whole_tables() IS
  'Raises insufficient_privilege when a row-level policy hides rows of a hub table from the caller. Returns nothing.';

-- The records of a living customer, and all ids that he or she ever had.
CREATE OR REPLACE FUNCTION @hub@.subject_keys(living bigint, OUT record_ids bigint[], OUT customer_ids bigint[])
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT ARRAY(SELECT m.record_id FROM @hub@.customer_member AS m WHERE m.customer_id = living ORDER BY m.record_id),
         ARRAY(SELECT r.old_id FROM @hub@.customer_redirect AS r WHERE r.customer_id = living ORDER BY r.old_id) || living
$$;

COMMENT ON FUNCTION @hub@.subject_keys(bigint) IS
  'Records of a living customer, and the customer ids that lead to him or her.';

-- The plan by which crm.load() would read rows that it read once.
CREATE OR REPLACE FUNCTION @hub@.sweep_plan(source_id integer, mapping jsonb, sweep jsonb)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  own_source @hub@.source;
BEGIN
  SELECT s.* INTO STRICT own_source FROM @hub@.source AS s WHERE s.source_id = sweep_plan.source_id;
  RETURN @hub@.load_plan(own_source, NULL, mapping) || sweep
         || jsonb_build_object('load_id', 0, 'replay', 0, 'started_at', now(), 'erased', true);
END
$$;

COMMENT ON FUNCTION @hub@.sweep_plan(integer, jsonb, jsonb) IS
  'Used by crm.subject_export() and crm.subject_erase(): the plan of crm.load() for quarantined rows ({"sweep_loads": load ids}) or earlier versions of records ({"sweep_records": record ids, "sweep_versions": load ids}).';

-- What the records say now and what they said before, in the form in which loads
-- are compared.
CREATE OR REPLACE FUNCTION @hub@.subject_versions(record_ids bigint[])
RETURNS TABLE (source_id integer, key text, kind text, name_key text, birth_date date, email text, phone text, tax_id text,
               loyalty_card text, device text, username text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET timezone = 'UTC'
AS $$
#variable_conflict use_column
DECLARE
  old record;
BEGIN
  RETURN QUERY
  SELECT r.source_id, r.source_key, r.kind, r.name_key, r.birth_date, r.email, r.phone, r.tax_id, r.loyalty_card, r.device, r.username
  FROM @hub@.source_record AS r
  WHERE r.record_id = ANY (record_ids);
  FOR old IN
    SELECT b.source_id, b.mapping, to_jsonb(array_agg(DISTINCT b.load_id)) AS loads, to_jsonb(array_agg(DISTINCT h.record_id)) AS records
    FROM @hub@.source_record_history AS h
    JOIN @hub@.load_batch AS b ON b.load_id = h.load_id
    WHERE h.record_id = ANY (record_ids)
    GROUP BY b.source_id, b.mapping
  LOOP
    RETURN QUERY EXECUTE format(
      'SELECT %s, s.key, s.kind, s.name_key, s.birth_date, s.email, s.phone, s.tax_id, s.loyalty_card, s.device, s.username FROM (%s) AS s',
      old.source_id,
      @hub@.customer_stage(@hub@.sweep_plan(old.source_id, old.mapping,
                                            jsonb_build_object('sweep_records', old.records, 'sweep_versions', old.loads))));
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.subject_versions(bigint[]) IS
  'Keys, name, date of birth and identifiers of records, normalised: of their present and of their earlier versions, which are read as crm.load() read them.';

-- Identifiers that belong to one person mostly count by themselves unless some
-- other record holds them too; those that households share count with the name.
CREATE OR REPLACE FUNCTION @hub@.subject_identifier_tokens(record_ids bigint[])
RETURNS TABLE (token text, scope text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH version AS MATERIALIZED (
    SELECT v.* FROM @hub@.subject_versions(record_ids) AS v
  ), held AS MATERIALIZED (
    SELECT DISTINCT i.kind, i.value, i.personal
    FROM version AS v
    CROSS JOIN LATERAL (VALUES
      ('tax_id', v.tax_id, v.kind = 'organisation' OR omnicrm.tax_id_kind(v.tax_id, 'ES') IS DISTINCT FROM 'organisation'),
      ('email', v.email, true), ('loyalty_card', v.loyalty_card, true), ('username', v.username, true),
      ('phone', v.phone, false), ('device', v.device, false),
      ('name_birth', CASE WHEN strpos(v.name_key, ' ') > 0 THEN v.name_key || '|' || to_char(v.birth_date, 'YYYY-MM-DD') END, true)
    ) AS i(kind, value, personal)
    WHERE i.value IS NOT NULL
    UNION
    SELECT o.attribute, o.value #>> '{}',
           o.attribute <> 'phone' AND (o.attribute <> 'tax_id' OR omnicrm.tax_id_kind(o.value #>> '{}', 'ES') IS DISTINCT FROM 'organisation')
    FROM @hub@.customer_override AS o
    WHERE o.record_id = ANY (record_ids) AND o.attribute IN ('tax_id', 'email', 'loyalty_card', 'username', 'phone') AND o.value IS NOT NULL
  ), judged AS MATERIALIZED (
    SELECT h.kind, h.value,
           bool_and(h.personal) AND NOT EXISTS (SELECT
                                                FROM @hub@.identifier AS i
                                                WHERE hashtextextended(i.value, 0) = hashtextextended(h.value, 0) AND i.value = h.value
                                                  AND i.kind = h.kind AND i.record_id <> ALL (record_ids)) AS alone
    FROM held AS h
    GROUP BY h.kind, h.value
  )
  SELECT DISTINCT format('key|%s|%s', v.source_id, v.key), 'any' FROM version AS v WHERE v.key IS NOT NULL
  UNION ALL
  SELECT j.kind || '|' || j.value, CASE WHEN j.alone THEN 'any' ELSE 'same name' END
  FROM judged AS j
  WHERE j.alone OR j.kind <> 'name_birth'
  UNION ALL
  SELECT DISTINCT j.kind || '|' || j.value || '|' || v.name_key, 'name'
  FROM judged AS j
  CROSS JOIN (SELECT DISTINCT w.name_key FROM version AS w WHERE w.name_key IS NOT NULL) AS v
  WHERE NOT j.alone AND j.kind <> 'name_birth'
$$;

COMMENT ON FUNCTION @hub@.subject_identifier_tokens(bigint[]) IS
  'Tokens (see record_tokens()) of the keys and identifiers of records, with their scope in erased_key: what stewards decided is among them; an e-mail, card, user name, personal tax number or name with date of birth counts alone unless another record holds it; phones, devices and what is shared count with the name.';

CREATE OR REPLACE FUNCTION @hub@.subject_fact_tokens(record_ids bigint[])
RETURNS TABLE (token text, scope text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  WITH own AS MATERIALIZED (
    SELECT o.order_id, o.source_id, o.order_key, o.sale_key FROM @hub@.sales_order AS o WHERE o.record_id = ANY (record_ids)
  )
  SELECT format('order|%s|%s', o.source_id, o.order_key), 'any' FROM own AS o
  UNION ALL
  SELECT DISTINCT 'sale|' || o.sale_key, 'any'
  FROM own AS o
  WHERE NOT EXISTS (SELECT FROM @hub@.sales_order AS x WHERE x.sale_key = o.sale_key AND x.record_id <> ALL (record_ids))
  UNION ALL
  SELECT format('payment|%s|%s', p.source_id, p.payment_key), 'any' FROM own AS o JOIN @hub@.payment AS p ON p.order_id = o.order_id
  UNION ALL
  SELECT format('touch|%s|%s', t.source_id, t.event_key), 'any' FROM @hub@.touch AS t WHERE t.record_id = ANY (record_ids)
  UNION ALL
  SELECT format('lead|%s|%s', l.source_id, l.lead_key), 'any' FROM @hub@.lead AS l WHERE l.record_id = ANY (record_ids)
  UNION ALL
  SELECT format('case|%s|%s', c.source_id, c.case_key), 'any' FROM @hub@.service_case AS c WHERE c.record_id = ANY (record_ids)
  UNION ALL
  SELECT format('consent|%s|%s', e.source_id, e.event_key), 'any' FROM @hub@.consent_event AS e WHERE e.record_id = ANY (record_ids)
  UNION ALL
  SELECT format('company_contact|%s|%s', k.source_id, k.role_key), 'any'
  FROM @hub@.company_role AS k
  WHERE k.source_id IS NOT NULL AND (k.record_id = ANY (record_ids) OR k.company_record_id = ANY (record_ids))
  UNION ALL
  SELECT format('referral|%s|%s', e.source_id, e.referral_key), 'any'
  FROM @hub@.referral_event AS e
  WHERE e.source_id IS NOT NULL AND (e.record_id = ANY (record_ids) OR e.referrer_record_id = ANY (record_ids))
$$;

COMMENT ON FUNCTION @hub@.subject_fact_tokens(bigint[]) IS
  'Tokens of the facts of records, see fact_tokens(): the same fact does not come in again beside the one that stays. A sale of which another person''s order tells too is left out.';

-- Quarantined rows that are the person's, in whatever state they are.
CREATE OR REPLACE FUNCTION @hub@.subject_quarantine(record_ids bigint[])
RETURNS SETOF bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
SET timezone = 'UTC'
AS $$
DECLARE
  delivered record;
  plan jsonb;
  is_customer boolean;
  orders CONSTANT bigint[] := ARRAY(SELECT o.order_id FROM @hub@.sales_order AS o WHERE o.record_id = ANY (record_ids));
  any_tokens text[];
  same_tokens text[];
  name_tokens text[];
BEGIN
  SELECT array_agg(t.token) FILTER (WHERE t.scope = 'any'), coalesce(array_agg(t.token) FILTER (WHERE t.scope = 'same name'), '{}'),
         coalesce(array_agg(t.token) FILTER (WHERE t.scope = 'name'), '{}')
  INTO any_tokens, same_tokens, name_tokens
  FROM (SELECT i.token, i.scope FROM @hub@.subject_identifier_tokens(record_ids) AS i
        UNION ALL
        SELECT f.token, f.scope FROM @hub@.subject_fact_tokens(record_ids) AS f) AS t;
  FOR delivered IN
    SELECT b.source_id, b.mapping, b.entity, to_jsonb(array_agg(b.load_id)) AS loads
    FROM @hub@.load_batch AS b
    JOIN @hub@.load_table() AS t ON t.entity = b.entity
    WHERE NOT t.is_dimension AND b.load_id IN (SELECT q.load_id FROM @hub@.quarantine AS q WHERE q.rule <> 'erased_subject')
    GROUP BY b.source_id, b.mapping, b.entity
    ORDER BY min(b.load_id)
  LOOP
    is_customer := delivered.entity = 'customer';
    plan := @hub@.sweep_plan(delivered.source_id, delivered.mapping, jsonb_build_object('sweep_loads', delivered.loads));
    RETURN QUERY EXECUTE format(
      'SELECT s.quarantine_id FROM (%s) AS s WHERE %s%s',
      CASE WHEN is_customer THEN @hub@.customer_stage(plan) ELSE @hub@.fact_stage(plan) END,
      CASE WHEN NOT is_customer THEN 's.record_id = ANY ($4) OR s.order_id = ANY ($5) OR ' END
      || CASE WHEN @hub@.other_target(delivered.entity) IS NOT NULL THEN 's.other_record_id = ANY ($4) OR ' ELSE '' END,
      @hub@.erased_condition(CASE WHEN is_customer THEN @hub@.record_tokens('s', quote_literal(delivered.source_id), 'key')
                                  ELSE @hub@.fact_tokens(plan) END,
                             CASE WHEN is_customer THEN 's.name_key' ELSE 'NULL::text' END))
    USING any_tokens, same_tokens, name_tokens, record_ids, orders;
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.subject_quarantine(bigint[]) IS
  'Rows of quarantine, open or closed, that are the person''s of these records: customer rows by key or identifiers, facts by the customer, order or key that they name. Each row is read as crm.load() read it.';
