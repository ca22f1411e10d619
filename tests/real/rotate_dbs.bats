#!/usr/bin/env bats
# Rotations from end to end on real Redis, MariaDB, OpenLDAP and PostgreSQL
# servers: a file that a client reads, the client, which logs in with it all the
# time, and kill -9 on the way: of curfew in the first four, of the server in the
# others.  CURFEW_ROTATE_ROUNDS: how many rotations each; CURFEW_ROTATE_OVERLAP_MS:
# on a slow machine more, so that no client is slow.
#
# A login that fails is an outage by curfew, unless
# - the server was down or came up again while it was tried ("$T/server" counts
#   its ends and starts: odd while it is down), or
# - the client was slow: it read the file, and when it was answered the file had
#   held the next value for longer than the overlap.

bats_require_minimum_version 1.5.0

setup() {
	load provider
	T=$BATS_TEST_TMPDIR
	OVERLAP=${CURFEW_ROTATE_OVERLAP_MS:-300}
	CLIENT='' STOP='' SESSION_FD=
	FIRST=pw-$RANDOM$RANDOM$RANDOM
	R=$(mktemp -d "${TMPDIR:-/tmp}/curfew-rotate.XXXXXX")
	mkdir -p "$R/app" "$R/bin"
	chmod 755 "$R" "$R/app" "$R/bin"
	printf '#!/bin/sh\nexit 0\n' >"$R/bin/reload"
	chmod 755 "$R/bin/reload"
	export CURFEW_DIR=$T/vault CURFEW_TEST_GAP_MS=20 CURFEW_TEST_STUCK_MS=200
	export CURFEW_TEST_BACKOFF_MS=50
	echo 0 >"$T/server"
	curfew init --generate-key-file "$T/key" >/dev/null
}

teardown() {
	touch "$T/stop"
	[ -z "$CLIENT" ] || wait "$CLIENT" 2>/dev/null || true
	[ -z "$STOP" ] || "$STOP"
	rm -rf "$R"
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input "$@" 3>&-
}

# the_policy FIRST-ACCOUNT PARTNER-OR-EMPTY: the vault's configuration
the_policy() {
	local accounts="\"db/$1\"" partner=
	if [ -n "$2" ]; then
		accounts+=", \"db/$2\""
		partner="partner = \"db/$2\""
	fi
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[vault]
		key_file = "$T/key"
		[identity.app]
		accounts = [$accounts]
		[rotation.app]
		identities = ["app"]
		$partner
		overlap = "${OVERLAP}ms"
		deliver = ["files/app/db"]
	END
	jq -nc --arg u "$1" --arg s "$FIRST" '{user: $u, secret: $s}' >"$R/app/db"
	curfew connect file files --set root="$R" --set format=json \
		--set field.user=user --set field.secret=secret \
		--set use_reload="$R/bin/reload" >/dev/null
	curfew sync >/dev/null
}

changed_ms() { # how long ago the file got what it holds
	local now=${EPOCHREALTIME/./} at
	at=$(stat -c %.6Y "$R/app/db")
	echo $(((now - ${at/./}) / 1000))
}

# Reads the file and logs in, again and again.
client() {
	: >"$T/logins"
	: >"$T/outages"
	: >"$T/down"
	: >"$T/slow"
	(
		shut_pipes
		while [ ! -e "$T/stop" ]; do
			up=$(<"$T/server")
			text=$(<"$R/app/db")
			read -r user secret < <(jq -r '.user + " " + .secret' <<<"$text")
			if [ "$(may_log_in "$user" "$secret")" = in ]; then
				echo . >>"$T/logins"
			elif [ $((up % 2)) = 1 ] || [ "$(<"$T/server")" != "$up" ]; then
				echo . >>"$T/down"
			elif [ "$(<"$R/app/db")" != "$text" ] && [ "$(changed_ms)" -ge "$OVERLAP" ]; then
				echo . >>"$T/slow"
			else
				echo "$user" >>"$T/outages"
			fi
			sleep 0.05
		done
	) >/dev/null 2>&1 &
	CLIENT=$!
}

logins_more() {
	local upto=$(($(wc -l <"$T/logins") + $1)) end=$((SECONDS + 120))
	while [ "$(wc -l <"$T/logins")" -lt "$upto" ]; do
		[ "$SECONDS" -lt "$end" ] || {
			wc -l "$T/logins" "$T/outages" "$T/down" "$T/slow"
			return 1
		}
		sleep 0.1
	done
}

in_file() { jq -r ".$1" "$R/app/db"; }

# Until nothing is under way; fails when it does not end well.
goes_on() {
	local code
	for _ in $(seq 60); do
		curfew rotate --resume --wait 20s >"$T/out" 2>&1 && code=0 || code=$?
		grep -q "nothing is due" "$T/out" && break
	done
	cat "$T/out"
	[ "$code" -eq 0 ]
}

at_random() { # MS: some time up to that
	awk -v r=$RANDOM -v n="$1" 'BEGIN { print 0.02 + r % n / 1000 }'
}

count() { wc -l <"$T/$1"; }

tell() { # ROUNDS WHAT
	: >>"$T/changed"
	echo "$BATS_TEST_DESCRIPTION: rounds $1, changed $(count changed), logins $(count logins), outages $(count outages), while the server was down $(count down), slow client $(count slow)" |
		tee -a "${CURFEW_ROTATE_REPORT:-/dev/null}"
	[ ! -s "$T/outages" ]
	[ "$(may_log_in "$(in_file user)" "$(in_file secret)")" = in ]
	[ "$(may_log_in "$(in_file user)" "$FIRST")" != in ] || [ ! -s "$T/changed" ]
	run curfew vault verify
	[ "$status" -eq 0 ]
}

