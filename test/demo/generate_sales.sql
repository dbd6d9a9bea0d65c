-- Products, employees, campaigns, sales with their lines, returns, payments.

-- Six products that belong together: the main one, two accessories, three that
-- are bought again and again. What is bought together follows from that.
CREATE TABLE shop_build.theme (theme integer, category text, partner integer, products text);
INSERT INTO shop_build.theme VALUES
  ( 0, 'Coffee', 1, 'Espresso machine:249|Milk frother:39|Coffee grinder:59|Coffee capsules 100:32|Descaler 1 l:9|Coffee beans 1 kg:18'),
  ( 1, 'Kitchen', 0, 'Kitchen robot:399|Steamer basket:29|Recipe book:24|Baking paper 50 m:6|Vacuum bags 50:14|Spice set:12'),
  ( 2, 'Computing', 3, 'Laptop 14":749|Laptop bag:35|Wireless mouse:22|USB-C hub:39|Cleaning kit:9|Antivirus 1 year:39'),
  ( 3, 'Printing', 2, 'Laser printer:189|USB cable 2 m:8|Printer stand:35|Toner black:64|Toner colour:79|Paper A4 2,500:24'),
  ( 4, 'Mobile', 5, 'Smartphone 128 GB:459|Phone case:19|Screen protector:12|Power bank:29|USB charger:17|Screen insurance 1 year:59'),
  ( 5, 'Audio', 4, 'Noise-cancelling headphones:199|Headphone stand:19|Carry case:15|Ear pads:17|Audio cable:9|Music card 3 months:30'),
  ( 6, 'Television', 5, 'Television 55":599|Wall mount:45|Soundbar:149|HDMI cable:12|Remote control:19|Streaming card 3 months:36'),
  ( 7, 'Running', 8, 'Running shoes:119|GPS watch:179|Running vest:34|Running socks 3 pairs:15|Energy gels 12:21|Isotonic drink 1 kg:19'),
  ( 8, 'Cycling', 7, 'City bicycle:389|Bicycle helmet:49|Bicycle lock:35|Inner tube:7|Chain oil:9|Brake pads:12'),
  ( 9, 'Camping', 10, 'Tent for four:219|Sleeping bag:69|Camping lamp:29|Gas cartridge:8|Freeze-dried meal 6:39|Mosquito spray:9'),
  (10, 'Hiking', 9, 'Hiking boots:139|Trekking poles:49|Backpack 30 l:79|Hiking socks:14|Blister plasters:6|Trail map:11'),
  (11, 'Garden', 12, 'Lawn mower:329|Garden hose 25 m:39|Garden gloves:11|Lawn fertiliser 10 kg:29|Potting soil 50 l:12|Seeds mix:5'),
  (12, 'Do it yourself', 11, 'Cordless drill:149|Drill bit set:29|Tool box:45|Screws assorted:9|Wall plugs 200:8|Sandpaper set:7'),
  (13, 'Baby', 14, 'Pushchair:429|Changing bag:49|Baby monitor:89|Nappies 160:42|Baby wipes 12:19|Baby milk 3 kg:48'),
  (14, 'Toys', 13, 'Train set:89|Extra rails:29|Signal house:24|Batteries AA 24:14|Building bricks:39|Colouring book:7'),
  (15, 'Pets', 11, 'Dog bed:59|Dog lead:19|Feeding bowl:14|Dog food 15 kg:52|Dog snacks:9|Flea collar:22'),
  (16, 'Beauty', 17, 'Hair dryer:79|Hair straightener:69|Make-up mirror:39|Shampoo 1 l:12|Face cream:29|Hand cream 3:10'),
  (17, 'Health', 16, 'Electric toothbrush:99|Travel case:12|Blood pressure meter:49|Brush heads 4:22|Toothpaste 3:9|Dental floss 3:7'),
  (18, 'Bedroom', 19, 'Mattress 150:449|Mattress protector:35|Pillow 150:29|Bed sheets 150:39|Duvet cover 150:45|Room spray:9'),
  (19, 'Bathroom', 18, 'Towel rail:89|Bath mat:19|Laundry basket:29|Towels 4:34|Bath gel 1 l:6|Fabric softener 4 l:9'),
  (20, 'Cleaning', 19, 'Robot vacuum cleaner:299|Charging dock:49|Mop cloth set:19|Dust bags 10:16|Filter set:18|Floor cleaner 5 l:11'),
  (21, 'Climate', 20, 'Air conditioner 3,000 W:549|Installation kit:79|Smart thermostat:119|Air filter:19|Refrigerant check:59|Dehumidifier salts:8'),
  (22, 'Office', 3, 'Office chair:229|Desk lamp:39|Foot rest:29|Notebooks 10:18|Pens 50:12|Folders 25:21'),
  (23, 'Coffee corner', 22, 'Office coffee machine:890|Cup dispenser:35|Water filter housing:79|Coffee beans 10 kg:149|Paper cups 1,000:39|Sugar sticks 1,000:19');

