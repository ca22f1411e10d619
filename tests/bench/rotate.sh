#!/usr/bin/env bash
# Rotation at scale: so many due rotations over 4 services of 50 ms a call,
# against the arithmetic ideal; many overdue ones at services that bear 20 calls
# a second; and a sweep with nothing due over a large inventory.
# BENCH_FULL=1: 10,000 and 100,000; else a tenth.  BENCH_DUE="1000 2000 4000":
# other sizes, for the growth.
set -eu
build=${CURFEW_BUILD:-build}
n=1000 many=10000
if [ "${BENCH_FULL:-0}" = 1 ]; then n=10000 many=100000; fi
base=${TMPDIR:-/tmp}
[ -w /dev/shm ] && base=/dev/shm
dir=$(mktemp -d "$base/curfew-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT

program=$build/curfew
rig=$build/test/matrix
[ -x "$rig" ] || rig=$build/matrix
timed() { # FORMAT DIR WORDS
	local format=$1 at=$2
	shift 2
	/usr/bin/time -f "$format" "$program" --dir "$at/vault" \
		--key-file "$at/key" --config "$at/curfew.toml" --no-input "$@"
}

# the fake service lies beside the test build's curfew
PATH_OF_FAKE=$(dirname "$rig")
prepare() { # NAME N LATENCY [due]
	mkdir "$dir/$1"
	"$rig" --many-rotations "$dir/$1" "$2" 4 "$3" ${4:+"$4"}
	printf '[providers]\npath = "%s"\n' "$(realpath "$PATH_OF_FAKE")" \
		>> "$dir/$1/curfew.toml"
}

for k in ${BENCH_DUE:-$n}; do
	prepare "due$k" "$k" 50 due
	# set, two probes, deliver: 4 calls each; 4 services with 16 at once
	echo "ideal: $((k * 4 * 50 / 64)) ms for $k rotations over 4 services"
	timed "$k due: %e s wall, %U s user, %S s system, %M kB peak" \
		"$dir/due$k" sweep --wait 30m
	echo "ended: $(grep -ac $'^K.*~' "$dir/due$k"/b*.world |
		awk -F: '{s+=$2} END {print s}') old values replaced"
	rm -r "$dir/due$k"
done

prepare overdue "$many" 5 due
for i in 0 1 2 3; do printf 'O\trate\t20\n' >> "$dir/overdue/b$i.world"; done
timed "$many overdue, cut off after 20 s: %e s wall, %M kB peak" \
	"$dir/overdue" sweep --wait 20s | tail -1
for i in 0 1 2 3; do
	grep -a '^L' "$dir/overdue/b$i.world" | awk -F'\t' -v i="$i" '
		{ n++; last = $2; if (!first) first = $2; s[int($2 / 1000)]++ }
		END {
			for (k in s) if (s[k] > most) most = s[k]
			printf "service %d of 20 calls a second: %d calls in " \
			       "%.1f s, %d in the busiest second\n",
			       i, n, (last - first) / 1000, most
		}'
done
rm -r "$dir/overdue"

prepare idle "$many" 1
timed "planned: %e s wall" "$dir/idle" sweep
timed "nothing due over $many: %e s wall, %U s user, %S s system" \
	"$dir/idle" sweep
timed "due over $many: %e s wall" "$dir/idle" due
