# shellcheck shell=bash
# What every server of our own needs: a guard that ends it, a free port,
# patience, a session held open by its own client.

# shellcheck source=tests/real/guard.bash
. "${BASH_SOURCE[0]%/*}/guard.bash"
# shellcheck source=tests/real/port.bash
. "${BASH_SOURCE[0]%/*}/port.bash"

# wait_until COMMAND...: true within a minute, asked every 20 ms
wait_until() {
	local end=$((SECONDS + 60))
	while [ "$SECONDS" -lt "$end" ]; do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.02
	done
	echo "waited in vain for: $*" >&2
	return 1
}

# end_by_pid FILE [SIGNAL]: the process that wrote FILE, and wait for its end
end_by_pid() {
	local pid
	pid=$(cat "$1" 2>/dev/null) || return 0
	kill "-${2:-TERM}" "$pid" 2>/dev/null || true
	while kill -0 "$pid" 2>/dev/null; do sleep 0.02; done
	rm -f "$1"
}

# guard_server NAME VARIABLE: stop_NAME, of NAME.bash, with VARIABLE as it is
# now, if this shell dies; sets GUARD
guard_server() {
	# shellcheck disable=SC2016 # expanded in the new shell
	guard "$BASH" -c '. "$1/$2.bash"; declare "$3=$4"; "stop_$2"' stop \
		"${BASH_SOURCE[0]%/*}" "$1" "$2" "${!2}"
}

# hold_session COMMAND...: a client held open in the background, fed by
# session_do; its output goes to $SESSION_LOG
hold_session() {
	local dir
	dir=$(mktemp -d "$BATS_TEST_TMPDIR/session.XXXXXX")
	SESSION_LOG=$dir/log
	mkfifo "$dir/in"
	(
		shut_pipes
		exec "$@"
	) <"$dir/in" >"$SESSION_LOG" 2>&1 &
	SESSION_PID=$!
	exec {SESSION_FD}>"$dir/in"
}

session_do() {
	printf '%s\n' "$1" >&"$SESSION_FD"
}

close_session() {
	exec {SESSION_FD}>&-
	wait "$SESSION_PID" 2>/dev/null || true
}
