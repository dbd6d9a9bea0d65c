-- Access levels, tried as roles that have nothing else.
\set SHOW_CONTEXT never
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;
CREATE ROLE regress_omnicrm_bi;
CREATE ROLE regress_omnicrm_reader;
CREATE ROLE regress_omnicrm_steward;
CREATE ROLE regress_omnicrm_admin;
CREATE ROLE regress_omnicrm_stranger;
GRANT regress_omnicrm_bi, regress_omnicrm_reader, regress_omnicrm_steward, regress_omnicrm_admin,
      regress_omnicrm_stranger TO CURRENT_USER;

SELECT crm.grant_access('regress_omnicrm_bi', 'bi');
SELECT crm.grant_access('regress_omnicrm_reader', 'reader');
SELECT crm.grant_access('regress_omnicrm_steward', 'steward');
SELECT crm.grant_access('regress_omnicrm_admin', 'administrator');
SELECT role_name, level FROM crm.access_grant ORDER BY role_name;

-- What is refused.
SELECT crm.grant_access('regress_omnicrm_bi', 'king');
SELECT crm.grant_access('regress_omnicrm_bi', NULL);
SELECT crm.grant_access('regress_omnicrm_nobody', 'bi');
SELECT crm.grant_access(NULL, 'bi');
SELECT crm.grant_access('public', 'bi');
DO $$
BEGIN
  PERFORM crm.grant_access(current_user, 'bi');
EXCEPTION WHEN invalid_parameter_value THEN
  RAISE WARNING 'the owner of the hub is refused: he may do everything already';
END
$$;
SELECT crm.revoke_access('regress_omnicrm_nobody');

-- A stranger sees nothing.
SET ROLE regress_omnicrm_stranger;
SELECT count(*) FROM crm.customer;
SELECT count(*) FROM crm_bi.dim_customer;
SELECT crm.require_current();
RESET ROLE;

-- bi: every view of the reports and nothing of the hub.
CREATE FUNCTION pg_temp.read_reports()
RETURNS text
LANGUAGE plpgsql
AS $$
DECLARE
  report record;
BEGIN
  FOR report IN
    SELECT format('%I.%I', n.nspname, c.relname) AS name
    FROM pg_catalog.pg_class AS c
      JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
    WHERE n.nspname = 'crm_bi' AND c.relkind = 'v'
    ORDER BY c.relname
  LOOP
    EXECUTE format('SELECT count(v) FROM %s AS v', report.name);
  END LOOP;
  RETURN 'every view read';
END
$$;
SET ROLE regress_omnicrm_bi;
SELECT pg_temp.read_reports();
SELECT count(*) FROM crm.customer;
SELECT crm.require_current();
RESET ROLE;

-- reader: reads the hub, calls what reads, writes nothing.
SET ROLE regress_omnicrm_reader;
SELECT pg_temp.read_reports();
SELECT count(*) FROM crm.customer;
SELECT crm.require_current();
INSERT INTO crm.channel (name) VALUES ('shop');
DELETE FROM crm.customer;
SELECT crm.start_run('test');
SELECT crm.grant_access('regress_omnicrm_reader', 'administrator');
RESET ROLE;

-- steward: works with the rows, changes no rule.
SET ROLE regress_omnicrm_steward;
SELECT pg_temp.read_reports();
INSERT INTO crm.channel (name) VALUES ('shop');
SELECT crm.start_run('test') IS NOT NULL AS run_started;
UPDATE crm.match_rule SET max_records = 5;
DELETE FROM crm.source;
UPDATE crm.hub_version SET version = '0.0.1';
UPDATE crm.access_grant SET level = 'administrator';
SELECT crm.grant_access('regress_omnicrm_steward', 'administrator');
RESET ROLE;

-- administrator: rules too, but no access to hand out.
SET ROLE regress_omnicrm_admin;
UPDATE crm.match_rule SET max_records = max_records;
UPDATE crm.hub_version SET version = '0.0.1';
SELECT crm.grant_access('regress_omnicrm_admin', 'administrator');
RESET ROLE;

