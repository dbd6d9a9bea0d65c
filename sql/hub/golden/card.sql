-- The customer card: everything known of one customer. Each part is a function
-- in PL/pgSQL, whose plans a session keeps: a call takes the time of a few
-- index probes.

-- Who it is, how sure we are, and who says so.
CREATE OR REPLACE FUNCTION @hub@.card_who(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object(
      'customer_id', c.customer_id,
      'state', c.state,
      'restricted', @hub@.profiling_bar(c.customer_id) IS NOT DISTINCT FROM 'restricted',
      'kind', c.kind,
      'full_name', c.full_name,
      'given_name', c.given_name,
      'surname', c.surname,
      'birth_date', c.birth_date,
      'age', extract(year FROM age(c.birth_date))::integer,
      'gender', c.gender,
      'tax_id', c.tax_id,
      'attributes', c.attributes,
      'former_ids', (SELECT coalesce(jsonb_agg(r.old_id ORDER BY r.old_id), '[]')
                     FROM @hub@.customer_redirect AS r
                     WHERE r.customer_id = c.customer_id),
      'certainty', round(c.certainty::numeric, 3),
      'record_count', c.record_count,
      'source_count', c.source_count,
      'first_seen', c.first_seen,
      'last_seen', c.last_seen,
      'records', @hub@.card_records(c.customer_id))
    FROM @hub@.customer AS c
    WHERE c.customer_id = living);
END
$$;

COMMENT ON FUNCTION @hub@.card_who(bigint) IS
  'Part of the customer card: names, birth date, certainty, and the source records that make up a living customer.';

CREATE OR REPLACE FUNCTION @hub@.card_records(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object('source', t.name, 'key', t.source_key, 'as_of', t.business_at)
                              ORDER BY t.name, t.source_key), '[]')
    FROM (
        SELECT s.name, r.source_key, r.business_at
        FROM @hub@.customer_member AS m
          JOIN @hub@.source_record AS r ON r.record_id = m.record_id
          JOIN @hub@.source AS s ON s.source_id = r.source_id
        WHERE m.customer_id = living
        ORDER BY s.name, r.source_key
        LIMIT 100
      ) AS t);
END
$$;

COMMENT ON FUNCTION @hub@.card_records(bigint) IS
  'Part of the customer card: source and key of the records of a living customer, at most 100.';

-- Every different address, number, card; which is current, which is preferred or
-- does not work, who says so, and whether marketing may use it.
CREATE OR REPLACE FUNCTION @hub@.card_contacts(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    WITH
      consent AS MATERIALIZED (
        SELECT k.channel_kind, k.may_contact, k.reason
        FROM @hub@.contactable AS k
        WHERE k.customer_id = living
      ),
      point AS (
        SELECT p.kind, p.shown AS value, p.is_present AND p.is_current AS is_current, p.is_preferred, p.state, p.is_present, p.first_seen,
               p.last_seen AS last_stated, to_jsonb(p.sources) AS sources, p.rank
        FROM @hub@.contact_point AS p
        WHERE p.customer_id = living
        UNION ALL
        SELECT v.kind, v.value, v.current_value = v.value, false, NULL, true, min(r.business_at), max(r.business_at), jsonb_agg(DISTINCT s.name), NULL
        FROM @hub@.customer AS c
          JOIN @hub@.customer_member AS m ON m.customer_id = c.customer_id
          JOIN @hub@.source_record AS r ON r.record_id = m.record_id
          JOIN @hub@.source AS s ON s.source_id = r.source_id
          CROSS JOIN LATERAL (VALUES
            ('loyalty_card', r.loyalty_card, c.loyalty_card),
            ('username', r.username, c.username)) AS v(kind, value, current_value)
        WHERE c.customer_id = living
          AND v.value IS NOT NULL
        GROUP BY v.kind, v.value, v.current_value
      ),
      placed AS (
        SELECT p.*, row_number() OVER (ORDER BY array_position(ARRAY['email', 'phone', 'address', 'device', 'loyalty_card', 'username'], p.kind),
                                                p.rank, p.is_current DESC NULLS LAST, p.last_stated DESC NULLS LAST, p.value) AS place
        FROM point AS p
      )
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'kind', p.kind,
             'value', p.value,
             'current', coalesce(p.is_current, false),
             'preferred', p.is_preferred,
             'state', CASE WHEN NOT p.is_present THEN 'former' ELSE p.state END,
             'sources', p.sources,
             'first_stated', p.first_seen,
             'last_stated', p.last_stated,
             'may_contact', CASE WHEN p.state = 'bounced' OR NOT p.is_present THEN k.may_contact AND false ELSE k.may_contact END,
             'reason', CASE WHEN k.reason IS NULL THEN NULL
                            WHEN k.reason IN ('given', 'never asked', 'bounced') AND NOT p.is_present THEN 'former'
                            WHEN k.reason IN ('given', 'never asked') AND p.state = 'bounced' THEN 'bounced'
                            ELSE k.reason END)
             ORDER BY p.place), '[]')
    FROM placed AS p
      LEFT JOIN consent AS k ON k.channel_kind = CASE p.kind WHEN 'email' THEN 'email' WHEN 'phone' THEN 'phone' WHEN 'address' THEN 'post' WHEN 'device' THEN 'app' END
    WHERE p.place <= 50);
