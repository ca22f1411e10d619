#!/usr/bin/env bats
# curfew-provider-redis against a real server, over the line protocol.

bats_require_minimum_version 1.5.0

SERVER=redis
load one_server

# connect [USER PASSWORD [OPTIONS-JSON]]
connect() {
	log_in rd "$RD_PORT" "${1:-default}" "${2:-$RD_ADMIN}" "${3:-}"
}

ids() { # account
	ask list account "$1"
	item '.what == "credential"' | jq -r .id | sort
}

@test "hello logs in: a wrong password is refused, an absent server is retried" {
	connect default wrong
	expect .status refused
	[[ $(got .error) == *WRONGPASS* ]]
	provider_stop
	connect default "$RD_ADMIN" '{"port":"1"}'
	expect .status retry
	provider_stop
	connect default "$RD_ADMIN" '{"host":"a b"}'
	expect .status refused
	provider_stop
	connect default "$RD_ADMIN" '{"tls":"maybe"}'
	expect .status refused
	provider_stop
	connected
	expect .provider redis
	expect .facts.password.overlap true
	expect .warning null
}

@test "over the socket" {
	rcli ACL SETUSER l_sock on '>sock-pw' >/dev/null
	connected default "$RD_ADMIN" "{\"socket\":\"$RD_DIR/socket\"}"
	probe_secret l_sock sock-pw alive
	probe_secret l_sock wrong dead
	expect .proof refusal
}

@test "list: states, passwords, who can make users, sessions, what is curfew's own" {
	rcli ACL SETUSER l_bot on '>pw1' '>pw2' '~a*' +get +echo >/dev/null
	rcli ACL SETUSER l_boss off '>x' '+acl|setuser' >/dev/null
	rcli ACL SETUSER l_conf on '>x' +config >/dev/null
	rcli ACL SETUSER l_any on nopass +ping >/dev/null
	connected
	open_redis l_bot pw1
	ask list
	expect .status ok
	expect .complete true
	[ "$(item '.account == "l_bot" and .what == "credential" and .state == "active"' | wc -l)" = 2 ]
	[ "$(item '.account == "l_bot" and .what == "session"' | wc -l)" = 1 ]
	[ "$(item '.account == "l_bot" and .makes_accounts' | wc -l)" = 0 ]
	[ "$(item '.account == "l_boss" and .what == "account" and .state == "disabled" and .makes_accounts' | wc -l)" = 1 ]
	[ "$(item '.account == "l_conf" and .makes_accounts' | wc -l)" = 1 ]
	[ "$(item '.account == "l_any" and .what == "credential"' | jq -r .id)" = nopass ]
	[ "$(item '.account == "default" and .what == "account" and .self' | wc -l)" = 1 ]
	# a hash is good for guessing at: it is nowhere in the listing
	! grep -qF "$(printf pw1 | sha256sum | cut -c1-16)" <<<"$ITEMS"
	[ "$(item '.created' | wc -l)" = 0 ]
	rcli ACL SETUSER l_young on >/dev/null
	ask list
	[ "$(item '.created' | jq -r .account)" = l_young ]
	ask list account l_nobody
	expect .status absent
}

@test "off leaves the session working, cut_sessions ends it" {
	rcli ACL SETUSER s_bot on '>s-pw' +@all '~*' >/dev/null
	connected
	open_redis s_bot s-pw
	ask disable account s_bot
	expect .status ok
	probe_secret s_bot s-pw dead
	session_do "ECHO still-working"
	wait_until grep -q still-working "$SESSION_LOG"
	ask probe account s_bot
	expect .life alive
	ask cut_sessions account s_bot
	expect .status ok
	expect .count 1
	# the client comes back by itself and is not let in
	session_do "ECHO after-the-cut"
	wait_until grep -qE 'WRONGPASS|NOAUTH|closed' "$SESSION_LOG"
	! grep -q after-the-cut "$SESSION_LOG" || false
	ask probe account s_bot
	expect .life dead
	expect .proof record
	ask cut_sessions account s_bot
	expect .status ok
	expect .count 0
	ask cut_sessions account s_nobody
	expect .status absent
}

