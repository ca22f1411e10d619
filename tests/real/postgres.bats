#!/usr/bin/env bats
# curfew-provider-postgres against a real server, over the line protocol.

SERVER=postgres
load one_server

# connect [USER PASSWORD [OPTIONS-JSON]]
connect() {
	log_in pg "$PG_PORT" "${1:-postgres}" "${2:-$PG_ADMIN}" "${3:-}"
}

@test "hello logs in: a wrong password is refused, an absent server is retried" {
	connect postgres wrong
	expect .status refused
	[[ $(got .error) == *28P01* ]]
	[[ $ANSWER != *'"wrong"'* ]]
	provider_stop
	connect postgres "$PG_ADMIN" '{"port":"1"}'
	expect .status retry
	provider_stop
	connected
	expect .provider postgres
	expect .facts.password.disable_cuts_sessions false
}

@test "options: no silent clear text, nothing unknown, no list of hosts" {
	connect postgres "$PG_ADMIN" '{"sslmode":"prefer"}'
	expect .status refused
	[[ $(got .error) == *"clear text"* ]]
	provider_stop
	connect postgres "$PG_ADMIN" '{"host":"a,b"}'
	expect .status refused
	provider_stop
	connect postgres "$PG_ADMIN" '{"service":"x"}'
	expect .status refused
	provider_stop
	# a name that is not this machine's wants a certificate
	connect postgres "$PG_ADMIN" "{\"host\":\"$(hostname)\"}"
	expect .status retry
}

@test "TLS: verify-full takes the named authority's certificate for that name only" {
	local d=$PG_DIR/tls n
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
	chmod 755 "$d"
	chmod 600 "$d/s.key"
	[ "$(id -u)" != 0 ] || chown postgres "$d/s.key"
	sql "ALTER SYSTEM SET ssl_cert_file = '$d/s.crt'" \
		"ALTER SYSTEM SET ssl_key_file = '$d/s.key'" \
		"ALTER SYSTEM SET ssl = on" "SELECT pg_reload_conf()" >/dev/null
	has_tls() {
		PGPASSWORD=$PG_ADMIN psql -X "host=127.0.0.1 port=$PG_PORT user=postgres sslmode=require" -c 'SELECT 1'
	}
	wait_until has_tls
	sql "CREATE ROLE tls_bot LOGIN PASSWORD 'tls-pw'"
	connected postgres "$PG_ADMIN" "{\"host\":\"localhost\",\"sslmode\":\"verify-full\",\"sslrootcert\":\"$d/ca.crt\"}"
	[ "$(sql "SELECT bool_and(ssl) FROM pg_stat_ssl s JOIN pg_stat_activity a USING (pid) WHERE application_name = 'curfew'")" = t ]
	probe_secret tls_bot tls-pw alive
	probe_secret tls_bot wrong dead
	provider_stop
	# another authority; the right one, but not this name; none named
	connect postgres "$PG_ADMIN" "{\"host\":\"localhost\",\"sslmode\":\"verify-full\",\"sslrootcert\":\"$d/other.crt\"}"
	expect .status retry
	[[ $(got .error) == *certificate* ]]
	provider_stop
	connect postgres "$PG_ADMIN" "{\"sslmode\":\"verify-full\",\"sslrootcert\":\"$d/ca.crt\"}"
	expect .status retry
	provider_stop
	connect postgres "$PG_ADMIN" '{"host":"localhost","sslmode":"verify-full"}'
	expect .status retry
	provider_stop
	connected postgres "$PG_ADMIN" '{"sslmode":"require"}'
	sql "ALTER SYSTEM SET ssl = off" "SELECT pg_reload_conf()" >/dev/null
}

@test "the environment, a password file and a service file choose nothing" {
	export PGHOST=/nowhere PGPORT=1 PGUSER=nobody PGDATABASE=nothing \
		PGSERVICE=x PGPASSFILE=/nowhere PGOPTIONS='-c role=none' \
		PGSSLMODE=verify-full PGSSLROOTCERT=/nowhere
	connected
	unset PGHOST PGPORT PGUSER PGDATABASE PGSERVICE PGPASSFILE PGOPTIONS \
		PGSSLMODE PGSSLROOTCERT
	ask list account postgres
	expect .status ok
}