END
$$;

COMMENT ON FUNCTION @hub@.card_contacts(bigint) IS
  'Part of the customer card: the different e-mails, phones, addresses, devices, cards and user names of a living customer, at most 50, the one to use first, with their sources and dates, whether they are preferred, verified, bounced or former, and whether marketing may use them.';

CREATE OR REPLACE FUNCTION @hub@.card_consent(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object('channel', k.channel_kind, 'may_contact', k.may_contact,
                                                 'reason', k.reason, 'stated_at', k.stated_at)
                              ORDER BY array_position(ARRAY['email', 'phone', 'sms', 'post', 'app'], k.channel_kind)), '[]')
    FROM @hub@.contactable AS k
    WHERE k.customer_id = living);
END
$$;

COMMENT ON FUNCTION @hub@.card_consent(bigint) IS
  'Part of the customer card: for each kind of channel, whether marketing may contact a living customer and why.';

-- What he or she buys, and how it is paid.
CREATE OR REPLACE FUNCTION @hub@.card_behaviour(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  result jsonb;
BEGIN
  WITH
    own AS MATERIALIZED (
      SELECT o.order_id, o.ordered_at, o.kind, o.revenue, o.gross_margin, o.channel_id
      FROM @hub@.customer_member AS m
        JOIN @hub@.sales_order AS o ON o.record_id = m.record_id
      WHERE m.customer_id = living
        AND o.duplicate_of IS NULL
    ),
    favourite AS (
      SELECT ch.name
      FROM own AS o
        JOIN @hub@.channel AS ch ON ch.channel_id = o.channel_id
      WHERE o.kind = 'sale'
      GROUP BY ch.name
      ORDER BY count(*) DESC, sum(o.revenue) DESC, ch.name
      LIMIT 1
    ),
    paid AS (
      SELECT avg(p.paid_on - coalesce(p.due_on, o.ordered_at::date + p.terms_days)) AS days_late, count(*) AS payments
      FROM own AS o
        JOIN @hub@.payment AS p ON p.order_id = o.order_id
      WHERE p.paid_on IS NOT NULL
        AND p.amount > 0
    )
  SELECT jsonb_build_object(
    'orders', count(*) FILTER (WHERE o.kind = 'sale'),
    'revenue', coalesce(sum(o.revenue), 0),
    'gross_margin', sum(o.gross_margin),
    'returns', count(*) FILTER (WHERE o.kind = 'return'),
    'returned', coalesce(-sum(o.revenue) FILTER (WHERE o.kind = 'return'), 0),
    'average_ticket', round(avg(o.revenue) FILTER (WHERE o.kind = 'sale'), 2),
    'first_order', min(o.ordered_at) FILTER (WHERE o.kind = 'sale'),
    'last_order', max(o.ordered_at) FILTER (WHERE o.kind = 'sale'),
    'days_between', round((extract(epoch FROM max(o.ordered_at) FILTER (WHERE o.kind = 'sale')
                                              - min(o.ordered_at) FILTER (WHERE o.kind = 'sale'))
                           / 86400 / nullif(count(*) FILTER (WHERE o.kind = 'sale') - 1, 0))::numeric, 1),
    'favourite_channel', (SELECT f.name FROM favourite AS f),
    'payments', (SELECT p.payments FROM paid AS p),
    'average_days_late', (SELECT round(p.days_late, 1) FROM paid AS p))
  INTO result
  FROM own AS o;
  RETURN result;
END
$$;

COMMENT ON FUNCTION @hub@.card_behaviour(bigint) IS
  'Part of the customer card: orders, revenue and margin net of returns, rhythm, favourite channel (most orders) and how many days after the due date a living customer pays on average (negative: before it).';

CREATE OR REPLACE FUNCTION @hub@.card_segment(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT jsonb_build_object(
      'as_of', s.as_of, 'segment', s.segment, 'r', s.r, 'f', s.f, 'm', s.m, 'recency_days', s.recency_days,
      'revenue_class', s.revenue_class, 'margin_class', s.margin_class, 'revenue_share', s.revenue_share)
      -- What refresh_segments() adds.
      || jsonb_strip_nulls(jsonb_build_object(
        'stage', s.stage, 'strategy', s.strategy, 'value_class', s.value_class, 'p_alive', s.p_alive, 'p_no_order_90', s.p_no_order_90,
        'expected_orders', s.expected_orders, 'next_order_on', s.next_order_on, 'clv', s.clv))
    FROM @hub@.customer_score AS s
    WHERE s.customer_id = living AND @hub@.profiling_bar(living) IS NULL
    ORDER BY s.as_of DESC
    LIMIT 1);
END
$$;

COMMENT ON FUNCTION @hub@.card_segment(bigint) IS
  'Part of the customer card: the newest segmentation of a living customer; NULL when there is none, and for a customer who asked for restriction.';

-- What is open: service cases, payments overdue, and values on which the
-- sources contradict each other.
CREATE OR REPLACE FUNCTION @hub@.card_issues(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(i.issue ORDER BY i.position, i.since, i.detail), '[]')
    FROM (
        (SELECT 1 AS position, k.opened_at AS since, k.subject AS detail,
                jsonb_build_object('kind', 'service case', 'detail', k.subject, 'priority', k.priority,
                                   'since', k.opened_at::date, 'days', current_date - k.opened_at::date) AS issue
         FROM @hub@.customer_member AS m
           JOIN @hub@.service_case AS k ON k.record_id = m.record_id
         WHERE m.customer_id = living
           AND k.closed_at IS NULL
         ORDER BY k.opened_at, k.case_id
         LIMIT 20)
        UNION ALL
        (SELECT 2, due.day::timestamptz, o.order_key,
                jsonb_build_object('kind', 'late payment', 'detail', format('order %s', o.order_key), 'amount', p.amount,
                                   'since', due.day, 'days', current_date - due.day)
         FROM @hub@.customer_member AS m
           JOIN @hub@.sales_order AS o ON o.record_id = m.record_id
           JOIN @hub@.payment AS p ON p.order_id = o.order_id
           CROSS JOIN LATERAL (SELECT coalesce(p.due_on, o.ordered_at::date + p.terms_days) AS day) AS due
         WHERE m.customer_id = living
           AND o.duplicate_of IS NULL
           AND p.paid_on IS NULL
           AND p.amount > 0
           AND due.day < current_date
         ORDER BY due.day, p.payment_id
         LIMIT 20)
        UNION ALL
        SELECT 3, NULL, v.attribute,
               jsonb_build_object('kind', 'conflicting values', 'detail', v.attribute,
                                  'values', jsonb_agg(DISTINCT v.value))
        FROM @hub@.customer_member AS m
          JOIN @hub@.source_record AS r ON r.record_id = m.record_id
          CROSS JOIN LATERAL (VALUES ('birth date', to_char(r.birth_date, 'YYYY-MM-DD')), ('gender', r.gender), ('tax number', r.tax_id))
            AS v(attribute, value)
        WHERE m.customer_id = living
          AND v.value IS NOT NULL
        GROUP BY v.attribute
        HAVING min(v.value) < max(v.value)
      ) AS i);