-- The secret of the hub, and what is hashed by it, are for administrators; a
-- steward recognises the erased by the view.
SET ROLE regress_omnicrm_reader;
SELECT secret FROM crm.erasure_secret;
SELECT count(*) FROM crm.erased_key;
SELECT count(*) FROM crm.erased_match;
SET ROLE regress_omnicrm_steward;
SELECT secret FROM crm.erasure_secret;
SELECT count(*) FROM crm.erased_key;
DELETE FROM crm.erased_key;
SELECT count(*) FROM crm.erased_match;
SELECT crm.subject_erase(1, 'x');
SET ROLE regress_omnicrm_admin;
SELECT octet_length(secret) FROM crm.erasure_secret;
UPDATE crm.erasure_secret SET secret = secret;
RESET ROLE;

-- The steward's day: load, resolve, segment, mend; the reader's: find and look.
CREATE TABLE public.regress_delivery (id text, name text, mail text, at timestamptz);
INSERT INTO public.regress_delivery VALUES ('1', 'Marta Nueva', 'marta@hotel-sol.es', '2025-01-01 00:00+00'),
                                           ('2', 'Marta Nueva', 'marta@hotel-sol.es', '2025-01-02 00:00+00'),
                                           (NULL, 'Sin Clave', NULL, NULL);
