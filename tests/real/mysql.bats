#!/usr/bin/env bats
# curfew-provider-mysql against a real MariaDB server, over the line protocol.

bats_require_minimum_version 1.5.0

SERVER=mysql
load one_server

# connect [USER PASSWORD [OPTIONS-JSON]]
connect() {
	log_in my "$MY_PORT" "${1:-root}" "${2:-$MY_ADMIN}" "${3:-}"
}

priv() { # user host
	mysql "SELECT Priv FROM mysql.global_priv WHERE User = '$1' AND Host = '$2'"
}

# What the server does with a login, past curfew: in, 1045, 4151
login() { # user password
	local said
	if said=$(mysql_as "$1" "$2" "SELECT 'in'" 2>&1); then
		echo "$said"
	else
		sed -n 's/^ERROR \([0-9]*\).*/\1/p' <<<"$said"
	fi
}

@test "hello logs in: a wrong password is refused, an absent server is retried" {
	connect root wrong
	expect .status refused
	[[ $(got .error) == *1045* ]]
	provider_stop
	connect root "$MY_ADMIN" '{"port":"1"}'
	expect .status retry
	provider_stop
	connect root "$MY_ADMIN" '{"host":"a,b"}'
	expect .status refused
	provider_stop
	export MYSQL_PWD=nonsense MYSQL_UNIX_PORT=/nowhere MYSQL_TCP_PORT=1 MARIADB_PLUGIN_DIR=/nowhere
	connected
	unset MYSQL_PWD MYSQL_UNIX_PORT MYSQL_TCP_PORT MARIADB_PLUGIN_DIR
	expect .provider mysql
	expect .facts.password.fixed_id true
}

@test "over the socket" {
	mysql "CREATE USER l_sock@localhost IDENTIFIED BY 'sock-pw'"
	connected root "$MY_ADMIN" "{\"socket\":\"$MY_DIR/socket\"}"
	probe_secret l_sock@localhost sock-pw alive
	probe_secret l_sock@localhost wrong dead
	expect .proof refusal
}

@test "list: states, who can make accounts, what hangs on curfew itself" {
	mysql "CREATE USER l_bot@localhost IDENTIFIED BY 'x', l_bot@'10.%' IDENTIFIED BY 'y';
		CREATE USER l_shut@'%' IDENTIFIED BY 'x' ACCOUNT LOCK; CREATE USER l_sock2@localhost IDENTIFIED VIA unix_socket,
		l_none@localhost, l_hand@localhost IDENTIFIED BY 'x', l_tab@localhost IDENTIFIED BY 'x';
		CREATE ROLE l_role; GRANT CREATE USER ON *.* TO l_role; GRANT l_role TO l_hand@localhost;
		GRANT INSERT ON mysql.* TO l_tab@localhost;
		CREATE DEFINER = l_bot@localhost PROCEDURE mysql.l_p() SELECT 1"
	connected
	ask list
	expect .status ok
	expect .complete true
	[ "$(item '.what == "account" and .account == "l_bot@localhost"' | jq -r '.state + .attributes.routines')" = active1 ]
	[ "$(item '.what == "account" and .account == "l_bot@10.%"' | wc -l)" = 1 ]
	[ "$(item '.what == "account" and .account == "l_shut@%"' | jq -r .state)" = disabled ]
	[ "$(item '.what == "credential" and .account == "l_shut@%"' | jq -r '.state + .id')" = disabledpassword ]
	# what is not curfew's: no password, and what there is
	[ "$(item '.what == "credential" and .account == "l_sock2@localhost"' | wc -l)" = 0 ]
	[ "$(item '.what == "account" and .account == "l_sock2@localhost"' | jq -r .attributes.logs_in_by)" = unix_socket ]
	[ "$(item '.what == "credential" and .account == "l_none@localhost"' | jq -r .attributes.empty)" = yes ]
	[ "$(item '.account == "l_hand@localhost" and .makes_accounts' | jq -r .attributes.roles)" = l_role ]
	[ "$(item '.account == "l_tab@localhost" and .makes_accounts' | wc -l)" = 1 ]
	[ "$(item '.account == "l_bot@localhost" and .makes_accounts' | wc -l)" = 0 ]
	[ "$(item '.account | startswith("l_role")' | wc -l)" = 0 ]
	[ "$(item '.account == "root@localhost" and .what == "account" and .self' | wc -l)" = 1 ]
	[ "$(item '.what == "account" and .created' | wc -l)" = 0 ]
	[[ $(item '.what == "credential" and .account == "l_bot@localhost"' | jq -r .created) == "$(date -u +%Y-)"* ]]
	! grep -q '\*' <<<"$ITEMS" || false
	mysql "CREATE USER l_young@localhost"
	ask list
	[ "$(item '.what == "account" and .created' | jq -r .account)" = l_young@localhost ]
	ask list account l_nobody@localhost
	expect .status absent
	mysql "DROP USER l_none@localhost, l_young@localhost"
}

