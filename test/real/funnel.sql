-- The marketing funnel of Olist: 8,000 qualified leads, 842 won, with who
-- qualified (brought) and who closed each. Run by psql -v data=DIR
-- -v ON_ERROR_STOP=1. Revenue is declared in 45 deals only, so every deal is
-- loaded as an order over a fixed fee whose commission does not split evenly.
SET client_min_messages = warning;
SET timezone = 'UTC';
\o /dev/null
SELECT omnicrm.deploy('crm');

CREATE SCHEMA funnel;
CREATE TABLE funnel.lead (mql_id text, first_contact_date text, landing_page_id text, origin text);
CREATE TABLE funnel.deal (
  mql_id text, seller_id text, sdr_id text, sr_id text, won_date text, business_segment text, lead_type text, lead_behaviour_profile text,
  has_company text, has_gtin text, average_stock text, business_type text, declared_product_catalog_size text,
  declared_monthly_revenue text);
\set cmd '\\copy funnel.lead FROM ''' :data '/olist_funnel/olist_marketing_qualified_leads_dataset.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy funnel.deal FROM ''' :data '/olist_funnel/olist_closed_deals_dataset.csv'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
-- A lead as the marketing tool would deliver it, with its deal when it was won.
CREATE VIEW funnel.lead_row AS
SELECT l.mql_id, 'Lead ' || l.mql_id AS name, l.first_contact_date, l.origin, d.seller_id, d.sdr_id, d.sr_id, d.won_date
FROM funnel.lead AS l LEFT JOIN funnel.deal AS d USING (mql_id);
CREATE VIEW funnel.deal_row AS
SELECT d.mql_id, d.seller_id, d.sr_id, d.won_date, '100.01' AS fee FROM funnel.deal AS d;
CREATE VIEW funnel.staff AS
SELECT sdr_id AS id FROM funnel.deal UNION SELECT sr_id FROM funnel.deal;

