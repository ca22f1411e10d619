#!/usr/bin/env bats
# What a person or a machine gets wrong: the answer says where and what next.

load agent.bash
bats_require_minimum_version 1.5.0

setup() {
	agent_setup
}

@test "unknown command: near names, exit 2" {
	run "$curfew" snyc
	[ "$status" -eq 2 ]
	says "did you mean 'sync'"
	run "$curfew" provider chek
	[ "$status" -eq 2 ]
	says "'provider check'"
}

@test "unknown option: near names, exit 2" {
	run "$curfew" list --ownerles
	[ "$status" -eq 0 ] # an unambiguous beginning, as getopt has it
	run "$curfew" list --onwerless
	[ "$status" -eq 2 ]
	says "did you mean 'ownerless'"
	run "$curfew" list --kind
	[ "$status" -eq 2 ]
	says "takes a value"
	run "$curfew" list --csv=yes
	[ "$status" -eq 2 ]
	says "takes no value"
	run "$curfew" --passphrase-fd x list
	[ "$status" -eq 2 ]
}

@test "global options before and after the command" {
	run "$curfew" --json list connections
	[ "$output" = '{"version":1,"connections":[]}' ]
	run "$curfew" list connections --json
	[ "$output" = '{"version":1,"connections":[]}' ]
	run "$curfew" list --dir
	[ "$status" -eq 2 ]
	run "$curfew" list -- --json
	[ "$status" -eq 2 ]
}

@test "configuration: file, line, column, near key" {
	printf '[identity.a]\nowner = "x"\nonwer = "y"\n' >"$CURFEW_DIR/curfew.toml"
	run "$curfew" list
	[ "$status" -eq 2 ]
	says "curfew.toml:3:9: unknown key 'onwer'"
	says "did you mean 'owner'"
	printf '[identity.a\n' >"$CURFEW_DIR/curfew.toml"
	run "$curfew" list
	[ "$status" -eq 2 ]
	says "curfew.toml:1:"
	echo '' >"$CURFEW_DIR/curfew.toml"
	chmod 666 "$CURFEW_DIR/curfew.toml"
	run "$curfew" list
	[ "$status" -eq 2 ]
}

@test "no vault: says so and what to type" {
	run "$curfew" --dir "$BATS_TEST_TMPDIR/none" list
	[ "$status" -ne 0 ]
	says "make one: curfew"
}

@test "wrong key: exit 5, nothing asked" {
	head -c 32 /dev/urandom >"$BATS_TEST_TMPDIR/wrong"
	chmod 600 "$BATS_TEST_TMPDIR/wrong"
	mv "$BATS_TEST_TMPDIR/key" "$BATS_TEST_TMPDIR/kept"
	run "$curfew" --no-input --key-file "$BATS_TEST_TMPDIR/wrong" list
	[ "$status" -eq 5 ]
	mv "$BATS_TEST_TMPDIR/kept" "$BATS_TEST_TMPDIR/key"
	run "$curfew" list
	[ "$status" -eq 0 ]
}

@test "damaged vault: exit 5" {
	printf 'rubbish' | dd of="$CURFEW_DIR/vault.db" bs=1 seek=20 conv=notrunc 2>/dev/null
	run "$curfew" list
	[ "$status" -eq 5 ]
}

@test "provider missing: where it was looked for, near name" {
	listing postgres </dev/null
	run "$curfew" connect postgers x
	[ "$status" -eq 1 ]
	says "$CURFEW_PROVIDER_PATH"
	says "did you mean 'postgres'"
}

@test "provider that crashes, hangs, babbles, floods" {
	provider crash <<<$'#!/bin/sh\necho last words >&2\nkill -SEGV $$'
	run "$curfew" connect crash x
	[ "$status" -eq 7 ]
	says "signal 11"
	says "last words"
	provider babble <<<$'#!/bin/sh\necho Traceback: oh no\nsleep 9'
	run "$curfew" connect babble x
	[ "$status" -eq 7 ]
	provider flood <<<$'#!/bin/sh\nhead -c 1200000 /dev/zero | tr "\\0" x\nsleep 9'
	run "$curfew" connect flood x
	[ "$status" -eq 7 ]
	says "1048576"
	provider exits <<<$'#!/bin/sh\nexit 0'
	run "$curfew" connect exits x
	[ "$status" -eq 7 ]
	says "exit status 0"
	provider newer <<<$'#!/bin/sh\nread -r x\necho \'{"id":1,"status":"ok","protocol":2,"verbs":[]}\'\nread -r x'
	run "$curfew" provider check newer
	[ "$status" -eq 7 ]
	says "speaks protocol 2"
}

