#!/usr/bin/env bats
# What each process must not be able to do, tried.

load agent.bash

setup() {
	agent_setup
}

@test "core: no socket, fork, exec, ptrace, executable memory, foreign files" {
	run "$curfew" try-forbidden
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(grep -c ': refused: ' <<<"$output")" -eq 9 ]
	says_not WORKED
	says "exec: refused"
}

@test "core: the attempts are real: some files may be read" {
	run "$curfew" try-forbidden read "$CURFEW_DIR/vault.db"
	[ "$status" -eq 1 ]
	says "read: WORKED"
}

@test "core without Landlock: one warning, seccomp still holds" {
	CURFEW_NO_LANDLOCK=1 run "$curfew" try-forbidden
	[ "$(grep -c 'no Landlock' <<<"$output")" -eq 1 ]
	says "socket: refused"
	says "fork: refused"
	says "exec: refused"
}

@test "helper: neither vault nor configuration nor /tmp, no environment of ours" {
	provider spy <<'EOF'
#!/bin/sh
no() { if "$@" >/dev/null 2>&1; then echo '"WORKED"'; else echo '"no"'; fi; }
put() { echo x >"$1"; }
get() { cat "$1"; }
read -r line
a=$(no get "$CURFEW_TEST_DIR/vault.db")
b=$(no put "$CURFEW_TEST_DIR/new")
c=$(no get "$CURFEW_TEST_DIR/curfew.toml")
d=$(no get "$CURFEW_TEST_DIR/../key")
e=$(no put /tmp/curfew-spy-$$)
f=$(no test -n "$SECRET_THING")
g=$(no get "/proc/$PPID/mem")
h=$(no grep -q SECRET_THING "/proc/$PPID/environ")
echo '{"id":1,"status":"ok","protocol":1,"verbs":[],"facts":{"spy":{"vault":'"$a"',"dir":'"$b"',"config":'"$c"',"key":'"$d"',"tmp":'"$e"',"env":'"$f"',"mem":'"$g"',"environ":'"$h"'}}}'
read -r line
EOF
	export CURFEW_TEST_DIR=$CURFEW_DIR SECRET_THING=x
	run "$curfew" --json provider check spy
	[ "$status" -eq 0 ]
	[ "$(grep -c '"no"' <<<"$output")" -eq 8 ]
	says_not WORKED
}

@test "helper: the spy's attempts are real: it works without a sandbox" {
	run cat "$CURFEW_DIR/vault.db"
	[ "$status" -eq 0 ]
}

@test "helper: a setting cannot open the vault to it" {
	listing a </dev/null
	for path in "$CURFEW_DIR" "$CURFEW_DIR/vault.db" "$CURFEW_DIR/../vault"; do
		run "$curfew" connect a x --set "items=$path"
		[ "$status" -eq 9 ]
		says "could reach curfew's own"
	done
}

@test "programs are linked only with what their room may have" {
	run ldd "$CURFEW_BUILD/curfew"
	for lib in curl git2 libpq pcre libhs libssh glib secret ssl.so; do
		says_not "$lib"
	done
	for p in "$CURFEW_BUILD"/curfew-provider-*; do
		[ -x "$p" ] || continue
		run ldd "$p"
		says_not sqlite
		says_not git2
	done
	if [ -x "$CURFEW_BUILD/curfew-scan" ]; then
		run ldd "$CURFEW_BUILD/curfew-scan"
		for lib in sqlite libpq libssh.so curl; do
			says_not "$lib"
		done
	fi
}

@test "all programs are hardened: full RELRO, stack protected, position independent" {
	for p in "$CURFEW_BUILD"/curfew "$CURFEW_BUILD"/curfew-provider-ssh; do
		run readelf -hdl "$p"
		says "DYN"
		says "BIND_NOW"
		says "GNU_RELRO"
		says_not "RWE"
	done
}
