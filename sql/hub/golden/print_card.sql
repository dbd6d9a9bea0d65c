-- The customer card for people: 100 columns in a box.

-- One line of the card.
CREATE OR REPLACE FUNCTION @hub@.card_line(line text, to_the_right text DEFAULT '')
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN '│ '
         || omnicrm.fit(coalesce(line, ''), 96 - least(omnicrm.display_width(coalesce(to_the_right, '')), 60))
         || omnicrm.fit(coalesce(to_the_right, ''), least(omnicrm.display_width(coalesce(to_the_right, '')), 60))
         || ' │';
END
$$;

COMMENT ON FUNCTION @hub@.card_line(text, text) IS 'One line of the printed customer card, 100 columns wide, with a text at its left and one at its right end.';

-- A text of given columns; several of them make a line of a table.
CREATE OR REPLACE FUNCTION @hub@.card_cells(cells text[], widths integer[])
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN (
    SELECT string_agg(omnicrm.fit(coalesce(c.cell, ''), abs(c.width), CASE WHEN c.width < 0 THEN 'right' ELSE 'left' END),
                      '  ' ORDER BY c.position)
    FROM unnest(cells, widths) WITH ORDINALITY AS c(cell, width, position));
END
$$;

COMMENT ON FUNCTION @hub@.card_cells(text[], integer[]) IS 'Cells of a line of the printed customer card side by side, two blanks apart; a negative width aligns to the right.';