@test "one session by its id; one of an earlier run of the server is another" {
	rcli ACL SETUSER o_bot on '>o-pw' +@all >/dev/null
	connected
	open_redis o_bot o-pw
	ask list account o_bot
	local id
	id=$(item '.what == "session"' | jq -r .id)
	ask probe account o_bot kind session credential "${id%-*}-00000000"
	expect .life dead
	ask probe account o_bot kind session credential "$id"
	expect .life alive
	ask revoke account o_bot kind session credential "$id"
	expect .status ok
	expect .count 1
	ask probe account o_bot kind session credential "$id"
	expect .life dead
	[ "$(rcli_as o_bot o-pw PING)" = "in: PONG" ]
}

@test "one password of two: revoked, the other goes on; restore brings it back" {
	rcli ACL SETUSER p_bot on '>p-old' '>p-new' '~a*' '(~b* +set)' +get >/dev/null
	connected
	local before snapshot old
	# a user that was reset says what others take for granted
	rules() { rcli ACL LIST | grep '^user p_bot ' | sed 's/ sanitize-payload//'; }
	before=$(rules)
	ask set account p_bot kind password credential "" secret p-old
	expect .status ok
	old=$(got .credential)
	[ "$(rules)" = "$before" ]
	ask snapshot account p_bot
	snapshot=$(got .snapshot)
	ask disable account p_bot kind password credential "$old"
	expect .status unsupported
	[[ $(rcli_as p_bot p-new GET a) == in:* ]]
	ask revoke account p_bot kind password credential "$old"
	expect .status ok
	probe_secret p_bot p-old dead
	expect .proof refusal
	probe_secret p_bot p-new alive
	ask probe account p_bot kind password credential "$old"
	expect .life dead
	expect .proof record
	ask revoke account p_bot kind password credential "$old"
	expect .status absent
	ask revoke account p_bot
	expect .status ok
	probe_secret p_bot p-new dead
	ask_json "{\"verb\":\"restore\",\"account\":\"p_bot\",\"snapshot\":$snapshot}"
	expect .status ok
	[ "$(rules)" = "$before" ]
	probe_secret p_bot p-old alive
	rcli ACL DELUSER p_bot >/dev/null
	ask_json "{\"verb\":\"restore\",\"account\":\"p_bot\",\"snapshot\":$snapshot}"
	expect .status absent
	ask disable account p_bot
	expect .status absent
	! rcli ACL USERS | grep -q p_bot
}

@test "set beside and in the place of: what is shown, what works, what the server saw" {
	rcli ACL SETUSER set_bot on '>set-1' +@all >/dev/null
	connected
	local monitor=$BATS_TEST_TMPDIR/monitor one two
	(shut_pipes && REDISCLI_AUTH=$RD_ADMIN exec redis-cli -p "$RD_PORT" MONITOR) >"$monitor" 2>&1 &
	local pid=$!
	wait_until grep -q OK "$monitor"
	one=$(ids set_bot)
	ask_json '{"verb":"set","account":"set_bot","kind":"password","add":true,"secret":"set-2-ä\"x"}'
	expect .status ok
	two=$(got .credential)
	[ "$(ids set_bot)" = "$(printf '%s\n' "$one" "$two" | sort)" ]
	probe_secret set_bot set-1 alive
	probe_secret set_bot 'set-2-ä"x' alive
	# the same again is done already
	ask_json '{"verb":"set","account":"set_bot","kind":"password","add":true,"secret":"set-2-ä\"x"}'
	expect .status ok
	expect .credential "$two"
	# in the place of the first
	ask_json "{\"verb\":\"set\",\"account\":\"set_bot\",\"kind\":\"password\",\"credential\":\"$one\",\"secret\":\"set-3-pw\"}"
	expect .status ok
	ask_json "{\"verb\":\"set\",\"account\":\"set_bot\",\"kind\":\"password\",\"credential\":\"$one\",\"secret\":\"set-3-pw\"}"
	expect .status ok
	[ "$(ids set_bot)" = "$(printf '%s\n' "$(got .credential)" "$two" | sort)" ]
	probe_secret set_bot set-1 dead
	probe_secret set_bot set-3-pw alive
	ask set account set_bot kind password secret ''
	expect .status refused
	ask set account set_nobody kind password secret x
	expect .status absent
	rcli SLOWLOG GET -1 >"$BATS_TEST_TMPDIR/slow"
	kill "$pid"
	grep -qi 'setuser' "$BATS_TEST_TMPDIR/slow" "$monitor"
	! grep -E 'set-2|set-3' "$monitor" "$BATS_TEST_TMPDIR/slow" "$RD_DIR/log" "$RD_DIR/users.acl" "$PROVIDER_LOG"
	! grep -F "$RD_ADMIN" "$monitor" "$BATS_TEST_TMPDIR/slow" "$RD_DIR/log" "$PROVIDER_LOG" || false
}