END
$$;

COMMENT ON FUNCTION @hub@.card_issues(bigint) IS
  'Part of the customer card: open service cases and payments past their due date (at most 20 each), and attributes (birth date, gender, tax number) on which the source records of a living customer differ.';

CREATE OR REPLACE FUNCTION @hub@.card_touches(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object(
             'at', t.occurred_at, 'channel', c.name, 'employee', e.name, 'role', t.role, 'direction', t.direction,
             'phase', t.phase, 'message_type', t.message_type, 'campaign', g.name, 'emotion', t.emotion)
             ORDER BY t.occurred_at DESC, t.touch_id DESC), '[]')
    FROM (
        SELECT x.*
        FROM @hub@.customer_member AS m
          JOIN @hub@.touch AS x ON x.record_id = m.record_id
        WHERE m.customer_id = living
        ORDER BY x.occurred_at DESC, x.touch_id DESC
        LIMIT 10
      ) AS t
      LEFT JOIN @hub@.channel AS c ON c.channel_id = t.channel_id
      LEFT JOIN @hub@.employee AS e ON e.employee_id = t.employee_id
      LEFT JOIN @hub@.campaign AS g ON g.campaign_id = t.campaign_id);
END
$$;

COMMENT ON FUNCTION @hub@.card_touches(bigint) IS
  'Part of the customer card: the last ten touches of a living customer, newest first.';

