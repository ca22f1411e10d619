#!/usr/bin/env bats
# Definitions: mistakes are told with their place, requests shown, nothing sent.

load agent.bash

setup() {
	curfew=$CURFEW_BUILD/curfew
	export CURFEW_PROVIDER_PATH=$BATS_TEST_TMPDIR/providers
	export CURFEW_DIR=$BATS_TEST_TMPDIR/vault
	mkdir -p "$CURFEW_PROVIDER_PATH"
	chmod 755 "$BATS_TEST_TMPDIR" "$CURFEW_PROVIDER_PATH"
	cp "$CURFEW_BUILD/curfew-provider-http" "$CURFEW_PROVIDER_PATH/"
	good=$BATS_TEST_TMPDIR/good.toml
	sed -n '/^```toml$/,/^```$/p' "$BATS_TEST_DIRNAME/../../docs/http-definitions.md" |
		sed '/^```/d' >"$good"
}

# wrong SED-SCRIPT LINE:COL-or-LINE TEXT
wrong() {
	sed "$1" "$good" >"$BATS_TEST_TMPDIR/bad.toml"
	run "$curfew" provider check "$BATS_TEST_TMPDIR/bad.toml"
	[ "$status" -eq 2 ]
	says "bad.toml:$2"
	says "$3"
}

@test "the page's definition is right" {
	run "$curfew" provider check "$good"
	[ "$status" -eq 0 ]
	says "right definition of 'wiki'"
}

@test "a mistake is told with file, line, column and what was expected" {
	line() { grep -n "$1" "$good" | head -1 | cut -d: -f1; }
	wrong 's/^message = /mesage = /' "$(line '^message'):" "did you mean 'message'"
	wrong 's/^language = 1/language = 2/' 1:12: "language 1"
	wrong 's/kind = "header"/kind = "heeder"/' "$(line 'kind = "header"'):8:" "one of header, basic"
	wrong 's/^secret = "required"/secret = 1/' "$(line '^secret = '):10:" "one of required"
	wrong 's/{item\/name}/{itm\/name}/' "$(line 'item/name'):11:" "nothing is named 'itm/name'"
	wrong 's/value = "Key {admin}"/value = "Key {admin"/' "$(line 'Key {admin}'):9:" "without its '}'"
	wrong 's/{up\/name}/{up\/name|upper}/' "$(line 'up/name'):11:" "no function 'upper'"
	wrong 's/path = "\/me"/path = "\/me?k={secret}"/' "$(line '"/me"'):8:" "may not stand in a URL"
	wrong 's/as = "subject"/as = "subjekt"/' "$(line 'as = "subject"'):6:" "no [auth.subjekt]"
	wrong 's/each = "robots"/each = "robot"/' "$(line '^each'):8:" "no [[list]] above"
	wrong 's/is = "dead"/is = "ded"/' "$(line 'is = "dead"'):" "one of alive, dead"
	wrong 's/status = 204/status = 2040/' "$(line 'status = 204'):" "100 to 599"
	wrong 's/^items = ""/items = "x"/' "$(line '^items = ""'):9:" "begins with '/'"
	wrong 's/^title = .*//' "$(line '^name = "wiki"' | awk '{print $1 - 1}'):" "'title' is missing"
	wrong 's/^times = "epoch"/times = "epok"/' "$(line '^times'):9:" "one of rfc3339"
	wrong 's/^base = .*/base = /' "$(line '^base'):" ""
}

@test "try prints the request, secrets blanked, and sends nothing" {
	run "$curfew" provider try "$good" revoke kind=key credential=a/b url=http://127.0.0.1:1
	[ "$status" -eq 0 ]
	says "DELETE http://127.0.0.1:1/keys/a%2Fb"
	says "Authorization: Key [secret]"
	run "$curfew" provider try "$good" probe
	says "GET <option.url>/me"
	run "$curfew" provider try "$good" freeze
	[ "$status" -eq 2 ]
}

@test "more parameters than there is room for are refused, 64 are sent" {
	many() { # how many
		awk -v n="$1" '{ print } /path = "\/me"/ && !done {
			done = 1; printf "query = {"
			for (i = 1; i <= n; i++) printf "%sp%d = \"x\"", (i > 1 ? ", " : " "), i
			print " }" }' "$good" >"$BATS_TEST_TMPDIR/many.toml"
	}
	many 64
	run "$curfew" provider try "$BATS_TEST_TMPDIR/many.toml" probe
	[ "$status" -eq 0 ]
	says "p64=x"
	many 65
	run "$curfew" provider try "$BATS_TEST_TMPDIR/many.toml" probe
	[ "$status" -ne 0 ]
	[ "$status" -lt 128 ]
	says "more than 64 parameters"
}