@test "nopass: shown, alive with any word; a first password is not slipped in beside it" {
	rcli ACL SETUSER any_bot on nopass +@all >/dev/null
	connected
	probe_secret any_bot whatever alive
	ask_json '{"verb":"set","account":"any_bot","kind":"password","add":true,"secret":"x"}'
	expect .status refused
	ask revoke account any_bot kind password credential nopass
	expect .status ok
	probe_secret any_bot whatever dead
}

@test "a session that opens its own user again does not save it" {
	rcli ACL SETUSER b_bot on '>b-pw' +@all >/dev/null
	connected
	local i
	open_redis b_bot b-pw
	ask disable account b_bot
	session_do "ACL SETUSER b_bot on"
	is_on() { [ "$(rcli ACL LIST | grep -c '^user b_bot on')" = 1 ]; }
	wait_until is_on
	ask disable account b_bot
	ask cut_sessions account b_bot
	expect .status ok
	probe_secret b_bot b-pw dead
	[ "$(rcli CLIENT LIST | grep -c user=b_bot)" = 0 ]
}

@test "a snapshot taken after disable still knows that the user was on" {
	rcli ACL SETUSER k_shut off '>k-pw' >/dev/null
	rcli ACL SETUSER k_open on '>k-pw' >/dev/null
	connected
	local u snapshot
	for u in k_shut k_open; do
		ask disable account $u
		ask snapshot account $u
		snapshot=$(got .snapshot)
		ask revoke account $u
		ask_json "{\"verb\":\"restore\",\"account\":\"$u\",\"snapshot\":$snapshot}"
		expect .status ok
	done
	probe_secret k_open k-pw alive
	probe_secret k_shut k-pw dead
}

@test "what is done is kept: it holds after the server was killed and started again" {
	rcli ACL SETUSER f_bot on '>f-pw' '>f-two' >/dev/null
	rcli ACL SAVE >/dev/null
	connected
	probe_secret f_bot f-pw alive
	ask set account f_bot kind password credential "" secret f-pw
	ask revoke account f_bot kind password credential "$(got .credential)"
	rd_down KILL
	probe_secret f_bot f-pw unknown
	ask probe account f_bot
	expect .life unknown
	ask disable account f_bot
	[[ $(got .status) =~ ^(retry|unknown)$ ]]
	ask list
	expect .status retry
	rd_up
	probe_secret f_bot f-pw dead
	probe_secret f_bot f-two alive
	ask disable account f_bot
	expect .status ok
	rd_down KILL
	rd_up
	probe_secret f_bot f-two dead
}

@test "no aclfile: kept in the configuration file; with neither it is told" {
	local dir=$RD_DIR port=$RD_PORT admin=$RD_ADMIN guard=$RD_GUARD
	start_redis "user default on >second-adm ~* &* +@all" "user c_bot on >c-pw"
	RD_ADMIN=second-adm
	connected
	expect .warning null
	ask disable account c_bot
	expect .status ok
	provider_stop
	rd_down KILL
	rd_up
	connected
	probe_secret c_bot c-pw dead
	provider_stop
	rd_down KILL
	(shut_pipes && redis-server --port "$RD_PORT" --pidfile "$RD_DIR/pid" --dir "$RD_DIR" --save "" \
		--requirepass second-adm --daemonize yes) >/dev/null 2>&1
	wait_until rd_answers
	connected
	[[ $(got .warning) == *"a restart brings the old users back"* ]]
	rcli ACL SETUSER c_bot on '>c-pw' >/dev/null
	ask disable account c_bot
	probe_secret c_bot c-pw dead
	[[ $(got .evidence) == *"a restart brings"* ]]
	stop_redis
	export RD_DIR=$dir RD_PORT=$port RD_ADMIN=$admin RD_GUARD=$guard
}

