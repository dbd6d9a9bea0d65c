-- Golden customers: the surviving values of their records.

-- What the golden customers are when these records belong to these customers.
-- A function of records, links, rules, decisions and date only: resolve, rebuild,
-- lineage and check use it. golden_rows() and write_customer() are made of one
-- text: the second is for one customer alone, for whom starting the plan of the
-- first would take longer than the rest.
DO $make$
DECLARE
  survivor CONSTANT text := $part$min(r.kind) AS kind, string_agg(r.full_name, E'\n') AS names,
               omnicrm.survive(r.record_id, r.source_id,
                               new_trusts[array_position(new_sources, r.source_id)]::double precision, r.business_at, r.quality,
                               ARRAY[r.full_name, r.given_name, r.surname, r.birth_date::text, r.gender, r.email, r.phone, r.tax_id,
                                     r.street, r.postcode, r.city, r.province, r.country, r.loyalty_card, r.username],
                               CASE WHEN jsonb_typeof(r.attributes) = 'object' THEN r.attributes END, rules, moment) AS golden$part$;
  -- Of several decisions on one attribute the newest stays.
  decided CONSTANT text := $part$SELECT jsonb_object_agg(o.attribute, coalesce(o.value, 'null') ORDER BY o.override_id)
                          FROM @hub@.customer_override AS o
                          WHERE o.record_id = ANY (u.records) AND o.withdrawn_at IS NULL AND (o.until IS NULL OR o.until > day)$part$;
  golden_row CONSTANT text := $part$u.kind,
         coalesce(u.vals[1], NULLIF(concat_ws(' ', u.vals[2], u.vals[3]), '')) AS full_name, u.vals[2] AS given_name, u.vals[3] AS surname,
         u.vals[4]::date AS birth_date, u.vals[5] AS gender, u.vals[6] AS email, u.vals[7] AS phone, u.vals[8] AS tax_id, u.vals[9] AS street,
         u.vals[10] AS postcode, u.vals[11] AS city, u.vals[12] AS province, u.vals[13] AS country, u.vals[14] AS loyalty_card,
         u.vals[15] AS username, u.attributes,
         omnicrm.name_tokens(CASE WHEN u.decisions ? 'full_name' THEN concat_ws(E'\n', u.names, u.decisions ->> 'full_name')
                                  ELSE u.names END) AS name_tokens,
         u.certainty, u.record_count, u.source_count, u.first_at AS first_seen, u.last_at AS last_seen$part$;
  rows_body text := $body$
#variable_conflict use_column
DECLARE
  rules jsonb;
  day date;
  moment timestamptz;
  -- Few hubs have any; the others do not pay for them.
  overridden boolean;
  -- Sources that came after the rules were last applied.
  new_sources integer[];
  new_trusts numeric[];
  kinds text[];
  certainties real[];
