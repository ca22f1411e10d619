#!/usr/bin/env bats
# One identity over GitHub, AWS, PostgreSQL and a mailbox, ended by one command
# while one of the four is down: each takes its turn.  PostgreSQL and Dovecot
# are the real servers, stopped and started; GitHub and AWS are the stateful
# fakes (a JWT checked by openssl, signatures by botocore), whose port closes.

bats_require_minimum_version 1.5.0

setup_file() {
	load provider
	load postgres
	load dovecot
	dc_can || return 0
	start_postgres
	start_dovecot bot eve carl
	export FOUR=$BATS_FILE_TMPDIR
	openssl genrsa -out "$FOUR/app.pem" 2048 2>/dev/null
	openssl rsa -in "$FOUR/app.pem" -pubout -out "$FOUR/app.pub" 2>/dev/null
	# the lags and rates that the services document, shortened to what a test
	# can wait for
	mkdir "$FOUR/programs"
	cp "$CURFEW_BUILD"/curfew-provider-{http,postgres,dovecot} "$FOUR/programs"
	sed -e 's/^rate_per_s = .*/rate_per_s = 20/' "$BATS_TEST_DIRNAME/../../providers/http/github.toml" \
		>"$FOUR/programs/github.toml"
	sed -e 's/^\(revoke\|list\|mint\)_lag_ms = .*/\1_lag_ms = 300/' \
		"$BATS_TEST_DIRNAME/../../providers/http/aws.toml" >"$FOUR/programs/aws.toml"
}

teardown_file() {
	load provider
	load postgres
	load dovecot
	stop_postgres
	stop_dovecot
}

setup() {
	load provider
	load postgres
	load dovecot
	dc_can || skip "$DC_WHY"
	# shellcheck disable=SC2034 # provider.bash looks at them
	PROVIDER_PID='' SESSION_FD=''
	# the test build's patience between two probes and after a failure
	export CURFEW_TEST_GAP_MS=250 CURFEW_TEST_BACKOFF_MS=300
	export FAKE_GITHUB_KEY=$FOUR/app.pub CURFEW_PROVIDER_PATH=$FOUR/programs
	PAT=github_pat_$(printf 'b%.0s' {1..82})
	AWS_SECRET=$(printf '%-40s' secret/of+key1 | tr ' ' x)
	fake_start github
	fake_start aws
	sql "CREATE ROLE ci_bot LOGIN PASSWORD 'pw-pg'" "CREATE ROLE other LOGIN PASSWORD 'pw-other'"
	mailbox
	vault
}

teardown() {
	imap_end_all
	kill ${FAKE_github:-} ${FAKE_aws:-} 2>/dev/null || true
	[ -n "${PG_DIR:-}" ] || return 0
	# whatever a failed test left down
	sql 'SELECT 1' >/dev/null 2>&1 || pg_up "$PG_DIR"
	imap_login carl pw-carl || dc_start
	sql 'DROP ROLE IF EXISTS ci_bot' 'DROP ROLE IF EXISTS other'
}

# A fake of its own, so that one can go and the other stay.
fake_start() { # name
	FAKE_DIR=$BATS_TEST_TMPDIR/$1
	mkdir "$FAKE_DIR"
	# shellcheck disable=SC2031
	python3 "$BATS_TEST_DIRNAME/fake_four.py" >"$FAKE_DIR/said" 2>"$FAKE_DIR/log" 3>&- &
	eval "FAKE_$1=$!"
	wait_for [ -s "$FAKE_DIR/said" ]
	eval "URL_$1=http://127.0.0.1:$(head -1 "$FAKE_DIR/said")/$1"
}

fake_tell() { # name signal word
	local pid=FAKE_$1
	kill "-$2" "${!pid}"
	wait_for eval "[ \"\$(tail -1 '$BATS_TEST_TMPDIR/$1/said')\" = $3 ]"
}

