#!/usr/bin/env bats
# curfew-provider-acme against a real ACME authority, which looks at every
# challenge, refuses every fifth nonce and never reuses an authorization.

bats_require_minimum_version 1.5.0

setup_file() {
	load provider
	load acme
	start_acme
}

teardown_file() {
	load provider
	load acme
	stop_acme
}

setup() {
	load provider
	load acme
	SESSION_FD=
	T=$(mktemp -d "${TMPDIR:-/tmp}/curfew-acme-t.XXXXXX")
	mkdir -m 700 "$T/certs"
	mkdir -m 755 "$T/tls" "$T/tls/web"
	openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$T/account.pem" 2>/dev/null
	chmod 600 "$T/account.pem"
}

teardown() {
	provider_stop
	rm -rf "$T"
}

# acme [OPTIONS-JSON]: a provider by hand, with the account's key
acme() {
	local more=${1:-}
	[ -n "$more" ] || more='{}'
	provider_start "$CURFEW_BUILD/curfew-provider-acme"
	ask_json "$(jq -nc --arg u "$ACME_URL" --arg c "$ACME_CA" --arg s "$T/certs" \
		--arg w "$ACME_WEB" --rawfile k "$T/account.pem" --argjson more "$more" \
		'{verb: "hello", protocol: 1, connection: "ca", secret: $k, options: ({directory: $u,
		ca_file: $c, store: $s, challenges: $w, terms: "agreed",
		"name.web": "one.test,two.test"} + $more | with_entries(select(.value != "")))}')"
}

open_acme() {
	acme "$@"
	expect .status ok
}

# A key in $KEY.
make_key() {
	ask make kind certificate
	expect .status ok
	KEY=$(got .secret)
}

# set_key: until the authority has signed
set_key() {
	local i
	for i in 1 2 3 4 5; do
		ask_json "$(jq -nc --arg k "$KEY" '{verb: "set", account: "web",
			kind: "certificate", secret: $k, add: true}')" || return 1
		[ "$(got .status)" = retry ] || return 0
	done
}

probe() {
	ask_json "$(jq -nc --arg k "$KEY" --arg id "$1" '{verb: "probe", account: "web",
		kind: "certificate", credential: $id, secret: $k}')"
}

@test "a key gets a certificate that verifies; the same key again gets the same one" {
	open_acme
	make_key
	set_key
	expect .status ok
	id=$(got .credential)
	got .public >"$T/chain.pem"
	acme_root >"$T/root.pem"
	openssl verify -CAfile "$T/root.pem" -untrusted "$T/chain.pem" "$T/chain.pem"
	for name in one.test two.test; do
		run openssl verify -CAfile "$T/root.pem" -untrusted "$T/chain.pem" \
			-verify_hostname "$name" "$T/chain.pem"
		[ "$status" -eq 0 ]
	done
	[ "$(openssl x509 -in "$T/chain.pem" -noout -pubkey)" = \
		"$(openssl pkey -pubout <<<"$KEY")" ]
	[ "$(acme_status "$id")" = Valid ]
	[ -z "$(ls "$ACME_WEB" | grep -vx up)" ]
	set_key
	expect .status ok
	expect .credential "$id"
	[ "$(ls "$T/certs"/*.pem | wc -l)" -eq 1 ]
	# the key itself is in no file
	run grep -rl -e PRIVATE -e "$(sed -n 2p <<<"$KEY")" "$T/certs" "$ACME_WEB" "$PROVIDER_LOG"
	[ "$status" -eq 1 ]
}

# The order a key is in, as the store has it.
order_of() { cat "$T/certs"/*.order; }

signed() { # ORDER-URL: how many certificates the authority signed for it
	grep -c "Issued certificate serial .* for order ${1##*/}" "$ACME_DIR/pebble.log"
}