@test "over the socket" {
	connected postgres "$PG_ADMIN" "{\"host\":\"$PG_DIR\"}"
	sql "CREATE ROLE l_sock LOGIN PASSWORD 'l_sock-pw'"
	probe_secret l_sock l_sock-pw alive
	probe_secret l_sock wrong dead
	expect .proof refusal
}

@test "list: states, who can make accounts, what hangs on curfew itself" {
	sql "CREATE ROLE l_bot LOGIN PASSWORD 'x' CONNECTION LIMIT 3" \
		"COMMENT ON ROLE l_bot IS 'nightly build'" \
		"CREATE ROLE l_boss CREATEROLE" \
		"CREATE ROLE l_hand LOGIN IN ROLE l_boss" \
		"CREATE ROLE l_old LOGIN PASSWORD 'x' VALID UNTIL '2020-02-03 04:05:06+00'" \
		"CREATE ROLE l_writer LOGIN IN ROLE pg_write_server_files" \
		"CREATE TABLE l_table()" "ALTER TABLE l_table OWNER TO l_bot" \
		"CREATE FUNCTION l_f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'" \
		"ALTER FUNCTION l_f OWNER TO l_bot"
	connected
	ask list
	expect .status ok
	expect .complete true
	local i
	i=$(item '.what == "account" and .account == "l_bot"')
	[ "$(jq -r .state <<<"$i")" = active ]
	[ "$(jq -r .makes_accounts <<<"$i")" = null ]
	[ "$(jq -r .self <<<"$i")" = null ]
	[ "$(jq -r .attributes.connlimit <<<"$i")" = 3 ]
	[ "$(jq -r .attributes.comment <<<"$i")" = "nightly build" ]
	[ "$(jq -r .attributes.owns <<<"$i")" = 2 ]
	[ "$(jq -r .attributes.security_definer_functions <<<"$i")" = 1 ]
	i=$(item '.what == "account" and .account == "l_boss"')
	[ "$(jq -r .state <<<"$i")" = disabled ]
	[ "$(jq -r .makes_accounts <<<"$i")" = true ]
	[ "$(item '.account == "l_hand" and .makes_accounts' | wc -l)" = 1 ]
	[ "$(item '.account == "l_writer" and .makes_accounts' | wc -l)" = 1 ]
	[ "$(item '.account == "l_boss" and .what == "credential"' | wc -l)" = 0 ]
	[ "$(item '.account == "l_hand" and .what == "credential"' | wc -l)" = 0 ]
	i=$(item '.what == "credential" and .account == "l_old"')
	[ "$(jq -r .state <<<"$i")" = expired ]
	[ "$(jq -r .expires <<<"$i")" = 2020-02-03T04:05:06Z ]
	[ "$(item '.account == "postgres" and .what == "account" and .self' | wc -l)" = 1 ]
	[ "$(item '.account | startswith("pg_")' | wc -l)" = 0 ]
	[ "$(item '.created' | wc -l)" = 0 ]
	ask list account l_bot
	[ "$(item '.account != "l_bot"' | wc -l)" = 0 ]
	# the server keeps no date, but this one is younger than the login
	sql "CREATE ROLE l_young LOGIN"
	ask list
	i=$(item '.what == "account" and .created')
	[ "$(jq -r .account <<<"$i")" = l_young ]
	[[ $(jq -r .created <<<"$i") == "$(date -u +%Y-%m-%dT)"*Z ]]
	ask list account l_nobody
	expect .status absent
}

@test "NOLOGIN leaves the session working, cut_sessions ends it" {
	sql "CREATE ROLE s_bot LOGIN PASSWORD 's_bot-pw'"
	connected
	open_session s_bot s_bot-pw
	ask list account s_bot
	[ "$(item '.what == "session" and .attributes.client_addr == "127.0.0.1"' | wc -l)" = 1 ]
	ask disable account s_bot
	expect .status ok
	probe_secret s_bot s_bot-pw dead
	session_do "SELECT 'still-' || 'working';"
	wait_until grep -q still-working "$SESSION_LOG"
	ask probe account s_bot
	expect .life alive
	ask cut_sessions account s_bot
	expect .status ok
	expect .count 1
	session_do "SELECT 'after-' || 'the-cut';"
	wait_until grep -q 'terminating connection' "$SESSION_LOG"
	! grep -q after-the-cut "$SESSION_LOG" || false
	ask probe account s_bot
	expect .life dead
	expect .proof record
	ask cut_sessions account s_bot
	expect .status ok
	expect .count 0
}

