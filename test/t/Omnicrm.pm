# Helper of the server tests: makes private clusters in temporary folders with
# the programs found in $PATH (./check puts the private installation there).
# Runs as an unprivileged user; needs nothing but Perl itself.
package Omnicrm;

use strict;
use warnings;
use File::Temp qw(tempdir);
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(sleep time);

my %started;
my $main_process = $$;

# Stopped from outside: the servers must not stay behind.
$SIG{$_} = sub { exit 1 } for qw(TERM INT HUP);

# Omnicrm->new(settings...): a new cluster, not yet started. Settings are lines
# of postgresql.conf.
sub new
{
	my ($class, @settings) = @_;
	my $folder = tempdir('node.XXXX', TMPDIR => 1, CLEANUP => 1);
	my $self = bless { folder => $folder, data => "$folder/data" }, $class;

	run('initdb', '-D', $self->{data}, '-U', 'omnicrm_admin', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync');
	open my $conf, '>>', "$self->{data}/postgresql.conf" or die "postgresql.conf: $!";
	print $conf map { "$_\n" } (
		"listen_addresses = ''",
		"unix_socket_directories = '$folder'",
		"shared_buffers = 64MB",
		"fsync = off",
		"timezone = 'UTC'",
		"lc_messages = 'C'",
		"jit = off",
		"restart_after_crash = on",
		@settings);
	close $conf;
	return $self;
}

# Runs a program and dies with its output when it fails; returns the output.
sub run
{
	my @command = @_;
	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0)
	{
		open STDERR, '>&', \*STDOUT;
		exec @command or exit 127;
	}
	my $text = do { local $/; <$out> } // '';
	close $out;
	die "@command failed:\n$text" if $?;
	return $text;
}

# Starts the server as a child of this process, so that it is fetched when it is
# killed even where no init process does so, and waits until it answers.
sub start
{
	my ($self) = @_;
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		POSIX::setsid();
		open STDIN, '<', '/dev/null';
		open STDOUT, '>>', "$self->{folder}/server.log";
		open STDERR, '>&', \*STDOUT;
		exec 'postgres', '-D', $self->{data} or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	$started{ $self->{data} } = $self;
	my $end = time + 120;
	while (time < $end)
	{
		die 'the server ended: ' . $self->server_log if waitpid($pid, WNOHANG);
		my ($status) = $self->try_sql('postgres', 'SELECT 1', 'omnicrm_admin');
		return $self unless $status;
		sleep 0.05;
	}
	die 'the server does not answer: ' . $self->server_log;
}

# $node->standby: a copy of a running cluster that follows it and can be read, not
# yet started.
sub standby
{
	my ($self) = @_;
	my $folder = tempdir('node.XXXX', TMPDIR => 1, CLEANUP => 1);
	my $standby = bless { folder => $folder, data => "$folder/data" }, ref $self;

	run('pg_basebackup', '-h', $self->{folder}, '-U', 'omnicrm_admin', '-D', $standby->{data}, '-R', '-X', 'stream', '-c', 'fast', '--no-sync');
	open my $conf, '>>', "$standby->{data}/postgresql.conf" or die "postgresql.conf: $!";
	print $conf "unix_socket_directories = '$folder'\nhot_standby = on\n";
	close $conf;
	return $standby;
}

# Waits until a standby has all that this cluster has written.
sub wait_for_standby
{
	my ($self, $standby) = @_;
	my $position = $self->sql('postgres', 'SELECT pg_current_wal_lsn()', 'omnicrm_admin');
	return $standby->wait_for('postgres', "SELECT pg_last_wal_replay_lsn() >= '$position'", 'omnicrm_admin');
}

