-- The house rules, checked in the catalog. Each query lists what breaks a rule
-- and must return no row.
SET client_min_messages = warning;
SELECT omnicrm.deploy('crm') IS NOT NULL AS deployed;

-- Every object of the toolbox, a hub and its reports has a comment.
CREATE TEMP VIEW house_namespace AS
SELECT n.oid, n.nspname
FROM pg_namespace AS n
WHERE n.nspname IN ('omnicrm', 'crm', 'crm_bi');

SELECT n.nspname AS schema_without_comment
FROM house_namespace AS n
WHERE obj_description(n.oid, 'pg_namespace') IS NULL
ORDER BY 1;

SELECT p.oid::regprocedure AS function_without_comment
FROM pg_proc AS p
  JOIN house_namespace AS n ON n.oid = p.pronamespace
WHERE coalesce(obj_description(p.oid, 'pg_proc'), '') = ''
ORDER BY p.oid::regprocedure::text COLLATE "C";

SELECT t.oid::regtype AS type_without_comment
FROM pg_type AS t
  JOIN house_namespace AS n ON n.oid = t.typnamespace
  LEFT JOIN pg_class AS c ON c.oid = t.typrelid
WHERE coalesce(obj_description(t.oid, 'pg_type'), '') = ''
  AND (c.oid IS NULL OR c.relkind = 'c')
  AND NOT EXISTS (SELECT 1 FROM pg_type AS element WHERE element.typarray = t.oid)
ORDER BY t.oid::regtype::text COLLATE "C";

SELECT c.oid::regclass AS relation_without_comment
FROM pg_class AS c
  JOIN house_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
  AND coalesce(obj_description(c.oid, 'pg_class'), '') = ''
ORDER BY c.oid::regclass::text COLLATE "C";

SELECT c.oid::regclass AS relation, a.attname AS column_without_comment
FROM pg_class AS c
  JOIN house_namespace AS n ON n.oid = c.relnamespace
  JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'c')
  AND a.attnum > 0
  AND NOT a.attisdropped
  AND coalesce(col_description(c.oid, a.attnum), '') = ''
ORDER BY c.oid::regclass::text COLLATE "C", a.attnum;

-- A comment names no hub that may be called otherwise by its user: none leaves
-- a marker of the packed files.
SELECT d.objoid, d.description AS comment_with_marker
FROM pg_description AS d
WHERE (d.description LIKE '%@hub@%' OR d.description LIKE '%@bi@%')
  AND d.objoid <> 'omnicrm.hub_source'::regclass
ORDER BY 2;

-- Nothing runs with the rights of its owner.
SELECT p.oid::regprocedure AS security_definer
FROM pg_proc AS p
  JOIN house_namespace AS n ON n.oid = p.pronamespace
WHERE p.prosecdef
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Every SQL and PL/pgSQL function has a fixed search path, except those whose
-- body was parsed when it was made (RETURN ..., BEGIN ATOMIC): their names are
-- bound already, and a setting would forbid the planner to inline them.
SELECT p.oid::regprocedure AS no_fixed_search_path, p.proconfig
FROM pg_proc AS p
  JOIN house_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname IN ('sql', 'plpgsql')
  AND NOT coalesce('search_path=pg_catalog, pg_temp' = ANY (p.proconfig), false)
  AND p.prosqlbody IS NULL
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Functions in C say what they are: nothing is left at the default (volatile,
-- parallel unsafe) by oversight, and what is immutable or stable is safe to run
-- in a parallel worker, or restricted to the leader when it runs SQL.
SELECT p.oid::regprocedure AS c_function, p.provolatile AS volatility, p.proparallel AS parallel
FROM pg_proc AS p
  JOIN house_namespace AS n ON n.oid = p.pronamespace
  JOIN pg_language AS l ON l.oid = p.prolang
WHERE l.lanname IN ('c', 'internal')
  AND p.prokind <> 'a'
  AND p.proparallel = 'u'
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Aggregates run in parallel and combine.
SELECT p.oid::regprocedure AS aggregate, p.proparallel AS parallel, a.aggcombinefn AS combine, a.aggtranstype::regtype AS state
FROM pg_aggregate AS a
  JOIN pg_proc AS p ON p.oid = a.aggfnoid
  JOIN house_namespace AS n ON n.oid = p.pronamespace
WHERE p.proparallel <> 's'
   OR a.aggkind = 'n' AND a.aggcombinefn = 0
   OR a.aggtranstype = 'internal'::regtype AND a.aggkind = 'n' AND (a.aggserialfn = 0 OR a.aggdeserialfn = 0)
ORDER BY p.oid::regprocedure::text COLLATE "C";

-- Tables of a hub hold core types only; no default, check, index or generated
-- column needs the extension; no trigger of ours.
SELECT c.oid::regclass AS relation, a.attname AS column_of_foreign_type, format_type(a.atttypid, a.atttypmod)
FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid
  JOIN pg_type AS t ON t.oid = a.atttypid
WHERE c.relnamespace = 'crm'::regnamespace
  AND c.relkind IN ('r', 'p')
  AND a.attnum > 0
  AND NOT a.attisdropped
  AND t.typnamespace <> 'pg_catalog'::regnamespace
ORDER BY c.oid::regclass::text COLLATE "C", a.attnum;

SELECT pg_describe_object(d.classid, d.objid, d.objsubid) AS needs_the_extension
FROM pg_depend AS d
  JOIN pg_proc AS p ON d.refclassid = 'pg_proc'::regclass AND p.oid = d.refobjid
