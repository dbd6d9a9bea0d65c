-- Relations: forests; companies and their people; recommendations that follow
-- merges and come back when these are undone; households; their reports.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SET timezone = 'UTC';
SET datestyle = 'ISO';

-- grow_forest(): a link to oneself, a second parent, a circle of two and of three.
CREATE SCHEMA t;
CREATE FUNCTION t.links(parents bigint[], children bigint[]) RETURNS text LANGUAGE sql AS $$
  SELECT (f).outcome::text FROM (SELECT omnicrm.grow_forest(parents, children) AS f) AS g $$;
SELECT t.links('{1,2,3,4,5,3}', '{2,3,1,4,2,6}');
SELECT t.links('{1,2,1,2}', '{2,1,2,3}'), t.links('{-9223372036854775808}', '{9223372036854775807}'), t.links('{}', '{}'), t.links(NULL, '{}');
-- What was left out for a circle does not bar the one that comes after it.
SELECT t.links('{1,2,3}', '{2,1,1}');
SELECT u.* FROM (SELECT omnicrm.grow_forest('{10,10,20,7,40,20,60}', '{20,30,40,8,50,60,10}') AS f) AS g
CROSS JOIN LATERAL unnest('{20,30,40,8,50,60,10}'::bigint[], (f).outcome, (f).root, (f).depth, (f).position, (f).last_position) AS u(child, outcome, root, depth, position, last_position) ORDER BY position;
SELECT omnicrm.grow_forest('{1,2}', '{3}');
SELECT omnicrm.grow_forest('{1,NULL}', '{3,4}');
SELECT omnicrm.grow_forest('{{1},{2}}', '{{3},{4}}');
-- Against the definition, row by row: 40 forests of 60 random links.
CREATE FUNCTION t.slow(parents bigint[], children bigint[]) RETURNS smallint[] LANGUAGE plpgsql AS $$
DECLARE
  taken jsonb := '{}';  -- child -> parent
  outcome smallint[] := '{}';
  above bigint;
BEGIN
  FOR i IN 1 .. cardinality(parents) LOOP
    above := parents[i];
    WHILE above <> children[i] AND taken ? above::text LOOP above := (taken ->> above::text)::bigint; END LOOP;
    outcome := outcome || CASE WHEN parents[i] = children[i] THEN 2 WHEN taken ? children[i]::text THEN 3 WHEN above = children[i] THEN 4 ELSE 1 END::smallint;
    IF outcome[i] = 1 THEN taken := taken || jsonb_build_object(children[i], parents[i]); END IF;
  END LOOP;
  RETURN outcome;
END $$;
CREATE TEMP TABLE random_links AS
SELECT s AS seed, array_agg(hashint8extended(n, s) & 31 ORDER BY n) AS parents, array_agg(hashint8extended(n, s + 1000) & 31 ORDER BY n) AS children
FROM generate_series(1, 40) AS s CROSS JOIN generate_series(1, 60) AS n GROUP BY s;
SELECT count(*) FILTER (WHERE (omnicrm.grow_forest(parents, children)).outcome = t.slow(parents, children)) AS same, count(*) FROM random_links;
-- Nested positions are the descendants.
WITH forest AS (SELECT seed, parents, children, omnicrm.grow_forest(parents, children) AS f FROM random_links),
  told AS (SELECT seed, u.* FROM forest CROSS JOIN LATERAL unnest(parents, children, (f).outcome, (f).root, (f).depth, (f).position, (f).last_position)
           AS u(parent, child, outcome, root, depth, position, last_position)),
  node AS (SELECT DISTINCT seed, child AS node, root, depth, position, last_position FROM told),
  link AS (SELECT seed, parent, child FROM told WHERE outcome = 1)
SELECT count(*) FILTER (WHERE p.position < c.position AND c.last_position <= p.last_position AND c.depth = p.depth + 1 AND c.root = p.root) = count(*) AS nested,
       (SELECT bool_and(n.last_position - n.position = (
          WITH RECURSIVE below AS (SELECT n.node AS id UNION ALL SELECT l.child FROM below AS b JOIN link AS l ON l.seed = n.seed AND l.parent = b.id)
          SELECT count(*) - 1 FROM below)) FROM node AS n WHERE n.seed <= 5) AS descendants