@test "a definition in the provider path is a type; one that others may write is not used" {
	cp "$good" "$CURFEW_PROVIDER_PATH/wiki.toml"
	run "$curfew" provider list
	says wiki
	run "$curfew" provider check wiki
	[ "$status" -eq 0 ]
	says "where the wiki is"
	chmod 666 "$CURFEW_PROVIDER_PATH/wiki.toml"
	run "$curfew" provider check wiki
	[ "$status" -ne 0 ]
	says "another user owns or can change this definition"
}

@test "forty more kinds of mistakes, each with its line and what was expected" {
	line() { grep -n -- "$1" "$good" | head -1 | cut -d: -f1; }
	# a name, a value, a table that nobody knows
	wrong 's/^\[facts.key\]/[fact.key]/' "$(line '^.facts.key')" "did you mean 'facts'"
	wrong 's/^\[\[revoke\]\]/[[revok]]/' "$(line '^..revoke')" "did you mean 'revoke'"
	wrong 's/^\[service\]/[[service]]/' "$(line '^.service')" "'service' takes a table"
	wrong 's/^\[\[revoke\]\]/[revoke]/' "$(line '^..revoke')" "an array of tables"
	wrong 's/^revoke_cuts_sessions = true/revoke_cuts_sessions = "yes"/' "$(line '^revoke_cuts')" "true or false"
	wrong 's/^revoke_cuts_sessions = true/rate_per_s = -1/' "$(line '^revoke_cuts')" "a number from 0"
	wrong 's/^secret_from = "provider"/secret_from = "us"/' "$(line '^secret_from')" "one of caller, provider, none"
	wrong 's/^what = "account"/what = "acount"/' "$(line '^what = "account"')" "one of account, credential"
	wrong 's/^required = true/required = 1/' "$(line '^required')" "true or false"
	wrong 's/^name = "wiki"/name = "our wiki"/' "$(line '^name = "wiki"')" "a name (letters"
	wrong 's/^method = "DELETE"/method = "delete"/' "$(line '^method')" "one of GET, POST"
	# what cannot be asked for
	wrong 's/^path = "\/me"/path = "me"/' "$(line '^path = "/me"')" "'path' begins with '/'"
	wrong 's/^base = .*/base = "ftp:\/\/x"/' "$(line '^base')" "https://"
	wrong '/^method = "DELETE"/s/$/\njson = { a = 1 }\nform = { b = "2" }/' "$(($(line '^method = "DELETE"') + 2))" "one body"
	wrong 's/^path = "\/me"/&\njson = { a = 1 }/' "$(($(line '^path = "/me"') + 1))" "a GET has no body"
	wrong 's/^path = "\/me"/&\njson_set = { a = 1 }/' "$(($(line '^path = "/me"') + 1))" "needs a 'json_base'"
	wrong 's/^path = "\/me"/&\nheaders = { "X Y" = "1" }/' "$(($(line '^path = "/me"') + 1))" "no header"
	wrong 's/^path = "\/me"//' "$(($(line '^path = "/me"') - 3))" "'path' is missing"
	wrong 's/^header = "Authorization"$//' "$(line '^.auth.admin')" "needs 'header'"
	wrong 's/^kind = "header"$/kind = "sigv4"/' "$(line '^.auth.admin')" "needs 'service'"
	# tests that test nothing, or too little
	wrong 's/at = "\/error", equals = "no such key", is = "dead"/is = "dead"/' "$(line 'is = "dead"')" "by the status alone"
	wrong 's/status = 401, at = "\/error", equals = "no such key", is = "dead"/is = "alive"/' "$(line 'is = "dead"')" "needs a test"
	wrong 's/at = "\/error", equals = "no such key", is = "dead"/equals = "no such key", is = "dead"/' "$(line 'is = "dead"')" "needs an 'at'"
	wrong 's/at = "\/name", exists = true/at = "\/name"/' "$(line 'exists = true')" "needs a test beside it"
	wrong 's/at = "\/name", exists = true/picked = true/' "$(line 'exists = true')" "needs a 'pick'"
	wrong 's/at = "\/name", exists = true/at = "\/name", header = "X", exists = true/' "$(line 'exists = true')" "one place"
	wrong 's/status = 200, at = "\/name"/status = "20x", at = "\/name"/' "$(line 'exists = true')" "100 to 599"
	wrong 's/at = "\/name", exists = true/not = [ { equals = "x" } ], at = "\/name", exists = true/' "$(line 'exists = true')" "needs an 'at'"
	# names without a value where they stand
	wrong 's,^path = "/keys/{credential}",path = "/keys/{item/id}",' "$(line '^path = "/keys')" "in [[list]] only"
	wrong 's,^path = "/keys/{credential}",path = "/keys/{step.x/id}",' "$(line '^path = "/keys')" "no step here has saved"
	wrong 's,^path = "/keys/{credential}",path = "/keys/{doc/id}",' "$(line '^path = "/keys')" "the answer"
	wrong 's,^path = "/keys/{credential}",path = "/keys/{snapshot/kept}",' "$(line '^path = "/keys')" "[[restore]] only"
	wrong 's,^path = "/robots",path = "/robots/{up/name}",' "$(line '^path = "/robots"')" "hangs on another"
	wrong 's,{option.url},{option.host},' "$(line '^base')" "nothing is named 'option.host'"
	wrong 's,Key {admin},Key {admin.id},' "$(line 'Key {admin}')" "nothing is named 'admin.id'"
	wrong 's,Key {secret},Key {secret|sealed_box},' "$(line 'Key {secret}')" "needs a 'seal_to'"
	wrong 's,Key {secret},Key {token},' "$(line 'Key {secret}')" "jwt or exchange"
	# lists and pages
	wrong 's/paging = { kind = "next", at = "\/next" }/paging = { kind = "next" }/' "$(line '^paging')" "needs 'at'"
	wrong 's/paging = { kind = "next", at = "\/next" }/paging = { kind = "cursor", at = "\/c" }/' "$(line '^paging')" "needs 'param'"
	wrong 's/^id = .*//' "$(line '^each' | awk '{print $1 - 1}')" "needs 'kind' and 'id'"
	wrong 's/^created = /state_map = { on = "live" }\ncreated = /' "$(line '^created')" "active, disabled or expired"
	wrong 's/^created = /if_option = "nothing"\ncreated = /' "$(line '^created')" "no [option.nothing]"
	# kinds, and what is given
	wrong '/^\[\[revoke\]\]/,$s/^kind = "key"/kind = "kee"/' "$(($(line '^..revoke') + 1))" "did you mean 'key'"
	wrong '/^\[\[revoke\]\]/s/$/\ngive = { id = "x" }/' "$(($(line '^..revoke') + 1))" "'give' takes credential"
	wrong 's/^secret = "required"/secret = "none"/' "$(line '^secret = ')" "signs in with it"
	# TOML itself
	wrong 's/^help = "where the wiki is"/help = where/' "$(line 'where the wiki')" ""
	wrong '/^language/s/$/\nlanguage = 1/' 2 ""
}

