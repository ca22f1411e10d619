# shellcheck shell=bash
# guard COMMAND...: run it when this shell has ended, however it ended (kill -9
# too, when no teardown runs).  The pid is in GUARD; unguard PID calls it off.

guard() {
	(
		exec 3>&- 4>&-
		# shellcheck disable=SC2016 # expanded in the new shell
		exec setsid "$BASH" -c 'tail --pid="$1" -f /dev/null
			shift
			exec "$@"' guard "$$" "$@"
	) </dev/null >/dev/null 2>&1 &
	export GUARD=$!
}

unguard() { # pid
	[ -z "${1:-}" ] || kill -KILL -- "-$1" 2>/dev/null || true
}
