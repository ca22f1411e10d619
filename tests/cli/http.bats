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
