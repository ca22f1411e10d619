#!/usr/bin/env bats
# curfew-provider-file, -program and -systemd: files, links, consumers that are
# real processes, over the line protocol and through curfew's own launcher.

bats_require_minimum_version 1.5.0

setup() {
	load provider
	T=$(mktemp -d "${TMPDIR:-/tmp}/curfew-sink.XXXXXX")
	R=$T/root
	mkdir -m 755 "$R" "$R/app"
	HELD=
	SESSION_FD=
}

teardown() {
	provider_stop
	for p in $HELD; do kill -KILL "$p" 2>/dev/null || true; done
	rm -rf "$T"
}

# sink [OPTIONS-JSON]
sink() {
	local more=${1:-}
	[ -n "$more" ] || more='{}'
	provider_start "$CURFEW_BUILD/curfew-provider-file"
	ask_json "$(jq -nc --arg r "$R" --argjson more "$more" '{verb: "hello",
		protocol: 1, connection: "files", options: ({root: $r} + $more)}')"
}

open_sink() {
	sink "$@"
	expect .status ok
}

S="s3cret-\$\"\\'-$RANDOM"

# deliver PLACE VERSION [SECRET]
deliver() {
	ask_json "$(jq -nc --arg a "$1" --argjson v "$2" --arg s "${3:-$S}" '{verb: "deliver",
		account: $a, version: $v, secret: $s, from: "pg/app#password",
		fields: {user: "app", connection: "pg"}}')"
}

adopted() { # PLACE VERSION
	ask_json "$(jq -nc --arg a "$1" --argjson v "$2" \
		'{verb: "adopted", account: $a, version: $v}')"
	expect .status ok
}

# consumer: a process that writes its number to $T/run/pid and, on HUP, what the
# file says to $T/seen
consumer() {
	mkdir -p "$T/run"
	rm -f "$T/run/pid"
	(
		shut_pipes
		exec bash -c 'trap "cat \"$1\" >\"$2/seen.new\"; mv \"$2/seen.new\" \"$2/seen\"" HUP
			echo $$ >"$2/run/pid.new"; mv "$2/run/pid.new" "$2/run/pid"
			while :; do sleep 0.1; done' consumer "$R/app/db" "$T"
	) >/dev/null 2>&1 &
	HELD+=" $!"
	for _ in $(seq 200); do [ ! -s "$T/run/pid" ] || return 0; sleep 0.05; done
	return 1
}

@test "deliver: the bytes, the mode, the note without the secret, the same again" {
	open_sink
	expect '.verbs | index("deliver") != null' true
	deliver app/db 1
	expect .status ok
	expect .read_back same
	expect .acknowledged false
	[ "$(cat "$R/app/db")" = "$S" ]
	[ "$(stat -c %a "$R/app/db")" = 600 ]
	deliver app/db 1
	expect .status ok
	deliver app/db 2 other
	expect .status ok
	[ "$(cat "$R/app/db")" = other ]
	deliver app/db 1
	expect .status refused
	[ "$(cat "$R/app/db")" = other ]
	[ "$(find "$R" -type f | sort | xargs -n1 basename | xargs)" = ".db.curfew db" ]
	run ! grep -rF other "$R/app/.db.curfew" "$PROVIDER_LOG"
	ask list
	expect .complete true
}

@test "deliver: owner, group and mode as told, else as they were" {
	[ "$(id -u)" = 0 ] || skip "needs root to give files away"
	echo old >"$R/app/db"
	chown nobody:daemon "$R/app/db"
	chmod 640 "$R/app/db"
	open_sink
	deliver app/db 1
	expect .status ok
	[ "$(stat -c '%U %G %a' "$R/app/db")" = "nobody daemon 640" ]
	provider_stop
	open_sink '{"owner":"daemon","group":"0","mode":"0440"}'
	deliver app/db 2
	expect .status ok
	[ "$(stat -c '%U %g %a' "$R/app/db")" = "daemon 0 440" ]
	provider_stop
	for bad in '{"mode":"0644"}' '{"mode":"0700"}' '{"mode":"x"}' \
		'{"owner":"no-such-user"}' '{"format":"xml"}' '{"root":"app"}'; do
		sink "$bad"
		expect .status refused
		provider_stop
	done
}

