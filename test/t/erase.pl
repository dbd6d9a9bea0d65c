# Erasure as seen from outside: the dump of the database afterwards holds no trace
# of the person, in no spelling and no encoding, and all of the others; a server
# killed in the middle has erased nothing; a restored copy knows who was erased.
use strict;
use warnings;
use utf8;
use Encode qw(decode encode);
use Test::More;
use Time::HiRes qw(sleep);
use Unicode::Normalize qw(NFD);
use Omnicrm;

binmode Test::More->builder->$_, ':utf8' for qw(output failure_output);

my $node = Omnicrm->new('max_wal_size = 1GB', 'autovacuum = off')->start;
$node->database('shop');

# 2,600 people, so that a matching model is trained, and among them Xantipa, with six
# records that bear one name, and her brother, with whom she shares phone and address.
$node->sql('shop', <<'END');
SELECT omnicrm.deploy('crm');
CREATE SCHEMA staging;
CREATE TABLE staging.web AS
SELECT 'w' || n AS id, (ARRAY['Ana', 'Luis', 'Eva', 'Juan', 'Rosa'])[1 + n % 5] AS given,
       'Apellido' || chr(97 + n % 26) || 'ez ' || 'Gil' || chr(97 + n / 26 % 26) || 'o' AS sur, 'cliente' || n || '@hotel-sol.es' AS mail,
       '6' || lpad((n * 7919 % 100000000)::text, 8, '0') AS tel, NULL::text AS nif, (date '1960-01-01' + n * 37 % 12000)::text AS born,
       'Calle Mayor ' || n % 300 AS street, lpad((28000 + n % 50)::text, 5, '0') AS zip, 'Madrid' AS city, NULL::text AS card, NULL::text AS token,
       NULL::text AS login, NULL::text AS note, timestamptz '2024-01-01 00:00+00' + n * interval '1 hour' AS at
FROM generate_series(1, 2600) AS n;
INSERT INTO staging.web
SELECT 'WEB-XQ-' || n, CASE WHEN n < 4 THEN 'Xantipa Mariluz' ELSE 'XANTIPA MARILUZ' END, CASE WHEN n = 5 THEN 'Quintanavides ORDUNEZ' ELSE 'Quintanavides Orduñez' END,
       CASE n WHEN 1 THEN 'Xantipa.Quinta+club@Hotel-Sol.es' WHEN 2 THEN 'xquinta.old@hotel-sol.es' WHEN 3 THEN 'no mail of Xantipa' ELSE 'xantipa.quinta@hotel-sol.es' END,
       CASE WHEN n % 2 = 0 THEN '611 22 33 44' ELSE '655 000 111' END, CASE WHEN n < 3 THEN '52.413.687-E' END, '1977-07-17', 'Callejón del Erizo 99', '28013', 'Madrid',
       CASE WHEN n = 4 THEN 'card xq-4711' END, CASE WHEN n = 5 THEN 'dev-xq-0815-zz' END, CASE WHEN n = 6 THEN 'XantipaQ' END,
       'Zebulona is her cat, number ' || n, timestamptz '2024-02-01 00:00+00' + n * interval '1 day'
FROM generate_series(1, 6) AS n;
INSERT INTO staging.web VALUES
  ('WEB-LG-1', 'Leandro', 'Gallardo Orduñez', 'leandro.gallardo@hotel-sol.es', '655 000 111', '47829163L', '1975-05-15', 'Callejón del Erizo 99', '28013', 'Madrid', NULL, NULL, NULL, 'her brother', '2024-02-09'),
  (NULL, 'Xantipa', 'Quintanavides', 'xantipa.quinta@hotel-sol.es', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 'no key', '2024-02-09');