CREATE UNLOGGED TABLE shop_build.item AS
SELECT t.theme * 6 + p.ord::integer - 1 AS item, t.theme, p.ord::integer - 1 AS pos, t.category,
       upper(left(replace(t.category, ' ', ''), 3)) || '-' || 100 + t.theme * 6 + p.ord - 1 AS sku,
       replace(split_part(p.entry, ':', 1), '"', ' in') AS name,
       split_part(p.entry, ':', 2)::numeric - 0.10 AS price,
       round(split_part(p.entry, ':', 2)::numeric * (0.55 + 0.25 * shop.u(t.theme * 6 + p.ord, 'cost'))::numeric, 2) AS cost,
       p.ord >= 4 AS repeatable
FROM shop_build.theme AS t,
LATERAL regexp_split_to_table(t.products, '\|') WITH ORDINALITY AS p(entry, ord);
ALTER TABLE shop_build.item ADD PRIMARY KEY (item);

CREATE UNLOGGED TABLE shop.product AS
SELECT sku, name, category, replace(price::text, '.', ',') AS list_price, replace(cost::text, '.', ',') AS unit_cost,
       repeatable::text AS bought_again, (item <> 86)::text AS on_sale
FROM shop_build.item;

-- Stores E1 (ten of six), call centre E2, field sales E3, marketing E4, chat E5.
CREATE UNLOGGED TABLE shop.employee AS
SELECT e.emp_no,
       g.names[width_bucket(shop.u(e.n, 'employee given'), g.bounds)]
         || ' ' || s.names[width_bucket(shop.u(e.n, 'employee surname'), s.bounds)] AS full_name,
       e.job, e.team, nullif(e.boss, e.emp_no) AS boss
FROM (
  SELECT st * 6 + w AS n, 'E1' || st || w AS emp_no, CASE w WHEN 0 THEN 'store manager' ELSE 'shop assistant' END AS job,
         'Store ' || (ARRAY['Madrid', 'Barcelona', 'València', 'Sevilla', 'Zaragoza', 'Málaga', 'Murcia', 'Palma', 'Bilbao', 'Vigo'])[st + 1] AS team, 'E1' || st || '0' AS boss
  FROM generate_series(0, 9) AS st, generate_series(0, 5) AS w
  UNION ALL SELECT 100 + w, 'E2' || lpad(w::text, 2, '0'), CASE w WHEN 0 THEN 'team leader' ELSE 'agent' END, 'Call centre', 'E200' FROM generate_series(0, 11) AS w
  UNION ALL SELECT 200 + w, 'E3' || lpad(w::text, 2, '0'), CASE w WHEN 0 THEN 'sales manager' ELSE 'field representative' END, 'Field sales', 'E300' FROM generate_series(0, 7) AS w
  UNION ALL SELECT 300 + w, 'E4' || lpad(w::text, 2, '0'), CASE w WHEN 0 THEN 'marketing director' ELSE 'campaign manager' END, 'Marketing', 'E400' FROM generate_series(0, 4) AS w
  UNION ALL SELECT 400 + w, 'E5' || lpad(w::text, 2, '0'), 'chat adviser', 'Web shop', 'E500' FROM generate_series(0, 3) AS w
) AS e
JOIN shop_build.surname_pick AS s ON s.origin = 'es'
JOIN shop_build.given_pick AS g ON g.origin = 'es' AND g.cohort = 'middle' AND g.sex = CASE WHEN shop.u(e.n, 'employee sex') < 0.5 THEN 'F' ELSE 'M' END;

