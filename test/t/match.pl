# The matching engine in a server: it can be cancelled at any time, runs on a
# read-only standby, reads foreign tables, keeps to its memory, and fails cleanly
# when a table goes away.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(time sleep);
use Omnicrm;

my $node = Omnicrm->new('shared_buffers = 32MB', 'work_mem = 4MB', 'maintenance_work_mem = 64MB', 'max_wal_size = 4GB')->start;
my $fields = q({"given": "given_name", "surname": "surname", "birth": "birth_date", "email": "email", "phone": "phone", "city": "city"});

$node->database('match');
$node->sql('match', <<'STATEMENTS');
-- Two in three rows are a person of their own, the third is one of them again, with
-- a letter less here and a value missing there.
CREATE FUNCTION people(number integer)
RETURNS TABLE (id integer, person integer, given text, surname text, birth text, email text, phone text, city text) LANGUAGE sql AS $$
  SELECT n, p, v[1 + h % 12] || ' ' || v[1 + h / 12 % 12],
         CASE WHEN n % 3 = 0 THEN substr(s.name, 2) ELSE s.name END,
         CASE WHEN n % 7 = 0 THEN NULL ELSE (date '1930-01-01' + h / 5 % 27000)::text END,
         CASE WHEN n % 5 = 0 THEN NULL ELSE 'u' || p || '@buzon.es' END, CASE WHEN n % 4 = 0 THEN NULL ELSE '6' || lpad((h % 99999999)::text, 8, '0') END,
         c[1 + h / 7 % 6]
  FROM generate_series(1, number) AS n,
       LATERAL (SELECT CASE WHEN n % 3 = 0 THEN n - 1 ELSE n END) AS q(p),
       LATERAL (SELECT hashint4(p) & 2147483647) AS r(h),
       (SELECT ARRAY['Ana', 'Bruno', 'Celia', 'Diego', 'Elena', 'Hugo', 'Irene', 'Juan', 'Laura', 'Marcos', 'Nuria', 'Pablo'],
               ARRAY['Lugo', 'Soria', 'Teruel', 'Cuenca', 'Huesca', 'Zamora'],
               ARRAY['ba', 'ce', 'di', 'fo', 'gu', 'la', 'me', 'ni', 'po', 'ru', 'sa', 'te', 'vi', 'zo', 'lu', 'ma']) AS a(v, c, g),
       LATERAL (SELECT initcap(g[1 + h / 3 % 16] || g[1 + h / 48 % 16] || g[1 + h / 768 % 16] || g[1 + h / 12288 % 16])) AS s(name)
$$;
CREATE TABLE small AS SELECT * FROM people(3000);
CREATE TABLE large AS SELECT * FROM people(200000);
ANALYZE;
STATEMENTS

# Cancelled: at any time, in any function, with workers and without.
my $model = $node->sql('match', "SELECT omnicrm.match_train('small', 'id', '$fields')");
$node->sql('match', "CREATE TABLE model AS SELECT \$x\$$model\$x\$::jsonb AS model");
my %work = (
	'match_train' => "omnicrm.match_train('large', 'id', '$fields')",
	'match_clusters' => "count(*) FROM model, omnicrm.match_clusters('large', 'id', model)",
	'match_pairs' => "count(*) FROM model, omnicrm.match_pairs('large', 'id', model)",
	'resolve_entities' => "count(*) FROM omnicrm.resolve_entities('large', 'id', '$fields')");
for my $name (sort keys %work)
{
	for my $workers (0, 2)
	{
		my $cancelled = 0;
		my $slowest = 0;

		for my $limit (50, 300, 700, 1500, 3000)
		{
			my $start = time;
			my ($status, $text) = $node->try_sql('match', "SET max_parallel_workers_per_gather = $workers; SET statement_timeout = $limit; SELECT $work{$name}");
			my $late = time - $start - $limit / 1000;

			last unless $status;
			die $text unless $text =~ /canceling statement due to statement timeout/;
			$cancelled++;
			$slowest = $late if $late > $slowest;
		}
		cmp_ok($cancelled, '>=', 2, "$name with $workers workers is cancelled");
		cmp_ok($slowest, '<', 2, "and ends in time");
	}
}
is($node->sql('match', "SELECT count(*) FROM omnicrm.resolve_entities('small', 'id', '$fields')"), 3000, 'the server lives');
is($node->sql('match', "SELECT count(*) FROM pg_ls_tmpdir()", 'omnicrm_admin'), 0, 'no temporary file stays behind');

# What nobody waits for any more ends by itself.
my $session = $node->background('match', "SET application_name = 'left'", "SELECT $work{resolve_entities}");
$node->wait_for('match', "SELECT count(*) = 1 FROM pg_stat_activity WHERE query LIKE '%resolve_entities(''large''%' AND pid <> pg_backend_pid() AND backend_type = 'client backend'",
	'omnicrm_admin');
