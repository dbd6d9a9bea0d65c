-- Contact points: what records say and said, what is reported, which one to use.
SET client_min_messages = warning;
\set SHOW_CONTEXT never
SET timezone = 'UTC';
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
SELECT crm.add_source('web', 'web', 60), crm.add_source('shop', 'loyalty', 80), crm.add_source('app', 'app', 50);
CREATE TABLE web (id text, name text, mail text, tel text, street text, zip text, city text, token text, born text, at text);
INSERT INTO web VALUES
  ('w1', 'Ana Gil Mora', 'ana.one@hotel-sol.es', '600 111 222', 'C/ de la Luna 17, 3º B', '28004', 'Madrid', NULL, '1980-02-02', '2023-01-01'),
  ('w2', 'Luis Rey Sanz', 'luis@hotel-sol.es', '600 333 444', 'Calle del Sol 3', '28004', 'Madrid', NULL, NULL, '2023-01-01');
CREATE TABLE shop (LIKE web);
INSERT INTO shop VALUES ('s1', 'GIL MORA, ANA', 'ANA.ONE@hotel-sol.es', '600111222', 'Calle de la Luna, 17 3 B', '28004', NULL, NULL, '1980-02-02', '2022-06-01'),
                        ('s2', 'Pepa Solana Vega', NULL, '600 333 444', NULL, '28004', 'Madrid', NULL, NULL, '2022-06-01');
CREATE TABLE app (LIKE web);
INSERT INTO app (id, mail, token, at) VALUES ('a1', 'ana.one@hotel-sol.es', 'token-ana', '2023-03-03');
CREATE TABLE said (no text, who text, what text, at text);
INSERT INTO said VALUES ('1', 'w1', 'any', '2023-01-01'), ('2', 'w2', 'any', '2023-01-01');
CREATE FUNCTION load_all() RETURNS TABLE (loaded bigint) LANGUAGE sql AS $$
  SELECT b.rows_loaded FROM (VALUES ('web', 'web'), ('shop', 'shop'), ('app', 'app')) AS s(name, relation)
  CROSS JOIN LATERAL crm.load(s.name, s.relation::regclass, '{"key": "id", "full_name": "name", "email": "mail", "phone": "tel", "street": "street", "postcode": "zip", "city": "city",
    "device": "token", "birth_date": "born", "business_at": "at"}') AS b
$$;
SELECT load_all();
SELECT rows_loaded FROM crm.load('web', 'said', '{"entity": "consent", "key": "no", "customer": "who", "channel_kind": "what", "state": {"value": "given"}, "stated_at": "at"}');
SELECT crm.resolve() IS NOT NULL AS resolved;
CREATE VIEW point AS
SELECT customer_id, kind, shown, is_present AS present, is_current AS current, is_preferred AS preferred, state, first_seen::date, last_seen::date, sources, records, rank
FROM crm.contact_point;
-- One spelling of an address, whichever source; which of them is golden, how old it is, who says so.
SELECT * FROM point ORDER BY customer_id, kind, rank;

-- What changes is kept: the phone of before, seen from its first day to its last; what stays was seen from the first day on.
UPDATE web SET tel = '600 555 666', at = '2024-01-01' WHERE id = 'w1';
SELECT load_all();
UPDATE web SET mail = 'ana.two@hotel-sol.es', at = '2024-05-01' WHERE id = 'w1';
SELECT load_all();
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT * FROM point WHERE customer_id = 1 ORDER BY kind, rank;
-- And back again: first seen long ago, last seen now.
UPDATE web SET mail = 'ana.one@hotel-sol.es', at = '2024-06-01' WHERE id = 'w1';
UPDATE shop SET mail = NULL, tel = NULL, at = '2024-06-02' WHERE id = 's1';
SELECT load_all();
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT * FROM point WHERE customer_id = 1 AND kind IN ('email', 'phone') ORDER BY kind, rank;
-- The same rows again change nothing.
CREATE TABLE before AS TABLE point;
SELECT load_all();
SELECT count(*) AS differences FROM ((TABLE point EXCEPT TABLE before) UNION ALL (TABLE before EXCEPT TABLE point)) AS d;

-- Bounced: not to be used; another one is, when there is one.
INSERT INTO app (id, mail, token, at) VALUES ('a2', 'ana.one@hotel-sol.es', 'token-old', '2022-01-01');
INSERT INTO web (id, name, mail, born, at) VALUES ('w9', 'Ana Gil Mora', 'ana.work@hotel-sol.es', '1980-02-02', '2021-01-01');
SELECT load_all();
SELECT crm.resolve() IS NOT NULL AS resolved;
CREATE VIEW answer AS
SELECT c.customer_id, k.kind, m.may_contact AS may, m.reason, crm.contact_address(c.customer_id, k.kind) AS address
FROM crm.customer AS c CROSS JOIN (VALUES ('email'), ('phone'), ('sms'), ('post'), ('app')) AS k(kind)
CROSS JOIN LATERAL crm.may_contact(c.customer_id, k.kind) AS m
WHERE c.state = 'active';
CREATE VIEW disagreement AS
SELECT c.customer_id::text, c.channel_kind FROM crm.contactable AS c CROSS JOIN LATERAL crm.may_contact(c.customer_id, c.channel_kind) AS m
WHERE (c.may_contact, c.reason) IS DISTINCT FROM (m.may_contact, m.reason)
UNION ALL
(SELECT channel_kind, concat_ws(' ', may_contact, reason, customers) FROM crm_bi.contactable_base
 EXCEPT SELECT channel_kind, concat_ws(' ', may_contact, reason, count(*)) FROM crm.contactable GROUP BY channel_kind, may_contact, reason);