CREATE OR REPLACE FUNCTION @hub@.card_rule(title text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN '├─ ' || title || ' ' || repeat('─', 95 - omnicrm.display_width(title)) || '┤';
END
$$;

COMMENT ON FUNCTION @hub@.card_rule(text) IS 'The line above a part of the printed customer card, with its title.';

CREATE OR REPLACE FUNCTION @hub@.card_money(amount jsonb, currency text)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN btrim(to_char((amount #>> '{}')::numeric, 'FM999,999,999,999,990.00')) || ' ' || currency;
END
$$;

COMMENT ON FUNCTION @hub@.card_money(jsonb, text) IS 'An amount of the customer card as text with its currency; NULL gives NULL.';

CREATE OR REPLACE FUNCTION @hub@.card_day(instant jsonb)
RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN to_char((instant #>> '{}')::timestamptz, 'YYYY-MM-DD');
END
$$;

COMMENT ON FUNCTION @hub@.card_day(jsonb) IS 'The day of an instant of the customer card; NULL gives NULL.';

CREATE OR REPLACE FUNCTION @hub@.print_who(who jsonb, asked_for bigint)
RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
  RETURN NEXT '┌' || repeat('─', 98) || '┐';
  RETURN NEXT @hub@.card_line(coalesce(who ->> 'full_name', CASE WHEN who ->> 'state' = 'erased' THEN '(erased)' ELSE '(no name)' END),
                               '  customer ' || (who ->> 'customer_id'));
  RETURN NEXT @hub@.card_line(
    concat_ws(' · ', CASE WHEN (who ->> 'restricted')::boolean THEN 'RESTRICTED: no marketing, no profiling' END, who ->> 'kind',
              'born ' || (who ->> 'birth_date') || coalesce(' (' || (who ->> 'age') || ')', ''),
              who ->> 'gender', 'tax id ' || (who ->> 'tax_id')),
    CASE WHEN asked_for <> (who ->> 'customer_id')::bigint THEN format('  asked for as %s', asked_for) END);
  RETURN NEXT @hub@.card_line(
    CASE WHEN who ->> 'state' = 'empty' THEN 'all records have moved to other customers'
         ELSE format('%s %s in %s %s, certainty %s', who ->> 'record_count',
                     CASE WHEN who ->> 'record_count' = '1' THEN 'record' ELSE 'records' END, who ->> 'source_count',
                     CASE WHEN who ->> 'source_count' = '1' THEN 'source' ELSE 'sources' END, who ->> 'certainty')
              || coalesce(', seen ' || @hub@.card_day(who -> 'first_seen') || ' to ' || @hub@.card_day(who -> 'last_seen'), '')
    END,
    '  formerly ' || (SELECT string_agg(f, ', ') FROM jsonb_array_elements_text(who -> 'former_ids') AS f));
  RETURN NEXT @hub@.card_line(
    (SELECT string_agg(format('%s %s', r ->> 'source', r ->> 'key'), ' · ' ORDER BY n)
     FROM jsonb_array_elements(who -> 'records') WITH ORDINALITY AS t(r, n)
     WHERE who ->> 'state' <> 'erased'));
END
$$;

COMMENT ON FUNCTION @hub@.print_who(jsonb, bigint) IS 'Head of the printed customer card.';

CREATE OR REPLACE FUNCTION @hub@.print_contacts(points jsonb, consent jsonb)
RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  point jsonb;
BEGIN
  RETURN NEXT @hub@.card_rule('Contact');
  FOR point IN SELECT t.p FROM jsonb_array_elements(points) WITH ORDINALITY AS t(p, n) WHERE t.n <= 12 ORDER BY t.n LOOP
    RETURN NEXT @hub@.card_line(@hub@.card_cells(
      ARRAY[CASE WHEN (point ->> 'current')::boolean THEN '●' ELSE '○' END,
            replace(point ->> 'kind', '_', ' '),
            concat_ws('  ', point ->> 'value', CASE WHEN (point ->> 'preferred')::boolean THEN '★' END,
                      CASE point ->> 'state' WHEN 'verified' THEN '✓' WHEN 'bounced' THEN '✗ bounced' WHEN 'former' THEN '(former)' END),
            (SELECT string_agg(s, ', ' ORDER BY s) FROM jsonb_array_elements_text(point -> 'sources') AS s),
            @hub@.card_day(point -> 'last_stated')],
      ARRAY[1, 12, 44, 20, 10]));
  END LOOP;
  IF jsonb_array_length(points) > 12 THEN
    RETURN NEXT @hub@.card_line(format('  and %s more', jsonb_array_length(points) - 12));
  END IF;
  RETURN NEXT @hub@.card_line('marketing  ' || concat_ws('  ',
    (SELECT '✓ ' || string_agg(t.k ->> 'channel', ', ' ORDER BY t.n)
     FROM jsonb_array_elements(consent) WITH ORDINALITY AS t(k, n)
     WHERE (t.k ->> 'may_contact')::boolean),
    (SELECT '✗ ' || string_agg(g.channels || ' (' || g.reason || ')', ', ' ORDER BY g.place)
     FROM (SELECT string_agg(t.k ->> 'channel', ', ' ORDER BY t.n) AS channels, t.k ->> 'reason' AS reason, min(t.n) AS place
           FROM jsonb_array_elements(consent) WITH ORDINALITY AS t(k, n)
           WHERE NOT (t.k ->> 'may_contact')::boolean
           GROUP BY t.k ->> 'reason') AS g)));
END
$$;

COMMENT ON FUNCTION @hub@.print_contacts(jsonb, jsonb) IS 'Contact points and consent on the printed customer card; a filled dot marks the current one, a star the preferred one.';

CREATE OR REPLACE FUNCTION @hub@.print_behaviour(behaviour jsonb, segment jsonb, currency text)
RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  habits text;
BEGIN
  RETURN NEXT @hub@.card_rule('Behaviour and value');
  IF (behaviour ->> 'orders')::bigint = 0 AND (behaviour ->> 'returns')::bigint = 0 THEN
    RETURN NEXT @hub@.card_line('no order yet');
  ELSE
    RETURN NEXT @hub@.card_line(concat_ws(' · ',
      (behaviour ->> 'orders') || CASE WHEN behaviour ->> 'orders' = '1' THEN ' order' ELSE ' orders' END,
      'revenue ' || @hub@.card_money(behaviour -> 'revenue', currency),
      'margin ' || @hub@.card_money(behaviour -> 'gross_margin', currency),
      'average ticket ' || @hub@.card_money(behaviour -> 'average_ticket', currency)));
    RETURN NEXT @hub@.card_line(concat_ws(' · ',
      'first ' || @hub@.card_day(behaviour -> 'first_order'),
      'last ' || @hub@.card_day(behaviour -> 'last_order'),
      'every ' || (behaviour ->> 'days_between') || ' days',
      'mostly ' || (behaviour ->> 'favourite_channel')));
    habits := concat_ws(' · ',
      CASE WHEN (behaviour ->> 'returns')::bigint > 0
           THEN format('%s returned (%s)', behaviour ->> 'returns', @hub@.card_money(behaviour -> 'returned', currency)) END,
      CASE WHEN (behaviour ->> 'average_days_late')::numeric > 0 THEN format('pays %s days late', behaviour ->> 'average_days_late')
           WHEN (behaviour ->> 'average_days_late')::numeric <= 0 THEN 'pays on time' END);
    IF habits <> '' THEN
      RETURN NEXT @hub@.card_line(habits);
    END IF;
  END IF;
  IF jsonb_typeof(segment) = 'object' THEN
    RETURN NEXT @hub@.card_line(format('%s (R%s F%s M%s) · revenue class %s · margin class %s', segment ->> 'segment',
                                       segment ->> 'r', segment ->> 'f', segment ->> 'm', segment ->> 'revenue_class',
                                       segment ->> 'margin_class'),
                                '  as of ' || (segment ->> 'as_of'));
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.print_behaviour(jsonb, jsonb, text) IS 'Behaviour and segment on the printed customer card.';

CREATE OR REPLACE FUNCTION @hub@.print_relations(relations jsonb)
RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  relation jsonb;
BEGIN
  IF jsonb_array_length(relations) = 0 THEN
    RETURN;
  END IF;
  RETURN NEXT @hub@.card_rule('Relations');
  FOR relation IN SELECT t.r FROM jsonb_array_elements(relations) WITH ORDINALITY AS t(r, n) WHERE t.n <= 8 ORDER BY t.n LOOP
    RETURN NEXT @hub@.card_line(@hub@.card_cells(
      ARRAY[CASE WHEN relation -> 'holds' = 'true' THEN '●' ELSE '○' END, relation ->> 'relation',
            format('%s (%s)', coalesce(relation ->> 'name', 'customer'), relation ->> 'customer_id'),
            concat_ws(' · ', relation ->> 'detail', relation ->> 'note'),
            CASE WHEN relation ->> 'since' IS NULL THEN 'until ' || (relation ->> 'until')
                 ELSE concat_ws(' to ', relation ->> 'since', relation ->> 'until') END],
      ARRAY[1, 14, 25, 24, -24]));
  END LOOP;
  IF jsonb_array_length(relations) > 8 THEN
    RETURN NEXT @hub@.card_line(format('  and %s more', jsonb_array_length(relations) - 8));
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.print_relations(jsonb) IS 'Relations on the printed customer card, a filled dot for those that hold; nothing when there is none.';

CREATE OR REPLACE FUNCTION @hub@.print_issues(issues jsonb, currency text)
RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  issue jsonb;
BEGIN
  IF jsonb_array_length(issues) = 0 THEN
    RETURN;
  END IF;
  RETURN NEXT @hub@.card_rule('Open');
  FOR issue IN SELECT t.i FROM jsonb_array_elements(issues) WITH ORDINALITY AS t(i, n) WHERE t.n <= 8 ORDER BY t.n LOOP
    RETURN NEXT @hub@.card_line(@hub@.card_cells(
      ARRAY['!', issue ->> 'kind',
            concat_ws(' · ', issue ->> 'detail', issue ->> 'priority', @hub@.card_money(issue -> 'amount', currency),
                      (SELECT string_agg(v, ' or ' ORDER BY v) FROM jsonb_array_elements_text(issue -> 'values') AS v)),
            CASE WHEN issue ->> 'days' IS NOT NULL THEN format('%s days, %s', issue ->> 'days', issue ->> 'since') END],
      ARRAY[1, 18, 47, -24]));
  END LOOP;
  IF jsonb_array_length(issues) > 8 THEN
    RETURN NEXT @hub@.card_line(format('  and %s more', jsonb_array_length(issues) - 8));
  END IF;
END
$$;

COMMENT ON FUNCTION @hub@.print_issues(jsonb, text) IS 'Open issues on the printed customer card; nothing when there is none.';

CREATE OR REPLACE FUNCTION @hub@.print_offers(offers jsonb, currency text)
RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  offer record;
BEGIN
  RETURN NEXT @hub@.card_rule('What to offer');
  IF jsonb_array_length(offers) = 0 THEN
    RETURN NEXT @hub@.card_line('nothing');
  END IF;
  FOR offer IN SELECT t.o AS value, t.n AS place FROM jsonb_array_elements(offers) WITH ORDINALITY AS t(o, n) ORDER BY t.n LOOP
    RETURN NEXT @hub@.card_line(@hub@.card_cells(
      ARRAY[offer.place::text, offer.value ->> 'name', offer.value ->> 'reason', @hub@.card_money(offer.value -> 'score', currency)],
      ARRAY[1, 26, 51, -12]));
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.print_offers(jsonb, text) IS 'Offers on the printed customer card with their reasons and expected margins.';

CREATE OR REPLACE FUNCTION @hub@.print_touches(touches jsonb)
RETURNS SETOF text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  touch jsonb;
BEGIN
  RETURN NEXT @hub@.card_rule('Last touches');
  IF jsonb_array_length(touches) = 0 THEN
    RETURN NEXT @hub@.card_line('none');
  END IF;
  FOR touch IN SELECT t.x FROM jsonb_array_elements(touches) WITH ORDINALITY AS t(x, n) ORDER BY t.n LOOP
    RETURN NEXT @hub@.card_line(@hub@.card_cells(
      ARRAY[to_char((touch ->> 'at')::timestamptz, 'YYYY-MM-DD HH24:MI'),
            CASE touch ->> 'direction' WHEN 'inbound' THEN '←' WHEN 'outbound' THEN '→' END,
            touch ->> 'channel',
            touch ->> 'phase',
            concat_ws(', ', touch ->> 'employee', touch ->> 'role'),
            coalesce(touch ->> 'campaign', touch ->> 'message_type'),
            CASE WHEN (touch ->> 'emotion')::integer > 0 THEN '+' ELSE '' END || (touch ->> 'emotion')],
      ARRAY[16, 1, 16, 9, 21, 19, -2]));
  END LOOP;
END
$$;

COMMENT ON FUNCTION @hub@.print_touches(jsonb) IS 'Last touches on the printed customer card: time, direction (← from the customer), channel, phase, employee and role, campaign or message type, emotion -2 to +2.';

CREATE OR REPLACE FUNCTION @hub@.print_card(customer_id bigint)
RETURNS SETOF text
LANGUAGE plpgsql STABLE STRICT
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
  card jsonb := @hub@.customer_card(customer_id);
  currency text := card ->> 'currency';
BEGIN
  RETURN QUERY SELECT t FROM @hub@.print_who(card -> 'who', customer_id) AS t;
  RETURN QUERY SELECT t FROM @hub@.print_contacts(card -> 'contact_points', card -> 'consent') AS t;
  RETURN QUERY SELECT t FROM @hub@.print_behaviour(card -> 'behaviour', card -> 'segment', currency) AS t;
  RETURN QUERY SELECT t FROM @hub@.print_relations(card -> 'relations') AS t;
  RETURN QUERY SELECT t FROM @hub@.print_issues(card -> 'open_issues', currency) AS t;
  RETURN QUERY SELECT t FROM @hub@.print_offers(card -> 'offers', currency) AS t;
  RETURN QUERY SELECT t FROM @hub@.print_touches(card -> 'touches') AS t;
  RETURN NEXT '└' || repeat('─', 98) || '┘';
END
$$;

COMMENT ON FUNCTION @hub@.print_card(bigint) IS
  'The customer card as lines of 100 columns, for psql -At or \t: see customer_card(). A filled dot marks the current contact point. NULL gives no line. Error: no_data_found.';