$node->sql('match', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%resolve_entities(''large''%' AND pid <> pg_backend_pid()", 'omnicrm_admin');
waitpid $session, 0;
$node->wait_for('match', "SELECT count(*) = 0 FROM pg_stat_activity WHERE query LIKE '%resolve_entities(''large''%' AND pid <> pg_backend_pid()", 'omnicrm_admin');
pass('a terminated session goes, with its workers');

# A table dropped, changed or filled by others while it is read: the lock makes them wait.
my $reader = $node->background('match', "SELECT $work{match_clusters}");
$node->wait_for('match', "SELECT count(*) > 0 FROM pg_locks WHERE relation = 'large'::regclass AND granted", 'omnicrm_admin');
my ($status, $text) = $node->try_sql('match', "SET lock_timeout = '100ms'; DROP TABLE large");
like($text, qr/lock timeout/, 'a table that is read cannot be dropped');
waitpid $reader, 0;
is($?, 0, 'and its reader ends well');

# Foreign tables.
SKIP:
{
	my ($missing) = $node->try_sql('match', 'CREATE EXTENSION postgres_fdw; CREATE EXTENSION file_fdw', 'omnicrm_admin');
	skip 'no foreign data wrappers here', 2 if $missing;
	$node->sql('match', <<"STATEMENTS", 'omnicrm_admin');
CREATE SERVER here FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$node->{folder}', dbname 'match', use_remote_estimate 'false');
CREATE USER MAPPING FOR omnicrm_admin SERVER here OPTIONS (user 'omnicrm_owner', password_required 'false');
CREATE FOREIGN TABLE remote (id integer, given text, surname text, birth text, email text, phone text, city text) SERVER here OPTIONS (schema_name 'public', table_name 'small');
CREATE FOREIGN TABLE gone (id integer, given text) SERVER here OPTIONS (schema_name 'public', table_name 'nowhere');
STATEMENTS
	is($node->sql('match', "SELECT count(*) FROM (SELECT * FROM omnicrm.resolve_entities('remote', 'id', '$fields') EXCEPT SELECT * FROM omnicrm.resolve_entities('small', 'id', '$fields')) AS d",
		'omnicrm_admin'), 0, 'a foreign table is matched as the table itself');
	($status, $text) = $node->try_sql('match', q(SELECT omnicrm.match_train('gone', 'id', '{"given": "name"}')), 'omnicrm_admin');
	like($text, qr/relation "public.nowhere" does not exist/, 'and its errors are told');
}

# A read-only standby.
my $standby = $node->standby->start;
$node->wait_for_standby($standby);
is($standby->sql('match', 'SELECT pg_is_in_recovery()'), 't', 'a standby');
for my $query (
	"SELECT md5(omnicrm.match_train('small', 'id', '$fields')::text)",
	"SELECT md5(string_agg(x::text, ' ')) FROM omnicrm.resolve_entities('small', 'id', '$fields') AS x",
	"SELECT md5(string_agg(x::text, ' ')) FROM model, omnicrm.match_pairs('small', 'id', model) AS x",
	"SELECT md5(string_agg(x::text, ' ')) FROM model, omnicrm.match_clusters('small', 'id', model) AS x",
	"SET max_parallel_workers_per_gather = 2; SELECT md5(string_agg(x::text, ' ')) FROM model, omnicrm.match_clusters('large', 'id', model, '{\"max_block\": 50}') AS x")
{
	my ($what) = $query =~ /omnicrm\.(\w+\('\w+')/;
	is($standby->sql('match', $query), $node->sql('match', $query), "the same on a read-only standby: $what");
}
$standby->stop;

# Memory: of the process that works, with workers and without.
SKIP:
{
	skip '/proc tells no memory of processes here', 2 unless -r "/proc/$$/status" && grep { /^VmHWM/ } do { open my $f, '<', "/proc/$$/status"; <$f> };
	$node->sql('match', 'CREATE TABLE huge AS SELECT * FROM people(300000); ANALYZE huge');
	for my $workers (0, 2)
	{
		my $pid = $node->background('match', "SET max_parallel_workers_per_gather = $workers; SET maintenance_work_mem = '64MB'",
			"SELECT count(*) FROM omnicrm.resolve_entities('huge', 'id', '$fields')", "SET application_name = 'finished'", 'SELECT pg_sleep(600)');
		my $end = time + 300;
		my $backend;
		while (time < $end)
		{
			$backend = $node->sql('match', "SELECT pid FROM pg_stat_activity WHERE application_name = 'finished' AND state = 'active'", 'omnicrm_admin');
			last if $backend || waitpid($pid, 1) > 0;
			sleep 0.2;
		}
		die 'no result' unless $backend;
		open my $file, '<', "/proc/$backend/status" or die "/proc/$backend/status: $!";
		my ($peak) = map { /^VmHWM:\s+(\d+) kB/ ? $1 / 1024 : () } <$file>;
		diag(sprintf 'peak of 300,000 rows with %d workers: %d MB', $workers, $peak) if $ENV{OMNICRM_MEMORY_VERBOSE};
		cmp_ok($peak, '<', 300, "300,000 rows take less than 300 MB, 32 MB of shared buffers included, with $workers workers");
		$node->sql('match', "SELECT pg_terminate_backend($backend)", 'omnicrm_admin');
		waitpid $pid, 0;
	}
}

$node->stop;
done_testing;
