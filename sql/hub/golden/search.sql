-- Finding a customer.

-- The living customer behind any id ever given.
CREATE OR REPLACE FUNCTION @hub@.require_customer(customer_id bigint)
RETURNS bigint
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  living bigint;
BEGIN
  IF $1 IS NULL THEN
    RAISE EXCEPTION 'customer_id must not be null'
      USING ERRCODE = 'null_value_not_allowed';
  END IF;
  SELECT c.customer_id INTO living
  FROM @hub@.customer AS c
  WHERE c.customer_id = coalesce((SELECT r.customer_id FROM @hub@.customer_redirect AS r WHERE r.old_id = $1), $1);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'customer % does not exist', $1
      USING ERRCODE = 'no_data_found',
            HINT = 'Look for it with @hub@.find_customer(text).';
  END IF;
  RETURN living;
END
$$;

COMMENT ON FUNCTION @hub@.require_customer(bigint) IS
  'Present id of a customer, following merges. Errors: no_data_found when the id was never given, null_value_not_allowed.';

-- Customers that carry what was typed as an identifier: e-mail, phone, tax
-- number, loyalty card, user name or customer id, each in its normalised form
-- and one index probe.
CREATE OR REPLACE FUNCTION @hub@.find_by_identifier(query text)
RETURNS TABLE (customer_id bigint, matched_by text, matched text)
LANGUAGE plpgsql STABLE ROWS 2
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  region text := (SELECT v.region FROM @hub@.hub_version AS v);
  digits text := regexp_replace(query, '[^0-9]', '', 'g');
  like_a_number boolean := query ~ '^[-+0-9 ()./]+$' AND length(query) <= 40;
BEGIN
  RETURN QUERY
  SELECT DISTINCT ON (f.customer_id) f.customer_id, f.matched_by, f.matched
  FROM (
      SELECT m.customer_id, p.position, p.kind AS matched_by, p.value AS matched
      FROM (VALUES
          (1, 'email', CASE WHEN query LIKE '%@%' THEN omnicrm.normalize_email(query) END),
          (2, 'phone', CASE WHEN like_a_number THEN omnicrm.normalize_phone(query, region) END),
          (3, 'phone', CASE WHEN like_a_number AND length(digits) >= 8 THEN '+' || digits END),
          (4, 'tax_id', CASE WHEN length(query) <= 40 AND digits <> '' THEN omnicrm.normalize_tax_id(query, region) END),
          (5, 'loyalty_card', translate(upper(query), ' -.', '')),
          (6, 'username', lower(query))) AS p(position, kind, value)
        CROSS JOIN LATERAL (
          SELECT i.record_id
          FROM @hub@.identifier AS i
          WHERE hashtextextended(i.value, 0) = hashtextextended(p.value, 0) AND i.value = p.value AND i.kind = p.kind
          ORDER BY i.record_id
          LIMIT 1000) AS i
        JOIN @hub@.customer_member AS m ON m.record_id = i.record_id
      UNION ALL
      SELECT c.customer_id, 7, 'customer_id', query
      FROM @hub@.customer AS c
      WHERE query ~ '^[0-9]{1,18}$'
        AND c.customer_id = coalesce((SELECT r.customer_id
                                      FROM @hub@.customer_redirect AS r
                                      WHERE r.old_id = CASE WHEN query ~ '^[0-9]{1,18}$' THEN query::bigint END),
                                     CASE WHEN query ~ '^[0-9]{1,18}$' THEN query::bigint END)
    ) AS f
  ORDER BY f.customer_id, f.position;
END
$$;

COMMENT ON FUNCTION @hub@.find_by_identifier(text) IS
  'Customers that carry this e-mail, phone, tax number, loyalty card, user name or customer id, in any usual spelling, each once with its strongest match; at most 1,000 records per kind are looked at. Used by find_customer().';

-- Share of customers whose names hold all the words, after the statistics of
-- the table, words taken as independent. A word that is no common one counts as
-- the rarest of the common.
CREATE OR REPLACE FUNCTION @hub@.name_share(words text[])
RETURNS double precision
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  common text[];
  shares real[];
  rarest double precision;
  word text;
  place integer;
  result double precision := 1;
BEGIN
  SELECT s.most_common_elems::text::text[], s.most_common_elem_freqs
  INTO common, shares
  FROM pg_stats AS s
  WHERE s.schemaname = (parse_ident('@hub@'))[1]
    AND s.tablename = 'customer'
    AND s.attname = 'name_tokens';
  IF common IS NULL THEN
    RETURN 0;
  END IF;
  -- The frequencies are followed by their least and greatest and the share of nulls.
  rarest := shares[cardinality(common) + 1];
  FOREACH word IN ARRAY words LOOP
    place := array_position(common, word);
    result := result * CASE WHEN place IS NULL THEN rarest ELSE shares[place] END;
  END LOOP;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.name_share(text[]) IS
  'Estimated share, 0 to 1, of customers whose names hold all the folded words; 0 when crm.customer was never analysed. Used by find_by_name().';

-- Customers whose names hold all the words, best first. The index brings their
-- places, and at most a few hundred rows are read and ranked. Where a great part
-- of all customers fit, even the places are too many: then customers are read in
-- the order of their ids, a bounded number of them, until enough fit.
CREATE OR REPLACE FUNCTION @hub@.find_by_words(words text[], query text, max_rows integer)
RETURNS TABLE (customer_id bigint, score real)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off
AS $$
#variable_conflict use_column
DECLARE
  share double precision := @hub@.name_share(words);
  wanted integer := greatest(max_rows, 200);