@test "one session by its id, a replication connection, SET ROLE hides nothing" {
	sql "CREATE ROLE s_rep LOGIN REPLICATION PASSWORD 's_rep-pw'" \
		"CREATE ROLE s_other" "GRANT s_other TO s_rep"
	connected
	open_session s_rep s_rep-pw
	session_do "SET ROLE s_other; SELECT 'now-' || current_user;"
	wait_until grep -q now-s_other "$SESSION_LOG"
	local first=$SESSION_FD id
	ask list account s_rep
	id=$(item '.what == "session"' | jq -r .id)
	(
		shut_pipes
		PGPASSWORD=s_rep-pw exec "$(pg_bin)/pg_receivewal" -n \
			-h 127.0.0.1 -p "$PG_PORT" -U s_rep -D "$BATS_TEST_TMPDIR"
	) >"$BATS_TEST_TMPDIR/wal" 2>&1 &
	local wal=$!
	has_walsender() {
		[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 's_rep' AND backend_type = 'walsender'")" = 1 ]
	}
	wait_until has_walsender
	ask probe account s_rep kind session credential "$id"
	expect .life alive
	ask revoke account s_rep kind session credential "$id"
	expect .status ok
	expect .count 1
	ask probe account s_rep kind session credential "$id"
	expect .life dead
	ask cut_sessions account s_rep
	expect .count 1
	wait "$wal" || true
	grep -q terminating "$BATS_TEST_TMPDIR/wal"
	[ -n "$first" ]
}

@test "a revoked role: old password refused, restore brings it back" {
	sql "CREATE ROLE r_bot LOGIN CREATEROLE PASSWORD 'r_bot-pw' VALID UNTIL '2099-01-01' CONNECTION LIMIT 7"
	connected
	probe_secret r_bot r_bot-pw alive
	ask snapshot account r_bot
	expect .status ok
	local snapshot before
	snapshot=$(got .snapshot)
	before=$(sql "SELECT rolcanlogin, rolcreaterole, rolvaliduntil, rolconnlimit, rolpassword FROM pg_authid WHERE rolname = 'r_bot'")
	ask revoke account r_bot
	expect .status ok
	[ "$(sql "SELECT rolcanlogin, rolcreaterole, rolpassword IS NULL FROM pg_authid WHERE rolname = 'r_bot'")" = "f|f|t" ]
	probe_secret r_bot r_bot-pw dead
	expect .proof refusal
	run sql_as r_bot r_bot-pw 'SELECT 1'
	[ "$status" -eq 2 ]
	ask revoke account r_bot
	expect .status ok
	ask revoke account r_bot kind password credential password
	expect .status absent
	ask_json "{\"verb\":\"restore\",\"account\":\"r_bot\",\"snapshot\":$snapshot}"
	expect .status ok
	[ "$(sql "SELECT rolcanlogin, rolcreaterole, rolvaliduntil, rolconnlimit, rolpassword FROM pg_authid WHERE rolname = 'r_bot'")" = "$before" ]
	probe_secret r_bot r_bot-pw alive
	# a role made later under the same name is another one
	sql "DROP ROLE r_bot" "CREATE ROLE r_bot"
	ask_json "{\"verb\":\"restore\",\"account\":\"r_bot\",\"snapshot\":$snapshot}"
	expect .status refused
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'r_bot'")" = f ]
}

@test "a snapshot taken after disable still knows that the role could log in" {
	sql "CREATE ROLE o_shut" "CREATE ROLE o_open LOGIN PASSWORD 'o-pw'"
	connected
	local r snapshot
	for r in o_shut o_open; do
		ask disable account $r
		ask snapshot account $r
		snapshot=$(got .snapshot)
		ask revoke account $r
		expect .status ok
		ask_json "{\"verb\":\"restore\",\"account\":\"$r\",\"snapshot\":$snapshot}"
		expect .status ok
	done
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'o_shut'")" = f ]
	probe_secret o_open o-pw alive
}

