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

connected() { # as connect
	connect "$@"
	expect .status ok
}
