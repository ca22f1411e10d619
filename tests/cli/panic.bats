#!/usr/bin/env bats
# kill --secret-stdin without a vault: whose is it, where may it go, is it dead.
# The services are fakes on this machine; the definitions in use are the real
# ones, with their host replaced by the fake's where they have a fixed one.

bats_require_minimum_version 1.5.0

load agent.bash

start_one() { # VARIABLE: a fake service; its address into it
	local out=$BATS_TEST_TMPDIR/port-$1
	python3 "$BATS_TEST_DIRNAME/../real/fake_http.py" >"$out" 2>"$out.log" 3>&- &
	pids+=($!)
	for ((i = 0; i < 1200; i++)); do
		[ -s "$out" ] && break
		sleep 0.05
	done
	printf -v "$1" 'http://127.0.0.1:%s' "$(cat "$out")"
}

setup() {
	pids=()
	curfew=$CURFEW_BUILD/curfew
	export CURFEW_PROVIDER_PATH=$BATS_TEST_TMPDIR/providers
	export CURFEW_DIR=$BATS_TEST_TMPDIR/never/seen
	export CURFEW_TEST_GAP_MS=50 CURFEW_TEST_BACKOFF_MS=50
	mkdir -p "$CURFEW_PROVIDER_PATH"
	chmod 755 "$BATS_TEST_TMPDIR" "$CURFEW_PROVIDER_PATH"
	cp "$CURFEW_BUILD/curfew-provider-http" "$CURFEW_PROVIDER_PATH/"
	start_one here
	for f in "$BATS_TEST_DIRNAME"/../../providers/http/*.toml; do
		n=$(basename "$f" .toml)
		sed -E "s#https://(api.github.com|gitlab.com|slack.com|api.cloudflare.com)#$here/$n#" \
			"$f" >"$CURFEW_PROVIDER_PATH/$n.toml"
	done
	bot=glpat-botbotbotbotbotbot00
	ghp=ghp_$(printf 'a%.0s' {1..36})
	slack=xoxb-100000000-bot0bot0bot0bot0
	vault=hvs.dev000000000000000000000
}

teardown() {
	for p in "${pids[@]}"; do
		kill "$p" 2>/dev/null
		wait "$p" 2>/dev/null
	done
	return 0
}

# leak SECRET [OPTION]...: with the secret on standard input
leak() {
	local secret=$1
	shift
	run --separate-stderr "$curfew" kill --secret-stdin "$@" < <(printf '%s\n' "$secret")
	output+=$'\n'$stderr
}

trouble() { curl -s "$1/_fake" -d "$2" -H 'Content-Type: application/json' >/dev/null; }
asked() { curl -s "$1/_fake" -d '{"how":"noop"}' -H 'Content-Type: application/json' | jq "[.log[]|select(.url|contains(\"$2\"))]|length"; }
incident() { cat "$CURFEW_DIR"/incidents/*.json; }

clean() { # SECRET: nothing that was written holds it
	! grep -rqF "$1" "$CURFEW_DIR" "$BATS_TEST_TMPDIR"/out* 2>/dev/null || false
	[[ $output != *"$1"* ]]
}

@test "a token ends itself, is proved dead, and the incident is a private file" {
	leak "$bot"
	[ "$status" -eq 0 ]
	says "gitlab personal_token glpat-…ot00  DEAD (proved)"
	says "goes to $here/gitlab and nowhere else"
	says "incident written to $CURFEW_DIR/incidents/"
	clean "$bot"
	[ "$(stat -c %a "$CURFEW_DIR"/incidents/*.json)" = 600 ]
	[ "$(incident | jq -r .state)" = DEAD ]
	[ "$(incident | jq -r .proof)" = refusal ]
	[ "$(incident | jq -r .fingerprint)" = "sha256:$(printf %s "$bot" | sha256sum | cut -d' ' -f1)" ]
	[ "$(incident | jq '[.timeline[]|select(.what=="probe" and .answer=="dead")]|length')" -ge 3 ]
	run "$curfew" incident show "$CURFEW_DIR"/incidents/*.json
	[ "$status" -eq 0 ]
	says "sent only to"
	says DEAD
	# found in its place by name, and listed
	name=$(incident | jq -r .incident)
	run "$curfew" incident show "$name"
	[ "$status" -eq 0 ]
	says "incident     $name"
	run "$curfew" incident list
	[ "$status" -eq 0 ]
	says "$name"
	says "glpat-…ot00 (a secret given)"
	says_not "$bot"
	[ "$("$curfew" --json incident list | jq -r '.incidents[0]|.incident+" "+.state+" "+.outcome')" = "$name closed DEAD" ]
	run "$curfew" incident show INC-20000101-1
	[ "$status" -eq 1 ]
	says "no file of that name in $CURFEW_DIR/incidents"
	run "$curfew" incident show ../vault
	[ "$status" -ne 0 ]
	[ ! -e "$CURFEW_DIR/vault.db" ]
	# the folder is no obstacle for a vault
	"$curfew" init --generate-key-file "$BATS_TEST_TMPDIR/key"
}

@test "GitHub's kind of service takes it from anybody; Slack's and Vault's from itself" {
	trouble "$here" '{"path":"POST */credentials/revoke","how":"slow","after":0.3,"times":9}'
	leak "$ghp" --json
	[ "$status" -eq 0 ]
	[ "$(jq -r '.state+" "+.proof' <<<"$(sed '/^curfew:/d' <<<"$output")")" = "DEAD refusal" ]
	clean "$ghp"
	leak "$slack"
	[ "$status" -eq 0 ]
	says "DEAD (proved)"
	leak "$vault" # of which no host can be seen
	[ "$status" -eq 2 ]
	says "name it: --host HOST"
	leak "$vault" --host "$here/hashivault"
	[ "$status" -eq 0 ]
	leak "00$(printf 'c%.0s' {1..40})" --host "$here/okta"
	[ "$status" -eq 0 ]
}

