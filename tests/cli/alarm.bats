#!/usr/bin/env bats
# Alarms: kept until told, told again while they stand, never a secret.

load agent

setup() {
	agent_setup
	cp "$CURFEW_BUILD/curfew-notify" "$CURFEW_PROVIDER_PATH/"
	told=$BATS_TEST_TMPDIR/told
	mkdir -m 700 "$told" "$BATS_TEST_TMPDIR/bin"
	program page "cat >'$told/page'.\$\$; echo \"\$@\" >>'$told/args'; env >'$told/env'"
	pids=()
}

teardown() {
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
}

# program NAME TEXT: a shell script of the operator's
program() {
	printf '#!/bin/sh\n%s\n' "$2" >"$BATS_TEST_TMPDIR/bin/$1"
	chmod 755 "$BATS_TEST_TMPDIR/bin/$1"
}

config() { cat >>"$CURFEW_DIR/curfew.toml"; }

page_config() {
	config <<-E
		[alarm.ops]
		program = ["$BATS_TEST_TMPDIR/bin/page", "--to", "a b"]
		repeat = "1h"
	E
}

lacks() { ! grep -q "$@"; }
raise() { "$curfew" try-alarm raise "$@"; }
deliver() { "$curfew" try-alarm deliver "$@"; }
pages() { find "$told" -name 'page.*' | wc -l; }
later() { # MS COMMAND...
	local ms=$1
	shift
	CURFEW_CLOCK_OFFSET_MS=$ms "$@"
}

# A server that keeps what it is sent; its answer is in $told/answer.
webhook() {
	echo "${1:-204}" >"$told/answer"
	cat >"$BATS_TEST_TMPDIR/hook.py" <<-'E'
		import http.server, sys, os
		told = sys.argv[1]
		class H(http.server.BaseHTTPRequestHandler):
		    def do_POST(self):
		        body = self.rfile.read(int(self.headers['Content-Length']))
		        with open(f'{told}/hook', 'ab') as f:
		            f.write(self.path.encode() + b' ' +
		                    self.headers['Content-Type'].encode() + b' ' + body)
		        self.send_response(int(open(f'{told}/answer').read()))
		        self.end_headers()
		    def log_message(self, *a): pass
		s = http.server.HTTPServer(('127.0.0.1', 0), H)
		with open(f'{told}/port.new', 'w') as f: f.write(str(s.server_port))
		os.rename(f'{told}/port.new', f'{told}/port')
		s.serve_forever()
	E
	python3 "$BATS_TEST_TMPDIR/hook.py" "$told" 3>&- &
	pids+=($!)
	until [ -e "$told/port" ]; do sleep 0.05; done
	config <<-E
		[alarm.web]
		webhook = "http://127.0.0.1:$(cat "$told/port")/hook?token=tok-1234"
	E
}

@test "a program hears of it once, as JSON; the log at once" {
	page_config
	run raise stuck pg/ci 'the quota is full'
	[ "$status" -eq 0 ]
	says "alarm: stuck: pg/ci: the quota is full"
	[ "$(pages)" -eq 0 ]
	run deliver
	[ "$status" -eq 0 ]
	[ -z "$output" ]
	[ "$(pages)" -eq 1 ]
	jq -e '.version == 1 and (.alarms | length) == 1 and .alarms[0].event == "stuck"
		and .alarms[0].about == "pg/ci" and .alarms[0].over == false' "$told"/page.*
	[ "$(cat "$told/args")" = "--to a b" ]
	lacks "CURFEW_PASS\|SSH_\|BATS_" "$told/env"
	# the same again is no news
	run raise stuck pg/ci 'the quota is full'
	[ -z "$output" ]
	deliver
	[ "$(pages)" -eq 1 ]
	run "$curfew" alarm list
	[ "$status" -eq 1 ]
	says "stuck: pg/ci"
	says "ops/program told"
	run "$curfew" alarm list --json
	echo "$output" | jq -e '.alarms[0].not_reached == 0'
	run "$curfew" audit log
	says "alarm: stuck: pg/ci: the quota is full"
}