CREATE UNLOGGED TABLE shop.channel AS
SELECT * FROM (VALUES ('Web shop', 'web'), ('App', 'app'), ('Store', 'store'), ('Call centre', 'phone'), ('Field sales', 'field'),
  ('Newsletter', 'email'), ('Search ads', 'ads'), ('Social ads', 'ads')) AS c(name, kind);

CREATE UNLOGGED TABLE shop.campaign AS
SELECT c.channel || ' ' || to_char(q, 'YYYY"-Q"Q') AS name, c.channel, to_char(q, 'YYYYMMDD') AS starts, to_char(q + interval '3 months' - interval '1 day', 'YYYYMMDD') AS ends,
       replace(round((c.budget * :persons / 3000.0 * (0.8 + 0.4 * shop.u(extract(epoch FROM q)::bigint, c.channel)))::numeric, 2)::text, '.', ',') AS budget
FROM (VALUES ('Newsletter', 350.0), ('Search ads', 1900.0), ('Social ads', 1400.0), ('App', 120.0)) AS c(channel, budget),
     generate_series(timestamp '2023-01-01', timestamp '2026-04-01', interval '3 months') AS q;

-- Records through which a person can buy: the newsletter takes no orders.
CREATE UNLOGGED TABLE shop_build.buyer AS
SELECT person_id, kind, rec, code, source_key, (row_number() OVER w)::integer - 1 AS n, (count(*) OVER (PARTITION BY person_id))::integer AS records
FROM shop_build.presence WHERE code <> 4
WINDOW w AS (PARTITION BY person_id ORDER BY rec);
ANALYZE shop_build.buyer;

-- Few buy much: a lognormal number of orders. Some have stopped buying. Each
-- person has a main theme, its partner, and a third.
CREATE UNLOGGED TABLE shop_build.habit AS
SELECT p.person_id, p.kind, p.household, b.records,
       least(120, floor(:orders_per_person * CASE WHEN p.kind = 'person' THEN 1.0 ELSE 2 END * exp(1.35 * p.appetite - 0.95) + shop.u(p.person_id, 'orders')))::integer AS orders,
       f.first_day, least(date '2026-06-28', f.first_day + 45 + floor(-ln(1 - shop.u(p.person_id, 'stays')) * 900)::integer) AS last_day,
       least(1.0, greatest(-1.0, p.wealth)) * 0.03 AS discount_taste,
       greatest(0.3, 1 + 0.45 * p.wealth) AS basket,
       floor(CASE WHEN p.kind = 'person' THEN 22 * power(shop.u(p.person_id, 'theme'), 1.5) ELSE 22 + 2 * shop.u(p.person_id, 'theme') END)::integer AS theme,
       shop.k(p.person_id, 'third theme', 22) AS third_theme
FROM shop_build.person AS p
JOIN shop_build.buyer AS b ON b.person_id = p.person_id AND b.n = 0
CROSS JOIN LATERAL (SELECT greatest(p.joined, date '2023-07-01') AS first_day) AS f;
ALTER TABLE shop_build.habit ADD PRIMARY KEY (person_id);
ANALYZE shop_build.habit;