BEGIN
  -- In one statement, since each costs as much as a customer.
  SELECT s.plan, s.as_of, s.as_of::timestamp AT TIME ZONE 'UTC',
         EXISTS (SELECT FROM @hub@.customer_override AS o WHERE o.withdrawn_at IS NULL),
         n.ids, n.trusts, r.kinds, r.certainties
  INTO STRICT rules, day, moment, overridden, new_sources, new_trusts, kinds, certainties
  FROM (SELECT coalesce(golden_rows.plan, g.plan) AS plan, coalesce(golden_rows.as_of, g.as_of) AS as_of FROM @hub@.golden_state AS g) AS s
  CROSS JOIN LATERAL (SELECT array_agg(k.source_id) AS ids, array_agg(k.trust) AS trusts
                      FROM @hub@.source AS k
                      WHERE NOT coalesce(s.plan -> 'sources' ? k.source_id::text, false)) AS n
  CROSS JOIN (SELECT array_agg(k.kind) AS kinds, array_agg(k.certainty) AS certainties FROM @hub@.match_rule AS k) AS r;
  RETURN QUERY
  SELECT u.customer_id, /* golden_row */, u.record_ids, u.rules, u.candidates, u.attribute_provenance
  FROM (
    SELECT u.customer_id, u.kind, u.names, u.decisions, (u.golden).*,
           CASE WHEN (u.golden).record_count > 1
                THEN coalesce((SELECT min(certainties[array_position(kinds, l.kind)])
                               FROM @hub@.match_link AS l
                               WHERE l.record_a = ANY (u.records) AND l.decision = 'linked'), 1)
                ELSE 1 END AS certainty
    FROM (
      SELECT u.customer_id, u.kind, u.names, u.records, d.decisions,
             CASE WHEN d.decisions IS NULL THEN u.golden ELSE omnicrm.overrule(u.golden, d.decisions, rules) END AS golden
      FROM (
        SELECT m.customer_id, array_agg(r.record_id) AS records, /* survivor */
        -- Sorted while it is narrow: the records follow one by one, by their key.
        FROM (SELECT n.record_id, n.customer_id
              FROM unnest(record_ids, customer_ids) AS n(record_id, customer_id)
              ORDER BY n.customer_id
              OFFSET 0) AS m
        JOIN @hub@.source_record AS r ON r.record_id = m.record_id
        GROUP BY m.customer_id
        OFFSET 0
      ) AS u
      CROSS JOIN LATERAL (SELECT CASE WHEN overridden THEN (/* decided */) END AS decisions OFFSET 0) AS d
      -- Keeps the planner from taking the result apart at each place of use.
      OFFSET 0
    ) AS u
    OFFSET 0
  ) AS u;
END
$body$;
  customer_body text := $body$
#variable_conflict use_column
DECLARE
  u record;
  known @hub@.customer;
  found record;
  before jsonb;
  told jsonb;
BEGIN
  SELECT s.kind, s.names, record_ids AS records, s.golden, 1::real AS certainty, NULL::jsonb AS decisions, (s.golden).*
  INTO u
  FROM (SELECT /* survivor */
        FROM @hub@.source_record AS r
        WHERE r.record_id = ANY (record_ids)
        OFFSET 0) AS s;
  IF u.record_count > 1 THEN
    u.certainty := coalesce((SELECT min(k.certainty)
                             FROM @hub@.match_rule AS k
                             WHERE k.kind = ANY (ARRAY(SELECT l.kind FROM @hub@.match_link AS l WHERE l.record_a = ANY (u.records) AND l.decision = 'linked'))), 1);
  ELSIF u.record_count IS NULL THEN
    RETURN 0;
  END IF;
  IF overridden THEN
    u.decisions := (/* decided */);
    IF u.decisions IS NOT NULL THEN
      SELECT u.kind, u.names, u.records, u.golden, u.certainty, u.decisions, o.* INTO u FROM omnicrm.overrule(u.golden, u.decisions, rules) AS o;
    END IF;
  END IF;

  SELECT k.* INTO known FROM @hub@.customer AS k WHERE k.customer_id = write_customer.customer_id;
  IF known.customer_id IS NULL THEN
    INSERT INTO @hub@.customer (customer_id, /* columns */)
    OVERRIDING SYSTEM VALUE
    SELECT write_customer.customer_id, /* golden_row */;
    INSERT INTO @hub@.outbox (change, customer_id, at) VALUES ('created', write_customer.customer_id, now_at);
    RETURN 1;
  END IF;
  SELECT /* golden_row */ INTO found;
  before := omnicrm.row_changes(known, found);
  IF known.state <> 'active' THEN
    before := coalesce(before, '{}') || jsonb_build_object('state', known.state, 'merged_into', known.merged_into);
  ELSIF before IS NULL THEN
    RETURN 0;
  END IF;
  UPDATE @hub@.customer AS k
  SET state = 'active', (/* columns */) = ROW (/* found */), updated_at = now_at
  WHERE k.customer_id = write_customer.customer_id;
  told := before - 'name_tokens';
  IF told <> '{}' THEN
    INSERT INTO @hub@.customer_history AS h (customer_id, known_until, before)
    VALUES (write_customer.customer_id, now_at, told || jsonb_build_object('updated_at', known.updated_at))
    -- Twice at one moment: what was known before the first change.
    ON CONFLICT ON CONSTRAINT customer_history_pkey DO UPDATE SET before = excluded.before || h.before;
    INSERT INTO @hub@.outbox (change, customer_id, attributes, at)
    VALUES (CASE WHEN known.state <> 'active' THEN 'created' ELSE 'changed' END, write_customer.customer_id,
            CASE WHEN known.state = 'active'
                 THEN ARRAY(SELECT k.name FROM jsonb_object_keys(told) AS k(name) ORDER BY k.name COLLATE "C") END, now_at);
  END IF;
  RETURN 1;
