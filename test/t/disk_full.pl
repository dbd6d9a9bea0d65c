# The disk of a hub is full in the middle of taking in, loading, resolving and
# merging: a clear error, nothing is half done and nothing lost, and once there is
# room again all goes on.
use strict;
use warnings;
use Cwd qw(abs_path);
use POSIX ();
use Test::More;

# A disk of few MB, in a namespace of this test alone, where it may mount one. The
# second namespace gives the user back, since the server does not run as root.
my $disk = $ENV{OMNICRM_SMALL_DISK};
if (!$disk)
{
	require File::Temp;
	my $folder = File::Temp::tempdir('disk.XXXX', TMPDIR => 1, CLEANUP => 1);
	my @namespace = ('unshare', '--user', '--map-root-user', '--mount', 'sh', '-c',
		'mount -t tmpfs -o size=48m,mode=777 none "$0" && user=$1 && group=$2 && shift 2 && exec unshare --user --map-user="$user" --map-group="$group" -- "$@"',
		$folder, POSIX::getuid(), POSIX::getgid());
	plan skip_all => 'no small disk can be mounted here (unshare --user --mount)'
		if system("@{[map { quotemeta } @namespace]} true 2>/dev/null") != 0;
	$ENV{OMNICRM_SMALL_DISK} = $folder;
	my $status = system @namespace, $^X, '-I' . abs_path('.'), abs_path($0);
	exit($status >> 8 || $status);
}

require Omnicrm;
my $node = Omnicrm->new('autovacuum = off', 'work_mem = 1MB')->start;
$node->database('other', empty => 1);
$node->sql('postgres', "CREATE TABLESPACE small OWNER omnicrm_owner LOCATION '$disk'", 'omnicrm_admin');
$node->sql('postgres', 'CREATE DATABASE shop OWNER omnicrm_owner TEMPLATE template0 TABLESPACE small', 'omnicrm_admin');
$node->sql('shop', 'CREATE EXTENSION omnicrm', 'omnicrm_admin');
# What is to come lies elsewhere.
$node->sql('postgres', "CREATE TABLESPACE large OWNER omnicrm_owner LOCATION '@{[folder()]}'", 'omnicrm_admin');
$node->sql('shop', <<'END');
SELECT omnicrm.deploy('crm');
SELECT crm.add_source('web', 'web', 60);
CREATE TABLE web TABLESPACE large AS
SELECT 'w' || n AS id, 'Nombre' || chr(65 + n % 26) || ' ' || chr(65 + n / 26 % 26) || 'ara' AS first_name,
       'Apellido' || chr(65 + n / 676 % 26) || chr(97 + n % 11) || 'ez' AS last_name, 'cliente' || n % 4000 || '@hotel-sol.es' AS mail
FROM generate_series(1, 6000) AS n;
SELECT crm.ingest('web', 'first', '{"full_name": "Ana Gil Mora", "email": "ana@sol-hotel.es"}');
END

sub folder
{
	my $folder = "$node->{folder}/large";
	mkdir $folder or die "$folder: $!";
	return $folder;
}

# Leaves room for so many KB on the small disk; without a number, all of it.
sub leave_room
{
	my ($room) = @_;
	my $file = "$disk/ballast";
	unlink $file;
	return unless defined $room;
	open my $out, '>', $file or die "$file: $!";
	my $size = 0;
	while (my $written = syswrite $out, "\0" x 65_536) { $size += $written }
	truncate $out, $size - 1024 * $room or die "$file: $!";
	close $out;
	return;
}

my $state = <<'END';
SELECT (SELECT count(*) FROM crm.load_batch), (SELECT coalesce(sum(rows_in), 0) FROM crm.load_batch), (SELECT count(*) FROM crm.source_record), (SELECT count(*) FROM crm.identifier),
       (SELECT count(*) FROM crm.quarantine), (SELECT count(*) FROM crm.customer), (SELECT count(*) FROM crm.customer_member), (SELECT count(*) FROM crm.match_link),
       (SELECT count(*) FROM crm.resolve_queue), (SELECT count(*) FROM crm.run_log), (SELECT count(*) FROM crm.steward_event),
       (SELECT count(*) FROM crm.match_decision), (SELECT count(*) FROM crm.customer_redirect), (SELECT count(*) FROM crm.outbox)
END