CREATE OR REPLACE FUNCTION @hub@.card_offers(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object('product_key', o.product_key, 'name', o.name, 'category', o.category,
                                                 'score', o.score, 'propensity', round(o.propensity::numeric, 4),
                                                 'margin', o.margin, 'reason', o.reason)
                              ORDER BY o.rank), '[]')
    FROM @hub@.next_best_offer(living, 3) AS o);
END
$$;

COMMENT ON FUNCTION @hub@.card_offers(bigint) IS 'Part of the customer card: the three best offers for a living customer, with reasons.';

CREATE OR REPLACE FUNCTION @hub@.card_relations(living bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT coalesce(jsonb_agg(jsonb_build_object('relation', r.relation, 'customer_id', r.other_id, 'name', r.other_name, 'detail', r.detail,
                                                 'since', r.since, 'until', r.until, 'holds', r.holds, 'note', r.note) ORDER BY r.place), '[]')
    FROM @hub@.customer_relations(living) WITH ORDINALITY AS r(relation, other_id, other_name, detail, since, until, holds, note, place)
    WHERE r.place <= 50);
END
$$;

COMMENT ON FUNCTION @hub@.card_relations(bigint) IS
  'Part of the customer card: companies and contacts, recommendations and household of a living customer, at most 50: see customer_relations().';

CREATE OR REPLACE FUNCTION @hub@.customer_card(customer_id bigint)
RETURNS jsonb
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  living bigint;
BEGIN
  PERFORM @hub@.require_current();
  living := @hub@.require_customer(customer_id);
  RETURN jsonb_build_object(
    'asked_for', customer_id,
    'currency', (SELECT v.currency FROM @hub@.hub_version AS v),
    'who', @hub@.card_who(living),
    'contact_points', @hub@.card_contacts(living),
    'consent', @hub@.card_consent(living),
    'behaviour', @hub@.card_behaviour(living),
    'segment', @hub@.card_segment(living),
    'relations', @hub@.card_relations(living),
    'open_issues', @hub@.card_issues(living),
    'offers', @hub@.card_offers(living),
    'touches', @hub@.card_touches(living));
END
$$;

COMMENT ON FUNCTION @hub@.customer_card(bigint) IS
  'Everything known of one customer as one jsonb object: asked_for, currency, who (names, birth date, certainty, former_ids, records), contact_points, consent, behaviour, segment, relations, open_issues, offers, touches. Ids of merged customers lead to the living one. NULL gives NULL. Error: no_data_found for an id that was never given.';
