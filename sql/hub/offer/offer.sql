-- What to offer a customer next, and why not something else.

-- Every product that may be offered to a customer, best first: products that go
-- with what he or she has, by propensity times margin; then popular ones, by
-- share of buyers times margin. Candidates are sorted first and looked at one by
-- one until enough have passed the gates.
CREATE OR REPLACE FUNCTION @hub@.offer_list(living bigint, max_rows integer)
RETURNS TABLE (rank integer, product_id bigint, propensity double precision, margin numeric,
               both_count bigint, of_count bigint, because_ids bigint[])
LANGUAGE plpgsql STABLE ROWS 3
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  WITH
    held AS MATERIALIZED (
      SELECT h.product_id, h.last_bought_at
      FROM @hub@.customer_product AS h
      WHERE h.customer_id = living AND h.quantity > 0
    ),
    barred AS MATERIALIZED (
      SELECT x.product_id, x.category
      FROM @hub@.offer_exclusion AS x
      WHERE (x.customer_id IS NULL
             OR x.customer_id = living
             OR x.customer_id IN (SELECT r.old_id FROM @hub@.customer_redirect AS r WHERE r.customer_id = living))
        AND x.valid_from <= now()
        AND x.valid_to > now()
    ),
    -- The last 100 products tell enough, and keep the time of a call bounded.
    telling AS MATERIALIZED (
      SELECT h.product_id FROM held AS h ORDER BY h.last_bought_at DESC, h.product_id LIMIT 100
    ),
    -- The largest damped conditional probability over what the customer has.
    goes_with AS (
      SELECT DISTINCT ON (n.neighbour_id)
        n.neighbour_id AS product_id, n.probability, n.both_count, n.product_count
      FROM telling AS h
        JOIN @hub@.product_neighbour AS n ON n.product_id = h.product_id
      ORDER BY n.neighbour_id, n.probability DESC, n.product_id
    ),
    personal AS MATERIALIZED (
      SELECT s.product_id, s.probability, s.margin, s.both_count, s.product_count
      FROM (
          SELECT g.product_id, g.probability, pp.margin, g.both_count, g.product_count,
                 g.probability * pp.margin::double precision AS score
          FROM goes_with AS g
            JOIN @hub@.product_popularity AS pp ON pp.product_id = g.product_id
          WHERE pp.margin > 0
          ORDER BY score DESC, g.product_id
        ) AS s
        CROSS JOIN LATERAL (
          SELECT 1
          FROM @hub@.product AS p
          WHERE p.product_id = s.product_id
            AND p.active
            AND (p.repeatable OR p.product_id NOT IN (SELECT h.product_id FROM held AS h))
            AND NOT EXISTS (SELECT 1
                            FROM barred AS b
                            WHERE coalesce(b.product_id = p.product_id, true)
                              AND coalesce(b.category = p.category, b.category IS NULL))
          OFFSET 0) AS passed
      ORDER BY s.score DESC, s.product_id
      LIMIT max_rows
    ),
    popular AS (
      SELECT s.product_id, s.share, s.margin, s.customers, s.buyers
      FROM (
          SELECT pp.product_id, pp.share, pp.margin, pp.customers, pp.buyers,
                 pp.share * pp.margin::double precision AS score
          FROM @hub@.product_popularity AS pp
          WHERE pp.margin > 0
            AND pp.customers > 0
          ORDER BY pp.share * pp.margin::double precision DESC, pp.product_id
        ) AS s
        CROSS JOIN LATERAL (
          SELECT 1
          FROM @hub@.product AS p
          WHERE p.product_id = s.product_id
            AND p.active
            AND (p.repeatable OR p.product_id NOT IN (SELECT h.product_id FROM held AS h))
            AND p.product_id NOT IN (SELECT o.product_id FROM personal AS o)
            AND NOT EXISTS (SELECT 1
                            FROM barred AS b
                            WHERE coalesce(b.product_id = p.product_id, true)
                              AND coalesce(b.category = p.category, b.category IS NULL))
          OFFSET 0) AS passed
      ORDER BY s.score DESC, s.product_id
      LIMIT greatest(max_rows - (SELECT count(*) FROM personal), 0)
    )
  SELECT
    row_number() OVER (ORDER BY c.is_popular, c.propensity * c.margin::double precision DESC, c.product_id)::integer,
    c.product_id, c.propensity, c.margin, c.both_count, c.of_count,
    CASE WHEN NOT c.is_popular THEN ARRAY(
      SELECT n.product_id
      FROM telling AS h
        JOIN @hub@.product_neighbour AS n ON n.product_id = h.product_id AND n.neighbour_id = c.product_id
      ORDER BY n.probability DESC, n.product_id
      LIMIT 3)
    END
  FROM (
      SELECT o.product_id, o.probability, o.margin, o.both_count, o.product_count, false FROM personal AS o
      UNION ALL
      SELECT o.product_id, o.share, o.margin, o.customers, o.buyers, true FROM popular AS o
    ) AS c(product_id, propensity, margin, both_count, of_count, is_popular)
  ORDER BY 1;
