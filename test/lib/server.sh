# Shell library: a private PostgreSQL server with omnicrm built and installed,
# used by ./check, ./demo and test/bench/run. Source it with bash, then call
#   omnicrm_prepare [debug]   packages, build, private installation
#   omnicrm_start [setting..] server on a socket in a temporary folder
# The server stops and the folder goes when the shell ends. Nothing is written
# to the system's PostgreSQL: the build is installed into a private copy of it.

omnicrm_top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
omnicrm_work=

omnicrm_say() { printf '%s\n' "$*" >&2; }
omnicrm_die() { omnicrm_say "error: $*"; exit 1; }

# The pg_config to build with: $PG_CONFIG, or the newest supported one with
# server headers.
omnicrm_find_pg_config() {
	local candidate
	if [ -n "${PG_CONFIG:-}" ]; then
		command -v "$PG_CONFIG" && return 0
		omnicrm_die "PG_CONFIG=$PG_CONFIG is not a program"
	fi
	for candidate in $(ls -d /usr/lib/postgresql/*/bin/pg_config 2>/dev/null | sort -rV) \
		/usr/pgsql-*/bin/pg_config "$(command -v pg_config 2>/dev/null)"; do
		[ -x "$candidate" ] || continue
		[ -f "$("$candidate" --includedir-server 2>/dev/null)/postgres.h" ] || continue
		[ -x "$("$candidate" --bindir)/initdb" ] || continue
		[ "$("$candidate" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')" -ge 15 ] || continue
		printf '%s\n' "$candidate"
		return 0
	done
	return 1
}

# Debian and Ubuntu packages that the build needs and that are not there yet.
omnicrm_missing_packages() {
	local missing= pg major
	command -v make >/dev/null || missing="$missing make"
	command -v gcc >/dev/null || missing="$missing gcc"
	command -v g++ >/dev/null || missing="$missing g++"
	command -v perl >/dev/null || missing="$missing perl"
	perl -MTest::More -e1 2>/dev/null || missing="$missing perl"
	[ -f /usr/include/unicode/uchar.h ] || missing="$missing libicu-dev"
	[ -f /usr/include/phonenumbers/phonenumberutil.h ] || missing="$missing libphonenumber-dev"
	if ! omnicrm_find_pg_config >/dev/null; then
		major=$(apt-cache search --names-only '^postgresql-server-dev-[0-9]+$' 2>/dev/null |
			sed 's/^postgresql-server-dev-\([0-9]*\).*/\1/' | sort -rn | head -n 1)
		[ -n "$major" ] || major=15
		missing="$missing postgresql-$major postgresql-server-dev-$major"
	fi
	printf '%s\n' $missing | sort -u | tr '\n' ' '
}

omnicrm_install_packages() {
	local missing
	missing=$(omnicrm_missing_packages)
	[ -n "${missing// /}" ] || return 0
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
		omnicrm_say "Installing what is missing: $missing"
		apt-get update -qq >/dev/null 2>&1 || true
		missing=$(omnicrm_missing_packages)
		# A new PostgreSQL package must not start a server of its own.
		if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
			mkdir -p /etc/postgresql-common
			printf 'create_main_cluster = false\n' >/etc/postgresql-common/createcluster.conf
		fi
		DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null 2>&1 || true
		missing=$(omnicrm_missing_packages)
	fi
	[ -z "${missing// /}" ] ||
		omnicrm_die "these packages are missing: $missing
Get them with: sudo apt-get install $missing
(PostgreSQL 15 or newer with its server headers, ICU, libphonenumber, a C and a C++ compiler, make, perl)"
}

# Runs a command as the unprivileged user of the private server.
omnicrm_as() {
	if [ "$(id -u)" = 0 ]; then
		setpriv --reuid "$omnicrm_user" --regid "$omnicrm_group" --clear-groups \
			env HOME="$omnicrm_work" "$@"
	else
		"$@"
	fi
}

omnicrm_cleanup() {
	local status=$?
	if [ -n "$omnicrm_work" ] && [ -d "$omnicrm_work" ]; then
		[ -f "$omnicrm_work/data/postmaster.pid" ] &&
			omnicrm_as "$omnicrm_bin/pg_ctl" -D "$omnicrm_work/data" -m immediate -w stop >/dev/null 2>&1
		if [ -n "${OMNICRM_KEEP:-}" ]; then
			omnicrm_say "kept: $omnicrm_work"
		else
			rm -rf "$omnicrm_work"
		fi
	fi
	return $status
}

# Packages, build in a private copy of the tree, installation into a private
# copy of the PostgreSQL installation (programs copied, files linked).
omnicrm_prepare() {
	local pg_config bindir libdir sharedir log directory
	omnicrm_install_packages
	pg_config=$(omnicrm_find_pg_config)
	omnicrm_pg_config=$pg_config
	omnicrm_work=$(mktemp -d "${TMPDIR:-/tmp}/omnicrm.XXXXXX")
	chmod 755 "$omnicrm_work"
	trap omnicrm_cleanup EXIT
	trap 'exit 130' INT TERM
	if [ "$(id -u)" = 0 ]; then
		omnicrm_user=nobody
		id postgres >/dev/null 2>&1 && omnicrm_user=postgres
		omnicrm_group=$(id -gn "$omnicrm_user")
	fi
	bindir=$("$pg_config" --bindir)
	libdir=$("$pg_config" --pkglibdir)
	sharedir=$("$pg_config" --sharedir)
	for directory in "$bindir" "$libdir" "$sharedir"; do
		mkdir -p "$omnicrm_work/pg$directory"
	done
	cp -a "$bindir/." "$omnicrm_work/pg$bindir/"
	cp -rs "$libdir/." "$omnicrm_work/pg$libdir/" 2>/dev/null
	cp -rs "$sharedir/." "$omnicrm_work/pg$sharedir/"
	# An omnicrm installed on the system must not shine through the links.
	rm -f "$omnicrm_work/pg$libdir/omnicrm.so" "$omnicrm_work/pg$sharedir/extension/omnicrm"*
	omnicrm_bin=$omnicrm_work/pg$bindir
	omnicrm_regress=$("$pg_config" --pgxs | sed 's,/makefiles/pgxs.mk$,,')/test

	mkdir "$omnicrm_work/src"
	(cd "$omnicrm_top" && tar cf - --exclude=.git --exclude='*.o' --exclude='*.so' --exclude=test/expected .) |
		tar xf - -C "$omnicrm_work/src"
	log=$omnicrm_work/build.log
	omnicrm_say "Building omnicrm for $("$pg_config" --version) ..."
	if ! make -C "$omnicrm_work/src" -j"$(nproc)" PG_CONFIG="$pg_config" ${OMNICRM_MAKE_OPTIONS:-} \
			DESTDIR="$omnicrm_work/pg" all install >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		omnicrm_die "the build failed (see above)"
	fi
	omnicrm_warnings=$(grep -c 'warning:' "$log" || true)
	[ -z "${OMNICRM_VALGRIND:-}" ] || omnicrm_use_valgrind
	[ -z "${omnicrm_user:-}" ] || chown -R "$omnicrm_user:$omnicrm_group" "$omnicrm_work/src" "$omnicrm_work"
}

# Lets the server run under valgrind, with its reports in the folder $OMNICRM_VALGRIND;
# initdb and questions of version run without.
omnicrm_use_valgrind() {
	command -v valgrind >/dev/null || omnicrm_die "valgrind is missing: sudo apt-get install valgrind"
	mv "$omnicrm_bin/postgres" "$omnicrm_bin/postgres.plain"
	cat >"$omnicrm_bin/postgres" <<-EOF
		#!/bin/sh
		case \$1 in
		-V | --version | --boot | --check | --single | -C | --describe-config) exec "$omnicrm_bin/postgres.plain" "\$@" ;;
		esac
		exec valgrind --quiet --trace-children=yes --track-origins=yes --error-limit=no --num-callers=30 \\
			--log-file="$OMNICRM_VALGRIND/%p.log" "$omnicrm_bin/postgres.plain" "\$@"
	EOF
	chmod 755 "$omnicrm_bin/postgres"
}