END
$body$;
  columns CONSTANT text := 'kind, full_name, given_name, surname, birth_date, gender, email, phone, tax_id, street, postcode, city, province, '
                           'country, loyalty_card, username, attributes, name_tokens, certainty, record_count, source_count, first_seen, last_seen';
  part record;
BEGIN
  FOR part IN
    SELECT k.place, k.words
    FROM (VALUES ('/* survivor */', survivor), ('/* decided */', decided), ('/* golden_row */', golden_row),
                 ('/* columns */', columns), ('/* found */', 'found.' || replace(columns, ', ', ', found.'))) AS k(place, words)
  LOOP
    rows_body := replace(rows_body, part.place, part.words);
    customer_body := replace(customer_body, part.place, part.words);
  END LOOP;
  EXECUTE format($sql$
    CREATE OR REPLACE FUNCTION @hub@.golden_rows(record_ids bigint[], customer_ids bigint[], plan jsonb DEFAULT NULL, as_of date DEFAULT NULL)
    RETURNS TABLE (customer_id bigint, kind text, full_name text, given_name text, surname text, birth_date date, gender text,
                   email text, phone text, tax_id text, street text, postcode text, city text, province text, country text,
                   loyalty_card text, username text, attributes jsonb, name_tokens text[], certainty real, record_count integer,
                   source_count integer, first_seen timestamptz, last_seen timestamptz, from_records bigint[], from_rules text[],
                   candidates integer[], attribute_provenance jsonb)
    LANGUAGE plpgsql STABLE
    SET search_path = pg_catalog, pg_temp
    SET datestyle = 'ISO'
    -- Each record is fetched by its key: callers come with slices, and a scan of
    -- all records for each slice would make the whole quadratic. One plan serves
    -- any number of records.
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_material = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
    AS %L$sql$, rows_body);
  EXECUTE format($sql$
    CREATE OR REPLACE FUNCTION @hub@.write_customer(
      record_ids bigint[], customer_id bigint, now_at timestamptz, rules jsonb, day date, moment timestamptz, overridden boolean,
      new_sources integer[], new_trusts numeric[])
    RETURNS integer
    LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp
    AS %L$sql$, customer_body);
END
$make$;

COMMENT ON FUNCTION @hub@.golden_rows(bigint[], bigint[], jsonb, date) IS
  'The golden customers that follow when record_ids[i] belongs to customer_ids[i]: columns as in customer, and by position of survivorship_columns() the record (NULL: several, or a steward), rule and number of candidates of each value; of further attributes as jsonb. plan, as_of: rules and day, those of golden_state when NULL. Reads records, links and overrides; writes nothing.';

COMMENT ON FUNCTION @hub@.write_customer(bigint[], bigint, timestamptz, jsonb, date, timestamptz, boolean, integer[], numeric[]) IS
  'Used by write_golden(): writes one customer, of all of his or her records, as write_golden_slice() writes many, with the settings of write_golden(). now_at: when it is written; then plan, day and moment of golden_state, whether the hub has overrides, and sources that the plan does not know, with their trust. Returns 1 when the customer is new or changed, else 0.';

-- An override whose record is gone stays with the record that takes over the id.
CREATE OR REPLACE FUNCTION @hub@.anchor_overrides(record_ids bigint[], customer_ids bigint[])
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  UPDATE @hub@.customer_override AS o
  SET record_id = n.record_id
  FROM (SELECT c.customer_id, coalesce(min(c.record_id) FILTER (WHERE m.home_id IS NULL), min(c.record_id)) AS record_id
        FROM unnest(record_ids, customer_ids) AS c(record_id, customer_id)
        JOIN @hub@.customer_member AS m ON m.record_id = c.record_id
        GROUP BY c.customer_id) AS n
  WHERE o.record_id IS NULL AND o.withdrawn_at IS NULL AND n.customer_id = @hub@.current_id(o.customer_id);
