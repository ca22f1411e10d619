#!/usr/bin/env bats
# A leaked role's password from end to end, with a real PostgreSQL server: known
# by value at the push, found in history, whose, killed, proved dead.

bats_require_minimum_version 1.5.0

load ../cli/scan

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
	ROLE=ci_bot$BATS_TEST_NUMBER
	# looks like nothing: no rule, no keyword beside it
	PASSWORD=$(head -c 24 /dev/urandom | base64 | tr '/+' '_-')
	sql "CREATE ROLE $ROLE LOGIN PASSWORD '$PASSWORD'"
	cd "$BATS_TEST_TMPDIR" || exit 1
	printf 'secret of the %s\n' "key file, 32 bytes or more" >key
	chmod 600 key
	PATH=$CURFEW_BUILD:$PATH
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault CURFEW_KEY_FILE=$BATS_TEST_TMPDIR/key
	export HOME=$BATS_FILE_TMPDIR
	scan_cache "$BATS_FILE_TMPDIR/cache"
	git_alone Ann
	mkdir spool
	curfew init --key-file key >/dev/null
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[vault]
		key_file = "$PWD/key"
		[spool]
		folder = "$PWD/spool"
		[identity.ci-bot]
		owner = "build@example.org"
		accounts = ["pg/$ROLE"]
	END
	curfew connect postgres pg --set host=127.0.0.1 --set port="$PG_PORT" \
		--secret-stdin <<<"$PG_ADMIN" >/dev/null
	curfew sync >/dev/null
	printf %s "$PASSWORD" | curfew learn "pg/$ROLE" --secret-stdin >/dev/null
	git init -q -b main work
	git -C work commit -q --allow-empty -m root
	echo "$PASSWORD" >work/notes.txt
	git -C work add . && git -C work commit -qm "notes"
}

logs_in() {
	PGPASSWORD=$PASSWORD psql -qAt -h 127.0.0.1 -p "$PG_PORT" -U "$ROLE" \
		-d postgres -c 'SELECT 1' 2>/dev/null
}

@test "in history: found by value, whose, killed, proved by a refused login" {
	[ "$(logs_in)" = 1 ]
	git -C work rm -q notes.txt && git -C work commit -qm oops
	run -1 curfew scan work
	echo "$output"
	[[ $output == *curfew-known-secret* ]]
	[[ $output == *"ci-bot  pg/$ROLE#"*"its value; active"* ]]
	[[ $output != *"$PASSWORD"* ]]
	id=$(sed -n 's/.*kill --finding //p' <<<"$output")
	run -0 curfew kill --finding "$id" --reason "in git history"
	echo "$output"
	[[ $output == *"DEAD (proved)"* ]]
	run ! logs_in
	run -0 curfew finding list
	[[ $output == *"DEAD, proved"* ]]
	[[ $output != *"kill --finding"* ]]
	run -0 curfew audit verify
}

@test "at the push: refused; the policy ends it from the spool" {
	run -0 curfew hook publish known.set
	mapfile -t keys < <(grep -oE '(known|spool)-key [0-9a-f]{64}' <<<"$output" | cut -d' ' -f2)
	git init -q --bare server
	git -C server config curfew.maxTime 1h # the machine may be slow
	run -0 curfew-scan hook install --known known.set --known-key "${keys[0]}" \
		--spool spool --spool-key "${keys[1]}" server
	run ! git -C work push "$PWD/server" main
	[[ $output == *"notes.txt:1  curfew-known-secret"* ]]
	[[ $output != *"$PASSWORD"* ]]
	[ -z "$(git -C server for-each-ref)" ]
	[ "$(logs_in)" = 1 ]
	run -0 curfew respond # told only
	[ "$(logs_in)" = 1 ]
	printf '[response.db]\nconnection = "pg"\naction = "kill"\n' >>"$CURFEW_DIR/curfew.toml"
	run ! git -C work push "$PWD/server" main
	run -0 curfew respond
	echo "$output"
	[[ $output == *"DEAD (proved)"* ]]
	run ! logs_in
	run -0 curfew respond
	[ -z "$output" ]
}
