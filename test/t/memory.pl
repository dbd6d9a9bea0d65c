# Memory of the backend that loads and resolves, or reads a table for attribution,
# under a small work_mem: five times the rows must not take much more of it.
use strict;
use warnings;
use Test::More;
use Omnicrm;

plan skip_all => '/proc tells no memory of processes here' unless -r "/proc/$$/status" && grep { /^VmHWM/ } do { open my $f, '<', "/proc/$$/status"; <$f> };

my $node = Omnicrm->new('shared_buffers = 32MB', 'work_mem = 4MB', 'maintenance_work_mem = 16MB', 'hash_mem_multiplier = 1',
	'max_parallel_workers_per_gather = 0')->start;

# Peak memory in MB, shared memory taken off, of a session that runs a statement.
sub peak
{
	my ($database, $work) = @_;
	my $pid = $node->background($database, $work, "SET application_name = 'finished'", 'SELECT pg_sleep(600)');
	my $end = time + 300;
	my $backend;
	while (time < $end)
	{
		$backend = $node->sql($database, "SELECT pid FROM pg_stat_activity WHERE application_name = 'finished' AND state = 'active'");
		last if $backend || waitpid($pid, 1) > 0;
		select undef, undef, undef, 0.2;
	}
	die "no result for $work" unless $backend;
	open my $file, '<', "/proc/$backend/status" or die "/proc/$backend/status: $!";
	my %size = map { /^(VmHWM|RssShmem):\s+(\d+) kB/ ? ($1 => $2) : () } <$file>;
	$node->sql($database, "SELECT pg_terminate_backend($backend)", 'omnicrm_admin');
	waitpid $pid, 0;
	# The shared memory that it has touched is in the peak, and differs by version.
	return ($size{VmHWM} - ($size{RssShmem} // 0)) / 1024;
}

# Peak memory in MB, shared memory taken off, of the sessions that load and resolve so many rows.
sub peaks
{
	my ($rows) = @_;
	my $database = "rows_$rows";
	$node->database($database);
	$node->sql($database, <<"STATEMENTS");
SELECT omnicrm.deploy('crm');
SELECT crm.add_source('web', 'web', trust => 60);
SELECT crm.add_source('shop', 'shop', trust => 70);
CREATE TABLE delivery AS
SELECT 'k' || n AS id, 'Nombre' || chr(65 + n % 26) || ' ' || chr(65 + n / 26 % 26) || 'ara' AS first_name,
       'Apellido' || chr(65 + n / 676 % 26) || chr(97 + n % 11) || 'ez' AS last_name,
       'persona' || n * 2 / 3 || '\@hotel-sol.es' AS mail, '6' || lpad((n::bigint * 7919 % 100000000)::text, 8, '0') AS tel,
       repeat('nota ', 20) AS note, timestamptz '2024-01-01 00:00+00' + n * interval '1 minute' AS updated
FROM generate_series(1, $rows) AS n;
ANALYZE delivery;
STATEMENTS
	my @peaks;
	for my $work (
		q{SELECT crm.load('web', 'delivery', '{"key": "id", "given_name": "first_name", "surname": "last_name", "email": "mail", "phone": "tel", "business_at": "updated"}')},
		q{SELECT crm.resolve()})
	{
		push @peaks, peak($database, $work);
	}
	is($node->sql($database, 'SELECT count(*) FROM crm.customer_member'), $rows, "$rows rows loaded and resolved");
	return @peaks;
}

my ($small_load, $small_resolve) = peaks(10_000);
my ($large_load, $large_resolve) = peaks(50_000);
diag(sprintf 'peak MB with 10,000 and 50,000 rows: load %d and %d, resolve %d and %d',
	$small_load, $large_load, $small_resolve, $large_resolve) if $ENV{OMNICRM_MEMORY_VERBOSE};
cmp_ok($large_load, '<', 110, 'loading 50,000 rows takes less than 110 MB, beside the shared memory');
cmp_ok($large_load - $small_load, '<', 40, 'and hardly more than loading 10,000');
cmp_ok($large_resolve, '<', 110, 'resolving 50,000 rows takes less than 110 MB');
cmp_ok($large_resolve - $small_resolve, '<', 40, 'and not much more than resolving 10,000');

# Peak memory of a process that reads such a table together with another: so many rows, no
# journey of which is within what one process reads at a time.
sub attribution_peak
{
	my ($rows) = @_;
	my $table = "event_$rows";
	$node->sql('rows_10000', <<"STATEMENTS");
CREATE UNLOGGED TABLE $table WITH (parallel_workers = 1) AS
SELECT n / 25000 AS journey, timestamptz '2026-01-01Z' + n * interval '1 second' AS ts, 'channel ' || n % 7 AS actor, NULL::numeric AS value
FROM generate_series(1, $rows) AS n;
STATEMENTS
	return peak('rows_10000', <<"STATEMENT");
SET work_mem = '8MB'; SET max_parallel_workers_per_gather = 1;
SELECT length(omnicrm.attribution_of_table('$table', 'journey', 'ts', 'actor', 'value', options => '{"max_touches": 5}')::bytea)
STATEMENT
}

my $few = attribution_peak(1_000_000);
my $many = attribution_peak(5_000_000);
diag("peak MB of attribution with 1,000,000 and 5,000,000 rows: $few and $many") if $ENV{OMNICRM_MEMORY_VERBOSE};
cmp_ok($many - $few, '<', 10, 'journeys that several processes have do not stay in memory');

$node->stop;
done_testing;
