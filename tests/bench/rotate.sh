#!/usr/bin/env bash
# Rotation at scale: so many due rotations over 4 services of 50 ms a call,
# against the arithmetic ideal, and a sweep with nothing due over a large
# inventory.  BENCH_FULL=1: 10,000 and 100,000; else a tenth.
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
run() { # DIR WORDS
	local at=$1
	shift
	"$program" --dir "$at/vault" --key-file "$at/key" \
		--config "$at/curfew.toml" --no-input "$@"
}

# the fake service lies beside the test build's curfew
PATH_OF_FAKE=$(dirname "$rig")
prepare() { # NAME N LATENCY [due]
	mkdir "$dir/$1"
	"$rig" --many-rotations "$dir/$1" "$2" 4 "$3" ${4:+"$4"}
	printf '[providers]\npath = "%s"\n' "$(realpath "$PATH_OF_FAKE")" \
		>> "$dir/$1/curfew.toml"
}

prepare due "$n" 50 due
# set, two probes, deliver: 4 calls each; 4 services with 16 at once
echo "ideal: $((n * 4 * 50 / 64)) ms for $n rotations over 4 services"
/usr/bin/time -f "$n due: %e s wall, %U s user, %S s system, %M kB peak" \
	"$program" --dir "$dir/due/vault" --key-file "$dir/due/key" \
	--config "$dir/due/curfew.toml" --no-input sweep --wait 30m
echo "ended: $(grep -ac $'^K.*~' "$dir"/due/b*.world | awk -F: '{s+=$2} END {print s}') old values replaced"

prepare idle "$many" 1
run "$dir/idle" sweep
/usr/bin/time -f "nothing due over $many: %e s wall, %U s user" \
	"$program" --dir "$dir/idle/vault" --key-file "$dir/idle/key" \
	--config "$dir/idle/curfew.toml" --no-input sweep
/usr/bin/time -f "due over $many: %e s wall" \
	"$program" --dir "$dir/idle/vault" --config "$dir/idle/curfew.toml" due