END
$$;

COMMENT ON FUNCTION @hub@.offer_list(bigint, integer) IS
  'The best max_rows products that may be offered to a living customer (NULL: an unknown one), without names: because_ids are the up to three products of the customer that speak most for it, NULL for a popular product. Used by next_best_offer() and why_not_offer(); call those.';

CREATE OR REPLACE FUNCTION @hub@.next_best_offer(customer_id bigint, k integer DEFAULT 3)
RETURNS TABLE (rank integer, product_id bigint, product_key text, name text, category text, score numeric,
               propensity double precision, margin numeric, reason text, because text[])
LANGUAGE plpgsql STABLE ROWS 3
SET search_path = pg_catalog, pg_temp
SET plan_cache_mode = force_generic_plan
AS $$
#variable_conflict use_column
DECLARE
  living bigint;
BEGIN
  PERFORM @hub@.require_current();
  IF k IS NULL OR k < 0 THEN
    RAISE EXCEPTION 'k must be at least 0, got %', coalesce(k::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'k is the number of offers wanted, for example 3.';
  END IF;
  IF customer_id IS NOT NULL THEN
    living := @hub@.require_customer(customer_id);
    IF @hub@.profiling_bar(living) IS NOT NULL THEN
      RETURN;
    END IF;
  END IF;
  RETURN QUERY
  SELECT
    o.rank, p.product_id, p.product_key, p.name, p.category,
    round((o.propensity * o.margin::double precision)::numeric, 4),
    o.propensity,
    o.margin,
    CASE
      WHEN o.because_ids IS NULL THEN format('popular: %s of %s customers have it', o.both_count, o.of_count)
      ELSE format('%s of %s customers who bought %s also bought it', o.both_count, o.of_count, names.because[1])
    END,
    names.because
  FROM @hub@.offer_list(living, k) AS o
    JOIN @hub@.product AS p ON p.product_id = o.product_id
    CROSS JOIN LATERAL (
      SELECT ARRAY(
        -- One probe for each name: a join would read all products for three.
        SELECT (SELECT b.name FROM @hub@.product AS b WHERE b.product_id = w.product_id)
        FROM unnest(o.because_ids) WITH ORDINALITY AS w(product_id, place)
        ORDER BY w.place) AS because) AS names
  ORDER BY o.rank;
END
$$;

COMMENT ON FUNCTION @hub@.next_best_offer(bigint, integer) IS
  'The k best products to offer a customer. First those that go with what he or she has: propensity is the largest damped conditional probability n(X and Y) / (n(X) + 10) over the products X that he or she has (the 100 bought last); score is propensity times margin, the expected margin in the currency of the hub; reason names X and the counts, because the up to three products that speak most for it. If these are fewer than k, popular products follow: propensity is the share of buyers who have it. No row for a customer who asked for restriction or is erased. Never offered: what the customer has (unless product.repeatable), inactive products, what offer_exclusion bars, products without positive margin. customer_id NULL: an unknown customer, popular products. Old ids are followed. Ties by product_id. Needs crm.refresh_offers(). Errors: no_data_found for an unknown id, invalid_parameter_value for a negative or null k.';

CREATE OR REPLACE FUNCTION @hub@.why_not_offer(customer_id bigint, product_key text)
RETURNS TABLE (gate text, passed boolean, detail text)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  living bigint;
  wanted @hub@.product;
  held @hub@.customer_product;
  earns @hub@.product_popularity;
  bars text;
  place record;
BEGIN
  PERFORM @hub@.require_current();
  IF $1 IS NOT NULL THEN
    living := @hub@.require_customer($1);
  END IF;
  SELECT p.* INTO wanted FROM @hub@.product AS p WHERE p.product_key = $2;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'product % does not exist', coalesce(quote_literal(left($2, 100)), 'NULL')
      USING ERRCODE = 'no_data_found',
            HINT = 'Give the product_key of a row of @hub@.product.';
  END IF;
  bars := @hub@.profiling_bar(living);
  gate := 'profiling';
  passed := bars IS NULL;
  detail := CASE bars WHEN 'restricted' THEN 'the customer asked for restriction' WHEN 'erased' THEN 'the customer is erased'
                      ELSE 'nothing forbids it' END;
  RETURN NEXT;

  gate := 'active';
  passed := wanted.active;
  detail := CASE WHEN passed THEN 'is sold' ELSE 'is no longer sold' END;
  RETURN NEXT;

  SELECT h.* INTO held
  FROM @hub@.customer_product AS h
  WHERE h.customer_id = living AND h.product_id = wanted.product_id AND h.quantity > 0;
  gate := 'not owned';
  passed := held.product_id IS NULL OR wanted.repeatable;
  detail := CASE
    WHEN held.product_id IS NULL THEN 'the customer does not have it'
    ELSE format('the customer has it, bought %s%s', to_char(held.last_bought_at, 'YYYY-MM-DD'),
                CASE WHEN wanted.repeatable THEN '; it is bought again and again' ELSE '' END)
  END;
  RETURN NEXT;

  SELECT string_agg(format('%s (%s%s%s)', x.reason,
                           CASE WHEN x.customer_id IS NULL THEN 'for everybody' ELSE 'for this customer' END,
                           CASE WHEN x.product_id IS NOT NULL THEN ', this product'
                                WHEN x.category IS NOT NULL THEN ', category ' || x.category
                                ELSE ', everything' END,
                           CASE WHEN x.valid_to < 'infinity' THEN ', until ' || to_char(x.valid_to, 'YYYY-MM-DD') ELSE '' END),
                    '; ' ORDER BY x.offer_exclusion_id)
  INTO bars
  FROM @hub@.offer_exclusion AS x
  WHERE (x.customer_id IS NULL OR x.customer_id = living
         OR x.customer_id IN (SELECT r.old_id FROM @hub@.customer_redirect AS r WHERE r.customer_id = living))
    AND coalesce(x.product_id = wanted.product_id, true)
    AND coalesce(x.category = wanted.category, x.category IS NULL)
    AND x.valid_from <= now()
    AND x.valid_to > now();
  gate := 'not excluded';
  passed := bars IS NULL;
  detail := coalesce(bars, 'no exclusion');
  RETURN NEXT;

  SELECT pp.* INTO earns FROM @hub@.product_popularity AS pp WHERE pp.product_id = wanted.product_id;
  gate := 'margin';
  passed := coalesce(earns.margin > 0, false);
  detail := coalesce(format('a sale earns %s (%s)', round(earns.margin, 2), earns.margin_basis),
                     'not counted yet: run @hub@.refresh_offers()');
  RETURN NEXT;

  SELECT o.rank, o.both_count, o.of_count, b.name,
         round((o.propensity * o.margin::double precision)::numeric, 4) AS score
  INTO place
  FROM @hub@.offer_list(living, 2147483647) AS o
    LEFT JOIN @hub@.product AS b ON b.product_id = o.because_ids[1]
  WHERE o.product_id = wanted.product_id;
  gate := 'rank';
  passed := place.rank IS NOT NULL AND place.rank <= 3 AND @hub@.profiling_bar(living) IS NULL;
  detail := CASE
    WHEN place.rank IS NULL AND coalesce(earns.customers, 0) = 0 THEN 'nobody has it yet'
    WHEN place.rank IS NULL THEN 'not ranked: a gate above is closed'
    WHEN place.name IS NULL THEN
      format('place %s, expected margin %s: nothing the customer has goes with it; %s of %s customers have it',
             place.rank, place.score, place.both_count, place.of_count)
    ELSE
      format('place %s, expected margin %s: %s of %s customers who bought %s also bought it',
             place.rank, place.score, place.both_count, place.of_count, place.name)
  END;
  RETURN NEXT;
END
$$;

COMMENT ON FUNCTION @hub@.why_not_offer(bigint, text) IS
  'Why a product is, or is not, among the three best offers for a customer: one row for each gate in order (profiling, active, not owned, not excluded, margin, rank), whether it is passed, and the facts. customer_id NULL: an unknown customer. Errors: no_data_found for an unknown customer or product.';

CREATE OR REPLACE FUNCTION @hub@.exclude_offer(customer_id bigint, product_key text, reason text,
                                               category text DEFAULT NULL, valid_to timestamptz DEFAULT 'infinity')
RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  barred bigint;
  made bigint;
BEGIN
  PERFORM @hub@.require_current();
  IF $1 IS NOT NULL THEN
    PERFORM @hub@.require_customer($1);
  END IF;
  IF $2 IS NOT NULL THEN
    SELECT p.product_id INTO barred FROM @hub@.product AS p WHERE p.product_key = $2;
    IF NOT FOUND THEN
      RAISE EXCEPTION 'product % does not exist', quote_literal(left($2, 100))
        USING ERRCODE = 'no_data_found',
              HINT = 'Give the product_key of a row of @hub@.product.';
    END IF;
  END IF;
  IF $3 IS NULL OR $3 = '' THEN
    RAISE EXCEPTION 'an exclusion needs a reason'
      USING ERRCODE = 'invalid_parameter_value',
            HINT = 'It is shown by @hub@.why_not_offer().';
  END IF;
  IF $2 IS NOT NULL AND $4 IS NOT NULL OR num_nonnulls($1, $2, $4) = 0 THEN
    RAISE EXCEPTION 'an exclusion names a customer, a product or a category, and not both of the latter'
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF $5 IS NULL OR $5 <= now() THEN
    RAISE EXCEPTION 'valid_to must be in the future, got %', coalesce($5::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO @hub@.offer_exclusion (customer_id, product_id, category, reason, valid_to)
  VALUES ($1, barred, $4, $3, $5)
  RETURNING offer_exclusion_id INTO made;
  RETURN made;
END
$$;

COMMENT ON FUNCTION @hub@.exclude_offer(bigint, text, text, text, timestamptz) IS
  'Bars a product, a category or everything from being offered: exclude_offer(customer_id or NULL for everybody, product_key or NULL, reason, category, valid_to). Returns the offer_exclusion_id, for end_offer_exclusion(). Errors: no_data_found, invalid_parameter_value.';

CREATE OR REPLACE FUNCTION @hub@.end_offer_exclusion(offer_exclusion_id bigint)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  PERFORM @hub@.require_current();
  UPDATE @hub@.offer_exclusion AS x
  SET valid_to = now()
  WHERE x.offer_exclusion_id = $1 AND x.valid_to > now();
  IF NOT FOUND THEN
    RAISE EXCEPTION 'no exclusion % is in force', coalesce($1::text, 'NULL')
      USING ERRCODE = 'no_data_found';
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.end_offer_exclusion(bigint) IS
  'Ends an exclusion now; the row stays as history. Returns nothing. Error: no_data_found when none with this id is in force.';