END
$$;

COMMENT ON FUNCTION @hub@.anchor_overrides(bigint[], bigint[]) IS
  'Used by write_golden(): gives overrides whose record was deleted another record of their customer. Returns nothing.';

-- Writes what differs in one slice, in one statement. The plan is made once per
-- session: it reaches every row by its key, which is right for one customer and
-- for thousands, and for a first run, of whose rows the statistics know nothing.
CREATE OR REPLACE FUNCTION @hub@.write_golden_slice(record_ids bigint[], customer_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_hashjoin = off
SET enable_mergejoin = off
-- The plan is made while customer may be empty; it must reach each row by its key.
SET enable_material = off
SET random_page_cost = 0.1
AS $$
DECLARE
  -- Not now(): a transaction that waited for another one comes after it.
  moment CONSTANT timestamptz := clock_timestamp();
  written bigint;
BEGIN
  WITH golden AS MATERIALIZED (
    SELECT g.*, k.customer_id IS NULL AS made, k.state <> 'active' AS revived,
           CASE WHEN k.state = 'active' THEN omnicrm.row_changes(k, g)
                ELSE omnicrm.row_changes(k, g) || jsonb_build_object('state', k.state, 'merged_into', k.merged_into) END AS before,
           k.updated_at AS old_updated_at
    FROM @hub@.golden_rows(record_ids, customer_ids) AS g
    LEFT JOIN @hub@.customer AS k ON k.customer_id = g.customer_id
    OFFSET 0
  ), stored AS (
    -- Those that are there are met by their key, in whatever order the planner
    -- would have joined them.
    INSERT INTO @hub@.customer (
      customer_id, kind, full_name, given_name, surname, birth_date, gender, email, phone, tax_id, street, postcode, city, province,
      country, loyalty_card, username, attributes, name_tokens, certainty, record_count, source_count, first_seen, last_seen)
    OVERRIDING SYSTEM VALUE
    SELECT g.customer_id, g.kind, g.full_name, g.given_name, g.surname, g.birth_date, g.gender, g.email, g.phone, g.tax_id, g.street,
           g.postcode, g.city, g.province, g.country, g.loyalty_card, g.username, g.attributes, g.name_tokens, g.certainty,
           g.record_count, g.source_count, g.first_seen, g.last_seen
    FROM golden AS g
    WHERE g.made OR g.before IS NOT NULL
    ON CONFLICT ON CONSTRAINT customer_pkey DO UPDATE
    SET state = 'active', kind = excluded.kind, full_name = excluded.full_name, given_name = excluded.given_name,
        surname = excluded.surname, birth_date = excluded.birth_date, gender = excluded.gender, email = excluded.email,
        phone = excluded.phone, tax_id = excluded.tax_id, street = excluded.street, postcode = excluded.postcode,
        city = excluded.city, province = excluded.province, country = excluded.country, loyalty_card = excluded.loyalty_card,
        username = excluded.username, attributes = excluded.attributes, name_tokens = excluded.name_tokens,
        certainty = excluded.certainty, record_count = excluded.record_count, source_count = excluded.source_count,
        first_seen = excluded.first_seen, last_seen = excluded.last_seen, updated_at = moment
  ), remembered AS (
    INSERT INTO @hub@.customer_history AS h (customer_id, known_until, before)
    SELECT g.customer_id, moment, g.before - 'name_tokens' || jsonb_build_object('updated_at', g.old_updated_at)
    FROM golden AS g
    WHERE g.before - 'name_tokens' <> '{}'
    -- Twice at one moment: what was known before the first change.
    ON CONFLICT ON CONSTRAINT customer_history_pkey DO UPDATE SET before = excluded.before || h.before
  ), announced AS (
    INSERT INTO @hub@.outbox (change, customer_id, attributes, at)
    SELECT CASE WHEN g.made OR g.revived THEN 'created' ELSE 'changed' END, g.customer_id,
           CASE WHEN NOT (g.made OR g.revived)
                THEN ARRAY(SELECT k.name FROM jsonb_object_keys(g.before - 'name_tokens') AS k(name) ORDER BY k.name COLLATE "C") END, moment
    FROM golden AS g
    WHERE g.made OR g.before - 'name_tokens' <> '{}'
  )
  SELECT count(*) INTO written FROM golden AS g WHERE g.made OR g.before IS NOT NULL;
  RETURN written;
END
$$;

COMMENT ON FUNCTION @hub@.write_golden_slice(bigint[], bigint[]) IS
  'Used by write_golden(): writes some customers, what they were before, and the outbox. Returns the number of customers that are new or changed.';

-- Few customers one by one, more by slices, which keep sorts and hash tables small,
-- whatever the number of customers.
CREATE OR REPLACE FUNCTION @hub@.write_golden(record_ids bigint[], customer_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
SET datestyle = 'ISO'
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
AS $$
DECLARE
  -- Not now(): a transaction that waited for another one comes after it.
  now_at CONSTANT timestamptz := clock_timestamp();
  state record;
BEGIN
  SELECT s.outbox_home <> '@hub@.outbox'::regclass AS restored, s.plan, s.as_of, s.as_of::timestamp AT TIME ZONE 'UTC' AS moment,
         EXISTS (SELECT FROM @hub@.customer_override AS o WHERE o.withdrawn_at IS NULL) AS overridden,
         n.ids AS new_sources, n.trusts AS new_trusts
  INTO STRICT state
  FROM @hub@.golden_state AS s
  CROSS JOIN LATERAL (SELECT array_agg(k.source_id) AS ids, array_agg(k.trust) AS trusts
                      FROM @hub@.source AS k
                      WHERE NOT coalesce(s.plan -> 'sources' ? k.source_id::text, false)) AS n;
  IF state.restored OR state.overridden THEN
    IF state.restored THEN
      PERFORM @hub@.settle_outbox();
    END IF;
    IF EXISTS (SELECT FROM @hub@.customer_override AS o WHERE o.record_id IS NULL AND o.withdrawn_at IS NULL) THEN
      PERFORM @hub@.anchor_overrides(record_ids, customer_ids);
    END IF;
  END IF;
  IF cardinality(record_ids) <= 10 AND customer_ids[1] = customer_ids[cardinality(customer_ids)] THEN
    RETURN @hub@.write_customer(record_ids, customer_ids[1], now_at, state.plan, state.as_of, state.moment, state.overridden, state.new_sources,
                                state.new_trusts);
  END IF;
  DECLARE
    total CONSTANT integer := coalesce(cardinality(record_ids), 0);
    slice_size CONSTANT integer := CASE WHEN total <= 10 THEN 1 ELSE 5000 END;
    first_one integer := 1;
    last_one integer;
    written bigint := 0;
  BEGIN
    WHILE first_one <= total LOOP
      last_one := least(first_one + slice_size - 1, total);
      -- A customer is in one slice.
      WHILE last_one < total AND customer_ids[last_one + 1] = customer_ids[last_one] LOOP
        last_one := last_one + 1;
      END LOOP;
      IF slice_size = 1 THEN
        written := written + @hub@.write_customer(record_ids[first_one:last_one], customer_ids[first_one], now_at, state.plan, state.as_of,
                                                  state.moment, state.overridden, state.new_sources, state.new_trusts);
      ELSE
        written := written + @hub@.write_golden_slice(record_ids[first_one:last_one], customer_ids[first_one:last_one]);
      END IF;
      first_one := last_one + 1;
    END LOOP;
    RETURN written;
  END;
END
$$;

COMMENT ON FUNCTION @hub@.write_golden(bigint[], bigint[]) IS
  'Used by whatever moves or changes records: writes golden_rows() to customer where something differs, keeps what was there before, and announces it. record_ids[i] belongs to customer_ids[i]; all records of each customer, in the order of customers. Returns the number of customers that are new or changed. Cheap for a single customer: no temporary table, no plan made anew.';

-- Customers without records keep their id and nothing else.
CREATE OR REPLACE FUNCTION @hub@.clear_customers(customer_ids bigint[], new_state text)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  moment CONSTANT timestamptz := clock_timestamp();
  cleared bigint;
BEGIN
  WITH old AS MATERIALIZED (
    SELECT k.customer_id, to_jsonb(k) AS was
    FROM @hub@.customer AS k
    WHERE k.customer_id = ANY (customer_ids) AND k.state <> new_state
  ), remembered AS (
    INSERT INTO @hub@.customer_history AS h (customer_id, known_until, before)
    SELECT o.customer_id, moment,
           -- It was merged into nobody, whatever the row says by now.
           (SELECT jsonb_object_agg(c.name, o.was -> c.name)
            FROM unnest(@hub@.golden_columns()) AS c(name)
            WHERE o.was -> c.name <> 'null') || '{"merged_into": null}'
    FROM old AS o
    ON CONFLICT ON CONSTRAINT customer_history_pkey DO UPDATE SET before = excluded.before || h.before
  ), announced AS (
    INSERT INTO @hub@.outbox (change, customer_id, attributes, at)
    SELECT 'changed', o.customer_id, ARRAY['state'], moment FROM old AS o WHERE new_state = 'empty'
  )
  UPDATE @hub@.customer AS c
  SET state = new_state, full_name = NULL, given_name = NULL, surname = NULL, birth_date = NULL, gender = NULL, email = NULL,
      phone = NULL, tax_id = NULL, street = NULL, postcode = NULL, city = NULL, province = NULL, country = NULL,
      loyalty_card = NULL, username = NULL, attributes = NULL, name_tokens = NULL, certainty = 1, record_count = 0,
      source_count = 0, first_seen = NULL, last_seen = NULL, updated_at = moment
  FROM old AS o
  WHERE c.customer_id = o.customer_id;
  GET DIAGNOSTICS cleared = ROW_COUNT;
  RETURN cleared;
END
$$;

COMMENT ON FUNCTION @hub@.clear_customers(bigint[], text) IS
  'Used by crm.resolve() and crm.rebuild_customers(): ends customers without records, as merged or empty, and keeps what they were. Returns the number of customers that changed.';

-- One slice of rebuild_customers(): customers above the given id.
CREATE OR REPLACE FUNCTION @hub@.rebuild_slice(customer_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  changed bigint;
BEGIN
  SELECT @hub@.write_golden(array_agg(m.record_id ORDER BY m.customer_id, m.record_id),
                            array_agg(m.customer_id ORDER BY m.customer_id, m.record_id)) INTO changed
  FROM @hub@.customer_member AS m
  JOIN @hub@.customer AS c ON c.customer_id = m.customer_id
  -- Of the erased nothing is computed any more.
  WHERE m.customer_id = ANY (customer_ids) AND c.state <> 'erased';
  RETURN changed + @hub@.clear_customers(
    ARRAY(SELECT c.customer_id
          FROM @hub@.customer AS c
          WHERE c.customer_id = ANY (customer_ids) AND c.state = 'active'
            AND NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = c.customer_id)), 'empty');
END
$$;

COMMENT ON FUNCTION @hub@.rebuild_slice(bigint[]) IS
  'Used by crm.rebuild_customers(): recomputes these customers. Returns the number of customers that changed.';

-- All customers that match a condition, slice by slice.
CREATE OR REPLACE FUNCTION @hub@.rebuild_all(least_records integer)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  slice_size CONSTANT integer := 100000;
  slice bigint[];
  last_id bigint := -1;
  changed bigint := 0;
BEGIN
  LOOP
    slice := ARRAY(SELECT c.customer_id
                   FROM @hub@.customer AS c
                   WHERE c.customer_id > last_id AND c.state = 'active' AND c.record_count >= least_records
                   ORDER BY c.customer_id
                   LIMIT slice_size);
    EXIT WHEN cardinality(slice) = 0;
    changed := changed + @hub@.rebuild_slice(slice);
    last_id := slice[cardinality(slice)];
  END LOOP;
  RETURN changed;
END
$$;

COMMENT ON FUNCTION @hub@.rebuild_all(integer) IS
  'Used by crm.rebuild_customers() and crm.refresh_golden(): recomputes all active customers with at least so many records. Returns the number of customers that changed.';

CREATE OR REPLACE FUNCTION @hub@.rebuild_customers(customer_ids bigint[] DEFAULT NULL)
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.require_current();
  PERFORM @hub@.lock_customers();
  IF customer_ids IS NOT NULL THEN
    RETURN @hub@.rebuild_slice(ARRAY(SELECT DISTINCT @hub@.current_id(i.id) FROM unnest(customer_ids) AS i(id) WHERE i.id IS NOT NULL));
  END IF;
  PERFORM @hub@.renew_survivorship();
  UPDATE @hub@.golden_state AS s
  SET as_of = @hub@.golden_day()
  WHERE s.as_of < @hub@.golden_day();
  RETURN @hub@.rebuild_all(0);
END
$$;

COMMENT ON FUNCTION @hub@.rebuild_customers(bigint[]) IS
  'Recomputes golden customers from their records. Without an argument all of them, by the rules, trust and date of now: call it after a change of survivorship_rule, survivorship_attribute, survivorship_trust or source.trust. With ids those alone (old ids count as the living one), by the rules that are in force. Writes only what differs; a customer left without records becomes empty. Returns the number of customers that changed. Errors: invalid_parameter_value, with the row, when the rules cannot be followed; nothing changes then.';

CREATE OR REPLACE FUNCTION @hub@.golden_day()
RETURNS date
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT (now() AT TIME ZONE 'UTC')::date
$$;

COMMENT ON FUNCTION @hub@.golden_day() IS 'The day of today in UTC, by which golden customers are kept.';

-- Whether a rule begins or ends after one day and up to another.
CREATE OR REPLACE FUNCTION @hub@.survivorship_changes(plan jsonb, after_day date, until_day date)
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT coalesce(bool_or((d.day #>> '{}')::date > after_day AND (d.day #>> '{}')::date <= until_day), false)
  FROM (SELECT jsonb_path_query(plan, '$.**.from') UNION ALL SELECT jsonb_path_query(plan, '$.**.until')) AS d(day)
$$;

COMMENT ON FUNCTION @hub@.survivorship_changes(jsonb, date, date) IS
  'Used by crm.refresh_golden(): true when a rule of the plan begins or ends after the first day, up to the second.';

CREATE OR REPLACE FUNCTION @hub@.refresh_golden()
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  today CONSTANT date := @hub@.golden_day();
  old_day date;
  rules jsonb;
  ended bigint[];
BEGIN
  SELECT s.as_of, s.plan INTO STRICT old_day, rules FROM @hub@.golden_state AS s;
  IF old_day >= today THEN
    RETURN 0;
  END IF;
  PERFORM @hub@.lock_customers();
  UPDATE @hub@.golden_state AS s SET as_of = today WHERE s.as_of = old_day;
  IF NOT FOUND THEN
    RETURN 0;
  END IF;
  IF @hub@.survivorship_changes(rules, old_day, today) THEN
    RETURN @hub@.rebuild_all(0);
  END IF;
  -- Overrides that end, and, where trust decays, customers with a choice.
  SELECT array_agg(DISTINCT m.customer_id) INTO ended
  FROM @hub@.customer_override AS o
  JOIN @hub@.customer_member AS m ON m.record_id = o.record_id
  WHERE o.until > old_day AND o.until <= today AND o.withdrawn_at IS NULL;
  RETURN coalesce(@hub@.rebuild_slice(ended), 0)
         + CASE WHEN jsonb_path_exists(rules, '$.trust[*].decay') THEN @hub@.rebuild_all(2) ELSE 0 END;
END
$$;

COMMENT ON FUNCTION @hub@.refresh_golden() IS
  'Brings golden customers to today (UTC), once a day: trust decays with the age of values, rules and overrides begin and end. Part of crm.resolve(); does nothing where nothing depends on the day. Returns the number of customers that changed.';