CREATE UNLOGGED TABLE shop_build.sale AS
WITH drawn AS (
  SELECT h.*, h.person_id * 512 + n AS sale,
         h.first_day + floor((h.last_day - h.first_day) * shop.u(h.person_id * 512 + n, 'day'))::integer AS some_day
  FROM shop_build.habit AS h CROSS JOIN LATERAL generate_series(1, h.orders) AS n
), placed AS (
  SELECT d.sale, d.person_id, d.kind, d.household, d.discount_taste, d.basket,
         CASE WHEN shop.u(d.sale, 'christmas') < 0.16 AND x.day BETWEEN d.first_day AND d.last_day THEN x.day ELSE d.some_day END
           + (9 * 3600 + shop.k(d.sale, 'second', 43000)) * interval '1 second' AS at,
         CASE WHEN shop.u(d.sale, 'which theme') < 0.52 THEN d.theme
              WHEN shop.u(d.sale, 'which theme') < 0.78 THEN t.partner
              WHEN shop.u(d.sale, 'which theme') < 0.92 THEN d.third_theme
              ELSE shop.k(d.sale, 'any theme', 24) END AS theme,
         floor(d.records * shop.u(d.sale, 'record'))::integer AS record
  FROM drawn AS d
  JOIN shop_build.theme AS t ON t.theme = d.theme
  CROSS JOIN LATERAL (SELECT make_date(extract(year FROM d.some_day)::integer, 11, 20) + shop.k(d.sale, 'christmas day', 35) AS day) AS x
)
SELECT p.sale, p.person_id, p.kind, p.household, p.discount_taste, p.basket, p.at, p.theme, b.rec, b.source_key, b.code,
       CASE b.code WHEN 2 THEN 'store' WHEN 6 THEN 'field' ELSE 'web' END AS system,
       row_number() OVER (PARTITION BY p.person_id, p.theme ORDER BY p.at, p.sale) = 1 AS first_of_theme,
       CASE b.code WHEN 1 THEN 'Web shop' WHEN 2 THEN 'Store' WHEN 3 THEN 'Call centre' WHEN 5 THEN 'App' ELSE 'Field sales' END AS channel,
       CASE b.code WHEN 2 THEN 'E1' || shop.k(p.household, 'store', 10) || floor(6 * power(shop.u(p.sale, 'clerk'), 1.4))::integer
                   WHEN 3 THEN 'E2' || lpad(floor(12 * power(shop.u(p.sale, 'agent'), 1.4))::integer::text, 2, '0')
                   WHEN 6 THEN 'E3' || lpad(shop.k(p.household, 'rep', 8)::text, 2, '0') END AS seller
FROM placed AS p
JOIN shop_build.buyer AS b ON b.person_id = p.person_id AND b.n = p.record;

CREATE UNLOGGED TABLE shop_build.line AS
SELECT s.sale, l.line_no, i.sku, q.quantity,
       round(q.quantity * i.price * (1 - 0.05 * shop.k(s.sale * 8 + l.line_no, 'discount', 4) * (shop.u(s.sale, 'on sale') < 0.3)::integer - s.discount_taste)::numeric, 2) AS revenue,
       q.quantity * i.cost AS cost
FROM shop_build.sale AS s
CROSS JOIN LATERAL generate_series(1, 1 + least(4, floor(4 * s.basket * power(shop.u(s.sale, 'lines'), 2.2)))::integer) AS l(line_no)
JOIN shop_build.item AS i ON i.item =
  CASE WHEN l.line_no > 1 AND shop.u(s.sale * 8 + l.line_no, 'impulse') < 0.12 THEN shop.k(s.sale * 8 + l.line_no, 'impulse item', 24) * 6 + 1 + l.line_no
       WHEN s.first_of_theme AND shop.u(s.sale, 'starts small') < 0.65 THEN s.theme * 6 + l.line_no - 1
       WHEN l.line_no <= 3 THEN s.theme * 6 + 3 + (shop.k(s.sale, 'refill', 3) + l.line_no - 1) % 3
       ELSE s.theme * 6 + l.line_no - 3 END
CROSS JOIN LATERAL (SELECT CASE WHEN s.kind = 'organisation' THEN 2 + floor(24 * power(shop.u(s.sale * 8 + l.line_no, 'quantity'), 2))::integer
                                WHEN i.repeatable THEN 1 + floor(2.2 * power(shop.u(s.sale * 8 + l.line_no, 'quantity'), 2))::integer ELSE 1 END AS quantity) AS q;