CREATE TABLE staging.ticket AS
SELECT 'ORD-' || r.who || '-' || n AS no, r.who, timestamptz '2024-03-01 00:00+00' + n * interval '1 day' AS at, 10 * n + 0.5 AS total, 'SALE-' || r.who || '-' || n AS sale
FROM generate_series(1, 5) AS n CROSS JOIN (VALUES ('WEB-XQ-1'), ('WEB-LG-1'), ('w7')) AS r(who);
INSERT INTO staging.ticket VALUES ('ORD-WEB-XQ-1-9', 'WEB-XQ-1', NULL, 1, NULL);
CREATE TABLE staging.touch AS
SELECT 'TCH-' || r.who || '-' || n AS no, r.who, timestamptz '2024-02-01 00:00+00' + n * interval '1 minute' AS at, 'shop' AS channel, 'e1' AS clerk
FROM generate_series(1, 15000) AS n CROSS JOIN (VALUES ('WEB-XQ-1'), ('w8')) AS r(who) WHERE r.who <> 'w8' OR n < 10;
CREATE TABLE staging.cases (no text, who text, at text, subject text);
INSERT INTO staging.cases VALUES ('CASE-XQ-1', 'WEB-XQ-2', '2024-04-01', 'Mrs Quintanavides wants her money back'), ('CASE-LG-1', 'WEB-LG-1', '2024-04-01', 'late');
SELECT crm.add_source('web', 'web', trust => 60);
END

my $load = <<'END';
SELECT b.rows_in, b.rows_loaded, b.rows_unchanged, b.rows_quarantined
FROM (VALUES
  (1, 'staging.web', '{"key": "id", "given_name": "given", "surname": "sur", "email": "mail", "phone": "tel", "tax_id": "nif", "birth_date": "born", "street": "street", "postcode": "zip",
    "city": "city", "loyalty_card": "card", "device": "token", "username": "login", "attributes": ["note"], "business_at": "at"}'),
  (2, 'staging.ticket', '{"entity": "order", "key": "no", "customer": "who", "ordered_at": "at", "revenue": "total", "sale_key": "sale"}'),
  (3, 'staging.touch', '{"entity": "touch", "key": "no", "customer": "who", "occurred_at": "at", "channel": "channel", "employee": "clerk", "role": "seller"}'),
  (4, 'staging.cases', '{"entity": "case", "key": "no", "customer": "who", "opened_at": "at", "subject": "subject"}')) AS p(position, relation, mapping)
CROSS JOIN LATERAL crm.load('web', p.relation::regclass, replace(p.mapping, '"role": "seller"', '"role": {"value": "seller"}')::jsonb) AS b
ORDER BY p.position
END
is($node->sql('shop', $load), "2608|2607|0|1\n16|15|0|1\n15009|15009|0|0\n2|2|0|0", 'everything is loaded');
$node->sql('shop', <<'END');
SELECT crm.resolve();
UPDATE staging.web SET tel = '611 22 33 55', at = at + interval '1 year' WHERE id = 'WEB-XQ-4';
END
$node->sql('shop', $load);
$node->sql('shop', <<'END');
SELECT crm.resolve();
SELECT crm.segment_customers('2024-06-01');
SELECT crm.attribute('2024-01-01', '2024-06-01', interval '90 days');
SELECT crm.add_commission_plan('all', 'revenue', 0.05, '{"seller": 1}', interval '90 days', date '2024-01-01');
SELECT crm.run_commission('2024-01-01', '2024-06-01');
SELECT crm.report_contact(NULL, 'phone', '611 22 33 55', 'bounced', '2024-05-01', 'Zebulona answered'), crm.report_contact(NULL, 'phone', '655 000 111', 'verified', '2024-05-01');
ANALYZE;
END
my ($her, $brother) = split /\|/, $node->sql('shop', <<'END');
SELECT (SELECT m.customer_id FROM crm.customer_member AS m JOIN crm.source_record AS r USING (record_id) WHERE r.source_key = 'WEB-XQ-1'),
       (SELECT m.customer_id FROM crm.customer_member AS m JOIN crm.source_record AS r USING (record_id) WHERE r.source_key = 'WEB-LG-1')
END
isnt($her, $brother, 'two customers');
is($node->sql('shop', "SELECT count(*) FROM crm.customer_member WHERE customer_id = $her"), '6', 'hers has six records');
is($node->sql('shop', "SELECT count(*) FROM crm.match_model WHERE model::text LIKE '%quintanavides%'"), '1', 'the matching model knows her name');

