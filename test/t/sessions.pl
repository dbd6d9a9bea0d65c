# Eight sessions at once on one hub: records come by every way in, change and go,
# stewards merge, split and take back, people are erased, the model is another, in
# transactions of several statements, some of them rolled back. Whatever meets whom: no session waits for
# another in a circle, and what is there in the end is what a full run makes of it.
use strict;
use warnings;
use Test::More;
use Omnicrm;

my $sessions = 8;
my $rounds = 4;
# Transactions of one session in one round.
my $transactions = 12;
# Deadlocks are found soon, so that none is only slow.
my $node = Omnicrm->new('deadlock_timeout = 100ms')->start;
$node->database('shop');
my $tree = $ENV{OMNICRM_TREE} // '../..';
$node->sql('shop', "\\i $tree/test/lib/crowd.sql\n\\set ECHO none\n" . <<'END');
SELECT crm.add_source('app', 'app', 70);
CREATE TABLE t.given (customer_id bigint);
CREATE TABLE t.sold (orders bigint);
CREATE TABLE t.arrived (session integer, key text, given_name text, surname text, birth_date text, email text, phone text, postcode text, city text);
CREATE TABLE t.sale (session integer, key text, who text, at timestamptz, total numeric);

-- What one session wants to load is a view of what it has put there.
DO $$
BEGIN
  FOR session IN 1 .. 8 LOOP
    EXECUTE format('CREATE VIEW t.arrived_%1$s AS SELECT * FROM t.arrived WHERE session = %1$s', session);
    EXECUTE format('CREATE VIEW t.sale_%1$s AS SELECT * FROM t.sale WHERE session = %1$s', session);
  END LOOP;
