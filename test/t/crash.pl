# A backend killed, and the whole server killed, in the middle of loading, of
# resolving, of taking in, of merging and of taking it back: afterwards nothing is
# half done, and the same call again works.
use strict;
use warnings;
use Test::More;
use Time::HiRes qw(sleep);
use Omnicrm;

my $rows = 30_000;
my $node = Omnicrm->new('max_wal_size = 1GB', 'checkpoint_timeout = 30s')->start;
$node->database('shop');
$node->sql('shop', <<"END");
SELECT omnicrm.deploy('crm');
CREATE SCHEMA staging;
CREATE TABLE staging.web_customer AS
SELECT 'w' || n AS id, 'Nombre' || chr(65 + n % 26) || ' ' || chr(65 + n / 26 % 26) || 'ara' AS first_name,
       'Apellido' || chr(65 + n / 676 % 26) || chr(97 + n % 11) || 'ez' AS last_name, 'cliente' || n % 20000 || '\@hotel-sol.es' AS mail,
       '6' || lpad((n::bigint % 20000 * 7919 % 100000000)::text, 8, '0') AS tel,
       timestamptz '2024-01-01 00:00+00' + n * interval '1 minute' AS updated
FROM generate_series(1, $rows) AS n;
SELECT crm.add_source('web shop', 'web', trust => 60);
END

my $load = q{SELECT rows_in, rows_loaded, rows_unchanged, rows_quarantined FROM crm.load('web shop', 'staging.web_customer',
  '{"key": "id", "given_name": "first_name", "surname": "last_name", "email": "mail", "phone": "tel", "business_at": "updated"}')};
my $resolve = 'SELECT crm.resolve()';

# What is there, as text: equal texts, equal states.
my $state = <<'END';
SELECT (SELECT count(*) FROM crm.load_batch), (SELECT count(*) FROM crm.source_record), (SELECT count(*) FROM crm.identifier),
       (SELECT count(*) FROM crm.quarantine), (SELECT count(*) FROM crm.customer), (SELECT count(*) FROM crm.customer_member),
       (SELECT count(*) FROM crm.resolve_queue), (SELECT count(*) FROM crm.run_log), (SELECT count(*) FROM crm.steward_event),
       (SELECT count(*) FROM crm.steward_decision), (SELECT count(*) FROM crm.match_decision), (SELECT count(*) FROM crm.customer_redirect),
       (SELECT count(*) FROM crm.outbox)
END

# The server restarts by itself after the death of a backend.
sub wait_for_restart
{
	for (1 .. 600)
	{
		my ($status) = $node->try_sql('shop', 'SELECT 1');
		last unless $status;
		sleep 0.1;
	}
	return;
}

# Starts the work, waits until it has written into the table, and strikes.
sub strike
{
	my ($what, $statement, $table, $how) = @_;
	my $before = $node->sql('shop', $state);
	my $size = $node->sql('shop', "SELECT pg_relation_size('$table')");
	my $pid = $node->background('shop', "SET application_name = 'victim'", $statement);
	$node->wait_for('shop', "SELECT pg_relation_size('$table') > $size");
	my $busy = $node->sql('shop', "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active'");
	ok($busy, "$what is in the middle of its work");
	my $outcome;
	if ($how eq 'backend')
	{
		kill 'KILL', $busy;
		waitpid $pid, 0;
		$outcome = $?;
		wait_for_restart();
	}
	else
	{
		$node->power_cut;
		waitpid $pid, 0;
		$outcome = $?;
		$node->start;
	}
	isnt($outcome, 0, "$what was interrupted");
	is($node->sql('shop', $state), $before, "$what, $how killed: nothing is half done");
	is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', "$what, $how killed: everything ties");
	return;
}

strike('load', $load, 'crm.source_record', 'backend');
strike('load', $load, 'crm.source_record', 'server');
is($node->sql('shop', $load), "$rows|$rows|0|0", 'the same load again takes every row');
is($node->sql('shop', $load), "$rows|0|$rows|0", 'and once more changes nothing');

strike('resolve', $resolve, 'crm.customer', 'backend');
strike('resolve', $resolve, 'crm.customer', 'server');
$node->sql('shop', $resolve);
is($node->sql('shop', "SELECT count(*) FROM crm.customer_member"), $rows, 'resolve again: every record has its customer');
is($node->sql('shop', 'SELECT count(*) FROM crm.resolve_queue'), '0', 'and nobody waits');
is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', 'everything ties');