FROM link AS l JOIN node AS p ON p.seed = l.seed AND p.node = l.parent JOIN node AS c ON c.seed = l.seed AND c.node = l.child;

-- A hub: two companies in the ERP, people in the web shop and the newsletter.
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('erp', 'erp', 90), crm.add_source('web', 'web', 60), crm.add_source('news', 'newsletter', 40);
CREATE TABLE t.firm (id text, name text, cif text, tel text, street text, zip text, city text);
INSERT INTO t.firm VALUES ('F1', 'Aceites del Sur SL', 'B58378431', '955 111 222', 'Avenida de la Luz 1', '41001', 'Sevilla'),
                          ('F2', 'Talleres Norte SA', 'A58818501', '944 111 222', 'Gran Via 2', '48001', 'Bilbao');
CREATE TABLE t.person (id text, given text, sur text, mail text, tel text, street text, zip text, city text);
INSERT INTO t.person VALUES
  ('P1', 'Ana', 'Gil Mora', 'ana.gil@hotel-sol.es', '600 000 001', 'C/ de la Paz 12, 3º B', '41001', 'Sevilla'),
  ('P2', 'Luis', 'Rey Sanz', 'luis.rey@hotel-sol.es', '600 000 002', 'Calle Paz, 12 3 B', '41001', 'Sevilla'),
  ('P3', 'Eva', 'Rey Gil', 'eva.rey@hotel-sol.es', '600 000 002', NULL, NULL, NULL),
  ('P4', 'Juan', 'Gil Mora', 'juan.gil@hotel-sol.es', '600 000 004', 'C/ de la Paz 12, 4º A', '41001', 'Sevilla'),
  ('P5', 'Marta', 'Soto Vega', 'marta.soto@hotel-sol.es', '600 000 005', 'C/ de la Paz 12, 3º B', '41001', 'Sevilla'),
  ('P6', 'Pablo', 'Cano Ruiz', 'pablo.cano@hotel-sol.es', NULL, NULL, NULL, NULL),
  ('P7', 'Rosa', 'Cano Ruiz', 'rosa.cano@hotel-sol.es', NULL, NULL, NULL, NULL);
CREATE TABLE t.reader (id text, name text, mail text);
INSERT INTO t.reader VALUES ('N1', 'Ana Gil', 'ana@sol-hotel.es'), ('N2', 'Pablo Cano', 'pablo@sol-hotel.es');
CREATE FUNCTION t.counts(b crm.load_batch) RETURNS text LANGUAGE sql AS $$
  SELECT format('%s in, %s loaded, %s unchanged, %s quarantined', b.rows_in, b.rows_loaded, b.rows_unchanged, b.rows_quarantined) $$;
SELECT t.counts(crm.load('erp', 't.firm', '{"key": "id", "kind": {"value": "organisation"}, "full_name": "name", "tax_id": "cif", "phone": "tel", "street": "street", "postcode": "zip", "city": "city"}'));
SELECT t.counts(crm.load('web', 't.person', '{"key": "id", "given_name": "given", "surname": "sur", "email": "mail", "phone": "tel", "street": "street", "postcode": "zip", "city": "city"}'));
SELECT t.counts(crm.load('news', 't.reader', '{"key": "id", "full_name": "name", "email": "mail"}'));
SELECT (crm.resolve()).counts -> 'created' AS customers;
SELECT customer_id, kind, full_name FROM crm.customer ORDER BY customer_id;

-- Contacts from a source. The company is looked for in the ERP; each bad row has
-- its rule, and the same rows again change nothing.
CREATE TABLE t.contact (no text, who text, firm text, part text, since text, until text);
INSERT INTO t.contact VALUES
  ('C1', 'P1', 'F1', 'buyer', '2020-01-01', '2023-01-01'), ('C2', 'P2', 'F1', 'owner', NULL, NULL), ('C3', 'P4', 'F2', NULL, '2021-06-01', NULL),
  ('C4', 'P9', 'F1', 'buyer', NULL, NULL), ('C5', 'P1', 'F9', 'buyer', NULL, NULL), ('C6', 'P1', 'F1', 'buyer', '2024-01-01', '2023-01-01'),
  ('C7', 'P1', 'F1', 'buyer', 'soon', NULL);