@test "formats: env for a shell, JSON for jq, ini, a template; each gives the secret back" {
	open_sink '{"format":"env","field.secret":"DB_PASSWORD","field.user":"DB_USER"}'
	deliver app/env 1
	expect .status ok
	# shellcheck source=/dev/null
	[ "$(. "$R/app/env" && echo "$DB_USER $DB_PASSWORD")" = "app $S" ]
	deliver app/env 2 plain-0123456789
	grep -qx 'DB_PASSWORD=plain-0123456789' "$R/app/env"
	provider_stop
	open_sink '{"format":"json"}'
	deliver app/json 1 "$S"$'\n\t\x01'"end"
	[ "$(jq -r .secret "$R/app/json")" = "$S"$'\n\t\x01'"end" ]
	[ "$(jq -r .user "$R/app/json")" = app ]
	provider_stop
	open_sink '{"format":"ini","section":"db"}'
	deliver app/ini 1 plain-0123456789
	[ "$(python3 -c 'import configparser, sys; c = configparser.ConfigParser(); c.read(sys.argv[1]); print(c["db"]["secret"])' "$R/app/ini")" = plain-0123456789 ]
	deliver app/ini 2 'a;b'
	expect .status refused
	[ "$(grep -c secret "$R/app/ini")" = 1 ]
	provider_stop
	# shellcheck disable=SC2016
	printf 'url = "postgres://{{user}}:{{secret|url}}@db/x"\nj = "{{secret|json}}"\n' >"$T/t"
	open_sink "{\"use_template\":\"$T/t\"}"
	deliver app/t 1
	expect .status ok
	[ "$(python3 -c 'import sys, urllib.parse; l = open(sys.argv[1]).readline(); print(urllib.parse.unquote(l.split(":")[2].split("@")[0]))' "$R/app/t")" = "$S" ]
	[ "$(sed -n 's/^j = //p' "$R/app/t" | jq -r .)" = "$S" ]
	provider_stop
	for bad in '{{secret' '{{secret|xml}}' '{{Secret}}' 'nothing'; do
		printf '%s\n' "$bad" >"$T/t"
		sink "{\"use_template\":\"$T/t\"}"
		expect .status refused
		provider_stop
	done
	printf '{{secret}} {{nothere}}' >"$T/t"
	open_sink "{\"use_template\":\"$T/t\"}"
	deliver app/t 2
	expect .status refused
}

@test "links, other names, strange folders and ways out are refused, nothing is written" {
	echo mine >"$T/outside"
	ln -s "$T/outside" "$R/app/link"
	ln -s "$T" "$R/way"
	ln "$T/outside" "$R/app/hard"
	mkdir -m 777 "$R/open"
	mkfifo "$R/app/pipe"
	ln -s ../app "$R/app/in"
	open_sink
	for place in app/link way/outside app/hard open/x app/pipe app/in/x ../outside \
		app/../../outside /etc/x app//x app/ '' . app/. "app/a
b" nofolder/x app/db/x; do
		deliver "$place" 1
		expect .status refused
	done
	[ "$(cat "$T/outside")" = mine ]
	[ -p "$R/app/pipe" ]
	[ "$(find "$R" -type f | sort | xargs -n1 basename | xargs)" = hard ]
	if [ "$(id -u)" = 0 ]; then
		mkdir "$R/theirs"
		chown nobody "$R/theirs"
		deliver theirs/x 1
		expect .status refused
	fi
}

@test "links thrown in while it writes: never a byte outside, never a false same" {
	printf '' >"$T/outside"
	mkdir -m 777 "$T/attack"
	open_sink
	(
		shut_pipes
		while :; do
			ln -sfn "$T/attack" "$R/app/sub"
			rm -f "$R/app/sub"
			mkdir "$R/app/sub" 2>/dev/null
			ln -sf "$T/outside" "$R/app/sub/db"
			rm -rf "$R/app/sub"
		done
	) >/dev/null 2>&1 &
	HELD+=" $!"
	local v
	for v in $(seq 60); do
		deliver app/sub/db "$v"
	done
	[ ! -s "$T/outside" ]
	[ -z "$(ls -A "$T/attack")" ]
}

