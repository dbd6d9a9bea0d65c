-- Deploying, refusing bad names, upgrading.
SET client_min_messages = warning;
SELECT omnicrm.version();
SELECT omnicrm.deploy('crm');
SELECT omnicrm.deploy('crm');
SELECT omnicrm.deploy('bad"name');
SELECT omnicrm.deploy('x$y');
SELECT omnicrm.deploy(NULL);
SELECT omnicrm.deploy('crm_two', '{"colour": "red"}');
SELECT omnicrm.deploy('Shop 2', '{"region": "DE", "currency": "CHF"}');
SELECT version, region, currency FROM "Shop 2".hub_version;
SELECT "Shop 2".require_current();
-- An older hub says how to mend it, and upgrade() mends it.
UPDATE crm.hub_version SET version = '0.9.0';
SELECT crm.require_current();
SELECT omnicrm.upgrade('crm');
SELECT omnicrm.upgrade('crm');
SELECT crm.require_current();
UPDATE crm.hub_version SET version = '99.0.0';
SELECT omnicrm.upgrade('crm');
SELECT omnicrm.upgrade('public_x');
-- Nothing of the hub is a member of the extension.
SELECT count(*) AS hub_members
FROM pg_depend AS d
JOIN pg_class AS c ON c.oid = d.objid AND d.classid = 'pg_class'::regclass
WHERE d.deptype = 'e' AND c.relnamespace IN ('crm'::regnamespace, 'crm_bi'::regnamespace);
DROP SCHEMA crm, crm_bi, "Shop 2", "Shop 2_bi" CASCADE;
