-- The customer card and the search.
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/small_hub.sql
\i :file
-- A customer of three records, with everything.
UPDATE crm.source_record SET full_name = 'María García López', birth_date = '1980-02-02', gender = 'female', tax_id = '12345678Z',
                             loyalty_card = 'C100', email = 'maria@example.org', phone = '+34600111222'
WHERE record_id = 1;
UPDATE crm.source_record SET source_id = 2, full_name = 'Garcia Lopez, Maria', birth_date = '1980-02-20', email = 'old@example.org',
                             phone = '+34600111222', business_at = '2021-05-05', street = 'Plaza Vieja 3'
WHERE record_id = 2;
UPDATE crm.source_record SET source_id = 3, full_name = E'María\u001b[31m García', email = NULL, phone = NULL, street = NULL,
                             postcode = NULL, city = NULL, username = 'mgarcia', device = 'device-1'
WHERE record_id = 3;
UPDATE crm.customer_member SET customer_id = 1 WHERE record_id IN (2, 3);
INSERT INTO crm.customer_redirect VALUES (2, 1), (3, 1);
UPDATE crm.customer SET state = 'merged', merged_into = 1, name_tokens = NULL WHERE customer_id IN (2, 3);
UPDATE crm.customer SET full_name = 'María García López', birth_date = '1980-02-02', gender = 'female', tax_id = '12345678Z',
                        loyalty_card = 'C100', username = 'mgarcia', email = 'maria@example.org', phone = '+34600111222',
                        name_tokens = omnicrm.name_tokens('María García López'), certainty = 0.95, record_count = 3, source_count = 3,
                        first_seen = '2021-05-05'
WHERE customer_id = 1;
UPDATE crm.customer SET full_name = '漢字 ' || repeat('Ñandú ', 30), name_tokens = omnicrm.name_tokens('Antonio García Pérez') WHERE customer_id = 4;
UPDATE crm.customer SET full_name = 'José Antonio García', name_tokens = omnicrm.name_tokens('José Antonio García') WHERE customer_id = 5;
INSERT INTO crm.identifier (kind, value, record_id)
SELECT i.kind, i.value, r.record_id
FROM crm.source_record AS r
  CROSS JOIN LATERAL (VALUES ('email', r.email), ('phone', r.phone), ('tax_id', r.tax_id), ('loyalty_card', r.loyalty_card),
                             ('username', r.username)) AS i(kind, value)
WHERE i.value IS NOT NULL;
INSERT INTO crm.channel (name) VALUES ('web shop'), ('store Madrid');
INSERT INTO crm.employee (employee_key, name) VALUES ('E1', 'Ana Ruiz');
INSERT INTO crm.campaign (name) VALUES ('Spring');
SELECT count(buy(n, '2024-02-01', '{LAMP,DESK}')) AS orders FROM generate_series(4, 9) AS n;
SELECT buy(1, '2024-01-10', '{LAMP}', line_margin => 20) > 0 AND buy(1, '2024-03-10', '{BULB}', line_margin => 3) > 0
       AND buy(2, '2024-02-10', '{LAMP}') > 0 AND buy(-2, '2024-02-15', '{LAMP}') > 0 AS bought;
UPDATE crm.sales_order SET channel_id = 1 + order_id % 2, gross_margin = revenue / 2;
SELECT (crm.refresh_offers()).counts ->> 'customers' AS buyers;
INSERT INTO crm.payment (source_id, payment_key, load_id, content_hash, order_id, due_on, paid_on, amount)
SELECT 1, 'P' || o.order_id, 1, 1, o.order_id, '2024-02-10', CASE WHEN o.record_id = 1 AND o.ordered_at < '2024-02-01' THEN '2024-02-14'::date END, 50
FROM crm.sales_order AS o
WHERE o.record_id = 1;
INSERT INTO crm.touch (source_id, event_key, load_id, content_hash, record_id, occurred_at, channel_id, employee_id, role, direction,
                       message_type, campaign_id, phase, emotion)
SELECT 1, 'T' || n, 1, 1, 1 + n % 3, timestamptz '2024-01-01 10:00+00' + n * interval '1 day', 1 + n % 2, CASE WHEN n % 2 = 0 THEN 1 END,
       CASE WHEN n % 2 = 0 THEN 'advised' END, CASE WHEN n % 2 = 0 THEN 'inbound' ELSE 'outbound' END, 'commercial',
       CASE WHEN n % 4 = 0 THEN 1 END, 'pre-sale', n % 5 - 2
FROM generate_series(1, 14) AS n;
INSERT INTO crm.service_case (source_id, case_key, load_id, content_hash, record_id, opened_at, closed_at, subject, priority)
VALUES (1, 'C1', 1, 1, 2, '2024-03-01', NULL, 'Lamp arrived broken', 'high'), (1, 'C2', 1, 1, 1, '2024-01-01', '2024-01-02', 'Closed', 'normal');
INSERT INTO crm.consent_event (source_id, event_key, load_id, content_hash, record_id, channel_kind, state, stated_at)
VALUES (1, 'E1', 1, 1, 1, 'email', 'given', '2024-01-01'), (1, 'E2', 1, 1, 2, 'phone', 'withdrawn', '2024-01-01');
INSERT INTO crm.customer_score (as_of, customer_id, recency_days, frequency, monetary, gross_margin, r, f, m, segment, revenue_class,
                                margin_class, revenue_share)