@test "a crash after the order, and after the signature: the same key goes on with its order" {
	for at in acme:ordered acme:finalized; do
		rm -f "$T/certs"/*
		open_acme
		make_key
		provider_stop
		CURFEW_CRASH_AT=$at open_acme
		run set_key # no answer: it is gone
		[ "$status" -ne 0 ]
		order=$(order_of)
		[[ $order == https://* ]]
		provider_stop
		open_acme
		set_key
		expect .status ok
		[ "$(order_of)" = "done $(got .credential)" ]
		[ "$(signed "$order")" -eq 1 ]
		[ "$(grep -c "Issued certificate" "$ACME_DIR/pebble.log")" -ge 1 ]
		provider_stop
	done
}

@test "names that cannot be shown are refused with the authority's reason; then a new order is placed" {
	mkdir "$T/nowhere"
	open_acme "$(jq -nc --arg d "$T/nowhere" '{challenges: $d}')"
	make_key
	set_key
	expect .status refused
	[[ $(got .error) == *"could not see that "*".test is ours"* ]]
	[ -z "$(ls "$T/nowhere")" ]
	failed=$(order_of)
	provider_stop
	open_acme
	set_key
	expect .status ok
	[ "$(signed "$failed")" -eq 0 ]
}

@test "revoked: refused by the authority's own word, and only what was ended is asked about" {
	open_acme
	make_key
	set_key
	expect .status ok
	id=$(got .credential)
	probe "$id"
	expect .life alive
	[ "$(acme_status "$id")" = Valid ]
	ask revoke account web kind certificate credential "$id"
	expect .status ok
	[ "$(acme_status "$id")" = Revoked ]
	for _ in 1 2 3; do
		probe "$id"
		expect .life dead
		expect .proof record
	done
	[[ $(got .evidence) == *"the authority says that it is revoked"* ]]
	ask revoke account web kind certificate credential "$id"
	expect .status ok
	ask list
	expect .complete true
	[ -z "$(item ".id == \"$id\"")" ]
	# another key's word about it is none
	make_key
	probe "$id"
	expect .life dead
	probe 00ff
	expect .status unknown
}

@test "an end that was asked for and not confirmed: still listed, and not called dead before the word" {
	open_acme
	make_key
	set_key
	id=$(got .credential)
	printf asked >"$T/certs/web.$id.ended"
	ask list
	[ -n "$(item ".id == \"$id\" and .state == \"active\"")" ]
	# the question itself ends it, and is not yet the proof
	probe "$id"
	expect .life unknown
	probe "$id"
	expect .life dead
}

# A program that changes the zone, in a folder of its own.
zone_program() {
	mkdir -m 755 "$T/bin"
	cat >"$T/bin/zone" <<-END
		#!/bin/sh
		case \$1 in
		add) curl -sf -d "{\"host\":\"\$2.\",\"value\":\"\$3\"}" $ACME_DNS/set-txt ;;
		remove) curl -sf -d "{\"host\":\"\$2.\"}" $ACME_DNS/clear-txt ;;
		esac
	END
	chmod 755 "$T/bin/zone"
}

@test "dns-01 by a program, for a wildcard; the record goes away again" {
	zone_program
	echo "echo \"\$@\" >>$T/zone.log" >>"$T/bin/zone"
	open_acme "$(jq -nc --arg p "$T/bin/zone" '{challenges: "", use_dns: $p,
		"name.web": "*.wild.test"}')"
	make_key
	set_key
	expect .status ok
	got .public | openssl x509 -noout -ext subjectAltName | grep -F 'DNS:*.wild.test'
	run cut -d' ' -f1,2 "$T/zone.log"
	[ "$output" = "add _acme-challenge.wild.test
remove _acme-challenge.wild.test" ]
}

@test "RSA for the account, P-384 and RSA for certificates" {
	openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$T/account.pem" 2>/dev/null
	for type in p384 rsa2048; do
		open_acme "{\"key\":\"$type\"}"
		make_key
		set_key
		expect .status ok
		[ "$(got .public | openssl x509 -noout -pubkey)" = \
			"$(openssl pkey -pubout <<<"$KEY")" ]
		provider_stop
	done
}

@test "what cannot work is told when it is connected" {
	acme '{"terms":""}'
	expect .status refused
	[[ $(got .error) == *"terms=agreed"* ]]
	provider_stop
	acme '{"challenges":""}'
	[[ $(got .error) == *"either challenges=/folder (http-01) or use_dns=/program"* ]]
	provider_stop
	acme "{\"directory\":\"${ACME_URL%dir}nothing\"}"
	expect '.status == "ok"' false
	provider_stop
	echo nonsense >"$T/account.pem"
	acme
	[[ $(got .error) == *"no private key in PEM form"* ]]
}

# ---- through curfew ----------------------------------------------------------

curfew() {
	timeout 120 "$CURFEW_BUILD/curfew" --no-input --no-color "$@" 3>&-
}

with_vault() {
	printf 'secret of the %s\n' "key file, 32 bytes or more" >"$T/key"
	chmod 600 "$T/key"
	export CURFEW_DIR=$T/vault CURFEW_TEST_GAP_MS=20 CURFEW_TEST_STUCK_MS=200
	curfew init --key-file "$T/key" >/dev/null
	printf '#!/bin/sh\nexit 0\n' >"$T/tls/reload"
	chmod 755 "$T/tls/reload"
	cat >"$CURFEW_DIR/curfew.toml" <<-END
		[vault]
		key_file = "$T/key"
		[identity.site]
		accounts = ["ca/web"]
		[rotation.site]
		identities = ["site"]
		overlap = "1s"
		deliver = ["tls/web/server.pem"]
	END
	curfew connect acme ca --set directory="$ACME_URL" --set ca_file="$ACME_CA" \
		--set store="$T/certs" --set challenges="$ACME_WEB" --set terms=agreed \
		--set name.web=one.test --secret-file "$T/account.pem"
	curfew connect file tls --set root="$T/tls" --set format=pem \
		--set use_reload="$T/tls/reload" >/dev/null
	curfew sync >/dev/null
}

serial_in_file() {
	openssl x509 -in "$T/tls/web/server.pem" -noout -serial | sed 's/.*=//' | tr A-F a-f |
		sed 's/^0*//'
}