@test "what people paste" {
	for t in "  $bot  " "\"$bot\"" "'$bot'" "GITLAB_TOKEN=$bot" "export GITLAB_TOKEN=\"$bot\"" \
		"PRIVATE-TOKEN: $bot" "Authorization: Bearer $bot" "Bearer $bot" "  \"token\": \"$bot\"," \
		"token: $bot" $'\xef\xbb\xbf'"$bot" "$bot"$'\r' \
		"curl -H 'PRIVATE-TOKEN: $bot' $here/gitlab/api/v4/user" \
		"curl '$here/gitlab/api/v4/user' \\"$'\n'"  -H 'Authorization: Bearer $bot' \\"$'\n'"  --compressed"; do
		leak "$t" --dry-run
		echo "$t"
		[ "$status" -eq 0 ]
		says "glpat-…ot00  would be sent to $here/gitlab only"
	done
	leak "curl -H 'PRIVATE-TOKEN: $bot' https://git.example.com/api/v4/user" --dry-run
	[ "$status" -eq 2 ]
	says "an own server; nothing was sent; name it: --host git.example.com"
	leak "curl -u ci:$ghp -H 'PRIVATE-TOKEN: $bot' https://git.example.com/" --dry-run
	[ "$status" -eq 2 ]
	says "2 values that may be secrets: give one at a time"
	leak "https://oauth2:$bot@git.example.com/a.git" --dry-run
	[ "$status" -eq 2 ]
	says "an own server; nothing was sent; name it: --host git.example.com"
	[ "$(asked "$here" gitlab)" -eq 0 ]
	[ ! -e "$CURFEW_DIR/incidents" ] || [ -z "$(ls "$CURFEW_DIR/incidents")" ]
}

@test "what is no token gets a clear word" {
	leak ""
	[ "$status" -eq 2 ]
	says "standard input is empty"
	leak "$(head -c 20000 /dev/zero | tr '\0' a)"
	[ "$status" -eq 2 ]
	says "longer"
	leak "$(head -c 80000 /dev/zero | tr '\0' a)"
	[ "$status" -eq 2 ]
	says "no token is that long"
	leak $'one\ntwo'
	[ "$status" -eq 2 ]
	says "has 2 lines: give one secret at a time"
	leak "correct horse"
	[ "$status" -eq 2 ]
	says "no service's secrets look like that"
	leak "${ghp%a}"
	[ "$status" -eq 2 ]
	says "it has 39 characters instead of 40"
	says "was all of it copied?"
	ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/id"
	leak "$(cat "$BATS_TEST_TMPDIR/id")"
	[ "$status" -eq 2 ]
	says "a private key (OPENSSH PRIVATE KEY)"
	says "ssh-keygen -lf FILE"
	leak "$(cat "$BATS_TEST_TMPDIR/id.pub")"
	[ "$status" -eq 2 ]
	says "a public key"
	leak "cfut_$(printf 'a%.0s' {1..48})"
	[ "$status" -eq 4 ]
	says "ALIVE (its value alone does not end it; nothing was sent)"
	says "curfew connect cloudflare NAME"
	leak AKIAIOSFODNN7EXAMPLE
	[ "$status" -eq 4 ]
	says "curfew connect aws NAME"
}

