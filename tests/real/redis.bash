# shellcheck shell=bash
# A Redis server of our own, in a temporary folder, on a free port.
#
# start_redis [CONFIG-LINE...] sets and exports RD_DIR, RD_PORT and RD_ADMIN
# (the password of the user default, who may everything); users are kept in
# $RD_DIR/users.acl.  stop_redis ends it and removes the folder.
# Needs provider.bash.

# shellcheck source=tests/real/server.bash
. "${BASH_SOURCE[0]%/*}/server.bash"

rd_up() {
	(shut_pipes && redis-server "$RD_DIR/redis.conf" --daemonize yes) >/dev/null 2>&1
	wait_until rd_settled && rd_answers
}

rd_settled() {
	rd_answers || grep -q 'Address already in use' "$RD_DIR/log"
}

rd_answers() { # any answer of our own server
	kill -0 "$(cat "$RD_DIR/pid")" 2>/dev/null &&
		[[ $(redis-cli -p "$RD_PORT" PING 2>&1) =~ PONG|NOAUTH ]]
}

rd_down() { # [signal]
	end_by_pid "$RD_DIR/pid" "${1:-TERM}"
}

start_redis() {
	RD_ADMIN=adm-$RANDOM$RANDOM$RANDOM
	RD_DIR=$(mktemp -d /tmp/curfew-rd.XXXXXX)
	guard_server redis RD_DIR
	export RD_GUARD=$GUARD
	echo "user default on >$RD_ADMIN ~* &* +@all" >"$RD_DIR/users.acl"
	export RD_DIR RD_PORT RD_ADMIN
	on_a_port RD_PORT rd_first "$@"
}

rd_first() { # [CONFIG-LINE...]
	rm -f "$RD_DIR/log"
	cat >"$RD_DIR/redis.conf" <<-END
		port $RD_PORT
		bind 127.0.0.1
		unixsocket $RD_DIR/socket
		dir $RD_DIR
		pidfile $RD_DIR/pid
		logfile $RD_DIR/log
		loglevel verbose
		save ""
		slowlog-log-slower-than 0
		slowlog-max-len 100000
	END
	[ $# = 0 ] && echo "aclfile $RD_DIR/users.acl" >>"$RD_DIR/redis.conf"
	[ $# = 0 ] || printf '%s\n' "$@" >>"$RD_DIR/redis.conf"
	rd_up
}

stop_redis() {
	[ -n "${RD_DIR:-}" ] || return 0
	unguard "${RD_GUARD:-}"
	rd_down KILL
	rm -rf "$RD_DIR"
}

# rcli WORD...: as the admin
rcli() {
	REDISCLI_AUTH=$RD_ADMIN redis-cli -p "$RD_PORT" "$@" 3>&-
}

# rcli_as USER PASSWORD WORD...: prints "in: ANSWER" or "refused"
rcli_as() {
	local user=$1 password=$2 said
	shift 2
	# one connection: a failed AUTH is followed by NOAUTH, never by an answer
	said=$(printf 'AUTH %s %s\n%s\n' "$user" "$password" "$*" | redis-cli -p "$RD_PORT" 2>&1 3>&-)
	if [[ $said == OK* ]]; then
		echo "in: ${said#OK?}"
	elif [[ $said == *WRONGPASS* ]]; then
		echo refused
	else
		echo "neither: $said"
	fi
}

# open_redis USER PASSWORD: a session held open; session_do writes to it
open_redis() {
	hold_session redis-cli -p "$RD_PORT"
	session_do "AUTH $1 $2"
	session_do "ECHO here-i-am"
	wait_until grep -q here-i-am "$SESSION_LOG"
}
