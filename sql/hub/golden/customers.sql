-- Golden customers: the surviving values of their records.

-- The attributes that survive, in the order of the arrays below, with their
-- rules. Groups are numbered by name; 0 is none.
CREATE OR REPLACE FUNCTION @hub@.survivorship_plan(OUT rules text[], OUT groups integer[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  -- In PL/pgSQL, which keeps the plan of this query for the next call.
  SELECT array_agg(coalesce(p.rule, 'trust') ORDER BY p.position),
         array_agg(CASE WHEN p.attribute_group IS NULL THEN 0 ELSE p.number END ORDER BY p.position) INTO rules, groups
  FROM (SELECT a.position, s.rule, s.attribute_group,
               dense_rank() OVER (ORDER BY s.attribute_group NULLS FIRST)::integer AS number
        FROM unnest(ARRAY['full_name', 'given_name', 'surname', 'birth_date', 'gender', 'email', 'phone', 'tax_id', 'street',
                          'postcode', 'city', 'province', 'country', 'loyalty_card', 'username'])
             WITH ORDINALITY AS a(attribute, position)
        LEFT JOIN @hub@.survivorship_rule AS s ON s.attribute = a.attribute) AS p;
END
$$;

COMMENT ON FUNCTION @hub@.survivorship_plan() IS
  'Rules and group numbers of survivorship_rule as arrays for omnicrm.survive(), in the order of golden_rows().';

-- Key by key from the most trusted record: jsonb_object_agg() keeps the last of
-- repeated keys.
CREATE OR REPLACE FUNCTION @hub@.golden_attributes(record_ids bigint[])
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
  SELECT jsonb_object_agg(a.key, a.value ORDER BY s.trust, r.business_at NULLS FIRST, r.record_id DESC)
  FROM unnest(record_ids) AS m(record_id)
  JOIN @hub@.source_record AS r ON r.record_id = m.record_id
  JOIN @hub@.source AS s ON s.source_id = r.source_id
  CROSS JOIN LATERAL jsonb_each(CASE WHEN jsonb_typeof(r.attributes) = 'object' THEN r.attributes END) AS a(key, value)
  WHERE a.value <> 'null'
$$;

COMMENT ON FUNCTION @hub@.golden_attributes(bigint[]) IS
  'Further attributes of these records merged key by key: the value of the most trusted source, then of the newest record.';

-- What the golden customers are when these records belong to these customers.
-- A function of records, rules and links only: rebuild, resolve and check use it.
CREATE OR REPLACE FUNCTION @hub@.golden_rows(record_ids bigint[], customer_ids bigint[])
RETURNS TABLE (customer_id bigint, kind text, full_name text, given_name text, surname text, birth_date date, gender text,
               email text, phone text, tax_id text, street text, postcode text, city text, province text, country text,
               loyalty_card text, username text, attributes jsonb, name_tokens text[], certainty real, record_count integer,
               source_count integer, first_seen timestamptz, last_seen timestamptz, from_records bigint[], from_rules text[],
               candidates integer[])
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
-- Each record is fetched by its key: callers come with slices, and a scan of
-- all records for each slice would make the whole quadratic. One plan serves
-- any number of records.
SET plan_cache_mode = force_generic_plan
SET enable_seqscan = off
SET enable_material = off
SET enable_hashjoin = off
SET enable_mergejoin = off
AS $$
#variable_conflict use_column
DECLARE
  plan record;
BEGIN
  SELECT p.rules, p.groups INTO STRICT plan FROM @hub@.survivorship_plan() AS p;
  RETURN QUERY
  SELECT v.customer_id, v.kind,
         coalesce(v.vals[1], NULLIF(concat_ws(' ', v.vals[2], v.vals[3]), '')), v.vals[2], v.vals[3], v.vals[4]::date, v.vals[5],
         v.vals[6], v.vals[7], v.vals[8], v.vals[9], v.vals[10], v.vals[11], v.vals[12], v.vals[13], v.vals[14], v.vals[15],
         CASE WHEN v.extended IS NOT NULL THEN @hub@.golden_attributes(v.extended) END,
         -- name_tokens() reads up to 1,000 characters.
         CASE WHEN octet_length(v.names) <= 1000 THEN omnicrm.name_tokens(v.names)
              ELSE ARRAY(SELECT DISTINCT t.token COLLATE "C" AS token
                         FROM string_to_table(v.names, E'\n') AS n(name)
                         CROSS JOIN LATERAL unnest(omnicrm.name_tokens(n.name)) AS t(token)
                         ORDER BY 1) END,
         coalesce(v.certainty, 1), v.record_count, v.source_count, v.first_at, v.last_at, v.record_ids, v.rules, v.candidates
  FROM (
    SELECT u.customer_id, u.kind, u.names, u.extended, u.certainty, (u.golden).vals AS vals, (u.golden).record_ids AS record_ids,
           (u.golden).rules AS rules, (u.golden).candidates AS candidates, (u.golden).record_count AS record_count,
           (u.golden).source_count AS source_count, (u.golden).first_at AS first_at, (u.golden).last_at AS last_at
    FROM (
      SELECT m.customer_id, min(r.kind) AS kind, string_agg(r.full_name, E'\n') AS names,
             array_agg(r.record_id) FILTER (WHERE r.attributes IS NOT NULL) AS extended,
             min((SELECT min(k.certainty)
                  FROM @hub@.match_link AS l
                  JOIN @hub@.match_rule AS k ON k.kind = l.kind
                  WHERE l.record_a = r.record_id AND l.decision = 'linked')) AS certainty,
             omnicrm.survive(r.record_id, r.source_id, s.trust::double precision, r.business_at, r.quality,
                             ARRAY[r.full_name, r.given_name, r.surname, r.birth_date::text, r.gender, r.email, r.phone, r.tax_id,
                                   r.street, r.postcode, r.city, r.province, r.country, r.loyalty_card, r.username],
                             plan.rules, plan.groups) AS golden
      -- Sorted while it is narrow: the records follow one by one, by their key.
      FROM (SELECT n.record_id, n.customer_id
            FROM unnest(record_ids, customer_ids) AS n(record_id, customer_id)
            ORDER BY n.customer_id
            OFFSET 0) AS m
      JOIN @hub@.source_record AS r ON r.record_id = m.record_id
      JOIN @hub@.source AS s ON s.source_id = r.source_id
      GROUP BY m.customer_id
    ) AS u
    -- Keeps the planner from taking the result apart at each place of use.
    OFFSET 0
  ) AS v;
END
$$;

COMMENT ON FUNCTION @hub@.golden_rows(bigint[], bigint[]) IS
  'The golden customers that follow when record_ids[i] belongs to customer_ids[i]: columns as in customer and customer_provenance. Reads records, rules and links; writes nothing.';

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
AS $$
DECLARE
  -- Not now(): a transaction that waited for another one comes after it.
  moment CONSTANT timestamptz := clock_timestamp();
  written bigint;
BEGIN
  WITH compared AS (
    SELECT g.*, k AS old, k.customer_id IS NULL AS made, k.state <> 'active' AS revived,
           k.name_tokens IS DISTINCT FROM g.name_tokens AS other_tokens,
           array_remove(ARRAY[
             CASE WHEN k.state <> 'active' THEN 'state' END,
             CASE WHEN k.kind IS DISTINCT FROM g.kind THEN 'kind' END,
             CASE WHEN k.full_name IS DISTINCT FROM g.full_name THEN 'full_name' END,
             CASE WHEN k.given_name IS DISTINCT FROM g.given_name THEN 'given_name' END,
             CASE WHEN k.surname IS DISTINCT FROM g.surname THEN 'surname' END,
             CASE WHEN k.birth_date IS DISTINCT FROM g.birth_date THEN 'birth_date' END,
             CASE WHEN k.gender IS DISTINCT FROM g.gender THEN 'gender' END,
             CASE WHEN k.email IS DISTINCT FROM g.email THEN 'email' END,
             CASE WHEN k.phone IS DISTINCT FROM g.phone THEN 'phone' END,
             CASE WHEN k.tax_id IS DISTINCT FROM g.tax_id THEN 'tax_id' END,
             CASE WHEN k.street IS DISTINCT FROM g.street THEN 'street' END,
             CASE WHEN k.postcode IS DISTINCT FROM g.postcode THEN 'postcode' END,
             CASE WHEN k.city IS DISTINCT FROM g.city THEN 'city' END,
             CASE WHEN k.province IS DISTINCT FROM g.province THEN 'province' END,
             CASE WHEN k.country IS DISTINCT FROM g.country THEN 'country' END,
             CASE WHEN k.loyalty_card IS DISTINCT FROM g.loyalty_card THEN 'loyalty_card' END,
             CASE WHEN k.username IS DISTINCT FROM g.username THEN 'username' END,
             CASE WHEN k.attributes IS DISTINCT FROM g.attributes THEN 'attributes' END,
             CASE WHEN k.certainty IS DISTINCT FROM g.certainty THEN 'certainty' END,
             CASE WHEN k.record_count IS DISTINCT FROM g.record_count THEN 'record_count' END,
             CASE WHEN k.source_count IS DISTINCT FROM g.source_count THEN 'source_count' END,
             CASE WHEN k.first_seen IS DISTINCT FROM g.first_seen THEN 'first_seen' END,
             CASE WHEN k.last_seen IS DISTINCT FROM g.last_seen THEN 'last_seen' END
           ], NULL) AS differences
    FROM @hub@.golden_rows(record_ids, customer_ids) AS g
    LEFT JOIN @hub@.customer AS k ON k.customer_id = g.customer_id
    -- Keeps the planner from computing the differences at each place of use.
    OFFSET 0
  ), golden AS MATERIALIZED (
    SELECT d.*, NOT d.made AND (d.other_tokens OR d.differences <> '{}') AS changed,
           CASE WHEN NOT d.made AND d.differences <> '{}'
                THEN (SELECT jsonb_object_agg(c.name, to_jsonb(d.old) -> c.name)
                      FROM unnest(d.differences || ARRAY['updated_at', 'merged_into']) AS c(name)
                      WHERE d.revived OR c.name <> 'merged_into') END AS before
    FROM compared AS d
  ), made AS (
    INSERT INTO @hub@.customer (
      customer_id, kind, full_name, given_name, surname, birth_date, gender, email, phone, tax_id, street, postcode, city, province,
      country, loyalty_card, username, attributes, name_tokens, certainty, record_count, source_count, first_seen, last_seen)
    OVERRIDING SYSTEM VALUE
    SELECT g.customer_id, g.kind, g.full_name, g.given_name, g.surname, g.birth_date, g.gender, g.email, g.phone, g.tax_id, g.street,
           g.postcode, g.city, g.province, g.country, g.loyalty_card, g.username, g.attributes, g.name_tokens, g.certainty,
           g.record_count, g.source_count, g.first_seen, g.last_seen
    FROM golden AS g
    WHERE g.made
  ), changed AS (
    UPDATE @hub@.customer AS c
    SET state = 'active', kind = g.kind, full_name = g.full_name, given_name = g.given_name, surname = g.surname,
        birth_date = g.birth_date, gender = g.gender, email = g.email, phone = g.phone, tax_id = g.tax_id, street = g.street,
        postcode = g.postcode, city = g.city, province = g.province, country = g.country, loyalty_card = g.loyalty_card,
        username = g.username, attributes = g.attributes, name_tokens = g.name_tokens, certainty = g.certainty,
        record_count = g.record_count, source_count = g.source_count, first_seen = g.first_seen, last_seen = g.last_seen,
        updated_at = moment
    FROM golden AS g
    WHERE c.customer_id = g.customer_id AND g.changed
  ), remembered AS (
    INSERT INTO @hub@.customer_history AS h (customer_id, known_until, before)
    SELECT g.customer_id, moment, g.before
    FROM golden AS g
    WHERE g.before IS NOT NULL
    -- Twice at one moment: what was known before the first change.
    ON CONFLICT ON CONSTRAINT customer_history_pkey DO UPDATE SET before = excluded.before || h.before
  ), announced AS (
    INSERT INTO @hub@.outbox (change, customer_id, attributes, at)
    SELECT CASE WHEN g.made OR g.revived THEN 'created' ELSE 'changed' END, g.customer_id,
           CASE WHEN NOT (g.made OR g.revived) THEN g.differences END, moment
    FROM golden AS g
    WHERE g.made OR g.before IS NOT NULL
  ), explained AS (
    INSERT INTO @hub@.customer_provenance (customer_id, record_ids, rules, candidates)
    SELECT g.customer_id, g.from_records, g.from_rules, g.candidates
    FROM golden AS g
    LEFT JOIN @hub@.customer_provenance AS k ON k.customer_id = g.customer_id
    WHERE (k.record_ids, k.rules, k.candidates) IS DISTINCT FROM (g.from_records, g.from_rules, g.candidates)
    ON CONFLICT ON CONSTRAINT customer_provenance_pkey DO UPDATE
    SET record_ids = excluded.record_ids, rules = excluded.rules, candidates = excluded.candidates
  )
  SELECT count(*) INTO written FROM golden AS g WHERE g.made OR g.changed;
  RETURN written;
END
$$;

COMMENT ON FUNCTION @hub@.write_golden_slice(bigint[], bigint[]) IS
  'Used by write_golden(): writes some customers, what they were before, and the outbox. Returns the number of customers that are new or changed.';

-- Slices keep sorts and hash tables small, whatever the number of customers.
CREATE OR REPLACE FUNCTION @hub@.write_golden(record_ids bigint[], customer_ids bigint[])
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  slice_size CONSTANT integer := 5000;
  total CONSTANT integer := coalesce(cardinality(record_ids), 0);
  first_one integer := 1;
  last_one integer;
  written bigint := 0;
BEGIN
  PERFORM @hub@.settle_outbox();
  WHILE first_one <= total LOOP
    last_one := least(first_one + slice_size - 1, total);
    -- A customer is in one slice.
    WHILE last_one < total AND customer_ids[last_one + 1] = customer_ids[last_one] LOOP
      last_one := last_one + 1;
    END LOOP;
    written := written + @hub@.write_golden_slice(record_ids[first_one:last_one], customer_ids[first_one:last_one]);
    first_one := last_one + 1;
  END LOOP;
  RETURN written;
END
$$;

COMMENT ON FUNCTION @hub@.write_golden(bigint[], bigint[]) IS
  'Used by whatever moves or changes records: writes golden_rows() to customer and customer_provenance where something differs. record_ids[i] belongs to customer_ids[i]; all records of each customer, in the order of customers. Returns the number of customers that are new or changed. Cheap for a single customer: no temporary table, no plan made anew.';

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
  DELETE FROM @hub@.customer_provenance AS v WHERE v.customer_id = ANY (customer_ids);
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
  WHERE m.customer_id = ANY (customer_ids);
  RETURN changed + @hub@.clear_customers(
    ARRAY(SELECT c.customer_id
          FROM @hub@.customer AS c
          WHERE c.customer_id = ANY (customer_ids) AND c.state = 'active'
            AND NOT EXISTS (SELECT FROM @hub@.customer_member AS m WHERE m.customer_id = c.customer_id)), 'empty');
END
$$;

COMMENT ON FUNCTION @hub@.rebuild_slice(bigint[]) IS
  'Used by crm.rebuild_customers(): recomputes these customers. Returns the number of customers that changed.';

CREATE OR REPLACE FUNCTION @hub@.rebuild_customers(customer_ids bigint[] DEFAULT NULL)
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
  PERFORM @hub@.require_current();
  PERFORM @hub@.lock_customers();
  IF customer_ids IS NOT NULL THEN
    RETURN @hub@.rebuild_slice(ARRAY(SELECT DISTINCT @hub@.current_id(i.id) FROM unnest(customer_ids) AS i(id) WHERE i.id IS NOT NULL));
  END IF;
  LOOP
    slice := ARRAY(SELECT c.customer_id
                   FROM @hub@.customer AS c
                   WHERE c.customer_id > last_id AND c.state = 'active'
                   ORDER BY c.customer_id
                   LIMIT slice_size);
    EXIT WHEN cardinality(slice) = 0;
    changed := changed + @hub@.rebuild_slice(slice);
    last_id := slice[cardinality(slice)];
  END LOOP;
  RETURN changed;
END
$$;

COMMENT ON FUNCTION @hub@.rebuild_customers(bigint[]) IS
  'Recomputes golden customers from their records, for example after a change of survivorship_rule or source.trust: those given (old ids count as the living one), or all. Writes only what differs; a customer left without records becomes empty. Returns the number of customers that changed.';
