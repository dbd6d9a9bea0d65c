-- The right to erasure: a person goes, the books stay.

-- The keys of the person's orders, which lead back to him or her in the system
-- that delivered them. An order gets its number for a key; a key begins with a
-- blank, which no delivered key does. A sale of which another person's order
-- tells too keeps its sale_key, and a return finds its sale as before.
CREATE OR REPLACE FUNCTION @hub@.erase_order_keys(record_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET client_min_messages = warning
AS $$
DECLARE
  pools bigint;
BEGIN
  DROP TABLE IF EXISTS pg_temp.omnicrm_erase_order, pg_temp.omnicrm_erase_return;
  CREATE TEMPORARY TABLE omnicrm_erase_order ON COMMIT DROP AS
  SELECT o.order_id, o.source_id, o.order_key, o.kind, o.sale_key, coalesce(o.duplicate_of, o.order_id) AS primary_id,
         NOT EXISTS (SELECT FROM @hub@.sales_order AS x WHERE x.sale_key = o.sale_key AND x.record_id <> ALL (record_ids)) AS renamed
  FROM @hub@.sales_order AS o
  WHERE o.record_id = ANY (record_ids);
  -- Returns of the person, and returns of others that take back one of the orders.
  CREATE TEMPORARY TABLE omnicrm_erase_return ON COMMIT DROP AS
  SELECT r.order_id, b.original_id
  FROM (SELECT e.order_id FROM pg_temp.omnicrm_erase_order AS e WHERE e.kind = 'return'
        UNION
        SELECT x.order_id
        FROM pg_temp.omnicrm_erase_order AS e
        CROSS JOIN @hub@.source AS s
        JOIN @hub@.sales_order AS x ON x.source_id = s.source_id AND x.returns_key IN (e.order_key, e.sale_key) AND x.kind = 'return'
        UNION
        SELECT x.order_id
        FROM pg_temp.omnicrm_erase_order AS e
        JOIN @hub@.sales_order AS x ON x.sale_key = 'return:' || e.sale_key) AS r
  LEFT JOIN @hub@.return_original AS b ON b.order_id = r.order_id;

  UPDATE @hub@.sales_order AS o
  SET returns_key = CASE WHEN e.order_id IS NULL THEN p.sale_key ELSE ' erased ' || p.order_id END
  FROM pg_temp.omnicrm_erase_return AS r
  LEFT JOIN @hub@.sales_order AS p ON p.order_id = r.original_id
  LEFT JOIN pg_temp.omnicrm_erase_order AS e ON e.order_id = p.order_id
  WHERE o.order_id = r.order_id
    AND (e.order_id IS NOT NULL OR o.record_id = ANY (record_ids)
         OR EXISTS (SELECT FROM pg_temp.omnicrm_erase_order AS k WHERE k.order_key = o.returns_key));
  UPDATE @hub@.lead AS l
  SET sale_key = ' erased ' || e.primary_id
  FROM pg_temp.omnicrm_erase_order AS e
  WHERE l.sale_key = e.sale_key AND e.renamed AND e.kind = 'sale';
  UPDATE @hub@.lead AS l
  SET sale_key = NULL
  WHERE l.record_id = ANY (record_ids) AND l.sale_key IS NOT NULL
    AND NOT EXISTS (SELECT FROM pg_temp.omnicrm_erase_order AS e WHERE l.sale_key = ' erased ' || e.primary_id)
    AND NOT EXISTS (SELECT FROM @hub@.sales_order AS o WHERE o.sale_key = l.sale_key);
  UPDATE @hub@.commission_pool AS p
  SET sale_key = CASE e.kind WHEN 'return' THEN 'return: erased ' ELSE ' erased ' END || e.primary_id
  FROM pg_temp.omnicrm_erase_order AS e
  WHERE p.order_id = e.order_id AND p.sale_key = e.sale_key AND e.renamed;
  GET DIAGNOSTICS pools = ROW_COUNT;
  UPDATE @hub@.sales_order AS o
  SET order_key = ' erased ' || e.order_id,
      sale_key = CASE WHEN NOT e.renamed THEN o.sale_key
                      ELSE CASE e.kind WHEN 'return' THEN 'return: erased ' ELSE ' erased ' END || e.primary_id END
  FROM pg_temp.omnicrm_erase_order AS e
  WHERE o.order_id = e.order_id;
  DROP TABLE pg_temp.omnicrm_erase_order, pg_temp.omnicrm_erase_return;
  RETURN pools;
END
$$;

COMMENT ON FUNCTION @hub@.erase_order_keys(bigint[]) IS
  'Used by crm.subject_erase(): gives the orders of these records, their commission pools and the leads that won them keys that lead to nobody. Returns the number of pools.';

-- What is known of values that others may hold too: reports on contact points, the
-- list of over-shared values, the frequent values of the matching models. What
-- nobody else holds goes.
CREATE OR REPLACE FUNCTION @hub@.erase_shared_values(record_ids bigint[])
RETURNS TABLE (table_name text, rows bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  model record;
  term record;
  cleaned jsonb;
  others boolean;
  changed bigint := 0;
BEGIN
  DELETE FROM @hub@.contact_event AS e
  WHERE e.record_id = ANY (record_ids)
     OR e.record_id IS NULL
        AND EXISTS (SELECT FROM @hub@.contact_sighting AS s WHERE s.record_id = ANY (record_ids) AND s.kind = e.kind AND s.value = e.value)
        AND NOT EXISTS (SELECT
                        FROM @hub@.identifier AS i
                        WHERE hashtextextended(i.value, 0) = hashtextextended(e.value, 0) AND i.value = e.value AND i.kind = e.kind
                          AND i.record_id <> ALL (record_ids));
  GET DIAGNOSTICS rows = ROW_COUNT;
  table_name := 'contact_event';
  RETURN NEXT;

  WITH released AS (
    DELETE FROM @hub@.overshared_value AS o
    USING (SELECT DISTINCT i.kind, i.value FROM @hub@.identifier AS i WHERE i.record_id = ANY (record_ids)) AS own
    WHERE o.kind = own.kind AND o.value = own.value
    RETURNING o.kind, o.value
  ), looked_at_again AS (
    -- Others who hold it may be fewer than too many by now.
    INSERT INTO @hub@.resolve_queue (record_id)
    SELECT i.record_id
    FROM released AS e
    JOIN @hub@.identifier AS i ON hashtextextended(i.value, 0) = hashtextextended(e.value, 0) AND i.value = e.value AND i.kind = e.kind
    WHERE i.record_id <> ALL (record_ids)
  )
  SELECT 'overshared_value', count(*) INTO table_name, rows FROM released;
  RETURN NEXT;

  FOR model IN SELECT m.version, m.model FROM @hub@.match_model AS m ORDER BY m.version LOOP
    cleaned := model.model;
    FOR term IN
      SELECT DISTINCT c.place - 1 AS place, c.item ->> 'column' AS column_name, x.value_a AS value, to_jsonb(p) ->> (c.item ->> 'column') AS told
      FROM jsonb_array_elements(model.model -> 'comparisons') WITH ORDINALITY AS c(item, place)
      JOIN @hub@.match_record AS p ON p.record_id = ANY (record_ids)
      CROSS JOIN LATERAL omnicrm.match_explain(model.model, to_jsonb(p), to_jsonb(p)) AS x
      WHERE x.comparison = c.item ->> 'column' AND jsonb_typeof(c.item -> 'term_frequency') = 'object'
        AND c.item -> 'term_frequency' ? x.value_a
    LOOP
      EXECUTE format('SELECT EXISTS (SELECT FROM @hub@.match_record AS p WHERE p.record_id <> ALL ($1)'
                     || ' AND omnicrm.normalize_name(p.%I) = omnicrm.normalize_name($2))', term.column_name)
      INTO others USING record_ids, term.told;
      IF NOT others THEN
        cleaned := cleaned #- ARRAY['comparisons', term.place::text, 'term_frequency', term.value];
      END IF;
    END LOOP;
    UPDATE @hub@.match_model AS m SET model = cleaned WHERE m.version = model.version AND m.model <> cleaned;
    IF FOUND THEN
      changed := changed + 1;
    END IF;
  END LOOP;
  table_name := 'match_model';
  rows := changed;
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION @hub@.erase_shared_values(bigint[]) IS
  'Used by crm.subject_erase(): takes the values of these records out of contact_event and overshared_value, and out of the frequent values of the matching models, where no other record holds them. Returns the rows changed by table.';

-- Texts that give the person away in the statistics of a column: whole values,
-- and words of the name that no other customer bears.
CREATE OR REPLACE FUNCTION @hub@.telling_values(record_ids bigint[], customer_ids bigint[])
RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(array_agg(DISTINCT v.value), '{}')
  FROM (
    SELECT lower(x.value) AS value
    FROM @hub@.source_record AS r
    CROSS JOIN LATERAL (VALUES (r.source_key), (r.full_name), (r.given_name), (r.surname), (r.name_key), (r.email), (r.phone), (r.tax_id), (r.street),
                               (r.loyalty_card), (r.device), (r.username), (r.attributes::text), (r.payload::text)) AS x(value)
    WHERE r.record_id = ANY (record_ids)
    UNION ALL
    SELECT lower(h.payload::text) FROM @hub@.source_record_history AS h WHERE h.record_id = ANY (record_ids)
    UNION ALL
    SELECT lower(o.value #>> '{}') FROM @hub@.customer_override AS o WHERE o.record_id = ANY (record_ids) OR o.customer_id = ANY (customer_ids)
    UNION ALL
    SELECT lower(i.value) FROM @hub@.identifier AS i WHERE i.record_id = ANY (record_ids)
    UNION ALL
    SELECT lower(s.value) FROM @hub@.contact_seen AS s WHERE s.record_id = ANY (record_ids)
    UNION ALL
    SELECT lower(s.shown) FROM @hub@.contact_sighting AS s WHERE s.record_id = ANY (record_ids)
    UNION ALL
    SELECT w.word
    FROM @hub@.customer AS c
    CROSS JOIN LATERAL unnest(c.name_tokens) AS w(word)
    WHERE c.customer_id = ANY (customer_ids)
      AND NOT EXISTS (SELECT FROM @hub@.customer AS o WHERE o.name_tokens @> ARRAY[w.word] AND o.customer_id <> ALL (customer_ids))
  ) AS v
  WHERE v.value <> ''
$$;

COMMENT ON FUNCTION @hub@.telling_values(bigint[], bigint[]) IS
  'Used by crm.subject_erase(): keys, names, identifiers, addresses and delivered rows of records, and the words of the name that no other customer bears; in lower case.';

-- ANALYZE leaves what it knows of a table that has become empty; a column that is
-- given its own type again is forgotten.
CREATE OR REPLACE FUNCTION @hub@.forget_column(relation regclass, column_name name)
RETURNS boolean
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  EXECUTE (SELECT format('ALTER TABLE %s ALTER COLUMN %I TYPE %s%s', relation, a.attname, format_type(a.atttypid, a.atttypmod),
                         CASE WHEN a.attcollation <> y.typcollation THEN format(' COLLATE %I.%I', n.nspname, c.collname) END)
           FROM pg_attribute AS a
           JOIN pg_type AS y ON y.oid = a.atttypid
           LEFT JOIN pg_collation AS c ON c.oid = a.attcollation
           LEFT JOIN pg_namespace AS n ON n.oid = c.collnamespace
           WHERE a.attrelid = relation AND a.attname = column_name);
  RETURN true;
EXCEPTION WHEN feature_not_supported THEN
  -- A view or a policy of somebody's uses the column.
  RETURN false;
END
$$;

COMMENT ON FUNCTION @hub@.forget_column(regclass, name) IS
  'Used by crm.subject_erase(): removes the planner statistics of a column of an empty table. Returns false where a view or policy that uses the column forbids it.';

-- What the planner remembers of a column are values of it.
CREATE OR REPLACE FUNCTION @hub@.erase_statistics(telling text[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  remembering record;
  is_filled boolean;
  tables bigint := 0;
BEGIN
  FOR remembering IN
    SELECT c.oid::regclass AS name, pg_has_role(c.relowner, 'USAGE') AS is_own, array_agg(DISTINCT s.attname) AS columns
    FROM pg_stats AS s
    JOIN pg_class AS c ON c.relname = s.tablename AND c.relnamespace = '@hub@'::regnamespace
    CROSS JOIN LATERAL unnest(s.most_common_vals::text::text[] || s.histogram_bounds::text::text[] || s.most_common_elems::text::text[]) AS v(value)
    WHERE s.schemaname = (parse_ident('@hub@'))[1]
      AND (lower(v.value) = ANY (telling)
           OR EXISTS (SELECT FROM unnest(telling) AS t(value) WHERE length(t.value) >= 6 AND strpos(lower(v.value), t.value) > 0))
    GROUP BY c.oid, c.relowner
    ORDER BY c.oid
  LOOP
    EXECUTE format('SELECT EXISTS (SELECT FROM %s)', remembering.name) INTO is_filled;
    IF remembering.is_own AND is_filled THEN
      EXECUTE format('ANALYZE %s', remembering.name);
    ELSIF NOT remembering.is_own OR NOT (SELECT bool_and(@hub@.forget_column(remembering.name, c.name)) FROM unnest(remembering.columns) AS c(name)) THEN
      RAISE WARNING 'planner statistics of % hold values of the person', remembering.name
        USING HINT = format('Let the owner of the hub call ANALYZE %s when it holds rows.', remembering.name);
      CONTINUE;
    END IF;
    tables := tables + 1;
  END LOOP;
  RETURN tables;
END
$$;

COMMENT ON FUNCTION @hub@.erase_statistics(text[]) IS
  'Used by crm.subject_erase(): renews the planner statistics of hub tables that hold one of these texts (of six characters and more: or a part of it), and removes those of tables that are empty now. Warns of a table that the caller does not own. Returns the number of tables.';

-- The reason of an erasure stays, so it must not say who was erased.
CREATE OR REPLACE FUNCTION @hub@.require_nameless(why text, record_ids bigint[])
RETURNS void
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  words CONSTANT text[] := regexp_split_to_array(lower(why), '[^[:alnum:]]+');
  digits CONSTANT text := regexp_replace(why, '[^0-9]', '', 'g');
BEGIN
  IF why IS NULL OR btrim(why) = '' THEN
    RAISE EXCEPTION 'a reason is needed'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It is kept in subject_log: for example ''request 2025/17''.';
  END IF;
  IF EXISTS (
    SELECT
    FROM @hub@.source_record AS r
    WHERE r.record_id = ANY (record_ids)
      AND (strpos(lower(why), r.email) > 0
           OR strpos(digits, right(r.phone, 9)) > 0
           OR lower(r.tax_id) = ANY (words) OR lower(r.loyalty_card) = ANY (words) OR r.username = ANY (words)
           OR EXISTS (SELECT
                      FROM unnest(string_to_array(r.name_key, ' ')) AS n(word)
                      WHERE length(n.word) >= 3 AND n.word = ANY (omnicrm.name_tokens(why))))) THEN
    RAISE EXCEPTION 'the reason names the person'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It is kept when the person is gone: give the number of a file, for example ''request 2025/17''.';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.require_nameless(text, bigint[]) IS
  'Raises invalid_parameter_value when a reason is missing, or holds a name, e-mail, phone, tax number, card or user name of these records. Returns nothing.';

-- Columns that subject_table() does not know are the owner's own: those that can
-- hold words go back to their default, those of the person itself in any case.
CREATE OR REPLACE FUNCTION @hub@.own_columns(table_name text)
RETURNS SETOF name
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT a.attname
  FROM @hub@.subject_table() AS s
  JOIN pg_attribute AS a ON a.attrelid = format('@hub@.%I', s.table_name)::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
  JOIN pg_type AS y ON y.oid = a.atttypid
  WHERE s.table_name = own_columns.table_name
    AND (y.typcategory IN ('S', 'U', 'A', 'I', 'C', 'X') OR s.table_name IN ('customer', 'source_record'))
    AND a.attname <> ALL (coalesce(s.kept, '{}'))
    AND NOT EXISTS (SELECT FROM unnest(s.emptied) AS e(spec) WHERE split_part(e.spec, ' = ', 1) = a.attname)
  ORDER BY a.attnum
$$;

COMMENT ON FUNCTION @hub@.own_columns(text) IS
  'Columns of a hub table that omnicrm did not make and that crm.subject_erase() sets back to their default: those of a type that can hold words, of customer and source_record all.';

CREATE OR REPLACE FUNCTION @hub@.erase_rows(table_name text, reach text, erase text, emptied text[], record_ids bigint[], customer_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  relation CONSTANT regclass := format('@hub@.%I', table_name);
  changes text;
  touched bigint;
BEGIN
  IF erase = 'delete' THEN
    EXECUTE format('DELETE FROM %s AS t WHERE %s', relation, reach) USING record_ids, customer_ids;
    GET DIAGNOSTICS touched = ROW_COUNT;
    RETURN touched;
  END IF;
  SELECT string_agg(c.change, ', ') INTO changes
  FROM (SELECT CASE WHEN strpos(e.spec, ' = ') > 0 THEN e.spec ELSE format('%I = NULL', e.spec) END AS change FROM unnest(emptied) AS e(spec)
        UNION ALL
        SELECT format('%I = DEFAULT', o.name) FROM @hub@.own_columns(erase_rows.table_name) AS o(name)) AS c;
  IF changes IS NULL THEN
    EXECUTE format('SELECT count(*) FROM %s AS t WHERE %s', relation, reach) INTO touched USING record_ids, customer_ids;
  ELSE
    EXECUTE format('UPDATE %s AS t SET %s WHERE %s', relation, changes, reach) USING record_ids, customer_ids;
    GET DIAGNOSTICS touched = ROW_COUNT;
  END IF;
  RETURN touched;
END
$$;

COMMENT ON FUNCTION @hub@.erase_rows(text, text, text, text[], bigint[], bigint[]) IS
  'Used by crm.subject_erase(): does to the person''s rows of one table what subject_table() says. Returns their number.';

-- Keyed hashes of what the person could come back under.
CREATE OR REPLACE FUNCTION @hub@.store_erased_keys(record_ids bigint[], erasure bigint)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  stored bigint;
BEGIN
  INSERT INTO @hub@.erased_key (hash, tag, scope, subject_log_id)
  SELECT DISTINCT ON (h.hash) h.hash, h.tag, h.scope, erasure
  FROM (SELECT omnicrm.keyed_hash(s.secret, t.token) AS hash, omnicrm.short_tag(t.token) AS tag, t.scope
        FROM @hub@.erasure_secret AS s
        CROSS JOIN (SELECT i.token, i.scope FROM @hub@.subject_identifier_tokens(record_ids) AS i
                    UNION ALL
                    SELECT f.token, f.scope FROM @hub@.subject_fact_tokens(record_ids) AS f) AS t) AS h
  ORDER BY h.hash, h.scope;
  GET DIAGNOSTICS stored = ROW_COUNT;
  RETURN stored;
END
$$;

COMMENT ON FUNCTION @hub@.store_erased_keys(bigint[], bigint) IS
  'Used by crm.subject_erase(): stores the keyed hashes of the keys and identifiers of these records and their facts. Returns their number.';

CREATE OR REPLACE FUNCTION @hub@.erase_quarantine(record_ids bigint[], erasure bigint)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  emptied bigint;
BEGIN
  UPDATE @hub@.quarantine AS q
  SET rule = 'erased_subject', detail = 'erasure ' || erasure, row_key = NULL, raw = '{}', state = 'dropped', dropped_why = 'erased', closed_at = now()
  WHERE q.quarantine_id IN (SELECT s.id FROM @hub@.subject_quarantine(record_ids) AS s(id));
  GET DIAGNOSTICS emptied = ROW_COUNT;
  RETURN emptied;
END
$$;

COMMENT ON FUNCTION @hub@.erase_quarantine(bigint[], bigint) IS
  'Used by crm.subject_erase(): empties the quarantined rows of the person of these records. Returns their number.';

-- All that is erased, table by table, in one jsonb array for the log.
CREATE OR REPLACE FUNCTION @hub@.erase_everywhere(living bigint, record_ids bigint[], customer_ids bigint[], erasure bigint)
RETURNS jsonb
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  telling CONSTANT text[] := @hub@.telling_values(record_ids, customer_ids);
  report jsonb := '[]';
  part record;
  own bigint;
BEGIN
  report := report || jsonb_build_object('table', 'erased_key', 'what', 'stored', 'rows', @hub@.store_erased_keys(record_ids, erasure));
  report := report || jsonb_build_object('table', 'quarantine', 'what', 'emptied', 'rows', @hub@.erase_quarantine(record_ids, erasure));
  SELECT report || coalesce(jsonb_agg(jsonb_build_object('table', s.table_name, 'what', 'cleaned', 'rows', s.rows)), '[]') INTO report
  FROM @hub@.erase_shared_values(record_ids) AS s;
  PERFORM @hub@.erase_order_keys(record_ids);
  FOR part IN
    SELECT t.table_name, t.reach, t.erase, t.emptied FROM @hub@.subject_table() WITH ORDINALITY AS t(table_name, reach, erase, emptied, kept, why, position)
    WHERE t.reach IS NOT NULL AND t.erase <> 'apart'
    ORDER BY t.position
  LOOP
    report := report || jsonb_build_object(
      'table', part.table_name, 'what', CASE part.erase WHEN 'delete' THEN 'deleted' WHEN 'empty' THEN 'emptied' ELSE 'kept' END,
      'rows', @hub@.erase_rows(part.table_name, part.reach, part.erase, part.emptied, record_ids, customer_ids));
  END LOOP;
  PERFORM @hub@.announce('erased', ARRAY[living]);
  FOR part IN SELECT o.relation, o.reach FROM @hub@.subject_own_tables() AS o LOOP
    EXECUTE format('SELECT count(*) FROM %s AS t WHERE %s', part.relation, part.reach) INTO own USING record_ids, customer_ids;
    report := report || jsonb_build_object('table', part.relation::text, 'what', 'left to you', 'rows', own);
  END LOOP;
  report := report || jsonb_build_object('table', 'pg_statistic', 'what', 'renewed', 'rows', @hub@.erase_statistics(telling));
  RETURN (SELECT coalesce(jsonb_agg(r.item ORDER BY r.position), '[]')
          FROM jsonb_array_elements(report) WITH ORDINALITY AS r(item, position)
          WHERE (r.item ->> 'rows')::bigint > 0);
END
$$;

COMMENT ON FUNCTION @hub@.erase_everywhere(bigint, bigint[], bigint[], bigint) IS
  'Used by crm.subject_erase(): erases the living customer of these records and ids, and tells the outbox. Returns what was done, as in subject_log.touched.';

CREATE OR REPLACE FUNCTION @hub@.subject_erase(customer_id bigint, why text)
RETURNS TABLE (table_name text, what text, rows bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO, YMD'
AS $$
#variable_conflict use_column
DECLARE
  living bigint;
  keys record;
  erasure bigint;
  report jsonb;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.require_customer(subject_erase.customer_id);
  PERFORM @hub@.require_whole_tables();
  PERFORM @hub@.lock_erasure();
  -- What is not resolved yet may be the person's.
  IF EXISTS (SELECT FROM @hub@.resolve_queue) THEN
    PERFORM @hub@.resolve();
  END IF;
  PERFORM @hub@.lock_customers();
  living := @hub@.require_customer(subject_erase.customer_id);
  IF (SELECT c.state FROM @hub@.customer AS c WHERE c.customer_id = living) = 'erased' THEN
    RAISE NOTICE 'customer % is erased already', subject_erase.customer_id;
    RETURN;
  END IF;
  SELECT k.record_ids, k.customer_ids INTO keys FROM @hub@.subject_keys(living) AS k;
  PERFORM @hub@.require_nameless(subject_erase.why, keys.record_ids);
  INSERT INTO @hub@.subject_log (action, customer_id, why, touched)
  VALUES ('erase', living, btrim(subject_erase.why), '[]')
  RETURNING subject_log_id INTO erasure;
  PERFORM @hub@.forget_record(r.id) FROM unnest(keys.record_ids) AS r(id);
  report := @hub@.erase_everywhere(living, keys.record_ids, keys.customer_ids, erasure);
  UPDATE @hub@.subject_log AS l SET touched = report WHERE l.subject_log_id = erasure;
  RETURN QUERY
  SELECT r.item ->> 'table', r.item ->> 'what', (r.item ->> 'rows')::bigint
  FROM jsonb_array_elements(report) WITH ORDINALITY AS r(item, position)
  ORDER BY r.position;
END
$$;

COMMENT ON FUNCTION @hub@.subject_erase(bigint, text) IS
  'Erases a person: nothing personal is left in any table, orders, credits and commissions stay under numbers that name nobody, attached to a customer of state erased to whom all former ids lead. Keyed hashes keep the person from coming back by a load of the same keys or identifiers (rule erased_subject) until crm.subject_readmit(). Of a merged customer the whole person is erased. Waits for loads under way, resolves what is queued, and happens as a whole or not at all. why: the reason, kept in subject_log, must not name the person. Returns the rows touched by table: stored, emptied, deleted, cleaned (values that nobody else holds taken out), kept; left to you: rows of tables that omnicrm did not make and that point there by a foreign key. A person who is erased already gives no row and a notice. Errors: no_data_found, null_value_not_allowed, invalid_parameter_value, insufficient_privilege when a row-level policy hides rows.';

CREATE OR REPLACE FUNCTION @hub@.subject_readmit(erasure bigint, why text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  erased bigint;
  freed bigint;
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.require_nameless(why, '{}');
  PERFORM @hub@.lock_erasure();
  SELECT l.customer_id INTO erased FROM @hub@.subject_log AS l WHERE l.subject_log_id = erasure AND l.action = 'erase';
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no erasure %', coalesce(erasure::text, 'NULL')
      USING ERRCODE = 'no_data_found',
            HINT = 'Give the number in quarantine.detail of a row under the rule erased_subject, or subject_log_id of a row with action erase in @hub@.subject_log.';
  END IF;
  DELETE FROM @hub@.erased_key AS k WHERE k.subject_log_id = erasure;
  GET DIAGNOSTICS freed = ROW_COUNT;
  INSERT INTO @hub@.subject_log (action, customer_id, why, touched)
  VALUES ('readmit', erased, btrim(why), jsonb_build_array(jsonb_build_object('table', 'erased_key', 'what', 'deleted', 'rows', freed)));
  RETURN freed;
END
$$;

COMMENT ON FUNCTION @hub@.subject_readmit(bigint, text) IS
  'Lets an erased person in again, who for example became a customer anew: the keyed hashes of that erasure go, and the next load of his or her rows makes a new customer. erasure: subject_log_id. What was erased does not come back. Returns the number of hashes. Errors: no_data_found, invalid_parameter_value.';

-- What must be true of the erased.
CREATE OR REPLACE FUNCTION @hub@.check_erased()
RETURNS TABLE (invariant text, key text)
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT 'record of an erased customer that is not erased, or the other way round', 'record ' || m.record_id
  FROM @hub@.customer AS c
  JOIN @hub@.customer_member AS m ON m.customer_id = c.customer_id
  JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  WHERE (c.state = 'erased') <> (r.erased_at IS NOT NULL) AND EXISTS (SELECT FROM @hub@.subject_log AS l WHERE l.action = 'erase')
  UNION ALL
  SELECT 'personal data of an erased record', 'record ' || r.record_id
  FROM @hub@.customer AS c
  JOIN @hub@.customer_member AS m ON m.customer_id = c.customer_id
  JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  WHERE c.state = 'erased'
    AND (r.payload <> '{}' OR r.source_key NOT LIKE ' erased %' OR r.content_hash <> 0
         OR num_nonnulls(r.business_at, r.entered_by, r.full_name, r.given_name, r.surname, r.birth_date, r.gender, r.email, r.phone, r.tax_id,
                         r.street, r.postcode, r.city, r.province, r.country, r.loyalty_card, r.device, r.username, r.name_key, r.flags, r.attributes) > 0
         OR EXISTS (SELECT FROM @hub@.identifier AS i WHERE i.record_id = r.record_id)
         OR EXISTS (SELECT FROM @hub@.source_record_history AS h WHERE h.record_id = r.record_id))
  UNION ALL
  SELECT 'personal data of an erased customer', 'customer ' || c.customer_id
  FROM @hub@.customer AS c
  WHERE c.state = 'erased'
    AND (num_nonnulls(c.full_name, c.given_name, c.surname, c.birth_date, c.gender, c.email, c.phone, c.tax_id, c.street, c.postcode, c.city,
                      c.province, c.country, c.loyalty_card, c.username, c.attributes, c.name_tokens) > 0
         OR EXISTS (SELECT FROM @hub@.customer_history AS h WHERE h.customer_id = c.customer_id)
         OR EXISTS (SELECT FROM @hub@.customer_score AS s WHERE s.customer_id = c.customer_id)
         OR EXISTS (SELECT FROM @hub@.segment_member AS s WHERE s.customer_id = c.customer_id))
$$;

COMMENT ON FUNCTION @hub@.check_erased() IS
  'Used by crm.check(): what is left of erased customers where nothing may be left, one row each.';
