#!/usr/bin/env bash
# usage: tests/bench/due.sh BUILD [RUNS]
# `curfew due` over 100,000 rows with a deadline: process start to end, wall and
# CPU, median of RUNS (21); nothing overdue, and all of them.
set -eu
build=${1:-${CURFEW_BUILD:-build}} runs=${2:-21}
make -s "$build/bench/bench_due" "$build/curfew"
top=$(mktemp -d)
trap 'rm -rf "$top"' EXIT
head -c 32 /dev/urandom >"$top/key"
chmod 600 "$top/key"
for overdue in 0 100000; do
	dir=$top/v$overdue
	mkdir -m 700 "$dir"
	"$build/bench/bench_due" "$dir" "$top/key" 100000 "$overdue"
	for _ in $(seq "$runs"); do
		TIMEFORMAT='%R %U %S'
		{ time "$build/curfew" --dir "$dir" due >/dev/null || true; } 2>&1
	done | awk '{ print $1 * 1000, ($2 + $3) * 1000 }' | sort -n |
		awk -v o="$overdue" '{ w[NR] = $1; c[NR] = $2 } END {
			n = int((NR + 1) / 2)
			printf "due: 100000 rows, %d overdue: median %d ms wall, %d ms CPU (lowest %d wall)\n", o, w[n], c[n], w[1] }'
done
