-- Loads the Contoso Coffee files as they are into hub crm, which must be there
-- and empty, and checks every count. Run by psql -v data=DIR -v ON_ERROR_STOP=1;
-- included by contoso.sql. The true key (ContactId of the loyalty file) is
-- staged and not mapped; names are matched by FullName alone, which is
-- misspelt in one row of four.
SET client_min_messages = warning;

CREATE SCHEMA contoso;
CREATE TABLE contoso.contact (
  "ContactId" text, "FirstName" text, "LastName" text, "FullName" text, "DateOfBirth" text, "Gender" text, "EMail" text,
  "Telephone" text, "PostCode" text, "StreetAddress" text, "City" text, "State" text, "Country" text, "CreatedOn" text,
  "Loyalty Tier" text, "Email Subscriber" text, "Income" text, "Occupation" text, "CustomerSatisfaction" text);
CREATE TABLE contoso.loyalty (
  "LoyaltyId" text, "ContactId" text, "FirstName" text, "LastName" text, "FullName" text, "DateOfBirth" text, "Gender" text,
  "EMail" text, "Telephone" text, "RewardPoints" text, "CreditCard" text, "CreatedOn" text);
CREATE TABLE contoso.record (
  "ContactId" text, "FirstName" text, "LastName" text, "FullName" text, "DateOfBirth" text, "Gender" text, "EMail" text,
  "Telephone" text);
CREATE TABLE contoso.online (
  "ContactId" text, "PurchaseId" text, "ProductId" text, "PurchasedOn" text, "TotalPrice" text, "ActivityTypeDisplay" text,
  "Subject" text);
CREATE TABLE contoso.pos (
  "LoyaltyId" text, "PurchaseId" text, "ProductId" text, "PurchasedOn" text, "TotalPrice" text, "RewardPointsAdded" text,
  "ActivityTypeDisplay" text, "Subject" text);
CREATE TABLE contoso.review (
  "ReviewId" text, "UserId" text, "ReviewText" text, "ActivityTypeDisplay" text, "ReviewRating" text, "ReviewDate" text);

\set cmd '\\copy contoso.contact FROM ''' :data '/contoso_coffee/Contact.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy contoso.loyalty FROM ''' :data '/contoso_coffee/Customer-Loyalty.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy contoso.record FROM ''' :data '/contoso_coffee/CustomerRecordContoso.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy contoso.online FROM ''' :data '/contoso_coffee/OnlinePurchases.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy contoso.pos FROM ''' :data '/contoso_coffee/POSPurchases.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd
\set cmd '\\copy contoso.review FROM ''' :data '/contoso_coffee/WebsiteReviews_LinkedToEcommerceContacts.txt'' WITH (FORMAT csv, HEADER true, ENCODING ''UTF8'')'
:cmd

-- A rating of 1 to 5 as emotion of -2 to 2.
CREATE VIEW contoso.review_touch AS
SELECT r."ReviewId", r."UserId", r."ReviewDate", r."ReviewRating"::integer - 3 AS emotion FROM contoso.review AS r;

-- Fails unless a count is what it must be.
CREATE FUNCTION contoso.expect(what text, got numeric, wanted numeric) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF got IS DISTINCT FROM wanted THEN
    RAISE EXCEPTION '%: found %, expected %', what, got, wanted;
  END IF;
END
$$;

SELECT crm.add_source('contact', 'web', 60, 'US');
SELECT crm.add_source('loyalty', 'loyalty', 80, 'US');
SELECT crm.add_source('record', 'erp', 40, 'US');
SELECT crm.add_source('online', 'web', 60, 'US');
SELECT crm.add_source('pos', 'shop', 60, 'US');
SELECT crm.add_source('web review', 'web', 60, 'US');