@test "LOCK leaves the session working, cut_sessions ends it" {
	mysql "CREATE USER s_bot@localhost IDENTIFIED BY 's-pw'"
	connected
	open_mysql s_bot s-pw
	ask list account s_bot@localhost
	[ "$(item '.what == "session"' | wc -l)" = 1 ]
	ask disable account s_bot@localhost
	expect .status ok
	probe_secret s_bot@localhost s-pw dead
	[[ $(got .evidence) == *4151* ]]
	session_do "SELECT CONCAT('still-', 'working');"
	wait_until grep -q still-working "$SESSION_LOG"
	ask probe account s_bot@localhost
	expect .life alive
	ask cut_sessions account s_bot@localhost
	expect .status ok
	expect .count 1
	session_do "SELECT CONCAT('after-', 'the-cut');"
	wait_until grep -qE 'ERROR (2013|2006|1927|4031)' "$SESSION_LOG"
	! grep -q after-the-cut "$SESSION_LOG" || false
	ask probe account s_bot@localhost
	expect .life dead
	expect .proof record
	ask cut_sessions account s_bot@localhost
	expect .count 0
	ask cut_sessions account s_nobody@localhost
	expect .status absent
}

@test "one session by its id; other hosts' accounts of the name are left alone" {
	mysql "CREATE USER o_bot@localhost IDENTIFIED BY 'o-pw', o_bot@'10.1.%' IDENTIFIED BY 'other'"
	connected
	open_mysql o_bot o-pw
	ask list account o_bot@localhost
	local id
	id=$(item '.what == "session"' | jq -r .id)
	ask cut_sessions account o_bot@10.1.%
	expect .status ok
	expect .count 0
	ask probe account o_bot@localhost kind session credential "$id"
	expect .life alive
	ask revoke account o_bot@localhost kind session credential "$id"
	expect .count 1
	ask probe account o_bot@localhost kind session credential "$id"
	expect .life dead
	[ "$(login o_bot o-pw)" = in ]
}

@test "revoked: the old password is refused, restore brings it back, also with two ways in" {
	mysql "CREATE USER r_bot@localhost IDENTIFIED BY 'r-pw' REQUIRE NONE WITH MAX_USER_CONNECTIONS 7;
		CREATE USER r_two@localhost IDENTIFIED VIA ed25519 USING PASSWORD('two-pw') OR unix_socket"
	connected
	local before two snapshot
	before=$(priv r_bot localhost)
	probe_secret r_bot@localhost r-pw alive
	ask snapshot account r_bot@localhost
	snapshot=$(got .snapshot)
	ask revoke account r_bot@localhost
	expect .status ok
	[ "$(login r_bot r-pw)" = 1045 ]
	probe_secret r_bot@localhost r-pw dead
	expect .proof refusal
	ask revoke account r_bot@localhost kind password credential password
	expect .status absent
	ask list account r_bot@localhost
	[ "$(item '.what == "credential"' | wc -l)" = 0 ]
	ask_json "{\"verb\":\"restore\",\"account\":\"r_bot@localhost\",\"snapshot\":$snapshot}"
	expect .status ok
	same() { diff <(jq -S 'del(.password_last_changed)' <<<"$1") <(jq -S 'del(.password_last_changed, select(.account_locked == false).account_locked)' <<<"$2"); }
	same "$before" "$(priv r_bot localhost)"
	probe_secret r_bot@localhost r-pw alive
	ask snapshot account r_two@localhost
	snapshot=$(got .snapshot)
	probe_secret r_two@localhost two-pw alive
	ask revoke account r_two@localhost kind password credential password
	expect .status ok
	# refused, and the record says that no password would do
	probe_secret r_two@localhost two-pw dead
	expect .proof record
	ask probe account r_two@localhost kind password credential password
	expect .life dead
	[[ $(priv r_two localhost) == *unix_socket* ]]
	ask_json "{\"verb\":\"restore\",\"account\":\"r_two@localhost\",\"snapshot\":$snapshot}"
	probe_secret r_two@localhost two-pw alive
	mysql "DROP USER r_bot@localhost"
	ask_json "{\"verb\":\"restore\",\"account\":\"r_two@localhost\",\"snapshot\":$(got .snapshot)}"
	expect .status refused
	ask disable account r_bot@localhost
	expect .status absent
}