VALUES ('2023-12-31', 1, 1, 1, 1, 1, 1, 1, 1, 'old', 'C', 'C', 0), ('2024-04-01', 1, 20, 3, 55, 23, 5, 3, 4, 'Loyal', 'A', 'B', 0.1);

-- Days that pass are left out of what is compared.
CREATE FUNCTION steady(card jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT card #- '{who,age}' || jsonb_build_object('open_issues', (SELECT jsonb_agg(i - 'days') FROM jsonb_array_elements(card -> 'open_issues') AS i))
$$;
SELECT jsonb_pretty(steady(crm.customer_card(1)));
SELECT steady(crm.customer_card(3)) - 'asked_for' = steady(crm.customer_card(1)) - 'asked_for' AS old_id_same_card,
       crm.customer_card(3) -> 'asked_for' AS asked_for;
SELECT crm.customer_card(NULL) IS NULL AS null_for_null;
SELECT crm.customer_card(99);
\pset format unaligned
\pset tuples_only on
SELECT regexp_replace(regexp_replace(l, '\(\d+\)', '(nn)'), ' +\d+ days, ', ' nn days, ') FROM crm.print_card(3) AS l;
SELECT regexp_replace(l, '\(\d+\)', '(nn)') FROM crm.print_card(4) AS l;
SELECT l FROM crm.print_card(12) AS l;
SELECT count(*) FROM crm.print_card(NULL);
\pset tuples_only off
\pset format aligned
SELECT count(*) FILTER (WHERE omnicrm.display_width(l) <> 100) AS uneven_lines, count(*) > 20 AS lines
FROM generate_series(1, 12) AS c, LATERAL crm.print_card(c) AS l;
SELECT crm.print_card(99);
-- A customer whose records have all moved away.
UPDATE crm.customer_member SET customer_id = 11 WHERE record_id = 12;
UPDATE crm.customer SET state = 'empty', full_name = NULL, email = NULL, phone = NULL, record_count = 0 WHERE customer_id = 12;
SELECT l FROM crm.print_card(12) AS l LIMIT 4;

-- Found by whatever is typed.
SELECT q, f.customer_id, f.matched_by, f.matched
FROM (VALUES (1, 'MARIA@example.org '), (2, '600 111 222'), (3, '+34 600-111-222'), (4, '0034600111222'), (5, '12345678-z'), (6, 'c100'),
             (7, 'MGarcia'), (8, '3'), (9, '7'), (10, 'old@example.org'), (11, '600111223'), (12, 'nobody@example.org'), (13, '99')) AS v(n, q)
  LEFT JOIN LATERAL crm.find_customer(v.q) AS f ON true
ORDER BY v.n, f.customer_id;
SELECT f.customer_id, f.full_name, f.matched_by, round(f.score::numeric, 2) AS score FROM crm.find_customer('garcia lopez maria') AS f;
SELECT f.customer_id, left(f.full_name, 20) AS full_name FROM crm.find_customer('GARCÍA') AS f ORDER BY 1;
SELECT f.customer_id FROM crm.find_customer('garcia', 2) AS f ORDER BY 1;
SELECT f.customer_id, f.full_name FROM crm.find_customer('jose antonio garzia') AS f;
SELECT count(*) AS none FROM crm.find_customer('zzyzx qwerty');
-- Whatever is typed.
SELECT count(*) AS none
FROM unnest(ARRAY[NULL, '', '   ', '%', '_', '%%%', '''', '"; DROP TABLE crm.customer --', '😀', '😀 😀', E'\t\n', '\', '+', '+++', '@', '()',
                  '-', repeat('9', 40), repeat('x', 10000000), repeat('a ', 100000), repeat('@', 1000), 'a@', '{}', 'NULL']) AS q
  CROSS JOIN LATERAL crm.find_customer(q) AS f;
SELECT count(*) AS none FROM crm.find_customer('garcia', 0);
SELECT count(*) AS all_of_them FROM crm.find_customer('garcia', 2147483647);
SELECT crm.find_customer('garcia', -1);
SELECT crm.find_customer('garcia', NULL);
-- With statistics of words that most customers bear.
INSERT INTO crm.customer (full_name, name_tokens)
SELECT 'Pilar Ruiz ' || n, omnicrm.name_tokens('Pilar Ruiz ' || chr(97 + n % 26)) FROM generate_series(1, 2000) AS n;
ANALYZE crm.customer;
SELECT round(crm.name_share('{pilar}')::numeric, 2) AS pilar, round(crm.name_share('{pilar,ruiz}')::numeric, 2) AS both_words;
SELECT f.customer_id FROM crm.find_customer('pilar ruiz', 3) AS f ORDER BY 1;
SELECT count(*) AS fifty FROM crm.find_customer('ruiz', 50);
SELECT count(*) AS two_hundred FROM crm.find_customer('ruiz', 200);
SELECT f.customer_id FROM crm.find_customer('maria garcia') AS f;
DROP SCHEMA crm, crm_bi CASCADE;
DROP FUNCTION buy, steady;
