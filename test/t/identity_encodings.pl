# The identity toolbox in databases of other encodings and locales, and over
# random bytes where the encoding lets them in: the same results, and never an
# error because of a value.
use strict;
use warnings;
use Test::More;
use Omnicrm;

srand($ENV{OMNICRM_FUZZ_SEED} // 20260202);
my $node = Omnicrm->new->start;

# Values as Unicode escapes; only letters that every one of the encodings has.
my $sample = <<'END';
SELECT concat_ws('|', omnicrm.normalize_name(v.x), omnicrm.name_key(v.x), array_to_string(omnicrm.name_tokens(v.x), ','),
                 omnicrm.name_similarity(v.x, 'Maria Nunez'), omnicrm.normalize_text(' ' || v.x || '  x') = v.x || ' x',
                 omnicrm.jaro_winkler(v.x, v.x), omnicrm.damerau_levenshtein(v.x, 'M'), omnicrm.levenshtein(v.x, 'M'), omnicrm.best_match(v.x, ARRAY['M', v.x]), omnicrm.normalize_email('a' || right(v.x, 0) || '@b.es'))
FROM (VALUES (%s)) AS v(x)
END
my %samples = (
	'LATIN1' => "convert_from('\\x4d6172ed61204efafcf165', 'LATIN1')",
	'LATIN9' => "convert_from('\\x4d6172ed61204efafcf165', 'LATIN9')",
	'WIN1252' => "convert_from('\\x4d6172ed61204efafcf165', 'WIN1252')",
	'UTF8' => "convert_from('\\x4d6172c3ad61204ec3bac3bcc3b165', 'UTF8')",
	'SQL_ASCII' => "convert_from('\\x4d6172c3ad61204ec3bac3bcc3b165', 'SQL_ASCII')",
);
my $expected = 'maria nuune|maria nuune|maria,nuune|0.8|t|1|10|10|(2,1)|a@b.es';
for my $encoding (sort keys %samples)
{
	my $name = 'e_' . lc $encoding;
	$node->sql('postgres', "CREATE DATABASE $name ENCODING '$encoding' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0", 'omnicrm_admin');
	$node->sql($name, 'CREATE EXTENSION omnicrm', 'omnicrm_admin');
	my $got = $node->sql($name, sprintf($sample, $samples{$encoding}), 'omnicrm_admin');
	# In SQL_ASCII a character is a byte for the server, but not for the toolbox.
	is($got, $expected, "names in $encoding");
}

# Bytes without a meaning in their encoding.
is($node->sql('e_win1252', "SELECT omnicrm.normalize_name(convert_from('\\x416e6181426fed62', 'WIN1252'))", 'omnicrm_admin'), 'ana boib', 'a byte that WIN1252 does not define');
is($node->sql('e_sql_ascii', "SELECT omnicrm.normalize_name(convert_from('\\x4d6172ed61', 'SQL_ASCII'))", 'omnicrm_admin'), 'maria', 'Latin-1 bytes in SQL_ASCII');

# Random bytes through every function of text, in SQL_ASCII and LATIN1.
my @calls = map { "omnicrm.$_" } (
	'normalize_name(x)', 'name_tokens(x)::text', 'name_key(x)', 'name_similarity(x, reverse(x))::text', 'jaro_winkler(x, y)::text', 'damerau_levenshtein(x, y)::text',
	'jaro(x, y)::text', 'levenshtein(x, y)::text', 'token_set_similarity(x, y)::text', 'best_match(x, ARRAY[y, x])::text', 'jaro_winkler_many(x, ARRAY[y, x])::text',
	'normalize_email(x)', 'normalize_email(x || \'@\' || y)', 'normalize_phone(x, y)', 'normalize_phone(x, \'ES\')', 'normalize_tax_id(x, y)', 'tax_id_kind(x, y)', 'normalize_postcode(x, y)',
	'normalize_text(x)', 'normalize_gender(x)', 'is_placeholder(\'name\', x)::text', 'is_placeholder(\'email\', x)::text', 'is_placeholder(\'phone\', x)::text', 'is_placeholder(y, x)::text',
	'parse_date(x)::text', 'parse_timestamp(x)::text', 'parse_number(x)::text', 'parse_boolean(x)::text', 'content_hash(x)::text',
	'normalize_iban(x)', 'name_parts(x)::text', 'nickname_key(x)::text', 'phonetic_es(x)', 'normalize_address(x)::text', 'normalize_address(x, y)::text', 'normalize_address(x, \'US\')::text',
	'is_placeholder(\'iban\', x)::text', 'is_placeholder(\'address\', x)::text', 'is_placeholder(\'city\', x)::text', 'is_placeholder(\'surname\', x)::text');
for my $encoding ('SQL_ASCII', 'LATIN1')
{
	my @values;
	for (1 .. 1500)
	{
		my $length = int rand 60;
		my $kind = int rand 4;
		push @values, join '', map { sprintf '%02x', $kind == 0 ? 1 + int rand 255 : $kind == 1 ? 0x80 + int rand 128 : rand() < 0.2 ? 0xC2 + int rand 60 : 0x20 + int rand 95 } 1 .. $length;
	}
	my $rows = join ', ', map { "('\\x$_'::bytea, '\\x" . substr($values[ int rand @values ], 0, 8) . "'::bytea)" } @values;
	$node->sql("e_" . lc $encoding, "CREATE TABLE bytes AS SELECT convert_from(v.x, '$encoding') AS x, convert_from(v.y, '$encoding') AS y FROM (VALUES $rows) AS v(x, y)", 'omnicrm_admin');
	my ($status, $output) = $node->try_sql("e_" . lc $encoding, 'SELECT ' . join(', ', map { "count($_)" } @calls) . ' FROM bytes', 'omnicrm_admin');
	is($status, 0, "random bytes in $encoding") or diag($output);
	# What is normal stays as it is.
	is($node->sql("e_" . lc $encoding, "SELECT count(*) FROM bytes, LATERAL (SELECT omnicrm.$_(x) AS once) AS o WHERE o.once IS NOT NULL AND omnicrm.$_(o.once) IS DISTINCT FROM o.once", 'omnicrm_admin'), '0', "$_ is stable in $encoding")
	  for ('normalize_name', 'name_key', 'normalize_text', 'normalize_email');
}

unlike($node->server_log, qr/terminated by signal|PANIC/, 'no crash');
$node->stop;
done_testing;