@test "it is told again while it stands, and when it is over" {
	page_config
	raise stuck pg/ci 'the quota is full'
	deliver
	later 3500000 deliver
	[ "$(pages)" -eq 1 ]
	later 3700000 deliver
	[ "$(pages)" -eq 2 ]
	# another text is not told before its time
	later 3800000 raise stuck pg/ci 'the quota is still full'
	later 3900000 deliver
	[ "$(pages)" -eq 2 ]
	run "$curfew" alarm list
	says "still full"
	later 4000000 "$curfew" try-alarm clear stuck pg/ci
	later 4000000 deliver
	[ "$(pages)" -eq 3 ]
	[ "$(cat "$told"/page.* | jq -s '[.[].alarms[] | select(.over)] | length')" -eq 1 ]
	run "$curfew" alarm list
	[ "$status" -eq 0 ]
	says "no alarm stands"
	later 9000000 deliver
	[ "$(pages)" -eq 3 ]
}

@test "whoever was not reached is tried again, later and later" {
	page_config
	webhook 500
	raise quarantine aws/x 'a key that nobody knows'
	run deliver
	[ "$status" -eq 7 ]
	says "the webhook answered 500"
	says "it is kept and tried again"
	says_not "tok-1234"
	[ "$(pages)" -eq 1 ]
	run deliver # its time has not come
	[ "$status" -eq 0 ]
	run "$curfew" alarm list
	says "web/webhook not reached"
	run later 61000 deliver
	[ "$status" -eq 7 ]
	run later 122000 deliver # 60 s, then 120 s
	[ "$status" -eq 0 ]
	echo 204 >"$told/answer"
	run later 190000 deliver
	[ "$status" -eq 0 ]
	[ "$(wc -l <"$told/hook")" -eq 3 ]
	[ "$(pages)" -eq 1 ]
	tail -1 "$told/hook" | grep -q '^/hook?token=tok-1234 application/json {"version":1'
	later 200000 "$curfew" try-alarm clear quarantine aws/x
	later 200000 deliver
	run "$curfew" alarm list
	says "no alarm stands"
}

@test "a webhook that is not there, hangs or redirects is a failure in time" {
	webhook 302
	run "$curfew" alarm test web
	[ "$status" -eq 7 ]
	says "the webhook answered 302"
	kill "${pids[0]}" && wait "${pids[0]}" || true
	sed -i 's/alarm.web/alarm.web2/' "$CURFEW_DIR/curfew.toml"
	run "$curfew" alarm test web2
	[ "$status" -eq 7 ]
	says "no connection"
}

@test "a program that fails, hangs on to nothing or is not to be trusted" {
	program page "echo 'pager is empty' >&2; exit 3"
	page_config
	raise stuck a/b text
	run deliver
	[ "$status" -eq 7 ]
	says "exit status 3: pager is empty"
	program page "kill -9 \$\$"
	run later 61000 deliver
	says "killed by signal 9"
	chmod 777 "$BATS_TEST_TMPDIR/bin/page"
	run later 400000 deliver
	says "another user owns or can change this program"
	rm "$BATS_TEST_TMPDIR/bin/page"
	run later 4000000 deliver
	[ "$status" -eq 7 ]
	[ "$("$curfew" alarm list --json | jq '.alarms[0].not_reached')" -eq 1 ]
}

@test "more than fits a pipe, to a program that does not read" {
	program page "exec <&-; exit 0"
	page_config
	for i in $(seq 30); do
		raise stuck "pg/ci-$i" "$(printf 'x%.0s' $(seq 500))" 2>/dev/null
	done
	run deliver
	[ "$status" -eq 0 ]
}

@test "many alarms are one message" {
	page_config
	for i in 1 2 3 4 5; do raise stuck "pg/ci-$i" text; done 2>/dev/null
	deliver
	[ "$(pages)" -eq 1 ]
	[ "$(jq '.alarms | length' "$told"/page.*)" -eq 5 ]
}