# Starts the server; arguments are settings for postgresql.conf (name=value).
omnicrm_start() {
	local setting
	# In a folder that the unprivileged user may enter: the caller's may be closed to it.
	omnicrm_as env -C "$omnicrm_work" "$omnicrm_bin/initdb" -D "$omnicrm_work/data" -U omnicrm_admin -A trust \
		-E UTF8 --locale=C --no-sync >"$omnicrm_work/initdb.log" 2>&1 ||
		{ cat "$omnicrm_work/initdb.log" >&2; omnicrm_die "initdb failed"; }
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$omnicrm_work'"
		echo "shared_buffers = 256MB"
		echo "max_wal_size = 4GB"
		echo "fsync = ${OMNICRM_FSYNC:-off}"
		echo "timezone = 'UTC'"
		echo "lc_messages = 'C'"
		echo "jit = off"
		for setting in "$@"; do echo "${setting%%=*} = '${setting#*=}'"; done
	} >>"$omnicrm_work/data/postgresql.conf"
	omnicrm_as env -C "$omnicrm_work" "$omnicrm_bin/pg_ctl" -D "$omnicrm_work/data" -l "$omnicrm_work/server.log" -w -t 60 start \
		>/dev/null || { tail -n 20 "$omnicrm_work/server.log" >&2; omnicrm_die "the private server did not start"; }
	export PGHOST=$omnicrm_work PGPORT=5432 PGUSER=omnicrm_admin PGDATABASE=postgres
	export PATH="$omnicrm_bin:$PATH"
	unset PGSERVICE PGPASSWORD PGOPTIONS
}

# A database owned by omnicrm_owner, who is no superuser, with the extension.
omnicrm_database() {
	local name=$1
	psql -qX -v ON_ERROR_STOP=1 -c "DO \$\$ BEGIN
		IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'omnicrm_owner') THEN
			CREATE ROLE omnicrm_owner LOGIN CREATEROLE;
		END IF; END \$\$"
	psql -qX -v ON_ERROR_STOP=1 -c "CREATE DATABASE $name OWNER omnicrm_owner TEMPLATE template0"
	psql -qX -v ON_ERROR_STOP=1 -d "$name" -c "CREATE EXTENSION omnicrm"
}
