# A load that commits while a full run is under way: its rows wait in the queue, and
# when that is empty all is as if they had come later.
use strict;
use warnings;
use Test::More;
use Omnicrm;

my $node = Omnicrm->new->start;
$node->database('shop');
my $tree = $ENV{OMNICRM_TREE} // '../..';
$node->sql('shop', "\\i $tree/test/lib/crowd.sql\n\\set ECHO none\n" . <<'END');
SELECT crm.ingest('web', 'k' || n, t.said(n)) FROM generate_series(1, 150) AS n;
SELECT crm.resolve();
CREATE TABLE t.seed (n integer);
CREATE VIEW t.arrived AS
SELECT CASE WHEN n.n % 2 = 0 THEN 'k' || n.n / 2 ELSE 'n' || n.n || '-' || e.n END AS key, s.*
FROM t.seed AS e
CROSS JOIN generate_series(1, 60) AS n(n)
CROSS JOIN LATERAL jsonb_to_record(t.said(n.n + e.n)) AS s(given_name text, surname text, birth_date text, email text, phone text, postcode text, city text);
END
for my $seed (5000, 6000, 7000)
{
	# Holds the run up where it has judged all pairs of the model.
	my $holder = $node->background('shop', "SET application_name = 'holder'; BEGIN; LOCK TABLE crm.review_queue IN SHARE MODE; SELECT pg_sleep(600)");
	$node->wait_for('shop', q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'crm.review_queue'::regclass AND mode = 'ShareLock' AND granted});
	my $run = $node->background('shop', q{SELECT crm.resolve('{"all": true}')});
	$node->wait_for('shop', q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'crm.review_queue'::regclass AND NOT granted});
	is($node->sql('shop', <<"END"), '60', "seed $seed: a load does not wait for the run");
TRUNCATE t.seed;
INSERT INTO t.seed VALUES ($seed);
SELECT rows_in FROM crm.load('web', 't.arrived', '{"key": "key", "given_name": "given_name", "surname": "surname", "birth_date": "birth_date", "email": "email",
  "phone": "phone", "postcode": "postcode", "city": "city"}');
END
	$node->sql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holder'", 'omnicrm_admin');
	waitpid $_, 0 for $holder, $run;
	is($?, 0, "seed $seed: the run came to its end");
	cmp_ok($node->sql('shop', 'SELECT count(*) FROM crm.resolve_queue'), '>', 40, "seed $seed: what came meanwhile waits");
	is($node->sql('shop', 'SELECT * FROM crm.check()'), '', "seed $seed: everything ties");
	# One by one, since a long queue would lead to a full run.
	$node->sql('shop', <<'END');
DO $$
DECLARE
  waiting bigint;
BEGIN
  FOR waiting IN SELECT DISTINCT q.record_id FROM crm.resolve_queue AS q ORDER BY 1 LOOP
    PERFORM crm.resolve_records(ARRAY[waiting]);
  END LOOP;
END $$;
SELECT crm.resolve();
END
	is($node->sql('shop', 'SELECT * FROM crm.check()'), '', "seed $seed, resolved: everything ties");
	is($node->sql('shop', 'SELECT * FROM t.full_run()'), '', "seed $seed: a full run changes nothing");
}

# Nor does a full run wait for whoever reads what it fills anew, such as a dump.
my $reader = $node->background('shop', "SET application_name = 'reader'; BEGIN; SELECT count(*) FROM crm.match_compared; SELECT pg_sleep(600)");
$node->wait_for('shop', q{SELECT count(*) = 1 FROM pg_locks WHERE relation = 'crm.match_compared'::regclass AND mode = 'AccessShareLock' AND granted});
is($node->sql('shop', q{SET lock_timeout = '30s'; SELECT crm.resolve('{"all": true}') IS NOT NULL}), 't', 'a full run does not wait for a reader');
$node->sql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'reader'", 'omnicrm_admin');
waitpid $reader, 0;
is($node->sql('shop', 'SELECT * FROM t.full_run()'), '', 'and leaves what it leaves otherwise');

$node->stop;
done_testing;