# rule TEXT: the wiki's rule for "dead" replaced
rule() { wrong "s|{ status = 401, at = ./error., equals = .no such key., is = .dead. }|$1|" "$(grep -n 'status = 401' "$good" | cut -d: -f1):" "$2"; }

@test "no definition can call dead what any answer could be" {
	rule '{ at = "/error", exists = false, is = "dead" }' "any answer has or lacks"
	rule '{ status = 401, at = "/error", exists = true, is = "dead" }' "any answer has"
	rule '{ status = 401, at = "/error", matches = "*", is = "dead" }' "any answer has"
	rule '{ status = 401, at = "/error", equals = "", is = "dead" }' "any answer has"
	rule '{ status = 401, at = "/error", in = ["x", ""], is = "dead" }' "any answer has"
	rule '{ status = 401, header = "Content-Length", exists = true, is = "dead" }' "any answer has"
	rule '{ status = 401, header = "content-type", matches = "*json*", is = "dead" }' "any answer has"
	rule '{ status = 401, header = "X-Wiki", exists = true, is = "dead" }' "any answer has"
	rule '{ status = 401, not = { at = "/name", equals = "x" }, is = "dead" }' "any answer has"
	rule '{ status = 401, any = [ { at = "/error", equals = "no" }, { at = "/x", exists = false } ], is = "dead" }' "any answer has"
	rule '{ status = [401, 503], at = "/error", equals = "no such key", is = "dead" }' "5xx never do"
	rule '{ status = 429, at = "/error", equals = "no such key", is = "dead" }' "5xx never do"
	rule '{ status = "3xx", at = "/error", equals = "no such key", is = "dead" }' "5xx never do"
	for r in '{ at = "/error", equals = "no such key", is = "dead" }' \
		'{ status = 401, header = "WWW-Authenticate", contains = "invalid_token", is = "dead" }' \
		'{ status = 200, at = "/ended_at", exists = true, is = "dead" }' \
		'{ status = 401, all = [ { at = "/a", exists = true }, { at = "/b", contains = "gone" } ], is = "dead" }'; do
		sed "s|{ status = 401, at = ./error., equals = .no such key., is = .dead. }|$r|" "$good" >"$BATS_TEST_TMPDIR/fine.toml"
		run "$curfew" provider check "$BATS_TEST_TMPDIR/fine.toml"
		[ "$status" -eq 0 ]
	done
}

