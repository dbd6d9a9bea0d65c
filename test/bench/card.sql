-- One customer on one screen, and finding a customer. The card against one plain
-- statement that brings the same facts (who, contact points, orders, payments,
-- cases, last touches) as it would be sent by an application: planned each
-- time, and without segment, consent, offers and their reasons, which plain SQL
-- has not. Finding against LIKE and regular expressions on the columns.
SET client_min_messages = warning;
CREATE TABLE IF NOT EXISTS bench_result (work text NOT NULL, ours_ms double precision NOT NULL, plain_ms double precision);

-- Milliseconds per call of a statement with one parameter, over all of `values`:
-- median of three rounds. Calls are planned as ours are (kept plan) or, plain,
-- each time.
CREATE FUNCTION pg_temp.per_call(statement text, arguments text[])
RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  argument text;
  started timestamptz;
  rounds double precision[] := '{}';
BEGIN
  FOR round IN 1 .. 3 LOOP
    started := clock_timestamp();
    FOREACH argument IN ARRAY arguments LOOP
      EXECUTE statement USING argument;
    END LOOP;
    rounds := rounds || 1000 * extract(epoch FROM clock_timestamp() - started)::double precision / cardinality(arguments);
  END LOOP;
  RETURN (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY t) FROM unnest(rounds) AS t);
END
$$;

CREATE TEMP TABLE asked AS
SELECT c.customer_id, c.full_name, c.given_name || ' ' || split_part(c.surname, ' ', 1) AS short_name, c.email,
       substr(c.phone, 4, 3) || ' ' || substr(c.phone, 7, 3) || ' ' || substr(c.phone, 10) AS spaced_phone
FROM crm.customer AS c
ORDER BY hashint8extended(c.customer_id, 1)
LIMIT 100;
-- The session's plans are made before anything is measured.
SELECT count(*) FROM (SELECT * FROM asked LIMIT 10) AS a, LATERAL crm.print_card(a.customer_id) \g /dev/null
SELECT count(*) FROM (SELECT * FROM asked LIMIT 10) AS a, LATERAL crm.find_customer(a.full_name) \g /dev/null

INSERT INTO bench_result
SELECT 'customer_card, one customer',
       pg_temp.per_call('SELECT crm.customer_card($1::bigint)', array_agg(a.customer_id::text)),
       pg_temp.per_call($plain$
         SELECT jsonb_build_object(
           'who', (SELECT to_jsonb(c) FROM crm.customer AS c WHERE c.customer_id = $1::bigint),
           'records', (SELECT jsonb_agg(jsonb_build_object('source', s.name, 'key', r.source_key, 'email', r.email, 'phone', r.phone,
                                                           'street', r.street, 'birth_date', r.birth_date))
                       FROM crm.customer_member AS m
                         JOIN crm.source_record AS r ON r.record_id = m.record_id
                         JOIN crm.source AS s ON s.source_id = r.source_id
                       WHERE m.customer_id = $1::bigint),
           'orders', (SELECT to_jsonb(t)
                      FROM (SELECT count(*), sum(o.revenue), sum(o.gross_margin), min(o.ordered_at), max(o.ordered_at)
                            FROM crm.customer_member AS m
                              JOIN crm.sales_order AS o ON o.record_id = m.record_id
                            WHERE m.customer_id = $1::bigint) AS t),
           'payments', (SELECT avg(p.paid_on - p.due_on)
                        FROM crm.customer_member AS m
                          JOIN crm.sales_order AS o ON o.record_id = m.record_id
                          JOIN crm.payment AS p ON p.order_id = o.order_id
                        WHERE m.customer_id = $1::bigint),
           'cases', (SELECT jsonb_agg(k.subject)
                     FROM crm.customer_member AS m
                       JOIN crm.service_case AS k ON k.record_id = m.record_id
                     WHERE m.customer_id = $1::bigint AND k.closed_at IS NULL),
           'touches', (SELECT jsonb_agg(to_jsonb(t))
                       FROM (SELECT x.occurred_at, c.name AS channel, e.name AS employee, x.phase, x.emotion
                             FROM crm.customer_member AS m
                               JOIN crm.touch AS x ON x.record_id = m.record_id
                               LEFT JOIN crm.channel AS c ON c.channel_id = x.channel_id
                               LEFT JOIN crm.employee AS e ON e.employee_id = x.employee_id
                             WHERE m.customer_id = $1::bigint
                             ORDER BY x.occurred_at DESC
                             LIMIT 10) AS t))
         $plain$, array_agg(a.customer_id::text))
FROM asked AS a;
INSERT INTO bench_result
SELECT 'print_card, one customer', pg_temp.per_call('SELECT count(*) FROM crm.print_card($1::bigint)', array_agg(a.customer_id::text)), NULL
FROM asked AS a;
INSERT INTO bench_result
SELECT 'find_customer by phone',
       pg_temp.per_call('SELECT count(*) FROM crm.find_customer($1)', array_agg(a.spaced_phone)),
       pg_temp.per_call('SELECT count(*) FROM crm.customer AS c WHERE c.phone LIKE ''%'' || regexp_replace($1, ''[^0-9]'', '''', ''g'')',
                        (array_agg(a.spaced_phone))[1:5])
FROM asked AS a;
INSERT INTO bench_result
SELECT 'find_customer by full name',
       pg_temp.per_call('SELECT count(*) FROM crm.find_customer($1)', array_agg(a.full_name)),
       pg_temp.per_call('SELECT count(*) FROM (SELECT 1 FROM crm.customer AS c WHERE c.full_name ILIKE ''%'' || $1 || ''%'' LIMIT 20) AS t',
                        (array_agg(a.full_name))[1:5])
FROM asked AS a;
INSERT INTO bench_result
SELECT 'find_customer by name and first surname',
       pg_temp.per_call('SELECT count(*) FROM crm.find_customer($1)', array_agg(a.short_name)),
       pg_temp.per_call('SELECT count(*) FROM (SELECT 1 FROM crm.customer AS c WHERE c.full_name ILIKE ''%'' || $1 || ''%'' LIMIT 20) AS t',
                        (array_agg(a.short_name))[1:5])
FROM asked AS a;
