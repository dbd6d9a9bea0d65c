-- What happened around each sale and between the sales: touches in every
-- system, leads, cases, consents.

CREATE UNLOGGED TABLE shop_build.stage AS
SELECT * FROM (VALUES
  (1, 'brought',   'pre-sale',  0.70,  4.0, 40.0),
  (2, NULL,        'pre-sale',  0.50,  1.0, 20.0),
  (3, 'qualified', 'pre-sale',  0.28,  2.0, 15.0),
  (4, 'advised',   'pre-sale',  0.50,  0.1,  6.0),
  (5, 'closed',    'sale',      0.60,  0.0,  0.0),
  (6, 'supported', 'post-sale', 0.32, -1.0, -30.0)
) AS s(stage, role, phase, chance, days_from, days_to);

CREATE UNLOGGED TABLE shop_build.known AS
SELECT person_id, rec, code, source_key, (row_number() OVER w)::integer - 1 AS n, (count(*) OVER (PARTITION BY person_id))::integer AS records
FROM shop_build.presence WINDOW w AS (PARTITION BY person_id ORDER BY rec);
ALTER TABLE shop_build.known ADD PRIMARY KEY (person_id, n);
ANALYZE shop_build.known;

-- Seven tenths of the touches belong to a sale; chances above one become
-- repeated touches. The closing one happens where the sale is made.
CREATE UNLOGGED TABLE shop_build.contact AS
WITH size AS (
  SELECT 0.7 * :touches_per_person * (SELECT count(*) FROM shop_build.person)
           / (2.9 * (SELECT count(*) FROM shop_build.booking)) AS factor,
         0.3 * :touches_per_person * (SELECT count(*) FROM shop_build.person)::double precision / (SELECT count(*) FROM shop_build.known) AS idle
), around AS (
  SELECT b.sale * 64 + s.stage * 8 + r AS contact, b.person_id, b.household, b.rec AS sale_rec, b.code AS sale_code, b.source_key AS sale_key,
         b.seller, s.stage, s.role, s.phase,
         b.at - (s.days_from + (s.days_to - s.days_from) * power(shop.u(b.sale * 64 + s.stage * 8 + r, 'before'), 1.4)) * interval '1 day' AS at,
         k.records
  FROM shop_build.booking AS b
  CROSS JOIN size
  CROSS JOIN shop_build.stage AS s
  CROSS JOIN LATERAL generate_series(1, ceil(size.factor)::integer) AS r
  JOIN shop_build.known AS k ON k.person_id = b.person_id AND k.n = 0
  WHERE shop.u(b.sale * 64 + s.stage * 8 + r, 'happens') < s.chance * size.factor / ceil(size.factor)
), met AS (
  SELECT a.contact, a.person_id, a.household, a.stage, a.role, a.phase, a.at, a.seller,
         CASE WHEN a.stage = 5 THEN a.sale_code ELSE k.code END AS code,
         CASE WHEN a.stage = 5 THEN a.sale_key ELSE k.source_key END AS source_key
  FROM around AS a
  LEFT JOIN shop_build.known AS k ON k.person_id = a.person_id AND a.stage <> 5
    AND k.n = floor(a.records * shop.u(a.contact, 'where'))::integer
), idle AS (
  SELECT k.rec * 1024 + g.n AS contact, k.person_id, NULL::bigint AS household, 0 AS stage, NULL::text AS role, 'pre-sale'::text AS phase,
         timestamp '2023-07-01' + shop.k(k.rec * 1024 + g.n, 'day', 1093) * interval '1 day' + (8 * 3600 + shop.k(k.rec * 1024 + g.n, 'second', 46000)) * interval '1 second' AS at,
         NULL::text AS seller, k.code, k.source_key
  FROM size, shop_build.known AS k
  CROSS JOIN LATERAL generate_series(1, floor(size.idle * (CASE k.code WHEN 4 THEN 2.5 WHEN 5 THEN 1.5 WHEN 1 THEN 1.1 ELSE 0.35 END) * (0.4 + 1.2 * shop.u(k.rec, 'how often')))::integer) AS g(n)
)
SELECT c.contact, c.person_id, c.stage, CASE WHEN e.employee IS NOT NULL THEN c.role END AS role, c.phase, c.code, c.source_key, w.at,
       CASE WHEN c.code = 4 THEN 'Newsletter' WHEN c.code = 5 THEN 'App' WHEN c.code = 2 THEN 'Store' WHEN c.code = 3 THEN 'Call centre' WHEN c.code = 6 THEN 'Field sales'
            WHEN c.stage IN (1, 2) AND shop.u(c.contact, 'ad') < 0.34 THEN 'Search ads'
            WHEN c.stage IN (1, 2) AND shop.u(c.contact, 'ad') < 0.58 THEN 'Social ads'
            ELSE 'Web shop' END AS channel,
       e.employee,
       -- How the customer felt: people and places differ, support mends, but who calls after a sale waits too long.
       CASE WHEN c.code <> 4 AND (c.stage IN (5, 6) OR c.stage = 4 AND c.code IN (2, 3, 6)) THEN
         greatest(-2, least(2, round((CASE c.code WHEN 2 THEN 0.8 WHEN 6 THEN 0.9 WHEN 1 THEN 0.4 WHEN 5 THEN 0.3 ELSE -0.2 END
           + 2.4 * (shop.u(c.contact, 'mood') - 0.5) - 0.9 * (shop.u(c.contact, 'bad day') < 0.12)::integer
           - 0.8 * (c.code = 3 AND c.stage = 6)::integer)::numeric)))::integer END AS mood