# A batch, all in one transaction.
my $batch = q{SELECT count(DISTINCT i.customer_id) FROM crm.ingest('web shop', (SELECT jsonb_agg(jsonb_build_object('key', 'b' || n,
  'full_name', 'Eva Sanz Vega', 'email', 'lote' || n % 2000 || '@mar-hotel.es', 'attributes', jsonb_build_object('note', repeat('nota ', 20))))
  FROM generate_series(1, 4000) AS n)) AS i};
strike('batch', $batch, 'crm.source_record', 'backend');
strike('batch', $batch, 'crm.source_record', 'server');
is($node->sql('shop', $batch), '2000', 'batch again: all of it');
is($node->sql('shop', $batch), '2000', 'and once more changes nothing');

# One by one: whatever the client was told to be in is in, and at most the one more
# whose answer got lost.
for my $how ('backend', 'server')
{
	my $file = "$node->{folder}/$how.sql";
	open my $out, '>', $file or die "$file: $!";
	print $out "SET application_name = 'victim';\n";
	printf $out "SELECT crm.ingest('web shop', '$how%d', '{\"full_name\": \"Iker Vega Mora\", \"email\": \"$how%d\@mar-hotel.es\"}');\n", $_, $_ / 2 for 1 .. 20_000;
	close $out;
	my $pid = open(my $answers, '-|') // die "fork: $!";
	if ($pid == 0)
	{
		open STDERR, '>', '/dev/null';
		exec $node->command('shop'), '-f', $file or exit 127;
	}
	my @told;
	while (my $line = <$answers>)
	{
		push @told, $line if $line =~ /^\d+$/;
		next if @told != 300;
		if ($how eq 'backend')
		{
			kill 'KILL', $node->sql('shop', "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim'");
		}
		else
		{
			$node->power_cut;
		}
	}
	close $answers;
	if ($how eq 'backend') { wait_for_restart() } else { $node->start }
	my ($there, $customers) = split /\|/, $node->sql('shop', <<"END");
SELECT count(*), count(DISTINCT m.customer_id)
FROM crm.source_record AS r JOIN crm.customer_member AS m USING (record_id)
WHERE r.source_key LIKE '$how%' AND substr(r.source_key, 1 + length('$how'))::integer <= ${\scalar @told} + 1
END
	ok($there == @told || $there == @told + 1, "one by one, $how killed: what was told to be in is in");
	is($there, $node->sql('shop', "SELECT count(*) FROM crm.source_record WHERE source_key LIKE '$how%'"), "one by one, $how killed: and nothing more");
	is($customers, int($there / 2) + 1, "one by one, $how killed: each has its customer");
	is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', "one by one, $how killed: everything ties");
}

# Every second customer into the one before.
my $pairs = q{SELECT array_agg(x.customer_id ORDER BY x.n) FROM (SELECT c.customer_id, row_number() OVER (ORDER BY c.customer_id) AS n
  FROM crm.customer AS c WHERE c.state = 'active') AS x WHERE x.n % 2 = };
my $merge = "SELECT count(*) FROM crm.merge_many(($pairs 1)[:4000], ($pairs 0)[:4000], 'list', 'test')";
my $undo = q{SELECT count(*) FROM crm.undo_many(ARRAY(SELECT e.event_id FROM crm.steward_event AS e WHERE e.undone_at IS NULL))};
strike('merge', $merge, 'crm.steward_event', 'backend');
strike('merge', $merge, 'crm.steward_event', 'server');
is($node->sql('shop', $merge), '4000', 'merge again: all of it');
is($node->sql('shop', 'SELECT count(*) FROM crm.customer_redirect'), '4000', 'and every id leads on');
strike('undo', $undo, 'crm.customer_history', 'backend');
strike('undo', $undo, 'crm.customer_history', 'server');
is($node->sql('shop', $undo), '4000', 'undo again: all of it');
is($node->sql('shop', 'SELECT count(*) FROM crm.customer_redirect'), '0', 'and every id is its own');
is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', 'everything ties');

is($node->sql('shop', "SELECT bool_and(rows_in = rows_loaded + rows_unchanged + rows_quarantined) FROM crm.load_batch"), 't',
	'counts of all loads add up');

# A power cut right after a commit loses nothing.
my $after = $node->sql('shop', $state);
$node->power_cut;
$node->start;
is($node->sql('shop', $state), $after, 'what was committed is there after a power cut');
like($node->server_log, qr/redo starts at/, 'recovered from the log');

$node->stop;
done_testing;