# curfew is ended somewhere on the way, or not at all
rounds() {
	local i n=${CURFEW_ROTATE_ROUNDS:-3} was
	client
	logins_more 2
	for ((i = 0; i < n; i++)); do
		was=$(in_file secret)
		timeout -s KILL "$(at_random 1500)" \
			"$CURFEW_BUILD/curfew" --no-input rotate app --wait 60s \
			>/dev/null 2>&1 3>&- || true
		goes_on
		[ "$(in_file secret)" = "$was" ] || echo . >>"$T/changed"
	done
	logins_more 2
	tell "$n"
}

# the server is ended in the middle of curfew's calls, and started again
server_rounds() { # DOWN UP
	local i n=${CURFEW_ROTATE_ROUNDS:-2} was pid
	client
	logins_more 2
	for ((i = 0; i < n; i++)); do
		was=$(in_file secret)
		"$CURFEW_BUILD/curfew" --no-input rotate app --wait 60s >"$T/first" 2>&1 3>&- &
		pid=$!
		sleep "$(at_random 900)"
		echo $((2 * i + 1)) >"$T/server"
		"$1"
		"$2"
		echo $((2 * i + 2)) >"$T/server"
		wait "$pid" || true
		cat "$T/first"
		goes_on
		[ "$(in_file secret)" = "$was" ] || echo . >>"$T/changed"
	done
	logins_more 2
	tell "$n"
}

# ---- each server: a policy, how to log in, what must be left at the end ---------

redis_app() {
	load redis
	start_redis
	STOP=stop_redis
	rcli ACL SETUSER app on ">$FIRST" +ping >/dev/null
	rcli ACL SAVE >/dev/null
	curfew connect redis db --set host=127.0.0.1 --set port="$RD_PORT" \
		--secret-stdin <<<"$RD_ADMIN" >/dev/null
	the_policy app ''
	may_log_in() { [ "$(rcli_as "$1" "$2" PING)" = "in: PONG" ] && echo in; }
}

# what the server holds is what was delivered, nothing else
redis_left() {
	[ "$(rcli ACL GETUSER app | grep -cE '^[0-9a-f]{64}$')" = 1 ]
	[ "$(rcli ACL GETUSER app | grep -E '^[0-9a-f]{64}$')" = "$(printf %s "$(in_file secret)" | sha256sum | cut -d' ' -f1)" ]
}

mysql_app() {
	load mysql
	start_mysql
	STOP=stop_mysql
	mysql "CREATE USER app_a@localhost IDENTIFIED BY '$FIRST', app_b@localhost IDENTIFIED BY 'none-$RANDOM'"
	curfew connect mysql db --set host=127.0.0.1 --set port="$MY_PORT" \
		--secret-stdin <<<"$MY_ADMIN" >/dev/null
	the_policy app_a@localhost app_b@localhost
	curfew learn db/app_a@localhost#password --secret-stdin <<<"$FIRST" >/dev/null
	may_log_in() { mysql_as "${1%@*}" "$2" "SELECT 'in'" 2>/dev/null; }
}

mysql_left() {
	[ "$(mysql "SELECT CONCAT(User, '@', Host) FROM mysql.global_priv WHERE User LIKE 'app%' AND JSON_VALUE(Priv, '\$.authentication_string') <> 'invalid'")" = "$(in_file user)" ]
}

ldap_app() {
	load ldap
	start_ldap
	STOP=stop_ldap
	ld_new app "$FIRST"
	curfew connect ldap db --set url="$(ld_url)" --set user="$LD_CURFEW" --set base="ou=svc,$LD_BASE" \
		--secret-stdin <<<"$LD_ADMIN" >/dev/null
	the_policy "$(svc app)" ''
	may_log_in() { ldapwhoami -x -H "$(ld_url)" -D "$1" -w "$2" >/dev/null 2>&1 3>&- && echo in; }
}

ldap_left() {
	[ "$(ld_values app | wc -l)" = 1 ]
}

postgres_app() {
	load postgres
	start_postgres
	STOP=stop_postgres
	sql "CREATE ROLE app_a LOGIN PASSWORD '$FIRST'" \
		"CREATE ROLE app_b LOGIN PASSWORD 'none-$RANDOM$RANDOM'"
	curfew connect postgres db --set host=127.0.0.1 --set port="$PG_PORT" \
		--secret-stdin <<<"$PG_ADMIN" >/dev/null
	the_policy app_a app_b
	curfew learn db/app_a#password --secret-stdin <<<"$FIRST" >/dev/null
	may_log_in() { [ "$(sql_as "$1" "$2" "SELECT 'in'" 2>/dev/null)" = in ] && echo in; }
}

postgres_left() {
	[ "$(sql "SELECT rolname FROM pg_authid WHERE rolname LIKE 'app%' AND rolpassword IS NOT NULL")" = "$(in_file user)" ]
}

@test "Redis: two passwords of one user" {
	redis_app
	rounds
	redis_left
}

@test "MariaDB: two accounts in turn" {
	mysql_app
	rounds
	mysql_left
}

@test "OpenLDAP: two passwords of one entry" {
	ldap_app
	rounds
	ldap_left
}

@test "PostgreSQL: two roles in turn" {
	postgres_app
	rounds
	postgres_left
}

@test "redis-server is killed on the way" {
	redis_app
	down() { rd_down KILL; }
	server_rounds down rd_up
	redis_left
}

@test "mariadbd is killed on the way" {
	mysql_app
	server_rounds my_down my_up
	mysql_left
}

@test "slapd is killed on the way" {
	ldap_app
	down() { ld_down KILL; }
	server_rounds down ld_up
	ldap_left
}

@test "postgres is killed on the way, with all its processes" {
	postgres_app
	server_rounds pg_kill pg_again
	postgres_left
}
