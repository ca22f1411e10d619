#!/usr/bin/env bats
# curfew-provider-http: a service that misbehaves, over the line protocol, and
# a kill through the core.  GitLab's definition stands for all here.

bats_require_minimum_version 1.5.0

setup() {
	load provider
	load http
	start_fake
	admin=glpat-adminadminadminadmin
	bot=glpat-botbotbotbotbotbot00
}

teardown() {
	provider_stop
	stop_fake
}

@test "list, probe, revoke, proved dead by the secret's refusal" {
	open_service gitlab "$admin" project team/app
	expect .status ok
	ask list
	expect .complete true
	[ "$(item '.what=="account"' | wc -l)" -eq 3 ]
	[ "$(item '.kind=="personal_token"' | wc -l)" -eq 5 ]
	[ "$(item '.self' | wc -l)" -eq 2 ]
	[ "$(item '.kind=="deploy_token"' | jq -r .account)" = "project team/app" ]
	[ "$(item '.account=="ci-bot" and .id=="3"' | jq -r .expires)" = 2027-01-01T00:00:00Z ]
	on probe ci-bot personal_token 3 "$bot"
	life alive
	on revoke ci-bot personal_token 3
	expect .status ok
	on probe ci-bot personal_token 3 "$bot"
	life dead refusal
	on probe ci-bot personal_token 3
	life dead record
	on probe ci-bot personal_token 4
	life alive
	on revoke ci-bot personal_token 3 # again
	expect .status ok
	for id in 91:project_token 92:deploy_token; do
		on revoke "project team/app" "${id#*:}" "${id%:*}"
		expect .status ok
		on probe "project team/app" "${id#*:}" "${id%:*}"
		life dead record
	done
}

@test "list of one account; keys; the account as a whole; a new token" {
	open_service gitlab "$admin"
	ask list account ci-bot
	expect .complete true
	[ "$(item '.account!="ci-bot"' | wc -l)" -eq 0 ]
	[ "$(item .what | wc -l)" -eq 5 ]
	on probe ci-bot ssh_key 71
	life alive
	on revoke ci-bot ssh_key 71
	expect .status ok
	on probe ci-bot ssh_key 71
	life dead record
	ask disable account ci-bot
	expect .status ok
	ask probe account ci-bot
	life dead record
	ask enable account ci-bot
	ask probe account ci-bot
	life alive
	ask mint account ci-bot kind personal_token label rot-1
	expect .status ok
	new=$(got .secret) id=$(got .credential)
	on probe ci-bot personal_token "$id" "$new"
	life alive
}

@test "by value: the token ends itself, without any credential of curfew's" {
	open_service gitlab "" standalone yes
	expect .status ok
	expect '.verbs|join(" ")' "probe revoke_value"
	ask revoke_value kind personal_token secret "$bot"
	expect .status ok
	ask probe kind personal_token secret "$bot"
	life dead refusal
	ask revoke_value kind personal_token secret "$bot"
	expect .status absent
	ask list
	[ "$(got .status)" != ok ]
	[ "$(fake '{"how":"noop"}' | jq '[.log[]|select(.headers["private-token"]=="'$admin'")]|length')" -eq 0 ]
}

@test "an answer that is no answer proves nothing" {
	open_service gitlab "$admin"
	for how in 500 empty 200 202 malformed html401 oversized drop; do
		fake "{\"path\":\"GET *self\",\"how\":\"$how\",\"times\":1}" >/dev/null
		on probe ci-bot personal_token 3 "$bot"
		[ "$(got .life)" = unknown ] || {
			echo "$how: $ANSWER"
			false
		}
	done
	on revoke ci-bot personal_token 3
	expect .status ok
	# and the same for one that is dead: still only its own word counts
	for how in 500 html401; do
		fake "{\"path\":\"GET *self\",\"how\":\"$how\",\"times\":1}" >/dev/null
		on probe ci-bot personal_token 3 "$bot"
		expect .life unknown
	done
	on probe ci-bot personal_token 3 "$bot"
	life dead refusal
}

@test "a revoke that is not done is not told as done" {
	open_service gitlab "$admin"
	for how in 202 200 empty 500 malformed; do
		fake "{\"path\":\"DELETE *\",\"how\":\"$how\",\"times\":1}" >/dev/null
		on revoke ci-bot personal_token 3
		[ "$(got .status)" = unknown ] || {
			echo "$how: $ANSWER"
			false
		}
	done
	# 204 and nothing done: the probe tells
	fake '{"path":"*","how":"revoke-ignored","times":9}' >/dev/null
	on revoke ci-bot personal_token 3
	expect .status ok
	on probe ci-bot personal_token 3 "$bot"
	life alive
	fake '{"how":"none"}' >/dev/null
	on revoke ci-bot personal_token 3
	on probe ci-bot personal_token 3 "$bot"
	life dead refusal
}