@test "from no certificate to one, to the next: the old one proved dead, then a kill" {
	with_vault
	run curfew list credentials
	[[ $output == *"none"* ]]
	run curfew rotate site --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	first=$(serial_in_file)
	[ "$(acme_status "$first")" = Valid ]
	# the file is what a TLS server wants: its key, its certificate, the chain
	openssl pkey -in "$T/tls/web/server.pem" -pubout >"$T/pub"
	openssl x509 -in "$T/tls/web/server.pem" -noout -pubkey | cmp - "$T/pub"
	acme_root >"$T/root.pem"
	openssl verify -CAfile "$T/root.pem" -untrusted "$T/tls/web/server.pem" \
		"$T/tls/web/server.pem"
	run curfew rotate site --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	[[ $output == *"DONE (generation 2; the old one is dead: proved by the service's record)"* ]]
	second=$(serial_in_file)
	[ "$first" != "$second" ]
	[ "$(acme_status "$first")" = Revoked ]
	[ "$(acme_status "$second")" = Valid ]
	run curfew kill site --yes --reason test
	echo "$output"
	[ "$status" -eq 0 ]
	[ "$(acme_status "$second")" = Revoked ]
	# no key anywhere but in the vault and in its consumer's file
	run grep -rl PRIVATE "$T" --include='*' --exclude=account.pem
	[ "$output" = "$T/tls/web/server.pem" ]
}

@test "dns-01 from within the sandbox that curfew starts it in" {
	with_vault
	zone_program
	curfew connect acme dns --set directory="$ACME_URL" --set ca_file="$ACME_CA" \
		--set store="$T/certs" --set use_dns="$T/bin/zone" --set terms=agreed \
		--set 'name.wild=*.sandbox.test' --secret-file "$T/account.pem"
	sed -i 's|"ca/web"|"ca/web", "dns/wild"|' "$CURFEW_DIR/curfew.toml"
	curfew sync >/dev/null
	run curfew rotate dns/wild --wait 60s
	echo "$output"
	[ "$status" -eq 0 ]
	openssl x509 -in "$T/tls/web/server.pem" -noout -ext subjectAltName | grep -F 'DNS:*.sandbox.test'
}