@test "mail through the sendmail interface" {
	program mailer "cat >'$told/mail'; echo \"\$@\" >'$told/args'"
	config <<-E
		[alarm.ops]
		mail = ["ops@example.org", "night@example.org"]
		from = "curfew@example.org"
		sendmail = "$BATS_TEST_TMPDIR/bin/mailer"
	E
	raise deadline "aws/ci#AKIA1" $'it lives\r\nBcc: all@example.org\e[31m' 2>/dev/null
	raise stuck $'pg/x\ny' 'second' 2>/dev/null
	deliver
	cat "$told/mail"
	[ "$(cat "$told/args")" = "-oi -f curfew@example.org -- ops@example.org night@example.org" ]
	grep -q '^From: <curfew@example.org>$' "$told/mail"
	grep -q '^Auto-Submitted: auto-generated$' "$told/mail"
	# the head ends at the first empty line and holds no line of a stranger's
	[ "$(sed '/^$/q' "$told/mail" | grep -cvE '^(From|To|Subject|Auto-Submitted|MIME-Version|Content-[A-Za-z-]*): |^ <|^$')" -eq 0 ]
	lacks '^Bcc' "$told/mail"
	lacks $'\e' "$told/mail"
}

@test "a policy's alarms are told of it, the others are not" {
	program night "cat >'$told/night'"
	page_config
	config <<-E
		[alarm.night]
		program = ["$BATS_TEST_TMPDIR/bin/night"]
		events = ["quarantine"]
		[rotation.db]
		adopt = "operator"
		every = "1d"
		notify = ["ops"]
	E
	raise stuck a/b text db 2>/dev/null
	deliver
	[ "$(pages)" -eq 1 ]
	[ ! -e "$told/night" ]
	raise quarantine a/b text db 2>/dev/null
	deliver
	[ "$(pages)" -eq 2 ]
	[ ! -e "$told/night" ]
	raise quarantine a/c text 2>/dev/null
	deliver
	[ -e "$told/night" ]
}

@test "a crash between telling and writing it down tells it again, loses nothing" {
	page_config
	raise stuck a/b text 2>/dev/null
	run env CURFEW_CRASH_AT=alarm.after-send "$curfew" try-alarm deliver
	[ "$status" -eq 137 ]
	deliver
	[ "$(pages)" -eq 2 ]
	deliver
	[ "$(pages)" -eq 2 ]
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
}

@test "told once and over" {
	page_config
	"$curfew" try-alarm once finding gh/ci 'a token in a push' 2>/dev/null
	deliver
	[ "$(pages)" -eq 1 ]
	run "$curfew" alarm list
	says "no alarm stands"
}

@test "without any [alarm.NAME] the log is all there is, every six hours" {
	run raise stuck a/b text
	says "alarm: stuck"
	run deliver
	[ -z "$output" ]
	run later 22000000 deliver
	says "alarm still stands: stuck: a/b"
	run "$curfew" alarm test
	[ "$status" -eq 2 ]
	says "no [alarm.NAME]"
}

@test "only programs of the configuration are started, and only the core's word counts" {
	page_config
	run "$curfew" alarm test nobody
	[ "$status" -eq 1 ]
	run "$curfew" alarm test ops
	[ "$status" -eq 0 ]
	says "everybody was told"
	grep -q '"event":"test"' "$told"/page.*
}

@test "a clock set back is an alarm, until it is right again" {
	"$curfew" try-alarm clock
	run "$curfew" alarm list
	[ "$status" -eq 0 ]
	run later -3600000 "$curfew" try-alarm clock
	says "clock: the clock of this machine: it was set back by"
	run later -3590000 "$curfew" try-alarm clock
	[ -z "$output" ]
	run "$curfew" alarm list
	[ "$status" -eq 1 ]
	"$curfew" try-alarm clock
	run "$curfew" alarm list
	says "over: clock"
	# a day forward is no alarm
	later 86400000 "$curfew" try-alarm clock
	run later 86400000 "$curfew" alarm list
	says "over: clock"
}