@test "what cannot be asked about is not called dead" {
	leak "ghr_$(printf 'a%.0s' {1..76})" --wait 1s
	[ "$status" -eq 3 ]
	says "DYING (cannot be proved: the provider has no probe for it)"
	[ "$(asked "$here" credentials/revoke)" -eq 1 ]
}

@test "two services that claim one shape: neither gets it before the person says which" {
	sed 's/^name = "slack"/name = "slick"/' "$CURFEW_PROVIDER_PATH/slack.toml" >"$CURFEW_PROVIDER_PATH/slick.toml"
	leak "$slack"
	[ "$status" -eq 2 ]
	says "--type slack/token or --type slick/token"
	[ "$(asked "$here" auth)" -eq 0 ]
	leak "$slack" --type slack
	[ "$status" -eq 0 ]
}

@test "only the host that issued it: not the definition's default, not a redirect's, not another's" {
	start_one there
	# named: the default host hears nothing
	leak "$bot" --host "$there/gitlab"
	[ "$status" -eq 0 ]
	[ "$(asked "$here" gitlab)" -eq 0 ]
	# a fixed host takes no other
	leak "$slack" --host "$there"
	[ "$status" -eq 2 ]
	says "goes to $here/slack only"
	# a service that redirects: not followed, not dead
	trouble "$here" '{"path":"*","how":"redirect","to":"'"$there"'/slack/api/auth.revoke","times":99}'
	before=$(asked "$there" slack)
	leak "$slack" --wait 1s
	[ "$status" -eq 4 ]
	says ALIVE
	[ "$(asked "$there" slack)" -eq "$before" ]
	clean "$slack"
	# a definition whose requests lead elsewhere than its host says
	sed -i "s#^default = .*#default = \"$there/slack\"#" "$CURFEW_PROVIDER_PATH/slack.toml"
	leak "$slack" --wait 1s
	[ "$status" -eq 4 ]
	says "may be asked"
	[ "$(asked "$there" slack)" -eq "$before" ]
	for h in "a b" "x@$there" "ftp://x" "http://x?y"; do
		leak "$bot" --host "$h"
		[ "$status" -eq 2 ]
	done
}

@test "a revoke that does nothing is not death; silence neither" {
	trouble "$here" '{"path":"*","how":"revoke-ignored","times":999}'
	leak "$bot" --wait 2s
	[ "$status" -eq 4 ]
	says "ALIVE (still accepted after the end was confirmed)"
	[ "$(incident | jq -r .closed)" = null ]
	trouble "$here" '{"how":"none"}'
	trouble "$here" '{"path":"*","how":"500","times":99}'
	leak "$ghp" --wait 1s
	[ "$status" -eq 4 ]
	says ALIVE
	leak "$bot" --host http://127.0.0.1:1 --wait 1s # nobody listens
	[ "$status" -eq 4 ]
	says ALIVE
}

@test "a service that never knew the value proves nothing by refusing it" {
	leak "glpat-nobodysnobodysnobodys"
	[ "$status" -eq 4 ]
	says "NOT FOUND (refused from the first"
	says "if another server issued it: --host HOST"
	says_not "DEAD"
}

@test "the secret is in no argument, environment or log; nothing is written when nothing can be" {
	trouble "$here" '{"path":"*","how":"slow","after":2,"times":2}'
	printf '%s\n' "$bot" | "$curfew" -vv kill --secret-stdin --incident "$BATS_TEST_TMPDIR/out.json" >"$BATS_TEST_TMPDIR/out" 2>&1 &
	job=$!
	sleep 1
	! grep -aqF "$bot" /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null || false
	wait "$job"
	grep -q "DEAD (proved)" "$BATS_TEST_TMPDIR/out"
	! grep -qF "$bot" "$BATS_TEST_TMPDIR/out" "$BATS_TEST_TMPDIR/out.json" || false
	# an existing file is not written over, and nothing is sent
	leak "$slack" --incident "$BATS_TEST_TMPDIR/out.json"
	[ "$status" -ne 0 ]
	says "nothing was sent"
	[ "$(asked "$here" slack)" -eq 0 ]
	# a place that takes no file does not hold the kill up
	leak "$slack" --incident "$BATS_TEST_TMPDIR/no/such/folder/x.json"
	[ "$status" -eq 5 ]
	says "DEAD (proved)"
}

