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

@test "helper: too much beside the vault is told as that" {
	listing a </dev/null
	mkdir "$BATS_TEST_TMPDIR/many"
	(cd "$BATS_TEST_TMPDIR/many" && seq 2100 | xargs touch)
	mv "$CURFEW_DIR" "$BATS_TEST_TMPDIR/many/vault"
	export CURFEW_DIR=$BATS_TEST_TMPDIR/many/vault
	run "$curfew" connect a x --set "items=$BATS_TEST_TMPDIR/many"
	[ "$status" -ne 0 ]
	says "more than 2048 files that it may have lie beside curfew's own"
	says "--dir"
}

# Tries by hand: what a provider with the setting items=$path reads and writes.
tries() {
	provider tries <<'EOF'
#!/bin/sh
try() { if "$@" >/dev/null 2>&1; then echo '"WORKED"'; else echo '"no"'; fi; }
get() { head -c 1 "$1"; }
put() { echo x >"$1"; }
read -r line
f=
for file in $CURFEW_TEST_FILES; do f=$f,\"$file\":$(try get "$file"); done
echo '{"id":1,"status":"ok","protocol":1,"verbs":["list"],"secret":"none","options":[{"name":"items","help":"/path"}],"facts":{"x":{"caps":"'$(awk '/^CapBnd/{print $2}' /proc/self/status) $(awk '/^CapEff/{print $2}' /proc/self/status)'","put":'"$(try put "$CURFEW_TEST_PUT/new")$f"'}}}'
read -r line
EOF
}

@test "helper: no other secrets of the machine, no devices, no rights of root" {
	export CURFEW_TEST_PUT=$BATS_TEST_TMPDIR
	export CURFEW_TEST_FILES="/etc/shadow /etc/ssl/openssl.cnf /etc/debian_version /dev/kmsg /proc/kmsg /dev/zero"
	[ -r /etc/shadow ] && [ -r /dev/kmsg ] || skip "needs root"
	tries
	run "$curfew" --json provider check tries
	echo "$output"
	[ "$status" -eq 0 ]
	for file in /etc/shadow /etc/debian_version /dev/kmsg /proc/kmsg; do
		says "\"$file\": \"no\""
	done
	# CHOWN, DAC_OVERRIDE, FOWNER and KILL at most
	says '"caps": "000000000000002b 000000000000002b"'
	says '"put": "no"'
	says '"/etc/ssl/openssl.cnf": "WORKED"'
	says '"/dev/zero": "WORKED"'
}

@test "helper: root=/ reaches neither keys nor devices" {
	local d=$BATS_TEST_TMPDIR
	[ -r /etc/shadow ] && [ -r /dev/kmsg ] || skip "needs root"
	mkdir "$d/other" "$d/etc"
	(umask 077 && head -c 32 /dev/urandom >"$d/etc/second.key")
	echo x >"$d/etc/open"
	"$curfew" vault slot add key-file "$d/etc/second.key"
	rm -f "$d/seen"
	provider walks <<'EOF'
#!/bin/sh
try() { if "$@" >/dev/null 2>&1; then echo yes; else echo no; fi; }
get() { head -c 1 "$1"; }
put() { echo x >"$1"; }
read -r line
echo '{"id":1,"status":"ok","protocol":1,"version":"1","verbs":["list"],"secret":"none","options":[{"name":"items","help":"/path"}],"facts":{"key":{"disable":true}}}'
read -r line
for file in $CURFEW_TEST_FILES; do echo "$file $(try get "$file")"; done >"$CURFEW_TEST_PUT/seen"
echo "mknod $(try mknod "$CURFEW_TEST_PUT/node" b 7 0)" >>"$CURFEW_TEST_PUT/seen"
id=${line#*\"id\":}; id=${id%%[!0-9]*}
echo "{\"id\":$id,\"status\":\"ok\",\"complete\":true}"
read -r line
EOF
	export CURFEW_TEST_PUT=$d/other
	export CURFEW_TEST_FILES="$d/key $d/etc/second.key $d/etc/open $d/vault/vault.db /dev/kmsg /etc/debian_version"
	"$curfew" connect walks w --set items=/
	"$curfew" sync
	run cat "$d/other/seen"
	echo "$output"
	for file in "$d/key" "$d/etc/second.key" "$d/vault/vault.db" /dev/kmsg \
		mknod; do
		says "$file no"
	done
	says "$d/etc/open yes"
	says "/etc/debian_version yes"
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
		# libgit2 taken in from its archive leaves its network part behind
		if ! ldd "$CURFEW_BUILD/curfew-scan" | grep -q git2; then
			for lib in ssh crypto krb5 tls; do
				says_not "$lib"
			done
			run nm -D --undefined-only "$CURFEW_BUILD/curfew-scan"
			says " read@"
			for call in getaddrinfo connect recv; do
				says_not " $call@"
			done
		fi
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

@test "a provider path below a folder that others can change is refused" {
	mkdir -p "$BATS_TEST_TMPDIR/open/p"
	cp "$CURFEW_BUILD/curfew-provider-ssh" "$BATS_TEST_TMPDIR/open/p/"
	chmod 755 "$BATS_TEST_TMPDIR/open/p"
	chmod 777 "$BATS_TEST_TMPDIR/open"
	CURFEW_PROVIDER_PATH=$BATS_TEST_TMPDIR/open/p run "$curfew" provider check ssh
	[ "$status" -ne 0 ]
	[[ "$output" == *"another user can change this folder"* ]]
	chmod 1777 "$BATS_TEST_TMPDIR/open" # sticky: nobody can rename what is ours
	CURFEW_PROVIDER_PATH=$BATS_TEST_TMPDIR/open/p run "$curfew" provider check ssh
	[ "$status" -eq 0 ]
}
