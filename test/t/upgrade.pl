# Installing, upgrading a hub that its owner has made his own, dropping the
# extension and coming back.
use strict;
use warnings;
use Test::More;
use Omnicrm;

my $node = Omnicrm->new->start;

# --- Installation
$node->database('planted', empty => 1);
$node->sql('planted', 'CREATE SCHEMA omnicrm');
my ($status, $text) = $node->try_sql('planted', 'CREATE EXTENSION omnicrm', 'omnicrm_admin');
isnt($status, 0, 'a schema planted by another role stops the installation');
like($text, qr/schema "omnicrm" already exists/, 'and the message says so');

$node->database('plain', empty => 1);
($status, $text) = $node->try_sql('plain', 'CREATE EXTENSION omnicrm');
like($text, qr/permission denied to create extension/, 'who is no superuser cannot install a C library');

$node->database('shop');
is($node->sql('shop', "SELECT extversion = omnicrm.version() FROM pg_extension WHERE extname = 'omnicrm'"),
	't', 'library and extension have one version');

# --- Upgrade of a hub that has grown its own columns, views and rights
$node->sql('shop', <<'END');
SELECT omnicrm.deploy('crm');
INSERT INTO crm.channel (name, kind) VALUES ('shop', 'shop'), ('web', 'web');
ALTER TABLE crm.channel ADD COLUMN floor_space integer;
UPDATE crm.channel SET floor_space = 120 WHERE name = 'shop';
CREATE INDEX own_index ON crm.channel (floor_space);
CREATE VIEW public.own_report AS SELECT channel, kind FROM crm_bi.dim_channel;
CREATE ROLE analyst;
SELECT crm.grant_access('analyst', 'bi');
UPDATE crm.match_rule SET max_records = 7 WHERE kind = 'email';
-- As the tables were before.
DROP INDEX crm.identifier_value_idx;
ALTER TABLE crm.identifier ADD PRIMARY KEY (kind, value, record_id), REPLICA IDENTITY DEFAULT;
ALTER TABLE crm.resolve_queue ADD PRIMARY KEY (queue_id), REPLICA IDENTITY DEFAULT;
ALTER INDEX crm.source_record_pkey RESET (fillfactor);
ALTER TABLE crm.source_record ADD CONSTRAINT source_record_kind_check CHECK (kind IN ('person', 'organisation')),
  ADD CONSTRAINT source_record_gender_check CHECK (gender IN ('female', 'male', 'other'));
ALTER TABLE crm.source_record_history ADD CONSTRAINT source_record_history_load_id_fkey FOREIGN KEY (load_id) REFERENCES crm.load_batch;
ALTER TABLE crm.contact_seen ADD CONSTRAINT contact_seen_kind_check CHECK (kind IN ('email', 'phone', 'address', 'device')),
  ADD CONSTRAINT contact_seen_check CHECK (first_seen <= last_seen);
DROP FUNCTION crm.ingest_records;
CREATE FUNCTION crm.ingest_records(source text, records jsonb) RETURNS TABLE (place bigint) LANGUAGE sql AS 'SELECT 1::bigint';
CREATE FUNCTION crm.lock_source(source_name text, shared boolean DEFAULT false) RETURNS text LANGUAGE sql AS 'SELECT $1';
UPDATE crm.hub_version SET version = '0.9.0';
END
($status, $text) = $node->try_sql('shop', 'SELECT crm.require_current()');
like($text, qr/hub has version 0\.9\.0, the loaded omnicrm library is/, 'an older hub is refused');
like($text, qr/HINT:.*omnicrm\.upgrade\('crm'\)/, 'and the hint says how to mend it');
like($node->sql('shop', "SELECT omnicrm.upgrade('crm')"), qr/upgraded from 0\.9\.0 to/, 'upgrade');
is($node->sql('shop', 'SELECT crm.require_current()'), '', 'the hub is current');
is($node->sql('shop', 'SELECT name, floor_space FROM crm.channel ORDER BY name'), "shop|120\nweb|", 'own column and rows stay');
is($node->sql('shop', 'SELECT * FROM public.own_report ORDER BY 1'), "shop|shop\nweb|web", 'own view on a report stays');
is($node->sql('shop', "SELECT max_records FROM crm.match_rule WHERE kind = 'email'"), '7', 'changed rule stays');
is($node->sql('shop', "SELECT has_table_privilege('analyst', 'crm_bi.dim_channel', 'SELECT')"), 't', 'access stays');
is($node->sql('shop', "SELECT count(*) FROM pg_constraint WHERE conrelid IN ('crm.source_record'::regclass, 'crm.contact_seen'::regclass) AND contype = 'c'"), '0', 'checks that say nothing new are gone');