@test "the password alone: revoked, the role stays; enable and disable" {
	sql "CREATE ROLE p_bot LOGIN PASSWORD 'p_bot-pw'"
	connected
	ask revoke account p_bot kind password credential password
	expect .status ok
	[ "$(sql "SELECT rolcanlogin, rolpassword IS NULL FROM pg_authid WHERE rolname = 'p_bot'")" = "t|t" ]
	ask probe account p_bot kind password credential password
	expect .life dead
	expect .proof record
	ask probe account p_bot
	expect .life alive
	ask disable account p_bot
	ask probe account p_bot
	expect .life dead
	ask enable account p_bot
	expect .status ok
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'p_bot'")" = t ]
	ask revoke account p_bot kind certificate credential x
	expect .status unsupported
}

@test "logins in a loop: none succeeds after the cut was answered" {
	sql "CREATE ROLE k_bot LOGIN PASSWORD 'k_bot-pw'"
	connected
	local log=$BATS_TEST_TMPDIR/logins stop=$BATS_TEST_TMPDIR/stop i loops=()
	for i in 1 2 3; do
		(
			shut_pipes
			# the server's clock says when: this shell may be late
			while [ ! -e "$stop" ]; do
				sql_as k_bot k_bot-pw "SELECT pg_sleep(0.02);
					SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint" \
					2>/dev/null | grep -E '^[0-9]{16}$' >>"$log" || true
			done
		) &
		loops+=($!)
	done
	wait_until [ -s "$log" ]
	sleep 0.3
	ask disable account k_bot
	expect .status ok
	ask cut_sessions account k_bot
	expect .status ok
	local cut
	cut=${EPOCHREALTIME/./}
	# thirty more attempts
	local before
	before=$(grep -c 'not permitted to log in' "$PG_DIR/log" || true)
	more_attempts() {
		[ "$(grep -c 'not permitted to log in' "$PG_DIR/log")" -ge $((before + 30)) ]
	}
	wait_until more_attempts
	touch "$stop"
	wait "${loops[@]}"
	[ "$(sort -n "$log" | tail -1)" -lt "$cut" ]
	[ "$(sql "SELECT count(*) FROM pg_stat_activity WHERE usename = 'k_bot'")" = 0 ]
	probe_secret k_bot k_bot-pw dead
}

@test "a login that passed the check before NOLOGIN and is not seen yet" {
	sql "CREATE ROLE late_bot LOGIN PASSWORD 'late_bot-pw'" "CREATE DATABASE late_db"
	connected
	# logins to a database that is being renamed wait, behind the role check
	open_session postgres "$PG_ADMIN"
	session_do "BEGIN; ALTER DATABASE late_db RENAME TO late_db2; SELECT 'holding-' || 1;"
	wait_until grep -q holding-1 "$SESSION_LOG"
	(
		shut_pipes
		PGPASSWORD=late_bot-pw exec psql -h 127.0.0.1 -p "$PG_PORT" -X \
			-U late_bot -d late_db -c "SELECT pg_sleep(30), 'slept'"
	) >"$BATS_TEST_TMPDIR/late" 2>&1 &
	local late=$!
	waits_for_lock() {
		[ "$(sql "SELECT count(*) FROM pg_locks WHERE NOT granted")" = 1 ]
	}
	wait_until waits_for_lock
	ask disable account late_bot
	expect .status ok
	say '{"verb":"cut_sessions","account":"late_bot"}'
	sleep 2.5
	session_do "ROLLBACK;"
	hear "$REQUEST"
	expect .status ok
	expect .count 1
	wait "$late" || true
	grep -q 'terminating connection' "$BATS_TEST_TMPDIR/late"
	sql "DROP DATABASE late_db"
}

@test "a session that holds its own row of pg_authid does not save the role" {
	sql "CREATE ROLE h_bot LOGIN PASSWORD 'h_bot-pw'"
	connected
	open_session h_bot h_bot-pw
	session_do "BEGIN; ALTER ROLE h_bot PASSWORD 'h_bot-new'; SELECT 'holding-' || 1;"
	wait_until grep -q holding-1 "$SESSION_LOG"
	ask disable account h_bot
	expect .status ok
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'h_bot'")" = f ]
	probe_secret h_bot h_bot-new dead
	ask cut_sessions account h_bot
	expect .status ok
}

