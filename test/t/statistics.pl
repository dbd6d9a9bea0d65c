# Statistics taken while a run was writing count pages and no rows. A planner
# that believes them walks all customers once for each new one; crm.resolve()
# must reach customers by their key all the same.
use strict;
use warnings;
use Test::More;
use Omnicrm;

my $rows = 20_000;
my $node = Omnicrm->new('autovacuum = off')->start;
$node->database('shop');
$node->sql('shop', <<"END");
SELECT omnicrm.deploy('crm');
CREATE SCHEMA staging;
CREATE TABLE staging.customer AS
SELECT 'w' || n AS id, 'Ana Ruiz ' || n AS name, 'cliente' || n || '\@hotel-sol.es' AS mail
FROM generate_series(1, $rows) AS n;
SELECT crm.add_source('web shop', 'web', trust => 60);
SELECT crm.load('web shop', 'staging.customer', '{"key": "id", "full_name": "name", "email": "mail"}');
END

# Only a superuser can forge statistics.
sub believe_empty
{
	my ($table) = @_;
	$node->sql('shop', "UPDATE pg_class SET reltuples = 1, relpages = 1000 WHERE oid = '$table'::regclass", 'omnicrm_admin');
}

believe_empty('crm.customer');
believe_empty('crm.source_record');
$node->sql('shop', 'SELECT crm.resolve()');
is($node->sql('shop', 'SELECT count(*) FROM crm.customer'), $rows, 'every record has its customer');
# Once for the count above, a few look-ups for each new customer, and no more than once
# over those that are there for each slice of 5,000: walking would take millions.
cmp_ok($node->sql('shop', "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_user_tables WHERE relid = 'crm.customer'::regclass"),
	'<=', 5 * $rows, 'and no customer was found by walking through all');
cmp_ok($node->sql('shop', "SELECT reltuples FROM pg_class WHERE oid = 'crm.source_record'::regclass"),
	'>', $rows / 2, 'statistics that cannot be true were taken anew');
done_testing();