-- Sold and given back; a web sale fetched in a store is recorded by both.
CREATE UNLOGGED TABLE shop_build.booking AS
WITH total AS (
  SELECT sale, sum(revenue) AS revenue, sum(revenue - cost) AS margin FROM shop_build.line GROUP BY sale
), numbered AS (
  SELECT s.*, t.revenue, t.margin,
         CASE s.system WHEN 'web' THEN 'WEB-' WHEN 'store' THEN 'TKT-' ELSE 'FLD-' END || to_char(s.at, 'YYYY') || '-'
           || lpad(row_number() OVER (PARTITION BY s.system, extract(year FROM s.at) ORDER BY s.at, s.sale)::text, 7, '0') AS order_no
  FROM shop_build.sale AS s JOIN total AS t USING (sale)
)
SELECT n.*,
       n.margin - round(CASE n.code WHEN 1 THEN 4.50 + 0.02 * n.revenue WHEN 5 THEN 4.50 + 0.02 * n.revenue WHEN 2 THEN 0.09 * n.revenue WHEN 3 THEN 6.00 + 0.03 * n.revenue ELSE 0.07 * n.revenue END, 2) AS contribution,
       CASE WHEN shop.u(n.sale, 'return') < 0.055 AND n.at < timestamp '2026-05-20' THEN n.at + (2 + shop.k(n.sale, 'return day', 25)) * interval '1 day' END AS returned_at,
       card.source_key AS fetched_with
FROM numbered AS n
LEFT JOIN shop_build.presence AS card ON card.rec = n.person_id * 64 + 2 * 8 AND n.code = 1 AND shop.u(n.sale, 'click and collect') < 0.22;
ANALYZE shop_build.booking, shop_build.line;

