# The outbox beside other databases, and after a restore into another server,
# whose transactions are counted anew.
use strict;
use warnings;
use File::Temp;
use Test::More;
use Omnicrm;

my $node = Omnicrm->new('autovacuum = off')->start;
$node->database('shop');
$node->database('other');

my $change = <<'END';
UPDATE customer SET mail = md5(mail) || '@hotel-sol.es', at = at + interval '1 day' WHERE id = ID;
SELECT crm.load('web', 'public.customer', '{"key": "id", "full_name": "name", "email": "mail", "business_at": "at"}');
SELECT crm.resolve();
END
my $read = "SELECT string_agg(o.change || ' ' || o.customer_id, ', ') FROM crm.read_outbox(AFTER) AS o";

sub run
{
	my ($on, $statements, %values) = @_;
	$statements =~ s/\b$_\b/$values{$_}/g for keys %values;
	return $on->sql('shop', $statements);
}

run($node, <<'END' . $change, ID => 1);
SELECT omnicrm.deploy('crm');
SELECT crm.add_source('web', 'web', trust => 60);
CREATE TABLE customer AS
SELECT n AS id, 'Ana Ruiz ' || chr(96 + n) AS name, 'cliente' || n || '@hotel-sol.es' AS mail, timestamptz '2024-01-01 00:00+00' AS at
FROM generate_series(1, 3) AS n;
END

# --- Whoever writes elsewhere holds up nobody; who writes here does
my $elsewhere = $node->background('other', 'CREATE TABLE x (); SELECT pg_sleep(600)');
$node->wait_for('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'other' AND backend_xid IS NOT NULL", 'omnicrm_admin');
is(run($node, $read, AFTER => 0), 'created 1, created 2, created 3', 'a transaction of another database is not waited for');
my $here = $node->background('shop', 'CREATE TABLE x (); SELECT pg_sleep(600)');
$node->wait_for('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE datname = 'shop' AND backend_xid IS NOT NULL", 'omnicrm_admin');
run($node, $change, ID => 2);
is(run($node, $read, AFTER => 3), '', 'one of this database is');
$node->sql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_xid IS NOT NULL", 'omnicrm_admin');
waitpid $_, 0 for $elsewhere, $here;
$node->wait_for('postgres', 'SELECT count(*) = 0 FROM pg_stat_activity WHERE backend_xid IS NOT NULL', 'omnicrm_admin');
is(run($node, $read, AFTER => 3), 'changed 2', 'and no longer');

# --- A server that has counted far, dumped into one that has not
$node->stop;
Omnicrm::run('pg_resetwal', '-x', 3_000_000, '-D', $node->{data});
mkdir "$node->{data}/pg_xact" unless -d "$node->{data}/pg_xact";
# The pages of the transactions passed over.
for my $segment (map { sprintf '%04X', $_ } 0 .. 3)
{
	next if -s "$node->{data}/pg_xact/$segment";
	open my $file, '>', "$node->{data}/pg_xact/$segment" or die "pg_xact: $!";
	print $file "\0" x 262_144;
	close $file;
}
$node->start;
run($node, $change, ID => 3);
is(run($node, $read, AFTER => 4), 'changed 3', 'written with a large transaction number');
my $dump = File::Temp->new(TEMPLATE => 'dump.XXXXXX', TMPDIR => 1);
Omnicrm::run('pg_dump', '-h', $node->{folder}, '-U', 'omnicrm_admin', '-Fc', '-f', $dump->filename, 'shop');
my $restored = Omnicrm->new('autovacuum = off')->start;
$restored->database('shop', empty => 1);
Omnicrm::run('pg_restore', '-h', $restored->{folder}, '-U', 'omnicrm_admin', '-d', 'shop', $dump->filename);
is(run($restored, $read, AFTER => 3), 'changed 2, changed 3', 'what the dump brought can be read');
run($restored, $change, ID => 1);
is(run($restored, $read, AFTER => 4), 'changed 3, changed 1', 'what comes after the restore is read after it');
is($restored->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', 'no invariant is broken');
$restored->stop;
$node->stop;
done_testing;