SELECT * FROM answer WHERE customer_id IN (1, 2) ORDER BY 1, array_position(ARRAY['email', 'phone', 'sms', 'post', 'app'], kind);
SELECT crm.report_contact(1, 'email', ' Ana.One@Hotel-Sol.es ', 'bounced', '2024-07-01', 'mailbox full', 'mailer');
SELECT shown, present, current, state, rank FROM point WHERE customer_id = 1 AND kind = 'email' ORDER BY rank;
SELECT * FROM answer WHERE customer_id = 1 AND kind = 'email';
SELECT crm.report_contact(1, 'email', 'ana.work@hotel-sol.es', 'bounced', '2024-07-02');
SELECT * FROM answer WHERE customer_id = 1 AND kind = 'email';
TABLE disagreement;
-- It works again: the later report holds, whatever the order in which they come in.
SELECT crm.report_contact(1, 'email', 'ana.one@hotel-sol.es', 'verified', '2024-08-01');
SELECT crm.report_contact(1, 'email', 'ana.one@hotel-sol.es', 'bounced', '2024-07-15');
SELECT * FROM answer WHERE customer_id = 1 AND kind = 'email';
-- A phone is dead for everybody who has it, without a customer being named.
SELECT * FROM answer WHERE kind = 'sms' ORDER BY 1;
SELECT crm.report_contact(NULL, 'phone', '+34 600 333 444', 'bounced', '2024-07-01');
SELECT * FROM answer WHERE kind = 'sms' ORDER BY 1;
-- Letters come back from a person, not from a house: the address in any of its spellings.
SELECT crm.report_contact(1, 'address', 'Calle de la Luna, 17 3 B, 28004', 'bounced', '2024-07-01', 'moved');
SELECT crm.report_contact(2, 'address', 'Calle del Sol 3, 28004 Madrid', 'verified', '2024-07-01');
SELECT * FROM answer WHERE kind = 'post' ORDER BY 1;
SELECT customer_id, shown, state, rank FROM point WHERE kind = 'address' ORDER BY 1, rank;
TABLE disagreement;
-- Preferred: first of its kind, and only one; not when it bounced.
SELECT crm.report_contact(1, 'email', 'ana.work@hotel-sol.es', 'verified', '2024-09-01'), crm.report_contact(1, 'email', 'ana.one@hotel-sol.es', 'preferred', '2024-09-01'),
       crm.report_contact(1, 'email', 'ana.work@hotel-sol.es', 'preferred', '2024-09-02');
SELECT shown, preferred, state, rank FROM point WHERE customer_id = 1 AND kind = 'email' ORDER BY rank;
SELECT crm.contact_address(1, 'email');
SELECT crm.report_contact(1, 'email', 'ana.work@hotel-sol.es', 'not preferred', '2024-09-03');
SELECT shown, preferred, state, rank FROM point WHERE customer_id = 1 AND kind = 'email' ORDER BY rank;
SELECT crm.report_contact(1, 'email', 'ana.one@hotel-sol.es', 'bounced', '2024-09-04');
SELECT shown, preferred, state, rank FROM point WHERE customer_id = 1 AND kind = 'email' ORDER BY rank;
SELECT crm.report_contact(1, 'device', 'token-old', 'bounced', '2024-09-04'), crm.report_contact(1, 'phone', '600555666', 'preferred', '2024-09-04');
SELECT p ->> 'kind' AS kind, p ->> 'value' AS value, p -> 'current' AS current, p -> 'preferred' AS preferred, p ->> 'state' AS state, p -> 'may_contact' AS may, p ->> 'reason' AS reason
FROM jsonb_array_elements(crm.customer_card(1) -> 'contact_points') AS p;
SELECT t FROM crm.print_card(1) AS t WHERE t ~ 'email|phone|address|device';

-- A device that is gone, of somebody without an app account.
INSERT INTO web (id, name, mail, token, at) VALUES ('w5', 'Eva Mora Paz', 'eva@hotel-sol.es', 'token-eva', '2024-01-01');
INSERT INTO said VALUES ('3', 'w5', 'any', '2023-01-01');
SELECT load_all();
SELECT rows_loaded FROM crm.load('web', 'said', '{"entity": "consent", "key": "no", "customer": "who", "channel_kind": "what", "state": {"value": "given"}, "stated_at": "at"}');
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT may, reason, address FROM answer WHERE address = 'token-eva';
SELECT crm.report_contact(NULL, 'device', 'token-eva', 'bounced', '2024-09-04');
SELECT a.may, a.reason, a.address FROM answer AS a JOIN crm.customer AS c USING (customer_id) WHERE c.email = 'eva@hotel-sol.es' AND a.kind = 'app';
TABLE disagreement;

