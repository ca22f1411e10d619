#!/usr/bin/env bats
# Restore against a real PostgreSQL: what a kill took comes back, all of it, and
# what the program says of it is so.

bats_require_minimum_version 1.5.0

setup_file() {
	load provider
	load postgres
	start_postgres
}

teardown_file() {
	load provider
	load postgres
	stop_postgres
}

setup() {
	load provider
	load postgres
	ROLE=bot$BATS_TEST_NUMBER
	PASSWORD=pw-$RANDOM$RANDOM$RANDOM
	sql "CREATE ROLE group_$ROLE" \
		"CREATE ROLE $ROLE LOGIN CREATEROLE CREATEDB PASSWORD '$PASSWORD'
		 VALID UNTIL '2037-01-02 03:04:05+00' CONNECTION LIMIT 7
		 IN ROLE group_$ROLE" \
		"ALTER ROLE $ROLE SET work_mem = '5MB'"
	printf 'secret of the %s\n' "key file, 32 bytes or more" >"$BATS_TEST_TMPDIR/key"
	chmod 600 "$BATS_TEST_TMPDIR/key"
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault
	curfew init --key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	printf '[vault]\nkey_file = "%s"\n' "$BATS_TEST_TMPDIR/key" \
		>"$CURFEW_DIR/curfew.toml"
	curfew connect postgres pg --set host=127.0.0.1 --set port="$PG_PORT" \
		--secret-stdin <<<"$PG_ADMIN" >/dev/null
	curfew sync >/dev/null
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

# Everything the server holds of the role, its password's verifier too.
role() { # name
	sql "SELECT a.*, (SELECT array_agg(m.roleid ORDER BY m.roleid)
		FROM pg_auth_members m WHERE m.member = a.oid),
		(SELECT array_agg(s.setconfig) FROM pg_db_role_setting s
		 WHERE s.setrole = a.oid)
		FROM pg_authid a WHERE a.rolname = '$1'"
}

newest() {
	curfew incident list | awk '/^INC-/ { print $1 }' | sort -V | tail -1
}

@test "ten kills and restores: the role is what it was, every time" {
	local before
	before=$(role "$ROLE")
	[ -n "$before" ]
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		curfew kill "pg/$ROLE" --yes >"$BATS_TEST_TMPDIR/out"
		grep -q "pg/$ROLE .*DEAD" "$BATS_TEST_TMPDIR/out"
		run -2 sql_as "$ROLE" "$PASSWORD" 'SELECT 1'
		run curfew restore "$(newest)" --yes
		echo "$output"
		[ "$status" -eq 0 ]
		[[ $output == *"pg/$ROLE  restored, and listed active"* ]]
		[ "$(sql_as "$ROLE" "$PASSWORD" "SELECT 'back'")" = back ]
		[ "$(role "$ROLE")" = "$before" ]
	done
}

@test "a role without an end gets none" {
	sql "CREATE ROLE plain LOGIN PASSWORD 'plain-pw'"
	local before
	before=$(role plain)
	curfew sync >/dev/null
	curfew kill pg/plain --yes >/dev/null
	curfew restore "$(newest)" --yes
	[ "$(role plain)" = "$before" ]
}

is_shut() {
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = '$ROLE'")" = f ]
}

finish_and_restore() { # what the role was
	run curfew resume
	echo "$output"
	[ "$status" -eq 0 ]
	run -2 sql_as "$ROLE" "$PASSWORD" 'SELECT 1'
	run curfew restore "$(newest)" --yes
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"pg/$ROLE  restored, and listed active"* ]]
	[ "$(sql_as "$ROLE" "$PASSWORD" "SELECT 'back'")" = back ]
	[ "$(role "$ROLE")" = "$1" ]
}

@test "the core dies in the middle, resume finishes, restore brings it back" {
	local before crash
	before=$(role "$ROLE")
	for crash in kill.after-send kill.after-reply kill.after-result-commit; do
		CURFEW_CRASH_AT=$crash run -137 curfew kill "pg/$ROLE" --yes
		finish_and_restore "$before"
	done
}

@test "kill -9 the moment the role is shut: the same" {
	local before
	before=$(role "$ROLE")
	for _ in 1 2 3; do
		"$CURFEW_BUILD/curfew" --no-input kill "pg/$ROLE" --yes \
			>/dev/null 2>&1 3>&- &
		local core=$!
		wait_until is_shut
		kill -KILL "$core" || true
		wait "$core" || true
		finish_and_restore "$before"
	done
}

@test "a role that was shut before the kill stays shut, and that is said" {
	sql "CREATE ROLE shut NOLOGIN PASSWORD 'shut-pw'"
	curfew sync >/dev/null
	curfew kill pg/shut --yes >/dev/null
	run curfew restore "$(newest)" --yes
	echo "$output"
	[[ $output == *"pg/shut  restored, but listed disabled"* ]]
	[ "$(sql "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'shut'")" = f ]
}