CREATE FUNCTION t.load_contacts() RETURNS text LANGUAGE sql AS $$
  SELECT t.counts(crm.load('web', 't.contact', '{"entity": "company_contact", "key": "no", "customer": "who", "company": "firm", "company_source": "erp", "role": "part", "since": "since", "until": "until"}')) $$;
SELECT t.load_contacts();
SELECT t.load_contacts();
SELECT rule, detail, row_key FROM crm.quarantine ORDER BY row_key;
SELECT crm.load('web', 't.contact', '{"entity": "company_contact", "key": "no", "customer": "who"}');
SELECT crm.load('web', 't.contact', '{"entity": "company_contact", "key": "no", "customer": "who", "company": "firm", "referrer_source": "erp"}');
SELECT crm.load('web', 't.contact', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "since", "revenue": "part", "company_source": "erp"}');
-- A person is no company, and nobody his own.
CREATE TABLE t.odd (no text, who text, firm text);
INSERT INTO t.odd VALUES ('D1', 'P1', 'P2'), ('D2', 'P1', 'P1');
SELECT t.counts(crm.load('web', 't.odd', '{"entity": "company_contact", "key": "no", "customer": "who", "company": "firm"}'));
SELECT rule, detail, row_key FROM crm.quarantine WHERE row_key LIKE 'D%' ORDER BY row_key;
SELECT * FROM crm.company_contact ORDER BY company_id, person_id, role, since NULLS FIRST;

-- Stewards: the newsletter's Ana became buyer when the web shop's stopped.
SELECT crm.add_company_contact(1, 10, 'buyer', 'ben', 'she wrote so', since => '2023-01-01') AS role;
SELECT crm.add_company_contact(2, 10, 'accountant', 'ben', 'mistaken') AS role;
SELECT crm.add_company_contact(3, 1, 'buyer', 'ben', 'the wrong way round');
SELECT crm.add_company_contact(1, 1, 'buyer', 'ben', 'itself');
SELECT crm.add_company_contact(1, 10, ' ', 'ben', 'no role');
SELECT crm.add_company_contact(1, 10, 'buyer', 'ben', '');
SELECT crm.add_company_contact(1, 99, 'buyer', 'ben', 'who?');
SELECT crm.add_company_contact(1, 10, 'buyer', 'ben', 'turned', '2024-01-01', '2023-01-01');
SELECT crm.remove_company_contact(5, 'ben', 'another Ana');
SELECT crm.remove_company_contact(5, 'ben', 'twice');
SELECT crm.end_company_contact(5, '2025-01-01', 'ben', 'removed');
SELECT crm.end_company_contact(77, '2025-01-01', 'ben', 'none');
SELECT crm.end_company_contact(3, '2020-01-01', 'ben', 'before it began');
SELECT crm.end_company_contact(2, '2022-03-01', 'ben', 'sold his share');
-- The source goes on saying what it said, and says something new: the end holds.
SELECT t.load_contacts();
UPDATE t.contact SET part = 'partner' WHERE no = 'C2';
SELECT t.load_contacts();
SELECT company_id, person_id, role, since, until, is_current FROM crm.company_contact ORDER BY company_id, person_id, role, since NULLS FIRST;

-- What must come back when merges are undone.
CREATE FUNCTION t.state() RETURNS text LANGUAGE sql AS $$
  SELECT md5(concat_ws(',',
    (SELECT string_agg(k::text, ';' ORDER BY company_id, person_id, role, since) FROM crm.company_contact AS k),
    (SELECT string_agg(r::text, ';' ORDER BY referral_event_id) FROM crm.referral AS r),
    (SELECT string_agg(r::text, ';' ORDER BY referral_event_id) FROM crm_bi.fact_referral AS r),
    (SELECT string_agg(v::text, ';' ORDER BY customer_id) FROM crm_bi.referral_value AS v),
    (SELECT string_agg(h::text, ';' ORDER BY household_id, customer_id) FROM crm.household AS h),
    (SELECT string_agg(c::text, ';' ORDER BY customer_id) FROM crm_bi.company_value AS c),
    (SELECT string_agg(k::text, ';' ORDER BY company_role_id) FROM crm.company_role AS k),
    (SELECT string_agg(e::text, ';' ORDER BY referral_event_id) FROM crm.referral_event AS e),
    (SELECT string_agg(h::text, ';' ORDER BY record_id) FROM crm.household_member AS h))) $$;