CREATE FUNCTION funnel.expect(what text, got numeric, wanted numeric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF got IS DISTINCT FROM wanted THEN
    RAISE EXCEPTION '%: found %, expected %', what, got, wanted;
  END IF;
END
$$;

SELECT crm.add_source('marketing', 'marketing', 60);
SELECT crm.add_source('sales', 'field_sales', 80);
SELECT crm.load('sales', 'funnel.staff', '{"entity": "employee", "key": "id", "name": "id"}');
SELECT crm.load('marketing', 'funnel.lead_row', '{"key": "mql_id", "kind": {"value": "organisation"}, "full_name": "name",
  "username": "mql_id", "business_at": {"column": "first_contact_date", "format": "YMD"}}');
SELECT crm.resolve();
SELECT crm.load('marketing', 'funnel.lead_row', '{"entity": "lead", "key": "mql_id", "customer": "mql_id",
  "created_at": {"column": "first_contact_date", "format": "YMD"}, "origin": "origin", "channel": "origin",
  "brought_by": "sdr_id", "closed_by": "sr_id", "won_at": {"column": "won_date", "format": "YMD"}, "sale_key": "seller_id"}');
SELECT crm.load('marketing', 'funnel.lead_row', '{"entity": "touch", "key": "mql_id", "customer": "mql_id",
  "occurred_at": {"column": "first_contact_date", "format": "YMD"}, "channel": "origin", "direction": {"value": "inbound"},
  "message_type": {"value": "form"}, "phase": {"value": "pre-sale"}}');
SELECT crm.load('sales', 'funnel.deal_row', '{"entity": "order", "key": "seller_id", "customer": "mql_id",
  "customer_source": "marketing", "ordered_at": {"column": "won_date", "format": "YMD"}, "revenue": "fee", "employee": "sr_id",
  "channel": {"value": "inside sales"}, "sale_key": "seller_id"}');

-- Loaded, and the one sale won before its first contact is in quarantine under that name.
DO $$
BEGIN
  PERFORM funnel.expect('customers', (SELECT count(*) FROM crm.customer WHERE state = 'active'), 8000);
  PERFORM funnel.expect('leads', (SELECT count(*) FROM crm.lead), 7999);
  PERFORM funnel.expect('won leads', (SELECT count(*) FROM crm.lead WHERE won_at IS NOT NULL), 841);
  PERFORM funnel.expect('orders', (SELECT count(*) FROM crm.sales_order), 842);
  PERFORM funnel.expect('employees', (SELECT count(*) FROM crm.employee), 41);
  PERFORM funnel.expect('employees that nobody declared', (SELECT count(*) FROM crm.employee WHERE NOT declared), 0);
  PERFORM funnel.expect('rows in quarantine', (SELECT count(*) FROM crm.quarantine), 1);
  PERFORM funnel.expect('won before created', (SELECT count(*) FROM crm.quarantine WHERE rule = 'won_before_created' AND state = 'open'), 1);
END
$$;

-- Attribution and commission with that lead missing: its only touch came after
-- the sale and earns nothing; its sale still has the person of the order.
SELECT crm.add_commission_plan('success fee', 'revenue', 0.05, '{"brought": 30, "advised": 30, "closed": 40}', '500 days', '2017-01-01');
DO $$
DECLARE
  run crm.attribution_run;
  paid record;
BEGIN
  run := crm.attribute('2017-12-01', '2018-12-01', '500 days');
  PERFORM funnel.expect('orders attributed', run.orders, 842);
  PERFORM funnel.expect('revenue', run.revenue, 84208.42);
  PERFORM funnel.expect('revenue without touch', run.unattributed, 100.01);
  PERFORM funnel.expect('credit by channel, first', (SELECT sum(credit_first) FROM crm.attribution_by_channel()), 84208.42);
  PERFORM funnel.expect('credit by channel, last', (SELECT sum(credit_last) FROM crm.attribution_by_channel()), 84208.42);
  PERFORM funnel.expect('credit by channel, linear', (SELECT sum(credit_linear) FROM crm.attribution_by_channel()), 84208.42);
  PERFORM funnel.expect('credit by channel, position', (SELECT sum(credit_position) FROM crm.attribution_by_channel()), 84208.42);
  SELECT * INTO paid FROM crm.run_commission('2017-12-01', '2018-12-01');
  PERFORM funnel.expect('sales with a pool', paid.sales, 842);
  PERFORM funnel.expect('sum of the pools', paid.pool, 4210.00);
  PERFORM funnel.expect('paid to employees', paid.paid, 4210.00);
  PERFORM funnel.expect('brought, the lead in quarantine missing', (SELECT sum(amount) FROM crm.commission_entry WHERE role = 'brought'), 841 * 2.14);
END
$$;

-- Mended (won on the day of the first contact) and replayed: all 842.
UPDATE crm.quarantine SET raw = jsonb_set(raw, '{won_date}', raw -> 'first_contact_date');
SELECT crm.replay_quarantine();
DO $$
DECLARE
  paid record;
BEGIN
  PERFORM funnel.expect('leads', (SELECT count(*) FROM crm.lead), 8000);
  PERFORM funnel.expect('waiting rows', (SELECT count(*) FROM crm.quarantine WHERE state = 'open'), 0);
  SELECT * INTO paid FROM crm.run_commission('2017-12-01', '2018-12-01');
  PERFORM funnel.expect('pools changed by the mended lead', paid.changed, 1);
  PERFORM funnel.expect('sum of the pools', paid.pool, 4210.00);
  SELECT * INTO paid FROM crm.run_commission('2017-12-01', '2018-12-01');
  PERFORM funnel.expect('pools changed by nothing', paid.changed, 0);
END
$$;

-- Every sale: channel, who brought it, who closed it.
DO $$
BEGIN
  PERFORM funnel.expect('won leads traced', (SELECT count(*) FROM crm_bi.lead_trace
    WHERE state = 'won' AND brought_by_id IS NOT NULL AND closed_by_id IS NOT NULL AND order_id IS NOT NULL AND revenue = 100.01), 842);
  PERFORM funnel.expect('sales traced', (SELECT count(*) FROM crm_bi.sale_trace
    WHERE lead_id IS NOT NULL AND brought_by_id IS NOT NULL AND closed_by_id IS NOT NULL), 842);
  PERFORM funnel.expect('complete traces', (SELECT count(*) FROM crm_bi.lead_trace WHERE state = 'won' AND is_complete), 649);
  PERFORM funnel.expect('traces that miss only the channel', (SELECT count(*) FROM crm_bi.lead_trace
    WHERE state = 'won' AND missing = 'channel unknown'), 193);
  PERFORM funnel.expect('leads of origin unknown', (SELECT count(*) FROM crm_bi.lead_trace WHERE origin = 'unknown'), 1099);
  PERFORM funnel.expect('leads without origin', (SELECT count(*) FROM crm_bi.lead_trace WHERE origin IS NULL), 60);
  PERFORM funnel.expect('both are channel unknown', (SELECT count(*) FROM crm_bi.lead_trace WHERE channel = 'unknown'), 1159);
  PERFORM funnel.expect('two different people', (SELECT count(*) FROM crm_bi.lead_trace WHERE state = 'won' AND brought_by_id <> closed_by_id), 837);
  PERFORM funnel.expect('one person', (SELECT count(*) FROM crm_bi.lead_trace WHERE state = 'won' AND brought_by_id = closed_by_id), 5);
  PERFORM funnel.expect('who brought', (SELECT count(DISTINCT brought_by_id) FROM crm_bi.lead_trace), 32);
  PERFORM funnel.expect('who closed', (SELECT count(DISTINCT closed_by_id) FROM crm_bi.lead_trace), 22);
  PERFORM funnel.expect('median days to win', (SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY floor(days_to_win)) FROM crm_bi.lead_trace)::numeric, 14);
  PERFORM funnel.expect('maximum days to win', (SELECT max(floor(days_to_win)) FROM crm_bi.lead_trace)::numeric, 427);