CREATE UNLOGGED TABLE shop.web_order AS
SELECT order_no, source_key AS account, channel AS sold_through, seller AS agent,
       to_char(at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') AS ordered_at,
       'sale' AS type, NULL::text AS returns, CASE WHEN fetched_with IS NOT NULL THEN 'CC-' || order_no END AS pickup_code,
       revenue::text AS net_amount, margin::text AS gross_margin, contribution::text AS contribution_margin, 'EUR' AS currency
FROM shop_build.booking WHERE system = 'web'
UNION ALL
SELECT 'R' || order_no, source_key, channel, seller, to_char(returned_at AT TIME ZONE 'Europe/Madrid' AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
       'return', order_no, NULL, (-revenue)::text, (-margin)::text, (-margin - 5)::text, 'EUR'
FROM shop_build.booking WHERE system = 'web' AND returned_at IS NOT NULL;

CREATE UNLOGGED TABLE shop.web_order_line AS
SELECT b.order_no, l.line_no::text AS line_no, l.sku, l.quantity::text AS quantity, l.revenue::text AS net_amount, (l.revenue - l.cost)::text AS gross_margin
FROM shop_build.booking AS b JOIN shop_build.line AS l USING (sale) WHERE b.system = 'web'
UNION ALL
SELECT 'R' || b.order_no, l.line_no::text, l.sku, (-l.quantity)::text, (-l.revenue)::text, (-(l.revenue - l.cost))::text
FROM shop_build.booking AS b JOIN shop_build.line AS l USING (sale) WHERE b.system = 'web' AND b.returned_at IS NOT NULL;

-- The tills write day/month/year and a decimal comma.
CREATE UNLOGGED TABLE shop.store_ticket AS
SELECT order_no AS ticket, source_key AS num_tarjeta, seller AS cajero, to_char(at, 'DD/MM/YYYY HH24:MI') AS fecha, 'sale' AS tipo, NULL::text AS devuelve,
       NULL::text AS recogida, replace(revenue::text, '.', ',') AS importe, replace(margin::text, '.', ',') AS margen, replace(contribution::text, '.', ',') AS contribucion
FROM shop_build.booking WHERE system = 'store'
UNION ALL
SELECT 'R' || order_no, source_key, seller, to_char(returned_at, 'DD/MM/YYYY HH24:MI'), 'return', order_no, NULL,
       replace((-revenue)::text, '.', ','), replace((-margin)::text, '.', ','), replace((-margin)::text, '.', ',')
FROM shop_build.booking WHERE system = 'store' AND returned_at IS NOT NULL
UNION ALL
SELECT 'TKC-' || order_no, fetched_with, 'E1' || shop.k(household, 'store', 10) || '1', to_char(at + (1 + shop.k(sale, 'fetched', 3)) * interval '1 day', 'DD/MM/YYYY HH24:MI'), 'sale', NULL,
       'CC-' || order_no, replace(revenue::text, '.', ','), replace(margin::text, '.', ','), replace(contribution::text, '.', ',')
FROM shop_build.booking WHERE fetched_with IS NOT NULL;

CREATE UNLOGGED TABLE shop.store_ticket_line AS
SELECT b.order_no AS ticket, l.line_no::text AS linea, l.sku AS articulo, l.quantity::text AS unidades, replace(l.revenue::text, '.', ',') AS importe, replace((l.revenue - l.cost)::text, '.', ',') AS margen
FROM shop_build.booking AS b JOIN shop_build.line AS l USING (sale) WHERE b.system = 'store'
UNION ALL
SELECT 'R' || b.order_no, l.line_no::text, l.sku, (-l.quantity)::text, replace((-l.revenue)::text, '.', ','), replace((-(l.revenue - l.cost))::text, '.', ',')
FROM shop_build.booking AS b JOIN shop_build.line AS l USING (sale) WHERE b.system = 'store' AND b.returned_at IS NOT NULL
UNION ALL
SELECT 'TKC-' || b.order_no, l.line_no::text, l.sku, l.quantity::text, replace(l.revenue::text, '.', ','), replace((l.revenue - l.cost)::text, '.', ',')
FROM shop_build.booking AS b JOIN shop_build.line AS l USING (sale) WHERE b.fetched_with IS NOT NULL;

CREATE UNLOGGED TABLE shop.field_order AS
SELECT order_no, source_key AS contact_no, seller AS rep, to_char(at, 'YYYY-MM-DD HH24:MI') AS signed, 'sale' AS type, NULL::text AS credit_for,
       revenue::text AS amount, margin::text AS gross_margin, contribution::text AS contribution
FROM shop_build.booking WHERE system = 'field'
UNION ALL
SELECT 'R' || order_no, source_key, seller, to_char(returned_at, 'YYYY-MM-DD HH24:MI'), 'return', order_no, (-revenue)::text, (-margin)::text, (-margin)::text
FROM shop_build.booking WHERE system = 'field' AND returned_at IS NOT NULL;

CREATE UNLOGGED TABLE shop.field_order_line AS
SELECT b.order_no, l.line_no::text AS line_no, l.sku, l.quantity::text AS quantity, l.revenue::text AS amount, (l.revenue - l.cost)::text AS gross_margin
FROM shop_build.booking AS b JOIN shop_build.line AS l USING (sale) WHERE b.system = 'field'
UNION ALL
SELECT 'R' || b.order_no, l.line_no::text, l.sku, (-l.quantity)::text, (-l.revenue)::text, (-(l.revenue - l.cost))::text
FROM shop_build.booking AS b JOIN shop_build.line AS l USING (sale) WHERE b.system = 'field' AND b.returned_at IS NOT NULL;

-- The ERP knows what was paid when: shops at once, field customers on terms and
-- some of them late, the last ones not yet.
CREATE UNLOGGED TABLE shop.payment AS
SELECT 'P-' || order_no AS receipt, order_no, system AS sold_by, replace(revenue::text, '.', ',') AS amount, terms::text AS terms_days,
       to_char(due, 'YYYYMMDD') AS due_on, CASE WHEN paid <= date '2026-06-30' THEN to_char(paid, 'YYYYMMDD') END AS paid_on, method
FROM (
  SELECT b.order_no, b.system, b.revenue, t.terms, b.at::date + t.terms AS due,
         b.at::date + t.terms + CASE WHEN b.system = 'field'
           THEN floor(-4 + 22 * power(shop.u(b.person_id, 'pays late'), 2) + 12 * power(shop.u(b.sale, 'pays late'), 3))::integer ELSE 0 END AS paid,
         CASE WHEN b.system = 'field' THEN 'transfer' ELSE (ARRAY['card', 'card', 'card', 'bizum', 'paypal', 'cash'])[1 + shop.k(b.sale, 'method', CASE b.system WHEN 'web' THEN 5 ELSE 6 END)] END AS method
  FROM shop_build.booking AS b
  CROSS JOIN LATERAL (SELECT CASE WHEN b.system = 'field' THEN 30 * (1 + shop.k(b.person_id, 'terms', 3)) ELSE 0 END AS terms) AS t
) AS p;