@test "names: quotes, case, blanks, other scripts, newline, 63 bytes; no cut names" {
	local long names n
	long=$(printf 'n%.0s' {1..63})
	names=('Big Role' 'q"uo"te' "o'neil" 'роль-бот' $'two\nlines' '; DROP ROLE n_victim; --' 'x" SUPERUSER; --' "$long" 'back\slash' 'current_user')
	sql "CREATE ROLE n_victim LOGIN"
	connected
	for n in "${names[@]}"; do
		sql "CREATE ROLE \"${n//\"/\"\"}\" LOGIN PASSWORD 'n-pw'"
		probe_secret "$n" n-pw alive
		ask disable account "$n"
		expect .status ok
		probe_secret "$n" n-pw dead
		expect .proof refusal
		ask list account "$n"
		[ "$(jq -sr '.[0].account' <<<"$ITEMS")" = "$n" ]
		[ "$(jq -sr '.[0].state' <<<"$ITEMS")" = disabled ]
		ask set account "$n" kind password credential password secret n-pw2
		expect .status ok
		ask enable account "$n"
		probe_secret "$n" n-pw2 alive
	done
	[ "$(sql "SELECT count(*) FROM pg_roles WHERE rolsuper")" = 1 ]
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'n_victim'")" = t ]
	# the server would cut this to the 63 bytes of another role
	ask disable account "${long}nnnn"
	expect .status absent
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = '$long'")" = t ]
	ask disable account "big role"
	expect .status absent
	ask disable account pg_monitor
	expect .status refused
}

@test "a wrong word is not taken for a death: pg_hba.conf, limits, an absent database" {
	sql "CREATE ROLE trusted LOGIN PASSWORD 't-pw'" \
		"CREATE ROLE w_away LOGIN PASSWORD 'w-pw' IN ROLE turned_away" \
		"CREATE ROLE w_full LOGIN PASSWORD 'w-pw' CONNECTION LIMIT 0"
	connected
	probe_secret trusted nonsense alive
	[[ $(got .evidence) == *"without asking for a password"* ]]
	ask disable account trusted
	probe_secret trusted nonsense dead
	probe_secret w_away w-pw unknown
	[[ $(got .evidence) == *pg_hba* ]]
	probe_secret w_full w-pw alive
	# a role whose name looks like the server's refusal
	local n=$'x failed: FATAL:  28P01: no\nLOCATION:  InitializeSessionUser'
	sql "CREATE ROLE \"$n\" LOGIN PASSWORD 'w-pw' IN ROLE turned_away"
	probe_secret "$n" w-pw unknown
	sql "CREATE DATABASE w_db" "REVOKE CONNECT ON DATABASE w_db FROM PUBLIC" \
		"CREATE ROLE w_nodb LOGIN PASSWORD 'w-pw'"
	provider_stop
	connected postgres "$PG_ADMIN" '{"dbname":"w_db"}'
	probe_secret w_nodb w-pw alive
	probe_secret w_nodb wrong dead
}

@test "a dropped role whose session lives on" {
	sql "CREATE ROLE d_bot LOGIN PASSWORD 'd_bot-pw'"
	connected
	open_session d_bot d_bot-pw
	sql "DROP ROLE d_bot"
	probe_secret d_bot d_bot-pw dead
	ask probe account d_bot
	expect .life alive
	ask cut_sessions account d_bot
	expect .status ok
	expect .count 1
	session_do 'SELECT 1;'
	wait_until grep -q 'terminating connection' "$SESSION_LOG"
	ask probe account d_bot
	expect .life dead
	ask disable account d_bot
	expect .status absent
}