# --- A hub of earlier tables: what came later is added, own columns and rules stay
$node->sql('shop', <<'END');
INSERT INTO crm.customer_score (as_of, customer_id, recency_days, frequency, monetary, gross_margin, r, f, m, segment, revenue_class, margin_class, revenue_share)
VALUES ('2024-06-30', 1, 3, 2, 10, 3, 5, 2, 1, 'new', 'A', 'A', 1);
ALTER TABLE crm.customer_score DROP COLUMN tenure_days CASCADE, DROP COLUMN usual_days, DROP COLUMN p_alive CASCADE, DROP COLUMN p_no_order_90 CASCADE,
  DROP COLUMN expected_orders CASCADE, DROP COLUMN next_order_on CASCADE, DROP COLUMN clv CASCADE, DROP COLUMN clv_class, DROP COLUMN value_class CASCADE,
  DROP COLUMN stage CASCADE, DROP COLUMN strategy CASCADE, DROP COLUMN payment_behaviour CASCADE, DROP COLUMN days_beyond_terms,
  DROP COLUMN weighted_days_beyond_terms, DROP COLUMN overdue_amount CASCADE,
  DROP COLUMN linkage_score, DROP COLUMN linkage_class;
ALTER TABLE crm.customer_score ADD COLUMN own_note text DEFAULT 'mine';
DROP TABLE crm.segment_model, crm.segment_member, crm.strategy_rule, crm.stage_requirement CASCADE;
DROP FUNCTION crm.customer_purchases, crm.customer_payments, crm.refresh_segments;
CREATE FUNCTION crm.customer_totals(as_of date) RETURNS TABLE (customer_id bigint, last_sale date) LANGUAGE sql AS 'SELECT 1::bigint, $1';
UPDATE crm.hub_version SET version = '0.9.0';
SELECT omnicrm.upgrade('crm');
END
is($node->sql('shop', 'SELECT customer_id, segment, own_note, stage, clv FROM crm.customer_score'), '1|new|mine||', 'earlier scores stay, with empty new columns');
is($node->sql('shop', 'SELECT (SELECT count(*) FROM crm.strategy_rule), (SELECT count(*) FROM crm.stage_requirement)'), '29|9', 'new rules have their defaults');
$node->sql('shop', <<'END');
UPDATE crm.strategy_rule SET strategy = 'court' WHERE stage = 'lost';
DELETE FROM crm.stage_requirement;
SELECT omnicrm.upgrade('crm');
SELECT crm.refresh_segments('2024-07-31');
END
is($node->sql('shop', "SELECT count(*) FILTER (WHERE strategy = 'court'), (SELECT count(*) FROM crm.stage_requirement) FROM crm.strategy_rule"), '4|0',
	'changed rules stay at the next upgrade');
is($node->sql('shop', 'SELECT as_of, reason FROM crm.segment_model'), '2024-07-31|no customers', 'and the new functions work');
$node->sql('shop', 'ALTER TABLE crm.customer_score DROP COLUMN own_note');

