#!/usr/bin/env bash
# usage: tests/bench/kill.sh [BUILD_DIR] [RUNS]
#
# Kill at scale against the fake service, release build of curfew:
#  1. 1,000 credentials over 4 connections, 16 in flight each, 50 ms a call.
#     Ideal: 1000 / (4 * 16) = 15.625 -> 16 rounds of 50 ms = 800 ms from the
#     first revoke that reaches a service to the last one answered.
#  2. 4,000 (BENCH_FULL=1: 50,000) credentials over 4 connections: the core's memory (VmHWM), the end
#     of the process half-way, resume, and what was sent again.
# Prints medians and ratios; exit 1 when a bound is missed.
set -euo pipefail
build=$(cd "${1:-${CURFEW_BUILD:-build}}" && pwd)
runs=${2:-$([ -n "${BENCH_FULL-}" ] && echo 5 || echo 3)}
here=$(cd "$(dirname "$0")/../.." && pwd)
tool=$here/build/test/matrix
fake=$here/build/test/curfew-provider-fake
shm=/tmp
[ -w /dev/shm ] && shm=/dev/shm
work=$(mktemp -d "$shm/curfew-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
cp "$fake" "$work/bin/"
export CURFEW_PROVIDER_PATH=$work/bin

curfew() { # DIR WORDS...
	local dir=$1
	shift
	"$build/curfew" --dir "$dir/vault" --key-file "$dir/key" \
		--config "$dir/curfew.toml" --no-input "$@"
}

median() { sort -n | awk '{a[NR]=$1} END {print a[int((NR+1)/2)]}'; }

# Times of the revokes as the services saw them: first, last, how many, twice.
revokes() { # DIR
	cat "$1"/b*.world | awk -F'\t' '$1 == "L" && $3 == "revoke" {
		n++; if (seen[$4 $6]++) twice++
		if (!first || $2 < first) first = $2
		if ($2 > last) last = $2 }
		END { printf "%.0f %.0f %d %d\n", first, last, n, twice }'
}

one() { # run the 1,000 once; prints ms from first revoke to last answer
	local dir=$work/a$1 first last n twice
	mkdir "$dir"
	"$tool" --many "$dir" 1000 4 50 "revoke_cuts=1 without=snapshot"
	curfew "$dir" kill 'b*/bot#k*' --yes --wait 60s >"$dir/out"
	tail -1 "$dir/out" >&2
	read -r first last n twice < <(revokes "$dir")
	if [ "$n" -ne 1000 ] || [ "$twice" -ne 0 ]; then
		echo "sent $n, $twice twice" >&2
		exit 1
	fi
	echo $((last + 50 - first))
	rm -rf "$dir"
}

if [ "$runs" -gt 0 ]; then
echo "# $runs runs of 1,000 credentials, 4 connections x 16 in flight, 50 ms a call"
ideal=800
got=$(for i in $(seq "$runs"); do one "$i"; done | median)
awk -v g="$got" -v i="$ideal" 'BEGIN {
	printf "last revoke answered after %d ms (median), ideal %d ms, ratio %.3f (bound 1.25)\n", g, i, g / i
	exit g / i > 1.25 }' || bad=1
fi

big=${BIG:-$([ -n "${BENCH_FULL-}" ] && echo 50000 || echo 4000)}
echo "# $big credentials, ended half-way"
dir=$work/big
mkdir "$dir"
"$tool" --many "$dir" "$big" 4 1 "revoke_cuts=1 without=snapshot"
curfew "$dir" kill 'b*/bot#k*' --yes --wait 600s >"$dir/out" 2>&1 &
pid=$!
peak=0
half=0
while kill -0 "$pid" 2>/dev/null; do
	core=$(pgrep -P "$pid" -x curfew | head -1 || true)
	for p in $pid $core; do
		kb=$(awk '/^VmHWM/ {print $2}' "/proc/$p/status" 2>/dev/null || echo 0)
		[ "${kb:-0}" -gt "$peak" ] && peak=$kb
	done
	if [ "$half" -eq 0 ] && [ "$(grep -ac $'\trevoke\t' "$dir/b0.world")" -ge $((big / 8)) ]; then
		half=1
		kill -9 "$pid" ${core:+"$core"} 2>/dev/null || true
	fi
	sleep 0.5
done
echo "ended half-way: $half, after $(revokes "$dir" | cut -d' ' -f3) revokes"
sleep 1
curfew "$dir" resume --wait 600s >"$dir/out2" 2>&1 &
pid=$!
while kill -0 "$pid" 2>/dev/null; do
	core=$(pgrep -P "$pid" -x curfew | head -1 || true)
	for p in $pid $core; do
		kb=$(awk '/^VmHWM/ {print $2}' "/proc/$p/status" 2>/dev/null || echo 0)
		[ "${kb:-0}" -gt "$peak" ] && peak=$kb
	done
	sleep 0.5
done
tail -1 "$dir/out2"
read -r _ _ n twice < <(revokes "$dir")
echo "revokes sent: $n, of which again: $twice (at most what was under way)"
echo "peak memory of the core: $((peak / 1024)) MB (bound 200)"
if [ "$peak" -gt 204800 ] || [ "$twice" -gt 200 ]; then bad=1; fi
exit "${bad:-0}"