@test "429 and Retry-After, and a limit told by its own header" {
	open_service gitlab "$admin"
	fake '{"path":"DELETE *","how":"429","after":7}' >/dev/null
	on revoke ci-bot personal_token 3
	expect .status retry
	expect .after_ms 7000
	fake '{"path":"GET *","how":"403-limit","after":600}' >/dev/null
	on probe ci-bot personal_token 3 "$bot"
	expect .status retry
	[ "$(got .after_ms)" -gt 540000 ] && [ "$(got .after_ms)" -le 601000 ]
	# within a listing it waits itself
	fake '{"path":"GET */users*","how":"429","after":0,"times":2}' >/dev/null
	ask list
	expect .complete true
	fake '{"path":"GET */users*","how":"429","after":600}' >/dev/null
	ask list
	expect .status retry
	expect .after_ms 600000
}

@test "pages: a circle, another host, a cut one: never told as complete" {
	open_service gitlab "$admin"
	fake '{"path":"GET */users*","how":"loop","times":50}' >/dev/null
	ask list
	[ "$(got .status)" != ok ] && [ "$(got .complete)" = null ]
	[[ $(got .error) == *circle* ]]
	fake '{"how":"none"}' >/dev/null
	fake '{"path":"GET */users*","how":"elsewhere","to":"http://127.0.0.2:1/users"}' >/dev/null
	ask list
	expect .status refused
	[[ $(got .error) == *"another place"* ]]
	for how in malformed empty oversized 500 html401; do
		fake "{\"path\":\"GET */users?p*\",\"how\":\"$how\",\"times\":1}" >/dev/null
		fake "{\"path\":\"GET */users?per*\",\"how\":\"$how\",\"times\":1}" >/dev/null
		ask list
		[ "$(got .status)" != ok ] || {
			echo "$how: $ANSWER"
			false
		}
		fake '{"how":"none"}' >/dev/null
	done
}

@test "a redirect to another host is not followed, nothing is sent there" {
	open_service gitlab "$admin"
	fake "{\"path\":\"GET *self\",\"how\":\"redirect\",\"to\":\"$FAKE/stolen\"}" >/dev/null
	on probe ci-bot personal_token 3 "$bot"
	expect .life unknown
	fake "{\"path\":\"DELETE *\",\"how\":\"redirect\",\"to\":\"$FAKE/stolen\"}" >/dev/null
	on revoke ci-bot personal_token 3
	expect .status unknown
	[[ $(got .error) == *redirect* ]]
	[ "$(fake '{"how":"noop"}' | jq '[.log[]|select(.url=="/stolen")]|length')" -eq 0 ]
}

@test "what a service echoes of a secret is not passed on" {
	open_service gitlab "$admin"
	fake '{"path":"DELETE *","how":"echo"}' >/dev/null
	on revoke ci-bot personal_token 3
	[[ $ANSWER != *"$admin"* ]]
	run ! grep -q "$admin" "$PROVIDER_LOG"
}

