#!/usr/bin/env bats
# A credential's value in the vault: recognised when it leaks, proof by login.
# Against a real PostgreSQL.

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
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault
	sql "DROP ROLE IF EXISTS bot" "CREATE ROLE bot LOGIN PASSWORD 'right-one'"
	curfew init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	curfew connect postgres pg --set host=127.0.0.1 --set port="$PG_PORT" \
		--secret-stdin <<<"$PG_ADMIN" >/dev/null
	curfew sync >/dev/null
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color -q "$@" 3>&-
}

@test "an unknown value is not guessed at" {
	run curfew kill --secret-stdin <<<"who-knows"
	[ "$status" -ne 0 ]
	[[ "$output" == *"no credential in the vault has that value"* ]]
	[ "$(sql_as bot right-one 'SELECT 1')" = 1 ]
}

@test "a learned value is recognised, killed, and refused at login" {
	curfew learn pg/bot --secret-stdin <<<"right-one"
	run curfew kill --secret-stdin <<<"right-one"
	[ "$status" -eq 0 ]
	[[ "$output" == *"pg/bot#password"*"DEAD (proved)"* ]]
	run sql_as bot right-one 'SELECT 1'
	[ "$status" -eq 2 ]
}

@test "a value given with the kill makes the proof a refusal" {
	run curfew kill pg/bot <<<""
	[ "$status" -eq 0 ]
	[[ "$output" == *"DEAD (proved by the service's record)"* ]]
	sql "ALTER ROLE bot LOGIN PASSWORD 'right-one' VALID UNTIL 'infinity' CONNECTION LIMIT -1"
	curfew sync >/dev/null 2>&1 || true
	run curfew kill pg/bot --secret-stdin <<<"right-one"
	echo "$output"
	[ "$status" -eq 0 ]
	[[ "$output" == *"pg/bot#password"*"DEAD (proved)"* ]]
}

@test "curfew's own admin credential is recognised, and spared unless asked" {
	run curfew kill --dry-run --secret-stdin <<<"$PG_ADMIN"
	echo "$output"
	[[ "$output" == *"pg/postgres"* ]]
	run curfew kill --secret-stdin <<<"$PG_ADMIN"
	[ "$status" -ne 0 ]
	sql 'SELECT 1'
}

@test "learn: an address with several credentials, or none, is refused" {
	run curfew learn pg/nobody --secret-stdin <<<"x"
	[ "$status" -eq 2 ]
	run curfew learn pg/bot --secret-stdin <<<""
	[ "$status" -eq 2 ]
}
