# Clients with prepared statements read cards, search and reports while loads
# and resolve go on: every id ever given answers, nobody waits for long, nobody
# sees an error, and everything ties afterwards.
use strict;
use warnings;
use File::Temp;
use Test::More;
use Omnicrm;

plan skip_all => 'pgbench is not installed' unless grep { -x "$_/pgbench" } split /:/, $ENV{PATH};

my $people = 600;
my $node = Omnicrm->new->start;
$node->database('shop');
$node->sql('shop', <<"STATEMENTS");
SELECT omnicrm.deploy('crm');
SELECT crm.add_source('web', 'web', trust => 60);
SELECT crm.add_source('card', 'loyalty', trust => 80);
CREATE TABLE person AS
SELECT n, 'Nombre' || chr(65 + n % 26) || ' ' || chr(65 + n / 26 % 26) || 'ara' AS given, 'Apellido' || chr(65 + n % 23) || 'ez' AS surname,
       'persona' || n || '\@hotel-sol.es' AS mail, '6' || lpad((n * 7919 % 100000000)::text, 8, '0') AS phone
FROM generate_series(1, $people) AS n;
CREATE TABLE purchase AS
SELECT 'o' || n AS no, 'w' || 1 + n % $people AS who, timestamptz '2025-01-01 00:00+00' + n * interval '1 hour' AS at, n % 90 + 0.50 AS total
FROM generate_series(1, 3 * $people) AS n;
CREATE VIEW web AS SELECT 'w' || n AS id, given, surname, mail, NULL::text AS phone, timestamptz '2024-01-01 00:00+00' AS at FROM person;
CREATE VIEW card AS SELECT 'c' || n AS id, given, surname, NULL::text AS mail, phone, timestamptz '2024-02-01 00:00+00' AS at FROM person;
SELECT crm.load('web', 'web', '{"key": "id", "given_name": "given", "surname": "surname", "email": "mail", "phone": "phone", "business_at": "at"}');
SELECT crm.load('card', 'card', '{"key": "id", "given_name": "given", "surname": "surname", "email": "mail", "phone": "phone", "business_at": "at"}');
SELECT crm.load('web', 'purchase', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total"}');
SELECT crm.resolve();
SELECT crm.segment_customers('2025-06-01');
SELECT crm.refresh_offers();
STATEMENTS
my $ids = $node->sql('shop', 'SELECT max(customer_id) FROM crm.customer');
is($ids, 2 * $people, 'web and card do not know each other yet');

my $script = File::Temp->new(TEMPLATE => 'client.XXXXXX', TMPDIR => 1);
print $script <<"STATEMENTS";
\\set id random(1, $ids)
\\set n random(1, $people)
SELECT length(crm.customer_card(:id)::text);
SELECT count(*) FROM crm.find_customer('persona' || :n || '\@hotel-sol.es');
SELECT count(*) FROM crm.next_best_offer(:id, 3);
SELECT count(*), sum(revenue) FROM crm_bi.fact_order WHERE customer_id = crm.current_id(:id);
SELECT may_contact, reason FROM crm.may_contact(:id, 'email');
STATEMENTS
$script->flush;

my $result = "$node->{folder}/pgbench.txt";
my $pid = fork() // die "fork: $!";
if ($pid == 0)
{
	open STDOUT, '>', $result;
	open STDERR, '>&', \*STDOUT;
	exec 'pgbench', '-n', '-M', 'prepared', '-c', '3', '-T', '8', '-h', $node->{folder}, '-U', 'omnicrm_owner', '-f', "$script", 'shop'
		or POSIX::_exit(127);
}

# Meanwhile the card tells e-mails too, a part of the people at a time: each part
# joins two customers into one, moves on, and half of them part again.
my $load = q{SELECT crm.load('card', 'card', '{"key": "id", "given_name": "given", "surname": "surname", "email": "mail", "phone": "phone", "business_at": "at"}'); SELECT crm.resolve();};
my $rounds = 0;
for my $known (200, 400, 600, 300)
{
	$node->sql('shop', <<"STATEMENTS" . $load);
CREATE OR REPLACE VIEW card AS
SELECT 'c' || n AS id, given, surname, CASE WHEN n <= $known THEN mail END AS mail, phone, timestamptz '2024-02-01 00:00+00' + interval '1 day' * $rounds AS at
FROM person;
STATEMENTS
	$rounds++;
	is($node->sql('shop', "SELECT count(*) FROM crm.customer WHERE state = 'active'"), 2 * $people - $known,
		"with $known e-mails on cards, $known people are known as one");
	is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', 'and everything ties');
}
waitpid $pid, 0;
my $status = $?;
my $output = do { local (@ARGV, $/) = $result; <> };
is($status, 0, 'no client met an error') or diag($output);
my ($done) = $output =~ /number of transactions actually processed: (\d+)/;
cmp_ok($done // 0, '>', 20, 'and they were served');
is($node->sql('shop', "SELECT sum(revenue) FROM crm_bi.fact_order"), $node->sql('shop', 'SELECT sum(total)::numeric(18, 2) FROM purchase'),
	'revenue to the cent, whoever is who');

$node->stop;
done_testing;