mailbox() {
	: >"$DC_DIR/auth/deny"
	touch -d "@$(($(date +%s) - 5 - RANDOM % 10000))" "$DC_DIR/auth/deny"
	dc_api '[["authCacheFlush",{"user":["bot"]},"f"]]' >/dev/null
	dc_api "$(jq -nc '[
		["sievePut", {user: "bot", scriptname: "fwd", file: "redirect \"evil@example.net\";\n"}, "1"],
		["sieveActivate", {user: "bot", scriptname: "fwd"}, "2"],
		["aclSet", {user: "bot", mailbox: "INBOX", id: "user=eve", right: ["lookup", "read"]}, "3"]]')" >/dev/null
}

curfew() {
	"$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

vault() {
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault
	curfew init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[identity.ci-bot]
		owner = "build@example.org"
		accounts = ["gh/dev", "iam/ci", "pg/ci_bot", "mail/bot"]
		[vault]
		key_file = "$BATS_TEST_TMPDIR/key"
	END
	curfew connect github gh --set "url=$URL_github" --set app=4711 --set installation=22 \
		--set org=acme --set repo=app --secret-stdin <"$FOUR/app.pem" >/dev/null
	curfew connect aws iam --set "iam_url=$URL_aws/iam" --set "sts_url=$URL_aws/sts" --secret-stdin \
		>/dev/null <<<"AKIAADMIN00000000000:$(printf '%-40s' secret/of+key0 | tr ' ' x)"
	curfew connect postgres pg --set host=127.0.0.1 --set port="$PG_PORT" --secret-stdin >/dev/null <<<"$PG_ADMIN"
	curfew connect dovecot mail --set "url=http://127.0.0.1:$DC_HTTP" --set "imap=imap://127.0.0.1:$DC_IMAP" \
		--set "deny_file=$DC_DIR/auth/deny" --set "base_dir=$DC_DIR/run" --secret-stdin >/dev/null <<<"$DC_KEY"
	curfew sync >/dev/null
	curfew learn 'iam/ci#AKIACI00000000000000' --secret-stdin >/dev/null <<<"$AWS_SECRET"
	curfew learn 'pg/ci_bot#password' --secret-stdin >/dev/null <<<pw-pg
	curfew learn 'mail/bot#password' --secret-stdin >/dev/null <<<pw-bot
}

# ---- the four, down and up; is it dead, asked of the service itself ----------------

down() {
	case $1 in
	gh) fake_tell github USR1 down ;;
	iam) fake_tell aws USR1 down ;;
	pg) pg_down "$PG_DIR" ;;
	mail) dc_down ;;
	esac
}

up() {
	case $1 in
	gh) fake_tell github USR2 up ;;
	iam) fake_tell aws USR2 up ;;
	pg) pg_up "$PG_DIR" ;;
	mail) dc_start ;;
	esac
}

# The services' own word, past curfew.
is_dead() {
	case $1 in
	gh)
		[ "$(jq -c .keys.app <(fake_state github))" = '[]' ] && [ "$(pat_says)" = 401 ]
		;;
	iam)
		[[ $(jq -r '.keys | keys[]' <(fake_state aws)) != *AKIACI* ]] &&
			[[ $(jq -c '.policies | to_entries[] | select(.key | contains("/ci/"))' <(fake_state aws)) == *'"Effect":"Deny"'* ]]
		;;
	pg)
		local rc=0
		sql_as ci_bot pw-pg 'SELECT 1' >/dev/null 2>&1 || rc=$?
		[ "$rc" -eq 2 ]
		;;
	mail)
		! imap_login bot pw-bot &&
			[ "$(dc_api '[["sieveList",{"user":"bot"},"s"]]')" = '[["doveadmResponse",[],"s"]]' ] &&
			[ "$(dc_api '[["aclGet",{"user":"bot","mailbox":"INBOX"},"s"]]')" = '[["doveadmResponse",[],"s"]]' ]
		;;
	esac
}

pat_says() {
	curl -sS -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $PAT" "$URL_github/user" 3>&-
}

fake_state() { # github or aws: what it holds
	local url=URL_$1
	curl -sS "${!url%/*}/_state/$1" 3>&-
}

