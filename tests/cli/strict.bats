#!/usr/bin/env bats
# What is refused rather than passed over: a wrong key, open modes, raw bytes.

load agent.bash

setup() {
	agent_setup
}

@test "a key that an option names is the only one tried" {
	local wrong=$BATS_TEST_TMPDIR/wrong
	(umask 077 && head -c 32 /dev/urandom >"$wrong")
	run "$curfew" --key-file "$wrong" list
	[ "$status" -ne 0 ]
	says "no other was tried"
	run "$curfew" --passphrase-file "$wrong" list
	[ "$status" -ne 0 ]
	run "$curfew" --key-file "$BATS_TEST_TMPDIR/key" list
	[ "$status" -eq 0 ]
	run "$curfew" list
	[ "$status" -eq 0 ]
}

@test "a vault that others may change is refused, with what to type" {
	chmod 666 "$CURFEW_DIR/vault.db"
	run "$curfew" list
	[ "$status" -ne 0 ]
	says "chmod go-w '$CURFEW_DIR/vault.db'"
	chmod 600 "$CURFEW_DIR/vault.db"
	chmod 777 "$CURFEW_DIR"
	run "$curfew" list
	[ "$status" -ne 0 ]
	says "chmod go-w '$CURFEW_DIR'"
	chmod 700 "$CURFEW_DIR"
	"$curfew" list
}

@test "due: a vault out of reach is not a vault that is not there" {
	[ "$(id -u)" -eq 0 ] || skip "needs root"
	local copy=$BATS_TEST_TMPDIR/curfew
	cp "$curfew" "$copy" && chmod 755 "$copy"
	run setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$copy" --dir "$CURFEW_DIR" due
	echo "$output"
	[ "$status" -ne 0 ]
	says "ermission denied"
	says_not "there is no vault"
}

@test "csv: no control character, no formula" {
	connected a <<'EOF'
{"what":"credential","account":"=cmd","kind":"key","id":"=1+1\u001b[31m\u0007\u000a\u202e,\"x","state":"active"}
EOF
	"$curfew" sync
	run "$curfew" list --csv
	echo "$output"
	[ "$status" -eq 0 ]
	[ "${#lines[@]}" -eq 2 ]
	says "'="
	! LC_ALL=C grep -q "[$(printf '\001-\010\013\014\016-\037')]" <<<"$output" || false
	says_not $'\u202e'
}
