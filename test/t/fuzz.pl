# Hostile values for every function and aggregate in C: each call ends with a
# result or a clean error, never with an internal error, a crash or a hang.
# The calls are random but the same every time: OMNICRM_FUZZ_SEED changes them,
# OMNICRM_FUZZ_CALLS sets how many there are for each function (200).
use strict;
use warnings;
use Test::More;
use Omnicrm;

srand($ENV{OMNICRM_FUZZ_SEED} // 20260101);
my $calls = $ENV{OMNICRM_FUZZ_CALLS} // 200;

my $node = Omnicrm->new->start;
$node->database('fuzz');

# A matching model of two columns, for what takes one, and records packed by it.
my $model = sprintf q('{"omnicrm_model": 1, "prior": 0.01, "comparisons": [{"column": "key", "kind": "text", "levels": [%s]}, {"column": "x", "kind": "birth_date", "levels": [%s]}]}'),
	map { join ', ', ('{"m": 0.15, "u": 0.1}') x $_ } 5, 6;
my @packed = ("'\\x01008b026964'", "'\\x01008b0269780183083139383030353035'", "'\\x0101830831393830'", "'\\x01f08b0161'");

my %values = (
	'text' => [ 'NULL', "''", "' '", "'a'", "'José María García-López'", "'GARCIA LOPEZ, J. M.'", "'600 11 12 22'", "'+34600111222'",
		"'a\@b.es'", "'\@'", "'12345678Z'", "'X1234567L'", "'B12345674'", "'31/02/2024'", "'0000-00-00'", "'NaN'", "'-1'", "'1,234.50'",
		"'ES'", "'XX'", "'email'", "'trust'", "'recent'", "'linked'", "'marginal'", "'five'", "'linear'", "'time_decay'", "repeat('x', 5000)", "repeat('é ', 3000)",
		"E'\\x01\\x7f\\n\\t'", "U&'\\+01F600\\0301\\202E\\FEFF'", "'王小明'", "'محمد'", "'%_\\'", "'(?1).*(?2)(?t<=3600).'", "'strict_once,strict_order'", "'\"; DROP TABLE x --'" ],
	'integer' => [ qw(NULL 0 1 -1 2 5 7 100 65536 2147483647 -2147483648) ],
	'bigint' => [ qw(NULL 0 1 -1 2 3 10 100 4294967296 9223372036854775807 -9223372036854775808) ],
	'smallint' => [ qw(NULL 0 1 -1 5 32767 -32768) ],
	'numeric' => [ 'NULL', '0', '1', '-1', '100.00', '0.005', "'NaN'", "'Infinity'", "'-Infinity'", '1e30', '-1e30', '1e-30', '9223372036854775807.99', "1e1000" ],
	'double precision' => [ 'NULL', '0', '-0.0', '1', '-1', '0.5', '100', "'NaN'", "'Infinity'", "'-Infinity'", '1e308', '-1e308', '5e-324' ],
	'real' => [ 'NULL', '0', '1', '-1', '0.5', "'NaN'", "'Infinity'", '3e38' ],
	'boolean' => [ qw(NULL true false) ],
	'date' => [ 'NULL', "'2024-02-29'", "'1980-05-05'", "'0001-01-01'", "'4713-01-01 BC'", "'5874897-12-31'", "'infinity'", "'-infinity'" ],
	'timestamp with time zone' => [ 'NULL', "'2024-02-29 12:00+00'", "'1980-05-05 00:00+00'", "'4713-01-01 00:00+00 BC'", "'294276-12-31 23:59:59+00'",
		"'infinity'", "'-infinity'" ],
	'interval' => [ 'NULL', "'0'", "'1 day'", "'-1 day'", "'90 days'", "'1 month -30 days'", "'178000000 years'", "'1 microsecond'" ],
	'jsonb' => [ 'NULL', "'null'", "'{}'", "'[]'", "'1'", "'\"x\"'", "'{\"lookback\": \"1 day\", \"only_if_alone\": [\"direct\"], \"transform\": [\"frequency\", {\"trim_long\": 2}]}'", "'{\"key\": \"id\", \"x\": [1, null, {\"a\": []}]}'", $model, $model ],
	'bytea' => [ 'NULL', "''", "'\\x00'", "'\\xffffffffffffffff'", "'\\x0000000000000000000000000000000000000000'", @packed ],
	'name' => [ 'NULL', "'a'", "'\"; DROP TABLE x --'" ],
	'omnicrm.journey' => [ 'NULL', "'{}'", map { "'{$_}'" } '"touches": [{"at": "2024-01-01", "actor": "a"}, {"at": "294276-12-31", "kind": "lead", "event": -1}]',
		'"conversions": [{"at": "4713-01-01 BC", "value": -92233720368547758.07}]',
		'"touches": [{"at": "2024-01-01", "actor": "a"}, {"at": "2024-01-01", "actor": "direct", "kind": "lead"}], "conversions": [{"at": "2024-01-01", "actor": "a", "event": 3, "value": 12.345}, {"at": "2024-02-01", "value": 0}]' ],
	'"char"' => [ 'NULL', "'a'", "''" ],
	'omnicrm.markov' => [ 'NULL', (map "(SELECT omnicrm.markov('{a,b,a,\"\",c}'::text[], $_))", '3, 2.5, 4, 1', '3, -2.5, 4, 2', '1, 1e20, 0, 4', '0, 0, 9, 3', '0, 0, 0, 1', '9223372036854775807, 0, 0, 1'),
		"(SELECT omnicrm.markov('{}'::text[], 1, 1, 1, 1))" ],
	'regclass' => [ 'NULL', "'pg_catalog.pg_class'", '0', '4294967295' ],
	'oid' => [ qw(NULL 0 1259 4294967295) ],
);

sub pick { return $_[ int rand @_ ] }

# An expression of the type, or undef when there is none for it.
sub value_of
{
	my ($type) = @_;
	$type = 'text[]' if $type =~ /^any(compatible)?array$/;
	if ($type =~ /^(.*)\[\]$/)
	{
		my $element = $1;
		return unless $values{$element};
		my $kind = int rand 12;
		return "NULL::$type" if $kind == 0;
		return "'{}'::$type" if $kind == 1;
		return "ARRAY[NULL]::$type" if $kind == 2;
		my $size = $kind == 3 ? 1 : 1 + int rand 8;
		my $flat = sub { join ', ', map { my $v = pick(@{ $values{$element} }); $v = pick(@{ $values{$element} }) if $v eq 'NULL' && rand() < 0.8; $v } 1 .. $_[0] };
		return 'ARRAY[[' . $flat->(2) . '], [' . $flat->(2) . "]]::${element}[]" if $kind == 4;
		return "array_fill((" . pick(@{ $values{$element} }) . ")::$element, ARRAY[1500])" if $kind == 5;
		return 'ARRAY[' . $flat->($size) . "]::${element}[]";
	}
	$type = 'text' if $type =~ /^any(element|compatible|nonarray)?$/;
	return unless $values{$type};
	return '(' . pick(@{ $values{$type} }) . ")::$type";
}

my @functions = map { [ split /\|/, $_, 5 ] } split /\n/, $node->sql('fuzz', <<'END');
SELECT p.proname, p.prokind, p.proretset, p.provariadic <> 0,
       (SELECT string_agg(format_type(t.oid, NULL), ';' ORDER BY t.n) FROM unnest(p.proargtypes) WITH ORDINALITY AS t(oid, n))
FROM pg_proc AS p
  JOIN pg_language AS l ON l.oid = p.prolang
WHERE p.pronamespace = 'omnicrm'::regnamespace
  AND (l.lanname = 'c' OR p.prokind = 'a')
ORDER BY p.oid::regprocedure::text COLLATE "C"
END

my (@statements, @passed_over);
for my $function (@functions)
{
	my ($name, $kind, $set, $variadic, $types) = @$function;
	my @types = split /;/, $types // '';
	if (grep { !defined value_of($_) && !defined value_of($_) } grep { $_ ne '' } @types)
	{
		push @passed_over, $name . '(' . join(', ', @types) . ')';
		next;
	}
	for (1 .. (@types ? $calls : 1))
	{
		if ($kind eq 'a' || $kind eq 'w')
		{
			my @arguments = map { "v.c$_" } 1 .. @types;
			$arguments[-1] = "VARIADIC $arguments[-1]" if $variadic eq 't';
			my $arguments = join(', ', @arguments) || '*';
			my $rows = join ', ', map { '(' . join(', ', $_, map { value_of($_) } @types) . ')' } 1 .. 1 + int rand 12;
			my $names = join ', ', 'n', map { "c$_" } 1 .. @types;
			my $over = $kind eq 'w' ? ' OVER (ORDER BY v.n)' : pick('', '', ' FILTER (WHERE false)', ' OVER (ORDER BY v.n)');
			push @statements, "SELECT count(x) FROM (SELECT omnicrm.$name($arguments)$over AS x FROM (VALUES $rows) AS v($names)) AS y;";
		}
		else
		{
			my $call = "omnicrm.$name(" . join(', ', map { value_of($_) } @types) . ')';
			push @statements, "SELECT count(x) FROM (SELECT $call AS x) AS y;";
		}
	}
}
diag('not called, for want of values: ' . join(', ', @passed_over)) if @passed_over && $ENV{OMNICRM_FUZZ_VERBOSE};
ok(@statements > 0, 'there are functions to call');

my $script = "\\set ON_ERROR_STOP 0\n\\set VERBOSITY verbose\nSET statement_timeout = '20s';\n";
my $first = 4;
s/\n/ /g for @statements;
my ($status, $output) = $node->try_sql('fuzz', $script . join("\n", @statements) . "\n");
my (@internal, %seen);
for my $line (split /\n/, $output)
{
	next unless $line =~ /^psql:[^:]*:(\d+): (?:ERROR|FATAL|PANIC):\s+(\w{5}):\s*(.*)/ || $line =~ /^psql:[^:]*:(\d+): (server closed|connection)()/;
	my ($at, $code, $message) = ($1, $2, $3);
	next if $code =~ /^\w{5}$/ && $code !~ /^(XX|57|58|42)/;
	# a relation or column that is not there
	next if $code =~ /^42(P01|703)$/ && $statements[ $at - $first ] =~ /::regclass/;
	push @internal, "$code $message\n  " . substr($statements[ $at - $first ], 0, 1000) if $seen{"$code$message"}++ < 3;
}
is(join("\n", @internal), '', scalar(@statements) . ' calls ended in a result or a clean error');
unlike($node->server_log, qr/terminated by signal|PANIC/, 'no crash');
$node->stop;
done_testing;
