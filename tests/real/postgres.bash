# shellcheck shell=bash
# A PostgreSQL server of our own, in a temporary folder, on a free port.
#
# start_postgres sets and exports PG_DIR (also the socket's folder), PG_PORT
# and PG_ADMIN (the password of the superuser postgres); stop_postgres ends it
# and removes the folder.  Every statement, connection and error is in
# $PG_DIR/log.  pg_hba.conf: SCRAM everywhere, except
#   role trusted          let in without a password
#   members of turned_away  rejected
# Needs provider.bash.

# shellcheck source=tests/real/server.bash
. "${BASH_SOURCE[0]%/*}/server.bash"

pg_bin() {
	local d
	d=$(pg_config --bindir 2>/dev/null)
	[ -x "$d/initdb" ] || d=$(find /usr/lib/postgresql -name initdb \
		-printf '%h\n' 2>/dev/null | sort -V | tail -1)
	echo "$d"
}

# A server refuses to run as root.
pg_as() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u postgres -- "$@"
	else
		"$@"
	fi
}

pg_write_config() { # folder port
	pg_as tee -a "$1/data/postgresql.conf" >/dev/null <<-END
		port = $2
		listen_addresses = '127.0.0.1'
		unix_socket_directories = '$1'
		fsync = off
		synchronous_commit = on
		full_page_writes = off
		max_connections = 60
		max_prepared_transactions = 4
		wal_level = replica
		log_statement = all
		log_connections = on
		log_min_messages = info
	END
	pg_as tee "$1/data/pg_hba.conf" >/dev/null <<-END
		host all trusted 127.0.0.1/32 trust
		host all +turned_away 127.0.0.1/32 reject
		local all all scram-sha-256
		host all all 127.0.0.1/32 scram-sha-256
		local replication all scram-sha-256
		host replication all 127.0.0.1/32 scram-sha-256
	END
}

pg_up() { # folder
	(shut_pipes && pg_as "$(pg_bin)/pg_ctl" -D "$1/data" -l "$1/log" -w \
		-t 30 start) >/dev/null 2>&1
}

pg_down() { # folder [mode]
	pg_as "$(pg_bin)/pg_ctl" -D "$1/data" -m "${2:-immediate}" -w stop \
		>/dev/null 2>&1 || true
}

# kill -9 of the server and each of its processes
pg_kill() {
	local pid all
	pid=$(head -1 "$PG_DIR/data/postmaster.pid")
	all=$(ps -o pid= --ppid "$pid")
	# shellcheck disable=SC2086 # one word a process
	kill -9 "$pid" $all 2>/dev/null || true
	for pid in $pid $all; do
		while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	done
}

pg_again() {
	wait_until pg_up "$PG_DIR"
}

pg_first() { # folder, variable with the port
	pg_write_config "$1" "${!2}"
	pg_up "$1"
}

start_postgres() {
	PG_ADMIN=adm-$RANDOM$RANDOM$RANDOM
	PG_DIR=$(mktemp -d /tmp/curfew-pg.XXXXXX)
	[ "$(id -u)" != 0 ] || chown postgres "$PG_DIR"
	guard_server postgres PG_DIR
	export PG_GUARD=$GUARD
	pg_as tee "$PG_DIR/pw" >/dev/null <<<"$PG_ADMIN"
	pg_as "$(pg_bin)/initdb" -D "$PG_DIR/data" -U postgres -A scram-sha-256 \
		-E UTF8 --locale=C.UTF-8 -N --no-instructions \
		--pwfile="$PG_DIR/pw" >/dev/null || return 1
	rm -f "$PG_DIR/pw"
	export PG_DIR PG_PORT PG_ADMIN
	on_a_port PG_PORT pg_first "$PG_DIR" PG_PORT
	sql 'CREATE ROLE turned_away' >/dev/null
}

stop_postgres() {
	[ -n "${PG_DIR:-}" ] || return 0
	unguard "${PG_GUARD:-}"
	pg_down "$PG_DIR"
	rm -rf "$PG_DIR"
}

# sql STATEMENT...: as the superuser, over the socket
sql() {
	local args=() s
	for s in "$@"; do args+=(-c "$s"); done
	PGPASSWORD=$PG_ADMIN psql -h "$PG_DIR" -p "$PG_PORT" -U postgres \
		-d postgres -X -q -At -v ON_ERROR_STOP=1 "${args[@]}" 3>&-
}

# sql_as ROLE PASSWORD STATEMENT: over TCP; status 2 = no login
sql_as() {
	PGPASSWORD=$2 PGCONNECT_TIMEOUT=10 psql -h 127.0.0.1 -p "$PG_PORT" \
		-U "$1" -d postgres -X -q -At -v ON_ERROR_STOP=1 -c "$3" 3>&-
}

# open_session ROLE PASSWORD: a session held open by a psql in the background;
# its output goes to $SESSION_LOG.  session_do writes a statement to it.
open_session() {
	hold_session env PGPASSWORD="$2" psql -h 127.0.0.1 -p "$PG_PORT" -U "$1" -X \
		-q -At -d "${3:-dbname=postgres}"
	session_do "SELECT 'here-' || 'i-am';"
	wait_until grep -q here-i-am "$SESSION_LOG"
}