@test "a crash at every point leaves the old file or the new one, whole; again is ok" {
	[ -n "$(strings "$CURFEW_BUILD/curfew-provider-file" | grep sink:before-rename)" ] ||
		skip "no crash points in this build"
	local at v=1
	for at in sink:temp sink:before-rename sink:after-rename sink:before-note \
		sink:before-tell sink:after-tell sink:temp:2 sink:before-rename:2; do
		open_sink
		deliver app/db $v old-one
		expect .status ok
		provider_stop
		CURFEW_CRASH_AT=$at open_sink
		run deliver app/db $((v + 1)) new-one
		[ "$status" -ne 0 ]
		provider_stop
		[[ $(cat "$R/app/db") == old-one || $(cat "$R/app/db") == new-one ]]
		open_sink
		ask_json "{\"verb\":\"adopted\",\"account\":\"app/db\",\"version\":$((v + 1))}"
		[ "$(got .adopted)" != true ]
		deliver app/db $((v + 1)) new-one
		expect .status ok
		provider_stop
		[ "$(cat "$R/app/db")" = new-one ]
		[ "$(find "$R" -type f | wc -l)" = 2 ] # nothing of the crash stays
		v=$((v + 2))
	done
}

@test "signal: the consumer reads the new one; adopted only by a later process" {
	open_sink "{\"signal\":\"HUP\",\"use_pid_file\":\"$T/run/pid\"}"
	deliver app/db 1
	expect .status unknown # nobody there to be told
	[[ $(got .error) == *"written and read back"* ]]
	consumer
	deliver app/db 1
	expect .status ok
	expect .acknowledged false
	for _ in $(seq 200); do [ ! -s "$T/seen" ] || break; sleep 0.05; done
	[ "$(cat "$T/seen")" = "$S" ]
	adopted app/db 1
	expect .adopted false
	[[ $(got .evidence) == *"started before"* ]]
	for p in $HELD; do kill -KILL "$p"; done
	adopted app/db 1
	expect .adopted false
	consumer
	adopted app/db 1
	expect .adopted true
	[[ $(got .evidence) == *"started after"* ]]
	adopted app/db 2
	expect .adopted false
	# written by another hand: nobody can say any more
	echo changed >"$R/app/db"
	adopted app/db 1
	expect .adopted false
	[[ $(got .evidence) == *"somebody else"* ]]
}

@test "signal: a pid file that strangers write, or of another process, aims at nobody" {
	consumer
	chmod 666 "$T/run/pid"
	open_sink "{\"signal\":\"TERM\",\"use_pid_file\":\"$T/run/pid\"}"
	deliver app/db 1
	expect .status unknown
	kill -0 "$(cat "$T/run/pid")"
	echo 1 >"$T/run/pid"
	deliver app/db 1
	expect .status unknown
	echo "not a number" >"$T/run/pid"
	deliver app/db 1
	expect .status unknown
	provider_stop
	sink '{"signal":"KILL","use_pid_file":"/x"}'
	expect .status refused
	provider_stop
	sink '{"signal":"HUP"}'
	expect .status refused
}

@test "reload and check programs: no secret in argument or environment, exit codes count" {
	cat >"$T/reload" <<-END
		#!/bin/sh
		{ echo "args: \$*"; env; tr '\0' ' ' </proc/\$\$/cmdline; } >>"$T/trace"
		echo "cannot: \$(cat "$R/app/db")" >&2
		exit \$(cat "$T/code")
	END
	chmod 755 "$T/reload"
	echo 0 >"$T/code"
	open_sink "{\"use_reload\":\"$T/reload\"}"
	deliver app/db 7
	expect .status ok
	expect .acknowledged true
	grep -qx 'args: app/db 7' "$T/trace"
	run ! grep -F "$S" "$T/trace"
	adopted app/db 7
	expect .adopted true
	echo 3 >"$T/code"
	deliver app/db 8
	expect .status unknown
	[[ $(got .error) == *"status 3"* ]]
	[[ $ANSWER != *"s3cret-"* ]] # what it says to its standard error is looked through
	adopted app/db 8
	expect .adopted false
	provider_stop
	echo 1 >"$T/code"
	open_sink "{\"use_check\":\"$T/reload\"}"
	deliver app/db 9
	expect .status ok
	adopted app/db 9
	expect .adopted false
	echo 0 >"$T/code"
	adopted app/db 9
	expect .adopted true
	echo 2 >"$T/code"
	ask_json '{"verb":"adopted","account":"app/db","version":9}'
	expect .status unknown
	provider_stop
	chmod 777 "$T/reload"
	sink "{\"use_reload\":\"$T/reload\"}"
	expect .status refused
}

