# Corrupt bytes of a journey, by the binary form of COPY: each is refused by a clean
# error, or is a journey that is written, read and credited like any other.
# OMNICRM_FUZZ_SEED changes the bytes, OMNICRM_FUZZ_JOURNEYS their number (3000).
use strict;
use warnings;
use File::Temp qw(tempdir);
use Test::More;
use Omnicrm;

srand($ENV{OMNICRM_FUZZ_SEED} // 20260101);
my $count = $ENV{OMNICRM_FUZZ_JOURNEYS} // 3000;

my $node = Omnicrm->new->start;
$node->database('fuzz');
$node->sql('fuzz', 'CREATE TABLE given (n integer, j omnicrm.journey)');

# Whole values: short ones, with and without ids, several kinds of names and amounts.
my @whole = map { pack 'H*', $_ } split /\n/, $node->sql('fuzz', <<'END');
SELECT encode(omnicrm.journey_send(j), 'hex')
FROM (SELECT omnicrm.journey(timestamptz '2024-01-01' + make_interval(hours => i * 7 % (n * 5)), (ARRAY['email', 'é', 'shop', NULL])[1 + i % 4], (ARRAY['lead', NULL])[1 + i % 2],
                             CASE WHEN i % 5 = 4 THEN i * 1234567.891 - 1000 END, CASE WHEN n % 3 = 0 OR n % 3 = 1 AND i % 2 = 0 THEN i * 1000 END) AS j
      FROM generate_series(1, 12) AS n, generate_series(1, 60) AS i WHERE i <= n * n GROUP BY n
      UNION ALL SELECT '{}') AS x
END
is(scalar @whole, 13, 'there are values to damage');

# One to three damages: a byte changed, a bit turned, bytes left out, put in or repeated, the end cut off.
sub damaged
{
	my ($bytes) = @_;
	for (1 .. 1 + int rand 3)
	{
		my $at = int rand(1 + length $bytes);
		my $size = 1 + int rand 4;
		my $kind = int rand 6;
		my $one = int(rand 2) ? chr int rand 256 : substr "\x00\x01\x02\x7f\x80\xff", int(rand 6), 1;
		if ($kind == 0 && $at < length $bytes) { substr($bytes, $at, 1) = $one; }
		elsif ($kind == 1 && $at < length $bytes) { substr($bytes, $at, 1) ^= chr(1 << int rand 8); }
		elsif ($kind == 2) { substr($bytes, $at, $size) = ''; }
		elsif ($kind == 3) { substr($bytes, $at, 0) = $one x $size; }
		elsif ($kind == 4) { substr($bytes, $at, 0) = substr $bytes, int rand(1 + length $bytes), 8; }
		else { $bytes = substr $bytes, 0, $at; }
	}
	return $bytes;
}

my $folder = tempdir('journey.XXXX', TMPDIR => 1, CLEANUP => 1);
my $script = "\\set ON_ERROR_STOP 0\n\\set VERBOSITY verbose\nSET statement_timeout = '20s';\n";
for my $n (1 .. $count)
{
	my $value = $whole[ $n % @whole ];
	$value = damaged($value) if $n > @whole;
	open my $file, '>:raw', "$folder/$n" or die "$folder/$n: $!";
	print $file "PGCOPY\n\xff\r\n\0", pack('N N n N N N/a n', 0, 0, 2, 4, $n, $value, 0xffff);
	close $file;
	$script .= "\\copy given FROM '$folder/$n' (FORMAT binary)\n";
}
my ($status, $output) = $node->try_sql('fuzz', $script);
my @unclean = grep { /(?:ERROR|FATAL|PANIC|server closed|connection)/ && !/ERROR:  (?:22P03|21000)/ } split /\n/, $output;
is(join("\n", @unclean[ 0 .. ($#unclean > 4 ? 4 : $#unclean) ]), '', "$count values are read or refused by a clean error");
my $refused = () = $output =~ /ERROR:  (?:22P03|21000)/g;
my $read = $node->sql('fuzz', 'SELECT count(*) FROM given');
is($read + $refused, $count, 'each of them');
cmp_ok($refused, '>', $count / 4, 'many are refused');
cmp_ok($read, '>', $count / 50, 'some are journeys all the same');

is($node->sql('fuzz', 'SELECT count(*) FROM given WHERE j::text::omnicrm.journey::bytea <> j::bytea OR omnicrm.journey_path(j) IS NULL'),
	'0', 'what is read is in the one form of a journey');
is($node->sql('fuzz', <<'END'), '0', 'and is credited to the last unit');
SELECT count(*)
FROM (SELECT g.n, c.conversion, v.value, sum(c.amounts[1]) AS a, sum(c.amounts[2]) AS b, sum(c.amounts[3]) AS c, sum(c.amounts[4]) AS d
      FROM given AS g, omnicrm.journey_credits(g.j, '{linear,time_decay,shapley,same_touch}') AS c
        JOIN omnicrm.journey_conversions(g.j) AS v ON v.conversion = c.conversion
      GROUP BY g.n, c.conversion, v.value) AS s
WHERE value <> a OR value <> b OR value <> c OR value <> d
END
is($node->sql('fuzz', 'SELECT count(*) > 0 FROM (SELECT omnicrm.journey_rollup(j) FROM given GROUP BY n) AS r'), 't', 'and rolled up');
unlike($node->server_log, qr/terminated by signal|PANIC/, 'no crash');
$node->stop;
done_testing;
