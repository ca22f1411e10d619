# shellcheck shell=bash
# A MariaDB server of our own, in a temporary folder, on a free port.
#
# start_mysql sets and exports MY_DIR, MY_PORT and MY_ADMIN (the password of
# root@localhost, who may everything); every statement is in $MY_DIR/general.
# stop_mysql ends it and removes the folder.  Needs provider.bash.

# shellcheck source=tests/real/server.bash
. "${BASH_SOURCE[0]%/*}/server.bash"

# A server refuses to run as root.
my_as() {
	if [ "$(id -u)" = 0 ]; then
		runuser -u mysql -- "$@"
	else
		"$@"
	fi
}

my_up() { # [OPTION...]
	(
		shut_pipes
		my_as mariadbd --no-defaults --datadir="$MY_DIR/data" \
			--socket="$MY_DIR/socket" --port="$MY_PORT" --bind-address=127.0.0.1 \
			--pid-file="$MY_DIR/pid" --log-error="$MY_DIR/err.err" \
			--general-log --general-log-file="$MY_DIR/general" \
			--plugin-load-add=auth_ed25519 --plugin-dir=/usr/lib/mysql/plugin \
			--innodb-buffer-pool-size=8M --innodb-log-file-size=4M \
			--innodb-flush-log-at-trx-commit=1 --skip-log-bin \
			--max-connections=60 --event-scheduler=OFF "$@" &
	) >/dev/null 2>&1
	wait_until my_settled && my_answers
}

my_first() {
	rm -f "$MY_DIR/err.err"
	my_up
}

my_settled() {
	my_answers || grep -q 'Address already in use' "$MY_DIR/err.err"
}

my_answers() {
	[[ $(mariadb-admin --no-defaults -S "$MY_DIR/socket" -unobody ping 2>&1) =~ alive|denied ]]
}

my_down() { # [signal]
	end_by_pid "$MY_DIR/pid" "${1:-KILL}"
}

start_mysql() {
	MY_ADMIN=adm-$RANDOM$RANDOM$RANDOM
	MY_DIR=$(mktemp -d /tmp/curfew-my.XXXXXX)
	[ "$(id -u)" != 0 ] || chown mysql "$MY_DIR"
	chmod 755 "$MY_DIR"
	guard_server mysql MY_DIR
	export MY_GUARD=$GUARD
	my_as mariadb-install-db --no-defaults --datadir="$MY_DIR/data" \
		--auth-root-authentication-method=normal --skip-test-db \
		--skip-name-resolve >/dev/null 2>&1 || return 1
	export MY_DIR MY_PORT MY_ADMIN
	on_a_port MY_PORT my_first
	mariadb --no-defaults -S "$MY_DIR/socket" -uroot -e "
		DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';
		FLUSH PRIVILEGES;
		ALTER USER root@localhost IDENTIFIED BY '$MY_ADMIN'" 3>&-
}

stop_mysql() {
	[ -n "${MY_DIR:-}" ] || return 0
	unguard "${MY_GUARD:-}"
	my_down
	rm -rf "$MY_DIR"
}

# mysql STATEMENT: as root, over the socket
mysql() {
	MYSQL_PWD=$MY_ADMIN mariadb --no-defaults -S "$MY_DIR/socket" -uroot \
		-N -B -e "$1" 3>&-
}

# mysql_as USER PASSWORD STATEMENT: over TCP; 1045 and 4151 are on stderr
mysql_as() {
	MYSQL_PWD=$2 mariadb --no-defaults --protocol=tcp -h 127.0.0.1 -P "$MY_PORT" \
		-u "$1" -N -B -e "$3" 3>&-
}

# open_mysql USER PASSWORD: a session held open; session_do writes to it
open_mysql() {
	hold_session env MYSQL_PWD="$2" mariadb --no-defaults --protocol=tcp \
		-h 127.0.0.1 -P "$MY_PORT" -u "$1" -N -B -n --skip-reconnect -f
	session_do "SELECT CONCAT('here-', 'i-am');"
	wait_until grep -q here-i-am "$SESSION_LOG"
}
