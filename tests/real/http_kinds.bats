#!/usr/bin/env bats
# The language itself: every way to sign in, every way to turn a page, against
# a service that takes exactly that; a definition of one's own; slow rates.

bats_require_minimum_version 1.5.0

setup() {
	load provider
	load http
	start_fake
	key="user:pa:ss wört"
}

teardown() {
	provider_stop
	stop_fake
}

# kinds: a definition with the tables on standard input
kinds() {
	DEFINITION=$BATS_TEST_TMPDIR/kinds.toml
	{
		cat <<-'END'
			language = 1
			[service]
			name = "kinds"
			title = "Kinds"
			base = "{option.url}"
			[option.url]
			required = true
			help = "where"
			[facts.key]
			secret_from = "provider"
		END
		cat
	} >"$DEFINITION"
}

signing() { # NAME TOML-OF-AUTH: alive with the right key, dead with a wrong one
	kinds <<-END
		[admin]
		secret = "none"
		$2
		[[probe]]
		kind = "key"
		as = "subject"
		method = "POST"
		path = "/who/$1"
		json = { a = 1 }
		rules = [
			{ status = 200, at = "/me", equals = "user", is = "alive" },
			{ status = 401, at = "/error", equals = "bad key", is = "dead" },
		]
	END
	open_service kinds ""
	expect .status ok
	on probe user key k "$key"
	life alive
	on probe user key k "user:wrong"
	[ "${3:-dead}" = unknown ] || life dead refusal
	run ! grep -qF "pa:ss" "$PROVIDER_LOG"
	provider_stop
}

@test "signing in: header, basic, digest" {
	signing header '[auth.subject]
kind = "header"
header = "X-Key"
value = "{secret}"'
	signing basic '[auth.subject]
kind = "basic"
user = "user"
password = "pa:ss wört"' unknown
	# the password is the secret
	key="pa:ss wört"
	signing basic '[auth.subject]
kind = "basic"
user = "user"
password = "{secret}"'
	signing digest '[auth.subject]
kind = "digest"
user = "user"
password = "{secret}"'
	# nothing of the password went over the wire as it is
	[ "$(fake '{"how":"noop"}' | jq -r '[.log[].headers.authorization//""|select(startswith("Digest"))]|length')" -ge 2 ]
	run ! grep -q "Digest.*pa:ss" <<<"$(fake '{"how":"noop"}')"
}

@test "signing in: a token fetched with basic, kept, and fetched anew when it ended" {
	kinds <<-'END'
		[admin]
		secret = "required"
		parts = ["user", "password"]
		[auth.client]
		kind = "basic"
		user = "{admin.user}"
		password = "{admin.password}"
		[auth.admin]
		kind = "exchange"
		with = "client"
		path = "/token"
		form = { grant_type = "client_credentials", scope = "a b" }
		token = "/access_token"
		expires_in = "/expires_in"
		value = "Token {token}"
		[[probe]]
		kind = "key"
		method = "POST"
		path = "/who/oauth"
		rules = [ { status = 200, at = "/me", equals = "user", is = "alive" } ]
	END
	open_service kinds "$key"
	for _ in 1 2 3; do
		on probe user key k
		life alive
	done
	[ "$(fake '{"how":"state","of":"kinds"}' | jq .state.fetched)" -eq 1 ]
	fake '{"how":"401","path":"*/who/oauth"}' >/dev/null
	on probe user key k
	life alive
	[ "$(fake '{"how":"state","of":"kinds"}' | jq .state.fetched)" -eq 2 ]
	provider_stop
	open_service kinds "user:wrong"
	on probe user key k
	[ "$(got .life)" != dead ] && [ "$(got .life)" != alive ]
	[[ $(got '.error//.evidence') == *"no token was given"* ]]
}