# Fails for want of room, then succeeds.
sub fill
{
	my ($what, $room, $statement, $result) = @_;
	my $before = $node->sql('shop', $state);
	leave_room($room);
	my ($status, $text) = $node->try_sql('shop', "\\set VERBOSITY verbose\n$statement");
	isnt($status, 0, "$what: fails when the disk is full");
	like($text, qr/ERROR:  53100: could not (?:extend|write)/, "$what: says why");
	is($node->sql('shop', $state), $before, "$what: nothing is half done");
	leave_room();
	is($node->sql('shop', 'SELECT * FROM crm.check()'), '', "$what: everything ties");
	is($node->sql('shop', $statement), $result, "$what: works once there is room");
	return;
}

my $load = q{SELECT rows_in, rows_loaded FROM crm.load('web', 'web', '{"key": "id", "given_name": "first_name", "surname": "last_name", "email": "mail"}')};
fill('a batch', 300, q{SELECT count(*) FROM crm.ingest('web', (SELECT jsonb_agg(jsonb_build_object('key', 'b' || n, 'full_name', 'Eva Sanz Vega', 'city', 'Toledo',
  'email', 'lote' || n || '@mar-hotel.es', 'attributes', jsonb_build_object('note', repeat('nota ', 200)))) FROM generate_series(1, 400) AS n))}, '400');
fill('a load', 1000, $load, '6000|6000');
fill('a resolve', 1000, 'SELECT counts -> \'records\' FROM crm.resolve()', '6401');
fill('a list of merges', 200, q{SELECT count(*) FROM crm.merge_many(
  ARRAY(SELECT m.customer_id FROM crm.customer_member AS m JOIN crm.source_record AS r USING (record_id) WHERE r.source_key ~ '^b\d*[13579]$' ORDER BY m.record_id),
  ARRAY(SELECT m.customer_id FROM crm.customer_member AS m JOIN crm.source_record AS r USING (record_id) WHERE r.source_key ~ '^b\d*[02468]$' ORDER BY m.record_id),
  'ana', 'a list')}, '200');

# One by one until no room is left: what was told to be in is in.
my $one = q{SELECT 'in ' || crm.ingest('web', 'o%d', '{"full_name": "Iker Vega Mora", "email": "uno%d@mar-hotel.es", "attributes": {"note": "%s"}}');};
leave_room(200);
my ($status, $text) = $node->try_sql('shop', join "\n", '\set VERBOSITY verbose', map { sprintf $one, $_, $_, 'nota ' x 300 } 1 .. 600);
like($text, qr/ERROR:  53100: could not (?:extend|write)/, 'one by one: fails when the disk is full');
my $taken = () = $text =~ /^in \d+$/mg;
cmp_ok($taken, '>', 5, 'one by one: some found room');
is($node->sql('shop', "SELECT count(*), max(substr(source_key, 2)::integer) FROM crm.source_record WHERE source_key LIKE 'o%'"), "$taken|$taken", 'one by one: what was told to be in is in, and no more');
# Reading needs none.
is($node->sql('shop', "SELECT (crm.find_customer('uno1\@mar-hotel.es')).full_name"), 'Iker Vega Mora', 'a full disk can be read');
leave_room();
$node->sql('shop', sprintf $one, $taken + 1, $taken + 1, 'nota');
is($node->sql('shop', 'SELECT * FROM crm.check()'), '', 'everything ties');
$node->sql('shop', 'SELECT crm.resolve(\'{"all": true}\')');
is($node->sql('shop', 'SELECT * FROM crm.check()'), '', 'and after a full run');

# The power fails on a full disk. The server needs room for what its log tells.
$node->sql('shop', q{CREATE VIEW shifted AS SELECT 'x' || id AS id, first_name, last_name, mail FROM web});
leave_room(200);
($status, $text) = $node->try_sql('shop', "\\set VERBOSITY verbose\n" . $load =~ s/'web', 'web'/'web', 'shifted'/r);
like($text, qr/ERROR:  53100: could not (?:extend|write)/, 'a last load: says why');
my $before = $node->sql('shop', $state);
$node->power_cut;
leave_room();
$node->start;
is($node->sql('shop', $state), $before, 'a power cut on a full disk: what was committed is there');
is($node->sql('shop', 'SELECT * FROM crm.check()'), '', 'everything ties');

$node->stop;
done_testing;