@test "a snapshot taken after disable still knows that the account was open" {
	mysql "CREATE USER k_shut@localhost IDENTIFIED BY 'k-pw' ACCOUNT LOCK; CREATE USER k_open@localhost IDENTIFIED BY 'k-pw'"
	connected
	local u snapshot
	for u in k_shut@localhost k_open@localhost; do
		ask disable account $u
		ask snapshot account $u
		snapshot=$(got .snapshot)
		ask revoke account $u
		ask_json "{\"verb\":\"restore\",\"account\":\"$u\",\"snapshot\":$snapshot}"
		expect .status ok
	done
	probe_secret k_open@localhost k-pw alive
	probe_secret k_shut@localhost k-pw dead
}

@test "set: the new password works, the old does not, neither is in the log" {
	mysql "CREATE USER set_bot@localhost IDENTIFIED BY 'set-before', set_ed@localhost IDENTIFIED VIA ed25519 USING PASSWORD('set-before'),
		set_sock@localhost IDENTIFIED VIA unix_socket"
	connected
	local u
	for u in set_bot set_ed; do
		ask set account $u@localhost kind password credential password secret 'set-äfter "pw'
		expect .status ok
		expect .credential password
		[ "$(login $u 'set-äfter "pw')" = in ]
		probe_secret $u@localhost 'set-äfter "pw' alive
		probe_secret $u@localhost set-before dead
		ask set account $u@localhost kind password credential password secret 'set-äfter "pw'
		expect .status ok
	done
	ask set account set_bot@localhost kind password credential password secret ''
	[ "$(got .status)" != ok ]
	[ "$(login set_bot '')" = 1045 ]
	ask set account set_sock@localhost kind password secret x
	expect .status refused
	[[ $(got .error) == *unix_socket* ]]
	ask_json '{"verb":"set","account":"set_bot@localhost","kind":"password","add":true,"secret":"x"}'
	expect .status refused
	# long ones, at the edges of SHA-1's blocks
	local n
	for n in 1 55 56 63 64 65 119 120; do
		ask set account set_bot@localhost kind password secret "$(printf "%${n}s" x | tr ' ' k)"
		expect .status ok
		[ "$(login set_bot "$(printf "%${n}s" x | tr ' ' k)")" = in ]
	done
	grep -aq 'ALTER USER' "$MY_DIR/general"
	! grep -aF 'set-äfter' "$MY_DIR/general" "$MY_DIR/err.err" "$PROVIDER_LOG" || false
	! grep -aF "$MY_ADMIN" "$PROVIDER_LOG" || false
}

@test "a refusal from here proves nothing for another host, for TLS, for an anonymous one" {
	mysql "CREATE USER h_bot@'10.%' IDENTIFIED BY 'h-pw', h_bot@'local%' IDENTIFIED BY 'wide-pw',
		h_one@'10.%' IDENTIFIED BY 'h-pw'; CREATE USER h_tls@localhost IDENTIFIED BY 'h-pw' REQUIRE SSL;
		CREATE USER h_x@localhost IDENTIFIED BY 'h-pw' REQUIRE X509"
	connected
	probe_secret h_one@10.% h-pw unknown
	[[ $(got .evidence) == *1045* ]]
	probe_secret h_bot@local% wide-pw alive
	probe_secret h_bot@10.% wide-pw unknown
	probe_secret h_tls@localhost h-pw unknown
	[[ $(got .evidence) == *TLS* ]]
	probe_secret h_x@localhost wrong unknown
	mysql "CREATE USER ''@localhost IDENTIFIED BY 'anon-pw'"
	probe_secret h_bot@local% wide-pw unknown
	[[ $(got .evidence) == *anonymous* ]]
	mysql "DROP USER ''@localhost"
	# an account that is gone
	probe_secret h_gone@localhost whatever dead
	ask disable account h_tls@localhost
	ask probe account h_tls@localhost
	expect .life dead
	expect .proof record
}

@test "too many connections, limits and an expired password are no death" {
	mysql "CREATE USER w_bot@localhost IDENTIFIED BY 'w-pw'; CREATE USER w_max@localhost IDENTIFIED BY 'w-pw' WITH MAX_USER_CONNECTIONS 1;
		CREATE USER w_old@localhost IDENTIFIED BY 'w-pw' PASSWORD EXPIRE"
	connected
	probe_secret w_old@localhost w-pw alive
	open_mysql w_max w-pw
	probe_secret w_max@localhost w-pw alive
	[[ $(got .evidence) == *limit* ]]
	mysql "SET GLOBAL max_connections = 10"
	full() {
		(shut_pipes && MYSQL_PWD=w-pw exec mariadb --no-defaults --protocol=tcp -h 127.0.0.1 \
			-P "$MY_PORT" -u w_bot -e 'SELECT SLEEP(60)') >/dev/null 2>&1 &
		sleep 0.1
		[ "$(mysql_as w_bot w-pw 'SELECT 1' 2>&1 | grep -c 1040)" = 1 ]
	}
	wait_until full
	probe_secret w_bot@localhost w-pw unknown
	# curfew's own login is the one that it has: all calls share it
	ask cut_sessions account w_bot@localhost
	expect .status ok
	mysql "SET GLOBAL max_connections = 60"
	probe_secret w_bot@localhost wrong dead
}

@test "names: quotes, case, blanks, other scripts, an at sign" {
	local names=('Big Bot' "o'neil" 'q`tick' 'бот' 'a@b' 'back\slash' "x'; DROP USER n_victim@localhost; --") n
	mysql "CREATE USER n_victim@localhost"
	connected
	for n in "${names[@]}"; do
		mysql "CREATE USER \`${n//\`/\`\`}\`@localhost IDENTIFIED BY 'n-pw'"
		probe_secret "$n@localhost" n-pw alive
		ask disable account "$n@localhost"
		expect .status ok
		probe_secret "$n@localhost" n-pw dead
		expect .proof refusal
		ask list account "$n@localhost"
		[ "$(jq -sr '.[0].account + .[0].state' <<<"$ITEMS")" = "$n@localhostdisabled" ]
		ask set account "$n@localhost" kind password secret n-pw2
		expect .status ok
		ask enable account "$n@localhost"
		probe_secret "$n@localhost" n-pw2 alive
	done
	ask disable account "big bot@localhost"
	expect .status absent
	ask disable account "n_victim"
	expect .status absent
	[ "$(mysql "SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'n_victim' AND JSON_VALUE(Priv, '\$.account_locked') IS NULL")" = 1 ]
}

@test "an admin without the rights is told; a read-only server is refused" {
	mysql "CREATE USER a_adm@localhost IDENTIFIED BY 'a-adm', a_bot@localhost IDENTIFIED BY 'a-pw';
		GRANT SELECT ON mysql.* TO a_adm@localhost"
	connected root "$MY_ADMIN"
	provider_stop
	connected a_adm a-adm
	ask disable account a_bot@localhost
	expect .status refused
	[[ $(got .error) == *"CREATE USER"* ]]
	mysql "GRANT CREATE USER, PROCESS ON *.* TO a_adm@localhost"
	provider_stop
	connected a_adm a-adm
	open_mysql a_bot a-pw
	ask disable account a_bot@localhost
	expect .status ok
	ask cut_sessions account a_bot@localhost
	expect .status refused
	[[ $(got .error) == *"CONNECTION ADMIN"* ]]
	ask probe account a_bot@localhost
	expect .life alive
	mysql "GRANT CONNECTION ADMIN ON *.* TO a_adm@localhost"
	provider_stop
	connected a_adm a-adm
	ask cut_sessions account a_bot@localhost
	expect .status ok
	provider_stop
	mysql "SET GLOBAL read_only = 1"
	connect
	local said=$ANSWER
	mysql "SET GLOBAL read_only = 0"
	ANSWER=$said
	expect .status refused
	[[ $(got .error) == *replica* ]]
}

@test "server down is unknown, never dead; killed and started again, what was done holds" {
	mysql "CREATE USER d_bot@localhost IDENTIFIED BY 'd-pw'"
	connected
	probe_secret d_bot@localhost d-pw alive
	my_down
	probe_secret d_bot@localhost d-pw unknown
	ask disable account d_bot@localhost
	[[ $(got .status) =~ ^(retry|unknown)$ ]]
	ask list
	expect .status retry
	my_up
	probe_secret d_bot@localhost d-pw alive
	ask disable account d_bot@localhost
	expect .status ok
	my_down
	my_up
	probe_secret d_bot@localhost d-pw dead
}

@test "TLS: the named authority's certificate for that name only" {
	local d=$MY_DIR/tls n
	mkdir -p "$d"
	for n in ca other; do
		openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=$n" \
			-keyout "$d/$n.key" -out "$d/$n.crt"
	done 2>/dev/null
	openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout "$d/s.key" \
		-out "$d/s.csr" 2>/dev/null
	openssl x509 -req -in "$d/s.csr" -CA "$d/ca.crt" -CAkey "$d/ca.key" \
		-CAcreateserial -days 2 -out "$d/s.crt" 2>/dev/null \
		-extfile <(echo 'subjectAltName = DNS:localhost')
	chmod -R a+rX "$d"
	chmod a+r "$d/s.key"
	my_down TERM
	my_up --ssl-ca="$d/ca.crt" --ssl-cert="$d/s.crt" --ssl-key="$d/s.key"
	mysql "CREATE USER t_bot@localhost IDENTIFIED BY 't-pw' REQUIRE SSL"
	connected root "$MY_ADMIN" "{\"host\":\"localhost\",\"tls\":\"on\",\"cafile\":\"$d/ca.crt\"}"
	probe_secret t_bot@localhost t-pw alive
	probe_secret t_bot@localhost wrong dead
	expect .proof refusal
	provider_stop
	connect root "$MY_ADMIN" "{\"host\":\"localhost\",\"tls\":\"on\",\"cafile\":\"$d/other.crt\"}"
	expect .status retry
	provider_stop
	connect root "$MY_ADMIN" "{\"tls\":\"on\",\"cafile\":\"$d/ca.crt\"}"
	expect .status retry
	provider_stop
	my_down TERM
	my_up
	# a server without TLS is not talked to in the clear instead
	connect root "$MY_ADMIN" "{\"host\":\"localhost\",\"tls\":\"on\",\"cafile\":\"$d/ca.crt\"}"
	expect .status retry
}

@test "the conformance suite, on an account of several" {
	mysql "CREATE USER conf_bot@localhost IDENTIFIED BY 'conf-pw'"
	echo "$MY_ADMIN" >"$BATS_TEST_TMPDIR/secret"
	run "$BATS_TEST_DIRNAME/../conformance" \
		--options "{\"host\":\"127.0.0.1\",\"port\":\"$MY_PORT\"}" \
		--secret-file "$BATS_TEST_TMPDIR/secret" \
		--account conf_bot@localhost --kind password --credential password \
		"$CURFEW_BUILD/curfew-provider-mysql"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"a restored credential is listed as active"* ]]
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