# --- What must not be found: her words in every form in which a hub could keep them.
my @words = ('xantipa', 'mariluz', 'quintanavides', 'xantipaq', 'xantipa.quinta', 'xquinta.old', '611223344', '611 22 33 44', '611223355', '52413687e', '52.413.687',
	'xq-4711', 'xq4711', 'dev-xq-0815', 'web-xq-', 'ord-web-xq', 'sale-web-xq', 'tch-web-xq', 'case-xq', 'zebulona', 'money back', '1977-07-17', '17770717');
my @forms;
for my $word (@words)
{
	push @forms, $word, scalar reverse($word), unpack('H*', $word), unpack('H*', uc $word), unpack('H*', ucfirst $word);
	(my $bare = $word) =~ s/[^a-z0-9]//g;
	push @forms, $bare, scalar reverse $bare if length $bare >= 6;
}
# Hashes without a secret can be guessed back.
my @numbers = split /\n/, $node->sql('shop', <<"END");
SELECT DISTINCT n.hash
FROM (SELECT r.content_hash AS hash FROM crm.source_record AS r JOIN crm.customer_member AS m USING (record_id) WHERE m.customer_id = $her
      UNION ALL
      SELECT o.content_hash FROM crm.sales_order AS o JOIN crm.customer_member AS m USING (record_id) WHERE m.customer_id = $her
      UNION ALL
      SELECT u.key
      FROM crm.match_compared AS k
      JOIN crm.customer_member AS m USING (record_id)
      CROSS JOIN LATERAL unnest(omnicrm.match_compared_keys(k.compared, false)) AS u(key)
      WHERE m.customer_id = $her
        AND NOT EXISTS (SELECT FROM crm.match_compared AS o JOIN crm.customer_member AS x USING (record_id)
                        WHERE o.keys && omnicrm.match_short_keys(ARRAY[u.key]) AND x.customer_id <> $her)) AS n
END
cmp_ok(scalar @numbers, '>', 10, 'hashes to look for');

# The dump in lower case without accents, and as it is.
sub dump_of
{
	my ($database) = @_;
	my $text = decode('UTF-8', Omnicrm::run('pg_dump', '-h', $node->{folder}, '-U', 'omnicrm_admin', $database));
	$text = NFD(lc $text);
	$text =~ s/\pM//g;
	return $text;
}
sub traces
{
	my ($text) = @_;
	my @found = grep { index($text, $_) >= 0 } @forms;
	for my $number (@numbers)
	{
		push @found, $number if $text =~ /(?<![\d-])\Q$number\E(?!\d)/;
	}
	return join ', ', @found;
}

# --- Killed in the middle: nothing has happened.
my $state = <<'END';
SELECT md5(string_agg(t.content, ' ' ORDER BY t.content COLLATE "C"))
FROM (SELECT r::text AS content FROM crm.source_record AS r UNION ALL SELECT c::text FROM crm.customer AS c UNION ALL SELECT t::text FROM crm.touch AS t
      UNION ALL SELECT o::text FROM crm.sales_order AS o UNION ALL SELECT q::text FROM crm.quarantine AS q UNION ALL SELECT i::text FROM crm.identifier AS i
      UNION ALL SELECT k::text FROM crm.erased_key AS k UNION ALL SELECT l::text FROM crm.subject_log AS l UNION ALL SELECT m::text FROM crm.match_model AS m) AS t
END
my $erase = "SELECT * FROM crm.subject_erase($her, 'request 17')";
for my $how ('backend', 'server')
{
	my $before = $node->sql('shop', $state);
	my $size = $node->sql('shop', "SELECT pg_relation_size('crm.touch')");
	my $pid = $node->background('shop', "SET application_name = 'victim'", $erase);
	$node->wait_for('shop', "SELECT pg_relation_size('crm.touch') > $size");
	my $busy = $node->sql('shop', "SELECT pid FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active'");
	ok($busy, "erasure is in the middle of its work ($how)");
	if ($how eq 'backend')
	{
		kill 'KILL', $busy;
		waitpid $pid, 0;
		isnt($?, 0, 'the session is gone');
		for (1 .. 600)
		{
			my ($status) = $node->try_sql('shop', 'SELECT 1');
			last unless $status;
			sleep 0.1;
		}
	}
	else
	{
		$node->power_cut;
		waitpid $pid, 0;
		isnt($?, 0, 'the session is gone');
		$node->start;
	}
	is($node->sql('shop', $state), $before, "$how killed: nothing is half erased");
	is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', "$how killed: everything ties");
}