@test "provider that hangs in a listing: ended after the configured time" {
	echo '{"what":"account","account":"bot"}' | connected slow
	provider slow <<'EOF'
#!/bin/sh
read -r x
echo '{"id":1,"status":"ok","protocol":1,"verbs":["list"]}'
sleep 600
EOF
	printf '[connection.slow]\ntimeout = "300ms"\n' >"$CURFEW_DIR/curfew.toml"
	run timeout 300 "$curfew" sync
	[ "$status" -eq 7 ]
	says "no answer in 300 ms"
	# nothing of ours is left behind
	run pgrep -f "$CURFEW_PROVIDER_PATH/curfew-provider-slow"
	[ "$status" -ne 0 ]
}

@test "provider writable by others: refused" {
	listing a </dev/null
	chmod 777 "$CURFEW_PROVIDER_PATH/curfew-provider-a"
	run "$curfew" provider check a
	[ "$status" -eq 9 ]
	says "another user"
}

@test "stdout full or closed: told, exit 5" {
	run bash -c "'$curfew' help >/dev/full"
	[ "$status" -eq 5 ]
	says "No space left"
	run bash -c "'$curfew' help >&-"
	[ "$status" -eq 5 ]
	says "is closed"
}

@test "stdin closed, no terminal: nothing hangs" {
	listing a </dev/null
	sed -i 's/"secret":"none"/"secret":"required"/' "$CURFEW_PROVIDER_PATH/curfew-provider-a"
	run setsid -w timeout 300 "$curfew" connect a x --set "items=$items" <&-
	[ "$status" -ne 0 ]
	[ "$status" -ne 124 ]
	says "--secret-file"
	run timeout 300 "$curfew" connect a x --no-input
	[ "$status" -eq 9 ]
}

@test "two at once: the second says who and exits 75" {
	provider wait <<'EOF'
#!/bin/sh
while read -r line; do
	case $line in
	*connection*) touch "$CURFEW_TEST_MARK"; sleep 60; exit 1 ;;
	*) echo '{"id":1,"status":"ok","protocol":1,"verbs":["list"],"secret":"none","options":[{"name":"mark"}]}' ;;
	esac
done
EOF
	mkdir "$BATS_TEST_TMPDIR/m"
	export CURFEW_TEST_MARK=$BATS_TEST_TMPDIR/m/mark
	"$curfew" connect wait x --set "mark=$BATS_TEST_TMPDIR/m" >/dev/null 2>&1 3>&- &
	first=$!
	for _ in $(seq 600); do
		[ ! -e "$CURFEW_TEST_MARK" ] || break
		sleep 0.1
	done
	[ -e "$CURFEW_TEST_MARK" ]
	run "$curfew" disconnect nothing --yes
	[ "$status" -eq 75 ]
	kill "$first"
	wait "$first" || true
}

@test "--json: an error is one object on one line of standard error" {
	error() { # its members exit, word, object; nothing else on either stream
		python3 -c '
import json, sys
e = json.loads(sys.argv[1])
assert e["version"] == 1, e
e = e["error"]
assert all(isinstance(e[k], str) for k in ("message", "what", "cause", "state", "hint")), e
assert e["cause"] in e["message"] and e["hint"] in e["message"], e
print(e["exit"], e["word"], e["object"])' "$stderr"
	}
	for args in "list --kind" "show no/such" nope "scan /no/such/place" "import --format yaml x"; do
		# shellcheck disable=SC2086
		run --separate-stderr "$curfew" --json $args
		echo "$args: $stderr"
		[ "$status" -ne 0 ]
		[ -z "$output" ]
		[[ $(error) == "$status "* ]]
	done
	run --separate-stderr "$curfew" --json --dir "$BATS_TEST_TMPDIR/none" list
	[ "$(error)" = "1 no $BATS_TEST_TMPDIR/none" ]
	run --separate-stderr "$curfew" list --kind
	[[ $stderr == "curfew: "* ]]
}