-- Merged and split again: everything goes with its records.
CREATE TABLE before_merge AS SELECT * FROM point WHERE customer_id IN (1, 2);
SELECT kind AS merged FROM crm.merge(1, 2, 'test', 'test');
SELECT count(*) AS points, count(*) FILTER (WHERE preferred) AS preferred FROM point WHERE customer_id = 1;
SELECT kind AS undone FROM crm.undo((SELECT max(event_id) FROM crm.steward_event));
SELECT count(*) AS differences FROM ((SELECT * FROM point WHERE customer_id IN (1, 2) EXCEPT TABLE before_merge)
                                     UNION ALL (TABLE before_merge EXCEPT SELECT * FROM point WHERE customer_id IN (1, 2))) AS d;
TABLE disagreement;

-- One customer is found by an index, however many there are.
CREATE FUNCTION scans(query text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE plan jsonb;
BEGIN
  EXECUTE 'EXPLAIN (FORMAT json) ' || query INTO plan;
  RETURN coalesce((SELECT string_agg(DISTINCT s #>> '{}', ', ') FROM jsonb_path_query(plan, '$.** ? (@."Node Type" == "Seq Scan")."Relation Name"') AS s
                   WHERE s #>> '{}' NOT IN ('source', 'contact_event', 'contact_seen')), 'none');
END
$$;
INSERT INTO crm.source_record (source_id, source_key, load_id, content_hash, email, quality, payload) SELECT 1, 'x' || n, 1, n, 'x' || n || '@x.es', '', '{}' FROM generate_series(1, 20000) AS n;
INSERT INTO crm.customer (full_name) SELECT 'x' FROM generate_series(1, 20000);
INSERT INTO crm.customer_member (record_id, customer_id)
SELECT r.record_id, c.customer_id
FROM (SELECT record_id, row_number() OVER (ORDER BY record_id) AS n FROM crm.source_record WHERE source_key LIKE 'x%') AS r
JOIN (SELECT customer_id, row_number() OVER (ORDER BY customer_id) AS n FROM crm.customer WHERE full_name = 'x') AS c USING (n);
ANALYZE crm.source_record, crm.customer, crm.customer_member;
SELECT scans('SELECT * FROM crm.contact_point WHERE customer_id = 1');
DELETE FROM crm.source_record WHERE source_key LIKE 'x%';
DELETE FROM crm.customer WHERE full_name = 'x';

-- What is refused.
SELECT crm.report_contact(1, 'fax', '1', 'bounced');
SELECT crm.report_contact(1, NULL, '1', 'bounced');
SELECT crm.report_contact(1, 'email', 'ana.one@hotel-sol.es', 'happy');
SELECT crm.report_contact(1, 'email', 'ana.one@hotel-sol.es', NULL);
SELECT crm.report_contact(1, 'email', 'no mail', 'bounced');
SELECT crm.report_contact(1, 'email', NULL, 'bounced');
SELECT crm.report_contact(1, 'email', 'luis@hotel-sol.es', 'bounced');
SELECT crm.report_contact(NULL, 'email', 'nobody@hotel-sol.es', 'bounced');
SELECT crm.report_contact(NULL, 'address', 'Calle del Sol 3, 28004 Madrid', 'bounced');
SELECT crm.report_contact(NULL, 'email', 'luis@hotel-sol.es', 'preferred');
SELECT crm.report_contact(99, 'email', 'luis@hotel-sol.es', 'bounced');
SELECT crm.report_contact(2, 'email', 'luis@hotel-sol.es', 'bounced', 'infinity');
SELECT crm.report_contact(2, 'email', 'luis@hotel-sol.es', 'bounced', NULL);
SELECT crm.report_contact(2, 'email', 'luis@hotel-sol.es', 'bounced', now(), NULL, ' ');
SELECT crm.contact_address(1, 'fax');
SELECT crm.contact_address(1, NULL);
SELECT crm.contact_address(99, 'email');
SELECT crm.contact_address(NULL, 'email');

-- Erased: nothing is left of hers; the phone that two share stays dead for the other.
SELECT kind AS merged FROM crm.merge(2, 3, 'test', 'test');
SELECT crm.report_contact(1, 'phone', '600555666', 'verified', '2024-09-04');
SELECT table_name, what, rows FROM crm.subject_erase(1, 'request 1') WHERE table_name LIKE 'contact%';
SELECT kind, value, state FROM crm.contact_event ORDER BY contact_event_id;
SELECT count(*) AS left_of_her FROM point WHERE customer_id = 1;
SELECT * FROM crm.check();
DROP SCHEMA crm, crm_bi CASCADE;
DROP TABLE web, shop, app, said, before, before_merge CASCADE;
DROP FUNCTION load_all(), scans(text);