# --- Erased.
my $money = "SELECT sum(revenue), count(*) FROM crm.sales_order";
my $credit = 'SELECT sum(credit_linear), count(*) FROM crm.attribution_credit';
my $paid = 'SELECT sum(amount), count(*) FROM crm.commission_entry';
my @sums = map { $node->sql('shop', $_) } ($money, $credit, $paid);
# Of her brother what remains of links to her goes, and nothing else.
my $his = qq{SELECT (crm.subject_export($brother) - 'made_at' - 'meaning') #- '{tables,match_link}' #- '{tables,match_candidate}' #- '{tables,review_queue}' AS e};
$node->sql('shop', "CREATE TABLE public.his AS $his");
my $before_dump = dump_of('shop');
for my $word (@words)
{
	next if $word =~ /^(17770717|xq4711|52\.413\.687|611 22 33 44|xquinta.old)$/;
	ok(index($before_dump, $word) >= 0, "before, the dump holds $word");
}
like($node->sql('shop', $erase), qr/^source_record\|emptied\|6$/m, 'six records are emptied');
is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', 'everything ties');
is($node->sql('shop', $_), shift @sums, "the same sums: $_") for ($money, $credit, $paid);
is($node->sql('shop', "SELECT h.e = n.e FROM public.his AS h, ($his) AS n"), 't', 'her brother is untouched');
is($node->sql('shop', "SELECT count(*) FROM pg_stats WHERE schemaname = 'crm' AND concat(most_common_vals, histogram_bounds, most_common_elems) ~* 'xantipa|quintanavides|web-xq|611223344'"),
	'0', 'nor do the statistics know her');
is($node->sql('shop', 'SELECT count(*) FROM crm.match_model WHERE model::text LIKE \'%calle mayor 17%\''), '1', 'the matching model still knows the names of others');

# Her rows are tried again, and her name by another source.
like($node->sql('shop', $load), qr/^2608\|0\|2601\|7$/m, 'her rows are quarantined');
$node->sql('shop', <<'END');
SELECT crm.add_source('news', 'newsletter', trust => 30);
CREATE TABLE staging.news (id text, mail text);
INSERT INTO staging.news VALUES ('n1', 'XANTIPA.QUINTA@hotel-sol.es'), ('n2', 'leandro.gallardo@hotel-sol.es');
SELECT crm.load('news', 'staging.news', '{"key": "id", "email": "mail"}');
SELECT crm.resolve();
END
is($node->sql('shop', 'SELECT count(*) FROM crm.check()'), '0', 'everything ties');
$node->sql('shop', 'DROP SCHEMA staging CASCADE; DROP TABLE public.his');
my $dump = dump_of('shop');
is(traces($dump), '', 'no trace of her in the dump');
like($dump, qr/\Q$_\E/, "but $_") for ('leandro', 'gallardo', '655000111', 'erizo', 'web-lg-1', 'ord-web-lg-1-3', '47829163l', '1975-05-15');

# --- A copy knows too whom not to take in.
$node->sql('postgres', 'CREATE DATABASE copy OWNER omnicrm_owner TEMPLATE template0', 'omnicrm_admin');
my $file = "$node->{folder}/shop.sql";
Omnicrm::run('pg_dump', '-h', $node->{folder}, '-U', 'omnicrm_admin', '-f', $file, 'shop');
Omnicrm::run('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-h', $node->{folder}, '-U', 'omnicrm_admin', '-f', $file, 'copy');
is($node->sql('copy', <<'END'), '2|1|1', 'a copy does not take her in');
CREATE TABLE public.news AS SELECT 'n8' AS id, 'xantipa.quinta@hotel-sol.es' AS mail UNION ALL SELECT 'n9', 'somebody@hotel-sol.es';
SELECT rows_in, rows_loaded, rows_quarantined FROM crm.load('news', 'public.news', '{"key": "id", "email": "mail"}');
END
is($node->sql('copy', 'SELECT count(*) FROM crm.check()'), '0', 'everything ties in the copy');

$node->stop;
done_testing;
