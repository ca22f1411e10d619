#!/usr/bin/env bash
# usage: tests/bench/http.sh [BUILD_DIR] [COUNT] [DELAY_MS]
#
# COUNT credentials (1,000) at an HTTP service that answers each call after
# DELAY_MS (50), 16 in flight over kept-alive connections; the service is
# http_fake.c, the definition the one of docs/http-definitions.md.
#  1. the provider alone: COUNT probes, then COUNT revokes over the line protocol
#  2. `curfew kill` of all of them: from the first revoke that reaches the
#     service to the last one answered
#  3. the listing: 100 parents, asked several at a time
# Ideal: COUNT / 16 rounds of DELAY_MS.  Exit 1 when a bound (1.25) is missed.
# With nghttpx installed the same over TLS and HTTP/2 (told as h2).
set -euo pipefail
build=$(cd "${1:-${CURFEW_BUILD:-build}}" && pwd)
count=${2:-1000}
delay=${3:-50}
here=$(cd "$(dirname "$0")/../.." && pwd)
# shellcheck source=tests/real/port.bash
. "$here/tests/real/port.bash"
shm=/tmp
[ -w /dev/shm ] && shm=/dev/shm
work=$(mktemp -d "$shm/curfew-bench-XXXXXX")
pids=()
stop() {
	local p
	for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
	pids=()
}
trap 'stop; rm -rf "$work"' EXIT
${CC:-cc} -O2 -o "$work/http_fake" "$here/tests/bench/http_fake.c"
# shellcheck disable=SC2016
sed -n '/^```toml$/,/^```$/p' "$here/docs/http-definitions.md" | sed '/^```/d' >"$work/wiki.toml"
bad=0
front= # its port

serve() { # a fresh service; $url
	stop
	: >"$work/port"
	"$work/http_fake" "$count" "$delay" >"$work/port" &
	pids+=($!)
	while [ ! -s "$work/port" ]; do sleep 0.01; done
	port=$(cat "$work/port")
	url=http://127.0.0.1:$port
	tls=()
	[ "$1" = h1 ] || front
}

front() { # TLS and HTTP/2 before it
	on_a_port front front_on || exit 1
	url=https://127.0.0.1:$front
	tls=(ca_file "$work/cert.pem")
}

# shellcheck disable=SC2317 # on_a_port calls it
front_on() {
	nghttpx --conf=/dev/null --frontend="127.0.0.1,$front" --backend="127.0.0.1,$port" --workers=1 \
		--backend-connections-per-host=64 --no-via --errorlog-file="$work/front.log" \
		"$work/key.pem" "$work/cert.pem" 2>/dev/null &
	pids+=($!)
	for ((i = 0; i < 100; i++)); do
		curl -s --cacert "$work/cert.pem" "https://127.0.0.1:$front/stat" >/dev/null && return
		kill -0 $! 2>/dev/null || break
		sleep 0.05
	done
	return 1
}

stat() { curl -s "http://127.0.0.1:$port/stat" | jq -r ".$1"; }

rounds=$(((count + 15) / 16))
ideal=$((rounds * delay))
tell() { # WHAT MS
	awk -v w="$1" -v g="$2" -v i="$ideal" 'BEGIN {
		printf "%-34s %6d ms, ideal %d ms, ratio %.3f (bound 1.25)\n", w, g, i, g / i
		exit g / i > 1.25 }' || bad=1
}

alone() { # h1|h2
	serve "$1"
	python3 - "$build/curfew-provider-http" "$work/wiki.toml" "$url" "$count" "${tls[@]}" >"$work/alone" <<'END'
import json, subprocess, sys, time
prog, definition, url, count = sys.argv[1:4] + [int(sys.argv[4])]
options = {"url": url, **dict(zip(sys.argv[5::2], sys.argv[6::2]))}
p = subprocess.Popen([prog, "--definition", definition], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
def send(lines):
    p.stdin.write("".join(lines).encode())
    p.stdin.flush()
send([json.dumps({"id": 1, "verb": "hello", "protocol": 1, "connection": "c", "options": options,
                  "secret": "wiki-admin-key-0000"}) + "\n"])
assert json.loads(p.stdout.readline())["status"] == "ok"
at = 2
for verb in ("probe", "revoke", "probe"):
    lines = [json.dumps({"id": at + i, "verb": verb, "account": "robot-%d" % (i // 10), "kind": "key",
                         "credential": "k%d" % i}) + "\n" for i in range(count)]
    at += count
    started = time.monotonic()
    done, sent, bad = 0, 0, 0
    send(lines[:64])
    sent = 64
    while done < count:
        a = json.loads(p.stdout.readline())
        bad += a["status"] != "ok"
        done += 1
        if sent < count:
            send(lines[sent:sent + 1])
            sent += 1
    print(verb, int((time.monotonic() - started) * 1000), bad)
p.stdin.close()
p.wait()
END
	while read -r verb ms wrong; do
		[ "$wrong" -eq 0 ] || bad=1
		tell "$1 provider alone: $verb" "$ms"
	done <"$work/alone"
	echo "   connections $(stat connections), most at once $(stat most)"
}

through() { # h1|h2: the core
	local dir=$work/core.$1 set=()
	serve "$1"
	[ "$1" = h1 ] || set=(--set "ca_file=$work/cert.pem")
	mkdir -p "$dir/bin"
	cp "$build/curfew-provider-http" "$dir/bin/"
	export CURFEW_PROVIDER_PATH=$dir/bin CURFEW_DIR=$dir/vault
	(umask 077 && echo wiki-admin-key-0000 >"$dir/admin")
	curfew() { "$build/curfew" --key-file "$dir/key" --no-input "$@"; }
	"$build/curfew" init --generate-key-file "$dir/key" >"$dir/out" 2>&1
	cp "$work/wiki.toml" "$dir/bin/wiki.toml"
	curfew connect wiki w --set "url=$url" "${set[@]}" --secret-file "$dir/admin" >>"$dir/out" 2>&1
	local t=${EPOCHREALTIME/./}
	curfew sync w >>"$dir/out" 2>&1
	echo "   $1 listing: $(((${EPOCHREALTIME/./} - t) / 1000)) ms for $((count / 10)) parents, $(stat requests) calls"
	t=${EPOCHREALTIME/./}
	curfew kill 'w/*' --yes --wait 120s >"$dir/kill" 2>&1 || true
	local whole=$(((${EPOCHREALTIME/./} - t) / 1000))
	tail -1 "$dir/kill"
	[ "$(stat deletes)" -eq "$count" ] || {
		echo "deletes sent: $(stat deletes)"
		bad=1
	}
	tell "$1 curfew kill: first to last revoke" $((($(stat last_us) - $(stat first_us)) / 1000))
	echo "   the whole kill with its proofs $whole ms, $(stat requests) calls, connections $(stat connections), most at once $(stat most)"
}

kinds=(h1)
if command -v nghttpx >/dev/null; then
	kinds+=(h2)
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=bench \
		-addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
fi
for kind in "${kinds[@]}"; do
	alone "$kind"
	through "$kind"
done
exit "$bad"