@test "names from outside stay in their place in the address" {
	open_service gitlab "$admin"
	on revoke ci-bot personal_token "../users/1"
	on revoke ci-bot personal_token ".."
	expect .status refused
	on revoke ci-bot personal_token ""
	expect .status refused
	ask probe account "x&username=root"
	[ "$(fake '{"how":"noop"}' | jq -r '.log[].url')" = "/gitlab/api/v4/personal_access_tokens/..%2Fusers%2F1
/gitlab/api/v4/users?username=x%26username%3Droot" ]
}

@test "only https to other machines; plain http only to this one" {
	open_service gitlab "$admin" url http://gitlab.example
	on revoke ci-bot personal_token 3
	expect .status refused
	[[ $(got .error) == *"only https"* ]]
}

@test "through the core: connect by the service's name, kill, DEAD" {
	load ../cli/agent
	agent_setup
	cp "$CURFEW_BUILD/curfew-provider-http" "$CURFEW_PROVIDER_PATH/"
	cp "$DEFS/gitlab.toml" "$CURFEW_PROVIDER_PATH/"
	run "$curfew" provider list
	says gitlab
	run "$curfew" connect gitlab gl --set "url=$FAKE/gitlab" --secret-stdin <<<"$admin"
	echo "$output"
	[ "$status" -eq 0 ]
	"$curfew" sync gl
	run "$curfew" kill --yes gl/ci-bot
	echo "$output"
	[ "$status" -eq 0 ]
	says DEAD
	provider_start "$CURFEW_BUILD/curfew-provider-http" --definition "$DEFS/gitlab.toml"
	ask_json "{\"verb\":\"hello\",\"protocol\":1,\"connection\":\"c\",\"options\":{\"url\":\"$FAKE/gitlab\"},\"secret\":\"$admin\"}"
	on probe ci-bot personal_token 3
	life dead record
	on probe dev personal_token 2 glpat-devdevdevdevdevdev00
	life alive
}

@test "16 at once over 16 kept connections" {
	open_service gitlab "$admin"
	fake '{"how":"forget"}' >/dev/null
	fake '{"path":"GET *","how":"gather","most":16,"times":320}' >/dev/null
	local i
	for ((i = 0; i < 320; i++)); do
		say '{"verb":"probe","account":"ci-bot","kind":"personal_token","credential":"3"}'
	done
	local n=0 line
	while [ "$n" -lt 320 ] && IFS= read -r -t 60 -u "$PROVIDER_OUT" line; do
		[[ $line == *'"life":"alive"'* ]]
		n=$((n + 1))
	done
	[ "$n" -eq 320 ]
	[ "$(fake '{"how":"noop"}' | jq .connections)" -le 18 ]
	[ "$(fake '{"how":"noop"}' | jq .most)" -ge 16 ]
}

@test "a service whose nodes lag: dead is told only when the last of them agrees" {
	load ../cli/agent
	agent_setup
	cp "$CURFEW_BUILD/curfew-provider-http" "$CURFEW_PROVIDER_PATH/"
	cp "$DEFS"/*.toml "$CURFEW_PROVIDER_PATH/"
	local okta name secret target
	okta=00$(printf 'A%.0s' {1..40})
	while read -r name secret target; do
		"$curfew" connect "$name" "$name" --set "url=$FAKE/$name" --secret-stdin <<<"$secret" >/dev/null
		"$curfew" sync "$name" >/dev/null
		fake '{"how":"none"}' >/dev/null
		fake '{"path":"*","how":"lag","times":14}' >/dev/null
		run "$curfew" kill --yes --wait 60s "$target"
		echo "$output"
		[ "$status" -eq 0 ]
		says DEAD
		# two of three answers were of before, for 14 answers
		[ "$(fake '{"how":"troubles"}' | jq '[.troubles[]|select(.how=="lag")][0].times')" -eq 0 ]
	done <<-END
		gitlab $admin gitlab/ci-bot#3
		okta $okta okta/u1#00T1
		hashivault hvs.admin000000000000000000000 hashivault/ci#acc-ci
	END
}

@test "one odd name does not blind a connection: told with U+FFFD, an odd id dropped and counted" {
	open_service gitlab "$admin"
	ask list
	n=$(item '.what=="account"' | wc -l)
	fake '{"path":"GET */api/v4/users?*","how":"says","status":200,"times":1,"body":"[{\"id\":1,\"username\":\"root\",\"name\":\"Ro\\tot\",\"state\":\"active\"},{\"id\":2,\"username\":\"bad\\u001bname\",\"name\":\"x\",\"state\":\"active\"}]"}' >/dev/null
	ask list
	expect .status ok
	expect .complete false
	[ "$(item '.what=="account"' | wc -l)" -eq 1 ]
	[ "$(item '.what=="account"' | jq -r .attributes.name)" = $'Ro\uFFFDot' ]
	grep -q "(account) is left out: its account 'bad" "$PROVIDER_LOG"
	grep -q "1 items were left out for their names" "$PROVIDER_LOG"
}

@test "a service in trouble proves no death, though a rule without a status fits" {
	sed -n '/^```toml$/,/^```$/p' "$BATS_TEST_DIRNAME/../../docs/http-definitions.md" |
		sed -e '/^```/d' -e 's|{ status = 401, at = "/error", equals|{ at = "/error", equals|' \
			>"$BATS_TEST_TMPDIR/wiki.toml"
	grep -q '{ at = "/error", equals = "no such key", is = "dead" }' "$BATS_TEST_TMPDIR/wiki.toml"
	DEFINITION=$BATS_TEST_TMPDIR/wiki.toml
	says() { # STATUS: with the very words of death
		fake "$(jq -nc --argjson s "$1" '{path: "GET */me", how: "says", status: $s, times: 1,
			body: "{\"error\":\"no such key\"}"}')" >/dev/null
		on probe a/b key 1 some-value-of-a-key
	}
	open_service wiki admin-key
	expect .status ok
	for status in 401 403 404 410 200; do
		says "$status"
		life dead refusal
	done
	for status in 500 501 502 503 504 520 599 429 300 304; do
		says "$status"
		[ "$(got .life)" != dead ]
	done
}
