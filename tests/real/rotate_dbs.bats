#!/usr/bin/env bats
# Rotations from end to end on real Redis, MariaDB and OpenLDAP servers: a file
# that a client reads, the client, which logs in with it all the time, and
# kill -9 of curfew on its way.  CURFEW_ROTATE_ROUNDS: how many rotations.

bats_require_minimum_version 1.5.0

setup() {
	load provider
	T=$BATS_TEST_TMPDIR
	CLIENT='' STOP='' SESSION_FD=
	FIRST=pw-$RANDOM$RANDOM$RANDOM
	R=$(mktemp -d "${TMPDIR:-/tmp}/curfew-rotate.XXXXXX")
	mkdir -p "$R/app" "$R/bin"
	chmod 755 "$R" "$R/app" "$R/bin"
	printf '#!/bin/sh\nexit 0\n' >"$R/bin/reload"
	chmod 755 "$R/bin/reload"
	export CURFEW_DIR=$T/vault CURFEW_TEST_GAP_MS=20 CURFEW_TEST_STUCK_MS=200
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
		overlap = "300ms"
		deliver = ["files/app/db"]
	END
	jq -nc --arg u "$1" --arg s "$FIRST" '{user: $u, secret: $s}' >"$R/app/db"
	curfew connect file files --set root="$R" --set format=json \
		--set field.user=user --set field.secret=secret \
		--set use_reload="$R/bin/reload" >/dev/null
	curfew sync >/dev/null
}

# Reads the file and logs in, again and again: each failure is an outage.
client() {
	: >"$T/logins"
	: >"$T/outages"
	(
		shut_pipes
		while [ ! -e "$T/stop" ]; do
			read -r user secret < <(jq -r '.user + " " + .secret' "$R/app/db")
			if [ "$(may_log_in "$user" "$secret")" = in ]; then
				echo . >>"$T/logins"
			else
				echo "$user" >>"$T/outages"
			fi
			sleep 0.05
		done
	) >/dev/null 2>&1 &
	CLIENT=$!
}

logins_more() {
	local upto=$(($(wc -l <"$T/logins") + $1))
	enough() { [ "$(wc -l <"$T/logins")" -ge "$upto" ]; }
	wait_until enough
}

in_file() { jq -r ".$1" "$R/app/db"; }

rounds() {
	local i code n=${CURFEW_ROTATE_ROUNDS:-3} was
	client
	logins_more 2
	for ((i = 0; i < n; i++)); do
		was=$(in_file secret)
		# somewhere on the way, or not at all
		timeout -s KILL "$(awk -v r=$RANDOM 'BEGIN { print 0.02 + r % 1500 / 1000 }')" \
			"$CURFEW_BUILD/curfew" --no-input rotate app --wait 60s \
			>/dev/null 2>&1 3>&- || true
		for _ in $(seq 60); do
			curfew rotate --resume --wait 20s >"$T/out" 2>&1 && code=0 || code=$?
			grep -q "nothing is due" "$T/out" && break
		done
		cat "$T/out"
		[ "$code" -eq 0 ]
		[ "$(in_file secret)" = "$was" ] || echo . >>"$T/changed"
	done
	logins_more 2
	echo "rounds $n, changed $(wc -l <"$T/changed" 2>/dev/null || echo 0), logins $(wc -l <"$T/logins"), outages $(wc -l <"$T/outages")" |
		tee -a "${CURFEW_ROTATE_REPORT:-/dev/null}"
	[ ! -s "$T/outages" ]
	[ "$(may_log_in "$(in_file user)" "$(in_file secret)")" = in ]
	[ "$(may_log_in "$(in_file user)" "$FIRST")" != in ] || [ ! -s "$T/changed" ]
	run curfew vault verify
	[ "$status" -eq 0 ]
}

@test "Redis: two passwords of one user" {
	load redis
	start_redis
	STOP=stop_redis
	rcli ACL SETUSER app on ">$FIRST" +ping >/dev/null
	curfew connect redis db --set host=127.0.0.1 --set port="$RD_PORT" \
		--secret-stdin <<<"$RD_ADMIN" >/dev/null
	the_policy app ''
	may_log_in() { [ "$(rcli_as "$1" "$2" PING)" = "in: PONG" ] && echo in; }
	rounds
	# what the server holds is what was delivered, nothing else
	[ "$(rcli ACL GETUSER app | grep -cE '^[0-9a-f]{64}$')" = 1 ]
	[ "$(rcli ACL GETUSER app | grep -E '^[0-9a-f]{64}$')" = "$(printf %s "$(in_file secret)" | sha256sum | cut -d' ' -f1)" ]
}

@test "MariaDB: two accounts in turn" {
	load mysql
	start_mysql
	STOP=stop_mysql
	mysql "CREATE USER app_a@localhost IDENTIFIED BY '$FIRST', app_b@localhost IDENTIFIED BY 'none-$RANDOM'"
	curfew connect mysql db --set host=127.0.0.1 --set port="$MY_PORT" \
		--secret-stdin <<<"$MY_ADMIN" >/dev/null
	the_policy app_a@localhost app_b@localhost
	curfew learn db/app_a@localhost#password --secret-stdin <<<"$FIRST" >/dev/null
	may_log_in() { mysql_as "${1%@*}" "$2" "SELECT 'in'" 2>/dev/null; }
	rounds
	[ "$(mysql "SELECT CONCAT(User, '@', Host) FROM mysql.global_priv WHERE User LIKE 'app%' AND JSON_VALUE(Priv, '\$.authentication_string') <> 'invalid'")" = "$(in_file user)" ]
}

@test "OpenLDAP: two passwords of one entry" {
	load ldap
	start_ldap
	STOP=stop_ldap
	ld_new app "$FIRST"
	curfew connect ldap db --set url="$(ld_url)" --set user="$LD_CURFEW" --set base="ou=svc,$LD_BASE" \
		--secret-stdin <<<"$LD_ADMIN" >/dev/null
	the_policy "$(svc app)" ''
	may_log_in() { ldapwhoami -x -H "$(ld_url)" -D "$1" -w "$2" >/dev/null 2>&1 3>&- && echo in; }
	rounds
	[ "$(ld_values app | wc -l)" = 1 ]
}
