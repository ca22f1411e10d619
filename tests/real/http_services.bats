#!/usr/bin/env bats
# Each definition and verb against a fake that enforces what the documents say.

bats_require_minimum_version 1.5.0

setup() {
	load provider
	load http
	if [[ $BATS_TEST_DESCRIPTION == github* ]]; then
		openssl genrsa -out "$BATS_TEST_TMPDIR/app.pem" 2048 2>/dev/null
		openssl rsa -in "$BATS_TEST_TMPDIR/app.pem" -pubout -out "$BATS_TEST_TMPDIR/app.pub" 2>/dev/null
		export FAKE_GITHUB_KEY=$BATS_TEST_TMPDIR/app.pub
	fi
	if [[ $BATS_TEST_DESCRIPTION == gcp* ]]; then
		export FAKE_GCP=$BATS_TEST_TMPDIR
		for k in admin ci; do
			openssl genpkey -algorithm RSA -out "$FAKE_GCP/$k.pem" 2>/dev/null
		done
	fi
	start_fake
}

teardown() {
	provider_stop
	stop_fake
}

ignored() { # what follows is answered with a yes and not done
	fake '{"path":"*","how":"revoke-ignored","times":9}' >/dev/null
}

obeyed() {
	fake '{"how":"none"}' >/dev/null
}

urls() {
	fake '{"how":"noop"}' | jq -r '.log[]|.method+" "+.url'
}