CREATE TEMP TABLE before AS SELECT t.state() AS state;
SELECT customers_after FROM crm.merge(3, 10, 'ben', 'one Ana');
-- Her two times as buyer are one.
SELECT company_id, person_id, role, since, until, company_role_ids FROM crm.company_contact WHERE person_id = 3;
-- The firm and its former owner are one: a sole trader is not his own contact.
SELECT customers_after FROM crm.merge(1, 4, 'ben', 'sole trader', force => true);
SELECT company_id, person_id, role FROM crm.company_contact ORDER BY 1, 2;
SELECT count(*) FROM crm.check();
SELECT count(*) FROM crm.undo_many('{2,1}');
SELECT state = t.state() AS all_as_before FROM before;

-- Recommendations from a source; orders to value them by.
CREATE TABLE t.advice (no text, who text, by text, at text, code text, paid text);
INSERT INTO t.advice VALUES
  ('R1', 'P2', 'P1', '2024-01-01', 'FRIEND', '5.00'), ('R2', 'P3', 'P2', '2024-02-01', 'FRIEND', '5.00'), ('R3', 'P4', 'P2', '2024-02-02', NULL, NULL),
  ('R4', 'P6', 'P3', '2024-03-01', 'FRIEND', NULL), ('R5', 'P4', 'P5', '2024-03-05', NULL, NULL), ('R6', 'P1', 'P1', '2024-03-06', NULL, NULL),
  ('R7', 'P1', 'P8', '2024-03-07', NULL, NULL), ('R8', 'P7', 'P5', '2024-04-01', NULL, '-x');
CREATE FUNCTION t.load_advice() RETURNS text LANGUAGE sql AS $$
  SELECT t.counts(crm.load('web', 't.advice', '{"entity": "referral", "key": "no", "customer": "who", "referrer": "by", "referred_at": "at", "code": "code", "reward": "paid"}')) $$;
SELECT t.load_advice();
SELECT t.load_advice();
SELECT rule, detail FROM crm.quarantine WHERE row_key LIKE 'R%' ORDER BY row_key;
CREATE TABLE t.ticket (no text, who text, at text, total text);
INSERT INTO t.ticket VALUES ('1', 'P1', '2024-01-05', '10'), ('2', 'P2', '2023-12-31', '100'), ('3', 'P2', '2024-01-05', '20.50'), ('4', 'P3', '2024-02-05', '40'),
  ('5', 'P4', '2024-02-05', '80'), ('6', 'P6', '2024-03-05', '160'), ('7', 'P6', '2024-03-06', '-60'), ('8', 'P7', '2024-05-05', '320');