# --- An upgraded hub is the same as a new one
$node->sql('shop', "SELECT omnicrm.deploy('crm_new')");
my $columns = <<'END';
SELECT c.relname, string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, col_description(c.oid, a.attnum)), E'\n' ORDER BY a.attname)
FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind = 'r' AND c.relnamespace = 'NAME'::regnamespace AND c.relname <> 'channel'
GROUP BY c.oid, c.relname ORDER BY c.relname COLLATE "C"
END
my ($old_columns, $new_columns) = map { my $query = $columns; $query =~ s/NAME/$_/g; $node->sql('shop', $query) } ('crm', 'crm_new');
is($old_columns, $new_columns, 'tables of the upgraded hub have the columns of a new one');
my $definitions = <<'END';
SELECT md5(string_agg(replace(replace(d.definition, 'crm_new', 'HUB'), 'crm', 'HUB'), E'\n' ORDER BY d.name, d.definition)), count(*)
FROM (
    SELECT p.proname || pg_get_function_identity_arguments(p.oid) AS name,
           CASE WHEN p.prokind = 'a' THEN p.proname::text ELSE pg_get_functiondef(p.oid) END
             || coalesce(obj_description(p.oid, 'pg_proc'), '') || coalesce(p.proacl::text, '') AS definition
    FROM pg_proc AS p
    WHERE p.pronamespace IN ('NAME'::regnamespace, 'NAME_bi'::regnamespace)
    UNION ALL
    SELECT c.relname, pg_get_viewdef(c.oid) || coalesce(obj_description(c.oid, 'pg_class'), '')
    FROM pg_class AS c
    WHERE c.relkind = 'v' AND c.relnamespace IN ('NAME'::regnamespace, 'NAME_bi'::regnamespace)
    UNION ALL
    SELECT c.relname, c.relreplident::text || coalesce(pg_get_indexdef(i.indexrelid), '') || coalesce(x.reloptions::text, '')
    FROM pg_class AS c
    LEFT JOIN pg_index AS i ON i.indrelid = c.oid
    LEFT JOIN pg_class AS x ON x.oid = i.indexrelid
    WHERE c.relkind = 'r' AND c.relnamespace = 'NAME'::regnamespace AND c.relname <> 'channel'
  ) AS d (name, definition)
END
my ($old, $new) = map { my $query = $definitions; $query =~ s/NAME/$_/g; $node->sql('shop', $query) } ('crm', 'crm_new');
is($old, $new, 'functions, views and indexes of the upgraded hub equal those of a new one');
$node->sql('shop', 'DROP SCHEMA crm_new, crm_new_bi CASCADE');

# --- The data outlives the extension
my $count = "SELECT (SELECT count(*) FROM crm.channel), (SELECT count(*) FROM crm.match_rule)";
my $before = $node->sql('shop', $count);
$node->sql('shop', 'DROP EXTENSION omnicrm CASCADE', 'omnicrm_admin');
is($node->sql('shop', $count), $before, 'the rows survive DROP EXTENSION');
$node->sql('shop', 'CREATE EXTENSION omnicrm', 'omnicrm_admin');
$node->sql('shop', "SELECT omnicrm.upgrade('crm')");
is($node->sql('shop', 'SELECT count(*) FROM crm_bi.dim_channel'), '2', 'and work again after CREATE EXTENSION and upgrade');
is($node->sql('shop', 'SELECT crm.require_current()'), '', 'the hub is current again');

# --- Somebody else's hub
$node->sql('shop', 'CREATE ROLE guest LOGIN', 'omnicrm_admin');
($status, $text) = $node->try_sql('shop', "SELECT omnicrm.upgrade('crm')", 'guest');
like($text, qr/permission denied/, 'who does not own the hub cannot upgrade it');
($status, $text) = $node->try_sql('shop', "SELECT omnicrm.deploy('own')", 'guest');
like($text, qr/permission denied for database/, 'who may not create schemas cannot deploy');

$node->stop;
done_testing;