others_live() {
	[ "$(sql_as other pw-other 'SELECT 1')" = 1 ]
	imap_login carl pw-carl
	[ "$(jq -r '.keys["AKIADEV0000000000000"].status' <(fake_state aws))" = Active ]
}

# ---- the kill ----------------------------------------------------------------------

one_down() { # connection
	local c lines=() shown incident
	curfew learn 'gh/dev#1000' --secret-stdin >/dev/null <<<"$PAT"
	imap_open bot pw-bot INBOX
	others_live
	[ "$(pat_says)" = 200 ]
	down "$1"
	run --separate-stderr curfew kill ci-bot --reason 'token seen in a log' --yes --wait 8s
	echo "$output"
	[ "$status" -eq 4 ]
	for c in {1..8}; do # a busy machine: the proofs take longer than usual
		[[ $output == *DYING* || $output == *'not clean twice yet'* ]] || break
		run --separate-stderr curfew resume --wait 8s
		echo "$output"
		[ "$status" -eq 4 ]
	done
	for c in gh iam pg mail; do
		mapfile -t lines < <(grep "^$c/" <<<"$output")
		[ "${#lines[@]}" -ge 1 ]
		for line in "${lines[@]}"; do
			if [ "$c" = "$1" ]; then
				# and why, in words that name the trouble
				[[ $line =~ \ ALIVE\ \(.*(connect|answer|refused|reach) ]]
			else
				[[ $line == *' DEAD ('* ]]
			fi
		done
		[ "$c" = "$1" ] || is_dead "$c"
	done
	# what is alive stands last, and where it is in the summary
	[[ $(grep -v '^sessions' <<<"$output" | tail -3) =~ ALIVE.*' dead, 0 dying, '[0-9]+' alive ('$1' '[0-9]+')'.*'go on with: curfew resume INC-' ]]
	incident=$(curfew incident list | grep -o 'INC-[0-9-]*')
	shown=$(curfew incident show "$incident")
	[[ $shown == *'token seen in a log'* ]]
	[ "$(grep -c ' ALIVE (' <<<"$shown")" = "$(grep -c ' ALIVE (' <<<"$output")" ]
	# while it is down: said again, and nobody waits for ever
	run -4 curfew resume --wait 1s

	up "$1"
	run curfew resume --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *'all proved dead'* ]]
	for c in gh iam pg mail; do is_dead "$c"; done
	wait_for grep -q BYE "$IMAP_LOG" || [ "$1" = mail ]
	others_live
	curfew incident list | grep -q "$incident .*closed"
	[[ $(curfew incident show "$incident") == *'sealed snapshots'*' mail/bot '* ]]
	curfew audit verify
}

@test "PostgreSQL is stopped: the other three are proved dead, resume ends the role" {
	one_down pg
}

@test "Dovecot is stopped: the other three are proved dead, resume ends the mailbox" {
	one_down mail
}

@test "GitHub does not answer: the other three are proved dead, resume ends the key" {
	one_down gh
}

@test "AWS does not answer: the other three are proved dead, resume ends the keys" {
	one_down iam
}

# A token ends by its value or not at all: where the value is not sealed that is
# said, and what to type; resume goes on with it.
@test "a fine-grained token without its sealed value: ALIVE, learn it, resume" {
	run --separate-stderr curfew kill gh/dev --dry-run
	echo "$output"
	[[ $output == *'gh/dev#1000  '*"revoke (its end by id leaves the value good elsewhere; that value is not sealed here: 'curfew learn gh/dev#1000 --secret-stdin'"* ]]
	run --separate-stderr curfew kill gh/dev --yes --wait 4s
	echo "$output"
	[ "$status" -eq 4 ]
	[[ $(grep '^gh/dev#1000' <<<"$output") == *ALIVE*'not sealed here'*curfew\ learn* ]]
	[ "$(pat_says)" = 200 ]
	curfew learn 'gh/dev#1000' --secret-stdin >/dev/null <<<"$PAT"
	run curfew resume --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(pat_says)" = 401 ]
}