BEGIN
  IF share > 0.01 THEN
    RETURN QUERY
    SELECT t.customer_id, coalesce(omnicrm.name_similarity(t.full_name, query), 0)
    FROM (
        SELECT w.customer_id, w.full_name
        FROM (
            SELECT c.customer_id, c.full_name, c.name_tokens
            FROM @hub@.customer AS c
            WHERE c.state = 'active'
            ORDER BY c.customer_id
            LIMIT 10000
          ) AS w
        WHERE w.name_tokens @> words
        ORDER BY w.customer_id
        LIMIT greatest(max_rows, 40)
      ) AS t
    ORDER BY 2 DESC, t.customer_id
    LIMIT max_rows;
    IF FOUND THEN
      RETURN;
    END IF;
  END IF;
  RETURN QUERY
  SELECT t.customer_id, coalesce(omnicrm.name_similarity(t.full_name, query), 0)
  FROM (
      SELECT c.customer_id, c.full_name
      FROM @hub@.customer AS c
      WHERE c.name_tokens @> words
        AND c.state = 'active'
      LIMIT wanted
    ) AS t
  ORDER BY 2 DESC, t.customer_id
  LIMIT max_rows;
END
$$;

COMMENT ON FUNCTION @hub@.find_by_words(text[], text, integer) IS
  'At most max_rows customers whose names hold all the folded words, ranked by omnicrm.name_similarity to the query. When more than 200 fit, 200 of them are ranked. Used by find_by_name().';

CREATE OR REPLACE FUNCTION @hub@.find_by_name(query text, max_rows integer)
RETURNS TABLE (customer_id bigint, score real)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  words text[];
BEGIN
  -- Initials find nobody by themselves; the ranking knows them.
  words := (SELECT array_agg(DISTINCT t.word) FROM unnest(omnicrm.name_tokens(query)) AS t(word) WHERE length(t.word) > 1);
  IF words IS NULL OR max_rows = 0 THEN
    RETURN;
  END IF;
  words := words[1:12];
  RETURN QUERY SELECT f.customer_id, f.score FROM @hub@.find_by_words(words, query, max_rows) AS f;
  IF FOUND OR cardinality(words) = 1 OR cardinality(words) > 6 THEN
    RETURN;
  END IF;
  -- Nobody fits: one word may be misspelt, or a married name. All but one must fit.
  RETURN QUERY
  SELECT f.customer_id, max(f.score)
  FROM unnest(words) AS t(word)
    CROSS JOIN LATERAL @hub@.find_by_words(array_remove(words, t.word), query, max_rows) AS f
  GROUP BY f.customer_id
  HAVING max(f.score) >= 0.5
  ORDER BY 2 DESC, f.customer_id
  LIMIT max_rows;
END
$$;

COMMENT ON FUNCTION @hub@.find_by_name(text, integer) IS
  'At most max_rows customers whose names hold all words of the query, in any order and spelling of accents and case; when nobody does, all words but one. Used by find_customer().';

CREATE OR REPLACE FUNCTION @hub@.find_customer(query text, max_rows integer DEFAULT 20)
RETURNS TABLE (customer_id bigint, full_name text, city text, email text, phone text, matched_by text, matched text, score real)
LANGUAGE plpgsql STABLE ROWS 20
SET search_path = pg_catalog, pg_temp
AS $$
#variable_conflict use_column
DECLARE
  typed text := btrim(left(query, 300), E' \t\r\n');
  hits bigint[];
  kinds text[];
  values_found text[];
BEGIN
  PERFORM @hub@.require_current();
  IF max_rows IS NULL OR max_rows < 0 THEN
    RAISE EXCEPTION 'max_rows must be at least 0, got %', coalesce(max_rows::text, 'NULL')
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  max_rows := least(max_rows, 1000);
  IF typed IS NULL OR typed = '' OR max_rows = 0 THEN
    RETURN;
  END IF;
  SELECT array_agg(f.customer_id), array_agg(f.matched_by), array_agg(f.matched)
  INTO hits, kinds, values_found
  FROM @hub@.find_by_identifier(typed) AS f;
  RETURN QUERY
  SELECT c.customer_id, c.full_name, c.city, c.email, c.phone, f.matched_by, f.matched, 1::real
  FROM unnest(hits, kinds, values_found) AS f(customer_id, matched_by, matched)
    JOIN @hub@.customer AS c ON c.customer_id = f.customer_id
  ORDER BY array_position(ARRAY['email', 'phone', 'tax_id', 'loyalty_card', 'username', 'customer_id'], f.matched_by), c.customer_id
  LIMIT max_rows;
  -- A word can be a user name and a name; numbers and addresses are no names.
  IF typed ~ '[0-9@]' AND hits IS NOT NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT c.customer_id, c.full_name, c.city, c.email, c.phone, 'name', c.full_name, f.score
  FROM @hub@.find_by_name(typed, max_rows) AS f
    JOIN @hub@.customer AS c ON c.customer_id = f.customer_id
  WHERE f.customer_id <> ALL (coalesce(hits, '{}'))
  ORDER BY f.score DESC, c.customer_id
  LIMIT greatest(max_rows - coalesce(cardinality(hits), 0), 0);
END
$$;

COMMENT ON FUNCTION @hub@.find_customer(text, integer) IS
  'Finds customers by whatever is typed: e-mail, phone (with or without prefix, any spacing), tax number, loyalty card, user name, customer id, or name in any order of words, without regard to accents and case, one word misspelt. Identifiers come first with score 1, then names by similarity (0 to 1), ties by customer_id; at most max_rows (up to 1000). matched_by and matched say what fitted. When more than 200 customers bear the name, 200 of them are ranked: add a word. Only the first 300 characters are read. NULL or empty: no row. Error: invalid_parameter_value for a negative max_rows.';