@test "pages: link, next, cursor with and without more, numbers, the last item" {
	local kind spec
	while read -r kind spec; do
		local items=/items
		[ "$kind" != link ] || items=
		kinds <<-END
			[admin]
			secret = "none"
			[[list]]
			what = "credential"
			kind = "key"
			path = "/page/$kind"
			items = "$items"
			paging = { $spec }
			account = "{item/name}"
			id = "{item/id}"
		END
		open_service kinds ""
		ask list
		expect .complete true
		[ "$(item .id | jq -r .id | xargs)" = "i00 i01 i02 i03 i04 i05 i06" ] || {
			echo "$kind: $(item .id)"
			false
		}
		# a service that does not know the parameter: never whole
		fake '{"how":"same-page","times":50}' >/dev/null
		if [ "$kind" != next ]; then
			ask list
			[ "$(got .complete)" = null ] || {
				echo "$kind, the same page: $ANSWER"
				false
			}
		fi
		fake '{"how":"none"}' >/dev/null
		provider_stop
	done <<-'END'
		link kind = "link"
		next kind = "next", at = "/next"
		cursor kind = "cursor", at = "/cursor", param = "cursor"
		more kind = "cursor", at = "/cursor", param = "cursor", more = "/more"
		total kind = "page", param = "page", total_pages = "/pages"
		short kind = "page", param = "page", first = 0, size = 3, size_param = "per"
		last kind = "last", at = "/id", param = "after", size = 3, size_param = "per"
	END
}

@test "a definition of one's own: --set definition=/path, and no other may change it" {
	load ../cli/agent
	agent_setup
	cp "$CURFEW_BUILD/curfew-provider-http" "$CURFEW_PROVIDER_PATH/"
	mkdir -m 700 "$BATS_TEST_TMPDIR/own"
	sed -n '/^```toml$/,/^```$/p' "$BATS_TEST_DIRNAME/../../docs/http-definitions.md" |
		sed '/^```/d' >"$BATS_TEST_TMPDIR/own/wiki.toml"
	run "$curfew" connect http mine --set "definition=$BATS_TEST_TMPDIR/own/wiki.toml" \
		--set "url=$FAKE/wiki" --secret-stdin <<<wiki-admin-key-0000
	echo "$output"
	[ "$status" -eq 0 ]
	"$curfew" sync mine
	run "$curfew" kill --yes mine/robot-1
	echo "$output"
	[ "$status" -eq 0 ]
	says DEAD
	chmod 666 "$BATS_TEST_TMPDIR/own/wiki.toml"
	run "$curfew" sync mine
	[ "$status" -ne 0 ]
	says "lets others change it"
}

@test "half a request a second is one in two seconds" {
	load ../cli/agent
	agent_setup
	cp "$CURFEW_BUILD/curfew-provider-http" "$CURFEW_PROVIDER_PATH/"
	sed -n '/^```toml$/,/^```$/p' "$BATS_TEST_DIRNAME/../../docs/http-definitions.md" |
		sed '/^```/d; s/^secret_from = "provider"/&\nrate_per_s = 0.5/' >"$CURFEW_PROVIDER_PATH/wiki.toml"
	chmod 644 "$CURFEW_PROVIDER_PATH/wiki.toml"
	run "$curfew" connect wiki slow --set "url=$FAKE/wiki" --secret-stdin <<<wiki-admin-key-0000
	[ "$status" -eq 0 ]
	"$curfew" sync slow
	fake '{"how":"forget"}' >/dev/null
	local from=${EPOCHREALTIME/./}
	"$curfew" kill --yes --wait 15s slow/robot-1 || true
	local ms=$(((${EPOCHREALTIME/./} - from) / 1000))
	# a list is one request to the core, so revokes and probes are counted
	n=$(fake '{"how":"noop"}' | jq '[.log[]|select(.url|test("/keys/k"))]|length')
	echo "$n calls to keys in $ms ms at 0.5 a second"
	[ "$n" -ge 1 ] && [ $(((n - 1) * 2000)) -le "$ms" ]
}