-- The mappings, so that a second load uses the same.
CREATE TABLE contoso.mapping (name text PRIMARY KEY, source text, relation regclass, mapping jsonb);
INSERT INTO contoso.mapping VALUES
  ('contact', 'contact', 'contoso.contact', '{"key": "ContactId", "full_name": "FullName",
    "birth_date": {"column": "DateOfBirth", "format": "MDY"}, "gender": "Gender", "email": "EMail", "phone": "Telephone",
    "postcode": "PostCode", "street": "StreetAddress", "city": "City", "province": "State", "country": "Country",
    "business_at": {"column": "CreatedOn", "format": "MDY"}, "attributes": ["Loyalty Tier", "Income", "Occupation"]}'),
  ('loyalty', 'loyalty', 'contoso.loyalty', '{"key": "LoyaltyId", "full_name": "FullName",
    "birth_date": {"column": "DateOfBirth", "format": "YMD"}, "gender": "Gender", "email": "EMail", "phone": "Telephone",
    "loyalty_card": "LoyaltyId", "business_at": {"column": "CreatedOn", "format": "YMD"}, "attributes": ["RewardPoints"]}'),
  ('record', 'record', 'contoso.record', '{"key": "ContactId", "full_name": "FullName",
    "birth_date": {"column": "DateOfBirth", "format": "MDY"}, "gender": "Gender", "email": "EMail", "phone": "Telephone"}'),
  ('online', 'online', 'contoso.online', '{"entity": "order", "key": "PurchaseId", "customer": "ContactId",
    "customer_source": ["contact", "record"], "ordered_at": {"column": "PurchasedOn", "format": "MDY"}, "revenue": "TotalPrice",
    "channel": {"value": "web shop"}}'),
  ('online line', 'online', 'contoso.online', '{"entity": "order_line", "order": "PurchaseId", "key": "ProductId",
    "product": "ProductId", "revenue": "TotalPrice"}'),
  ('pos', 'pos', 'contoso.pos', '{"entity": "order", "key": "PurchaseId", "customer": "LoyaltyId", "customer_source": "loyalty",
    "ordered_at": {"column": "PurchasedOn", "format": "YMD"}, "revenue": "TotalPrice", "channel": {"value": "store"}}'),
  ('review', 'web review', 'contoso.review_touch', '{"entity": "touch", "key": "ReviewId", "customer": "UserId",
    "customer_source": ["contact", "record"], "occurred_at": {"column": "ReviewDate", "format": "MDY"},
    "channel": {"value": "web review"}, "direction": {"value": "inbound"}, "message_type": {"value": "review"},
    "phase": {"value": "post-sale"}, "emotion": "emotion"}');

-- Loads one of them and checks the four counts.
CREATE FUNCTION contoso.load(what text, rows_in bigint, loaded bigint, unchanged bigint, quarantined bigint)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  batch crm.load_batch;
BEGIN
  SELECT b.* INTO batch FROM contoso.mapping AS m, crm.load(m.source, m.relation, m.mapping) AS b WHERE m.name = what;
  IF (batch.rows_in, batch.rows_loaded, batch.rows_unchanged, batch.rows_quarantined) <> (rows_in, loaded, unchanged, quarantined) THEN
    RAISE EXCEPTION 'load of %: in %, loaded %, unchanged %, quarantined %; expected %, %, %, %', what, batch.rows_in,
      batch.rows_loaded, batch.rows_unchanged, batch.rows_quarantined, rows_in, loaded, unchanged, quarantined;
  END IF;
END
$$;

SELECT contoso.load('contact', 5000, 5000, 0, 0);
SELECT contoso.load('loyalty', 5002, 5002, 0, 0);
SELECT contoso.load('online', 12369, 12360, 0, 9);
SELECT contoso.load('online line', 12369, 12360, 0, 9);
SELECT contoso.load('pos', 20024, 20024, 0, 0);
SELECT contoso.load('review', 20020, 20003, 0, 17);
-- The same files again change nothing, and nothing waits twice.
SELECT contoso.load('contact', 5000, 0, 5000, 0);
SELECT contoso.load('online', 12369, 0, 12360, 9);
SELECT contoso.load('review', 20020, 0, 20003, 17);