# ---- program -------------------------------------------------------------------

# program_sink SCRIPT-BODY [OPTIONS-JSON]
program_sink() {
	printf '#!/bin/sh\n%s\n' "$1" >"$T/prog"
	chmod 755 "$T/prog"
	provider_start "$CURFEW_BUILD/curfew-provider-program"
	ask_json "$(jq -nc --arg p "$T/prog" --argjson more "${2:-null}" '{verb: "hello",
		protocol: 1, connection: "prog", options: ({use_program: $p} + $more)}')"
	expect .status ok
}

@test "program: the secret on standard input only, the exit status is the outcome" {
	program_sink "cat >$T/got; { echo \"\$*\"; env; tr '\\0' ' ' </proc/\$\$/cmdline; } >$T/seen
		echo rev-7; echo \"loud \$(cat $T/got)\" >&2; exit \$(cat $T/code)"
	echo 0 >"$T/code"
	deliver web/db 3
	expect .status ok
	expect .acknowledged true
	expect .place_version rev-7
	[ "$(cat "$T/got")" = "$S" ]
	[ "$(head -1 "$T/seen")" = "deliver web/db 3 pg/app#password" ]
	run ! grep -F "$S" "$T/seen" "$PROVIDER_LOG"
	local want
	for want in "75 retry" "77 refused" "1 unknown" "127 unknown"; do
		echo "${want% *}" >"$T/code"
		deliver web/db 4
		expect .status "${want#* }"
		[[ $ANSWER != *"$S"* && $ANSWER != *s3cret-* ]]
	done
	for place in -x "a
b" ''; do
		deliver "$place" 4
		expect .status refused
	done
	echo 1 >"$T/code"
	adopted web/db 3
	expect .adopted false
	echo 0 >"$T/code"
	adopted web/db 3
	expect .adopted true
	[ ! -s "$T/got" ]
}

@test "program: JSON, a death, a secret not read, one that gives it back" {
	program_sink "cat >$T/got" '{"format":"json"}'
	deliver x 1
	expect .status ok
	[ "$(jq -r .secret "$T/got")" = "$S" ]
	[ "$(jq -r .user "$T/got")" = app ]
	provider_stop
	program_sink 'kill -KILL $$'
	deliver x 1
	expect .status unknown
	provider_stop
	program_sink 'cat' # writes the secret to its output: it is not told
	deliver x 1
	expect .status ok
	expect '.place_version // "none"' none
	provider_stop
	program_sink 'exit 0'
	deliver x 1 "$(head -c 200000 /dev/zero | tr '\0' x | head -c 65000)$(printf '%0500d' 0)"
	[[ $(got .status) == ok || $(got .status) == unknown ]] # a pipe holds 64 KiB
	provider_stop
	program_sink 'exit 0'
	chmod 757 "$T/prog"
	provider_stop
	provider_start "$CURFEW_BUILD/curfew-provider-program"
	ask_json "{\"verb\":\"hello\",\"protocol\":1,\"connection\":\"p\",\"options\":{\"use_program\":\"$T/prog\"}}"
	expect .status refused
}

# ---- systemd credentials ---------------------------------------------------------

@test "systemd: systemd-creds decrypts what was delivered, under its name only" {
	command -v systemd-creds >/dev/null || skip "systemd-creds is not installed"
	[ "$(id -u)" = 0 ] || skip "the host's key is root's"
	systemd-creds setup >/dev/null 2>&1 ||
		[ -s /var/lib/systemd/credential.secret ] || skip "no host key can be made here"
	provider_start "$CURFEW_BUILD/curfew-provider-systemd"
	ask_json "$(jq -nc --arg r "$R" '{verb: "hello", protocol: 1, connection: "units",
		options: {root: $r, use_host_key: "/var/lib/systemd/credential.secret"}}')"
	expect .status ok
	deliver app/db.cred 1
	expect .status ok
	expect .read_back same
	run ! grep -F "$S" "$R/app/db.cred"
	[ "$(systemd-creds decrypt --name=db "$R/app/db.cred" -)" = "$S" ]
	run ! systemd-creds decrypt --name=other "$R/app/db.cred" -
	deliver app/db.cred 2 other-secret
	expect .status ok
	[ "$(systemd-creds decrypt --name=db "$R/app/db.cred" -)" = other-secret ]
}
