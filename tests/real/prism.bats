#!/usr/bin/env bats
# The shape of every request to GitHub against its published API description,
# through Prism (@stoplight/prism-cli, run without --errors: with it Prism checks
# its own answers too).  Neither is part of this repository.  Runs when both are
# there:  PRISM=/path/to/prism GITHUB_API=/path/to/ghec.json
# (the description is in the package @octokit/openapi, generated/ghec.json)

bats_require_minimum_version 1.5.0

prism_on() {
	"$PRISM" mock -p "$PRISM_PORT" "$BATS_FILE_TMPDIR/api.json" >"$BATS_FILE_TMPDIR/prism" 2>&1 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/prism_pid"
	local i
	for ((i = 0; i < 900; i++)); do # the description is 13 MB
		grep -q "is listening" "$BATS_FILE_TMPDIR/prism" && return
		kill -0 $! || break
		sleep 0.2
	done
	return 1
}

setup_file() {
	[ -x "${PRISM:-}" ] && [ -r "${GITHUB_API:-}" ] || return 0
	# the paths in question only, untouched: a thousand others take half a minute
	jq '.paths |= with_entries(select(.key | test(
		"^/(app/|credentials/|installation/|user$|repos/{owner}/{repo}/keys|orgs/{org}/" +
		"(personal-access-tokens|actions/secrets|installations$|credential-authorizations)|installation)")))
		| del(.webhooks, ."x-webhooks")
		| walk(if type == "object" and (."$ref" | type) == "string" and (."$ref" | startswith("#") | not)
			then {} else . end)' "$GITHUB_API" >"$BATS_FILE_TMPDIR/api.json"
	load port
	export PRISM_PORT
	on_a_port PRISM_PORT prism_on
	python3 "$BATS_TEST_DIRNAME/prism_front.py" "$PRISM_PORT" "$BATS_FILE_TMPDIR/log" \
		>"$BATS_FILE_TMPDIR/port" 2>"$BATS_FILE_TMPDIR/front" 3>&- &
	echo $! >"$BATS_FILE_TMPDIR/front_pid"
	while [ ! -s "$BATS_FILE_TMPDIR/port" ]; do sleep 0.05; done
	openssl genrsa -out "$BATS_FILE_TMPDIR/app.pem" 2048 2>/dev/null
}

teardown_file() {
	local f
	for f in prism front; do
		[ ! -s "$BATS_FILE_TMPDIR/${f}_pid" ] || kill "$(cat "$BATS_FILE_TMPDIR/${f}_pid")"
	done
}

setup() {
	load provider
	load http
	[ -x "${PRISM:-}" ] || skip "Prism is not given (PRISM=/path/to/prism)"
	[ -r "${GITHUB_API:-}" ] || skip "GitHub's API description is not given (GITHUB_API=/path/to/ghec.json)"
	DEFS=$BATS_TEST_DIRNAME/../../providers/http
	log=$BATS_FILE_TMPDIR/log
	: >"$log"
	url=http://127.0.0.1:$(cat "$BATS_FILE_TMPDIR/port")
}

teardown() {
	provider_stop
}

github() { # the connection, from DEFINITION or the shipped one
	FAKE=$url open_service github "$(cat "$BATS_FILE_TMPDIR/app.pem")" url "$url" app 4711 \
		installation 22 org acme repo "*" secrets yes sso yes
	expect .status ok
}

@test "GitHub: every request of every verb has the described shape" {
	local ghp pat ghs kept
	ghp=ghp_$(printf 'a%.0s' {1..36}) pat=github_pat_$(printf 'b%.0s' {1..82}) ghs=ghs_$(printf 'c%.0s' {1..36})
	github
	ask list
	echo "$ANSWER"
	on probe dev fine_grained_token 25381 "$pat"
	on probe dev fine_grained_token 25381
	on revoke dev fine_grained_token 25381
	ask probe kind token secret "$ghp"
	ask revoke_value kind token secret "$ghp"
	ask revoke_value kind fine_grained_token secret "$pat"
	ask probe kind installation_token secret "$ghs"
	ask revoke_value kind installation_token secret "$ghs"
	on probe dev deploy_key app/7
	on snapshot dev deploy_key app/7
	kept=$(got .snapshot)
	on revoke dev deploy_key app/7
	ask_json "$(jq -nc --argjson s "$kept" '{verb: "restore", account: "dev", kind: "deploy_key", credential: "app/7", snapshot: $s}')"
	on probe "organisation acme" org_secret GH_TOKEN
	on revoke "organisation acme" org_secret GH_TOKEN
	for how in disable probe enable revoke; do
		on "$how" "app curfew" installation 22
	done
	on revoke dev sso_authorization 161195
	on probe dev sso_authorization 161195
	ask mint account "app curfew" kind installation_token
	cat "$log"
	# nothing unknown to the description, nothing of another shape
	# (Prism's own empty 202 misses its description: not ours)
	run ! grep -vE ' 2[0-9][0-9] (-|.*"location":\["response".*)$' "$log"
	run ! grep '"location":\["request"' "$log"
	local n
	n=$(sed -E 's/\?.*( [0-9]+ )/\1/' "$log" | awk '{print $1, $2}' | sort -u | wc -l)
	echo "# $(wc -l <"$log") requests, $n different calls, none with a violation" >&3
	[ "$n" -ge 21 ]
}

@test "GitHub: the last step of deliver, with what a real sealed box looks like" {
	github
	# the example's public key has 33 bytes, which curfew refuses; and it is of visibility "selected", which curfew refuses to touch:
	# the PUT alone, of the same definition
	sed '/{ save = "now"/,/^\t\] },$/d; s/{step.now\/visibility}/private/
		s/{step.key\/key}/mK3Z0Y8pS9a8qfTtJt0pH8mVb0Y8m1m3n0vQy8mJ1wM=/' "$DEFS/github.toml" \
		>"$BATS_TEST_TMPDIR/github.toml"
	provider_stop
	DEFINITION=$BATS_TEST_TMPDIR/github.toml
	github
	: >"$log"
	on deliver "organisation acme" org_secret GH_TOKEN the-new-secret
	cat "$log"
	grep -qE '^PUT /orgs/acme/actions/secrets/GH_TOKEN 20[14] (-|.*"location":\["response".*)$' "$log"
	run ! grep '"location":\["request"' "$log"
}

@test "a wrong shape is found: the check is no formality" {
	sed 's/json = { credentials = \["{secret}"\] }/json = { credential = "{secret}" }/' "$DEFS/github.toml" \
		>"$BATS_TEST_TMPDIR/github.toml"
	DEFINITION=$BATS_TEST_TMPDIR/github.toml
	github
	ask revoke_value kind token secret "ghp_$(printf 'a%.0s' {1..36})"
	[ "$(got .status)" != ok ]
	grep -q '^POST /credentials/revoke 422 ' "$log"
}
