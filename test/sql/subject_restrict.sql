-- The right to restriction: no marketing contact, no profiling; consent as stated
-- stays, and the restriction follows merges and splits.
\getenv tree PG_ABS_SRCDIR
\set file :tree /lib/subject_hub.sql
\i :file
CREATE VIEW answer AS
SELECT c.customer_id, (crm.may_contact(c.customer_id, 'email')).reason AS marketing, (crm.may_contact(c.customer_id, 'email', 'service')).reason AS service,
       (crm.may_contact(c.customer_id, 'email', 'survey')).reason AS survey,
       (SELECT x.reason FROM crm.contactable AS x WHERE x.customer_id = c.customer_id AND x.channel_kind = 'email') AS contactable,
       (SELECT count(*) FROM crm.next_best_offer(c.customer_id)) AS offers,
       crm.customer_card(c.customer_id) -> 'segment' ->> 'segment' AS segment, crm.customer_card(c.customer_id) -> 'who' ->> 'restricted' AS restricted,
       (SELECT d.segment FROM crm_bi.dim_customer AS d WHERE d.customer_id = c.customer_id) AS bi_segment
FROM crm.customer AS c
WHERE c.state = 'active';
TABLE answer ORDER BY 1;
SELECT channel_kind, reason, customers FROM crm_bi.contactable_base WHERE channel_kind = 'email' ORDER BY 2;
CREATE TABLE consent_before AS TABLE crm.consent_event;

SELECT * FROM crm.subject_restrict(1, 'request 4');
TABLE answer ORDER BY 1;
SELECT channel_kind, reason, customers FROM crm_bi.contactable_base WHERE channel_kind = 'email' ORDER BY 2;
SELECT gate, passed, detail FROM crm.why_not_offer(1, 'LAMP') WHERE gate IN ('profiling', 'rank');
SELECT crm.print_card(1) OFFSET 1 LIMIT 2;
SELECT crm.subject_restrict(4, 'request 4');
SELECT count(*) AS offers FROM crm.next_best_offer(4);
SELECT crm.subject_unrestrict(4, 'request 4');
SELECT count(*) AS offers FROM crm.next_best_offer(4);
SELECT customer_id, records, since IS NOT NULL AS dated FROM crm.restricted_customer;
SELECT count(*) AS consent_changed FROM (TABLE crm.consent_event EXCEPT TABLE consent_before) AS d;
-- One answer for one and for all, whatever the channel.
SELECT count(*) AS differences FROM crm.contactable AS c CROSS JOIN LATERAL crm.may_contact(c.customer_id, c.channel_kind) AS m
WHERE (c.may_contact, c.reason) IS DISTINCT FROM (m.may_contact, m.reason);
-- Later segmentations leave her out and say so; earlier ones stay as they are.
SELECT counts -> 'customers' AS customers, counts -> 'customers_not_profiled' AS not_profiled, counts -> 'revenue_not_profiled' AS revenue FROM crm.segment_customers('2024-06-02');
SELECT as_of, count(*) AS scored, count(*) FILTER (WHERE customer_id = 1) AS she FROM crm.customer_score GROUP BY 1 ORDER BY 1;
-- Again: nothing more to do, and a second reason is kept.
SELECT * FROM crm.subject_restrict(1, 'request 5');

-- A record that joins her is hers; one that leaves her without a restricted
-- record of its own is free.
INSERT INTO staging.device VALUES ('A-7', 'device-zz-7', 'maria.zubi@hotel-sol.es', '2024-02-02');
SELECT relation, loaded FROM load_all() WHERE loaded > 0;
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT customer_id, records FROM crm.restricted_customer;
-- Merged into another: the other is restricted too; split again: each has his own.
SELECT (crm.decide_match(1, 5, true, 'test')).kind AS decided;
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT customer_id, records FROM crm.restricted_customer;
SELECT crm.current_id(4) AS lives_on_as, crm.may_contact(4, 'email') AS may_contact;
SELECT (crm.decide_match(1, 5, false, 'test')).kind AS decided;
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT customer_id, records FROM crm.restricted_customer;
SELECT crm.may_contact(4, 'email') AS may_contact;

-- Lifted; and what is refused.
SELECT * FROM crm.subject_unrestrict(1, 'request 6');
TABLE answer ORDER BY 1;
SELECT crm.subject_unrestrict(1, 'request 6');
SELECT crm.subject_restrict(99, 'x');
SELECT crm.subject_restrict(NULL, 'x');
SELECT crm.subject_restrict(1, NULL);
SELECT crm.subject_restrict(1, 'Zubiaurre');
SELECT crm.subject_unrestrict(1, '');
SELECT action, customer_id, why, touched FROM crm.subject_log ORDER BY 1, 3;
SELECT * FROM crm.check();
DROP VIEW answer;
DROP TABLE consent_before;
DROP SCHEMA staging CASCADE;
DROP SCHEMA crm, crm_bi CASCADE;
DROP FUNCTION load_all();
