#!/usr/bin/env bash
# usage: tests/bench/dovecot.sh [BUILD] [MAILBOXES]
#
# How long until N mailboxes (50, with BENCH_FULL=1 1000) of a local Dovecot are cut: denied, auth
# cache flushed, sessions of theirs and of their delegates kicked.  Every
# mailbox has a forwarding script, every twentieth an open IDLE session.  Also
# how long until all are proved dead.  Needs root, as the server does.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-${CURFEW_BUILD:-$PWD/build}}
n=${2:-$([ -n "${BENCH_FULL:-}" ] && echo 1000 || echo 50)}
# shellcheck source=tests/real/dovecot.bash
. tests/real/dovecot.bash

work=$(mktemp -d)
[ "$(id -u)" = 0 ] || { echo "dovecot: not root, not measured"; exit 0; }
export BATS_TEST_TMPDIR=$work CURFEW_DIR=$work/vault CURFEW_PROVIDER_PATH=$build
finish() {
	set +e # what has ended by itself must not keep the rest from ending
	imap_end_all
	stop_dovecot
	rm -rf "$work"
}
trap finish EXIT

# shellcheck disable=SC2119 # the mailboxes come below
start_dovecot
exec 3>/dev/null 4>/dev/null
for ((i = 1; i <= n; i++)); do
	printf 'u%d:{PLAIN}pw-u%d::::::\n' "$i" "$i"
	mkdir -p "$DC_DIR/home/u$i/sieve"
	echo 'redirect "evil@example.net";' >"$DC_DIR/home/u$i/sieve/fwd.sieve"
	ln -s sieve/fwd.sieve "$DC_DIR/home/u$i/.dovecot.sieve"
done >"$DC_DIR/auth/users"
chown -Rh nobody:nogroup "$DC_DIR/home"

curfew=("$build/curfew" --key-file "$work/key")
"${curfew[@]:0:1}" init --generate-key-file "$work/key" >/dev/null
"${curfew[@]}" connect dovecot mail --set "url=http://127.0.0.1:$DC_HTTP" \
	--set "imap=imap://127.0.0.1:$DC_IMAP" --set "deny_file=$DC_DIR/auth/deny" --set "base_dir=$DC_DIR/run" \
	--secret-stdin <<<"$DC_KEY" >/dev/null
began=$(date +%s%3N)
"${curfew[@]}" sync >/dev/null
echo "listed $n mailboxes: $(($(date +%s%3N) - began)) ms"
for ((i = 20; i <= n; i += 20)); do imap_open "u$i" "pw-u$i" INBOX; done

began=$(date +%s%3N)
"${curfew[@]}" kill 'mail/u*' --yes --wait 300s >"$work/out" || true
ended=$(date +%s%3N)
tail -1 "$work/out"
incident=$("${curfew[@]}" incident list | grep -o 'INC-[0-9-]*' | head -1)
"${curfew[@]}" incident export "$incident" --format json >"$work/export"
# whole seconds is what the journal tells; the last cut's answer
cut=$(jq -r '[.timeline[] | select(.detail.verb? == "disable" or .detail.verb? == "cut_sessions") | .at]
	| max | fromdateiso8601' "$work/export")
[ "$(grep -c . "$DC_DIR/auth/deny")" = "$n" ] || { echo "not all are denied" >&2; exit 1; }
for log in "$work"/imap.*; do
	grep -q BYE "$log" || { echo "a session is still open" >&2; exit 1; }
done
echo "cut: $((cut - began / 1000 + 1)) s at most (aim: 30 s for 1000 on 2 cores)"
echo "all proved dead: $(((ended - began + 999) / 1000)) s"