@test "no definition can put a line, a blank step or a step upwards into what is sent" {
	line() { grep -n -- "$1" "$good" | head -1 | cut -d: -f1; }
	wrong 's/value = "Key {admin}"/value = "Key {admin}\\r\\nX-Evil: 1"/' "$(line 'Key {admin}'):9:" "control characters"
	wrong 's/^header = "Authorization"$/header = "Auth\\nX-Evil"/' "$(line '^header'):10:" "control characters"
	wrong 's/^path = "\/me"/&\nheaders = { "X-A" = "1\\r\\nX-Evil: 1" }/' "$(($(line '^path = "/me"') + 1)):" "control characters"
	wrong 's/^path = "\/me"/&\nheaders = { "X-A\\r\\nX-Evil" = "1" }/' "$(($(line '^path = "/me"') + 1)):" "no header"
	wrong 's/^path = "\/me"/path = "\/me HTTP\/1.1\\r\\nX: y"/' "$(line '^path = "/me"'):8:" "control characters"
	wrong 's/^path = "\/me"/path = "\/a\/..\/me"/' "$(line '^path = "/me"'):8:" "a step to another place"
	wrong 's/^path = "\/me"/path = "\/a\/%2E.\/me"/' "$(line '^path = "/me"'):8:" "a step to another place"
	wrong 's/^path = "\/me"/path = "\/me\/.."/' "$(line '^path = "/me"'):8:" "a step to another place"
	wrong 's/^title = "Our wiki"/title = "\\u001b[2J"/' "$(line '^title'):9:" "control characters"
}

@test "http is for this machine alone" {
	cp "$good" "$CURFEW_PROVIDER_PATH/wiki.toml"
	"$curfew" init --generate-key-file "$BATS_TEST_TMPDIR/key" >/dev/null
	for u in http://127.evil.com http://127.0.0.1.evil.com:1; do
		run "$curfew" connect wiki w --set url="$u" --secret-stdin <<<"x"
		[ "$status" -ne 0 ]
		says "only https is spoken to other machines"
	done
}

@test "what is no file of a definition: exit 2, and in curfew's name" {
	ln -s "$good" "$BATS_TEST_TMPDIR/link.toml"
	head -c 2000000 /dev/zero | tr '\0' '#' >"$BATS_TEST_TMPDIR/big.toml"
	for f in "$BATS_TEST_TMPDIR/" "$BATS_TEST_TMPDIR/big.toml" /dev/null "$BATS_TEST_TMPDIR/none.toml"; do
		run "$curfew" provider check "$f"
		echo "$f: $status $output"
		[ "$status" -eq 2 ]
		says "curfew: cannot read the definition"
	done
	sed 's/^language = 1/language = 2/' "$good" >"$BATS_TEST_TMPDIR/bad.toml"
	run "$curfew" provider check "$BATS_TEST_TMPDIR/bad.toml"
	[ "$status" -eq 2 ]
	says "curfew: cannot read the definition"
	run "$curfew" provider check "$BATS_TEST_TMPDIR/bad.toml" --json
	[ "$status" -eq 2 ]
	[ "$(jq -r .ok <<<"$output")" = false ]
	[[ $(jq -r .error <<<"$output") == *bad.toml:1:12* ]]
	run "$curfew" provider try "$good" probe kind=key url=http://127.0.0.1:1 --json
	[ "$status" -eq 0 ]
	[[ $(jq -r .said <<<"$output") == *"GET http://127.0.0.1:1/me"* ]]
}