@test "other words than WRONGPASS are no death: full, protected, an admin without rights" {
	rcli ACL SETUSER w_bot on '>w-pw' +@all >/dev/null
	rcli ACL SETUSER w_adm on '>w-adm' +acl +client +info >/dev/null
	connected
	probe_secret w_bot w-pw alive
	rcli CONFIG SET maxclients 1 >/dev/null
	probe_secret w_bot w-pw unknown
	probe_secret w_bot wrong unknown
	# curfew's own connection is the one that is left: through it
	provider_stop
	wait_until rcli CONFIG SET maxclients 1000
	connected w_adm w-adm
	[[ $(got .warning) == *"not known whether a restart"* ]]
	rcli ACL SETUSER w_adm '-acl|setuser' >/dev/null
	ask disable account w_bot
	expect .status refused
	[[ $(got .error) == *NOPERM* ]]
	provider_stop
	connect w_bot nonsense
	expect .status refused
}

@test "a replica keeps users of its own: told at the connect and in the evidence" {
	local dir=$RD_DIR port=$RD_PORT admin=$RD_ADMIN guard=$RD_GUARD
	start_redis "replicaof 127.0.0.1 $port" "masterauth $admin" "user default on >second-adm ~* &* +@all" \
		"user r_bot on >r-pw"
	RD_ADMIN=second-adm
	linked() { [[ $(rcli ROLE) == *connected* ]]; }
	wait_until linked
	connected
	[[ $(got .warning) == *"this is a replica"* ]]
	ask disable account r_bot
	expect .status ok
	probe_secret r_bot r-pw dead
	[[ $(got .evidence) == *"this server only"* ]]
	provider_stop
	local rdir=$RD_DIR rguard=$RD_GUARD
	export RD_DIR=$dir RD_PORT=$port RD_ADMIN=$admin RD_GUARD=$guard
	connected
	[[ $(got .warning) == *"1 replicas of this server keep users of their own"* ]]
	ask list account default
	[ "$(item '.what == "session" and .attributes.replica == "yes"' | wc -l)" = 1 ]
	RD_DIR=$rdir RD_GUARD=$rguard stop_redis
}

@test "TLS: the named authority's certificate for that name only, and one of our own" {
	local d=$RD_DIR/tls n tls_port
	mkdir -p "$d"
	for n in ca other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
			-days 2 -subj "/CN=$n" -keyout "$d/$n.key" -out "$d/$n.crt"
	done 2>/dev/null
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-subj /CN=localhost -keyout "$d/s.key" -out "$d/s.csr" 2>/dev/null
	openssl x509 -req -in "$d/s.csr" -CA "$d/ca.crt" -CAkey "$d/ca.key" \
		-CAcreateserial -days 2 -out "$d/s.crt" 2>/dev/null \
		-extfile <(echo 'subjectAltName = DNS:localhost')
	tls_on() {
		[ "$(rcli CONFIG SET tls-cert-file "$d/s.crt" tls-key-file "$d/s.key" \
			tls-ca-cert-file "$d/ca.crt" tls-port "$tls_port")" = OK ]
	}
	on_a_port tls_port tls_on
	rcli ACL SETUSER t_bot on '>t-pw' >/dev/null
	local o="\"host\":\"localhost\",\"port\":\"$tls_port\",\"tls\":\"on\""
	# the server wants a certificate of ours
	connect default "$RD_ADMIN" "{$o,\"cafile\":\"$d/ca.crt\"}"
	expect .status retry
	provider_stop
	connected default "$RD_ADMIN" "{$o,\"cafile\":\"$d/ca.crt\",\"cert\":\"$d/s.crt\",\"key\":\"$d/s.key\"}"
	probe_secret t_bot t-pw alive
	probe_secret t_bot wrong dead
	provider_stop
	rcli CONFIG SET tls-auth-clients no >/dev/null
	connected default "$RD_ADMIN" "{$o,\"cafile\":\"$d/ca.crt\"}"
	provider_stop
	connect default "$RD_ADMIN" "{$o,\"cafile\":\"$d/other.crt\"}"
	expect .status retry
	[[ $(got .error) == *certificate* ]]
	provider_stop
	connect default "$RD_ADMIN" "{$o,\"cafile\":\"$d/ca.crt\",\"host\":\"127.0.0.1\"}"
	expect .status retry
	provider_stop
	# plain words to a TLS port tell nothing
	connect default "$RD_ADMIN" "{\"port\":\"$tls_port\"}"
	expect .status retry
	rcli CONFIG SET tls-port 0 >/dev/null
}