DO $$
BEGIN
  PERFORM contoso.expect('rows waiting for a customer or an order', (SELECT count(*) FROM crm.quarantine WHERE state = 'open'), 35);
  PERFORM contoso.expect('orphan purchases', (SELECT count(*) FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id)
    WHERE q.state = 'open' AND q.rule = 'unknown_customer' AND b.entity = 'order'), 9);
  PERFORM contoso.expect('orphan reviews', (SELECT count(*) FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id)
    WHERE q.state = 'open' AND q.rule = 'unknown_customer' AND b.entity = 'touch'), 17);
  PERFORM contoso.expect('orphan lines', (SELECT count(*) FROM crm.quarantine WHERE state = 'open' AND rule = 'unknown_order'), 9);
  PERFORM contoso.expect('revenue of orphans', (SELECT sum((q.raw ->> 'TotalPrice')::numeric) FROM crm.quarantine AS q
    JOIN crm.load_batch AS b USING (load_id) WHERE q.state = 'open' AND b.entity = 'order'), 1281);
  PERFORM contoso.expect('impossible birth dates in the loyalty file', (SELECT count(*) FROM crm.source_record AS r
    JOIN crm.source AS s USING (source_id) WHERE s.name = 'loyalty' AND 'birth_date_impossible' = ANY (r.flags)), 92);
  PERFORM contoso.expect('impossible birth dates in the contact file', (SELECT count(*) FROM crm.source_record AS r
    JOIN crm.source AS s USING (source_id) WHERE s.name = 'contact' AND 'birth_date_impossible' = ANY (r.flags)), 0);
  PERFORM contoso.expect('implausible birth dates in the contact file', (SELECT count(*) FROM crm.source_record AS r
    JOIN crm.source AS s USING (source_id) WHERE s.name = 'contact' AND 'birth_date_implausible' = ANY (r.flags)), 1454);
  -- 1,560 by years of 365.25 days: one member turned 14 on the day of registration.
  PERFORM contoso.expect('implausible or impossible birth dates in the loyalty file', (SELECT count(*) FROM crm.source_record AS r
    JOIN crm.source AS s USING (source_id)
    WHERE s.name = 'loyalty' AND r.flags && ARRAY['birth_date_implausible', 'birth_date_impossible']), 1559);
END
$$;

-- The third customer file brings back what belongs to its people.
SELECT contoso.load('record', 4999, 4999, 0, 0);
DO $$
DECLARE
  replayed numeric;
  again numeric;
BEGIN
  SELECT sum(b.rows_loaded), sum(b.rows_quarantined) INTO replayed, again FROM crm.replay_quarantine() AS b;
  PERFORM contoso.expect('rows brought back by the replay', replayed, 8 + 8 + 14);
  PERFORM contoso.expect('rows that stay', again, 1 + 1 + 3);
  PERFORM contoso.expect('orphan purchases after replay', (SELECT count(*) FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id)
    WHERE q.state = 'open' AND b.entity = 'order'), 1);
  PERFORM contoso.expect('their revenue', (SELECT sum((q.raw ->> 'TotalPrice')::numeric) FROM crm.quarantine AS q
    JOIN crm.load_batch AS b USING (load_id) WHERE q.state = 'open' AND b.entity = 'order'), 90.00);
  PERFORM contoso.expect('orphan reviews after replay', (SELECT count(*) FROM crm.quarantine AS q JOIN crm.load_batch AS b USING (load_id)
    WHERE q.state = 'open' AND b.entity = 'touch'), 3);
  PERFORM contoso.expect('online revenue, with what waits', (SELECT sum(o.revenue) + 90 FROM crm.sales_order AS o JOIN crm.source AS s USING (source_id)
    WHERE s.name = 'online'), 3391432);
  PERFORM contoso.expect('store revenue', (SELECT sum(o.revenue) FROM crm.sales_order AS o JOIN crm.source AS s USING (source_id)
    WHERE s.name = 'pos'), 2250877);
  PERFORM contoso.expect('revenue of the lines', (SELECT sum(l.revenue) + 90 FROM crm.order_line AS l), 3391432);
  PERFORM contoso.expect('products', (SELECT count(*) FROM crm.product WHERE NOT declared), 300);
  PERFORM contoso.expect('loads whose counts do not add up', (SELECT count(*) FROM crm.load_batch
    WHERE rows_in <> rows_loaded + rows_unchanged + rows_quarantined OR finished_at IS NULL), 0);
END
$$;
-- A second replay finds the same five and leaves them once.
DO $$
BEGIN
  PERFORM contoso.expect('second replay', (SELECT sum(b.rows_loaded) FROM crm.replay_quarantine() AS b), 0);
  PERFORM contoso.expect('rows waiting', (SELECT count(*) FROM crm.quarantine WHERE state = 'open'), 5);
END
$$;
SELECT contoso.load('online', 12369, 0, 12368, 1);