CREATE TABLE public.regress_order (no text, who text, at timestamptz, total text);
INSERT INTO public.regress_order VALUES ('o1', '1', '2025-02-01 00:00+00', '10.00'), ('o2', '2', '2025-02-02 00:00+00', '20.00');
GRANT SELECT ON public.regress_delivery, public.regress_order TO regress_omnicrm_steward;
SET ROLE regress_omnicrm_steward;
SELECT crm.add_source('web', 'web', trust => 60);
SET ROLE regress_omnicrm_admin;
SELECT crm.add_source('web', 'web', trust => 60);
SELECT crm.add_commission_plan('all', 'revenue', 0.05, '{"seller": 1}', interval '90 days', date '2025-01-01') IS NOT NULL AS plan_added;
SET ROLE regress_omnicrm_steward;
SELECT rows_in, rows_loaded, rows_unchanged, rows_quarantined
FROM crm.load('web', 'public.regress_delivery', '{"key": "id", "full_name": "name", "email": "mail", "business_at": "at"}');
SELECT rows_in, rows_loaded, rows_unchanged, rows_quarantined
FROM crm.load('web', 'public.regress_order', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total"}');
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT crm.segment_customers('2025-03-01') IS NOT NULL AS segmented;
SELECT crm.refresh_offers() IS NOT NULL AS refreshed;
SELECT count(*) AS attributed FROM crm.attribute('2025-01-01', '2025-03-01', interval '90 days');
SELECT count(*) AS commissions_run FROM crm.run_commission('2025-01-01', '2025-03-01');
SELECT count(*) AS rebuilt FROM crm.rebuild_customers();
UPDATE crm.quarantine SET raw = raw || '{"id": "3"}' WHERE state = 'open';
SELECT rows_in, rows_loaded FROM crm.replay_quarantine();
SELECT crm.resolve() IS NOT NULL AS resolved;
SELECT count(*) FROM crm.check();
SELECT count(*) > 0 AS previewed FROM crm.preview_merge(1, 2);
SELECT kind, who, by_role FROM crm.merge(1, 2, 'ana', 'same voice');
SELECT kind, undone_by FROM crm.unmerge(1);
SELECT customers_after FROM crm.split(1, '{1}', 'ana', 'two people');
SELECT kind FROM crm.undo(2);
SELECT kind FROM crm.decide_match(1, 3, false);
SELECT kind FROM crm.decide_match(1, 3, NULL);
SELECT count(*) FROM crm.check();
SET ROLE regress_omnicrm_reader;
SELECT count(*) > 0 AS compared FROM crm.compare_customers(1, 2);
SELECT count(*) FROM crm.why_not_merge(1, 2);
SELECT kind FROM crm.steward_history(1);
SELECT count(*) FROM crm.review_case;
SELECT crm.merge(1, 2, 'ana', 'same voice');
SELECT crm.undo(1);
SELECT count(*) FROM crm.preview_merge(1, 2);
SELECT customer_id, full_name FROM crm.find_customer('marta@hotel-sol.es');
SELECT crm.customer_card(1) IS NOT NULL AS card;
SELECT count(*) > 0 AS printed FROM crm.print_card(1);
SELECT count(*) > 0 AS lineage FROM crm.lineage(1);
SELECT count(*) FROM crm.check();
SELECT rows_in FROM crm.load('web', 'public.regress_delivery', '{"key": "id"}');
SELECT crm.resolve();
SET ROLE regress_omnicrm_bi;
SELECT customer_id, sources, records FROM crm_bi.dim_customer ORDER BY customer_id;
SELECT order_id, customer_id, revenue FROM crm_bi.fact_order ORDER BY order_id;
RESET ROLE;
-- The rights of a person: the reader gives out, the steward restricts, the
-- administrator erases, and a load of the steward knows who was erased.
SET ROLE regress_omnicrm_reader;
SELECT crm.subject_export(1) IS NOT NULL AS exported;
SET ROLE regress_omnicrm_steward;
SELECT * FROM crm.subject_restrict(1, 'request 1');
SELECT * FROM crm.subject_unrestrict(1, 'request 2');
SET ROLE regress_omnicrm_admin;
SELECT count(*) > 0 AS erased FROM crm.subject_erase(1, 'request 3');
SET ROLE regress_omnicrm_steward;
SELECT rows_in, rows_loaded, rows_unchanged, rows_quarantined
FROM crm.load('web', 'public.regress_delivery', '{"key": "id", "full_name": "name", "email": "mail", "business_at": "at"}');
SELECT count(*) FROM crm.check();
RESET ROLE;
DROP TABLE public.regress_delivery, public.regress_order;

-- Every function has a level, and what a level may call the lower ones may not.
SELECT p.oid::regprocedure AS reader_may_write
FROM pg_proc AS p
WHERE p.pronamespace = 'crm'::regnamespace
  AND p.provolatile = 'v'
  AND has_function_privilege('regress_omnicrm_reader', p.oid, 'EXECUTE');
SELECT p.oid::regprocedure AS reader_may_not_read
FROM pg_proc AS p
WHERE p.pronamespace = 'crm'::regnamespace
  AND p.provolatile <> 'v'
  AND NOT has_function_privilege('regress_omnicrm_reader', p.oid, 'EXECUTE');
SELECT p.oid::regprocedure AS only_for_administrators
FROM pg_proc AS p
WHERE p.pronamespace = 'crm'::regnamespace
  AND has_function_privilege('regress_omnicrm_admin', p.oid, 'EXECUTE')
  AND NOT has_function_privilege('regress_omnicrm_steward', p.oid, 'EXECUTE')
ORDER BY p.oid::regprocedure::text COLLATE "C";
SELECT p.oid::regprocedure AS only_for_the_owner
FROM pg_proc AS p
WHERE p.pronamespace = 'crm'::regnamespace
  AND NOT has_function_privilege('regress_omnicrm_admin', p.oid, 'EXECUTE')
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- An upgrade keeps access, to functions and views made anew as well.
DROP FUNCTION crm.finish_run(bigint, jsonb);
DROP VIEW crm_bi.dim_channel;
SELECT omnicrm.upgrade('crm');
SELECT has_function_privilege('regress_omnicrm_steward', 'crm.finish_run(bigint, jsonb)', 'EXECUTE') AS steward_may,
       has_function_privilege('regress_omnicrm_reader', 'crm.finish_run(bigint, jsonb)', 'EXECUTE') AS reader_may,
       has_table_privilege('regress_omnicrm_bi', 'crm_bi.dim_channel', 'SELECT') AS bi_may;

-- A lower level takes the higher one away; a revoked role has nothing left and
-- can be dropped.
SELECT crm.grant_access('regress_omnicrm_admin', 'bi');
SELECT has_table_privilege('regress_omnicrm_admin', 'crm.customer', 'SELECT') AS hub,
       has_table_privilege('regress_omnicrm_admin', 'crm_bi.dim_channel', 'SELECT') AS reports;
SELECT crm.revoke_access('regress_omnicrm_' || r) FROM unnest(ARRAY['bi', 'reader', 'steward', 'admin']) AS r;
SELECT count(*) FROM crm.access_grant;
DROP ROLE regress_omnicrm_bi, regress_omnicrm_reader, regress_omnicrm_steward, regress_omnicrm_admin,
          regress_omnicrm_stranger;
DROP SCHEMA crm, crm_bi CASCADE;