END
$$;

-- Traces of sales, journeys, and what the reports of journeys make of them. The
-- sale won before its first contact counts as won, and not as ordered thereafter.
DO $$
DECLARE
  wrong record;
BEGIN
  PERFORM funnel.expect('sales with a complete trace', (SELECT count(*) FROM crm_bi.sale_trace WHERE is_complete), 649);
  PERFORM funnel.expect('sales that miss only the channel', (SELECT count(*) FROM crm_bi.sale_trace WHERE missing = 'channel unknown'), 193);
  PERFORM funnel.expect('sales whose trace differs from the lead''s', (SELECT count(*) FROM crm_bi.sale_trace AS s JOIN crm_bi.lead_trace AS l USING (lead_id)
    WHERE (s.order_id, s.came_by, s.brought_by_id, s.closed_by_id) IS DISTINCT FROM (l.order_id, l.channel, l.brought_by_id, l.closed_by_id)), 0);
  PERFORM funnel.expect('events of the winners', (SELECT count(*) FROM crm_bi.sale_trace AS s CROSS JOIN LATERAL crm.customer_journey(s.customer_id) AS j), 842 * 4);
  PERFORM funnel.expect('touches on the map', (SELECT sum(touches) FROM crm_bi.journey_map WHERE phase = 'pre-sale' AND message_type = 'form'), 8000);
  PERFORM funnel.expect('customers on the map', (SELECT sum(customers) FROM crm_bi.journey_map), 8000);
  PERFORM funnel.expect('red points without emotions', (SELECT count(*) FROM crm_bi.journey_map WHERE is_red_point OR p_value IS NOT NULL OR emotion IS NOT NULL), 0);
  PERFORM funnel.expect('conflicts where nobody was called on', (SELECT count(*) FROM crm_bi.channel_conflict), 0);
  SELECT f.*, w.customers AS wanted, w.reached AS wanted_reached INTO wrong
  FROM crm_bi.journey_funnel AS f
    FULL JOIN (VALUES (1, 8000, 8000), (2, 8000, 8000), (3, 842, 842), (4, 842, 842), (5, 841, 842), (6, 0, 0)) AS w(step, customers, reached) USING (step)
  WHERE (f.customers, f.reached) IS DISTINCT FROM (w.customers, w.reached)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'funnel: %', wrong;
  END IF;
  PERFORM funnel.expect('customers won, by first touch', (SELECT sum(acquired_by_first) FROM crm_bi.acquisition_cost), 842);
  PERFORM funnel.expect('customers won, by last touch', (SELECT sum(acquired_by_last) FROM crm_bi.acquisition_cost), 842);
  PERFORM funnel.expect('won before any touch', (SELECT sum(acquired_by_first) FROM crm_bi.acquisition_cost WHERE channel = 'unattributed'), 1);
  PERFORM funnel.expect('customers won by the channel of their lead, but that one', (SELECT sum(abs(l.won - coalesce(a.won, 0)))
    FROM (SELECT channel, count(*) AS won FROM crm_bi.lead_trace WHERE state = 'won' GROUP BY channel) AS l
      LEFT JOIN (SELECT channel, sum(acquired_by_first) AS won FROM crm_bi.acquisition_cost GROUP BY channel) AS a USING (channel)), 1);
END
$$;

-- Leads, won and rate by origin.
DO $$
DECLARE
  wrong record;