@test "a kill from end to end: session cut, the account it made itself found, all dead" {
	mysql "CREATE USER ci_bot@localhost IDENTIFIED BY 'ci-pw', by_bot@localhost IDENTIFIED BY 'by-pw';
		GRANT CREATE USER ON *.* TO ci_bot@localhost; GRANT SELECT ON mysql.* TO ci_bot@localhost"
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault CURFEW_TEST_GAP_MS=250 CURFEW_TEST_BACKOFF_MS=300
	PROVIDER_PID=''
	curfew init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[identity.ci-bot]
		owner = "build@example.org"
		accounts = ["db/ci_bot@localhost"]
		[vault]
		key_file = "$BATS_TEST_TMPDIR/key"
	END
	curfew connect mysql db --set host=127.0.0.1 --set port="$MY_PORT" \
		--secret-stdin <<<"$MY_ADMIN" >/dev/null
	curfew sync >/dev/null
	curfew learn db/ci_bot@localhost --secret-stdin <<<ci-pw >/dev/null
	# the intruder holds a session, gives itself a new password, opens the
	# account again whenever it is shut, and makes one of its own at that moment
	open_mysql ci_bot ci-pw
	session_do "DELIMITER //"
	session_do "BEGIN NOT ATOMIC DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN END;
		WHILE 1 DO
		IF (SELECT JSON_VALUE(Priv, '\$.account_locked') FROM mysql.global_priv WHERE User = 'ci_bot') THEN
		CREATE USER made_bot@localhost IDENTIFIED BY 'made-pw'; END IF;
		ALTER USER ci_bot@localhost IDENTIFIED BY 'intruder-pw' ACCOUNT UNLOCK; DO SLEEP(0.005); END WHILE; END//"
	intruder_in() { [ "$(login ci_bot intruder-pw)" = in ]; }
	wait_until intruder_in
	run curfew kill ci-bot --reason 'seen in a public log' --yes
	echo "$output"
	[[ $output == *"db/ci_bot@localhost"*"DEAD"* ]]
	[ "$(login ci_bot ci-pw)" != in ]
	[ "$(login ci_bot intruder-pw)" != in ]
	[ "$(mysql "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'ci_bot'")" = 0 ]
	[ "$status" -eq 0 ]
	# was the cut quicker than the intruder?
	if [ "$(mysql "SELECT COUNT(*) FROM mysql.global_priv WHERE User = 'made_bot'")" = 1 ]; then
		[[ $output == *"db/made_bot@localhost"*DEAD* ]]
	fi
	[ "$(login made_bot made-pw)" != in ]
	[ "$(login by_bot by-pw)" = in ]
	! grep -raqF ci-pw "$CURFEW_DIR" || false
}