@test "every shipped definition is right, and says what a mistake is" {
	for f in "$DEFS"/*.toml; do
		"$CURFEW_BUILD/curfew-provider-http" --check "$f"
	done
}

@test "slack: 200 always, the body tells" {
	local bot=xoxb-100000000-bot0bot0bot0bot0
	open_service slack xoxp-admin-0000000000-000000000000
	ask list
	expect .complete true
	[ "$(item '.what=="account"' | wc -l)" -eq 5 ]
	[ "$(item '.state=="disabled"' | jq -r .account)" = bot4 ]
	ask probe kind token secret "$bot"
	life alive
	ask probe kind token secret xoxb-100000000-gone0gone0gone0
	life dead refusal
	ask probe kind token secret xoxb-100000000-nobody
	life unknown
	ignored
	ask revoke_value kind token secret "$bot"
	[ "$(got .status)" = unknown ]
	obeyed
	ask revoke_value kind token secret "$bot"
	expect .status ok
	ask probe kind token secret "$bot"
	life dead refusal
	ask revoke_value kind token secret "$bot"
	expect .status absent
	ask cut_sessions account bot3
	expect .status ok
	[[ $(urls) == *"admin.users.session.reset"* ]]
	ask cut_sessions account nobody
	[ "$(got .status)" != ok ]
}

@test "okta: tokens, app secrets (two at most, only inactive ones go), users" {
	local admin b c
	admin=00$(printf 'A%.0s' {1..40}) b=00$(printf 'b%.0s' {1..40}) c=00$(printf 'c%.0s' {1..40})
	open_service okta "$admin" app app1
	ask list
	expect .complete true
	[ "$(item '.kind=="api_token"' | wc -l)" -eq 3 ]
	[ "$(item '.kind=="app_secret" and .state=="disabled"' | jq -r .id)" = s2 ]
	[ "$(item '.what=="account"' | wc -l)" -eq 5 ]
	on probe u1 api_token 00T1 "$b"
	life alive
	ignored
	on revoke u1 api_token 00T1
	on probe u1 api_token 00T1 "$b"
	life alive
	obeyed
	on revoke u1 api_token 00T1
	expect .status ok
	on probe u1 api_token 00T1 "$b"
	life dead refusal
	on probe u1 api_token 00T1
	life dead record
	on revoke u1 api_token 00T1
	expect .status absent
	ask revoke_value kind api_token secret "$c"
	expect .status ok
	ask probe kind api_token secret "$c"
	life dead refusal
	ask mint account "app app1" kind app_secret
	expect .status refused
	on disable "app app1" app_secret s1
	expect .status ok
	on probe "app app1" app_secret s1
	life dead record
	on enable "app app1" app_secret s1
	on probe "app app1" app_secret s1
	life alive
	on revoke "app app1" app_secret s1
	expect .status ok
	on probe "app app1" app_secret s1
	life dead record
	on revoke "app app1" app_secret s1
	expect .status absent
	ask mint account "app app1" kind app_secret
	expect .secret new-app-secret-0000
	ask disable account user1@example.com
	expect .status ok
	ask probe account user1@example.com
	life dead record
	ask enable account user1@example.com
	ask probe account user1@example.com
	life alive
	ask probe account nobody@example.com
	life unknown
	ask cut_sessions account user1@example.com
	expect .status ok
}

@test "cloudflare: pages, the whole object written back, dead by refusal" {
	local admin one
	admin=cfut_0$(printf 'x%.0s' {1..47}) one=cfut_1$(printf 'x%.0s' {1..47})
	open_service cloudflare "$admin"
	ask list
	expect .complete true
	[ "$(item .id | wc -l)" -eq 5 ]
	[ "$(item .self | jq -r .id)" = tok0 ]
	on probe user token tok1 "$one"
	life alive
	on disable user token tok1
	expect .status ok
	on probe user token tok1 "$one"
	life dead refusal
	on probe user token tok1
	life dead record
	on enable user token tok1
	expect .status ok
	on probe user token tok1 "$one"
	life alive
	ignored
	on revoke user token tok1
	on probe user token tok1 "$one"
	life alive
	obeyed
	on revoke user token tok1
	expect .status ok
	on probe user token tok1 "$one"
	life dead refusal
	on probe user token tok1
	life unknown # a 404 is no proof
}

@test "hashivault: accessors, LIST, itself by value, AppRole secret ids" {
	local ci=hvs.ci000000000000000000000 dev=hvs.dev000000000000000000000
	open_service hashivault hvs.admin000000000000000000000 role ci
	ask list
	expect .complete true
	[ "$(item '.kind=="token"' | wc -l)" -eq 3 ]
	[ "$(item .self | jq -r .id)" = acc-admin ]
	[ "$(item '.id=="acc-ci"' | jq -r .created)" = 2026-01-01T00:00:00Z ]
	[ "$(item '.kind=="secret_id"' | wc -l)" -eq 2 ]
	on probe ci token acc-ci "$ci"
	life alive
	ignored
	on revoke ci token acc-ci
	on probe ci token acc-ci "$ci"
	life alive
	obeyed
	on revoke ci token acc-ci
	expect .status ok
	on probe ci token acc-ci "$ci"
	life dead refusal
	on probe ci token acc-ci
	life dead record
	on revoke ci token acc-ci
	expect .status absent
	ask revoke_value kind token secret "$dev"
	expect .status ok
	ask revoke_value kind token secret "$dev"
	expect .status absent
	on probe "approle ci" secret_id sid-1
	life alive
	on revoke "approle ci" secret_id sid-1
	expect .status ok
	on probe "approle ci" secret_id sid-1
	life dead record
	ask mint account "approle ci" kind secret_id
	expect .secret the-new-secret-id
	expect .credential sid-new
}

@test "github: an App's signed token, organisation tokens, by value for anybody" {
	local pat ghp ghs
	ghp=ghp_$(printf 'a%.0s' {1..36}) pat=github_pat_$(printf 'b%.0s' {1..82})
	ghs=ghs_self0$(printf 'c%.0s' {1..32})
	open_service github "$(cat "$BATS_TEST_TMPDIR/app.pem")" app 4711 installation 22 org acme repo app
	expect .status ok
	ask list
	expect .complete true
	[ "$(item '.kind=="fine_grained_token"' | wc -l)" -eq 5 ]
	[ "$(item '.kind=="deploy_key"' | jq -r '.account+" "+.id')" = "dev app/7" ]
	[ "$(item .self | jq -r .kind)" = installation ]
	# one token was fetched for all of it
	[ "$(urls | grep -c access_tokens)" -eq 1 ]
	on probe dev fine_grained_token 1001
	life alive
	on revoke dev fine_grained_token 1001
	expect .status ok
	on probe dev fine_grained_token 1001
	life unknown
	on snapshot dev deploy_key app/7
	kept=$(got .snapshot)
	on revoke dev deploy_key app/7
	expect .status ok
	on probe dev deploy_key app/7
	life dead record
	ask_json "$(jq -nc --argjson s "$kept" '{verb: "restore", account: "dev", kind: "deploy_key", credential: "app/7", snapshot: $s}')"
	expect .status ok
	expect .credential app/77
	on probe dev deploy_key app/77
	life alive
	on disable "app curfew" installation 22
	expect .status ok
	on probe "app curfew" installation 22
	life dead record
	on enable "app curfew" installation 22
	on probe "app curfew" installation 22
	life alive
	provider_stop
	open_service github "" standalone yes
	expect .status ok
	ask probe kind token secret "$ghp"
	life alive
	ignored
	ask revoke_value kind token secret "$ghp"
	expect .status ok
	ask probe kind token secret "$ghp"
	life alive
	obeyed
	for v in "$ghp" "$pat"; do
		ask revoke_value kind token secret "$v"
		expect .status ok
		ask probe kind token secret "$v"
		life dead refusal
	done
	ask revoke_value kind installation_token secret "$ghs"
	expect .status ok
	ask probe kind installation_token secret "$ghs"
	life dead refusal
}

@test "github: an organisation's secret, sealed to its key, opened by libsodium" {
	local new=ghs_$(printf 'n%.0s' {1..36})
	open_service github "$(cat "$BATS_TEST_TMPDIR/app.pem")" app 4711 installation 22 org acme secrets yes sso yes repo "*"
	expect .status ok
	ask list
	expect .complete true
	[ "$(item '.kind=="org_secret"' | jq -r .id | sort | xargs)" = "CHOSEN DEPLOY" ]
	[ "$(item '.kind=="deploy_key"' | jq -r .id | sort | xargs)" = "app/7 web/8" ]
	[ "$(item '.kind=="sso_authorization"' | jq -r .id)" = 61 ]
	on deliver "organisation acme" org_secret DEPLOY "$new"
	expect .status ok
	[ "$(fake '{"how":"state","of":"github"}' | jq -r .state.secrets.DEPLOY.value)" = "$new" ]
	run ! grep -qF "$new" <<<"$(fake '{"how":"noop"}' | jq -c .log)"
	on deliver "organisation acme" org_secret CHOSEN "$new"
	expect .status refused
	[[ $(got .error) == *"chosen repositories"* ]]
	on deliver "organisation acme" org_secret NOT_THERE "$new"
	expect .status refused
	on revoke "organisation acme" org_secret DEPLOY
	expect .status ok
	on probe "organisation acme" org_secret DEPLOY
	life dead record
	on revoke dev sso_authorization 61
	expect .status ok
	on probe dev sso_authorization 61
	life dead record
	ask mint account "app curfew" kind installation_token
	expect .status ok
	[[ $(got .secret) == ghs_issued* ]]
}

@test "github: a wrong key signs nobody in" {
	openssl genrsa -out "$BATS_TEST_TMPDIR/other.pem" 2048 2>/dev/null
	open_service github "$(cat "$BATS_TEST_TMPDIR/other.pem")" app 4711 installation 22 org acme
	ask list
	expect .status refused
	provider_stop
	open_service github "no key at all" app 4711 installation 22 org acme
	ask list
	expect .status refused
	[[ $(got .error) == *"RSA private key"* ]]
}

@test "aws: keys listed, disabled, deleted; dead by refusal; sessions cut" {
	local admin key=AKIACI00000000000000 secret
	admin=AKIAADMIN00000000000:$(printf '%-40s' secret/of+key0 | tr ' ' x)
	secret=$(printf '%-40s' secret/of+key1 | tr ' ' x)
	open_service aws "$admin" iam_url "$FAKE/aws/iam" sts_url "$FAKE/aws/sts"
	expect .status ok
	ask list
	expect .complete true
	[ "$(item '.what=="account"' | wc -l)" -eq 3 ]
	[ "$(item '.kind=="access_key"' | wc -l)" -eq 4 ]
	[ "$(item .self | jq -r .id)" = AKIAADMIN00000000000 ]
	on probe ci access_key $key "$secret"
	life alive
	on probe ci access_key $key "wrong$secret"
	life unknown # a wrong secret is not a dead key
	on disable ci access_key $key
	expect .status ok
	on probe ci access_key $key "$secret"
	life dead refusal
	on probe ci access_key $key
	life dead record
	on enable ci access_key $key
	on probe ci access_key $key "$secret"
	life alive
	# two keys in a row: the second, valid one is refused once, so asked again
	fake '{"path":"*","how":"aws-quirk","times":1}' >/dev/null
	on probe ci access_key AKIACI11111111111111 "$(printf '%-40s' secret/of+key2 | tr ' ' x)"
	life alive
	obeyed
	ask mint account ci kind access_key
	expect .status refused
	ignored
	on revoke ci access_key $key
	on probe ci access_key $key "$secret"
	life alive
	obeyed
	on revoke ci access_key $key
	expect .status ok
	on probe ci access_key $key "$secret"
	life dead refusal
	on probe ci access_key $key
	life dead record
	on revoke ci access_key $key
	expect .status absent
	ask cut_sessions account ci
	expect .status ok
	[ "$(fake '{"how":"state","of":"aws"}' | jq -c '[.state.policies[]|select(.key[0]=="User")|.value.Statement[0].Condition.DateLessThan["aws:TokenIssueTime"]|length]')" = "[20]" ]
	ask probe account ci
	life alive
	ask disable account ci
	expect .status ok
	ask probe account ci
	life dead record
	ask enable account ci
	ask probe account ci
	life alive
	ask mint account ci kind access_key
	expect .status ok
	on probe ci access_key "$(got .credential)" "$(got .secret)"
	life alive
}

@test "aws: roles are listed when asked for; their sessions cut, all denied, given back" {
	local admin
	admin=AKIAADMIN00000000000:$(printf '%-40s' secret/of+key0 | tr ' ' x)
	open_service aws "$admin" iam_url "$FAKE/aws/iam" sts_url "$FAKE/aws/sts" roles yes
	ask list
	expect .complete true
	[ "$(item '.account|startswith("role/")' | jq -r .account | xargs)" = "role/deploy role/build" ]
	ask cut_sessions account role/deploy
	expect .status ok
	[ "$(fake '{"how":"state","of":"aws"}' | jq -c '[.state.policies[].key]')" = '[["Role","deploy","AWSRevokeOlderSessions"]]' ]
	ask probe account role/deploy
	life alive
	ask disable account role/deploy
	expect .status ok
	ask probe account role/deploy
	life dead record
	ask enable account role/deploy
	expect .status ok
	ask probe account role/deploy
	life alive
	ask cut_sessions account role/nobody
	[ "$(got .status)" != ok ]
}

@test "SigV4: 240 varied requests carry the signature botocore makes" {
	local admin region i n=0 value
	admin=AKIAADMIN00000000000:$(printf '%-40s' secret/of+key0 | tr ' ' x)
	DEFINITION=$BATS_TEST_TMPDIR/echo.toml
	cat >"$DEFINITION" <<-'END'
		language = 1
		[service]
		name = "echo"
		title = "Echo"
		base = "{option.url}"
		answers = "xml"
		[admin]
		secret = "required"
		parts = ["key_id", "key", "session"]
		[option.url]
		help = "x"
		[option.region]
		help = "x"
		[auth.admin]
		kind = "sigv4"
		service = "iam"
		region = "{option.region}"
		key_id = "{admin.key_id}"
		key = "{admin.key}"
		session = "{admin.session}"
		[[probe]]
		method = "POST"
		path = "/"
		form = { Action = "Echo", Version = "2010-05-08", Value = "{account}", "A.b" = "{account|sha256}" }
		rules = [ { status = 200, at = "/EchoResponse/EchoResult", equals = "{account|sha256}", is = "alive" } ]
		[[last_used]]
		path = "/"
		query = { Action = "Echo", Version = "2010-05-08", zeta = "{account}", Value = "{account}", "A.b" = "x" }
		rules = [ { status = 200, at = "/EchoResponse/EchoResult", equals = "{account|sha256}", is = "ok" } ]
	END
	for region in us-east-1 eu-central-1 ap-south-2 us-gov-west-1; do
		[ "$region" != ap-south-2 ] || admin+=:session/token+with=signs
		open_service aws "$admin" region "$region" url "$FAKE/aws/iam"
		expect .status ok
		for ((i = 0; i < 30; i++)); do
			case $((i % 6)) in
			0) value="plain-$region.$i~_" ;;
			1) value="with space + plus & and = $i" ;;
			2) value="päth/ünïcode/漢字 $i" ;;
			3) value="%41%2f?#[]@!\$&'()*+,;=:$i" ;;
			4) value="$(printf 'x%.0s' $(seq 1 $((i * 7 + 1))))" ;;
			5) value="{\"json\":\"$i\",\"q\":\"\\\\\"}" ;;
			esac
			ask probe account "$value"
			life alive
			ask last_used account "$value"
			expect .status ok
			n=$((n + 2))
		done
		provider_stop
	done
	[ "$n" -eq 240 ]
}

@test "the page docs/http-definitions.md, typed as written, against a wiki it does not know" {
	load ../cli/agent
	agent_setup
	cp "$CURFEW_BUILD/curfew-provider-http" "$CURFEW_PROVIDER_PATH/"
	local page=$BATS_TEST_DIRNAME/../../docs/http-definitions.md
	mkdir -p "$CURFEW_DIR/providers"
	sed -n '/^```toml$/,/^```$/p' "$page" | sed '/^```/d' >"$CURFEW_DIR/providers/wiki.toml"
	cd "$BATS_TEST_TMPDIR"
	(umask 077 && echo wiki-admin-key-0000 >admin-key)
	curfew() { "$CURFEW_BUILD/curfew" "$@"; }
	sed -n '/^```sh$/,/^```$/p' "$page" | sed '/^```/d' |
		sed "s,DIR/,$CURFEW_DIR/,; s,http://127.0.0.1:8080,$FAKE/wiki," >typed
	[ "$(wc -l <typed)" -eq 5 ]
	# shellcheck disable=SC1091
	run bash -e -c 'curfew() { "$CURFEW_BUILD/curfew" "$@"; }; . ./typed'
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *DEAD* ]]
	[ "$(fake '{"how":"noop"}' | jq -r '.log[]|select(.method=="DELETE")|.url' | sort | tr '\n' ' ')" = "/wiki/keys/k1 /wiki/keys/k2 " ]
}

# send PLACE VALUE: a delivery
send() {
	ask_json "$(jq -nc --arg a "$1" --arg s "$2" \
		'{verb: "deliver", account: $a, secret: $s, version: 2, from: "x/y#z", fields: {}}')"
}

@test "what is delivered is read back, unless curfew may only write" {
	local value=delivered-0123456789-value name secret place
	while read -r name secret place; do
		open_service "$name" "$secret"
		send "$place" "$value"
		expect .status ok
		expect .read_back same
		fake '{"path":"*","how":"stored-other","times":9}' >/dev/null
		send "$place" "$value"
		expect .status unknown
		[[ $(got .error) == *"read"*"another value"* ]]
		[[ $ANSWER != *"$value"* ]]
		provider_stop
		open_service "$name" "$secret" read_back no
		send "$place" "$value"
		expect .status ok
		expect .read_back cannot
		obeyed
		provider_stop
	done <<-END
		kubernetes k8s-admin-token-0000 prod/app/password
		hashivault hvs.admin000000000000000000000 team/app/password
		gitlab glpat-adminadminadminadmin team/app/DB_PASSWORD
	END
}

@test "gcp: a key pair of curfew's own, its public half uploaded; dead by its own refusal" {
	local ci=ci@p1.iam.gserviceaccount.com key id
	open_service gcp "$(cat "$FAKE_GCP/admin.pem")" iam "$FAKE/gcp" login "$FAKE/gcp" \
		project p1 admin curfew@p1.iam.gserviceaccount.com
	expect .status ok
	expect '.facts.key.makes' true
	ask list
	expect .complete true
	[ "$(item '.what=="account"' | wc -l)" -eq 3 ]
	[ "$(item '.what=="credential"' | wc -l)" -eq 2 ]
	[ "$(item '.self' | jq -r .account)" = curfew@p1.iam.gserviceaccount.com ]
	ask make kind key
	expect .status ok
	key=$(got .secret)
	[[ $(openssl pkey -noout -text <<<"$key") == *"2048 bit"* ]]
	value() { # VERB CREDENTIAL
		ask_json "$(jq -nc --arg v "$1" --arg a "$ci" --arg c "$2" --arg k "$key" \
			'{verb: $v, account: $a, kind: "key", credential: $c, secret: $k, add: true, label: "x"}')"
	}
	value probe none
	life dead refusal # nobody has it yet: the engine takes no proof without an "alive" before
	value set ""
	expect .status ok
	id=$(got .credential)
	value probe "$id"
	life alive
	on disable "$ci" key "$id"
	expect .status ok
	value probe "$id"
	life dead refusal
	on enable "$ci" key "$id"
	value probe "$id"
	life alive
	on revoke "$ci" key "$id"
	expect .status ok
	value probe "$id"
	life dead refusal
	on probe "$ci" key "$id"
	life dead record
	on revoke "$ci" key "$id"
	expect .status absent
	[[ $(urls) != *PRIVATE* ]]
}
