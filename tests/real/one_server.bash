# shellcheck shell=bash
# A file about the provider of one server ($SERVER: redis, mysql, ldap,
# postgres): it is started once, and each test ends what it began.  Loaded at
# the top of the file, which defines connect().

setup_file() {
	load provider
	load "$SERVER"
	"start_$SERVER"
}

teardown_file() {
	load provider
	load "$SERVER"
	"stop_$SERVER"
}

setup() {
	load provider
	load "$SERVER"
	SESSION_FD=
}

teardown() {
	if [ -n "$SESSION_FD" ]; then close_session; fi
	provider_stop
}

# shellcheck disable=SC2034 # the options that connect() adds none to
none={}

# log_in CONNECTION PORT USER PASSWORD [OPTIONS-JSON]: the server's provider says
# hello
log_in() {
	provider_start "$CURFEW_BUILD/curfew-provider-$SERVER"
	ask_json "$(jq -nc --arg name "$1" --arg port "$2" --arg user "$3" \
		--arg secret "$4" --argjson more "${5:-$none}" \
		'{verb: "hello", protocol: 1, connection: $name,
		  options: ({host: "127.0.0.1", port: $port, user: $user} + $more),
		  secret: $secret}')"
}

probe_secret() { # account secret life
	ask probe account "$1" kind password credential password secret "$2"
	expect .status ok
	expect .life "$3"
}

connected() { # as connect
	connect "$@"
	expect .status ok
}
