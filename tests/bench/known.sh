#!/usr/bin/env bash
# usage: tests/bench/known.sh [BUILD_DIR] [RUNS] [REPO] [SECRETS]
#
# What looking for known secrets costs: the same scans with and without a
# published set of SECRETS random values, turn by turn.  Prints medians of wall
# and processor time; judges nothing.
set -euo pipefail
build=$(cd "${1:-build}" && pwd)
runs=${2:-5} # an invented history takes minutes to make
repo=${3:-}
secrets=${4:-1000}
here=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/curfew-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
export CURFEW_SCAN_CACHE=$work/cache GIT_CONFIG_GLOBAL=/dev/null
scan=$build/curfew-scan

if [ -z "$repo" ]; then
	repo=$work/repo
	git init -q --bare "$repo"
	python3 "$here/tests/cli/history.py" 1 2000 | git -C "$repo" fast-import --quiet --force
	git -C "$repo" repack -qadf
fi

# Values of the lengths that services make: 20, 24, 32, 40, 64.
"$build/bench/bench_known" "$secrets" "$work/set"

timed() {
	local label=$1
	shift
	TIMEFORMAT='%R %U %S'
	{ time "$@" >/dev/null 2>&1 || true; } 2>&1 |
		awk -v l="$label" '{printf "%s %.3f %.3f\n", l, $1, $2 + $3}' >>"$work/times"
}

"$scan" scan --threads 2 --stats "$repo" >/dev/null || true
"$scan" scan --known "$work/set" --threads 2 --stats "$repo" >/dev/null || true
for _ in $(seq "$runs"); do
	timed without "$scan" scan --threads 2 "$repo"
	timed with "$scan" scan --known "$work/set" --threads 2 "$repo"
	timed whole-without "$scan" scan --threads 2 --whole "$repo"
	timed whole-with "$scan" scan --known "$work/set" --threads 2 --whole "$repo"
done
printf '%-14s %8s %8s  (seconds, median of %s; %s secrets)\n' way wall cpu "$runs" "$secrets"
for way in without with whole-without whole-with; do
	awk -v w="$way" '$1 == w {print $2, $3}' "$work/times" | sort -n |
		awk -v w="$way" '{a[NR] = $1; b[NR] = $2}
			END {m = int((NR + 1) / 2); printf "%-14s %8.3f %8.3f\n", w, a[m], b[m]}'
done
