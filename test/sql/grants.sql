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
SELECT crm.grant_access('omnicrm_owner', 'bi');
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