END $$;
CREATE FUNCTION t.source(n bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$
  SELECT (ARRAY['web', 'shop', 'app'])[1 + t.pick(n, 20, 3)]
$$;
CREATE FUNCTION t.one(n bigint) RETURNS void LANGUAGE sql AS $$
  INSERT INTO t.given SELECT crm.ingest(t.source(n), 'k' || t.pick(n, 21, 150), t.said(n))
$$;
CREATE FUNCTION t.batch(n bigint) RETURNS void LANGUAGE sql AS $$
  INSERT INTO t.given
  SELECT i.customer_id
  FROM crm.ingest(t.source(n), (SELECT jsonb_agg(t.said(n + m) || jsonb_build_object('key', 'k' || t.pick(n + m, 21, 150))) FROM generate_series(0, 4) AS m)) AS i
$$;
CREATE FUNCTION t.deleted(n bigint) RETURNS void LANGUAGE sql AS $$
  SELECT crm.delete_record(t.source(n), 'k' || t.pick(n, 21, 150))
$$;
CREATE FUNCTION t.loaded(session integer, n bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM t.arrived AS a WHERE a.session = loaded.session;
  INSERT INTO t.arrived
  SELECT session, 'k' || t.pick(n + m, 21, 150), s.*
  FROM generate_series(1, 3) AS m
  CROSS JOIN LATERAL jsonb_to_record(t.said(n + m)) AS s(given_name text, surname text, birth_date text, email text, phone text, postcode text, city text);
  PERFORM crm.load(t.source(n), ('t.arrived_' || session)::regclass, '{"key": "key", "given_name": "given_name", "surname": "surname",
    "birth_date": "birth_date", "email": "email", "phone": "phone", "postcode": "postcode", "city": "city"}');
END $$;
-- Orders of the first records of the web shop, which therefore cannot be deleted.
CREATE FUNCTION t.sold(session integer, n bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM t.sale AS s WHERE s.session = sold.session;
  INSERT INTO t.sale SELECT session, 'o' || n || '-' || m, 'k' || (n + m) % 30, timestamptz '2024-01-01 10:00+00', 1.25 FROM generate_series(1, 3) AS m;
  INSERT INTO t.sold
  SELECT b.rows_loaded
  FROM crm.load('web', ('t.sale_' || session)::regclass, '{"entity": "order", "key": "key", "customer": "who", "ordered_at": "at", "revenue": "total"}') AS b;
END $$;
-- Some living customer; none of the twins, whom stewards leave alone.
CREATE FUNCTION t.somebody(n bigint, salt integer) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT m.customer_id
  FROM crm.customer_member AS m
  JOIN crm.customer AS c ON c.customer_id = m.customer_id AND c.state = 'active'
  JOIN crm.source_record AS r ON r.record_id = m.record_id AND r.source_key LIKE 'k%'
  ORDER BY hashint8extended(m.record_id + n, salt)
  LIMIT 1
$$;
CREATE FUNCTION t.steward(n bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  one CONSTANT bigint := t.somebody(n, 1);
  force CONSTANT boolean := t.pick(n, 30, 2) = 0;
BEGIN
  CASE t.pick(n, 31, 4)
    WHEN 0 THEN PERFORM crm.merge(one, t.somebody(n, 2), 'ana', 'one person', force);
    WHEN 1 THEN PERFORM crm.split(one, (crm.customer_records(one))[1:1], 'ana', 'two people', force);
    WHEN 2 THEN PERFORM crm.assert_different(one, t.somebody(n, 2), 'ana', 'know both', force);
    -- Often two want the same event back.
    ELSE PERFORM crm.undo((SELECT max(e.event_id) FROM crm.steward_event AS e WHERE e.undone_at IS NULL));
  END CASE;
END $$;
CREATE FUNCTION t.twin(round integer, n integer, session integer) RETURNS void LANGUAGE sql AS $$
  INSERT INTO t.given
  SELECT crm.ingest((ARRAY['web', 'shop', 'app'])[1 + session % 3], 'twin ' || round || ' ' || n, jsonb_build_object(
    'full_name', (ARRAY['Nuria Abad Bosch', 'Oriol Cano Duran', 'Pilar Egea Font', 'Quim Gallego Haro', 'Rocío Ibarra Jurado', 'Saúl Lara Mesa', 'Toni Nieto Ochoa',
                  'Úrsula Pardo Quiles'])[2 * round + n - 2],
    'birth_date', date '1990-01-01' + 100 * round + n, 'email', 'twin' || round || '-' || n || '@gemelos.es'))
$$;
SELECT t.one(n) FROM generate_series(1, 120) AS n;
INSERT INTO t.arrived SELECT 1, 'k' || n, s.*
FROM generate_series(0, 29) AS n
CROSS JOIN LATERAL jsonb_to_record(t.said(n)) AS s(given_name text, surname text, birth_date text, email text, phone text, postcode text, city text);
SELECT crm.load('web', 't.arrived_1', '{"key": "key", "given_name": "given_name", "surname": "surname", "birth_date": "birth_date", "email": "email",
  "phone": "phone", "postcode": "postcode", "city": "city"}');
SELECT t.sold(1, n) FROM generate_series(0, 27, 3) AS n;
SELECT crm.resolve();
END

# Errors that each kind of transaction may meet, and no other: what another session
# has done meanwhile speaks against an act of a steward (55000, 23000, P0002), a
# record with orders stays (2BP01). After an error the rest of a transaction is void
# (25P02).
my %expected = (
	ingest  => {},
	mixed   => { '2BP01' => 1, '25P02' => 1 },
	load    => {},
	facts   => {},
	resolve => {},
	steward => { '55000' => 1, '23000' => 1, 'P0002' => 1, '22023' => 1, '25P02' => 1 },
	race    => { '55000' => 1 },
	twin    => {},
	erase   => {},
	model   => {});

# The same numbers on every machine.
my $seed;
sub pick
{
	my ($n) = @_;
	$seed = ($seed * 1_103_515_245 + 12_345) % 2_147_483_648;
	return int($seed / 65_536) % $n;
}

# What one session does in one round, as a script of psql, which tells the kind of
# each transaction before it begins.
sub script
{
	my ($round, $session, $event) = @_;
	$seed = 1000 * $round + $session;
	my @lines = ('\set VERBOSITY sqlstate', '\set ON_ERROR_STOP 0', 'SET client_min_messages = error;', '\warn kind twin',
		'SELECT pg_advisory_lock_shared(4711), pg_advisory_unlock_shared(4711);');
	push @lines, '\warn kind race', "SELECT crm.undo($event, 'session $session', 'a mistake');" if $session <= 2;
	push @lines, '\warn kind twin', map { "SELECT t.twin($round, $_, $session);" } $session % 2 ? (1, 2) : (2, 1);
	for my $number (1 .. $transactions)
	{
		my $n = ($round * 100 + $number) * 1000 + $session * 100;
		my $what = pick(100);
		my ($kind, @statements);
		if ($number == 8 && $session == 3)
		{
			($kind, @statements) = ('erase', "SELECT count(*) FROM crm.subject_erase(t.somebody($n, 3), 'asked for it');");
		}
		elsif ($number == 6 && $session == 5)
		{
			# The same model under another number, which the next run applies to all.
			($kind, @statements) = ('model', 'SELECT crm.set_match_model(m.model) FROM crm.match_model AS m WHERE m.active;');
		}
		elsif ($what < 60)
		{
			$kind = 'ingest';
			for my $m (1 .. 1 + pick(4))
			{
				my $statement = 'SELECT t.' . (pick(6) ? 'one' : 'batch') . "($n + $m);";
				push @statements, pick(6) ? $statement : ('SAVEPOINT before;', $statement, 'ROLLBACK TO before;');
			}
		}
		elsif ($what < 74)
		{
			$kind = 'mixed';
			push @statements, 'SELECT t.' . (pick(2) ? 'one' : 'deleted') . "($n + $_);" for 1 .. 2 + pick(3);
		}
		elsif ($what < 80) { ($kind, @statements) = ('load', "SELECT t.loaded($session, $n);") }
		elsif ($what < 83) { ($kind, @statements) = ('facts', "SELECT t.sold($session, $n);") }
		elsif ($what < 86) { ($kind, @statements) = ('resolve', pick(4) ? 'SELECT crm.resolve();' : q(SELECT crm.resolve('{"all": true}');)) }
		else
		{
			$kind = 'steward';
			push @statements, "SELECT t.one($n);" unless pick(3);
			push @statements, "SELECT t.steward($n + $_);" for 1 .. 1 + pick(2);
		}
		push @lines, "\\warn kind $kind", 'BEGIN;', @statements, (pick(7) ? 'COMMIT;' : 'ROLLBACK;');
	}
	return join "\n", @lines, '';
}

# Starts a script; returns the file of its errors and the process.
sub begin
{
	my ($name, $text) = @_;
	my $file = "$node->{folder}/$name";
	open my $out, '>', "$file.sql" or die "$file.sql: $!";
	print $out $text;
	close $out;
	my @command = ($node->command('shop'), '-f', "$file.sql");
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', "$file.err";
		exec @command or exit 127;
	}
	return { pid => $pid, errors => "$file.err" };
}

# How often each kind of transaction began, and met which error.
my (%begun, %met);
sub count_errors
{
	my ($file) = @_;
	open my $in, '<', $file or die "$file: $!";
	my $kind = 'none';
	while (my $line = <$in>)
	{
		if ($line =~ /^kind (\w+)/) { $kind = $1; $begun{$kind}++ }
		elsif ($line =~ /(?:ERROR|FATAL):\s+(\w{5})\s*$/) { $met{$kind}{$1}++ }
		else { $met{$kind}{ $line =~ s/\s+$//r }++ }
	}
	return;
}

sub run_round
{
	my ($round) = @_;
	# A merge that two sessions are going to take back at once.
	my $event = $node->sql('shop', <<"END");
SELECT e.event_id
FROM (SELECT m.customer_id, row_number() OVER (ORDER BY hashint8extended(m.customer_id, $round)) AS n
      FROM crm.customer_member AS m JOIN crm.customer AS c USING (customer_id) WHERE c.state = 'active' AND c.full_name !~ 'ez\$'
      GROUP BY m.customer_id) AS a
JOIN (SELECT m.customer_id, row_number() OVER (ORDER BY hashint8extended(m.customer_id, $round)) AS n
      FROM crm.customer_member AS m JOIN crm.customer AS c USING (customer_id) WHERE c.state = 'active' AND c.full_name !~ 'ez\$'
      GROUP BY m.customer_id) AS b ON a.n = 1 AND b.n = 2
CROSS JOIN LATERAL crm.merge(a.customer_id, b.customer_id, 'ana', 'a mistake', true) AS e
END
	my $gate = $node->background('shop', "SET application_name = 'gate'", 'SELECT pg_advisory_lock(4711)', 'SELECT pg_sleep(600)');
	my $held = q{SELECT count(*) = %d FROM pg_locks WHERE locktype = 'advisory' AND objid = 4711 AND %s granted};
	$node->wait_for('shop', sprintf $held, 1, '');
	my @running = map { begin("round$round.session$_", script($round, $_, $event)) } 1 .. $sessions;
	$node->wait_for('shop', sprintf $held, $sessions, 'NOT');
	$node->sql('shop', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'gate'", 'omnicrm_admin');
	waitpid $gate, 0;
	for my $session (@running)
	{
		waitpid $session->{pid}, 0;
		is($?, 0, "round $round: a session came to its end");
		count_errors($session->{errors});
	}
	is($node->sql('shop', "SELECT undone_at IS NOT NULL FROM crm.steward_event WHERE event_id = $event"), 't', "round $round: the event is undone");
	return;
}

# What must hold when nobody is at work.
sub examine
{
	my ($when) = @_;
	is($node->sql('shop', 'SELECT * FROM crm.check()'), '', "$when: everything ties");
	$node->sql('shop', 'SELECT crm.resolve()');
	is($node->sql('shop', 'SELECT count(*) FROM crm.resolve_queue'), '0', "$when: nobody waits");
	is($node->sql('shop', 'SELECT * FROM crm.check()'), '', "$when, resolved: everything ties");
	is($node->sql('shop', 'SELECT * FROM t.full_run()'), '', "$when: a full run changes nothing");
	is($node->sql('shop', 'SELECT * FROM crm.check()'), '', "$when, all resolved: everything ties");
	is($node->sql('shop', <<'END'), 't|t', "$when: the orders of all customers are all orders");
SELECT sum(c.revenue) = (SELECT 1.25 * sum(s.orders) FROM t.sold AS s), count(*) > 10
FROM (SELECT m.customer_id, sum(o.revenue) AS revenue
      FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id) JOIN crm.customer AS k USING (customer_id)
      WHERE k.state IN ('active', 'erased')
      GROUP BY m.customer_id) AS c
END
	is($node->sql('shop', <<'END'), '', "$when: whom several sessions took in at once is one customer");
SELECT r.source_key, count(*), array_agg(m.customer_id)
FROM crm.source_record AS r LEFT JOIN crm.customer_member AS m USING (record_id)
WHERE r.source_key LIKE 'twin%'
GROUP BY r.source_key
HAVING count(*) <> 3 OR count(DISTINCT m.customer_id) <> 1 OR count(m.customer_id) <> 3
END
	is($node->sql('shop', <<'END'), '', "$when: every id that was ever given leads to a customer");
SELECT g.customer_id, k.state
FROM (SELECT DISTINCT customer_id FROM t.given WHERE customer_id IS NOT NULL) AS g
LEFT JOIN crm.customer AS k ON k.customer_id = crm.current_id(g.customer_id)
WHERE k.state IS NULL OR k.state NOT IN ('active', 'empty', 'erased')
END
	return;
}

for my $round (1 .. $rounds)
{
	run_round($round);
	examine("after round $round") if $round == $rounds / 2 || $round == $rounds;
}

my @unexpected;
for my $kind (sort keys %met)
{
	push @unexpected, map { "$kind: $_ ($met{$kind}{$_} times)" } grep { !$expected{$kind}{$_} } sort keys %{ $met{$kind} };
}
is(join("\n", @unexpected), '', 'no error but those of colliding decisions');
is($node->sql('shop', "SELECT deadlocks FROM pg_stat_database WHERE datname = 'shop'"), '0', 'nobody waited for another in a circle');
is($met{race}{'55000'}, $rounds, 'of two who take back one event, one finds it undone');
cmp_ok($begun{$_} // 0, '>=', $rounds, "there were transactions of the kind: $_") for sort keys %expected;
cmp_ok($node->sql('shop', "SELECT count(*) FROM crm.quarantine WHERE rule = 'erased_subject'"), '>', 0, 'of the erased some tried to come back');
cmp_ok($node->sql('shop', 'SELECT count(*) FROM crm.customer_redirect'), '>', 5, 'customers were merged');
cmp_ok($node->sql('shop', "SELECT count(*) FROM crm.outbox WHERE change = 'split'"), '>', 5, 'and split');

$node->stop;
done_testing;