@test "names need a vault; without one the rest is as it was" {
	run "$curfew" kill ci-bot
	[ "$status" -ne 0 ]
	leak "$bot" ci-bot
	[ "$status" -eq 2 ]
	says "without a vault only the secret"
	[ "$(asked "$here" gitlab)" -eq 0 ]
}

# with_vault: a vault, and a connection to the fake's GitLab as its administrator
with_vault() {
	"$curfew" init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	"$curfew" connect gitlab lab --set url="$here/gitlab" --secret-stdin \
		<<<glpat-adminadminadminadmin >/dev/null
}

@test "with a vault: a value it does not know is tried at the connection that claims it" {
	with_vault
	before=$(asked "$here" tokens/self)
	leak "$bot" --dry-run
	[ "$status" -eq 0 ]
	says "would be tried at the connection lab ($here/gitlab)"
	[ "$(asked "$here" tokens/self)" -eq "$before" ]
	leak "TOKEN='$bot'" --reason "seen in a paste"
	[ "$status" -eq 0 ]
	says "tried at the connection lab"
	says "lab/(by value)#sha256:"
	says "DEAD (proved)"
	says "all proved dead"
	clean "$bot"
	[ "$(asked "$here" tokens/self)" -ge $((before + 4)) ]
	run "$curfew" incident list
	says "seen in a paste"
	run "$curfew" audit verify
	[ "$status" -eq 0 ]
	leak "$bot" # known now
	[ "$status" -eq 0 ]
	says "proved earlier"
}

@test "with a vault: what was not ended is gone on with by resume" {
	with_vault
	trouble "$here" '{"path":"DELETE *","how":"500","times":999}'
	leak "$bot" --wait 2s
	[ "$status" -eq 4 ]
	says ALIVE
	says "curfew resume INC-"
	trouble "$here" '{"how":"none"}'
	run "$curfew" resume
	[ "$status" -eq 0 ]
	says "DEAD (proved)"
	run "$curfew" kill --secret-stdin <<<"glpat-nobodysnobodysnobodys"
	[ "$status" -eq 4 ]
	says "NOT FOUND (refused from the first"
	says_not "all proved dead"
}

@test "with a vault: a token that cannot end itself ends by its administrator; an id names its key" {
	with_vault
	local admin=cfut_0$(printf 'x%.0s' {1..47}) one=cfut_1$(printf 'x%.0s' {1..47})
	"$curfew" connect cloudflare cf --set url="$here/cloudflare" --secret-stdin <<<"$admin" >/dev/null
	leak "$one"
	[ "$status" -eq 0 ]
	says "tried at the connection cf"
	says "DEAD (proved)"
	says_not "connection lab"
	connected keys <<<'{"what":"credential","account":"bot","kind":"key","id":"AKIAIOSFODNN7EXAMPLE"}'
	"$curfew" sync keys >/dev/null
	leak AKIAIOSFODNN7EXAMPLE --dry-run
	[ "$status" -eq 0 ]
	says "keys/bot#AKIAIOSFODNN7EXAMPLE"
}

@test "with a vault: several servers of one kind, and a service without a connection" {
	with_vault
	start_one there
	"$curfew" connect gitlab other --set url="$there/gitlab" --secret-stdin \
		<<<glpat-adminadminadminadmin >/dev/null
	trouble "$there" '{"path":"*tokens/self","how":"html401","times":999}'
	leak "$bot" --host "$here"
	[ "$status" -eq 0 ]
	says "connection lab"
	says_not "connection other"
	# no connection claims it: as without a vault, and the journal knows
	before=$(asked "$there" "")
	leak "$slack"
	[ "$status" -eq 0 ]
	says "incident written to $CURFEW_DIR/incidents/"
	[ "$(asked "$there" "")" -eq "$before" ]
	run "$curfew" audit log
	says "the vault does not know was given by value"
	# locked, and no way to open it: its value alone
	mv "$BATS_TEST_TMPDIR/key" "$BATS_TEST_TMPDIR/away"
	leak "$vault" --no-vault --host "$here/hashivault"
	[ "$status" -eq 0 ]
}

