#!/usr/bin/env bats
# A rotation from end to end: two roles of a real PostgreSQL server in turn, a
# file that a client reads, and the client, which logs in with it all the time.
# With kill -9 on the way: rotate_dbs.bats.

bats_require_minimum_version 1.5.0

setup_file() {
	load provider
	load postgres
	start_postgres
}

teardown_file() {
	load provider
	load postgres
	stop_postgres
}

setup() {
	load provider
	load postgres
	T=$BATS_TEST_TMPDIR
	N=$BATS_TEST_NUMBER
	A=app_a$N
	P=app_b$N
	FIRST=pw-$RANDOM$RANDOM$RANDOM
	sql "CREATE ROLE $A LOGIN PASSWORD '$FIRST'" \
		"CREATE ROLE $P LOGIN PASSWORD 'none-$RANDOM$RANDOM'"
	R=$(mktemp -d "${TMPDIR:-/tmp}/curfew-rotate.XXXXXX")
	chmod 755 "$R"
	mkdir -m 755 "$R/app" "$R/bin"
	printf '#!/bin/sh\nexit 0\n' >"$R/bin/reload"
	chmod 755 "$R/bin/reload"
	printf '{"user":"%s","secret":"%s"}' "$A" "$FIRST" >"$R/app/db"
	printf 'secret of the %s\n' "key file, 32 bytes or more" >"$T/key"
	chmod 600 "$T/key"
	export CURFEW_DIR=$T/vault
	export CURFEW_TEST_GAP_MS=20 CURFEW_TEST_STUCK_MS=200
	curfew init --key-file "$T/key" >/dev/null
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[vault]
		key_file = "$T/key"
		[identity.app]
		accounts = ["pg/$A", "pg/$P"]
		[rotation.app]
		identities = ["app"]
		partner = "pg/$P"
		overlap = "2s"
		deliver = ["files/app/db"]
	END
	curfew connect postgres pg --set host=127.0.0.1 --set port="$PG_PORT" \
		--secret-stdin <<<"$PG_ADMIN" >/dev/null
	curfew connect file files --set root="$R" --set format=json \
		--set field.user=user --set field.secret=secret \
		--set use_reload="$R/bin/reload" >/dev/null
	curfew sync >/dev/null
	curfew learn "pg/$A#password" --secret-stdin <<<"$FIRST" >/dev/null
	CLIENT=
}

teardown() {
	touch "$T/stop"
	[ -z "$CLIENT" ] || wait "$CLIENT" 2>/dev/null || true
	rm -rf "$R"
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input "$@" 3>&-
}

# Reads the file and logs in, again and again: each failure is an outage, but for
# that of a client so slow that the file has had the next one for the overlap.
client() {
	: >"$T/logins"
	: >"$T/outages"
	(
		shut_pipes
		while [ ! -e "$T/stop" ]; do
			user=$(jq -r .user "$R/app/db")
			secret=$(jq -r .secret "$R/app/db")
			# the file may have been replaced between the two
			[ "$user" = "$(jq -r .user "$R/app/db")" ] || continue
			if sql_as "$user" "$secret" 'SELECT 1' >/dev/null 2>>"$T/why"; then
				echo . >>"$T/logins"
			elif [ "$user" = "$(jq -r .user "$R/app/db")" ] ||
				[ $(($(date +%s) - $(stat -c %Y "$R/app/db"))) -lt 2 ]; then
				echo "$user" >>"$T/outages"
			fi
		done
	) >/dev/null 2>&1 &
	CLIENT=$!
}

logins() { wc -l <"$T/logins"; }

# At least that many more logins.
logins_more() {
	local upto=$(($(logins) + $1))
	for _ in $(seq 600); do
		[ "$(logins)" -ge "$upto" ] && return 0
		sleep 0.1
	done
	return 1
}

in_file() { jq -r ".$1" "$R/app/db"; }

@test "two roles in turn: the client never notices, the old password is refused" {
	client
	logins_more 3
	run curfew rotate app --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"pg/$P#password  DONE (generation 1; the old one is proved dead)"* ]]
	[ "$(in_file user)" = "$P" ]
	[ "$(in_file secret)" != "$FIRST" ]
	run sql_as "$A" "$FIRST" 'SELECT 1'
	[ "$status" -eq 2 ]
	logins_more 3
	run curfew rotate app --wait 60s
	echo "$output"
	[[ $output == *"pg/$A#password  DONE (generation 2"* ]]
	[ "$(in_file user)" = "$A" ]
	logins_more 3
	[ ! -s "$T/outages" ]
	# no password in the server's log, nor in the vault's folder
	secret=$(in_file secret)
	run ! grep -qF "$secret" "$PG_DIR/log"
	run ! grep -rqF "$secret" "$CURFEW_DIR"
	run curfew audit verify
	[ "$status" -eq 0 ]
}