sub stop
{
	my ($self, $mode) = @_;
	run('pg_ctl', '-D', $self->{data}, '-m', $mode // 'fast', '-w', '-s', 'stop');
	waitpid $self->{pid}, 0;
	delete $started{ $self->{data} };
	return;
}

# kill -9 of the server and of all its processes, as by a power cut.
sub power_cut
{
	my ($self) = @_;
	my $server = $self->{pid};
	my @children = grep { $_ } map { parent_of($_) == $server ? $_ : 0 } processes();
	kill 'KILL', $server, @children;
	waitpid $server, 0;
	for (1 .. 200)
	{
		last unless grep { is_running($_) } @children;
		sleep 0.05;
	}
	delete $started{ $self->{data} };
	return;
}

sub processes
{
	opendir my $dir, '/proc' or die "/proc: $!";
	return grep { /^\d+$/ } readdir $dir;
}

# False for a process that is gone, or dead and not yet fetched by its parent.
sub is_running
{
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/stat" or return 0;
	my $line = <$file> // return 0;
	return $line !~ /^\d+ \(.*\) Z/s;
}

sub parent_of
{
	my ($pid) = @_;
	open my $file, '<', "/proc/$pid/stat" or return 0;
	my $line = <$file> // return 0;
	return $line =~ /^\d+ \(.*\) \S (\d+)/s ? $1 : 0;
}

sub command
{
	my ($self, $database, $user) = @_;
	return ('psql', '-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', '-h', $self->{folder},
		'-U', $user // 'omnicrm_owner', '-d', $database);
}

# $node->sql(database, statements, user): runs SQL, dies on an error, returns
# the rows as text (columns separated by |).
sub sql
{
	my ($self, $database, $statements, $user) = @_;
	my ($status, $text) = $self->try_sql($database, $statements, $user);
	die "SQL failed: $statements\n$text" if $status;
	return $text;
}

# The same, but returns (exit status, output with errors).
sub try_sql
{
	my ($self, $database, $statements, $user) = @_;
	my $file = File::Temp->new(TEMPLATE => 'sql.XXXXXX', TMPDIR => 1);
	binmode $file, ':utf8';
	print $file $statements;
	$file->flush;
	my @command = ($self->command($database, $user), '-f', $file->filename);
	my $pid = open(my $out, '-|') // die "fork: $!";
	if ($pid == 0)
	{
		open STDERR, '>&', \*STDOUT;
		exec @command or exit 127;
	}
	my $text = do { local $/; <$out> } // '';
	close $out;
	my $status = $?;
	chomp $text;
	return ($status >> 8 || $status, $text);
}

# Starts statements, each a transaction, in a session of its own; returns the
# process id of psql.
sub background
{
	my ($self, $database, @statements) = @_;
	my @command = ($self->command($database), map { ('-c', $_) } @statements);
	my $pid = fork() // die "fork: $!";
	if ($pid == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>&', \*STDOUT;
		exec @command or exit 127;
	}
	return $pid;
}

# Waits until a query gives true; dies after a minute.
sub wait_for
{
	my ($self, $database, $query, $user) = @_;
	my $end = time + 60;
	while (time < $end)
	{
		return if $self->sql($database, $query, $user) eq 't';
		sleep 0.02;
	}
	die "waited in vain for: $query";
}

# A database with the extension, owned by omnicrm_owner, who is no superuser.
sub database
{
	my ($self, $name, %option) = @_;
	$self->sql('postgres', <<'END', 'omnicrm_admin');
DO $$ BEGIN
  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'omnicrm_owner') THEN
    CREATE ROLE omnicrm_owner LOGIN CREATEROLE;
  END IF;
END $$;
END
	$self->sql('postgres', "CREATE DATABASE $name OWNER omnicrm_owner TEMPLATE template0", 'omnicrm_admin');
	$self->sql($name, 'CREATE EXTENSION omnicrm', 'omnicrm_admin') unless $option{empty};
	return;
}

sub server_log
{
	my ($self) = @_;
	open my $file, '<', "$self->{folder}/server.log" or return '';
	local $/;
	return <$file>;
}

END
{
	my $status = $?;
	return unless %started && $$ == $main_process;
	for my $node (values %started)
	{
		eval { $node->stop('immediate') };
	}
	$? = $status;
}

1;
