#!/usr/bin/env bats
# Secret residue: planted secrets are looked for after each command in every
# file it left, in every argument and environment of every process it started,
# in everything written but to a pipe, and in the memory of the core.

bats_require_minimum_version 1.5.0

setup_file() {
	load provider
	load postgres
	command -v strace >/dev/null || skip "needs strace"
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
	PASS=planted-pass-$RANDOM$RANDOM
	VALUE=plantedvalue$RANDOM$RANDOM
	printf '%s\n' "$PASS" "$VALUE" "$PG_ADMIN" >"$T.planted"
	export CURFEW_DIR=$T/vault TMPDIR=$T/tmp
	mkdir -p "$T/tmp"
	printf '%s\n' "$PASS" >"$T.pass"
	chmod 600 "$T.pass"
}

# The planted texts, also as base64 and hexadecimal.
forms() {
	local s
	while read -r s; do
		printf '%s\n' "$s"
		printf %s "$s" | base64 -w0 | sed 's/=*$//'
		echo
		printf %s "$s" | od -An -v -tx1 | tr -d ' \n'
		echo
	done <"$T.planted"
}

# traced COMMAND...: run curfew under strace, its output kept as a log would be;
# one tracer only, so no looking for leaks (make sanitize)
traced() {
	env -i PATH="$PATH" HOME="$T/tmp" CURFEW_DIR="$CURFEW_DIR" \
		TMPDIR="$TMPDIR" ASAN_OPTIONS="${ASAN_OPTIONS:-}:detect_leaks=0" strace -f -qq -v -y -s 200000 -e trace=execve,write,writev,pwrite64,sendto,sendmsg \
		-o "$T.trace" "$CURFEW_BUILD/curfew" --no-input --no-color -v -v \
		--passphrase-file "$T.pass" "$@" >>"$T/out" 2>>"$T/err" 3>&-
}

# Nothing of the planted texts in files, arguments, environments or writes.
clean() {
	forms >"$T.forms"
	if grep -rlF -f "$T.forms" "$T/"; then
		echo "planted text in a file"
		return 1
	fi
	if grep -F -f "$T.forms" "$T.trace" |
		grep -vE '(write|writev|sendmsg|sendto)\([0-9]+<(pipe|UNIX|socket)[^>]*>'; then
		echo "planted text in an argument, environment or written file"
		return 1
	fi
}

vault() {
	traced init --passphrase
	clean
	traced connect postgres pg --set host=127.0.0.1 --set port="$PG_PORT" \
		--secret-stdin <<<"$PG_ADMIN"
	clean
	sql "DROP ROLE IF EXISTS bot" "CREATE ROLE bot LOGIN PASSWORD '$VALUE'"
	traced sync
	clean
	traced learn pg/bot --secret-stdin <<<"$VALUE"
	clean
}

@test "the search finds what it should" {
	mkdir "$T/x"
	: >"$T.trace"
	clean
	printf 'x%sx' "$VALUE" >"$T/x/file"
	run clean
	[ "$status" -ne 0 ]
	printf 'x%s' "$(printf %s "$VALUE" | base64)" >"$T/x/file"
	run clean
	[ "$status" -ne 0 ]
	: >"$T/x/file"
	printf '1 execve("/bin/true", ["true", "%s"], [])\n' "$VALUE" >"$T.trace"
	run clean
	[ "$status" -ne 0 ]
	printf '1 write(4<pipe:[7]>, "%s", 9)\n' "$VALUE" >"$T.trace"
	clean
}

@test "no secret in files, arguments, environments or logs after any command" {
	vault
	traced list credentials
	clean
	traced show pg/bot
	clean
	traced kill pg/bot --reason test
	clean
	grep -q 'DEAD (proved)' "$T/out"
	traced incident export "INC-$(date -u +%Y%m%d)-1" --format md
	clean
	traced incident export "INC-$(date -u +%Y%m%d)-1" --format json
	clean
	traced audit log
	clean
	traced vault verify
	clean
	traced vault backup "$T/backup"
	clean
	traced vault keygen "$T/pair"
	traced emergency setup "$(grep -oE '[A-Za-z0-9+/_=-]{40,}' "$T/out" | tail -1)" || true
	clean
	traced vault rekey || true
	clean
	[ ! -e "$T/tmp/core" ]
	[ -z "$(ls "$T/tmp")" ]
}

@test "a wrong secret is not told either" {
	traced init --passphrase
	run traced connect postgres pg --set host=127.0.0.1 \
		--set port="$PG_PORT" --secret-stdin <<<"$VALUE"
	[ "$status" -ne 0 ]
	clean
	printf '%s\n' "$VALUE" >"$T.pass"
	run traced list
	[ "$status" -eq 5 ]
	clean
}

@test "in the core's memory only in locked pages that no dump takes" {
	[ "$(id -u)" = 0 ] || skip "needs root to look into another process"
	vault
	pg_down "$PG_DIR" fast
	"$CURFEW_BUILD/curfew" --no-input --passphrase-file "$T.pass" kill \
		pg/bot --wait 60s >/dev/null 2>&1 3>&- &
	core=$!
	# it is at work when it has what it logs in with
	has_admin() {
		run python3 "$BATS_TEST_DIRNAME/memory.py" "$core" <<<"$PG_ADMIN"
		[[ $output == *"copies "* && $output != *"copies 0" ]]
	}
	wait_until has_admin
	grep -q '^Max core file size *0 *0' "/proc/$core/limits"
	run python3 "$BATS_TEST_DIRNAME/memory.py" "$core" <"$T.planted"
	kill -INT "$core"
	wait "$core" || true
	pg_up "$PG_DIR"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" != *"copies 0" ]]
}