FROM (SELECT * FROM met UNION ALL SELECT * FROM idle) AS c
CROSS JOIN LATERAL (SELECT least(c.at, timestamp '2026-06-29 20:00') AS at) AS w
CROSS JOIN LATERAL (
  SELECT CASE WHEN c.stage = 5 AND c.seller IS NOT NULL THEN c.seller
         WHEN c.code = 2 THEN 'E1' || shop.k(coalesce(c.household, c.person_id), 'store', 10) || floor(6 * power(shop.u(c.contact, 'clerk'), 1.3))::integer
         WHEN c.code = 3 THEN 'E2' || lpad(floor(12 * power(shop.u(c.contact, 'agent'), 1.3))::integer::text, 2, '0')
         WHEN c.code = 6 THEN 'E3' || lpad(shop.k(coalesce(c.household, c.person_id), 'rep', 8)::text, 2, '0')
         WHEN c.stage = 1 AND shop.u(c.contact, 'owner') < 0.5 THEN 'E4' || lpad((1 + shop.k(c.contact, 'manager', 4))::text, 2, '0')
         WHEN c.code IN (1, 5) AND c.stage IN (3, 4, 5, 6) AND shop.u(c.contact, 'chat') < 0.5 THEN 'E5' || lpad(floor(4 * power(shop.u(c.contact, 'chatter'), 1.3))::integer::text, 2, '0')
    END AS employee
) AS e;
ANALYZE shop_build.contact;