# plain http leaves this machine for nobody, and a dry run tells what would be
@test "a host that is none: exit 2 before anything, dry run or not" {
	local h n=0
	for h in http://127.evil.example.com http://127.0.0.1.evil.example.com \
		http://localhost.evil.com:1 http://192.0.2.1 http://127.1 http:// https:// \
		https://https://x 'a{b}.example' http://127.0.0.1:99999 git.example.com:0 \
		user@git.example.com https://u:p@git.example.com git.example.com/.. \
		'git.example.com/a b' gıt.example.com 'git. example.com' '[::1' \
		'https://[::1%lo]' -x.example ftp://git.example.com ''; do
		echo "host: $h"
		leak "$bot" "--host=$h" --dry-run
		[ "$status" -eq 2 ]
		says "nothing was sent"
		says "a host looks like"
		says_not "would be sent"
		leak "$bot" "--host=$h" --wait 1s
		[ "$status" -eq 2 ]
		says_not "nowhere else"
		[ ! -e "$CURFEW_DIR/incidents" ]
	done
	for h in git.example.com git.example.com:8443 https://git.example.com/gitlab \
		http://localhost:1 'http://[::1]:1' 127.0.0.1 https://192.0.2.1; do
		leak "$bot" "--host=$h" --dry-run
		[ "$status" -eq 0 ]
		says "would be sent to"
	done
}

@test "what a provider says on the way takes no place of what came of it" {
	local little="prlimit --memlock=0:0" # it will warn of that
	[ "$(id -u)" -ne 0 ] ||
		little+=" setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock"
	# shellcheck disable=SC2086 # words
	run $little "$curfew" kill --secret-stdin --set nothing=1 < <(printf '%s\n' "$bot")
	echo "$output"
	[ "$status" -eq 2 ]
	says "its last words: "
	says "nothing was sent"
}

@test "a wrong --set: exit 2 before the line, and no name of curfew's own is offered" {
	local s
	for s in nothing=1 timeout=never timeout=1h only=http://127.0.0.1:1 standalone=no \
		ca_file="$BATS_TEST_TMPDIR/nonexistent" novalue; do
		leak "$bot" --set "$s"
		echo "set: $s"
		[ "$status" -eq 2 ]
		says "nothing was sent"
		says_not "nowhere else"
		says_not "standalone,"
		leak "$bot" --set "$s" --dry-run
		[ "$status" -eq 2 ]
	done
	[ "$(asked "$here" gitlab)" -eq 0 ]
	[ ! -e "$CURFEW_DIR/incidents" ] || [ -z "$(ls "$CURFEW_DIR/incidents")" ]
	leak "$bot" --set nothing=1
	says "url, proxy, ca_file, client_cert, client_key, timeout, read_back;"
	says_not "only"
}

@test "where nobody listens nothing was sent, and the record says so" {
	leak "$bot" --host http://127.0.0.1:1 --wait 1s
	[ "$status" -eq 4 ]
	says "nothing was sent: http://127.0.0.1:1 could not be reached"
	[ "$(incident | jq -r '.sent_only_to')" = null ]
	[ "$(incident | jq -r '.not_reached')" = http://127.0.0.1:1 ]
	rm "$CURFEW_DIR"/incidents/*
	leak "$bot" --host https://nobody.invalid --wait 1s
	[ "$status" -eq 4 ]
	[ "$(incident | jq -r '.sent_only_to')" = null ]
	rm "$CURFEW_DIR"/incidents/*
	trouble "$here" '{"path":"*","how":"500","times":99}'
	leak "$bot" --wait 1s
	[ "$(incident | jq -r '.sent_only_to')" = "$here/gitlab" ]
	says_not "nothing was sent"
}

@test "a service's control characters are shown escaped, once" {
	trouble "$here" '{"path":"DELETE *","how":"says","status":500,"body":"{\"message\":\"\\u001b[2Jgone\"}","times":99}'
	leak "$bot" --wait 1s
	[ "$status" -eq 4 ]
	[[ $output != *$'\e'* ]]
	run "$curfew" incident show "$CURFEW_DIR"/incidents/*.json
	says '\x1b[2Jgone'
	says_not '\\x1b'
}