@test "an admin without the rights is told which are missing" {
	sql "CREATE ROLE a_adm LOGIN CREATEROLE PASSWORD 'a_adm-pw'" \
		"CREATE ROLE a_root LOGIN SUPERUSER PASSWORD 'x'" \
		"CREATE ROLE a_rep LOGIN REPLICATION PASSWORD 'x'" \
		"CREATE ROLE a_bot LOGIN PASSWORD 'a_bot-pw'" \
		"CREATE ROLE a_none LOGIN PASSWORD 'a_none-pw'"
	connected a_adm a_adm-pw
	ask disable account a_root
	expect .status refused
	[[ $(got .error) == *"only a superuser"* ]]
	ask disable account a_rep
	expect .status refused
	[[ $(got .error) == *REPLICATION* ]]
	ask list account a_bot
	expect .complete true
	[ "$(item '.what == "credential" and (.attributes.set | startswith("unknown"))' | wc -l)" = 1 ]
	# this admin sees that there is a session, but not of which type
	open_session a_bot a_bot-pw
	ask list account a_bot
	[ "$(item '.what == "session"' | wc -l)" = 1 ]
	ask disable account a_bot
	expect .status ok
	ask cut_sessions account a_bot
	expect .status refused
	[[ $(got .error) == *pg_signal_backend* ]]
	ask probe account a_bot
	expect .life alive
	sql "GRANT pg_signal_backend, pg_read_all_stats TO a_adm"
	ask cut_sessions account a_bot
	expect .status ok
	expect .count 1
	ask snapshot account a_bot
	expect .snapshot.verifier_known false
	provider_stop
	sql "GRANT SELECT ON pg_authid TO a_adm"
	connected a_adm a_adm-pw
	ask snapshot account a_bot
	expect .snapshot.verifier_known true
	sql "REVOKE SELECT ON pg_authid FROM a_adm"
	provider_stop
	connected a_none a_none-pw
	ask disable account a_bot
	expect .status refused
	[[ $(got .error) == *CREATEROLE* ]]
}

@test "a read-only replica is refused in clear words" {
	local d
	d=$(mktemp -d /tmp/curfew-pg.XXXXXX)
	[ "$(id -u)" != 0 ] || chown postgres "$d"
	pg_as env PGPASSWORD="$PG_ADMIN" "$(pg_bin)/pg_basebackup" -h "$PG_DIR" \
		-p "$PG_PORT" -U postgres -R -X stream -c fast -N -D "$d/data"
	local port
	on_a_port port pg_first "$d" port
	connect postgres "$PG_ADMIN" "{\"port\":\"$port\"}"
	local said=$ANSWER
	pg_down "$d"
	rm -rf "$d"
	ANSWER=$said
	expect .status refused
	[[ $(got .error) == *"read-only replica"* ]]
}

@test "server down is unknown, never dead; the session is opened again" {
	sql "CREATE ROLE o_bot LOGIN PASSWORD 'o_bot-pw'"
	connected
	probe_secret o_bot o_bot-pw alive
	pg_down "$PG_DIR"
	probe_secret o_bot o_bot-pw unknown
	ask probe account o_bot
	expect .life unknown
	ask disable account o_bot
	[[ $(got .status) =~ ^(retry|unknown)$ ]]
	ask list
	expect .status retry
	pg_up "$PG_DIR"
	probe_secret o_bot o_bot-pw alive
	ask disable account o_bot
	expect .status ok
	probe_secret o_bot o_bot-pw dead
}

@test "set: the new password works, the old does not, neither is in the log" {
	sql "CREATE ROLE set_bot LOGIN PASSWORD 'set-before'"
	connected
	ask set account set_bot kind password credential password secret 'set-äfter "pw'
	expect .status ok
	expect .credential password
	probe_secret set_bot 'set-äfter "pw' alive
	probe_secret set_bot set-before dead
	ask set account set_bot kind password credential password secret ''
	[ "$(got .status)" != ok ]
	probe_secret set_bot 'set-äfter "pw' alive
	! grep -F 'set-äfter' "$PG_DIR/log" || false
	! grep -F "$PG_ADMIN" "$PG_DIR/log" || false
	! grep -F 'set-äfter' "$PROVIDER_LOG" || false
	grep -q "PASSWORD *'SCRAM-SHA-256" "$PG_DIR/log"
}

@test "many requests in flight: each answered once, all done" {
	local i n=60 line
	for ((i = 0; i < n; i++)); do echo "CREATE ROLE f_$i LOGIN PASSWORD 'x';"; done |
		PGPASSWORD=$PG_ADMIN psql -h "$PG_DIR" -p "$PG_PORT" -U postgres -X -q
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
	[ "$(sql "SELECT count(*) FROM pg_roles WHERE rolname LIKE 'f\\_%' AND rolcanlogin")" = 0 ]
}
