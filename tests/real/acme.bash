# shellcheck shell=bash
# A real ACME authority (pebble) of our own on free ports of this machine, with
# its own DNS server, that looks at every challenge.
#
# start_acme sets and exports ACME_DIR (a folder), ACME_URL (its directory),
# ACME_CA (its TLS authority), ACME_WEB (what the web server shows as
# /.well-known/acme-challenge/), ACME_ADMIN (pebble's own management address)
# and ACME_DNS (that of the DNS server).  stop_acme ends all of it.
# Needs provider.bash.

# shellcheck source=tests/real/server.bash
. "${BASH_SOURCE[0]%/*}/server.bash"

acme_tls() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
		-subj /CN=acme-test -keyout "$ACME_DIR/tls.key" -out "$ACME_CA" \
		-addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' 2>/dev/null
}

acme_config() { # port, management port, port of the web server
	jq -n --arg l "127.0.0.1:$1" --arg m "127.0.0.1:$2" --argjson h "$3" --arg d "$ACME_DIR" \
		'{pebble: {listenAddress: $l, managementListenAddress: $m,
		certificate: ($d + "/tls.pem"), privateKey: ($d + "/tls.key"),
		httpPort: $h, tlsPort: 1, ocspResponderURL: "",
		externalAccountBindingRequired: false}}' >"$ACME_DIR/config.json"
}

acme_up() {
	curl -s -m 5 --cacert "$ACME_CA" -o "$ACME_DIR/dir.json" "$ACME_URL" &&
		curl -s -m 5 -o /dev/null "http://127.0.0.1:$1/.well-known/acme-challenge/up"
}

start_acme() {
	ACME_DIR=$(mktemp -d /tmp/curfew-acme.XXXXXX)
	ACME_CA=$ACME_DIR/tls.pem
	ACME_WEB=$ACME_DIR/www/.well-known/acme-challenge
	mkdir -p "$ACME_WEB"
	chmod -R 755 "$ACME_DIR"
	echo up >"$ACME_WEB/up"
	acme_tls
	for _ in 1 2 3; do
		acme_start && return 0
		acme_end
		unguard "${ACME_GUARD:-}"
	done
	cat "$ACME_DIR"/*.log >&2
	return 1
}

# Its nonces are refused now and then, its authorizations never taken twice.
acme_start() {
	local port admin web dns dnsadmin
	port=$(free_port) admin=$(free_port) web=$(free_port)
	dns=$(free_port) dnsadmin=$(free_port)
	ACME_URL=https://localhost:$port/dir
	ACME_ADMIN=https://localhost:$admin
	ACME_DNS=http://127.0.0.1:$dnsadmin
	acme_config "$port" "$admin" "$web"
	ACME_PIDS=
	(shut_pipes && cd "$ACME_DIR/www" && exec python3 -m http.server --bind 127.0.0.1 "$web") \
		>"$ACME_DIR/web.log" 2>&1 &
	ACME_PIDS+=" $!"
	(shut_pipes && exec pebble-challtestsrv -http01 '' -https01 '' -tlsalpn01 '' \
		-dns01 "127.0.0.1:$dns" -management "127.0.0.1:$dnsadmin" -defaultIPv6 '') \
		>"$ACME_DIR/dns.log" 2>&1 &
	ACME_PIDS+=" $!"
	(shut_pipes && cd "$ACME_DIR" && PEBBLE_VA_NOSLEEP=1 PEBBLE_AUTHZREUSE=0 \
		PEBBLE_WFE_NONCEREJECT=20 exec pebble -config config.json \
		-dnsserver "127.0.0.1:$dns") >"$ACME_DIR/pebble.log" 2>&1 &
	ACME_PIDS+=" $!"
	export ACME_DIR ACME_CA ACME_WEB ACME_URL ACME_ADMIN ACME_DNS ACME_PIDS
	# shellcheck disable=SC2016 # expanded in the new shell
	guard "$BASH" -c '. "$1"; ACME_DIR=$2 ACME_PIDS=$3; stop_acme' stop \
		"${BASH_SOURCE[0]}" "$ACME_DIR" "$ACME_PIDS"
	export ACME_GUARD=$GUARD
	wait_until acme_settled "$web" && acme_up "$web"
}

# Up, or one of them has ended: its port was taken.
acme_settled() {
	local p
	for p in $ACME_PIDS; do
		kill -0 "$p" 2>/dev/null || return 0
	done
	acme_up "$1"
}

acme_end() {
	local p
	for p in $ACME_PIDS; do
		kill -KILL "$p" 2>/dev/null || true
	done
}

stop_acme() {
	[ -n "${ACME_DIR:-}" ] || return 0
	unguard "${ACME_GUARD:-}"
	acme_end
	rm -rf "$ACME_DIR"
}

# What the authority itself says of a certificate: Valid or Revoked.
acme_status() { # SERIAL
	curl -s --cacert "$ACME_CA" "$ACME_ADMIN/cert-status-by-serial/$1" | jq -r .Status
}

acme_root() {
	curl -s --cacert "$ACME_CA" "$ACME_ADMIN/roots/0"
}