WHERE p.pronamespace = 'omnicrm'::regnamespace
  AND (d.classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass)
       OR d.classid = 'pg_class'::regclass
          AND EXISTS (SELECT 1 FROM pg_class AS c
                      WHERE c.oid = d.objid
                        AND c.relkind IN ('i', 'r', 'p')
                        AND c.relnamespace = 'crm'::regnamespace))
ORDER BY 1;

SELECT g.tgrelid::regclass AS relation, g.tgname AS trigger
FROM pg_trigger AS g
  JOIN pg_class AS c ON c.oid = g.tgrelid
WHERE c.relnamespace IN ('crm'::regnamespace, 'omnicrm'::regnamespace)
  AND NOT g.tgisinternal
ORDER BY 1, 2;

-- Views of the hub obey the row-level policies of who asks; those of the
-- reports run with their owner's rights, and so do the two by which a load
-- recognises the erased without reading the secret.
SELECT c.oid::regclass AS view, n.nspname AS schema, c.reloptions AS wrong_security
FROM pg_class AS c
  JOIN house_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'v'
  AND (n.nspname = 'crm' AND c.relname NOT IN ('erased_match', 'erased_tag')) <> coalesce('security_invoker=true' = ANY (c.reloptions), false)
ORDER BY c.oid::regclass::text COLLATE "C";

-- A view that asks for the rights of the caller would ask a BI role for rights
-- on the hub: reports build on tables and on each other.
SELECT DISTINCT r.ev_class::regclass AS report, d.refobjid::regclass AS builds_on_view_of_the_hub
FROM pg_depend AS d
  JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
  JOIN pg_class AS report ON report.oid = r.ev_class
  JOIN pg_class AS c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
WHERE report.relnamespace = 'crm_bi'::regnamespace
  AND c.relnamespace = 'crm'::regnamespace
  AND c.relkind = 'v'
ORDER BY 1, 2;

SELECT c.oid::regclass AS materialized_view
FROM pg_class AS c
  JOIN house_namespace AS n ON n.oid = c.relnamespace
WHERE c.relkind = 'm'
ORDER BY 1;

-- Reports use types that BI tools read well, and no column that names a
-- customer. dim_employee shows staff by name on purpose.
SELECT c.oid::regclass AS view, a.attname AS column_of_wrong_type, format_type(a.atttypid, a.atttypmod)
FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'crm_bi'::regnamespace
  AND c.relkind = 'v'
  AND a.attnum > 0
  AND format_type(a.atttypid, a.atttypmod) !~
      '^(text|character varying(\(\d+\))?|bigint|integer|smallint|numeric\(\d+,\d+\)|double precision|real|boolean|date|timestamp with time zone|uuid)$'
ORDER BY c.oid::regclass::text COLLATE "C", a.attnum;

SELECT c.oid::regclass AS view, a.attname AS column_naming_a_person
FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace = 'crm_bi'::regnamespace
  AND a.attnum > 0
  AND a.attname ~ '(^|_)(full_name|given_name|surname|name_key|email|e_mail|phone|telephone|mobile|tax_id|nif|street|postcode|birth_date|username|loyalty_card|device|payload|raw|subject)$'
ORDER BY c.oid::regclass::text COLLATE "C", a.attnum;

-- Names that BI tools show whole.
SELECT c.oid::regclass AS relation, a.attname AS name_too_long_or_quoted
FROM pg_class AS c
  JOIN pg_attribute AS a ON a.attrelid = c.oid
WHERE c.relnamespace IN ('crm'::regnamespace, 'crm_bi'::regnamespace)
  AND c.relkind IN ('r', 'p', 'v')
  AND a.attnum > 0
  AND (a.attname !~ '^[a-z][a-z0-9_]*$' OR length(a.attname) > 40 OR c.relname !~ '^[a-z][a-z0-9_]*$')
ORDER BY c.oid::regclass::text COLLATE "C", a.attnum;

-- Every foreign key has an index that begins with its columns. References to
-- small lists whose rows are never deleted need none; they are named here.
SELECT k.conrelid::regclass AS relation, pg_get_constraintdef(k.oid) AS foreign_key_without_index
FROM pg_constraint AS k
  JOIN pg_class AS c ON c.oid = k.conrelid
WHERE k.contype = 'f'
  AND c.relnamespace = 'crm'::regnamespace
  AND k.confrelid::regclass::text NOT IN
      ('crm.source', 'crm.load_batch', 'crm.contract_rule', 'crm.channel', 'crm.employee', 'crm.campaign', 'crm.commission_plan')
  AND NOT EXISTS (
        SELECT 1
        FROM pg_index AS i
        WHERE i.indrelid = k.conrelid
          AND i.indisvalid
          AND (string_to_array(i.indkey::text, ' ')::smallint[])[1:cardinality(k.conkey)] @> k.conkey)
ORDER BY k.conrelid::regclass::text COLLATE "C", 2;

-- Nobody but those who were granted access may call a function of a hub.
SELECT p.oid::regprocedure AS open_to_the_public
FROM pg_proc AS p
WHERE p.pronamespace IN ('crm'::regnamespace, 'crm_bi'::regnamespace)
  AND EXISTS (SELECT 1 FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a WHERE a.grantee = 0)
ORDER BY p.oid::regprocedure::text COLLATE "C";

DROP SCHEMA crm, crm_bi CASCADE;