SELECT t.counts(crm.load('web', 't.ticket', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total"}'));
SELECT referral_event_id AS id, referrer_id, customer_id, counts, set_aside, root_id, depth FROM crm.referral ORDER BY 1;

-- Refused: a circle, directly and through others; a second referrer; oneself.
SELECT crm.add_referral(4, 3, 'ben', 'he said so');
SELECT crm.add_referral(8, 3, 'ben', 'he said so');
SELECT crm.add_referral(7, 6, 'ben', 'he said so');
SELECT crm.add_referral(3, 3, 'ben', 'he said so');
SELECT crm.add_referral(3, 99, 'ben', 'he said so');
SELECT crm.add_referral(3, 9, NULL, 'he said so');
SELECT crm.add_referral(3, 9, 'ben', 'he said so', 'infinity');
SELECT crm.add_referral(3, 9, 'ben', 'he said so', NULL);
SELECT crm.add_referral(8, 9, 'ben', 'her brother', '2024-06-01', 'FRIEND', 7.5) AS referral;
SELECT crm.add_referral(9, 3, 'ben', 'her brother');
SELECT count(*) FROM crm.check();

-- Value brought, of those whom one recommended and of the whole tree.
SELECT customer_id, is_root, depth, customers, buyers, revenue, revenue_since, tree_customers, tree_revenue, tree_revenue_since, reward FROM crm_bi.referral_value ORDER BY customer_id;
CREATE FUNCTION t.raw() RETURNS numeric LANGUAGE sql AS $$
  SELECT sum(o.revenue) FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id)
  WHERE o.duplicate_of IS NULL AND m.customer_id IN (SELECT r.customer_id FROM crm.referral AS r WHERE r.counts) $$;
CREATE FUNCTION t.ties() RETURNS boolean LANGUAGE sql AS $$
  SELECT (SELECT sum(v.revenue) FROM crm_bi.referral_value AS v) = t.raw() AND (SELECT sum(v.tree_revenue) FROM crm_bi.referral_value AS v WHERE v.is_root) = t.raw()
     AND (SELECT sum(v.customers) FROM crm_bi.referral_value AS v) = (SELECT count(*) FROM crm.referral AS r WHERE r.counts)
     AND NOT EXISTS (SELECT referral_event_id, referrer_id, customer_id, counts, set_aside, root_id, depth, tree_position, tree_end FROM crm.referral
                     EXCEPT SELECT referral_event_id, referrer_id, customer_id, is_counted, set_aside, root_id, depth, tree_position, tree_end FROM crm_bi.fact_referral)
     AND NOT EXISTS (SELECT c.customer_id, r.referral_event_id, r.counts, r.set_aside, r.depth FROM crm.customer AS c JOIN crm.referral AS r ON c.customer_id IN (r.customer_id, r.referrer_id)
                     EXCEPT SELECT c.customer_id, r.referral_event_id, r.counts, r.set_aside, r.depth FROM crm.customer AS c CROSS JOIN LATERAL crm.referrals_around(c.customer_id) AS r) $$;
SELECT t.raw(), t.ties();

-- Merges. 3 brought 4, 4 brought 5: were 3 and 5 one, the later recommendation
-- would close a circle and is set aside; were 3 and 4 one, the first is none.
TRUNCATE before;
INSERT INTO before SELECT t.state();
SELECT aspect, customer, item, before, after FROM crm.preview_merge(3, 5) WHERE aspect = 'relation' ORDER BY item COLLATE "C", customer;
SELECT customers_after FROM crm.merge(3, 5, 'ben', 'one person');
SELECT referral_event_id AS id, referrer_id, customer_id, counts, set_aside, depth FROM crm.referral ORDER BY 1;
SELECT count(*) AS broken, t.ties() FROM crm.check();
-- It is the later one whatever comes first in the table.
SELECT customers_after FROM crm.merge(3, 4, 'ben', 'one person');
SELECT referral_event_id AS id, referrer_id, customer_id, counts, set_aside, depth FROM crm.referral ORDER BY 1;
SELECT count(*) AS broken, t.ties() FROM crm.check();
-- Who was recommended twice by two records: the first counts. A removed one gives way.
SELECT customers_after FROM crm.merge(6, 9, 'ben', 'one person');
SELECT crm.remove_referral(3, 'ben', 'never so');
SELECT crm.remove_referral(3, 'ben', 'never so');
SELECT crm.remove_referral(77, 'ben', 'never so');
SELECT referral_event_id AS id, referrer_id, customer_id, counts, set_aside, depth FROM crm.referral ORDER BY 1;
SELECT count(*) AS broken, t.ties() FROM crm.check();
UPDATE crm.referral_event SET removed_at = NULL, removed_by = NULL, removed_why = NULL;
-- Undone in any order, byte for byte; and split and back.
SELECT count(*) FROM crm.undo_many('{3,5}');
SELECT kind FROM crm.undo(4);
SELECT state = t.state() AS all_as_before FROM before;
SELECT customers_after FROM crm.merge(8, 11, 'ben', 'one Pablo');
SELECT customers_after FROM crm.split(8, '{11}', 'ben', 'two after all', force => true);
SELECT state = t.state() AS all_as_before FROM before;
SELECT count(*) AS broken, t.ties() FROM crm.check();
-- A source that says who recommended earlier than known takes the place of the other.
UPDATE t.advice SET at = '2024-01-15' WHERE no = 'R5';
SELECT t.load_advice();
SELECT referral_event_id AS id, referrer_id, customer_id, counts, set_aside FROM crm.referral WHERE customer_id = 6 ORDER BY 1;

-- Households. 3, 4 and 7 have one address (floor and door too); 4 and 5 one phone
-- and a surname; 6, a floor above, and 7, without surname or phone in common, stay out.
SELECT (crm.refresh_households()).counts;
SELECT household_id, customer_id, members, evidence FROM crm.household ORDER BY 1, 2;
UPDATE t.person SET tel = '600 000 002' WHERE id = 'P1';
SELECT t.counts(crm.load('web', 't.person', '{"key": "id", "given_name": "given", "surname": "sur", "email": "mail", "phone": "tel", "street": "street", "postcode": "zip", "city": "city"}'));
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT (crm.refresh_households()).counts;
SELECT household_id, customer_id, members, evidence FROM crm.household ORDER BY 1, 2;
SELECT (crm.refresh_households()).counts -> 'changed' AS changed;
SELECT household_id, members, address_shared, surname_shared, phone_shared, postcode_area, orders, revenue FROM crm_bi.household_value;
SELECT relation, other_id, other_name, detail, NULLIF(since, current_date) AS since, until, holds, note FROM crm.customer_relations(4);
SELECT relation, other_id, detail, since, until, holds, note FROM crm.customer_relations(1);
SELECT * FROM crm.customer_relations(99);
\pset format unaligned
\pset tuples_only on
SELECT replace(line, current_date::text, 'today     ') FROM crm.print_card(4) AS line WHERE line ~ '[●○] +(contact|recom|lives)|Relations';
\pset format aligned
\pset tuples_only off
SELECT r ->> 'relation' AS relation, r -> 'customer_id' AS customer_id, r -> 'holds' AS holds FROM jsonb_array_elements(crm.customer_card(1) -> 'relations') AS r;
-- Limits: three on a phone are too many for 2; a household of three too large for 2.
SELECT (crm.refresh_households(max_on_phone => 2)).counts;
SELECT household_id, customer_id, evidence FROM crm.household ORDER BY 1, 2;
SELECT (crm.refresh_households(max_members => 2)).counts;
SELECT crm.refresh_households(1);
SELECT crm.refresh_households(max_members => NULL);
-- A hotel: 40 guests with one address, brothers and sisters among them.
INSERT INTO t.person SELECT 'H' || n, (ARRAY['Alba', 'Bruno', 'Carla', 'Diego', 'Elena', 'Felipe', 'Gloria', 'Hugo'])[1 + n % 8], (ARRAY['Soria', 'Quesada', 'Benet', 'Lago', 'Ibarra'])[1 + n % 5], 'guest' || n || '@hotel-sol.es', '954 222 333', 'Avenida del Mar 5', '41001', 'Sevilla' FROM generate_series(1, 40) AS n;
SELECT t.counts(crm.load('web', 't.person', '{"key": "id", "given_name": "given", "surname": "sur", "email": "mail", "phone": "tel", "street": "street", "postcode": "zip", "city": "city"}'));
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT (crm.refresh_households()).counts;
SELECT household_id, count(*) FROM crm.household GROUP BY 1 ORDER BY 1;
-- Merged since: counts once. Undone: as before.
TRUNCATE before;
INSERT INTO before SELECT t.state();
SELECT customers_after FROM crm.merge(4, 5, 'ben', 'one person');
SELECT household_id, customer_id, members, evidence FROM crm.household ORDER BY 1, 2;
SELECT kind FROM crm.undo(8);
SELECT state = t.state() AS all_as_before FROM before;
-- Whoever asked for restriction is in none.
SELECT table_name, rows FROM crm.subject_restrict(5, 'request 1') WHERE rows > 0 ORDER BY 1;
SELECT household_id, customer_id, members FROM crm.household ORDER BY 1, 2;
SELECT count(*) FROM crm.check();
SELECT customer_id, contacts, roles, other_contacts, orders, revenue, contacts_revenue FROM crm_bi.company_value ORDER BY 1;

-- Rights of a person: given out, erased (where a row waits in quarantine too), and
-- not brought back by a load.
INSERT INTO t.advice VALUES ('R11', 'P77', 'P2', '2024-05-01', 'JUST FOR LUIS', NULL);
SELECT t.load_advice();
SELECT jsonb_object_keys(crm.subject_export(4) -> 'tables') AS held INTERSECT VALUES ('company_role'), ('referral_event'), ('household_member') ORDER BY 1;
SELECT table_name, what, rows FROM crm.subject_erase(4, 'request 2') WHERE table_name IN ('company_role', 'referral_event', 'household_member') ORDER BY 1;
SELECT count(*) FROM crm.company_role WHERE record_id = 4;
SELECT count(*) FROM crm.quarantine AS q WHERE q.raw::text LIKE '%LUIS%';
DELETE FROM t.advice WHERE no = 'R11';
SELECT t.load_advice(), t.load_contacts();
INSERT INTO t.advice VALUES ('R9', 'P2', 'P5', '2024-05-01', NULL, NULL), ('R10', 'P5', 'P2', '2024-05-01', NULL, NULL);
SELECT t.load_advice();
SELECT rule, raw, row_key FROM crm.quarantine WHERE rule = 'erased_subject' ORDER BY quarantine_id;
SELECT referral_event_id AS id, referrer_id, customer_id, counts, set_aside, depth FROM crm.referral ORDER BY 1;
SELECT count(*) AS broken, t.ties() FROM crm.check();

-- Random recommendations among the guests, with circles and repetitions: one by one
-- and all together they are judged the same.
CREATE TABLE t.random AS SELECT 'x' || n AS id, 'H' || 1 + (hashint8extended(n, 1) & 31) AS who, 'H' || 1 + (hashint8extended(n, 2) & 31) AS by,
  timestamptz '2024-01-01' + (hashint8extended(n, 3) & 63) * interval '1 day' AS at FROM generate_series(1, 150) AS n;
SELECT t.counts(crm.load('web', 't.random', '{"entity": "referral", "key": "id", "customer": "who", "referrer": "by", "referred_at": "at"}'));
SELECT set_aside, count(*) FROM crm.referral GROUP BY 1 ORDER BY 1;
SELECT count(*) AS broken, t.ties() FROM crm.check();
-- A customer in a tree of more than a thousand: judged with all.
CREATE TABLE t.many AS SELECT 'm' || n AS id, 'm' || n || '@hotel-sol.es' AS mail, 'm' || (n - 1) AS above, timestamptz '2020-01-01' + n * interval '1 hour' AS at FROM generate_series(1, 1010) AS n;
SELECT t.counts(crm.load('news', 't.many', '{"key": "id", "email": "mail"}'));
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT t.counts(crm.load('news', 't.many', '{"entity": "referral", "key": "id", "customer": "id", "referrer": "above", "referred_at": "at"}'));
SELECT count(*), max(depth) FROM crm.referral WHERE counts;
SELECT count(*) FROM crm.referrals_around((SELECT customer_id FROM crm.referral ORDER BY depth DESC NULLS LAST LIMIT 1));
SELECT crm.add_referral((SELECT customer_id FROM crm.referral ORDER BY depth DESC NULLS LAST LIMIT 1), (SELECT root_id FROM crm.referral ORDER BY depth DESC NULLS LAST LIMIT 1), 'ben', 'a circle of a thousand') \g /dev/null
SELECT count(*) AS broken FROM crm.check();

-- check() notices: a household of somebody erased.
INSERT INTO crm.household_member VALUES (4, 4, true, true, false, '2024-01-01');
SELECT * FROM crm.check();
DROP TABLE before, random_links;
DROP SCHEMA t, crm, crm_bi CASCADE;
