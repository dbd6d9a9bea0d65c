# The source tree keeps its own rules: one version number, every file listed,
# clean text, files of readable size, nothing that must not be there.
use strict;
use warnings;
use File::Find;
use Test::More;

my $top = $ENV{OMNICRM_TREE} // '../..';
chdir $top or die "$top: $!";

sub content
{
	my ($path) = @_;
	open my $file, '<:raw', $path or die "$path: $!";
	local $/;
	return scalar <$file>;
}

my @files;
find({
		no_chdir => 1,
		wanted => sub {
			$File::Find::prune = 1, return if -d && m{^\./(\.git|test/(results|output_iso|expected|tmp_check))$};
			push @files, s{^\./}{}r if -f && !-l && !/\.(o|so|bc)$/ && !m{sql/omnicrm--.*\.sql(\.tmp)?$};
		}
	}, '.');
@files = sort @files;

# --- One version
my ($version) = content('omnicrm.control') =~ /default_version = '(\d+\.\d+\.\d+)'/;
ok(defined $version, 'the control file has a version');
my @stated = content('META.json') =~ /"version": "(\d+\.\d+\.\d+)"/g;
is($stated[0], $version, 'META.json has the same');
like(content('CHANGELOG.md'), qr/^## \Q$version\E$/m, 'CHANGELOG.md describes it');

# --- The manifest names every SQL file once
my @listed = content('sql/manifest') =~ /^[a-z]+\s+(\S+)$/mg;
my @present = grep { m{^sql/(toolbox|hub|report)/.*\.sql$} } @files;
is_deeply([ sort @listed ], [ sort @present ], 'sql/manifest lists every SQL file once');
is($listed[-1], 'sql/report/grants.sql', 'rights on reports are granted after all reports are made');
my @code = content('sql/manifest') =~ /^code\s+(\S+)$/mg;
is($code[-1], 'sql/hub/house/grants.sql', 'rights on functions are settled after all functions are made');

# --- Each test has its expected output, and each output its test
my %expected = map { m{^expected/(.*)\.out$} ? ($1 => 1) : () } @files;
my %test = map { m{^test/(?:sql|specs)/([^/]*)\.(?:sql|spec)$} ? ($1 => 1) : () } @files;
is_deeply([ sort keys %expected ], [ sort keys %test ], 'tests and expected outputs match');

# --- Text
my (@dirty, @long, @first);
for my $path (grep { !m{^expected/} && -T } @files)
{
	my $text = content($path);
	push @dirty, $path if $text =~ /[ \t]+$/m || $text =~ /\r/ || $text !~ /\n\z/ || $text =~ /\n\n\z/;
	push @long, $path if $path =~ /\.(c|h|cpp)$/ && ($text =~ tr/\n//) > 800;
	push @first, $path if $path =~ m{^src/.*\.c$} && ($text =~ /^#include\s+["<]([^">]+)/m ? $1 : '') ne 'postgres.h';
}
is_deeply(\@dirty, [], 'no trailing blanks, carriage returns or missing last line feed');
is_deeply(\@long, [], 'no C file above 800 lines');
is_deeply(\@first, [], 'every C file includes postgres.h first');

# --- Code
my (@version_checks, @banned, @sql);
for my $path (grep { m{^src/} } @files)
{
	my $text = content($path);
	(my $code = $text) =~ s{/\*.*?\*/}{}gs;
	push @version_checks, $path if $path !~ m{^src/(common/compat\.h|omnicrm\.c)$} && $code =~ /PG_VERSION_NUM/;
	next unless $path =~ /\.c$/;
	push @banned, "$path: $1" if $code =~ /\b(sprintf|strcpy|strcat|gets|malloc|calloc|realloc|printf|system|popen)\s*\(/;
}
for my $path (grep { m{^sql/(toolbox|hub|report)/.*\.sql$} } @files)
{
	my $code = content($path) =~ s{--.*$}{}gmr =~ s{'(?:[^']|'')*'}{''}gr;
	push @sql, $path if $code =~ /\bSECURITY\s+DEFINER\b/i
		|| $path =~ m{^sql/toolbox/} && $code =~ /\b(IF\s+NOT\s+EXISTS|OR\s+REPLACE)\b/i;
}
is_deeply(\@version_checks, [], 'only compat.h knows server versions');
is_deeply(\@banned, [], 'no function that forgets lengths or the server\'s memory');
is_deeply(\@sql, [], 'no SECURITY DEFINER, nothing adopted at installation');

done_testing;
