#!/usr/bin/env bats
# Connections: a real TLS server with HTTP/2 (nghttpx) before the fake service;
# who is believed, what a proxy gets to see, who we say we are.

bats_require_minimum_version 1.5.0

setup_file() {
	command -v nghttpx >/dev/null || return 0
	cd "$BATS_FILE_TMPDIR" || return
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=own-ca \
		-addext basicConstraints=critical,CA:TRUE -keyout ca.key -out ca.pem 2>/dev/null
	printf '[ca]\ndefault_ca=d\n[d]\nnew_certs_dir=.\ndatabase=index\nserial=serial\ndefault_md=sha256\npolicy=p\ncopy_extensions=copy\nunique_subject=no\n[p]\ncommonName=supplied\n' >ca.cnf
	: >index
	echo 01 >serial
	issue right IP:127.0.0.1
	issue wrong DNS:other.example
	issue expired IP:127.0.0.1 -startdate 20200101000000Z -enddate 20210101000000Z
	issue client DNS:client.example
}

issue() { # NAME SUBJECT-ALT-NAME [DATES]
	local name=$1 san=$2
	shift 2
	[ $# -gt 0 ] || set -- -days 2
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$name" \
		-addext "subjectAltName=$san" -keyout "$name.key" -out "$name.csr" 2>/dev/null
	openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in "$name.csr" -out "$name.crt" \
		-notext "$@" 2>/dev/null
}

setup() {
	load provider
	load http
	load port
	PIDS=()
	command -v nghttpx >/dev/null || skip "nghttpx is not installed (Debian: nghttp2-proxy)"
	start_fake
	keys=$BATS_FILE_TMPDIR
	admin=glpat-adminadminadminadmin
	bot=glpat-botbotbotbotbotbot00
}

teardown() {
	provider_stop
	local p
	for p in "${PIDS[@]}"; do kill "$p" 2>/dev/null; done
	stop_fake
}

front() { # CERTIFICATE [OPTIONS]: nghttpx before the fake, at $TLS
	on_a_port TLS_PORT front_on "$@" && return
	cat "$BATS_TEST_TMPDIR/front"
	return 1
}

front_on() {
	local cert=$1 i
	shift
	: >"$BATS_TEST_TMPDIR/error"
	nghttpx --conf=/dev/null --frontend="127.0.0.1,$TLS_PORT" --backend="127.0.0.1,$FAKE_PORT" --workers=1 --no-ocsp \
		--accesslog-file="$BATS_TEST_TMPDIR/access" \
		--accesslog-format="\$alpn \$tls_protocol \$request" --errorlog-file="$BATS_TEST_TMPDIR/error" \
		"$@" "$keys/$cert.key" "$keys/$cert.crt" >"$BATS_TEST_TMPDIR/front" 2>&1 3>&- &
	PIDS+=($!)
	TLS=https://127.0.0.1:$TLS_PORT
	for ((i = 0; i < 600; i++)); do
		grep -qs "Listening on 127.0.0.1" "$BATS_TEST_TMPDIR/front" "$BATS_TEST_TMPDIR/error" &&
			(exec 9<>"/dev/tcp/127.0.0.1/$TLS_PORT") 2>/dev/null && return
		kill -0 $! 2>/dev/null || break
		sleep 0.05
	done
	return 1
}

service() { # [NAME VALUE]...
	open_service gitlab "$admin" url "$TLS/gitlab" "$@"
	expect .status ok
}

taken() { fake '{"how":"noop"}' | jq '.log|length'; }

@test "a private authority by ca_file; HTTP/2 where it is offered; connections are kept" {
	front right
	service ca_file "$keys/ca.pem"
	on probe ci-bot personal_token 3 "$bot"
	life alive
	for _ in 1 2 3 4 5; do on probe ci-bot personal_token 3; done
	on revoke ci-bot personal_token 3
	expect .status ok
	on probe ci-bot personal_token 3 "$bot"
	life dead refusal
	cat "$BATS_TEST_TMPDIR/access"
	[ "$(cut -d' ' -f1,2 "$BATS_TEST_TMPDIR/access" | sort -u)" = "h2 TLSv1.3" ]
}

@test "a server that offers HTTP/1.1 only is spoken to so" {
	front right --npn-list=http/1.1
	service ca_file "$keys/ca.pem"
	on probe ci-bot personal_token 3
	life alive
	[ "$(cut -d' ' -f1 "$BATS_TEST_TMPDIR/access" | sort -u)" = "http/1.1" ]
}

@test "not believed: an unknown authority, another's name, yesterday's certificate; nothing is sent" {
	local how
	for how in right wrong expired; do
		front "$how"
		if [ "$how" = right ]; then service; else service ca_file "$keys/ca.pem"; fi
		on revoke ci-bot personal_token 3
		[ "$(got .status)" = refused ] && [[ $(got .error) == *"TLS: "* ]] || {
			echo "$how: $ANSWER"
			false
		}
		on probe ci-bot personal_token 3 "$bot"
		[ "$(got .life)" != dead ] && [ "$(got .life)" != alive ]
		provider_stop
	done
	[ "$(taken)" -eq 0 ]
}

@test "no old TLS" {
	front right --tls-min-proto-version=TLSv1.0 --tls-max-proto-version=TLSv1.1 --ciphers=ALL:@SECLEVEL=0
	service ca_file "$keys/ca.pem"
	on revoke ci-bot personal_token 3
	[ "$(got .status)" != ok ]
	[ "$(taken)" -eq 0 ]
}

@test "a client certificate, where the server asks for one" {
	front right --verify-client --verify-client-cacert="$keys/ca.pem"
	service ca_file "$keys/ca.pem" client_cert "$keys/client.crt" client_key "$keys/client.key"
	on probe ci-bot personal_token 3
	life alive
	provider_stop
	service ca_file "$keys/ca.pem"
	on probe ci-bot personal_token 3
	[ "$(got .life)" != alive ]
	provider_stop
	open_service gitlab "$admin" url "$TLS/gitlab" ca_file "$keys/ca.pem" \
		client_cert "$keys/missing.crt" client_key "$keys/client.key"
	expect .status refused
	[[ $(got .error) == *client_cert*missing.crt* ]]
}

@test "through a proxy: it sees CONNECT and TLS, never a credential" {
	front right
	python3 "$BATS_TEST_DIRNAME/connect_proxy.py" "$BATS_TEST_TMPDIR/proxy" >"$BATS_TEST_TMPDIR/proxy_port" 3>&- &
	PIDS+=($!)
	while [ ! -s "$BATS_TEST_TMPDIR/proxy_port" ]; do sleep 0.02; done
	local proxy
	proxy=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/proxy_port")
	service ca_file "$keys/ca.pem" proxy "$proxy"
	on probe ci-bot personal_token 3 "$bot"
	life alive
	cat "$BATS_TEST_TMPDIR/proxy"
	grep -q "^CONNECT 127.0.0.1:$TLS_PORT " "$BATS_TEST_TMPDIR/proxy"
	grep -q "^through 1603" "$BATS_TEST_TMPDIR/proxy" # a TLS handshake
	run ! grep -qi "glpat\|private-token" "$BATS_TEST_TMPDIR/proxy"
	provider_stop
	# plain http, which is for this machine, never goes through it
	: >"$BATS_TEST_TMPDIR/proxy"
	open_service gitlab "$admin" proxy "$proxy"
	on probe ci-bot personal_token 3 "$bot"
	life alive
	[ ! -s "$BATS_TEST_TMPDIR/proxy" ]
	provider_stop
	# the environment's proxy is not asked
	https_proxy=http://127.0.0.1:1 HTTPS_PROXY=http://127.0.0.1:1 ALL_PROXY=http://127.0.0.1:1 \
		service ca_file "$keys/ca.pem"
	on probe ci-bot personal_token 3 "$bot"
	life alive
}

@test "a proxy that is down or says no: not done, and said so" {
	front right
	service ca_file "$keys/ca.pem" proxy http://127.0.0.1:1
	on revoke ci-bot personal_token 3
	expect .status retry
	provider_stop
	python3 "$BATS_TEST_DIRNAME/connect_proxy.py" "$BATS_TEST_TMPDIR/proxy" refuse >"$BATS_TEST_TMPDIR/proxy_port" 3>&- &
	PIDS+=($!)
	while [ ! -s "$BATS_TEST_TMPDIR/proxy_port" ]; do sleep 0.02; done
	service ca_file "$keys/ca.pem" proxy "http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/proxy_port")"
	on revoke ci-bot personal_token 3
	[ "$(got .status)" != ok ]
	[[ $(got .error) == *403* ]]
	on probe ci-bot personal_token 3 "$bot"
	[ "$(got .life)" != dead ] && [ "$(got .life)" != alive ]
	[ "$(taken)" -eq 0 ]
}

@test "a time limit of one's own, within bounds" {
	front right
	service ca_file "$keys/ca.pem" timeout 300ms
	fake '{"path":"*","how":"hang","after":60}' >/dev/null
	local from=$SECONDS
	on revoke ci-bot personal_token 3
	expect .status unknown
	[ $((SECONDS - from)) -lt 15 ] # 25 s by default
	provider_stop
	local t
	for t in 10ms 60s soon; do
		open_service gitlab "$admin" url "$TLS/gitlab" timeout "$t"
		expect .status refused
		[[ $(got .error) == *"100 ms to 25 s"* ]]
		provider_stop
	done
}
