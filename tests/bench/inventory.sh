#!/usr/bin/env bash
# usage: tests/bench/inventory.sh [BUILD_DIR [CREDENTIALS [RUNS]]]
#
# sync, list and show of an inventory of 10,000 credentials (100,000 with
# BENCH_FULL=1) that a provider streams; medians of RUNS (3), wall and processor time of curfew and all it
# starts.  The first sync writes all rows, the second finds all unchanged.
# Beside them the same stream read by nobody: what the provider itself costs.
set -eu
cd "$(dirname "$0")/../.."
build=${1:-${CURFEW_BUILD:-build}}
count=${2:-$([ -n "${BENCH_FULL-}" ] && echo 100000 || echo 10000)}
runs=${3:-3}
curfew=$build/curfew
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
chmod 755 "$dir"
mkdir "$dir/providers"
cp tests/bench/curfew-provider-many "$dir/providers/"
export CURFEW_PROVIDER_PATH=$dir/providers CURFEW_DIR=$dir/vault
TIMEFORMAT='%R %U %S'

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

# line LABEL FILE: medians of "real user sys" lines.
line() {
	local wall cpu
	wall=$(awk '{ print $1 }' "$2" | median)
	cpu=$(awk '{ print $2 + $3 }' "$2" | median)
	printf '%-28s %8.3f s wall  %8.3f s processor\n' "$1" "$wall" "$cpu"
}

timed() { # FILE COMMAND...
	local to=$1
	shift
	{ time "$@" >/dev/null 2>&1; } 2>>"$to"
}

stream() {
	printf '%s\n' '{"id":1,"verb":"hello"}' '{"id":2,"verb":"list"}' |
		"$dir/providers/curfew-provider-many"
}

for _ in $(seq "$runs"); do
	rm -rf "$CURFEW_DIR"
	"$curfew" init --generate-key-file "$dir/key.$RANDOM$RANDOM" >/dev/null
	"$curfew" connect many m --set "count=$count" >/dev/null
	timed "$dir/t.stream" stream
	timed "$dir/t.first" "$curfew" sync
	timed "$dir/t.again" "$curfew" sync
	timed "$dir/t.list" "$curfew" list
	timed "$dir/t.json" "$curfew" list --json
	timed "$dir/t.filter" "$curfew" list --stale --sort -age
	timed "$dir/t.show" "$curfew" show m/svc-000017
	timed "$dir/t.cred" "$curfew" show 'm/svc-000017#AKIA000000000034'
	timed "$dir/t.miss" "$curfew" show m/svc-00017x || true
	timed "$dir/t.open" "$curfew" list connections
done
echo "$count credentials, $((count / 2)) accounts; median of $runs; load $(cut -d' ' -f1 /proc/loadavg) on $(nproc) processors"
line "the provider alone" "$dir/t.stream"
line "first sync" "$dir/t.first"
line "sync, nothing changed" "$dir/t.again"
line "list" "$dir/t.list"
line "list --json" "$dir/t.json"
line "list --stale --sort -age" "$dir/t.filter"
line "show ACCOUNT" "$dir/t.show"
line "show CREDENTIAL" "$dir/t.cred"
line "show, not found" "$dir/t.miss"
line "start, open, one row" "$dir/t.open"