BEGIN
  SELECT w.*, f.leads AS found_leads, f.won AS found_won, round(100 * f.win_rate::numeric, 1) AS found_rate INTO wrong
  FROM (VALUES
    ('organic_search', 2296, 271, 11.8), ('paid_search', 1586, 195, 12.3), ('social', 1350, 75, 5.6), ('unknown', 1099, 179, 16.3),
    ('direct_traffic', 499, 56, 11.2), ('email', 493, 15, 3.0), ('referral', 284, 24, 8.5), ('other', 150, 4, 2.7),
    ('display', 118, 6, 5.1), ('other_publicities', 65, 3, 4.6), ('none given', 60, 14, 23.3)) AS w(origin, leads, won, rate)
    FULL JOIN crm_bi.lead_funnel AS f ON replace(f.origin, ' ', '_') = replace(w.origin, ' ', '_')
  WHERE (f.leads, f.won, round(100 * f.win_rate::numeric, 1)) IS DISTINCT FROM (w.leads, w.won, w.rate)
  LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'leads by origin: %', wrong;
  END IF;
END
$$;

-- The commission of each sale is split to the cent: 30 to who brought it, 40 to
-- who closed it, the advisor's 30 shared by both in that proportion; one person
-- in both roles has both.
DO $$
BEGIN
  PERFORM funnel.expect('broken pools', (SELECT count(*) FROM crm.check_commission()), 0);
  PERFORM funnel.expect('pools', (SELECT count(*) FROM crm.commission_pool WHERE amount = 5.00), 842);
  PERFORM funnel.expect('pools whose entries add up', (SELECT count(*) FROM (
    SELECT p.pool_id FROM crm.commission_pool AS p JOIN crm.commission_entry AS e USING (pool_id)
    GROUP BY p.pool_id HAVING sum(e.amount) = p.amount AND count(*) = 2) AS x), 842);
  PERFORM funnel.expect('brought', (SELECT sum(amount) FROM crm.commission_entry WHERE role = 'brought' AND amount = 2.14), 842 * 2.14);
  PERFORM funnel.expect('closed', (SELECT sum(amount) FROM crm.commission_entry WHERE role = 'closed' AND amount = 2.86), 842 * 2.86);
  PERFORM funnel.expect('sales whose two shares go to one person', (SELECT count(*) FROM (
    SELECT pool_id FROM crm.commission_entry GROUP BY pool_id HAVING count(DISTINCT employee_id) = 1) AS x), 5);
  PERFORM funnel.expect('shares that differ from the deal''s people', (SELECT count(*) FROM funnel.deal AS d
    JOIN crm.commission_pool AS p ON p.sale_key = d.seller_id
    JOIN crm.commission_entry AS e USING (pool_id)
    JOIN crm.employee AS w USING (employee_id)
    WHERE w.employee_key <> CASE e.role WHEN 'brought' THEN d.sdr_id ELSE d.sr_id END), 0);
  PERFORM funnel.expect('statement of all', (SELECT sum(amount) FROM crm.commission_statement('2017-12-01', '2018-12-01')), 4210.00);
  PERFORM funnel.expect('employees on the statement', (SELECT count(DISTINCT employee_key) FROM crm.commission_statement('2017-12-01', '2018-12-01')), 41);
  PERFORM funnel.expect('fact_commission', (SELECT sum(amount) FROM crm_bi.fact_commission), 4210.00);
END
$$;

-- Every deal refunded: everybody gives back exactly what he or she got.
CREATE VIEW funnel.refund_row AS
SELECT 'R' || d.seller_id AS refund, d.mql_id, d.seller_id, '2018-12-15' AS refunded, '-100.01' AS fee FROM funnel.deal AS d;
SELECT crm.load('sales', 'funnel.refund_row', '{"entity": "order", "key": "refund", "customer": "mql_id", "customer_source": "marketing",
  "ordered_at": {"column": "refunded", "format": "YMD"}, "revenue": "fee", "kind": {"value": "return"}, "returns": "seller_id",
  "channel": {"value": "inside sales"}}');
DO $$
DECLARE
  paid record;
  run crm.attribution_run;
BEGIN
  SELECT * INTO paid FROM crm.run_commission('2018-12-01', '2019-01-01');
  PERFORM funnel.expect('refunds', paid.returns, 842);
  PERFORM funnel.expect('taken back', paid.pool, -4210.00);
  PERFORM funnel.expect('employees who do not net to 0.00', (SELECT count(*) FROM (
    SELECT employee_id FROM crm.commission_entry GROUP BY employee_id, role HAVING sum(amount) <> 0) AS x), 0);
  run := crm.attribute('2017-12-01', '2019-01-01', '500 days');
  PERFORM funnel.expect('revenue after refunds', run.revenue, 0);
  PERFORM funnel.expect('channels that do not net to 0.00', (SELECT count(*) FROM crm.attribution_by_channel() WHERE credit_linear <> 0), 0);
END
$$;
DROP SCHEMA funnel CASCADE;