CREATE UNLOGGED TABLE shop.web_visit AS
SELECT 'V-' || to_hex(contact) AS visit_id, source_key AS customer_no,
       to_char(at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS visited_at,
       channel AS came_by, CASE WHEN channel <> 'Web shop' THEN channel || ' ' || to_char(at, 'YYYY"-Q"Q') END AS utm_campaign,
       role AS chat_role, employee AS chat_agent, phase, CASE WHEN employee IS NULL THEN 'page' ELSE 'chat' END AS kind, mood::text AS mood,
       CASE channel WHEN 'Search ads' THEN '0.62' WHEN 'Social ads' THEN '0.48' ELSE CASE WHEN employee LIKE 'E5%' THEN '2.10' ELSE '0.00' END END AS cost
FROM shop_build.contact WHERE code = 1;

CREATE UNLOGGED TABLE shop.store_visit AS
SELECT 'T-' || to_hex(contact) AS visita, source_key AS num_tarjeta, to_char(at, 'DD/MM/YYYY HH24:MI') AS fecha,
       employee AS empleado, role AS funcion, phase AS fase, mood::text AS animo, '1,80' AS coste
FROM shop_build.contact WHERE code = 2;

CREATE UNLOGGED TABLE shop.call_log AS
SELECT 'L-' || to_hex(contact) AS call_id, source_key AS contact_id, to_char(at, 'DD.MM.YYYY HH24:MI') AS started, employee AS agent,
       CASE WHEN shop.u(contact, 'inbound') < 0.6 THEN 'inbound' ELSE 'outbound' END AS direction, role AS agent_role, phase, mood::text AS mood, '3.90' AS cost
FROM shop_build.contact WHERE code = 3;

CREATE UNLOGGED TABLE shop.newsletter_event AS
SELECT 'M-' || to_hex(contact) AS event_id, source_key AS subscriber_id,
       to_char(at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS at,
       CASE WHEN stage = 0 THEN CASE WHEN shop.u(contact, 'opened') < 0.3 THEN 'open' ELSE 'sent' END ELSE 'click' END AS event,
       'Newsletter ' || to_char(at, 'YYYY"-Q"Q') AS campaign, role AS editor_role, employee AS editor, phase, '0.02' AS cost
FROM shop_build.contact WHERE code = 4;

CREATE UNLOGGED TABLE shop.app_event AS
SELECT 'P-' || to_hex(contact) AS event_id, source_key AS user_id,
       to_char(at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS"+00"') AS at,
       CASE WHEN stage = 0 THEN 'push' WHEN employee LIKE 'E5%' THEN 'chat' ELSE 'session' END AS event,
       CASE WHEN stage IN (0, 1) THEN 'App ' || to_char(at, 'YYYY"-Q"Q') END AS campaign, role AS staff_role, employee AS staff, phase, mood::text AS mood, '0.01' AS cost
FROM shop_build.contact WHERE code = 5;

CREATE UNLOGGED TABLE shop.field_visit AS
SELECT 'F-' || to_hex(contact) AS visit_no, source_key AS contact_no, to_char(at, 'YYYY-MM-DD HH24:MI') AS visited, employee AS rep, role AS function, phase, mood::text AS mood, '38.00' AS cost
FROM shop_build.contact WHERE code = 6;

-- Leads of the field sales force: most orders began as one, others were lost
-- or are still open. Some names are missing, as they are.
CREATE UNLOGGED TABLE shop.field_lead AS
WITH won AS (
  SELECT b.sale AS lead, b.person_id, b.source_key, b.at - (10 + shop.k(b.sale, 'lead days', 60)) * interval '1 day' AS created, b.at AS won, NULL::timestamp AS lost,
         b.revenue AS value, b.order_no AS sale_key, b.seller
  FROM shop_build.booking AS b WHERE b.system = 'field' AND shop.u(b.sale, 'from lead') < 0.8
), other AS (
  SELECT k.rec * 16 + g.n AS lead, k.person_id, k.source_key, timestamp '2024-01-08 10:00' + shop.k(k.rec * 16 + g.n, 'created', 900) * interval '1 day' AS created, NULL::timestamp AS won,
         CASE WHEN shop.u(k.rec * 16 + g.n, 'lost') < 0.75 THEN 1 END AS lost, round((60 + 4000 * power(shop.u(k.rec * 16 + g.n, 'value'), 3))::numeric, 2) AS value, NULL::text AS sale_key,
         'E3' || lpad(shop.k(p.household, 'rep', 8)::text, 2, '0') AS seller
  FROM shop_build.known AS k JOIN shop_build.person AS p USING (person_id)
  CROSS JOIN LATERAL generate_series(1, shop.k(k.rec, 'lost leads', 12)) AS g(n)
  WHERE k.code = 6
), lead AS (
  SELECT * FROM won
  UNION ALL
  SELECT lead, person_id, source_key, created, won,
         CASE WHEN lost = 1 THEN least(created + (5 + shop.k(lead, 'lost after', 80)) * interval '1 day', timestamp '2026-06-29 18:00') END, value, sale_key, seller
  FROM other
)
SELECT 'LD-' || lpad(row_number() OVER (ORDER BY created, lead)::text, 6, '0') AS lead_no, source_key AS contact_no, to_char(created, 'YYYY-MM-DD HH24:MI') AS created,
       o.origin, CASE o.origin WHEN 'trade fair' THEN 'Field sales' WHEN 'cold visit' THEN 'Field sales' WHEN 'recommendation' THEN 'Field sales' WHEN 'web form' THEN 'Web shop' WHEN 'search ad' THEN 'Search ads' ELSE 'Call centre' END AS channel,
       CASE WHEN o.origin = 'search ad' THEN 'Search ads ' || to_char(created, 'YYYY"-Q"Q') END AS campaign,
       CASE WHEN shop.u(lead, 'nobody brought') < 0.10 THEN NULL
            WHEN o.origin IN ('web form', 'search ad') THEN 'E4' || lpad((1 + shop.k(lead, 'manager', 4))::text, 2, '0')
            WHEN o.origin = 'incoming call' THEN 'E2' || lpad(shop.k(lead, 'agent', 12)::text, 2, '0')
            ELSE 'E3' || lpad(shop.k(lead, 'bringer', 8)::text, 2, '0') END AS brought_by,
       CASE WHEN shop.u(lead, 'nobody advised') < 0.15 THEN NULL ELSE 'E3' || lpad(shop.k(lead, 'adviser', 8)::text, 2, '0') END AS advised_by,
       CASE WHEN won IS NOT NULL AND shop.u(lead, 'nobody closed') >= 0.03 THEN seller END AS closed_by,
       to_char(won, 'YYYY-MM-DD HH24:MI') AS won_at, to_char(lost, 'YYYY-MM-DD HH24:MI') AS lost_at,
       CASE WHEN lost IS NOT NULL THEN (ARRAY['price', 'price', 'delivery time', 'chose a competitor', 'no budget', 'no answer'])[1 + shop.k(lead, 'why', 6)] END AS lost_reason,
       value::text AS value, sale_key AS order_no
FROM lead
CROSS JOIN LATERAL (SELECT (ARRAY['trade fair', 'cold visit', 'recommendation', 'web form', 'web form', 'search ad', 'incoming call'])[1 + shop.k(lead, 'origin', 7)] AS origin) AS o
WHERE created < timestamp '2026-06-28';

CREATE UNLOGGED TABLE shop.call_case AS
SELECT 'CASE-' || lpad(row_number() OVER (ORDER BY c.at, c.contact)::text, 6, '0') AS case_no, c.source_key AS contact_id, to_char(c.at, 'DD.MM.YYYY HH24:MI') AS opened,
       CASE WHEN c.at < timestamp '2026-06-22' OR shop.u(c.contact, 'solved') < 0.4
            THEN to_char(least(c.at + interval '10 minutes' * (1 + floor(900 * power(shop.u(c.contact, 'solve time'), 3))), timestamp '2026-06-30 09:00'), 'DD.MM.YYYY HH24:MI') END AS closed,
       (ARRAY['where is my order', 'wrong item', 'broken on arrival', 'invoice', 'change of address', 'how does it work', 'guarantee'])[1 + shop.k(c.contact, 'subject', 7)] AS subject,
       c.employee AS agent, CASE WHEN shop.u(c.contact, 'urgent') < 0.2 THEN 'high' ELSE 'normal' END AS priority,
       CASE WHEN shop.u(c.contact, 'answers') < 0.5 THEN (1 + floor(4.999 * power(shop.u(c.contact, 'csat'), 0.55)))::text END AS csat
FROM shop_build.contact AS c
WHERE c.code = 3 AND (c.stage = 6 OR c.stage = 0 AND shop.u(c.contact, 'complaint') < 0.5);

-- What people allowed, where, and what they took back.
CREATE UNLOGGED TABLE shop.consent AS
WITH asked AS (
  SELECT p.rec, p.source_key, p.at, c.channel, c.given
  FROM shop_build.presence AS p
  JOIN (VALUES (4, 'email', 0.97), (1, 'email', 0.55), (1, 'post', 0.35), (2, 'phone', 0.30), (2, 'sms', 0.45), (2, 'post', 0.60), (2, 'email', 0.50), (5, 'app', 0.80), (5, 'email', 0.40), (3, 'phone', 0.25)) AS c(code, channel, given)
    ON c.code = p.code
), answered AS (
  SELECT rec, source_key, channel, at, CASE WHEN shop.u(rec, 'consent ' || channel) < given THEN 'given' ELSE 'refused' END AS state, 1 AS n FROM asked
)
SELECT 'Q-' || to_hex(rec) || '-' || channel || '-' || n AS consent_id, source_key AS customer_ref, channel, state, to_char(at, 'YYYY-MM-DD HH24:MI') AS stated
FROM (
  SELECT * FROM answered
  UNION ALL
  SELECT rec, source_key, channel, least(at + (20 + shop.k(rec, 'withdrawn ' || channel, 500)) * interval '1 day', timestamp '2026-06-28 12:00'), 'withdrawn', 2
  FROM answered WHERE state = 'given' AND shop.u(rec, 'withdraws ' || channel) < 0.12
) AS c;