@test "the conformance suite, on a password of one user of several" {
	rcli ACL SETUSER conf_bot on '>conf-pw' '~c*' +get >/dev/null
	connected
	local id
	id=$(ids conf_bot)
	provider_stop
	echo "$RD_ADMIN" >"$BATS_TEST_TMPDIR/secret"
	run "$BATS_TEST_DIRNAME/../conformance" \
		--options "{\"host\":\"127.0.0.1\",\"port\":\"$RD_PORT\"}" \
		--secret-file "$BATS_TEST_TMPDIR/secret" \
		--account conf_bot --kind password --credential "$id" \
		"$CURFEW_BUILD/curfew-provider-redis"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"a restored credential is listed as active"* ]]
}

@test "many requests in flight: each answered once, all done" {
	local i n=60 line
	for ((i = 0; i < n; i++)); do echo "ACL SETUSER f_$i on >x"; done | rcli >/dev/null
	connected
	for ((i = 0; i < n; i++)); do
		say "{\"verb\":\"disable\",\"account\":\"f_$i\"}"
	done
	for ((i = 0; i < n; i++)); do
		IFS= read -r -t 30 -u "$PROVIDER_OUT" line
		echo "$line"
	done >"$BATS_TEST_TMPDIR/answers"
	[ "$(jq -r .id "$BATS_TEST_TMPDIR/answers" | sort -un | wc -l)" = "$n" ]
	[ "$(jq -r .status "$BATS_TEST_TMPDIR/answers" | sort -u)" = ok ]
	[ "$(rcli ACL LIST | grep -c '^user f_[0-9]* on')" = 0 ]
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

@test "a kill from end to end: session cut, the password it made itself found, all dead" {
	rcli ACL SETUSER ci_bot on '>ci-pw' +@all '~*' >/dev/null
	rcli ACL SETUSER by_bot on '>by-pw' +ping >/dev/null
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault CURFEW_TEST_GAP_MS=250 CURFEW_TEST_BACKOFF_MS=300
	PROVIDER_PID=''
	curfew init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[identity.ci-bot]
		owner = "build@example.org"
		accounts = ["cache/ci_bot"]
		[vault]
		key_file = "$BATS_TEST_TMPDIR/key"
	END
	curfew connect redis cache --set host=127.0.0.1 --set port="$RD_PORT" \
		--secret-stdin <<<"$RD_ADMIN" >/dev/null
	curfew sync >/dev/null
	local id
	id=$(curfew list | grep -oE 'cache/ci_bot#[0-9a-f]{12}')
	curfew learn "$id" --secret-stdin <<<ci-pw >/dev/null
	# the intruder holds a session, and gives itself a second password and a
	# second user as soon as it is shut out
	open_redis ci_bot ci-pw
	(
		shut_pipes
		{
			echo "AUTH ci_bot ci-pw"
			while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do
				echo "ACL SETUSER ci_bot on >intruder-pw"
				sleep 0.05
			done
		} | redis-cli -p "$RD_PORT" >/dev/null 2>&1
	) &
	local loop=$!
	intruder_in() { [ "$(rcli_as ci_bot intruder-pw PING)" = "in: PONG" ]; }
	wait_until intruder_in
	run curfew kill ci-bot --reason 'seen in a public log' --yes
	touch "$BATS_TEST_TMPDIR/stop"
	wait "$loop" || true
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"$id"*"DEAD (proved)"* ]]
	[[ $output == *"all proved dead"* ]]
	[ "$(rcli_as ci_bot ci-pw PING)" = refused ]
	[ "$(rcli_as ci_bot intruder-pw PING)" = refused ]
	[ "$(rcli CLIENT LIST | grep -c user=ci_bot)" = 0 ]
	[ "$(rcli_as by_bot by-pw PING)" = "in: PONG" ]
	! grep -raqF ci-pw "$CURFEW_DIR" || false
	run curfew restore "$(curfew incident list | awk '/^INC-/ { print $1 }')" --yes
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(rcli_as ci_bot ci-pw PING)" = "in: PONG" ]
}
